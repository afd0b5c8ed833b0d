"""Execution analysis of fills alone, and of a finished run."""

import time
from decimal import Decimal

import numpy as np
import pytest

from simexec.analysis.analyzer import ExecutionAnalyzer
from simexec.errors import InputError
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.report import Fill
from simexec.trading.vocabulary import OrderSide

from .handmade import OPEN, STOCK, Sent, Trade, mid_quotes, worked

BUY = OrderSide.BUY


def fill(quantity, price, *, fee=0, slippage=0, side=BUY, instrument=STOCK):
    return Fill("x", "a", instrument, side, quantity, instrument.to_quanta(price), 0, fee, slippage_quanta=slippage)


def test_fills_alone_have_the_four_figures():
    analyzer = ExecutionAnalyzer(
        [Order("a", STOCK, BUY, 1000)], decision_price=40, arrival_price="40.04", close_price="40.08"
    )
    fills = [fill(500, "40.05", fee=12_000_000, slippage=25), fill(200, "40.05", fee=5_000_000)]
    assert analyzer.analyze_fills(fills) == {
        "vwap": 40.05,
        "total_slippage": 1.25,  # 500 shares at 25 quanta of 0.0001 USD
        "implementation_shortfall": 76.0,  # Perold's 19 bp of 40,000 USD
        "fill_rate": 0.7,
    }
    assert analyzer.calculate_vwap(fills) == 40.05
    assert analyzer.calculate_shortfall(fills) == 76.0


def test_several_fills_of_one_order_do_not_fill_it_more_than_once():
    analyzer = ExecutionAnalyzer()
    analyzer.submitted_orders.append(Order("a", STOCK, BUY, 10))
    analyzer.submitted_orders.append(Order("b", STOCK, BUY, 10, parent_id="a"))
    assert analyzer.analyze_fills([fill(5, "40"), fill(5, "41")])["fill_rate"] == 1.0


def test_what_is_not_known_is_none():
    unknown = dict.fromkeys(("vwap", "implementation_shortfall", "fill_rate")) | {"total_slippage": 0.0}
    assert ExecutionAnalyzer().analyze_fills([]) == unknown
    undecided = ExecutionAnalyzer([Order("a", STOCK, BUY, 10)])
    assert undecided.calculate_shortfall([fill(10, "40")]) is None
    unclosed = ExecutionAnalyzer([Order("a", STOCK, BUY, 10)], decision_price=40)
    assert unclosed.calculate_shortfall([fill(9, "40")]) is None
    assert unclosed.calculate_shortfall([fill(10, "41")]) == 10.0
    coin = Instrument("PERP", Decimal("0.5"), currency="BTC", multiplier=Decimal(100), inverse=True)
    inverse = ExecutionAnalyzer([Order("a", coin, BUY, 10)], decision_price=40)
    found = inverse.analyze_fills([fill(10, "41", instrument=coin)])
    assert (found["implementation_shortfall"], found["total_slippage"], found["vwap"]) == (None, None, 41.0)


def test_fills_that_have_no_common_price_are_refused():
    with pytest.raises(InputError, match="BUY TEST, SELL TEST have no common price"):
        ExecutionAnalyzer([Order("a", STOCK, BUY, 10)]).analyze_fills([fill(5, "40", side=OrderSide.SELL)])


def test_fills_alone_have_no_tables():
    with pytest.raises(InputError, match=r"make the analyzer from a run: ExecutionAnalyzer.of\(result\)"):
        _ = ExecutionAnalyzer().venues


def test_of_a_run_the_figures_of_its_fills_are_those_of_its_summary(any_run):
    analyzer = ExecutionAnalyzer.of(any_run)
    fills = [child.fill_of(trade) for child in any_run.children for trade in child.trades]
    found, summary = analyzer.analyze_fills(fills), analyzer.summary
    assert found["fill_rate"] == summary.fill_rate
    assert found["vwap"] == (None if summary.average_price is None else float(summary.average_price))
    total = summary.shortfall.total
    assert found["implementation_shortfall"] == (None if total is None else float(total))


def test_every_table_of_any_run_becomes_arrow(any_run):
    tables = ExecutionAnalyzer.of(any_run).tables()
    for table in tables.values():
        assert table.to_arrow().num_rows == len(table)
        assert list(table.rows()) is not None
    assert len(tables["orders"]) == max(1, len(any_run.children))
    assert len(tables["fills"]) == sum(len(child.trades) for child in any_run.children)


def test_no_table_has_a_nan_or_an_infinity_where_rows_are_read(any_run):
    for table in ExecutionAnalyzer.of(any_run).tables().values():
        values = [value for row in table.rows() for value in row.values() if isinstance(value, float)]
        assert all(abs(value) < float("inf") for value in values)


def test_a_day_with_hundreds_of_fills_takes_a_fraction_of_a_second():
    quotes = mid_quotes(*((OPEN + i * 23_000_000, "40.00" if i % 2 else "40.02") for i in range(1000)))
    day = np.concatenate([quotes + np.array([i * 23 * 10**9, 0, 0, 0, 0]) for i in range(150)])
    sent = [
        Sent(i, 20, "40.00", (Trade(i + 0.1, 10, "40.00"), Trade(i + 0.2, 10, "40.01", maker=False)), ahead=100)
        for i in range(500)
    ]
    run = worked(day, sent, quantity=10_000)
    began = time.process_time()
    analyzer = ExecutionAnalyzer.of(run)
    assert analyzer.summary.filled_quantity == 10_000
    analyzer.tables()
    assert time.process_time() - began < 0.3
