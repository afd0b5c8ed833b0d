"""The compiled limit order book: who trades with whom.

Price-time priority, or in proportion to displayed size at each price. The book is pure. It changes its arrays, writes what happened
into its log and knows neither processes nor order managers.

The order that is being matched lives in ``state[IN_*]``, not in local variables, so that matching can stop when the log is full and
go on after the caller has drained it: a sweep over any number of orders loses nothing.
"""

from __future__ import annotations

from numba import njit

from simexec.market import layout as at
from simexec.market.levels import Array, detach, set_excess, shrink, sign_of
from simexec.market.log import print_trade, room, tell
from simexec.market.stops import elect, trail


@njit(cache=True)
def mark(
    state: Array, orders: Array, levels: Array, ladder: Array, log: Array, price: int, quantity: int, side: int, flags: int
) -> None:  # fmt: skip
    """A trade has a price: print it, elect the stops that it reaches, and let the others trail it."""
    print_trade(state, log, price, quantity, side, flags)
    if state[at.OWN_ORDERS + at.WAITING] + state[at.OWN_ORDERS + at.WAITING + 1] > 0:
        elect(state, orders, levels, ladder, price)
        trail(state, orders, levels, ladder, price)


@njit(cache=True)
def trade(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array, row: int, quantity: int, left: int
) -> None:  # fmt: skip
    """Trade ``quantity`` between the incoming order and a resting one, ``left`` of it out of the resting order's leftover."""
    side = state[at.IN_SIDE]
    price = -sign_of(side) * orders[row, at.KEY]
    maker, taker = orders[row, at.OWNER], state[at.IN_OWNER]
    flags = at.PRINT_HIDDEN if orders[row, at.PEAK] < 0 else 0
    if maker > 0:
        flags |= at.PRINT_OWN_MAKER
    if taker > 0:
        flags |= at.PRINT_OWN_TAKER
    mark(state, orders, levels, ladder, log, price, quantity, side, flags)
    state[at.IN_QUANTITY] -= quantity
    if maker > 0:
        leaves = orders[row, at.SHOWN] + orders[row, at.RESERVE] - quantity
        tell(state, log, at.OUT_FILL, orders[row, at.REF], price, quantity, leaves, 1, row)
        if taker == 0:
            state[at.GIVEN_SWEEP + state[at.IN_ARRIVING]] += quantity
        else:
            state[at.SELF_TRADED] += quantity
    elif taker > 0:
        state[at.LEFTOVER_TAKEN] += left
        state[at.TAKEN] += quantity - left
    else:
        state[at.TRADED_SHOWN] += quantity
        state[at.LEFTOVER_CONSUMED] += left
    if taker > 0:
        tell(state, log, at.OUT_FILL, state[at.IN_REF], price, quantity, state[at.IN_QUANTITY], 0, row)
    if left > 0:
        set_excess(state, orders, levels, row, orders[row, at.EXCESS] - left)
    shrink(state, orders, levels, ladder, slots, row, quantity)


@njit(cache=True)
def take(state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array, row: int) -> None:
    """Trade the incoming order with all that a resting order trades at once; leftovers go first."""
    available = orders[row, at.RESERVE] if orders[row, at.PEAK] < 0 else orders[row, at.SHOWN]
    quantity = min(state[at.IN_QUANTITY], available)
    trade(state, orders, levels, ladder, slots, log, row, quantity, min(quantity, orders[row, at.EXCESS]))


@njit(cache=True)
def front(state: Array, levels: Array, ladder: Array, side: int, key: int) -> int:
    """Row of the first order of ``side`` that an incoming order of opposite ``key`` would trade with, or NIL."""
    size = state[at.LADDER_SIZE + side]
    if size == 0 or ladder[side, size - 1, 0] + key < 0 or state[at.PHASE] != at.CONTINUOUS:
        return at.NIL
    level = ladder[side, size - 1, 1]
    row = levels[level, at.HEAD]
    return row if row != at.NIL else levels[level, at.HIDDEN_HEAD]


@njit(cache=True)
def match(state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array) -> int:
    """Trade the incoming order until it or what it may trade with is used up; MORE when the log is full."""
    while state[at.IN_QUANTITY] > 0:
        if not room(state, log):
            return at.MORE
        row = front(state, levels, ladder, 1 - state[at.IN_SIDE], state[at.IN_KEY])
        if row == at.NIL or breaches(state, orders, log, row):
            break
        if state[at.PRO_RATA] > 0 and orders[row, at.PEAK] >= 0:
            if not share_out(state, orders, levels, ladder, slots, log, row):
                break
        elif prevented(state, orders, levels, ladder, slots, log, row):
            if state[at.IN_FLAGS] & at.STP_NEWEST:
                break
        else:
            take(state, orders, levels, ladder, slots, log, row)
    state[at.ROUND] = 0
    state[at.SHARE_ROW] = at.NIL
    return at.DONE


@njit(cache=True)
def breaches(state: Array, orders: Array, log: Array, row: int) -> bool:
    """Whether a trade with this resting order would leave the band; then nothing trades any more."""
    if state[at.BAND_SET] == 0:
        return False
    price = -sign_of(state[at.IN_SIDE]) * orders[row, at.KEY]
    return halts(state, log, price)


@njit(cache=True)
def halts(state: Array, log: Array, price: int) -> bool:
    """Whether a trade at this price would leave the band; then the book goes to a call, and participants hear of it."""
    if state[at.BAND_SET] == 0 or state[at.BAND] <= price <= state[at.BAND + 1]:
        return False
    state[at.PHASE] = at.CALL
    state[at.BREACHED] = 1
    tell(state, log, at.OUT_HALT, 0, price, state[at.IN_QUANTITY], 0, 0, at.NIL)
    return True


