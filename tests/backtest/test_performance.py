"""Figures of a performance: those of empyrical where it has one, None where it has none, and no warning in between."""

import math
from fractions import Fraction

import empyrical
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from simexec.backtest.performance import (
    Drawdown,
    annualised_return,
    calmar_ratio,
    downside_deviation,
    drawdown,
    max_drawdown,
    sharpe_ratio,
    simple_returns,
    sortino_ratio,
    total_return,
    turnover,
    volatility,
)
from simexec.errors import InputError

# Multiples of a tenth of a basis point: a spread of less would be rounding in both implementations.
returns_of_a_portfolio = st.lists(st.integers(-50_000, 80_000).map(lambda tenths: tenths / 1e5), max_size=60)
rates = st.sampled_from([0.0, 0.0001, -0.002, 0.05])
years = st.sampled_from([252, 52, 12, 1, 365, 98_280])


def theirs(value):
    """What empyrical says, None where that is NaN or an infinity."""
    return float(value) if math.isfinite(value) else None


def assert_same(ours, value):
    expected = theirs(value)
    if expected is None:
        assert ours is None
    else:
        assert ours == pytest.approx(expected, rel=1e-9, abs=1e-12)


def assert_all_same(returns, rate=0.0, periods=252):
    array = np.array(returns, dtype=float)
    with np.errstate(over="ignore"):  # theirs
        assert_same(total_return(array), empyrical.cum_returns_final(array))
        assert_same(annualised_return(array, periods), empyrical.annual_return(array, annualization=periods))
        assert_same(calmar_ratio(array, periods), empyrical.calmar_ratio(array, annualization=periods))
    assert_same(max_drawdown(array), empyrical.max_drawdown(array))
    assert_same(volatility(array, periods), empyrical.annual_volatility(array, annualization=periods))
    assert_same(sharpe_ratio(array, rate, periods), empyrical.sharpe_ratio(array, rate, annualization=periods))
    assert_same(downside_deviation(array, rate, periods), empyrical.downside_risk(array, rate, annualization=periods))
    assert_same(sortino_ratio(array, rate, periods), empyrical.sortino_ratio(array, rate, annualization=periods))


@given(returns_of_a_portfolio, rates, years)
@example([], 0.0, 252)
@example([0.01], 0.0, 252)
@example([-0.01], 0.0001, 252)
@example([0.0, 0.0, 0.0], 0.0, 252)
@example([0.0, 0.0, 0.0], 0.05, 252)
@example([0.1, 0.1, 0.1], 0.0, 252)
@example([0.05, 0.05, 0.05], 0.05, 252)
@example([-0.1] * 7, 0.0, 12)
def test_every_figure_is_that_of_empyrical(returns, rate, periods):
    assert_all_same(returns, rate, periods)


@pytest.mark.parametrize("seed", range(20))
def test_every_figure_of_a_random_walk_is_that_of_empyrical(seed):
    rng = np.random.default_rng(seed)
    assert_all_same(rng.normal(0.0005, 0.012, size=rng.integers(2, 3000)), rng.uniform(-0.001, 0.001))


def test_the_figures_of_a_small_series_are_those_computed_by_hand():
    returns = [0.10, -0.20, 0.05]
    assert total_return(returns) == pytest.approx(1.1 * 0.8 * 1.05 - 1)
    assert annualised_return(returns, 12) == pytest.approx((1.1 * 0.8 * 1.05) ** 4 - 1)
    deviation = math.sqrt(sum((r + 0.05 / 3) ** 2 for r in returns) / 2)
    assert volatility(returns, 12) == pytest.approx(deviation * math.sqrt(12))
    assert sharpe_ratio(returns, 0.01, 12) == pytest.approx((-0.05 / 3 - 0.01) / deviation * math.sqrt(12))
    assert downside_deviation(returns, 0.06, 12) == pytest.approx(math.sqrt((0.26**2 + 0.01**2) / 3 * 12))
    assert sortino_ratio(returns, 0.0, 12) == pytest.approx(-0.05 / 3 / math.sqrt(0.2**2 / 3) * math.sqrt(12))
    assert max_drawdown(returns) == pytest.approx(-0.2)
    assert calmar_ratio(returns, 12) == pytest.approx(((1.1 * 0.8 * 1.05) ** 4 - 1) / 0.2)


