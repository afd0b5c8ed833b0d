"""From a scenario to live components."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import attrs

from simexec.algos import TWAP, AtMarket, Iceberg
from simexec.config import durations as configured
from simexec.config.flow import ConstantSize, GeometricSize, LobsterFlow, SizeConfig, ZeroIntelligenceFlow
from simexec.config.order import AlgorithmConfig, IcebergConfig, TwapConfig
from simexec.config.scenario import Scenario
from simexec.config.venue import HistoryMode
from simexec.errors import ConfigError
from simexec.execution import Broker, Journal, Latencies, OrderManager
from simexec.market.lobster import read_lobster
from simexec.market.market import Flow, Market
from simexec.market.order_book import Recorded
from simexec.market.recording import RecordedFlow, Recording
from simexec.market.sizes import ConstantSize as ConstantLots
from simexec.market.sizes import GeometricSize as GeometricLots
from simexec.market.sizes import LogNormalSize as LogNormalLots
from simexec.market.sizes import SizeModel
from simexec.market.view import MarketView
from simexec.market.zero_intelligence import ZeroIntelligence
from simexec.models.fees import MakerTakerFees
from simexec.protocols import Algorithm, DurationModel
from simexec.sim import Constant, Empirical, Exponential, Gamma, LogNormal, Simulation, Uniform
from simexec.trading.instrument import Instrument
from simexec.trading.portfolio import Portfolio
from simexec.venue import TradingHours, Venue

_MOST_DEFECTS: Final = 0.01
"""Share of a recording's rows that may have to be repaired before the recording is refused."""


@attrs.frozen(eq=False)
class World:
    """The live components of one run."""

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
    algorithm: Algorithm


def load_recording(scenario: Scenario) -> Recording | None:
    """Read the scenario's data file, if it has one; the same recording serves any number of replications."""
    if not isinstance(scenario.flow, LobsterFlow):
        return None
    recording = read_lobster(scenario.flow.message_file, scenario.flow.orderbook_file)
    if recording.symbol != scenario.instrument.symbol:
        raise ConfigError(
            f"instrument.symbol {scenario.instrument.symbol!r} is not that of the data, {recording.symbol!r}; set one to the other"
        )
    if scenario.date is not None and scenario.date != recording.date:
        raise ConfigError(
            f"date {scenario.date} is not that of the data, {recording.date}; leave it out or set it to that"
        )
    mismatched = sum(recording.defects.values())
    if mismatched > recording.rows * _MOST_DEFECTS:
        raise ConfigError(
            f"{recording.source}: {mismatched:,} of {recording.rows:,} rows contradict the order book file; is it another"
            " day's or another part's? simexec data check names the lines"
        )
    return recording


