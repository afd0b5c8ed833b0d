"""The ``execution:`` section of the execution module's specification, as configured.

``order_manager`` sets our order manager. ``market_simulation`` sets a venue *without* a book, where a model
decides the price and the cost of a fill; before a venue with a book it is accepted and not used, and the run
says so among its assumptions (``Scenario.unused``).
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import ClassVar

from attrs import field, frozen
from attrs.converters import optional

from simexec.sim.clock import DAY, HOUR, SECOND, format_duration
from simexec.trading.convert import (
    DURATION,
    NAME,
    FieldError,
    naming_fields,
    nearest,
    shown,
    to_decimal_from_zero,
    to_member,
    to_positive_count,
    to_positive_duration,
    to_text,
)


class ExecutionMode(Enum):
    """How the module runs. The specification's live trading has no place in a simulation."""

    BACKTEST_SINGLE = 0


def to_mode(value: ExecutionMode | str) -> ExecutionMode:
    """By name."""
    return to_member(ExecutionMode, value)


BROKERS = ("BacktestBrokerRefactored", "Broker")


def to_broker(value: str) -> str:
    """The name of a broker class; the specification's name and ours mean the same one."""
    name = to_text(value)
    if name not in BROKERS:
        raise FieldError(f"{shown(value)} is not a broker{nearest(name, BROKERS)}")
    return name


@frozen(kw_only=True, field_transformer=naming_fields)
class BrokerConfig:
    """Which broker; its links are the scenario's ``links``.

    Attributes:
        class_name: ``class`` in a file: ``BacktestBrokerRefactored`` or ``Broker``, which are the same.
    """

    class_name: str = field(default="Broker", converter=to_broker, metadata={"key": "class"})


@frozen(kw_only=True, field_transformer=naming_fields)
class FixedSlippage:
    """``{type: fixed, rate: 0.0005}``: every fill is worse than the market by the same fraction.

    Attributes:
        rate: fraction of the price.
    """

    type: ClassVar[str] = "fixed"
    rate: Decimal = field(converter=to_decimal_from_zero)


@frozen(kw_only=True, field_transformer=naming_fields)
class VolumeSlippage:
    """``{type: volume, base_impact: 0.0001}``: impact by the order's size against the volume.

    Attributes:
        base_impact: fraction of the price for an order as large as the volume.
    """

    type: ClassVar[str] = "volume"
    base_impact: Decimal = field(converter=to_decimal_from_zero)


SlippageConfig = FixedSlippage | VolumeSlippage


@frozen(kw_only=True, field_transformer=naming_fields)
class FixedCommission:
    """``{type: fixed, commission: 1.0}``: money a trade.

    Attributes:
        commission: money.
    """

    type: ClassVar[str] = "fixed"
    commission: Decimal = field(converter=to_decimal_from_zero)


@frozen(kw_only=True, field_transformer=naming_fields)
class PerShareCommission:
    """``{type: per_share, commission_per_share: 0.005, min_commission: 1.0}``.

    Attributes:
        commission_per_share: money a share.
        min_commission: least money a trade.
        max_commission: most money a trade, or None.
    """

    type: ClassVar[str] = "per_share"
    commission_per_share: Decimal = field(converter=to_decimal_from_zero)
    min_commission: Decimal = field(default=Decimal(0), converter=to_decimal_from_zero)
    max_commission: Decimal | None = field(default=None, converter=optional(to_decimal_from_zero))

    def __attrs_post_init__(self) -> None:
        if self.max_commission is not None and self.max_commission < self.min_commission:
            text = f"must not be below min_commission ({self.min_commission}), not {self.max_commission}"
            raise FieldError(text, ("max_commission",))


@frozen(kw_only=True, field_transformer=naming_fields)
class PercentCommission:
    """``{type: percent, rate: 0.001}``: a fraction of the trade's value.

    Attributes:
        rate: the fraction; 0.001 is 0.1 %.
    """

    type: ClassVar[str] = "percent"
    rate: Decimal = field(converter=to_decimal_from_zero)


@frozen(kw_only=True, field_transformer=naming_fields)
class CommissionTier:
    """One step of a tiered commission.

    Attributes:
        max_size: largest trade of the tier, in shares; None: no limit, which only the last tier may have.
        rate: commission of the tier.
    """

    max_size: int | None = field(converter=optional(to_positive_count))
    rate: Decimal = field(converter=to_decimal_from_zero)


@frozen(kw_only=True, field_transformer=naming_fields)
class TieredCommission:
    """``{type: tiered, tiers: [...]}``: the rate of the first tier that the trade's size fits.

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
        commission: what a fill costs.
    """

    slippage: SlippageConfig | None = field(default=None)
    commission: CommissionConfig | None = field(default=None)


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
        mode: ``BACKTEST_SINGLE``.
        broker: which broker.
        market_simulation: models of a venue without a book.
        order_manager: housekeeping.
    """

    mode: ExecutionMode = field(default=ExecutionMode.BACKTEST_SINGLE, converter=to_mode, metadata=NAME)
    broker: BrokerConfig = field(factory=BrokerConfig)
    market_simulation: MarketSimulationConfig = field(factory=MarketSimulationConfig)
    order_manager: OrderManagerConfig = field(factory=OrderManagerConfig)
