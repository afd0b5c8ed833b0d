from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from simexec import (
    BacktestBroker,
    ConfigError,
    EventType,
    InputError,
    Instrument,
    OrderSide,
    OrderStatus,
    RiskLimits,
    Simulation,
    SimulationError,
    create_execution_environment,
)
from simexec.config import load_scenario
from simexec.config.environment import EnvironmentConfig
from simexec.execution.breaker_limits import BreakerLimits
from simexec.execution.sizing import FixedQuantity
from simexec.models.commission import PerShareCommissionModel
from simexec.models.slippage import FixedSlippageModel
from tests.conftest import ROOT

QUICKSTART = ROOT / "scenarios" / "quickstart.yaml"
BASIC = {"initial_cash": 100_000, "commission_model": "per_share", "slippage_model": "fixed"}


def order(symbol: str = "AAPL", side: str = "BUY", quantity: int = 100, **more: object) -> dict[str, object]:
    return {"type": "ORDER", "data": {"symbol": symbol, "side": side, "quantity": quantity, **more}}


def price(symbol: str = "AAPL", value: object = 150.0, **more: object) -> dict[str, object]:
    return {"type": "MARKET_DATA", "data": {"symbol": symbol, "price": value, **more}}


def test_a_basic_configuration_gives_components_that_belong_together() -> None:
    environment = create_execution_environment(mode="BACKTEST_SINGLE", config=BASIC)

    assert isinstance(environment.broker, BacktestBroker)
    assert environment.engine.broker is environment.broker
    assert environment.engine.order_manager is environment.order_manager
    assert environment.broker.portfolio_state is environment.risk_portfolio.get_portfolio_state()
    assert environment.broker.market_simulator.commission_model == PerShareCommissionModel("0.005", min_commission=1)
    assert environment.broker.market_simulator.slippage_model == FixedSlippageModel(0.0005)
    assert environment["engine"] is environment.engine
    with pytest.raises(KeyError, match=r"'motor' is no component; there are .*engine"):
        environment["motor"]
    environment.close()


def test_an_order_fills_with_the_configured_models_and_the_account_balances() -> None:
    with create_execution_environment(mode="BACKTEST_SINGLE", config=BASIC) as environment:

        async def main() -> object:
            await environment.engine.process_event(price())
            sent = await environment.engine.process_event(order())
            await environment.order_manager.wait_final(sent)
            return sent

        sent = environment.run(main())
        portfolio = environment.risk_portfolio.get_portfolio_state()

    assert sent.status is OrderStatus.FILLED
    assert sent.average_price == Decimal("150.075")
    assert portfolio.position("AAPL") == 100
    assert portfolio.cash["USD"] == 100_000_000_000 - 100 * 150_075_000 - 1_000_000


def test_what_still_works_when_an_environment_is_closed_is_cancelled() -> None:
    environment = create_execution_environment(config=BASIC)
    waiting = environment.run(environment.engine.process_event(order(order_type="LIMIT", price=1)))

    environment.close()
    environment.close()

    assert (waiting.status, waiting.reason) == (OrderStatus.CANCELLED, "cancelled on request")
    assert environment.sim.is_closing


@pytest.mark.parametrize("mode", ["BACKTEST_SINGLE", "BACKTEST_PARALLEL", "OPTIMIZATION"])
def test_modes_of_one_thread_have_no_locks_and_no_pacing(mode: str) -> None:
    with create_execution_environment(mode=mode) as environment:
        assert environment.mode.name == mode
        assert environment.real_time is None
        with pytest.raises(SimulationError, match=f"in {mode} only one thread is at work"):
            environment.stop()


def test_the_ambient_simulation_is_used_if_there_is_one() -> None:
    with Simulation() as sim:
        assert create_execution_environment().sim is sim


