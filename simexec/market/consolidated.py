"""The best bid and offer over several venues, as one participant sees them: each by its own delay."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from simexec.errors import InputError
from simexec.market.order_book import Quote
from simexec.market.view import MarketView, Trade, crossing_keys, reaches, whole_price
from simexec.market.waiting import Wait
from simexec.sim import Event
from simexec.trading.vocabulary import OrderSide


@attrs.frozen
class ConsolidatedQuote:
    """Best bid and offer over venues. Prices in quanta; a side that shows nothing has price None, size 0 and no venues.

    Attributes:
        time_ns: of the market, when the oldest of the quotes that make it up was set.
        bid_size: at all venues together that show the best bid; ``bid_venues`` are their names, in order.
    """

    time_ns: int
    bid: int | None
    bid_size: int
    bid_venues: tuple[str, ...]
    ask: int | None
    ask_size: int
    ask_venues: tuple[str, ...]

    @property
    def is_locked(self) -> bool:
        """The bid of one venue is the offer of another: one of them may be old."""
        return self.bid is not None and self.bid == self.ask

    @property
    def is_crossed(self) -> bool:
        """The bid of one venue is above the offer of another: one of them may be old."""
        return self.bid is not None and self.ask is not None and self.bid > self.ask


class ConsolidatedView:
    """One instrument at several venues. What is seen may be locked or crossed, and is reported as it is.

    Args:
        views: one of each venue, in one simulation; their prices have the same quantum.

    Raises:
        InputError: there is none, or two of one venue, or of different simulations.
    """

    def __init__(self, views: Sequence[MarketView]) -> None:
        if not views:
            raise InputError("a consolidated view of no venues shows nothing; give at least one view")
        names = [view.name for view in views]
        if len(set(names)) < len(names):
            raise InputError(f"a consolidated view was given the venues {', '.join(names)}; one view of each will do")
        if any(view.sim is not views[0].sim for view in views):
            raise InputError(f"the views of {', '.join(names)} belong to different simulations; give those of one")
        self.views = tuple(sorted(views, key=lambda view: view.name))
        self._sim = views[0].sim

    def quote(self) -> ConsolidatedQuote | None:
        """Best bid and offer as they are seen now; None before any venue's first quote."""
        seen = [(view.name, quote) for view in self.views if (quote := view.quote()) is not None]
        if not seen:
            return None
        bid = max((quote.bid for _, quote in seen if quote.bid is not None), default=None)
        ask = min((quote.ask for _, quote in seen if quote.ask is not None), default=None)
        bids = [(name, quote) for name, quote in seen if bid is not None and quote.bid == bid]
        asks = [(name, quote) for name, quote in seen if ask is not None and quote.ask == ask]
        return ConsolidatedQuote(
            min(quote.time_ns for _, quote in bids + asks or seen),
            bid, sum(quote.bid_size for _, quote in bids), tuple(name for name, _ in bids),
            ask, sum(quote.ask_size for _, quote in asks), tuple(name for name, _ in asks),
        )  # fmt: skip

    def age_ns(self) -> int | None:
        """How long ago the oldest quote that makes up the present one was set; None before the first."""
        quote = self.quote()
        return None if quote is None else self._sim.now - quote.time_ns

    def traded_quantity(self) -> int:
        """Sum of the quantities of all trades that have arrived, over the venues."""
        return sum(view.traded_quantity() for view in self.views)

    def changes(self) -> Event:
        """The next moment at which prices, sizes or venues are others than now; its value is the quote then seen."""
        start = _content(self.quote())

        def condition() -> ConsolidatedQuote | None:
            quote = self.quote()
            return quote if _content(quote) != start else None

        return Wait(self._sim, condition, [(view.quotes, None) for view in self.views]).event

    def next_trade(self) -> Event:
        """The next arrival of a trade from any venue; its value is that trade, of several at one nanosecond the first venue's."""
        starts = [(view, view.statistics().trades) for view in self.views]

        def condition() -> Trade | None:
            return next((trade for view, start in starts if (trade := view.trade_after(start)) is not None), None)

        return Wait(self._sim, condition, [(view.trades, None) for view in self.views]).event

    def crosses(self, price: int, side: OrderSide | None = None) -> Event:
        """The first moment at which the quote seen has come to ``price``; see ``MarketView.crosses``."""
        now = self.quote()
        best = None if now is None else Quote(now.time_ns, now.bid, now.bid_size, now.ask, now.ask_size)
        keys = crossing_keys(whole_price(price), side, best)

        def condition() -> ConsolidatedQuote | None:
            quotes = [view.quote() for view in self.views]
            return self.quote() if any(reaches(quote, keys) for quote in quotes) else None

        return Wait(self._sim, condition, [(view.quotes, keys) for view in self.views]).event


def _content(quote: ConsolidatedQuote | None) -> object:
    """All of a quote but its time."""
    return None if quote is None else attrs.astuple(quote)[1:]
