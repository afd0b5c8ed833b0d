"""What a broker needs of a venue, whatever is behind it: an order book, or a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from simexec.trading.instrument import Instrument
from simexec.venue.connection import Packet, Request


class VenueConnection(Protocol):
    """A participant's line into a venue.

    Attributes:
        connected: False once it went down.
    """

    connected: bool

    def disconnect(self) -> None:
        """The line goes down."""


C = TypeVar("C", bound=VenueConnection)
"""The class of a venue's own connections."""


class ExecutionVenue(Protocol[C]):
    """A place that takes requests and answers each of them with reports.

    Attributes:
        name: unique in the simulation.
        instrument: what it trades.
    """

    name: str
    instrument: Instrument

    def connect(self, participant: str, deliver: Callable[[Packet], object]) -> C:
        """Open a line for a participant; ``deliver`` is given its packets of reports."""

    def enqueue(self, connection: C, request: Request) -> None:
        """A request arrives by a connection that this venue gave."""

    def end_run(self) -> None:
        """Expire whatever still lives."""

    def statistics(self) -> object:
        """What happened so far."""
