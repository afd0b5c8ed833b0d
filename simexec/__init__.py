"""Discrete-event simulation of order execution: what would this order have cost, why, and how sure are we?

The public names are loaded when they are first asked for, so that ``import simexec`` and ``simexec --help``
stay quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from simexec.lazy import lazy_names

__version__ = "0.1.0"

if TYPE_CHECKING:
    from simexec.algos.adaptive import AdaptiveExecutor
    from simexec.algos.chunks import execute_large_order
    from simexec.analysis.analyzer import ExecutionAnalyzer
    from simexec.backtest import (
        BacktestConfig,
        BacktestResults,
        BarArrays,
        BarFiles,
        DataLoader,
        Optimization,
        QuoteArrays,
        ScenarioMarkets,
        Strategy,
        UnifiedBacktestEngine,
        optimize,
        run_many,
    )
    from simexec.config import Scenario, dump_scenario, load_scenario
    from simexec.config.execution import ExecutionMode
    from simexec.errors import (
        ConfigError,
        DataError,
        DeadlockError,
        InputError,
        InvariantError,
        OrderError,
        SimexecError,
        SimulationError,
        TransitionError,
    )
    from simexec.execution import (
        ExecutionCircuitBreaker,
        OrderManager,
        RiskLimits,
        RiskPortfolioContainer,
        SmartOrderRouter,
    )
    from simexec.execution.backtest_broker import BacktestBroker
    from simexec.execution.backtest_broker import BacktestBroker as BacktestBrokerRefactored
    from simexec.execution.engine import DefaultExecutionEngine
    from simexec.execution.execution_context import ExecutionContext
    from simexec.experiments.environment import ExecutionEnvironment, create_execution_environment
    from simexec.models.commission import (
        CommissionModel,
        FixedCommissionModel,
        PercentCommissionModel,
        PerShareCommissionModel,
        TieredCommissionModel,
        VolumeTieredCommissionModel,
    )
    from simexec.models.slippage import (
        FixedSlippageModel,
        SlippageModel,
        SpreadSlippageModel,
        SquareRootSlippageModel,
        VolumeSlippageModel,
    )
    from simexec.protocols import Algorithm, BrokerProtocol, Engine, PortfolioStateProtocol
    from simexec.sim import Simulation
    from simexec.trading.capabilities import Capabilities, capabilities, require
    from simexec.trading.events import Event, EventType, Signal
    from simexec.trading.instrument import Instrument
    from simexec.trading.order import Order
    from simexec.trading.report import Fill
    from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, TimeInForce
    from simexec.venue.market_simulator import MarketSimulator

# Public name -> the module it lives in; "module:name" where that has it by another name.
_HOMES = {
    "AdaptiveExecutor": "simexec.algos.adaptive",
    "Algorithm": "simexec.protocols",
    "BacktestBroker": "simexec.execution.backtest_broker",
    "BacktestBrokerRefactored": "simexec.execution.backtest_broker:BacktestBroker",
    "BacktestConfig": "simexec.backtest",
    "BacktestResults": "simexec.backtest",
    "BarArrays": "simexec.backtest",
    "BarFiles": "simexec.backtest",
    "BrokerProtocol": "simexec.protocols",
    "Capabilities": "simexec.trading.capabilities",
    "CommissionModel": "simexec.models.commission",
    "ConfigError": "simexec.errors",
    "DataError": "simexec.errors",
    "DataLoader": "simexec.backtest",
    "DeadlockError": "simexec.errors",
    "DefaultExecutionEngine": "simexec.execution.engine",
    "Engine": "simexec.protocols",
    "Event": "simexec.trading.events",
    "EventType": "simexec.trading.events",
    "ExecutionAnalyzer": "simexec.analysis.analyzer",
    "ExecutionCircuitBreaker": "simexec.execution",
    "ExecutionContext": "simexec.execution.execution_context",
    "ExecutionEnvironment": "simexec.experiments.environment",
    "ExecutionMode": "simexec.config.execution",
    "Fill": "simexec.trading.report",
    "FixedCommissionModel": "simexec.models.commission",
    "FixedSlippageModel": "simexec.models.slippage",
    "InputError": "simexec.errors",
    "Instrument": "simexec.trading.instrument",
    "InvariantError": "simexec.errors",
    "MarketSimulator": "simexec.venue.market_simulator",
    "Optimization": "simexec.backtest",
    "Order": "simexec.trading.order",
    "OrderError": "simexec.errors",
    "OrderManager": "simexec.execution",
    "OrderSide": "simexec.trading.vocabulary",
    "OrderStatus": "simexec.trading.vocabulary",
    "OrderType": "simexec.trading.vocabulary",
    "PerShareCommissionModel": "simexec.models.commission",
    "PercentCommissionModel": "simexec.models.commission",
    "PortfolioStateProtocol": "simexec.protocols",
    "QuoteArrays": "simexec.backtest",
    "RiskLimits": "simexec.execution",
    "RiskPortfolioContainer": "simexec.execution",
    "Scenario": "simexec.config",
    "ScenarioMarkets": "simexec.backtest",
    "Signal": "simexec.trading.events",
    "SimexecError": "simexec.errors",
    "Simulation": "simexec.sim",
    "SimulationError": "simexec.errors",
    "SlippageModel": "simexec.models.slippage",
    "SmartOrderRouter": "simexec.execution",
    "SpreadSlippageModel": "simexec.models.slippage",
    "SquareRootSlippageModel": "simexec.models.slippage",
    "Strategy": "simexec.backtest",
    "TieredCommissionModel": "simexec.models.commission",
    "TimeInForce": "simexec.trading.vocabulary",
    "TransitionError": "simexec.errors",
    "UnifiedBacktestEngine": "simexec.backtest",
    "VolumeSlippageModel": "simexec.models.slippage",
    "VolumeTieredCommissionModel": "simexec.models.commission",
    "capabilities": "simexec.trading.capabilities",
    "create_execution_environment": "simexec.experiments.environment",
    "dump_scenario": "simexec.config",
    "execute_large_order": "simexec.algos.chunks",
    "load_scenario": "simexec.config",
    "optimize": "simexec.backtest",
    "require": "simexec.trading.capabilities",
    "run_many": "simexec.backtest",
}

__all__ = [
    "AdaptiveExecutor",
    "Algorithm",
    "BacktestBroker",
    "BacktestBrokerRefactored",
    "BacktestConfig",
    "BacktestResults",
    "BarArrays",
    "BarFiles",
    "BrokerProtocol",
    "Capabilities",
    "CommissionModel",
    "ConfigError",
    "DataError",
    "DataLoader",
    "DeadlockError",
    "DefaultExecutionEngine",
    "Engine",
    "Event",
    "EventType",
    "ExecutionAnalyzer",
    "ExecutionCircuitBreaker",
    "ExecutionContext",
    "ExecutionEnvironment",
    "ExecutionMode",
    "Fill",
    "FixedCommissionModel",
    "FixedSlippageModel",
    "InputError",
    "Instrument",
    "InvariantError",
    "MarketSimulator",
    "Optimization",
    "Order",
    "OrderError",
    "OrderManager",
    "OrderSide",
    "OrderStatus",
    "OrderType",
    "PerShareCommissionModel",
    "PercentCommissionModel",
    "PortfolioStateProtocol",
    "QuoteArrays",
    "RiskLimits",
    "RiskPortfolioContainer",
    "Scenario",
    "ScenarioMarkets",
    "Signal",
    "SimexecError",
    "Simulation",
    "SimulationError",
    "SlippageModel",
    "SmartOrderRouter",
    "SpreadSlippageModel",
    "SquareRootSlippageModel",
    "Strategy",
    "TieredCommissionModel",
    "TimeInForce",
    "TransitionError",
    "UnifiedBacktestEngine",
    "VolumeSlippageModel",
    "VolumeTieredCommissionModel",
    "__version__",
    "capabilities",
    "create_execution_environment",
    "dump_scenario",
    "execute_large_order",
    "load_scenario",
    "optimize",
    "require",
    "run_many",
]

_load, __dir__ = lazy_names(__name__, _HOMES)


def __getattr__(name: str) -> object:
    """Load a public name; that of the specification's old backtest engine says what took its place."""
    if name == "BacktestEngine":
        return getattr(import_module("simexec.backtest"), name)
    return _load(name)
