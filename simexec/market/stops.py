"""Stops: orders that wait outside the book for a trade.

A stop to buy is elected by a trade at or above its price, a stop to sell by one at or below it, whoever trades. Elected stops act
when the message that elected them has been finished (``reactions``): those that sell before those that buy, and on a side in the
order in which the market reached them, first in, first out at one price.

A trailing stop follows every trade at its distance, and never goes back; an order that a trade elects does not follow that trade.
"""

from __future__ import annotations

from numba import njit

from simexec.market import layout as at
from simexec.market.levels import Array, leave_chain, move, sign_of


@njit(cache=True)
def reached(ladder: int, key: int, price: int) -> bool:
    """Whether a trade at this price elects stops of this key."""
    return key != at.ELECTED and key - sign_of(ladder) * price >= 0


@njit(cache=True)
def elect_one(state: Array, orders: Array, levels: Array, ladder: Array, row: int, price: int) -> None:
    """Elect a stop, by a trade at ``price``."""
    trailed_by, key = orders[row, at.OFFSET], orders[row, at.KEY]
    leave_chain(state, orders, row)
    orders[row, at.OFFSET] = 0
    orders[row, at.AHEAD] = price
    orders[row, at.CHAIN_PREV], orders[row, at.CHAIN_NEXT] = key, trailed_by  # for a replace before it acts
    move(state, orders, levels, ladder, row, levels[orders[row, at.LEVEL], at.SIDE], at.ELECTED)


@njit(cache=True)
def elect(state: Array, orders: Array, levels: Array, ladder: Array, price: int) -> None:
    """Elect the stops that a trade at ``price`` reaches."""
    for side in range(at.WAITING, at.WAITING + 2):
        while True:
            i = state[at.LADDER_SIZE + side] - 1
            if i >= 0 and ladder[side, i, 0] == at.ELECTED:
                i -= 1
            if i < 0 or not reached(side, ladder[side, i, 0], price):
                break
            elect_one(state, orders, levels, ladder, levels[ladder[side, i, 1], at.HEAD], price)


@njit(cache=True)
def trail(state: Array, orders: Array, levels: Array, ladder: Array, price: int) -> None:
    """Let the trailing stops follow a trade at ``price``."""
    row = state[at.CHAIN]
    while row != at.NIL:
        side = levels[orders[row, at.LEVEL], at.SIDE]
        key = sign_of(side) * price - orders[row, at.OFFSET]
        if key > orders[row, at.KEY]:
            move(state, orders, levels, ladder, row, side, key)
        row = orders[row, at.CHAIN_NEXT]


@njit(cache=True)
def first_elected(state: Array, levels: Array, ladder: Array) -> int:
    """Row of the next elected stop, or NIL."""
    for side in range(at.WAITING, at.WAITING + 2):
        i = state[at.LADDER_SIZE + side] - 1
        if i >= 0 and ladder[side, i, 0] == at.ELECTED:
            return levels[ladder[side, i, 1], at.HEAD]
    return at.NIL
