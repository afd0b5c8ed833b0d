"""One instrument's market: a compiled book and the order flow that drives it, coupled to the calendar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from simexec.market import layout as at
from simexec.market.flow import advance
from simexec.market.levels import Array
from simexec.market.order_book import OrderBook, OutRow, Recorded, empty_messages


class Flow(Protocol):
    """Where the next background message comes from: a recording or a model.

    Attributes:
        references: background references that its messages have used so far are below this.
        tick_quanta: price quanta in a tick.
    """

    references: int
    tick_quanta: int

    def next_messages(self) -> Array | None:
        """The next chunk of messages, int64 (n, 6) in time order (``layout``), n > 0; None at the end."""

    def applied(self, time_ns: int) -> int:
        """Messages of the flow, as its users count them, up to and including the present time."""


class Market:
    """A book advanced through its flow in bulk; implements ``CoupledMarket``.

    Args:
        name: unique in the simulation.
        flow: where the background messages come from.
        record: what is written down.

    Attributes:
        book: participants' requests go to it directly, at the present time of the calendar.
        next_time: time (ns) of the next background message, None after the last.
    """

    def __init__(self, name: str, flow: Flow, *, record: Recorded | None = None) -> None:
        self.name = name
        self.flow = flow
        self.book = OrderBook(tick_quanta=flow.tick_quanta, record=record)
        self.next_time: int | None = None
        self._messages = empty_messages()
        self._listener: Callable[[list[OutRow]], None] | None = None
        self._load()

    def listen(self, listener: Callable[[list[OutRow]], None]) -> None:
        """Have ``listener`` called with the rows of every background message that concerns a participant."""
        self._listener = listener

    def advance(self, until: int) -> int | None:
        """See ``CoupledMarket.advance``."""
        book = self.book
        state = book.arrays.state
        while True:
            a = book.arrays
            code = advance(state, a.orders, a.levels, a.ladder, a.slots, a.log, self._messages, until)
            if code == at.DONE:
                self.next_time = int(self._messages[state[at.CURSOR], 0])
                return None
            if code == at.STOPPED:
                self.next_time = int(self._messages[state[at.CURSOR], 0])
                return int(state[at.TIME])
            if code == at.CHUNK_END:
                if not self._load():
                    return int(state[at.TIME]) if state[at.CONCERN] else None
            else:
                book.make_room()

    def dispatch(self) -> None:
        """See ``CoupledMarket.dispatch``."""
        self.book.arrays.state[at.CONCERN] = 0
        rows = self.book.take_rows()
        if self._listener is not None:
            self._listener(rows)

    def _load(self) -> bool:
        messages = self.flow.next_messages()
        state = self.book.arrays.state
        state[at.CURSOR] = 0
        if messages is None:
            self._messages = empty_messages()
            self.next_time = None
            return False
        self._messages = messages
        self.next_time = int(messages[0, 0])
        self.book.arrays.reserve_slots(self.flow.references)
        return True
