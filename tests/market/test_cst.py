"""The Cont-Stoikov-Talreja flow: exact probabilities, rates that follow the book, and common random numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from simexec.errors import InputError
from simexec.market import cst
from simexec.market import layout as at
from simexec.market.activity import Activity, times_of
from simexec.market.cont_stoikov_talreja import ContStoikovTalreja, power_law_rates
from simexec.market.levels import Array
from simexec.market.market import Market
from simexec.sim import Simulation
from simexec.testing import Desk, check_book, make_desk
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide
from simexec.venue import TradingHours

from . import cst_market as cm
from .cst_exact import both_fill, fills_before_other_empties, next_move_up
from .cst_market import LAMBDA, LOT, MU, PRICE, SECOND, THETA, TICK, CstMarket, make_flow

PARAMETERS = (LAMBDA[0], MU, THETA[0])

TABLE_3 = [
    [0.500, 0.335, 0.259, 0.216, 0.188],
    [0.665, 0.500, 0.407, 0.348, 0.307],
    [0.741, 0.593, 0.500, 0.437, 0.391],
    [0.784, 0.652, 0.563, 0.500, 0.452],
    [0.812, 0.693, 0.609, 0.548, 0.500],
]
TABLE_5 = [
    [0.266, 0.308, 0.309, 0.300, 0.288],
    [0.308, 0.386, 0.406, 0.406, 0.400],
    [0.309, 0.406, 0.441, 0.452, 0.452],
]


# --- exact probabilities ---


def test_the_exact_solutions_are_the_printed_tables() -> None:
    assert np.abs(next_move_up(*PARAMETERS)[:5, :5] - TABLE_3).max() <= 8e-4
    assert np.abs(both_fill(*PARAMETERS, 5)[:3] - TABLE_5).max() <= 5e-4


def test_the_exact_solutions_hold_in_limits_that_are_known() -> None:
    assert next_move_up(*PARAMETERS) + next_move_up(*PARAMETERS).T == pytest.approx(1.0, abs=1e-9)
    # nobody joins and nobody cancels: the next of two Poisson processes of one rate, a fair coin for each order
    coin = fills_before_other_empties(0.0, MU, 0.0, 4)
    for ahead in range(5):
        for other in range(1, 6):
            flips = ahead + other
            tails = math.fsum(math.comb(flips, k) for k in range(ahead + 1, flips + 1)) / 2**flips
            assert coin[ahead, other] == pytest.approx(tails, abs=1e-12)
    assert both_fill(0.0, MU, 0.0, 2)[0, 0] == pytest.approx(0.0, abs=1e-12), "the first fill moves the mid"


REPLICATIONS = 4_000


def test_the_real_flow_on_the_real_book_has_the_exact_probabilities() -> None:
    up, both = next_move_up(*PARAMETERS), both_fill(*PARAMETERS, 4)
    before = fills_before_other_empties(*PARAMETERS, 4)
    cells = [
        *((cm.UP, b, a, up[b - 1, a - 1]) for b, a in ((1, 1), (2, 4), (5, 3))),
        *((cm.BOTH, b, a, both[b - 1, a - 1]) for b, a in ((1, 1), (1, 4), (3, 2))),
        *((cm.BEFORE, b, a, before[b - 1, a]) for b, a in ((1, 1), (3, 4), (5, 2))),
    ]
    for event, bids, asks, p in cells:
        happened, _ = cm.frequency(event, bids, asks, REPLICATIONS, seed=100 * event + 10 * bids + asks)
        assert abs(happened / REPLICATIONS - p) <= 4 * math.sqrt(p * (1 - p) / REPLICATIONS), (event, bids, asks)


# --- rates that follow the book ---


class NaiveBook:
    """What the flow's messages do, with lists; an order is its reference, ours is None and is never used up."""

    def __init__(self, opening: Array) -> None:
        self.sides: list[dict[int, list[int | None]]] = [{}, {}]
        for _, _, ref, price, _, side in opening.tolist():
            self.sides[side].setdefault(price, []).append(ref)

    def best(self, side: int) -> int:
        return max(self.sides[0]) if side == 0 else min(self.sides[1])

    def distance(self, side: int, price: int) -> int:
        return abs(self.best(1 - side) - price) // TICK

    def orders(self, side: int, distance: int) -> list[int]:
        """Background orders at the distance (the last one stands for all beyond), from the best and the head of the queue."""
        found = []
        for price in sorted(self.sides[side], reverse=side == 0):
            if min(self.distance(side, price), len(THETA)) == distance:
                found += [ref for ref in self.sides[side][price] if ref is not None]
        return found

    def apply(self, kind: int, ref: int, away: int, side: int) -> None:
        if kind == at.LIMIT_AWAY:
            price = self.best(1 - side) + (away if side else -away)
            self.sides[side].setdefault(price, []).append(ref)
        elif kind == at.MARKET_ORDER:
            price = self.best(1 - side)
            if self.sides[1 - side][price][0] is not None:
                self.sides[1 - side][price].pop(0)
        else:
            side, price = next((s, p) for s in range(2) for p, queue in self.sides[s].items() if ref in queue)
            self.sides[side][price].remove(ref)
        for levels in self.sides:
            for price in [price for price, queue in levels.items() if not queue]:
                del levels[price]


