"""A market whose background messages are written by hand, one or many at a time."""

from __future__ import annotations

import numpy as np

from simexec.market import layout as at
from simexec.market.arrays import BookArrays
from simexec.market.levels import Array
from simexec.market.market import Market
from simexec.market.order_book import OutRow
from simexec.market.records import Recorded

Message = tuple[int, int, int, int, int, int]
"""Time, kind, reference, price or distance, quantity, side."""


class ScriptedFlow:
    """Hands out what was put into ``waiting``, all in one chunk or message by message."""

    def __init__(self, *, tick_quanta: int = 1, chunk: int | None = None) -> None:
        self.references = 0
        self.tick_quanta = tick_quanta
        self.waiting: list[Message] = []
        self.chunk = chunk

    def next_messages(self) -> Array | None:
        given = self.waiting[: self.chunk]
        if not given:
            return None
        del self.waiting[: len(given)]
        self.references = max([self.references, *(message[2] + 1 for message in given)])
        return np.array(given, np.int64)

    def applied(self, time_ns: int) -> int:
        return 0


class ScriptedMarket:
    """A market and its script; collects what its participants are told.

    Args:
        cramped: start with room for hardly anything, so that every pool grows and the log fills.
    """

    def __init__(
        self, *, tick_quanta: int = 1, cramped: bool = False, chunk: int | None = None, record: Recorded | None = None
    ) -> None:
        self.flow = ScriptedFlow(tick_quanta=tick_quanta, chunk=chunk)
        self.market = Market("XTST", self.flow, record=record)
        self.book = self.market.book
        if cramped:
            old = self.book.arrays.state
            self.book.arrays = BookArrays.empty(orders=4, levels=4, slots=4, log=16)
            for i in (at.TICK, at.RECORD_QUOTES, at.RECORD_PRINTS, at.RECORD_QUEUES):
                self.book.arrays.state[i] = old[i]
            self.market._load()
        self.told: list[OutRow] = []
        self.market.listen(self.told.extend)

    def play(self, *messages: Message, until: int | None = None) -> list[OutRow]:
        """Apply messages, in time order; returns what participants were told."""
        self.flow.waiting += messages
        start = len(self.told)
        last = until if until is not None else max([0, *(message[0] for message in messages)])
        while self.market.advance(last) is not None:
            self.market.dispatch()
        return self.told[start:]

    def count(self, index: int) -> int:
        """A scalar of the kernel's state."""
        return int(self.book.arrays.state[index])


def outcome(rows: list[list[int]]) -> list[tuple[int, int, int]]:
    """Kind, price (or reason) and quantity of each row."""
    return [(row[0], row[3], row[4]) for row in rows]
