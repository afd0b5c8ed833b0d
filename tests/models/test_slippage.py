"""Slippage models: what they add to a price, and what they refuse."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.errors import InputError
from simexec.models.slippage import (
    FixedSlippageModel,
    SlippageModel,
    SpreadSlippageModel,
    SquareRootSlippageModel,
    Trade,
    VolumeSlippageModel,
)
from simexec.trading.vocabulary import OrderSide

TRADE = Trade("o1", "TEST", OrderSide.BUY, 200.0)
MODELS = (FixedSlippageModel, VolumeSlippageModel, SquareRootSlippageModel, SpreadSlippageModel)


def test_fixed_slippage_is_a_fraction_of_the_price_whatever_the_size() -> None:
    model = FixedSlippageModel(rate=0.0005)
    assert model.calculate_slippage(TRADE, 150.0, 1e6, 0.02) == pytest.approx(0.075)
    assert model.calculate_slippage(TRADE, 150.0, 200, 0.02) == pytest.approx(0.075)


def test_volume_slippage_grows_with_the_share_of_the_volume() -> None:
    model = VolumeSlippageModel(base_impact=0.0001)
    assert model.calculate_slippage(TRADE, 100.0, 200.0, 0.0) == pytest.approx(0.01)
    assert model.calculate_slippage(TRADE, 100.0, 2000.0, 0.0) == pytest.approx(0.001)


def test_square_root_slippage_is_volatility_for_an_order_as_large_as_the_volume_and_half_of_it_for_a_quarter() -> None:
    model = SquareRootSlippageModel(volatility=0.02)
    assert model.calculate_slippage(TRADE, 100.0, 200.0, 0.0) == pytest.approx(2.0)
    assert model.calculate_slippage(TRADE, 100.0, 800.0, 0.0) == pytest.approx(1.0)
    assert SquareRootSlippageModel(0.5, 0.02).calculate_slippage(TRADE, 100.0, 800.0, 0.0) == pytest.approx(0.5)


def test_square_root_slippage_has_a_coefficient_of_one_and_a_volatility_of_one_per_cent_by_default() -> None:
    assert SquareRootSlippageModel() == SquareRootSlippageModel(coefficient=1.0, volatility=0.01)


@given(quantity=st.floats(1.0, 1e6), volume=st.floats(1.0, 1e9), bars=st.integers(1, 400))
def test_the_square_root_charges_an_order_worked_evenly_through_n_bars_less_by_the_root_of_n_than_as_a_whole(
    quantity: float, volume: float, bars: int
) -> None:
    def price_of(shares: float, volatility: float, traded: float) -> float:
        trade = Trade("o1", "TEST", OrderSide.SELL, shares)
        return SquareRootSlippageModel(volatility=volatility).calculate_slippage(trade, 50.0, traded, 0.0)

    whole = price_of(quantity, 0.01, volume)
    part = price_of(quantity / bars, 0.01 / math.sqrt(bars), volume / bars)
    assert part == pytest.approx(whole / math.sqrt(bars))


def test_spread_slippage_is_a_fraction_of_the_spread_or_of_the_assumed_one() -> None:
    model = SpreadSlippageModel(0.5, assumed_spread=0.04)
    assert model.calculate_slippage(TRADE, 100.0, 1.0, 0.02) == pytest.approx(0.01)
    assert model.calculate_slippage(TRADE, 100.0, 1.0, 0.0) == pytest.approx(0.02)


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_says_whether_its_answer_depends_on_the_volume(kind: Any) -> None:
    model = kind()
    answers = {model.calculate_slippage(TRADE, 100.0, volume, 0.02) for volume in (1e3, 1e6)}
    assert model.needs_volume is (len(answers) == 2)


def test_what_a_model_needs_is_no_argument_and_part_of_no_protocol() -> None:
    with pytest.raises(TypeError, match="needs_volume"):
        FixedSlippageModel(needs_volume=True)  # type: ignore[call-arg]

    class Mine:
        def calculate_slippage(self, order: Trade, market_price: float, volume: float, spread: float) -> float:
            return 0.01

    model: SlippageModel = Mine()
    assert getattr(model, "needs_volume", True)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "much", True])
def test_a_fraction_that_makes_no_sense_is_refused_by_name(value: object) -> None:
    with pytest.raises(InputError, match="rate of FixedSlippageModel"):
        FixedSlippageModel(value)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="base_impact"):
        VolumeSlippageModel(value)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="coefficient of SquareRootSlippageModel"):
        SquareRootSlippageModel(value)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="volatility of SquareRootSlippageModel"):
        SquareRootSlippageModel(1.0, value)  # type: ignore[arg-type]
