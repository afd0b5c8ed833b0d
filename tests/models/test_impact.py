"""Impact models, and the published figures of Almgren et al. (2005)."""

import pytest

from simexec.errors import InputError
from simexec.models.impact import AlmgrenImpactModel, LinearImpactModel, SquareRootImpactModel
from simexec.models.slippage import Trade
from simexec.trading.vocabulary import OrderSide


def trade(quantity: float, seconds: float = 60.0) -> Trade:
    return Trade("o1", "TEST", OrderSide.SELL, quantity, seconds)


def test_linear_impact_goes_with_the_share_of_the_volume() -> None:
    model = LinearImpactModel(0.01, 0.004, half_life="5m")
    assert model.temporary(trade(100), 1000.0) == pytest.approx(0.001)
    assert model.lasting(trade(100), 1000.0) == pytest.approx(0.0004)
    assert model.half_life_ns == 300 * 10**9


def test_the_square_root_law_makes_four_times_the_size_twice_as_dear() -> None:
    model = SquareRootImpactModel(volatility=0.02)
    assert model.temporary(trade(100), 10_000.0) == pytest.approx(0.002)
    assert model.temporary(trade(400), 10_000.0) == pytest.approx(0.004)
    assert model.lasting(trade(400), 10_000.0) == 0.0


@pytest.mark.parametrize(
    ("volatility", "turnover", "costs"),
    [(0.0157, 263.4, (32, 25, 18)), (0.0226, 87.1, (43, 32, 23))],
    ids=["IBM", "DRI"],
)
def test_ten_percent_of_a_days_volume_costs_what_the_paper_says(
    volatility: float, turnover: float, costs: tuple[int, ...]
) -> None:
    model = AlmgrenImpactModel(1e6, volatility, turnover * 1e6)
    assert tuple(round(1e4 * model.cost(1e5, days)) for days in (0.1, 0.2, 0.5)) == costs


def test_an_order_in_even_parts_costs_its_j_whatever_the_parts() -> None:
    model = AlmgrenImpactModel(1e6, 0.0157, 263.4e6)
    whole = model.cost(1e5, 0.2)
    for parts in (1, 7, 78):
        moved = paid = 0.0
        for _ in range(parts):
            part = trade(1e5 / parts, 0.2 * 23_400 / parts)
            step = model.lasting(part, 0.0)
            paid += (moved + step / 2 + model.temporary(part, 0.0)) / parts
            moved += step
        assert paid == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda: LinearImpactModel(-1.0),
        lambda: LinearImpactModel(0.0, 0.1, half_life=0),
        lambda: SquareRootImpactModel(float("nan")),
        lambda: AlmgrenImpactModel(0.0, 0.01, 1e6),
        lambda: AlmgrenImpactModel(1e6, 0.01, 1e6, day="0s"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(make) -> None:
    with pytest.raises(InputError):
        make()
