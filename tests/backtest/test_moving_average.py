"""A moving average through the full stack, against a calculation by arrays that knows nothing of it: equal at every bar.

The calculation has its own definitions. A signal is what the closes up to bar i say. Its order trades at the open of bar i + 1,
made worse by slippage, a fraction of the open, rounded up to a price quantum. It pays commission, a fraction of its value, rounded
up to a money unit. Equity after a bar is cash, and the position at the bar's close. Everything is whole numbers.
"""

from __future__ import annotations

import csv
import gzip
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from simexec.backtest.data import BarArrays, BarFiles
from simexec.backtest.results import BacktestResults
from simexec.backtest.trader import Trader
from simexec.execution.risk_limits import RiskLimits
from simexec.market.bars import BarFile
from simexec.market.tape import VOLUME, BarTape
from simexec.trading.instrument import Instrument
from simexec.trading.vocabulary import OrderSide

from .scenes import run, walk

Ints = npt.NDArray[np.int64]

FAST, SLOW = 20, 100
SLIPPAGE, COMMISSION = (2, 100_000), (1, 100_000)  # exact fractions
EURO = Instrument("6EH4", Decimal("0.00005"), multiplier=125_000)
UNITS_A_QUANTUM = 62_500  # 125,000 times 0.0000005 dollars, in millionths of a dollar


class MovingAverage:
    """Holds ``above`` while the fast average is above the slow one, and ``below`` otherwise."""

    def __init__(self, instrument: Instrument, above: int, below: int) -> None:
        self._symbol, self._above, self._below = instrument.symbol, above, below
        self._quantum = float(instrument.quantum)
        self._closes: deque[int] = deque(maxlen=SLOW)
        self._slow = 0
        self.told = 0

    def on_bar(self, bar: Any, trader: Trader) -> None:
        self.told += 1
        closes, close = self._closes, round(bar.close / self._quantum)
        self._slow += close - (closes[0] if len(closes) == SLOW else 0)
        closes.append(close)
        if len(closes) == SLOW:
            fast = sum(list(closes)[-FAST:])
            trader.target(self._symbol, self._above if fast * SLOW > self._slow * FAST else self._below)


def wanted(close: Ints, above: int, below: int) -> Ints:
    """What is held after bar i, if all orders are filled at once: 0 before there are enough closes."""
    sums = np.concatenate([[0], np.cumsum(close)])
    i = np.arange(SLOW, len(close) + 1)
    fast, slow = sums[i] - sums[i - FAST], sums[i] - sums[i - SLOW]
    return np.concatenate([np.zeros(SLOW - 1, np.int64), np.where(fast * SLOW > slow * FAST, above, below)])


