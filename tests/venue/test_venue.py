"""What a venue answers: acks, fills, rejects, cancels, replaces, ends."""

from __future__ import annotations

from decimal import Decimal

import pytest

from simexec.errors import InputError
from simexec.market.order_book import QueuePosition
from simexec.models.fees import MakerTakerFees
from simexec.sim import Exponential
from simexec.testing import (
    Desk,
    Participant,
    background_cancel,
    background_market_order,
    background_order,
    check_book,
    make_desk,
)
from simexec.trading.report import ExecType, ExecutionReport, RejectReason
from simexec.trading.vocabulary import OrderSide, SelfTradePrevention, TimeInForce

BUY, SELL = OrderSide.BUY, OrderSide.SELL
DAY, GTC, IOC, FOK = TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK
NEW, TRADE, CANCELED, REPLACED = ExecType.NEW, ExecType.TRADE, ExecType.CANCELED, ExecType.REPLACED
REJECTED, EXPIRED, CANCEL_REJECTED = ExecType.REJECTED, ExecType.EXPIRED, ExecType.CANCEL_REJECTED


def brief(reports: list[ExecutionReport]) -> list[tuple[str, ExecType, int, int]]:
    """Order, what happened, cumulative and leaves quantity."""
    return [(r.order_id, r.exec_type, r.cum_quantity, r.leaves_quantity) for r in reports]


def trades(reports: list[ExecutionReport]) -> list[tuple[str, int, int, bool]]:
    """Order, quantity, price in quanta and whether it was the maker."""
    return [(r.order_id, r.last_quantity, r.last_price_quanta, r.maker) for r in reports if r.exec_type is TRADE]


def now(desk: Desk) -> None:
    """Let everything of the present time happen."""
    desk.sim.run(desk.sim.now + 1)


def ahead(desk: Desk, order_id: str) -> QueuePosition:
    return desk.market.book.queue_position(desk.venue.order_numbers[order_id])


# --- answers ---


def test_an_order_that_rests_is_acknowledged(desk: Desk, alice: Participant) -> None:
    alice.new("a", BUY, 10, 100)
    now(desk)
    assert brief(alice.reports) == [("a", NEW, 0, 10)]
    assert ahead(desk, "a") == QueuePosition(1, 50)


def test_an_order_that_trades_on_arrival_is_acknowledged_first_and_all_comes_in_one_packet(
    desk: Desk, alice: Participant
) -> None:
    alice.new("a", BUY, 60, 102)
    now(desk)
    assert len(alice.packets) == 1
    assert brief(alice.reports) == [("a", NEW, 0, 60), ("a", TRADE, 30, 30), ("a", TRADE, 50, 10), ("a", TRADE, 60, 0)]
    assert trades(alice.reports) == [("a", 30, 10_100, False), ("a", 20, 10_100, False), ("a", 10, 10_200, False)]


def test_an_order_that_is_filled_in_part_rests_with_the_remainder(desk: Desk, alice: Participant) -> None:
    alice.new("a", BUY, 60, 101)
    now(desk)
    assert brief(alice.reports)[-1] == ("a", TRADE, 50, 10)
    assert desk.quote_ticks() == (101, 102)
    check_book(desk.market.book)


def test_maker_and_taker_are_both_told_each_in_a_packet_of_their_own(
    desk: Desk, alice: Participant, bob: Participant
) -> None:
    alice.new("a1", SELL, 10, 101)
    alice.new("a2", SELL, 10, 101)
    now(desk)
    alice.take()
    bob.new("b", BUY, 65, 101)
    now(desk)
    assert trades(alice.reports) == [("a1", 10, 10_100, True), ("a2", 5, 10_100, True)]
    assert len(alice.packets) == 1
    assert sum(quantity for _, quantity, _, _ in trades(bob.reports)) == 65


