"""A venue in the place of the broker: it does what it is told, when it is told, and its mail arrives in any order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from simexec.trading.order import Order
from simexec.trading.report import ExecType, ExecutionReport, MassCancelReport, RejectReason
from simexec.trading.requests import MassCancelRequest


class SlowVenue:
    """Requests wait until they are served, reports until they are let through.

    Attributes:
        requests: on their way here, in order.
        mail: reports on their way back.
        filled: by order id, all that ever traded here.
        working: by order id, the total quantity of what works here.
        clock: of the venue, a nanosecond an action.
    """

    def __init__(self) -> None:
        self.lines: dict[str | None, object] = {"XTST": None}
        self.venues = ["XTST"]
        self.requests: deque[tuple[str, str, int, str]] = deque()
        self.mail: list[ExecutionReport | MassCancelReport] = []
        self.filled: dict[str, int] = {}
        self.working: dict[str, int] = {}
        self.clock = 0
        self._deliver: Callable[[list[ExecutionReport]], None]

    # --- as a broker ---

    def on_reports(self, deliver: Callable[[list[ExecutionReport]], None]) -> None:
        self._deliver = deliver

    def choose(self, venue: str | None, instrument: object = None) -> str:
        return venue or "XTST"

    def send(self, order: Order) -> None:
        self.requests.append(("new", order.order_id, order.quantity, ""))

    def send_cancel(self, order: Order) -> None:
        self.requests.append(("cancel", order.order_id, 0, ""))

    def send_replace(self, order: Order, quantity: int, price_ticks: int | None, stop_ticks: int | None = None) -> None:
        self.requests.append(("replace", order.order_id, quantity, ""))

    def send_mass_cancel(self, venue: str, request: MassCancelRequest) -> None:
        self.requests.append(("mass", request.request_id, 0, venue))

    # --- as a venue ---

    def serve(self, refuse: bool = False) -> None:
        """Do what the next request asks, or refuse it."""
        kind, order_id, quantity, venue = self.requests.popleft()
        self.clock += 1
        if kind == "mass":
            ended = [] if refuse else list(self.working)
            for one in ended:
                self.end(one, ExecType.CANCELED)
            reason = RejectReason.THROTTLE_LIMIT_EXCEEDED if refuse else None
            self.mail.append(MassCancelReport(order_id, len(ended), venue, self.clock, reason))
        elif kind == "new":
            self.filled[order_id] = 0
            if refuse:
                self._say(order_id, ExecType.REJECTED, 0, reason=RejectReason.OTHER)
            else:
                self.working[order_id] = quantity
                self._say(order_id, ExecType.NEW, quantity)
        elif refuse or order_id not in self.working:
            reason = RejectReason.THROTTLE_LIMIT_EXCEEDED if refuse else RejectReason.TOO_LATE_TO_CANCEL
            left = self.working.get(order_id, self.filled[order_id]) - self.filled[order_id]
            self._say(order_id, ExecType.CANCEL_REJECTED, left, reason=reason, answers_replace=kind == "replace")
        elif kind == "cancel":
            self.end(order_id, ExecType.CANCELED)
        else:
            self.working[order_id] = quantity = max(quantity, self.filled[order_id])
            self._say(order_id, ExecType.REPLACED, quantity - self.filled[order_id])
            if quantity == self.filled[order_id]:
                del self.working[order_id]

    def trade(self, order_id: str, quantity: int) -> None:
        """Trade a part of a working order, all of it at most."""
        quantity = min(quantity, self.working[order_id] - self.filled[order_id])
        self.clock += 1
        self.filled[order_id] += quantity
        left = self.working[order_id] - self.filled[order_id]
        self._say(order_id, ExecType.TRADE, left, last_quantity=quantity, last_price_quanta=10_000)
        if left == 0:
            del self.working[order_id]

    def end(self, order_id: str, exec_type: ExecType) -> None:
        """End a working order."""
        self.clock += 1
        del self.working[order_id]
        self._say(order_id, exec_type, 0)

    def _say(self, order_id: str, exec_type: ExecType, leaves: int, **fields: object) -> None:
        number = f"x{self.clock}-{len(self.mail)}-{exec_type.name}"
        report = ExecutionReport(number, order_id, exec_type, self.clock, self.filled[order_id], leaves, **fields)  # type: ignore[arg-type]
        self.mail.append(report)

    # --- the mail ---

    def let_through(self, pick: int = 0) -> None:
        """One of the reports that are on their way arrives."""
        self._deliver([self.mail.pop(pick % len(self.mail))])  # type: ignore[list-item]

    def settle(self) -> None:
        """Serve and deliver until nothing is on its way."""
        while self.requests or self.mail:
            while self.requests:
                self.serve()
            packet, self.mail = self.mail, []
            self._deliver(packet)  # type: ignore[arg-type]
