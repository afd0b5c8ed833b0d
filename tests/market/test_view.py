"""Quotes seen from a distance."""

from __future__ import annotations

import datetime as dt
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.errors import DataError, InputError
from simexec.market.arrivals import ArrivalModel, RecordedLatency
from simexec.market.market import Market
from simexec.market.order_book import Quote
from simexec.market.recording import Recording
from simexec.market.view import MarketView
from simexec.protocols import DurationModel
from simexec.sim import Constant, Exponential, LogNormal, Simulation, Uniform, millis
from simexec.testing import (
    Message,
    ScriptedFlow,
    background_cancel,
    background_market_order,
    background_order,
    make_desk,
    random_flow,
)
from simexec.trading.vocabulary import OrderSide

BUY, SELL = OrderSide.BUY, OrderSide.SELL


class Watcher:
    """A market in a simulation, and a view of it."""

    def __init__(self, messages: list[Message], latency: DurationModel | ArrivalModel, seed: int = 1) -> None:
        self.sim = Simulation(seed=seed)
        self.market = Market("XTST", ScriptedFlow(messages))
        self.market.couple(self.sim)
        self.view = MarketView(self.sim, self.market, latency)

    def at(self, time: int) -> Quote | None:
        """What is seen at a time."""
        self.sim.run(time)
        return self.view.quote()


def draws(model: DurationModel, seed: int, size: int) -> list[int]:
    """The latencies of a watcher's quotes."""
    return model.sample(Simulation(seed=seed).rng("view.XTST"), size).tolist()


def improving(*times: int) -> list[Message]:
    """A better bid at each of these times: 1, 2, 3, ..."""
    return [background_order(time, BUY, i + 1, 10, i) for i, time in enumerate(times)]


def bids(watcher: Watcher, times: list[int]) -> list[int | None]:
    quotes = [watcher.at(time) for time in times]
    return [None if quote is None else quote.bid for quote in quotes]


def test_nothing_is_seen_before_the_first_quote_has_arrived() -> None:
    watcher = Watcher(improving(100), Constant(50))
    assert bids(watcher, [0, 99, 100, 149, 150, 10_000]) == [None, None, None, None, 1, 1]


def test_nothing_is_ever_seen_of_a_market_that_never_quoted() -> None:
    assert Watcher([], Constant(0)).at(10**12) is None


def test_constant_latency_shows_the_market_exactly_that_long_ago() -> None:
    watcher = Watcher(improving(100, 110, 200, 201), Constant(50))
    assert bids(watcher, [150, 159, 160, 249, 250, 251]) == [1, 1, 2, 2, 3, 4]


def test_without_latency_the_present_quote_is_seen() -> None:
    watcher = Watcher(improving(100, 110), Constant(0))
    assert bids(watcher, [99, 100, 109, 110]) == [None, 1, 1, 2]


def test_a_quote_carries_the_markets_time_and_what_was_there() -> None:
    messages = [
        background_order(5, BUY, 10, 3, 0),
        background_order(6, SELL, 12, 4, 1),
        background_order(7, BUY, 10, 2, 2),
    ]
    watcher = Watcher(messages, Constant(100))
    assert watcher.at(105) == Quote(5, 10, 3, None, 0)
    assert watcher.at(106) == Quote(6, 10, 3, 12, 4)
    assert watcher.at(107) == Quote(7, 10, 5, 12, 4)


def test_a_side_that_has_emptied_is_seen_as_empty() -> None:
    messages = [background_order(5, BUY, 10, 3, 0), background_order(5, SELL, 12, 4, 1), background_cancel(9, 0)]
    watcher = Watcher(messages, Constant(1))
    assert watcher.at(10) == Quote(9, None, 0, 12, 4)


def test_of_several_changes_of_one_time_the_last_is_seen() -> None:
    messages = [*improving(5, 5, 5), background_market_order(5, SELL, 10)]
    watcher = Watcher(messages, Constant(1))
    assert bids(watcher, [5, 6]) == [None, 2]


@given(
    gaps=st.lists(st.integers(0, 60), min_size=1, max_size=40),
    looks=st.lists(st.integers(0, 4_000), min_size=1, max_size=40),
    seed=st.integers(0, 1000),
    model=st.sampled_from([Constant(40), Uniform(0, 200), Exponential(80), LogNormal(30, 1.5, 5)]),
)
def test_quotes_arrive_at_max_of_the_arrival_before_and_time_plus_latency(
    gaps: list[int], looks: list[int], seed: int, model: DurationModel
) -> None:
    times = np.cumsum(gaps).tolist()
    watcher = Watcher(improving(*times), model, seed)
    arrivals = []
    for time, latency in zip(times, draws(model, seed, len(times)), strict=True):
        arrivals.append(max(arrivals[-1] if arrivals else 0, time + latency))
    for look in sorted(looks):
        arrived = sum(arrival <= look for arrival in arrivals)
        quote = watcher.at(look)
        assert (0 if quote is None else quote.bid) == arrived


