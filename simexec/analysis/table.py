"""A table of figures: NumPy columns by name, with the units in the names.

What is not known is masked in a column of whole numbers or truth values, NaN in one of reals, and None in one of texts. Arrow
has null for all of them, rows have None, and pandas its own missing value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from simexec.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

Array: TypeAlias = npt.NDArray[Any]


def integers(values: Iterable[int | None]) -> Array:
    """A column of whole numbers; None is masked."""
    return _masked(list(values), np.int64)


def flags(values: Iterable[bool | None]) -> Array:
    """A column of truth values; None is masked."""
    return _masked(list(values), np.bool_)


def reals(values: Iterable[float | None]) -> Array:
    """A column of real numbers; None is NaN."""
    return np.array([np.nan if value is None else value for value in values], np.float64)


def texts(values: Iterable[str | None]) -> Array:
    """A column of texts, or None."""
    found = list(values)
    column = np.empty(len(found), object)
    column[:] = found
    return column


def _masked(values: list[Any], kind: type[Any]) -> Array:
    missing = [value is None for value in values]
    if not any(missing):
        return np.array(values, kind)
    return np.ma.masked_array(np.array([0 if value is None else value for value in values], kind), mask=missing)


class Table:
    """Columns of one length.

    Args:
        columns: by name, in order; ``integers``, ``flags``, ``reals`` and ``texts`` make them from lists.

    Raises:
        InputError: they are not of one length.
    """

    def __init__(self, columns: Mapping[str, Array]) -> None:
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise InputError(f"columns of different lengths are no table: {lengths}; give columns of one length")
        self._columns = dict(columns)

    def __len__(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    def __getitem__(self, name: str) -> Array:
        return self._columns[name]

    def __repr__(self) -> str:
        return f"Table({len(self)} rows: {', '.join(self.names)})"

    @property
    def names(self) -> list[str]:
        """Names of the columns, in order."""
        return list(self._columns)

    def those(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Table:
        """Some of the rows, by a column of truth values or of row numbers."""
        return Table({name: column[which] for name, column in self._columns.items()})

    def to_dict(self) -> dict[str, list[Any]]:
        """Columns as lists, with None where nothing is known: what JSON can hold."""
        return {name: _listed(column) for name, column in self._columns.items()}

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows as objects, with None where nothing is known."""
        columns = self.to_dict()
        for row in zip(*columns.values(), strict=True):
            yield dict(zip(columns, row, strict=True))

    def to_arrow(self) -> pa.Table:
        """The same in Arrow; texts are encoded by dictionary."""
        import pyarrow as pa

        return pa.table({name: _arrow(pa, column) for name, column in self._columns.items()})

    def to_pandas(self) -> Any:
        """The same as a pandas DataFrame.

        Raises:
            InputError: pandas, which nothing else here needs, is not installed.
        """
        table = self.to_arrow()
        try:
            return table.to_pandas()
        except ImportError:
            raise InputError(
                "pandas is not installed, and only this conversion needs it; pip install pandas, or use to_arrow()"
            ) from None


def _listed(column: Array) -> list[Any]:
    if column.dtype.kind == "f":
        return [None if value != value else value for value in column.tolist()]
    return list(column.tolist())  # of a masked array it has None where it is masked


def _arrow(pa: Any, column: Array) -> Any:
    if column.dtype == object:
        return pa.array(column, pa.dictionary(pa.int32(), pa.string()))
    if isinstance(column, np.ma.MaskedArray):
        return pa.array(column.data, mask=np.ma.getmaskarray(column))
    if column.dtype.kind == "f":
        return pa.array(column, from_pandas=True)  # NaN is null
    return pa.array(column)
