"""What today's volume says of the rest: between the curve's own word and today's alone, and never a division by zero."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.errors import InputError
from simexec.models.volume_curve import VolumeCurve
from simexec.models.volume_forecast import VolumeForecast

volumes = st.lists(st.integers(0, 1000), min_size=10, max_size=10).filter(any)
times = st.lists(st.integers(-50, 1050), min_size=4, max_size=4).map(sorted)
observations = st.integers(0, 10**6)
prior_weights = st.sampled_from([0.0, 0.01, 0.25, 3.0])


def curve_of(weights, total=1000.0) -> VolumeCurve:
    return VolumeCurve(np.arange(len(weights) + 1) * 100, weights, total)


@given(volumes, times, observations, prior_weights)
def test_the_estimate_lies_between_the_curves_and_todays_alone(weights, moments, observed, prior_weight) -> None:
    since, now, _, end = moments
    curve = curve_of(weights)
    found = VolumeForecast(curve, prior_weight).remaining(since, now, end, observed)
    static = 1000 * float(curve.fraction(now, end))
    seen = float(curve.fraction(since, now))
    if seen == 0:
        if observed == 0 or prior_weight == 0:
            assert found == pytest.approx(static, rel=1e-12)
        return
    adaptive = observed / seen * float(curve.fraction(now, end))
    assert min(static, adaptive) * (1 - 1e-9) <= found <= max(static, adaptive) * (1 + 1e-9)
    if prior_weight == 0:
        assert found == pytest.approx(adaptive, rel=1e-9)


def test_the_prior_counts_as_much_as_its_weight_of_a_session() -> None:
    forecast = VolumeForecast(VolumeCurve.uniform(0, 1000, total=1000.0), prior_weight=0.1)
    assert forecast.level(0, 0, 0) == 1.0
    assert forecast.level(0, 100, 300) == pytest.approx(2.0)  # halfway from the curve's 1 to today's 3
    assert forecast.level(0, 900, 2700) == pytest.approx(2.8)
    assert forecast.remaining(0, 100, 1000, 300) == pytest.approx(1800)
    assert forecast.level(400, 500, 300) == pytest.approx(2.0)


@given(volumes, times, observations, prior_weights, st.sampled_from([None, 1000.0]))
def test_what_is_due_grows_from_what_has_traded_to_everything(weights, moments, observed, prior_weight, total) -> None:
    since, now, until, end = moments
    forecast = VolumeForecast(curve_of(weights, total), prior_weight)
    shares = [forecast.share_due(since, now, time, end, observed) for time in (now, until, end)]
    assert all(0 <= share <= 1 for share in shares)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@given(volumes, times, observations, st.sampled_from([(0.0, 1000.0), (0.25, None)]))
def test_without_a_total_or_without_trust_in_it_the_share_due_is_the_curves(weights, moments, observed, known) -> None:
    since, now, until, end = moments
    prior_weight, total = known
    curve = curve_of(weights, total)
    whole, seen = float(curve.fraction(since, end)), float(curve.fraction(since, now))
    if whole == 0 or until == end or (total and seen == 0):
        return
    due = VolumeForecast(curve, prior_weight).share_due(since, now, until, end, observed)
    assert due == pytest.approx(float(curve.fraction(since, until)) / whole, abs=1e-9)


def test_more_volume_than_expected_makes_more_of_the_order_due() -> None:
    forecast = VolumeForecast(VolumeCurve.uniform(0, 1000, total=1000.0), prior_weight=0.5)
    slow, usual, fast = (forecast.share_due(0, 500, 600, 1000, observed) for observed in (100, 500, 1500))
    assert usual == pytest.approx(0.6)
    assert slow == pytest.approx((100 + 0.6 * 100) / (100 + 0.6 * 500))
    assert fast == pytest.approx((1500 + 2 * 100) / (1500 + 2 * 500))
    assert slow < usual < fast


@pytest.mark.parametrize("prior_weight", [0.0, 0.5])
def test_a_market_without_trades_leaves_a_share_due(prior_weight) -> None:
    forecast = VolumeForecast(VolumeCurve.uniform(0, 1000, total=1000.0), prior_weight)
    assert 0 < forecast.share_due(0, 500, 750, 1000, 0) < 1
    assert forecast.remaining(0, 500, 1000, 0) == pytest.approx(500 * prior_weight)


@pytest.mark.parametrize("observed", [0, 300])
def test_where_the_curve_expects_nothing_the_share_due_is_that_of_time(observed) -> None:
    forecast = VolumeForecast(VolumeCurve.uniform(0, 100, total=1000.0), 0.1)
    assert forecast.share_due(200, 250, 300, 600, observed) == 0.25


def test_a_curve_without_total_has_no_level() -> None:
    forecast = VolumeForecast(VolumeCurve.uniform(0, 1000), 0.1)
    assert forecast.level(0, 500, 10) is None
    assert forecast.remaining(0, 500, 1000, 10) is None


@given(st.floats(0.2, 5), st.integers(1, 99))
def test_a_day_that_is_busier_throughout_is_recognised(level, percent) -> None:
    curve = VolumeCurve.u_shaped(0, 10**6, 0.6, total=1e6)
    now = percent * 10**4
    observed = level * 1e6 * float(curve.fraction(0, now))
    found = VolumeForecast(curve, 0.05).level(0, now, observed)
    assert abs(found - level) <= abs(1 - level) * 0.05 / (0.05 + float(curve.fraction(0, now))) + 1e-9


@pytest.mark.parametrize("observed", [-1, math.nan, math.inf])
def test_nonsense_is_refused_with_its_value(observed) -> None:
    with pytest.raises(InputError, match=f"observed volume {observed}"):
        VolumeForecast(VolumeCurve.uniform(0, 1000), 0.1).share_due(0, 500, 600, 1000, observed)
    with pytest.raises(InputError, match="prior_weight of VolumeForecast is -1"):
        VolumeForecast(VolumeCurve.uniform(0, 1000), -1.0)
