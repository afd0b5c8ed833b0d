"""A station under Poisson arrivals in steady state, its estimates with their errors, and the closed forms."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from simexec.protocols import DurationModel
from simexec.sim import Simulation, Station

SERVICE_NS = 1_000_000
"""Mean service, the unit of the closed forms: so long that rounding to a nanosecond is harmless."""

BATCHES = 32
_DRAWN_AT_ONCE = 1 << 16


@attrs.frozen
class Estimate:
    """A mean, and its standard error from the means of consecutive batches."""

    value: float
    error: float

    def check(self, truth: float, *, largest_error: float) -> None:
        """Hold the mean to 4 standard errors, and the error to a fraction of the truth."""
        assert self.error <= largest_error * truth, (
            f"too short to prove anything: {self.value:.5f} +- {self.error:.5f} for {truth:.5f}"
        )
        assert abs(self.value - truth) <= 4 * self.error, f"{self.value:.5f} +- {self.error:.5f} is not {truth:.5f}"


class Stationary:
    """One long run of a station, its warm-up of a tenth dropped, the rest cut into batches.

    A batch is at least a hundred times as long as waits stay correlated at the loads used (about 2/(1 - load)**2 jobs a
    server), so batches are as good as independent and, after the warm-up, each starts in steady state.
    """

    def __init__(
        self,
        service: DurationModel,
        *,
        load: float,
        jobs: int,
        seed: int,
        servers: int = 1,
        capacity: int | None = None,
        urgent_share: float | None = None,
    ) -> None:
        self.sim = Simulation(seed=seed)
        self.jobs = jobs
        self._warm_up = jobs // 10
        total = jobs + self._warm_up
        self._waits: npt.NDArray[np.float64] = np.full(total, np.nan)
        self._refused = np.zeros(total, dtype=bool)
        self._classes = np.zeros(total, dtype=np.int8)
        rng = self.sim.rng("arrivals")
        if urgent_share is not None:
            self._classes[:] = self.sim.rng("classes").random(total) >= urgent_share
        # A memoryview takes a Python number at half the price of a numpy element.
        waits = memoryview(self._waits)
        refused = memoryview(self._refused)
        gap_ns = SERVICE_NS / (load * servers)

        def done(job: int, arrived: int, started: int) -> None:
            waits[job] = started - arrived

        station = Station(
            self.sim,
            "queue",
            service,
            done,
            servers=servers,
            capacity=capacity,
            priority=urgent_share is not None,
        )
        submit = station.submit
        call_at = self.sim.call_at
        classes: Any = self._classes.tolist() if urgent_share is not None else None
        times = iter(())
        last = 0

        def arrive(job: int) -> None:
            nonlocal times, last
            if classes is None:
                if not submit(job):
                    refused[job] = True
            else:
                submit(job, classes[job])
            if job + 1 < total:
                time = next(times, None)
                if time is None:
                    drawn = last + np.cumsum(rng.standard_exponential(_DRAWN_AT_ONCE)) * gap_ns
                    times = iter(np.rint(drawn).astype(np.int64).tolist())
                    last = float(drawn[-1])
                    time = next(times)
                call_at(time, arrive, job + 1)

        call_at(0, arrive, 0)
        self.sim.run()
        self.statistics = station.statistics()

    def _batched(self, values: npt.NDArray[np.float64]) -> Estimate:
        means = np.array([np.nanmean(batch) for batch in np.array_split(values[self._warm_up :], BATCHES)])
        return Estimate(float(means.mean()), float(means.std(ddof=1) / math.sqrt(BATCHES)))

    def mean_wait(self, priority_class: int | None = None) -> Estimate:
        """Mean wait in the queue, in mean services, of the jobs served (of one class)."""
        waits = self._waits / SERVICE_NS
        if priority_class is not None:
            waits = np.where(self._classes == priority_class, waits, np.nan)
        return self._batched(waits)

    def blocked(self) -> Estimate:
        """Fraction of arrivals that were refused."""
        return self._batched(self._refused.astype(np.float64))


def pollaczek_khinchine_wait(load: float, squared_variation: float) -> float:
    """Mean wait in an M/G/1 queue, in mean services."""
    return load * (1 + squared_variation) / (2 * (1 - load))


def erlang_c_wait(load: float, servers: int) -> float:
    """Mean wait in an M/M/c queue, in mean services; ``load`` is that of each server."""
    offered = load * servers
    full = offered**servers / math.factorial(servers) / (1 - load)
    waiting = full / (sum(offered**k / math.factorial(k) for k in range(servers)) + full)
    return waiting / (servers * (1 - load))


def blocked_fraction(load: float, room: int) -> float:
    """Fraction of arrivals that an M/M/1/K queue refuses; ``room`` is K, the job in service included."""
    return (1 - load) * load**room / (1 - load ** (room + 1))
