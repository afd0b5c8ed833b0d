"""A book's arrays behind one array of addresses.

A call from Python into compiled code costs by the number of arrays that it is passed, and a loop over several markets cannot
be passed theirs one by one. So a book keeps the addresses and lengths of its arrays in one row, its *handle*, and the
compiled code opens it. Whoever replaces an array writes its new address down at once (``BookArrays``), and keeps the array alive.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
from numba import carray, njit, types  # type: ignore[attr-defined]  # numba does not list carray, but documents it
from numba.core import cgutils
from numba.extending import intrinsic

from simexec.market import layout as at
from simexec.market.levels import Array

STATE: Final = 0
ORDERS: Final = 1
LEVELS: Final = 3
LADDER: Final = 5
SLOTS: Final = 7
LOG: Final = 9
MESSAGES: Final = 11
MODEL: Final = 13
HANDLE_WIDTH: Final = 15
"""Each but the state, which never grows, is an address and a length."""

Opened: TypeAlias = tuple[Array, Array, Array, Array, Array, Array]


def _point(context: Any, address: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), build


_pointer: Any = intrinsic(_point)
"""The address as a pointer, in compiled code."""


@njit(cache=True)
def open_book(handle: Array) -> Opened:
    """state, orders, levels, ladder, slots and log of a handle."""
    orders, levels = handle[ORDERS + 1], handle[LEVELS + 1]
    return (
        carray(_pointer(handle[STATE]), (at.STATE_WIDTH,), np.int64),
        carray(_pointer(handle[ORDERS]), (orders, at.ORDER_WIDTH), np.int64),
        carray(_pointer(handle[LEVELS]), (levels, at.LEVEL_WIDTH), np.int64),
        carray(_pointer(handle[LADDER]), (4, handle[LADDER + 1], 2), np.int64),
        carray(_pointer(handle[SLOTS]), (handle[SLOTS + 1],), np.int64),
        carray(_pointer(handle[LOG]), (at.LOG_PARTS, handle[LOG + 1], at.LOG_WIDTH), np.int64),
    )


@njit(cache=True)
def open_messages(handle: Array) -> Array:
    """The chunk of messages that a market is working on."""
    return carray(_pointer(handle[MESSAGES]), (handle[MESSAGES + 1], at.MESSAGE_WIDTH), np.int64)


@njit(cache=True)
def open_model(handle: Array) -> Array:
    """What a generator keeps of itself."""
    return carray(_pointer(handle[MODEL]), (handle[MODEL + 1],), np.int64)


@njit(cache=True)
def open_state(handle: Array) -> Array:
    """The state alone."""
    return carray(_pointer(handle[STATE]), (at.STATE_WIDTH,), np.int64)


@njit(cache=True)
def open_handle(address: int) -> Array:
    """The handle that lies at an address."""
    return carray(_pointer(address), (HANDLE_WIDTH,), np.int64)
