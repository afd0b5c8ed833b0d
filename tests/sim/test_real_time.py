"""A simulation by the wall clock: pace, injections from other threads, futures, lateness."""

from __future__ import annotations

import heapq
import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, wait
from fractions import Fraction
from time import perf_counter_ns, sleep
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.errors import InputError, SimulationError
from simexec.sim import FOREVER, Interrupt, RealTime, Simulation, current_simulation
from simexec.sim.delays import Delays
from simexec.sim.pacer import SystemClock

MS = 1_000_000
ORIGIN = 7_000_000_003


class FakeClock:
    """Wall time passes only while somebody sleeps or works; what other threads do happens at its own wall time."""

    def __init__(self) -> None:
        self.now = ORIGIN
        self.sleeps = 0
        self.acts: list[tuple[int, int, Callable[[], object]]] = []

    def at(self, wall_ns: int, act: Callable[[], object]) -> None:
        """Do something ``wall_ns`` after the clock's origin."""
        heapq.heappush(self.acts, (ORIGIN + wall_ns, len(self.acts), act))

    def now_ns(self) -> int:
        return self.now

    def wait(self, changed: threading.Condition, timeout_ns: int) -> None:
        assert timeout_ns > 0, "a sleep of nothing would be a busy loop"
        self.sleeps += 1
        assert self.sleeps < 20_000, "it sleeps for ever"
        end = self.now + timeout_ns
        if self.acts and self.acts[0][0] <= end:
            self._act()
        else:
            self.now = end

    def work(self, duration_ns: int) -> None:
        end = self.now + duration_ns
        while self.acts and self.acts[0][0] <= end:
            self._act()
        self.now = end

    def _act(self) -> None:
        self.now, _, act = heapq.heappop(self.acts)
        act()

    @property
    def passed(self) -> int:
        return self.now - ORIGIN


class ListedMarket:
    """Messages at given times, of which those in ``concerning`` concern a process; logs what it does and when."""

    def __init__(self, messages: list[int], concerning: set[int], log: Callable[[str, int], None]) -> None:
        self.name = "listed"
        self.messages = sorted(messages)
        self.concerning = concerning
        self.log = log
        self.found = 0

    @property
    def next_time(self) -> int | None:
        return self.messages[0] if self.messages else None

    def advance(self, until: int) -> int | None:
        while self.messages and self.messages[0] <= until:
            self.found = self.messages.pop(0)
            self.log("message", self.found)
            if self.found in self.concerning and self.found not in self.messages:
                return self.found
        return None

    def dispatch(self) -> None:
        self.log("report", self.found)


class AskedMarket:
    """Says *at once* when it is asked for its next message, as a market does whose messages follow from its book."""

    def __init__(self, reports: list[int], log: Callable[[str, int], None]) -> None:
        self.name = "asked"
        self.next_time = 0
        self.reports = reports
        self.log = log
        self.looks = 0

    def advance(self, until: int) -> int | None:
        self.looks += 1
        found = self.reports.pop(0) if self.reports and self.reports[0] <= until else None
        self.next_time = (until if found is None else found) + 1
        return found

    def dispatch(self) -> None:
        self.log("report", self.next_time - 1)


class Bench:
    """A simulation under a fake clock, and a log of (what, simulated time, wall time since the origin)."""

    def __init__(self, factor: float = 1.0) -> None:
        self.sim = Simulation()
        self.clock = FakeClock()
        self.real_time = RealTime(self.sim, factor, clock=self.clock)
        self.log: list[tuple[Any, int, int]] = []

    def note(self, what: Any = None) -> None:
        self.log.append((what, self.sim.now, self.clock.passed))

    def call(self, wall_ns: int, what: Any) -> None:
        """Have another thread call ``note``."""
        self.clock.at(wall_ns, lambda: self.real_time.call(self.note, what))

    def stop(self, wall_ns: int) -> None:
        self.clock.at(wall_ns, self.real_time.stop)

    @property
    def answered(self) -> list[tuple[Any, int]]:
        return [entry[:2] for entry in self.log]


# Pace


@pytest.mark.parametrize("factor", [1, 1.0, 0.1, 2.5, 1e-3, 1000])
def test_an_event_happens_once_the_wall_clock_has_passed_its_time(factor: float) -> None:
    bench = Bench(factor)
    times = [0, 3, 1000, 1_000_007]
    for time in times:
        bench.sim.call_at(time, bench.note)
    bench.real_time.run(until=2_000_000)
    exact = Fraction(str(factor))
    assert bench.log == [(None, time, math.ceil((time + 1) * exact)) for time in times]
    assert bench.real_time.factor == factor


