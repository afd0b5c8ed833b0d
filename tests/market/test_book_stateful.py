"""The compiled book and the naive one, driven together through random requests, must never be told apart.

Participants send every type of order, the background trades between them, and the venue calls, reopens and sets bands.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from simexec.market import layout as at
from simexec.market.order_book import OutRow
from simexec.testing import check_book

from .naive_book import Reply, as_replies
from .naive_matching import NaiveMatching
from .scripted import ScriptedMarket

OWNERS = st.integers(1, 3)
SIDES = st.integers(0, 1)
SMALL = st.integers(1, 12)
QUANTITIES = st.one_of(SMALL, st.integers(1, 400))
NEAR = st.integers(-4, 4)
SLIDING = at.MAKER_ONLY | at.SLIDE
TIF = st.sampled_from([0, 0, 0, 0, at.IOC, at.FOK, at.MAKER_ONLY, SLIDING])
PREVENTION = st.sampled_from([0, 0, at.STP_NEWEST, at.STP_OLDEST])
SHAPES = st.sampled_from(["plain", "plain", "plain", "hidden", "iceberg"])
PEGS = st.sampled_from([at.PEG_PRIMARY, at.PEG_MARKET, at.PEG_MID])
PICK = st.integers(0, 10**6)
KINDS = [at.LIMIT_AWAY, at.LIMIT_AWAY, at.MARKET_ORDER, at.CANCEL, at.VALUE_ORDER]


class BothBooks(RuleBasedStateMachine):
    """Every reply, the whole book, every queue position and all that is written down are equal after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.market = ScriptedMarket(cramped=True)
        self.book = self.market.book
        self.naive = NaiveMatching()
        self.time = 0
        self.centre = 50_000
        self.numbers = 0
        self.references = 0
        self.background: list[int] = []
        self.told = 0
        self.open: dict[int, int] = {}
        self.filled: dict[int, list[int]] = {}

    @initialize(centre=st.sampled_from([30, 1_000, 50_000]), least_share=st.sampled_from([0, 0, 0, 1, 3]))
    def begin_somewhere(self, centre: int, least_share: int) -> None:
        self.centre = centre
        if least_share:
            self.book.set_pro_rata(least_share)
            self.naive.set_pro_rata(least_share)

    def _number(self, quantity: int) -> int:
        self.numbers += 1
        self.open[self.numbers] = quantity
        return self.numbers

    def _price(self, offset: int) -> int:
        return max(1, self.centre + offset)

    def _tick(self) -> int:
        self.time += 1
        return self.time

    def _mine(self, pick: int) -> int:
        mine = self.naive.numbers()
        return mine[pick % len(mine)]

    def _compare(self, rows: list[OutRow], start: int) -> None:
        """What participants were told, as the answer or without asking, is what the naive book has told since ``start``."""
        unasked, self.told = self.market.told[self.told :], len(self.market.told)
        replies = as_replies(rows + unasked)
        assert replies == self.naive.book.replies[start:]
        for reply in replies:
            self._account(reply)

    def _account(self, reply: Reply) -> None:
        """No share is filled or cancelled twice, and every reply says what is left."""
        if reply.kind == at.OUT_FILL:
            self.filled.setdefault(reply.trade, []).append(reply.quantity)
        if reply.kind in (at.OUT_FILL, at.OUT_CANCEL):
            self.open[reply.number] -= reply.quantity
            assert self.open[reply.number] == reply.leaves >= 0
        if reply.kind in (at.OUT_REST, at.OUT_TRIGGER, at.OUT_LEAVE):
            assert self.open[reply.number] == reply.leaves > 0

    @property
    def _now(self) -> int:
        return len(self.naive.book.replies)

    # --- participants ---

    @rule(
        side=SIDES, offset=NEAR, quantity=QUANTITIES, owner=OWNERS, tif=TIF, prevention=PREVENTION, shape=SHAPES,
        peak=st.integers(1, 20), minimum=st.sampled_from([0, 0, 0, 1, 5]),
    )  # fmt: skip
    def submit_limit(
        self, side: int, offset: int, quantity: int, owner: int, tif: int, prevention: int, shape: str, peak: int,
        minimum: int,
    ) -> None:  # fmt: skip
        self._submit(side, offset, quantity, owner, tif, prevention, shape, peak, minimum if tif == at.IOC else 0)

    @rule(side=SIDES, distance=st.integers(1, 12), quantity=SMALL, owner=OWNERS, shape=SHAPES, peak=st.integers(1, 5))
    def join_or_improve_a_queue(
        self, side: int, distance: int, quantity: int, owner: int, shape: str, peak: int
    ) -> None:
        self._submit(side, -distance if side == 0 else distance, quantity, owner, 0, 0, shape, peak)

    def _submit(
        self, side: int, offset: int, quantity: int, owner: int, tif: int, prevention: int, shape: str, peak: int,
        minimum: int = 0,
    ) -> None:  # fmt: skip
        flags = tif | prevention | (at.HIDDEN if shape == "hidden" else 0)
        peak = peak if shape == "iceberg" else 0
        time, number, price, start = self._tick(), self._number(quantity), self._price(offset), self._now
        order = {"owner": owner, "number": number, "flags": flags, "peak": peak, "minimum": min(minimum, quantity)}
        rows = self.book.submit(time, side, quantity, price, **order)
        self.naive.submit(time, side, quantity, price, **order)
        self._compare(rows, start)

    @rule(
        side=SIDES, quantity=QUANTITIES, owner=OWNERS, tif=st.sampled_from([0, 0, at.FOK]), prevention=PREVENTION,
        minimum=st.sampled_from([0, 0, 4]),
    )  # fmt: skip
    def submit_market(self, side: int, quantity: int, owner: int, tif: int, prevention: int, minimum: int) -> None:
        time, number, start = self._tick(), self._number(quantity), self._now
        order = {
            "owner": owner,
            "number": number,
            "flags": at.MARKET | tif | prevention,
            "minimum": min(minimum, quantity),
        }
        rows = self.book.submit(time, side, quantity, 0, **order)
        self.naive.submit(time, side, quantity, 0, **order)
        self._compare(rows, start)

    @rule(side=SIDES, owner=OWNERS, prevention=PREVENTION)
    def sweep_everything(self, side: int, owner: int, prevention: int) -> None:
        self.submit_market(side, 10**6, owner, 0, prevention, 0)

    @rule(
        side=SIDES, stop=st.one_of(NEAR, st.none()), limit=st.one_of(NEAR, st.none()), quantity=SMALL, owner=OWNERS,
        trail=st.sampled_from([0, 0, 1, 2, 5]), tif=TIF, prevention=PREVENTION, shape=SHAPES, peak=st.integers(1, 5),
    )  # fmt: skip
    def submit_stop(
        self, side: int, stop: int | None, limit: int | None, quantity: int, owner: int, trail: int, tif: int,
        prevention: int, shape: str, peak: int,
    ) -> None:  # fmt: skip
        """A stop, with a limit a stop-limit, with a distance a trailing stop."""
        if limit is None:
            flags, price, peak = at.MARKET | prevention, 0, 0
        else:
            flags, price = tif | prevention | (at.HIDDEN if shape == "hidden" else 0), self._price(limit)
            peak = peak if shape == "iceberg" else 0
        at_price = self._price(stop or 0) if stop is not None or not trail else None
        time, number, start = self._tick(), self._number(quantity), self._now
        order = {"owner": owner, "number": number, "flags": flags, "peak": peak, "trail": trail}
        rows = self.book.submit_stop(time, side, quantity, at_price, price, **order)
        self.naive.submit_stop(time, side, quantity, at_price, price, **order)
        self._compare(rows, start)

    @rule(
        side=SIDES, kind=PEGS, offset=st.integers(-3, 3), cap=st.one_of(st.none(), NEAR), quantity=SMALL, owner=OWNERS,
        prevention=PREVENTION, shape=SHAPES, peak=st.integers(1, 5),
    )  # fmt: skip
    def submit_peg(
        self, side: int, kind: int, offset: int, cap: int | None, quantity: int, owner: int, prevention: int,
        shape: str, peak: int,
    ) -> None:  # fmt: skip
        limit = None if cap is None else self._price(cap)
        flags, peak = prevention | (at.HIDDEN if shape == "hidden" else 0), peak if shape == "iceberg" else 0
        time, number, start = self._tick(), self._number(quantity), self._now
        order = {"owner": owner, "number": number, "flags": flags, "peak": peak}
        rows = self.book.submit_peg(time, side, quantity, kind, offset, limit, **order)
        self.naive.submit_peg(time, side, quantity, kind, offset, limit, **order)
        self._compare(rows, start)

    @precondition(lambda self: self.naive.numbers())
    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        number, time, start = self._mine(pick), self._tick(), self._now
        cancelled = self.book.cancel(time, number)
        assert cancelled == self.naive.cancel(time, number)
        assert not self.book.rests(number)
        self.open[number] -= cancelled
        assert self.open[number] == 0
        self._compare([], start)

    @rule()
    def ask_for_what_is_not_there(self) -> None:
        number, time = self._number(0), self._tick()
        assert self.book.cancel(time, number) == 0
        assert self.book.reduce(time, number, 1) == 0
        assert self.book.replace(time, number, 1, 1) is None
        assert self.book.leaves(number) == 0

    @precondition(lambda self: self.naive.numbers())
    @rule(pick=PICK, quantity=QUANTITIES)
    def reduce(self, pick: int, quantity: int) -> None:
        number, time, start = self._mine(pick), self._tick(), self._now
        left = max(0, self.naive.leaves(number) - quantity)
        self.open[number] = left
        assert self.book.reduce(time, number, quantity) == left
        self.naive.reduce(time, number, quantity)
        self._compare([], start)

    @precondition(lambda self: self.naive.numbers())
    @rule(
        pick=PICK, change=st.integers(-12, 12), move=st.sampled_from([0, 0, 0, 1, -1, 3, -3, None]),
        stop=st.sampled_from([0, 0, 1, -1, 3, None]), tif=TIF, prevention=PREVENTION,
    )  # fmt: skip
    def replace(self, pick: int, change: int, move: int | None, stop: int | None, tif: int, prevention: int) -> None:
        number, time, start = self._mine(pick), self._tick(), self._now
        quantity = max(1, self.naive.leaves(number) + change)
        old = self.naive.standing(number)
        price = None if move is None or old.price is None else max(1, old.price + move)
        at_price = None if stop is None or old.stop is None else max(1, old.stop + stop)
        tif = tif if old.plain else 0
        flags = tif | prevention | old.flags & (at.MARKET | at.HIDDEN)
        order = {"owner": old.owner, "flags": flags, "peak": old.peak}
        rows = self.book.replace(time, number, quantity, price, stop=at_price, **order)
        was_open, self.open[number] = self.open[number], quantity
        expected = self.naive.replace(time, number, quantity, price, stop=at_price, **order)
        assert (rows is None) == (expected is None)
        if rows is None:
            self.open[number] = was_open
        self._compare(rows or [], start)

    # --- the background ---

    @rule(
        orders=st.lists(
            st.tuples(st.sampled_from(KINDS), SIDES, st.integers(-1, 8), st.integers(1, 30), PICK, st.integers(0, 1),
                      st.booleans()),
            min_size=1, max_size=8,
        )
    )  # fmt: skip
    def background_flow(self, orders: list[tuple[int, int, int, int, int, int, bool]]) -> None:
        """Some messages are parts of an event that the next one completes."""
        script, start = [], self._now
        self._tick()
        for kind, side, away, quantity, pick, later, part in orders:
            self.time += later
            if kind == at.CANCEL:
                if not self.background:
                    continue
                script.append((self.time, kind, self.background[pick % len(self.background)], 0, 0, 0))
                continue
            price = self.centre + away - 4 if kind == at.VALUE_ORDER else away
            self.background.append(self.references)
            self.references += 1
            script.append((self.time, kind | (at.PART if part else 0), self.references - 1, price, quantity, side))
        if script:
            time, kind, *rest = script[-1]
            script[-1] = (time, kind & at.KINDS, rest[0], rest[1], rest[2], rest[3])
        for message in script:
            self.naive.message(*message)
        self.market.play(*script, until=self.time)
        self._compare([], start)

    # --- the venue ---

    @precondition(lambda self: self.naive.phase == at.CONTINUOUS)
    @rule()
    def call(self) -> None:
        self._set_phase(at.CALL)

    @precondition(lambda self: self.naive.phase == at.CALL)
    @rule()
    def reopen(self) -> None:
        self.naive.set_band(None, None)
        self.book.set_band(None, None)
        self._set_phase(at.CONTINUOUS)

    def _set_phase(self, phase: int) -> None:
        time, start = self._tick(), self._now
        rows = self.book.set_phase(time, phase)
        self.naive.set_phase(time, phase)
        self._compare(rows, start)

    @rule(low=st.one_of(st.none(), st.integers(-6, 0)), high=st.one_of(st.none(), st.integers(0, 6)))
    def set_band(self, low: int | None, high: int | None) -> None:
        bounds = [None if bound is None else self._price(bound) for bound in (low, high)]
        self.book.set_band(*bounds)
        self.naive.set_band(*bounds)

    # --- the price walks ---

    @rule(step=st.one_of(st.integers(-10, 10), st.integers(10, 10_000), st.integers(-10_000, -10)))
    def the_price_walks_away(self, step: int) -> None:
        self.centre = max(20, self.centre + step)

    # --- after every step ---

    @invariant()
    def books_are_equal(self) -> None:
        naive = self.naive.book
        for side in range(2):
            assert self.book.depth(side) == naive.depth(side)
            prices = naive.prices(side)
            assert self.market.count(at.LADDER_SIZE + side) == len(prices)
            for price in prices:
                assert self.book.queue(side, price) == naive.queue(side, price)
        quote = self.book.quote()
        assert (quote.bid, quote.bid_size) == naive.best(0)
        assert (quote.ask, quote.ask_size) == naive.best(1)
        assert self.book.phase == self.naive.phase
        assert self.book.last_price == self.naive.last_price
        assert self.naive.phase == at.CALL or not naive.crossed()

    @invariant()
    def every_order_of_ours_is_found_with_its_place(self) -> None:
        for number, left in self.open.items():
            assert self.book.leaves(number) == self.naive.leaves(number) == left
            assert self.book.rests(number) == (left > 0)
        for order in self.naive.book.orders:
            if order.owner > 0:
                position = self.book.queue_position(order.number)
                found = (position.orders_ahead, position.quantity_ahead)
                assert found == self.naive.book.queue_position(order.number)

    @invariant()
    def what_is_written_down_is_equal(self) -> None:
        self.book.flush()
        naive = self.naive.book
        assert self.book.prints.since().tolist() == [list(row) for row in naive.prints]
        assert self.book.quotes.since().tolist() == [list(row) for row in naive.quotes]
        last_ahead = {row[1]: row[3] for row in self.book.queues.since().tolist()}
        for order in naive.orders:
            if order.owner > 0 and not order.hidden:
                assert last_ahead[order.number] == naive.queue_position(order.number)[1]

    @invariant()
    def every_trade_has_one_quantity_and_no_third_party(self) -> None:
        for printed in self.naive.book.prints:
            parties = self.filled.get(printed[5], [])
            assert len(parties) <= 2
            assert set(parties) <= {printed[2]}

    @invariant()
    def arrays_agree_with_themselves(self) -> None:
        check_book(self.book)


