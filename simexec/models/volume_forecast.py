"""Volume to come, from what is known before the session and what has traded in it so far."""

from __future__ import annotations

import math

import attrs
import numpy as np

from simexec.errors import InputError
from simexec.models.slippage import finite_from_zero
from simexec.models.volume_curve import VolumeCurve


@attrs.frozen
class VolumeForecast:
    """Volume to come, from a curve and from what has traded today.

    Today's level is estimated as a multiple of the curve's total: (w + observed / total) / (w + expected fraction). It is 1 while
    nothing is known, and nears the ratio of observed to expected volume as the session goes on: the mean of a Poisson flow's
    level after a gamma prior with mean 1. The shape stays that of the curve.

    A curve without total says nothing of the level, so every share is the curve's own, whatever trades. That is also the limit of
    w = 0 for any curve.

    Attributes:
        curve: as expected before the session.
        prior_weight: w, what the curve's total counts for, as the fraction of an average session's volume that would have to be
            observed to count as much; 0: the total is not trusted at all.
    """

    curve: VolumeCurve
    prior_weight: float = attrs.field(validator=finite_from_zero)

    def level(self, since_ns: int, now_ns: int, observed: float) -> float | None:
        """Estimated volume of today's session over the curve's total; None of a curve without total.

        Args:
            since_ns: from when on volume was observed.
            now_ns: until when.
            observed: shares that traded meanwhile. Whether one's own are among them is the caller's choice; they should be if
                they are in what is forecast.
        """
        if not (math.isfinite(observed) and observed >= 0):
            raise InputError(f"observed volume {observed!r} is not a number of shares from 0 up")
        if self.curve.total is None:
            return None
        evidence = self.prior_weight + max(0.0, float(self.curve.fraction(since_ns, now_ns)))
        return (self.prior_weight + observed / self.curve.total) / evidence if evidence > 0 else 1.0

    def remaining(self, since_ns: int, now_ns: int, end_ns: int, observed: float) -> float | None:
        """Expected market volume, in shares, from now until an end; None of a curve without total.

        Arguments are those of ``level``.
        """
        level = self.level(since_ns, now_ns, observed)
        if level is None or self.curve.total is None:
            return None
        return level * self.curve.total * max(0.0, float(self.curve.fraction(now_ns, end_ns)))

    def share_due(self, since_ns: int, now_ns: int, until_ns: int, end_ns: int, observed: float) -> float:
        """Share, from 0 to 1, of the volume between ``since_ns`` and ``end_ns`` that will have traded at ``until_ns``.

        An order that trades this share of itself by then trades at the market's own pace, which is VWAP. It is time's share where
        the curve expects no volume at all.

        Args:
            since_ns: from when on volume was observed.
            now_ns: until when.
            until_ns: from ``now_ns`` to ``end_ns``.
            end_ns: of the order.
            observed: as for ``level``.
        """
        if until_ns >= end_ns:
            return 1.0
        whole = float(self.curve.fraction(since_ns, end_ns))
        if whole <= 0:
            return max(0, until_ns - since_ns) / (end_ns - since_ns)
        level = self.level(since_ns, now_ns, observed)
        if level is not None and self.curve.total is not None:
            traded, expected = observed / self.curve.total, level * self.curve.fraction(now_ns, (until_ns, end_ns))
            if traded + expected[1] > 0:
                return float(np.clip((traded + expected[0]) / (traded + expected[1]), 0.0, 1.0))
        return max(0.0, float(self.curve.fraction(since_ns, until_ns)) / whole)
