"""Pegger: where it rests, when it moves, and what it does when its patience ends."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from simexec.algos.pegger import Pegger
from simexec.errors import InputError, OrderError
from simexec.execution import ParentExecution
from simexec.execution.parent import work
from simexec.market.view import MarketView
from simexec.sim import Constant, millis, seconds
from simexec.testing import (
    Desk,
    background_cancel,
    background_market_order,
    background_order,
    check_desk,
    make_desk,
    random_flow,
)
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType

from ..execution.street import Corner, Street

BUY, SELL = OrderSide.BUY, OrderSide.SELL
FILLED, EXPIRED = OrderStatus.FILLED, OrderStatus.EXPIRED


def quiet(*messages: Any, far: int = 110, **settings: Any) -> Desk:
    """50 bid at 100, 50 offered at ``far``, and what follows; the clock stands where a first quote has arrived."""
    desk = make_desk(**{"bids": [(100, [50])], "asks": [(far, [50])], "messages": messages, **settings})
    desk.sim.run("1ms")
    return desk


def deep(desk: Desk, quantity: int = 10, end: str = "20s") -> ParentExecution:
    """A parent that buys, seen with three levels of depth."""
    view = MarketView(desk.sim, desk.market, Constant("250us"), stream="deep", depth_levels=3)
    desk.sim.run(desk.sim.now + millis(1))
    parent, rng = desk.parent(BUY, quantity), desk.sim.rng("algorithm")
    return ParentExecution(desk.sim, desk.manager, parent, view, rng, seconds(int(end[:-1])))


def children(desk: Desk, parent: Order) -> list[Order]:
    return desk.manager.children(parent.order_id)


def asked(desk: Desk) -> list[tuple[str, float, int | None]]:
    """What was asked for: new orders and replaces, with the second and the price."""
    return [
        (entry.event, round(entry.time_ns / 1e9, 3), entry.price_ticks)
        for entry in desk.journal.entries()
        if entry.event in ("order", "replace")
    ]


# --- where it rests ---


@pytest.mark.parametrize(("side", "offset", "price"), [(BUY, 0, 100), (BUY, 3, 97), (SELL, 0, 110), (SELL, 3, 113)])
def test_everything_rests_at_the_near_touch_or_so_many_ticks_behind_it(
    side: OrderSide, offset: int, price: int
) -> None:
    desk = quiet()
    parent = desk.work(Pegger(offset_ticks=offset), side, 10, end="5s")
    (child,) = children(desk, parent)
    assert (child.price_ticks, child.quantity, child.order_type) == (price, 10, OrderType.LIMIT)
    assert (parent.status, parent.filled_quantity) == (EXPIRED, 0)
    desk.finish()
    check_desk(desk)


def test_it_may_show_only_a_part() -> None:
    desk = quiet()
    (child,) = children(desk, desk.work(Pegger(display_quantity=4), BUY, 10, end="5s"))
    assert (child.order_type, child.display_quantity) == (OrderType.ICEBERG, 4)


@pytest.mark.parametrize(
    ("own", "of_parent", "price"),
    [(None, None, 105), ("0.98", None, 98), (None, 97, 97), ("0.98", 97, 97), ("0.98", 103, 98), ("1.03", 104, 103)],
)
def test_no_price_is_worse_than_either_limit(own: str | None, of_parent: int | None, price: int) -> None:
    desk = quiet(background_order("1s", BUY, 105, 50, 0))
    pegger = Pegger(limit_price=None if own is None else Decimal(own))
    parent = desk.work(pegger, BUY, 10, of_parent, end="5s")
    assert [child.price_ticks for child in children(desk, parent)] == [price]


# --- when it moves ---


@pytest.mark.parametrize("side", [BUY, SELL])
def test_it_follows_the_touch_by_replacing_its_one_child(side: OrderSide) -> None:
    prices = [102, 104] if side is BUY else [108, 106]
    desk = quiet(*[background_order(f"{i + 1}s", side, price, 50, i) for i, price in enumerate(prices)])
    parent = desk.work(Pegger(), side, 10, end="5s")
    assert asked(desk) == [
        ("order", 0.001, 100 if side is BUY else 110), ("replace", 1.0, prices[0]), ("replace", 2.0, prices[1]),
    ]  # fmt: skip
    assert len(children(desk, parent)) == 1
    desk.finish()
    check_desk(desk)


def test_a_small_move_is_not_worth_the_place_in_the_queue() -> None:
    desk = quiet(*[background_order(f"{i + 1}s", BUY, 101 + i, 50, i) for i in range(4)])
    desk.work(Pegger(reprice_ticks=3), BUY, 10, end="9s")
    assert asked(desk) == [("order", 0.001, 100), ("replace", 3.0, 103)]


def test_between_two_requests_it_rests() -> None:
    desk = quiet(*[background_order(f"{1000 + 30 * i}ms", BUY, 101 + i, 50, i) for i in range(8)])
    desk.work(Pegger(rest="100ms"), BUY, 10, end="9s")
    times = [time for _, time, _ in asked(desk)]
    assert all(later - earlier >= 0.1 for earlier, later in pairwise(times))
    assert asked(desk)[-1][2] == 108, "it does not stop at where the touch was while it rested"


def test_its_own_order_is_no_touch_to_follow() -> None:
    messages = [background_order("500ms", BUY, 102, 50, 0), background_cancel("2s", 0)]
    desk = quiet(*messages, bids=[])
    desk.work(Pegger(offset_ticks=1), BUY, 10, end="9s")
    assert [price for *_, price in asked(desk)] == [101]  # alone since the 102 went: it would run down for ever


def test_with_depth_it_also_goes_back() -> None:
    messages = [background_order("500ms", BUY, 103, 50, 0), background_cancel("2s", 0)]
    desk = quiet(*messages)
    desk.sim.run("1s")
    desk.sim.run(work(deep(desk), desk.manager, Pegger()))
    assert [price for *_, price in asked(desk)] == [103, 100]
    desk.finish()
    check_desk(desk)


def test_without_a_quote_of_its_side_it_waits_for_one() -> None:
    desk = quiet(background_order("2s", BUY, 98, 5, 0), bids=[])
    desk.work(Pegger(), BUY, 10, end="5s")
    assert asked(desk) == [("order", 2.0, 98)]


# --- patience ---


def test_each_time_patience_ends_it_improves_by_a_tick_until_it_trades_at_the_far_touch() -> None:
    desk = quiet(far=103)
    parent = desk.work(Pegger(patience="2s"), BUY, 10, end="20s")
    assert [price for *_, price in asked(desk)] == [100, 101, 102, 103]
    assert [round(time) for _, time, _ in asked(desk)] == [0, 2, 4, 6]
    assert (parent.status, parent.average_price) == (FILLED, Decimal("1.03"))
    desk.finish()
    check_desk(desk)


def test_after_a_fill_it_is_patient_again_and_gives_up_what_it_improved() -> None:
    desk = quiet(background_market_order("3s", SELL, 4))
    execution = deep(desk, end="6s")
    desk.sim.run(work(execution, desk.manager, Pegger(patience="2500ms")))
    assert [price for *_, price in asked(desk)] == [100, 101, 100, 101]
    assert [round(time, 1) for _, time, _ in asked(desk)] == [0.0, 2.5, 3.0, 5.5]
    assert execution.parent.filled_quantity == 4


def test_or_it_takes_what_the_far_touch_shows_and_rests_again_with_the_rest() -> None:
    desk = quiet(asks=[(103, [6]), (104, [50])])
    parent = desk.work(Pegger(patience="2s", impatience="cross"), BUY, 10, end="3s")
    assert [(child.price_ticks, child.quantity, child.filled_quantity) for child in children(desk, parent)] == [
        (100, 10, 0), (103, 10, 6), (100, 4, 0),
    ]  # fmt: skip
    desk.finish()
    check_desk(desk)


def test_it_loses_patience_when_the_touch_runs_away() -> None:
    desk = quiet(background_order("1s", BUY, 101, 50, 0), background_order("2s", BUY, 102, 50, 1))
    parent = desk.work(Pegger(adverse_ticks=2, impatience="cross", reprice_ticks=9), BUY, 10, end="9s")
    assert (parent.status, parent.average_price) == (FILLED, Decimal("1.10"))
    assert children(desk, parent)[-1].created_ns == pytest.approx(seconds(2), abs=millis(1))


@pytest.mark.parametrize("impatience", ["improve", "cross"])
def test_it_never_chases_beyond_its_limit(impatience: str) -> None:
    desk = quiet(*[background_order(f"{i + 1}s", BUY, 101 + i, 50, i) for i in range(8)])
    parent = desk.work(Pegger(chase_ticks=3, patience="1500ms", impatience=impatience), BUY, 10, end="20s")
    assert max(price or 0 for *_, price in asked(desk)) == 103
    assert parent.filled_quantity == 0


def test_nothing_is_crossed_where_no_far_touch_is_seen() -> None:
    desk = quiet(asks=[])
    parent = desk.work(Pegger(patience="1s", impatience="cross"), BUY, 10, end="5s")
    assert len(children(desk, parent)) == 1


def test_what_is_left_crosses_at_the_end_if_told() -> None:
    desk = quiet()
    parent = desk.work(Pegger(cross_at_end=True, lead="2s"), BUY, 10, end="9s")
    assert (parent.status, parent.average_price) == (FILLED, Decimal("1.10"))
    assert children(desk, parent)[-1].created_ns == pytest.approx(seconds(7), abs=millis(2))


# --- trouble ---


def test_an_order_that_is_raised_raises_its_child() -> None:
    desk = quiet()
    parent = desk.parent(BUY, 10)
    execution = desk.execution(parent, "5s")

    async def raise_it() -> None:
        await desk.sim.timeout("1s")
        await execution.amend(quantity=25)

    desk.sim.process(raise_it())
    desk.sim.run(work(execution, desk.manager, Pegger()))
    assert [child.quantity for child in children(desk, parent)] == [25]
    desk.finish()
    check_desk(desk)


def test_after_a_pause_it_rests_again() -> None:
    desk = quiet()
    parent = desk.parent(BUY, 10)
    execution = desk.execution(parent, "5s")
    desk.sim.call_at(seconds(1), lambda _: execution.pause(), None)
    desk.sim.call_at(seconds(3), lambda _: execution.resume(), None)
    desk.sim.run(work(execution, desk.manager, Pegger()))
    assert [round(time) for _, time, _ in asked(desk)] == [0, 3]
    desk.finish()
    check_desk(desk)


def test_a_closed_venue_is_asked_ever_more_seldom() -> None:
    desk = quiet(opens="30s")
    parent = desk.work(Pegger(rest="10ms"), BUY, 10, end="1m")
    statuses = [child.status for child in children(desk, parent)]
    assert set(statuses[:-1]) == {OrderStatus.REJECTED}
    assert 10 < len(statuses) < 50
    assert statuses[-1] is EXPIRED or statuses[-1] is OrderStatus.CANCELLED


def test_a_child_that_a_router_works_is_followed_by_another() -> None:
    corner = Corner(messages=[background_order("1s", BUY, 100, 50, 0)])
    street = Street({"ALFA": corner, "BETA": Corner()})
    street.sim.run("1ms")
    parent = street.order(BUY, 10)
    execution = ParentExecution(
        street.sim, street.manager, parent, street.best, street.sim.rng("algorithm"), seconds(5), router=street.router
    )
    street.sim.run(work(execution, street.manager, Pegger()))
    assert [child.price_ticks for child in street.manager.children(parent.order_id)] == [99, 100]
    street.finish()


@pytest.mark.parametrize("impatience", ["improve", "cross"])
@pytest.mark.parametrize("seed", range(4))
def test_a_lively_market_fills_it_and_every_share_is_accounted_for(impatience: str, seed: int) -> None:
    desk = make_desk(
        random_flow(),
        closes="20s",
        seed=seed,
        latency="20ms",
        instrument=Instrument("TEST", "0.01", lot=1 + 9 * (seed % 2)),
    )
    pegger = Pegger(patience="200ms", impatience=impatience, rest="50ms", offset_ticks=1, cross_at_end=True)
    parent = desk.work(pegger, SELL if seed % 2 else BUY, 200)
    assert parent.filled_quantity > 0
    desk.finish()
    check_desk(desk)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"offset_ticks": -1}, "offset_ticks: must be a whole number of at least 0, not -1"),
        ({"reprice_ticks": 0}, "reprice_ticks: must be a whole number of at least 1, not 0"),
        ({"rest": 0}, "rest: must be longer than zero"),
        ({"impatience": "shout"}, "impatience: 'shout' is not one of its values; known here: cross, improve"),
    ],
)
def test_wrong_settings_are_refused_with_the_value(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Pegger(**settings)


def test_a_display_that_is_no_whole_number_of_lots_is_an_error() -> None:
    desk = quiet(instrument=Instrument("TEST", "0.01", lot=10))
    with pytest.raises(OrderError, match="quantity 5 is not a multiple of TEST's lot 10"):
        desk.work(Pegger(display_quantity=5), BUY, 100)
