"""Execution algorithms: each works a parent order by placing children; one a file."""

from simexec.algos.adaptive import Adaptive, AdaptiveExecutor
from simexec.algos.at_market import AtMarket
from simexec.algos.chunks import Chunks, execute_large_order
from simexec.algos.iceberg import Iceberg
from simexec.algos.obizhaeva_wang import ObizhaevaWang
from simexec.algos.pegger import Pegger
from simexec.algos.pov import POV
from simexec.algos.shortfall import ImplementationShortfall
from simexec.algos.sniper import Sniper
from simexec.algos.tactics import Tactics
from simexec.algos.target_close import TargetClose
from simexec.algos.twap import TWAP
from simexec.algos.vwap import VWAP

__all__ = [
    "POV",
    "TWAP",
    "VWAP",
    "Adaptive",
    "AdaptiveExecutor",
    "AtMarket",
    "Chunks",
    "Iceberg",
    "ImplementationShortfall",
    "ObizhaevaWang",
    "Pegger",
    "Sniper",
    "Tactics",
    "TargetClose",
    "execute_large_order",
]
