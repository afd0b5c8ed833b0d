"""Ladders and queues of the compiled book: where an order stands.

Levels are kept in a sorted array a side, the best at its end. Almost every insertion is near the best and moves a few
entries; a price that wanders thousands of ticks costs nothing, because only prices that hold orders have an entry. Orders of a
level are a doubly linked queue, with a second queue behind it for hidden orders.

Nothing here is written twice for the two sides: prices are keys (see ``layout``), so the greater key is the better price.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

from simexec.market import layout as at

Array: TypeAlias = npt.NDArray[np.int64]

SPARE_LEVELS = 6
"""Levels that a message may need beside one for every stop: for what rests, and for what is elected or parked on each side."""


@njit(cache=True)
def sign_of(side: int) -> int:
    """+1 for the buy side (0) and the ladder of stops that sell (2), -1 for the sell side (1) and that of stops that buy (3)."""
    return 1 - 2 * (side & 1)


@njit(cache=True, forceinline=True)
def position(state: Array, ladder: Array, side: int, key: int) -> int:
    """Index in the side's ladder of the first level whose key is not below ``key``."""
    probe = state[at.LADDER_SIZE + side] - 1
    nearest = probe - 8
    while probe > nearest and probe >= 0:  # most prices are near the best
        if ladder[side, probe, 0] < key:
            return probe + 1
        probe -= 1
    low, high = 0, probe + 1
    while low < high:
        middle = (low + high) // 2
        if ladder[side, middle, 0] < key:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True)
def find_level(state: Array, ladder: Array, side: int, key: int) -> int:
    """Row of the level with this key, or NIL."""
    i = position(state, ladder, side, key)
    if i < state[at.LADDER_SIZE + side] and ladder[side, i, 0] == key:
        return ladder[side, i, 1]
    return at.NIL


@njit(cache=True, forceinline=True)
def level_for(state: Array, levels: Array, ladder: Array, side: int, key: int) -> int:
    """Row of the level with this key, made if there is none; the caller has checked that a row is free."""
    size = state[at.LADDER_SIZE + side]
    i = position(state, ladder, side, key)
    if i < size and ladder[side, i, 0] == key:
        return ladder[side, i, 1]
    level = state[at.FREE_LEVEL]
    state[at.FREE_LEVEL] = levels[level, at.HEAD]
    levels[level, :] = 0
    levels[level, at.KEY] = key
    levels[level, at.SIDE] = side
    levels[level, at.HEAD] = levels[level, at.TAIL] = levels[level, at.HIDDEN_HEAD] = levels[level, at.HIDDEN_TAIL] = (
        at.NIL
    )
    for j in range(size, i, -1):
        ladder[side, j, 0] = ladder[side, j - 1, 0]
        ladder[side, j, 1] = ladder[side, j - 1, 1]
    ladder[side, i, 0] = key
    ladder[side, i, 1] = level
    state[at.LADDER_SIZE + side] = size + 1
    return level


@njit(cache=True)
def drop_level(state: Array, levels: Array, ladder: Array, level: int) -> None:
    """Take an empty level out of its ladder and free its row."""
    side = levels[level, at.SIDE]
    size = state[at.LADDER_SIZE + side] - 1
    for i in range(position(state, ladder, side, levels[level, at.KEY]), size):
        ladder[side, i, 0] = ladder[side, i + 1, 0]
        ladder[side, i, 1] = ladder[side, i + 1, 1]
    state[at.LADDER_SIZE + side] = size
    levels[level, at.HEAD] = state[at.FREE_LEVEL]
    state[at.FREE_LEVEL] = level


@njit(cache=True)
def short(state: Array, orders: Array, levels: Array) -> bool:
    """Whether the pools may be too small for one more message: it rests one order, and may give every stop another price."""
    prices = state[at.LADDER_SIZE] + state[at.LADDER_SIZE + 1]
    waiting = state[at.OWN_ORDERS + at.WAITING] + state[at.OWN_ORDERS + at.WAITING + 1]
    return state[at.ORDERS_LIVE] >= orders.shape[0] or prices + 2 * waiting + SPARE_LEVELS > levels.shape[0]


