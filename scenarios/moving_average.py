"""A moving-average strategy: one backtest, then a search for its lengths on the first half and a check on the second.

    python scenarios/moving_average.py                                          on bars that are made up
    python scenarios/moving_average.py --bars minutes.csv --stamp end           on bars of a file
    python scenarios/moving_average.py --out runs/average --plot                 and keep the run, with a figure

The made-up bars are a random walk, in which nothing can be predicted: whatever the search finds on one half is chance, and the
other half shows it. A file has columns time, open, high, low, close and volume.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import attrs
import numpy as np

from simexec import (
    BacktestConfig,
    BacktestResults,
    BarArrays,
    BarFiles,
    DataLoader,
    UnifiedBacktestEngine,
    optimize,
    run_many,
)
from simexec.backtest.folder import write_backtest
from simexec.backtest.summary import format_backtest
from simexec.backtest.trader import Trader
from simexec.trading.market_data import Bar

SYMBOL = "DEMO"
DAYS = 20
MINUTES = 390
GRID = {"fast": [5, 10, 20, 40], "slow": [60, 120, 240]}


@attrs.define
class MovingAverage:
    """Long while the fast average of the closes is above the slow one, flat otherwise.

    Attributes:
        fast: bars of the fast average; ``slow`` of the slow one.
        quantity: shares.
    """

    fast: int = 20
    slow: int = 120
    quantity: int = 500

    def on_bar(self, bar: Bar, trader: Trader) -> None:
        """Hold what the averages say."""
        closes = [one.close for one in trader.bars(bar.symbol, self.slow)]
        if len(closes) == self.slow:
            above = sum(closes[-self.fast :]) / self.fast > sum(closes) / self.slow
            trader.target(bar.symbol, self.quantity if above else 0)


def made_up(seed: int, first: date) -> BarArrays:
    """Minutes of a random walk, from 14:30 to 21:00 UTC on each day."""
    rng = np.random.default_rng(seed)
    count = DAYS * MINUTES
    close = 100 + np.cumsum(rng.integers(-4, 5, count)) / 100
    open_ = np.concatenate([[100.0], close[:-1]])
    days = np.datetime64(first) + np.arange(DAYS).repeat(MINUTES)
    return BarArrays(
        {
            SYMBOL: {
                "time": days + np.timedelta64(870, "m") + np.tile(np.arange(MINUTES), DAYS) * np.timedelta64(1, "m"),
                "open": open_,
                "high": np.maximum(open_, close) + 0.01,
                "low": np.minimum(open_, close) - 0.01,
                "close": close,
                "volume": rng.integers(1_000, 5_000, count),
            }
        },
        interval="1m",
    )


def simulate(
    loader: DataLoader, first: date, last: date, processes: int | None, timezone: str = "UTC"
) -> tuple[BacktestResults, str, BacktestResults]:
    """The strategy as it is, the table of a search on the first half, and its best on the second half."""
    config = BacktestConfig(
        start_date=first, end_date=last, symbols=[SYMBOL], commission="0.00005", slippage="0.00005", timezone=timezone
    )
    middle = first + (last - first) // 2
    whole = asyncio.run(UnifiedBacktestEngine(config).run(MovingAverage(), loader))
    found = optimize(
        config.with_(end_date=middle), MovingAverage, GRID, loader, objective="total_return", processes=processes
    )
    best = dict(found.best.parameters)
    later = config.with_(start_date=middle + timedelta(days=1))
    checked = run_many(later, {"best": lambda: MovingAverage(**best)}, loader, processes=1)["best"]
    return whole, found.to_text(5), checked


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the backtest and the search, and print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bars", type=Path, help="a file of minute bars, in place of those that are made up")
    parser.add_argument("--stamp", choices=("start", "end"), default="start", help="which end of a bar its time names")
    parser.add_argument(
        "--timezone",
        default="UTC",
        help="of the days, and of the file's times without an offset, such as America/New_York",
    )
    parser.add_argument("--first", type=date.fromisoformat, default=date(2024, 1, 1), help="first day")
    parser.add_argument("--last", type=date.fromisoformat, help="last day")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--processes", type=int, help="one for each CPU by default")
    parser.add_argument("--out", type=Path, help="a new folder for the backtest")
    parser.add_argument("--plot", action="store_true", help="draw it too; needs --out")
    args = parser.parse_args(arguments)
    loader: DataLoader = made_up(args.seed, args.first)
    if args.bars is not None:
        loader = BarFiles({SYMBOL: args.bars}, "1m", args.stamp)
    whole, table, checked = simulate(
        loader, args.first, args.last or args.first + timedelta(days=DAYS - 1), args.processes, args.timezone
    )
    print(format_backtest(whole))
    print(f"\na search on the first half\n{table}")
    print(f"\nits best on the second half: total return {checked.total_return:.4f}, {checked.total_trades} trades")
    if args.out is not None:
        print(f"\nkept in {write_backtest(whole, args.out, plot=args.plot)}")


if __name__ == "__main__":
    main()
