"""From a level-limited recording to explicit messages: the compiled pass that runs once, when a recording is loaded.

A recording of the best L levels says nothing of what happens beyond them. An order that drifts out of the window may be cancelled
there unseen, so a replay of its messages alone soon shows orders that are long gone. This pass replays the messages on a book of
its own, compares that book with the recorded one after every row, and writes down what the messages did not say:

- levels beyond the recorded window are pruned (``PRUNE``);
- where the outermost recorded level shows more than the messages explain, the difference is quantity of unknown age, put at the
  head of the queue, since it was there before the level came into view (``ADD_HEAD``);
- removals and executions of orders that are not known are taken from that quantity.

A difference at any other level is a defect of the recording: it is repaired in the same way, counted and reported. Consecutive
executions of one time and one aggressor become one incoming order (``SWEEP``, ``HIT`` ..., ``SWEEP_END``).
"""

from __future__ import annotations

from typing import Final

from numba import njit

from simexec.market import layout as at
from simexec.market.levels import Array, detach, find_level, insert, shrink, sign_of
from simexec.market.log import best_shown

# ``progress``
ROW: Final = 0
EMITTED: Final = 1
REFERENCES: Final = 2  # references given out, those of the recording's own orders first
NAMED: Final = 3  # references of the recording's own orders
MATCHED: Final = 4  # rows whose best prices and sizes the replay had before re-anchoring
HEAD_EXECUTIONS: Final = 5
EXECUTED_SHOWN: Final = 6  # shares
EXECUTED_HIDDEN: Final = 7
UNKNOWN: Final = 8  # rows about an order that is neither known nor covered by quantity of unknown age
DUPLICATE: Final = 9
MISMATCHED: Final = 10  # rows in which another level than the outermost had to be repaired
SWEEP_LEFT: Final = 11  # executions of the present sweep still to come
PROBLEMS: Final = 12
PROGRESS_WIDTH: Final = 16

EVENT_ADD: Final = 1
EVENT_EXECUTE: Final = 4
EVENT_EXECUTE_HIDDEN: Final = 5
MOST_PROBLEMS: Final = 100


@njit(cache=True)
def emit(
    progress: Array, messages: Array, time: int, kind: int, ref: int, price: int, quantity: int, side: int
) -> None:  # fmt: skip
    """Append a message."""
    i = progress[EMITTED]
    messages[i, 0] = time
    messages[i, 1] = kind
    messages[i, 2] = ref
    messages[i, 3] = price
    messages[i, 4] = quantity
    messages[i, 5] = side
    progress[EMITTED] = i + 1


@njit(cache=True)
def complain(progress: Array, problems: Array, counter: int, price: int) -> None:
    """Count a defect of the present row, and keep the first ones by row."""
    progress[counter] += 1
    if progress[PROBLEMS] < MOST_PROBLEMS:
        problems[progress[PROBLEMS], 0] = progress[ROW]
        problems[progress[PROBLEMS], 1] = counter
        problems[progress[PROBLEMS], 2] = price
        progress[PROBLEMS] += 1


@njit(cache=True)
def unknown_age(orders: Array, levels: Array, level: int, named: int) -> int:
    """Row of a level's quantity of unknown age, which is always at its head, or NIL."""
    if level == at.NIL:
        return at.NIL
    row = levels[level, at.HEAD]
    return row if orders[row, at.REF] >= named else at.NIL


@njit(cache=True)
def add_unknown(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, progress: Array, messages: Array, time: int,
    side: int, key: int, quantity: int,
) -> None:  # fmt: skip
    """Put quantity of unknown age at the head of a level."""
    level = find_level(state, ladder, side, key)
    row = unknown_age(orders, levels, level, progress[NAMED])
    if row == at.NIL:
        ref = progress[REFERENCES]
        progress[REFERENCES] = ref + 1
        slots[ref] = insert(state, orders, levels, ladder, side, key, quantity, 0, 0, ref, True)
    else:
        ref = orders[row, at.REF]
        orders[row, at.SHOWN] += quantity
        levels[level, at.LEVEL_SHOWN] += quantity
    emit(progress, messages, time, at.ADD_HEAD, ref, sign_of(side) * key, quantity, side)


