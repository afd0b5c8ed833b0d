"""What a run assumes: the sentences that every summary prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from simexec.config.durations import describe
from simexec.config.flow import RecordedFlowConfig
from simexec.config.markets import MarketSettings
from simexec.config.scenario import Scenario
from simexec.config.venue import Matching, OverLimit
from simexec.experiments.build import ListedMarket, World
from simexec.sim.clock import format_duration
from simexec.trading.convert import write_time_of_day

_QUEUE: Final = {
    Matching.PRICE_TIME: "exact by order, price-time priority; displayed before hidden",
    Matching.PRO_RATA: "pro-rata over the displayed orders of a price, then by time; displayed before hidden",
    Matching.MIDPOINT: "by time among those who accept the mid-point",
}


def assumptions_of(world: World, scenario: Scenario) -> tuple[str, ...]:
    """One sentence for each assumption that was active in the run, that of another market than the order's with its name."""
    found = list(_of_market(world.markets[0]))
    for market in world.markets[1:]:
        found += (f"{market.settings.name}: {sentence}" for sentence in _of_market(market))
    return (*found, *scenario.unused())


def _troubles(settings: MarketSettings) -> Iterator[str]:
    """What is to go wrong at a venue and on the way from it, and when."""
    venue, session, links = settings.venue, settings.session, settings.links
    if session.pre_open is not None:
        yield f"pre-open from {write_time_of_day(session.pre_open)}, then an opening auction"
    spans = [("halt", halt.start, halt.end) for halt in session.halts]
    spans += [(incident.type, incident.start, incident.end) for incident in venue.incidents]
    spans += [("feed frozen", span.start, span.end) for span in links.freezes]
    spans += [("feed out", span.start, span.end) for span in links.outages]
    for what, start, end in spans:
        yield f"{what}: {write_time_of_day(start)} to {write_time_of_day(end)}"
    if venue.band is not None:
        yield f"price band: {venue.band.percent} % around the last reference; a breach halts for {format_duration(venue.band.halt)}"
    if venue.throttle is not None:
        throttle = venue.throttle
        limit = f"{throttle.messages} message{'s' * (throttle.messages > 1)} in {format_duration(throttle.window)}"
        yield f"throttle: {limit}, one more is {'rejected' if throttle.action is OverLimit.REJECT else 'delayed'}"


def _of_market(market: ListedMarket) -> Iterator[str]:
    settings, recording = market.settings, market.recording
    links, gateway, flow = settings.links, settings.venue.gateway, settings.flow
    if settings.first:
        lines = {"orders": links.orders, "cancels": links.cancels, "reports": links.reports}
        shown = {} if settings.is_dark else {"market data": links.market_data}
        yield "latency: " + "; ".join(f"{name} {describe(model)}" for name, model in (lines | shown).items())
        servers = f"{gateway.servers} server{'s' if gateway.servers > 1 else ''}"
        yield f"gateway: {servers}, service {describe(gateway.service)}"
        yield from _troubles(settings)
    yield f"queue position: {_QUEUE[settings.venue.matching]}"
    if settings.is_dark:
        yield "dark pool: its price is the middle of the lit books of the same moment, without delay"
    if recording is None:
        reaction = "" if settings.is_dark else " beyond the opposite best price"
        yield f"flow: {flow.type.replace('_', '-')}; background orders do not react to ours{reaction}"
        return
    yield (
        "displacement: what we take is gone; what we give stays as a leftover until history reaches its price or its level"
        " leaves the recorded window"
    )
    if recording.levels:
        yield (
            f"outside the recorded {recording.levels} levels everything that comes into view is ahead of our orders there"
        )
    yield f"data: {sum(recording.defects.values()):,} of {recording.rows:,} rows had to be repaired"
    yield "impact: others do not react to our orders, only trade with them"
    if isinstance(flow, RecordedFlowConfig) and flow.then is not None and flow.switch is not None:
        yield (
            f"from {write_time_of_day(flow.switch)} on the flow is {flow.then.type.replace('_', '-')}; what rests then stays until"
            " it trades"
        )
