"""Discrete-event simulation of order execution: what would this order have cost, why, and how sure are we?

The public names are loaded when they are first asked for, so that ``import simexec`` and ``simexec --help``
stay quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simexec.lazy import lazy_names

__version__ = "0.1.0"

if TYPE_CHECKING:
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

# Public name -> the module it lives in.
_HOMES = {
    "ConfigError": "simexec.errors",
    "DataError": "simexec.errors",
    "InputError": "simexec.errors",
    "InvariantError": "simexec.errors",
    "OrderError": "simexec.errors",
    "Scenario": "simexec.config",
    "SimexecError": "simexec.errors",
    "SimulationError": "simexec.errors",
    "TransitionError": "simexec.errors",
    "dump_scenario": "simexec.config",
    "load_scenario": "simexec.config",
}

__all__ = [
    "ConfigError",
    "DataError",
    "InputError",
    "InvariantError",
    "OrderError",
    "Scenario",
    "SimexecError",
    "SimulationError",
    "TransitionError",
    "__version__",
    "dump_scenario",
    "load_scenario",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
