"""Made-up bars and small strategies, at module level so that processes find them."""

from __future__ import annotations

import attrs
import numpy as np

from simexec.backtest import BarArrays
from simexec.errors import InputError

MINUTE = 60_000_000_000


def made_bars(*symbols: str, count: int = 300, start: str = "2024-01-02", seed: int = 1) -> BarArrays:
    """A random walk a symbol, a bar a minute."""
    rng, data = np.random.default_rng(seed), {}
    for symbol in symbols:
        close = 100 + np.cumsum(rng.integers(-5, 6, count)) / 100
        open_ = np.concatenate([[100.0], close[:-1]])
        data[symbol] = {
            "time": np.datetime64(start, "ns") + np.arange(count) * np.timedelta64(1, "m"),
            "open": open_,
            "high": np.maximum(open_, close) + 0.01,
            "low": np.minimum(open_, close) - 0.01,
            "close": close,
            "volume": np.full(count, 1000),
        }
    return BarArrays(data, "1m")


@attrs.define
class Momentum:
    """Long after so many rising closes, flat after so many falling ones."""

    run: int = 2
    quantity: int = 10
    _last: float = 0.0
    _streak: int = 0

    def on_bar(self, bar: object, trader: object) -> None:
        if self.run < 1:
            raise InputError(f"run {self.run} must be at least 1")
        rises = bar.close > self._last
        self._streak = (max(self._streak, 0) + 1) if rises else (min(self._streak, 0) - 1)
        self._last = bar.close
        if self._streak >= self.run:
            trader.target(bar.symbol, self.quantity)
        elif self._streak <= -self.run:
            trader.target(bar.symbol, 0)
