"""Round trips: profits to the last unit those of the portfolio, trades those of a naive walk over all fills, busts undone."""

from decimal import Decimal
from fractions import Fraction
from math import ceil

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from simexec.backtest.round_trips import RoundTrip, RoundTrips
from simexec.errors import InputError, InvariantError
from simexec.trading.instrument import Instrument
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import Fill
from simexec.trading.vocabulary import OrderSide

from ..trading.oracle import exact_value

BUY, SELL = OrderSide.BUY, OrderSide.SELL
AMZN = Instrument("AMZN", "0.01")
FUTURE = Instrument("ES", "0.25", multiplier=50)
ODD = Instrument("ODD", "0.000003", multiplier="0.7")  # its values are never whole units
XBT = Instrument("XBT", "0.5", currency="BTC", inverse=True)
INSTRUMENTS = [AMZN, FUTURE, ODD, XBT]
WINDOW = 2


def trips_of(fills):
    """Closed trades of some symbols and what is open, from nothing but the fills and a portfolio's own profits."""
    portfolio, open_trades, closed = Portfolio(), {}, []
    for fill in fills:
        symbol, sign, instrument = fill.symbol, fill.side.sign, fill.instrument
        before = portfolio.position(symbol)
        realised = portfolio.positions[symbol].realised if symbol in portfolio.positions else 0
        portfolio.apply_fill(fill)
        after, gain = portfolio.position(symbol), portfolio.positions[symbol].realised - realised
        closing = min(fill.quantity, abs(before)) if before * sign < 0 else 0
        closing_fee = ceil(Fraction(fill.fee * closing, fill.quantity))
        if closing:
            trade = open_trades[symbol]
            trade["gain"] += gain
            trade["fees"].append(closing_fee)
            trade["exits"].append((closing, fill.price_quanta))
            trade["times"].append(fill.time_ns)
            if after * before <= 0:
                closed.append(trip_of(open_trades.pop(symbol)))
        if closing < fill.quantity:
            blank = {"instrument": instrument, "side": fill.side, "gain": 0, "held": []}
            blank |= {"fees": [], "times": [], "entries": [], "exits": []}
            trade = open_trades.setdefault(symbol, blank)
            trade["fees"].append(fill.fee - closing_fee)
            trade["entries"].append((fill.quantity - closing, fill.price_quanta))
            trade["held"].append(abs(after))
            trade["times"].append(fill.time_ns)
    return portfolio, open_trades, closed


def trip_of(trade):
    instrument = trade["instrument"]
    return RoundTrip(
        symbol=instrument.symbol,
        side=trade["side"],
        quantity=max(trade["held"]),
        entry_ns=min(trade["times"]),
        exit_ns=max(trade["times"]),
        entry_price=average_of(instrument, trade["entries"]),
        exit_price=average_of(instrument, trade["exits"]),
        profit=trade["gain"] - sum(trade["fees"]),
        fees=sum(trade["fees"]),
        currency=instrument.currency,
        fills=len(trade["fees"]),
    )


def average_of(instrument, parts):
    """Average price, for an inverse instrument the harmonic one; a fraction."""
    quantity, quantum = sum(part for part, _ in parts), Fraction(instrument.quantum)
    if instrument.inverse:
        return quantity / sum(Fraction(part) / (quantum * price) for part, price in parts)
    return sum(part * quantum * price for part, price in parts) / quantity


def without_prices(trip):
    return attrs.evolve(trip, entry_price=None, exit_price=None)


def in_order(trips):
    return sorted(trips, key=lambda trip: (trip.exit_ns, trip.symbol))


