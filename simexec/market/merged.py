"""Several markets on one calendar, advanced together in compiled code.

No market may be ahead of a time at which another finds something that concerns a process: a process may act then, and look
at any of them. Only a market with orders of participants in it, somebody who waits, or a price band can find such a thing,
and it finds it at a message that may trade, or may reach what somebody waits for. So those markets take turns in the order
of such messages (a heap holds whose is next), each going no further than the next one's; what lies between is applied in one
go, and every other market follows in one go up to the time that those have reached. What a message costs therefore hardly
depends on how many markets there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numba import njit

from simexec.errors import InputError
from simexec.market import layout as at
from simexec.market.flow import advance
from simexec.market.handle import open_book, open_handle, open_messages, open_model, open_state
from simexec.market.levels import Array, sign_of
from simexec.sim import Simulation

if TYPE_CHECKING:
    from simexec.market.market import Market

NEVER: Final = 2**62
"""Time of a market that has no more messages."""

STOP: Final = 0
MARKET: Final = 1
CONCERNED: Final = 2
EARLIEST: Final = 3
ANSWER_WIDTH: Final = 4
"""What ``advance_all`` is asked and answers: the time up to and including which messages may be applied, in the end that which all
markets have reached; the market that must be served; whether something has been found that concerns a process; the time of
the first
message of any market."""


@njit(cache=True)
def advance_one(handle: Array, generated: int | None, until: int) -> int:
    """See ``flow.advance``; ``generated`` is None for a market without a generator."""
    state, orders, levels, ladder, slots, log = open_book(handle)
    if generated is None:
        return advance(state, orders, levels, ladder, slots, log, open_messages(handle), None, until)
    return advance(state, orders, levels, ladder, slots, log, open_messages(handle), open_model(handle), until)


@njit(cache=True)
def next_time(handle: Array) -> int:
    """Time of a market's next message; what a generator has found is right as long as nobody changes the book."""
    state, messages = open_state(handle), open_messages(handle)
    if state[at.GENERATOR] != 0:
        return messages[0, 0]
    return messages[state[at.CURSOR], 0] if state[at.CURSOR] < messages.shape[0] else NEVER


@njit(cache=True)
def may_stop(state: Array) -> bool:
    """Whether something may happen in a market that concerns a process."""
    own = state[at.OWN_ORDERS] + state[at.OWN_ORDERS + 1] + state[at.OWN_ORDERS + 2] + state[at.OWN_ORDERS + 3]
    return own > 0 or state[at.WATCHED] != 0 or state[at.BAND_SET] != 0 or state[at.CONCERN] != 0


@njit(cache=True)
def best_own(state: Array, levels: Array, ladder: Array, side: int) -> int:
    """Key of the best order of a participant on a side; ANY_KEY if it may be hidden, where the background may meet it unseen."""
    if state[at.OWN_ORDERS + side] == 0:
        return -at.ANY_KEY
    for i in range(state[at.LADDER_SIZE + side] - 1, -1, -1):
        level = ladder[side, i, 1]
        if levels[level, at.OWN] > 0:
            return at.ANY_KEY if levels[level, at.HIDDEN_HEAD] != at.NIL else levels[level, at.KEY]
    return -at.ANY_KEY


@njit(cache=True)
def in_front(state: Array, levels: Array, ladder: Array, side: int, key: int) -> int:
    """Displayed quantity of a side at better prices than ``key``."""
    total = 0
    for i in range(state[at.LADDER_SIZE + side] - 1, -1, -1):
        if ladder[side, i, 0] <= key:
            break
        total += levels[ladder[side, i, 1], at.LEVEL_SHOWN]
    return total


