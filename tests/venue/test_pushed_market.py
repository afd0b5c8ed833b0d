"""Market data that are handed in as they come do what the same data do as a tape, and nothing wrong gets in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.errors import InputError
from simexec.models.impact import AlmgrenImpactModel
from simexec.sim import Constant
from simexec.trading.report import ExecType
from simexec.trading.vocabulary import OrderSide, TimeInForce
from simexec.venue import TradingHours
from simexec.venue.hours import Halt
from simexec.venue.pushed_market import PushedMarket

from .modelled import BAR, BUY, SECOND, SELL, Scene, bars, flat, quotes

ALWAYS = TradingHours(0, 3600 * SECOND)
DAY, GTC, IOC, FOK = TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK
CANCELED, NEW, REJECTED, TRADE = ExecType.CANCELED, ExecType.NEW, ExecType.REJECTED, ExecType.TRADE


class Pushed(Scene):
    """A scene whose venue is handed its data."""

    def __init__(self, **options: Any) -> None:
        super().__init__(None, **options)  # type: ignore[arg-type]

    def quote(self, bid: int, bid_size: int, ask: int, ask_size: int, *, anew: bool = False) -> None:
        """Hand in a quote of this moment; prices in ticks."""
        self.venue.push([self.sim.now, 0, bid * 100, bid_size, ask * 100, ask_size], is_bar=False, anew=anew)

    def trade(self, price: int, size: int) -> None:
        self.venue.push([self.sim.now, 1, price * 100, size, 0, 0], is_bar=False)

    def bar(self, open_: int, high: int, low: int, close: int, volume: int, *, start: int | None = None) -> None:
        """Hand in a bar that ends at this moment; it begins a bar's length before unless it is told otherwise."""
        start = self.sim.now - BAR if start is None else start
        prices = [price * 100 for price in (open_, high, low, close)]
        self.venue.push([start, self.sim.now, *prices, volume], is_bar=True)


# --- as a tape ---

PRICES = st.integers(995, 1005)
SIZES = st.sampled_from([0, 1, 5, 20])
QUOTES = st.tuples(PRICES, SIZES, st.integers(0, 4), SIZES).map(lambda q: (q[0], q[1], q[0] + q[2], q[3]))
TRADES = st.tuples(PRICES, st.integers(1, 20))
ORDERS = st.lists(
    st.tuples(
        st.integers(0, 9), st.sampled_from(OrderSide), st.integers(1, 30), st.none() | PRICES, st.none() | PRICES,
        st.sampled_from([DAY, GTC, IOC, FOK]),
    ),
    max_size=8,
)  # fmt: skip


def give(scene: Scene, number: int, order: tuple[Any, ...]) -> None:
    _, side, quantity, price, stop, tif = order
    scene.new(f"o{number}", side, quantity, price, DAY if stop else tif, stop=stop)
    scene.settle()


def outcome(scene: Scene) -> list[tuple[Any, ...]]:
    return [
        (report.order_id, report.exec_type, report.last_quantity, report.last_price_quanta, report.time_ns, report.fee,
         report.maker, report.text)
        for report in scene.reports
    ]  # fmt: skip


@settings(max_examples=60)
@given(rows=st.lists(QUOTES | TRADES, min_size=10, max_size=10), first=QUOTES, orders=ORDERS)
def test_quotes_that_are_handed_in_do_what_a_tape_of_them_does(
    rows: list[tuple[int, ...]], first: tuple[int, ...], orders: list[tuple[Any, ...]]
) -> None:
    rows = [first, *rows]
    tape = Scene(quotes(*((10 * i, *row) for i, row in enumerate(rows))), participation="0.5")
    pushed = Pushed(participation="0.5")
    for i, row in enumerate(rows):
        for scene in (tape, pushed):
            scene.sim.run(10 * i * SECOND)
            if scene is pushed:
                (pushed.quote if len(row) == 4 else pushed.trade)(*row)
            for number, order in enumerate(orders):
                if order[0] == i:
                    give(scene, number, order)
    for scene in (tape, pushed):
        scene.settle()
    assert outcome(pushed) == outcome(tape)
    assert pushed.venue.statistics() == tape.venue.statistics()


BARS = st.tuples(PRICES, PRICES, PRICES, PRICES, st.sampled_from([0, 1, 7, 40])).map(
    lambda bar: (bar[0], max(bar[:4]), min(bar[:4]), bar[3], bar[4])
)


