"""How much to take now and how much to leave resting at which venue: the placement problem of Cont and Kukanov.

R. Cont and A. Kukanov, "Optimal order placement in limit order markets", Quantitative Finance 17 (2017). ``S`` shares are to
trade within a horizon. ``M`` of them take at once and pay half the spread and a fee; ``L_k`` rest at the near touch of venue
``k`` behind ``Q_k`` shares, of which and of ours ``xi_k`` go away (trade or are cancelled) within the horizon. So
``min(L_k, max(0, xi_k - Q_k))`` of ours trade, which earn half the spread and a rebate. What then is missing, and what is too
much, is made good by taking, at a penalty a share. Every share sent and every share bought later moves the price a little.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import attrs
import numpy as np
import numpy.typing as npt

from simexec.errors import InputError

Floats = npt.NDArray[np.float64]


class Outflow(Protocol):
    """How many shares leave a queue, from its front on, within the horizon."""

    def cdf(self, shares: float) -> float:
        """Probability that no more than so many shares leave."""

    def quantile(self, probability: float) -> float:
        """Least number of shares of which ``cdf`` is at least this; infinite at 1 where there is no largest."""

    def sample(self, rng: np.random.Generator, size: int) -> Floats:
        """Draw ``size`` outflows."""


def _not_negative(instance: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not 0 <= value < float("inf"):
        raise InputError(f"{attribute.name} {value!r} of {type(instance).__name__} must be a finite number from 0 up")


@attrs.frozen
class ExponentialOutflow:
    """Exponential with a mean in shares; with a mean of 0 nothing ever leaves."""

    mean: float = attrs.field(validator=_not_negative)

    def cdf(self, shares: float) -> float:
        """See ``Outflow``."""
        if shares < 0:
            return 0.0
        return 1.0 if self.mean == 0 else float(-np.expm1(-shares / self.mean))

    def quantile(self, probability: float) -> float:
        """See ``Outflow``."""
        if self.mean == 0 or probability <= 0:
            return 0.0
        return float("inf") if probability >= 1 else float(-np.log1p(-probability) * self.mean)

    def sample(self, rng: np.random.Generator, size: int) -> Floats:
        """See ``Outflow``."""
        return rng.exponential(self.mean, size)


def _sorted_floats(samples: Sequence[float] | Floats) -> Floats:
    values = np.sort(np.asarray(samples, np.float64))
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all() or values[0] < 0:
        raise InputError("samples of an outflow must be at least one finite number of shares, none negative")
    return values


@attrs.frozen(eq=False)
class EmpiricalOutflow:
    """Outflows that were seen, each as likely as the others."""

    samples: Floats = attrs.field(converter=_sorted_floats)

    def cdf(self, shares: float) -> float:
        """See ``Outflow``."""
        return float(np.searchsorted(self.samples, shares, "right")) / len(self.samples)

    def quantile(self, probability: float) -> float:
        """See ``Outflow``."""
        # Against the noise of a quotient: the k-th of n is the quantile of k/n, and not the one behind it.
        rank = int(np.ceil(probability * len(self.samples) - 1e-9))
        return float(self.samples[min(max(rank, 1), len(self.samples)) - 1]) if probability > 0 else 0.0

    def sample(self, rng: np.random.Generator, size: int) -> Floats:
        """See ``Outflow``."""
        return rng.choice(self.samples, size)


@attrs.frozen
class Queue:
    """The near touch of a venue.

    Attributes:
        ahead: shares that stand there now.
        rebate: for a share that rested, in the currency; negative where makers pay.
        outflow: of shares within the horizon.
    """

    ahead: float = attrs.field(validator=_not_negative)
    rebate: float
    outflow: Outflow


@attrs.frozen(kw_only=True)
class Placement:
    """What is to be placed, and what everything costs, in the currency a share.

    Attributes:
        quantity: shares to trade.
        half_spread: what taking loses and resting earns against the mid.
        taker_fee: of a share that takes; negative where takers are paid.
        queues: of the venues where one may rest.
        underfill_penalty: of a share that is missing at the horizon, against the mid as it is now; what must then be taken
            costs at least half the spread and the fee.
        overfill_penalty: of a share that is too much.
        impact: what every share sent, and every share that is missing, adds to the cost.
    """

    quantity: float = attrs.field(validator=_not_negative)
    half_spread: float = attrs.field(validator=_not_negative)
    taker_fee: float
    queues: Sequence[Queue]
    underfill_penalty: float = attrs.field(validator=_not_negative)
    overfill_penalty: float = attrs.field(default=0.0, validator=_not_negative)
    impact: float = attrs.field(default=0.0, validator=_not_negative)


@attrs.frozen
class Split:
    """Shares to take now, and to rest at each of the queues."""

    market: float
    limits: tuple[float, ...]


def costs(placement: Placement, split: Split, outflows: Floats) -> Floats:
    """What a split costs against the mid (currency), for each row of outflows (n, queues)."""
    return _costs(placement, np.array([split.market, *split.limits]), _beyond(placement, outflows))


def _beyond(placement: Placement, outflows: Floats) -> Floats:
    """What leaves behind those who were there before."""
    beyond: Floats = np.maximum(outflows - np.array([queue.ahead for queue in placement.queues]), 0.0)
    return beyond


def _costs(placement: Placement, sizes: Floats, beyond: Floats) -> Floats:
    earned = np.array([placement.half_spread + queue.rebate for queue in placement.queues])
    filled = np.minimum(beyond, sizes[1:])
    missing = placement.quantity - sizes[0] - filled.sum(axis=1)
    spent: Floats = (
        (placement.half_spread + placement.taker_fee) * sizes[0]
        - filled @ earned
        + placement.impact * sizes.sum()
        + (placement.impact + placement.underfill_penalty) * np.maximum(missing, 0.0)
        + placement.overfill_penalty * np.maximum(-missing, 0.0)
    )
    return spent


def split(placement: Placement, at_most: float | None = None) -> Split:
    """The best split of which no outcome trades too much: market and limit orders together are the quantity.

    Then the cost is a sum of convex functions of one venue each, and another share rests at venue ``k`` as long as
    ``(h + r_k + theta + lambda_u) * F_k(Q_k + L_k)``, what its not trading costs more, is below ``2h + f + r_k``, what its
    trading costs less. With one venue that is the paper's explicit solution; several share one charge a share that rests
    where together they would rest more than there is.

    Args:
        placement: the problem.
        at_most: shares that may take now; None: all. What may not take rests where it does best.
    """
    total, queues = placement.quantity, placement.queues
    if not queues:
        return Split(total, ())
    least = 0.0 if at_most is None else max(0.0, total - at_most)
    rested = _resting(placement, 0.0)
    if not least <= sum(rested) <= total:
        rested = _fit(placement, min(max(sum(rested), least), total))
    return Split(max(0.0, total - sum(rested)), tuple(rested))


def _resting(placement: Placement, charge: float) -> list[float]:
    """What each venue gets, at most the whole, when every share that rests is charged so much."""
    rested = []
    for queue in placement.queues:
        saved = 2 * placement.half_spread + placement.taker_fee + queue.rebate - charge
        risked = placement.half_spread + queue.rebate + placement.impact + placement.underfill_penalty
        if saved <= 0:
            level = 0.0
        elif saved >= risked:
            level = np.inf
        else:
            level = queue.outflow.quantile(saved / risked)
        rested.append(float(min(max(level - queue.ahead, 0.0), placement.quantity)))
    return rested


def _fit(placement: Placement, total: float) -> list[float]:
    """Find the charge with which the venues get a total, by bisection; a jump there is shared between both its ends."""
    bound = max(
        2 * placement.half_spread + abs(placement.taker_fee) + abs(queue.rebate) + placement.impact
        + placement.underfill_penalty for queue in placement.queues
    )  # fmt: skip
    low, high = -2 * bound - 1.0, 2 * bound + 1.0  # at which all rest all, and none anything
    for _ in range(200):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        if sum(_resting(placement, middle)) >= total:
            low = middle
        else:
            high = middle
    most, least = np.array(_resting(placement, low)), np.array(_resting(placement, high))
    width = float(most.sum() - least.sum())
    share = (total - float(least.sum())) / width if width > 0 else 0.0
    fitted: list[float] = (least + share * (most - least)).tolist()
    return fitted


def split_by_samples(placement: Placement, outflows: Floats) -> Split:
    """The split with the least average cost over sampled outflows (n, queues), where more may be sent than is to trade.

    As in the paper, ``M + L_k`` is at most the quantity at every venue, and ``M + sum L_k`` at least that. Several venues
    may then fill together more than was wanted, which the overfill penalty weighs. The average is minimised (SLSQP) from
    several starts: it has kinks, and where overfills are likely it need not be convex.

    Raises:
        InputError: the samples have not one column a queue.
    """
    from scipy.optimize import LinearConstraint, minimize

    count, total = len(placement.queues), placement.quantity
    if outflows.ndim != 2 or outflows.shape[1] != count or not len(outflows):
        raise InputError(
            f"outflows of shape {outflows.shape} for {count} queues; give at least one row with a column each"
        )
    if not count or total == 0:
        return split(placement)
    # In parts of the whole, so that the steps of the minimiser are of the size of one.
    unit, beyond = attrs.evolve(placement, quantity=1.0), _beyond(placement, outflows) / total

    def average(sizes: Floats) -> float:
        return float(_costs(unit, sizes, beyond).mean())

    def slope(sizes: Floats) -> Floats:
        return _slope(unit, sizes, beyond)

    together = LinearConstraint(np.ones(count + 1), 1.0, np.inf)
    each = LinearConstraint(np.hstack([np.ones((count, 1)), np.eye(count)]), -np.inf, 1.0)
    within = split(placement)
    starts = [
        np.array([within.market, *within.limits]) / total,
        *np.eye(count + 1),
        np.append(0.0, np.ones(count)),
        np.append(0.0, np.full(count, 1 / count)),
    ]
    best = min(starts, key=average)
    for start in starts:
        found = minimize(
            average, start, jac=slope, method="SLSQP", bounds=[(0.0, 1.0)] * (count + 1), constraints=[together, each]
        )
        sizes = np.clip(found.x, 0.0, 1.0)
        sizes[1:] = np.minimum(sizes[1:], 1.0 - sizes[0])
        if sizes.sum() >= 1.0 - 1e-9 and average(sizes) < average(best):
            best = sizes
    market, *limits = (best * total).tolist()
    return Split(market, tuple(limits))


def _slope(placement: Placement, sizes: Floats, beyond: Floats) -> Floats:
    """Average slope of the cost in each size."""
    filled = np.minimum(beyond, sizes[1:])
    missing = placement.quantity - sizes[0] - filled.sum(axis=1)
    another = np.where(missing > 0, -placement.impact - placement.underfill_penalty, placement.overfill_penalty)
    fills = beyond > sizes[1:]  # whether another share would trade
    earned = np.array([placement.half_spread + queue.rebate for queue in placement.queues])
    market = placement.half_spread + placement.taker_fee + placement.impact + another.mean()
    limits = placement.impact + (fills * (another[:, None] - earned)).mean(axis=0)
    slope: Floats = np.append(market, limits)
    return slope