@pytest.mark.parametrize("factor", [0, -1, math.nan, math.inf, "fast", None, True, 10**400])
def test_a_factor_that_is_no_pace_is_refused(factor: Any) -> None:
    sim = Simulation()
    with pytest.raises(InputError, match="is not a pace; give the wall seconds that a simulated second takes"):
        RealTime(sim, factor)
    assert sim.coupled == ()


def test_a_run_without_injections_leaves_the_trace_of_one_without_pacing() -> None:
    def trace(paced: bool) -> tuple[list[Any], int]:
        sim = Simulation(seed=3)
        log: list[Any] = []
        sim.couple(ListedMarket([1, 5, 5, 9, 400, 2 * MS], {5, 400}, lambda *entry: log.append((*entry, sim.now))))
        choices = sim.rng("choices")
        shared = [sim.event() for _ in range(5)]

        async def worker(number: int) -> None:
            for _ in range(20):
                event = shared[int(choices.integers(5))]
                if not event.triggered and choices.random() < 0.2:
                    event.succeed(number)
                await (event | sim.timeout(int(choices.integers(4)) * 100_000))
                log.append((number, sim.now))

        async def main() -> None:
            await sim.all_of([sim.process(worker(number)) for number in range(6)])

        if paced:
            RealTime(sim, clock=FakeClock()).run(main())
        else:
            sim.run(main())
        return log, sim.calendar_events

    assert trace(paced=True) == trace(paced=False)


def test_run_takes_what_the_simulations_own_takes() -> None:
    bench = Bench()
    sim, real_time = bench.sim, bench.real_time

    async def main() -> str:
        await sim.timeout("5ms")
        return "result"

    def generator() -> Iterator[Any]:
        yield sim.timeout("1ms")
        return "generated"  # a process

    assert real_time.run(main()) == "result"
    assert real_time.run(generator()) == "generated"
    event = sim.timeout("2ms", value=7)
    assert real_time.run(event) == 7
    assert real_time.run(event) == 7
    assert real_time.run(until="10ms") is None
    assert sim.now == 10 * MS
    assert bench.clock.passed == 10 * MS + 4


def test_what_happens_at_the_end_time_of_a_run_happens_in_the_next() -> None:
    bench = Bench()
    bench.sim.call_at(10, bench.note)
    bench.real_time.run(until=10)
    assert bench.log == []
    bench.real_time.run(until=11)
    assert bench.answered == [(None, 10)]


def test_exceptions_come_out_as_of_a_run_without_pacing() -> None:
    bench = Bench()
    sim, real_time = bench.sim, bench.real_time
    error = ValueError("broken")

    async def fails() -> None:
        await sim.timeout(10)
        raise error

    async def waits() -> None:
        await sim.timeout(100)

    with pytest.raises(ValueError, match="broken") as caught:
        real_time.run(fails())
    assert caught.value is error
    sim.process(fails())
    with pytest.raises(ValueError, match="broken"):
        real_time.run(waits())
    assert sim.now == 20


def test_what_cannot_be_run_is_refused_and_what_waits_goes_on_waiting() -> None:
    bench = Bench()
    sim, real_time = bench.sim, bench.real_time

    async def child() -> int:
        return sim.now

    future = real_time.submit(child())
    with pytest.raises(InputError):
        real_time.run(until=0.5)  # type: ignore[arg-type]
    with pytest.raises(SimulationError, match="belongs to another simulation"):
        real_time.run(Simulation().event())
    assert not future.done()

    async def main() -> None:
        with pytest.raises(SimulationError, match="inside a running simulation"):
            real_time.run(child())
        await sim.timeout(1000)

    real_time.run(main())
    assert future.result(timeout=0) == 0
    assert bench.clock.passed == 1001  # it was paced to its end
    sim.run(main())
    sim.close()
    with pytest.raises(SimulationError, match="closed simulation"):
        real_time.run(child())


def test_a_simulation_has_one_pace() -> None:
    sim = Simulation()
    RealTime(sim)
    with pytest.raises(InputError, match="has a RealTime already"):
        RealTime(sim, 0.5)


