"""Execution algorithms: each works a parent order by placing children; one a file."""

from simexec.algos.at_market import AtMarket
from simexec.algos.iceberg import Iceberg
from simexec.algos.tactics import Tactics
from simexec.algos.twap import TWAP

__all__ = ["TWAP", "AtMarket", "Iceberg", "Tactics"]
