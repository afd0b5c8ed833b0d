"""What a backtest has earned, how evenly, and by which trades; docs/performance.md defines every figure."""

from __future__ import annotations

import math
import operator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, SupportsIndex
from zoneinfo import ZoneInfo

import attrs
import numpy as np
import numpy.typing as npt

from simexec.backtest.config import BacktestConfig
from simexec.backtest.data import since_1970
from simexec.backtest.equity import EquityCurve, EquityStatistics
from simexec.backtest.performance import (
    Drawdown,
    annualised_return,
    calmar_ratio,
    max_drawdown,
    sharpe_ratio,
    sortino_ratio,
    turnover,
    volatility,
)
from simexec.backtest.round_trips import RoundTrip, RoundTripStatistics
from simexec.errors import InputError
from simexec.trading.events import Event
from simexec.trading.money import to_decimal, units_per
from simexec.trading.portfolio import PortfolioSnapshot
from simexec.trading.report import Fill


@attrs.frozen(eq=False, kw_only=True, repr=False)
class BacktestResults:
    """A finished backtest. Returns are those of days. A figure that cannot be computed is NaN, and None in ``figures``.

    Two clocks: ``times`` and ``times_ns`` of the equity curve count from 1970, as tables of data do; all else that has a time in
    ns, such as fills, trades, events and ``drawdown``, counts from ``epoch``, the run's own zero. ``time`` makes a moment of those.

    Attributes:
        config: what it depended on.
        epoch: when the run's clock was 0, in UTC.
        curve: equity after every row of data.
        account: equity, drawdown and exposure over all points.
        round_trips: figures of closed trades; ``trades`` the trades themselves, the latest ``config.history`` of them.
        fills: the latest ``config.history`` of them; ``events`` likewise.
        portfolio: the account at the end.
        stats: of the execution engine.
        rows: of data that the strategy was told, or that passed by.
        seconds: wall time of the run.
        assumptions: what was assumed, by name.
    """

    config: BacktestConfig
    epoch: datetime
    curve: EquityCurve
    account: EquityStatistics | None
    round_trips: RoundTripStatistics
    trades: tuple[RoundTrip, ...]
    fills: tuple[Fill, ...]
    events: tuple[Event, ...]
    portfolio: PortfolioSnapshot
    stats: dict[str, Any]
    rows: int
    seconds: float
    assumptions: dict[str, str]

    def __repr__(self) -> str:
        # NOTE: short, since asyncio.run on CPython 3.11 makes the repr of what its coroutine returned, four times.
        symbols = ", ".join(self.config.symbols)
        return f"<BacktestResults of {symbols}: total return {self.total_return:.2%}, {self.total_trades} trades>"

    # --- money -----------------------------------------------------------------------------------------------------------

    @property
    def initial_equity(self) -> Decimal:
        """Capital at the start."""
        return self.config.initial_capital

    @property
    def final_equity(self) -> Decimal:
        """Cash and positions at their last prices."""
        return to_decimal(self.portfolio.equity.get(self.config.currency, 0), self.config.currency)

    @property
    def total_return(self) -> float:
        """Final equity over the capital at the start, less 1."""
        return float(self.final_equity / self.initial_equity) - 1

    @property
    def fees(self) -> Decimal:
        """Commission and fees paid, rebates deducted."""
        return to_decimal(self.portfolio.fees.get(self.config.currency, 0), self.config.currency)

    # --- returns of days -------------------------------------------------------------------------------------------------

    @property
    def daily_returns(self) -> npt.NDArray[np.float64]:
        """Simple returns from close to close, the first from the start."""
        return self.curve.daily_returns()

    @property
    def annualised_return(self) -> float:
        """Compound return a year of ``config.periods_per_year`` days."""
        return _number(annualised_return(self.daily_returns, float(self.config.periods_per_year)))

    @property
    def volatility(self) -> float:
        """Standard deviation of daily returns, annualised."""
        return _number(volatility(self.daily_returns, float(self.config.periods_per_year)))

    @property
    def _daily_rate(self) -> float:
        return float((1 + self.config.risk_free_rate) ** (1 / self.config.periods_per_year) - 1)

    @property
    def sharpe_ratio(self) -> float:
        """Mean over standard deviation of daily returns above the risk-free rate, annualised."""
        return _number(sharpe_ratio(self.daily_returns, self._daily_rate, float(self.config.periods_per_year)))

    @property
    def sortino_ratio(self) -> float:
        """As Sharpe's, over the deviation of returns below the risk-free rate alone."""
        return _number(sortino_ratio(self.daily_returns, self._daily_rate, float(self.config.periods_per_year)))

    @property
    def calmar_ratio(self) -> float:
        """Annualised return over the deepest drawdown of daily returns."""
        return _number(calmar_ratio(self.daily_returns, float(self.config.periods_per_year)))

    @property
    def drawdown(self) -> Drawdown | None:
        """The deepest fall from a peak over all points, with its times; None if equity never fell."""
        return None if self.account is None else self.account.drawdown

    @property
    def max_drawdown(self) -> float:
        """Depth of that as a fraction, negative; 0.0 if equity never fell."""
        return 0.0 if self.drawdown is None else self.drawdown.depth or 0.0

    @property
    def max_drawdown_daily(self) -> float:
        """The same of daily closes alone, which Calmar's ratio uses; zero or negative."""
        return _number(max_drawdown(self.daily_returns))

    @property
    def drawdown_dates(self) -> tuple[datetime, datetime, datetime | None] | None:
        """Peak, trough and recovery (None if there was none) of the deepest drawdown, in the backtest's time zone."""
        fall = self.drawdown
        if fall is None:
            return None
        recovery = None if fall.recovery_ns is None else self.time(fall.recovery_ns)
        return self.time(fall.peak_ns), self.time(fall.trough_ns), recovery

    # --- trades ----------------------------------------------------------------------------------------------------------

    @property
    def total_trades(self) -> int:
        """Closed trades: from the opening of a position until it is flat again."""
        return self.round_trips.count

    @property
    def win_rate(self) -> float:
        """Closed trades with a profit after fees over all closed trades; NaN without any."""
        return _number(self.round_trips.win_rate)

    @property
    def profit_factor(self) -> float:
        """Profit of trades that won over the loss of those that lost; NaN if none lost."""
        return _number(self.round_trips.profit_factor)

    @property
    def turnover(self) -> float:
        """Half of all that was traded, purchases and sales, over mean equity."""
        mean = None if self.account is None else self.account.mean_equity
        return _number(None if mean is None else turnover(self.round_trips.traded_value, mean))

    @property
    def exposure(self) -> float:
        """Mean over time of the gross value of positions as a fraction of equity."""
        return _number(None if self.account is None else self.account.mean_exposure)

    # --- the curve -------------------------------------------------------------------------------------------------------

    @property
    def epoch_ns(self) -> int:
        """When the run's clock was 0, ns since 1970-01-01 UTC."""
        return since_1970(self.epoch)

    @property
    def times_ns(self) -> npt.NDArray[np.int64]:
        """Times of the equity curve, ns since 1970-01-01 UTC; less ``epoch_ns`` they are those of the run's clock."""
        return self.curve.times_ns + self.epoch_ns

    @property
    def times(self) -> npt.NDArray[np.datetime64]:
        """Times of the equity curve in UTC, as ``datetime64[ns]``."""
        return self.times_ns.astype("datetime64[ns]")

    @property
    def equity(self) -> npt.NDArray[np.float64]:
        """The equity curve in ``config.currency``."""
        return self.curve.equity / units_per(self.config.currency)

    def time(self, time_ns: SupportsIndex) -> datetime:
        """A time of the run's clock in the backtest's time zone, to the microsecond below.

        Args:
            time_ns: ns since ``epoch``, such as ``fill.time_ns`` or ``trade.entry_ns``; not of ``times_ns``, which count from 1970.

        Raises:
            InputError: it is no whole number.
        """
        try:
            whole_ns = operator.index(time_ns)
        except TypeError:
            raise InputError(
                f"time {time_ns!r} is not a whole number; give ns since the run's epoch, such as fill.time_ns"
            ) from None
        return (self.epoch + timedelta(microseconds=whole_ns // 1000)).astimezone(ZoneInfo(self.config.timezone))

    def figures(self) -> dict[str, Any]:
        """All figures by name, as numbers, texts, and None where there is no figure."""
        dates, orders = self.drawdown_dates, self.stats["metrics"]
        found: dict[str, Any] = {
            "initial_equity": float(self.initial_equity),
            "final_equity": float(self.final_equity),
            "total_return": self.total_return,
            "annualised_return": self.annualised_return,
            "volatility": self.volatility,
            "sharpe_ratio": self.sharpe_ratio,
            "sortino_ratio": self.sortino_ratio,
            "calmar_ratio": self.calmar_ratio,
            "max_drawdown": self.max_drawdown,
            "max_drawdown_daily": self.max_drawdown_daily,
            "drawdown_peak": None if dates is None else dates[0].isoformat(),
            "drawdown_trough": None if dates is None else dates[1].isoformat(),
            "drawdown_recovery": None if dates is None or dates[2] is None else dates[2].isoformat(),
            "total_trades": self.total_trades,
            "win_rate": self.win_rate,
            "profit_factor": self.profit_factor,
            "turnover": self.turnover,
            "exposure": self.exposure,
            "fees": float(self.fees),
            "fills": self.round_trips.fills,
            "orders": orders["orders"],
            "orders_rejected": orders["rejected"],
            "orders_expired": orders["expired"],
        }
        return {name: None if value != value else value for name, value in found.items()}


def _number(value: float | None) -> float:
    """A figure that formats like any other, also where there is none."""
    return math.nan if value is None else value
