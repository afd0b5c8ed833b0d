"""A dark pool behind a venue's gateway, priced by a lit market."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from simexec.market.dark_flow import DarkFlow
from simexec.market.midpoint import MidpointMarket, best_of
from simexec.market.sizes import ConstantSize
from simexec.sim import Constant
from simexec.testing import Participant, background_cancel, background_order
from simexec.trading.instrument import Instrument
from simexec.trading.report import ExecType, RejectReason
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderSide, PegType, TimeInForce
from simexec.venue import Halt, TradingHours, Venue

from .making import MS, Scene, make_scene, story

BUY, SELL = OrderSide.BUY, OrderSide.SELL
DAY, GTC, IOC = TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC
NEW, TRADE, CANCELED, REJECTED = ExecType.NEW, ExecType.TRADE, ExecType.CANCELED, ExecType.REJECTED
MID = OrderTerms(peg=PegType.MIDPOINT)


def make_pool(
    scene: Scene, flow: DarkFlow | None = None, hours: TradingHours | None = None
) -> tuple[Venue, Participant, Participant]:
    """A pool that takes its price from the scene's book."""
    market = MidpointMarket("XDRK", best_of(scene.market.book), flow, clock=lambda: scene.sim.now)
    venue = Venue(
        scene.sim, "XDRK", Instrument("TEST", Decimal("0.01")), market, hours or TradingHours(0, 3600 * 1000 * MS),
        service=Constant(0),
    )  # fmt: skip
    return venue, Participant(scene.sim, venue, "alice"), Participant(scene.sim, venue, "bob")


def test_a_hidden_limit_order_and_a_market_order_trade_at_the_lit_markets_mid() -> None:
    scene = make_scene()
    _, alice, bob = make_pool(scene)
    alice.new("a", BUY, 10, 101, hidden=True)
    bob.new("b", SELL, 15)
    scene.run("1ms")
    assert story(alice.reports) == [("a", NEW, 0, 10), ("a", TRADE, 10, 0)]
    assert story(bob.reports) == [("b", NEW, 0, 15), ("b", TRADE, 10, 5), ("b", CANCELED, 10, 0)]
    assert bob.reports[1].last_price_quanta == 10_050
    assert (alice.reports[1].maker, bob.reports[1].maker) == (True, False)


def test_an_order_pegged_to_the_mid_waits_without_a_limit_or_up_to_its_cap() -> None:
    scene = make_scene()
    _, alice, bob = make_pool(scene)
    alice.new("capped", BUY, 10, 100, hidden=True, terms=MID)
    alice.new("free", BUY, 10, hidden=True, terms=MID)
    bob.new("b", SELL, 15, 99, IOC)
    scene.run("1ms")
    assert [(r.order_id, r.last_quantity) for r in alice.reports if r.exec_type is TRADE] == [("free", 10)]
    assert story(bob.reports)[-1] == ("b", CANCELED, 10, 0)


def test_an_execution_is_no_smaller_than_the_minimum_that_was_asked_for() -> None:
    scene = make_scene()
    _, alice, bob = make_pool(scene)
    alice.new("small", SELL, 20, 100, hidden=True)
    bob.new("b", BUY, 50, 101, IOC, terms=OrderTerms(min_quantity=30))
    alice.new("large", SELL, 40, 100, hidden=True)
    bob.new("c", BUY, 50, 101, IOC, terms=OrderTerms(min_quantity=30))
    scene.run("1ms")
    assert story(bob.reports) == [
        ("b", NEW, 0, 50), ("b", CANCELED, 0, 0),
        ("c", NEW, 0, 50), ("c", TRADE, 40, 10), ("c", TRADE, 50, 0),
    ]  # fmt: skip
    assert bob.reports[1].text == "less than its minimum quantity could trade at once"
    # 10 were left of c, fewer than its minimum, so the small order was large enough then
    assert [r.last_quantity for r in alice.reports if r.order_id == "small" and r.exec_type is TRADE] == [10]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"price_ticks": 101}, "displays nothing; make the order hidden"),
        ({"price_ticks": 101, "display_quantity": 10}, "takes no iceberg orders"),
        ({"price_ticks": 101, "hidden": True, "post_only": True}, "post-only"),
        ({"terms": OrderTerms(stop_ticks=101)}, "takes no stop orders"),
        ({"terms": OrderTerms(peg=PegType.PRIMARY)}, "peg to the midpoint without an offset"),
        ({"terms": OrderTerms(peg=PegType.MIDPOINT, peg_offset_ticks=1), "hidden": True}, "without an offset"),
        ({"terms": OrderTerms(peg=PegType.MARKET), "display_quantity": 10}, "peg to the midpoint"),
    ],
)
def test_what_a_dark_pool_does_not_take_is_refused_with_the_reason(fields: dict[str, Any], words: str) -> None:
    scene = make_scene()
    _, alice, _ = make_pool(scene)
    alice.new("a", BUY, 20, **fields)
    scene.run("1ms")
    (report,) = alice.reports
    assert (report.exec_type, report.reason) == (REJECTED, RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC)
    assert words in report.text


