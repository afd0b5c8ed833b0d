"""A synthetic order-by-order feed in hftbacktest's ``.npz`` format, for measurements beside that package.

Orders arrive as a Poisson stream around a moving touch and are cancelled at random; market orders take the front of the queue.
Everything follows hftbacktest's conventions: a trade is a ``TRADE`` row, a ``FILL`` for each resting order in it, and then the
``CANCEL`` or ``MODIFY`` by which each of these leaves the book or shrinks, all at one exchange time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numba import njit

from simexec.errors import InputError
from simexec.market.levels import Array
from simexec.market.npz import BUY, EVENT, EXCH, LOCAL, SELL

TICK: Final = 0.1
LOT: Final = 1.0
FEED_LATENCY_NS: Final = 250_000
START_NS: Final = 1_700_000_000_000_000_000
_MIDDLE: Final = 20_000  # price in ticks from which the market starts
_PRICES: Final = 40_000
_DEPTH: Final = 20  # ticks from the opposite best at which orders arrive
_OPENING: Final = 200  # orders a price and side at the start
_LONGEST: Final = 256  # rows of an event at most
_MOST: Final = 10_000  # orders in the book, as in an index future; a cancel comes in place of one more

_TRADE, _ADD, _CANCEL, _MODIFY, _FILL = 2, 10, 11, 12, 13


@njit(cache=True)
def _best(shown: Array, side: int, start: int) -> int:
    """The best price of a side in ticks, from a price that is not worse on."""
    price, step = start, -1 if side == 0 else 1
    while 0 < price < shown.shape[1] - 1 and shown[side, price] == 0:
        price += step
    return price


@njit(cache=True)
def _write(rows: Array, n: int, time: int, kind: int, side: int, price: int, size: int, order: int) -> int:
    rows[n, 0] = time
    rows[n, 1] = kind
    rows[n, 2] = side
    rows[n, 3] = price
    rows[n, 4] = size
    rows[n, 5] = order
    return n + 1


@njit(cache=True)
def _invent(rows: Array, times: Array, kinds: Array, draws: Array, sizes: Array, targets: Array) -> int:
    """Fill ``rows`` (time, kind, side, price in ticks, size, order id) event by event; returns how many are used.

    ``kinds`` says of each event whether it adds (0), cancels (1) or takes (2); ``draws`` its side and distance. A queue is a linked
    list of orders; ``resting`` lists all of them, so that a cancel strikes each with the same chance.
    """
    most = len(times) + 4 * _OPENING * _DEPTH + 2
    following, size_of = np.full(most, -1, np.int64), np.zeros(most, np.int64)
    price_of, side_of, before = np.zeros(most, np.int64), np.zeros(most, np.int64), np.full(most, -1, np.int64)
    resting, place_of, live = np.zeros(most, np.int64), np.zeros(most, np.int64), 0
    head, tail = np.full((2, _PRICES), -1, np.int64), np.full((2, _PRICES), -1, np.int64)
    shown = np.zeros((2, _PRICES), np.int64)
    best = np.array([_MIDDLE, _MIDDLE + 1])
    n, order = 0, 0
    opening = 2 * _OPENING * _DEPTH
    for event in range(-opening, len(times)):
        if n == len(rows):
            break
        kind = 0 if event < 0 or n + _LONGEST > len(rows) else kinds[event]  # the file ends with a whole event
        if event >= 0 and kind == 0 and live >= _MOST and n + _LONGEST <= len(rows):
            kind = 1
        time = times[0] if event < 0 else times[event]
        side = event & 1 if event < 0 else draws[event] & 1
        sign = 1 - 2 * side
        if kind == 0:
            if event < 0:
                price, size = _MIDDLE + side - sign * ((event + opening) // 2 % _DEPTH), 1
            else:
                price, size = best[1 - side] - sign * (1 + (draws[event] >> 1) % _DEPTH), sizes[event]
            order += 1
            price_of[order], side_of[order], size_of[order] = price, side, size
            before[order] = tail[side, price]
            if tail[side, price] == -1:
                head[side, price] = order
            else:
                following[tail[side, price]] = order
            tail[side, price] = order
            shown[side, price] += size
            if sign * price > sign * best[side]:
                best[side] = price
            resting[live], place_of[order] = order, live
            live += 1
            n = _write(rows, n, time, _ADD, side, price, size, order)
            continue
        if kind == 1:
            if live <= 4 * _DEPTH:
                continue
            gone = resting[targets[event] % live]
            wanted = size_of[gone]
            n = _write(rows, n, time, _CANCEL, side_of[gone], price_of[gone], wanted, gone)
        else:  # the side is the aggressor's
            gone, wanted = head[1 - side, best[1 - side]], sizes[event]
            queue, price, total = gone, best[1 - side], 0
            while queue != -1 and total < wanted:  # one price at most
                total += size_of[queue]
                queue = following[queue]
            wanted = min(wanted, total)
            n = _write(rows, n, time, _TRADE, side, price, wanted, 0)
            left, queue = wanted, gone
            while left > 0:
                traded = min(left, size_of[queue])
                n = _write(rows, n, time, _FILL, 1 - side, price, traded, queue)
                left -= traded
                queue = following[queue]
        queue = gone
        while wanted > 0:
            owner, price = side_of[queue], price_of[queue]
            traded = min(wanted, size_of[queue])
            wanted -= traded
            size_of[queue] -= traded
            shown[owner, price] -= traded
            after = following[queue]
            if size_of[queue] > 0:
                n = _write(rows, n, time, _MODIFY, owner, price, size_of[queue], queue)
            else:
                if kind == 2:
                    n = _write(rows, n, time, _CANCEL, owner, price, 0, queue)
                if before[queue] == -1:
                    head[owner, price] = after
                else:
                    following[before[queue]] = after
                if after == -1:
                    tail[owner, price] = before[queue]
                else:
                    before[after] = before[queue]
                live -= 1
                resting[place_of[queue]] = resting[live]
                place_of[resting[live]] = place_of[queue]
            queue = after
        for each in range(2):
            best[each] = _best(shown, each, best[each])
    return n


def make_l3_file(path: Path, rows: int = 2_000_000, seconds: float = 1200.0, seed: int = 1) -> Path:
    """Write a feed of so many rows over so many seconds; the same arguments give the same file.

    Prices have a tick of 0.1, quantities a lot of 1; every row reaches the recorder 250 µs after the exchange.

    Raises:
        InputError: fewer than 10,000 rows, or no time for them.
    """
    if rows < 10_000 or not 0 < seconds < 1e6:
        raise InputError(
            f"{rows} rows in {seconds} s cannot be made; ask for 10,000 rows or more, in less than a million seconds"
        )
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, 2**30, rows)
    # additions and removals of orders nearly balance: a market order of 5 lots takes about two orders of 2.5
    kinds = np.searchsorted(np.array([0.52, 0.92]), rng.random(rows))
    sizes = rng.geometric(0.4, rows)
    sizes = np.where(kinds == 2, 2 * sizes, sizes)
    made: Array = np.empty((rows, 6), np.int64)
    ends = np.arange(rows, dtype=np.int64)
    used = _invent(made, ends, kinds, draws, sizes, rng.integers(0, 2**40, rows))
    made = made[:used]
    # the events that were used share out the seconds: uniform times in order are those of a Poisson stream
    events = int(made[-1, 0]) + 1
    moments = np.sort(rng.integers(0, int(seconds * 1e9), events)) + START_NS
    data = np.zeros(used, EVENT)
    kind = made[:, 1].astype(np.uint64)
    flag = np.where(made[:, 2] == 0, BUY, SELL).astype(np.uint64)
    data["ev"] = kind | flag | np.uint64(EXCH | LOCAL)
    data["exch_ts"] = moments[made[:, 0]]
    data["local_ts"] = data["exch_ts"] + FEED_LATENCY_NS
    data["px"] = np.round(made[:, 3] * TICK, 1)
    data["qty"] = made[:, 4] * LOT
    data["order_id"] = made[:, 5]
    np.savez(path, data=data)
    return path
