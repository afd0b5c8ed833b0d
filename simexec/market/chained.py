"""A recording up to some time, and a model after it.

Up to the switch the book is the recorded one. From then on the model's orders come to the book as it stands:

- What rests in the book at the switch stays there. Nobody cancels it: it is there until it trades. The recording cannot say
  how long an order would have lived without its owner.
- The model brings no orders of its own to begin with: those that it would have put into an empty book (``ADD``) are left out.
- The model's references are counted from where the recording's end, so that neither touches the other's orders.
"""

from __future__ import annotations

import numpy as np

from simexec.errors import InputError
from simexec.market import layout as at
from simexec.market.levels import Array
from simexec.market.market import Flow, GeneratedFlow
from simexec.market.recording import Recording

_NAMED = (at.ADD, at.LIMIT_AWAY, at.CANCEL)


class ChainedFlow:
    """A recorded flow, then another one.

    Args:
        recording: what comes first.
        then: what comes next: a flow whose messages do not depend on the book's past, such as ``ZeroIntelligence``. It begins at
            ``switch_ns``, and has no use for the book that it would begin with.
        switch_ns: messages of the recording up to and including this time are played, and the next flow's after it.

    Raises:
        InputError: the ticks differ, the recording is in an auction's call at the switch, or the next flow is made from the
            book's own past.
    """

    def __init__(self, recording: Recording, then: Flow, switch_ns: int) -> None:
        if recording.tick_quanta != then.tick_quanta:
            raise InputError(
                f"the next flow's tick is {then.tick_quanta} quanta and the recording's {recording.tick_quanta}; use one instrument"
            )
        if isinstance(then, GeneratedFlow):
            raise InputError(
                f"{type(then).__name__} keeps its own account of the orders in the book, which a recording does not have;"
                " chain a flow such as ZeroIntelligence"
            )
        end = int(np.searchsorted(recording.messages[:, 0], switch_ns, side="right"))
        messages = recording.messages[:end]
        phases = messages[messages[:, 1] & at.KINDS == at.SET_PHASE]
        if len(phases) and phases[-1, 3] != at.CONTINUOUS:
            raise InputError(f"the recording is in an auction's call at {switch_ns} ns; switch when it trades")
        self.recording = recording
        self.references = recording.references + then.references
        self.tick_quanta = recording.tick_quanta
        self._messages: Array = messages
        self._then = then
        self._switch = switch_ns
        self._left_out: list[Array] = []

    def next_messages(self) -> Array | None:
        """See ``Flow``."""
        if len(self._messages):
            messages, self._messages = self._messages, self._messages[:0]
            return messages
        while (made := self._then.next_messages()) is not None:
            self.references = self.recording.references + self._then.references
            kept = (made[:, 0] > self._switch) & (made[:, 1] & at.KINDS != at.ADD)
            self._left_out.append(made[~kept, 0].copy())
            if kept.any():
                made = made[kept]
                made[np.isin(made[:, 1] & at.KINDS, _NAMED), 2] += self.recording.references
                return made
        return None

    def applied(self, time_ns: int) -> int:
        """Rows of the recording and messages of the next flow, up to and including a time."""
        rows = self.recording.rows_until(min(time_ns, self._switch))
        if time_ns <= self._switch:
            return rows
        left_out = sum(int(np.searchsorted(times, time_ns, side="right")) for times in self._left_out)
        return rows + self._then.applied(time_ns) - left_out
