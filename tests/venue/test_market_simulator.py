"""A simulator answers what an order would get now, and makes venues that fill by the same rules."""

from __future__ import annotations

import math
from collections.abc import Coroutine
from decimal import Decimal
from fractions import Fraction
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.errors import InputError, OrderError
from simexec.execution.backtest_broker import BacktestBroker
from simexec.models.commission import (
    FixedCommissionModel,
    PercentCommissionModel,
    PerShareCommissionModel,
    VolumeTieredCommissionModel,
)
from simexec.models.fees import MakerTakerFees
from simexec.models.impact import AlmgrenImpactModel, LinearImpactModel
from simexec.models.slippage import FixedSlippageModel, SpreadSlippageModel, VolumeSlippageModel
from simexec.sim import Simulation
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import ExecType, ExecutionReport, Fill
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, PegType, TimeInForce
from simexec.venue.market_simulator import MarketSimulator, nearest_quanta

BUY, SELL = OrderSide.BUY, OrderSide.SELL
SHARE = Instrument("AAPL", Decimal("0.01"))
DOLLAR = 10**6


def order_of(side: OrderSide = BUY, quantity: int = 100, price: str | None = None, **more: Any) -> Order:
    """An order that was sent; a limit order if it has a price."""
    instrument = more.pop("instrument", SHARE)
    ticks = None if price is None else instrument.to_ticks(price)
    kind = more.pop("order_type", OrderType.MARKET if price is None else OrderType.LIMIT)
    order = Order("ord_1", instrument, side, quantity, kind, ticks, **more)
    order.submit(0)
    return order


def traded(order: Order, quantity: int, price: str) -> Order:
    """The order after a trade."""
    done = order.filled_quantity + quantity
    left = order.quantity - done
    quanta = order.instrument.to_quanta(price)
    order.apply(ExecutionReport(f"x{done}", order.order_id, ExecType.TRADE, 0, done, left, quantity, quanta))
    return order