def test_between_two_runs_no_simulated_time_passes_and_the_simulations_own_run_does_not_pace() -> None:
    bench = Bench()
    bench.real_time.run(until=100)
    bench.clock.work(10**9)
    bench.sim.call_at(150, bench.note)
    bench.call(10**9 + 101 + 70, "x")
    bench.real_time.run(until=200)
    assert bench.log == [(None, 150, 10**9 + 152), ("x", 170, 10**9 + 172)]
    bench.sim.run(until="1h")
    assert bench.clock.passed == 10**9 + 202
    assert bench.real_time.statistics().elapsed_ns == 202
    assert bench.real_time.statistics().drift_ns == 0


def test_when_it_falls_behind_nothing_is_left_out_and_the_lateness_is_counted() -> None:
    bench = Bench()
    drifts = []

    def slow(_: object) -> None:
        bench.clock.work(1000)
        drifts.append(bench.real_time.statistics().drift_ns)

    bench.sim.call_at(100, slow)
    for time in range(200, 2000, 100):
        bench.sim.call_at(time, bench.note, time)
    bench.real_time.run(until=2000)
    assert bench.log == [(time, time, max(time + 1, 1101)) for time in range(200, 2000, 100)]
    assert drifts == [1001]
    statistics = bench.real_time.statistics()
    assert statistics.instants == 20
    assert statistics.max_lateness_ns == 901
    assert statistics.median_lateness_ns == 1


def test_events_made_while_it_is_behind_are_counted_too() -> None:
    bench = Bench()

    def chain(left: int) -> None:
        bench.clock.work(50)
        if left:
            bench.sim.call_after(1, chain, left - 1)

    bench.sim.call_at(10, chain, 9)
    bench.real_time.run(until=5000)
    statistics = bench.real_time.statistics()
    assert statistics.instants == 11
    assert statistics.max_lateness_ns == 9 * 49 + 1


def test_the_end_of_the_clock_ends_the_wait() -> None:
    bench = Bench(1e-18)
    with pytest.raises(SimulationError, match="nothing is left to happen"):
        bench.real_time.run(bench.sim.event())
    assert bench.clock.passed < 100


# Injections


def test_without_an_end_it_waits_for_injections_until_it_is_stopped() -> None:
    bench = Bench()
    bench.call(5 * MS, "a")
    bench.call(3600 * 1000 * MS, "b")
    bench.stop(3601 * 1000 * MS)
    assert bench.real_time.run() is None
    assert bench.answered == [("a", 5 * MS), ("b", 3600 * 1000 * MS)]
    assert bench.sim.now == 3601 * 1000 * MS
    assert bench.real_time.statistics().injected == 3


@pytest.mark.parametrize("factor", [1, 0.1, 3])
def test_a_call_happens_at_the_simulated_time_of_its_wall_time(factor: float) -> None:
    bench = Bench(factor)
    bench.call(1000, "a")
    bench.call(1001, "b")
    bench.stop(2000)
    bench.real_time.run()
    exact = Fraction(str(factor))
    assert bench.answered == [("a", math.floor(1000 / exact)), ("b", math.floor(1001 / exact))]


def test_a_call_comes_behind_what_was_due_and_before_what_was_not() -> None:
    bench = Bench()
    for time in (99, 100, 101):
        bench.sim.call_at(time, bench.note, time)
    bench.call(100, "x")
    bench.call(100, "y")
    bench.real_time.run(until=200)
    assert bench.answered == [(99, 99), (100, 100), ("x", 100), ("y", 100), (101, 101)]
    assert bench.real_time.statistics().instants == 4


def test_a_call_made_while_it_is_behind_keeps_its_place_in_time() -> None:
    """Though the calendar is never up to date again, every injection is answered in its turn."""
    bench = Bench()

    def overload(_: object) -> None:
        bench.note("tick")
        bench.clock.work(30)
        bench.sim.call_after(10, overload)

    bench.sim.call_at(0, overload)
    bench.call(95, "x")
    bench.stop(205)
    bench.real_time.run()
    assert bench.answered == sorted(
        [("x", 95), *(("tick", time) for time in range(0, 205, 10))], key=lambda entry: entry[1]
    )
    assert bench.sim.now == 205
    assert bench.real_time.statistics().max_handling_ns > 10 * 20 - 95


