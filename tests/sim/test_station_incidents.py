"""A station that stops for a time, or slows down."""

from __future__ import annotations

import pytest

from simexec.errors import InputError
from simexec.sim import Constant, Simulation, Station


class Bench:
    """A station whose departures are kept: job, arrival, start, departure."""

    def __init__(self, service: int = 10, servers: int = 1, capacity: int | None = None) -> None:
        self.sim = Simulation()
        self.left: list[tuple[str, int, int, int]] = []
        self.station = Station(self.sim, "bench", Constant(service), self._done, servers, capacity)

    def _done(self, job: str, arrived: int, started: int) -> None:
        self.left.append((job, arrived, started, self.sim.now))

    def submit(self, **jobs: int) -> None:
        for job, time in jobs.items():
            self.sim.call_at(time, self.station.submit, job)

    def stop(self, start: int, end: int) -> None:
        self.sim.call_at(start, lambda _: self.station.stop())
        self.sim.call_at(end, lambda _: self.station.resume())


def test_a_service_that_would_end_while_the_station_is_stopped_ends_when_it_goes_on() -> None:
    bench = Bench()
    bench.submit(a=0, b=3)
    bench.stop(5, 50)
    bench.sim.run(100)
    assert bench.left == [("a", 0, 0, 50), ("b", 3, 50, 60)]


def test_a_service_that_ends_after_the_stop_is_not_delayed() -> None:
    bench = Bench()
    bench.submit(a=0)
    bench.stop(5, 8)
    bench.sim.run(100)
    assert bench.left == [("a", 0, 0, 10)]


@pytest.mark.parametrize("servers", [1, 2, 3])
def test_jobs_that_arrive_while_it_is_stopped_begin_when_it_goes_on_as_many_as_there_are_servers(servers: int) -> None:
    bench = Bench(servers=servers)
    bench.submit(a=20, b=21, c=22)
    bench.stop(15, 30)
    bench.sim.run(100)
    assert [start for _, _, start, _ in bench.left] == [30 + 10 * (i // servers) for i in range(3)]
    assert bench.station.statistics().in_system == 0


def test_with_several_servers_those_that_are_busy_across_the_stop_are_not_given_a_second_job() -> None:
    bench = Bench(service=40, servers=2)
    bench.submit(a=0, b=20, c=20, d=20)
    bench.stop(10, 30)
    bench.sim.run(200)
    assert bench.left == [("a", 0, 0, 40), ("b", 20, 30, 70), ("c", 20, 40, 80), ("d", 20, 70, 110)]


def test_while_it_is_stopped_jobs_wait_and_no_server_is_busy() -> None:
    bench = Bench()
    bench.submit(a=0, b=20)
    bench.stop(11, 30)
    bench.sim.run(50)
    seen = bench.station.statistics()
    assert (seen.utilisation, seen.mean_in_queue, seen.max_wait_ns) == (20 / 50, 10 / 50, 10)


def test_a_stopped_station_still_refuses_what_it_has_no_room_for() -> None:
    bench = Bench(capacity=2)
    bench.submit(a=20, b=20, c=20)
    bench.stop(10, 30)
    bench.sim.run(100)
    assert [job for job, _, _, _ in bench.left] == ["a", "b"]
    assert bench.station.statistics().refused == 1


def test_going_on_without_having_stopped_changes_nothing() -> None:
    bench = Bench()
    bench.submit(a=0)
    bench.sim.call_at(5, lambda _: bench.station.resume())
    bench.sim.run(100)
    assert bench.left == [("a", 0, 0, 10)]


def test_jobs_that_arrive_while_it_is_slow_take_a_multiple_of_their_time() -> None:
    bench = Bench()
    bench.submit(a=0, b=20, c=60)
    bench.sim.call_at(15, bench.station.slow_down, 2.5)
    bench.sim.call_at(50, bench.station.slow_down, 1)
    bench.sim.run(100)
    assert [left for _, _, _, left in bench.left] == [10, 45, 70]


@pytest.mark.parametrize("factor", [0, -2, float("inf"), float("nan")])
def test_a_station_is_not_slowed_down_by_a_factor_that_is_none(factor: float) -> None:
    with pytest.raises(InputError, match="give a factor above 0"):
        Bench().station.slow_down(factor)
