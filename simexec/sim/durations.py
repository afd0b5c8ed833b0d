"""Distributions of durations, for latencies and service times; each draws whole nanoseconds.

Every class offers ``sample(rng, size)``, an int64 array of ``size`` durations in nanoseconds, none negative,
and ``mean_ns``. Values are drawn one after another, so a sequence does not depend on the sizes of the batches
it is drawn in. Parameters are durations as people write them (``"250us"``); wrong ones raise ``InputError``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from simexec.errors import InputError
from simexec.protocols import DurationModel
from simexec.sim.clock import format_duration, parse_duration
from simexec.sim.streams import Draws, Sampler

LONGEST_NS = 2**62
"""No single draw may exceed this (146 years): two of them still fit the 64-bit clock of compiled code."""


def _whole_ns(values: npt.NDArray[np.float64], model: object) -> npt.NDArray[np.int64]:
    rounded = np.rint(values)
    if rounded.size and not rounded.max() < LONGEST_NS:
        raise InputError(
            f"{model!r} drew a duration of {rounded.max():.3g} ns, beyond 146 years; make its tail shorter"
        )
    return rounded.astype(np.int64)


def sampler_of(model: DurationModel) -> Sampler:
    """Return the model's ``sample``, with every batch checked.

    A model may be the user's own, and its draws are put on the calendar unchecked; so whole batches are checked here.

    Raises:
        InputError: at a draw, if the model gives anything but whole numbers of nanoseconds from 0 up.
    """

    def sample(rng: np.random.Generator, size: int) -> npt.NDArray[np.int64]:
        values = np.asarray(model.sample(rng, size))
        if values.dtype.kind not in "iu":
            raise InputError(
                f"{model!r} drew {values.dtype} numbers; its sample() must give whole nanoseconds, as int64"
            )
        if values.size == 0 or values.min() < 0:
            raise InputError(
                f"{model!r} drew {values.min(initial=0)} ns; its sample() must give {size} values from 0 up"
            )
        return values

    return sample


def draws_of(model: DurationModel, rng: np.random.Generator) -> Draws:
    """Return the draws of a model, one Python int at a time, each fit for the calendar; see ``sampler_of``."""
    return Draws(rng, sampler_of(model))


def _finite(value: Any, name: str) -> float:
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise InputError(f"{name} {value!r} must be a finite number, not negative")
    return number


def _sigma(value: Any) -> float:
    return _finite(value, "sigma")


def _shape(value: Any) -> float:
    shape = _finite(value, "shape")
    if shape == 0:
        raise InputError("shape 0 is no gamma distribution; give a number above 0, or Constant")
    return shape


def _positive(instance: object, attribute: attrs.Attribute[int], value: int) -> None:
    if value <= 0:
        raise InputError(f"{attribute.name} of {type(instance).__name__} is {value} ns; it must be longer than 0")


@attrs.frozen
class Constant:
    """Always ``duration``."""

    duration: int = attrs.field(converter=parse_duration)

    @property
    def mean_ns(self) -> float:
        """The duration itself, in nanoseconds."""
        return float(self.duration)

    def sample(self, rng: np.random.Generator, size: int) -> npt.NDArray[np.int64]:
        """Draw ``size`` durations in nanoseconds; uses nothing of the stream."""
        return np.full(size, self.duration, dtype=np.int64)


@attrs.frozen
class Uniform:
    """Every whole nanosecond from ``low`` to ``high``, both included, equally likely."""

    low: int = attrs.field(converter=parse_duration)
    high: int = attrs.field(converter=parse_duration)

    def __attrs_post_init__(self) -> None:
        if self.low > self.high:
            raise InputError(f"low {format_duration(self.low)} lies above high {format_duration(self.high)}; swap them")

    @property
    def mean_ns(self) -> float:
        """Mean in nanoseconds."""
        return (self.low + self.high) / 2

    def sample(self, rng: np.random.Generator, size: int) -> npt.NDArray[np.int64]:
        """Draw ``size`` durations in nanoseconds."""
        return rng.integers(self.low, self.high, size=size, dtype=np.int64, endpoint=True)


@attrs.frozen
class Exponential:
    """Exponential with the given mean: the service of an M/M/c station, the gaps of a Poisson process."""

    mean: int = attrs.field(converter=parse_duration, validator=_positive)

    @property
    def mean_ns(self) -> float:
        """Mean in nanoseconds."""
        return float(self.mean)

    def sample(self, rng: np.random.Generator, size: int) -> npt.NDArray[np.int64]:
        """Draw ``size`` durations, rounded to whole nanoseconds."""
        return _whole_ns(rng.standard_exponential(size) * self.mean, self)


@attrs.frozen
class LogNormal:
    """``floor`` plus a lognormal variable of the given ``median``; ``sigma`` is its logarithm's deviation."""

    median: int = attrs.field(converter=parse_duration, validator=_positive)
    sigma: float = attrs.field(converter=_sigma)
    floor: int = attrs.field(default=0, converter=parse_duration)

    @property
    def mean_ns(self) -> float:
        """Mean in nanoseconds, the floor included: floor + median * exp(sigma**2 / 2)."""
        return self.floor + self.median * math.exp(self.sigma**2 / 2)

    def sample(self, rng: np.random.Generator, size: int) -> npt.NDArray[np.int64]:
        """Draw ``size`` durations, rounded to whole nanoseconds."""
        with np.errstate(over="ignore"):  # an infinite draw is reported by _whole_ns
            values = self.median * np.exp(self.sigma * rng.standard_normal(size))
        return self.floor + _whole_ns(values, self)