@njit(cache=True)
def link(orders: Array, levels: Array, level: int, row: int, at_head: bool) -> None:
    """Put a row at the tail (or head) of its level's displayed or hidden queue."""
    head = at.HIDDEN_HEAD if orders[row, at.PEAK] < 0 else at.HEAD
    tail = head + 1
    if at_head:
        orders[row, at.PREV] = at.NIL
        orders[row, at.NEXT] = levels[level, head]
        if levels[level, head] == at.NIL:
            levels[level, tail] = row
        else:
            orders[levels[level, head], at.PREV] = row
        levels[level, head] = row
    else:
        orders[row, at.NEXT] = at.NIL
        orders[row, at.PREV] = levels[level, tail]
        if levels[level, tail] == at.NIL:
            levels[level, head] = row
        else:
            orders[levels[level, tail], at.NEXT] = row
        levels[level, tail] = row


@njit(cache=True)
def unlink(orders: Array, levels: Array, level: int, row: int) -> None:
    """Take a row out of its queue."""
    head = at.HIDDEN_HEAD if orders[row, at.PEAK] < 0 else at.HEAD
    before, after = orders[row, at.PREV], orders[row, at.NEXT]
    if before == at.NIL:
        levels[level, head] = after
    else:
        orders[before, at.NEXT] = after
    if after == at.NIL:
        levels[level, head + 1] = before
    else:
        orders[after, at.PREV] = before


@njit(cache=True)
def touch(state: Array, levels: Array, level: int) -> None:
    """Note that a queue of the book with participants' orders in it has moved."""
    if levels[level, at.OWN] > 0 and levels[level, at.SIDE] < at.WAITING:
        state[at.TOUCHED] = level if state[at.TOUCHED] == at.NIL or state[at.TOUCHED] == level else at.SEVERAL


@njit(cache=True)
def set_excess(state: Array, orders: Array, levels: Array, row: int, excess: int) -> None:
    """Change how much of an order is a leftover."""
    level = orders[row, at.LEVEL]
    change = (1 if excess > 0 else 0) - (1 if orders[row, at.EXCESS] > 0 else 0)
    levels[level, at.LEFT] += change
    state[at.LEFTOVERS + levels[level, at.SIDE]] += change
    orders[row, at.EXCESS] = excess


@njit(cache=True)
def join_chain(state: Array, orders: Array, row: int, chain: int) -> None:
    """Put an order at the end of the chain of trailing stops (0) or of pegs (2)."""
    last = state[at.CHAIN + chain + 1]
    orders[row, at.CHAIN_PREV] = last
    orders[row, at.CHAIN_NEXT] = at.NIL
    if last == at.NIL:
        state[at.CHAIN + chain] = row
    else:
        orders[last, at.CHAIN_NEXT] = row
    state[at.CHAIN + chain + 1] = row


@njit(cache=True)
def leave_chain(state: Array, orders: Array, row: int) -> None:
    """Take an order out of its chain; a stop that does not trail is in none."""
    if orders[row, at.FLAGS] & at.STOP and orders[row, at.OFFSET] == 0:
        return
    chain = 2 if orders[row, at.FLAGS] & at.PEGGED else 0
    before, after = orders[row, at.CHAIN_PREV], orders[row, at.CHAIN_NEXT]
    if before == at.NIL:
        state[at.CHAIN + chain] = after
    else:
        orders[before, at.CHAIN_NEXT] = after
    if after == at.NIL:
        state[at.CHAIN + chain + 1] = before
    else:
        orders[after, at.CHAIN_PREV] = before


@njit(cache=True)
def move(state: Array, orders: Array, levels: Array, ladder: Array, row: int, side: int, key: int) -> None:
    """Take an order of a participant to the back of the queue of another price, or of another ladder."""
    level = orders[row, at.LEVEL]
    shown, reserve, seen = orders[row, at.SHOWN], orders[row, at.RESERVE], 1 if orders[row, at.PEAK] >= 0 else 0
    unlink(orders, levels, level, row)
    levels[level, at.LEVEL_SHOWN] -= shown
    levels[level, at.LEVEL_RESERVE] -= reserve
    levels[level, at.COUNT] -= seen
    levels[level, at.OWN] -= 1
    state[at.OWN_ORDERS + levels[level, at.SIDE]] -= 1
    touch(state, levels, level)
    if levels[level, at.HEAD] == at.NIL and levels[level, at.HIDDEN_HEAD] == at.NIL:
        drop_level(state, levels, ladder, level)
    level = level_for(state, levels, ladder, side, key)
    orders[row, at.KEY] = key
    orders[row, at.LEVEL] = level
    link(orders, levels, level, row, False)
    levels[level, at.LEVEL_SHOWN] += shown
    levels[level, at.LEVEL_RESERVE] += reserve
    levels[level, at.COUNT] += seen
    levels[level, at.OWN] += 1
    state[at.OWN_ORDERS + side] += 1
    touch(state, levels, level)


