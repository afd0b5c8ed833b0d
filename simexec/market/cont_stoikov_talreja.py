"""The order flow of Cont, Stoikov and Talreja (2010), "A stochastic model for order book dynamics": rates that follow the book.

Orders are of one size. Limit orders come at ``i`` ticks from the opposite best at a rate ``lambda(i)``, market orders at ``mu`` a
side, and every order of the background is cancelled at a rate ``theta(i)`` by its present distance from the opposite best. The
last of these makes the flow depend on the book, so it is made message by message, in compiled code (``cst``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from simexec.errors import InputError
from simexec.market import cst
from simexec.market import layout as at
from simexec.market.activity import ALWAYS_ONE, Activity, Floats
from simexec.market.generator import WORDS, seed_words
from simexec.market.levels import Array

_SECOND: Final = 1_000_000_000
_LEAST_REFERENCES: Final = 1024
_MOST_AT_FIRST: Final = 1_000_000
"""Orders a side with which a book may begin."""


def power_law_rates(given: Sequence[float], k: float, alpha: float, reach: int) -> tuple[float, ...]:
    """``given`` for the first distances, then ``k * i**-alpha`` up to ``reach`` ticks.

    Raises:
        InputError: ``reach`` is below the number of given rates, or ``k`` or ``alpha`` is negative or not finite.
    """
    if reach < len(given):
        raise InputError(f"reach {reach} must be at least the {len(given)} ticks whose rates are given")
    if not (np.isfinite([k, alpha]).all() and k >= 0 and alpha >= 0):
        raise InputError(f"k {k!r} and alpha {alpha!r} must be numbers from 0 up")
    return (*given, *(k * i**-alpha for i in range(len(given) + 1, reach + 1)))


class ContStoikovTalreja:
    """A flow whose cancels follow the book; implements ``GeneratedFlow``.

    The book begins either with given ``queues``, or with as many orders at each distance from ``start_price`` as would rest there
    in the long run if none traded: Poisson with mean lambda / theta, at least one at the best. It forgets that within a few
    lifetimes.

    Args:
        rng: gives the stream of a name, such as ``sim.rng``; every name begins with ``name``.
        name: of the flow.
        start_price: best bid in quanta around which the book is first filled; the best ask is a tick higher.
        tick_quanta: price quanta in a tick.
        lot: size of every order, in shares.
        limit_rates_per_s: limit orders a second and side, at 1, 2, ... ticks from the opposite best (``power_law_rates``).
        cancel_rates_per_s: cancels a second of each order at 1, 2, ... ticks from the opposite best; beyond, the last rate.
        market_rate_per_s: market orders a second and side.
        start_ns: when the flow begins; ``end_ns`` when it ends.
        queues: orders at the start by side (bids, asks) and distance in ticks from the other side's start price.
        activity: how much busier than on average the arrivals of limit and market orders are; cancels are not scaled.

    Attributes:
        references: background references are below this.
        tick_quanta: price quanta in a tick.
        model: what ``generate`` works on; replaced by ``grow``.

    Raises:
        InputError: a rate is negative or none is positive, a side would begin empty or with more than a million orders, or orders
            would begin below one tick.
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
        cancel_rates_per_s: Sequence[float],
        market_rate_per_s: float,
        start_ns: int,
        end_ns: int,
        queues: tuple[Sequence[int], Sequence[int]] | None = None,
        activity: Activity | None = None,
    ) -> None:
        limits, cancels = (
            _rates("limit_rates_per_s", limit_rates_per_s),
            _rates("cancel_rates_per_s", cancel_rates_per_s),
        )
        if not (cancels > 0).all():
            raise InputError(f"cancel_rates_per_s {list(cancel_rates_per_s)} must all be positive")
        if not 0 <= market_rate_per_s <= _SECOND:
            raise InputError(f"market_rate_per_s {market_rate_per_s!r} must be from 0 to {_SECOND:g}")
        self.tick_quanta = tick_quanta
        self._start = start_ns
        if queues is None:
            theta = cancels[np.minimum(np.arange(len(limits)), len(cancels) - 1)]
            means = limits / theta
            if means.sum() > _MOST_AT_FIRST:
                raise InputError(
                    f"a side would begin with {means.sum():.3g} orders, limit rate over cancel rate; at most {_MOST_AT_FIRST:,}"
                )
            counts = rng(f"{name}.opening").poisson(means, (2, len(means)))
            counts[:, 0] = np.maximum(counts[:, 0], 1)
            queues = (counts[0].tolist(), counts[1].tolist())
        self._opening = _opening(queues, start_price, tick_quanta, lot, start_ns)
        self._opened = len(self._opening)
        self.references = max(_LEAST_REFERENCES, 2 * self._opened)
        knots = ALWAYS_ONE if activity is None else activity.knots(start_ns)
        self.model = self._model(limits, market_rate_per_s, cancels, knots, start_ns, end_ns, lot)
        words = [
            *(
                seed_words(rng(f"{name}.{what}"))
                for side in ("buy", "sell")
                for what in (*(f"limit_{side}.{i}" for i in range(1, len(limits) + 1)), f"market_{side}")
            ),
            *(
                seed_words(rng(f"{name}.cancel_{side}.{i}"))
                for side in ("buy", "sell")
                for i in range(1, len(cancels) + 1)
            ),
        ]
        stream = self.model[cst.STREAM]
        self.model.view(np.uint64)[stream : stream + WORDS * len(words)] = np.concatenate(words)
        cst.start_clocks(self.model)

    def _model(
        self, limits: Floats, market: float, cancels: Floats, knots: Floats, start_ns: int, end_ns: int, lot: int
    ) -> Array:
        rates = np.concatenate([limits, [market], limits, [market], cancels, cancels]) / _SECOND
        classes, near = len(rates), len(cancels)
        header = np.zeros(cst.HEADER, np.int64)
        end = cst.HEADER
        for table, size in (
            (cst.RATE, classes), (cst.CLOCK, classes), (cst.DUE, classes), (cst.STREAM, WORDS * classes),
            (cst.COUNT, 2 * near), (cst.KNOTS, knots.size), (cst.STACK, self.references),
        ):  # fmt: skip
            header[table] = end
            end += size
        header[[cst.START, cst.END, cst.LOT, cst.TICK]] = start_ns, end_ns, lot, self.tick_quanta
        header[[cst.REACH, cst.NEAR, cst.KNOT_COUNT]] = len(limits), near, len(knots)
        header[[cst.REFERENCES, cst.FREE]] = self.references, self.references - self._opened
        model = np.zeros(end, np.int64)
        model[: cst.HEADER] = header
        floats = model.view(np.float64)
        floats[header[cst.RATE] : header[cst.RATE] + classes] = rates
        floats[header[cst.DUE] : header[cst.DUE] + classes] = np.inf
        floats[header[cst.KNOTS] : header[cst.KNOTS] + knots.size] = knots.ravel()
        model[header[cst.STACK] : end - self._opened] = np.arange(self._opened, self.references)
        return model

    def next_messages(self) -> Array | None:
        """The orders with which the book begins; then None: the rest comes from ``generate``."""
        opening, self._opening = self._opening, self._opening[:0]
        return opening if len(opening) else None

    def applied(self, time_ns: int) -> int:
        """See ``Flow``; ``time_ns`` is the present time."""
        return int(self.model[cst.GIVEN]) + (self._opened if time_ns >= self._start else 0)

    def grow(self) -> None:
        """Double the references, when ``generate`` has found too few."""
        more = np.arange(self.references, 2 * self.references, dtype=np.int64)
        self.model = np.concatenate([self.model, more])
        stack, free = self.model[cst.STACK], self.model[cst.FREE]
        self.model[stack + free : stack + free + len(more)] = more
        self.references *= 2
        self.model[cst.REFERENCES] = self.references
        self.model[cst.FREE] += len(more)


def _rates(name: str, values: Sequence[float]) -> Floats:
    rates = np.asarray(values, np.float64)
    if len(rates) == 0 or not np.isfinite(rates).all() or (rates < 0).any() or not 0 < rates.sum() <= _SECOND:
        raise InputError(
            f"{name} {list(values)} must be rates from 0 up, one of them positive, their sum at most {_SECOND:g}"
        )
    return rates


def _opening(queues: tuple[Sequence[int], Sequence[int]], price: int, tick: int, lot: int, start_ns: int) -> Array:
    rows: list[list[int]] = []
    for side, counts in enumerate(queues):
        sign = 1 - 2 * side
        if min(counts, default=0) < 0 or sum(counts) == 0:
            raise InputError(f"queues {queues} must have orders on both sides, each count from 0 up")
        for distance, count in enumerate(counts):
            level = price - sign * (distance + side) * tick
            if level < tick and count > 0 and distance == 0:
                raise InputError(f"start_price {price} must be at least one tick, {tick} quanta")
            if level >= tick:
                rows += [[start_ns, at.ADD, len(rows) + i, level, lot, side] for i in range(count)]
    return np.array(rows, np.int64)
