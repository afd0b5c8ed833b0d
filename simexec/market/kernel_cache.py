"""numba's code cache on disk: what of it must not be used any more."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

KERNELS: Final = (
    "layout", "levels", "handle", "log", "stops", "book", "auction", "reactions", "entry", "replay", "flow", "merged",
    "anchoring", "l3", "l3_progress", "l3_trades", "transcript", "generator", "activity", "cst",
)  # fmt: skip
"""Modules of compiled functions, and of the constants that are compiled into them."""


def delete_stale_kernels(room: Path) -> list[Path]:
    """Delete code in ``room/__pycache__`` that is older than any kernel's source; return the index files deleted.

    numba compares a cached function with the file it is defined in only. It does not see that a function
    which that one calls, and which was compiled into it, has changed in another file. Where the folder cannot be written
    nothing is deleted: there numba keeps its code elsewhere, by the package's path and version of the file.
    """
    newest = max(((room / f"{name}.py").stat().st_mtime for name in KERNELS), default=0.0)
    deleted = []
    for index in sorted((room / "__pycache__").glob("*.nbi")):
        with suppress(OSError):
            if index.stat().st_mtime < newest:
                for data in index.parent.glob(f"{index.stem}.*.nbc"):
                    data.unlink(missing_ok=True)
                index.unlink(missing_ok=True)
                deleted.append(index)
    return deleted
