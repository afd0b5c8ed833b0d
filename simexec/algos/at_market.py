"""At market: the whole parent at once; what every other algorithm is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from simexec.trading.vocabulary import TimeInForce

if TYPE_CHECKING:
    from simexec.execution.parent import ParentExecution


@attrs.frozen
class AtMarket:
    """Sends one order for everything: a market order, or an immediate-or-cancel order at the parent's limit.

    A quantity that is raised meanwhile is sent after it; what did not trade is not tried again.
    """

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""
        parent, sent = execution.parent, 0
        while execution.is_working and parent.quantity > sent:
            child = execution.place(parent.quantity - sent, parent.price_ticks, time_in_force=TimeInForce.IOC)
            sent = parent.quantity
            if child is not None:
                await execution.final(child)
