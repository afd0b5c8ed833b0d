"""What a background message costs when there are several venues, or several instruments behind one.

Every run has the same number of messages, calendar events and orders of a participant; the messages are made beforehand and
shared out over the markets, so that only their advancing is timed. In each market rests one order, far from the touch, so
that none of them may simply run ahead of the others.
"""

from __future__ import annotations

import gc
import statistics
import time
from typing import Any, Final

from simexec.market.levels import Array
from simexec.market.market import Market
from simexec.market.records import Recorded
from simexec.market.sizes import ConstantSize
from simexec.market.zero_intelligence import ZeroIntelligence
from simexec.sim import Constant, Simulation
from simexec.trading.instrument import Instrument
from simexec.trading.requests import NewOrder
from simexec.trading.vocabulary import OrderType, TimeInForce
from simexec.venue import TradingHours, Venue

_MESSAGES: Final = 1_600_000
_EVENTS: Final = 2_000
_ROUNDS: Final = 5
_SECOND: Final = 1_000_000_000
_RATES: Final = (5.0,) * 8
_PER_SECOND: Final = 175.0  # messages of one market at these rates, measured


class _Made:
    """Messages that were made beforehand."""

    tick_quanta = 100

    def __init__(self, chunks: list[Array], references: int) -> None:
        self.references = references
        self._chunks = list(chunks)

    def next_messages(self) -> Array | None:
        return self._chunks.pop(0) if self._chunks else None

    def applied(self, time_ns: int) -> int:
        return 0


def _flows(count: int) -> tuple[list[tuple[list[Array], int]], int, int]:
    """Messages for so many markets, how many they are, and when they end."""
    end = round(_MESSAGES / count / _PER_SECOND * _SECOND)
    sim, made, total = Simulation(seed=1), [], 0
    for number in range(count):
        flow = ZeroIntelligence(
            sim.rng, f"flow{number}", start_price=1_000_000, tick_quanta=100, lot=1, limit_rates_per_s=_RATES,
            cancel_rate_per_s=0.5, market_rate_per_s=8.0, limit_size=ConstantSize(100), market_size=ConstantSize(100), start_ns=0,
            end_ns=end,
        )  # fmt: skip
        chunks = []
        while (chunk := flow.next_messages()) is not None:
            chunks.append(chunk)
        total += sum(map(len, chunks))
        made.append((chunks, flow.references))
    return made, total, end


def _run(flows: tuple[list[tuple[list[Array], int]], int, int], venues: bool) -> float:
    """Seconds of processor time a message, with a venue a market or all of them behind one venue."""
    made, total, end = flows
    sim = Simulation(seed=1)
    hours = TradingHours(0, 2 * end)
    lines: list[tuple[Venue, str]] = []
    for number, (chunks, references) in enumerate(made):
        market = Market(f"m{number:03d}", _Made(chunks, references), record=Recorded(queues=False))
        instrument = Instrument(f"S{number}", "0.01")
        if venues or not lines:
            venue = Venue(sim, f"v{number}", instrument, market, hours, service=Constant(0))
        else:
            venue = lines[0][0]
            venue.list(instrument, market)
        lines.append((venue, instrument.symbol))
    entries = {name: venue.connect("p", lambda packet: None) for name, venue in {v.name: v for v, _ in lines}.items()}
    for venue, symbol in lines:
        order = NewOrder(f"o-{symbol}", 1, 100, OrderType.LIMIT, 9_000, TimeInForce.DAY, symbol=symbol)
        venue.enqueue(entries[venue.name], order)

    async def ticks() -> None:
        for _ in range(_EVENTS):
            await sim.timeout(end // _EVENTS)

    gc.collect()
    began = time.process_time()
    sim.run(ticks())
    return (time.process_time() - began) / total


def run_bench_markets() -> dict[str, Any]:
    """What a message costs with 1, 4 and 16 venues and with 1, 10 and 100 instruments behind one, as ratios to one venue's."""
    flows = {count: _flows(count) for count in (1, 4, 10, 16, 100)}
    cases = [("venues", count) for count in (1, 4, 16)] + [("instruments", count) for count in (1, 10, 100)]
    _run(flows[1], True)
    spent: dict[tuple[str, int], list[float]] = {case: [] for case in cases}
    for _ in range(_ROUNDS):
        for what, count in cases:
            spent[what, count].append(_run(flows[count], what == "venues"))
    one = spent["venues", 1]
    figures: dict[str, Any] = {"market_messages_per_cpu_s": round(1 / statistics.median(one))}
    for what, count in cases[1:]:
        ratio = statistics.median(b / a for a, b in zip(one, spent[what, count], strict=True))
        figures[f"message_cost_{count}_{what}"] = round(ratio, 3)
    return figures
