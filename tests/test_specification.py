"""The execution module's specification, block by block: what each of its fenced blocks shows is done here, by the same calls.

A test makes the calls of its block as they are written there, with ``simexec`` in the place of ``src.execution`` and ``src.risk``,
in simulated time. Where the specification itself is at hand, the tests at the end compare every statement with it.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import io
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml

import simexec
from simexec import (
    BacktestBrokerRefactored,
    BacktestConfig,
    BarArrays,
    ConfigError,
    DefaultExecutionEngine,
    EventType,
    ExecutionContext,
    ExecutionMode,
    Fill,
    FixedCommissionModel,
    FixedSlippageModel,
    InputError,
    MarketSimulator,
    Order,
    OrderManager,
    OrderSide,
    OrderStatus,
    OrderType,
    PercentCommissionModel,
    PerShareCommissionModel,
    RiskPortfolioContainer,
    Simulation,
    SimulationError,
    TransitionError,
    UnifiedBacktestEngine,
    VolumeSlippageModel,
    load_scenario,
)
from simexec.execution import Broker, FixedQuantity, Latencies, Place
from simexec.market.market import Market
from simexec.market.view import MarketView
from simexec.protocols import PortfolioStateProtocol
from simexec.sim import Constant
from simexec.sim.clock import DAY, HOUR
from simexec.testing.background import scripted_day
from simexec.venue import TradingHours, Venue

from .specification_blocks import PAGE, ROOT, Block, expressions, read, rows, statements

BUY, SELL = OrderSide.BUY, OrderSide.SELL


@pytest.fixture
def sim() -> Iterator[Simulation]:
    with Simulation() as current:
        yield current


def shown(price: float, volume: int | None = 1_000_000, symbol: str = "AAPL") -> dict[str, Any]:
    """The event by which market data come to an engine."""
    return {"type": EventType.MARKET_DATA, "data": {"symbol": symbol, "price": price, "volume": volume}}


def stack(capital: Any = 100_000, **models: Any) -> DefaultExecutionEngine:
    """An engine over a broker that simulates the market with these models."""
    risk_portfolio = RiskPortfolioContainer(initial_capital=capital, sizing=FixedQuantity(shares=100))
    broker = BacktestBrokerRefactored(
        portfolio_state=risk_portfolio.get_portfolio_state(), market_simulator=MarketSimulator(**models)
    )
    return DefaultExecutionEngine(broker=broker, risk=risk_portfolio)


def trade(order: Order, quantity: int, price: float, exec_id: str = "by hand") -> Fill:
    instrument = order.instrument
    return Fill(exec_id, order.order_id, instrument, order.side, quantity, instrument.to_quanta(price), 0)


# --- architecture -------------------------------------------------------------------------------------------------------


def test_block_01_components_are_plain_classes_without_inheritance() -> None:
    class BacktestBroker:
        """Simulated broker for backtesting"""

    class OrderManager:
        """Manages order lifecycle"""

    for asked in (BacktestBroker, OrderManager):
        assert getattr(simexec, asked.__name__).__bases__ == asked.__bases__ == (object,)
    for name in simexec.__all__:
        component = getattr(simexec, name)
        if inspect.isclass(component) and not issubclass(component, Exception):
            assert not any(base.__module__.startswith("simexec") for base in component.__mro__[1:]), name


def test_block_02_a_broker_holds_the_portfolio_state_and_no_positions_of_its_own(sim: Simulation) -> None:
    class BacktestBrokerRefactored:
        def __init__(self, portfolio_state: PortfolioStateProtocol) -> None:
            self.portfolio_state = portfolio_state

    portfolio_state = RiskPortfolioContainer(initial_capital=100_000).get_portfolio_state()
    assert isinstance(portfolio_state, PortfolioStateProtocol)
    sketch = BacktestBrokerRefactored(portfolio_state)
    broker, other = (simexec.BacktestBrokerRefactored(portfolio_state) for _ in range(2))
    assert broker.portfolio_state is other.portfolio_state is sketch.portfolio_state

    async def main() -> None:
        await broker.submit_order(await OrderManager().create_order("AAPL", BUY, 100))
        await broker.process_pending_orders({"AAPL": 150})

    sim.run(main())
    assert other.portfolio_state.position("AAPL") == 100
    assert not [name for name in vars(broker) if re.search("position|cash|holding", name)]


def test_block_03_signal_order_and_fill_are_told_in_this_order_and_then_the_portfolio_is_updated(
    sim: Simulation,
) -> None:
    flow = "SIGNAL → Risk&Portfolio → ORDER → ExecutionEngine → FILL → Portfolio Update"
    engine = stack()
    told: list[tuple[str, int]] = []
    for kind in (EventType.SIGNAL, EventType.ORDER, EventType.FILL):
        engine.on(kind, lambda event: told.append((event.type.name, engine.portfolio.position("AAPL"))))

    async def main() -> None:
        await engine.process_event(shown(150))
        await engine.process_event({"type": EventType.SIGNAL, "data": {"symbol": "AAPL", "side": "BUY"}})
        await sim.timeout("1s")

    sim.run(main())
    assert [kind for kind, _ in told] == [word for word in flow.split(" → ") if word in EventType.__members__]
    assert told[-1] == ("FILL", 100)
    assert engine.portfolio.cash["USD"] == 85_000 * 10**6


def test_block_04_every_module_of_the_tree_has_its_counterpart() -> None:
    tree = """
    src/execution/
    ├── protocols.py              # Core protocols and data types
    ├── execution_engine.py       # Main execution orchestrator
    ├── order_manager.py          # Order lifecycle management
    ├── backtest_broker.py        # Original broker (deprecated)
    ├── backtest_broker_refactored.py  # Refactored broker using portfolio state
    ├── market_simulation.py      # Slippage and commission models
    ├── execution_context.py      # Thread-safe execution context
    ├── capabilities.py           # Execution capabilities
    ├── backtest_engine.py        # Unified backtest engine
    └── __init__.py              # Module exports
    """
    homes = {
        "protocols.py": "protocols BrokerProtocol; protocols PortfolioStateProtocol; protocols Engine; trading.order Order;"
        " trading.report Fill; trading.events EventType; trading.vocabulary OrderSide; trading.vocabulary OrderType",
        "execution_engine.py": "execution.engine DefaultExecutionEngine",
        "order_manager.py": "execution.order_manager OrderManager",
        "backtest_broker.py": "execution.backtest_broker BacktestBroker",
        "backtest_broker_refactored.py": "execution.backtest_broker BacktestBroker",
        "market_simulation.py": "venue.market_simulator MarketSimulator; models.slippage FixedSlippageModel;"
        " models.slippage VolumeSlippageModel; models.commission FixedCommissionModel;"
        " models.commission PerShareCommissionModel; models.commission PercentCommissionModel",
        "execution_context.py": "execution.execution_context ExecutionContext",
        "capabilities.py": "trading.capabilities Capabilities; trading.capabilities require",
        "backtest_engine.py": "backtest.engine UnifiedBacktestEngine; backtest.config BacktestConfig",
        "__init__.py": "experiments.environment create_execution_environment",
    }
    assert list(homes) == re.findall(r"── (\w+\.py)", tree)
    for places in homes.values():
        for place in places.split("; "):
            module, name = place.split(" ")
            assert getattr(importlib.import_module(f"simexec.{module}"), name) is getattr(simexec, name)
    assert simexec.BacktestBroker is simexec.BacktestBrokerRefactored


# --- core components ----------------------------------------------------------------------------------------------------


def test_block_05_an_engine_over_a_stack_executes_an_order_event(sim: Simulation) -> None:
    from simexec import BacktestBrokerRefactored, DefaultExecutionEngine, RiskPortfolioContainer

    risk_portfolio = RiskPortfolioContainer(initial_capital=100000)
    broker = BacktestBrokerRefactored(portfolio_state=risk_portfolio.get_portfolio_state())
    engine = DefaultExecutionEngine(broker=broker)
    fields = {"symbol": "AAPL", "side": "BUY", "quantity": 100, "order_type": "LIMIT", "price": 150.00}
    order_event = {"type": EventType.ORDER, "data": fields}

    async def main() -> None:
        await engine.process_event(order_event)
        (order,) = engine.order_manager.orders()
        await engine.process_event(shown(150.01))
        await sim.timeout("1s")
        assert (order.status, engine.market("AAPL").price()) == (OrderStatus.SUBMITTED, 150.01)
        await engine.process_event(shown(149.90))
        await sim.timeout("1s")
        assert order.status is OrderStatus.FILLED
        assert (await engine.get_execution_stats())["metrics"]["fill_rate"] == 1.0
        with pytest.raises(InputError, match="quantity 0"):
            await engine.process_event({"type": EventType.ORDER, "data": fields | {"quantity": 0}})
        assert engine.order_manager.orders() == [order]

    sim.run(main())
    assert risk_portfolio.get_portfolio_state().position("AAPL") == 100


def test_block_06_an_order_goes_through_its_states(sim: Simulation) -> None:
    risk = RiskPortfolioContainer(initial_capital=100_000)
    order_manager = OrderManager(portfolio=risk.get_portfolio_state(), guards=[risk])

    async def main() -> None:
        order = await order_manager.create_order(
            symbol="AAPL", side=OrderSide.BUY, quantity=100, order_type=OrderType.LIMIT, price=150.00
        )
        status = await order_manager.get_order_status(order.order_id)
        seen = [status]
        await order_manager.submit_order(order.order_id)
        seen.append(await order_manager.get_order_status(order.order_id))
        for fill in (trade(order, 40, 149.98, "first"), trade(order, 60, 150, "second")):
            await order_manager.add_fill(order.order_id, fill)
            seen.append(await order_manager.get_order_status(order.order_id))
        assert [one.name for one in seen] == ["PENDING", "SUBMITTED", "PARTIAL", "FILLED"]
        assert order.average_price == Decimal("149.992")

        cancelled = await order_manager.create_order("AAPL", SELL, 100, OrderType.LIMIT, 151)
        await order_manager.submit_order(cancelled.order_id)
        await order_manager.cancel_order(cancelled.order_id)
        rejected = await order_manager.create_order("AAPL", SELL, 101, OrderType.LIMIT, 151)
        await order_manager.submit_order(rejected.order_id)
        assert (cancelled.status, rejected.status) == (OrderStatus.CANCELLED, OrderStatus.REJECTED)
        for ended in (order, cancelled, rejected):
            assert ended.status.is_final
            with pytest.raises(TransitionError, match=ended.status.name):
                await order_manager.submit_order(ended.order_id)

    sim.run(main())
    assert risk.get_portfolio_state().position("AAPL") == 100


def test_block_07_a_broker_fills_pending_orders_from_market_prices(sim: Simulation) -> None:
    risk_portfolio = RiskPortfolioContainer(initial_capital=100_000)
    order_manager = OrderManager()
    broker = BacktestBrokerRefactored(portfolio_state=risk_portfolio.get_portfolio_state())

    async def main() -> None:
        order = await order_manager.create_order("AAPL", BUY, 100, OrderType.LIMIT, 150)
        order_id = await broker.submit_order(order)
        assert (order_id, order.status) == (order.order_id, OrderStatus.SUBMITTED)
        for market_prices, expected in [({"AAPL": 150.01}, []), ({"MSFT": 1.0}, []), ({"AAPL": 149.5}, [(100, "150")])]:
            fills = await broker.process_pending_orders(market_prices)
            assert [(fill.quantity, fill.price) for fill in fills] == [(n, Decimal(price)) for n, price in expected]
        assert (order.status, broker.pending_orders) == (OrderStatus.FILLED, [])

    sim.run(main())
    portfolio = risk_portfolio.get_portfolio_state()
    assert (portfolio.position("AAPL"), portfolio.cash["USD"]) == (100, 85_000 * 10**6)


def test_block_08_a_simulator_fills_with_slippage_and_commission(sim: Simulation) -> None:
    simulator = MarketSimulator(
        slippage_model=VolumeSlippageModel(base_impact=0.0001),
        commission_model=PerShareCommissionModel(commission_per_share=0.005, min_commission=1.0),
    )

    async def main(quantity: int) -> Fill:
        order = await OrderManager().create_order("AAPL", BUY, quantity)
        fill = await simulator.simulate_fill(order=order, market_price=150.25, volume=1000000, spread=0.02)
        assert (fill.quantity, order.status) == (quantity, OrderStatus.PENDING)
        return fill

    small, large = sim.run(main(100)), sim.run(main(500_000))
    assert (small.price, small.commission) == (
        Decimal("150.2501"),
        Decimal(1),
    )  # 150.25 · 0.0001 · 100 / 1,000,000, and up
    assert (large.price, large.commission) == (Decimal("150.2576"), Decimal(2500))
    # The models that the block's heading lists:
    assert FixedSlippageModel(0.001).calculate_slippage(SimpleNamespace(quantity=1), 150.0, 1.0, 0.0) == 0.15
    dollars = 10**6
    assert FixedCommissionModel(2).commission(100, 15_000 * dollars, 0, 0) == 2 * dollars
    assert PercentCommissionModel("0.001").commission(100, 15_000 * dollars, 0, 0) == 15 * dollars
    bounded = PerShareCommissionModel(0.005, min_commission=1, max_commission=4)
    assert [bounded.commission(n, n * 150 * dollars, 0, 0) for n in (10, 500, 1000)] == [
        1 * dollars, 2_500_000, 4 * dollars,
    ]  # fmt: skip


def test_block_09_a_transaction_is_seen_whole_or_not_at_all(sim: Simulation) -> None:
    context = ExecutionContext()
    seen: list[tuple[set[str], int]] = []

    async def execute(order_id: str, volume: int, commission: Any, slippage: Any, fail: bool = False) -> None:
        async with context.transaction(f"execute_{order_id}"):
            await context.add_active_order(order_id)
            await sim.timeout("2s")
            await context.record_fill(order_id, volume, commission, slippage)
            if fail:
                raise ValueError(order_id)

    async def look() -> None:
        for _ in range(3):
            await sim.timeout("1s")
            seen.append((set(context.active_orders), context.metrics.volume))

    sim.process(look())
    sim.run(execute("o1", 100, Decimal("1.00"), 0.25))
    with pytest.raises(ValueError, match="o2"):
        sim.run(execute("o2", 50, 1, 0, fail=True))
    assert seen == [(set(), 0), ({"o1"}, 100), ({"o1"}, 100)]
    metrics = context.metrics
    assert (metrics.volume, metrics.fills, metrics.commission, metrics.slippage) == (100, 1, 1, Decimal("0.25"))
    assert [(one.name, one.committed) for one in context.history] == [("execute_o1", True), ("execute_o2", False)]


DATES = np.arange("2023-01-01", "2024-01-01", dtype="datetime64[D]")


def daily(*symbols: str) -> tuple[BarArrays, np.ndarray]:
    """Daily bars that open where the last closed; and the closes: up and down again, over and over."""
    closes = np.round(100 + 20 * np.sin(np.arange(len(DATES)) / 20), 2)
    opens = np.r_[100, closes[:-1]]
    bars = {
        "time": DATES, "open": opens, "high": np.maximum(opens, closes), "low": np.minimum(opens, closes), "close": closes,
        "volume": np.full(len(DATES), 1e6),
    }  # fmt: skip
    return BarArrays(dict.fromkeys(symbols, bars), interval="1d"), closes


class Planned:
    """A strategy that trades AAPL on planned days: positive to buy, negative to sell."""

    def __init__(self, plan: dict[int, int]) -> None:
        self.plan = plan
        self.day = -1

    def on_bar(self, bar: Any, trader: Any) -> None:
        if bar.symbol == "AAPL":
            self.day += 1
            quantity = self.plan.get(self.day, 0)
            if quantity:
                trader.send("AAPL", OrderSide.of_sign(quantity), abs(quantity))


def test_block_10_a_backtest_prints_its_return_sharpe_ratio_and_drawdown(capsys: pytest.CaptureFixture[str]) -> None:
    from simexec import BacktestConfig, UnifiedBacktestEngine

    data_loader, closes = daily("AAPL", "GOOGL", "MSFT")
    strategy = Planned({0: 100})

    async def main() -> None:
        config = BacktestConfig(
            start_date=datetime(2023, 1, 1),
            end_date=datetime(2023, 12, 31),
            initial_capital=Decimal("100000"),
            symbols=["AAPL", "GOOGL", "MSFT"],
            commission=Decimal("0.001"),
            slippage=Decimal("0.0005"),
        )
        engine = UnifiedBacktestEngine(config)
        results = await engine.run(strategy, data_loader)
        print(f"Total Return: {results.total_return:.2%}")
        print(f"Sharpe Ratio: {results.sharpe_ratio:.2f}")
        print(f"Max Drawdown: {results.max_drawdown:.2%}")

    asyncio.run(main())
    # Ordered when the first bar had ended, filled at the second's open, which is the first's close: 100.00.
    equity = 100_000 - 100 * 100.05 - 10.005 + 100 * np.r_[np.nan, closes[1:]]
    equity[0] = 100_000
    returns = equity / np.r_[100_000, equity[:-1]] - 1
    sharpe = returns.mean() / returns.std(ddof=1) * 252**0.5
    drawdown = (equity / np.maximum.accumulate(equity)).min() - 1
    assert capsys.readouterr().out.splitlines() == [
        f"Total Return: {equity[-1] / 100_000 - 1:.2%}", f"Sharpe Ratio: {sharpe:.2f}", f"Max Drawdown: {drawdown:.2%}",
    ]  # fmt: skip


# --- event flow ---------------------------------------------------------------------------------------------------------


def test_block_11_a_signal_takes_the_eight_steps_to_the_portfolio(sim: Simulation) -> None:
    asked = """
    1. Strategy generates SIGNAL
       ↓
    2. Risk&Portfolio validates and sizes position
       ↓
    3. ORDER event sent to ExecutionEngine
       ↓
    4. OrderManager validates and tracks order
       ↓
    5. Broker simulates execution
       ↓
    6. MarketSimulator applies slippage/commission
       ↓
    7. FILL event generated
       ↓
    8. Portfolio state updated (via Risk module)
    """
    steps: list[str] = []

    class Sizing:
        def quantity(self, signal: Any, instrument: Any, price_quanta: int, equity: int) -> int:
            steps.append("2 sized")
            return 100

    class Slippage:
        def calculate_slippage(self, order: Any, market_price: float, volume: float, spread: float) -> float:
            tracked = engine.order_manager.order(order.order_id)
            steps.append(f"4 {tracked.status.name}, 5 at {tracked.venue}, 6 slippage")
            return 0.25

    class Commission:
        def commission(self, quantity: int, notional: int, filled: int, filled_notional: int) -> int:
            steps.append("6 commission")
            return 1_000_000

    engine = stack(slippage_model=Slippage(), commission_model=Commission())
    engine.risk.sizing = Sizing()
    engine.on(EventType.FILL, lambda event: steps.append(f"7 FILL, 8 holds {engine.portfolio.position('AAPL')}"))

    async def main() -> None:
        await engine.process_event(shown(150))
        await sim.timeout("1s")
        await engine.process_event({"type": EventType.SIGNAL, "data": {"symbol": "AAPL", "side": "BUY"}})
        await sim.timeout("1s")

    sim.run(main())
    assert steps == [
        "2 sized", "4 SUBMITTED, 5 at SIM.AAPL, 6 slippage", "6 commission", "7 FILL, 8 holds 100",
    ]  # fmt: skip
    seen = {int(number) for step in [*steps, "1 SIGNAL, 3 ORDER"] for number in re.findall(r"\b(\d) [A-Za-z]", step)}
    assert sorted(seen) == [int(number) for number in re.findall(r"(\d)\. ", asked)]
    told = [event.type.name for event in engine.history if event.type is not EventType.MARKET_DATA]
    assert told == ["SIGNAL", "ORDER", "FILL"]
    assert engine.portfolio.cash["USD"] == (100_000 - 100 * 150.25 - 1) * 10**6


def test_block_12_the_order_event_leads_to_a_fill_and_the_fill_event_is_booked() -> None:
    order_event = {
        "type": EventType.ORDER,
        "data": {"symbol": "AAPL", "side": "BUY", "quantity": 100, "order_type": "LIMIT", "price": 150.00},
    }
    fill_event = {
        "type": EventType.FILL,
        "data": {
            "order_id": "ord_123",
            "symbol": "AAPL",
            "quantity": 100,
            "price": 150.25,
            "commission": 1.00,
            "slippage": 0.25,
        },
    }

    async def ordered(engine: DefaultExecutionEngine) -> None:
        order = await engine.process_event(order_event)
        await engine.process_event(shown(150.00))
        await engine.order_manager.wait_final(order)
        (told,) = [event.data for event in engine.history if event.type is EventType.FILL]
        expected = {"order_id": order.order_id, "symbol": "AAPL", "quantity": 100, "price": 150, "commission": 1}
        assert {name: told[name] for name in expected} == expected  # a limit order trades no worse than at its limit

    async def told_as_written(engine: DefaultExecutionEngine) -> None:
        """A market order that finds 150.00 ends in the very fields of the specification's FILL event."""
        for _ in range(122):
            await engine.create_order("AAPL", BUY, 100)
        await engine.process_event(shown(150.00))
        order = await engine.process_event(
            {"type": "ORDER", "data": {"symbol": "AAPL", "side": "BUY", "quantity": 100}}
        )
        await engine.order_manager.wait_final(order)
        (told,) = [event.data for event in engine.history if event.type is EventType.FILL]
        assert {name: float(told[name]) if name == "slippage" else told[name] for name in fill_event["data"]} == (
            fill_event["data"]
        )

    async def booked(engine: DefaultExecutionEngine) -> None:
        """The FILL event is handed in, of an order of which the market has not yet said anything."""
        for _ in range(122):
            await engine.create_order("AAPL", BUY, 100)
        order = await engine.process_event({"type": "ORDER", "data": order_event["data"] | {"price": 151}})
        fill = await engine.process_event(fill_event)
        assert (fill.price, fill.commission, fill.slippage) == (Decimal("150.25"), 1, Decimal("0.25"))
        assert (order.order_id, order.status) == ("ord_123", OrderStatus.FILLED)

    models = {"slippage_model": FixedSlippageModel(0.25 / 150), "commission_model": FixedCommissionModel(1)}
    for scene, paid in ((ordered, "150.00"), (told_as_written, "150.25"), (booked, "150.25")):
        with Simulation() as sim:
            engine = stack(**models)
            sim.run(scene(engine))
        assert engine.portfolio.position("AAPL") == 100
        assert engine.portfolio.cash["USD"] == (100_000 - 100 * Decimal(paid) - 1) * 10**6


