"""Orders through either door, market data of every kind, cancels: a naive reading predicts every fill, and the account to the unit.

And two brokers, one whose orders are all pushed and one whose orders are all pulled, fill them alike.
"""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from simexec.execution import OrderManager
from simexec.execution.backtest_broker import BacktestBroker
from simexec.execution.market_rows import row_of
from simexec.models.commission import PerShareCommissionModel
from simexec.models.slippage import FixedSlippageModel
from simexec.sim import Simulation
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import Fill
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, TimeInForce
from simexec.venue.market_simulator import MarketSimulator

from .naive_broker import Given, NaiveAccount, NaiveMarket, Trade

SECOND = 10**9
CASH = 1_000_000
KINDS = {"QQQ": "quotes", "PPP": "prices", "BBB": "bars", "RRR": "bars"}
INSTRUMENTS = [Instrument(symbol, Decimal("0.01")) for symbol in KINDS]
SYMBOLS = st.sampled_from(sorted(KINDS))
PRICES = st.integers(998, 1002)  # few, so that orders and quotes meet
SIZES = st.sampled_from([20, 7, 1, 0, 200])
LIVES = st.sampled_from([TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK])
ORDERS = {
    "symbol": SYMBOLS, "side": st.sampled_from(OrderSide), "quantity": st.integers(1, 60), "limit": st.none() | PRICES,
    "stop": st.sampled_from([None, None, None, *range(998, 1003)]), "tif": LIVES,
}  # fmt: skip
ROW = st.tuples(PRICES, PRICES, PRICES, PRICES, SIZES, SIZES, st.booleans())
ROWS = st.dictionaries(SYMBOLS, ROW, min_size=1, max_size=3)


def money(ticks: int) -> Decimal:
    return Decimal(ticks) / 100


def data_of(kind: str, row: tuple[Any, ...], start: int) -> Any:
    """Market data as a user hands them in, of a row of arbitrary figures."""
    a, b, c, d, size, other, flag = row
    if kind == "bars":
        return {
            "start": start, "open": money(a), "high": money(max(a, b, c, d)), "low": money(min(a, b, c, d)),
            "close": money(d), "volume": size,
        }  # fmt: skip
    if kind == "prices":
        return {"price": money(a), "volume": size, "spread": money(2 * abs(b - a))}
    if flag and size:
        return {"price": money(a), "quantity": size}
    return {"bid": money(min(a, b)), "bid_size": size, "ask": money(max(a, b)), "ask_size": other}


class Rig:
    """A broker with an order manager, and time that goes on in steps."""

    def __init__(self, share: str, slippage: float) -> None:
        self.sim = Simulation()
        self.portfolio = Portfolio(CASH)
        simulator = MarketSimulator(
            FixedSlippageModel(slippage), PerShareCommissionModel("0.01", min_commission=1), participation=share
        )
        self.broker = BacktestBroker(self.portfolio, simulator, instruments=INSTRUMENTS, sim=self.sim)
        self.manager = OrderManager(self.broker, self.portfolio, INSTRUMENTS, sim=self.sim)

    def order(
        self, symbol: str, side: OrderSide, quantity: int, limit: int | None, stop: int | None, tif: TimeInForce
    ) -> Order:
        kind = OrderType.MARKET if limit is None else OrderType.LIMIT
        if stop is not None:
            kind = OrderType.STOP if limit is None else OrderType.STOP_LIMIT
        terms: dict[str, Any] = {} if stop is None else {"stop_price": money(stop)}
        price = None if limit is None else money(limit)
        return self.manager.new_order(symbol, side, quantity, kind, price, time_in_force=tif, **terms)

    def push(self, order: Order) -> None:
        self.manager.submit(order)
        self.settle()

    def pull(self, order: Order) -> None:
        assert self.sim.run(self.broker.submit_order(order)) == order.order_id

    def settle(self) -> None:
        """Let the messages of this moment arrive."""
        self.sim.run(self.sim.now + 1)

    def hand_in(self, rows: dict[str, Any]) -> None:
        """Market data by the door that pushes."""
        for symbol, data in rows.items():
            instrument = self.broker.instrument(symbol)
            self.broker.push(instrument, row_of(instrument, data, self.sim.now))
        self.settle()

    def process(self, rows: dict[str, Any]) -> list[Fill]:
        """Market data by the door that is pulled."""
        fills: list[Fill] = self.sim.run(self.broker.process_pending_orders(rows))
        self.settle()
        return fills


