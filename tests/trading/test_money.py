"""Money is whole units of a currency's quantum."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.errors import InputError
from simexec.trading.money import parse_count, parse_decimal, to_decimal, to_units, units_per


def test_a_dollar_has_a_million_units_and_a_bitcoin_a_million_million():
    assert units_per("USD") == 10**6
    assert units_per("BTC") == 10**12
    assert units_per("XYZ") == 10**6


@pytest.mark.parametrize("amount", [100000, "100000", Decimal("100000.00"), 100000.0, np.int64(100000)])
def test_an_amount_means_the_same_however_it_is_written(amount):
    assert to_units(amount) == 100_000_000_000


def test_a_float_stands_for_the_decimal_that_it_prints_as():
    assert to_units(0.005) == 5_000
    assert to_units(np.float64(0.1)) == 100_000


@given(st.integers(-(10**40), 10**40), st.sampled_from(["USD", "BTC"]))
def test_units_survive_the_way_to_decimals_and_back(units, currency):
    if abs(to_decimal(units, currency)) < 10**28:
        assert to_units(to_decimal(units, currency), currency) == units
    assert to_decimal(units, currency) * units_per(currency) == pytest.approx(units)


def test_an_amount_finer_than_the_unit_is_refused_with_its_value():
    with pytest.raises(InputError, match=r"USD amount 0\.0000001 is finer than the unit 0\.000001"):
        to_units("0.0000001")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "not a finite number"),
        ("inf", "not a finite number"),
        (Decimal("sNaN"), "not a finite number"),
        ("ten", "'ten' is not a number"),
        (None, "None is not a number"),
        (True, "truth value"),
        ("1e999999", "check its scale"),
        ("1e-999999", "check its scale"),
    ],
)
def test_what_is_no_number_is_refused_with_its_value(value, words):
    with pytest.raises(InputError, match=words):
        parse_decimal(value, "price")


@pytest.mark.parametrize("value", [0, -1, 1.0, "1", True, None, float("nan")])
def test_a_count_is_a_positive_int(value):
    with pytest.raises(InputError, match="lot"):
        parse_count(value, "lot")
