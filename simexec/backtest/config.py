"""What a backtest depends on, beside its strategy and its data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import wraps
from typing import Any, SupportsIndex
from zoneinfo import ZoneInfo

import attrs
from attrs import field, frozen
from attrs.converters import optional

from simexec.config.execution import ExecutionMode, to_mode, to_participation
from simexec.config.structure import check_names
from simexec.errors import InputError
from simexec.execution.breaker_limits import BreakerLimits
from simexec.execution.broker import Latencies
from simexec.execution.risk_limits import RiskLimits, to_exact_fraction
from simexec.execution.sizing import Sizing
from simexec.models.commission import CommissionModel, PercentCommissionModel
from simexec.models.fees import MakerTakerFees
from simexec.models.impact import ImpactModel
from simexec.models.slippage import FixedSlippageModel, SlippageModel
from simexec.sim.clock import HOUR, Duration
from simexec.trading.convert import (
    FieldError,
    naming_fields,
    shown,
    to_count,
    to_decimal_from_zero,
    to_fraction,
    to_positive_count,
    to_positive_decimal,
    to_positive_duration,
    to_text,
    to_timezone,
)
from simexec.trading.instrument import Instrument
from simexec.trading.money import to_units, units_per
from simexec.venue.market_simulator import MarketSimulator

_TICK = Decimal("0.01")
_MOST_UNITS = 2**62
_YEARS = range(1970, 2201)  # which calendars know, and in which nanoseconds since 1970 fit 64 bits


def _symbols(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise FieldError(f"must be a list of names such as ['AAPL'], not {shown(value)}")
    symbols = tuple(to_text(symbol) for symbol in value)
    if not symbols or len(set(symbols)) != len(symbols):
        raise FieldError(f"must name at least one instrument, and each once, not {shown(list(symbols))}")
    return symbols


def _instruments(value: Iterable[Instrument]) -> tuple[Instrument, ...]:
    if isinstance(value, Instrument) or not isinstance(value, Iterable):
        raise FieldError(f"must be a list such as [Instrument('ES', '0.25', multiplier=50)], not {shown(value)}")
    instruments = tuple(value)
    for one in instruments:
        if not isinstance(one, Instrument):
            raise FieldError(f"must hold Instruments only, not {shown(one)}")
    return instruments


def _moment(value: Any) -> datetime:
    example = "'2023-01-31' or '2023-01-31T09:30'"
    moment = value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise FieldError(f"must be a date such as {example}, not {shown(value)}") from None
    elif isinstance(value, date) and not isinstance(value, datetime):
        moment = datetime.combine(value, time())
    if not isinstance(moment, datetime):
        raise FieldError(f"must be a datetime, a date, or a text such as {example}, not {shown(value)}")
    if moment.year not in _YEARS:
        raise FieldError(f"must be between {_YEARS[0]} and {_YEARS[-1]}, not {shown(value)}")
    return moment


def _fraction(value: Any, method: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise FieldError(f"must be a fraction such as 0.001, or a model with a method {method}, not {shown(value)}")
    return to_exact_fraction(value)


def _check_instance(value: object) -> None:
    if isinstance(value, type):
        raise FieldError(f"must be a model, not the class {value.__name__}; give {value.__name__}(...)")


def _commission(value: Any) -> Any:
    """A fraction of the value, or a model."""
    _check_instance(value)
    if value is None or hasattr(value, "commission"):
        return value
    rate = _fraction(value, "commission(...)")
    return PercentCommissionModel(rate) if rate else None


def _slippage(value: Any) -> Any:
    """A fraction of the price, or a model."""
    _check_instance(value)
    if value is None or hasattr(value, "calculate_slippage"):
        return value
    rate = _fraction(value, "calculate_slippage(...)")
    return FixedSlippageModel(float(rate)) if rate else None


class _Nanoseconds(int):
    """A duration that had its unit: ``attrs.evolve`` brings it again."""


def has_unit(value: Any, name: str = "") -> Any:
    """A duration as it was given.

    Raises:
        FieldError: a bare number: nobody who writes 5 means five nanoseconds.
    """
    bare = isinstance(value, SupportsIndex) and not isinstance(value, bool | _Nanoseconds)
    if bare and value != 0:
        raise FieldError(f"{shown(value)} has no unit; write '{shown(value)}m' for minutes", (name,) if name else ())
    return value


def _duration(value: Duration) -> int:
    return _Nanoseconds(to_positive_duration(has_unit(value)))


def _points(value: int) -> int:
    count = to_positive_count(value)
    if count < 2:
        raise FieldError(f"must be at least 2, the first and the last, not {shown(value)}")
    return count


def _of(kind: type) -> Any:
    """An attrs validator: None, or one of a class."""

    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value is not None and not isinstance(value, kind):
            raise FieldError(f"must be {kind.__name__}(...) or None, not {shown(value)}", (attribute.name,))

    return check


def _with(method: str) -> Any:
    """An attrs validator: None, or an object with a method."""

    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        try:
            _check_instance(value)
        except FieldError as error:
            raise error.within(attribute.name) from None
        if value is not None and not callable(getattr(value, method, None)):
            raise FieldError(f"must be None or have a method {method}(...), not {shown(value)}", (attribute.name,))

    return check


@frozen(kw_only=True, field_transformer=naming_fields)
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
        calendar: of the exchange, such as ``"XNYS"`` (extra ``calendars``): orders trade in its sessions, between them they are
            taken for the next one, and DAY orders expire at its close. None or ``"24/7"``: always open, and DAY orders expire at
            the end of the backtest.
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
    impact: ImpactModel | None = field(default=None, validator=_with("lasting"))
    fees: MakerTakerFees | None = field(default=None, validator=_of(MakerTakerFees))
    participation: Decimal = field(default=Decimal(1), converter=to_participation)
    touch_fill_probability: float = field(default=0.0, converter=to_fraction)
    latencies: Latencies | None = field(default=None, validator=_of(Latencies))
    currency: str = field(default="USD", converter=to_text)
    timezone: str = field(default="UTC", converter=to_timezone)
    calendar: str | None = field(default=None, converter=optional(to_text))
    instruments: tuple[Instrument, ...] = field(default=(), converter=_instruments)
    limits: RiskLimits | None = field(default=None, validator=_of(RiskLimits))
    sizing: Sizing | None = field(default=None, validator=_with("quantity"))
    circuit_breaker: BreakerLimits | None = field(default=None, validator=_of(BreakerLimits))
    seed: int = field(default=0, converter=to_count)
    periods_per_year: Decimal = field(default=Decimal(252), converter=to_positive_decimal)
    risk_free_rate: Decimal = field(default=Decimal(0), converter=to_decimal_from_zero)
    history: int | None = field(default=100_000, converter=optional(_points))
    lookback: int = field(default=256, converter=to_positive_count)
    max_order_age: int | None = field(default=None, converter=optional(_duration))
    cleanup_interval: int = field(default=_Nanoseconds(HOUR), converter=_duration)
    mode: ExecutionMode = field(default=ExecutionMode.BACKTEST_SINGLE, converter=to_mode)

    def __attrs_post_init__(self) -> None:
        if self.end <= self.start:
            raise FieldError(f"{self.end_date} is not after start_date {self.start_date}; swap them", ("end_date",))
        names = [one.symbol for one in self.instruments]
        for symbol in names:
            if symbol not in self.symbols or names.count(symbol) > 1:
                text = f"{symbol!r} is not among the symbols {list(self.symbols)}, or there twice"
                raise FieldError(text, ("instruments",))
        for one in self.traded.values():
            if one.currency != self.currency:
                text = f"{one.symbol} is traded in {one.currency}, and the account is in {self.currency}; make them the same"
                raise FieldError(text, ("instruments",))
        if self.mode is ExecutionMode.LIVE_TRADING:
            text = "LIVE_TRADING is no backtest; use create_execution_environment(mode='LIVE_TRADING', ...)"
            raise FieldError(text, ("mode",))
        self._check_money()
        self.simulator()  # which checks models of our own classes

    def _check_money(self) -> None:
        """FieldError if the capital, or amounts of money of a model, do not fit the currency's units."""
        try:
            units = to_units(self.initial_capital, self.currency)
        except InputError as error:
            raise FieldError(str(error), ("initial_capital",)) from None
        if units > _MOST_UNITS:
            raise FieldError(f"{self.initial_capital} {self.currency} is too large to be counted", ("initial_capital",))
        for name, model in (("commission", self.commission), ("fees", self.fees)):
            of_model = getattr(model, "currency", self.currency)
            bare_rate = isinstance(model, PercentCommissionModel) and model == PercentCommissionModel(model.rate)
            if not bare_rate and units_per(of_model) != units_per(self.currency):
                text = f"its amounts are in {of_model}, and the account is in {self.currency}; give it currency={self.currency!r}"
                raise FieldError(text, (name,))

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
        # A model may remember, and a run must not see another's; copied together, since they may know each other.
        slippage, commission, impact = deepcopy((self.slippage, self.commission, self.impact))
        return MarketSimulator(
            slippage_model=slippage,
            commission_model=commission,
            impact_model=impact,
            fees=self.fees,
            participation=self.participation,
            touch_fill_probability=self.touch_fill_probability,
        )

    def with_(self, **fields: Any) -> BacktestConfig:
        """A configuration like this one but for some fields.

        Raises:
            InputError: as for a new one.
        """
        return attrs.evolve(self, **fields)


def _refusing_unknown_names(make: Callable[..., None]) -> Callable[..., None]:
    """An ``__init__`` that says what is wrong with a name, as the converters do with a value."""

    @wraps(make)
    def init(self: BacktestConfig, *values: Any, **fields: Any) -> None:
        check_names(BacktestConfig, fields)
        for one in attrs.fields(BacktestConfig):
            if one.default is attrs.NOTHING and one.name not in fields and not values:
                raise FieldError("this field is required, and missing", (one.name,))
        make(self, *values, **fields)

    return init


BacktestConfig.__init__ = _refusing_unknown_names(BacktestConfig.__init__)  # type: ignore[method-assign]
