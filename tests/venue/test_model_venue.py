"""A venue without a book fills from bars and quotes what these allow, and nothing better."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest

from simexec.errors import InputError
from simexec.models.commission import PerShareCommissionModel
from simexec.models.fees import MakerTakerFees
from simexec.models.impact import AlmgrenImpactModel, LinearImpactModel
from simexec.models.slippage import FixedSlippageModel, SpreadSlippageModel, VolumeSlippageModel
from simexec.sim import Constant
from simexec.trading.report import ExecType, RejectReason
from simexec.trading.requests import CancelRequest, MassCancelRequest, ReplaceRequest
from simexec.trading.vocabulary import OrderSide, OrderType, PegType, TimeInForce
from simexec.venue import TradingHours
from simexec.venue.hours import Halt, SessionCalendar

from .modelled import BAR, BUY, SECOND, SELL, Scene, bars, flat, quotes

NEW, TRADE, CANCELED, EXPIRED = ExecType.NEW, ExecType.TRADE, ExecType.CANCELED, ExecType.EXPIRED
TRIGGERED, REPLACED, REJECTED = ExecType.TRIGGERED, ExecType.REPLACED, ExecType.REJECTED
SIDES = pytest.mark.parametrize("side", [BUY, SELL], ids=["buy", "sell"])


def mirror(side: OrderSide, price: int) -> int:
    """A price as it is for a buyer, or its mirror image around 1000 for a seller."""
    return price if side is BUY else 2000 - price


def bars_for(side: OrderSide, *rows: tuple[int, int, int, int, int]) -> Any:
    """Bars as they are for a buyer, or upside down for a seller."""
    if side is BUY:
        return bars(*rows)
    return bars(*[(2000 - o, 2000 - low, 2000 - high, 2000 - c, v) for o, high, low, c, v in rows])


# --- bars: time ---


@SIDES
def test_an_order_uses_nothing_of_the_bar_in_which_it_arrives(side: OrderSide) -> None:
    scene = Scene(bars_for(side, (1000, 1010, 900, 1000, 500), (1003, 1010, 995, 1000, 500))).at(0.001)
    scene.new("m", side, 10)
    scene.new("l", side, 10, mirror(side, 990))
    assert scene.at(25).fills() == [(10, mirror(side, 1003), 20.0)]


def test_an_order_that_arrives_at_the_very_start_of_a_bar_uses_it() -> None:
    scene = Scene(flat(3)).at(10)
    scene.new("m", BUY, 10)
    assert scene.at(25).fills() == [(10, 1000, 20.0)]


def test_outcomes_of_a_bar_are_told_at_its_end_and_not_before() -> None:
    scene = Scene(flat(2))
    scene.new("m", BUY, 10)
    assert scene.at(9.999999999).story("m") == [NEW]
    assert scene.at(10.000000001).story("m") == [NEW, TRADE]


def test_a_cancel_within_a_bar_takes_the_order_out_of_that_bar() -> None:
    scene = Scene(bars((1000, 1010, 980, 1000, 500)))
    scene.new("l", BUY, 10, 990)
    scene.at(9)
    scene.request(CancelRequest("l"))
    assert scene.at(20).story("l") == [NEW, CANCELED]


def test_a_new_price_costs_the_present_bar_and_less_quantity_does_not() -> None:
    scene = Scene(bars((1000, 1010, 980, 1000, 500), (1000, 1010, 980, 1000, 500)))
    scene.new("moved", BUY, 10, 990)
    scene.new("less", BUY, 10, 990)
    scene.at(5)
    scene.request(ReplaceRequest("moved", 10, 991))
    scene.request(ReplaceRequest("less", 4))
    scene.at(30)
    assert scene.fills("less") == [(4, 990, 10.0)]
    assert scene.fills("moved") == [(10, 991, 20.0)]
    assert scene.story("moved") == [NEW, REPLACED, TRADE]


# --- bars: limit orders ---


@SIDES
def test_a_limit_order_fills_at_its_limit_when_a_bar_trades_through_it(side: OrderSide) -> None:
    scene = Scene(bars_for(side, (1000, 1010, 989, 1000, 500)))
    scene.new("l", side, 10, mirror(side, 990))
    assert scene.at(20).fills() == [(10, mirror(side, 990), 10.0)]
    assert scene.last("l").maker


@SIDES
def test_a_bar_that_opens_beyond_the_limit_gives_the_open(side: OrderSide) -> None:
    scene = Scene(bars_for(side, (985, 1010, 980, 1000, 500)))
    scene.new("l", side, 10, mirror(side, 990))
    assert scene.at(20).fills() == [(10, mirror(side, 985), 10.0)]
    assert not scene.last("l").maker


@SIDES
@pytest.mark.parametrize("open_", [1000, 990], ids=["touched later", "opened there"])
@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_a_bar_that_only_touches_the_limit_fills_by_the_stated_probability(
    side: OrderSide, open_: int, probability: float
) -> None:
    scene = Scene(bars_for(side, (open_, 1010, 990, 1000, 500)), touch_fill_probability=probability)
    scene.new("l", side, 10, mirror(side, 990))
    assert scene.at(20).fills() == ([(10, mirror(side, 990), 10.0)] if probability else [])
    statistics = scene.venue.statistics()
    assert (statistics.touches, statistics.touch_fills) == (1, int(probability))


def test_touches_fill_as_often_as_stated_and_the_seed_decides_which() -> None:
    rows, probability = 4000, 0.3

    def run(seed: int) -> list[float]:
        scene = Scene(bars(*[(1000, 1000, 990, 1000, 10)] * rows), seed=seed, touch_fill_probability=probability,
                      hours=TradingHours(0, 10**15))  # fmt: skip
        scene.new("l", BUY, 10 * rows, 990)
        return [time for _, _, time in scene.at(10 * rows + 1).fills()]

    first = run(1)
    assert abs(len(first) - rows * probability) < 4 * math.sqrt(rows * probability * (1 - probability))
    assert first == run(1) != run(2)


def test_another_order_more_changes_nobody_elses_draws() -> None:
    def fills(*others: int) -> list[Any]:
        scene = Scene(bars(*[(1000, 1005, 990, 1000, 1000)] * 50), touch_fill_probability=0.5, seed=5)
        for i, price in enumerate(others):
            scene.new(f"other {i}", BUY, 7, price)
        scene.new("mine", BUY, 30_000, 990)
        return [time for _, _, time in scene.at(600).fills("mine")]

    assert fills() == fills(990) == fills(995, 990, 980)
    assert 10 < len(fills()) < 40


def test_a_bar_without_volume_fills_and_elects_nothing() -> None:
    scene = Scene(bars((900, 900, 900, 900, 0), (1000, 1000, 1000, 1000, 0)))
    scene.new("m", BUY, 1)
    scene.new("s", SELL, 1, stop=950)
    assert [scene.at(30).story(name) for name in "ms"] == [[NEW], [NEW]]


# --- bars: participation ---


def test_all_our_orders_together_get_the_share_of_a_bars_volume_best_price_first() -> None:
    scene = Scene(bars((1000, 1010, 980, 1000, 1000), (1000, 1010, 980, 1000, 1000)), participation="0.1")
    scene.new("low", BUY, 50, 985)
    scene.new("older", BUY, 50, 990)
    scene.new("younger", BUY, 50, 990)
    scene.new("market", SELL, 30)
    scene.at(30)
    assert [fill[::2] for fill in scene.fills("market")] == [(30, 10.0)]
    assert [fill[::2] for fill in scene.fills("older")] == [(50, 10.0)]
    assert [fill[::2] for fill in scene.fills("younger")] == [(20, 10.0), (30, 20.0)]
    assert [fill[::2] for fill in scene.fills("low")] == [(50, 20.0)]
    assert scene.venue.statistics().capped == 2


def test_what_a_bar_cannot_fill_is_carried_to_the_next_ones() -> None:
    scene = Scene(flat(4, volume=105), participation=0.1)
    scene.new("m", BUY, 25)
    assert scene.at(60).fills() == [(10, 1000, 10.0), (10, 1000, 20.0), (5, 1000, 30.0)]


def test_the_share_is_exact_as_written() -> None:
    scene = Scene(flat(1, volume=1000), participation=0.29)  # the float 0.29 is below 29/100
    scene.new("m", BUY, 500)
    assert scene.at(20).fills() == [(290, 1000, 10.0)]


# --- bars: times in force ---


def test_an_immediate_order_gets_the_open_of_its_first_bar_or_nothing() -> None:
    scene = Scene(bars((1000, 1010, 980, 1000, 100), (970, 1000, 970, 1000, 100)), participation=0.5)
    scene.new("reached later", BUY, 10, 990, TimeInForce.IOC)
    scene.new("too large", BUY, 80, 1001, TimeInForce.FOK)
    scene.new("partly", BUY, 80, 1001, TimeInForce.IOC)
    scene.at(30)
    assert scene.story("reached later") == [NEW, CANCELED]
    assert (scene.story("too large"), scene.last("too large").text) == (
        [NEW, CANCELED],
        "cannot be filled in full at once",
    )
    assert scene.fills("partly") == [(50, 1000, 10.0)]
    assert scene.story("partly") == [NEW, TRADE, CANCELED]


def test_a_minimum_quantity_is_met_at_once_or_the_order_is_cancelled() -> None:
    scene = Scene(flat(2, volume=50))
    scene.new("big", BUY, 90, None, TimeInForce.IOC, min_quantity=60)
    assert scene.at(9).story("big") == [NEW]
    scene.at(11)
    scene.new("small", BUY, 90, None, TimeInForce.IOC, min_quantity=10)
    scene.at(30)
    assert scene.story("big") == [NEW, CANCELED]
    assert scene.last("big").text == "cannot be filled to its minimum quantity at once"


def test_day_orders_expire_at_the_close_and_others_stay() -> None:
    hours = SessionCalendar((TradingHours(0, BAR), TradingHours(2 * BAR, 4 * BAR)))
    scene = Scene(bars(*[(1000, 1000, 1000, 1000, 10)] * 2, (1000, 1000, 980, 990, 10)), hours=hours)
    scene.new("day", BUY, 10, 990)
    scene.new("gtc", BUY, 10, 990, TimeInForce.GTC)
    scene.new("gtd", BUY, 10, 970, TimeInForce.GTD, expire_ns=25 * SECOND)
    scene.at(50)
    assert scene.story("day") == [NEW, EXPIRED]
    assert scene.fills("gtc") == [(10, 990, 30.0)]
    assert (scene.story("gtd"), scene.last("gtd").time_ns) == ([NEW, EXPIRED], 25 * SECOND)


def test_bars_outside_hours_or_in_a_halt_fill_nothing() -> None:
    hours = TradingHours(5 * SECOND, 6 * BAR, pre_open_ns=0, halts=(Halt(25 * SECOND, 31 * SECOND),))
    scene = Scene(flat(8), hours=hours)
    scene.new("m", BUY, 1500)
    scene.at(15)
    assert scene.fills("m") == []  # its first bar began before the open
    scene.at(70)
    assert [time for _, _, time in scene.fills("m")] == [20.0, 50.0]
    assert scene.venue.statistics().outside == 3


def test_the_end_of_the_run_expires_what_is_left() -> None:
    scene = Scene(flat(1))
    scene.new("gtc", BUY, 10, 900, TimeInForce.GTC)
    scene.at(5)
    scene.venue.end_run()
    assert scene.story("gtc") == [NEW, EXPIRED]


# --- bars: stops ---


@SIDES
def test_a_stop_fills_at_its_price_or_at_a_worse_open(side: OrderSide) -> None:
    data = bars_for(side, (1000, 1009, 990, 1000, 500), (1000, 1010, 990, 1000, 500), (1020, 1030, 990, 1000, 500))
    scene = Scene(data)
    scene.new("reached", side, 10, stop=mirror(side, 1010))
    scene.new("gapped", side, 10, stop=mirror(side, 1015))
    scene.at(40)
    assert scene.story("reached") == [NEW, TRIGGERED, TRADE]
    assert scene.fills("reached") == [(10, mirror(side, 1010), 20.0)]
    assert scene.fills("gapped") == [(10, mirror(side, 1020), 30.0)]


@SIDES
def test_a_stop_limit_elected_within_a_bar_trades_in_it_only_if_the_stop_price_is_within_its_limit(
    side: OrderSide,
) -> None:
    data = bars_for(side, (1000, 1012, 990, 1000, 500), (1008, 1009, 1004, 1005, 500))
    scene = Scene(data)
    scene.new("beyond", side, 10, mirror(side, 1011), stop=mirror(side, 1010))
    scene.new("inside", side, 10, mirror(side, 1005), stop=mirror(side, 1010))
    scene.at(40)
    assert scene.fills("beyond") == [(10, mirror(side, 1010), 10.0)]
    assert scene.story("inside") == [NEW, TRIGGERED, TRADE]
    assert scene.fills("inside") == [(10, mirror(side, 1005), 20.0)]


def test_a_stop_limit_elected_at_the_open_has_the_whole_bar_for_its_limit() -> None:
    scene = Scene(bars((1000, 1010, 990, 1000, 500)))
    scene.new("s", BUY, 10, 995, stop=1000)
    assert scene.at(20).fills() == [(10, 995, 10.0)]


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_a_stop_limit_whose_limit_is_its_stop_is_at_the_touch_when_elected(probability: float) -> None:
    scene = Scene(bars((1000, 1012, 990, 1000, 500)), touch_fill_probability=probability)
    scene.new("s", BUY, 10, 1010, stop=1010)
    scene.at(20)
    assert scene.fills() == ([(10, 1010, 10.0)] if probability else [])
    assert scene.story("s")[:2] == [NEW, TRIGGERED]


def test_the_rest_of_an_elected_stop_is_a_market_order() -> None:
    scene = Scene(bars((1000, 1010, 1000, 1000, 4), (990, 990, 990, 990, 100)))
    scene.new("s", BUY, 10, stop=1010)
    assert scene.at(30).fills() == [(4, 1010, 10.0), (6, 990, 20.0)]


@SIDES
def test_a_bar_that_reaches_both_legs_of_a_bracket_is_taken_to_have_reached_the_stop_first(side: OrderSide) -> None:
    """The position was opened by the other side: a seller's bracket is a profit above and a stop below."""
    scene = Scene(bars_for(side, (1000, 1020, 980, 1000, 500)))
    scene.new("profit", side, 10, mirror(side, 990))
    scene.new("stop", side, 10, stop=mirror(side, 1010))
    scene.at(20)
    assert scene.fills() == [(10, mirror(side, 1010), 10.0)]
    assert scene.story("profit") == [NEW]
    assert scene.venue.statistics().ambiguous_bars == 1


