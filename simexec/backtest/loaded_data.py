"""Data that were loaded once, for many backtests."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping

import attrs
import numpy as np

from simexec.backtest.clipped_tape import ClippedTape
from simexec.backtest.config import BacktestConfig
from simexec.backtest.data import BookData, DataLoader, DataRequest, MarketSource, since_1970
from simexec.market.bars import BarReport
from simexec.market.levels import Array
from simexec.market.tape import Tape


@attrs.frozen(eq=False)
class RowsInMemory:
    """A tape of which all rows are in memory, and were checked when they were read; a ``Tape``.

    Attributes:
        rows: of it.
        is_bars: whether they are bars, rather than quotes and trades.
        report: what reading has found, if they were read from a file of bars.
    """

    rows: Array
    is_bars: bool
    report: BarReport | None = None

    def blocks(self) -> Iterator[Array]:
        """See ``Tape``."""
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
            InputError: there are none, none in the period, or they are wrong.
        """
        sources: dict[str, MarketSource] = {}
        for instrument in config.traded.values():
            request = DataRequest.of(config, instrument)
            found = loader.load(request)
            source: MarketSource = await found if inspect.isawaitable(found) else found
            if not isinstance(source, BookData):
                source = _in_memory(source, config, instrument.symbol)
            sources[instrument.symbol] = source
        return cls(sources)

    def load(self, request: DataRequest) -> MarketSource:
        """See ``DataLoader``."""
        return self.sources[request.symbol]


def _in_memory(tape: Tape, config: BacktestConfig, symbol: str) -> RowsInMemory:
    clipped = ClippedTape(tape, 0, since_1970(config.start), since_1970(config.end), symbol)
    rows = np.concatenate(list(clipped.blocks()))
    return RowsInMemory(rows, tape.is_bars, getattr(tape, "report", None))
