"""Pegger: one order at the near touch, which follows it, and whose patience ends."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum, auto
from typing import TYPE_CHECKING, cast

import attrs
from attrs.converters import optional

from simexec.algos.hand import Hand, whole_ticks
from simexec.algos.tactics import Tactics
from simexec.sim.clock import MILLISECOND, SECOND
from simexec.trading.convert import (
    DURATION,
    NAME,
    naming_fields,
    to_count,
    to_duration,
    to_flag,
    to_member,
    to_positive_count,
    to_positive_decimal,
    to_positive_duration,
)
from simexec.trading.vocabulary import OrderSide, OrderStatus

if TYPE_CHECKING:
    from simexec.execution.parent import ParentExecution
    from simexec.market.view import MarketView
    from simexec.trading.order import Order


class Impatience(Enum):
    """What is done when patience ends: a better price by one tick, or taking what the far touch shows."""

    IMPROVE = auto()
    CROSS = auto()


def to_impatience(value: Impatience | str) -> Impatience:
    """By name."""
    return to_member(Impatience, value)


@attrs.frozen(kw_only=True, field_transformer=naming_fields)
class Pegger:
    """Rests one child for everything at the near touch of the others, and replaces it as the touch moves.

    Its own order is not a touch to follow. Where it stands alone at the best price, what is behind it is seen only by a view
    with ``depth_levels`` of 2 or more; without one it stays where it is, and so goes back only when it can see others.

    Patience ends after ``patience`` without a fill, or when the touch has run away by ``adverse_ticks``; it begins anew then, with
    every fill, and with a new child. A price that was improved lasts until the next fill; improved often enough it meets the far
    touch and trades there. What a crossing does not fill rests again.

    Attributes:
        offset_ticks: ticks behind the touch.
        display_quantity: shown part of the child, in whole lots; None: all of it.
        reprice_ticks: a touch that has moved by less is not followed, so that the place in the queue is kept.
        rest: least time between two requests. Shorter than market data takes to arrive, it sees its own old price as a touch.
        patience: how long it waits for a fill; None: for ever.
        adverse_ticks: how far the touch may run away; None: as far as it likes.
        impatience: ``improve`` or ``cross``.
        chase_ticks: no price is further than this beyond the touch first seen; None: no such limit.
        limit_price: no child is worse than this, nor than the order's own limit.
        cross_at_end: what is left crosses the spread when the order's time is nearly over.
        lead: it does so this much before the end (at most half of the time there is).
    """

    offset_ticks: int = attrs.field(default=0, converter=to_count)
    display_quantity: int | None = attrs.field(default=None, converter=optional(to_positive_count))
    reprice_ticks: int = attrs.field(default=1, converter=to_positive_count)
    rest: int = attrs.field(default=100 * MILLISECOND, converter=to_positive_duration, metadata=DURATION)
    patience: int | None = attrs.field(default=None, converter=optional(to_positive_duration), metadata=DURATION)
    adverse_ticks: int | None = attrs.field(default=None, converter=optional(to_positive_count))
    impatience: Impatience = attrs.field(default=Impatience.IMPROVE, converter=to_impatience, metadata=NAME)
    chase_ticks: int | None = attrs.field(default=None, converter=optional(to_count))
    limit_price: Decimal | None = attrs.field(default=None, converter=optional(to_positive_decimal))
    cross_at_end: bool = attrs.field(default=False, converter=to_flag)
    lead: int = attrs.field(default=SECOND, converter=to_duration, metadata=DURATION)

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""
        if self.display_quantity is not None:
            execution.parent.instrument.check_quantity(self.display_quantity)
        peg = _Peg(self, execution)
        while execution.is_working and execution.sim.now < peg.hand.last_ns:
            await peg.step()
            await peg.wait()
        if self.cross_at_end:
            if peg.child is not None:
                await execution.withdraw(peg.child)
            await peg.hand.finish(execution.unplaced)


class _Peg:
    """One order being pegged: its child, and how patient it still is."""

    def __init__(self, rules: Pegger, execution: ParentExecution) -> None:
        self.rules, self.execution = rules, execution
        self.hand = Hand(
            execution, Tactics(limit_price=rules.limit_price, cross_at_end=rules.cross_at_end, lead=rules.lead)
        )
        # Any view may be given, and only some show more than the best prices.
        self.book = cast("MarketView", execution.view) if getattr(execution.view, "depth_levels", 0) > 1 else None
        self.child: Order | None = None
        self.improved: int | None = None  # price in ticks that impatience has led to
        self.first: int | None = None  # touch first seen
        self.anchor: int | None = None  # touch when patience began
        self.since = self.next = execution.sim.now  # when patience began, and from when it may ask for something
        self.pause = rules.rest
        self.filled = 0
        self.sign = execution.parent.side.sign

    async def step(self) -> None:
        """Look at the market once, and do what follows from it."""
        execution, parent = self.execution, self.execution.parent
        touch = self._touch()
        self.first = touch if self.first is None else self.first
        self.anchor = touch if self.anchor is None else self.anchor
        if parent.filled_quantity != self.filled:
            self._begin_patience(touch)
            self.improved = None
        elif self._is_impatient(touch):
            await self._end_patience(touch)
            touch = self._touch()
        if execution.sim.now < self.next or (price := self._price(touch)) is None:
            return
        child, room = self.child, execution.unplaced >= parent.instrument.lot
        if child is not None and child.venue is None and (room or self._is_worth_it(child, price)):
            await execution.withdraw(child)  # a router has made several orders of it, which it alone can move
        if child is None or child.is_final:
            refused = child is not None and child.status is OrderStatus.REJECTED
            self.child = execution.place(execution.unplaced, price, display_quantity=self.rules.display_quantity)
            self._begin_patience(touch)
        elif room or self._is_worth_it(child, price):
            refused = not await execution.replace(child, child.quantity + execution.unplaced, price)
        else:
            return
        self.pause = min(2 * self.pause, max(SECOND, self.rules.rest)) if refused else self.rules.rest
        self.next = execution.sim.now + self.pause

    async def wait(self) -> None:
        """Until there is something new to look at; time passes."""
        execution, until = self.execution, self.hand.last_ns
        events = [execution.attention()]
        if self.child is not None and not self.child.is_final:
            events.append(execution.ended(self.child))
            if self.rules.patience is not None:
                until = min(until, self.since + self.rules.patience)
        if execution.sim.now < self.next:
            until = min(until, self.next)
        else:
            events.append(self.book.depth_changes() if self.book is not None else execution.view.changes())
        await execution.until(until, *events)

    def _touch(self) -> int | None:
        """The best price of others on our side in ticks, rounded away from the market; None where none is seen."""
        child, subticks = self.child, self.execution.parent.instrument.subticks
        own = shown = 0
        if child is not None and not child.is_final and child.price_ticks is not None:
            own, shown = child.price_ticks * subticks, child.leaves_quantity
            shown = min(shown, self.rules.display_quantity or shown)
        for price, quantity in self._levels():
            if price != own or quantity > shown:
                return whole_ticks(price, subticks, self.sign)
        return None

    def _levels(self) -> list[tuple[int, int]]:
        """Prices in quanta and quantities of our side as they are seen, the best first."""
        side, quote = self.execution.parent.side, self.execution.view.quote()
        if self.book is not None:
            return [(price, quantity) for price, quantity, _ in self.book.depth(side)]
        if quote is None:
            return []
        price, quantity = (quote.bid, quote.bid_size) if side is OrderSide.BUY else (quote.ask, quote.ask_size)
        return [] if price is None else [(price, quantity)]

    def _price(self, touch: int | None) -> int | None:
        """Where the child is to rest, in ticks: as the touch, what was improved, and the limits say; None if nobody knows."""
        wanted = [] if touch is None else [touch - self.sign * self.rules.offset_ticks]
        if self.improved is not None:
            wanted.append(self.improved)
        if not wanted:
            return None if self.child is None or self.child.is_final else self.child.price_ticks
        return self._within(max(wanted) if self.sign > 0 else min(wanted))

    def _within(self, price: int) -> int:
        if self.rules.chase_ticks is not None and self.first is not None:
            price = self.execution.within_limit(price, self.first + self.sign * self.rules.chase_ticks)
        return self.execution.within_limit(price, self.hand.limit)

    def _is_worth_it(self, child: Order, price: int) -> bool:
        assert child.price_ticks is not None
        return price == self.improved != child.price_ticks or abs(price - child.price_ticks) >= self.rules.reprice_ticks

    # --- patience --------------------------------------------------------------------------------------------------------

    def _begin_patience(self, touch: int | None) -> None:
        self.since, self.anchor, self.filled = self.execution.sim.now, touch, self.execution.parent.filled_quantity

    def _is_impatient(self, touch: int | None) -> bool:
        rules = self.rules
        if self.child is None or self.child.is_final:
            return False
        if rules.patience is not None and self.execution.sim.now >= self.since + rules.patience:
            return True
        if rules.adverse_ticks is None or touch is None or self.anchor is None:
            return False
        return (touch - self.anchor) * self.sign >= rules.adverse_ticks

    async def _end_patience(self, touch: int | None) -> None:
        child, far = self.child, self.hand.far()
        assert child is not None
        assert child.price_ticks is not None
        if self.rules.impatience is Impatience.IMPROVE:
            self.improved = self._within(child.price_ticks + self.sign)
        elif far is not None and self._within(far) == far:
            await self.execution.withdraw(child)
            await self.hand.finish(self.execution.unplaced, far)
        self._begin_patience(touch)
