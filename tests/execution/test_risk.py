"""Every limit admits what is at it and refuses what is just beyond, with the figures; reservations follow an order's life."""

from __future__ import annotations

import gc
from decimal import Decimal
from typing import Any

import attrs
import pytest

from simexec.errors import InputError, TransitionError
from simexec.execution import OrderManager, ParentExecution, RiskLimits, RiskPortfolioContainer
from simexec.execution.guard import Refusal
from simexec.execution.parent import work
from simexec.testing import Desk, check_desk, make_desk
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import ExecType, ExecutionReport, Fill, RejectReason
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, PegType, TimeInForce

BUY, SELL = OrderSide.BUY, OrderSide.SELL
LIMIT, MARKET, STOP = OrderType.LIMIT, OrderType.MARKET, OrderType.STOP
SHARE = Instrument("XYZ", "0.01")
EURO = Instrument("EUX", "0.05", currency="EUR")
COIN = Instrument("PERP", "0.5", currency="BTC", multiplier=100, inverse=True)
USD = 10**6


@attrs.frozen
class Seen:
    bid: int | None
    ask: int | None


class Account:
    """A container, and the means to have it hear whatever is wanted; 10.00 to 10.10 is seen unless something else is."""

    def __init__(self, cash: Any = 10_000, quote: Seen | None = Seen(100_000, 101_000), **limits: Any) -> None:
        self.quote = quote
        self.portfolio = Portfolio(cash)
        self.risk = RiskPortfolioContainer(
            limits=RiskLimits(**limits), prices=lambda _: self.quote, portfolio=self.portfolio
        )
        self.number = 0

    def order(self, side: OrderSide, quantity: int, price: str | None = None, **fields: Any) -> Order:
        instrument = fields.pop("instrument", SHARE)
        self.number += 1
        kind = fields.pop("order_type", MARKET if price is None else LIMIT)
        ticks = None if price is None else instrument.to_ticks(price)
        return Order(f"o{self.number}", instrument, side, quantity, kind, ticks, **fields)

    def hold(self, quantity: int, price: str = "10.00", instrument: Instrument = SHARE) -> None:
        self.number += 1
        side = BUY if quantity > 0 else SELL
        self.portfolio.apply_fill(
            Fill(f"x{self.number}", "before", instrument, side, abs(quantity), instrument.to_quanta(price), 0)
        )

    def send(self, order: Order) -> str:
        """As a manager does with an order that goes to a venue; returns the refusal."""
        refusal = self.risk.admit(order) or self.risk.check(order)
        if refusal is not None:
            self.tell(order, ExecType.REJECTED)
            return str(refusal)
        order.submit(0)
        return ""

    def admit(self, order: Order) -> str:
        """As a manager does with an order that is to be worked; returns the refusal."""
        refusal = self.risk.admit(order)
        if refusal is None:
            order.submit(0)
        return str(refusal or "")

    def tell(self, order: Order, exec_type: ExecType, **fields: Any) -> ExecutionReport:
        self.number += 1
        filled, total = fields.pop("filled", order.filled_quantity), fields.pop("total", order.quantity)
        report = ExecutionReport(
            f"x{self.number}", order.order_id, exec_type, self.number, filled, total - filled, **fields
        )
        order.apply(report)
        if exec_type is ExecType.TRADE:
            self.portfolio.apply_fill(order.fill_of(report))
        elif exec_type is ExecType.TRADE_CANCEL:
            self.portfolio.apply_bust(order.fill_of(report))
        self.risk.heard(order, report)
        return report

    def fill(self, order: Order, quantity: int, price: str) -> ExecutionReport:
        quanta = order.instrument.to_quanta(price)
        filled = order.filled_quantity + quantity
        return self.tell(order, ExecType.TRADE, filled=filled, last_quantity=quantity, last_price_quanta=quanta)

    def bust(self, order: Order, trade: ExecutionReport) -> None:
        self.tell(
            order, ExecType.TRADE_CANCEL, filled=order.filled_quantity - trade.last_quantity,
            last_quantity=trade.last_quantity, last_price_quanta=trade.last_price_quanta, exec_ref_id=trade.exec_id,
        )  # fmt: skip

    def amend(self, order: Order, quantity: int, price: str | None = None) -> Refusal | None:
        refusal = self.risk.amend(order, quantity, None if price is None else order.instrument.to_ticks(price))
        if refusal is None:
            order.request_replace(quantity)
        return refusal

    def reserved(self, order: Order) -> int:
        return self.portfolio.outstanding(order.order_id)


