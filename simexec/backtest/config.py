"""What a backtest depends on, beside its strategy and its data."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import attrs
from attrs import field, frozen
from attrs.converters import optional

from simexec.config.execution import ExecutionMode, to_mode
from simexec.errors import InputError
from simexec.execution.breaker_limits import BreakerLimits
from simexec.execution.broker import Latencies
from simexec.execution.risk_limits import RiskLimits
from simexec.execution.sizing import Sizing
from simexec.models.commission import CommissionModel, PercentCommissionModel
from simexec.models.fees import MakerTakerFees
from simexec.models.impact import ImpactModel
from simexec.models.slippage import FixedSlippageModel, SlippageModel
from simexec.sim.clock import HOUR, parse_duration
from simexec.trading.convert import (
    to_count,
    to_decimal_from_zero,
    to_positive_count,
    to_positive_decimal,
    to_text,
    to_timezone,
)
from simexec.trading.instrument import Instrument
from simexec.trading.money import parse_decimal
from simexec.venue.market_simulator import MarketSimulator

_TICK = Decimal("0.01")


def _symbols(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        raise InputError(f"symbols {value!r} must be a list, such as [{value!r}]")
    symbols = tuple(to_text(symbol) for symbol in value)
    if not symbols or len(set(symbols)) != len(symbols):
        raise InputError(f"symbols {list(symbols)} must name at least one instrument, and each once")
    return symbols


def _moment(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise InputError(
                f"date {value!r} is not understood; write it like '2023-01-31' or '2023-01-31T09:30'"
            ) from None
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    raise InputError(f"date {value!r} is no date; give a datetime, a date, or a text such as '2023-01-31'")


def _commission(value: Any) -> Any:
    """A fraction of the value, or a model."""
    if value is None or hasattr(value, "commission"):
        return value
    rate = parse_decimal(value, "commission")
    return PercentCommissionModel(rate) if rate else None


def _slippage(value: Any) -> Any:
    """A fraction of the price, or a model."""
    if value is None or hasattr(value, "calculate_slippage"):
        return value
    rate = parse_decimal(value, "slippage")
    return FixedSlippageModel(float(rate)) if rate else None


@frozen(kw_only=True)
class BacktestConfig:
    """What a backtest depends on; immutable, ``attrs.evolve`` derives another.

    Attributes:
        start_date: first moment. Without a time zone it is one of ``timezone``.
        end_date: last moment, not included; but one at midnight is a date, and that whole day is included.
        symbols: what is traded.
        initial_capital: cash at the start, in ``currency``.
        commission: a fraction of the value of a trade, or a commission model.
        slippage: a fraction of the price, or a slippage model. Where there is an order book, the book decides instead.
        impact: what our own trades do to prices; where there is an order book, that decides.
        fees: what a venue without a book charges for a trade.
        participation: the most of a bar's volume or quote's size that is ours, above 0 up to 1.
        touch_fill_probability: that trading at exactly an order's limit reaches it, where only bars or trades are known.
        latencies: of the lines to venues without a book; None: none.
        currency: of the account; all instruments must have it.
        timezone: of dates, days and logs.
        calendar: of the exchange, such as ``"XNYS"`` (extra ``calendars``): orders are taken and trade in its sessions, and DAY
            orders expire at their closes. None: always open, and DAY orders expire at the end of the backtest.
        instruments: of those symbols that have not a tick of 0.01, a lot of 1, and a multiplier of 1.
        limits: of risk; None: an account that pays in full, and sells what it has.
        sizing: how large an order a signal becomes; None: the strategy sends no signals.
        circuit_breaker: when everything is cancelled and refused; None: never.
        seed: root of every random stream.
        periods_per_year: of daily returns, for annualised figures.
        risk_free_rate: a year, for Sharpe and Sortino ratios.
        history: most points of the equity curve, trades, fills and events that are kept; None: all. Figures count all of them.
        lookback: bars of each symbol that ``Trader.bars`` can show.
        max_order_age: age at which an order is asked to cancel, a duration; None: never.
        cleanup_interval: how long ended orders are known, a duration.
        mode: how it runs: BACKTEST_SINGLE, or by ``run_many`` and ``optimize`` as BACKTEST_PARALLEL and OPTIMIZATION.

    Raises:
        InputError: a field that makes no sense, or two that contradict each other.
    """

    start_date: datetime = field(converter=_moment)
    end_date: datetime = field(converter=_moment)
    symbols: tuple[str, ...] = field(converter=_symbols)
    initial_capital: Decimal = field(default=Decimal(100_000), converter=to_positive_decimal)
    commission: CommissionModel | None = field(default=None, converter=_commission)
    slippage: SlippageModel | None = field(default=None, converter=_slippage)
    impact: ImpactModel | None = None
    fees: MakerTakerFees | None = None
    participation: Decimal = field(default=Decimal(1), converter=to_positive_decimal)
    touch_fill_probability: float = 0.0
    latencies: Latencies | None = None
    currency: str = field(default="USD", converter=to_text)
    timezone: str = field(default="UTC", converter=to_timezone)
    calendar: str | None = field(default=None, converter=optional(to_text))
    instruments: tuple[Instrument, ...] = field(default=(), converter=tuple)
    limits: RiskLimits | None = None
    sizing: Sizing | None = None
    circuit_breaker: BreakerLimits | None = None
    seed: int = field(default=0, converter=to_count)
    periods_per_year: Decimal = field(default=Decimal(252), converter=to_positive_decimal)
    risk_free_rate: Decimal = field(default=Decimal(0), converter=to_decimal_from_zero)
    history: int | None = field(default=100_000, converter=optional(to_positive_count))
    lookback: int = field(default=256, converter=to_positive_count)
    max_order_age: int | None = field(default=None, converter=optional(parse_duration))
    cleanup_interval: int = field(default=HOUR, converter=parse_duration)
    mode: ExecutionMode = field(default=ExecutionMode.BACKTEST_SINGLE, converter=to_mode)

    def __attrs_post_init__(self) -> None:
        if self.end <= self.start:
            raise InputError(f"end_date {self.end_date} is not after start_date {self.start_date}; swap them")
        names = [one.symbol for one in self.instruments]
        for symbol in names:
            if symbol not in self.symbols or names.count(symbol) > 1:
                raise InputError(f"instrument {symbol!r} is not among the symbols {list(self.symbols)}, or there twice")
        for one in self.traded.values():
            if one.currency != self.currency:
                raise InputError(f"{one.symbol} is traded in {one.currency}, and the account is in {self.currency}")
        if self.mode is ExecutionMode.LIVE_TRADING:
            raise InputError(
                "mode LIVE_TRADING is no backtest; use create_execution_environment(mode='LIVE_TRADING', ...)"
            )
        self.simulator()  # which checks its own fields

    def _aware(self, moment: datetime) -> datetime:
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=self.zone)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.timezone)

    @property
    def start(self) -> datetime:
        """First moment, in UTC."""
        return self._aware(self.start_date).astimezone(UTC)

    @property
    def end(self) -> datetime:
        """First moment that no longer belongs to it, in UTC."""
        last = self._aware(self.end_date)
        if last.time() == time():
            last = self._aware((self.end_date + timedelta(days=1)).replace(tzinfo=self.end_date.tzinfo))
        return last.astimezone(UTC)

    @property
    def epoch(self) -> datetime:
        """Midnight of the first day in ``timezone``: when the clock of a run of its own is 0."""
        first = self.start.astimezone(self.zone)
        return datetime.combine(first.date(), time(), self.zone).astimezone(UTC)

    @property
    def traded(self) -> dict[str, Instrument]:
        """Instruments by symbol, in the order of the symbols."""
        special = {one.symbol: one for one in self.instruments}
        return {
            symbol: special.get(symbol) or Instrument(symbol, _TICK, currency=self.currency) for symbol in self.symbols
        }

    def simulator(self) -> MarketSimulator:
        """What venues without a book make of the data, with models of its own; InputError if a field of it is wrong."""
        return MarketSimulator(
            slippage_model=deepcopy(self.slippage),  # a model may remember, and a run must not see another's
            commission_model=deepcopy(self.commission),
            impact_model=deepcopy(self.impact),
            fees=self.fees,
            participation=self.participation,
            touch_fill_probability=self.touch_fill_probability,
        )

    def with_(self, **fields: Any) -> BacktestConfig:
        """A configuration like this one but for some fields."""
        return attrs.evolve(self, **fields)
