"""What is known of a market whose data are handed in; and algorithms that look at nothing else."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import attrs
import pytest

from simexec.algos import POV, TWAP, Iceberg, Sniper, Tactics
from simexec.errors import InputError
from simexec.execution import ParentExecution, RiskLimits, RiskPortfolioContainer
from simexec.execution.backtest_broker import BacktestBroker
from simexec.execution.engine import DefaultExecutionEngine
from simexec.execution.market_rows import row_of
from simexec.execution.parent import work
from simexec.execution.seen_market import Prices, SeenMarket
from simexec.execution.views import View
from simexec.market.order_book import Quote
from simexec.sim import Simulation
from simexec.trading.instrument import Instrument
from simexec.trading.market_data import Bar, QuoteUpdate, TradeUpdate
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType
from simexec.venue.market_simulator import MarketSimulator

BUY, SELL = OrderSide.BUY, OrderSide.SELL
SECOND = 10**9
SHARE = Instrument("AAPL", Decimal("0.01"))


@pytest.fixture
def sim() -> Iterator[Simulation]:
    with Simulation() as current:
        yield current


@pytest.fixture
def seen(sim: Simulation) -> SeenMarket:
    return SeenMarket(sim, SHARE)


def hear(seen: SeenMarket, data: Any, sim: Simulation) -> None:
    row = row_of(SHARE, data, sim.now)
    seen.hear(row.columns, row.is_bar)


def quoted(bid: float | None, ask: float | None, size: int = 10) -> dict[str, Any]:
    return {"bid": bid, "bid_size": size if bid else 0, "ask": ask, "ask_size": size if ask else 0}


def bar(close: float, volume: int) -> dict[str, Any]:
    return {"start": 0, "open": close, "high": close, "low": close, "close": close, "volume": volume}


# --- what it knows ---


def test_nothing_is_known_before_the_first_row(seen: SeenMarket) -> None:
    view: View = seen
    assert (view.quote(), seen.last_trade(), seen.price(), view.traded_quantity()) == (None, None, None, 0)
    assert seen.instrument is SHARE


def test_the_latest_quote_and_trade_are_known_and_all_that_was_traded(seen: SeenMarket, sim: Simulation) -> None:
    hear(seen, quoted(99, 101), sim)
    hear(seen, {"price": 100, "quantity": 7}, sim)
    hear(seen, {"price": 99, "quantity": 5}, sim)
    assert seen.quote() == Quote(0, 990_000, 10, 1_010_000, 10)
    trade = seen.last_trade()
    assert trade is not None
    assert (trade.price, trade.quantity, trade.side_sign, trade.number) == (990_000, 5, 0, 2)
    assert seen.traded_quantity() == 12


def test_a_side_that_shows_nothing_has_no_price(seen: SeenMarket, sim: Simulation) -> None:
    hear(seen, quoted(None, 101), sim)
    assert seen.quote() == Quote(0, None, 0, 1_010_000, 10)


def test_a_bar_is_a_quote_of_its_close_and_one_trade_of_its_volume(seen: SeenMarket, sim: Simulation) -> None:
    sim.run("1m")
    hear(seen, bar(100, 500), sim)
    assert seen.quote() == Quote(60 * SECOND, 1_000_000, 500, 1_000_000, 500)
    trade = seen.last_trade()
    assert trade is not None
    assert (trade.time_ns, trade.price, trade.quantity) == (60 * SECOND, 1_000_000, 500)
    assert seen.traded_quantity() == 500


def test_a_bar_without_trading_is_neither_but_its_close_is_a_price(seen: SeenMarket, sim: Simulation) -> None:
    sim.run(1)
    hear(seen, bar(100, 0), sim)
    assert (seen.quote(), seen.last_trade(), seen.traded_quantity()) == (None, None, 0)
    assert seen.price() == 100.0
    hear(seen, bar(101, 20), sim)
    hear(seen, bar(102, 0), sim)
    quote = seen.quote()
    assert quote is not None
    assert quote.bid == 1_010_000
    assert seen.price() == 102.0


def test_the_price_is_the_middle_or_the_only_side_or_the_last_trade(seen: SeenMarket, sim: Simulation) -> None:
    hear(seen, {"price": 98, "quantity": 1}, sim)
    assert seen.price() == 98.0
    hear(seen, quoted(99, None), sim)
    assert seen.price() == 99.0
    hear(seen, quoted(99, "101.01"), sim)
    assert seen.price() == 100.005
    hear(seen, quoted(None, None), sim)
    assert seen.price() == 98.0


@pytest.mark.parametrize("tick", ["0.01", "0.25", "0.1", "5", "0.00001"])
def test_prices_are_the_nearest_floats(tick: str) -> None:
    instrument = Instrument("X", Decimal(tick))
    choose = random.Random(1)
    for quanta in [1, 3, 10**15, *(choose.randrange(1, 10**9) for _ in range(200))]:
        assert Prices(instrument).of(quanta) == float(instrument.price_of_quanta(quanta))


@pytest.mark.parametrize(
    "datum",
    [
        Bar("AAPL", 0, 5, 100.0, 100.5, 99.5, 100.25, 17),
        QuoteUpdate("AAPL", 5, 99.99, 3, None, 0),
        QuoteUpdate("AAPL", 5, 99.99, 3, 100.01, 4),
        TradeUpdate("AAPL", 5, 99.99, 3),
    ],
    ids=["bar", "one side", "quote", "trade"],
)
def test_a_row_becomes_again_what_was_handed_in(seen: SeenMarket, datum: Any) -> None:
    row = row_of(SHARE, datum, 5)
    assert seen.datum(row.columns, row.is_bar) == datum


# --- waiting ---


def test_who_waits_for_a_change_gets_the_next_quote_or_bar_and_not_a_trade(seen: SeenMarket, sim: Simulation) -> None:
    hear(seen, quoted(99, 101), sim)
    found: list[Any] = []

    async def main() -> None:
        found.append(await seen.changes())
        found.append(await seen.changes())

    sim.process(main())
    sim.run(1)
    hear(seen, {"price": 100, "quantity": 5}, sim)
    sim.run(2)
    assert found == []
    hear(seen, quoted(98, 101), sim)
    sim.run(3)
    hear(seen, bar(100, 4), sim)
    sim.run(4)
    assert [quote.bid for quote in found] == [980_000, 1_000_000]


def test_who_waits_for_a_trade_gets_the_next_trade_or_bar_with_trading(seen: SeenMarket, sim: Simulation) -> None:
    found: list[Any] = []

    async def main() -> None:
        found.append(await seen.next_trade())
        found.append(await seen.next_trade())

    sim.process(main())
    sim.run(1)
    for data in (quoted(99, 101), {"price": 100, "quantity": 5}):
        hear(seen, data, sim)
    sim.run(2)
    for data in (bar(100, 0), bar(101, 8)):
        hear(seen, data, sim)
    sim.run(3)
    assert [(trade.price, trade.quantity) for trade in found] == [(1_000_000, 5), (1_010_000, 8)]


@pytest.mark.parametrize(
    ("price", "side", "crossing"),
    [(1_020_000, None, 102), (980_000, None, 98), (1_020_000, SELL, 102), (980_000, BUY, 98)],
)
def test_who_waits_for_a_price_is_woken_when_the_quote_comes_to_it(
    seen: SeenMarket, sim: Simulation, price: int, side: OrderSide | None, crossing: int
) -> None:
    hear(seen, quoted(99, 101), sim)
    event = seen.crosses(price, side)
    step = 1 if crossing > 100 else -1
    hear(seen, quoted(99 + step / 2, 101 + step / 2), sim)
    assert not event.triggered
    hear(seen, quoted(crossing - 1 if crossing < 100 else crossing, crossing if crossing < 100 else crossing + 1), sim)
    assert event.triggered
    assert event.value is seen.quote()


def test_a_price_that_is_there_already_is_not_waited_for(seen: SeenMarket, sim: Simulation) -> None:
    hear(seen, quoted(99, 101), sim)
    assert seen.crosses(1_010_000, BUY).triggered
    assert seen.crosses(990_000, SELL).triggered


@pytest.mark.parametrize("price", [100.5, "100", None])
def test_a_price_that_is_no_whole_number_of_quanta_is_refused(seen: SeenMarket, price: Any) -> None:
    with pytest.raises(InputError):
        seen.crosses(price)


def test_who_gives_up_waiting_is_forgotten(seen: SeenMarket, sim: Simulation) -> None:
    """Otherwise everything that was ever waited for would be looked at with every quote."""
    alive = []

    async def main() -> None:
        for _ in range(50):
            waits = [seen.next_trade(), seen.crosses(2_000_000)]
            alive.extend(map(_Weak, waits))
            await sim.any_of([*waits, sim.timeout(1)])

    sim.run(main())
    gc.collect()
    assert sum(one.is_alive for one in alive) <= 4
    event = seen.next_trade()
    hear(seen, {"price": 100, "quantity": 1}, sim)
    assert event.triggered


class _Weak:
    """Whether an event is still held by anybody, told by its callbacks, since events have no weak references."""

    def __init__(self, event: Any) -> None:
        import weakref

        self._of = weakref.ref(event.callbacks)

    @property
    def is_alive(self) -> bool:
        return self._of() is not None


def test_a_wait_that_was_given_up_can_be_taken_up_again(seen: SeenMarket, sim: Simulation) -> None:
    async def main() -> int:
        wait = seen.changes()
        await (wait | sim.timeout(5))
        hear(seen, quoted(99, 101), sim)
        return (await wait).bid

    assert sim.run(main()) == 990_000


# --- algorithms that see nothing else ---


@attrs.frozen
class Desk:
    """An engine whose broker is fed by a process."""

    sim: Simulation
    engine: DefaultExecutionEngine

    @classmethod
    def make(cls, sim: Simulation, **options: Any) -> Desk:
        limits = RiskLimits(allow_short=True, buying_power=False)
        risk = RiskPortfolioContainer(1_000_000, limits=limits)
        broker = BacktestBroker(risk.get_portfolio_state(), MarketSimulator(**options), instruments=[SHARE])
        return cls(sim, DefaultExecutionEngine(broker, risk=risk))

    def feed(self, *rows: dict[str, Any], every: str = "1s") -> None:
        """A process that hands in rows one after the other, and begins again."""

        async def run() -> None:
            while True:
                for row in rows:
                    await self.engine.process_event({"type": "MARKET_DATA", "data": {"symbol": "AAPL"} | row})
                    await self.sim.timeout(every)

        self.sim.process(run())

    def work(self, algorithm: Any, side: OrderSide, quantity: int, price: str | None, end: int) -> Order:
        manager = self.engine.order_manager
        kind = OrderType.MARKET if price is None else OrderType.LIMIT
        parent = manager.new_order("AAPL", side, quantity, kind, price)
        execution = ParentExecution(
            self.sim, manager, parent, self.engine.market("AAPL"), self.sim.rng("algorithm"), end * SECOND
        )
        self.sim.run(work(execution, manager, algorithm))
        self.engine.portfolio.check()
        assert self.engine.portfolio.position("AAPL") == side.sign * parent.filled_quantity
        return parent


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("passive", [False, True])
def test_twap_works_an_order_on_quotes_that_a_process_hands_in(sim: Simulation, side: OrderSide, passive: bool) -> None:
    desk = Desk.make(sim)
    desk.feed(quoted(99, 101, 50), quoted(100, 101, 50), quoted(99, 100, 50))
    parent = desk.work(TWAP(duration="60s", slices=6, tactics=Tactics(passive=passive)), side, 300, None, 120)
    assert (parent.status, parent.filled_quantity) == (OrderStatus.FILLED, 300)
    children = desk.engine.order_manager.children(parent.order_id)
    assert len(children) >= 6
    assert passive or len({child.trades[0].time_ns for child in children if child.trades}) >= 6
    assert all(99 <= child.average_price <= 101 for child in children if child.average_price is not None)


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("side", [BUY, SELL])
def test_an_iceberg_rests_and_is_filled_when_the_quotes_come_to_it(
    sim: Simulation, side: OrderSide, native: bool
) -> None:
    desk = Desk.make(sim)
    desk.feed(quoted(99, 101, 30), quoted(98, 99, 30), quoted(101, 102, 30))
    parent = desk.work(Iceberg(display_quantity=10, native=native), side, 100, None, 600)
    assert (parent.status, parent.filled_quantity) == (OrderStatus.FILLED, 100)
    assert parent.average_price == (99 if side is BUY else 101)
    assert len(desk.engine.order_manager.children(parent.order_id)) == (1 if native else 10)


def test_pov_follows_the_trades_that_are_handed_in(sim: Simulation) -> None:
    desk = Desk.make(sim)
    desk.feed(quoted(99, 101, 500), {"price": 100, "quantity": 40})
    parent = desk.work(POV(rate=0.1, duration="300s"), BUY, 10_000, None, 300)
    traded = desk.engine.market("AAPL").traded_quantity()
    assert traded == 150 * 40
    assert (
        0.05 * traded < parent.filled_quantity <= 0.12 * traded
    )  # it takes some of the trades for its own, which are not seen


def test_a_sniper_waits_for_its_price_to_be_quoted(sim: Simulation) -> None:
    desk = Desk.make(sim)
    desk.feed(*[quoted(99, 101, 50)] * 10, quoted(98, 100, 50))
    parent = desk.work(Sniper(), BUY, 40, "100", 60)
    assert (parent.status, parent.average_price) == (OrderStatus.FILLED, 100)
    assert parent.closed_ns == 10 * SECOND


def test_a_parent_that_bars_cannot_fill_ends_with_a_reason(sim: Simulation) -> None:
    desk = Desk.make(sim, participation="0.1")

    async def run() -> None:
        while True:
            start = sim.now
            await sim.timeout("10s")
            data = {"symbol": "AAPL", "start": start, "open": 100, "high": 101, "low": 99, "close": 100, "volume": 50}
            await desk.engine.process_event({"type": "MARKET_DATA", "data": data})

    sim.process(run())
    parent = desk.work(TWAP(duration="60s", slices=6, tactics=Tactics(passive=False)), BUY, 600, None, 100)
    assert parent.status is OrderStatus.EXPIRED
    assert 0 < parent.filled_quantity <= 50  # a tenth of what ten bars have traded
    assert parent.reason == f"{600 - parent.filled_quantity} of 600 were left unfilled"
