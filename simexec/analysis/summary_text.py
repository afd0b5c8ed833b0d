"""The summary of a run for people: what was asked, what happened, what it cost and why. Plain text, 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from simexec.analysis.analyzer import ExecutionAnalyzer
from simexec.analysis.fills import LIQUIDITY
from simexec.analysis.latency import LatencyStatistics
from simexec.analysis.result import RunResult
from simexec.analysis.spreads import SPREAD_HORIZON_NS
from simexec.analysis.table import Table
from simexec.analysis.tca import TcaSummary
from simexec.config.algorithm import describe_algorithm
from simexec.config.flow import RecordedFlowConfig
from simexec.sim.clock import MILLISECOND, format_duration, format_time_of_day
from simexec.trading.money import to_decimal

_WIDTH: Final = 100
_NONE: Final = "-"
_LABEL: Final = 12

_PARTS: Final = {
    "delay": "market's move from decision to arrival at the venue",
    "trading": "fills against the arrival mid: spread, impact, drift",
    "opportunity": "market's move on what was not filled",
    "fees": "paid to the venue, rebates deducted",
    "total": "paper portfolio minus the real one",
}
_BENCHMARKS: Final = {
    "decision_mid": "mid-point when the order was decided",
    "arrival_mid": "mid-point when the first child reached the venue",
    "vwap": "all prints while the order worked, own ones too",
    "twap": "mid-point over the same time",
    "close_mid": "mid-point at the close",
}
_LATENCY: Final = {
    "link_out": "link out",
    "gateway_queue": "gateway queue",
    "gateway_service": "gateway service",
    "resting": "resting",
    "link_back": "link back",
}
_GROUPS: Final = {"all": "all", "maker": "passive", "taker": "aggressive"}
_DIVERGENCE: Final = (
    ("shares_taken", "taken from recorded orders"),
    ("shares_given_to_aggressors", "given to recorded aggressors"),
    ("shares_given_to_arrivals", "given to recorded arrivals"),
    ("leftover_shares_made", "left standing as leftovers"),
    ("aggressor_shares_unfilled", "recorded fills missed"),
)


def format_run(result: RunResult) -> str:
    """A summary that a trader understands, without a line break at its end."""
    analyzer = ExecutionAnalyzer.of(result)
    tca = analyzer.summary
    blocks = [
        _what(result, tca),
        _cost(result, tca),
        _against(result, tca),
        [*_fills(tca), *_moves(analyzer)],
        _latency(tca),
        _markets(result),
        _venues(analyzer.venues, result),
        _routing(result),
        _breaker(result),
        _run(result),
    ]
    return "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks if block)


def trading_day(result: RunResult) -> date | None:
    """The day that a recording is of; None of a synthetic market."""
    if not isinstance(result.scenario.flow, RecordedFlowConfig):
        return None
    return result.epoch.astimezone(ZoneInfo(result.scenario.session.timezone)).date()


# --- blocks ---------------------------------------------------------------------------------------


def _what(result: RunResult, tca: TcaSummary) -> list[str]:
    scenario, parent = result.scenario, result.parent
    day = trading_day(result)
    flow = "a synthetic market" if day is None else f"the market of {day}"
    limit = "at the market" if parent.price is None else f"limit {parent.price}"
    lines = [f"{scenario.name}: {parent.symbol} on {scenario.venue.name}, {flow}, seed {scenario.seed}"]
    asked = f"{parent.side.name.lower()} {parent.quantity:,} {parent.symbol} {limit}"
    by = describe_algorithm(scenario.algorithm)
    lines += _entry("asked", f"{asked} by {by}, decided at {_time(result.decision_ns)}")
    average = "" if tca.average_price is None else f" at {_price(result, tca.average_price)} on average"
    filled = f"{tca.filled_quantity:,} filled ({_percent(tca.fill_rate)}){average}"
    reason = f"; {parent.reason}" if tca.filled_quantity < parent.quantity and parent.reason else ""
    lines += _entry("happened", f"{parent.status.name}: {filled}, done at {_time(result.end_ns)}{reason}")
    states = ", ".join(f"{count} {name}" for name, count in sorted(tca.children_by_status.items()))
    children = f"{len(result.children):,}: {states}" if states else "none"
    if tca.cancels_too_late is not None:
        children += f"; {tca.cancels_too_late} cancels too late"
    if tca.rejects_by_reason:
        children += "; refused: " + ", ".join(f"{count} {name}" for name, count in tca.rejects_by_reason.items())
    return lines + _entry("children", children) + _entry("account", _account(result))


def _account(result: RunResult) -> str:
    currency, portfolio = result.instrument.currency, result.portfolio
    position = portfolio.positions.get(result.instrument.symbol)
    held = 0 if position is None else position.quantity
    worth = to_decimal(0 if position is None else position.market_value, currency)
    cash, equity = (to_decimal(units[currency], currency) for units in (portfolio.cash, portfolio.equity))
    return f"{cash:,.2f} {currency} and {held:,} {result.instrument.symbol} worth {worth:,.2f}; equity {equity:,.2f}"


def _cost(result: RunResult, tca: TcaSummary) -> list[str]:
    currency = result.instrument.currency
    value = _money(tca.shortfall.decision_value, currency)
    amounts, bps = tca.shortfall.amounts(), tca.shortfall.bps()
    rows = [(name, bps[name], _money(amounts[name], currency), meaning) for name, meaning in _PARTS.items()]
    return [f"implementation shortfall: a cost is positive; bp of the order at the decision, {value}", *_figures(rows)]


def _against(result: RunResult, tca: TcaSummary) -> list[str]:
    rows = []
    for name, meaning in _BENCHMARKS.items():
        price: Fraction | None = getattr(tca.benchmarks, name)
        label = name.replace("_", " ").replace("vwap", "VWAP").replace("twap", "TWAP")
        rows.append((label, tca.slippage_bps[name], _NONE if price is None else _price(result, price), meaning))
    lines = ["average price against", *_figures(rows)]
    if tca.benchmarks.stale:
        names = ", ".join(name.replace("_", " ") for name in tca.benchmarks.stale)
        lines += _wrapped(f"a side of the book was empty at the time of: {names}; the last mid-point before stands in")
    return lines


def _figures(rows: Sequence[tuple[str, float | None, str, str]]) -> list[str]:
    """Rows of a label, basis points, an amount and what it means."""
    return [f"  {label:<{_LABEL}}{_bps(bps)} bp {amount:>16}   {meaning}" for label, bps, amount, meaning in rows]


def _fills(tca: TcaSummary) -> list[str]:
    market = "market volume not recorded"
    if tca.benchmarks.market_quantity is not None:
        volume = f"{tca.benchmarks.market_quantity:,} traded in the market meanwhile"
        market = volume if tca.participation is None else f"{_percent(tca.participation)} of {volume}"
    if tca.filled_quantity == 0:
        return [f"fills: none; {market}"]
    horizons = [format_duration(horizon_ns) for horizon_ns in tca.markouts]
    later = format_duration(SPREAD_HORIZON_NS)
    losses = [f"loss {horizon}" for horizon in horizons]
    lines = [f"fills: {market}", _row(f"bp; impact in {later}", ["share", "spread", "realised", "impact", *losses])]
    shares = {"all": 1.0, "maker": tca.passive_share or 0.0, "taker": tca.aggressive_share or 0.0}
    groups = [name for name in LIQUIDITY if name == "all" or 0 < shares[name] < 1]
    for name in groups:
        spread, markouts = tca.spreads[name], [found[name] for found in tca.markouts.values()]
        parts = [None] * 3 if spread is None else [spread.effective_bps, spread.realised_bps, spread.impact_bps]
        losses_bps = [None if markout is None else markout.cost_bps for markout in markouts]
        figures = [_bps(bps).strip() for bps in (*parts, *losses_bps)]
        label = _GROUPS[name]
        if len(groups) == 1:
            label = "passive" if tca.passive_share else "aggressive"
        lines.append(_row(label, [_percent(shares[name]), *figures]))
    return lines


def _moves(analyzer: ExecutionAnalyzer) -> list[str]:
    """Impact and its reversion, and the spread captured, as far as they are known."""
    impact, capture, words = analyzer.impact, analyzer.spread_capture["all"], []
    moved = impact.bps(impact.impact)
    if moved is not None and analyzer.summary.filled_quantity:
        words.append(f"the mid-point moved {moved:.2f} bp against the order from arrival to end")
        back = impact.bps(impact.reversion["5m"])
        if back is not None:
            words.append(f"{back:.2f} bp back 5m later")
    if capture is not None:
        done = "earned" if capture.captured >= 0 else "paid"
        words.append(f"{done} {_percent(abs(capture.captured))} of the half-spread")
    schedule = analyzer.schedule
    if schedule is not None:
        words.append(f"{_percent(schedule.fractions()['mean_absolute'])} of the order off its plan on average")
    return _wrapped("; ".join(words)) if words else []


def _venues(venues: Table, result: RunResult) -> list[str]:
    """How each venue served the order, where there are several."""
    if len(venues) < 2:
        return []
    lines = [_row("venues, bp", ["share", "fill rate", "refused", "ack med.", "ack p99", "spread", "loss 10s", "fees"])]
    for row in venues.rows():
        rates = [
            _NONE if row[name] is None else _percent(row[name]) for name in ("fill_share", "fill_rate", "reject_rate")
        ]
        waits = [_NONE if row[name] is None else _duration(row[name]) for name in ("ack_median_ns", "ack_p99_ns")]
        costs = [_bps(row[name]).strip() for name in ("effective_bps", "markout_10s_bps")]
        fees = f"{to_decimal(row['fee_units'], result.instrument.currency):,.2f}"
        lines.append(_row(row["venue"], [*rates, *waits, *costs, fees]))
    return lines


def _latency(tca: TcaSummary) -> list[str]:
    lines = [_row("latency", ["count", "mean", "median", "p99"])]
    for part, label in _LATENCY.items():
        found: LatencyStatistics | None = getattr(tca.latency, part)
        cells = [_NONE] * 4
        if found is not None:
            times = (found.mean_ns, found.median_ns, found.p99_ns)
            cells = [f"{found.count:,}", *(_duration(nanoseconds) for nanoseconds in times)]
        lines.append(_row(label, cells))
    return lines


def _markets(result: RunResult) -> list[str]:
    """What each market was like, where there are several."""
    if len(result.markets) < 2:
        return []
    lines = [
        _row("markets", ["symbol", "messages", "trades", "last bid", "last ask", "orders", "refused", "our fills"])
    ]
    for market in result.markets:
        quote, seen = market.quote, market.statistics
        sides = (None, None) if quote is None else (quote.bid, quote.ask)
        prices = [_NONE if side is None else f"{side * market.instrument.quantum:f}" for side in sides]
        messages = _NONE if market.messages is None else f"{market.messages:,}"
        counts = [f"{count:,}" for count in (seen.orders, seen.rejected, seen.trades)]
        lines.append(_row(market.name, [market.instrument.symbol, messages, f"{market.trades:,}", *prices, *counts]))
    return lines


def _routing(result: RunResult) -> list[str]:
    """What the router sent where, and what it cost that quotes were old when its orders arrived."""
    if not result.routing:
        return []
    currency = result.instrument.currency
    head = f"  {'routed':<18}{'orders':>9}{'shares':>11}{'filled':>11}{'missed':>10}{'refused':>9}"
    lines = [head + f"{'quote age':>11}{'stale ' + currency:>13}"]
    for venue, record in result.routing.items():
        age = (
            _NONE
            if record.mean_quote_age_ns is None
            else format_duration(round(record.mean_quote_age_ns / 1e6) * MILLISECOND)
        )
        stale = to_decimal(record.stale_cost, currency)
        lines.append(
            f"  {venue:<18}{record.legs:>9,}{record.sent:>11,}{record.filled:>11,}{record.missed:>10,}{record.rejects:>9,}"
            f"{age:>11}{stale:>13,.2f}"
        )
    return lines


def _breaker(result: RunResult) -> list[str]:
    """When the circuit breaker changed its state, and why."""
    return [
        line
        for change in result.breaker
        for line in _entry("breaker", f"{_time(change.time_ns)} {change.after.name.lower()}: {change.reason}")
    ]


def _run(result: RunResult) -> list[str]:
    lines: list[str] = []
    if result.divergence:
        shares = [
            f"{int(result.divergence[name]):,} {meaning}" for name, meaning in _DIVERGENCE if name in result.divergence
        ]
        outside = result.divergence.get("time_outside_window")
        if outside is not None:
            shares.append(f"{_percent(outside)} of resting time outside the recorded levels")
        lines += _entry("divergence", f"from history, in shares: {', '.join(shares)}")
    for index, assumption in enumerate(result.assumptions):
        lines += _entry("" if index else "assumed", assumption)
    held = [name.replace("_", " ") for name, holds in result.invariants.items() if holds]
    lines += _entry("checked", ", ".join(held) if held else "nothing")
    seconds = ", ".join(f"{name} {duration:.2f} s" for name, duration in result.seconds.items())
    counts = f"{result.flow_messages:,} messages, {result.calendar_events:,} events"
    return lines + _entry("run", f"{counts}; {seconds}; journal {result.journal_digest[:16]}")


# --- words and figures ----------------------------------------------------------------------------


def _entry(label: str, text: str) -> list[str]:
    """A label and a text that goes on below itself."""
    return _wrapped(text, f"{label:<{_LABEL}}", " " * _LABEL)


def _wrapped(text: str, first: str = "  ", others: str = "  ") -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)


def _row(label: str, cells: Sequence[str]) -> str:
    return f"  {label:<17}" + "".join(f"{cell:>10}" for cell in cells)


def _bps(value: float | None) -> str:
    if value is None:
        return f"{_NONE:>10}"
    return f"{value:>10.2f}" if abs(value) < 10**5 else f"{value:>10.1e}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _time(nanoseconds: int) -> str:
    """Time of day to the millisecond."""
    return format_time_of_day(nanoseconds // MILLISECOND * MILLISECOND)


def _price(result: RunResult, price: Fraction) -> str:
    """To a hundredth of a tick."""
    return _rounded(price, result.instrument.tick / 100)


def _money(amount: Fraction | None, currency: str) -> str:
    if amount is None:
        return _NONE
    return f"{_rounded(amount, Decimal('0.01') if currency not in _FINE else Decimal('1e-8'))} {currency}"


_FINE: Final = ("BTC", "ETH")


def _rounded(value: Fraction, quantum: Decimal) -> str:
    decimals = max(0, -int(quantum.as_tuple().exponent))
    whole = round(value * 10**decimals)
    return f"{Decimal(whole).scaleb(-decimals):,}"


def _duration(nanoseconds: float) -> str:
    """To three digits, in the unit that suits it."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{_three_digits(nanoseconds / size)} {unit}"
    return f"{nanoseconds:.0f} ns"


def _three_digits(value: float) -> str:
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:,.{decimals}f}"
