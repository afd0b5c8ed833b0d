"""What the benchmarks measure: events of a round trip, and memory that does not grow. No times here."""

from __future__ import annotations

from pathlib import Path

import pytest

from simexec.config import load_scenario
from simexec.experiments import bench
from simexec.experiments.run import run_scenario
from simexec.trading.vocabulary import OrderSide, OrderType

QUICKSTART = Path(__file__).resolve().parents[2] / "scenarios" / "quickstart.yaml"


def test_a_market_orders_round_trip_takes_at_most_eight_calendar_events() -> None:
    _, events = bench._round_trips(200)
    assert 3 <= events <= 8


def test_cancelled_orders_leave_nothing_behind() -> None:
    sim, manager = bench._desk(recorded=False)
    sizes = []

    async def strategy() -> None:
        for i in range(9_000):
            order = await manager.create_order("BENCH", OrderSide.BUY, 100, OrderType.LIMIT, "99.00")
            await manager.submit_order(order.order_id)
            await manager.cancel_order(order.order_id)
            await manager.wait_final(order)
            if i % 3_000 == 2_999:
                await sim.timeout("3s")  # the manager cleans every second
                sizes.append(len(manager.orders()))

    sim.run(strategy())
    assert max(sizes) <= 1


def test_the_figures_are_printed_by_name() -> None:
    assert bench.format_bench({"rate_per_s": 1234567, "ratio": 1.5}).splitlines() == [
        "rate_per_s  1,234,567",
        "ratio       1.5",
    ]


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_an_inverse_contract_balances(side: str) -> None:
    changes = {
        "instrument.inverse": True,
        "instrument.multiplier": "100",
        "instrument.currency": "BTC",
        "order.side": side,
    }
    short = {"session.close": "09:45", "order.start": "1m", "algorithm.duration": "10m", "algorithm.slices": 5}
    result = run_scenario(load_scenario(QUICKSTART).with_({**changes, **short, "order.quantity": 2000}))
    assert all(result.invariants.values())
    assert abs(result.portfolio.positions["DEMO"].quantity) == result.parent.filled_quantity > 0


def test_a_parent_that_is_filled_long_before_its_last_slice_ends_keeps_its_children() -> None:
    changes = {"session.close": "16:00", "order.quantity": 200, "algorithm.duration": "5h", "algorithm.slices": 2}
    result = run_scenario(load_scenario(QUICKSTART).with_(changes))
    assert sum(child.filled_quantity for child in result.children) == result.parent.filled_quantity == 200
    assert result.end_ns == result.parent.closed_ns
