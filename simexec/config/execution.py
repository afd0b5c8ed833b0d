"""The ``execution:`` section of the execution module's specification, as configured.

``order_manager`` sets our order manager. ``market_simulation`` sets a venue *without* a book, where a model
decides the price and the cost of a fill; before a venue with a book it is accepted and not used, and the run
says so among its assumptions (``Scenario.unused``). A model whose fields are left out has the specification's figures.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import ClassVar, Final

from attrs import field, frozen
from attrs.converters import optional

from simexec.config.brokers import check_broker
from simexec.execution.risk_limits import to_exact_fraction
from simexec.sim.clock import DAY, HOUR, SECOND, format_duration
from simexec.trading.convert import (
    DURATION,
    NAME,
    FieldError,
    naming_fields,
    shown,
    to_decimal_from_zero,
    to_flag,
    to_fraction,
    to_member,
    to_positive_count,
    to_positive_decimal,
    to_positive_duration,
    to_text,
)


class ExecutionMode(Enum):
    """How the module runs.

    BACKTEST_SINGLE: one run, single-threaded, in simulated time. BACKTEST_PARALLEL: replications of it, by several processes.
    OPTIMIZATION: many parameters, by several processes. LIVE_TRADING: in real time, with threads and locks.
    """

    BACKTEST_SINGLE = 0
    BACKTEST_PARALLEL = 1
    OPTIMIZATION = 2
    LIVE_TRADING = 3


SCENARIO_MODES: Final = (ExecutionMode.BACKTEST_SINGLE, ExecutionMode.BACKTEST_PARALLEL)
"""The modes of a scenario file."""

_FROM_PYTHON: Final = {
    ExecutionMode.OPTIMIZATION: "simexec.optimize(...)",
    ExecutionMode.LIVE_TRADING: 'simexec.create_execution_environment(mode="LIVE_TRADING", ...)',
}


def to_mode(value: ExecutionMode | str) -> ExecutionMode:
    """By name."""
    return to_member(ExecutionMode, value)


def to_broker(value: str) -> str:
    """The name of a broker: a built-in class, or one that an installed package offers."""
    name = to_text(value)
    check_broker(name)
    return name


def to_participation(value: Decimal | str | int | float) -> Decimal:
    """An exact fraction above 0, at most 1."""
    number = to_positive_decimal(value)
    if number > 1:
        raise FieldError(f"must be above 0 and at most 1, not {shown(value)}")
    return number


@frozen(kw_only=True, field_transformer=naming_fields)
class BrokerConfig:
    """Which broker; its links are the scenario's ``links``.

    Attributes:
        class_name: ``class`` in a file: ``Broker``, ``BacktestBroker`` or ``BacktestBrokerRefactored``, or the name by which an
            installed package offers another (``config.brokers``).
    """

    class_name: str = field(default="Broker", converter=to_broker, metadata={"key": "class"})


@frozen(kw_only=True, field_transformer=naming_fields)
class FixedSlippage:
    """``{type: fixed, rate: 0.0005}``: every fill is worse than the market by the same fraction.

    Attributes:
        rate: fraction of the price.
    """

    type: ClassVar[str] = "fixed"
    rate: Decimal = field(default=Decimal("0.0005"), converter=to_decimal_from_zero)


@frozen(kw_only=True, field_transformer=naming_fields)
class VolumeSlippage:
    """``{type: volume, base_impact: 0.0001}``: impact by the order's size against the volume.

    Attributes:
        base_impact: fraction of the price for an order as large as the volume.
    """

    type: ClassVar[str] = "volume"
    base_impact: Decimal = field(default=Decimal("0.0001"), converter=to_decimal_from_zero)


@frozen(kw_only=True, field_transformer=naming_fields)
class SquareRootSlippage:
    """``{type: square_root, coefficient: 1, volatility: 0.01}``: by the root of the order's size against the volume.

    Attributes:
        coefficient: of order 1.
        volatility: standard deviation of returns over the time in which the volume trades, as a fraction; an order as large as
            the volume is worse by it, times the coefficient.
    """

    type: ClassVar[str] = "square_root"
    coefficient: Decimal = field(default=Decimal(1), converter=to_decimal_from_zero)
    volatility: Decimal = field(default=Decimal("0.01"), converter=to_decimal_from_zero)


@frozen(kw_only=True, field_transformer=naming_fields)
class SpreadSlippage:
    """``{type: spread, fraction: 0.5, assumed_spread: 0.02}``: a fraction of the spread.

    Attributes:
        fraction: of the spread; 0.5 is from the middle to the far touch.
        assumed_spread: in the instrument's currency, where the data show no spread, as bars do not.
    """

    type: ClassVar[str] = "spread"
    fraction: Decimal = field(default=Decimal("0.5"), converter=to_decimal_from_zero)
    assumed_spread: Decimal = field(default=Decimal(0), converter=to_decimal_from_zero)


SlippageConfig = FixedSlippage | VolumeSlippage | SquareRootSlippage | SpreadSlippage


def check_bounds(least: Decimal, most: Decimal | None) -> None:
    """FieldError if a commission's most is below its least."""
    if most is not None and most < least:
        raise FieldError(f"must not be below min_commission ({least}), not {most}", ("max_commission",))


