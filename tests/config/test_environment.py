"""What an execution environment is made of: both forms of the specification, and what is refused of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from simexec.config import (
    EnvironmentConfig,
    ExecutionConfig,
    ExecutionMode,
    FixedCommission,
    FixedSlippage,
    PerShareCommission,
    SquareRootSlippage,
    TieredCommission,
    VolumeSlippage,
)
from simexec.config.read_yaml import parse_mapping
from simexec.config.structure import unstructure
from simexec.errors import ConfigError
from simexec.sim.clock import DAY, HOUR
from tests.config.test_execution import SPECIFIED


def test_the_specifications_dictionary_is_read_as_it_stands() -> None:
    config = EnvironmentConfig.of(
        "BACKTEST_SINGLE", {"initial_cash": 100000, "commission_model": "per_share", "slippage_model": "fixed"}
    )
    assert (config.initial_cash, config.currency) == (Decimal(100_000), "USD")
    assert config.execution.mode is ExecutionMode.BACKTEST_SINGLE
    simulation = config.execution.market_simulation
    assert simulation.commission == PerShareCommission(commission_per_share="0.005", min_commission="1.0")
    assert simulation.slippage == FixedSlippage(rate="0.0005")


def test_live_trading_takes_a_broker_by_name_and_threads() -> None:
    config = EnvironmentConfig.of("live_trading", {"broker": "backtest", "thread_safety": True})
    assert config.execution.mode is ExecutionMode.LIVE_TRADING
    assert config.execution.broker.class_name == "backtest"
    assert config.execution.thread_safety is True


def test_the_specifications_section_is_read_with_and_without_its_name_around_it() -> None:
    section = parse_mapping(SPECIFIED, "specified")
    config = EnvironmentConfig.of(None, section)
    assert config == EnvironmentConfig.of("BACKTEST_SINGLE", section["execution"])
    assert config.execution.broker.class_name == "BacktestBrokerRefactored"
    assert config.execution.market_simulation.slippage == VolumeSlippage()
    assert isinstance(config.execution.market_simulation.commission, TieredCommission)
    assert [tier.max_size for tier in config.execution.market_simulation.commission.tiers] == [1000, 10_000, None]
    housekeeping = config.execution.order_manager
    assert (housekeeping.max_order_age, housekeeping.cleanup_interval) == (DAY, HOUR)


def test_the_two_forms_may_be_mixed() -> None:
    raw = {
        "initial_cash": "250000.50",
        "currency": "EUR",
        "slippage_model": {"type": "square_root", "volatility": 0.02},
        "execution": {"market_simulation": {"commission": {"type": "fixed"}, "participation": 0.1}},
        "order_manager": {"max_order_age": None},
    }
    config = EnvironmentConfig.of("backtest_parallel", raw)
    assert (config.initial_cash, config.currency) == (Decimal("250000.50"), "EUR")
    simulation = config.execution.market_simulation
    assert simulation.slippage == SquareRootSlippage(volatility="0.02")
    assert (simulation.commission, simulation.participation) == (FixedCommission(), Decimal("0.1"))
    assert config.execution.order_manager.max_order_age is None
    assert config.execution.mode is ExecutionMode.BACKTEST_PARALLEL


def test_models_may_be_configuration_objects_or_none() -> None:
    config = EnvironmentConfig.of(raw={"commission_model": FixedCommission(commission=2), "slippage_model": None})
    assert config.execution.market_simulation.commission == FixedCommission(commission=2)
    assert config.execution.market_simulation.slippage is None


def test_nothing_is_a_single_backtest_with_the_defaults_of_a_scenario() -> None:
    assert EnvironmentConfig.of() == EnvironmentConfig.of(None, {}) == EnvironmentConfig()
    assert EnvironmentConfig().execution == ExecutionConfig()
    assert EnvironmentConfig().initial_cash == 1_000_000


def test_what_was_given_is_left_as_it_was_and_what_came_of_it_reads_the_same() -> None:
    section = parse_mapping(SPECIFIED, "specified")["execution"]
    raw = {"market_simulation": {"slippage": {"type": "volume"}}, "commission_model": "fixed"}
    for given in (section, raw):
        before = repr(given)
        config = EnvironmentConfig.of(None, given)
        assert repr(given) == before
        assert EnvironmentConfig.of(None, unstructure(config)) == config


@pytest.mark.parametrize(
    ("mode", "raw", "message"),
    [
        ("BACKTEST", {}, "mode: 'BACKTEST' is not one of its values; "),
        (None, {"mode": "PAPER"}, "mode: 'PAPER' is not one of its values"),
        (
            "LIVE_TRADING",
            {"mode": "optimization"},
            "mode: OPTIMIZATION is written in the configuration, and LIVE_TRADING was asked for; leave one out",
        ),
        (None, {"slipage_model": "fixed"}, r"slipage_model: unknown field \(its value is 'fixed'\); did you mean 'slippage_model'"),
        (None, {"execution": {"brokr": {}}}, r"execution.brokr: unknown field .* did you mean 'broker'"),
        (None, {"execution": {"initial_cash": 5}}, r"execution.initial_cash: unknown field \(its value is 5\)"),
        (None, {"slippage_model": "fixd"}, "slippage_model: 'fixd' is not one of its values; did you mean 'fixed'"),
        (None, {"slippage_model": 3}, "slippage_model: must be one of fixed, volume, square_root, spread, or a mapping with"),
        (None, {"slippage_model": {"type": "fixed", "rat": 1}}, "slippage_model.rat: unknown field"),
        (None, {"slippage_model": {"rate": 1}}, "slippage_model.type: this field is required"),
        (None, {"commission_model": "tiered"}, "commission_model.tiers: this field is required, and missing"),
        (
            None,
            {"commission_model": {"type": "tiered", "tiers": [{"max_size": 5, "rate": 1}]}},
            "commission_model.tiers.0.max_size: must be null in the last tier, not 5",
        ),
        (None, {"broker": "interactive_brokers"}, "broker: 'interactive_brokers' is not an installed broker; installed: "),
        (None, {"broker": {"class": "interactive_brokers"}}, "broker.class: 'interactive_brokers' is not an installed"),
        (None, {"broker": 5}, r"broker: must be a mapping with fields \(class\), not 5"),
        (
            None,
            {"broker": "Broker", "execution": {"broker": {"class": "Broker"}}},
            "broker: is given twice, here and as execution.broker; leave one out",
        ),
        (
            None,
            {"slippage_model": "fixed", "market_simulation": {"slippage": {"type": "fixed"}}},
            "slippage_model: is given twice, here and as market_simulation.slippage; leave one out",
        ),
        (None, {"slippage_model": "fixed", "market_simulation": 3}, "market_simulation: must be a mapping with fields"),
        (None, {"execution": {"order_manager": {"max_order_age": 5}}}, "execution.order_manager.max_order_age: must be a duration"),
        (None, {"order_manager": {"max_order_age": 5}}, "order_manager.max_order_age: must be a duration"),
        (None, {"initial_cash": -1}, "initial_cash: must not be below zero, not -1"),
        (None, {"thread_safety": 1}, "thread_safety: must be true or false, not 1"),
        (None, {"execution": []}, r"execution: must be a mapping with fields \(mode, broker, "),
        (None, 5, r"must be a mapping with fields \(initial_cash, currency, "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_where_it_was_written(mode: Any, raw: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        EnvironmentConfig.of(mode, raw)
