"""Strategies as scripts: they end with books that balance, within their limits, and the same every time."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from simexec.execution import BreakerState
from simexec.testing import check_orders
from simexec.trading.order import Order


def script(name: str) -> Any:
    return importlib.import_module(f"scenarios.{name}")


def largest_position(orders: list[Order]) -> int:
    """The most that was ever held, long or short, by the times of the trades."""
    trades = [(trade.time_ns, order.side.sign * trade.last_quantity) for order in orders for trade in order.trades]
    held = largest = 0
    for _, quantity in sorted(trades):
        held += quantity
        largest = max(largest, abs(held))
    return largest


def test_a_market_maker_keeps_its_limits_and_leaves_nothing_open() -> None:
    maker = script("market_maker").simulate(7, 5)
    world = maker.world
    assert all(order.is_final for order in (*maker.all_quotes, *maker.hedges))
    assert {order.venue for order in maker.all_quotes} == {"ALFA", "BETA"}
    filled = sum(order.side.sign * order.filled_quantity for order in (*maker.all_quotes, *maker.hedges))
    assert filled == maker.held
    assert largest_position([*maker.all_quotes, *maker.hedges]) <= 350  # 400 without the limit
    assert sum(world.portfolio.reserved.values()) == 0
    assert world.breaker.state is BreakerState.CLOSED
    check_orders(maker.all_quotes)


@pytest.mark.parametrize("seed", [3, 11])
def test_a_pair_trade_is_flat_at_its_end(seed: int) -> None:
    pair = script("pair_trade").simulate(seed, 40)
    assert pair.legs
    assert all(leg.is_final for leg in pair.legs)
    for symbol in ("AAA", "BBB"):
        held = sum(leg.side.sign * leg.filled_quantity for leg in pair.legs if leg.symbol == symbol)
        assert held == pair.world.portfolio.position(symbol) == 0
    assert sum(pair.world.portfolio.reserved.values()) == 0


def test_what_a_search_finds_on_a_random_walk_does_not_hold_on_the_rest(tmp_path: Path, capsys: Any) -> None:
    average = script("moving_average")
    average.main(["--processes", "1", "--out", str(tmp_path / "run"), "--plot"])
    printed = capsys.readouterr().out
    assert "a search on the first half" in printed
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"summary.json", "figure.png"}
    first = average.date(2024, 1, 1)
    again = average.simulate(average.made_up(7, first), first, average.date(2024, 1, 20), 1)
    assert f"its best on the second half: total return {again[2].total_return:.4f}" in printed
    assert again[0].total_trades > 10


def test_a_live_run_trades_from_another_thread_and_ends_flat_or_long_one_order() -> None:
    environment, ended, fills = script("live_paper").simulate(1.0, 0.2)
    assert ended
    assert all(order.is_final for order in ended)
    traded = sum(order.side.sign * order.filled_quantity for order in ended)
    assert environment.risk_portfolio.get_portfolio_state().position("DEMO") == traded
    assert sum(event.data["quantity"] for event in fills) == sum(order.filled_quantity for order in ended)


@pytest.mark.parametrize(("name", "length"), [("market_maker", 3), ("pair_trade", 40)])
def test_the_same_seed_is_the_same_run(name: str, length: int) -> None:
    def entries() -> list[tuple[int, str, str]]:
        world = script(name).simulate(5, length).world
        return [(entry.time_ns, entry.event, entry.order_id) for entry in world.journal.entries()]

    first = entries()
    assert len(first) > 10
    assert entries() == first
