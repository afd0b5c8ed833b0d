from __future__ import annotations

import pytest

from simexec.config.brokers import installed_brokers, load_broker
from simexec.errors import InputError
from simexec.execution import OrderManager
from simexec.execution.backtest_broker import BacktestBroker
from simexec.execution.broker import Latencies
from simexec.execution.market_rows import row_of
from simexec.execution.paper_broker import paper_broker
from simexec.sim import Constant, Simulation
from simexec.trading.portfolio import Portfolio
from simexec.trading.vocabulary import OrderSide, OrderStatus


def test_the_paper_broker_is_found_by_its_name() -> None:
    assert load_broker("paper") is paper_broker
    assert {"backtest", "paper"} <= installed_brokers().keys()


@pytest.mark.parametrize(
    ("latencies", "out", "back"),
    [(None, 250_000, 500_000), (Latencies(Constant("3ms"), Constant("3ms"), Constant("4ms")), 3_000_000, 7_000_000)],
)
def test_orders_take_time_to_arrive_and_reports_to_come_back(latencies: Latencies | None, out: int, back: int) -> None:
    with Simulation() as sim:
        portfolio = Portfolio(100_000)
        broker = paper_broker(portfolio, latencies=latencies)
        manager = OrderManager(broker, portfolio)
        order = manager.new_order("AAPL", OrderSide.BUY, 10)
        broker.push(order.instrument, row_of(order.instrument, 100, sim.now))
        manager.submit(order)
        sim.run(manager.final(order))

        assert order.status is OrderStatus.FILLED
        assert (order.acknowledged_ns, sim.now) == (out, back)
        assert order.venue == "paper.AAPL"


def test_brokers_of_one_simulation_have_names_of_their_own() -> None:
    with Simulation():
        portfolio = Portfolio(100_000)
        first, second, third = BacktestBroker(portfolio), BacktestBroker(portfolio), paper_broker(portfolio)
        share = first.instrument("AAPL")

        assert [one.venue(share).name for one in (first, second, third)] == ["SIM.AAPL", "SIM2.AAPL", "paper.AAPL"]
        with pytest.raises(InputError, match="paper"):
            paper_broker(portfolio)
