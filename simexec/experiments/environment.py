"""Everything that executes orders, from a mode and a configuration: one call for each of the specification's modes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs

from simexec.config.brokers import installed_brokers, load_broker
from simexec.config.environment import EnvironmentConfig
from simexec.config.execution import ExecutionMode
from simexec.config.load import load_scenario
from simexec.config.markets import MarketSettings
from simexec.config.scenario import Scenario
from simexec.config.venue import HistoryMode
from simexec.errors import ConfigError, InputError, SimulationError
from simexec.execution.backtest_broker import BacktestBroker
from simexec.execution.breaker_limits import BreakerLimits
from simexec.execution.broker import Broker
from simexec.execution.circuit_breaker import ExecutionCircuitBreaker
from simexec.execution.engine import DefaultExecutionEngine
from simexec.execution.execution_context import ExecutionContext
from simexec.execution.order_manager import OrderManager
from simexec.execution.risk import RiskPortfolioContainer
from simexec.execution.risk_limits import RiskLimits
from simexec.execution.sizing import Sizing
from simexec.experiments.build import list_market, load_recordings
from simexec.experiments.cost_models import commission_model_of, slippage_model_of
from simexec.market.recording import Recording
from simexec.market.view import MarketView
from simexec.sim import Simulation, current_simulation
from simexec.sim.clock import DAY
from simexec.sim.events import ProcessBody
from simexec.sim.real_time import RealTime
from simexec.trading.capabilities import require
from simexec.trading.instrument import Instrument
from simexec.venue.market_simulator import MarketSimulator

_LIVE: Final = ExecutionMode.LIVE_TRADING
_OURS: Final = ("Broker", "BacktestBroker", "BacktestBrokerRefactored")
_NEEDED: Final = (
    "choose", "lines", "on_reports", "portfolio_state", "send", "send_cancel", "send_mass_cancel", "send_replace", "venues",
)  # fmt: skip
"""What an order manager and an engine need of a broker."""


@attrs.frozen(eq=False, repr=False)
class ExecutionEnvironment:
    """Components that belong together.

    Attributes:
        mode: the execution mode.
        config: what they were made of.
        sim: their simulation.
        risk_portfolio: the account, its limits and its sizing.
        broker: the broker; ``order_manager`` sends orders through it.
        engine: takes events in; ``circuit_breaker`` is None unless limits were given.
        context: shared state, with real locks if ``config.execution.is_thread_safe``.
        views: what is seen of each order book, by symbol; empty where market data are handed in.
        real_time: paces the simulation to the wall clock in LIVE_TRADING; None otherwise.
    """

    mode: ExecutionMode
    config: EnvironmentConfig
    sim: Simulation
    risk_portfolio: RiskPortfolioContainer
    broker: Any
    order_manager: OrderManager
    engine: DefaultExecutionEngine
    circuit_breaker: ExecutionCircuitBreaker | None
    context: ExecutionContext
    views: Mapping[str, MarketView]
    real_time: RealTime | None

    def run(self, main: ProcessBody | None = None) -> Any:
        """Run a coroutine in simulated time, in LIVE_TRADING by the wall clock; returns its result.

        Without one, whatever there is to happen happens: in LIVE_TRADING until ``stop``.
        """
        return self.sim.run(main) if self.real_time is None else self.real_time.run(main)

    def submit(self, body: ProcessBody) -> Future[Any]:
        """Have a coroutine run by the thread of the simulation; any thread may call this.

        Returns:
            Of its result: ``environment.submit(engine.process_event(event)).result()``.

        Raises:
            SimulationError: the mode is not LIVE_TRADING; in a backtest only one thread is at work.
        """
        return self._paced().submit(body)

    def stop(self) -> None:
        """End ``run``; any thread may call this. SimulationError unless the mode is LIVE_TRADING."""
        self._paced().stop()

    def close(self) -> None:
        """Cancel the orders that still live, and close what still waits; the account must balance then.

        A broker of somebody else's is left alone.

        Raises:
            InvariantError: it does not.
        """
        if self.sim.is_closing:
            return
        if isinstance(self.broker, BacktestBroker):
            self.sim.run(self._settle(self.broker))
        self.sim.close()
        self.risk_portfolio.get_portfolio_state().check()

    async def _settle(self, broker: BacktestBroker) -> None:
        manager = self.order_manager
        await manager.cancel_all(why="the environment was closed")
        broker.end_run()
        for order in manager.orders():
            await manager.wait_final(order)

    def _paced(self) -> RealTime:
        if self.real_time is None:
            raise SimulationError(
                f"in {self.mode.name} only one thread is at work; run coroutines by run(main()), or use mode LIVE_TRADING"
            )
        return self.real_time

    def __repr__(self) -> str:
        return f"<ExecutionEnvironment {self.mode.name}, {type(self.broker).__name__}, {self.sim!r}>"

    def __enter__(self) -> ExecutionEnvironment:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.sim.close()

    def __getitem__(self, name: str) -> Any:
        """A component by its name, as in ``components["engine"]``."""
        names = [one.name for one in attrs.fields(type(self))]
        if name not in names:
            raise KeyError(f"{name!r} is no component; there are {', '.join(names)}")
        return getattr(self, name)


def create_execution_environment(
    mode: ExecutionMode | str | None = None,
    config: Mapping[str, Any] | EnvironmentConfig | None = None,
    *,
    scenario: Scenario | str | Path | None = None,
    instruments: Iterable[Instrument] | None = None,
    limits: RiskLimits | None = None,
    sizing: Sizing | None = None,
    circuit_breaker: BreakerLimits | None = None,
    factor: float = 1.0,
    sim: Simulation | None = None,
) -> ExecutionEnvironment:
    """Make everything that executes orders.

    Args:
        mode: BACKTEST_SINGLE; BACKTEST_PARALLEL and OPTIMIZATION, which need one environment in each process; LIVE_TRADING, on
            the wall clock. None: as the configuration says.
        config: the specification's dictionary, flat or nested; see ``EnvironmentConfig.of``.
        scenario: order books to trade at, instead of market data that are handed in; its order and algorithm are not used. In
            LIVE_TRADING its synthetic markets are open from now on, for a day.
        instruments: what may be traded; None: what the scenario lists, or any symbol, with a tick of 0.01.
        limits: of risk; None: the account pays in full, and sells what it has.
        sizing: how large an order a SIGNAL becomes.
        circuit_breaker: when everything is cancelled and refused; None: never.
        factor: wall seconds that a simulated second takes, in LIVE_TRADING.
        sim: the simulation; None: the ambient one, or a new one if there is none.

    Raises:
        ConfigError: a wrong field; a broker that is not installed, with those that are; LIVE_TRADING without a broker.
        InputError: a broker that cannot do what it is to do, or a scenario that does not fit.
    """
    settings = config if isinstance(config, EnvironmentConfig) else EnvironmentConfig.of(mode, config)
    execution = settings.execution
    chosen, name = execution.mode, execution.broker.class_name
    if chosen is _LIVE and name in _OURS:
        installed = ", ".join(installed_brokers()) or "none"
        raise ConfigError(
            f"LIVE_TRADING needs a broker for the wall clock, and config names none; installed: {installed}"
        )
    for what, given, kind in (
        ("limits", limits, RiskLimits), ("circuit_breaker", circuit_breaker, BreakerLimits), ("sim", sim, Simulation),
    ):  # fmt: skip
        if given is not None and not isinstance(given, kind):
            raise InputError(f"{what} {given!r} must be {kind.__name__}(...), or None")
    markets = load_scenario(scenario) if isinstance(scenario, str | Path) else scenario
    if sim is None:
        sim = _simulation(chosen, markets)
    known = None if instruments is None else list(instruments)
    risk = RiskPortfolioContainer(settings.initial_cash, settings.currency, limits=limits, sizing=sizing)
    models = execution.market_simulation
    simulator = MarketSimulator(
        slippage_model=slippage_model_of(models.slippage),
        commission_model=commission_model_of(models.commission, settings.currency),
        participation=models.participation,
        touch_fill_probability=models.touch_fill_probability,
    )
    make = BacktestBroker if name in _OURS else load_broker(name)
    broker = make(risk.get_portfolio_state(), market_simulator=simulator, instruments=known, sim=sim)
    _check_broker(name, broker, chosen)
    views = {} if markets is None else _open_books(sim, broker, markets, known, live=chosen is _LIVE)
    breaker = None if circuit_breaker is None else ExecutionCircuitBreaker(circuit_breaker, sim=sim)
    manager = execution.order_manager
    engine = DefaultExecutionEngine(
        broker,
        risk=risk,
        circuit_breaker=breaker,
        instruments=known,
        max_order_age=manager.max_order_age,
        cleanup_interval=manager.cleanup_interval,
        sim=sim,
    )
    if views:
        risk.prices = lambda instrument: views[instrument.symbol].quote() if instrument.symbol in views else None
    real_time = RealTime(sim, factor) if chosen is _LIVE else None
    wake = None if real_time is None else real_time.call
    context = ExecutionContext(
        thread_safe=execution.is_thread_safe,
        sim=sim,
        wake=None if wake is None else lambda callback: wake(_call, callback),
    )
    return ExecutionEnvironment(
        chosen, settings, sim, risk, broker, engine.order_manager, engine, breaker, context, views, real_time
    )


def _call(callback: Any) -> None:
    callback()


def _simulation(mode: ExecutionMode, scenario: Scenario | None) -> Simulation:
    """The ambient simulation; or a new one, that begins now, at midnight of the scenario's day, or in 1970."""
    try:
        return current_simulation()
    except SimulationError:
        if mode is _LIVE:
            return Simulation(seed=0 if scenario is None else scenario.seed, epoch=dt.datetime.now(dt.UTC))
        return Simulation() if scenario is None else Simulation(seed=scenario.seed)


