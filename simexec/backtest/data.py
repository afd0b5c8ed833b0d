"""Where a backtest's market data come from: the protocol of a loader, and loaders of arrays, files and scenarios."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

from simexec.backtest.sessions import sessions
from simexec.config.load import load_scenario
from simexec.config.markets import MarketSettings
from simexec.config.scenario import Scenario
from simexec.errors import DataError, InputError
from simexec.experiments.build import load_recordings
from simexec.market.bars import BarFile
from simexec.market.levels import Array
from simexec.market.recording import Recording
from simexec.market.tape import BAR_WIDTH, END, START, TIME, BarTape, QuoteTape, Tape
from simexec.sim.clock import Duration, parse_duration
from simexec.trading.instrument import LARGEST_COUNT, Instrument

UNIX: Final = datetime(1970, 1, 1, tzinfo=UTC)

SESSION: Final = "session"
"""The interval of daily bars: each covers its trading day's session, from open to close."""


@attrs.frozen
class DataRequest:
    """What a backtest asks a loader for.

    Attributes:
        instrument: whose data; prices are turned into its price quanta.
        start: first moment that is of interest, with a time zone; ``end`` likewise, not included.
        calendar: of the exchange, None if the market is always open.
    """

    instrument: Instrument
    start: datetime
    end: datetime
    calendar: str | None = None

    @property
    def symbol(self) -> str:
        """Symbol of the instrument."""
        return self.instrument.symbol


@attrs.frozen(eq=False)
class BookData:
    """A market with an order book: a recording, or a model of order flow.

    Attributes:
        settings: the venue with its rules, fees and links, and the flow.
        recording: what was read, if the flow is a recording.
    """

    settings: MarketSettings
    recording: Recording | None


MarketSource: TypeAlias = Tape | BookData
"""What a loader returns. The times of a tape are ns since 1970-01-01 UTC."""


class DataLoader(Protocol):
    """Who brings market data."""

    def load(self, request: DataRequest) -> MarketSource | Awaitable[MarketSource]:
        """The data of one symbol; it may bring more than was asked for, which is left out.

        Raises:
            InputError: there are none, or they are wrong.
        """


class ClippedTape:
    """A tape on the run's own clock, and of it the rows within a period.

    Args:
        tape: times in ns since 1970.
        epoch_ns: the run's epoch, ns since 1970.
        start_ns: rows that begin earlier are left out, ns since the run's epoch; so are rows known later than ``end_ns``.
    """

    def __init__(self, tape: Tape, epoch_ns: int, start_ns: int, end_ns: int) -> None:
        self.is_bars = tape.is_bars
        self._tape = tape
        self._epoch, self._start, self._end = epoch_ns, start_ns, end_ns

    def blocks(self) -> Iterator[Array]:
        """See ``Tape``."""
        first, known = (START, END) if self.is_bars else (TIME, TIME)
        times = [START, END] if self.is_bars else [TIME]
        for block in self._tape.blocks():
            rows = block.copy()
            rows[:, times] -= self._epoch
            over = rows[:, known] > self._end
            wanted = rows[(rows[:, first] >= self._start) & ~over]
            if len(wanted):
                yield wanted
            if over.all():
                return


def _symbol_of(data: Mapping[str, Any], symbol: str, what: str) -> Any:
    if symbol not in data:
        raise InputError(
            f"no {what} of {symbol!r} were given; there are those of {', '.join(map(repr, data)) or 'none'}"
        )
    return data[symbol]


@attrs.frozen(eq=False)
class BarArrays:
    """Bars in memory: by symbol a mapping of columns, such as a pandas data frame or a dictionary of arrays.

    Columns are ``time``, ``open``, ``high``, ``low``, ``close`` and ``volume``. Times are ``datetime64`` in UTC, or whole numbers
    of ns since 1970. Prices are rounded to the nearest price quantum, volumes down to whole shares.

    Attributes:
        data: by symbol.
        interval: length of a bar; ``"session"``: of daily bars, whose times are dates, the session of that day.
        stamp: whether a bar's time is its ``"start"`` or its ``"end"``; of daily bars it does not matter.

    Raises:
        InputError: an interval that is none, or an unknown stamp.
    """

    data: Mapping[str, Mapping[str, npt.ArrayLike]]
    interval: Duration = attrs.field()
    stamp: str = "start"

    def __attrs_post_init__(self) -> None:
        if self.interval != SESSION and parse_duration(self.interval) == 0:
            raise InputError("bars of interval 0 have no length; give one such as '1m', or 'session' for daily bars")
        if self.stamp not in ("start", "end"):
            raise InputError(
                f"stamp {self.stamp!r} of bars must be 'start' or 'end': which end of the bar its time names"
            )

    def load(self, request: DataRequest) -> Tape:
        """See ``DataLoader``."""
        columns, symbol = _symbol_of(self.data, request.symbol, "bars"), request.symbol
        times = _times(columns, symbol)
        if self.interval == SESSION:
            start, end = _session_times(times, request)
        else:
            length = parse_duration(self.interval)
            start = times - (length if self.stamp == "end" else 0)
            end = start + length
        rows = np.empty((len(times), BAR_WIDTH), np.int64)
        rows[:, 0], rows[:, 1] = start, end
        quantum = float(request.instrument.quantum)
        for at, name in enumerate(("open", "high", "low", "close", "volume"), start=2):
            values = _column(columns, name, symbol, len(times))
            rows[:, at] = np.floor(values) if name == "volume" else np.rint(values / quantum)
        try:
            return BarTape(rows)
        except DataError as error:
            raise DataError(f"bars of {symbol}: {error}") from None


