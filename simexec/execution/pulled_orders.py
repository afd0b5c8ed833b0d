"""Orders of which the fills are pulled: they wait at a broker until somebody hands in a price and asks what it has filled."""

from __future__ import annotations

from attrs import define

from simexec.errors import OrderError
from simexec.execution.own_reports import report_of_end
from simexec.sim import Simulation
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import ExecType, ExecutionReport, Fill, MassCancelReport
from simexec.trading.requests import CancelRequest, NewOrder
from simexec.trading.vocabulary import OrderStatus
from simexec.venue.model_connection import ModelConnection
from simexec.venue.model_venue import ModelVenue

_PENDING, _SUBMITTED = OrderStatus.PENDING, OrderStatus.SUBMITTED


@define(eq=False, slots=True)
class _Held:
    """An order that was submitted, the venue that it is for, and our line there once it has entered."""

    order: Order
    venue: ModelVenue
    line: ModelConnection | None = None


class PulledOrders:
    """Keeps orders, brings them to their venues, and collects their fills, which it books in the portfolio.

    They do not pass a link or a gateway: whoever pulls decides when they meet the market.

    Args:
        sim: the simulation.
        participant: as the venues know us by this door.
        portfolio: booked with every fill.
    """

    def __init__(self, sim: Simulation, participant: str, portfolio: Portfolio) -> None:
        self._sim = sim
        self._participant = participant
        self._portfolio = portfolio
        self._lines: dict[str, ModelConnection] = {}
        self._held: dict[str, _Held] = {}
        self._fills: list[Fill] = []

    @property
    def orders(self) -> list[Order]:
        """Those that have not ended, in order of submission."""
        return [held.order for held in self._held.values()]

    def submit(self, order: Order, venue: ModelVenue) -> None:
        """Keep an order for its venue; see ``BacktestBroker.submit_order``."""
        if order.order_id in self._held:
            raise OrderError(f"order {order.order_id} was submitted here before; an order is submitted once")
        if order.venue is not None or order.status not in (_PENDING, _SUBMITTED):
            raise OrderError(
                f"order {order.order_id} is {order.status.name} at {order.venue or 'no venue'}: its fills are pushed to its order"
                " manager, and cannot be pulled too; submit it to one of them"
            )
        if order.status is _PENDING:
            order.submit(self._sim.now)
        order.venue = venue.name
        self._held[order.order_id] = _Held(order, venue)

    def cancel(self, order_id: str) -> None:
        """Cancel what is left of an order; OrderError if it is not here."""
        held = self._held.get(order_id)
        if held is None:
            raise OrderError(f"order {order_id!r} is not pending here; pending: {', '.join(self._held) or 'none'}")
        self._cancel(held)

    def drop_ended(self, symbol: str) -> None:
        """Take back orders that whoever made them has ended meanwhile."""
        for held in list(self._held.values()):
            if held.order.symbol == symbol and held.order.is_final:
                self._cancel(held)

    def enter(self, symbol: str) -> None:
        """Bring the new orders of a symbol to their venue, in order of submission."""
        for held in list(self._held.values()):
            if held.line is None and held.order.symbol == symbol:
                held.line = self._line(held.venue)
                self._take(held.venue.answer(held.line, NewOrder.of(held.order)))

    def hand_out(self) -> list[Fill]:
        """The fills since this was called last."""
        fills, self._fills = self._fills, []
        return fills

    def end_run(self) -> None:
        """Expire what has not entered; what has is expired by its venue."""
        for held in [one for one in self._held.values() if one.line is None]:
            self._end(held, ExecType.EXPIRED, "the simulation has ended")

    def _line(self, venue: ModelVenue) -> ModelConnection:
        line = self._lines.get(venue.name)
        if line is None:
            line = self._lines[venue.name] = venue.connect(self._participant, self._take)
        return line

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
            order = self._held[report.order_id].order
            ended_elsewhere = order.is_final
            if not ended_elsewhere and order.apply(report) and report.exec_type is ExecType.TRADE:
                fill = order.fill_of(report)
                self._portfolio.apply_fill(fill)
                self._fills.append(fill)
            if order.is_final:
                del self._held[report.order_id]