def _check_broker(name: str, broker: Any, mode: ExecutionMode) -> None:
    missing = [one for one in _NEEDED if not hasattr(broker, one)]
    if missing:
        raise InputError(
            f"the broker {name!r} has no {', '.join(missing)}; see execution.broker.OrderLines for what is needed"
        )
    require(broker, mode=mode.name)


def _open_books(
    sim: Simulation, broker: Any, scenario: Scenario, known: list[Instrument] | None, *, live: bool
) -> dict[str, MarketView]:
    """Open the scenario's lit markets, one a symbol, and send their orders there."""
    if not isinstance(broker, BacktestBroker):
        raise InputError(f"{type(broker).__name__} has venues of its own; leave out scenario {scenario.name!r}")
    recordings = load_recordings(scenario)
    views: dict[str, MarketView] = {}
    for settings, recording in zip(scenario.all_markets(), recordings, strict=True):
        symbol = settings.instrument.symbol
        if settings.is_dark or symbol in views:
            raise InputError(
                f"{settings.name} is a dark pool, or a second venue for {symbol}: an environment has one lit venue a symbol; use"
                " experiments.build for more"
            )
        if live and recording is not None:
            raise InputError(
                f"{settings.name} replays a recording, which has its own times; live markets are synthetic"
            )

        config = settings.instrument
        instrument = next((one for one in known or () if one.symbol == symbol), None) or Instrument(
            symbol, config.tick, config.lot, config.currency, config.multiplier, config.inverse
        )
        here = _from_now_on(settings) if live else settings
        broker.open_elsewhere(instrument, partial(_connect, sim, here, recording, views))
    return views


def _connect(
    sim: Simulation, settings: MarketSettings, recording: Recording | None, views: dict[str, MarketView], lines: Broker
) -> tuple[str, Instrument]:
    listed = list_market(sim, lines, settings, recording, (), HistoryMode.OFF)
    assert listed.view is not None  # it is no dark pool
    views[listed.instrument.symbol] = listed.view
    return listed.venue.name, listed.instrument


def _from_now_on(settings: MarketSettings) -> MarketSettings:
    """A market that is open for a day from the run's epoch."""
    session = attrs.evolve(settings.session, pre_open=None, open=0, close=DAY, halts=())
    return attrs.evolve(settings, session=session)
