"""Round trips: what is known of trades from the opening of a position until it is flat again.

A *trade* here is a round trip in one symbol (flat to flat), not a fill. It may be built and unwound by any number of fills. A
fill through zero closes one and opens the next; it belongs to both.

Profits are to the last unit those of the portfolio, whose arithmetic (``trading.position.trade``) is used: for each currency,
the profits of closed trades and what open ones have realised sum to the portfolio's ``realised - fees``. The fee of a fill
through zero is divided by quantity: the opening part's share is rounded down, and the closing part bears the rest.

A bust takes a fill back as if it had never been, which changes every trade of the symbol since. Each symbol therefore keeps
its latest fills, at least ``bust_window`` of them as the portfolio does, and a state to begin from again.
"""

from __future__ import annotations

import copy
from collections import deque
from decimal import Decimal
from itertools import islice
from typing import Final

import attrs

from simexec.errors import InvariantError
from simexec.trading.instrument import Instrument
from simexec.trading.money import parse_count, units_per
from simexec.trading.position import FillKey, trade
from simexec.trading.report import Fill
from simexec.trading.vocabulary import OrderSide

_NEVER: Final = 2**63


@attrs.frozen
class RoundTrip:
    """A trade that is over. Money in units of the currency.

    Attributes:
        symbol: what was traded.
        side: BUY of a long position, SELL of a short one.
        quantity: largest position held, positive.
        entry_ns: when its earliest fill traded at the venue.
        exit_ns: when its latest fill did.
        entry_price: average of what opened or added to the position, in the quoting currency; see ``Instrument`` for inverse
            ones. To 28 digits, to be read. None only where the value of an inverse instrument rounds to nothing.
        exit_price: average of what closed it.
        profit: net of fees; exact.
        fees: paid, rebates deducted.
        currency: of profit and fees.
        fills: how many it took, one through zero counted here and in the trade before or after.
    """

    symbol: str
    side: OrderSide
    quantity: int
    entry_ns: int
    exit_ns: int
    entry_price: Decimal | None
    exit_price: Decimal | None
    profit: int
    fees: int
    currency: str
    fills: int


@attrs.frozen
class RoundTripStatistics:
    """Figures over all closed trades of one currency, kept or not. Money in units.

    Attributes:
        currency: of the amounts.
        count: closed trades.
        wins: with a profit after fees.
        losses: with a loss after fees.
        flat: with neither.
        win_rate: wins over closed trades; None without any.
        gross_profit: sum of the profits of wins.
        gross_loss: sum of the losses of losses, positive.
        profit_factor: gross profit over gross loss; None without a loss.
        net_profit: gross profit less gross loss.
        largest_win: profit of the best trade; None without a win.
        largest_loss: loss of the worst trade, positive; None without a loss.
        mean_holding_ns: mean time from entry to exit, rounded down; None without closed trades.
        fees: of closed trades, rebates deducted.
        open_count: trades that are not over.
        open_profit: what those have realised so far, net of the fees paid for them.
        fills: all fills, those of open trades included.
        traded_value: sum of the absolute values of all fills, purchases and sales; see ``performance.turnover``.
    """

    currency: str
    count: int
    wins: int
    losses: int
    flat: int
    win_rate: float | None
    gross_profit: int
    gross_loss: int
    profit_factor: float | None
    net_profit: int
    largest_win: int | None
    largest_loss: int | None
    mean_holding_ns: int | None
    fees: int
    open_count: int
    open_profit: int
    fills: int
    traded_value: int


