"""Order types and times in force at the venue, each by its rule; orders in ticks, fills likewise."""

from __future__ import annotations

import pytest

from simexec.testing import background_market_order, background_order, check_book
from simexec.trading.report import ExecType, RejectReason
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderSide, PegType, TimeInForce

from .making import MS, fills, make_scene, story

BUY, SELL = OrderSide.BUY, OrderSide.SELL
GTC, IOC = TimeInForce.GTC, TimeInForce.IOC
NEW, TRADE, CANCELED, REPLACED = ExecType.NEW, ExecType.TRADE, ExecType.CANCELED, ExecType.REPLACED
REJECTED, TRIGGERED, RESTATED = ExecType.REJECTED, ExecType.TRIGGERED, ExecType.RESTATED
CANCEL_REJECTED = ExecType.CANCEL_REJECTED


# --- stops (FIX OrdType 3 and 4; elected by a trade at or through the stop price) ---


def test_a_stop_is_acknowledged_waits_unseen_and_is_elected_by_a_trade_at_its_price() -> None:
    scene = make_scene(messages=[background_market_order("2ms", SELL, 50), background_market_order("3ms", SELL, 10)])
    scene.alice.new("stop", SELL, 20, terms=OrderTerms(stop_ticks=99))
    scene.run("1ms")
    assert story(scene.alice.reports) == [("stop", NEW, 0, 20)]
    assert scene.market.book.depth(1)[0][0] == 10_100
    scene.run("2500us")
    assert len(scene.alice.reports) == 1
    scene.run("4ms")
    assert story(scene.alice.reports)[1:] == [("stop", TRIGGERED, 0, 20), ("stop", TRADE, 20, 0)]
    assert fills(scene.alice.reports) == [(3 * MS, "stop", 20, 99)]
    assert not scene.alice.reports[-1].maker
    check_book(scene.market.book)


def test_a_stop_limit_rests_at_its_limit_when_it_cannot_trade() -> None:
    scene = make_scene(messages=[background_market_order("2ms", BUY, 50), background_market_order("3ms", SELL, 7)])
    scene.alice.new("stop", BUY, 20, 100, terms=OrderTerms(stop_ticks=101))
    scene.run("2500us")
    assert story(scene.alice.reports) == [("stop", NEW, 0, 20), ("stop", TRIGGERED, 0, 20)]
    assert scene.market.book.depth(0)[0] == (10_000, 70, 2)
    scene.alice.replace("stop", 30, 101)
    scene.run("4ms")
    assert story(scene.alice.reports)[-2:] == [("stop", REPLACED, 0, 30), ("stop", TRADE, 7, 23)]


def test_a_stop_that_the_last_trade_has_reached_already_is_elected_at_once() -> None:
    scene = make_scene(messages=[background_market_order("2ms", SELL, 60)])
    scene.run("3ms")
    scene.alice.new("stop", SELL, 20, terms=OrderTerms(stop_ticks=99))
    scene.run("4ms")
    assert [r.exec_type for r in scene.alice.reports] == [NEW, TRIGGERED, TRADE]
    assert len(scene.alice.packets) == 1


def test_a_stop_is_elected_by_a_participants_trade_and_its_owner_told_in_a_packet_of_its_own() -> None:
    scene = make_scene()
    scene.alice.new("stop", BUY, 5, terms=OrderTerms(stop_ticks=101))
    scene.bob.new("b", BUY, 10, 101)
    scene.run("1ms")
    assert fills(scene.bob.reports) == [(0, "b", 10, 101)]
    assert [r.exec_type for r in scene.alice.reports] == [NEW, TRIGGERED, TRADE]
    assert scene.alice.reports[-1].arrived_ns == 0


def test_a_trailing_stop_follows_the_trades_at_its_distance() -> None:
    messages = [
        background_market_order("1ms", BUY, 50),  # 101
        background_market_order("2ms", BUY, 10),  # 102: the stop moves to 100
        background_market_order("3ms", SELL, 10),  # 100 elects it
    ]
    scene = make_scene(messages=messages)
    scene.at("1500us", scene.alice.new, "trail", SELL, 20, terms=OrderTerms(trail_ticks=2))
    scene.run("2500us")
    assert [r.exec_type for r in scene.alice.reports] == [NEW]
    scene.run("4ms")
    assert fills(scene.alice.reports) == [(3 * MS, "trail", 20, 100)]