@frozen(kw_only=True, field_transformer=naming_fields)
class FixedCommission:
    """``{type: fixed, commission: 1.0}``: money an order.

    Attributes:
        commission: money an order that trades, in the instrument's currency.
    """

    type: ClassVar[str] = "fixed"
    commission: Decimal = field(default=Decimal("1.0"), converter=to_decimal_from_zero)


@frozen(kw_only=True, field_transformer=naming_fields)
class PerShareCommission:
    """``{type: per_share, commission_per_share: 0.005, min_commission: 1.0}``.

    Attributes:
        commission_per_share: money a share.
        min_commission: least money an order that trades.
        max_commission: most money an order; None: no such limit.
    """

    type: ClassVar[str] = "per_share"
    commission_per_share: Decimal = field(default=Decimal("0.005"), converter=to_decimal_from_zero)
    min_commission: Decimal = field(default=Decimal("1.0"), converter=to_decimal_from_zero)
    max_commission: Decimal | None = field(default=None, converter=optional(to_decimal_from_zero))

    def __attrs_post_init__(self) -> None:
        check_bounds(self.min_commission, self.max_commission)


@frozen(kw_only=True, field_transformer=naming_fields)
class PercentCommission:
    """``{type: percent, rate: 0.001}``: a fraction of the value that trades.

    Attributes:
        rate: the fraction, from 0 to 1; 0.001 is 0.1 %.
        min_commission: least money an order that trades.
        max_commission: most money an order; None: no such limit.
    """

    type: ClassVar[str] = "percent"
    rate: Decimal = field(default=Decimal("0.001"), converter=to_exact_fraction)
    min_commission: Decimal = field(default=Decimal(0), converter=to_decimal_from_zero)
    max_commission: Decimal | None = field(default=None, converter=optional(to_decimal_from_zero))

    def __attrs_post_init__(self) -> None:
        check_bounds(self.min_commission, self.max_commission)


@frozen(kw_only=True, field_transformer=naming_fields)
class CommissionTier:
    """One step of a tiered commission.

    Attributes:
        max_size: largest size of the tier, in shares; None: no limit, which only the last tier may have.
        rate: money an order of the tier.
    """

    max_size: int | None = field(converter=optional(to_positive_count))
    rate: Decimal = field(converter=to_decimal_from_zero)