@pytest.mark.parametrize("ours", [False, True])
def test_orders_are_cancelled_at_the_rate_of_their_distance_each_as_likely_as_any_other_and_never_ours(
    ours: bool,
) -> None:
    flow = make_flow(11, seconds=900, queues=((3, 4, 5, 5, 5), (3, 4, 5, 5, 5)))
    naive = NaiveBook(flow._opening)
    market = CstMarket(flow)
    if ours:
        for side in range(2):
            market.book.submit(0, side, 10**9, PRICE + side * TICK, number=1 + side)
            naive.sides[side][PRICE + side * TICK].append(None)
    market.run(900 * SECOND)
    hazards, cancels = np.zeros((2, len(THETA))), np.zeros((2, len(THETA)))
    places, last = [], 0
    for time, kind, ref, away, quantity, side in market.messages.tolist():
        for s in range(2):
            for i, theta in enumerate(THETA):
                hazards[s, i] += theta * len(naive.orders(s, i + 1)) * (time - last) / SECOND
        if kind == at.CANCEL:
            for i in range(len(THETA)):
                waiting = naive.orders(side, i + 1)
                if ref in waiting:
                    cancels[side, i] += 1
                    if len(waiting) >= 4:
                        places.append((waiting.index(ref) + 0.5) / len(waiting))
        assert quantity == LOT
        naive.apply(kind, ref, away, side)
        last = time
    check_book(market.book)
    assert cancels.sum() == (market.messages[:, 1] == at.CANCEL).sum()
    assert (np.abs(cancels - hazards) <= 4 * np.sqrt(hazards)).all()
    assert hazards.min() > 100
    assert abs(np.mean(places) - 0.5) <= 4 * math.sqrt(1 / 12 / len(places))
    for side in range(2):
        expected = {price: len(queue) for price, queue in naive.sides[side].items()}
        assert {price: count for price, _, count in market.book.depth(side)} == expected
        assert market.book.rests(1 + side) == ours


def test_arrivals_are_poisson_at_their_rates() -> None:
    market = CstMarket(make_flow(3, seconds=5_000))
    market.run(5_000 * SECOND)
    rates = power_law_rates(LAMBDA, cm.K, cm.ALPHA, 10)
    for side in range(2):
        rows = market.messages[market.messages[:, 5] == side]
        for distance, rate in enumerate(rates, start=1):
            times = rows[(rows[:, 1] == at.LIMIT_AWAY) & (rows[:, 3] == distance * TICK), 0]
            assert abs(len(times) - 5_000 * rate) <= 4 * math.sqrt(5_000 * rate)
        times = rows[rows[:, 1] == at.MARKET_ORDER, 0]
        counts = np.histogram(times, 500, (0, 5_000 * SECOND))[0]
        assert abs(counts.mean() - 10 * MU) <= 4 * math.sqrt(10 * MU / 500)
        assert abs(counts.var(ddof=1) / counts.mean() - 1) <= 4 * math.sqrt(2 / 499)


