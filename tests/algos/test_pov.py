"""POV: its part of the volume, within its bounds at every moment, and never more to make up for a silence."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.algos import TWAP, Tactics
from simexec.algos.pov import POV
from simexec.errors import InputError, OrderError
from simexec.execution.guard import Refusal
from simexec.execution.parent import work
from simexec.market import layout as at
from simexec.sim import Exponential, seconds
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
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, TimeInForce
from tests.algos.meddling import Deed, check_accounted, deeds, work_meddled

BUY, SELL = OrderSide.BUY, OrderSide.SELL
FILLED, EXPIRED = OrderStatus.FILLED, OrderStatus.EXPIRED
WALL = {"bids": [(100, [10**6])], "asks": [(101, [10**6])]}


def trading(*quantities: int, every: float = 1.0, **options: Any) -> Desk:
    """A wall of quantity at 100 and 101 into which others sell so much, at 1 s, 2 s and so on; the first quote has arrived."""
    messages = [background_market_order(round((i + 1) * every * 1e9), SELL, q) for i, q in enumerate(quantities) if q]
    desk = make_desk(**{**WALL, "messages": messages, **options})
    desk.sim.run("1ms")
    return desk


def pov(**options: Any) -> POV:
    return POV(**{"rate": 0.2, "minimum": options.get("rate", 0.2), "clip": 10, **options})


def children(desk: Desk, parent: Order) -> list[Order]:
    return desk.manager.children(parent.order_id)


def sent(desk: Desk, parent: Order) -> list[tuple[float, int]]:
    """Second at which each child was created, and its quantity."""
    return [(round(child.created_ns / 1e9, 2), child.quantity) for child in children(desk, parent)]


def traded(desk: Desk) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Time and quantity of the trades of others, and of ours, as the market has them."""
    desk.market.book.flush()
    prints = desk.market.book.prints.since()
    own = prints[:, 4] & (at.PRINT_OWN_MAKER | at.PRINT_OWN_TAKER) != 0
    return [tuple(row[[0, 2]]) for row in prints[~own]], [tuple(row[[0, 2]]) for row in prints[own]]


# --- the rate ---


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize(("own_volume", "share"), [(True, 20), (False, 16)])
def test_of_a_fifth_it_trades_one_share_for_four_of_others_or_for_five_where_its_own_do_not_count(
    side: OrderSide, own_volume: bool, share: int
) -> None:
    desk = trading(80, 80, 80, 80, 80)
    parent = desk.work(pov(own_volume=own_volume), side, 1000, end="6s")
    assert sent(desk, parent) == [(second, share) for second in range(1, 6)]
    assert (parent.filled_quantity, parent.status) == (5 * share, EXPIRED)
    assert parent.filled_quantity / (400 + own_volume * parent.filled_quantity) == 0.2
    desk.finish()
    check_desk(desk)


def test_it_sends_nothing_smaller_than_a_clip() -> None:
    desk = trading(*[30] * 20)
    parent = desk.work(pov(clip=50, minimum=0.2), BUY, 1000, end="21s")
    assert sent(desk, parent) == [(7, 52), (14, 53)]  # after 210 shares a quarter is 52; after 420 it is 105


def test_what_is_left_may_be_smaller_than_a_clip() -> None:
    desk = trading(*[200] * 5)
    parent = desk.work(pov(clip=50), BUY, 120, end="6s")
    assert sent(desk, parent) == [(1, 50), (2, 50), (3, 20)]
    assert parent.status is FILLED
    assert desk.sim.now < seconds(4)


def test_children_are_whole_lots() -> None:
    desk = trading(*[130] * 5, instrument=Instrument("TEST", "0.01", lot=10))
    parent = desk.work(pov(clip=1, minimum=0.2), BUY, 500, end="6s")
    assert sent(desk, parent) == [(1, 30), (2, 30), (3, 30), (4, 40), (5, 30)]
    desk.finish()
    check_desk(desk)


def test_volume_from_before_it_began_does_not_count() -> None:
    desk = trading(400, 400, 80)
    desk.sim.run("2500ms")
    parent = desk.work(pov(), BUY, 1000, end="6s")
    assert sent(desk, parent) == [(3, 20)]


def test_where_nothing_trades_it_does_nothing() -> None:
    desk = trading()
    parent = desk.work(pov(), BUY, 1000, end="10m")
    assert (sent(desk, parent), parent.status, parent.reason) == ([], EXPIRED, "1000 of 1000 were left unfilled")


# --- passive and crossing ---


