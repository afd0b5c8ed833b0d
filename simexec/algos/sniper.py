"""Sniper: shows nothing, and takes what others show as soon as price and size are right."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import attrs
from attrs.converters import optional

from simexec.algos.hand import Hand, whole_ticks
from simexec.algos.tactics import Tactics
from simexec.errors import OrderError
from simexec.sim.clock import MILLISECOND, SECOND
from simexec.trading.convert import (
    DURATION,
    naming_fields,
    to_decimal_from_zero,
    to_duration,
    to_flag,
    to_positive_count,
    to_positive_decimal,
    to_positive_duration,
    to_texts,
)
from simexec.trading.vocabulary import OrderSide, TimeInForce

if TYPE_CHECKING:
    from simexec.execution.parent import ParentExecution
    from simexec.execution.views import View


class _Target(NamedTuple):
    """What a venue shows at its far touch, price in ticks; the greatest is the most worth taking."""

    advantage: int
    size: int
    price: int
    venue: str | None


@attrs.frozen(kw_only=True, field_transformer=naming_fields)
class Sniper:
    """Takes the far touch by immediate-or-cancel orders when it is good and large enough, and rests nowhere.

    An order asks for no more than is shown, at the price that is shown. It takes at one venue at a time: the one with the best
    price, then the largest size, then the first named. After a miss it waits twice as long as before, up to a second.

    Attributes:
        min_size: least quantity at the far touch.
        clip: most that is taken at once, in whole lots; None: all that is shown.
        discretion: distance of prices from the middle of the first quote seen, beyond which nothing is taken; None: any price.
        limit_price: nothing is taken at a worse price, nor at one worse than the order's own limit.
        delay: before it shoots it waits for a random time up to this, uniformly, and looks again.
        rest: least time between two shots; shorter than market data takes to arrive, it shoots at what it has taken itself.
        venues: where it looks and takes, by name; none: where the order goes.
        dark_venues: asked first, one after the other, for a clip (or all that is left) at the price of the shot.
        cross_at_end: what is left crosses the spread when the order's time is nearly over.
        lead: it does so this much before the end (at most half of the time there is).
    """

    min_size: int = attrs.field(default=1, converter=to_positive_count)
    clip: int | None = attrs.field(default=None, converter=optional(to_positive_count))
    discretion: Decimal | None = attrs.field(default=None, converter=optional(to_decimal_from_zero))
    limit_price: Decimal | None = attrs.field(default=None, converter=optional(to_positive_decimal))
    delay: int = attrs.field(default=0, converter=to_duration, metadata=DURATION)
    rest: int = attrs.field(default=10 * MILLISECOND, converter=to_positive_duration, metadata=DURATION)
    venues: tuple[str, ...] = attrs.field(default=(), converter=to_texts)
    dark_venues: tuple[str, ...] = attrs.field(default=(), converter=to_texts)
    cross_at_end: bool = attrs.field(default=False, converter=to_flag)
    lead: int = attrs.field(default=SECOND, converter=to_duration, metadata=DURATION)

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""
        sim, rng = execution.sim, execution.rng
        hand = Hand(execution, Tactics(limit_price=self.limit_price, cross_at_end=self.cross_at_end, lead=self.lead))
        if self.clip is not None:
            execution.parent.instrument.check_quantity(self.clip)
        views = self._views(execution)
        farthest = None if self.discretion is None else await self._farthest(execution, hand)
        pause = self.rest
        while execution.is_working and sim.now < hand.last_ns:
            worst = hand.limit if farthest is None else execution.within_limit(farthest, hand.limit)
            target = self._target(execution, views, worst)
            if target is not None and self.delay:
                await execution.until(min(hand.last_ns, sim.now + int(rng.integers(0, self.delay, endpoint=True))))
                target = self._target(execution, views, worst)
            if target is None:
                await self._until_change(execution, views, worst, hand.last_ns)
                continue
            taken = await self._take(execution, target)
            pause = self.rest if taken else min(2 * pause, max(SECOND, self.rest))
            await execution.until(min(hand.last_ns, sim.now + pause))
        if self.cross_at_end:
            await hand.finish(execution.unplaced)

    def _views(self, execution: ParentExecution) -> Mapping[str | None, View]:
        unknown = [name for name in self.venues if name not in execution.views]
        if unknown:
            raise OrderError(
                f"venues {', '.join(unknown)} show nothing here; these do: {', '.join(execution.views) or 'none'}"
            )
        return {name: execution.views[name] for name in self.venues} or {None: execution.view}

    async def _farthest(self, execution: ParentExecution, hand: Hand) -> int | None:
        """The worst price in ticks by the discretion; waits for a first quote of both sides, and is None if none comes."""
        parent, sign = execution.parent, execution.parent.side.sign
        distance = parent.instrument.to_ticks(self.discretion) if self.discretion else 0
        while execution.is_working and execution.sim.now < hand.last_ns:
            near, far = execution.touches()
            if near is not None and far is not None:
                return whole_ticks(near + far, 2 * parent.instrument.subticks, sign) + sign * distance
            await execution.until(hand.last_ns, execution.view.changes())
        return None

    def _target(
        self, execution: ParentExecution, views: Mapping[str | None, View], worst: int | None
    ) -> _Target | None:
        """The best of what is shown that is good and large enough; None if nothing is."""
        sign, lot = execution.parent.side.sign, execution.parent.instrument.lot
        found = []
        for venue, view in views.items():
            price, size = _far(execution, view)
            if price is not None and size >= max(self.min_size, lot) and (worst is None or sign * (price - worst) <= 0):
                found.append(_Target(-sign * price, size, price, venue))
        return max(found, key=lambda target: target[:2], default=None)

    async def _until_change(
        self, execution: ParentExecution, views: Mapping[str | None, View], worst: int | None, end_ns: int
    ) -> None:
        """Wait until a quote may have become good enough. A price that is too bad costs nothing meanwhile."""
        parent, events = execution.parent, [execution.attention()]
        for view in views.values():
            price, _ = _far(execution, view)
            if worst is None or (price is not None and parent.side.sign * (price - worst) <= 0):
                events.append(view.changes())
            else:
                events.append(view.crosses(worst * parent.instrument.subticks, parent.side))
        await execution.until(end_ns, *events)

    async def _take(self, execution: ParentExecution, target: _Target) -> int:
        """Ask the dark venues, then take what is shown; returns what was filled."""
        left = wanted = min(self.clip or execution.unplaced, execution.unplaced)
        for venue in (*self.dark_venues, target.venue):
            size = left if venue in self.dark_venues else min(left, target.size)
            child = execution.place(size, target.price, time_in_force=TimeInForce.IOC, venue=venue)
            if child is not None:
                left -= (await execution.final(child)).filled_quantity
        return wanted - left


def _far(execution: ParentExecution, view: View) -> tuple[int | None, int]:
    """The far touch that a view shows: in ticks, rounded away from us, and its size."""
    quote, side = view.quote(), execution.parent.side
    if quote is None:
        return None, 0
    price, size = (quote.ask, quote.ask_size) if side is OrderSide.BUY else (quote.bid, quote.bid_size)
    return None if price is None else whole_ticks(price, execution.parent.instrument.subticks, -side.sign), size
