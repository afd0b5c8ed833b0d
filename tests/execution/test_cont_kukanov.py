"""The split between taking and resting: one venue in closed form, several against a grid."""

from __future__ import annotations

import itertools
import math

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.errors import InputError
from simexec.execution.cont_kukanov import (
    EmpiricalOutflow,
    ExponentialOutflow,
    Outflow,
    Placement,
    Queue,
    Split,
    costs,
    split,
    split_by_samples,
)


def one_venue(penalty: float, *, impact: float = 0.0, mean: float = 3000.0) -> Placement:
    """1,000 shares behind 2,000, half a spread of 1 cent, fee .3 cents, rebate .2 cents."""
    return Placement(
        quantity=1000, half_spread=0.01, taker_fee=0.003, underfill_penalty=penalty, impact=impact,
        queues=[Queue(2000, 0.002, ExponentialOutflow(mean))],
    )  # fmt: skip


def thresholds(placement: Placement) -> tuple[float, float]:
    """Penalties up to which all rests, and from which all takes, written down from the paper's proposition on one exchange."""
    queue, h, f, theta = placement.queues[0], placement.half_spread, placement.taker_fee, placement.impact
    r, cdf = queue.rebate, queue.outflow.cdf
    low = (2 * h + f + r) / cdf(queue.ahead + placement.quantity) - (h + r + theta)
    return low, (2 * h + f + r) / cdf(queue.ahead) - (h + r + theta)


@pytest.mark.parametrize("impact", [0.0, 0.0005])
def test_one_venue_rests_all_below_one_penalty_takes_all_above_another_and_splits_in_between(impact: float) -> None:
    low, high = thresholds(one_venue(0.05, impact=impact))
    assert 0 < low < high
    for penalty in (0.0, low / 2, low - 1e-9):
        assert split(one_venue(penalty, impact=impact)) == Split(0.0, (1000.0,))
    for penalty in (high + 1e-9, 2 * high):
        assert split(one_venue(penalty, impact=impact)) == Split(1000.0, (0.0,))
    for part in (0.1, 0.5, 0.9):
        penalty = low + part * (high - low)
        found = split(one_venue(penalty, impact=impact))
        # The exponential's quantile written out.
        ratio = (2 * 0.01 + 0.003 + 0.002) / (penalty + 0.01 + 0.002 + impact)
        rests = -3000 * math.log(1 - ratio) - 2000
        assert 0 < rests < 1000
        assert found.limits[0] == pytest.approx(rests, rel=1e-9)
        assert found.market == pytest.approx(1000 - rests, rel=1e-9)


def test_the_closed_form_has_the_least_exact_cost() -> None:
    """E min(L, (xi - Q)+) of an exponential outflow is m exp(-Q/m) (1 - exp(-L/m))."""
    low, high = thresholds(one_venue(0.05))
    placement = one_venue((low + high) / 2)

    def expected(rests: float) -> float:
        fill = 3000 * math.exp(-2000 / 3000) * -math.expm1(-rests / 3000)
        missing = rests - fill
        return 0.013 * (1000 - rests) - 0.012 * fill + placement.underfill_penalty * missing

    best = min(range(0, 1001), key=expected)
    assert split(placement).limits[0] == pytest.approx(best, abs=1)


def test_the_cost_of_an_outcome_is_the_sum_of_its_parts() -> None:
    placement = attrs.evolve(one_venue(0.05, impact=0.001), overfill_penalty=0.04)
    outcomes = np.array([[2600.0], [0.0], [9000.0]])
    # 300 take, 800 rest: 600 of them trade, none, and all, which is 100 too much.
    expected = [
        300 * 0.013 - 600 * 0.012 + 0.001 * (1100 + 100) + 0.05 * 100,
        300 * 0.013 + 0.001 * (1100 + 700) + 0.05 * 700,
        300 * 0.013 - 800 * 0.012 + 0.001 * 1100 + 0.04 * 100,
    ]
    assert costs(placement, Split(300, (800.0,)), outcomes) == pytest.approx(expected)


means = st.sampled_from([0.0, 50.0, 400.0, 3000.0])
rates = st.sampled_from([-0.003, 0.0, 0.002, 0.008])
outflows: st.SearchStrategy[Outflow] = st.one_of(
    st.builds(ExponentialOutflow, means),
    st.builds(EmpiricalOutflow, st.lists(st.integers(0, 900), min_size=1, max_size=5)),
)
problems = st.builds(
    Placement,
    quantity=st.just(300.0),
    half_spread=st.sampled_from([0.005, 0.02]),
    taker_fee=st.sampled_from([-0.001, 0.003]),
    underfill_penalty=st.sampled_from([0.0, 0.01, 0.05, 0.5]),
    impact=st.sampled_from([0.0, 0.001]),
    queues=st.lists(st.builds(Queue, st.integers(0, 500), rates, outflows), min_size=1, max_size=3),
)


