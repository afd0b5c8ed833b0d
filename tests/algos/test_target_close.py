"""Target close: when it begins, and what makes it begin at another time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simexec.algos import Tactics, TargetClose
from simexec.algos.expected_volume import EvenVolume, VolumeFile
from simexec.errors import InputError
from simexec.sim import seconds
from simexec.testing import Desk, background_market_order, check_desk, make_desk
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide, OrderStatus
from tests.algos.meddling import Deed, check_accounted, work_meddled

BUY, SELL = OrderSide.BUY, OrderSide.SELL
FILLED = OrderStatus.FILLED
CROSSING = Tactics(passive=False, lead="0s")
CERTAIN = 10**9
"""A weight with which the curve's total is never doubted."""


def market(volume: int = 0) -> Desk:
    """A wall of quantity at 100 and 101 into which others sell so much each second; the first quote has arrived."""
    messages = [background_market_order(seconds(i), SELL, volume) for i in range(1, 100)] if volume else []
    desk = make_desk(bids=[(100, [10**6])], asks=[(101, [10**6])], messages=messages)
    desk.sim.run("1ms")
    return desk


def target(**options: Any) -> TargetClose:
    """Of 100 shares a second at most a fifth: 20 a second."""
    curve = EvenVolume(start="00:00:00", end="00:01:40", total=10_000)
    plain = {"participation": 0.2, "slices": 5, "curve": curve, "prior_weight": CERTAIN, "tactics": CROSSING}
    return TargetClose(**{**plain, **options})


def sent(desk: Desk, parent: Order) -> list[tuple[int, int]]:
    """Second at which each child was created, and its quantity."""
    return [(round(child.created_ns / 1e9), child.quantity) for child in desk.manager.children(parent.order_id)]


@pytest.mark.parametrize("side", [BUY, SELL])
def test_it_begins_when_its_part_of_the_volume_to_come_is_just_what_is_left(side: OrderSide) -> None:
    desk = market(80)  # and 20 of ours are just what is expected, so every slice is the same
    parent = desk.work(target(), side, 1_000, end="100s")
    assert sent(desk, parent) == [(second, 200) for second in (50, 60, 70, 80, 90)]
    assert parent.status is FILLED
    desk.finish()
    check_desk(desk)


def test_it_begins_no_earlier_than_it_is_allowed_to() -> None:
    desk = market()
    parent = desk.work(target(within="10s"), BUY, 1_000, end="100s")
    assert [second for second, _ in sent(desk, parent)] == [90, 92, 94, 96, 98]
    assert parent.status is FILLED


def test_what_its_passive_children_leave_crosses_just_before_the_end() -> None:
    desk = market()
    parent = desk.work(target(tactics=Tactics(lead="1s")), BUY, 1_000, end="100s")
    *passive, crossing = desk.manager.children(parent.order_id)
    assert sum(child.filled_quantity for child in passive) == 0
    assert (round(crossing.created_ns / 1e9), crossing.filled_quantity, parent.status) == (99, 1_000, FILLED)


@pytest.mark.parametrize(("volume", "begins"), [(50, range(5, 30)), (100, range(48, 53)), (400, range(80, 92))])
def test_a_day_with_less_volume_makes_it_begin_earlier_and_one_with_more_later(volume: int, begins: range) -> None:
    desk = market(volume)
    parent = desk.work(target(prior_weight=0.01), BUY, 1_000, end="100s")
    assert sent(desk, parent)[0][0] in begins
    assert parent.status is FILLED


@pytest.mark.parametrize(
    ("deed", "begins", "filled"),
    [
        ((20_000, "quantity", 1_400), 30, 1_400),
        ((20_000, "quantity", 200), 90, 200),
        ((20_000, "end", "80s"), 30, 1_000),
        ((20_000, "end", "60s"), 20, 1_000),
    ],
)
def test_an_amendment_while_it_waits_moves_its_beginning(deed: Deed, begins: int, filled: int) -> None:
    desk = market()
    parent = work_meddled(desk, target(), BUY, 1_000, [deed], end="100s")
    assert (sent(desk, parent)[0][0], parent.filled_quantity) == (begins, filled)
    check_accounted(desk, parent)


def test_cancelled_while_it_waits_it_sends_nothing() -> None:
    desk = market()
    parent = work_meddled(desk, target(), BUY, 1_000, [(20_000, "cancel", 0)], end="100s")
    assert (sent(desk, parent), parent.status) == ([], OrderStatus.CANCELLED)
    assert desk.sim.now < seconds(21)


def test_a_pause_over_its_beginning_makes_it_begin_when_it_goes_on() -> None:
    desk = market()
    parent = work_meddled(desk, target(), BUY, 1_000, [(20_000, "pause", 0), (80_000, "resume", 0)], end="100s")
    assert [second for second, _ in sent(desk, parent)] == [80, 84, 88, 92, 96]
    assert parent.status is FILLED


def test_a_curve_without_a_total_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"curve\.total: is needed"):
        target(curve=EvenVolume())
    file = tmp_path / "weights.csv"
    file.write_text("start,weight\n00:00:00,1\n00:01:00,1\n")
    with pytest.raises(InputError, match="holds weights and no volumes"):
        market().work(target(curve=VolumeFile(file=file)), BUY, 100, end="100s")


@pytest.mark.parametrize(("participation", "words"), [(1.5, "must be at most 1, not 1.5"), (0, "above zero, not 0")])
def test_a_participation_that_cannot_be_is_refused(participation: float, words: str) -> None:
    with pytest.raises(InputError, match=f"participation: .*{words}"):
        target(participation=participation)
