"""An order and its life: what was asked, what the venue said of it, and what follows from that.

``Order`` is the owner of its own state. ``submit`` marks it sent; from then on only execution reports change
it, through the table in ``trading.transitions``. Links keep reports in order, but nothing here relies on it:
any permutation of a venue's reports, with any number of duplicates, ends in the same status, filled quantity,
notional and fees.
"""

from __future__ import annotations

from collections.abc import Callable, KeysView
from decimal import Decimal
from typing import NoReturn

from attrs import Factory, define, evolve, field

from simexec.errors import TransitionError
from simexec.trading.instrument import Instrument
from simexec.trading.money import Number
from simexec.trading.report import ExecType, ExecutionReport, Fill
from simexec.trading.terms import OrderTerms
from simexec.trading.transitions import TRANSITIONS, Effect
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, TimeInForce

__all__ = ["TRANSITIONS", "Order", "OrderSide", "OrderStatus", "OrderType", "TimeInForce"]

# Module globals: `OrderStatus.X` runs Python code of Enum on CPython 3.11, ~70 ns each time.
_PENDING, _SUBMITTED, _PARTIAL, _FILLED, _CANCELLED, _REJECTED, _EXPIRED = OrderStatus
_TRADE_CANCEL, _CANCELED = ExecType.TRADE_CANCEL, ExecType.CANCELED
_CANCEL_REJECTED, _REPLACED = ExecType.CANCEL_REJECTED, ExecType.REPLACED
_MARKET, _LIMIT = OrderType.MARKET, OrderType.LIMIT
_DAY, _IOC = TimeInForce.DAY, TimeInForce.IOC


