"""Backtests on order books: a synthetic market, and a recorded day."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from simexec.backtest.data import BookData, ScenarioMarkets
from simexec.backtest.engine import UnifiedBacktestEngine
from simexec.backtest.results import BacktestResults
from simexec.backtest.trader import Trader
from simexec.config.load import load_scenario
from simexec.config.scenario import Scenario
from simexec.errors import InputError
from simexec.experiments.build import list_market
from simexec.sim import Simulation
from simexec.trading.instrument import Instrument
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, PegType

from .scenes import Diary, account, config, flat, loader_of, run

ROOT = Path(__file__).resolve().parents[2]
SECOND = 10**9
OPEN = 34_200 * SECOND


def short(**changes: Any) -> Scenario:
    """The quickstart's market for three minutes."""
    return load_scenario(ROOT / "scenarios" / "quickstart.yaml").with_(
        {"session.close": "09:33:00", "order.start": "0s", "algorithm.duration": "30s", "algorithm.slices": 3} | changes
    )


def in_book(strategy: Any, scenario: Scenario | None = None, **fields: Any) -> BacktestResults:
    day = {"start_date": "2024-01-03", "end_date": "2024-01-03", "timezone": "America/New_York"}
    return run(strategy, ScenarioMarkets(scenario or short()), "DEMO", **day | fields)


class Taker:
    """Buys at the market with every hundredth quote, and sells it with a limit at the bid."""

    def __init__(self) -> None:
        self.quotes = 0
        self.seen: list[tuple[Any, ...]] = []
        self.orders: list[Any] = []

    def on_quote(self, quote: Any, trader: Trader) -> None:
        self.quotes += 1
        self.seen.append((trader.now_ns, quote.time_ns, quote.bid, quote.ask))
        if self.quotes % 100 == 0:
            self.orders.append(trader.buy("DEMO", 100))

    def on_fill(self, fill: Any, trader: Trader) -> None:
        self.seen.append((trader.now_ns, fill.time_ns, float(fill.price), trader.position("DEMO")))
        if fill.side is OrderSide.BUY and trader.quote("DEMO").bid is not None:
            bid = trader.instruments["DEMO"].price_of_quanta(trader.quote("DEMO").bid)
            self.orders.append(trader.sell("DEMO", fill.quantity, bid))


def test_a_strategy_trades_at_a_book_and_hears_of_everything_after_its_latency() -> None:
    strategy = Taker()
    results = in_book(strategy)
    assert strategy.quotes > 300
    assert all(time_ns <= now for now, time_ns, *_ in strategy.seen)
    quotes = [(now, time_ns) for now, time_ns, bid, _ in strategy.seen if bid is None or isinstance(bid, float)]
    assert all(now - time_ns == 250_000 for now, time_ns in quotes[1:50])  # links.market_data
    assert results.round_trips.fills >= 5
    assert {fill.venue for fill in results.fills} == {"SIMX"}
    assert all(order.is_final for order in strategy.orders)
    assert results.fees > 0
    assert results.assumptions["fills"] == "at order books, by price and time, with the scenario's fees and latencies"
    assert "slippage" not in results.assumptions


def test_it_is_the_same_again_with_the_same_loader_or_another() -> None:
    loader = ScenarioMarkets(short())
    day = {"start_date": "2024-01-03", "end_date": "2024-01-03", "timezone": "America/New_York", "seed": 5}
    runs = [account(run(Taker(), one, "DEMO", **day)) for one in (loader, loader, ScenarioMarkets(short()))]
    assert runs[0] == runs[1] == runs[2]
    assert runs[0]["fills"]
    other = account(run(Taker(), loader, "DEMO", **day | {"seed": 6}))
    assert other["times"] != runs[0]["times"]  # the backtest's seed, not the scenario's


def test_quotes_and_trades_are_told_in_order_of_arrival_and_every_trade_once() -> None:
    diary = Diary()
    results = in_book(diary)
    times = [now for now, *_ in diary.told]
    assert times == sorted(times)
    trades = [trade for _, kind, _, _, trade in diary.told if kind == "trade"]
    assert results.rows == diary.kinds().count("quote") + len(trades)
    assert {"start", "quote", "trade", "stop"} == set(diary.kinds())
    together = [a for a, b in pairwise(trades) if a.time_ns == b.time_ns]
    assert together  # market orders that took from several orders


