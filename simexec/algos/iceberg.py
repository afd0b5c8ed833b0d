"""Iceberg: a limit order of which only a part is shown."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs
from attrs.converters import optional

from simexec.sim.clock import MILLISECOND
from simexec.trading.convert import (
    DURATION,
    FieldError,
    naming_fields,
    to_flag,
    to_fraction,
    to_positive_count,
    to_positive_decimal,
    to_positive_duration,
)
from simexec.trading.vocabulary import OrderStatus

if TYPE_CHECKING:
    from simexec.execution.parent import ParentExecution


@attrs.frozen(kw_only=True, field_transformer=naming_fields)
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

    display_quantity: int = attrs.field(converter=to_positive_count)
    native: bool = attrs.field(default=True, converter=to_flag)
    randomise_display: float = attrs.field(default=0.0, converter=to_fraction)
    limit_price: Decimal | None = attrs.field(default=None, converter=optional(to_positive_decimal))
    duration: int | None = attrs.field(default=None, converter=optional(to_positive_duration), metadata=DURATION)

    def __attrs_post_init__(self) -> None:
        if self.native and self.randomise_display > 0:
            raise FieldError(
                f"needs native: false (the venue refills a native iceberg), not {self.randomise_display!r}",
                ("randomise_display",),
            )

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""
        parent = execution.parent
        parent.instrument.check_quantity(self.display_quantity)
        end = execution.end_ns if self.duration is None else min(execution.end_ns, execution.sim.now + self.duration)
        price = await self._price(execution, end)
        while price is not None and execution.is_working and execution.sim.now < end:
            if self.native:
                child = execution.place(parent.quantity, price, display_quantity=self.display_quantity)
            else:
                child = execution.place(self._refill(execution), price)
            if child is not None and not await execution.final_or(child, end):
                break
            if (
                child is None or child.status is OrderStatus.CANCELLED
            ):  # paused or amended: go on with what is then asked
                await execution.until(min(end, execution.sim.now + MILLISECOND))
                price = await self._price(execution, end)
            elif child.status is not OrderStatus.FILLED:
                break  # refused, or ended by the venue

    async def _price(self, execution: ParentExecution, end: int) -> int | None:
        """The children's price in ticks; waits for a first quote where it is the near touch."""
        parent = execution.parent
        if self.limit_price is not None:
            return execution.within_limit(parent.instrument.to_ticks(self.limit_price), parent.price_ticks)
        if parent.price_ticks is not None:
            return parent.price_ticks
        while execution.is_working and execution.sim.now < end:
            near, _ = execution.touches()
            if near is not None:
                return near // parent.instrument.subticks
            await execution.until(end, execution.view.changes())
        return None

    def _refill(self, execution: ParentExecution) -> int:
        lot, shown, spread = execution.parent.instrument.lot, self.display_quantity, self.randomise_display
        least, most = max(1, math.ceil(shown * (1 - spread) / lot)), math.floor(shown * (1 + spread) / lot)
        return lot * int(execution.rng.integers(least, most, endpoint=True))
