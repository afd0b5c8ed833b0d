"""What a breaker tolerates, and the figures that it says."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from simexec.config.structure import structure, unstructure
from simexec.errors import InputError
from simexec.execution import BreakerLimits


def rule(limits: BreakerLimits, **figures: Any) -> str | None:
    excess = limits.exceeded_by(SimpleNamespace(**figures))
    return None if excess is None else excess.rule


@pytest.mark.parametrize(
    ("field", "limit", "figure", "value", "beyond"),
    [
        ("max_failed_orders_per_minute", 10, "failed_orders_1min", 10, 11),
        ("max_rejection_rate", 0.29, "rejection_rate", 29 / 100, 30 / 100),
        ("max_loss", "12.5", "loss", Decimal("12.5"), Decimal("12.500001")),
        ("max_drawdown", 0.07, "drawdown", 7 / 100, 0.0700001),
        ("max_latency", "50ms", "latency_ns", 50_000_000, 50_000_001),
        ("max_quote_age", "2s", "quote_age_ns", 2_000_000_000, 2_000_000_001),
    ],
)
def test_a_limit_is_the_largest_value_that_is_tolerated_and_none_tolerates_all(
    field: str, limit: Any, figure: str, value: Any, beyond: Any
) -> None:
    limits = BreakerLimits(**{field: limit})
    assert rule(limits, **{figure: value}) is None
    assert rule(limits, **{figure: beyond}) == field
    assert rule(attrs.evolve(limits, **{field: None}), **{figure: beyond}) is None


def test_one_of_one_is_no_rate_until_there_are_orders_enough() -> None:
    limits = BreakerLimits(min_orders=4)
    assert rule(limits, rejection_rate=1.0, answered_orders_1min=3) is None
    assert rule(limits, rejection_rate=0.5, answered_orders_1min=4) == "max_rejection_rate"
    assert rule(limits, rejection_rate=0.5) == "max_rejection_rate"  # of somebody who counts by himself


def test_any_object_will_do_and_what_it_has_not_exceeds_nothing() -> None:
    assert BreakerLimits().exceeded_by(object()) is None
    assert rule(BreakerLimits(max_loss=1), loss=None) is None


def test_losses_come_first() -> None:
    assert rule(BreakerLimits(max_loss=1), failed_orders_1min=99, loss=Decimal(2)) == "max_loss"


def test_an_excess_says_both_figures() -> None:
    excess = BreakerLimits(max_latency="50ms").exceeded_by(SimpleNamespace(latency_ns=60_000_000))
    assert excess is not None
    assert excess.text == "60ms passed without an answer to an order, more than 50ms"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"max_rejection_rate": 2}, "max_rejection_rate: must be from 0 to 1, not 2"),
        (
            {"max_failed_orders_per_minute": -1},
            "max_failed_orders_per_minute: must be a whole number of at least 0, not -1",
        ),
        ({"max_loss": -5}, "max_loss: must not be below zero, not -5"),
        ({"max_drawdown": 1.5}, "max_drawdown: must be from 0 to 1, not 1.5"),
        ({"min_orders": 0}, "min_orders: must be a whole number of at least 1, not 0"),
        (
            {"max_latency": 0.05},
            "max_latency: must be a duration with its unit, such as '250us', '1.5ms' or '30m', not 0.05",
        ),
        ({"cool_down": 0}, "cool_down: must be longer than zero, not 0"),
    ],
)
def test_a_wrong_limit_is_refused_with_its_value(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as error:
        BreakerLimits(**fields)
    assert str(error.value) == says


def test_limits_may_stand_in_a_scenario() -> None:
    written = {"max_failed_orders_per_minute": 3, "max_loss": "250.5", "max_latency": "50ms", "cool_down": "1m"}
    limits = structure(BreakerLimits, written)
    assert limits == BreakerLimits(
        max_failed_orders_per_minute=3, max_loss="250.5", max_latency=50_000_000, cool_down="1m"
    )
    assert unstructure(limits)["cool_down"] == "1m"
    assert structure(BreakerLimits, unstructure(limits)) == limits