class Machine(RuleBasedStateMachine):
    """One broker, four markets, two doors."""

    @initialize(share=st.sampled_from(["1", "0.5", "0.13"]), slippage=st.sampled_from(["0", "0.0013"]))
    def begin(self, share: str, slippage: str) -> None:
        self.rig = Rig(share, float(slippage))
        self.markets = {symbol: NaiveMarket(Fraction(share), Fraction(slippage)) for symbol in KINDS}
        self.account = NaiveAccount(CASH * 10**6)
        self.orders: dict[str, tuple[Order, Given]] = {}
        self.pulled: set[str] = set()
        self.outside: dict[str, list[Given]] = {symbol: [] for symbol in KINDS}  # pulled, and not at the market yet
        self.fills: list[Trade] = []  # of pulled orders, and not handed out yet
        self.all_trades: dict[str, list[Trade]] = {}
        self.ends: dict[str, int] = {}

    def _book(self, symbol: str, trades: list[Trade]) -> None:
        for name, quantity, at in trades:
            self.account.book(symbol, self.orders[name][1].side, name, quantity, at)
            self.all_trades.setdefault(name, []).append((name, quantity, at))
            if name in self.pulled:
                self.fills.append((name, quantity, at))

    @rule(orders=st.lists(st.tuples(st.fixed_dictionaries(ORDERS), st.booleans()), min_size=1, max_size=4))
    def orders_are_given(self, orders: list[tuple[dict[str, Any], bool]]) -> None:
        for fields, pulled in orders:
            self._give(**fields, pulled=pulled)

    def _give(
        self,
        symbol: str,
        side: OrderSide,
        quantity: int,
        limit: int | None,
        stop: int | None,
        tif: TimeInForce,
        pulled: bool,
    ) -> None:
        tif = TimeInForce.DAY if stop is not None else tif
        order = self.rig.order(symbol, side, quantity, limit, stop, tif)
        given_ = Given(order.order_id, side.sign, quantity, limit, stop, not tif.may_rest, tif is TimeInForce.FOK)
        self.orders[order.order_id] = order, given_
        market = self.markets[symbol]
        now = self.rig.sim.now
        if pulled:
            self.pulled.add(order.order_id)
            self.rig.pull(order)
            if market.known:
                self.outside[symbol].append(given_)
            else:
                self._book(symbol, market.give(given_, now, pulled=True))
        else:
            self.rig.push(order)
            self._book(symbol, market.give(given_, now, pulled=False))

    @rule(rows=ROWS, pull=st.booleans(), gap=st.booleans())
    def market_data(self, rows: dict[str, tuple[Any, ...]], pull: bool, gap: bool) -> None:
        rig = self.rig
        before = rig.sim.now
        rig.sim.run(before + 10 * SECOND)
        now = rig.sim.now
        starts = {symbol: before if gap else self.ends.get(symbol, 0) for symbol in rows}
        data = {symbol: data_of(KINDS[symbol], row, starts[symbol]) for symbol, row in rows.items()}
        for symbol, row in rows.items():
            self._hear(symbol, row, starts[symbol], now, pull)
        if pull:
            fills = rig.process(data)
            assert [(fill.order_id, fill.quantity, fill.price_quanta) for fill in fills] == self.fills
            self.fills = []
        else:
            rig.hand_in(data)

    def _hear(self, symbol: str, row: tuple[Any, ...], start: int, now: int, pull: bool) -> None:
        a, b, c, d, size, other, flag = row
        market, kind = self.markets[symbol], KINDS[symbol]
        if kind == "bars":
            self._book(symbol, market.bar(start, a, max(a, b, c, d), min(a, b, c, d), size))
            self.ends[symbol] = now
        elif kind == "quotes" and flag and size:
            if pull:
                self._enter(symbol, now)
            self._book(symbol, market.traded(a, size))
        else:
            if kind == "prices":
                half = abs(b - a)
                trades = market.shows(a - half, size, a + half, size, anew=True)
            else:
                trades = market.shows(min(a, b), size, max(a, b), other, anew=False)
            self._book(symbol, trades)
            if pull:
                self._enter(symbol, now)

    def _enter(self, symbol: str, now: int) -> None:
        waiting, self.outside[symbol] = self.outside[symbol], []
        for given_ in waiting:
            self._book(symbol, self.markets[symbol].give(given_, now, pulled=True))

    @rule(pick=st.integers(0, 1000))
    def cancel(self, pick: int) -> None:
        if not self.orders:
            return
        order, given_ = list(self.orders.values())[pick % len(self.orders)]
        if order.is_final:
            return
        if order.order_id in self.pulled:
            self.rig.sim.run(self.rig.broker.cancel_order(order.order_id))
        else:
            self.rig.manager.cancel(order)
            self.rig.settle()
        assert order.status is OrderStatus.CANCELLED
        if given_ in self.outside[order.symbol]:
            self.outside[order.symbol].remove(given_)
        self.markets[order.symbol].cancel(given_)

    @rule(pick=st.integers(0, 1000), quantity=st.integers(1, 30), price=PRICES)
    def trades_elsewhere(self, pick: int, quantity: int, price: int) -> None:
        """A part of a pushed order is filled by hand."""
        live = [one for one in self.orders.values() if one[1].live and one[0].order_id not in self.pulled]
        if not live:
            return
        order, given_ = live[pick % len(live)]
        quantity, name = min(quantity, given_.left), order.order_id
        exec_id = f"away-{len(order.execution_ids)}"
        fill = Fill(exec_id, name, order.instrument, order.side, quantity, 100 * price, self.rig.sim.now)
        self.rig.broker.take_out(order, fill)
        self.rig.sim.run(self.rig.manager.add_fill(name, fill))
        self.markets[order.symbol].traded_elsewhere(given_, quantity)
        self.account.book(order.symbol, order.side.sign, name, quantity, 100 * price, by_hand=True)
        self.all_trades.setdefault(name, []).append((name, quantity, 100 * price))

    @invariant()
    def every_order_and_the_account_are_as_predicted(self) -> None:
        if not hasattr(self, "rig"):
            return
        rig, account = self.rig, self.account
        rig.portfolio.check()
        assert rig.portfolio.cash["USD"] == account.cash
        assert rig.portfolio.fees["USD"] == account.fees
        for symbol in KINDS:
            assert rig.portfolio.position(symbol) == account.held.get(symbol, 0)
        for name, (order, given_) in self.orders.items():
            told = [(name, trade.last_quantity, trade.last_price_quanta) for trade in order.trades]
            assert told == self.all_trades.get(name, [])
            assert order.filled_quantity == given_.filled <= order.quantity
            assert order.is_final is not given_.live
            assert (order.status is OrderStatus.FILLED) is (given_.left == 0)
            assert not order.is_final or given_.left == 0 or order.reason
        pending = [order for name, (order, given_) in self.orders.items() if name in self.pulled and given_.live]
        assert rig.broker.pending_orders == pending

    def teardown(self) -> None:
        if not hasattr(self, "rig"):
            return
        self.rig.broker.end_run()
        self.rig.settle()
        fills = self.rig.process({})
        assert [(fill.order_id, fill.quantity, fill.price_quanta) for fill in fills] == self.fills
        assert self.rig.process({}) == []
        assert self.rig.broker.pending_orders == []
        for order, _ in self.orders.values():
            assert order.is_final
            assert order.missing_quantity == 0
        self.rig.portfolio.check()


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestABrokerWithTwoDoorsAgainstANaiveReading = Machine.TestCase


