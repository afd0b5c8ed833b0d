"""What the compiled book writes down: rows for participants, trades, quotes, depth, and the queues of participants' orders.

The log has a part for each, and is drained by Python when a part is nearly full (``room``). Whoever waits for a price, a trade or a
change of the quote has a watch in ``state``; a message that fulfils one concerns a process.
"""

from __future__ import annotations

from numba import njit

from simexec.market import layout as at
from simexec.market.levels import Array, sign_of

ROOM = 8
"""Log rows that one step of matching may need; the check before each step leaves at least so many."""


@njit(cache=True)
def room(state: Array, log: Array) -> bool:
    """Whether the log has room for another step of matching; one may bring every order that waits outside into the book."""
    own = state[at.OWN_ORDERS] + state[at.OWN_ORDERS + 1] + state[at.OWN_ORDERS + 2] + state[at.OWN_ORDERS + 3]
    most = max(
        state[at.LOGGED + at.OUT],
        state[at.LOGGED + at.PRINTS],
        state[at.LOGGED + at.QUOTES],
        state[at.LOGGED + at.QUEUES] + own,
        state[at.LOGGED + at.DEPTHS] + 2 * state[at.RECORD_DEPTH],
    )
    return most + ROOM <= log.shape[1]


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
    state[at.LAST_PRICE] = price
    if state[at.RECORD_PRINTS] != 0:
        i = state[at.LOGGED + at.PRINTS]
        log[at.PRINTS, i, 0] = state[at.TIME]
        log[at.PRINTS, i, 1] = price
        log[at.PRINTS, i, 2] = quantity
        log[at.PRINTS, i, 3] = 0 if flags & at.PRINT_AUCTION else sign_of(side)
        log[at.PRINTS, i, 4] = flags
        log[at.PRINTS, i, 5] = state[at.TRADES]
        state[at.LOGGED + at.PRINTS] = i + 1


@njit(cache=True, forceinline=True)
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
def opposite_price(state: Array, levels: Array, ladder: Array, side: int) -> int:
    """The price from which the distances of a side's background orders are counted.

    The opposite best is the best price shown, ours included, but not worse than the last at which the background itself showed
    anything: a far order of ours does not pull the market when it is alone on its side.
    """
    other = 1 - side
    key = sign_of(other) * state[at.REFERENCE + other]
    level = best_shown(state, levels, ladder, other)
    if level != at.NIL and (key == 0 or levels[level, at.KEY] > key):
        key = levels[level, at.KEY]
    return sign_of(other) * key


@njit(cache=True, forceinline=True)
def after_message(state: Array, orders: Array, levels: Array, ladder: Array, log: Array) -> None:
    """Write down the best bid and offer if they have changed, and the queues of ours that have moved; look at the watches."""
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
    if state[at.RECORD_DEPTH] > 0:
        note_depth(state, levels, ladder, log)
    if state[at.WATCHED] != 0:
        look(state, changed)
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
def look(state: Array, changed: bool) -> None:
    """Whether something has happened that somebody waits for."""
    hit = changed and state[at.WATCH_QUOTES] != 0
    hit = hit or (state[at.WATCH_TRADES] != 0 and state[at.TRADES] != state[at.TRADES_SEEN])
    if changed:
        for side in range(2):
            if state[at.QUOTE + 2 * side + 1] > 0:
                hit = hit or sign_of(side) * state[at.QUOTE + 2 * side] >= state[at.WATCH_KEY + side]
    state[at.TRADES_SEEN] = state[at.TRADES]
    if hit:
        state[at.WATCH_HIT] = 1
        state[at.CONCERN] = 1


@njit(cache=True)
def note_depth(state: Array, levels: Array, ladder: Array, log: Array) -> None:
    """Write down which of the best displayed levels have changed, each with its index from the best."""
    noted = state[at.LOGGED + at.DEPTHS]
    for side in range(2):
        i = state[at.LADDER_SIZE + side] - 1
        for index in range(state[at.RECORD_DEPTH]):
            while i >= 0 and levels[ladder[side, i, 1], at.LEVEL_SHOWN] == 0:
                i -= 1
            price, shown, count = at.NO_PRICE, 0, 0
            if i >= 0:
                level = ladder[side, i, 1]
                price, shown, count = (
                    sign_of(side) * levels[level, at.KEY],
                    levels[level, at.LEVEL_SHOWN],
                    levels[level, at.COUNT],
                )
                i -= 1
            cell = at.DEPTH + 3 * (side * at.DEPTH_LEVELS + index)
            if state[cell] != price or state[cell + 1] != shown or state[cell + 2] != count:
                state[cell], state[cell + 1], state[cell + 2] = price, shown, count
                log[at.DEPTHS, noted, 0] = state[at.TIME]
                log[at.DEPTHS, noted, 1] = side
                log[at.DEPTHS, noted, 2] = index
                log[at.DEPTHS, noted, 3] = price
                log[at.DEPTHS, noted, 4] = shown
                log[at.DEPTHS, noted, 5] = count
                noted += 1
    if noted != state[at.LOGGED + at.DEPTHS]:
        state[at.LOGGED + at.DEPTHS] = noted
        if state[at.WATCH_DEPTH] != 0:
            state[at.WATCH_HIT] = 1
            state[at.CONCERN] = 1


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
