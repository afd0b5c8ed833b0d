"""Recorded messages made by hand, and a market that replays them with our orders among them."""

from __future__ import annotations

from simexec.market import layout as at
from simexec.market.order_book import OutRow
from simexec.testing import check_book

from .scripted import Message, ScriptedMarket

BUY, SELL = 0, 1
X, Y, Z, W = range(4)
"""References of recorded orders."""
DEPARTURES = (
    "TAKEN", "LEFTOVER_TAKEN", "GIVEN_SWEEP", "GIVEN_ARRIVAL", "LEFTOVER_MADE", "LEFTOVER_CONSUMED",
    "LEFTOVER_CANCELLED", "CUT", "CUT_MESSAGES", "UNFILLED", "HIDDEN_SPARED", "DISPLACED",
)  # fmt: skip


def add(time: int, ref: int, side: int, price: int, quantity: int) -> Message:
    return (time, at.ADD, ref, price, quantity, side)


def add_unknown(time: int, ref: int, side: int, price: int, quantity: int) -> Message:
    return (time, at.ADD_HEAD, ref, price, quantity, side)


def remove(time: int, ref: int, quantity: int) -> Message:
    return (time, at.REMOVE, ref, 0, quantity, 0)


def prune(time: int, side: int, price: int, quantity: int) -> Message:
    return (time, at.PRUNE, at.NIL, price, quantity, side)


def sweep(time: int, side: int, *hits: tuple[int, int, int]) -> list[Message]:
    """A recorded aggressor of ``side`` and its counterparties: reference (NIL: hidden), price, quantity."""
    prices = [price for _, price, _ in hits]
    worst = max(prices) if side == BUY else min(prices)
    return [
        (time, at.SWEEP, at.NIL, worst, sum(quantity for _, _, quantity in hits), side),
        *((time, at.HIT, ref, price, quantity, 1 - side) for ref, price, quantity in hits),
        (time, at.SWEEP_END, at.NIL, 0, 0, side),
    ]


class Replay(ScriptedMarket):
    """Plays recorded messages; our orders get the numbers 1, 2, ...; answers are (number, price, quantity)."""

    def __init__(self) -> None:
        super().__init__()
        self.orders = 0

    def history(self, *messages: Message) -> list[tuple[int, int, int]]:
        rows = self.play(*messages)
        check_book(self.book)
        return self.fills(rows)

    def ours(
        self, side: int, quantity: int, price: int, *, flags: int = 0, peak: int = 0, time: int | None = None
    ) -> list[tuple[int, int, int]]:
        self.orders += 1
        now = self.count(at.TIME) if time is None else time
        rows = self.book.submit(now, side, quantity, price, number=self.orders, flags=flags, peak=peak)
        check_book(self.book)
        return self.fills(rows)

    def fills(self, rows: list[OutRow]) -> list[tuple[int, int, int]]:
        return [(row[2], row[3], row[4]) for row in rows if row[0] == at.OUT_FILL]

    def queue(self, side: int, price: int) -> list[tuple[str, int]]:
        """Who stands at a price, with what is displayed (of a hidden order: what is left)."""
        return [
            ("ours" if owner else "XYZW"[number], shown or reserve)
            for owner, number, shown, reserve in self.book.queue(side, price)
        ]

    def counts(self) -> dict[str, int]:
        """The departures from history that are not zero."""
        return {name: self.count(getattr(at, name)) for name in DEPARTURES if self.count(getattr(at, name))}
