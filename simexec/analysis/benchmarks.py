"""Prices that an execution is judged by, read from the simulated market itself."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import attrs

from simexec.analysis.quotes import MidPrices, weighted_mean
from simexec.analysis.result import RunResult
from simexec.config.venue import HistoryMode
from simexec.execution.journal import JournalEntry
from simexec.trading.order import Order


@attrs.frozen(kw_only=True)
class Benchmarks:
    """Benchmark prices in the quoting currency, exact; None where the market never had one or it was not recorded.

    The market is the one in which our own orders were: our resting orders are part of its quotes and our trades part
    of its prints.

    Attributes:
        arrival_ns: when the first child reached the venue's gateway; without a journal, when the venue acknowledged it.
        decision_mid: mid-point when the parent was decided.
        arrival_mid: mid-point at ``arrival_ns``.
        vwap: volume-weighted price of all prints, hidden and own ones included, from the decision to the end of
            working.
        twap: time-weighted mid-point over the same time; while a side showed nothing, it does not count.
        end_mid: mid-point when working the parent ended: what its unfilled part is judged at.
        close_mid: mid-point at the close.
        stale: names of those mid-points at whose time a side showed nothing: the last one before it stands in.
        market_quantity: shares printed from the decision to the end of working, own ones included.
    """

    arrival_ns: int | None
    decision_mid: Fraction | None
    arrival_mid: Fraction | None
    vwap: Fraction | None
    twap: Fraction | None
    end_mid: Fraction | None
    close_mid: Fraction | None
    stale: tuple[str, ...]
    market_quantity: int | None

    @classmethod
    def of(cls, result: RunResult, mids: MidPrices, arrival_ns: int | None) -> Benchmarks:
        """The benchmarks of a run whose first child arrived at the gateway at a time, or never."""
        quantum = Fraction(result.instrument.quantum)
        times = {
            "decision_mid": result.decision_ns,
            "arrival_mid": arrival_ns,
            "end_mid": result.end_ns,
            "close_mid": result.close_ns,
        }
        found = {name: None if time_ns is None else mids.last(time_ns) for name, time_ns in times.items()}
        twap = mids.time_weighted(result.decision_ns, min(result.end_ns, result.close_ns))
        printed = result.prints[:, 0]
        prints = result.prints[(printed >= result.decision_ns) & (printed <= result.end_ns)]
        vwap = weighted_mean(prints[:, 1], prints[:, 2])
        recorded = result.scenario.recording.history is not HistoryMode.OFF
        return cls(
            **{name: None if mid is None else Fraction(mid[0], 2) * quantum for name, mid in found.items()},
            arrival_ns=arrival_ns,
            vwap=None if vwap is None else vwap * quantum,
            twap=None if twap is None else twap * quantum,
            stale=tuple(name for name, mid in found.items() if mid is not None and not mid[1]),
            market_quantity=int(prints[:, 2].sum()) if recorded else None,
        )


def first_arrival_ns(entries: Iterable[JournalEntry], orders: Iterable[Order]) -> int | None:
    """When the first of the orders reached the venue's gateway, as ``Benchmarks.arrival_ns``; None if none did."""
    arrivals = [entry.arrived_ns for entry in entries if entry.arrived_ns]
    if not arrivals:
        arrivals = [order.acknowledged_ns for order in orders if order.acknowledged_ns is not None]
    return min(arrivals, default=None)
