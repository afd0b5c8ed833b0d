"""Quotes seen from a distance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.market.market import Market
from simexec.market.order_book import Quote
from simexec.market.view import MarketView
from simexec.protocols import DurationModel
from simexec.sim import Constant, Exponential, LogNormal, Uniform, millis
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
    """A market and a view of it, at a time that the test sets."""

    def __init__(self, messages: list[Message], latency: DurationModel, seed: int = 1) -> None:
        self.now = 0
        self.market = Market("XTST", ScriptedFlow(messages))
        self.view = MarketView(self.market, latency, np.random.default_rng(seed), lambda: self.now)

    def at(self, time: int) -> Quote | None:
        """What is seen at a time."""
        self.now = time
        self.market.advance(time)
        return self.view.quote()


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
    for time, latency in zip(times, model.sample(np.random.default_rng(seed), len(times)).tolist(), strict=True):
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
    other = MarketView(watcher.market, Exponential(900), np.random.default_rng(2), lambda: watcher.now)
    pairs = [(watcher.at(time), other.quote()) for time in range(0, 9_000, 10)]
    assert any(one != two for one, two in pairs)
    assert watcher.at(10**6) == other.quote()


def test_a_lonely_quote_arrives_after_exactly_its_own_latency() -> None:
    count, gap, latency = 500, millis(100), Exponential(millis(2))
    delays = latency.sample(np.random.default_rng(1), count).tolist()
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


@pytest.mark.parametrize("latency", [Constant(0), Exponential("5ms")])
def test_a_view_forgets_what_can_not_be_seen_again(latency: DurationModel) -> None:
    watcher = Watcher(improving(*range(0, 10**6, 100)), latency)
    for time in range(0, 10**6, 5_000):
        watcher.at(time)
    watcher.at(10**12)
    assert len(watcher.view._arrivals) == 1