# --- configuration ------------------------------------------------------------------------------------------------------


def test_block_13_an_environment_for_backtests_and_one_for_live_trading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from simexec import create_execution_environment

    components = create_execution_environment(
        mode="BACKTEST_SINGLE",
        config={"initial_cash": 100000, "commission_model": "per_share", "slippage_model": "fixed"},
    )
    engine = components["engine"]

    async def main() -> Order:
        await engine.process_event(shown(150))
        order = await engine.create_order("AAPL", BUY, 100)
        await engine.execute_order(order)
        return order

    order = components.run(main())
    assert (order.status, order.average_price, order.fees) == (OrderStatus.FILLED, Decimal("150.075"), 10**6)
    components.close()
    assert components["risk_portfolio"].get_portfolio_state().cash["USD"] == (100_000 - 15_007.5 - 1) * 10**6

    def live() -> Any:
        components = create_execution_environment(
            mode="LIVE_TRADING", config={"broker": "interactive_brokers", "thread_safety": True}
        )
        return components

    with pytest.raises(
        ConfigError, match="'interactive_brokers' is not an installed broker; installed: backtest, paper"
    ):
        live()

    # A package that offers a broker of this name; here it makes the one that only seems to trade.
    package = tmp_path / "interactive_brokers-1.0.dist-info"
    package.mkdir()
    package.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: interactive-brokers\nVersion: 1.0\n")
    package.joinpath("entry_points.txt").write_text(
        "[simexec.brokers]\ninteractive_brokers = simexec.execution.paper_broker:paper_broker\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with live() as components:
        assert components.config.execution.is_thread_safe
        orders: list[Order] = []

        def another_thread() -> None:
            for event in (shown(150), {"type": "ORDER", "data": {"symbol": "AAPL", "side": "BUY", "quantity": 100}}):
                found = components.submit(components["engine"].process_event(event)).result(timeout=60)
            orders.append(components.submit(components["order_manager"].wait_final(found)).result(timeout=60))
            asyncio.run(components["context"].set("done by", threading.current_thread().name))
            components.stop()

        thread = threading.Thread(target=another_thread, name="a feed")
        thread.start()
        components.run()
        thread.join()
        assert [order.status for order in orders] == [OrderStatus.FILLED]
        assert components["context"].get("done by") == "a feed"


def test_block_14_the_execution_section_configures_an_environment_and_a_scenario(tmp_path: Path) -> None:
    text = textwrap.dedent(
        """
        execution:
          mode: "BACKTEST_SINGLE"

          broker:
            class: "BacktestBrokerRefactored"

          market_simulation:
            slippage:
              type: "volume"
              base_impact: 0.0001

            commission:
              type: "tiered"
              tiers:
                - max_size: 1000
                  rate: 1.0
                - max_size: 10000
                  rate: 0.5
                - max_size: null
                  rate: 0.1

          order_manager:
            max_order_age: "1d"
            cleanup_interval: "1h"
        """
    )
    components = simexec.create_execution_environment(config=yaml.safe_load(text) | {"initial_cash": 10_000_000})
    sim, engine = components.sim, components.engine

    async def main() -> None:
        commissions, prices = [], []
        for quantity in (1_000, 10_000, 10_001):
            await engine.process_event(shown(150, 20_000))
            (fill,) = await engine.execute_order(await engine.create_order("AAPL", BUY, quantity))
            commissions.append(fill.commission)
            prices.append(fill.price)
        assert commissions == [Decimal("1.0"), Decimal("0.5"), Decimal("0.1")]
        assert prices == [Decimal(one) for one in ("150.0008", "150.0075", "150.0076")]
        resting = await engine.create_order("AAPL", BUY, 100, OrderType.LIMIT, 140)
        await engine.order_manager.submit_order(resting.order_id)
        await sim.timeout(DAY - HOUR)
        assert resting.status is OrderStatus.SUBMITTED
        await sim.timeout(3 * HOUR)
        assert resting.status is OrderStatus.CANCELLED

    components.run(main())
    components.close()

    path = tmp_path / "scenario.yaml"
    path.write_text(ROOT.joinpath("scenarios", "quickstart.yaml").read_text(encoding="utf-8") + text)
    scenario = load_scenario(path)
    assert scenario.execution == components.config.execution
    assert scenario.execution.mode is ExecutionMode.BACKTEST_SINGLE
    assert (scenario.execution.order_manager.max_order_age, scenario.execution.order_manager.cleanup_interval) == (
        DAY,
        HOUR,
    )
    assert len(scenario.unused()) == 2  # before an order book no model of price or cost is used, and a run says so


# --- usage examples -----------------------------------------------------------------------------------------------------


def test_block_15_a_simple_order_is_submitted_and_its_status_printed(
    sim: Simulation, capsys: pytest.CaptureFixture[str]
) -> None:
    from simexec import OrderManager, OrderSide, OrderType

    async def main() -> None:
        order_manager = OrderManager()
        order = await order_manager.create_order(
            symbol="AAPL", side=OrderSide.BUY, quantity=100, order_type=OrderType.MARKET
        )
        await order_manager.submit_order(order.order_id)
        status = await order_manager.get_order_status(order.order_id)
        print(f"Order status: {status}")

    sim.run(main())
    assert capsys.readouterr().out == "Order status: OrderStatus.SUBMITTED\n"


def test_block_16_a_slippage_model_of_ones_own_prices_fills_by_the_volume(sim: Simulation) -> None:
    from simexec import MarketSimulator, VolumeSlippageModel

    class AdaptiveSlippageModel:
        def calculate_slippage(self, order: Any, market_price: float, volume: float, spread: float) -> float:
            if volume < 100000:
                return market_price * 0.002
            else:
                return market_price * 0.0005

    simulator = MarketSimulator(slippage_model=AdaptiveSlippageModel())
    ours = MarketSimulator(slippage_model=VolumeSlippageModel())

    async def asked(volume: int) -> tuple[Decimal, Decimal]:
        order = await OrderManager().create_order("AAPL", SELL, 100)
        fills = [await one.simulate_fill(order, 100, volume) for one in (simulator, ours)]
        return fills[0].price, fills[1].price

    assert sim.run(asked(99_999)) == (Decimal("99.8"), Decimal("99.9999"))
    assert sim.run(asked(100_000)) == (Decimal("99.95"), Decimal("99.9999"))

    engine = stack(slippage_model=AdaptiveSlippageModel())

    async def traded() -> list[Decimal]:
        prices = []
        for volume in (99_999, 100_000):
            await engine.process_event(shown(100, volume))
            prices += [fill.price for fill in await engine.execute_order(await engine.create_order("AAPL", BUY, 100))]
        return prices

    assert sim.run(traded()) == [Decimal("100.2"), Decimal("100.05")]


def test_block_17_a_complete_backtest_prints_equity_trades_and_win_rate(
    sim: Simulation, capsys: pytest.CaptureFixture[str]
) -> None:
    data_loader, closes = daily("AAPL", "GOOGL")
    strategy = Planned({40: 10, 60: -10, 130: 10, 155: -10})  # sells lower, then higher

    async def run_backtest() -> None:
        risk_portfolio = RiskPortfolioContainer(initial_capital=Decimal("100000"))
        broker = BacktestBrokerRefactored(portfolio_state=risk_portfolio.get_portfolio_state())
        engine = UnifiedBacktestEngine(
            config=BacktestConfig(
                start_date=datetime(2023, 1, 1),
                end_date=datetime(2023, 12, 31),
                initial_capital=Decimal("100000"),
                symbols=["AAPL", "GOOGL"],
            )
        )
        results = await engine.run(strategy, data_loader)
        print(f"Final equity: ${results.final_equity:,.2f}")
        print(f"Total trades: {results.total_trades}")
        print(f"Win rate: {results.win_rate:.1%}")
        assert broker.portfolio_state.positions == {}  # the backtest has an account of its own

    sim.run(run_backtest())
    profit = 10 * (closes[60] - closes[40] + closes[155] - closes[130])
    assert closes[60] < closes[40]
    assert capsys.readouterr().out.splitlines() == [
        f"Final equity: ${100_000 + profit:,.2f}", "Total trades: 2", "Win rate: 50.0%",
    ]  # fmt: skip


# --- testing ------------------------------------------------------------------------------------------------------------

AREAS = {
    "Order lifecycle transitions": "trading/test_order.py trading/test_transitions.py execution/test_order_manager.py",
    "Fill simulation accuracy": "venue/test_model_venue.py models/test_slippage.py models/test_commission.py",
    "Thread safety verification": "execution/test_execution_context_threads.py",
    "Event flow validation": "test_specification.py",
    "Integration with Risk module": "execution/test_risk.py execution/test_risk_stateful.py",
}


def test_block_18_the_tests_of_the_execution_room_run_by_one_command() -> None:
    asked = "pytest src/execution/tests/ -v"
    command = asked.replace("src/execution/tests/", "tests/execution/").split()
    assert ROOT.joinpath(command[1]).is_dir()
    quick = [f"{command[1]}test_rolling_window.py", command[2], "-p", "no:cacheprovider"]  # all of them take a minute
    done = subprocess.run([sys.executable, "-m", command[0], *quick], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert " PASSED " in done.stdout
    for files in AREAS.values():
        for file in files.split():
            assert re.search(
                r"^(def test_|class Test)", ROOT.joinpath("tests", file).read_text(encoding="utf-8"), re.M
            ), file


# --- migration ----------------------------------------------------------------------------------------------------------


def test_block_19_the_old_backtest_engine_is_refused_with_its_successor() -> None:
    def old_way(config: BacktestConfig) -> object:
        from simexec.backtest import BacktestEngine

        engine = BacktestEngine(config)
        return engine

    with pytest.raises(
        ImportError, match="BacktestEngine of the old backtest module is gone; use `from simexec import Un"
    ):
        old_way(BacktestConfig(start_date="2023-01-01", end_date="2023-01-02", symbols=["AAPL"]))


def test_block_20_the_new_backtest_engine_takes_a_config() -> None:
    from simexec import UnifiedBacktestEngine

    config = BacktestConfig(start_date="2023-01-01", end_date="2023-01-31", symbols=["AAPL"])
    engine = UnifiedBacktestEngine(config)
    data_loader, closes = daily("AAPL")
    results = asyncio.run(engine.run(Planned({0: 10}), data_loader))
    assert float(results.final_equity) == pytest.approx(100_000 + 10 * (closes[30] - closes[0]))
    with pytest.raises(InputError, match="is no BacktestConfig"):
        UnifiedBacktestEngine({"symbols": ["AAPL"]})


# --- best practices -----------------------------------------------------------------------------------------------------


def test_block_21_a_broker_needs_the_portfolio_and_refuses_cash_of_its_own(sim: Simulation) -> None:
    from simexec import BacktestBroker

    portfolio_state = RiskPortfolioContainer(initial_capital=100_000).get_portfolio_state()

    def good() -> Any:
        broker = BacktestBrokerRefactored(portfolio_state)
        return broker

    def bad() -> Any:
        broker = BacktestBroker(initial_cash=100000)
        return broker

    assert good().portfolio_state is portfolio_state
    with pytest.raises(
        InputError, match=r"initial_cash=100000 was given, but a broker keeps no cash .*portfolio_state="
    ):
        bad()


def test_block_22_events_are_awaited_and_the_synchronous_call_says_so(sim: Simulation) -> None:
    engine = stack()
    order_event = {"type": EventType.ORDER, "data": {"symbol": "AAPL", "side": "BUY", "quantity": 100}}

    def good() -> Any:
        async def process_order(order: Any) -> Any:
            result = await engine.process_event(order_event)
            return result

        return process_order

    def bad() -> Any:
        def process_order(order: Any) -> Any:
            result = engine.process_event_sync(order_event)
            return result

        return process_order

    sim.run(engine.process_event(shown(150)))
    assert sim.run(good()(order_event)).symbol == "AAPL"
    with pytest.raises(SimulationError, match=r"write `await engine\.process_event\(event\)` in an async function"):
        bad()(order_event)
    with pytest.raises(SimulationError, match=r"sim\.run"):
        asyncio.run(await_under_asyncio(sim))
    assert len(engine.order_manager.orders()) == 1


async def await_under_asyncio(sim: Simulation) -> None:
    await sim.timeout("1s")


def test_block_23_the_volume_model_charges_large_orders_and_the_fixed_one_all_alike(sim: Simulation) -> None:
    async def slippage(simulator: MarketSimulator) -> list[Decimal]:
        orders = [await OrderManager().create_order("AAPL", BUY, quantity) for quantity in (100, 500_000)]
        return [(await simulator.simulate_fill(order, 150, 1_000_000)).slippage for order in orders]

    simulator = MarketSimulator(slippage_model=VolumeSlippageModel())
    small, large = sim.run(slippage(simulator))
    assert (small, large) == (Decimal("0.0001"), Decimal("0.0075"))
    simulator = MarketSimulator(slippage_model=FixedSlippageModel())
    assert sim.run(slippage(simulator)) == [Decimal("0.075"), Decimal("0.075")]


def test_block_24_execution_statistics_have_a_fill_rate_and_an_average_slippage(
    sim: Simulation, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = stack(slippage_model=FixedSlippageModel())

    async def main() -> None:
        for price in (150, 152):
            await engine.process_event(shown(price))
            await engine.execute_order(await engine.create_order("AAPL", BUY, 100))
        resting = await engine.create_order("AAPL", BUY, 100, OrderType.LIMIT, 140)
        await engine.order_manager.submit_order(resting.order_id)
        await sim.timeout("1s")
        stats = await engine.get_execution_stats()
        print(f"Fill rate: {stats['metrics']['fill_rate']:.1%}")
        print(f"Avg slippage: {stats['execution']['avg_slippage_per_fill']:.4f}")

    sim.run(main())
    assert capsys.readouterr().out == "Fill rate: 66.7%\nAvg slippage: 0.0755\n"


# --- common patterns ----------------------------------------------------------------------------------------------------


def test_block_25_a_large_order_is_executed_in_chunks(sim: Simulation) -> None:
    engine = stack()

    async def create_order(symbol: str, chunk: int) -> Order:
        return await engine.create_order(symbol, BUY, chunk)

    async def execute_large_order(engine: Any, symbol: str, quantity: int, chunk_size: int = 100) -> list[Any]:
        remaining = quantity
        fills = []
        while remaining > 0:
            chunk = min(remaining, chunk_size)
            order = await create_order(symbol, chunk)
            fill = await engine.execute_order(order)
            fills.append(fill)
            remaining -= chunk
        return fills

    async def main() -> None:
        await engine.process_event(shown(150))
        theirs = await execute_large_order(engine, "AAPL", 250)
        ours = await simexec.execute_large_order(engine, "AAPL", 250)
        assert [fill.quantity for fills in theirs for fill in fills] == [100, 100, 50]
        assert [fill.quantity for fill in ours] == [100, 100, 50]

    sim.run(main())
    assert engine.portfolio.position("AAPL") == 500


def test_block_26_orders_adapt_to_the_volatility_of_the_market() -> None:
    class AdaptiveExecutor:
        def __init__(self, engine: Any) -> None:
            self.engine = engine

        async def execute(self, order: Any, market_conditions: Any) -> Any:
            if market_conditions.volatility > 0.02:
                order.order_type = OrderType.LIMIT
                order.price = market_conditions.mid_price
            else:
                order.order_type = OrderType.MARKET

            return await self.engine.execute_order(order)

    async def main(make: Any, sim: Simulation) -> list[tuple[str, Decimal | None, Decimal, int]]:
        engine = stack()
        executor, seen = make(engine), []
        await engine.process_event(shown(150.40))
        for volatility in (0.03, 0.01):
            order = await engine.create_order("AAPL", BUY, 100)
            conditions = SimpleNamespace(volatility=volatility, mid_price=150.10)
            began = sim.now
            done = sim.process(executor.execute(order, conditions))
            await (done | sim.timeout("1s"))
            if not done.triggered:  # a limit order rests until the market comes to it
                await engine.process_event(shown(150.05))
            (fill,) = await done
            seen.append((order.order_type.name, order.price, fill.price, sim.now - began))
        return seen

    expected = [
        ("LIMIT", Decimal("150.1"), Decimal("150.1"), 10**9),
        ("MARKET", None, Decimal("150.05"), 0),
    ]
    for make in (AdaptiveExecutor, simexec.AdaptiveExecutor):
        with Simulation() as sim:
            assert sim.run(main(make, sim)) == expected


def test_block_27_fills_are_analysed(sim: Simulation) -> None:
    class ExecutionAnalyzer:
        def __init__(self, ours: Any) -> None:
            self.submitted_orders = ours.submitted_orders
            self.calculate_vwap = ours.calculate_vwap
            self.calculate_shortfall = ours.calculate_shortfall

        def analyze_fills(self, fills: list[Fill]) -> dict[str, Any]:
            return {
                "vwap": self.calculate_vwap(fills),
                "total_slippage": sum(f.slippage for f in fills),
                "implementation_shortfall": self.calculate_shortfall(fills),
                "fill_rate": len(fills) / len(self.submitted_orders),
            }

    engine = stack(slippage_model=FixedSlippageModel(), commission_model=FixedCommissionModel(1))

    async def main() -> tuple[list[Order], list[Fill]]:
        orders, fills = [], []
        for price in (150, 152):
            await engine.process_event(shown(price))
            orders.append(await engine.create_order("AAPL", BUY, 100))
            fills += await engine.execute_order(orders[-1])
        return orders, fills

    orders, fills = sim.run(main())
    ours = simexec.ExecutionAnalyzer(orders, decision_price=150)
    figures, theirs = ours.analyze_fills(fills), ExecutionAnalyzer(ours).analyze_fills(fills)
    assert figures["vwap"] == pytest.approx((150.075 + 152.076) / 2)
    assert figures["implementation_shortfall"] == pytest.approx(100 * (0.075 + 2.076) + 2)
    assert figures["total_slippage"] == pytest.approx(100 * (0.075 + 0.076))  # of all shares, in money
    assert figures["fill_rate"] == 1.0
    assert theirs == figures | {"total_slippage": Decimal("0.151")}  # theirs adds up slippages a share


# --- circuit breaker and router -----------------------------------------------------------------------------------------


def test_block_28_a_circuit_breaker_trips_on_excessive_failures(sim: Simulation) -> None:
    ours = simexec.ExecutionCircuitBreaker()

    class ExecutionCircuitBreaker:
        def __init__(self) -> None:
            self.max_failed_orders_per_minute = 10
            self.max_rejection_rate = 0.25
            self.trip_circuit = ours.trip_circuit

        async def check_circuit(self, metrics: Any) -> bool:
            if metrics.failed_orders_1min > self.max_failed_orders_per_minute:
                await self.trip_circuit("Excessive failures")
                return False
            return True

    sketch = ExecutionCircuitBreaker()
    for name in ("max_failed_orders_per_minute", "max_rejection_rate"):
        assert getattr(ours, name) == getattr(sketch, name)

    async def answers(breaker: Any) -> list[bool]:
        return [await breaker.check_circuit(SimpleNamespace(failed_orders_1min=failed)) for failed in (0, 10, 11)]

    assert sim.run(answers(sketch)) == [True, True, False]
    assert (ours.state.name, ours.history[-1].reason) == ("OPEN", "Excessive failures")
    ours.reset()
    assert sim.run(answers(ours)) == [True, True, False]
    assert ours.history[-1].reason == "11 orders failed in a minute, more than 10"
    ours.reset()
    assert sim.run(ours.check_circuit(SimpleNamespace(rejection_rate=0.26))) is False
    ours.reset()
    assert sim.run(sketch.check_circuit(ours.metrics())) is True  # it reads our figures too


def test_an_open_circuit_halts_trading(sim: Simulation) -> None:
    breaker = simexec.ExecutionCircuitBreaker()
    risk = RiskPortfolioContainer(initial_capital=100_000)
    broker = BacktestBrokerRefactored(risk.get_portfolio_state())
    engine = DefaultExecutionEngine(broker, risk=risk, circuit_breaker=breaker)

    async def main() -> tuple[Order, Order]:
        await engine.process_event(shown(150))
        resting = await engine.create_order("AAPL", BUY, 100, OrderType.LIMIT, 140)
        await engine.order_manager.submit_order(resting.order_id)
        await sim.timeout("1s")
        await breaker.trip_circuit("by hand")
        await sim.timeout("1s")
        refused = await engine.process_event(
            {"type": "ORDER", "data": {"symbol": "AAPL", "side": "BUY", "quantity": 1}}
        )
        return resting, refused

    resting, refused = sim.run(main())
    assert (resting.status, refused.status) == (OrderStatus.CANCELLED, OrderStatus.REJECTED)
    assert "trip_circuit, by hand" in refused.reason


def test_block_29_a_router_divides_an_order_over_venues(sim: Simulation) -> None:
    instrument = simexec.Instrument("AAPL", Decimal("0.01"))
    broker, hours, places = Broker(sim), TradingHours(0, HOUR), {}
    for name, offers in {"ALFA": [(15_001, [300])], "BETA": [(15_000, [200]), (15_003, [900])]}.items():
        market = Market(name, scripted_day([(14_990, [500])], offers, (), tick_quanta=instrument.subticks))
        broker.connect(Venue(sim, name, instrument, market, hours, service=Constant("10us")), Latencies())
        places[name] = Place(MarketView(sim, market, Constant("250us")))
    manager = OrderManager(broker, simexec.trading.portfolio.Portfolio(100_000, "USD"), [instrument])
    ours = simexec.SmartOrderRouter(manager, broker, {"AAPL": places}, sim=sim)

    class SmartOrderRouter:
        def __init__(self) -> None:
            self.get_all_quotes = ours.get_all_quotes
            self.calculate_optimal_route = ours.calculate_optimal_route
            self.create_child_orders = ours.create_child_orders

        async def route_order(self, order: Any) -> Any:
            quotes = await self.get_all_quotes(order.symbol)
            routing_plan = await self.calculate_optimal_route(order, quotes)
            return self.create_child_orders(routing_plan)

    async def main() -> None:
        await sim.timeout("1ms")
        quotes = await ours.get_all_quotes("AAPL")
        assert {venue: quote.ask for venue, quote in quotes.items()} == {"ALFA": 1_500_100, "BETA": 1_500_000}
        divided = []
        for router in (SmartOrderRouter(), ours):
            order = await manager.create_order("AAPL", BUY, 400, OrderType.LIMIT, 150.01)
            children = await router.route_order(order)
            divided.append({child.venue: (child.quantity, child.price) for child in children})
            sent = {child.status is OrderStatus.PENDING for child in children}
            assert sent == {router is not ours}  # the sketch creates children, ours sends them too
        assert divided[0] == divided[1] == {"ALFA": (200, Decimal("150.01")), "BETA": (200, Decimal("150"))}
        await manager.wait_final(order)
        assert (order.status, order.average_price) == (OrderStatus.FILLED, Decimal("150.005"))

    sim.run(main())


# --- troubleshooting ----------------------------------------------------------------------------------------------------


def test_block_30_the_execution_logger_is_quiet_until_it_is_set_to_debug(sim: Simulation) -> None:
    import logging

    written = io.StringIO()
    logger, handler = logging.getLogger("execution"), logging.StreamHandler(written)
    assert any(isinstance(one, logging.NullHandler) for one in logger.handlers)  # or Python would print warnings itself
    before = logger.level
    engine = stack()

    async def main() -> None:
        await sim.timeout("9h30m")
        await engine.process_event(shown(150))
        await engine.execute_order(await engine.create_order("AAPL", BUY, 100))

    logger.addHandler(handler)
    try:
        sim.run(engine.process_event(shown(149)))
        assert (before, written.getvalue()) == (logging.NOTSET, "")
        logging.getLogger("execution").setLevel(logging.DEBUG)
        sim.run(main())
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
    lines = written.getvalue().splitlines()
    assert all(line.startswith("09:30:00 ") for line in lines)
    assert [word for line in lines for word in ("leaves", "NEW", "TRADE") if word in line] == ["leaves", "NEW", "TRADE"]


# --- the page about migration --------------------------------------------------------------------------------------------


def messages(page: Path) -> list[str]:
    """Beginnings of the messages that the page's table of errors has, with ``...`` for what varies."""
    table = page.read_text(encoding="utf-8").partition("\n## Errors\n")[2]
    return re.findall(r"^\| (?:reason )?`(.+?)` \|", table, re.M)


def errors_met() -> Iterator[str]:
    """What is said to those who do what the page advises against."""

    async def under_sim() -> None:
        await asyncio.sleep(0.001)

    def buy(quantity: Any, **fields: Any) -> dict[str, Any]:
        return {"type": "ORDER", "data": {"symbol": "AAPL", "side": "BUY", "quantity": quantity, **fields}}

    def refusing(guard: Any) -> DefaultExecutionEngine:
        risk = RiskPortfolioContainer(initial_capital=100)
        return DefaultExecutionEngine(
            BacktestBrokerRefactored(risk.get_portfolio_state()), risk=risk, circuit_breaker=guard
        )

    async def sent(engine: DefaultExecutionEngine) -> Order:
        await engine.process_event(shown(150))
        return await engine.process_event(buy(1, order_type="LIMIT", price=140))

    async def sent_again() -> None:
        engine = stack()
        await engine.order_manager.submit_order((await sent(engine)).order_id)

    async def pulled_too() -> None:
        engine = stack()
        await engine.broker.submit_order(await sent(engine))

    async def without_volume() -> None:
        engine = stack(slippage_model=VolumeSlippageModel())
        await engine.process_event(shown(150, None))

    def portfolio() -> Any:
        return RiskPortfolioContainer(initial_capital=100).get_portfolio_state()

    environment = simexec.create_execution_environment
    for wrong in (
        OrderManager,
        lambda: UnifiedBacktestEngine({"symbols": ["AAPL"]}),
        lambda: environment("LIVE_TRADING", {"broker": "interactive_brokers"}),
        lambda: environment("LIVE_TRADING"),
        lambda: importlib.import_module("simexec.backtest").BacktestEngine,
        lambda: BacktestBrokerRefactored(initial_cash=100000),
        BacktestBrokerRefactored,
    ):
        with pytest.raises((InputError, SimulationError, ImportError)) as met:
            wrong()
        yield str(met.value)
    for late in (
        lambda sim: DefaultExecutionEngine(BacktestBrokerRefactored(portfolio()), risk=RiskPortfolioContainer(100)),
        lambda sim: stack().process_event_sync({}),
        lambda sim: asyncio.run(await_under_asyncio(sim)),
        lambda sim: sim.run(under_sim()),
        lambda sim: sim.run(stack().process_event(buy(1, order_type="LIMIT", price=150.005))),
        lambda sim: sim.run(stack().process_event(buy(1.5))),
        lambda sim: sim.run(stack().process_event(buy(1, order_type="LIMIT"))),
        lambda sim: sim.run(OrderManager().get_order_status("ord_9")),
        lambda sim: sim.run(sent_again()),
        lambda sim: sim.run(pulled_too()),
        lambda sim: sim.run(without_volume()),
        lambda sim: sim.run(DefaultExecutionEngine(BacktestBrokerRefactored(portfolio())).process_event(
            {"type": "SIGNAL", "data": {"symbol": "AAPL", "side": "BUY"}})),
    ):  # fmt: skip
        with Simulation() as sim, pytest.raises((InputError, SimulationError, TransitionError)) as met:
            late(sim)
        yield str(met.value)

    async def reasons() -> list[str]:
        breaker = simexec.ExecutionCircuitBreaker()
        engine = refusing(breaker)
        found = [await engine.process_event(buy(1))]
        await engine.process_event(shown(150))
        found += [await engine.process_event(buy(100)), await engine.process_event(buy(1) | {"data": {
            "symbol": "AAPL", "side": "SELL", "quantity": 1}})]  # fmt: skip
        await breaker.trip_circuit("by hand")
        found.append(await engine.process_event(buy(1)))
        return [order.reason for order in found]

    with Simulation() as sim:
        yield from sim.run(reasons())


def test_the_errors_of_the_migration_page_are_those_that_are_met() -> None:
    begins = messages(ROOT / "docs" / "migration.md")
    patterns = {one: ".*".join(map(re.escape, one.split("..."))) for one in begins}
    met = list(errors_met())
    known = {one for one, pattern in patterns.items() for text in met if re.match(rf"(broker: )?{pattern}", text)}
    assert set(begins) - known == {"InvariantError"}  # which nobody should meet
    unlisted = [text for text in met if not any(re.match(rf"(broker: )?{one}", text) for one in patterns.values())]
    assert unlisted == []


# --- the page, and the specification itself -------------------------------------------------------------------------------

TESTS = {name: test for name, test in list(globals().items()) if name.startswith("test_block_")}


@pytest.fixture(scope="module")
def specification(data_dir: Path) -> tuple[list[str], list[Block]]:
    path = data_dir.parent / "execution-module.md"
    if not path.is_file():
        pytest.skip(f"no specification at {path}")
    return read(path.read_text(encoding="utf-8"))


def test_the_page_has_a_row_for_every_block_and_a_test_for_every_row() -> None:
    assert [row.number for row in rows()] == list(range(1, len(TESTS) + 1))
    assert [row.test for row in rows()] == list(TESTS)
    assert [int(name.split("_")[2]) for name in TESTS] == list(range(1, len(TESTS) + 1))


def test_every_block_of_the_specification_has_its_row_and_its_test(
    specification: tuple[list[str], list[Block]],
) -> None:
    _, blocks = specification
    assert len(blocks) == len(rows()) == len(TESTS)
    for row, block in zip(rows(), blocks, strict=True):
        assert (row.under, row.begins) == (block.under, block.first_line)
        assert row.test in TESTS


def test_the_page_goes_through_the_headings_of_the_specification_in_order(
    specification: tuple[list[str], list[Block]],
) -> None:
    headings, _ = specification
    ours, _ = read(PAGE.read_text(encoding="utf-8"))
    assert [one for one in ours if one in headings] == headings[1:]  # the first is its title


def test_the_tests_do_what_the_blocks_do(specification: tuple[list[str], list[Block]]) -> None:
    _, blocks = specification
    for test, block in zip(TESTS.values(), blocks, strict=True):
        source = inspect.getsource(test)
        if block.language == "python":
            missing = statements(block.text) - statements(source) - expressions(source)
        else:
            missing = {line for line in block.lines if line not in source}
        assert missing == set(), test.__name__


def test_a_statement_that_differs_is_missed() -> None:
    written = 'from src.risk import A, B\nx = await f(a=1)  # why\nclass C:\n    """D."""\n    y: int = 2\n'
    assert statements(written) == {
        "from simexec import A", "from simexec import B", "x = await f(a=1)", "class C()", "y: int = 2",
    }  # fmt: skip
    assert statements("x = await f(a=1.0)") - statements(written) == {"x = await f(a=1.0)"}
    assert "f(a=1)" in expressions("async def main():\n    return await f(a=1)")
