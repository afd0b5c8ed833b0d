"""A second, deliberately simple reading of the rules for bars: one bar at a time, in currency ticks, without models of prices.

It is told what is asked of the venue and answers, for each bar, which orders trade how much at what price. Touches never fill.
"""

from __future__ import annotations

import attrs


@attrs.define
class NaiveOrder:
    name: str
    side: int
    left: int
    limit: int | None
    stop: int | None
    since: int
    immediate: bool
    whole: bool


def better(side: int, price: int, than: int) -> bool:
    """Whether a price is strictly better for an order of this side."""
    return price < than if side > 0 else price > than


class NaiveModel:
    """Orders by name, and what the bars do to them."""

    def __init__(self, numerator: int, denominator: int) -> None:
        self.share = numerator, denominator
        self.orders: dict[str, NaiveOrder] = {}

    def bar(self, start: int, open_: int, high: int, low: int, volume: int) -> list[tuple[str, int, int]]:
        """Name, quantity and price of each trade; ended orders are dropped."""
        usable = [order for order in self.orders.values() if order.since <= start]
        offers: list[tuple[tuple[float, ...], NaiveOrder, int | None, bool]] = []
        if volume:
            for order in usable:
                offer = self._offer(order, open_, high, low)
                if offer is not None:
                    offers.append(offer)
        offers = self._one_leg(offers, open_)
        offered = {offer[1].name for offer in offers}
        budget = volume * self.share[0] // self.share[1]
        trades = []
        for _, order, price, elected in sorted(offers, key=lambda offer: offer[0]):
            if elected:
                order.stop = None
            if price is None:
                continue
            quantity = min(order.left, budget)
            if order.whole and quantity < order.left:
                quantity = 0
            if quantity:
                trades.append((order.name, quantity, price))
                budget -= quantity
                order.left -= quantity
            if order.left == 0 or order.immediate:
                del self.orders[order.name]
        for order in usable:
            if order.immediate and order.name not in offered:
                self.orders.pop(order.name, None)
        return trades

    def _offer(
        self, order: NaiveOrder, open_: int, high: int, low: int
    ) -> tuple[tuple[float, ...], NaiveOrder, int | None, bool] | None:
        side, limit, stop = order.side, order.limit, order.stop
        far = high if side > 0 else low  # the worst price of the bar for this side
        near = low if side > 0 else high
        age = (order.since, list(self.orders).index(order.name))
        elected = False
        if stop is not None:
            if better(side, far, stop):
                return None
            elected = True
            if better(side, open_, stop):  # reached later than the open
                sure = limit is None or better(side, stop, limit)
                return (1, abs(stop - open_), *age), order, stop if sure else None, True
        if limit is None:
            return (0, float("-inf"), *age), order, open_, elected
        if better(side, open_, limit):
            return (0, -abs(limit - open_), *age), order, open_, elected
        if not order.immediate and better(side, near, limit):
            return (1, abs(limit - open_), *age), order, limit, elected
        return ((1, abs(limit - open_), *age), order, None, True) if elected else None

    def _one_leg(self, offers: list, open_: int) -> list:
        kept = list(offers)
        for stop in offers:
            for limit in offers:
                same_side = stop[1].side == limit[1].side
                if not (stop[3] and not limit[3] and limit[1].limit is not None and same_side):
                    continue
                if limit[0][0] == 1:
                    kept = [offer for offer in kept if offer is not limit]
                elif stop[0][0] == 1 and stop[1].left == limit[1].left:
                    kept = [offer for offer in kept if offer is not stop]
        return kept
