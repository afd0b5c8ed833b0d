"""The folder that a run leaves behind: it appears complete, or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from simexec.analysis import tables
from simexec.analysis.analyzer import ExecutionAnalyzer
from simexec.analysis.result import RunResult
from simexec.analysis.summary import run_json, versions
from simexec.analysis.table import Table
from simexec.config.load import dump_scenario
from simexec.config.venue import HistoryMode
from simexec.errors import InputError
from simexec.trading.money import units_per


def check_out_dir(out_dir: Path) -> None:
    """Refuse a folder that ``write_run`` could not write, so that no run is made in vain.

    Raises:
        InputError: it is a file, not empty, the working folder or a mount point, or its place cannot be written to.
    """
    try:
        folder = out_dir.resolve()
        folder.exists()
    except OSError as error:
        raise InputError(f"{out_dir} cannot be a folder: {error.strerror}; give a shorter name") from error
    if folder.exists():
        if not folder.is_dir():
            raise InputError(f"{out_dir} is a file; give the name of a new folder")
        if any(folder.iterdir()):
            raise InputError(f"{out_dir} is not empty; give the name of a new folder, or empty it first")
        if folder == Path.cwd() or folder.is_mount():
            raise InputError(f"{out_dir} cannot be replaced in one step; give the name of a new folder inside it")
    place = next(parent for parent in folder.parents if parent.exists())
    if not place.is_dir():
        raise InputError(f"{out_dir} would lie inside {place}, which is a file; give a folder elsewhere")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(f"{out_dir} would lie inside {place}, which is not writable; give a folder elsewhere")
    try:
        Path(tempfile.mkdtemp(dir=place)).rmdir()
    except OSError as error:
        raise InputError(f"{out_dir} would lie inside {place}: {error.strerror}; give a folder elsewhere") from error


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
        InputError: ``out_dir`` is refused, see ``check_out_dir``; nothing was written.
    """
    check_out_dir(out_dir)
    folder = out_dir.resolve()
    missing = [parent for parent in folder.parents if not parent.exists()]  # the innermost first
    partial = folder.with_name(f".{folder.name[:100]}-{secrets.token_hex(4)}.partial")
    try:
        partial.mkdir(parents=True)
        _fill(partial, result, plot)
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        with contextlib.suppress(OSError):  # one that was never made, or that somebody else uses by now
            for parent in missing:
                parent.rmdir()
        raise
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
