"""What holds in every replay, whatever the recording and whatever we do in it."""

from __future__ import annotations

import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from simexec.market import layout as at
from simexec.market.levels import Array
from simexec.market.lobster import read_lobster
from simexec.market.market import Market
from simexec.market.order_book import OutRow
from simexec.market.recording import RecordedFlow, Recording
from simexec.testing import check_book

from .history import START_NS, TICK, History, invent, write_files

FOREVER = 86_400 * 10**9
DEPARTURES = range(at.TAKEN, at.TRADED_SHOWN)


class Request(NamedTuple):
    """Something a participant does, drawn before the run so that two runs can do the same."""

    time: int
    cancels: int  # number of the order to cancel, 0 to submit
    side: int
    quantity: int
    ticks: int  # limit, in ticks from the best price of its own side when it arrives
    owner: int
    flags: int
    peak: int


def invent_requests(seed: int, history: History, count: int) -> list[Request]:
    """Orders that join, improve, cross and sweep, near and far, and cancels, at random times of the day."""
    rng = random.Random(seed)
    rows = [START_NS, *(row[0] for row in history.rows)]
    times = sorted(rng.choice(rows) + rng.choice([0, 0, 1, 400]) for _ in range(count))
    return [
        Request(
            time,
            rng.randint(1, i) if i and rng.random() < 0.25 else 0,
            rng.randint(0, 1),
            rng.randint(1, 60),
            rng.choice([0, 0, 0, 1, 1, 2, 3, 8, -1, -1, -2, -5]),
            rng.randint(1, 2),
            rng.choice([0, 0, 0, 0, at.MARKET, at.IOC, at.FOK, at.HIDDEN, at.STP_OLDEST, at.STP_NEWEST]),
            rng.choice([0, 0, 0, 5]),
        )
        for i, time in enumerate(times)
    ]


class OneByOne:
    """A recording handed over message by message; ``look`` is called with each when it has been applied."""

    def __init__(self, recording: Recording, look: Callable[[Array], None] = lambda message: None) -> None:
        self.look = look
        self.references = recording.references
        self.tick_quanta = recording.tick_quanta
        self.messages = recording.messages
        self.next = self.looked = 0

    def next_messages(self) -> Array | None:
        if self.looked < self.next:
            self.looked = self.next
            self.look(self.messages[self.next - 1])
        if self.next == len(self.messages):
            return None
        self.next += 1
        return self.messages[self.next - 1 : self.next]

    def applied(self, time_ns: int) -> int:
        return 0


class Run:
    """A replay with our requests in it, and all that participants were told; ``beside`` hears of each request."""

    def __init__(
        self,
        flow: OneByOne | RecordedFlow,
        *,
        beside: Callable[[Request, int, int], None] = lambda request, number, price: None,
    ) -> None:
        self.beside = beside
        self.market = Market("XTST", flow)
        self.book = self.market.book
        self.rows: list[OutRow] = []
        self.ordered: dict[int, int] = {}
        self.withdrawn: Counter[int] = Counter()
        self.market.listen(self.rows.extend)

    def advance(self, until: int) -> None:
        while self.market.advance(until) is not None:
            self.market.dispatch()

    def request(self, request: Request, number: int) -> None:
        self.advance(request.time)
        if request.cancels:
            self.withdrawn[request.cancels] += self.book.cancel(request.time, request.cancels)
            self.beside(request, number, 0)
            return
        quote = self.book.quote()
        best = (quote.bid if request.side == 0 else quote.ask) or 100 * TICK
        price = max(TICK, best + (1 if request.side == 0 else -1) * request.ticks * TICK)
        self.ordered[number] = request.quantity
        self.rows += self.book.submit(
            request.time, request.side, request.quantity, price,
            owner=request.owner, number=number, flags=request.flags, peak=request.peak,
        )  # fmt: skip
        self.beside(request, number, price)

    def play(self, requests: list[Request]) -> None:
        for number, request in enumerate(requests, start=1):
            self.request(request, number)
        self.advance(FOREVER)
        self.book.flush()

    def count(self, index: int) -> int:
        return int(self.book.arrays.state[index])

    def traded_with_the_background(self) -> int:
        """Shares of our fills whose other side is not ours too."""
        by_trade = defaultdict(list)
        for row in self.rows:
            if row[0] == at.OUT_FILL:
                by_trade[row[7]].append(row[4])
        assert all(len(shares) <= 2 and len(set(shares)) == 1 for shares in by_trade.values())
        return sum(shares[0] for shares in by_trade.values() if len(shares) == 1)


def record(history: History) -> Recording:
    with tempfile.TemporaryDirectory() as folder:
        return read_lobster(write_files(Path(folder), history))


@st.composite
def days(draw: st.DrawFn, *, levels: st.SearchStrategy[int] | None = None, ties: bool = True) -> History:
    history = invent(
        draw(st.integers(0, 2**32)),
        events=draw(st.sampled_from([10, 40, 150, 400])),
        levels=draw(levels or st.sampled_from([1, 2, 3, 5])),
        before=draw(st.integers(0, 25)),
        ties=ties,
        reach=draw(st.sampled_from([2, 4, 8])),
    )
    assume(history.rows)
    return history


@st.composite
def days_with_us(draw: st.DrawFn) -> tuple[Recording, list[Request]]:
    history = draw(days())
    requests = invent_requests(draw(st.integers(0, 2**32)), history, draw(st.sampled_from([1, 3, 10, 30, 80])))
    return record(history), requests


