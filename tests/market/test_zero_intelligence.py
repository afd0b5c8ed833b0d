"""The zero-intelligence flow: its distributions, its sameness, and common random numbers."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest

from simexec.errors import InputError
from simexec.market import layout as at
from simexec.market import zero_intelligence as module
from simexec.market.activity import Activity, times_of
from simexec.market.fundamental import Fundamental
from simexec.market.levels import Array
from simexec.market.market import Flow, Market
from simexec.market.sizes import ConstantSize, GeometricSize, LogNormalSize
from simexec.market.zero_intelligence import ZeroIntelligence
from simexec.sim import Simulation
from simexec.testing import Desk, check_book, make_desk
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide, OrderStatus
from simexec.venue import TradingHours

SECOND = 10**9
RATES = (4.0, 3.0, 2.0, 1.0)


def make_flow(
    sim: Simulation | None = None, *, seed: int = 1, seconds: float = 100, **changes: Any
) -> ZeroIntelligence:
    settings: dict[str, Any] = {
        "start_price": 10_000 * 100,
        "tick_quanta": 100,
        "lot": 1,
        "limit_rates_per_s": RATES,
        "cancel_rate_per_s": 0.8,
        "market_rate_per_s": 2.0,
        "limit_size": GeometricSize(3),
        "market_size": LogNormalSize(4, 0.5),
        "start_ns": 0,
        "end_ns": round(seconds * SECOND),
    }
    return ZeroIntelligence((sim or Simulation(seed=seed)).rng, "flow", **{**settings, **changes})


def all_messages(flow: Flow) -> Array:
    chunks = []
    while (chunk := flow.next_messages()) is not None:
        assert len(chunk) > 0
        chunks.append(chunk)
    return np.concatenate(chunks)


class Arrivals(NamedTuple):
    """What came, without the references: columns time, kind, price or distance, quantity, side; and when it was cancelled."""

    rows: Array
    cancelled: Array

    def of(self, kind: int, side: int | None = None) -> Array:
        chosen = self.rows[:, 1] == kind
        return chosen if side is None else chosen & (self.rows[:, 4] == side)


def arrivals_of(messages: Array) -> Arrivals:
    """Follow every reference from its order to its cancel; each is free when it is used."""
    rows, cancelled, living = [], [], {}
    for time, kind, ref, price, quantity, side in messages.tolist():
        if kind == at.CANCEL:
            cancelled[living.pop(ref)] = time
            continue
        if kind not in (at.MARKET_ORDER, at.VALUE_ORDER):
            assert ref not in living, "a reference is used twice at a time"
            living[ref] = len(rows)
        rows.append((time, kind, price, quantity, side))
        cancelled.append(-1)
    return Arrivals(np.array(rows, np.int64), np.array(cancelled, np.int64))


def same(left: Arrivals, right: Arrivals) -> bool:
    return np.array_equal(left.rows, right.rows) and np.array_equal(left.cancelled, right.cancelled)


# --- sameness ---


def test_the_same_seed_gives_the_same_messages_and_another_seed_others() -> None:
    first, again, other = (all_messages(make_flow(seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first[:50, 0], other[:50, 0])


@pytest.mark.parametrize(("chunk", "batch"), [(40, 4096), (1 << 15, 7), (300, 64), (1, 1)])
def test_messages_do_not_depend_on_the_chunks_they_are_made_in(
    chunk: int, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = arrivals_of(all_messages(make_flow(seconds=30)))
    monkeypatch.setattr(module, "_CHUNK_MESSAGES", chunk)
    monkeypatch.setattr(module, "_BATCH", batch)
    assert same(arrivals_of(all_messages(make_flow(seconds=30))), whole)


def test_the_book_does_not_depend_on_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> Market:
        market = Market("XTST", make_flow(seconds=60))
        market.advance(60 * SECOND)
        market.book.flush()
        check_book(market.book)
        return market

    whole = run()
    monkeypatch.setattr(module, "_CHUNK_MESSAGES", 100)
    pieces = run()
    assert len(whole.book.prints) > 100
    assert np.array_equal(whole.book.prints.since(), pieces.book.prints.since())
    assert np.array_equal(whole.book.quotes.since(), pieces.book.quotes.since())
    assert [whole.book.depth(side) for side in range(2)] == [pieces.book.depth(side) for side in range(2)]


def test_messages_are_in_order_of_time_across_chunks_and_within_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK_MESSAGES", 50)
    times = all_messages(make_flow(start_ns=5 * SECOND, end_ns=40 * SECOND))[:, 0]
    assert (np.diff(times) >= 0).all()
    assert (times[0], bool(times[-1] < 40 * SECOND), bool(times[-1] > 39 * SECOND)) == (5 * SECOND, True, True)


def test_each_class_and_each_of_its_properties_has_its_own_stream() -> None:
    usual = arrivals_of(all_messages(make_flow()))
    for changes, unchanged in (
        ({"market_rate_per_s": 9.0}, at.LIMIT_AWAY),
        ({"limit_rates_per_s": (1.0,)}, at.MARKET_ORDER),
        ({"limit_size": LogNormalSize(9, 1.0)}, at.MARKET_ORDER),
    ):
        other = arrivals_of(all_messages(make_flow(**changes)))
        assert np.array_equal(usual.rows[usual.of(unchanged)], other.rows[other.of(unchanged)])
    larger = arrivals_of(all_messages(make_flow(limit_size=LogNormalSize(9, 1.0))))
    limits = [arrivals.rows[arrivals.of(at.LIMIT_AWAY)][:, [0, 2, 4]] for arrivals in (usual, larger)]
    assert np.array_equal(*limits), "sizes of another distribution changed times, distances or sides"


def test_the_flow_counts_the_messages_that_were_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK_MESSAGES", 200)
    times = all_messages(make_flow(seconds=20))[:, 0]
    market = Market("XTST", make_flow(seconds=20))
    for time in (0, 3 * SECOND, 11 * SECOND, 30 * SECOND):
        market.advance(time)
        assert market.flow.applied(time) == int((times <= time).sum())


def test_memory_for_references_follows_the_orders_that_live_and_not_those_that_came() -> None:
    flow = make_flow(seconds=20_000)
    messages = all_messages(flow)
    orders = int((messages[:, 1] == at.LIMIT_AWAY).sum())
    assert orders > 300_000
    assert flow.references < 60_000


# --- distributions ---


LONG_S = 5_000
BATCHES = 25


@pytest.fixture(scope="module")
def long() -> Arrivals:
    return arrivals_of(all_messages(make_flow(seed=11, seconds=LONG_S)))


@pytest.mark.parametrize(("kind", "rate"), [(at.LIMIT_AWAY, sum(RATES)), (at.MARKET_ORDER, 2.0)])
@pytest.mark.parametrize("side", [0, 1])
def test_orders_come_at_their_rate_as_a_poisson_process(long: Arrivals, kind: int, rate: float, side: int) -> None:
    times = long.rows[long.of(kind, side), 0]
    assert abs(len(times) - rate * LONG_S) <= 4 * math.sqrt(rate * LONG_S)
    windows = 1000
    counts = np.histogram(times, windows, (0, LONG_S * SECOND))[0]
    fano = counts.var(ddof=1) / counts.mean()
    assert abs(fano - 1) <= 4 * math.sqrt(2 / (windows - 1))


@pytest.mark.parametrize("side", [0, 1])
def test_distances_have_their_frequencies(long: Arrivals, side: int) -> None:
    distances = long.rows[long.of(at.LIMIT_AWAY, side), 2]
    assert set(np.unique(distances)) == {100, 200, 300, 400}
    for i, rate in enumerate(RATES):
        p = rate / sum(RATES)
        share = (distances == 100 * (i + 1)).mean()
        assert abs(share - p) <= 4 * math.sqrt(p * (1 - p) / len(distances))


@pytest.mark.parametrize(("kind", "mean"), [(at.LIMIT_AWAY, 3.0), (at.MARKET_ORDER, None)])
@pytest.mark.parametrize("side", [0, 1])
def test_sizes_have_their_mean(long: Arrivals, kind: int, mean: float | None, side: int) -> None:
    sizes = long.rows[long.of(kind, side), 3]
    if mean is None:  # rounded up: take the mean from the distribution itself
        mean = float(LogNormalSize(4, 0.5).sample(np.random.default_rng(3), 4_000_000).mean())
    batches = sizes[: len(sizes) // BATCHES * BATCHES].reshape(BATCHES, -1).mean(axis=1)
    assert abs(batches.mean() - mean) <= 4 * batches.std(ddof=1) / math.sqrt(BATCHES)


def test_lifetimes_are_exponential_whatever_the_age_of_the_order(long: Arrivals) -> None:
    early = long.of(at.LIMIT_AWAY) & (long.rows[:, 0] < (LONG_S - 40) * SECOND)
    lives = (long.cancelled[early] - long.rows[early, 0]) / SECOND
    assert lives.min() > 0
    batches = lives[: len(lives) // BATCHES * BATCHES].reshape(BATCHES, -1).mean(axis=1)
    assert abs(batches.mean() - 1 / 0.8) <= 4 * batches.std(ddof=1) / math.sqrt(BATCHES)
    for times in (0.5, 1, 2):
        p = math.exp(-times)
        assert abs((lives > times / 0.8).mean() - p) <= 4 * math.sqrt(p * (1 - p) / len(lives))


def test_lots_multiply_sizes() -> None:
    one, hundred = (arrivals_of(all_messages(make_flow(lot=lot))) for lot in (1, 100))
    assert np.array_equal(one.rows[:, 3] * 100, hundred.rows[:, 3])


def test_the_book_begins_around_the_start_price_with_both_sides_shown() -> None:
    for seed in range(20):
        market = Market("XTST", make_flow(seed=seed, limit_rates_per_s=(0.01, 0.5, 0.5)))
        market.advance(0)
        quote = market.book.quote()
        assert (quote.bid, quote.ask) == (10_000 * 100, 10_001 * 100)


def test_at_the_start_as_many_orders_rest_as_would_in_the_long_run() -> None:
    opening = [make_flow(seed=seed, limit_rates_per_s=(8.0,) * 10).next_messages() for seed in range(200)]
    counts = np.array([len(rows) for rows in opening if rows is not None])
    assert abs(counts.mean() - 200) <= 4 * math.sqrt(200 / 200)


def test_far_from_the_touch_the_depth_is_the_rate_over_the_cancel_rate() -> None:
    # 60 ticks of one rate: what is 20 to 40 ticks away was within reach and out of the touch's for many lifetimes.
    rate, cancel = 0.6, 0.2
    flow = make_flow(
        seed=5,
        seconds=4_000,
        limit_rates_per_s=(rate,) * 60,
        cancel_rate_per_s=cancel,
        market_rate_per_s=1.0,
        limit_size=ConstantSize(2),
        market_size=ConstantSize(2),
    )
    market = Market("XTST", flow)
    found = []
    for time in range(40, 4_000, 20):  # four lifetimes apart
        market.advance(time * SECOND)
        best = market.book.quote().bid
        assert best is not None
        for side, sign in ((0, -1), (1, 1)):
            depth = {price: (count, shown) for price, shown, count in market.book.depth(side)}
            far = [depth.get(best + sign * distance * 100, (0, 0)) for distance in range(20, 41)]
            assert all(shown == 2 * count for count, shown in far)
            found.append(np.mean([count for count, _ in far]))
    batches = np.array(found[: len(found) // BATCHES * BATCHES]).reshape(BATCHES, -1).mean(axis=1)
    error = batches.std(ddof=1) / math.sqrt(BATCHES)
    assert error < 0.01 * rate / cancel
    assert abs(batches.mean() - rate / cancel) <= 4 * error


# --- common random numbers ---


class Overheard:
    """A flow that keeps every chunk it hands out."""

    def __init__(self, flow: ZeroIntelligence) -> None:
        self._flow = flow
        self.tick_quanta = flow.tick_quanta
        self.chunks: list[Array] = []

    @property
    def references(self) -> int:
        return self._flow.references

    def next_messages(self) -> Array | None:
        chunk = self._flow.next_messages()
        if chunk is not None:
            self.chunks.append(chunk.copy())
        return chunk

    def applied(self, time_ns: int) -> int:
        return self._flow.applied(time_ns)


def run_with(price_ticks: int | None) -> tuple[Desk, Array, Order | None]:
    """Half a minute of market, with an order of ours from the third second on, or without."""
    heard: list[Overheard] = []

    def factory(sim: Simulation, instrument: Instrument, hours: TradingHours) -> Flow:
        heard.append(Overheard(make_flow(sim, seconds=30)))
        return heard[0]

    desk = make_desk(factory, closes="30s", seed=8)
    desk.sim.run("3s")
    order = None
    if price_ticks is not None:
        touch = desk.quote_ticks()[0]
        assert touch is not None
        order = desk.send(OrderSide.BUY, 40, touch + price_ticks)
    desk.sim.run(30 * SECOND - 1)
    desk.market.book.flush()
    return desk, np.concatenate(heard[0].chunks), order


def test_an_order_of_ours_that_never_fills_changes_nothing_but_itself() -> None:
    (desk, messages, order), (alone, messages_alone, _) = run_with(-60), run_with(None)
    assert order is not None
    assert (order.status, order.filled_quantity) == (OrderStatus.SUBMITTED, 0)
    assert np.array_equal(messages, messages_alone), "a background arrival or lifetime has changed"
    book, book_alone = desk.market.book, alone.market.book
    assert order.price_ticks is not None
    ours = (order.price_ticks * 100, 40, 1)
    assert [row for row in book.depth(0) if row != ours] == book_alone.depth(0)
    assert ours in book.depth(0)
    assert book.depth(1) == book_alone.depth(1)
    for side in range(2):
        for price, _, _ in book_alone.depth(side):
            assert book.queue(side, price) == book_alone.queue(side, price)
    assert len(book.prints) > 50
    assert np.array_equal(book.prints.since(), book_alone.prints.since())
    assert np.array_equal(book.quotes.since(), book_alone.quotes.since())


@pytest.mark.parametrize("offset", [0, 1])
def test_with_an_order_of_ours_at_the_touch_the_background_is_drawn_the_same(offset: int) -> None:
    (desk, messages, order), (alone, messages_alone, _) = run_with(offset), run_with(None)
    assert order is not None
    assert order.filled_quantity > 0
    assert not np.array_equal(desk.market.book.prints.since(), alone.market.book.prints.since())
    assert np.array_equal(messages, messages_alone), "times, sides, distances, sizes or lifetimes have changed"


def test_background_cancellation_never_cancels_ours() -> None:
    def factory(sim: Simulation, instrument: Instrument, hours: TradingHours) -> Flow:
        return make_flow(sim, seconds=60, cancel_rate_per_s=20.0, market_rate_per_s=0.0)

    desk = make_desk(factory, closes="60s")
    order = desk.send(OrderSide.BUY, 5, 9_990)
    desk.sim.run("59s")
    assert order.status is OrderStatus.SUBMITTED
    check_book(desk.market.book)
    desk.finish()
    assert order.status is OrderStatus.EXPIRED


# --- dimensional analysis: what scales, to the last digit ---


def quotes_of(**changes: Any) -> Array:
    market = Market("XTST", make_flow(seed=3, limit_size=ConstantSize(1), market_size=ConstantSize(1), **changes))
    market.advance(10**6 * SECOND)
    market.book.flush()
    return market.book.quotes.since()


def test_scaling_all_rates_scales_time_and_nothing_else() -> None:
    usual = quotes_of(seconds=200)
    fast = quotes_of(
        seconds=50,
        limit_rates_per_s=[4 * rate for rate in RATES],
        cancel_rate_per_s=4 * 0.8,
        market_rate_per_s=4 * 2.0,
    )
    assert len(usual) > 1_000
    assert np.array_equal(fast[:, 1:], usual[:, 1:])
    assert np.abs(4 * fast[:, 0] - usual[:, 0]).max() < 10_000, "rounded to whole ns, over and over"


def test_doubling_the_limit_rate_a_price_unit_and_halving_the_tick_halves_every_price() -> None:
    # the rate a tick stays: so do all draws
    usual, fine = quotes_of(seconds=200), quotes_of(seconds=200, tick_quanta=50, start_price=10_000 * 50)
    assert np.array_equal(usual[:, [0, 2, 4]], fine[:, [0, 2, 4]])
    shown = (usual[:, 2] > 0) & (usual[:, 4] > 0)
    assert np.array_equal(usual[shown][:, [1, 3]], 2 * fine[shown][:, [1, 3]])


# --- activity ---

U_SHAPE = [(0, 3.0), (40 * SECOND, 0.5), (100 * SECOND, 2.0)]


def test_an_activity_moves_the_same_arrivals_and_leaves_lifetimes() -> None:
    activity = Activity(U_SHAPE)
    plain, busy = (arrivals_of(all_messages(make_flow(**changes))) for changes in ({}, {"activity": activity}))
    for kind in (at.LIMIT_AWAY, at.MARKET_ORDER):
        for side in range(2):
            one, other = plain.of(kind, side), busy.of(kind, side)
            moved = times_of(activity.knots(0), 0, plain.rows[one, 0], module._NEVER)
            count = min(one.sum(), other.sum())
            assert count > 100
            assert np.array_equal(moved[:count], busy.rows[other, 0][:count])
            assert np.array_equal(plain.rows[one][:count, 1:], busy.rows[other][:count, 1:])
            done = (plain.cancelled[one][:count] >= 0) & (busy.cancelled[other][:count] >= 0)
            lives = [(a.cancelled[of] - a.rows[of, 0])[:count][done] for a, of in ((plain, one), (busy, other))]
            assert np.array_equal(*lives)


def test_arrivals_follow_the_activity_and_keep_their_mean_rate() -> None:
    activity = Activity(U_SHAPE)
    counts = np.zeros(10)
    for seed in range(40):
        arrivals = arrivals_of(all_messages(make_flow(seed=seed, activity=activity)))
        limits = arrivals.rows[arrivals.of(at.LIMIT_AWAY), 0]
        counts += np.histogram(limits, 10, (0, 100 * SECOND))[0]
    total = 40 * 100 * 2 * sum(RATES)
    assert abs(counts.sum() - total) <= 4 * math.sqrt(total)
    fine = np.array([activity.at((2 * i + 1) * SECOND // 20) for i in range(1000)]).reshape(10, -1).mean(axis=1)
    assert (np.abs(counts - total / 10 * fine) <= 4 * np.sqrt(total / 10 * fine)).all()


def test_messages_with_an_activity_do_not_depend_on_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = arrivals_of(all_messages(make_flow(activity=Activity(U_SHAPE))))
    monkeypatch.setattr(module, "_CHUNK_MESSAGES", 60)
    monkeypatch.setattr(module, "_BATCH", 7)
    assert same(arrivals_of(all_messages(make_flow(activity=Activity(U_SHAPE)))), whole)


# --- informed orders ---


def pulled_flow(
    sim: Simulation, *, value: float, rate: float = 3.0, seconds: float = 100, **changes: Any
) -> ZeroIntelligence:
    """Informed orders that know a constant value, in quanta."""
    fundamental = Fundamental(
        sim.rng,
        "value",
        start_value=value,
        mean_value=value,
        reversion_per_s=0,
        volatility=0,
        step_ns=SECOND,
        start_ns=0,
    )
    return make_flow(
        sim,
        seconds=seconds,
        fundamental=fundamental,
        informed_rate_per_s=rate,
        informed_size=ConstantSize(2),
        **changes,
    )


def test_informed_orders_are_drawn_ahead_with_their_values_and_change_no_other_class() -> None:
    plain = arrivals_of(all_messages(make_flow()))
    sim = Simulation(seed=1)
    fundamental = Fundamental(
        sim.rng,
        "value",
        start_value=1e6,
        mean_value=1e6,
        reversion_per_s=0.1,
        volatility=300,
        step_ns=SECOND,
        start_ns=0,
    )
    flow = make_flow(sim, fundamental=fundamental, informed_rate_per_s=5.0, informed_size=GeometricSize(2), lot=10)
    pulled = arrivals_of(all_messages(flow))
    for kind in (at.LIMIT_AWAY, at.MARKET_ORDER):
        rows, others = plain.rows[plain.of(kind)].copy(), pulled.rows[pulled.of(kind)]
        rows[:, 3] *= 10
        assert np.array_equal(rows, others)
    informed = pulled.rows[pulled.of(at.VALUE_ORDER)]
    assert abs(len(informed) - 500) <= 4 * math.sqrt(500)
    assert np.array_equal(informed[:, 2], fundamental.at(informed[:, 0]))
    assert len(np.unique(informed[:, 2])) > 50
    assert abs(informed[:, 3].mean() / 10 - 2) <= 4 * math.sqrt(2 / len(informed))


@pytest.mark.parametrize("ticks", [-60, 0, 60])
def test_the_price_is_pulled_to_the_value(ticks: int) -> None:
    ends = []
    for seed in range(12):
        market = Market("XTST", pulled_flow(Simulation(seed=seed), value=(10_000 + ticks) * 100.0, seconds=300))
        market.advance(300 * SECOND)
        quote = market.book.quote()
        ends += [price / 100 - 10_000 for price in (quote.bid, quote.ask) if price is not None]
    assert abs(np.mean(ends) - ticks) < 8


def test_informed_orders_only_trade_towards_the_value() -> None:
    market = Market("XTST", pulled_flow(Simulation(seed=4), value=10_040 * 100.0, market_rate_per_s=0.0))
    market.advance(100 * SECOND)
    market.book.flush()
    prints = market.book.prints.since()
    assert len(prints) > 50
    bought = prints[:, 3] == 1
    assert (prints[bought, 1] < 10_100 * 100).all()
    first = prints[prints[:, 0] < 5 * SECOND]
    assert (first[:, 3] == 1).all(), "the value is far above the offers"
    assert (prints[~bought, 1] > 10_000 * 100).all()


# --- a book that is there already ---


def test_a_flow_goes_on_from_the_book_that_is_there() -> None:
    before = Market("XTST", make_flow(seed=1, seconds=10, cancel_rate_per_s=0.1))
    before.advance(10 * SECOND)
    book = before.book
    resting = [row[1] for side in range(2) for price, _, _ in book.depth(side) for row in book.queue(side, price)]
    first = before.flow.references
    flow = make_flow(
        seed=2, start_ns=10 * SECOND, end_ns=60 * SECOND, resting=resting, first_reference=first, cancel_rate_per_s=2.0
    )
    messages = all_messages(flow)
    assert messages[0, 0] >= 10 * SECOND
    assert at.ADD not in messages[:, 1]
    assert messages[messages[:, 1] == at.LIMIT_AWAY, 2].min() == first
    cancelled = {ref: time for time, kind, ref, *_ in messages[::-1].tolist() if kind == at.CANCEL}
    assert set(resting) <= set(cancelled)
    lives = np.array([cancelled[ref] for ref in resting]) / SECOND - 10
    assert abs(lives.mean() - 0.5) <= 4 * 0.5 / math.sqrt(len(lives))
    assert len(resting) > 30


def test_a_flow_may_begin_with_a_book_in_which_nothing_of_the_background_rests() -> None:
    messages = all_messages(make_flow(resting=(), first_reference=7, seconds=20))
    assert at.ADD not in messages[:, 1]
    assert messages[messages[:, 1] == at.LIMIT_AWAY, 2].min() == 7


# --- extremes ---


def test_a_flow_without_market_orders_has_none() -> None:
    messages = all_messages(make_flow(market_rate_per_s=0.0))
    assert at.MARKET_ORDER not in messages[:, 1]


def test_a_distance_without_orders_has_none() -> None:
    arrivals = arrivals_of(all_messages(make_flow(limit_rates_per_s=(0.0, 3.0, 0.0, 1.0))))
    assert set(arrivals.rows[arrivals.of(at.LIMIT_AWAY), 2]) == {200, 400}


@pytest.mark.parametrize("rate", [1e-3, 1e-7, 1e-12])
def test_events_too_rare_to_come_do_not_come_and_do_not_overflow_the_clock(rate: float) -> None:
    messages = all_messages(
        make_flow(seconds=10, market_rate_per_s=rate, limit_rates_per_s=(rate,), cancel_rate_per_s=rate)
    )
    assert (np.diff(messages[:, 0]) >= 0).all()
    assert (messages[:, 0] >= 0).all()
    assert len(messages) < 10


def test_a_price_that_falls_to_the_last_tick_stays_there() -> None:
    flow = make_flow(start_price=3 * 100, market_rate_per_s=6.0, seconds=200, limit_rates_per_s=(1.0, 2.0, 4.0))
    market = Market("XTST", flow)
    market.advance(200 * SECOND)
    check_book(market.book)
    market.book.flush()
    prints = market.book.prints.since()
    assert len(prints) > 500
    assert prints[:, 1].min() >= 100
    assert set(prints[:, 1] % 100) == {0}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"limit_rates_per_s": ()}, r"limit_rates_per_s \[\]"),
        ({"limit_rates_per_s": (0.0, 0.0)}, "one of them positive"),
        ({"limit_rates_per_s": (1.0, -1.0)}, r"-1\.0"),
        ({"limit_rates_per_s": (math.nan,)}, "nan"),
        ({"limit_rates_per_s": (math.inf,)}, "inf"),
        ({"cancel_rate_per_s": 0.0}, r"cancel_rate_per_s 0\.0 must be positive"),
        ({"cancel_rate_per_s": math.nan}, "cancel_rate_per_s nan"),
        ({"market_rate_per_s": -2.0}, r"-2\.0 not negative"),
        ({"market_rate_per_s": math.inf}, "inf a second"),
        ({"limit_rates_per_s": (1e10,), "cancel_rate_per_s": 1e10}, "1e.10"),
        ({"cancel_rate_per_s": 1e-9}, "would fill a side with 1e.10 orders at the start"),
        ({"informed_rate_per_s": -1.0}, r"informed_rate_per_s -1\.0"),
        ({"informed_rate_per_s": 2.0}, "needs a fundamental and an informed_size"),
        ({"resting": [3, 9], "first_reference": 9}, "first_reference 9 must be above the 9"),
    ],
)
def test_wrong_rates_are_refused_with_the_value(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        make_flow(**changes)
