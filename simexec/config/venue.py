"""The venue, the links to it and what the run records, as configured."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

from attrs import field, frozen
from attrs.converters import optional

from simexec.config.convert import (
    NAME,
    FieldError,
    naming_fields,
    to_decimal,
    to_flag,
    to_member,
    to_positive_count,
    to_text,
)
from simexec.config.durations import DurationConfig, constant, to_duration_model
from simexec.trading.vocabulary import SelfTradePrevention


class HistoryMode(Enum):
    """Where the columns of quotes and trades go while the run lasts."""

    MEMORY = 0
    SPILL = 1
    OFF = 2


def to_prevention(value: SelfTradePrevention | str) -> SelfTradePrevention:
    """By name."""
    return to_member(SelfTradePrevention, value)


def to_history(value: HistoryMode | str) -> HistoryMode:
    """By name."""
    return to_member(HistoryMode, value)


@frozen(kw_only=True, field_transformer=naming_fields)
class GatewayConfig:
    """The queue in front of the book: a station that every request passes.

    Attributes:
        servers: how many requests are in service at once.
        service: time that one request takes.
        capacity: most requests in the gateway, those in service included; one more is rejected.
            None: no limit.
        priority: whether cancels are served before orders that wait (never interrupting one in service).
    """

    servers: int = field(default=1, converter=to_positive_count)
    service: DurationConfig = field(factory=constant("20us"), converter=to_duration_model)
    capacity: int | None = field(default=None, converter=optional(to_positive_count))
    priority: bool = field(default=False, converter=to_flag)

    def __attrs_post_init__(self) -> None:
        if self.capacity is not None and self.capacity < self.servers:
            raise FieldError(f"must be at least the {self.servers} servers, not {self.capacity}", ("capacity",))


@frozen(kw_only=True, field_transformer=naming_fields)
class FeesConfig:
    """The venue's fees; positive is a cost, negative a rebate; all four add up.

    Attributes:
        maker_per_share: for a fill that added liquidity, money a share.
        taker_per_share: for a fill that took liquidity, money a share.
        maker_bps: for a fill that added liquidity, basis points of its value.
        taker_bps: for a fill that took liquidity, basis points of its value.
    """

    maker_per_share: Decimal = field(default=Decimal(0), converter=to_decimal)
    taker_per_share: Decimal = field(default=Decimal(0), converter=to_decimal)
    maker_bps: Decimal = field(default=Decimal(0), converter=to_decimal)
    taker_bps: Decimal = field(default=Decimal(0), converter=to_decimal)


@frozen(kw_only=True, field_transformer=naming_fields)
class VenueConfig:
    """The simulated exchange.

    Attributes:
        name: its name; also part of the names of its random streams.
        gateway: the queue in front of the book.
        fees: what a fill costs.
        self_trade_prevention: ``off``, ``cancel_newest`` or ``cancel_oldest``.
        cancel_on_disconnect: whether the venue cancels our orders when our session drops.
    """

    name: str = field(default="XNAS", converter=to_text)
    gateway: GatewayConfig = field(factory=GatewayConfig)
    fees: FeesConfig = field(factory=FeesConfig)
    self_trade_prevention: SelfTradePrevention = field(
        default=SelfTradePrevention.OFF, converter=to_prevention, metadata=NAME
    )
    cancel_on_disconnect: bool = field(default=True, converter=to_flag)


@frozen(kw_only=True, field_transformer=naming_fields)
class LinksConfig:
    """Latencies between us and the venue, one way.

    Orders and cancels share a wire: neither overtakes the other.

    Attributes:
        orders: of new orders and replaces, to the venue.
        cancels: of cancels, to the venue.
        reports: of execution reports, from the venue.
        market_data: of quotes, from the venue.
    """

    orders: DurationConfig = field(factory=constant("250us"), converter=to_duration_model)
    cancels: DurationConfig = field(factory=constant("250us"), converter=to_duration_model)
    reports: DurationConfig = field(factory=constant("250us"), converter=to_duration_model)
    market_data: DurationConfig = field(factory=constant("250us"), converter=to_duration_model)


@frozen(kw_only=True, field_transformer=naming_fields)
class RecordingConfig:
    """What the run keeps. What is off costs nothing, and is missing from the run folder and the analysis.

    Attributes:
        history: quotes and trades ``memory`` (kept), ``spill`` (kept on disk) or ``off``.
        quotes: whether the run folder gets ``quotes.parquet``; without a history it never does.
        journal: whether the run folder gets ``journal.parquet``. The journal's digest is made either way.
    """

    history: HistoryMode = field(default=HistoryMode.MEMORY, converter=to_history, metadata=NAME)
    quotes: bool = field(default=True, converter=to_flag)
    journal: bool = field(default=True, converter=to_flag)
