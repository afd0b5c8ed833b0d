"""Backtests: strategies on historical or synthetic data, through the same execution as everything else.

Its names are loaded when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simexec.lazy import lazy_names

if TYPE_CHECKING:
    from simexec.backtest.config import BacktestConfig
    from simexec.backtest.data import (
        BarArrays,
        BarFiles,
        BookData,
        DataLoader,
        DataRequest,
        QuoteArrays,
        ScenarioMarkets,
    )
    from simexec.backtest.engine import UnifiedBacktestEngine
    from simexec.backtest.loaded_data import LoadedData
    from simexec.backtest.optimization import Optimization, Trial, optimize
    from simexec.backtest.parallel import run_many
    from simexec.backtest.results import BacktestResults
    from simexec.backtest.strategy import Strategy
    from simexec.backtest.trader import Trader

# Public name -> the module it lives in.
_HOMES = {
    "BacktestConfig": "simexec.backtest.config",
    "BacktestResults": "simexec.backtest.results",
    "BarArrays": "simexec.backtest.data",
    "BarFiles": "simexec.backtest.data",
    "BookData": "simexec.backtest.data",
    "DataLoader": "simexec.backtest.data",
    "DataRequest": "simexec.backtest.data",
    "LoadedData": "simexec.backtest.loaded_data",
    "Optimization": "simexec.backtest.optimization",
    "QuoteArrays": "simexec.backtest.data",
    "ScenarioMarkets": "simexec.backtest.data",
    "Strategy": "simexec.backtest.strategy",
    "Trader": "simexec.backtest.trader",
    "Trial": "simexec.backtest.optimization",
    "UnifiedBacktestEngine": "simexec.backtest.engine",
    "optimize": "simexec.backtest.optimization",
    "run_many": "simexec.backtest.parallel",
}

__all__ = [
    "BacktestConfig",
    "BacktestResults",
    "BarArrays",
    "BarFiles",
    "BookData",
    "DataLoader",
    "DataRequest",
    "LoadedData",
    "Optimization",
    "QuoteArrays",
    "ScenarioMarkets",
    "Strategy",
    "Trader",
    "Trial",
    "UnifiedBacktestEngine",
    "optimize",
    "run_many",
]

_load, __dir__ = lazy_names(__name__, _HOMES)


def __getattr__(name: str) -> object:
    """Load a name; those of the specification's old backtest module say what took their place."""
    if name == "BacktestEngine":
        raise ImportError(
            "BacktestEngine of the old backtest module is gone; use"
            " `from simexec import UnifiedBacktestEngine` (docs/migration.md says what replaces what)"
        )
    return _load(name)
