"""The summary of a run as one JSON object; ``summary_text`` writes the one for people."""

from __future__ import annotations

import platform
from fractions import Fraction
from importlib import metadata
from typing import Any

import attrs

from simexec import __version__
from simexec.analysis.analyzer import ExecutionAnalyzer
from simexec.analysis.capture import SpreadCapture
from simexec.analysis.latency import LatencySplit, LatencyStatistics
from simexec.analysis.result import MarketReport, RunResult
from simexec.analysis.shortfall_parts import ShortfallParts
from simexec.analysis.spreads import Markout, SpreadParts
from simexec.analysis.summary_text import format_run
from simexec.analysis.tca import TcaSummary
from simexec.execution.circuit_breaker import BreakerTransition
from simexec.execution.leg_log import VenueRecord
from simexec.sim.clock import format_duration
from simexec.trading.money import to_decimal
from simexec.trading.order import Order
from simexec.venue import VenueStatistics

__all__ = ["format_run", "run_json", "versions"]


def run_json(result: RunResult) -> dict[str, Any]:
    """A finished run as what JSON can hold: texts, numbers, truth values, null, lists and objects.

    Basis points are numbers, and a cost is positive. Prices are numbers in the quoting currency; those that must not be
    rounded come as texts as well. What cannot be computed is null.
    """
    analyzer = ExecutionAnalyzer.of(result)
    tca = analyzer.summary
    return {
        "journal_digest": result.journal_digest,
        "parent": _parent(result.parent),
        "shortfall_bps": tca.shortfall.bps(),
        "benchmarks": _benchmarks(result, tca),
        "tca": _tca(tca) | _tables(analyzer),
        "children": [_child(order) for order in result.children],
        "portfolio": _portfolio(result),
        "venue": _venue(result.venue),
        "markets": [_market(market) for market in result.markets],
        "routing": {venue: _routed(record, result) for venue, record in result.routing.items()},
        "breaker": [_transition(change) for change in result.breaker],
        "flow_messages": result.flow_messages,
        "calendar_events": result.calendar_events,
        "divergence": dict(result.divergence),
        "invariants": dict(result.invariants),
        "seconds": dict(result.seconds),
        "scenario": result.scenario.to_dict(),
        "seed": result.scenario.seed,
        "replication": result.replication,
        "assumptions": list(result.assumptions),
        "versions": versions(),
    }


def _portfolio(result: RunResult) -> dict[str, Any]:
    """Cash and position at the end in the instrument's currency, as exact texts."""
    currency, portfolio = result.instrument.currency, result.portfolio
    position = portfolio.positions.get(result.instrument.symbol)

    def amount(units: int) -> str:
        return str(to_decimal(units, currency))

    return {
        "currency": currency,
        "initial_cash": amount(result.initial_cash),
        "cash": amount(portfolio.cash[currency]),
        "fees": amount(portfolio.fees[currency]),
        "equity": amount(portfolio.equity[currency]),
        "position": 0 if position is None else position.quantity,
        "market_value": amount(0 if position is None else position.market_value),
        "realised": amount(0 if position is None else position.realised),
        "unrealised": amount(0 if position is None else position.unrealised),
    }


def _venue(statistics: VenueStatistics) -> dict[str, Any]:
    """What a venue has seen, and how busy its gateway was; durations in ns."""
    seen = attrs.asdict(statistics)
    seen["gateway"]["mean_wait_ns_by_class"] = list(seen["gateway"]["mean_wait_ns_by_class"])
    return seen


def _market(market: MarketReport) -> dict[str, Any]:
    """One market, with the quote that it showed last."""
    quote, quantum = market.quote, market.instrument.quantum

    def price(quanta: int | None) -> float | None:
        return None if quanta is None else float(quanta * quantum)

    return {
        "name": market.name,
        "venue": market.venue,
        "symbol": market.instrument.symbol,
        "dark": market.is_dark,
        "messages": market.messages,
        "trades": market.trades,
        "last_quote": None
        if quote is None
        else {
            "bid": price(quote.bid),
            "bid_size": quote.bid_size,
            "ask": price(quote.ask),
            "ask_size": quote.ask_size,
            "time_ns": quote.time_ns,
        },
        "statistics": _venue(market.statistics),
    }


def _routed(record: VenueRecord, result: RunResult) -> dict[str, Any]:
    """Amounts in the instrument's currency."""
    plain = attrs.asdict(record)
    for name in ("expected_cost", "realised_cost", "stale_cost"):
        plain[name] = float(to_decimal(plain[name], result.instrument.currency))
    return plain


def _transition(change: BreakerTransition) -> dict[str, Any]:
    return {
        "time_ns": change.time_ns,
        "before": change.before.name,
        "after": change.after.name,
        "rule": change.rule,
        "reason": change.reason,
    }


def versions() -> dict[str, str]:
    """Versions of Python, of simexec, and of the libraries that a run's figures depend on."""
    found = {"python": platform.python_version(), "simexec": __version__}
    return found | {name: metadata.version(name) for name in ("numpy", "numba", "simpy")}


