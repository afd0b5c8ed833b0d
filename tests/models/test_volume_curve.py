"""A volume curve from every source against plain counting, and its inverse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.errors import DataError, InputError
from simexec.models.volume_curve import VolumeCurve
from simexec.sim.clock import HOUR, MINUTE, SECOND

OPEN, CLOSE = 19 * HOUR // 2, 16 * HOUR

weights = st.lists(st.integers(0, 1000), min_size=1, max_size=8).filter(any)
gaps = st.lists(st.integers(1, 10**13), min_size=8, max_size=8)
fractions = st.floats(0, 1)


@st.composite
def curves(draw):
    volumes = draw(weights)
    edges = np.cumsum([draw(st.integers(-(10**15), 10**15)), *draw(gaps)[: len(volumes)]])
    return VolumeCurve(edges, volumes)


def moments(curve, parts):
    return np.array([curve.start_ns + round(part * (curve.end_ns - curve.start_ns)) for part in parts], np.int64)


@given(curves(), st.lists(st.floats(-0.5, 1.5), min_size=2, max_size=20))
def test_what_has_traded_never_falls_and_goes_from_nothing_to_everything(curve, parts) -> None:
    done = curve.cumulative(moments(curve, sorted(parts)))
    assert (np.diff(done) >= 0).all()
    assert ((done >= 0) & (done <= 1)).all()
    assert curve.cumulative([curve.start_ns, curve.end_ns]).tolist() == [0.0, 1.0]


@given(curves(), st.lists(fractions, max_size=20))
def test_the_shares_of_parts_of_a_session_sum_to_one(curve, parts) -> None:
    cuts = np.concatenate(([curve.start_ns], moments(curve, sorted(parts)), [curve.end_ns]))
    shares = curve.fraction(cuts[:-1], cuts[1:])
    assert (shares >= 0).all()
    assert shares.sum() == pytest.approx(1, abs=1e-12)


@given(weights, st.lists(st.integers(0, 800), min_size=2, max_size=2))
def test_volume_comes_evenly_within_a_bucket(volumes, times) -> None:
    curve, (begin, end) = VolumeCurve(np.arange(len(volumes) + 1) * 100, volumes), sorted(times)
    each = np.repeat(np.array(volumes) / 100, 100)
    assert float(curve.fraction(begin, end)) == pytest.approx(each[begin:end].sum() / sum(volumes), abs=1e-12)


@given(curves(), fractions)
def test_a_share_of_the_volume_is_first_reached_at_its_time(curve, fraction) -> None:
    time = int(curve.time_at(fraction))
    assert curve.start_ns <= time <= curve.end_ns
    steepest = np.diff(curve.cumulative(np.array([time - 1, time, time + 1]))).max()
    assert float(curve.cumulative(time)) == pytest.approx(fraction, abs=steepest + 1e-12)
    assert float(curve.cumulative(time - 1)) <= fraction + 1e-12


def test_the_inverse_skips_stretches_without_volume() -> None:
    curve = VolumeCurve([0, 100, 200, 300, 400], [0, 1, 0, 1])
    assert curve.time_at([0.0, 0.25, 0.5, 0.75, 1.0]).tolist() == [0, 150, 200, 350, 400]
    assert curve.time_at([[0.5], [1.0]]).shape == (2, 1)


def test_an_even_curve_is_the_clock() -> None:
    curve = VolumeCurve.uniform(OPEN, CLOSE, total=1e6)
    assert (curve.start_ns, curve.end_ns, curve.total) == (OPEN, CLOSE, 1e6)
    assert float(curve.fraction(10 * HOUR, 12 * HOUR)) == pytest.approx(2 / 6.5, rel=1e-12)
    assert int(curve.time_at(0.5)) == 51 * HOUR // 4


@pytest.mark.parametrize("depth", [0.0, 0.4, 1.0])
def test_the_u_shape_has_its_rates_at_the_ends_and_in_the_middle(depth) -> None:
    curve = VolumeCurve.u_shaped(OPEN, CLOSE, depth)
    minutes = curve.fraction(OPEN + np.arange(390) * MINUTE, OPEN + np.arange(1, 391) * MINUTE) * 390
    assert minutes == pytest.approx(minutes[::-1], abs=1e-9)
    assert minutes[0] == pytest.approx(1 + 2 * depth, abs=0.02)
    assert minutes[195] == pytest.approx(1 - depth, abs=1e-4)
    u = (np.arange(390) + 0.5) / 390
    assert minutes == pytest.approx(1 + depth * (12 * (u - 0.5) ** 2 - 1), abs=1e-4)


@given(
    st.lists(st.lists(st.tuples(st.integers(-50, 450), st.integers(0, 100)), max_size=20), min_size=1, max_size=4),
    st.integers(1, 500),
)
def test_a_curve_from_trades_is_the_average_day_by_buckets(days, bucket) -> None:
    inside = [(time, quantity) for day in days for time, quantity in day if 0 <= time <= 400]
    columns = [(np.array([t for t, _ in day], np.int64), np.array([q for _, q in day])) for day in days]
    total = sum(quantity for _, quantity in inside)
    if not total:
        with pytest.raises(InputError, match="nothing traded from 00:00:00 to 00:00:00"):
            VolumeCurve.from_trades(columns, 0, 400, bucket)
        return
    curve = VolumeCurve.from_trades(columns, 0, 400, bucket)
    assert curve.total == pytest.approx(total / len(days), rel=1e-12)
    for begin in range(0, 400, bucket):
        end = min(400, begin + bucket)
        volume = sum(quantity for time, quantity in inside if begin <= time < end or time == end == 400)
        assert float(curve.fraction(begin, end)) == pytest.approx(volume / total, abs=1e-12)


def write(tmp_path, text):
    file = tmp_path / "curve.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_file_of_volumes_knows_the_sessions_total(tmp_path) -> None:
    curve = VolumeCurve.from_csv(write(tmp_path, "start,volume,note\n09:30,3000,open\n10:00,1000,\n\n10:30:00,4000,\n"))
    assert (curve.start_ns, curve.end_ns, curve.total) == (OPEN, 11 * HOUR, 8000.0)
    assert curve.cumulative([10 * HOUR, 21 * HOUR // 2]).tolist() == [0.375, 0.5]


def test_a_file_of_weights_in_nanoseconds_does_not(tmp_path) -> None:
    curve = VolumeCurve.from_csv(write(tmp_path, f"\ufeff weight , start\n1,0\n3,{SECOND}\n"), end_ns=5 * SECOND)
    assert (curve.end_ns, curve.total) == (5 * SECOND, None)
    assert float(curve.cumulative(3 * SECOND)) == 0.625


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"line 1: has the columns \[\]; 'start' is needed, and one of 'volume' and 'weight'"),
        ("start\n09:30\n", "line 1: has the columns"),
        ("start,volume,weight\n09:30,1,1\n", "line 1: has the columns"),
        ("start,volume,volume\n09:30,1,1\n", "line 1: has the columns"),
        ("start,volume\n", "no line has a volume above 0"),
        ("start,volume\n09:30,0\n10:00,0\n", "no line has a volume above 0"),
        ("start,volume\n09:30,5\n", r"holds a single bucket, so where it ends is unknown; say it \(end_ns\)"),
        ("start,volume\n09:30,5\n10:00\n", "line 3: has 1 fields, right would be 2"),
        ("start,volume\n09:30,five\n", "line 2: volume 'five' is not a number from 0"),
        ("start,weight\n09:30,-1\n", "line 2: weight '-1' is not a number from 0"),
        ("start,weight\n09:30,nan\n", "line 2: weight 'nan' is not a number from 0"),
        ("start,weight\n09:30,1e400\n", "line 2: weight '1e400' is not a number from 0"),
        ("start,volume\n9h30,5\n", "line 2: start '9h30' is neither a time of day such as 09:30 nor whole nanoseconds"),
        ("start,volume\n-5,5\n", "line 2: start '-5' is neither"),
        ("start,volume\n99999999999999999999,5\n", "line 2: start '99999999999999999999' is neither"),
        ("start,volume\n09:30,5\n\n09:30,6\n", "line 4: start '09:30' is not after the line before; sort the lines"),
    ],
)
def test_a_wrong_file_is_named_with_its_line_and_value(tmp_path, text, message) -> None:
    with pytest.raises(DataError, match=f"curve.csv: {message}"):
        VolumeCurve.from_csv(write(tmp_path, text))


def test_a_file_that_goes_beyond_the_session_is_refused(tmp_path) -> None:
    file = write(tmp_path, "start,volume\n09:30,5\n16:00,6\n")
    with pytest.raises(DataError, match=r"curve.csv: start 16:00:00 is not before the session's end 16:00:00"):
        VolumeCurve.from_csv(file, end_ns=CLOSE)


def test_a_file_that_cannot_be_read_is_named(tmp_path) -> None:
    with pytest.raises(DataError, match=r"none.csv: cannot be read \(No such file or directory\); check the path"):
        VolumeCurve.from_csv(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"start,volume\n09:30,5\xe9\n")
    with pytest.raises(DataError, match=r"latin.csv: is not a CSV file in UTF-8"):
        VolumeCurve.from_csv(tmp_path / "latin.csv")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: VolumeCurve([0, 1], []), "has 2 edges of type int64 and 0 weights"),
        (lambda: VolumeCurve([0], []), "has 1 edges"),
        (lambda: VolumeCurve([0.0, 1.0], [1]), "of type float64"),
        (lambda: VolumeCurve([0, 5, 5], [1, 1]), "edge 5 of a volume curve does not come after 5"),
        (lambda: VolumeCurve([0, 1], [0.0]), "run from 0.0 to 0.0"),
        (lambda: VolumeCurve([0, 1, 2], [1, -1]), "run from -1.0 to 1.0"),
        (lambda: VolumeCurve([0, 1], [float("nan")]), "run from nan to nan"),
        (lambda: VolumeCurve([0, 1], [1], total=0.0), "total volume 0.0 of a session"),
        (lambda: VolumeCurve.uniform(CLOSE, OPEN), "does not come after"),
        (lambda: VolumeCurve.u_shaped(CLOSE, OPEN, 0.5), "does not come after"),
        (lambda: VolumeCurve.u_shaped(OPEN, CLOSE, 1.5), "depth 1.5 of a volume curve is not from 0 to 1"),
        (lambda: VolumeCurve.uniform(OPEN, CLOSE).time_at([0.5, 1.5]), "is not from 0 to 1"),
        (lambda: VolumeCurve.from_trades([], OPEN, CLOSE, "5m"), "nothing traded from 09:30:00 to 16:00:00 on 0 days"),
        (lambda: VolumeCurve.from_trades([([], [])], OPEN, CLOSE, 0), "buckets of 0 ns"),
        (lambda: VolumeCurve.from_trades([([1], [1, 2])], 0, 9, 1), r"day 1 has times of shape \(1,\)"),
        (lambda: VolumeCurve.from_trades([([1.5], [1])], 0, 9, 1), "and type float64"),
        (lambda: VolumeCurve.from_trades([([1], [1]), ([1], [-1])], 0, 9, 1), "quantity -1.0 of trade 0 on day 2"),
    ],
)
def test_nonsense_is_refused_with_its_value(make, message) -> None:
    with pytest.raises(InputError, match=message):
        make()
