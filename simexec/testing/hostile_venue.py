"""A venue that does everything a venue may do, at random: what a desk must survive without losing or overfilling anything."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import attrs
import numpy as np

from simexec.sim import Simulation
from simexec.sim.clock import MILLISECOND
from simexec.trading.instrument import Instrument
from simexec.trading.report import ExecType, ExecutionReport, MassCancelReport, RejectReason
from simexec.trading.requests import CancelRequest, MassCancelRequest, NewOrder, ReplaceRequest
from simexec.venue.connection import Packet, Request


@attrs.frozen(kw_only=True)
class Hostility:
    """How often it does what hurts, each as a probability.

    Attributes:
        rejects: of an order; ``refuses``: of a cancel or replace that could be done.
        duplicates: a report is told twice; ``busts``: a trade is taken back later.
        delay_ns: mean delay of a report, exponential and each by itself, so that reports overtake each other.
        fill_ns: mean time between fills of an order that rests.
    """

    rejects: float = 0.1
    refuses: float = 0.2
    duplicates: float = 0.1
    busts: float = 0.05
    delay_ns: int = 20 * MILLISECOND
    fill_ns: int = 200 * MILLISECOND


@attrs.define(eq=False)
class _Held:
    """An order as the venue has it."""

    request: NewOrder
    quantity: int
    deliver: Callable[[Packet], object]
    filled: int = 0
    live: bool = True


@attrs.define(eq=False)
class HostileConnection:
    """A participant's line into a hostile venue."""

    deliver: Callable[[Packet], object]
    connected: bool = True

    def disconnect(self) -> None:
        """The line goes down; what works goes on working."""
        self.connected = False


