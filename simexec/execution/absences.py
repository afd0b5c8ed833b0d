"""Venues that a router leaves out for a while: they refused, or do not answer."""

from __future__ import annotations

import attrs

Market = tuple[str, str]
"""Symbol and venue."""

OURSELVES = ""
"""In the place of a venue's name where our own side refuses."""


@attrs.define
class _Absence:
    """Since when a market has been refusing, and the orders that it does not answer."""

    until_ns: int = 0
    pause_ns: int = 0
    unanswered: set[str] = attrs.Factory(set)


class Absences:
    """Which markets are left out, and until when.

    Args:
        pause_ns: after a refusal; doubled with every further one, until the market accepts an order.
        longest_ns: to which it grows.
    """

    def __init__(self, pause_ns: int, longest_ns: int) -> None:
        self._pause, self._longest = pause_ns, longest_ns
        self._absences: dict[Market, _Absence] = {}

    def _of(self, market: Market) -> _Absence:
        return self._absences.setdefault(market, _Absence())

    def refused(self, market: Market, now_ns: int) -> None:
        """An order was refused; those that come back while the market is left out already say nothing new."""
        absence = self._of(market)
        if now_ns >= absence.until_ns:
            absence.pause_ns = min(2 * absence.pause_ns or self._pause, self._longest)
            absence.until_ns = now_ns + absence.pause_ns

    def accepted(self, market: Market) -> None:
        """An order was accepted there."""
        absence = self._absences.get(market)
        if absence is not None:
            absence.pause_ns = absence.until_ns = 0

    def silent(self, market: Market, order_id: str) -> None:
        """There was no answer to an order in time."""
        self._of(market).unanswered.add(order_id)

    def answered(self, market: Market, order_id: str) -> None:
        """An order has ended after all."""
        absence = self._absences.get(market)
        if absence is not None:
            absence.unanswered.discard(order_id)

    def is_out(self, market: Market, now_ns: int) -> bool:
        """Whether a market is left out now."""
        absence = self._absences.get(market)
        return absence is not None and (now_ns < absence.until_ns or bool(absence.unanswered))

    def next_return(self, symbol: str, now_ns: int) -> int | None:
        """When the next pause of a market of this symbol ends (ns), None if none does."""
        ends = [one.until_ns for (what, _), one in self._absences.items() if what == symbol and one.until_ns > now_ns]
        return min(ends, default=None)
