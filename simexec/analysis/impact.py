"""Where the mid-point went around our fills, and after the order: impact and its reversion.

What is measured is the market's move while we traded and afterwards, our own impact and everybody else's together. One run
cannot tell them apart; replications with and without the order, under common random numbers, can.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

import attrs
import numpy as np

from simexec.analysis.facts import Facts
from simexec.analysis.quotes import NO_MID, weighted_sum
from simexec.analysis.table import Table, integers, reals, texts
from simexec.sim.clock import MINUTE, SECOND

PATH_NS: Final = (
    -5 * MINUTE, -MINUTE, -10 * SECOND, -SECOND, 0, SECOND, 10 * SECOND, MINUTE, 5 * MINUTE, 30 * MINUTE,
)  # fmt: skip
"""Times around a fill at which the mid-point is read; 0 is just after everything of the fill's own time."""
REVERSION_NS: Final = {"5m": 5 * MINUTE, "30m": 30 * MINUTE}
"""Times after the end of working; besides these the close counts."""


def impact_path(facts: Facts) -> Table:
    """The mid-point around our fills, by ``LIQUIDITY`` and ``PATH_NS``, averaged by shares.

    ``move`` is how much further the mid-point was in the order's direction than just before the fill: up for a buy, down for a
    sell. So what is positive after a fill is impact for an aggressive fill and a good trade for a passive one, and what is
    negative before it says that the price ran away from us before we traded. Fills without both mid-points do not count.
    """
    rows: list[tuple[str, int, int, float | None, float | None]] = []
    for name, fills in facts.fills.by_liquidity().items():
        before = facts.mids.before(fills.time_ns)
        for offset_ns in PATH_NS:
            then = facts.mids.after(fills.time_ns + offset_ns)
            known = (before != NO_MID) & (then != NO_MID)
            shares = fills.quantity[known]
            quantity, move, bps = int(shares.sum()), None, None
            if quantity:
                moved = weighted_sum(facts.sign * (then[known] - before[known]), shares)
                move = float(Fraction(moved, 2 * quantity) * facts.quantum)
                bps = float(Fraction(moved * 10_000, weighted_sum(before[known], shares)))
            rows.append((name, offset_ns, quantity, move, bps))
    names, offsets, quantities, moves, moves_bps = zip(*rows, strict=True)
    return Table(
        {
            "liquidity": texts(names),
            "offset_ns": integers(offsets),
            "quantity": integers(quantities),
            "move": reals(moves),
            "move_bps": reals(moves_bps),
        }
    )


@attrs.frozen(kw_only=True)
class Impact:
    """The mid-point from arrival to the end of working, and back; positive is against the order.

    Attributes:
        arrival_mid: when the first order reached a venue: the base of the basis points.
        impact: how far the mid-point moved in the order's direction until the end of working, a share in the quoting currency.
        reversion: how much of that it had come back at each of ``REVERSION_NS`` after the end, and at the ``close``.
    """

    arrival_mid: Fraction | None
    impact: Fraction | None
    reversion: Mapping[str, Fraction | None]

    @classmethod
    def of(cls, facts: Facts) -> Impact:
        """That of a run; None where a mid-point is missing, or the time lies beyond the close."""
        result, marks = facts.result, facts.marks
        arrival, end = marks.arrival_mid, marks.end_mid
        if arrival is None or end is None:
            return cls(arrival_mid=arrival, impact=None, reversion=dict.fromkeys((*REVERSION_NS, "close")))
        times_ns = np.array(
            [*(result.end_ns + after_ns for after_ns in REVERSION_NS.values()), result.close_ns], np.int64
        )
        later = facts.mids.after(times_ns)
        later[times_ns <= result.end_ns] = NO_MID
        back = {
            name: None if mid == NO_MID else facts.sign * (end - Fraction(mid, 2) * facts.quantum)
            for name, mid in zip((*REVERSION_NS, "close"), later.tolist(), strict=True)
        }
        return cls(arrival_mid=arrival, impact=facts.sign * (end - arrival), reversion=back)

    def bps(self, amount: Fraction | None) -> float | None:
        """An amount of this in basis points of ``arrival_mid``."""
        return None if amount is None or self.arrival_mid is None else float(amount * 10_000 / self.arrival_mid)
