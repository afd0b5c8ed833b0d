"""How often something happened lately, to the nanosecond."""

from __future__ import annotations

from collections import deque


class RollingCount:
    """How many events there were in ``(now - window, now]``; no buckets, so it is exact at any time.

    It keeps one int an event of the window. What is asked for later than before is forgotten for good, so time must not run
    backwards.

    Args:
        window_ns: length of the window.
    """

    __slots__ = ("_times", "_window")

    def __init__(self, window_ns: int) -> None:
        self._window = window_ns
        self._times: deque[int] = deque()

    def add(self, now_ns: int) -> None:
        """Something happened now."""
        self._times.append(now_ns)
        self.count(now_ns)  # forgets, so that what nobody asks for does not grow

    def count(self, now_ns: int) -> int:
        """Events in the window that ends now."""
        times, before = self._times, now_ns - self._window
        while times and times[0] <= before:
            times.popleft()
        return len(times)

    def clear(self) -> None:
        """Count from zero."""
        self._times.clear()
