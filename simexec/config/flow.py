"""Where the background's orders come from, as configured."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

from attrs import field, frozen
from attrs.converters import optional

from simexec.config.durations import DurationConfig, constant, to_duration_model
from simexec.trading.convert import (
    DURATION,
    PATH,
    TIME_OF_DAY,
    FieldError,
    naming_fields,
    to_path,
    to_positive_count,
    to_positive_decimal,
    to_positive_duration,
    to_positive_real,
    to_positive_reals,
    to_rate,
    to_rates,
    to_time_of_day,
    write_time_of_day,
)


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
class ActivityPoint:
    """How busy a market is at a time of day, against its mean; linear in between.

    Attributes:
        time: time of day, ns after local midnight.
        multiplier: from 0 up; the profile is scaled so that its mean from the first point to the last is 1.
    """

    time: int = field(converter=to_time_of_day, metadata=TIME_OF_DAY)
    multiplier: float = field(converter=to_rate)


def check_activity(points: tuple[ActivityPoint, ...]) -> None:
    """FieldError if points of an activity profile are no profile."""
    if len(points) == 1:
        raise FieldError("must have two points or more, or none", ("activity",))
    for index, (before, after) in enumerate(pairwise(points), start=1):
        if after.time <= before.time:
            text = f"must be later than the point before ({write_time_of_day(before.time)})"
            raise FieldError(f"{text}, not {write_time_of_day(after.time)}", ("activity", str(index), "time"))
    if points and not any(point.multiplier for point in points):
        raise FieldError("must have a multiplier above zero", ("activity",))


@frozen(kw_only=True, field_transformer=naming_fields)
class FundamentalConfig:
    """A value that knows nothing of the book: an Ornstein-Uhlenbeck process with jumps. Prices in the currency.

    Attributes:
        start_value: at the beginning of the flow.
        mean_value: towards which it reverts; None: ``start_value``.
        reversion_per_s: how fast; 0: not at all.
        volatility: money per square root of a second.
        jump_rate_per_s: jumps a second; ``jump_deviation`` their standard deviation, money.
        step: time between two looks at the process, ns.
    """

    start_value: Decimal = field(converter=to_positive_decimal)
    mean_value: Decimal | None = field(default=None, converter=optional(to_positive_decimal))
    reversion_per_s: float = field(default=0.0, converter=to_rate)
    volatility: float = field(converter=to_rate)
    jump_rate_per_s: float = field(default=0.0, converter=to_rate)
    jump_deviation: float = field(default=0.0, converter=to_rate)
    step: int = field(default=100_000_000, converter=to_positive_duration, metadata=DURATION)


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
        activity: how busy the market is through the day; none: always the same.
        fundamental: what informed orders know; None: there are none.
        informed_rate_per_s: informed orders a second, both sides together.
        informed_size: their sizes, in lots.
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
    activity: tuple[ActivityPoint, ...] = field(default=())
    fundamental: FundamentalConfig | None = field(default=None)
    informed_rate_per_s: float = field(default=0.0, converter=to_rate)
    informed_size: SizeConfig = field(factory=lambda: ConstantSize(quantity=1))

    def __attrs_post_init__(self) -> None:
        check_activity(self.activity)
        if (self.fundamental is None) != (self.informed_rate_per_s == 0):
            text = "informed orders need both a fundamental and an informed_rate_per_s above zero, or neither"
            raise FieldError(text, ("informed_rate_per_s",))


@frozen(kw_only=True, field_transformer=naming_fields)
class ContStoikovTalrejaFlow:
    """``type: cont_stoikov_talreja``: Poisson streams of orders of one size, cancelled at rates by their distance.

    After Cont, Stoikov and Talreja (2010), "A stochastic model for order book dynamics", whose table 2 has the default rates.

    Attributes:
        start_price: best bid around which the book is first filled, in the instrument's currency.
        limit_rates_per_s: limit orders a second and side, at 1, 2, … n ticks from the opposite best.
        cancel_rates_per_s: cancellations a second of each order at 1, 2, … ticks; beyond, the last.
        market_rate_per_s: market orders a second and side.
        size: of every order, in lots.
        activity: how busy the market is through the day; cancels are not scaled.
    """

    type: ClassVar[str] = "cont_stoikov_talreja"
    start_price: Decimal = field(converter=to_positive_decimal)
    limit_rates_per_s: tuple[float, ...] = field(
        default=(1.85, 1.51, 1.09, 0.88, 0.77), converter=to_rates, metadata={"dump": list}
    )
    cancel_rates_per_s: tuple[float, ...] = field(
        default=(0.71, 0.81, 0.68, 0.56, 0.47), converter=to_positive_reals, metadata={"dump": list}
    )
    market_rate_per_s: float = field(default=0.94, converter=to_rate)
    size: int = field(default=1, converter=to_positive_count)
    activity: tuple[ActivityPoint, ...] = field(default=())

    def __attrs_post_init__(self) -> None:
        check_activity(self.activity)


@frozen(kw_only=True, field_transformer=naming_fields)
class LobsterFlow:
    """``type: lobster``: a recorded day in LOBSTER's format, plain or gzipped, replayed message by message.

    Attributes:
        message_file: the message file; from a scenario file, relative to that file's folder. Date, symbol,
            hours and number of levels are in its name:
            ``AMZN_2012-06-21_34200000_57600000_message_5.csv.gz``.
        orderbook_file: the order book file of the same rows; None: the one beside it, by name.
        switch: time of day from which ``then`` takes the recording's place, ns after local midnight.
        then: the model that does.
    """

    type: ClassVar[str] = "lobster"
    message_file: Path = field(converter=to_path, metadata=PATH)
    orderbook_file: Path | None = field(default=None, converter=optional(to_path), metadata=PATH)
    switch: int | None = field(default=None, converter=optional(to_time_of_day), metadata=TIME_OF_DAY)
    then: ZeroIntelligenceFlow | None = field(default=None)

    def __attrs_post_init__(self) -> None:
        check_switch(self.switch, self.then)


@frozen(kw_only=True, field_transformer=naming_fields)
class DatabentoFlow:
    """``type: databento``: order by order, from Databento's MBO files in DBN.

    Attributes:
        file: ``.dbn`` or ``.dbn.zst``; the instrument's symbol chooses from several.
        switch: time of day from which ``then`` takes the recording's place, ns after local midnight.
        then: the model that does.
    """

    type: ClassVar[str] = "databento"
    file: Path = field(converter=to_path, metadata=PATH)
    switch: int | None = field(default=None, converter=optional(to_time_of_day), metadata=TIME_OF_DAY)
    then: ZeroIntelligenceFlow | None = field(default=None)

    def __attrs_post_init__(self) -> None:
        check_switch(self.switch, self.then)


@frozen(kw_only=True, field_transformer=naming_fields)
class HftbacktestFlow:
    """``type: hftbacktest``: order by order, from hftbacktest's ``.npz`` files, which name no symbol.

    Attributes:
        file: the ``.npz`` file.
        unit: sizes in the file are counted in it, such as 0.001.
        switch: time of day from which ``then`` takes the recording's place, ns after local midnight.
        then: the model that does.
    """

    type: ClassVar[str] = "hftbacktest"
    file: Path = field(converter=to_path, metadata=PATH)
    unit: Decimal = field(default=Decimal(1), converter=to_positive_decimal)
    switch: int | None = field(default=None, converter=optional(to_time_of_day), metadata=TIME_OF_DAY)
    then: ZeroIntelligenceFlow | None = field(default=None)

    def __attrs_post_init__(self) -> None:
        check_switch(self.switch, self.then)


def check_switch(switch: int | None, then: ZeroIntelligenceFlow | None) -> None:
    """FieldError if a recording has one of the two without the other."""
    if (switch is None) != (then is None):
        missing = "switch" if switch is None else "then"
        raise FieldError("switch and then need one another; give both or neither", (missing,))


@frozen(kw_only=True, field_transformer=naming_fields)
class DarkFlow:
    """``type: dark``: hidden orders that wait in a dark pool, with Poisson arrivals.

    Attributes:
        buy_rate_per_s: orders to buy a second; ``sell_rate_per_s`` likewise.
        size: in lots.
        lifetime: how long an order waits before its owner takes it out.
    """

    type: ClassVar[str] = "dark"
    buy_rate_per_s: float = field(default=1.0, converter=to_rate)
    sell_rate_per_s: float = field(default=1.0, converter=to_rate)
    size: SizeConfig = field(factory=lambda: ConstantSize(quantity=1))
    lifetime: DurationConfig = field(factory=constant("1m"), converter=to_duration_model)


RecordedFlowConfig = LobsterFlow | DatabentoFlow | HftbacktestFlow
FlowConfig = ZeroIntelligenceFlow | ContStoikovTalrejaFlow | LobsterFlow | DatabentoFlow | HftbacktestFlow | DarkFlow
