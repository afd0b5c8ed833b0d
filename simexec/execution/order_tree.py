"""Orders by id, and which of them are parts of which."""

from __future__ import annotations

from collections.abc import Iterator

from simexec.errors import OrderError
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide, OrderStatus

_PENDING = OrderStatus.PENDING


class OrderTree:
    """All orders that are still known, and the children of each parent.

    Attributes:
        orders: by id, in order of creation; the manager adds to it.
    """

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self._living: list[Order] = []  # orders that had not ended when last looked at
        self._children: dict[str, list[Order]] = {}
        self._working: dict[str, list[Order]] = {}  # children that had not ended when last looked at

    def add(self, order: Order) -> None:
        """Take in a new order."""
        self.orders[order.order_id] = order
        self._living.append(order)

    def add_child(self, order: Order, parent_id: str) -> None:
        """Note that an order is a part of another."""
        self._children.setdefault(parent_id, []).append(order)
        self._working.setdefault(parent_id, []).append(order)

    def reopen(self, order: Order) -> None:
        """Note that an order that had ended works again: a trade of it was busted."""
        if order not in self._living:
            self._living.append(order)
        if order.parent_id is not None:
            working = self._working.setdefault(order.parent_id, [])
            if order not in working:
                working.append(order)

    def get(self, order_id: str) -> Order:
        """The order of an id; OrderError if there is none, or it ended long ago."""
        try:
            return self.orders[order_id]
        except KeyError:
            raise OrderError(f"order {order_id!r} is not known; it was never created here or ended long ago") from None

    def children(self, order_id: str) -> list[Order]:
        """Children of a parent, in order of creation."""
        return list(self._children.get(order_id, ()))

    def street_orders(self, order_id: str) -> list[Order]:
        """The orders below a parent that have no children of their own, in order of creation: those that go to venues."""
        found: list[Order] = []
        for child in self._children.get(order_id, ()):
            found += self.street_orders(child.order_id) if child.order_id in self._children else [child]
        return found

    def working(self, order_id: str) -> list[Order]:
        """Children of a parent that have not ended; costs by what works, not by what ever was."""
        return [child for child in self.unsettled(order_id) if not child.is_final]

    def unsettled(self, order_id: str) -> list[Order]:
        """Children of a parent that may still trade, or have ended while some of their trades have not been told yet."""
        open_ = [child for child in self._working.get(order_id, ()) if not child.is_final or child.missing_quantity > 0]
        if open_:
            self._working[order_id] = open_
        else:
            self._working.pop(order_id, None)
        return open_

    def live(self, venue: str | None, side: OrderSide | None, symbol: str | None) -> list[Order]:
        """Orders that have not ended, at a venue, of a side and of a symbol where these are given."""
        self._living = [order for order in self._living if not order.is_final]  # it costs by what works or is new
        return [
            order
            for order in self._living
            if side in (None, order.side) and symbol in (None, order.symbol) and venue in (None, order.venue)
        ]

    def start(self, parent_id: str, now_ns: int) -> None:
        """A parent works as soon as one of its children does."""
        parent = self.orders[parent_id]
        if parent.status is _PENDING:
            parent.submit(now_ns)
            if parent.parent_id is not None:
                self.start(parent.parent_id, now_ns)

    def unplaced(self, parent: Order) -> int:
        """What a parent has left that is neither filled nor working in a child."""
        return max(0, parent.leaves_quantity - self.exposed(parent))

    def exposed(self, parent: Order) -> int:
        """The most that a parent's children may still add to what it has filled."""
        return sum(max(child.exposed_quantity, child.missing_quantity) for child in self.unsettled(parent.order_id))

    def check_room(self, parent_id: str, instrument: Instrument, side: OrderSide, quantity: int) -> None:
        """Refuse a child that does not fit its parent.

        Raises:
            OrderError: another instrument or side, or more than the parent has left to place.
        """
        parent = self.get(parent_id)
        if parent.instrument != instrument or parent.side is not side:
            raise OrderError(f"a child of {parent_id} must be a {parent.side.name} of {parent.symbol}")
        room = self.unplaced(parent)
        if quantity > room:
            raise OrderError(f"a child of {quantity} would overfill {parent_id}, which has {room} left to place")

    def forget(self, root: Order) -> list[Order]:
        """Forget a whole tree if nothing more can come of it; returns what was forgotten, the root first."""
        tree = list(self._below(root))
        if any(not order.is_final or order.missing_quantity or order.awaits_answer for order in tree):
            return []
        for order in tree:
            del self.orders[order.order_id]
            self._children.pop(order.order_id, None)
            self._working.pop(order.order_id, None)
        return tree

    def _below(self, order: Order) -> Iterator[Order]:
        yield order
        for child in self._children.get(order.order_id, ()):
            yield from self._below(child)
