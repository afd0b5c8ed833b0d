"""Locks by name between processes: turns, re-entry, deadlocks, and waits that end early."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from simexec.errors import DeadlockError, InputError, SimulationError
from simexec.execution.resource_locks import ResourceLocks
from simexec.sim import Interrupt, Simulation


@pytest.fixture
def sim() -> Simulation:
    return Simulation()


@pytest.fixture
def locks(sim: Simulation) -> ResourceLocks:
    return ResourceLocks(sim)


def taker(
    sim: Simulation, locks: ResourceLocks, log: list[Any], delay: int, length: int, *names: str
) -> Callable[[str], Any]:
    """A process that takes the names one after another, ``length`` apart, and says when it had each."""

    async def body(who: str) -> None:
        await sim.timeout(delay)
        held = []
        try:
            for name in names:
                hold = locks.hold(name)
                await hold.__aenter__()
                held.append(hold)
                log.append((sim.now, who, name))
                await sim.timeout(length)
        finally:
            for hold in reversed(held):
                await hold.__aexit__(None, None, None)

    return lambda who: sim.process(body(who), name=who)


def test_first_come_first_served(sim: Simulation, locks: ResourceLocks) -> None:
    log: list[Any] = []
    for delay, who in ((2, "c"), (0, "a"), (1, "b")):
        taker(sim, locks, log, delay, 10, "AAPL")(who)
    sim.run(5)
    assert locks.holders() == {"AAPL": "a"}
    assert locks.waiters() == {"AAPL": ("b", "c")}
    sim.run()
    assert log == [(0, "a", "AAPL"), (10, "b", "AAPL"), (20, "c", "AAPL")]
    assert (dict(locks.holders()), dict(locks.waiters())) == ({}, {})


def test_a_release_hands_over_so_that_nobody_barges_in(sim: Simulation, locks: ResourceLocks) -> None:
    log = []

    async def greedy() -> None:
        for _ in range(2):
            async with locks.hold("AAPL"):
                log.append((sim.now, "greedy"))
                await sim.timeout(5)

    async def patient() -> None:
        await sim.timeout(1)
        async with locks.hold("AAPL"):
            log.append((sim.now, "patient"))
            await sim.timeout(5)

    sim.process(greedy())
    sim.process(patient())
    sim.run()
    assert log == [(0, "greedy"), (5, "patient"), (10, "greedy")]


def test_different_names_do_not_wait_for_each_other(sim: Simulation, locks: ResourceLocks) -> None:
    log: list[Any] = []
    taker(sim, locks, log, 0, 10, "AAPL")("a")
    taker(sim, locks, log, 0, 10, "MSFT")("b")
    sim.run()
    assert log == [(0, "a", "AAPL"), (0, "b", "MSFT")]


def test_the_same_owner_may_take_it_again_and_gives_it_back_as_often(sim: Simulation, locks: ResourceLocks) -> None:
    log: list[Any] = []

    async def twice() -> None:
        async with locks.hold("AAPL"):
            async with locks.hold("AAPL"):
                await sim.timeout(5)
            await sim.timeout(5)

    sim.process(twice())
    taker(sim, locks, log, 1, 1, "AAPL")("other")
    sim.run()
    assert log == [(10, "other", "AAPL")]


def test_one_object_may_serve_several_processes_in_turn(sim: Simulation, locks: ResourceLocks) -> None:
    hold, log = locks.hold("AAPL"), []

    async def user(who: str) -> None:
        async with hold:
            await sim.timeout(5)
            log.append((sim.now, who, locks.holders()["AAPL"]))

    for who in "abc":
        sim.process(user(who), name=who)
    sim.run()
    assert log == [(5, "a", "a"), (10, "b", "b"), (15, "c", "c")]
    assert not locks.holders()


def test_an_exception_releases(sim: Simulation, locks: ResourceLocks) -> None:
    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            async with locks.hold("AAPL"):
                1 / 0  # noqa: B018
        assert not locks.holders()

    sim.run(main())


def test_two_that_wait_for_each_other_are_a_deadlock_that_is_named(sim: Simulation, locks: ResourceLocks) -> None:
    log: list[Any] = []
    taker(sim, locks, log, 0, 2, "MSFT", "AAPL")("p2")
    p1 = taker(sim, locks, log, 1, 2, "AAPL", "MSFT")("p1")
    with pytest.raises(DeadlockError) as caught:
        sim.run(p1)
    assert str(caught.value) == (
        "waiting for MSFT would close a cycle: p1 holds AAPL and waits for MSFT, p2 holds MSFT and waits for AAPL; "
        "always take resources in one order"
    )
    sim.run()
    assert log == [(0, "p2", "MSFT"), (1, "p1", "AAPL"), (3, "p2", "AAPL")]
    assert not locks.holders()


def test_a_cycle_of_three_is_found_when_it_closes(sim: Simulation, locks: ResourceLocks) -> None:
    log: list[Any] = []
    taker(sim, locks, log, 0, 5, "A", "B")("p1")
    taker(sim, locks, log, 1, 5, "B", "C")("p2")
    p3 = taker(sim, locks, log, 2, 5, "C", "A")("p3")
    with pytest.raises(
        DeadlockError,
        match=r"waiting for A .*: p3 holds C and waits for A, p1 holds A and waits for B, p2 holds B and waits for C;",
    ):
        sim.run(p3)
    sim.run()
    assert [entry[1:] for entry in log] == [("p1", "A"), ("p2", "B"), ("p3", "C"), ("p2", "C"), ("p1", "B")]


def test_a_cycle_through_who_was_handed_a_lock_after_we_began_to_wait(sim: Simulation, locks: ResourceLocks) -> None:
    log: list[Any] = []
    taker(sim, locks, log, 0, 10, "X")("first")
    second = taker(sim, locks, log, 1, 10, "X", "Y")("second")  # has X from 10
    taker(sim, locks, log, 0, 2, "Y", "X")("third")  # waits for X behind it, from 2
    with pytest.raises(DeadlockError, match=r"second holds X and waits for Y, third holds Y and waits for X;"):
        sim.run(second)
    sim.run()
    assert log[-1] == (20, "third", "X")


def test_a_long_queue_is_no_deadlock(sim: Simulation, locks: ResourceLocks) -> None:
    log: list[Any] = []
    for number in range(50):
        taker(sim, locks, log, number % 3, 1, "A", "B", "C")(f"p{number}")
    sim.run()
    assert len(log) == 150
    assert not locks.holders()


def test_an_interrupted_wait_is_withdrawn(sim: Simulation, locks: ResourceLocks) -> None:
    log: list[Any] = []
    taker(sim, locks, log, 0, 10, "AAPL")("a")
    b = taker(sim, locks, log, 1, 10, "AAPL")("b")
    taker(sim, locks, log, 2, 10, "AAPL")("c")
    sim.call_at(5, lambda _: b.interrupt())
    with pytest.raises(Interrupt):
        sim.run(b)
    assert locks.waiters() == {"AAPL": ("c",)}
    sim.run()
    assert log == [(0, "a", "AAPL"), (10, "c", "AAPL")]


def test_an_interrupted_wait_no_longer_closes_a_cycle(sim: Simulation, locks: ResourceLocks) -> None:
    log: list[Any] = []

    async def gives_up() -> None:
        async with locks.hold("A"):
            await sim.timeout(1)
            with pytest.raises(Interrupt):
                await locks.hold("B").__aenter__()
            await sim.timeout(10)

    process = sim.process(gives_up())
    taker(sim, locks, log, 0, 5, "B", "A")("other")
    sim.call_at(3, lambda _: process.interrupt())
    sim.run()
    assert log == [(0, "other", "B"), (13, "other", "A")]


def test_who_does_not_hold_a_lock_cannot_release_it(sim: Simulation, locks: ResourceLocks) -> None:
    async def main() -> None:
        with pytest.raises(SimulationError, match="AAPL was released by main, who does not hold it"):
            locks.release("AAPL", locks.caller())

    log: list[Any] = []
    sim.run(main())
    taker(sim, locks, log, 0, 10, "AAPL")("a")
    sim.run(5)
    sim.run(main())
    assert locks.holders() == {"AAPL": "a"}


def test_outside_a_simulation_a_free_lock_can_be_held_and_another_cannot_be_waited_for(
    sim: Simulation, locks: ResourceLocks
) -> None:
    log: list[Any] = []
    taker(sim, locks, log, 0, 10, "AAPL")("a")
    sim.run(5)

    async def outside(name: str) -> str:
        async with locks.hold(name):
            return locks.holders()[name]

    with pytest.raises(StopIteration) as finished:
        outside("MSFT").send(None)
    assert finished.value.value == "MainThread"
    with pytest.raises(SimulationError, match=r"AAPL is held by a, .* use sim\.run"):
        outside("AAPL").send(None)
    assert locks.waiters() == {}


def test_a_process_that_waits_beside_threads_needs_a_way_to_be_woken(sim: Simulation) -> None:
    locks = ResourceLocks(sim, threading.RLock())
    log: list[Any] = []
    taker(sim, locks, log, 0, 5, "AAPL")("a")
    b = taker(sim, locks, log, 0, 5, "AAPL")("b")
    with pytest.raises(InputError, match="process b must wait for AAPL beside threads, and wake is None"):
        sim.run(b)
    sim.run()
    assert log == [(0, "a", "AAPL")]
    assert not locks.holders()
