"""Strategies as scripts: they end with books that balance, within their limits, and the same every time."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from simexec.execution import BreakerState
from simexec.testing import check_orders


def script(name: str) -> Any:
    return importlib.import_module(f"scenarios.{name}")


def test_a_market_maker_keeps_its_limits_and_leaves_nothing_open() -> None:
    maker = script("market_maker").simulate(7, 5)
    world = maker.world
    assert all(order.is_final for order in (*maker.all_quotes, *maker.hedges))
    assert {order.venue for order in maker.all_quotes} == {"ALFA", "BETA"}
    filled = sum(order.side.sign * order.filled_quantity for order in (*maker.all_quotes, *maker.hedges))
    assert filled == maker.held
    assert abs(maker.held) <= 5_000
    assert sum(world.portfolio.reserved.values()) == 0
    assert world.breaker.state is BreakerState.CLOSED
    check_orders(maker.all_quotes)


def test_a_pair_trade_is_flat_at_its_end() -> None:
    pair = script("pair_trade").simulate(3, 25)
    assert pair.legs
    assert all(leg.is_final for leg in pair.legs)
    for symbol in ("AAA", "BBB"):
        held = sum(leg.side.sign * leg.filled_quantity for leg in pair.legs if leg.symbol == symbol)
        assert held == pair.world.portfolio.position(symbol) == 0
    assert sum(pair.world.portfolio.reserved.values()) == 0


@pytest.mark.parametrize(("name", "length"), [("market_maker", 3), ("pair_trade", 40)])
def test_the_same_seed_is_the_same_run(name: str, length: int) -> None:
    def entries() -> list[tuple[int, str, str]]:
        world = script(name).simulate(5, length).world
        return [(entry.time_ns, entry.event, entry.order_id) for entry in world.journal.entries()]

    first = entries()
    assert len(first) > 10
    assert entries() == first
