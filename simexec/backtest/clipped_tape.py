"""The rows of a tape that lie within a backtest, on the run's own clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import numpy as np

from simexec.backtest.array_columns import UNIX
from simexec.errors import DataError
from simexec.market.bars import BarFile
from simexec.market.levels import Array
from simexec.market.tape import BAR_WIDTH, END, QUOTE_WIDTH, START, TIME, BarTape, QuoteTape, Tape

_ROWS_AT_ONCE: Final = 65_536  # of which copies are made
_LARGEST_TIME: Final = 2**63 - 1


class ClippedTape:
    """A tape on the run's own clock, and of it the rows within a period. What a tape that is not ours hands out is checked.

    A tape without a row in the period is refused.

    Args:
        tape: times in ns since 1970.
        epoch_ns: the run's epoch, ns since 1970.
        start_ns: rows that begin earlier are left out, ns since the run's epoch; so are rows known later than ``end_ns``.
        symbol: for messages.
    """

    def __init__(self, tape: Tape, epoch_ns: int, start_ns: int, end_ns: int, symbol: str = "") -> None:
        self.is_bars = tape.is_bars
        self._tape = tape
        self._symbol = symbol
        self._epoch, self._start, self._end = epoch_ns, start_ns, end_ns

    def blocks(self) -> Iterator[Array]:
        """See ``Tape``.

        Raises:
            DataError: rows are no rows, or run backwards, with symbol, row and value; or none lies within the period.
        """
        first, known = (START, END) if self.is_bars else (TIME, TIME)
        times = [START, END] if self.is_bars else [TIME]
        checks = not isinstance(self._tape, BarTape | QuoteTape | BarFile)
        last, count = -_LARGEST_TIME, 0
        earliest: int | None = None
        found = False
        for block in self._tape.blocks():
            if checks:
                self._check(block, count)
            if len(block) and block[0, first] < last:
                raise DataError(
                    f"row {count + 1} of {self._symbol}, {block[0].tolist()}, begins before the end of the one before, {last} ns;"
                    " sort them"
                )
            if len(block):
                last = int(block[-1, known])
                earliest = int(block[0, first]) if earliest is None else earliest
            for at in range(0, len(block), _ROWS_AT_ONCE):
                rows = block[at : at + _ROWS_AT_ONCE].copy()
                rows[:, times] -= self._epoch
                over = rows[:, known] > self._end
                wanted = rows[(rows[:, first] >= self._start) & ~over]
                if len(wanted):
                    found = True
                    yield wanted
                if over.all():
                    self._check_any(found, earliest, last)
                    return
            count += len(block)
        self._check_any(found, earliest, last)

    def _check_any(self, found: bool, first_ns: int | None, last_ns: int) -> None:
        if found:
            return
        what = "bar" if self.is_bars else "quote or trade"
        start, end = (_moment(self._epoch + time_ns) for time_ns in (self._start, self._end))
        if first_ns is None:
            raise DataError(f"there is no {what} of {self._symbol} at all; the backtest is from {start} to {end}")
        raise DataError(
            f"no {what} of {self._symbol} lies within the backtest, from {start} to {end}: those that were read are from"
            f" {_moment(first_ns)} to {_moment(last_ns)}; take another period, or mind the time zone"
        )

    def _check(self, block: Array, before: int) -> None:
        kind, width = (BarTape, BAR_WIDTH) if self.is_bars else (QuoteTape, QUOTE_WIDTH)
        if not (isinstance(block, np.ndarray) and block.dtype == np.int64 and block.shape[1:] == (width,)):
            shape, dtype = getattr(block, "shape", None), getattr(block, "dtype", type(block).__name__)
            raise DataError(
                f"a tape of {self._symbol} handed out {dtype} of shape {shape}; its blocks are int64 of shape (n, {width}): ns, and"
                " prices in quanta (instrument.to_quanta)"
            )
        try:
            kind(block)
        except DataError as error:
            raise DataError(f"rows of {self._symbol} behind row {before}: {error}") from None


def _moment(time_ns: int) -> str:
    """A time in ns since 1970 as people write it, in UTC."""
    return f"{UNIX + timedelta(microseconds=time_ns // 1000):%Y-%m-%d %H:%M:%S} UTC"
