"""A few seconds on the wall clock: a simulated market that lives, a paper broker, and another thread that trades.

    python scenarios/live_paper.py                 five seconds
    python scenarios/live_paper.py --seconds 30

The market is that of scenarios/quickstart.yaml, with background orders that come in real time. The main thread is the
simulation's. A second thread looks at its own pace, and buys and sells by turns through the engine, as a strategy with its own
process or connection would.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from simexec import EventType, ExecutionEnvironment, Order, SimulationError, create_execution_environment
from simexec.trading.events import Event

MARKET = Path(__file__).parent / "quickstart.yaml"
PAUSE_S = 0.25


def trade(environment: ExecutionEnvironment, seconds: float, ended: list[Order]) -> None:
    """Buy and sell by turns, each after the end of the one before; the work of a thread."""
    engine, manager = environment.engine, environment.order_manager

    async def send(data: Mapping[str, Any]) -> Order:
        order: Order = await engine.process_event({"type": EventType.ORDER, "data": data})
        return await manager.wait_final(order)

    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            time.sleep(PAUSE_S)
            side = "SELL" if len(ended) % 2 else "BUY"
            order = {"symbol": "DEMO", "side": side, "quantity": 100}
            ended.append(environment.submit(send(order)).result(timeout=30))
    except SimulationError:
        return  # it was interrupted
    environment.stop()


def simulate(seconds: float, factor: float = 1.0) -> tuple[ExecutionEnvironment, list[Order], list[Event]]:
    """The environment after so many wall seconds, its orders, and its fills."""
    environment = create_execution_environment(
        mode="LIVE_TRADING", config={"broker": "paper", "initial_cash": 1_000_000}, scenario=MARKET, factor=factor
    )
    fills: list[Event] = []
    environment.engine.on(EventType.FILL, fills.append)
    ended: list[Order] = []
    thread = threading.Thread(target=trade, args=(environment, seconds, ended))
    thread.start()
    try:
        environment.run()
    except KeyboardInterrupt:
        print("interrupted")
    thread.join()
    environment.close()
    return environment, ended, fills


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, and print what was traded and how punctual it was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    args = parser.parse_args(arguments)
    environment, ended, fills = simulate(args.seconds)
    for order in ended:
        price = "-" if order.average_price is None else f"{order.average_price:.4f}"
        filled = f"{order.filled_quantity:>5} of {order.quantity} at {price:>9}"
        print(f"{order.order_id:<8}{order.side.name:<6}{filled}  {order.status.name}")
    portfolio = environment.risk_portfolio.get_portfolio_state()
    print(f"\n{len(fills)} fills; position {portfolio.position('DEMO')}, cash {portfolio.cash['USD'] / 1e6:,.2f} USD")
    assert environment.real_time is not None
    pace = environment.real_time.statistics()
    if pace.median_handling_ns is not None:
        print(
            f"orders waited {pace.median_handling_ns / 1000:,.0f} us for the simulation's thread (median of {pace.injected})"
        )


if __name__ == "__main__":
    main()
