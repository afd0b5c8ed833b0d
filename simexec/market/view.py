"""What a participant sees of a market from its own place: quotes, trades and depth that took their time to arrive.

Each of these is a channel of its own, whose messages never run backwards (``feed``). Nothing travels on the calendar but what
somebody waits for: what is seen at a time is found in the arrivals when somebody looks.

Of messages that arrive at one nanosecond the view shows what they come to, and whoever is woken finds what it waited for.
"""

from __future__ import annotations

import operator

import attrs
import numpy as np

from simexec.errors import InputError
from simexec.market.arrivals import ArrivalModel, arrivals_of
from simexec.market.feed import Feed, Keys, Window
from simexec.market.layout import ANY_KEY, DEPTH_LEVELS, NO_PRICE
from simexec.market.levels import Array
from simexec.market.market import Market
from simexec.market.order_book import Quote
from simexec.market.waiting import Wait
from simexec.protocols import DurationModel
from simexec.sim import Duration, Event, Simulation, parse_duration
from simexec.trading.vocabulary import OrderSide


@attrs.frozen
class Trade:
    """A trade as it was published.

    Attributes:
        time_ns: of the market.
        price: in quanta.
        side_sign: the aggressor's, +1 for a buy, -1 for a sell; 0 in an auction.
        number: of the trade at its market, from 1.
    """

    time_ns: int
    price: int
    quantity: int
    side_sign: int
    number: int


@attrs.frozen
class ViewStatistics:
    """What a view has received: ``trades`` and their ``traded_quantity``, and what an outage has lost of them."""

    trades: int
    traded_quantity: int
    lost_trades: int
    lost_quantity: int


