"""The ``execution:`` section of the execution module's specification."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simexec.config import (
    CommissionTier,
    ExecutionMode,
    FixedCommission,
    FixedSlippage,
    PercentCommission,
    PerShareCommission,
    Scenario,
    TieredCommission,
    VolumeSlippage,
    load_scenario,
)
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
            {"mode": "LIVE_TRADING"},
            "execution.mode: 'LIVE_TRADING' is not one of its values; known here: backtest_single",
        ),
        (
            {"broker": {"class": "BacktestBroker"}},
            "execution.broker.class: 'BacktestBroker' is not a broker; did you mean",
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
