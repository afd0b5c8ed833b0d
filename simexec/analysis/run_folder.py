"""The folder that a run leaves behind: it appears complete, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from simexec.analysis import tables
from simexec.analysis.analyzer import ExecutionAnalyzer
from simexec.analysis.new_folder import new_folder
from simexec.analysis.result import RunResult
from simexec.analysis.summary import run_json, versions
from simexec.analysis.table import Table
from simexec.config.load import dump_scenario
from simexec.config.venue import HistoryMode
from simexec.trading.money import units_per


def write_run(result: RunResult, out_dir: Path, *, plot: bool = False) -> Path:
    """Write a run's folder.

    It holds ``scenario.yaml`` (every default written out), ``summary.json``, ``orders.parquet``, ``fills.parquet``, what the
    analysis says of each of these (``tca_orders.parquet``, ``tca_fills.parquet``) and, as far as the scenario has them recorded,
    ``quotes.parquet``, ``prints.parquet``, ``queues.parquet`` and ``journal.parquet``. All is written to a temporary folder beside
    it, which is then renamed.

    Args:
        result: of the run.
        out_dir: new, or an empty folder.
        plot: whether to draw ``figure.png`` too.

    Returns:
        The folder.

    Raises:
        InputError: ``out_dir`` is refused, see ``new_folder.check_out_dir``; nothing was written.
    """
    with new_folder(out_dir) as folder:
        _fill(folder, result, plot)
    return out_dir


def _fill(folder: Path, result: RunResult, plot: bool) -> None:
    (folder / "scenario.yaml").write_text(dump_scenario(result.scenario, _comment(result)), encoding="utf-8")
    summary = json.dumps(run_json(result), indent=2, allow_nan=False)
    (folder / "summary.json").write_text(summary + "\n", encoding="utf-8")
    for name, make in _tables(result).items():
        _write_table(folder / f"{name}.parquet", make(result), result)
    if plot:
        from simexec.analysis.figure import draw_run

        draw_run(result).savefig(folder / "figure.png")


def _comment(result: RunResult) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in versions().items())
    return (
        f"What was run, with every default. {libraries}\nseed {result.scenario.seed}, journal {result.journal_digest}"
    )


def _tables(result: RunResult) -> dict[str, Callable[[RunResult], Table]]:
    """The tables that the scenario's ``recording`` asks for."""
    recording = result.scenario.recording
    found: dict[str, Callable[[RunResult], Table]] = {
        "orders": tables.orders_table,
        "fills": tables.fills_table,
        "tca_orders": lambda result: ExecutionAnalyzer.of(result).orders,
        "tca_fills": lambda result: ExecutionAnalyzer.of(result).fill_costs.table(),
    }
    if recording.history is not HistoryMode.OFF:
        found["prints"] = tables.prints_table
        if recording.quotes:
            found["quotes"] = tables.quotes_table
            found["queues"] = tables.queues_table
    if recording.journal:
        found["journal"] = tables.journal_table
    return found


def _write_table(path: Path, table: Table, result: RunResult) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table.to_arrow().replace_schema_metadata(_metadata(result)), path, compression="zstd")


def _metadata(result: RunResult) -> dict[str, str]:
    """What the units in the columns' names mean."""
    instrument = result.instrument
    return {
        "simexec_version": versions()["simexec"],
        "journal_digest": result.journal_digest,
        "symbol": instrument.symbol,
        "epoch_utc": result.epoch.isoformat(),
        "timezone": result.scenario.session.timezone,
        "tick": str(instrument.tick),
        "price_quantum": str(instrument.quantum),
        "currency": instrument.currency,
        "units_per_currency": str(units_per(instrument.currency)),
    }
