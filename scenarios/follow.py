"""The algorithm of the tutorial (docs/algorithms.md): one child at the near touch, moved when the touch has moved away.

simexec compare scenarios/quickstart.yaml scenarios/tutorial.yaml --replications 20
"""

from __future__ import annotations

import attrs

from simexec.execution import ParentExecution
from simexec.sim import parse_duration
from simexec.trading.convert import DURATION


@attrs.frozen
class Follow:
    """Keeps ``clip`` shares at the near touch, looks every so often, and crosses with what is left a minute before the end."""

    clip: int = 500
    look_every: int = attrs.field(default="500ms", converter=parse_duration, metadata=DURATION)

    async def run(self, execution: ParentExecution) -> None:
        """Work the order until it is done or its time is over."""
        parent, sim, child = execution.parent, execution.sim, None
        last_ns = execution.end_ns - parse_duration("1m")
        while execution.is_working and sim.now < last_ns:
            near, _ = execution.touches()
            if near is not None:
                price = execution.within_limit(near // parent.instrument.subticks, parent.price_ticks)
                if child is not None and child.price_ticks != price:
                    await execution.withdraw(child)
                if child is None or child.is_final:
                    child = execution.place(self.clip, price)
            await execution.until(sim.now + self.look_every)
        if child is not None:
            await execution.withdraw(child)
        rest = execution.place(execution.unplaced)  # at the market
        if rest is not None:
            await execution.final(rest)