def test_every_report_has_an_id_of_its_own(desk: Desk, alice: Participant, bob: Participant) -> None:
    alice.new("a", SELL, 10, 101)
    bob.new("b", BUY, 200, 102)
    alice.cancel("a")
    bob.new("b2", BUY, 5)
    now(desk)
    ids = [report.exec_id for report in alice.reports + bob.reports]
    assert len(set(ids)) == len(ids) >= 8


def test_a_background_message_that_trades_with_a_participant_is_told_at_its_own_time() -> None:
    messages = [background_market_order("1ms", SELL, 7), background_market_order("3ms", SELL, 9)]
    desk = make_desk(bids=[(100, [2])], asks=[(101, [5])], messages=messages, service=0)
    alice = Participant(desk.sim, desk.venue)
    alice.new("a", BUY, 10, 100)
    desk.sim.run("10ms")
    assert [time for time, _ in alice.packets] == [0, 1_000_000, 3_000_000]
    assert brief(alice.reports) == [("a", NEW, 0, 10), ("a", TRADE, 5, 5), ("a", TRADE, 10, 0)]
    assert [report.time_ns for report in alice.reports] == [0, 1_000_000, 3_000_000]


# --- new orders that are refused ---


def test_a_refused_order_is_told_why_in_fixs_words(desk: Desk, alice: Participant) -> None:
    alice.new("a", BUY, 10, 100, symbol="AMZN")
    now(desk)
    (report,) = alice.reports
    assert (report.exec_type, report.reason, report.cum_quantity, report.leaves_quantity) == (
        REJECTED, RejectReason.UNKNOWN_SYMBOL, 0, 0,
    )  # fmt: skip
    assert report.text == "symbol AMZN is not traded here, only TEST"
    assert desk.venue.statistics().rejected == 1


def test_a_second_order_of_an_id_in_use_is_refused(desk: Desk, alice: Participant) -> None:
    alice.new("a", BUY, 10, 100)
    alice.new("a", BUY, 10, 100)
    now(desk)
    assert brief(alice.reports) == [("a", NEW, 0, 10), ("a", REJECTED, 0, 0)]
    assert alice.reports[1].reason is RejectReason.DUPLICATE_ORDER
    assert desk.market.book.leaves(1) == 10


def test_two_participants_may_use_the_same_order_id(desk: Desk, alice: Participant, bob: Participant) -> None:
    alice.new("ord_1", BUY, 10, 100)
    bob.new("ord_1", BUY, 10, 100)
    now(desk)
    assert brief(bob.reports) == [("ord_1", NEW, 0, 10)]


def test_orders_are_refused_before_the_open_and_from_the_close_on() -> None:
    desk = make_desk(asks=[(101, [5])], opens="10ms", closes="20ms", service=0)
    alice = Participant(desk.sim, desk.venue)
    for time, order_id in ((0, "early"), (10_000_000, "first"), (19_999_999, "last"), (20_000_000, "late")):
        desk.sim.call_at(time, lambda name: alice.new(name, BUY, 1, 100), order_id)
    desk.sim.run("30ms")
    answers = {r.order_id: (r.exec_type, r.reason) for r in alice.reports if r.exec_type is not EXPIRED}
    assert answers == {
        "early": (REJECTED, RejectReason.EXCHANGE_CLOSED),
        "first": (NEW, None),
        "last": (NEW, None),
        "late": (REJECTED, RejectReason.EXCHANGE_CLOSED),
    }


def test_an_order_that_is_still_in_the_gateway_at_the_close_is_refused() -> None:
    desk = make_desk(closes="1ms", service="600us")
    alice = Participant(desk.sim, desk.venue)
    alice.new("a", BUY, 1, 100)
    alice.new("b", BUY, 1, 100)
    desk.sim.run("2ms")
    assert brief(alice.reports) == [("a", NEW, 0, 1), ("a", EXPIRED, 0, 0), ("b", REJECTED, 0, 0)]


