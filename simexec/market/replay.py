"""How recorded history meets our own orders: the compiled rules of a replay.

A recording says what happened without us. These rules let our orders trade with it and keep the rest as it was:

- A recorded aggressor (a sweep) meets our orders, and shares that we left standing earlier (*leftovers*), before each of its
  recorded counterparties over which they have priority; its recorded counterparties then trade what is left of it.
- What we took is gone: a recorded message whose order is gone or smaller is cut to what is left, and counted.
- What an aggressor did not need because we gave it first stays in the book as a leftover, in its place, until
  an order of history reaches its price from the other side or its price leaves the recorded window.
- A recorded order that would cross ours trades with it first. So the book is never crossed.

Every share that departs from history is counted in ``state``, once where it leaves and once where that is noticed, and the two
are compared at the end of a run.
"""

from __future__ import annotations

from numba import njit

from simexec.market import layout as at
from simexec.market.book import breaches, front, halts, mark, take, trade
from simexec.market.levels import Array, detach, insert, set_excess, shrink, sign_of, touch
from simexec.market.log import room
from simexec.market.stops import elect


@njit(cache=True)
def cancel_background(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, level: int, leftovers_only: bool
) -> int:  # fmt: skip
    """Cancel a level's leftovers, or all its background orders; returns the shares cancelled that history still had."""
    row, recorded = levels[level, at.HEAD], 0
    while row != at.NIL:
        after = orders[row, at.NEXT]
        if orders[row, at.OWNER] == 0:
            excess = orders[row, at.EXCESS]
            rest = orders[row, at.SHOWN] - excess
            state[at.LEFTOVER_CANCELLED] += excess
            if not leftovers_only:
                recorded += rest
                detach(state, orders, levels, ladder, slots, row)
            elif excess > 0:
                set_excess(state, orders, levels, row, 0)
                shrink(state, orders, levels, ladder, slots, row, excess)
        row = after
    return recorded


@njit(cache=True, forceinline=True)
def arrive(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array, side: int, key: int, quantity: int,
    ref: int, at_head: bool,
) -> int:  # fmt: skip
    """A recorded order joins the book; where that would cross ours it trades, where it reaches leftovers they are cancelled."""
    other = 1 - side
    if state[at.BUSY] == 0:
        state[at.BUSY] = 1
        state[at.IN_SIDE] = side
        state[at.IN_KEY] = key
        state[at.IN_QUANTITY] = quantity
        state[at.IN_OWNER] = 0
        state[at.IN_REF] = ref
        state[at.IN_FLAGS] = 0
        state[at.IN_ARRIVING] = 1
        i = state[at.LADDER_SIZE + other] - 1
        calling = state[at.PHASE] != at.CONTINUOUS
        while not calling and i >= 0 and state[at.LEFTOVERS + other] > 0 and ladder[other, i, 0] + key >= 0:
            if levels[ladder[other, i, 1], at.LEFT] > 0:
                cancel_background(state, orders, levels, ladder, slots, ladder[other, i, 1], True)
            i -= 1
    while state[at.IN_QUANTITY] > 0:
        if not room(state, log):
            return at.MORE
        row = front(state, levels, ladder, other, key)
        if row == at.NIL:
            break
        if orders[row, at.OWNER] > 0:
            if breaches(state, orders, log, row):
                break
            take(state, orders, levels, ladder, slots, log, row)
        else:  # only a defective recording crosses itself
            state[at.DISPLACED] += orders[row, at.SHOWN]
            detach(state, orders, levels, ladder, slots, row)
    state[at.BUSY] = 0
    state[at.IN_ARRIVING] = 0
    state[at.BREACHED] = 0
    quantity = state[at.IN_QUANTITY]
    if quantity > 0:
        row = slots[ref]
        if row == at.NIL:
            slots[ref] = insert(state, orders, levels, ladder, side, key, quantity, 0, 0, ref, at_head)
        else:  # more of a quantity of unknown age
            level = orders[row, at.LEVEL]
            orders[row, at.SHOWN] += quantity
            levels[level, at.LEVEL_SHOWN] += quantity
            touch(state, levels, level)
    return at.DONE


