"""What a data file holds, and what is wrong with it: ``simexec data check``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from simexec.market.lobster import read_lobster
from simexec.sim.clock import format_time_of_day

_EVENTS: Final = {
    1: "new",
    2: "partial_cancel",
    3: "delete",
    4: "execution_visible",
    5: "execution_hidden",
    6: "cross",
    7: "halt",
}


def check_file(path: Path) -> dict[str, Any]:
    """Read a LOBSTER message file with its order book file and say what they hold.

    Returns:
        ``file``, ``symbol``, ``date``, ``levels``, ``rows``, ``counts`` by type of event, ``span`` (first and last time of day),
        ``top_of_book_match`` (fraction of rows whose best prices and sizes the replay reproduces before it is re-anchored),
        ``queue_head_executions``, ``executed_visible`` and ``executed_hidden`` (shares), ``messages`` (explicit ones made from the
        rows) and ``problems``, each with its line.

    Raises:
        DataError: the files cannot be read; the message names file, line and value.
    """
    recording = read_lobster(path)
    counted = sum(recording.defects.values())
    problems = [
        {"line": problem.line, "what": problem.what, "price": problem.price / recording.price_quanta_per_unit}
        for problem in recording.problems
    ]
    if counted > len(problems):
        problems.append({"line": None, "what": f"and {counted - len(problems)} more", "price": None})
    return {
        "file": str(path),
        "symbol": recording.symbol,
        "date": recording.date.isoformat(),
        "levels": recording.levels,
        "rows": recording.rows,
        "counts": {_EVENTS[kind]: count for kind, count in recording.counts.items()},
        "span": [format_time_of_day(int(recording.row_times[i])) for i in (0, -1)],
        "top_of_book_match": recording.top_matches / recording.rows,
        "queue_head_executions": recording.queue_head_executions,
        "executed_visible": recording.executed_visible,
        "executed_hidden": recording.executed_hidden,
        "messages": len(recording.messages),
        "problems": problems,
    }


def format_check(found: dict[str, Any]) -> str:
    """The answer of ``check_file`` as text."""
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in found["counts"].items())
    executions = found["counts"].get("execution_visible", 0)
    lines = [
        f"{found['file']}",
        f"  {found['symbol']}, {found['date']}, {found['levels']} levels, {found['span'][0]} to {found['span'][1]}",
        f"  rows                   {found['rows']:,}: {counts}",
        f"  top of book match      {found['top_of_book_match']:.2%} of rows, before re-anchoring",
        f"  executed               {found['executed_visible']:,} visible and {found['executed_hidden']:,} hidden shares",
        f"  at the queue head      {found['queue_head_executions']:,} of {executions:,} visible executions",
        f"  explicit messages      {found['messages']:,}",
    ]
    if not found["problems"]:
        return "\n".join([*lines, "  problems               none"])
    lines.append("  problems")
    for problem in found["problems"]:
        where = "" if problem["line"] is None else f"line {problem['line']}, price {problem['price']:.4f}: "
        lines.append(f"    {where}{problem['what']}")
    return "\n".join(lines)
