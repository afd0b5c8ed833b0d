"""Sending at different times so that orders arrive at one time."""

from __future__ import annotations

from collections.abc import Mapping


def delays(latencies: Mapping[str, float]) -> dict[str, int]:
    """How long (ns) to wait before sending to each venue, from the expected one-way latencies (ns).

    The farthest is sent to at once. An order that arrives at a near venue long before its siblings arrive elsewhere tells
    others what is coming; sent so, they arrive within the jitter of the lines.
    """
    longest = max(latencies.values(), default=0.0)
    return {venue: round(longest - latency) for venue, latency in latencies.items()}
