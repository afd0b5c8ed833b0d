"""Transactions of processes in simulated time: what they change, who sees it, and how they end."""

from __future__ import annotations

import threading
import types
from collections.abc import Coroutine, Generator
from decimal import Decimal
from typing import Any

import pytest

from simexec.errors import DeadlockError, InputError, SimulationError
from simexec.execution.execution_context import ContextMetrics, ExecutionContext
from simexec.execution.resource_locks import TRANSACTION
from simexec.sim import Interrupt, Simulation
from simexec.sim.events import exclusive_copy


class RefusedError(Exception):
    """What a test's transaction fails with."""


def run(*bodies: Coroutine[Any, Any, Any], sim: Simulation) -> None:
    for body in bodies:
        sim.process(body)
    sim.run()


@pytest.fixture
def sim() -> Simulation:
    return Simulation()


@pytest.fixture
def context(sim: Simulation) -> ExecutionContext:
    return ExecutionContext(sim=sim)


# --- operations ---


def test_the_example_of_the_specification(sim: Simulation, context: ExecutionContext) -> None:
    async def main() -> None:
        async with context.transaction("execute_o1"):
            await context.add_active_order("o1")
            await context.record_fill("o1", 100, Decimal("0.35"), 0.1)

    sim.run(main())
    assert context.active_orders == {"o1"}
    assert context.metrics == ContextMetrics(
        orders=1,
        filled_orders=1,
        fills=1,
        rejections=0,
        rejections_by_reason={},
        volume=100,
        commission=Decimal("0.35"),
        slippage=Decimal("0.1"),
        active_orders=1,
        transactions_committed=1,
        transactions_rolled_back=0,
    )


def test_figures_count_orders_once_and_fills_each_time(sim: Simulation, context: ExecutionContext) -> None:
    async def main() -> None:
        assert context.metrics.fill_rate == 0.0
        await context.record_order("o1")
        await context.record_order("o1")
        await context.add_active_order("o1")
        await context.record_fill("o1", 60, 1)
        await context.record_fill("o1", 40, commission=-0.5, slippage="0.25")
        await context.record_rejection("o2", "halted")
        await context.record_rejection("o3")
        await context.record_rejection("o3", "halted")
        await context.add_active_order("o4")

    sim.run(main())
    metrics = context.metrics
    assert (metrics.orders, metrics.filled_orders, metrics.fills, metrics.volume) == (4, 1, 2, 100)
    assert metrics.fill_rate == 0.25
    assert (metrics.commission, metrics.slippage) == (Decimal("0.5"), Decimal("0.25"))
    assert metrics.rejections == 3
    assert metrics.rejections_by_reason == {"halted": 2, "": 1}
    assert metrics.active_orders == 2


def test_amounts_add_up_exactly_whatever_their_scale(sim: Simulation, context: ExecutionContext) -> None:
    async def main() -> None:
        for _ in range(10):
            await context.record_fill("o1", 1, 0.1, Decimal("1e-39"))
        await context.record_fill("o1", 1, Decimal("1e39"), 10**39)
        await context.record_fill("o1", 1, Decimal("0e-900"))

    sim.run(main())
    assert str(context.metrics.commission) == "1" + "0" * 38 + "1.0"
    assert str(context.metrics.slippage) == "1" + "0" * 39 + "." + "0" * 37 + "10"


def test_active_orders_stand_in_the_order_in_which_they_became_so(sim: Simulation, context: ExecutionContext) -> None:
    seen = []

    async def main() -> None:
        for order_id in "abc":
            await context.add_active_order(order_id)
        async with context.transaction("again"):
            await context.remove_active_order("a")
            await context.add_active_order("d")
            await context.add_active_order("a")
            await context.remove_active_order("b")
            seen.append(list(context.active_orders))
        seen.append(list(context.active_orders))
        await context.remove_active_order("c")
        await context.add_active_order("c")
        seen.append(list(context.active_orders))

    sim.run(main())
    assert seen == [["c", "d", "a"], ["c", "d", "a"], ["d", "a", "c"]]