QUICK = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def recorded_levels(row: list[int], side: int) -> Iterator[tuple[int, int]]:
    """Price and size of each recorded level of a side."""
    for i in range(len(row) // 4):
        price, size = row[4 * i + 2 * (1 - side)], row[4 * i + 2 * (1 - side) + 1]
        if size:
            yield price, size


@QUICK
@given(days())
def test_without_us_the_replay_is_the_recording_to_the_last_share(history: History) -> None:
    recording = record(history)
    assert not recording.defects
    assert recording.levels == 1 or recording.top_matches == recording.rows
    run = Run(RecordedFlow(recording))
    for k, (time, *_) in enumerate(history.rows):
        if k + 1 == len(history.rows) or history.rows[k + 1][0] > time:
            run.advance(time)
            for side in range(2):
                depth = [(price, size) for price, size, _ in run.book.depth(side)]
                assert depth == list(recorded_levels(history.books[k], side))
    check_book(run.book)
    assert [run.count(i) for i in DEPARTURES] == [0] * len(DEPARTURES)
    assert run.count(at.TRADED_SHOWN) == recording.executed_visible
    assert run.count(at.TRADED_HIDDEN) == recording.executed_hidden
    assert run.book.background_shares() == (recording.final_shares, 0)


@QUICK
@given(days_with_us())
def test_every_share_that_leaves_history_is_counted_where_it_leaves_and_where_it_is_missed(
    day: tuple[Recording, list[Request]],
) -> None:
    recording, requests = day
    run = Run(RecordedFlow(recording))
    run.play(requests)
    count = run.count
    live, leftover = run.book.background_shares()
    assert run.traded_with_the_background() == (
        count(at.TAKEN) + count(at.LEFTOVER_TAKEN) + count(at.GIVEN_SWEEP) + count(at.GIVEN_ARRIVAL)
    )
    assert count(at.LEFTOVER_MADE) == (
        count(at.LEFTOVER_TAKEN) + count(at.LEFTOVER_CONSUMED) + count(at.LEFTOVER_CANCELLED) + leftover
    )
    assert count(at.TAKEN) + count(at.GIVEN_ARRIVAL) - count(at.CUT) == recording.final_shares - live
    assert count(at.DISPLACED) == 0  # a recording that does not cross itself is never made to


@QUICK
@given(days_with_us())
def test_after_no_message_is_the_book_crossed_and_each_sweep_trades_all_it_traded_or_it_is_counted(
    day: tuple[Recording, list[Request]],
) -> None:
    recording, requests = day
    cuts: Counter[int] = Counter()

    def look(message: Array) -> None:
        check_book(run.book)  # a crossed book is one thing that it refuses
        cuts[int(message[1])] += run.count(at.CUT) - cuts.total()

    run = Run(OneByOne(recording, look))
    run.play(requests)
    count = run.count
    # What aggressors got from us and from leftovers instead is what their counterparties kept or no longer had.
    assert count(at.GIVEN_SWEEP) + count(at.LEFTOVER_CONSUMED) + count(at.UNFILLED) == (
        count(at.LEFTOVER_MADE) + count(at.HIDDEN_SPARED) + cuts[at.HIT]
    )
    assert count(at.TRADED_SHOWN) - count(at.LEFTOVER_CONSUMED) == (
        recording.executed_visible - count(at.LEFTOVER_MADE) - cuts[at.HIT]
    )
    assert count(at.TRADED_HIDDEN) == recording.executed_hidden - count(at.HIDDEN_SPARED)


@QUICK
@given(days_with_us())
def test_every_share_we_ordered_is_filled_cancelled_or_still_rests(day: tuple[Recording, list[Request]]) -> None:
    recording, requests = day
    run = Run(RecordedFlow(recording))
    run.play(requests)
    ended: Counter[int] = Counter()
    for kind, _, number, _, quantity, *_ in run.rows:
        if kind in (at.OUT_FILL, at.OUT_CANCEL):
            ended[number] += quantity
    for number, quantity in run.ordered.items():
        assert ended[number] + run.withdrawn[number] + run.book.leaves(number) == quantity


@QUICK
@given(days_with_us(), st.integers(0, 2**32))
def test_how_far_each_advance_goes_changes_nothing(day: tuple[Recording, list[Request]], seed: int) -> None:
    recording, requests = day
    rng = random.Random(seed)
    far, near = Run(RecordedFlow(recording)), Run(OneByOne(recording))
    far.play(requests)
    times = recording.row_times.tolist()
    stops = sorted(rng.choice(times) + rng.randint(-1, 1) for _ in range(60))
    for number, request in enumerate(requests, start=1):
        while stops and stops[0] < request.time:
            near.advance(stops.pop(0))
        near.request(request, number)
    for stop in stops:
        near.advance(stop)
    near.advance(FOREVER)
    near.book.flush()
    assert [row[:8] for row in near.rows] == [row[:8] for row in far.rows]
    for one, other in ((near.book.quotes, far.book.quotes), (near.book.prints, far.book.prints)):
        assert one.since().tolist() == other.since().tolist()
    assert near.book.queues.since().tolist() == far.book.queues.since().tolist()
    assert [near.count(i) for i in DEPARTURES] == [far.count(i) for i in DEPARTURES]
