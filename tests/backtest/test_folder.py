from __future__ import annotations

import asyncio
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from simexec import BacktestConfig, BacktestResults, InputError, UnifiedBacktestEngine
from simexec.backtest.folder import write_backtest
from tests.backtest.bars import Momentum, made_bars

CONFIG = BacktestConfig(
    start_date="2024-01-02", end_date="2024-01-02", symbols=["AAA"], commission="0.0001", timezone="Europe/Paris"
)


@pytest.fixture(scope="module")
def results() -> BacktestResults:
    return asyncio.run(UnifiedBacktestEngine(CONFIG).run(Momentum(), made_bars("AAA")))


def test_the_folder_holds_figures_and_tables(results: BacktestResults, tmp_path: Path) -> None:
    out = write_backtest(results, tmp_path / "run")

    assert {path.name for path in out.iterdir()} == {
        "summary.json",
        "equity.parquet",
        "trades.parquet",
        "fills.parquet",
    }
    summary = json.loads((out / "summary.json").read_text())
    assert summary["figures"] == results.figures()
    assert summary["symbols"]["AAA"]["price_quantum"] == "0.0001"
    equity = pq.read_table(out / "equity.parquet")
    assert np.array_equal(equity["equity_units"].to_numpy(), results.curve.equity)
    assert np.array_equal(equity["time_ns"].to_numpy(), results.times_ns)
    trades = pq.read_table(out / "trades.parquet").to_pylist()
    assert [row["profit_units"] for row in trades] == [one.profit for one in results.trades]
    assert [row["entry_price"] for row in trades] == [float(one.entry_price) for one in results.trades]
    assert [row["exit_price"] for row in trades] == [float(one.exit_price) for one in results.trades]
    fills = pq.read_table(out / "fills.parquet").to_pylist()
    assert sum(row["fee_units"] for row in fills) == results.portfolio.fees["USD"]


def test_times_of_all_tables_are_those_of_the_data(results: BacktestResults, tmp_path: Path) -> None:
    out = write_backtest(results, tmp_path / "run")
    first = int(np.datetime64("2024-01-02T00:00", "ns").astype(np.int64))

    for name, column in (("equity", "time_ns"), ("trades", "entry_ns"), ("trades", "exit_ns"), ("fills", "time_ns")):
        times = pq.read_table(out / f"{name}.parquet")[column].to_numpy()
        since = times - first
        assert (since % 60_000_000_000 == 0).all()
        assert since.max() <= 300 * 60_000_000_000


@pytest.mark.parametrize("name", ["equity", "trades", "fills"])
def test_each_table_says_what_its_units_are(name: str, results: BacktestResults, tmp_path: Path) -> None:
    out = write_backtest(results, tmp_path / "run")

    assert pq.read_table(out / f"{name}.parquet").schema.metadata == {
        b"simexec_version": version("simexec").encode(),
        b"epoch_utc": b"1970-01-01T00:00:00+00:00",
        b"timezone": b"Europe/Paris",
        b"currency": b"USD",
        b"units_per_currency": b"1000000",
        b"price_quantum": b'{"AAA": "0.0001"}',
    }


def test_a_figure_is_drawn_on_request(results: BacktestResults, tmp_path: Path) -> None:
    out = write_backtest(results, tmp_path / "run", plot=True)

    assert (out / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_a_backtest_without_trades_can_be_written_and_drawn(tmp_path: Path) -> None:
    empty = asyncio.run(UnifiedBacktestEngine(CONFIG).run(Momentum(), made_bars("AAA", count=1)))

    out = write_backtest(empty, tmp_path / "run", plot=True)

    assert json.loads((out / "summary.json").read_text())["figures"]["total_trades"] == 0
    assert pq.read_table(out / "fills.parquet").num_rows == 0


def test_a_folder_that_holds_something_is_refused(results: BacktestResults, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")

    with pytest.raises(InputError, match="is not empty"):
        write_backtest(results, tmp_path)