def test_nothing_is_kept_of_an_order_that_is_active_no_more(sim: Simulation, context: ExecutionContext) -> None:
    async def main() -> None:
        await context.add_active_order("o1")
        async with context.transaction("t"):
            await context.add_active_order("o2")
        async with context.transaction("t"):
            await context.remove_active_order("o1")
            await context.remove_active_order("o2")

    sim.run(main())
    assert context._committed._active == {}


def test_values_are_kept_as_they_are(sim: Simulation, context: ExecutionContext) -> None:
    value = object()

    async def main() -> None:
        await context.set("k", value)
        await context.set("none", None)

    sim.run(main())
    assert context.get("k") is value
    assert context.get("none", 1) is None
    assert context.get("missing") is None
    assert context.get("missing", 7) == 7


WRONG = [
    ("record_fill", ("o1", -1, 0, 0), "volume -1 is less than 1"),
    ("record_fill", ("o1", 0, 0, 0), "volume 0 is less than 1"),
    ("record_fill", ("o1", 1.5, 0, 0), "volume 1.5 is not an int"),
    ("record_fill", ("o1", True, 0, 0), "volume True is a truth value"),
    ("record_fill", ("o1", 1, float("nan"), 0), "commission nan is not a finite number"),
    ("record_fill", ("o1", 1, 0, Decimal("sNaN")), "slippage .* is not a finite number"),
    ("record_fill", ("o1", 1, 0, float("inf")), "slippage inf is not a finite number"),
    ("record_fill", ("o1", 1, "dear", 0), "commission 'dear' is not a number"),
    ("record_fill", ("o1", 1, "1." + "1" * 300, 0), "commission has 301 digits; round it to 200 at most"),
    ("record_fill", ("", 1, 0, 0), "order id '' is not a name"),
    ("record_order", (7,), "order id 7 is not a name"),
    ("add_active_order", ("",), "order id '' is not a name"),
    ("add_active_order", ("known",), "order known is active already"),
    ("remove_active_order", ("o9",), "order o9 is not active"),
    ("record_rejection", ("o1", 3), "reason 3 is not a str"),
    ("set", ("", 1), "key '' is not a name"),
]


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(("operation", "arguments", "words"), WRONG)
def test_wrong_values_are_input_errors_and_change_nothing(
    sim: Simulation, context: ExecutionContext, operation: str, arguments: tuple[Any, ...], words: str, inside: bool
) -> None:
    async def attempt() -> None:
        before = context.metrics
        with pytest.raises(InputError, match=words):
            await getattr(context, operation)(*arguments)
        assert context.metrics == before
        assert context.active_orders == {"known"}

    async def main() -> None:
        await context.add_active_order("known")
        if inside:
            async with context.transaction("t"):
                await attempt()
        else:
            await attempt()

    sim.run(main())


@pytest.mark.parametrize("name", ["", None, 3])
def test_names_are_strings_that_are_not_empty(context: ExecutionContext, name: Any) -> None:
    with pytest.raises(InputError, match=r"transaction name .* is not a name"):
        context.transaction(name)
    with pytest.raises(InputError, match=r"resource name .* is not a name"):
        context.resource(name)


def test_a_context_takes_the_current_simulation_and_refuses_wrong_arguments() -> None:
    with pytest.raises(SimulationError, match="no current simulation"):
        ExecutionContext()
    with Simulation() as sim:
        context = ExecutionContext()
        sim.run(context.set("k", 1))
        assert context.get("k") == 1
        with pytest.raises(InputError, match="wake 3 cannot be called"):
            ExecutionContext(wake=3)  # type: ignore[arg-type]
        with pytest.raises(InputError, match="history -1 is less than 0"):
            ExecutionContext(history=-1)


# --- who sees what ---


