"""Waiting for something to be seen: an event that happens once, when a condition on what has arrived is fulfilled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from simexec.market.feed import Feed, Keys
from simexec.sim import Event, Simulation


class Wait:
    """An event that happens when ``condition`` gives a value, which it then has; implements ``Waiter``.

    The condition is looked at when it begins, and whenever one of the feeds has a row that may fulfil it. A wait that everybody has
    given up (interrupted, or another event of an ``any_of`` came first) leaves the feeds, so that the market need not stop for it.
    If somebody takes it up again, it looks first whether it has been fulfilled meanwhile.

    Args:
        sim: the simulation.
        condition: what is waited for as it is now, or None.
        places: feeds that may bring it, each with the keys that a quote must reach, or None for any row.

    Attributes:
        event: to be awaited, also in ``any_of`` and ``all_of``, more than once and by several processes.
    """

    def __init__(
        self, sim: Simulation, condition: Callable[[], Any], places: Iterable[tuple[Feed, Keys | None]]
    ) -> None:
        self._condition = condition
        self._places = tuple(places)
        self.event: Event = sim.event()
        self.event.callbacks = _Callbacks(self)
        self.resume()

    def look(self) -> bool:
        """See ``Waiter``."""
        if self.event.triggered:
            return True
        value = self._condition()
        if value is None:
            return False
        self.rest()
        self.event.succeed(value)
        return True

    def resume(self) -> None:
        """Look, and wait for the feeds if it is too early."""
        if not self.look():
            for feed, keys in self._places:
                feed.join(self, keys)

    def rest(self) -> None:
        """Stop waiting for the feeds."""
        for feed, _ in self._places:
            feed.leave(self)


class _Callbacks(list[Any]):
    """Callbacks of an event, that tell its wait when the last of them has been taken away, and when one comes again."""

    def __init__(self, wait: Wait) -> None:
        self._wait = wait
        self._given_up = False

    def append(self, callback: Any) -> None:
        super().append(callback)
        if self._given_up:
            self._given_up = False
            self._wait.resume()

    def remove(self, callback: Any) -> None:
        super().remove(callback)
        if not self and not self._wait.event.triggered:
            self._given_up = True
            self._wait.rest()
