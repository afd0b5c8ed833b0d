"""A dark pool's market: its book, its background, and the calendar."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from simexec.errors import InputError
from simexec.market.dark_flow import DarkFlow
from simexec.market.midpoint_book import MidpointBook, Reference, best_of
from simexec.market.order_book import OutRow
from simexec.sim import Simulation

__all__ = ["DarkFlow", "MidpointBook", "MidpointMarket", "Reference", "best_of"]


class MidpointMarket:
    """A dark pool with its background, coupled to the calendar; implements ``CoupledMarket``.

    Args:
        name: unique in the simulation.
        reference: best bid and offer of the markets that it takes its price from.
        flow: background orders; None: there are none.
        clock: the present time (ns), for ``match``.
    """

    def __init__(
        self, name: str, reference: Reference, flow: DarkFlow | None = None, *, clock: Callable[[], int] | None = None
    ) -> None:
        self.name = name
        self.book = MidpointBook(reference)
        self._flow = flow
        self._clock = clock
        self._leaving: list[tuple[int, int, int]] = []  # time, entry, side
        self._listener: Callable[[list[OutRow]], None] | None = None
        self._rows: list[OutRow] = []
        self.next_time = self._look()

    def couple(self, sim: Simulation) -> None:
        """Advance this market with the calendar."""
        sim.couple(self)

    def listen(self, listener: Callable[[list[OutRow]], None]) -> None:
        """Have ``listener`` called with the rows of every background message that concerns a participant."""
        self._listener = listener

    def advance(self, until: int) -> int | None:
        """See ``CoupledMarket.advance``."""
        while self.next_time is not None and self.next_time <= until:
            time = self.next_time
            self._apply(time)
            self.next_time = self._look()
            if self._rows and self.next_time != time:
                return time
        return None

    def dispatch(self) -> None:
        """See ``CoupledMarket.dispatch``."""
        rows, self._rows = self._rows, []
        self._tell(rows)

    def match(self) -> None:
        """Match what rests now: for whoever follows the reference and has seen it move.

        Raises:
            InputError: the pool has no clock.
        """
        if self._clock is None:
            raise InputError(
                f"dark pool {self.name!r} does not know the time; give it a clock, such as lambda: sim.now"
            )
        self._tell(self.book.match(self._clock()))

    def _tell(self, rows: list[OutRow]) -> None:
        if rows and self._listener is not None:
            self._listener(rows)

    def _look(self) -> int | None:
        arrival = None if self._flow is None else self._flow.next_time
        if self._leaving and (arrival is None or self._leaving[0][0] <= arrival):
            return self._leaving[0][0]
        return arrival

    def _apply(self, time: int) -> None:
        """One message of the background: an order leaves, or comes."""
        if self._leaving and self._leaving[0][0] == time:
            _, entry, side = heappop(self._leaving)
            self._rows += self.book.remove_background(time, side, entry)
        elif self._flow is not None:
            _, side, quantity, end = self._flow.take()
            entry, rows = self.book.add_background(time, side, quantity)
            heappush(self._leaving, (end, entry, side))
            self._rows += rows
