"""Whether the arrays of a compiled book agree with themselves: an independent walk over every row and link."""

from __future__ import annotations

from simexec.market import layout as at
from simexec.market.arrays import BookArrays


def _free_rows(table: list[list[int]], first: int, link: int) -> set[int]:
    rows: set[int] = set()
    while first != at.NIL:
        assert first not in rows, "the free list runs in a circle"
        rows.add(first)
        first = table[first][link]
    return rows


def _queue(orders: list[list[int]], head: int, tail: int) -> list[int]:
    rows: list[int] = []
    before = at.NIL
    while head != at.NIL:
        assert orders[head][at.PREV] == before
        assert len(rows) <= len(orders), "the queue runs in a circle"
        rows.append(head)
        before, head = head, orders[head][at.NEXT]
    assert tail == before
    return rows


def check_arrays(arrays: BookArrays) -> None:
    """AssertionError unless totals, counts, links, free lists, ladders and references of the book all agree."""
    state, orders, levels = arrays.state.tolist(), arrays.orders.tolist(), arrays.levels.tolist()
    live_orders: list[int] = []
    live_levels: list[int] = []
    best: list[int | None] = [None, None]
    for side in range(2):
        size = state[at.LADDER_SIZE + side]
        ladder = arrays.ladder[side, :size].tolist()
        keys = [key for key, _ in ladder]
        assert keys == sorted(set(keys)), "a ladder is not in order"
        best[side] = keys[-1] if keys else None
        own_orders = leftovers = 0
        for key, level in ladder:
            row = levels[level]
            assert (row[at.KEY], row[at.SIDE]) == (key, side)
            displayed = _queue(orders, row[at.HEAD], row[at.TAIL])
            hidden = _queue(orders, row[at.HIDDEN_HEAD], row[at.HIDDEN_TAIL])
            assert displayed or hidden, "an empty level is still in its ladder"
            for i in displayed:
                assert orders[i][at.PEAK] >= 0
                assert orders[i][at.SHOWN] > 0
                assert orders[i][at.PEAK] > 0 or orders[i][at.RESERVE] == 0
                assert 0 <= orders[i][at.EXCESS] <= orders[i][at.SHOWN]
            for i in hidden:
                assert orders[i][at.PEAK] < 0
                assert orders[i][at.SHOWN] == orders[i][at.EXCESS] == 0
                assert orders[i][at.RESERVE] > 0
            both = [orders[i] for i in displayed + hidden]
            assert all((order[at.KEY], order[at.LEVEL]) == (key, level) for order in both)
            assert row[at.LEVEL_SHOWN] == sum(order[at.SHOWN] for order in both)
            assert row[at.LEVEL_RESERVE] == sum(order[at.RESERVE] for order in both)
            assert row[at.COUNT] == len(displayed)
            assert row[at.OWN] == sum(order[at.OWNER] > 0 for order in both)
            assert row[at.LEFT] == sum(order[at.EXCESS] > 0 for order in both)
            own_orders += row[at.OWN]
            leftovers += row[at.LEFT]
            live_orders += displayed + hidden
            live_levels.append(level)
        assert state[at.OWN_ORDERS + side] == own_orders
        assert state[at.LEFTOVERS + side] == leftovers
    assert state[at.ORDERS_LIVE] == len(live_orders)
    assert len(set(live_orders)) == len(live_orders)
    free_orders = _free_rows(orders, state[at.FREE_ORDER], at.NEXT)
    free_levels = _free_rows(levels, state[at.FREE_LEVEL], at.HEAD)
    assert free_orders.isdisjoint(live_orders)
    assert free_levels.isdisjoint(live_levels)
    assert len(free_orders) + len(live_orders) == len(orders), "rows of orders were lost"
    assert len(free_levels) + len(live_levels) == len(levels), "rows of levels were lost"
    background = {orders[i][at.REF]: i for i in live_orders if orders[i][at.OWNER] == 0}
    assert {ref: row for ref, row in enumerate(arrays.slots.tolist()) if row != at.NIL} == background
    bid, ask = best
    assert bid is None or ask is None or bid + ask < 0, "the book is crossed"
