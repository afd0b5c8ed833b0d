"""Mid-points by time, and sums that do not round."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.analysis.decimate import QuoteBand
from simexec.analysis.quotes import NO_MID, MidPrices, weighted_mean, weighted_sum

sizes = st.integers(0, 3)
rows = st.lists(
    st.tuples(st.integers(0, 40), st.integers(10, 20), sizes, st.integers(21, 30), sizes), min_size=1, max_size=20
).map(lambda found: np.array(sorted(found, key=lambda row: row[0]), np.int64))


def naive_mid(quotes, time, *, before):
    """Twice the mid-point that held at a time, by looking at every row."""
    held = [row for row in quotes.tolist() if (row[0] < time if before else row[0] <= time)]
    if not held or not (held[-1][2] and held[-1][4]):
        return NO_MID
    return held[-1][1] + held[-1][3]


@given(rows, st.lists(st.integers(-2, 50), min_size=1))
def test_a_mid_is_that_of_the_last_quote_before_or_at_the_time(quotes, times):
    mids, column = MidPrices(quotes, until_ns=45), np.array(times, np.int64)
    assert mids.before(column).tolist() == [naive_mid(quotes, time, before=True) for time in times]
    assert mids.after(column).tolist() == [
        naive_mid(quotes, time, before=False) if time <= 45 else NO_MID for time in times
    ]


@given(rows, st.integers(-2, 50))
def test_the_last_mid_says_whether_it_still_holds(quotes, time):
    found, now = MidPrices(quotes, 100).last(time), naive_mid(quotes, time, before=False)
    if now != NO_MID:
        assert found == (now, True)
    else:
        earlier = [row[1] + row[3] for row in quotes.tolist() if row[0] <= time and row[2] and row[4]]
        assert found == ((earlier[-1], False) if earlier else None)


@given(rows, st.integers(0, 40), st.integers(1, 40))
def test_the_time_weighted_mid_is_the_mean_over_every_moment_with_two_sides(quotes, start, length):
    moments = [naive_mid(quotes, time, before=False) for time in range(start, start + length)]
    known = [half for half in moments if half != NO_MID]
    expected = Fraction(sum(known), 2 * len(known)) if known else None
    assert MidPrices(quotes, 100).time_weighted(start, start + length) == expected


def test_a_moment_has_the_mid_that_holds_then():
    mids = MidPrices(np.array([(5, 10, 1, 12, 1), (9, 10, 0, 12, 1)], np.int64), 100)
    assert (mids.time_weighted(5, 5), mids.time_weighted(4, 4), mids.time_weighted(9, 9)) == (11, None, None)


@pytest.mark.parametrize("size", [3, 2**20, 2**40, 2**61])
def test_sums_are_exact_also_beyond_64_bits(size):
    values, weights = np.array([size, size - 1, 7], np.int64), np.array([size, 3, size - 5], np.int64)
    exact = sum(value * weight for value, weight in zip(values.tolist(), weights.tolist(), strict=True))
    assert weighted_sum(values, weights) == exact
    assert weighted_mean(values, weights, 2) == Fraction(exact, 2 * sum(weights.tolist()))


def test_there_is_no_mean_of_nothing():
    nothing = np.empty(0, np.int64)
    assert weighted_mean(nothing, nothing) is None


@given(rows, st.integers(1, 60))
def test_no_spike_is_lost_between_the_pixels(quotes, bins):
    band = QuoteBand.of(quotes, 0, 60, bins)
    for i, (start, end) in enumerate(zip(band.edge_ns[:-1], band.edge_ns[1:], strict=True)):
        held = [row for row in quotes.tolist() if row[0] <= start][-1:]
        held += [row for row in quotes.tolist() if start < row[0] < end]
        bids, asks = [row[1] for row in held if row[2]], [row[3] for row in held if row[4]]
        assert band.lowest_bid_quanta[i] == pytest.approx(min(bids, default=np.nan), nan_ok=True)
        assert band.highest_ask_quanta[i] == pytest.approx(max(asks, default=np.nan), nan_ok=True)
