"""Where a backtest's market data come from: the protocol of a loader, and loaders of arrays, files and scenarios."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

from simexec.backtest.array_columns import UNIX, check_order, check_unit, numbers_of, quanta_of, session_times, times_of
from simexec.backtest.config import BacktestConfig, has_unit
from simexec.config.load import load_scenario
from simexec.config.markets import MarketSettings
from simexec.config.scenario import Scenario
from simexec.errors import DataError, InputError
from simexec.experiments.build import load_recordings
from simexec.market.bars import BarFile, BarReport
from simexec.market.levels import Array
from simexec.market.recording import Recording
from simexec.market.tape import BAR_WIDTH, END, OPEN, START, VOLUME, BarTape, QuoteTape, Tape
from simexec.sim.clock import MICROSECOND, SECOND, Duration, parse_duration
from simexec.trading.instrument import Instrument

SESSION: Final = "session"
"""The interval of daily bars: each covers its trading day's session, from open to close."""

_OPTIONS: Final = ("timezone", "columns", "time_unit", "repair")


@attrs.frozen
class DataRequest:
    """What a backtest asks a loader for.

    Attributes:
        instrument: whose data; prices are turned into its price quanta.
        start: first moment that is of interest, with a time zone; ``end`` likewise, not included.
        calendar: of the exchange, None if the market is always open.
        timezone: of the backtest, and of times in files without an offset of their own.
    """

    instrument: Instrument
    start: datetime
    end: datetime
    calendar: str | None = None
    timezone: str = "UTC"

    @classmethod
    def of(cls, config: BacktestConfig, instrument: Instrument) -> DataRequest:
        """What a backtest asks for of one of its instruments."""
        return cls(instrument, config.start, config.end, config.calendar, config.timezone)

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


def since_1970(moment: datetime) -> int:
    """Nanoseconds from 1970-01-01 UTC to a moment with a time zone, exactly."""
    since = moment - UNIX
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * MICROSECOND


def _symbol_of(data: Mapping[str, Any], symbol: str, what: str) -> Any:
    if symbol not in data:
        raise InputError(
            f"no {what} of {symbol!r} were given; there are those of {', '.join(map(repr, data)) or 'none'}"
        )
    return data[symbol]


@attrs.frozen(eq=False)
class BarArrays:
    """Bars in memory: by symbol a mapping of columns, such as a pandas data frame or a dictionary of arrays.

    Columns are ``time``, ``open``, ``high``, ``low``, ``close`` and ``volume``. Times are ``datetime64`` in UTC, pandas' moments
    with a time zone, or whole numbers of ns since 1970. Prices are rounded to the nearest price quantum, volumes down to whole
    shares.

    Attributes:
        data: by symbol.
        interval: length of a bar; ``"session"``: of daily bars, whose times are dates, the session of that day; of a market that
            never closes (``"24/7"``) the day in UTC.
        stamp: whether a bar's time is its ``"start"`` or its ``"end"``; of daily bars it does not matter.

    Raises:
        InputError: an interval that is none, or an unknown stamp.
    """

    data: Mapping[str, Mapping[str, npt.ArrayLike]]
    interval: Duration = attrs.field()
    stamp: str = "start"

    def __attrs_post_init__(self) -> None:
        _check_bars(self.interval, self.stamp)

    def load(self, request: DataRequest) -> Tape:
        """See ``DataLoader``.

        Raises:
            DataError: a column is missing or wrong, a bar is none, or begins before the end of the one before.
            InputError: there are no bars of the symbol, or daily bars and no calendar.
        """
        columns, symbol = _symbol_of(self.data, request.symbol, "bars"), request.symbol
        times = times_of(columns, symbol)
        check_unit(times, symbol, since_1970(request.start))
        if self.interval == SESSION:
            start, end = session_times(times, symbol, request.calendar)
        else:
            length = parse_duration(self.interval)
            start = times - (length if self.stamp == "end" else 0)
            end = start + length
        rows = np.empty((len(times), BAR_WIDTH), np.int64)
        rows[:, START], rows[:, END] = start, end
        quantum = float(request.instrument.quantum)
        for at, name in enumerate(("open", "high", "low", "close"), start=OPEN):
            rows[:, at] = quanta_of(numbers_of(columns, name, symbol, len(times)), name, symbol, quantum)
        rows[:, VOLUME] = np.floor(numbers_of(columns, "volume", symbol, len(times)))
        try:
            return BarTape(rows)
        except DataError as error:
            raise DataError(f"bars of {symbol}: {error}") from None


