"""What holds of the algorithms that follow no schedule alike: pegger, sniper, adaptive, chunks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.algos.adaptive import Adaptive
from simexec.algos.chunks import Chunks
from simexec.algos.pegger import Pegger
from simexec.algos.sniper import Sniper
from simexec.execution.guard import Refusal
from simexec.execution.parent import work
from simexec.protocols import Algorithm
from simexec.sim import Exponential
from simexec.testing import background_order, check_desk, make_desk, random_flow
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.report import ExecutionReport
from simexec.trading.vocabulary import OrderSide, OrderStatus

from .meddling import Deed, check_accounted, deeds, work_meddled

BUY, SELL = OrderSide.BUY, OrderSide.SELL
REJECTED = OrderStatus.REJECTED

ALGORITHMS: dict[str, Callable[[int], Algorithm]] = {
    "pegger": lambda lot: Pegger(patience="300ms", rest="20ms", adverse_ticks=2, display_quantity=3 * lot),
    "pegger crossing": lambda lot: Pegger(patience="300ms", impatience="cross", offset_ticks=1, cross_at_end=True),
    "sniper": lambda lot: Sniper(clip=4 * lot, delay="3ms"),
    "sniper with discretion": lambda lot: Sniper(discretion="0.02", min_size=2, cross_at_end=True),
    "adaptive": lambda lot: Adaptive(
        chunk_size=5 * lot, window="1s", sample="50ms", interval="100ms", patience="200ms"
    ),
    "adaptive resting": lambda lot: Adaptive(
        chunk_size=5 * lot, window="1s", sample="50ms", interval="100ms", patience="200ms", threshold=0.0
    ),
    "chunks": lambda lot: Chunks(chunk_size=5 * lot, interval="50ms"),
}
EACH = pytest.mark.parametrize("name", ALGORITHMS)


class EverySecond:
    """A guard that refuses every second order that is to leave, or every one."""

    def __init__(self, period: int = 2) -> None:
        self.period, self.asked = period, 0

    def admit(self, order: Order) -> Refusal | None:
        return None

    def amend(self, order: Order, quantity: int, price_ticks: int | None) -> Refusal | None:
        return None

    def check(self, order: Order) -> Refusal | None:
        self.asked += 1
        return None if self.asked % self.period else Refusal("every_second", f"{self.asked} is even")

    def heard(self, order: Order, report: ExecutionReport) -> None:
        return


@EACH
@settings(max_examples=12)
@given(
    seed=st.integers(0, 1000),
    side=st.sampled_from(OrderSide),
    slow=st.sampled_from(["100us", "20ms", "300ms"]),
    lot=st.sampled_from([1, 10]),
    done=deeds(400, 10),
)
def test_whatever_is_done_to_the_order_nothing_is_lost_or_overfilled(
    name: str, seed: int, side: OrderSide, slow: str, lot: int, done: list[Deed]
) -> None:
    desk = make_desk(
        random_flow(),
        seed=seed,
        closes="15s",
        latency=Exponential(slow),
        view_latency=Exponential(slow),
        instrument=Instrument("TEST", "0.01", lot=lot),
    )
    parent = work_meddled(desk, ALGORITHMS[name](lot), side, 20 * lot, done, end="12s")
    assert {child.quantity % lot for child in desk.manager.children(parent.order_id)} <= {0}
    check_accounted(desk, parent)


@EACH
def test_an_order_that_is_paused_places_nothing_until_it_is_resumed(name: str) -> None:
    desk = make_desk(random_flow(), seed=3, closes="20s")
    parent = work_meddled(desk, ALGORITHMS[name](1), BUY, 2_000, [(2_000, "pause", 0), (5_000, "resume", 0)], end="9s")
    placed = [child.created_ns / 1e9 for child in desk.manager.children(parent.order_id)]
    assert not [time for time in placed if 2 <= time < 5]
    assert [time for time in placed if time >= 5]
    check_accounted(desk, parent)


@EACH
def test_half_of_its_children_refused_it_goes_on_with_the_others(name: str) -> None:
    desk = make_desk(random_flow(), seed=2, closes="20s", guards=[EverySecond()])
    parent = desk.work(ALGORITHMS[name](1), SELL, 60, end="19s")
    statuses = [child.status for child in desk.manager.children(parent.order_id)]
    assert parent.filled_quantity > 0
    assert REJECTED in statuses or len(statuses) == 1
    desk.finish()
    check_desk(desk)


@EACH
def test_all_of_them_refused_it_asks_a_bounded_number_of_times(name: str) -> None:
    desk = make_desk(bids=[(100, [500])], asks=[(101, [500])], closes="1m", guards=[EverySecond(1)])
    parent = desk.work(ALGORITHMS[name](1), BUY, 60, end="20s")
    children = desk.manager.children(parent.order_id)
    assert {child.status for child in children} == {REJECTED}
    assert 10 < len(children) < 200
    assert parent.filled_quantity == 0
    check_desk(desk)


@EACH
def test_without_lines_that_take_time_it_ends_all_the_same(name: str) -> None:
    desk = make_desk(bids=[(100, [500])], asks=[(101, [30])], closes="1m", latency=0, view_latency=0, service=0)
    parent = desk.work(ALGORITHMS[name](1), BUY, 60, end="10s")
    assert parent.is_final
    desk.finish()
    check_desk(desk)


@EACH
@pytest.mark.parametrize("side", [BUY, SELL])
def test_where_nothing_is_quoted_it_waits_to_its_end(name: str, side: OrderSide) -> None:
    desk = make_desk(closes="1m")
    parent = desk.work(ALGORITHMS[name](1), side, 60, end="10s")
    assert (parent.status, parent.reason) == (OrderStatus.EXPIRED, "60 of 60 were left unfilled")
    assert len(desk.manager.children(parent.order_id)) <= 1
    desk.finish()
    check_desk(desk)


@EACH
@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("shown", [BUY, SELL])
def test_one_side_of_a_book_is_enough_to_live_with(name: str, side: OrderSide, shown: OrderSide) -> None:
    desk = make_desk(messages=[background_order("1s", shown, 100, 10, 0)], closes="1m")
    parent = desk.work(ALGORITHMS[name](1), side, 60, end="10s")
    assert parent.is_final
    assert parent.filled_quantity in ((0,) if shown is side else (0, 10))
    assert len(desk.manager.children(parent.order_id)) < 50
    desk.finish()
    check_desk(desk)


@EACH
def test_a_frozen_view_and_a_closed_venue_are_survived(name: str) -> None:
    desk = make_desk(random_flow(), seed=4, opens="2s", closes="8s")
    desk.view.freeze("3s", "6s")
    parent = desk.work(ALGORITHMS[name](1), BUY, 500, end="10s")
    assert parent.is_final
    assert len(desk.manager.children(parent.order_id)) < 300
    desk.finish()
    check_desk(desk)


@EACH
def test_it_does_the_same_again_with_the_same_seed(name: str) -> None:
    def run() -> list[tuple[int, int, int]]:
        desk = make_desk(random_flow(), seed=5, closes="20s", latency=Exponential("5ms"))
        parent = desk.parent(BUY, 60)
        desk.sim.run(work(desk.execution(parent, "10s"), desk.manager, ALGORITHMS[name](1)))
        return [
            (child.created_ns, child.quantity, child.filled_quantity)
            for child in desk.manager.children(parent.order_id)
        ]

    assert run() == run()