class MarketView:
    """One market, seen with latency: best bid and offer, depth and trades.

    A view begins with the quote and the depth in force when it is made, which are on their way then, and with the trades that
    follow. Prices are quanta.

    Args:
        sim: the simulation.
        market: what is looked at.
        latency: of each message: a distribution, or arrivals such as ``RecordedLatency``. Each channel draws its own.
        stream: name of the random stream for quotes; trades and depth have ``.trades`` and ``.depth`` behind it. Default
            ``view.{market}``; a second view of a market needs another.
        depth_levels: levels a side that it can see; 0: no depth.

    Attributes:
        sim, market, depth_levels: as given.
        quotes: the channel of quotes.
        trades: the channel of trades.

    Raises:
        InputError: the stream is in use, or more levels than a book writes down.
    """

    def __init__(
        self,
        sim: Simulation,
        market: Market,
        latency: DurationModel | ArrivalModel,
        *,
        stream: str | None = None,
        depth_levels: int = 0,
    ) -> None:
        self.sim = sim
        self.market = market
        self._book = market.book
        self.depth_levels = depth_levels
        self._shown: Quote | None = None
        self._latest: Array = np.empty((0, 6), np.int64)
        self._latest_arrival = -1
        self._traded = self._lost = self._lost_quantity = 0
        self._depth: Array = np.empty((2, depth_levels, 3), np.int64)
        self._depth[:] = NO_PRICE, 0, 0
        name = f"view.{market.name}" if stream is None else stream
        self.quotes = Feed(
            sim, 5, arrivals_of(latency, sim.rng(name)), self._show_quotes, self._want_quotes, replaces=()
        )
        self.trades = Feed(
            sim, 6, arrivals_of(latency, sim.rng(f"{name}.trades")), self._show_trades, self._want_trades, lose=self._lose
        )  # fmt: skip
        self._feeds = [self.quotes, self.trades]
        self._book.observe_quotes(self.quotes.absorb)
        self._book.observe_prints(self.trades.absorb)
        quote = self._book.quote()
        if quote.bid_size or quote.ask_size:
            bid, ask = (NO_PRICE if price is None else price for price in (quote.bid, quote.ask))
            self.quotes.absorb(np.array([[sim.now, bid, quote.bid_size, ask, quote.ask_size]], np.int64))
        if depth_levels:
            times = arrivals_of(latency, sim.rng(f"{name}.depth"))
            self._depths = Feed(sim, 6, times, self._show_depth, self._want_depth, replaces=(1, 2))
            self._feeds.append(self._depths)
            self._book.observe_depth(self._absorb_depth, depth_levels)
            for side in range(2):
                levels = self._book.depth(side, depth_levels)
                if levels:
                    rows = [[sim.now, side, i, *level] for i, level in enumerate(levels)]
                    self._depths.absorb(np.array(rows, np.int64))

    @property
    def name(self) -> str:
        """The market's name."""
        return self.market.name

    # --- what is seen now ----------------------------------------------------------------------------------------------

    def quote(self) -> Quote | None:
        """The latest quote that has arrived; None before the first. Its ``time_ns`` is the market's, not the arrival's."""
        self._book.flush()
        self.quotes.bring()
        return self._shown

    def age_ns(self) -> int | None:
        """How long ago the market set the quote that is seen now; None before the first."""
        quote = self.quote()
        return None if quote is None else self.sim.now - quote.time_ns

    def depth(self, side: OrderSide, levels: int | None = None) -> list[tuple[int, int, int]]:
        """Displayed price, quantity and number of orders as they are seen, the best first.

        Raises:
            InputError: more levels than the view can see.
        """
        if not 1 <= (wanted := self.depth_levels if levels is None else levels) <= self.depth_levels:
            raise InputError(
                f"{levels or 'no'} levels of depth asked of a view of {self.name} with depth_levels={self.depth_levels};"
                f" it can be made with 1 to {DEPTH_LEVELS}"
            )
        self._book.flush()
        self._depths.bring()
        return [(p, q, n) for p, q, n in self._depth[_number(side), :wanted].tolist() if q]

    def last_trade(self) -> Trade | None:
        """The latest trade that has arrived, None before the first."""
        trades = self.latest_trades()
        return trades[-1] if trades else None

    def latest_trades(self) -> list[Trade]:
        """The latest trade that has arrived, behind those that came at the same nanosecond, in order."""
        self._bring_trades()
        return [_trade(row) for row in self._latest.tolist()]

    def traded_quantity(self) -> int:
        """Sum of the quantities of all trades that have arrived."""
        self._bring_trades()
        return self._traded

    def statistics(self) -> ViewStatistics:
        """What has arrived so far, frozen."""
        self._bring_trades()
        return ViewStatistics(self.trades.arrived, self._traded, self._lost, self._lost_quantity)

    # --- waiting -------------------------------------------------------------------------------------------------------

    def changes(self) -> Event:
        """The next arrival of a quote; its value is the quote then seen."""
        self.quote()
        start = self.quotes.arrived

        def condition() -> Quote | None:
            quote = self.quote()
            return quote if self.quotes.arrived > start else None

        return Wait(self.sim, condition, [(self.quotes, None)]).event

    def depth_changes(self) -> Event:
        """The next arrival of a change of the depth; its value is True.

        Raises:
            InputError: the view sees no depth.
        """
        self.depth(OrderSide.BUY)
        start = self._depths.arrived

        def condition() -> bool | None:
            self.depth(OrderSide.BUY)
            return True if self._depths.arrived > start else None

        return Wait(self.sim, condition, [(self._depths, None)]).event

    def next_trade(self) -> Event:
        """The next arrival of a trade; its value is the trade, the first of ``latest_trades`` if several come at one nanosecond."""
        start = self.statistics().trades
        return Wait(self.sim, lambda: self.trade_after(start), [(self.trades, None)]).event

    def trade_after(self, count: int) -> Trade | None:
        """Of the latest trades, the first that is not among the first ``count`` that ever arrived; None if none is."""
        self._bring_trades()
        new = self.trades.arrived - count
        return _trade(self._latest[max(0, len(self._latest) - new)].tolist()) if new else None

    def crosses(self, price: int, side: OrderSide | None = None) -> Event:
        """The first moment at which the quote seen has come to ``price`` (quanta); its value is that quote.

        Args:
            price: a limit.
            side: of who could trade at that limit: BUY waits until the offer is at or below it, SELL until the bid is at or above
                it. None: for the offer if the price is at the bid now seen or below, for the bid if it is at the offer or above,
                and for whichever comes first if it lies between them.

        Raises:
            InputError: the price is not a whole number.
        """
        keys = crossing_keys(whole_price(price), side, self.quote())

        def condition() -> Quote | None:
            quote = self.quote()
            return quote if reaches(quote, keys) else None

        return Wait(self.sim, condition, [(self.quotes, keys)]).event

    # --- the feed's failures -------------------------------------------------------------------------------------------

    def freeze(self, start: Duration, end: Duration) -> None:
        """Hold back, on all channels, what would arrive from ``start`` on and before ``end`` (times): it arrives then, in order.

        Raises:
            InputError: the window is empty, or begins in the past.
        """
        self._interrupt(start, end, loses=False)

    def outage(self, start: Duration, end: Duration) -> None:
        """Lose what would arrive from ``start`` on and before ``end`` (times); then the last quote and depth arrive as a snapshot.

        Trades are lost for good; ``statistics`` counts them.

        Raises:
            InputError: the window is empty, or begins in the past.
        """
        self._interrupt(start, end, loses=True)

    def _interrupt(self, start: Duration, end: Duration, *, loses: bool) -> None:
        start_ns, end_ns = parse_duration(start), parse_duration(end)
        if not self.sim.now <= start_ns < end_ns:
            raise InputError(
                f"the feed of {self.name} cannot be interrupted from {start_ns} to {end_ns} ns;"
                f" a window begins at {self.sim.now} ns (now) or later and ends after that"
            )
        self._book.flush()
        for feed in self._feeds:
            feed.interrupt(Window(start_ns, end_ns, loses))

    # --- channels ------------------------------------------------------------------------------------------------------

    def _bring_trades(self) -> None:
        self._book.flush()
        self.trades.bring()

    def _absorb_depth(self, rows: Array) -> None:
        """Take the levels that this view can see: another may have the book write down more of them."""
        rows = rows[rows[:, 2] < self.depth_levels]
        if len(rows):
            self._depths.absorb(rows)

    def _show_quotes(self, rows: Array, arrivals: Array) -> None:
        time, bid, bid_size, ask, ask_size = rows[-1].tolist()
        self._shown = Quote(time, bid if bid_size else None, bid_size, ask if ask_size else None, ask_size)

    def _show_trades(self, rows: Array, arrivals: Array) -> None:
        self._traded += int(rows[:, 2].sum())
        together = rows[arrivals == arrivals[-1]]
        if arrivals[-1] == self._latest_arrival:
            together = np.concatenate([self._latest, together])
        self._latest, self._latest_arrival = together, int(arrivals[-1])

    def _show_depth(self, rows: Array, arrivals: Array) -> None:
        self._depth[rows[:, 1], rows[:, 2]] = rows[:, 3:]  # of several rows for a level the last one stays

    def _lose(self, rows: Array) -> None:
        self._lost += len(rows)
        self._lost_quantity += int(rows[:, 2].sum())

    def _want_quotes(self, buy_key: int, sell_key: int, anything: bool) -> None:
        self.market.watches.want(self.quotes, buy_key=buy_key, sell_key=sell_key, quotes=anything)

    def _want_trades(self, buy_key: int, sell_key: int, anything: bool) -> None:
        self.market.watches.want(self.trades, trades=anything)

    def _want_depth(self, buy_key: int, sell_key: int, anything: bool) -> None:
        self.market.watches.want(self._depths, depth=anything)


