"""The compiled half of the Cont-Stoikov-Talreja flow: which event comes next, given the book.

Every class of events has a stream and a clock of its own. Limit orders (by side and distance) and market orders (by side) come
at rates that do not depend on the book, so the clock of such a class knows when it strikes next, whatever happens. Cancels (by
side and distance) come at ``theta`` times the number of background orders that rest there. Their clocks run at that rate: when it
changes, the internal time that is left is kept and only the moment of striking moves (modified next reaction method: Anderson
2007, J. Chem. Phys. 127, 214107). A clock whose rate has not changed is not touched, so nothing depends on how often the flow
is asked.

Times here are floats, ns since the flow's start, rounded down when they are told. All of it lies in one int64 array, the *model*;
floats and random words are read through views of it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from simexec.market import layout as at
from simexec.market.activity import Floats, time_of
from simexec.market.generator import WORDS, exponential, uniform
from simexec.market.levels import Array, sign_of
from simexec.market.log import opposite_price

# ``model``: scalars first
START: Final = 0  # ns since the run's epoch
END: Final = 1
LOT: Final = 2
TICK: Final = 3
REACH: Final = 4  # distances at which limit orders come
NEAR: Final = 5  # distances with a cancel class; the last one stands for all beyond it, too
GIVEN: Final = 6  # messages so far
NEXT: Final = 7  # the class of arrivals that strikes next
FREE: Final = 8  # references on the stack of free ones
REFERENCES: Final = 9
# Where the tables begin. They are by class: limit orders of side s at distance i are s (REACH + 1) + i - 1, its market orders
# follow them, and cancels of side s at distance i are 2 (REACH + 1) + s NEAR + i - 1.
RATE: Final = 10  # per ns; of cancels, per ns and order
CLOCK: Final = 11  # internal time: of arrivals when they strike next, of cancels what is left while none can come
DUE: Final = 12  # when it strikes next; infinite if it does not
STREAM: Final = 13  # states of the generators
COUNT: Final = 14  # background orders of each cancel class; this one begins with the first cancel class
KNOTS: Final = 15  # activity (see ``time_of``)
KNOT_COUNT: Final = 16
STACK: Final = 17  # free references
HEADER: Final = 18

NEVER: Final = 2**62
"""Time of the next message when there is none."""


@njit(cache=True)
def background_orders(orders: Array, levels: Array, level: int) -> int:
    """Orders of the background in a level."""
    if levels[level, at.OWN] == 0:
        return levels[level, at.COUNT]
    row, found = levels[level, at.HEAD], 0
    while row != at.NIL:
        if orders[row, at.OWNER] == 0:
            found += 1
        row = orders[row, at.NEXT]
    return found


@njit(cache=True)
def set_count(model: Array, floats: Floats, cancels: int, count: int, now: float) -> None:
    """Let a cancel class (numbered from the first of them) have so many orders from now on."""
    before = model[model[COUNT] + cancels]
    if before != count:
        model[model[COUNT] + cancels] = count
        kind = 2 * (model[REACH] + 1) + cancels
        rate = floats[model[RATE] + kind]
        left = floats[model[CLOCK] + kind]
        if before > 0:
            left = (floats[model[DUE] + kind] - now) * (rate * before)
        floats[model[CLOCK] + kind] = left
        floats[model[DUE] + kind] = now + left / (rate * count) if count > 0 else math.inf


@njit(cache=True)
def recount(state: Array, orders: Array, levels: Array, ladder: Array, model: Array) -> None:
    """Give the clocks of the cancels the rates of the book as it is; it has been so since ``state[TIME]``."""
    floats = model.view(np.float64)
    now = float(max(0, state[at.TIME] - model[START]))
    near, tick = model[NEAR], model[TICK]
    for side in range(2):
        kind, found = side * near, 0
        last = kind + near - 1  # it has all that lies further away
        edge = sign_of(side) * opposite_price(state, levels, ladder, side) - tick  # least key of a class
        for i in range(state[at.LADDER_SIZE + side] - 1, -1, -1):
            while ladder[side, i, 0] < edge and kind < last:
                set_count(model, floats, kind, found, now)
                kind, found, edge = kind + 1, 0, edge - tick
            found += background_orders(orders, levels, ladder[side, i, 1])
        while kind <= last:
            set_count(model, floats, kind, found, now)
            kind, found = kind + 1, 0


@njit(cache=True)
def schedule_arrival(model: Array, kind: int) -> None:
    """Draw when a class of arrivals strikes next, and find the class that does so first."""
    floats = model.view(np.float64)
    rate = floats[model[RATE] + kind]
    if rate > 0:
        gap = exponential(model.view(np.uint64), model[STREAM] + WORDS * kind) / rate
        floats[model[CLOCK] + kind] += gap
        knots = floats[model[KNOTS] : model[KNOTS] + 3 * model[KNOT_COUNT]].reshape(-1, 3)
        floats[model[DUE] + kind] = time_of(knots, floats[model[CLOCK] + kind])
    first = 0
    for other in range(2 * (model[REACH] + 1)):
        if floats[model[DUE] + other] < floats[model[DUE] + first]:
            first = other
    model[NEXT] = first


@njit(cache=True)
def start_clocks(model: Array) -> None:
    """Draw when every class of events strikes first."""
    floats, words = model.view(np.float64), model.view(np.uint64)
    for kind in range(2 * (model[REACH] + 1)):
        schedule_arrival(model, kind)
    for kind in range(2 * (model[REACH] + 1), 2 * (model[REACH] + 1 + model[NEAR])):
        floats[model[CLOCK] + kind] = exponential(words, model[STREAM] + WORDS * kind)


@njit(cache=True)
def free_references(state: Array, orders: Array, levels: Array, ladder: Array, model: Array) -> bool:
    """Put every reference that no order in the book has on the empty stack; False if these are fewer than half of all.

    A flow is not told which of its orders have traded. It looks when it needs references: a pass over the book for at least
    as many new orders as there are references to pass over.
    """
    stack, count, free = model[STACK], model[REFERENCES], 0
    model[stack : stack + count] = 0
    for side in range(2):
        for i in range(state[at.LADDER_SIZE + side]):
            row = levels[ladder[side, i, 1], at.HEAD]
            while row != at.NIL:
                if orders[row, at.OWNER] == 0:
                    model[stack + orders[row, at.REF]] = 1
                row = orders[row, at.NEXT]
    for ref in range(count):
        if model[stack + ref] == 0:
            model[stack + free] = ref
            free += 1
    model[FREE] = free
    return 2 * free >= count


@njit(cache=True)
def take_reference(model: Array) -> int:
    """A reference that no order in the book has; there must be one on the stack."""
    model[FREE] -= 1
    return model[model[STACK] + model[FREE]]


@njit(cache=True)
def chosen_reference(
    state: Array, orders: Array, levels: Array, ladder: Array, model: Array, side: int, distance: int, number: int
) -> int:  # fmt: skip
    """Reference of background order ``number`` of a cancel class, counted from the best price and the head of its queue."""
    worst = sign_of(side) * opposite_price(state, levels, ladder, side) - distance * model[TICK]
    for i in range(state[at.LADDER_SIZE + side] - 1, -1, -1):
        key = ladder[side, i, 0]
        if (key < worst + model[TICK] or distance == 1) and (key >= worst or distance == model[NEAR]):
            level = ladder[side, i, 1]
            here = background_orders(orders, levels, level)
            if number >= here:
                number -= here
                continue
            row = levels[level, at.HEAD]
            while orders[row, at.OWNER] > 0 or number > 0:
                if orders[row, at.OWNER] == 0:
                    number -= 1
                row = orders[row, at.NEXT]
            return orders[row, at.REF]
    return at.NIL


@njit(cache=True)
def generate(
    state: Array, orders: Array, levels: Array, ladder: Array, model: Array, messages: Array, until: int
) -> int:  # fmt: skip
    """Put the next message into ``messages[0]`` and return 1, if its time is not after ``until``.

    Returns 0 if it lies later: ``messages[0, 0]`` is then its time, as long as nobody changes the book (NEVER if there is none).
    Returns -GROW, with nothing done, when references are running out.

    The book may have changed since the last call by that call's message, by messages of others and by participants, but at one
    time only, ``state[TIME]``: ask (with any ``until``) between changes of different times.
    """
    if model[FREE] == 0 and not free_references(state, orders, levels, ladder, model):
        return -at.GROW
    recount(state, orders, levels, ladder, model)
    floats = model.view(np.float64)
    reach, near, due = model[REACH], model[NEAR], model[DUE]
    kind = model[NEXT]
    for other in range(2 * (reach + 1), 2 * (reach + 1 + near)):
        if floats[due + other] < floats[due + kind]:
            kind = other
    time = floats[due + kind]
    messages[0, 0] = model[START] + int(time) if time < model[END] - model[START] else NEVER
    if messages[0, 0] > until or messages[0, 0] == NEVER:
        return 0
    model[GIVEN] += 1
    messages[0, 2] = at.NIL
    messages[0, 3] = 0
    messages[0, 4] = model[LOT]
    if kind < 2 * (reach + 1):
        side = kind // (reach + 1)
        distance = kind - side * (reach + 1) + 1
        messages[0, 1] = at.MARKET_ORDER
        if distance <= reach:
            messages[0, 1] = at.LIMIT_AWAY
            messages[0, 2] = take_reference(model)
            messages[0, 3] = distance * model[TICK]
        schedule_arrival(model, kind)
    else:
        words, stream = model.view(np.uint64), model[STREAM] + WORDS * kind
        cancels = kind - 2 * (reach + 1)
        side = cancels // near
        count = model[model[COUNT] + cancels]
        number = min(int(uniform(words, stream) * count), count - 1)
        messages[0, 1] = at.CANCEL
        messages[0, 2] = chosen_reference(state, orders, levels, ladder, model, side, cancels - side * near + 1, number)
        gap = exponential(words, stream) / (floats[model[RATE] + kind] * count)
        floats[due + kind] = float(messages[0, 0] - model[START]) + gap
    messages[0, 5] = side
    return 1
