"""A position's cost basis and realised profit lose nothing to rounding."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.errors import InvariantError
from simexec.trading.instrument import Instrument
from simexec.trading.position import Position, trade
from simexec.trading.report import Fill
from simexec.trading.vocabulary import OrderSide

AMZN = Instrument("AMZN", "0.01")
XBT = Instrument("XBT", "0.5", currency="BTC", inverse=True)
BUY, SELL = OrderSide.BUY, OrderSide.SELL


def fill(number, side, quantity, price, instrument=AMZN):
    return Fill(f"x{number}", "o1", instrument, side, quantity, instrument.to_quanta(price), number)


def position_of(*trades, instrument=AMZN, bust_window=100):
    position = Position(instrument, bust_window)
    for number, (side, quantity, price) in enumerate(trades):
        position.add(fill(number, side, quantity, price, instrument))
    return position


def test_a_partial_close_realises_its_share_of_the_cost():
    position = position_of((BUY, 100, 10), (BUY, 100, 11), (SELL, 50, 12))
    assert position.quantity == 150
    assert position.realised == 75_000_000  # 50 * (12 - 10.50)
    assert position.cost_basis == 1_575_000_000
    assert position.average_price == Decimal("10.5")


def test_a_trade_through_zero_closes_and_opens():
    position = position_of((BUY, 100, 10), (SELL, 150, 12))
    assert (position.quantity, position.realised) == (-50, 200_000_000)
    assert (position.cost_basis, position.average_price) == (-600_000_000, Decimal(12))


def test_a_short_gains_when_it_is_bought_back_lower():
    position = position_of((SELL, 100, 12), (BUY, 40, 10))
    assert (position.quantity, position.realised) == (-60, 80_000_000)
    assert position.average_price == Decimal(12)


def test_a_flat_position_has_neither_cost_nor_average():
    position = position_of((BUY, 3, 10), (BUY, 4, "10.01"), (SELL, 7, "10.02"))
    assert (position.quantity, position.cost_basis, position.average_price) == (0, 0, None)
    assert (position.unrealised, position.market_value) == (0, 0)


def test_a_position_that_was_never_marked_is_worth_its_cost():
    position = position_of((BUY, 100, 10))
    assert (position.unrealised, position.market_value) == (0, 1_000_000_000)
    position.mark_quanta = AMZN.to_quanta("9.50")
    assert (position.unrealised, position.market_value) == (-50_000_000, 950_000_000)


def test_an_inverse_position_is_margined_and_gains_the_difference_of_reciprocals():
    position = Position(XBT, 100)
    assert position.add(fill(0, BUY, 10_000, 40_000, XBT)) == 0
    assert (position.average_price, position.market_value) == (Decimal(40_000), 0)
    position.mark_quanta = XBT.to_quanta(50_000)
    assert position.market_value == 50_000_000_000  # 10,000 (1/40,000 - 1/50,000) = 0.05 BTC
    assert position.add(fill(1, SELL, 10_000, 50_000, XBT)) == 50_000_000_000
    assert (position.quantity, position.realised) == (0, 50_000_000_000)


@given(st.lists(st.tuples(st.integers(-50, 50).filter(bool), st.integers(-(10**6), 10**6)), max_size=30))
def test_realised_minus_cost_basis_is_what_was_received(trades):
    quantity = cost_basis = realised = 0
    for signed_quantity, value in trades:
        quantity, cost_basis, gain = trade(quantity, cost_basis, signed_quantity, value)
        realised += gain
        if quantity == 0:
            assert cost_basis == 0
    assert quantity == sum(signed for signed, _ in trades)
    assert realised - cost_basis == -sum(value for _, value in trades)


def test_a_close_rounds_its_share_of_the_cost_against_the_realised_profit_and_leaves_it_in_the_basis():
    assert trade(3, 10, -1, -4) == (2, 6, 0)  # a third of 10 goes out as 4
    assert trade(2, 6, -2, -8) == (0, 0, 2)  # and the last close finds the rest
    assert trade(-3, -10, 1, 4) == (-2, -7, -1)  # of a short: -10/3 goes out as -3


def test_a_bust_leaves_no_trace_however_much_came_after_it():
    trades = [(BUY, 100, 10), (SELL, 150, 12), (BUY, 90, 11), (SELL, 10, 13)]
    position = position_of(*trades)
    position.remove(fill(1, *trades[1]))
    without = position_of(trades[0], trades[2], trades[3])
    assert (position.quantity, position.cost_basis, position.realised) == (
        without.quantity,
        without.cost_basis,
        without.realised,
    )


def test_a_fill_is_booked_once_and_taken_back_once():
    position = position_of((BUY, 100, 10))
    with pytest.raises(InvariantError, match="fill x0 of order o1 is booked already"):
        position.add(fill(0, BUY, 100, 10))
    with pytest.raises(InvariantError, match="booked as 100 at 100000 with fee 0, not 99 at 100000"):
        position.remove(fill(0, BUY, 99, 10))
    position.remove(fill(0, BUY, 100, 10))
    with pytest.raises(InvariantError, match="was busted before"):
        position.remove(fill(0, BUY, 100, 10))


def test_only_twice_the_bust_window_is_kept_and_older_fills_stand_for_good():
    position = Position(AMZN, 10)
    kept = 0
    for number in range(1000):
        position.add(fill(number, BUY if number % 3 else SELL, 1 + number % 7, 10 + number % 5))
        kept = max(kept, len(position._fills))
    assert kept < 20
    with pytest.raises(InvariantError, match="older than the last 10"):
        position.remove(fill(5, SELL if 5 % 3 == 0 else BUY, 1 + 5 % 7, 10))
    position.remove(fill(990, SELL, 1 + 990 % 7, 10 + 990 % 5))
    trades = [(BUY if number % 3 else SELL, 1 + number % 7, 10 + number % 5) for number in range(1000) if number != 990]
    without = position_of(*trades, bust_window=10_000)
    assert (position.quantity, position.cost_basis, position.realised) == (
        without.quantity,
        without.cost_basis,
        without.realised,
    )


@pytest.mark.parametrize("booked", range(4, 30))
def test_each_of_the_latest_fills_can_be_busted_whenever_it_is_asked(booked):
    for back in range(1, 5):
        position = position_of(*[(BUY, 1, 10)] * booked, bust_window=4)
        position.remove(fill(booked - back, BUY, 1, 10))
        assert position.quantity == booked - 1
