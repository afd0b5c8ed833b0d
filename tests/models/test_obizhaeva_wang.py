"""Obizhaeva and Wang (2013): the optimum against its recursion and a direct minimisation, and what it saves."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.errors import InputError
from simexec.models.obizhaeva_wang import ObizhaevaWang, first_trade

resiliences = st.floats(0.01, 100)
counts = st.integers(1, 12)
permanents = st.floats(0, 0.0009)


def model_of(resilience: float = 10.0, depth: float = 1000.0, permanent: float = 0.0) -> ObizhaevaWang:
    return ObizhaevaWang(resilience=resilience, depth=depth, permanent=permanent)


def cost_matrix(model: ObizhaevaWang, count: int, interval: float) -> np.ndarray:
    """M such that x' M x / 2 is the cost of the trades x: trade n pays for itself by half, and for all before it."""
    i = np.arange(count)
    decays = np.exp(-model.resilience * interval * np.abs(i[:, None] - i))
    return model.permanent + (1 / model.depth - model.permanent) * decays


def by_minimisation(model: ObizhaevaWang, quantity: float, horizon: float, count: int) -> np.ndarray:
    """The cheapest trades by Lagrange's rule: their marginal costs are all the same."""
    weights = np.linalg.solve(cost_matrix(model, count, horizon / max(1, count - 1)), np.ones(count))
    return quantity * weights / weights.sum()


def by_recursion(model: ObizhaevaWang, quantity: float, horizon: float, count: int) -> np.ndarray:
    """The paper's dynamic programme: backwards for the value a X^2 + b D X + c D^2 of what is left, then forwards."""
    last, impact = 1 / model.depth, model.permanent
    kappa, kept = last - impact, math.exp(-model.resilience * horizon / max(1, count - 1))
    a, b, c = last / 2 - impact, 1.0, 0.0
    rules = []
    for _ in range(count - 1):
        delta = 1 / (last / 2 + a - b * kappa * kept + c * (kappa * kept) ** 2)
        on_left = impact + 2 * a - b * kappa * kept
        on_moved = 1 - b * kept + 2 * kappa * c * kept**2
        rules.append((delta, on_left, on_moved))
        a -= delta * on_left**2 / 4
        b = b * kept + delta * on_moved * on_left / 2
        c = c * kept**2 - delta * on_moved**2 / 4
    left, moved, trades = quantity, 0.0, []
    for delta, on_left, on_moved in reversed(rules):
        trades.append(-delta * (moved * on_moved - left * on_left) / 2)
        left, moved = left - trades[-1], (moved + kappa * trades[-1]) * kept
    return np.array([*trades, left])


@given(resiliences, permanents, st.floats(0.1, 3), counts)
def test_the_trades_are_those_of_a_direct_minimisation_and_of_the_papers_recursion(
    resilience, permanent, horizon, count
) -> None:
    model = model_of(resilience, permanent=permanent)
    trades = model.trades(100.0, horizon, count)
    assert trades.sum() == pytest.approx(100.0, rel=1e-12)
    assert trades == pytest.approx(by_minimisation(model, 100.0, horizon, count), abs=1e-6)
    assert trades == pytest.approx(by_recursion(model, 100.0, horizon, count), abs=1e-6)


