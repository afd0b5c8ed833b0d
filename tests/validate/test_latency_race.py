"""The latency race between two venues against 1 - exp(-rate * (feed + way)), with 100,000 orders and more."""

from __future__ import annotations

import pytest

from ..market.race import race

pytestmark = pytest.mark.validate


@pytest.mark.parametrize(
    ("rate_per_s", "feed", "way"),
    [(100.0, 250_000, 100_000), (1_000.0, 250_000, 100_000), (1_000.0, 100_000, 250_000), (5_000.0, 150_000, 200_000)],
)
def test_an_order_sent_on_a_stale_quote_is_late_with_the_probability_of_a_change_on_both_ways(
    rate_per_s: float, feed: int, way: int
) -> None:
    outcome = race(120_000, rate_per_ns=rate_per_s / 1e9, feed=feed, way=way, seed=11)
    print(
        f"rate {rate_per_s:g}/s, feed {feed} ns, way {way} ns: {outcome.late / outcome.orders:.5f} late, theory "
        f"{outcome.fair:.5f}, off by {outcome.standard_errors():+.2f} standard errors of {outcome.orders} orders"
    )
    assert outcome.orders == 120_000
    assert abs(outcome.standard_errors()) < 4
