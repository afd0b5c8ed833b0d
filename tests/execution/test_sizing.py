"""Signals become orders of whole lots, never larger than what they are sized for."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.errors import InputError, OrderError
from simexec.execution import (
    FixedNotional,
    FixedQuantity,
    OrderManager,
    PercentOfEquity,
    Proposal,
    RiskPortfolioContainer,
    Sizing,
    VolatilityTarget,
)
from simexec.execution.guard import Refusal
from simexec.sim import Simulation
from simexec.trading.events import Signal
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.report import Fill
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType

BUY, SELL = OrderSide.BUY, OrderSide.SELL
SHARE = Instrument("XYZ", "0.01")
LOTS = Instrument("LOT", "0.01", lot=100)
COIN = Instrument("PERP", "0.5", currency="BTC", multiplier=100, inverse=True)
TEN = 100_000  # 10.00 in quanta
EQUITY = 100_000 * 10**6


@pytest.mark.parametrize(
    ("sizing", "strength", "shares"),
    [
        (FixedQuantity(shares=300), 1.0, 300),
        (FixedQuantity(shares=300), 0.1, 30),  # exactly: 0.1 is a tenth, not the float next to it
        (FixedQuantity(shares=3), 0.3, 0),
        (FixedNotional(amount=1_009), 1.0, 100),
        (FixedNotional(amount=1_000), 0.5, 50),
        (PercentOfEquity(fraction="0.05"), 1.0, 500),
        (PercentOfEquity(fraction="0.05"), 0.25, 125),
        (VolatilityTarget(target="0.1", volatility=0.4), 1.0, 2_500),
        (VolatilityTarget(target="0.1", volatility=lambda _: 0.2), 0.5, 2_500),
        (PercentOfEquity(fraction="0.05"), 0.0, 0),
    ],
)
def test_a_signal_is_sized(sizing: Sizing, strength: float, shares: int) -> None:
    assert sizing.quantity(Signal("XYZ", BUY, strength), SHARE, TEN, EQUITY) == shares


def test_sizes_are_whole_lots() -> None:
    assert PercentOfEquity(fraction="0.0599").quantity(Signal("LOT", BUY), LOTS, TEN, EQUITY) == 500
    assert FixedQuantity(shares=99).quantity(Signal("LOT", BUY), LOTS, TEN, EQUITY) == 0


def test_nothing_is_bought_with_a_loss() -> None:
    assert PercentOfEquity(fraction=1).quantity(Signal("XYZ", BUY), SHARE, TEN, -EQUITY) == 0


def test_an_inverse_contract_is_sized_in_its_coin() -> None:
    # 100 USD at 10,000 USD a coin are 0.01 BTC each
    assert FixedNotional(amount="0.5").quantity(Signal("PERP", BUY), COIN, COIN.to_quanta(10_000), 0) == 50


@given(
    strength=st.floats(0, 1),
    price=st.integers(1, 10**7),
    amount=st.decimals("0.01", "1e6", places=2),
    lot=st.sampled_from([1, 7, 100]),
)
def test_an_order_is_worth_no_more_than_it_is_sized_for_and_one_lot_more_would_be(
    strength: float, price: int, amount: Any, lot: int
) -> None:
    instrument = attrs.evolve(SHARE, lot=lot)
    quantity = FixedNotional(amount=amount).quantity(Signal("XYZ", BUY, strength), instrument, price, 0)
    allowed = amount * 10**6 * type(amount)(repr(strength))
    assert quantity % lot == 0
    assert quantity == 0 or instrument.notional(quantity, price) <= allowed
    assert instrument.notional(quantity + lot, price) > allowed


@pytest.mark.parametrize("volatility", [0, -0.1, "nan"])
def test_a_volatility_that_makes_no_sense_is_refused(volatility: Any) -> None:
    with pytest.raises(InputError, match=str(volatility)):
        VolatilityTarget(target="0.1", volatility=volatility).quantity(Signal("XYZ", BUY), SHARE, TEN, EQUITY)


@pytest.mark.parametrize(
    "sizing", [(FixedQuantity, "shares", 0), (FixedNotional, "amount", 0), (PercentOfEquity, "fraction", -1)]
)
def test_a_size_that_makes_no_sense_is_refused_with_its_name(sizing: tuple[type[Any], str, int]) -> None:
    cls, name, value = sizing
    with pytest.raises(InputError, match=f"{name}: must be .*, not {value}"):
        cls(**{name: value})


# --- in the container ---


@attrs.frozen
class Seen:
    bid: int | None = 99_000
    ask: int | None = TEN


def container(sizing: Sizing | None = None, seen: Seen | None = Seen()) -> RiskPortfolioContainer:
    return RiskPortfolioContainer(100_000, sizing=sizing, prices=lambda _: seen, instruments=[SHARE, LOTS])


def test_a_buy_is_sized_at_the_offer_and_a_sell_at_the_bid() -> None:
    risk = container(FixedNotional(amount=990))
    assert risk.size(Signal("XYZ", BUY)) == Proposal(SHARE, BUY, 99)
    assert risk.size(Signal("XYZ", SELL)) == Proposal(SHARE, SELL, 100)


def test_equity_counts_what_positions_are_worth_now() -> None:
    risk = container(PercentOfEquity(fraction="0.1"), Seen(120_000, 120_000))
    risk.get_portfolio_state().apply_fill(Fill("x1", "o1", SHARE, BUY, 5_000, TEN, 0))
    assert risk.size(Signal("XYZ", BUY)) == Proposal(SHARE, BUY, 916)  # a tenth of 110,000 at 12.00


@pytest.mark.parametrize(
    ("sizing", "seen", "words"),
    [
        (FixedQuantity(shares=99), Seen(), "sizing: a LOT signal of strength 1.0 comes to less than a lot of 100"),
        (
            FixedNotional(amount=500), None,
            "sizing: no price of LOT is seen, so 500.000000 USD are no number of shares; connect prices, or use FixedQuantity",
        ),
        (
            VolatilityTarget(target=1, volatility=lambda _: None), Seen(),
            "sizing: the volatility of LOT is not known; give an estimate of it",
        ),
    ],
)  # fmt: skip
def test_a_signal_that_cannot_be_sized_is_refused_and_says_why(sizing: Sizing, seen: Seen | None, words: str) -> None:
    refusal = container(sizing, seen).size(Signal("LOT", BUY))
    assert isinstance(refusal, Refusal)
    assert str(refusal) == words


def test_a_signal_of_an_unknown_symbol_or_without_a_sizing_is_an_error() -> None:
    with pytest.raises(InputError, match="symbol 'ABC' of a signal is not among the instruments; known: XYZ, LOT"):
        container(FixedQuantity(shares=1)).size(Signal("ABC", BUY))
    with pytest.raises(InputError, match="the XYZ signal cannot be sized; give a sizing"):
        container().size(Signal("XYZ", BUY))


def test_a_signal_becomes_an_order_that_is_not_sent_yet() -> None:
    with Simulation() as sim:
        risk = container(FixedQuantity(shares=100))
        manager = OrderManager(portfolio=risk.get_portfolio_state(), instruments=[SHARE, LOTS], guards=[risk])

        async def main() -> tuple[Order | Refusal, ...]:
            plain = await risk.process_signal(Signal("XYZ", BUY), manager)
            limited = await risk.process_signal(
                Signal("XYZ", BUY, 0.5), manager, order_type=OrderType.LIMIT, price="9.50"
            )
            refused = await risk.process_signal(Signal("LOT", BUY, 0.5), manager)
            with pytest.raises(OrderError, match="needs a price"):
                await risk.process_signal(Signal("XYZ", BUY), manager, order_type=OrderType.LIMIT)
            return plain, limited, refused

        plain, limited, refused = sim.run(main())
        assert isinstance(plain, Order)
        assert (plain.order_type, plain.quantity, plain.status) == (OrderType.MARKET, 100, OrderStatus.PENDING)
        assert isinstance(limited, Order)
        assert (limited.price_ticks, limited.quantity) == (950, 50)
        assert isinstance(refused, Refusal)
        assert len(manager.orders()) == 2
        manager.submit(plain)
        assert risk.get_portfolio_state().reserved == {"USD": 1_000 * 10**6}
