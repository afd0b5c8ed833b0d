"""The Cont-Stoikov-Talreja flow on the real book against the exact probabilities of the model, to full precision."""

from __future__ import annotations

import math

import pytest

from ..market import cst_market as cm
from ..market.cst_exact import both_fill, fills_before_other_empties, next_move_up
from ..market.cst_market import LAMBDA, MU, THETA

pytestmark = pytest.mark.validate

REPLICATIONS = 100_000
PARAMETERS = (LAMBDA[0], MU, THETA[0])
QUEUES = range(1, 6)


def hold(what: str, event: int, bids: int, asks: int, p: float) -> None:
    happened, messages = cm.frequency(event, bids, asks, REPLICATIONS, seed=10_000 + 100 * event + 10 * bids + asks)
    share, deviation = happened / REPLICATIONS, math.sqrt(p * (1 - p) / REPLICATIONS)
    off = (share - p) / deviation
    print(f"{what} b={bids} a={asks}: {share:.5f}, exact {p:.5f}, off {off:+.2f} ({messages:,} messages)")
    assert abs(off) <= 4


@pytest.mark.parametrize("bids", QUEUES)
def test_the_next_move_of_the_mid_is_up(bids: int) -> None:
    exact = next_move_up(*PARAMETERS)
    for asks in QUEUES:
        hold("up", cm.UP, bids, asks, exact[bids - 1, asks - 1])


@pytest.mark.parametrize("bids", [1, 2, 3])
def test_my_bid_and_my_ask_both_fill_before_the_mid_moves(bids: int) -> None:
    exact = both_fill(*PARAMETERS, 5)
    for asks in QUEUES:
        hold("both", cm.BOTH, bids, asks, exact[bids - 1, asks - 1])


@pytest.mark.parametrize("bids", [1, 3, 5])
def test_my_bid_fills_before_the_ask_queue_is_empty(bids: int) -> None:
    exact = fills_before_other_empties(*PARAMETERS, bids - 1)
    for asks in QUEUES:
        hold("before", cm.BEFORE, bids, asks, exact[bids - 1, asks])
