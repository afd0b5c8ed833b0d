"""Data that were loaded once, for many backtests."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping

import attrs
import numpy as np

from simexec.backtest.config import BacktestConfig
from simexec.backtest.data import UNIX, BookData, ClippedTape, DataLoader, DataRequest, MarketSource
from simexec.market.levels import Array
from simexec.market.tape import Tape


@attrs.frozen(eq=False)
class RowsInMemory:
    """A tape of which all rows are in memory, and were checked when they were read; a ``Tape``."""

    rows: Array
    is_bars: bool

    def blocks(self) -> Iterator[Array]:
        """See ``Tape``."""
        if len(self.rows):
            yield self.rows


@attrs.frozen(eq=False)
class LoadedData:
    """A ``DataLoader`` that gives what was loaded before.

    Attributes:
        sources: by symbol.
    """

    sources: Mapping[str, MarketSource]

    @classmethod
    async def of(cls, config: BacktestConfig, loader: DataLoader) -> LoadedData:
        """Load all that a backtest needs: rows within its period, and order books as they are.

        Raises:
            InputError: there are none, or they are wrong.
        """
        sources: dict[str, MarketSource] = {}
        for instrument in config.traded.values():
            request = DataRequest(instrument, config.start, config.end, config.calendar)
            found = loader.load(request)
            source: MarketSource = await found if inspect.isawaitable(found) else found
            sources[instrument.symbol] = source if isinstance(source, BookData) else _in_memory(source, config)
        return cls(sources)

    def load(self, request: DataRequest) -> MarketSource:
        """See ``DataLoader``."""
        return self.sources[request.symbol]


def _in_memory(tape: Tape, config: BacktestConfig) -> RowsInMemory:
    first, last = (round((moment - UNIX).total_seconds()) * 10**9 for moment in (config.start, config.end))
    blocks = list(ClippedTape(tape, 0, first, last).blocks())
    return RowsInMemory(np.concatenate(blocks) if blocks else np.empty((0, 7), np.int64), tape.is_bars)
