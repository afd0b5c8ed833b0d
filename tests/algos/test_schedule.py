"""How much of a parent is due by when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.algos.schedule import cumulative_shares, lots_due


def cumulative_targets(quantity: int, weights: list[float], lot: int) -> list[int]:
    return [lots_due(quantity, share, lot) for share in cumulative_shares(weights)]


@given(
    lots=st.integers(1, 10**9),
    lot=st.sampled_from([1, 10, 100]),
    weights=st.lists(st.floats(0.01, 2), min_size=1, max_size=60),
)
def test_targets_rise_to_the_quantity_in_whole_lots_and_stay_within_a_lot_of_their_share(
    lots: int, lot: int, weights: list[float]
) -> None:
    quantity = lots * lot
    targets = cumulative_targets(quantity, weights, lot)
    assert targets[-1] == quantity
    assert targets == sorted(targets)
    assert all(target % lot == 0 for target in targets)
    for i, target in enumerate(targets):
        share = quantity * sum(weights[: i + 1]) / sum(weights)
        assert abs(target - share) <= lot / 2 + quantity * 1e-9


def test_equal_weights_make_equal_slices() -> None:
    assert cumulative_targets(100, [1.0] * 4, 1) == [25, 50, 75, 100]


@pytest.mark.parametrize(("quantity", "slices"), [(10, 3), (1, 7), (3, 10)])
def test_a_quantity_that_does_not_divide_is_spread_and_nothing_is_lost(quantity: int, slices: int) -> None:
    targets = cumulative_targets(quantity, [1.0] * slices, 1)
    parts = [after - before for before, after in zip([0, *targets], targets, strict=False)]
    assert sum(parts) == quantity
    assert max(parts) - min(parts) <= 1