@njit(cache=True)
def open_sweep(
    progress: Array, messages: Array, times: Array, events: Array, sizes: Array, prices: Array, sides: Array
) -> None:  # fmt: skip
    """If the row begins a run of executions by one aggressor, write the whole incoming order ahead of it."""
    first = progress[ROW]
    if progress[SWEEP_LEFT] > 0:
        return
    last, total, worst = first, 0, prices[first]
    aggressor = 1 - sides[first]
    while (
        last < len(times)
        and events[last] in (EVENT_EXECUTE, EVENT_EXECUTE_HIDDEN)
        and times[last] == times[first]
        and sides[last] == sides[first]
    ):
        total += sizes[last]
        worst = max(worst, prices[last]) if aggressor == 0 else min(worst, prices[last])
        last += 1
    progress[SWEEP_LEFT] = last - first
    emit(progress, messages, times[first], at.SWEEP, at.NIL, worst, total, aggressor)


@njit(cache=True)
def apply_row(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, progress: Array, messages: Array, problems: Array,
    times: Array, events: Array, refs: Array, sizes: Array, prices: Array, sides: Array,
) -> None:  # fmt: skip
    """Apply a recorded row to the pass's own book and write its messages."""
    i = progress[ROW]
    time, event, ref, size, price, side = times[i], events[i], refs[i], sizes[i], prices[i], sides[i]
    key = sign_of(side) * price
    if event == EVENT_ADD:
        if slots[ref] != at.NIL:
            complain(progress, problems, DUPLICATE, price)
            emit(progress, messages, time, at.REMOVE, ref, price, orders[slots[ref], at.SHOWN], side)
            detach(state, orders, levels, ladder, slots, slots[ref])
        emit(progress, messages, time, at.ADD, ref, price, size, side)
        slots[ref] = insert(state, orders, levels, ladder, side, key, size, 0, 0, ref, False)
        return
    executes = event in (EVENT_EXECUTE, EVENT_EXECUTE_HIDDEN)
    if executes:
        open_sweep(progress, messages, times, events, sizes, prices, sides)
    if event == EVENT_EXECUTE_HIDDEN:
        progress[EXECUTED_HIDDEN] += size
        emit(progress, messages, time, at.HIT, at.NIL, price, size, side)
    elif event <= EVENT_EXECUTE:
        row = slots[ref]
        if row == at.NIL:
            row = unknown_age(orders, levels, find_level(state, ladder, side, key), progress[NAMED])
        here = 0 if row == at.NIL else min(size, orders[row, at.SHOWN])
        if here < size:
            complain(progress, problems, UNKNOWN, price)
        if executes:
            progress[EXECUTED_SHOWN] += size
            if row != at.NIL and orders[row, at.PREV] == at.NIL:
                progress[HEAD_EXECUTIONS] += 1
        if here > 0:
            kind = at.HIT if executes else at.REMOVE
            emit(progress, messages, time, kind, orders[row, at.REF], price, here, side)
            shrink(state, orders, levels, ladder, slots, row, here)
    if executes:
        progress[SWEEP_LEFT] -= 1
        if progress[SWEEP_LEFT] == 0:
            emit(progress, messages, time, at.SWEEP_END, at.NIL, 0, 0, 1 - side)


@njit(cache=True)
def book_price(books: Array, i: int, level: int, side: int) -> int:
    """Recorded price of a level; asks come first in each group of four columns."""
    return books[i, 4 * level + 2 * (1 - side)]


@njit(cache=True)
def book_size(books: Array, i: int, level: int, side: int) -> int:
    """Recorded size of a level; 0 when the book has no such level."""
    return books[i, 4 * level + 2 * (1 - side) + 1]


@njit(cache=True)
def top_matches(state: Array, levels: Array, ladder: Array, books: Array, i: int) -> bool:
    """Whether best prices and sizes of the pass's book equal the recorded ones."""
    for side in range(2):
        level = best_shown(state, levels, ladder, side)
        shown = 0 if level == at.NIL else levels[level, at.LEVEL_SHOWN]
        if shown != book_size(books, i, 0, side):
            return False
        if shown > 0 and sign_of(side) * levels[level, at.KEY] != book_price(books, i, 0, side):
            return False
    return True


@njit(cache=True)
def take_surplus(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, progress: Array, messages: Array, time: int,
    level: int, surplus: int,
) -> None:  # fmt: skip
    """Remove what a level shows beyond the recording, the oldest first."""
    side, price = levels[level, at.SIDE], sign_of(levels[level, at.SIDE]) * levels[level, at.KEY]
    while surplus > 0:
        row = levels[level, at.HEAD]
        quantity = min(surplus, orders[row, at.SHOWN])
        emit(progress, messages, time, at.REMOVE, orders[row, at.REF], price, quantity, side)
        shrink(state, orders, levels, ladder, slots, row, quantity)
        surplus -= quantity