# --- sameness and common random numbers ---


def messages_with(
    price_ticks: int | None = None,
    *,
    steps: int = 1,
    seed: int = 8,
    seconds: int = 300,
    quantity: int = LOT,
    **changes: Any,
) -> tuple[CstMarket, Array]:
    """Messages of a run, with or without a bid of ours so many ticks from the best bid, from the tenth second on."""
    market = CstMarket(make_flow(seed, seconds=seconds, **changes))
    market.run(10 * SECOND)
    if price_ticks is not None:
        bid = market.book.quote().bid
        assert bid is not None
        market.book.submit(10 * SECOND, 0, quantity, bid + price_ticks * TICK, number=1)
    for i in range(1, steps + 1):
        market.run(10 * SECOND + (seconds - 10) * SECOND * i // steps)
    check_book(market.book)
    return market, market.messages


def test_the_same_seed_gives_the_same_messages_and_another_seed_others() -> None:
    assert np.array_equal(messages_with()[1], messages_with()[1])
    assert not np.array_equal(messages_with()[1][:50], messages_with(seed=9)[1][:50])


def test_it_does_not_matter_how_often_the_flow_is_asked() -> None:
    assert np.array_equal(messages_with()[1], messages_with(steps=1009)[1])
    assert np.array_equal(messages_with(-1)[1], messages_with(-1, steps=1009)[1])


def test_an_order_of_ours_that_never_fills_changes_no_message() -> None:
    market, messages = messages_with(-400)
    assert market.book.leaves(1) == LOT
    assert np.array_equal(messages, messages_with()[1])


def of_kind(messages: Array, *kinds: int) -> Array:
    """Time, kind, distance, size and side of the messages of these kinds; references are labels only."""
    return messages[np.isin(messages[:, 1], kinds)][:, [0, 1, 3, 4, 5]]


def test_an_order_of_ours_at_the_touch_changes_no_arrival_but_cancels_and_trades() -> None:
    market, messages = messages_with(0, quantity=50 * LOT)
    alone, messages_alone = messages_with()
    assert market.book.leaves(1) < 50 * LOT
    arrivals = (at.LIMIT_AWAY, at.MARKET_ORDER)
    assert np.array_equal(of_kind(messages, *arrivals), of_kind(messages_alone, *arrivals))
    assert not np.array_equal(of_kind(messages, at.CANCEL), of_kind(messages_alone, at.CANCEL))
    assert not np.array_equal(market.book.prints.since(), alone.book.prints.since())


def test_the_rate_of_one_class_changes_no_other_classs_arrivals() -> None:
    usual, other = (messages_with(market_rate_per_s=rate)[1] for rate in (MU, 2 * MU))
    assert np.array_equal(of_kind(usual, at.LIMIT_AWAY), of_kind(other, at.LIMIT_AWAY))
    nearer = messages_with(limit_rates_per_s=LAMBDA)[1]
    assert np.array_equal(of_kind(usual, at.MARKET_ORDER), of_kind(nearer, at.MARKET_ORDER))
    limits = of_kind(usual, at.LIMIT_AWAY)
    assert np.array_equal(limits[limits[:, 2] <= len(LAMBDA) * TICK], of_kind(nearer, at.LIMIT_AWAY))


def test_another_activity_moves_the_same_arrivals() -> None:
    activity = Activity([(0, 3.0), (150 * SECOND, 0.5), (300 * SECOND, 2.0)])
    plain, busy = messages_with()[1], messages_with(activity=activity)[1]
    for kind in (at.MARKET_ORDER, at.LIMIT_AWAY):
        for side in range(2):
            for distance in (0,) if kind == at.MARKET_ORDER else (TICK, 7 * TICK):
                chosen = [
                    rows[(rows[:, 1] == kind) & (rows[:, 5] == side) & (rows[:, 3] == distance), 0]
                    for rows in (plain, busy)
                ]
                moved = times_of(activity.knots(0), 0, chosen[0], cst.NEVER)
                count = min(len(moved), len(chosen[1]))
                assert count > 100
                assert np.abs(moved[:count] - chosen[1][:count]).max() <= 5, "more than a nanosecond at its least"


# --- under the calendar ---


def test_a_market_advances_the_flow_as_message_by_message() -> None:
    one = CstMarket(make_flow(6, seconds=200))
    one.run(200 * SECOND)
    market = Market("XTST", make_flow(6, seconds=200))
    for i in range(1, 401):
        market.advance(i * SECOND // 2)
    market.book.flush()
    assert len(one.book.prints.since()) > 200
    assert np.array_equal(market.book.prints.since(), one.book.prints.since())
    assert np.array_equal(market.book.quotes.since(), one.book.quotes.since())
    assert market.flow.applied(200 * SECOND) == one.flow.applied(200 * SECOND)


def desk_with(price_ticks: int | None) -> tuple[Desk, Order | None]:
    def factory(sim: Simulation, instrument: Instrument, hours: TradingHours) -> ContStoikovTalreja:
        return make_flow(8, seconds=60)

    desk = make_desk(factory, closes="60s", seed=8)
    desk.sim.run("3s")
    order = None
    if price_ticks is not None:
        bid = desk.quote_ticks()[0]
        assert bid is not None
        order = desk.send(OrderSide.BUY, 20, bid + price_ticks)
    desk.sim.run("59s")
    desk.market.book.flush()
    check_book(desk.market.book)
    return desk, order


def test_an_order_sent_through_a_venue_meets_the_flow_and_one_out_of_reach_changes_nothing() -> None:
    (alone, _), (far, unfilled), (near, filled) = desk_with(None), desk_with(-400), desk_with(0)
    assert np.array_equal(alone.market.book.prints.since(), far.market.book.prints.since())
    assert np.array_equal(alone.market.book.quotes.since(), far.market.book.quotes.since())
    assert unfilled is not None
    assert filled is not None
    assert (unfilled.filled_quantity, filled.filled_quantity) == (0, 20)
    assert not np.array_equal(alone.market.book.prints.since(), near.market.book.prints.since())


# --- the book it begins with, and its ends ---


def test_the_book_begins_with_the_queues_that_are_given() -> None:
    book = CstMarket(make_flow(queues=((2, 0, 1), (0, 3)))).book
    assert book.depth(0) == [(PRICE, 2 * LOT, 2), (PRICE - 2 * TICK, LOT, 1)]
    assert book.depth(1) == [(PRICE + 2 * TICK, 3 * LOT, 3)]


def test_the_book_begins_with_as_many_orders_as_would_rest_in_the_long_run_if_none_traded() -> None:
    counts = np.zeros((2, 10))
    for seed in range(300):
        opening = make_flow(seed).next_messages()
        assert opening is not None
        for _, _, _, price, _, side in opening.tolist():
            counts[side, (PRICE - price) // TICK if side == 0 else (price - PRICE) // TICK - 1] += 1
    rates = np.array(power_law_rates(LAMBDA, cm.K, cm.ALPHA, 10))
    means = rates / np.array([*THETA, *[THETA[-1]] * 5])
    means[0] += math.exp(-means[0])  # none at the best: one is put there
    assert (np.abs(counts / 300 - means) <= 4 * np.sqrt(means / 300)).all()


def test_the_flow_counts_its_messages_and_ends() -> None:
    market = CstMarket(make_flow(2, seconds=50))
    opened = market.book.arrays.state[at.ORDERS_LIVE]
    assert market.flow.applied(0) == opened
    market.run(20 * SECOND)
    early = len(market.messages)
    assert market.flow.applied(20 * SECOND) == opened + early
    market.run(10**6 * SECOND)
    assert 49 * SECOND < market.messages[-1, 0] < 50 * SECOND
    assert (np.diff(market.messages[:, 0]) >= 0).all()
    assert market.ask(10**18) == 0
    assert market.asked[0] == cst.NEVER


def test_the_time_of_the_next_message_is_told_before_it_is_due() -> None:
    market = CstMarket(make_flow(2))
    assert market.ask(0) == 0
    told = market.asked[0]
    market.run(told - 1)
    assert len(market.messages) == 0
    market.run(told)
    assert market.messages[0, 0] == told


def test_references_are_used_again_and_grow_with_the_orders_that_live() -> None:
    crowded: dict[str, Any] = {"limit_rates_per_s": (40.0,) * 50, "cancel_rates_per_s": (1.0,)}
    full = CstMarket(make_flow(4, **crowded))
    filling = CstMarket(make_flow(4, queues=((1,), (1,)), **crowded))
    assert (full.flow.references > 4_000, filling.flow.references) == (True, 1024)
    for market in (full, filling):
        market.run(20 * SECOND)
        book = market.book
        check_book(book)
        live = [row[1] for side in range(2) for price, _, _ in book.depth(side) for row in book.queue(side, price)]
        assert len(set(live)) == len(live) > 3_000
        assert max(live) < market.flow.references <= 20_000
        assert len(market.messages) > 100_000


def test_a_price_that_falls_to_the_last_tick_stays_there_and_an_empty_side_is_filled_again() -> None:
    flow = make_flow(5, seconds=400, start_price=2 * TICK, market_rate_per_s=8.0, queues=((1,), (1,)))
    market = CstMarket(flow)
    market.run(400 * SECOND)
    check_book(market.book)
    prints, quotes = market.book.prints.since(), market.book.quotes.since()
    assert prints[:, 1].min() == TICK
    assert (prints[:, 1] % TICK == 0).all()
    assert (quotes[:, 2] == 0).any()
    assert (quotes[:, 4] == 0).any()
    assert len(prints) > 1_000


def test_rates_beyond_those_given_follow_the_power_law() -> None:
    rates = power_law_rates(LAMBDA, cm.K, cm.ALPHA, 7)
    assert rates[:5] == LAMBDA
    assert rates[5:] == pytest.approx((1.92 * 6**-0.52, 1.92 * 7**-0.52))
    with pytest.raises(InputError, match="reach 3 must be at least the 5 ticks"):
        power_law_rates(LAMBDA, cm.K, cm.ALPHA, 3)
    with pytest.raises(InputError, match=r"alpha -0\.5"):
        power_law_rates(LAMBDA, cm.K, -0.5, 9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"limit_rates_per_s": ()}, r"limit_rates_per_s \[\]"),
        ({"limit_rates_per_s": (1.0, -1.0)}, r"-1\.0"),
        ({"limit_rates_per_s": (math.nan,)}, "nan"),
        ({"cancel_rates_per_s": (0.5, 0.0)}, "must all be positive"),
        ({"cancel_rates_per_s": (math.inf,)}, "inf"),
        ({"market_rate_per_s": -1.0}, r"market_rate_per_s -1\.0"),
        ({"market_rate_per_s": math.nan}, "nan"),
        ({"cancel_rates_per_s": (1e-9,)}, "a side would begin with"),
        ({"queues": ((1,), (0, 0))}, "orders on both sides"),
        ({"queues": ((1,), ())}, "orders on both sides"),
        ({"queues": ((2, -1), (1,))}, "each count from 0 up"),
        ({"start_price": 50}, "start_price 50 must be at least one tick"),
    ],
)
def test_wrong_parameters_are_refused_with_the_value(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        make_flow(**changes)
