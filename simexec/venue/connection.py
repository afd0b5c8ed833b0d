"""Participants as a venue knows them: who they are, what they have in its books, and their line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from simexec.trading.report import ExecutionReport, MassCancelReport
from simexec.trading.requests import CancelRequest, MassCancelRequest, NewOrder, ReplaceRequest

if TYPE_CHECKING:
    from simexec.venue.listing import Listing
    from simexec.venue.venue import Venue

Request = NewOrder | CancelRequest | ReplaceRequest | MassCancelRequest
Packet = list[ExecutionReport | MassCancelReport]


@attrs.define(eq=False, slots=True)
class Working:
    """The venue's own record of a live order.

    Attributes:
        listing: the instrument at this venue.
        number: the order's in the book.
        price: limit in quanta, 0 without one.
        triggered: whether it is a stop that has been elected.
    """

    listing: Listing
    account: Account
    order: NewOrder
    number: int
    price: int
    flags: int
    quantity: int
    filled: int = 0
    triggered: bool = False


@attrs.define(eq=False, slots=True)
class Account:
    """A participant's standing at a venue; it outlives its lines.

    Attributes:
        owner: its number in the books.
        working: live orders by the participant's own ids.
        queued: ids of new orders that wait in a gateway which may serve a later request first.
        deferred: requests about those, to be served right behind them.
        ahead: by a mass cancel's id, the new orders that waited in such a gateway when it came.
        connection: the present line, or the last one.
    """

    participant: str
    owner: int
    working: dict[str, Working] = attrs.field(factory=dict)
    queued: set[str] = attrs.field(factory=set)
    deferred: dict[str, list[Request]] = attrs.field(factory=dict)
    ahead: dict[str, set[str]] = attrs.field(factory=dict)
    connection: Connection = attrs.field(init=False)

    def deliver(self, packet: Packet) -> None:
        """Send a packet of reports down the present line."""
        self.connection.deliver(packet)


class Connection:
    """A participant's line into a venue: requests in, packets of reports out.

    Attributes:
        connected: False once it went down.
        deliver: takes the packets of reports.
    """

    def __init__(self, venue: Venue, account: Account, deliver: Callable[[Packet], object]) -> None:
        self.account = account
        self.connected = True
        self.deliver = deliver
        self._venue = venue

    def disconnect(self) -> None:
        """The line goes down: the venue refuses what still arrives and, if it does so, cancels the participant's orders."""
        if not self.connected:
            return  # its participant may have another line by now
        self.connected = False
        self._venue.disconnected(self.account)
