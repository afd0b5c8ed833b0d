"""Transaction cost analysis of a finished run: what the order cost, against which prices, and where it came from.

One sign for every figure: **a cost is positive**, for buys and sells alike. What cannot be computed is None (nothing
filled, a book that never had two sides, a recording that was off), never 0 or NaN.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

import attrs

from simexec.analysis.benchmarks import Benchmarks
from simexec.analysis.facts import Facts
from simexec.analysis.latency import LatencySplit, split_latency
from simexec.analysis.result import RunResult
from simexec.analysis.shortfall_parts import ShortfallParts
from simexec.analysis.spreads import MARKOUT_HORIZONS_NS, Markout, SpreadParts, markout_of, spread_parts
from simexec.execution.journal import JournalEntry


@attrs.frozen(kw_only=True)
class TcaSummary:
    """What a parent order cost, and why. A cost is positive; None is what cannot be computed.

    Attributes:
        quantity: of the parent, in shares; ``filled_quantity`` of it.
        average_price: of the fills, in the quoting currency.
        benchmarks: prices of the market.
        slippage_bps: average price against each benchmark, in basis points of the benchmark.
        shortfall: against the decision mid, by parts. None in all but the fees for an inverse instrument.
        fill_rate: filled quantity of the quantity.
        participation: filled quantity of all that was printed while it worked, own trades included.
        passive_share: of the filled quantity, traded while resting; ``aggressive_share`` the rest.
        spreads: effective spread split into realised spread and impact, by ``LIQUIDITY``.
        markouts: what fills had lost at each horizon, by ``LIQUIDITY``.
        latency: by parts.
        children_by_status: how many children ended in each state.
        cancels_too_late: cancels and replaces that found their order gone.
        rejects_by_reason: refused requests by FIX reason.
    """

    quantity: int
    filled_quantity: int
    average_price: Fraction | None
    benchmarks: Benchmarks
    slippage_bps: Mapping[str, float | None]
    shortfall: ShortfallParts
    fill_rate: float
    participation: float | None
    passive_share: float | None
    aggressive_share: float | None
    spreads: Mapping[str, SpreadParts | None]
    markouts: Mapping[int, Mapping[str, Markout | None]]
    latency: LatencySplit
    children_by_status: Mapping[str, int]
    cancels_too_late: int | None
    rejects_by_reason: Mapping[str, int] | None


def analyse(result: RunResult) -> TcaSummary:
    """Analyse a finished run."""
    return summarise(Facts.of(result))


def summarise(facts: Facts) -> TcaSummary:
    """The summary of a run whose facts are put together already."""
    result, fills, mids, marks, entries = facts.result, facts.fills, facts.mids, facts.marks, facts.entries
    quantum, sign, parent = facts.quantum, facts.sign, result.parent
    filled, notional = fills.total_quantity, facts.notional_quanta
    average = Fraction(notional, filled) * quantum if filled else None
    passive = int(fills.quantity[fills.maker].sum())
    groups = fills.by_liquidity()
    recorded = len(entries) > 0
    too_late, rejects = _refusals(entries)
    return TcaSummary(
        quantity=parent.quantity,
        filled_quantity=filled,
        average_price=average,
        benchmarks=marks,
        slippage_bps=_slippage_bps(average, sign, marks),
        shortfall=ShortfallParts.of(
            result.instrument,
            parent.side,
            parent.quantity,
            filled_quantity=filled,
            notional_quanta=notional,
            fee_units=fills.total_fee_units,
            decision=marks.decision_mid,
            arrival=marks.arrival_mid,
            end=marks.end_mid,
        ),
        fill_rate=filled / parent.quantity,
        participation=filled / marks.market_quantity if marks.market_quantity else None,
        passive_share=passive / filled if filled else None,
        aggressive_share=(filled - passive) / filled if filled else None,
        spreads={name: spread_parts(group, mids, sign, quantum) for name, group in groups.items()},
        markouts={
            horizon_ns: {name: markout_of(group, mids, sign, quantum, horizon_ns) for name, group in groups.items()}
            for horizon_ns in MARKOUT_HORIZONS_NS
        },
        latency=split_latency(entries, facts.orders),
        children_by_status=dict(Counter(child.status.name for child in result.children)),
        cancels_too_late=too_late if recorded else None,
        rejects_by_reason=rejects if recorded else None,
    )


def _slippage_bps(average: Fraction | None, sign: int, marks: Benchmarks) -> dict[str, float | None]:
    prices = {
        "decision_mid": marks.decision_mid,
        "arrival_mid": marks.arrival_mid,
        "vwap": marks.vwap,
        "twap": marks.twap,
        "close_mid": marks.close_mid,
    }
    return {
        name: None if average is None or price is None else float(sign * (average - price) * 10_000 / price)
        for name, price in prices.items()
    }


def _refusals(entries: Sequence[JournalEntry]) -> tuple[int, dict[str, int]]:
    """How many cancels and replaces came too late, and all other refusals by reason."""
    reasons = Counter(entry.reason for entry in entries if entry.event in ("REJECTED", "CANCEL_REJECTED"))
    too_late = reasons.pop("TOO_LATE_TO_CANCEL", 0)
    return too_late, dict(reasons)
