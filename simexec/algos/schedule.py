"""How much of a parent is due by when."""

from __future__ import annotations

import math
from collections.abc import Sequence


def cumulative_targets(quantity: int, weights: Sequence[float], lot: int) -> list[int]:
    """Quantity due at the end of each slice, in whole lots; the last is ``quantity``.

    Rounding the sums rather than the slices keeps the total exact and every slice within a lot of its share; a parent of
    fewer lots than slices leaves some slices empty.
    """
    total = math.fsum(weights)
    targets, done = [], 0.0
    for weight in weights:
        done += weight
        targets.append(min(quantity, round(quantity * done / total / lot) * lot))
    targets[-1] = quantity
    return targets