class RoundTrips:
    """Takes fills in the order in which they are booked, and keeps trades and figures.

    Args:
        limit: how many of the latest trades to keep; None: all.
        bust_window: how many of a symbol's latest fills can at least be taken back; at most twice as many are kept.

    Raises:
        InputError: a limit below 0, or a window below 1.
    """

    __slots__ = ("_kept", "_tracks", "_window")

    def __init__(self, limit: int | None = None, *, bust_window: int = 16_384) -> None:
        # Each with its number among those of its symbol, by which a bust finds what it undoes.
        self._kept: deque[tuple[int, RoundTrip]] = deque(
            maxlen=None if limit is None else parse_count(limit, "limit of round trips", least=0)
        )
        self._window = parse_count(bust_window, "bust_window")
        self._tracks: dict[str, _Track] = {}

    def add(self, fill: Fill) -> None:
        """Book a fill.

        Raises:
            InvariantError: it is booked already, or its symbol trades as another instrument.
        """
        instrument = fill.instrument
        track = self._tracks.get(instrument.symbol)
        if track is None or track.instrument is not instrument:
            track = self._track_for(fill)
        trip = track.add(fill)
        if trip is not None:
            self._kept.append((track.state.closed, trip))

    def remove(self, fill: Fill) -> None:
        """Take back a fill: trades and figures are as if it had never been, also where trades since have closed.

        Of more trades than the limit, those that were dropped before stay so: fewer than ``limit`` may be left.

        Args:
            fill: recognised by order id and execution id, and of the booked quantity, price and fee.

        Raises:
            InvariantError: it is not booked, was taken back before, or is older than the bust window.
        """
        track = self._tracks.get(fill.symbol)
        if track is None:
            raise InvariantError(
                f"fill {fill.exec_id} of order {fill.order_id} is not booked: {fill.symbol} never traded"
            )
        settled, anew = track.remove(fill)
        kept = [(number, trip) for number, trip in self._kept if trip.symbol != fill.symbol or number <= settled]
        kept += enumerate(anew, start=settled + 1)
        self._kept = deque(sorted(kept, key=_order), maxlen=self._kept.maxlen)

    @property
    def trips(self) -> tuple[RoundTrip, ...]:
        """The closed trades that are kept, by time of exit."""
        return tuple(trip for _, trip in sorted(self._kept, key=_order))

    @property
    def currencies(self) -> tuple[str, ...]:
        """Currencies in which anything was traded, in alphabetical order."""
        return tuple(sorted({track.instrument.currency for track in self._tracks.values()}))

    def statistics(self, currency: str = "USD") -> RoundTripStatistics:
        """Figures over all trades of a currency so far, at the cost of a look at each of its symbols."""
        states = [track.state for track in self._tracks.values() if track.instrument.currency == currency]
        wins, losses, flat = (sum(getattr(s, name) for s in states) for name in ("wins", "losses", "flat"))
        count = wins + losses + flat
        gross_profit, gross_loss = sum(s.gross_profit for s in states), sum(s.gross_loss for s in states)
        return RoundTripStatistics(
            currency=currency,
            count=count,
            wins=wins,
            losses=losses,
            flat=flat,
            win_rate=wins / count if count else None,
            gross_profit=gross_profit,
            gross_loss=gross_loss,
            profit_factor=gross_profit / gross_loss if gross_loss else None,
            net_profit=gross_profit - gross_loss,
            largest_win=max(s.largest_win for s in states) if wins else None,
            largest_loss=max(s.largest_loss for s in states) if losses else None,
            mean_holding_ns=sum(s.holding_ns for s in states) // count if count else None,
            fees=sum(s.closed_fees for s in states),
            open_count=sum(s.quantity != 0 for s in states),
            open_profit=sum(s.gain - s.fees for s in states),
            fills=sum(s.all_fills for s in states),
            traded_value=sum(s.traded_value for s in states),
        )

    def _track_for(self, fill: Fill) -> _Track:
        instrument = fill.instrument
        track = self._tracks.get(instrument.symbol)
        if track is None:
            track = self._tracks[instrument.symbol] = _Track(instrument, self._window)
        elif track.instrument != instrument:
            raise InvariantError(
                f"fill {fill.exec_id} trades {instrument}, but {track.instrument} is known by that symbol"
            )
        return track


def _order(numbered: tuple[int, RoundTrip]) -> tuple[int, str, int]:
    number, trip = numbered
    return trip.exit_ns, trip.symbol, number


@attrs.define(slots=True, eq=False)
class _State:
    """Everything that fills of one symbol came to: ints only, so that a copy is a state to begin from again."""

    quantity: int = 0
    cost_basis: int = 0
    # The open trade. A weight is quantity times price quanta, or the value in units where that is inverse.
    gain: int = 0
    fees: int = 0
    fills: int = 0
    largest: int = 0
    first_ns: int = _NEVER
    last_ns: int = -_NEVER
    entered: int = 0
    entry_weight: int = 0
    exited: int = 0
    exit_weight: int = 0
    # All trades that are over.
    wins: int = 0
    losses: int = 0
    flat: int = 0
    gross_profit: int = 0
    gross_loss: int = 0
    largest_win: int = 0
    largest_loss: int = 0
    holding_ns: int = 0
    closed_fees: int = 0
    # All fills.
    all_fills: int = 0
    traded_value: int = 0

    @property
    def closed(self) -> int:
        """How many trades are over."""
        return self.wins + self.losses + self.flat


