"""Target close: as late as the volume allows, since the price that counts is the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from attrs.converters import optional

from simexec.algos.expected_volume import ExpectedVolume, VolumeFile, VolumeShare
from simexec.algos.schedule import follow
from simexec.algos.tactics import Tactics
from simexec.errors import InputError
from simexec.sim.clock import SECOND
from simexec.trading.convert import (
    DURATION,
    FieldError,
    naming_fields,
    to_positive_count,
    to_positive_duration,
    to_positive_real,
    to_rate,
)

if TYPE_CHECKING:
    from simexec.execution.parent import ParentExecution


@attrs.frozen(kw_only=True, field_transformer=naming_fields)
class TargetClose:
    """Works an order backwards from its end, so that the average price comes near the last one.

    Every share that trades before the close is at the risk of the price's way to the close, so nothing trades earlier than it
    must. The latest beginning is the time from which ``participation`` of the expected volume, one's own part included, is just
    what is left of the order. If there is none, it is now. From then on the order follows the volume as ``VWAP`` does. While it
    waits it looks again, each time after half of the remaining time, whether today's volume or an amendment makes it begin
    earlier or later.

    Venues here have no closing auction to send a part of the order to. Instead, what is left crosses the spread just before the
    end, as the tactics have it. At an end that is not the session's close, that is what it targets.

    Attributes:
        participation: the largest part of the volume that the order may be expected to make up, above 0 and at most 1.
        slices: how many, from the beginning that was found to the end.
        curve: the volume that is expected, with its total.
        prior_weight: see ``VWAP``.
        within: it begins no earlier than this before the end, even if it must then trade more; None: whenever it must.
        tactics: how children meet the market.
    """

    participation: float = attrs.field(converter=to_positive_real)
    slices: int = attrs.field(converter=to_positive_count)
    curve: ExpectedVolume
    prior_weight: float = attrs.field(default=0.1, converter=to_rate)
    within: int | None = attrs.field(default=None, converter=optional(to_positive_duration), metadata=DURATION)
    tactics: Tactics = attrs.field(factory=Tactics)

    def __attrs_post_init__(self) -> None:
        if self.participation > 1:
            raise FieldError(f"must be at most 1, not {self.participation!r}", ("participation",))
        if not isinstance(self.curve, VolumeFile) and self.curve.total is None:
            raise FieldError("is needed: without it nobody knows how long the order takes", ("curve", "total"))

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""
        sim, begin = execution.sim, execution.sim.now
        seen = VolumeShare(execution, self.curve, self.prior_weight)
        while execution.is_working and (wait := self._start_ns(execution, seen, begin) - sim.now) > 0:
            await execution.until(sim.now + (wait if wait <= SECOND else wait // 2), execution.attention())
        share = VolumeShare(execution, self.curve, self.prior_weight)
        await follow(execution, self.tactics, self.slices, None, share.due)

    def _start_ns(self, execution: ParentExecution, seen: VolumeShare, begin_ns: int) -> int:
        """When to begin, as it looks now."""
        now, end = execution.sim.now, execution.end_ns
        forecast = seen.forecast(begin_ns, end)
        curve, level = forecast.curve, forecast.level(begin_ns, now, seen.observed)
        if curve.total is None or level is None:
            raise InputError(f"{self.curve} holds weights and no volumes; the target close needs to know the volume")
        needed = execution.parent.leaves_quantity
        expected = self.participation * level * curve.total  # ours of a whole day, at most
        before = float(curve.cumulative(end)) - needed / expected if expected > 0 else 0.0
        earliest = begin_ns if self.within is None else end - self.within
        return max(earliest, int(curve.time_at(before)) if before > 0 else now)