def test_nobody_sees_half_of_a_transaction(sim: Simulation, context: ExecutionContext) -> None:
    seen: list[tuple[int, int, int]] = []

    def look() -> None:
        metrics = context.metrics
        assert metrics.active_orders == len(context.active_orders)
        seen.append((sim.now, metrics.fills, context.get("fills", 0)))

    async def writer() -> None:
        async with context.transaction("t"):
            await sim.timeout(10)
            await context.record_fill("o1", 1)
            await sim.timeout(10)
            await context.set("fills", 1)
            assert (context.metrics.fills, context.get("fills")) == (1, 1)
            await context.add_active_order("o1")
            assert context.active_orders == {"o1"}
            await sim.timeout(10)
        look()

    async def reader() -> None:
        for _ in range(7):
            await sim.timeout(5)
            look()

    run(writer(), reader(), sim=sim)
    # At 30 the reader's timeout was scheduled before the writer's last one was due.
    assert [(fills, value) for _, fills, value in seen] == [(0, 0)] * 5 + [(1, 1)] * 3
    sim.call_at(sim.now, lambda _: look())  # a callback is no process, so it is outside any transaction
    sim.run()
    assert seen[-1][1:] == (1, 1)


def test_a_callback_sees_what_is_committed_while_a_transaction_is_open(
    sim: Simulation, context: ExecutionContext
) -> None:
    seen = []

    async def writer() -> None:
        async with context.transaction("t"):
            await context.set("k", 1)
            sim.call_after(1, lambda _: seen.append(context.get("k")))
            await sim.timeout(2)

    run(writer(), sim=sim)
    assert (seen, context.get("k")) == ([None], 1)


def test_snapshots_do_not_change_later(sim: Simulation, context: ExecutionContext) -> None:
    async def change(order_id: str) -> None:
        await context.add_active_order(order_id)
        await context.record_rejection(order_id, "r")

    sim.run(change("o1"))
    metrics, active = context.metrics, context.active_orders
    sim.run(change("o2"))
    assert (metrics.orders, metrics.rejections_by_reason, active) == (1, {"r": 1}, {"o1"})


def test_an_exception_undoes_the_whole_transaction_and_goes_on(sim: Simulation, context: ExecutionContext) -> None:
    async def fails() -> None:
        async with context.transaction("t"):
            await context.remove_active_order("o1")
            await context.record_fill("o1", 5, 1, 1)
            await context.record_rejection("o2", "r")
            await context.set("k", 2)
            await sim.timeout(3)
            raise RefusedError("half way")

    async def main() -> None:
        await context.add_active_order("o1")
        await context.set("k", 1)
        before = context.metrics
        with pytest.raises(RefusedError, match="half way"):
            await fails()
        after = context.metrics
        assert after.transactions_rolled_back == 1
        assert (after.fills, after.orders, after.volume, after.commission) == (0, 1, 0, 0)
        assert (after.rejections_by_reason, after.transactions_committed) == ({}, before.transactions_committed)
        assert (context.active_orders, context.get("k")) == ({"o1"}, 1)

    sim.run(main())


def test_transactions_and_single_operations_wait_for_their_turn(sim: Simulation, context: ExecutionContext) -> None:
    log: list[tuple[int, str]] = []

    async def holder(name: str, delay: int, length: int) -> None:
        await sim.timeout(delay)
        async with context.transaction(name):
            await context.set("last", name)
            await sim.timeout(length)
        log.append((sim.now, name))

    async def single() -> None:
        await sim.timeout(2)
        assert context.get("last") is None
        await context.set("last", "single")
        log.append((sim.now, "single"))
        assert context.get("last") == "single"

    run(holder("a", 0, 10), holder("b", 1, 10), single(), holder("c", 3, 10), sim=sim)
    assert log == [(10, "a"), (20, "b"), (20, "single"), (30, "c")]


# --- savepoints ---


def test_a_transaction_inside_another_of_the_same_process_is_a_savepoint(
    sim: Simulation, context: ExecutionContext
) -> None:
    async def fails() -> None:
        async with context.transaction("inner"):
            await context.record_fill("o1", 10)
            await context.add_active_order("o1")
            async with context.transaction("innermost"):
                await context.record_fill("o2", 100)
                assert context.metrics.volume == 111
            raise RefusedError

    async def main() -> None:
        async with context.transaction("outer"):
            await context.record_fill("o1", 1)
            with pytest.raises(RefusedError):
                await fails()
            assert (context.metrics.volume, context.metrics.orders, context.active_orders) == (1, 1, set())
            async with context.transaction("inner"):
                await context.record_fill("o3", 1000)
        assert context.metrics.volume == 1001

    sim.run(main())
    metrics = context.metrics
    assert (metrics.volume, metrics.fills, metrics.orders, metrics.filled_orders) == (1001, 2, 2, 2)
    assert (metrics.transactions_committed, metrics.transactions_rolled_back) == (1, 0)


