"""Recorded history, orders that wait, halts, auctions and several markets, all at once: what went wrong, and what always holds."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from functools import cache

import numpy as np
import pytest

from simexec.market import layout as at
from simexec.market.levels import Array
from simexec.market.market import Market
from simexec.market.merged import MergedMarkets
from simexec.market.order_book import OutRow
from simexec.testing import check_book

from .cst_market import make_flow
from .replaying import BUY, SELL, X, Y, add, add_unknown, remove, sweep
from .scripted import Message, ScriptedMarket, outcome

TO_CALL, TO_TRADING = at.CALL, at.CONTINUOUS


def recorded_phase(time: int, phase: int) -> Message:
    return (time, at.SET_PHASE, at.NIL, phase, 0, 0)


@pytest.mark.parametrize("cramped", [False, True])
def test_pegs_that_wait_for_a_price_may_all_come_into_the_book_with_one_message(cramped: bool) -> None:
    count = 30 if cramped else 1_500
    market = ScriptedMarket(cramped=cramped)
    market.play(add(1, X, BUY, 90, 5))
    for number in range(1, count + 1):
        market.book.submit_peg(2, SELL, 1, at.PEG_PRIMARY, 0, number=number)
    market.book.submit(3, BUY, 5, 90, number=count + 1)
    flicker = [add_unknown(time, X, BUY, 90, 1) if time % 2 else remove(time, X, 1) for time in range(10, 3_011)]
    market.play(*flicker, add(4_000, Y, SELL, 100, 5))
    arrays = market.book.arrays
    assert all(arrays.state[at.LOGGED + part] <= arrays.log.shape[1] for part in range(at.LOG_PARTS))
    market.book.flush()
    assert len(market.book.queues.since()) == 1 + len(flicker) + count
    assert market.book.queue_position(count).quantity_ahead == 5 + count - 1


def test_a_stop_waits_for_the_end_of_a_sweep_also_if_the_recording_is_anchored_in_the_middle_of_it() -> None:
    market = ScriptedMarket()
    market.play(add(1, X, SELL, 100, 5), add(1, Y, SELL, 101, 5))
    market.book.submit_stop(2, BUY, 3, 100, 0, number=1, flags=at.MARKET)
    first, one, two, end = sweep(3, BUY, (X, 100, 5), (Y, 101, 5))
    rows = market.play(first, one, add_unknown(3, 2, SELL, 103, 9), two, end)
    assert outcome(rows) == [(at.OUT_TRIGGER, 100, 3), (at.OUT_FILL, 103, 3)]
    assert market.count(at.UNFILLED) == 0


def test_a_stop_that_came_in_a_recorded_call_and_was_reached_before_is_elected_at_its_end() -> None:
    market = ScriptedMarket()
    market.play(add(1, X, SELL, 100, 5), *sweep(2, BUY, (X, 100, 1)), recorded_phase(3, TO_CALL))
    market.book.submit_stop(4, BUY, 2, 100, 0, number=1, flags=at.MARKET)
    rows = market.play(recorded_phase(5, TO_TRADING))
    assert outcome(rows) == [(at.OUT_TRIGGER, 100, 2), (at.OUT_FILL, 100, 2)]


def test_the_end_of_a_recorded_auction_does_not_end_a_halt_of_our_venue() -> None:
    market = ScriptedMarket()
    market.play(add(1, X, SELL, 100, 5), recorded_phase(2, TO_CALL))
    market.book.set_phase(3, at.CALL)
    market.book.submit(3, BUY, 3, 100, number=1)
    assert market.play(recorded_phase(5, TO_TRADING)) == []
    assert market.book.phase == at.CALL
    assert outcome(market.book.set_phase(6, at.CONTINUOUS)) == [(at.OUT_FILL, 100, 3)]


def test_our_venue_does_not_hold_the_auction_of_a_recorded_call_when_it_opens() -> None:
    market = ScriptedMarket()
    market.book.set_phase(0, at.CALL)
    market.play(recorded_phase(1, TO_CALL), add(1, X, SELL, 100, 5), add(1, Y, BUY, 101, 5))
    assert market.book.set_phase(2, at.CONTINUOUS) == []
    assert market.book.phase == at.CALL
    market.play(remove(3, X, 5), remove(3, Y, 5), recorded_phase(3, TO_TRADING))
    assert market.book.phase == at.CONTINUOUS
    assert market.count(at.DISPLACED) == market.count(at.CUT) == 0


def test_an_execution_against_an_order_that_is_gone_is_no_breach_of_the_band() -> None:
    market = ScriptedMarket()
    market.play(add(1, X, SELL, 100, 5), add(1, Y, SELL, 105, 5))
    market.book.submit(2, BUY, 10, 0, number=1, flags=at.MARKET)
    market.book.set_band(90, 102)
    assert market.play(*sweep(3, BUY, (X, 100, 5), (Y, 105, 5))) == []
    assert market.book.phase == at.CONTINUOUS
    assert market.count(at.UNFILLED) == 10


def test_no_market_is_ahead_of_one_that_stops_though_orders_of_ours_have_changed_what_comes_next() -> None:
    rng = random.Random(3)
    merged, markets = MergedMarkets(), [Market(name, make_flow(30 + i, seconds=1e4)) for i, name in enumerate("ABC")]
    for market in markets:
        merged.add(market)
        market.book.watch(at.ANY_KEY, at.ANY_KEY, quotes=True, trades=False, depth=False)
    now, stops = 0, 0
    for number in range(1, 3_001):
        stopped = merged.advance(now + rng.choice((10**7, 10**8, 5 * 10**8)))
        if stopped is not None:
            stops += 1
            now = stopped
            assert max(int(market.book.arrays.state[at.TIME]) for market in markets) <= now
            merged.dispatch()
        book = rng.choice(markets).book
        quote, side, tick = book.quote(), rng.randrange(2), markets[0].flow.tick_quanta
        if quote.bid is None or quote.ask is None:
            continue
        if rng.random() < 0.6:
            price = (quote.bid, quote.ask)[side] + rng.choice((0, 0, 1, -1)) * tick
            book.submit(now, side, rng.choice((1, 5, 500)), price, number=number)
        else:
            book.submit(now, side, rng.choice((100, 5_000)), 0, number=number, flags=at.MARKET)
    assert stops > 500


# --- random days -------------------------------------------------------------------------------------------------------


@cache
def invented_day(seed: int) -> tuple[tuple[Message, ...], int]:
    """A recording without defects, and the shares that rest at its end."""
    rng = random.Random(seed)
    book: dict[int, list[int]] = {}
    rows: list[Message] = []
    time = 0
    for ref in range(120):
        time += rng.choice((0, 0, 1, 2))
        best = [max((o[1] for o in book.values() if o[0] == 0), default=99)]
        best.append(min((o[1] for o in book.values() if o[0] == 1), default=best[0] + 1))
        draw = rng.random()
        side = rng.randrange(2)
        if draw < 0.55 or not book:
            away, size = rng.choice((1, 1, 2, 3, 5)), rng.randint(1, 12)
            book[ref] = [side, max(2, best[1 - side] + (away if side else -away)), size]
            rows.append(add(time, ref, side, book[ref][1], size))
        elif draw < 0.75:
            gone = rng.choice(list(book))
            rows.append(remove(time, gone, book.pop(gone)[2]))
        else:
            queue = sorted((o[1] * (-1 if side else 1), r) for r, o in book.items() if o[0] != side)[
                : rng.randint(1, 4)
            ]
            hits = []
            for _, r in queue:
                size = book[r][2] if r != queue[-1][1] else rng.randint(1, book[r][2])
                hits.append((r, book[r][1], size))
                book[r][2] -= size
                if book[r][2] == 0:
                    del book[r]
            if hits:
                rows += sweep(time, side, *hits)
    return tuple(rows), sum(o[2] for o in book.values())


class Day:
    """A replay of an invented day with random requests in it; the same for the same seed, however it is run."""

    def __init__(self, seed: int, *, cramped: bool = False, chunk: int | None = None, beside: bool = False) -> None:
        messages, self.final = invented_day(seed)
        self.market = ScriptedMarket(cramped=cramped, chunk=chunk)
        self.book = self.market.book
        self.market.flow.waiting += messages
        self.rng = random.Random(seed + 1)
        self.times = sorted(self.rng.randint(0, messages[-1][0]) for _ in range(40))
        self.ordered: dict[int, int] = {}
        self.withdrawn: Counter[int] = Counter()
        self.answers: list[OutRow] = []
        self.levels: list[list[tuple[int, int, int] | None]] = [[None] * 3, [None] * 3]
        self.book.observe_depth(self.see, 3)
        self.merged: MergedMarkets | None = None
        if beside:
            neighbour = ScriptedMarket()
            neighbour.market.name = "XOTH"
            neighbour.flow.waiting += invented_day(seed + 1_000)[0]
            self.merged = MergedMarkets()
            for one in (neighbour, self.market):
                one.market._load()  # the script has been written since the market was made
                self.merged.add(one.market)

    def see(self, rows: Array) -> None:
        for _, side, index, price, quantity, orders in rows.tolist():
            self.levels[side][index] = None if price == at.NO_PRICE else (price, quantity, orders)

    def advance(self, until: int) -> None:
        source = self.merged or self.market.market
        while source.advance(until) is not None:
            trades, halted = self.market.count(at.TRADES), self.book.phase == at.CALL
            source.dispatch()
            assert not halted or self.market.count(at.TRADES) == trades
        self.book.flush()
        check_book(self.book)  # which also says that it is not crossed
        for side in range(2):
            assert [level for level in self.levels[side] if level] == self.book.depth(side, 3)

    def request(self, time: int, number: int) -> None:
        rng, book, quote = self.rng, self.book, self.book.quote()
        near = book.last_price or quote.bid or quote.ask or 100
        side, quantity, owner = rng.randrange(2), rng.randint(1, 20), rng.randint(1, 2)
        price = max(1, near + rng.choice((-4, -2, -1, 0, 0, 1, 2, 4)))
        kind = rng.choice(
            ("limit", "limit", "limit", "stop", "trail", "peg", "peg", "cancel", "halt", "reopen", "band")
        )
        if kind == "cancel" and number > 1:
            other = rng.randrange(1, number)
            self.withdrawn[other] += book.cancel(time, other)
        elif kind == "halt" and rng.random() < 0.4:
            self.answers += book.set_phase(time, at.CALL)
        elif kind in ("halt", "reopen"):
            self.answers += book.set_phase(time, at.CONTINUOUS)
        elif kind == "band":
            book.set_band(*((near - 2, near + 2) if rng.random() < 0.5 else (None, None)))
        if kind not in ("limit", "stop", "trail", "peg"):
            return
        self.ordered[number] = quantity
        stp = rng.choice((0, 0, at.STP_NEWEST, at.STP_OLDEST))
        if kind == "limit":
            flag = rng.choice((0, 0, at.HIDDEN, at.IOC, at.FOK, at.MARKET, at.MAKER_ONLY | at.SLIDE))
            least = 4 if flag == at.IOC else 0
            peak = 0 if flag else rng.choice((0, 3))
            self.answers += book.submit(time, side, quantity, price, owner, number, flag | stp, peak, least)
        elif kind == "peg":
            which = rng.choice((at.PEG_PRIMARY, at.PEG_MARKET, at.PEG_MID))
            cap = rng.choice((None, price))
            offset = rng.choice((-2, -1, 0, 0, 1, 2))
            self.answers += book.submit_peg(time, side, quantity, which, offset, cap, owner, number, stp)
        else:
            trail = rng.randint(1, 3) if kind == "trail" else 0
            flags = rng.choice((0, at.MARKET)) | stp
            stop = None if trail else price
            self.answers += book.submit_stop(time, side, quantity, stop, price, owner, number, flags, 0, trail)

    def play(self) -> Day:
        for number, time in enumerate(self.times, start=1):
            self.advance(time)
            self.request(time, number)
        self.advance(10**6)
        self.answers += self.book.set_phase(10**6, at.CONTINUOUS)
        self.advance(10**6)
        return self

    def history(self) -> tuple[list[OutRow], ...]:
        book = self.book
        without_places = [row[:8] for row in self.answers + self.market.told]
        return without_places, book.prints.since().tolist(), book.quotes.since().tolist(), book.queues.since().tolist()


@pytest.mark.parametrize("seed", range(12))
def test_every_share_is_accounted_for_on_a_random_day_with_halts_bands_stops_and_pegs(seed: int) -> None:
    day = Day(seed).play()
    count = day.market.count
    trades: defaultdict[int, list[OutRow]] = defaultdict(list)
    ended: Counter[int] = Counter(day.withdrawn)
    for row in day.answers + day.market.told:
        if row[0] == at.OUT_FILL:
            trades[row[7]].append(row)
        if row[0] in (at.OUT_FILL, at.OUT_CANCEL):
            ended[row[2]] += row[4]
    assert {n: ended[n] + day.book.leaves(n) for n in day.ordered} == day.ordered
    with_history = [rows[0] for rows in trades.values() if len(rows) == 1]
    assert sum(row[4] for row in with_history if not row[6]) == count(at.TAKEN) + count(at.LEFTOVER_TAKEN)
    assert sum(row[4] for row in with_history if row[6]) == count(at.GIVEN_SWEEP) + count(at.GIVEN_ARRIVAL)
    assert sum(rows[0][4] for rows in trades.values() if len(rows) == 2) == count(at.SELF_TRADED)
    recorded, leftover = day.book.background_shares()
    ends = count(at.LEFTOVER_TAKEN) + count(at.LEFTOVER_CONSUMED) + count(at.LEFTOVER_CANCELLED)
    assert count(at.LEFTOVER_MADE) == ends + leftover
    missing = count(at.TAKEN) + count(at.GIVEN_ARRIVAL) + count(at.DISPLACED) - count(at.CUT)
    assert missing == day.final - recorded


@pytest.mark.parametrize("seed", range(8))
def test_room_chunks_and_neighbours_change_nothing_of_a_random_day(seed: int) -> None:
    plain = Day(seed).play().history()
    assert Day(seed, cramped=True).play().history() == plain
    assert Day(seed, chunk=3).play().history() == plain
    assert Day(seed, beside=True).play().history() == plain


@pytest.mark.parametrize("seed", range(6))
def test_a_book_that_is_watched_stops_at_the_first_quote_that_will_do(seed: int) -> None:
    messages, _ = invented_day(seed)
    seen = ScriptedMarket()
    seen.play(*messages)
    seen.book.flush()
    quotes, rng = seen.book.quotes.since(), random.Random(seed)
    for _ in range(20):
        bid, ask, after = rng.randint(95, 104), rng.randint(95, 104), rng.randint(0, messages[-1][0])
        market = ScriptedMarket()
        market.play(*messages, until=after)
        market.book.watch(bid, -ask, quotes=False, trades=False, depth=False)
        hits = (quotes[:, 0] > after) & (
            ((quotes[:, 2] > 0) & (quotes[:, 1] >= bid)) | ((quotes[:, 4] > 0) & (quotes[:, 3] <= ask))
        )
        expected = int(quotes[np.argmax(hits), 0]) if hits.any() else None
        assert market.market.advance(10**6) == expected