@settings(max_examples=60)
@given(rows=st.lists(BARS, min_size=10, max_size=10), orders=ORDERS)
def test_bars_that_are_handed_in_do_what_a_tape_of_them_does_also_to_orders_before_the_first(
    rows: list[tuple[int, int, int, int, int]], orders: list[tuple[Any, ...]]
) -> None:
    options = {"participation": "0.5", "touch_fill_probability": 0.5}
    tape, pushed = Scene(bars(*rows), **options), Pushed(**options)
    for i, row in enumerate(rows):
        for scene in (tape, pushed):
            scene.sim.run(i * BAR)
            for number, order in enumerate(orders):
                if order[0] == i:
                    give(scene, number, order)
            scene.sim.run((i + 1) * BAR)
            if scene is pushed:
                pushed.bar(*row)
    for scene in (tape, pushed):
        scene.settle()
    assert outcome(pushed) == outcome(tape)
    assert pushed.venue.statistics() == tape.venue.statistics()


# --- before the first row ---


@pytest.mark.parametrize(("side", "limit", "price"), [(BUY, 1010, 1001), (SELL, 990, 999)], ids=["buy", "sell"])
def test_an_order_that_waited_for_the_first_quote_gets_its_price_and_not_its_own_limit(
    side: OrderSide, limit: int, price: int
) -> None:
    scene = Pushed()
    scene.new("o", side, 10, limit)
    scene.at(1).quote(999, 50, 1001, 50)
    assert scene.fills() == [(10, price, 1)]
    assert not scene.last("o").maker


def test_the_oldest_of_the_orders_that_waited_takes_first() -> None:
    scene = Pushed()
    scene.new("old", BUY, 10, 1001)
    scene.settle().new("dear", BUY, 10, 1010)
    scene.at(1).quote(999, 50, 1001, 15)
    assert scene.fills("old") == [(10, 1001, 1)]
    assert scene.fills("dear") == [(5, 1001, 1)]


@pytest.mark.parametrize("tif", [IOC, FOK])
def test_an_immediate_order_waits_for_the_first_quote_and_no_longer(tif: TimeInForce) -> None:
    scene = Pushed()
    scene.new("o", BUY, 60, 1001, tif)
    scene.at(1).quote(999, 50, 1001, 50)
    assert scene.fills() == ([(50, 1001, 1)] if tif is IOC else [])
    assert scene.last("o").exec_type is CANCELED
    assert not scene.venue.market.orders


@pytest.mark.parametrize("tif", [IOC, DAY])
def test_a_first_trade_shows_no_price_to_take_so_immediate_orders_end_and_others_rest(tif: TimeInForce) -> None:
    scene = Pushed()
    scene.new("o", BUY, 60, 1001, tif)
    scene.at(1).trade(999, 20)
    assert scene.fills() == ([] if tif is IOC else [(20, 1001, 1)])
    assert scene.last("o").exec_type is (CANCELED if tif is IOC else TRADE)


def test_a_stop_that_the_first_quote_reaches_is_elected_by_it() -> None:
    scene = Pushed()
    scene.new("s", BUY, 10, stop=1000)
    scene.at(1).quote(999, 50, 1001, 50)
    assert scene.story("s") == [NEW, ExecType.TRIGGERED, TRADE]


def test_post_only_is_refused_before_the_first_row_since_nobody_knows_whether_it_would_trade() -> None:
    scene = Pushed()
    scene.new("p", BUY, 10, 1000, post_only=True)
    assert scene.settle().story("p") == [REJECTED]
    scene.quote(999, 50, 1001, 50)
    scene.new("q", BUY, 10, 1000, post_only=True)
    assert scene.settle().story("q") == [NEW]


def test_a_first_quote_outside_of_trading_hours_ends_immediate_orders_and_leaves_the_others() -> None:
    scene = Pushed(hours=TradingHours(10 * SECOND, 60 * SECOND, pre_open_ns=0))
    scene.new("now", BUY, 10, 1010, IOC)
    scene.new("later", BUY, 10, 1010)
    scene.at(5).quote(999, 50, 1001, 50)
    assert scene.last("now").text == "XMOD does not trade now"
    assert scene.story("later") == [NEW]
    scene.at(15).quote(999, 50, 1002, 50)
    assert scene.fills("later") == [(10, 1010, 15)]


# --- sizes that are there anew ---


def test_what_was_taken_of_a_quote_stays_taken_unless_the_sizes_are_there_anew() -> None:
    scene = Pushed()
    scene.quote(999, 50, 1001, 10)
    scene.new("o", BUY, 30)
    scene.settle().quote(999, 50, 1001, 10)
    assert scene.fills() == [(10, 1001, 0)]
    scene.at(2).quote(999, 50, 1001, 10, anew=True)
    assert scene.fills() == [(10, 1001, 0), (10, 1001, 2)]


def test_sizes_are_there_anew_also_where_nobody_has_an_order_at_the_time() -> None:
    scene = Pushed()
    scene.quote(999, 50, 1001, 10)
    scene.new("first", BUY, 10)
    scene.at(1).quote(999, 50, 1001, 10, anew=True)
    scene.new("second", BUY, 10)
    assert scene.settle().fills("second") == [(10, 1001, 1)]


# --- hours ---