@SIDES
def test_a_leg_that_trades_at_the_open_came_first(side: OrderSide) -> None:
    gap_profit = Scene(bars_for(side, (985, 1020, 980, 1000, 500)))
    gap_stop = Scene(bars_for(side, (1015, 1020, 980, 1000, 500)))
    for scene in (gap_profit, gap_stop):
        scene.new("profit", side, 10, mirror(side, 990))
        scene.new("stop", side, 10, stop=mirror(side, 1010))
        scene.at(20)
        assert scene.venue.statistics().ambiguous_bars == 0
    assert gap_profit.fills() == [(10, mirror(side, 985), 10.0)]
    assert gap_stop.fills() == [(10, mirror(side, 1015), 10.0)]


# --- quotes ---


@SIDES
def test_a_market_order_takes_its_share_of_the_quote_and_the_rest_of_later_ones(side: OrderSide) -> None:
    rows = [(0, 999, 40, 1001, 40), (5, 999, 40, 1001, 60), (6, 998, 40, 1002, 40), (7, 998, 40, 1002, 40)]
    scene = Scene(quotes(*rows), participation=0.5)
    scene.at(1).new("m", side, 50)
    expected = [(20, mirror(side, 1001), 1.0), (20, mirror(side, 1002), 6.0)]
    if side is BUY:  # whose quote grew at its price: half of 60, of which 20 were taken
        expected.insert(1, (10, 1001, 5.0))
    else:
        expected[1:] = [(20, 998, 6.0)]
    assert scene.at(10).fills() == expected


