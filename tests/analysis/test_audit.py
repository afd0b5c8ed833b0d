"""Every order that was sent, and its part of the cost."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.analysis.analyzer import ExecutionAnalyzer
from simexec.sim.clock import SECOND
from simexec.trading.vocabulary import OrderSide

from .handmade import CLOSE, DECISION, OPEN, Sent, Trade, mid_quotes, worked

# Bid 39.99 and ask 40.01 until 10 s after the decision, then a cent a side around 40.04.
DAY = mid_quotes((OPEN, "40.00"), (DECISION + 10 * SECOND, "40.04"), (CLOSE, "40.20"))
SENT = [
    Sent(1, 300, "39.98", (Trade(5, 100, "39.98", fee="-0.2"),), end=20, ahead=600),
    Sent(30, 500, None, (Trade(31, 500, "40.05", maker=False, fee="1.5"),), venue="W"),
    Sent(40, 50, "40.00", refused=True),
]


def test_an_order_is_told_with_the_market_it_met_and_what_became_of_it():
    first, second, third = ExecutionAnalyzer.of(worked(DAY, SENT)).orders.rows()
    assert (first["bid_price_quanta"], first["ask_price_quanta"]) == (399_900, 400_100)
    assert (first["price_quanta"], first["distance_ticks"]) == (399_800, 1.0)
    assert (first["ahead_at_rest_quantity"], first["ahead_before_fill_quantity"]) == (600, 600)
    assert (first["resting_ns"], first["status"]) == (19 * SECOND - 1_000_000, "CANCELLED")
    assert (first["filled_quantity"], first["maker_quantity"], first["average_price"]) == (100, 100, 39.98)
    assert (first["fee_units"], second["fee_units"]) == (-200_000, 1_500_000)
    assert (second["venue"], second["price_quanta"], second["distance_ticks"]) == ("W", None, None)
    assert (second["bid_price_quanta"], second["ask_price_quanta"]) == (400_300, 400_500)
    assert (third["status"], third["acknowledged_ns"], third["resting_ns"]) == ("REJECTED", None, None)
    assert (third["average_price"], third["shortfall_half_quanta"]) == (None, 0)
    # 100 bought 2 ticks below the decision mid, 500 five above it: in half quanta, 200 of them to a tick.
    assert (first["shortfall_half_quanta"], second["shortfall_half_quanta"]) == (-100 * 400, 500 * 1000)
    assert first["shortfall_bps"] == pytest.approx(-100 * 0.02 / 40_000 * 10_000)


def test_a_limit_inside_the_spread_or_through_it_has_a_negative_distance():
    sent = [Sent(1, 10, "40.00", end=2), Sent(3, 10, "40.01", end=4)]
    buys = ExecutionAnalyzer.of(worked(DAY, sent)).orders["distance_ticks"].tolist()
    sells = ExecutionAnalyzer.of(worked(DAY, sent, side=OrderSide.SELL)).orders["distance_ticks"].tolist()
    assert (buys, sells) == ([-1.0, -2.0], [-1.0, 0.0])


def test_without_a_decision_mid_no_part_of_the_cost_is_known():
    (row,) = ExecutionAnalyzer.of(worked(mid_quotes((CLOSE, "40.00")), SENT[1:2])).orders.rows()
    assert (row["shortfall_half_quanta"], row["trading_half_quanta"], row["shortfall_bps"]) == (None, None, None)
    assert (row["bid_price_quanta"], row["fee_units"]) == (None, 1_500_000)


prices = st.integers(3990, 4010).map(lambda cents: f"{cents / 100:.2f}")
orders = st.lists(
    st.builds(
        lambda at, price, trades, venue: Sent(
            at, sum(quantity for quantity, _ in trades) + 7, price,
            tuple(Trade(at + i + 1, quantity, paid) for i, (quantity, paid) in enumerate(trades)), end=at + 50, venue=venue,
        ),
        at=st.integers(0, 500),
        price=prices,
        trades=st.lists(st.tuples(st.integers(1, 50), prices), max_size=3),
        venue=st.sampled_from("VW"),
    ),
    min_size=1,
    max_size=6,
)  # fmt: skip


@given(orders, st.sampled_from(OrderSide))
def test_the_parts_of_the_orders_sum_to_the_cost_of_the_whole_exactly(sent, side):
    analyzer = ExecutionAnalyzer.of(worked(DAY, sent, side=side))
    cost, table = analyzer.summary.shortfall, analyzer.orders
    half = Fraction(1, 20_000)  # half a quantum in USD
    assert int(table["delay_half_quanta"].sum()) * half == cost.delay
    assert int(table["trading_half_quanta"].sum()) * half == cost.trading
    assert int(table["shortfall_half_quanta"].sum()) * half == cost.delay + cost.trading
    assert Fraction(int(table["fee_units"].sum()), 1_000_000) == cost.fees


def test_the_parts_of_a_real_run_sum_to_its_cost(any_run):
    analyzer = ExecutionAnalyzer.of(any_run)
    cost, table = analyzer.summary.shortfall, analyzer.orders
    assert int(table["filled_quantity"].sum()) == any_run.parent.filled_quantity
    if cost.delay is not None:
        half = Fraction(any_run.instrument.quantum) / 2
        assert int(table["shortfall_half_quanta"].sum()) * half == cost.delay + cost.trading
    rested = table["acknowledged_ns"] < table["closed_ns"]
    if len(any_run.markets[0].queues):
        assert (table["ahead_at_rest_quantity"][rested] >= 0).all()
