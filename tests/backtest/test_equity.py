"""The equity curve: exact figures whatever is dropped, closes of days where clocks change, and points evenly spread."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from simexec.backtest.equity import EquityCurve, LocalDays, SessionDays
from simexec.backtest.performance import drawdown, simple_returns
from simexec.errors import InputError
from simexec.sim.clock import DAY, HOUR, MINUTE, SECOND

UNIX = datetime(1970, 1, 1, tzinfo=UTC)
NEW_YORK = "America/New_York"

# Steps of 0 replace the point before; equity may go below zero and exposure be nothing.
feeds = st.lists(st.tuples(st.integers(0, 9), st.integers(-3, 12), st.integers(0, 3)), max_size=60)
limits = st.sampled_from([None, 2, 3, 4, 5, 8, 13])


def points_of(feed):
    """Points as the curve is told them."""
    time_ns = 1_000
    for step, equity, exposure in feed:
        time_ns += step
        yield time_ns, equity, exposure * 10


def curve_of(points, limit=None, days=None):
    curve = EquityCurve(limit, days)
    for point in points:
        curve.add(*point)
    return curve


def standing(points):
    """The last point of each time."""
    return list({time_ns: (time_ns, equity, exposure) for time_ns, equity, exposure in points}.values())


@given(feeds, limits)
@example([(0, 50, 1), (0, 90, 1), (3, 20, 0), (0, 95, 2)], 2)
@example([(0, 5, 0), (1, 9, 0), (0, 4, 0), (1, 8, 0)], None)
def test_statistics_are_those_of_all_points_whatever_was_dropped(feed, limit):
    points = list(points_of(feed))
    found = curve_of(points, limit).statistics()
    stand = standing(points)
    if not stand:
        assert found is None
        return
    times, equity, _ = zip(*stand, strict=True)
    spans = [(late[0] - early[0], *early[1:]) for early, late in pairwise(stand)]
    length, solvent = sum(span for span, _, _ in spans), sum(span for span, worth, _ in spans if worth > 0)
    assert found.points == len(stand)
    assert (found.first_ns, found.first_equity) == (times[0], equity[0])
    assert (found.last_ns, found.last_equity) == (times[-1], equity[-1])
    assert found.drawdown == drawdown(times, equity)
    largest = min((low - max(equity[: at + 1]) for at, low in enumerate(equity)), default=0)
    assert (found.largest_drawdown.amount if found.largest_drawdown else 0) == largest
    if length == 0:
        assert (found.mean_equity, found.mean_exposure, found.invested) == (None, None, None)
        return
    assert found.mean_equity == pytest.approx(float(Fraction(sum(span * worth for span, worth, _ in spans), length)))
    assert found.invested == pytest.approx(sum(span for span, _, exposure in spans if exposure) / length)
    if solvent:
        fractions = sum(Fraction(span * exposure, worth) for span, worth, exposure in spans if worth > 0)
        assert found.mean_exposure == pytest.approx(float(fractions / solvent))
    else:
        assert found.mean_exposure is None


@given(feeds, limits)
def test_points_that_are_kept_are_evenly_spread_with_the_first_and_the_last(feed, limit):
    points = list(points_of(feed))
    curve, stand = curve_of(points, limit), standing(points)
    kept = list(zip(curve.times_ns.tolist(), curve.equity.tolist(), curve.exposure.tolist(), strict=True))
    assert len(kept) == len(curve)
    if limit is None:
        assert kept == stand
        return
    assert len(kept) <= limit
    if stand:
        places = [stand.index(point) for point in kept]
        assert places[0] == 0
        assert places[-1] == len(stand) - 1
        gaps = {late - early for early, late in pairwise(places[:-1])}
        assert len(gaps) <= 1
        stride = gaps.pop() if gaps else len(stand)
        assert stride & (stride - 1) == 0 or len(kept) <= 2
        # No thinner than it must be: at half the stride there would be too many.
        assert len(kept) <= 2 or stride == 1 or len(stand) / (stride / 2) > limit - 1


def test_hundreds_of_thousands_of_points_fit_a_small_limit_and_lose_no_figure():
    rng = np.random.default_rng(3)
    equity = 10**9 + np.cumsum(rng.integers(-1000, 1001, 200_000))
    curve = EquityCurve(1_000)
    for time_ns, worth in enumerate(equity.tolist()):
        curve.add(time_ns * MINUTE, worth, worth // 2)
    found = curve.statistics()
    assert 500 <= len(curve) <= 1_000
    assert found.points == 200_000
    assert found.drawdown == drawdown(np.arange(200_000) * MINUTE, equity)
    assert found.mean_equity == pytest.approx(equity[:-1].mean(), rel=1e-12)
    assert found.mean_exposure == pytest.approx(0.5, rel=1e-8)
    assert found.invested == 1.0


def test_a_drawdown_that_is_deepest_in_money_need_not_be_in_fractions():
    curve = curve_of([(1, 100, 0), (2, 50, 0), (3, 1000, 0), (4, 900, 0)])
    found = curve.statistics()
    assert (found.drawdown.depth, found.drawdown.amount, found.drawdown.recovery_ns) == (-0.5, -50, 3)
    assert (found.largest_drawdown.depth, found.largest_drawdown.amount) == (-0.1, -100)
    assert found.largest_drawdown.recovery_ns is None


def test_of_several_drawdowns_that_are_equally_great_the_first_is_told():
    found = curve_of([(1, 100, 0), (2, 90, 0), (3, 90, 0), (4, 100, 0), (5, 90, 0)]).statistics()
    assert found.drawdown == found.largest_drawdown
    assert (found.drawdown.peak_ns, found.drawdown.trough_ns, found.drawdown.recovery_ns) == (1, 2, 4)


def test_a_fall_from_a_peak_that_is_not_positive_has_no_depth():
    found = curve_of([(1, -5, 0), (2, -8, 0)]).statistics()
    assert found.drawdown is None
    assert (found.largest_drawdown.depth, found.largest_drawdown.amount) == (None, -3)


def test_reading_changes_nothing():
    points = list(points_of([(1, 50, 1), (2, 40, 2), (0, 60, 0), (3, 58, 1), (1, 59, 3)]))
    read, unread = EquityCurve(3), EquityCurve(3)
    for point in points:
        read.add(*point)
        unread.add(*point)
        assert read.statistics() == read.statistics()
        assert len(read.equity) == len(read)
    assert read.statistics() == unread.statistics()
    assert read.equity.tolist() == unread.equity.tolist()


def test_arrays_are_whole_numbers_of_64_bits_and_copies():
    curve = EquityCurve(days=SessionDays([10]))
    for array in (curve.times_ns, curve.equity, curve.exposure, curve.closes, curve.close_times_ns):
        assert (array.dtype, len(array)) == (np.int64, 0)
    curve.add(1, 5, 0)
    before = curve.equity
    curve.add(2, 6, 0)
    assert before.tolist() == [5]
    for array in (curve.times_ns, curve.equity, curve.exposure, curve.closes, curve.close_times_ns):
        assert array.dtype == np.int64


# --- days ---


def local_date(epoch, time_ns, zone):
    return (epoch.astimezone(UTC) + timedelta(microseconds=time_ns // 1000)).astimezone(ZoneInfo(zone)).date()


@pytest.mark.parametrize(
    ("day", "hours"), [((2024, 3, 9), 24), ((2024, 3, 10), 23), ((2024, 6, 1), 24), ((2024, 11, 3), 25)]
)
def test_a_local_day_is_as_long_as_its_clocks_make_it(day, hours):
    midnight = datetime(*day, tzinfo=ZoneInfo(NEW_YORK))
    days = LocalDays(midnight, NEW_YORK)
    assert days.end_after(0) == hours * HOUR
    assert days.end_after(hours * HOUR - 1) == hours * HOUR
    assert days.end_after(hours * HOUR) > hours * HOUR


def test_the_epoch_may_lie_in_another_zone_and_off_the_second():
    epoch = datetime(2024, 3, 9, 12, 0, 0, 250, tzinfo=UTC)  # 7:00 in New York
    assert LocalDays(epoch, NEW_YORK).end_after(0) == 17 * HOUR - 250_000
    assert LocalDays(epoch, NEW_YORK).end_after(-8 * HOUR) == -7 * HOUR - 250_000
    assert LocalDays(epoch).end_after(0) == 12 * HOUR - 250_000


# Sao Paulo and Havana changed clocks at midnight, St John's at 0:01, Apia left out a day.
ZONES = ["UTC", NEW_YORK, "Europe/London", "America/Sao_Paulo", "America/Havana", "America/St_Johns", "Pacific/Apia"]


@given(st.sampled_from(ZONES), st.integers(0, 40 * 365 * 24 * 12))
def test_a_local_day_ends_where_the_date_changes(zone, five_minutes):
    epoch = datetime(1985, 1, 1, tzinfo=UTC)
    time_ns = five_minutes * 5 * MINUTE
    end = LocalDays(epoch, zone).end_after(time_ns)
    assert time_ns < end <= time_ns + 25 * HOUR
    assert local_date(epoch, end - SECOND, zone) < local_date(epoch, end + MINUTE, zone) or zone == "America/St_Johns"
    assert local_date(epoch, end - SECOND, zone) == local_date(epoch, time_ns, zone) or zone == "America/St_Johns"


def test_days_go_on_where_midnight_comes_twice():
    # St John's, 29 October 2006: at 0:01 clocks went back to 23:01 of the 28th.
    zone = ZoneInfo("America/St_Johns")
    epoch = datetime(2006, 10, 28, tzinfo=zone)
    days = LocalDays(epoch, "America/St_Johns")
    first = days.end_after(0)
    assert first == DAY
    assert days.end_after(first + MINUTE) == 25 * HOUR  # 23:01 again
    assert days.end_after(25 * HOUR) == 49 * HOUR


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 100)), min_size=1, max_size=40), st.integers(0, 30), limits
)
def test_closes_are_the_last_points_of_local_days(feed, begin, limit):
    epoch = datetime(2024, 3, 8, tzinfo=ZoneInfo(NEW_YORK))  # clocks change on the second day after
    time_ns, points = begin * HOUR, []
    for hours, equity in feed:
        time_ns += hours * HOUR
        points.append((time_ns, equity, 0))
    curve = curve_of(points, limit, LocalDays(epoch, NEW_YORK))
    # At midnight a day is over, unless nothing was before.
    closes = {}
    for point in standing(points):
        closes[local_date(epoch, point[0] - (point[0] > points[0][0]), NEW_YORK)] = point[:2]
    assert list(zip(curve.close_times_ns.tolist(), curve.closes.tolist(), strict=True)) == list(closes.values())
    expected = simple_returns([standing(points)[0][1], *(equity for _, equity in closes.values())])
    assert curve.daily_returns().tolist() == expected.tolist()


def test_closes_of_sessions_include_the_point_at_the_close():
    days = SessionDays([100, 200])
    curve = curve_of([(10, 1, 0), (100, 2, 0), (150, 3, 0), (201, 4, 0), (900, 5, 0)], days=days)
    assert curve.close_times_ns.tolist() == [100, 150, 900]
    assert curve.closes.tolist() == [2, 3, 5]
    assert curve.daily_returns().tolist() == pytest.approx([1.0, 0.5, 2 / 3])


def test_a_day_without_points_has_no_close():
    curve = curve_of([(10, 1, 0), (200, 2, 0), (300, 3, 0)], days=SessionDays([100, 200, 300]))
    assert curve.close_times_ns.tolist() == [10, 200, 300]


def test_a_curve_without_days_has_no_closes():
    curve = curve_of([(1, 5, 0), (2, 6, 0)])
    assert curve.closes.tolist() == []
    with pytest.raises(InputError, match="without days has no daily returns"):
        curve.daily_returns()
    assert EquityCurve(days=SessionDays([10])).daily_returns().tolist() == []


# --- refusals ---


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ((6, 5, 0), "equity at 6 ns comes after that at 7 ns"),
        ((7, 5, -1), "exposure -1 at 7 ns is not possible"),
        ((8, 2**63, 0), "below 2"),
        ((8, 5, 2**63), "below 2"),
        ((2**63, 5, 0), "below 2"),
        ((8, 5.0, 0), "equity 5.0 is not"),
        ((8, 5, "1"), "exposure '1' is not"),
        ((8.0, 5, 0), "is a float"),
        ((8, True, 0), "equity True"),
    ],
)
def test_a_point_that_makes_no_sense_is_refused_and_leaves_the_curve_as_it_was(point, message):
    curve = curve_of([(3, 9, 1), (7, 8, 1)], limit=2)
    before = curve.statistics()
    with pytest.raises(InputError, match=message):
        curve.add(*point)
    assert curve.statistics() == before
    assert curve.times_ns.tolist() == [3, 7]


def test_integers_of_numpy_become_those_of_python():
    curve = EquityCurve()
    for time_ns in (0, 2**40):
        curve.add(np.int64(time_ns), np.int64(2**50), np.int64(2**50))  # whose product with a time would overflow
    assert curve.statistics().mean_equity == 2**50


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EquityCurve(1), "limit of an equity curve 1 is less than 2"),
        (lambda: EquityCurve(2.5), "limit of an equity curve 2.5"),
        (lambda: LocalDays(datetime(2024, 1, 1)), "is not a datetime with a time zone"),
        (lambda: LocalDays("2024-01-01"), "'2024-01-01' is not a datetime"),
        (lambda: LocalDays(UNIX, "Mars/Olympus"), "'Mars/Olympus' is unknown"),
        (lambda: LocalDays(UNIX, 5), "time zone 5 is unknown"),
        (lambda: SessionDays([5, 5]), "close 5 ns of a session comes after 5 ns"),
        (lambda: SessionDays([5.0]), "is a float"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_their_value(make, message):
    with pytest.raises(InputError, match=message):
        make()
