"""Background orders of a dark pool: who else waits there, drawn in advance and independent of what anybody does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from simexec.errors import InputError
from simexec.market.sizes import SizeModel
from simexec.protocols import DurationModel
from simexec.sim import Draws, Exponential
from simexec.sim.durations import draws_of

_SIDES: Final = ("buy", "sell")


class DarkFlow:
    """Poisson arrivals on either side, each with a size and a lifetime of its own.

    Every side draws from its streams ``{name}.dark_buy.times``, ``.sizes`` and ``.lifetimes`` (``dark_sell`` likewise), so what one
    side does changes nothing of the other.

    Args:
        rng: makes a stream from its name, such as ``sim.rng``.
        name: such as ``flow.XDRK``.
        rates_per_s: arrivals of buys and of sells a second; 0: none.
        size: in lots.
        lifetime: how long an order waits before its owner takes it out.
        lot: shares in a lot.
        start_ns, end_ns: arrivals are from the one up to the other.

    Raises:
        InputError: a rate is negative or not finite.
    """

    def __init__(
        self,
        rng: Callable[[str], np.random.Generator],
        name: str,
        rates_per_s: tuple[float, float],
        size: SizeModel,
        lifetime: DurationModel,
        *,
        lot: int = 1,
        start_ns: int,
        end_ns: int,
    ) -> None:
        self._lot = lot
        self._end = end_ns
        self._next: list[int | None] = [None, None]
        self._gaps: list[Callable[[], int]] = []
        self._sizes: list[Callable[[], int]] = []
        self._lifetimes: list[Callable[[], int]] = []
        for side, word in enumerate(_SIDES):
            rate = rates_per_s[side]
            if not 0 <= rate < float("inf"):
                raise InputError(f"{name}: {rate} arrivals of {word}s a second is not a number from 0 up")
            stream = f"{name}.dark_{word}"
            mean = round(1e9 / rate) if rate else 1
            self._gaps.append(draws_of(Exponential(mean), rng(f"{stream}.times")).next)
            self._sizes.append(Draws(rng(f"{stream}.sizes"), size.sample).next)
            self._lifetimes.append(draws_of(lifetime, rng(f"{stream}.lifetimes")).next)
            if rate:
                self._go_on(side, start_ns)

    def _go_on(self, side: int, time: int) -> None:
        time += self._gaps[side]()
        self._next[side] = time if time < self._end else None

    @property
    def next_time(self) -> int | None:
        """Time (ns) of the next arrival; None after the last."""
        return min((time for time in self._next if time is not None), default=None)

    def take(self) -> tuple[int, int, int, int]:
        """The next arrival: time, side, quantity, and when it is taken out."""
        time, side = min((time, side) for side, time in enumerate(self._next) if time is not None)
        self._go_on(side, time)
        return time, side, self._sizes[side]() * self._lot, time + max(1, self._lifetimes[side]())
