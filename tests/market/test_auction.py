"""Calls and auctions: orders rest without trading, and then all that crosses trades at one price.

Each test runs the compiled book and the naive one. Rules: Euronext and Xetra auctions: the most executed quantity, the least
surplus, nearest to the reference price; then the higher price. Orders take part in price-time order.
"""

from __future__ import annotations

import pytest

from simexec.market import layout as at

from .paired import BUY, SELL, Event, Paired


@pytest.fixture
def pair() -> Paired:
    """A book in a call."""
    made = Paired()
    made.phase(at.CALL)
    return made


def fill(pair: Paired, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> None:
    """Rest orders of (price, quantity)."""
    for side, orders in ((BUY, bids), (SELL, asks)):
        for i, (price, quantity) in enumerate(orders):
            pair.limit(f"{'bid' if side == BUY else 'ask'} {i}", side, quantity, price)


def uncross(pair: Paired) -> tuple[int | None, int]:
    """Price and quantity of the auction."""
    pair.phase(at.CONTINUOUS)
    trades = [printed for printed in pair.prints() if printed[2] & at.PRINT_AUCTION]
    prices = {price for price, _, _ in trades}
    assert len(prices) <= 1
    return (prices.pop() if prices else None), sum(quantity for _, quantity, _ in trades)


# --- in a call ---


def test_in_a_call_orders_that_cross_rest_without_trading(pair: Paired) -> None:
    assert pair.limit("ask", SELL, 5, 100) == [("rest", "ask", 100, 5)]
    assert pair.limit("bid", BUY, 5, 102) == [("rest", "bid", 102, 5)]
    assert pair.prints() == []


@pytest.mark.parametrize(
    ("flags", "minimum", "reason"),
    [
        (at.MARKET, 0, at.NO_LIQUIDITY), (at.IOC, 0, at.IMMEDIATE), (at.FOK, 0, at.FILL_OR_KILL),
        (at.IOC, 2, at.MINIMUM),
    ],
)  # fmt: skip
def test_in_a_call_what_cannot_wait_is_cancelled(pair: Paired, flags: int, minimum: int, reason: int) -> None:
    pair.limit("ask", SELL, 5, 100)
    assert pair.limit("taker", BUY, 5, 100, flags=flags, minimum=minimum) == [("cancel", "taker", reason, 5)]


def test_in_a_call_a_post_only_order_takes_nothing_and_so_rests(pair: Paired) -> None:
    pair.limit("ask", SELL, 5, 100)
    assert pair.limit("maker", BUY, 5, 101, flags=at.MAKER_ONLY) == [("rest", "maker", 101, 5)]
    assert pair.limit("slider", BUY, 5, 101, flags=at.MAKER_ONLY | at.SLIDE) == [("rest", "slider", 101, 5)]


def test_in_a_call_the_backgrounds_market_orders_find_nothing(pair: Paired) -> None:
    pair.limit("ask", SELL, 5, 100)
    assert pair.background(at.MARKET_ORDER, 0, 5, BUY) == []
    assert pair.background(at.VALUE_ORDER, 200, 5) == []
    assert pair.leaves("ask") == 5


def test_in_a_call_orders_are_cancelled_reduced_and_replaced(pair: Paired) -> None:
    fill(pair, [(100, 5), (100, 5)], [(100, 5)])
    pair.cancel("bid 0")
    pair.reduce("bid 1", 2)
    assert pair.replace("ask 0", 9, 99) == [("rest", "ask 0", 99, 9)]
    assert pair.queue(SELL, 99) == [("ask 0", 9, 0)]
    assert pair.queue(BUY, 100) == [("bid 1", 3, 0)]


def test_a_call_after_a_call_and_an_opening_of_what_is_open_change_nothing(pair: Paired) -> None:
    fill(pair, [(100, 5)], [(100, 5)])
    assert pair.phase(at.CALL) == []
    assert len(pair.phase(at.CONTINUOUS)) == 2
    assert pair.phase(at.CONTINUOUS) == []


# --- the price ---


def test_the_price_is_the_one_at_which_most_trades(pair: Paired) -> None:
    fill(pair, [(102, 10), (101, 20), (100, 50)], [(99, 10), (100, 20), (101, 5), (102, 60)])
    assert uncross(pair) == (101, 30)


def test_of_equal_quantities_the_price_with_the_least_surplus_counts(pair: Paired) -> None:
    """10 trade at any price from 99 to 102; at 101 and below 17 are asked for, and at 102 only 10."""
    fill(pair, [(102, 10), (101, 7)], [(99, 10)])
    assert uncross(pair) == (102, 10)


@pytest.mark.parametrize(("last", "price"), [(95, 100), (100, 100), (101, 101), (103, 103), (110, 104)])
def test_of_equal_surplus_the_price_nearest_to_the_last_trade_counts(last: int, price: int) -> None:
    pair = Paired()
    pair.limit("before", SELL, 1, last)
    pair.limit("taker", BUY, 1, last)
    pair.phase(at.CALL)
    fill(pair, [(104, 10)], [(100, 10)])
    assert uncross(pair) == (price, 10)


@pytest.mark.parametrize(("bid", "ask", "price"), [(104, 100, 102), (103, 100, 102), (100, 100, 100)])
def test_before_the_first_trade_the_middle_counts_and_then_the_higher_price(
    pair: Paired, bid: int, ask: int, price: int
) -> None:
    fill(pair, [(bid, 10)], [(ask, 10)])
    assert uncross(pair) == (price, 10)


def test_where_nothing_crosses_nothing_trades(pair: Paired) -> None:
    fill(pair, [(99, 10)], [(100, 10)])
    assert uncross(pair) == (None, 0)
    assert pair.prices(BUY) == [99]


def test_hidden_orders_and_the_whole_of_icebergs_take_part(pair: Paired) -> None:
    pair.limit("hidden", SELL, 10, 100, flags=at.HIDDEN)
    pair.limit("iceberg", SELL, 30, 100, peak=5)
    pair.limit("bid", BUY, 100, 101)
    assert uncross(pair)[1] == 40


def test_an_auction_price_is_a_whole_tick() -> None:
    pair = Paired(tick=100)
    pair.phase(at.CALL)
    fill(pair, [(10_300, 10)], [(10_000, 10)])
    assert uncross(pair) == (10_200, 10)


# --- who trades ---


def traded(events: list[Event]) -> list[tuple[str, int]]:
    return [(name, quantity) for word, name, _, quantity in events if word == "fill"]


def test_better_prices_and_older_orders_trade_and_the_surplus_stays(pair: Paired) -> None:
    fill(pair, [(100, 10), (101, 10), (100, 10)], [(100, 15)])
    assert traded(pair.phase(at.CONTINUOUS)) == [("bid 1", 10), ("ask 0", 10), ("bid 0", 5), ("ask 0", 5)]
    assert pair.queue(BUY, 100) == [("bid 0", 5, 0), ("bid 2", 10, 0)]
    assert pair.prices(SELL) == []


def test_both_sides_of_an_auction_are_makers_at_its_one_price(pair: Paired) -> None:
    fill(pair, [(101, 5)], [(99, 5)])
    assert pair.phase(at.CONTINUOUS) == [("fill", "bid 0", 100, 5), ("fill", "ask 0", 100, 5)]
    pair.book.flush()
    ((_, price, quantity, sign, flags, _),) = pair.book.prints.since().tolist()
    assert (price, quantity, sign, flags & at.PRINT_AUCTION) == (100, 5, 0, at.PRINT_AUCTION)


def test_displayed_orders_trade_before_hidden_ones_of_their_price(pair: Paired) -> None:
    pair.limit("hidden", BUY, 5, 100, flags=at.HIDDEN)
    pair.limit("shown", BUY, 5, 100)
    pair.limit("ask", SELL, 6, 100)
    assert [name for name, _ in traded(pair.phase(at.CONTINUOUS)) if name != "ask"] == ["shown", "hidden"]


# --- what an auction sets off ---


def test_no_stop_is_elected_and_no_peg_moves_in_a_call() -> None:
    pair = Paired()
    pair.limit("bid", BUY, 5, 100)
    pair.limit("ask", SELL, 5, 110)
    pair.peg("peg", BUY, 5, at.PEG_PRIMARY)
    pair.limit("before", SELL, 1, 100)
    pair.phase(at.CALL)
    assert pair.stop("stop", SELL, 5, 100, 95) == [("rest", "stop", 100, 5)]
    pair.limit("better", BUY, 5, 105)
    assert pair.queue(BUY, 100) == [("bid", 4, 0), ("peg", 5, 0)]
    assert pair.phase(at.CONTINUOUS)[0] == ("trigger", "stop", 100, 5)


def test_the_auctions_trade_elects_stops_that_act_after_it(pair: Paired) -> None:
    fill(pair, [(101, 10), (100, 9)], [(100, 10)])
    pair.stop("stop", SELL, 5, 101)
    events = pair.phase(at.CONTINUOUS)
    assert [event[0] for event in events] == ["fill", "fill", "trigger", "fill", "take"]
    assert events[3] == ("fill", "bid 1", 100, 5)


def test_pegs_move_after_the_auction(pair: Paired) -> None:
    pair.limit("bid", BUY, 5, 100)
    pair.peg("peg", BUY, 5, at.PEG_PRIMARY, -1)
    pair.limit("better", BUY, 5, 103)
    pair.phase(at.CONTINUOUS)
    assert pair.queue(BUY, 102) == [("peg", 5, 0)]
