"""One context for threads and processes at once: nothing is lost, nobody is forgotten, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import contextvars
import faulthandler
import queue
import random
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from decimal import Decimal
from typing import Any

import pytest

from simexec.errors import DeadlockError, SimulationError
from simexec.execution.execution_context import ContextMetrics, ExecutionContext
from simexec.execution.resource_locks import TRANSACTION
from simexec.sim import Interrupt, Simulation

PATIENCE_S = 30.0


@pytest.fixture(autouse=True)
def hang_is_shown() -> Iterator[None]:
    faulthandler.dump_traceback_later(PATIENCE_S, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()


class Bench:
    """A simulation that this thread runs, a context for everybody, and threads."""

    def __init__(self) -> None:
        self.sim = Simulation()
        self.calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.context = ExecutionContext(thread_safe=True, sim=self.sim, wake=self.calls.put)
        self.threads: list[threading.Thread] = []
        self.errors: list[BaseException] = []

    def thread(self, body: Callable[[], Coroutine[Any, Any, None]], name: str = "thread") -> threading.Thread:
        def work() -> None:
            try:
                asyncio.run(body())
            except BaseException as error:
                self.errors.append(error)

        thread = threading.Thread(target=work, name=name, daemon=True)
        self.threads.append(thread)
        thread.start()
        return thread

    def until_waits(self, name: Any, who: str) -> None:
        """Wait until ``who`` waits for the lock."""
        pause = threading.Event()
        for _ in range(3000):
            if who in self.context.locks.waiters().get(name, ()):
                return
            pause.wait(0.005)
        pytest.fail(f"{who} does not wait for {name}")

    def run_calls(self) -> None:
        while not self.calls.empty():
            self.calls.get()()

    def drive(self, done: Callable[[], bool], step_ns: int = 1000) -> None:
        """Let time pass, with what other threads ask for between the steps."""
        while not done():
            self.run_calls()
            self.sim.run(self.sim.now + step_ns)
        self.run_calls()

    def join(self) -> None:
        for thread in self.threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive(), f"{thread.name} is stuck"
        if self.errors:
            raise self.errors[0]

    def nothing_is_held(self) -> None:
        assert dict(self.context.locks.holders()) == {}
        assert dict(self.context.locks.waiters()) == {}


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_thread_waits_for_the_transaction_of_a_process(bench: Bench) -> None:
    context, log = bench.context, []

    async def process() -> None:
        async with context.transaction("process"):
            await context.set("k", "process")
            await bench.sim.timeout(10)
            log.append("process leaves")

    async def thread() -> None:
        assert context.get("k") is None
        async with context.transaction("thread"):
            log.append(f"thread sees {context.get('k')}")
            await context.set("k", "thread")

    bench.sim.process(process())
    bench.sim.run(5)
    bench.thread(thread)
    bench.until_waits(TRANSACTION, "thread")
    bench.sim.run()
    bench.join()
    assert log == ["process leaves", "thread sees process"]
    assert context.get("k") == "thread"
    bench.nothing_is_held()


def test_a_process_waits_for_the_transaction_of_a_thread_while_time_goes_on(bench: Bench) -> None:
    context, log = bench.context, []
    entered, leave = threading.Event(), threading.Event()

    async def thread() -> None:
        async with context.transaction("thread"):
            await context.set("k", "thread")
            entered.set()
            leave.wait(PATIENCE_S)

    async def process() -> None:
        await context.set("k", "process")
        log.append((bench.sim.now, "set"))

    async def clock() -> None:
        for _ in range(3):
            await bench.sim.timeout(10)
            log.append((bench.sim.now, "tick"))

    bench.thread(thread)
    assert entered.wait(PATIENCE_S)
    waiting = bench.sim.process(process())
    bench.sim.process(clock())
    bench.sim.run(100)
    assert log == [(10, "tick"), (20, "tick"), (30, "tick")]
    assert context.get("k") is None
    leave.set()
    bench.drive(lambda: not waiting.is_alive)
    bench.join()
    assert log[3][1] == "set"
    assert context.get("k") == "process"
    bench.nothing_is_held()


@pytest.mark.parametrize("closes", ["thread", "process"])
def test_a_deadlock_between_a_thread_and_a_process_is_found_by_who_closes_it(bench: Bench, closes: str) -> None:
    context, outcomes = bench.context, []
    holds, go_on = threading.Event(), threading.Event()

    async def thread() -> None:
        async with context.resource("MSFT"):
            holds.set()
            go_on.wait(PATIENCE_S)
            await second("AAPL")

    async def process() -> None:
        async with context.resource("AAPL"):
            await bench.sim.timeout(10)
            await second("MSFT")

    async def second(name: str) -> None:
        try:
            async with context.resource(name):
                outcomes.append(f"has {name}")
        except DeadlockError as error:
            outcomes.append(str(error))

    bench.thread(thread)
    assert holds.wait(PATIENCE_S)
    p1 = bench.sim.process(process(), name="p1")
    bench.sim.run(5)
    if closes == "thread":
        bench.sim.run(20)
        go_on.set()
        first, other = "thread holds MSFT and waits for AAPL", "p1 holds AAPL and waits for MSFT"
    else:
        go_on.set()
        bench.until_waits("AAPL", "thread")
        first, other = "p1 holds AAPL and waits for MSFT", "thread holds MSFT and waits for AAPL"
    bench.drive(lambda: not p1.is_alive)
    bench.join()
    awaited = first[-4:]
    assert outcomes == [
        f"waiting for {awaited} would close a cycle: {first}, {other}; always take resources in one order",
        f"has {other[-4:]}",
    ]
    bench.nothing_is_held()


def test_a_process_that_is_interrupted_before_the_news_arrives_hands_on_to_a_thread(bench: Bench) -> None:
    context, log = bench.context, []
    entered, leave = threading.Event(), threading.Event()

    async def holder() -> None:
        async with context.resource("AAPL"):
            entered.set()
            leave.wait(PATIENCE_S)

    async def process() -> None:
        with pytest.raises(Interrupt):
            await context.resource("AAPL").__aenter__()
        log.append("interrupted")

    async def last() -> None:
        async with context.resource("AAPL"):
            log.append("last")

    first = bench.thread(holder)
    assert entered.wait(PATIENCE_S)
    waiting = bench.sim.process(process())
    bench.sim.run(1)
    bench.thread(last, "last")
    bench.until_waits("AAPL", "last")
    leave.set()
    first.join(PATIENCE_S)
    assert context.locks.holders() == {"AAPL": "process"}  # which has not heard of it
    waiting.interrupt()
    bench.sim.run(2)
    bench.join()
    bench.run_calls()  # the news, which nobody waits for any more
    bench.sim.run()
    assert log == ["interrupted", "last"]
    bench.nothing_is_held()


def test_closing_the_simulation_lets_waiting_threads_go_on(bench: Bench) -> None:
    context = bench.context

    async def process() -> None:
        async with context.transaction("process"):
            await context.set("k", "process")
            await bench.sim.timeout(10)

    async def thread() -> None:
        await context.set("m", "thread")

    bench.sim.process(process())
    bench.sim.run(5)
    bench.thread(thread)
    bench.until_waits(TRANSACTION, "thread")
    bench.sim.close()
    bench.join()
    assert (context.get("k"), context.get("m")) == (None, "thread")
    bench.nothing_is_held()


@pytest.mark.parametrize("outcome", ["closed", "goes on"])
def test_a_process_that_is_closed_while_it_waits_for_a_thread_is_forgotten(bench: Bench, outcome: str) -> None:
    context = bench.context
    entered, leave = threading.Event(), threading.Event()

    async def thread() -> None:
        async with context.transaction("thread"):
            await context.set("k", "thread")
            entered.set()
            leave.wait(PATIENCE_S)

    async def process() -> None:
        await context.set("k", "process")

    bench.thread(thread)
    assert entered.wait(PATIENCE_S)
    bench.sim.process(process())
    bench.sim.run(5)
    if outcome == "closed":
        bench.sim.close()
        leave.set()
        bench.join()
    else:
        leave.set()
        bench.join()
        bench.sim.close()  # it has its turn, and not heard of it
    bench.run_calls()
    assert not bench.sim._queue
    assert context.get("k") == "thread"
    bench.nothing_is_held()


def test_who_cannot_be_woken_does_not_stop_who_releases_from_committing(bench: Bench) -> None:
    def wake(_: object) -> None:
        raise RuntimeError("the runner has stopped")

    context = ExecutionContext(thread_safe=True, sim=bench.sim, wake=wake)
    entered, leave = threading.Event(), threading.Event()

    async def thread() -> None:
        async with context.transaction("thread"):
            await context.set("k", "thread")
            entered.set()
            leave.wait(PATIENCE_S)

    bench.thread(thread)
    assert entered.wait(PATIENCE_S)
    bench.sim.process(context.set("k", "process"))
    bench.sim.process(context.set("k", "another"))
    bench.sim.run(5)
    leave.set()
    with pytest.raises(RuntimeError, match="the runner has stopped"):
        bench.join()
    assert context.get("k") == "thread"
    bench.sim.close()
    assert not context.locks.holders()


def test_a_thread_with_the_context_variables_of_a_process_is_still_a_thread(bench: Bench) -> None:
    context, seen = bench.context, []

    async def process() -> None:
        async with context.transaction("process"):
            await context.set("k", "process")

            def look() -> None:
                seen.append((context.locks.caller().name, context.get("k")))

            variables = contextvars.copy_context()
            thread = threading.Thread(target=variables.run, args=(look,), name="other")
            thread.start()
            thread.join()
            look()

    bench.sim.run(process())
    assert seen == [("other", None), ("process", "process")]


def test_a_thread_with_a_simulation_of_its_own_is_a_thread_to_the_context(bench: Bench) -> None:
    context, seen = bench.context, []

    async def look() -> None:
        seen.append((context.locks.caller().name, context.get("k")))

    async def process() -> None:
        async with context.transaction("process"):
            await context.set("k", "process")
            thread = threading.Thread(target=lambda: Simulation().run(look()), name="other")
            thread.start()
            thread.join()

    bench.sim.run(process())
    assert seen == [("other", None)]


def test_the_simulation_may_be_run_by_another_thread_than_made_it(bench: Bench) -> None:
    context, owners = bench.context, []

    async def worker(name: str) -> None:
        async with context.transaction(name):
            owners.append(context.locks.holders()[TRANSACTION])
            await bench.sim.timeout(5)
            await context.set("n", context.get("n", 0) + 1)

    for name in "ab":
        bench.sim.process(worker(name), name=name)
    bench.sim.run(2)
    thread = threading.Thread(target=bench.sim.run)
    thread.start()
    thread.join(PATIENCE_S)
    assert (owners, context.get("n")) == (["a", "b"], 2)
    bench.nothing_is_held()


def test_tasks_that_share_a_thread_are_told_that_they_are_one_owner(bench: Bench) -> None:
    context = bench.context

    async def task(name: str, length: float) -> None:
        async with context.transaction(name):
            await context.set(name, 1)
            await asyncio.sleep(length)

    async def both() -> None:
        first, second = await asyncio.gather(task("a", 0.01), task("b", 0.03), return_exceptions=True)
        assert isinstance(first, SimulationError)
        assert isinstance(second, SimulationError)
        assert "tasks that share a thread are one owner" in str(first)

    bench.thread(both)
    bench.join()
    assert (context.get("a"), context.get("b")) == (None, None)
    bench.nothing_is_held()


# --- under stress ---

VOLUME, COMMISSION, SLIPPAGE = 3, Decimal("0.1"), -0.25


class Worker:
    """Does what a worker of a desk might do, at random, and keeps its own account of what it has committed.

    Every transaction finds out which commit it is, so that whatever was seen outside can be checked against the sum of the
    first so many commits. Single operations cannot know, so all of them are alike: one rejection.
    """

    def __init__(self, name: str, context: ExecutionContext, shared: dict[str, list[int]]) -> None:
        self.name, self.context, self.shared = name, context, shared
        self.random = random.Random(name)
        self.operations = self.rollbacks = self.singles = self.exclusive = 0
        self.commits: list[tuple[int, int, int]] = []  # which commit, fills, change of active orders
        self.seen: list[ContextMetrics] = []
        self.mine: list[str] = []
        self.deadlocks: list[tuple[str, str, str]] = []  # two parts of each message, and it

    async def pause(self) -> None:
        """What a process does between its operations; a thread does not wait."""

    async def work(self, operations: int) -> None:
        deeds = [self.fill, self.fill, self.fail, self.savepoint, self.single, self.single, self.hold, self.hold_two]
        while self.operations < operations:
            await self.random.choice(deeds)()
            self.look()
        assert not self.mine or set(self.mine) <= set(self.context.active_orders)

    def look(self) -> None:
        self.operations += 1
        if self.random.random() < 0.2:
            self.seen.append(self.context.metrics)

    def check_inside(self) -> int:
        metrics = self.context.metrics
        assert self.context.get("a", 0) == self.context.get("b", 0) == metrics.fills
        return metrics.transactions_committed + 1

    async def one_fill(self, order_id: str) -> None:
        await self.context.record_fill(order_id, VOLUME, COMMISSION, SLIPPAGE)
        await self.context.set("a", self.context.get("a", 0) + 1)
        await self.pause()
        await self.context.set("b", self.context.get("b", 0) + 1)
        self.operations += 3

    async def fill(self) -> None:
        order_id = f"{self.name}.{self.operations}"
        async with self.context.transaction("fill"):
            await self.context.add_active_order(order_id)
            await self.one_fill(order_id)
            removed = len(self.mine) > 5
            if removed:
                await self.context.remove_active_order(self.mine[0])
            self.operations += 1 + removed
            number = self.check_inside()
        self.commits.append((number, 1, 1 - removed))
        self.mine = [*self.mine[removed:], order_id]

    async def fail(self) -> None:
        try:
            async with self.context.transaction("fail"):
                await self.one_fill("failed")
                await self.context.add_active_order("failed")
                await self.pause()
                raise ZeroDivisionError
        except ZeroDivisionError:
            self.rollbacks += 1
            self.operations += 1

    async def savepoint(self) -> None:
        async with self.context.transaction("outer"):
            await self.one_fill(self.name)
            try:
                async with self.context.transaction("inner"):
                    await self.one_fill("failed")
                    raise ZeroDivisionError
            except ZeroDivisionError:
                number = self.check_inside()
        self.commits.append((number, 1, 0))

    async def single(self) -> None:
        await self.context.record_rejection("single", "single")
        self.operations += 1
        self.singles += 1

    async def exclude(self, name: str) -> None:
        """Count in a way that loses counts unless everybody else is kept out."""
        counter = self.shared[name]
        before = counter[0]
        await self.pause()
        if self.random.random() < 0.05:
            threading.Event().wait(1e-6)  # lets other threads run
        counter[0] = before + 1
        self.exclusive += 1

    async def hold(self) -> None:
        name = self.random.choice(list(self.shared))
        async with self.context.resource(name):
            await self.exclude(name)
        self.operations += 1

    async def hold_two(self) -> None:
        first, second = self.random.sample(list(self.shared), 2)
        try:
            async with self.context.resource(first):
                await self.pause()
                async with self.context.resource(second):
                    await self.exclude(second)
                await self.exclude(first)
        except DeadlockError as error:
            self.deadlocks.append((f"waiting for {second}", f"{self.name} holds {first} and", str(error)))
        self.operations += 2


class Sleeper(Worker):
    """A worker that is a process."""

    sim: Simulation

    async def pause(self) -> None:
        await self.sim.timeout(self.random.randint(0, 3))


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    """Lets threads take turns every 10 us rather than 5 ms, so that one in six operations has to wait."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("frequent_switches")
def test_eight_threads_and_a_simulation_lose_nothing(bench: Bench) -> None:
    context = bench.context
    shared = {name: [0] for name in ("AAPL", "MSFT", "TSLA")}
    threads = [Worker(f"w{number}", context, shared) for number in range(8)]
    sleepers = [Sleeper(f"s{number}", context, shared) for number in range(3)]
    for sleeper in sleepers:
        sleeper.sim = bench.sim
        bench.sim.process(sleeper.work(1000), name=sleeper.name)
    for worker in threads:
        bench.thread(lambda worker=worker: worker.work(12_500), worker.name)
    bench.drive(lambda: not bench.sim._processes and not any(thread.is_alive() for thread in bench.threads), step_ns=3)
    bench.join()
    bench.nothing_is_held()
    check(context, [*threads, *sleepers], shared)
    assert sum(worker.operations for worker in threads) >= 100_000


