"""Orders of which the fills are pulled: they wait until somebody hands in market data and asks what these have filled."""

from __future__ import annotations

from attrs import define

from simexec.errors import OrderError
from simexec.execution.own_reports import report_of_end
from simexec.protocols import PortfolioStateProtocol
from simexec.sim import Simulation
from simexec.trading.order import Order
from simexec.trading.report import ExecType, ExecutionReport, Fill, MassCancelReport
from simexec.trading.requests import CancelRequest, NewOrder
from simexec.trading.vocabulary import OrderStatus
from simexec.venue.model_connection import ModelConnection
from simexec.venue.model_venue import ModelVenue

_PENDING = OrderStatus.PENDING


@define(eq=False, slots=True)
class _Held:
    """An order that was submitted, the venue that it is for, and our line there once it has entered."""

    order: Order
    venue: ModelVenue
    line: ModelConnection | None = None


class PulledOrders:
    """Keeps orders, brings them to their venues, and collects their fills, which it books in the portfolio.

    They do not pass a link or a gateway. Where there are bars, or nothing is known yet, an order enters its venue when it is
    submitted, and waits there. Where there are quotes it would trade at once, at a price of the past, so it waits here for the
    next pull.

    Args:
        sim: the simulation.
        participant: as the venues know us by this door.
        portfolio: booked with every fill.
    """

    def __init__(self, sim: Simulation, participant: str, portfolio: PortfolioStateProtocol) -> None:
        self._sim = sim
        self._participant = participant
        self._portfolio = portfolio
        self._lines: dict[str, ModelConnection] = {}
        self._held: dict[str, _Held] = {}
        self._fills: list[Fill] = []

    @property
    def orders(self) -> list[Order]:
        """Those that have not ended, in order of submission."""
        return [held.order for held in self._held.values() if not held.order.is_final]

    def has(self, order: Order) -> bool:
        """Whether an order is one of these and has not ended."""
        held = self._held.get(order.order_id)
        return held is not None and held.order is order and not order.is_final

    def check(self, order: Order) -> None:
        """Refuse an order that was sent; see ``BacktestBroker.submit_order``."""
        order_id = order.order_id
        if order_id in self._held:
            raise OrderError(f"order {order_id} was submitted here before, and is pending; an order is submitted once")
        if order.is_final:
            raise OrderError(f"order {order_id} has ended, it is {order.status.name}; create another")
        if order.venue is not None and order.status is not _PENDING:
            raise OrderError(
                f"order {order_id} is {order.status.name} at {order.venue}: its fills are pushed to its order manager, and"
                " cannot be pulled too; submit it to one of them"
            )

    def submit(self, order: Order, venue: ModelVenue) -> None:
        """Keep an order that passes ``check`` for its venue; OrderError if it names another."""
        if order.venue not in (None, venue.name):
            raise OrderError(
                f"order {order.order_id} is for {order.venue}, and {order.symbol} trades at {venue.name} here"
            )
        if order.status is _PENDING:
            order.submit(self._sim.now)
        order.venue = venue.name
        held = self._held[order.order_id] = _Held(order, venue)
        if venue.market.is_bars:
            self._enter(held)

    def cancel(self, order_id: str) -> None:
        """Cancel what is left of an order; OrderError if it is not here."""
        held = self._held.get(order_id)
        if held is None or held.order.is_final:
            known = ", ".join(order.order_id for order in self.orders) or "none"
            raise OrderError(f"order {order_id!r} is not pending here; pending: {known}")
        self._cancel(held)

    def drop_ended(self, symbol: str) -> None:
        """Take back orders that whoever made them has ended meanwhile."""
        for held in list(self._held.values()):
            if held.order.is_final and held.order.symbol == symbol:
                self._cancel(held)

    def enter(self, symbol: str) -> None:
        """Bring the new orders of a symbol to their venue, in order of submission."""
        for held in list(self._held.values()):
            if held.line is None and held.order.symbol == symbol:
                self._enter(held)

    def hand_out(self) -> list[Fill]:
        """The fills since this was called last."""
        fills, self._fills = self._fills, []
        return fills

    def end_run(self) -> None:
        """Expire what has not entered; what has is expired by its venue."""
        for held in [one for one in self._held.values() if one.line is None]:
            self._end(held, ExecType.EXPIRED, "the simulation has ended")

    def _enter(self, held: _Held) -> None:
        line = self._lines.get(held.venue.name)
        if line is None:
            line = self._lines[held.venue.name] = held.venue.connect(self._participant, self._take)
        held.line = line
        self._take(held.venue.answer(line, NewOrder.of(held.order)))

    def _cancel(self, held: _Held) -> None:
        if held.line is None:
            self._end(held, ExecType.CANCELED, "cancelled before it met the market")
        else:
            self._take(held.venue.answer(held.line, CancelRequest(held.order.order_id)))

    def _end(self, held: _Held, exec_type: ExecType, text: str) -> None:
        del self._held[held.order.order_id]
        if not held.order.is_final:
            held.order.apply(report_of_end(held.order, exec_type, self._sim.now, text))

    def _take(self, packet: list[ExecutionReport | MassCancelReport]) -> None:
        """Take in reports: orders follow them, and trades are booked."""
        for report in packet:
            assert isinstance(report, ExecutionReport)  # no mass cancel is asked for here
            order, exec_type = self._held[report.order_id].order, report.exec_type
            if order.is_final and exec_type is not ExecType.TRADE:
                pass  # the venue gives up what was ended by whoever made it
            elif order.apply(report) and exec_type is ExecType.TRADE:
                fill = order.fill_of(report)
                self._portfolio.apply_fill(fill)
                self._fills.append(fill)
            if order.is_final and not report.leaves_quantity:
                del self._held[report.order_id]
