"""Awaitable events: coroutines and generators as processes, interrupts, failures, conditions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import simpy

from simexec.errors import InputError, SimulationError
from simexec.sim import Event, Interrupt, Simulation


class UnrebuildableError(Exception):
    """SimPy copies an exception as type(e)(*e.args), which this one does not allow."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")


def test_coroutines_and_generators_wait_for_the_same_events_in_one_run() -> None:
    sim = Simulation()
    log = []
    door = sim.event()

    async def coroutine() -> str:
        log.append(("coroutine", await sim.timeout("1ms", value="tick"), sim.now))
        log.append(("coroutine", await door, sim.now))
        return "done"

    def generator() -> Any:
        yield sim.timeout(500)
        log.append(("generator", (yield sim.timeout("2ms", value="tock")), sim.now))
        door.succeed("open")
        log.append(("generator", (yield sim.process(coroutine_2())), sim.now))

    async def coroutine_2() -> int:
        await sim.timeout(1)
        return 42

    main = sim.process(coroutine())
    sim.process(generator())
    assert sim.run(main) == "done"
    sim.run()
    assert log == [
        ("coroutine", "tick", 1_000_000),
        ("generator", "tock", 2_000_500),
        ("coroutine", "open", 2_000_500),
        ("generator", 42, 2_000_501),
    ]


def test_awaiting_what_has_happened_goes_on_at_once() -> None:
    sim = Simulation()

    async def main() -> tuple[int, int]:
        past = sim.timeout(5, value=3)
        await sim.timeout(10)
        return await past, sim.now

    assert sim.run(main()) == (3, 10)


@pytest.mark.parametrize("as_coroutine", [True, False])
def test_an_interrupt_arrives_with_its_cause_and_the_process_may_go_on(as_coroutine: bool) -> None:
    sim = Simulation()
    log: list[Any] = []

    async def coroutine() -> None:
        try:
            await sim.timeout(100)
        except Interrupt as interrupt:
            log.append((sim.now, interrupt.cause))
        await sim.timeout(10)
        log.append(sim.now)

    def generator() -> Any:
        try:
            yield sim.timeout(100)
        except Interrupt as interrupt:
            log.append((sim.now, interrupt.cause))
        yield sim.timeout(10)
        log.append(sim.now)

    victim = sim.process(coroutine() if as_coroutine else generator())
    sim.call_at(30, lambda cause: victim.interrupt(cause), "halt")
    sim.run()
    assert log == [(30, "halt"), 40]
    assert sim.now == 100  # the abandoned timeout stays on the calendar, as SimPy's does


def test_two_interrupts_at_one_time_arrive_in_order() -> None:
    sim = Simulation()
    causes = []

    async def patient() -> None:
        for _ in range(2):
            try:
                await sim.timeout(100)
            except Interrupt as interrupt:
                causes.append(interrupt.cause)

    victim = sim.process(patient())

    def strike(_: Any) -> None:
        victim.interrupt("first")
        victim.interrupt("second")

    sim.call_at(1, strike)
    sim.run(victim)
    assert causes == ["first", "second"]
    assert sim.now == 1


def test_neither_the_dead_nor_oneself_can_be_interrupted() -> None:
    sim = Simulation()

    async def main() -> None:
        with pytest.raises(RuntimeError, match="not allowed to interrupt itself"):
            process.interrupt()

    process = sim.process(main())
    sim.run()
    with pytest.raises(RuntimeError, match="has terminated"):
        process.interrupt()


def test_a_failed_process_fails_who_waits_for_it() -> None:
    sim = Simulation()

    async def child() -> None:
        await sim.timeout(1)
        raise ValueError("broken")

    async def parent() -> str:
        with pytest.raises(ValueError, match="broken") as caught:
            await sim.process(child())
        return type(caught.value.__cause__).__name__

    assert sim.run(parent()) == "ValueError"


def test_a_failed_process_for_which_nobody_waits_ends_the_run() -> None:
    sim = Simulation()

    async def lonely() -> None:
        await sim.timeout(1)
        raise ValueError("broken")

    sim.process(lonely())
    with pytest.raises(ValueError, match="broken") as caught:
        sim.run()
    assert isinstance(caught.value.__cause__, ValueError)
    assert sim.now == 1


def test_an_exception_that_cannot_be_rebuilt_reaches_the_waiting_process_as_it_is() -> None:
    sim = Simulation()

    async def child() -> None:
        raise UnrebuildableError(7, "no")

    async def parent() -> str:
        try:
            await sim.process(child())
        except UnrebuildableError as error:
            return str(error)
        return ""

    assert sim.run(parent()) == "7: no"
    sim.process(child())
    with pytest.raises(UnrebuildableError):
        sim.run()


def test_a_failed_event_that_is_defused_harms_nobody() -> None:
    sim = Simulation()
    event = sim.event()
    event.fail(ValueError("broken"))
    event.defused = True
    sim.run()
    assert event.processed
    assert not event.ok


