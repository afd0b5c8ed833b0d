"""The market of a venue without a book whose data are handed in as they come, rather than read from a tape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from simexec.errors import InputError
from simexec.market.tape import END, START, TIME
from simexec.venue.model_market import Fills, Sessions
from simexec.venue.model_orders import CANCELLED, ModelOrder, Outcome
from simexec.venue.quote_fills import QuoteFills

_KINDS: Final = {True: "bars", False: "quotes and trades"}


class PushedMarket:
    """Matches each row with the orders when it is handed in; nothing is on the calendar.

    Before the first row it is not known whether there will be bars or quotes. Orders then wait.

    Args:
        name: of the venue.
        fills_of: the way to match orders with bars, or with quotes.
        sessions: in rows outside nothing trades.
        listener: told what became of orders.

    Attributes:
        is_bars: whether its rows are bars; ``fills`` matches orders with them.
        orders: those that live, by number.
        outside: rows that could not trade because of hours or halts, while there were orders.
    """

    def __init__(
        self,
        name: str,
        fills_of: Callable[[bool], Fills],
        sessions: Sessions,
        listener: Callable[[list[Outcome]], None],
    ) -> None:
        self._name = name
        self._fills_of = fills_of
        self._sessions = sessions
        self._listener = listener
        self._last = -1
        self.is_bars = False
        self.fills: Fills = fills_of(True)  # which lets orders wait
        self.orders: dict[int, ModelOrder] = {}
        self.outside = 0

    def push(self, row: list[int], is_bar: bool, anew: bool, now: int) -> None:
        """See ``ModelVenue.push``."""
        known = row[END] if is_bar else row[TIME]
        if known != now:
            raise InputError(
                f"market data of {self._name} for {known} ns were handed in at {now} ns; hand them in then"
            )
        if self._last < 0:
            self.is_bars, self.fills = is_bar, self._fills_of(is_bar)
        elif is_bar is not self.is_bars:
            raise InputError(
                f"{self._name} has {_KINDS[self.is_bars]} and was handed {_KINDS[is_bar]}; give one kind only"
            )
        if is_bar and not self._last <= row[START] < row[END]:
            raise InputError(
                f"a bar of {self._name} from {row[START]} to {row[END]} ns is empty, or begins before the end of the one before"
                f" at {self._last} ns"
            )
        self._last = known
        fills = self.fills
        if anew and isinstance(fills, QuoteFills):
            fills.renew()
        if not self.orders:
            if not is_bar:
                fills.pass_by(np.array([row]))
            return
        if not self._sessions.trades(row[START] if is_bar else known, known):
            self.outside += 1
            if not is_bar:
                fills.pass_by(np.array([row]))
            return
        outcomes = fills.apply(self.orders.values(), row)
        if outcomes:
            for outcome in outcomes:
                self.forget_ended(outcome)
            self._listener(outcomes)

    def forget_ended(self, outcome: Outcome) -> None:
        """Drop an order that an outcome ended."""
        if outcome.order.leaves == 0 or outcome.kind == CANCELLED:
            self.orders.pop(outcome.order.number, None)
