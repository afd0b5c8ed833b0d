"""A halt, an outage, a throttle and a feed freeze in one run of a whole desk."""

from __future__ import annotations

import random
from decimal import Decimal

from simexec.execution import Broker, Latencies, OrderManager
from simexec.market.market import Market
from simexec.market.view import MarketView
from simexec.sim import Constant, Exponential, Simulation
from simexec.testing import check_book, check_orders, check_portfolio, random_flow
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, TimeInForce
from simexec.venue import Halt, Outage, Slowdown, Throttle, ThrottleAction, TradingHours, TradingState, Venue

SECOND = 10**9
HALT, OUTAGE, FREEZE = (20 * SECOND, 30 * SECOND), (40 * SECOND, 50 * SECOND), (55 * SECOND, 65 * SECOND)
HOURS = TradingHours(5 * SECOND, 80 * SECOND, pre_open_ns=2 * SECOND, halts=[Halt(*HALT)])


class Day:
    """A desk that sends an order of some kind every 50 ms, and cancels or replaces some, whatever happens around it."""

    def __init__(self, throttle: Throttle) -> None:
        self.sim = sim = Simulation(seed=11)
        self.instrument = Instrument("TEST", Decimal("0.01"))
        self.market = Market("XTST", random_flow()(sim, self.instrument, HOURS))
        self.venue = Venue(
            sim,
            "XTST",
            self.instrument,
            self.market,
            HOURS,
            service=Exponential("1ms"),
            throttle=throttle,
            incidents=[Outage(*OUTAGE), Slowdown(66 * SECOND, 70 * SECOND, 20)],
        )
        broker = Broker(sim)
        broker.connect(self.venue, Latencies(*[Constant("5ms")] * 3))
        self.portfolio = Portfolio(10**9, "USD")
        self.manager = OrderManager(broker, self.portfolio, [self.instrument], sim=sim)
        self.view = MarketView(sim, self.market, Constant("10ms"))
        self.view.freeze(*FREEZE)
        self.stale = 0
        self.states: set[TradingState | None] = set()

    async def trade(self) -> None:
        choose = random.Random(4)
        orders: list[Order] = []
        while self.sim.now < 79 * SECOND:
            await self.sim.timeout("50ms")
            self.states.add(self.venue.state())
            quote = self.view.quote()
            if quote is None or quote.bid is None or quote.ask is None:
                price = 10_000
            else:
                price = (quote.bid if choose.random() < 0.5 else quote.ask) // 100
                self.stale = max(self.stale, self.sim.now - quote.time_ns)
            orders.append(self._send(choose, price))
            for order in choose.sample(orders, 1):
                if not order.is_final and not order.pending_cancel:
                    if choose.random() < 0.3:
                        self.manager.cancel(order)
                    elif order.price_ticks is not None and choose.random() < 0.5:
                        self.manager.resize(order, order.quantity + choose.randint(-3, 3) + 4)

    def _send(self, choose: random.Random, price: int) -> Order:
        side = choose.choice([OrderSide.BUY, OrderSide.SELL])
        kind = choose.choice([OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT])
        tif = choose.choice([TimeInForce.DAY, TimeInForce.GTC])
        terms = OrderTerms(stop_ticks=price + side.sign * 2) if kind.is_stop else None
        order = self.manager.create(
            self.instrument, side, choose.randint(1, 9), kind, price if kind.has_price else None, tif, terms=terms
        )
        self.manager.submit(order)
        return order

    def run(self) -> list[Order]:
        self.sim.process(self.trade())
        self.sim.run("90s")
        self.venue.end_run()
        self.sim.run("100s")
        return self.manager.orders()


def test_every_order_has_a_final_state_and_a_reason_and_nothing_fills_while_halted() -> None:
    for action in ThrottleAction:
        day = Day(Throttle(15, "1s", action))
        orders = day.run()
        check_orders(orders)
        check_portfolio(day.portfolio, orders)
        check_book(day.market.book)
        assert all(order.reason for order in orders if order.status is not OrderStatus.FILLED)
        trades = [trade for order in orders for trade in order.trades]
        assert len(trades) > 100
        for start, end in (HALT, OUTAGE, (0, HOURS.open_ns), (HOURS.close_ns, 200 * SECOND)):
            assert not any(start < trade.time_ns < end for trade in trades)
        day.market.book.flush()
        times = day.market.book.prints.since()[:, 0]
        assert not ((times >= HALT[0]) & (times < HALT[1])).any()
        assert not ((times >= OUTAGE[0]) & (times < OUTAGE[1])).any()
        # all of it has happened
        assert day.states == {TradingState.CLOSED, TradingState.PRE_OPEN, TradingState.OPEN, TradingState.HALTED, None}
        assert day.stale >= FREEZE[1] - FREEZE[0] - SECOND
        seen = day.venue.statistics()
        assert (seen.throttled > 100) is (action is ThrottleAction.REJECT)
        assert (seen.delayed > 100) is (action is ThrottleAction.QUEUE)
        reasons = {order.reason for order in orders}
        assert any("is halted until" in reason for reason in reasons)
        if action is ThrottleAction.REJECT:
            assert "more than 15 messages in 1s" in reasons
