"""What an instrument is worth: an exogenous path that knows nothing of the book, and that pulls flows which know it.

An Ornstein-Uhlenbeck process with compound Poisson jumps, ``dV = kappa (mean - V) dt + sigma dW + dJ``. Its path is drawn on a grid
of times by the process's exact law over a step, not by small increments, so the step changes how often the value is looked at and
nothing else: between two grid times and jumps it counts as what it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import accumulate
from typing import Final

import numpy as np
import numpy.typing as npt

from simexec.errors import InputError
from simexec.market.levels import Array

_BLOCK: Final = 1024
_SECOND: Final = 1_000_000_000
_LONGEST_GAP: Final = 2**62


class Fundamental:
    """A value in price quanta by time; any number of flows may follow the same one.

    Args:
        rng: gives the stream of a name, such as ``sim.rng``; every name begins with ``name``.
        name: of the value.
        start_value: in quanta, at ``start_ns``.
        mean_value: in quanta, towards which it reverts.
        reversion_per_s: kappa; 0 for none.
        volatility: sigma, quanta per square root of a second.
        jump_rate_per_s: jumps a second.
        jump_deviation: standard deviation of a jump in quanta; jumps are normal with mean 0.
        step_ns: time between two looks at the process; jumps are seen when they happen.
        start_ns: before it the value is ``start_value``.

    Raises:
        InputError: a parameter is negative or not finite, or the step is not positive.
    """

    def __init__(
        self,
        rng: Callable[[str], np.random.Generator],
        name: str,
        *,
        start_value: float,
        mean_value: float,
        reversion_per_s: float,
        volatility: float,
        jump_rate_per_s: float = 0.0,
        jump_deviation: float = 0.0,
        step_ns: int,
        start_ns: int,
    ) -> None:
        for what, value in (
            ("reversion_per_s", reversion_per_s), ("volatility", volatility), ("jump_rate_per_s", jump_rate_per_s),
            ("jump_deviation", jump_deviation),
        ):  # fmt: skip
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"{what} {value!r} of the fundamental {name!r} must be a number from 0 up")
        if not (math.isfinite(start_value) and math.isfinite(mean_value)):
            raise InputError(f"values {start_value!r} and {mean_value!r} of the fundamental {name!r} must be finite")
        if step_ns <= 0:
            raise InputError(f"step {step_ns} ns of the fundamental {name!r} must be positive")
        self._noise, self._gaps = rng(f"{name}.diffusion"), rng(f"{name}.jump_times")
        self._jump_sizes = rng(f"{name}.jump_sizes")
        self._mean = mean_value
        self._kappa = reversion_per_s / _SECOND
        self._jump_rate, self._jump_deviation = jump_rate_per_s / _SECOND, jump_deviation
        self._step = step_ns
        kept = math.exp(-self._kappa * step_ns)
        self._kept = kept
        variance = (
            step_ns / _SECOND if self._kappa == 0 else -math.expm1(-2 * self._kappa * step_ns) / (2 * reversion_per_s)
        )
        self._deviation = volatility * math.sqrt(variance)
        self._last = float(start_value)  # at the last grid time of the path
        self._end = start_ns  # which is this
        self._jump = self._end + self._gap()  # the next one
        self._times = np.array([start_ns], np.int64)
        self._values = np.array([start_value], np.float64)

    def _gap(self) -> int:
        if self._jump_rate == 0:
            return _LONGEST_GAP
        return int(min(self._gaps.standard_exponential() / self._jump_rate, _LONGEST_GAP))

    def at(self, times: npt.ArrayLike) -> Array:
        """The value at each of the times (ns), rounded to whole quanta."""
        asked = np.asarray(times, np.int64)
        if len(asked) == 0:
            return np.empty(0, np.int64)
        parts_t, parts_v = [self._times], [self._values]
        while self._end <= asked.max():
            block_t, block_v = self._extend()
            parts_t.append(block_t)
            parts_v.append(block_v)
        if len(parts_t) > 1:
            self._times, self._values = np.concatenate(parts_t), np.concatenate(parts_v)
        found = np.maximum(np.searchsorted(self._times, asked, side="right") - 1, 0)
        return np.rint(self._values[found]).astype(np.int64)

    def _extend(self) -> tuple[Array, npt.NDArray[np.float64]]:
        """The next 1,024 steps: times and values at their ends and at the jumps."""
        grid = self._end + self._step * np.arange(1, _BLOCK + 1, dtype=np.int64)
        jumps: list[int] = []
        while self._jump < grid[-1]:
            jumps.append(self._jump)
            self._jump += self._gap()
        times = np.array(jumps, np.int64)
        sizes = self._jump_deviation * self._jump_sizes.standard_normal(len(times))
        step = np.searchsorted(grid, times, side="right")  # in which step each of them comes
        noise = self._deviation * self._noise.standard_normal(_BLOCK)
        np.add.at(noise, step, sizes * np.exp(-self._kappa * (grid[step] - times)))
        path = np.fromiter(
            accumulate(noise.tolist(), lambda x, e: self._kept * x + e, initial=self._last - self._mean),
            float,
            _BLOCK + 1,
        )
        path += self._mean
        total = np.cumsum(sizes)
        before = np.concatenate([[0.0], total])[np.searchsorted(step, step)]  # jumps of earlier steps
        all_times = np.concatenate([grid, times])
        order = np.argsort(all_times, kind="stable")
        self._last, self._end = float(path[-1]), int(grid[-1])
        return all_times[order], np.concatenate([path[1:], path[step] + total - before])[order]
