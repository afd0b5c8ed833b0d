"""Replications: independent streams, and an interval for the mean cost."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from simexec.config import Scenario, load_scenario
from simexec.experiments.replications import Estimate, format_replications, replicate, replications_json
from simexec.experiments.run import run_loaded

QUICKSTART = Path(__file__).resolve().parents[2] / "scenarios" / "quickstart.yaml"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    short = {"session.close": "09:40", "order.start": "1m", "algorithm.duration": "5m", "algorithm.slices": 5}
    return load_scenario(QUICKSTART).with_({**short, "order.quantity": 2000})


def test_replications_differ_and_each_is_what_it_is_alone(scenario: Scenario) -> None:
    found = replicate(scenario, 3)
    assert len(set(found.digests)) == 3
    assert found.digests[2] == run_loaded(scenario, [None], replication=2).journal_digest
    assert replicate(scenario, 2).digests == found.digests[:2]


def test_the_interval_is_students() -> None:
    estimate = Estimate.of([1.0, 2.0, 4.0])
    error = math.sqrt(((1 - 7 / 3) ** 2 + (2 - 7 / 3) ** 2 + (4 - 7 / 3) ** 2) / 2 / 3)
    assert estimate.mean == pytest.approx(7 / 3)
    assert estimate.standard_error == pytest.approx(error)
    assert estimate.high == pytest.approx(7 / 3 + 4.302653 * error, rel=1e-6)  # t of 2 degrees of freedom at .975


def test_one_replication_has_no_interval(scenario: Scenario) -> None:
    found = replicate(scenario, 1)
    assert found.estimate().low is None
    assert "one replication has none" in format_replications(found)


def test_parts_of_the_mean_cost_add_up(scenario: Scenario) -> None:
    parts = replications_json(replicate(scenario, 4))["shortfall_bps"]
    total = sum(parts[name]["mean"] for name in ("delay", "trading", "opportunity", "fees"))
    assert total == pytest.approx(parts["total"]["mean"])