def test_a_share_of_a_quote_is_not_filled_twice() -> None:
    scene = Scene(quotes((0, 999, 40, 1001, 40), (5, 998, 40, 1001, 40)))
    scene.at(1).new("a", BUY, 40)
    scene.new("b", BUY, 40)
    scene.new("c", BUY, 5, 1001, TimeInForce.IOC)
    scene.at(10)
    assert (len(scene.fills("a")), scene.fills("b"), scene.story("c")) == (1, [], [NEW, CANCELED])


def test_what_was_taken_is_there_again_after_the_price_moved_also_while_nobody_looked() -> None:
    def run(*rows: tuple[int, ...]) -> list[Any]:
        scene = Scene(quotes((0, 999, 40, 1001, 40), *rows))
        scene.at(1).new("a", BUY, 40)
        scene.at(20).new("b", BUY, 40)
        return scene.settle().fills("b")

    assert run((5, 998, 40, 1001, 40)) == []
    assert run((5, 998, 40, 1002, 40), (6, 998, 40, 1001, 40)) == [(40, 1001, 20.0)]


@SIDES
def test_a_resting_limit_order_fills_at_its_limit_when_the_opposite_quote_comes_to_it(side: OrderSide) -> None:
    rows = [(0, 999, 40, 1001, 40), (5, 990, 30, 995, 30), (6, 1005, 30, 1010, 30)]
    scene = Scene(quotes(*rows))
    scene.at(1).new("l", side, 10, 997 if side is BUY else 1003)
    assert scene.at(10).fills() == [(10, 997 if side is BUY else 1003, 5.0 if side is BUY else 6.0)]
    assert scene.last("l").maker


