"""Participants as a venue without a book knows them, and what it counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from simexec.sim import StationStatistics
from simexec.trading.requests import NewOrder
from simexec.venue.connection import Packet
from simexec.venue.model_orders import ModelOrder

if TYPE_CHECKING:
    from simexec.venue.model_venue import ModelVenue


@attrs.frozen
class ModelVenueStatistics:
    """What a venue without a book has seen so far.

    Attributes:
        orders: new orders accepted; ``rejected`` those refused.
        cancels_too_late: cancels and replaces that found their order gone.
        trades: of participants' orders; ``traded_quantity`` their shares.
        slippage_quanta: sum over the trades of shares times the quanta that slippage and impact made them worse.
        touches: times that a trade at exactly an order's limit may have reached it; ``touch_fills``: times it did.
        capped: times that an order got less than it wanted because of the participation limit.
        ambiguous_bars: bars that reached both legs of a bracket, of which the worse was taken.
        outside: rows of the data that orders could not trade with because of hours or halts.
        gateway: of the gateway station.
    """

    orders: int
    rejected: int
    cancels_too_late: int
    trades: int
    traded_quantity: int
    slippage_quanta: int
    touches: int
    touch_fills: int
    capped: int
    ambiguous_bars: int
    outside: int
    gateway: StationStatistics


@attrs.define(eq=False, slots=True)
class ModelWorking:
    """The venue's own record of a live order.

    Attributes:
        line: of the participant, the present one or the last.
        order: as it came; ``live`` as it waits in the market.
        quantity: in force; ``filled`` of it, worth ``notional`` money units.
    """

    line: ModelConnection
    order: NewOrder
    live: ModelOrder
    quantity: int
    filled: int = 0
    notional: int = 0


class ModelConnection:
    """A participant's line into a venue without a book, and its standing there.

    Attributes:
        participant: whose it is; ``owner`` its number.
        connected: False once it went down.
        deliver: takes the packets of reports.
        working: its live orders by its own ids.
    """

    def __init__(self, venue: ModelVenue, participant: str, owner: int, deliver: Callable[[Packet], object]) -> None:
        self.participant = participant
        self.owner = owner
        self.connected = True
        self.deliver = deliver
        self.working: dict[str, ModelWorking] = {}
        self._venue = venue

    def disconnect(self) -> None:
        """The line goes down: the venue refuses what still arrives and, if it does so, cancels the participant's orders."""
        self.connected = False
        self._venue.disconnected(self)
