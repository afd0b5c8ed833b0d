"""How fast a recorded order-by-order day is replayed, beside hftbacktest on the same file in the same run.

Two participants. One looks at the quote every 100 ms of simulated time, and does nothing. The other cancels and places an
order at the touch on both sides at each look. Both see the market by the feed latency that the file has recorded, and
requests take 1 ms.

What is timed is the run alone, over a file that is loaded: reading it, and compiling, are told apart. hftbacktest has no
reports and no portfolio, and is driven by a compiled strategy; ours is an ``async def`` in Python. Runs of the two take
turns, and every figure is the median of several.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from numba import njit

from simexec.errors import ConfigError
from simexec.execution import Broker, Latencies, OrderManager
from simexec.market.arrivals import RecordedLatency
from simexec.market.market import Market
from simexec.market.npz import read_npz
from simexec.market.recording import RecordedFlow, Recording
from simexec.market.records import Recorded
from simexec.market.view import MarketView
from simexec.sim import Constant, Simulation
from simexec.sim.clock import MILLISECOND
from simexec.trading.instrument import Instrument
from simexec.trading.portfolio import Portfolio
from simexec.trading.vocabulary import OrderSide, OrderType
from simexec.venue import TradingHours, Venue

_LOOK: Final = 100 * MILLISECOND
_ROUNDS: Final = 5
_NOTHING: Final = Recorded(quotes=False, prints=False, queues=False)

Say = Callable[[str], None]
Runs = list[tuple[str, Callable[[], tuple[int, int, int]]]]
"""Names, and what runs a participant once: requests, orders placed, orders filled."""


def run_bench_l3(path: Path, say: Say | None = None) -> dict[str, Any]:
    """Measure; returns figures by name. ``say`` is told what is being measured.

    Raises:
        ConfigError: the file is not there.
        DataError: it is not such a file.
    """
    tell = say or (lambda text: None)
    if not path.exists():
        raise ConfigError(
            f"{path}: there is no such file; simexec.experiments.synthetic_l3.make_l3_file makes one of two million rows"
        )
    tell("loading")
    began = time.perf_counter()
    recording = read_npz(path)
    loaded = time.perf_counter() - began
    tell("compiling")
    idle(recording)
    requote(recording)
    cases: Runs = [("idle", lambda: idle(recording)), ("requote", lambda: requote(recording))]
    peer = _peer(path, recording)
    runs: dict[str, list[float]] = {}
    spent: dict[str, list[float]] = {}
    counted: dict[str, tuple[int, int, int]] = {}
    for number in range(_ROUNDS):
        tell(f"round {number + 1} of {_ROUNDS}")
        for name, run in cases + peer:
            gc.collect()
            wall, cpu = time.perf_counter(), time.process_time()
            counted[name] = run()
            spent.setdefault(name, []).append(time.process_time() - cpu)
            runs.setdefault(name, []).append(time.perf_counter() - wall)
    figures: dict[str, Any] = {"l3_rows": recording.rows, "l3_load_seconds": round(loaded, 3)}
    for name, seconds in runs.items():
        figures[f"l3_{name}_rows_per_s"] = round(recording.rows / statistics.median(seconds))
        figures[f"l3_{name}_rows_per_cpu_s"] = round(recording.rows / statistics.median(spent[name]))
    requests, placed, filled = counted["requote"]
    extra = statistics.median(b - a for a, b in zip(spent["idle"], spent["requote"], strict=True))
    figures["l3_requests"] = requests
    figures["l3_us_per_request"] = round(1e6 * extra / requests, 2) if requests else None
    figures["l3_share_filled"] = round(filled / placed, 4) if placed else None
    if peer:
        for name in ("idle", "requote"):
            ours, theirs = spent[name], spent[f"hftbacktest_{name}"]
            ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
            figures[f"l3_{name}_ratio"] = round(ratio, 3)
        requests, placed, filled = counted["hftbacktest_requote"]
        figures["l3_hftbacktest_requests"] = requests
        figures["l3_hftbacktest_share_filled"] = round(filled / placed, 4)
    else:
        figures["l3_hftbacktest"] = "not installed: pip install simexec[bench]"
    return figures


class _Desk:
    """One venue that replays the recording, and a participant's way to it."""

    def __init__(self, recording: Recording) -> None:
        self.sim = Simulation(seed=1)
        tick = np.float64(recording.tick_quanta) / recording.price_quanta_per_unit
        self.instrument = Instrument(recording.symbol, repr(float(tick)), subticks=recording.tick_quanta)
        self.market = Market("L3", RecordedFlow(recording), record=_NOTHING)
        hours = TradingHours(0, recording.end_ns + _LOOK)
        self.venue = Venue(self.sim, "L3", self.instrument, self.market, hours, service=Constant(0))
        broker = Broker(self.sim)
        latency = Constant(MILLISECOND)
        broker.connect(self.venue, Latencies(latency, latency, latency))
        self.portfolio = Portfolio(10**9, self.instrument.currency)
        self.manager = OrderManager(broker, self.portfolio, [self.instrument], sim=self.sim, cleanup_interval="1s")
        self.view = MarketView(self.sim, self.market, RecordedLatency(recording))
        self.last_ns = recording.end_ns