@pytest.mark.parametrize(
    ("mode", "config", "message"),
    [
        (
            "LIVE_TRADING",
            {"broker": "interactive_brokers"},
            r"'interactive_brokers' is not an installed broker.*backtest, paper",
        ),
        (
            "LIVE_TRADING",
            {},
            "LIVE_TRADING needs a broker for the wall clock, and config names none; installed: backtest, paper",
        ),
        ("LIVE_TRADING", {"broker": "BacktestBroker"}, "LIVE_TRADING needs a broker for the wall clock"),
        ("BACKTEST", {}, "BACKTEST"),
        (None, {"comission_model": "fixed"}, "commission_model"),
        (None, {"initial_cash": -1}, "-1"),
    ],
)
def test_a_wrong_configuration_is_refused(mode: str | None, config: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        create_execution_environment(mode, config)


def test_limits_sizing_and_breaker_are_in_force() -> None:
    with create_execution_environment(
        config={"initial_cash": 1000},
        limits=RiskLimits(max_order_quantity=5),
        sizing=FixedQuantity(shares=3),
        circuit_breaker=BreakerLimits(),
    ) as environment:
        engine = environment.engine

        async def main() -> tuple[object, object]:
            await engine.process_event(price(value=100))
            signal = {"type": EventType.SIGNAL, "data": {"symbol": "AAPL", "side": "BUY"}}
            return await engine.process_event(signal), await engine.process_event(order(quantity=6))

        sized, refused = environment.run(main())

    assert (sized.quantity, sized.status) == (3, OrderStatus.FILLED)
    assert refused.status is OrderStatus.REJECTED
    assert "max_order_quantity" in refused.reason
    assert environment.circuit_breaker is engine.circuit_breaker


@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_a_breaker_measures_losses_in_the_accounts_own_currency(currency: str) -> None:
    share = Instrument("AAPL", "0.01", currency=currency)
    with create_execution_environment(
        config={"initial_cash": 10_000, "currency": currency},
        instruments=[share],
        circuit_breaker=BreakerLimits(max_loss=100),
    ) as environment:

        async def main() -> object:
            engine, sim = environment.engine, environment.sim
            await engine.process_event(price(value=100))
            await environment.order_manager.wait_final(await engine.process_event(order(quantity=50)))
            await engine.process_event(price(value=97))
            await sim.timeout("2s")
            return await engine.process_event(order(quantity=1))

        refused = environment.run(main())

    assert refused.status is OrderStatus.REJECTED
    assert "max_loss" in refused.reason


def test_an_entry_point_that_makes_no_broker_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simexec.experiments.environment.load_broker", lambda name: lambda *args, **more: object())
    config = EnvironmentConfig.of("LIVE_TRADING", {"broker": "paper"})

    with pytest.raises(InputError, match="the broker 'paper' has no choose, lines"):
        create_execution_environment(config=config)


def test_a_scenario_gives_order_books_in_simulated_time() -> None:
    scenario = load_scenario(QUICKSTART)
    environment = create_execution_environment(config={"initial_cash": 10_000_000}, scenario=scenario)
    symbol = scenario.instrument.symbol

    async def main() -> object:
        await environment.sim.timeout(scenario.session.open + 60_000_000_000)
        return await environment.engine.execute_order(await environment.engine.create_order(symbol, OrderSide.BUY, 100))

    fills = environment.run(main())
    quote = environment.views[symbol].quote()
    environment.close()

    assert sum(fill.quantity for fill in fills) == 100
    assert {fill.venue for fill in fills} == {scenario.venue.name}
    assert quote is not None
    assert environment.risk_portfolio.get_portfolio_state().position(symbol) == 100


def test_a_scenario_with_a_dark_pool_or_two_venues_is_refused() -> None:
    with pytest.raises(InputError, match="one lit venue a symbol"):
        create_execution_environment(scenario=ROOT / "scenarios" / "two_venues.yaml")


# --- the wall clock ----------------------------------------------------------------------------------------------------


def test_a_paper_broker_trades_at_a_live_simulated_venue_from_another_thread() -> None:
    before = datetime.now(UTC)
    environment = create_execution_environment(
        mode="LIVE_TRADING",
        config={"broker": "paper", "thread_safety": True, "initial_cash": 10_000_000},
        scenario=QUICKSTART,
        factor=0.01,
    )
    filled: list[object] = []
    environment.engine.on(EventType.FILL, filled.append)
    outcome: list[object] = []

    async def buy() -> object:
        engine, sim = environment.engine, environment.sim
        while environment.views["DEMO"].quote() is None or environment.views["DEMO"].quote().ask is None:
            await sim.timeout("10ms")
        sent = await engine.process_event(order("DEMO"))
        await environment.order_manager.wait_final(sent)
        return sent

    def work() -> None:
        try:
            outcome.append(environment.submit(buy()).result(timeout=60))
        finally:
            environment.stop()

    thread = threading.Thread(target=work)
    thread.start()
    environment.run()
    thread.join()
    environment.close()

    (sent,) = outcome
    assert sent.status is OrderStatus.FILLED
    assert sent.venue == load_scenario(QUICKSTART).venue.name
    assert sum(event.data["quantity"] for event in filled) == 100
    assert sent.submitted_ns < sent.acknowledged_ns
    assert before <= environment.sim.epoch <= datetime.now(UTC)
    statistics = environment.real_time.statistics()
    assert statistics.injected >= 1


def test_eight_threads_trade_at_once_and_nothing_is_lost() -> None:
    environment = create_execution_environment(
        mode="LIVE_TRADING", config={"broker": "paper", "initial_cash": 10_000_000}, limits=RiskLimits(allow_short=True)
    )
    engine, context = environment.engine, environment.context
    threads, each = 8, 40

    async def trade(number: int, turn: int) -> object:
        sent = await engine.process_event(order(f"S{number % 3}", "BUY" if turn % 2 else "SELL", 1 + number))
        fills = await engine.execute_order(sent)
        async with context.transaction(f"{number}.{turn}"):
            await context.record_order(sent.order_id)
            for fill in fills:
                await context.record_fill(sent.order_id, fill.quantity, fill.commission, fill.slippage)
        return sent

    async def quote() -> None:
        for symbol in ("S0", "S1", "S2"):
            await engine.process_event(price(symbol, 100))

    ended: list[object] = []

    def work(number: int) -> None:
        for turn in range(each):
            ended.append(environment.submit(trade(number, turn)).result(timeout=60))

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]

    def all_of_them() -> None:
        environment.submit(quote()).result(timeout=60)
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        environment.stop()

    leader = threading.Thread(target=all_of_them)
    leader.start()
    environment.run()
    leader.join()
    environment.close()

    assert [sent.status for sent in ended] == [OrderStatus.FILLED] * (threads * each)
    metrics = context.metrics
    traded = sum(each * (1 + number) for number in range(threads))
    assert (metrics.orders, metrics.fill_rate, metrics.volume) == (threads * each, 1.0, traded)
    portfolio = environment.risk_portfolio.get_portfolio_state()
    assert {symbol: portfolio.position(symbol) for symbol in ("S0", "S1", "S2")} == {"S0": 0, "S1": 0, "S2": 0}