def test_cancels_replaces_and_the_close_work_as_anywhere() -> None:
    scene = make_scene()
    venue, alice, _ = make_pool(scene, hours=TradingHours(0, 10 * MS))
    for name in "abc":
        alice.new(name, BUY, 10, 101, GTC if name == "c" else DAY, hidden=True)
    alice.cancel("a")
    alice.replace("b", 20, 102)
    scene.run("20ms")
    venue.end_run()
    assert story(alice.reports)[3:] == [
        ("a", CANCELED, 0, 0), ("b", ExecType.REPLACED, 0, 20), ("b", ExecType.EXPIRED, 0, 0), ("c", ExecType.EXPIRED, 0, 0),
    ]  # fmt: skip


def test_nothing_trades_in_the_pools_halt_and_what_can_does_at_its_end() -> None:
    scene = make_scene()
    _, alice, bob = make_pool(scene, hours=TradingHours(0, 99 * MS, halts=[Halt(10 * MS, 20 * MS)]))
    alice.new("a", BUY, 10, 100, hidden=True)  # the mid is 100.5
    bob.new("b", SELL, 10, 99, hidden=True)
    scene.at("12ms", scene.bob.new, "lit", SELL, 60, 99)  # the lit market falls to 99 to 99.5
    scene.run("19ms")
    assert len(alice.reports) == 1
    scene.run("30ms")
    assert [(r.time_ns, r.exec_type) for r in alice.reports[1:]] == [(20 * MS, TRADE)]


def test_a_move_of_the_lit_market_alone_is_seen_when_the_pool_is_told_of_it() -> None:
    messages = [background_cancel("1ms", 1), background_order("2ms", BUY, 99, 10, 2)]
    scene = make_scene(bids=[(97, [10])], messages=[background_order(0, BUY, 100, 10, 1), *messages])
    venue, alice, bob = make_pool(scene)
    alice.new("a", BUY, 10, 100, hidden=True)
    bob.new("b", SELL, 10, 99, hidden=True)
    scene.run("5ms")
    assert len(alice.reports) == 1  # the mid is 100 since 2 ms, but no message came
    assert isinstance(venue.market, MidpointMarket)
    venue.market.match()
    assert [(r.time_ns, r.last_price_quanta) for r in alice.reports[1:]] == [(5 * MS, 10_000)]


def test_the_pools_background_meets_a_waiting_order_at_its_own_time_and_the_lit_mid_of_then() -> None:
    scene = make_scene(messages=[background_order("500ms", BUY, 100, 10, 0)])
    flow = DarkFlow(
        scene.sim.rng, "flow.XDRK", (0.0, 20.0), ConstantSize(1), Constant("1ms"), lot=10, start_ns=0, end_ns=1000 * MS
    )
    _, alice, _ = make_pool(scene, flow)
    alice.new("a", BUY, 30, hidden=True, terms=MID)
    scene.run("1s")
    trades = [r for r in alice.reports if r.exec_type is TRADE]
    assert len(trades) == 3
    assert len({r.time_ns for r in trades}) == 3
    assert all(r.maker and r.last_price_quanta == 10_050 for r in trades)


def test_a_hidden_order_may_wait_with_its_minimum_in_a_dark_pool_and_not_in_a_lit_book() -> None:
    scene = make_scene()
    _, alice, bob = make_pool(scene)
    alice.new("limit", SELL, 50, 100, hidden=True, terms=OrderTerms(min_quantity=30))
    alice.new("peg", SELL, 50, hidden=True, terms=OrderTerms(peg=PegType.MIDPOINT, min_quantity=20))
    bob.new("b", BUY, 25)
    scene.alice.new("lit", SELL, 50, 103, hidden=True, terms=OrderTerms(min_quantity=30))
    scene.run("1ms")
    assert [(r.order_id, r.last_quantity) for r in alice.reports if r.exec_type is TRADE] == [("peg", 25)]
    (refused,) = scene.alice.reports
    assert refused.reason is RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC
    assert refused.text == "here an order with a minimum quantity cannot rest; send it IOC, or to a dark pool"
