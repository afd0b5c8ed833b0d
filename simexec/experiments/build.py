"""From a scenario to live components."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

import attrs

from simexec.config.durations import RecordedDuration
from simexec.config.flow import DatabentoFlow, HftbacktestFlow, LobsterFlow
from simexec.config.markets import MarketSettings
from simexec.config.scenario import Scenario
from simexec.config.session import SessionConfig
from simexec.config.venue import FeesConfig, HistoryMode, LinksConfig, Matching, OutageIncident, VenueConfig
from simexec.errors import ConfigError
from simexec.execution import (
    Broker,
    ExecutionCircuitBreaker,
    Journal,
    Latencies,
    OrderManager,
    RiskPortfolioContainer,
    SmartOrderRouter,
)
from simexec.execution.route import Place
from simexec.experiments.flows import dark_flow_of, duration_model, flow_of
from simexec.market.arrivals import RecordedLatency
from simexec.market.consolidated import ConsolidatedView
from simexec.market.dbn import read_dbn
from simexec.market.lobster import read_lobster
from simexec.market.market import Market
from simexec.market.midpoint import MidpointMarket, best_of
from simexec.market.npz import read_npz
from simexec.market.recording import Recording
from simexec.market.records import Recorded
from simexec.market.view import MarketView
from simexec.models.fees import MakerTakerFees
from simexec.sim import Simulation
from simexec.trading.convert import write_time_of_day
from simexec.trading.instrument import Instrument
from simexec.trading.portfolio import Portfolio
from simexec.venue import Halt, Outage, PriceBand, Slowdown, Throttle, ThrottleAction, TradingHours, Venue

_MOST_DEFECTS: Final = 0.01
"""Share of a recording's rows that may have to be repaired before the recording is refused."""

Recordings: TypeAlias = Sequence[Recording | None]
"""What ``load_recordings`` read: one of each market, in the scenario's order; None of one that is not recorded."""


@attrs.frozen(eq=False)
class ListedMarket:
    """One market of a run.

    Attributes:
        settings: its part of the scenario.
        view: what we see of it; None of a dark pool, which shows nothing.
    """

    settings: MarketSettings
    venue: Venue
    instrument: Instrument
    hours: TradingHours
    recording: Recording | None
    market: Market | MidpointMarket
    view: MarketView | None


@attrs.frozen(eq=False)
class World:
    """The live components of one run.

    Attributes:
        markets: all of them, that of the order first; ``instrument``, ``hours``, ``recording``, ``market``, ``venue`` and
            ``view`` are those of the first.
        best_views: what we see of each instrument; see ``view_of``.
        risk, breaker, router: where the scenario has them.
    """

    sim: Simulation
    instrument: Instrument
    hours: TradingHours
    recording: Recording | None
    market: Market
    venue: Venue
    broker: Broker
    portfolio: Portfolio
    manager: OrderManager
    view: MarketView
    journal: Journal
    markets: tuple[ListedMarket, ...]
    best_views: Mapping[str, MarketView | ConsolidatedView]
    risk: RiskPortfolioContainer | None
    breaker: ExecutionCircuitBreaker | None
    router: SmartOrderRouter | None

    def view_of(self, symbol: str) -> MarketView | ConsolidatedView:
        """What we see of an instrument: at its only lit market, or the best over all of them."""
        return self.best_views[symbol]

    @property
    def views(self) -> Mapping[str, MarketView]:
        """What we see of each market that shows anything, by its name: the venue's, or ``VENUE.SYMBOL`` of a further instrument."""
        return {one.settings.name: one.view for one in self.markets if one.view is not None}


def load_recordings(scenario: Scenario) -> Recordings:
    """Read the scenario's data files; the same recordings serve any number of replications.

    Raises:
        DataError: a file cannot be read.
        ConfigError: it is not that of the instrument, the date or the session, or too much of it had to be repaired.
    """
    found: list[Recording | None] = []
    date = scenario.date
    for market in scenario.all_markets():
        recording = _read(market)
        found.append(recording)
        if recording is not None:
            _check_recording(recording, market, date)
            date = recording.date
    return tuple(found)


def _read(market: MarketSettings) -> Recording | None:
    flow, instrument = market.flow, market.instrument
    if isinstance(flow, LobsterFlow):
        return read_lobster(flow.message_file, flow.orderbook_file)
    if isinstance(flow, DatabentoFlow):
        return read_dbn(flow.file, instrument=instrument.symbol, tick=instrument.tick, timezone=market.session.timezone)
    if isinstance(flow, HftbacktestFlow):
        return read_npz(
            flow.file, tick=instrument.tick, lot=flow.unit, symbol=instrument.symbol, timezone=market.session.timezone
        )
    return None


