"""Where orders are made: of what a user gave, after one check, or of fields that are known to be right."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import Enum
from typing import Unpack

from simexec.errors import OrderError
from simexec.execution.cleaner import Cleaner
from simexec.execution.order_fields import Price, TermFields, check_limit, check_terms
from simexec.execution.order_tree import OrderTree
from simexec.sim import Simulation
from simexec.trading.instrument import LARGEST_COUNT, Instrument
from simexec.trading.order import Order
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderSide, OrderType, TimeInForce

# Module globals, since reading a member off its Enum runs Python code.
_MARKET, _LIMIT = OrderType.MARKET, OrderType.LIMIT
_DAY, _GTD = TimeInForce.DAY, TimeInForce.GTD


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

    def new(
        self,
        symbol: str,
        side: OrderSide,
        quantity: int,
        order_type: OrderType = _MARKET,
        price: Price | None = None,
        *,
        time_in_force: TimeInForce = _DAY,
        display_quantity: int | None = None,
        hidden: bool = False,
        post_only: bool = False,
        parent_id: str | None = None,
        venue: str | None = None,
        **terms: Unpack[TermFields],
    ) -> Order:
        """Check what a user gave, once, and make an order of it; see ``OrderManager.create_order``."""
        instrument = self.known.get(symbol) or self.add_instrument(symbol)
        if (
            side.__class__ is not OrderSide
            or order_type.__class__ is not OrderType
            or time_in_force.__class__ is not TimeInForce
        ):
            raise _no_member(
                ("side", side, OrderSide),
                ("order_type", order_type, OrderType),
                ("time_in_force", time_in_force, TimeInForce),
            )
        if quantity.__class__ is not int or not 0 < quantity <= LARGEST_COUNT or quantity % instrument.lot:
            quantity = instrument.check_quantity(quantity)
        price_ticks = check_limit(instrument, order_type, price)
        more: OrderTerms | None = None
        if (  # NOTE: a plain order is told from the others here, and pays for nothing that it has not
            terms or hidden or post_only or display_quantity is not None or time_in_force is _GTD
            or (order_type is not _LIMIT and order_type is not _MARKET)
        ):  # fmt: skip
            more = check_terms(
                instrument, order_type, quantity, time_in_force, display_quantity, hidden, post_only, self._sim.now, **terms
            )  # fmt: skip
        if parent_id is not None:
            self._tree.check_room(parent_id, instrument, side, quantity)
        return self.make(
            instrument, side, quantity, order_type, price_ticks, time_in_force, display_quantity, hidden, post_only,
            parent_id, venue, more,
        )  # fmt: skip

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


def _no_member(*fields: tuple[str, object, type[Enum]]) -> OrderError:
    """The error of the first field that is no member of its enumeration."""
    name, value, kind = next(field for field in fields if field[1].__class__ is not field[2])
    known = str(value).upper()
    remedy = f"write {kind.__name__}.{known}" if known in kind.__members__ else f"it has {', '.join(kind.__members__)}"
    return OrderError(f"{name} {value!r} is no member of {kind.__name__}; {remedy}")