def test_calls_from_inside_the_simulation_do_not_deadlock() -> None:
    bench = Bench()

    async def main() -> None:
        await bench.sim.timeout(10)
        bench.clock.work(5)
        bench.real_time.call(bench.note, "x")
        bench.note("main")
        await bench.sim.timeout(100)

    bench.real_time.run(main())
    assert bench.answered == [("main", 10), ("x", 16)]


def test_what_is_injected_before_the_run_happens_at_its_beginning_in_order() -> None:
    bench = Bench()
    bench.sim.run(until=500)
    bench.sim.call_at(500, bench.note, "calendar")
    bench.real_time.call(bench.note, "x")
    bench.real_time.call(bench.note, "y")
    bench.clock.work(10 * MS)
    bench.real_time.run(until=600)
    assert bench.answered == [("calendar", 500), ("x", 500), ("y", 500)]
    assert bench.real_time.statistics().max_handling_ns == 1


def test_what_an_injected_call_raises_ends_the_run_and_what_waits_is_dropped_and_counted() -> None:
    bench = Bench()
    error = ValueError("broken")

    def fails(_: object) -> None:
        raise error

    bench.clock.at(50, lambda: [bench.real_time.call(fails), bench.real_time.call(bench.note), bench.real_time.stop()])
    with pytest.raises(ValueError, match="broken") as caught:
        bench.real_time.run()
    assert caught.value is error
    assert bench.real_time.statistics().dropped == 2
    with pytest.raises(SimulationError, match="the real-time run has ended, so nothing can be injected"):
        bench.real_time.call(bench.note)
    bench.sim.run(until=100)
    bench.real_time.run(until=200)
    assert bench.log == []


def test_what_is_due_at_the_end_of_a_run_and_was_not_answered_is_dropped() -> None:
    bench = Bench()
    bench.call(100, "x")
    bench.real_time.run(until=100)
    assert bench.real_time.statistics().dropped == 1
    bench.sim.run(until=150)
    bench.real_time.run(until=200)
    assert bench.log == []


def test_processes_and_calls_run_in_their_simulation() -> None:
    bench = Bench()
    seen: list[Simulation] = []

    async def main() -> None:
        seen.append(current_simulation())
        await bench.sim.timeout(100)

    bench.clock.at(50, lambda: bench.real_time.call(lambda _: seen.append(current_simulation())))
    with Simulation():
        bench.real_time.run(main())
    assert seen == [bench.sim, bench.sim]


# Stop


def test_stop_answers_what_came_before_it_and_leaves_what_waits_in_its_place() -> None:
    bench = Bench()

    async def main() -> str:
        await bench.sim.timeout(100)
        bench.note("main")
        return "result"

    process = bench.sim.process(main())
    bench.call(50, "x")
    bench.stop(50)
    with pytest.raises(SimulationError, match=r"was stopped at 50ns, before <Process\(main\).* was done"):
        bench.real_time.run(process)
    assert bench.sim.now == 50
    bench.real_time.stop()
    assert bench.real_time.run(process) == "result"
    assert bench.answered == [("x", 50), ("main", 100)]


def test_a_run_to_a_time_that_is_stopped_returns_at_once() -> None:
    bench = Bench()
    bench.stop(50)
    assert bench.real_time.run(until=100) is None
    assert bench.sim.now == 50


def test_a_stop_before_the_run_ends_it_at_its_beginning() -> None:
    bench = Bench()
    bench.sim.call_at(0, bench.note, 0)
    bench.sim.call_at(1, bench.note, 1)
    bench.real_time.stop()
    bench.real_time.run()
    assert bench.answered == [(0, 0)]


def test_an_interrupted_sleep_leaves_clock_and_markets_at_one_time() -> None:
    bench = Bench()
    market = AskedMarket([], lambda *_: None)
    bench.sim.couple(market)

    def interrupt() -> None:
        raise KeyboardInterrupt

    bench.clock.at(20 * MS + 500, interrupt)
    with pytest.raises(KeyboardInterrupt):
        bench.real_time.run()
    assert 19 * MS < bench.sim.now == market.next_time - 1 <= 20 * MS + 500


# Coroutines


async def _sleep(sim: Simulation, log: list[str], result: Any = None) -> Any:
    try:
        await sim.timeout(1000)
    except Interrupt as interrupt:
        log.append(f"interrupted at {sim.now}: {interrupt.cause}")
        raise
    finally:
        log.append(f"left at {sim.now}")
    return result


