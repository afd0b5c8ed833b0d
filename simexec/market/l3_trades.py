"""How the trades of a recording become incoming orders: part of the pass of ``transcript``."""

from __future__ import annotations

from numba import njit

from simexec.market import l3_progress as the
from simexec.market import layout as at
from simexec.market.l3 import FILL, LAST, NO_SIDE, TRADE
from simexec.market.l3_progress import complain, emit
from simexec.market.levels import Array, insert, shrink, sign_of


@njit(cache=True)
def add(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, progress: Array, messages: Array, live: Array,
    owners: Array, time: int, name: int, side: int, price: int, size: int,
) -> None:  # fmt: skip
    """An order joins the back of its queue, under a reference that was never used before."""
    ref = progress[the.REFERENCES]
    progress[the.REFERENCES] = ref + 1
    live[name], owners[ref] = ref, name
    emit(progress, messages, time, at.ADD, ref, price, size, side)
    slots[ref] = insert(state, orders, levels, ladder, side, sign_of(side) * price, size, 0, 0, ref, False)


@njit(cache=True)
def resting(slots: Array, live: Array, name: int) -> int:
    """Row of an order in the book, or NIL."""
    return at.NIL if live[name] == at.NIL else slots[live[name]]


@njit(cache=True)
def side_of(orders: Array, levels: Array, row: int, said: int) -> int:
    """Side of an order in the book; of one that is not there, what the recording says."""
    return said if row == at.NIL else levels[orders[row, at.LEVEL], at.SIDE]


@njit(cache=True)
def begin_sweep(
    orders: Array, levels: Array, slots: Array, progress: Array, messages: Array, live: Array, first: int, end: int, time: int,
    actions: Array, names: Array, sides: Array, prices: Array, sizes: Array, aggressor: int,
) -> None:  # fmt: skip
    """Write the whole incoming order ahead of its fills: the trades of one aggressor that follow each other in an event."""
    total, size, matched, worst = 0, 0, 0, prices[first]
    for i in range(first, end):
        if actions[i] == TRADE:
            if i > first and (names[i] != names[first] or sides[i] != aggressor or actions[first] != TRADE):
                break
            total += max(size, matched)
            size, matched = sizes[i], 0
        elif actions[i] != FILL:
            break
        elif side_of(orders, levels, resting(slots, live, names[i]), sides[i]) != aggressor:
            matched += sizes[i]
        worst = max(worst, prices[i]) if aggressor == 0 else min(worst, prices[i])
    emit(progress, messages, time, at.SWEEP, at.NIL, worst, total + max(size, matched), aggressor)
    progress[the.SWEEPING], progress[the.TRADE_SIDE] = 1, aggressor


@njit(cache=True)
def end_trade(progress: Array, messages: Array, time: int) -> None:
    """What of a trade found no fill was traded with somebody whom the book did not show."""
    if progress[the.SWEEPING] == 1 and progress[the.TRADE_REST] > 0:
        side = 1 - progress[the.TRADE_SIDE]
        emit(progress, messages, time, at.HIT, at.NIL, progress[the.TRADE_PRICE], progress[the.TRADE_REST], side)
        progress[the.EXECUTED_UNSEEN] += progress[the.TRADE_REST]
    progress[the.TRADE_REST] = 0


@njit(cache=True)
def end_sweep(progress: Array, messages: Array, time: int) -> None:
    """The aggressor is done."""
    end_trade(progress, messages, time)
    if progress[the.SWEEPING] == 1:
        emit(progress, messages, time, at.SWEEP_END, at.NIL, 0, 0, progress[the.TRADE_SIDE])
    progress[the.SWEEPING] = 0