@njit(cache=True)
def next_turn(handle: Array, until: int) -> int:
    """Time of a market's next message that may concern a process; later than ``until`` if none of those up to then does.

    A message may do so if it reaches the price of a participant's order, or may have used up what is displayed in front of it. That
    is a bound, found without the book that the messages will meet: whatever they take is taken from what is in front of
    every order.
    """
    state, orders, levels, ladder, slots, _ = open_book(handle)
    messages, i = open_messages(handle), state[at.CURSOR]
    count = messages.shape[0]
    if i >= count or messages[i, 0] > until:
        return next_time(handle)
    any_change = state[at.WATCHED] != 0 and (
        state[at.WATCH_QUOTES] != 0
        or state[at.WATCH_DEPTH] != 0
        or min(state[at.WATCH_KEY], state[at.WATCH_KEY + 1]) < at.ANY_KEY
    )
    if state[at.GENERATOR] + state[at.CONCERN] + state[at.UNSETTLED] > 0 or any_change or state[at.CHAIN + 2] != at.NIL:
        return messages[i, 0]
    buy, sell = best_own(state, levels, ladder, 0), best_own(state, levels, ladder, 1)
    if max(buy, sell) == at.ANY_KEY:
        return messages[i, 0]
    waiting = state[at.OWN_ORDERS + at.WAITING] + state[at.OWN_ORDERS + at.WAITING + 1]
    any_trade = waiting + state[at.WATCHED] + state[at.BAND_SET] > 0
    left = min(
        in_front(state, levels, ladder, 0, buy) if buy > -at.ANY_KEY else at.ANY_KEY,
        in_front(state, levels, ladder, 1, sell) if sell > -at.ANY_KEY else at.ANY_KEY,
    )
    reaches = True
    while i < count - 1 and messages[i, 0] <= until:
        kind, ref, price = messages[i, 1] & at.KINDS, messages[i, 2], messages[i, 3]
        quantity, side = messages[i, 4], messages[i, 5]
        if kind == at.ADD or kind == at.ADD_HEAD:
            if sign_of(side) * price + (sell if side == 0 else buy) >= 0:
                break
        elif kind == at.CANCEL:
            left -= orders[slots[ref], at.SHOWN] if slots[ref] != at.NIL else 0
        elif kind == at.REMOVE or kind == at.PRUNE:
            left -= quantity
        elif kind == at.SWEEP:  # ours are met at its limit or better
            reaches = any_trade or sign_of(side) * price + (sell if side == 0 else buy) >= 0
        elif kind == at.HIT or kind == at.SWEEP_END:
            if reaches:
                break
            left -= quantity
        elif kind != at.LIMIT_AWAY:
            left -= quantity
            if any_trade or left < 0 or kind == at.SET_PHASE:
                break
        i += 1
    return messages[i, 0]


@njit(cache=True)
def sift(heap: Array, size: int, turns: Array, i: int) -> None:
    """Let a market whose turn comes later now sink to its place."""
    while True:
        child = 2 * i + 1
        if child >= size:
            return
        if child + 1 < size and turns[heap[child + 1]] < turns[heap[child]]:
            child += 1
        if turns[heap[i]] <= turns[heap[child]]:
            return
        heap[i], heap[child] = heap[child], heap[i]
        i = child


