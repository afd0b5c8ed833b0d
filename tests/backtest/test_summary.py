from __future__ import annotations

import asyncio
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from simexec import (
    BacktestConfig,
    BacktestResults,
    FixedSlippageModel,
    PercentCommissionModel,
    PerShareCommissionModel,
    RiskLimits,
    UnifiedBacktestEngine,
)
from simexec.backtest.describe import describe_model
from simexec.backtest.summary import format_backtest
from simexec.execution.sizing import FixedQuantity
from simexec.trading.events import Signal
from simexec.trading.vocabulary import OrderSide
from tests.backtest.bars import Momentum, made_bars

CONFIG = BacktestConfig(start_date="2024-01-02", end_date="2024-01-02", symbols=["AAA"], commission="0.0001")


def test_the_summary_has_every_figure_and_what_was_assumed() -> None:
    results = asyncio.run(UnifiedBacktestEngine(CONFIG).run(Momentum(), made_bars("AAA")))
    text = format_backtest(results)

    assert text.startswith("backtest of AAA, 2024-01-02 00:00 to 2024-01-03 00:00 UTC\n300 rows of data")
    for name in (
        "total return",
        "Sharpe",
        "Sortino",
        "Calmar",
        "max drawdown",
        "win rate",
        "profit factor",
        "turnover",
    ):
        assert f"  {name} " in text
    assert f"{results.total_return:.2%}" in text
    assert f"{results.total_trades:,}" in text
    assert all(assumed in text for assumed in results.assumptions.values())


def test_what_cannot_be_computed_is_a_dash() -> None:
    text = format_backtest(asyncio.run(UnifiedBacktestEngine(CONFIG).run(Momentum(), made_bars("AAA", count=1))))

    sharpe = next(line for line in text.splitlines() if line.startswith("  Sharpe"))
    assert sharpe.split()[1] == "-"
    assert "equity never fell" in text


class Seller:
    """Sells short, buys too much, and leaves an order where nobody trades."""

    def on_bar(self, bar: Any, trader: Any) -> None:
        trader.sell("AAA", 10)
        if trader.now_ns % 120_000_000_000 == 0:
            trader.buy("AAA", 2_000)
        if not trader.orders():
            trader.buy("AAA", 1, price=1)


def short_seller(**fields: Any) -> BacktestResults:
    config = CONFIG.with_(limits=RiskLimits(max_position=1_000), **fields)
    return asyncio.run(UnifiedBacktestEngine(config).run(Seller(), made_bars("AAA")))


def test_the_summary_tells_what_became_of_orders_and_why() -> None:
    lines = format_backtest(short_seller()).splitlines()

    assert lines[2] == "orders 451: 1 cancelled, 450 rejected (allow_short 300, max_position 150)"


def test_reasons_are_those_of_the_events_that_are_kept() -> None:
    lines = format_backtest(short_seller(history=20)).splitlines()

    assert lines[2] == "orders 451: 1 cancelled, 450 rejected (of the latest 19: allow_short 12, max_position 7)"


def test_signals_that_are_refused_have_a_line() -> None:
    class Signals:
        def on_bar(self, bar: Any, trader: Any) -> Signal:
            return Signal("AAA", OrderSide.BUY, strength=0.01)

    config = CONFIG.with_(sizing=FixedQuantity(shares=10))
    text = format_backtest(asyncio.run(UnifiedBacktestEngine(config).run(Signals(), made_bars("AAA"))))

    assert text.splitlines()[2:4] == ["orders 0", "signals refused 300 (sizing 300)"]
    config = config.with_(history=20)
    text = format_backtest(asyncio.run(UnifiedBacktestEngine(config).run(Signals(), made_bars("AAA"))))
    assert text.splitlines()[3] == "signals refused at least 20 (sizing 20)"


def test_the_head_and_the_drawdown_are_in_the_backtests_time_zone() -> None:
    config = CONFIG.with_(timezone="America/New_York", end_date="2024-01-02T12:00")
    results = asyncio.run(UnifiedBacktestEngine(config).run(Momentum(), made_bars("AAA", start="2024-01-02T14:30")))
    text = format_backtest(results)

    assert text.startswith("backtest of AAA, 2024-01-02 00:00 to 2024-01-02 12:00 America/New_York\n")
    drawdown = next(line for line in text.splitlines() if line.startswith("  max drawdown"))
    assert results.drawdown_dates is not None
    assert f"{results.drawdown_dates[0]:%Y-%m-%d %H:%M} to " in drawdown
    assert drawdown.endswith(", America/New_York")


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (None, "none"),
        (PerShareCommissionModel("0.005", 1), "PerShareCommissionModel(commission_per_share=0.005, min_commission=1)"),
        (PercentCommissionModel("0.00005"), "PercentCommissionModel(rate=0.00005)"),
        (FixedSlippageModel(), "FixedSlippageModel(rate=0.0005)"),
        (RiskLimits(max_position=5, fee_reserve=Decimal("0.01")), "RiskLimits(max_position=5, fee_reserve=0.01)"),
        (PerShareCommissionModel(Fraction(1, 3)), "PerShareCommissionModel(commission_per_share=1/3)"),
    ],
)
def test_a_model_is_described_as_it_would_be_written(model: object, text: str) -> None:
    assert describe_model(model) == text
