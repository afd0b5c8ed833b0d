from __future__ import annotations

import asyncio

from simexec import BacktestConfig, UnifiedBacktestEngine
from simexec.backtest.summary import format_backtest
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
    config = CONFIG.with_(start_date="2023-01-02", end_date="2023-01-02")
    text = format_backtest(asyncio.run(UnifiedBacktestEngine(config).run(Momentum(), made_bars("AAA"))))

    sharpe = next(line for line in text.splitlines() if line.startswith("  Sharpe"))
    assert sharpe.split()[1] == "-"
    assert "equity never fell" in text