def test_a_marketable_limit_order_takes_the_quote() -> None:
    scene = Scene(quotes((0, 999, 40, 1001, 40)))
    scene.at(1).new("l", BUY, 50, 1002)
    scene.settle()
    assert scene.fills() == [(40, 1001, 1.0)]
    assert not scene.last("l").maker


def test_a_trade_through_the_limit_fills_and_one_at_the_limit_only_by_probability() -> None:
    rows = [(0, 999, 40, 1001, 40), (5, 999, 100), (6, 998, 20)]
    for probability, expected in ((0.0, [(20, 999, 6.0)]), (1.0, [(50, 999, 5.0)])):
        scene = Scene(quotes(*rows), touch_fill_probability=probability)
        scene.at(1).new("l", BUY, 50, 999)
        assert scene.at(10).fills() == expected


def test_a_trades_size_is_shared_by_our_orders() -> None:
    scene = Scene(quotes((0, 999, 40, 1001, 40), (5, 990, 40)), participation=0.5)
    scene.at(1).new("better", BUY, 15, 997)
    scene.new("worse", BUY, 15, 996)
    assert scene.at(10).fills() == [(15, 997, 5.0), (5, 996, 5.0)]


def test_a_stop_is_elected_by_the_opposite_quote_or_a_trade_and_takes_the_quote() -> None:
    scene = Scene(quotes((0, 999, 40, 1001, 40), (5, 999, 40, 1004, 40), (6, 994, 1), (7, 993, 40, 995, 40)))
    scene.at(1).new("buy", BUY, 10, stop=1003)
    scene.new("sell", SELL, 10, stop=995)
    scene.new("at once", SELL, 10, stop=1000)
    scene.at(10)
    assert scene.fills("buy") == [(10, 1004, 5.0)]
    assert scene.fills("sell") == [(10, 999, 6.0)]
    assert scene.fills("at once") == [(10, 999, 1.0)]


