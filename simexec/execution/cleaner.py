"""The cleaner: looks at the ages of orders now and then, and forgets those that ended long ago."""

from __future__ import annotations

from collections.abc import Callable

from simexec.errors import InputError
from simexec.execution.order_tree import OrderTree
from simexec.sim import Simulation
from simexec.trading.order import Order


class Cleaner:
    """Asks aged orders to cancel and forgets trees that ended an interval ago; at rest while there is nothing to do.

    Args:
        sim: the simulation.
        tree: of all orders.
        interval_ns: how often it looks, and how long an ended tree is kept.
        max_age_ns: age at which an order is asked to cancel; None: never.
        cancel: asks for the cancel of an order.
        is_sent: whether an order is its own, rather than a parent that its algorithm answers for.
        forgotten: called with every order that was forgotten.

    Attributes:
        planned: whether it will look again.

    Raises:
        InputError: an interval that is not positive.
    """

    def __init__(
        self,
        sim: Simulation,
        tree: OrderTree,
        interval_ns: int,
        max_age_ns: int | None,
        cancel: Callable[[Order], None],
        is_sent: Callable[[Order], bool],
        forgotten: Callable[[Order], None],
    ) -> None:
        if interval_ns <= 0:
            raise InputError(f"cleanup_interval {interval_ns} ns must be longer than 0")
        self.planned = False
        self._sim = sim
        self._tree = tree
        self._interval = interval_ns
        self._max_age = max_age_ns
        self._cancel = cancel
        self._is_sent = is_sent
        self._forgotten = forgotten
        self._held: set[str] = set()

    def plan(self) -> None:
        """Look again an interval from now, if that is not planned already."""
        if not self.planned:
            self.planned = True
            self._sim.call_after(self._interval, self._clean)

    def hold(self, order: Order) -> None:
        """Keep an order and its children, whatever their age, until ``release``."""
        self._held.add(order.order_id)

    def release(self, order: Order) -> None:
        """Undo ``hold``."""
        self._held.discard(order.order_id)
        self.plan()

    def _clean(self, _: object) -> None:
        now, self.planned = self._sim.now, False
        for order in list(self._tree.orders.values()):
            if order.order_id in self._held:
                continue
            if order.parent_id is None and order.is_final and (order.closed_ns or 0) <= now - self._interval:
                for gone in self._tree.forget(order):
                    self._forgotten(gone)
            elif self._max_age is not None and now - order.created_ns >= self._max_age and self._is_sent(order):
                self._cancel(order)
        self._tree.live(None, None, None)  # lets go of what has ended
        if any(self._concerns(order) for order in self._tree.orders.values()):
            self.plan()

    def _concerns(self, order: Order) -> bool:
        """Whether there will be something to do about an order: a root to forget, or an age to look at."""
        if order.is_final:
            return order.parent_id is None and order.order_id not in self._held
        return self._max_age is not None and self._is_sent(order)