# --- limits of an order ---


def test_an_order_beyond_the_largest_quantity_is_refused_and_one_at_it_is_not() -> None:
    account = Account(max_order_quantity=100)
    assert account.send(account.order(BUY, 100, "10.00")) == ""
    assert (
        account.send(account.order(BUY, 101, "10.00"))
        == "max_order_quantity: the order is for 101 XYZ, allowed are 100"
    )


def test_a_worked_order_may_be_larger_than_one_that_goes_to_a_venue() -> None:
    account = Account(max_order_quantity=100, max_order_notional=1_000)
    parent = account.order(BUY, 500, "10.00")
    assert account.admit(parent) == ""
    assert account.risk.check(account.order(BUY, 100, "10.00", parent_id=parent.order_id)) is None
    assert str(account.risk.check(account.order(BUY, 101, "9.90", parent_id=parent.order_id))).startswith("max_order_q")


def test_an_order_beyond_the_largest_value_is_refused() -> None:
    account = Account(max_order_notional=1_000)
    assert account.send(account.order(BUY, 100, "10.00")) == ""
    assert account.send(account.order(BUY, 100, "10.01")) == (
        "max_order_notional: a buy of 100 XYZ at 10.01 is worth 1,001.00 USD, allowed are 1,000.00 USD"
    )
    assert "a buy of 100 XYZ at 10.1 is worth 1,010.00 USD" in account.send(account.order(BUY, 100))


def test_a_sell_is_worth_what_it_would_sell_for_rather_than_its_limit() -> None:
    account = Account(max_order_notional=1_000)
    account.hold(201)
    assert account.send(account.order(SELL, 100, "0.01")) == ""
    assert "a sell of 101 XYZ at 10 is worth 1,010.00 USD" in account.send(account.order(SELL, 101, "0.01"))


@pytest.mark.parametrize(
    ("side", "at", "beyond", "words"),
    [
        (BUY, "10.60", "10.61", "5 % above the best offer 10.1; the highest allowed is 10.6"),  # 10.605, inwards
        (SELL, "9.50", "9.49", "5 % below the best bid 10; the lowest allowed is 9.5"),
    ],
)
def test_a_limit_price_beyond_the_collar_is_refused(side: OrderSide, at: str, beyond: str, words: str) -> None:
    account = Account(price_collar="0.05", allow_short=True)
    assert account.send(account.order(side, 10, at)) == ""
    order = account.order(side, 10, beyond)
    refusal = account.risk.check(order)
    assert refusal is not None
    assert (refusal.rule, refusal.reason) == ("price_collar", RejectReason.PRICE_EXCEEDS_BAND)
    assert refusal.text == f"the limit {beyond} of a {side.name.lower()} of XYZ is more than {words}"


def test_a_market_order_becomes_one_at_the_collar_and_reserves_there() -> None:
    account = Account(price_collar="0.05")
    order = account.order(BUY, 10)
    assert account.send(order) == ""
    assert (order.order_type, order.price, order.time_in_force) == (LIMIT, Decimal("10.60"), TimeInForce.IOC)
    assert account.reserved(order) == 106 * USD


def test_a_child_at_the_market_is_protected_at_the_quote_of_its_own_time() -> None:
    account = Account(price_collar="0.05", allow_short=True)
    parent = account.order(SELL, 10)
    assert account.admit(parent) == ""
    account.quote = Seen(90_000, 91_000)
    child = account.order(SELL, 5, parent_id=parent.order_id)
    assert account.risk.check(child) is None
    assert child.price == Decimal("8.55")
    assert (parent.order_type, account.reserved(parent)) == (MARKET, 100 * USD)


def test_without_a_quote_a_limit_is_not_held_against_the_collar_and_a_market_order_is_refused() -> None:
    account = Account(quote=None, price_collar="0.05", buying_power=False)
    assert account.send(account.order(BUY, 10, "9999")) == ""
    order = account.order(BUY, 10)
    refusal = account.risk.admit(order) or account.risk.check(order)
    assert refusal is not None
    assert refusal.reason is RejectReason.REFERENCE_PRICE_NOT_AVAILABLE
    assert str(refusal) == (
        "price_collar: a market order to buy XYZ has no price to be valued at, since no offer is seen;"
        " give it a limit price, or wait for a quote"
    )