def _check_recording(recording: Recording, market: MarketSettings, date: dt.date | None) -> None:
    prefix = "".join(f"{name}." for name in market.path)
    symbol, session = market.instrument.symbol, market.session
    if recording.symbol != symbol:
        raise ConfigError(
            f"{prefix}instrument.symbol {symbol!r} is not that of the data, {recording.symbol!r}; set one to the other"
        )
    if date is not None and date != recording.date:
        raise ConfigError(f"date {date} is not that of the data, {recording.date}; leave it out or set it to that")
    first = int(recording.row_times[min(recording.facts.get("snapshot_rows", 0), recording.rows - 1)])
    if recording.end_ns < session.first or first >= session.close:
        hours = f"{write_time_of_day(session.first)} to {write_time_of_day(session.close)} {session.timezone}"
        span = " to ".join(str(dt.timedelta(seconds=ns // 10**9)) for ns in (first, recording.end_ns))
        raise ConfigError(
            f"{recording.source}: spans {span}, and {prefix}session {hours}; set session.open, session.close and session.timezone"
        )
    mismatched = sum(recording.defects.values())
    if mismatched > recording.rows * _MOST_DEFECTS:
        raise ConfigError(
            f"{recording.source}: {mismatched:,} of {recording.rows:,} rows had to be repaired; is it damaged, or another day's or"
            " part's? simexec data check names the lines"
        )


def build(scenario: Scenario, recordings: Recordings | None = None, replication: int = 0) -> World:
    """Make the components of a run. ``recordings`` is what ``load_recordings`` returned for the scenario; None: read now."""
    if recordings is None:
        recordings = load_recordings(scenario)
    date = next((one.date for one in recordings if one is not None), None) or scenario.date or dt.date(2000, 1, 3)
    midnight = dt.datetime.combine(date, dt.time(), ZoneInfo(scenario.session.timezone))
    sim = Simulation(seed=scenario.seed, replication=replication, epoch=midnight.astimezone(dt.UTC))
    broker = Broker(sim)
    markets: list[ListedMarket] = []
    for settings, recording in zip(scenario.all_markets(), recordings, strict=True):
        markets.append(list_market(sim, broker, settings, recording, markets, scenario.recording.history))
    first = markets[0]
    assert isinstance(first.market, Market)  # as the scenario has checked
    assert first.view is not None
    journal, currency = Journal(), first.instrument.currency
    instruments = list({one.instrument.symbol: one.instrument for one in markets}.values())
    breaker = None if scenario.circuit_breaker is None else ExecutionCircuitBreaker(scenario.circuit_breaker, sim=sim)
    seen = _best_views(markets)
    account = _account(scenario, instruments, seen)
    risk = None if scenario.risk is None else account
    portfolio = account.get_portfolio_state()
    manager_config = scenario.execution.order_manager
    manager = OrderManager(
        broker,
        portfolio,
        instruments,
        max_order_age=manager_config.max_order_age,
        cleanup_interval=manager_config.cleanup_interval,
        journal=journal,
        guards=[guard for guard in (breaker, risk) if guard is not None],
        sim=sim,
    )
    if breaker is not None:
        views = {one.settings.name: one.view for one in markets if one.view is not None}
        breaker.attach(manager, account, views, currency)  # which marks positions at what is seen
    router = None
    if scenario.router is not None:
        router = SmartOrderRouter(manager, broker, _places(markets), scenario.router, sim=sim)
    return World(
        sim,
        first.instrument,
        first.hours,
        first.recording,
        first.market,
        first.venue,
        broker,
        portfolio,
        manager,
        first.view,
        journal,
        tuple(markets),
        seen,
        risk,
        breaker,
        router,
    )


def _account(
    scenario: Scenario, instruments: Sequence[Instrument], seen: Mapping[str, MarketView | ConsolidatedView]
) -> RiskPortfolioContainer:
    """The account, with its limits if there are any; prices and volumes are those that are seen from here."""
    return RiskPortfolioContainer(
        scenario.initial_cash,
        instruments[0].currency,
        limits=scenario.risk,
        prices=lambda instrument: seen[instrument.symbol].quote(),
        volumes=lambda instrument: seen[instrument.symbol].traded_quantity(),
        instruments=instruments,
    )


def _best_views(markets: Sequence[ListedMarket]) -> dict[str, MarketView | ConsolidatedView]:
    """What is seen of each symbol: at its only lit market, or the best over all of them."""
    views: dict[str, list[MarketView]] = {}
    for one in markets:
        if one.view is not None:
            views.setdefault(one.instrument.symbol, []).append(one.view)
    return {symbol: found[0] if len(found) == 1 else ConsolidatedView(found) for symbol, found in views.items()}


def _places(markets: Sequence[ListedMarket]) -> dict[str, dict[str, Place]]:
    """Where orders may be routed, by symbol and venue."""
    places: dict[str, dict[str, Place]] = {}
    for one in markets:
        place = Place(one.view, _fees(one.settings.venue.fees, one.instrument), dark=one.settings.is_dark)
        places.setdefault(one.instrument.symbol, {})[one.venue.name] = place
    return places


def list_market(
    sim: Simulation,
    broker: Broker,
    settings: MarketSettings,
    recording: Recording | None,
    others: Sequence[ListedMarket],
    history: HistoryMode,
) -> ListedMarket:
    """A market, its venue or a place behind the one that is there already, and our line and view.

    Args:
        sim: the simulation.
        broker: gets the line.
        settings: of the market.
        recording: what its flow replays, if it does.
        others: the markets that are there already.
        history: what it keeps of quotes and trades.
    """
    config = settings.instrument
    instrument = next((one.instrument for one in others if one.instrument.symbol == config.symbol), None) or Instrument(
        config.symbol, config.tick, config.lot, config.currency, config.multiplier, config.inverse
    )
    market: Market | MidpointMarket
    if settings.is_dark:
        market = _dark_pool(sim, settings, instrument, others)
    else:
        market = _lit_market(sim, settings, instrument, recording, history)
    if settings.first:
        hours = hours_of(settings.session)
        venue = _venue(sim, settings.venue, instrument, market, hours)
        links = settings.links
        broker.connect(
            venue, Latencies(duration_model(links.orders), duration_model(links.cancels), duration_model(links.reports))
        )
    else:
        host = next(one for one in others if one.venue.name == settings.venue.name)
        hours, venue = host.hours, host.venue
        fees = settings.venue.fees
        venue.list(
            instrument,
            market,
            None if fees == FeesConfig() else _fees(fees, instrument),
            band=_band(settings.venue, instrument),
            matching=_matching(settings.venue),
            pro_rata_minimum=settings.venue.pro_rata_minimum,
        )
    view = None if isinstance(market, MidpointMarket) else _view(sim, market, settings.links, recording)
    return ListedMarket(settings, venue, instrument, hours, recording, market, view)


def hours_of(session: SessionConfig) -> TradingHours:
    """A session as a venue keeps it."""
    halts = tuple(Halt(halt.start, halt.end) for halt in session.halts)
    return TradingHours(session.open, session.close, session.pre_open, halts)


def _lit_market(
    sim: Simulation, settings: MarketSettings, instrument: Instrument, recording: Recording | None, history: HistoryMode
) -> Market:
    keep = history is not HistoryMode.OFF
    spill = Path(tempfile.mkdtemp(prefix="simexec-")) if history is HistoryMode.SPILL else None
    flow = flow_of(settings, instrument, recording, sim.rng)
    market = Market(settings.name, flow, record=Recorded(quotes=keep, prints=keep, queues=keep, spill=spill))
    if spill is not None:  # columns that are mapped from the folder stay readable without its name
        weakref.finalize(market.book, shutil.rmtree, spill, ignore_errors=True)
    return market


def _dark_pool(
    sim: Simulation, settings: MarketSettings, instrument: Instrument, others: Sequence[ListedMarket]
) -> MidpointMarket:
    named = settings.venue.reference
    books = [
        one.market.book
        for one in others
        if isinstance(one.market, Market)
        and one.instrument.symbol == instrument.symbol
        and (not named or one.venue.name in named)
    ]
    return MidpointMarket(settings.name, best_of(*books), dark_flow_of(settings, instrument, sim.rng))


def _venue(
    sim: Simulation, config: VenueConfig, instrument: Instrument, market: Market | MidpointMarket, hours: TradingHours
) -> Venue:
    gateway, throttle = config.gateway, config.throttle
    return Venue(
        sim,
        config.name,
        instrument,
        market,
        hours,
        service=duration_model(gateway.service),
        servers=gateway.servers,
        capacity=gateway.capacity,
        priority=gateway.priority,
        fees=_fees(config.fees, instrument),
        self_trade_prevention=config.self_trade_prevention,
        cancel_on_disconnect=config.cancel_on_disconnect,
        throttle=None
        if throttle is None
        else Throttle(throttle.messages, throttle.window, ThrottleAction[throttle.action.name]),
        incidents=[
            Outage(one.start, one.end, one.cancel_orders)
            if isinstance(one, OutageIncident)
            else Slowdown(one.start, one.end, one.factor)
            for one in config.incidents
        ],
        band=_band(config, instrument),
        matching=_matching(config),
        pro_rata_minimum=config.pro_rata_minimum,
    )


def _fees(config: FeesConfig, instrument: Instrument) -> MakerTakerFees:
    return MakerTakerFees(
        config.maker_per_share, config.taker_per_share, config.maker_bps, config.taker_bps, currency=instrument.currency
    )


def _band(config: VenueConfig, instrument: Instrument) -> PriceBand | None:
    band = config.band
    return None if band is None else PriceBand(instrument.to_ticks(band.reference), band.percent, band.halt)


def _matching(config: VenueConfig) -> str:
    """A dark pool's market brings its own rule with it."""
    return "pro_rata" if config.matching is Matching.PRO_RATA else "price_time"


def _view(sim: Simulation, market: Market, links: LinksConfig, recording: Recording | None) -> MarketView:
    if isinstance(links.market_data, RecordedDuration):
        assert recording is not None  # as the scenario has checked
        view = MarketView(sim, market, RecordedLatency(recording), depth_levels=links.depth_levels)
    else:
        view = MarketView(sim, market, duration_model(links.market_data), depth_levels=links.depth_levels)
    for window in links.freezes:
        view.freeze(window.start, window.end)
    for window in links.outages:
        view.outage(window.start, window.end)
    return view
