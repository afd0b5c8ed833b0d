"""The bookkeeper: what every report means for orders, their parents, the portfolio, and for who waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from simexec.errors import SimulationError
from simexec.execution.guard import Guards
from simexec.execution.journal import Journal
from simexec.execution.order_events import OrderEvents
from simexec.execution.order_tree import OrderTree
from simexec.execution.own_reports import passed_up, report_of_end
from simexec.execution.report_stream import ReportStream
from simexec.sim import Simulation
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import ExecType, ExecutionReport, MassCancelReport
from simexec.trading.vocabulary import OrderStatus

if TYPE_CHECKING:
    from simexec.execution.order_fields import Price
    from simexec.execution.order_groups import OrderGroups

# Module globals, since reading a member off its Enum runs Python code.
_TRADE, _TRADE_CANCEL = ExecType.TRADE, ExecType.TRADE_CANCEL
_CANCEL_REJECTED, _REPLACED = ExecType.CANCEL_REJECTED, ExecType.REPLACED
_FILLED = OrderStatus.FILLED


class Worker(Protocol):
    """Who works a parent order."""

    def attend(self) -> None:
        """Look at the order again: it has ended, its cancel was asked for."""

    async def amend(self, quantity: int | None, price: Price | None) -> bool:
        """Change the parent's total quantity or limit while it is worked; whether it was done."""


