"""Which format a recording's file has, told without reading it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_DBN: Final = (b"DBN", b"\x28\xb5\x2f\xfd")
_ZIP: Final = b"PK\x03\x04"


def format_of(path: Path) -> str:
    """``"lobster"``, ``"databento"`` or ``"hftbacktest"``: by the file's first bytes, of one that cannot be read by its name."""
    try:
        with path.open("rb") as file:
            first = file.read(4)
    except OSError:
        first = b""  # its reader says why
    if first.startswith(_DBN) or (not first and {".dbn", ".zst"} & set(path.suffixes)):
        return "databento"
    return "hftbacktest" if first == _ZIP or path.suffix == ".npz" else "lobster"
