"""The compiled book and the naive one side by side, for scripts: orders have names, answers are short and must be equal."""

from __future__ import annotations

from collections.abc import Callable

from simexec.market import layout as at
from simexec.market.order_book import OutRow
from simexec.testing import check_book

from .naive_book import Reply, as_replies
from .naive_matching import NaiveMatching
from .scripted import Message, ScriptedMarket

BUY, SELL = 0, 1
WORDS = {
    at.OUT_FILL: "fill",
    at.OUT_REST: "rest",
    at.OUT_CANCEL: "cancel",
    at.OUT_TRIGGER: "trigger",
    at.OUT_LEAVE: "leave",
    at.OUT_HALT: "halt",
}

Event = tuple[str, str, int, int]
"""What happened (``take`` is a taker's fill), to which order, price or reason, quantity."""


class Paired:
    """Two books that are given the same requests.

    Args:
        tick: in price quanta.
    """

    def __init__(self, *, tick: int = 1) -> None:
        self.market = ScriptedMarket(tick_quanta=tick)
        self.book = self.market.book
        self.naive = NaiveMatching(tick)
        self.names: dict[int, str] = {0: ""}
        self.time = 0
        self.references = 0

    # --- requests ---

    def limit(
        self, name: str, side: int, quantity: int, price: int, *, owner: int = 0, flags: int = 0, peak: int = 0,
        minimum: int = 0,
    ) -> list[Event]:  # fmt: skip
        number = self._name(name)
        order = {"owner": owner or number, "number": number, "flags": flags, "peak": peak, "minimum": minimum}
        return self._both(
            lambda time: self.book.submit(time, side, quantity, price, **order),
            lambda time: self.naive.submit(time, side, quantity, price, **order),
        )

    def market_order(self, name: str, side: int, quantity: int, *, owner: int = 0, flags: int = 0) -> list[Event]:
        return self.limit(name, side, quantity, 0, owner=owner, flags=flags | at.MARKET)

    def stop(
        self, name: str, side: int, quantity: int, stop: int | None, price: int | None = None, *, owner: int = 0,
        flags: int = 0, peak: int = 0, trail: int = 0,
    ) -> list[Event]:  # fmt: skip
        """Without a price a stop, with one a stop-limit."""
        number, flags = self._name(name), flags | (at.MARKET if price is None else 0)
        order = {"owner": owner or number, "number": number, "flags": flags, "peak": peak, "trail": trail}
        return self._both(
            lambda time: self.book.submit_stop(time, side, quantity, stop, price or 0, **order),
            lambda time: self.naive.submit_stop(time, side, quantity, stop, price or 0, **order),
        )

    def peg(
        self, name: str, side: int, quantity: int, kind: int, offset: int = 0, *, cap: int | None = None,
        owner: int = 0, flags: int = 0, peak: int = 0,
    ) -> list[Event]:  # fmt: skip
        number = self._name(name)
        order = {"owner": owner or number, "number": number, "flags": flags, "peak": peak}
        return self._both(
            lambda time: self.book.submit_peg(time, side, quantity, kind, offset, cap, **order),
            lambda time: self.naive.submit_peg(time, side, quantity, kind, offset, cap, **order),
        )

    def replace(
        self, name: str, quantity: int, price: int | None = None, *, stop: int | None = None, flags: int = 0,
        peak: int = 0,
    ) -> list[Event] | None:  # fmt: skip
        """None if it was refused."""
        number, done = self.number(name), [False, False]
        order = {"owner": number, "flags": flags, "peak": peak}

        def book(time: int) -> list[OutRow]:
            rows = self.book.replace(time, number, quantity, price, stop=stop, **order)
            done[0] = rows is not None
            return rows or []

        def naive(time: int) -> None:
            done[1] = self.naive.replace(time, number, quantity, price, stop=stop, **order) is not None

        events = self._both(book, naive)
        assert done[0] == done[1]
        return events if done[0] else None

    def cancel(self, name: str) -> list[Event]:
        """What it brought about beside the end of the order."""
        number, left = self.number(name), [0, 0]

        def book(time: int) -> list[OutRow]:
            left[0] = self.book.cancel(time, number)
            return []

        def naive(time: int) -> None:
            left[1] = self.naive.cancel(time, number)

        events = self._both(book, naive)
        assert left[0] == left[1] > 0
        return events

    def reduce(self, name: str, quantity: int) -> list[Event]:
        def book(time: int) -> list[OutRow]:
            self.book.reduce(time, self.number(name), quantity)
            return []

        return self._both(book, lambda time: self.naive.reduce(time, self.number(name), quantity))

    def background(self, kind: int, price: int, quantity: int, side: int = BUY, *, part: bool = False) -> list[Event]:
        """A message of the background; a limit order's price is its distance from the opposite side."""
        self.references += 1
        kind |= at.PART if part else 0
        message: Message = (self.time + 1, kind, self.references - 1, price, quantity, side)

        def book(time: int) -> list[OutRow]:
            self.market.play(message, until=time)
            return []

        return self._both(book, lambda time: self.naive.message(*message))

    def phase(self, phase: int) -> list[Event]:
        return self._both(lambda time: self.book.set_phase(time, phase), lambda time: self.naive.set_phase(time, phase))

    def band(self, low: int | None, high: int | None) -> None:
        self.book.set_band(low, high)
        self.naive.set_band(low, high)

    def pro_rata(self, minimum: int) -> None:
        self.book.set_pro_rata(minimum)
        self.naive.set_pro_rata(minimum)

    # --- questions ---

    def number(self, name: str) -> int:
        return next(number for number, other in self.names.items() if other == name)

    def queue(self, side: int, price: int) -> list[tuple[str, int, int]]:
        """Name, displayed and undisplayed quantity of a price's orders, in priority."""
        rows = self.book.queue(side, price)
        assert rows == self.naive.book.queue(side, price)
        return [(self.names[row[1]] if row[0] else "", row[2], row[3]) for row in rows]

    def prices(self, side: int) -> list[int]:
        """Displayed prices of a side, the best first."""
        return [price for price, _, _ in self.book.depth(side)]

    def leaves(self, name: str) -> int:
        return self.book.leaves(self.number(name))

    def prints(self) -> list[tuple[int, int, int]]:
        """Price, quantity and flags of every trade."""
        self.book.flush()
        return [(row[1], row[2], row[4]) for row in self.book.prints.since().tolist()]

    # --- inside ---

    def _name(self, name: str) -> int:
        self.names[len(self.names)] = name
        return len(self.names) - 1

    def _both(self, book: Callable[[int], list[OutRow]], naive: Callable[[int], object]) -> list[Event]:
        self.time += 1
        told, start = len(self.market.told), len(self.naive.book.replies)
        replies = as_replies(book(self.time) + self.market.told[told:])
        naive(self.time)
        assert replies == self.naive.book.replies[start:]
        for side in range(2):
            assert self.book.depth(side) == self.naive.book.depth(side)
        check_book(self.book)
        return [self._event(reply) for reply in replies]

    def _event(self, reply: Reply) -> Event:
        word = "take" if reply.kind == at.OUT_FILL and not reply.maker else WORDS[reply.kind]
        return word, self.names[reply.number], reply.price, reply.quantity