def test_figures_that_cannot_be_computed_are_none():
    for function in (total_return, annualised_return, max_drawdown, downside_deviation):
        assert function([]) is None
        assert function([0.01]) is not None
    for function in (volatility, sharpe_ratio, sortino_ratio):
        assert function([]) is None
        assert function([-0.01]) is None
        assert function([0.01, -0.02]) is not None
    assert sharpe_ratio([0.1, 0.1, 0.1]) is None
    assert volatility([0.1, 0.1, 0.1]) == 0.0
    assert sortino_ratio([0.1, 0.2]) is None
    assert calmar_ratio([0.1, 0.0]) is None
    assert max_drawdown([0.1, 0.0]) == 0.0


# --- bankruptcy ---


def test_a_bankrupt_account_has_a_total_return_and_no_annualised_one():
    for equity, total, deepest in (([100, 120, 0, 5], -1.0, -1.0), ([100, 120, -60, 5, 700], -1.6, -1.5)):
        returns = simple_returns(equity)
        assert len(returns) == 2
        assert total_return(returns) == pytest.approx(total)
        assert max_drawdown(returns) == pytest.approx(deepest)
        assert annualised_return(returns) is None
        assert calmar_ratio(returns) is None
        assert volatility(returns) > 0
        assert sharpe_ratio(returns) < 0
    assert total_return([-1.0]) == -1.0
    assert total_return([0.5, -1.0, 0.5]) == -1.0


def test_returns_below_minus_one_in_the_middle_compound_as_in_empyrical():
    for returns in (np.array([0.1, -1.5, 0.3, -1.2, 0.4, -0.1]), np.array([0.1, -3.5, 0.3, -1.2, 9.0, -0.1])):
        assert total_return(returns) == pytest.approx(float(empyrical.cum_returns_final(returns)))
        assert max_drawdown(returns) == pytest.approx(float(empyrical.max_drawdown(returns)))


def test_what_follows_bankruptcy_has_no_return():
    assert simple_returns([100, 110, 99]).tolist() == pytest.approx([0.1, -0.1])
    assert simple_returns([100, 0, 50]).tolist() == [-1.0]
    for equity in ([], [100], [0, 100], [-5, 100, 200]):
        assert simple_returns(equity).tolist() == []


# --- extremes ---


@given(st.lists(st.floats(-1e300, 1e300), max_size=30), st.sampled_from([0.0, 0.01]), years)
@example([10.0] * 2000, 0.0, 98_280)
@example([-0.9] * 2000, 0.0, 98_280)
@example([1e300, -1e300, 1e300], 0.0, 252)
@example([1e-300, -1e-300], 0.0, 252)
@example([5e-324, -5e-324, 0.0], 0.0, 252)
@example([-1.0, -1.0], 0.0, 252)
def test_no_returns_overflow_or_give_nan(returns, rate, periods):
    figures = [
        total_return(returns),
        annualised_return(returns, periods),
        volatility(returns, periods),
        sharpe_ratio(returns, rate, periods),
        downside_deviation(returns, rate, periods),
        sortino_ratio(returns, rate, periods),
        max_drawdown(returns),
        calmar_ratio(returns, periods),
    ]
    assert all(figure is None or (type(figure) is float and math.isfinite(figure)) for figure in figures)


def test_ratios_do_not_depend_on_the_scale_of_returns():
    for scale in (1e-300, 1e200):
        returns = np.array([3.0, -1.0, 2.0]) * scale
        assert sharpe_ratio(returns) == pytest.approx(sharpe_ratio([3.0, -1.0, 2.0]))
        assert sortino_ratio(returns) == pytest.approx(sortino_ratio([3.0, -1.0, 2.0]))
        assert volatility(returns) == pytest.approx(volatility([3.0, -1.0, 2.0]) * scale)


