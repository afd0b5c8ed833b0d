"""How long a limit order waits behind a queue: the compiled book against the closed form, to full precision."""

from __future__ import annotations

import math

import pytest

from ..market.fill_times import fill_probability, mean_fill_time, simulated_fill_times

pytestmark = pytest.mark.validate

COUNT = 400_000
BATCHES = 50


@pytest.mark.parametrize(
    ("k", "theta", "times"), [(5, 0.71, (1, 2, 5, 8)), (10, 0.71, (1, 2, 5, 8)), (5, 0.0, (2, 5, 8, 12))]
)
@pytest.mark.parametrize("side", [0, 1])
def test_fill_times_behind_a_queue(k: int, theta: float, times: tuple[int, ...], side: int) -> None:
    mu = 0.94
    found = simulated_fill_times(k, mu, theta, COUNT, seed=401 + side, side=side)
    batches = found.reshape(BATCHES, -1).mean(axis=1)
    error = float(batches.std(ddof=1)) / math.sqrt(BATCHES)
    mean = mean_fill_time(k, mu, theta)
    off = (float(found.mean()) - mean) / error
    print(f"k={k} theta={theta} side={side}: mean {found.mean():.5f} +- {error:.5f}, theory {mean:.5f}, off {off:+.2f}")
    assert error < 0.01 * mean
    assert abs(off) <= 4
    for time in times:
        p = fill_probability(k, mu, theta, time)
        share, deviation = float((found <= time).mean()), math.sqrt(p * (1 - p) / COUNT)
        print(f"  P(T<={time}) {share:.5f}, theory {p:.5f}, off {(share - p) / deviation:+.2f}")
        assert abs(share - p) <= 4 * deviation
