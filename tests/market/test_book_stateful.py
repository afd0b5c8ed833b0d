"""The compiled book and the naive one, driven together through random requests, must never be told apart."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from simexec.market import layout as at
from simexec.testing import check_book

from .naive_book import NaiveBook, as_replies
from .scripted import ScriptedMarket

OWNERS = st.integers(1, 3)
SIDES = st.integers(0, 1)
QUANTITIES = st.one_of(st.integers(1, 12), st.integers(1, 400))
NEAR = st.integers(-4, 4)
TIF = st.sampled_from([0, 0, 0, 0, at.IOC, at.FOK, at.MAKER_ONLY])
PREVENTION = st.sampled_from([0, 0, at.STP_NEWEST, at.STP_OLDEST])
SHAPES = st.sampled_from(["plain", "plain", "plain", "hidden", "iceberg"])
PICK = st.integers(0, 10**6)


class BothBooks(RuleBasedStateMachine):
    """Every reply, the whole book, every queue position and all that is written down are equal after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.market = ScriptedMarket(cramped=True)
        self.book = self.market.book
        self.naive = NaiveBook()
        self.time = 0
        self.centre = 50_000
        self.numbers = 0
        self.references = 0
        self.background: list[int] = []

    @initialize(centre=st.sampled_from([30, 1_000, 50_000]))
    def begin_somewhere(self, centre: int) -> None:
        self.centre = centre

    def _number(self) -> int:
        self.numbers += 1
        return self.numbers

    def _price(self, offset: int) -> int:
        return max(1, self.centre + offset)

    def _tick(self) -> int:
        self.time += 1
        return self.time

    def _mine(self, pick: int) -> int:
        mine = [order for order in self.naive.orders if order.owner > 0]
        return mine[pick % len(mine)].number

    # --- participants ---

    @rule(
        side=SIDES, offset=NEAR, quantity=QUANTITIES, owner=OWNERS, tif=TIF, prevention=PREVENTION, shape=SHAPES,
        peak=st.integers(1, 20),
    )  # fmt: skip
    def submit_limit(
        self, side: int, offset: int, quantity: int, owner: int, tif: int, prevention: int, shape: str, peak: int
    ) -> None:
        self._submit(side, offset, quantity, owner, tif, prevention, shape, peak)

    @rule(
        side=SIDES, distance=st.integers(1, 12), quantity=st.integers(1, 12), owner=OWNERS, shape=SHAPES,
        peak=st.integers(1, 5),
    )  # fmt: skip
    def join_or_improve_a_queue(
        self, side: int, distance: int, quantity: int, owner: int, shape: str, peak: int
    ) -> None:
        self._submit(side, -distance if side == 0 else distance, quantity, owner, 0, 0, shape, peak)

    def _submit(
        self, side: int, offset: int, quantity: int, owner: int, tif: int, prevention: int, shape: str, peak: int
    ) -> None:
        flags = tif | prevention | (at.HIDDEN if shape == "hidden" else 0)
        peak = peak if shape == "iceberg" else 0
        time, number, price = self._tick(), self._number(), self._price(offset)
        rows = self.book.submit(time, side, quantity, price, owner=owner, number=number, flags=flags, peak=peak)
        expected = self.naive.submit(time, side, quantity, price, owner=owner, number=number, flags=flags, peak=peak)
        assert as_replies(rows) == expected

    @rule(side=SIDES, quantity=QUANTITIES, owner=OWNERS, fok=st.booleans(), prevention=PREVENTION)
    def submit_market(self, side: int, quantity: int, owner: int, fok: bool, prevention: int) -> None:
        flags = at.MARKET | prevention | (at.FOK if fok else 0)
        time, number = self._tick(), self._number()
        rows = self.book.submit(time, side, quantity, 0, owner=owner, number=number, flags=flags)
        assert as_replies(rows) == self.naive.submit(time, side, quantity, 0, owner=owner, number=number, flags=flags)

    @rule(side=SIDES, owner=OWNERS, prevention=PREVENTION)
    def sweep_everything(self, side: int, owner: int, prevention: int) -> None:
        self.submit_market(side, 10**6, owner, False, prevention)

    @precondition(lambda self: any(order.owner for order in self.naive.orders))
    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        number, time = self._mine(pick), self._tick()
        assert self.book.cancel(time, number) == self.naive.cancel(time, number)
        assert not self.book.rests(number)

    @rule()
    def ask_for_what_is_not_there(self) -> None:
        number, time = self._number(), self._tick()
        assert self.book.cancel(time, number) == 0
        assert self.book.reduce(time, number, 1) == 0
        assert self.book.replace(time, number, 1, 1) is None
        assert self.book.leaves(number) == 0

    @precondition(lambda self: any(order.owner for order in self.naive.orders))
    @rule(pick=PICK, quantity=QUANTITIES)
    def reduce(self, pick: int, quantity: int) -> None:
        number, time = self._mine(pick), self._tick()
        assert self.book.reduce(time, number, quantity) == self.naive.reduce(time, number, quantity)

    @precondition(lambda self: any(order.owner for order in self.naive.orders))
    @rule(pick=PICK, change=st.integers(-12, 12), move=st.sampled_from([0, 0, 0, 1, -1, 3, -3]), tif=TIF)
    def replace(self, pick: int, change: int, move: int, tif: int) -> None:
        number, time = self._mine(pick), self._tick()
        order = self.naive.find(number)
        assert order is not None
        quantity, price = max(1, order.leaves + change), max(1, order.price + move)
        owner, peak = order.owner, order.peak
        flags = tif | (at.HIDDEN if order.hidden else 0)
        rows = self.book.replace(time, number, quantity, price, owner=owner, flags=flags, peak=peak)
        expected = self.naive.replace(time, number, quantity, price, owner=owner, flags=flags, peak=peak)
        assert (rows is None) == (expected is None)
        assert as_replies(rows or []) == (expected or [])

    # --- the background ---

    def _reference(self) -> int:
        self.references += 1
        self.background.append(self.references - 1)
        return self.references - 1

    @rule(
        orders=st.lists(
            st.tuples(st.sampled_from([at.LIMIT_AWAY, at.LIMIT_AWAY, at.MARKET_ORDER, at.CANCEL]), SIDES,
                      st.integers(-1, 8), st.integers(1, 30), PICK, st.integers(0, 1)),
            min_size=1, max_size=8,
        )
    )  # fmt: skip
    def background_flow(self, orders: list[tuple[int, int, int, int, int, int]]) -> None:
        script, expected = [], []
        self._tick()
        for kind, side, away, quantity, pick, later in orders:
            self.time += later
            if kind == at.CANCEL:
                if not self.background:
                    continue
                reference = self.background[pick % len(self.background)]
                script.append((self.time, kind, reference, 0, 0, 0))
                self.naive.cancel_background(self.time, reference)
                continue
            reference = self._reference()
            script.append((self.time, kind, reference, away, quantity, side))
            if kind == at.LIMIT_AWAY:
                expected += self.naive.limit_away(self.time, side, away, quantity, reference)
            else:
                expected += self.naive.market_order(self.time, side, quantity, reference)
        assert as_replies(self.market.play(*script, until=self.time)) == expected

    # --- the price walks ---

    @rule(step=st.one_of(st.integers(-10, 10), st.integers(10, 10_000), st.integers(-10_000, -10)))
    def the_price_walks_away(self, step: int) -> None:
        self.centre = max(20, self.centre + step)

    # --- after every step ---

    @invariant()
    def books_are_equal(self) -> None:
        for side in range(2):
            assert self.book.depth(side) == self.naive.depth(side)
            prices = self.naive.prices(side)
            assert self.market.count(at.LADDER_SIZE + side) == len(prices)
            for price in prices:
                assert self.book.queue(side, price) == self.naive.queue(side, price)
        quote = self.book.quote()
        assert (quote.bid, quote.bid_size) == self.naive.best(0)
        assert (quote.ask, quote.ask_size) == self.naive.best(1)
        assert not self.naive.crossed()

    @invariant()
    def every_order_of_ours_is_found_with_its_place(self) -> None:
        for order in self.naive.orders:
            if order.owner > 0:
                position = self.book.queue_position(order.number)
                found = (position.orders_ahead, position.quantity_ahead)
                assert found == self.naive.queue_position(order.number)
                assert self.book.leaves(order.number) == order.leaves

    @invariant()
    def what_is_written_down_is_equal(self) -> None:
        self.book.flush()
        assert self.book.prints.since().tolist() == [list(row) for row in self.naive.prints]
        assert self.book.quotes.since().tolist() == [list(row) for row in self.naive.quotes]
        last_ahead = {row[1]: row[3] for row in self.book.queues.since().tolist()}
        for order in self.naive.orders:
            if order.owner > 0 and not order.hidden:
                assert last_ahead[order.number] == self.naive.queue_position(order.number)[1]

    @invariant()
    def arrays_agree_with_themselves(self) -> None:
        check_book(self.book)


TestBothBooks = BothBooks.TestCase
TestBothBooks.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.validate
class TestBothBooksAtLength(BothBooks.TestCase):
    settings = settings(
        max_examples=2_000, stateful_step_count=100, deadline=None, suppress_health_check=list(HealthCheck)
    )
