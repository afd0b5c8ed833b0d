"""Why a LOBSTER file cannot be read: the slow second look that finds the line."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from simexec.errors import DataError

_FIELDS: Final = ("time", "type", "order id", "size", "price", "direction")


def explain(path: Path, types: list[str], cause: Exception) -> DataError:
    """The error to raise for a file that the fast reader refused.

    Args:
        path: the file.
        types: what each column must be, ``"float64"`` or ``"int64"``.
        cause: what the fast reader said; used only if the second look finds nothing wrong.
    """
    line = 0
    try:
        for line, row in enumerate(_rows(path), start=1):
            if len(row) != len(types):
                return DataError(f"{path}: line {line}: has {len(row)} fields, right would be {len(types)}")
            for i, (text, kind) in enumerate(zip(row, types, strict=True)):
                if not _fits(text, kind):
                    name = _FIELDS[i] if len(types) == len(_FIELDS) else f"column {i + 1}"
                    what = "a number" if kind == "float64" else "a whole number of 64 bits"
                    return DataError(f"{path}: line {line}: {name} {text!r} is not {what}")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        return DataError(f"{path}: damaged after line {line}: {error}; fetch the file again")
    except UnicodeDecodeError as error:
        return DataError(f"{path}: line {line + 1}: is not text: {error.reason}")
    except OSError as error:
        return DataError(f"{path}: cannot be read: {error.strerror}")
    if line == 0:
        return DataError(f"{path}: is empty")
    return DataError(f"{path}: {cause}")


def _fits(text: str, kind: str) -> bool:
    try:
        if kind == "int64":
            return -(2**63) <= int(text) < 2**63
        float(text)
    except ValueError:
        return False
    return True


def _rows(path: Path) -> Iterator[list[str]]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt", newline="") as lines:
            yield from csv.reader(lines)
    else:
        with path.open(newline="") as lines:
            yield from csv.reader(lines)
