"""Almgren and Chriss (2000): the paper's example, the limits of its formulas, and its cost by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from simexec.errors import InputError
from simexec.models.almgren_chriss import AlmgrenChriss

SHARES, DAYS, INTERVALS = 1e6, 5.0, 5
RISK_AVERSIONS = (0.0, 1e-6, 2e-6)


def papers_model(risk_aversion: float = 1e-6, **changes: float) -> AlmgrenChriss:
    parameters = {"volatility": 0.95, "half_spread": 0.0625, "permanent": 2.5e-7, "temporary": 2.5e-6, **changes}
    return AlmgrenChriss(risk_aversion=risk_aversion, **parameters)


def trades_of(model: AlmgrenChriss) -> np.ndarray:
    return -np.diff(model.holdings(SHARES, DAYS, INTERVALS))


@pytest.mark.parametrize(
    ("risk_aversion", "holdings", "mean", "variance"),
    [
        (0.0, [800_000, 600_000, 400_000, 200_000, 0], 662_500, 1.0830e12),
        (1e-6, [541_956, 289_854, 147_897, 62_142, 0], 911_227, 3.6413e11),
        (2e-6, [428_599, 182_933, 76_296, 27_643, 0], 1_140_715, 2.0193e11),
    ],
)
def test_the_papers_example_is_reproduced_to_the_share(risk_aversion, holdings, mean, variance) -> None:
    model = papers_model(risk_aversion)
    assert np.rint(model.holdings(SHARES, DAYS, INTERVALS)).tolist() == [SHARES, *holdings]
    assert round(model.expected_cost(trades_of(model), 1.0)) == mean
    assert float(f"{model.cost_variance(trades_of(model), 1.0):.4e}") == variance


@pytest.mark.parametrize("risk_aversion", RISK_AVERSIONS)
def test_no_other_schedule_weighs_cost_and_risk_better(risk_aversion) -> None:
    model = papers_model(risk_aversion)

    def utility(parts):
        trades = SHARES * np.append(parts, 1 - sum(parts))
        mean, variance = model.expected_cost(trades, 1.0), model.cost_variance(trades, 1.0)
        return (mean + risk_aversion * variance) / 1e6

    best = minimize(utility, np.full(INTERVALS - 1, 0.2), options={"gtol": 1e-9})
    assert trades_of(model)[:-1] / SHARES == pytest.approx(best.x, abs=1e-6)


def test_without_risk_aversion_the_order_is_traded_evenly() -> None:
    model = papers_model(0.0)
    assert model.holdings(9.0, 2.0, 3).tolist() == [9.0, 6.0, 3.0, 0.0]
    assert model.remaining([0.0, 0.25, 1.0], 2.0).tolist() == [1.0, 0.75, 0.0]
    assert model.half_life() == math.inf


def test_a_vanishing_risk_aversion_nears_the_straight_line_without_losing_digits() -> None:
    even = papers_model(0.0).holdings(SHARES, DAYS, 100)
    for risk_aversion in (1e-300, 1e-100, 1e-30, 1e-18):
        assert papers_model(risk_aversion).holdings(SHARES, DAYS, 100) == pytest.approx(even, rel=1e-9, abs=1e-9)


def test_a_huge_risk_aversion_trades_all_at_once_and_overflows_nothing() -> None:
    model = papers_model(1e12, temporary=1e-6, permanent=0.0)
    for horizon in (1.0, 1e9, 1e250):
        assert model.holdings(SHARES, horizon, 4) == pytest.approx([SHARES, 0, 0, 0, 0], abs=1e-6)
        assert model.remaining([0.0, 0.5, 1.0], horizon).tolist() == [1.0, 0.0, 0.0]


def test_one_interval_trades_everything_in_it() -> None:
    assert papers_model().holdings(100.0, 5.0, 1).tolist() == [100.0, 0.0]


@given(st.floats(0, 1e3), st.floats(1e-3, 1e3), st.integers(1, 300))
def test_holdings_fall_from_the_quantity_to_zero(risk_aversion, horizon, intervals) -> None:
    holdings = papers_model(risk_aversion, permanent=0.0).holdings(SHARES, horizon, intervals)
    assert (holdings[0], holdings[-1]) == (SHARES, 0.0)
    assert (np.diff(holdings) <= 0).all()


def test_many_intervals_come_near_the_trajectory_without_intervals() -> None:
    model = papers_model()
    holdings = model.holdings(1.0, DAYS, 20_000)
    assert model.remaining(np.linspace(0, 1, 20_001), DAYS) == pytest.approx(holdings, abs=2e-5)
    kappa = model.kappa()
    assert float(model.remaining(0.3, DAYS)) == pytest.approx(math.sinh(kappa * 3.5) / math.sinh(kappa * 5), rel=1e-12)


def test_before_the_beginning_all_is_left_and_after_the_end_nothing() -> None:
    assert papers_model().remaining([-0.1, 1.1], DAYS).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("interval", [0.0, 1.0])
def test_urgency_solves_its_equation_and_its_inverse_gives_the_risk_aversion_back(interval) -> None:
    model = papers_model()
    kappa, eta = model.kappa(interval), 2.5e-6 - 2.5e-7 * interval / 2
    rate = 1e-6 * 0.95**2 / eta
    assert (2 * (math.cosh(kappa * interval) - 1) / interval**2 if interval else kappa**2) == pytest.approx(
        rate, rel=1e-12
    )
    assert model.half_life(interval) == 1 / kappa
    again = papers_model(0.0).with_half_life(1 / kappa, interval)
    assert again.risk_aversion == pytest.approx(1e-6, rel=1e-12)


def test_a_half_life_of_the_horizon_leaves_what_the_closed_form_says() -> None:
    model = papers_model().with_half_life(0.5)
    assert float(model.remaining(0.1, 50.0)) == pytest.approx(math.exp(-10), rel=1e-9)


@pytest.mark.parametrize("risk_aversion", RISK_AVERSIONS)
def test_an_antithetic_pair_costs_the_expected_cost_on_average(risk_aversion) -> None:
    model = papers_model(risk_aversion)
    trades, normals = trades_of(model), np.random.default_rng(1).standard_normal((1000, INTERVALS))
    pairs = (model.simulated_cost(trades, 1.0, normals) + model.simulated_cost(trades, 1.0, -normals)) / 2
    assert pairs == pytest.approx(model.expected_cost(trades, 1.0), rel=1e-12)


@pytest.mark.parametrize(
    ("batches", "paths"),
    [
        pytest.param(50, 1_000, id="quick"),
        pytest.param(100, 100_000, id="full", marks=pytest.mark.validate),
    ],
)
@pytest.mark.parametrize("risk_aversion", RISK_AVERSIONS)
def test_simulated_costs_have_the_mean_and_variance_of_the_closed_forms(risk_aversion, batches, paths) -> None:
    model = papers_model(risk_aversion)
    trades, rng = trades_of(model), np.random.default_rng(6)
    costs = [model.simulated_cost(trades, 1.0, rng.standard_normal((paths, INTERVALS))) for _ in range(batches)]
    for found, exact in (
        ([float(cost.mean()) for cost in costs], model.expected_cost(trades, 1.0)),
        ([float(cost.var(ddof=1)) for cost in costs], model.cost_variance(trades, 1.0)),
    ):
        error = float(np.std(found, ddof=1)) / math.sqrt(batches)
        assert error <= 0.01 * exact
        assert abs(float(np.mean(found)) - exact) <= 4 * error


def test_a_sale_and_a_purchase_cost_the_same() -> None:
    model, trades, normals = papers_model(), np.array([5e5, 0.0, 5e5]), np.array([1.0, -2.0, 0.5])
    assert model.expected_cost(-trades, 1.0) == model.expected_cost(trades, 1.0)
    assert model.cost_variance(-trades, 1.0) == model.cost_variance(trades, 1.0)
    assert model.simulated_cost(-trades, 1.0, -normals) == model.simulated_cost(trades, 1.0, normals)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: papers_model(volatility=0.0), "volatility: must be above zero"),
        (lambda: papers_model(temporary=-1.0), "temporary: must be above zero"),
        (lambda: papers_model(half_spread=float("nan")), "half_spread: must be a finite number"),
        (lambda: papers_model(permanent=-1.0), "permanent: must not be below zero"),
        (lambda: papers_model(-1e-6), "risk_aversion: must not be below zero"),
        (lambda: papers_model().holdings(0.0, 5.0, 5), "quantity is 0.0"),
        (lambda: papers_model().holdings(1.0, math.nan, 5), "horizon is nan"),
        (lambda: papers_model().holdings(1.0, 5.0, 0), "intervals is 0"),
        (lambda: papers_model().holdings(1.0, 5.0, 2.5), "intervals is 2.5"),
        (lambda: papers_model().holdings(1.0, 100.0, 1), "shorten the intervals, or raise temporary"),
        (lambda: papers_model(0.0).holdings(1.0, 21.0, 1), "temporary 2.5e-06 is not above"),
        (lambda: papers_model().kappa(-1.0), "interval is -1.0"),
        (lambda: papers_model().remaining(math.nan, 5.0), "elapsed fraction nan is not a number"),
        (lambda: papers_model().with_half_life(0.0), "half_life is 0.0"),
        (lambda: papers_model().with_half_life(1e-4, 1.0), "half_life 0.0001 needs a risk aversion beyond all bounds"),
        (lambda: papers_model().expected_cost([], 1.0), "trades have shape"),
        (lambda: papers_model().expected_cost([1.0, math.inf], 1.0), "trade 1 is not a finite number"),
        (lambda: papers_model().cost_variance([1.0], 0.0), "interval is 0.0"),
        (lambda: papers_model().simulated_cost([1.0, 2.0], 1.0, [0.0]), "normals have shape"),
    ],
)
def test_nonsense_is_refused_with_its_value(use, message) -> None:
    with pytest.raises(InputError, match=message):
        use()