def test_the_collar_of_a_stop_limit_order_starts_at_its_stop_price() -> None:
    account = Account(price_collar="0.05")
    fields: dict[str, Any] = {"order_type": OrderType.STOP_LIMIT, "terms": OrderTerms(stop_ticks=1200)}
    assert account.send(account.order(BUY, 10, "12.60", **fields)) == ""
    assert "above the best offer 12; the highest allowed is 12.6" in account.send(
        account.order(BUY, 10, "12.61", **fields)
    )


# --- limits of the account ---


def test_what_is_held_and_open_may_reach_the_largest_position_on_either_side() -> None:
    account = Account(max_position=100, allow_short=True)
    account.hold(30)
    assert account.send(account.order(BUY, 40, "9.00")) == ""
    assert account.send(account.order(BUY, 31, "9.00")) == (
        "max_position: a buy of 31 XYZ; 30 are held and other open buys take 40, so 101 could be held; allowed are 100"
    )
    assert account.send(account.order(BUY, 30, "9.00")) == ""
    assert account.send(account.order(SELL, 130, "11.00")) == ""
    assert "30 are held and other open sells take 130, so -101 could be held" in account.send(
        account.order(SELL, 1, "11")
    )


def test_a_position_beyond_its_limit_may_be_reduced() -> None:
    account = Account(max_position=100)
    account.hold(150)
    assert account.send(account.order(SELL, 20, "10.00")) == ""
    assert account.send(account.order(BUY, 1, "10.00")).startswith("max_position")


def test_gross_exposure_counts_positions_at_the_middle_and_open_orders() -> None:
    account = Account(max_notional=3_005, allow_short=True)
    account.hold(-100)  # worth 1,005
    assert account.send(account.order(BUY, 200, "5.00", instrument=attrs.evolve(SHARE, symbol="ABC"))) == ""
    assert account.send(account.order(SELL, 100, "10.00")) == ""
    assert account.send(account.order(SELL, 1, "0.01")) == (
        "max_notional: a sell of 1 XYZ at 10 adds 10.00 USD to 1,005.00 USD invested and 2,000.00 USD open;"
        " allowed are 3,005.00 USD"
    )
    assert account.send(account.order(BUY, 100, "20.00")) == ""  # which closes


def test_a_margin_account_invests_a_multiple_of_its_equity() -> None:
    account = Account(cash=1_000, max_leverage=2)
    assert account.risk.buying_power() == 2_000 * USD
    assert account.send(account.order(BUY, 100, "15.00")) == ""
    assert account.send(account.order(BUY, 50, "10.00")) == ""
    assert account.send(account.order(BUY, 1, "0.01")) == (
        "buying_power: a buy of 1 XYZ at 0.01 needs 0.01 USD, there are 0.00 USD: 2 times the equity of 1,000.00 USD,"
        " less 0.00 USD invested and 2,000.00 USD reserved"
    )


def test_leverage_is_a_limit_of_its_own_where_buying_power_is_not_looked_at() -> None:
    account = Account(cash=1_000, max_leverage="1.5", buying_power=False)
    assert account.send(account.order(BUY, 150, "10.00")) == ""
    assert account.send(account.order(BUY, 1, "10.00")).startswith("max_leverage: a buy of 1 XYZ at 10 needs 10.00 USD")


def test_a_profit_can_be_invested_and_a_loss_cannot() -> None:
    account = Account(cash=1_000, max_leverage=2)
    account.hold(100)
    account.quote = Seen(110_000, 110_000)
    assert account.risk.buying_power() == (2 * 1_100 - 1_100) * USD
    account.quote = Seen(90_000, None)
    assert account.risk.buying_power() == (2 * 900 - 900) * USD
    assert (account.risk.equity(), account.risk.exposure()) == (900 * USD, 900 * USD)


def test_an_order_is_compared_with_the_volume() -> None:
    account = Account(cash=10**6, max_participation="0.1")
    order = account.order(BUY, 100, "10.00")
    assert account.admit(order) == (
        "max_participation: no volume of XYZ is known to compare 100 with; connect volumes that know it"
    )
    account.risk.volumes = lambda _: 1_009
    assert account.admit(order) == ""
    assert account.admit(account.order(BUY, 101, "10.00")) == (
        "max_participation: the order is for 101 XYZ; 10 % of a volume of 1,009 is 100"
    )


