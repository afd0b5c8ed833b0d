"""At market: the whole parent at once; what every other algorithm is compared with."""

from __future__ import annotations

import attrs

from simexec.execution.parent import ParentExecution
from simexec.trading.vocabulary import TimeInForce


@attrs.frozen
class AtMarket:
    """Sends one order for everything: a market order, or an immediate-or-cancel order at the parent's limit."""

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""
        parent = execution.parent
        child = execution.place(parent.quantity, parent.price_ticks, time_in_force=TimeInForce.IOC)
        if child is not None:
            await execution.final(child)
