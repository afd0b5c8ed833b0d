"""What a circuit breaker tolerates."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from math import inf
from typing import Any, Final

from attrs import field, frozen
from attrs.converters import optional

from simexec.sim.clock import SECOND, format_duration
from simexec.trading.convert import (
    DURATION,
    naming_fields,
    to_count,
    to_decimal_from_zero,
    to_fraction,
    to_positive_count,
    to_positive_duration,
)

LASTING: Final = ("max_loss", "max_drawdown")
"""Rules whose trip time alone does not undo."""


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.4g} %"


# Of each limit its name, that of the figure, what the figure is, and how it is written.
_RULES: Final[tuple[tuple[str, str, str, Callable[[Any], str]], ...]] = (
    ("max_loss", "loss", "were lost", str),
    ("max_drawdown", "drawdown", "of the highest equity were lost", _percent),
    ("max_failed_orders_per_minute", "failed_orders_1min", "orders failed in a minute", str),
    ("max_rejection_rate", "rejection_rate", "of the orders of a minute were rejected", _percent),
    ("max_latency", "latency_ns", "passed without an answer to an order", format_duration),
    ("max_quote_age", "quote_age_ns", "passed since a market's quote was set", format_duration),
)


@frozen
class Excess:
    """A limit that is exceeded: the name of the rule, and the figures in words."""

    rule: str
    text: str


@frozen(kw_only=True, field_transformer=naming_fields)
class BreakerLimits:
    """Limits of a circuit breaker; each is the largest value that is still tolerated, and None switches it off.

    Attributes:
        max_failed_orders_per_minute: orders that venues refused in the last minute.
        max_rejection_rate: the same, as a fraction of the orders that venues answered in the last minute.
        min_orders: fewer answers in the last minute are no rate.
        max_loss: fall of the account's equity since the start or the last reset, in its currency.
        max_drawdown: fall of the equity from its highest, as a fraction of that.
        max_latency: from sending an order to hearing a venue's first word on it. An order that was not answered yet has
            waited from when it was sent until now.
        max_quote_age: how long ago the quote that is seen of a market was set there, where an order is sent or works.
        cool_down: from tripping to half-open; and how long a probe is waited for, if ``max_latency`` does not say.
        check_interval: how often equity and quotes are looked at while orders work.

    Raises:
        InputError: a wrong value; the message has the field and the value.
    """

    max_failed_orders_per_minute: int | None = field(default=10, converter=optional(to_count))
    max_rejection_rate: float | None = field(default=0.25, converter=optional(to_fraction))
    min_orders: int = field(default=10, converter=to_positive_count)
    max_loss: Decimal | None = field(default=None, converter=optional(to_decimal_from_zero))
    max_drawdown: float | None = field(default=None, converter=optional(to_fraction))
    max_latency: int | None = field(default=None, converter=optional(to_positive_duration), metadata=DURATION)
    max_quote_age: int | None = field(default=None, converter=optional(to_positive_duration), metadata=DURATION)
    cool_down: int = field(default=30 * SECOND, converter=to_positive_duration, metadata=DURATION)
    check_interval: int = field(default=SECOND, converter=to_positive_duration, metadata=DURATION)

    @property
    def need_equity(self) -> bool:
        """Whether the account's equity matters."""
        return self.max_loss is not None or self.max_drawdown is not None

    @property
    def probe_patience(self) -> int:
        """How long a probe may stay unanswered."""
        return self.cool_down if self.max_latency is None else self.max_latency

    def exceeded_by(self, metrics: Any) -> Excess | None:
        """The first limit that figures exceed, losses first.

        Args:
            metrics: any object with some of the attributes of ``ExecutionMetrics``; what is absent or None exceeds nothing.
                A rate without a count of the orders behind it is taken as it is.
        """
        for rule, figure, what, shown in _RULES:
            most, value = getattr(self, rule), getattr(metrics, figure, None)
            if most is None or value is None or not value > most:
                continue
            if rule != "max_rejection_rate" or getattr(metrics, "answered_orders_1min", inf) >= self.min_orders:
                return Excess(rule, f"{shown(value)} {what}, more than {shown(most)}")
        return None
