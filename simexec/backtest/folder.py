"""The folder that a backtest leaves behind: it appears complete, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from simexec.analysis.new_folder import new_folder
from simexec.analysis.summary import versions
from simexec.analysis.table import Table, flags, integers, reals, texts
from simexec.backtest.results import BacktestResults
from simexec.trading.money import units_per


def write_backtest(results: BacktestResults, out_dir: str | Path, *, plot: bool = False) -> Path:
    """Write a backtest's folder.

    It holds ``summary.json``, ``equity.parquet``, ``trades.parquet`` and ``fills.parquet``. Times are ns since 1970-01-01 UTC,
    money is in units of the currency, prices of fills in quanta of their instrument, those of trades in the currency. What the
    units are is in ``summary.json``, and in the metadata of each table.

    Args:
        results: of the backtest.
        out_dir: new, or an empty folder.
        plot: whether to draw ``figure.png`` too.

    Returns:
        The folder.

    Raises:
        InputError: ``out_dir`` is refused, see ``new_folder.check_out_dir``; nothing was written.
    """
    out = Path(out_dir)
    with new_folder(out) as folder:
        summary = json.dumps(backtest_json(results), indent=2, allow_nan=False)
        (folder / "summary.json").write_text(summary + "\n", encoding="utf-8")
        for name, table in (("equity", equity_table), ("trades", trades_table), ("fills", fills_table)):
            _write(folder / f"{name}.parquet", table(results), results)
        if plot:
            from simexec.backtest.figure import draw_backtest

            draw_backtest(results).savefig(folder / "figure.png")
    return out


def backtest_json(results: BacktestResults) -> dict[str, Any]:
    """Everything but the tables as JSON-able values."""
    config = results.config
    return {
        "figures": results.figures(),
        "execution": {
            "metrics": results.stats["metrics"],
            "total_commission": {
                code: float(value) for code, value in results.stats["execution"]["total_commission"].items()
            },
        },
        "symbols": {
            symbol: {"tick": str(one.tick), "price_quantum": str(one.quantum), "multiplier": str(one.multiplier)}
            for symbol, one in config.traded.items()
        },
        "start": config.start.isoformat(),
        "end": config.end.isoformat(),
        "timezone": config.timezone,
        "currency": config.currency,
        "units_per_currency": units_per(config.currency),
        "rows": results.rows,
        "assumptions": results.assumptions,
        "versions": versions(),
    }


def equity_table(results: BacktestResults) -> Table:
    """The equity curve."""
    curve = results.curve
    return Table({"time_ns": results.times_ns, "equity_units": curve.equity, "exposure_units": curve.exposure})


def trades_table(results: BacktestResults) -> Table:
    """Closed trades, in order of their ends."""
    trades, shift = results.trades, results.epoch_ns
    return Table(
        {
            "symbol": texts(one.symbol for one in trades),
            "side": texts(one.side.name for one in trades),
            "quantity": integers(one.quantity for one in trades),
            "entry_ns": integers(one.entry_ns + shift for one in trades),
            "exit_ns": integers(one.exit_ns + shift for one in trades),
            "entry_price": reals(None if one.entry_price is None else float(one.entry_price) for one in trades),
            "exit_price": reals(None if one.exit_price is None else float(one.exit_price) for one in trades),
            "profit_units": integers(one.profit for one in trades),
            "fee_units": integers(one.fees for one in trades),
            "fills": integers(one.fills for one in trades),
        }
    )


def fills_table(results: BacktestResults) -> Table:
    """Fills, in order of arrival."""
    fills, shift = results.fills, results.epoch_ns
    return Table(
        {
            "time_ns": integers(fill.time_ns + shift for fill in fills),
            "symbol": texts(fill.symbol for fill in fills),
            "order_id": texts(fill.order_id for fill in fills),
            "exec_id": texts(fill.exec_id for fill in fills),
            "venue": texts(fill.venue for fill in fills),
            "side": texts(fill.side.name for fill in fills),
            "quantity": integers(fill.quantity for fill in fills),
            "price_quanta": integers(fill.price_quanta for fill in fills),
            "slippage_quanta": integers(fill.slippage_quanta for fill in fills),
            "fee_units": integers(fill.fee for fill in fills),
            "maker": flags(fill.maker for fill in fills),
        }
    )


def _write(path: Path, table: Table, results: BacktestResults) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table.to_arrow().replace_schema_metadata(_metadata(results)), path, compression="zstd")


def _metadata(results: BacktestResults) -> dict[str, str]:
    """What the units in the columns' names mean."""
    config = results.config
    return {
        "simexec_version": versions()["simexec"],
        "epoch_utc": "1970-01-01T00:00:00+00:00",
        "timezone": config.timezone,
        "currency": config.currency,
        "units_per_currency": str(units_per(config.currency)),
        "price_quantum": json.dumps({symbol: str(one.quantum) for symbol, one in config.traded.items()}),
    }