def check(context: ExecutionContext, workers: list[Worker], shared: dict[str, list[int]]) -> None:
    """The totals are the sums of what everybody committed, and so was everything that was ever seen."""
    by_number = {number: (fills, active) for worker in workers for number, fills, active in worker.commits}
    assert len(by_number) == sum(len(worker.commits) for worker in workers)
    final = context.metrics
    fills, active, singles = [0], [0], [0]
    for number in range(1, final.transactions_committed + 1):
        filled, activated = by_number.get(number, (0, 0))
        fills.append(fills[-1] + filled)
        active.append(active[-1] + activated)
        singles.append(singles[-1] + (number not in by_number))
    assert singles[-1] == sum(worker.singles for worker in workers)
    assert final.transactions_rolled_back == sum(worker.rollbacks for worker in workers)
    assert context.active_orders == {order_id for worker in workers for order_id in worker.mine}
    assert len(context.history) == 1000
    seen = [final, *(metrics for worker in workers for metrics in worker.seen)]
    assert len(seen) > 1000
    for metrics in seen:
        number = metrics.transactions_committed
        assert metrics.fills == fills[number]
        assert metrics.volume == fills[number] * VOLUME
        assert metrics.commission == fills[number] * COMMISSION
        assert metrics.slippage == fills[number] * Decimal(str(SLIPPAGE))
        assert metrics.active_orders == active[number]
        assert metrics.rejections == singles[number] == metrics.rejections_by_reason.get("single", 0)
    assert context.get("a") == context.get("b") == final.fills
    assert sum(counter[0] for counter in shared.values()) == sum(worker.exclusive for worker in workers)
    for worker in workers:
        assert all(start in message and cycle in message for start, cycle, message in worker.deadlocks)
        numbers = [metrics.transactions_committed for metrics in worker.seen]
        assert numbers == sorted(numbers)