def check(both: BothBooks) -> None:
    both.books_are_equal()
    both.every_order_of_ours_is_found_with_its_place()
    both.what_is_written_down_is_equal()
    both.every_trade_has_one_quantity_and_no_third_party()
    both.arrays_agree_with_themselves()


def do_something(both: BothBooks, rng: random.Random) -> None:
    """One request, drawn so that most books are deep enough for it to matter."""
    side, near, quantity, owner = rng.randint(0, 1), rng.randint(-4, 4), rng.randint(1, 12), rng.randint(1, 3)
    pick, peak = rng.randrange(10**6), rng.randint(1, 5)
    prevention = rng.choice([0, 0, 0, at.STP_NEWEST, at.STP_OLDEST])
    tif = rng.choice([0, 0, 0, at.IOC, at.FOK, at.MAKER_ONLY, SLIDING])
    shape = rng.choice(["plain", "plain", "hidden", "iceberg"])
    live, calling = bool(both.naive.numbers()), both.naive.phase == at.CALL
    what = rng.random()
    if what < 0.25:
        both.join_or_improve_a_queue(side, rng.randint(1, 4), quantity, owner, shape, peak)
    elif what < 0.40:
        both.submit_limit(side, near, quantity, owner, tif, prevention, shape, peak, rng.choice([0, 2, 5]))
    elif what < 0.46:
        both.submit_market(side, quantity, owner, rng.choice([0, 0, at.FOK]), prevention, rng.choice([0, 0, 4]))
    elif what < 0.60:
        stop, limit = rng.choice([near, near, None]), rng.choice([rng.randint(-4, 4), None])
        both.submit_stop(side, stop, limit, quantity, owner, rng.choice([0, 0, 1, 2]), tif, prevention, shape, peak)
    elif what < 0.70:
        kind, cap = rng.choice([at.PEG_PRIMARY, at.PEG_MARKET, at.PEG_MID]), rng.choice([None, None, near])
        both.submit_peg(side, kind, rng.randint(-2, 2), cap, quantity, owner, prevention, shape, peak)
    elif what < 0.90:
        both.background_flow([
            (rng.choice(KINDS), rng.randint(0, 1), rng.randint(-1, 5), rng.randint(1, 12), rng.randrange(10**6),
             rng.randint(0, 1), rng.random() < 0.2)
            for _ in range(rng.randint(1, 5))
        ])  # fmt: skip
    elif what < 0.93 and live:
        both.cancel(pick)
    elif what < 0.94 and live:
        both.reduce(pick, quantity)
    elif what < 0.96 and live:
        both.replace(
            pick, rng.randint(-6, 6), rng.choice([0, 1, -1, None]), rng.choice([0, 1, -1, None]), tif, prevention
        )
    elif what < 0.97:
        both.set_band(rng.randint(-5, 0), rng.randint(0, 5))
    elif calling:
        both.reopen()
    elif what > 0.985:
        both.call()


@pytest.mark.parametrize("seed", range(24))
def test_the_two_books_agree_on_a_busy_random_day(seed: int) -> None:
    """As the state machine, but every book is deep, so that one request sets off many things."""
    rng = random.Random(seed)
    both = BothBooks()
    both.begin_somewhere(rng.choice([30, 1_000, 50_000]), [0, 0, 1, 3][seed % 4])
    for _ in range(150):
        do_something(both, rng)
        check(both)


TestBothBooks = BothBooks.TestCase
TestBothBooks.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.validate
class TestBothBooksAtLength(BothBooks.TestCase):
    settings = settings(
        max_examples=2_000, stateful_step_count=100, deadline=None, suppress_health_check=list(HealthCheck)
    )
