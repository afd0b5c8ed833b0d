"""A finished backtest in words."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from simexec.backtest.results import BacktestResults
from simexec.trading.events import EventType
from simexec.trading.report import ExecType

_MOST_REASONS: Final = 3
_ENDS: Final = {"rejected": ExecType.REJECTED, "expired": ExecType.EXPIRED}


def _percent(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.2%}"


def _number(value: float) -> str:
    return "-" if value != value else f"{value:,.2f}"


def format_backtest(results: BacktestResults) -> str:
    """All figures with their meaning, the account, and what was assumed; a dash is what cannot be computed."""
    config, trips = results.config, results.round_trips
    currency, fall = config.currency, results.drawdown_dates
    begin, end = config.start.astimezone(config.zone), config.end.astimezone(config.zone)
    lines = [
        f"backtest of {', '.join(config.symbols)}, {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} {config.timezone}",
        f"{results.rows:,} rows of data, {trips.fills:,} fills, in {results.seconds:.2f} s",
        *_orders(results),
        "",
        f"equity        {_number(float(results.initial_equity))} to {_number(float(results.final_equity))} {currency},"
        f" of which fees {_number(float(results.fees))}",
    ]
    rows: list[tuple[str, str, str]] = [
        ("total return", _percent(results.total_return), "final over initial equity, less 1"),
        ("annualised", _percent(results.annualised_return), f"compound, {config.periods_per_year} days a year"),
        ("volatility", _percent(results.volatility), "of daily returns, annualised"),
        ("Sharpe", _number(results.sharpe_ratio), f"above {_percent(float(config.risk_free_rate))} a year"),
        ("Sortino", _number(results.sortino_ratio), "as Sharpe, by downside deviation"),
        ("Calmar", _number(results.calmar_ratio), "annualised return over the deepest daily drawdown"),
        ("max drawdown", _percent(results.max_drawdown), _fall(fall, config.timezone)),
        ("exposure", _percent(results.exposure), "mean gross value of positions over equity"),
        ("turnover", _number(results.turnover), "half of all that was traded, over mean equity"),
        ("trades", f"{results.total_trades:,}", "from the opening of a position until it is flat"),
        ("win rate", _percent(trips.win_rate), "of closed trades, after fees"),
        ("profit factor", _number(results.profit_factor), "gross profit over gross loss"),
    ]
    lines += [f"  {name:<14}{value:>12}   {meaning}" for name, value, meaning in rows]
    lines += ["", "assumed"]
    lines += [f"  {name:<14}{text}" for name, text in results.assumptions.items()]
    return "\n".join(lines)


def _fall(dates: Any, timezone: str) -> str:
    if dates is None:
        return "equity never fell"
    peak, trough, recovery = dates
    text = f"{peak:%Y-%m-%d %H:%M} to {trough:%Y-%m-%d %H:%M}"
    end = f"recovered {recovery:%Y-%m-%d %H:%M}" if recovery is not None else "not recovered"
    return f"{text}, {end}, {timezone}"


def _orders(results: BacktestResults) -> list[str]:
    """What became of orders, and of signals that were refused; with the most frequent reasons among the events that are kept."""
    metrics = results.stats["metrics"]
    reasons: dict[Any, Counter[str]] = {kind: Counter() for kind in (*_ENDS.values(), None)}
    for event in results.events:
        kind = event.data.get("exec_type")
        if (kind is not None or event.type is EventType.REJECT) and kind in reasons:
            reasons[kind][_reason(str(event.data.get("reason") or ""))] += 1
    ends = []
    for name in ("filled", "cancelled", "rejected", "expired", "working"):
        if metrics[name]:
            why = reasons[_ENDS[name]] if name in _ENDS else Counter()
            ends.append(f"{metrics[name]:,} {name}{_frequent(why, metrics[name])}")
    lines = [f"orders {metrics['orders']:,}{': ' if ends else ''}{', '.join(ends)}"]
    signals = reasons[None]
    if signals:
        least = "at least " if len(results.events) == results.config.history else ""
        lines.append(f"signals refused {least}{signals.total():,}{_frequent(signals, signals.total())}")
    return lines


def _frequent(reasons: Counter[str], count: int) -> str:
    """The most frequent reasons of ``count`` orders, or of those whose events are kept."""
    named = [(reason, times) for reason, times in reasons.most_common() if reason][:_MOST_REASONS]
    if not named:
        return ""
    text = ", ".join(f"{reason} {times:,}" for reason, times in named)
    seen = reasons.total()
    left = seen - sum(times for _, times in named)
    before = f"of the latest {seen:,}: " if seen < count else ""
    return f" ({before}{text}, others {left:,})" if left else f" ({before}{text})"


def _reason(text: str) -> str:
    """The rule of a refusal without its numbers, such as ``allow_short`` of ``allow_short: a sell of 10 ...``."""
    rule, colon, _ = text.partition(": ")
    return rule if colon and len(rule) <= 30 else text if len(text) <= 60 else f"{text[:59]}…"
