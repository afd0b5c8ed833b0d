"""What a venue says: its reports, numbered and counted in one place for all that it lists."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, Protocol

from simexec.market import layout as at
from simexec.sim import Simulation
from simexec.trading.report import ExecType, ExecutionReport, MassCancelReport, RejectReason
from simexec.trading.requests import MassCancelRequest, NewOrder, ReplaceRequest
from simexec.venue.connection import Request
from simexec.venue.validation import Refusal

CANCEL_TEXTS: Final = {
    at.NO_LIQUIDITY: "nothing left to trade with",
    at.SELF_TRADE: "would trade with an order of the same participant",
    at.FILL_OR_KILL: "cannot be filled in full at once",
    at.POST_ONLY: "is post-only and would trade",
    at.IMMEDIATE: "the rest of an immediate-or-cancel order",
    at.MINIMUM: "less than its minimum quantity could trade at once",
    at.OUT_OF_BAND: "would trade outside the price band",
    at.NO_REFERENCE: "has no price to follow",
}
"""By the book's reason for taking quantity out."""

_REMEMBERED: Final = 10_000
"""Ended orders of which the venue still knows that they have been here: a cancel of one is too late rather than unknown."""


class LiveOrder(Protocol):
    """A venue's own record of an order: as it came, the quantity in force, and what is filled of it."""

    @property
    def order(self) -> NewOrder:
        """See the class."""

    @property
    def quantity(self) -> int:
        """See the class."""

    @property
    def filled(self) -> int:
        """See the class."""


class Standing(Protocol):
    """A participant at a venue; ``owner`` is its number there."""

    owner: int

    @property
    def working(self) -> Mapping[str, LiveOrder]:
        """Live orders by the participant's own ids."""


class Reports:
    """Makes a venue's reports.

    Attributes:
        prefix: of every execution id; ``count``: reports made.
        numbers: order numbers given to orders in the books; ``order_numbers``: see ``Venue``.
        arrived: when the request that is being answered reached the gateway, 0 if none is; ``started``: its server.
        accepted, rejected, too_late, trades, traded: see ``VenueStatistics``.
    """

    __slots__ = (
        "_ended", "_sim", "accepted", "arrived", "count", "numbers", "order_numbers", "prefix", "rejected", "started", "too_late",
        "traded", "trades", "venue",
    )  # fmt: skip

    def __init__(self, sim: Simulation, venue: str) -> None:
        self._sim = sim
        self.venue = venue
        self.prefix = f"{venue}-"
        self.count = self.arrived = self.started = self.numbers = 0
        self.order_numbers: dict[str, int] = {}
        self._ended: OrderedDict[tuple[int, str], None] = OrderedDict()  # owner and id of the orders that ended last
        self.accepted = self.rejected = self.too_late = self.trades = self.traded = 0

    def of(self, working: LiveOrder, exec_type: ExecType, time_ns: int, leaves: int, text: str = "") -> ExecutionReport:
        """A report on an order that works, or just did."""
        self.count = count = self.count + 1
        return ExecutionReport(
            f"{self.prefix}{count}", working.order.order_id, exec_type, time_ns, working.filled, leaves, 0, 0, 0, False, None,
            text, self.venue, self.arrived, self.started,
        )  # fmt: skip

    def refuse(self, account: Standing, request: Request, refusal: Refusal) -> ExecutionReport | MassCancelReport:
        """A reject of a new order, FIX's order cancel reject of a cancel or replace, or the report of a mass cancel."""
        reason, text = refusal
        if isinstance(request, MassCancelRequest):
            return MassCancelReport(request.request_id, 0, self.venue, self._sim.now, reason, text)
        self.count += 1
        exec_type, filled, leaves = ExecType.REJECTED, 0, 0
        if request.__class__ is not NewOrder:
            exec_type = ExecType.CANCEL_REJECTED
            working = account.working.get(request.order_id)
            if working is not None:
                filled, leaves = working.filled, working.quantity - working.filled
        else:
            self.rejected += 1
        return ExecutionReport(
            f"{self.prefix}{self.count}", request.order_id, exec_type, self._sim.now, filled, leaves,
            reason=reason, text=text, venue=self.venue, arrived_ns=self.arrived, started_ns=self.started,
            answers_replace=None if exec_type is ExecType.REJECTED else request.__class__ is ReplaceRequest,
        )  # fmt: skip

    def note_end(self, owner: int, order_id: str) -> None:
        """Remember that a participant's order has been here."""
        self._ended[owner, order_id] = None
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)

    def refuse_late(self, account: Standing, request: Request) -> ExecutionReport | MassCancelReport:
        """The answer to a cancel or replace whose order is not there: it has ended, or is not known."""
        self.too_late += 1
        if (account.owner, request.order_id) in self._ended:
            return self.refuse(
                account, request, (RejectReason.TOO_LATE_TO_CANCEL, f"order {request.order_id} has ended")
            )
        return self.refuse(
            account, request, (RejectReason.UNKNOWN_ORDER, f"order {request.order_id} is not known here")
        )
