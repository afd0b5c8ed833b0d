"""POV: a percentage of the volume, whatever that turns out to be."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs
from attrs.converters import optional

from simexec.algos.hand import Hand
from simexec.algos.tactics import Tactics
from simexec.sim.clock import MINUTE, SECOND
from simexec.trading.convert import (
    DURATION,
    FieldError,
    naming_fields,
    to_duration,
    to_flag,
    to_positive_count,
    to_positive_decimal,
    to_positive_duration,
    to_positive_real,
    to_rate,
)

if TYPE_CHECKING:
    from simexec.execution.parent import ParentExecution
    from simexec.sim import Event
    from simexec.trading.order import Order


@attrs.frozen(kw_only=True, field_transformer=naming_fields)
class POV:
    """Follows the trades that it sees, so that its own are a given part of all volume since it began.

    It looks at the market when a trade arrives. What it is behind the rate by then rests at the near touch, in one child that
    moves when the touch has moved away from it. When it has fallen behind the minimum by a clip, or by two while a child
    rests, the child is taken back, and what is missing to the rate crosses the spread. Nothing smaller than a clip is sent, so it
    may be behind by one.

    **The maximum is never exceeded by what it sends**: neither of all volume since the beginning nor, so that nothing bursts
    after a silence (a pause, a limit out of reach, a frozen feed), of what was traded within the last ``window``; there it may
    send one clip. What others trade is what was seen to trade, less all that may be our own, so whatever is late only makes
    it send less. ``cross_at_end`` alone does not keep to it.

    Attributes:
        rate: the part of the volume that it aims at, above 0. With ``own_volume`` our own trades are a part of that volume, so 0.2
            means 1 share for 4 of others; without, 1 for 5.
        minimum: below this it crosses the spread; None: 0.8 of the rate; 0: never.
        maximum: None: 1.2 of the rate.
        own_volume: whether our own trades count in the volume of which these are parts.
        clip: the least quantity of a child; the order's last one may be smaller.
        window: see above.
        limit_price: no child is worse than this, nor than the order's own limit.
        duration: from now to when it ends; None: the order's end.
        cross_at_end: what is left then crosses the spread at once; otherwise it expires.
        lead: it does so this much before the order's end (at most half of the time there is).
    """

    rate: float = attrs.field(converter=to_positive_real)
    minimum: float | None = attrs.field(default=None, converter=optional(to_rate))
    maximum: float | None = attrs.field(default=None, converter=optional(to_positive_real))
    own_volume: bool = attrs.field(default=True, converter=to_flag)
    clip: int = attrs.field(default=100, converter=to_positive_count)
    window: int = attrs.field(default=MINUTE, converter=to_positive_duration, metadata=DURATION)
    limit_price: Decimal | None = attrs.field(default=None, converter=optional(to_positive_decimal))
    duration: int | None = attrs.field(default=None, converter=optional(to_positive_duration), metadata=DURATION)
    cross_at_end: bool = attrs.field(default=False, converter=to_flag)
    lead: int = attrs.field(default=SECOND, converter=to_duration, metadata=DURATION)

    def __attrs_post_init__(self) -> None:
        least, most = self.bounds
        if least > self.rate:
            raise FieldError(f"must be at most the rate {self.rate!r}, not {least!r}", ("minimum",))
        if most < self.rate:
            raise FieldError(f"must be at least the rate {self.rate!r}, not {most!r}", ("maximum",))
        if self.own_volume and most >= 1:
            raise FieldError(f"must be below 1, since our own volume is a part of all, not {most!r}", ("maximum",))

    @property
    def bounds(self) -> tuple[float, float]:
        """Minimum and maximum, defaults included."""
        least = 0.8 * self.rate if self.minimum is None else self.minimum
        return least, 1.2 * self.rate if self.maximum is None else self.maximum

    def for_others(self, part: float) -> float:
        """What a part of the volume is for each share that others trade."""
        return part / (1 - part) if self.own_volume else part

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""
        tactics = Tactics(limit_price=self.limit_price, cross_at_end=self.cross_at_end, lead=self.lead)
        hand, pace, begin = Hand(execution, tactics), _Pace(self, execution), execution.sim.now
        child: Order | None = None
        news = True  # a trade has arrived since something was last sent, so that what is refused is not sent again and again
        is_stale = False
        while execution.is_working and execution.sim.now < (end := self._end_ns(hand, begin)):
            pace.look(is_stale=is_stale)
            crosses = pace.is_behind and _is_within_limit(hand)
            if child is not None and not child.is_final and (crosses or _has_moved_away(hand, child)):
                await execution.withdraw(child)
                pace.look()
                child, news = None, True
            if news and (child is None or child.is_final):
                news = False
                if crosses:
                    await hand.finish(pace.quantity)
                else:
                    child = hand.join(pace.quantity)
            trade = execution.view.next_trade()
            await execution.until(end, trade, execution.attention(), *_better_touch(hand, child))
            seen = trade.value if trade.triggered else None
            news = news or seen is not None
            is_stale = seen is not None and seen.time_ns < execution.sim.now - self.window
        if child is not None:
            await execution.withdraw(child)
        if self.cross_at_end:
            await hand.finish(execution.unplaced)

    def _end_ns(self, hand: Hand, begin_ns: int) -> int:
        return hand.last_ns if self.duration is None else min(hand.last_ns, begin_ns + self.duration)


class _Pace:
    """How much may be sent, by what others have traded since the beginning and lately."""

    def __init__(self, rules: POV, execution: ParentExecution) -> None:
        self._execution, self._window, self._clip = execution, rules.window, rules.clip
        least, most = rules.bounds
        self._least, self._rate, self._most = map(rules.for_others, (least, rules.rate, most))
        self._begin = execution.view.traded_quantity()
        self._all = 0
        # When it looked, and then the most that others, and the least that we, had traded.
        self._looks: deque[tuple[int, int, int]] = deque()

    @property
    def _ours(self) -> int:
        """The most that we may have traded: what still works counts as filled."""
        return self._execution.parent.quantity - self._execution.unplaced

    @property
    def _others(self) -> int:
        """The least that others have traded, as far as was seen."""
        return max(0, self._all - self._ours)

    @property
    def is_behind(self) -> bool:
        """Whether a clip is missing to the minimum; a child that rests is given the time of another clip."""
        clips = 2 if self._execution.working else 1
        return self._least * self._others - self._execution.parent.filled_quantity >= clips * self._clip

    @property
    def quantity(self) -> int:
        """What is to be sent now; 0 if it is less than a clip."""
        others, ours = self._others, self._ours
        _, others_before, ours_before = self._looks[0]
        lately = max(self._most * (others - others_before), self._clip) - (ours - ours_before)
        wanted = int(min(self._rate * others - ours, self._most * others - ours, lately))
        left = self._execution.unplaced
        return min(wanted, left) if wanted >= min(self._clip, left) else 0

    def look(self, *, is_stale: bool = False) -> None:
        """Note how much has been traded by now; what is stale is old news, or of a time in which nothing could be done."""
        now, filled = self._execution.sim.now, self._execution.parent.filled_quantity
        self._all = self._execution.view.traded_quantity() - self._begin
        if is_stale:
            self._looks.clear()
        self._looks.append((now, max(0, self._all - filled), filled))
        while len(self._looks) > 1 and self._looks[1][0] <= now - self._window:
            self._looks.popleft()


def _is_within_limit(hand: Hand) -> bool:
    """Whether the far touch is seen, and no worse than the limit."""
    far = hand.far()
    return far is not None and hand.execution.within_limit(far, hand.limit) == far


def _has_moved_away(hand: Hand, child: Order) -> bool:
    """Whether the near touch is better than a child's price."""
    near = hand.near()
    return near is not None and child.price_ticks is not None and (near - child.price_ticks) * child.side.sign > 0


def _better_touch(hand: Hand, child: Order | None) -> list[Event]:
    """The near touch moves away from a child that works, as far as the limit lets us follow."""
    if child is None or child.is_final or child.price_ticks is None:
        return []
    price = child.price_ticks + child.side.sign
    if hand.execution.within_limit(price, hand.limit) != price:
        return []
    return [hand.execution.view.crosses(price * child.instrument.subticks, child.side.opposite)]
