"""Stop, stop-limit and trailing stop orders: what elects them, when they act, and in which order.

Each test runs the compiled book and the naive one. Rules: FIX OrdType 3 (stop) and 4 (stop limit), ExecType L (triggered),
PegPriceType 8 (trailing stop); CME Globex and Xetra stop orders, which wait outside the book for a trade.
"""

from __future__ import annotations

import pytest

from simexec.market import layout as at

from .paired import BUY, SELL, Paired


@pytest.fixture
def pair() -> Paired:
    return Paired()


def trade(pair: Paired, price: int, quantity: int = 1) -> None:
    """Two strangers trade."""
    name = f"stranger {pair.time}"
    pair.limit(name, SELL, quantity, price)
    assert ("fill", name, price, quantity) in pair.limit(f"{name}'s buyer", BUY, quantity, price)


# --- election ---


@pytest.mark.parametrize(("price", "elected"), [(101, False), (100, True), (99, True)])
def test_a_sell_stop_is_elected_by_a_trade_at_or_below_it(pair: Paired, price: int, elected: bool) -> None:
    pair.limit("bid", BUY, 50, price)
    pair.stop("stop", SELL, 5, 100)
    events = pair.limit("taker", SELL, 1, price)
    assert (("trigger", "stop", price, 5) in events) == elected
    assert pair.leaves("stop") == (0 if elected else 5)


@pytest.mark.parametrize(("price", "elected"), [(99, False), (100, True), (101, True)])
def test_a_buy_stop_is_elected_by_a_trade_at_or_above_it(pair: Paired, price: int, elected: bool) -> None:
    pair.limit("ask", SELL, 50, price)
    pair.stop("stop", BUY, 5, 100)
    events = pair.limit("taker", BUY, 1, price)
    assert (("trigger", "stop", price, 5) in events) == elected


def test_quotes_elect_no_stop(pair: Paired) -> None:
    pair.stop("stop", SELL, 5, 100)
    pair.limit("bid", BUY, 5, 90)
    assert pair.limit("ask", SELL, 5, 91) == [("rest", "ask", 91, 5)]
    assert pair.leaves("stop") == 5


def test_a_stop_is_not_shown_and_nobody_trades_with_it(pair: Paired) -> None:
    pair.stop("stop", SELL, 5, 100, 99)
    assert pair.prices(SELL) == []
    assert pair.market_order("taker", BUY, 5) == [("cancel", "taker", at.NO_LIQUIDITY, 5)]


def test_a_trade_of_the_background_elects_a_stop(pair: Paired) -> None:
    pair.limit("bid", BUY, 9, 100)
    pair.stop("stop", SELL, 5, 100)
    assert pair.background(at.MARKET_ORDER, 0, 2, SELL) == [
        ("fill", "bid", 100, 2), ("trigger", "stop", 100, 5), ("fill", "bid", 100, 5), ("take", "stop", 100, 5),
    ]  # fmt: skip


def test_a_trade_with_a_hidden_order_elects_a_stop(pair: Paired) -> None:
    pair.limit("hidden", BUY, 9, 100, flags=at.HIDDEN)
    pair.stop("stop", SELL, 5, 100)
    assert ("trigger", "stop", 100, 5) in pair.limit("taker", SELL, 1, 100)


def test_a_stop_that_the_last_trade_has_reached_is_elected_on_entry(pair: Paired) -> None:
    trade(pair, 100)
    pair.limit("bid", BUY, 9, 98)
    assert pair.stop("stop", SELL, 5, 100) == [
        ("rest", "stop", 100, 5), ("trigger", "stop", 100, 5), ("fill", "bid", 98, 5), ("take", "stop", 98, 5),
    ]  # fmt: skip