@njit(cache=True, forceinline=True)
def remove(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, ref: int, quantity: int
) -> None:  # fmt: skip
    """A recorded order loses ``quantity`` and keeps its place; leftovers are not history's to remove."""
    row, here = slots[ref], 0
    if row != at.NIL:
        here = min(quantity, orders[row, at.SHOWN] - orders[row, at.EXCESS])
        if here > 0:
            shrink(state, orders, levels, ladder, slots, row, here)
    if here < quantity:
        state[at.CUT] += quantity - here
        state[at.CUT_MESSAGES] += 1


@njit(cache=True)
def prune(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, side: int, key: int, quantity: int
) -> None:  # fmt: skip
    """The recorded window now ends at ``key``: what history showed beyond it (``quantity``) is cancelled, ours stay."""
    recorded, i = 0, 0
    while i < state[at.LADDER_SIZE + side] and ladder[side, i, 0] < key:
        level, size = ladder[side, i, 1], state[at.LADDER_SIZE + side]
        recorded += cancel_background(state, orders, levels, ladder, slots, level, False)
        if state[at.LADDER_SIZE + side] == size:  # the level stays: ours are in it
            i += 1
    if recorded < quantity:
        state[at.CUT] += quantity - recorded
        state[at.CUT_MESSAGES] += 1


@njit(cache=True)
def first_departure(orders: Array, levels: Array, level: int, counterparty: int, better: bool) -> int:
    """Row of the first order of a level, before the counterparty, that is ours or has a leftover; or NIL."""
    row = levels[level, at.HEAD]
    while row != at.NIL and row != counterparty:
        if orders[row, at.OWNER] > 0 or orders[row, at.EXCESS] > 0:
            return row
        row = orders[row, at.NEXT]
    return levels[level, at.HIDDEN_HEAD] if better else at.NIL


@njit(cache=True)
def meet(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array, key: int, counterparty: int
) -> int:  # fmt: skip
    """Trade the sweep with our orders and leftovers at ``key`` or better that come before its next counterparty.

    ``counterparty`` is the row of a displayed order, or NIL for a hidden one, which comes after all that is displayed at its
    price, and after our hidden orders at better prices only.
    """
    side = 1 - state[at.IN_SIDE]
    i = state[at.LADDER_SIZE + side] - 1
    while i >= 0 and ladder[side, i, 0] >= key and state[at.IN_QUANTITY] > 0:
        level, better, size = ladder[side, i, 1], ladder[side, i, 0] > key, state[at.LADDER_SIZE + side]
        while state[at.IN_QUANTITY] > 0 and levels[level, at.OWN] + levels[level, at.LEFT] > 0:
            row = first_departure(orders, levels, level, counterparty, better)
            if row == at.NIL:
                break
            if not room(state, log):
                return at.MORE
            if breaches(state, orders, log, row):
                turn_away(state)
                return at.DONE
            meet_one(state, orders, levels, ladder, slots, log, row)
            if state[at.LADDER_SIZE + side] < size:
                break
        i -= 1
    return at.DONE


@njit(cache=True)
def meet_one(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array, row: int
) -> None:  # fmt: skip
    """Trade the sweep with one order of ours, or with the leftover part of a recorded one."""
    if orders[row, at.OWNER] > 0:
        take(state, orders, levels, ladder, slots, log, row)
    else:
        quantity = min(state[at.IN_QUANTITY], orders[row, at.EXCESS])
        trade(state, orders, levels, ladder, slots, log, row, quantity, quantity)


@njit(cache=True)
def begin_sweep(state: Array, side: int, price: int, quantity: int) -> None:
    """A recorded aggressor arrives with all that it traded, limited at the worst price it paid."""
    state[at.SWEEPING] = 1
    state[at.SWEEP_SIDE] = side
    state[at.SWEEP_KEY] = sign_of(side) * price
    state[at.SWEEP_QUANTITY] = quantity
    if state[at.PHASE] != at.CONTINUOUS:
        resume_sweep(state)
        turn_away(state)
        state[at.SWEEP_QUANTITY] = 0


@njit(cache=True)
def turn_away(state: Array) -> None:
    """Nothing trades: the recorded aggressor goes, and what it would have taken stays as leftovers."""
    state[at.TURNED_AWAY] += state[at.IN_QUANTITY]
    state[at.IN_QUANTITY] = 0
    state[at.BREACHED] = 0


