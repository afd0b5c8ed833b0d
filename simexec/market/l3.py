"""Order-by-order (L3) events: what every reader of such a recording hands over, whatever the file looked like.

A reader is a function that takes a path and returns a ``Recording`` (``recording.RecordingReader``). One for a new format fills an
``L3Events`` from its file and returns ``record(events)`` (``l3_recording``); ``docs/recordings.md`` has a complete one.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

import attrs
import numpy as np
import numpy.typing as npt

from simexec.errors import DataError
from simexec.market.levels import Array

# ``L3Events.actions``
ADD: Final = 1
CANCEL: Final = 2
MODIFY: Final = 3
TRADE: Final = 4
FILL: Final = 5
CLEAR: Final = 6
ACTIONS: Final = {ADD: "add", CANCEL: "cancel", MODIFY: "modify", TRADE: "trade", FILL: "fill", CLEAR: "clear"}

BUY: Final = 0
SELL: Final = 1
NO_SIDE: Final = 2

# bits of ``L3Events.flags``
LAST: Final = 1
GAP: Final = 2
SNAPSHOT: Final = 4
TURNED_BACK: Final = 8

LARGEST: Final = 2**40
"""Largest price in quanta and largest size: two of them multiply and thousands add up in an int64."""
SUBTICKS: Final = 100
"""Price quanta in a tick."""
_FIXED: Final = 9
_STEPS: Final = (5, 25, 2, 1)

Numbers: TypeAlias = npt.NDArray[Any]


@attrs.frozen(eq=False)
class L3Events:
    """The rows of a recording, each about one order, in the order in which the venue sent them.

    What a row says (``actions``) and what its other columns then hold:

    - ``ADD``: a new order of ``sizes`` at ``prices``;
    - ``CANCEL``: an order loses ``sizes`` and keeps its place; with size 0 it is gone;
    - ``MODIFY``: an order's size and price are now these. A lower size at the same price keeps its place;
    - ``TRADE``: an aggressor of this side traded ``sizes`` at ``prices``; its own order id if it is known, else 0. Without a side
      and followed by fills it is an auction's. The book does not change;
    - ``FILL``: a resting order's part in the trade above it. A cancel or change in the same event says what is left
      of the order, unless ``fills_remove``;
    - ``CLEAR``: all orders of the side, or of both, are gone.

    Attributes:
        source: the file, for messages.
        symbol: of the instrument.
        tick: smallest step of a limit price, in units of currency.
        times: ns since 1970 (UTC) at the venue.
        actions, sides: as above; ``BUY``, ``SELL`` or ``NO_SIDE``.
        ids: order ids, any 64 bits.
        prices: in quanta, ``SUBTICKS`` to a tick (``to_quanta``).
        sizes: whole numbers from 0 up.
        flags: ``LAST`` on the last row of each event; ``GAP`` where records before the row are missing; ``SNAPSHOT`` on rows that
            say what rested when the recording began. What is seen of the book is the book after an event.
        arrivals: ns since 1970 (UTC) at which the recorder received each row; None if it is not known.
        records: number of each row's record in the file, from 1; None: the rows are all records.
        fills_remove: a fill itself takes the shares from the book, no row confirms it.
        notes: facts about the file that its reader counted, by name.
    """

    source: str
    symbol: str
    tick: Decimal
    times: Numbers
    actions: Numbers
    ids: Numbers
    sides: Numbers
    prices: Numbers
    sizes: Numbers
    flags: Numbers
    arrivals: Numbers | None = None
    records: Numbers | None = None
    fills_remove: bool = False
    notes: dict[str, int] = attrs.field(factory=dict)

    def record_of(self, row: int) -> int:
        """Number of a row's record in the file."""
        return row + 1 if self.records is None else int(self.records[row])

    def check(self) -> None:
        """Refuse rows that mean nothing, whatever the book holds.

        Raises:
            DataError: with record, field and value.
        """
        if len(self.times) == 0:
            raise DataError(f"{self.source}: is empty")
        on_book = (self.actions == ADD) | (self.actions == MODIFY)
        priced = on_book | (self.actions == TRADE) | (self.actions == FILL)
        self.refuse((self.actions < ADD) | (self.actions > CLEAR), "action", self.actions, "1 (add) to 6 (clear)")
        self.refuse(on_book & (self.sides > SELL), "side", self.sides, "0 (buy) or 1 (sell)")
        self.refuse((self.sides < BUY) | (self.sides > NO_SIDE), "side", self.sides, "0 (buy), 1 (sell) or 2 (none)")
        # compared as what they are: a size of 2**64 - 1 must not become -1 first
        self.refuse((self.sizes < 0) | (self.sizes > LARGEST), "size", self.sizes, "from 0 to 2**40")
        self.refuse((self.actions == ADD) & (self.sizes == 0), "size", self.sizes, "positive")
        self.refuse(priced & (np.abs(self.prices) > LARGEST), "price", self.prices, "within 2**40 quanta")
        self.refuse(
            on_book & (self.prices % SUBTICKS != 0), "price", self.prices, f"a whole number of ticks of {self.tick}"
        )

    def refuse(self, wrong: Numbers, field: str, values: Numbers, right: str) -> None:
        """Raise for the first row that is wrong, if there is one."""
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(f"{self.source}: record {self.record_of(row)}: {field} {values[row]} must be {right}")


def to_quanta(prices: Numbers, tick: Decimal) -> Array:
    """Prices of nine decimals (int64, units of currency times 10**9) in quanta; a price off the quantum is rounded down.

    Raises:
        DataError: the tick cannot be had with nine decimals.
    """
    quantum = tick.scaleb(_FIXED) / SUBTICKS
    if quantum != int(quantum):  # a tick finer than 1e-7: all book prices are whole ticks, so scale up instead
        ticks = tick.scaleb(_FIXED)
        if ticks != int(ticks) or ticks <= 0:
            raise DataError(f"tick {tick} must be a positive number of at most nine decimals")
        return np.asarray(prices, np.int64) * SUBTICKS // int(ticks)
    return np.asarray(prices, np.int64) // int(quantum)


def quanta_per_unit(tick: Decimal) -> int:
    """Price quanta in one unit of currency.

    Raises:
        DataError: they are no whole number; the tick is none that prices are counted in.
    """
    quanta = SUBTICKS / tick
    if quanta != int(quanta):
        raise DataError(f"tick {tick} does not divide {SUBTICKS}; name one that does, such as 0.01 or 0.25")
    return int(quanta)


def guess_tick(prices: Numbers) -> Decimal:
    """The largest step of the kind 1, 2, 2.5 or 5 times a power of ten that all these prices (nine decimals) are multiples of.

    A file with few prices may suggest a larger tick than the instrument's; then name the tick.
    """
    step = int(np.gcd.reduce(prices)) if len(prices) else 0
    for exponent in range(12, -1, -1):
        for factor in sorted(_STEPS, key=lambda f: f if f < 10 else f / 10, reverse=True):
            unit = factor * 10**exponent // (10 if factor == 25 else 1)
            if step and unit and (factor != 25 or exponent > 0) and step % unit == 0:
                return Decimal(unit).scaleb(-_FIXED).normalize()
    return Decimal("0.01")


def midnight(time_ns: int, timezone: str) -> tuple[dt.date, int]:
    """The local date of a time (ns since 1970, UTC), and when that day begins."""
    local = dt.datetime.fromtimestamp(time_ns // 10**9, ZoneInfo(timezone))
    begins = dt.datetime.combine(local.date(), dt.time(), ZoneInfo(timezone))
    return local.date(), int(begins.timestamp()) * 10**9