def test_a_stop_acts_when_the_order_that_elected_it_has_finished(pair: Paired) -> None:
    pair.limit("first", BUY, 5, 100)
    pair.limit("second", BUY, 5, 99)
    pair.limit("third", BUY, 5, 98)
    pair.stop("stop", SELL, 5, 100)
    assert [event[:3] for event in pair.limit("sweep", SELL, 10, 99)] == [
        ("fill", "first", 100), ("take", "sweep", 100), ("fill", "second", 99), ("take", "sweep", 99),
        ("trigger", "stop", 100), ("fill", "third", 98), ("take", "stop", 98),
    ]  # fmt: skip


def test_parts_of_one_event_elect_when_the_event_is_complete(pair: Paired) -> None:
    pair.limit("bid", BUY, 9, 100)
    pair.stop("stop", SELL, 1, 100)
    assert pair.background(at.MARKET_ORDER, 0, 2, SELL, part=True) == [("fill", "bid", 100, 2)]
    assert pair.background(at.MARKET_ORDER, 0, 2, SELL)[:2] == [("fill", "bid", 100, 2), ("trigger", "stop", 100, 1)]


# --- what an elected stop is ---


def test_a_stop_limit_rests_at_its_limit_with_what_it_cannot_trade(pair: Paired) -> None:
    pair.limit("bid", BUY, 3, 100)
    pair.stop("stop", SELL, 5, 100, 99)
    pair.limit("low", BUY, 1, 99)
    pair.limit("taker", SELL, 1, 100)
    assert pair.queue(SELL, 99) == [("stop", 2, 0)]
    assert pair.leaves("stop") == 2


def test_a_stop_is_a_market_order_and_what_it_cannot_trade_is_cancelled(pair: Paired) -> None:
    pair.limit("bid", BUY, 3, 100)
    pair.stop("stop", SELL, 5, 100)
    assert pair.limit("taker", SELL, 1, 100)[-1] == ("cancel", "stop", at.NO_LIQUIDITY, 3)


def test_an_elected_iceberg_takes_with_all_it_has_and_rests_with_its_peak(pair: Paired) -> None:
    pair.limit("bid", BUY, 30, 100)
    pair.stop("stop", SELL, 100, 100, 100, peak=10)
    pair.limit("taker", SELL, 1, 100)
    assert pair.queue(SELL, 100) == [("stop", 10, 61)]


def test_an_elected_hidden_order_rests_hidden(pair: Paired) -> None:
    pair.limit("bid", BUY, 1, 100)
    pair.stop("stop", SELL, 5, 100, 100, flags=at.HIDDEN)
    pair.limit("taker", SELL, 1, 100)
    assert pair.prices(SELL) == []
    assert pair.queue(SELL, 100) == [("stop", 0, 5)]


@pytest.mark.parametrize(("flag", "reason"), [(at.IOC, at.IMMEDIATE), (at.FOK, at.FILL_OR_KILL)])
def test_time_in_force_of_a_stop_limit_counts_from_its_election(pair: Paired, flag: int, reason: int) -> None:
    pair.limit("bid", BUY, 1, 100)
    assert pair.stop("stop", SELL, 5, 100, 100, flags=flag) == [("rest", "stop", 100, 5)]
    assert pair.limit("taker", SELL, 1, 100)[-2:] == [("trigger", "stop", 100, 5), ("cancel", "stop", reason, 5)]


def test_self_trade_prevention_of_a_stop_works_when_it_acts(pair: Paired) -> None:
    pair.limit("mine", BUY, 9, 100, owner=7)
    pair.stop("stop", SELL, 5, 100, owner=7, flags=at.STP_NEWEST)
    assert pair.limit("taker", SELL, 1, 100)[-1] == ("cancel", "stop", at.SELF_TRADE, 5)
    assert pair.leaves("mine") == 8


# --- order among stops ---


def triggered(events: list[tuple[str, str, int, int]]) -> list[str]:
    return [name for word, name, _, _ in events if word == "trigger"]


