"""A station: servers with random service times behind a queue, such as a venue's gateway."""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Callable
from heapq import heappush
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from simpy.events import NORMAL

from simexec.errors import InputError
from simexec.protocols import DurationModel
from simexec.sim.durations import draws_of
from simexec.sim.environment import Simulation
from simexec.sim.streams import whole_number


@attrs.frozen
class StationStatistics:
    """What a station has seen since it was made; times in nanoseconds.

    Averages over time come from exact integer integrals of the number of jobs, averages over jobs from the
    jobs that left; 0.0 where there is nothing to average.

    Attributes:
        arrivals: jobs submitted, refused ones included.
        refused: jobs turned away because the station was full.
        departures: jobs served.
        in_system: jobs in the station now, in service or waiting.
        elapsed_ns: time since the station was made.
        utilisation: mean fraction of the servers that are busy.
        mean_in_queue: time average of the number of jobs that wait.
        mean_in_system: time average of the number of jobs in the station.
        mean_wait_ns: mean time from arrival to start of service.
        mean_sojourn_ns: mean time from arrival to departure.
        mean_wait_ns_by_class: mean wait of the jobs of class 0 and of class 1.
        max_wait_ns: longest wait.
        max_queue: most jobs that waited at once.
    """

    arrivals: int
    refused: int
    departures: int
    in_system: int
    elapsed_ns: int
    utilisation: float
    mean_in_queue: float
    mean_in_system: float
    mean_wait_ns: float
    mean_sojourn_ns: float
    mean_wait_ns_by_class: tuple[float, float]
    max_wait_ns: int
    max_queue: int