def exact(placement: Placement, market: float, limits: tuple[float, ...]) -> float:
    """The expected cost of a split that never trades too much."""
    cost = (placement.half_spread + placement.taker_fee) * market + placement.impact * (market + sum(limits))
    for queue, size in zip(placement.queues, limits, strict=True):
        model = queue.outflow
        if isinstance(model, ExponentialOutflow):
            mean = model.mean
            fill = mean * math.exp(-queue.ahead / mean) * -math.expm1(-size / mean) if mean else 0.0
        else:
            assert isinstance(model, EmpiricalOutflow)
            fill = float(np.clip(model.samples - queue.ahead, 0, size).mean())
        cost -= (placement.half_spread + queue.rebate) * fill
        cost += (placement.impact + placement.underfill_penalty) * (size - fill)
    return cost


@settings(max_examples=150)
@given(placement=problems, at_most=st.sampled_from([None, 0.0, 100.0]))
def test_several_venues_cost_no_more_than_any_point_of_a_grid(placement: Placement, at_most: float | None) -> None:
    found = split(placement, at_most)
    assert found.market + sum(found.limits) == pytest.approx(300)
    assert min(found.market, *found.limits) >= 0
    assert at_most is None or found.market <= at_most + 1e-9
    count = len(placement.queues)
    grid = [
        (300 - sum(limits), limits)
        for limits in itertools.product(range(0, 301, 300 // (60, 12, 6)[count - 1]), repeat=count)
        if 300 - (300 if at_most is None else at_most) <= sum(limits) <= 300
    ]
    best = min(exact(placement, market, tuple(map(float, limits))) for market, limits in grid)
    assert exact(placement, found.market, found.limits) <= best + 1e-9


@settings(max_examples=25)
@given(
    placement=problems,
    penalty=st.sampled_from([0.0, 0.01, 0.1]),
    seed=st.integers(0, 100),
)
def test_sending_more_than_is_to_trade_costs_no_more_than_any_point_of_a_grid(
    placement: Placement, penalty: float, seed: int
) -> None:
    placement = attrs.evolve(placement, overfill_penalty=penalty, queues=placement.queues[:2])
    rng = np.random.default_rng(seed)
    drawn = np.column_stack([queue.outflow.sample(rng, 400) for queue in placement.queues])
    found = split_by_samples(placement, drawn)
    assert found.market + sum(found.limits) >= 300 - 1e-4
    assert all(size >= 0 and found.market + size <= 300 + 1e-4 for size in found.limits)
    best = min(
        costs(placement, Split(market, limits), drawn).mean()
        for market, *rest in itertools.product(range(0, 301, 20), repeat=1 + len(placement.queues))
        if (limits := tuple(map(float, rest))) is not None
        and market + sum(limits) >= 300
        and market + max(limits) <= 300
    )
    assert costs(placement, found, drawn).mean() <= best + 0.01


def test_where_nothing_can_be_too_much_two_venues_are_sent_more_than_is_to_trade() -> None:
    """Each fills all or nothing: two chances are better than one when too much costs little."""
    queue = Queue(0, 0.002, EmpiricalOutflow([0, 0, 0, 1000]))
    placement = Placement(
        quantity=100, half_spread=0.01, taker_fee=0.003, underfill_penalty=0.02, overfill_penalty=0.001, queues=[queue] * 2
    )  # fmt: skip
    drawn = np.array(list(itertools.product([0, 0, 0, 1000], repeat=2)), float)
    assert split_by_samples(placement, drawn) == Split(0.0, (100.0, 100.0))
    dear = attrs.evolve(placement, overfill_penalty=1.0)
    assert sum(split_by_samples(dear, drawn).limits) == pytest.approx(100, abs=1e-3)


def test_without_a_venue_or_without_an_outflow_everything_takes() -> None:
    placement = one_venue(0.05, mean=0.0)
    assert split(placement) == Split(1000.0, (0.0,))
    assert split(attrs.evolve(placement, queues=[])) == Split(1000.0, ())
    assert split_by_samples(attrs.evolve(placement, queues=[]), np.empty((1, 0))) == Split(1000.0, ())


@pytest.mark.parametrize("model", [ExponentialOutflow(120.0), ExponentialOutflow(0.0), EmpiricalOutflow([5, 1, 5, 40])])
def test_a_quantile_is_the_least_outflow_of_such_a_probability(model: Outflow) -> None:
    for probability in (0.01, 0.25, 0.5, 0.75, 0.99):
        level = model.quantile(probability)
        assert model.cdf(level) >= probability - 1e-12
        assert level == 0 or model.cdf(level * (1 - 1e-6)) < probability
    assert (model.cdf(-1.0), model.quantile(0.0)) == (0.0, 0.0)
    drawn = model.sample(np.random.default_rng(1), 4000)
    for level in (0.0, 5.0, 60.0):
        share = model.cdf(level)
        assert np.mean(drawn <= level) == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / 4000) + 1e-12)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(InputError, match="half_spread -1"):
        attrs.evolve(one_venue(0.05), half_spread=-1)
    with pytest.raises(InputError, match="mean nan"):
        ExponentialOutflow(float("nan"))
    with pytest.raises(InputError, match="none negative"):
        EmpiricalOutflow([-1, 2])
    with pytest.raises(InputError, match=r"shape \(3, 2\) for 1 queues"):
        split_by_samples(one_venue(0.05), np.zeros((3, 2)))
