"""What dark pools take, from censored fills, and how an order is divided among them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.errors import InputError
from simexec.execution.dark_allocation import FillTail, allocate


def learned(*orders: tuple[int, int], enough: int = 1) -> FillTail:
    tail = FillTail(enough)
    for sent, filled in orders:
        tail.learn(sent, filled)
    return tail


SAMPLE = [(3, 0), (3, 1), (2, 2), (1, 1), (4, 2), (4, 4), (2, 0), (3, 3)]


def test_the_product_limit_estimate_of_a_censored_sample_worked_by_hand() -> None:
    """Sent and filled; filled in full means censored there.

    z = 0: all 8 orders are at risk, 2 ended with nothing: 6/8.
    z = 1: at least 1 traded and more was sent, in (3,1) (2,2) (4,2) (4,4) (3,3): 5, of which 1 ended: 4/5.
    z = 2: (4,2) (4,4) (3,3): 3, of which 1 ended: 2/3.
    z = 3: (4,4): 1, of which none ended: 1.
    """
    tail = learned(*SAMPLE)
    expected = [1, 6 / 8, 6 / 8 * 4 / 5, 6 / 8 * 4 / 5 * 2 / 3, 6 / 8 * 4 / 5 * 2 / 3, 0]
    assert tail.estimate(5) == pytest.approx(expected)
    assert tail.estimate(2) == pytest.approx(expected[:3])


def test_without_censoring_it_is_the_share_of_orders_that_filled_so_much() -> None:
    fills = [0, 0, 1, 3, 3, 7]
    tail = learned(*[(10, filled) for filled in fills])
    assert tail.estimate(9) == pytest.approx([np.mean([filled >= s for filled in fills]) for s in range(10)])


def test_the_order_in_which_observations_come_does_not_matter() -> None:
    assert learned(*SAMPLE).estimate(4) == pytest.approx(learned(*reversed(SAMPLE)).estimate(4))


def test_one_unit_more_than_is_known_counts_as_much_as_the_last_that_is() -> None:
    """z = 3 was seen once, z = 2 three times: with three observations known, sizes to 3 are, and 4 is tried as if it were 3."""
    last = 6 / 8 * 4 / 5 * 2 / 3
    assert learned(*SAMPLE).tails(6)[4:] == pytest.approx([last, last, 0])
    assert learned(*SAMPLE, enough=3).tails(6)[3:] == pytest.approx([last, last, 0, 0])
    # With four, only sizes to 2 are known.
    assert learned(*SAMPLE, enough=4).tails(6)[2:] == pytest.approx([0.6, 0.6, last, 0, 0])
    assert FillTail().tails(3).tolist() == [1, 1, 0, 0]


orders = st.lists(st.integers(1, 8).flatmap(lambda sent: st.tuples(st.just(sent), st.integers(0, sent))), max_size=30)


@given(orders=orders, enough=st.integers(1, 5))
def test_tails_begin_at_one_and_never_increase(orders: list[tuple[int, int]], enough: int) -> None:
    for tails in (learned(*orders, enough=enough).tails(10), learned(*orders).estimate(10)):
        assert tails[0] == 1
        assert (np.diff(tails) <= 1e-12).all()
        assert (tails >= 0).all()


falling = st.lists(st.integers(0, 8), max_size=5).map(lambda xs: [1.0, *(x / 8 for x in sorted(xs, reverse=True))])


@settings(max_examples=200)
@given(units=st.integers(0, 6), pools=st.lists(falling, min_size=1, max_size=3))
def test_the_greedy_allocation_trades_as_much_as_the_best_of_all_allocations(
    units: int, pools: list[list[float]]
) -> None:
    tails = {name: pool for name, pool in zip("ABC", pools, strict=False)}

    def expected(given: dict[str, int]) -> float:
        return sum(sum(tails[pool][1 : count + 1]) for pool, count in given.items())

    found = allocate(units, tails)
    assert sum(found.values()) == units
    best = max(
        expected(dict(zip(tails, counts, strict=True)))
        for counts in itertools.product(range(units + 1), repeat=len(tails))
        if sum(counts) == units
    )
    assert expected(found) == pytest.approx(best)


def test_what_nobody_is_expected_to_take_is_spread_evenly_and_the_first_by_name_comes_first() -> None:
    assert allocate(5, {"B": [1.0, 0.5], "A": [1.0]}) == {"A": 3, "B": 2}
    assert allocate(3, {}) == {}


def test_greedy_allocation_and_learning_find_the_larger_pool() -> None:
    """Two pools with geometric sizes; in the end the learner trades what one who knows both would, within 4 standard errors."""
    rng = np.random.default_rng(5)
    chance = {"BIG": 0.9, "SMALL": 0.6}
    learner = {pool: FillTail(20) for pool in chance}
    truth = {pool: [q**s for s in range(21)] for pool, q in chance.items()}
    known = allocate(20, truth)
    gained = []
    for day in range(1500):
        sent = allocate(20, {pool: tail.tails(20) for pool, tail in learner.items()})
        there = {pool: int(rng.geometric(1 - q)) - 1 for pool, q in chance.items()}
        for pool, units in sent.items():
            if units:
                learner[pool].learn(units, min(units, there[pool]))
        if day >= 500:
            gained.append(
                sum(min(units, there[pool]) for pool, units in sent.items())
                - sum(min(units, there[pool]) for pool, units in known.items())
            )
    assert np.mean(gained) > -4 * np.std(gained) / np.sqrt(len(gained)) - 0.05


def test_what_cannot_be_observed_is_refused() -> None:
    tail = FillTail()
    for sent, filled in ((0, 0), (3, 4), (3, -1)):
        with pytest.raises(InputError, match="units filled of"):
            tail.learn(sent, filled)
    with pytest.raises(InputError, match="at least 1"):
        FillTail(0)
