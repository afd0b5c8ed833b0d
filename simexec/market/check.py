"""What a data file holds, and what is wrong with it: ``simexec data check``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from simexec.errors import InputError
from simexec.market.dbn import read_dbn
from simexec.market.file_format import format_of
from simexec.market.lobster import read_lobster
from simexec.market.npz import read_npz
from simexec.market.recording import Recording, RecordingReader
from simexec.sim.clock import format_time_of_day

_BEHIND: Final = {
    "fills_behind_cancelled": "behind an order that the same event cancelled",
    "fills_behind_filled": "behind an order filled later in the same event",
    "fills_behind_other": "behind an order that stayed",
}


def read_recording(path: Path, symbol: str | None = None) -> Recording:
    """Read a recording of any known format; the format is told by the file's first bytes, else by its name.

    Args:
        path: a LOBSTER message file, a DBN file or an hftbacktest ``.npz`` file.
        symbol: which instrument of a file that has several; symbol or instrument id.

    Raises:
        DataError: the file cannot be read; the message names file, line or record, field and value.
    """
    kind = format_of(path)
    if kind == "databento":
        return read_dbn(path, instrument=symbol)
    recording = read_npz(path) if kind == "hftbacktest" else read_lobster(path)
    if symbol not in (None, recording.symbol):
        raise InputError(f"{path}: holds {recording.symbol!r} only, not {symbol!r}")
    return recording


def check_file(path: Path, *, symbol: str | None = None, read: RecordingReader | None = None) -> dict[str, Any]:
    """Read a recording and say what it holds.

    Args:
        path: the file.
        symbol: which instrument of a file that has several.
        read: the reader of a format of one's own; None: one of the known formats.

    Returns:
        ``file``, ``format``, ``symbol``, ``date``, ``rows``, ``counts`` by type of event, ``span`` (first and last time of day),
        ``queue_head_executions``, ``executed_visible`` and ``executed_hidden`` (shares), ``messages`` (explicit ones made from the
        rows) and ``problems``, each with its line or record. Of LOBSTER files also ``levels`` and ``top_of_book_match`` (fraction
        of rows whose best prices and sizes the replay reproduces before it is re-anchored); of all others ``facts``,
        ``best_bid`` and ``best_ask`` at the end, and ``feed_latency_us`` (median and 99 %) if there are arrival times.

    Raises:
        DataError: the file cannot be read; the message names file, line or record, field and value.
    """
    recording = read_recording(path, symbol) if read is None else read(path)
    counted, unit = sum(recording.defects.values()), recording.price_quanta_per_unit
    problems = [
        {"line": each.line, "field": each.field, "what": each.what, "price": each.price / unit}
        for each in recording.problems
    ]
    if counted > len(problems):
        problems.append({"line": None, "field": "", "what": f"and {counted - len(problems)} more", "price": None})
    found = {
        "file": str(path),
        "format": recording.format,
        "symbol": recording.symbol,
        "date": recording.date.isoformat(),
        "rows": recording.rows,
        "counts": dict(recording.counts),
        "span": [_time(int(recording.row_times[i])) for i in (0, -1)],
        "queue_head_executions": recording.queue_head_executions,
        "executed_visible": recording.executed_visible,
        "executed_hidden": recording.executed_hidden,
        "messages": len(recording.messages),
        "problems": problems,
    }
    if recording.top_matches is not None:
        return found | {"levels": recording.levels, "top_of_book_match": recording.top_matches / recording.rows}
    return found | _orders(recording)


def _orders(recording: Recording) -> dict[str, Any]:
    """What is known of a recording that names each order."""
    import numpy as np

    facts = dict(recording.facts)
    found: dict[str, Any] = {}
    for name in ("best_bid", "best_ask"):
        price = facts.pop(name, None)
        found[name] = None if price is None else price / recording.price_quanta_per_unit
    opened = facts.pop("continuous_from_ns", None)
    found["continuous_from"] = None if opened is None else _time(opened)
    if recording.arrivals is not None:
        live = slice(facts.get("snapshot_rows", 0), None)  # a snapshot did not travel
        latencies = np.quantile((recording.arrivals - recording.row_times)[live], [0.5, 0.99]) / 1e3
        found["feed_latency_us"] = [round(float(each), 3) for each in latencies]
    return found | {"facts": facts}


def _time(time_ns: int) -> str:
    day, rest = divmod(time_ns, 86_400 * 10**9)
    return format_time_of_day(rest) + (f" ({day:+} d)" if day else "")


def format_check(found: dict[str, Any]) -> str:
    """The answer of ``check_file`` as text."""
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in found["counts"].items())
    levels = f"{found['levels']} levels" if "levels" in found else "order by order"
    lines = [
        f"{found['file']}",
        f"  {found['symbol']}, {found['date']}, {levels}, {found['span'][0]} to {found['span'][1]}",
        f"  rows                   {found['rows']:,}: {counts}",
    ]
    if "top_of_book_match" in found:
        lines.append(f"  top of book match      {found['top_of_book_match']:.2%} of rows, before re-anchoring")
        executions = f"{found['counts'].get('execution_visible', 0):,} visible executions"
    else:
        lines += _order_lines(found)
        executions = f"{found['facts']['fills']:,} fills of resting orders"
    lines += [
        f"  executed               {found['executed_visible']:,} visible and {found['executed_hidden']:,} hidden shares",
        f"  at the queue head      {found['queue_head_executions']:,} of {executions}",
    ]
    if "facts" in found:
        lines += [
            f"  not at the head        {found['facts'][name]:,} {what}"
            for name, what in _BEHIND.items()
            if found["facts"][name]
        ]
    lines.append(f"  explicit messages      {found['messages']:,}")
    if not found["problems"]:
        return "\n".join([*lines, "  problems               none"])
    lines.append("  problems")
    for problem in found["problems"]:
        lines.append(f"    {_place(problem, 'levels' not in found)}{problem['what']}")
    return "\n".join(lines)


def _order_lines(found: dict[str, Any]) -> list[str]:
    facts = found["facts"]
    bid, ask = (("none" if price is None else f"{price:g}") for price in (found["best_bid"], found["best_ask"]))
    lines = [
        f"  events                 {facts['events']:,}",
        f"  book at the end        {bid} / {ask}, {facts['live_orders']:,} orders",
    ]
    if found["continuous_from"] is not None:
        lines.append(
            f"  auctions               {facts['auctions']}, trading from {found['continuous_from']};"
            f" {facts['crossed_before_auctions']:,} events before left the book crossed"
        )
    if facts["fills_in_auctions"]:
        lines.append(
            f"  fills in auctions      {facts['fills_in_auctions']:,},"
            f" {facts['fills_unseen']:,} of them of orders that never rested"
        )
    if facts["fills_of_aggressors"]:
        lines.append(f"  fills of aggressors    {facts['fills_of_aggressors']:,} that had rested before")
    if facts["refreshes"]:
        lines.append(f"  iceberg refreshes      {facts['refreshes']:,}")
    if "feed_latency_us" in found:
        median, most = found["feed_latency_us"]
        lines.append(f"  feed latency           {median:,.0f} us median, {most:,.0f} us at 99 %")
    return lines


def _place(problem: dict[str, Any], records: bool) -> str:
    if problem["line"] is None:
        return ""
    field = f"{problem['field']}: " if problem["field"] else ""
    return f"{'record' if records else 'line'} {problem['line']}, price {problem['price']:.4f}: {field}"
