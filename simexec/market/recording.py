"""A recording: the order flow of one instrument's day, ready to be replayed, and what is known about it."""

from __future__ import annotations

import datetime as dt

import attrs
import numpy as np

from simexec.market.levels import Array


@attrs.frozen
class Problem:
    """A defect of a recording that was repaired by a stated rule.

    Attributes:
        line: line in the message file, from 1.
        what: the defect and the rule.
        price: price in quanta at which it occurred.
    """

    line: int
    what: str
    price: int


@attrs.frozen(eq=False)
class Recording:
    """Messages for the kernel (``layout`` has their columns) and the facts about the file they come from.

    Attributes:
        start_ns: beginning, ns after local midnight of ``date``; ``end_ns`` its end.
        levels: price levels a side that the recording can see; beyond them nothing is known.
        price_quanta_per_unit: price quanta in one unit of currency; ``tick_quanta``: quanta in a tick.
        messages: int64 array (n, 6), every row explicit: what the file left unsaid has been written in.
        references: how many background references the messages use.
        row_times: time (ns) of every row of the file.
        windows: int64 array (n, 3): time, worst visible bid, worst visible ask, where that changes.
        top_matches: rows whose best prices and sizes the replay had before it was re-anchored.
        queue_head_executions: displayed executions that hit the head of the replayed queue.
        final_shares: displayed shares in the recorded book at the end.
        problems: the first defects, by line; ``defects`` counts all of them.
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
    counts: dict[int, int]
    top_matches: int
    queue_head_executions: int
    executed_visible: int
    executed_hidden: int
    final_shares: int
    problems: tuple[Problem, ...]
    defects: dict[str, int]

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return len(self.row_times)

    def rows_until(self, time_ns: int) -> int:
        """Rows with a time up to and including ``time_ns``."""
        return int(np.searchsorted(self.row_times, time_ns, side="right"))


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
