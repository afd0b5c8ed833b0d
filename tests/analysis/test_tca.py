"""What an order cost, from the quotes, prints and fills of a run."""

import math
from decimal import Decimal
from fractions import Fraction

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.analysis.tca import analyse
from simexec.sim.clock import SECOND
from simexec.trading.instrument import Instrument
from simexec.trading.vocabulary import OrderSide

from .handmade import ARRIVAL, CLOSE, DECISION, END, OPEN, Trade, mid_quotes, result_of, scenario

DAY = mid_quotes((OPEN, "40.00"), (ARRIVAL - 1, "40.04"), (END, "40.08"), (CLOSE, "40.20"))


def test_perolds_split_of_a_cancelled_order_comes_out_of_a_run():
    run = result_of(DAY, [Trade(5, 500, "40.05", fee="12"), Trade(9, 200, "40.05", fee="5")])
    cost = analyse(run).shortfall
    assert cost.bps() == {"delay": 7.0, "trading": 1.75, "opportunity": 6.0, "fees": 4.25, "total": 19.0}
    assert (cost.delay, cost.trading, cost.opportunity, cost.fees, cost.total) == (28, 7, 24, 17, 76)


def test_perolds_split_of_a_large_order_comes_out_of_a_run():
    quotes = mid_quotes((OPEN, "42.00"), (ARRIVAL, "42.30"), (END - 1, "43.50"))
    run = result_of(quotes, [Trade(5, 35_000, "42.75", fee="1050")], quantity=50_000)
    bps = analyse(run).shortfall.bps()
    assert (bps["delay"], bps["trading"], bps["fees"]) == (50, 75, 5)
    assert bps["opportunity"] == pytest.approx(107.142857142857, abs=1e-9)
    assert bps["total"] == pytest.approx(237.142857142857, abs=1e-9)


def test_a_sell_in_a_rising_market_earns_what_the_buy_lost():
    trades = [Trade(5, 700, "40.05")]
    buy, sell = (analyse(result_of(DAY, trades, side=side)) for side in OrderSide)
    assert {name: -bps for name, bps in sell.shortfall.bps().items()} == pytest.approx(buy.shortfall.bps())
    assert sell.slippage_bps["arrival_mid"] == -buy.slippage_bps["arrival_mid"] < 0


def test_benchmarks_are_read_from_the_market_at_their_times():
    prints = [(DECISION - 1, "39.00", 50), (DECISION, "40.00", 100), (END, "41.00", 300), (END + 1, "50.00", 50)]
    marks = analyse(result_of(DAY, prints=prints)).benchmarks
    assert (marks.decision_mid, marks.end_mid, marks.close_mid) == (40, Fraction("40.08"), Fraction("40.20"))
    assert (marks.arrival_ns, marks.arrival_mid) == (ARRIVAL, Fraction("40.04"))
    assert (marks.vwap, marks.market_quantity) == (Fraction("40.75"), 400)
    # 40.00 for a second less a nanosecond, then 40.04 to the end.
    first, rest = ARRIVAL - 1 - DECISION, END - (ARRIVAL - 1)
    assert marks.twap == (40 * first + Fraction("40.04") * rest) / (first + rest)
    assert marks.stale == ()


def test_slippage_is_positive_when_a_buy_paid_more_than_the_benchmark():
    run = result_of(DAY, [Trade(5, 400, "40.04"), Trade(6, 400, "40.12")], prints=[(DECISION, "40.00", 2000)])
    tca = analyse(run)
    assert tca.average_price == Fraction("40.08")
    assert tca.slippage_bps["decision_mid"] == tca.slippage_bps["vwap"] == 20.0
    assert tca.slippage_bps["close_mid"] == float(Fraction("-0.12") * 10_000 / Fraction("40.20"))
    assert (tca.fill_rate, tca.participation) == (0.8, 0.4)


