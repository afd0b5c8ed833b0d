"""Implementation shortfall: Almgren and Chriss' trajectory, its cost, and what becomes of it when the order is changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.algos import TWAP, Tactics
from simexec.algos.shortfall import ImplementationShortfall
from simexec.errors import InputError
from simexec.execution.parent import work
from simexec.models.almgren_chriss import AlmgrenChriss
from simexec.protocols import Algorithm
from simexec.sim import seconds
from simexec.testing import Desk, make_desk, random_flow
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide, OrderStatus
from tests.algos.meddling import Deed, check_accounted, deeds, work_meddled

BUY, SELL = OrderSide.BUY, OrderSide.SELL
CROSSING = Tactics(passive=False)
X = 1_000_000


def paper(risk_aversion: float) -> AlmgrenChriss:
    """The example of Almgren and Chriss' paper: X = 1e6 shares in five days."""
    return AlmgrenChriss(
        volatility=0.95, temporary=2.5e-6, half_spread=0.0625, permanent=2.5e-7, risk_aversion=risk_aversion
    )


def quiet(**settings: Any) -> Desk:
    """A wall of quantity at 100 and 101 that nothing moves; the clock stands where a first quote has arrived."""
    wall = {"bids": [(100, [2 * X])], "asks": [(101, [2 * X])]}
    desk = make_desk(**{**wall, "closes": "6h", **settings})
    desk.sim.run("1ms")
    return desk


def children(desk: Desk, parent: Order) -> list[Order]:
    return desk.manager.children(parent.order_id)


def quantities(desk: Desk, parent: Order) -> list[int]:
    return [child.quantity for child in children(desk, parent)]


def traded(desk: Desk, algorithm: Algorithm, quantity: int, side: OrderSide = BUY) -> list[int]:
    return quantities(desk, desk.work(algorithm, side, quantity))


def shortfall(**settings: Any) -> ImplementationShortfall:
    return ImplementationShortfall(**{"duration": "10s", "slices": 10, "tactics": CROSSING, **settings})


# --- the trajectory ---

TRUTHS = [
    (0.0, [800_000, 600_000, 400_000, 200_000, 0], 662_500, 1.0830e12),
    (1e-6, [541_956, 289_854, 147_897, 62_142, 0], 911_227, 3.6413e11),
    (2e-6, [428_599, 182_933, 76_296, 27_643, 0], 1_140_715, 2.0193e11),
]
"""Risk aversion; what is left after each of five days; mean and variance of the cost."""


@pytest.mark.parametrize(("risk_aversion", "holdings", "mean", "variance"), TRUTHS)
def test_the_papers_example_is_traded_to_the_share_and_costs_what_the_model_says(
    risk_aversion: float, holdings: list[int], mean: float, variance: float
) -> None:
    desk, model = quiet(), paper(risk_aversion)
    algorithm = shortfall(duration="5h", slices=5, day="1h", model=model)
    parent = desk.work(algorithm, SELL, X)
    trades = quantities(desk, parent)
    assert parent.status is OrderStatus.FILLED
    assert [X - done for done in np.cumsum(trades).tolist()] == holdings
    begun = [round((child.created_ns - parent.created_ns) / 3600e9, 9) for child in children(desk, parent)]
    assert begun == [0, 1, 2, 3, 4]

    paths = 100_000
    costs = model.simulated_cost(trades, 1.0, np.random.default_rng(1).standard_normal((paths, 5)))
    assert abs(costs.mean() - mean) < 4 * costs.std() / paths**0.5
    assert abs(costs.var() - variance) < 4 * variance * (2 / paths) ** 0.5
    assert model.expected_cost(trades, 1.0) == pytest.approx(mean, abs=1)
    assert model.cost_variance(trades, 1.0) == pytest.approx(variance, rel=1e-4)


@settings(max_examples=40)
@given(
    quantity=st.integers(1, X),
    slices=st.integers(1, 12),
    risk_aversion=st.sampled_from([0.0, 1e-9, 1e-7, 1e-6, 1e-4, 1.0]),
    day=st.sampled_from(["2s", "10s", "1h"]),
)
def test_what_is_left_after_each_slice_is_the_models_to_the_nearest_share(
    quantity: int, slices: int, risk_aversion: float, day: str
) -> None:
    desk, model = quiet(), paper(risk_aversion)
    algorithm = shortfall(slices=slices, model=model, day=day)
    parent = desk.work(algorithm, BUY, quantity)
    wanted = model.holdings(quantity, 10e9 / algorithm.day, slices)
    assert parent.filled_quantity == quantity
    for child in children(desk, parent):
        index = round((child.created_ns - parent.created_ns) / 10e9 * slices)
        done = sum(other.quantity for other in children(desk, parent) if other.created_ns <= child.created_ns)
        assert abs(quantity - done - wanted[index + 1]) <= 0.5 + 1e-6