@pytest.mark.parametrize(("price", "exec_type"), [(101, REJECTED), (102, REJECTED), (100, NEW)])
def test_a_post_only_order_is_refused_rather_than_filled(
    desk: Desk, alice: Participant, price: int, exec_type: ExecType
) -> None:
    alice.new("a", BUY, 10, price, post_only=True)
    now(desk)
    (report,) = alice.reports
    assert (report.exec_type, report.cum_quantity) == (exec_type, 0)
    assert ("post-only" in report.text) is (exec_type is REJECTED)
    assert desk.market.book.quote().ask_size == 50


def test_a_full_gateway_refuses_what_does_not_fit() -> None:
    desk = make_desk(bids=[(100, [5])], service="1ms", capacity=2)
    alice = Participant(desk.sim, desk.venue)
    for name in "abc":
        alice.new(name, BUY, 1, 99)
    alice.cancel("a")
    alice.replace("a", 5)
    assert [(r.order_id, r.exec_type, r.reason) for r in alice.take()] == [
        ("c", REJECTED, RejectReason.OTHER),
        ("a", CANCEL_REJECTED, RejectReason.OTHER),
        ("a", CANCEL_REJECTED, RejectReason.OTHER),
    ]
    desk.sim.run("5ms")
    assert brief(alice.reports) == [("a", NEW, 0, 1), ("b", NEW, 0, 1)]
    assert desk.venue.statistics().gateway.refused == 3


# --- time in force ---


@pytest.mark.parametrize("side", [BUY, SELL])
def test_what_an_immediate_or_cancel_order_does_not_find_is_cancelled(side: OrderSide) -> None:
    desk = make_desk(bids=[(100, [50])], asks=[(101, [50])], service=0)
    alice = Participant(desk.sim, desk.venue)
    alice.new("a", side, 60, 101 if side is BUY else 100, IOC)
    now(desk)
    assert brief(alice.reports) == [("a", NEW, 0, 60), ("a", TRADE, 50, 10), ("a", CANCELED, 50, 0)]
    assert alice.reports[-1].text == "the rest of an immediate-or-cancel order"


def test_an_immediate_or_cancel_order_that_finds_nothing_is_cancelled_in_full(desk: Desk, alice: Participant) -> None:
    alice.new("a", BUY, 60, 100, IOC)
    now(desk)
    assert brief(alice.reports) == [("a", NEW, 0, 60), ("a", CANCELED, 0, 0)]


def test_a_fill_or_kill_order_trades_in_full_or_not_at_all(desk: Desk, alice: Participant) -> None:
    alice.new("a", BUY, 121, 102, FOK)
    alice.new("b", BUY, 120, 102, FOK)
    now(desk)
    assert brief(alice.reports)[:2] == [("a", NEW, 0, 121), ("a", CANCELED, 0, 0)]
    assert alice.reports[1].text == "cannot be filled in full at once"
    assert brief(alice.reports)[-1] == ("b", TRADE, 120, 0)


@pytest.mark.parametrize("tif", [DAY, IOC])
def test_what_a_market_order_does_not_find_is_cancelled(desk: Desk, alice: Participant, tif: TimeInForce) -> None:
    alice.new("a", BUY, 130, None, tif)
    now(desk)
    assert brief(alice.reports)[-2:] == [("a", TRADE, 120, 10), ("a", CANCELED, 120, 0)]
    assert alice.reports[-1].text == "nothing left to trade with"


def test_day_orders_expire_at_the_close_and_others_stay() -> None:
    desk = make_desk(bids=[(100, [5])], closes="1ms", service=0)
    alice = Participant(desk.sim, desk.venue)
    alice.new("day", BUY, 3, 100, DAY)
    alice.new("good", BUY, 4, 100, GTC)
    desk.sim.run("2ms")
    time, packet = alice.packets[-1]
    assert (time, brief(packet), packet[0].text) == (1_000_000, [("day", EXPIRED, 0, 0)], "XTST has closed")
    assert desk.market.book.leaves(desk.venue.order_numbers["good"]) == 4
    desk.venue.end_run()
    assert brief(alice.reports)[-1] == ("good", EXPIRED, 0, 0)
    assert desk.market.book.depth(0) == [(10_000, 5, 1)]