def test_a_total_beyond_the_largest_float_is_none_and_its_annualised_one_is_not():
    assert total_return([10.0] * 2000) is None
    assert annualised_return([10.0] * 2000, 1) == pytest.approx(10.0)
    assert annualised_return([0.5], 98_280) is None


# --- drawdown of an equity ---


def falls_of(equity):
    """Every fall from the highest value before, with the place of both: exact, and quadratic."""
    for low_at, low in enumerate(equity):
        peak = max(equity[: low_at + 1])
        if low < peak:
            peak_at = max(place for place in range(low_at) if equity[place] == peak)
            recovered = next((place for place in range(low_at, len(equity)) if equity[place] >= peak), None)
            yield peak, low, peak_at, low_at, recovered


@given(st.lists(st.integers(-5, 30), max_size=25))
@example([3, 3, 1, 1, 3, 0, 5])
def test_the_deepest_drawdown_is_that_of_a_search_over_all_pairs(equity):
    times = [100 + 7 * place for place in range(len(equity))]
    falls = [fall for fall in falls_of(equity) if fall[0] > 0]
    found = drawdown(np.array(times, dtype=np.int64), np.array(equity, dtype=np.int64))
    if not falls:
        assert found is None
        return
    peak, low, peak_at, low_at, recovered = min(falls, key=lambda fall: (Fraction(fall[1], fall[0]), fall[3]))
    assert found == Drawdown(
        depth=(low - peak) / peak,
        amount=low - peak,
        peak_ns=times[peak_at],
        trough_ns=times[low_at],
        recovery_ns=None if recovered is None else times[recovered],
    )


def test_the_drawdown_of_an_equity_is_the_maximum_drawdown_of_its_returns():
    equity = 1000 * np.cumprod(1 + np.random.default_rng(5).normal(0.0003, 0.02, 500))
    found = drawdown(np.arange(500), equity)
    assert found is not None
    assert found.depth == pytest.approx(max_drawdown(simple_returns(equity)))
    assert found.amount == pytest.approx(equity[found.trough_ns] - equity[found.peak_ns])


def test_whole_numbers_beyond_the_precision_of_a_float_are_told_apart():
    large = 2**62
    found = drawdown([1, 2, 3, 4], np.array([large, large - 1, large, large - 2], dtype=np.int64))
    assert found is not None
    assert (found.amount, found.trough_ns) == (-2, 4)


# --- turnover ---


def test_buying_for_the_whole_equity_and_selling_it_again_is_a_turnover_of_one():
    assert turnover(traded_value=2_000, mean_equity=1_000) == 1.0
    assert turnover(0, 1_000) == 0.0
    assert turnover(2_000, 0) is None
    assert turnover(2_000, -10) is None


# --- refusals ---


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: total_return([0.1, math.nan]), "return 1 is nan; give finite numbers only"),
        (lambda: volatility([math.inf]), "return 0 is inf"),
        (lambda: sharpe_ratio([[0.1], [0.2]]), r"shape \(2, 1\)"),
        (lambda: total_return(["much"]), "are not numbers"),
        (lambda: total_return(0.1), r"shape \(\)"),
        (lambda: sharpe_ratio([0.1, 0.2], math.nan), "risk-free rate nan"),
        (lambda: sortino_ratio([0.1, 0.2], math.inf), "required return inf"),
        (lambda: sharpe_ratio([-1.7e308, 0.2], 1e308), "excess return 0 is -inf"),
        (lambda: annualised_return([0.1], 0), "periods a year 0 is not"),
        (lambda: volatility([0.1, 0.2], math.inf), "periods a year inf is not"),
        (lambda: simple_returns([1, math.nan]), "equity 1 is nan"),
        (lambda: simple_returns([1e-300, 1e300]), "return 0 is inf"),
        (lambda: drawdown([1, 2], [5]), "2 times do not fit 1 values"),
        (lambda: drawdown([1, 1], [5, 4]), "time 1 ns of an equity comes after 1 ns"),
        (lambda: drawdown([1, 2], [5, math.nan]), "equity 1 is nan"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_value(call, message):
    with pytest.raises(InputError, match=message):
        call()