def test_a_trailing_stop_before_the_first_trade_has_no_price_to_start_from() -> None:
    scene = make_scene()
    scene.alice.new("trail", SELL, 20, terms=OrderTerms(trail_ticks=2))
    scene.run("1ms")
    (report,) = scene.alice.reports
    assert (report.exec_type, report.reason) == (REJECTED, RejectReason.REFERENCE_PRICE_NOT_AVAILABLE)
    assert report.text == "order has no price to follow"
    assert scene.venue.statistics().orders == 0


def test_the_stop_price_of_a_stop_that_waits_can_be_replaced_and_that_of_an_elected_one_not() -> None:
    scene = make_scene(messages=[background_market_order("2ms", SELL, 60)])
    scene.alice.new("stop", SELL, 20, 102, terms=OrderTerms(stop_ticks=97))
    scene.alice.replace("stop", 20, None, 99)
    scene.run("1ms")
    assert (scene.alice.reports[-1].exec_type, scene.alice.reports[-1].stop_ticks) == (REPLACED, 99)
    scene.run("3ms")
    assert scene.alice.reports[-1].exec_type is TRIGGERED
    scene.alice.replace("stop", 20, None, 98)
    scene.alice.replace("stop", 20, 103)
    scene.run("4ms")
    assert [r.exec_type for r in scene.alice.reports[-2:]] == [CANCEL_REJECTED, REPLACED]
    assert scene.alice.reports[-1].price_ticks == 103


def test_a_stop_that_waits_can_be_cancelled_reduced_and_expires_at_the_close() -> None:
    scene = make_scene()
    for name in ("a", "b"):
        scene.alice.new(name, SELL, 20, terms=OrderTerms(stop_ticks=99))
    scene.alice.cancel("a")
    scene.alice.replace("b", 15)
    scene.run("2h")
    assert story(scene.alice.reports)[2:] == [
        ("a", CANCELED, 0, 0), ("b", REPLACED, 0, 15), ("b", ExecType.EXPIRED, 0, 0),
    ]  # fmt: skip


# --- pegs (FIX OrdType P, ExecInst R, P, M) ---


@pytest.mark.parametrize(
    ("peg", "offset", "hidden", "price"),
    [(PegType.PRIMARY, 0, False, 100), (PegType.PRIMARY, -1, False, 99), (PegType.MARKET, -2, False, 99)],
)
def test_a_pegged_order_rests_at_its_reference_with_the_offset_and_follows_it(
    peg: PegType, offset: int, hidden: bool, price: int
) -> None:
    messages = [background_order("2ms", BUY, 101, 10, 0), background_order("2ms", SELL, 103, 10, 1)]
    scene = make_scene(asks=[(102, [10]), (103, [10])], messages=messages)
    price += 1 if peg is PegType.MARKET else 0
    scene.alice.new("peg", BUY, 7, hidden=hidden, terms=OrderTerms(peg=peg, peg_offset_ticks=offset))
    scene.run("1ms")
    assert story(scene.alice.reports) == [("peg", NEW, 0, 7)]
    assert 7 in [size for _, size, _, _ in _own(scene.market.book.queue(0, price * 100))]
    scene.run("3ms")
    if peg is PegType.PRIMARY:
        assert 7 in [size for _, size, _, _ in _own(scene.market.book.queue(0, (price + 1) * 100))]
    assert len(scene.alice.reports) == 1  # moves are not told