@njit(cache=True)
def advance_all(directory: Array, times: Array, turns: Array, heap: Array, answer: Array, generated: int | None) -> int:
    """Advance every market to ``answer[STOP]``, or to the first time at which one finds something that concerns a process.

    Args:
        directory: addresses of the markets' handles.
        times: of their next messages; kept up to date.
        turns: room for as many times as there are markets.
        heap: room for as many numbers.
        answer: see ``ANSWER_WIDTH``.
        generated: None if no market has a generator.

    Returns:
        DONE, or what ``flow.advance`` returns for the market ``answer[MARKET]`` that must be served; then call again.
    """
    size, count = 0, len(directory)
    for m in range(count):
        if times[m] <= answer[STOP]:
            handle = open_handle(directory[m])
            if may_stop(open_state(handle)):
                turns[m] = next_turn(handle, answer[STOP])
                heap[size] = m
                size += 1
    for i in range(size // 2 - 1, -1, -1):
        sift(heap, size, turns, i)
    place = 0  # behind the turns: first of those that may stop, then of all
    while True:
        limit = answer[STOP]
        in_turn = size > 1 and turns[heap[0]] <= limit
        if in_turn:
            m = heap[0]
            for other in range(1, min(3, size)):
                limit = min(limit, turns[heap[other]])
        else:
            while place < size + count and times[heap[place] if place < size else place - size] > limit:
                place += 1
            if place == size + count:
                break
            m = heap[place] if place < size else place - size
        handle = open_handle(directory[m])
        state, orders, levels, ladder, slots, log = open_book(handle)
        # NOTE: written out, since each function around ``advance`` would take another two seconds to compile
        if generated is None:
            code = advance(state, orders, levels, ladder, slots, log, open_messages(handle), None, limit)
        else:
            code = advance(state, orders, levels, ladder, slots, log, open_messages(handle), open_model(handle), limit)
        times[m] = next_time(handle)
        if code == at.STOPPED:
            answer[STOP], answer[CONCERNED] = min(answer[STOP], state[at.TIME]), 1
        elif code != at.DONE:
            answer[MARKET] = m
            return code
        if in_turn:
            turns[m] = next_turn(handle, answer[STOP])
            sift(heap, size, turns, 0)
    answer[EARLIEST] = times.min()
    return at.DONE


class MergedMarkets:
    """All compiled markets of a simulation as one; implements ``CoupledMarket``.

    Attributes:
        name: of the whole; what concerns processes at one time is handed over market by market, by name.
        next_time: of the first message of any; at once if a market's messages depend on its book, which a process may change.
    """

    def __init__(self) -> None:
        self.name = "markets"
        self.next_time: int | None = None
        self.markets: list[Market] = []
        self._generated: list[int] = []
        self._directory = self._times = self._turns = self._heap = np.empty(0, np.int64)
        self._answer = np.zeros(ANSWER_WIDTH, np.int64)

    def add(self, market: Market) -> None:
        """Advance a market together with the others from now on.

        Raises:
            InputError: there is one of its name.
        """
        if any(other.name == market.name for other in self.markets):
            raise InputError(
                f"a market named {market.name!r} is coupled already; names must differ, since ties go by name"
            )
        self.markets = sorted([*self.markets, market], key=lambda one: one.name)
        self._directory = np.array([one.book.arrays.handle.ctypes.data for one in self.markets], np.int64)
        self._times = np.array([NEVER if one.next_time is None else one.next_time for one in self.markets], np.int64)
        self._turns, self._heap = np.zeros((2, len(self.markets)), np.int64)
        self._answer[EARLIEST] = self._times.min()
        self._find_generated()
        self._look(-1)

    def advance(self, until: int) -> int | None:
        """See ``CoupledMarket.advance``."""
        if len(self.markets) == 1:  # what takes turns need not be compiled then
            found = self.markets[0].advance(until)
            earliest = self.markets[0].next_time
            self._answer[EARLIEST] = NEVER if earliest is None else earliest
            self._find_generated()
            self._look(until if found is None else found)
            return found
        answer = self._answer
        answer[STOP], answer[CONCERNED] = min(until, NEVER - 1), 0
        for m in self._generated:  # a process may have changed the book since: what was found to come next is not sure
            arrays = self.markets[m].book.arrays
            arrays.messages[0, 0] = arrays.state[at.TIME]
            self._times[m] = min(int(self._times[m]), int(answer[STOP]))
        while True:
            generated = 0 if self._generated else None
            code = advance_all(self._directory, self._times, self._turns, self._heap, answer, generated)
            if code == at.DONE:
                break
            m = int(answer[MARKET])
            market = self.markets[m]
            market.serve(code)
            state = market.book.arrays.state
            if state[at.CONCERN]:  # the chunk ended with what concerns a process
                answer[STOP], answer[CONCERNED] = min(int(answer[STOP]), int(state[at.TIME])), 1
            self._times[m] = NEVER if market.next_time is None else market.next_time
            if code == at.CHUNK_END:
                self._find_generated()
        limit = int(answer[STOP])
        self._look(limit)  # which is earlier than asked for if it stopped there
        return limit if answer[CONCERNED] else None

    def dispatch(self) -> None:
        """See ``CoupledMarket.dispatch``."""
        for market in self.markets:
            if market.book.arrays.state[at.CONCERN]:
                market.dispatch()

    def _find_generated(self) -> None:
        self._generated = [m for m, market in enumerate(self.markets) if market.book.arrays.state[at.GENERATOR]]

    def _look(self, until: int) -> None:
        earliest = int(self._answer[EARLIEST])
        if self._generated and earliest < NEVER:
            self.next_time = until + 1
        else:
            self.next_time = None if earliest >= NEVER else earliest


def couple(sim: Simulation, market: Market) -> None:
    """Advance a market with the calendar, together with the simulation's other compiled markets."""
    for other in sim.coupled:
        if isinstance(other, MergedMarkets):
            other.add(market)
            sim.recouple()
            return
    merged = MergedMarkets()
    merged.add(market)
    sim.couple(merged)
