"""The portfolio equals a from-scratch oracle after every event, and balances to the last unit."""

from decimal import Decimal

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from simexec.errors import InputError, InvariantError
from simexec.trading.instrument import Instrument
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import Fill
from simexec.trading.vocabulary import OrderSide

from .oracle import Oracle

AMZN = Instrument("AMZN", "0.01")
ODD = Instrument("ODD", "0.000003", multiplier="0.7")  # its values are never whole units
XBT = Instrument("XBT", "0.5", currency="BTC", inverse=True, subticks=10)
INSTRUMENTS = [AMZN, ODD, XBT]
WINDOW = 4
parents = st.sampled_from("abc")
BUY, SELL = OrderSide.BUY, OrderSide.SELL


def fill(exec_id, side, quantity, price, fee=0, instrument=AMZN):
    return Fill(exec_id, "o1", instrument, side, quantity, instrument.to_quanta(price), 0, fee)


class PortfolioAgainstOracle(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.portfolio = Portfolio({"USD": 1000, "BTC": "0.5"}, bust_window=WINDOW)
        self.oracle = Oracle(dict(self.portfolio.initial_cash))
        self.number = 0
        self.booked = {instrument.symbol: [] for instrument in INSTRUMENTS}

    @rule(
        instrument=st.sampled_from(INSTRUMENTS),
        side=st.sampled_from(OrderSide),
        quantity=st.integers(1, 40),
        price=st.integers(1, 10**6),
        fee=st.integers(-500, 500),
    )
    def fill(self, instrument, side, quantity, price, fee):
        self.number += 1
        booked = Fill(f"x{self.number}", "o1", instrument, side, quantity, price, self.number, fee)
        self.portfolio.apply_fill(booked)
        self.oracle.fills.append(booked)
        self.booked[instrument.symbol].append(booked)

    @precondition(lambda self: self.oracle.fills)
    @rule(data=st.data())
    def bust(self, data):
        recent = [f for symbol in self.booked for f in self.booked[symbol][-WINDOW:] if f in self.oracle.fills]
        if recent:
            busted = data.draw(st.sampled_from(recent))
            self.portfolio.apply_bust(busted)
            self.oracle.fills.remove(busted)

    @rule(instrument=st.sampled_from(INSTRUMENTS), price=st.integers(1, 10**6))
    def mark(self, instrument, price):
        self.portfolio.mark(instrument.symbol, price)
        self.oracle.marks[instrument.symbol] = price

    @rule(parent=parents, amount=st.integers(0, 10**9), currency=st.sampled_from(["USD", "BTC"]))
    def reserve(self, parent, amount, currency):
        if parent in self.oracle.reservations:
            with pytest.raises(InvariantError, match="has a reservation already"):
                self.portfolio.reserve(parent, amount, currency)
        else:
            self.portfolio.reserve(parent, amount, currency)
            self.oracle.reservations[parent] = (currency, amount)

    @rule(parent=parents, amount=st.integers(0, 10**9))
    def resize(self, parent, amount):
        if parent in self.oracle.reservations:
            self.portfolio.resize(parent, amount)
            self.oracle.reservations[parent] = (self.oracle.reservations[parent][0], amount)
        else:
            with pytest.raises(InvariantError, match="has no reservation"):
                self.portfolio.resize(parent, amount)

    @rule(parent=parents)
    def release(self, parent):
        if parent in self.oracle.reservations:
            assert self.portfolio.release(parent) == self.oracle.reservations.pop(parent)[1]
        else:
            with pytest.raises(InvariantError, match="has no reservation"):
                self.portfolio.release(parent)

    @invariant()
    def positions_are_equal(self):
        holdings = self.oracle.holdings()
        for instrument in INSTRUMENTS:
            position = self.portfolio.positions.get(instrument.symbol)
            if position is None:
                assert instrument.symbol not in holdings
                continue
            holding = holdings[instrument.symbol]
            assert (position.quantity, position.cost_basis, position.realised, position.fees) == (
                holding.quantity,
                holding.cost,
                holding.realised,
                holding.fees,
            )
            assert position.unrealised == self.oracle.unrealised(instrument, holding)

    @invariant()
    def cash_is_equal(self):
        assert self.portfolio.cash == self.oracle.cash(INSTRUMENTS)

    @invariant()
    def reservations_are_equal(self):
        for currency in ("USD", "BTC"):
            reserved = sum(a for c, a in self.oracle.reservations.values() if c == currency)
            assert self.portfolio.reserved[currency] == reserved
            assert self.portfolio.available(currency) == self.portfolio.cash[currency] - reserved

    @invariant()
    def account_balances(self):
        self.portfolio.check()


PortfolioAgainstOracle.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


class TestPortfolioAgainstOracle(PortfolioAgainstOracle.TestCase):
    """Runs the state machine."""


def test_a_purchase_moves_cash_into_the_position_and_pays_the_fee():
    portfolio = Portfolio(100_000)
    portfolio.apply_fill(fill("x1", BUY, 100, "223.14", fee=300_000))
    assert portfolio.cash == {"USD": 100_000_000_000 - 22_314_000_000 - 300_000}
    assert (portfolio.position("AMZN"), portfolio.position("MSFT")) == (100, 0)
    assert portfolio.equity() == 100_000_000_000 - 300_000
    portfolio.mark("AMZN", AMZN.to_quanta("224.14"))
    assert (portfolio.unrealised(), portfolio.realised(), portfolio.fees["USD"]) == (100_000_000, 0, 300_000)
    portfolio.check()


def test_an_inverse_contract_settles_its_profit_in_the_coin():
    portfolio = Portfolio({"BTC": 1})
    portfolio.apply_fill(fill("x1", SELL, 10_000, 50_000, instrument=XBT))
    assert portfolio.cash["BTC"] == 10**12
    portfolio.apply_fill(fill("x2", BUY, 10_000, 40_000, instrument=XBT))
    assert portfolio.cash["BTC"] == 10**12 + 50_000_000_000
    portfolio.check()


def test_a_currency_that_was_not_funded_starts_at_nothing():
    portfolio = Portfolio(1000)
    portfolio.apply_fill(fill("x1", BUY, 10_000, 50_000, fee=7, instrument=XBT))
    assert portfolio.cash == {"USD": 1_000_000_000, "BTC": -7}
    portfolio.check()


def test_a_bust_gives_back_price_and_fee():
    portfolio = Portfolio(1000)
    busted = fill("x1", BUY, 10, 20, fee=-5)
    portfolio.apply_fill(busted)
    portfolio.apply_bust(busted)
    assert (portfolio.cash, portfolio.fees) == ({"USD": 1_000_000_000}, {"USD": 0})
    with pytest.raises(InvariantError, match="was busted before"):
        portfolio.apply_bust(busted)
    with pytest.raises(InvariantError, match="ODD never traded"):
        portfolio.apply_bust(fill("x2", BUY, 1, "0.000003", instrument=ODD))
    portfolio.check()


def test_one_symbol_is_one_instrument():
    portfolio = Portfolio(1000)
    portfolio.apply_fill(fill("x1", BUY, 1, 10))
    portfolio.apply_fill(fill("x2", BUY, 1, 10, instrument=Instrument("AMZN", "0.01")))
    with pytest.raises(InvariantError, match="but the portfolio holds Instrument"):
        portfolio.apply_fill(fill("x3", BUY, 1, 10, instrument=Instrument("AMZN", "0.05")))
    assert portfolio.position("AMZN") == 2


def test_a_symbol_can_be_marked_before_it_trades():
    portfolio = Portfolio(1000)
    portfolio.mark("AMZN", 200_000)
    portfolio.apply_fill(fill("x1", BUY, 10, 10))
    assert portfolio.unrealised() == 100_000_000
    with pytest.raises(InputError, match="mark 0 of AMZN is not positive"):
        portfolio.mark("AMZN", 0)


def test_a_reservation_lowers_what_is_available_until_it_is_released():
    portfolio = Portfolio(1000)
    portfolio.reserve("p1", 600_000_000)
    assert portfolio.available() == 400_000_000
    portfolio.resize("p1", 350_000_000)
    assert (portfolio.outstanding("p1"), portfolio.available()) == (350_000_000, 650_000_000)
    assert portfolio.release("p1") == 350_000_000
    assert (portfolio.outstanding("p1"), portfolio.reserved) == (0, {"USD": 0})
    with pytest.raises(InvariantError, match="parent p1 has no reservation: it never had one"):
        portfolio.release("p1")


@pytest.mark.parametrize("amount", [-1, 1.5, True, float("nan")])
def test_a_reservation_is_a_whole_amount_and_not_negative(amount):
    portfolio = Portfolio(1000)
    with pytest.raises(InputError, match="reservation for p1"):
        portfolio.reserve("p1", amount)
    assert portfolio.reserved == {"USD": 0}


def test_a_snapshot_does_not_follow_what_happens_later():
    portfolio = Portfolio(1000)
    portfolio.reserve("p1", 7)
    portfolio.apply_fill(fill("x1", BUY, 10, 20))
    snapshot = portfolio.snapshot(time_ns=5)
    portfolio.apply_fill(fill("x2", BUY, 10, 20))
    portfolio.release("p1")
    assert (snapshot.time_ns, snapshot.positions["AMZN"].quantity) == (5, 10)
    assert (snapshot.cash["USD"], snapshot.equity["USD"]) == (800_000_000, 1_000_000_000)
    assert (snapshot.reserved["USD"], snapshot.reservations["p1"]) == (7, 7)
    assert snapshot.positions["AMZN"].average_price == Decimal(20)
    with pytest.raises(TypeError):
        snapshot.cash["USD"] = 0
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        snapshot.time_ns = 6


def test_books_that_do_not_balance_are_an_error_with_the_figures():
    portfolio = Portfolio(1000)
    portfolio.cash["USD"] += 1
    with pytest.raises(InvariantError, match=r"USD does not balance: .* = 1000000000, .* = 1000000001 units"):
        portfolio.check()


@pytest.mark.parametrize("amount", [-1, "nan", "a million", True, "0.0000001"])
def test_initial_cash_that_makes_no_sense_is_refused(amount):
    with pytest.raises(InputError):
        Portfolio(amount)
