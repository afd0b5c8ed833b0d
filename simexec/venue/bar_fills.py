"""Fills from bars: what an honest reader of open, high, low, close and volume may claim.

``docs/model_venue.md`` has the rules and their reasons. In short: a bar is known at its end, and every outcome has that time; an
order takes part only in bars that begin at or after its arrival; market orders get the open; limit orders get a better open, or
their limit if the bar trades through it; all our orders together get a stated share of the bar's volume.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from simexec.market.levels import Array
from simexec.market.tape import END, HIGH, LOW, OPEN, START, VOLUME
from simexec.venue.model_orders import (
    CANCELLED,
    ELECTED,
    FILLED,
    IMMEDIATE,
    ModelOrder,
    Outcome,
    Pricing,
    Source,
    TouchDraws,
    take,
)

_AT_OPEN: Final = 0
_WITHIN: Final = 1


@attrs.define(eq=False, slots=True)
class _Plan:
    """What a bar offers an order.

    Attributes:
        phase: whether it trades at the open or later in the bar.
        distance: how far from the open the price must go to reach it, below 0 the more a limit is better than the open.
        base: price that the fill starts from, in quanta; None: the bar elects it but offers no fill.
        maker: the price is the order's own limit.
        elected: the bar elects it.
    """

    order: ModelOrder
    phase: int
    distance: float
    base: int | None
    maker: bool = False
    elected: bool = False

    @property
    def is_limit(self) -> bool:
        """Whether it is a limit order that was no stop before this bar."""
        return not self.elected and self.order.limit is not None

    @property
    def rank(self) -> tuple[int, float, int, int]:
        """Price-time priority: nearest to the open first, then the oldest."""
        return self.phase, self.distance, self.order.arrived, self.order.number


class BarFills:
    """Matches orders with bars.

    Args:
        pricing: slippage and impact.
        touch: draws for orders at the touch.
        share: numerator and denominator of the share of the volume that is ours at most; ``lot`` the instrument's.

    Attributes:
        ambiguous: bars that reached both a stop and a limit of one account and side without telling which came first.
        capped: orders that got less than they wanted because of the share of the volume.
    """

    def __init__(self, pricing: Pricing, touch: TouchDraws, share: tuple[int, int], lot: int) -> None:
        self._pricing = pricing
        self._touch = touch
        self._share = share
        self._lot = lot
        self.ambiguous = self.capped = 0

    def pass_by(self, rows: Array) -> None:
        """Bars that go by while there is no order leave nothing behind."""

    def arrive(self, order: ModelOrder, now: int) -> list[Outcome]:
        """Nothing becomes at once of an order that has arrived: it waits for the next bar."""
        return []

    def apply(self, orders: Iterable[ModelOrder], bar: list[int]) -> list[Outcome]:
        """What a bar does to orders, in the order of their priority."""
        plans = []
        outcomes: list[Outcome] = []
        traded = bar[VOLUME] > 0  # otherwise its prices are only carried on
        for order in orders:
            if order.arrived <= bar[START]:
                plan = self._plan(order, bar) if traded else None
                if plan is not None:
                    plans.append(plan)
                elif order.immediate and order.stop is None:
                    outcomes.append(Outcome(CANCELLED, order, bar[END], text=IMMEDIATE))
        if plans:
            budget = bar[VOLUME] * self._share[0] // self._share[1]
            budget -= budget % self._lot
            for plan in sorted(self._without_second_legs(plans), key=lambda plan: plan.rank):
                budget -= self._trade(plan, bar, budget, outcomes)
        return outcomes

    def _plan(self, order: ModelOrder, bar: list[int]) -> _Plan | None:
        """What a bar offers an order, in prices times its side: there a lower price is always a better one."""
        side = order.side
        shift = self._pricing.shift(side, bar[START])
        low, high = (bar[LOW], bar[HIGH]) if side > 0 else (-bar[HIGH], -bar[LOW])
        open_, best, worst = side * bar[OPEN] + shift, low + shift, high + shift
        limit = None if order.limit is None else side * order.limit
        elected = False
        if order.stop is not None:
            stop = side * order.stop
            if open_ < stop:
                return self._elect_within(order, stop, limit, worst, open_, bar)
            elected = True
        if limit is None:
            return _Plan(order, _AT_OPEN, float("-inf"), bar[OPEN], elected=elected)
        if open_ < limit:
            return _Plan(order, _AT_OPEN, open_ - limit, bar[OPEN], elected=elected)
        may_wait = not order.immediate
        if (may_wait and best < limit) or (
            (best if may_wait else open_) == limit and self._touch.reached(bar[END], side, side * limit)
        ):
            return _Plan(order, _WITHIN, open_ - limit, side * limit, maker=True, elected=elected)
        return _Plan(order, _WITHIN, open_ - limit, None, elected=True) if elected else None

    def _elect_within(
        self, order: ModelOrder, stop: int, limit: int | None, worst: int, open_: int, bar: list[int]
    ) -> _Plan | None:
        """A stop that the bar reaches after its open. What came before and after is unknown, so only the stop price is sure."""
        if worst < stop:
            return None
        base: int | None = order.side * stop
        if limit is not None and limit <= stop:
            touched = limit == stop and self._touch.reached(bar[END], order.side, order.side * limit)
            base = base if touched else None
        return _Plan(order, _WITHIN, stop - open_, base, elected=True)

    def _without_second_legs(self, plans: list[_Plan]) -> list[_Plan]:
        """Leave out what the other leg of a bracket would have ended; see the documentation."""
        stops = [plan for plan in plans if plan.elected]
        limits = [plan for plan in plans if plan.is_limit]
        if not stops or not limits:
            return plans
        dropped: set[int] = set()
        ambiguous = False
        for stop in stops:
            for limit in limits:
                if (stop.order.owner, stop.order.side) != (limit.order.owner, limit.order.side):
                    continue
                if limit.phase == _WITHIN:
                    dropped.add(limit.order.number)
                    ambiguous |= stop.phase == _WITHIN
                elif stop.phase == _WITHIN and stop.order.leaves == limit.order.leaves:
                    dropped.add(stop.order.number)
        self.ambiguous += ambiguous
        return [plan for plan in plans if plan.order.number not in dropped]

    def _trade(self, plan: _Plan, bar: list[int], budget: int, outcomes: list[Outcome]) -> int:
        order, time = plan.order, bar[END]
        shifted = plan.phase == _AT_OPEN
        if plan.elected and order.stop is not None:
            gap = order.side * bar[OPEN] >= order.side * order.stop
            outcomes.append(Outcome(ELECTED, order, time, price=bar[OPEN] if gap else order.stop))
            order.stop = None
        quantity, refusal = (0, "") if plan.base is None else take(order, budget)
        self.capped += plan.base is not None and quantity < order.leaves
        if quantity:
            assert plan.base is not None
            price, source = plan.base, Source(time, bar[VOLUME], 0, (time - bar[START]) / 1e9)
            if plan.maker:
                self._pricing.rested(order, quantity, price, source)
            else:
                price = self._pricing.fill(order, quantity, price, source, shifted=shifted)
            order.leaves -= quantity
            outcomes.append(Outcome(FILLED, order, time, quantity, price, plan.base, plan.maker))
        if order.leaves and (refusal or order.immediate):
            outcomes.append(Outcome(CANCELLED, order, time, text=refusal or IMMEDIATE))
        return quantity