def any_fields(choose: random.Random) -> dict[str, Any]:
    """Fields of an order as the machine draws them."""
    near = range(998, 1003)
    return {
        "symbol": choose.choice(list(KINDS)), "side": choose.choice(list(OrderSide)), "quantity": choose.randint(1, 60),
        "limit": choose.choice([None, *near]), "stop": choose.choice([None, None, None, *near]),
        "tif": choose.choice([TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]),
    }  # fmt: skip


def any_rows(choose: random.Random) -> dict[str, tuple[Any, ...]]:
    """Rows of market data as the machine draws them."""
    sizes = [0, 1, 7, 20, 20, 200]
    return {
        symbol: (
            *(choose.randint(998, 1002) for _ in range(4)),
            choose.choice(sizes),
            choose.choice(sizes),
            choose.random() < 0.3,
        )
        for symbol in choose.sample(list(KINDS), choose.randint(1, 3))
    }


@pytest.mark.parametrize("seed", range(20))
def test_a_long_day_at_random_is_as_predicted_after_every_step(seed: int) -> None:
    """The machine again, without hypothesis: many orders rest at a time, as its short runs have few."""
    choose, machine = random.Random(seed), Machine()
    machine.begin(choose.choice(["1", "0.5", "0.13"]), choose.choice(["0", "0.0013"]))
    for _ in range(300):
        for _ in range(choose.randint(0, 2)):
            machine._give(**any_fields(choose), pulled=choose.random() < 0.5)
        if choose.random() < 0.2:
            machine.cancel(choose.randrange(1000))
        if choose.random() < 0.2:
            machine.trades_elsewhere(choose.randrange(1000), choose.randint(1, 30), choose.randint(998, 1002))
        machine.market_data(any_rows(choose), choose.random() < 0.6, choose.random() < 0.5)
        machine.every_order_and_the_account_are_as_predicted()
    trades = [
        (name in machine.pulled, trade.maker) for name, (order, _) in machine.orders.items() for trade in order.trades
    ]
    assert all(trades.count((pulled, maker)) >= 5 for pulled in (True, False) for maker in (True, False))
    machine.teardown()