@define(slots=True, eq=False)
class Order:
    """One order. The constructor checks nothing: ``Instrument`` and the order manager check what a user gave.

    Attributes:
        order_id: unique in the run.
        instrument: what to trade.
        side: buy or sell.
        quantity: in force, in shares or contracts: as created, later as the venue's last REPLACED says.
        order_type: how it meets the book.
        price_ticks: limit price in force in ticks, of a pegged order its cap; None without one.
        time_in_force: how long it may rest.
        display_quantity: shown part of an iceberg, else None.
        hidden: not shown in the book.
        post_only: refused rather than filled on arrival.
        parent_id: the order that it is a part of, None of a parent.
        venue: where it goes, None while undecided.
        created_ns: when it was created.
        submitted_ns: when it was sent, None before.
        acknowledged_ns: when the venue had it (venue's time), None before; PendingNew turns to New in FIX.
        closed_ns: when it became final (venue's time), None while it is not.
        status: see ``OrderStatus``.
        filled_quantity: traded, busts deducted.
        filled_notional_quanta: sum of quantity times price in quanta over its trades.
        fees: in money units; a cost is positive, a rebate negative.
        pending_cancel: a cancel is on its way and unanswered.
        replaces_in_flight: replaces on their way and unanswered.
        reason: text of the last refusal, cancel or expiry.
        duplicates: reports ignored because they had come before.
        terms: what stops, pegged orders and the like say beyond this, as in force; None of a plain order.
        triggered_ns: when a stop was elected (venue's time), None before.
    """

    order_id: str
    instrument: Instrument
    side: OrderSide
    quantity: int
    order_type: OrderType = _MARKET
    price_ticks: int | None = None
    time_in_force: TimeInForce = _DAY
    display_quantity: int | None = None
    hidden: bool = False
    post_only: bool = False
    parent_id: str | None = None
    venue: str | None = None
    created_ns: int = 0
    submitted_ns: int | None = None
    acknowledged_ns: int | None = None
    closed_ns: int | None = None
    status: OrderStatus = _PENDING
    filled_quantity: int = 0
    filled_notional_quanta: int = 0
    fees: int = 0
    pending_cancel: bool = False
    replaces_in_flight: int = 0
    reason: str = ""
    duplicates: int = 0
    terms: OrderTerms | None = None
    triggered_ns: int | None = None
    # By execution id: the report of a trade that stands, None of anything else (also of a trade that was
    # busted).
    _executions: dict[str, ExecutionReport | None] = field(init=False, default=Factory(dict), repr=False)
    # The largest quantity that was ever in force or asked for, once a replace is involved: no venue may fill
    # beyond it.
    _quantity_limit: int = field(init=False, default=0, repr=False)
    # When the venue last changed it, and by field when, and whether it was asked to.
    _replaced_ns: int = field(init=False, default=-1, repr=False)
    _said_last: dict[str, tuple[int, bool]] | None = field(init=False, default=None, repr=False)
    # The venue's count as of the latest of its reports, by its own time.
    _reported_quantity: int = field(init=False, default=0, repr=False)
    _reported_ns: int = field(init=False, default=-1, repr=False)
    _closing: ExecutionReport | None = field(init=False, default=None, repr=False)

    @property
    def symbol(self) -> str:
        """Symbol of the instrument."""
        return self.instrument.symbol

    @property
    def price(self) -> Decimal | None:
        """Limit price in force in the quoting currency, None without one; may be set before the order is sent.

        Raises:
            OrderError: when set, a price that is off tick or no price.
            TransitionError: when set, the order was sent.
        """
        return None if self.price_ticks is None else self.instrument.price_of_ticks(self.price_ticks)

    @price.setter
    def price(self, price: Number | None) -> None:
        if self.status is not _PENDING:
            raise TransitionError(
                f"order {self.order_id} is {self.status.name} and its price cannot be set; ask for another by replace_order"
            )
        self.price_ticks = None if price is None else self.instrument.to_ticks(price)

    @property
    def stop_price(self) -> Decimal | None:
        """Stop price in force as far as the venue told, None without one; a trailing stop's moves are not told."""
        terms = self.terms
        return None if terms is None or terms.stop_ticks is None else self.instrument.price_of_ticks(terms.stop_ticks)

    @property
    def leaves_quantity(self) -> int:
        """What may still trade: 0 once the order is final (FIX LeavesQty)."""
        return 0 if self.status.is_final else self.quantity - self.filled_quantity

    @property
    def awaits_answer(self) -> bool:
        """Whether a cancel or replace is on its way and unanswered; it may be, also when the order has ended."""
        return self.pending_cancel or self.replaces_in_flight > 0

    @property
    def exposed_quantity(self) -> int:
        """The most that may still trade: as ``leaves_quantity``, with a raise that is on its way counted as made."""
        if self.replaces_in_flight and not self.status.is_final:
            return max(self.quantity, self._quantity_limit) - self.filled_quantity
        return self.leaves_quantity

    @property
    def average_price(self) -> Decimal | None:
        """Average price of its trades, None before the first (FIX AvgPx); to 28 digits."""
        return self.instrument.average_price(self.filled_quantity, self.filled_notional_quanta)

    @property
    def is_final(self) -> bool:
        """Whether it works no longer."""
        return self.status.is_final

    @property
    def execution_ids(self) -> KeysView[str]:
        """Every execution id that was applied: a live, set-like view."""
        return self._executions.keys()

    @property
    def trades(self) -> list[ExecutionReport]:
        """The reports of its trades that stand, in order of arrival."""
        return [report for report in self._executions.values() if report is not None]

    @property
    def missing_quantity(self) -> int:
        """What the venue counts as filled but has not told in detail: trades that have not arrived yet.

        Below 0, busts have not arrived yet, and the order may for a moment count more than its quantity.
        At the end of a run anything but 0 means that reports were lost or that the venue cannot count.
        """
        return self._reported_quantity - self.filled_quantity

    @property
    def pending_replace(self) -> bool:
        """Whether a replace is on its way and unanswered."""
        return self.replaces_in_flight > 0

    @pending_replace.setter
    def pending_replace(self, pending: bool) -> None:
        self.replaces_in_flight = 1 if pending else 0

    def submit(self, time_ns: int) -> None:
        """Mark the order sent.

        Raises:
            TransitionError: it was sent before or is final.
        """
        if self.status is not _PENDING:
            raise TransitionError(
                f"order {self.order_id} is {self.status.name} and cannot be sent; only a PENDING order can"
            )
        self.status = _SUBMITTED
        self.submitted_ns = time_ns

    def protect(self, price_ticks: int) -> None:
        """Make a market order that was not sent yet an immediate-or-cancel limit order at a protection price.

        Raises:
            TransitionError: it is no market order, or was sent.
        """
        if self.status is not _PENDING or self.order_type is not _MARKET:
            raise TransitionError(
                f"order {self.order_id} is a {self.status.name} {self.order_type.name} order and cannot be protected;"
                " only a PENDING market order can"
            )
        self.order_type, self.price_ticks = _LIMIT, price_ticks
        if self.time_in_force.may_rest:
            self.time_in_force = _IOC

    def request_cancel(self) -> None:
        """Note that a cancel is on its way."""
        self.pending_cancel = True

    def request_replace(self, quantity: int) -> None:
        """Note that a replace to this total quantity is on its way.

        A trade that a raised quantity made possible may arrive before the REPLACED that tells of it; knowing
        what was asked for tells it from an overfill.
        """
        self.replaces_in_flight += 1
        self._quantity_limit = max(self._quantity_limit, self.quantity, quantity)

    def fill_of(self, report: ExecutionReport) -> Fill:
        """The fill that a TRADE report, or the bust of one, is about."""
        exec_id = report.exec_id if report.exec_type is not _TRADE_CANCEL else report.exec_ref_id
        return Fill(
            exec_id,
            self.order_id,
            self.instrument,
            self.side,
            report.last_quantity,
            report.last_price_quanta,
            report.time_ns,
            report.fee,
            report.maker,
            report.venue,
            self.parent_id,
            report.slippage_quanta,
        )

    def apply(self, report: ExecutionReport) -> bool:
        """Bring the order up to date with a report of the venue.

        Returns:
            True when the report had its effect. False when there is nothing to book: a report that came
            before (counted in ``duplicates``), or a bust that overtook its trade, which will be ignored when
            it comes.

        Raises:
            TransitionError: the report is about another order, the table does not know it in this status, or
                its figures cannot be (an overfill, a trade later than the end). The order is then unchanged.
        """
        if report.order_id != self.order_id:
            self._refuse_report(report, f"it is about order {report.order_id}")
        executions = self._executions
        exec_id = report.exec_id
        if exec_id in executions:
            self.duplicates += 1
            return False
        exec_type = report.exec_type
        effect = _EFFECTS[self.status.code][exec_type.code]
        if effect is None:
            self._refuse_report(report, "the transition table does not know it")
        # Before the effect, which raises before it changes anything or not at all.
        booked = effect(self, report)
        if exec_id not in executions:
            executions[exec_id] = None
        if exec_type is not _CANCEL_REJECTED:
            time_ns, cum = report.time_ns, report.cum_quantity
            # Trades of one sweep share a time stamp, and the largest count is the last of them.
            if time_ns > self._reported_ns or (
                time_ns == self._reported_ns and (cum > self._reported_quantity or exec_type is _TRADE_CANCEL)
            ):
                self._reported_ns = time_ns
                self._reported_quantity = cum
        return booked

    def _settle(self, time_ns: int) -> None:
        """Derive the status from the facts: quantity, filled, and how the order ended."""
        filled = self.filled_quantity
        if filled >= self.quantity:
            self.status = _FILLED
            self.closed_ns = time_ns
        elif self._closing is not None:
            self.status = _CANCELLED if self._closing.exec_type is _CANCELED else _EXPIRED
            self.closed_ns = self._closing.time_ns
        else:
            self.status = _PARTIAL if filled > 0 else _SUBMITTED
            self.closed_ns = None

    def _acknowledge(self, report: ExecutionReport) -> bool:
        if self.acknowledged_ns is None:
            self.acknowledged_ns = report.time_ns
        return True

    def _fill(self, report: ExecutionReport) -> bool:
        last, cum = report.last_quantity, report.cum_quantity
        if last <= 0 or cum < last or report.leaves_quantity < 0:
            self._refuse_report(
                report,
                f"last {last}, cum {cum} and leaves {report.leaves_quantity} contradict each other",
            )
        if cum > self.quantity and not self._may_have(cum, report.time_ns):
            self._refuse_report(report, f"cum {cum} overfills its quantity {self.quantity}")
        closing = self._closing
        if closing is not None and (
            report.time_ns > closing.time_ns or (report.time_ns == closing.time_ns and cum > closing.cum_quantity)
        ):
            self._refuse_report(
                report,
                f"it trades at {report.time_ns} ns to cum {cum}, but the order ended at {closing.time_ns} ns"
                f" with {closing.cum_quantity}",
            )
        self._executions[report.exec_id] = report
        self.filled_quantity += last
        self.filled_notional_quanta += last * report.last_price_quanta
        self.fees += report.fee
        self._settle(report.time_ns)
        return True

    def _bust(self, report: ExecutionReport) -> bool:
        ref = report.exec_ref_id
        if not ref:
            self._refuse_report(report, "it does not say which trade it busts (exec_ref_id is empty)")
        executions = self._executions
        if ref not in executions:
            executions[ref] = None
            return False
        trade = executions[ref]
        if trade is None:
            self._refuse_report(report, f"execution {ref} is no trade that stands")
        if (report.last_quantity, report.last_price_quanta, report.fee) != (
            trade.last_quantity,
            trade.last_price_quanta,
            trade.fee,
        ):
            self._refuse_report(
                report,
                f"it busts {report.last_quantity} at {report.last_price_quanta} with fee {report.fee},"
                f" but execution {ref} traded {trade.last_quantity} at {trade.last_price_quanta}"
                f" with fee {trade.fee}",
            )
        executions[ref] = None
        self.filled_quantity -= trade.last_quantity
        self.filled_notional_quanta -= trade.last_quantity * trade.last_price_quanta
        self.fees -= trade.fee
        self._settle(report.time_ns)
        return True

    def _replace(self, report: ExecutionReport) -> bool:
        quantity = report.cum_quantity + report.leaves_quantity
        if quantity <= 0 or report.leaves_quantity < 0:
            self._refuse_report(
                report,
                f"cum {report.cum_quantity} and leaves {report.leaves_quantity} are no quantity",
            )
        asked = report.exec_type is _REPLACED
        if asked:
            self.replaces_in_flight = max(0, self.replaces_in_flight - 1)
        self._quantity_limit = max(self._quantity_limit, self.quantity, quantity)
        # Of several the one that the venue made last is in force, whichever arrived last. In one nanosecond what was
        # asked for comes after what the venue did of itself, since a REPLACED tells all that is then in force. Each
        # field by itself, since a report may leave some as they are.
        stamp, said = (report.time_ns, asked), self._said_last
        if said is None:
            said = self._said_last = {}
        if stamp >= said.get("quantity", stamp):
            said["quantity"] = stamp
            self._replaced_ns, self.quantity = report.time_ns, quantity
        if report.price_ticks is not None and stamp >= said.get("price", stamp):
            said["price"] = stamp
            self.price_ticks = report.price_ticks
        if report.stop_ticks is not None and stamp >= said.get("stop", stamp):
            said["stop"] = stamp
            self.terms = evolve(self.terms or OrderTerms(), stop_ticks=report.stop_ticks)
        self._settle(report.time_ns)
        return True

    def _trigger(self, report: ExecutionReport) -> bool:
        if self.triggered_ns is None:
            self.triggered_ns = report.time_ns
        return True

    def _close(self, report: ExecutionReport) -> bool:
        cum = report.cum_quantity
        if self._closing is not None:
            self._refuse_report(report, "it ended before")
        if cum >= self.quantity and not self._may_have(cum + 1, report.time_ns):
            self._refuse_report(report, f"with cum {cum} of {self.quantity} nothing was left to cancel")
        if self._reported_quantity > cum and self._reported_ns > report.time_ns:
            self._refuse_report(
                report,
                f"it ended at {report.time_ns} ns with cum {cum}, but later had {self._reported_quantity}",
            )
        self._closing = report
        if report.exec_type is _CANCELED:  # any other end leaves the cancel to be answered by a reject
            self.pending_cancel = False
        self.reason = report.text or (report.reason.name if report.reason else "")
        self._settle(report.time_ns)
        return True

    def _refuse(self, report: ExecutionReport) -> bool:
        if report.cum_quantity or self._reported_quantity:
            self._refuse_report(report, "an order that has traded cannot be rejected")
        self.status = _REJECTED
        self.closed_ns = report.time_ns
        self.reason = report.text or (report.reason.name if report.reason else "")
        return True

    def _answer(self, report: ExecutionReport) -> bool:
        if report.answers_replace is not False:
            self.replaces_in_flight = max(0, self.replaces_in_flight - 1) if report.answers_replace else 0
        if report.answers_replace is not True:
            self.pending_cancel = False
        if self.status is not _REJECTED:  # why it was rejected says more than that there is nothing to cancel
            self.reason = report.text or (report.reason.name if report.reason else "")
        return True

    def _may_have(self, cum: int, time_ns: int) -> bool:
        """Whether another quantity than that in force, earlier or still in the mail, explains this count."""
        return cum <= self._quantity_limit and (self.replaces_in_flight > 0 or time_ns < self._replaced_ns)

    def _refuse_report(self, report: ExecutionReport, why: str) -> NoReturn:
        raise TransitionError(
            f"order {self.order_id} is {self.status.name} and cannot take {report.exec_type.name}"
            f" (execution {report.exec_id}): {why}"
        )


_METHODS: dict[Effect, Callable[[Order, ExecutionReport], bool]] = {
    Effect.ACK: Order._acknowledge,
    Effect.FILL: Order._fill,
    Effect.BUST: Order._bust,
    Effect.REPLACE: Order._replace,
    Effect.CLOSE: Order._close,
    Effect.REFUSE: Order._refuse,
    Effect.ANSWER: Order._answer,
    Effect.TRIGGER: Order._trigger,
    Effect.RESTATE: Order._replace,
}
# TRANSITIONS by status.code and exec_type.code, with the methods in place of the effects: ~10 ns to find,
# where the dict keyed by a pair of enum members takes ~190 ns.
_EFFECTS: tuple[tuple[Callable[[Order, ExecutionReport], bool] | None, ...], ...] = tuple(
    tuple(
        _METHODS[TRANSITIONS[status, exec_type].effect] if (status, exec_type) in TRANSITIONS else None
        for exec_type in ExecType
    )
    for status in OrderStatus
)
