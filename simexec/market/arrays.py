"""The arrays of one compiled book, and how they grow."""

from __future__ import annotations

import math

import attrs
import numpy as np

from simexec.market import handle as handles
from simexec.market import layout as at
from simexec.market.levels import SPARE_LEVELS, Array


def _free_rows(first: int, end: int) -> Array:
    """Links of the free rows ``first`` .. ``end - 1``: each to the next, the last to none."""
    links = np.arange(first + 1, end + 1, dtype=np.int64)
    links[-1] = at.NIL
    return links


def _aligned_zeros(*shape: int) -> Array:
    """Zeros that begin at a cache line, so that a row of eight or sixteen columns lies in as few lines as it can."""
    size = math.prod(shape)
    memory = np.zeros(size + 8, np.int64)
    start = -(memory.ctypes.data // 8) % 8
    return memory[start : start + size].reshape(shape)


def _doubled(rows: Array) -> Array:
    """The rows, and as many again of zeros."""
    more = _aligned_zeros(2 * len(rows), rows.shape[1])
    more[: len(rows)] = rows
    return more


@attrs.define(eq=False)
class BookArrays:
    """What a compiled book works on; see ``layout`` for the columns.

    The pools double when they are full and their rows are used again, so memory follows the most orders that ever rested
    at one time, not the number of orders that came and went.
    """

    state: Array
    orders: Array
    levels: Array
    ladder: Array
    slots: Array
    log: Array
    out: Array = attrs.field(init=False)  # the OUT part of the log, kept because making a view of it takes time
    handle: Array = attrs.field(init=False)
    messages: Array = attrs.field(factory=lambda: np.empty((0, at.MESSAGE_WIDTH), np.int64), init=False)
    model: Array = attrs.field(factory=lambda: np.empty(0, np.int64), init=False)

    def __attrs_post_init__(self) -> None:
        self.out = self.log[at.OUT]
        self.handle = np.zeros(handles.HANDLE_WIDTH, np.int64)
        self.write_handle()

    def write_handle(self) -> None:
        """Write down where the arrays are; whoever replaces one calls this before the next call of compiled code."""
        handle = self.handle
        handle[handles.STATE] = self.state.ctypes.data
        for place, array in (
            (handles.ORDERS, self.orders),
            (handles.LEVELS, self.levels),
            (handles.LADDER, self.ladder),
            (handles.SLOTS, self.slots),
            (handles.LOG, self.log),
            (handles.MESSAGES, self.messages),
            (handles.MODEL, self.model),
        ):
            handle[place] = array.ctypes.data
            handle[place + 1] = array.shape[1] if array.ndim == 3 else array.shape[0]

    def set_messages(self, messages: Array) -> None:
        """Have the compiled code read another chunk of messages."""
        self.messages = np.ascontiguousarray(messages, np.int64)
        self.write_handle()

    def set_model(self, model: Array) -> None:
        """Have a generator keep its state in this array."""
        self.model = model
        self.write_handle()

    @classmethod
    def empty(cls, *, orders: int = 1024, levels: int = 256, slots: int = 1024, log: int = 4096) -> BookArrays:
        """An empty book with room for so many orders, prices, background references and log rows."""
        state = _aligned_zeros(at.STATE_WIDTH)
        state[at.TOUCHED] = at.NIL
        state[at.TICK] = 1
        state[[at.QUOTE, at.QUOTE + 2, at.LAST_PRICE]] = at.NO_PRICE
        state[at.CHAIN : at.CHAIN + 4] = at.NIL
        state[at.SHARE_ROW] = at.NIL
        state[at.WATCH_KEY : at.WATCH_KEY + 2] = at.ANY_KEY
        state[at.DEPTH : at.DEPTH + 6 * at.DEPTH_LEVELS : 3] = at.NO_PRICE
        book = cls(
            state=state,
            orders=_aligned_zeros(orders, at.ORDER_WIDTH),
            levels=_aligned_zeros(levels, at.LEVEL_WIDTH),
            ladder=np.zeros((4, levels, 2), np.int64),
            slots=np.full(slots, at.NIL, np.int64),
            log=np.zeros((at.LOG_PARTS, log, at.LOG_WIDTH), np.int64),
        )
        book.orders[:, at.NEXT] = _free_rows(0, orders)
        book.levels[:, at.HEAD] = _free_rows(0, levels)
        return book

    def grow(self) -> None:
        """Double whichever pool is full, or nearly so."""
        state = self.state
        if state[at.ORDERS_LIVE] * 2 > len(self.orders):
            size = len(self.orders)
            self.orders = _doubled(self.orders)
            self.orders[size:, at.NEXT] = _free_rows(size, 2 * size)
            self.orders[2 * size - 1, at.NEXT] = state[at.FREE_ORDER]
            state[at.FREE_ORDER] = size
        prices, waiting = int(state[at.LADDER_SIZE :][:2].sum()), int(state[at.OWN_ORDERS + at.WAITING :][:2].sum())
        if 2 * (prices + 2 * waiting + SPARE_LEVELS) > len(self.levels):
            size = len(self.levels)
            self.levels = _doubled(self.levels)
            self.levels[size:, at.HEAD] = _free_rows(size, 2 * size)
            self.levels[2 * size - 1, at.HEAD] = state[at.FREE_LEVEL]
            state[at.FREE_LEVEL] = size
            self.ladder = np.concatenate([self.ladder, np.zeros_like(self.ladder)], axis=1)
        self.write_handle()

    def reserve_slots(self, references: int) -> None:
        """Have room for background references below ``references``."""
        if references > len(self.slots):
            more = np.full(max(references, 2 * len(self.slots)) - len(self.slots), at.NIL, np.int64)
            self.slots = np.concatenate([self.slots, more])
            self.write_handle()

    def widen_log(self) -> None:
        """Double the log; it must have room for a row of every order of the participants."""
        self.log = np.concatenate([self.log, np.zeros_like(self.log)], axis=1)
        self.out = self.log[at.OUT]
        self.write_handle()