def test_a_half_life_leaves_one_part_in_e_after_each() -> None:
    trades = traded(quiet(), shortfall(half_life="1s", slices=20, duration="20s"), X)
    left = X - np.cumsum(trades)
    assert left[:8] / X == pytest.approx(np.exp(-np.arange(1, 9)), abs=1e-6)


def test_a_models_half_life_makes_its_trajectory() -> None:
    model = paper(1e-6)
    half_life = round(model.half_life(1.0) * 3600e9)
    of_model = traded(quiet(), shortfall(duration="5h", slices=5, day="1h", model=model), X)
    assert traded(quiet(), shortfall(duration="5h", slices=5, half_life=half_life), X) == of_model


def test_a_shorter_half_life_trades_more_at_first_and_less_at_last() -> None:
    desks = [traded(quiet(), shortfall(half_life=half_life), X) for half_life in ("1h", "10s", "4s", "2s")]
    firsts, lasts = [trades[0] for trades in desks], [trades[-1] for trades in desks]
    assert firsts == sorted(firsts)
    assert lasts == sorted(lasts, reverse=True)


@pytest.mark.parametrize("half_life", ["1ns", "1us", "10ms"])
def test_the_shortest_half_lives_trade_all_at_once(half_life: str) -> None:
    assert traded(quiet(), shortfall(half_life=half_life), X) == [X]


# --- TWAP ---


def story(desk: Desk, parent: Order) -> list[tuple[Any, ...]]:
    return [
        (child.created_ns, child.closed_ns, child.quantity, child.price_ticks, child.status, child.average_price)
        for child in children(desk, parent)
    ]


@settings(max_examples=40)
@given(quantity=st.integers(1, 500), slices=st.integers(1, 40))
def test_without_risk_aversion_it_is_twap_to_the_share(quantity: int, slices: int) -> None:
    desk, other = quiet(), quiet()
    model = paper(0.0)
    parent = desk.work(shortfall(slices=slices, model=model), BUY, quantity)
    twap = other.work(TWAP(duration="10s", slices=slices, tactics=CROSSING), BUY, quantity)
    assert story(desk, parent) == story(other, twap)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("side", [BUY, SELL])
def test_without_risk_aversion_it_has_twaps_children_in_a_lively_market(side: OrderSide, seed: int) -> None:
    def run(algorithm: Algorithm) -> list[tuple[Any, ...]]:
        desk = make_desk(random_flow(), seed=seed, closes="20s")
        return story(desk, desk.work(algorithm, side, 315))

    mine = run(shortfall(model=paper(0.0), tactics=Tactics()))
    assert len(mine) >= 10
    assert mine == run(TWAP(duration="10s", slices=10))


def test_the_longest_half_life_is_twap() -> None:
    twap = traded(quiet(), TWAP(duration="10s", slices=10, tactics=CROSSING), X)
    assert traded(quiet(), shortfall(half_life="24h"), X) == twap


# --- lots and small orders ---


@pytest.mark.parametrize(("quantity", "slices"), [(1, 10), (3, 10), (7, 3)])
def test_an_order_of_fewer_shares_than_slices_is_worked(quantity: int, slices: int) -> None:
    desk = quiet()
    parent = desk.work(shortfall(half_life="3s", slices=slices), BUY, quantity)
    assert parent.status is OrderStatus.FILLED
    assert sum(quantities(desk, parent)) == quantity


def test_children_are_whole_lots() -> None:
    desk = quiet(instrument=Instrument("TEST", "0.01", lot=100))
    parent = desk.work(shortfall(half_life="4s"), BUY, 12_300)
    assert parent.status is OrderStatus.FILLED
    assert {quantity % 100 for quantity in quantities(desk, parent)} == {0}


# --- an order that is changed meanwhile ---


