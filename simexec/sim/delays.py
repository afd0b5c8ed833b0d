"""Delays counted in a fixed histogram, so that a run of any length keeps its median and its tail in little memory."""

from __future__ import annotations

import math
from array import array
from typing import Final

_STEPS: Final = 5
"""Binary digits of a delay that are kept behind its first: 32 buckets to an octave."""

_LONGEST_NS: Final = 2**63 - 1


def _bucket(delay_ns: int) -> int:
    """Which bucket a delay lies in; below 64 ns each has one of its own."""
    shift = max(0, delay_ns.bit_length() - _STEPS - 1)
    return (shift << _STEPS) + (delay_ns >> shift)


def _largest_in(bucket: int) -> int:
    shift = max(0, (bucket >> _STEPS) - 1)
    return ((bucket - (shift << _STEPS) + 1) << shift) - 1


class Delays:
    """How long things took, in nanoseconds.

    The histogram's buckets are a thirty-second of an octave's lower end wide, as in Tene's HdrHistogram: 1,888 counts of
    8 bytes. A quantile is the largest delay of its bucket, so it is never understated, and overstated by 1 part in 32
    at most.

    Attributes:
        count: number of delays.
        max_ns: the longest, exactly; 0 before the first.
    """

    __slots__ = ("_counts", "count", "max_ns")

    def __init__(self) -> None:
        self.count = 0
        self.max_ns = 0
        self._counts = array("Q", bytes(8 * (_bucket(_LONGEST_NS) + 1)))

    def add(self, delay_ns: int) -> None:
        """Count a delay; a negative one as 0, one beyond 292 years as that."""
        delay_ns = min(max(delay_ns, 0), _LONGEST_NS)
        self.count += 1
        self._counts[_bucket(delay_ns)] += 1
        if delay_ns > self.max_ns:
            self.max_ns = delay_ns

    def quantile_ns(self, fraction: float) -> int:
        """The least delay that ``fraction`` of them do not exceed, to the resolution above; 0 before the first."""
        rank = max(1, math.ceil(fraction * self.count))
        for bucket, count in enumerate(self._counts):
            rank -= count
            if rank <= 0:
                return min(_largest_in(bucket), self.max_ns)
        return 0
