"""How a router goes about its work."""

from __future__ import annotations

from enum import Enum

from attrs import field, frozen

from simexec.sim.clock import MILLISECOND, SECOND
from simexec.trading.convert import (
    DURATION,
    NAME,
    FieldError,
    naming_fields,
    shown,
    to_flag,
    to_member,
    to_positive_count,
    to_positive_duration,
    to_rate,
)


class Resting(Enum):
    """Where orders rest that may: all at the BEST venue, or divided as CONT_KUKANOV."""

    BEST = "BEST"
    CONT_KUKANOV = "CONT_KUKANOV"


def to_resting(value: Resting | str) -> Resting:
    """By name."""
    return to_member(Resting, value)


@frozen(kw_only=True, field_transformer=naming_fields)
class RouterSettings:
    """Settings of a ``SmartOrderRouter``.

    Attributes:
        resting: where an order rests; ``cont_kukanov`` also rests a part of an order that could take all, for ``horizon``.
        dark_first: dark pools are asked before others.
        dark_unit: shares in a unit that is allocated among dark pools, cut to whole lots.
        dark_observations: orders of a size, at a pool, from which its fill rate counts as known.
        stagger: orders to several venues are sent so that they should arrive together.
        answer_timeout: after which a venue that has not answered is left alone, and its order cancelled, ns.
        pause: for which a venue that refused is left out, ns; doubled with every further refusal.
        longest_pause: to which it grows, ns.
        horizon: for which a part rests at the near touch, as Cont and Kukanov's, ns.
        underfill_ticks: what a share that has not traded by then costs beyond taking now, in ticks.
    """

    resting: Resting = field(default=Resting.BEST, converter=to_resting, metadata=NAME)
    dark_first: bool = field(default=True, converter=to_flag)
    dark_unit: int = field(default=100, converter=to_positive_count)
    dark_observations: int = field(default=10, converter=to_positive_count)
    stagger: bool = field(default=True, converter=to_flag)
    answer_timeout: int = field(default=100 * MILLISECOND, converter=to_positive_duration, metadata=DURATION)
    pause: int = field(default=10 * MILLISECOND, converter=to_positive_duration, metadata=DURATION)
    longest_pause: int = field(default=10 * SECOND, converter=to_positive_duration, metadata=DURATION)
    horizon: int = field(default=10 * SECOND, converter=to_positive_duration, metadata=DURATION)
    underfill_ticks: float = field(default=1.0, converter=to_rate)

    def __attrs_post_init__(self) -> None:
        if self.longest_pause < self.pause:
            raise FieldError(
                f"must be at least pause ({self.pause} ns), not {shown(self.longest_pause)}", ("longest_pause",)
            )
