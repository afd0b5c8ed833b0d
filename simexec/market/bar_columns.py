"""Columns of a bar file as they are stored, text or typed, turned into numbers without losing where what was wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from simexec.errors import DataError

FIELDS: Final = ("time", "open", "high", "low", "close", "volume")

_BATCH_ROWS: Final = 1 << 16
_BLOCK_BYTES: Final = 1 << 21
_MISSING: Final = ["", "NA", "N/A", "null", "NULL", "None"]


@attrs.frozen(eq=False)
class Column:
    """One column of a block.

    Attributes:
        values: int64 ns since 1970 of a time, float64 otherwise.
        fine: where a finite number was read.
        shown: a row's value as the file has it.
    """

    values: npt.NDArray[Any]
    fine: npt.NDArray[np.bool_]
    shown: Callable[[int], str]


class BarSource(Protocol):
    """An open file."""

    def batches(self) -> Iterator[tuple[int, Any]]:
        """Record batches, each with the number of its first row among those handed out, from 0."""

    def line_of(self, row: int) -> int:
        """Line in the file, from 1, of a row handed out; the row itself, from 1, where a file has no lines."""


def open_file(path: Path, names: Mapping[str, str], *, on_fields: Callable[[int, str], None]) -> BarSource:
    """Open a file by its ending; ``on_fields`` is told lines with too many or too few fields, and may raise.

    Raises:
        DataError: the ending is unknown.
    """
    if path.suffix == ".parquet":
        return _ParquetSource(path, list(names.values()))
    if path.suffix == ".csv" or path.name.endswith(".csv.gz"):
        return _CsvSource(path, list(names.values()), on_fields)
    raise DataError(f"{path}: the ending is not .csv, .csv.gz or .parquet; rename or convert the file")


class _CsvSource:
    """All columns as text, so that what is not a number is found by line."""

    def __init__(self, path: Path, names: list[str], on_fields: Callable[[int, str], None]) -> None:
        self._path, self._names, self._on_fields = path, names, on_fields
        self._skipped: list[int] = []  # lines that were not handed out
        self._told = 0
        self._lines: list[tuple[int, str]] = []

    def line_of(self, row: int) -> int:
        line = row + 2
        for skipped in self._skipped:
            line += skipped <= line
        return line

    def _skip(self, row: Any) -> str:
        self._lines.append((row.number, row.text))
        self._skipped.append(row.number)
        return "skip"

    def _tell(self) -> None:
        """Not in the reader's own callback, which swallows exceptions."""
        for line, text in self._lines[self._told :]:
            self._on_fields(line, text)
        self._told = len(self._lines)

    def batches(self) -> Iterator[tuple[int, Any]]:
        import pyarrow as pa
        from pyarrow import csv

        text = {name: pa.string() for name in self._names}
        convert = csv.ConvertOptions(
            include_columns=self._names, column_types=text, null_values=_MISSING, strings_can_be_null=True
        )
        parse = csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=self._skip)
        read = csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES)
        first = 0
        try:
            with csv.open_csv(self._path, read, parse, convert) as reader:
                for batch in reader:
                    self._tell()
                    yield first, batch
                    first += batch.num_rows
                self._tell()
        except FileNotFoundError:
            raise DataError(f"{self._path}: does not exist; check the path") from None
        except (pa.ArrowException, OSError) as error:
            where = f"after line {self.line_of(first - 1)}: " if first else ""
            raise DataError(f"{self._path}: {where}{_first_line(error)}; columns wanted: {self._names}") from None