def test_conditions_work_with_operators_and_nest() -> None:
    sim = Simulation()

    async def main() -> None:
        a, b, c = sim.timeout(1, "a"), sim.timeout(2, "b"), sim.timeout(3, "c")
        first = await (a | b)
        assert first.todict() == {a: "a"}
        assert sim.now == 1
        both = await (a & b)
        assert list(both.values()) == ["a", "b"]
        every = await ((a & b) & c)
        assert every == {a: "a", b: "b", c: "c"}
        assert sim.now == 3
        assert (await sim.all_of([])).todict() == {}
        d, e = sim.timeout(5, "d"), sim.timeout(6)
        assert d in await sim.any_of([d, e])
        assert e not in await sim.any_of([d, e])
        assert sim.now == 8

    sim.run(main())


def test_a_condition_fails_with_its_first_failing_event() -> None:
    sim = Simulation()
    bad = sim.event()

    async def main() -> None:
        with pytest.raises(KeyError, match="lost"):
            await sim.all_of([sim.timeout(10), bad])
        assert sim.now == 4

    sim.call_at(4, lambda error: bad.fail(error), KeyError("lost"))
    sim.run(main())


def test_a_wait_with_a_deadline_is_an_any_of() -> None:
    sim = Simulation()
    answer = sim.event()

    async def main() -> str:
        result = await (answer | sim.timeout("1ms"))
        return "answered" if answer in result else f"gave up at {sim.now}"

    assert sim.run(main()) == "gave up at 1000000"


def test_processes_are_named_after_their_function_unless_told_otherwise() -> None:
    sim = Simulation()

    async def quoting() -> str:
        return sim.active_process.name

    assert sim.process(quoting(), name="maker 3").name == "maker 3"
    assert sim.run(quoting()) == "quoting"
    assert repr(sim.process(quoting(), name="maker 4")).startswith("<Process(maker 4)")
    assert repr(sim.timeout("1ms")).startswith("<Timeout(1ms)")
    sim.close()


@pytest.mark.parametrize("delay", [0.5, 1.0, float("nan"), True, -1, "-1s", "soon", None])
def test_a_delay_that_is_no_duration_never_reaches_the_calendar(delay: Any) -> None:
    sim = Simulation()
    with pytest.raises(InputError):
        sim.timeout(delay)
    sim.run()
    assert sim.calendar_events == 0
    assert type(sim.now) is int


def test_the_function_itself_is_no_process() -> None:
    sim = Simulation()

    async def main() -> None: ...

    with pytest.raises(InputError, match=r"call it first, as in main\(\)"):
        sim.process(main)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="cannot run as a process"):
        sim.process(5)  # type: ignore[arg-type]


def test_awaiting_ours_under_asyncio_names_sim_run() -> None:
    sim = Simulation()

    async def main() -> None:
        await sim.timeout(1)

    with pytest.raises(SimulationError, match=r"sim\.run\(main\(\)\)"):
        asyncio.run(main())


def test_awaiting_another_simulations_event_names_sim_run() -> None:
    sim, other = Simulation(), Simulation()

    async def main() -> None:
        await other.timeout(1)

    with pytest.raises(SimulationError, match=r"sim\.run"):
        sim.run(main())


async def sleep_a_second() -> None:
    await asyncio.sleep(1)


async def sleep_not_at_all() -> None:
    await asyncio.sleep(0)


async def create_a_task() -> None:
    body = asyncio.sleep(1)
    try:
        asyncio.create_task(body)  # noqa: RUF006  # it cannot be created
    finally:
        body.close()


async def time_out() -> None:
    async with asyncio.timeout(1):
        pass


@pytest.mark.parametrize("main", [sleep_a_second, sleep_not_at_all, create_a_task, time_out])
def test_awaiting_asyncio_under_ours_names_sim_run(main: Any) -> None:
    with pytest.raises(SimulationError, match=r"under sim\.run"):
        Simulation().run(main())


def test_awaiting_asyncio_under_ours_names_sim_run_even_where_a_loop_is_running() -> None:
    async def notebook() -> None:
        with pytest.raises(SimulationError, match=r"under sim\.run"):
            Simulation().run(sleep_a_second())

    asyncio.run(notebook())


def test_what_is_no_event_is_thrown_into_the_process_so_that_it_can_clean_up() -> None:
    sim = Simulation()
    cleaned = []

    def bare() -> Any:
        try:
            yield
        finally:
            cleaned.append("bare")

    def wrong() -> Any:
        try:
            yield 5
        except SimulationError as error:
            cleaned.append(str(error))

    async def child() -> None: ...

    def coroutine_in_generator() -> Any:
        yield child()

    with pytest.raises(SimulationError, match="a bare yield"):
        sim.run(bare())
    sim.run(wrong())
    assert cleaned[0] == "bare"
    assert "waits for 5, which is not an event" in cleaned[1]
    with pytest.raises(SimulationError, match=r"sim\.process\(\.\.\.\) of it"):
        sim.run(coroutine_in_generator())


def test_other_runtime_errors_of_a_process_stay_as_they_are() -> None:
    async def main() -> None:
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine") as caught:
        Simulation().run(main())
    assert type(caught.value) is RuntimeError


def test_events_are_simpy_events() -> None:
    sim = Simulation()
    assert isinstance(sim.event(), Event)
    for event in (sim.event(), sim.timeout(1), sim.all_of([]), sim.any_of([])):
        assert isinstance(event, simpy.Event)
        assert hasattr(event, "__await__")
    with pytest.raises(RuntimeError, match="already been triggered"):
        sim.event().succeed().succeed()
