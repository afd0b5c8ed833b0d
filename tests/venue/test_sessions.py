"""Pre-open, open, halts, close, and several days."""

from __future__ import annotations

from typing import Any

import pytest

from simexec.errors import InputError
from simexec.market import layout as at
from simexec.testing import background_market_order, background_order, check_book
from simexec.trading.report import ExecType, RejectReason
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderSide, PegType, TimeInForce
from simexec.venue import Halt, SessionCalendar, TradingHours, TradingState

from .making import MS, fills, make_scene, prints, story

BUY, SELL = OrderSide.BUY, OrderSide.SELL
DAY, GTC, GTD, IOC, FOK = TimeInForce.DAY, TimeInForce.GTC, TimeInForce.GTD, TimeInForce.IOC, TimeInForce.FOK
NEW, TRADE, CANCELED, REPLACED = ExecType.NEW, ExecType.TRADE, ExecType.CANCELED, ExecType.REPLACED
REJECTED, EXPIRED, CANCEL_REJECTED = ExecType.REJECTED, ExecType.EXPIRED, ExecType.CANCEL_REJECTED

WITH_PRE_OPEN = TradingHours(10 * MS, 100 * MS, pre_open_ns=5 * MS)


# --- pre-open ---


def test_before_the_pre_open_orders_are_refused_and_in_it_they_rest_without_trading() -> None:
    scene = make_scene((), (), hours=WITH_PRE_OPEN)
    scene.at("4ms", scene.alice.new, "early", BUY, 10, 101)
    scene.at("5ms", scene.alice.new, "a", BUY, 10, 101)
    scene.at("6ms", scene.bob.new, "b", SELL, 10, 100)
    scene.run("9ms")
    assert story(scene.alice.reports) == [("early", REJECTED, 0, 0), ("a", NEW, 0, 10)]
    assert scene.alice.reports[0].reason is RejectReason.EXCHANGE_CLOSED
    assert story(scene.bob.reports) == [("b", NEW, 0, 10)]
    assert scene.venue.state() is TradingState.PRE_OPEN


def test_the_open_uncrosses_at_one_price_and_tells_both_sides() -> None:
    scene = make_scene((), (), hours=WITH_PRE_OPEN)
    scene.at("6ms", scene.alice.new, "a", BUY, 10, 103)
    scene.at("7ms", scene.bob.new, "b", SELL, 10, 99)
    scene.at("8ms", scene.bob.new, "c", SELL, 5, 103)
    scene.run("20ms")
    ((time, _, quantity, price),) = fills(scene.alice.reports)
    assert fills(scene.bob.reports) == [(time, "b", quantity, price)]
    assert (time, quantity) == (10 * MS, 10)
    assert 99 <= price <= 103
    trade = scene.alice.reports[-1]
    assert (trade.maker, trade.arrived_ns) == (True, 0)
    assert prints(scene)[-1, 4] & at.PRINT_AUCTION
    check_book(scene.market.book)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "a market order has no price to wait at"),
        ({"price_ticks": 100, "time_in_force": IOC}, r"an order that may not rest (IOC) finds nothing"),
        ({"price_ticks": 100, "time_in_force": FOK}, r"an order that may not rest (FOK) finds nothing"),
        ({"price_ticks": 100, "post_only": True}, "nobody is the maker"),
        ({"terms": OrderTerms(peg=PegType.PRIMARY)}, "a pegged order has no reference price"),
    ],
)
def test_what_cannot_wait_for_the_opening_auction_is_refused_before_the_open(
    fields: dict[str, Any], words: str
) -> None:
    scene = make_scene((), (), hours=WITH_PRE_OPEN)
    scene.at("6ms", scene.alice.new, "a", BUY, 10, **fields)
    scene.run("7ms")
    (report,) = scene.alice.reports
    assert (report.exec_type, report.reason) == (REJECTED, RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC)
    assert report.text.startswith("before the open ")
    assert words in report.text


