"""What a run assumes: the sentences that every summary prints."""

from __future__ import annotations

from simexec.config.durations import describe
from simexec.config.scenario import Scenario
from simexec.experiments.build import World


def assumptions_of(world: World, scenario: Scenario) -> tuple[str, ...]:
    """One sentence for each assumption that was active in the run."""
    links, gateway = scenario.links, scenario.venue.gateway
    found = [
        "latency: "
        + "; ".join(
            f"{name} {describe(model)}"
            for name, model in (
                ("orders", links.orders),
                ("cancels", links.cancels),
                ("reports", links.reports),
                ("market data", links.market_data),
            )
        ),
        f"gateway: {gateway.servers} server{'s' if gateway.servers > 1 else ''}, service {describe(gateway.service)}",
        "queue position: exact by order, price-time priority; displayed before hidden",
    ]
    if world.recording is not None:
        found += [
            "displacement: what we take is gone; what we give stays as a leftover until history reaches its price or its level"
            " leaves the recorded window",
            f"outside the recorded {world.recording.levels} levels everything that comes into view is ahead of our orders there",
            f"data: {sum(world.recording.defects.values()):,} of {world.recording.rows:,} rows had to be repaired",
            "impact: others do not react to our orders, only trade with them",
        ]
    else:
        found.append("flow: zero-intelligence; background orders do not react to ours beyond the opposite best price")
    return (*found, *scenario.unused())
