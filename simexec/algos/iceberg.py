"""Iceberg: a limit order of which only a part is shown."""

from __future__ import annotations

import math
from decimal import Decimal

import attrs

from simexec.errors import InputError
from simexec.execution.parent import ParentExecution
from simexec.sim.clock import parse_duration


@attrs.frozen(kw_only=True)
class Iceberg:
    """Rests at one price and shows only a part.

    A native iceberg is one order whose display the venue refills; each refill goes to the back of the queue at once. A
    synthetic one is refilled by us with a new order when the last one is filled: later by the way there and back, but of
    random size.

    Attributes:
        display_quantity: the displayed part, in whole lots.
        native: whether the venue refills it.
        randomise_display: each refill of a synthetic iceberg varies by up to this fraction either way.
        limit_price: of the children, unless the parent's limit is better; None: the parent's limit, without one the near
            touch at the start.
        duration: after which what is left is cancelled; None: at the parent's end.
    """

    display_quantity: int
    native: bool = True
    randomise_display: float = 0.0
    limit_price: Decimal | None = None
    duration: int | None = attrs.field(default=None, converter=attrs.converters.optional(parse_duration))

    def __attrs_post_init__(self) -> None:
        if self.display_quantity <= 0:
            raise InputError(f"iceberg display_quantity {self.display_quantity} must be positive")
        if not 0 <= self.randomise_display <= 1:
            raise InputError(f"iceberg randomise_display {self.randomise_display!r} must be a fraction from 0 to 1")
        if self.native and self.randomise_display > 0:
            raise InputError(
                f"iceberg randomise_display {self.randomise_display!r} needs native=False: the venue refills a native one"
            )

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""
        parent = execution.parent
        parent.instrument.check_quantity(self.display_quantity)
        end = execution.end_ns if self.duration is None else min(execution.end_ns, execution.sim.now + self.duration)
        price = await self._price(execution, end)
        while price is not None and not parent.is_final and execution.sim.now < end:
            if self.native:
                child = execution.place(parent.quantity, price, display_quantity=self.display_quantity)
            else:
                child = execution.place(self._refill(execution), price)
            if child is None or not await execution.final_or(child, end):
                break
            if child.leaves_quantity or child.filled_quantity < child.quantity:
                break  # refused, or ended by the venue

    async def _price(self, execution: ParentExecution, end: int) -> int | None:
        """The children's price in ticks; waits for a first quote where it is the near touch."""
        parent = execution.parent
        if self.limit_price is not None:
            return execution.within_limit(parent.instrument.to_ticks(self.limit_price), parent.price_ticks)
        if parent.price_ticks is not None:
            return parent.price_ticks
        while execution.sim.now < end:
            near, _ = execution.touches()
            if near is not None:
                return near // parent.instrument.subticks
            await execution.sim.any_of([execution.view.changes(), execution.sim.timeout(end - execution.sim.now)])
        return None

    def _refill(self, execution: ParentExecution) -> int:
        lot, shown, spread = execution.parent.instrument.lot, self.display_quantity, self.randomise_display
        least, most = max(1, math.ceil(shown * (1 - spread) / lot)), math.floor(shown * (1 + spread) / lot)
        return lot * int(execution.rng.integers(least, most, endpoint=True))