def test_a_submitted_coroutine_gives_its_result_to_the_future() -> None:
    bench = Bench()
    log: list[str] = []
    futures: list[Future[Any]] = []
    bench.clock.at(50, lambda: futures.append(bench.real_time.submit(_sleep(bench.sim, log, "result"))))
    bench.stop(2000)
    bench.real_time.run()
    assert futures[0].result(timeout=0) == "result"
    assert log == ["left at 1050"]


def test_its_exception_goes_to_the_future_and_does_not_end_the_run() -> None:
    bench = Bench()
    error = ValueError("broken")

    async def fails() -> None:
        await bench.sim.timeout(10)
        raise error

    future = bench.real_time.submit(fails())
    bench.call(100, "x")
    bench.real_time.run(until=200)
    assert future.exception(timeout=0) is error
    assert bench.answered == [("x", 100)]


def test_a_keyboard_interrupt_in_a_submitted_coroutine_ends_the_run() -> None:
    bench = Bench()

    async def interrupted() -> None:
        raise KeyboardInterrupt

    future = bench.real_time.submit(interrupted())
    with pytest.raises(KeyboardInterrupt):
        bench.real_time.run(until=200)
    assert isinstance(future.exception(timeout=0), KeyboardInterrupt)


def test_to_cancel_the_future_interrupts_the_process() -> None:
    bench = Bench()
    log: list[str] = []
    future = bench.real_time.submit(_sleep(bench.sim, log))
    bench.clock.at(300, future.cancel)
    bench.real_time.run(until=5000)
    assert log == ["interrupted at 300: its future was cancelled", "left at 300"]
    assert wait([future], timeout=0).done == {future}
    with pytest.raises(CancelledError):
        future.result(timeout=0)


def test_a_coroutine_that_was_cancelled_before_it_began_never_does() -> None:
    bench = Bench()
    log: list[str] = []
    future = bench.real_time.submit(_sleep(bench.sim, log))
    assert future.cancel()
    bench.clock.at(100, lambda: bench.note(wait([future], timeout=0).done))
    bench.real_time.run(until=5000)
    assert log == []
    assert bench.log[0][0] == {future}


def test_to_cancel_what_has_just_ended_changes_nothing() -> None:
    bench = Bench()
    log: list[str] = []
    future = bench.real_time.submit(_sleep(bench.sim, log))
    bench.clock.at(1000, future.cancel)
    bench.real_time.run(until=5000)
    assert log == ["left at 1000"]
    assert future.cancelled()


def test_a_cancelled_coroutine_may_go_on_and_its_failure_then_ends_the_run() -> None:
    bench = Bench()

    async def stubborn(end: BaseException | None) -> str:
        try:
            await bench.sim.timeout(1000)
        except Interrupt:
            await bench.sim.timeout(1000)
        bench.note("went on")
        if end is not None:
            raise end
        return "nobody asks"

    future = bench.real_time.submit(stubborn(None))
    bench.clock.at(300, future.cancel)
    bench.real_time.run(until=5000)
    assert future.cancelled()
    assert bench.answered == [("went on", 1300)]
    bench = Bench()
    future = bench.real_time.submit(stubborn(ValueError("broken")))
    bench.clock.at(300, future.cancel)
    with pytest.raises(ValueError, match="broken"):
        bench.real_time.run(until=5000)


def test_what_still_waits_when_the_run_ends_gets_an_error() -> None:
    bench = Bench()
    log: list[str] = []
    running = bench.real_time.submit(_sleep(bench.sim, log))
    cancelled = bench.real_time.submit(_sleep(bench.sim, log))
    bench.clock.at(499, cancelled.cancel)
    late: list[Future[Any]] = []
    bench.clock.at(500, lambda: late.append(bench.real_time.submit(_sleep(bench.sim, log))))
    bench.real_time.run(until=500)
    with pytest.raises(SimulationError, match="ended at 500ns, before '_sleep' did; its process keeps its place"):
        running.result(timeout=0)
    with pytest.raises(SimulationError, match="ended at 500ns, before '_sleep' was started"):
        late[0].result(timeout=0)
    assert wait([cancelled], timeout=0).done == {cancelled}
    with pytest.raises(SimulationError, match="the real-time run has ended"):
        bench.real_time.submit(_sleep(bench.sim, log))
    bench.real_time.run(until=5000)
    assert log == ["interrupted at 499: its future was cancelled", "left at 499", "left at 1000"]


