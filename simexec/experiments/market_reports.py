"""What each market of a run was like."""

from __future__ import annotations

from simexec.analysis.result import MarketReport, no_rows
from simexec.config.venue import HistoryMode
from simexec.experiments.build import ListedMarket, World
from simexec.market import layout as at
from simexec.market.market import Market


def report_markets(world: World, history: HistoryMode) -> tuple[MarketReport, ...]:
    """A report of every market, that of the order first; of prints and quotes as far as history is kept."""
    return tuple(_report(one, int(world.sim.now), history) for one in world.markets)


def _report(listed: ListedMarket, now: int, history: HistoryMode) -> MarketReport:
    market, name = listed.market, listed.settings.name
    messages = quote = None
    quotes, queues = no_rows(5), no_rows(5)
    prints = market.book.prints.since()
    if isinstance(market, Market):
        messages, quote = market.flow.applied(now), market.book.quote()
        trades = int(market.book.arrays.state[at.TRADES])
        quotes, queues = market.book.quotes.since(), market.book.queues.since()
    else:
        trades = len(prints)
    return MarketReport(
        name,
        listed.instrument,
        listed.settings.is_dark,
        messages,
        trades,
        quote,
        listed.venue.name,
        listed.venue.statistics(),
        quotes,
        no_rows(6) if history is HistoryMode.OFF else prints,
        queues,
        listed.venue.order_numbers,
    )
