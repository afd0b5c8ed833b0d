"""A recording: the order flow of one instrument's day, ready to be replayed, and what is known about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Protocol

import attrs
import numpy as np

from simexec.errors import DataError
from simexec.market.levels import Array


@attrs.frozen
class Problem:
    """A defect of a recording that was repaired by a stated rule.

    Attributes:
        line: line or record in the file, from 1.
        what: the defect and the rule.
        price: price in quanta at which it occurred.
        field: the field that is wrong; empty where it is the whole line.
    """

    line: int
    what: str
    price: int
    field: str = ""


@attrs.frozen(eq=False)
class Recording:
    """Messages for the kernel (``layout`` has their columns) and the facts about the file they come from.

    Attributes:
        source: the file.
        format: ``"lobster"``, or ``"l3"`` for every format that names each order.
        start_ns: beginning, ns after local midnight of ``date``; ``end_ns`` its end.
        levels: price levels a side that the recording can see; beyond them nothing is known. 0: all of them.
        price_quanta_per_unit: price quanta in one unit of currency; ``tick_quanta``: quanta in a tick.
        messages: int64 array (n, 6), every row explicit: what the file left unsaid has been written in.
        references: how many background references the messages use.
        row_times: time (ns) of every row of the file.
        windows: int64 array (n, 3): time, worst visible bid, worst visible ask, where that changes.
        counts: rows by type of event.
        top_matches: rows whose best prices and sizes the replay had before it was re-anchored; None if the file has no book.
        queue_head_executions: displayed executions that hit the head of the replayed queue.
        executed_visible: shares of displayed executions; ``executed_hidden`` of others.
        final_shares: displayed shares in the recorded book at the end.
        problems: the first defects, by line; ``defects`` counts all of them.
        arrivals: when the recorder received each row (ns, the clock of ``row_times``, never going back); None if it is not known.
        facts: further figures, by name.
    """

    source: str
    symbol: str
    date: dt.date
    start_ns: int
    end_ns: int
    levels: int
    price_quanta_per_unit: int
    tick_quanta: int
    messages: Array
    references: int
    row_times: Array
    windows: Array
    counts: Mapping[str, int]
    queue_head_executions: int
    executed_visible: int
    executed_hidden: int
    final_shares: int
    problems: tuple[Problem, ...]
    defects: Mapping[str, int]
    format: str = "lobster"
    top_matches: int | None = None
    arrivals: Array | None = None
    facts: Mapping[str, int] = attrs.field(factory=dict)

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return len(self.row_times)

    def rows_until(self, time_ns: int) -> int:
        """Rows with a time up to and including ``time_ns``."""
        return int(np.searchsorted(self.row_times, time_ns, side="right"))

    @cached_property
    def _only_latency(self) -> int | None:
        """The latency that every row has, None if they differ."""
        assert self.arrivals is not None  # the caller has looked
        latencies = self.arrivals - self.row_times
        return int(latencies[0]) if len(latencies) and (latencies == latencies[0]).all() else None

    def latencies_at(self, times: Array) -> Array:
        """How long what happened at these times (ns, in order) took to reach the recorder: that of the last row until then.

        Before the first row it is the first row's.

        Raises:
            DataError: the recording has no arrival times.
        """
        if self.arrivals is None:
            raise DataError(f"{self.source}: has no arrival times; give the view a latency of its own")
        if self._only_latency is not None:
            return np.full(len(times), self._only_latency, np.int64)
        rows = np.maximum(np.searchsorted(self.row_times, times, side="right") - 1, 0)
        found: Array = self.arrivals[rows] - self.row_times[rows]
        return found


class RecordingReader(Protocol):
    """Reads a file of some format: ``read_lobster``, ``read_dbn``, ``read_npz``, or a function of one's own."""

    def __call__(self, path: Path, /) -> Recording:
        """Read a file; DataError, with file, record and field, if it cannot be read."""


class RecordedFlow:
    """A recording as a flow: its messages in one chunk; it counts the rows of the file, not the messages made from them."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.references = recording.references
        self.tick_quanta = recording.tick_quanta
        self._given = False

    def next_messages(self) -> Array | None:
        """See ``Flow``."""
        if self._given:
            return None
        self._given = True
        return self.recording.messages

    def applied(self, time_ns: int) -> int:
        """Rows of the file up to and including a time."""
        return self.recording.rows_until(time_ns)
