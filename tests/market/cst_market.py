"""A book driven by the Cont-Stoikov-Talreja flow alone: message by message, and over many short replications."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from simexec.market import cst
from simexec.market import layout as at
from simexec.market.cont_stoikov_talreja import ContStoikovTalreja, power_law_rates
from simexec.market.entry import submit
from simexec.market.flow import apply
from simexec.market.levels import Array, detach, insert, short, sign_of
from simexec.market.log import after_message, room
from simexec.market.order_book import OrderBook
from simexec.market.records import Recorded
from simexec.sim import Simulation

SECOND: Final = 10**9
TICK: Final = 100
PRICE: Final = 10_000 * TICK
LOT: Final = 10

# Cont, Stoikov and Talreja (2010), table 2: Sky Perfect
LAMBDA: Final = (1.85, 1.51, 1.09, 0.88, 0.77)
THETA: Final = (0.71, 0.81, 0.68, 0.56, 0.47)
MU: Final = 0.94
K: Final = 1.92
ALPHA: Final = 0.52

UP: Final = 0
BOTH: Final = 1
BEFORE: Final = 2


def make_flow(seed: int = 1, *, seconds: float = 1e6, reach: int = 10, **changes: Any) -> ContStoikovTalreja:
    settings: dict[str, Any] = {
        "start_price": PRICE,
        "tick_quanta": TICK,
        "lot": LOT,
        "limit_rates_per_s": power_law_rates(LAMBDA, K, ALPHA, reach),
        "cancel_rates_per_s": THETA,
        "market_rate_per_s": MU,
        "start_ns": 0,
        "end_ns": round(seconds * SECOND),
    }
    return ContStoikovTalreja(Simulation(seed=seed).rng, "flow", **{**settings, **changes})


class CstMarket:
    """A book and its flow, driven message by message; ``messages`` are those of the generator so far."""

    def __init__(self, flow: ContStoikovTalreja, record: Recorded | None = None) -> None:
        self.flow = flow
        self.book = OrderBook(tick_quanta=flow.tick_quanta, record=record)
        self._heard: list[Array] = []
        self._message = np.zeros((1, at.MESSAGE_WIDTH), np.int64)
        opening = flow.next_messages()
        assert opening is not None
        assert flow.next_messages() is None
        self.book.arrays.reserve_slots(flow.references)
        for i in range(len(opening)):
            self._apply(opening[i : i + 1])

    def _apply(self, message: Array) -> None:
        a = self.book.arrays
        while short(a.state, a.orders, a.levels) or not room(a.state, a.log):
            self.book.make_room()
        a.state[at.TIME] = message[0, 0]
        assert apply(a.state, a.orders, a.levels, a.ladder, a.slots, a.log, message, 0) == at.DONE
        after_message(a.state, a.orders, a.levels, a.ladder, a.log)

    def ask(self, until: int) -> int:
        """What ``generate`` answers; its message is in ``asked``."""
        a = self.book.arrays
        return cst.generate(a.state, a.orders, a.levels, a.ladder, self.flow.model, self._message, until)

    @property
    def asked(self) -> list[int]:
        return self._message[0].tolist()

    def run(self, until: int) -> None:
        """Advance to ``until``."""
        while (code := self.ask(until)) != 0:
            if code == -at.GROW:
                self.flow.grow()
                self.book.arrays.reserve_slots(self.flow.references)
            else:
                self._heard.append(self._message[0].copy())
                self._apply(self._message)
        self.book.take_rows()
        self.book.flush()

    @property
    def messages(self) -> Array:
        return np.array(self._heard, np.int64).reshape(-1, at.MESSAGE_WIDTH)


@njit
def _fill_book(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array, handle: Array, model: Array,
    counts: Array, mine: Array,
) -> None:  # fmt: skip
    """Empty the book and put ``counts`` orders on the best of each side, the last of them ours where ``mine`` is 1."""
    for side in range(2):
        while state[at.LADDER_SIZE + side] > 0:
            level = ladder[side, state[at.LADDER_SIZE + side] - 1, 1]
            detach(state, orders, levels, ladder, slots, levels[level, at.HEAD])
    state[at.LOGGED : at.LOGGED + at.LOG_PARTS] = 0
    if model[cst.FREE] < 64:
        cst.free_references(state, orders, levels, ladder, model)
    for side in range(2):
        key = sign_of(side) * (PRICE + side * TICK)
        for _ in range(counts[side] - mine[side]):
            ref = cst.take_reference(model)
            slots[ref] = insert(state, orders, levels, ladder, side, key, LOT, 0, 0, ref, False)
        if mine[side]:
            submit(handle, state[at.TIME], side, sign_of(side) * key, LOT, 1, 1 + side, 0, 0, 0)
    after_message(state, orders, levels, ladder, log)


@njit
def _replicate(
    state: Array, orders: Array, levels: Array, ladder: Array, slots: Array, log: Array, handle: Array, model: Array,
    messages: Array, event: int, counts: Array, mine: Array, replications: int,
) -> tuple[int, int]:  # fmt: skip
    happened, used = 0, 0
    for _ in range(replications):
        _fill_book(state, orders, levels, ladder, slots, log, handle, model, counts, mine)
        while True:
            if short(state, orders, levels):
                return -1, used
            if cst.generate(state, orders, levels, ladder, model, messages, cst.NEVER - 1) != 1:
                return -1, used
            used += 1
            state[at.TIME] = messages[0, 0]
            apply(state, orders, levels, ladder, slots, log, messages, 0)
            after_message(state, orders, levels, ladder, log)
            bid_moved, ask_moved = state[at.QUOTE] != PRICE, state[at.QUOTE + 2] != PRICE + TICK
            filled = state[at.OWN_ORDERS] + state[at.OWN_ORDERS + 1] == 0
            if event != UP and filled:
                happened += 1
                break
            if event == UP and ask_moved:
                happened += 1
            if ask_moved or bid_moved:
                break
    return happened, used


def frequency(event: int, bids: int, asks: int, replications: int, seed: int) -> tuple[int, int]:
    """How often an event happens in so many replications from given queues, spread one tick; and the messages they took.

    UP: the next move of the mid is up. BOTH: my bid and my ask, each last of its queue, fill before the mid moves. BEFORE: my bid,
    last of its queue, fills before the ask queue is empty.

    Limit orders come at the given rates only: what lies beyond these distances has no part in the events. Clocks go on from one
    replication to the next: what they have left when one ends is as exponential as it ever was.
    """
    flow = make_flow(seed, seconds=4e9, reach=len(LAMBDA), queues=((bids,), (asks,)))
    market = CstMarket(flow, Recorded(quotes=False, prints=False, queues=False))
    a = market.book.arrays
    message = np.zeros((1, at.MESSAGE_WIDTH), np.int64)
    mine = np.array([event != UP, event == BOTH], np.int64)
    happened, used = _replicate(
        a.state, a.orders, a.levels, a.ladder, a.slots, a.log, a.handle, flow.model, message, event,
        np.array([bids, asks]), mine, replications,
    )  # fmt: skip
    assert happened >= 0, "the book or the references had to grow"
    return happened, used
