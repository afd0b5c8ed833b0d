"""From a configuration's cost models to those that charge and slip."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, get_args

import pytest

from simexec.config import (
    CommissionConfig,
    CommissionTier,
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
from simexec.experiments.cost_models import commission_model_of, slippage_model_of
from simexec.models.commission import (
    FixedCommissionModel,
    PercentCommissionModel,
    PerShareCommissionModel,
    TieredCommissionModel,
)
from simexec.models.slippage import (
    FixedSlippageModel,
    SpreadSlippageModel,
    SquareRootSlippageModel,
    VolumeSlippageModel,
)

TIERS = TieredCommission(
    tiers=(
        CommissionTier(max_size=1000, rate="1.0"),
        CommissionTier(max_size=10000, rate="0.5"),
        CommissionTier(max_size=None, rate="0.1"),
    )
)

SLIPPAGE = [
    (FixedSlippage(rate="0.0003"), FixedSlippageModel(0.0003)),
    (VolumeSlippage(base_impact="0.2"), VolumeSlippageModel(0.2)),
    (SquareRootSlippage(coefficient="0.7", volatility="0.03"), SquareRootSlippageModel(0.7, 0.03)),
    (SpreadSlippage(fraction="0.25", assumed_spread="0.02"), SpreadSlippageModel(0.25, 0.02)),
]

COMMISSION = [
    (FixedCommission(commission="1.5"), FixedCommissionModel("1.5", "EUR")),
    (
        PerShareCommission(commission_per_share="0.0035", min_commission="0.35", max_commission=9),
        PerShareCommissionModel("0.0035", "0.35", 9, "EUR"),
    ),
    (
        PercentCommission(rate="0.0007", min_commission=2, max_commission=30),
        PercentCommissionModel("0.0007", 2, 30, "EUR"),
    ),
    (TIERS, TieredCommissionModel([(1000, 1), (10000, "0.5"), (None, "0.1")], "EUR")),
]


@pytest.mark.parametrize(("config", "model"), SLIPPAGE)
def test_a_slippage_model_has_the_configured_figures(config: Any, model: Any) -> None:
    assert slippage_model_of(config) == model


@pytest.mark.parametrize(("config", "model"), COMMISSION)
def test_a_commission_model_has_the_configured_figures_exactly_and_the_currency(config: Any, model: Any) -> None:
    assert commission_model_of(config, "EUR") == model


def test_there_is_a_model_for_every_configuration() -> None:
    assert {type(config) for config, _ in SLIPPAGE} == set(get_args(SlippageConfig))
    assert {type(config) for config, _ in COMMISSION} == set(get_args(CommissionConfig))


@pytest.mark.parametrize(
    ("config", "model"),
    [
        (FixedSlippage(), FixedSlippageModel()),
        (VolumeSlippage(), VolumeSlippageModel()),
        (SquareRootSlippage(), SquareRootSlippageModel()),
        (SpreadSlippage(), SpreadSlippageModel()),
    ],
)
def test_a_configuration_and_its_model_have_the_same_defaults(config: Any, model: Any) -> None:
    assert slippage_model_of(config) == model


def test_the_specifications_tiers_charge_by_the_size_of_the_order() -> None:
    model = commission_model_of(TIERS)
    assert model is not None
    assert [model.commission(size, size * 10**8, 0, 0) for size in (1000, 1001, 20_000)] == [10**6, 5 * 10**5, 10**5]
    assert isinstance(model, TieredCommissionModel)
    assert model.tiers[1] == (10_000, Fraction(1, 2))


def test_no_configuration_is_no_model() -> None:
    assert slippage_model_of(None) is None
    assert commission_model_of(None, "USD") is None
