"""The latency race between two venues, quickly; ``tests/validate`` has it in full."""

from __future__ import annotations

import pytest

from .race import race


@pytest.mark.parametrize(("feed", "way"), [(250_000, 100_000), (0, 400_000), (400_000, 0)])
def test_an_order_finds_another_price_as_often_as_the_quote_changes_on_both_ways(feed: int, way: int) -> None:
    outcome = race(3_000, rate_per_ns=1e-6, feed=feed, way=way, seed=5)
    assert outcome.orders == 3_000
    assert abs(outcome.standard_errors()) < 4


def test_without_delay_nobody_is_late() -> None:
    outcome = race(200, rate_per_ns=1e-6, feed=0, way=1, seed=6)
    assert outcome.late <= 1
