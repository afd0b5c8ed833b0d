"""What travels to a worker process and back: bytes, and where that is impossible the name of the part that cannot travel."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import FunctionType

import cloudpickle

from simexec.errors import InputError

dumps: Callable[[object], bytes] = cloudpickle.dumps
"""A thing as bytes, classes and functions of ``__main__`` by value."""


def summary(error: BaseException) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {error}"


def pack_setup(function: Callable[..., object], shared: object) -> bytes:
    """A function and what all its calls share; InputError names the part that cannot be pickled."""
    try:
        return dumps((function, shared))
    except Exception:
        pack(f"function {getattr(function, '__qualname__', type(function).__name__)}", function)
        pack("what is shared", shared)
        raise


def pack(what: str, thing: object) -> bytes:
    """A thing as bytes.

    Raises:
        InputError: it cannot be pickled; the message names the part that cannot.
    """
    try:
        return dumps(thing)
    except Exception as error:
        raise InputError(
            f"{what} cannot be sent to a worker process{because(thing, error)}; make that inside the function, or use one process"
        ) from error


def because(thing: object, error: Exception) -> str:
    """Why a thing cannot be pickled, as the end of a sentence."""
    part = _culprit(thing)
    return f" because of its {part} ({summary(error)})" if part else f" ({summary(error)})"


def _culprit(thing: object, depth: int = 3) -> str:
    """What in a thing cannot be pickled, as far as it can be found; empty: it is the thing itself."""
    parts: dict[str, object] = {}
    if isinstance(thing, FunctionType):
        used = inspect.getclosurevars(thing)
        parts = {f"variable {name}": part for name, part in {**used.globals, **used.nonlocals}.items()}
    elif isinstance(thing, Mapping):
        parts = {f"[{key!r}]": part for key, part in thing.items()}
    elif isinstance(thing, list | tuple):
        parts = {f"[{i}]": part for i, part in enumerate(thing)}
    elif hasattr(thing, "__dict__"):
        parts = {f".{name}": part for name, part in vars(thing).items()}
    for name, part in parts.items():
        try:
            dumps(part)
        except Exception:
            return name + (_culprit(part, depth - 1) if depth else "")
    return ""
