"""What the passes over an order-by-order recording share: their progress, and how they write messages and defects down."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from simexec.market import layout as at
from simexec.market.l3 import FILL, LAST, NO_SIDE, TRADE
from simexec.market.levels import Array

# ``progress``
ROW: Final = 0
EMITTED: Final = 1
REFERENCES: Final = 2
PROBLEMS: Final = 3
PHASE: Final = 4
BEHIND: Final = 5  # fills of the present event that were not at their queue's head
FILLED: Final = 6  # orders filled in the present event
SWEEPING: Final = 7  # 1 while an aggressor is at work
TRADE_SIDE: Final = 8  # of the present trade: side, order and price of its aggressor, and
TRADE_ORDER: Final = 9
TRADE_PRICE: Final = 10
TRADE_REST: Final = 11  # what of it has found no fill yet
AUCTION: Final = 12  # 1 if the present event is one

# figures
EVENTS: Final = 16
FILLS: Final = 17  # of resting orders, in continuous trading
FILLS_AT_HEAD: Final = 18
FILLS_BEHIND_CANCELLED: Final = 19  # the head was cancelled in the same event, without a fill
FILLS_BEHIND_FILLED: Final = 20  # the head was filled later in the same event
FILLS_BEHIND_OTHER: Final = 21
FILLS_OF_AGGRESSORS: Final = 22  # an aggressor that had rested before
FILLS_IN_AUCTIONS: Final = 23
FILLS_UNSEEN: Final = 24  # in auctions, of orders that never rested
REFRESHES: Final = 25  # icebergs that showed more
CROSSED_IN_CALLS: Final = 26  # events that left the book crossed before an auction
EXECUTED: Final = 27  # shares of fills
EXECUTED_UNSEEN: Final = 28  # shares of trades without a fill
AUCTIONS: Final = 29
OPENED: Final = 30  # time at which the last call ended

# defects (``l3_recording.RULES`` has their rules)
UNKNOWN: Final = 40
DUPLICATE: Final = 41
CROSSED: Final = 42
UNCONFIRMED: Final = 43
MOVED: Final = 44
LOST: Final = 45
BACK: Final = 46
UNKNOWN_MODIFY: Final = 47
UNKNOWN_FILL: Final = 48
PROGRESS_WIDTH: Final = 56

MOST_PROBLEMS: Final = 100
ROOM_PER_ROW: Final = 6
"""Messages that a row makes at most, a clearing aside."""
ROOM_PER_EVENT: Final = 8


@njit(cache=True)
def number_orders(ids: Array, keys: Array, values: Array) -> Array:
    """Number order ids from 0 by first appearance; ``keys`` and ``values`` (all NIL) are a hash table of 2**k places."""
    mask = len(keys) - 1
    numbers = np.empty(len(ids), np.int64)
    found = 0
    for i in range(len(ids)):
        # Fibonacci hashing: ids that count up, or up in steps, fall apart
        mixed = np.uint64(ids[i]) * np.uint64(0x9E3779B97F4A7C15)
        place = np.int64((mixed >> np.uint64(20)) & np.uint64(mask))
        while values[place] != at.NIL and keys[place] != ids[i]:
            place = (place + 1) & mask
        if values[place] == at.NIL:
            keys[place] = ids[i]
            values[place] = found
            found += 1
        numbers[i] = values[place]
    return numbers


@njit(cache=True)
def auctions_ahead(actions: Array, sides: Array, flags: Array) -> Array:
    """Whether the first trade from each row on is an auction's: a trade without an aggressor that names the orders it filled."""
    ahead = np.zeros(len(actions), np.int64)
    auction = 0
    for i in range(len(actions) - 1, -1, -1):
        if actions[i] == TRADE:
            filled = not flags[i] & LAST and actions[i + 1] == FILL
            if sides[i] != NO_SIDE or filled:
                auction = 1 if sides[i] == NO_SIDE else 0
        elif actions[i] == FILL and (i == 0 or flags[i - 1] & LAST):
            auction = 0  # a fill without its trade
        ahead[i] = auction
    return ahead


@njit(cache=True)
def emit(
    progress: Array, messages: Array, time: int, kind: int, ref: int, price: int, quantity: int, side: int
) -> None:
    """Append a message; that it is the last of its event is settled at the event's end."""
    i = progress[EMITTED]
    messages[i, 0] = time
    messages[i, 1] = kind | at.PART
    messages[i, 2] = ref
    messages[i, 3] = price
    messages[i, 4] = quantity
    messages[i, 5] = side
    progress[EMITTED] = i + 1


@njit(cache=True)
def complain(progress: Array, problems: Array, row: int, defect: int, price: int) -> None:
    """Count a defect, and keep the first ones by row."""
    progress[defect] += 1
    if progress[PROBLEMS] < MOST_PROBLEMS:
        problems[progress[PROBLEMS], 0] = row
        problems[progress[PROBLEMS], 1] = defect
        problems[progress[PROBLEMS], 2] = price
        progress[PROBLEMS] += 1