class RoundTripsAgainstPortfolio(RuleBasedStateMachine):
    """Keeps what happened, and computes everything from that after every step."""

    def __init__(self):
        super().__init__()
        self.trips = RoundTrips(bust_window=WINDOW)
        self.few = RoundTrips(2, bust_window=WINDOW)
        self.book = Portfolio(bust_window=WINDOW)
        self.fills = []
        self.number = 0

    @rule(
        instrument=st.sampled_from(INSTRUMENTS),
        side=st.sampled_from(OrderSide),
        quantity=st.integers(1, 4),
        price=st.integers(10_000, 10**6),
        fee=st.integers(-500, 500),
        early=st.integers(0, 3),
    )
    def fill(self, instrument, side, quantity, price, fee, early):
        self.number += 1
        # Reports of several venues may arrive in another order than that in which they traded.
        fill = Fill(f"x{self.number}", "o1", instrument, side, quantity, price, 10 * self.number - 15 * early, fee)
        for books in (self.trips.add, self.few.add, self.book.apply_fill, self.fills.append):
            books(fill)

    @precondition(lambda self: self.fills)
    @rule(data=st.data())
    def bust(self, data):
        fill = data.draw(st.sampled_from(self.fills[-2 * WINDOW :]))
        try:
            self.book.apply_bust(fill)
        except InvariantError:
            with pytest.raises(InvariantError, match="is not among the latest"):
                self.trips.remove(fill)
        else:
            self.trips.remove(fill)
            self.few.remove(fill)
            self.fills.remove(fill)

    @invariant()
    def trades_are_those_of_the_oracle(self):
        _, _, closed = trips_of(self.fills)
        kept, expected = self.trips.trips, in_order(closed)
        assert [without_prices(trip) for trip in kept] == [without_prices(trip) for trip in expected]
        for trip, right in zip(kept, expected, strict=True):
            for price, exact in ((trip.entry_price, right.entry_price), (trip.exit_price, right.exit_price)):
                # An inverse value is rounded to a millionth of a satoshi, here of at least some 20,000 of them.
                assert price == pytest.approx(
                    Decimal(exact.numerator) / Decimal(exact.denominator), rel=Decimal("1e-6")
                )
                assert trip.symbol == "XBT" or abs(Fraction(price) / exact - 1) < Fraction(1, 10**26)

    @invariant()
    def profits_are_those_of_the_portfolio(self):
        for currency in ("USD", "BTC"):
            found = self.trips.statistics(currency)
            assert found.net_profit + found.open_profit == self.book.realised(currency) - self.book.fees.get(
                currency, 0
            )

    @invariant()
    def statistics_are_those_of_the_oracle(self):
        _, open_trades, closed = trips_of(self.fills)
        for currency in ("USD", "BTC"):
            trips = [trip for trip in closed if trip.currency == currency]
            wins = [trip.profit for trip in trips if trip.profit > 0]
            losses = [-trip.profit for trip in trips if trip.profit < 0]
            found = self.trips.statistics(currency)
            assert (found.count, found.wins, found.losses) == (len(trips), len(wins), len(losses))
            assert found.flat == sum(trip.profit == 0 for trip in trips)
            assert (found.gross_profit, found.gross_loss) == (sum(wins), sum(losses))
            assert (found.largest_win, found.largest_loss) == (max(wins, default=None), max(losses, default=None))
            assert found.win_rate == (len(wins) / len(trips) if trips else None)
            assert found.profit_factor == (sum(wins) / sum(losses) if losses else None)
            holding = sum(trip.exit_ns - trip.entry_ns for trip in trips)
            assert found.mean_holding_ns == (holding // len(trips) if trips else None)
            assert found.fees == sum(trip.fees for trip in trips)
            still = [trade for trade in open_trades.values() if trade["instrument"].currency == currency]
            assert found.open_count == len(still)
            assert found.open_profit == sum(trade["gain"] - sum(trade["fees"]) for trade in still)
            fills = [fill for fill in self.fills if fill.instrument.currency == currency]
            assert found.fills == len(fills)
            values = (ceil(exact_value(f.instrument, f.side.sign * f.quantity, f.price_quanta)) for f in fills)
            assert found.traded_value == sum(map(abs, values))

    @invariant()
    def a_limit_changes_no_figure(self):
        assert len(self.few.trips) <= 2
        assert set(self.few.trips) <= set(self.trips.trips)
        for currency in ("USD", "BTC"):
            assert self.few.statistics(currency) == self.trips.statistics(currency)


TestRoundTripsAgainstPortfolio = RoundTripsAgainstPortfolio.TestCase
TestRoundTripsAgainstPortfolio.settings = settings(max_examples=60, stateful_step_count=40)


# --- by hand ---

NUMBERS = iter(range(10**9))


def fill(side, quantity, price, fee=0, instrument=AMZN, time_ns=0):
    return Fill(f"x{next(NUMBERS)}", "o1", instrument, side, quantity, instrument.to_quanta(price), time_ns, fee)


def trips_after(*fills, limit=None):
    trips = RoundTrips(limit)
    for one in fills:
        trips.add(one)
    return trips


def test_a_trade_is_built_and_unwound_by_several_fills():
    trips = trips_after(
        fill(BUY, 100, "10.00", fee=7, time_ns=5),
        fill(BUY, 100, "10.10", fee=7, time_ns=6),
        fill(SELL, 50, "10.20", fee=-2, time_ns=8),
        fill(BUY, 10, "10.30", time_ns=9),
        fill(SELL, 160, "10.00", fee=7, time_ns=25),
    )
    (trip,) = trips.trips
    assert trip == RoundTrip(
        symbol="AMZN",
        side=BUY,
        quantity=200,
        entry_ns=5,
        exit_ns=25,
        entry_price=(100 * Decimal("10.00") + 100 * Decimal("10.10") + 10 * Decimal("10.30")) / 210,
        exit_price=(50 * Decimal("10.20") + 160 * Decimal("10.00")) / 210,
        profit=(50 * 1020 + 160 * 1000 - 100 * 1000 - 100 * 1010 - 10 * 1030) * 10_000 - 19,
        fees=19,
        currency="USD",
        fills=5,
    )
    assert trips.statistics().open_count == 0


def test_a_fill_through_zero_closes_one_trade_and_opens_the_next():
    trips = trips_after(
        fill(SELL, 10, "20.00", fee=1, time_ns=1),
        fill(BUY, 30, "19.00", fee=8, time_ns=2),
        fill(SELL, 20, "18.00", fee=1, time_ns=3),
    )
    short, long = trips.trips
    assert (short.side, short.quantity, short.fills, short.exit_ns) == (SELL, 10, 2, 2)
    assert (long.side, long.quantity, long.fills, long.entry_ns) == (BUY, 20, 2, 2)
    # 8 * 20 / 30 = 5.33 is rounded down; the closing part bears the other 3.
    assert (short.fees, long.fees) == (1 + 3, 5 + 1)
    assert short.profit == 10 * 1_000_000 - 4
    assert long.profit == -20 * 1_000_000 - 6
    assert (short.exit_price, long.entry_price) == (Decimal("19.00"), Decimal("19.00"))
    assert trips.statistics().fills == 3


def test_a_rebate_of_a_fill_through_zero_is_rounded_against_the_closing_part_too():
    trips = trips_after(fill(SELL, 1, "20.00"), fill(BUY, 3, "20.00", fee=-4), fill(SELL, 2, "20.00"))
    short, long = trips.trips
    assert (short.fees, long.fees) == (-1, -3)


def test_the_multiplier_counts():
    trips = trips_after(
        fill(BUY, 2, "4000.25", instrument=FUTURE, fee=3), fill(SELL, 2, "4001.00", instrument=FUTURE, fee=3)
    )
    assert trips.trips[0].profit == 75 * 10**6 - 6
    assert trips.statistics().traded_value == int(2 * 50 * (Decimal("4000.25") + Decimal("4001.00")) * 10**6)


def test_an_inverse_trade_settles_in_its_coin():
    trips = trips_after(
        fill(BUY, 10_000, "40000", instrument=XBT),
        fill(BUY, 10_000, "50000", instrument=XBT),
        fill(SELL, 20_000, "50000", instrument=XBT),
    )
    (trip,) = trips.trips
    assert trip.currency == "BTC"
    assert trip.profit == 10**12 * 5 // 100  # 10,000 / 40,000 - 10,000 / 50,000 coins
    assert trip.entry_price == pytest.approx(Decimal(20_000) / Decimal("0.45"), rel=Decimal("1e-12"))
    assert trip.exit_price == 50_000
    assert trips.currencies == ("BTC",)
    assert trips.statistics("USD").count == 0


def test_an_inverse_value_that_rounds_to_nothing_has_no_price():
    tiny = Instrument("TINY", "0.5", currency="BTC", inverse=True, multiplier="0.000000000001")
    trips = trips_after(fill(SELL, 1, "50000", instrument=tiny), fill(BUY, 1, "50000", instrument=tiny))
    assert trips.trips[0].exit_price is None


def test_a_trade_without_profit_is_neither_won_nor_lost():
    found = trips_after(fill(BUY, 1, "10.00"), fill(SELL, 1, "10.00")).statistics()
    assert (found.count, found.wins, found.losses, found.flat) == (1, 0, 0, 1)
    assert (found.win_rate, found.profit_factor, found.largest_win, found.largest_loss) == (0.0, None, None, None)


def test_the_last_trades_are_kept_and_all_are_counted():
    rounds = [(fill(BUY, 1, "10.00", time_ns=n), fill(SELL, 1, "10.01", time_ns=n)) for n in range(10)]
    fills = [one for pair in rounds for one in pair]
    assert [trip.exit_ns for trip in trips_after(*fills, limit=3).trips] == [7, 8, 9]
    assert trips_after(*fills, limit=0).trips == ()
    assert len(trips_after(*fills).trips) == 10
    for limit in (0, 3, None):
        assert trips_after(*fills, limit=limit).statistics().count == 10


def test_a_bust_reopens_a_trade_that_was_closed():
    entry, exit_, later = fill(BUY, 5, "10.00"), fill(SELL, 5, "11.00"), fill(SELL, 5, "12.00", time_ns=9)
    trips = trips_after(entry, exit_, later)
    assert (len(trips.trips), trips.statistics().open_count) == (1, 1)
    trips.remove(exit_)
    assert trips.trips == trips_after(entry, later).trips
    assert trips.statistics() == trips_after(entry, later).statistics()
    trips.add(exit_)
    assert trips.trips == trips_after(entry, later, exit_).trips


@pytest.mark.parametrize("count", range(1, 14))
def test_the_latest_fills_can_be_busted_however_many_came_before(count):
    fills = [fill(OrderSide.of_sign((-1) ** (n // 3)), 1 + n % 4, 10 + n, fee=n, time_ns=n) for n in range(count)]
    for busted in fills[-3:]:
        trips = RoundTrips(bust_window=3)
        for one in fills:
            trips.add(one)
        trips.remove(busted)
        left = trips_after(*(one for one in fills if one is not busted))
        assert trips.trips == left.trips
        assert trips.statistics() == left.statistics()


# --- refusals ---


def test_a_fill_is_booked_once():
    once = fill(BUY, 1, "10.00")
    trips = trips_after(once)
    with pytest.raises(InvariantError, match="is booked already"):
        trips.add(attrs.evolve(once))
    assert trips.statistics().fills == 1


def test_a_symbol_is_one_instrument():
    trips = trips_after(fill(BUY, 1, "10.00"))
    with pytest.raises(InvariantError, match="is known by that symbol"):
        trips.add(fill(SELL, 1, "10.00", instrument=Instrument("AMZN", "0.05")))
    trips.add(fill(SELL, 1, "10.00", instrument=Instrument("AMZN", "0.01")))
    assert trips.statistics().count == 1


def test_a_bust_must_name_a_fill_as_it_was_booked():
    booked, other = fill(BUY, 1, "10.00", fee=3), fill(SELL, 1, "10.00", instrument=FUTURE)
    trips = trips_after(booked)
    with pytest.raises(InvariantError, match="ES never traded"):
        trips.remove(other)
    with pytest.raises(InvariantError, match="with fee 3, not 1 at 100000 with fee 4"):
        trips.remove(attrs.evolve(booked, fee=4))
    trips.remove(booked)
    with pytest.raises(InvariantError, match="was busted before"):
        trips.remove(booked)
    assert trips.statistics().fills == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RoundTrips(-1), "limit of round trips -1 is less than 0"),
        (lambda: RoundTrips(1.5), "limit of round trips 1.5"),
        (lambda: RoundTrips(bust_window=0), "bust_window 0 is less than 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_their_value(make, message):
    with pytest.raises(InputError, match=message):
        make()