def _check_bars(interval: Duration, stamp: str | None) -> None:
    """InputError if an interval or a stamp of bars is none."""
    if interval != SESSION and parse_duration(has_unit(interval, "interval")) == 0:
        raise InputError("bars of interval 0 have no length; give one such as '1m', or 'session' for daily bars")
    if stamp not in ("start", "end") and not (interval == SESSION and stamp is None):
        raise InputError(f"stamp {stamp!r} of bars must be 'start' or 'end': which end of the bar its time names")


@attrs.frozen(eq=False)
class _DailyFile:
    """A file of daily bars, each on the session of its date; a ``Tape``."""

    file: BarFile
    request: DataRequest
    is_bars: bool = True

    @property
    def report(self) -> BarReport:
        """Of the latest reading; gaps, which nights and holidays would be, are not counted."""
        return attrs.evolve(self.file.report, gaps=0, longest_gap_ns=0)

    def blocks(self) -> Iterator[Array]:
        """See ``Tape``."""
        count = 0
        for block in self.file.blocks():
            times = session_times(block[:, START], self.request.symbol, self.request.calendar, count)
            block[:, START], block[:, END] = times
            count += len(block)
            yield block


@attrs.frozen(eq=False)
class BarFiles:
    """Files of bars, read block by block; see ``market.bars.BarFile`` for formats, and for what is refused.

    Attributes:
        paths: by symbol; or one path with ``{symbol}`` in it.
        interval: length of a bar; ``"session"``: of daily bars, whose times are dates, as for ``BarArrays``.
        stamp: whether a bar's time is its ``"start"`` or its ``"end"``; of daily bars it does not matter.
        options: further arguments of ``BarFile``: ``timezone``, ``columns``, ``time_unit``, ``repair``. Times without an offset
            are in the backtest's time zone unless ``timezone`` says otherwise.

    Raises:
        InputError: one path without ``{symbol}``, an unknown option, an interval that is none, or an unknown stamp. What is wrong
            in a file is found as it is read.
    """

    paths: Mapping[str, str | Path] | str | Path
    interval: Duration
    stamp: str | None = None
    options: Mapping[str, Any] = attrs.field(factory=dict)
    _tapes: dict[str, BarFile | _DailyFile] = attrs.field(factory=dict, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        _check_bars(self.interval, self.stamp)
        if self.interval == SESSION and "timezone" in self.options:
            raise InputError("times of daily bars are dates, which have no time zone; leave the option timezone out")
        if not isinstance(self.paths, Mapping) and "{symbol}" not in str(self.paths):
            raise InputError(
                f"path {str(self.paths)!r} has no {{symbol}} in it, so every symbol would have its bars; give"
                " {'AAPL': 'aapl.csv'}"
            )
        unknown = sorted(set(self.options) - set(_OPTIONS))
        if unknown:
            raise InputError(f"options {unknown} of files of bars are unknown; there are {', '.join(_OPTIONS)}")

    def load(self, request: DataRequest) -> Tape:
        """See ``DataLoader``."""
        if isinstance(self.paths, Mapping):
            path: str | Path = _symbol_of(self.paths, request.symbol, "files of bars")
        else:
            path = str(self.paths).replace("{symbol}", request.symbol)
        tape: BarFile | _DailyFile
        if self.interval == SESSION:
            if request.calendar is None:
                session_times(np.empty(0, np.int64), request.symbol, None)
            # Dates may come with times of day, and early closes bring those closer together than a day.
            tape = _DailyFile(BarFile(path, request.instrument, interval=1, stamp="start", **self.options), request)
        else:
            options = {"timezone": request.timezone, **self.options}
            assert self.stamp is not None  # as was checked
            tape = BarFile(path, request.instrument, interval=self.interval, stamp=self.stamp, **options)
        self._tapes[request.symbol] = tape
        return tape

    @property
    def reports(self) -> dict[str, BarReport]:
        """What the latest reading of each file has found, by symbol: rows, and with ``repair`` what was left out and why."""
        return {symbol: tape.report for symbol, tape in self._tapes.items()}


@attrs.frozen(eq=False)
class QuoteArrays:
    """Quotes in memory, and trades if they are known: by symbol a mapping of columns.

    Columns of quotes are ``time``, ``bid``, ``bid_size``, ``ask`` and ``ask_size``; of trades ``time``, ``price`` and
    ``quantity``. Times as in ``BarArrays``. A size of 0 says that nothing is shown on that side; its price may then be NaN.

    Attributes:
        quotes: by symbol.
        trades: by symbol; what is not there is not known.
    """

    quotes: Mapping[str, Mapping[str, npt.ArrayLike]]
    trades: Mapping[str, Mapping[str, npt.ArrayLike]] = attrs.field(factory=dict)

    def load(self, request: DataRequest) -> Tape:
        """See ``DataLoader``.

        Raises:
            DataError: a column is missing or wrong, times run backwards, a quote is crossed, or a size or price is none.
            InputError: there are no quotes of the symbol.
        """
        symbol, instrument = request.symbol, request.instrument
        quotes, trades = _symbol_of(self.quotes, symbol, "quotes"), self.trades.get(symbol)
        named = _columns_of(quotes, request, "quotes", ("bid", "bid_size"), ("ask", "ask_size"))
        more = None if trades is None else _columns_of(trades, request, "trades", ("price", "quantity"))
        try:
            return QuoteTape.of(instrument, named, more)
        except InputError as error:
            raise DataError(f"quotes of {symbol}: {error}") from None


def _columns_of(columns: Any, request: DataRequest, what: str, *sides: tuple[str, str]) -> list[npt.NDArray[Any]]:
    """Times, then a price and a size of each side; a price may be anything where the size is 0."""
    symbol = request.symbol
    times = times_of(columns, symbol)
    check_unit(times, symbol, since_1970(request.start))
    check_order(times, what, symbol)
    found: list[npt.NDArray[Any]] = [times]
    for price, size in sides:
        sizes = numbers_of(columns, size, symbol, len(times))
        found += [numbers_of(columns, price, symbol, len(times), sizes=sizes), sizes]
    return found


class ScenarioMarkets:
    """Order books as a scenario describes them: recordings, or models of order flow, with venue, fees and links.

    Args:
        scenario: or the path of its file. Its order, algorithm and account are not used.
        data: a recording in place of the scenario's flow, as for ``load_scenario``.

    Raises:
        ConfigError, DataError: see ``load_scenario``.
        InputError: a recording beside a scenario that is loaded already.
    """

    def __init__(self, scenario: Scenario | str | Path, data: str | Path | None = None) -> None:
        if isinstance(scenario, Scenario) and data is not None:
            raise InputError(f"data {data} replace the flow of a scenario's file; give the path of that")
        self.scenario = scenario if isinstance(scenario, Scenario) else load_scenario(scenario, data=data)
        self._recordings: dict[str, Recording | None] | None = None

    def load(self, request: DataRequest) -> BookData:
        """See ``DataLoader``."""
        markets = [one for one in self.scenario.all_markets() if not one.is_dark]
        places = [one for one in markets if one.instrument.symbol == request.symbol]
        if not places:
            known = ", ".join(repr(one.instrument.symbol) for one in markets)
            raise InputError(f"the scenario {self.scenario.name!r} trades no {request.symbol!r}, but {known}")
        if len(places) > 1:
            venues = ", ".join(one.venue.name for one in places)
            raise InputError(
                f"the scenario {self.scenario.name!r} trades {request.symbol!r} at {venues}; leave one of them, since a backtest"
                " has one market of a symbol"
            )
        found = places[0]
        if self._recordings is None:
            names = [one.name for one in self.scenario.all_markets()]
            self._recordings = dict(zip(names, load_recordings(self.scenario), strict=True))
        return BookData(found, self._recordings[found.name])