def test_a_stop_that_waits_since_the_pre_open_is_elected_by_the_opening_trade() -> None:
    scene = make_scene(((99, [50]),), (), hours=WITH_PRE_OPEN)
    scene.at("6ms", scene.alice.new, "stop", SELL, 5, terms=OrderTerms(stop_ticks=101))
    scene.at("7ms", scene.alice.new, "a", BUY, 10, 100)
    scene.at("8ms", scene.bob.new, "b", SELL, 10, 100)
    scene.run("9ms")
    assert [r.exec_type for r in scene.alice.reports] == [NEW, NEW]
    scene.run("20ms")
    assert [(r.order_id, r.exec_type) for r in scene.alice.reports[2:]] == [
        ("a", TRADE), ("stop", ExecType.TRIGGERED), ("stop", TRADE),
    ]  # fmt: skip
    assert fills(scene.alice.reports) == [(10 * MS, "a", 10, 100), (10 * MS, "stop", 5, 99)]


def test_orders_can_be_cancelled_and_replaced_before_the_open_and_still_do_not_trade() -> None:
    scene = make_scene((), (), hours=WITH_PRE_OPEN)
    scene.at("6ms", scene.alice.new, "a", BUY, 10, 100)
    scene.at("6ms", scene.bob.new, "b", SELL, 10, 101)
    scene.at("6ms", scene.bob.new, "c", SELL, 10, 100)
    scene.at("7ms", scene.alice.replace, "a", 8, 101)
    scene.at("8ms", scene.bob.cancel, "c")
    scene.run("9ms")
    assert story(scene.alice.reports) == [("a", NEW, 0, 10), ("a", REPLACED, 0, 8)]
    scene.run("11ms")
    assert fills(scene.bob.reports) == [(10 * MS, "b", 8, 101)]


# --- halts ---


def test_nothing_fills_in_a_scheduled_halt_and_the_end_uncrosses() -> None:
    scene = make_scene(
        messages=[background_market_order("25ms", SELL, 5), background_order("26ms", SELL, 100, 7, 0)],
        hours=TradingHours(0, 100 * MS, halts=[Halt(20 * MS, 30 * MS)]),
    )
    scene.at("1ms", scene.alice.new, "a", BUY, 60, 100)  # behind 50
    scene.run("29ms")
    assert scene.venue.state() is TradingState.HALTED
    assert fills(scene.alice.reports) == []
    scene.run("40ms")
    assert scene.venue.state() is TradingState.OPEN
    assert prints(scene)[:, 0].tolist() == [30 * MS]
    check_book(scene.market.book)


def test_in_a_halt_new_orders_and_replaces_are_refused_and_cancels_work() -> None:
    scene = make_scene(hours=TradingHours(0, 100 * MS, halts=[Halt(20 * MS, 30 * MS)]))
    scene.at("1ms", scene.alice.new, "a", BUY, 10, 100)
    scene.at("21ms", scene.alice.new, "b", BUY, 10)
    scene.at("22ms", scene.alice.replace, "a", 5)
    scene.at("23ms", scene.alice.cancel, "a")
    scene.run("29ms")
    _, refused, not_replaced, cancelled = scene.alice.reports
    assert (refused.exec_type, refused.reason) == (REJECTED, RejectReason.EXCHANGE_CLOSED)
    assert refused.text == "TEST is halted until 00:00:00.03"
    assert (not_replaced.exec_type, not_replaced.reason) == (CANCEL_REJECTED, RejectReason.EXCHANGE_CLOSED)
    assert not_replaced.text == refused.text
    assert cancelled.exec_type is CANCELED
    scene.at("30ms", scene.alice.new, "c", BUY, 10, 101)
    scene.run("40ms")
    assert fills(scene.alice.reports) == [(30 * MS, "c", 10, 101)]


def test_a_halt_that_lasts_to_the_close_does_not_reopen() -> None:
    scene = make_scene(hours=TradingHours(0, 30 * MS, halts=[Halt(20 * MS, 30 * MS)]))
    scene.at("1ms", scene.alice.new, "a", BUY, 10, 100)
    scene.run("40ms")
    assert story(scene.alice.reports)[-1] == ("a", EXPIRED, 0, 0)
    assert scene.venue.state() is TradingState.CLOSED


def test_of_overlapping_halts_the_later_end_counts() -> None:
    scene = make_scene(hours=TradingHours(0, 99 * MS, halts=[Halt(20 * MS, 50 * MS), Halt(30 * MS, 40 * MS)]))
    states = []
    for time in (25, 45, 55):
        scene.run(f"{time}ms")
        states.append(scene.venue.state())
    assert states == [TradingState.HALTED, TradingState.HALTED, TradingState.OPEN]


