"""The ``execution:`` section of the execution module's specification."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simexec.config import (
    CommissionTier,
    ExecutionConfig,
    ExecutionMode,
    FixedCommission,
    FixedSlippage,
    PercentCommission,
    PerShareCommission,
    Scenario,
    SpreadSlippage,
    SquareRootSlippage,
    TieredCommission,
    VolumeSlippage,
    load_scenario,
)
from simexec.config.execution import check_scenario_mode
from simexec.config.structure import structure
from simexec.errors import ConfigError
from simexec.sim.clock import DAY, HOUR

from .examples import QUICKSTART, scenario

SPECIFIED = """
execution:
  mode: "BACKTEST_SINGLE"

  broker:
    class: "BacktestBrokerRefactored"

  market_simulation:
    slippage:
      type: "volume"
      base_impact: 0.0001

    commission:
      type: "tiered"
      tiers:
        - max_size: 1000
          rate: 1.0
        - max_size: 10000
          rate: 0.5
        - max_size: null
          rate: 0.1

  order_manager:
    max_order_age: "1d"
    cleanup_interval: "1h"
"""


@pytest.fixture
def specified(tmp_path: Path) -> Scenario:
    file = tmp_path / "specified.yaml"
    file.write_text(QUICKSTART.read_text(encoding="utf-8") + SPECIFIED, encoding="utf-8")
    return load_scenario(file)


def test_the_specifications_example_is_read_as_it_stands(specified: Scenario) -> None:
    execution = specified.execution
    assert execution.mode is ExecutionMode.BACKTEST_SINGLE
    assert execution.broker.class_name == "BacktestBrokerRefactored"
    assert execution.market_simulation.slippage == VolumeSlippage(base_impact="0.0001")
    assert execution.market_simulation.commission == TieredCommission(
        tiers=(
            CommissionTier(max_size=1000, rate="1.0"),
            CommissionTier(max_size=10000, rate="0.5"),
            CommissionTier(max_size=None, rate="0.1"),
        )
    )
    assert (execution.order_manager.max_order_age, execution.order_manager.cleanup_interval) == (DAY, HOUR)
    assert Scenario.from_dict(specified.to_dict()) == specified
    assert specified.to_dict()["execution"]["broker"] == {"class": "BacktestBrokerRefactored"}


def test_models_that_a_book_venue_does_not_use_are_among_the_assumptions(specified: Scenario) -> None:
    slippage, commission = specified.unused()
    assert slippage.startswith("execution.market_simulation.slippage (volume): not used by a book venue")
    assert commission.startswith("execution.market_simulation.commission (tiered): not used by a book venue")


def test_quotes_without_a_history_are_among_the_assumptions() -> None:
    (note,) = scenario(recording={"history": "off"}).unused()
    assert note.startswith("recording.quotes: none are written")


@pytest.mark.parametrize(
    ("commission", "model"),
    [
        ({"type": "fixed", "commission": 1}, FixedCommission(commission=1)),
        (
            {"type": "per_share", "commission_per_share": 0.005, "min_commission": 1.0},
            PerShareCommission(commission_per_share=Decimal("0.005"), min_commission=1),
        ),
        ({"type": "percent", "rate": "0.001"}, PercentCommission(rate="0.001")),
        (
            {"type": "percent", "rate": 0.002, "min_commission": 1, "max_commission": 5},
            PercentCommission(rate="0.002", min_commission=1, max_commission=5),
        ),
    ],
)
def test_each_commission_has_its_fields(commission: dict[str, Any], model: object) -> None:
    read = scenario(
        execution={"market_simulation": {"commission": commission, "slippage": {"type": "fixed", "rate": 0.1}}}
    )
    assert read.execution.market_simulation.commission == model
    assert read.execution.market_simulation.slippage == FixedSlippage(rate=0.1)


@pytest.mark.parametrize(
    ("execution", "message"),
    [
        (
            {"mode": "PAPER"},
            "execution.mode: 'PAPER' is not one of its values; known here: backtest_parallel, backtest_single, live_trading",
        ),
        (
            {"broker": {"class": "BacktestBrokerRefactered"}},
            r"execution.broker.class: 'BacktestBrokerRefactered' is not an installed broker \(did you mean 'BacktestBrokerRef",
        ),
        ({"thread_safety": "auto"}, "execution.thread_safety: must be true or false, not 'auto'"),
        (
            {"market_simulation": {"participation": 0}},
            "execution.market_simulation.participation: must be above zero, not 0",
        ),
        (
            {"market_simulation": {"participation": 1.01}},
            "execution.market_simulation.participation: must be above 0 and at most 1, not 1.01",
        ),
        (
            {"market_simulation": {"touch_fill_probability": 1.5}},
            "execution.market_simulation.touch_fill_probability: must be from 0 to 1, not 1.5",
        ),
        (
            {"market_simulation": {"slippage": {"type": "square"}}},
            "execution.market_simulation.slippage.type: 'square' is not one of its values; did you mean",
        ),
        (
            {"market_simulation": {"slippage": {"type": "spread", "fraction": -0.5}}},
            "execution.market_simulation.slippage.fraction: must not be below zero, not -0.5",
        ),
        (
            {"market_simulation": {"commission": {"type": "percent", "rate": 5}}},
            "execution.market_simulation.commission.rate: must be from 0 to 1, not 5",
        ),
        (
            {"market_simulation": {"commission": {"type": "percent", "min_commission": 2, "max_commission": 1}}},
            r"execution.market_simulation.commission.max_commission: must not be below min_commission \(2\), not 1",
        ),
        (
            {"market_simulation": {"commission": {"type": "tiered"}}},
            "execution.market_simulation.commission.tiers: this field is required",
        ),
        ({"broker": {"klass": "Broker"}}, "execution.broker.klass: unknown field .* did you mean 'class'?"),
        (
            {"market_simulation": {"slippage": {"type": "volume", "base_impact": -1}}},
            "execution.market_simulation.slippage.base_impact: must not be below zero, not -1",
        ),
        (
            {"market_simulation": {"commission": {"type": "tiered", "tiers": []}}},
            "execution.market_simulation.commission.tiers: must hold at least one tier",
        ),
        (
            {"market_simulation": {"commission": {"type": "tiered", "tiers": 5}}},
            "execution.market_simulation.commission.tiers: must be a list, not 5",
        ),
        (
            {"market_simulation": {"commission": {"type": "tiered", "tiers": [{"max_size": 5, "rate": 1}]}}},
            "execution.market_simulation.commission.tiers.0.max_size: must be null in the last tier, not 5",
        ),
        (
            {
                "market_simulation": {
                    "commission": {
                        "type": "tiered",
                        "tiers": [
                            {"max_size": 5, "rate": 1},
                            {"max_size": 5, "rate": 1},
                            {"max_size": None, "rate": 1},
                        ],
                    }
                }
            },
            r"execution.market_simulation.commission.tiers.1.max_size: must be above the tier before \(5\), not 5",
        ),
        (
            {"market_simulation": {"commission": {"type": "tiered", "tiers": [{"max_size": None, "rate": "x"}]}}},
            "execution.market_simulation.commission.tiers.0.rate: must be a number, not 'x'",
        ),
        (
            {
                "market_simulation": {
                    "commission": {
                        "type": "per_share",
                        "commission_per_share": 1,
                        "min_commission": 2,
                        "max_commission": 1,
                    }
                }
            },
            r"execution.market_simulation.commission.max_commission: must not be below min_commission \(2\), not 1",
        ),
        (
            {"order_manager": {"cleanup_interval": "0s"}},
            "execution.order_manager.cleanup_interval: must be longer than",
        ),
    ],
)
def test_a_wrong_field_is_refused_by_its_path_and_value(execution: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        scenario(execution=execution)


def test_an_age_limit_may_be_switched_off() -> None:
    assert scenario(execution={"order_manager": {"max_order_age": None}}).execution.order_manager.max_order_age is None


@pytest.mark.parametrize(
    ("section", "model"),
    [
        ({"slippage": {"type": "fixed"}}, FixedSlippage(rate="0.0005")),
        ({"slippage": {"type": "volume"}}, VolumeSlippage(base_impact="0.0001")),
        ({"slippage": {"type": "SQUARE_ROOT"}}, SquareRootSlippage(coefficient=1, volatility="0.01")),
        ({"slippage": {"type": "spread"}}, SpreadSlippage(fraction="0.5", assumed_spread=0)),
        ({"commission": {"type": "fixed"}}, FixedCommission(commission="1.0")),
        ({"commission": {"type": "per_share"}}, PerShareCommission(commission_per_share="0.005", min_commission="1.0")),
        ({"commission": {"type": "percent"}}, PercentCommission(rate="0.001", min_commission=0)),
    ],
)
def test_a_model_that_is_only_named_has_the_specifications_figures(section: dict[str, Any], model: object) -> None:
    simulation = scenario(execution={"market_simulation": section}).execution.market_simulation
    assert model in (simulation.slippage, simulation.commission)


def test_a_venue_without_a_book_gives_all_of_the_volume_and_fills_no_touch_unless_it_is_told_to() -> None:
    plain = scenario().execution.market_simulation
    assert (plain.participation, plain.touch_fill_probability) == (1, 0.0)
    told = {"participation": "0.1", "touch_fill_probability": 0.2}
    read = scenario(execution={"market_simulation": told})
    assert read.execution.market_simulation.participation == Decimal("0.1")
    assert Scenario.from_dict(read.to_dict()) == read


@pytest.mark.parametrize("mode", ExecutionMode)
def test_a_mode_is_read_in_either_case_and_written_as_it_is_read(mode: ExecutionMode) -> None:
    for name in (mode.name, mode.name.lower()):
        assert structure(ExecutionConfig, {"mode": name}).mode is mode


def test_a_scenario_may_run_once_or_in_parallel() -> None:
    for name in ("backtest_single", "BACKTEST_PARALLEL"):
        check_scenario_mode(scenario(execution={"mode": name}).execution)


@pytest.mark.parametrize(
    ("mode", "call"),
    [
        ("OPTIMIZATION", r"simexec\.optimize\(\.\.\.\)"),
        ("LIVE_TRADING", r"simexec\.create_execution_environment\(mode=\"LIVE_TRADING\", \.\.\.\)"),
    ],
)
def test_a_mode_that_does_not_run_from_a_scenario_is_refused_with_where_it_does(mode: str, call: str) -> None:
    text = f"^execution.mode: {mode} does not run from a scenario; call {call} from Python, or set BACKTEST_SINGLE or"
    with pytest.raises(ConfigError, match=text):
        check_scenario_mode(ExecutionConfig(mode=mode))


def test_locks_are_taken_as_the_mode_needs_them_unless_somebody_says_otherwise() -> None:
    by_mode = {mode: ExecutionConfig(mode=mode).is_thread_safe for mode in ExecutionMode}
    assert [mode.name for mode, locks in by_mode.items() if locks] == ["LIVE_TRADING"]
    assert ExecutionConfig(thread_safety=True).is_thread_safe
    assert not ExecutionConfig(mode="live_trading", thread_safety=False).is_thread_safe


@pytest.mark.parametrize("name", ["Broker", "BacktestBroker", "BacktestBrokerRefactored"])
def test_the_brokers_of_the_specification_need_no_installation(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(**_: str) -> None:
        raise AssertionError("packages were looked at for a built-in name")

    monkeypatch.setattr("importlib.metadata.entry_points", nobody)
    assert scenario(execution={"broker": {"class": name}}).execution.broker.class_name == name


def test_what_a_scenario_does_not_use_of_the_section_it_says() -> None:
    section = {
        "broker": {"class": "paper"},
        "thread_safety": True,
        "market_simulation": {"participation": 0.1, "touch_fill_probability": 0.5},
    }
    notes = scenario(execution=section).unused()
    for name in ("participation (0.1)", "touch_fill_probability (0.5)", "broker.class (paper)", "thread_safety"):
        assert sum(f"execution.{name}" in note or f"market_simulation.{name}" in note for note in notes) == 1
    assert len(notes) == 4
