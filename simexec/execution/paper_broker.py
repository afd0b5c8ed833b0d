"""A broker that only seems to trade: for the wall clock, where a backtest's broker without latency would flatter."""

from __future__ import annotations

from collections.abc import Iterable

from simexec.execution.backtest_broker import BacktestBroker
from simexec.execution.broker import Latencies
from simexec.protocols import PortfolioStateProtocol
from simexec.sim import Simulation
from simexec.trading.instrument import Instrument
from simexec.venue.market_simulator import MarketSimulator


def paper_broker(
    portfolio_state: PortfolioStateProtocol,
    *,
    market_simulator: MarketSimulator | None = None,
    instruments: Iterable[Instrument] | None = None,
    sim: Simulation | None = None,
    latencies: Latencies | None = None,
) -> BacktestBroker:
    """A ``BacktestBroker`` named ``paper`` with latencies to its venues; by default those of ``Latencies``, 250 us each way."""
    return BacktestBroker(
        portfolio_state,
        market_simulator=market_simulator,
        instruments=instruments,
        latencies=latencies or Latencies(),
        sim=sim,
        name="paper",
    )
