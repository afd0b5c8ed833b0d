"""Stations: order of service, capacity, priorities, exact statistics, and queueing theory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from simexec.errors import InputError
from simexec.sim import Constant, Empirical, Exponential, Simulation, Station

from .queueing import SERVICE_NS, Stationary, blocked_fraction, erlang_c_wait, pollaczek_khinchine_wait


def run_jobs(
    arrivals: list[tuple[int, int]], services: list[int], **arguments: Any
) -> tuple[list[tuple[int, int, int, int]], Station]:
    """Submit jobs 0, 1, ... at (time, class) with these services; return (job, arrived, started, left)."""
    sim = Simulation()
    left: list[tuple[int, int, int, int]] = []

    class Listed:
        mean_ns = 0.0

        def sample(self, rng: np.random.Generator, size: int) -> np.ndarray:
            return np.array(services + [0] * size)

    station = Station(
        sim,
        "gateway",
        Listed(),
        lambda job, arrived, started: left.append((job, arrived, started, sim.now)),
        **arguments,
    )
    for job, (time, priority_class) in enumerate(arrivals):
        sim.call_at(time, lambda entry: station.submit(*entry), (job, priority_class))
    sim.run()
    return left, station


def test_one_server_serves_in_order_of_arrival() -> None:
    left, station = run_jobs([(0, 0), (2, 0), (30, 0)], [10, 5, 1])
    assert left == [(0, 0, 0, 10), (1, 2, 10, 15), (2, 30, 30, 31)]
    assert station.statistics().arrivals == station.statistics().departures == 3


def test_several_servers_start_a_job_when_the_earliest_is_free() -> None:
    left, _ = run_jobs([(0, 0), (0, 0), (1, 0), (2, 0)], [10, 4, 3, 1], servers=2)
    assert left == [(1, 0, 0, 4), (2, 1, 4, 7), (3, 2, 7, 8), (0, 0, 0, 10)]


def test_starts_equal_the_recursion_of_earliest_free_servers() -> None:
    rng = np.random.default_rng(3)
    arrivals = np.sort(rng.integers(0, 30_000, size=1000)).tolist()
    services = rng.integers(1, 90, size=1000).tolist()
    left, _ = run_jobs([(time, 0) for time in arrivals], services, servers=3)
    free = [0, 0, 0]
    expected = {}
    for job, (arrival, service) in enumerate(zip(arrivals, services, strict=True)):
        free.sort()
        start = max(arrival, free[0])
        free[0] = start + service
        expected[job] = (arrival, start, start + service)
    assert {job: (arrived, started, gone) for job, arrived, started, gone in left} == expected


def test_a_job_costs_one_calendar_event() -> None:
    for arguments in ({}, {"priority": True}, {"servers": 2}):
        sim = Simulation()
        station = Station(sim, "gateway", Constant(5), lambda *_: None, **arguments)
        for job in range(10):
            station.submit(job)
        sim.run()
        assert sim.calendar_events == 10


def test_a_full_station_refuses() -> None:
    sim = Simulation()
    done = []
    station = Station(sim, "gateway", Constant(10), lambda job, *_: done.append(job), capacity=2)
    assert [station.submit(job) for job in range(4)] == [True, True, False, False]
    sim.run(until=11)
    assert station.submit(4)
    sim.run()
    assert done == [0, 1, 4]
    statistics = station.statistics()
    assert (statistics.arrivals, statistics.refused, statistics.departures) == (5, 2, 3)
    assert statistics.max_queue == 1


def test_class_0_goes_before_class_1_but_interrupts_nobody() -> None:
    left, station = run_jobs([(0, 1), (1, 1), (2, 0), (3, 1), (4, 0)], [10] * 5, priority=True)
    assert [job for job, *_ in left] == [0, 2, 4, 1, 3]
    assert left[1] == (2, 2, 10, 20)
    assert station.statistics().mean_wait_ns_by_class == ((8 + 16) / 2, (0 + 29 + 37) / 3)
    assert station.statistics().mean_wait_ns == (8 + 16 + 0 + 29 + 37) / 5


def test_statistics_are_exact_integrals_of_the_path() -> None:
    _, station = run_jobs([(0, 0), (2, 0), (4, 0)], [10, 5, 5])
    # In the system: 1 on [0,2), 2 on [2,4), 3 on [4,10), 2 on [10,15), 1 on [15,20).
    statistics = station.statistics()
    assert statistics.elapsed_ns == 20
    assert statistics.mean_in_system == (2 + 4 + 18 + 10 + 5) / 20
    assert statistics.mean_in_queue == (2 + 2 * 6 + 5) / 20
    assert statistics.utilisation == 1.0
    assert statistics.mean_wait_ns == (0 + 8 + 11) / 3
    assert statistics.mean_sojourn_ns == (10 + 13 + 16) / 3
    assert statistics.max_wait_ns == 11
    assert statistics.max_queue == 2
    assert statistics.in_system == 0


def test_statistics_in_mid_service_count_up_to_now() -> None:
    sim = Simulation()
    station = Station(sim, "gateway", Constant(10), lambda *_: None)
    assert station.statistics().utilisation == 0.0
    sim.run(until=10)
    station.submit("a")
    station.submit("b")
    sim.run(until=14)
    statistics = station.statistics()
    assert statistics.mean_in_system == 8 / 14
    assert statistics.mean_in_queue == 4 / 14
    assert statistics.utilisation == 4 / 14
    assert (statistics.in_system, statistics.departures) == (2, 0)


def test_the_queue_length_over_time_is_recorded_on_request() -> None:
    _, station = run_jobs([(0, 0), (2, 0), (30, 0)], [10, 5, 1], record=True)
    times, counts = station.queue_lengths()
    assert times.tolist() == [0, 2, 10, 15, 30, 31]
    assert counts.tolist() == [1, 2, 1, 0, 1, 0]
    _, silent = run_jobs([(0, 0)], [1])
    with pytest.raises(InputError, match="record=True"):
        silent.queue_lengths()


def test_a_recorded_path_integrates_to_the_statistics() -> None:
    rng = np.random.default_rng(1)
    arrivals = [(int(time), 0) for time in np.cumsum(rng.integers(1, 20, size=500))]
    _, station = run_jobs(arrivals, rng.integers(1, 25, size=500).tolist(), servers=2, record=True)
    times, counts = station.queue_lengths()
    statistics = station.statistics()
    area = int((np.diff(times) * counts[:-1]).sum())
    waiting = int((np.diff(times) * np.maximum(counts[:-1] - 2, 0)).sum())
    assert statistics.mean_in_system * statistics.elapsed_ns == pytest.approx(area, rel=1e-12)
    assert statistics.mean_in_queue * statistics.elapsed_ns == pytest.approx(waiting, rel=1e-12)
    assert statistics.max_queue == counts.max() - 2


@pytest.mark.parametrize("priority", [False, True])
@pytest.mark.parametrize("servers", [1, 3])
def test_littles_law_holds_from_empty_to_empty(priority: bool, servers: int) -> None:
    sim = Simulation(seed=2)
    sojourns = []
    station = Station(
        sim,
        "gateway",
        Exponential("1ms"),
        lambda job, arrived, started: sojourns.append(sim.now - arrived),
        servers=servers,
        priority=priority,
    )
    rng = sim.rng("arrivals")
    times = np.cumsum(rng.exponential(1.2e6 / servers, size=20_000)).astype(np.int64).tolist()
    for number, time in enumerate(times):
        sim.call_at(time, lambda number: station.submit(number, number % 2 if priority else 0), number)
    sim.run()
    statistics = station.statistics()
    assert statistics.in_system == 0
    length = statistics.mean_in_system
    rate = len(times) / statistics.elapsed_ns
    assert abs(length - rate * (sum(sojourns) / len(sojourns))) / length < 1e-9
    assert abs(length - rate * statistics.mean_sojourn_ns) / length < 1e-9
    assert statistics.mean_sojourn_ns == sum(sojourns) / len(sojourns)


def test_a_jobs_service_does_not_depend_on_the_order_of_service() -> None:
    def services(priority: bool) -> dict[int, int]:
        sim = Simulation(seed=9)
        took = {}

        def done(job: int, arrived: int, started: int) -> None:
            took[job] = sim.now - started

        station = Station(sim, "gateway", Exponential("1ms"), done, priority=priority)
        for job in range(100):
            sim.call_at(job * 500_000, lambda job: station.submit(job, 1 if priority and job % 3 else 0), job)
        sim.run()
        return took

    assert services(False) == services(True)


def test_nonsense_is_refused() -> None:
    sim = Simulation()
    for arguments, text in (
        ({"servers": 0}, "has no servers"),
        ({"servers": 1.5}, "servers 1.5"),
        ({"capacity": 0}, "room for 0"),
        ({"servers": 4, "capacity": 3}, "4 servers but room for 3"),
        ({"capacity": -1}, "capacity -1"),
    ):
        with pytest.raises(InputError, match=text):
            Station(sim, "x", Constant(1), lambda *_: None, **arguments)
    plain = Station(sim, "plain", Constant(1), lambda *_: None)
    with pytest.raises(InputError, match="no priorities"):
        plain.submit("job", 1)
    classes = Station(sim, "classes", Constant(1), lambda *_: None, priority=True)
    with pytest.raises(InputError, match="classes 0 and 1"):
        classes.submit("job", 2)
    assert plain.statistics().arrivals == 0


# Queueing theory against the real station: means within 4 standard errors from independent batches in steady
# state, the error itself at most 1 % of the value. `make validate` covers the whole table.


@pytest.mark.parametrize(("load", "jobs"), [(0.5, 550_000), (0.7, 900_000)])
def test_mm1_waits_as_theory_says(load: float, jobs: int) -> None:
    estimate = Stationary(Exponential(SERVICE_NS), load=load, jobs=jobs, seed=1).mean_wait()
    estimate.check(load / (1 - load), largest_error=0.01)


@pytest.mark.parametrize(("load", "jobs"), [(0.5, 240_000), (0.6, 280_000)])
def test_md1_waits_as_theory_says(load: float, jobs: int) -> None:
    estimate = Stationary(Constant(SERVICE_NS), load=load, jobs=jobs, seed=2).mean_wait()
    estimate.check(pollaczek_khinchine_wait(load, 0.0), largest_error=0.01)


def test_mm4_waits_as_theory_says() -> None:
    estimate = Stationary(Exponential(SERVICE_NS), load=0.7, servers=4, jobs=1_800_000, seed=3).mean_wait()
    estimate.check(erlang_c_wait(0.7, 4), largest_error=0.01)


def test_any_service_time_waits_as_pollaczek_and_khinchine_say() -> None:
    # Two services, 0.5 and 3 units, in the ratio 4 : 1, so mean 1 and variance 1.
    service = Empirical([SERVICE_NS // 2] * 4 + [3 * SERVICE_NS])
    estimate = Stationary(service, load=0.6, jobs=400_000, seed=4).mean_wait()
    estimate.check(pollaczek_khinchine_wait(0.6, 1.0), largest_error=0.01)


def test_a_station_with_room_for_10_blocks_as_theory_says() -> None:
    estimate = Stationary(Exponential(SERVICE_NS), load=0.9, capacity=10, jobs=1_200_000, seed=5).blocked()
    estimate.check(blocked_fraction(0.9, 10), largest_error=0.01)


def test_two_classes_wait_as_cobham_says() -> None:
    # M/M/1 with unit services, non-preemptive: W0 = rho, then W0 / (1 - a) and W0 / ((1 - a)(1 - a - b)).
    urgent, other = 0.2, 0.4
    run = Stationary(
        Exponential(SERVICE_NS),
        load=urgent + other,
        urgent_share=urgent / (urgent + other),
        jobs=700_000,
        seed=6,
    )
    remaining = urgent + other
    run.mean_wait(priority_class=0).check(remaining / (1 - urgent), largest_error=0.01)
    run.mean_wait(priority_class=1).check(remaining / ((1 - urgent) * (1 - urgent - other)), largest_error=0.01)


def test_the_closed_forms_are_those_of_the_books() -> None:
    assert [round(pollaczek_khinchine_wait(load, 1.0), 4) for load in (0.3, 0.7, 0.95)] == [
        0.4286,
        2.3333,
        19.0,
    ]
    assert [round(pollaczek_khinchine_wait(load, 0.0), 4) for load in (0.3, 0.7, 0.95)] == [
        0.2143,
        1.1667,
        9.5,
    ]
    table = [0.0132, 0.0870, 0.3572, 0.7455, 1.9694, 4.4571]
    for load, wait in zip((0.3, 0.5, 0.7, 0.8, 0.9, 0.95), table, strict=True):
        assert math.isclose(erlang_c_wait(load, 4), wait, abs_tol=5e-5)
    assert round(blocked_fraction(0.9, 10), 6) == 0.050814
