"""Participants' requests at the compiled book: what Python calls.

Every function takes the book's handle. Its answer is the number of rows of the log's OUT part that the caller must read now,
or -MORE (drain the log, enlarge the pools, then call ``resume``), or -GROW (nothing is done yet: do the same and call again).
"""

from __future__ import annotations

from numba import njit

from simexec.market import layout as at
from simexec.market.auction import find_price, uncross
from simexec.market.handle import open_book
from simexec.market.levels import Array, detach, insert, join_chain, short, sign_of, touch
from simexec.market.log import after_message, room, tell
from simexec.market.reactions import admit, complete, peg_key, reference, refuse
from simexec.market.stops import elect, elect_one, reached


@njit(cache=True)
def finish(state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array) -> int:
    """Match the incoming order, let everything that this sets off act, and hand over the rows."""
    if complete(state, orders, levels, ladder, slots, log) != at.DONE:
        return -at.MORE
    after_message(state, orders, levels, ladder, log)
    filled = state[at.LOGGED + at.OUT]
    state[at.LOGGED + at.OUT] = 0
    state[at.CONCERN] = 0
    return filled


@njit(cache=True)
def resume(handle: Array) -> int:
    """Go on with what was interrupted because the log or a pool was full."""
    state, orders, levels, ladder, slots, log = open_book(handle)
    if state[at.AUCTION_LEFT] > 0 and uncross(state, orders, levels, ladder, slots, log) != at.DONE:
        return -at.MORE
    return finish(state, orders, levels, ladder, slots, log)


@njit(cache=True)
def begin(
    state: Array, time: int, side: int, key: int, quantity: int, owner: int, number: int, flags: int, peak: int
) -> None:
    """Make an order the incoming one."""
    state[at.TIME] = time
    state[at.IN_SIDE] = side
    state[at.IN_KEY] = key
    state[at.IN_QUANTITY] = quantity
    state[at.IN_OWNER] = owner
    state[at.IN_REF] = number
    state[at.IN_FLAGS] = flags
    state[at.IN_PEAK] = -1 if flags & at.HIDDEN else peak
    state[at.IN_ARRIVING] = 0
    state[at.INCOMING] = 1


@njit(cache=True)
def submit(
    handle: Array, time: int, side: int, price: int, quantity: int, owner: int, number: int, flags: int, peak: int, minimum: int
) -> int:  # fmt: skip
    """An order that meets the book at once."""
    state, orders, levels, ladder, slots, log = open_book(handle)
    if short(state, orders, levels) or not room(state, log):
        return -at.GROW
    key = at.ANY_KEY if flags & at.MARKET else sign_of(side) * price
    begin(state, time, side, key, quantity, owner, number, flags, peak)
    if minimum > 0 or flags & (at.MAKER_ONLY | at.FOK):
        refused = admit(state, orders, levels, ladder, minimum)
        if refused != at.NIL:
            refuse(state, log, refused)
    return finish(state, orders, levels, ladder, slots, log)


@njit(cache=True)
def submit_stop(
    handle: Array, time: int, side: int, stop: int, price: int, quantity: int, owner: int, number: int, flags: int, peak: int,
    trail: int,
) -> int:  # fmt: skip
    """An order that waits for a trade; ``stop`` NO_PRICE lets a trailing one start from the last trade."""
    state, orders, levels, ladder, slots, log = open_book(handle)
    if short(state, orders, levels) or not room(state, log):
        return -at.GROW
    ladder_side, last = at.WAITING + 1 - side, state[at.LAST_PRICE]
    begin(state, time, side, at.ANY_KEY, quantity, owner, number, flags, peak)
    state[at.INCOMING] = 0
    if stop == at.NO_PRICE:
        stop = last + sign_of(side) * trail
        if last == at.NO_PRICE or stop <= 0:
            refuse(state, log, at.NO_REFERENCE)
            return finish(state, orders, levels, ladder, slots, log)
    key = sign_of(ladder_side) * stop
    row = insert(state, orders, levels, ladder, ladder_side, key, quantity, max(peak, 0), owner, number, False)
    orders[row, at.FLAGS] = flags | at.STOP
    orders[row, at.LIMIT] = at.ANY_KEY if flags & at.MARKET else sign_of(side) * price
    orders[row, at.OFFSET] = trail
    if trail > 0:
        join_chain(state, orders, row, 0)
    tell(state, log, at.OUT_REST, number, stop, quantity, quantity, 1, row)
    if state[at.PHASE] == at.CONTINUOUS and last != at.NO_PRICE and reached(ladder_side, key, last):
        elect_one(state, orders, levels, ladder, row, last)
    return finish(state, orders, levels, ladder, slots, log)


