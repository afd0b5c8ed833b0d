"""Tables made from the fills: impact, capture, scorecard, queue, outliers."""

from fractions import Fraction

import numpy as np
import pytest

from simexec.analysis.analyzer import ExecutionAnalyzer
from simexec.analysis.outliers import LEAST, THRESHOLD, modified_z
from simexec.sim.clock import MINUTE, SECOND
from simexec.trading.vocabulary import OrderSide

from .handmade import CLOSE, DECISION, END, OPEN, Sent, Trade, mid_quotes, worked

DAY = mid_quotes(
    (OPEN, "40.00"), (DECISION + 10 * SECOND, "40.04"), (END, "40.10"), (END + 5 * MINUTE, "40.06"), (CLOSE, "40.02")
)
SENT = [
    Sent(1, 300, "39.99", (Trade(5, 100, "39.99", fee="-0.2"),), end=20, ahead=100, wait=0.004),
    Sent(30, 500, None, (Trade(31, 300, "40.05", maker=False, fee="1.5"),), end=40, venue="W"),
    Sent(40, 50, "40.00", refused=True),
]


@pytest.fixture
def analyzer():
    return ExecutionAnalyzer.of(worked(DAY, SENT))


def test_every_fill_has_its_cost_and_what_was_ahead_of_it(analyzer):
    passive, aggressive = analyzer.fill_costs.table().rows()
    assert (passive["order_id"], passive["venue"], passive["maker"]) == ("ord_2", "V", True)
    assert (passive["mid_half_quanta"], passive["spread_quanta"], passive["cost_half_quanta"]) == (800_000, 200, -200)
    assert passive["cost_bps"] == -2.5
    assert (passive["ahead_at_rest_quantity"], passive["ahead_at_rest_fraction"]) == (100, 0.25)
    # At 15 s the mid is 40.04: bought at 39.99, 5 cents gained.
    assert passive["markout_10s_bps"] == pytest.approx(-0.05 / 39.99 * 10_000)
    assert (aggressive["cost_half_quanta"], aggressive["ahead_at_rest_quantity"]) == (200, None)


def test_the_path_of_the_mid_is_signed_and_weighted_by_shares(analyzer):
    rows = {(row["liquidity"], row["offset_ns"]): row for row in analyzer.tables()["impact"].rows()}
    assert rows["maker", 10 * SECOND]["move"] == 0.04
    assert rows["taker", -MINUTE]["move"] == pytest.approx(-0.04)
    assert rows["all", 10 * SECOND]["move"] == pytest.approx((100 * 0.04 + 300 * 0) / 400)
    assert rows["all", 10 * SECOND]["quantity"] == 400
    sold = ExecutionAnalyzer.of(worked(DAY, SENT, side=OrderSide.SELL)).tables()["impact"]
    assert np.array_equal(sold["move"], -analyzer.tables()["impact"]["move"], equal_nan=True)


def test_impact_is_the_way_from_arrival_to_the_end_and_reversion_the_way_back(analyzer):
    impact = analyzer.impact
    assert (impact.arrival_mid, impact.impact) == (40, Fraction("0.1"))
    assert impact.reversion == {"5m": Fraction("0.04"), "30m": Fraction("0.04"), "close": Fraction("0.08")}
    assert impact.bps(impact.impact) == 25.0