def _column(columns: Any, name: str, symbol: str, length: int | None = None) -> npt.NDArray[np.float64]:
    try:
        values = np.asarray(columns[name], np.float64)
    except (KeyError, IndexError, ValueError, TypeError):
        raise DataError(f"data of {symbol} have no column {name!r} of numbers") from None
    if length is not None and len(values) != length:
        raise DataError(f"column {name!r} of {symbol} has {len(values)} rows, and time has {length}")
    wrong = ~np.isfinite(values) | (np.abs(values) > LARGEST_COUNT)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(f"{name} of {symbol} in row {row + 1} is {values[row]}; leave the row out")
    return values


def _times(columns: Any, symbol: str) -> Array:
    try:
        values = np.asarray(columns["time"])
    except (KeyError, IndexError, ValueError):
        raise DataError(
            f"data of {symbol} have no column 'time'; an index must be made a column of that name"
        ) from None
    if np.issubdtype(values.dtype, np.datetime64):
        if np.isnat(values).any():
            raise DataError(
                f"time of {symbol} in row {int(np.argmax(np.isnat(values))) + 1} is missing; leave the row out"
            )
        return values.astype("datetime64[ns]").astype(np.int64)
    if np.issubdtype(values.dtype, np.integer):
        return values.astype(np.int64)
    raise DataError(f"times of {symbol} are of type {values.dtype}; give datetime64 in UTC, or whole ns since 1970")


def _session_times(times: Array, request: DataRequest) -> tuple[Array, Array]:
    """Open and close of the session of each date."""
    if request.calendar is None:
        raise InputError(f"daily bars of {request.symbol} cover sessions; give the backtest a calendar, such as 'XNYS'")
    dates = [(UNIX + timedelta(days=int(day))).date() for day in times // (86_400 * 10**9)]
    if not dates:
        return times, times
    known = {one.date: one for one in sessions(request.calendar, min(dates), max(dates), UNIX)}
    for day in dates:
        if day not in known:
            raise DataError(
                f"the bar of {request.symbol} for {day} is of no session of {request.calendar}; leave it out"
            )
    found = [known[day] for day in dates]
    return np.array([one.open_ns for one in found], np.int64), np.array([one.close_ns for one in found], np.int64)


@attrs.frozen(eq=False)
class BarFiles:
    """Files of bars, read block by block; see ``market.bars.BarFile`` for formats, and for what is refused.

    Attributes:
        paths: by symbol; or one path with ``{symbol}`` in it.
        interval: length of a bar.
        stamp: whether a bar's time is its ``"start"`` or its ``"end"``.
        options: further arguments of ``BarFile``: ``timezone``, ``columns``, ``time_unit``, ``repair``.
    """

    paths: Mapping[str, str | Path] | str
    interval: Duration
    stamp: str
    options: Mapping[str, Any] = attrs.field(factory=dict)

    def load(self, request: DataRequest) -> Tape:
        """See ``DataLoader``."""
        if isinstance(self.paths, str):
            path: str | Path = self.paths.replace("{symbol}", request.symbol)
        else:
            path = _symbol_of(self.paths, request.symbol, "files of bars")
        return BarFile(path, request.instrument, interval=self.interval, stamp=self.stamp, **self.options)


@attrs.frozen(eq=False)
class QuoteArrays:
    """Quotes in memory, and trades if they are known: by symbol a mapping of columns.

    Columns of quotes are ``time``, ``bid``, ``bid_size``, ``ask`` and ``ask_size``; of trades ``time``, ``price`` and
    ``quantity``. Times as in ``BarArrays``.

    Attributes:
        quotes: by symbol.
        trades: by symbol; what is not there is not known.
    """

    quotes: Mapping[str, Mapping[str, npt.ArrayLike]]
    trades: Mapping[str, Mapping[str, npt.ArrayLike]] = attrs.field(factory=dict)

    def load(self, request: DataRequest) -> Tape:
        """See ``DataLoader``."""
        symbol = request.symbol
        quotes, trades = _symbol_of(self.quotes, symbol, "quotes"), self.trades.get(symbol)
        named = [
            _times(quotes, symbol),
            *(_column(quotes, name, symbol) for name in ("bid", "bid_size", "ask", "ask_size")),
        ]
        more = (
            None
            if trades is None
            else [_times(trades, symbol), *(_column(trades, n, symbol) for n in ("price", "quantity"))]
        )
        try:
            return QuoteTape.of(request.instrument, named, more)
        except DataError as error:
            raise DataError(f"quotes of {symbol}: {error}") from None


class ScenarioMarkets:
    """Order books as a scenario describes them: recordings, or models of order flow, with venue, fees and links.

    Args:
        scenario: or the path of its file. Its order, algorithm and account are not used.
        data: a recording in place of the scenario's flow, as for ``load_scenario``.

    Raises:
        ConfigError, DataError: see ``load_scenario``.
    """

    def __init__(self, scenario: Scenario | str | Path, data: str | Path | None = None) -> None:
        if isinstance(scenario, Scenario) and data is not None:
            raise InputError(f"data {data} replace the flow of a scenario's file; give the path of that")
        self.scenario = scenario if isinstance(scenario, Scenario) else load_scenario(scenario, data=data)
        self._recordings: dict[str, Recording | None] | None = None

    def load(self, request: DataRequest) -> BookData:
        """See ``DataLoader``."""
        markets = [one for one in self.scenario.all_markets() if not one.is_dark]
        found = next((one for one in markets if one.instrument.symbol == request.symbol), None)
        if found is None:
            known = ", ".join(repr(one.instrument.symbol) for one in markets)
            raise InputError(f"the scenario {self.scenario.name!r} trades no {request.symbol!r}, but {known}")
        if self._recordings is None:
            names = [one.name for one in self.scenario.all_markets()]
            self._recordings = dict(zip(names, load_recordings(self.scenario), strict=True))
        return BookData(found, self._recordings[found.name])
