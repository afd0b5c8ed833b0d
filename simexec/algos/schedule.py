"""How much of an order is due by when, and following that, slice by slice."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import attrs

from simexec.algos.hand import Hand

if TYPE_CHECKING:
    from simexec.algos.tactics import Tactics
    from simexec.execution.parent import ParentExecution


def cumulative_shares(weights: Sequence[float]) -> list[float]:
    """Share of the whole that is due at the end of each slice, by the slices' weights; the last is 1."""
    total, done, shares = math.fsum(weights), 0.0, []
    for weight in weights:
        done += weight
        shares.append(min(1.0, done / total))
    shares[-1] = 1.0
    return shares


def lots_due(quantity: int, share: float, lot: int) -> int:
    """Whole lots nearest to a share of a quantity, exact for a share of 1.

    Rounding the cumulated share rather than the slice keeps the total exact and every slice within a lot of its part; an order
    of fewer lots than slices leaves some slices empty.
    """
    # Rounded twice, so that a share's last digit does not decide which way a half lot goes.
    return quantity if share >= 1 else min(quantity, round(round(quantity * share / lot, 6)) * lot)


@attrs.frozen
class Slice:
    """One part of a schedule.

    Attributes:
        index: from 0.
        start_ns: when it begins; ``end_ns`` when it ends.
        first_ns: when the schedule began; ``last_ns`` when it is to end, as far as is known now.
    """

    index: int
    start_ns: int
    end_ns: int
    first_ns: int
    last_ns: int


async def follow(
    execution: ParentExecution,
    tactics: Tactics,
    slices: int,
    duration: int | None,
    due: Callable[[Slice], float],
    delays: Sequence[float] | None = None,
) -> None:
    """Work an order in slices of equal length.

    A slice that cannot begin before its end, because answers took too long, is left out: its part is carried over or crosses,
    as told, still one order at a time. So a slow line never makes slices burst. When the order's end is amended, what is left
    of the schedule is spread evenly over what is left of its time; the quantity is always a share of the one in force.

    Args:
        execution: the order's.
        tactics: how children meet the market.
        slices: how many.
        duration: from now to the end of the last slice, ns; None: to the order's end.
        due: cumulated share of the order that is due at the end of a slice, from 0 to 1; asked when the slice begins.
        delays: of each slice's beginning, as a fraction of its length.
    """
    hand, sim, parent = Hand(execution, tactics), execution.sim, execution.parent
    start = origin = begin = sim.now
    end_ns, first = execution.end_ns, 0
    last = _last_ns(execution, tactics, start, end_ns, duration, slices)
    execution.plan.append((start, 0))
    done = 0
    for i in range(slices):
        if (moved := _last_ns(execution, tactics, start, end_ns, duration, slices)) != last:
            origin, first, last = begin, i, moved
        length = max(0, last - origin) / (slices - first)
        end = origin + round((i + 1 - first) * length)
        if delays is not None:
            await execution.until(begin + round(delays[i] * length))
        if not execution.is_working:
            return
        target = lots_due(parent.quantity, due(Slice(i, begin, end, start, last)), parent.instrument.lot)
        target = min(max(done, target), parent.quantity)  # what was due stays due, even if less is expected now
        execution.plan.append((end, target))
        wanted = target - (parent.filled_quantity if tactics.catch_up else done)
        before, done, begin = parent.filled_quantity, target, end
        if sim.now < end:
            await hand.work(wanted, end)
            await execution.until(end)
        if tactics.cross_at_end and (i + 1 == slices or not tactics.catch_up):
            await hand.finish(wanted - (parent.filled_quantity - before))


def _last_ns(
    execution: ParentExecution, tactics: Tactics, start: int, end_ns: int, duration: int | None, slices: int
) -> int:
    """When a schedule ends: after its duration, or enough before the order's end to cross what is left.

    A duration that goes beyond the end at which the order began is kept to, and the end cuts it off.
    """
    lead = min(tactics.lead, max(0, execution.end_ns - start) // (2 * slices)) if tactics.cross_at_end else 0
    last = execution.end_ns - lead
    if duration is None:
        return last
    planned = start + duration
    return planned if execution.end_ns == end_ns < planned else min(planned, last)