def test_no_more_is_sold_than_is_held_and_not_sold_already() -> None:
    account = Account()
    account.hold(250)
    first = account.order(SELL, 200, "11.00")
    assert account.send(first) == ""
    assert account.send(account.order(SELL, 51, "11.00")) == (
        "allow_short: a sell of 51 XYZ; 250 are held and other open sells take 200, so 50 may be sold"
    )
    second = account.order(SELL, 50)
    assert account.send(second) == ""
    assert account.portfolio.reserved == {"USD": 0}
    account.tell(first, ExecType.CANCELED, total=0)
    assert account.amend(second, 250) is None
    refusal = account.amend(second, 251)
    assert refusal is not None
    assert refusal.rule == "allow_short"


# --- buying power ---


def test_a_buy_is_covered_by_cash_that_is_not_reserved() -> None:
    account = Account(cash=1_000, fee_reserve="0.005")
    first = account.order(BUY, 60, "10.00")
    assert account.send(first) == ""
    assert account.reserved(first) == 600_300_000
    assert account.send(account.order(BUY, 40, "10.00")) == (
        "buying_power: a buy of 40 XYZ at 10 needs 400.20 USD, there are 399.70 USD: cash of 1,000.00 USD,"
        " less 600.30 USD reserved"
    )
    assert account.send(account.order(BUY, 40, "9.98")) == ""


def test_without_a_price_a_market_order_is_refused_where_its_value_counts_only() -> None:
    account = Account(quote=Seen(100_000, None))
    assert account.send(account.order(BUY, 10)).startswith("buying_power: a market order to buy XYZ has no price")
    account.hold(10)
    account.quote = None
    assert account.send(account.order(SELL, 10)) == ""
    assert (
        Account(quote=None, max_notional=9, buying_power=False).send(account.order(BUY, 1)).startswith("max_notional:")
    )
    carefree = Account(quote=None, buying_power=False)
    order = carefree.order(BUY, 10**6)
    assert carefree.send(order) == ""
    assert carefree.reserved(order) == 0


def test_without_any_prices_positions_are_worth_what_they_cost() -> None:
    risk = RiskPortfolioContainer(initial_capital=100_000, limits=RiskLimits(max_leverage=2))
    portfolio = risk.get_portfolio_state()
    portfolio.apply_fill(Fill("x1", "o1", SHARE, BUY, 100, 100_000, 0))
    assert (risk.exposure(), risk.buying_power()) == (1_000 * USD, 199_000 * USD)


def test_a_reservation_is_what_the_order_may_still_cost_until_it_ends() -> None:
    account = Account()
    order = account.order(BUY, 100, "10.00")
    account.send(order)
    account.tell(order, ExecType.NEW)
    assert account.reserved(order) == 1_000 * USD
    account.fill(order, 30, "9.95")
    assert account.reserved(order) == 700 * USD
    account.tell(order, ExecType.CANCELED, total=30)
    assert account.portfolio.snapshot(0).reservations == {}
    assert account.risk.buying_power() == account.portfolio.cash["USD"]


def test_a_bust_reserves_again_also_for_an_order_that_was_filled_and_forgotten_orders_leave_nothing() -> None:
    account = Account()
    order = account.order(BUY, 10)
    account.admit(order)  # worked: what it reserves for was fixed when it was admitted
    trade = account.fill(order, 10, "10.05")
    assert account.portfolio.snapshot(0).reservations == {}
    account.quote = None
    account.bust(order, trade)
    assert account.reserved(order) == 101 * USD
    account.tell(order, ExecType.EXPIRED, total=0)
    assert account.portfolio.snapshot(0).reservations == {}
    assert len(account.risk._reservations._ended) == 1
    del order
    gc.collect()
    assert len(account.risk._reservations._ended) == 0


def test_while_a_change_is_on_its_way_the_worse_of_old_and_new_is_reserved() -> None:
    account = Account()
    order = account.order(BUY, 100, "10.00")
    account.send(order)
    assert account.amend(order, 80, "11.00") is None
    assert account.reserved(order) == 1_100 * USD
    assert account.amend(order, 120, "9.00") is None
    assert account.reserved(order) == 1_320 * USD
    account.tell(order, ExecType.CANCEL_REJECTED, answers_replace=True)
    assert account.reserved(order) == 1_320 * USD  # which of the two it was is not told
    account.tell(order, ExecType.REPLACED, total=120, price_ticks=900)
    assert account.reserved(order) == 1_080 * USD