def test_the_end_of_a_run_by_an_error_fails_the_futures_too() -> None:
    bench = Bench()
    future = bench.real_time.submit(_sleep(bench.sim, []))

    async def fails() -> None:
        await bench.sim.timeout(10)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        bench.real_time.run(fails())
    assert isinstance(future.exception(timeout=0), SimulationError)
    bench.sim.close()


def test_only_the_call_of_a_function_can_be_submitted() -> None:
    async def main() -> None: ...

    real_time = Bench().real_time
    with pytest.raises(InputError, match=r"as in main\(\)"):
        real_time.submit(main)  # type: ignore[arg-type]
    assert real_time.statistics().injected == 0


# Markets


def test_messages_of_a_market_are_applied_by_the_wall_clock_though_no_event_is_due() -> None:
    bench = Bench()
    market = ListedMarket([MS, 5 * MS, 5 * MS, 9 * MS], {5 * MS}, lambda kind, time: bench.note((kind, time)))
    bench.sim.couple(market)
    bench.real_time.run(until=20 * MS)
    assert bench.log == [
        (("message", MS), 0, MS + 1),
        (("message", 5 * MS), 0, 5 * MS + 1),
        (("message", 5 * MS), 0, 5 * MS + 1),
        (("report", 5 * MS), 5 * MS, 5 * MS + 1),
        (("message", 9 * MS), 5 * MS, 9 * MS + 1),
    ]


def test_an_injection_finds_the_market_at_its_own_time() -> None:
    bench = Bench()
    market = ListedMarket([3 * MS, 3 * MS + 1, 5 * MS], set(), lambda kind, time: bench.note(time))
    bench.sim.couple(market)
    bench.call(3 * MS, "x")
    bench.call(3 * MS, "y")
    bench.call(5 * MS - 1, "z")
    bench.real_time.run(until=10 * MS)
    assert [entry[0] for entry in bench.log] == [3 * MS, "x", "y", 3 * MS + 1, "z", 5 * MS]