def test_fill_or_kill_needs_all_of_it_in_the_quote() -> None:
    scene = Scene(quotes((0, 999, 40, 1001, 40)))
    scene.at(1).new("large", BUY, 41, None, TimeInForce.FOK)
    scene.new("right", BUY, 40, None, TimeInForce.FOK)
    scene.new("far", BUY, 1, 1000, TimeInForce.FOK)
    scene.settle()
    assert scene.story("large") == scene.story("far") == [NEW, CANCELED]
    assert scene.story("right") == [NEW, TRADE]


def test_an_order_before_the_first_quote_waits_and_an_immediate_one_does_not() -> None:
    scene = Scene(quotes((5, 999, 40, 1001, 40)))
    scene.new("waits", BUY, 10)
    scene.new("does not", BUY, 10, None, TimeInForce.IOC)
    scene.at(10)
    assert (scene.fills("waits"), scene.story("does not")) == ([(10, 1001, 5.0)], [NEW, CANCELED])


def test_a_post_only_order_that_would_trade_is_refused() -> None:
    scene = Scene(quotes((0, 999, 40, 1001, 40)))
    scene.at(1).new("takes", BUY, 10, 1001, post_only=True)
    scene.new("rests", BUY, 10, 1000, post_only=True)
    scene.request(ReplaceRequest("rests", 10, 1001))
    scene.settle()
    assert (scene.story("takes"), scene.last("takes").reason) == ([REJECTED], RejectReason.OTHER)
    assert scene.story("rests") == [NEW, ExecType.CANCEL_REJECTED]


