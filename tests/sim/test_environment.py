"""The simulation: clock, calls, run, close, the current simulation."""

from __future__ import annotations

import gc
import random
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import simpy
from simpy.core import EmptySchedule

from simexec.errors import InputError, SimulationError
from simexec.sim import Simulation, current_simulation


def test_calls_happen_at_their_time_in_the_order_in_which_they_were_asked_for() -> None:
    sim = Simulation()
    log: list[tuple[int, Any]] = []
    for time, name in ((5, "b"), (3, "a"), (5, "c")):
        sim.call_at(time, lambda payload: log.append((sim.now, payload)), name)
    sim.call_after(np.int64(4), lambda payload: log.append((sim.now, payload)))
    sim.run()
    assert log == [(3, "a"), (4, None), (5, "b"), (5, "c")]
    assert sim.calendar_events == 4


def test_a_call_costs_one_calendar_event_and_counting_costs_none() -> None:
    sim = Simulation()
    counts = []

    def call(left: int) -> None:
        counts.append(sim.calendar_events)
        if left:
            sim.call_after(1, call, left - 1)

    sim.call_at(0, call, 4)
    sim.run(until=100)
    assert counts == [1, 2, 3, 4, 5]
    sim.call_at(200, call, 0)
    assert sim.calendar_events == 5
    sim.run(until=150)
    assert sim.calendar_events == 5
    sim.close()
    assert sim.calendar_events == 5


@pytest.mark.parametrize("time", [0.5, True, "1ms", None])
def test_a_call_needs_a_whole_number_of_nanoseconds(time: Any) -> None:
    with pytest.raises(InputError):
        Simulation().call_at(time, print)


def test_the_past_is_over() -> None:
    sim = Simulation()
    sim.run(until=10)
    with pytest.raises(SimulationError, match="lies in the past"):
        sim.call_at(9, print)
    with pytest.raises(SimulationError, match="the clock already shows 10 ns"):
        sim.run(until=9)
    sim.run(until=10)
    assert sim.now == 10


def test_simpys_own_events_cannot_bring_floats_or_reserved_priorities() -> None:
    sim = Simulation()
    with pytest.raises(InputError):
        simpy.Timeout(sim, 0.5)
    event = simpy.Event(sim)
    event._ok, event._value = True, None
    with pytest.raises(InputError, match="reserved"):
        sim.schedule(event, priority=-1)
    sim.schedule(event, delay=np.int64(3))
    sim.run()
    assert type(sim.now) is int
    assert sim.now == 3


def test_run_of_a_coroutine_returns_its_result_and_others_go_on_later() -> None:
    sim = Simulation()
    ticks = []

    async def clock() -> None:
        while sim.now < 100:
            await sim.timeout(10)
            ticks.append(sim.now)

    async def main() -> str:
        await sim.timeout(35)
        return "result"

    sim.process(clock())
    assert sim.run(main()) == "result"
    assert ticks == [10, 20, 30]
    sim.run(until=60)
    assert ticks == [10, 20, 30, 40, 50]
    assert sim.now == 60
    sim.run()
    assert sim.now == 100


def test_run_of_a_generator_or_event_returns_its_value() -> None:
    sim = Simulation()

    def main() -> Any:
        yield sim.timeout(3)
        return 7

    assert sim.run(main()) == 7
    event = sim.timeout(2, value="v")
    assert sim.run(event) == "v"
    assert sim.run(event) == "v"
    assert sim.now == 5


def test_run_until_a_duration_counts_from_the_epoch() -> None:
    sim = Simulation()
    sim.run(until="1s")
    sim.run(until="1s500ms")
    assert sim.now == 1_500_000_000


def test_what_happens_at_the_end_time_of_a_run_happens_in_the_next() -> None:
    sim = Simulation()
    log: list[Any] = []
    sim.call_at(10, log.append, "at 10")
    sim.run(until=10)
    assert log == []
    sim.run(until=11)
    assert log == ["at 10"]


def test_an_exception_of_main_propagates_as_itself() -> None:
    sim = Simulation()
    error = ValueError("broken")

    async def main() -> None:
        await sim.timeout(1)
        raise error

    with pytest.raises(ValueError, match="broken") as caught:
        sim.run(main())
    assert caught.value is error
    failed = sim.event()
    failed.fail(error)
    with pytest.raises(ValueError, match="broken") as caught:
        sim.run(failed)
    assert caught.value is error
    with pytest.raises(ValueError, match="broken"):
        sim.run(failed)