def test_a_market_that_must_always_be_asked_is_asked_once_a_millisecond() -> None:
    bench = Bench(0.5)
    burst = [3 * MS + 7 * number for number in range(10)]
    market = AskedMarket([*burst, 100 * MS], lambda kind, time: bench.note(time))
    bench.sim.couple(market)
    event = 60 * MS + 700_001
    bench.sim.call_at(event, bench.note, "event")
    bench.real_time.run(until=200 * MS)
    assert bench.answered == [*((time, time) for time in burst), ("event", event), (100 * MS, 100 * MS)]
    assert [wall for what, _, wall in bench.log if what == "event"] == [(event + 1) // 2]
    assert all(0 <= wall - time / 2 <= MS + 1 for _, time, wall in bench.log)
    assert 95 <= market.looks <= 140  # one a millisecond, and one or two for each report
    assert bench.real_time.statistics().max_lateness_ns <= MS + 1


def test_while_it_is_behind_a_market_is_advanced_in_bulk() -> None:
    class Counted(ListedMarket):
        calls = 0

        def advance(self, until: int) -> int | None:
            self.calls += 1
            return super().advance(until)

    bench = Bench()
    market = Counted(list(range(0, 100 * MS, 10_000)), set(), lambda *_: None)
    bench.sim.couple(market)
    bench.sim.call_at(1, lambda _: bench.clock.work(90 * MS))
    bench.real_time.run(until=100 * MS)
    assert market.messages == []
    assert market.calls < 30


# Any set of timers, injections and messages


@st.composite
def _schedules(draw: st.DrawFn) -> dict[str, Any]:
    unit = draw(st.sampled_from([1, 1000, 400_000]))
    moments = st.integers(0, 40).map(lambda count: count * unit)
    works = st.sampled_from([0, 0, 0, 1, unit, 7 * unit])
    return {
        "factor": draw(st.sampled_from([1.0, 0.5, 0.3, 2.5])),
        "timers": draw(st.lists(st.tuples(moments, works, st.one_of(st.none(), moments)), max_size=12)),
        "injections": draw(st.lists(st.tuples(moments, works), max_size=12)),
        "messages": draw(st.lists(moments, max_size=12)),
        "concerning": draw(st.sets(moments, max_size=12)),
        "asked": draw(st.booleans()),
    }


@given(schedule=_schedules())
def test_any_timers_injections_and_messages_happen_in_order_none_early_and_none_lost(schedule: dict[str, Any]) -> None:
    exact = Fraction(str(schedule["factor"]))
    bench = Bench(schedule["factor"])
    expected: list[tuple[str, int, int]] = []

    def act(what: tuple[str, int, int], work: int, child: int | None = None) -> None:
        bench.note(what)
        bench.clock.work(work)
        if child is not None:
            bench.sim.call_after(child, lambda _: bench.note(("child", what[1], what[2] + child)))

    for number, (time, work, child) in enumerate(schedule["timers"]):
        what = ("timer", number, time)
        expected += [what] if child is None else [what, ("child", number, time + child)]
        bench.sim.call_at(time, lambda _, all_of_it=(what, work, child): act(*all_of_it))
    for number, (wall, work) in enumerate(sorted(schedule["injections"])):
        what = ("injection", number, math.floor(wall / exact))
        expected.append(what)
        bench.clock.at(wall, lambda all_of_it=(what, work): bench.real_time.call(lambda _: act(*all_of_it)))
    messages = sorted(schedule["messages"])
    bench.sim.couple(
        ListedMarket(list(messages), schedule["concerning"], lambda *entry: bench.note((*entry, entry[1])))
    )
    if schedule["asked"]:
        bench.sim.couple(AskedMarket([], lambda *_: None))
    bench.stop(10**9)  # a second later
    bench.real_time.run()

    acting = [(what, now) for what, now, _ in bench.log if what[0] != "message"]
    assert sorted(what for what, _ in acting if what[0] != "report") == sorted(expected)
    assert {what[2] for what, _ in acting if what[0] == "report"} == schedule["concerning"] & set(messages)
    assert [what[2] for what, _, _ in bench.log if what[0] == "message"] == messages
    assert [now for _, now in acting] == [what[2] for what, _ in acting]
    assert [now for _, now in acting] == sorted(now for _, now in acting)
    assert all(wall >= what[2] * exact for what, _, wall in bench.log)
    numbers = [what[1] for what, _ in acting if what[0] == "injection"]
    assert numbers == sorted(numbers)
    applied = 0
    for what, now, _ in bench.log:
        if what[0] == "message":
            applied += 1
        else:  # who acts at t has every message up to t behind him, and none after
            assert all(time <= now for time in messages[:applied])
            assert all(time > now for time in messages[applied:])
    statistics = bench.real_time.statistics()
    assert statistics.injected == len(schedule["injections"]) + 1
    assert statistics.dropped == 0
    events, injected = ({now for what, now in acting if (what[0] == "injection") is kind} for kind in (False, True))
    assert (
        len(events - injected) <= statistics.instants <= len(events)
    )  # a report may come behind an injection of its time


# Statistics


@given(delays=st.lists(st.integers(-5, 2**64), min_size=1, max_size=60), fraction=st.floats(0, 1))
def test_a_quantile_is_never_understated_and_overstated_by_a_thirty_second_at_most(
    delays: list[int], fraction: float
) -> None:
    histogram = Delays()
    for delay in delays:
        histogram.add(delay)
    within = sorted(min(max(delay, 0), FOREVER) for delay in delays)
    exact = within[max(1, math.ceil(fraction * len(within))) - 1]
    assert exact <= histogram.quantile_ns(fraction) <= exact + exact // 32
    assert histogram.max_ns == within[-1]
    assert histogram.count == len(delays)


def test_without_delays_there_is_nothing_to_report() -> None:
    statistics = RealTime(Simulation()).statistics()
    assert set(attrs.astuple(statistics)) == {0}
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        statistics.injected = 1  # type: ignore[misc]


# The computer's own clock: order only, since nobody knows how busy it is


def test_no_event_happens_before_its_wall_time() -> None:
    sim = Simulation()
    real_time = RealTime(sim, 0.5)
    seen: list[tuple[int, int]] = []
    for k in range(1, 21):
        sim.call_at(k * MS, lambda _: seen.append((sim.now, perf_counter_ns())))
    begin = perf_counter_ns()
    real_time.run(until=21 * MS)
    assert [time for time, _ in seen] == [k * MS for k in range(1, 21)]
    assert all(wall - begin >= time // 2 for time, wall in seen)
    assert perf_counter_ns() - begin >= 21 * MS // 2
    statistics = real_time.statistics()
    assert statistics.instants == 21
    assert 0 < statistics.median_lateness_ns <= statistics.p99_lateness_ns <= statistics.max_lateness_ns


def test_an_injection_wakes_the_run_long_before_its_next_event() -> None:
    sim = Simulation()
    asleep = threading.Event()
    seen: list[int] = []

    class Announcing(SystemClock):
        def wait(self, changed: threading.Condition, timeout_ns: int) -> None:
            asleep.set()
            super().wait(changed, 3600 * 1000 * MS)  # without the usual bound: only a notice ends it

    real_time = RealTime(sim, clock=Announcing())
    sim.call_at(3600 * 1000 * MS, lambda _: pytest.fail("an hour has passed"))

    def other() -> None:
        asleep.wait(60)
        real_time.call(lambda _: seen.append(sim.now))
        real_time.stop()

    thread = threading.Thread(target=other)
    thread.start()
    real_time.run()
    thread.join()
    assert len(seen) == 1
    assert 0 < seen[0] < 600 * 1000 * MS


def test_a_thread_may_wait_for_its_future() -> None:
    sim = Simulation()
    real_time = RealTime(sim)

    async def work(number: int) -> int:
        await sim.timeout("1ms")
        return number * number

    results: list[int] = []

    def other() -> None:
        results.extend(real_time.submit(work(number)).result(timeout=60) for number in range(5))
        real_time.stop()

    thread = threading.Thread(target=other)
    thread.start()
    real_time.run()
    thread.join()
    assert results == [0, 1, 4, 9, 16]


def test_a_flood_of_injections_from_many_threads_is_answered_once_each_and_in_every_threads_order() -> None:
    threads, count = 8, 2000
    sim = Simulation()
    real_time = RealTime(sim)
    answered: list[tuple[int, int]] = []
    nows: list[int] = []
    ticks: list[int] = []

    def tick(_: object) -> None:
        ticks.append(sim.now)
        sim.call_after(MS // 5, tick)

    def answer(payload: tuple[int, int]) -> None:
        answered.append(payload)
        nows.append(sim.now)

    def inject(thread: int) -> None:
        for number in range(count):
            real_time.call(answer, (thread, number))

    def stop_when_all_are_done() -> None:
        for worker in workers:
            worker.join()
        real_time.stop()

    sim.call_at(0, tick)
    workers = [threading.Thread(target=inject, args=(thread,)) for thread in range(threads)]
    last = threading.Thread(target=stop_when_all_are_done)
    for thread in (*workers, last):
        thread.start()
    real_time.run()
    last.join()
    assert len(answered) == threads * count
    for thread in range(threads):
        assert [number for of, number in answered if of == thread] == list(range(count))
    assert nows == sorted(nows)
    assert ticks == list(range(0, ticks[-1] + 1, MS // 5))
    statistics = real_time.statistics()
    assert statistics.injected == threads * count + 1
    assert statistics.dropped == 0


def test_many_threads_may_submit_and_cancel_while_the_run_ends() -> None:
    """Whatever the moment, every future is done in the end."""
    sim = Simulation()
    real_time = RealTime(sim)
    futures: list[Future[Any]] = []

    async def work() -> None:
        await sim.timeout("1ms")

    def submit(thread: int) -> None:
        while True:
            try:
                future = real_time.submit(work())
            except SimulationError:
                return
            futures.append(future)
            if thread % 2:
                future.cancel()
            sleep(1e-5)

    workers = [threading.Thread(target=submit, args=(thread,)) for thread in range(4)]
    real_time.call(lambda _: [worker.start() for worker in workers])
    real_time.run(until="20ms")
    for worker in workers:
        worker.join()
    assert futures
    assert wait(futures, timeout=60).not_done == set()
    sim.close()


_INTERRUPTED = """
import os, signal, threading, time
from simexec.sim import RealTime, Simulation

def interrupt():
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGINT)

sim = Simulation()
real_time = RealTime(sim)
if {handled}:
    signal.signal(signal.SIGINT, lambda *_: real_time.stop())
threading.Thread(target=interrupt, daemon=True).start()
try:
    real_time.run(until="1h")
    print("stopped")
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
@pytest.mark.parametrize(("handled", "outcome"), [(False, "interrupted"), (True, "stopped")])
def test_a_signal_reaches_the_main_thread_while_it_sleeps(handled: bool, outcome: str) -> None:
    code = _INTERRUPTED.format(handled=handled)
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert process.stdout.strip() == outcome