def test_the_stop_nearest_to_the_market_acts_first_and_at_one_price_the_older(pair: Paired) -> None:
    for name, stop in (("far", 97), ("near", 99), ("middle", 98), ("near too", 99)):
        pair.stop(name, SELL, 1, stop)
    pair.limit("bid", BUY, 50, 97)
    assert triggered(pair.limit("taker", SELL, 1, 97)) == ["near", "near too", "middle", "far"]


def test_sells_act_before_buys(pair: Paired) -> None:
    pair.limit("bid", BUY, 50, 100)
    pair.limit("ask", SELL, 50, 105)
    pair.stop("buy", BUY, 1, 100)
    pair.stop("sell", SELL, 1, 100)
    assert triggered(pair.limit("taker", SELL, 1, 100)) == ["sell", "buy"]


def test_a_stop_that_its_predecessors_trade_elects_acts_too(pair: Paired) -> None:
    """A cascade: each stop sells to the next lower bid, and that trade elects the next."""
    for price in range(100, 95, -1):
        pair.limit(f"bid {price}", BUY, 2, price)
        pair.stop(f"stop {price}", SELL, 2, price)
    events = pair.limit("push", SELL, 1, 100)
    assert triggered(events) == [f"stop {price}" for price in range(100, 95, -1)]
    assert [price for word, _, price, _ in events if word == "trigger"] == [100, 99, 98, 97, 96]
    assert events[-1] == ("cancel", "stop 96", at.NO_LIQUIDITY, 1)
    assert pair.prices(BUY) == []


def test_a_sell_stop_that_another_elects_goes_before_a_buy_stop_that_waits_its_turn(pair: Paired) -> None:
    pair.limit("bid", BUY, 2, 100)
    pair.limit("lower", BUY, 9, 99)
    pair.limit("ask", SELL, 9, 105)
    pair.stop("buy", BUY, 1, 100)
    pair.stop("sell", SELL, 2, 100)
    pair.stop("later", SELL, 1, 99)
    assert triggered(pair.limit("taker", SELL, 1, 100)) == ["sell", "later", "buy"]


# --- trailing ---


def test_a_trailing_stop_follows_the_trades_up_and_never_down(pair: Paired) -> None:
    pair.stop("stop", SELL, 5, 98, trail=2)
    for price in (100, 103, 102):
        trade(pair, price)
    assert pair.leaves("stop") == 5
    pair.limit("bid", BUY, 9, 101)
    assert triggered(pair.limit("taker", SELL, 1, 101)) == ["stop"]


def test_a_trailing_buy_stop_follows_the_trades_down(pair: Paired) -> None:
    pair.stop("stop", BUY, 5, 105, trail=2)
    for price in (100, 99, 100):
        trade(pair, price)
    pair.limit("ask", SELL, 9, 101)
    assert triggered(pair.limit("taker", BUY, 1, 101)) == ["stop"]


def test_a_trailing_stop_without_a_stop_starts_from_the_last_trade(pair: Paired) -> None:
    trade(pair, 100)
    assert pair.stop("stop", SELL, 5, None, trail=3) == [("rest", "stop", 97, 5)]


def test_a_trailing_stop_without_a_stop_and_a_trade_ends_with_a_reason(pair: Paired) -> None:
    assert pair.stop("stop", SELL, 5, None, trail=3) == [("cancel", "stop", at.NO_REFERENCE, 5)]


def test_the_trade_that_elects_a_trailing_stop_does_not_move_it(pair: Paired) -> None:
    pair.stop("stop", SELL, 5, 98, trail=1)
    pair.limit("bid", BUY, 9, 98)
    assert triggered(pair.limit("taker", SELL, 1, 98)) == ["stop"]


def test_each_trade_of_a_sweep_is_followed(pair: Paired) -> None:
    pair.limit("low", SELL, 1, 100)
    pair.limit("high", SELL, 1, 104)
    pair.stop("stop", SELL, 5, 95, trail=2)
    pair.limit("sweep", BUY, 2, 104)
    pair.limit("bid", BUY, 9, 102)
    assert triggered(pair.limit("taker", SELL, 1, 102)) == ["stop"]