def test_who_waits_for_main_goes_on_when_the_run_is_continued() -> None:
    sim = Simulation()
    log = []

    async def main() -> int:
        await sim.timeout(5)
        return 3

    async def joins() -> None:
        log.append(await process)

    process = sim.process(main())
    sim.call_at(2, lambda _: sim.process(joins()))
    assert sim.run(process) == 3
    assert log == []
    sim.run()
    assert log == [3]


def test_a_run_that_failed_leaves_no_mark_that_would_stop_the_next() -> None:
    sim = Simulation()
    log: list[int] = []

    def fail(_: Any) -> None:
        raise ValueError("broken")

    async def main() -> None:
        await sim.timeout(50)

    sim.call_at(10, fail)
    with pytest.raises(ValueError, match="broken"):
        sim.run(until=20)
    sim.call_at(10, fail)
    process = sim.process(main())
    with pytest.raises(ValueError, match="broken"):
        sim.run(process)
    sim.call_at(100, log.append, 1)
    sim.run()
    assert log == [1]
    assert sim.now == 100


def test_a_wait_for_what_cannot_happen_names_who_waits() -> None:
    sim = Simulation()

    async def waits_for_nothing() -> None:
        await sim.event()

    with pytest.raises(SimulationError, match=r"nothing is left to happen.*waits_for_nothing for <Event\(\)"):
        sim.run(waits_for_nothing())


@pytest.mark.parametrize("until", [0.5, float("inf"), -1, "soon", True])
def test_run_refuses_what_is_no_time(until: Any) -> None:
    with pytest.raises(InputError):
        Simulation().run(until=until)


def test_run_refuses_the_function_itself() -> None:
    async def main() -> None: ...

    with pytest.raises(InputError, match=r"call it, as in sim\.run\(main\(\)\)"):
        Simulation().run(main)  # type: ignore[arg-type]


def test_run_refuses_another_simulations_event() -> None:
    with pytest.raises(SimulationError, match="another simulation"):
        Simulation().run(Simulation().event())


def test_run_inside_a_run_is_refused() -> None:
    sim = Simulation()

    async def child() -> None: ...

    async def main() -> None:
        with pytest.raises(SimulationError, match=r"await sim\.process"):
            sim.run(child())
        with pytest.raises(SimulationError, match="inside a running simulation"):
            sim.close()

    sim.run(main())


def test_the_calendar_can_be_stepped() -> None:
    sim = Simulation()
    log: list[str] = []
    sim.call_at(2, log.append, "call")
    timeout = sim.timeout(3)
    sim.step()
    assert (sim.now, log) == (2, ["call"])
    sim.step()
    assert timeout.processed
    assert sim.now == 3
    with pytest.raises(EmptySchedule):
        sim.step()


def test_close_closes_who_waits_in_the_order_of_creation() -> None:
    sim = Simulation()
    log = []

    async def waits(name: str, delay: int) -> None:
        try:
            await sim.timeout(delay)
            await sim.event()
        finally:
            log.append(name)

    for name, delay in (("a", 30), ("b", 10), ("c", 20), ("d", 90)):
        sim.process(waits(name, delay))
    sim.run(until=50)
    sim.close()
    assert log == ["a", "b", "c", "d"]
    sim.close()
    with pytest.raises(SimulationError, match="closed simulation"):
        sim.run(waits("e", 1))
    with pytest.raises(SimulationError, match="simulation that is closed"):
        sim.process(waits("f", 1))
    assert log == ["a", "b", "c", "d"]


def test_closing_before_the_start_warns_of_nothing() -> None:
    async def never_started() -> None: ...

    with Simulation() as sim:
        sim.process(never_started())
    assert sim.is_closing


def test_a_simulation_that_is_dropped_closes_its_processes() -> None:
    log: list[str] = []

    async def waits(sim: Simulation) -> None:
        try:
            await sim.timeout(10)
        finally:
            log.append("cleaned")

    async def never_started() -> None: ...

    def drop() -> None:
        sim = Simulation()
        sim.process(waits(sim))
        sim.run(until=5)
        sim.process(never_started())

    drop()
    gc.collect()
    assert log == ["cleaned"]


