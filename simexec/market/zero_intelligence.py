"""Zero-intelligence order flow: independent Poisson streams of orders (Smith, Farmer, Gillemot and Krishnamurthy 2003).

Nothing that is drawn here depends on the book: when an order comes, on which side, how far from the opposite best, how large it
is and how long it lives are settled before it meets the book. So the flow is made in chunks ahead of time, and an order of
ours changes only what truly depends on it: prices, and which orders trade (common random numbers).

Each class of events has its own clock, and each of its properties its own stream, so that more draws of one shift no other. An
activity profile maps the clocks of arrivals to the time of day; it draws nothing.

Informed orders are the one class with a reason: each knows what a ``Fundamental`` is worth when it comes, and the book settles on
which side it trades, if at all. Their times, sizes and values are settled ahead like everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from simexec.errors import InputError
from simexec.market import layout as at
from simexec.market.activity import Activity, Floats, times_of
from simexec.market.fundamental import Fundamental
from simexec.market.levels import Array
from simexec.market.sizes import SizeModel

_BATCH: Final = 4096
_CHUNK_MESSAGES: Final = 1 << 15
_SECOND: Final = 1_000_000_000
_NEVER: Final = 2**62
"""Later than the end of every flow, in ns; two such times still add up in an int64."""
_MOST_AT_FIRST: Final = 1_000_000
"""Orders a side with which a book may begin."""


class _Class:
    """One class of events: the arrivals of one kind of order on one side, in order of time."""

    def __init__(
        self,
        rng: Callable[[str], np.random.Generator],
        name: str,
        rate_per_s: float,
        start_ns: int,
        sizes: SizeModel,
        distances: Array,
        weights: Floats,
        lifetime_s: float,
        knots: Floats | None,
    ) -> None:
        self._gaps, self._sizes = rng(f"{name}.times"), rng(f"{name}.sizes")
        self._distances, self._lifetimes = rng(f"{name}.distances"), rng(f"{name}.lifetimes")
        self._rate = rate_per_s
        self._start = self._clock = self._last = start_ns  # the clock shows internal time
        self._knots = knots
        self._size_model = sizes
        self._reach = distances
        self._cumulative = np.cumsum(weights) / weights.sum() if len(weights) else weights
        self._lifetime_s = lifetime_s
        self._ready: Array = np.empty((0, 4), np.int64)

    def until(self, end_ns: int) -> Array:
        """Arrivals before ``end_ns`` that were not given yet: time, distance in ticks, size in lots, lifetime in ns."""
        blocks = [self._ready]
        while self._rate > 0 and self._last < end_ns:
            block = self.draw(_BATCH, self._clock)
            self._clock = int(block[-1, 0])
            if self._knots is not None:
                block[:, 0] = times_of(self._knots, self._start, block[:, 0], _NEVER)
            self._last = int(block[-1, 0])
            blocks.append(block)
        rows = np.concatenate(blocks)
        split = int(np.searchsorted(rows[:, 0], end_ns))
        self._ready = rows[split:]
        return rows[:split]

    def draw(self, count: int, start_ns: int) -> Array:
        """The next ``count`` arrivals after ``start_ns``, in internal time."""
        rows = np.zeros((count, 4), np.int64)
        gaps = np.rint(self._gaps.standard_exponential(count) * (_SECOND / self._rate))
        rows[:, 0] = start_ns + np.cumsum(np.minimum(gaps, _NEVER).astype(np.int64))
        rows[np.cumsum(gaps) > _NEVER - start_ns, 0] = _NEVER  # the int sum has overflowed there
        rows[:, 2] = self._size_model.sample(self._sizes, count)
        if len(self._reach):
            rows[:, 1] = self._reach[np.searchsorted(self._cumulative, self._distances.random(count), side="right")]
            lives = np.rint(self._lifetimes.standard_exponential(count) * (self._lifetime_s * _SECOND))
            rows[:, 3] = np.clip(lives, 1, _NEVER)  # a cancel comes before an arrival of the same time
        return rows


class ZeroIntelligence:
    """A flow of limit orders at Poisson rates by distance, exponential lifetimes and Poisson market orders.

    At the start the book holds, at each distance from ``start_price``, as many orders as would rest there in the long run if none
    traded; it forgets that within a few lifetimes. With ``resting`` given it goes on from the book that is there.

    Args:
        rng: gives the stream of a name, such as ``sim.rng``; every name begins with ``name``.
        name: of the flow.
        start_price: price in quanta around which the book is first filled.
        tick_quanta: price quanta in a tick.
        lot: shares in a lot.
        limit_rates_per_s: limit orders a second and side, at 1, 2, ... ticks from the opposite best.
        cancel_rate_per_s: 1 / mean lifetime of an order.
        market_rate_per_s: market orders a second and side.
        limit_size: sizes of limit orders in lots; ``market_size`` of market orders.
        start_ns: when the flow begins; ``end_ns`` when it ends.
        activity: how much busier than on average all arrivals are; lifetimes are not scaled.
        fundamental: what informed orders know. They come at ``informed_rate_per_s`` (both sides together) with sizes
            ``informed_size``: market orders that buy if the value is above the best ask, sell if it is below the best bid, and
            else do nothing.
        resting: references of the background orders in the book at the start, which get lifetimes as if they had just come; None
            for a book that is empty and is filled around ``start_price``.
        first_reference: the flow's own references begin here, above those that the book has used before.

    Raises:
        InputError: a rate is negative, the flow would be empty, more than a million orders would rest at the start, informed orders
            lack their fundamental or their size, or ``first_reference`` is not above the references that rest.
    """

    def __init__(
        self,
        rng: Callable[[str], np.random.Generator],
        name: str,
        *,
        start_price: int,
        tick_quanta: int,
        lot: int,
        limit_rates_per_s: Sequence[float],
        cancel_rate_per_s: float,
        market_rate_per_s: float,
        limit_size: SizeModel,
        market_size: SizeModel,
        start_ns: int,
        end_ns: int,
        activity: Activity | None = None,
        fundamental: Fundamental | None = None,
        informed_rate_per_s: float = 0.0,
        informed_size: SizeModel | None = None,
        resting: Sequence[int] | Array | None = None,
        first_reference: int = 0,
    ) -> None:
        weights = np.asarray(limit_rates_per_s, np.float64)
        if len(weights) == 0 or not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() == 0:
            raise InputError(
                f"limit_rates_per_s {list(limit_rates_per_s)} must be rates from 0 up, one of them positive"
            )
        if not cancel_rate_per_s > 0 or not market_rate_per_s >= 0:
            raise InputError(
                f"cancel_rate_per_s {cancel_rate_per_s!r} must be positive and market_rate_per_s"
                f" {market_rate_per_s!r} not negative"
            )
        if not 0 <= informed_rate_per_s <= _SECOND:
            raise InputError(f"informed_rate_per_s {informed_rate_per_s!r} must be from 0 to {_SECOND:g}")
        if informed_rate_per_s > 0 and (fundamental is None or informed_size is None):
            raise InputError(
                f"informed_rate_per_s {informed_rate_per_s!r} needs a fundamental and an informed_size; give both"
            )
        if max(float(weights.sum()), market_rate_per_s) > _SECOND:
            raise InputError(
                f"limit orders come at {weights.sum():.3g} and market orders at {market_rate_per_s:.3g} a second;"
                " the clock can tell one a nanosecond apart"
            )
        if weights.sum() > _MOST_AT_FIRST * cancel_rate_per_s:
            raise InputError(
                f"cancel_rate_per_s {cancel_rate_per_s!r} would fill a side with {weights.sum() / cancel_rate_per_s:.3g} orders"
                f" at the start; raise it, for at most {_MOST_AT_FIRST:,}"
            )
        self.tick_quanta = tick_quanta
        self.references = first_reference
        self._lot = lot
        self._end = end_ns
        reach = np.arange(1, len(weights) + 1, dtype=np.int64)
        nothing: Array = np.empty(0, np.int64)
        lifetime = 1 / cancel_rate_per_s
        knots = None if activity is None else activity.knots(start_ns)
        self._fundamental = fundamental
        self._classes: list[tuple[int, int, _Class]] = []  # kind, side, arrivals
        for side, word in ((0, "buy"), (1, "sell")):
            limit = _Class(
                rng, f"{name}.limit_{word}", float(weights.sum()), start_ns, limit_size, reach, weights, lifetime, knots
            )
            market = _Class(
                rng,
                f"{name}.market_{word}",
                market_rate_per_s,
                start_ns,
                market_size,
                nothing,
                weights[:0],
                lifetime,
                knots,
            )
            self._classes += [(at.LIMIT_AWAY, side, limit), (at.MARKET_ORDER, side, market)]
        if informed_size is not None:
            informed = _Class(
                rng,
                f"{name}.informed",
                informed_rate_per_s,
                start_ns,
                informed_size,
                nothing,
                weights[:0],
                lifetime,
                knots,
            )
            self._classes.append((at.VALUE_ORDER, 0, informed))
        rate = 2 * (2 * float(weights.sum()) + market_rate_per_s) + informed_rate_per_s
        self._step = max(1, round(_CHUNK_MESSAGES / rate * _SECOND))
        self._now = start_ns
        self._free = nothing
        self._given = 0  # messages of all chunks before the present one
        self._times = nothing
        opening = rng(f"{name}.opening")
        self._opening: Array = np.empty((0, at.MESSAGE_WIDTH), np.int64)
        refs = np.asarray([] if resting is None else resting, np.int64)
        if len(refs) and refs.max() >= first_reference:
            raise InputError(f"first_reference {first_reference} must be above the {refs.max()} that rests in the book")
        if resting is None:
            self._opening = self._initial(opening, start_price, start_ns, weights * lifetime, limit_size)
            refs = self._opening[:, 2]
        lives = np.clip(np.rint(opening.standard_exponential(len(refs)) * (lifetime * _SECOND)), 1, _NEVER)
        self._pending: Array = np.stack([start_ns + lives.astype(np.int64), refs], axis=1)  # cancels to come

    def _initial(self, rng: np.random.Generator, price: int, start_ns: int, means: Floats, sizes: SizeModel) -> Array:
        counts = rng.poisson(np.maximum(means, 0), (2, len(means)))
        counts[:, 0] = np.maximum(counts[:, 0], 1)  # both sides show something from the start
        rows = []
        for side in range(2):
            sign = 1 - 2 * side
            for distance in range(len(means)):
                for lots in sizes.sample(rng, int(counts[side, distance])).tolist():
                    ref = self.references
                    self.references += 1
                    level = price - sign * (distance + side) * self.tick_quanta
                    if level > 0:
                        rows.append([start_ns, at.ADD, ref, level, lots * self._lot, side])
        return np.array(rows, np.int64)

    def next_messages(self) -> Array | None:
        """See ``Flow``."""
        parts = [self._opening]
        self._opening = np.empty((0, at.MESSAGE_WIDTH), np.int64)
        while sum(map(len, parts)) == 0:
            if self._now >= self._end:
                return None
            parts = self._make(min(self._now + self._step, self._end))
        messages = np.concatenate(parts)
        messages = messages[np.argsort(messages[:, 0], kind="stable")]
        self._given += len(self._times)
        self._times = messages[:, 0].copy()
        return messages

    def _make(self, end: int) -> list[Array]:
        """Messages from now to ``end``; at equal times cancels first, then the classes in their order."""
        arrivals = [(kind, side, source.until(end)) for kind, side, source in self._classes]
        limits = sum(len(rows) for kind, _, rows in arrivals if kind == at.LIMIT_AWAY)
        if limits > len(self._free):
            more = np.arange(self.references, self.references + limits - len(self._free), dtype=np.int64)
            self._free = np.concatenate([self._free, more])
            self.references += len(more)
        refs, self._free = self._free[:limits], self._free[limits:]
        parts, cancels, used = [], [self._pending], 0
        for kind, side, rows in arrivals:
            part = np.zeros((len(rows), at.MESSAGE_WIDTH), np.int64)
            part[:, 0] = rows[:, 0]
            part[:, 1] = kind
            part[:, 3] = rows[:, 1] * self.tick_quanta
            part[:, 4] = rows[:, 2] * self._lot
            part[:, 5] = side
            if kind == at.VALUE_ORDER and self._fundamental is not None:
                part[:, 3] = self._fundamental.at(rows[:, 0])
            if kind == at.LIMIT_AWAY:
                part[:, 2] = refs[used : used + len(rows)]
                cancels.append(np.stack([rows[:, 0] + rows[:, 3], part[:, 2]], axis=1))
                used += len(rows)
            parts.append(part)
        pending = np.concatenate(cancels)
        due = pending[:, 0] < end
        self._pending = pending[~due]
        part = np.zeros((int(due.sum()), at.MESSAGE_WIDTH), np.int64)
        part[:, 0] = pending[due, 0]
        part[:, 1] = at.CANCEL
        part[:, 2] = pending[due, 1]
        # a reference is free again only in the next chunk, behind its cancel
        self._free = np.concatenate([self._free, part[:, 2]])
        self._now = end
        return [part, *parts]

    def applied(self, time_ns: int) -> int:
        """See ``Flow``."""
        return self._given + int(np.searchsorted(self._times, time_ns, side="right"))
