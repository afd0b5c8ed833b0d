"""Any sequence of admissions, amendments, trades, busts and ends leaves the reservations that an oracle computes from scratch."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from simexec.execution import RiskLimits, RiskPortfolioContainer
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import ExecType, ExecutionReport
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType

from .audited_risk import AuditedRisk
from .risk_oracle import RiskOracle

SHARE = Instrument("SHARE", "0.01")
ODD = Instrument("ODD", "0.000003", multiplier="0.7")  # its values are never whole units
EURO = Instrument("EURO", "0.05", currency="EUR")
INSTRUMENTS = [SHARE, ODD, EURO]
LIMITS = [
    RiskLimits(),
    RiskLimits(price_collar="0.05", fee_reserve="0.003"),
    RiskLimits(allow_short=True, max_position=60),
    RiskLimits(allow_short=True, max_leverage="2.5", max_notional=3000, price_collar="0.1"),
]


class Sequence(RuleBasedStateMachine):
    limits: RiskLimits

    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        self.quotes = {SHARE.symbol: (9_900, 10_100), ODD.symbol: (7_770_000, 7_780_000), EURO.symbol: (20_000, 20_500)}
        self.portfolio = Portfolio({"USD": 2_000, "EUR": 500})
        risk = RiskPortfolioContainer(limits=self.limits, prices=self.seen, portfolio=self.portfolio)
        oracle = RiskOracle(dict(self.portfolio.initial_cash), self.limits, lambda one: self.quotes[one.symbol])
        self.risk = AuditedRisk(risk, oracle)
        self.orders: list[Order] = []

    def seen(self, instrument: Instrument) -> Any:
        bid, ask = self.quotes[instrument.symbol]
        return type("Seen", (), {"bid": bid, "ask": ask})

    # --- what is asked -------------------------------------------------------------------------------------------------

    @rule(
        instrument=st.sampled_from(INSTRUMENTS),
        side=st.sampled_from(OrderSide),
        quantity=st.integers(1, 40),
        kind=st.sampled_from([OrderType.LIMIT, OrderType.LIMIT, OrderType.MARKET, OrderType.STOP]),
        offset=st.integers(-8, 8),
        worked=st.booleans(),
    )
    def send(
        self, instrument: Instrument, side: OrderSide, quantity: int, kind: OrderType, offset: int, worked: bool
    ) -> None:
        self.number += 1
        ticks = self.quotes[instrument.symbol][0] // instrument.subticks + offset
        order = Order(f"o{self.number}", instrument, side, quantity, kind)
        if kind is OrderType.LIMIT:
            order.price_ticks = ticks
        elif kind is OrderType.STOP:
            order.terms = OrderTerms(stop_ticks=ticks)
        refusal = self.risk.admit(order)
        if refusal is None and not worked:
            refusal = self.risk.check(order)
        if refusal is not None:
            self.tell(order, ExecType.REJECTED)
            return
        order.submit(0)
        self.orders.append(order)

    @property
    def working(self) -> list[Order]:
        return [order for order in self.orders if not order.is_final]

    @precondition(lambda self: self.working)
    @rule(data=st.data(), quantity=st.integers(1, 60), offset=st.none() | st.integers(-8, 8))
    def replace(self, data: st.DataObject, quantity: int, offset: int | None) -> None:
        order = data.draw(st.sampled_from(self.working))
        ticks = None if offset is None or order.price_ticks is None else order.price_ticks + offset
        quantity = max(quantity, order.filled_quantity + 1)
        if self.risk.amend(order, quantity, ticks) is None:
            order.request_replace(quantity)

    # --- what is heard -------------------------------------------------------------------------------------------------

    def tell(self, order: Order, exec_type: ExecType, **fields: Any) -> None:
        self.number += 1
        filled = fields.pop("filled", order.filled_quantity)
        total = fields.pop("total", order.quantity)
        report = ExecutionReport(
            f"x{self.number}", order.order_id, exec_type, self.number, filled, total - filled, **fields
        )
        assert order.apply(report)
        if exec_type is ExecType.TRADE:
            self.portfolio.apply_fill(order.fill_of(report))
        elif exec_type is ExecType.TRADE_CANCEL:
            self.portfolio.apply_bust(order.fill_of(report))
        self.risk.heard(order, report)

    @precondition(lambda self: self.working)
    @rule(data=st.data(), price=st.integers(-300, 300), fee=st.integers(-100, 400))
    def fill(self, data: st.DataObject, price: int, fee: int) -> None:
        order = data.draw(st.sampled_from(self.working))
        last = data.draw(st.integers(1, order.leaves_quantity))
        quanta = self.quotes[order.symbol][0] + price
        filled = order.filled_quantity + last
        self.tell(order, ExecType.TRADE, filled=filled, last_quantity=last, last_price_quanta=quanta, fee=fee)

    @precondition(lambda self: any(order.trades for order in self.orders))
    @rule(data=st.data())
    def bust(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from([order for order in self.orders if order.trades]))
        trade = data.draw(st.sampled_from(order.trades))
        self.tell(
            order, ExecType.TRADE_CANCEL, filled=order.filled_quantity - trade.last_quantity,
            last_quantity=trade.last_quantity, last_price_quanta=trade.last_price_quanta, fee=trade.fee,
            exec_ref_id=trade.exec_id,
        )  # fmt: skip

    @precondition(lambda self: any(order.replaces_in_flight for order in self.working))
    @rule(data=st.data(), quantity=st.integers(1, 60), refused=st.booleans())
    def answer(self, data: st.DataObject, quantity: int, refused: bool) -> None:
        order = data.draw(st.sampled_from([order for order in self.working if order.replaces_in_flight]))
        if refused:
            self.tell(order, ExecType.CANCEL_REJECTED, answers_replace=True)
            return
        quantity, quanta = data.draw(st.sampled_from(self.risk.oracle.roots[order.order_id].asked))
        total = max(quantity, order.filled_quantity)
        ticks = None if quanta is None else quanta // order.instrument.subticks
        self.tell(order, ExecType.REPLACED, total=total, price_ticks=ticks)

    @precondition(lambda self: self.working)
    @rule(data=st.data(), exec_type=st.sampled_from([ExecType.CANCELED, ExecType.EXPIRED]))
    def end(self, data: st.DataObject, exec_type: ExecType) -> None:
        order = data.draw(st.sampled_from(self.working))
        self.tell(order, exec_type, total=order.filled_quantity)

    @rule(instrument=st.sampled_from(INSTRUMENTS), move=st.integers(-500, 500))
    def move(self, instrument: Instrument, move: int) -> None:
        bid, ask = self.quotes[instrument.symbol]
        if bid + move > 2_000:
            self.quotes[instrument.symbol] = bid + move, ask + move
        self.risk.compare()

    def teardown(self) -> None:
        for order in self.working:
            self.tell(order, ExecType.CANCELED, total=order.filled_quantity)
        assert not any(self.portfolio.reserved.values())
        assert all(order.status is not OrderStatus.PENDING for order in self.orders)


def machine(limits: RiskLimits) -> type[Any]:
    case = type("Sequence", (Sequence,), {"limits": limits}).TestCase  # type: ignore[attr-defined]
    case.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
    return case


class TestCashAccount(machine(LIMITS[0])):  # type: ignore[misc]
    """Runs the state machine."""


class TestCashAccountWithCollarAndFees(machine(LIMITS[1])):  # type: ignore[misc]
    """Runs the state machine."""


class TestShortSales(machine(LIMITS[2])):  # type: ignore[misc]
    """Runs the state machine."""


class TestMarginAccount(machine(LIMITS[3])):  # type: ignore[misc]
    """Runs the state machine."""
