"""How closely the fills followed a plan."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
import numpy.typing as npt

from simexec.analysis.fills import Fills
from simexec.analysis.result import Rows
from simexec.analysis.table import Table
from simexec.errors import InputError

Reals = npt.NDArray[np.float64]


@attrs.frozen(kw_only=True, eq=False)
class Adherence:
    """Shares due by a plan against shares filled, over the time of working; weighted by time.

    The plan runs straight from point to point; before the first nothing is due, after the last what that one says. The error is
    what is due less what is filled, so it is positive where the order is behind.

    Attributes:
        quantity: of the order.
        steps: at every point of the plan and after every fill: time, due, filled.
        mean: average error in shares; ``mean_absolute`` of its size, ``root_mean_square`` of its square, ``most`` the largest size.
    """

    quantity: int
    steps: Table
    mean: float
    mean_absolute: float
    root_mean_square: float
    most: float

    @classmethod
    def of(cls, plan: Rows, fills: Fills, start_ns: int, end_ns: int, quantity: int) -> Adherence | None:
        """Of fills of an order that was worked from a start to an end; None without a plan, or if that took no time.

        Args:
            plan: int64 (n, 2) in order of time: time in ns, and shares due by then in all.
            fills: of the order.
            start_ns: when working began; ``end_ns`` when it ended.
            end_ns: see there.
            quantity: of the order, in shares.

        Raises:
            InputError: the plan's times run backwards.
        """
        if len(plan) == 0 or end_ns <= start_ns:
            return None
        back = np.flatnonzero(np.diff(plan[:, 0]) < 0)
        if len(back):
            before, after = plan[back[0] : back[0] + 2, 0].tolist()
            raise InputError(f"the plan goes from {before} ns back to {after} ns; give its points in order of time")
        # Where a point repeats a time, the plan steps: its value before and after both count.
        corners = np.clip(np.concatenate([[start_ns], plan[:, 0], fills.time_ns, [end_ns]]), start_ns, end_ns)
        times = np.unique(corners)
        begin, end = times[:-1], times[1:]
        done = np.append(0, np.cumsum(fills.quantity))
        filled = done[np.searchsorted(fills.time_ns, begin, side="right")]
        first, last = _due(plan, begin, "right") - filled, _due(plan, end, "left") - filled
        lengths = (end - begin) / (end_ns - start_ns)
        steps = Table(
            {
                "time_ns": times,
                "due_quantity": _due(plan, times, "right"),
                "filled_quantity": done[np.searchsorted(fills.time_ns, times, side="right")],
            }
        )
        return cls(
            quantity=quantity,
            steps=steps,
            mean=float(((first + last) / 2 * lengths).sum()),
            mean_absolute=float((_mean_size(first, last) * lengths).sum()),
            root_mean_square=float(np.sqrt(((first**2 + first * last + last**2) / 3 * lengths).sum())),
            most=float(np.maximum(np.abs(first), np.abs(last)).max()),
        )

    def shares(self) -> dict[str, float]:
        """The errors in shares by name."""
        return {name: getattr(self, name) for name in ("mean", "mean_absolute", "root_mean_square", "most")}

    def fractions(self) -> dict[str, float]:
        """The errors as fractions of the order."""
        return {name: shares / self.quantity for name, shares in self.shares().items()}


def _due(plan: Rows, times_ns: Rows, side: Literal["left", "right"]) -> Reals:
    """Shares due at these times: with ``"left"`` just before a step of the plan at that time, with ``"right"`` after it."""
    points, due = plan[:, 0], plan[:, 1]
    after = np.searchsorted(points, times_ns, side=side)
    low, high = np.clip(after - 1, 0, None), np.clip(after, None, len(points) - 1)
    span = points[high] - points[low]
    part = np.where(span > 0, (times_ns - points[low]) / np.where(span > 0, span, 1), 0.0)
    found: Reals = np.where(after == 0, 0.0, due[low] + part * (due[high] - due[low]))
    return found


def _mean_size(first: Reals, last: Reals) -> Reals:
    """Mean size of what runs straight from one value to another."""
    crosses = first * last < 0
    size = np.abs(first) + np.abs(last)
    through = (first**2 + last**2) / (2 * np.where(size > 0, size, 1))
    found: Reals = np.where(crosses, through, size / 2)
    return found
