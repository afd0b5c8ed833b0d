"""A limit on how many messages a participant may send to a venue in a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any

import attrs

from simexec.errors import InputError
from simexec.sim import Simulation, parse_duration


class ThrottleAction(Enum):
    """What happens to a message beyond the limit: it is refused, or waits until it may go on."""

    REJECT = "REJECT"
    QUEUE = "QUEUE"


@attrs.frozen
class Throttle:
    """At most ``messages`` new orders and replaces of a participant in any time ``(t - window, t]``.

    Cancels and mass cancels do not count and are never refused, since taking risk away must always be possible; where
    messages wait, a cancel keeps its place behind those that its sender sent before. A refused message does not count.

    Args:
        messages: positive.
        window: positive; a duration such as "1s".
        action: on messages beyond the limit.

    Raises:
        InputError: a number is not positive.
    """

    messages: int
    window: int = attrs.field(converter=parse_duration)
    action: ThrottleAction = ThrottleAction.REJECT

    def __attrs_post_init__(self) -> None:
        if self.messages < 1 or self.window < 1:
            raise InputError(f"{self} lets nothing through; give at least 1 message and 1 ns")


class ThrottledEntry:
    """The throttle at work in front of a gateway.

    Args:
        sim: the simulation.
        throttle: the limit.
        enter: takes a message that may go on; ``refuse`` one that may not.

    Attributes:
        refused: messages that were; ``delayed``: those that had to wait.
    """

    def __init__(
        self, sim: Simulation, throttle: Throttle, enter: Callable[[Any], object], refuse: Callable[[Any], object]
    ) -> None:
        self.refused = self.delayed = 0
        self._sim = sim
        self._throttle = throttle
        self._enter = enter
        self._refuse = refuse
        self._sent: dict[int, deque[int]] = {}  # by sender: when the latest messages that count went on
        self._last: dict[int, int] = {}  # by sender: when the last one that waits goes on
        self._waiting: dict[int, Any] = {}  # by ticket

    def take(self, sender: int, message: Any, counts: bool) -> None:
        """A message of a sender comes, which counts or does not."""
        now, limit = self._sim.now, self._throttle.messages
        allowed, sent = now, self._sent.setdefault(sender, deque(maxlen=limit))
        if counts and len(sent) == limit:
            allowed = max(now, sent[0] + self._throttle.window)
            if allowed > now and self._throttle.action is ThrottleAction.REJECT:
                self.refused += 1
                self._refuse(message)
                return
        # Nobody overtakes a message of his own that waits, also not one that goes on at this very time.
        last = self._last.get(sender, -1)
        allowed = max(allowed, last)
        if counts:
            sent.append(allowed)
        if allowed > now or last == now:
            self.delayed += 1
            self._last[sender] = allowed
            self._waiting[self.delayed] = message
            self._sim.call_at(allowed, self._go_on, self.delayed)
        else:
            self._enter(message)

    def _go_on(self, ticket: int) -> None:
        message = self._waiting.pop(ticket, None)
        if message is not None:
            self._enter(message)

    def release(self) -> None:
        """Let all that waits go on at once."""
        for ticket in tuple(self._waiting):
            self._go_on(ticket)
