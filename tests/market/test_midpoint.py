"""The dark pool: who trades with whom at the mid, and when."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.errors import InputError
from simexec.market import layout as at
from simexec.market.dark_flow import DarkFlow
from simexec.market.midpoint import MidpointMarket, best_of
from simexec.market.midpoint_book import MidpointBook
from simexec.market.order_book import OutRow
from simexec.market.sizes import ConstantSize, GeometricSize
from simexec.sim import Constant, Exponential, Simulation
from simexec.testing import book_with_orders

SECOND = 10**9


class Quotes:
    """A reference that a test moves by hand."""

    def __init__(self, bid: int | None = 1_000, ask: int | None = 1_010) -> None:
        self.bid, self.ask = bid, ask

    def __call__(self, time_ns: int) -> tuple[int | None, int | None]:
        return self.bid, self.ask


class Pool:
    """A pool whose orders are numbered as they come."""

    def __init__(self) -> None:
        self.quotes = Quotes()
        self.book = MidpointBook(self.quotes)
        self.number = 0

    def add(self, side: int, quantity: int, limit: int | None = None, **fields: Any) -> list[OutRow]:
        self.number += 1
        number = self.number
        owner = fields.pop("owner", number)
        if limit is None and "flags" not in fields:
            return self.book.submit_peg(0, side, quantity, at.PEG_MID, 0, None, owner, number, **fields)
        return self.book.submit(0, side, quantity, limit or 0, owner, number, **fields)


@pytest.fixture
def pool() -> Pool:
    return Pool()


def fills(rows: list[OutRow]) -> list[tuple[int, int, int, int]]:
    """Number, price, quantity and maker of every trade."""
    return [(row[2], row[3], row[4], row[6]) for row in rows if row[0] == at.OUT_FILL]


# --- price ---


def test_orders_trade_at_the_middle_of_the_reference(pool: Pool) -> None:
    pool.add(0, 10)
    rows = pool.add(1, 7)
    assert fills(rows) == [(2, 1_005, 7, 0), (1, 1_005, 7, 1)]
    assert (pool.book.leaves(1), pool.book.rests(2), pool.book.last_price) == (3, False, 1_005)
    assert pool.book.prints.since().tolist() == [
        [0, 1_005, 7, -1, at.PRINT_HIDDEN | at.PRINT_OWN_MAKER | at.PRINT_OWN_TAKER, 1]
    ]


@pytest.mark.parametrize(("bid", "ask"), [(1_011, 1_010), (None, 1_010), (1_000, None), (None, None)])
def test_nothing_trades_while_the_reference_is_crossed_or_one_sided(
    pool: Pool, bid: int | None, ask: int | None
) -> None:
    pool.quotes.bid, pool.quotes.ask = bid, ask
    pool.add(0, 10)
    assert fills(pool.add(1, 7)) == []
    assert [row[0] for row in pool.add(1, 7, flags=at.MARKET)] == [at.OUT_CANCEL]


def test_where_the_reference_is_locked_trades_are_at_that_price(pool: Pool) -> None:
    pool.quotes.bid = 1_010
    pool.add(0, 10)
    assert fills(pool.add(1, 7))[0][1] == 1_010


def test_the_best_over_several_books_is_the_reference() -> None:
    first = book_with_orders(bids=[(100, [5])], asks=[(104, [5])])
    second = book_with_orders(bids=[(98, [5])], asks=[(102, [5])])
    empty = book_with_orders()
    assert best_of(first, second, empty)(0) == (100, 102)
    assert best_of(empty)(0) == (None, None)


# --- who trades ---


@pytest.mark.parametrize(
    ("side", "limit", "trades"), [(0, 1_005, True), (0, 1_004, False), (1, 1_005, True), (1, 1_006, False)]
)
def test_a_limit_order_trades_where_its_limit_allows_the_mid(pool: Pool, side: int, limit: int, trades: bool) -> None:
    pool.add(1 - side, 10)
    assert bool(fills(pool.add(side, 10, limit))) is trades


def test_priority_is_by_time_whatever_the_limit(pool: Pool) -> None:
    pool.add(0, 5, 1_006)
    pool.add(0, 5, 1_099)
    pool.add(0, 5)
    assert [number for number, _, _, maker in fills(pool.add(1, 12)) if maker] == [1, 2, 3]


def test_a_single_execution_is_no_smaller_than_either_minimum(pool: Pool) -> None:
    pool.add(0, 30)
    pool.add(0, 60)
    rows = pool.add(1, 100, minimum=50)
    assert fills(rows) == [(3, 1_005, 60, 0), (2, 1_005, 60, 1)]
    assert (pool.book.leaves(1), pool.book.leaves(3)) == (30, 40)


def test_when_less_than_the_minimum_is_left_that_is_the_minimum(pool: Pool) -> None:
    pool.add(1, 100, minimum=50)
    assert fills(pool.add(0, 40)) == []  # passed over
    rows = pool.add(0, 60)
    assert fills(rows) == [(3, 1_005, 60, 0), (1, 1_005, 60, 1), (2, 1_005, 40, 0), (1, 1_005, 40, 1)]
    assert not pool.book.rests(1)


def test_who_is_passed_over_keeps_its_place(pool: Pool) -> None:
    pool.add(0, 30, minimum=30)
    pool.add(0, 30)
    assert [number for number, _, _, maker in fills(pool.add(1, 20)) if maker] == [2]
    assert [number for number, _, _, maker in fills(pool.add(1, 30)) if maker] == [1]


# --- orders that may not rest ---


@pytest.mark.parametrize(
    ("flags", "quantity", "filled", "reason"),
    [
        (at.MARKET, 25, 20, at.NO_LIQUIDITY),
        (at.IOC, 25, 20, at.IMMEDIATE),
        (at.FOK, 25, 0, at.FILL_OR_KILL),
        (at.FOK, 20, 20, None),
    ],
)
def test_what_may_not_rest_and_finds_nothing_is_cancelled(
    pool: Pool, flags: int, quantity: int, filled: int, reason: int | None
) -> None:
    pool.add(1, 20)
    rows = pool.add(0, quantity, 1_010, flags=flags)
    assert sum(row[4] for row in rows if row[0] == at.OUT_FILL and row[2] == 2) == filled
    cancelled = [(row[3], row[4]) for row in rows if row[0] == at.OUT_CANCEL]
    assert cancelled == ([] if reason is None else [(reason, quantity - filled)])


def test_an_immediate_order_whose_minimum_nobody_meets_says_so(pool: Pool) -> None:
    pool.add(1, 20)
    (row,) = pool.add(0, 50, 1_010, flags=at.IOC, minimum=30)
    assert (row[0], row[3]) == (at.OUT_CANCEL, at.MINIMUM)


# --- cancel, replace, self-trade, call ---


def test_a_cancel_takes_out_what_is_left(pool: Pool) -> None:
    pool.add(0, 10)
    assert pool.book.cancel(0, 1) == 10
    assert pool.book.cancel(0, 1) == 0
    assert fills(pool.add(1, 10)) == []


def test_less_quantity_keeps_the_place_and_more_or_another_limit_loses_it(pool: Pool) -> None:
    for _ in range(3):
        pool.add(0, 10)
    assert pool.book.replace(0, 2, 5, None) == []
    assert pool.book.replace(0, 1, 12, None) is not None
    assert [(n, q) for n, _, q, maker in fills(pool.add(1, 20)) if maker] == [(2, 5), (3, 10), (1, 5)]
    assert pool.book.replace(0, 99, 5, None) is None
    assert pool.book.reduce(0, 1, 99) == 0


def test_another_limit_may_make_an_order_trade(pool: Pool) -> None:
    pool.add(0, 10, 1_004)
    pool.add(1, 10)
    rows = pool.book.replace(0, 1, 10, 1_006)
    assert rows is not None
    assert fills(rows) == [(1, 1_005, 10, 0), (2, 1_005, 10, 1)]


@pytest.mark.parametrize(("flag", "gone"), [(at.STP_NEWEST, 2), (at.STP_OLDEST, 1)])
def test_prevention_of_self_trades_cancels_the_newest_or_the_oldest(pool: Pool, flag: int, gone: int) -> None:
    pool.add(0, 10, 1_010, owner=7)
    rows = pool.add(1, 10, 1_000, owner=7, flags=flag)
    assert [(row[2], row[3]) for row in rows if row[0] == at.OUT_CANCEL] == [(gone, at.SELF_TRADE)]
    assert pool.book.rests(3 - gone)
    assert fills(rows) == []


def test_in_a_call_nothing_trades_and_its_end_matches(pool: Pool) -> None:
    pool.book.set_phase(0, at.CALL)
    pool.add(0, 10)
    assert fills(pool.add(1, 10)) == []
    assert fills(pool.book.set_phase(5, at.CONTINUOUS)) == [(2, 1_005, 10, 0), (1, 1_005, 10, 1)]


# --- when the reference moves ---


def test_orders_that_a_move_of_the_reference_lets_trade_do_so_at_the_next_message_the_oldest_first(pool: Pool) -> None:
    pool.add(0, 10, 1_003)
    pool.add(1, 6)
    pool.add(1, 6)
    pool.quotes.bid = 996  # mid 1003
    assert pool.book.prints.since().tolist() == []
    rows = pool.add(0, 1, 900)
    assert fills(rows) == [(2, 1_003, 6, 0), (1, 1_003, 6, 1), (3, 1_003, 4, 0), (1, 1_003, 4, 1)]


def test_orders_that_came_while_there_was_no_price_trade_when_there_is_the_same_one_again(pool: Pool) -> None:
    pool.book.match(0)
    pool.quotes.bid = None
    pool.add(0, 10)
    pool.add(1, 10)
    pool.quotes.bid = 1_000
    assert len(fills(pool.book.match(0))) == 2


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 1),
            st.integers(1, 30),
            st.none() | st.integers(995, 1_015),
            st.integers(0, 20),
            st.integers(990, 1_010),
        ),
        max_size=30,
    )
)
def test_whatever_comes_shares_are_conserved_and_nobody_who_could_trade_waits(
    orders: list[tuple[int, int, int | None, int, int]],
) -> None:
    pool = Pool()
    left: dict[int, int] = {}
    traded = {0: 0, 1: 0}
    for side, quantity, limit, minimum, bid in orders:
        pool.quotes.bid = bid
        rows = pool.add(side, quantity, limit, minimum=minimum, **({} if limit is None else {"flags": 0}))
        left[pool.number] = quantity
        sides = {number: orders[number - 1][0] for number in left}
        for number, price, filled, _ in fills(rows):
            own = orders[number - 1]
            assert price == (bid + 1_010) // 2
            assert own[2] is None or (own[2] >= price if own[0] == 0 else own[2] <= price)
            assert filled >= min(own[3], left[number])
            left[number] -= filled
            traded[sides[number]] += filled
        assert traded[0] == traded[1]
        assert {number: pool.book.leaves(number) for number in left} == left
        assert pool.book.quantity(0) + pool.book.quantity(1) == sum(left.values())
        assert fills(pool.book.match(0)) == []


# --- the market around it ---


def dark_market(sim: Simulation, rates: tuple[float, float] = (5.0, 5.0), end: int = 100 * SECOND) -> MidpointMarket:
    flow = DarkFlow(
        sim.rng, "flow.XDRK", rates, GeometricSize(3), Exponential("500ms"), lot=100, start_ns=0, end_ns=end
    )
    return MidpointMarket("XDRK", Quotes(), flow)


def test_background_orders_arrive_trade_with_each_other_and_leave() -> None:
    sim = Simulation(seed=3)
    market = dark_market(sim)
    assert market.advance(200 * SECOND) is None
    assert market.next_time is None
    prints = market.book.prints.since()
    assert len(prints) > 100
    assert set(prints[:, 1].tolist()) == {1_005}
    assert (prints[:, 2] % 100 == 0).all()
    assert market.book.quantity(0) == market.book.quantity(1) == 0


def test_arrivals_are_poisson_on_each_side() -> None:
    flow = DarkFlow(
        Simulation(seed=5).rng,
        "flow.XDRK",
        (4.0, 1.0),
        ConstantSize(1),
        Constant("1s"),
        start_ns=0,
        end_ns=2_000 * SECOND,
    )
    sides = []
    while flow.next_time is not None:
        sides.append(flow.take()[1])
    for side, expected in ((0, 8_000), (1, 2_000)):
        assert abs(sides.count(side) - expected) < 4 * np.sqrt(expected)


def test_the_market_stops_at_the_first_time_at_which_a_participant_traded() -> None:
    market = dark_market(Simulation(seed=3))
    told: list[OutRow] = []
    market.listen(told.extend)
    market.book.submit_peg(0, 0, 300, at.PEG_MID, 0, None, 1, 1)
    time = market.advance(100 * SECOND)
    assert time is not None
    assert market.next_time is not None
    assert market.next_time > time
    assert told == []
    market.dispatch()
    assert told
    assert {row[1] for row in told} == {time}


def test_a_pool_without_background_never_has_a_message_and_matches_when_it_is_told_that_the_reference_moved() -> None:
    quotes = Quotes(None, None)
    market = MidpointMarket("XDRK", quotes, clock=lambda: 42)
    told: list[OutRow] = []
    market.listen(told.extend)
    market.book.submit_peg(0, 0, 10, at.PEG_MID, 0, None, 1, 1)
    market.book.submit_peg(0, 1, 10, at.PEG_MID, 0, None, 2, 2)
    assert (market.next_time, market.advance(SECOND)) == (None, None)
    quotes.bid, quotes.ask = 1_000, 1_010
    market.match()
    assert [row[1] for row in told] == [42, 42]
    with pytest.raises(InputError, match="give it a clock"):
        MidpointMarket("XDRK", quotes).match()


def test_one_sides_background_changes_nothing_of_the_others() -> None:
    def arrivals(rates: tuple[float, float]) -> list[tuple[int, int, int, int]]:
        flow = DarkFlow(
            Simulation(seed=9).rng, "f", rates, GeometricSize(3), Exponential("1s"), start_ns=0, end_ns=50 * SECOND
        )
        found = []
        while flow.next_time is not None:
            found.append(flow.take())
        return [one for one in found if one[1] == 0]

    assert arrivals((2.0, 0.0)) == arrivals((2.0, 7.0))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda book: book.submit(0, 0, 0, 1_000), "must be positive"),
        (lambda book: book.submit_stop(0, 0, 5, 1_000, 1_000), "is a stop"),
        (lambda book: book.submit_peg(0, 0, 5, at.PEG_PRIMARY, 0), "pegged off the mid"),
        (lambda book: book.submit_peg(0, 0, 5, at.PEG_MID, 3), "pegged off the mid"),
        (lambda book: book.reduce(0, 1, 0), "must be positive"),
        (lambda book: book.set_band(1, 2), "no price band"),
        (lambda book: book.set_pro_rata(1), "matches by time"),
    ],
)
def test_what_a_dark_pool_does_not_offer_is_refused(pool: Pool, call: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        call(pool.book)


def test_a_rate_that_is_no_rate_is_refused() -> None:
    with pytest.raises(InputError, match="not a number from 0 up"):
        dark_market(Simulation(), (-1.0, 1.0))
