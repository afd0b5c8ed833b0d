"""From L3 events to a recording: the compiled pass (``transcript``) run over all of them, and the figures that it found."""

from __future__ import annotations

from typing import Final

import numpy as np

from simexec.errors import DataError
from simexec.market import l3
from simexec.market import l3_progress as the
from simexec.market import layout as at
from simexec.market.arrays import BookArrays
from simexec.market.l3 import L3Events
from simexec.market.levels import Array
from simexec.market.recording import Problem, Recording
from simexec.market.transcript import transcribe

RULES: Final = {
    the.UNKNOWN: ("order id", "cancels an order that is not in the book; the row is left out"),
    the.UNKNOWN_MODIFY: ("order id", "changes an order that is not in the book; it is taken as a new one"),
    the.UNKNOWN_FILL: ("order id", "fills an order that is not in the book; it is taken as a hidden one"),
    the.DUPLICATE: ("order id", "order id is already in the book; the older order is removed"),
    the.CROSSED: ("price", "order crosses the book outside an auction; the orders that it crosses are removed"),
    the.UNCONFIRMED: ("order id", "no row confirms a fill of this event; its shares are taken"),
    the.MOVED: ("side", "order changes its side; it is removed and a new one added"),
    the.LOST: ("sequence", "records before this one are missing; what they changed is unknown"),
    the.BACK: ("time", "time goes back; the row takes the time of the row above it"),
}
"""What a recording may contradict: the field, and the defect with the rule by which it is repaired."""

_FIGURES: Final = {
    "events": the.EVENTS,
    "fills": the.FILLS,
    "fills_at_queue_head": the.FILLS_AT_HEAD,
    "fills_behind_cancelled": the.FILLS_BEHIND_CANCELLED,
    "fills_behind_filled": the.FILLS_BEHIND_FILLED,
    "fills_behind_other": the.FILLS_BEHIND_OTHER,
    "fills_of_aggressors": the.FILLS_OF_AGGRESSORS,
    "fills_in_auctions": the.FILLS_IN_AUCTIONS,
    "fills_unseen": the.FILLS_UNSEEN,
    "refreshes": the.REFRESHES,
    "auctions": the.AUCTIONS,
    "crossed_before_auctions": the.CROSSED_IN_CALLS,
}


def record(events: L3Events, *, timezone: str = "UTC") -> Recording:
    """Make the order flow of L3 events.

    Args:
        events: of one instrument.
        timezone: whose midnight times are counted from, on the date of the first row that is no snapshot.

    Raises:
        DataError: a row means nothing; the message has record, field and value.
    """
    events.check()
    flags = events.flags.astype(np.int64)
    flags[-1] |= l3.LAST
    stamps = events.times.astype(np.int64)
    times = np.maximum.accumulate(stamps)
    flags[times > stamps] |= l3.TURNED_BACK
    live = np.flatnonzero(flags & l3.SNAPSHOT == 0)
    date, epoch = l3.midnight(int(times[live[0] if len(live) else -1]), timezone)
    times -= epoch
    ran = _run(events, times, flags)
    progress, book, problems = ran.progress, ran.book, ran.problems
    actions, counts = np.unique(events.actions, return_counts=True)
    bids, asks = (int(book.state[at.LADDER_SIZE + side]) for side in range(2))
    facts = {name: int(progress[i]) for name, i in _FIGURES.items()} | events.notes
    facts["live_orders"] = int(book.state[at.ORDERS_LIVE])
    if bids:
        facts["best_bid"] = int(book.ladder[0, bids - 1, 0])
    if asks:
        facts["best_ask"] = -int(book.ladder[1, asks - 1, 0])
    if progress[the.AUCTIONS]:
        facts["continuous_from_ns"] = int(progress[the.OPENED])
    arrivals = None
    if events.arrivals is not None:
        arrivals = np.maximum.accumulate(np.maximum(events.arrivals.astype(np.int64) - epoch, times))
    return Recording(
        source=events.source,
        format="l3",
        symbol=events.symbol,
        date=date,
        start_ns=int(times[0]),
        end_ns=int(times[-1]),
        levels=0,
        price_quanta_per_unit=l3.quanta_per_unit(events.tick),
        tick_quanta=l3.SUBTICKS,
        messages=ran.messages,
        references=int(progress[the.REFERENCES]),
        row_times=times,
        windows=np.array([[times[0], -at.ANY_KEY, at.ANY_KEY]], np.int64),
        counts={l3.ACTIONS[int(a)]: int(n) for a, n in zip(actions, counts, strict=True)},
        queue_head_executions=facts["fills_at_queue_head"],
        executed_visible=int(progress[the.EXECUTED]),
        executed_hidden=int(progress[the.EXECUTED_UNSEEN]),
        final_shares=sum(
            int(book.levels[book.ladder[side, :size, 1], at.LEVEL_SHOWN].sum()) for side, size in ((0, bids), (1, asks))
        ),
        problems=tuple(
            Problem(events.record_of(int(row)), RULES[int(defect)][1], int(price), RULES[int(defect)][0])
            for row, defect, price in problems[: progress[the.PROBLEMS]]
        ),
        defects={rule: int(progress[defect]) for defect, (_, rule) in RULES.items() if progress[defect]},
        arrivals=arrivals,
        facts=facts,
    )