def test_a_savepoint_that_was_kept_is_undone_with_the_transaction_around_it(
    sim: Simulation, context: ExecutionContext
) -> None:
    async def main() -> None:
        async with context.transaction("outer"):
            async with context.transaction("inner"):
                await context.set("k", 1)
            raise RefusedError

    with pytest.raises(RefusedError):
        sim.run(main())
    assert context.get("k") is None
    assert not context.locks.holders()


def test_a_transaction_in_another_process_is_no_savepoint(sim: Simulation, context: ExecutionContext) -> None:
    log = []

    async def inner() -> None:
        async with context.transaction("inner"):
            log.append(sim.now)

    async def outer() -> None:
        async with context.transaction("outer"):
            sim.process(inner())
            await sim.timeout(9)

    run(outer(), sim=sim)
    assert log == [9]


# --- interrupts and endings ---


def test_an_interrupt_rolls_back_and_the_next_goes_on(sim: Simulation, context: ExecutionContext) -> None:
    log: list[Any] = []

    async def victim() -> None:
        try:
            async with context.transaction("victim"):
                await context.set("k", "victim")
                await sim.timeout(100)
        except Interrupt as interrupt:
            log.append((sim.now, interrupt.cause, context.get("k")))

    async def other() -> None:
        async with context.transaction("other"):
            log.append((sim.now, "other", context.get("k")))
            await context.set("k", "other")

    process = sim.process(victim())
    sim.process(other())
    sim.call_at(5, lambda _: process.interrupt("stop"))
    sim.run()
    assert log == [(5, "stop", None), (5, "other", None)]
    assert context.get("k") == "other"
    assert [record.failure for record in context.history] == ["Interrupt: Interrupt('stop')", ""]


@pytest.mark.parametrize("single", [False, True])
def test_an_interrupted_wait_leaves_no_trace(sim: Simulation, context: ExecutionContext, single: bool) -> None:
    log = []

    async def holder() -> None:
        async with context.transaction("holder"):
            await sim.timeout(10)

    async def victim() -> None:
        try:
            if single:
                await context.set("k", "victim")
            else:
                async with context.transaction("victim"):
                    await context.set("k", "victim")
        except Interrupt:
            log.append((sim.now, "interrupted"))
            await context.set("after", True)

    async def last() -> None:
        await sim.timeout(1)
        async with context.transaction("last"):
            log.append((sim.now, "last"))

    sim.process(holder())
    process = sim.process(victim())
    sim.process(last())
    sim.call_at(5, lambda _: process.interrupt())
    sim.run()
    assert log == [(5, "interrupted"), (10, "last")]
    assert context.get("k") is None
    assert context.get("after")
    assert (dict(context.locks.holders()), dict(context.locks.waiters())) == ({}, {})


def test_an_interrupt_between_the_handing_over_and_its_news_hands_on(
    sim: Simulation, context: ExecutionContext
) -> None:
    log = []

    async def holder() -> None:
        async with context.transaction("holder"):
            await sim.timeout(10)
        victim_process.interrupt()  # it has the lock by now and has not heard of it

    async def victim() -> None:
        try:
            await context.set("k", "victim")
        except Interrupt:
            log.append((sim.now, "interrupted"))

    async def last() -> None:
        await context.set("k", "last")
        log.append((sim.now, "last"))

    sim.process(holder())
    victim_process = sim.process(victim())
    sim.process(last())
    sim.run()
    assert log == [(10, "interrupted"), (10, "last")]
    assert context.get("k") == "last"
    assert not context.locks.holders()


