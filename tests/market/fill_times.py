"""Fill times of a limit order with k orders ahead: in the compiled book, and in closed form.

Market orders of unit size come at rate mu, and each of the k orders ahead is cancelled at rate theta. While i orders are
left ahead, one goes (traded or cancelled) at mu + i theta, so the time until the last order of the queue trades is a sum of
independent exponential times of the rates mu + i theta, i = k .. 0.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
import numpy.typing as npt

from simexec.market import layout as at
from simexec.market.levels import Array
from simexec.market.market import Market

UNIT_NS = 10**9
PRICE = 1_000


def mean_fill_time(k: int, mu: float, theta: float) -> float:
    """Mean of the sum of exponential times."""
    return math.fsum(1 / (mu + i * theta) for i in range(k + 1))


def fill_probability(k: int, mu: float, theta: float, time: float) -> float:
    """P(T <= time): Erlang for theta = 0, hypoexponential otherwise."""
    if theta == 0:
        x = mu * time
        return 1 - math.exp(-x) * math.fsum(x**i / math.factorial(i) for i in range(k + 1))
    rates = [mu + i * theta for i in range(k + 1)]
    terms = []
    for i, rate in enumerate(rates):
        others = math.prod(other / (other - rate) for j, other in enumerate(rates) if j != i)
        terms.append(others * math.exp(-rate * time))
    return 1 - math.fsum(terms)


@attrs.define
class _Queues:
    """A flow of many queues, one after another; each begins when the one before it has been traded away.

    A queue's messages: k orders that join it, k + 1 market orders, and the cancels of the orders ahead that are due before the
    last market order.
    """

    k: int
    side: int
    begins: Array
    chunk: Array | None
    tick_quanta: int = 1

    @property
    def references(self) -> int:
        return max(1, self.k)

    def next_messages(self) -> Array | None:
        given, self.chunk = self.chunk, None
        return given

    def applied(self, time_ns: int) -> int:
        return 0


def _queues(k: int, mu: float, theta: float, count: int, rng: np.random.Generator, side: int) -> _Queues:
    trades = np.rint(np.cumsum(rng.exponential(1 / mu, (count, k + 1)), axis=1) * UNIT_NS).astype(np.int64)
    lives = rng.exponential(1 / theta, (count, k)) if theta > 0 else np.full((count, k), 1e6)
    cancels = np.rint(lives * UNIT_NS).astype(np.int64)
    begins = np.concatenate([[0], np.cumsum(trades[:, -1] + 1)[:-1]])
    due = cancels < trades[:, -1:]
    refs = np.broadcast_to(np.arange(k), (count, k))
    parts = []
    for kind, times, ref in (
        (at.ADD, np.zeros((count, k), np.int64), refs),
        (at.CANCEL, cancels, refs),
        (at.MARKET_ORDER, trades, np.full(trades.shape, at.NIL)),
    ):
        chosen = due if kind == at.CANCEL else np.ones(times.shape, bool)
        rows = np.zeros((int(chosen.sum()), at.MESSAGE_WIDTH), np.int64)
        rows[:, 0] = (begins[:, None] + times)[chosen]
        rows[:, 1] = kind
        rows[:, 2] = ref[chosen]
        rows[:, 3] = PRICE if kind == at.ADD else 0
        rows[:, 4] = 1
        rows[:, 5] = 1 - side if kind == at.MARKET_ORDER else side
        parts.append(rows)
    messages = np.concatenate(parts)
    return _Queues(k, side, begins, messages[np.argsort(messages[:, 0], kind="stable")])


def simulated_fill_times(
    k: int, mu: float, theta: float, count: int, seed: int, side: int = 0
) -> npt.NDArray[np.float64]:
    """Fill times of ``count`` orders of ours, each last of k + 1 in a real book driven by a real flow."""
    flow = _queues(k, mu, theta, count, np.random.default_rng(seed), side)
    market = Market("XTST", flow)
    told: list[list[int]] = []
    market.listen(told.extend)
    times = np.empty(count)
    for number, begin in enumerate(flow.begins.tolist(), start=1):
        market.advance(begin)
        market.book.submit(begin, side, 1, PRICE, number=number)
        assert market.book.queue_position(number).orders_ahead == k
        assert market.advance(2**62) is not None
        market.dispatch()
        kind, time, filled, _, quantity, leaves, maker, *_ = told[-1]
        assert (kind, filled, quantity, leaves, maker) == (at.OUT_FILL, number, 1, 0, 1)
        times[number - 1] = (time - begin) / UNIT_NS
    assert len(told) == count
    assert market.advance(2**62) is None
    assert market.book.depth(side) == []
    return times
