"""Risk: sizes signals into orders, refuses what is beyond its limits, and reserves what open orders may still cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import evolve

from simexec.errors import InputError
from simexec.execution.guard import Refusal
from simexec.execution.reservations import Claim, Measure, Reservations, measure
from simexec.execution.risk_checks import Account, RiskChecks, limit_bounds_value
from simexec.execution.risk_limits import RiskLimits
from simexec.execution.sizing import Proposal, Sizing
from simexec.execution.views import Touch
from simexec.trading.events import Signal
from simexec.trading.instrument import Instrument
from simexec.trading.money import Number, to_units
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.position import Position
from simexec.trading.report import ExecutionReport, RejectReason
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType

if TYPE_CHECKING:
    from simexec.execution.order_manager import OrderManager

# Module globals, since reading a member off its Enum runs Python code.
_BUY, _PENDING, _MARKET = OrderSide.BUY, OrderStatus.PENDING, OrderType.MARKET


Prices: TypeAlias = Callable[[Instrument], Touch | None]
"""What is seen of an instrument; None if nothing is."""

Volumes: TypeAlias = Callable[[Instrument], int | None]
"""Shares that trade in a session, as expected or as seen so far; None if that is not known."""


class RiskPortfolioContainer:
    """The account of a desk and the rules for it: a guard of the order manager.

    Give it to the manager as the last of its guards, and its portfolio as the manager's::

        risk = RiskPortfolioContainer(initial_capital=100_000)
        manager = OrderManager(broker, risk.get_portfolio_state(), guards=[risk])

    Every root, an order without a parent, reserves what it may still cost from its admission to its end, by its state after
    every report; what closes a position reserves nothing. docs/risk.md has the formulas.

    Args:
        initial_capital: an amount of ``currency``, or amounts by currency.
        currency: of a bare amount.
        limits: what is allowed; by default an account that pays in full and sells what it has.
        sizing: how large an order a signal becomes.
        prices: what is seen of an instrument.
        volumes: shares that trade in a session.
        instruments: those that signals may name.
        portfolio: of an account that is there already, rather than an initial capital.

    Attributes:
        limits: as given.
        sizing, prices, volumes: as given; may be set later.
        instruments: by symbol.

    Raises:
        InputError: both an initial capital and a portfolio, or a capital that makes no sense.
    """

    def __init__(
        self,
        initial_capital: Number | Mapping[str, Number] | None = None,
        currency: str = "USD",
        *,
        limits: RiskLimits | None = None,
        sizing: Sizing | None = None,
        prices: Prices | None = None,
        volumes: Volumes | None = None,
        instruments: Iterable[Instrument] = (),
        portfolio: Portfolio | None = None,
    ) -> None:
        if portfolio is not None and initial_capital is not None:
            raise InputError(
                f"initial_capital {initial_capital} was given and a portfolio too, which has its own; leave one out"
            )
        self.limits = limits or RiskLimits()
        self.sizing = sizing
        self.prices = prices
        self.volumes = volumes
        self.instruments = {one.symbol: one for one in instruments}
        self._portfolio = Portfolio(initial_capital or 0, currency) if portfolio is None else portfolio
        self._checks = RiskChecks(self.limits)
        self._reservations = Reservations(self._portfolio)

    # --- the account ---------------------------------------------------------------------------------------------------

    def get_portfolio_state(self) -> Portfolio:
        """The portfolio: positions, cash and reservations."""
        return self._portfolio

    def equity(self, currency: str = "USD") -> int:
        """Cash and positions in money units, the positions marked at what is seen."""
        self._mark(currency)
        return self._portfolio.equity(currency)

    def exposure(self, currency: str = "USD") -> int:
        """Value of all positions, long and short, in money units, marked at what is seen; at their cost before any mark."""
        self._mark(currency)
        return sum(abs(one.cost_basis + one.unrealised) for one in self._positions(currency))

    def buying_power(self, currency: str = "USD") -> int:
        """What new orders may reserve, in money units: leverage times equity, less exposure and reservations; may be below 0.

        Without ``max_leverage`` the leverage is 1, and as long as nothing is short or inverse this is the cash that is not
        reserved.
        """
        return self._checks.spare(self._account(currency))

    def _account(self, currency: str) -> Account:
        limits, portfolio = self.limits, self._portfolio
        opened, reserved = self._reservations.values.get(currency, 0), portfolio.reserved.get(currency, 0)
        # NOTE: what positions are worth cancels out here; with a hundred of them that saves 0.1 ms an order
        if limits.max_leverage is limits.max_notional is None and not any(
            one.quantity < 0 or one.instrument.inverse for one in self._positions(currency)
        ):
            return Account(currency, portfolio.cash.get(currency, 0), 0, opened, reserved, in_cash=True)
        return Account(currency, self.equity(currency), self.exposure(currency), opened, reserved)

    def _positions(self, currency: str) -> Iterator[Position]:
        return (one for one in self._portfolio.positions.values() if one.instrument.currency == currency)

    def _mark(self, currency: str) -> None:
        """Mark the positions at the middle of what is seen, or at the side that is."""
        if self.prices is None:
            return
        for position in self._positions(currency):
            quote = self.prices(position.instrument) if position.quantity else None
            sides = [] if quote is None else [price for price in (quote.bid, quote.ask) if price is not None]
            if sides:
                self._portfolio.mark(position.symbol, sum(sides) // len(sides))

    # --- signals -------------------------------------------------------------------------------------------------------

    def size(self, signal: Signal) -> Proposal | Refusal:
        """Size a signal into an order, or say why it is none.

        Raises:
            InputError: no sizing was given, or the symbol is not among the instruments.
        """
        if self.sizing is None:
            raise InputError(
                f"the {signal.symbol} signal cannot be sized; give a sizing such as FixedQuantity(shares=100)"
            )
        instrument = self.instruments.get(signal.symbol)
        if instrument is None:
            known = ", ".join(self.instruments) or "none"
            raise InputError(f"symbol {signal.symbol!r} of a signal is not among the instruments; known: {known}")
        touch = self._touch(instrument, signal.side)
        try:
            quantity = self.sizing.quantity(signal, instrument, touch, self.equity(instrument.currency))
        except InputError as error:
            return Refusal("sizing", str(error), RejectReason.OTHER)
        if quantity <= 0:
            text = (
                f"a {signal.symbol} signal of strength {signal.strength} comes to less than a lot of {instrument.lot:,}"
            )
            return Refusal("sizing", text, RejectReason.INCORRECT_QUANTITY)
        return Proposal(instrument, signal.side, quantity)

    async def process_signal(self, signal: Signal, manager: OrderManager, **fields: Any) -> Order | Refusal:
        """Size a signal and create its order, which is then submitted, or worked by an algorithm.

        Args:
            signal: of a strategy.
            manager: creates the order.
            fields: of ``OrderManager.create_order``, beyond symbol, side and quantity; a market order without any.

        Raises:
            InputError: see ``size``.
            OrderError: the fields contradict each other.
        """
        proposal = self.size(signal)
        if isinstance(proposal, Refusal):
            return proposal
        return await manager.create_order(signal.symbol, proposal.side, proposal.quantity, **fields)

    # --- the guard -----------------------------------------------------------------------------------------------------

    def admit(self, order: Order) -> Refusal | None:
        """Admit a root and reserve for it; see ``Guard``."""
        if order.status is not _PENDING:  # it was admitted before, and the manager refuses to send it twice
            return None
        claim = self._claim_of(order)
        counts = measure(order, claim)
        refusal = self._refuses(order, order.quantity, claim, counts)
        if refusal is None:
            self._reservations.open(order, claim)
        return refusal

    def amend(self, order: Order, quantity: int, price_ticks: int | None) -> Refusal | None:
        """Allow another quantity and limit, and for a root reserve for the worse of old and new; see ``Guard``."""
        claim = self._reservations.claim(order.order_id)
        if claim is not None:
            refusal = self._refuses_change(order, claim, quantity, price_ticks)
        else:
            refusal = self._refuses_at_venue(order, quantity, price_ticks) if order.parent_id is not None else None
        if refusal is not None and refusal.reason.cancel_code is None:
            return evolve(refusal, reason=RejectReason.OTHER)
        return refusal

    def check(self, order: Order) -> Refusal | None:
        """Check an order that goes to a venue, and protect a market order; see ``Guard``."""
        if order.parent_id is None and (claim := self._reservations.claim(order.order_id)) is not None:
            claim.goes_itself = True
        checks, instrument = self._checks, order.instrument
        touch = self._touch(instrument, order.side) if checks.looks_at_prices else None
        reference = self._reference(order, touch)
        refusal = checks.order(order, order.quantity, order.price_ticks, touch, reference)
        if refusal is None and order.order_type is _MARKET and self.limits.price_collar is not None:
            assert reference is not None
            order.protect(checks.furthest(instrument, order.side, reference) // instrument.subticks)
        return refusal

    def heard(self, order: Order, report: ExecutionReport) -> None:
        """Bring the reservation of a root up to date; see ``Guard``."""
        if order.parent_id is None:
            self._reservations.follow(order, report.exec_type)

    # --- figures of a root ---------------------------------------------------------------------------------------------

    def _touch(self, instrument: Instrument, side: OrderSide) -> int | None:
        """The opposite best quote in quanta."""
        quote = None if self.prices is None else self.prices(instrument)
        if quote is None:
            return None
        return quote.ask if side is _BUY else quote.bid

    def _reference(self, order: Order, touch: int | None) -> int | None:
        """The price from which a root's worst is counted: the touch, or the stop price of a stop that is beyond it."""
        terms = order.terms
        if terms is None or terms.stop_ticks is None:
            return touch
        stop = terms.stop_ticks * order.instrument.subticks
        if touch is None:
            return stop
        return max(touch, stop) if order.side is _BUY else min(touch, stop)

    def _claim_of(self, order: Order) -> Claim:
        """A claim of a root that is not open yet."""
        instrument = order.instrument
        touch = self._touch(instrument, order.side)
        reference = self._reference(order, touch)
        return Claim(
            self._reservations.side(instrument, order.side),
            None if reference is None else self._checks.furthest(instrument, order.side, reference),
            None if limit_bounds_value(instrument, order.side) else touch,
            to_units(self.limits.fee_reserve, instrument.currency),
            self._covered(order, order.quantity),
        )

    def _covered(self, order: Order, exposed: int, closing: int = 0) -> int:
        """How many of so many shares would close what is held, if ``closing`` of those that do are the order's own."""
        held = -order.side.sign * self._portfolio.position(order.symbol)
        others = self._reservations.side(order.instrument, order.side).closing - closing
        return min(exposed, max(0, held - others))

    def _refuses(self, order: Order, quantity: int, claim: Claim, counts: Measure) -> Refusal | None:
        """What stands against a root whose claim would come to ``counts``."""
        checks, symbol = self._checks, order.symbol
        volume = None if self.volumes is None else self.volumes(order.instrument)
        refusal = (
            (checks.participation(order, quantity, volume) if counts.exposed > claim.exposed else None)
            or checks.position(order, self._portfolio.position(symbol), claim.side, claim, counts)
            or checks.needs_price(order, counts)
        )
        if refusal is not None or not checks.looks_at_values or counts.amount <= claim.amount:
            return refusal
        return checks.money(order, self._account(order.instrument.currency), claim, counts)

    def _refuses_at_venue(self, order: Order, quantity: int, price_ticks: int | None) -> Refusal | None:
        """Rules of an order that is at a venue and is to get another quantity and limit."""
        touch = self._touch(order.instrument, order.side) if self._checks.looks_at_prices else None
        ticks = order.price_ticks if price_ticks is None else price_ticks
        return self._checks.order(order, quantity, ticks, touch, self._reference(order, touch))

    def _refuses_change(self, order: Order, claim: Claim, quantity: int, price_ticks: int | None) -> Refusal | None:
        instrument = order.instrument
        if claim.goes_itself and (refusal := self._refuses_at_venue(order, quantity, price_ticks)) is not None:
            return refusal
        before = claim.covered, claim.asked_quantity, claim.asked_quanta
        claim.asked_quantity = max(claim.asked_quantity, quantity)
        if price_ticks is not None:
            claim.asked_quanta += (price_ticks * instrument.subticks,)
        exposed = max(order.quantity, claim.asked_quantity) - order.filled_quantity
        if exposed > claim.exposed:
            claim.covered = order.filled_quantity + self._covered(order, exposed, claim.closing)
        counts = measure(order, claim)
        refusal = self._refuses(order, quantity, claim, counts)
        if refusal is None:
            self._reservations.put(order, claim, counts)
        else:
            claim.covered, claim.asked_quantity, claim.asked_quanta = before
        return refusal
