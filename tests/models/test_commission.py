"""Commissions belong to orders: a minimum is paid once, however many trades an order has."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.errors import InputError
from simexec.models.commission import (
    FixedCommissionModel,
    PercentCommissionModel,
    PerShareCommissionModel,
    TieredCommissionModel,
    VolumeTieredCommissionModel,
)

USD = 10**6
SPECIFIED = [(1000, "1.0"), (10000, "0.5"), (None, "0.1")]


def order_of(model, *trades: int, price: int = 100 * USD) -> list[int]:
    """Commissions of an order's trades of so many shares."""
    charged, filled = [], 0
    for shares in trades:
        charged.append(model.commission(shares, shares * price, filled, filled * price))
        filled += shares
    return charged


def test_a_fixed_commission_is_charged_with_the_first_trade_of_an_order() -> None:
    assert order_of(FixedCommissionModel("1.5"), 10, 10, 10) == [1_500_000, 0, 0]


def test_a_share_commission_has_a_least_and_a_most_an_order() -> None:
    model = PerShareCommissionModel(commission_per_share=0.005, min_commission=1.0, max_commission=2)
    assert order_of(model, 1000) == [2 * USD]
    assert order_of(model, 100, 99, 1, 100) == [1 * USD, 0, 0, 500_000]
    assert order_of(model, 300, 300) == [1_500_000, 500_000]


def test_a_percentage_is_of_the_value() -> None:
    model = PercentCommissionModel("0.001", min_commission="0.5")
    assert order_of(model, 1, 9) == [500_000, 500_000]
    assert order_of(model, 1000) == [100 * USD]


def test_tiers_go_by_size_and_what_was_charged_is_not_paid_back() -> None:
    model = TieredCommissionModel(SPECIFIED)
    assert [order_of(model, size) for size in (1, 1000, 1001, 10_000, 10_001)] == [
        [1_000_000], [1_000_000], [500_000], [500_000], [100_000],
    ]  # fmt: skip
    assert order_of(model, 600, 600, 10_000) == [1_000_000, 0, 0]


def test_volume_tiers_charge_each_share_at_the_rate_of_its_tier() -> None:
    model = VolumeTieredCommissionModel([(1000, "0.005"), (None, "0.001")])
    assert order_of(model, 900) == [4_500_000]
    assert order_of(model, 200) == [500_000 + 100_000]
    assert (order_of(model, 100), model.volume) == ([100_000], 1200)


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=6), st.integers(1, 10**9))
def test_an_order_in_parts_pays_what_it_pays_in_one(trades: list[int], price: int) -> None:
    for model in (
        PerShareCommissionModel("0.00333", "0.7", 9),
        PercentCommissionModel("0.000123", "0.01", 5),
        FixedCommissionModel(2),
    ):
        assert sum(order_of(model, *trades, price=price)) == order_of(model, sum(trades), price=price)[0]


@given(st.integers(1, 10**7), st.integers(1, 10**9))
def test_a_percentage_is_exact_and_rounded_up(shares: int, price: int) -> None:
    fee = PercentCommissionModel("0.000123").commission(shares, shares * price, 0, 0)
    assert 0 <= fee - Fraction("0.000123") * shares * price < 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: PerShareCommissionModel(-1),
        lambda: PerShareCommissionModel("0.01", 2, 1),
        lambda: PercentCommissionModel(2),
        lambda: FixedCommissionModel("much"),
        lambda: TieredCommissionModel([]),
        lambda: TieredCommissionModel([(100, 1)]),
        lambda: TieredCommissionModel([(None, 1), (None, 1)]),
        lambda: TieredCommissionModel([(100, 1), (100, 2), (None, 1)]),
    ],
)
def test_schedules_that_make_no_sense_are_refused(make) -> None:
    with pytest.raises(InputError):
        make()
