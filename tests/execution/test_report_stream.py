"""Reports as a stream that a process awaits."""

from __future__ import annotations

from simexec.execution import ReportStream
from simexec.sim import Simulation
from simexec.trading.report import ExecType, ExecutionReport


def report(name: str) -> ExecutionReport:
    return ExecutionReport(name, "a", ExecType.NEW, 0, 0, 1)


def test_a_reader_waits_for_the_next_report() -> None:
    with Simulation() as sim:
        stream = ReportStream(sim)
        sim.call_at(5, stream.put, report("x1"))

        async def main() -> tuple[str, int]:
            return (await stream.next()).exec_id, sim.now

        assert sim.run(main()) == ("x1", 5)


def test_reports_that_are_there_are_taken_without_an_event() -> None:
    with Simulation() as sim:
        stream = ReportStream(sim)
        for name in ("x1", "x2"):
            stream.put(report(name))

        async def main() -> tuple[list[str], int]:
            before = sim.calendar_events
            names = [(await stream.next()).exec_id for _ in range(2)]
            return names, sim.calendar_events - before

        assert sim.run(main()) == (["x1", "x2"], 0)


def test_several_reports_of_one_time_wake_the_reader_once_and_none_is_lost() -> None:
    with Simulation() as sim:
        stream = ReportStream(sim)
        for name in ("x1", "x2", "x3"):
            sim.call_at(5, stream.put, report(name))

        async def main() -> list[str]:
            return [(await stream.next()).exec_id for _ in range(3)]

        assert sim.run(main()) == ["x1", "x2", "x3"]


def test_a_reader_may_wait_for_a_report_or_a_timeout() -> None:
    with Simulation() as sim:
        stream = ReportStream(sim)
        sim.call_at(5, stream.put, report("x1"))
        sim.call_at(50, stream.put, report("x2"))

        async def main() -> list[tuple[int, list[str]]]:
            seen = []
            for wait in (10, 10, 100):
                await (stream.arrived() | sim.timeout(wait))
                seen.append((sim.now, [r.exec_id for r in stream.take()]))
            return seen

        assert sim.run(main()) == [(5, ["x1"]), (15, []), (50, ["x2"])]
