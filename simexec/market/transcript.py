"""From recorded orders to explicit messages: the compiled pass that runs once, when an order-by-order recording is loaded.

The pass keeps a book of its own and writes down, event by event, what the kernel must do:

- an add is ``ADD``, a cancel ``REMOVE``; a change that lowers the size keeps its place (``REMOVE``), any other goes to the
  back of the queue of its price (``REMOVE`` of all, then ``ADD``);
- the fills of one event and one aggressor are one incoming order (``SWEEP``, ``HIT`` ..., ``SWEEP_END``), limited at the worst
  price it paid. The fills take the shares; the cancel or change by which the recording confirms them does not take them again;
- an order that traded more than it showed, or shows more after a fill than was left of it, is an iceberg: what it shows next
  stands at the back of the queue;
- all messages of an event but its last carry ``PART``, so that nobody sees a book in the middle of an event.

Where the recording contradicts itself a rule of ``l3_recording.RULES`` holds. Every use of one is counted; the first are kept by
row.
"""

from __future__ import annotations

from numba import njit

from simexec.market import l3_progress as the
from simexec.market import layout as at
from simexec.market.l3 import ADD, CANCEL, CLEAR, FILL, GAP, LAST, MODIFY, NO_SIDE, TRADE, TURNED_BACK
from simexec.market.l3_progress import complain, emit
from simexec.market.l3_trades import add, end_sweep, resting, trade_row
from simexec.market.levels import Array, detach, shrink, sign_of


@njit(cache=True)
def reaches(state: Array, ladder: Array, side: int, key: int) -> bool:
    """Whether an order would trade with the other side's best."""
    best = state[at.LADDER_SIZE + 1 - side] - 1
    return best >= 0 and ladder[1 - side, best, 0] + key >= 0


@njit(cache=True)
def crossed(state: Array, ladder: Array) -> bool:
    """Whether the best bid has reached the best ask."""
    bids, asks = state[at.LADDER_SIZE], state[at.LADDER_SIZE + 1]
    return bids > 0 and asks > 0 and ladder[0, bids - 1, 0] + ladder[1, asks - 1, 0] >= 0


@njit(cache=True)
def withdraw(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, progress: Array, messages: Array, time: int,
    ref: int, quantity: int,
) -> None:  # fmt: skip
    """An order in the book loses quantity and keeps its place."""
    row = slots[ref]
    side = levels[orders[row, at.LEVEL], at.SIDE]
    emit(progress, messages, time, at.REMOVE, ref, sign_of(side) * orders[row, at.KEY], quantity, side)
    shrink(state, orders, levels, ladder, slots, row, quantity)


@njit(cache=True)
def place(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, progress: Array, messages: Array, live: Array,
    owners: Array, problems: Array, before: Array, event: Array, row: int, end: int, time: int, actions: Array, names: Array,
    sizes: Array, side: int, price: int, size: int,
) -> None:  # fmt: skip
    """An order joins. Outside a call it crosses nothing.

    Orders of the other side that the same event cancels, to prevent a trade with themselves, go before it joins. Others that
    it crosses are removed, as they will be in the kernel.
    """
    key, other, defect = sign_of(side) * price, 1 - side, False
    while progress[the.PHASE] == at.CONTINUOUS and reaches(state, ladder, side, key):
        best = levels[ladder[other, state[at.LADDER_SIZE + other] - 1, 1], at.HEAD]
        ref = orders[best, at.REF]
        name, i = owners[ref], row + 1
        while i < end and not (actions[i] == CANCEL and names[i] == name and sizes[i] in (0, orders[best, at.SHOWN])):
            i += 1
        if i < end:
            event[name], before[name] = progress[the.EVENTS], orders[best, at.SHOWN]
            withdraw(state, orders, levels, ladder, slots, progress, messages, time, ref, orders[best, at.SHOWN])
            continue
        if not defect:
            complain(progress, problems, row, the.CROSSED, price)
            defect = True
        detach(state, orders, levels, ladder, slots, best)
    add(state, orders, levels, ladder, slots, progress, messages, live, owners, time, names[row], side, price, size)


