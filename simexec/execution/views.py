"""What a participant needs of what he sees, whatever is behind it: a book, several books, or a model."""

from __future__ import annotations

from typing import Protocol

from simexec.sim import Event
from simexec.trading.vocabulary import OrderSide


class Touch(Protocol):
    """Best bid and offer, in quanta, and their sizes; None and 0 where a side shows nothing."""

    @property
    def bid(self) -> int | None:
        """The best bid."""

    @property
    def bid_size(self) -> int:
        """What is shown at the best bid."""

    @property
    def ask(self) -> int | None:
        """The best offer."""

    @property
    def ask_size(self) -> int:
        """What is shown at the best offer."""


class View(Protocol):
    """What an algorithm sees of a market from its own place."""

    def quote(self) -> Touch | None:
        """The latest quote that has arrived, in quanta; None before the first."""

    def changes(self) -> Event:
        """The next arrival of a quote; its value is the quote then seen."""

    def crosses(self, price: int, side: OrderSide | None = None) -> Event:
        """The first moment at which the quote seen has come to a price (quanta); see ``MarketView.crosses``."""

    def next_trade(self) -> Event:
        """The next arrival of a trade; its value is a ``market.view.Trade``."""

    def traded_quantity(self) -> int:
        """Sum of the quantities of all trades that have arrived, one's own among them where the market has a book."""