@njit(cache=True)
def submit_peg(
    handle: Array, time: int, side: int, offset: int, limit: int, quantity: int, owner: int, number: int, flags: int, peak: int
) -> int:  # fmt: skip
    """An order whose price follows the best prices; ``limit`` is the key that it does not go beyond."""
    state, orders, levels, ladder, slots, log = open_book(handle)
    if short(state, orders, levels) or not room(state, log):
        return -at.GROW
    bid, ask = reference(state, orders, levels, ladder, 0), reference(state, orders, levels, ladder, 1)
    key = peg_key(side, flags, offset, limit, bid, ask)
    begin(state, time, side, key, quantity, owner, number, flags, peak)
    state[at.IN_LIMIT] = limit
    state[at.IN_OFFSET] = offset
    if key == at.PARKED:
        state[at.INCOMING] = 0
        row = insert(
            state, orders, levels, ladder, at.WAITING + 1 - side, key, quantity, state[at.IN_PEAK], owner, number, False
        )
        orders[row, at.FLAGS] = flags
        orders[row, at.LIMIT] = limit
        orders[row, at.OFFSET] = offset
        join_chain(state, orders, row, 2)
        tell(state, log, at.OUT_REST, number, at.NO_PRICE, quantity, quantity, 1, row)
    elif flags & at.MAKER_ONLY:
        refused = admit(state, orders, levels, ladder, 0)
        if refused != at.NIL:
            refuse(state, log, refused)
    return finish(state, orders, levels, ladder, slots, log)


@njit(cache=True)
def withdraw(handle: Array, time: int, row: int, quantity: int, replacing: bool) -> int:
    """Take up to ``quantity`` off a resting order without moving it, undisplayed quantity first.

    An order that is being replaced sets nothing off until it is back.

    Returns what is left, doubled, plus 1 if there are rows to read or the work is to be resumed; or -GROW.
    """
    state, orders, levels, ladder, slots, log = open_book(handle)
    if short(state, orders, levels) or not room(state, log):
        return -at.GROW
    state[at.TIME] = time
    level = orders[row, at.LEVEL]
    leaves = orders[row, at.SHOWN] + orders[row, at.RESERVE]
    if quantity >= leaves:
        leaves = 0
        detach(state, orders, levels, ladder, slots, row)
    else:
        leaves -= quantity
        unseen = min(quantity, orders[row, at.RESERVE])
        orders[row, at.RESERVE] -= unseen
        orders[row, at.SHOWN] -= quantity - unseen
        levels[level, at.LEVEL_RESERVE] -= unseen
        levels[level, at.LEVEL_SHOWN] -= quantity - unseen
        touch(state, levels, level)
    if replacing:
        return 2 * leaves
    if complete(state, orders, levels, ladder, slots, log) != at.DONE:
        return 2 * leaves + 1
    after_message(state, orders, levels, ladder, log)
    state[at.CONCERN] = 0
    return 2 * leaves + (1 if state[at.LOGGED + at.OUT] > 0 else 0)


@njit(cache=True)
def set_phase(handle: Array, time: int, phase: int) -> int:
    """Begin a call, or end it: the book uncrosses, and stops and pegs act."""
    state, orders, levels, ladder, slots, log = open_book(handle)
    if short(state, orders, levels) or not room(state, log):
        return -at.GROW
    state[at.TIME] = time
    if state[at.PHASE] & at.CALL == phase:
        return 0
    state[at.PHASE] ^= at.CALL
    if state[at.PHASE] == at.CONTINUOUS:
        last = state[at.LAST_PRICE]
        if last != at.NO_PRICE:  # a stop that came in the call may have been reached before
            elect(state, orders, levels, ladder, last)
        find_price(state, levels, ladder)
        if uncross(state, orders, levels, ladder, slots, log) != at.DONE:
            return -at.MORE
    return finish(state, orders, levels, ladder, slots, log)
