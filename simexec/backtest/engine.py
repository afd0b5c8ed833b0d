"""The backtest engine: data, a strategy, and between them the same manager, risk, broker and models as everywhere."""

from __future__ import annotations

import asyncio
import inspect
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from operator import and_
from typing import Final

import simpy

from simexec.backtest.audience import Audience
from simexec.backtest.book_feed import BookFeed, check_length
from simexec.backtest.clipped_tape import ClippedTape
from simexec.backtest.config import BacktestConfig
from simexec.backtest.data import BookData, DataLoader, DataRequest, MarketSource, since_1970
from simexec.backtest.describe import describe_model
from simexec.backtest.equity import EquityCurve
from simexec.backtest.pump import Pump, TapedMarket
from simexec.backtest.results import BacktestResults
from simexec.backtest.round_trips import RoundTrips
from simexec.backtest.run_days import SessionBars, days_of, hours_of
from simexec.backtest.strategy import Strategy, check_methods, check_requirements, check_told
from simexec.backtest.trader import Trader
from simexec.errors import InputError, SimulationError
from simexec.execution.backtest_broker import BacktestBroker
from simexec.execution.circuit_breaker import ExecutionCircuitBreaker
from simexec.execution.engine import DefaultExecutionEngine
from simexec.execution.risk import RiskPortfolioContainer
from simexec.market.bars import BarReport
from simexec.market.tape import Tape
from simexec.sim import Simulation, current_simulation, format_duration
from simexec.sim.clock import MINUTE
from simexec.trading.capabilities import Capabilities
from simexec.trading.events import Event, EventType
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import Fill
from simexec.venue.model_venue import OF_QUOTES

_OVER = "the backtest has ended"


_BUSTS: Final = 16_384
"""Fills of a symbol that can be busted at most, where the history is not shorter."""