def test_as_long_as_it_is_not_behind_the_minimum_it_rests_at_the_near_touch() -> None:
    desk = trading(80, 40)
    parent = desk.work(pov(minimum=0.1), BUY, 1000, end="6s")
    (child,) = children(desk, parent)
    assert (child.order_type, child.time_in_force, child.price_ticks) == (OrderType.LIMIT, TimeInForce.DAY, 100)
    assert (child.quantity, child.filled_quantity) == (20, 0)


def test_behind_the_minimum_by_a_clip_it_takes_the_child_back_and_crosses_for_what_is_missing_to_the_rate() -> None:
    desk = trading(80, 40, 80)
    parent = desk.work(pov(minimum=0.1), BUY, 1000, end="6s")
    passive, crossing = children(desk, parent)
    # A ninth of the 200 of others, less the 20 that might be our own, is 20: two clips. A quarter of 200 is 50.
    assert (passive.status, passive.filled_quantity) == (OrderStatus.CANCELLED, 0)
    assert passive.closed_ns is not None
    assert passive.closed_ns < crossing.created_ns
    assert (crossing.order_type, crossing.filled_quantity, round(crossing.created_ns / 1e9, 2)) == (
        OrderType.MARKET,
        50,
        3,
    )


def test_with_a_minimum_of_nothing_it_never_crosses() -> None:
    desk = trading(*[80] * 10)
    parent = desk.work(pov(minimum=0), BUY, 1000, end="12s")
    assert sent(desk, parent) == [(1, 20)]


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_child_follows_the_touch_and_takes_what_has_become_due_with_it(side: OrderSide) -> None:
    better = 101 if side is BUY else 109
    messages = [
        background_market_order("1s", SELL, 40),
        background_market_order("2s", SELL, 40),
        background_order("2500ms", side, better, 5, 0),
        background_cancel("4s", 0),
    ]
    desk = make_desk(bids=[(100, [10**6])], asks=[(110, [10**6])], messages=messages)
    desk.sim.run("1ms")
    parent = desk.work(pov(minimum=0), side, 1000, end="5s")
    assert [(child.price_ticks, child.quantity) for child in children(desk, parent)] == [
        (100 if side is BUY else 110, 10), (better, 20),
    ]  # fmt: skip
    assert sent(desk, parent)[1][0] == 2.5


def test_a_child_does_not_follow_the_touch_beyond_a_limit() -> None:
    messages = [background_market_order("1s", SELL, 40), background_order("2s", BUY, 105, 5, 0)]
    desk = make_desk(bids=[(100, [10**6])], asks=[(110, [10**6])], messages=messages)
    desk.sim.run("1ms")
    parent = desk.work(pov(minimum=0, limit_price="1.03"), BUY, 1000, end="5s")
    assert [child.price_ticks for child in children(desk, parent)] == [100, 103]


def test_beyond_its_limit_it_rests_however_far_behind_it_is() -> None:
    desk = trading(*[80] * 5)
    parent = desk.work(pov(), BUY, 1000, 100, end="6s")
    (child,) = children(desk, parent)
    assert (child.time_in_force, child.price_ticks) == (TimeInForce.DAY, 100)


def test_without_a_touch_it_waits_for_a_trade_that_comes_with_one() -> None:
    messages = [
        background_order("1s", BUY, 100, 40, 0),
        background_market_order("2s", SELL, 40),
        background_order("3s", BUY, 99, 500, 1),
        background_market_order("4s", SELL, 40),
    ]
    desk = make_desk(messages=messages)
    parent = desk.work(pov(), BUY, 1000, end="6s")
    assert [(round(c.created_ns / 1e9, 2), c.price_ticks, c.quantity) for c in children(desk, parent)] == [(4, 99, 20)]


# --- the maximum ---


def test_after_a_pause_it_makes_up_only_from_what_then_trades() -> None:
    desk = trading(*[80] * 200)
    parent = desk.parent(BUY, 10**5)
    execution = desk.execution(parent, "200s")

    async def pause() -> None:
        await desk.sim.timeout("1500ms")
        execution.pause()
        await desk.sim.timeout("90s")
        execution.resume()

    desk.sim.process(pause())
    desk.sim.run(work(execution, desk.manager, pov(window="20s", maximum=0.25)))
    after = [(round(second, 1), quantity) for second, quantity in sent(desk, parent) if second > 60]
    assert after[:2] == [(91.5, 10), (92.0, 16)]  # a clip, then a third of the 80 seen since, less that clip
    assert max(quantity for _, quantity in after) < 50
    assert (
        parent.filled_quantity / (parent.filled_quantity + 198 * 80) > 0.14
    )  # at the maximum of a quarter in the time that is left
    desk.finish()
    check_desk(desk)