class _ParquetSource:
    def __init__(self, path: Path, names: list[str]) -> None:
        self._path, self._names = path, names

    def line_of(self, row: int) -> int:
        return row + 1

    def batches(self) -> Iterator[tuple[int, Any]]:
        import pyarrow as pa
        from pyarrow import parquet

        first = 0
        try:
            # A buffered stream: a whole row group, which may be the file, need not be in memory.
            with parquet.ParquetFile(self._path, buffer_size=1 << 20, pre_buffer=False) as file:
                missing = set(self._names) - set(file.schema_arrow.names)
                if missing:
                    raise DataError(f"{self._path}: has no column {min(missing)!r}, only {file.schema_arrow.names}")
                for batch in file.iter_batches(_BATCH_ROWS, columns=self._names, use_threads=False):
                    yield first, batch
                    first += batch.num_rows
        except FileNotFoundError:
            raise DataError(f"{self._path}: does not exist; check the path") from None
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{self._path}: after row {first}: {_first_line(error)}; fetch it again") from None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def columns_of(batch: Any, names: Mapping[str, str], timezone: str, unit: str | None) -> dict[str, Column]:
    """The six columns of a batch as numbers."""
    columns = {}
    for field, name in names.items():
        array = batch.column(batch.schema.get_field_index(name))
        columns[field] = _times(array, timezone, unit) if field == "time" else _numbers(array)
    return columns


def _shown(array: Any) -> Callable[[int], str]:
    return lambda row: repr(array[row].as_py())


def _numbers(array: Any) -> Column:
    import pyarrow as pa

    cast = _cast(array, pa.float64())
    values = cast.to_numpy(zero_copy_only=False).astype(np.float64)  # a missing one is NaN
    return Column(values, np.isfinite(values), _shown(array))


def _times(array: Any, timezone: str, unit: str | None) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(array.type):
        array = pc.utf8_trim_whitespace(array)
        if unit is not None:
            array = _cast(array, pa.int64())
        elif any(_has_offset(text) for text in array[:1].to_pylist()):
            return _to_ns(_cast(array, pa.timestamp("ns", "UTC")), array)
        else:
            return _to_ns(_zoned(_cast(array, pa.timestamp("ns")), timezone), array)
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
        if unit is None:
            raise DataError(f"times are numbers such as {array[0].as_py()}; say of which unit (time_unit)")
        scaled = _cast(array, pa.int64())
        return _to_ns(_cast(_cast(scaled, pa.timestamp(unit)), pa.timestamp("ns")), array)
    if pa.types.is_timestamp(array.type) and array.type.tz is not None:
        return _to_ns(_cast(array, pa.timestamp("ns", "UTC")), array)
    return _to_ns(_zoned(_cast(array, pa.timestamp("ns")), timezone), array)


def _has_offset(text: str | None) -> bool:
    return text is not None and (text.endswith("Z") or "+" in text or "-" in text[10:])


def _zoned(array: Any, timezone: str) -> Any:
    """Local times as moments; what does not exist, or exists twice, is missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if timezone == "UTC":
        return array
    early = pc.assume_timezone(array, timezone, ambiguous="earliest", nonexistent="earliest")
    late = pc.assume_timezone(array, timezone, ambiguous="latest", nonexistent="latest")
    same = pc.equal(pc.cast(early, pa.int64()), pc.cast(late, pa.int64()))
    return pc.if_else(same, early, pa.scalar(None, early.type))


def _to_ns(moments: Any, array: Any) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    fine = pc.is_valid(moments).to_numpy(zero_copy_only=False)
    values = pc.fill_null(pc.cast(moments, pa.int64()), 0).to_numpy(zero_copy_only=False)
    return Column(values, fine, _shown(array))


def _cast(array: Any, kind: Any) -> Any:
    """Cast; what cannot be cast is missing afterwards."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(array.type):
        array = pc.utf8_trim_whitespace(array)
    try:
        return pc.cast(array, kind)
    except pa.ArrowInvalid:
        return pa.concat_arrays([_cast_one(array[i : i + 1], kind) for i in range(len(array))])


def _cast_one(array: Any, kind: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return pc.cast(array, kind)
    except pa.ArrowInvalid:
        return pa.nulls(1, kind)
