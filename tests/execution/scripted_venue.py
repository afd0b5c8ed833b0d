"""A real venue behind a door that writes down who comes in, and may be told to refuse or to keep them waiting."""

from __future__ import annotations

from collections.abc import Callable

from simexec.sim import Simulation
from simexec.trading.report import ExecType, ExecutionReport, MassCancelReport, RejectReason
from simexec.trading.requests import CancelRequest, MassCancelRequest, NewOrder
from simexec.venue import Connection, Venue
from simexec.venue.connection import Packet, Request


class ScriptedVenue:
    """Implements ``ExecutionVenue``.

    Attributes:
        arrivals: time and request of everything that arrived, in order.
        refuses: new orders are rejected.
        refuses_cancels: so are cancels.
        waits: whatever arrives is kept until ``go_on``.
    """

    def __init__(self, sim: Simulation, venue: Venue) -> None:
        self.name, self.instrument = venue.name, venue.instrument
        self.arrivals: list[tuple[int, Request]] = []
        self.refuses = self.refuses_cancels = self.waits = False
        self._sim, self._venue = sim, venue
        self._kept: list[tuple[Connection, Request]] = []

    def connect(self, participant: str, deliver: Callable[[Packet], object]) -> Connection:
        return self._venue.connect(participant, deliver)

    def enqueue(self, connection: Connection, request: Request) -> None:
        self.arrivals.append((self._sim.now, request))
        if self.waits:
            self._kept.append((connection, request))
        else:
            self._take(connection, request)

    def _take(self, connection: Connection, request: Request) -> None:
        now, name = self._sim.now, f"refused-{len(self.arrivals)}"
        if isinstance(request, NewOrder) and self.refuses:
            connection.deliver(
                [ExecutionReport(name, request.order_id, ExecType.REJECTED, now, 0, 0, reason=RejectReason.OTHER)]
            )
        elif isinstance(request, MassCancelRequest) and self.refuses_cancels:
            connection.deliver([MassCancelReport(request.request_id, 0, self.name, now, RejectReason.OTHER, "not now")])
        else:
            self._venue.enqueue(connection, request)

    def go_on(self) -> None:
        self.waits = False
        kept, self._kept = self._kept, []
        for connection, request in kept:
            self._take(connection, request)

    def end_run(self) -> None:
        self._venue.end_run()

    def statistics(self) -> object:
        return self._venue.statistics()

    def orders_since(self, time_ns: int) -> list[str]:
        """New orders that arrived after a time."""
        return [request.order_id for at, request in self.arrivals if at > time_ns and isinstance(request, NewOrder)]

    def cancels(self) -> list[int]:
        """When cancels arrived, of one order or of all."""
        return [at for at, request in self.arrivals if isinstance(request, CancelRequest | MassCancelRequest)]
