"""Outages and slow gateways."""

from __future__ import annotations

from typing import Any

import pytest

from simexec.errors import InputError
from simexec.testing import background_market_order, background_order, check_book
from simexec.trading.report import ExecType, RejectReason
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderSide, TimeInForce
from simexec.venue import Outage, Slowdown, Throttle, TradingHours, TradingState

from .making import MS, fills, make_scene, prints, story

BUY, SELL = OrderSide.BUY, OrderSide.SELL
NEW, TRADE, CANCELED, EXPIRED = ExecType.NEW, ExecType.TRADE, ExecType.CANCELED, ExecType.EXPIRED

OUTAGE = Outage(10 * MS, 20 * MS)


def test_in_an_outage_nothing_is_answered_and_afterwards_all_is_in_the_order_of_arrival() -> None:
    scene = make_scene(incidents=[OUTAGE])
    scene.at("11ms", scene.alice.new, "a", BUY, 10, 101)
    scene.at("12ms", scene.bob.new, "b", BUY, 10, 100)
    scene.at("13ms", scene.alice.cancel, "a")
    scene.at("14ms", scene.bob.replace, "b", 5)
    scene.run("19ms")
    assert scene.alice.reports == scene.bob.reports == []
    assert scene.venue.state() is None
    scene.run("21ms")
    assert {report.time_ns for report in scene.alice.reports + scene.bob.reports} == {20 * MS}
    assert story(scene.alice.reports) == [("a", NEW, 0, 10), ("a", TRADE, 10, 0), ("a", ExecType.CANCEL_REJECTED, 0, 0)]
    assert story(scene.bob.reports) == [("b", NEW, 0, 10), ("b", ExecType.REPLACED, 0, 5)]
    assert [report.arrived_ns for report in scene.alice.reports] == [11 * MS, 11 * MS, 13 * MS]
    assert scene.venue.state() is TradingState.OPEN


def test_a_request_that_is_being_served_when_the_outage_begins_is_finished_at_its_end() -> None:
    scene = make_scene(service="2ms", incidents=[OUTAGE])
    scene.at("9ms", scene.alice.new, "a", BUY, 10, 100)
    scene.at("9ms", scene.alice.new, "b", BUY, 10, 100)
    scene.run("30ms")
    assert [(r.order_id, r.started_ns, r.time_ns) for r in scene.alice.reports] == [
        ("a", 9 * MS, 20 * MS), ("b", 20 * MS, 22 * MS),
    ]  # fmt: skip


def test_nothing_trades_in_an_outage_and_its_end_uncrosses() -> None:
    messages = [background_market_order("11ms", SELL, 5), background_order("12ms", SELL, 99, 60, 0)]
    scene = make_scene(messages=messages, incidents=[OUTAGE])
    scene.at("1ms", scene.alice.new, "a", BUY, 10, 100)
    scene.run("19ms")
    assert len(prints(scene)) == 0
    scene.run("21ms")
    assert set(prints(scene)[:, 0].tolist()) == {20 * MS}
    assert fills(scene.alice.reports) == [(20 * MS, "a", 10, fills(scene.alice.reports)[0][3])]
    check_book(scene.market.book)


def test_orders_may_be_lost_in_an_outage_which_is_told_after_it() -> None:
    scene = make_scene(incidents=[Outage(10 * MS, 20 * MS, cancel_orders=True)])
    scene.at("1ms", scene.alice.new, "a", BUY, 10, 100)
    scene.at("15ms", scene.alice.cancel, "a")
    scene.run("19ms")
    assert story(scene.alice.reports) == [("a", NEW, 0, 10)]
    scene.run("21ms")
    lost, late = scene.alice.reports[1:]
    assert (lost.exec_type, lost.time_ns, lost.text) == (CANCELED, 10 * MS, "lost in an outage of XTST")
    assert late.reason is RejectReason.TOO_LATE_TO_CANCEL
    assert scene.alice.packets[1][0] == 20 * MS


