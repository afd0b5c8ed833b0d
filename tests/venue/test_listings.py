"""Several instruments behind one gateway, several venues, and rules of matching."""

from __future__ import annotations

from decimal import Decimal

import pytest

from simexec.errors import InputError
from simexec.market.midpoint import MidpointMarket
from simexec.models.fees import MakerTakerFees
from simexec.sim import Constant
from simexec.testing import Participant, background_market_order
from simexec.trading.instrument import Instrument
from simexec.trading.report import ExecType, RejectReason
from simexec.trading.vocabulary import OrderSide, TimeInForce
from simexec.venue import Halt, PriceBand, TradingHours, TradingState, Venue

from .making import MS, fills, make_market, make_scene, story

BUY, SELL = OrderSide.BUY, OrderSide.SELL
NEW, TRADE, CANCELED, EXPIRED = ExecType.NEW, ExecType.TRADE, ExecType.CANCELED, ExecType.EXPIRED
OTHER = Instrument("OTHER", Decimal("0.05"), lot=10)


def test_orders_go_to_the_book_of_their_symbol() -> None:
    scene = make_scene()
    other = make_market("XTST.OTHER", bids=[(200, [100])], asks=[(201, [100])])
    scene.venue.list(OTHER, other)
    scene.alice.new("a", BUY, 10, 101)
    scene.alice.new("b", BUY, 10, 201, symbol="OTHER")
    scene.alice.new("c", BUY, 5, 201, symbol="OTHER")
    scene.alice.new("d", BUY, 10, 100, symbol="THIRD")
    scene.run("1ms")
    assert fills(scene.alice.reports) == [(0, "a", 10, 101), (0, "b", 10, 201)]
    lot, unknown = (r for r in scene.alice.reports if r.exec_type is ExecType.REJECTED)
    assert (lot.order_id, lot.reason) == ("c", RejectReason.INCORRECT_QUANTITY)
    assert (unknown.order_id, unknown.reason) == ("d", RejectReason.UNKNOWN_SYMBOL)
    assert unknown.text == "symbol THIRD is not traded here, only TEST, OTHER"
    assert scene.venue.statistics().trades == 2
    assert len({r.exec_id for r in scene.alice.reports}) == len(scene.alice.reports)


def test_requests_for_all_instruments_share_one_gateway() -> None:
    scene = make_scene(service="1ms")
    scene.venue.list(OTHER, make_market("XTST.OTHER"))
    scene.alice.new("a", BUY, 10, 100)
    scene.alice.new("b", BUY, 10, 200, symbol="OTHER")
    scene.run("5ms")
    assert [report.time_ns for report in scene.alice.reports] == [1 * MS, 2 * MS]


def test_an_order_id_is_unique_for_a_participant_over_all_instruments_and_requests_find_its_book() -> None:
    scene = make_scene()
    other = make_market("XTST.OTHER")
    scene.venue.list(OTHER, other)
    scene.alice.new("a", BUY, 10, 200, symbol="OTHER")
    scene.alice.new("a", BUY, 10, 100)
    scene.alice.replace("a", 20, 201)
    scene.run("1ms")
    assert scene.alice.reports[1].reason is RejectReason.DUPLICATE_ORDER
    assert other.book.depth(0) == [(20_100, 20, 1)]
    scene.alice.cancel("a")
    scene.run("2ms")
    assert other.book.depth(0) == []


def test_the_background_of_each_instrument_reaches_the_orders_in_its_own_book() -> None:
    scene = make_scene((), ())
    messages = [background_market_order("2ms", SELL, 4)]
    scene.venue.list(OTHER, make_market("XTST.OTHER", messages=messages))
    scene.alice.new("a", BUY, 10, 100)
    scene.alice.new("b", BUY, 10, 100, symbol="OTHER")
    scene.run("3ms")
    assert fills(scene.alice.reports) == [(2 * MS, "b", 4, 100)]


def test_fees_are_those_of_the_listing_or_else_of_the_venue() -> None:
    scene = make_scene(fees=MakerTakerFees(taker_per_share=Decimal("0.01")))
    scene.venue.list(
        OTHER, make_market("XTST.OTHER", asks=[(201, [100])]), MakerTakerFees(taker_per_share=Decimal("0.02"))
    )
    scene.venue.list(Instrument("THIRD", Decimal("0.01")), make_market("XTST.THIRD", asks=[(301, [100])]))
    for symbol in ("TEST", "OTHER", "THIRD"):
        scene.alice.new(symbol, BUY, 10, symbol=symbol)
    scene.run("1ms")
    assert {r.order_id: r.fee for r in scene.alice.reports if r.exec_type is TRADE} == {
        "TEST": 100_000, "OTHER": 200_000, "THIRD": 100_000,
    }  # fmt: skip