@njit(cache=True)
def resume_sweep(state: Array) -> None:
    """Make the sweep the incoming order again."""
    state[at.IN_SIDE] = state[at.SWEEP_SIDE]
    state[at.IN_KEY] = state[at.SWEEP_KEY]
    state[at.IN_QUANTITY] = state[at.SWEEP_QUANTITY]
    state[at.IN_OWNER] = 0
    state[at.IN_FLAGS] = 0
    state[at.IN_ARRIVING] = 0


@njit(cache=True)
def hit(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array, ref: int, price: int, quantity: int
) -> int:  # fmt: skip
    """The sweep reaches its next recorded counterparty: order ``ref``, or a hidden order if that is NIL."""
    resume_sweep(state)
    side = 1 - state[at.IN_SIDE]
    key = sign_of(side) * price
    row = at.NIL if ref == at.NIL else slots[ref]
    if state[at.OWN_ORDERS + side] + state[at.LEFTOVERS + side] > 0:
        # where the counterparty is gone nobody knows who else was before it: only better prices are sure
        bound = key if ref == at.NIL or row != at.NIL else key + 1
        code = meet(state, orders, levels, ladder, slots, log, bound, row)
        state[at.SWEEP_QUANTITY] = state[at.IN_QUANTITY]
        if code == at.MORE:
            return code
    if not room(state, log):
        return at.MORE
    recorded = quantity  # what is still there of it
    if ref != at.NIL:
        recorded = 0 if row == at.NIL else min(quantity, orders[row, at.SHOWN] - orders[row, at.EXCESS])
    if min(recorded, state[at.IN_QUANTITY]) > 0 and halts(state, log, price):
        turn_away(state)
    traded = min(recorded, state[at.IN_QUANTITY])
    if ref == at.NIL:
        state[at.HIDDEN_SPARED] += quantity - traded
        state[at.TRADED_HIDDEN] += traded
        if traded > 0:
            mark(state, orders, levels, ladder, log, price, traded, state[at.IN_SIDE], at.PRINT_HIDDEN)
        state[at.SWEEP_QUANTITY] = state[at.IN_QUANTITY] - traded
        return at.DONE
    if recorded < quantity:
        state[at.CUT] += quantity - recorded
        state[at.CUT_MESSAGES] += 1
    if recorded > traded:
        state[at.LEFTOVER_MADE] += recorded - traded
        set_excess(state, orders, levels, row, orders[row, at.EXCESS] + recorded - traded)
    if traded > 0:
        trade(state, orders, levels, ladder, slots, log, row, traded, 0)
    state[at.SWEEP_QUANTITY] = state[at.IN_QUANTITY]
    return at.DONE


@njit(cache=True)
def end_sweep(state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array) -> int:
    """What the sweep has left, because a counterparty was cut, trades with ours as long as ours are first in the book."""
    resume_sweep(state)
    while state[at.IN_QUANTITY] > 0:
        if not room(state, log):
            return at.MORE
        row = front(state, levels, ladder, 1 - state[at.IN_SIDE], state[at.IN_KEY])
        if row == at.NIL or orders[row, at.OWNER] + orders[row, at.EXCESS] == 0:
            break
        if breaches(state, orders, log, row):
            turn_away(state)
            state[at.SWEEP_QUANTITY] = 0
            break
        meet_one(state, orders, levels, ladder, slots, log, row)
        state[at.SWEEP_QUANTITY] = state[at.IN_QUANTITY]
    state[at.UNFILLED] += state[at.IN_QUANTITY]
    state[at.SWEEP_QUANTITY] = state[at.SWEEPING] = 0
    return at.DONE


@njit(cache=True)
def set_recorded_phase(state: Array, orders: Array, levels: Array, ladder: Array, phase: int) -> None:
    """The recording says that its market goes into an auction's call, or trades again; a call of our venue's stays."""
    before = state[at.PHASE]
    state[at.PHASE] = before & at.CALL | (at.RECORDED_CALL if phase == at.CALL else 0)
    reopens = before != at.CONTINUOUS and state[at.PHASE] == at.CONTINUOUS
    state[at.REOPENING] = 1 if reopens else 0
    if reopens and state[at.LAST_PRICE] != at.NO_PRICE:  # a stop that came in the call may have been reached before
        elect(state, orders, levels, ladder, state[at.LAST_PRICE])