def up(numerator: Ints, denominator: int) -> Ints:
    return -(-numerator // denominator)


def equity_by_arrays(open_: Ints, close: Ints, want: Ints, initial: int, units: int) -> Ints:
    """Equity in money units after each bar."""
    held = np.concatenate([[0], want[:-1]])  # decided at the close before, traded at this open
    bought = np.diff(held, prepend=0)
    price = open_ + np.sign(bought) * up(open_ * SLIPPAGE[0], SLIPPAGE[1])
    value = np.abs(bought) * price * units
    fees = up(value * COMMISSION[0], COMMISSION[1])
    return initial + np.cumsum(-np.sign(bought) * value - fees) + held * close * units


def rates() -> dict[str, str]:
    return {"slippage": "0.00002", "commission": "0.00001"}


def assert_equal_at_every_bar(results: BacktestResults, expected: Ints, strategy: MovingAverage) -> None:
    assert strategy.told == results.rows == len(expected)
    found = results.curve.equity[1:]  # the first point is the start
    assert len(found) == len(expected)
    assert np.array_equal(found, expected), f"first at bar {int(np.argmax(found != expected))}"
    assert results.final_equity * 1_000_000 == int(expected[-1])


# --- a month of minutes of the euro future --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def month(data_dir: Path) -> tuple[Path, dict[str, Ints]]:
    """The file, and its columns in price quanta, read by csv alone."""
    path = data_dir / "bars" / "6EH4.XCME_1min_bars_20240101_20240131.csv.gz"
    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    quanta = {
        name: np.array([int(Decimal(row[name]) / Decimal("0.0000005")) for row in rows])
        for name in ("open", "high", "low", "close")
    }
    return path, quanta | {"volume": np.array([int(row["volume"]) for row in rows])}


def of_month(path: Path, strategy: MovingAverage, **fields: Any) -> BacktestResults:
    loader = BarFiles({"6EH4": path}, "1m", "end", {"columns": {"time": "timestamp_utc"}})
    return run(
        strategy, loader, "6EH4", start_date="2024-01-01", end_date="2024-01-31", instruments=[EURO], **rates() | fields
    )


def test_long_or_flat_on_a_month_of_real_minutes_is_to_the_unit_what_arrays_say(
    month: tuple[Path, dict[str, Ints]],
) -> None:
    path, data = month
    strategy = MovingAverage(EURO, 1, 0)
    results = of_month(path, strategy, initial_capital=200_000, limits=RiskLimits())
    want = wanted(data["close"], 1, 0)
    expected = equity_by_arrays(data["open"], data["close"], want, 200_000 * 10**6, UNITS_A_QUANTUM)
    assert len(expected) == 29_996
    assert_equal_at_every_bar(results, expected, strategy)
    assert results.round_trips.fills == np.count_nonzero(np.diff(np.concatenate([[0, 0], want[:-1]]))) == 440
    assert results.fees > 0


def test_three_long_or_two_short_on_a_month_of_real_minutes_is_to_the_unit_what_arrays_say(
    month: tuple[Path, dict[str, Ints]],
) -> None:
    path, data = month

    class Deeper:
        """The file, with five contracts more in each bar, so that every order fits into one."""

        def load(self, request: Any) -> BarTape:
            tape = BarFile(
                path, request.instrument, interval="1m", stamp="end", columns={"time": "timestamp_utc"}
            ).blocks()
            rows = np.concatenate(list(tape))
            rows[:, VOLUME] += 5
            return BarTape(rows)

    strategy = MovingAverage(EURO, 3, -2)
    results = run(
        strategy, Deeper(), "6EH4", start_date="2024-01-01", end_date="2024-01-31", instruments=[EURO],
        initial_capital=1_000_000, **rates(),
    )  # fmt: skip
    want = wanted(data["close"], 3, -2)
    expected = equity_by_arrays(data["open"], data["close"], want, 10**12, UNITS_A_QUANTUM)
    assert_equal_at_every_bar(results, expected, strategy)
    assert {fill.quantity for fill in results.fills} == {abs(int(want[SLOW - 1])), 5}


# --- made-up bars -----------------------------------------------------------------------------------------------------------

SHARE = Instrument("AAA", Decimal("0.01"))
PER_SHARE = 100  # a quantum of 0.0001 dollars in millionths


def made(count: int, seed: int) -> tuple[BarArrays, dict[str, Ints]]:
    columns = walk(count, seed, start="2024-01-02T00:00", gaps=0.1)
    quanta = {name: np.rint(columns[name] * 100).astype(np.int64) * 100 for name in ("open", "high", "low", "close")}
    return BarArrays({"AAA": columns}, "1m"), quanta | {"volume": columns["volume"]}


@pytest.mark.parametrize(("above", "below"), [(1, 0), (1, -1), (70, -30), (0, -5)])
def test_made_up_bars_with_gaps_are_to_the_unit_what_arrays_say(above: int, below: int) -> None:
    loader, data = made(2_500, seed=5)
    data["volume"][:] += 500  # whatever is ordered fits into a bar
    strategy = MovingAverage(SHARE, above, below)
    results = run(strategy, loader, **rates())
    want = wanted(data["close"], above, below)
    expected = equity_by_arrays(data["open"], data["close"], want, 10**11, PER_SHARE)
    assert len(expected) < 2_500
    assert_equal_at_every_bar(results, expected, strategy)


def equity_by_bars(data: dict[str, Ints], want: Ints, initial: int, units: int, share: Callable[[int], int]) -> Ints:
    """As above where a bar has only ``share(volume)`` for us: orders wait in line, and the last signal asks for what is missing."""
    cash, held, waiting, equity = initial, 0, deque[list[int]](), []
    for i in range(len(want)):
        left = share(int(data["volume"][i]))
        for order in list(waiting):  # side, what is left, value so far
            side, quantity, before = order[0], min(order[1], left), order[2]
            if quantity == 0:
                break
            price = data["open"][i] + side * -(-data["open"][i] * SLIPPAGE[0] // SLIPPAGE[1])
            value = quantity * int(price) * units
            fee = ceil(Decimal(before + value) * COMMISSION[0] / COMMISSION[1]) - ceil(
                Decimal(before) * COMMISSION[0] / COMMISSION[1]
            )
            cash, held, left = cash - side * value - fee, held + side * quantity, left - quantity
            order[1:] = [order[1] - quantity, before + value]
            if order[1] == 0:
                waiting.popleft()
        equity.append(cash + held * int(data["close"][i]) * units)
        missing = int(want[i]) - held - sum(side * quantity for side, quantity, _ in waiting)
        if missing and i >= SLOW - 1:
            waiting.append([1 if missing > 0 else -1, abs(missing), 0])
    return np.array(equity)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_cap_of_a_tenth_of_a_bars_volume_makes_orders_wait_in_line(seed: int) -> None:
    loader, data = made(2_500, seed)
    strategy = MovingAverage(SHARE, 150, -150)
    results = run(strategy, loader, participation="0.1", **rates())
    want = wanted(data["close"], 150, -150)
    expected = equity_by_bars(data, want, 10**11, PER_SHARE, lambda volume: volume // 10)
    assert_equal_at_every_bar(results, expected, strategy)
    fills, orders = results.round_trips.fills, {fill.order_id for fill in results.fills}
    assert fills > 3 * len(orders) > 30  # most orders took several bars


def test_a_cap_on_the_euro_futures_minutes_makes_orders_wait_in_line(month: tuple[Path, dict[str, Ints]]) -> None:
    path, data = month
    strategy = MovingAverage(EURO, 20, -20)
    results = of_month(path, strategy, initial_capital=10_000_000, participation="0.05")
    want = wanted(data["close"], 20, -20)
    expected = equity_by_bars(data, want, 10**13, UNITS_A_QUANTUM, lambda volume: volume // 20)
    assert_equal_at_every_bar(results, expected, strategy)
    assert {fill.side for fill in results.fills} == set(OrderSide)
