"""A run of a scenario: the same every time, balanced, and changed only by what it depends on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simexec.algos import AtMarket
from simexec.config import Scenario, load_scenario
from simexec.errors import ConfigError, InvariantError
from simexec.experiments.build import build, load_recordings
from simexec.experiments.invariants import check_invariants
from simexec.experiments.run import run_scenario
from simexec.trading.vocabulary import OrderStatus

ROOT = Path(__file__).resolve().parents[2]
QUICKSTART = ROOT / "scenarios" / "quickstart.yaml"
SHORT = {"session.close": "09:45", "order.start": "1m", "algorithm.duration": "10m", "algorithm.slices": 5}


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(QUICKSTART).with_({**SHORT, "order.quantity": 5000})


def run_in_process(*arguments: str, hash_seed: str = "0") -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "simexec", "run", str(QUICKSTART), "--json", *arguments],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_two_processes_with_two_hash_seeds_leave_the_same_journal_and_another_seed_does_not() -> None:
    first = run_in_process(hash_seed="1")
    second = run_in_process(hash_seed="4242")
    other = run_in_process("--seed", "8", hash_seed="1")
    assert first["journal_digest"] == second["journal_digest"] != other["journal_digest"]
    for found in (first, second):
        del found["seconds"]
    assert first == second


def test_the_same_scenario_in_one_process_leaves_the_same_journal(scenario: Scenario) -> None:
    first, second = run_scenario(scenario), run_scenario(scenario)
    assert first.journal_digest == second.journal_digest
    assert [child.order_id for child in first.children] == [child.order_id for child in second.children]


def test_a_component_that_draws_and_is_not_used_changes_nothing(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run_scenario(scenario)

    def build_with_a_spectator(*arguments: Any) -> Any:
        world = build(*arguments)
        world.sim.rng("spectator").random(100)
        return world

    monkeypatch.setattr("simexec.experiments.run.build", build_with_a_spectator)
    assert run_scenario(scenario).journal_digest == plain.journal_digest


def test_progress_reports_do_not_change_a_run(scenario: Scenario) -> None:
    seen: list[float] = []
    assert run_scenario(scenario, progress=seen.append).journal_digest == run_scenario(scenario).journal_digest
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.parametrize("history", ["memory", "spill", "off"])
@pytest.mark.parametrize("journal", [True, False])
def test_what_is_recorded_does_not_change_what_happens(scenario: Scenario, history: str, journal: bool) -> None:
    changes = {"recording.history": history, "recording.journal": journal, "recording.quotes": history != "off"}
    result, plain = run_scenario(scenario.with_(changes)), run_scenario(scenario)
    assert [c.average_price for c in result.children] == [c.average_price for c in plain.children]
    if history == "off":
        assert len(result.quotes) == len(result.prints) == len(result.markets[0].queues) == 0
    else:
        assert result.journal_digest == plain.journal_digest
        assert np.array_equal(result.quotes, plain.quotes)


def test_an_algorithm_of_ones_own_takes_the_place_of_the_scenarios(scenario: Scenario) -> None:
    result = run_scenario(scenario, algorithm=AtMarket())
    assert len(result.children) == 1
    assert result.end_ns < result.decision_ns + 10**7


@pytest.mark.parametrize(
    "algorithm",
    [
        {"type": "twap", "duration": "10m", "slices": 4},
        {"type": "twap", "duration": "10m", "slices": 7, "tactics": {"passive": False}, "randomise_times": 1.0},
        {"type": "twap", "duration": "10m", "slices": 3, "tactics": {"catch_up": False, "cross_at_end": False}},
        {"type": "iceberg", "display_quantity": 200},
        {"type": "iceberg", "display_quantity": 200, "native": False, "randomise_display": 0.5},
        {"type": "market"},
    ],
)
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_every_algorithm_ends_with_books_that_balance(scenario: Scenario, algorithm: dict[str, Any], side: str) -> None:
    result = run_scenario(scenario.with_({"algorithm": algorithm, "order.side": side}))
    assert all(result.invariants.values())
    assert len(result.invariants) == 6
    assert result.parent.is_final
    if result.parent.filled_quantity < result.parent.quantity:
        assert result.parent.reason


def test_broken_books_stop_a_run(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose_a_cent(world: Any, parent: Any, children: Any) -> dict[str, bool]:
        world.portfolio.cash["USD"] -= 1
        return check_invariants(world, parent, children)

    monkeypatch.setattr("simexec.experiments.run.check_invariants", lose_a_cent)
    with pytest.raises(InvariantError, match="balance"):
        run_scenario(scenario)


def test_an_order_that_ends_early_is_expired_with_its_reason(scenario: Scenario) -> None:
    result = run_scenario(
        scenario.with_({"order.end": "11m", "order.limit_price": "99.90", "order.order_type": "limit"})
    )
    assert result.end_ns == result.parent.closed_ns
    assert result.parent.status in (OrderStatus.EXPIRED, OrderStatus.FILLED)


def test_a_recorded_day_with_our_orders_balances_with_history(data_dir: Path) -> None:
    file = data_dir / "lobster" / "AMZN_2012-06-21_34200000_57600000_message_5.csv.gz"
    for changes in ({}, {"algorithm.tactics.passive": False}, {"order.side": "sell", "algorithm.randomise_sizes": 1.0}):
        base = load_scenario(ROOT / "scenarios" / "amzn_day.yaml", data=file)
        result = run_scenario(base.with_({"order.quantity": 30_000, **changes}))
        assert result.flow_messages == 155_935
        assert result.invariants["history_balances"]
        given = result.divergence["shares_given_to_aggressors"] + result.divergence["shares_given_to_arrivals"]
        taken = result.divergence["shares_taken"] + result.divergence["leftover_shares_taken"]
        assert given + taken == result.parent.filled_quantity > 0
        assert 0 <= result.divergence["time_outside_window"] <= 1


def test_the_data_must_be_those_of_the_instrument(data_dir: Path) -> None:
    file = data_dir / "lobster" / "AMZN_2012-06-21_34200000_57600000_message_5.csv.gz"
    scenario = load_scenario(QUICKSTART, data=file)
    with pytest.raises(ConfigError, match=r"instrument\.tick 0\.05 is not that of the data"):
        run_scenario(scenario.with_({"instrument.tick": "0.05", "order.limit_price": None}))
    assert load_recordings(scenario) is not None