def test_a_frozen_feed_whose_news_come_all_at_once_makes_no_burst() -> None:
    desk = trading(*[80] * 100)
    desk.view.freeze("5500ms", "80500ms")
    parent = desk.work(pov(window="20s"), BUY, 10**5, end="101s")
    after = [quantity for second, quantity in sent(desk, parent) if second > 60]
    assert after[0] == 10
    assert max(after) < 40


def test_a_limit_that_was_out_of_reach_is_not_made_up_for_at_once() -> None:
    messages = [
        *[background_market_order(seconds(i + 1), SELL, 80) for i in range(60)],
        background_order(seconds(60) + 1, SELL, 101, 10**5, 0),
        *[background_market_order(seconds(i + 61), SELL, 80) for i in range(5)],
    ]
    desk = make_desk(bids=[(100, [10**6])], asks=[(105, [10**6])], messages=messages)
    desk.sim.run("1ms")
    parent = desk.work(pov(window="10s", minimum=0.1), BUY, 10**5, 101, end="66s")
    filled = [child for child in children(desk, parent) if child.filled_quantity]
    first = filled[0]
    # The last ten seconds had 800 of others: 0.24 / 0.76 of that is 252, though 1,200 are missing to the rate.
    assert 230 <= first.quantity <= 260
    lately = sum(child.filled_quantity for child in filled)
    assert lately <= 0.24 / 0.76 * 15 * 80


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("own_volume", [True, False])
def test_its_part_of_a_random_market_is_within_its_bounds(seed: int, own_volume: bool) -> None:
    latency = ["250us", Exponential("20ms"), "300ms"][seed % 3]
    desk = make_desk(random_flow(), closes="2m", seed=seed, latency=latency, view_latency=latency)
    desk.sim.run("1ms")
    side = BUY if seed % 2 else SELL
    algorithm = pov(rate=0.15, minimum=[None, 0.1, 0.15][seed // 4], clip=1 + seed % 7, own_volume=own_volume)
    parent = desk.work(algorithm, side, 10**6)
    desk.finish()
    check_desk(desk)
    others, ours = traded(desk)
    least, most = map(algorithm.for_others, algorithm.bounds)
    times, volumes = np.array(others).T
    until_now = np.concatenate([[0], np.cumsum(volumes)])
    done = 0
    for time, quantity in ours:
        done += quantity
        assert done <= most * until_now[np.searchsorted(times, time, side="right")], "more than the maximum"
    assert done == parent.filled_quantity
    # Nothing is below the minimum but a clip, what traded while requests were on their way, and once more what was exposed.
    on_its_way = 4.0 * until_now[-1] / 120 * {"250us": 0.01, "300ms": 1.5}.get(str(latency), 0.3)
    assert done >= least * (until_now[-1] - on_its_way) - 3 * algorithm.clip


def test_it_waits_its_turn_more_often_the_lower_its_minimum() -> None:
    def crossing(minimum: float) -> float:
        desk = make_desk(random_flow(), closes="2m", seed=3)
        desk.sim.run("1ms")
        parent = desk.work(pov(minimum=minimum), BUY, 10**6)
        filled = [child for child in children(desk, parent) if child.filled_quantity]
        return sum(child.filled_quantity for child in filled if child.time_in_force is TimeInForce.IOC) / sum(
            child.filled_quantity for child in filled
        )

    assert crossing(0.2) > crossing(0.05)


# --- the end ---


def test_what_is_left_expires_or_crosses_as_told() -> None:
    for cross_at_end, filled in [(False, 40), (True, 1000)]:
        desk = trading(80, 80)
        parent = desk.work(pov(cross_at_end=cross_at_end), BUY, 1000, end="10s")
        assert parent.filled_quantity == filled
        assert parent.status is (FILLED if cross_at_end else EXPIRED)
        assert sent(desk, parent)[2:] == ([(9, 960)] if cross_at_end else [])  # a second before the end


def test_it_crosses_before_an_end_that_is_amended_to_be_earlier() -> None:
    desk = trading(80)
    parent = desk.parent(BUY, 1000)
    execution = desk.execution(parent, "10m")

    async def amend() -> None:
        await desk.sim.timeout("5s")
        await execution.amend(end="8s")

    desk.sim.process(amend())
    desk.sim.run(work(execution, desk.manager, pov(cross_at_end=True, minimum=0)))
    assert sent(desk, parent) == [(1, 20), (7, 1000)]
    assert parent.status is FILLED


def test_it_ends_after_its_duration() -> None:
    desk = trading(*[80] * 10)
    parent = desk.work(pov(duration="3500ms"), BUY, 1000, end="20s")
    assert sent(desk, parent) == [(1, 20), (2, 20), (3, 20)]
    assert parent.status is EXPIRED
    assert desk.sim.now < seconds(4)


# --- what others do to the order ---


class Refuses:
    """A guard that refuses all children and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def admit(self, root: Order) -> Refusal | None:
        return None

    def amend(self, root: Order, quantity: int, price_ticks: int | None) -> Refusal | None:
        return None

    def check(self, order: Order) -> Refusal | None:
        self.asked += 1
        return Refusal("rule", "not today")

    def heard(self, order: Order, report: object) -> None:
        pass


@pytest.mark.parametrize("minimum", [0, 0.2])
def test_a_child_that_is_refused_is_tried_again_when_others_have_traded(minimum: float) -> None:
    guard = Refuses()
    desk = trading(*[80] * 10, guards=[guard])
    parent = desk.work(pov(minimum=minimum), BUY, 1000, end="11s")
    assert guard.asked == len(children(desk, parent)) == 10
    assert (parent.status, parent.filled_quantity) == (EXPIRED, 0)


def test_what_the_venue_rejects_is_tried_again_when_others_have_traded() -> None:
    desk = trading(*[80] * 10, closes="5500ms")
    parent = desk.parent(BUY, 1000)
    desk.sim.run(work(desk.execution(parent, "20s"), desk.manager, pov(minimum=0.2)))
    rejected = [child for child in children(desk, parent) if child.status is OrderStatus.REJECTED]
    assert len(rejected) <= 6


def test_more_quantity_goes_on_and_less_ends_it() -> None:
    desk = trading(*[80] * 10)
    parent = work_meddled(desk, pov(), BUY, 40, [(1500, "quantity", 80)], end="11s")
    assert (parent.filled_quantity, parent.status) == (80, FILLED)
    desk = trading(*[80] * 10)
    parent = work_meddled(desk, pov(), BUY, 400, [(2500, "quantity", 10)], end="11s")
    assert (parent.filled_quantity, parent.status) == (40, FILLED)


@settings(max_examples=60)
@given(
    done=deeds(600), seed=st.integers(0, 1000), latency=st.sampled_from(["250us", "50ms", "900ms"]),
    minimum=st.sampled_from([0, None]), cross_at_end=st.booleans(), lot=st.sampled_from([1, 10]),
)  # fmt: skip
def test_whatever_is_done_to_its_order_everything_is_accounted_for(
    done: list[Deed], seed: int, latency: str, minimum: float | None, cross_at_end: bool, lot: int
) -> None:
    done = [(time, what, value * lot if what == "quantity" else value) for time, what, value in done]  # type: ignore[operator]
    flow = random_flow()
    desk = make_desk(
        flow,
        seed=seed,
        closes="30s",
        latency=latency,
        view_latency=latency,
        instrument=Instrument("TEST", "0.01", lot=lot),
    )
    algorithm = pov(minimum=minimum, cross_at_end=cross_at_end, clip=3, window="2s")
    check_accounted(desk, work_meddled(desk, algorithm, SELL if seed % 2 else BUY, 300 * lot, done, end="15s"))


def test_it_works_beside_another_algorithm_whose_trades_are_those_of_others() -> None:
    desk = trading(*[80] * 5)
    mine, other = desk.parent(BUY, 1000), desk.parent(BUY, 50)
    crossing = TWAP(slices=5, duration="5s", tactics=Tactics(passive=False))
    desk.sim.process(work(desk.execution(other, "9s", stream="other"), desk.manager, crossing))
    desk.sim.run(work(desk.execution(mine, "9s"), desk.manager, pov(minimum=0.2)))
    assert mine.filled_quantity == (5 * 80 + 50) // 4 // 10 * 10 + 2  # the last clip came with the trades of 5 s


# --- wrong settings ---


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rate": 0}, "rate: must be above zero, not 0"),
        ({"rate": 0.9}, "maximum: must be below 1, since our own volume is a part of all, not 1.08"),
        ({"minimum": 0.3}, "minimum: must be at most the rate 0.2, not 0.3"),
        ({"maximum": 0.1}, "maximum: must be at least the rate 0.2, not 0.1"),
        ({"clip": 0}, "clip: must be a whole number of at least 1, not 0"),
        ({"window": 0}, "window: must be longer than zero, not 0"),
    ],
)
def test_wrong_settings_are_refused_with_the_value(options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        pov(**options)


def test_a_rate_above_one_is_meant_where_only_others_count() -> None:
    assert POV(rate=1.5, own_volume=False).bounds == (1.5 * 0.8, 1.5 * 1.2)


def test_a_limit_off_the_tick_is_an_error() -> None:
    desk = trading()
    with pytest.raises(OrderError, match=r"1\.005 is not a multiple of TEST's tick"):
        desk.work(pov(limit_price=Decimal("1.005")), BUY, 10)