@njit(cache=True)
def fill(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, progress: Array, messages: Array, live: Array,
    owners: Array, heads: Array, filled: Array, before: Array, event: Array, time: int, name: int, size: int,
) -> None:  # fmt: skip
    """A resting order's part in the present trade."""
    ref = live[name]
    row = slots[ref]
    level = orders[row, at.LEVEL]
    side, shown = levels[level, at.SIDE], orders[row, at.SHOWN]
    price = sign_of(side) * orders[row, at.KEY]
    progress[the.FILLS] += 1
    progress[the.EXECUTED] += size
    if orders[row, at.PREV] == at.NIL:
        progress[the.FILLS_AT_HEAD] += 1
    else:
        heads[progress[the.BEHIND]] = orders[levels[level, at.HEAD], at.REF]
        progress[the.BEHIND] += 1
    if event[name] != progress[the.EVENTS]:
        event[name], before[name] = progress[the.EVENTS], shown
        filled[progress[the.FILLED]] = name
        progress[the.FILLED] += 1
    here = min(size, shown)
    emit(progress, messages, time, at.HIT, ref, price, here, side)
    shrink(state, orders, levels, ladder, slots, row, here)
    if here < size:  # an iceberg that was refilled in the middle of the trade
        progress[the.REFRESHES] += 1
        rest = size - here
        add(state, orders, levels, ladder, slots, progress, messages, live, owners, time, name, side, price, rest)
        emit(progress, messages, time, at.HIT, live[name], price, rest, side)
        shrink(state, orders, levels, ladder, slots, slots[live[name]], rest)


@njit(cache=True)
def trade_row(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, progress: Array, messages: Array, live: Array,
    owners: Array, problems: Array, heads: Array, filled: Array, before: Array, event: Array, i: int, end: int, time: int,
    actions: Array, names: Array, sides: Array, prices: Array, sizes: Array, flags: Array,
) -> None:  # fmt: skip
    """A trade or a fill."""
    name, side, size = names[i], sides[i], sizes[i]
    if actions[i] == TRADE:
        if side != progress[the.TRADE_SIDE] or name != progress[the.TRADE_ORDER]:
            end_sweep(progress, messages, time)
        end_trade(progress, messages, time)
        progress[the.TRADE_ORDER], progress[the.TRADE_SIDE] = name, side
        progress[the.TRADE_PRICE], progress[the.TRADE_REST] = prices[i], size
        if side != NO_SIDE:
            if progress[the.SWEEPING] == 0:
                begin_sweep(
                    orders, levels, slots, progress, messages, live, i, end, time, actions, names, sides, prices, sizes, side
                )  # fmt: skip
        elif not flags[i] & LAST and actions[i + 1] == FILL:
            progress[the.AUCTION] = 1
        else:
            progress[the.EXECUTED_UNSEEN] += size
        return
    row = resting(slots, live, name)
    own = side_of(orders, levels, row, side)
    if progress[the.AUCTION] == 1:  # it takes nothing: who traded leaves the book by the rows that follow
        progress[the.FILLS_IN_AUCTIONS] += 1
        progress[the.FILLS_UNSEEN] += 1 if row == at.NIL else 0
        return
    if progress[the.SWEEPING] == 1 and own == progress[the.TRADE_SIDE]:
        progress[the.FILLS_OF_AGGRESSORS] += 1
        return
    if progress[the.SWEEPING] == 0 and own != NO_SIDE:
        begin_sweep(
            orders, levels, slots, progress, messages, live, i, end, time, actions, names, sides, prices, sizes, 1 - own
        )
    progress[the.TRADE_PRICE] = prices[i]
    progress[the.TRADE_REST] = max(0, progress[the.TRADE_REST] - size)
    if row != at.NIL:
        fill(
            state, orders, levels, ladder, slots, progress, messages, live, owners, heads, filled, before, event, time, name,
            size,
        )  # fmt: skip
    else:
        complain(progress, problems, i, the.UNKNOWN_FILL, prices[i])
        progress[the.EXECUTED_UNSEEN] += size
        if progress[the.SWEEPING] == 1:
            emit(progress, messages, time, at.HIT, at.NIL, prices[i], size, 1 - progress[the.TRADE_SIDE])
