"""The compiled limit order book: price-time priority, order by order.

The book is pure. It changes its arrays, writes what happened into its log and knows neither processes nor order managers.

The order that is being matched lives in ``state[IN_*]``, not in local variables, so that matching can stop when the log is full and
go on after the caller has drained it: a sweep over any number of orders loses nothing.
"""

from __future__ import annotations

from numba import njit

from simexec.market import layout as at
from simexec.market.levels import Array, detach, insert, set_excess, shrink, sign_of, touch

ROOM = 8
"""Log rows that one step of matching may need; the check before each step leaves at least so many."""


@njit(cache=True)
def room(state: Array, log: Array) -> bool:
    """Whether the log has room for another step of matching."""
    most = max(state[at.LOGGED + at.OUT], state[at.LOGGED + at.PRINTS], state[at.LOGGED + at.QUOTES])
    return (
        most + ROOM <= log.shape[1]
        and state[at.LOGGED + at.QUEUES] + state[at.OWN_ORDERS] + state[at.OWN_ORDERS + 1] + ROOM <= log.shape[1]
    )


@njit(cache=True)
def tell(
    state: Array, log: Array, kind: int, number: int, price: int, quantity: int, leaves: int, maker: int, row: int
) -> None:
    """Write a row for the participants: a fill, an order that rests, a quantity that was cancelled."""
    i = state[at.LOGGED + at.OUT]
    log[at.OUT, i, 0] = kind
    log[at.OUT, i, 1] = state[at.TIME]
    log[at.OUT, i, 2] = number
    log[at.OUT, i, 3] = price
    log[at.OUT, i, 4] = quantity
    log[at.OUT, i, 5] = leaves
    log[at.OUT, i, 6] = maker
    log[at.OUT, i, 7] = state[at.TRADES]
    log[at.OUT, i, 8] = row
    state[at.LOGGED + at.OUT] = i + 1
    state[at.CONCERN] = 1


@njit(cache=True)
def print_trade(state: Array, log: Array, price: int, quantity: int, side: int, flags: int) -> None:
    """Number a trade and, if prints are recorded, write its row; ``side`` is the aggressor's."""
    state[at.TRADES] += 1
    if state[at.RECORD_PRINTS] != 0:
        i = state[at.LOGGED + at.PRINTS]
        log[at.PRINTS, i, 0] = state[at.TIME]
        log[at.PRINTS, i, 1] = price
        log[at.PRINTS, i, 2] = quantity
        log[at.PRINTS, i, 3] = sign_of(side)
        log[at.PRINTS, i, 4] = flags
        log[at.PRINTS, i, 5] = state[at.TRADES]
        state[at.LOGGED + at.PRINTS] = i + 1


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
    print_trade(state, log, price, quantity, side, flags)
    state[at.IN_QUANTITY] -= quantity
    if maker > 0:
        leaves = orders[row, at.SHOWN] + orders[row, at.RESERVE] - quantity
        tell(state, log, at.OUT_FILL, orders[row, at.REF], price, quantity, leaves, 1, row)
        if taker == 0:
            state[at.GIVEN_SWEEP + state[at.IN_ARRIVING]] += quantity
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
    if size == 0 or ladder[side, size - 1, 0] + key < 0:
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
        if row == at.NIL:
            break
        if orders[row, at.OWNER] == state[at.IN_OWNER] and state[at.IN_OWNER] > 0:
            if state[at.IN_FLAGS] & at.STP_OLDEST:
                leaves = orders[row, at.SHOWN] + orders[row, at.RESERVE]
                tell(state, log, at.OUT_CANCEL, orders[row, at.REF], at.SELF_TRADE, leaves, 0, 1, row)
                detach(state, orders, levels, ladder, slots, row)
                continue
            if state[at.IN_FLAGS] & at.STP_NEWEST:
                tell(state, log, at.OUT_CANCEL, state[at.IN_REF], at.SELF_TRADE, state[at.IN_QUANTITY], 0, 0, at.NIL)
                state[at.IN_QUANTITY] = 0
                break
        take(state, orders, levels, ladder, slots, log, row)
    return at.DONE


