"""Obizhaeva–Wang: a block, equal trades at the pace at which the book comes back, and a block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from attrs.converters import optional

from simexec.algos.schedule import Slice, follow
from simexec.algos.tactics import Tactics
from simexec.models.obizhaeva_wang import first_trade
from simexec.trading.convert import DURATION, naming_fields, to_positive_count, to_positive_duration

if TYPE_CHECKING:
    from simexec.execution.parent import ParentExecution


def _aggressive() -> Tactics:
    return Tactics(passive=False)


@attrs.frozen(kw_only=True, field_transformer=naming_fields)
class ObizhaevaWang:
    """Moves the price once and then holds it there, in a book that recovers exponentially from what is taken.

    The first trade is a block; each later one takes what has come back since the one before; the last one takes the rest,
    since nothing comes after it. That is the cheapest schedule; see ``models.obizhaeva_wang``. A trade is at the beginning of its
    slice. When the order's end is amended, what is left follows the optimum from there.

    Attributes:
        slices: how many trades, the two blocks included.
        half_life: in which half of what was taken from the book has come back; the paper's resilience ρ is ln 2 / half_life.
        duration: from now to the end of the last slice; None: to the order's end.
        tactics: how children meet the market; of their own accord they cross the spread at once, as the theory has it.
    """

    slices: int = attrs.field(converter=to_positive_count)
    half_life: int = attrs.field(converter=to_positive_duration, metadata=DURATION)
    duration: int | None = attrs.field(default=None, converter=optional(to_positive_duration), metadata=DURATION)
    tactics: Tactics = attrs.field(factory=_aggressive)

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""
        done = missing = 0.0  # as shares of the order: what is due so far, and what of that is not yet back in the book

        def due(part: Slice) -> float:
            nonlocal done, missing
            left = self.slices - part.index
            stays = 0.5 ** (max(0, part.last_ns - part.start_ns) / left / self.half_life)
            trade = min(max(0.0, first_trade(1 - done, left, stays, missing)), 1 - done)
            done, missing = done + trade, (missing + trade) * stays
            return done

        await follow(execution, self.tactics, self.slices, self.duration, due)
