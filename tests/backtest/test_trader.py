"""What a strategy can do and see through its trader."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from simexec.backtest.data import QuoteArrays
from simexec.backtest.trader import Trader
from simexec.errors import InputError, OrderError
from simexec.execution.broker import Latencies
from simexec.execution.risk_limits import RiskLimits
from simexec.sim import Constant
from simexec.trading.instrument import Instrument
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, TimeInForce

from .scenes import MINUTE, Once, flat, loader_of, ns, quotes_of, run

TEN = ns("2024-01-02T10:00") - ns("2024-01-02")


class Script:
    """Does one thing with each bar, by its number from 1."""

    def __init__(self, **steps: Any) -> None:
        self._steps = steps
        self._bars = 0
        self.found: list[Any] = []

    def on_bar(self, bar: Any, trader: Trader) -> None:
        self._bars += 1
        step = self._steps.get(f"bar{self._bars}")
        if step is not None:
            self.found.append(step(trader))


def play(prices: list[float], *, volume: int = 1000, fields: dict[str, Any] | None = None, **steps: Any) -> Any:
    script = Script(**steps)
    results = run(script, loader_of({"AAA": flat(prices, volume=volume)}), **fields or {})
    return script.found, results


# --- eyes ---------------------------------------------------------------------------------------------------------------------


def test_before_the_first_row_there_is_no_price_no_quote_and_no_bar() -> None:
    seen = []

    class Early:
        def on_start(self, trader: Trader) -> None:
            seen.extend(
                [trader.price("AAA"), trader.quote("AAA"), trader.bars("AAA"), trader.position("AAA"), trader.orders()]
            )
            seen.extend([trader.cash, trader.equity, trader.buying_power])

        def on_bar(self, bar: Any, trader: Trader) -> None: ...

    run(Early(), loader_of({"AAA": flat([10.0])}), initial_capital="1234.56")
    assert seen == [None, None, [], 0, []] + [Decimal("1234.56")] * 3


def test_bars_are_the_latest_that_have_ended_oldest_first_and_no_more_than_the_lookback() -> None:
    def look(trader: Trader) -> list[list[float]]:
        return [[bar.close for bar in trader.bars("AAA", count)] for count in (None, 0, 1, 2, 3)]

    found, _ = play([1.0, 2.0, 3.0, 4.0, 5.0], fields={"lookback": 3}, bar1=look, bar5=look)
    assert found[0] == [[1.0], [], [1.0], [1.0], [1.0]]
    assert found[1] == [[3.0, 4.0, 5.0], [], [5.0], [4.0, 5.0], [3.0, 4.0, 5.0]]


def test_more_bars_than_are_ever_kept_are_refused() -> None:
    with pytest.raises(InputError, match="4 bars of AAA were asked for and lookback is 3; set lookback=4"):
        play([1.0], fields={"lookback": 3}, bar1=lambda trader: trader.bars("AAA", 4))


@pytest.mark.parametrize("count", [-1, 1.5, True, "2"])
def test_a_count_of_bars_that_is_none_is_refused_however_many_there_are(count: Any) -> None:
    for prices in ([1.0], [1.0, 2.0, 3.0]):
        with pytest.raises(InputError, match="count of bars"):
            play(prices, bar1=lambda trader: trader.bars("AAA", count))


def test_the_time_is_that_of_the_backtests_zone_with_its_offset() -> None:
    moments = []

    class Clock:
        def on_bar(self, bar: Any, trader: Trader) -> None:
            moments.append(trader.time)

    loader = loader_of({"AAA": {**flat([1.0, 1.0], "2024-03-10T06:58")}})
    run(Clock(), loader, start_date="2024-03-10", end_date="2024-03-10", timezone="America/New_York")
    assert [moment.isoformat() for moment in moments] == ["2024-03-10T01:59:00-05:00", "2024-03-10T03:00:00-04:00"]
    assert moments[0] == datetime(2024, 3, 10, 1, 59, tzinfo=ZoneInfo("America/New_York"))


def test_the_quote_of_bars_is_the_close_and_the_price_of_quotes_their_middle() -> None:
    found, _ = play([10.0], bar1=lambda trader: (trader.price("AAA"), trader.quote("AAA")))
    price, quote = found[0]
    assert (price, quote.bid, quote.ask) == (10.0, 100_000, 100_000)
    seen = []

    class Quotes:
        def on_quote(self, quote: Any, trader: Trader) -> None:
            seen.append((trader.price("AAA"), trader.quote("AAA").bid, trader.quote("AAA").ask_size))

    run(Quotes(), QuoteArrays({"AAA": quotes_of([("2024-01-02T10:00", 9.99, 5, 10.02, 7)])}))
    assert seen == [(10.005, 99_900, 7)]


def test_cash_equity_and_buying_power_follow_the_account() -> None:
    def look(trader: Trader) -> tuple[Decimal, ...]:
        return trader.cash, trader.equity, trader.buying_power

    def buy(trader: Trader) -> tuple[Decimal, ...]:
        trader.buy("AAA", 100, 8)
        return look(trader)

    fields = {"limits": RiskLimits(), "initial_capital": 2000}
    found, _ = play(
        [10.0, 10.0, 12.0], fields=fields, bar1=lambda trader: trader.buy("AAA", 50) and None, bar2=buy, bar3=look
    )
    assert found[1] == (Decimal(1500), Decimal(2000), Decimal(700))
    assert found[2] == (Decimal(1500), Decimal(2100), Decimal(700))


def test_open_orders_are_shown_in_order_of_creation_and_by_symbol() -> None:
    found = []

    class Resting:
        def on_bar(self, bar: Any, trader: Trader) -> None:
            if not found:
                made = [trader.buy("BBB", 1, 1), trader.buy("AAA", 2, 1), trader.buy("AAA", 3, 2), trader.buy("AAA", 4)]
                found.append((made, trader.orders(), trader.orders("AAA"), trader.orders("BBB")))
            elif bar.start_ns > TEN:
                found.append(trader.orders())

    run(Resting(), loader_of({"AAA": flat([10.0, 10.0]), "BBB": flat([10.0, 10.0])}), "AAA", "BBB")
    made, orders, of_a, of_b = found[0]
    assert (orders, of_a, of_b) == (made, made[1:], made[:1])
    assert found[1] == made[:3]


def test_symbols_and_instruments_are_those_of_the_backtest() -> None:
    def look(trader: Trader) -> Any:
        return trader.symbols, trader.instruments["AAA"]

    coin = Instrument("AAA", "0.5", lot=10)
    found, _ = play([10.0], fields={"instruments": [coin]}, bar1=look)
    assert found == [(("AAA",), coin)]


@pytest.mark.parametrize(
    "ask",
    [
        lambda t: t.price("ZZZ"), lambda t: t.quote("ZZZ"), lambda t: t.bars("ZZZ"), lambda t: t.position("ZZZ"),
        lambda t: t.orders("ZZZ"), lambda t: t.buy("ZZZ", 1), lambda t: t.target("ZZZ", 1), lambda t: t.close("ZZZ"),
    ],
    ids=["price", "quote", "bars", "position", "orders", "buy", "target", "close"],
)  # fmt: skip
def test_an_unknown_symbol_is_refused_with_the_known_ones(ask: Any) -> None:
    with pytest.raises(InputError, match="symbol 'ZZZ' is not among those of the backtest: AAA"):
        play([10.0], bar1=ask)


# --- hands --------------------------------------------------------------------------------------------------------------------


def test_buying_is_at_the_market_and_with_a_price_at_a_limit_and_other_types_by_name() -> None:
    def send(trader: Trader) -> Any:
        return [
            trader.buy("AAA", 1), trader.sell("AAA", 2, "9.99"),
            trader.send("AAA", OrderSide.BUY, 3, 10, time_in_force=TimeInForce.GTC),
            trader.buy("AAA", 4, order_type=OrderType.STOP, stop_price="10.5"),
            trader.sell("AAA", 5, 9, order_type=OrderType.STOP_LIMIT, stop_price="9.5"),
        ]  # fmt: skip

    found, _ = play([10.0, 10.0], bar1=send)
    assert [(one.side.name, one.quantity, one.order_type.name, one.price_ticks) for one in found[0]] == [
        ("BUY", 1, "MARKET", None), ("SELL", 2, "LIMIT", 999), ("BUY", 3, "LIMIT", 1000), ("BUY", 4, "STOP", None),
        ("SELL", 5, "STOP_LIMIT", 900),
    ]  # fmt: skip
    assert found[0][2].time_in_force is TimeInForce.GTC
    assert all(one.venue == "SIM.AAA" for one in found[0])


def test_what_risk_refuses_is_rejected_with_the_reason_and_no_exception() -> None:
    found, results = play(
        [10.0], fields={"limits": RiskLimits(), "initial_capital": 100}, bar1=lambda trader: trader.buy("AAA", 11)
    )
    assert found[0].status is OrderStatus.REJECTED
    assert "buying_power: a buy of 11 AAA at 10 needs 110.00 USD" in found[0].reason
    assert results.stats["metrics"]["rejected"] == 1


def test_what_contradicts_itself_is_an_error() -> None:
    for wrong in (
        {"quantity": 0},
        {"quantity": 1.5},
        {"quantity": 1, "price": 0.001},
        {"quantity": 1, "order_type": "LIMIT"},
    ):
        with pytest.raises(OrderError):
            play([10.0], bar1=lambda trader, wrong=wrong: trader.buy("AAA", **wrong))


def test_a_target_counts_what_is_held_and_what_open_orders_will_do() -> None:
    found, results = play(
        [10.0, 10.0, 10.0, 10.0],
        bar1=lambda trader: (trader.target("AAA", 10), trader.target("AAA", 10), trader.target("AAA", 4)),
        bar2=lambda trader: (trader.position("AAA"), trader.target("AAA", 4), trader.target("AAA", -3)),
        bar3=lambda trader: (trader.position("AAA"), trader.target("AAA", 0, "9.00")),
    )
    first, nothing, back = found[0]
    assert (first.side.name, first.quantity, nothing, back.side.name, back.quantity) == ("BUY", 10, None, "SELL", 6)
    assert found[1][:2] == (4, None)
    assert (found[1][2].side.name, found[1][2].quantity) == ("SELL", 7)
    assert (found[2][0], found[2][1].quantity, found[2][1].price_ticks) == (-3, 3, 900)
    assert results.round_trips.fills == 3


def test_a_target_counts_an_order_that_an_algorithm_works_once() -> None:
    found = []

    class Worker:
        """Stands in for whoever works a parent: places a child, and looks on."""

        def attend(self) -> None: ...

        async def amend(self, quantity: Any, price: Any) -> bool:
            return False

    def work(trader: Trader) -> None:
        manager = trader.engine.order_manager
        parent = trader.engine.new_order("AAA", OrderSide.BUY, 10)
        assert manager.begin(parent, Worker())
        child = trader.engine.new_order("AAA", OrderSide.BUY, 4, OrderType.LIMIT, 1, parent_id=parent.order_id)
        manager.submit(child)
        found.append((trader.orders("AAA"), [parent], trader.target("AAA", 10)))
        manager.cancel(parent)

    play([10.0, 10.0], bar1=work)
    orders, parents, missing = found[0]
    assert orders == parents
    assert missing is None


def test_closing_cancels_what_is_open_and_ends_the_position() -> None:
    found, results = play(
        [10.0, 11.0, 12.0, 13.0],
        bar1=lambda trader: trader.buy("AAA", 5),
        bar2=lambda trader: (trader.sell("AAA", 5, 20), trader.buy("AAA", 9, 1), trader.close("AAA")),
        bar3=lambda trader: (trader.position("AAA"), trader.orders(), trader.close("AAA")),
    )
    resting, other, order = found[1]
    assert (resting.status.name, other.status.name) == ("CANCELLED", "CANCELLED")
    assert (order.side.name, order.quantity, order.status.name) == ("SELL", 5, "FILLED")
    assert found[2] == (0, [], None)
    assert results.total_trades == 1


def test_cancelling_asks_and_a_fill_that_is_on_its_way_counts() -> None:
    orders: list[Any] = []
    lines = Latencies(Constant("30s"), Constant("30s"), Constant("30s"))

    def send(trader: Trader) -> None:
        orders.append(trader.buy("AAA", 5))

    def cancel(trader: Trader) -> None:
        trader.cancel(orders[0])

    play([10.0, 10.0, 10.0, 10.0], fields={"latencies": lines}, bar1=send, bar3=cancel)  # it trades in the third bar
    assert (orders[0].status.name, orders[0].filled_quantity) == ("FILLED", 5)
    orders.clear()
    play([10.0, 10.0, 10.0, 10.0], fields={"latencies": lines}, bar1=send, bar2=cancel)
    assert (orders[0].status.name, orders[0].filled_quantity) == ("CANCELLED", 0)


def test_fields_that_a_venue_without_a_book_does_not_take_are_refused_by_report() -> None:
    def act(bar: Any, trader: Trader) -> Any:
        return trader.buy("AAA", 1, order_type=OrderType.TRAILING_STOP, trail=1)

    strategy = Once(act)
    run(strategy, loader_of({"AAA": flat([10.0, 10.0])}))
    assert strategy.order.status is OrderStatus.REJECTED
    assert "follows a book" in strategy.order.reason


def test_waiting_takes_durations_and_refuses_what_is_none() -> None:
    woken = []

    class Waiting:
        async def on_bar(self, bar: Any, trader: Trader) -> None:
            await trader.wait("1m30s")
            woken.append(trader.now_ns - TEN)

    run(Waiting(), loader_of({"AAA": flat([10.0])}))
    assert woken == [MINUTE + 90 * 10**9]
    with pytest.raises(InputError):
        play([10.0], bar1=lambda trader: trader.wait(-1))


# --- replaces, and what is refused at once ------------------------------------------------------------------------------------


def test_a_replace_asks_for_another_quantity_and_price_and_keeps_the_order() -> None:
    def ask(trader: Trader) -> Any:
        (order,) = trader.orders()
        trader.replace(order, quantity=30, price="9.5")
        return order

    found, results = play([10.0, 10.0, 10.0, 9.4], bar1=lambda trader: trader.buy("AAA", 10, 9), bar2=ask)
    assert found[0] is found[1]
    assert (found[0].status, found[0].filled_quantity) == (OrderStatus.FILLED, 30)
    assert [(fill.quantity, fill.order_id) for fill in results.fills] == [(30, found[0].order_id)]


def test_a_stop_is_moved_by_a_replace() -> None:
    found, results = play(
        [10.0, 10.0, 10.0, 11.0, 11.0],
        bar1=lambda trader: trader.buy("AAA", 10, order_type=OrderType.STOP, stop_price=20),
        bar2=lambda trader: trader.replace(trader.orders()[0], stop_price=11),
    )
    assert found[0].status is OrderStatus.FILLED
    assert len(results.fills) == 1


def test_wrong_replaces_are_refused_at_once() -> None:
    def ask(trader: Trader) -> None:
        order = trader.buy("AAA", 10, 9)
        with pytest.raises(OrderError, match="changes nothing"):
            trader.replace(order)
        with pytest.raises(OrderError, match=r"price 9\.005 is not a multiple of AAA's tick"):
            trader.replace(order, price=9.005)
        with pytest.raises(OrderError, match=r"give round\(price, 2\)"):
            trader.replace(order, price=100.03999999999999)
        with pytest.raises(OrderError, match="can only be given to a stop"):
            trader.replace(order, stop_price=9)
        with pytest.raises(InputError, match="'ord_1' is no order; give the Order that"):
            trader.replace("ord_1", 5)  # type: ignore[arg-type]

    play([10.0], bar1=ask)


def test_an_order_that_an_algorithm_works_is_not_replaced_here() -> None:
    class Worker:
        """Stands in for whoever works a parent."""

        def attend(self) -> None: ...

    def work(trader: Trader) -> None:
        manager = trader.engine.order_manager
        parent = trader.engine.new_order("AAA", OrderSide.BUY, 10)
        assert manager.begin(parent, Worker())
        with pytest.raises(InputError, match=r"is worked by an algorithm; await trader\.engine"):
            trader.replace(parent, 20)
        assert parent.quantity == 10
        manager.cancel(parent)

    play([10.0, 10.0], bar1=work)


def test_an_id_is_no_order_and_an_unknown_field_has_its_nearest_name() -> None:
    def ask(trader: Trader) -> None:
        with pytest.raises(InputError, match="'ord_1' is no order; give the Order"):
            trader.cancel("ord_1")  # type: ignore[arg-type]
        with pytest.raises(
            InputError, match=r"trader.buy: no order has a field 'stopprice'; did you mean 'stop_price'\?"
        ):
            trader.buy("AAA", 1, stopprice=3)
        with pytest.raises(InputError, match=r"trader.sell: no order has a field 'tif'"):
            trader.sell("AAA", 1, tif=TimeInForce.GTC)
        assert trader.orders() == []

    play([10.0], bar1=ask)


@pytest.mark.parametrize("price", [100.03999999999999, 0.1 + 0.2])
def test_a_price_with_the_noise_of_floats_is_refused_with_a_remedy(price: float) -> None:
    def ask(trader: Trader) -> None:
        for send in (trader.buy, trader.sell, trader.target):
            with pytest.raises(
                OrderError, match=r"is not a multiple of AAA's tick.*floats add such noise: give round\(price, 2\)"
            ):
                send("AAA", 1, price)
        with pytest.raises(OrderError, match=r"tick 0.01; nearest: [^;]*$"):
            trader.buy("AAA", 1, 10.004)

    play([10.0], bar1=ask)
