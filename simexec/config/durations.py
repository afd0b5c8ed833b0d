"""Models of durations as configured: latencies of links and service times of gateways.

In a file each is a mapping with its ``type``, or a bare text such as ``250us`` for a constant. The classes
hold nanoseconds and draw nothing; ``simexec.sim.durations`` has the distributions of the same names.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import attrs
from attrs import field, frozen
from attrs.converters import optional

from simexec.errors import ConfigError, InputError
from simexec.sim.clock import format_duration
from simexec.trading.convert import (
    DURATION,
    PATH,
    FieldError,
    naming_fields,
    shown,
    to_duration,
    to_durations,
    to_path,
    to_positive_duration,
    to_positive_real,
)


@frozen(kw_only=True, field_transformer=naming_fields)
class ConstantDuration:
    """``{type: constant, value: 250us}``, or just ``250us``.

    Attributes:
        value: the duration, ns.
    """

    type: ClassVar[str] = "constant"
    value: int = field(converter=to_duration, metadata=DURATION)


@frozen(kw_only=True, field_transformer=naming_fields)
class UniformDuration:
    """``{type: uniform, low: 100us, high: 300us}``.

    Attributes:
        low: shortest duration, ns.
        high: longest duration, ns; not below ``low``.
    """

    type: ClassVar[str] = "uniform"
    low: int = field(converter=to_duration, metadata=DURATION)
    high: int = field(converter=to_duration, metadata=DURATION)

    def __attrs_post_init__(self) -> None:
        if self.high < self.low:
            low, high = format_duration(self.low), format_duration(self.high)
            raise FieldError(f"must not be below low ({low}), not {high}", ("high",))


@frozen(kw_only=True, field_transformer=naming_fields)
class ExponentialDuration:
    """``{type: exponential, mean: 20us}``.

    Attributes:
        mean: mean duration, ns.
    """

    type: ClassVar[str] = "exponential"
    mean: int = field(converter=to_positive_duration, metadata=DURATION)


@frozen(kw_only=True, field_transformer=naming_fields)
class LogNormalDuration:
    """``{type: lognormal, median: 200us, sigma: 0.4, floor: 80us}``.

    Attributes:
        median: median of the part above the floor, ns.
        sigma: standard deviation of that part's logarithm.
        floor: shortest duration, ns, added to every draw.
    """

    type: ClassVar[str] = "lognormal"
    median: int = field(converter=to_positive_duration, metadata=DURATION)
    sigma: float = field(converter=to_positive_real)
    floor: int = field(default=0, converter=to_duration, metadata=DURATION)


@frozen(kw_only=True, field_transformer=naming_fields)
class GammaDuration:
    """``{type: gamma, mean: 200us, shape: 2, floor: 80us}``.

    Attributes:
        mean: mean of the part above the floor, ns.
        shape: shape parameter of the gamma distribution; its coefficient of variation is ``shape ** -0.5``.
        floor: shortest duration, ns, added to every draw.
    """

    type: ClassVar[str] = "gamma"
    mean: int = field(converter=to_positive_duration, metadata=DURATION)
    shape: float = field(converter=to_positive_real)
    floor: int = field(default=0, converter=to_duration, metadata=DURATION)


def _write_durations(values: tuple[int, ...] | None) -> list[str] | None:
    return None if values is None else [format_duration(value) for value in values]


@frozen(kw_only=True, field_transformer=naming_fields)
class EmpiricalDuration:
    """``{type: empirical, samples: [180us, 210us, 1.2ms]}`` or ``{type: empirical, file: measured.txt}``.

    Attributes:
        samples: measured durations, ns, each equally likely; or None when they are in a file.
        file: a text file with one duration a line (``210us``); blank lines and lines that begin with ``#`` do
            not count.
    """

    type: ClassVar[str] = "empirical"
    samples: tuple[int, ...] | None = field(
        default=None, converter=optional(to_durations), metadata={"dump": _write_durations}
    )
    file: Path | None = field(default=None, converter=optional(to_path), metadata=PATH)

    def __attrs_post_init__(self) -> None:
        if (self.samples is None) == (self.file is None):
            raise FieldError("needs either samples or file, and not both", ("samples",))

    def values(self) -> tuple[int, ...]:
        """The samples in nanoseconds, read from the file where they are in one.

        Raises:
            ConfigError: the file is missing, empty, or has a line that is not a duration.
        """
        if self.samples is not None:
            return self.samples
        assert self.file is not None
        try:
            lines = self.file.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise ConfigError(f"{self.file}: cannot be read ({error.strerror})") from None
        except UnicodeDecodeError as error:
            raise ConfigError(f"{self.file}: is not UTF-8 text ({error.reason} at byte {error.start})") from None
        found = []
        for number, line in enumerate(lines, start=1):
            text = line.strip()
            if text and not text.startswith("#"):
                try:
                    found.append(to_duration(text))
                except InputError as error:
                    raise ConfigError(f"{self.file}:{number}: {error}") from None
        if not found:
            raise ConfigError(f"{self.file}: holds no durations; one a line is needed")
        return tuple(found)


DurationConfig = (
    ConstantDuration | UniformDuration | ExponentialDuration | LogNormalDuration | GammaDuration | EmpiricalDuration
)


@frozen(kw_only=True, field_transformer=naming_fields)
class RecordedDuration:
    """``{type: recorded}``: what the flow's recording measured; for market data alone."""

    type: ClassVar[str] = "recorded"


FeedLatencyConfig = DurationConfig | RecordedDuration


def to_feed_latency(value: FeedLatencyConfig | str | int | timedelta) -> FeedLatencyConfig:
    """As ``to_duration_model``, or recorded."""
    return value if isinstance(value, RecordedDuration) else to_duration_model(value)


def to_duration_model(value: DurationConfig | str | int | timedelta) -> DurationConfig:
    """A duration model as it is; a bare duration becomes a constant."""
    if isinstance(value, DurationConfig):
        return value
    if isinstance(value, (str, int, timedelta)):
        # Converted here, so that a refusal does not name a field `value` that nobody wrote.
        return ConstantDuration(value=to_duration(value))
    raise FieldError(f"must be a duration such as '250us' or a mapping with its type, not {shown(value)}")


def describe(model: FeedLatencyConfig) -> str:
    """The model in words: ``"250us"``, ``"lognormal: median 200us, sigma 0.4, floor 80us"``."""
    if isinstance(model, ConstantDuration):
        return format_duration(model.value)
    if isinstance(model, EmpiricalDuration):
        return f"empirical: {len(model.values())} samples"
    if isinstance(model, RecordedDuration):
        return "as recorded"
    fields = ((one.name, getattr(model, one.name), one.metadata.get("dump", repr)) for one in attrs.fields(type(model)))
    return f"{model.type}: " + ", ".join(f"{name} {write(value)}" for name, value, write in fields)


def constant(text: str) -> Callable[[], DurationConfig]:
    """A default: a constant duration."""
    return lambda: ConstantDuration(value=text)
