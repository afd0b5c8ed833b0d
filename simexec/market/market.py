"""One instrument's market: a compiled book and the order flow that drives it, coupled to the calendar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, runtime_checkable

import numpy as np

from simexec.market import layout as at
from simexec.market.levels import Array
from simexec.market.merged import NEVER, advance_one, couple, next_time
from simexec.market.order_book import OrderBook, OutRow
from simexec.market.records import Recorded
from simexec.market.watches import Watches
from simexec.sim import Simulation

_END: Final = np.array([[NEVER, 0, 0, 0, 0, 0]], np.int64)
"""What follows the last message."""


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


@runtime_checkable
class GeneratedFlow(Flow, Protocol):
    """A flow whose messages follow from the book: behind its chunks the compiled generator (``cst``) goes on.

    Attributes:
        model: int64 array on which the generator works.
    """

    model: Array

    def grow(self) -> None:
        """Have more references; ``model`` and ``references`` change."""


class Market:
    """A book advanced through its flow in bulk; implements ``CoupledMarket``.

    Args:
        name: unique in the simulation.
        flow: where the background messages come from.
        record: what is written down.

    Attributes:
        book: participants' requests go to it directly, at the present time of the calendar.
        watches: what those who look at it wait for.
    """

    def __init__(self, name: str, flow: Flow, *, record: Recorded | None = None) -> None:
        self.name = name
        self.flow = flow
        self.book = OrderBook(tick_quanta=flow.tick_quanta, record=record)
        self.watches = Watches(self.book)
        self._load()

    @property
    def next_time(self) -> int | None:
        """Time (ns) of the next background message, None after the last."""
        time = int(next_time(self.book.arrays.handle))
        return None if time >= NEVER else time

    def couple(self, sim: Simulation) -> None:
        """Advance this market with the calendar, together with the simulation's others (``merged``)."""
        couple(sim, self)

    def listen(self, listener: Callable[[list[OutRow]], None]) -> None:
        """Have ``listener`` called with the rows of every background message that concerns a participant."""
        self.book.listen(listener)

    def advance(self, until: int) -> int | None:
        """See ``CoupledMarket.advance``."""
        if self.book.arrays.messages is _END:
            self._load()  # a flow that is written by hand may have gone on
        until = min(until, NEVER - 1)
        while True:
            generated = 0 if self.book.arrays.state[at.GENERATOR] else None
            code = advance_one(self.book.arrays.handle, generated, until)
            if code == at.DONE:
                return None
            if code == at.STOPPED:
                return int(self.book.arrays.state[at.TIME])
            self.serve(code)

    def serve(self, code: int) -> None:
        """Give the kernel what it lacks: more messages, or room."""
        if code == at.CHUNK_END:
            self._load()
        elif code == at.GROW_MODEL:
            assert isinstance(self.flow, GeneratedFlow)  # no other has a generator
            self.flow.grow()
            self.book.arrays.set_model(self.flow.model)
            self.book.arrays.reserve_slots(self.flow.references)
        else:
            self.book.make_room()

    def dispatch(self) -> None:
        """See ``CoupledMarket.dispatch``."""
        self.book.arrays.state[at.CONCERN] = 0
        self.book.tell_rows()

    def _load(self) -> None:
        messages, arrays = self.flow.next_messages(), self.book.arrays
        arrays.state[at.CURSOR] = 0
        if messages is not None:
            arrays.set_messages(messages)
        elif isinstance(self.flow, GeneratedFlow):
            arrays.set_model(self.flow.model)
            arrays.set_messages(np.zeros((1, at.MESSAGE_WIDTH), np.int64))
            arrays.state[at.CURSOR] = 1
            arrays.state[at.GENERATOR] = 1
        else:
            arrays.set_messages(_END)
        arrays.reserve_slots(self.flow.references)
