"""From a configured flow to a live one."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import numpy as np

from simexec.config import durations as configured
from simexec.config.flow import (
    ActivityPoint,
    ConstantSize,
    ContStoikovTalrejaFlow,
    DarkFlow,
    FundamentalConfig,
    GeometricSize,
    SizeConfig,
    ZeroIntelligenceFlow,
)
from simexec.config.markets import MarketSettings
from simexec.errors import ConfigError
from simexec.market.activity import Activity
from simexec.market.chained import ChainedFlow
from simexec.market.cont_stoikov_talreja import ContStoikovTalreja
from simexec.market.dark_flow import DarkFlow as DarkArrivals
from simexec.market.fundamental import Fundamental
from simexec.market.market import Flow
from simexec.market.recording import RecordedFlow, Recording
from simexec.market.sizes import ConstantSize as ConstantLots
from simexec.market.sizes import GeometricSize as GeometricLots
from simexec.market.sizes import LogNormalSize as LogNormalLots
from simexec.market.sizes import SizeModel
from simexec.market.zero_intelligence import ZeroIntelligence
from simexec.protocols import DurationModel
from simexec.sim import Constant, Empirical, Exponential, Gamma, LogNormal, Uniform
from simexec.trading.instrument import Instrument

Streams = Callable[[str], np.random.Generator]


def flow_of(settings: MarketSettings, instrument: Instrument, recording: Recording | None, rng: Streams) -> Flow:
    """The flow of a lit market; every stream of it is named by the market."""
    config, name = settings.flow, f"flow.{settings.name}"
    first, last = settings.session.first, settings.session.close
    if isinstance(config, ZeroIntelligenceFlow):
        return _zero_intelligence(config, name, settings, instrument, rng, first)
    if isinstance(config, ContStoikovTalrejaFlow):
        return ContStoikovTalreja(
            rng,
            name,
            start_price=_quanta(instrument, config.start_price),
            tick_quanta=instrument.subticks,
            lot=config.size * instrument.lot,
            limit_rates_per_s=config.limit_rates_per_s,
            cancel_rates_per_s=config.cancel_rates_per_s,
            market_rate_per_s=config.market_rate_per_s,
            start_ns=first,
            end_ns=last,
            activity=_activity(config.activity),
        )
    if recording is None or isinstance(config, DarkFlow):
        raise ConfigError(f"flow of type {config.type} needs its recording; read it with load_recordings")
    if recording.tick_quanta != instrument.subticks or recording.price_quanta_per_unit * instrument.quantum != 1:
        tick = Decimal(recording.tick_quanta) / recording.price_quanta_per_unit
        raise ConfigError(f"instrument.tick {instrument.tick} is not that of the data, {tick}; set it to that")
    if config.then is None or config.switch is None:
        return RecordedFlow(recording)
    then = _zero_intelligence(config.then, name, settings, instrument, rng, config.switch)
    return ChainedFlow(recording, then, config.switch)


def _zero_intelligence(
    config: ZeroIntelligenceFlow,
    name: str,
    settings: MarketSettings,
    instrument: Instrument,
    rng: Streams,
    start_ns: int,
) -> ZeroIntelligence:
    return ZeroIntelligence(
        rng,
        name,
        start_price=_quanta(instrument, config.start_price),
        tick_quanta=instrument.subticks,
        lot=instrument.lot,
        limit_rates_per_s=config.limit_rates_per_s,
        cancel_rate_per_s=config.cancel_rate_per_s,
        market_rate_per_s=config.market_rate_per_s,
        limit_size=sizes_of(config.limit_size),
        market_size=sizes_of(config.market_size),
        start_ns=start_ns,
        end_ns=settings.session.close,
        activity=_activity(config.activity),
        fundamental=_fundamental(config.fundamental, f"value.{settings.name}", instrument, rng, start_ns),
        informed_rate_per_s=config.informed_rate_per_s,
        informed_size=sizes_of(config.informed_size),
    )


def dark_flow_of(settings: MarketSettings, instrument: Instrument, rng: Streams) -> DarkArrivals:
    """The hidden orders of a dark pool."""
    config = settings.flow
    assert isinstance(config, DarkFlow)  # as the scenario has checked
    return DarkArrivals(
        rng,
        f"flow.{settings.name}",
        (config.buy_rate_per_s, config.sell_rate_per_s),
        sizes_of(config.size),
        duration_model(config.lifetime),
        lot=instrument.lot,
        start_ns=settings.session.first,
        end_ns=settings.session.close,
    )


def _fundamental(
    config: FundamentalConfig | None, name: str, instrument: Instrument, rng: Streams, start_ns: int
) -> Fundamental | None:
    if config is None:
        return None
    per_unit = float(1 / instrument.quantum)
    mean = config.start_value if config.mean_value is None else config.mean_value
    return Fundamental(
        rng,
        name,
        start_value=float(config.start_value) * per_unit,
        mean_value=float(mean) * per_unit,
        reversion_per_s=config.reversion_per_s,
        volatility=config.volatility * per_unit,
        jump_rate_per_s=config.jump_rate_per_s,
        jump_deviation=config.jump_deviation * per_unit,
        step_ns=config.step,
        start_ns=start_ns,
    )


def _activity(points: tuple[ActivityPoint, ...]) -> Activity | None:
    return Activity([(point.time, point.multiplier) for point in points]) if points else None


def _quanta(instrument: Instrument, price: Decimal) -> int:
    return instrument.to_ticks(price) * instrument.subticks


def sizes_of(config: SizeConfig) -> SizeModel:
    """The distribution of sizes, in lots, that a configuration names."""
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
