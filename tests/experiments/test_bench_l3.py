"""What the benchmark of recordings does, on a small file; no times here."""

from __future__ import annotations

from pathlib import Path

import pytest

from simexec.errors import ConfigError
from simexec.experiments import bench_l3
from simexec.experiments.synthetic_l3 import make_l3_file
from simexec.market.npz import read_npz


def test_a_participant_who_requotes_sends_two_orders_a_look_and_is_filled_now_and_then(tmp_path: Path) -> None:
    recording = read_npz(make_l3_file(tmp_path / "small.npz", rows=20_000, seconds=12.0))
    assert bench_l3.idle(recording) == (0, 0, 0)
    requests, placed, filled = bench_l3.requote(recording)
    assert placed == 2 * 119 or placed == 2 * 120
    assert placed < requests <= 2 * placed
    assert 0 < filled < placed


def test_a_file_that_is_not_there_is_named_with_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make_l3_file makes one"):
        bench_l3.run_bench_l3(tmp_path / "none.npz")