class UnifiedBacktestEngine:
    """Runs strategies on historical or synthetic data.

    ``await engine.run(strategy, loader)`` runs in the simulation that is running, or whose ``with`` block we are in; if there is
    none, in one of its own, from beginning to end before it returns, so that it can be awaited under ``asyncio`` and in a
    notebook too.

    Args:
        config: what the backtest depends on.

    Raises:
        InputError: something else than a ``BacktestConfig``.
    """

    def __init__(self, config: BacktestConfig) -> None:
        if not isinstance(config, BacktestConfig):
            raise InputError(f"config {config!r} is no BacktestConfig; give BacktestConfig(start_date=..., ...)")
        self.config = config

    async def run(self, strategy: Strategy, data_loader: DataLoader) -> BacktestResults:
        """Run a strategy once.

        Raises:
            InputError: the strategy has no method to be told by, or the data are missing or wrong.
            SimulationError: the simulation's clock has passed the start already, or it has seen a backtest before.
            InvariantError: the account does not balance at the end.
            Exception: what the strategy raised, as it is.
        """
        check_methods(strategy)
        kind = type(data_loader).__name__  # its content may be a whole data set
        if isinstance(data_loader, type):
            raise InputError(
                f"data loader {data_loader.__name__} is a class; give one of it, {data_loader.__name__}(...)"
            )
        if not callable(getattr(data_loader, "load", None)):
            raise InputError(f"data loader of type {kind} has no method load(request); see docs/backtest.md")
        sources: dict[str, MarketSource] = {}
        for symbol, instrument in self.config.traded.items():
            found = data_loader.load(DataRequest.of(self.config, instrument))
            source = await found if inspect.isawaitable(found) else found
            if not (isinstance(source, BookData) or callable(getattr(source, "blocks", None))):
                raise InputError(
                    f"data loader {kind} brought something of type {type(source).__name__} of {symbol}; it must be a Tape or"
                    " BookData"
                )
            sources[symbol] = source
        ambient = _ambient()
        if ambient is not None:
            return await _Run(ambient, self.config, sources, strategy).go()
        with Simulation(seed=self.config.seed, epoch=self.config.epoch) as own, _interruptible():
            results: BacktestResults = own.run(_Run(own, self.config, sources, strategy).go())
        return results


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a run at once: that of ``asyncio.run`` only cancels its task, which a run that never waits does not see."""
    asyncio_s = signal.getsignal(signal.SIGINT)
    runner = getattr(getattr(asyncio_s, "func", None), "__self__", None)
    if not isinstance(runner, asyncio.Runner) or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, asyncio_s)


def _ambient() -> Simulation | None:
    """The simulation that is running, or whose ``with`` block we are in."""
    try:
        return current_simulation()
    except SimulationError:
        return None


class _Run:
    """One run: its components, and what it collects."""

    def __init__(
        self, sim: Simulation, config: BacktestConfig, sources: Mapping[str, MarketSource], strategy: Strategy
    ) -> None:
        self._began = time.perf_counter()
        self._sim = sim
        self._config = config
        epoch_ns = since_1970(sim.epoch)
        self._start, self._end = since_1970(config.start) - epoch_ns, since_1970(config.end) - epoch_ns
        if self._start < sim.now:
            raise SimulationError(
                f"the backtest begins {config.start}, and the clock of the simulation shows {format_duration(sim.now)} since"
                f" {sim.epoch}; run it in a simulation of its own"
            )
        try:
            sim.rng("backtest")  # which nobody draws from: it says that there has been one
        except InputError:
            raise SimulationError(
                "this simulation has seen a backtest before; run each in a simulation of its own"
            ) from None
        if any(isinstance(source, BookData) for source in sources.values()):
            check_length(config.end - config.start)
            if config.commission is not None:
                raise InputError(
                    f"commission {config.commission!r} is charged where there is no order book; at one, its venue's fees are: set"
                    " them in the scenario, and leave commission out"
                )
        traded = config.traded
        hours = hours_of(config, epoch_ns)
        self._failed = sim.event()
        self._error: Exception | None = None
        window = _BUSTS if config.history is None else min(_BUSTS, config.history)
        self.portfolio = Portfolio(config.initial_capital, config.currency, bust_window=window)
        risk = RiskPortfolioContainer(
            portfolio=self.portfolio, limits=config.limits, sizing=config.sizing, instruments=traded.values()
        )
        self.broker = BacktestBroker(
            self.portfolio,
            market_simulator=config.simulator(),
            instruments=traded.values(),
            latencies=config.latencies,
            hours=hours,
            sim=sim,
        )
        breaker = None
        if config.circuit_breaker is not None:
            breaker = ExecutionCircuitBreaker(config.circuit_breaker, sim=sim)
        self.engine = DefaultExecutionEngine(
            self.broker,
            risk=risk,
            circuit_breaker=breaker,
            history=config.history,
            max_order_age=config.max_order_age,
            cleanup_interval=config.cleanup_interval,
            sim=sim,
        )
        self.trader = Trader(sim, self.engine, traded, config.currency, config.zone, config.lookback)
        self.audience = Audience(sim, strategy, self.trader, self.engine, self._fail)
        self.round_trips = RoundTrips(config.history, bust_window=window)
        self.fills: deque[Fill] = deque(maxlen=config.history)
        self.engine.on(EventType.FILL, self._filled)
        self.engine.on(EventType.BUST, self._busted)
        taped = []
        self.bars: list[SessionBars] = []
        self.reports = {symbol: source for symbol, source in sources.items() if _report_of(source) is not None}
        can: list[Capabilities] = []
        self.books: list[BookFeed] = []
        for symbol, source in sources.items():
            seen = self.engine.market(symbol)
            if isinstance(source, BookData):
                others = [book.listed for book in self.books]
                self.books.append(BookFeed(sim, self.broker, seen, source, self.audience, self.record, others))
                can.append(self.books[-1].listed.venue.capabilities)
                continue
            venue = self.broker.venue(traded[symbol])
            can.append(venue.capabilities if source.is_bars else OF_QUOTES)
            tape: Tape = ClippedTape(source, epoch_ns, self._start, self._end, symbol)
            if hours is not None and source.is_bars:
                self.bars.append(SessionBars(tape, hours, config.calendar, symbol))
                tape = self.bars[-1]
            taped.append(TapedMarket(tape, venue, seen, self.portfolio.mark))
        kinds = [
            ("on_bar",) if is_bars else ("on_quote", "on_trade") for is_bars in map(_brings_bars, sources.values())
        ]
        check_told(strategy, {name for kind in kinds for name in kind})
        check_requirements(strategy, reduce(and_, can))
        self.has_tapes = bool(taped)
        self.pump = Pump(sim, taped, self.audience, self.trader.remember, self.record, self._fail)
        first_ns = self._start if self.books else self.pump.first_ns
        self.curve = EquityCurve(config.history, days_of(config, sim.epoch, hours, first_ns))
        self._recorded = self._start

    async def go(self) -> BacktestResults:
        """Run from start to end."""
        try:
            await self._trade()
        finally:
            self.pump.stop()
            for feed in self.books:
                feed.stop()
            self.audience.stop()
            self.audience.interrupt()
        await self._end_orders()
        self.record(self._recorded)  # what reports have brought since belongs to the last point
        self.portfolio.check()
        config, sim = self._config, self._sim
        return BacktestResults(
            config=config,
            epoch=sim.epoch,
            curve=self.curve,
            account=self.curve.statistics(),
            round_trips=self.round_trips.statistics(config.currency),
            trades=self.round_trips.trips,
            fills=tuple(self.fills),
            events=self.engine.history,
            portfolio=self.portfolio.snapshot(sim.now),
            stats=await self.engine.get_execution_stats(),
            rows=self.pump.rows + sum(feed.rows for feed in self.books),
            seconds=time.perf_counter() - self._began,
            assumptions=_assumptions(config, sim.seed, bool(self.books), self.has_tapes) | self._of_the_data(),
        )

    def _of_the_data(self) -> dict[str, str]:
        """What of the data was left out, or could fill nothing, in words; nothing if that is nothing."""
        lines: dict[str, str] = {}
        left_out = []
        for symbol, source in self.reports.items():
            report = _report_of(source)
            if report is not None and report.left_out:
                kinds = ", ".join(
                    f"{kind.replace('_', ' ')} {count}" for kind, count in sorted(report.left_out.items())
                )
                left_out.append(f"{symbol}: {report.left_out.total()} of {report.rows} rows left out ({kinds})")
        if left_out:
            lines["data"] = "; ".join(left_out)
        outside = [
            f"{one.symbol}: {one.bars - one.inside} of {one.bars} bars lie outside the sessions of {self._config.calendar}, and"
            " fill nothing"
            for one in self.bars
            if 2 * one.inside < one.bars
        ]
        if outside:
            lines["outside"] = "; ".join(outside)
        return lines

    async def _trade(self) -> None:
        """Tell the strategy everything from start to end."""
        sim = self._sim
        await sim.timeout(self._start - sim.now)
        self.record(sim.now)
        self.audience.tell("on_start")
        for feed in self.books:
            feed.start()
        await self._unless_failed(self.pump.start())
        if self.books:
            await self._unless_failed(sim.timeout(self._end - sim.now))
            self.record(sim.now)
        await self._let_finish()
        self.audience.tell("on_stop")
        self.audience.stop()
        await self._let_finish()

    async def _unless_failed(self, *events: simpy.Event) -> None:
        """Wait for the first of some events, and raise what has failed meanwhile."""
        await self._sim.any_of([*events, self._failed])
        if self._error is not None:
            raise self._error

    async def _let_finish(self) -> None:
        """Let the strategy think to the end, but not beyond that of the backtest.

        What it waits for cannot trade any more, so its orders are cancelled.
        """
        deadline = max(self._end, self._sim.now + MINUTE)
        await self._unless_failed(self._sim.timeout(1))  # what follows at this time has happened then
        while self.audience.is_thinking and self._sim.now < deadline:
            await self._unless_failed(self.engine.order_manager.cancel_all(why=_OVER))
            await self._unless_failed(self.audience.done(), self._sim.timeout(MINUTE))
        self.audience.interrupt()

    async def _end_orders(self) -> None:
        """Cancel what still works, and wait until every order has ended."""
        manager = self.engine.order_manager
        while working := manager.open_orders():
            await manager.cancel_all(why=_OVER)
            self.broker.end_run()
            await self._sim.timeout(0)
            for order in working:
                await manager.wait_final(order)
        await self._sim.timeout(0)  # the events of the last reports

    def _fail(self, error: Exception) -> None:
        """What the strategy, its data or a model has raised comes out of ``go``."""
        if self._error is None:
            self._error = error
            self._failed.succeed()

    def record(self, now_ns: int) -> None:
        """Note what the account is worth."""
        currency, portfolio = self._config.currency, self.portfolio
        equity = exposure = 0
        for position in portfolio.positions.values():
            if position.quantity:
                gained = position.unrealised
                worth = position.cost_basis + gained
                equity += gained if position.instrument.inverse else worth
                exposure += abs(worth)
        self._recorded = now_ns
        self.curve.add(now_ns, equity + portfolio.cash[currency], exposure)

    def _filled(self, event: Event) -> None:
        fill = event.data["fill"]
        self.round_trips.add(fill)
        self.fills.append(fill)
        self.audience.tell("on_fill", fill)

    def _busted(self, event: Event) -> None:
        fill = event.data["fill"]
        self.round_trips.remove(fill)
        kept = [one for one in self.fills if (one.order_id, one.exec_id) != (fill.order_id, fill.exec_id)]
        self.fills = deque(kept, maxlen=self.fills.maxlen)


def _assumptions(config: BacktestConfig, seed: int, has_books: bool, has_tapes: bool) -> dict[str, str]:
    """What the figures rest on, in words."""
    book = "at order books, by price and time, with the scenario's fees and latencies"
    tape = "from bars and quotes: orders take part in rows that begin when they have arrived or later"
    lines = {"fills": "; ".join([book] * has_books + [tape] * has_tapes)}
    if has_tapes:
        lines |= {
            "slippage": describe_model(config.slippage),
            "commission": describe_model(config.commission),
            "fees": describe_model(config.fees),
            "impact": describe_model(config.impact),
            "participation": f"at most {config.participation} of a bar's volume or quote's size",
            "touch": f"an order's limit is reached by a trade at just its price with probability {config.touch_fill_probability}",
            "latency": describe_model(config.latencies),
        }
    return lines | {
        "sessions": "always open" if config.calendar is None else config.calendar,
        "risk": describe_model(config.limits) if config.limits is not None else "pays in full, sells what it has",
        "returns": f"daily, {config.periods_per_year} a year, risk-free {config.risk_free_rate} a year",
        "seed": str(seed),
    }


def _brings_bars(source: MarketSource) -> bool:
    return not isinstance(source, BookData) and source.is_bars


def _report_of(source: MarketSource) -> BarReport | None:
    """What reading a file of bars has found so far; None of other data."""
    report = getattr(source, "report", None)
    return report if isinstance(report, BarReport) else None
