"""The groups of an order manager: which orders depend on each other, and whether they may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simexec.errors import OrderError
from simexec.execution.order_group import Contingency, OrderGroup
from simexec.sim import Simulation
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderStatus

if TYPE_CHECKING:
    from simexec.execution.order_manager import OrderManager

_PENDING = OrderStatus.PENDING


class OrderGroups:
    """Makes groups and keeps them by their orders' ids.

    Attributes:
        by_order: groups by order id; empty as long as nobody uses any.
        manager: that asks for what the groups want, in the simulation ``sim``.
    """

    def __init__(self, sim: Simulation, manager: OrderManager) -> None:
        self.sim = sim
        self.manager = manager
        self.by_order: dict[str, OrderGroup] = {}

    def submit_oco(self, *legs: Order, reduce: bool = False) -> OrderGroup:
        """Send orders of which only one is to trade, or with ``reduce`` no more than one's quantity in all.

        Raises:
            OrderError: fewer than two legs, one that cannot be in a group, or with ``reduce`` unequal quantities.
        """
        contingency = Contingency.OUO if reduce else Contingency.OCO
        if len(legs) < 2:
            raise OrderError(f"{contingency.name} of {len(legs)} orders; give at least two")
        if reduce:
            self._check_equal(contingency, legs)
        return self._begin(contingency, None, legs)

    def submit_oto(self, entry: Order, *legs: Order) -> OrderGroup:
        """Send an order, and when it has ended the legs, each in proportion to what it has filled.

        Raises:
            OrderError: no leg, or an order that cannot be in a group.
        """
        if not legs:
            raise OrderError(f"OTO of {entry.order_id} triggers nothing; give at least one leg")
        for leg in legs:
            if leg.terms is not None and leg.terms.min_quantity is not None:
                raise OrderError(
                    f"leg {leg.order_id} with min_quantity cannot follow a part of its entry; leave it out"
                )
        return self._begin(Contingency.OTO, entry, legs)

    def submit_bracket(self, entry: Order, take_profit: Order, stop_loss: Order) -> OrderGroup:
        """Send an order, and as it fills a limit and a stop that close what it has filled.

        Raises:
            OrderError: legs of another instrument or quantity than the entry, of its side or of a type that does not fit, or an
                order that cannot be in a group.
        """
        self._check_equal(Contingency.BRACKET, (entry, take_profit, stop_loss))
        for leg, name, fits in (
            (take_profit, "take_profit", take_profit.order_type.has_price and not take_profit.order_type.is_stop),
            (stop_loss, "stop_loss", stop_loss.order_type.is_stop),
        ):
            if leg.instrument != entry.instrument or leg.side is entry.side:
                raise OrderError(
                    f"{name} {leg.order_id} is a {leg.side.name} of {leg.symbol} and cannot close the"
                    f" {entry.side.name} of {entry.symbol}; give an order of the other side of the same instrument"
                )
            if not fits:
                raise OrderError(
                    f"{name} {leg.order_id} is a {leg.order_type.name.lower()} order;"
                    " a bracket takes profit with a limit and stops a loss with a stop"
                )
        return self._begin(Contingency.BRACKET, entry, (take_profit, stop_loss))

    def _check_equal(self, contingency: Contingency, orders: tuple[Order, ...]) -> None:
        """Orders that are reduced by each other's trades have one quantity, and can wait to be."""
        for order in orders:
            if order.quantity != orders[0].quantity:
                raise OrderError(
                    f"{contingency.name} of quantities {orders[0].quantity} and {order.quantity}; they must be equal"
                )
            if not order.time_in_force.may_rest and (contingency is not Contingency.BRACKET or order is not orders[0]):
                raise OrderError(
                    f"order {order.order_id} of an {contingency.name} is {order.time_in_force.name}; use DAY, GTC or GTD"
                )

    def _begin(self, contingency: Contingency, entry: Order | None, legs: tuple[Order, ...]) -> OrderGroup:
        orders = legs if entry is None else (entry, *legs)
        for i, order in enumerate(orders):
            if order.status is not _PENDING or order.order_id in self.by_order or order in orders[:i]:
                raise OrderError(f"order {order.order_id} was sent or is in a group already; create one for this group")
            if order.parent_id is not None:
                raise OrderError(f"order {order.order_id} is a child of {order.parent_id} and cannot be in a group")
        for order in orders:
            self.manager.choose_venue(order)  # before anything is sent
        group = OrderGroup(self, contingency, entry, legs)
        self.by_order.update(dict.fromkeys((order.order_id for order in orders), group))
        if entry is not None:
            self.manager.submit(entry)
        group.react()
        return group

    def successor(self, group: OrderGroup, order: Order, quantity: int) -> Order:
        """Create an order of a group like one that has ended, with another quantity."""
        display = None if order.display_quantity is None else min(order.display_quantity, quantity)
        created = self.manager.create(
            order.instrument, order.side, quantity, order.order_type, order.price_ticks, order.time_in_force, display,
            order.hidden, order.post_only, None, order.venue, order.terms,
        )  # fmt: skip
        self.by_order[created.order_id] = group
        return created
