"""Figures of a performance: return, volatility, ratios and drawdowns of periodic simple returns.

Definitions and conventions are those of empyrical, which most of the field's reports use, so figures can be laid beside
theirs: sample deviations (``ddof=1``), annualised by the square root of the number of periods, a risk-free rate a
period, drawdowns negative. One convention differs: what cannot be computed is None here, where empyrical gives NaN or
an infinity, and a return that is not a finite number is refused, where empyrical leaves out NaN.

A loss of everything is where formulas break: returns end with the period in which equity reaches zero or less
(``simple_returns``), the total return is then −1 or below, and there is no annualised one.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
import numpy.typing as npt

from simexec.errors import InputError

Reals = npt.NDArray[np.float64]

PERIODS = 252
"""Periods a year: trading days of a stock exchange."""


def simple_returns(equity: npt.ArrayLike) -> Reals:
    """Simple returns from each value of an equity to the next, one fewer than values.

    They end with the first that leads to zero or less: what follows is not earned on capital and has no return. An
    equity that begins there has none at all.

    Args:
        equity: values at the ends of periods, the first before anything was earned; any unit of money.

    Raises:
        InputError: a value is not a finite number, or a return is beyond the largest float.
    """
    values = _reals(equity, "equity")
    bankrupt = np.flatnonzero(values <= 0)
    if bankrupt.size:
        values = values[: bankrupt[0] + 1]
    with np.errstate(over="ignore"):
        returns = np.diff(values) / values[:-1]
    return _reals(returns, "return")


def total_return(returns: npt.ArrayLike) -> float | None:
    """Compounded return of the whole time: the product of ``1 + return``, less 1.

    −1 or below of an account that lost everything. None without returns, as NaN in empyrical (``cum_returns_final``),
    and beyond the largest float.
    """
    values = _reals(returns, "return")
    if not values.size:
        return None
    log_wealth, sign = _wealth(values)
    return _compounded(float(log_wealth[-1]), float(sign[-1]))


def annualised_return(returns: npt.ArrayLike, periods: float = PERIODS) -> float | None:
    """Compound annual growth rate: ``(1 + total) ** (periods / n) - 1`` of n returns.

    None without returns (NaN in empyrical), where everything was lost (empyrical gives −1 of a total of −1, and NaN
    below), and beyond the largest float, which a few good minutes annualised can reach.
    """
    values, periods = _reals(returns, "return"), _periods(periods)
    if not values.size:
        return None
    log_wealth, sign = _wealth(values)
    if sign[-1] <= 0:
        return None
    return _compounded(float(log_wealth[-1]) * (periods / values.size), 1.0)


def volatility(returns: npt.ArrayLike, periods: float = PERIODS) -> float | None:
    """Annualised sample standard deviation of returns. None of fewer than two, as NaN in empyrical."""
    values, periods = _reals(returns, "return"), _periods(periods)
    if values.size < 2:
        return None
    scale, unit = _scaled(values)
    return _finite(float(unit.std(ddof=1)) * scale * math.sqrt(periods))


def sharpe_ratio(returns: npt.ArrayLike, risk_free: float = 0.0, periods: float = PERIODS) -> float | None:
    """Mean of excess returns over their sample standard deviation, annualised (Sharpe, 1994).

    None of fewer than two returns (NaN in empyrical), and of returns that are all the same (empyrical: an infinity, or
    NaN where they equal the risk-free rate).

    Args:
        returns: simple returns.
        risk_free: return of a riskless investment **a period**, not a year.
        periods: periods a year.
    """
    excess, periods = _excess(returns, risk_free, "risk-free rate"), _periods(periods)
    if excess.size < 2:
        return None
    _, unit = _scaled(excess)
    deviation = float(unit.std(ddof=1))
    return _finite(float(unit.mean()) / deviation * math.sqrt(periods)) if deviation else None


def downside_deviation(returns: npt.ArrayLike, required_return: float = 0.0, periods: float = PERIODS) -> float | None:
    """Annualised root mean square of what returns fall short by, over **all** returns (Sortino and Price, 1994).

    A return that does not fall short counts as 0. None without returns, as NaN in empyrical (``downside_risk``).

    Args:
        returns: simple returns.
        required_return: a period.
        periods: periods a year.
    """
    excess, periods = _excess(returns, required_return, "required return"), _periods(periods)
    if not excess.size:
        return None
    scale, unit = _scaled(excess)
    return _finite(_shortfall(unit) * scale * math.sqrt(periods))


def sortino_ratio(returns: npt.ArrayLike, required_return: float = 0.0, periods: float = PERIODS) -> float | None:
    """Annualised mean of excess returns over the downside deviation.

    None of fewer than two returns (NaN in empyrical), and where no return falls short (empyrical: an infinity, or NaN
    where all equal the required return).
    """
    excess, periods = _excess(returns, required_return, "required return"), _periods(periods)
    if excess.size < 2:
        return None
    _, unit = _scaled(excess)
    shortfall = _shortfall(unit)
    return _finite(float(unit.mean()) / shortfall * math.sqrt(periods)) if shortfall else None


def max_drawdown(returns: npt.ArrayLike) -> float | None:
    """Deepest fall of the compounded wealth below its highest value before, as a fraction of that: zero or negative.

    The start counts as a value. Below −1 where more than everything was lost. None without returns, as NaN in
    empyrical.
    """
    values = _reals(returns, "return")
    if not values.size:
        return None
    log_wealth, sign = _wealth(values)
    log_peak = np.maximum(np.maximum.accumulate(np.where(sign > 0, log_wealth, -np.inf)), 0.0)
    with np.errstate(over="ignore"):
        below = np.where(sign > 0, np.expm1(log_wealth - log_peak), -np.exp(log_wealth - log_peak) - 1)
    return _finite(min(float(below.min()), 0.0))


def calmar_ratio(returns: npt.ArrayLike, periods: float = PERIODS) -> float | None:
    """Annualised return over the depth of the maximum drawdown (Young, 1991), here over all returns.

    None where either cannot be computed, and without a drawdown, as NaN in empyrical.
    """
    annualised, depth = annualised_return(returns, periods), max_drawdown(returns)
    if annualised is None or not depth:
        return None
    return _finite(annualised / -depth)


def turnover(traded_value: float, mean_equity: float) -> float | None:
    """How often the equity was traded: half of what was bought and sold, over the mean equity.

    Buying for the whole equity and selling it again is a turnover of 1, as in pyfolio's ``get_turnover`` (average of
    purchases and sales). Of the whole time, not annualised. None of a mean equity that is not positive.

    Args:
        traded_value: sum of the absolute values of all fills, purchases and sales, in units.
        mean_equity: time-weighted, in units.
    """
    return traded_value / 2 / mean_equity if mean_equity > 0 else None


@attrs.frozen
class Drawdown:
    """A fall of equity below a peak.

    Attributes:
        depth: the fall as a fraction of the peak, negative; None where the peak is not positive.
        amount: the fall in the unit of the equity, negative.
        peak_ns: when equity was last at the peak before it fell.
        trough_ns: when it was first at its lowest.
        recovery_ns: when it was first at the peak again or above; None while it is not.
    """

    depth: float | None
    amount: float
    peak_ns: int
    trough_ns: int
    recovery_ns: int | None


def drawdown(times_ns: npt.ArrayLike, equity: npt.ArrayLike) -> Drawdown | None:
    """The deepest drawdown of an equity, the first of several that are equally deep; None where it never fell.

    Falls from a peak that is not positive are no fractions of it and are left out.

    Args:
        times_ns: ascending.
        equity: at these times; exact if they are whole numbers.

    Raises:
        InputError: lengths differ, a time is not after the one before, or an equity is not a finite number.
    """
    times, values = np.asarray(times_ns), np.asarray(equity)
    _reals(values, "equity")
    if times.shape != values.shape:
        raise InputError(f"{times.size} times do not fit {values.size} values of equity; give one time for each")
    late = np.flatnonzero(times[1:] <= times[:-1])
    if late.size:
        first, second = times[late[0] : late[0] + 2]
        raise InputError(f"time {second} ns of an equity comes after {first} ns; give times in ascending order")
    running = RunningDrawdown()
    for time_ns, value in zip(times.tolist(), values.tolist(), strict=True):
        running.add(time_ns, value)
    return running.deepest


class RunningDrawdown:
    """The greatest drawdowns of an equity that comes point by point, at constant memory and exact for ints.

    While equity stays below one peak, the deepest fall is the same in money as in fractions: only when it is over need
    the two be compared with those before.
    """

    __slots__ = ("_deepest", "_largest", "_low", "_low_ns", "_peak", "_peak_ns")

    def __init__(self) -> None:
        self._peak: float = -math.inf
        self._low: float = -math.inf
        self._peak_ns = 0
        self._low_ns = 0
        self._deepest: _Fall | None = None
        self._largest: _Fall | None = None

    def add(self, time_ns: int, equity: float) -> None:
        """The next point; its time is after those before."""
        if equity >= self._peak:
            if self._low < self._peak:
                self._deepest, self._largest = self._with(self._fall(time_ns))
            self._peak = self._low = equity
            self._peak_ns = time_ns
        elif equity < self._low:
            self._low = equity
            self._low_ns = time_ns

    @property
    def deepest(self) -> Drawdown | None:
        """The greatest as a fraction of its peak, among positive peaks."""
        return _drawdown_of(self._with(self._fall(None))[0])

    @property
    def largest(self) -> Drawdown | None:
        """The greatest in money."""
        return _drawdown_of(self._with(self._fall(None))[1])

    def _fall(self, recovery_ns: int | None) -> _Fall:
        return self._peak, self._low, self._peak_ns, self._low_ns, recovery_ns

    def _with(self, fall: _Fall) -> tuple[_Fall | None, _Fall | None]:
        """The deepest and the largest of those that are over and one more."""
        peak, low = fall[:2]
        deepest, largest = self._deepest, self._largest
        if low < peak:
            # low / peak < deepest low / deepest peak, without a division.
            if peak > 0 and (deepest is None or low * deepest[0] < deepest[1] * peak):
                deepest = fall
            if largest is None or peak - low > largest[0] - largest[1]:
                largest = fall
        return deepest, largest


_Fall = tuple[float, float, int, int, int | None]
"""Peak, low, their times, and the time of recovery."""


def _drawdown_of(fall: _Fall | None) -> Drawdown | None:
    if fall is None:
        return None
    peak, low, peak_ns, low_ns, recovery_ns = fall
    return Drawdown((low - peak) / peak if peak > 0 else None, low - peak, peak_ns, low_ns, recovery_ns)


def _reals(values: npt.ArrayLike, what: str) -> Reals:
    """Values as a one-dimensional array of finite floats."""
    try:
        reals = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{what}s {values!r} are not numbers; give a one-dimensional array of them") from None
    if reals.ndim != 1:
        raise InputError(f"{what}s have the shape {reals.shape}; give a one-dimensional array")
    wrong = np.flatnonzero(~np.isfinite(reals))
    if wrong.size:
        raise InputError(f"{what} {wrong[0]} is {reals[wrong[0]]}; give finite numbers only")
    return reals


def _periods(periods: float) -> float:
    if not (math.isfinite(periods) and periods > 0):
        raise InputError(f"periods a year {periods} is not a finite number above 0; 252 are the days of an exchange")
    return periods


def _excess(returns: npt.ArrayLike, rate: float, what: str) -> Reals:
    if not math.isfinite(rate):
        raise InputError(f"{what} {rate} is not a finite number; give a return a period, such as 0.0001")
    with np.errstate(over="ignore"):
        return _reals(_reals(returns, "return") - rate, "excess return")


def _wealth(returns: Reals) -> tuple[Reals, Reals]:
    """Logarithms of the compounded wealth's magnitude after each return, and its sign: no product can overflow."""
    if returns.min() > -1:
        return np.cumsum(np.log1p(returns)), np.ones(len(returns))
    with np.errstate(divide="ignore"):
        growth = 1 + returns
        return np.cumsum(np.log(np.abs(growth))), np.cumprod(np.sign(growth), dtype=np.float64)


def _compounded(log_wealth: float, sign: float) -> float | None:
    try:
        return math.expm1(log_wealth) if sign > 0 else sign * math.exp(log_wealth) - 1 if sign else -1.0
    except OverflowError:
        return None


def _scaled(values: Reals) -> tuple[float, Reals]:
    """A scale, and values divided by it into −1 to 1: squares neither overflow nor all vanish.

    Equal values become ones of either sign, whose deviation is exactly 0, as that of equal decimals need not be.
    """
    scale = float(np.abs(values).max(initial=0.0)) or 1.0
    return scale, values / scale


def _shortfall(excess: Reals) -> float:
    """Root mean square of the negative part."""
    return math.sqrt(float(np.mean(np.square(np.minimum(excess, 0.0)))))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
