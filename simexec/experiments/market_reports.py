"""What each market of a run was like."""

from __future__ import annotations

from simexec.analysis.result import MarketReport
from simexec.experiments.build import ListedMarket, World
from simexec.market import layout as at
from simexec.market.market import Market


def report_markets(world: World) -> tuple[MarketReport, ...]:
    """A report of every market, that of the order first."""
    return tuple(_report(one, int(world.sim.now)) for one in world.markets)


def _report(listed: ListedMarket, now: int) -> MarketReport:
    market, name = listed.market, listed.settings.name
    messages = quote = None
    if isinstance(market, Market):
        messages, quote = market.flow.applied(now), market.book.quote()
        trades = int(market.book.arrays.state[at.TRADES])
    else:
        trades = len(market.book.prints.since())
    return MarketReport(
        name,
        listed.instrument,
        listed.settings.is_dark,
        messages,
        trades,
        quote,
        listed.venue.name,
        listed.venue.statistics(),
    )
