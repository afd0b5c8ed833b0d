"""What an algorithm expects the market to trade: as it is written, made from trades, and refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simexec.algos.expected_volume import EvenVolume, UShapedVolume, VolumeBuckets, VolumeFile
from simexec.config.algorithm import to_algorithm
from simexec.errors import DataError, InputError
from simexec.sim import seconds
from simexec.sim.clock import HOUR, MINUTE


def test_without_times_the_orders_own_are_meant() -> None:
    for source in (EvenVolume(total=100), UShapedVolume(total=100)):
        curve = source.curve(seconds(10), seconds(20))
        assert (curve.start_ns, curve.end_ns, curve.total) == (seconds(10), seconds(20), 100)


def test_times_of_day_are_those_of_the_session_whatever_the_order_is() -> None:
    curve = EvenVolume(start="09:30", end="16:00").curve(seconds(10), seconds(20))
    assert float(curve.fraction(12 * HOUR, 13 * HOUR)) == pytest.approx(1 / 6.5)


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(InputError, match="end: must come after the start"):
        EvenVolume(start="16:00", end="09:30").curve(0, 1)


def test_buckets_of_earlier_days_are_the_average_of_what_traded_then() -> None:
    open_ns = 34_200 * 10**9
    first = (open_ns + np.array([0, 6, 7]) * MINUTE, [100, 200, 100])
    second = (open_ns + np.array([1, 12]) * MINUTE, [300, 100])
    made = VolumeBuckets.from_trades([first, second], "09:30", "09:45", "5m")
    assert (made.start, made.bucket, made.total) == (open_ns, 5 * MINUTE, 400)
    assert made.weights == pytest.approx((0.5, 0.375, 0.125))
    curve = made.curve(0, 1)
    assert (curve.start_ns, curve.end_ns) == (open_ns, open_ns + 15 * MINUTE)
    assert float(curve.cumulative(open_ns + 5 * MINUTE)) == pytest.approx(0.5)


def test_buckets_that_do_not_divide_the_session_are_refused() -> None:
    with pytest.raises(InputError, match=r"bucket: must divide .* not '7m'"):
        VolumeBuckets.from_trades([([34_200 * 10**9], [1])], "09:30", "16:00", "7m")


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv"):
        VolumeFile(file=tmp_path / "none.csv").curve(0, 1)


@pytest.mark.parametrize(
    ("curve", "words"),
    [
        ({"type": "v_shape"}, "curve.type: 'v_shape' is not one of its values.*u_shape"),
        ({"depth": 1}, "curve.type: this field is required, and missing"),
        ({"type": "u_shape", "depth": 2}, "curve.depth: must be from 0 to 1, not 2"),
        ({"type": "uniform", "total": 0}, "curve.total: must be above zero, not 0"),
        ({"type": "buckets", "start": "09:30", "bucket": "5m", "weights": [0, 0]}, "curve.weights: must hold at least one"),
        ({"type": "file"}, "curve.file: this field is required, and missing"),
    ],
)  # fmt: skip
def test_what_is_written_wrong_is_refused_with_its_path(curve: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        to_algorithm({"type": "vwap", "slices": 3, "curve": curve})
