"""Any interleaving of transactions gives what a naive oracle gets from the committed ones, one after another."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from simpy.core import EmptySchedule

from simexec.errors import DeadlockError, InputError
from simexec.execution.execution_context import ExecutionContext
from simexec.execution.resource_locks import TRANSACTION
from simexec.sim import Interrupt, Process, Simulation

ORDERS, KEYS, RESOURCES = ["o1", "o2", "o3"], ["k", "m"], ["AAPL", "MSFT", "TSLA"]


class FailureError(Exception):
    """What transactions of a program fail with."""


CAUGHT = (FailureError, Interrupt, DeadlockError)


class Oracle:
    """The state, from operations that are applied one after another; knows nothing of transactions."""

    def __init__(self, operations: list[tuple[Any, ...]]) -> None:
        self.active: list[str] = []
        self.orders: set[str] = set()
        self.filled: set[str] = set()
        self.fills = self.volume = 0
        self.commission = self.slippage = Fraction(0)
        self.reasons: Counter[str] = Counter()
        self.values: dict[str, Any] = {}
        for operation in operations:
            assert self.apply(operation)

    def apply(self, operation: tuple[Any, ...]) -> bool:
        """Whether the operation is possible."""
        kind, subject, *details = operation
        if kind == "set":
            self.values[subject] = details[0]
            return True
        if kind == "add_active_order":
            if subject in self.active:
                return False
            self.active.append(subject)
        elif kind == "remove_active_order":
            if subject not in self.active:
                return False
            self.active.remove(subject)
        elif kind == "record_fill":
            volume, commission, slippage = details
            self.filled.add(subject)
            self.fills += 1
            self.volume += volume
            self.commission += Fraction(str(commission))
            self.slippage += Fraction(str(slippage))
        elif kind == "record_rejection":
            self.reasons[details[0]] += 1
        self.orders.add(subject)
        return True

    def agrees_with(self, context: ExecutionContext, commits: int) -> None:
        metrics = context.metrics
        assert list(context.active_orders) == self.active
        assert metrics.active_orders == len(self.active)
        assert (metrics.orders, metrics.filled_orders) == (len(self.orders), len(self.filled))
        assert (metrics.fills, metrics.volume) == (self.fills, self.volume)
        assert (Fraction(metrics.commission), Fraction(metrics.slippage)) == (self.commission, self.slippage)
        assert metrics.rejections_by_reason == self.reasons
        assert metrics.rejections == self.reasons.total()
        assert metrics.transactions_committed == commits
        for key in KEYS:
            assert context.get(key) == self.values.get(key)


class World:
    """A simulation of programs, and its own record of who committed, holds and waits."""

    def __init__(self, thread_safe: bool) -> None:
        self.sim = Simulation()
        wake = (lambda callback: callback()) if thread_safe else None  # there is one thread after all
        self.context = ExecutionContext(sim=self.sim, thread_safe=thread_safe, wake=wake, history=10_000)
        self.commits: list[list[tuple[Any, ...]]] = []
        self.rollbacks = 0
        self.held: dict[Any, Program] = {}
        self.seen: set[int] = set()
        self.deadlocks = 0

    def state(self, more: list[list[tuple[Any, ...]]]) -> Oracle:
        return Oracle([operation for part in (*self.commits, *more) for operation in part])

    def look(self) -> None:
        """Outside any transaction everything committed is seen, and nothing else."""
        self.state([]).agrees_with(self.context, len(self.commits))
        assert self.context.metrics.transactions_rolled_back == self.rollbacks

    def step(self) -> bool:
        try:
            self.sim.step()
        except EmptySchedule:
            return False
        self.look()
        return True


class Program:
    """One process, and what it has written in the transactions that it has open, the outermost first."""

    process: Process

    def __init__(self, world: World) -> None:
        self.world = world
        self.open: list[list[tuple[Any, ...]]] = []
        self.awaits: Any = None

    async def run(self, steps: list[Any]) -> None:
        with suppress(*CAUGHT):
            await self.execute(steps)
        assert not self.open

    async def execute(self, steps: list[Any]) -> None:
        world = self.world
        for kind, *details in steps:
            if kind == "sleep":
                await world.sim.timeout(details[0])
            elif kind == "bump":
                await self.operate(("set", details[0], (world.context.get(details[0]) or 0) + 1))
            elif kind == "operation":
                await self.operate(details[0])
            elif kind == "transaction":
                await self.transact(*details)
            else:
                await self.hold(*details)
            world.state(self.open).agrees_with(world.context, len(world.commits))

    async def operate(self, operation: tuple[Any, ...]) -> None:
        world = self.world
        refused = False
        self.awaits = TRANSACTION
        try:
            await getattr(world.context, operation[0])(*operation[1:])
        except InputError:
            refused = True
        except DeadlockError as error:
            self.check_cycle(error)
            raise
        finally:
            self.awaits = None
        assert refused is not world.state(self.open).apply(operation)
        if not refused:
            if self.open:
                self.open[-1].append(operation)
            else:
                world.commits.append([operation])

    async def transact(self, steps: list[Any], fails: bool, catches: bool) -> None:
        world, entered = self.world, False
        outermost = not self.open
        self.awaits = TRANSACTION
        try:
            async with world.context.transaction("t"):
                entered, self.awaits = True, None
                self.open.append([])
                if outermost:
                    assert TRANSACTION not in world.held
                    world.held[TRANSACTION] = self
                await self.execute(steps)
                if fails:
                    raise FailureError
        except BaseException as error:
            self.awaits = None
            if entered:
                self.open.pop()
                world.rollbacks += outermost
            elif isinstance(error, DeadlockError):
                self.check_cycle(error, TRANSACTION)
            if not (catches and isinstance(error, CAUGHT)):
                raise
        else:
            written = self.open.pop()
            if outermost:
                world.commits.append(written)
            else:
                self.open[-1].extend(written)
        finally:
            if entered and outermost:
                del world.held[TRANSACTION]

    async def hold(self, name: str, steps: list[Any]) -> None:
        world = self.world
        mine = world.held.get(name) is self
        resource = world.context.resource(name)
        self.awaits = name
        try:
            await resource.__aenter__()
        except DeadlockError as error:
            self.check_cycle(error)
            raise
        finally:
            self.awaits = None
        assert mine or name not in world.held
        world.held[name] = self
        try:
            await self.execute(steps)
        finally:
            if not mine:
                del world.held[name]
            await resource.__aexit__(None, None, None)

    def check_cycle(self, error: DeadlockError, awaited: Any = None) -> None:
        """By our own record, everybody on the path from us holds something and waits, and it ends with us."""
        lock = awaited or self.awaits
        steps, mine = [], None
        who = self
        while True:
            holder = self.world.held[lock]
            steps.append((who, lock))
            if holder is self:
                mine = lock
                break
            who, lock = holder, holder.awaits
            assert lock is not None
            assert len(steps) < 20
        words = []
        for program, waits_for in steps:
            words.append(f"{program.process.name} holds {mine} and waits for {waits_for}")
            mine = waits_for
        assert str(error).startswith(f"waiting for {steps[0][1]} would close a cycle: {', '.join(words)}; always")
        self.world.deadlocks += 1


def a_step() -> st.SearchStrategy[Any]:
    order, key = st.sampled_from(ORDERS), st.sampled_from(KEYS)
    amount = st.sampled_from([0, 1, -2, 0.1, 1e-9, Decimal("0.30"), Decimal("1e-30")])
    operation = st.one_of(
        st.tuples(st.just("add_active_order"), order),
        st.tuples(st.just("remove_active_order"), order),
        st.tuples(st.just("record_order"), order),
        st.tuples(st.just("record_fill"), order, st.integers(1, 9), amount, amount),
        st.tuples(st.just("record_rejection"), order, st.sampled_from(["", "halted"])),
        st.tuples(st.just("set"), key, st.integers(0, 99)),
    )
    single = st.one_of(
        st.tuples(st.just("sleep"), st.integers(0, 3)),
        st.tuples(st.just("operation"), operation),
        st.tuples(st.just("bump"), key),
    )
    return st.recursive(
        single,
        lambda inner: st.one_of(
            st.tuples(
                st.just("transaction"),
                st.lists(inner, max_size=4),
                st.sampled_from([False, False, True]),
                st.booleans(),
            ),
            st.tuples(st.just("resource"), st.sampled_from(RESOURCES), st.lists(inner, max_size=4)),
        ),
        max_leaves=8,
    )


PROGRAMS = st.lists(st.lists(a_step(), min_size=1, max_size=5), min_size=2, max_size=5)
INTERRUPTS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4)), max_size=4)


@pytest.mark.parametrize("thread_safe", [False, True])
@given(programs=PROGRAMS, interrupts=INTERRUPTS, close_after=st.none() | st.integers(1, 40))
@settings(max_examples=100)
def test_programs_leave_what_the_commits_give_one_after_another(
    thread_safe: bool, programs: list[list[Any]], interrupts: list[tuple[int, int]], close_after: int | None
) -> None:
    world = World(thread_safe)
    everybody = [Program(world) for _ in programs]
    for number, (program, steps) in enumerate(zip(everybody, programs, strict=True)):
        program.process = world.sim.process(program.run(steps), name=f"p{number}")

    def interrupt(number: int) -> None:
        process = everybody[number % len(everybody)].process
        if process.is_alive:
            process.interrupt()

    for time, number in interrupts:
        world.sim.call_at(time, interrupt, number)
    taken = 0
    while (close_after is None or taken < close_after) and world.step():
        taken += 1
    if close_after is None:
        assert not any(program.process.is_alive for program in everybody)  # or nobody noticed that they wait for ever
    world.sim.close()
    world.look()
    assert (dict(world.context.locks.holders()), dict(world.context.locks.waiters())) == ({}, {})
    assert not world.held
    ended = world.context.history
    assert sum(not record.committed for record in ended) == world.rollbacks
    assert all(before.ended_ns <= after.began_ns for before, after in pairwise(ended))
    event(f"deadlocks: {min(world.deadlocks, 2)}, rolled back: {min(world.rollbacks, 2)}")


NAMES = st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=4)


@given(orders=st.lists(st.tuples(st.integers(0, 3), NAMES), min_size=2, max_size=6), in_one_order=st.booleans())
@settings(max_examples=200)
def test_resources_in_random_order_end_or_are_a_true_deadlock_and_in_one_order_always_end(
    orders: list[tuple[int, list[str]]], in_one_order: bool
) -> None:
    world = World(thread_safe=False)
    everybody = []
    for number, (delay, names) in enumerate(orders):
        steps: list[Any] = []
        for name in sorted(names, reverse=True) if in_one_order else names:
            steps = [("resource", name, [("sleep", 1), *steps])]
        program = Program(world)
        program.process = world.sim.process(program.run([("sleep", delay), *steps]), name=f"p{number}")
        everybody.append(program)
    while world.step():
        pass
    assert not any(program.process.is_alive for program in everybody)
    assert not world.context.locks.holders()
    assert not (in_one_order and world.deadlocks)
    event(f"deadlocks: {min(world.deadlocks, 3)}")