def test_a_message_stamped_with_the_close_still_trades_before_day_orders_expire() -> None:
    desk = make_desk(messages=[background_market_order("1ms", SELL, 2)], closes="1ms", service=0)
    alice = Participant(desk.sim, desk.venue)
    alice.new("a", BUY, 3, 100)
    desk.sim.run("2ms")
    assert brief(alice.reports) == [("a", NEW, 0, 3), ("a", TRADE, 2, 1), ("a", EXPIRED, 2, 0)]


# --- cancels ---


def test_a_cancel_ends_the_order_with_what_is_filled(desk: Desk, alice: Participant) -> None:
    alice.new("a", BUY, 60, 101)
    alice.cancel("a")
    now(desk)
    assert brief(alice.reports)[-1] == ("a", CANCELED, 50, 0)
    assert desk.quote_ticks() == (100, 102)
    check_book(desk.market.book)


def test_every_report_that_ends_an_order_says_why(desk: Desk, alice: Participant) -> None:
    alice.new("a", BUY, 10, 100)
    alice.cancel("a")
    now(desk)
    assert alice.reports[-1].text != ""


def test_a_cancel_of_an_order_that_has_ended_is_too_late_and_of_one_never_seen_unknown(
    desk: Desk, alice: Participant
) -> None:
    alice.new("a", BUY, 10, 101)
    alice.cancel("a")
    alice.cancel("never")
    now(desk)
    late, unknown = alice.reports[-2:]
    assert (late.exec_type, late.reason) == (CANCEL_REJECTED, RejectReason.TOO_LATE_TO_CANCEL)
    assert (unknown.exec_type, unknown.reason) == (CANCEL_REJECTED, RejectReason.UNKNOWN_ORDER)
    assert (late.answers_replace, unknown.answers_replace) == (False, False)
    assert desk.venue.statistics().cancels_too_late == 2


def test_nobody_cancels_or_replaces_the_order_of_another(desk: Desk, alice: Participant, bob: Participant) -> None:
    alice.new("a", BUY, 10, 100)
    bob.cancel("a")
    bob.replace("a", 5)
    now(desk)
    assert [(r.exec_type, r.reason) for r in bob.reports] == [(CANCEL_REJECTED, RejectReason.UNKNOWN_ORDER)] * 2
    assert desk.market.book.leaves(desk.venue.order_numbers["a"]) == 10


# --- replaces ---


def place_between(desk: Desk, alice: Participant, bob: Participant) -> None:
    """At 100: the background's 50, alice's 30, bob's 20."""
    alice.new("a", BUY, 30, 100)
    bob.new("b", BUY, 20, 100)
    now(desk)
    alice.take()


def test_a_reduction_keeps_the_place(desk: Desk, alice: Participant, bob: Participant) -> None:
    place_between(desk, alice, bob)
    alice.replace("a", 10)
    now(desk)
    assert brief(alice.reports) == [("a", REPLACED, 0, 10)]
    assert (ahead(desk, "a"), ahead(desk, "b")) == (QueuePosition(1, 50), QueuePosition(2, 60))


@pytest.mark.parametrize(("quantity", "price"), [(31, None), (31, 100), (30, 99), (10, 99)])
def test_more_quantity_or_another_price_goes_to_the_back(
    desk: Desk, alice: Participant, bob: Participant, quantity: int, price: int | None
) -> None:
    place_between(desk, alice, bob)
    alice.replace("a", quantity, price)
    now(desk)
    (report,) = alice.reports
    assert (report.exec_type, report.leaves_quantity, report.price_ticks) == (REPLACED, quantity, price or 100)
    assert ahead(desk, "b") == QueuePosition(1, 50)
    assert ahead(desk, "a") == (QueuePosition(1, 80) if price == 99 else QueuePosition(2, 70))


