"""What dark pools will take, learned from what they took, and how to divide an order among them.

K. Ganchev, Y. Nevmyvaka, M. Kearns and J. Wortman Vaughan, "Censored exploration and the dark pool problem", Communications of the
ACM 53 (2010). A pool that fills all of what it was sent might have filled more: the observation is censored. So the
probability of a fill of at least ``s`` is estimated by the product-limit (Kaplan-Meier) formula.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heapreplace

import numpy as np
import numpy.typing as npt

from simexec.errors import InputError


class FillTail:
    """The tail of what one pool takes, in units: probability that at least ``s`` of what is sent trades.

    ``tail(s)`` is the product over ``z < s`` of ``1 - D_z / N_z``. ``D_z`` counts the orders of which exactly ``z`` traded
    and more was sent, ``N_z`` those of which at least ``z`` traded and more was sent.

    Args:
        enough: observations from which an estimate counts as known. With ``c`` the largest size that is known, the tail at
            ``c + 1`` is taken for that at ``c``: the paper's optimism, which makes an allocation try one unit more than
            it knows. What nobody ever tried beyond that is expected to take nothing.

    Raises:
        InputError: ``enough`` is less than 1.
    """

    def __init__(self, enough: int = 1) -> None:
        if enough < 1:
            raise InputError(f"{enough} observations are never enough to know a fill rate; give at least 1")
        self._enough = enough
        self._ended: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._at_risk: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    def learn(self, sent: int, filled: int) -> None:
        """Take in an order of ``sent`` units of which ``filled`` traded.

        Raises:
            InputError: nothing was sent, or more traded than that.
        """
        if not 0 <= filled <= sent or sent == 0:
            raise InputError(f"{filled} units filled of {sent} sent; something must be sent, and no more can trade")
        if sent > len(self._ended):
            grown = np.zeros(sent - len(self._ended), np.int64)
            self._ended, self._at_risk = np.append(self._ended, grown), np.append(self._at_risk, grown)
        self._at_risk[: min(filled + 1, sent)] += 1
        if filled < sent:
            self._ended[filled] += 1

    def estimate(self, largest: int) -> npt.NDArray[np.float64]:
        """The product-limit estimate at 0, 1, ... ``largest`` units; 0 beyond what was ever observed."""
        tried = min(largest, int(np.count_nonzero(self._at_risk)))
        at_risk = self._at_risk[:tried]
        tails = np.zeros(largest + 1)
        tails[0] = 1.0
        tails[1 : tried + 1] = np.cumprod(1.0 - self._ended[:tried] / at_risk)
        return tails

    def tails(self, largest: int) -> npt.NDArray[np.float64]:
        """The estimate with its optimism, at 0, 1, ... ``largest`` units; never increasing."""
        tails = self.estimate(largest)
        known = int(np.count_nonzero(self._at_risk >= self._enough))  # they never increase with the size
        if known + 1 <= largest:
            tails[known + 1] = tails[known]
        return tails


def allocate(units: int, tails: Mapping[str, Sequence[float] | npt.NDArray[np.float64]]) -> dict[str, int]:
    """Divide units among pools so that the most is expected to trade: each goes where it is likeliest to.

    As tails never increase, the greedy choice unit by unit is best. Of equal chances the pool with the fewest units comes first,
    then the first by name; so what nobody is expected to take is spread evenly.

    Args:
        units: to divide, all of them if there is a pool at all.
        tails: by pool, the probabilities that at least 0, 1, ... units trade; 0 beyond the end.
    """
    given = dict.fromkeys(sorted(tails), 0)
    if not given:
        return {}
    heap = [(-_tail(tails[pool], 1), 0, pool) for pool in given]
    heapify(heap)
    for _ in range(units):
        _, count, pool = heap[0]
        given[pool] = count + 1
        heapreplace(heap, (-_tail(tails[pool], count + 2), count + 1, pool))
    return given


def _tail(tails: Sequence[float] | npt.NDArray[np.float64], units: int) -> float:
    return float(tails[units]) if units < len(tails) else 0.0
