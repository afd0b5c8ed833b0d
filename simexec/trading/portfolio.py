"""The portfolio: the only place with positions, cash and reservations.

Everything is exact. For each currency, to the last unit and after every event::

    initial cash + realised + unrealised - fees = cash + market value of the positions

A currency's cash may go below zero: whether a trade is affordable is a question for risk, which asks
``available`` before the order leaves. What the account then trades is booked, whatever it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from attrs import define

from simexec.errors import InputError, InvariantError
from simexec.trading.money import Number, parse_count, to_units
from simexec.trading.position import Position
from simexec.trading.report import Fill


@define(slots=True)
class Reservation:
    """Money set aside for what a parent order may still buy.

    Attributes:
        currency: of the amount.
        amount: outstanding, in money units.
    """

    currency: str
    amount: int


@define(slots=True, frozen=True)
class PositionSnapshot:
    """A position at one time; money in units, price in quanta; see ``Position`` for the fields."""

    symbol: str
    currency: str
    quantity: int
    cost_basis: int
    average_price: Decimal | None
    realised: int
    unrealised: int
    market_value: int
    fees: int
    mark_quanta: int | None


@define(slots=True, frozen=True)
class PortfolioSnapshot:
    """The portfolio at one time, unaffected by what happens later. All amounts in money units by currency.

    Attributes:
        time_ns: when it was taken.
        cash: what is there, reserved or not.
        reserved: set aside for working parents.
        fees: paid so far, rebates deducted.
        equity: cash plus the market value of the positions.
        positions: by symbol, those that are flat included.
        reservations: outstanding amount by parent.
    """

    time_ns: int
    cash: Mapping[str, int]
    reserved: Mapping[str, int]
    fees: Mapping[str, int]
    equity: Mapping[str, int]
    positions: Mapping[str, PositionSnapshot]
    reservations: Mapping[str, int]


class Portfolio:
    """Positions, cash, fees and reservations of one account.

    Args:
        initial_cash: an amount of ``currency``, or amounts by currency.
        currency: of a bare amount.
        bust_window: how many of a position's latest fills can at least be busted; at most twice as many are
            kept.

    Attributes:
        initial_cash: in money units by currency.
        cash: in money units by currency.
        fees: paid so far in money units by currency; rebates are negative.
        reserved: sum of the reservations in money units by currency.
        positions: by symbol.

    Raises:
        InputError: an initial amount that is negative, not a number or finer than the currency's unit.
    """

    __slots__ = (
        "_bust_window",
        "_marks",
        "_reservations",
        "cash",
        "fees",
        "initial_cash",
        "positions",
        "reserved",
    )

    def __init__(
        self,
        initial_cash: Number | Mapping[str, Number] = 0,
        currency: str = "USD",
        *,
        bust_window: int = 16_384,
    ) -> None:
        amounts = initial_cash if isinstance(initial_cash, Mapping) else {currency: initial_cash}
        self.initial_cash: dict[str, int] = {code: to_units(amount, code) for code, amount in amounts.items()}
        for code, units in self.initial_cash.items():
            if units < 0:
                raise InputError(f"initial cash {amounts[code]} {code} is negative; give 0 or more")
        self.cash = dict(self.initial_cash)
        self.fees: dict[str, int] = dict.fromkeys(self.cash, 0)
        self.reserved: dict[str, int] = dict.fromkeys(self.cash, 0)
        self.positions: dict[str, Position] = {}
        self._marks: dict[str, int] = {}
        self._reservations: dict[str, Reservation] = {}
        self._bust_window = parse_count(bust_window, "bust_window")

    def apply_fill(self, fill: Fill) -> None:
        """Book a trade: position, cash and fee.

        Raises:
            InvariantError: it is booked already, or its symbol is held as another instrument.
        """
        instrument = fill.instrument
        position = self.positions.get(instrument.symbol)
        if position is None or position.instrument is not instrument:
            position = self._position_for(fill)
        cash = position.add(fill)
        fee = fill.fee
        position.fees += fee
        currency = instrument.currency
        self.cash[currency] += cash - fee
        self.fees[currency] += fee

    def apply_bust(self, fill: Fill) -> None:
        """Take a trade back: afterwards everything is as if it had never happened.

        Args:
            fill: the trade; recognised by order id and execution id, and of the booked quantity, price and
                fee.

        Raises:
            InvariantError: it is not booked, was busted before, or is older than the bust window.
        """
        position = self.positions.get(fill.instrument.symbol)
        if position is None:
            raise InvariantError(
                f"fill {fill.exec_id} of order {fill.order_id} is not booked: {fill.symbol} never traded"
            )
        cash = position.remove(fill)
        position.fees -= fill.fee
        currency = fill.instrument.currency
        self.cash[currency] += cash + fill.fee
        self.fees[currency] -= fill.fee

    def _position_for(self, fill: Fill) -> Position:
        """The position of the fill's instrument, opened if there is none."""
        instrument = fill.instrument
        position = self.positions.get(instrument.symbol)
        if position is None:
            position = Position(instrument, self._bust_window, mark_quanta=self._marks.get(instrument.symbol))
            self.positions[instrument.symbol] = position
            for amounts in (self.cash, self.fees, self.reserved):
                amounts.setdefault(instrument.currency, 0)
        elif position.instrument != instrument:
            raise InvariantError(
                f"fill {fill.exec_id} trades {instrument}, but the portfolio holds {position.instrument} by that symbol"
            )
        return position

    def position(self, symbol: str) -> int:
        """Shares or contracts held, 0 of what never traded; negative when short."""
        position = self.positions.get(symbol)
        return 0 if position is None else position.quantity

    def mark(self, symbol: str, price_quanta: int) -> None:
        """Value a position at this price from now on; a symbol may be marked before it is first traded.

        Raises:
            InputError: the price is not positive.
        """
        if price_quanta <= 0:
            raise InputError(f"mark {price_quanta} of {symbol} is not positive; give a price in quanta")
        self._marks[symbol] = price_quanta
        position = self.positions.get(symbol)
        if position is not None:
            position.mark_quanta = price_quanta

    def available(self, currency: str = "USD") -> int:
        """Cash that is not reserved, in money units."""
        return self.cash.get(currency, 0) - self.reserved.get(currency, 0)

    def reserve(self, parent_id: str, amount: int, currency: str = "USD") -> None:
        """Set money aside for a parent order.

        Raises:
            InputError: the amount is negative or no int.
            InvariantError: the parent has a reservation already; ``resize`` changes it.
        """
        amount = parse_count(amount, f"reservation for {parent_id}", least=0)
        if parent_id in self._reservations:
            raise InvariantError(f"parent {parent_id} has a reservation already; resize it")
        self._reservations[parent_id] = Reservation(currency, amount)
        self.reserved[currency] = self.reserved.get(currency, 0) + amount
        self.cash.setdefault(currency, 0)
        self.fees.setdefault(currency, 0)

    def resize(self, parent_id: str, amount: int) -> None:
        """Change what is outstanding for a parent: its order was replaced, or a trade of it was busted.

        Raises:
            InputError: the amount is negative or no int.
            InvariantError: the parent has no reservation.
        """
        amount = parse_count(amount, f"reservation for {parent_id}", least=0)
        reservation = self._reservation(parent_id)
        self.reserved[reservation.currency] += amount - reservation.amount
        reservation.amount = amount

    def release(self, parent_id: str) -> int:
        """Give back what is left of a reservation; the parent works no longer.

        Returns:
            What was left.

        Raises:
            InvariantError: the parent has no reservation: it never had one, or it was released before.
        """
        reservation = self._reservation(parent_id)
        del self._reservations[parent_id]
        self.reserved[reservation.currency] -= reservation.amount
        return reservation.amount

    def outstanding(self, parent_id: str) -> int:
        """What is reserved for a parent in money units, 0 if nothing."""
        reservation = self._reservations.get(parent_id)
        return 0 if reservation is None else reservation.amount

    def _reservation(self, parent_id: str) -> Reservation:
        reservation = self._reservations.get(parent_id)
        if reservation is None:
            raise InvariantError(f"parent {parent_id} has no reservation: it never had one, or it was released before")
        return reservation

    def realised(self, currency: str = "USD") -> int:
        """Profit of what was closed, before fees, in money units."""
        return sum(p.realised for p in self.positions.values() if p.instrument.currency == currency)

    def unrealised(self, currency: str = "USD") -> int:
        """Profit of what is open at its marks, in money units."""
        return sum(p.unrealised for p in self.positions.values() if p.instrument.currency == currency)

    def market_value(self, currency: str = "USD") -> int:
        """What the positions add to the cash, in money units."""
        return sum(p.market_value for p in self.positions.values() if p.instrument.currency == currency)

    def equity(self, currency: str = "USD") -> int:
        """Cash plus the market value of the positions, in money units."""
        return self.cash.get(currency, 0) + self.market_value(currency)

    def check(self) -> None:
        """Check that the account balances in every currency.

        Raises:
            InvariantError: it does not; with the figures.
        """
        for currency, cash in self.cash.items():
            left = (
                self.initial_cash.get(currency, 0)
                + self.realised(currency)
                + self.unrealised(currency)
                - self.fees[currency]
            )
            right = cash + self.market_value(currency)
            if left != right:
                raise InvariantError(
                    f"{currency} does not balance: initial + realised + unrealised - fees = {left},"
                    f" cash + market value = {right} units"
                )
            fees = sum(p.fees for p in self.positions.values() if p.instrument.currency == currency)
            if fees != self.fees[currency]:
                raise InvariantError(f"{currency} fees {self.fees[currency]} are not the {fees} units of the positions")
            reserved = sum(r.amount for r in self._reservations.values() if r.currency == currency)
            if reserved != self.reserved[currency]:
                raise InvariantError(
                    f"{currency} reserved {self.reserved[currency]} is not the {reserved} units of the reservations"
                )

    def snapshot(self, time_ns: int) -> PortfolioSnapshot:
        """The state now, frozen."""
        return PortfolioSnapshot(
            time_ns=time_ns,
            cash=MappingProxyType(dict(self.cash)),
            reserved=MappingProxyType(dict(self.reserved)),
            fees=MappingProxyType(dict(self.fees)),
            equity=MappingProxyType({currency: self.equity(currency) for currency in self.cash}),
            positions=MappingProxyType({symbol: _snapshot_of(p) for symbol, p in self.positions.items()}),
            reservations=MappingProxyType({parent: r.amount for parent, r in self._reservations.items()}),
        )


def _snapshot_of(position: Position) -> PositionSnapshot:
    return PositionSnapshot(
        symbol=position.symbol,
        currency=position.instrument.currency,
        quantity=position.quantity,
        cost_basis=position.cost_basis,
        average_price=position.average_price,
        realised=position.realised,
        unrealised=position.unrealised,
        market_value=position.market_value,
        fees=position.fees,
        mark_quanta=position.mark_quanta,
    )
