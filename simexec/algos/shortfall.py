"""Implementation shortfall: earlier than TWAP, the more so the more the price may move meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
from attrs.converters import optional

from simexec.algos.schedule import Slice, follow
from simexec.algos.tactics import Tactics
from simexec.models.almgren_chriss import AlmgrenChriss, share_left
from simexec.sim.clock import HOUR
from simexec.trading.convert import DURATION, FieldError, naming_fields, to_positive_count, to_positive_duration

if TYPE_CHECKING:
    from simexec.execution.parent import ParentExecution


@attrs.frozen(kw_only=True, field_transformer=naming_fields)
class ImplementationShortfall:
    """Works an order along the optimal trajectory of Almgren and Chriss, one child at a time.

    Trading fast moves the price, trading slowly leaves it time to move by itself. The schedule weighs the expected cost against
    the variance of the cost; see ``models.almgren_chriss``. Its urgency κ follows from the model, or from a half-life at once.
    With κ = 0 it is TWAP. When the order's end is amended, what is left follows the optimum from there, with the same κ.

    Attributes:
        slices: how many.
        duration: from now to the end of the last slice; None: to the order's end.
        half_life: 1 / κ, in which about 1 / e of the order would be left if it had no end; None: from the model.
        model: volatility, impact and risk aversion, in days and money a share; None: with a half-life.
        day: trading time that is a day to the model.
        tactics: how children meet the market.
    """

    slices: int = attrs.field(converter=to_positive_count)
    duration: int | None = attrs.field(default=None, converter=optional(to_positive_duration), metadata=DURATION)
    half_life: int | None = attrs.field(default=None, converter=optional(to_positive_duration), metadata=DURATION)
    model: AlmgrenChriss | None = None
    day: int = attrs.field(default=13 * HOUR // 2, converter=to_positive_duration, metadata=DURATION)
    tactics: Tactics = attrs.field(factory=Tactics)

    def __attrs_post_init__(self) -> None:
        if (self.half_life is None) == (self.model is None):
            raise FieldError(f"give either this or a model, not {'both' if self.model else 'neither'}", ("half_life",))
        if self.duration is not None:
            self._urgency(self.duration / self.slices)

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""
        shares = [0.0] * self.slices
        last_ns = urgency = None

        def due(part: Slice) -> float:
            nonlocal last_ns, urgency
            if part.last_ns != last_ns:
                # at the beginning, and when the end was amended: the optimum for what is then left
                last_ns, left = part.last_ns, self.slices - part.index
                length = max(0, part.last_ns - part.start_ns) / left
                urgency = self._urgency(length) if urgency is None else urgency
                done = shares[part.index - 1] if part.index else 0.0
                rest = (1 - share_left(np.arange(left - 1, -1, -1) / left, urgency * length * left)).tolist()
                shares[part.index :] = [done + (1 - done) * share for share in rest]
            return shares[part.index]

        await follow(execution, self.tactics, self.slices, self.duration, due)

    def _urgency(self, length: float) -> float:
        """κ in 1 / ns, for slices of a length in ns."""
        if self.model is None:
            assert self.half_life is not None
            return 1 / self.half_life
        return self.model.kappa(length / self.day) / self.day
