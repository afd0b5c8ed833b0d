"""The reports of some orders as a stream that a process awaits."""

from __future__ import annotations

from collections import deque

from simexec.sim import Event, Simulation
from simexec.trading.report import ExecutionReport


class ReportStream:
    """Reports in order of arrival, for one reader.

    Waiting costs one calendar event, and none when reports are there already.
    """

    __slots__ = ("_reports", "_sim", "_waiting")

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self._reports: deque[ExecutionReport] = deque()
        self._waiting: Event | None = None

    def put(self, report: ExecutionReport) -> None:
        """Add a report and wake the reader."""
        self._reports.append(report)
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting.succeed()

    def arrived(self) -> Event:
        """An event that happens when the next report arrives, at once if one is there; for ``any_of`` with a timeout."""
        if self._waiting is None:
            event = self._sim.event()
            if self._reports:
                event.succeed()
                return event
            self._waiting = event
        return self._waiting

    async def next(self) -> ExecutionReport:
        """Wait for the next report and take it."""
        while not self._reports:
            await self.arrived()
        return self._reports.popleft()

    def take(self) -> list[ExecutionReport]:
        """All reports that are there, without waiting."""
        reports = list(self._reports)
        self._reports.clear()
        return reports
