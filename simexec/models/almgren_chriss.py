"""Optimal liquidation by Almgren and Chriss: expected cost against its variance.

Almgren and Chriss, "Optimal execution of portfolio transactions", Journal of Risk 3 (2000). X shares are traded within T days, in
N intervals of tau = T / N, n_k shares in interval k, after which x_k are left. For a sale (a purchase is its mirror image) the
price and what is received are

    S_k  = S_{k-1} + sigma sqrt(tau) xi_k - gamma n_k
    S~_k = S_{k-1} - epsilon sgn(n_k) - (eta / tau) n_k

with independent standard normal xi_k. The cost is X S_0 - sum n_k S~_k: positive, in money, and without S_0.
Quantities are shares, times are days, prices are money a share.
"""

from __future__ import annotations

import math
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from simexec.errors import InputError
from simexec.models.arguments import above_zero, at_least_one, elapsed_fractions, trade_column
from simexec.trading.convert import naming_fields, to_positive_real, to_rate

_LINEAR_BELOW: Final = 1e-8
"""Below this kappa T a trajectory is a straight line to the last digit of a float."""

_LARGEST: Final = 1e300
"""Of kappa T, so that twice of it is still a float."""


@attrs.frozen(kw_only=True, field_transformer=naming_fields)
class AlmgrenChriss:
    """The model's parameters, and what follows from them.

    Attributes:
        volatility: sigma, of the price, in money a share for one day: it grows with the square root of time.
        temporary: eta, how much worse a trade is, in money a share, for one share a day.
        half_spread: epsilon, the fixed part of that, in money a share.
        permanent: gamma, how far one share moves the price for good, in money a share.
        risk_aversion: lambda, what a unit of variance is worth, in 1 / money; 0: the trajectory is a straight line (TWAP).
    """

    volatility: float = attrs.field(converter=to_positive_real)
    temporary: float = attrs.field(converter=to_positive_real)
    half_spread: float = attrs.field(default=0.0, converter=to_rate)
    permanent: float = attrs.field(default=0.0, converter=to_rate)
    risk_aversion: float = attrs.field(default=0.0, converter=to_rate)

    def kappa(self, interval: float = 0.0) -> float:
        """Urgency kappa, in 1 / day: the order decays about as exp(-kappa t).

        It solves cosh(kappa tau) = 1 + (tau kappa~)^2 / 2 with kappa~^2 = lambda sigma^2 / eta~.

        Args:
            interval: tau; 0: its limit, for trading without interruption.

        Raises:
            InputError: if eta~ is not above 0, so that one large trade would be cheaper than many small ones.
        """
        rate = self.volatility * math.sqrt(self.risk_aversion / self._eta(interval))
        # cosh(a) - 1 = 2 sinh(a / 2)^2, which does not lose the digits of a small a.
        return rate if interval == 0 else 2 * math.asinh(interval * rate / 2) / interval

    def half_life(self, interval: float = 0.0) -> float:
        """What the paper calls the half-life of a trade, 1 / kappa: days until 1 / e of an order without horizon is left."""
        kappa = self.kappa(interval)
        return 1 / kappa if kappa else math.inf

    def with_half_life(self, half_life: float, interval: float = 0.0) -> AlmgrenChriss:
        """The same model with the risk aversion that gives this ``half_life``, in days."""
        kappa = 1 / above_zero("half_life", half_life)
        eta = self._eta(interval)
        try:
            rate = kappa if interval == 0 else 2 * math.sinh(kappa * interval / 2) / interval
            return attrs.evolve(self, risk_aversion=eta * (rate / self.volatility) ** 2)
        except (OverflowError, InputError):
            raise InputError(
                f"half_life {half_life!r} needs a risk aversion beyond all bounds; give a longer one, or shorter intervals"
            ) from None

    def holdings(self, quantity: float, horizon: float, intervals: int) -> npt.NDArray[np.float64]:
        """What is left at the optimum, from ``quantity`` at the beginning to 0 at the end: ``intervals + 1`` numbers.

        x_j = X sinh(kappa (T - t_j)) / sinh(kappa T), with the kappa of intervals of this length.
        """
        quantity, horizon = above_zero("quantity", quantity), above_zero("horizon", horizon)
        intervals = at_least_one("intervals", intervals)
        left = np.arange(intervals, -1, -1) / intervals
        return quantity * share_left(left, self.kappa(horizon / intervals) * horizon)

    def remaining(self, elapsed: npt.ArrayLike, horizon: float) -> npt.NDArray[np.float64]:
        """Share of the order that is left if it is traded without interruption, 1 at the beginning and 0 at the end.

        Args:
            elapsed: fraction of the horizon that is over, of any shape; before 0 and beyond 1 it counts as 0 and 1.
            horizon: T, in days.
        """
        horizon = above_zero("horizon", horizon)
        return share_left(1 - elapsed_fractions(elapsed), self.kappa() * horizon)

    def expected_cost(self, trades: npt.ArrayLike, interval: float) -> float:
        """Mean of the cost of a schedule, in money.

        It is gamma X^2 / 2 + epsilon sum |n_k| + (eta~ / tau) sum n_k^2 with eta~ = eta - gamma tau / 2.

        Args:
            trades: n_1 .. n_N, in shares.
            interval: tau, in days.
        """
        shares, tau = trade_column(trades), above_zero("interval", interval)
        eta = self.temporary - self.permanent * tau / 2
        lasting = self.permanent * float(shares.sum()) ** 2 / 2
        return lasting + self.half_spread * float(np.abs(shares).sum()) + eta / tau * float(shares @ shares)

    def cost_variance(self, trades: npt.ArrayLike, interval: float) -> float:
        """Variance of the cost of a schedule, in money^2: sigma^2 tau sum x_k^2; arguments as for ``expected_cost``."""
        shares, tau = trade_column(trades), above_zero("interval", interval)
        left = shares.sum() - np.cumsum(shares)
        return self.volatility**2 * tau * float(left @ left)

    def simulated_cost(self, trades: npt.ArrayLike, interval: float, normals: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Cost of a schedule along given paths of the price, in money.

        It is linear in the draws: those of one path and their negatives cost the expected cost on average.

        Args:
            trades: n_1 .. n_N, in shares.
            interval: tau, in days.
            normals: xi_1 .. xi_N along the last axis.

        Returns:
            One cost for each path, in the shape of ``normals`` without its last axis.
        """
        shares, tau = trade_column(trades), above_zero("interval", interval)
        draws = np.asarray(normals, np.float64)
        if not draws.ndim or draws.shape[-1] != shares.size:
            raise InputError(
                f"normals have shape {draws.shape}; their last axis must be as long as the {shares.size} trades"
            )
        moves = self.volatility * math.sqrt(tau) * draws - self.permanent * shares
        before = np.zeros_like(moves)
        np.cumsum(moves[..., :-1], axis=-1, out=before[..., 1:])
        received = before - self.half_spread * np.sign(shares) - self.temporary / tau * shares
        return np.asarray(-(received @ shares))

    def _eta(self, interval: float) -> float:
        """The paper's eta~, temporary impact less what of the permanent impact is paid anyhow."""
        if not (math.isfinite(interval) and interval >= 0):
            raise InputError(f"interval is {interval!r}; it must be a finite number of days from 0 up")
        eta = self.temporary - self.permanent * interval / 2
        if eta <= 0:
            raise InputError(
                f"temporary {self.temporary!r} is not above permanent * interval / 2 = {self.permanent * interval / 2!r}; "
                "shorten the intervals, or raise temporary"
            )
        return eta


def share_left(left: npt.NDArray[np.float64], urgency: float) -> npt.NDArray[np.float64]:
    """Share of an order that is left at the optimum, sinh(a l) / sinh(a) without overflow.

    Args:
        left: l, what is left of the horizon, from 1 to 0.
        urgency: a = kappa T, from 0 up.
    """
    if urgency < _LINEAR_BELOW:
        return left
    a = min(urgency, _LARGEST)
    ratio = np.exp(-a * (1 - left)) * np.expm1(-2 * a * left) / math.expm1(-2 * a)
    return np.where(left < 1, np.minimum(ratio, 1.0), 1.0)  # two implementations of expm1 differ in the last digit
