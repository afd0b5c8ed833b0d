"""When a venue trades: pre-open, open, halts that are known beforehand, close."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from simexec.errors import InputError
from simexec.sim.clock import format_time_of_day


@attrs.frozen
class Halt:
    """Trading stops from ``start_ns`` up to, not including, ``end_ns``, then reopens with an auction.

    Attributes:
        symbol: of the instrument that is halted; None halts all of the venue's.
    """

    start_ns: int
    end_ns: int
    symbol: str | None = None

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.start_ns < self.end_ns:
            raise InputError(f"halt from {self.start_ns} to {self.end_ns} ns must begin before it ends")


def _to_halts(halts: Iterable[Halt]) -> tuple[Halt, ...]:
    return tuple(halts)


@attrs.frozen
class TradingHours:
    """One day's session: trading from ``open_ns`` up to, not including, ``close_ns``; all times ns since the run's epoch.

    Attributes:
        pre_open_ns: from then to the open, orders are taken but do not trade, and the open is an auction; None: there is
            no pre-open, and nothing is taken before the open.
        halts: within the session.
    """

    open_ns: int
    close_ns: int
    pre_open_ns: int | None = None
    halts: tuple[Halt, ...] = attrs.field(default=(), converter=_to_halts)

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.open_ns < self.close_ns:
            raise InputError(f"trading hours {self} must open before they close")
        if self.pre_open_ns is not None and not 0 <= self.pre_open_ns < self.open_ns:
            raise InputError(
                f"the pre-open of trading hours {self} begins at {self.pre_open_ns} ns, not before the open"
            )
        for halt in self.halts:
            if not self.open_ns <= halt.start_ns < halt.end_ns <= self.close_ns:
                raise InputError(f"{halt} does not lie within trading hours {self}")

    def contains(self, time_ns: int) -> bool:
        """Whether a time lies between open and close."""
        return self.open_ns <= time_ns < self.close_ns

    def __str__(self) -> str:
        return f"{format_time_of_day(self.open_ns)}-{format_time_of_day(self.close_ns)}"


@attrs.frozen
class SessionCalendar:
    """Several sessions, one after the other. GTC orders stay in the book between them, and nothing trades there.

    Attributes:
        sessions: in order of time; none begins before the one ahead of it has closed.
    """

    sessions: tuple[TradingHours, ...] = attrs.field(converter=tuple)

    def __attrs_post_init__(self) -> None:
        if not self.sessions:
            raise InputError("a session calendar without a session never opens; give one TradingHours or more")
        for before, after in zip(self.sessions, self.sessions[1:], strict=False):
            begins = after.open_ns if after.pre_open_ns is None else after.pre_open_ns
            if begins < before.close_ns:
                raise InputError(f"session {after} begins before {before} has closed")

    @property
    def open_ns(self) -> int:
        """Open of the first session."""
        return self.sessions[0].open_ns

    @property
    def close_ns(self) -> int:
        """Close of the last."""
        return self.sessions[-1].close_ns

    def contains(self, time_ns: int) -> bool:
        """Whether a time lies between open and close of a session."""
        return any(session.contains(time_ns) for session in self.sessions)

    def __str__(self) -> str:
        shown = [str(session) for session in self.sessions]
        if len(shown) > 3:  # a year of them would be no text to read
            shown[1:-1] = [f"{len(shown) - 2} more"]
        return ", ".join(shown)