class _Track:
    """One symbol: its state, its latest fills, and two states to begin from again."""

    __slots__ = ("_base", "_fills", "_middle", "_window", "instrument", "state")

    def __init__(self, instrument: Instrument, window: int) -> None:
        self.instrument = instrument
        self.state = _State()
        self._window = window
        self._fills: dict[FillKey, Fill] = {}  # since the base
        self._base = _State()
        self._middle = self._base  # after the first `window` of the fills, once there are so many

    def add(self, fill: Fill) -> RoundTrip | None:
        """Book a fill; the trade that it closed."""
        fills = self._fills
        if fills.setdefault((fill.order_id, fill.exec_id), fill) is not fill:
            raise InvariantError(
                f"fill {fill.exec_id} of order {fill.order_id} is booked already; a fill is booked once"
            )
        trip = _book(self.state, fill)
        if len(fills) == self._window:
            self._middle = copy.copy(self.state)
        elif len(fills) >= 2 * self._window:
            self._forget()
        return trip

    def remove(self, fill: Fill) -> tuple[int, list[RoundTrip]]:
        """Take back a fill, and book those since the base again without it.

        Returns:
            How many trades were over at the base, and those closed since, made anew.
        """
        key = (fill.order_id, fill.exec_id)
        booked = self._fills.get(key)
        if booked is None:
            raise InvariantError(
                f"fill {fill.exec_id} of order {fill.order_id} is not among the latest of {fill.symbol}: it was never booked, was"
                f" busted before, or is older than the last {self._window} (raise bust_window to keep more)"
            )
        if (booked.quantity, booked.price_quanta, booked.fee) != (fill.quantity, fill.price_quanta, fill.fee):
            raise InvariantError(
                f"fill {fill.exec_id} of order {fill.order_id} is booked as {booked.quantity} at {booked.price_quanta} with fee"
                f" {booked.fee}, not {fill.quantity} at {fill.price_quanta} with fee {fill.fee}"
            )
        fills, self._fills = self._fills, {}
        del fills[key]
        self.state = copy.copy(self._base)
        anew = [self.add(other) for other in fills.values()]
        return self._base.closed, [trip for trip in anew if trip is not None]

    def _forget(self) -> None:
        """Begin from the middle: what came before it cannot be taken back any more."""
        self._fills = dict(islice(self._fills.items(), self._window, None))
        self._base, self._middle = self._middle, copy.copy(self.state)


def _book(state: _State, fill: Fill) -> RoundTrip | None:
    """Add a fill to a state; the trade that it closed."""
    instrument, quantity, price, fee = fill.instrument, fill.quantity, fill.price_quanta, fill.fee
    sign, time_ns = fill.side.sign, fill.time_ns
    value = -instrument.cash_flow(sign, quantity, price)
    before, basis = state.quantity, state.cost_basis
    after, state.cost_basis, gain = trade(before, basis, sign * quantity, value)
    state.quantity = after
    state.all_fills += 1
    state.traded_value += abs(value)
    weight = abs(value) if instrument.inverse else quantity * price
    trip = None
    if before * sign < 0:
        opening, opening_fee = 0, 0
        closing_weight = weight
        if after * sign > 0:
            opening = after * sign
            opening_fee = fee * opening // quantity
            # What `trade` took of the value for the closing part is its gain and the basis, signs reversed.
            closing_weight = abs(gain + basis) if instrument.inverse else weight - opening * price
        state.gain += gain
        state.exited += quantity - opening
        state.exit_weight += closing_weight
        _touch(state, time_ns, fee - opening_fee)
        if after * before > 0:
            return None
        trip = _close(state, instrument, OrderSide.of_sign(before))
        if not opening:
            return trip
        quantity, weight, fee = opening, weight - closing_weight, opening_fee
    state.entered += quantity
    state.entry_weight += weight
    _touch(state, time_ns, fee)
    state.largest = max(state.largest, abs(after))
    return trip


def _touch(state: _State, time_ns: int, fee: int) -> None:
    """A fill, or its part, belongs to the open trade."""
    state.fees += fee
    state.fills += 1
    if time_ns < state.first_ns:
        state.first_ns = time_ns
    if time_ns > state.last_ns:
        state.last_ns = time_ns


def _close(state: _State, instrument: Instrument, side: OrderSide) -> RoundTrip:
    """The open trade is over: it counts, and nothing is open."""
    profit = state.gain - state.fees
    if profit > 0:
        state.wins += 1
        state.gross_profit += profit
        state.largest_win = max(state.largest_win, profit)
    elif profit < 0:
        state.losses += 1
        state.gross_loss -= profit
        state.largest_loss = max(state.largest_loss, -profit)
    else:
        state.flat += 1
    state.holding_ns += state.last_ns - state.first_ns
    state.closed_fees += state.fees
    trip = RoundTrip(
        symbol=instrument.symbol,
        side=side,
        quantity=state.largest,
        entry_ns=state.first_ns,
        exit_ns=state.last_ns,
        entry_price=_average(instrument, state.entered, state.entry_weight),
        exit_price=_average(instrument, state.exited, state.exit_weight),
        profit=profit,
        fees=state.fees,
        currency=instrument.currency,
        fills=state.fills,
    )
    state.gain = state.fees = state.fills = state.largest = 0
    state.entered = state.entry_weight = state.exited = state.exit_weight = 0
    state.first_ns, state.last_ns = _NEVER, -_NEVER
    return trip


def _average(instrument: Instrument, quantity: int, weight: int) -> Decimal | None:
    """Average price; of an inverse instrument the price at which the quantity has the value."""
    if not instrument.inverse:
        return instrument.average_price(quantity, weight)
    return instrument.multiplier * units_per(instrument.currency) * quantity / weight if weight else None
