"""How fast simexec is on this machine, and what a unit of work costs as runs grow.

Machines are shared and noisy: only ratios within one run mean something, and every rate is the median of several runs.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import simpy

from simexec.execution import Broker, Journal, Latencies, OrderManager
from simexec.experiments.bench_markets import run_bench_markets
from simexec.market import layout as at
from simexec.market.levels import Array
from simexec.market.lobster import read_lobster
from simexec.market.market import Market
from simexec.market.recording import RecordedFlow, Recording
from simexec.market.records import Recorded
from simexec.market.sizes import GeometricSize
from simexec.market.zero_intelligence import ZeroIntelligence
from simexec.sim import Constant, Simulation
from simexec.trading.instrument import Instrument
from simexec.trading.portfolio import Portfolio
from simexec.trading.vocabulary import OrderSide
from simexec.venue import TradingHours, Venue

AMZN: Final = Path("lobster") / "AMZN_2012-06-21_34200000_57600000_message_5.csv.gz"
_TIMEOUTS: Final = 100_000
_ROUND_TRIPS: Final = 5_000
_FEW_MESSAGES, _MANY_MESSAGES = 2_000_000, 50_000_000
_FEW_ORDERS, _MANY_ORDERS = 10_000, 1_000_000
_NOTHING: Final = Recorded(quotes=False, prints=False, queues=False)

Say = Callable[[str], None]


def run_bench(say: Say | None = None) -> dict[str, Any]:
    """Measure; returns figures by name. ``say`` is told what is being measured."""
    tell = say or (lambda text: None)
    data = Path(os.environ.get("SIMEXEC_DATA", "../shared/data")) / AMZN
    figures: dict[str, Any] = {}
    tell("compiling")
    _round_trips(10)
    _zero_intelligence(1_000)
    tell("bare SimPy, the kernel and round trips, by turns")
    recording = read_lobster(data) if data.exists() else None
    timeouts, ours, kernel, trips = [], [], [], []
    for _ in range(5):
        timeouts.append(_timeouts(simpy.Environment()))
        ours.append(_timeouts(Simulation()))
        kernel.append(_replay(recording) if recording is not None else _zero_intelligence(500_000))
        trips.append(_round_trips(_ROUND_TRIPS))
    figures["simpy_timeouts_per_s"] = round(statistics.median(timeouts))
    figures["simexec_timeouts_per_s"] = round(statistics.median(ours))
    figures["kernel_flow"] = str(AMZN.name) if recording is not None else "zero_intelligence (no recording found)"
    figures["kernel_messages_per_s"] = round(statistics.median(kernel))
    figures["round_trips_per_s"] = round(statistics.median(rate for rate, _ in trips))
    figures["round_trip_events"] = trips[0][1]
    figures["round_trips_per_simpy_timeout"] = round(
        statistics.median(rate / bare for (rate, _), bare in zip(trips, timeouts, strict=True)), 4
    )
    tell(f"cost of a message, {_FEW_MESSAGES:,} and {_MANY_MESSAGES:,}")
    few = statistics.median(_zero_intelligence(_FEW_MESSAGES) for _ in range(3))
    many = _zero_intelligence(_MANY_MESSAGES)
    figures["messages_per_s_at_2m"], figures["messages_per_s_at_50m"] = round(few), round(many)
    figures["message_cost_ratio"] = round(few / many, 3)
    tell(f"cost of an order, {_FEW_ORDERS:,} and {_MANY_ORDERS:,}")
    few = statistics.median(_resting_orders(_FEW_ORDERS)[0] for _ in range(3))
    many, grown_mb = _resting_orders(_MANY_ORDERS)
    figures["orders_per_s_at_10k"], figures["orders_per_s_at_1m"] = round(few), round(many)
    figures["order_cost_ratio"] = round(few / many, 3)
    figures["memory_growth_mb_at_1m_orders"] = round(grown_mb, 1)
    tell("processes: import, and a recorded day with 100 children")
    figures["import_seconds"] = round(statistics.median(_process(["-c", "import simexec"])[0] for _ in range(5)), 3)
    if recording is not None:
        figures.update(_recorded_day(data))
    # last: a child's peak memory begins with that of the process that starts it, and this makes it large
    tell("cost of a message with several venues, and with several instruments")
    figures.update(run_bench_markets())
    return figures


def format_bench(figures: dict[str, Any]) -> str:
    """The figures as lines of name and value."""
    width = max(map(len, figures))
    return "\n".join(
        f"{name:<{width}}  {value:,}" if isinstance(value, int) else f"{name:<{width}}  {value}"
        for name, value in figures.items()
    )


def _timeouts(env: simpy.Environment) -> float:
    def process() -> Any:
        for _ in range(_TIMEOUTS):
            yield env.timeout(1)

    env.process(process())
    began = time.perf_counter()
    env.run()
    return _TIMEOUTS / (time.perf_counter() - began)


def _replay(recording: Recording) -> float:
    market = Market("bench", RecordedFlow(recording))
    began = time.perf_counter()
    market.advance(recording.end_ns)
    return recording.rows / (time.perf_counter() - began)


def _zero_intelligence(messages: int) -> float:
    rates = (1.85, 1.51, 1.09, 0.88, 0.77)
    per_s = 2 * (2 * sum(rates) + 0.94)
    flow = ZeroIntelligence(
        Simulation(seed=1).rng,
        "bench",
        start_price=1_000_000,
        tick_quanta=100,
        lot=100,
        limit_rates_per_s=rates,
        cancel_rate_per_s=0.65,
        market_rate_per_s=0.94,
        limit_size=GeometricSize(4),
        market_size=GeometricSize(4),
        start_ns=0,
        end_ns=round(messages / per_s * 1e9),
    )
    market = Market("bench", flow, record=_NOTHING)
    began = time.perf_counter()
    market.advance(2**62)
    return flow.applied(2**62) / (time.perf_counter() - began)


class _StandingOffer:
    """A flow of two messages: as much as anybody wants, to buy and to sell."""

    references = 2
    tick_quanta = 100

    def __init__(self) -> None:
        self._messages: Array | None = np.array(
            [[0, at.ADD, 0, 999_900, 2**40, 0], [0, at.ADD, 1, 1_000_000, 2**40, 1]], np.int64
        )

    def next_messages(self) -> Array | None:
        messages, self._messages = self._messages, None
        return messages

    def applied(self, time_ns: int) -> int:
        return 2


def _desk(recorded: bool) -> tuple[Simulation, OrderManager]:
    sim = Simulation(seed=1)
    instrument = Instrument("BENCH", "0.01")
    market = Market("XBEN", _StandingOffer(), record=None if recorded else _NOTHING)
    venue = Venue(sim, "XBEN", instrument, market, TradingHours(0, 2**60), service=Constant("20us"))
    broker = Broker(sim)
    broker.connect(venue, Latencies())
    manager = OrderManager(
        broker,
        Portfolio(10**9),
        [instrument],
        sim=sim,
        journal=Journal() if recorded else None,
        cleanup_interval="1h" if recorded else "1s",  # the million orders must not all be kept
    )
    return sim, manager


def _round_trips(count: int) -> tuple[float, float]:
    """Market orders one after another, with everything recorded: rate, and calendar events each."""
    sim, manager = _desk(recorded=True)

    async def strategy() -> None:
        buy = OrderSide.BUY
        for _ in range(count):
            order = await manager.create_order(symbol="BENCH", side=buy, quantity=100)
            await manager.submit_order(order.order_id)
            await manager.wait_final(order)

    began = time.perf_counter()
    sim.run(strategy())
    return count / (time.perf_counter() - began), round(sim.calendar_events / count, 2)


def _resting_orders(count: int) -> tuple[float, float]:
    """Orders that rest and are cancelled, without recording: rate, and MB by which the process grew."""
    sim, manager = _desk(recorded=False)
    instrument_price = "99.00"
    before = _resident_mb()

    async def strategy() -> None:
        from simexec.trading.vocabulary import OrderType

        for _ in range(count):
            order = await manager.create_order("BENCH", OrderSide.BUY, 100, OrderType.LIMIT, instrument_price)
            await manager.submit_order(order.order_id)
            await manager.cancel_order(order.order_id)
            await manager.wait_final(order)

    began = time.perf_counter()
    sim.run(strategy())
    return count / (time.perf_counter() - began), _resident_mb() - before


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
    return pages * resource.getpagesize() / 1e6


def _process(arguments: list[str]) -> tuple[float, str]:
    began = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    return time.perf_counter() - began, done.stdout


def _recorded_day(data: Path) -> dict[str, Any]:
    scenario = Path(__file__).parents[2] / "scenarios" / "amzn_day.yaml"
    if not scenario.exists():
        return {}
    arguments = ["-m", "simexec", "run", str(scenario), "--data", str(data), "--json"]
    _process(arguments)
    runs = [_process(arguments) for _ in range(3)]
    seconds = [json.loads(output)["seconds"] for _, output in runs]
    return {
        "day_load_seconds": round(statistics.median(s["load"] for s in seconds), 3),
        "day_simulate_seconds": round(statistics.median(s["simulate"] for s in seconds), 3),
        "day_process_seconds": round(statistics.median(wall for wall, _ in runs), 3),
        "day_peak_memory_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3, 1),
    }
