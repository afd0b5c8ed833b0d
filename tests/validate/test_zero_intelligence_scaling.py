"""Zero intelligence by dimensional analysis (Smith, Farmer, Gillemot and Krishnamurthy 2003), and what it must not have.

Limit orders come at rate ``alpha`` per tick and second, market orders at ``mu``, orders are cancelled at ``delta``. The only price
scale besides the tick is mu / alpha (alpha per unit of price), the only times are those of the rates, and signs of trades are
independent.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from simexec.market.levels import Array
from simexec.market.market import Market
from simexec.market.records import Recorded
from simexec.market.sizes import ConstantSize
from simexec.market.zero_intelligence import ZeroIntelligence
from simexec.sim import Simulation

pytestmark = pytest.mark.validate

SECOND = 10**9
RUNS = 24
ALPHA, MU, DELTA = 1.0, 8.0, 0.25
REACH = 60
START = 100_000  # ticks


def make(
    seed: int, seconds: float, *, tick: int = 100, reach: int = REACH, rates: float = 1.0, **changes: float
) -> Market:
    """A market that lasts so many seconds; ``rates`` multiplies every rate."""
    alpha, mu, delta = (
        changes.get(name, usual) * rates for name, usual in (("alpha", ALPHA), ("mu", MU), ("delta", DELTA))
    )
    flow = ZeroIntelligence(
        Simulation(seed=seed).rng,
        "flow",
        start_price=START * tick,
        tick_quanta=tick,
        lot=1,
        limit_rates_per_s=(alpha,) * reach,
        cancel_rate_per_s=delta,
        market_rate_per_s=mu,
        limit_size=ConstantSize(1),
        market_size=ConstantSize(1),
        start_ns=0,
        end_ns=round(seconds * SECOND),
    )
    return Market("XTST", flow, record=Recorded(queues=False))


def run(seed: int, seconds: float, **changes: Any) -> Market:
    """The market after these seconds."""
    market = make(seed, seconds, **changes)
    market.advance(round(seconds * SECOND))
    market.book.flush()
    return market


def mean_spread(market: Market, since: float, until: float) -> float:
    """Time-weighted, in quanta, while both sides show something."""
    quotes = market.book.quotes.since()
    times = np.clip(np.append(quotes[:, 0], round(until * SECOND)), round(since * SECOND), round(until * SECOND))
    lasting = np.diff(times) * ((quotes[:, 2] > 0) & (quotes[:, 4] > 0))
    return float((lasting * (quotes[:, 3] - quotes[:, 1])).sum() / lasting.sum())


def spreads(first_seed: int, seconds: float, **changes: Any) -> tuple[float, float]:
    """Mean spread in quanta over independent runs after a fifth of their time (dozens of lifetimes), and its standard error."""
    found = np.array([mean_spread(run(first_seed + i, seconds, **changes), seconds / 5, seconds) for i in range(RUNS)])
    mean, error = float(found.mean()), float(found.std(ddof=1)) / math.sqrt(RUNS)
    print(f"{changes or 'as usual'}: spread {mean:.2f} +- {error:.2f} quanta")
    assert error <= 0.01 * mean
    return mean, error


SECONDS = 1_600.0


@pytest.fixture(scope="module")
def usual() -> tuple[float, float]:
    return spreads(1_000, SECONDS)


def agree(one: tuple[float, float], other: tuple[float, float], ratio: float = 1.0) -> None:
    assert abs(one[0] - ratio * other[0]) <= 4 * math.hypot(one[1], ratio * other[1])


@pytest.mark.parametrize("c", [0.1, 7.0])
def test_scaling_all_rates_leaves_the_mean_spread(c: float, usual: tuple[float, float]) -> None:
    agree(spreads(2_000, SECONDS / c, rates=c), usual)


def test_doubling_the_limit_rate_a_price_unit_and_halving_the_tick_halves_the_spread(
    usual: tuple[float, float],
) -> None:
    # A tick half as large has the same rate a tick if the rate a price unit is doubled: mu / alpha and the tick are both halved.
    agree(spreads(3_000, SECONDS, tick=50), usual, ratio=0.5)


def test_all_rates_a_tick_that_give_the_same_ratios_give_the_same_spread_in_ticks(usual: tuple[float, float]) -> None:
    agree(spreads(4_000, SECONDS / 3, tick=10, alpha=3 * ALPHA, mu=3 * MU, delta=3 * DELTA), usual, ratio=0.1)


def test_where_the_tick_is_small_doubling_the_limit_rate_alone_nearly_halves_the_spread() -> None:
    sparse, dense = (spreads(5_000, 900.0, alpha=alpha, reach=300, mu=16.0) for alpha in (0.25, 0.5))
    ratio = dense[0] / sparse[0]
    print(f"ratio {ratio:.4f}")
    assert 0.5 < ratio < 0.55, "the tick, a tenth of the spread or less, is all that does not scale"


@pytest.mark.parametrize(("alpha", "delta"), [(1.0, 0.25), (2.0, 0.25), (1.0, 0.5)])
def test_far_from_the_touch_the_depth_is_the_rate_over_the_cancel_rate(alpha: float, delta: float) -> None:
    looks, apart = 30, 4 / delta  # four lifetimes from one look to the next
    found = []
    for seed in range(RUNS):
        market = make(6_000 + seed, (looks + 4) * apart, alpha=alpha, delta=delta, mu=1.0)
        far = []
        for look in range(looks):
            market.advance(round((look + 3) * apart * SECOND))
            far += far_counts(market)
        found.append(np.mean(far))
    counts = np.array(found)
    error = counts.std(ddof=1) / math.sqrt(RUNS)
    print(f"alpha {alpha} delta {delta}: depth {counts.mean():.4f} +- {error:.4f} a tick, theory {alpha / delta}")
    assert error <= 0.01 * alpha / delta
    assert abs(counts.mean() - alpha / delta) <= 4 * error


def far_counts(market: Market) -> list[int]:
    """Orders at each price from 15 to 45 ticks from the opposite best, of both sides."""
    quote = market.book.quote()
    assert quote.bid is not None
    assert quote.ask is not None
    counts = []
    for side, best, sign in ((0, quote.ask, -1), (1, quote.bid, 1)):
        depth = {price: count for price, _, count in market.book.depth(side)}
        counts += [depth.get(best + sign * 100 * distance, 0) for distance in range(15, 46)]
    return counts


# --- no long memory ---


def signs_of_trades() -> Array:
    prints = run(7_001, 20_000.0, reach=10, alpha=3.0).book.prints.since()
    return prints[:, 3]


def autocorrelations(signs: Array, lags: list[int]) -> npt.NDArray[np.float64]:
    centred = signs - signs.mean()
    return np.array([(centred[lag:] * centred[:-lag]).mean() for lag in lags]) / centred.var()


def hurst_exponent(signs: Array, blocks: list[int]) -> float:
    """Slope of the log standard deviation of sums over blocks: 1/2 without memory, above with long memory."""
    deviations = [signs[: len(signs) // m * m].reshape(-1, m).sum(axis=1).std() for m in blocks]
    return float(np.polyfit(np.log(blocks), np.log(deviations), 1)[0])


def split_orders(count: int) -> Array:
    """Signs with long memory, for contrast: parents of Pareto (1.5) lengths, piece by piece (Lillo, Mike and Farmer 2005)."""
    rng = np.random.default_rng(3)
    lengths = np.ceil(rng.pareto(1.5, count) + 1).astype(np.int64)
    return np.repeat(rng.choice([-1, 1], count), lengths)[:count]


def test_signs_of_trades_have_no_memory_short_or_long() -> None:
    signs = signs_of_trades()
    count = len(signs)
    assert count >= 100_000
    assert abs(signs.mean()) <= 4 / math.sqrt(count)
    lags = [*range(1, 51), 100, 200, 500, 1000]
    assert np.abs(autocorrelations(signs, lags)).max() <= 4 / math.sqrt(count)
    for m in (10, 100, 1000):
        sums = signs[: count // m * m].reshape(-1, m).sum(axis=1)
        assert abs(sums.var() / m - 1) <= 4 * math.sqrt(2 / (count // m))
    blocks = [1, 3, 10, 30, 100, 300]
    assert abs(hurst_exponent(signs, blocks) - 0.5) <= 0.02
    contrast = split_orders(count)
    assert autocorrelations(contrast, [100])[0] > 10 / math.sqrt(count), "the test would notice"
    assert hurst_exponent(contrast, blocks) > 0.65
