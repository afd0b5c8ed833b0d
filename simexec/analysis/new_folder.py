"""A folder that appears complete, or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from simexec.errors import InputError


def check_out_dir(out_dir: Path) -> None:
    """Refuse a folder that ``new_folder`` could not write, so that no run is made in vain.

    Raises:
        InputError: it is a file, not empty, the working folder or a mount point, or its place cannot be written to.
    """
    try:
        folder = out_dir.resolve()
        folder.exists()
    except OSError as error:
        raise InputError(f"{out_dir} cannot be a folder: {error.strerror}; give a shorter name") from error
    if folder.exists():
        if not folder.is_dir():
            raise InputError(f"{out_dir} is a file; give the name of a new folder")
        if any(folder.iterdir()):
            raise InputError(f"{out_dir} is not empty; give the name of a new folder, or empty it first")
        if folder == Path.cwd() or folder.is_mount():
            raise InputError(f"{out_dir} cannot be replaced in one step; give the name of a new folder inside it")
    place = next(parent for parent in folder.parents if parent.exists())
    if not place.is_dir():
        raise InputError(f"{out_dir} would lie inside {place}, which is a file; give a folder elsewhere")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(f"{out_dir} would lie inside {place}, which is not writable; give a folder elsewhere")
    try:
        Path(tempfile.mkdtemp(dir=place)).rmdir()
    except OSError as error:
        raise InputError(f"{out_dir} would lie inside {place}: {error.strerror}; give a folder elsewhere") from error


@contextlib.contextmanager
def new_folder(out_dir: Path) -> Iterator[Path]:
    """Give a temporary folder beside ``out_dir``, which takes its place and name at the end, unless something fails.

    Args:
        out_dir: new, or an empty folder.

    Raises:
        InputError: it is refused, see ``check_out_dir``; nothing was written.
    """
    check_out_dir(out_dir)
    folder = out_dir.resolve()
    missing = [parent for parent in folder.parents if not parent.exists()]  # the innermost first
    partial = folder.with_name(f".{folder.name[:100]}-{secrets.token_hex(4)}.partial")
    try:
        partial.mkdir(parents=True)
        yield partial
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        with contextlib.suppress(OSError):  # one that was never made, or that somebody else uses by now
            for parent in missing:
                parent.rmdir()
        raise
