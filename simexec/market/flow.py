"""Advancing a book through its order flow, in bulk: the compiled loop under the calendar.

A flow is a sequence of messages, wherever they come from: a recording or a model. They are applied until the next calendar
event may act, or until one of them concerns a process; then the loop ends after the last message of that time.
"""

from __future__ import annotations

from numba import njit

from simexec.market import layout as at
from simexec.market.book import after_message, best_shown, match, room
from simexec.market.levels import Array, detach, insert, sign_of
from simexec.market.replay import arrive, begin_sweep, end_sweep, hit, prune, remove


@njit(cache=True)
def background(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array, kind: int, side: int, away: int,
    quantity: int, ref: int,
) -> int:  # fmt: skip
    """A model's order: a market order, or a limit order ``away`` ticks from the opposite best.

    The opposite best is the best price shown, ours included, but not worse than the last at which the background itself showed
    anything: a far order of ours does not pull the market when it is alone on its side. A price below one tick is one tick.
    """
    if state[at.BUSY] == 0:
        state[at.BUSY] = 1
        state[at.IN_SIDE] = side
        state[at.IN_QUANTITY] = quantity
        state[at.IN_OWNER] = 0
        state[at.IN_REF] = ref
        state[at.IN_FLAGS] = 0
        state[at.IN_ARRIVING] = 0
        other = 1 - side
        reference = sign_of(other) * state[at.REFERENCE + other]
        level = best_shown(state, levels, ladder, other)
        if level != at.NIL and (reference == 0 or levels[level, at.KEY] > reference):  # 0: it has never shown anything
            reference = levels[level, at.KEY]
        price = max(state[at.TICK], sign_of(other) * reference - sign_of(side) * away)
        state[at.IN_KEY] = at.ANY_KEY if kind == at.MARKET_ORDER else sign_of(side) * price
    if match(state, orders, levels, ladder, slots, log) == at.MORE:
        return at.MORE
    state[at.BUSY] = 0
    if state[at.IN_QUANTITY] > 0 and kind == at.LIMIT_AWAY:
        slots[ref] = insert(
            state, orders, levels, ladder, side, state[at.IN_KEY], state[at.IN_QUANTITY], 0, 0, ref, False
        )
    return at.DONE


@njit(cache=True)
def apply(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array, messages: Array, i: int
) -> int:  # fmt: skip
    """Apply message ``i``; DONE, or MORE when the log is full and the same message must be applied again to go on."""
    kind, ref, price = messages[i, 1], messages[i, 2], messages[i, 3]
    quantity, side = messages[i, 4], messages[i, 5]
    if kind == at.ADD or kind == at.ADD_HEAD:
        key = sign_of(side) * price
        return arrive(state, orders, levels, ladder, slots, log, side, key, quantity, ref, kind == at.ADD_HEAD)
    if kind == at.REMOVE:
        remove(state, orders, levels, ladder, slots, ref, quantity)
    elif kind == at.CANCEL:
        if slots[ref] != at.NIL:
            detach(state, orders, levels, ladder, slots, slots[ref])
    elif kind == at.LIMIT_AWAY or kind == at.MARKET_ORDER:
        return background(state, orders, levels, ladder, slots, log, kind, side, price, quantity, ref)
    elif kind == at.HIT:  # NIL: a hidden counterparty
        return hit(state, orders, levels, ladder, slots, log, ref, price, quantity)
    elif kind == at.SWEEP:
        begin_sweep(state, side, price, quantity)
    elif kind == at.SWEEP_END:
        return end_sweep(state, orders, levels, ladder, slots, log)
    elif kind == at.PRUNE:
        prune(state, orders, levels, ladder, slots, side, sign_of(side) * price, quantity)
    return at.DONE


@njit(cache=True)
def advance(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array, messages: Array, until: int
) -> int:  # fmt: skip
    """Apply messages with ``time <= until``.

    Returns DONE (the next message lies later), STOPPED (a process is concerned: all messages of ``state[TIME]`` in this chunk
    are applied), CHUNK_END (ask the flow for more; also when a process is concerned), MORE (drain the log) or GROW.
    """
    count = messages.shape[0]
    while state[at.CURSOR] < count:
        i = state[at.CURSOR]
        if state[at.CONCERN]:
            until = min(until, state[at.TIME])
        if messages[i, 0] > until:
            return at.STOPPED if state[at.CONCERN] else at.DONE
        if state[at.FREE_ORDER] == at.NIL or state[at.FREE_LEVEL] == at.NIL:
            return at.GROW
        if not room(state, log):
            return at.MORE
        state[at.TIME] = messages[i, 0]
        if apply(state, orders, levels, ladder, slots, log, messages, i) == at.MORE:
            return at.MORE
        state[at.CURSOR] = i + 1
        kind = messages[i, 1]
        if kind != at.SWEEP and kind != at.HIT:  # a sweep shows when it has ended
            after_message(state, orders, levels, ladder, log)
    return at.CHUNK_END