def test_a_halt_of_a_symbol_that_is_not_listed_is_an_error() -> None:
    scene = make_scene(hours=TradingHours(0, 99 * MS, halts=[Halt(20 * MS, 50 * MS, "ELSE")]))
    with pytest.raises(InputError, match="a symbol that XTST does not list; it lists TEST"):
        scene.run("30ms")


# --- close, days, expiry ---


def test_orders_that_stay_after_the_close_do_not_trade_with_what_comes_then() -> None:
    scene = make_scene(messages=[background_order("15ms", SELL, 100, 99, 0)], hours=TradingHours(0, 10 * MS))
    scene.at("1ms", scene.alice.new, "a", BUY, 10, 100, GTC)
    scene.run("20ms")
    assert story(scene.alice.reports) == [("a", NEW, 0, 10)]
    scene.venue.end_run()
    assert story(scene.alice.reports)[-1] == ("a", EXPIRED, 0, 0)


def test_over_two_days_day_orders_expire_and_the_others_trade_at_the_next_open() -> None:
    days = SessionCalendar([TradingHours(0, 10 * MS), TradingHours(20 * MS, 30 * MS)])
    scene = make_scene((), (), messages=[background_order("15ms", SELL, 99, 7, 0)], hours=days)
    scene.at("1ms", scene.alice.new, "day", BUY, 10, 100)
    scene.at("1ms", scene.alice.new, "good", BUY, 10, 100, GTC)
    scene.at("12ms", scene.alice.new, "night", BUY, 10, 100)
    scene.run("40ms")
    assert [(r.time_ns, r.order_id, r.exec_type, r.cum_quantity) for r in scene.alice.reports] == [
        (1 * MS, "day", NEW, 0),
        (1 * MS, "good", NEW, 0),
        (10 * MS, "day", EXPIRED, 0),
        (12 * MS, "night", REJECTED, 0),
        (20 * MS, "good", TRADE, 7),
    ]
    assert scene.venue.hours.contains(25 * MS)
    assert not scene.venue.hours.contains(15 * MS)
    assert (days.open_ns, days.close_ns) == (0, 30 * MS)


def test_orders_good_till_a_time_expire_then_whatever_the_state() -> None:
    scene = make_scene(hours=TradingHours(0, 10 * MS))
    for name, time in (("a", 5 * MS), ("b", 5 * MS), ("c", 15 * MS)):
        scene.at("1ms", scene.alice.new, name, BUY, 10, 100, GTD, terms=OrderTerms(expire_ns=time))
    scene.at("2ms", scene.alice.new, "late", BUY, 10, 100, GTD, terms=OrderTerms(expire_ns=1 * MS))
    scene.run("20ms")
    ended = [(r.time_ns, r.order_id) for r in scene.alice.reports if r.exec_type is EXPIRED]
    assert ended == [(5 * MS, "a"), (5 * MS, "b"), (15 * MS, "c")]
    late = next(r for r in scene.alice.reports if r.order_id == "late")
    assert (late.exec_type, late.reason) == (REJECTED, RejectReason.TOO_LATE_TO_ENTER)
    assert next(r.text for r in scene.alice.reports if r.exec_type is EXPIRED) == "its time was 00:00:00.005"


def test_a_venue_that_is_made_within_its_hours_is_open() -> None:
    scene = make_scene(hours=TradingHours(0, 10 * MS))
    assert scene.venue.state() is TradingState.OPEN


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TradingHours(10, 20, pre_open_ns=10), "not before the open"),
        (lambda: TradingHours(10, 20, halts=[Halt(5, 15)]), "does not lie within"),
        (lambda: Halt(5, 5), "must begin before it ends"),
        (lambda: SessionCalendar([]), "never opens"),
        (lambda: SessionCalendar([TradingHours(0, 10), TradingHours(9, 20)]), "begins before"),
        (lambda: SessionCalendar([TradingHours(0, 10), TradingHours(12, 20, pre_open_ns=8)]), "begins before"),
    ],
)
def test_a_calendar_that_cannot_be_is_refused(make: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()