class _Run:
    """What the pass leaves behind."""

    def __init__(self, progress: Array, book: BookArrays, problems: Array, messages: Array) -> None:
        self.progress = progress
        self.book = book
        self.problems = problems
        self.messages = messages


def _run(events: L3Events, times: Array, flags: Array) -> _Run:
    rows = len(times)
    ids = np.ascontiguousarray(events.ids).astype(np.uint64).view(np.int64)
    places = 1 << max(4, (2 * rows - 1).bit_length())
    names = the.number_orders(ids, np.zeros(places, np.int64), np.full(places, at.NIL, np.int64))
    actions, sides, prices, sizes = (
        np.ascontiguousarray(column).astype(np.int64)
        for column in (events.actions, events.sides, events.prices, events.sizes)
    )
    longest = int(np.diff(np.flatnonzero(flags & l3.LAST), prepend=-1).max())
    # Twice what an event may add: a pool that has no room for it is then more than half full, and doubles.
    book = BookArrays.empty(orders=2 * longest + 4096, levels=2 * longest + 1024, slots=rows + 1, log=64)
    progress = np.zeros(the.PROGRESS_WIDTH, np.int64)
    problems = np.zeros((the.MOST_PROBLEMS, 3), np.int64)
    chunk = np.empty((2 * rows + 8 * longest + 4096, at.MESSAGE_WIDTH), np.int64)
    live, before, event = np.full(rows, at.NIL, np.int64), np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    owners, heads, filled = np.zeros(rows + 1, np.int64), np.zeros(longest, np.int64), np.zeros(longest, np.int64)
    ahead = the.auctions_ahead(actions, sides, flags)
    chunks: list[Array] = []
    while True:
        code = transcribe(
            book.state, book.orders, book.levels, book.ladder, book.slots, progress, chunk, live, owners, problems, heads,
            filled, before, event, times, actions, names, sides, prices, sizes, flags, ahead, events.fills_remove,
        )  # fmt: skip
        if code == at.GROW:
            book.grow()
            continue
        made = int(progress[the.EMITTED])
        if code == at.MORE and made == 0:  # a clearing of more orders than a chunk has room for
            chunk = np.empty((2 * len(chunk), at.MESSAGE_WIDTH), np.int64)
            continue
        chunks.append(chunk[:made].copy() if code == at.MORE else chunk[:made])
        progress[the.EMITTED] = 0
        if code == at.DONE:
            break
    messages = np.concatenate(chunks) if len(chunks) > 1 else chunks[0]
    if len(messages) == 0:
        raise DataError(f"{events.source}: has no row that changes a book")
    return _Run(progress, book, problems, messages)
