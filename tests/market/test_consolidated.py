"""The best bid and offer over venues, each seen by its own delay."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.errors import InputError
from simexec.market.consolidated import ConsolidatedQuote, ConsolidatedView
from simexec.market.market import Market
from simexec.market.view import MarketView, Trade
from simexec.protocols import DurationModel
from simexec.sim import Constant, Exponential, Simulation
from simexec.testing import Message, ScriptedFlow, background_cancel, background_market_order, background_order
from simexec.trading.vocabulary import OrderSide

from .seen import Step, lively

BUY, SELL = OrderSide.BUY, OrderSide.SELL


class Venues:
    """Markets X1, X2, ... in one simulation, each seen with its own latency."""

    def __init__(self, *markets: tuple[list[Message], DurationModel]) -> None:
        self.sim = Simulation(seed=3)
        self.views = []
        for i, (messages, latency) in enumerate(markets, start=1):
            market = Market(f"X{i}", ScriptedFlow(messages))
            market.couple(self.sim)
            self.views.append(MarketView(self.sim, market, latency))
        self.best = ConsolidatedView(self.views)

    def at(self, time: int) -> ConsolidatedQuote | None:
        self.sim.run(time)
        return self.best.quote()


def quoting(time: int, bid: int, ask: int, size: int = 5) -> list[Message]:
    return [background_order(time, BUY, bid, size, 0), background_order(time, SELL, ask, size, 1)]


def test_the_best_prices_have_their_sizes_summed_and_their_venues_named() -> None:
    venues = Venues(
        (quoting(0, 99, 102), Constant(10)),
        (quoting(0, 99, 101, 7), Constant(10)),
        (quoting(0, 98, 101, 1), Constant(10)),
    )
    assert venues.at(9) is None
    assert venues.at(10) == ConsolidatedQuote(0, 99, 12, ("X1", "X2"), 101, 8, ("X2", "X3"))


def test_a_venue_is_seen_by_its_own_delay() -> None:
    venues = Venues((quoting(0, 99, 102), Constant(10)), (quoting(0, 100, 101), Constant(50)))
    assert venues.at(49) == ConsolidatedQuote(0, 99, 5, ("X1",), 102, 5, ("X1",))
    assert venues.at(50) == ConsolidatedQuote(0, 100, 5, ("X2",), 101, 5, ("X2",))


@pytest.mark.parametrize(("bid", "locked", "crossed"), [(100, False, False), (101, True, False), (102, False, True)])
def test_stale_quotes_may_be_locked_or_crossed_and_are_shown_as_they_are(bid: int, locked: bool, crossed: bool) -> None:
    """Both venues move up together; one of them is seen late."""
    up = [background_cancel(100, 1), background_order(100, BUY, bid, 5, 2), background_order(100, SELL, 105, 5, 3)]
    venues = Venues(([*quoting(0, 99, 101), *up], Constant(10)), ([*quoting(0, 99, 101), *up], Constant(80)))
    quote = venues.at(150)
    assert quote is not None
    assert (quote.bid, quote.bid_venues, quote.ask, quote.ask_venues) == (bid, ("X1",), 101, ("X2",))
    assert (quote.is_locked, quote.is_crossed) == (locked, crossed)
    later = venues.at(180)
    assert later is not None
    assert (later.is_locked, later.is_crossed, later.ask_venues) == (False, False, ("X1", "X2"))


def test_its_age_is_that_of_the_oldest_quote_it_is_made_of() -> None:
    venues = Venues((quoting(100, 99, 103), Constant(10)), (quoting(300, 98, 102), Constant(10)))
    assert venues.best.age_ns() is None
    venues.at(200)
    assert venues.best.age_ns() == 100
    assert venues.at(400) == ConsolidatedQuote(100, 99, 5, ("X1",), 102, 5, ("X2",))
    assert venues.best.age_ns() == 300


def test_a_side_that_no_venue_shows_is_empty() -> None:
    venues = Venues(([background_order(0, BUY, 99, 5, 0), background_cancel(50, 0)], Constant(0)), ([], Constant(0)))
    assert venues.at(10) == ConsolidatedQuote(0, 99, 5, ("X1",), None, 0, ())
    assert venues.at(60) == ConsolidatedQuote(50, None, 0, (), None, 0, ())


def test_a_change_behind_the_best_prices_wakes_nobody() -> None:
    behind = [
        background_order(100, BUY, 90, 5, 2),
        background_order(200, BUY, 95, 1, 3),
        background_order(300, BUY, 99, 1, 4),
    ]
    venues = Venues((quoting(0, 99, 101), Constant(10)), ([background_order(0, BUY, 89, 5, 0), *behind], Constant(10)))

    async def main() -> tuple[int, ConsolidatedQuote]:
        await venues.sim.timeout(20)
        quote = await venues.best.changes()
        return venues.sim.now, quote

    assert venues.sim.run(main()) == (310, ConsolidatedQuote(0, 99, 6, ("X1", "X2"), 101, 5, ("X1",)))


def trading(bid: int, ask: int, *times: int) -> list[Message]:
    """A unit is sold to the bid at each of these times."""
    return [*quoting(0, bid, ask), *(background_market_order(time, SELL, 1) for time in times)]


def test_what_has_been_seen_to_trade_is_summed_over_venues() -> None:
    venues = Venues((trading(99, 101, 100, 200), Constant(10)), (trading(98, 101, 150), Constant(100)))
    assert [(venues.at(time), venues.best.traded_quantity())[1] for time in (109, 110, 249, 250)] == [0, 1, 2, 3]


def test_the_next_trade_is_the_first_that_arrives_from_any_venue() -> None:
    """X2's trade at 150 is seen at 250, behind both of X1; of two at one nanosecond the first venue's is told."""
    venues = Venues((trading(99, 101, 100, 200, 420), Constant(10)), (trading(98, 101, 150, 330), Constant(100)))
    seen: list[tuple[int, Trade]] = []

    async def main() -> None:
        for _ in range(4):
            trade = await venues.best.next_trade()
            seen.append((venues.sim.now, trade))

    venues.sim.run(main())
    assert [(now, trade.time_ns, trade.price, trade.quantity) for now, trade in seen] == [
        (110, 100, 99, 1), (210, 200, 99, 1), (250, 150, 98, 1), (430, 420, 99, 1),
    ]  # fmt: skip


steps: st.SearchStrategy[list[Step]] = st.lists(
    st.tuples(
        st.integers(0, 15), st.integers(0, 2), st.sampled_from([BUY, SELL]), st.integers(0, 4), st.integers(1, 6)
    ),
    max_size=20,
)


@settings(max_examples=100)
@given(
    first=steps, second=steps,
    latencies=st.lists(st.sampled_from([Constant(0), Constant(30), Exponential(20)]), min_size=2, max_size=2),
    price=st.integers(97, 103), side=st.sampled_from([BUY, SELL]), start=st.integers(0, 200),
)  # fmt: skip
def test_waiting_wakes_at_the_first_nanosecond_at_which_looking_all_the_time_would_show_it(
    first: list[Step], second: list[Step], latencies: list[DurationModel], price: int, side: OrderSide, start: int
) -> None:
    markets = list(zip((lively(first), lively(second)), latencies, strict=True))
    watched, waiting = Venues(*markets), Venues(*markets)
    history = [(time, watched.at(time)) for time in range(start, 600)]

    def fits(quote: ConsolidatedQuote | None) -> bool:
        if quote is None:
            return False
        if side is BUY:
            return quote.ask is not None and quote.ask <= price
        return quote.bid is not None and quote.bid >= price

    def content(quote: ConsolidatedQuote | None) -> object:
        return quote and (quote.bid, quote.bid_size, quote.bid_venues, quote.ask, quote.ask_size, quote.ask_venues)

    woken: dict[str, list[tuple[int, ConsolidatedQuote]]] = {"crosses": [], "changes": []}

    async def cross() -> None:
        await waiting.sim.timeout(start)
        quote = await waiting.best.crosses(price, side)
        woken["crosses"].append((waiting.sim.now, quote))

    async def change() -> None:
        await waiting.sim.timeout(start)
        while True:
            quote = await waiting.best.changes()
            woken["changes"].append((waiting.sim.now, quote))

    waiting.sim.process(cross())
    waiting.sim.process(change())
    waiting.sim.run(600)
    assert woken["crosses"] == [(time, quote) for time, quote in history if fits(quote)][:1]
    assert woken["changes"] == [
        (time, quote) for (_, before), (time, quote) in pairwise(history) if content(before) != content(quote)
    ]
    waiting.sim.close()


def test_it_needs_one_view_of_each_venue_in_one_simulation() -> None:
    venues, others = (
        Venues((quoting(0, 99, 101), Constant(0))),
        Venues((quoting(0, 99, 101), Constant(0)), ([], Constant(0))),
    )
    again = MarketView(venues.sim, venues.views[0].market, Constant(0), stream="again")
    with pytest.raises(InputError, match="no venues"):
        ConsolidatedView([])
    with pytest.raises(InputError, match="X1, X1"):
        ConsolidatedView([venues.views[0], again])
    with pytest.raises(InputError, match="different simulations"):
        ConsolidatedView([venues.views[0], others.views[1]])