class HostileVenue:
    """Fills, rejects, busts, delays and repeats at random, but never says what is not so: its figures are the truth.

    It has no book: orders trade at their limit, or at ``price_quanta``, in random parts at random times. An order that may not
    rest trades a random part at once.

    Args:
        sim: the simulation.
        name: unique in the simulation.
        instrument: what it trades.
        rng: of all that is random.
        price_quanta: of trades of orders without a limit.
        closes_ns: when everything that still works expires.
        hostility: how often what happens.

    Attributes:
        name, instrument: as given.
        arrived: time and id of every new order that reached it.
    """

    def __init__(
        self,
        sim: Simulation,
        name: str,
        instrument: Instrument,
        rng: np.random.Generator,
        *,
        price_quanta: int,
        closes_ns: int,
        hostility: Hostility | None = None,
    ) -> None:
        self.name = name
        self.instrument = instrument
        self.arrived: list[tuple[int, str]] = []
        self._sim = sim
        self._rng = rng
        self._price = price_quanta
        self._hostility = hostility or Hostility()
        self._orders: dict[str, _Held] = {}
        self._numbers = count(1)
        self._clock = 0
        self._closed = False
        sim.call_at(closes_ns, lambda _: self.end_run())

    @property
    def net_quantity(self) -> int:
        """What all orders together have bought and not sold, busts taken back."""
        return sum(held.request.side_sign * held.filled for held in self._orders.values())

    def filled(self, order_id: str) -> int:
        """What an order has traded, busts taken back; 0 of one that never came."""
        return self._orders[order_id].filled if order_id in self._orders else 0

    def connect(self, participant: str, deliver: Callable[[Packet], object]) -> HostileConnection:
        """See ``ExecutionVenue``."""
        return HostileConnection(deliver)

    def enqueue(self, connection: HostileConnection, request: Request) -> None:
        """See ``ExecutionVenue``."""
        if isinstance(request, NewOrder):
            self._new(request, connection.deliver)
        elif isinstance(request, MassCancelRequest):
            self._mass_cancel(request, connection.deliver)
        elif isinstance(request, CancelRequest):
            self._cancel(request.order_id, connection.deliver)
        else:
            self._replace(request, connection.deliver)

    def end_run(self) -> None:
        """See ``ExecutionVenue``."""
        self._closed = True
        for held in self._orders.values():
            if held.live:
                self._end(held, ExecType.EXPIRED)

    def statistics(self) -> int:
        """Number of orders that have come."""
        return len(self.arrived)

    # --- requests --------------------------------------------------------------------------------------------------------

    def _new(self, request: NewOrder, deliver: Callable[[Packet], object]) -> None:
        self.arrived.append((self._sim.now, request.order_id))
        held = _Held(request, request.quantity, deliver)
        if self._closed or self._happens(self._hostility.rejects):
            held.live = False
            self._orders[request.order_id] = held
            self._say(held, ExecType.REJECTED, reason=RejectReason.OTHER, text="hostile")
            return
        self._orders[request.order_id] = held
        self._say(held, ExecType.NEW)
        if request.tif.may_rest and request.price_ticks is not None:
            self._plan_fill(held)
            return
        if self._happens(0.8):
            self._trade(held)
        if held.live:
            self._end(held, ExecType.CANCELED)

    def _cancel(self, order_id: str, deliver: Callable[[Packet], object]) -> None:
        held = self._orders.get(order_id)
        if held is None or not held.live or self._happens(self._hostility.refuses):
            self._refuse(held, order_id, deliver, answers_replace=False)
        else:
            self._end(held, ExecType.CANCELED)

    def _replace(self, request: ReplaceRequest, deliver: Callable[[Packet], object]) -> None:
        held = self._orders.get(request.order_id)
        if held is None or not held.live or request.quantity <= held.filled or self._happens(self._hostility.refuses):
            self._refuse(held, request.order_id, deliver, answers_replace=True)
            return
        held.quantity = request.quantity
        self._say(held, ExecType.REPLACED, price_ticks=request.price_ticks)

    def _mass_cancel(self, request: MassCancelRequest, deliver: Callable[[Packet], object]) -> None:
        ended = [held for held in self._orders.values() if held.live and held.deliver == deliver]
        for held in ended:
            self._end(held, ExecType.CANCELED)
        self._send(deliver, MassCancelReport(request.request_id, len(ended), self.name, self._sim.now), once=True)

    # --- what happens to orders ------------------------------------------------------------------------------------------

    def _plan_fill(self, held: _Held) -> None:
        wait = int(self._rng.exponential(self._hostility.fill_ns)) + 1

        def fill(_: Any) -> None:
            if held.live:
                self._trade(held)
                self._plan_fill(held)

        self._sim.call_after(wait, fill)

    def _trade(self, held: _Held) -> None:
        left, lot = held.quantity - held.filled, self.instrument.lot
        part = lot * int(self._rng.integers(1, left // lot, endpoint=True))
        held.filled += part
        held.live = held.filled < held.quantity
        ticks = held.request.price_ticks
        price = self._price if ticks is None else ticks * self.instrument.subticks
        trade = self._say(
            held, ExecType.TRADE, last_quantity=part, last_price_quanta=price, fee=part, maker=held.request.tif.may_rest
        )
        if self._happens(self._hostility.busts):
            self._sim.call_after(int(self._rng.exponential(self._hostility.fill_ns)), lambda _: self._bust(held, trade))

    def _bust(self, held: _Held, trade: ExecutionReport) -> None:
        """Take a trade back; what it had filled does not trade again, so the order ends if it was not cancelled before."""
        was_filled = held.filled == held.quantity
        if held.live:
            self._end(held, ExecType.CANCELED)
        held.filled -= trade.last_quantity
        self._say(
            held, ExecType.TRADE_CANCEL, exec_ref_id=trade.exec_id, last_quantity=trade.last_quantity,
            last_price_quanta=trade.last_price_quanta, fee=trade.fee,
        )  # fmt: skip
        if was_filled:
            self._end(held, ExecType.CANCELED)

    def _end(self, held: _Held, exec_type: ExecType) -> None:
        held.live = False
        self._say(held, exec_type, text="hostile")

    def _refuse(
        self, held: _Held | None, order_id: str, deliver: Callable[[Packet], object], *, answers_replace: bool
    ) -> None:
        known = held or _Held(NewOrder(order_id, 1, 0, None, None, None), 0, deliver, live=False)  # type: ignore[arg-type]
        reason = RejectReason.OTHER if known.live else RejectReason.TOO_LATE_TO_CANCEL
        self._say(known, ExecType.CANCEL_REJECTED, reason=reason, answers_replace=answers_replace, text="hostile")

    # --- reports ---------------------------------------------------------------------------------------------------------

    def _say(self, held: _Held, exec_type: ExecType, **fields: Any) -> ExecutionReport:
        self._clock = max(self._clock + 1, self._sim.now)  # no two of its reports share a time
        report = ExecutionReport(
            f"{self.name}-{next(self._numbers)}", held.request.order_id, exec_type, self._clock, held.filled,
            held.quantity - held.filled if held.live else 0, venue=self.name, **fields,
        )  # fmt: skip
        self._send(held.deliver, report)
        return report

    def _send(
        self, deliver: Callable[[Packet], object], report: ExecutionReport | MassCancelReport, *, once: bool = False
    ) -> None:
        copies = 1 if once or not self._happens(self._hostility.duplicates) else 2
        for _ in range(copies):
            delay = int(self._rng.exponential(self._hostility.delay_ns))

            def arrive(_: Any) -> None:
                deliver([report])

            self._sim.call_after(delay, arrive)

    def _happens(self, probability: float) -> bool:
        return bool(self._rng.random() < probability)
