"""When what happened at a market arrives elsewhere: latencies that are drawn, or that a recorder has measured."""

from __future__ import annotations

from typing import Final, Protocol, runtime_checkable

import attrs
import numpy as np

from simexec.market.levels import Array
from simexec.market.recording import Recording
from simexec.protocols import DurationModel
from simexec.sim.durations import sampler_of

_BATCH: Final = 4096


@runtime_checkable
class ArrivalModel(Protocol):
    """Says when what happened arrives, where that is more than a distribution."""

    def arrivals(self, times: Array) -> Array:
        """When what happened at these times (ns, in order) arrives: a new int64 array, nothing in it before its own time.

        A view moves an arrival that lies before the one ahead of it to that.
        """


class DrawnArrivals:
    """Each message takes its own draw of a distribution; implements ``ArrivalModel``.

    Draws are made in batches. The distributions draw their values one after another, so how the messages come in makes no
    difference.

    Args:
        model: of each latency.
        rng: the stream.
    """

    def __init__(self, model: DurationModel, rng: np.random.Generator) -> None:
        self._sample = sampler_of(model)
        self._rng = rng
        self._values: Array = np.empty(0, np.int64)
        self._used = 0

    def arrivals(self, times: Array) -> Array:
        """See ``ArrivalModel``; InputError if the distribution gives anything but whole nanoseconds from 0 up."""
        end = self._used + len(times)
        if end > len(self._values):
            left = self._values[self._used :]
            more = self._sample(self._rng, max(_BATCH, len(times) - len(left)))
            self._values = np.concatenate([left, more])
            self._used, end = 0, len(times)
        arrivals: Array = times + self._values[self._used : end]
        self._used = end
        return arrivals


@attrs.frozen
class RecordedLatency:
    """The latency that a recording has measured, by the time of day; implements ``ArrivalModel``.

    What happens at a time takes as long as the recording's last row until then took to reach the recorder. So where the recording
    is replayed, each of its rows arrives when the recorder received it; a row that was received before its time, since two clocks
    differed, arrives at its time.

    Attributes:
        recording: one with arrival times.
    """

    recording: Recording

    def arrivals(self, times: Array) -> Array:
        """See ``ArrivalModel``; DataError if the recording has no arrival times."""
        return times + np.maximum(self.recording.latencies_at(times), 0)


def arrivals_of(latency: DurationModel | ArrivalModel, rng: np.random.Generator) -> ArrivalModel:
    """The arrivals that a latency means; ``rng`` serves a distribution alone."""
    return latency if isinstance(latency, ArrivalModel) else DrawnArrivals(latency, rng)
