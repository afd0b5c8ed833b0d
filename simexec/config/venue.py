"""The venue, its rules and what goes wrong there, the links to it and what the run records, as configured."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import ClassVar, Final

from attrs import field, frozen
from attrs.converters import optional

from simexec.config.durations import DurationConfig, FeedLatencyConfig, constant, to_duration_model, to_feed_latency
from simexec.config.session import WindowConfig, check_window
from simexec.trading.convert import (
    DURATION,
    NAME,
    TIME_OF_DAY,
    FieldError,
    naming_fields,
    to_count,
    to_decimal,
    to_flag,
    to_member,
    to_positive_count,
    to_positive_decimal,
    to_positive_duration,
    to_positive_real,
    to_text,
    to_texts,
    to_time_of_day,
    write_time_of_day,
)
from simexec.trading.vocabulary import SelfTradePrevention

_DEPTH_LEVELS: Final = 20
"""The most that a book writes down (``market.layout.DEPTH_LEVELS``)."""


class HistoryMode(Enum):
    """Where the columns of quotes and trades go while the run lasts."""

    MEMORY = 0
    SPILL = 1
    OFF = 2


class Matching(Enum):
    """How a venue brings orders together."""

    PRICE_TIME = 0
    PRO_RATA = 1
    MIDPOINT = 2


class OverLimit(Enum):
    """What a throttle does with a message too many."""

    REJECT = 0
    QUEUE = 1


def to_matching(value: Matching | str) -> Matching:
    """By name."""
    return to_member(Matching, value)


def to_over_limit(value: OverLimit | str) -> OverLimit:
    """By name."""
    return to_member(OverLimit, value)


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
class BandConfig:
    """A price band: nothing trades further than ``percent`` from a reference; an order that would halts the instrument.

    Attributes:
        reference: the reference price while nothing has traded, in the instrument's currency.
        percent: above 0, below 100.
        halt: how long the instrument is halted, ns.
    """

    reference: Decimal = field(converter=to_positive_decimal)
    percent: Decimal = field(converter=to_positive_decimal)
    halt: int = field(default=300_000_000_000, converter=to_positive_duration, metadata=DURATION)

    def __attrs_post_init__(self) -> None:
        if self.percent >= 100:
            raise FieldError(f"must be below 100, not {self.percent}", ("percent",))


@frozen(kw_only=True, field_transformer=naming_fields)
class ThrottleConfig:
    """A limit on a participant's new orders and replaces; cancels do not count.

    Attributes:
        messages: how many in any time ``window``.
        window: its length, ns.
        action: ``reject`` or ``queue``: what happens to one more.
    """

    messages: int = field(converter=to_positive_count)
    window: int = field(default=1_000_000_000, converter=to_positive_duration, metadata=DURATION)
    action: OverLimit = field(default=OverLimit.REJECT, converter=to_over_limit, metadata=NAME)


@frozen(kw_only=True, field_transformer=naming_fields)
class OutageIncident:
    """``type: outage``: the venue does nothing at all; the lines stay up, and what arrives waits.

    Attributes:
        start: time of day, ns after local midnight; ``end`` likewise.
        cancel_orders: whether our resting orders are lost.
    """

    type: ClassVar[str] = "outage"
    start: int = field(converter=to_time_of_day, metadata=TIME_OF_DAY)
    end: int = field(converter=to_time_of_day, metadata=TIME_OF_DAY)
    cancel_orders: bool = field(default=False, converter=to_flag)

    def __attrs_post_init__(self) -> None:
        check_window(self.start, self.end)


@frozen(kw_only=True, field_transformer=naming_fields)
class SlowdownIncident:
    """``type: slowdown``: requests take longer to serve.

    Attributes:
        start: time of day, ns after local midnight; ``end`` likewise.
        factor: of the service times.
    """

    type: ClassVar[str] = "slowdown"
    start: int = field(converter=to_time_of_day, metadata=TIME_OF_DAY)
    end: int = field(converter=to_time_of_day, metadata=TIME_OF_DAY)
    factor: float = field(converter=to_positive_real)

    def __attrs_post_init__(self) -> None:
        check_window(self.start, self.end)


IncidentConfig = OutageIncident | SlowdownIncident


@frozen(kw_only=True, field_transformer=naming_fields)
class VenueConfig:
    """A simulated exchange.

    Attributes:
        name: its name; also part of the names of its random streams.
        gateway: the queue in front of the book.
        fees: what a fill costs.
        self_trade_prevention: ``off``, ``cancel_newest`` or ``cancel_oldest``.
        cancel_on_disconnect: whether the venue cancels our orders when our session drops.
        matching: ``price_time``, ``pro_rata``, or ``midpoint`` for a dark pool.
        pro_rata_minimum: pro-rata shares below it are nothing.
        reference: venues whose books a dark pool takes its price from; empty: all others that trade the symbol.
        band: outside which nothing trades; None: anywhere.
        throttle: limit of messages; None: no limit.
        incidents: what goes wrong, and when.
    """

    name: str = field(default="XNAS", converter=to_text)
    gateway: GatewayConfig = field(factory=GatewayConfig)
    fees: FeesConfig = field(factory=FeesConfig)
    self_trade_prevention: SelfTradePrevention = field(
        default=SelfTradePrevention.OFF, converter=to_prevention, metadata=NAME
    )
    cancel_on_disconnect: bool = field(default=True, converter=to_flag)
    matching: Matching = field(default=Matching.PRICE_TIME, converter=to_matching, metadata=NAME)
    pro_rata_minimum: int = field(default=1, converter=to_positive_count)
    reference: tuple[str, ...] = field(default=(), converter=to_texts, metadata={"dump": list})
    band: BandConfig | None = field(default=None)
    throttle: ThrottleConfig | None = field(default=None)
    incidents: tuple[IncidentConfig, ...] = field(default=())

    def __attrs_post_init__(self) -> None:
        if self.matching is Matching.MIDPOINT and self.band is not None:
            raise FieldError("a dark pool has none, its reference has one; leave it out", ("band",))
        if self.matching is not Matching.MIDPOINT and self.reference:
            raise FieldError(
                f"only a dark pool (matching: midpoint) has one, not {', '.join(self.reference)}", ("reference",)
            )
        ends: dict[type, int] = {}
        for index, incident in sorted(enumerate(self.incidents), key=lambda pair: pair[1].start):
            end = ends.get(type(incident), 0)
            if incident.start < end:
                text = f"{write_time_of_day(incident.start)} is before the end of another {incident.type}"
                raise FieldError(
                    f"{text} ({write_time_of_day(end)}); let it begin later", ("incidents", str(index), "start")
                )
            ends[type(incident)] = incident.end


@frozen(kw_only=True, field_transformer=naming_fields)
class LinksConfig:
    """Latencies between us and the venue, one way, and when the venue's feed fails.

    Orders and cancels share a wire: neither overtakes the other.

    Attributes:
        orders: of new orders and replaces, to the venue.
        cancels: of cancels, to the venue.
        reports: of execution reports, from the venue.
        market_data: of quotes and trades, from the venue.
        depth_levels: price levels a side that the feed shows beyond the best; 0: none.
        freezes: when nothing arrives from the feed; it comes at the end.
        outages: when what would arrive is lost.
    """

    orders: DurationConfig = field(factory=constant("250us"), converter=to_duration_model)
    cancels: DurationConfig = field(factory=constant("250us"), converter=to_duration_model)
    reports: DurationConfig = field(factory=constant("250us"), converter=to_duration_model)
    market_data: FeedLatencyConfig = field(factory=constant("250us"), converter=to_feed_latency)
    depth_levels: int = field(default=0, converter=to_count)
    freezes: tuple[WindowConfig, ...] = field(default=())
    outages: tuple[WindowConfig, ...] = field(default=())

    def __attrs_post_init__(self) -> None:
        if self.depth_levels > _DEPTH_LEVELS:
            raise FieldError(f"must be at most {_DEPTH_LEVELS}, not {self.depth_levels}", ("depth_levels",))


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
