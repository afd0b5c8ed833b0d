"""A thousand random orders over two venues: positions, cash, reservations and buying power are an oracle's after every report."""

from __future__ import annotations

import random
from decimal import Decimal

import attrs
import pytest

from simexec.errors import OrderError
from simexec.execution import Broker, Latencies, OrderManager, ParentExecution, RiskLimits, RiskPortfolioContainer
from simexec.execution.parent import work
from simexec.market.consolidated import ConsolidatedView
from simexec.market.market import Market
from simexec.market.sizes import GeometricSize
from simexec.market.view import MarketView
from simexec.market.zero_intelligence import ZeroIntelligence
from simexec.models.fees import MakerTakerFees
from simexec.sim import Exponential, LogNormal, Simulation
from simexec.testing import check_orders, check_portfolio
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.report import ExecType, ExecutionReport
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, TimeInForce
from simexec.venue import TradingHours, Venue

from .audited_risk import AuditedRisk
from .risk_oracle import RiskOracle

MS, SECOND = 10**6, 10**9
OPENS, CLOSES = 500 * MS, 12 * SECOND
ROOTS = 1000
SYMBOLS, VENUES = ("AAA", "BBB"), ("ALFA", "BETA")
TYPES = [OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT, OrderType.ICEBERG]
CASH = RiskLimits(price_collar="0.05", fee_reserve="0.003")
MARGIN = RiskLimits(
    allow_short=True, max_leverage=2, max_position=400, max_notional=8_000, max_order_quantity=60, price_collar="0.02"
)