@njit(cache=True)
def prevented(state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array, row: int) -> bool:
    """Whether the incoming order would trade with one of its own participant and may not; then one of the two is cancelled."""
    if orders[row, at.OWNER] != state[at.IN_OWNER] or state[at.IN_OWNER] == 0:
        return False
    if state[at.IN_FLAGS] & at.STP_OLDEST:
        leaves = orders[row, at.SHOWN] + orders[row, at.RESERVE]
        tell(state, log, at.OUT_CANCEL, orders[row, at.REF], at.SELF_TRADE, leaves, 0, 1, row)
        detach(state, orders, levels, ladder, slots, row)
        return True
    if state[at.IN_FLAGS] & at.STP_NEWEST:
        tell(state, log, at.OUT_CANCEL, state[at.IN_REF], at.SELF_TRADE, state[at.IN_QUANTITY], 0, 0, at.NIL)
        state[at.IN_QUANTITY] = 0
        return True
    return False


@njit(cache=True)
def share_out(state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array, row: int) -> bool:
    """One step of trading with a price's displayed orders in proportion to their sizes; False when the incoming order is cancelled.

    A round begins with what is displayed at the price. An incoming order that takes all of it, or more, takes it first in,
    first out; a smaller one is shared out, rounded down, shares below the least allocation being nothing, and what that
    leaves is first in, first out.
    """
    if state[at.ROUND] == 0 and state[at.SHARE_ROW] == at.NIL:
        level = orders[row, at.LEVEL]
        if levels[level, at.OWN] > 0:  # each order of the price would trade
            other = levels[level, at.HEAD]
            while other != at.NIL:
                if prevented(state, orders, levels, ladder, slots, log, other):
                    return not state[at.IN_FLAGS] & at.STP_NEWEST
                other = orders[other, at.NEXT]
        shown = levels[level, at.LEVEL_SHOWN]
        if state[at.IN_QUANTITY] >= shown:
            state[at.ROUND] = shown
        else:
            state[at.SHARE_ROW] = row
            state[at.SHARE_QUANTITY] = state[at.IN_QUANTITY]
            state[at.SHARE_TOTAL] = shown
    if state[at.SHARE_ROW] != at.NIL:
        row = state[at.SHARE_ROW]
        state[at.SHARE_ROW] = orders[row, at.NEXT]
        quantity = state[at.SHARE_QUANTITY] * orders[row, at.SHOWN] // state[at.SHARE_TOTAL]
        if quantity >= state[at.PRO_RATA]:
            trade(state, orders, levels, ladder, slots, log, row, quantity, min(quantity, orders[row, at.EXCESS]))
        if state[at.SHARE_ROW] == at.NIL:
            state[at.ROUND] = state[at.IN_QUANTITY]
    else:
        before = state[at.IN_QUANTITY]
        take(state, orders, levels, ladder, slots, log, row)
        state[at.ROUND] -= before - state[at.IN_QUANTITY]
    return True


@njit(cache=True)
def fillable(state: Array, orders: Array, levels: Array, ladder: Array) -> int:
    """How much of the incoming order could trade at once, up to its quantity: for fill-or-kill."""
    side, total = 1 - state[at.IN_SIDE], 0
    if state[at.PHASE] != at.CONTINUOUS:
        return 0
    own_matters = state[at.IN_FLAGS] & (at.STP_NEWEST | at.STP_OLDEST)
    for i in range(state[at.LADDER_SIZE + side] - 1, -1, -1):
        if ladder[side, i, 0] + state[at.IN_KEY] < 0 or total >= state[at.IN_QUANTITY]:
            break
        level, price = ladder[side, i, 1], sign_of(side) * ladder[side, i, 0]
        if state[at.BAND_SET] != 0 and not state[at.BAND] <= price <= state[at.BAND + 1]:
            break
        if not own_matters or levels[level, at.OWN] == 0:
            total += levels[level, at.LEVEL_SHOWN] + levels[level, at.LEVEL_RESERVE]
            continue
        before = total
        for head in (at.HEAD, at.HIDDEN_HEAD):
            row, behind = levels[level, head], 0
            while row != at.NIL:
                if orders[row, at.OWNER] != state[at.IN_OWNER]:
                    total += orders[row, at.SHOWN] if head == at.HEAD else orders[row, at.RESERVE]
                    behind += orders[row, at.RESERVE] if head == at.HEAD else 0
                elif own_matters & at.STP_NEWEST:  # pro rata it is met before anything displayed at its price
                    return before if state[at.PRO_RATA] > 0 and head == at.HEAD else total
                row = orders[row, at.NEXT]
            total += behind  # icebergs show it behind all that was displayed
    return total


@njit(cache=True)
def queue_ahead(orders: Array, levels: Array, row: int) -> tuple[int, int]:
    """Orders and displayed quantity that trade before this order at its price."""
    level, number, quantity = orders[row, at.LEVEL], 0, 0
    other = levels[level, at.HEAD]
    while other != at.NIL and other != row:
        number += 1
        quantity += orders[other, at.SHOWN]
        other = orders[other, at.NEXT]
    if other == at.NIL:  # a hidden order: also behind the undisplayed part of what is displayed
        other = levels[level, at.HEAD]
        while other != at.NIL:
            quantity += orders[other, at.RESERVE]
            other = orders[other, at.NEXT]
        other = levels[level, at.HIDDEN_HEAD]
        while other != row:
            number += 1
            quantity += orders[other, at.RESERVE]
            other = orders[other, at.NEXT]
    return number, quantity