@njit(cache=True)
def cancel_row(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, progress: Array, messages: Array, live: Array,
    problems: Array, before: Array, i: int, time: int, name: int, price: int, size: int, filled_now: bool,
) -> None:  # fmt: skip
    """A cancel, of a part or of all; after a fill of the same event it says what the fill took."""
    row = resting(slots, live, name)
    if row == at.NIL:
        if not filled_now:
            complain(progress, problems, i, the.UNKNOWN, price)
        return
    shown = orders[row, at.SHOWN]
    had = before[name] if filled_now else shown
    left = min(shown, max(0, had - size)) if size > 0 else 0
    if left < shown:
        withdraw(state, orders, levels, ladder, slots, progress, messages, time, live[name], shown - left)


@njit(cache=True)
def order_row(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, progress: Array, messages: Array, live: Array,
    owners: Array, problems: Array, before: Array, event: Array, i: int, end: int, time: int, actions: Array, names: Array,
    sizes: Array, side: int, price: int, filled_now: bool,
) -> None:  # fmt: skip
    """A new order, or an order's new size and price."""
    action, name, size = actions[i], names[i], sizes[i]
    row = resting(slots, live, name)
    if action == ADD and row != at.NIL:
        complain(progress, problems, i, the.DUPLICATE, price)
    elif action == MODIFY and row == at.NIL and not filled_now:
        complain(progress, problems, i, the.UNKNOWN_MODIFY, price)
    elif action == MODIFY and row != at.NIL:
        shown = orders[row, at.SHOWN]
        if levels[orders[row, at.LEVEL], at.SIDE] != side:
            complain(progress, problems, i, the.MOVED, price)
        elif orders[row, at.KEY] == sign_of(side) * price and size <= shown:
            if size < shown:
                withdraw(state, orders, levels, ladder, slots, progress, messages, time, live[name], shown - size)
            return
    if action == MODIFY and filled_now and size > 0:
        progress[the.REFRESHES] += 1
    if row != at.NIL:
        withdraw(state, orders, levels, ladder, slots, progress, messages, time, live[name], orders[row, at.SHOWN])
    if size > 0:
        place(
            state, orders, levels, ladder, slots, progress, messages, live, owners, problems, before, event, i, end, time,
            actions, names, sizes, side, price, size,
        )  # fmt: skip


@njit(cache=True)
def clear(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, progress: Array, messages: Array, time: int,
    side: int,
) -> None:  # fmt: skip
    """All orders of a side are gone."""
    while state[at.LADDER_SIZE + side] > 0:
        head = levels[ladder[side, state[at.LADDER_SIZE + side] - 1, 1], at.HEAD]
        ref, shown = orders[head, at.REF], orders[head, at.SHOWN]
        withdraw(state, orders, levels, ladder, slots, progress, messages, time, ref, shown)


@njit(cache=True)
def begins_call(state: Array, ladder: Array, start: int, end: int, actions: Array, sides: Array, prices: Array) -> bool:
    """Whether an event before an auction is the first of its call: the recording begins with it, or it crosses the book."""
    if start == 0:
        return True
    for i in range(start, end):
        joins = actions[i] == ADD or actions[i] == MODIFY
        if joins and reaches(state, ladder, sides[i], sign_of(sides[i]) * prices[i]):
            return True
    return False


@njit(cache=True)
def end_event(
    state: Array, ladder: Array, slots: Array, progress: Array, messages: Array, problems: Array, heads: Array, filled: Array,
    owners: Array, event: Array, first: int, last: int, time: int, fills_remove: bool,
) -> None:  # fmt: skip
    """Close an event that began with message ``first``."""
    end_sweep(progress, messages, time)
    for k in range(progress[the.BEHIND]):
        if event[owners[heads[k]]] == progress[the.EVENTS]:
            progress[the.FILLS_BEHIND_FILLED] += 1
        elif slots[heads[k]] == at.NIL:
            progress[the.FILLS_BEHIND_CANCELLED] += 1
        else:
            progress[the.FILLS_BEHIND_OTHER] += 1
    for k in range(progress[the.FILLED]):
        if filled[k] != at.NIL and not fills_remove:
            complain(progress, problems, last, the.UNCONFIRMED, progress[the.TRADE_PRICE])
    progress[the.AUCTIONS] += progress[the.AUCTION]
    if progress[the.PHASE] == at.CALL:
        if crossed(state, ladder):
            progress[the.CROSSED_IN_CALLS] += 1
        elif progress[the.AUCTION] == 1:
            progress[the.PHASE], progress[the.OPENED] = at.CONTINUOUS, time
            emit(progress, messages, time, at.SET_PHASE, at.NIL, at.CONTINUOUS, 0, 0)
    if progress[the.EMITTED] > first:
        messages[progress[the.EMITTED] - 1, 1] &= at.KINDS


