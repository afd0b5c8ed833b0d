"""Orders that depend on each other: one cancels the other, one triggers the other, brackets (FIX tag 1385).

A group keeps no history of its own. After every packet of reports about one of its orders it compares what each leg should be,
from what has filled so far, with what it is, and asks for the difference. So it does not matter in which order reports arrive, nor
what was on its way meanwhile. It asks one thing of a leg at a time and looks again when the answer is there.

While a cancel or a reduction is on its way, the leg may trade: no manager outside a venue can rule that out. Such trades are booked
as any other, and ``OrderGroup.excess`` counts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

import attrs

from simexec.sim.clock import HOUR, MILLISECOND
from simexec.trading.order import Order
from simexec.trading.report import ExecType
from simexec.trading.vocabulary import OrderStatus

if TYPE_CHECKING:
    from simexec.execution.order_groups import OrderGroups

_PENDING, _FILLED = OrderStatus.PENDING, OrderStatus.FILLED


class Contingency(Enum):
    """How the orders of a group depend on each other.

    OCO, one cancels the other: the first trade of a leg cancels the other legs. OUO, one updates the other: a trade of a leg
    reduces the other legs by as much. OTO, one triggers the other: the legs are sent when the entry has ended, each in
    proportion to what the entry has filled. BRACKET: the legs are sent and raised as the entry fills, and update each other.

    A leg that ends without trading (rejected, expired, cancelled) leaves the others as they are.

    Attributes:
        fix: value of tag 1385 of the legs; of a bracket, whose entry has 2.
    """

    OCO = "OCO"
    OUO = "OUO"
    OTO = "OTO"
    BRACKET = "BRACKET"

    fix: int

    def __init__(self, word: str) -> None:
        self.fix = {"OCO": 1, "OTO": 2, "OUO": 3, "BRACKET": 3}[word]


@attrs.define(eq=False, slots=True)
class Leg:
    """One leg: the order that stands for it, and those that did so before.

    An order that has filled cannot be raised, so a bracket's leg goes on with a successor when its entry fills more.

    Attributes:
        quantity: as created.
        former: its orders before the present one.
        withdrawn: whether it was the group that asked for the present order's cancel.
        resting: no request is made before a refused one is tried again.
        pause: until then, in ns; doubled each time, and beyond an hour there is no other try.
    """

    order: Order
    quantity: int
    former: list[Order] = attrs.field(factory=list)
    withdrawn: bool = False
    resting: bool = False
    pause: int = MILLISECOND

    @property
    def filled(self) -> int:
        """What its orders have filled."""
        return self.filled_before + self.order.filled_quantity

    @property
    def filled_before(self) -> int:
        """What its former orders have filled."""
        return sum(order.filled_quantity for order in self.former)


class OrderGroup:
    """Orders that depend on each other.

    Attributes:
        contingency: how.
        entry: the order whose trades release the legs; None of OCO and OUO.
        legs: the orders that depend on it or on each other.
    """

    def __init__(
        self, groups: OrderGroups, contingency: Contingency, entry: Order | None, legs: Sequence[Order]
    ) -> None:
        self._groups = groups
        self._manager = groups.manager
        self.contingency = contingency
        self.entry = entry
        self.legs = [Leg(order, order.quantity) for order in legs]
        self._orders = ([] if entry is None else [entry]) + list(legs)
        self._first: Leg | None = None  # the leg of an OCO that traded first
        self._reacting = False

    @property
    def orders(self) -> list[Order]:
        """All its orders, in order of creation, successors of ended ones last."""
        return list(self._orders)

    @property
    def is_final(self) -> bool:
        """Whether all its orders have ended."""
        return all(order.is_final for order in self._orders)

    @property
    def excess(self) -> int:
        """What the legs have filled beyond the rule, because a cancel or a reduction came too late.

        Of an OCO the trades of the legs that did not trade first; of an OUO and a bracket what the legs together have filled beyond
        their quantity, or beyond what the entry has.
        """
        filled = sum(leg.filled for leg in self.legs)
        if self.contingency is Contingency.OCO:
            return 0 if self._first is None else filled - self._first.filled
        if self.contingency is Contingency.OTO:
            return 0
        return max(0, filled - (self.legs[0].quantity if self.entry is None else self.entry.filled_quantity))

    def cancel(self) -> None:
        """Ask for the cancel of everything; what the entry has filled is then left without its legs."""
        for order in self._orders:
            self._manager.cancel(order)

    def refused(self, order: Order) -> None:
        """A request about one of its orders was refused: a leg is left alone for a while."""
        for leg in self.legs:
            if leg.order is order and not leg.resting and leg.pause <= HOUR:
                leg.resting = True
                self._groups.sim.call_after(leg.pause, self._try_again, leg)
                leg.pause *= 2

    def _try_again(self, leg: Leg) -> None:
        leg.resting = False
        self.react()

    def react(self) -> None:
        """Ask for whatever its orders' state calls for."""
        if self._reacting:  # what it asks for may be done at once; then it is in the middle of looking at the legs
            return
        self._reacting = True
        self._strike()
        for leg in self.legs:
            if not leg.resting:
                self._bring_up_to_date(leg)
        self._reacting = False

    def _strike(self) -> None:
        if self.contingency is not Contingency.OCO or self._first is not None:
            return
        traded = [
            (min(trade.time_ns for trade in leg.order.trades), i) for i, leg in enumerate(self.legs) if leg.filled
        ]
        if traded:
            self._first = self.legs[min(traded)[1]]

    def _due(self, leg: Leg) -> int:
        """What the leg should have in all, filled or working, in whole lots."""
        entry, lot = self.entry, leg.order.instrument.lot
        if self.contingency is Contingency.OCO:
            due = leg.quantity if self._first in (None, leg) else leg.filled
        elif self.contingency is Contingency.OTO:
            due = 0
            if entry is not None and _has_ended(entry):
                due = leg.quantity * entry.filled_quantity // entry.quantity
        else:
            others = sum(other.filled for other in self.legs if other is not leg)
            due = (leg.quantity if entry is None else entry.filled_quantity) - others
        return max(0, due) // lot * lot

    def _bring_up_to_date(self, leg: Leg) -> None:
        order, manager = leg.order, self._manager
        due = self._due(leg) - leg.filled_before
        if order.status is _PENDING:
            if due > 0:
                order.quantity = due
                if order.display_quantity is not None:
                    order.display_quantity = min(order.display_quantity, due)
                manager.submit(order)
            elif self.entry is not None and _has_ended(self.entry):
                text = f"its entry {self.entry.order_id} has ended {self.entry.status.name} and leaves nothing for it"
                manager.close(order, ExecType.CANCELED, text)
        elif self.contingency is Contingency.OTO:
            return  # once it is sent it is on its own
        elif order.is_final:
            if due > order.filled_quantity and self._may_go_on(leg):
                leg.former.append(order)
                leg.order, leg.withdrawn = self._groups.successor(self, order, due - order.filled_quantity), False
                self._orders.append(leg.order)
                manager.submit(leg.order)
        elif order.awaits_answer:
            return
        elif due <= order.filled_quantity:
            leg.withdrawn = True
            manager.cancel(order)
        elif due != order.quantity and self.contingency is not Contingency.OCO:
            manager.resize(order, due)

    def _may_go_on(self, leg: Leg) -> bool:
        """Whether a leg whose order has ended may have another: not one that was cancelled or refused from outside."""
        order = leg.order
        return (
            self.contingency is Contingency.BRACKET
            and not order.missing_quantity
            and (order.status is _FILLED or (order.status is OrderStatus.CANCELLED and leg.withdrawn))
        )


def _has_ended(entry: Order) -> bool:
    """Whether an entry has ended and all its trades are known."""
    return entry.is_final and not entry.missing_quantity
