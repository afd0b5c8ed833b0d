"""What a book has written down: columns of quotes, trades and queues, and those who are shown new rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs

from simexec.errors import InputError
from simexec.market import layout as at
from simexec.market.arrays import BookArrays
from simexec.market.columns import Columns
from simexec.market.levels import Array

_WIDTHS: Final = {at.QUOTES: 5, at.PRINTS: 6, at.DEPTHS: 6, at.QUEUES: 5}
_SWITCHES: Final = {at.QUOTES: at.RECORD_QUOTES, at.PRINTS: at.RECORD_PRINTS, at.DEPTHS: at.RECORD_DEPTH}

Observer = Callable[[Array], None]


@attrs.frozen
class Recorded:
    """What a book writes down while it runs."""

    quotes: bool = True
    prints: bool = True
    queues: bool = True
    spill: Path | None = None


class BookRecords:
    """Moves what the kernel has logged to columns that grow, and shows it to observers.

    Args:
        record: what is kept.
        state: of the book, which is told what to log.

    Attributes:
        quotes, prints, queues: see ``OrderBook``.
    """

    def __init__(self, record: Recorded, state: Array) -> None:
        state[at.RECORD_QUOTES] = record.quotes
        state[at.RECORD_PRINTS] = record.prints
        state[at.RECORD_QUEUES] = record.queues
        self.quotes = Columns(5, spill=record.spill, name="quotes")
        self.prints = Columns(6, spill=record.spill, name="prints")
        self.queues = Columns(5, spill=record.spill, name="queues")
        kept = ((record.quotes, at.QUOTES, self.quotes), (record.prints, at.PRINTS, self.prints))
        self._columns = {part: columns for keep, part, columns in kept if keep}
        if record.queues:
            self._columns[at.QUEUES] = self.queues
        self._observers: dict[int, list[Observer]] = {part: [] for part in _WIDTHS}

    def flush(self, arrays: BookArrays) -> None:
        """Empty the log, but for the rows for participants."""
        state = arrays.state
        logged: list[int] = state[at.LOGGED : at.LOGGED + at.LOG_PARTS].tolist()
        if not any(logged[1:]):
            return
        for part, width in _WIDTHS.items():
            used = logged[part]
            if used:
                rows = arrays.log[part, :used, :width]
                if part in self._columns:
                    self._columns[part].append(rows)
                state[at.LOGGED + part] = 0
                for observe in self._observers[part]:
                    observe(rows)

    def observe(self, arrays: BookArrays, part: int, observer: Observer, value: int = 1) -> None:
        """Show ``observer`` the rows of a part that come from now on; ``value`` is what the part is switched on with.

        Raises:
            InputError: more levels of depth than a book writes down.
        """
        if part == at.DEPTHS and not 1 <= value <= at.DEPTH_LEVELS:
            raise InputError(f"depth of {value} levels cannot be observed; 1 to {at.DEPTH_LEVELS} can")
        self.flush(arrays)
        self._observers[part].append(observer)
        switch = _SWITCHES[part]
        arrays.state[switch] = max(value, int(arrays.state[switch]))
