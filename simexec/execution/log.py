"""The logger of the execution module: quiet unless it is asked for, and every record says the simulated time.

``logging.getLogger("execution").setLevel(logging.DEBUG)`` with any handler shows what happens to orders. A record has
``simulated_ns``, and ``simulated``, the same as a time of day since the run's epoch, for formatters; the message begins with it.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from simexec.sim.clock import format_time_of_day

LOGGER: Final = logging.getLogger("execution")
LOGGER.addHandler(logging.NullHandler())  # without it Python prints warnings of a program that configured nothing


def log(level: int, now_ns: int, text: str, *arguments: Any) -> None:
    """Log a message at a simulated time; ``arguments`` are put into the text only if somebody listens."""
    if LOGGER.isEnabledFor(level):
        simulated = format_time_of_day(now_ns)
        LOGGER.log(
            level, f"%s {text}", simulated, *arguments, extra={"simulated": simulated, "simulated_ns": now_ns}, stacklevel=2
        )  # fmt: skip
