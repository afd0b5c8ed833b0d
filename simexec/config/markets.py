"""The markets of a scenario: the one where the order is worked, and others on the same calendar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final, TypeAlias

from attrs import field, frozen

from simexec.config.durations import RecordedDuration
from simexec.config.flow import (
    ContStoikovTalrejaFlow,
    DarkFlow,
    DatabentoFlow,
    FlowConfig,
    HftbacktestFlow,
    RecordedFlowConfig,
    ZeroIntelligenceFlow,
)
from simexec.config.session import InstrumentConfig, SessionConfig
from simexec.config.venue import LinksConfig, Matching, VenueConfig
from simexec.trading.convert import FieldError, naming_fields, nearest

if TYPE_CHECKING:
    from simexec.config.scenario import Scenario

FieldPath: TypeAlias = tuple[str, ...]

_OF_THE_GATEWAY: Final = ("gateway", "self_trade_prevention", "cancel_on_disconnect", "throttle", "incidents")


@frozen(kw_only=True, field_transformer=naming_fields)
class OtherMarketConfig:
    """One more market on the run's calendar. What is left out is that of the top level.

    Attributes:
        venue: the exchange; the name of one that is there already lists one more instrument behind its gateway.
        flow: where the background's orders come from.
        instrument: what is traded.
        session: hours of trading.
        links: latencies to and from the venue.
    """

    venue: VenueConfig = field()
    flow: FlowConfig = field()
    instrument: InstrumentConfig | None = field(default=None)
    session: SessionConfig | None = field(default=None)
    links: LinksConfig | None = field(default=None)


@frozen
class MarketSettings:
    """One market with everything filled in.

    Attributes:
        name: in the simulation: that of the venue, and for its second and later instruments the symbol behind it.
        path: of its fields in the scenario: empty, or ``("markets", "0")``.
        first: whether it is its venue's first, to which the gateway and the lines belong.
    """

    name: str
    path: FieldPath
    first: bool
    venue: VenueConfig
    instrument: InstrumentConfig
    session: SessionConfig
    flow: FlowConfig
    links: LinksConfig

    @property
    def is_dark(self) -> bool:
        """Whether it is a dark pool."""
        return self.venue.matching is Matching.MIDPOINT


def markets_of(scenario: Scenario) -> tuple[MarketSettings, ...]:
    """All markets, that of the order first."""
    name = scenario.venue.name
    found = [
        MarketSettings(
            name, (), True, scenario.venue, scenario.instrument, scenario.session, scenario.flow, scenario.links
        )
    ]
    for index, other in enumerate(scenario.markets):
        instrument = other.instrument or scenario.instrument
        host = next((one for one in found if one.venue.name == other.venue.name), None)
        name = other.venue.name if host is None else f"{other.venue.name}.{instrument.symbol}"
        session = other.session or (scenario if host is None else host).session
        links = other.links or (scenario if host is None else host).links
        path = ("markets", str(index))
        found.append(MarketSettings(name, path, host is None, other.venue, instrument, session, other.flow, links))
    return tuple(found)


def prices_of(market: MarketSettings) -> Iterator[tuple[FieldPath, Decimal]]:
    """Prices in a market's fields that must be whole ticks, with their paths."""
    flow = market.flow
    if isinstance(flow, (ZeroIntelligenceFlow, ContStoikovTalrejaFlow)):
        yield (*market.path, "flow", "start_price"), flow.start_price
    elif isinstance(flow, RecordedFlowConfig) and flow.then is not None:
        yield (*market.path, "flow", "then", "start_price"), flow.then.start_price
    if market.venue.band is not None:
        yield (*market.path, "venue", "band", "reference"), market.venue.band.reference


def check_price(instrument: InstrumentConfig, path: FieldPath, price: Decimal) -> None:
    """FieldError if a price is not a whole number of ticks."""
    # By fractions, since Decimal's own quotient is rounded.
    if (Fraction(price) / Fraction(instrument.tick)).denominator != 1:
        raise FieldError(f"{price} is not a multiple of {instrument.symbol}'s tick {instrument.tick}", path)


def check_markets(scenario: Scenario) -> None:
    """FieldError if markets contradict one another."""
    markets = markets_of(scenario)
    if markets[0].is_dark:
        raise FieldError(
            "an order is worked where there are quotes; make the dark pool one of the other markets",
            ("venue", "matching"),
        )
    for number, market in enumerate(markets):
        before = markets[:number]
        for path, price in prices_of(market):
            check_price(market.instrument, path, price)
        _check_kind(market, before)
        for other in before:
            if market.instrument.symbol == other.instrument.symbol:
                _check_same_symbol(market, other)
        if number:
            other_config = scenario.markets[number - 1]
            if not market.first:
                _check_listing(other_config, market)
            if market.session.timezone != scenario.session.timezone:
                text = f"must be that of the whole run, {scenario.session.timezone!r}, not {market.session.timezone!r}"
                raise FieldError(text, (*market.path, "session", "timezone"))


def _check_same_symbol(market: MarketSettings, other: MarketSettings) -> None:
    symbol = market.instrument.symbol
    if market.venue.name == other.venue.name:
        text = f"{other.venue.name} trades {symbol} already; name another venue, or another instrument"
        raise FieldError(text, (*market.path, "venue", "name"))
    if market.instrument != other.instrument:
        raise FieldError(
            f"{symbol} is another instrument at {other.venue.name}; leave it out", (*market.path, "instrument")
        )


def _check_listing(config: OtherMarketConfig, market: MarketSettings) -> None:
    """One more instrument has no gateway, hours and lines of its own."""
    why = f"belongs to {market.venue.name}, whose first market has it; leave it out here"
    plain = VenueConfig()
    for name in _OF_THE_GATEWAY:
        if getattr(config.venue, name) != getattr(plain, name):
            raise FieldError(why, (*market.path, "venue", name))
    for name in ("session", "links"):
        if getattr(config, name) is not None:
            raise FieldError(why, (*market.path, name))


def _check_kind(market: MarketSettings, before: Sequence[MarketSettings]) -> None:
    """A dark pool has a dark flow and lit books to take its price from; other markets have neither."""
    flow = market.flow
    path = (*market.path, "flow", "type")
    if market.is_dark and not isinstance(flow, DarkFlow):
        raise FieldError(f"a dark pool's must be dark, not {flow.type}", path)
    if isinstance(flow, DarkFlow) and not market.is_dark:
        raise FieldError("dark is for dark pools (venue.matching: midpoint) alone; choose another", path)
    recorded = isinstance(market.links.market_data, RecordedDuration)
    if recorded and not market.is_dark and not isinstance(flow, (DatabentoFlow, HftbacktestFlow)):
        text = f"a flow of type {flow.type} has no recorded arrival times; give a duration"
        raise FieldError(text, (*market.path, "links", "market_data"))
    if market.is_dark:
        symbol = market.instrument.symbol
        lit = {one.venue.name for one in before if not one.is_dark and one.instrument.symbol == symbol}
        if not lit:
            raise FieldError(
                f"no lit market before it trades {symbol}, whose mid-point the pool needs",
                (*market.path, "venue", "matching"),
            )
        for index, name in enumerate(market.venue.reference):
            if name not in lit:
                text = f"{name!r} is not a lit venue before it that trades {symbol}{nearest(name, lit)}"
                raise FieldError(text, (*market.path, "venue", "reference", str(index)))
