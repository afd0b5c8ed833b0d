"""A broker with two doors: what is pushed and what is pulled, and all that is refused without anything being done."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from simexec.errors import InputError, OrderError, TransitionError
from simexec.execution import Broker, Latencies, OrderManager, RiskPortfolioContainer
from simexec.execution.backtest_broker import BacktestBroker
from simexec.execution.engine import DefaultExecutionEngine
from simexec.execution.market_rows import row_of
from simexec.models.commission import PercentCommissionModel, PerShareCommissionModel
from simexec.models.impact import AlmgrenImpactModel
from simexec.models.slippage import FixedSlippageModel, VolumeSlippageModel
from simexec.sim import Constant, Simulation
from simexec.testing import make_desk
from simexec.trading.capabilities import require
from simexec.trading.instrument import Instrument
from simexec.trading.market_data import Bar, QuoteUpdate, TradeUpdate
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import Fill
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, TimeInForce
from simexec.venue import TradingHours
from simexec.venue.market_simulator import MarketSimulator

BUY, SELL = OrderSide.BUY, OrderSide.SELL
MARKET, LIMIT, STOP = OrderType.MARKET, OrderType.LIMIT, OrderType.STOP
DAY, GTC, IOC, FOK, GTD = TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD
SECOND = 10**9
SHARE = Instrument("AAPL", Decimal("0.01"))
OTHER = Instrument("MSFT", Decimal("0.05"), lot=10)


@pytest.fixture
def sim() -> Iterator[Simulation]:
    with Simulation() as current:
        yield current


class Desk:
    """A broker, an order manager without one for orders that are pulled, and one with it for those that are pushed."""

    def __init__(self, sim: Simulation, capital: int = 1_000_000, **options: Any) -> None:
        self.sim = sim
        self.portfolio = Portfolio(capital)
        self.broker = BacktestBroker(self.portfolio, **options)
        self.free = OrderManager()
        self.manager = OrderManager(self.broker, self.portfolio, self.broker.instruments)

    def order(
        self, side: OrderSide = BUY, quantity: int = 100, price: Any = None, symbol: str = "AAPL", **more: Any
    ) -> Order:
        """An order for the door that is pulled."""
        kind = more.pop("order_type", MARKET if price is None else LIMIT)
        return self.free.new_order(symbol, side, quantity, kind, price, **more)

    def pushed(
        self, side: OrderSide = BUY, quantity: int = 100, price: Any = None, symbol: str = "AAPL", **more: Any
    ) -> Order:
        """An order that was sent by the order manager."""
        kind = more.pop("order_type", MARKET if price is None else LIMIT)
        order = self.manager.new_order(symbol, side, quantity, kind, price, **more)
        self.manager.submit(order)
        return order

    def submit(self, *orders: Order) -> None:
        for order in orders:
            assert self.sim.run(self.broker.submit_order(order)) == order.order_id

    def pull(self, **prices: Any) -> list[tuple[str, int, float]]:
        """Order, quantity and price of each fill."""
        fills: list[Fill] = self.sim.run(self.broker.process_pending_orders(prices))
        return [(fill.order_id, fill.quantity, float(fill.price)) for fill in fills]

    def push(self, data: Any, symbol: str = "AAPL") -> None:
        instrument = self.broker.instrument(symbol)
        self.broker.push(instrument, row_of(instrument, data, self.sim.now))

    def after(self, seconds: float) -> Desk:
        self.sim.run(self.sim.now + round(seconds * SECOND))
        return self


@pytest.fixture
def desk(sim: Simulation) -> Desk:
    return Desk(sim)


def bar(open_: float, high: float, low: float, close: float, volume: int, start: str = "0ns") -> dict[str, Any]:
    return {"start": start, "open": open_, "high": high, "low": low, "close": close, "volume": volume}


# --- making one ---


def test_the_account_is_that_of_risk_and_the_broker_keeps_none() -> None:
    with Simulation():
        risk = RiskPortfolioContainer(initial_capital=100_000)
        broker = BacktestBroker(portfolio_state=risk.get_portfolio_state())
        assert broker.portfolio_state is risk.get_portfolio_state()


@pytest.mark.parametrize("cash", [100_000, 0, Decimal(1)])
def test_initial_cash_is_an_error_that_says_what_to_give(sim: Simulation, cash: Any) -> None:
    with pytest.raises(
        InputError, match=rf"initial_cash={cash} was given, but a broker keeps no cash .* give portfolio_state="
    ):
        BacktestBroker(initial_cash=cash)
    with pytest.raises(InputError, match="initial_cash"):
        BacktestBroker(Portfolio(1), initial_cash=cash)


@pytest.mark.parametrize("account", [None, 100_000, "cash", {"USD": 1}])
def test_something_that_is_no_portfolio_is_refused(sim: Simulation, account: Any) -> None:
    with pytest.raises(InputError, match=r"portfolio_state .* is no portfolio; give RiskPortfolioContainer"):
        BacktestBroker(account)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"market_simulator": FixedSlippageModel()}, r"is no MarketSimulator; give MarketSimulator\(...\), or None"),
        ({"latencies": "250us"}, r"'250us' is no Latencies; give Latencies\(...\), or None"),
        ({"instruments": ["AAPL"]}, r"instrument 'AAPL' is no Instrument; give Instrument\(symbol, tick\)"),
        ({"instruments": [SHARE, Instrument("AAPL", Decimal(1))]}, "is not what is traded here by that symbol"),
    ],
)
def test_something_else_in_the_place_of_an_argument_is_refused(
    sim: Simulation, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(InputError, match=text):
        BacktestBroker(Portfolio(1), **options)


def test_brokers_of_one_simulation_get_names_of_their_own_and_do_not_meet(sim: Simulation) -> None:
    first, second = Desk(sim), Desk(sim)
    for one in (first, second):
        one.submit(one.order())
    assert first.pull(AAPL=100) == second.pull(AAPL=100) == [("ord_1", 100, 100.0)]
    assert (first.broker.venues, second.broker.venues) == (["SIM.AAPL"], ["SIM2.AAPL"])
    assert BacktestBroker(Portfolio(1), name="mine").name == "mine"
    with pytest.raises(InputError, match="a broker named 'mine' is in this simulation already"):
        BacktestBroker(Portfolio(1), name="mine")


def test_a_broker_has_one_order_manager(desk: Desk) -> None:
    with pytest.raises(
        InputError, match="SIM has an order manager already; make another BacktestBroker for the second"
    ):
        OrderManager(desk.broker)


def test_it_says_what_it_can_do(desk: Desk) -> None:
    require(desk.broker, order_types=[MARKET, LIMIT, STOP], times_in_force=TimeInForce, features=["post_only"])
    desk.push({"price": 100})
    require(desk.broker, features=["post_only"], mode="BACKTEST_SINGLE")
    desk.after(1).push(bar(1, 1, 1, 1, 1), "MSFT")
    with pytest.raises(InputError, match="lacks features post_only"):
        require(desk.broker, features=["post_only"])


# --- the door that is pulled ---


def test_the_specifications_way() -> None:
    async def main() -> None:
        broker = BacktestBroker(portfolio_state=RiskPortfolioContainer(initial_capital=100000).get_portfolio_state())
        order = await OrderManager().create_order(symbol="AAPL", side=BUY, quantity=100)
        assert await broker.submit_order(order) == order.order_id
        assert broker.pending_orders == [order]
        (fill,) = await broker.process_pending_orders({"AAPL": 150.25})
        assert (fill.order_id, fill.quantity, fill.price) == (order.order_id, 100, Decimal("150.25"))
        assert broker.portfolio_state.position("AAPL") == 100
        assert broker.portfolio_state.cash["USD"] == (100_000 - 15_025) * 10**6
        assert (order.status, broker.pending_orders) == (OrderStatus.FILLED, [])

    with Simulation() as sim:
        sim.run(main())
        assert sim.now == 0  # all of it takes no time


def test_an_order_meets_the_price_that_is_handed_in_and_not_one_of_the_past(desk: Desk) -> None:
    desk.pull(AAPL=100)
    order = desk.order()
    desk.submit(order)
    assert (order.status, order.venue) == (OrderStatus.SUBMITTED, "SIM.AAPL")
    assert desk.after(1).pull(MSFT=5) == []
    assert order.acknowledged_ns is None
    assert desk.pull(AAPL=110) == [("ord_1", 100, 110.0)]
    assert order.trades[0].time_ns == SECOND


@pytest.mark.parametrize(("side", "limit", "price"), [(BUY, 101, 100), (SELL, 99, 100)])
def test_a_limit_order_gets_the_price_if_that_is_better_than_its_limit(
    desk: Desk, side: OrderSide, limit: int, price: int
) -> None:
    desk.submit(desk.order(side, price=limit))
    assert desk.pull(AAPL=price) == [("ord_1", 100, 100.0)]


def test_a_limit_order_that_rests_gets_its_limit_when_the_price_comes_to_it(desk: Desk) -> None:
    desk.submit(desk.order(price=99))
    assert desk.pull(AAPL=100) == []
    assert desk.pull(AAPL="99.01") == []
    assert desk.pull(AAPL=98) == [("ord_1", 100, 99.0)]


def test_a_stop_waits_for_its_price_and_then_takes_what_there_is(desk: Desk) -> None:
    desk.submit(desk.order(SELL, order_type=STOP, stop_price="99"))
    assert desk.pull(AAPL=100) == []
    assert desk.pull(AAPL="98.50") == [("ord_1", 100, 98.5)]


@pytest.mark.parametrize(("tif", "filled"), [(IOC, 60), (FOK, 0)])
def test_an_immediate_order_takes_what_the_next_price_offers_and_ends(
    desk: Desk, tif: TimeInForce, filled: int
) -> None:
    order = desk.order(time_in_force=tif)
    desk.submit(order)
    assert desk.pull(AAPL={"price": 100, "volume": 60}) == ([("ord_1", 60, 100.0)] if filled else [])
    assert (order.status, order.filled_quantity) == (OrderStatus.CANCELLED, filled)
    assert order.reason == (
        "the rest of an immediate-or-cancel order" if filled else "cannot be filled in full at once"
    )
    assert desk.pull(AAPL=100) == []


def test_what_a_volume_does_not_give_waits_for_the_next(sim: Simulation) -> None:
    desk = Desk(sim, market_simulator=MarketSimulator(participation="0.5"))
    first, second = desk.order(quantity=100), desk.order(quantity=30)
    desk.submit(first, second)
    row = {"price": 100, "volume": 120}
    assert desk.pull(AAPL=row) == [("ord_1", 60, 100.0)]
    assert desk.broker.pending_orders == [first, second]
    assert desk.pull(AAPL=row) == [("ord_1", 40, 100.0), ("ord_2", 20, 100.0)]
    assert desk.pull(AAPL=row) == [("ord_2", 10, 100.0)]
    assert first.average_price == second.average_price == 100


def test_those_that_rested_trade_before_those_that_are_new(desk: Desk) -> None:
    desk.submit(desk.order(quantity=80, price=99))
    desk.pull(AAPL=100)
    desk.submit(desk.order(quantity=80, price=99))
    assert desk.pull(AAPL={"price": 99, "volume": 100}) == [("ord_1", 80, 99.0), ("ord_2", 20, 99.0)]


def test_a_bar_concerns_orders_that_were_submitted_when_it_began(desk: Desk) -> None:
    desk.submit(desk.order(quantity=10))
    desk.after(10).submit(desk.order(quantity=20))
    assert desk.after(10).pull(AAPL=bar(100, 101, 99, 100, 500, "5s")) == [("ord_1", 10, 100.0)]
    desk.submit(desk.order(SELL, 5, "101.50"))
    assert desk.after(10).pull(AAPL=bar(102, 103, 99, 100, 500, "20s")) == [("ord_2", 20, 102.0), ("ord_3", 5, 102.0)]


def test_a_trade_of_others_concerns_orders_that_were_there(desk: Desk) -> None:
    desk.submit(desk.order(price=100))
    assert desk.pull(AAPL=TradeUpdate("AAPL", 0, 99.0, 30)) == [("ord_1", 30, 100.0)]
    desk.submit(desk.order(price=100))
    assert desk.pull(AAPL=TradeUpdate("AAPL", 0, 99.0, 100)) == [("ord_1", 70, 100.0), ("ord_2", 30, 100.0)]


def test_bars_and_quotes_come_as_strategies_are_told_of_them(desk: Desk) -> None:
    desk.submit(desk.order(quantity=10), desk.order(quantity=10, symbol="MSFT"))
    desk.after(60)
    data = {
        "AAPL": Bar("AAPL", 0, 60 * SECOND, 100.0, 101.0, 99.0, 100.5, 500),
        "MSFT": QuoteUpdate("MSFT", 59 * SECOND, 49.95, 100, 50.05, 100),
    }
    assert desk.pull(**data) == [("ord_1", 10, 100.0), ("ord_2", 10, 50.05)]
    assert desk.portfolio.positions["AAPL"].mark_quanta == 1_005_000
    assert desk.portfolio.positions["MSFT"].mark_quanta == 500_000


def test_symbols_are_worked_in_the_order_in_which_their_prices_are_given(desk: Desk) -> None:
    desk.submit(desk.order(), desk.order(symbol="MSFT"))
    assert [one[0] for one in desk.pull(MSFT=50, AAPL=100)] == ["ord_2", "ord_1"]


def test_slippage_and_commission_are_those_of_the_simulator(sim: Simulation) -> None:
    simulator = MarketSimulator(FixedSlippageModel(0.001), PerShareCommissionModel("0.005", min_commission=1))
    desk = Desk(sim, market_simulator=simulator)
    desk.submit(desk.order(quantity=100))
    (fill,) = sim.run(desk.broker.process_pending_orders({"AAPL": 100}))
    assert (fill.price, fill.commission, fill.slippage) == (Decimal("100.1"), 1, Decimal("0.1"))
    assert desk.portfolio.cash["USD"] == (1_000_000 - 10_010 - 1) * 10**6
    desk.portfolio.check()


def test_each_fill_is_returned_once_whoever_handed_the_data_in(desk: Desk) -> None:
    desk.submit(desk.order(price=99))
    assert desk.pull(AAPL=100) == []
    desk.push({"price": 98})
    assert desk.portfolio.position("AAPL") == 100  # booked when it happens
    assert desk.pull(MSFT=5) == [("ord_1", 100, 99.0)]
    assert desk.pull() == desk.pull(AAPL=98) == []


def test_a_cancel_takes_what_is_left_at_once_whether_it_met_the_market_or_not(desk: Desk) -> None:
    first, second = desk.order(price=90), desk.order()
    desk.submit(first)
    desk.pull(AAPL=100)
    desk.submit(second)
    for order, reason in ((first, "cancelled on request"), (second, "cancelled before it met the market")):
        desk.sim.run(desk.broker.cancel_order(order.order_id))
        assert (order.status, order.reason) == (OrderStatus.CANCELLED, reason)
        with pytest.raises(OrderError, match=f"order '{order.order_id}' is not pending here"):
            desk.sim.run(desk.broker.cancel_order(order.order_id))
    assert desk.pull(AAPL=80) == []
    assert desk.broker.pending_orders == []


def test_orders_expire_as_their_terms_say_where_they_have_entered(sim: Simulation) -> None:
    desk = Desk(sim, hours=TradingHours(0, 100 * SECOND))
    dated, daily, lasting = (
        desk.order(price=90, time_in_force=GTD, expire="10s"), desk.order(price=90), desk.order(price=90, time_in_force=GTC),
    )  # fmt: skip
    desk.submit(dated, daily, lasting)
    desk.after(11)
    assert (dated.status, dated.reason) == (OrderStatus.EXPIRED, "its time has come")
    desk.after(100)
    assert (daily.status, daily.reason) == (OrderStatus.EXPIRED, "SIM.AAPL has closed")
    assert desk.broker.pending_orders == [lasting]
    late = desk.order()
    desk.submit(late)
    assert (late.status, late.reason) == (OrderStatus.REJECTED, "SIM.AAPL trades 00:00:00-00:01:40")


def test_a_venue_refuses_what_it_cannot_do_and_says_why(desk: Desk) -> None:
    order = desk.order(price=90, post_only=True)
    desk.submit(order)
    assert order.status is OrderStatus.REJECTED
    assert "post-only cannot be kept" in order.reason
    desk.pull(AAPL=100)
    trailing = desk.order(SELL, order_type=OrderType.TRAILING_STOP, trail="1")
    desk.submit(trailing)
    assert desk.pull(AAPL=100) == []
    assert (trailing.status, trailing.reason) == (
        OrderStatus.REJECTED, "a trailing_stop order follows a book, and SIM.AAPL has none",
    )  # fmt: skip
    assert desk.broker.pending_orders == []


def test_the_end_of_a_run_ends_every_order_with_a_reason(desk: Desk) -> None:
    rests, waits = desk.order(price=90), desk.order()
    pushed = desk.pushed(price=91)
    desk.submit(rests)
    desk.pull(AAPL=100)
    desk.submit(waits)
    desk.broker.end_run()
    desk.after(1)
    for order in (rests, waits, pushed):
        assert (order.status, order.reason) == (OrderStatus.EXPIRED, "the simulation has ended")
    assert desk.pull(AAPL=50) == []


def test_an_order_that_was_ended_by_whoever_made_it_is_taken_back_and_not_filled(desk: Desk) -> None:
    made, outside = desk.order(price=90), desk.order(price=90)
    desk.submit(made)
    desk.pull(AAPL=100)
    desk.submit(outside)
    for order in (made, outside):
        desk.free.cancel(order)
        assert order.status is OrderStatus.CANCELLED
    assert desk.broker.pending_orders == []
    with pytest.raises(OrderError, match="is not pending here; pending: none"):
        desk.sim.run(desk.broker.cancel_order(made.order_id))
    desk.push({"price": 50})
    assert desk.pull(AAPL=50) == []
    assert desk.portfolio.position("AAPL") == 0
    assert not desk.broker.venue(SHARE).market.orders


def test_orders_that_have_ended_are_not_kept(desk: Desk) -> None:
    kept = []
    for _ in range(20):
        order = desk.order(quantity=1, price=101)
        desk.submit(order)
        desk.pull(AAPL=100)
        kept.append(weakref.ref(order))
    desk.free._tree.orders.clear()
    desk.free._tree.live(None, None, None)
    del order
    gc.collect()
    assert [one() for one in kept] == [None] * 20


# --- the door that pushes ---


def test_what_is_pushed_is_heard_by_the_order_manager_and_never_pulled(desk: Desk) -> None:
    order = desk.pushed()
    desk.after(1).push({"price": 100})
    assert order.filled_quantity == 0  # its report is on its way
    desk.after(1)
    assert (order.status, order.trades[0].time_ns) == (OrderStatus.FILLED, SECOND)
    assert desk.pull(AAPL=100) == []
    assert desk.portfolio.position("AAPL") == 100


def test_orders_of_both_doors_share_what_is_shown(desk: Desk) -> None:
    pushed = desk.pushed(quantity=80, price=100)
    desk.after(1).submit(desk.order(quantity=80, price=100))
    assert desk.pull(AAPL={"bid": 99, "bid_size": 500, "ask": 100, "ask_size": 100}) == [("ord_1", 20, 100.0)]
    desk.after(1)
    assert pushed.filled_quantity == 80


@pytest.mark.parametrize("latency", [0, 250_000])
def test_latencies_make_what_is_pushed_later_and_leave_what_is_pulled(sim: Simulation, latency: int) -> None:
    desk = Desk(sim, latencies=Latencies(*[Constant(latency)] * 3))
    pushed = desk.pushed(price=101)
    desk.submit(pulled := desk.order(price=101))
    desk.after(0.0001)  # the pulled order is there, the pushed one only without latency
    assert (desk.pull(AAPL=100), sim.now) == ([("ord_1", 100, 100.0)], 100_000)
    assert pulled.trades[0].time_ns == 100_000
    desk.after(1)
    (trade,) = pushed.trades
    assert trade.time_ns == (250_000 if latency else 100_000)
    assert pushed.acknowledged_ns == latency


def test_everything_works_at_one_time(sim: Simulation) -> None:
    desk = Desk(sim)

    async def main() -> None:
        for price in (100, 101, 102):
            order = await desk.manager.create_order("AAPL", BUY, 10)
            await desk.manager.submit_order(order.order_id)
            await desk.broker.submit_order(desk.order(quantity=5))
            assert len(await desk.broker.process_pending_orders({"AAPL": price})) == 1
            await desk.manager.wait_final(order)
            assert order.average_price == price

    sim.run(main())
    assert sim.now == 0
    assert desk.portfolio.position("AAPL") == 45


# --- never both ---


def test_an_order_that_was_sent_is_not_taken_by_the_other_door(desk: Desk) -> None:
    order = desk.pushed(price=90)
    for _ in range(2):
        with pytest.raises(
            OrderError, match=r"ord_1 is SUBMITTED at SIM.AAPL: its fills are pushed .* cannot be pulled too"
        ):
            desk.sim.run(desk.broker.submit_order(order))
        desk.after(1)
    assert desk.broker.pending_orders == []
    desk.push({"price": 80})
    desk.after(1)
    assert (order.filled_quantity, desk.portfolio.position("AAPL")) == (100, 100)


def test_an_order_that_is_pulled_is_not_sent_by_its_manager(desk: Desk) -> None:
    order = desk.manager.new_order("AAPL", BUY, 100, LIMIT, 101)
    desk.submit(order)
    with pytest.raises(TransitionError, match="order ord_1 is SUBMITTED and cannot be sent; only a PENDING order can"):
        desk.manager.submit(order)
    assert desk.pull(AAPL=100) == [("ord_1", 100, 100.0)]
    assert (order.filled_quantity, desk.portfolio.position("AAPL")) == (100, 100)


def test_a_parent_that_an_algorithm_works_is_not_taken(desk: Desk) -> None:
    class Nobody:
        def attend(self) -> None: ...

    parent = desk.manager.new_order("AAPL", BUY, 100)
    assert desk.manager.begin(parent, Nobody())  # type: ignore[arg-type]
    with pytest.raises(OrderError, match="ord_1 is SUBMITTED and at no venue, as one is that an algorithm works"):
        desk.sim.run(desk.broker.submit_order(parent))


def test_an_order_that_a_manager_without_a_broker_has_marked_sent_is_taken(sim: Simulation) -> None:
    broker, manager = BacktestBroker(Portfolio(1_000_000)), OrderManager()
    order = manager.new_order("AAPL", BUY, 100)
    manager.submit(order)
    sim.run(broker.submit_order(order))
    sim.run(broker.process_pending_orders({"AAPL": 100}))
    assert order.status is OrderStatus.FILLED


def test_an_order_is_submitted_once(desk: Desk) -> None:
    order = desk.order()
    desk.submit(order)
    with pytest.raises(OrderError, match="ord_1 was submitted here before, and is pending; an order is submitted once"):
        desk.sim.run(desk.broker.submit_order(order))
    desk.pull(AAPL=100)
    with pytest.raises(OrderError, match="ord_1 has ended, it is FILLED; create another"):
        desk.sim.run(desk.broker.submit_order(order))
    assert desk.pull(AAPL=100) == []


@pytest.mark.parametrize("order", [None, "ord_1", {"symbol": "AAPL"}])
def test_something_that_is_no_order_is_not_taken(desk: Desk, order: Any) -> None:
    with pytest.raises(InputError, match=r"order .* is no Order; create one"):
        desk.sim.run(desk.broker.submit_order(order))


def test_an_order_for_another_venue_is_not_taken(desk: Desk) -> None:
    order = desk.order(venue="XNAS")
    with pytest.raises(OrderError, match=r"ord_1 is for XNAS, and AAPL trades at SIM.AAPL here"):
        desk.sim.run(desk.broker.submit_order(order))
    assert order.status is OrderStatus.PENDING
    desk.submit(desk.order(venue="SIM.AAPL"))


@pytest.mark.parametrize("order_id", ["ord_1", "", None, 7])
def test_the_cancel_of_an_order_that_is_not_here_is_refused_with_those_that_are(desk: Desk, order_id: Any) -> None:
    pushed = desk.pushed(price=90)
    desk.after(1).submit(desk.order(symbol="MSFT"), other := desk.order(symbol="MSFT"))
    desk.sim.run(desk.broker.cancel_order("ord_1"))
    with pytest.raises(OrderError, match=rf"order {order_id!r} is not pending here; pending: ord_2"):
        desk.sim.run(desk.broker.cancel_order(order_id))
    assert (pushed.status, other.status) == (OrderStatus.SUBMITTED, OrderStatus.SUBMITTED)


# --- wrong market data: nothing half done ---

GOOD = {"AAPL": 95, "MSFT": {"price": 45, "volume": 100}}


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"IBM": float("nan")}, "IBM price nan is not a finite number"),
        ({"IBM": -1}, "IBM price -1 is not positive; give one above 0"),
        ({"IBM": 0}, "IBM price 0 is not positive"),
        ({"IBM": "high"}, "IBM price 'high' is not a number"),
        ({"IBM": None}, "IBM price None is not a number"),
        ({"IBM": {"price": 5, "volum": 3}}, r"'volum', which does not belong to their kind; did you mean 'volume'\?"),
        ({"IBM": {"bid": 5, "ask": 4}}, "bid 5 of IBM is above the ask 4"),
        ({"IBM": bar(5, 5, 5, 5, 5, "2m")}, "is empty, or begins before the end of the one before"),
        ({"IBM": Bar("IBM", 60 * SECOND, 120 * SECOND, 5, 5, 5, 5, 5)}, "a bar is handed in at its end"),
        ({"IBM": TradeUpdate("IBM", 120 * SECOND, 5, 5)}, "nothing is known before its time"),
        ({"IBM": TradeUpdate("AAPL", 0, 5, 5)}, "market data of 'AAPL' were handed in as those of IBM"),
        ({"BARS": 5}, "SIM.BARS has bars and was handed quotes and trades; give one kind only"),
        ({"BARS": bar(5, 5, 5, 5, 5, "0ns")}, "a bar of SIM.BARS from 0 to 60000000000 ns is empty, or begins before the end"),
        ({"AAPL": bar(5, 5, 5, 5, 5, "59s")}, "SIM.AAPL has quotes and trades and was handed bars"),
        ({"": 5}, "symbol '' is not a name"),
        ({5: 5}, "symbol 5 is not a name"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("last", [True, False])
def test_one_wrong_price_among_three_leaves_everything_as_it_was(
    desk: Desk, wrong: dict[Any, Any], text: str, last: bool
) -> None:
    rests, waits, second, pushed = desk.order(price=99), desk.order(), desk.order(symbol="MSFT"), desk.pushed(price=96)
    desk.submit(rests)
    desk.pull(AAPL=100)
    desk.submit(waits, second)
    desk.after(30).pull(BARS=bar(1, 1, 1, 1, 1))
    desk.after(30)
    data = (GOOD | wrong) if last else (wrong | {name: one for name, one in GOOD.items() if name not in wrong})
    before = [(order.status, order.filled_quantity) for order in (rests, waits, second, pushed)]
    account, marks = desk.portfolio.snapshot(0), dict(desk.portfolio._marks)
    with pytest.raises(InputError, match=text):
        desk.sim.run(desk.broker.process_pending_orders(data))
    desk.after(1)
    assert [(order.status, order.filled_quantity) for order in (rests, waits, second, pushed)] == before
    assert (desk.portfolio.snapshot(0), desk.portfolio._marks) == (account, marks)
    assert desk.pull() == []
    assert sorted(desk.pull(**GOOD)) == [("ord_1", 100, 99.0), ("ord_2", 100, 95.0), ("ord_3", 100, 45.0)]
    desk.after(1)
    assert pushed.average_price == 96


@pytest.mark.parametrize("prices", [None, 100, [("AAPL", 100)], "AAPL"])
def test_market_prices_that_are_no_mapping_are_refused(desk: Desk, prices: Any) -> None:
    desk.submit(desk.order())
    with pytest.raises(InputError, match=r"market_prices .* are no mapping; give them by symbol"):
        desk.sim.run(desk.broker.process_pending_orders(prices))


def test_a_price_without_the_volume_that_a_model_needs_is_refused_by_either_door(sim: Simulation) -> None:
    desk = Desk(sim, market_simulator=MarketSimulator(VolumeSlippageModel()))
    desk.submit(desk.order(symbol="MSFT"), desk.order())
    text = "VolumeSlippageModel needs the volume of AAPL, and a price was given without; give both"
    with pytest.raises(InputError, match=text):
        desk.pull(MSFT={"price": 5, "volume": 500}, AAPL=100)
    for data in ({"price": 100}, {"bid": 99, "ask": 101, "ask_size": 5}):
        with pytest.raises(InputError, match=text):
            desk.push(data)
    assert "AAPL" not in desk.portfolio._marks
    assert desk.pull(AAPL={"price": 100, "volume": 500}) == [("ord_2", 100, 100.002)]


def test_quotes_where_an_impact_model_needs_bars_are_refused_before_anything_is_done(sim: Simulation) -> None:
    model = AlmgrenImpactModel(daily_volume=10**6, daily_volatility=0.02, shares_outstanding=10**8)
    desk = Desk(sim, market_simulator=MarketSimulator(impact_model=model))
    desk.submit(desk.order())
    with pytest.raises(InputError, match=r"AlmgrenImpactModel needs the length of a bar, and SIM.AAPL has quotes"):
        desk.pull(AAPL={"price": 100, "volume": 500})
    assert desk.after(60).pull(AAPL=bar(100, 100, 100, 100, 10_000))[0][:2] == ("ord_1", 100)


def test_a_model_that_fails_loses_no_fill_that_was_made_before(sim: Simulation) -> None:
    class Failing:
        needs_volume = False

        def calculate_slippage(self, order: Any, market_price: float, volume: float, spread: float) -> float:
            if order.symbol == "MSFT":
                raise ZeroDivisionError
            return 0.0

    desk = Desk(sim, market_simulator=MarketSimulator(Failing()))
    desk.submit(desk.order(), desk.order(symbol="MSFT"))
    with pytest.raises(ZeroDivisionError):
        desk.pull(AAPL=100, MSFT=50)
    assert desk.pull() == [("ord_1", 100, 100.0)]
    desk.portfolio.check()


# --- instruments ---


def test_what_may_be_traded_is_fixed_where_instruments_are_given(sim: Simulation) -> None:
    desk = Desk(sim, instruments=[SHARE, OTHER])
    assert desk.broker.instruments == [SHARE, OTHER]
    text = "symbol 'IBM' is not traded here; known: AAPL, MSFT"
    with pytest.raises(OrderError, match=text):
        desk.pull(AAPL=100, IBM=5)
    with pytest.raises(OrderError, match=text):
        desk.broker.instrument("IBM")
    stranger = desk.order(symbol="IBM")
    with pytest.raises(OrderError, match=r"Instrument\(symbol='IBM'.* is not traded here; known: AAPL, MSFT"):
        desk.sim.run(desk.broker.submit_order(stranger))
    assert (stranger.status, desk.broker.instruments) == (OrderStatus.PENDING, [SHARE, OTHER])


def test_any_symbol_is_traded_in_cents_where_none_are_given(desk: Desk) -> None:
    assert desk.broker.instruments is None
    assert desk.broker.instrument("IBM") == Instrument("IBM", Decimal("0.01"))
    desk.broker.trade(OTHER)
    assert desk.broker.instrument("MSFT") is OTHER


def test_two_instruments_of_one_symbol_are_never_mixed_up(sim: Simulation) -> None:
    desk = Desk(sim, instruments=[OTHER])
    order = desk.order(symbol="MSFT")  # in cents
    with pytest.raises(
        OrderError, match=r"is not what is traded here by that symbol, which is Instrument\(symbol='MSFT'"
    ):
        desk.sim.run(desk.broker.submit_order(order))
    desk.pull(MSFT=50)
    with pytest.raises(OrderError, match="is not what is traded here by that symbol"):
        desk.sim.run(desk.broker.submit_order(order))
    with pytest.raises(OrderError, match="is not what is traded here by that symbol"):
        desk.broker.push(order.instrument, row_of(order.instrument, 50, 0))
    assert order.status is OrderStatus.PENDING


def test_a_venue_may_be_named_before_it_is_opened(desk: Desk) -> None:
    order = desk.pushed(venue="SIM.AAPL")
    desk.after(1).push({"price": 100})
    desk.after(1)
    assert order.status is OrderStatus.FILLED
    with pytest.raises(OrderError, match=r"venue 'XNAS' has no line from SIM; connected: SIM.AAPL"):
        desk.broker.choose("XNAS", SHARE)


def test_an_order_for_the_venue_of_another_symbol_is_rejected_by_it(desk: Desk) -> None:
    desk.push({"price": 5}, "MSFT")
    order = desk.pushed(venue="SIM.MSFT")
    desk.after(1)
    assert (order.status, order.reason) == (OrderStatus.REJECTED, "symbol AAPL is not traded here, only MSFT")


# --- marks, listeners ---


def test_positions_are_marked_by_whatever_is_handed_in(desk: Desk) -> None:
    desk.submit(desk.order())
    desk.pull(AAPL=100)
    for data, mark in (
        ({"bid": 101, "ask": 103}, 102),
        ({"bid": 101}, 101),
        ({"price": 104, "quantity": 5}, 104),
        ({"bid": None, "ask": None}, 104),
        ({"price": 105, "volume": 0}, 105),
    ):
        desk.push(data)
        assert desk.portfolio.positions["AAPL"].mark_quanta == mark * 10_000
        desk.portfolio.check()


def test_who_listens_is_told_of_data_of_either_door_after_they_have_filled_orders(desk: Desk) -> None:
    told: list[tuple[Any, ...]] = []
    desk.broker.on_market_data(
        lambda instrument, row: told.append((instrument.symbol, row.mark, desk.portfolio.position("AAPL")))
    )
    desk.submit(desk.order())
    desk.pull(AAPL=100)
    desk.push({"price": 5}, "MSFT")
    with pytest.raises(InputError):
        desk.pull(AAPL=101, MSFT=-1)
    assert told == [("AAPL", 1_000_000, 100), ("MSFT", 50_000, 100)]


# --- an order that has traded elsewhere ---


def by_hand(order: Order, quantity: int, price: str = "100") -> Fill:
    return Fill("by hand", order.order_id, order.instrument, order.side, quantity, order.instrument.to_quanta(price), 0)


def test_what_has_traded_elsewhere_is_taken_from_the_venue_which_then_counts_it(desk: Desk) -> None:
    order = desk.pushed(price=101)
    desk.after(1)
    desk.broker.take_out(order, fill := by_hand(order, 60))
    desk.sim.run(desk.manager.add_fill(order.order_id, fill))
    desk.push({"price": 100})
    desk.after(1)
    assert [trade.last_quantity for trade in order.trades] == [60, 40]
    assert (order.status, order.missing_quantity, desk.portfolio.position("AAPL")) == (OrderStatus.FILLED, 0, 100)


def test_an_order_that_has_all_traded_elsewhere_is_gone_from_its_venue(desk: Desk) -> None:
    order = desk.pushed(price=101)
    desk.after(1)
    desk.broker.take_out(order, by_hand(order, 100))
    assert not desk.broker.venue(SHARE).market.orders
    desk.push({"price": 100})
    desk.after(1)
    assert order.trades == []


def test_no_more_is_taken_out_than_the_venue_has_left(desk: Desk) -> None:
    order, pulled = desk.pushed(price=101), desk.order()
    with pytest.raises(OrderError, match=r"a fill of 10 by hand does not fit ord_1, of which SIM.AAPL has 0 left"):
        desk.broker.take_out(order, by_hand(order, 10))  # it is on its way
    desk.after(1)
    with pytest.raises(OrderError, match=r"a fill of 101 by hand does not fit ord_1, of which SIM.AAPL has 100 left"):
        desk.broker.take_out(order, by_hand(order, 101))
    desk.submit(pulled)  # at its venue by another line
    with pytest.raises(OrderError, match=r"of which SIM\.AAPL has 0 left; its own trades it reports itself"):
        desk.broker.take_out(pulled, by_hand(pulled, 1))


def test_what_has_traded_elsewhere_counts_in_the_commission_of_the_rest(sim: Simulation) -> None:
    simulator = MarketSimulator(commission_model=PercentCommissionModel("0.001", min_commission=8))
    desk = Desk(sim, market_simulator=simulator)
    order = desk.pushed(price=100)
    desk.after(1)
    desk.broker.take_out(order, fill := by_hand(order, 60))
    sim.run(desk.manager.add_fill(order.order_id, fill))
    desk.push({"price": 100})
    desk.after(1)
    assert [trade.fee for trade in order.trades] == [
        0,
        2_000_000,
    ]  # 0.1 % of 10,000, less the least of 8 for what came before


# --- a venue with an order book beside ---


def test_orders_of_an_instrument_may_go_to_a_venue_that_has_its_own_data() -> None:
    book = make_desk(bids=[(99, [80])], asks=[(101, [60])], latency=0, service=0)
    with book.sim:
        desk = Desk(book.sim)

        def connect(lines: Broker) -> tuple[str, Instrument]:
            lines.connect(book.venue, Latencies(*[Constant(0)] * 3))
            return book.venue.name, book.instrument

        desk.broker.open_elsewhere(book.instrument, connect)
        desk.after(1)
        there = desk.manager.create(book.instrument, BUY, 10, MARKET, None)
        desk.manager.submit(there)
        here = desk.pushed()
        desk.after(1).push({"price": 5})
        desk.after(1)
        assert (there.venue, there.average_price) == ("XTST", Decimal("1.01"))
        assert (here.venue, here.average_price) == ("SIM.AAPL", 5)
        text = "TEST is traded at XTST, which has its own data"
        with pytest.raises(OrderError, match=text):
            desk.push({"price": 5}, "TEST")
        with pytest.raises(OrderError, match=text):
            desk.pull(AAPL=5, TEST=5)
        with pytest.raises(OrderError, match=text):
            desk.submit(desk.order(symbol="TEST"))
        desk.broker.end_run()


def test_an_instrument_that_has_a_venue_here_is_not_traded_elsewhere_too(desk: Desk) -> None:
    desk.push({"price": 100})
    with pytest.raises(OrderError, match=r"AAPL is traded at SIM\.AAPL already"):
        desk.broker.open_elsewhere(SHARE, lambda lines: ("XNAS", SHARE))
    with pytest.raises(
        OrderError, match=r"XNAS trades Instrument\(symbol='MSFT'.* which is not Instrument\(symbol='IBM'"
    ):
        desk.broker.open_elsewhere(Instrument("IBM", Decimal("0.01")), lambda lines: ("XNAS", OTHER))


def test_any_account_with_the_methods_of_the_protocol_will_do() -> None:
    class Account:
        def __init__(self) -> None:
            self.booked: list[Fill] = []
            self.marks: list[tuple[str, int]] = []

        def apply_fill(self, fill: Fill) -> None:
            self.booked.append(fill)

        def mark(self, symbol: str, price_quanta: int) -> None:
            self.marks.append((symbol, price_quanta))

        def position(self, symbol: str) -> int:
            return sum(fill.side.sign * fill.quantity for fill in self.booked)

    async def main() -> list[Fill]:
        order = OrderManager().new_order("AAPL", OrderSide.BUY, 10)
        await broker.submit_order(order)
        return await broker.process_pending_orders({"AAPL": 100})

    with Simulation() as sim:
        account = Account()
        broker = BacktestBroker(account)
        fills = sim.run(main())
        assert fills == account.booked
        assert (account.position("AAPL"), account.marks) == (10, [("AAPL", 1_000_000)])
        with pytest.raises(InputError, match="is no Portfolio, which risk needs to reserve in"):
            DefaultExecutionEngine(broker)