class Bookkeeper:
    """Takes reports in: orders follow them, trades are booked, parents are told, and who waits is woken.

    Args:
        sim: the simulation.
        tree: of all orders.
        portfolio: booked with every trade and bust; None: nobody keeps an account.
        journal: where reports are written down.
        guards: hear of every report.
        groups: of orders that depend on each other.
        mass_canceled: called with the answers to mass cancels.

    Attributes:
        finals: who waits for the end of an order; ``answers`` for that of its cancel; ``replaced`` for that of a replace;
            ``settled`` for all trades of an order that has ended; ``told`` for the next trade of a parent's children.
        workers: of the parents that are worked, by order id.
    """

    def __init__(
        self,
        sim: Simulation,
        tree: OrderTree,
        portfolio: Portfolio | None,
        journal: Journal | None,
        guards: Guards,
        groups: OrderGroups,
        mass_canceled: Callable[[MassCancelReport], None],
    ) -> None:
        self._sim = sim
        self._tree = tree
        self._portfolio = portfolio
        self._journal = journal
        self._guards = guards if guards else None
        self._grouped = groups.by_order
        self._streams: dict[str | None, ReportStream] = {}
        self._answer_of_mass_cancel = mass_canceled
        self._worked: set[str] = set()  # parents that nobody works any more
        self.finals, self.answers, self.replaced, self.settled, self.told = (OrderEvents(sim) for _ in range(5))
        self.workers: dict[str, Worker] = {}

    def stream(self, order_id: str) -> ReportStream:
        """The stream of an order's reports, or of its children's."""
        stream = self._streams.get(order_id)
        if stream is None:
            stream = self._streams[order_id] = ReportStream(self._sim)
        return stream

    def receive(self, packet: list[ExecutionReport]) -> None:
        """Take in a packet of reports.

        Raises:
            SimulationError: a report about an order, or a mass cancel, that was never asked for here.
            TransitionError: a report that cannot be.
        """
        # NOTE: one loop without helpers; it is on the path of every order, and they cost a tenth of a round trip.
        now, orders, journal, portfolio = self._sim.now, self._tree.orders, self._journal, self._portfolio
        grouped, guards = self._grouped, self._guards
        for report in packet:
            order = orders.get(report.order_id)
            if order is None:
                self._take_other(report)
                continue
            if journal is not None:
                journal.note((now, report, order, 0, None))
            if not order.apply(report):
                if order.parent_id is not None:  # nothing to book, but it may have settled what was on its way
                    self._look_again(orders[order.parent_id])
                continue
            exec_type, parent_id = report.exec_type, order.parent_id
            if exec_type is _TRADE:
                if portfolio is not None:
                    portfolio.apply_fill(order.fill_of(report))
            elif exec_type is _TRADE_CANCEL:
                if portfolio is not None:
                    portfolio.apply_bust(order.fill_of(report))
                if not order.status.is_final:
                    self._tree.reopen(order)
            elif exec_type is _CANCEL_REJECTED:
                self.cancel_refused(order)
                self.replaced.happen(order)
            elif exec_type is _REPLACED:
                self.replaced.happen(order)
            if guards is not None:
                guards.heard(order, report)
            if parent_id is not None and report.last_quantity:
                self._pass_up(orders[parent_id], report)
            if self._streams:
                for order_id in (parent_id, order.order_id):
                    stream = self._streams.get(order_id)
                    if stream is not None:
                        stream.put(report)
            if order.status.is_final:
                self._ended(order)
        if grouped:
            touched = [grouped[report.order_id] for report in packet if report.order_id in grouped]
            for group in dict.fromkeys(touched):
                group.react()

    def _take_other(self, report: ExecutionReport | MassCancelReport) -> None:
        """A report about no order: the answer to a mass cancel."""
        if isinstance(report, ExecutionReport):
            raise SimulationError(
                f"report {report.exec_id} is about order {report.order_id}, which this manager never had"
            )
        self._answer_of_mass_cancel(report)

    def cancel_refused(self, order: Order) -> None:
        """A cancel or replace was refused, or is answered without having cancelled."""
        self.answers.happen(order)
        group = self._grouped.get(order.order_id)
        if group is not None:
            group.refused(order)

    def _ended(self, order: Order) -> None:
        for events in (self.finals, self.answers, self.replaced, self.told):
            if events.waiting:
                events.happen(order)
        if self.settled.waiting and order.missing_quantity <= 0:
            self.settled.happen(order)
        if self.workers and (worker := self.workers.get(order.order_id)) is not None:
            worker.attend()
        if order.parent_id is not None:
            parent = self._tree.orders[order.parent_id]
            if parent.pending_cancel:
                self.end_cancelled(parent)

    def end_cancelled(self, parent: Order) -> None:
        """End a parent whose cancel was asked for, once none of its children works any more and all their trades are known."""
        if not parent.is_final and not self._tree.unsettled(parent.order_id):
            self.close(parent, ExecType.CANCELED, parent.reason)

    def close(self, order: Order, exec_type: ExecType, text: str) -> None:
        """End an order on our own side (CANCELED, EXPIRED or REJECTED): a parent, or one that was never sent."""
        self.receive([report_of_end(order, exec_type, self._sim.now, text)])

    def _pass_up(self, parent: Order, report: ExecutionReport) -> None:
        """A parent has no reports of its own from a venue: it follows its children's trades, and so do its own parents."""
        passed = passed_up(parent, report, self._sim.now)
        parent.apply(passed)
        if self._guards is not None:
            self._guards.heard(parent, passed)
        if parent.parent_id is not None:
            self._pass_up(self._tree.orders[parent.parent_id], report)
        if parent.status.is_final:
            parent.pending_cancel = False  # no venue will answer it
            if parent.status is _FILLED:
                parent.reason = ""
            self._ended(parent)
        elif parent.order_id in self._worked:
            self.close(parent, ExecType.EXPIRED, "a trade was busted after the work on it had ended")
        else:
            self._look_again(parent)

    def _look_again(self, parent: Order) -> None:
        """Something has changed for a parent that still works: its last child may have ended before this report of it came."""
        if parent.pending_cancel:
            self.end_cancelled(parent)
        elif self.told.waiting:
            self.told.happen(parent)

    def release(self, parent: Order) -> None:
        """Nobody works a parent any more."""
        del self.workers[parent.order_id]
        self._worked.add(parent.order_id)

    def forget(self, order: Order) -> None:
        """Forget an order and who listened to it."""
        self._streams.pop(order.order_id, None)
        self._grouped.pop(order.order_id, None)
        self._worked.discard(order.order_id)
