"""VWAP: slices as large as the market's own volume, so that the average price comes near the volume-weighted one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from attrs.converters import optional

from simexec.algos.expected_volume import ExpectedVolume, UShapedVolume, VolumeShare
from simexec.algos.schedule import follow
from simexec.algos.tactics import Tactics
from simexec.trading.convert import DURATION, naming_fields, to_positive_count, to_positive_duration, to_rate

if TYPE_CHECKING:
    from simexec.execution.parent import ParentExecution


@attrs.frozen(kw_only=True, field_transformer=naming_fields)
class VWAP:
    """Works an order in slices of equal length and of sizes in proportion to the volume that is expected in them.

    Who at any time has traded the same share of his order as the market has of its volume pays the market's average price. What
    the market will have traded is known only at the end. So a curve says what is expected, and where its total is known, what
    has been seen to trade corrects it when each slice begins: today's volume so far counts as it was, and the volume to come
    is the curve's, as much larger or smaller as today's has been. See ``models.volume_forecast``.

    Attributes:
        slices: how many.
        curve: the volume that is expected.
        prior_weight: how slowly the curve's total gives way to what is seen: as if so large a part of an average day had
            been seen already. 0: the total counts for nothing, and the schedule is the curve's, whatever trades.
        duration: from now to the end of the last slice; None: to the order's end.
        tactics: how children meet the market.
    """

    slices: int = attrs.field(converter=to_positive_count)
    curve: ExpectedVolume = attrs.field(factory=UShapedVolume)
    prior_weight: float = attrs.field(default=0.1, converter=to_rate)
    duration: int | None = attrs.field(default=None, converter=optional(to_positive_duration), metadata=DURATION)
    tactics: Tactics = attrs.field(factory=Tactics)

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""
        share = VolumeShare(execution, self.curve, self.prior_weight)
        await follow(execution, self.tactics, self.slices, self.duration, share.due)
