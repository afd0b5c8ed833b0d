"""The order manager: every order's life from creation to its final state, the tree of parents and children, groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Unpack

from simexec.errors import OrderError
from simexec.execution.bookkeeper import Bookkeeper, Worker
from simexec.execution.broker import OrderLines
from simexec.execution.cleaner import Cleaner
from simexec.execution.gate import Gate
from simexec.execution.guard import Guard, Guards
from simexec.execution.journal import Journal
from simexec.execution.mass_cancel import MassCancels
from simexec.execution.order_fields import Price, TermFields, check_replace
from simexec.execution.order_group import OrderGroup
from simexec.execution.order_groups import OrderGroups
from simexec.execution.order_maker import OrderMaker
from simexec.execution.order_tree import OrderTree
from simexec.execution.own_reports import (
    report_of_change,
    report_of_fill,
)
from simexec.execution.report_stream import ReportStream
from simexec.sim import AllOf, Event, Simulation, current_simulation
from simexec.sim.clock import HOUR, Duration, parse_duration
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import ExecType, Fill
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, TimeInForce

# Module globals, since reading a member off its Enum runs Python code.
_TRADE, _TRADE_CANCEL = ExecType.TRADE, ExecType.TRADE_CANCEL
_CANCEL_REJECTED, _REPLACED = ExecType.CANCEL_REJECTED, ExecType.REPLACED
_PENDING = OrderStatus.PENDING
_MARKET = OrderType.MARKET
_DAY = TimeInForce.DAY


class OrderManager:
    """Creates, sends, cancels and replaces orders, and follows their reports; the owner of every order's state.

    Without a broker it still keeps the books: orders are marked sent, and ``add_fill`` tells it what became of them.

    Args:
        broker: the lines to venues.
        portfolio: booked with every fill.
        instruments: what may be traded; None accepts any symbol, with a tick of 0.01 and a lot of 1.
        max_order_age: an order older than this is asked to cancel; only the answer is final.
        cleanup_interval: how often ages are looked at, and ended orders forgotten that ended as long ago.
        journal: where requests and reports are written down.
        guards: who is asked before an order leaves, in this order, and hears what becomes of it.
        sim: the simulation; None: the ambient one.

    Attributes:
        create: creates an order from fields that are known to be right, with prices in ticks: for algorithms. It is
            ``OrderMaker.make``.
        new_order: what ``create_order`` does, without ``await``. It is ``OrderMaker.new``.
    """

    def __init__(
        self,
        broker: OrderLines | None = None,
        portfolio: Portfolio | None = None,
        instruments: Iterable[Instrument] | None = None,
        *,
        max_order_age: Duration | None = None,
        cleanup_interval: Duration = HOUR,
        journal: Journal | None = None,
        guards: Sequence[Guard] = (),
        sim: Simulation | None = None,
    ) -> None:
        self._sim = sim or current_simulation()
        self._broker = broker
        self.portfolio = portfolio
        self._journal = journal
        self._tree = OrderTree()
        self._orders = self._tree.orders
        self._groups = OrderGroups(self._sim, self)
        self._mass_cancels = MassCancels(self._sim, broker, journal, self._mass_cancel_refused)
        watched = Guards(guards)
        self._books = Bookkeeper(
            self._sim, self._tree, portfolio, journal, watched, self._groups, self._mass_cancels.answer
        )
        self._gate = Gate(self._sim, watched, self._books.receive)
        self._archive: Callable[[Order], None] | None = None
        self._cleaner = Cleaner(
            self._sim,
            self._tree,
            parse_duration(cleanup_interval),
            None if max_order_age is None else parse_duration(max_order_age),
            self.cancel,
            self._is_sent,
            self._forgotten,
        )
        self._maker = OrderMaker(self._sim, self._tree, self._cleaner, instruments)
        self.new_order = self._maker.new
        self.create = self._maker.make  # NOTE: rather than a method that calls it, which every order would pay for
        if broker is not None:
            broker.on_reports(self._books.receive)

    # --- requests ------------------------------------------------------------------------------------------------------

    async def create_order(
        self,
        symbol: str,
        side: OrderSide,
        quantity: int,
        order_type: OrderType = _MARKET,
        price: Price | None = None,
        *,
        time_in_force: TimeInForce = _DAY,
        display_quantity: int | None = None,
        hidden: bool = False,
        post_only: bool = False,
        parent_id: str | None = None,
        venue: str | None = None,
        **terms: Unpack[TermFields],
    ) -> Order:
        """Create an order; it is PENDING until it is submitted. docs/orders.md has the rules of each type.

        Args:
            symbol: what to trade.
            side: buy or sell.
            quantity: shares or contracts.
            order_type: how it meets the book.
            price: limit price, for limit, iceberg and stop-limit orders; of a pegged order its cap, if it has one.
            time_in_force: how long it may rest.
            display_quantity: shown part of an iceberg; a stop-limit and a pegged order may have one too.
            hidden: not shown in the book.
            post_only: refused rather than filled on arrival.
            parent_id: the order it is a part of; it may not exceed what its parent has left.
            venue: where it goes; None where there is only one.
            terms: what only some orders have. ``stop_price``: of a stop; a trailing stop without one starts from the last
                trade. ``trail``: distance of prices at which a trailing stop follows the market. ``peg``: the price that a
                pegged order follows, and ``peg_offset`` what is added to it. ``min_quantity``: least quantity to trade at once,
                or nothing trades. ``expire``: when an order until a time (GTD) expires, as time since the run's epoch.
                ``price_slide``: a post-only order rests a tick off the other side's best rather than being refused.

        Raises:
            OrderError: the fields contradict the instrument or each other.
        """
        return self.new_order(
            symbol, side, quantity, order_type, price, time_in_force=time_in_force, display_quantity=display_quantity,
            hidden=hidden, post_only=post_only, parent_id=parent_id, venue=venue, **terms,
        )  # fmt: skip

    async def submit_order(self, order_id: str) -> None:
        """Send an order to its venue.

        Raises:
            OrderError: no such order, or no line to its venue.
            TransitionError: it was sent before.
        """
        self.submit(self.order(order_id))

    async def execute_order(self, order: Order) -> list[Fill]:
        """Send an order unless it was sent before, wait for its end, and return its fills that stand, in order of arrival."""
        if order.status is _PENDING:
            self.submit(order)
        await self.wait_final(order)
        await self._books.settled.event(order, order.missing_quantity <= 0)  # the end may overtake trades
        return [order.fill_of(trade) for trade in order.trades]

    def submit(self, order: Order) -> None:
        """Send an order; see ``submit_order``."""
        broker, now = self._broker, self._sim.now
        if broker is not None and order.venue not in broker.lines:
            order.venue = broker.choose(order.venue, order.instrument)
        if self._gate.is_guarded:
            if order.status is not _PENDING:
                order.submit(now)  # which refuses it, before a guard counts on it
            if not self._gate.may_leave(order):
                return
        order.submit(now)
        if order.parent_id is not None:
            self._tree.start(order.parent_id, now)
        if self._journal is not None:
            what = "order" if order.terms is None else f"order {order.terms.describe()}"
            self._journal.note((now, what, order, order.quantity, order.price_ticks))
        if broker is not None:
            broker.send(order)

    def begin(self, parent: Order, worker: Worker) -> bool:
        """Begin to work a parent, if the guards admit it; otherwise it is rejected. Until ``release`` it is kept.

        Returns:
            Whether it is to be worked: not if it was refused, or cancelled before.

        Raises:
            TransitionError: it was worked before.
        """
        if parent.is_final and parent.submitted_ns is None:
            return False
        if parent.parent_id is None and not self._gate.may_begin(parent):
            return False
        parent.submit(self._sim.now)
        parent.venue = None  # only its children go anywhere
        if parent.parent_id is not None:
            self._tree.start(parent.parent_id, self._sim.now)
        self._books.workers[parent.order_id] = worker
        self._cleaner.hold(parent)
        return True

    def choose_venue(self, order: Order) -> None:
        """Settle where an order goes, before it is sent; OrderError if there is no line to it."""
        if self._broker is not None:
            order.venue = self._broker.choose(order.venue, order.instrument)

    def submit_oco(self, *legs: Order, reduce: bool = False) -> OrderGroup:
        """One cancels the other: send orders of which only one is to trade; see ``OrderGroups.submit_oco``."""
        return self._groups.submit_oco(*legs, reduce=reduce)

    def submit_oto(self, entry: Order, *legs: Order) -> OrderGroup:
        """One triggers the other: send an order, and others when it has filled; see ``OrderGroups.submit_oto``."""
        return self._groups.submit_oto(entry, *legs)

    def submit_bracket(self, entry: Order, take_profit: Order, stop_loss: Order) -> OrderGroup:
        """Send an order, and as it fills its exits either way; see ``OrderGroups.submit_bracket``."""
        return self._groups.submit_bracket(entry, take_profit, stop_loss)

    async def cancel_order(self, order_id: str) -> None:
        """Ask for the cancel of what is left of an order; the answer is a report, and it may be that it was too late.

        An order that was not sent yet is cancelled at once; a parent that is being worked when its children have ended, and
        meanwhile nothing more is placed for it. Asking again while the answer is on its way, or after the end, does nothing.
        """
        self.cancel(self.order(order_id))

    def cancel(self, order: Order, why: str = "cancelled on request") -> None:
        """Ask for a cancel; see ``cancel_order``. A parent's reason will be ``why``."""
        if order.is_final or order.pending_cancel:
            return
        if order.status is _PENDING or self._broker is None:
            unsent = order.status is _PENDING and why == "cancelled on request"
            self.close(order, ExecType.CANCELED, "cancelled before it was sent" if unsent else why)
            return
        order.request_cancel()
        if self._journal is not None:
            self._journal.note((self._sim.now, "cancel", order, 0, None))
        if order.venue is not None:
            self._broker.send_cancel(order)
            return
        order.reason = why
        worker = self._books.workers.get(order.order_id)
        if worker is not None:
            worker.attend()
        for child in self.working(order.order_id):  # a parent that is being worked ends with its last child
            self.cancel(child, why)
        self._books.end_cancelled(order)

    def cancel_all(
        self,
        venue: str | None = None,
        side: OrderSide | None = None,
        symbol: str | None = None,
        *,
        why: str = "cancelled on request",
    ) -> AllOf:
        """Cancel all orders, or those at a venue, of a side or of a symbol, with one request to each venue.

        What was not sent yet is cancelled at once, and with no venue named so are the parents that are being worked, as by
        ``cancel_order``; ``why`` is then their reason.

        Returns:
            An event that happens when every venue that was asked has answered.

        Raises:
            OrderError: no line to the venue.
        """
        if side is not None and side.__class__ is not OrderSide:
            raise OrderError(f"side {side!r} must be a member of OrderSide")
        matching = self._tree.live(venue, side, symbol)
        answers = self._mass_cancels.send(matching, venue, side, symbol)
        for order in matching:
            self.cancel(order, why)
        return self._sim.all_of(answers)

    async def replace_order(
        self, order_id: str, quantity: int | None = None, price: Price | None = None, stop_price: Price | None = None
    ) -> None:
        """Ask for another total quantity (filled shares included), limit or stop price; the answer is a report.

        Of a parent that is being worked the change is made here; this returns when it is in force or refused.

        Raises:
            OrderError: no such order, nothing to change, it has ended or was not sent, or a wrong value.
        """
        order = self.order(order_id)
        worker = self._books.workers.get(order_id)
        if worker is not None:
            await worker.amend(quantity, price)
            return
        if self._broker is None or (order.venue is None and order.status is not _PENDING):
            raise OrderError(f"order {order_id} is at no venue and cannot be replaced; create another")
        total, ticks, stop_ticks = check_replace(order, quantity, price, stop_price)
        if order.parent_id is not None and total > order.quantity:
            self._tree.check_room(order.parent_id, order.instrument, order.side, total - order.quantity)
        self.replace(order, total, ticks, stop_ticks)

    def replace(self, order: Order, total: int, ticks: int | None, stop_ticks: int | None = None) -> bool:
        """Ask for a replace of values that are known to be right, in ticks; whether the guards have let it leave."""
        assert self._broker is not None
        allowed = self.may_change(order, total, ticks)
        if allowed:
            self._replace(self._broker, order, total, ticks, stop_ticks)
        return allowed

    def may_change(self, order: Order, total: int, ticks: int | None) -> bool:
        """Ask the guards about another total quantity and limit; a refusal is reported as that of a replace."""
        return self._gate.may_change(order, total, ticks)

    def change(self, parent: Order, total: int, ticks: int | None) -> None:
        """Put another total quantity and limit of a parent in force."""
        self._books.receive([report_of_change(parent, self._sim.now, total, ticks)])

    def _replace(self, broker: OrderLines, order: Order, total: int, ticks: int | None, stop_ticks: int | None) -> None:
        order.request_replace(total)
        if self._journal is not None:
            what = "replace" if stop_ticks is None else f"replace stop_ticks={stop_ticks}"
            self._journal.note((self._sim.now, what, order, total, ticks))
        broker.send_replace(order, total, ticks, stop_ticks)

    def resize(self, order: Order, total: int) -> None:
        """Ask for another total quantity that is known to be right; without a broker it is in force at once."""
        if self._broker is not None:
            self._replace(self._broker, order, total, None, None)
        else:
            self.change(order, total, None)

    # --- reports -------------------------------------------------------------------------------------------------------

    def _mass_cancel_refused(self, order: Order) -> None:
        self._books.cancel_refused(order)

    async def add_fill(self, order_id: str, fill: Fill) -> None:
        """Book a fill that did not come as a venue's report.

        Raises:
            OrderError: no such order, or the fill is of another one.
            TransitionError: the order cannot have it (never sent, ended, or overfilled).
        """
        self._books.receive([report_of_fill(self.order(order_id), fill)])

    def close(self, order: Order, exec_type: ExecType, text: str) -> None:
        """End an order on our own side (CANCELED, EXPIRED or REJECTED): a parent, or one that was never sent."""
        self._books.close(order, exec_type, text)

    # --- questions -----------------------------------------------------------------------------------------------------

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of a symbol; OrderError if it is not traded here."""
        return self._maker.known.get(symbol) or self._maker.add_instrument(symbol)

    def order(self, order_id: str) -> Order:
        """The order of an id; OrderError if there is none, or it ended long ago."""
        return self._tree.get(order_id)

    async def get_order_status(self, order_id: str) -> OrderStatus:
        """Present status of an order."""
        return self.order(order_id).status

    def children(self, order_id: str) -> list[Order]:
        """Children of a parent, in order of creation."""
        return self._tree.children(order_id)

    def street_orders(self, order_id: str) -> list[Order]:
        """The orders below a parent that go to venues: its children, or those that a router has made of them."""
        return self._tree.street_orders(order_id)

    def working(self, order_id: str) -> list[Order]:
        """Children of a parent that have not ended, in order of creation."""
        return self._tree.working(order_id)

    def unsettled(self, parent: Order) -> list[Order]:
        """Children that have not ended, or of which trades are still on their way."""
        return self._tree.unsettled(parent.order_id)

    def unplaced(self, parent: Order) -> int:
        """What a parent has left that is neither filled nor working in a child."""
        return self._tree.unplaced(parent)

    def exposed(self, parent: Order) -> int:
        """The most that a parent's children may still add to what it has filled."""
        return self._tree.exposed(parent)

    def orders(self) -> list[Order]:
        """All orders still known, in order of creation."""
        return list(self._orders.values())

    def open_orders(self, symbol: str | None = None) -> list[Order]:
        """Orders that have not ended, or those of a symbol, in order of creation; it costs by these, not by all orders."""
        return self._tree.live(None, None, symbol)

    def reports(self, order_id: str) -> ReportStream:
        """The stream of an order's reports, or of its children's; there is one reader an order.

        Raises:
            OrderError: there is no such order, or it ended long ago.
        """
        self.order(order_id)
        return self._books.stream(order_id)

    def final(self, order: Order) -> Event:
        """An event that happens when an order has ended, at once if it has: for ``any_of`` with others."""
        return self._books.finals.event(order, order.is_final)

    def answer(self, order: Order) -> Event:
        """An event that happens when the cancel of an order is answered: it has ended, or the cancel was refused."""
        return self._books.answers.event(order, order.is_final or not order.pending_cancel)

    def replaced(self, order: Order) -> Event:
        """An event that happens when a replace of an order is answered, or it has ended; at once if none is on its way."""
        return self._books.replaced.event(order, order.is_final or not order.pending_replace)

    def told(self, parent: Order) -> Event:
        """An event that happens with the next trade, or bust, of a parent's children, and at its end."""
        return self._books.told.event(parent, parent.is_final)

    async def wait_final(self, order: Order) -> Order:
        """Wait until an order has ended: filled, cancelled, rejected or expired."""
        if not order.status.is_final:
            await self._books.finals.event(order, False)
        return order

    # --- ends ----------------------------------------------------------------------------------------------------------

    def on_forget(self, archive: Callable[[Order], None]) -> None:
        """Have ``archive`` called with every order that the manager is about to forget."""
        self._archive = archive

    def _forgotten(self, order: Order) -> None:
        self._books.forget(order)
        if self._archive is not None:
            self._archive(order)

    def release(self, parent: Order) -> None:
        """Nobody works a parent any more; it and its children are forgotten in due time."""
        self._books.release(parent)
        self._cleaner.release(parent)

    def _is_sent(self, order: Order) -> bool:
        """Whether an order is its own, rather than a parent that its algorithm answers for."""
        return self._broker is None or order.venue is not None or order.status is _PENDING
