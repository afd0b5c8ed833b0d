"""What is traded, when, and where the background's orders come from, as configured."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import ClassVar

from attrs import field, frozen
from attrs.converters import optional

from simexec.config.convert import (
    PATH,
    TIME_OF_DAY,
    FieldError,
    naming_fields,
    to_flag,
    to_path,
    to_positive_count,
    to_positive_decimal,
    to_positive_real,
    to_rate,
    to_rates,
    to_text,
    to_time_of_day,
    to_timezone,
    write_time_of_day,
)


@frozen(kw_only=True, field_transformer=naming_fields)
class InstrumentConfig:
    """The instrument of the run.

    Attributes:
        symbol: its name.
        tick: smallest step of a limit price, in ``currency``.
        lot: quantities are whole multiples of it, in shares or contracts.
        currency: code of the currency of its prices (linear) or of its multiplier (inverse).
        multiplier: value of one unit of price per contract (linear), or money per contract (inverse).
        inverse: whether a contract is worth ``multiplier / price`` rather than ``multiplier × price``.
    """

    symbol: str = field(converter=to_text)
    tick: Decimal = field(default=Decimal("0.01"), converter=to_positive_decimal)
    lot: int = field(default=1, converter=to_positive_count)
    currency: str = field(default="USD", converter=to_text)
    multiplier: Decimal = field(default=Decimal(1), converter=to_positive_decimal)
    inverse: bool = field(default=False, converter=to_flag)


@frozen(kw_only=True, field_transformer=naming_fields)
class SessionConfig:
    """The hours of continuous trading.

    Attributes:
        open: time of day, ns after local midnight.
        close: time of day, ns after local midnight; after ``open``.
        timezone: name of the zone of both, from the tz database.
    """

    open: int = field(default=to_time_of_day("09:30"), converter=to_time_of_day, metadata=TIME_OF_DAY)
    close: int = field(default=to_time_of_day("16:00"), converter=to_time_of_day, metadata=TIME_OF_DAY)
    timezone: str = field(default="America/New_York", converter=to_timezone)

    def __attrs_post_init__(self) -> None:
        if self.close <= self.open:
            opens, closes = write_time_of_day(self.open), write_time_of_day(self.close)
            raise FieldError(f"must be later than open ({opens}), not {closes}", ("close",))

    @property
    def length(self) -> int:
        """From open to close, ns."""
        return self.close - self.open


@frozen(kw_only=True, field_transformer=naming_fields)
class ConstantSize:
    """``{type: constant, quantity: 1}``: every order has this size.

    Attributes:
        quantity: size in lots.
    """

    type: ClassVar[str] = "constant"
    quantity: int = field(converter=to_positive_count)


@frozen(kw_only=True, field_transformer=naming_fields)
class GeometricSize:
    """``{type: geometric, mean: 4}``: sizes 1, 2, … with a constant ratio.

    Attributes:
        mean: mean size in lots, at least 1.
    """

    type: ClassVar[str] = "geometric"
    mean: float = field(converter=to_positive_real)

    def __attrs_post_init__(self) -> None:
        if self.mean < 1:
            raise FieldError(f"must be at least 1 lot, not {self.mean!r}", ("mean",))


@frozen(kw_only=True, field_transformer=naming_fields)
class LogNormalSize:
    """``{type: lognormal, median: 100, sigma: 0.8}``: rounded up to whole lots.

    Attributes:
        median: median size in lots.
        sigma: standard deviation of the logarithm.
    """

    type: ClassVar[str] = "lognormal"
    median: float = field(converter=to_positive_real)
    sigma: float = field(converter=to_positive_real)


SizeConfig = ConstantSize | GeometricSize | LogNormalSize


@frozen(kw_only=True, field_transformer=naming_fields)
class ZeroIntelligenceFlow:
    """``type: zero_intelligence``: independent Poisson streams of orders.

    After Smith, Farmer, Gillemot and Krishnamurthy (2003), "Statistical theory of the continuous double
    auction". The default rates are those that Cont, Stoikov and Talreja (2010), table 2, estimated for a
    liquid stock; they let the cancellation rate depend on the distance, here it is one number.

    Attributes:
        start_price: mid price at which the book is first filled, in the instrument's currency.
        limit_rates_per_s: limit orders a second and side, at 1, 2, … n ticks from the opposite best.
        cancel_rate_per_s: cancellations a second of each resting order: the inverse of its mean lifetime.
        market_rate_per_s: market orders a second and side.
        limit_size: sizes of limit orders, in lots.
        market_size: sizes of market orders, in lots.
    """

    type: ClassVar[str] = "zero_intelligence"
    start_price: Decimal = field(converter=to_positive_decimal)
    limit_rates_per_s: tuple[float, ...] = field(
        default=(1.85, 1.51, 1.09, 0.88, 0.77), converter=to_rates, metadata={"dump": list}
    )
    cancel_rate_per_s: float = field(default=0.65, converter=to_positive_real)
    market_rate_per_s: float = field(default=0.94, converter=to_rate)
    limit_size: SizeConfig = field(factory=lambda: ConstantSize(quantity=1))
    market_size: SizeConfig = field(factory=lambda: ConstantSize(quantity=1))


@frozen(kw_only=True, field_transformer=naming_fields)
class LobsterFlow:
    """``type: lobster``: a recorded day in LOBSTER's format, plain or gzipped, replayed message by message.

    Attributes:
        message_file: the message file; from a scenario file, relative to that file's folder. Date, symbol,
            hours and number of levels are in its name:
            ``AMZN_2012-06-21_34200000_57600000_message_5.csv.gz``.
        orderbook_file: the order book file of the same rows; None: the one beside it, by name.
    """

    type: ClassVar[str] = "lobster"
    message_file: Path = field(converter=to_path, metadata=PATH)
    orderbook_file: Path | None = field(default=None, converter=optional(to_path), metadata=PATH)


FlowConfig = ZeroIntelligenceFlow | LobsterFlow
