"""What a venue has seen."""

from __future__ import annotations

import attrs

from simexec.sim import StationStatistics


@attrs.frozen
class VenueStatistics:
    """What a venue has seen so far.

    Attributes:
        orders: new orders accepted; ``rejected`` those refused.
        cancels_too_late: cancels and replaces that found their order gone.
        trades: trades of participants' orders; ``traded_quantity`` their shares.
        gateway: of the gateway station.
        throttled: messages that the throttle refused; ``delayed`` those that it held back.
        halts: halts that a price band set off.
    """

    orders: int
    rejected: int
    cancels_too_late: int
    trades: int
    traded_quantity: int
    gateway: StationStatistics
    throttled: int = 0
    delayed: int = 0
    halts: int = 0
