"""The market of a venue without a book whose data are handed in as they come, rather than read from a tape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from simexec.errors import InputError
from simexec.market.tape import END, KIND, QUOTE, START, TIME
from simexec.venue.model_market import Fills, Sessions
from simexec.venue.model_orders import CANCELLED, ModelOrder, Outcome
from simexec.venue.quote_fills import QuoteFills

_KINDS: Final = {True: "bars", False: "quotes and trades"}


class PushedMarket:
    """Matches each row with the orders when it is handed in; nothing is on the calendar.

    Before the first row it is not known whether there will be bars or quotes, so orders wait, as they do for a bar. They meet a
    first quote as if they arrived with it: a limit order that could trade gets the quote's price, not its own limit.

    Args:
        name: of the venue.
        fills_of: the way to match orders with bars, or with quotes.
        sessions: in rows outside nothing trades.
        listener: told what became of orders.

    Attributes:
        is_bars: whether its rows are bars, also as long as that is not known; ``fills`` matches orders with them.
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
        self._last: int | None = None  # time of the latest row
        self.is_bars = True
        self.fills: Fills = fills_of(True)
        self.orders: dict[int, ModelOrder] = {}
        self.outside = 0

    def check(self, row: list[int], is_bar: bool, now: int) -> None:
        """Refuse a row that cannot be handed in now, before anything is done with it.

        Raises:
            InputError: it is not known at this very time, is of the other kind than those before, is a bar that is empty or
                overlaps the one before, or an impact model cannot do with its kind.
        """
        known = row[END] if is_bar else row[TIME]
        if known != now:
            raise InputError(
                f"market data of {self._name} for {known} ns were handed in at {now} ns; hand them in then"
            )
        if self._last is None:
            self._fills_of(is_bar)
        elif is_bar is not self.is_bars:
            raise InputError(
                f"{self._name} has {_KINDS[self.is_bars]} and was handed {_KINDS[is_bar]}; give one kind only"
            )
        if is_bar and not (self._last or 0) <= row[START] < row[END]:
            raise InputError(
                f"a bar of {self._name} from {row[START]} to {row[END]} ns is empty, or begins before the end of the one before"
                f" at {self._last or 0} ns"
            )

    def push(self, row: list[int], is_bar: bool, anew: bool, now: int) -> None:
        """See ``ModelVenue.push``."""
        self.check(row, is_bar, now)
        is_first, self._last = self._last is None, now
        if is_first:
            self.is_bars, self.fills = is_bar, self._fills_of(is_bar)
        fills = self.fills
        if anew and isinstance(fills, QuoteFills):
            fills.renew()
        trades = not self.orders or self._sessions.trades(row[START] if is_bar else now, now)
        self.outside += not trades
        passes_by = not trades or (is_first and not is_bar and row[KIND] == QUOTE)
        if passes_by and not is_bar:
            fills.apply((), row)
        if is_first and not is_bar:
            self._tell(self._arrive(now, trades))
        if not passes_by:
            self._tell(fills.apply(self.orders.values(), row))

    def _arrive(self, now: int, trades: bool) -> list[Outcome]:
        """What becomes of orders that came before the first quote or trade: as if they arrived with it, the oldest first."""
        waiting = list(self.orders.values())
        if trades:
            return [outcome for order in waiting for outcome in self.fills.arrive(order, now)]
        text = f"{self._name} does not trade now"
        return [Outcome(CANCELLED, order, now, text=text) for order in waiting if order.immediate]

    def _tell(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            self.forget_ended(outcome)
        if outcomes:
            self._listener(outcomes)

    def forget_ended(self, outcome: Outcome) -> None:
        """Drop an order that an outcome ended."""
        if outcome.order.leaves == 0 or outcome.kind == CANCELLED:
            self.orders.pop(outcome.order.number, None)
