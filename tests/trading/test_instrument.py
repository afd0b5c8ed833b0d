"""Prices are whole ticks or quanta, and values whole money units."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.errors import InputError, OrderError
from simexec.trading.instrument import LARGEST_COUNT, Instrument

from .oracle import exact_value

AMZN = Instrument("AMZN", Decimal("0.01"))
XBT = Instrument("XBT", Decimal("0.5"), currency="BTC", inverse=True)
ODD = Instrument("ODD", Decimal("0.000003"), multiplier=Decimal("0.7"))

instruments = st.builds(
    Instrument,
    st.just("X"),
    tick=st.integers(1, 5000).map(lambda n: Decimal(n).scaleb(-5)),
    currency=st.sampled_from(["USD", "BTC"]),
    multiplier=st.integers(1, 10**6).map(lambda n: Decimal(n).scaleb(-3)),
    inverse=st.booleans(),
    subticks=st.sampled_from([1, 2, 10, 100]),
)


@pytest.mark.parametrize(
    "price", [150, "150", Decimal("150.00"), 150.0, np.int64(150), np.float64(150.0), Decimal("1.5E+2")]
)
def test_a_price_means_the_same_however_it_is_written(price):
    assert AMZN.to_ticks(price) == 15_000


@given(st.integers(1, LARGEST_COUNT), instruments)
def test_ticks_survive_the_way_to_a_price_and_back(ticks, instrument):
    price = instrument.price_of_ticks(ticks)
    assert instrument.to_ticks(price) == ticks
    assert instrument.to_quanta(price) == ticks * instrument.subticks


@given(st.integers(1, 10_000_000))
def test_every_float_that_prints_as_a_whole_number_of_ticks_is_accepted(ticks):
    assert AMZN.to_ticks(ticks / 100) == ticks


@pytest.mark.parametrize(
    ("price", "message"),
    [
        ("10.005", r"price 10\.005 is not a multiple of AMZN's tick 0\.01; nearest: 10\.00 and 10\.01"),
        (0.001, r"price 0\.001 is not a multiple of AMZN's tick 0\.01; nearest: 0\.01"),
        (0.1 + 0.2, r"price 0\.30000000000000004 is not a multiple of AMZN's tick"),
        (float("nan"), "AMZN price nan is not a finite number"),
        ("inf", "AMZN price 'inf' is not a finite number"),
        (0, "AMZN price 0 is not positive"),
        (-1, "AMZN price -1 is not positive"),
        (True, "truth value"),
        ("a lot", "'a lot' is not a number"),
        (10**30, "beyond the largest possible"),
    ],
)
def test_a_price_that_cannot_be_is_refused_with_its_value(price, message):
    with pytest.raises(OrderError, match=message):
        AMZN.to_ticks(price)


def test_a_quantity_is_a_whole_number_of_lots():
    lots = Instrument("TOYOTA", Decimal(1), lot=100, currency="JPY")
    assert lots.check_quantity(300) == 300
    assert type(lots.check_quantity(np.int64(300))) is int
    with pytest.raises(OrderError, match="250 is not a multiple of TOYOTA's lot 100; the nearest below is 200"):
        lots.check_quantity(250)


@pytest.mark.parametrize("quantity", [0, -100, 1.0, float("nan"), True, "100", None, 2**60])
def test_a_quantity_that_cannot_be_is_refused(quantity):
    with pytest.raises(OrderError, match="AMZN quantity"):
        AMZN.check_quantity(quantity)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"symbol": ""}, "symbol '' is not a name"),
        ({"symbol": 7}, "symbol 7 is not a name"),
        ({"currency": " "}, "currency ' ' is not a name"),
        ({"tick": 0}, "AMZN's tick 0 is not positive"),
        ({"tick": "nan"}, "tick 'nan' is not a finite number"),
        ({"multiplier": -1}, "AMZN's multiplier -1 is not positive"),
        ({"lot": 0}, "AMZN's lot 0 is less than 1"),
        ({"lot": 1.5}, r"AMZN's lot 1\.5 is not an int"),
        ({"subticks": 3}, r"subticks 3 divide the tick 0\.01 into no finite decimal"),
    ],
)
def test_an_instrument_that_makes_no_sense_is_refused(fields, message):
    with pytest.raises(InputError, match=message):
        Instrument(**{"symbol": "AMZN", "tick": "0.01", **fields})


def test_a_share_is_worth_its_price_exactly():
    assert AMZN.notional(100, AMZN.to_quanta("223.14")) == 22_314_000_000
    assert AMZN.cash_flow(+1, 100, 2_231_400) == -22_314_000_000
    assert AMZN.cash_flow(-1, 100, 2_231_400) == +22_314_000_000


def test_an_inverse_contract_is_worth_its_face_over_the_price():
    long = XBT.cash_flow(+1, 10_000, XBT.to_quanta(50_000))
    assert long == 200_000_000_000  # 0.2 BTC
    close = XBT.cash_flow(-1, 10_000, XBT.to_quanta(40_000))
    # 10,000 (1/50,000 - 1/40,000) BTC: a long loses as the price falls.
    assert long + close == -50_000_000_000


@given(instruments, st.sampled_from([1, -1]), st.integers(1, 10**9), st.integers(1, 10**9))
def test_a_flow_is_the_exact_value_rounded_against_the_trader(instrument, sign, quantity, quanta):
    exact = -exact_value(instrument, sign * quantity, quanta)
    flow = instrument.cash_flow(sign, quantity, quanta)
    assert 0 <= exact - flow < 1
    assert instrument.notional(quantity, quanta, sign) == abs(flow)


@given(instruments, st.integers(1, 10**9), st.integers(1, 10**9))
def test_buying_and_selling_at_one_price_never_gains(instrument, quantity, quanta):
    there_and_back = instrument.cash_flow(1, quantity, quanta) + instrument.cash_flow(-1, quantity, quanta)
    assert there_and_back in (-1, 0)


@given(st.decimals("0.0001", 10_000, places=9))
def test_a_models_price_is_rounded_to_quanta_against_the_trader(price):
    bought, sold = AMZN.round_price(price, +1), AMZN.round_price(price, -1)
    assert AMZN.price_of_quanta(sold) <= price <= AMZN.price_of_quanta(bought)
    assert bought - sold <= 1


def test_a_fill_price_finer_than_the_quantum_is_not_rounded_silently():
    assert AMZN.to_quanta("10.0050") == 100_050
    with pytest.raises(OrderError, match=r"price 10\.00001 is finer than AMZN's price quantum 0\.0001"):
        AMZN.to_quanta("10.00001")
    with pytest.raises(OrderError, match="rounds to 0"):
        AMZN.round_price("0.00001", -1)


def test_the_average_of_nothing_is_none():
    assert AMZN.average_price(0, 0) is None
    assert AMZN.average_price(4, 4 * 100_000 + 1) == Decimal("10.000025")


def test_an_odd_instrument_rounds_what_cannot_be_exact():
    # 0.000003 / 100 * 0.7 USD is 0.021 units a share and quantum.
    assert ODD.notional(1, 1, +1) == 1
    assert ODD.notional(1, 1, -1) == 0
    assert ODD.notional(1000, 1, +1) == ODD.notional(1000, 1, -1) == 21