def test_rows_outside_of_hours_and_in_halts_are_seen_and_fill_nothing() -> None:
    hours = TradingHours(10 * SECOND, 100 * SECOND, pre_open_ns=0, halts=[Halt(20 * SECOND, 40 * SECOND)])
    scene = Pushed(hours=hours)
    scene.new("o", BUY, 10, 1005, GTC)
    for second, ask in ((1, 1001), (25, 1000), (30, 1002)):
        scene.at(second).quote(999, 50, ask, 50)
    assert scene.fills() == []
    assert scene.venue.statistics().outside == 3
    scene.at(50).quote(999, 50, 1003, 50)
    assert scene.fills() == [(10, 1005, 50)]
    assert scene.venue.statistics().outside == 3


def test_a_bar_that_is_not_all_within_hours_fills_nothing() -> None:
    scene = Pushed(hours=TradingHours(0, 15 * SECOND))
    scene.new("o", BUY, 10, tif=GTC)
    scene.at(20).bar(1000, 1000, 1000, 1000, 500, start=10 * SECOND)
    assert scene.fills() == []
    assert scene.venue.statistics().outside == 1


# --- what is refused, before anything happens ---


def rows_seen(scene: Pushed) -> tuple[Any, ...]:
    market = scene.venue.market
    return market.is_bars, len(market.orders), [order.leaves for order in market.orders.values()], outcome(scene)


def test_a_row_of_another_time_than_the_present_is_refused() -> None:
    scene = Pushed().at(5)
    for time in (0, 4 * SECOND, 6 * SECOND):
        with pytest.raises(InputError, match=rf"XMOD for {time} ns were handed in at 5000000000 ns; hand them in then"):
            scene.venue.push([time, 0, 99_900, 1, 100_100, 1], is_bar=False)
    with pytest.raises(InputError, match="for 6000000000 ns were handed in at 5000000000 ns"):
        scene.venue.push([0, 6 * SECOND, 1, 1, 1, 1, 1], is_bar=True)


@pytest.mark.parametrize("bars_first", [True, False])
def test_bars_and_quotes_of_one_instrument_are_refused_whichever_comes_second(bars_first: bool) -> None:
    scene = Pushed().at(10)
    quote, bar = (lambda: scene.quote(999, 50, 1001, 50)), (lambda: scene.bar(1000, 1001, 999, 1000, 50))
    first, second = (bar, quote) if bars_first else (quote, bar)
    first()
    scene.new("o", BUY, 10, 990)
    scene.at(20)
    before = rows_seen(scene)
    with pytest.raises(InputError, match=r"XMOD has (bars|quotes and trades) and was handed .*; give one kind only"):
        second()
    assert rows_seen(scene) == before


@pytest.mark.parametrize(("start", "end"), [(10, 10), (12, 10), (3, 10)], ids=["empty", "reversed", "overlapping"])
def test_a_bar_that_is_empty_or_begins_before_the_end_of_the_one_before_is_refused(start: int, end: int) -> None:
    scene = Pushed().at(5)
    scene.bar(1000, 1000, 1000, 1000, 5, start=0)
    scene.new("o", BUY, 10)
    scene.at(end)
    with pytest.raises(InputError, match=r"is empty, or begins before the end of the one before at 5000000000 ns"):
        scene.bar(1000, 1000, 1000, 1000, 5, start=start * SECOND)
    scene.bar(1000, 1000, 1000, 1000, 5, start=5 * SECOND + 1)
    assert scene.fills() == [(5, 1000, 10)]


def test_a_first_bar_may_not_begin_before_the_run() -> None:
    with pytest.raises(InputError, match="from -1 to 10000000000 ns is empty, or begins before"):
        Pushed().at(10).bar(1000, 1000, 1000, 1000, 5, start=-1)


def test_an_impact_model_that_needs_bars_refuses_quotes_and_then_still_takes_bars() -> None:
    model = AlmgrenImpactModel(daily_volume=10**6, daily_volatility=0.02, shares_outstanding=10**8)
    scene = Pushed(impact=model).at(10)
    with pytest.raises(InputError, match="AlmgrenImpactModel needs the length of a bar, and XMOD has quotes"):
        scene.quote(999, 50, 1001, 50)
    scene.bar(1000, 1001, 999, 1000, 50)
    assert scene.venue.market.is_bars


def test_a_venue_with_a_tape_is_handed_nothing_and_one_without_shows_none() -> None:
    with pytest.raises(InputError, match="XMOD reads its market data from a tape; make it without one"):
        Scene(flat(1)).venue.push([0, 0, 1, 1, 1, 1], is_bar=False)
    pushed = Pushed()
    assert isinstance(pushed.venue.market, PushedMarket)
    with pytest.raises(InputError, match="XMOD has no tape to look at; whoever hands its market data in has seen them"):
        pushed.venue.view(Constant(0), "view")
