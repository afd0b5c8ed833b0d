"""What a venue needs of a book and of the market around it, lit or dark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from simexec.market.order_book import OutRow
from simexec.sim import Simulation


class ListedBook(Protocol):
    """A book that takes participants' requests; ``OrderBook`` says what each call does."""

    @property
    def last_price(self) -> int | None:
        """Price of the last trade in quanta."""

    def submit(
        self, time: int, side: int, quantity: int, price: int, owner: int = 1, number: int = 0, flags: int = 0, peak: int = 0,
        minimum: int = 0,
    ) -> list[OutRow]:  # fmt: skip
        """Bring an order to the book."""

    def submit_stop(
        self, time: int, side: int, quantity: int, stop: int | None, price: int, owner: int = 1, number: int = 0,
        flags: int = 0, peak: int = 0, trail: int = 0,
    ) -> list[OutRow]:  # fmt: skip
        """Have an order wait for a trade."""

    def submit_peg(
        self, time: int, side: int, quantity: int, kind: int, offset: int, cap: int | None = None, owner: int = 1,
        number: int = 0, flags: int = 0, peak: int = 0,
    ) -> list[OutRow]:  # fmt: skip
        """Have an order follow a price."""

    def cancel(self, time: int, number: int) -> int:
        """Take an order out."""

    def replace(
        self, time: int, number: int, quantity: int, price: int | None, *, owner: int = 1, flags: int = 0, peak: int = 0,
        stop: int | None = None,
    ) -> list[OutRow] | None:  # fmt: skip
        """Change an order."""

    def set_phase(self, time: int, phase: int) -> list[OutRow]:
        """Begin or end a call, in which orders rest without trading."""

    def set_band(self, low: int | None, high: int | None) -> None:
        """Bound the prices that may trade."""

    def set_pro_rata(self, minimum: int) -> None:
        """Allocate in proportion to size."""


class ListedMarket(Protocol):
    """A market that a venue can list: a book that tells of participants' orders, advanced with the calendar."""

    name: str

    @property
    def book(self) -> ListedBook:
        """Participants' requests go to it directly."""

    def listen(self, listener: Callable[[list[OutRow]], None]) -> None:
        """Have ``listener`` called with what background messages did to participants' orders."""

    def couple(self, sim: Simulation) -> None:
        """Advance it with the calendar from now on."""