def test_a_replace_that_changes_nothing_keeps_the_place(desk: Desk, alice: Participant, bob: Participant) -> None:
    place_between(desk, alice, bob)
    alice.replace("a", 30, 100)
    now(desk)
    assert brief(alice.reports) == [("a", REPLACED, 0, 30)]
    assert ahead(desk, "a") == QueuePosition(1, 50)


def test_a_replace_that_crosses_trades_after_its_answer_in_the_same_packet(desk: Desk, alice: Participant) -> None:
    alice.new("a", BUY, 60, 100)
    now(desk)
    alice.take()
    alice.replace("a", 60, 101)
    now(desk)
    assert len(alice.packets) == 1
    assert brief(alice.reports) == [("a", REPLACED, 0, 60), ("a", TRADE, 30, 30), ("a", TRADE, 50, 10)]


def test_a_replaces_quantity_is_the_total_with_what_is_filled() -> None:
    desk = make_desk(asks=[(101, [40])], service=0)
    alice = Participant(desk.sim, desk.venue)
    alice.new("a", BUY, 100, 101)
    alice.replace("a", 70)
    now(desk)
    assert brief(alice.reports)[-1] == ("a", REPLACED, 40, 30)
    assert desk.market.book.leaves(desk.venue.order_numbers["a"]) == 30


@pytest.mark.parametrize("total", [40, 39, 1])
def test_a_replace_to_no_more_than_is_filled_ends_the_order_there(total: int) -> None:
    desk = make_desk(asks=[(101, [40])], service=0)
    alice = Participant(desk.sim, desk.venue)
    alice.new("a", BUY, 100, 101)
    alice.replace("a", total)
    alice.cancel("a")
    now(desk)
    assert brief(alice.reports)[-2:] == [("a", REPLACED, 40, 0), ("a", CANCEL_REJECTED, 0, 0)]
    assert alice.reports[-1].reason is RejectReason.TOO_LATE_TO_CANCEL
    assert desk.market.book.depth(0) == []


def test_a_replace_of_an_iceberg_keeps_what_it_displays(desk: Desk, alice: Participant) -> None:
    alice.new("a", SELL, 100, 103, display_quantity=10)
    alice.replace("a", 80, 104)
    now(desk)
    assert desk.market.book.queue(1, 10_400) == [(2, 1, 10, 70)]


@pytest.mark.parametrize(
    ("quantity", "price", "reason"),
    [
        (0, None, RejectReason.INCORRECT_QUANTITY),
        (-5, None, RejectReason.INCORRECT_QUANTITY),
        (10, 0, RejectReason.INVALID_PRICE_INCREMENT),
    ],
)
def test_a_wrong_replace_is_refused_and_changes_nothing(
    desk: Desk, alice: Participant, quantity: int, price: int | None, reason: RejectReason
) -> None:
    alice.new("a", BUY, 30, 100)
    alice.replace("a", quantity, price)
    now(desk)
    report = alice.reports[-1]
    assert (report.exec_type, report.reason, report.answers_replace) == (CANCEL_REJECTED, reason, True)
    assert (report.cum_quantity, report.leaves_quantity) == (0, 30)
    assert ahead(desk, "a") == QueuePosition(1, 50)


def test_a_replace_that_would_make_a_post_only_order_trade_is_refused(desk: Desk, alice: Participant) -> None:
    alice.new("a", BUY, 30, 100, post_only=True)
    alice.replace("a", 30, 101)
    now(desk)
    assert [r.exec_type for r in alice.reports] == [NEW, CANCEL_REJECTED]
    assert ahead(desk, "a") == QueuePosition(1, 50)


def test_a_replace_of_an_order_that_has_ended_is_too_late(desk: Desk, alice: Participant) -> None:
    alice.new("a", BUY, 10, 101)
    alice.replace("a", 30)
    now(desk)
    report = alice.reports[-1]
    assert (report.exec_type, report.reason, report.answers_replace) == (
        CANCEL_REJECTED, RejectReason.TOO_LATE_TO_CANCEL, True,
    )  # fmt: skip