@given(resiliences, permanents, st.lists(st.floats(-100, 100), min_size=1, max_size=10))
def test_the_cost_of_any_schedule_is_that_of_its_quadratic_form(resilience, permanent, trades) -> None:
    model, x = model_of(resilience, permanent=permanent), np.array(trades)
    exact = float(x @ cost_matrix(model, x.size, 0.1) @ x) / 2
    assert model.cost(trades, 0.1) == pytest.approx(exact, rel=1e-9, abs=1e-9)
    assert model.cost(-x, 0.1) == pytest.approx(exact, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("resilience", [1e-9, 0.5, 10.0, 1e9])
@pytest.mark.parametrize("count", [2, 11, 101])
def test_the_optimum_is_cheaper_than_equal_trades_by_what_theory_says(resilience, count) -> None:
    model, interval = model_of(resilience, permanent=2e-4), 1 / (count - 1)
    kept, kappa, lasting = math.exp(-resilience * interval), 1e-3 - 2e-4, 2e-4 * 100.0**2 / 2
    best = model.cost(model.trades(100.0, 1.0, count), interval)
    assert best == pytest.approx(lasting + kappa * 100.0**2 / 2 * (1 + kept) / (2 + (count - 2) * (1 - kept)), rel=1e-9)
    even = model.cost(np.full(count, 100.0 / count), interval)
    pairs = sum((count - k) * kept**k for k in range(1, count))
    assert even == pytest.approx(lasting + kappa * (100.0 / count) ** 2 * (count / 2 + pairs), rel=1e-9)
    assert best <= even * (1 + 1e-12)


def test_ever_more_trades_come_near_two_blocks_and_a_constant_rate() -> None:
    model, count = model_of(10.0, permanent=2e-4), 20_001
    trades = model.trades(100.0, 1.0, count)
    assert model.block(1.0) == pytest.approx(1 / 12, rel=1e-15)
    assert trades[[0, -1]] == pytest.approx(100 / 12, rel=1e-3)
    assert trades[1:-1] * (count - 1) == pytest.approx(10 * 100 / 12, rel=1e-3)
    left = 1 - np.cumsum(trades) / 100
    assert model.remaining(np.linspace(0, 1, count), 1.0) == pytest.approx(left, abs=1e-4)
    exact = 8e-4 * 100.0**2 / 12 + 2e-4 * 100.0**2 / 2
    assert model.cost(trades, 1 / (count - 1)) == pytest.approx(exact, rel=1e-3)


def test_the_last_block_trades_at_the_end_itself() -> None:
    assert model_of(2.0).remaining([-1.0, 0.0, 0.5, 0.999999999, 1.0, 2.0], 1.0) == pytest.approx(
        [0.75, 0.75, 0.5, 0.25, 0.0, 0.0]
    )


def test_a_book_that_comes_back_at_once_is_traded_evenly_and_one_that_never_does_at_both_ends() -> None:
    assert model_of(1e9).trades(12.0, 1.0, 4).tolist() == [3.0, 3.0, 3.0, 3.0]
    assert model_of(1e-12).trades(12.0, 1.0, 4) == pytest.approx([6.0, 0.0, 0.0, 6.0], abs=1e-9)
    assert model_of().trades(12.0, 1.0, 1).tolist() == [12.0]


def test_half_of_a_move_is_gone_after_the_half_life() -> None:
    model = model_of(ObizhaevaWang.resilience_of(0.25))
    at_once, later = model.cost([100.0, 100.0], 1e-12), model.cost([100.0, 100.0], 0.25)
    alone = 2 * model.cost([100.0], 1.0)
    assert (later - alone) / (at_once - alone) == pytest.approx(0.5, rel=1e-9)


@given(resiliences, st.integers(2, 10))
def test_planning_anew_before_every_trade_changes_nothing(resilience, count) -> None:
    kept = math.exp(-resilience / (count - 1))
    left, missing, found = 100.0, 0.0, []
    for i in range(count):
        found.append(first_trade(left, count - i, kept, missing))
        left, missing = left - found[-1], (missing + found[-1]) * kept
    assert found == pytest.approx(model_of(resilience).trades(100.0, 1.0, count), abs=1e-6)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: model_of(0.0), "resilience: must be above zero"),
        (lambda: model_of(depth=-1.0), "depth: must be above zero"),
        (lambda: model_of(permanent=math.nan), "permanent: must be a finite number"),
        (lambda: model_of(permanent=0.001), "permanent: must be below 1 / depth"),
        (lambda: ObizhaevaWang.resilience_of(0.0), "half_life is 0.0"),
        (lambda: model_of().trades(-1.0, 1.0, 2), "quantity is -1.0"),
        (lambda: model_of().trades(1.0, math.inf, 2), "horizon is inf"),
        (lambda: model_of().trades(1.0, 1.0, 0), "count is 0"),
        (lambda: model_of().block(0.0), "horizon is 0.0"),
        (lambda: model_of().remaining([0.0, math.nan], 1.0), "is not a number"),
        (lambda: model_of().cost([[1.0]], 1.0), "trades have shape"),
        (lambda: model_of().cost([math.nan], 1.0), "trade 0 is not a finite number"),
        (lambda: model_of().cost([1.0], -1.0), "interval is -1.0"),
    ],
)
def test_nonsense_is_refused_with_its_value(use, message) -> None:
    with pytest.raises(InputError, match=message):
        use()