def result(of: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns that waits for nothing, so that it needs no simulation."""
    with pytest.raises(StopIteration) as stopped:
        of.send(None)
    return stopped.value.value


def fill_of(simulator: MarketSimulator, order: Order, price: Any, volume: Any = None, spread: Any = 0) -> Fill | None:
    found = result(simulator.simulate_fill(order=order, market_price=price, volume=volume, spread=spread))
    assert found is None or isinstance(found, Fill)
    return found


class Counting:
    """A slippage and commission model that counts how often it is asked, and of what."""

    def __init__(self, worse: float = 0.0) -> None:
        self.worse = worse
        self.asked: list[tuple[Any, ...]] = []
        self.charged: list[tuple[int, ...]] = []

    def calculate_slippage(self, order: Any, market_price: float, volume: float, spread: float) -> float:
        self.asked.append((order.order_id, order.symbol, order.side, order.quantity, market_price, volume, spread))
        return self.worse

    def commission(self, quantity: int, notional: int, filled: int, filled_notional: int) -> int:
        self.charged.append((quantity, notional, filled, filled_notional))
        return 7


# --- a single fill ---


def test_the_specifications_example() -> None:
    simulator = MarketSimulator(
        slippage_model=VolumeSlippageModel(base_impact=0.0001),
        commission_model=PerShareCommissionModel(commission_per_share=0.005, min_commission=1.0),
    )
    fill = fill_of(simulator, order_of(), 150.25, 1_000_000, 0.02)
    assert fill is not None
    assert (fill.order_id, fill.symbol, fill.side, fill.quantity) == ("ord_1", "AAPL", BUY, 100)
    assert fill.price == Decimal("150.2501")  # 150.25 * 0.0001 * 100 / 1,000,000 is less than a quantum, rounded up
    assert fill.commission == 1
    assert fill.slippage == Decimal("0.0001")


@pytest.mark.parametrize(("side", "price"), [(BUY, "150.3252"), (SELL, "150.1748")], ids=["buy", "sell"])
def test_slippage_is_rounded_to_a_quantum_against_the_trader_on_either_side(side: OrderSide, price: str) -> None:
    fill = fill_of(MarketSimulator(FixedSlippageModel(0.0005001)), order_of(side), "150.25")
    assert fill is not None
    assert fill.price == Decimal(price)
    assert fill.slippage == Decimal("0.0752")


def test_the_first_two_models_may_be_given_by_place() -> None:
    slippage, commission = FixedSlippageModel(0.001), FixedCommissionModel(1)
    simulator = MarketSimulator(slippage, commission)
    assert (simulator.slippage_model, simulator.commission_model) == (slippage, commission)


def test_any_object_with_calculate_slippage_is_a_slippage_model() -> None:
    class AdaptiveSlippageModel:
        def calculate_slippage(self, order: Any, market_price: float, volume: float, spread: float) -> float:
            if volume < 100000:
                return market_price * 0.002
            return market_price * 0.0005

    simulator = MarketSimulator(slippage_model=AdaptiveSlippageModel())
    for volume, price in ((99_999, "100.2"), (100_000, "100.05")):
        fill = fill_of(simulator, order_of(), 100, volume, 0.02)
        assert fill is not None
        assert fill.price == Decimal(price)


def test_without_models_a_fill_is_at_the_price_and_free() -> None:
    fill = fill_of(MarketSimulator(), order_of(), 150.25)
    assert fill is not None
    assert (fill.price, fill.fee, fill.slippage_quanta, fill.maker, fill.quantity) == (
        Decimal("150.25"),
        0,
        0,
        False,
        100,
    )


def test_a_model_is_asked_of_what_trades_when_it_trades_and_never_otherwise() -> None:
    model = Counting()
    simulator = MarketSimulator(model, model, participation="0.5")
    for order in (
        order_of(price="150.00"),
        order_of(SELL, price="151.00"),
        order_of(order_type=OrderType.STOP, terms=OrderTerms(stop_ticks=15_100)),
        order_of(quantity=60, time_in_force=TimeInForce.FOK),
        order_of(quantity=60, time_in_force=TimeInForce.IOC, terms=OrderTerms(min_quantity=51)),
    ):
        assert fill_of(simulator, order, 150.25, 100) is None
    assert fill_of(simulator, order_of(), 150.25, 1) is None
    assert (model.asked, model.charged) == ([], [])
    fill = fill_of(simulator, order_of(SELL, 60), 150.25, 100, 0.02)
    assert fill is not None
    assert model.asked == [("ord_1", "AAPL", SELL, 50.0, 150.25, 100.0, pytest.approx(0.02))]
    assert model.charged == [(50, 50 * 150_250_000, 0, 0)]


@pytest.mark.parametrize(
    ("side", "limit", "price"),
    [(BUY, "150.30", "150.30"), (BUY, "150.25", "150.25"), (SELL, "150.20", "150.20"), (SELL, "149.00", "149.75")],
)
def test_slippage_never_passes_the_limit(side: OrderSide, limit: str, price: str) -> None:
    fill = fill_of(MarketSimulator(Counting(0.5)), order_of(side, price=limit), 150.25, 1_000)
    assert fill is not None
    assert fill.price == Decimal(price)
    assert fill.slippage == abs(Decimal("150.25") - Decimal(price))


@pytest.mark.parametrize(("side", "limit"), [(BUY, "150.24"), (SELL, "150.26")])
def test_a_limit_that_is_not_reached_gets_nothing(side: OrderSide, limit: str) -> None:
    assert fill_of(MarketSimulator(), order_of(side, price=limit), 150.25) is None


@pytest.mark.parametrize(
    ("side", "stop", "fills"), [(BUY, 15_025, True), (BUY, 15_026, False), (SELL, 15_025, True), (SELL, 15_024, False)]
)
def test_a_stop_fills_once_its_price_is_reached(side: OrderSide, stop: int, fills: bool) -> None:
    waiting = order_of(side, order_type=OrderType.STOP, terms=OrderTerms(stop_ticks=stop))
    assert (fill_of(MarketSimulator(), waiting, 150.25) is not None) is fills
    waiting.apply(ExecutionReport("t", "ord_1", ExecType.TRIGGERED, 0, 0, 100))
    assert fill_of(MarketSimulator(), waiting, 150.25) is not None


def test_a_fill_is_a_share_of_the_volume_in_whole_lots() -> None:
    lots = Instrument("LOTS", Decimal("0.01"), lot=10)
    simulator = MarketSimulator(participation="0.1")
    for volume, quantity in ((99, None), (100, 10), (199, 10), (1_000, 100), (10_000, 200)):
        fill = fill_of(simulator, order_of(quantity=200, instrument=lots), 10, volume)
        assert (None if fill is None else fill.quantity) == quantity


def test_a_minimum_quantity_and_fill_or_kill_are_all_or_nothing() -> None:
    fok = order_of(quantity=100, time_in_force=TimeInForce.FOK)
    least = order_of(quantity=100, time_in_force=TimeInForce.IOC, terms=OrderTerms(min_quantity=80))
    for order, volume, quantity in ((fok, 99, None), (fok, 100, 100), (least, 79, None), (least, 80, 80)):
        fill = fill_of(MarketSimulator(), order, 10, volume)
        assert (None if fill is None else fill.quantity) == quantity


def test_what_an_order_has_traded_before_counts_in_quantity_and_commission() -> None:
    model = Counting()
    order = traded(traded(order_of(quantity=100), 30, "150.00"), 20, "150.01")
    fill = fill_of(MarketSimulator(commission_model=model), order, 150)
    assert fill is not None
    assert fill.quantity == 50
    assert model.charged == [(50, 7_500 * DOLLAR, 50, 4_500 * DOLLAR + 3_000_200_000)]
    least = MarketSimulator(commission_model=PerShareCommissionModel("0.005", min_commission=1))
    again = fill_of(least, order, 150)
    assert again is not None
    assert again.fee == 0  # the first trades have paid the minimum


def test_fees_of_the_venue_and_commission_of_the_broker_are_added() -> None:
    simulator = MarketSimulator(
        commission_model=PercentCommissionModel("0.001"), fees=MakerTakerFees(taker_per_share="0.003")
    )
    fill = fill_of(simulator, order_of(), 150)
    assert fill is not None
    assert fill.commission == Decimal("15.3")


def test_half_of_the_lasting_impact_of_a_fill_is_its_own() -> None:
    simulator = MarketSimulator(impact_model=LinearImpactModel(temporary_rate=0.01, lasting_rate=0.02))
    for _ in range(2):  # a single question leaves nothing behind
        fill = fill_of(simulator, order_of(), 100, 1_000)
        assert fill is not None
        assert fill.price == Decimal("100.2")


def test_the_value_of_earlier_trades_of_an_inverse_contract_is_that_at_their_average_price() -> None:
    coin = Instrument("BTCUSD", Decimal("0.5"), currency="BTC", multiplier=100, inverse=True)
    model = Counting()
    order = traded(order_of(quantity=10, instrument=coin), 4, "50000")
    fill_of(MarketSimulator(commission_model=model), order, 40_000)
    assert model.charged == [(6, 6 * 100 * 10**12 // 40_000, 4, 4 * 100 * 10**12 // 50_000)]


@pytest.mark.parametrize("end", [OrderStatus.FILLED, OrderStatus.CANCELLED])
def test_an_order_that_has_ended_gets_nothing(end: OrderStatus) -> None:
    order = order_of()
    if end is OrderStatus.FILLED:
        traded(order, 100, "150")
    else:
        order.apply(ExecutionReport("c", "ord_1", ExecType.CANCELED, 0, 0, 0))
    assert order.status is end
    assert fill_of(MarketSimulator(), order, 150.25) is None


def test_nothing_of_the_order_changes_and_each_fill_has_its_own_id() -> None:
    order, simulator = order_of(), MarketSimulator()
    before = attrs.asdict(order, recurse=False)
    fills = [fill_of(simulator, order, 150.25) for _ in range(2)]
    assert attrs.asdict(order, recurse=False) == before
    assert len({fill.exec_id for fill in fills if fill is not None}) == 2


def test_only_a_commission_model_that_counts_remembers() -> None:
    model = VolumeTieredCommissionModel([(100, "0.01"), (None, "0.001")])
    simulator = MarketSimulator(commission_model=model)
    fees = [fill.fee for _ in range(2) if (fill := fill_of(simulator, order_of(), 150)) is not None]
    assert fees == [DOLLAR, DOLLAR // 10]
    assert model.volume == 200


def test_the_time_of_a_fill_is_that_of_the_simulation_or_0() -> None:
    assert getattr(fill_of(MarketSimulator(), order_of(), 1), "time_ns", None) == 0
    with Simulation() as sim:
        sim.run("5s")
        assert getattr(fill_of(MarketSimulator(), order_of(), 1), "time_ns", None) == 5 * 10**9


# --- what is refused ---


@pytest.mark.parametrize("name", ["slippage_model", "commission_model", "impact_model", "fees"])
@pytest.mark.parametrize("model", ["fixed", 0.001, FixedSlippageModel])
def test_something_that_is_no_model_is_refused_by_its_name(name: str, model: object) -> None:
    if model is FixedSlippageModel and name == "slippage_model":
        model = object()
    with pytest.raises(InputError, match=rf"{name} .* has no method \w+\(...\); give a model, or None"):
        MarketSimulator(**{name: model})  # type: ignore[arg-type]


@pytest.mark.parametrize("share", [0, -1, "1.1", float("nan"), "much", None, True])
def test_a_participation_that_is_no_share_is_refused(share: Any) -> None:
    with pytest.raises(InputError, match="participation"):
        MarketSimulator(participation=share)


@pytest.mark.parametrize("chance", [-0.1, 1.1, float("nan"), True])
def test_a_touch_probability_that_is_none_is_refused(chance: Any) -> None:
    with pytest.raises(InputError, match=r"touch fill probability .* must be from 0 to 1"):
        MarketSimulator(touch_fill_probability=chance)


@pytest.mark.parametrize("price", [0, -1, float("nan"), float("inf"), "high", None, True, "1e30", 10**17])
def test_a_price_that_is_none_is_refused(price: Any) -> None:
    with pytest.raises(OrderError, match="AAPL price"):
        fill_of(MarketSimulator(), order_of(), price)
    with pytest.raises(OrderError, match="AAPL price"):
        nearest_quanta(SHARE, price)


@pytest.mark.parametrize("volume", [-1, 1.5, "many", True])
def test_a_volume_that_is_none_is_refused(volume: Any) -> None:
    with pytest.raises(InputError, match="volume"):
        fill_of(MarketSimulator(), order_of(), 150, volume)


@pytest.mark.parametrize("spread", [-0.01, float("nan"), "wide", None])
def test_a_spread_that_is_none_is_refused(spread: Any) -> None:
    with pytest.raises(InputError, match="spread"):
        fill_of(MarketSimulator(), order_of(), 150, 100, spread)


@pytest.mark.parametrize(
    "models",
    [
        {"slippage_model": VolumeSlippageModel()},
        {"slippage_model": Counting()},
        {"impact_model": LinearImpactModel(lasting_rate=0.1)},
        {"slippage_model": FixedSlippageModel(), "impact_model": LinearImpactModel(lasting_rate=0.1)},
    ],
)
def test_a_model_that_needs_the_volume_refuses_a_price_without_one(models: dict[str, Any]) -> None:
    simulator = MarketSimulator(**models)
    name = type(models.get("impact_model") or models["slippage_model"]).__name__
    assert simulator.needs_volume
    with pytest.raises(InputError, match=f"{name} needs the volume of AAPL, and a price was given without; give both"):
        fill_of(simulator, order_of(), 150)
    assert fill_of(simulator, order_of(), 150, 1_000) is not None


@pytest.mark.parametrize("model", [None, FixedSlippageModel(), SpreadSlippageModel()])
def test_a_model_that_does_not_need_the_volume_does_without(model: Any) -> None:
    simulator = MarketSimulator(model)
    assert not simulator.needs_volume
    assert fill_of(simulator, order_of(), 150) is not None


def test_an_impact_model_that_needs_bars_refuses_a_single_price() -> None:
    model = AlmgrenImpactModel(daily_volume=10**6, daily_volatility=0.02, shares_outstanding=10**8)
    with pytest.raises(InputError, match="AlmgrenImpactModel needs the length of a bar, and a price has none"):
        fill_of(MarketSimulator(impact_model=model), order_of(), 150, 1_000)


@pytest.mark.parametrize("answer", [-0.01, math.nan, math.inf])
def test_an_answer_of_a_model_that_is_no_amount_is_refused_with_its_name(answer: float) -> None:
    with pytest.raises(InputError, match=r"Counting answered .*; a price moves by a finite amount from 0 up"):
        fill_of(MarketSimulator(Counting(answer)), order_of(), 150, 1_000)


@pytest.mark.parametrize("order", [None, "ord_1", {"symbol": "AAPL"}])
def test_something_that_is_no_order_is_refused(order: Any) -> None:
    with pytest.raises(InputError, match=r"order .* is no Order; create one"):
        fill_of(MarketSimulator(), order, 150)


@pytest.mark.parametrize(
    ("kind", "terms"),
    [
        (OrderType.PEGGED, OrderTerms(peg=PegType.PRIMARY)),
        (OrderType.TRAILING_STOP, OrderTerms(trail_ticks=5, stop_ticks=15_000)),
    ],
)
def test_an_order_that_follows_a_book_is_refused(kind: OrderType, terms: OrderTerms) -> None:
    order = order_of(order_type=kind, terms=terms)
    with pytest.raises(OrderError, match=f"ord_1 is a {kind.name.lower()} order, which follows a book"):
        fill_of(MarketSimulator(), order, 150)


# --- the same rules as a venue ---


@settings(max_examples=60)
@given(
    side=st.sampled_from(OrderSide),
    quantity=st.integers(1, 500),
    limit=st.none() | st.integers(9_950, 10_050),
    size=st.integers(0, 400),
    spread=st.integers(0, 20),
    tif=st.sampled_from([TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK]),
    share=st.sampled_from(["1", "0.3"]),
    slippage=st.sampled_from([None, FixedSlippageModel(0.0013), VolumeSlippageModel(0.01), SpreadSlippageModel(0.7)]),
)
def test_a_single_question_and_a_broker_give_the_same_fill(
    side: OrderSide,
    quantity: int,
    limit: int | None,
    size: int,
    spread: int,
    tif: TimeInForce,
    share: str,
    slippage: Any,
) -> None:
    simulator = MarketSimulator(
        slippage, PerShareCommissionModel("0.005", min_commission=1), participation=share,
        impact_model=LinearImpactModel(temporary_rate=0.001, lasting_rate=0.002), fees=MakerTakerFees(taker_bps=1),
    )  # fmt: skip
    middle, width = Decimal(100), Decimal(spread) / 50
    order = Order("o", SHARE, side, quantity, OrderType.LIMIT if limit else OrderType.MARKET, limit, tif)
    with Simulation() as sim:
        broker = BacktestBroker(Portfolio(10**9), simulator)
        order.submit(sim.now)
        expected = result(simulator.simulate_fill(order, middle + side.sign * width / 2, size, width))
        sim.run(broker.submit_order(order))
        row = {"price": middle, "volume": size, "spread": width}
        fills = sim.run(broker.process_pending_orders({"AAPL": row}))
    got = [(fill.quantity, fill.price_quanta, fill.fee, fill.slippage_quanta) for fill in fills]
    if expected is None:
        assert got == []
    else:
        assert got == [(expected.quantity, expected.price_quanta, expected.fee, expected.slippage_quanta)]


def test_a_simulator_is_equal_to_another_of_the_same_models_whatever_it_was_asked() -> None:
    one, other = MarketSimulator(FixedSlippageModel()), MarketSimulator(FixedSlippageModel())
    fill_of(one, order_of(), 150)
    assert one == other
    assert MarketSimulator(participation="0.25").participation == Fraction(1, 4)


@given(
    price=st.decimals("0.000001", 10**6, places=7, allow_nan=False),
    quantum=st.sampled_from(["0.01", "0.05", "0.3", "7", "0.00001"]),
    subticks=st.sampled_from([1, 2, 100]),
)
def test_prices_of_market_data_are_rounded_to_the_nearest_quantum_half_to_even(
    price: Decimal, quantum: str, subticks: int
) -> None:
    instrument = Instrument("X", Decimal(quantum), subticks=subticks)
    assert nearest_quanta(instrument, price) == max(1, round(Fraction(price) / Fraction(instrument.quantum)))
    half = instrument.quantum / 2
    for odd in (3, 5):
        assert nearest_quanta(instrument, odd * half) == round(Fraction(odd, 2))
