"""Invented days: an exchange in pure Python that trades by itself and writes down what LOBSTER would."""

from __future__ import annotations

import gzip
import random
from dataclasses import dataclass, field
from pathlib import Path

from simexec.market import layout as at

from .naive_book import NaiveBook, NaiveOrder

START_NS = 34_200 * 10**9
EMPTY = 9_999_999_999
TICK = 100

Row = tuple[int, int, int, int, int, int]
"""Time in ns, type, order id, size, price, direction."""


@dataclass
class History:
    """An exchange's book of which the best ``levels`` prices a side are recorded, row by row."""

    levels: int
    book: NaiveBook = field(default_factory=NaiveBook)
    rows: list[Row] = field(default_factory=list)
    books: list[list[int]] = field(default_factory=list)
    time: int = START_NS
    ids: int = 0
    recording: bool = False

    def window(self, side: int) -> list[int]:
        return [price for price, _, _ in self.book.depth(side)[: self.levels]]

    def snapshot(self) -> list[int]:
        depths = [self.book.depth(side) for side in (1, 0)]
        row = []
        for i in range(self.levels):
            for depth, nothing in zip(depths, (EMPTY, -EMPTY), strict=True):
                row += depth[i][:2] if i < len(depth) else (nothing, 0)
        return row

    def write(self, event: int, number: int, size: int, order: NaiveOrder, *, seen: bool) -> None:
        """Record an event if it was inside the window."""
        if self.recording and seen:
            direction = 1 if order.side == 0 else -1
            self.rows.append((self.time, event, number, size, order.price, direction))
            self.books.append(self.snapshot())

    def arrive(self, side: int, price: int, quantity: int, *, hidden: bool = False, ioc: bool = False) -> None:
        """An order arrives: it trades, one counterparty and one row after the other, and what is left rests."""
        while quantity > 0:
            makers = self.book.tradable(side, price)
            if not makers:
                break
            maker = makers[0]
            size = min(quantity, maker.leaves)
            self.book.submit(self.time, side, size, price, owner=2, number=10**9, flags=at.IOC)
            quantity -= size
            self.write(5 if maker.hidden else 4, 0 if maker.hidden else maker.number, size, maker, seen=True)
        if quantity > 0 and not ioc:
            self.ids += 1
            flags = at.HIDDEN if hidden else 0
            self.book.submit(self.time, side, quantity, price, owner=1, number=self.ids, flags=flags)
            order = self.book.find(self.ids)
            assert order is not None
            self.write(1, self.ids, quantity, order, seen=not hidden and price in self.window(side))

    def leave(self, order: NaiveOrder, quantity: int) -> None:
        """An order loses quantity, or all it has."""
        seen = not order.hidden and order.price in self.window(order.side)
        whole = quantity >= order.leaves
        size = min(quantity, order.leaves)
        self.book.reduce(self.time, order.number, size)
        self.write(3 if whole else 2, order.number, size, order, seen=seen)

    def middle(self) -> int:
        best = [self.book.best(side)[0] for side in range(2)]
        known = [price for price in best if price is not None]
        return sum(known) // len(known) // TICK * TICK if known else 100 * TICK


def invent(seed: int, *, events: int, levels: int, before: int = 12, ties: bool = True, reach: int = 6) -> History:
    """A day of so many events: orders, displayed and hidden, come, shrink, go, and sweep several prices.

    Args:
        before: orders that rest before the recording begins.
        ties: whether events may share a time.
        reach: ticks from the middle within which orders arrive.
    """
    rng = random.Random(seed)
    history = History(levels)
    side = 0
    for _ in range(before):
        away = rng.randint(1, reach) * TICK
        history.arrive(side, 100 * TICK + (away if side else -away), rng.randint(1, 30))
        side = 1 - side
    history.recording = True
    drift = 0
    for _ in range(events):
        history.time += rng.choice([0, 0, 1, 2, 1000] if ties else [1, 2, 1000])
        side = rng.randint(0, 1)
        orders = history.book.orders
        middle = max(50 * TICK, history.middle() + drift * TICK)
        drift = rng.choice([drift] * 6 + [-2, 0, 0, 0, 2])
        sign = 1 if side == 0 else -1
        what = rng.random()
        if what < 0.45 or not orders:
            price = middle - sign * rng.randint(-1, reach) * TICK
            history.arrive(side, price, rng.randint(1, 30), hidden=rng.random() < 0.15)
        elif what < 0.55:
            history.leave(rng.choice(orders), rng.randint(1, 10))
        elif what < 0.75:
            history.leave(rng.choice(orders), 10**9)
        else:
            history.arrive(side, middle + sign * rng.randint(0, reach) * TICK, rng.randint(1, 80), ioc=True)
    return history


def write_files(
    folder: Path, history: History, *, symbol: str = "TEST", date: str = "2024-03-05", zipped: bool = False
) -> Path:
    """Write a day's two files; returns the message file."""
    stem = f"{symbol}_{date}_34200000_57600000"
    suffix = ".csv.gz" if zipped else ".csv"
    messages = "".join(
        f"{time // 10**9}.{time % 10**9:09d},{','.join(map(str, rest))}\n" for time, *rest in history.rows
    )
    books = "".join(",".join(map(str, row)) + "\n" for row in history.books)
    message_file = folder / f"{stem}_message_{history.levels}{suffix}"
    orderbook_file = folder / f"{stem}_orderbook_{history.levels}{suffix}"
    for path, text in ((message_file, messages), (orderbook_file, books)):
        data = text.encode()
        path.write_bytes(gzip.compress(data, 1) if zipped else data)
    return message_file
