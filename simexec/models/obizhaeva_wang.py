"""Optimal trading against a book that refills: the model of Obizhaeva and Wang.

Obizhaeva and Wang, "Optimal trading strategy and supply/demand dynamics", Journal of Financial Markets 16 (2013). The book is a
block of q shares a unit of price. A trade of x shares moves the price by x / q, and so pays x / (2 q) a share on average. Of the
move, lambda x stays for good; the rest, kappa x with kappa = 1 / q - lambda, decays with exp(-rho t). Otherwise the price is a
martingale, and the trader is risk-neutral.

Costs are positive, in money, and beyond the mid-point and half the spread. Quantities are shares, times are days, prices are
money a share. A sale is the mirror image of a purchase.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
import numpy.typing as npt

from simexec.models.arguments import above_zero, at_least_one, elapsed_fractions, trade_column
from simexec.trading.convert import FieldError, naming_fields, to_positive_real, to_rate


def first_trade(quantity: float, count: int, kept: float, missing: float = 0.0) -> float:
    """The first of the ``count`` cheapest trades that make up ``quantity``, wherever one stands.

    With a = ``kept`` it is (X + missing) / (2 + (N - 1) (1 - a)) - missing for N + 1 trades. With nothing missing that solves the
    recursion of Obizhaeva and Wang; its closed form is from Alfonsi, Fruth and Schied, "Optimal execution strategies in limit
    order books with general shape functions", Quantitative Finance 10 (2010). What is missing acts as a part of the first trade
    that has been made already.

    Args:
        quantity: shares that are still to be traded.
        count: trades that are left, this one included, at equal distances.
        kept: share of a move that is left at the next trade, exp(-rho tau).
        missing: shares that were taken earlier and have not come back yet; so many that the answer is below 0 make it worth
            trading the other way.
    """
    if at_least_one("count", count) == 1:
        return quantity
    return (quantity + missing) / (2 + (count - 2) * (1 - kept)) - missing


@attrs.frozen(kw_only=True, field_transformer=naming_fields)
class ObizhaevaWang:
    """The model's parameters, and what follows from them. The optimum depends on the resilience alone.

    Attributes:
        resilience: rho, in 1 / day; see ``resilience_of``.
        depth: q, in shares a unit of price.
        permanent: lambda, how far one share moves the price for good, in money a share; below 1 / depth.
    """

    resilience: float = attrs.field(converter=to_positive_real)
    depth: float = attrs.field(converter=to_positive_real)
    permanent: float = attrs.field(default=0.0, converter=to_rate)

    def __attrs_post_init__(self) -> None:
        if self.permanent * self.depth >= 1:
            raise FieldError(f"must be below 1 / depth ({1 / self.depth!r}), not {self.permanent!r}", ("permanent",))

    @staticmethod
    def resilience_of(half_life: float) -> float:
        """Resilience, in 1 / day, of a book that recovers half of a move within ``half_life`` days."""
        return math.log(2) / above_zero("half_life", half_life)

    def trades(self, quantity: float, horizon: float, count: int) -> npt.NDArray[np.float64]:
        """The cheapest ``count`` trades at equal distances, the first at once and the last at the end of the horizon.

        The last is as large as the first; each between takes what has come back since the one before.
        """
        quantity, horizon = above_zero("quantity", quantity), above_zero("horizon", horizon)
        if at_least_one("count", count) == 1:
            return np.array([quantity])
        decay = -self.resilience * horizon / (count - 1)
        first = first_trade(quantity, count, math.exp(decay))
        trades = np.full(count, -math.expm1(decay) * first)
        trades[[0, -1]] = first
        return trades

    def block(self, horizon: float) -> float:
        """Share of the order in each of the two trades that begin and end trading without interruption, 1 / (rho T + 2).

        Between them trades rho of it a day: the limit of ``trades`` for ever more of them, the paper's solution in continuous time.
        """
        return 1 / (self.resilience * above_zero("horizon", horizon) + 2)

    def remaining(self, elapsed: npt.ArrayLike, horizon: float) -> npt.NDArray[np.float64]:
        """Share of the order that is left after what is traded at a time, if it is traded without interruption.

        Args:
            elapsed: fraction of the horizon that is over, of any shape; before 0 and beyond 1 it counts as 0 and 1.
            horizon: T, in days.
        """
        fractions, block = elapsed_fractions(elapsed), self.block(horizon)
        left = block + (1 - 2 * block) * (1 - fractions)
        return np.where(fractions < 1, left, 0.0)

    def cost(self, trades: npt.ArrayLike, interval: float) -> float:
        """Expected cost of a schedule, in money.

        Args:
            trades: x_0 .. x_N, in shares, each at one moment.
            interval: days between one and the next; of a single trade any number above 0.
        """
        shares, interval = trade_column(trades), above_zero("interval", interval)
        kept, kappa = math.exp(-self.resilience * interval), 1 / self.depth - self.permanent
        moved = paid = 0.0
        for x in shares.tolist():
            paid += x * (moved + kappa * x / 2)
            moved = (moved + kappa * x) * kept
        return paid + self.permanent * float(shares.sum()) ** 2 / 2
