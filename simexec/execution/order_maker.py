"""Where orders are made, of fields that are known to be right."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from simexec.errors import OrderError
from simexec.execution.cleaner import Cleaner
from simexec.execution.order_tree import OrderTree
from simexec.sim import Simulation
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderSide, OrderType, TimeInForce

_DAY = TimeInForce.DAY


class OrderMaker:
    """Makes orders, numbers them and puts them into the tree.

    Args:
        sim: the simulation.
        tree: of all orders.
        cleaner: looks after them from now on.
        instruments: what may be traded; None accepts any symbol, with a tick of 0.01 and a lot of 1.

    Attributes:
        known: instruments by symbol.
    """

    def __init__(
        self, sim: Simulation, tree: OrderTree, cleaner: Cleaner, instruments: Iterable[Instrument] | None
    ) -> None:
        self.known: dict[str, Instrument] = {one.symbol: one for one in instruments or ()}
        self._sim = sim
        self._tree = tree
        self._cleaner = cleaner
        self._accepts_any = instruments is None
        self._made = 0

    def add_instrument(self, symbol: str) -> Instrument:
        """The instrument of a symbol that was not heard before; OrderError if such symbols are not accepted."""
        if not self._accepts_any:
            raise OrderError(f"symbol {symbol!r} is not traded here; known: {', '.join(self.known)}")
        instrument = self.known[symbol] = Instrument(symbol, Decimal("0.01"))
        return instrument

    def make(
        self,
        instrument: Instrument,
        side: OrderSide,
        quantity: int,
        order_type: OrderType,
        price_ticks: int | None,
        time_in_force: TimeInForce = _DAY,
        display_quantity: int | None = None,
        hidden: bool = False,
        post_only: bool = False,
        parent_id: str | None = None,
        venue: str | None = None,
        terms: OrderTerms | None = None,
    ) -> Order:
        """Make an order; prices in ticks."""
        self._made = number = self._made + 1
        order_id = f"ord_{number}"
        order = Order(
            order_id, instrument, side, quantity, order_type, price_ticks, time_in_force, display_quantity, hidden, post_only,
            parent_id, venue, self._sim.now,
        )  # fmt: skip
        if terms is not None:
            order.terms = terms
        self._tree.add(order)
        if parent_id is not None:
            self._tree.add_child(order, parent_id)
        if not self._cleaner.planned:
            self._cleaner.plan()
        return order