def test_a_replace_to_a_marketable_price_trades_at_once() -> None:
    scene = Scene(quotes((0, 999, 40, 1001, 40)))
    scene.at(1).new("l", BUY, 10, 1000)
    scene.request(ReplaceRequest("l", 10, 1001))
    scene.settle()
    assert scene.story("l") == [NEW, REPLACED, TRADE]


# --- prices ---


@SIDES
def test_slippage_moves_a_price_against_the_trader_and_is_rounded_against_it(side: OrderSide) -> None:
    scene = Scene(flat(1), slippage=FixedSlippageModel(0.0000333))  # 0.0333 ticks of 1000
    scene.new("m", side, 10)
    assert scene.at(20).fills() == [(10, 1000 + side.sign * 0.04, 10.0)]
    assert scene.venue.statistics().slippage_quanta == 40


@SIDES
def test_no_slippage_takes_a_price_past_the_limit(side: OrderSide) -> None:
    scene = Scene(flat(1), slippage=FixedSlippageModel(0.1))
    scene.new("l", side, 10, 1000 + 2 * side.sign)
    assert scene.at(20).fills() == [(10, 1000 + 2 * side.sign, 10.0)]


def test_volume_slippage_is_charged_for_the_part_that_trades() -> None:
    scene = Scene(flat(2, volume=100), slippage=VolumeSlippageModel(0.01), participation=0.5)
    scene.new("m", BUY, 60)
    assert scene.at(30).fills() == [(50, 1005, 10.0), (10, 1001, 20.0)]


def test_spread_slippage_knows_the_quotes_spread() -> None:
    scene = Scene(quotes((0, 996, 40, 1004, 40)), slippage=SpreadSlippageModel(0.25))
    scene.at(1).new("m", BUY, 10)
    assert scene.settle().fills() == [(10, 1006, 1.0)]


@SIDES
def test_lasting_impact_makes_later_fills_of_the_side_worse_and_none_better(side: OrderSide) -> None:
    scene = Scene(flat(3, volume=100), impact=LinearImpactModel(lasting_rate=0.1))
    scene.new("first", side, 10)
    scene.at(11).new("second", side, 10)
    scene.new("other side", side.opposite, 10)
    scene.at(60)
    assert scene.fills("first") == [(10, 1000 + 5 * side.sign, 10.0)]  # half of its own move of 10
    ((_, second, _),) = scene.fills("second")
    assert side.sign * (second - 1000) == pytest.approx(15, abs=0.2)
    assert scene.fills("other side") == [(10, 1000 - 5 * side.sign, 30.0)]  # its own half, and no gain


