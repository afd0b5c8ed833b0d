"""From the cost models of a configuration to those that a venue without a book works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from simexec.config.execution import (
    CommissionConfig,
    FixedCommission,
    FixedSlippage,
    PercentCommission,
    PerShareCommission,
    SlippageConfig,
    SpreadSlippage,
    SquareRootSlippage,
    TieredCommission,
    VolumeSlippage,
)
from simexec.models.commission import (
    CommissionModel,
    FixedCommissionModel,
    PercentCommissionModel,
    PerShareCommissionModel,
    TieredCommissionModel,
)
from simexec.models.slippage import (
    FixedSlippageModel,
    SlippageModel,
    SpreadSlippageModel,
    SquareRootSlippageModel,
    VolumeSlippageModel,
)

_SLIPPAGE: Final[Mapping[type, Callable[[Any], SlippageModel]]] = {
    FixedSlippage: lambda one: FixedSlippageModel(float(one.rate)),
    VolumeSlippage: lambda one: VolumeSlippageModel(float(one.base_impact)),
    SquareRootSlippage: lambda one: SquareRootSlippageModel(float(one.coefficient), float(one.volatility)),
    SpreadSlippage: lambda one: SpreadSlippageModel(float(one.fraction), float(one.assumed_spread)),
}

_COMMISSION: Final[Mapping[type, Callable[[Any, str], CommissionModel]]] = {
    FixedCommission: lambda one, currency: FixedCommissionModel(one.commission, currency),
    PerShareCommission: lambda one, currency: PerShareCommissionModel(
        one.commission_per_share, one.min_commission, one.max_commission, currency
    ),
    PercentCommission: lambda one, currency: PercentCommissionModel(
        one.rate, one.min_commission, one.max_commission, currency
    ),
    TieredCommission: lambda one, currency: TieredCommissionModel(
        [(tier.max_size, tier.rate) for tier in one.tiers], currency
    ),
}


def slippage_model_of(config: SlippageConfig | None) -> SlippageModel | None:
    """The model of a configuration; None for None, which is no slippage."""
    return None if config is None else _SLIPPAGE[type(config)](config)


def commission_model_of(config: CommissionConfig | None, currency: str = "USD") -> CommissionModel | None:
    """The model of a configuration, whose amounts are in ``currency``; None for None, which is no commission."""
    return None if config is None else _COMMISSION[type(config)](config, currency)