@attrs.frozen
class Gamma:
    """``floor`` plus a gamma variable of the given ``mean`` (of this part alone) and ``shape``."""

    mean: int = attrs.field(converter=parse_duration, validator=_positive)
    shape: float = attrs.field(converter=_shape)
    floor: int = attrs.field(default=0, converter=parse_duration)

    @property
    def mean_ns(self) -> float:
        """Mean in nanoseconds, the floor included: floor + mean."""
        return float(self.floor + self.mean)

    def sample(self, rng: np.random.Generator, size: int) -> npt.NDArray[np.int64]:
        """Draw ``size`` durations, rounded to whole nanoseconds."""
        return self.floor + _whole_ns(rng.standard_gamma(self.shape, size) * (self.mean / self.shape), self)


def _samples_ns(samples: Iterable[Any]) -> npt.NDArray[np.int64]:
    if isinstance(samples, (str, bytes)):
        raise InputError(f"samples {samples!r} is one text; give a list of durations")
    values = samples if isinstance(samples, np.ndarray) else list(samples)
    if len(values) == 0:
        raise InputError("samples is empty; an empirical distribution needs at least one duration")
    array = np.asarray(values)
    if array.ndim != 1:
        raise InputError(f"samples has shape {array.shape}; give one column of durations")
    if array.dtype.kind == "f":
        bad = np.flatnonzero(~(np.isfinite(array) & (array >= 0) & (array < LONGEST_NS)))
        if bad.size:
            raise InputError(f"sample {bad[0]} is {array[bad[0]]}; every sample must be finite and not negative")
        array = np.rint(array)
    elif array.dtype.kind in "iu":
        bad = np.flatnonzero((array < 0) | (array >= LONGEST_NS))
        if bad.size:
            raise InputError(f"sample {bad[0]} is {array[bad[0]]} ns; every sample must be from 0 to 146 years")
    else:
        array = np.array([parse_duration(value) for value in values])
    column = array.astype(np.int64)
    column.flags.writeable = False
    return column


@attrs.frozen
class Empirical:
    """Resamples measured durations, each equally likely, with replacement.

    ``samples`` are nanoseconds (a sequence or array of ints or floats; floats, being measurements, are
    rounded) or durations as text; kept as a read-only int64 column.
    """

    samples: npt.NDArray[np.int64] = attrs.field(
        converter=_samples_ns,
        eq=attrs.cmp_using(eq=np.array_equal),
        hash=False,
        repr=lambda column: f"<{len(column)} samples>",
    )

    @property
    def mean_ns(self) -> float:
        """Mean of the samples in nanoseconds."""
        return float(self.samples.mean())

    def sample(self, rng: np.random.Generator, size: int) -> npt.NDArray[np.int64]:
        """Draw ``size`` of the samples with replacement, in nanoseconds."""
        return self.samples[rng.integers(0, len(self.samples), size=size, dtype=np.int64)]