@njit(cache=True)
def transcribe(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, progress: Array, messages: Array, live: Array,
    owners: Array, problems: Array, heads: Array, filled: Array, before: Array, event: Array,
    times: Array, actions: Array, names: Array, sides: Array, prices: Array, sizes: Array, flags: Array, ahead: Array,
    fills_remove: bool,
) -> int:  # fmt: skip
    """Run the pass from ``progress[the.ROW]`` on: DONE, MORE (take the messages and call again) or GROW (a pool is full).

    ``live`` has the reference of each numbered order or NIL, ``owners`` the number of each reference's order; ``event`` is the
    last event in which an order was filled and ``before`` what it showed before that.
    """
    while progress[the.ROW] < len(times):
        start = end = progress[the.ROW]
        while not flags[end] & LAST:
            end += 1
        end += 1
        rows, prices_used = end - start, state[at.LADDER_SIZE] + state[at.LADDER_SIZE + 1]
        if (
            progress[the.EMITTED] + the.ROOM_PER_ROW * rows + the.ROOM_PER_EVENT + state[at.ORDERS_LIVE]
            > messages.shape[0]
        ):
            return at.MORE
        if state[at.ORDERS_LIVE] + rows > orders.shape[0] or prices_used + rows > levels.shape[0]:
            return at.GROW
        first, time = progress[the.EMITTED], times[end - 1]
        progress[the.EVENTS] += 1
        progress[the.BEHIND], progress[the.FILLED], progress[the.AUCTION] = 0, 0, 0
        progress[the.TRADE_ORDER], progress[the.TRADE_SIDE], progress[the.TRADE_PRICE] = at.NIL, NO_SIDE, 0
        before_auction = progress[the.PHASE] == at.CONTINUOUS and ahead[start] == 1
        if before_auction and begins_call(state, ladder, start, end, actions, sides, prices):
            progress[the.PHASE] = at.CALL
            emit(progress, messages, time, at.SET_PHASE, at.NIL, at.CALL, 0, 0)
        for i in range(start, end):
            name = names[i]
            if flags[i] & GAP:
                complain(progress, problems, i, the.LOST, prices[i])
            if flags[i] & TURNED_BACK:
                complain(progress, problems, i, the.BACK, prices[i])
            if actions[i] == TRADE or actions[i] == FILL:
                trade_row(
                    state, orders, levels, ladder, slots, progress, messages, live, owners, problems, heads, filled, before,
                    event, i, end, time, actions, names, sides, prices, sizes, flags,
                )  # fmt: skip
                continue
            end_sweep(progress, messages, time)
            if actions[i] == CLEAR:
                for side in range(2):
                    if sides[i] == NO_SIDE or sides[i] == side:
                        clear(state, orders, levels, ladder, slots, progress, messages, time, side)
                continue
            filled_now = event[name] == progress[the.EVENTS]
            if filled_now:
                for k in range(progress[the.FILLED]):
                    filled[k] = at.NIL if filled[k] == name else filled[k]
            if actions[i] == CANCEL:
                cancel_row(
                    state, orders, levels, ladder, slots, progress, messages, live, problems, before, i, time, name, prices[i],
                    sizes[i], filled_now,
                )  # fmt: skip
            else:
                order_row(
                    state, orders, levels, ladder, slots, progress, messages, live, owners, problems, before, event, i, end,
                    time, actions, names, sizes, sides[i], prices[i], filled_now,
                )  # fmt: skip
        end_event(
            state, ladder, slots, progress, messages, problems, heads, filled, owners, event, first, end - 1, time,
            fills_remove,
        )  # fmt: skip
        progress[the.ROW] = end
    return at.DONE