@njit(cache=True)
def fillable(state: Array, orders: Array, levels: Array, ladder: Array) -> int:
    """How much of the incoming order could trade at once, up to its quantity: for fill-or-kill."""
    side, total = 1 - state[at.IN_SIDE], 0
    prevented = state[at.IN_FLAGS] & (at.STP_NEWEST | at.STP_OLDEST)
    for i in range(state[at.LADDER_SIZE + side] - 1, -1, -1):
        if ladder[side, i, 0] + state[at.IN_KEY] < 0 or total >= state[at.IN_QUANTITY]:
            break
        level = ladder[side, i, 1]
        if not prevented or levels[level, at.OWN] == 0:
            total += levels[level, at.LEVEL_SHOWN] + levels[level, at.LEVEL_RESERVE]
            continue
        for head in (at.HEAD, at.HIDDEN_HEAD):
            row, behind = levels[level, head], 0
            while row != at.NIL:
                if orders[row, at.OWNER] != state[at.IN_OWNER]:
                    total += orders[row, at.SHOWN] if head == at.HEAD else orders[row, at.RESERVE]
                    behind += orders[row, at.RESERVE] if head == at.HEAD else 0
                elif prevented & at.STP_NEWEST:
                    return total
                row = orders[row, at.NEXT]
            total += behind  # icebergs show it behind all that was displayed
    return total


@njit(cache=True)
def hand_over(state: Array) -> int:
    """How many rows of the log's OUT part the caller must read now; the next ones are written over them."""
    filled = state[at.LOGGED + at.OUT]
    state[at.LOGGED + at.OUT] = 0
    state[at.CONCERN] = 0
    return filled


@njit(cache=True)
def settle(state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array) -> int:
    """Match a participant's incoming order and rest or cancel what is left of it.

    Returns how many rows of the log's OUT part the caller must read now, or -MORE (drain the log, then call again).
    """
    if match(state, orders, levels, ladder, slots, log) == at.MORE:
        return -at.MORE
    quantity, flags = state[at.IN_QUANTITY], state[at.IN_FLAGS]
    if quantity > 0:
        if flags & (at.MARKET | at.IOC | at.FOK):
            reason = at.NO_LIQUIDITY if flags & at.MARKET else at.IMMEDIATE
            tell(state, log, at.OUT_CANCEL, state[at.IN_REF], reason, quantity, 0, 0, at.NIL)
        else:
            side, key, number = state[at.IN_SIDE], state[at.IN_KEY], state[at.IN_REF]
            row = insert(
                state, orders, levels, ladder, side, key, quantity, state[at.IN_PEAK], state[at.IN_OWNER], number, False
            )
            tell(state, log, at.OUT_REST, number, sign_of(side) * key, quantity, quantity, 1, row)
    after_message(state, orders, levels, ladder, log)
    return hand_over(state)


@njit(cache=True)
def submit(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array, time: int, side: int, price: int,
    quantity: int, owner: int, number: int, flags: int, peak: int,
) -> int:  # fmt: skip
    """Bring a participant's order to the book; what became of it is in the log.

    Returns how many rows of the log's OUT part the caller must read now, -MORE (drain the log, then call ``settle``) or -GROW
    (nothing is done yet: make room and call again).
    """
    if state[at.FREE_ORDER] == at.NIL or state[at.FREE_LEVEL] == at.NIL or not room(state, log):
        return -at.GROW
    state[at.TIME] = time
    state[at.IN_SIDE] = side
    state[at.IN_KEY] = at.ANY_KEY if flags & at.MARKET else sign_of(side) * price
    state[at.IN_QUANTITY] = quantity
    state[at.IN_OWNER] = owner
    state[at.IN_REF] = number
    state[at.IN_FLAGS] = flags
    state[at.IN_PEAK] = -1 if flags & at.HIDDEN else peak
    state[at.IN_ARRIVING] = 0
    refused = at.NIL
    if flags & at.MAKER_ONLY and front(state, levels, ladder, 1 - side, state[at.IN_KEY]) != at.NIL:
        refused = at.POST_ONLY
    elif flags & at.FOK and fillable(state, orders, levels, ladder) < quantity:
        refused = at.FILL_OR_KILL
    if refused != at.NIL:
        tell(state, log, at.OUT_CANCEL, number, refused, quantity, 0, 0, at.NIL)
        state[at.IN_QUANTITY] = 0
        return hand_over(state)
    return settle(state, orders, levels, ladder, slots, log)