# --- the same order at either door ---

STEPS = st.lists(
    st.tuples(st.lists(st.fixed_dictionaries(ORDERS), max_size=3), ROWS, st.booleans()), min_size=1, max_size=10
)


@settings(max_examples=100)
@given(steps=STEPS, share=st.sampled_from(["1", "0.13"]), slippage=st.sampled_from([0.0, 0.0013]))
def test_the_same_orders_get_the_same_fills_at_either_door(steps: list[Any], share: str, slippage: float) -> None:
    """With bars, and before anything is known, an order is pushed when the other is submitted; with quotes just after the next."""
    pushes, pulls = Rig(share, slippage), Rig(share, slippage)
    made: list[tuple[Order, Order]] = []
    waiting: list[Order] = []
    known: set[str] = set()
    ends: dict[str, int] = {}
    pulled_fills: list[Fill] = []
    for orders, rows, gap in steps:
        for fields in orders:
            fields = fields | {"tif": TimeInForce.DAY if fields["stop"] is not None else fields["tif"]}
            one, other = pushes.order(**fields), pulls.order(**fields)
            made.append((one, other))
            pulls.pull(other)
            if KINDS[one.symbol] != "bars" and one.symbol in known:
                waiting.append(one)
            else:
                pushes.manager.submit(one)
        for rig in (pushes, pulls):
            rig.settle()
            rig.sim.run((rig.sim.now // SECOND + 10) * SECOND)
        now = pushes.sim.now
        for symbol, row in rows.items():
            kind = KINDS[symbol]
            data = data_of(kind, row, max(0, now - 5 * SECOND) if gap else ends.get(symbol, 0))
            ends[symbol] = now
            here = [order for order in waiting if order.symbol == symbol]
            waiting = [order for order in waiting if order.symbol != symbol]
            is_trade = kind == "quotes" and "quantity" in data
            if is_trade:
                for order in here:
                    pushes.manager.submit(order)
                pushes.sim.run(_instant(pushes.sim))
            pushes.broker.push(pushes.broker.instrument(symbol), row_of(pushes.broker.instrument(symbol), data, now))
            if not is_trade:
                for order in here:
                    pushes.manager.submit(order)
                pushes.sim.run(_instant(pushes.sim))
            pulled_fills += pulls.sim.run(pulls.broker.process_pending_orders({symbol: data}))
            known.add(symbol)
        pushes.settle()
        pulls.settle()
    for one, other in made:
        if one in waiting:
            continue
        assert _story(one) == _story(other)
        assert (one.status, one.reason) == (other.status, other.reason)
        of_it = [fill for fill in pulled_fills if fill.order_id == other.order_id]
        assert [(fill.quantity, fill.price_quanta, fill.fee) for fill in of_it] == [told[:3] for told in _story(other)]
    assert (pushes.portfolio.cash, pushes.portfolio.fees) == (pulls.portfolio.cash, pulls.portfolio.fees)
    pushes.portfolio.check()
    pulls.portfolio.check()


async def _instant(sim: Simulation) -> None:
    """Let what was sent now arrive, without time passing: a request and its answer take a few calendar events."""
    for _ in range(10):
        await sim.timeout(0)


def _story(order: Order) -> list[tuple[int, int, int, int, int, bool]]:
    return [
        (one.last_quantity, one.last_price_quanta, one.fee, one.slippage_quanta, one.time_ns, one.maker)
        for one in order.trades
    ]
