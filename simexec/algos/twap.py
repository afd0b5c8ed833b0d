"""TWAP: equal slices at equal intervals, so that the average price comes near the time-weighted one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from attrs.converters import optional

from simexec.algos.schedule import cumulative_shares, follow
from simexec.algos.tactics import Tactics
from simexec.trading.convert import (
    DURATION,
    naming_fields,
    to_fraction,
    to_positive_count,
    to_positive_duration,
)

if TYPE_CHECKING:
    from simexec.execution.parent import ParentExecution


@attrs.frozen(kw_only=True, field_transformer=naming_fields)
class TWAP:
    """Works an order in equal slices, one child at a time.

    Attributes:
        slices: how many.
        duration: from now to the end of the last slice; None: to the order's end.
        randomise_times: a slice begins within this fraction of its interval, uniformly; 0: at its beginning.
        randomise_sizes: a slice's size varies by up to this fraction either way; the sum is exact.
        tactics: how children meet the market.
    """

    slices: int = attrs.field(converter=to_positive_count)
    duration: int | None = attrs.field(default=None, converter=optional(to_positive_duration), metadata=DURATION)
    randomise_times: float = attrs.field(default=0.0, converter=to_fraction)
    randomise_sizes: float = attrs.field(default=0.0, converter=to_fraction)
    tactics: Tactics = attrs.field(factory=Tactics)

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""
        weights = 1 + self.randomise_sizes * execution.rng.uniform(-1, 1, self.slices)
        delays = self.randomise_times * execution.rng.uniform(0, 1, self.slices)
        shares = cumulative_shares(weights.tolist())
        await follow(
            execution, self.tactics, self.slices, self.duration, lambda part: shares[part.index], delays.tolist()
        )