def test_the_trades_that_are_told_are_all_that_the_market_had(monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[Any] = []

    def listing(*arguments: Any) -> Any:
        listed.append(list_market(*arguments))
        return listed[-1]

    monkeypatch.setattr("simexec.backtest.book_feed.list_market", listing)

    class Listener:
        trades = told = 0

        def on_trade(self, trade: Any, trader: Trader) -> None:
            self.trades += 1
            self.told += trade.quantity
            self.trader = trader

    class Deaf:
        def on_quote(self, quote: Any, trader: Trader) -> None:
            self.trader = trader

    strategy, deaf = Listener(), Deaf()
    in_book(strategy)
    statistics = listed[0].view.statistics()
    assert (statistics.trades, statistics.traded_quantity) == (strategy.trades, strategy.told)
    assert strategy.trades > 50
    # What is known of the volume does not depend on who listens.
    in_book(deaf)
    for one in (strategy, deaf):
        assert one.trader.engine.market("DEMO").traded_quantity() == strategy.told


def test_the_book_takes_orders_that_follow_it() -> None:
    class Pegged:
        order: Any = None

        def on_quote(self, quote: Any, trader: Trader) -> None:
            if self.order is None and quote.bid and quote.ask:
                self.order = trader.buy("DEMO", 100, order_type=OrderType.PEGGED, peg=PegType.PRIMARY)

    strategy = Pegged()
    in_book(strategy)
    assert strategy.order.status in (OrderStatus.FILLED, OrderStatus.EXPIRED, OrderStatus.CANCELLED)
    assert strategy.order.submitted_ns is not None
    assert "follows a book" not in (strategy.order.reason or "")


def test_positions_are_valued_at_the_middle_of_what_is_seen() -> None:
    seen = []

    class Holder:
        bought = False

        def on_quote(self, quote: Any, trader: Trader) -> None:
            if not self.bought:
                self.bought = True
                trader.buy("DEMO", 100)
            elif trader.position("DEMO") and quote.bid and quote.ask:
                value = float(trader.equity - trader.cash) / trader.position("DEMO")
                seen.append((value, (quote.bid + quote.ask) / 2, trader.price("DEMO")))

    results = in_book(Holder())
    assert len(seen) > 100
    for value, middle, price in seen:
        assert value == pytest.approx(middle, abs=1e-4)
        assert price == pytest.approx(middle, abs=1e-9)
    assert len(results.curve) > 100


def test_it_ends_with_the_day_and_stays_as_it_was_when_the_simulation_goes_on() -> None:
    async def main(sim: Simulation) -> tuple[Any, Any, int, int]:
        engine = UnifiedBacktestEngine(
            config("DEMO", start_date="2024-01-03T09:30", end_date="2024-01-03T09:31", timezone="America/New_York")
        )
        results = await engine.run(strategy, ScenarioMarkets(short()))
        before, told, now = account(results), strategy.quotes, sim.now
        await sim.timeout("1m")
        assert told == strategy.quotes
        return before, account(results), told, now

    strategy = Taker()
    day = config("DEMO", start_date="2024-01-03", timezone="America/New_York")
    with Simulation(epoch=day.epoch, seed=1) as sim:
        before, after, told, now = sim.run(main(sim))
    assert before == after
    assert told > 100
    assert 0 <= now - (OPEN + 60 * SECOND) < SECOND
    assert before["times"][-1] == OPEN + 60 * SECOND


def test_two_instruments_of_one_venue_stand_behind_one_gateway() -> None:
    second = {
        "venue": {"name": "SIMX"},
        "instrument": {"symbol": "ALSO", "tick": 0.01},
        "flow": {
            "type": "zero_intelligence", "start_price": 50.0, "limit_rates_per_s": [1.5, 1.0], "cancel_rate_per_s": 0.25,
            "market_rate_per_s": 0.5,
        },
    }  # fmt: skip
    scenario = short(markets=[second])
    for symbols in (("DEMO", "ALSO"), ("ALSO", "DEMO"), ("ALSO",)):

        class Both:
            def __init__(self) -> None:
                self.sent: dict[str, Any] = {}

            def on_quote(self, quote: Any, trader: Trader) -> None:
                if quote.symbol not in self.sent and quote.ask:
                    self.sent[quote.symbol] = trader.buy(quote.symbol, 10)

        strategy = Both()
        day = {"start_date": "2024-01-03", "end_date": "2024-01-03", "timezone": "America/New_York"}
        results = run(strategy, ScenarioMarkets(scenario), *symbols, **day)
        assert {fill.symbol for fill in results.fills} == set(symbols)
        assert {order.venue for order in strategy.sent.values()} == {"SIMX"}


# --- what is refused ----------------------------------------------------------------------------------------------------------


def test_a_day_that_does_not_begin_at_the_markets_midnight_is_refused() -> None:
    with pytest.raises(
        InputError,
        match=r"the order book of DEMO is of 2024-01-02 in America/New_York, and .* timezone=",
    ):
        in_book(Taker(), timezone="UTC")


def test_more_than_a_day_is_refused() -> None:
    with pytest.raises(InputError, match="a market with an order book lasts one day, and the backtest 2 days"):
        in_book(Taker(), end_date="2024-01-04")


def test_a_commission_is_refused_since_the_venue_has_fees() -> None:
    with pytest.raises(InputError, match=r"commission PercentCommissionModel.* at one, its venue's fees are"):
        in_book(Taker(), commission="0.001")


def test_another_instrument_than_the_scenarios_is_refused() -> None:
    with pytest.raises(InputError, match=r"SIMX trades .*; make them the same|is not what"):
        in_book(Taker(), instruments=[Instrument("DEMO", "0.05")])


def test_a_book_beside_bars_shares_account_and_clock() -> None:
    class Mixed:
        def load(self, request: Any) -> Any:
            if request.symbol == "DEMO":
                return ScenarioMarkets(short()).load(request)
            return loader_of({"BARS": flat([10.0, 11.0, 12.0], "2024-01-03T14:30")}).load(request)

    class Both:
        def __init__(self) -> None:
            self.told: list[int] = []

        def on_bar(self, bar: Any, trader: Trader) -> None:
            self.told.append(trader.now_ns)
            trader.buy("BARS", 1)
            trader.buy("DEMO", 1)

        def on_quote(self, quote: Any, trader: Trader) -> None:
            self.told.append(trader.now_ns)

    strategy = Both()
    day = {"start_date": "2024-01-03", "end_date": "2024-01-03", "timezone": "America/New_York"}
    results = run(strategy, Mixed(), "BARS", "DEMO", **day)
    assert strategy.told == sorted(strategy.told)
    assert {fill.symbol for fill in results.fills} == {"BARS", "DEMO"}
    assert "; " in results.assumptions["fills"]


# --- a recorded day -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded(data_dir: Path) -> ScenarioMarkets:
    return ScenarioMarkets(
        ROOT / "scenarios" / "quickstart.yaml",
        data=data_dir / "lobster" / "AMZN_2012-06-21_34200000_57600000_message_1.csv.gz",
    )


RECORDED: dict[str, Any] = {
    "start_date": "2012-06-21T09:30", "end_date": "2012-06-21T09:37", "timezone": "America/New_York",
}  # fmt: skip


def test_a_recorded_day_is_traded_in_and_only_once_read(recorded: ScenarioMarkets) -> None:
    class Buyer:
        quotes = 0

        def on_quote(self, quote: Any, trader: Trader) -> None:
            self.quotes += 1
            if self.quotes % 100 == 0:
                trader.target("AMZN", 100 if trader.position("AMZN") == 0 else 0)

    assert isinstance(recorded.scenario.instrument.symbol, str)
    runs = [run(Buyer(), recorded, "AMZN", **RECORDED) for _ in range(2)]
    assert account(runs[0]) == account(runs[1])
    assert runs[0].rows > 1_000
    assert runs[0].round_trips.fills >= 5
    assert all(215 < float(fill.price) < 230 for fill in runs[0].fills)
    assert runs[0].total_trades >= 2


def test_a_recording_is_refused_on_another_day_and_for_another_symbol(recorded: ScenarioMarkets) -> None:
    with pytest.raises(
        InputError, match="the order book of AMZN is of 2012-06-21 in America/New_York, and the backtest's clock"
    ):
        run(Taker(), recorded, "AMZN", **RECORDED | {"start_date": "2012-06-22", "end_date": "2012-06-22"})
    with pytest.raises(InputError, match="trades no 'DEMO', but 'AMZN'"):
        run(Taker(), recorded, "DEMO", **RECORDED)
    data = recorded.load(_request("AMZN"))
    assert isinstance(data, BookData)
    assert data.recording is not None


def _request(symbol: str) -> Any:
    from simexec.backtest.data import DataRequest

    day = config(symbol, **RECORDED)
    return DataRequest(day.traded[symbol], day.start, day.end)
