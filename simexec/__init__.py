"""Discrete-event simulation of order execution: what would this order have cost, why, and how sure are we?

The public names are loaded when they are first asked for, so that ``import simexec`` and ``simexec --help``
stay quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simexec.lazy import lazy_names

__version__ = "0.1.0"

if TYPE_CHECKING:
    from simexec.algos.adaptive import AdaptiveExecutor
    from simexec.algos.chunks import execute_large_order
    from simexec.analysis.analyzer import ExecutionAnalyzer
    from simexec.config import Scenario, dump_scenario, load_scenario
    from simexec.errors import (
        ConfigError,
        DataError,
        InputError,
        InvariantError,
        OrderError,
        SimexecError,
        SimulationError,
        TransitionError,
    )
    from simexec.execution import ExecutionCircuitBreaker, RiskPortfolioContainer, SmartOrderRouter

# Public name -> the module it lives in.
_HOMES = {
    "AdaptiveExecutor": "simexec.algos.adaptive",
    "ConfigError": "simexec.errors",
    "DataError": "simexec.errors",
    "ExecutionAnalyzer": "simexec.analysis.analyzer",
    "ExecutionCircuitBreaker": "simexec.execution",
    "InputError": "simexec.errors",
    "InvariantError": "simexec.errors",
    "OrderError": "simexec.errors",
    "RiskPortfolioContainer": "simexec.execution",
    "Scenario": "simexec.config",
    "SimexecError": "simexec.errors",
    "SimulationError": "simexec.errors",
    "SmartOrderRouter": "simexec.execution",
    "TransitionError": "simexec.errors",
    "dump_scenario": "simexec.config",
    "execute_large_order": "simexec.algos.chunks",
    "load_scenario": "simexec.config",
}

__all__ = [
    "AdaptiveExecutor",
    "ConfigError",
    "DataError",
    "ExecutionAnalyzer",
    "ExecutionCircuitBreaker",
    "InputError",
    "InvariantError",
    "OrderError",
    "RiskPortfolioContainer",
    "Scenario",
    "SimexecError",
    "SimulationError",
    "SmartOrderRouter",
    "TransitionError",
    "__version__",
    "dump_scenario",
    "execute_large_order",
    "load_scenario",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
