"""TWAP: equal slices at equal intervals, so that the average price comes near the time-weighted one."""

from __future__ import annotations

from decimal import Decimal

import attrs

from simexec.algos.schedule import cumulative_targets
from simexec.errors import InputError
from simexec.execution.parent import ParentExecution
from simexec.sim.clock import parse_duration
from simexec.trading.order import Order
from simexec.trading.vocabulary import TimeInForce


@attrs.frozen(kw_only=True)
class TWAP:
    """Works a parent in equal slices, one child at a time.

    A slice that cannot begin before its end, because answers took too long, is left out: its part is carried over or
    crosses, as told, still one order at a time. So a slow line never makes slices burst.

    Attributes:
        duration: from now to the end of the last slice.
        slices: how many.
        randomise_times: a slice begins within this fraction of its interval, uniformly; 0: at its beginning.
        randomise_sizes: a slice's size varies by up to this fraction either way; the sum is exact.
        limit_price: no child is worse, nor worse than the parent's own limit.
        catch_up: what a slice did not fill is carried over to the next.
        cross_at_end: what is left when the last slice ends crosses the spread; without ``catch_up``, when any slice ends.
        passive: slices join the near touch and wait there; otherwise they cross the spread.
    """

    duration: int = attrs.field(converter=parse_duration)
    slices: int
    randomise_times: float = 0.0
    randomise_sizes: float = 0.0
    limit_price: Decimal | None = None
    catch_up: bool = True
    cross_at_end: bool = True
    passive: bool = True

    def __attrs_post_init__(self) -> None:
        if self.duration <= 0 or self.slices < 1:
            raise InputError(f"TWAP of {self.slices} slices over {self.duration} ns; both must be positive")
        for name in ("randomise_times", "randomise_sizes"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"TWAP {name} {getattr(self, name)!r} must be a fraction from 0 to 1")

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""
        parent, rng = execution.parent, execution.rng
        limit = parent.price_ticks
        if self.limit_price is not None:
            limit = execution.within_limit(parent.instrument.to_ticks(self.limit_price), limit)
        weights = 1 + self.randomise_sizes * rng.uniform(-1, 1, self.slices)
        delays = self.randomise_times * rng.uniform(0, 1, self.slices)
        targets = cumulative_targets(parent.quantity, weights.tolist(), parent.instrument.lot)
        start, interval = execution.sim.now, self.duration / self.slices
        for i, target in enumerate(targets):
            await execution.until(start + round((i + float(delays[i])) * interval))
            if execution.sim.now >= execution.end_ns:
                return
            due = target - (parent.filled_quantity if self.catch_up else targets[i - 1] if i else 0)
            end = start + round((i + 1) * interval)
            child = self._place(execution, due, limit) if execution.sim.now < end else None
            await execution.until(end)
            if child is not None and not child.is_final:
                await execution.withdraw(child)
            if self.cross_at_end and (i + 1 == self.slices or not self.catch_up):
                left = due - (child.filled_quantity if child is not None else 0)
                crossing = self._cross(execution, left, limit)
                if crossing is not None:
                    await execution.final(crossing)
            if parent.is_final:
                return

    def _place(self, execution: ParentExecution, quantity: int, limit: int | None) -> Order | None:
        if not self.passive:
            return self._cross(execution, quantity, limit)
        near, _ = execution.touches()
        if near is None:
            return None
        return execution.place(quantity, execution.within_limit(near // execution.parent.instrument.subticks, limit))

    @staticmethod
    def _cross(execution: ParentExecution, quantity: int, limit: int | None) -> Order | None:
        return execution.place(quantity, limit, time_in_force=TimeInForce.IOC)
