"""Where an order may go, and where a router wants it to go."""

from __future__ import annotations

from typing import Protocol

import attrs

from simexec.market.order_book import Quote
from simexec.models.fees import MakerTakerFees
from simexec.sim import Event
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide, TimeInForce


class VenueView(Protocol):
    """What a router sees of one venue. If it also has ``depth`` and ``depth_levels``, as a ``MarketView``, it looks deeper."""

    def quote(self) -> Quote | None:
        """The latest quote that has arrived, in quanta; None before the first."""

    def changes(self) -> Event:
        """The next arrival of a quote."""

    def crosses(self, price: int, side: OrderSide | None = None) -> Event:
        """The first moment at which the quote seen has come to a price (quanta); see ``MarketView.crosses``."""

    def traded_quantity(self) -> int:
        """Sum of the quantities of all trades that have arrived."""


@attrs.frozen
class Place:
    """An instrument at a venue, as a router knows it.

    Attributes:
        view: what is seen there; None of a dark pool, and of a venue without data, which then gets nothing.
        fees: what the venue charges.
        dark: whether it is a dark pool.
    """

    view: VenueView | None = None
    fees: MakerTakerFees = attrs.field(factory=MakerTakerFees)
    dark: bool = False


@attrs.frozen
class Leg:
    """One order of a plan.

    Attributes:
        venue: where it goes.
        quantity: in shares or contracts.
        price_ticks: limit; None: at the market.
        time_in_force: how long it may rest.
        why: ``take``, ``rest``, ``dark`` or ``all or none``.
        levels: prices (quanta) and quantities that are expected to trade, the best first; of a resting order its own.
        quote: what was seen of the venue; None of a dark pool.
        delay_ns: how long to wait before it is sent.
    """

    venue: str
    quantity: int
    price_ticks: int | None
    time_in_force: TimeInForce
    why: str
    levels: tuple[tuple[int, int], ...] = ()
    quote: Quote | None = None
    delay_ns: int = 0


@attrs.frozen
class RoutingPlan:
    """How an order is to be divided over venues now.

    Attributes:
        order: the order.
        legs: in the order in which they are sent.
        time_ns: when it was made.
    """

    order: Order
    legs: tuple[Leg, ...]
    time_ns: int

    @property
    def quantity(self) -> int:
        """Shares of all legs."""
        return sum(leg.quantity for leg in self.legs)
