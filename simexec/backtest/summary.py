"""A finished backtest in words."""

from __future__ import annotations

from typing import Any

from simexec.backtest.results import BacktestResults


def _percent(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.2%}"


def _number(value: float) -> str:
    return "-" if value != value else f"{value:,.2f}"


def format_backtest(results: BacktestResults) -> str:
    """All figures with their meaning, the account, and what was assumed; a dash is what cannot be computed."""
    config, trips = results.config, results.round_trips
    currency, fall = config.currency, results.drawdown_dates
    lines = [
        f"backtest of {', '.join(config.symbols)}, {config.start:%Y-%m-%d %H:%M} to {config.end:%Y-%m-%d %H:%M} UTC",
        f"{results.rows:,} rows of data, {trips.fills:,} fills, {results.stats['metrics']['orders']:,} orders,"
        f" in {results.seconds:.2f} s",
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
        ("max drawdown", _percent(results.max_drawdown), _fall(fall)),
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


def _fall(dates: Any) -> str:
    if dates is None:
        return "equity never fell"
    peak, trough, recovery = dates
    text = f"{peak:%Y-%m-%d %H:%M} to {trough:%Y-%m-%d %H:%M}"
    return f"{text}, recovered {recovery:%Y-%m-%d %H:%M}" if recovery is not None else f"{text}, not recovered"