def test_when_the_end_is_put_off_what_is_left_follows_its_own_optimum_with_the_same_urgency() -> None:
    desk = quiet()
    parent = desk.parent(BUY, X)
    execution = desk.execution(parent, "10s")
    tactics = Tactics(passive=False, cross_at_end=False)

    async def put_off() -> None:
        await desk.sim.timeout("4500ms")
        assert await execution.amend(end="20s")

    desk.sim.process(put_off())
    desk.sim.run(work(execution, desk.manager, shortfall(duration=None, half_life="6s", tactics=tactics)))
    trades = quantities(desk, parent)
    start, end = execution.plan[0][0], desk.sim.now
    kappa = 1 / 6

    def left(elapsed: float, horizon: float) -> float:
        return float(np.sinh(kappa * (horizon - elapsed)) / np.sinh(kappa * horizon))

    first = (seconds(10) - start) / 1e9
    boundary = start / 1e9 + first / 2  # the slice in which it was amended is kept
    rest = 20 - boundary
    after_five = left(first / 2, first)
    wanted = [left(first * i / 10, first) for i in range(1, 6)] + [
        after_five * left(rest * i / 5, rest) for i in range(1, 6)
    ]
    assert X - np.cumsum(trades) == pytest.approx(np.array(wanted) * X, abs=1)
    assert end < seconds(20)


def test_a_quantity_that_is_raised_is_caught_up_with_at_the_next_slice() -> None:
    desk = quiet()
    parent = work_meddled(desk, shortfall(half_life="4s"), BUY, 10_000, [(2_500, "quantity", 20_000)])
    single = traded(quiet(), shortfall(half_life="4s"), 10_000)
    trades = quantities(desk, parent)
    assert trades[:3] == single[:3]
    assert sum(trades[:4]) == pytest.approx(2 * sum(single[:4]), abs=2)
    assert parent.filled_quantity == 20_000


def test_a_paused_order_sends_nothing_and_then_catches_up() -> None:
    desk = quiet()
    algorithm = shortfall(half_life="4s")
    parent = work_meddled(desk, algorithm, BUY, 10_000, [(2_500, "pause", 0), (5_500, "resume", 0)])
    times = [(child.created_ns - parent.created_ns) / 1e9 for child in children(desk, parent)]
    assert not any(2.5 < time < 5.5 for time in times)
    assert parent.filled_quantity == 10_000


def test_a_cancelled_order_ends_with_what_it_has() -> None:
    desk = quiet()
    parent = work_meddled(desk, shortfall(half_life="4s"), BUY, 10_000, [(3_500, "cancel", 0)])
    assert parent.status is OrderStatus.CANCELLED
    assert len(children(desk, parent)) == 4
    check_accounted(desk, parent)


@settings(max_examples=40)
@given(
    done=deeds(600, 10),
    quantity=st.integers(1, 40).map(lambda lots: 10 * lots),
    half_life=st.sampled_from(["100ms", "3s", "1m"]),
    passive=st.booleans(),
    catch_up=st.booleans(),
    latency=st.sampled_from(["250us", "400ms"]),
    seed=st.integers(0, 3),
)
def test_whatever_is_done_to_the_order_nothing_is_lost_or_overfilled(
    done: list[Deed], quantity: int, half_life: str, passive: bool, catch_up: bool, latency: str, seed: int
) -> None:
    desk = make_desk(
        random_flow(), seed=seed, closes="30s", latency=latency, instrument=Instrument("TEST", "0.01", lot=10)
    )
    tactics = Tactics(passive=passive, catch_up=catch_up)
    algorithm = shortfall(duration=None, half_life=half_life, tactics=tactics)
    parent = work_meddled(desk, algorithm, SELL if seed % 2 else BUY, quantity, done, end="10s")
    check_accounted(desk, parent)


# --- wrong settings ---


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "half_life: give either this or a model, not neither"),
        ({"half_life": "1s", "model": paper(0.0)}, "half_life: give either this or a model, not both"),
        ({"half_life": 0}, "half_life: must be longer than zero"),
        ({"half_life": "1s", "day": 0}, "day: must be longer than zero"),
        ({"half_life": "1s", "slices": 0}, "slices: must be a whole number of at least 1, not 0"),
        ({"model": paper(0.0), "slices": 1, "duration": "500h"}, "shorten the intervals"),
    ],
)
def test_wrong_settings_are_refused_with_the_reason(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        shortfall(**settings)