def test_shares_by_liquidity_are_weighted_by_quantity():
    tca = analyse(result_of(DAY, [Trade(5, 300, "40.00"), Trade(6, 100, "40.06", maker=False)]))
    assert (tca.passive_share, tca.aggressive_share) == (0.75, 0.25)
    assert tca.spreads["maker"].effective < 0 < tca.spreads["taker"].effective
    assert tca.spreads["all"].quantity == 400


def test_latency_is_split_and_late_cancels_are_counted():
    tca = analyse(result_of(DAY, [Trade(5, 300, "40.00")]))
    split = tca.latency
    # One order and two cancels; the order waited, the cancels did not.
    assert (split.link_out.count, split.link_out.median_ns, split.link_out.p99_ns) == (3, 77_990, 100_000)
    assert split.gateway_queue.mean_ns == pytest.approx(20_000 / 3)
    assert {split.link_back.median_ns, split.link_back.p99_ns} == {50_000}
    assert split.resting.count == 1
    assert (tca.cancels_too_late, tca.rejects_by_reason) == (1, {})
    assert tca.children_by_status == {"CANCELLED": 1}


def test_where_nothing_was_filled_only_the_opportunity_is_known():
    tca = analyse(result_of(DAY, prints=[(DECISION, "40.00", 10)]))
    assert tca.shortfall.bps() == {"delay": 0.0, "trading": 0.0, "opportunity": 20.0, "fees": 0.0, "total": 20.0}
    assert (tca.average_price, tca.passive_share, tca.aggressive_share) == (None, None, None)
    assert set(tca.slippage_bps.values()) == {None}
    assert set(tca.spreads.values()) == {None}
    assert {markout for groups in tca.markouts.values() for markout in groups.values()} == {None}
    assert (tca.fill_rate, tca.participation) == (0.0, 0.0)


def test_an_order_that_never_arrived_has_no_arrival():
    tca = analyse(result_of(DAY, arrival=None))
    assert (tca.benchmarks.arrival_ns, tca.benchmarks.arrival_mid) == (None, None)
    assert (tca.latency.link_out, tca.latency.resting, tca.cancels_too_late) == (None, None, None)
    assert tca.shortfall.opportunity == 80


def test_a_market_without_quotes_leaves_the_prices_open_but_not_the_fees():
    tca = analyse(result_of(np.empty((0, 5), np.int64), [Trade(5, 300, "40.00", fee="3")]))
    assert tca.shortfall.bps() == dict.fromkeys(("delay", "trading", "opportunity", "fees", "total"))
    assert (tca.shortfall.fees, tca.average_price) == (3, 40)
    assert (tca.benchmarks.twap, tca.benchmarks.vwap, tca.spreads["all"]) == (None, None, None)


def test_a_book_with_an_empty_side_has_no_mid_and_its_meaningless_price_is_not_used():
    one_sided = mid_quotes((OPEN, None), (END, None))
    tca = analyse(result_of(one_sided, [Trade(5, 300, "40.00")]))
    assert (tca.benchmarks.decision_mid, tca.benchmarks.twap, tca.benchmarks.close_mid) == (None, None, None)
    assert tca.shortfall.total is None


def test_a_side_that_is_empty_for_a_moment_leaves_the_last_mid_and_says_so():
    quotes = mid_quotes((OPEN, "40.00"), (ARRIVAL, "40.04"), (END - 5, "40.08"), (END - 1, None))
    marks = analyse(result_of(quotes, [Trade(5, 300, "40.05")])).benchmarks
    assert (marks.end_mid, marks.close_mid) == (Fraction("40.08"), Fraction("40.08"))
    assert marks.stale == ("end_mid", "close_mid")


def test_without_an_arrival_the_total_is_known_and_its_split_is_not():
    run = result_of(DAY, [Trade(5, 1000, "40.05")])
    run.children[0].acknowledged_ns = None
    cost = analyse(attrs.evolve(run, journal=type(run.journal)())).shortfall
    assert (cost.delay, cost.trading, cost.opportunity, cost.total) == (None, None, 0, 50)


