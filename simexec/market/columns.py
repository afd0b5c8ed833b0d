"""Columns that grow by rows: what a run writes down, in memory or spilled to disk."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.lib.format import open_memmap

from simexec.market.levels import Array

_BLOCK_ROWS: Final = 1 << 18


class Columns:
    """An append-only int64 table.

    In memory it is one array that doubles; with ``spill`` every full block of 262,144 rows goes to a ``.npy`` file in that folder
    and is mapped, not loaded, when it is read.

    Args:
        width: columns.
        spill: folder for full blocks; None keeps all rows in memory.
        name: stem of the block files.
    """

    def __init__(self, width: int, *, spill: Path | None = None, name: str = "columns") -> None:
        self._rows = np.empty((1024, width), np.int64)
        self._used = 0
        self._base = 0
        self._blocks: list[Path] = []
        self._spill = spill
        self._name = name

    def __len__(self) -> int:
        return self._base + self._used

    def append(self, rows: Array) -> None:
        """Copy rows (n, width) to the end."""
        need = self._used + len(rows)
        if need > len(self._rows):
            grown = np.empty((max(need, 2 * len(self._rows)), self._rows.shape[1]), np.int64)
            grown[: self._used] = self._rows[: self._used]
            self._rows = grown
        self._rows[self._used : need] = rows
        self._used = need
        while self._spill is not None and self._used >= _BLOCK_ROWS:
            path = self._spill / f"{self._name}-{len(self._blocks):06d}.npy"
            np.save(path, self._rows[:_BLOCK_ROWS])
            self._blocks.append(path)
            self._rows[: self._used - _BLOCK_ROWS] = self._rows[_BLOCK_ROWS : self._used].copy()
            self._used -= _BLOCK_ROWS
            self._base += _BLOCK_ROWS

    def since(self, start: int = 0) -> Array:
        """Rows from ``start`` on, (n, width); a view of the table where it can be: do not write to it."""
        if start >= self._base:
            return self._rows[start - self._base : self._used]
        first = start // _BLOCK_ROWS
        parts = [np.load(path, mmap_mode="r") for path in self._blocks[first:]]
        parts.append(self._rows[: self._used])
        # one file for all of them, mapped: reading a spilled table must not need the memory that spilling saved
        path = self._blocks[0].with_name(f"{self._name}-all.npy")
        whole = open_memmap(path, "w+", np.int64, (sum(map(len, parts)), self._rows.shape[1]))
        end = 0
        for part in parts:
            whole[end : end + len(part)] = part
            end += len(part)
        return whole[start - first * _BLOCK_ROWS :]
