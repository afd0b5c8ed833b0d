"""The broker: lines from us to each venue, and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

import attrs

from simexec.errors import OrderError
from simexec.protocols import DurationModel
from simexec.sim import Constant, Duration, Link, Simulation
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.report import ExecutionReport
from simexec.trading.requests import CancelRequest, MassCancelRequest, NewOrder, ReplaceRequest
from simexec.venue.execution_venue import ExecutionVenue, VenueConnection


def _latency(value: DurationModel | Duration) -> DurationModel:
    return Constant(value) if isinstance(value, int | str | timedelta) else value


@attrs.frozen
class Latencies:
    """One-way latencies of the lines between us and a venue.

    Each is a distribution of ``simexec.sim``, such as ``Exponential("1ms")``, or a duration that never varies. Orders, replaces and
    cancels share a line, so a cancel never overtakes its order, whatever it draws.
    """

    orders: DurationModel = attrs.field(factory=lambda: Constant("250us"), converter=_latency)
    cancels: DurationModel = attrs.field(factory=lambda: Constant("250us"), converter=_latency)
    reports: DurationModel = attrs.field(factory=lambda: Constant("250us"), converter=_latency)


@attrs.frozen
class Line:
    """Our line to a venue: requests out, reports back."""

    venue: ExecutionVenue[Any]
    connection: VenueConnection
    out: Link
    back: Link


class OrderLines(Protocol):
    """What an order manager needs of a broker.

    Attributes:
        lines: by name of venue.
    """

    lines: dict[str | None, Line]

    @property
    def venues(self) -> list[str]:
        """Names of the venues with a line."""

    def on_reports(self, deliver: Callable[[list[ExecutionReport]], None]) -> None:
        """Have ``deliver`` called with every packet of reports when it arrives here."""

    def choose(self, venue: str | None, instrument: Instrument | None = None) -> str:
        """The venue that an order for an instrument goes to: the named one, or the one that there is; OrderError if none."""

    def send(self, order: Order) -> None:
        """Send a new order to its venue."""

    def send_cancel(self, order: Order) -> None:
        """Ask the venue to cancel what is left of an order."""

    def send_replace(self, order: Order, quantity: int, price_ticks: int | None, stop_ticks: int | None = None) -> None:
        """Ask the venue to change an order's total quantity, limit or stop price."""

    def send_mass_cancel(self, venue: str, request: MassCancelRequest) -> None:
        """Ask a venue to cancel many orders."""


class Broker:
    """Sends our requests to venues and hands on what comes back.

    Args:
        sim: the simulation.
        name: as the venues know us; lines draw from ``link.{name}-{venue}.*`` and ``link.{venue}-{name}.*``.

    Attributes:
        lines: by name of venue.
    """

    def __init__(self, sim: Simulation, name: str = "broker") -> None:
        self.name = name
        self._sim = sim
        self.lines: dict[str | None, Line] = {}
        self._only = ""  # the venue, as long as there is just one
        self._deliver: Callable[[list[ExecutionReport]], None] = _nowhere

    def on_reports(self, deliver: Callable[[list[ExecutionReport]], None]) -> None:
        """Have ``deliver`` called with every packet of reports when it arrives here."""
        self._deliver = deliver

    def connect(self, venue: ExecutionVenue[Any], latencies: Latencies | None = None) -> None:
        """Open a line to a venue.

        Raises:
            InputError: there is one already.
        """
        latencies = latencies or Latencies()
        back = Link(self._sim, f"{venue.name}-{self.name}", latencies.reports, self._arrived)
        connection = venue.connect(self.name, back.send)
        out = Link(
            self._sim,
            f"{self.name}-{venue.name}",
            {"order": latencies.orders, "cancel": latencies.cancels},
            partial(venue.enqueue, connection),
        )
        self._only = venue.name if self.lines.keys() <= {venue.name} else ""
        self.lines[venue.name] = Line(venue, connection, out, back)

    def _arrived(self, packet: list[ExecutionReport]) -> None:
        self._deliver(packet)

    @property
    def venues(self) -> list[str]:
        """Names of the venues with a line."""
        return [line.venue.name for line in self.lines.values()]

    def choose(self, venue: str | None, instrument: Instrument | None = None) -> str:
        """The venue an order goes to, whatever its instrument: the named one, or the only one there is.

        Raises:
            OrderError: no such line, or none is named and there are several.
        """
        chosen = self._only if venue is None else venue
        if chosen not in self.lines:
            known = ", ".join(self.venues) or "none"
            raise OrderError(f"venue {venue!r} has no line from {self.name}; connected: {known}")
        return chosen

    def send(self, order: Order) -> None:
        """Send a new order to its venue."""
        self.lines[order.venue].out.send(NewOrder.of(order), "order")

    def send_cancel(self, order: Order) -> None:
        """Ask the venue to cancel what is left of an order."""
        self.lines[order.venue].out.send(CancelRequest(order.order_id), "cancel")

    def send_replace(self, order: Order, quantity: int, price_ticks: int | None, stop_ticks: int | None = None) -> None:
        """Ask the venue to change an order's total quantity, limit or stop price."""
        self.lines[order.venue].out.send(ReplaceRequest(order.order_id, quantity, price_ticks, stop_ticks), "order")

    def send_mass_cancel(self, venue: str, request: MassCancelRequest) -> None:
        """Ask a venue to cancel many orders."""
        self.lines[venue].out.send(request, "cancel")

    def disconnect(self, venue: str) -> None:
        """Drop the line to a venue."""
        self.lines[self.choose(venue)].connection.disconnect()


def _nowhere(packet: list[ExecutionReport]) -> None:
    """Reports of a broker that no manager listens to."""
