"""The figures of a finished backtest: against empyrical where it has them, and against the fills and prices themselves."""

from __future__ import annotations

import json
import math
import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import empyrical
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.backtest.data import BarArrays
from simexec.backtest.results import BacktestResults
from simexec.backtest.trader import Trader
from simexec.errors import InputError
from simexec.trading.instrument import Instrument

from .scenes import MINUTE, Columns, Once, bars, flat, loader_of, ns, run, walk

FIGURES = [
    "initial_equity", "final_equity", "total_return", "annualised_return", "volatility", "sharpe_ratio", "sortino_ratio",
    "calmar_ratio", "max_drawdown", "max_drawdown_daily", "drawdown_peak", "drawdown_trough", "drawdown_recovery", "total_trades",
    "win_rate", "profit_factor", "turnover", "exposure", "fees", "fills", "orders", "orders_rejected", "orders_expired",
]  # fmt: skip


class Idle:
    def on_bar(self, bar: Any, trader: Trader) -> None: ...


class Plan:
    """Holds with each bar what a list says."""

    def __init__(self, targets: list[int]) -> None:
        self._targets = iter(targets)

    def on_bar(self, bar: Any, trader: Trader) -> None:
        target = next(self._targets, None)
        if target is not None:
            trader.target(bar.symbol, target)


def daily(closes: list[float], opens: list[float] | None = None) -> Columns:
    """Daily bars of January 2024 of New York's exchange, its holidays left out."""
    days = [
        f"2024-01-{day:02}" for day in (2, 3, 4, 5, 8, 9, 10, 11, 12, 16, 17, 18, 19, 22, 23, 24, 25, 26, 29, 30, 31)
    ]
    starts = opens or [closes[0], *closes[:-1]]
    return bars([(day, o, max(o, c), min(o, c), c, 10_000) for day, o, c in zip(days, starts, closes, strict=False)])


def of_days(strategy: Any, columns: Columns, **fields: Any) -> BacktestResults:
    period = {"start_date": "2024-01-01", "end_date": "2024-01-31", "calendar": "XNYS", "timezone": "America/New_York"}
    return run(strategy, BarArrays({"AAA": columns}, "session"), **period | fields)


