"""Scenarios with a router, risk limits and a circuit breaker."""

from __future__ import annotations

from typing import Any

import pytest

from simexec.analysis.summary import format_run, run_json
from simexec.analysis.tca import analyse
from simexec.config import Scenario, load_scenario
from simexec.execution import BreakerState
from simexec.experiments.run import run_scenario
from simexec.trading.vocabulary import OrderStatus

SHORT = {"session.close": "09:50", "order.start": "1m", "order.quantity": 2000, "algorithm.duration": "10m"}


def scenario(**changes: Any) -> Scenario:
    two = load_scenario("scenarios/two_venues.yaml").with_({"markets.0.session": None, **SHORT})
    return two.with_(changes)


def test_a_routed_order_is_worked_at_several_venues_and_the_legs_are_accounted_for() -> None:
    result = run_scenario(scenario(router={}))
    assert result.parent.status is OrderStatus.FILLED
    assert {child.venue for child in result.children} >= {"ALFA", "DARK"}
    assert sum(record.filled for record in result.routing.values()) == result.parent.filled_quantity
    assert sum(record.legs for record in result.routing.values()) == len(result.children)
    assert all(child.parent_id != result.parent.order_id for child in result.children)  # a slice stands between
    assert analyse(result).filled_quantity == 2000
    found = run_json(result)["routing"]
    assert found["ALFA"]["filled"] == result.routing["ALFA"].filled
    assert "stale USD" in format_run(result)


@pytest.mark.parametrize("algorithm", ["market", "pov", "shortfall", "pegger", "chunks"])
def test_any_algorithm_may_be_routed(algorithm: str) -> None:
    settings = {"pov": {"rate": 0.1}, "shortfall": {"slices": 5, "half_life": "2m"}, "chunks": {"chunk_size": 200}}
    result = run_scenario(scenario(router={}, algorithm={"type": algorithm, **settings.get(algorithm, {})}))
    assert result.parent.is_final
    assert result.parent.filled_quantity == sum(child.filled_quantity for child in result.children) > 0


@pytest.mark.parametrize(
    ("risk", "words"),
    [
        ({"max_position": 1999}, "max_position"),
        ({"max_notional": 1000}, "max_notional"),
        ({"buying_power": True}, "buying_power"),
    ],
)
def test_an_order_beyond_a_limit_is_rejected_with_the_rule(risk: dict[str, Any], words: str) -> None:
    result = run_scenario(scenario(risk=risk, initial_cash=1000 if "buying_power" in risk else 10**7))
    assert (result.parent.status, result.children) == (OrderStatus.REJECTED, ())
    assert result.parent.reason.startswith(words)


def test_within_its_limits_an_order_trades_as_without_any() -> None:
    free, limited = run_scenario(scenario()), run_scenario(scenario(risk={"allow_short": True}))
    assert limited.journal_digest == free.journal_digest
    assert sum(limited.portfolio.reserved.values()) == 0


def test_a_loss_trips_the_breaker_and_the_order_ends_with_its_reason() -> None:
    result = run_scenario(scenario(circuit_breaker={"max_loss": 1}))
    (change,) = result.breaker
    assert change.after is BreakerState.OPEN
    assert result.parent.status is OrderStatus.CANCELLED
    assert result.parent.reason.startswith("circuit breaker: ")
    assert all(child.created_ns <= change.time_ns for child in result.children if child.acknowledged_ns is not None)
    assert run_json(result)["breaker"][0]["after"] == "OPEN"
