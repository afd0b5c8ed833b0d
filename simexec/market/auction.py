"""Uncrossing: the end of a call, when orders that crossed each other all trade at one price.

The price is the one that executes most; of several, the one that leaves the smaller surplus; then the one nearest to the
last trade, or to the middle of the crossed range before any; then the higher. Hidden quantity takes part. At the price both
sides trade in price-time priority, displayed before hidden (Euronext and Xetra uncross so, but for their rules on market
orders, of which there are none here).
"""

from __future__ import annotations

from numba import njit

from simexec.market import layout as at
from simexec.market.book import front, mark
from simexec.market.levels import Array, set_excess, shrink, sign_of
from simexec.market.log import room, tell


@njit(cache=True)
def executable(state: Array, levels: Array, ladder: Array, side: int, price: int) -> int:
    """Quantity of a side that would trade at this price."""
    total = 0
    for i in range(state[at.LADDER_SIZE + side] - 1, -1, -1):
        if ladder[side, i, 0] < sign_of(side) * price:
            break
        total += levels[ladder[side, i, 1], at.LEVEL_SHOWN] + levels[ladder[side, i, 1], at.LEVEL_RESERVE]
    return total


@njit(cache=True)
def find_price(state: Array, levels: Array, ladder: Array) -> None:
    """Set ``state`` to the price at which the book uncrosses, and the quantity that it executes: 0 if it is not crossed.

    Prices are whole ticks. What would trade changes at limits only, so the limits, their neighbours, and the ticks next to the
    reference are all that can be best.
    """
    state[at.AUCTION_LEFT] = 0
    bids, asks = state[at.LADDER_SIZE], state[at.LADDER_SIZE + 1]
    if bids == 0 or asks == 0 or ladder[0, bids - 1, 0] + ladder[1, asks - 1, 0] < 0:
        return
    tick, low, high = state[at.TICK], -ladder[1, asks - 1, 0], ladder[0, bids - 1, 0]
    twice = low + high if state[at.LAST_PRICE] == at.NO_PRICE else 2 * state[at.LAST_PRICE]
    best = (0, 0, 0, 0)  # quantity, minus the surplus, minus twice the distance, price
    near = twice // (2 * tick) * tick
    for price in (near, near + tick):
        found = merit(state, levels, ladder, price, low, high, twice)
        if found > best:
            best = found
    for side in range(2):
        for i in range(state[at.LADDER_SIZE + side] - 1, -1, -1):
            limit = sign_of(side) * ladder[side, i, 0]
            if not low <= limit <= high:
                break
            for price in (limit - tick, limit, limit + tick):
                found = merit(state, levels, ladder, price, low, high, twice)
                if found > best:
                    best = found
    state[at.AUCTION_LEFT], state[at.AUCTION_PRICE] = best[0], best[3]


@njit(cache=True)
def merit(
    state: Array, levels: Array, ladder: Array, price: int, low: int, high: int, twice: int
) -> tuple[int, int, int, int]:
    """How good a price is: the greater tuple is the better price."""
    if not low <= price <= high:
        return 0, 0, 0, 0
    buys, sells = executable(state, levels, ladder, 0, price), executable(state, levels, ladder, 1, price)
    return min(buys, sells), -abs(buys - sells), -abs(2 * price - twice), price


@njit(cache=True)
def uncross(state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array) -> int:
    """Execute what ``find_price`` has found; MORE when the log is full."""
    while state[at.AUCTION_LEFT] > 0:
        if not room(state, log):
            return at.MORE
        buy, sell = front(state, levels, ladder, 0, at.ANY_KEY), front(state, levels, ladder, 1, at.ANY_KEY)
        quantity = state[at.AUCTION_LEFT]
        for row in (buy, sell):
            quantity = min(quantity, orders[row, at.RESERVE] if orders[row, at.PEAK] < 0 else orders[row, at.SHOWN])
        price, flags = state[at.AUCTION_PRICE], at.PRINT_AUCTION
        if orders[buy, at.OWNER] > 0 or orders[sell, at.OWNER] > 0:
            flags |= at.PRINT_OWN_MAKER
        state[at.AUCTION_LEFT] -= quantity
        mark(state, orders, levels, ladder, log, price, quantity, 0, flags)
        for row, other in ((buy, sell), (sell, buy)):
            account(state, orders, levels, row, other, quantity)
            if orders[row, at.OWNER] > 0:
                leaves = orders[row, at.SHOWN] + orders[row, at.RESERVE] - quantity
                tell(state, log, at.OUT_FILL, orders[row, at.REF], price, quantity, leaves, 1, row)
        for row in (buy, sell):
            shrink(state, orders, levels, ladder, slots, row, quantity)
    return at.DONE


@njit(cache=True)
def account(state: Array, orders: Array, levels: Array, row: int, other: int, quantity: int) -> None:
    """Count what the background gives up in an auction: recorded shares that history kept, and leftovers that it did not."""
    if orders[row, at.OWNER] > 0:
        if orders[other, at.OWNER] > 0 and orders[row, at.REF] < orders[other, at.REF]:
            state[at.SELF_TRADED] += quantity
        return
    left = min(quantity, orders[row, at.EXCESS])
    if left > 0:
        set_excess(state, orders, levels, row, orders[row, at.EXCESS] - left)
    state[at.LEFTOVER_CONSUMED] += left
    if orders[other, at.OWNER] > 0:
        state[at.GIVEN_SWEEP] += left
        state[at.GIVEN_ARRIVAL] += quantity - left
    else:
        state[at.DISPLACED] += quantity - left
