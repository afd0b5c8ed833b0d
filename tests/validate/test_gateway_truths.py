"""The gateway station against queueing theory, the whole table, to full precision."""

from __future__ import annotations

import pytest

from simexec.sim import Constant, Exponential

from ..sim.queueing import (
    SERVICE_NS,
    Estimate,
    Stationary,
    blocked_fraction,
    erlang_c_wait,
    pollaczek_khinchine_wait,
)

pytestmark = pytest.mark.validate

# Jobs after the warm-up, by load, so that the standard error stays below 1 % of the mean wait (3 % at .95).
# At light loads waits are rare rather than long; at heavy ones they stay correlated over thousands of jobs.
MM1_JOBS = {0.3: 800_000, 0.5: 600_000, 0.7: 1_200_000, 0.8: 2_200_000, 0.9: 7_000_000, 0.95: 4_000_000}
MD1_JOBS = {0.3: 400_000, 0.5: 400_000, 0.7: 700_000, 0.8: 1_200_000, 0.9: 4_500_000, 0.95: 3_000_000}
MM4_JOBS = {0.3: 2_500_000, 0.5: 1_500_000, 0.7: 2_000_000, 0.8: 3_600_000, 0.9: 12_500_000, 0.95: 4_500_000}


def largest_error(load: float) -> float:
    return 0.03 if load > 0.9 else 0.01


def hold(estimate: Estimate, truth: float, load: float, what: str) -> None:
    print(
        f"{what} load {load}: {estimate.value:.5f} +- {estimate.error:.5f}, theory {truth:.5f}, "
        f"off by {(estimate.value - truth) / estimate.error:+.2f} standard errors"
    )
    estimate.check(truth, largest_error=largest_error(load))


@pytest.mark.parametrize("load", MM1_JOBS)
def test_mm1_wait(load: float) -> None:
    run = Stationary(Exponential(SERVICE_NS), load=load, jobs=MM1_JOBS[load], seed=1000 + round(100 * load))
    hold(run.mean_wait(), pollaczek_khinchine_wait(load, 1.0), load, "M/M/1")


@pytest.mark.parametrize("load", MD1_JOBS)
def test_md1_wait(load: float) -> None:
    run = Stationary(Constant(SERVICE_NS), load=load, jobs=MD1_JOBS[load], seed=2000 + round(100 * load))
    hold(run.mean_wait(), pollaczek_khinchine_wait(load, 0.0), load, "M/D/1")


@pytest.mark.parametrize("load", MM4_JOBS)
def test_mm4_wait(load: float) -> None:
    run = Stationary(Exponential(SERVICE_NS), load=load, servers=4, jobs=MM4_JOBS[load], seed=4000 + round(100 * load))
    hold(run.mean_wait(), erlang_c_wait(load, 4), load, "M/M/4")


def test_mm1_with_room_for_10_blocks() -> None:
    run = Stationary(Exponential(SERVICE_NS), load=0.9, capacity=10, jobs=4_000_000, seed=104)
    hold(run.blocked(), blocked_fraction(0.9, 10), 0.9, "M/M/1/10 blocking")


def test_two_priority_classes_wait() -> None:
    # Cobham: W0 / (1 - a) and W0 / ((1 - a)(1 - a - b)), where W0 = a + b for exponential services.
    urgent, load = 0.3, 0.8
    run = Stationary(Exponential(SERVICE_NS), load=load, urgent_share=urgent / load, jobs=3_000_000, seed=105)
    hold(run.mean_wait(0), load / (1 - urgent), load, "class 0")
    hold(run.mean_wait(1), load / ((1 - urgent) * (1 - load)), load, "class 1")


@pytest.mark.parametrize("load", [0.5, 0.95])
def test_littles_law_from_empty_to_empty(load: float) -> None:
    run = Stationary(Exponential(SERVICE_NS), load=load, jobs=500_000, seed=106)
    statistics = run.statistics
    assert statistics.in_system == 0
    rate = statistics.arrivals / statistics.elapsed_ns
    assert abs(statistics.mean_in_system - rate * statistics.mean_sojourn_ns) / statistics.mean_in_system < 1e-9
