"""How fast backtests are on this machine, what a bar and an order cost as they grow, and how late the wall clock finds us.

Machines are shared and noisy: only ratios within one run mean something, and every figure is the median of several runs.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import attrs
import numpy as np

from simexec.backtest.config import BacktestConfig
from simexec.backtest.data import BarFiles, DataRequest
from simexec.backtest.engine import UnifiedBacktestEngine
from simexec.backtest.optimization import optimize
from simexec.backtest.results import BacktestResults
from simexec.backtest.trader import Trader
from simexec.market.levels import Array
from simexec.sim import Simulation
from simexec.sim.clock import MILLISECOND, MINUTE
from simexec.sim.real_time import RealTime
from simexec.trading.instrument import Instrument
from simexec.trading.market_data import Bar

EURO: Final = Path("bars") / "6EH4.XCME_1min_bars_20240101_20240131.csv.gz"
_SYMBOLS: Final = 10
_FEW, _MANY = 10_000, 100_000  # bars of each symbol
_BARS_AN_ORDER: Final = 50
_TIMERS, _INJECTIONS = 2_000, 500

Say = Callable[[str], None]


@attrs.frozen
class MovingAverage:
    """Long while the fast average of the closes is above the slow one, flat otherwise.

    Attributes:
        fast: bars of the fast average; ``slow`` of the slow one.
    """

    fast: int = 20
    slow: int = 100
    _closes: deque[float] = attrs.field(factory=deque, init=False)

    def on_bar(self, bar: Bar, trader: Trader) -> None:
        """See ``backtest.strategy``."""
        closes = self._closes
        closes.append(bar.close)
        if len(closes) < self.slow:
            return
        if len(closes) > self.slow:
            closes.popleft()
        recent = list(closes)
        wanted = int(sum(recent[-self.fast :]) / self.fast > sum(recent) / self.slow)
        held = trader.position(bar.symbol)
        if wanted != held:
            (trader.buy if wanted > held else trader.sell)(bar.symbol, 1)


@attrs.define
class InAndOut:
    """Buys and sells each symbol by turns, once in so many bars of it, one symbol after the other; never if that is 0."""

    every: int
    _seen: int = 0

    def on_bar(self, bar: Bar, trader: Trader) -> None:
        """See ``backtest.strategy``."""
        minute, number = divmod(self._seen, _SYMBOLS)
        self._seen += 1
        if self.every and (minute + 5 * number) % self.every == 0:
            (trader.sell if trader.position(bar.symbol) else trader.buy)(bar.symbol, 100)


@attrs.frozen
class MadeBars:
    """A random walk of minute bars, made block by block, so that memory shows what the backtest needs; loader and tape."""

    bars: int
    start_ns: int = 0
    stream: int = 0
    is_bars: bool = attrs.field(default=True, init=False)

    def load(self, request: DataRequest) -> MadeBars:
        """See ``DataLoader``."""
        return MadeBars(self.bars, round(request.start.timestamp()) * 10**9, int(request.symbol[1:]))

    def blocks(self) -> Iterator[Array]:
        """See ``Tape``."""
        rng, last = np.random.default_rng(self.stream), 1_000_000
        for first in range(0, self.bars, 4096):
            count = min(4096, self.bars - first)
            close = last + np.cumsum(rng.integers(-50, 51, count))
            open_ = np.concatenate([[last], close[:-1]])
            start = self.start_ns + (first + np.arange(count)) * MINUTE
            high, low = np.maximum(open_, close) + 10, np.minimum(open_, close) - 10
            yield np.stack([start, start + MINUTE, open_, high, low, close, np.full(count, 1000)], axis=1).astype(
                np.int64
            )
            last = int(close[-1])


def euro_config() -> BacktestConfig:
    """January 2024 of the 6E future, with commission and slippage."""
    return BacktestConfig(
        start_date="2024-01-01",
        end_date="2024-01-31",
        symbols=["6EH4"],
        initial_capital=200_000,
        commission="0.00001",
        slippage="0.00002",
        instruments=[Instrument("6EH4", Decimal("0.00005"), multiplier=Decimal(125_000))],
    )


def euro_bars(path: Path) -> BarFiles:
    """The recorded minutes; their times are the ends."""
    return BarFiles({"6EH4": path}, "1m", "end", {"columns": {"time": "timestamp_utc"}})


def run_backtest_bench(say: Say | None = None) -> dict[str, Any]:
    """Measure; returns figures by name. ``say`` is told what is being measured."""
    tell = say or (lambda text: None)
    figures: dict[str, Any] = {}
    data = Path(os.environ.get("SIMEXEC_DATA", "../shared/data")) / EURO
    _grown(1_000, _BARS_AN_ORDER)
    if data.exists():
        tell("a moving average on recorded minutes")
        runs = [_timed(euro_config(), MovingAverage(), euro_bars(data)) for _ in range(5)]
        figures["recorded_bars"] = runs[0][1].rows
        figures["recorded_bars_seconds"] = round(statistics.median(seconds for seconds, _ in runs), 3)
        figures["recorded_orders"] = runs[0][1].stats["metrics"]["orders"]
    tell(f"cost of a bar and of an order, {_FEW * _SYMBOLS:,} and {_MANY * _SYMBOLS:,} bars")
    bars, orders = _costs(figures)
    figures["bar_cost_ratio"], figures["order_cost_ratio"] = round(bars, 3), round(orders, 3)
    figures["peak_mb_at_100k_bars"], figures["peak_mb_at_1m_bars"] = (_peak_mb(each) for each in (_FEW, _MANY))
    tell("a grid of backtests, by one process and by two")
    figures.update(_speed_up(data if data.exists() else None))
    tell("pace of the wall clock")
    figures.update(_pace())
    return figures


def _timed(config: BacktestConfig, strategy: object, loader: Any) -> tuple[float, BacktestResults]:
    began = time.perf_counter()
    results = asyncio.run(UnifiedBacktestEngine(config).run(strategy, loader))
    return time.perf_counter() - began, results


def _grown(each: int, every: int) -> tuple[float, BacktestResults]:
    """A backtest of so many bars of each symbol, in CPU seconds."""
    config = BacktestConfig(
        start_date="2023-01-01",
        end_date="2023-12-31",
        symbols=[f"S{number}" for number in range(_SYMBOLS)],
        initial_capital=1_000_000,
        commission="0.0001",
        slippage="0.0001",
        history=1_000,  # so short that both sizes reach it: what is dropped is freed, and that costs too
    )
    began = time.process_time()
    results = asyncio.run(UnifiedBacktestEngine(config).run(InAndOut(every), MadeBars(each)))
    return time.process_time() - began, results


def _costs(figures: dict[str, Any]) -> tuple[float, float]:
    """Cost of a bar and of an order at the larger size over that at the smaller, each measured by turns."""
    found: dict[int, list[tuple[float, float]]] = {_FEW: [], _MANY: []}
    for _ in range(5):
        for each, rounds in ((_FEW, 3), (_MANY, 1)):
            idle = statistics.median(_grown(each, 0)[0] for _ in range(rounds))
            runs = [_grown(each, _BARS_AN_ORDER) for _ in range(rounds)]
            orders = runs[0][1].stats["metrics"]["orders"]
            busy = statistics.median(seconds for seconds, _ in runs)
            found[each].append((idle / (each * _SYMBOLS), (busy - idle) / orders))
            figures[f"orders_at_{each * _SYMBOLS}_bars"] = orders
    cost = {each: [statistics.median(column) for column in zip(*rows, strict=True)] for each, rows in found.items()}
    figures["bar_us"], figures["order_us"] = (round(1e6 * seconds, 2) for seconds in cost[_MANY])
    ratios = [
        [many / few for many, few in zip(*pair, strict=True)] for pair in zip(found[_MANY], found[_FEW], strict=True)
    ]
    bar, order = (statistics.median(column) for column in zip(*ratios, strict=True))
    return bar, order


def _peak_mb(each: int) -> int:
    """Peak memory of a process that runs such a backtest."""
    code = (
        f"import resource; from simexec.backtest.bench import _grown; _grown({each}, {_BARS_AN_ORDER});"
        " print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return int(done.stdout)


def _speed_up(data: Path | None) -> dict[str, Any]:
    grid = {"fast": list(range(5, 45, 4)), "slow": [60, 80, 100, 120, 140, 160]}
    config, loader = euro_config(), None if data is None else euro_bars(data)
    if loader is None:
        config, loader = config.with_(symbols=["S0"], instruments=()), MadeBars(30_000)  # type: ignore[assignment]
    seconds: dict[int, list[float]] = {1: [], 2: []}
    tables = []
    for _ in range(2):
        for processes in seconds:
            began = time.perf_counter()
            assert loader is not None
            found = optimize(config, MovingAverage, grid, loader, processes=processes)
            seconds[processes].append(time.perf_counter() - began)
            tables.append(found.rows())
    return {
        "grid_points": len(tables[0]),
        "grid_seconds_by_1": round(min(seconds[1]), 2),
        "grid_seconds_by_2": round(min(seconds[2]), 2),
        "grid_speed_up": round(min(seconds[1]) / min(seconds[2]), 2),
        "grid_tables_equal": all(table == tables[0] for table in tables),
    }


def _pace() -> dict[str, Any]:
    """Lateness of timers a millisecond apart, at factor 1, and how long injections from another thread wait."""
    with Simulation() as sim:
        real_time = RealTime(sim)
        for number in range(1, _TIMERS + 1):
            sim.call_at(number * MILLISECOND, _nothing)
        real_time.run(_TIMERS * MILLISECOND + 1)
        timers = real_time.statistics()
    with Simulation() as sim:
        real_time = RealTime(sim)
        gaps = np.random.default_rng(1).uniform(0.5e-3, 5e-3, _INJECTIONS).tolist()

        def inject() -> None:
            for gap in gaps:
                time.sleep(gap)
                real_time.call(_nothing)
            real_time.stop()

        thread = threading.Thread(target=inject)
        thread.start()
        real_time.run()
        thread.join()
        injected = real_time.statistics()
    return {
        "pace_median_lateness_us": _micros(timers.median_lateness_ns),
        "pace_p99_lateness_us": _micros(timers.p99_lateness_ns),
        "pace_median_handling_us": _micros(injected.median_handling_ns),
    }


def _micros(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else round(nanoseconds / 1000, 1)


def _nothing(_: object) -> None:
    """What a timer does."""
