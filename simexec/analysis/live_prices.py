"""Mid-points and volume of a market while it runs, from the books themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from simexec.analysis.result import Rows
from simexec.market.midpoint_book import MidpointBook
from simexec.market.order_book import OrderBook


class Prices(Protocol):
    """What live figures ask of a market."""

    def mid(self, time_ns: int) -> int | None:
        """The last mid-point, in half quanta, when everything of a time that has passed had happened; None if none was known."""

    def printed(self, start_ns: int, end_ns: int) -> int | None:
        """Shares printed from one time to another, both included; None if prints are not recorded."""


class BookPrices:
    """Those of the books of one symbol, exact and without delay; what is asked costs a search, not a pass.

    Args:
        books: by the market's name; of dark pools only the prints count. The lit ones must record quotes and prints.
    """

    def __init__(self, books: Mapping[str, OrderBook | MidpointBook]) -> None:
        self._books = [books[name] for name in sorted(books)]
        self._lit = [book for book in self._books if isinstance(book, OrderBook)]

    def mid(self, time_ns: int) -> int | None:
        """See ``Prices.mid``."""
        quotes: list[Rows] = []
        for book in self._lit:
            book.flush()
            quotes.append(book.quotes.since())
        rows = [int(np.searchsorted(found[:, 0], time_ns, side="right")) - 1 for found in quotes]
        while any(row >= 0 for row in rows):
            best = _mid(
                [found[row].tolist() for found, row in zip(quotes, rows, strict=True) if row >= 0], len(quotes) > 1
            )
            if best is not None:
                return best
            # One step back: what happened last, of one time the later market.
            last = max(
                (int(found[row, 0]), at) for at, (found, row) in enumerate(zip(quotes, rows, strict=True)) if row >= 0
            )
            rows[last[1]] -= 1
        return None

    def printed(self, start_ns: int, end_ns: int) -> int | None:
        """See ``Prices.printed``."""
        total, recorded = 0, False
        for book in self._books:
            if isinstance(book, OrderBook):
                book.flush()
                recorded = recorded or len(book.prints) > 0 or len(book.quotes) > 0
            prints = book.prints.since()
            first, stop = np.searchsorted(prints[:, 0], [start_ns, end_ns + 1])
            total += int(prints[first:stop, 2].sum())
        return total if recorded else None


def _mid(quotes: list[list[int]], several: bool) -> int | None:
    """Sum of the best bid and offer over rows of quotes, as ``whole_market.best_quotes`` has them."""
    open_ones = [row for row in quotes if not (several and row[2] and row[4] and row[1] >= row[3])]
    bids, asks = [row[1] for row in open_ones if row[2]], [row[3] for row in open_ones if row[4]]
    return max(bids) + min(asks) if bids and asks else None