def build(scenario: Scenario, recording: Recording | None, replication: int = 0) -> World:
    """Make the components of a run. ``recording`` is what ``load_recording`` returned for the scenario."""
    date = recording.date if recording is not None else scenario.date or dt.date(2000, 1, 3)
    midnight = dt.datetime.combine(date, dt.time(), ZoneInfo(scenario.session.timezone))
    sim = Simulation(seed=scenario.seed, replication=replication, epoch=midnight.astimezone(dt.UTC))
    configured_instrument = scenario.instrument
    instrument = Instrument(
        configured_instrument.symbol, configured_instrument.tick, configured_instrument.lot, configured_instrument.currency,
        configured_instrument.multiplier, configured_instrument.inverse,
    )  # fmt: skip
    hours = TradingHours(scenario.session.open, scenario.session.close)
    flow = _flow(scenario, sim, instrument, recording, hours)
    history = scenario.recording.history
    keep = history is not HistoryMode.OFF
    spill = Path(tempfile.mkdtemp(prefix="simexec-")) if history is HistoryMode.SPILL else None
    market = Market(scenario.venue.name, flow, record=Recorded(quotes=keep, prints=keep, queues=keep, spill=spill))
    if spill is not None:  # columns that are mapped from the folder stay readable without its name
        weakref.finalize(market.book, shutil.rmtree, spill, ignore_errors=True)
    gateway, fees = scenario.venue.gateway, scenario.venue.fees
    venue = Venue(
        sim,
        scenario.venue.name,
        instrument,
        market,
        hours,
        service=duration_model(gateway.service),
        servers=gateway.servers,
        capacity=gateway.capacity,
        priority=gateway.priority,
        fees=MakerTakerFees(
            fees.maker_per_share, fees.taker_per_share, fees.maker_bps, fees.taker_bps, currency=instrument.currency
        ),
        self_trade_prevention=scenario.venue.self_trade_prevention,
        cancel_on_disconnect=scenario.venue.cancel_on_disconnect,
    )
    broker = Broker(sim)
    links = scenario.links
    broker.connect(
        venue, Latencies(duration_model(links.orders), duration_model(links.cancels), duration_model(links.reports))
    )
    portfolio = Portfolio(scenario.initial_cash, instrument.currency)
    journal = Journal()
    manager_config = scenario.execution.order_manager
    manager = OrderManager(
        broker,
        portfolio,
        [instrument],
        max_order_age=manager_config.max_order_age,
        cleanup_interval=manager_config.cleanup_interval,
        journal=journal,
        sim=sim,
    )
    view = MarketView(sim, market, duration_model(links.market_data))
    return World(
        sim,
        instrument,
        hours,
        recording,
        market,
        venue,
        broker,
        portfolio,
        manager,
        view,
        journal,
        algorithm(scenario.algorithm),
    )


def _flow(
    scenario: Scenario, sim: Simulation, instrument: Instrument, recording: Recording | None, hours: TradingHours
) -> Flow:
    config = scenario.flow
    if isinstance(config, ZeroIntelligenceFlow):
        return ZeroIntelligence(
            sim.rng,
            f"flow.{scenario.venue.name}",
            start_price=instrument.to_ticks(config.start_price) * instrument.subticks,
            tick_quanta=instrument.subticks,
            lot=instrument.lot,
            limit_rates_per_s=config.limit_rates_per_s,
            cancel_rate_per_s=config.cancel_rate_per_s,
            market_rate_per_s=config.market_rate_per_s,
            limit_size=_sizes(config.limit_size),
            market_size=_sizes(config.market_size),
            start_ns=hours.open_ns,
            end_ns=hours.close_ns,
        )
    if recording is None:
        raise ConfigError(f"flow of type {config.type} needs its recording; read it with load_recording")
    if recording.tick_quanta != instrument.subticks or recording.price_quanta_per_unit * instrument.quantum != 1:
        raise ConfigError(f"instrument.tick {instrument.tick} is not that of the data, 0.01; set it to that")
    return RecordedFlow(recording)


def _sizes(config: SizeConfig) -> SizeModel:
    if isinstance(config, ConstantSize):
        return ConstantLots(config.quantity)
    if isinstance(config, GeometricSize):
        return GeometricLots(config.mean)
    return LogNormalLots(config.median, config.sigma)


def duration_model(config: configured.DurationConfig) -> DurationModel:
    """The distribution that a configured duration names."""
    if isinstance(config, configured.ConstantDuration):
        return Constant(config.value)
    if isinstance(config, configured.UniformDuration):
        return Uniform(config.low, config.high)
    if isinstance(config, configured.ExponentialDuration):
        return Exponential(config.mean)
    if isinstance(config, configured.LogNormalDuration):
        return LogNormal(config.median, config.sigma, config.floor)
    if isinstance(config, configured.GammaDuration):
        return Gamma(config.mean, config.shape, config.floor)
    return Empirical(config.values())


def algorithm(config: AlgorithmConfig) -> Algorithm:
    """The algorithm that a configuration names."""
    if isinstance(config, TwapConfig):
        return TWAP(**attrs.asdict(config, recurse=False))
    if isinstance(config, IcebergConfig):
        return Iceberg(**attrs.asdict(config, recurse=False))
    return AtMarket()
