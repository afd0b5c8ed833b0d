"""A price band: trading outside it is stopped."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import attrs

from simexec.errors import InputError
from simexec.sim import parse_duration
from simexec.trading.money import parse_decimal


def _percent(value: Any) -> Decimal:
    return parse_decimal(value, "percent")


@attrs.frozen
class PriceBand:
    """No trade further than ``percent`` from a reference; an order that would trade there halts the instrument.

    The halt lasts ``halt``; then the instrument reopens with an auction, and the last trade is the new reference, as it is at
    every open. The auction itself is not bounded.

    Args:
        reference_ticks: the reference while nothing has traded, such as the close of the day before; positive.
        percent: above 0, below 100.
        halt: how long the instrument is halted; positive.

    Raises:
        InputError: a number out of its range.
    """

    reference_ticks: int
    percent: Decimal = attrs.field(converter=_percent)
    halt: int = attrs.field(converter=parse_duration)

    def __attrs_post_init__(self) -> None:
        if self.reference_ticks < 1 or not 0 < self.percent < 100 or self.halt < 1:
            raise InputError(
                f"{self} must have a positive reference, a percentage between 0 and 100 and a halt longer than 0"
            )

    def around(self, reference_quanta: int) -> tuple[int, int]:
        """Lowest and highest price in quanta, both allowed; rounded towards the reference."""
        width = int(reference_quanta * Fraction(self.percent) / 100)
        return reference_quanta - width, reference_quanta + width