def test_eight_threads_and_a_hundred_thousand_operations_in_real_time_mode_lose_nothing() -> None:
    """Threads change the context and send orders, processes of the simulation do too, and all that was done is there."""
    threads, each, between = 8, 12_500, 500
    environment = create_execution_environment(
        mode="LIVE_TRADING",
        config={"broker": "paper", "initial_cash": 100_000_000},
        limits=RiskLimits(allow_short=True),
    )
    engine, context, sim = environment.engine, environment.context, environment.sim
    done = [0] * threads
    ended: list[object] = []
    torn: list[tuple[int, int]] = []
    is_over = threading.Event()

    async def both(by: int) -> None:
        """Two counters that are always equal, to whoever sees them from outside."""
        async with context.transaction("both"):
            await context.set("left", context.get("left", 0) + by)
            await context.set("right", context.get("right", 0) + by)

    async def undone() -> None:
        async with context.transaction("undone"):
            await context.set("left", -1)
            raise InterruptedError

    async def work(number: int) -> None:
        for turn in range(each):
            kind = turn % 5
            if kind == 0:
                await context.record_fill(f"{number}.{turn}", 1 + number, 1, 0)
            elif kind == 1:
                await both(1)
            elif kind == 2:
                async with context.resource(f"book {turn % 3}"):
                    await context.set(f"last {number}", turn)
            elif kind == 3:
                await context.record_order(f"{number}.{turn}")
            else:
                with suppress(InterruptedError):
                    await undone()
            done[number] += 1
            if turn % between == 0:
                ended.append(environment.submit(trade(number, turn)).result(timeout=60))

    async def trade(number: int, turn: int) -> object:
        sent = await engine.process_event(order("S", "BUY" if turn % 1000 else "SELL", 1 + number))
        await environment.order_manager.wait_final(sent)
        return sent

    async def inside() -> int:
        """A process of the simulation among the threads."""
        turns = 0
        while not is_over.is_set():
            await both(1)
            turns += 1
            await sim.timeout("1ms")
        return turns

    async def begin() -> None:
        await engine.process_event(price("S", 100))

    def look() -> None:
        while not is_over.wait(0.001):
            seen = context.metrics
            if seen.filled_orders > seen.orders:
                torn.append((seen.filled_orders, seen.orders))

    turns: list[int] = []

    def lead() -> None:
        try:
            environment.submit(begin()).result(timeout=60)
            process = environment.submit(inside())
            workers = [threading.Thread(target=lambda n=n: asyncio.run(work(n))) for n in range(threads)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join(timeout=120)
            is_over.set()
            turns.append(process.result(timeout=60))
        finally:
            is_over.set()
            environment.stop()

    others = [threading.Thread(target=lead), threading.Thread(target=look)]
    for other in others:
        other.start()
    environment.run()
    for other in others:
        other.join()
    environment.close()

    assert done == [each] * threads
    share = threads * each // 5
    metrics = context.metrics
    assert metrics.fills == share
    assert metrics.volume == sum((1 + number) * each // 5 for number in range(threads))
    assert metrics.orders == 2 * share
    assert context.get("left") == context.get("right") == share + turns[0]
    assert [context.get(f"last {number}") for number in range(threads)] == [each - 3] * threads
    assert metrics.transactions_rolled_back == share
    assert torn == []
    assert len(ended) == threads * each // between
    assert {sent.status for sent in ended} == {OrderStatus.FILLED}
    traded = sum(sent.side.sign * sent.filled_quantity for sent in ended)
    assert environment.risk_portfolio.get_portfolio_state().position("S") == traded


def test_an_event_from_another_thread_is_refused_with_the_way_to_hand_it_over() -> None:
    environment = create_execution_environment(mode="LIVE_TRADING", config={"broker": "paper"})
    said: list[str] = []

    def work() -> None:
        try:
            environment.submit(environment.engine.process_event(price())).result(timeout=60)
            asyncio.run(environment.engine.process_event(order()))
        except SimulationError as error:
            said.append(str(error))
        finally:
            environment.stop()

    thread = threading.Thread(target=work)
    thread.start()
    environment.run()
    thread.join()
    environment.close()

    assert len(said) == 1
    assert "hand it over by environment.submit(engine.process_event(event))" in said[0]
    assert environment.order_manager.orders() == []


def test_an_interrupt_ends_a_live_run_and_what_others_wait_for() -> None:
    environment = create_execution_environment(mode="LIVE_TRADING", config={"broker": "paper"})
    waiting: list[object] = []

    async def never() -> None:
        await environment.sim.timeout("1d")

    def work() -> None:
        future = environment.submit(never())
        environment.real_time.call(lambda _: signal.raise_signal(signal.SIGINT))
        waiting.append(future.exception(timeout=60))

    thread = threading.Thread(target=work)
    thread.start()
    with pytest.raises(KeyboardInterrupt), environment:
        environment.run()
    thread.join()

    assert environment.sim.is_closing
    assert isinstance(waiting[0], SimulationError)


@pytest.mark.parametrize("wrong", [{"limits": {"max_position": 5}}, {"circuit_breaker": 5}, {"sim": "now"}])
def test_components_of_another_kind_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match=rf"^{next(iter(wrong))} .* must be .*, or None$"):
        create_execution_environment(**wrong)


def test_an_environment_is_shown_in_one_line() -> None:
    with create_execution_environment(sim=Simulation(seed=3)) as environment:
        assert repr(environment) == f"<ExecutionEnvironment BACKTEST_SINGLE, BacktestBroker, {environment.sim!r}>"
