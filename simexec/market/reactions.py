"""What a message sets off: elected stops act, pegs follow their reference, and what these do sets off more.

After each message the elected stops act, one at a time, each matched to its end; then the pegs whose price is no longer right move,
in the order of their entry; and so on until nothing changes. That ends, since a stop acts once, pegs are no reference for pegs, and
every trade takes quantity out of the book.

A peg's reference is the best price displayed by orders that are not pegged. Its own price is never beyond its cap; at a
mid-point it is rounded to a price quantum away from the other side. A peg that moves goes to the back of the queue; one that
would trade at its new price leaves its place and acts as an incoming order.
"""

from __future__ import annotations

from numba import njit

from simexec.market import layout as at
from simexec.market.book import fillable, front, match
from simexec.market.levels import Array, detach, insert, join_chain, move, short, sign_of
from simexec.market.log import room, tell
from simexec.market.stops import first_elected


@njit(cache=True)
def admit(state: Array, orders: Array, levels: Array, ladder: Array, minimum: int) -> int:
    """Why the incoming order may not go on to match (a reason of ``layout``), or NIL; a sliding one gets its price."""
    flags, key, side = state[at.IN_FLAGS], state[at.IN_KEY], state[at.IN_SIDE]
    if flags & at.MAKER_ONLY:
        row = front(state, levels, ladder, 1 - side, key)
        if row != at.NIL:
            off = (-orders[row, at.KEY] - 1) // state[at.TICK] * state[at.TICK]
            if not flags & at.SLIDE or sign_of(side) * off <= 0:
                return at.POST_ONLY
            state[at.IN_KEY] = off
    if flags & at.FOK and fillable(state, orders, levels, ladder) < state[at.IN_QUANTITY]:
        return at.FILL_OR_KILL
    if minimum > 0 and fillable(state, orders, levels, ladder) < minimum:
        return at.MINIMUM
    return at.NIL


@njit(cache=True)
def reference(state: Array, orders: Array, levels: Array, ladder: Array, side: int) -> int:
    """Best price of a side displayed by orders that are not pegged, or NO_PRICE."""
    for i in range(state[at.LADDER_SIZE + side] - 1, -1, -1):
        level = ladder[side, i, 1]
        if levels[level, at.LEVEL_SHOWN] == 0:
            continue
        price = sign_of(side) * ladder[side, i, 0]
        if levels[level, at.OWN] == 0:
            return price
        row = levels[level, at.HEAD]
        while row != at.NIL:
            if not orders[row, at.FLAGS] & at.PEGGED:
                return price
            row = orders[row, at.NEXT]
    return at.NO_PRICE


@njit(cache=True)
def peg_key(side: int, flags: int, offset: int, limit: int, bid: int, ask: int) -> int:
    """Key that a peg must have, PARKED without a reference."""
    near, far = (bid, ask) if side == 0 else (ask, bid)
    if flags & at.PEG_MID:
        if bid == at.NO_PRICE or ask == at.NO_PRICE:
            return at.PARKED
        price = (bid + ask) // 2 if side == 0 else -(-(bid + ask) // 2)
    else:
        price = near if flags & at.PEG_PRIMARY else far
        if price == at.NO_PRICE:
            return at.PARKED
    key = min(sign_of(side) * (price + offset), limit)
    return key if sign_of(side) * key > 0 else at.PARKED


@njit(cache=True)
def side_of(levels: Array, level: int) -> int:
    """Side of an order of this level, also of one that waits outside the book."""
    side = levels[level, at.SIDE]
    return side if side < at.WAITING else at.WAITING + 1 - side


@njit(cache=True)
def leave(state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, row: int, key: int) -> None:
    """Make a resting order the incoming one."""
    flags, peak = orders[row, at.FLAGS], orders[row, at.PEAK]
    state[at.IN_SIDE] = side_of(levels, orders[row, at.LEVEL])
    state[at.IN_KEY] = key
    state[at.IN_QUANTITY] = orders[row, at.SHOWN] + orders[row, at.RESERVE]
    state[at.IN_OWNER] = orders[row, at.OWNER]
    state[at.IN_REF] = orders[row, at.REF]
    state[at.IN_FLAGS] = flags & ~at.STOP
    state[at.IN_PEAK] = -1 if flags & at.HIDDEN else peak
    state[at.IN_LIMIT] = orders[row, at.LIMIT]
    state[at.IN_OFFSET] = orders[row, at.OFFSET]
    state[at.IN_ARRIVING] = 0
    state[at.INCOMING] = 1
    detach(state, orders, levels, ladder, slots, row)


@njit(cache=True)
def trigger(state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array, row: int) -> None:
    """An elected stop becomes the incoming order, or is refused as such."""
    quantity, number = orders[row, at.SHOWN] + orders[row, at.RESERVE], orders[row, at.REF]
    tell(state, log, at.OUT_TRIGGER, number, orders[row, at.AHEAD], quantity, quantity, 1, at.NIL)
    leave(state, orders, levels, ladder, slots, row, orders[row, at.LIMIT])
    refused = admit(state, orders, levels, ladder, 0)
    if refused != at.NIL:
        refuse(state, log, refused)


@njit(cache=True)
def refuse(state: Array, log: Array, reason: int) -> None:
    """Cancel the incoming order before it has matched."""
    tell(state, log, at.OUT_CANCEL, state[at.IN_REF], reason, state[at.IN_QUANTITY], 0, 0, at.NIL)
    state[at.IN_QUANTITY] = 0
    state[at.INCOMING] = 0


