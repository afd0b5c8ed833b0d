"""What goes wrong at a venue, and when."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from simexec.errors import InputError
from simexec.sim import parse_duration


@attrs.frozen
class Outage:
    """From ``start_ns`` up to ``end_ns`` the venue does nothing at all: it serves no request, sends no report, trades nothing.

    The lines stay up, as when a matching engine fails over behind its gateways: requests that arrive wait, and are
    answered after the outage in the order of their arrival. So every request has its answer, and a sender that hears nothing
    must treat its orders as unknown. (A venue that drops its sessions is a disconnect.) What the session calendar would have
    done meanwhile, and the expiry of orders, is done at the end, before those requests. If the venue is then open, it reopens
    with an auction of what rests.

    Attributes:
        cancel_orders: whether participants' resting orders are lost, cancelled at ``start_ns`` and reported at the end.
    """

    start_ns: int = attrs.field(converter=parse_duration)
    end_ns: int = attrs.field(converter=parse_duration)
    cancel_orders: bool = False


@attrs.frozen
class Slowdown:
    """Requests that reach the gateway from ``start_ns`` up to ``end_ns`` take ``factor`` times as long to serve."""

    start_ns: int = attrs.field(converter=parse_duration)
    end_ns: int = attrs.field(converter=parse_duration)
    factor: float

    def __attrs_post_init__(self) -> None:
        if not (math.isfinite(self.factor) and self.factor > 0):
            raise InputError(f"{self} must have a factor above 0")


Incident = Outage | Slowdown


def check_incidents(incidents: Sequence[Incident], now: int) -> None:
    """InputError if one has begun, does not begin before it ends, or overlaps another of its kind."""
    for kind in (Outage, Slowdown):
        end = now
        for incident in sorted((one for one in incidents if isinstance(one, kind)), key=lambda one: one.start_ns):
            if not end <= incident.start_ns < incident.end_ns:
                raise InputError(f"{incident} must begin at {end} ns or later, and before it ends")
            end = incident.end_ns
