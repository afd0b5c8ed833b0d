"""What an algorithm expects the market to trade, and when: as it is written in a scenario, and as an order's share of it.

Times are times of day; without them the order's own time from its beginning to its end is meant. Shares are those of the whole
time that is described, not of the order's part of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
from attrs.converters import optional

from simexec.models.volume_curve import VolumeCurve
from simexec.models.volume_forecast import VolumeForecast
from simexec.sim.clock import Duration
from simexec.trading.convert import (
    DURATION,
    PATH,
    TIME_OF_DAY,
    FieldError,
    naming_fields,
    to_fraction,
    to_path,
    to_positive_duration,
    to_positive_real,
    to_rates,
    to_time_of_day,
)

if TYPE_CHECKING:
    from simexec.algos.schedule import Slice
    from simexec.execution.parent import ParentExecution


@attrs.frozen(kw_only=True, field_transformer=naming_fields)
class EvenVolume:
    """``{type: uniform}``: as much in every minute.

    Attributes:
        start: when trading begins, ``end`` when it ends; None: with the order.
        total: shares from start to end; None: unknown.
    """

    type: ClassVar[str] = "uniform"
    start: int | None = attrs.field(default=None, converter=optional(to_time_of_day), metadata=TIME_OF_DAY)
    end: int | None = attrs.field(default=None, converter=optional(to_time_of_day), metadata=TIME_OF_DAY)
    total: float | None = attrs.field(default=None, converter=optional(to_positive_real))

    def curve(self, first_ns: int, last_ns: int) -> VolumeCurve:
        """For an order that is worked between these times."""
        return VolumeCurve.uniform(*_span(self, first_ns, last_ns), self.total)


@attrs.frozen(kw_only=True, field_transformer=naming_fields)
class UShapedVolume:
    """``{type: u_shape}``: much at the beginning and the end, little between; see ``VolumeCurve.u_shaped``.

    Attributes:
        start: when trading begins, ``end`` when it ends; None: with the order.
        depth: from 0, even, to 1, nothing in the middle and three times the average at both ends.
        total: shares from start to end; None: unknown.
    """

    type: ClassVar[str] = "u_shape"
    start: int | None = attrs.field(default=None, converter=optional(to_time_of_day), metadata=TIME_OF_DAY)
    end: int | None = attrs.field(default=None, converter=optional(to_time_of_day), metadata=TIME_OF_DAY)
    depth: float = attrs.field(default=0.6, converter=to_fraction)
    total: float | None = attrs.field(default=None, converter=optional(to_positive_real))

    def curve(self, first_ns: int, last_ns: int) -> VolumeCurve:
        """For an order that is worked between these times."""
        return VolumeCurve.u_shaped(*_span(self, first_ns, last_ns), self.depth, self.total)


@attrs.frozen(kw_only=True, field_transformer=naming_fields)
class VolumeFile:
    """``{type: file}``: a table of times of day and volumes; see ``VolumeCurve.from_csv``.

    Attributes:
        file: with columns ``start`` and ``volume``, or ``weight``, of which the total is unknown.
        end: end of the last row's time; None: it is as long as the one before.
    """

    type: ClassVar[str] = "file"
    file: Path = attrs.field(converter=to_path, metadata=PATH)
    end: int | None = attrs.field(default=None, converter=optional(to_time_of_day), metadata=TIME_OF_DAY)

    def curve(self, first_ns: int, last_ns: int) -> VolumeCurve:
        """For an order that is worked between these times; reads the file."""
        return VolumeCurve.from_csv(self.file, self.end)


@attrs.frozen(kw_only=True, field_transformer=naming_fields)
class VolumeBuckets:
    """``{type: buckets}``: a volume, or weight, for each bucket of time, as ``from_trades`` makes them.

    Attributes:
        start: of the first bucket, a time of day.
        bucket: length of each.
        weights: of each, in any unit.
        total: shares in all buckets; None: unknown.
    """

    type: ClassVar[str] = "buckets"
    start: int = attrs.field(converter=to_time_of_day, metadata=TIME_OF_DAY)
    bucket: int = attrs.field(converter=to_positive_duration, metadata=DURATION)
    weights: tuple[float, ...] = attrs.field(converter=to_rates)
    total: float | None = attrs.field(default=None, converter=optional(to_positive_real))

    @classmethod
    def from_trades(
        cls,
        days: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]],
        start: str | int,
        end: str | int,
        bucket: Duration,
    ) -> VolumeBuckets:
        """The average of earlier days.

        Args:
            days: of each the times of its trades (ns after midnight), and their quantities.
            start: of the session, a time of day.
            end: of the session.
            bucket: a duration that divides the session.
        """
        start_ns, end_ns, length = to_time_of_day(start), to_time_of_day(end), to_positive_duration(bucket)
        if (end_ns - start_ns) % length:
            raise FieldError(f"must divide the {end_ns - start_ns} ns from start to end, not {bucket!r}", ("bucket",))
        curve = VolumeCurve.from_trades(days, start_ns, end_ns, length)
        edges = np.arange(start_ns, end_ns + 1, length)
        return cls(
            start=start_ns,
            bucket=length,
            weights=tuple(curve.fraction(edges[:-1], edges[1:]).tolist()),
            total=curve.total,
        )

    def curve(self, first_ns: int, last_ns: int) -> VolumeCurve:
        """For an order that is worked between these times."""
        edges = self.start + self.bucket * np.arange(len(self.weights) + 1)
        return VolumeCurve(edges, self.weights, self.total)


ExpectedVolume: TypeAlias = EvenVolume | UShapedVolume | VolumeFile | VolumeBuckets


def _span(source: EvenVolume | UShapedVolume, first_ns: int, last_ns: int) -> tuple[int, int]:
    start = first_ns if source.start is None else source.start
    end = max(last_ns, start + 1) if source.end is None else source.end
    if end <= start:
        raise FieldError(f"must come after the start, not {end - start} ns from it", ("end",))
    return start, end


class VolumeShare:
    """What share of an order is due by when if it is to trade as the market does, seen from now on.

    Args:
        execution: the order's.
        expected: what the market is expected to trade.
        prior_weight: see ``VolumeForecast``.
    """

    def __init__(self, execution: ParentExecution, expected: ExpectedVolume, prior_weight: float) -> None:
        self._execution, self._expected, self._prior_weight = execution, expected, prior_weight
        self._seen = execution.view.traded_quantity()
        self._last_ns: int | None = None
        self._forecast: VolumeForecast | None = None

    @property
    def observed(self) -> int:
        """What has been seen to trade since the beginning, one's own part included."""
        return self._execution.view.traded_quantity() - self._seen

    def forecast(self, first_ns: int, last_ns: int) -> VolumeForecast:
        """What is expected of an order's time from first to last; made anew when the last has changed."""
        if self._forecast is None or last_ns != self._last_ns:
            self._forecast = VolumeForecast(self._expected.curve(first_ns, last_ns), self._prior_weight)
            self._last_ns = last_ns
        return self._forecast

    def due(self, part: Slice) -> float:
        """Cumulated share of the order at the end of a slice."""
        now = min(self._execution.sim.now, part.end_ns)
        forecast = self.forecast(part.first_ns, part.last_ns)
        return forecast.share_due(part.first_ns, now, part.end_ns, part.last_ns, self.observed)