def idle(recording: Recording) -> tuple[int, int, int]:
    """Look, and do nothing: no requests, nothing placed, nothing filled."""
    desk = _Desk(recording)
    sim, view, last = desk.sim, desk.view, desk.last_ns

    async def strategy() -> None:
        await sim.timeout(recording.start_ns)
        while sim.now + _LOOK <= last:
            await sim.timeout(_LOOK)
            view.quote()

    sim.run(strategy())
    return 0, 0, 0


def requote(recording: Recording) -> tuple[int, int, int]:
    """At each look cancel what still works and place an order at the touch on either side: requests, orders placed, filled."""
    desk = _Desk(recording)
    sim, view, manager, instrument, last = desk.sim, desk.view, desk.manager, desk.instrument, desk.last_ns
    subticks, symbol = instrument.subticks, instrument.symbol
    requests = placed = filled = 0

    async def strategy() -> None:
        nonlocal requests, placed, filled
        working: list[Any] = []
        await sim.timeout(recording.start_ns)
        while sim.now + _LOOK <= last:
            await sim.timeout(_LOOK)
            quote = view.quote()
            for order in working:
                if order.is_final:
                    filled += order.filled_quantity
                else:
                    await manager.cancel_order(order.order_id)
                    requests += 1
            if quote is None or quote.bid is None or quote.ask is None:
                working = []
                continue
            working = [
                manager.create(instrument, OrderSide.BUY, 1, OrderType.LIMIT, quote.bid // subticks),
                manager.create(instrument, OrderSide.SELL, 1, OrderType.LIMIT, quote.ask // subticks),
            ]
            for order in working:
                manager.submit(order)
            requests += 2
            placed += 2

    sim.run(strategy())
    bought, sold = desk.venue.statistics().traded_quantity, desk.portfolio.position(symbol)
    assert abs(sold) <= bought
    return requests, placed, bought


def _peer(path: Path, recording: Recording) -> Runs:
    """Hftbacktest's runs of the same two participants, compiled; none where it is not installed."""
    try:
        peer: Any = import_module("hftbacktest")
    except ImportError:
        return []

    rows = np.load(path)["data"]
    tick = recording.tick_quanta / recording.price_quanta_per_unit
    limit, gtc, done = peer.LIMIT, peer.GTC, peer.FILLED

    compiled: Any = njit

    def build() -> Any:
        asset = peer.BacktestAsset().data([rows]).linear_asset(1.0).constant_order_latency(MILLISECOND, MILLISECOND)
        asset = asset.l3_fifo_queue_model().no_partial_fill_exchange().trading_value_fee_model(0.0, 0.0)
        return peer.HashMapMarketDepthBacktest([asset.tick_size(tick).lot_size(1.0)])

    def look(backtest: Any) -> tuple[int, int, int]:
        seen = 0
        while backtest.elapse(_LOOK) == 0:
            seen += backtest.depth(0).best_bid_tick > 0
        return 0, 0, 0

    def quote(backtest: Any) -> tuple[int, int, int]:
        requests = placed = filled = 0
        number = 0
        while backtest.elapse(_LOOK) == 0:
            depth, orders = backtest.depth(0), backtest.orders(0)
            for old in (number - 1, number):
                order = orders.get(old) if old > 0 else None
                if order is not None:
                    if order.status == done:
                        filled += 1
                    elif order.cancellable:
                        backtest.cancel(0, old, False)
                        requests += 1
            backtest.clear_inactive_orders(0)
            backtest.submit_buy_order(0, number + 1, depth.best_bid, 1.0, gtc, limit, False)
            backtest.submit_sell_order(0, number + 2, depth.best_ask, 1.0, gtc, limit, False)
            number += 2
            requests += 2
            placed += 2
        return requests, placed, filled

    looking, quoting = compiled(look), compiled(quote)

    def run(strategy: Callable[[Any], tuple[int, int, int]]) -> tuple[int, int, int]:
        backtest = build()
        answer = strategy(backtest)
        backtest.close()
        return answer

    runs: Runs = [("hftbacktest_idle", lambda: run(looking)), ("hftbacktest_requote", lambda: run(quoting))]
    for _, once in runs:
        once()
    return runs
