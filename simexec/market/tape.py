"""What a market without a book is known by: bars, or quotes and trades, in time order, block by block.

A tape hands out int64 blocks, so that a file of any length passes through bounded memory. Prices are price quanta,
quantities whole shares, times ns since the run's epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from simexec.errors import DataError, InputError
from simexec.market.levels import Array
from simexec.sim.clock import Duration, format_time_of_day, parse_duration
from simexec.trading.instrument import LARGEST_COUNT, Instrument
from simexec.trading.money import Number

# Columns of a bar. It is known at its end, and covers its start up to, not including, its end.
START: Final = 0
END: Final = 1
OPEN: Final = 2
HIGH: Final = 3
LOW: Final = 4
CLOSE: Final = 5
VOLUME: Final = 6
BAR_WIDTH: Final = 7

# Columns of a quote or trade: time, kind, then bid, bid size, ask, ask size of a QUOTE; price, size, 0, 0 of a TRADE.
TIME: Final = 0
KIND: Final = 1
QUOTE: Final = 0
TRADE: Final = 1
QUOTE_WIDTH: Final = 6


class Tape(Protocol):
    """A market's history in time order.

    Attributes:
        is_bars: whether its rows are bars; otherwise quotes and trades.
    """

    @property
    def is_bars(self) -> bool:
        """See the class."""

    def blocks(self) -> Iterator[Array]:
        """The rows from the beginning, int64 blocks (n, columns of this module), n > 0."""


class BarTape:
    """Bars in memory.

    Args:
        rows: int64 array (n, 7).

    Raises:
        DataError: bars that are no bars, or not in order.
    """

    is_bars: Final = True

    def __init__(self, rows: Array) -> None:
        rows = np.ascontiguousarray(rows, np.int64).reshape(-1, BAR_WIDTH)
        body = np.stack([rows[:, OPEN], rows[:, CLOSE]])
        bad = (
            (rows[:, LOW] <= 0)
            | (rows[:, LOW] > body.min(axis=0))
            | (rows[:, HIGH] < body.max(axis=0))
            | (rows[:, VOLUME] < 0)
            | (rows[:, START] >= rows[:, END])
        )
        bad[1:] |= rows[1:, START] < rows[:-1, END]
        if bad.any():
            first = int(np.argmax(bad))
            raise DataError(
                f"bar {first + 1}, {rows[first].tolist()} (start, end, open, high, low, close, volume), is inconsistent or"
                " begins before the end of the one before; check it"
            )
        self.rows: Array = rows

    @classmethod
    def of(
        cls,
        instrument: Instrument,
        bars: Iterable[tuple[Duration, Number, Number, Number, Number, int]],
        interval: Duration,
    ) -> BarTape:
        """Make a tape of ``(start, open, high, low, close, volume)``; start: since the epoch, prices: in the currency."""
        length, price = parse_duration(interval), instrument.to_quanta
        rows = [
            (
                start := parse_duration(begin),
                start + length,
                price(open_),
                price(high),
                price(low),
                price(close),
                volume,
            )
            for begin, open_, high, low, close, volume in bars
        ]
        return cls(np.array(rows, np.int64))

    def blocks(self) -> Iterator[Array]:
        """See ``Tape``."""
        if len(self.rows):
            yield self.rows


class QuoteTape:
    """Quotes, and trades if they are known, in memory.

    A trade comes before a quote of the same time: it traded against the quote before.

    Args:
        rows: int64 array (n, 6); size 0 of a side: it shows nothing.

    Raises:
        DataError: times that run backwards, a crossed quote, a size below 0, a price that is not positive.
    """

    is_bars: Final = False

    def __init__(self, rows: Array) -> None:
        rows = np.ascontiguousarray(rows, np.int64).reshape(-1, QUOTE_WIDTH)
        bid, bid_size, ask, ask_size = rows[:, 2:].T
        trade = rows[:, KIND] == TRADE
        shows = (bid_size > 0) & (ask_size > 0)
        bad = np.where(
            trade,
            (bid <= 0) | (bid_size <= 0),
            (bid_size < 0) | (ask_size < 0) | (shows & (bid > ask)) | ((bid_size > 0) & (bid <= 0))
            | ((ask_size > 0) & (ask <= 0)),
        )  # fmt: skip
        bad[1:] |= np.diff(rows[:, TIME]) < 0
        if bad.any():
            first = int(np.argmax(bad))
            raise DataError(
                f"row {first + 1}, {rows[first].tolist()} (time, kind, bid, bid size, ask, ask size, or price, size), is crossed,"
                " negative or earlier than the one before; leave it out"
            )
        self.rows: Array = rows

    @classmethod
    def of(
        cls,
        instrument: Instrument,
        quotes: Sequence[npt.ArrayLike],
        trades: Sequence[npt.ArrayLike] | None = None,
    ) -> QuoteTape:
        """Make a tape of columns.

        Args:
            instrument: for its price quantum.
            quotes: times (ns since the epoch), bids, bid sizes, asks, ask sizes; prices in the currency.
            trades: times, prices, sizes; None: not known.
        """
        times, bids, bid_sizes, asks, ask_sizes = (np.asarray(column) for column in quotes)
        sides = [*_side(instrument, bids, bid_sizes), *_side(instrument, asks, ask_sizes)]
        rows = np.stack([times.astype(np.int64), np.full(len(times), QUOTE), *sides], axis=1)
        if trades is not None:
            times, prices, sizes = (np.asarray(column) for column in trades)
            nothing = np.zeros(len(times), np.int64)
            traded = [nothing + TRADE, *_side(instrument, prices, sizes), nothing, nothing]
            rows = np.concatenate([rows, np.stack([times.astype(np.int64), *traded], axis=1)])
            rows = rows[np.lexsort((-rows[:, KIND], rows[:, TIME]))]
        return cls(rows)

    def blocks(self) -> Iterator[Array]:
        """See ``Tape``."""
        if len(self.rows):
            yield self.rows


def _side(
    instrument: Instrument, prices: npt.NDArray[np.generic], sizes: npt.NDArray[np.generic]
) -> tuple[Array, Array]:
    """Prices in quanta, to the nearest, and whole sizes; a price that is not a number counts where there is no size."""
    exact = np.asarray(prices, np.float64) / float(instrument.quantum)
    whole = np.asarray(sizes, np.float64)
    fine = np.isfinite(exact) | (whole == 0)
    if not (fine & np.isfinite(whole) & (np.abs(np.nan_to_num(exact)) < LARGEST_COUNT)).all():
        first = int(np.argmin(fine & np.isfinite(whole)))
        raise InputError(f"row {first + 1} has price {prices[first]} and size {sizes[first]}; leave it out")
    return np.rint(np.nan_to_num(exact)).astype(np.int64), np.floor(whole).astype(np.int64)


class TapeCursor:
    """A place in a tape.

    Attributes:
        block: the present block; ``index``: the next row of it.
        next_time: time at which the next row is known, None at the end.
    """

    def __init__(self, tape: Tape) -> None:
        self._column = END if tape.is_bars else TIME
        self._blocks = tape.blocks()
        self.block: Array = np.empty((0, BAR_WIDTH), np.int64)
        self.index = 0
        self.next_time: int | None = None
        self._last = 0
        self._load()

    def _load(self) -> None:
        block = next(self._blocks, None)
        self.index = 0
        if block is None:
            self.block, self.next_time = self.block[:0], None
            return
        first = int(block[0, self._column])
        if first < self._last:
            raise DataError(
                f"a row of {format_time_of_day(max(first, 0))} follows one of {format_time_of_day(self._last)}; times must"
                " not run backwards, nor begin before the run's epoch"
            )
        self.block, self.next_time, self._last = block, first, int(block[-1, self._column])

    def upto(self, until: int) -> Array:
        """Rows of this block that are known by a time; may be fewer than all such rows, none only if there are none."""
        end = int(np.searchsorted(self.block[:, self._column], until, side="right"))
        return self.block[self.index : end]

    def skip(self, rows: int) -> None:
        """Go on by so many rows of this block."""
        self.index += rows
        if self.index < len(self.block):
            self.next_time = int(self.block[self.index, self._column])
        else:
            self._load()