@njit(cache=True)
def anchor_side(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, progress: Array, messages: Array, problems: Array,
    time: int, books: Array, side: int,
) -> int:  # fmt: skip
    """Make a side of the pass's book equal to the recorded one; returns the worst price that the recording sees."""
    i, depth = progress[ROW], books.shape[1] // 4
    while depth > 0 and book_size(books, i, depth - 1, side) == 0:
        depth -= 1
    sign = sign_of(side)
    worst = at.ANY_KEY if depth == 0 else sign * book_price(books, i, depth - 1, side)
    pruned = 0
    while state[at.LADDER_SIZE + side] > 0 and ladder[side, 0, 0] < worst:
        level = ladder[side, 0, 1]
        pruned += levels[level, at.LEVEL_SHOWN]
        for _ in range(levels[level, at.COUNT]):
            detach(state, orders, levels, ladder, slots, levels[level, at.HEAD])
    if pruned > 0:
        emit(progress, messages, time, at.PRUNE, at.NIL, sign * worst, pruned, side)
    repaired = False
    for j in range(depth):  # along the ladder, from the outermost recorded level inwards
        outer = depth - 1 - j
        key, size = sign * book_price(books, i, outer, side), book_size(books, i, outer, side)
        while j < state[at.LADDER_SIZE + side] and ladder[side, j, 0] < key:
            level = ladder[side, j, 1]
            take_surplus(
                state, orders, levels, ladder, slots, progress, messages, time, level, levels[level, at.LEVEL_SHOWN]
            )
            repaired = True
        shown = 0
        if j < state[at.LADDER_SIZE + side] and ladder[side, j, 0] == key:
            shown = levels[ladder[side, j, 1], at.LEVEL_SHOWN]
        if shown < size:
            add_unknown(state, orders, levels, ladder, slots, progress, messages, time, side, key, size - shown)
            repaired = repaired or outer < depth - 1
        elif shown > size:
            take_surplus(
                state, orders, levels, ladder, slots, progress, messages, time, ladder[side, j, 1], shown - size
            )
            repaired = True
    while state[at.LADDER_SIZE + side] > depth:
        level = ladder[side, depth, 1]
        take_surplus(
            state, orders, levels, ladder, slots, progress, messages, time, level, levels[level, at.LEVEL_SHOWN]
        )
        repaired = True
    if repaired and i > 0:
        complain(progress, problems, MISMATCHED, sign * worst)
    # a side that fills fewer levels than the recording has is seen whole
    return sign * worst if 4 * depth == books.shape[1] else -sign * at.ANY_KEY


@njit(cache=True)
def room_per_row(columns: int) -> int:
    """Orders, levels, references or messages that a row of so many book columns can add, removals by repair aside."""
    return 4 * columns + 16


@njit(cache=True)
def anchor(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, progress: Array, messages: Array, problems: Array,
    windows: Array, times: Array, events: Array, refs: Array, sizes: Array, prices: Array, sides: Array, books: Array,
    start: int,
) -> int:  # fmt: skip
    """Run the pass from ``progress[ROW]`` on: DONE, MORE (take the messages and call again) or GROW (a pool is full).

    The first row's book stands from ``start`` on, as quantity of unknown age: what rested before the recording has no names.
    """
    most = room_per_row(books.shape[1])
    while progress[ROW] < len(times):
        i = progress[ROW]
        live, used = state[at.ORDERS_LIVE], state[at.LADDER_SIZE] + state[at.LADDER_SIZE + 1]
        if progress[EMITTED] + most + live > messages.shape[0]:  # repairs may remove every order
            return at.MORE
        if live + most > len(orders) or used + most > len(levels) or progress[REFERENCES] + most > len(slots):
            return at.GROW
        if i > 0:
            apply_row(
                state, orders, levels, ladder, slots, progress, messages, problems, times, events, refs, sizes, prices, sides
            )  # fmt: skip
        if i == 0 or top_matches(state, levels, ladder, books, i):
            progress[MATCHED] += 1
        windows[i, 0] = times[i] if i > 0 else start
        for side in range(2):
            windows[i, 1 + side] = anchor_side(
                state, orders, levels, ladder, slots, progress, messages, problems, windows[i, 0], books, side
            )
        if i == 0 and (events[i] == EVENT_EXECUTE or events[i] == EVENT_EXECUTE_HIDDEN):
            if events[i] == EVENT_EXECUTE:  # the first book is the one after it: put back what it took
                key = sign_of(sides[i]) * prices[i]
                add_unknown(state, orders, levels, ladder, slots, progress, messages, start, sides[i], key, sizes[i])
            apply_row(
                state, orders, levels, ladder, slots, progress, messages, problems, times, events, refs, sizes, prices, sides
            )  # fmt: skip
        progress[ROW] = i + 1
    return at.DONE