def test_the_close_and_an_expiry_within_an_outage_are_made_up_for_at_its_end_before_requests() -> None:
    scene = make_scene(hours=TradingHours(0, 15 * MS), incidents=[OUTAGE])
    scene.at("1ms", scene.alice.new, "day", BUY, 10, 100)
    scene.at("1ms", scene.alice.new, "gtd", BUY, 10, 100, TimeInForce.GTD, terms=OrderTerms(expire_ns=12 * MS))
    scene.at("13ms", scene.alice.new, "late", BUY, 10, 101)
    scene.run("30ms")
    assert [(r.time_ns, r.order_id, r.exec_type) for r in scene.alice.reports[2:]] == [
        (20 * MS, "gtd", EXPIRED), (20 * MS, "day", EXPIRED), (20 * MS, "late", ExecType.REJECTED),
    ]  # fmt: skip


def test_an_open_within_an_outage_comes_at_its_end() -> None:
    scene = make_scene(hours=TradingHours(15 * MS, 50 * MS), incidents=[OUTAGE])
    scene.at("16ms", scene.alice.new, "a", BUY, 10, 101)
    scene.run("30ms")
    assert fills(scene.alice.reports) == [(20 * MS, "a", 10, 101)]


def test_who_disconnects_in_an_outage_has_its_orders_cancelled_after_it() -> None:
    scene = make_scene(incidents=[OUTAGE])
    scene.at("1ms", scene.alice.new, "a", BUY, 10, 100)
    scene.at("15ms", scene.alice.connection.disconnect)
    scene.run("19ms")
    assert len(scene.alice.reports) == 1
    scene.run("21ms")
    assert (scene.alice.reports[-1].exec_type, scene.alice.reports[-1].time_ns) == (CANCELED, 20 * MS)


def test_a_full_gateway_and_a_throttle_say_nothing_before_the_outage_is_over() -> None:
    scene = make_scene(capacity=1, incidents=[OUTAGE], throttle=Throttle(2, "1s"))
    for name in "abc":
        scene.at("11ms", scene.alice.new, name, BUY, 10, 100)
    scene.run("19ms")
    assert scene.alice.reports == []
    scene.run("21ms")
    assert [(r.order_id, r.reason) for r in scene.alice.reports] == [
        ("b", RejectReason.OTHER), ("c", RejectReason.THROTTLE_LIMIT_EXCEEDED), ("a", None),
    ]  # fmt: skip


def test_a_run_that_ends_in_an_outage_ends_the_outage_and_every_order_has_its_end() -> None:
    scene = make_scene(incidents=[OUTAGE])
    scene.at("1ms", scene.alice.new, "a", BUY, 10, 100, TimeInForce.GTC)
    scene.at("12ms", scene.alice.new, "b", BUY, 10, 0)
    scene.run("15ms")
    scene.venue.end_run()
    scene.run("30ms")
    assert [(r.order_id, r.exec_type) for r in scene.alice.reports] == [
        ("a", NEW), ("a", EXPIRED), ("b", ExecType.REJECTED),
    ]  # fmt: skip


def test_requests_that_arrive_while_the_gateway_is_slow_take_a_multiple_of_their_time() -> None:
    scene = make_scene(service="1ms", incidents=[Slowdown(10 * MS, 20 * MS, 3)])
    for time in (5, 12, 25):
        scene.at(f"{time}ms", scene.alice.new, f"a{time}", BUY, 10, 100)
    scene.run("40ms")
    assert [report.time_ns for report in scene.alice.reports] == [6 * MS, 15 * MS, 26 * MS]


@pytest.mark.parametrize(
    ("incidents", "words"),
    [
        ([Outage(5, 5)], "before it ends"),
        ([Outage(5, 15), Outage(10, 20)], "must begin at 15 ns or later"),
        ([Slowdown(5, 15, 2), Slowdown(10, 20, 2)], "must begin at 15 ns or later"),
    ],
)
def test_incidents_that_overlap_or_do_not_end_are_refused(incidents: list[Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        make_scene(incidents=incidents)


@pytest.mark.parametrize("factor", [0, -1, float("nan"), float("inf")])
def test_a_slowdown_has_a_factor_above_0(factor: float) -> None:
    with pytest.raises(InputError, match="factor above 0"):
        Slowdown(1, 2, factor)
