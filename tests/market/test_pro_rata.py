"""Pro-rata allocation, as CME's "pro-rata" algorithm: shares by displayed size, rounded down, small ones dropped, the rest FIFO.

Each test runs the compiled book and the naive one.
"""

from __future__ import annotations

import pytest

from simexec.errors import InputError
from simexec.market import layout as at
from simexec.market.order_book import OrderBook

from .paired import BUY, SELL, Event, Paired


@pytest.fixture
def pair() -> Paired:
    made = Paired()
    made.pro_rata(1)
    return made


def shares(events: list[Event]) -> dict[str, int]:
    """What each resting order traded."""
    found: dict[str, int] = {}
    for word, name, _, quantity in events:
        if word == "fill":
            found[name] = found.get(name, 0) + quantity
    return found


def test_an_order_is_shared_out_in_proportion_to_displayed_size(pair: Paired) -> None:
    for name, quantity in (("a", 10), ("b", 30), ("c", 60)):
        pair.limit(name, SELL, quantity, 100)
    assert shares(pair.limit("taker", BUY, 50, 100)) == {"a": 5, "b": 15, "c": 30}


def test_shares_are_rounded_down_and_the_rest_goes_to_the_oldest(pair: Paired) -> None:
    for name in ("a", "b", "c"):
        pair.limit(name, SELL, 10, 100)
    assert shares(pair.limit("taker", BUY, 20, 100)) == {"a": 8, "b": 6, "c": 6}


def test_a_share_below_the_minimum_is_nothing() -> None:
    pair = Paired()
    pair.pro_rata(2)
    for name, quantity in (("small", 10), ("big", 90)):
        pair.limit(name, SELL, quantity, 100)
    assert shares(pair.limit("taker", BUY, 10, 100)) == {"small": 1, "big": 9}
    assert pair.limit("again", BUY, 10, 100)[0] == ("fill", "big", 100, 9)


def test_where_all_shares_are_below_the_minimum_the_oldest_trade() -> None:
    pair = Paired()
    pair.pro_rata(5)
    for name in ("a", "b", "c"):
        pair.limit(name, SELL, 10, 100)
    assert shares(pair.limit("taker", BUY, 12, 100)) == {"a": 10, "b": 2}


def test_an_order_that_takes_a_whole_level_takes_it_in_order_and_shares_at_the_next(pair: Paired) -> None:
    for name, price in (("a", 100), ("b", 100), ("c", 101), ("d", 101)):
        pair.limit(name, SELL, 10, price)
    events = pair.limit("taker", BUY, 30, 101)
    assert [event[1:] for event in events if event[0] == "fill"] == [
        ("a", 100, 10), ("b", 100, 10), ("c", 101, 5), ("d", 101, 5),
    ]  # fmt: skip


def test_only_what_is_displayed_counts_and_hidden_orders_come_last(pair: Paired) -> None:
    pair.limit("hidden", SELL, 1_000, 100, flags=at.HIDDEN)
    pair.limit("iceberg", SELL, 500, 100, peak=10)
    pair.limit("plain", SELL, 30, 100)
    assert shares(pair.limit("taker", BUY, 20, 100)) == {"iceberg": 5, "plain": 15}


def test_what_icebergs_show_after_a_whole_level_is_shared_out_anew(pair: Paired) -> None:
    pair.limit("x", SELL, 30, 100, peak=10)
    pair.limit("y", SELL, 60, 100, peak=20)
    assert shares(pair.limit("taker", BUY, 45, 100)) == {"x": 15, "y": 30}
    assert pair.queue(SELL, 100) == [("x", 5, 10), ("y", 10, 20)]


def test_the_oldest_order_gets_the_rest_and_an_iceberg_that_it_empties_goes_back(pair: Paired) -> None:
    pair.limit("iceberg", SELL, 9, 100, peak=1)
    pair.limit("plain", SELL, 9, 100)
    assert shares(pair.limit("taker", BUY, 9, 100)) == {"plain": 8, "iceberg": 1}
    assert pair.queue(SELL, 100) == [("plain", 1, 0), ("iceberg", 1, 7)]


@pytest.mark.parametrize("names", [("mine", "other"), ("other", "mine")])
def test_self_trade_prevention_looks_at_a_whole_price_before_it_is_shared_out(
    pair: Paired, names: tuple[str, str]
) -> None:
    for name in names:
        pair.limit(name, SELL, 50, 100, owner=7 if name == "mine" else 8)
    assert pair.limit("newest", BUY, 40, 100, owner=7, flags=at.STP_NEWEST) == [("cancel", "newest", at.SELF_TRADE, 40)]
    assert pair.limit("oldest", BUY, 40, 100, owner=7, flags=at.STP_OLDEST) == [
        ("cancel", "mine", at.SELF_TRADE, 50), ("fill", "other", 100, 40), ("take", "oldest", 100, 40),
    ]  # fmt: skip


def test_fill_or_kill_does_not_count_a_price_at_which_self_trade_prevention_would_end_it(pair: Paired) -> None:
    pair.limit("near", SELL, 10, 100)
    pair.limit("other", SELL, 50, 101)
    pair.limit("mine", SELL, 1, 101, owner=7)
    asked = {"owner": 7, "flags": at.FOK | at.STP_NEWEST}
    assert pair.limit("kill", BUY, 30, 101, **asked) == [("cancel", "kill", at.FILL_OR_KILL, 30)]


def test_fill_or_kill_needs_no_more_than_it_finds(pair: Paired) -> None:
    for name in ("a", "b"):
        pair.limit(name, SELL, 10, 100)
    assert shares(pair.limit("all", BUY, 15, 100, flags=at.FOK)) == {"a": 8, "b": 7}
    assert pair.limit("more", BUY, 6, 100, flags=at.FOK) == [("cancel", "more", at.FILL_OR_KILL, 6)]


def test_a_least_share_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="least pro-rata allocation 0 must be at least 1"):
        OrderBook().set_pro_rata(0)


def test_a_quantity_too_large_to_be_shared_out_is_refused() -> None:
    book = OrderBook()
    book.set_pro_rata()
    with pytest.raises(InputError, match="too large to be shared out"):
        book.submit(1, BUY, 2**31, 100, number=1)