def test_after_the_close_nothing_has_come_back():
    impact = ExecutionAnalyzer.of(worked(DAY, SENT, end=(CLOSE - DECISION) // SECOND)).impact
    assert impact.reversion == {"5m": None, "30m": None, "close": None}
    assert ExecutionAnalyzer.of(worked(mid_quotes(), SENT)).impact.impact is None


def test_a_passive_fill_at_the_touch_earns_the_half_spread_and_an_aggressive_one_pays_it(analyzer):
    found = analyzer.spread_capture
    assert (found["maker"].captured, found["taker"].captured, found["all"].captured) == (1.0, -1.0, -0.5)
    assert (found["all"].quantity, found["maker"].cost_bps, found["maker"].half_spread_bps) == (400, -2.5, 2.5)


def test_fills_in_a_locked_or_empty_market_capture_nothing_that_could_be_measured():
    locked = mid_quotes((OPEN, "40.00"), half_spread="0")
    assert set(ExecutionAnalyzer.of(worked(locked, SENT)).spread_capture.values()) == {None}
    assert set(ExecutionAnalyzer.of(worked(mid_quotes(), SENT)).spread_capture.values()) == {None}


def test_the_scorecard_has_a_row_a_venue(analyzer):
    alone, other = analyzer.venues.rows()
    assert (alone["venue"], alone["orders"], alone["quantity"], alone["filled_quantity"]) == ("V", 2, 350, 100)
    assert (alone["fill_share"], alone["fill_rate"], alone["rejected"], alone["reject_rate"]) == (
        0.25,
        100 / 350,
        1,
        0.5,
    )
    assert (alone["ack_median_ns"], alone["ack_p90_ns"], alone["ack_p99_ns"]) == (3_000_000, 4_000_000, 4_000_000)
    assert (alone["maker_share"], other["maker_share"], alone["fee_units"]) == (1.0, 0.0, -200_000)
    assert (alone["effective_bps"], other["venue"], other["fill_rate"]) == (-5.0, "W", 0.6)


def test_an_order_that_was_never_sent_has_an_empty_scorecard():
    table = ExecutionAnalyzer.of(worked(DAY, [])).venues
    assert (len(table), "markout_10s_bps" in table.names) == (0, True)


def test_markouts_are_grouped_by_what_was_ahead():
    sent = [
        Sent(1, 100, "39.99", (Trade(5, 100, "39.99"),), ahead=0),
        Sent(1, 100, "39.99", (Trade(6, 100, "39.99"),), ahead=50),
        Sent(1, 100, "39.99", (Trade(12, 100, "40.03"),), ahead=5000),
        Sent(1, 100, "40.01", (Trade(7, 100, "40.01", maker=False),)),
    ]
    table = ExecutionAnalyzer.of(worked(DAY, sent)).queue
    rows = {(row["by"], row["above"], row["up_to"]): row for row in table.rows()}
    assert rows["fraction_ahead", None, 0.0]["quantity"] == 100
    assert rows["fraction_ahead", 0.25, 0.5]["fills"] == 1
    assert rows["fraction_ahead", 0.75, 1.0]["markout_1s_bps"] == pytest.approx(-0.01 / 40.03 * 10_000)
    assert (rows["quantity_ahead", None, 0.0]["fills"], rows["quantity_ahead", 0.0, 100.0]["fills"]) == (1, 1)
    assert (rows["quantity_ahead", 1_000.0, 10_000.0]["fills"], rows["quantity_ahead", 10_000.0, None]["fills"]) == (
        1,
        0,
    )
    assert rows["quantity_ahead", 10_000.0, None]["markout_1s_bps"] is None


def test_modified_scores_are_those_of_the_definition():
    values = np.array([1.0, 2, 3, 4, 5, 6, 7, 100, np.nan])
    # Median 4.5; deviations .5 .5 1.5 1.5 2.5 2.5 3.5 95.5, their median 2.
    found = modified_z(values)
    assert found[7] == pytest.approx(95.5 / (1.4826 * 2))
    assert found[7] > THRESHOLD > np.abs(found[:7]).max()
    assert np.isnan(found[8])


def test_where_most_are_alike_the_mean_deviation_stands_in_and_few_say_nothing():
    assert modified_z(np.array([1.0] * 9 + [2.0]))[9] == pytest.approx(1 / (1.2533 * 0.1))
    assert modified_z(np.array([1.0] * 10)) is None
    assert modified_z(np.arange(LEAST - 1.0)) is None


def test_a_fill_far_beyond_the_touch_is_named_with_its_reason():
    usual = [Sent(i, 10, None, (Trade(i + 0.5, 10, f"40.0{1 + i % 3}", maker=False),)) for i in range(9)]
    sent = [*usual, Sent(9, 10, None, (Trade(9.5, 10, "40.50", maker=False),))]
    analyzer = ExecutionAnalyzer.of(worked(mid_quotes((OPEN, "40.00")), sent))
    (fill,) = analyzer.outlying_fills.rows()
    assert (fill["order_id"], fill["reason"]) == ("ord_11", "beyond the touch")
    assert fill["cost_bps"] == 125.0
    assert fill["z_score"] > THRESHOLD
    (order,) = analyzer.outlying_orders.rows()
    assert (order["order_id"], order["filled_quantity"]) == ("ord_11", 10)
    assert order["reason"] == "100 % paid at the fills, 0 % the market's move from sending to filling"


def test_an_order_from_which_the_market_ran_away_is_named_with_that():
    quotes = mid_quotes((OPEN, "40.00"), (DECISION + 100 * SECOND, "41.00"))
    usual = [Sent(i, 10, None, (Trade(i + 0.5, 10, f"40.0{1 + i % 3}", maker=False),)) for i in range(9)]
    sent = [*usual, Sent(90, 10, "40.99", (Trade(101, 10, "40.99"),))]
    (order,) = ExecutionAnalyzer.of(worked(quotes, sent)).outlying_orders.rows()
    assert order["reason"] == "-1 % paid at the fills, 101 % the market's move from sending to filling"
    assert len(ExecutionAnalyzer.of(worked(quotes, sent)).outlying_fills) == 0


def naive_last(quotes, time_ns, inclusive):
    rows = [row for row in quotes.tolist() if row[0] < time_ns or (inclusive and row[0] == time_ns)]
    if not rows or not rows[-1][2] or not rows[-1][4]:
        return None
    return rows[-1]


def test_tables_of_a_real_run_are_those_of_a_walk_fill_by_fill(twap_run):
    analyzer = ExecutionAnalyzer.of(twap_run)
    sign, half = twap_run.parent.side.sign, 0
    fills = sorted((trade for child in twap_run.children for trade in child.trades), key=lambda one: one.time_ns)
    rows = list(analyzer.fill_costs.table().rows())
    earned = spread = 0
    for trade, row in zip(fills, rows, strict=True):
        before = naive_last(twap_run.quotes, trade.time_ns, False)
        half = 2 * trade.last_price_quanta - before[1] - before[3]
        assert (row["mid_half_quanta"], row["cost_half_quanta"]) == (before[1] + before[3], sign * half)
        if trade.time_ns + 10 * SECOND <= twap_run.close_ns:
            later = naive_last(twap_run.quotes, trade.time_ns + 10 * SECOND, True)
            lost = None if later is None else sign * (2 * trade.last_price_quanta - later[1] - later[3])
            expected = None if lost is None else pytest.approx(lost / (2 * trade.last_price_quanta) * 10_000)
            assert row["markout_10s_bps"] == expected
        earned -= sign * half * trade.last_quantity
        spread += (before[3] - before[1]) * trade.last_quantity
    assert analyzer.spread_capture["all"].captured == pytest.approx(earned / spread)
    (venue,) = analyzer.venues.rows()
    assert (venue["fill_share"], venue["fee_units"]) == (1.0, twap_run.parent.fees)
    assert venue["orders"] == len(twap_run.children)
    queue = analyzer.queue
    by_fraction = queue["by"] == "fraction_ahead"
    passive = sum(trade.last_quantity for trade in fills if trade.maker)
    assert int(queue["quantity"][by_fraction].sum()) == int(queue["quantity"][~by_fraction].sum()) == passive


def test_of_one_market_the_quotes_and_prints_are_its_own_tables(twap_run):
    assert twap_run.quotes is twap_run.markets[0].quotes
    assert twap_run.prints is twap_run.markets[0].prints