def test_a_replace_does_not_trade_after_the_close() -> None:
    desk = make_desk(asks=[(101, [40])], closes="1ms", service=0)
    alice = Participant(desk.sim, desk.venue)
    alice.new("a", BUY, 10, 100, GTC)
    desk.sim.run("2ms")
    alice.take()
    alice.replace("a", 10, 101)
    now(desk)
    assert trades(alice.reports) == []


# --- lines that go down ---


def test_a_participant_that_disconnects_has_its_orders_cancelled(
    desk: Desk, alice: Participant, bob: Participant
) -> None:
    alice.new("a1", BUY, 10, 100)
    alice.new("a2", SELL, 10, 103, GTC)
    bob.new("b", BUY, 10, 100)
    now(desk)
    alice.take()
    alice.connection.disconnect()
    assert brief(alice.reports) == [("a1", CANCELED, 0, 0), ("a2", CANCELED, 0, 0)]
    assert {report.text for report in alice.reports} == {"the participant was disconnected"}
    assert ahead(desk, "b") == QueuePosition(1, 50)
    check_book(desk.market.book)


def test_what_still_arrives_from_a_disconnected_participant_is_refused() -> None:
    desk = make_desk(bids=[(100, [5])], service="1ms")
    alice = Participant(desk.sim, desk.venue)
    alice.new("a", BUY, 1, 100)
    alice.cancel("a")
    alice.connection.disconnect()
    desk.sim.run("5ms")
    assert [(r.exec_type, r.text) for r in alice.reports] == [
        (REJECTED, "the participant is disconnected"),
        (CANCEL_REJECTED, "the participant is disconnected"),
    ]


def test_a_venue_may_leave_the_orders_of_a_disconnected_participant_to_trade() -> None:
    desk = make_desk(cancel_on_disconnect=False, service=0, messages=[background_market_order("2ms", SELL, 4)])
    alice = Participant(desk.sim, desk.venue)
    alice.new("a", BUY, 10, 100)
    desk.sim.run("1ms")
    alice.connection.disconnect()
    desk.sim.run("3ms")
    assert brief(alice.reports) == [("a", NEW, 0, 10), ("a", TRADE, 4, 6)]


def test_a_participant_that_comes_back_owns_its_orders_again() -> None:
    desk = make_desk(cancel_on_disconnect=False, service=0)
    alice = Participant(desk.sim, desk.venue, "alice")
    alice.new("a", BUY, 10, 100)
    now(desk)
    alice.connection.disconnect()
    again = Participant(desk.sim, desk.venue, "alice")
    again.cancel("a")
    now(desk)
    assert brief(again.reports) == [("a", CANCELED, 0, 0)]


def test_a_participant_that_comes_back_hears_of_its_orders_on_the_new_line() -> None:
    desk = make_desk(cancel_on_disconnect=False, service=0, messages=[background_market_order("2ms", SELL, 4)])
    alice = Participant(desk.sim, desk.venue, "alice")
    alice.new("a", BUY, 10, 100)
    desk.sim.run("1ms")
    alice.connection.disconnect()
    again = Participant(desk.sim, desk.venue, "alice")
    desk.sim.run("3ms")
    assert brief(again.reports) == [("a", TRADE, 4, 6)]


def test_a_participant_has_one_line_at_a_time(desk: Desk, alice: Participant) -> None:
    with pytest.raises(InputError, match="'alice' is connected to XTST already"):
        Participant(desk.sim, desk.venue, "alice")
    assert alice.connection.connected


# --- self-trade prevention ---


def against_itself(prevention: SelfTradePrevention) -> tuple[Desk, Participant]:
    desk = make_desk(service=0, self_trade_prevention=prevention)
    alice = Participant(desk.sim, desk.venue)
    alice.new("old", SELL, 10, 101)
    now(desk)
    alice.take()
    alice.new("young", BUY, 15, 101)
    now(desk)
    return desk, alice