def test_an_await_in_the_clean_up_of_close_is_an_error_that_says_so() -> None:
    sim = Simulation()
    log = []

    async def awaits() -> None:
        try:
            await sim.event()
        finally:
            await sim.timeout(1)

    def yields() -> Any:
        try:
            yield sim.event()
        finally:
            yield sim.timeout(1)

    async def behaves() -> None:
        try:
            await sim.event()
        finally:
            log.append("cleaned")

    sim.process(awaits())
    sim.process(behaves())
    sim.run()
    with pytest.raises(SimulationError, match="in the clean-up of a process while the simulation closed"):
        sim.close()
    assert log == ["cleaned"]

    sim = Simulation()
    sim.process(yields(), name="stubborn")
    sim.run()
    with pytest.raises(SimulationError, match="'stubborn' waits in its clean-up"):
        sim.close()


def test_close_reports_every_failed_clean_up() -> None:
    sim = Simulation()

    async def fails(text: str) -> None:
        try:
            await sim.event()
        finally:
            raise ValueError(text)

    sim.process(fails("one"))
    sim.process(fails("two"))
    sim.run()
    with pytest.raises(ExceptionGroup, match="several processes failed") as caught:
        sim.close()
    assert [str(error) for error in caught.value.exceptions] == ["one", "two"]


def test_an_error_in_the_with_block_is_not_hidden_by_one_in_the_clean_up() -> None:
    async def awaits(sim: Simulation) -> None:
        try:
            await sim.event()
        finally:
            await sim.timeout(1)

    def fails() -> None:
        with Simulation() as sim:
            sim.process(awaits(sim))
            sim.run()
            raise KeyError("mine")

    with pytest.raises(KeyError) as caught:
        fails()
    assert "closing the simulation failed too" in caught.value.__notes__[0]


def test_the_current_simulation_is_the_one_whose_block_or_run_we_are_in() -> None:
    with pytest.raises(SimulationError, match="there is no current simulation"):
        current_simulation()
    inner = Simulation()

    async def main() -> Simulation:
        return current_simulation()

    with Simulation() as outer:
        assert current_simulation() is outer
        assert inner.run(main()) is inner
        assert current_simulation() is outer
    with pytest.raises(SimulationError, match="there is no current simulation"):
        current_simulation()
    with pytest.raises(SimulationError, match="is closed"), outer:
        pytest.fail("a closed simulation was entered")


def test_the_epoch_is_kept_in_utc() -> None:
    midnight = datetime(2012, 6, 21, tzinfo=ZoneInfo("America/New_York"))
    assert Simulation(epoch=midnight).epoch == midnight
    assert Simulation(epoch=midnight).epoch.tzinfo is UTC
    assert Simulation().epoch == datetime(1970, 1, 1, tzinfo=UTC)
    with pytest.raises(InputError, match="has no time zone"):
        Simulation(epoch=datetime(2012, 6, 21))


@pytest.mark.parametrize("arguments", [{"seed": -1}, {"seed": 0.5}, {"replication": -1}])
def test_a_simulation_refuses_nonsense_seeds(arguments: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Simulation(**arguments)


def test_a_subclass_keeps_our_events() -> None:
    class Traced(Simulation):
        pass

    sim = Traced()

    async def main() -> int:
        await (sim.timeout(1) & sim.process(child()))
        return sim.now

    async def child() -> None:
        await sim.timeout(2)

    assert sim.run(main()) == 2


def test_the_order_of_events_is_simpys() -> None:
    """One program of timeouts, events, interrupts and conditions leaves the same trace under both."""

    def program(env: Any, trace: list[Any]) -> None:
        choices = random.Random(5)
        shared = [env.event() for _ in range(30)]
        processes: list[Any] = []

        def worker(number: int) -> Any:
            for step in range(40):
                try:
                    kind = choices.randrange(6)
                    if kind < 3:
                        yield env.timeout(choices.randrange(4))
                    elif kind == 3:
                        yield env.any_of([shared[choices.randrange(30)], env.timeout(choices.randrange(3))])
                    elif kind == 4:
                        event = shared[choices.randrange(30)]
                        if not event.triggered:
                            event.succeed(number)
                        yield env.timeout(0) & event
                    else:
                        other = processes[choices.randrange(len(processes))]
                        if other.is_alive and other is not env.active_process:
                            other.interrupt((number, step))
                except simpy.Interrupt as interrupt:
                    trace.append((env.now, number, interrupt.cause))
                trace.append((env.now, number, step))
            return number

        processes += [env.process(worker(number)) for number in range(12)]

    traces: list[list[Any]] = [[], []]
    for env, trace in zip((simpy.Environment(), Simulation()), traces, strict=True):
        program(env, trace)
        env.run()
    assert traces[0] == traces[1]
    assert len(traces[0]) > 480