def test_the_entry_of_another_stop_is_no_trade_to_follow(pair: Paired) -> None:
    trade(pair, 110)
    pair.limit("bid", BUY, 9, 100)
    pair.limit("ask", SELL, 1, 105)
    pair.stop("trailing", SELL, 1, 90, trail=4)
    assert triggered(pair.stop("other", BUY, 1, 110)) == ["other"]
    assert pair.leaves("trailing") == 1


def test_a_trailing_stop_is_behind_the_stops_that_were_at_its_new_price_before(pair: Paired) -> None:
    pair.stop("trailing", SELL, 1, 90, trail=2)
    pair.stop("fixed", SELL, 1, 98)
    trade(pair, 100)
    pair.limit("bid", BUY, 9, 98)
    assert triggered(pair.limit("taker", SELL, 1, 98)) == ["fixed", "trailing"]


def test_stops_that_one_trade_moves_to_one_price_are_there_in_the_order_of_their_entry(pair: Paired) -> None:
    pair.stop("older", SELL, 1, 90, trail=2)
    pair.stop("younger", SELL, 1, 95, trail=2)
    trade(pair, 96)
    trade(pair, 100)
    pair.limit("bid", BUY, 9, 98)
    assert triggered(pair.limit("taker", SELL, 1, 98)) == ["older", "younger"]


# --- cancel, reduce, replace ---


def test_a_stop_can_be_cancelled_and_reduced(pair: Paired) -> None:
    pair.stop("stop", SELL, 5, 100, 99)
    pair.stop("other", SELL, 5, 100, 99)
    pair.reduce("stop", 2)
    assert pair.leaves("stop") == 3
    assert pair.cancel("other") == []
    pair.limit("bid", BUY, 9, 100)
    assert pair.limit("taker", SELL, 1, 100)[2:] == [
        ("trigger", "stop", 100, 3), ("fill", "bid", 100, 3), ("take", "stop", 100, 3),
    ]  # fmt: skip


def test_less_quantity_keeps_a_stops_place_and_another_stop_price_does_not(pair: Paired) -> None:
    for name in ("a", "b", "c"):
        pair.stop(name, SELL, 5, 100)
    assert pair.replace("a", 3, flags=at.MARKET) == []
    assert pair.replace("b", 5, stop=99, flags=at.MARKET) == [("rest", "b", 99, 5)]
    assert pair.replace("b", 5, stop=100, flags=at.MARKET) == [("rest", "b", 100, 5)]
    pair.limit("bid", BUY, 50, 100)
    assert triggered(pair.limit("taker", SELL, 1, 100)) == ["a", "c", "b"]


def test_a_stop_that_is_replaced_to_a_price_the_last_trade_has_reached_acts(pair: Paired) -> None:
    trade(pair, 100)
    pair.limit("bid", BUY, 9, 98)
    pair.stop("stop", SELL, 5, 99, 95)
    events = pair.replace("stop", 5, stop=100)
    assert events is not None
    assert triggered(events) == ["stop"]


def test_a_stop_limits_limit_can_be_replaced(pair: Paired) -> None:
    pair.stop("stop", SELL, 5, 100, 95)
    assert pair.replace("stop", 5, 100) == [("rest", "stop", 100, 5)]
    pair.limit("bid", BUY, 1, 100)
    pair.limit("low", BUY, 9, 97)
    pair.limit("taker", SELL, 1, 100)
    assert pair.queue(SELL, 100) == [("stop", 5, 0)]


def test_a_replaced_trailing_stop_goes_on_trailing(pair: Paired) -> None:
    pair.stop("stop", SELL, 5, 90, trail=2)
    pair.replace("stop", 7, stop=91, flags=at.MARKET)
    trade(pair, 100)
    pair.limit("bid", BUY, 9, 98)
    assert triggered(pair.limit("taker", SELL, 1, 98)) == ["stop"]
