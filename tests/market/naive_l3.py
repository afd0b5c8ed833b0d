"""A small order-by-order book in plain Python: what a replay is compared with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

OWN = -1


class Row(NamedTuple):
    """A row of a recording; ``side`` 0 buys, 1 sells, 2 is none."""

    time: int
    action: str
    order: int
    side: int
    price: int
    size: int
    last: bool = True


class NaiveBook:
    """Queues as lists of ``[order, size]``; the rules of docs/recordings.md, one after the other.

    ``own`` orders of ours stand in the queues too, under the id ``OWN``; they never trade here.
    """

    def __init__(self) -> None:
        self.queues: tuple[dict[int, list[list[int]]], dict[int, list[list[int]]]] = ({}, {})
        self.where: dict[int, tuple[int, int]] = {}
        self.touched: set[tuple[int, int]] = set()

    def add(self, order: int, side: int, price: int, size: int) -> None:
        self.queues[side].setdefault(price, []).append([order, size])
        self.where[order] = (side, price)
        self.touched.add((side, price))

    def find(self, order: int) -> list[int]:
        side, price = self.where[order]
        return next(each for each in self.queues[side][price] if each[0] == order)

    def drop(self, order: int) -> None:
        side, price = self.where.pop(order)
        queue = self.queues[side][price]
        queue.remove(next(each for each in queue if each[0] == order))
        if not queue:
            del self.queues[side][price]
        self.touched.add((side, price))

    def apply(self, event: Iterable[Row]) -> None:
        """Apply an event: the rows up to one with ``last``."""
        filled: dict[int, int] = {}
        aggressor = None
        for row in event:
            if row.action == "T":
                aggressor = row
            elif row.action == "F":
                auction = aggressor is not None and aggressor.side == 2
                own = aggressor is not None and self.where.get(row.order, (row.side,))[0] == aggressor.side
                if not auction and not own:
                    filled[row.order] = filled.get(row.order, 0) + row.size
            elif row.action == "A":
                self.add(row.order, row.side, row.price, row.size)
            elif row.action == "C":
                entry = self.find(row.order)
                entry[1] -= row.size
                self.touched.add(self.where[row.order])
                if entry[1] <= 0:
                    self.drop(row.order)
            elif row.action == "M":
                entry = self.find(row.order)
                left = entry[1] - filled.get(row.order, 0)
                if self.where[row.order] != (row.side, row.price) or row.size > left:
                    self.drop(row.order)
                    self.add(row.order, row.side, row.price, row.size)
                else:
                    entry[1] = row.size
                    self.touched.add((row.side, row.price))
            elif row.action == "R":
                for order in list(self.where):
                    if order != OWN:
                        self.drop(order)

    def sizes(self, side: int, price: int) -> list[int]:
        """The queue of a price: sizes in priority."""
        return [size for _, size in self.queues[side].get(price, [])]

    def best(self, side: int) -> int | None:
        prices = self.queues[side]
        return (max(prices) if side == 0 else min(prices)) if prices else None

    def ahead(self) -> tuple[int, int]:
        """Orders ahead of ours, and their quantity."""
        side, price = self.where[OWN]
        queue = self.queues[side][price]
        place = next(i for i, each in enumerate(queue) if each[0] == OWN)
        return place, sum(size for _, size in queue[:place])

    def would_trade(self, event: Iterable[Row]) -> bool:
        """Whether an aggressor of the event comes to our order, or an order joins that reaches it."""
        if OWN not in self.where:
            return False
        side, price = self.where[OWN]
        sign = 1 - 2 * side
        queue = [each[0] for each in self.queues[side][price]]
        aggressor: Any = None
        for row in event:
            if row.action == "T":
                aggressor = row
            elif row.action == "F" and aggressor is not None and aggressor.side == 1 - side:
                at = self.where.get(row.order, (side, row.price))[1]
                if sign * at < sign * price or (at == price and queue.index(row.order) > queue.index(OWN)):
                    return True
            elif row.action in "AM" and row.side == 1 - side and sign * row.price <= sign * price:
                return True
        return False
