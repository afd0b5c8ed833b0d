"""Transaction cost analysis of a finished run: what the order cost, against which prices, and where it came from.

One sign for every figure: **a cost is positive**, for buys and sells alike. What cannot be computed is None (nothing
filled, a book that never had two sides, a recording that was off), never 0 or NaN.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final

import attrs

from simexec.analysis.benchmarks import Benchmarks, first_arrival_ns
from simexec.analysis.fills import Fills
from simexec.analysis.latency import LatencySplit, split_latency
from simexec.analysis.quotes import MidPrices, weighted_sum
from simexec.analysis.result import RunResult
from simexec.analysis.shortfall import implementation_shortfall
from simexec.analysis.spreads import MARKOUT_HORIZONS_NS, Markout, SpreadParts, markout_of, spread_parts
from simexec.execution.journal import JournalEntry
from simexec.trading.money import to_decimal

LIQUIDITY: Final = ("all", "maker", "taker")
"""Groups of fills: all of them, the passive ones, the aggressive ones."""


@attrs.frozen(kw_only=True)
class ShortfallParts:
    """Implementation shortfall in the instrument's currency, exact; None where a price that it needs does not exist.

    Attributes:
        decision_value: the whole order at the decision mid: the base of the basis points.
        delay: decision to arrival, on the filled shares.
        trading: arrival to fills.
        opportunity: decision to the end of working, on the unfilled shares.
        fees: paid, rebates deducted.
        total: their sum, known also where only its split into delay and trading is not.
    """

    decision_value: Fraction | None
    delay: Fraction | None
    trading: Fraction | None
    opportunity: Fraction | None
    fees: Fraction
    total: Fraction | None

    def amounts(self) -> dict[str, Fraction | None]:
        """The parts and the total by name."""
        return {name: getattr(self, name) for name in ("delay", "trading", "opportunity", "fees", "total")}

    def bps(self) -> dict[str, float | None]:
        """The parts and the total in basis points of ``decision_value``, each rounded once from the exact value."""
        base = self.decision_value
        return {
            name: None if base is None or amount is None else float(amount * 10_000 / base)
            for name, amount in self.amounts().items()
        }


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
    fills, mids = Fills.of(result), MidPrices(result.quotes, result.close_ns)
    entries = list(result.journal.entries())
    marks = Benchmarks.of(result, mids, first_arrival_ns(entries, result.children or (result.parent,)))
    quantum, sign = Fraction(result.instrument.quantum), result.parent.side.sign
    filled = fills.total_quantity
    average = Fraction(weighted_sum(fills.price_quanta, fills.quantity), filled) * quantum if filled else None
    passive = int(fills.quantity[fills.maker].sum())
    groups = dict(zip(LIQUIDITY, (fills, fills.those(fills.maker), fills.those(~fills.maker)), strict=True))
    recorded = len(entries) > 0
    too_late, rejects = _refusals(entries)
    return TcaSummary(
        quantity=result.parent.quantity,
        filled_quantity=filled,
        average_price=average,
        benchmarks=marks,
        slippage_bps=_slippage_bps(average, sign, marks),
        shortfall=_shortfall(result, fills, marks),
        fill_rate=filled / result.parent.quantity,
        participation=filled / marks.market_quantity if marks.market_quantity else None,
        passive_share=passive / filled if filled else None,
        aggressive_share=(filled - passive) / filled if filled else None,
        spreads={name: spread_parts(group, mids, sign, quantum) for name, group in groups.items()},
        markouts={
            horizon_ns: {name: markout_of(group, mids, sign, quantum, horizon_ns) for name, group in groups.items()}
            for horizon_ns in MARKOUT_HORIZONS_NS
        },
        latency=split_latency(entries, result.children or (result.parent,)),
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


def _shortfall(result: RunResult, fills: Fills, marks: Benchmarks) -> ShortfallParts:
    instrument, parent = result.instrument, result.parent
    fees = Fraction(to_decimal(fills.total_fee_units, instrument.currency))
    decision = marks.decision_mid
    if decision is None or instrument.inverse:
        return ShortfallParts(decision_value=None, delay=None, trading=None, opportunity=None, fees=fees, total=None)
    quantum = Fraction(instrument.quantum)
    # Without an arrival or end mid the decision stands in, and the parts that depend on it are left out.
    cost = implementation_shortfall(
        parent.side,
        parent.quantity,
        decision,
        marks.arrival_mid or decision,
        ((quantity, price * quantum) for quantity, price in _by_price(fills)),
        marks.end_mid or decision,
        fees,
        multiplier=instrument.multiplier,
    )
    split = marks.arrival_mid is not None or cost.filled_quantity == 0
    judged = marks.end_mid is not None or cost.filled_quantity == cost.quantity
    return ShortfallParts(
        decision_value=cost.decision_value,
        delay=cost.delay if split else None,
        trading=cost.trading if split else None,
        opportunity=cost.opportunity if judged else None,
        fees=cost.fees,
        total=cost.total if judged else None,
    )


def _by_price(fills: Fills) -> Iterable[tuple[int, int]]:
    """Quantity filled at each price (quanta): there are far fewer prices than fills."""
    filled: Counter[int] = Counter()
    for price, quantity in zip(fills.price_quanta.tolist(), fills.quantity.tolist(), strict=True):
        filled[price] += quantity
    return ((quantity, price) for price, quantity in filled.items())


def _refusals(entries: Sequence[JournalEntry]) -> tuple[int, dict[str, int]]:
    """How many cancels and replaces came too late, and all other refusals by reason."""
    reasons = Counter(entry.reason for entry in entries if entry.event in ("REJECTED", "CANCEL_REJECTED"))
    too_late = reasons.pop("TOO_LATE_TO_CANCEL", 0)
    return too_late, dict(reasons)