def test_without_prevention_a_participant_trades_with_itself() -> None:
    _, alice = against_itself(SelfTradePrevention.OFF)
    assert trades(alice.reports) == [("old", 10, 10_100, True), ("young", 10, 10_100, False)]


def test_cancel_newest_cancels_the_order_that_arrives() -> None:
    desk, alice = against_itself(SelfTradePrevention.CANCEL_NEWEST)
    assert brief(alice.reports) == [("young", NEW, 0, 15), ("young", CANCELED, 0, 0)]
    assert alice.reports[-1].text == "would trade with an order of the same participant"
    assert desk.market.book.leaves(desk.venue.order_numbers["old"]) == 10


def test_cancel_oldest_cancels_the_order_that_rests() -> None:
    desk, alice = against_itself(SelfTradePrevention.CANCEL_OLDEST)
    assert brief(alice.reports) == [("young", NEW, 0, 15), ("old", CANCELED, 0, 0)]
    assert desk.market.book.leaves(desk.venue.order_numbers["young"]) == 15


@pytest.mark.parametrize("prevention", list(SelfTradePrevention))
def test_prevention_does_not_keep_two_participants_apart(prevention: SelfTradePrevention) -> None:
    desk = make_desk(service=0, self_trade_prevention=prevention)
    alice, bob = Participant(desk.sim, desk.venue, "alice"), Participant(desk.sim, desk.venue, "bob")
    alice.new("a", SELL, 10, 101)
    bob.new("b", BUY, 10, 101)
    now(desk)
    assert trades(alice.reports) == [("a", 10, 10_100, True)]


# --- fees ---


def test_makers_and_takers_pay_their_own_fees() -> None:
    fees = MakerTakerFees(
        maker_per_share=Decimal("-0.0020"), taker_per_share=Decimal("0.0030"), taker_bps=Decimal("0.1")
    )
    desk = make_desk(service=0, fees=fees)
    alice, bob = Participant(desk.sim, desk.venue, "alice"), Participant(desk.sim, desk.venue, "bob")
    alice.new("a", SELL, 100, 101)
    bob.new("b", BUY, 40, 101)
    now(desk)
    made, taken = alice.reports[-1], bob.reports[-1]
    assert (made.maker, made.fee) == (True, -80_000)  # units of a millionth of a dollar
    assert (taken.maker, taken.fee) == (False, 120_000 + 404)  # 0.1 bp of 40.40
    assert [report.fee for report in (alice.reports[0], bob.reports[0])] == [0, 0]


def test_an_order_that_takes_and_then_makes_pays_both(desk: Desk) -> None:
    desk = make_desk(
        asks=[(101, [10])],
        messages=[background_market_order("1ms", SELL, 5)],
        service=0,
        fees=MakerTakerFees(maker_per_share=Decimal("-0.001"), taker_per_share=Decimal("0.002")),
    )
    alice = Participant(desk.sim, desk.venue)
    alice.new("a", BUY, 15, 101)
    desk.sim.run("2ms")
    assert [(r.maker, r.fee) for r in alice.reports if r.exec_type is TRADE] == [(False, 20_000), (True, -5_000)]


# --- the gateway ---


def test_reports_carry_when_the_request_reached_the_gateway_and_when_it_was_worked_on() -> None:
    desk = make_desk(bids=[(100, [5])], service="10us")
    alice = Participant(desk.sim, desk.venue)
    desk.sim.run("1ms")
    alice.new("a", BUY, 1, 100)
    alice.new("b", BUY, 1, 0)
    alice.cancel("a")
    desk.sim.run("2ms")
    stamps = [(r.arrived_ns, r.started_ns, r.time_ns) for r in alice.reports]
    assert stamps == [
        (1_000_000, 1_000_000, 1_010_000),
        (1_000_000, 1_010_000, 1_020_000),
        (1_000_000, 1_020_000, 1_030_000),
    ]