def test_lasting_impact_decays_by_its_half_life() -> None:
    scene = Scene(flat(4, volume=100), impact=LinearImpactModel(lasting_rate=0.1, half_life="10s"))
    scene.new("first", BUY, 10)
    scene.at(11).new("later", BUY, 10)
    assert scene.at(60).fills("later") == [(10, 1000 + 10 / 4 + 5, 30.0)]


def test_impact_moves_the_market_that_a_limit_order_sees() -> None:
    data = [(1000, 1000, 1000, 1000, 100), (1000, 1010, 989, 1000, 100)]
    for impact, fills in ((None, 1), (LinearImpactModel(lasting_rate=0.1), 0)):
        scene = Scene(bars(*data), impact=impact)
        scene.new("m", BUY, 10)
        scene.new("l", BUY, 10, 990)
        assert len(scene.at(60).fills("l")) == fills


def test_an_order_worked_through_bars_costs_the_papers_j() -> None:
    """TRUTHS: IBM, 10 % of a day's volume in half a day: 18 bp."""
    day, parts, volume = 1000 * SECOND, 50, 1_000_000
    model = AlmgrenImpactModel(volume, 0.0157, 263.4 * volume, day=day)
    scene = Scene(flat(parts, price=100_000, volume=volume // 100), impact=model, participation="0.2")
    scene.new("m", BUY, volume // 10)
    fills = scene.at(1000).fills()
    assert len(fills) == parts
    paid = Fraction(sum(quantity * round(price * 100) for quantity, price, _ in fills), volume // 10)
    cost = float(paid / 10_000_000 - 1)
    assert cost == pytest.approx(model.cost(volume // 10, 0.5), rel=1e-4)
    assert round(1e4 * cost) == 18


def test_a_model_that_answers_nonsense_is_named() -> None:
    class Generous:
        def calculate_slippage(self, order: Any, market_price: float, volume: float, spread: float) -> float:
            return -0.5

    scene = Scene(flat(1), slippage=Generous())
    scene.new("m", BUY, 10)
    with pytest.raises(InputError, match=r"Generous answered -0\.5"):
        scene.at(20)


def test_a_report_has_the_venues_fee_and_the_brokers_commission_once_an_order() -> None:
    fees = MakerTakerFees(taker_per_share="0.003", maker_per_share="-0.002")
    scene = Scene(flat(2, volume=10), fees=fees, commission=PerShareCommissionModel("0.005", min_commission=1))
    scene.new("m", BUY, 20)
    scene.at(30)
    assert [report.fee for report in scene.reports if report.exec_type is TRADE] == [1_030_000, 30_000]


# --- requests ---


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({"quantity": 0}, RejectReason.INCORRECT_QUANTITY),
        ({"quantity": -5}, RejectReason.INCORRECT_QUANTITY),
        ({"price": 0}, RejectReason.INVALID_PRICE_INCREMENT),
        ({"symbol": "OTHER"}, RejectReason.UNKNOWN_SYMBOL),
        ({"price": 1000, "post_only": True}, RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC),
        ({"order_type": OrderType.TRAILING_STOP, "trail_ticks": 5}, RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC),
        ({"order_type": OrderType.PEGGED, "peg": PegType.PRIMARY}, RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC),
        ({"tif": TimeInForce.GTD, "expire_ns": 0}, RejectReason.TOO_LATE_TO_ENTER),
    ],
    ids=str,
)
def test_every_refusal_has_fixs_reason(order: dict[str, Any], reason: RejectReason) -> None:
    scene = Scene(flat(1)).at(1)
    quantity = order.pop("quantity", 10)
    scene.new("o", BUY, quantity, order.pop("price", None), order.pop("tif", TimeInForce.DAY), **order)
    scene.settle()
    assert (scene.story("o"), scene.last("o").reason) == ([REJECTED], reason)
    assert scene.last("o").text


def test_orders_outside_hours_and_with_an_id_in_use_are_refused() -> None:
    scene = Scene(flat(5), hours=TradingHours(BAR, 2 * BAR))
    scene.new("early", BUY, 10)
    scene.at(10.5).new("o", BUY, 10, 900)
    scene.new("o", BUY, 10, 900)
    scene.at(21).new("late", BUY, 10)
    scene.settle()
    assert scene.last("early").reason is scene.last("late").reason is RejectReason.EXCHANGE_CLOSED
    assert [report.reason for report in scene.reports if report.exec_type is REJECTED][
        1
    ] is RejectReason.DUPLICATE_ORDER


def test_a_cancel_or_replace_that_comes_too_late_is_told_from_an_unknown_one() -> None:
    scene = Scene(flat(2))
    scene.new("o", BUY, 10)
    scene.at(11)
    scene.request(CancelRequest("o"))
    scene.request(ReplaceRequest("nobody's", 5))
    scene.settle()
    assert [scene.last(name).reason for name in ("o", "nobody's")] == [
        RejectReason.TOO_LATE_TO_CANCEL,
        RejectReason.UNKNOWN_ORDER,
    ]
    assert scene.venue.statistics().cancels_too_late == 2


def test_a_replace_below_what_is_filled_ends_the_order_there() -> None:
    scene = Scene(flat(3, volume=10))
    scene.new("o", BUY, 30)
    scene.at(11)
    scene.request(ReplaceRequest("o", 5))
    scene.at(40)
    assert scene.story("o") == [NEW, TRADE, REPLACED]
    assert (scene.last("o").cum_quantity, scene.last("o").leaves_quantity) == (10, 0)


def test_a_mass_cancel_ends_a_side_and_says_how_many() -> None:
    scene = Scene(flat(3))
    for name, side in (("b1", BUY), ("b2", BUY), ("s", SELL)):
        scene.new(name, side, 10, 900 if side is BUY else 1100)
    scene.request(MassCancelRequest("all", 1))
    scene.settle()
    assert [scene.story(name) for name in ("b1", "b2", "s")] == [[NEW, CANCELED], [NEW, CANCELED], [NEW]]
    assert scene.packets[-1][-1].cancelled == 2


def test_a_full_gateway_refuses() -> None:
    scene = Scene(flat(3), service=Constant("1s"), capacity=1)
    scene.new("a", BUY, 10)
    scene.new("b", BUY, 10)
    scene.at(2)
    assert (scene.story("a"), scene.story("b")) == ([NEW], [REJECTED])
    assert "full" in scene.last("b").text


def test_a_line_that_goes_down_takes_its_orders_along_unless_told_otherwise() -> None:
    for cancels in (True, False):
        scene = Scene(flat(3), cancel_on_disconnect=cancels)
        scene.new("o", BUY, 10, 900)
        scene.at(1).line.disconnect()
        scene.new("refused", BUY, 10)
        scene.settle()
        assert scene.story("o") == ([NEW, CANCELED] if cancels else [NEW])
        assert scene.story("refused") == [REJECTED]
        again = scene.venue.connect("tester", scene.packets.append)
        scene.venue.enqueue(again, CancelRequest("o"))
        scene.settle()
        assert scene.last("o").exec_type is (ExecType.CANCEL_REJECTED if cancels else CANCELED)


def test_two_lines_of_one_participant_are_refused() -> None:
    with pytest.raises(InputError, match="connected to XMOD already"):
        Scene(flat(1)).venue.connect("tester", print)


@pytest.mark.parametrize(
    "options",
    [{"participation": 0}, {"participation": 1.5}, {"participation": "x"}, {"touch_fill_probability": 1.1}],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Scene(flat(1), **options)


def test_an_impact_model_that_needs_bars_is_refused_where_there_are_quotes() -> None:
    with pytest.raises(InputError, match="needs the length of a bar"):
        Scene(quotes((0, 999, 1, 1001, 1)), impact=AlmgrenImpactModel(1e6, 0.01, 1e8))