class Station:
    """``servers`` servers and one queue; one calendar event a job, at its departure.

    First come first served, or with two classes of priority (0 before 1, first come first served within
    each); a service that has begun is never interrupted. Service times are drawn in the order of arrival from
    the stream ``station.{name}``, so a job's service time does not depend on the order in which jobs are
    served.

    A station may stop for a time: services that would end meanwhile end when it goes on, jobs that arrive wait, and
    nobody counts as in service. It may also slow down: jobs that arrive from then on take a multiple of their drawn time.

    Args:
        sim: the simulation.
        name: names the random stream; unique in the simulation.
        service: distribution of service times.
        done: ``done(job, arrived_ns, started_ns)``, called at the job's departure.
        servers: number of servers.
        capacity: most jobs in the station at once, those in service included; None: no limit.
        priority: whether ``submit`` takes priority classes.
        record: whether to keep the number of jobs over time, for ``queue_lengths``.

    Raises:
        InputError: for no servers, or a capacity below the number of servers.
    """

    __slots__ = (
        "_area_queue", "_area_system", "_arrivals", "_capacity", "_changed", "_departures", "_done", "_draw",
        "_held", "_in_system", "_max_queue", "_max_wait", "_origin", "_priority", "_refused", "_servers", "_service",
        "_sim", "_sojourns", "_staff", "_trace_count", "_trace_time", "_urgent", "_waiting", "_waits", "name",
    )  # fmt: skip

    def __init__(
        self,
        sim: Simulation,
        name: str,
        service: DurationModel,
        done: Callable[[Any, int, int], None],
        servers: int = 1,
        capacity: int | None = None,
        priority: bool = False,
        record: bool = False,
    ) -> None:
        self.name = name
        self._staff = self._servers = whole_number(f"station {name!r}: servers", servers)
        if self._staff == 0:
            raise InputError(f"station {name!r} has no servers; give at least 1")
        self._capacity = -1 if capacity is None else whole_number(f"station {name!r}: capacity", capacity)
        if capacity is not None and capacity < servers:
            raise InputError(f"station {name!r} has {servers} servers but room for {capacity} jobs; give it more")
        self._sim = sim
        self._done = done
        self._priority = priority
        self._service: Callable[[], int] = draws_of(service, sim.rng(f"station.{name}")).next
        self._draw = self._service  # the time of the next job, slowed down or not
        self._urgent: deque[Any] = deque()
        self._waiting: deque[Any] = deque()
        self._held: list[tuple[Any, int, int, int]] = []  # jobs whose service ended while the station was stopped
        self._in_system = 0
        self._arrivals = 0
        self._refused = 0
        self._departures = [0, 0]
        self._waits = [0, 0]
        self._sojourns = 0
        self._max_wait = 0
        self._max_queue = 0
        self._origin = self._changed = sim.now
        self._area_system = 0
        self._area_queue = 0
        self._trace_time = array("q") if record else None
        self._trace_count = array("q")

    def submit(self, job: Any, priority_class: int = 0) -> bool:
        """Hand in a job; return False if the station is full and the job is refused.

        Raises:
            InputError: for a priority class other than 0 and 1, or other than 0 at a station without
                priorities.
        """
        if priority_class and (priority_class != 1 or not self._priority):
            known = "classes 0 and 1" if self._priority else "no priorities"
            raise InputError(f"station {self.name!r} has {known}; {priority_class!r} was given")
        self._arrivals += 1
        count = self._in_system
        if count == self._capacity:
            self._refused += 1
            return False
        sim = self._sim
        now = sim._now
        servers = self._servers
        elapsed = now - self._changed
        if elapsed:
            self._area_system += count * elapsed
            if count > servers:
                self._area_queue += (count - servers) * elapsed
            self._changed = now
        self._in_system = count + 1
        if count < servers:
            service = self._draw()
            heappush(  # as in Link.send
                sim._queue, (now + service, NORMAL, next(sim._eid), (self._depart, (job, priority_class, now, now)))
            )
        else:
            (self._waiting if priority_class else self._urgent).append((job, priority_class, now, self._draw()))
            if count - servers >= self._max_queue:
                self._max_queue = count - servers + 1
        if self._trace_time is not None:
            self._trace_time.append(now)
            self._trace_count.append(count + 1)
        return True

    def stop(self) -> None:
        """Serve nothing until ``resume``."""
        self._settle()
        self._servers = 0

    def resume(self) -> None:
        """Go on: what was held back departs now, in order, and free servers take jobs that wait."""
        if self._servers:
            return
        self._settle()
        self._servers = self._staff
        free = self._staff - (self._in_system - len(self._urgent) - len(self._waiting))
        for _ in range(min(free, self._in_system)):
            self._begin_next()
        held, self._held = self._held, []
        for served in held:
            self._depart(served)

    def slow_down(self, factor: float) -> None:
        """Multiply the service times of jobs that arrive from now on; 1 ends that.

        Raises:
            InputError: the factor is not above 0.
        """
        if not 0 < factor < math.inf:
            raise InputError(f"station {self.name!r} cannot take {factor} times as long; give a factor above 0")
        service = self._service
        self._draw = service if factor == 1 else lambda: round(service() * factor)

    def _settle(self) -> None:
        """Bring the integrals up to now."""
        elapsed = self._sim._now - self._changed
        self._area_system += self._in_system * elapsed
        self._area_queue += max(0, self._in_system - self._servers) * elapsed
        self._changed = self._sim._now

    def _begin_next(self) -> None:
        queue = self._urgent or self._waiting
        if queue:
            sim = self._sim
            job, priority_class, since, service = queue.popleft()
            heappush(
                sim._queue,
                (sim._now + service, NORMAL, next(sim._eid), (self._depart, (job, priority_class, since, sim._now))),
            )

    def _depart(self, served: tuple[Any, int, int, int]) -> None:
        if not self._servers:
            self._held.append(served)
            return
        job, priority_class, arrived, started = served
        sim = self._sim
        now = sim._now
        count = self._in_system
        elapsed = now - self._changed
        if elapsed:
            self._area_system += count * elapsed
            if count > self._servers:
                self._area_queue += (count - self._servers) * elapsed
            self._changed = now
        self._in_system = count - 1
        self._departures[priority_class] += 1
        self._sojourns += now - arrived
        wait = started - arrived
        if wait:
            self._waits[priority_class] += wait
            if wait > self._max_wait:
                self._max_wait = wait
        queue = self._urgent or self._waiting
        if queue:
            following, following_class, since, service = queue.popleft()
            heappush(
                sim._queue,
                (now + service, NORMAL, next(sim._eid), (self._depart, (following, following_class, since, now))),
            )
        if self._trace_time is not None:
            self._trace_time.append(now)
            self._trace_count.append(count - 1)
        self._done(job, arrived, started)

    def statistics(self) -> StationStatistics:
        """Return what was seen so far, frozen."""
        now = self._sim.now
        since_change = now - self._changed
        elapsed = now - self._origin
        waiting = max(0, self._in_system - self._servers)
        area_system = self._area_system + self._in_system * since_change
        area_queue = self._area_queue + waiting * since_change
        departures = sum(self._departures)
        urgent, other = (wait / max(1, left) for wait, left in zip(self._waits, self._departures, strict=True))
        return StationStatistics(
            arrivals=self._arrivals,
            refused=self._refused,
            departures=departures,
            in_system=self._in_system,
            elapsed_ns=elapsed,
            utilisation=(area_system - area_queue) / (self._staff * max(1, elapsed)),
            mean_in_queue=area_queue / max(1, elapsed),
            mean_in_system=area_system / max(1, elapsed),
            mean_wait_ns=sum(self._waits) / max(1, departures),
            mean_sojourn_ns=self._sojourns / max(1, departures),
            mean_wait_ns_by_class=(urgent, other),
            max_wait_ns=self._max_wait,
            max_queue=self._max_queue,
        )

    def queue_lengths(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the columns (time_ns, in_system): the number of jobs in the station after each change.

        Several rows may have one time; the last of them holds from then on.

        Raises:
            InputError: if the station was made without ``record=True``.
        """
        if self._trace_time is None:
            raise InputError(f"station {self.name!r} does not record its queue; make it with record=True")
        return np.array(self._trace_time, dtype=np.int64), np.array(self._trace_count, dtype=np.int64)
