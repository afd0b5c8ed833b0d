"""When a venue trades."""

from __future__ import annotations

import attrs

from simexec.errors import InputError
from simexec.sim.clock import format_time_of_day


@attrs.frozen
class TradingHours:
    """Continuous trading from ``open_ns`` up to, not including, ``close_ns``; both ns since the run's epoch."""

    open_ns: int
    close_ns: int

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.open_ns < self.close_ns:
            raise InputError(f"trading hours {self} must open before they close")

    def contains(self, time_ns: int) -> bool:
        """Whether the venue trades at a time."""
        return self.open_ns <= time_ns < self.close_ns

    def __str__(self) -> str:
        return f"{format_time_of_day(self.open_ns)}-{format_time_of_day(self.close_ns)}"
