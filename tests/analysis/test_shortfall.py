"""Implementation shortfall splits a cost without a remainder."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.analysis.shortfall import (
    effective_spread,
    implementation_shortfall,
    markout,
    price_impact,
    realised_spread,
)
from simexec.errors import InputError
from simexec.trading.vocabulary import OrderSide

BUY, SELL = OrderSide.BUY, OrderSide.SELL

prices = st.decimals("0.0001", 100_000, places=4)
sides = st.sampled_from(OrderSide)


@st.composite
def orders(draw):
    fills = draw(st.lists(st.tuples(st.integers(1, 1000), prices), max_size=8))
    return {
        "side": draw(sides),
        "quantity": sum(quantity for quantity, _ in fills) + draw(st.integers(0 if fills else 1, 1000)),
        "decision": draw(prices),
        "arrival": draw(prices),
        "fills": fills,
        "close": draw(prices),
        "fees": draw(st.decimals(-1000, 1000, places=4)),
        "multiplier": draw(st.sampled_from([1, 100, Decimal("0.7")])),
    }


def test_perolds_split_of_a_cancelled_order():
    cost = implementation_shortfall(BUY, 1000, "40.00", "40.04", [(700, "40.05")], "40.08", 17)
    assert cost.bps() == {"delay": 7.0, "trading": 1.75, "opportunity": 6.0, "fees": 4.25, "total": 19.0}
    assert (cost.delay, cost.trading, cost.opportunity, cost.fees, cost.total) == (28, 7, 24, 17, 76)
    assert (cost.quantity, cost.filled_quantity, cost.decision_value) == (1000, 700, 40_000)


def test_perolds_split_of_a_large_order():
    fees = Decimal("0.03") * 35_000
    cost = implementation_shortfall(BUY, 50_000, 42.00, 42.30, [(35_000, 42.75)], 43.50, fees)
    assert (cost.delay_bps, cost.trading_bps, cost.fees_bps) == (50, 75, 5)
    assert cost.opportunity_bps == pytest.approx(107.142857142857, abs=1e-9)
    assert cost.total_bps == pytest.approx(237.142857142857, abs=1e-9)


@given(orders())
def test_the_parts_sum_to_paper_minus_real_portfolio_exactly(order):
    cost = implementation_shortfall(**order)
    sign, size = order["side"].sign, Fraction(order["multiplier"])
    filled = sum(quantity for quantity, _ in order["fills"])
    decision, close = Fraction(order["decision"]), Fraction(order["close"])
    paper = sign * size * order["quantity"] * (close - decision)
    paid = sum(quantity * Fraction(price) for quantity, price in order["fills"])
    real = sign * size * (filled * close - paid) - Fraction(order["fees"])
    assert cost.delay + cost.trading + cost.opportunity + cost.fees == cost.total == paper - real


@given(orders())
def test_a_sell_in_a_mirrored_market_costs_what_the_buy_did(order):
    middle = 200_000

    def mirrored(price):
        return middle - Fraction(price)

    cost = implementation_shortfall(**order)
    mirror = implementation_shortfall(
        order["side"].opposite,
        order["quantity"],
        mirrored(order["decision"]),
        mirrored(order["arrival"]),
        [(quantity, mirrored(price)) for quantity, price in order["fills"]],
        mirrored(order["close"]),
        order["fees"],
        multiplier=order["multiplier"],
    )
    parts = ("delay", "trading", "opportunity", "fees", "total")
    assert [getattr(cost, part) for part in parts] == [getattr(mirror, part) for part in parts]


def test_a_sell_below_its_decision_price_is_a_cost():
    cost = implementation_shortfall(SELL, 100, 10, "9.99", [(50, "9.98")], "9.90")
    assert (cost.delay, cost.trading, cost.opportunity) == (Fraction(1, 2), Fraction(1, 2), 5)


def test_a_filled_order_needs_no_close():
    cost = implementation_shortfall(BUY, 100, 10, 10, [(100, 10)])
    assert cost.total == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quantity": 0}, "order quantity 0 is less than 1"),
        ({"quantity": -5}, "order quantity -5"),
        ({"quantity": 50}, "fills of 60 exceed the order quantity 50"),
        ({"decision": float("nan")}, "decision price nan is not a finite number"),
        ({"arrival": 0}, "arrival price 0 is not positive"),
        ({"close": "-1"}, "close price -1 is not positive"),
        ({"close": None}, "40 of 100 are unfilled and no close was given"),
        ({"fees": "inf"}, "fees 'inf' is not a finite number"),
        ({"fills": [(0, 10)]}, "fill quantity 0"),
        ({"fills": [(-1, 10)]}, "fill quantity -1"),
        ({"fills": [(1, float("nan"))]}, "fill price nan"),
        ({"multiplier": 0}, "multiplier 0 is not positive"),
    ],
)
def test_nonsense_is_refused_with_its_value(change, message):
    order = {
        "side": BUY,
        "quantity": 100,
        "decision": 10,
        "arrival": 10,
        "fills": [(60, 10)],
        "close": 11,
        **change,
    }
    with pytest.raises(InputError, match=message):
        implementation_shortfall(**order)


@given(sides, prices, prices, prices)
def test_effective_spread_is_realised_spread_plus_impact_to_the_last_digit(side, price, mid, later):
    effective = effective_spread(side, price, mid)
    assert effective == realised_spread(side, price, later) + price_impact(side, mid, later)


@given(sides, prices, prices)
def test_the_passive_side_of_a_trade_has_the_opposite_markout(side, price, later):
    assert markout(side.opposite, price, later) == -markout(side, price, later)
    assert 2 * markout(side, price, later) == realised_spread(side, price, later)


def test_a_markout_is_a_cost_when_the_market_turns_against_the_fill():
    # Lifted the offer at 10.01, mid-point later 9.99.
    assert markout(BUY, "10.01", "9.99") == Fraction("0.02")
    assert effective_spread(BUY, "10.01", "10.00") == Fraction("0.02")
    assert price_impact(BUY, "10.00", "9.99") == Fraction("-0.02")
    assert realised_spread(BUY, "10.01", "9.99") == Fraction("0.04")
