"""What those who look at a market wait for, all of them together, so that its book stops for the first."""

from __future__ import annotations

from typing import Final

from simexec.market.layout import ANY_KEY
from simexec.market.order_book import OrderBook

_NOTHING: Final = (ANY_KEY, ANY_KEY, False, False, False)


class Watches:
    """The watches on one book: it stops at the first message that fulfils one of them.

    Args:
        book: the book.
    """

    def __init__(self, book: OrderBook) -> None:
        self._book = book
        self._wanted: dict[object, tuple[int, int, bool, bool, bool]] = {}
        self._set = _NOTHING

    def want(
        self,
        who: object,
        *,
        buy_key: int = ANY_KEY,
        sell_key: int = ANY_KEY,
        quotes: bool = False,
        trades: bool = False,
        depth: bool = False,
    ) -> None:
        """Say what ``who`` waits for now (``OrderBook.watch``); by default, for nothing."""
        wanted = (buy_key, sell_key, quotes, trades, depth)
        if wanted == _NOTHING:
            self._wanted.pop(who, None)
        else:
            self._wanted[who] = wanted
        least = _NOTHING
        for one in self._wanted.values():
            least = (
                min(least[0], one[0]), min(least[1], one[1]), least[2] or one[2], least[3] or one[3], least[4] or one[4],
            )  # fmt: skip
        if least != self._set:
            self._set = least
            self._book.watch(least[0], least[1], quotes=least[2], trades=least[3], depth=least[4])