@pytest.mark.parametrize("thread_safe", [False, True])
def test_closing_the_simulation_rolls_back_without_waiting_and_frees_everything(thread_safe: bool) -> None:
    sim = Simulation()
    context = ExecutionContext(sim=sim, thread_safe=thread_safe, wake=lambda callback: callback())

    async def holder() -> None:
        async with context.resource("AAPL"), context.transaction("holder"):
            await context.set("k", 1)
            async with context.transaction("inner"):
                await context.set("k", 2)
                await sim.timeout(10)

    async def waits_for_transaction() -> None:
        await context.set("k", 3)

    async def waits_for_resource() -> None:
        async with context.resource("AAPL"):
            await context.set("k", 4)

    for body in (holder(), waits_for_transaction(), waits_for_transaction(), waits_for_resource()):
        sim.process(body)
    sim.run(5)
    sim.close()
    assert context.get("k") is None
    assert (dict(context.locks.holders()), dict(context.locks.waiters())) == ({}, {})
    assert [record.failure for record in context.history] == ["GeneratorExit: "]
    assert context.metrics.transactions_rolled_back == 1


@pytest.mark.parametrize("thread_safe", [False, True])
def test_an_operation_in_the_clean_up_of_a_closed_transaction_is_an_error_that_says_so(thread_safe: bool) -> None:
    sim = Simulation()
    context = ExecutionContext(sim=sim, thread_safe=thread_safe, wake=lambda callback: callback())

    async def holder() -> None:
        async with context.transaction("holder"):
            try:
                await sim.timeout(10)
            finally:
                await context.set("k", 1)

    sim.process(holder())
    sim.run(5)
    with pytest.raises(SimulationError, match=r"the transaction lock is held by holder, .* clean up without await"):
        sim.close()
    assert context.get("k") is None
    assert not context.locks.holders()


def test_an_operation_in_the_clean_up_of_a_process_works_if_nobody_has_a_transaction_open(
    sim: Simulation, context: ExecutionContext
) -> None:
    async def worker() -> None:
        await context.add_active_order("o1")
        try:
            await sim.timeout(10)
        finally:
            await context.remove_active_order("o1")

    sim.process(worker())
    sim.run(5)
    assert context.active_orders == {"o1"}
    sim.close()
    assert context.active_orders == set()


@pytest.mark.parametrize("thread_safe", [False, True])
def test_what_is_no_process_cannot_wait_in_the_thread_of_the_simulation(thread_safe: bool) -> None:
    sim = Simulation()
    context = ExecutionContext(sim=sim, thread_safe=thread_safe, wake=lambda callback: callback())
    errors: list[SimulationError] = []

    async def holder() -> None:
        async with context.transaction("holder"):
            await sim.timeout(10)

    def callback(_: object) -> None:
        operation = context.set("k", 1)
        with pytest.raises(SimulationError, match="held by holder, and what runs outside the processes") as caught:
            operation.send(None)
        errors.append(caught.value)

    sim.process(holder())
    sim.call_at(5, callback)
    sim.run()
    assert len(errors) == 1
    assert context.get("k") is None


def test_transactions_left_in_another_order_than_entered_are_rolled_back_with_an_error(
    sim: Simulation, context: ExecutionContext
) -> None:
    async def main() -> None:
        outer, inner = context.transaction("outer"), context.transaction("inner")
        await outer.__aenter__()
        await context.set("k", 1)
        await inner.__aenter__()
        await context.set("k", 2)
        with pytest.raises(SimulationError, match="left in another order than entered, so 'outer' was rolled back"):
            await outer.__aexit__(None, None, None)
        with pytest.raises(SimulationError, match="so 'inner' was rolled back"):
            await inner.__aexit__(None, None, None)
        async with context.transaction("after"):
            await context.set("after", 1)

    sim.run(main())
    assert (context.get("k"), context.get("after")) == (None, 1)
    assert (context.metrics.transactions_committed, context.metrics.transactions_rolled_back) == (1, 1)
    assert not context.locks.holders()


def test_a_transaction_object_serves_once(sim: Simulation, context: ExecutionContext) -> None:
    async def main() -> None:
        transaction = context.transaction("t")
        async with transaction:
            pass
        with pytest.raises(SimulationError, match="transaction 't' was entered twice"):
            async with transaction:
                pytest.fail("entered")
        assert not context.locks.holders()

    sim.run(main())


