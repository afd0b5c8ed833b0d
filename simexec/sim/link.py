"""A wire with latency: messages arrive in the order in which they were sent, one calendar event each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappush
from typing import Any

import attrs
from simpy.events import NORMAL

from simexec.errors import InputError
from simexec.protocols import DurationModel
from simexec.sim.durations import draws_of
from simexec.sim.environment import Simulation


@attrs.frozen
class LinkStatistics:
    """What a link has carried so far.

    Attributes:
        sent: messages sent, those on their way included.
        mean_latency_ns: mean of arrival minus sending, waiting for earlier messages included; 0.0 before the
            first.
        max_latency_ns: the longest.
        delayed_by_fifo: messages whose own latency would have let them overtake an earlier one.
        sent_by_kind: ``sent`` by kind of message.
    """

    sent: int
    mean_latency_ns: float
    max_latency_ns: int
    delayed_by_fifo: int
    sent_by_kind: Mapping[str, int]


class _Kind:
    """What a link carries of one kind: the next latency, and how many messages there were."""

    __slots__ = ("count", "draw")

    def __init__(self, draw: Callable[[], int]) -> None:
        self.draw = draw
        self.count = 0


class Link:
    """Carries messages to ``deliver`` after a random latency, first in, first out over all kinds.

    A message arrives at max(arrival of the one before, now + its latency), as on one TCP connection. Each
    kind of message draws its latencies from its own stream, ``link.{name}.{kind}``, so the traffic of one
    kind changes no other's draws.

    Args:
        sim: the simulation.
        name: names the random streams; unique in the simulation.
        latency: one model for all kinds, or a model by kind; the kind ``"default"`` then serves kinds not
            listed.
        deliver: called with the message at its arrival.

    Raises:
        InputError: if the mapping is empty.
    """

    __slots__ = (
        "_delayed",
        "_deliver",
        "_kinds",
        "_last_arrival",
        "_max",
        "_models",
        "_sim",
        "_total",
        "name",
    )

    def __init__(
        self,
        sim: Simulation,
        name: str,
        latency: DurationModel | Mapping[str, DurationModel],
        deliver: Callable[[Any], None],
    ) -> None:
        self.name = name
        self._sim = sim
        self._models: Mapping[str, DurationModel] = (
            dict(latency) if isinstance(latency, Mapping) else {"default": latency}
        )
        if not self._models:
            raise InputError(f"link {name!r} has no latency model; give one, or a mapping such as {{'order': ...}}")
        self._deliver = deliver
        self._kinds: dict[str, _Kind] = {}
        self._last_arrival = sim.now
        self._total = 0
        self._max = 0
        self._delayed = 0

    def send(self, message: Any, kind: str = "default") -> int:
        """Send ``message``; return the time (ns) at which it will arrive.

        Raises:
            InputError: if the link has no latency for this kind of message.
        """
        sim = self._sim
        now = sim._now
        carried = self._kinds.get(kind) or self._open(kind)
        latency = carried.draw()
        arrival = now + latency
        if arrival < self._last_arrival:
            arrival = self._last_arrival
            latency = arrival - now
            self._delayed += 1
        self._last_arrival = arrival
        carried.count += 1
        self._total += latency
        if latency > self._max:
            self._max = latency
        # NOTE: what sim.call_at does, without its checks: a quarter of the cost of sending.
        heappush(sim._queue, (arrival, NORMAL, next(sim._eid), (self._deliver, message)))
        return arrival

    def expected_ns(self, kind: str = "default") -> float:
        """Mean latency (ns) of a message of this kind by its model, without waiting for earlier ones.

        Raises:
            InputError: if the link has no latency for this kind of message.
        """
        return self._model(kind).mean_ns

    def _open(self, kind: str) -> _Kind:
        model = self._model(kind)
        carried = self._kinds[kind] = _Kind(draws_of(model, self._sim.rng(f"link.{self.name}.{kind}")).next)
        return carried

    def _model(self, kind: str) -> DurationModel:
        model = self._models.get(kind) or self._models.get("default")
        if model is None:
            known = ", ".join(sorted(self._models))
            raise InputError(f"link {self.name!r} has no latency for {kind!r}, only for {known}; add one or 'default'")
        return model

    def statistics(self) -> LinkStatistics:
        """Return what was carried so far, frozen."""
        sent = sum(carried.count for carried in self._kinds.values())
        return LinkStatistics(
            sent=sent,
            mean_latency_ns=self._total / sent if sent else 0.0,
            max_latency_ns=self._max,
            delayed_by_fifo=self._delayed,
            sent_by_kind={kind: carried.count for kind, carried in self._kinds.items()},
        )
