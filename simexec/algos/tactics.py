"""How a schedule's children meet the market: what all scheduled algorithms have in common beside their schedule."""

from __future__ import annotations

from decimal import Decimal

import attrs
from attrs.converters import optional

from simexec.sim.clock import SECOND
from simexec.trading.convert import (
    DURATION,
    naming_fields,
    to_decimal_from_zero,
    to_duration,
    to_flag,
    to_positive_decimal,
)


@attrs.frozen(kw_only=True, field_transformer=naming_fields)
class Tactics:
    """How children meet the market.

    Attributes:
        passive: children join the near touch and wait there; otherwise they cross the spread at once.
        catch_up: what a slice did not fill is carried over to the next.
        cross_at_end: what is left when the schedule ends crosses the spread; without ``catch_up``, when any slice ends.
        limit_price: no child is worse than this, nor than the order's own limit.
        discretion: a waiting child takes what the far touch offers as soon as that is no more than this distance of prices worse
            than its own price.
        would_price: as soon as the far touch is at this price or better, all that is left is taken there.
        lead: a schedule that would end with the order itself ends this much earlier (at most half a slice), so that there is
            time to cross.
    """

    passive: bool = attrs.field(default=True, converter=to_flag)
    catch_up: bool = attrs.field(default=True, converter=to_flag)
    cross_at_end: bool = attrs.field(default=True, converter=to_flag)
    limit_price: Decimal | None = attrs.field(default=None, converter=optional(to_positive_decimal))
    discretion: Decimal = attrs.field(default=Decimal(0), converter=to_decimal_from_zero)
    would_price: Decimal | None = attrs.field(default=None, converter=optional(to_positive_decimal))
    lead: int = attrs.field(default=SECOND, converter=to_duration, metadata=DURATION)
