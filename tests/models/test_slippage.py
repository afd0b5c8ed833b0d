"""Slippage models: what they add to a price, and what they refuse."""

import pytest

from simexec.errors import InputError
from simexec.models.slippage import FixedSlippageModel, SpreadSlippageModel, Trade, VolumeSlippageModel
from simexec.trading.vocabulary import OrderSide

TRADE = Trade("o1", "TEST", OrderSide.BUY, 200.0)


def test_fixed_slippage_is_a_fraction_of_the_price_whatever_the_size() -> None:
    model = FixedSlippageModel(rate=0.0005)
    assert model.calculate_slippage(TRADE, 150.0, 1e6, 0.02) == pytest.approx(0.075)
    assert model.calculate_slippage(TRADE, 150.0, 200, 0.02) == pytest.approx(0.075)


def test_volume_slippage_grows_with_the_share_of_the_volume() -> None:
    model = VolumeSlippageModel(base_impact=0.0001)
    assert model.calculate_slippage(TRADE, 100.0, 200.0, 0.0) == pytest.approx(0.01)
    assert model.calculate_slippage(TRADE, 100.0, 2000.0, 0.0) == pytest.approx(0.001)


def test_spread_slippage_is_a_fraction_of_the_spread_or_of_the_assumed_one() -> None:
    model = SpreadSlippageModel(0.5, assumed_spread=0.04)
    assert model.calculate_slippage(TRADE, 100.0, 1.0, 0.02) == pytest.approx(0.01)
    assert model.calculate_slippage(TRADE, 100.0, 1.0, 0.0) == pytest.approx(0.02)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "much", True])
def test_a_fraction_that_makes_no_sense_is_refused_by_name(value: object) -> None:
    with pytest.raises(InputError, match="rate of FixedSlippageModel"):
        FixedSlippageModel(value)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="base_impact"):
        VolumeSlippageModel(value)  # type: ignore[arg-type]
