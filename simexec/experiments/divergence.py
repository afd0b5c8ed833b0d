"""How far a replay has left recorded history because of our orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from simexec.experiments.build import World
from simexec.market import layout as at
from simexec.market.recording import Recording
from simexec.trading.order import Order

_COUNTERS: Final = {
    "shares_taken": at.TAKEN,
    "leftover_shares_taken": at.LEFTOVER_TAKEN,
    "shares_given_to_aggressors": at.GIVEN_SWEEP,
    "shares_given_to_arrivals": at.GIVEN_ARRIVAL,
    "leftover_shares_made": at.LEFTOVER_MADE,
    "leftover_shares_consumed": at.LEFTOVER_CONSUMED,
    "leftover_shares_cancelled": at.LEFTOVER_CANCELLED,
    "shares_cut": at.CUT,
    "messages_cut": at.CUT_MESSAGES,
    "aggressor_shares_unfilled": at.UNFILLED,
    "aggressor_shares_turned_away": at.TURNED_AWAY,
    "hidden_shares_spared": at.HIDDEN_SPARED,
    "shares_displaced": at.DISPLACED,
}


def divergence_of(world: World, children: Sequence[Order]) -> dict[str, float]:
    """Shares and messages that departed from history, and the share of resting time that the recording could not see.

    Empty for a synthetic flow, which has no history.
    """
    recording = world.recording
    if recording is None:
        return {}
    state = world.market.book.arrays.state
    found: dict[str, float] = {name: int(state[i]) for name, i in _COUNTERS.items()}
    here = [child for child in children if child.venue == world.venue.name]
    found["time_outside_window"] = time_outside_window(recording, here)
    return found


def time_outside_window(recording: Recording, children: Sequence[Order]) -> float:
    """Share of their resting time that orders spent at prices worse than the outermost recorded level; 0 if none rested."""
    outside = resting = 0
    times = recording.windows[:, 0]
    for child in children:
        if child.acknowledged_ns is None or child.closed_ns is None or child.price_ticks is None:
            continue
        start, end = child.acknowledged_ns, child.closed_ns
        if end <= start:
            continue
        first = max(0, int(np.searchsorted(times, start, side="right")) - 1)
        last = int(np.searchsorted(times, end))
        edges = np.clip(np.append(times[first:last], end), start, end)
        worst = recording.windows[first:last, 1 if child.side.sign > 0 else 2]
        beyond = (worst - child.price_ticks * child.instrument.subticks) * child.side.sign > 0
        outside += int(np.diff(edges)[beyond].sum())
        resting += end - start
    return outside / resting if resting else 0.0