@frozen(kw_only=True, field_transformer=naming_fields)
class TieredCommission:
    """``{type: tiered, tiers: [...]}``: the rate of the first tier that what has traded of an order fits.

    Attributes:
        tiers: by rising size; the last one without a limit.
    """

    type: ClassVar[str] = "tiered"
    tiers: tuple[CommissionTier, ...] = field()

    def __attrs_post_init__(self) -> None:
        if not self.tiers:
            raise FieldError("must hold at least one tier", ("tiers",))
        below = 0
        for index, tier in enumerate(self.tiers):
            path, last = ("tiers", str(index), "max_size"), index == len(self.tiers) - 1
            if last != (tier.max_size is None):
                text = "must be null in the last tier" if last else "may be null in the last tier only"
                raise FieldError(f"{text}, not {shown(tier.max_size)}", path)
            if tier.max_size is not None and tier.max_size <= below:
                raise FieldError(f"must be above the tier before ({below}), not {tier.max_size}", path)
            below = tier.max_size or 0


CommissionConfig = FixedCommission | PerShareCommission | PercentCommission | TieredCommission


@frozen(kw_only=True, field_transformer=naming_fields)
class MarketSimulationConfig:
    """Price and cost models of a venue without a book.

    Attributes:
        slippage: how much worse than the market a fill is.
        commission: what an order costs.
        participation: the most of a bar's volume, a quote's size or a trade's that is ours, above 0 and at most 1.
        touch_fill_probability: that trading at exactly an order's limit reached the order, from 0 to 1.
    """

    slippage: SlippageConfig | None = field(default=None)
    commission: CommissionConfig | None = field(default=None)
    participation: Decimal = field(default=Decimal(1), converter=to_participation)
    touch_fill_probability: float = field(default=0.0, converter=to_fraction)


@frozen(kw_only=True, field_transformer=naming_fields)
class OrderManagerConfig:
    """The order manager's housekeeping.

    Attributes:
        max_order_age: after which the manager asks for the cancellation of a working order, ns; None: never.
        cleanup_interval: how often it looks, ns.
    """

    max_order_age: int | None = field(default=DAY, converter=optional(to_positive_duration), metadata=DURATION)
    cleanup_interval: int = field(default=HOUR, converter=to_positive_duration, metadata=DURATION)

    def __attrs_post_init__(self) -> None:
        if self.cleanup_interval < SECOND:
            raise FieldError(
                f"must be at least 1s, not {format_duration(self.cleanup_interval)}", ("cleanup_interval",)
            )


@frozen(kw_only=True, field_transformer=naming_fields)
class ExecutionConfig:
    """The specification's ``execution:`` section.

    Attributes:
        mode: how the module runs; a scenario file has ``backtest_single`` or ``backtest_parallel``.
        broker: which broker.
        market_simulation: models of a venue without a book.
        order_manager: housekeeping.
        thread_safety: whether components take locks; None: as the mode needs it, which only live trading does.
    """

    mode: ExecutionMode = field(
        default=ExecutionMode.BACKTEST_SINGLE, converter=to_mode, metadata={**NAME, "choices": SCENARIO_MODES}
    )
    broker: BrokerConfig = field(factory=BrokerConfig)
    market_simulation: MarketSimulationConfig = field(factory=MarketSimulationConfig)
    order_manager: OrderManagerConfig = field(factory=OrderManagerConfig)
    thread_safety: bool | None = field(default=None, converter=optional(to_flag))

    @property
    def is_thread_safe(self) -> bool:
        """Whether components take locks, by ``thread_safety`` or else by the mode."""
        return self.mode is ExecutionMode.LIVE_TRADING if self.thread_safety is None else self.thread_safety


def check_scenario_mode(config: ExecutionConfig) -> None:
    """FieldError for a mode that does not run from a scenario, with where it runs from."""
    call = _FROM_PYTHON.get(config.mode)
    if call is not None:
        modes = " or ".join(mode.name for mode in SCENARIO_MODES)
        text = f"{config.mode.name} does not run from a scenario; call {call} from Python, or set {modes}"
        raise FieldError(text, ("execution", "mode"))
