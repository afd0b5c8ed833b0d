"""The order manager: every order's life from creation to its final state, and the tree of parents and children."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from simexec.errors import OrderError, SimulationError
from simexec.execution.broker import Broker
from simexec.execution.cleaner import Cleaner
from simexec.execution.journal import Journal
from simexec.execution.order_fields import Price, limit_in_ticks
from simexec.execution.order_tree import OrderTree
from simexec.execution.report_stream import ReportStream
from simexec.sim import Event, Simulation, current_simulation
from simexec.sim.clock import HOUR, Duration, parse_duration
from simexec.trading.instrument import LARGEST_COUNT, Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import ExecType, ExecutionReport, Fill
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, TimeInForce

# Module globals, since reading a member off its Enum runs Python code.
_TRADE, _TRADE_CANCEL, _CANCEL_REJECTED = ExecType.TRADE, ExecType.TRADE_CANCEL, ExecType.CANCEL_REJECTED
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
        sim: the simulation; None: the ambient one.
    """

    def __init__(
        self,
        broker: Broker | None = None,
        portfolio: Portfolio | None = None,
        instruments: Iterable[Instrument] | None = None,
        *,
        max_order_age: Duration | None = None,
        cleanup_interval: Duration = HOUR,
        journal: Journal | None = None,
        sim: Simulation | None = None,
    ) -> None:
        self._sim = sim or current_simulation()
        self._broker = broker
        self.portfolio = portfolio
        self._instruments = None if instruments is None else {i.symbol: i for i in instruments}
        self._known: dict[str, Instrument] = dict(self._instruments or {})
        self._journal = journal
        self._tree = OrderTree()
        self._orders = self._tree.orders
        self._streams: dict[str | None, ReportStream] = {}
        self._finals: dict[str, Event] = {}
        self._answers: dict[str, Event] = {}
        self._created = 0
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
        if broker is not None:
            broker.on_reports(self._receive)

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
    ) -> Order:
        """Create an order; it is PENDING until it is submitted.

        Args:
            symbol: what to trade.
            side: buy or sell.
            quantity: shares or contracts.
            order_type: market, limit or iceberg.
            price: limit price, for limit and iceberg orders.
            time_in_force: how long it may rest.
            display_quantity: shown part of an iceberg.
            hidden: not shown in the book.
            post_only: refused rather than filled on arrival.
            parent_id: the order it is a part of; it may not exceed what its parent has left.
            venue: where it goes; None where there is only one.

        Raises:
            OrderError: the fields contradict the instrument or each other.
        """
        instrument = self._known.get(symbol) or self._new_instrument(symbol)
        if side.__class__ is not OrderSide or order_type.__class__ is not OrderType:
            raise OrderError(f"side {side!r} and order_type {order_type!r} must be members of OrderSide and OrderType")
        if quantity.__class__ is not int or not 0 < quantity <= LARGEST_COUNT or quantity % instrument.lot:
            quantity = instrument.check_quantity(quantity)
        price_ticks = limit_in_ticks(instrument, order_type, price, quantity, display_quantity)
        if parent_id is not None:
            self._tree.check_room(parent_id, instrument, side, quantity)
        return self.create(
            instrument, side, quantity, order_type, price_ticks, time_in_force, display_quantity, hidden, post_only,
            parent_id, venue,
        )  # fmt: skip

    def create(
        self,
        instrument: Instrument,
        side: OrderSide,
        quantity: int,
        order_type: OrderType,
        price_ticks: int | None,
        time_in_force: TimeInForce = _DAY,
        display_quantity: int | None = None,
        hidden: bool = False,
        post_only: bool = False,
        parent_id: str | None = None,
        venue: str | None = None,
    ) -> Order:
        """Create an order from fields that are known to be right, with the price in ticks: for algorithms."""
        self._created = number = self._created + 1
        order_id = f"ord_{number}"
        order = Order(
            order_id, instrument, side, quantity, order_type, price_ticks, time_in_force, display_quantity, hidden, post_only,
            parent_id, venue, self._sim.now,
        )  # fmt: skip
        self._orders[order_id] = order
        if parent_id is not None:
            self._tree.add_child(order, parent_id)
        if not self._cleaner.planned:
            self._cleaner.plan()
        return order

    async def submit_order(self, order_id: str) -> None:
        """Send an order to its venue.

        Raises:
            OrderError: no such order, or no line to its venue.
            TransitionError: it was sent before.
        """
        self.submit(self.order(order_id))

    def submit(self, order: Order) -> None:
        """Send an order; see ``submit_order``."""
        broker, now = self._broker, self._sim.now
        if broker is not None and order.venue not in broker.lines:
            order.venue = broker.choose(order.venue)
        order.submit(now)
        if order.parent_id is not None:
            self._start(self._orders[order.parent_id])
        if self._journal is not None:
            self._journal.note((now, "order", order, order.quantity, order.price_ticks))
        if broker is not None:
            broker.send(order)

    async def cancel_order(self, order_id: str) -> None:
        """Ask for the cancel of what is left of an order; the answer is a report, and it may be that it was too late.

        An order that was not sent yet is cancelled at once; a parent that is being worked when its children have ended, and
        meanwhile nothing more is placed for it. Asking again while the answer is on its way, or after the end, does nothing.
        """
        self.cancel(self.order(order_id))

    def cancel(self, order: Order) -> None:
        """Ask for a cancel; see ``cancel_order``."""
        if order.is_final or order.pending_cancel:
            return
        if order.status is _PENDING or self._broker is None:
            unsent = order.status is _PENDING
            self.close(order, ExecType.CANCELED, "cancelled before it was sent" if unsent else "cancelled on request")
            return
        order.request_cancel()
        if self._journal is not None:
            self._journal.note((self._sim.now, "cancel", order, 0, None))
        if order.venue is not None:
            self._broker.send_cancel(order)
            return
        for child in self.children(order.order_id):  # a parent that is being worked ends with its last child
            self.cancel(child)
        self._end_cancelled(order)

    async def replace_order(self, order_id: str, quantity: int | None = None, price: Price | None = None) -> None:
        """Ask for another total quantity (filled shares included) or limit price; the answer is a report.

        Raises:
            OrderError: no such order, nothing to change, it has ended or was not sent, or a wrong value.
        """
        order = self.order(order_id)
        if self._broker is None or order.status is _PENDING or order.is_final:
            raise OrderError(
                f"order {order_id} is {order.status.name} and cannot be replaced; only a working order can"
            )
        if order.venue is None:
            raise OrderError(f"order {order_id} is a parent that is being worked; cancel it and create another")
        if quantity is None and price is None:
            raise OrderError(f"replace of {order_id} changes nothing; give a quantity or a price")
        total = order.quantity if quantity is None else order.instrument.check_quantity(quantity)
        ticks = None if price is None else order.instrument.to_ticks(price)
        if order.parent_id is not None and total > order.quantity:
            self._tree.check_room(order.parent_id, order.instrument, order.side, total - order.quantity)
        order.request_replace(total)
        if self._journal is not None:
            self._journal.note((self._sim.now, "replace", order, total, ticks))
        self._broker.send_replace(order, total, ticks)

    # --- reports -------------------------------------------------------------------------------------------------------

    def _receive(self, packet: list[ExecutionReport]) -> None:
        """A packet of reports has arrived."""
        # NOTE: one loop without helpers; it is on the path of every order, and they cost a tenth of a round trip.
        now, orders, journal, portfolio = self._sim.now, self._orders, self._journal, self.portfolio
        for report in packet:
            order = orders.get(report.order_id)
            if order is None:
                raise SimulationError(
                    f"report {report.exec_id} is about order {report.order_id}, which this manager never had"
                )
            if journal is not None:
                journal.note((now, report, order, 0, None))
            if not order.apply(report):
                continue
            exec_type, parent_id = report.exec_type, order.parent_id
            if exec_type is _TRADE:
                if portfolio is not None:
                    portfolio.apply_fill(order.fill_of(report))
            elif exec_type is _TRADE_CANCEL:
                if portfolio is not None:
                    portfolio.apply_bust(order.fill_of(report))
            elif exec_type is _CANCEL_REJECTED:
                self._wake(self._answers, order)
            if parent_id is not None and report.last_quantity:
                self._pass_up(orders[parent_id], report)
            if self._streams:
                for order_id in (parent_id, order.order_id):
                    stream = self._streams.get(order_id)
                    if stream is not None:
                        stream.put(report)
            if order.status.is_final:
                self._ended(order)

    def _ended(self, order: Order) -> None:
        if self._finals:
            self._wake(self._finals, order)
        if self._answers:
            self._wake(self._answers, order)
        if order.parent_id is not None and self._orders[order.parent_id].pending_cancel:
            self._end_cancelled(self._orders[order.parent_id])

    @staticmethod
    def _wake(waiting: dict[str, Event], order: Order) -> None:
        event = waiting.pop(order.order_id, None)
        if event is not None:
            event.succeed(order)

    def _end_cancelled(self, parent: Order) -> None:
        """End a parent whose cancel was asked for, once none of its children works any more."""
        if not parent.is_final and not self._tree.working(parent.order_id):
            self.close(parent, ExecType.CANCELED, "cancelled on request")

    def _start(self, parent: Order) -> None:
        """A parent works as soon as one of its children does."""
        if parent.status is _PENDING:
            parent.submit(self._sim.now)
            if parent.parent_id is not None:
                self._start(self._orders[parent.parent_id])

    def _pass_up(self, parent: Order, report: ExecutionReport) -> None:
        """A parent has no reports of its own from a venue: it follows its children's trades, and so do its own parents."""
        change = report.last_quantity if report.exec_type is _TRADE else -report.last_quantity
        filled = parent.filled_quantity + change
        derived = ExecutionReport(
            report.exec_id, parent.order_id, report.exec_type, self._sim.now, filled, parent.quantity - filled,
            report.last_quantity, report.last_price_quanta, report.fee, report.maker, venue=report.venue,
            exec_ref_id=report.exec_ref_id,
        )  # fmt: skip
        parent.apply(derived)
        if parent.parent_id is not None:
            self._pass_up(self._orders[parent.parent_id], report)
        if parent.status.is_final:
            self._ended(parent)

    async def add_fill(self, order_id: str, fill: Fill) -> None:
        """Book a fill that did not come as a venue's report.

        Raises:
            OrderError: no such order, or the fill is of another one.
            TransitionError: the order cannot have it (never sent, ended, or overfilled).
        """
        order = self.order(order_id)
        if (fill.order_id, fill.side, fill.instrument) != (order_id, order.side, order.instrument):
            raise OrderError(
                f"fill {fill.exec_id} is of a {fill.side.name} {fill.symbol} order {fill.order_id},"
                f" not of the {order.side.name} {order.symbol} order {order_id}"
            )
        filled = order.filled_quantity + fill.quantity
        report = ExecutionReport(
            fill.exec_id, order_id, _TRADE, fill.time_ns, filled, order.quantity - filled, fill.quantity, fill.price_quanta,
            fill.fee, fill.maker, venue=fill.venue,
        )  # fmt: skip
        self._receive([report])

    def close(self, order: Order, exec_type: ExecType, text: str) -> None:
        """End an order on our own side (CANCELED, EXPIRED or REJECTED): a parent, or one that was never sent."""
        report = ExecutionReport(
            f"{order.order_id}-end", order.order_id, exec_type, self._sim.now, order.filled_quantity, 0, text=text
        )
        self._receive([report])

    # --- questions -----------------------------------------------------------------------------------------------------

    def order(self, order_id: str) -> Order:
        """The order of an id; OrderError if there is none, or it ended long ago."""
        return self._tree.get(order_id)

    async def get_order_status(self, order_id: str) -> OrderStatus:
        """Present status of an order."""
        return self.order(order_id).status

    def children(self, order_id: str) -> list[Order]:
        """Children of a parent, in order of creation."""
        return self._tree.children(order_id)

    def unplaced(self, parent: Order) -> int:
        """What a parent has left that is neither filled nor working in a child."""
        return self._tree.unplaced(parent)

    def orders(self) -> list[Order]:
        """All orders still known, in order of creation."""
        return list(self._orders.values())

    def reports(self, order_id: str) -> ReportStream:
        """The stream of an order's reports, or of its children's; there is one reader an order."""
        stream = self._streams.get(order_id)
        if stream is None:
            stream = self._streams[order_id] = ReportStream(self._sim)
        return stream

    def final(self, order: Order) -> Event:
        """An event that happens when an order has ended, at once if it has: for ``any_of`` with others."""
        return self._event(self._finals, order, order.is_final)

    def answer(self, order: Order) -> Event:
        """An event that happens when the cancel of an order is answered: it has ended, or the cancel was refused."""
        return self._event(self._answers, order, order.is_final or not order.pending_cancel)

    def _event(self, waiting: dict[str, Event], order: Order, happened: bool) -> Event:
        event = waiting.get(order.order_id)
        if event is None:
            event = Event(self._sim)
            if happened:
                event.succeed(order)
            else:
                waiting[order.order_id] = event
        return event

    async def wait_final(self, order: Order) -> Order:
        """Wait until an order has ended: filled, cancelled, rejected or expired."""
        if not order.status.is_final:
            await self._event(self._finals, order, False)
        return order

    # --- ends ----------------------------------------------------------------------------------------------------------

    def on_forget(self, archive: Callable[[Order], None]) -> None:
        """Have ``archive`` called with every order that the manager is about to forget."""
        self._archive = archive

    def _forgotten(self, order: Order) -> None:
        self._streams.pop(order.order_id, None)
        if self._archive is not None:
            self._archive(order)

    def hold(self, order: Order) -> None:
        """Keep an order and its children, whatever their age, until ``release``: who works them still looks at them."""
        self._cleaner.hold(order)

    def release(self, order: Order) -> None:
        """Undo ``hold``; the tree is forgotten in due time."""
        self._cleaner.release(order)

    def _is_sent(self, order: Order) -> bool:
        """Whether an order is its own, rather than a parent that its algorithm answers for."""
        return self._broker is None or order.venue is not None or order.status is _PENDING

    # --- checks --------------------------------------------------------------------------------------------------------

    def _new_instrument(self, symbol: str) -> Instrument:
        if self._instruments is not None:
            known = ", ".join(self._instruments)
            raise OrderError(f"symbol {symbol!r} is not traded here; known: {known}")
        instrument = self._known[symbol] = Instrument(symbol, Decimal("0.01"))
        return instrument