def _parent(parent: Order) -> dict[str, Any]:
    average = parent.average_price
    return {
        "order_id": parent.order_id,
        "symbol": parent.symbol,
        "side": parent.side.name,
        "quantity": parent.quantity,
        "filled_quantity": parent.filled_quantity,
        "average_price": None if average is None else float(average),
        "average_price_exact": None if average is None else str(average),
        "limit_price": None if parent.price is None else str(parent.price),
        "status": parent.status.name,
        "reason": parent.reason,
    }


def _child(order: Order) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "status": order.status.name,
        "order_type": order.order_type.name,
        "time_in_force": order.time_in_force.name,
        "quantity": order.quantity,
        "filled_quantity": order.filled_quantity,
        "limit_price": None if order.price is None else str(order.price),
        "average_price": None if order.average_price is None else float(order.average_price),
        "submitted_ns": order.submitted_ns,
        "acknowledged_ns": order.acknowledged_ns,
        "closed_ns": order.closed_ns,
        "reason": order.reason,
    }


def _benchmarks(result: RunResult, tca: TcaSummary) -> dict[str, Any]:
    marks = tca.benchmarks
    return {
        "decision_ns": result.decision_ns,
        "arrival_ns": marks.arrival_ns,
        "end_ns": result.end_ns,
        "decision_mid": _number(marks.decision_mid),
        "arrival_mid": _number(marks.arrival_mid),
        "vwap": _number(marks.vwap),
        "twap": _number(marks.twap),
        "end_mid": _number(marks.end_mid),
        "close_mid": _number(marks.close_mid),
        "stale": list(marks.stale),
        "market_quantity": marks.market_quantity,
    }


def _tca(tca: TcaSummary) -> dict[str, Any]:
    return {
        "slippage_bps": dict(tca.slippage_bps),
        "shortfall": _amounts(tca.shortfall),
        "fill_rate": tca.fill_rate,
        "participation": tca.participation,
        "passive_share": tca.passive_share,
        "aggressive_share": tca.aggressive_share,
        "spreads": {name: _spread(parts) for name, parts in tca.spreads.items()},
        "markouts_bps": {
            format_duration(horizon_ns): {name: _markout(markout) for name, markout in groups.items()}
            for horizon_ns, groups in tca.markouts.items()
        },
        "latency": _latency(tca.latency),
        "children_by_status": dict(tca.children_by_status),
        "cancels_too_late": tca.cancels_too_late,
        "rejects_by_reason": None if tca.rejects_by_reason is None else dict(tca.rejects_by_reason),
    }


def _tables(analyzer: ExecutionAnalyzer) -> dict[str, Any]:
    """The compact part of the analysis' tables."""
    impact, schedule, missed = analyzer.impact, analyzer.schedule, analyzer.missed
    return {
        "impact": {
            "impact_bps": impact.bps(impact.impact),
            "reversion_bps": {name: impact.bps(amount) for name, amount in impact.reversion.items()},
        },
        "spread_capture": {name: _capture(found) for name, found in analyzer.spread_capture.items()},
        "venues": list(analyzer.venues.rows()),
        "schedule": None if schedule is None else schedule.shares() | {"of_order": schedule.fractions()},
        "missed": {
            "orders": len(missed.orders),
            "quantity": missed.quantity,
            "cost_bps": missed.cost_bps,
        },
        "outliers": {"fills": len(analyzer.outlying_fills), "orders": len(analyzer.outlying_orders)},
        "queue": [row for row in analyzer.queue.rows() if row["fills"]],
    }


def _capture(found: SpreadCapture | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "quantity": found.quantity,
        "half_spread_bps": found.half_spread_bps,
        "cost_bps": found.cost_bps,
        "captured": found.captured,
    }


def _amounts(shortfall: ShortfallParts) -> dict[str, float | None]:
    """In the instrument's currency."""
    named = {"decision_value": shortfall.decision_value, **shortfall.amounts()}
    return {name: _number(amount) for name, amount in named.items()}


def _spread(parts: SpreadParts | None) -> dict[str, Any] | None:
    if parts is None:
        return None
    return {
        "horizon_ns": parts.horizon_ns,
        "quantity": parts.quantity,
        "effective_bps": parts.effective_bps,
        "realised_bps": parts.realised_bps,
        "impact_bps": parts.impact_bps,
    }


def _markout(markout: Markout | None) -> float | None:
    return None if markout is None else markout.cost_bps


def _latency(split: LatencySplit) -> dict[str, Any]:
    parts = ("link_out", "gateway_queue", "gateway_service", "resting", "link_back")
    return {part: _statistics(getattr(split, part)) for part in parts}


def _statistics(statistics: LatencyStatistics | None) -> dict[str, float] | None:
    if statistics is None:
        return None
    return {
        "count": statistics.count,
        "mean_ns": statistics.mean_ns,
        "median_ns": statistics.median_ns,
        "p90_ns": statistics.p90_ns,
        "p99_ns": statistics.p99_ns,
    }


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
