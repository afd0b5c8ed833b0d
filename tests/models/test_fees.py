"""Maker/taker fees are exact and rounded against the trader."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.errors import InputError
from simexec.models.fees import MakerTakerFees

rates = st.decimals("-0.01", "0.01", places=8)
bps = st.decimals(-50, 50, places=6)


def test_a_taker_pays_and_a_maker_is_paid_a_share():
    fees = MakerTakerFees(maker_per_share="-0.002", taker_per_share=Decimal("0.003"))
    assert fees.fee(100, 22_314_000_000, maker=False) == 300_000
    assert fees.fee(100, 22_314_000_000, maker=True) == -200_000


def test_basis_points_are_of_the_notional():
    fees = MakerTakerFees(maker_bps=-1, taker_bps="2.5")
    assert fees.fee(100, 10_000_000_000, maker=False) == 2_500_000
    assert fees.fee(100, 10_000_000_000, maker=True) == -1_000_000


def test_what_is_not_a_whole_unit_is_rounded_against_the_trader():
    fees = MakerTakerFees(maker_bps=-1, taker_bps=1)
    assert fees.fee(1, 10_001, maker=False) == 2
    assert fees.fee(1, 19_999, maker=True) == -1


def test_nothing_is_charged_unless_it_is_said():
    assert MakerTakerFees().fee(100, 10**9, maker=False) == 0


def test_the_unit_is_the_currencys():
    assert MakerTakerFees(taker_per_share="0.001", currency="BTC").fee(2, 0, maker=False) == 2 * 10**9


@given(rates, bps, st.booleans(), st.integers(1, 10**9), st.integers(0, 10**15))
def test_a_fee_is_the_exact_one_rounded_up(per_share, points, maker, quantity, notional):
    names = ("maker_per_share", "maker_bps") if maker else ("taker_per_share", "taker_bps")
    fee = MakerTakerFees(**dict(zip(names, (per_share, points), strict=True))).fee(quantity, notional, maker)
    exact = quantity * Fraction(per_share) * 10**6 + notional * Fraction(points) / 10_000
    assert type(fee) is int
    assert 0 <= fee - exact < 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("taker_bps", 10_001), ("maker_bps", "nan"), ("maker_per_share", "cheap"), ("taker_bps", None)],
)
def test_a_rate_that_makes_no_sense_is_refused(field, value):
    with pytest.raises(InputError):
        MakerTakerFees(**{field: value})
