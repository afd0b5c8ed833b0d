"""How long a limit order waits behind a queue: the compiled book against the closed form, quickly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.stats import gamma

from .fill_times import fill_probability, mean_fill_time, simulated_fill_times

CELLS = [(0, 0.94, 0.71), (5, 0.94, 0.71), (10, 0.94, 0.71), (5, 0.94, 0.0)]
COUNT = 3_000
BATCHES = 25


def by_matrix_exponential(k: int, mu: float, theta: float, time: float) -> float:
    """P(T <= time) of the pure death process through the states of so many orders ahead."""
    rates = [mu + i * theta for i in range(k + 1)]
    generator = np.diag([-rate for rate in reversed(rates)]) + np.diag(list(reversed(rates[1:])), 1)
    return 1 - float(expm(generator * time)[0].sum())


@pytest.mark.parametrize(("k", "mu", "theta"), [*CELLS, (1, 2.0, 0.1), (10, 0.3, 1.7)])
@pytest.mark.parametrize("time", [0.5, 2.0, 5.0, 12.0])
def test_the_closed_form_is_that_of_the_death_process(k: int, mu: float, theta: float, time: float) -> None:
    assert fill_probability(k, mu, theta, time) == pytest.approx(by_matrix_exponential(k, mu, theta, time), abs=1e-9)


@pytest.mark.parametrize("time", [0.5, 2.0, 5.0, 12.0])
def test_without_cancels_the_closed_form_is_erlangs(time: float) -> None:
    assert fill_probability(5, 0.94, 0, time) == pytest.approx(gamma.cdf(time, 6, scale=1 / 0.94), abs=1e-9)


def test_the_closed_form_has_the_published_figures() -> None:
    assert mean_fill_time(5, 0.94, 0.71) == pytest.approx(2.9066, abs=5e-5)
    assert fill_probability(5, 0.94, 0.71, 5) == pytest.approx(0.92147, abs=5e-6)
    assert mean_fill_time(10, 0.94, 0.71) == pytest.approx(3.68, abs=5e-3)
    assert mean_fill_time(5, 0.94, 0) == pytest.approx(6.383, abs=5e-4)
    assert fill_probability(5, 0.94, 0, 5) == pytest.approx(0.33156, abs=5e-6)


@pytest.mark.parametrize(("k", "mu", "theta"), CELLS)
@pytest.mark.parametrize("side", [0, 1])
def test_orders_in_the_book_wait_as_long_as_the_closed_form_says(k: int, mu: float, theta: float, side: int) -> None:
    times = simulated_fill_times(k, mu, theta, COUNT, seed=17 + side, side=side)
    batches = times.reshape(BATCHES, -1).mean(axis=1)
    error = batches.std(ddof=1) / math.sqrt(BATCHES)
    assert abs(times.mean() - mean_fill_time(k, mu, theta)) <= 4 * error
    p = fill_probability(k, mu, theta, 5)
    assert abs((times <= 5).mean() - p) <= 4 * math.sqrt(p * (1 - p) / COUNT)