@njit(cache=True, forceinline=True)
def insert(
    state: Array, orders: Array, levels: Array, ladder: Array, side: int, key: int, quantity: int, peak: int, owner: int,
    ref: int, at_head: bool,
) -> int:  # fmt: skip
    """Give a new order its row and its place; an iceberg displays its peak, a hidden order (peak -1) nothing."""
    row = state[at.FREE_ORDER]
    state[at.FREE_ORDER] = orders[row, at.NEXT]
    level = level_for(state, levels, ladder, side, key)
    shown = 0 if peak < 0 else (min(peak, quantity) if peak > 0 else quantity)
    orders[row, at.KEY] = key
    orders[row, at.SHOWN] = shown
    orders[row, at.RESERVE] = quantity - shown
    orders[row, at.LEVEL] = level
    orders[row, at.OWNER] = owner
    orders[row, at.REF] = ref
    orders[row, at.PEAK] = peak
    orders[row, at.EXCESS] = 0
    orders[row, at.AHEAD] = at.NIL
    orders[row, at.FLAGS] = 0
    link(orders, levels, level, row, at_head)
    levels[level, at.LEVEL_SHOWN] += shown
    levels[level, at.LEVEL_RESERVE] += quantity - shown
    if peak >= 0:
        levels[level, at.COUNT] += 1
    if owner > 0:
        levels[level, at.OWN] += 1
        state[at.OWN_ORDERS + side] += 1
    touch(state, levels, level)
    state[at.ORDERS_LIVE] += 1
    return row


@njit(cache=True)
def detach(state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, row: int) -> None:
    """Take an order out of the book, whatever is left of it, and free its row."""
    level = orders[row, at.LEVEL]
    if orders[row, at.EXCESS] > 0:
        set_excess(state, orders, levels, row, 0)
    if orders[row, at.FLAGS] != 0:
        leave_chain(state, orders, row)
    unlink(orders, levels, level, row)
    levels[level, at.LEVEL_SHOWN] -= orders[row, at.SHOWN]
    levels[level, at.LEVEL_RESERVE] -= orders[row, at.RESERVE]
    if orders[row, at.PEAK] >= 0:
        levels[level, at.COUNT] -= 1
    if orders[row, at.OWNER] > 0:
        levels[level, at.OWN] -= 1
        state[at.OWN_ORDERS + levels[level, at.SIDE]] -= 1
    else:
        slots[orders[row, at.REF]] = at.NIL
    touch(state, levels, level)
    if levels[level, at.HEAD] == at.NIL and levels[level, at.HIDDEN_HEAD] == at.NIL:
        drop_level(state, levels, ladder, level)
    orders[row, at.NEXT] = state[at.FREE_ORDER]
    state[at.FREE_ORDER] = row
    state[at.ORDERS_LIVE] -= 1


@njit(cache=True, forceinline=True)
def shrink(state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, row: int, quantity: int) -> None:
    """Take quantity from what an order trades next: its displayed part, or all of a hidden order.

    An iceberg whose displayed part is used up shows the next one at the back of the queue; an order of which nothing is left
    leaves the book; any other keeps its place.
    """
    level = orders[row, at.LEVEL]
    if orders[row, at.PEAK] < 0:
        orders[row, at.RESERVE] -= quantity
        levels[level, at.LEVEL_RESERVE] -= quantity
    else:
        orders[row, at.SHOWN] -= quantity
        levels[level, at.LEVEL_SHOWN] -= quantity
    if orders[row, at.SHOWN] > 0:
        touch(state, levels, level)
    elif orders[row, at.RESERVE] == 0:
        detach(state, orders, levels, ladder, slots, row)
    elif orders[row, at.PEAK] > 0:
        shown = min(orders[row, at.PEAK], orders[row, at.RESERVE])
        unlink(orders, levels, level, row)
        link(orders, levels, level, row, False)
        orders[row, at.SHOWN] = shown
        orders[row, at.RESERVE] -= shown
        levels[level, at.LEVEL_SHOWN] += shown
        levels[level, at.LEVEL_RESERVE] -= shown
        touch(state, levels, level)