def test_quotes_never_run_backwards_under_random_latency_however_often_one_looks() -> None:
    times = list(range(0, 20_000, 7))
    looks = list(range(0, 40_000, 13))
    seen = [bid or 0 for bid in bids(Watcher(improving(*times), Exponential(900)), looks)]
    assert seen == sorted(seen)
    assert len(set(seen)) > 15
    lag = [look // 7 + 1 - bid for look, bid in zip(looks, seen, strict=True) if look < 20_000]
    assert max(lag) > 900 / 7


def test_looking_more_often_changes_nothing_of_what_is_seen() -> None:
    times = list(range(0, 20_000, 7))
    often = dict(
        zip(range(0, 30_000), bids(Watcher(improving(*times), Exponential(900)), list(range(30_000))), strict=True)
    )
    seldom = list(range(0, 30_000, 997))
    assert bids(Watcher(improving(*times), Exponential(900)), seldom) == [often[time] for time in seldom]


def test_two_views_of_one_market_have_latencies_of_their_own() -> None:
    watcher = Watcher(improving(*range(0, 5_000, 7)), Exponential(900))
    other = MarketView(watcher.sim, watcher.market, Exponential(900), stream="view.other")
    pairs = [(watcher.at(time), other.quote()) for time in range(0, 9_000, 10)]
    assert any(one != two for one, two in pairs)
    assert watcher.at(10**6) == other.quote()


def test_a_lonely_quote_arrives_after_exactly_its_own_latency() -> None:
    count, gap, latency = 500, millis(100), Exponential(millis(2))
    delays = draws(latency, 1, count)
    watcher = Watcher(improving(*range(0, count * gap, gap)), latency)
    for k, delay in enumerate(delays):
        assert bids(watcher, [k * gap + delay - 1, k * gap + delay]) == [k or None, k + 1]


def test_in_a_simulation_a_view_lags_the_market_by_its_latency() -> None:
    desk = make_desk(random_flow(), closes="3s", view_latency="7ms")
    history: list[tuple[int, Quote]] = []
    for step in range(1, 1_500):
        desk.sim.run(step * 2_000_000)
        seen = desk.view.quote()
        if seen is not None:
            history.append((desk.sim.now, seen))
    desk.market.book.flush()
    rows = desk.market.book.quotes.since()
    for now, quote in history:
        row = rows[np.searchsorted(rows[:, 0], now - millis(7), side="right") - 1]
        assert (quote.time_ns, quote.bid_size, quote.ask_size) == (row[0], row[2], row[4])
    assert len({quote.time_ns for _, quote in history}) > 200


@pytest.mark.parametrize("latency", [Constant(0), Exponential("5us")])
def test_a_view_forgets_what_can_not_be_seen_again(latency: DurationModel) -> None:
    watcher = Watcher(improving(*range(0, 10**6, 100)), latency)
    for time in range(0, 10**6, 5_000):
        watcher.at(time)
    watcher.at(10**12)
    assert watcher.view.quotes.in_transit == 0
    assert len(watcher.view.quotes._rows) == 1024


def test_a_view_made_later_begins_with_the_quote_and_the_depth_in_force() -> None:
    watcher = Watcher([*improving(100, 110), background_order(120, BUY, 1, 7, 2)], Constant(50))
    watcher.at(500)
    late = MarketView(watcher.sim, watcher.market, Constant(50), stream="view.late", depth_levels=3)
    assert watcher.at(549) is not None
    assert late.quote() is None
    watcher.at(550)
    assert late.quote() == Quote(500, 2, 10, None, 0)
    assert late.depth(BUY) == [(2, 10, 1), (1, 17, 2)]
    assert late.depth(SELL) == []


def test_depth_is_seen_with_latency_level_by_level() -> None:
    messages = [*improving(100, 200, 300), background_cancel(400, 1)]
    desk = Watcher(messages, Constant(0))
    view = MarketView(desk.sim, desk.market, Constant(50), stream="deep", depth_levels=2)
    seen = []
    for time in (149, 150, 250, 350, 450):
        desk.at(time)
        seen.append([price for price, _, _ in view.depth(BUY)])
    assert seen == [[], [1], [2, 1], [3, 2], [3, 1]]
    assert view.depth(BUY, 1) == [(3, 10, 1)]


@pytest.mark.parametrize("levels", [0, 3, -1])
def test_more_depth_than_a_view_can_see_is_refused(levels: int) -> None:
    watcher = Watcher(improving(100), Constant(0))
    view = MarketView(watcher.sim, watcher.market, Constant(0), stream="deep", depth_levels=2)
    with pytest.raises(InputError, match="depth_levels=2"):
        view.depth(BUY, levels)
    with pytest.raises(InputError, match="depth_levels=0"):
        watcher.view.depth(BUY)


def test_looking_at_trades_and_depth_changes_no_quotes_latency() -> None:
    def quotes(depth_levels: int) -> list[Quote | None]:
        watcher = Watcher([], Exponential(900), seed=7)
        market = Market("XTST2", ScriptedFlow(improving(*range(0, 5_000, 7))))
        market.couple(watcher.sim)
        view = MarketView(watcher.sim, market, Exponential(900), depth_levels=depth_levels)
        seen = []
        for time in range(0, 9_000, 10):
            watcher.at(time)
            if depth_levels:
                view.depth(BUY)
                view.last_trade()
            seen.append(view.quote())
        return seen

    assert quotes(0) == quotes(3)


def test_the_age_of_a_quote_is_counted_from_the_markets_own_time() -> None:
    watcher = Watcher(improving(100), Constant(50))
    assert watcher.at(149) is None
    assert watcher.view.age_ns() is None
    ages = []
    for time in (150, 151, 1_000):
        watcher.at(time)
        ages.append(watcher.view.age_ns())
    assert ages == [50, 51, 900]


def recording(times: list[int], arrivals: list[int] | None) -> Recording:
    """A recording of which only the times matter."""
    return Recording(
        source="file", symbol="X", date=dt.date(2000, 1, 3), start_ns=0, end_ns=10**6, levels=0, price_quanta_per_unit=100,
        tick_quanta=1, messages=np.empty((0, 6), np.int64), references=0, row_times=np.array(times, np.int64),
        windows=np.empty((0, 3), np.int64), counts={}, queue_head_executions=0, executed_visible=0, executed_hidden=0,
        final_shares=0, problems=(), defects={}, arrivals=None if arrivals is None else np.array(arrivals, np.int64),
    )  # fmt: skip


def test_a_recordings_own_arrivals_can_be_the_latency() -> None:
    times, arrivals = [100, 200, 300, 400], [107, 250, 340, 405]
    watcher = Watcher(improving(*times), RecordedLatency(recording(times, arrivals)))
    assert bids(watcher, [106, 107, 249, 250, 339, 340, 404, 405]) == [None, 1, 1, 2, 2, 3, 3, 4]


def test_what_happens_between_a_recordings_rows_takes_as_long_as_the_row_before() -> None:
    watcher = Watcher(improving(50, 150, 450), RecordedLatency(recording([100, 200], [107, 230])))
    assert bids(watcher, [56, 57, 156, 157, 479, 480]) == [None, 1, 1, 2, 2, 3]


def test_an_arrival_before_its_own_time_is_moved_to_it() -> None:
    watcher = Watcher(improving(100, 200), RecordedLatency(recording([100, 200], [90, 210])))
    assert bids(watcher, [99, 100, 209, 210]) == [None, 1, 1, 2]


def test_a_recording_without_arrivals_is_refused() -> None:
    watcher = Watcher(improving(100), RecordedLatency(recording([100], None)))
    with pytest.raises(DataError, match="no arrival times"):
        watcher.at(500)


@attrs.frozen
class Wrong:
    """A latency model of a user's own, with an error."""

    value: float
    mean_ns: float = 1.0

    def sample(self, rng: np.random.Generator, size: int) -> Any:
        return np.full(size, self.value)


@pytest.mark.parametrize(("value", "words"), [(0.5, "float64 numbers"), (-3, "-3 ns")])
def test_a_model_that_draws_no_durations_is_refused(value: float, words: str) -> None:
    watcher = Watcher(improving(100), Wrong(value))
    with pytest.raises(InputError, match=words):
        watcher.at(500)


def test_two_views_need_streams_of_their_own() -> None:
    watcher = Watcher([], Constant(0))
    with pytest.raises(InputError, match=r"view\.XTST"):
        MarketView(watcher.sim, watcher.market, Constant(0))