def test_a_halt_of_one_instrument_leaves_the_others_to_trade() -> None:
    scene = make_scene(hours=TradingHours(0, 100 * MS, halts=[Halt(10 * MS, 20 * MS, "OTHER")]))
    scene.venue.list(OTHER, make_market("XTST.OTHER", asks=[(201, [100])]))
    scene.at("15ms", scene.alice.new, "a", BUY, 10, 101)
    scene.at("15ms", scene.alice.new, "b", BUY, 10, 201, symbol="OTHER")
    scene.run("16ms")
    assert [(r.order_id, r.exec_type) for r in scene.alice.reports] == [
        ("a", NEW), ("a", TRADE), ("b", ExecType.REJECTED),
    ]  # fmt: skip
    assert scene.venue.state() is TradingState.OPEN
    assert scene.venue.state("OTHER") is TradingState.HALTED


def test_an_instrument_that_is_listed_during_the_day_joins_the_session() -> None:
    scene = make_scene(hours=TradingHours(10 * MS, 20 * MS, pre_open_ns=5 * MS))
    scene.run("6ms")
    scene.venue.list(OTHER, make_market("XTST.OTHER"))
    assert scene.venue.state("OTHER") is TradingState.PRE_OPEN
    scene.run("11ms")
    scene.venue.list(Instrument("THIRD", Decimal("0.01")), make_market("XTST.THIRD"))
    assert scene.venue.state("OTHER") is scene.venue.state("THIRD") is TradingState.OPEN


def test_venues_have_hours_fees_and_gateways_of_their_own() -> None:
    scene = make_scene(hours=TradingHours(0, 10 * MS))
    other = Venue(
        scene.sim,
        "XOTH",
        scene.venue.instrument,
        make_market("XOTH", asks=[(101, [100])]),
        TradingHours(0, 50 * MS),
        service=Constant("3ms"),
        fees=MakerTakerFees(taker_per_share=Decimal("0.03")),
    )
    carol = Participant(scene.sim, other, "alice")
    scene.at("20ms", scene.alice.new, "a", BUY, 10, 101)
    scene.at("20ms", carol.new, "a", BUY, 10, 101)
    scene.run("30ms")
    assert scene.alice.reports[0].text == "XTST trades 00:00:00-00:00:00.01"
    assert (fills(carol.reports), carol.reports[-1].fee) == ([(23 * MS, "a", 10, 101)], 300_000)
    assert carol.reports[-1].venue == "XOTH"


def test_a_symbol_is_listed_once_and_matching_has_a_known_rule() -> None:
    scene = make_scene()
    with pytest.raises(InputError, match="lists TEST already"):
        scene.venue.list(scene.venue.instrument, make_market("XTST.2"))
    with pytest.raises(InputError, match="'lottery' of XTST is neither 'price_time' nor 'pro_rata'"):
        scene.venue.list(OTHER, make_market("XTST.OTHER"), matching="lottery")
    assert scene.venue.state() is TradingState.OPEN


def test_a_dark_pool_has_neither_a_band_nor_pro_rata_matching() -> None:
    scene = make_scene()
    pool = MidpointMarket("XTST.OTHER", lambda time_ns: (100, 102))
    with pytest.raises(InputError, match="no price band"):
        scene.venue.list(OTHER, pool, band=PriceBand(100, 5, "1s"))
    with pytest.raises(InputError, match="matches by time"):
        scene.venue.list(OTHER, pool, matching="pro_rata")


# --- pro-rata ---


def test_pro_rata_shares_an_incoming_order_out_by_size_and_the_rest_goes_by_time() -> None:
    """CME's pro-rata: each order gets floor(incoming * its size / size at the price), the rest first in, first out."""
    scene = make_scene((), (), matching="pro_rata")
    for name, size in (("a", 50), ("b", 30), ("c", 20)):
        scene.alice.new(name, SELL, size, 101)
    scene.bob.new("taker", BUY, 33, 101)
    scene.run("1ms")
    filled = {r.order_id: r.cum_quantity for r in scene.alice.reports if r.exec_type is TRADE}
    assert filled == {"a": 16 + 2, "b": 9, "c": 6}