@attrs.frozen
class AnyHow:
    """An algorithm without a plan: children of any type at either venue, changed and withdrawn at any time."""

    choose: random.Random

    async def run(self, execution: ParentExecution) -> None:
        choose, sim = self.choose, execution.sim
        while execution.is_working:
            near, _ = execution.touches()
            what = choose.random()
            price = None if near is None or what < 0.2 else max(1, near // 100 + choose.randint(-3, 3))
            display = choose.choice([None, 2])
            if what < 0.6:
                execution.place(
                    choose.randint(1, 20),
                    price,
                    display_quantity=display if price else None,
                    venue=choose.choice(VENUES),
                )
            elif execution.working:
                child = choose.choice(execution.working)
                if what < 0.8:
                    await execution.replace(child, choose.randint(1, 25), price)
                else:
                    await execution.withdraw(child)
            await execution.until(sim.now + choose.randint(1, 60 * MS))


class Day:
    """Two venues with two instruments each, and a desk whose every order passes an audited container."""

    def __init__(self, limits: RiskLimits, seed: int) -> None:
        self.choose = random.Random(seed)
        self.sim = sim = Simulation(seed=seed)
        self.instruments = {symbol: Instrument(symbol, Decimal("0.01")) for symbol in SYMBOLS}
        self.hours = TradingHours(OPENS, CLOSES)
        views: dict[str, list[MarketView]] = {symbol: [] for symbol in SYMBOLS}
        self.broker, self.venues = Broker(sim), [self._venue(name, views) for name in VENUES]
        for venue in self.venues:
            self.broker.connect(venue, Latencies(Exponential("4ms"), LogNormal("3ms", 0.8), Exponential("4ms")))
        self.views = {symbol: ConsolidatedView(views[symbol]) for symbol in SYMBOLS}
        risk = RiskPortfolioContainer(
            initial_capital=4_000, limits=limits, prices=lambda one: self.views[one.symbol].quote()
        )
        self.portfolio = risk.get_portfolio_state()
        oracle = RiskOracle(dict(self.portfolio.initial_cash), limits, self._touches)
        self.risk = AuditedRisk(risk, oracle)
        self.manager = OrderManager(
            self.broker, self.portfolio, self.instruments.values(), guards=[self.risk], sim=sim, cleanup_interval="1h"
        )
        self.roots: list[Order] = []
        self.worked: dict[str, ParentExecution] = {}
        self.busts = self.amended = 0

    def _venue(self, name: str, views: dict[str, list[MarketView]]) -> Venue:
        markets = []
        for symbol in SYMBOLS:
            flow = ZeroIntelligence(
                self.sim.rng,
                f"flow.{name}.{symbol}",
                start_price=1000 * 100,
                tick_quanta=100,
                lot=1,
                limit_rates_per_s=[40.0, 30.0, 20.0, 10.0],
                cancel_rate_per_s=5.0,
                market_rate_per_s=25.0,
                limit_size=GeometricSize(4),
                market_size=GeometricSize(5),
                start_ns=0,
                end_ns=CLOSES + SECOND,
            )
            markets.append(Market(f"{name}.{symbol}", flow))
            views[symbol].append(MarketView(self.sim, markets[-1], Exponential("3ms")))
        fees = MakerTakerFees(Decimal("0.001"), Decimal("0.003"))
        first, second = self.instruments.values()
        venue = Venue(self.sim, name, first, markets[0], self.hours, service=Exponential("50us"), fees=fees)
        venue.list(second, markets[1])
        return venue

    def _touches(self, instrument: Instrument) -> tuple[int | None, int | None]:
        quote = self.views[instrument.symbol].quote()
        return (None, None) if quote is None else (quote.bid, quote.ask)

    # --- what is asked -------------------------------------------------------------------------------------------------

    async def trade(self) -> None:
        choose, sim = self.choose, self.sim
        await sim.timeout(OPENS)
        while len(self.roots) < ROOTS:
            await sim.timeout(choose.randint(1, 18 * MS))
            self._send()
            working = [root for root in self.roots[-60:] if not root.is_final and root.submitted_ns is not None]
            what = choose.random()
            if working and what < 0.25:
                self.manager.cancel(choose.choice(working))
            elif working and what < 0.6:
                sim.process(self._amend(choose.choice(working)))
            elif what < 0.7:
                self._bust()

    def _send(self) -> None:
        choose, instrument = self.choose, self.instruments[self.choose.choice(SYMBOLS)]
        worked, kind, quantity = choose.random() < 0.3, choose.choice(TYPES), choose.randint(1, 70)
        root = self.manager.create(
            instrument, choose.choice(list(OrderSide)), quantity, kind, None if kind is OrderType.MARKET else self._price(),
            choose.choice([TimeInForce.DAY, TimeInForce.DAY, TimeInForce.IOC]) if kind is OrderType.LIMIT else TimeInForce.DAY,
            choose.randint(1, quantity) if kind is OrderType.ICEBERG else None,
            venue=None if worked else choose.choice(VENUES),
        )  # fmt: skip
        self.roots.append(root)
        if not worked:
            self.manager.submit(root)
            return
        end_ns = self.sim.now + choose.randint(20 * MS, 900 * MS)
        view = self.views[root.symbol]
        execution = ParentExecution(self.sim, self.manager, root, view, self.sim.rng(f"any.{root.order_id}"), end_ns)
        self.worked[root.order_id] = execution
        self.sim.process(work(execution, self.manager, AnyHow(choose)))

    def _price(self) -> int:
        return 1000 + self.choose.choice([self.choose.randint(-5, 5), self.choose.randint(-60, 60)])

    async def _amend(self, root: Order) -> None:
        quantity = max(root.filled_quantity + 1, root.quantity + self.choose.randint(-20, 20))
        price = (
            None if root.order_type is OrderType.MARKET or root.price_ticks is None else Decimal(self._price()) / 100
        )
        self.amended += 1
        try:
            await self.manager.replace_order(root.order_id, quantity, price)
        except OrderError:
            assert root.is_final or root.pending_cancel or root.order_type is not OrderType.LIMIT

    def _bust(self) -> None:
        """A venue busts a trade of an order that is filled, and some time later ends what that has opened again."""
        orders = [order for order in self.manager.orders()[-150:] if order.venue is not None]
        filled = [order for order in orders if order.status is OrderStatus.FILLED and not order.missing_quantity]
        if not filled:
            return
        order = self.choose.choice(filled)
        trade = self.choose.choice(order.trades)
        number, self.busts = self.busts, self.busts + 1
        left = order.filled_quantity - trade.last_quantity
        bust = ExecutionReport(
            f"bust{number}", order.order_id, ExecType.TRADE_CANCEL, self.sim.now, left, trade.last_quantity, trade.last_quantity,
            trade.last_price_quanta, trade.fee, exec_ref_id=trade.exec_id, venue=trade.venue,
        )  # fmt: skip
        self.broker._arrived([bust])
        self.sim.call_after(self.choose.randint(0, 80 * MS), self._end, order)

    def _end(self, order: Order) -> None:
        if not order.is_final:
            end = ExecutionReport(
                f"end{self.busts}", order.order_id, ExecType.CANCELED, self.sim.now, order.filled_quantity, 0
            )
            self.broker._arrived([end])

    def run(self) -> Day:
        self.sim.process(self.trade())
        self.sim.run(CLOSES + SECOND)
        for venue in self.venues:
            venue.end_run()
        self.sim.run(CLOSES + 3 * SECOND)
        return self


@pytest.mark.parametrize(
    ("limits", "rules"),
    [
        (CASH, {"buying_power", "allow_short", "price_collar"}),
        (MARGIN, {"buying_power", "max_position", "max_notional", "max_order_quantity", "price_collar"}),
    ],
    ids=["cash", "margin"],
)
def test_a_thousand_orders_leave_an_account_that_is_the_oracles_after_every_report(
    limits: RiskLimits, rules: set[str]
) -> None:
    day = Day(limits, seed=4).run()
    orders = day.manager.orders()
    assert len(day.roots) == ROOTS
    assert {root.status for root in day.roots} >= {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED}
    assert day.risk.compared > 3_000
    assert day.busts > 30
    assert set(day.risk.refused) >= rules
    assert all(root.is_final for root in day.roots)
    assert not day.portfolio.snapshot(0).reservations
    check_orders(orders)
    check_portfolio(day.portfolio, orders)