def test_a_decision_before_the_first_quote_has_no_price_to_compare_with():
    run = result_of(mid_quotes((DECISION, "40.00"), (END, "40.08")), [Trade(5, 1000, "40.05")])
    assert analyse(run).shortfall.total == 50
    assert analyse(attrs.evolve(run, decision_ns=DECISION - 1)).shortfall.total is None


def test_time_without_two_sides_does_not_count_in_the_time_weighted_price():
    quotes = mid_quotes((OPEN, "40.00"), (DECISION + 100 * SECOND, None), (DECISION + 500 * SECOND, "40.50"))
    assert analyse(result_of(quotes)).benchmarks.twap == Fraction("40.25")


def test_with_history_off_the_market_volume_is_unknown_rather_than_zero():
    off = scenario(recording__history="off")
    tca = analyse(result_of(DAY, [Trade(5, 300, "40.00")], scene=off))
    assert (tca.benchmarks.market_quantity, tca.benchmarks.vwap, tca.participation) == (None, None, None)
    on = analyse(result_of(DAY, [Trade(5, 300, "40.00")]))
    assert (on.benchmarks.market_quantity, on.participation) == (0, None)


def test_without_a_journal_the_acknowledgement_stands_in_for_the_arrival():
    run = result_of(DAY, [Trade(5, 300, "40.00")])
    tca = analyse(attrs.evolve(run, journal=type(run.journal)()))
    assert tca.benchmarks.arrival_ns == ARRIVAL + 25_000
    assert (tca.latency.link_out, tca.latency.link_back, tca.cancels_too_late) == (None, None, None)
    assert tca.latency.resting.count == 1


def test_an_inverse_contract_has_no_linear_shortfall():
    perpetual = Instrument("PERP", Decimal("0.5"), currency="BTC", multiplier=Decimal(100), inverse=True)
    tca = analyse(result_of(DAY, instrument=perpetual))
    assert set(tca.shortfall.bps().values()) == {None}


def test_a_parent_without_children_is_judged_by_its_own_trades():
    run = result_of(DAY, [Trade(5, 300, "40.00")])
    alone = analyse(attrs.evolve(run, children=()))
    assert (alone.filled_quantity, alone.children_by_status) == (300, {})


prices = st.integers(3990, 4010).map(lambda ticks: str(Decimal(ticks) / 100))
trades = st.lists(
    st.builds(
        Trade,
        at=st.integers(0, 599),
        quantity=st.integers(1, 90),
        price=prices,
        maker=st.booleans(),
        fee=st.integers(-100, 100).map(lambda cents: str(Decimal(cents) / 100)),
    ),
    max_size=10,
).map(lambda found: sorted(found, key=lambda trade: trade.at))
mids = st.lists(st.tuples(st.integers(0, 3600), st.none() | prices), min_size=1, max_size=12).map(
    lambda found: [(OPEN + second * SECOND, mid) for second, mid in sorted(found, key=lambda pair: pair[0])]
)


@given(mids, trades, st.sampled_from(OrderSide))
def test_the_parts_sum_exactly_and_nothing_is_nan(mids, trades, side):
    run = result_of(mid_quotes(*mids), trades, side=side, prints=[(trade.time_ns, trade.price, 1) for trade in trades])
    tca = analyse(run)
    cost = tca.shortfall
    parts = (cost.delay, cost.trading, cost.opportunity, cost.fees)
    if None not in parts:
        assert sum(parts) == cost.total
    else:
        assert cost.bps()["total"] is None or cost.total is not None
    for spread in tca.spreads.values():
        assert spread is None or spread.effective == spread.realised + spread.impact
    figures = [*cost.bps().values(), *tca.slippage_bps.values()]
    assert all(figure is None or math.isfinite(figure) for figure in figures)
