"""Distributions of order sizes; each draws whole lots, at least one."""

from __future__ import annotations

import math
from typing import Any, Final, Protocol

import attrs
import numpy as np

from simexec.errors import InputError
from simexec.market.levels import Array

_MOST_LOTS: Final = 2**40


class SizeModel(Protocol):
    """A distribution of order sizes."""

    def sample(self, rng: np.random.Generator, size: int) -> Array:
        """Draw ``size`` sizes in lots, each at least 1."""


def _at_least_one(instance: object, attribute: attrs.Attribute[Any], value: float) -> None:
    if not 1 <= value <= _MOST_LOTS:
        raise InputError(
            f"{attribute.name} of {type(instance).__name__} is {value!r}; it must be from 1 to {_MOST_LOTS} lots"
        )


def _whole(instance: object, attribute: attrs.Attribute[Any], value: float) -> None:
    if value != int(value):
        raise InputError(
            f"{attribute.name} of {type(instance).__name__} is {value!r}; it must be a whole number of lots"
        )


def _not_negative(instance: object, attribute: attrs.Attribute[Any], value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise InputError(f"{attribute.name} of {type(instance).__name__} is {value!r}; it must be a number from 0 up")


@attrs.frozen
class ConstantSize:
    """Always ``quantity`` lots."""

    quantity: int = attrs.field(validator=[_at_least_one, _whole])

    def sample(self, rng: np.random.Generator, size: int) -> Array:
        """See ``SizeModel``; uses nothing of the stream."""
        return np.full(size, self.quantity, np.int64)


@attrs.frozen
class GeometricSize:
    """1, 2, ... lots with a constant ratio and the given mean."""

    mean: float = attrs.field(validator=_at_least_one)

    def sample(self, rng: np.random.Generator, size: int) -> Array:
        """See ``SizeModel``."""
        return np.minimum(rng.geometric(1 / self.mean, size), _MOST_LOTS).astype(np.int64)


@attrs.frozen
class LogNormalSize:
    """Lognormal with the given median and standard deviation of the logarithm, rounded up to whole lots."""

    median: float = attrs.field(validator=_at_least_one)
    sigma: float = attrs.field(validator=_not_negative)

    def sample(self, rng: np.random.Generator, size: int) -> Array:
        """See ``SizeModel``; InputError for a draw beyond 2**40 lots, which no book can add up."""
        with np.errstate(over="ignore"):
            lots = np.ceil(self.median * np.exp(self.sigma * rng.standard_normal(size)))
        if size and lots.max() > _MOST_LOTS:
            raise InputError(f"{self} drew {lots.max():.3g} lots, beyond 2**40; make its sigma smaller")
        return lots.astype(np.int64)