def _own(queue: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    return [(owner, shown, reserve, number) for owner, number, shown, reserve in queue if owner]


def test_a_mid_point_peg_trades_hidden_at_the_middle() -> None:
    scene = make_scene()
    scene.alice.new("peg", BUY, 7, hidden=True, terms=OrderTerms(peg=PegType.MIDPOINT))
    scene.at("1ms", scene.bob.new, "b", SELL, 7, 100, IOC)
    scene.run("2ms")
    assert scene.alice.reports[-1].last_price_quanta == 10_050
    assert scene.market.book.quote().bid_size == 50


def test_a_peg_does_not_go_beyond_its_cap_which_can_be_replaced() -> None:
    scene = make_scene(messages=[background_order("2ms", BUY, 101, 10, 0)], asks=[(103, [10])])
    scene.alice.new("peg", BUY, 7, 100, terms=OrderTerms(peg=PegType.PRIMARY))
    scene.run("3ms")
    assert scene.market.book.depth(0)[0][1] == 10
    scene.alice.replace("peg", 7, 102)
    scene.run("4ms")
    assert scene.market.book.depth(0)[0][1] == 17


# --- post-only, slide, minimum quantity, hidden, replace ---


def test_a_post_only_order_that_would_trade_slides_if_it_may_and_is_restated() -> None:
    scene = make_scene()
    scene.alice.new("a", BUY, 10, 105, post_only=True, terms=OrderTerms(price_slide=True))
    scene.alice.new("b", BUY, 10, 99, post_only=True, terms=OrderTerms(price_slide=True))
    scene.run("1ms")
    assert [(r.order_id, r.exec_type, r.price_ticks) for r in scene.alice.reports] == [
        ("a", NEW, None), ("a", RESTATED, 100), ("b", NEW, None),
    ]  # fmt: skip
    scene.alice.replace("b", 10, 104)
    scene.run("2ms")
    assert (scene.alice.reports[-1].exec_type, scene.alice.reports[-1].price_ticks) == (REPLACED, 100)
    assert scene.market.book.quote().bid_size == 70


def test_a_minimum_quantity_is_traded_at_once_or_nothing_is() -> None:
    scene = make_scene()
    scene.alice.new("a", BUY, 100, 101, IOC, terms=OrderTerms(min_quantity=60))
    scene.alice.new("b", BUY, 100, 101, IOC, terms=OrderTerms(min_quantity=50))
    scene.run("1ms")
    assert story(scene.alice.reports) == [
        ("a", NEW, 0, 100), ("a", CANCELED, 0, 0),
        ("b", NEW, 0, 100), ("b", TRADE, 30, 70), ("b", TRADE, 50, 50), ("b", CANCELED, 50, 0),
    ]  # fmt: skip
    assert scene.alice.reports[1].text == "less than its minimum quantity could trade at once"


def test_a_hidden_order_trades_after_all_that_is_displayed_at_its_price() -> None:
    scene = make_scene(asks=())
    scene.alice.new("hidden", SELL, 10, 101, hidden=True)
    scene.alice.new("shown", SELL, 10, 101)
    scene.bob.new("b", BUY, 15, 101)
    scene.run("1ms")
    assert [(order, quantity) for _, order, quantity, _ in fills(scene.alice.reports)] == [
        ("shown", 10), ("hidden", 5),
    ]  # fmt: skip


def test_an_iceberg_that_waited_as_a_stop_limit_shows_its_part_only() -> None:
    scene = make_scene(messages=[background_market_order("2ms", SELL, 50)])
    scene.alice.new("ice", SELL, 40, 102, display_quantity=5, terms=OrderTerms(stop_ticks=100))
    scene.run("3ms")
    assert [r.exec_type for r in scene.alice.reports] == [NEW, TRIGGERED]
    assert scene.market.book.depth(1)[1] == (10_200, 75, 2)


def test_a_market_order_has_no_price_to_replace() -> None:
    scene = make_scene()
    scene.alice.new("stop", BUY, 5, terms=OrderTerms(stop_ticks=105))
    scene.alice.replace("stop", 5, 103)
    scene.run("1ms")
    assert scene.alice.reports[-1].exec_type is CANCEL_REJECTED
    assert scene.alice.reports[-1].answers_replace


def test_a_total_at_or_below_what_is_filled_ends_the_order() -> None:
    scene = make_scene(messages=[background_market_order("2ms", SELL, 60)])
    scene.alice.new("a", BUY, 30, 100, GTC)
    scene.run("3ms")
    scene.alice.replace("a", 10)
    scene.run("4ms")
    assert story(scene.alice.reports)[-2:] == [("a", TRADE, 10, 20), ("a", REPLACED, 10, 0)]


def test_what_a_cancel_sets_off_reaches_the_pegs_owner() -> None:
    scene = make_scene(bids=(), asks=[(110, [10])])
    scene.bob.new("best", BUY, 10, 105)
    scene.bob.new("floor", BUY, 10, 100)
    scene.alice.new("peg", SELL, 7, terms=OrderTerms(peg=PegType.MARKET, peg_offset_ticks=3))
    scene.run("1ms")
    scene.bob.cancel("best")
    scene.run("2ms")
    assert [r.exec_type for r in scene.alice.reports] == [NEW]
    assert scene.market.book.quote().ask == 10_300
    check_book(scene.market.book)