@pytest.mark.parametrize("thread_safe", [False, True])
def test_a_forgotten_coroutine_is_rolled_back_even_in_the_midst_of_another_operation(thread_safe: bool) -> None:
    sim = Simulation()
    context = ExecutionContext(sim=sim, thread_safe=thread_safe)

    @types.coroutine
    def suspend() -> Generator[None, None, None]:
        yield

    async def forgotten() -> None:
        async with context.transaction("t"):
            await context.set("k", 1)
            await suspend()

    coroutine = forgotten()
    coroutine.send(None)
    assert context.locks.holders() == {TRANSACTION: "MainThread"}
    with context._mutex:  # as when the collector comes while an operation is under way
        del coroutine
    assert context.get("k") is None
    assert not context.locks.holders()


# --- resources ---


def test_a_resource_and_a_transaction_take_part_in_one_graph(sim: Simulation, context: ExecutionContext) -> None:
    log: list[str] = []

    async def p1() -> None:
        async with context.transaction("t"):
            await context.set("k", "p1")
            await sim.timeout(2)
            async with context.resource("AAPL"):
                log.append("p1 has AAPL")

    async def p2() -> None:
        async with context.resource("AAPL"):
            await sim.timeout(1)
            await context.set("k", "p2")
            log.append("p2 has set")

    first = sim.process(p1())
    sim.process(p2())
    with pytest.raises(DeadlockError) as caught:
        sim.run(first)
    assert str(caught.value) == (
        "waiting for AAPL would close a cycle: p1 holds the transaction lock and waits for AAPL, p2 holds AAPL and waits for "
        "the transaction lock; always take resources in one order, and before a transaction begins"
    )
    sim.run()
    assert log == ["p2 has set"]
    assert context.get("k") == "p2"
    assert not context.locks.holders()


def test_a_deadlock_reaches_a_waiting_process_as_itself() -> None:
    error = DeadlockError("waiting for MSFT would close a cycle")
    copy = exclusive_copy(error)
    assert type(copy) is DeadlockError
    assert copy is not error
    assert str(copy) == str(error)


# --- history ---


def test_the_history_tells_how_the_last_transactions_ended(sim: Simulation) -> None:
    context = ExecutionContext(sim=sim, history=2)

    async def worker(name: str, fail: bool) -> None:
        async with context.transaction(name):
            await sim.timeout(10)
            async with context.transaction("savepoint"):
                await context.set("k", name)
            if fail:
                raise RefusedError("no")

    async def main() -> None:
        for name, fail in (("a", False), ("b", True), ("c", False)):
            process = sim.process(worker(name, fail), name=f"worker {name}")
            try:
                await process
            except RefusedError:
                assert fail

    sim.run(main())
    b, c = context.history
    assert (b.name, b.owner, b.began_ns, b.ended_ns) == ("b", "worker b", 10, 20)
    assert (b.committed, b.failure) == (False, "RefusedError: no")
    assert (c.name, c.began_ns, c.ended_ns, c.committed, c.failure) == ("c", 20, 30, True, "")


def test_an_exception_that_cannot_be_written_down_rolls_back_all_the_same(
    sim: Simulation, context: ExecutionContext
) -> None:
    class UnspeakableError(Exception):
        def __str__(self) -> str:
            raise RefusedError("no words")

    async def main() -> None:
        async with context.transaction("t"):
            await context.set("k", 1)
            raise UnspeakableError

    with pytest.raises(RefusedError, match="no words"):
        sim.run(main())
    assert context.get("k") is None
    assert not context.locks.holders()
    assert context.metrics.transactions_rolled_back == 1


# --- without locks ---


def test_a_backtest_makes_no_threading_primitive(sim: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a threading primitive was made")

    for name in ("Lock", "RLock", "Condition", "Event", "Semaphore", "Barrier", "_allocate_lock"):
        monkeypatch.setattr(threading, name, forbidden)
    context = ExecutionContext(sim=sim)

    async def worker() -> None:
        for _ in range(3):
            async with context.resource("AAPL"), context.transaction("t"):
                await sim.timeout(1)
                await context.set("n", context.get("n", 0) + 1)

    run(worker(), worker(), sim=sim)
    assert context.get("n") == 6
    with pytest.raises(AssertionError, match="a threading primitive was made"):
        ExecutionContext(sim=sim, thread_safe=True)
