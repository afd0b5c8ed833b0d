"""What it cost that passive orders were not filled."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.analysis.analyzer import ExecutionAnalyzer
from simexec.sim.clock import SECOND
from simexec.trading.vocabulary import OrderSide

from .handmade import DECISION, OPEN, Sent, Trade, mid_quotes, worked

DAY = mid_quotes((OPEN, "40.00"), (DECISION + 500 * SECOND, "40.10"))


def test_unfilled_shares_are_held_against_the_next_fills_and_the_rest_against_the_end():
    sent = [
        Sent(1, 300, "39.99", (Trade(5, 100, "39.99"),), end=20),
        Sent(30, 150, "40.02", (Trade(31, 100, "40.02"), Trade(32, 50, "40.04"))),
    ]
    missed = ExecutionAnalyzer.of(worked(DAY, sent)).missed
    (row,) = missed.orders.rows()
    # 200 unfilled at 39.99: 100 bought at 40.02, 50 at 40.04, 50 judged at 40.10: 3.00 + 2.50 + 5.50 USD.
    assert (row["order_id"], row["unfilled_quantity"], row["replaced_quantity"]) == ("ord_2", 200, 150)
    assert Fraction(row["cost_half_quanta"], 20_000) == 11
    assert missed.cost_bps == row["cost_bps"] == pytest.approx(11 / (200 * 39.99) * 10_000)
    assert missed.quantity == 200


def test_a_fill_is_cut_to_the_shares_that_were_unfilled():
    sent = [Sent(1, 40, "40.00", end=20), Sent(30, 150, "40.02", (Trade(31, 150, "40.02"),))]
    missed = ExecutionAnalyzer.of(worked(DAY, sent)).missed
    assert Fraction(int(missed.orders["cost_half_quanta"][0]), 20_000) == 40 * Fraction("0.02")


def test_what_became_cheaper_is_a_gain_and_a_sell_sees_it_the_other_way_round():
    sent = [Sent(1, 100, "40.00", end=20), Sent(30, 100, "39.98", (Trade(31, 100, "39.98"),))]
    buy, sell = (ExecutionAnalyzer.of(worked(DAY, sent, side=side)).missed.cost_bps for side in OrderSide)
    assert buy == -sell == pytest.approx(-5.0)


def test_orders_that_never_rested_or_were_filled_missed_nothing():
    sent = [
        Sent(1, 100, None, (Trade(2, 100, "40.01", maker=False),)),
        Sent(3, 100, "40.00", (Trade(4, 100, "40.00"),)),
        Sent(5, 100, "40.00", refused=True),
    ]
    missed = ExecutionAnalyzer.of(worked(DAY, sent)).missed
    assert (len(missed.orders), missed.quantity, missed.cost_bps) == (0, 0, None)


def test_without_an_end_mid_only_what_was_replaced_has_a_cost():
    sent = [Sent(1, 100, "40.00", end=20)]
    missed = ExecutionAnalyzer.of(worked(mid_quotes(), sent)).missed
    assert (len(missed.orders), missed.quantity, missed.cost_bps) == (1, 0, None)
    assert next(iter(missed.orders.rows()))["cost_half_quanta"] is None


prices = st.integers(3990, 4010).map(lambda cents: f"{cents / 100:.2f}")
orders = st.lists(
    st.tuples(st.integers(0, 300), st.integers(1, 40), st.integers(0, 40), prices, prices), min_size=1, max_size=6
)


@given(orders)
def test_costs_are_those_of_a_walk_share_by_share(rows):
    sent = [
        Sent(at, filled + left, limit, (Trade(at + 1, filled, paid),) if filled else (), end=at + 9)
        for at, left, filled, limit, paid in rows
    ]
    run = worked(DAY, sent)
    analyzer = ExecutionAnalyzer.of(run)
    shares = [
        (trade.time_ns, trade.last_price_quanta)
        for trade in sorted((trade for child in run.children for trade in child.trades), key=lambda one: one.time_ns)
        for _ in range(trade.last_quantity)
    ]
    end = 401_000
    expected = []
    for child in run.children:
        unfilled = child.quantity - child.filled_quantity
        later = [price for time_ns, price in shares if time_ns > child.closed_ns][:unfilled]
        later += [end] * (unfilled - len(later))
        expected.append(2 * sum(price - child.price_ticks * 100 for price in later))
    assert analyzer.missed.orders["cost_half_quanta"].tolist() == expected
