"""A second, deliberately simple reading of what a broker fills from quotes, prices, trades and bars: ticks, plain lists, no models.

One ``NaiveMarket`` an instrument. It is told what is given and handed in, and answers who trades how much at what price. Prices
are ticks; slippage is a fraction of the price, exact, and is added in hundredths of a tick. Bars are read by ``NaiveModel``.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import attrs

from tests.venue.naive_model import NaiveModel, NaiveOrder

Trade = tuple[str, int, int]
"""Order, quantity, and price in hundredths of a tick."""


@attrs.define(eq=False)
class Given:
    """An order as it was given, and what has become of it."""

    name: str
    side: int
    quantity: int
    limit: int | None
    stop: int | None
    immediate: bool
    whole: bool
    filled: int = 0
    live: bool = True

    @property
    def left(self) -> int:
        return self.quantity - self.filled


class TwoDoors(NaiveModel):
    """Bars, where orders of one door know nothing of those of the other: the venue takes them for two participants.

    Attributes:
        pulled: names of orders of one of the doors.
    """

    def __init__(self, numerator: int, denominator: int) -> None:
        super().__init__(numerator, denominator)
        self.pulled: set[str] = set()

    def _one_leg(self, offers: list, open_: int) -> list:
        doors: tuple[list, list] = ([], [])
        for offer in offers:
            doors[offer[1].name in self.pulled].append(offer)
        return [offer for door in doors for offer in super(TwoDoors, self)._one_leg(door, open_)]


class NaiveMarket:
    """The market of one instrument.

    Args:
        share: of what is shown that is ours.
        slippage: as a fraction of the price.
    """

    def __init__(self, share: Fraction, slippage: Fraction) -> None:
        self.share, self.slippage = share, slippage
        self.orders: list[Given] = []
        self.known = False  # whether a quote, price or trade was ever handed in
        self.quote = {1: (0, 0), -1: (0, 0)}  # by side of the order that takes it: price and size
        self.taken = {1: 0, -1: 0}
        self.last = 0
        self.model = TwoDoors(share.numerator, share.denominator)
        self.trades: list[Trade] = []

    # --- orders ---

    def give(self, order: Given, now: int, *, pulled: bool) -> list[Trade]:
        """An order reaches the market."""
        if pulled:
            self.model.pulled.add(order.name)
        self.orders.append(order)
        self.model.orders[order.name] = NaiveOrder(
            order.name, order.side, order.quantity, order.limit, order.stop, now, order.immediate, order.whole
        )
        if self.known:
            self._meet(order, resting=False)
        return self._told()

    def cancel(self, order: Given) -> None:
        order.live = False
        self.model.orders.pop(order.name, None)

    def traded_elsewhere(self, order: Given, quantity: int) -> None:
        """A part of an order has traded where this market knows nothing of."""
        order.filled += quantity
        self.model.orders[order.name].left -= quantity
        if order.left == 0:
            self.cancel(order)

    # --- market data ---

    def shows(self, bid: int, bid_size: int, ask: int, ask_size: int, *, anew: bool) -> list[Trade]:
        """A quote, or a price with its spread, whose sizes are there anew."""
        before, self.quote = self.quote, {1: (ask, ask_size), -1: (bid, bid_size)}
        for side in (1, -1):
            if anew or before[side][0] != self.quote[side][0] or not self.quote[side][1]:
                self.taken[side] = 0
        first, self.known = not self.known, True
        for order in self._waiting() if first else self._by_priority():
            self._meet(order, resting=not first)
        return self._told()

    def traded(self, price: int, size: int) -> list[Trade]:
        """A trade of others."""
        if not self.known:
            self.known = True
            for order in self._waiting():
                self._meet(order, resting=False)
        self.last = price
        budget = int(size * self.share)
        for order in self._by_priority():
            if order.stop is not None:
                if order.side * price >= order.side * order.stop:
                    self._meet(order, resting=True)
            elif order.limit is not None and order.side * price < order.side * order.limit:
                budget -= self._fill(order, budget, 100 * order.limit)
        return self._told()

    def bar(self, start: int, open_: int, high: int, low: int, volume: int) -> list[Trade]:
        """A bar that ends now."""
        by_name = {order.name: order for order in self.orders}
        for name, quantity, price in self.model.bar(start, open_, high, low, volume):
            order = by_name[name]
            self._fill(order, quantity, 100 * price if price == order.limit else self._slipped(order, price))
        for order in self._waiting():
            order.live = order.name in self.model.orders
        return self._told()

    # --- fills ---

    def _waiting(self) -> list[Given]:
        return [order for order in self.orders if order.live]

    def _by_priority(self) -> list[Given]:
        return sorted(self._waiting(), key=lambda one: -float("inf") if one.limit is None else -one.side * one.limit)

    def _slipped(self, order: Given, price: int) -> int:
        worse = 100 * price + order.side * ceil(100 * price * self.slippage)
        if order.limit is None:
            return worse
        return min(worse, 100 * order.limit) if order.side > 0 else max(worse, 100 * order.limit)

    def _meet(self, order: Given, *, resting: bool) -> None:
        price, size = self.quote[order.side]
        if order.stop is not None:
            reached = [one for one in (price if size else 0, self.last) if one]
            if not any(order.side * one >= order.side * order.stop for one in reached):
                return
            order.stop, resting = None, False
        if size and (order.limit is None or order.side * price <= order.side * order.limit):
            available = max(0, int(size * self.share) - self.taken[order.side])
            rests = resting and order.limit is not None
            at = 100 * order.limit if rests and order.limit is not None else self._slipped(order, price)
            self.taken[order.side] += self._fill(order, available, at)
        if order.immediate:
            order.live = False

    def _fill(self, order: Given, available: int, at: int) -> int:
        quantity = min(order.left, available)
        if order.whole and quantity < order.left:
            quantity = 0
        if quantity:
            order.filled += quantity
            self.trades.append((order.name, quantity, at))
        order.live = order.left > 0
        return quantity

    def _told(self) -> list[Trade]:
        trades, self.trades = self.trades, []
        return trades


class NaiveAccount:
    """Cash in units, positions and fees: a cent a share, at least a dollar an order."""

    def __init__(self, cash: int) -> None:
        self.cash = cash
        self.fees = 0
        self.held: dict[str, int] = {}
        self._shares: dict[str, int] = {}

    def book(self, symbol: str, side: int, name: str, quantity: int, at: int, *, by_hand: bool = False) -> None:
        """A trade, ``at`` hundredths of a cent; one by hand costs nothing itself."""
        before = self._shares.get(name, 0)
        self._shares[name] = before + quantity
        fee = 0 if by_hand else _commission(before + quantity) - _commission(before)
        self.fees += fee
        self.cash -= side * quantity * at * 100 + fee
        self.held[symbol] = self.held.get(symbol, 0) + side * quantity


def _commission(shares: int) -> int:
    return max(10_000 * shares, 1_000_000) if shares else 0
