"""Fills from quotes and trades of a market whose book is not known.

``docs/model_venue.md`` has the rules and their reasons. In short: an order that can trade takes from the opposite quote, up to a
stated share of its size, and what it took is gone until the quote's price changes; a resting limit order trades at its limit
when the opposite quote comes to it, or when a trade goes through it.
"""

from __future__ import annotations

from collections.abc import Iterable

from simexec.market.levels import Array
from simexec.market.tape import KIND, QUOTE, TIME
from simexec.venue.model_orders import (
    CANCELLED,
    ELECTED,
    FILLED,
    IMMEDIATE,
    INCOMPLETE,
    ModelOrder,
    Outcome,
    Pricing,
    Source,
    TouchDraws,
    take,
)


class QuoteFills:
    """Matches orders with quotes and trades.

    Args:
        pricing: slippage and impact.
        touch: draws for orders at the touch.
        share: numerator and denominator of the share of a displayed size or trade that is ours at most; ``lot`` the instrument's.

    Attributes:
        capped: orders that got less than they wanted because of the share.
    """

    def __init__(self, pricing: Pricing, touch: TouchDraws, share: tuple[int, int], lot: int) -> None:
        self._pricing = pricing
        self._touch = touch
        self._share = share
        self._lot = lot
        self._quote = [0, QUOTE, 0, 0, 0, 0]
        self._taken = {1: 0, -1: 0}  # by side of our orders, at the present price of the opposite quote
        self._last_trade = 0
        self.ambiguous = 0
        self.capped = 0

    # --- the market ---

    def renew(self) -> None:
        """The sizes that will be shown next are there anew, whatever we took before."""
        self._taken = {1: 0, -1: 0}

    def _opposite(self, side: int) -> tuple[int, int]:
        """Price and size that an order of a side would take; size 0 if nothing is shown."""
        quote = self._quote
        return (quote[4], quote[5]) if side > 0 else (quote[2], quote[3])

    def _spread(self) -> int:
        _, _, bid, bid_size, ask, ask_size = self._quote
        return ask - bid if bid_size and ask_size else 0

    def pass_by(self, rows: Array) -> None:
        """Rows that go by while there is no order."""
        for side, column in ((1, 4), (-1, 2)):
            if self._taken[side]:
                quotes = rows[rows[:, KIND] == QUOTE]
                price, _ = self._opposite(side)
                if ((quotes[:, column] != price) | (quotes[:, column + 1] == 0)).any():
                    self._taken[side] = 0
        quotes, trades = rows[rows[:, KIND] == QUOTE], rows[rows[:, KIND] != QUOTE]
        if len(quotes):
            self._quote = quotes[-1].tolist()
        if len(trades):
            self._last_trade = int(trades[-1, 2])

    def apply(self, orders: Iterable[ModelOrder], row: list[int]) -> list[Outcome]:
        """What a quote or a trade does to orders, in price-time priority on each side."""
        if row[KIND] != QUOTE:
            self._last_trade = row[2]
            return self._apply_trade(orders, row)
        before = {side: self._opposite(side) for side in (1, -1)}
        self._quote = row
        for side, (price, _) in before.items():
            now, size = self._opposite(side)
            if now != price or not size:
                self._taken[side] = 0
        outcomes: list[Outcome] = []
        for order in sorted(orders, key=_priority):
            self._meet(order, row[TIME], outcomes)
        return outcomes

    def _apply_trade(self, orders: Iterable[ModelOrder], row: list[int]) -> list[Outcome]:
        time, _, price, size = row[:4]
        budget = self._part(size)
        outcomes: list[Outcome] = []
        for order in sorted(orders, key=_priority):
            side = order.side
            if order.stop is not None:
                if side * price >= side * order.stop:
                    self._meet(order, time, outcomes)
                continue
            if order.limit is None:
                continue
            traded = side * price + self._pricing.shift(side, time)
            limit = side * order.limit
            if traded < limit or (traded == limit and self._touch.reached(time, side, order.limit)):
                budget -= self._fill(order, time, budget, order.limit, size, outcomes, maker=True)[0]
        return outcomes

    # --- orders ---

    def would_trade(self, order: ModelOrder, now: int) -> bool:
        """Whether a limit order could trade with the present quote."""
        price, size = self._opposite(order.side)
        signed = order.side * price + self._pricing.shift(order.side, now)
        return size > 0 and (order.limit is None or signed <= order.side * order.limit)

    def arrive(self, order: ModelOrder, now: int) -> list[Outcome]:
        """What becomes at once of an order that has arrived or was changed."""
        outcomes: list[Outcome] = []
        self._meet(order, now, outcomes, arriving=True)
        return outcomes

    def _part(self, size: int) -> int:
        part = size * self._share[0] // self._share[1]
        return part - part % self._lot

    def _reached(self, order: ModelOrder) -> int | None:
        """The price that elects a stop, None if none does."""
        assert order.stop is not None
        price, size = self._opposite(order.side)
        prices = ([price] if size else []) + ([self._last_trade] if self._last_trade else [])
        return next((one for one in prices if order.side * one >= order.side * order.stop), None)

    def _meet(self, order: ModelOrder, time: int, outcomes: list[Outcome], *, arriving: bool = False) -> None:
        """Let an order take what the present quote offers it."""
        if order.stop is not None:
            elected_by = self._reached(order)
            if elected_by is None:
                return
            order.stop, arriving = None, True
            outcomes.append(Outcome(ELECTED, order, time, price=elected_by))
        text = INCOMPLETE if order.complete else IMMEDIATE
        if self.would_trade(order, time):
            price, size = self._opposite(order.side)
            available = max(0, self._part(size) - self._taken[order.side])
            maker = order.limit is not None and not arriving
            base = order.limit if order.limit is not None and maker else price
            quantity, refusal = self._fill(order, time, available, base, size, outcomes, maker=maker)
            self._taken[order.side] += quantity
            text = refusal or text
        if order.leaves and order.immediate:
            outcomes.append(Outcome(CANCELLED, order, time, text=text))

    def _fill(
        self,
        order: ModelOrder,
        time: int,
        available: int,
        base: int,
        size: int,
        outcomes: list[Outcome],
        *,
        maker: bool,
    ) -> tuple[int, str]:
        quantity, refusal = take(order, available)
        self.capped += quantity < order.leaves
        if quantity:
            price, source = base, Source(time, size, self._spread())
            if maker:
                self._pricing.rested(order, quantity, base, source)
            else:
                price = self._pricing.fill(order, quantity, base, source, shifted=True)
            order.leaves -= quantity
            outcomes.append(Outcome(FILLED, order, time, quantity, price, base, maker))
        return quantity, refusal


def _priority(order: ModelOrder) -> tuple[float, int, int]:
    """Best price first, market orders before all; then the oldest."""
    return (float("-inf") if order.limit is None else -order.side * order.limit), order.arrived, order.number