def _number(side: OrderSide) -> int:
    """The book's number of a side."""
    if side.__class__ is not OrderSide:
        raise InputError(f"side {side!r} must be a member of OrderSide")
    return 0 if side is OrderSide.BUY else 1


def _trade(row: list[int]) -> Trade:
    time, price, quantity, sign, _, number = row
    return Trade(time, price, quantity, sign, number)


def whole_price(price: int) -> int:
    """The price as an int; InputError if it is not a whole number of quanta."""
    try:
        return operator.index(price)
    except TypeError:
        raise InputError(
            f"price {price!r} is not a whole number of quanta; multiply ticks by the instrument's subticks"
        ) from None


def crossing_keys(price: int, side: OrderSide | None, quote: Quote | None) -> Keys:
    """Which keys a quote must reach for its offer, its bid, or one of them, to come to a price; see ``MarketView.crosses``."""
    if side is not None:
        _number(side)
    bid, ask = (None, None) if quote is None else (quote.bid, quote.ask)
    if side is OrderSide.BUY or (side is None and bid is not None and price <= bid):
        return ANY_KEY, -price
    if side is OrderSide.SELL or (ask is not None and price >= ask):
        return price, ANY_KEY
    return price, -price


def reaches(quote: Quote | None, keys: Keys) -> bool:
    """Whether a quote's bid or offer reaches its key."""
    if quote is None:
        return False
    return (quote.bid is not None and quote.bid >= keys[0]) or (quote.ask is not None and -quote.ask >= keys[1])