def test_a_fill_by_the_background_passed_no_gateway() -> None:
    desk = make_desk(messages=[background_market_order("1ms", SELL, 5)], service="10us")
    alice = Participant(desk.sim, desk.venue)
    alice.new("a", BUY, 1, 100)
    desk.sim.run("2ms")
    assert (alice.reports[-1].arrived_ns, alice.reports[-1].started_ns) == (0, 0)


def test_a_makers_fill_does_not_carry_the_gateway_times_of_the_taker() -> None:
    desk = make_desk(service="10us")
    alice, bob = Participant(desk.sim, desk.venue, "alice"), Participant(desk.sim, desk.venue, "bob")
    alice.new("a", SELL, 10, 101)
    desk.sim.run("1ms")
    bob.new("b", BUY, 10, 101)
    desk.sim.run("2ms")
    assert (alice.reports[-1].arrived_ns, alice.reports[-1].started_ns) == (0, 0)


def test_with_priority_a_cancel_goes_before_orders_that_wait() -> None:
    desk = make_desk(bids=[(100, [5])], service="1ms", priority=True)
    alice = Participant(desk.sim, desk.venue)
    alice.new("a", BUY, 1, 100)
    desk.sim.run("1500us")
    for name in "bcd":
        alice.new(name, BUY, 1, 100)
    alice.cancel("a")
    desk.sim.run("9ms")
    assert [(r.order_id, r.exec_type) for r in alice.reports] == [
        ("a", NEW), ("b", NEW), ("a", CANCELED), ("c", NEW), ("d", NEW),
    ]  # fmt: skip


@pytest.mark.parametrize("several", [False, True])
def test_a_cancel_never_overtakes_its_own_order_in_the_gateway(several: bool) -> None:
    if several:
        desk = make_desk(bids=[(100, [5])], service=Exponential("1ms"), servers=4)
    else:
        desk = make_desk(bids=[(100, [5])], service="1ms", priority=True)
    alice = Participant(desk.sim, desk.venue)
    for i in range(10):
        alice.new(f"a{i}", BUY, 1, 100)
        alice.cancel(f"a{i}")
    desk.sim.run("1s")
    assert [r.order_id for r in alice.reports if r.exec_type is CANCEL_REJECTED] == []


# --- ties ---


def test_an_order_arriving_at_a_time_queues_behind_the_market_messages_of_that_time() -> None:
    desk = make_desk(
        bids=[(100, [5])],
        messages=[background_order("1ms", BUY, 100, 7, 0), background_order("1000001ns", BUY, 100, 9, 1)],
        service=0,
    )
    alice = Participant(desk.sim, desk.venue)
    desk.sim.call_at(1_000_000, lambda _: alice.new("a", BUY, 1, 100))
    desk.sim.run("2ms")
    assert ahead(desk, "a") == QueuePosition(2, 12)


def test_an_order_arriving_at_a_time_does_not_find_what_a_message_of_that_time_takes_away() -> None:
    desk = make_desk(
        asks=[(102, [5])],
        messages=[background_order(0, SELL, 101, 7, 0), background_cancel("1ms", 0)],
        service=0,
    )
    alice = Participant(desk.sim, desk.venue)
    desk.sim.call_at(1_000_000, lambda _: alice.new("a", BUY, 1, 101, IOC))
    desk.sim.run("2ms")
    assert brief(alice.reports) == [("a", NEW, 0, 1), ("a", CANCELED, 0, 0)]


# --- statistics ---


def test_statistics_count_what_happened(desk: Desk, alice: Participant) -> None:
    alice.new("a", BUY, 60, 101)
    alice.new("b", BUY, 0, 101)
    alice.cancel("c")
    now(desk)
    seen = desk.venue.statistics()
    assert (seen.orders, seen.rejected, seen.cancels_too_late, seen.trades, seen.traded_quantity) == (1, 1, 1, 2, 50)
    assert seen.gateway.arrivals == 3