def test_a_change_that_is_refused_leaves_everything_as_it_was() -> None:
    account = Account(cash=1_000, max_order_quantity=90, price_collar="0.5")
    order = account.order(BUY, 80, "10.00")
    account.send(order)
    for quantity, price, rule in [
        (91, None, "max_order_quantity"),
        (80, "15.16", "price_collar"),
        (80, "12.51", "buying_power"),
    ]:
        refusal = account.amend(order, quantity, price)
        assert refusal is not None
        assert refusal.rule == rule
        assert refusal.reason.cancel_code is not None
        assert (account.reserved(order), account.portfolio.reserved["USD"]) == (800 * USD, 800 * USD)
    assert account.amend(order, 80, "12.50") is None


def test_a_change_of_an_order_that_was_never_admitted_is_not_looked_at() -> None:
    account = Account(cash=0)
    order = account.order(BUY, 10, "10.00")
    order.submit(0)
    assert account.risk.amend(order, 10**6, None) is None
    account.fill(order, 5, "10.00")
    assert account.portfolio.snapshot(0).reservations == {}


def test_asking_to_admit_an_order_twice_reserves_once() -> None:
    account = Account()
    order = account.order(BUY, 10, "10.00")
    account.send(order)
    assert account.risk.admit(order) is None
    with pytest.raises(TransitionError):
        order.submit(0)
    assert account.portfolio.reserved == {"USD": 100 * USD}


def test_reports_of_children_change_no_reservation() -> None:
    account = Account()
    parent = account.order(BUY, 10, "10.00")
    account.admit(parent)
    child = account.order(BUY, 10, "10.00", parent_id=parent.order_id)
    child.submit(0)
    account.tell(child, ExecType.NEW)
    assert account.portfolio.snapshot(0).reservations == {parent.order_id: 100 * USD}


@pytest.mark.parametrize(
    ("fields", "price"),
    [
        ({"order_type": STOP, "terms": OrderTerms(stop_ticks=1200)}, 12),
        ({"order_type": STOP, "terms": OrderTerms(stop_ticks=900)}, "10.10"),
        ({"order_type": OrderType.TRAILING_STOP, "terms": OrderTerms(trail_ticks=5)}, "10.10"),
        ({"order_type": OrderType.PEGGED, "terms": OrderTerms(peg=PegType.PRIMARY)}, "10.10"),
    ],
)
def test_what_has_no_limit_reserves_at_the_offer_or_its_stop_price(fields: dict[str, Any], price: Any) -> None:
    account = Account()
    order = account.order(BUY, 10, **fields)
    assert account.send(order) == ""
    assert account.reserved(order) == Decimal(price) * 10 * USD
    assert order.order_type is fields["order_type"]  # only a market order can be protected


# --- short sales ---


def test_a_short_sale_reserves_and_then_binds_its_value() -> None:
    account = Account(cash=3_000, allow_short=True)
    account.quote = Seen(100_000, 100_000)
    order = account.order(SELL, 100, "9.00")  # which would sell at 10.00
    assert account.send(order) == ""
    assert account.reserved(order) == 1_000 * USD
    account.fill(order, 100, "10.00")
    assert account.risk.buying_power() == 2_000 * USD  # equity 3,000 less exposure 1,000
    assert account.send(account.order(BUY, 100, "50.00")) == ""  # closing costs no buying power
    assert account.risk.buying_power() == 2_000 * USD


def test_a_sell_of_more_than_is_held_reserves_for_the_rest_only_which_trades_last() -> None:
    account = Account(allow_short=True)
    account.hold(60)
    order = account.order(SELL, 100, "11.00")
    account.send(order)
    assert account.reserved(order) == 440 * USD
    account.fill(order, 50, "11.00")
    assert account.reserved(order) == 440 * USD
    account.fill(order, 20, "11.00")
    assert account.reserved(order) == 330 * USD


# --- currencies and inverse contracts ---


def test_every_currency_has_its_own_account() -> None:
    account = Account(cash={"USD": 1_000, "EUR": 100})
    assert account.send(account.order(BUY, 10, "10.00", instrument=EURO)) == ""
    assert (account.risk.buying_power("EUR"), account.risk.buying_power("USD")) == (0, 1_000 * USD)
    assert "needs 5.00 EUR, there are 0.00 EUR" in account.send(account.order(BUY, 1, "5.00", instrument=EURO))
    assert account.send(account.order(BUY, 100, "10.00")) == ""