def test_allocations_below_the_minimum_are_nothing() -> None:
    scene = make_scene((), (), matching="pro_rata", pro_rata_minimum=8)
    for name, size in (("a", 50), ("b", 30), ("c", 20)):
        scene.alice.new(name, SELL, size, 101)
    scene.bob.new("taker", BUY, 33, 101)
    scene.run("1ms")
    filled = {r.order_id: r.cum_quantity for r in scene.alice.reports if r.exec_type is TRADE}
    assert filled == {"a": 16 + 8, "b": 9}


# --- mass cancel ---


def test_a_mass_cancel_ends_all_orders_of_its_sender_and_reports_last_how_many() -> None:
    scene = make_scene()
    scene.alice.new("a", BUY, 10, 100)
    scene.alice.new("b", SELL, 10, 103, TimeInForce.GTC)
    scene.bob.new("c", BUY, 10, 100)
    scene.alice.cancel_all("m")
    scene.run("1ms")
    assert story(scene.alice.reports)[2:] == [("a", CANCELED, 0, 0), ("b", CANCELED, 0, 0)]
    assert {r.text for r in scene.alice.reports[2:]} == {"cancelled by a mass cancel"}
    (answer,) = scene.alice.mass_cancels
    assert (answer.request_id, answer.cancelled, answer.venue, answer.reason) == ("m", 2, "XTST", None)
    assert story(scene.bob.reports) == [("c", NEW, 0, 10)]
    assert scene.market.book.quote().bid_size == 60


def test_a_mass_cancel_may_be_for_one_side_or_one_symbol() -> None:
    scene = make_scene()
    scene.venue.list(OTHER, make_market("XTST.OTHER"))
    for symbol, price in (("TEST", 100), ("OTHER", 200)):
        scene.alice.new(f"{symbol} buy", BUY, 10, price - 1, symbol=symbol)
        scene.alice.new(f"{symbol} sell", SELL, 10, price + 3, symbol=symbol)
    scene.alice.cancel_all("m1", BUY, "OTHER")
    scene.alice.cancel_all("m2", SELL)
    scene.alice.cancel_all("m3", None, "TEST")
    scene.alice.cancel_all("m4", None, "THIRD")
    scene.run("1ms")
    ended = [r.order_id for r in scene.alice.reports if r.exec_type is CANCELED]
    assert ended == ["OTHER buy", "TEST sell", "OTHER sell", "TEST buy"]
    assert [(a.request_id, a.cancelled, a.reason) for a in scene.alice.mass_cancels] == [
        ("m1", 1, None), ("m2", 2, None), ("m3", 1, None), ("m4", 0, RejectReason.UNKNOWN_SYMBOL),
    ]  # fmt: skip


def test_a_mass_cancel_works_in_a_halt_and_after_the_close() -> None:
    scene = make_scene(hours=TradingHours(0, 30 * MS, halts=[Halt(10 * MS, 20 * MS)]))
    scene.alice.new("a", BUY, 10, 100)
    scene.bob.new("b", BUY, 10, 100, TimeInForce.GTC)
    scene.at("15ms", scene.alice.cancel_all, "m1")
    scene.at("35ms", scene.bob.cancel_all, "m2")
    scene.run("40ms")
    assert (scene.alice.mass_cancels[0].cancelled, scene.bob.mass_cancels[0].cancelled) == (1, 1)


@pytest.mark.parametrize("rules", [{"priority": True}, {"servers": 4}])
def test_a_mass_cancel_does_not_overtake_orders_that_were_sent_before_it(rules: dict[str, int]) -> None:
    scene = make_scene(service="1ms", **rules)
    for i in range(10):
        scene.alice.new(f"a{i}", BUY, 10, 100)
    scene.alice.cancel_all("m")
    scene.alice.new("after", BUY, 10, 100)
    scene.run("1s")
    assert scene.alice.mass_cancels[0].cancelled in ((10, 11) if "servers" in rules else (10,))
    assert [r.exec_type for r in scene.alice.reports if r.order_id == "a9"] == [NEW, CANCELED]


def test_a_mass_cancel_of_a_disconnected_participant_is_refused() -> None:
    scene = make_scene(service="1ms")
    scene.alice.cancel_all("m")
    scene.alice.connection.disconnect()
    scene.run("5ms")
    (answer,) = scene.alice.mass_cancels
    assert (answer.cancelled, answer.reason, answer.text) == (0, RejectReason.OTHER, "the participant is disconnected")