def theirs(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def assert_as_empyrical(results: BacktestResults, rate: float = 0.0) -> None:
    """Every figure of returns, from the daily returns alone."""
    returns, year = results.daily_returns, float(results.config.periods_per_year)
    daily_rate = (1 + rate) ** (1 / year) - 1
    pairs = {
        "annualised_return": empyrical.annual_return(returns, annualization=year),
        "volatility": empyrical.annual_volatility(returns, annualization=year),
        "sharpe_ratio": empyrical.sharpe_ratio(returns, daily_rate, annualization=year),
        "sortino_ratio": empyrical.sortino_ratio(returns, daily_rate, annualization=year),
        "calmar_ratio": empyrical.calmar_ratio(returns, annualization=year),
        "max_drawdown_daily": empyrical.max_drawdown(returns),
    }
    for name, value in pairs.items():
        expected = theirs(value)
        found = results.figures()[name]
        assert (found is None) is math.isnan(getattr(results, name)), name
        assert (found is None) is (expected is None), name
        assert found is None or found == pytest.approx(expected, rel=1e-9, abs=1e-12), name
    assert results.total_return == pytest.approx(float(empyrical.cum_returns_final(returns)), abs=1e-12)


# --- against empyrical --------------------------------------------------------------------------------------------------------


@given(
    moves=st.lists(st.integers(-300, 300), min_size=3, max_size=20),
    targets=st.lists(st.integers(-800, 800), min_size=3, max_size=20),
    rate=st.sampled_from(["0", "0.05"]),
    year=st.sampled_from(["252", "365"]),
)
@settings(max_examples=30)
def test_figures_of_returns_are_empyricals_of_the_daily_returns(
    moves: list[int], targets: list[int], rate: str, year: str
) -> None:
    closes = (100 + np.cumsum([0, *moves]) / 100).tolist()
    results = of_days(
        Plan(targets), daily(closes), risk_free_rate=rate, periods_per_year=year, commission="0.001", slippage="0.001",
        calendar="24/7", timezone="UTC",
    )  # fmt: skip
    assert len(results.daily_returns) == len(closes)
    assert_as_empyrical(results, float(rate))
    # A point a day, and the first before any trade: then the drawdown over all points is that of the days.
    assert results.max_drawdown == pytest.approx(float(empyrical.max_drawdown(results.daily_returns)), abs=1e-12)


def test_figures_of_minutes_are_those_of_the_days_and_the_drawdown_is_deeper() -> None:
    times = np.datetime64("2024-01-02T00:00", "ns") + np.arange(1000) * np.timedelta64(14, "m")
    columns = walk(1000, 3) | {"time": times}
    results = run(
        Plan([50, -50, 30] * 400), BarArrays({"AAA": columns}, "14m"), start_date="2024-01-01", end_date="2024-01-31"
    )
    assert len(results.daily_returns) == 10
    closes = {}
    for time_ns, equity in zip(results.times_ns.tolist(), results.equity.tolist(), strict=True):
        closes[(time_ns - 1) // (24 * 60 * MINUTE)] = equity
    days = [100_000.0] + [closes[day] for day in sorted(closes) if day >= ns("2024-01-02") // (24 * 60 * MINUTE)]
    assert results.daily_returns.tolist() == pytest.approx((np.diff(days) / days[:-1]).tolist(), abs=1e-15)
    assert_as_empyrical(results)
    assert results.max_drawdown < float(empyrical.max_drawdown(results.daily_returns)) < 0
    every = np.diff(results.equity) / results.equity[:-1]
    assert results.max_drawdown == pytest.approx(float(empyrical.max_drawdown(every)), rel=1e-9)


# --- money, drawdown, trades ---------------------------------------------------------------------------------------------------


def test_the_drawdown_has_its_dates_in_the_time_zone_of_the_backtest() -> None:
    prices = [10.0, 10.0, 12.0, 9.0, 11.0, 12.0, 13.0]
    results = run(
        Plan([1000]), loader_of({"AAA": flat(prices)}), timezone="America/New_York", start_date="2024-01-02",
        end_date="2024-01-02",
    )  # fmt: skip
    assert results.max_drawdown == pytest.approx(-3000 / 102_000)
    assert results.drawdown_dates is not None
    assert [one.isoformat() for one in results.drawdown_dates if one] == [
        "2024-01-02T05:03:00-05:00", "2024-01-02T05:04:00-05:00", "2024-01-02T05:06:00-05:00",
    ]  # fmt: skip
    figures = results.figures()
    assert figures["drawdown_peak"] == "2024-01-02T05:03:00-05:00"
    assert figures["drawdown_recovery"] == "2024-01-02T05:06:00-05:00"
    falling = run(Plan([1000]), loader_of({"AAA": flat([10.0, 10.0, 9.0])}))
    assert falling.drawdown_dates is not None
    assert falling.drawdown_dates[2] is falling.figures()["drawdown_recovery"] is None


def test_trades_win_rate_profit_factor_turnover_and_exposure_are_those_of_the_fills() -> None:
    # Two trades: 100 bought at 10 and sold at 12; 200 sold short at 12 and bought at 13.
    prices = [10.0, 10.0, 11.0, 12.0, 12.0, 12.0, 13.0, 13.0]
    results = run(Plan([100, 100, 0, 0, -200, 0, 0]), loader_of({"AAA": flat(prices)}), initial_capital=10_000)
    assert [float(fill.price) for fill in results.fills] == [10.0, 12.0, 12.0, 13.0]
    assert [(one.side.name, one.quantity, one.profit) for one in results.trades] == [
        ("BUY", 100, 200 * 10**6), ("SELL", 200, -200 * 10**6),
    ]  # fmt: skip
    assert (results.total_trades, results.win_rate, results.profit_factor) == (2, 0.5, 1.0)
    assert results.final_equity == 10_000
    assert results.total_return == 0.0
    equity = [10_000.0, 10_000, 10_000, 10_100, 10_200, 10_200, 10_200, 10_000, 10_000]
    assert results.equity.tolist() == equity
    lengths = [ns("2024-01-02T10:01") - ns("2024-01-02")] + [MINUTE] * 7
    mean = sum(e * length for e, length in zip(equity[:-1], lengths, strict=True)) / sum(lengths)
    traded = 1000 + 1200 + 2400 + 2600
    assert results.turnover == pytest.approx(traded / 2 / mean)
    held = [0, 0, 1000, 1100, 0, 0, 2400, 0]
    exposure = sum(h / e * length for h, e, length in zip(held, equity[:-1], lengths, strict=True)) / sum(lengths)
    assert results.exposure == pytest.approx(exposure)


def test_the_last_point_the_final_equity_and_the_portfolio_agree() -> None:
    results = run(
        Plan([10, -10, 3, 8] * 20), loader_of({"AAA": walk(80, 9)}), commission="0.001", slippage="0.001",
        initial_capital="12345.678901",
    )  # fmt: skip
    assert results.final_equity == Decimal(results.portfolio.equity["USD"]) / 10**6
    assert int(results.curve.equity[-1]) == results.portfolio.equity["USD"]
    assert results.initial_equity == Decimal("12345.678901")
    assert results.total_return == pytest.approx(float(results.final_equity) / 12345.678901 - 1, abs=1e-15)
    assert results.fees == sum(Decimal(fill.fee) for fill in results.fills) / 10**6
    assert results.round_trips.traded_value == sum(fill.quantity * fill.price_quanta * 100 for fill in results.fills)


def test_an_account_of_another_currency_is_counted_in_its_units() -> None:
    coin = Instrument("AAA", "0.0001", currency="BTC")
    results = run(
        Plan([2]),
        loader_of({"AAA": flat([0.05, 0.05, 0.06])}),
        currency="BTC",
        initial_capital="1.5",
        instruments=[coin],
    )
    assert results.final_equity == Decimal("1.52")
    assert results.equity.tolist() == [1.5, 1.5, 1.5, 1.52]
    assert results.figures()["final_equity"] == 1.52


def test_an_inverse_contract_is_margined() -> None:
    perpetual = Instrument("AAA", "0.5", currency="BTC", multiplier=1, inverse=True)
    results = run(
        Plan([1000]), loader_of({"AAA": flat([10_000.0, 10_000.0, 12_500.0])}), currency="BTC", initial_capital=1,
        instruments=[perpetual],
    )  # fmt: skip
    assert results.final_equity == 1 + Decimal(1000) * (1 / Decimal(10_000) - 1 / Decimal(12_500))


def test_a_loss_of_everything_ends_the_returns_and_has_no_annualised_one() -> None:
    results = of_days(Plan([10_000]), daily([20.0, 20.0, 9.0, 30.0]))
    assert results.daily_returns.tolist() == pytest.approx([0.0, 0.0, -1.1])
    assert math.isnan(results.annualised_return)
    assert math.isnan(results.calmar_ratio)
    assert results.max_drawdown == pytest.approx(-1.1)


# --- what cannot be computed ----------------------------------------------------------------------------------------------------


def test_figures_without_trades_are_zero_or_none() -> None:
    figures = run(Idle(), loader_of({"AAA": walk(20, 1)})).figures()
    assert list(figures) == FIGURES
    assert {name: value for name, value in figures.items() if value is not None} == {
        "initial_equity": 100_000.0, "final_equity": 100_000.0, "total_return": 0.0, "annualised_return": 0.0,
        "max_drawdown": 0.0, "max_drawdown_daily": 0.0, "total_trades": 0, "turnover": 0.0, "exposure": 0.0, "fees": 0.0,
        "fills": 0, "orders": 0, "orders_rejected": 0, "orders_expired": 0,
    }  # fmt: skip
    assert math.copysign(1, figures["max_drawdown"]) == 1


def test_one_bar_has_figures_too() -> None:
    results = run(Once(lambda bar, trader: trader.buy("AAA", 1)), loader_of({"AAA": flat([10.0])}))
    figures = results.figures()
    assert list(figures) == FIGURES
    assert (figures["final_equity"], figures["fills"], figures["sharpe_ratio"], figures["volatility"]) == (
        100_000,
        0,
        None,
        None,
    )
    assert results.rows == 1
    assert len(results.curve) == 2
    assert len(results.daily_returns) == 1
    assert results.drawdown is None


def test_figures_are_numbers_texts_and_none_that_json_takes() -> None:
    results = run(Plan([5, -5] * 20), loader_of({"AAA": walk(40, 1)}), commission="0.01")
    figures = results.figures()
    assert json.loads(json.dumps(figures)) == figures
    assert {type(value) for value in figures.values()} <= {float, int, str, type(None)}


def test_the_specifications_lines_print() -> None:
    results = of_days(Plan([100]), daily([10.0, 11.0, 10.5, 12.0]))
    lines = [
        f"Total Return: {results.total_return:.2%}", f"Sharpe Ratio: {results.sharpe_ratio:.2f}",
        f"Max Drawdown: {results.max_drawdown:.2%}", f"Final equity: ${results.final_equity:,.2f}",
        f"Total trades: {results.total_trades}", f"Win rate: {results.win_rate:.1%}",
    ]  # fmt: skip
    sharpe = float(empyrical.sharpe_ratio(np.array([0.0, 100 / 1e5, -50 / 100_100, 150 / 100_050])))
    assert lines == [
        "Total Return: 0.20%", f"Sharpe Ratio: {sharpe:.2f}", "Max Drawdown: -0.05%", "Final equity: $100,200.00",
        "Total trades: 0", "Win rate: nan%",
    ]  # fmt: skip


# --- what is kept -------------------------------------------------------------------------------------------------------------


def test_a_short_history_changes_what_is_kept_and_no_figure() -> None:
    loader = loader_of({"AAA": walk(500, 1), "BBB": walk(500, 2)})
    runs = [
        run(Plan([7, -7, 0] * 400), loader, "AAA", "BBB", history=history, commission="0.001")
        for history in (None, 50, 2)
    ]
    whole, some, least = runs
    assert whole.figures() == some.figures() == least.figures()
    assert (len(whole.fills), len(some.fills), len(least.fills)) == (whole.round_trips.fills, 50, 2)
    assert whole.fills[-50:] == some.fills
    assert whole.trades[-len(some.trades) :] == some.trades
    assert len(some.events) == 50
    assert len(some.curve) <= 50
    assert some.curve.equity[-1] == whole.curve.equity[-1]
    assert set(zip(some.times_ns.tolist(), some.equity.tolist(), strict=True)) <= set(
        zip(whole.times_ns.tolist(), whole.equity.tolist(), strict=True)
    )


def test_memory_does_not_grow_with_the_length_of_the_data() -> None:
    class Endless:
        """Bars that are made as they are asked for."""

        is_bars = True

        def __init__(self, count: int) -> None:
            self._count = count

        def load(self, request: Any) -> Any:
            return self

        def blocks(self) -> Any:
            begin = ns("2023-01-01")
            for first in range(0, self._count, 500):
                at = np.arange(first, first + 500)
                price = 100_000 + 100 * (at % 17)
                yield np.stack([begin + at * MINUTE, begin + (at + 1) * MINUTE, *[price] * 4, at * 0 + 100], axis=1)

    def peak(count: int) -> int:
        tracemalloc.start()
        results = run(
            Plan([5]), Endless(count), start_date="2023-01-01", end_date="2023-12-31", history=100, lookback=10
        )
        assert results.rows == count
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1000)  # imports and caches
    short, long = peak(2_000), peak(10_000)
    assert long < 1.1 * short + 10_000


def test_times_are_those_of_the_epoch_to_the_microsecond_below() -> None:
    results = run(Idle(), loader_of({"AAA": flat([1.0])}), timezone="Asia/Tokyo")
    assert results.epoch == datetime(2024, 1, 1, 15, tzinfo=UTC)
    assert results.time(1_999).isoformat() == "2024-01-02T00:00:00.000001+09:00"
    assert results.times_ns.tolist() == [ns("2024-01-01T15:00"), ns("2024-01-02T10:01")]
    assert results.times.tolist() == results.times_ns.tolist()
    assert (results.times.dtype, str(results.times[1])) == ("datetime64[ns]", "2024-01-02T10:01:00.000000000")


def test_a_time_of_the_runs_clock_may_be_numpys_and_must_be_whole() -> None:
    results = run(Plan([1]), loader_of({"AAA": flat([1.0, 1.0])}))
    filled_ns = results.fills[0].time_ns
    assert results.time(np.int64(filled_ns)) == results.time(filled_ns)
    run_clock = results.times_ns - results.epoch_ns
    assert [results.time(one) for one in run_clock] == [
        one.replace(tzinfo=UTC) for one in results.times.astype("M8[us]").tolist()
    ]
    with pytest.raises(InputError, match=r"time 1\.5 is not a whole number; give ns since the run's epoch"):
        results.time(1.5)


def test_orders_are_counted_by_their_ends() -> None:
    class Late:
        def on_bar(self, bar: Any, trader: Trader) -> None:
            trader.sell("AAA", 10)
            trader.buy("AAA", 1, price=1)

    results = of_days(Late(), daily([10.0] * 4), limits=None)
    figures = results.figures()
    assert (figures["orders"], figures["orders_rejected"], figures["orders_expired"]) == (8, 4, 3)
    assert results.stats["metrics"]["cancelled"] == 1  # that of the last bar, which ends with the last session


def test_assumptions_name_every_model_that_was_used() -> None:
    results = run(
        Idle(), loader_of({"AAA": flat([1.0])}), commission="0.001", slippage="0.002", participation="0.25", seed=5,
        touch_fill_probability=0.5, risk_free_rate="0.03",
    )  # fmt: skip
    lines = results.assumptions
    assert set(lines) == {
        "fills", "slippage", "commission", "fees", "impact", "participation", "touch", "latency", "sessions", "risk",
        "returns", "seed",
    }  # fmt: skip
    for name, part in {
        "slippage": "0.002", "commission": "0.001|Fraction(1, 1000)", "participation": "0.25", "touch": "0.5", "seed": "5",
        "returns": "0.03", "impact": "none", "sessions": "always open",
    }.items():  # fmt: skip
        assert any(one in lines[name] for one in part.split("|")), name


def test_the_repr_is_one_short_line() -> None:
    results = of_days(Plan([100]), daily([100.0, 101.0, 102.0]))
    text = f"<BacktestResults of {results.config.symbols[0]}: total return {results.total_return:.2%}, 0 trades>"
    assert repr(results) == text
