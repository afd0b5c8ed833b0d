"""Limits on the messages of a participant."""

from __future__ import annotations

import pytest

from simexec.errors import InputError
from simexec.trading.report import ExecType, RejectReason
from simexec.trading.vocabulary import OrderSide
from simexec.venue import Throttle, ThrottleAction, TradingHours

from .making import MS, make_scene

BUY = OrderSide.BUY
QUEUE = ThrottleAction.QUEUE


def test_there_is_no_throttle_unless_one_is_asked_for() -> None:
    scene = make_scene()
    for i in range(1_000):
        scene.alice.new(f"a{i}", BUY, 1, 100)
    scene.run("1ms")
    assert {report.exec_type for report in scene.alice.reports} == {ExecType.NEW}
    assert (scene.venue.statistics().throttled, scene.venue.statistics().delayed) == (0, 0)


def test_a_message_beyond_the_limit_of_a_sliding_window_is_refused_with_the_reason() -> None:
    scene = make_scene(throttle=Throttle(2, "10ms"))
    for time in (0, 4, 9, 10, 13, 14):
        scene.at(f"{time}ms", scene.alice.new, f"a{time}", BUY, 1, 100)
    scene.run("20ms")
    assert [(r.order_id, r.exec_type.name, r.reason) for r in scene.alice.reports] == [
        ("a0", "NEW", None),
        ("a4", "NEW", None),
        ("a9", "REJECTED", RejectReason.THROTTLE_LIMIT_EXCEEDED),
        ("a10", "NEW", None),  # a0 has left the window
        ("a13", "REJECTED", RejectReason.THROTTLE_LIMIT_EXCEEDED),
        ("a14", "NEW", None),  # a refused message does not count
    ]
    refused = scene.alice.reports[2]
    assert (refused.text, refused.time_ns) == ("more than 2 messages in 10ms", 9 * MS)
    assert scene.venue.statistics().throttled == 2


def test_replaces_count_and_cancels_do_not_and_are_never_refused() -> None:
    scene = make_scene(throttle=Throttle(2, "10ms"))
    scene.alice.new("a", BUY, 5, 100)
    scene.alice.replace("a", 4)
    scene.alice.replace("a", 3)
    scene.alice.cancel("a")
    scene.alice.cancel_all("m")
    scene.run("1ms")
    assert [r.exec_type.name for r in scene.alice.reports] == ["CANCEL_REJECTED", "NEW", "REPLACED", "CANCELED"]
    assert scene.alice.reports[0].reason is RejectReason.THROTTLE_LIMIT_EXCEEDED
    assert scene.alice.reports[0].answers_replace
    assert [report.request_id for report in scene.alice.mass_cancels] == ["m"]


def test_participants_are_limited_each_for_itself() -> None:
    scene = make_scene(throttle=Throttle(1, "10ms"))
    scene.alice.new("a", BUY, 5, 100)
    scene.bob.new("b", BUY, 5, 100)
    scene.run("1ms")
    assert [r.exec_type.name for r in scene.alice.reports + scene.bob.reports] == ["NEW", "NEW"]


def test_messages_that_wait_go_on_when_the_window_allows_in_their_order() -> None:
    scene = make_scene(throttle=Throttle(2, "10ms", QUEUE))
    for name in "abcde":
        scene.alice.new(name, BUY, 1, 100)
    scene.alice.cancel("d")
    scene.run("50ms")
    assert [(r.order_id, r.exec_type.name, r.time_ns // MS) for r in scene.alice.reports] == [
        ("a", "NEW", 0), ("b", "NEW", 0), ("c", "NEW", 10), ("d", "NEW", 10), ("e", "NEW", 20), ("d", "CANCELED", 20),
    ]  # fmt: skip
    assert (scene.venue.statistics().throttled, scene.venue.statistics().delayed) == (0, 4)


def test_a_cancel_that_comes_as_its_order_goes_on_stays_behind_it() -> None:
    scene = make_scene(throttle=Throttle(1, "10ms", QUEUE))
    scene.at("10ms", scene.alice.cancel, "b")  # asked for before the message below is put off to 10 ms
    scene.alice.new("a", BUY, 1, 100)
    scene.alice.new("b", BUY, 1, 100)
    scene.run("50ms")
    assert [(r.order_id, r.exec_type.name) for r in scene.alice.reports] == [
        ("a", "NEW"), ("b", "NEW"), ("b", "CANCELED"),
    ]  # fmt: skip


def test_a_message_that_waits_when_its_line_goes_down_is_refused() -> None:
    scene = make_scene(throttle=Throttle(1, "10ms", QUEUE))
    scene.alice.new("a", BUY, 1, 100)
    scene.alice.new("b", BUY, 1, 100)
    scene.at("5ms", scene.alice.connection.disconnect)
    scene.run("50ms")
    assert scene.alice.reports[-1].text == "the participant is disconnected"


def test_what_waits_at_the_end_of_the_run_goes_on_and_is_answered() -> None:
    scene = make_scene(throttle=Throttle(1, "10ms", QUEUE), hours=TradingHours(0, 5 * MS))
    for name in "abc":
        scene.alice.new(name, BUY, 1, 100)
    scene.run("6ms")
    scene.venue.end_run()
    scene.run("7ms")
    assert [(r.order_id, r.exec_type.name) for r in scene.alice.reports] == [
        ("a", "NEW"), ("a", "EXPIRED"), ("b", "REJECTED"), ("c", "REJECTED"),
    ]  # fmt: skip
    scene.run("50ms")
    assert len(scene.alice.reports) == 4


@pytest.mark.parametrize(("messages", "window"), [(0, "1s"), (1, 0)])
def test_a_throttle_that_lets_nothing_through_is_refused(messages: int, window: str | int) -> None:
    with pytest.raises(InputError, match="lets nothing through"):
        Throttle(messages, window)