@njit(cache=True)
def move_pegs(state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array) -> bool:
    """Move the pegs whose price is no longer right; True when one of them would trade there and is now the incoming order."""
    bid, ask = reference(state, orders, levels, ladder, 0), reference(state, orders, levels, ladder, 1)
    row = state[at.CHAIN + 2]
    while row != at.NIL:
        side = side_of(levels, orders[row, at.LEVEL])
        key = peg_key(side, orders[row, at.FLAGS], orders[row, at.OFFSET], orders[row, at.LIMIT], bid, ask)
        if key != orders[row, at.KEY]:
            if key != at.PARKED and front(state, levels, ladder, 1 - side, key) != at.NIL:
                leaves = orders[row, at.SHOWN] + orders[row, at.RESERVE]
                tell(state, log, at.OUT_LEAVE, orders[row, at.REF], sign_of(side) * key, leaves, leaves, 1, at.NIL)
                leave(state, orders, levels, ladder, slots, row, key)
                return True
            target = at.WAITING + 1 - side if key == at.PARKED else side
            move(state, orders, levels, ladder, row, target, key)
        row = orders[row, at.CHAIN_NEXT]
    return False


@njit(cache=True)
def reopen(state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array) -> bool:
    """History has uncrossed itself: one of ours that still crosses acts now, True; a recorded order that does is displaced."""
    while state[at.REOPENING] != 0:
        buy, sell = front(state, levels, ladder, 0, at.ANY_KEY), front(state, levels, ladder, 1, at.ANY_KEY)
        if buy == at.NIL or sell == at.NIL or orders[buy, at.KEY] + orders[sell, at.KEY] < 0:
            state[at.REOPENING] = 0
            break
        for row in (buy, sell):
            if orders[row, at.OWNER] > 0:
                leaves = orders[row, at.SHOWN] + orders[row, at.RESERVE]
                price = sign_of(side_of(levels, orders[row, at.LEVEL])) * orders[row, at.KEY]
                tell(state, log, at.OUT_LEAVE, orders[row, at.REF], price, leaves, leaves, 1, at.NIL)
                leave(state, orders, levels, ladder, slots, row, orders[row, at.KEY])
                return True
        state[at.LEFTOVER_CANCELLED] += orders[sell, at.EXCESS]
        state[at.DISPLACED] += orders[sell, at.SHOWN] - orders[sell, at.EXCESS]
        detach(state, orders, levels, ladder, slots, sell)
    return False


@njit(cache=True)
def react(state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array) -> bool:
    """Find what acts next and make it the incoming order; False when nothing is left to act."""
    if state[at.PHASE] != at.CONTINUOUS:
        return False
    if state[at.REOPENING] != 0 and reopen(state, orders, levels, ladder, slots, log):
        return True
    row = first_elected(state, levels, ladder)
    if row != at.NIL:
        trigger(state, orders, levels, ladder, slots, log, row)
        return True
    return state[at.CHAIN + 2] != at.NIL and move_pegs(state, orders, levels, ladder, slots, log)


@njit(cache=True)
def conclude(state: Array, orders: Array, levels: Array, ladder: Array, log: Array) -> None:
    """The incoming order has been matched: what is left of it rests, or is cancelled."""
    quantity, flags, number = state[at.IN_QUANTITY], state[at.IN_FLAGS], state[at.IN_REF]
    state[at.INCOMING] = 0
    breached = state[at.BREACHED] != 0
    state[at.BREACHED] = 0
    if quantity == 0:
        return
    if breached or flags & (at.MARKET | at.IOC | at.FOK):
        reason = at.OUT_OF_BAND if breached else at.NO_LIQUIDITY if flags & at.MARKET else at.IMMEDIATE
        tell(state, log, at.OUT_CANCEL, number, reason, quantity, 0, 0, at.NIL)
        state[at.IN_QUANTITY] = 0
        return
    side, key, owner = state[at.IN_SIDE], state[at.IN_KEY], state[at.IN_OWNER]
    row = insert(state, orders, levels, ladder, side, key, quantity, state[at.IN_PEAK], owner, number, False)
    if flags & at.PEGGED:
        orders[row, at.FLAGS] = flags
        orders[row, at.LIMIT] = state[at.IN_LIMIT]
        orders[row, at.OFFSET] = state[at.IN_OFFSET]
        join_chain(state, orders, row, 2)
    tell(state, log, at.OUT_REST, number, sign_of(side) * key, quantity, quantity, 1, row)


@njit(cache=True)
def idle(state: Array) -> bool:
    """Whether nothing can have been set off, as there are neither stops nor pegs."""
    waiting = state[at.OWN_ORDERS + at.WAITING] + state[at.OWN_ORDERS + at.WAITING + 1]
    return waiting + state[at.REOPENING] == 0 and state[at.CHAIN + 2] == at.NIL


@njit(cache=True)
def complete(state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array) -> int:
    """Match the incoming order if there is one, and all that this and the last message have set off; DONE, MORE or GROW."""
    while True:
        if short(state, orders, levels):
            return at.GROW
        if not room(state, log):
            return at.MORE
        if state[at.INCOMING] != 0:
            if match(state, orders, levels, ladder, slots, log) == at.MORE:
                return at.MORE
            conclude(state, orders, levels, ladder, log)
        if idle(state) or not react(state, orders, levels, ladder, slots, log):
            return at.DONE
