"""A guard: who is asked before an order leaves, and hears what becomes of it. Risk is one, a circuit breaker another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import attrs

from simexec.trading.order import Order
from simexec.trading.report import ExecutionReport, RejectReason


@attrs.frozen
class Refusal:
    """Why a guard refuses an order.

    Attributes:
        rule: the rule's name, such as ``max_order_quantity``.
        text: what was asked and what is allowed, with the figures.
        reason: FIX's code for it.
    """

    rule: str
    text: str
    reason: RejectReason = RejectReason.ORDER_EXCEEDS_LIMIT

    def __str__(self) -> str:
        return f"{self.rule}: {self.text}"


class Guard(Protocol):
    """What an order manager asks and tells of every order, at our own side of the line.

    A *root* is an order without a parent: one that an algorithm works, or one that goes to a venue by itself. Guards are asked
    in the order in which they were given; the first refusal counts. One that reserves something stands last.
    """

    def admit(self, order: Order) -> Refusal | None:
        """Ask whether a root may begin, once, before it is sent or worked. What it needs is reserved if it may."""

    def amend(self, order: Order, quantity: int, price_ticks: int | None) -> Refusal | None:
        """Ask whether an order may get another total quantity and limit, before the change is asked for or made."""

    def check(self, order: Order) -> Refusal | None:
        """Ask whether an order may go to a venue now: a child, or a root by itself. Cheap: every order passes it."""

    def heard(self, order: Order, report: ExecutionReport) -> None:
        """Be told of a report that has had its effect on an order; its parents follow, each with a report of its own."""


class Guards:
    """Several guards as one.

    Args:
        guards: in the order in which they are asked.
    """

    def __init__(self, guards: Sequence[Guard]) -> None:
        self._guards = tuple(guards)

    def __len__(self) -> int:
        return len(self._guards)

    def admit(self, order: Order) -> Refusal | None:
        """See ``Guard``."""
        return next((refusal for guard in self._guards if (refusal := guard.admit(order)) is not None), None)

    def amend(self, order: Order, quantity: int, price_ticks: int | None) -> Refusal | None:
        """See ``Guard``."""
        asked = (guard.amend(order, quantity, price_ticks) for guard in self._guards)
        return next((refusal for refusal in asked if refusal is not None), None)

    def check(self, order: Order) -> Refusal | None:
        """See ``Guard``."""
        return next((refusal for guard in self._guards if (refusal := guard.check(order)) is not None), None)

    def heard(self, order: Order, report: ExecutionReport) -> None:
        """See ``Guard``."""
        for guard in self._guards:
            guard.heard(order, report)