@njit(cache=True)
def withdraw(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array, time: int, row: int, quantity: int
) -> int:  # fmt: skip
    """Take up to ``quantity`` off a resting order without moving it, undisplayed quantity first; returns what is left."""
    if not room(state, log):
        return at.NIL
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
    after_message(state, orders, levels, ladder, log)
    return leaves


# --- what is written down ----------------------------------------------------------------------------------------------


@njit(cache=True)
def best_shown(state: Array, levels: Array, ladder: Array, side: int) -> int:
    """Row of the best level of a side that displays anything, or NIL."""
    for i in range(state[at.LADDER_SIZE + side] - 1, -1, -1):
        if levels[ladder[side, i, 1], at.LEVEL_SHOWN] > 0:
            return ladder[side, i, 1]
    return at.NIL


@njit(cache=True)
def background_price(
    state: Array, orders: Array, levels: Array, ladder: Array, side: int, best: int, level: int
) -> int:  # fmt: skip
    """Best price of a side at which the background shows anything; the last such price if it shows nothing now.

    Where it has never shown anything, the best price at which we do.
    """
    if levels[level, at.OWN] == 0:
        return best
    for i in range(state[at.LADDER_SIZE + side] - 1, -1, -1):
        row = levels[ladder[side, i, 1], at.HEAD]
        while row != at.NIL:
            if orders[row, at.OWNER] == 0:
                return sign_of(side) * ladder[side, i, 0]
            row = orders[row, at.NEXT]
    return best if state[at.REFERENCE + side] == 0 else state[at.REFERENCE + side]


@njit(cache=True)
def after_message(state: Array, orders: Array, levels: Array, ladder: Array, log: Array) -> None:
    """Write down the best bid and offer if they have changed, and the queues of ours that have moved."""
    changed = False
    for side in range(2):
        level = best_shown(state, levels, ladder, side)
        price, shown = at.NO_PRICE, 0
        if level != at.NIL:
            price, shown = sign_of(side) * levels[level, at.KEY], levels[level, at.LEVEL_SHOWN]
            state[at.REFERENCE + side] = background_price(state, orders, levels, ladder, side, price, level)
        i = at.QUOTE + 2 * side
        if state[i] != price or state[i + 1] != shown:
            state[i], state[i + 1] = price, shown
            changed = True
    if changed and state[at.RECORD_QUOTES] != 0:
        i = state[at.LOGGED + at.QUOTES]
        log[at.QUOTES, i, 0] = state[at.TIME]
        for column in range(4):
            log[at.QUOTES, i, 1 + column] = state[at.QUOTE + column]
        state[at.LOGGED + at.QUOTES] = i + 1
    if state[at.TOUCHED] != at.NIL:
        if state[at.RECORD_QUEUES] != 0:
            if state[at.TOUCHED] != at.SEVERAL:
                note_queue(state, orders, levels, log, state[at.TOUCHED])
            else:
                for side in range(2):
                    for i in range(state[at.LADDER_SIZE + side]):
                        note_queue(state, orders, levels, log, ladder[side, i, 1])
        state[at.TOUCHED] = at.NIL


@njit(cache=True)
def note_queue(state: Array, orders: Array, levels: Array, log: Array, level: int) -> None:
    """Write down what is ahead of each participant's order of a level for which that has changed."""
    row, number, quantity, mine = levels[level, at.HEAD], 0, 0, levels[level, at.OWN]
    while row != at.NIL and mine > 0:
        if orders[row, at.OWNER] > 0:
            mine -= 1
            if orders[row, at.AHEAD] != quantity:
                orders[row, at.AHEAD] = quantity
                i = state[at.LOGGED + at.QUEUES]
                log[at.QUEUES, i, 0] = state[at.TIME]
                log[at.QUEUES, i, 1] = orders[row, at.REF]
                log[at.QUEUES, i, 2] = number
                log[at.QUEUES, i, 3] = quantity
                log[at.QUEUES, i, 4] = orders[row, at.SHOWN] + orders[row, at.RESERVE]
                state[at.LOGGED + at.QUEUES] = i + 1
        number += 1
        quantity += orders[row, at.SHOWN]
        row = orders[row, at.NEXT]


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
