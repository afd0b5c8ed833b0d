"""numba's code cache on disk: what of it must not be used any more."""

from __future__ import annotations

from pathlib import Path


def delete_stale_kernels(package: Path) -> list[Path]:
    """Delete cached code where any module beside it is newer; return the index files that were deleted.

    numba compares a cached function with the file it is defined in only. It does not see that a function
    which that one calls, and which was compiled into it, has changed in another file.
    """
    deleted = []
    for index in sorted(package.glob("**/__pycache__/*.nbi")):
        newest = max((source.stat().st_mtime for source in index.parent.parent.glob("*.py")), default=0.0)
        if index.stat().st_mtime < newest:
            for data in index.parent.glob(f"{index.stem}.*.nbc"):
                data.unlink(missing_ok=True)
            index.unlink(missing_ok=True)
            deleted.append(index)
    return deleted
