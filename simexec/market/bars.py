"""Files of bars (CSV, gzipped CSV, Parquet), read block by block: a file of any length needs the memory of a block.

What is wrong in a file is refused, by file, line and column. With ``repair`` the bar is left out instead, counted by kind, and the
first ones are named; nothing is ever guessed. Kinds: ``not_a_number`` (a missing, unreadable, infinite or, of a price, non-positive
value), ``negative_volume``, ``inconsistent`` (high below or low above another price of the bar), ``duplicate`` (the time of the
bar before), ``clock_back`` (earlier than a bar before), ``overlap`` (begins before the end of the bar before), ``fields``
(a line with too many or too few).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs
import numpy as np
import numpy.typing as npt

from simexec.errors import DataError, InputError
from simexec.market.bar_columns import FIELDS, Column, columns_of, open_file
from simexec.market.levels import Array
from simexec.market.tape import BAR_WIDTH
from simexec.sim.clock import Duration, format_duration, parse_duration
from simexec.trading.instrument import LARGEST_COUNT, Instrument

_NAMED: Final = 20
"""Problems that are named; the others are counted."""

_NEVER: Final = -(2**62)


@attrs.frozen
class BarProblem:
    """A bar that was left out.

    Attributes:
        line: in the file, from 1; of Parquet the row, from 1.
        column: by its name in the file; "" if the whole line is meant.
        kind: see the module.
        value: what stands there.
    """

    line: int
    column: str
    kind: str
    value: str


@attrs.define
class BarReport:
    """What reading has found so far.

    Attributes:
        rows: of the file; ``bars``: those that were handed out; ``volume``: their sum.
        left_out: rows left out, by kind.
        problems: the first of them.
        fractional: bars whose volume was no whole number and was rounded down.
        gaps: times between bars without a bar; no defect, since nothing may have traded.
        longest_gap_ns: of these.
    """

    rows: int = 0
    bars: int = 0
    volume: int = 0
    left_out: Counter[str] = attrs.field(factory=Counter)
    problems: list[BarProblem] = attrs.field(factory=list)
    fractional: int = 0
    gaps: int = 0
    longest_gap_ns: int = 0


class BarFile:
    """A file of bars of one instrument; a ``Tape``.

    Prices are rounded to the nearest price quantum. Volumes are rounded down to whole shares.

    Args:
        path: ``.csv``, ``.csv.gz`` or ``.parquet``; a CSV's first line has the columns' names.
        instrument: for its price quantum.
        interval: length of a bar.
        stamp: whether a bar's time is its ``"start"`` or its ``"end"``. There is no default: the wrong one shows every
            bar an interval too early, and nothing in a file tells.
        epoch: the run's (``Simulation.epoch``), with a time zone.
        timezone: of times without an offset of their own. A time that does not exist there, or twice, is not readable.
        columns: names in the file of time, open, high, low, close, volume, where they differ from these.
        time_unit: of times that are numbers since 1970: ``s``, ``ms``, ``us`` or ``ns``.
        repair: whether to leave out what would be refused.

    Attributes:
        report: of the latest reading.

    Raises:
        InputError: an argument that makes no sense. Everything about the file is found when it is read.
    """

    is_bars: Final = True

    def __init__(
        self,
        path: str | Path,
        instrument: Instrument,
        *,
        interval: Duration,
        stamp: str,
        epoch: datetime = datetime(1970, 1, 1, tzinfo=UTC),
        timezone: str = "UTC",
        columns: Mapping[str, str] | None = None,
        time_unit: str | None = None,
        repair: bool = False,
    ) -> None:
        self.path = Path(path)
        self._interval = parse_duration(interval)
        if self._interval == 0:
            raise InputError("bars of interval 0 have no length; give one such as '1m'")
        if stamp not in ("start", "end"):
            raise InputError(f"stamp {stamp!r} of bars must be 'start' or 'end': which end of the bar its time names")
        if epoch.tzinfo is None:
            raise InputError(f"epoch {epoch} has no time zone; give the simulation's")
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise InputError(f"time zone {timezone!r} is unknown; give a name such as 'America/New_York'") from None
        if time_unit not in (None, "s", "ms", "us", "ns"):
            raise InputError(f"time unit {time_unit!r} must be s, ms, us or ns")
        self._names = dict(zip(FIELDS, FIELDS, strict=True)) | dict(columns or {})
        if set(self._names) != set(FIELDS):
            raise InputError(f"columns {sorted(columns or {})} are not all among {', '.join(FIELDS)}; map only these")
        self._shift = self._interval if stamp == "end" else 0
        since = epoch - datetime(1970, 1, 1, tzinfo=UTC)
        self._epoch_ns = (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000
        self._timezone, self._time_unit, self._repair = timezone, time_unit, repair
        self._quantum = float(instrument.quantum)
        self.report = BarReport()
        self._last = _NEVER

    def blocks(self) -> Iterator[Array]:
        """See ``Tape``.

        Raises:
            DataError: the file cannot be read, or holds what is refused.
        """
        self.report = BarReport()
        self._last = _NEVER
        source = open_file(self.path, self._names, on_fields=self._leave_out_line)
        for first, batch in source.batches():
            block = self._block(columns_of(batch, self._names, self._timezone, self._time_unit), first, source.line_of)
            if len(block):
                yield block

    def read(self) -> BarReport:
        """Read the whole file without keeping it, and say what was found."""
        for _ in self.blocks():
            pass
        return self.report

    # --- checks ---

    def _leave_out(self, problem: BarProblem) -> None:
        if not self._repair:
            where = f"column {problem.column!r}: " if problem.column else ""
            what = problem.kind.replace("_", " ")
            raise DataError(
                f"{self.path}: line {problem.line}: {where}{problem.value}: {what}; mend it, or read with repair"
            )
        self.report.left_out[problem.kind] += 1
        if len(self.report.problems) < _NAMED:
            self.report.problems.append(problem)

    def _leave_out_line(self, line: int, text: str) -> None:
        self.report.rows += 1
        self._leave_out(BarProblem(line, "", "fields", repr(text)))

    def _block(self, columns: dict[str, Column], first: int, line_of: Any) -> Array:
        rows = len(columns["time"].values)
        self.report.rows += rows
        kinds: dict[int, tuple[str, str]] = {}  # by row: kind and field, the first that was found

        def mark(bad: npt.NDArray[np.bool_], kind: str, field: str) -> None:
            for row in np.flatnonzero(bad).tolist():
                kinds.setdefault(row, (kind, field))

        mark(~columns["time"].fine, "not_a_number", "time")
        prices = {}
        for field in ("open", "high", "low", "close"):
            with np.errstate(all="ignore"):
                quanta = np.rint(columns[field].values / self._quantum)
            good = columns[field].fine & (quanta > 0) & (quanta <= LARGEST_COUNT)
            mark(~good, "not_a_number", field)
            prices[field] = np.where(good, quanta, 1).astype(np.int64)
        volume = columns["volume"]
        mark(~(volume.fine & (volume.values <= LARGEST_COUNT)), "not_a_number", "volume")
        mark(volume.fine & (volume.values < 0), "negative_volume", "volume")
        whole = np.floor(np.where(volume.fine, volume.values, 0)).astype(np.int64)
        open_, high, low, close = prices.values()
        mark(high < np.maximum(open_, np.maximum(low, close)), "inconsistent", "high")
        mark(low > np.minimum(open_, close), "inconsistent", "low")
        start = columns["time"].values.astype(np.int64) - self._epoch_ns - self._shift
        self._mark_order(start, kinds)
        for row, (kind, field) in sorted(kinds.items()):
            self._leave_out(BarProblem(line_of(first + row), self._names[field], kind, columns[field].shown(row)))
        keep = np.ones(rows, bool)
        keep[list(kinds)] = False
        block = np.empty((int(keep.sum()), BAR_WIDTH), np.int64)
        for i, column in enumerate((start, start + self._interval, open_, high, low, close, whole)):
            block[:, i] = column[keep]
        self.report.bars += len(block)
        self.report.volume += int(block[:, -1].sum())
        self.report.fractional += int((volume.values[keep] != whole[keep]).sum())
        return block

    def _mark_order(self, start: Array, kinds: dict[int, tuple[str, str]]) -> None:
        """Mark bars out of order against the last one kept, and count gaps."""
        sound = np.ones(len(start), bool)
        sound[list(kinds)] = False
        rows = np.flatnonzero(sound)
        steps = np.diff(start[rows], prepend=self._last) if len(rows) else np.empty(0, np.int64)
        if (steps < self._interval).any():  # one by one, since a bar that is left out is no measure for the next
            last, kept = self._last, []
            for row in rows.tolist():
                time = int(start[row])
                if time < last + self._interval:
                    kind = "clock_back" if time < last else "duplicate" if time == last else "overlap"
                    kinds[row] = (kind, "time")
                    continue
                last = time
                kept.append(row)
            rows = np.array(kept, np.int64)
            steps = np.diff(start[rows], prepend=self._last) if len(rows) else steps[:0]
        if not len(rows):
            return
        gaps = steps[steps > self._interval]
        if self._last == _NEVER:
            gaps = gaps[1:]  # what the first bar is after nothing
        if start[rows[0]] < 0:
            raise DataError(
                f"{self.path}: a bar begins {format_duration(-int(start[rows[0]]))} before the run's epoch; choose an earlier epoch"
            )
        self.report.gaps += len(gaps)
        if len(gaps):
            self.report.longest_gap_ns = max(self.report.longest_gap_ns, int(gaps.max()) - self._interval)
        self._last = int(start[rows[-1]])
