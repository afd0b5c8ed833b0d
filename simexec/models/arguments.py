"""Checks of what the methods of a model are given."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from simexec.errors import InputError


def above_zero(name: str, value: float) -> float:
    """``value`` as a finite float above zero; InputError otherwise."""
    number = float(value)
    if not (math.isfinite(number) and number > 0):
        raise InputError(f"{name} is {value!r}; it must be a finite number above 0")
    return number


def at_least_one(name: str, value: int) -> int:
    """``value`` as a whole number from 1 up; InputError otherwise."""
    if isinstance(value, bool) or value != int(value) or value < 1:
        raise InputError(f"{name} is {value!r}; it must be a whole number from 1 up")
    return int(value)


def trade_column(trades: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The trades of a schedule as a column of floats; InputError if it is empty or not finite."""
    column = np.asarray(trades, np.float64)
    if column.ndim != 1 or not column.size:
        raise InputError(f"trades have shape {column.shape}; give one number of shares for each time, in one row")
    if not np.isfinite(column).all():
        raise InputError(f"trade {np.flatnonzero(~np.isfinite(column))[0]} is not a finite number of shares")
    return column


def elapsed_fractions(elapsed: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Fractions of a horizon, cut to 0 .. 1; InputError if one is not a number."""
    fractions = np.asarray(elapsed, np.float64)
    if np.isnan(fractions).any():
        raise InputError(f"elapsed fraction {elapsed!r} is not a number; give numbers from 0 to 1")
    return np.clip(fractions, 0.0, 1.0)
