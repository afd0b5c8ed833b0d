"""Algorithms, order manager and broker work on a venue without a book as they do on any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simexec.algos import TWAP, Iceberg, Tactics
from simexec.execution import Broker, OrderManager, ParentExecution
from simexec.execution.parent import work
from simexec.market.tape import QuoteTape, Tape
from simexec.models.slippage import FixedSlippageModel
from simexec.protocols import Algorithm
from simexec.sim import Constant, Simulation
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType
from simexec.venue import ModelVenue, TradingHours

from .modelled import BAR, SECOND, SHARE, bars, flat, quotes


def run_parent(
    data: Tape, algorithm: Algorithm, quantity: int, start: int = 1, **options: Any
) -> tuple[Order, list[Order], Portfolio]:
    sim = Simulation(seed=1)
    hours = TradingHours(0, 24 * 3600 * SECOND)
    options = {"participation": "0.1", "service": Constant("10us")} | options
    venue = ModelVenue(sim, "XMOD", SHARE, data, hours, **options)
    broker = Broker(sim)
    broker.connect(venue)
    portfolio = Portfolio(100_000_000, "USD")
    manager = OrderManager(broker, portfolio, [SHARE], sim=sim)
    view = venue.view(Constant("250us"), "view")
    sim.run(start)
    parent = manager.create(SHARE, OrderSide.BUY, quantity, OrderType.MARKET, None)
    execution = ParentExecution(sim, manager, parent, view, sim.rng("algorithm"), hours.close_ns)
    sim.run(work(execution, manager, algorithm))
    return parent, execution.children, portfolio


def test_an_aggressive_twap_buys_every_slice_at_the_open_of_the_next_bar() -> None:
    prices = [1000 + i for i in range(30)]
    data = bars(*[(price, price + 1, price - 1, price, 1000) for price in prices])
    algorithm = TWAP(duration=4 * 5 * BAR, slices=4, tactics=Tactics(passive=False))
    parent, children, portfolio = run_parent(data, algorithm, 200)
    assert parent.status is OrderStatus.FILLED
    assert [(trade.last_quantity, trade.last_price_quanta) for child in children for trade in child.trades] == [
        (50, 100_000 + 100 * (1 + 5 * i)) for i in range(4)
    ]
    assert portfolio.position("TEST") == 200


def test_a_passive_twap_joins_the_last_close_and_fills_only_when_bars_trade_through_it() -> None:
    falling = bars(*[(1000 - i, 1000 - i, 998 - i, 999 - i, 1000) for i in range(30)])
    algorithm = TWAP(duration=4 * 5 * BAR, slices=4, tactics=Tactics(cross_at_end=False))
    parent, children, _ = run_parent(falling, algorithm, 200, start=BAR + SECOND)
    assert parent.status is OrderStatus.FILLED
    assert all(trade.last_price_quanta <= 100 * child.price_ticks for child in children for trade in child.trades)
    rising = bars(*[(1000 + i, 1002 + i, 1000 + i, 1001 + i, 1000) for i in range(30)])
    parent, children, _ = run_parent(rising, algorithm, 200, start=BAR + SECOND)
    assert (parent.filled_quantity, parent.status) == (0, OrderStatus.EXPIRED)
    assert len(children) == 4


def test_a_twap_too_large_for_the_participation_limit_ends_with_the_rest_unfilled() -> None:
    parent, _, _ = run_parent(
        flat(30, volume=100), TWAP(duration=10 * BAR, slices=10, tactics=Tactics(passive=False)), 1000
    )
    assert parent.status is OrderStatus.EXPIRED
    assert 0 < parent.filled_quantity <= 12 * 10


@pytest.mark.parametrize("native", [True, False])
def test_an_iceberg_waits_for_the_first_quote_and_rests_at_its_near_touch(native: bool) -> None:
    data = quotes((0, 0, 0, 1001, 40), (5, 999, 40, 1001, 40), *[(10 + i, 998, 100) for i in range(10)])
    parent, children, _ = run_parent(data, Iceberg(display_quantity=10, native=native), 30)
    assert parent.status is OrderStatus.FILLED
    assert children[0].created_ns == 5 * SECOND + 250_000
    assert {child.price_ticks for child in children} == {999}
    assert len(children) == (1 if native else 3)


def test_an_iceberg_on_bars_rests_at_the_close_of_the_first_bar_it_sees() -> None:
    data = bars((1000, 1000, 1000, 1000, 0), (1000, 1001, 998, 999, 1000), (999, 999, 990, 995, 1000))
    parent, children, _ = run_parent(data, Iceberg(display_quantity=10), 30)
    assert [(child.created_ns, child.price_ticks) for child in children] == [(2 * BAR + 250_000, 999)]
    assert parent.status is OrderStatus.EXPIRED  # it had only a part of the bar in which it arrived


def test_a_fill_says_what_slippage_it_has_paid() -> None:
    _, children, portfolio = run_parent(
        flat(4),
        TWAP(duration=2 * BAR, slices=1, tactics=Tactics(passive=False)),
        10,
        slippage=FixedSlippageModel(0.001),
    )
    assert [report.slippage_quanta for child in children for report in child.trades] == [100]
    assert [child.fill_of(report).slippage_quanta for child in children for report in child.trades] == [100]
    assert portfolio.position("TEST") == 10


@pytest.fixture(scope="module")
def taq(data_dir: Path) -> QuoteTape:
    """Quotes and good trades of one exchange, its dense one, on a real day; times since midnight UTC."""
    from pyarrow import compute, csv

    def read(kind: str) -> Any:
        table = csv.read_csv(data_dir / "taq" / f"XXX_2018-01-02_{kind}.csv.gz")
        return table.filter(compute.equal(table["EX"], "N"))

    def times(table: Any) -> np.ndarray:
        stamps = table["DT"].to_numpy().astype("datetime64[ns]").astype(np.int64)
        return stamps - np.datetime64("2018-01-02", "ns").astype(np.int64)

    quotes = read("quotes")
    sides = [quotes[name].to_numpy() for name in ("BID", "BIDSIZ", "OFR", "OFRSIZ")]
    sides[1], sides[3] = 100 * sides[1], 100 * sides[3]  # round lots
    uncrossed = (sides[0] < sides[2]) & (sides[1] > 0) & (sides[3] > 0)
    trades = read("trades")
    good = trades["CORR"].to_numpy() == 0
    tape = [times(quotes), *sides]
    return QuoteTape.of(
        Instrument("TEST", "0.01"),
        [column[uncrossed] for column in tape],
        [column[good] for column in (times(trades), trades["PRICE"].to_numpy(), trades["SIZE"].to_numpy())],
    )


def test_a_real_days_quotes_fill_a_twap_at_their_prices(taq: QuoteTape) -> None:
    start = (15 * 3600) * SECOND
    parent, children, _ = run_parent(
        taq, TWAP(duration="30m", slices=30, tactics=Tactics(passive=False)), 3000, start=start, participation=1
    )
    assert parent.status is OrderStatus.FILLED
    quotes = taq.rows[taq.rows[:, 1] == 0]
    for child in children:
        for trade in child.trades:
            quote = quotes[np.searchsorted(quotes[:, 0], trade.time_ns, side="right") - 1]
            assert trade.last_price_quanta == quote[4]
            assert trade.last_quantity <= quote[5]
