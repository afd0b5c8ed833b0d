"""How a session's volume spreads over its time, as known before the session: from trades, a file, or a model."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from simexec.errors import DataError, InputError
from simexec.sim.clock import Duration, format_time_of_day, parse_duration, parse_time_of_day

_BUCKETS: Final = 390
"""Of a curve that is computed: minutes of a session of six and a half hours."""

_LARGEST: Final = 1e15
"""Volume or weight in a file, so that sums are finite."""


class VolumeCurve:
    """Expected share of a session's volume by time; within a bucket volume comes evenly.

    Times are ns on one clock, such as that of the run: with its epoch at midnight they are times of day. They are whole numbers or
    arrays of them; before the session nothing has traded, after it everything.

    Args:
        edges_ns: where buckets begin, and the end of the last; rising.
        weights: volume of each bucket in any unit; not all zero.
        total: shares a session that are expected; None: unknown.

    Attributes:
        start_ns: of the first bucket; ``end_ns`` of the last.
        total: as given.

    Raises:
        InputError: for edges that do not rise, or weights that are negative, not finite, or all zero.
    """

    def __init__(self, edges_ns: npt.ArrayLike, weights: npt.ArrayLike, total: float | None = None) -> None:
        edges, shares = np.asarray(edges_ns), np.asarray(weights, np.float64)
        if edges.dtype.kind not in "iu" or edges.ndim != 1 or shares.shape != (edges.size - 1,) or not shares.size:
            raise InputError(
                f"a volume curve has {edges.size} edges of type {edges.dtype} and {shares.size} weights; "
                "give whole nanoseconds, one edge more than weights, and one weight or more"
            )
        edges = edges.astype(np.int64)
        level = np.flatnonzero(np.diff(edges) <= 0)
        if level.size:
            raise InputError(
                f"edge {edges[level[0] + 1]} of a volume curve does not come after {edges[level[0]]}; sort the edges"
            )
        if not (np.isfinite(shares).all() and (shares >= 0).all() and shares.any()):
            raise InputError(
                f"the weights of a volume curve run from {shares.min()} to {shares.max()}; "
                "none may be negative, and one must be above 0"
            )
        if total is not None and not (math.isfinite(total) and total > 0):
            raise InputError(
                f"total volume {total!r} of a session is not a number above 0; leave it out if it is unknown"
            )
        self.start_ns, self.end_ns = int(edges[0]), int(edges[-1])
        self.total = total
        self._edges = (edges - edges[0]).astype(np.float64)  # from the start, so that they are exact
        done = np.cumsum(shares / shares.max())
        self._done = np.concatenate(([0.0], done / done[-1]))

    @classmethod
    def uniform(cls, start_ns: int, end_ns: int, total: float | None = None) -> VolumeCurve:
        """Volume comes evenly."""
        return cls([start_ns, end_ns], [1.0], total)

    @classmethod
    def u_shaped(cls, start_ns: int, end_ns: int, depth: float, total: float | None = None) -> VolumeCurve:
        """Much volume at the beginning and the end, little between: a parabola.

        At a fraction u of the session the rate is 1 + depth (12 (u - 1/2)^2 - 1) times its average. That trading crowds at
        the open and the close is explained by Admati and Pfleiderer, "A theory of intraday patterns: volume and price
        variability", Review of Financial Studies 1 (1988); the parabola is only the simplest curve of that shape.

        Args:
            start_ns: of the session.
            end_ns: of the session.
            depth: from 0, even, to 1, nothing in the middle and three times the average at the ends.
            total: shares a session; None: unknown.
        """
        if not 0 <= depth <= 1:
            raise InputError(f"depth {depth!r} of a volume curve is not from 0 to 1")
        count = max(1, min(_BUCKETS, end_ns - start_ns))
        edges = np.array([start_ns + (end_ns - start_ns) * i // count for i in range(count + 1)])
        u = (edges - edges[0]) / max(1, end_ns - start_ns) - 0.5
        return cls(edges, np.diff((1 - depth) * u + 4 * depth * u**3), total)

    @classmethod
    def from_trades(
        cls,
        days: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]],
        start_ns: int,
        end_ns: int,
        bucket: Duration,
    ) -> VolumeCurve:
        """The average of what traded on one or more days; ``total`` is the average day's volume.

        Args:
            days: of each day the times of its trades, in ns after that day's own midnight if the session's are times of day,
                and their quantities.
            start_ns: of the session.
            end_ns: of the session. Trades at either belong to it, trades outside do not count.
            bucket: length of a bucket, a duration; the last one may be shorter.

        Raises:
            InputError: if nothing traded in the session, a quantity is negative or not finite, or a day's two arrays do not fit.
        """
        length = parse_duration(bucket)
        if length == 0 or end_ns <= start_ns:
            raise InputError(
                f"buckets of {length} ns from {start_ns} to {end_ns} make no session; give a length above 0"
            )
        edges = np.append(np.arange(start_ns, end_ns, length, dtype=np.int64), end_ns)
        volumes, count = np.zeros(edges.size - 1), 0
        for count, day in enumerate(days, start=1):
            times, quantities = np.asarray(day[0]), np.asarray(day[1], np.float64)
            if times.ndim != 1 or times.shape != quantities.shape or (times.size and times.dtype.kind not in "iu"):
                raise InputError(
                    f"day {count} has times of shape {times.shape} and type {times.dtype}, and quantities of shape "
                    f"{quantities.shape}; give whole nanoseconds and one quantity each"
                )
            wrong = np.flatnonzero(~(np.isfinite(quantities) & (quantities >= 0)))
            if wrong.size:
                raise InputError(f"quantity {quantities[wrong[0]]} of trade {wrong[0]} on day {count} is not from 0 up")
            volumes += np.histogram(times, edges, weights=quantities)[0]
        if not volumes.any():
            raise InputError(
                f"nothing traded from {format_time_of_day(start_ns)} to {format_time_of_day(end_ns)} on {count} days; "
                "give the session's times, on the clock of the trades"
            )
        return cls(edges, volumes, float(volumes.sum()) / count)

    @classmethod
    def from_csv(cls, path: str | Path, end_ns: int | None = None) -> VolumeCurve:
        """A curve from a file with a line of column names, ``start`` and either ``volume`` or ``weight``.

        ``start`` is when a bucket begins: a time of day such as 09:30, or whole ns. ``volume`` is in shares, so that their sum is
        the session's total; of ``weight`` only the proportions count, and the total is unknown. Other columns are ignored.

        Args:
            path: the file.
            end_ns: end of the last bucket; None: it is as long as the one before.

        Raises:
            DataError: with file, line and value.
        """
        starts, weights, kind = _read(Path(path))
        if end_ns is None and len(starts) == 1:
            raise DataError(f"{path}: holds a single bucket, so where it ends is unknown; say it (end_ns)")
        end_ns = 2 * starts[-1] - starts[-2] if end_ns is None else end_ns
        if end_ns <= starts[-1]:
            raise DataError(
                f"{path}: start {format_time_of_day(starts[-1])} is not before the session's end "
                f"{format_time_of_day(end_ns)}; leave such lines out"
            )
        return cls([*starts, end_ns], weights, math.fsum(weights) if kind == "volume" else None)

    def cumulative(self, time_ns: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Share of the session's volume that has traded by a time, from 0 to 1; in the shape given."""
        return np.asarray(np.interp(np.asarray(time_ns) - self.start_ns, self._edges, self._done))

    def fraction(self, start_ns: npt.ArrayLike, end_ns: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Share of the session's volume between two times; in the shape given, and negative if they are swapped."""
        return self.cumulative(end_ns) - self.cumulative(start_ns)

    def time_at(self, fraction: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """When a share of the volume has first traded, to the nearest nanosecond; in the shape given.

        Raises:
            InputError: for a share that is not from 0 to 1.
        """
        wanted = np.asarray(fraction, np.float64)
        if not ((wanted >= 0) & (wanted <= 1)).all():
            raise InputError(f"fraction {fraction!r} of a session's volume is not from 0 to 1")
        after = np.maximum(
            1, np.searchsorted(self._done, wanted)
        )  # the first edge with so much done, so never a level stretch
        low, high = self._done[after - 1], self._done[after]
        begin, end = self._edges[after - 1], self._edges[after]
        part = np.where(high > low, (wanted - low) / np.where(high > low, high - low, 1.0), 0.0)
        return np.asarray(self.start_ns + np.rint(begin + part * (end - begin)).astype(np.int64))


def _read(path: Path) -> tuple[list[int], list[float], str]:
    """Starts, weights and the weights' column of a curve's file."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            names = [name.strip() for name in next(reader, [])]
            kinds = sorted({"volume", "weight"} & set(names))
            if "start" not in names or len(kinds) != 1 or len(set(names)) != len(names):
                raise DataError(
                    f"{path}: line 1: has the columns {names}; 'start' is needed, and one of 'volume' and 'weight'"
                )
            starts: list[int] = []
            weights: list[float] = []
            for row in reader:
                if not row:
                    continue
                where = f"{path}: line {reader.line_num}"
                if len(row) != len(names):
                    raise DataError(f"{where}: has {len(row)} fields, right would be {len(names)}")
                start, weight = (
                    _start(where, row[names.index("start")]),
                    _weight(where, row[names.index(kinds[0])], kinds[0]),
                )
                if starts and start <= starts[-1]:
                    raise DataError(
                        f"{where}: start {row[names.index('start')]!r} is not after the line before; sort the lines"
                    )
                starts.append(start)
                weights.append(weight)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: is not a CSV file in UTF-8 ({error})") from None
    if not any(weights):
        raise DataError(f"{path}: no line has a {kinds[0]} above 0; one is needed")
    return starts, weights, kinds[0]


def _start(where: str, text: str) -> int:
    stripped = text.strip()
    try:
        start = int(stripped) if stripped.isdecimal() else parse_time_of_day(stripped)
    except InputError:
        start = -1
    if not 0 <= start < 2**62:
        raise DataError(f"{where}: start {text!r} is neither a time of day such as 09:30 nor whole nanoseconds")
    return start


def _weight(where: str, text: str, kind: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not 0 <= weight <= _LARGEST:
        raise DataError(f"{where}: {kind} {text!r} is not a number from 0 to {_LARGEST:.0e}")
    return weight
