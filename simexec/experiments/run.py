"""One run of a scenario, from its components to its result."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from simexec.analysis.result import RunResult
from simexec.analysis.whole_market import all_prints, best_quotes, markets_of
from simexec.config.scenario import Scenario
from simexec.execution.parent import ParentExecution, work
from simexec.experiments.assumptions import assumptions_of
from simexec.experiments.build import Recordings, World, build, load_recordings
from simexec.experiments.divergence import divergence_of
from simexec.experiments.invariants import check_invariants
from simexec.experiments.market_reports import report_markets
from simexec.market.market import Market
from simexec.protocols import Algorithm
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderType

_STEPS: Final = 100
"""Parts of a run after each of which progress is reported."""

Progress = Callable[[float], None]
"""Called now and then with the fraction of simulated time that has passed."""


def run_scenario(
    scenario: Scenario, *, algorithm: Algorithm | None = None, progress: Progress | None = None
) -> RunResult:
    """Run a scenario once, with an algorithm of your own in place of the scenario's if one is given.

    Raises:
        InputError: the scenario or its data are wrong.
        InvariantError: the run's books do not balance.
    """
    began = time.perf_counter()
    recordings = load_recordings(scenario)
    loaded_s = time.perf_counter() - began
    return run_loaded(scenario, recordings, algorithm=algorithm, loaded_s=loaded_s, progress=progress)


def run_loaded(
    scenario: Scenario,
    recordings: Recordings,
    *,
    algorithm: Algorithm | None = None,
    replication: int = 0,
    loaded_s: float = 0.0,
    progress: Progress | None = None,
) -> RunResult:
    """Run a scenario whose recordings, as ``load_recordings`` returns them, are read already."""
    began = time.perf_counter()
    world = build(scenario, recordings, replication)
    built = time.perf_counter()
    worked, children = _simulate(world, scenario, algorithm or scenario.algorithm, progress)
    simulated = time.perf_counter()
    for one in world.markets:
        if isinstance(one.market, Market):
            one.market.book.flush()
    return _result(world, scenario, worked, children, {"load": loaded_s + built - began, "simulate": simulated - built})


def _simulate(
    world: World, scenario: Scenario, algorithm: Algorithm, progress: Progress | None
) -> tuple[ParentExecution, tuple[Order, ...]]:
    sim, hours = world.sim, world.hours
    decision_ns = hours.open_ns + scenario.order.start
    last_ns = hours.close_ns if scenario.order.end is None else min(hours.close_ns, hours.open_ns + scenario.order.end)

    async def desk() -> tuple[ParentExecution, tuple[Order, ...]]:
        await sim.timeout(decision_ns)
        parent = await world.manager.create_order(
            symbol=world.instrument.symbol,
            side=scenario.order.side,
            quantity=scenario.order.quantity,
            order_type=OrderType.MARKET if scenario.order.limit_price is None else OrderType.LIMIT,
            price=scenario.order.limit_price,
            venue=None if world.router is not None or len(world.broker.lines) == 1 else world.venue.name,
        )
        view = world.view if world.router is None else world.view_of(parent.symbol)
        execution = ParentExecution(
            sim, world.manager, parent, view, sim.rng("algorithm"), last_ns, views=world.views, router=world.router
        )
        await work(execution, world.manager, algorithm)
        # Now, since the manager forgets them in due time.
        return execution, tuple(world.manager.street_orders(parent.order_id))

    working = sim.process(desk())
    if progress is None:
        sim.run(until=hours.close_ns)
    else:
        for step in range(1, _STEPS + 1):
            sim.run(until=hours.open_ns + (hours.close_ns - hours.open_ns) * step // _STEPS)
            progress(step / _STEPS)
    worked: tuple[ParentExecution, tuple[Order, ...]] = sim.run(working)  # the last reports are still on their way
    sim.close()
    return worked


def _mark(world: World) -> None:
    """Mark positions at the middle of what the first lit book of each symbol shows at the end; not at all if it shows nothing."""
    marked = set()
    for one in world.markets:
        symbol = one.instrument.symbol
        if not isinstance(one.market, Market) or symbol in marked:
            continue
        marked.add(symbol)
        quote = one.market.book.quote()
        sides = [price for price in (quote.bid, quote.ask) if price is not None]
        if sides:
            world.portfolio.mark(symbol, sum(sides) // len(sides))


def _result(
    world: World, scenario: Scenario, worked: ParentExecution, children: tuple[Order, ...], seconds: dict[str, float]
) -> RunResult:
    _mark(world)
    parent = worked.parent
    markets = report_markets(world, scenario.recording.history)
    ours = markets_of(markets, world.instrument.symbol)
    digest = hashlib.sha256()
    world.journal.digest_into(digest)
    for one in world.markets:
        if isinstance(one.market, Market):
            digest.update(one.market.book.quotes.since().tobytes())
        digest.update(one.market.book.prints.since().tobytes())
    return RunResult(
        scenario=scenario,
        replication=world.sim.replication,
        instrument=world.instrument,
        epoch=world.sim.epoch,
        open_ns=world.hours.open_ns,
        close_ns=world.hours.close_ns,
        parent=parent,
        children=children,
        decision_ns=parent.created_ns,
        end_ns=world.sim.now if parent.closed_ns is None else parent.closed_ns,
        quotes=best_quotes([one.quotes for one in ours if not one.is_dark]),
        prints=all_prints([one.prints for one in ours]),
        plan=np.array(worked.plan, np.int64).reshape(-1, 2),
        journal=world.journal,
        venue=world.venue.statistics(),
        markets=markets,
        portfolio=world.portfolio.snapshot(int(world.sim.now)),
        initial_cash=world.portfolio.initial_cash[world.instrument.currency],
        flow_messages=world.market.flow.applied(int(world.sim.now)),
        calendar_events=world.sim.calendar_events,
        divergence=divergence_of(world, children),
        invariants=check_invariants(world, parent, children),
        assumptions=assumptions_of(world, scenario),
        journal_digest=digest.hexdigest(),
        seconds=seconds,
        routing={} if world.router is None else world.router.summary(),
        breaker=() if world.breaker is None else tuple(world.breaker.history),
    )