def test_an_inverse_contract_binds_its_value_in_the_coin_at_the_lowest_price() -> None:
    account = Account(cash={"BTC": 1}, quote=Seen(2_000_000, 2_000_000), allow_short=True)  # 10,000 a coin
    order = account.order(BUY, 60, "12500", instrument=COIN)  # would trade at 10,000, so 0.01 BTC each
    assert account.send(order) == ""
    assert account.reserved(order) == 6 * 10**11
    account.fill(order, 60, "10000")
    assert account.risk.buying_power("BTC") == 4 * 10**11
    assert account.send(account.order(BUY, 41, "10000", instrument=COIN)).startswith(
        "buying_power: a buy of 41 PERP at 10000"
    )
    sell = account.order(SELL, 100, "8000", instrument=COIN)  # 60 close; 40 open at 8,000
    assert "needs 0.50 BTC" in account.send(sell)
    assert account.send(account.order(SELL, 92, "8000", instrument=COIN)) == ""
    assert account.risk.buying_power("BTC") == 0


# --- together with an order manager ---


def guarded(desk: Desk, **limits: Any) -> tuple[OrderManager, RiskPortfolioContainer]:
    risk = RiskPortfolioContainer(
        portfolio=desk.portfolio, limits=RiskLimits(**limits), prices=lambda _: desk.view.quote()
    )
    return OrderManager(desk.broker, desk.portfolio, [desk.instrument], guards=[risk], sim=desk.sim), risk


@attrs.frozen
class Slices:
    """Sends everything in slices of ten at the market."""

    async def run(self, execution: ParentExecution) -> None:
        while execution.is_working and execution.unplaced:
            child = execution.place(10)
            if child is not None:
                await execution.final(child)


def test_a_worked_order_reserves_from_its_admission_to_its_end_and_its_children_nothing() -> None:
    desk = make_desk(bids=[(99, [80])], asks=[(101, [60])], initial_cash=100)
    manager, risk = guarded(desk, price_collar="0.1")
    desk.sim.run("1ms")
    parent = manager.create(desk.instrument, BUY, 60, MARKET, None)
    execution = ParentExecution(desk.sim, manager, parent, desk.view, desk.sim.rng("slices"), 10**9)
    done = desk.sim.process(work(execution, manager, Slices()))
    desk.sim.run("1010us")
    assert desk.portfolio.snapshot(0).reservations == {parent.order_id: 60 * 1_110_000}
    desk.sim.run(done)
    assert parent.status is OrderStatus.FILLED
    assert all(child.price_ticks == 111 for child in manager.children(parent.order_id))
    assert risk.buying_power() == desk.portfolio.cash["USD"] == 100 * USD - 60 * 1_010_000
    check_desk(attrs.evolve(desk, manager=manager))


def test_a_refused_order_is_rejected_with_rule_figures_and_reason_and_reaches_no_venue() -> None:
    desk = make_desk(asks=[(101, [60])], initial_cash=100)
    manager, _ = guarded(desk)

    async def main() -> Order:
        order = await manager.create_order("TEST", BUY, 100, LIMIT, "1.01")
        await manager.submit_order(order.order_id)
        return order

    order = desk.sim.run(main())
    assert order.status is OrderStatus.REJECTED
    assert order.reason == (
        "buying_power: a buy of 100 TEST at 1.01 needs 101.00 USD, there are 100.00 USD: cash of 100.00 USD,"
        " less 0.00 USD reserved"
    )
    assert desk.venue.statistics().orders == 0


# --- settings ---


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_order_quantity", 0),
        ("max_order_notional", "-1"),
        ("max_position", -1),
        ("max_notional", "nan"),
        ("max_leverage", 0),
        ("max_participation", 1.1),
        ("price_collar", "five"),
        ("allow_short", "yes"),
        ("buying_power", 1),
        ("fee_reserve", -0.01),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_with_its_name(field: str, value: object) -> None:
    with pytest.raises(InputError, match=f"{field}: must .*, not|{field}: must not be"):
        RiskLimits(**{field: value})  # type: ignore[arg-type]


def test_a_capital_is_given_once() -> None:
    with pytest.raises(InputError, match="initial_capital 5 was given and a portfolio too"):
        RiskPortfolioContainer(5, portfolio=Portfolio(5))
    assert RiskPortfolioContainer(initial_capital="0.5", currency="BTC").buying_power("BTC") == 5 * 10**11
    assert RiskPortfolioContainer().get_portfolio_state().cash == {"USD": 0}
