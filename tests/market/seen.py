"""A naive account of what a view shows and when: row by row, from the whole history."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from simexec.market.layout import NO_PRICE
from simexec.market.market import Market
from simexec.market.order_book import Quote
from simexec.market.view import MarketView
from simexec.protocols import DurationModel
from simexec.sim import Simulation
from simexec.testing import (
    Message,
    ScriptedFlow,
    background_cancel,
    background_market_order,
    background_order,
    background_order_away,
)
from simexec.trading.vocabulary import OrderSide

BUY, SELL = OrderSide.BUY, OrderSide.SELL

Step = tuple[int, int, OrderSide, int, int]
"""Time since the step before, what happens (0 limit, 1 market, 2 cancel), side, distance or which order, quantity."""


def lively(steps: Sequence[Step]) -> list[Message]:
    """A book around 100, and what happens in it."""
    messages = [background_order(0, BUY, 99, 5, 0), background_order(0, SELL, 101, 5, 1)]
    time = 0
    for gap, what, side, choice, quantity in steps:
        time += gap
        if what == 0:
            messages.append(background_order_away(time, side, 1 + choice, quantity, len(messages)))
        elif what == 1:
            messages.append(background_market_order(time, side, quantity))
        else:
            messages.append(background_cancel(time, choice))
    return messages


@attrs.frozen
class Interruption:
    """A window of the feed, and when it was set."""

    set_ns: int
    start_ns: int
    end_ns: int
    loses: bool


class Watched:
    """A market with a view of it, in a simulation."""

    def __init__(
        self, messages: Sequence[Message], latency: DurationModel, *, seed: int = 1, depth_levels: int = 0, chunk: int | None = None
    ) -> None:  # fmt: skip
        self.sim = Simulation(seed=seed)
        self.market = Market("XTST", ScriptedFlow(messages, chunk=chunk))
        self.market.couple(self.sim)
        self.view = MarketView(self.sim, self.market, latency, depth_levels=depth_levels)
        self.latency = latency

    def quotes(self, interruptions: Sequence[Interruption] = ()) -> list[tuple[int, Quote]]:
        """Every quote of the run with its arrival."""
        self.market.book.flush()
        rows = self.market.book.quotes.since().tolist()
        due = self._arrivals("view.XTST", [row[0] for row in rows], interruptions)
        quotes = [
            Quote(time, None if bid == NO_PRICE else bid, bid_size, None if ask == NO_PRICE else ask, ask_size)
            for time, bid, bid_size, ask, ask_size in rows
        ]
        return [(arrival, quote) for (arrival, _), quote in zip(due, quotes, strict=True)]

    def trades(self, interruptions: Sequence[Interruption] = ()) -> list[tuple[int, int, bool]]:
        """Arrival and number of every trade of the run, and whether an outage has lost it."""
        self.market.book.flush()
        rows = self.market.book.prints.since().tolist()
        due = self._arrivals("view.XTST.trades", [row[0] for row in rows], interruptions)
        return [(arrival, row[5], lost) for (arrival, lost), row in zip(due, rows, strict=True)]

    def _arrivals(self, stream: str, times: list[int], interruptions: Sequence[Interruption]) -> list[tuple[int, bool]]:
        if not times:
            return []
        draws = self.latency.sample(Simulation(seed=self.sim.seed).rng(stream), len(times)).tolist()
        found: list[tuple[int, bool]] = []
        last = 0
        for time, draw in zip(times, draws, strict=True):
            last = max(last, time + draw)
            found.append(delayed(last, interruptions))
        return found


def delayed(arrival: int, interruptions: Sequence[Interruption]) -> tuple[int, bool]:
    """When what would arrive at a time arrives at last, and whether an outage loses it."""
    known: list[Interruption] = []
    due, lost = arrival, False
    for interruption in interruptions:
        if due <= interruption.set_ns:  # it is here
            break
        known.append(interruption)
        due, lost = arrival, False
        while inside := [one for one in known if one.start_ns <= due < one.end_ns]:
            first = next((one for one in inside if one.loses), inside[0])
            due, lost = first.end_ns, lost or first.loses
    return due, lost


def shown(quotes: Sequence[tuple[int, Quote]], now: int) -> Quote | None:
    """The quote seen at a time."""
    return next((quote for arrival, quote in reversed(quotes) if arrival <= now), None)


def first_moment(
    quotes: Sequence[tuple[int, Quote]], since: int, fits: Callable[[Quote], bool], *, at_once: bool
) -> tuple[int, Quote] | None:  # fmt: skip
    """When, from a time on, a quote that fits is seen first; only at a later arrival, unless ``at_once``."""
    now = shown(quotes, since)
    if at_once and now is not None and fits(now):
        return since, now
    for arrival, _ in quotes:
        if arrival > since:
            quote = shown(quotes, arrival)
            assert quote is not None
            if fits(quote):
                return arrival, quote
    return None


def crosses(price: int, side: OrderSide | None, quote: Quote | None) -> Callable[[Quote], bool]:
    """What a wait for a price that begins with this quote waits for."""

    def offer(later: Quote) -> bool:
        return later.ask is not None and later.ask <= price

    def bid(later: Quote) -> bool:
        return later.bid is not None and later.bid >= price

    if side is BUY:
        return offer
    if side is SELL:
        return bid
    if quote is not None and quote.bid is not None and price <= quote.bid:
        return offer
    if quote is not None and quote.ask is not None and price >= quote.ask:
        return bid
    return lambda later: offer(later) or bid(later)
