"""Stores, containers and resources under await, with, and interrupts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simexec.errors import SimulationError
from simexec.sim import (
    Container,
    FilterStore,
    Interrupt,
    Preempted,
    PreemptiveResource,
    PriorityItem,
    PriorityResource,
    PriorityStore,
    Process,
    Resource,
    Simulation,
    Store,
)


def test_stores_hand_out_items_in_their_order() -> None:
    sim = Simulation()

    async def main() -> list[Any]:
        plain, urgent, picky = Store(sim), PriorityStore(sim), FilterStore(sim)
        for item in (3, 1, 2):
            await plain.put(item)
            await urgent.put(PriorityItem(item, f"item {item}"))
            await picky.put(item)
        return [
            [await plain.get() for _ in range(3)],
            [(await urgent.get()).item for _ in range(3)],
            await picky.get(lambda item: item < 3),
            await picky.get(),
        ]

    assert sim.run(main()) == [[3, 1, 2], ["item 1", "item 2", "item 3"], 1, 3]


def test_a_get_waits_for_a_put_and_a_put_for_room() -> None:
    sim = Simulation()
    store = Store(sim, capacity=1)
    log = []

    async def producer() -> None:
        for item in "ab":
            await store.put(item)
            log.append((sim.now, "put", item))

    def consumer() -> Any:
        yield sim.timeout(5)
        item = yield store.get()
        log.append((sim.now, "got", item))

    sim.process(producer())
    sim.process(consumer())
    sim.run()
    assert log == [(0, "put", "a"), (5, "got", "a"), (5, "put", "b")]


def interrupt_between_grant_and_news(sim: Simulation, victim: Process, put: Callable[[], Any]) -> None:
    """Put something that grants the victim's request, and interrupt the victim before it hears of that."""
    put()
    # At one time: the put is processed and grants the request; then this call; then the interrupt, being
    # urgent; and the granted request only after that.
    sim.call_at(sim.now, lambda _: victim.interrupt())


@pytest.mark.parametrize("kind", [Store, PriorityStore, FilterStore])
@pytest.mark.parametrize("form", ["await", "with", "generator with"])
def test_an_interrupted_get_takes_no_later_item(kind: Any, form: str) -> None:
    sim = Simulation()
    store = kind(sim)

    async def waits() -> None:
        with pytest.raises(Interrupt):
            await store.get()
        await sim.timeout(100)

    async def waits_in_a_block() -> None:
        with pytest.raises(Interrupt), store.get() as request:
            await request
        await sim.timeout(100)

    def yields_in_a_block() -> Any:
        with pytest.raises(Interrupt), store.get() as request:
            yield request
        yield sim.timeout(100)

    async def main() -> Any:
        body = {"await": waits, "with": waits_in_a_block, "generator with": yields_in_a_block}[form]()
        victim = sim.process(body)
        await sim.timeout(10)
        victim.interrupt()
        await sim.timeout(10)
        await store.put(7)
        return await (store.get() | sim.timeout(50))

    assert list(sim.run(main()).values()) == [7]


@pytest.mark.parametrize("kind", [Store, PriorityStore, FilterStore])
def test_an_item_on_its_way_to_a_process_that_is_interrupted_goes_back_to_the_front(kind: Any) -> None:
    sim = Simulation()
    store = kind(sim)

    async def loses() -> None:
        with pytest.raises(Interrupt):
            await store.get()

    async def main() -> list[int]:
        victim = sim.process(loses())
        await sim.timeout(10)
        interrupt_between_grant_and_news(sim, victim, lambda: store.put(1))
        await store.put(2)
        await sim.timeout(1)
        return [await store.get(), await store.get()]

    assert sim.run(main()) == [1, 2]


def test_an_item_that_goes_back_serves_the_next_in_line() -> None:
    sim = Simulation()
    store = Store(sim)
    got = []

    async def loses() -> None:
        with pytest.raises(Interrupt):
            await store.get()

    async def waits() -> None:
        got.append(await store.get())

    victim = sim.process(loses())
    sim.process(waits())

    sim.call_at(3, lambda _: interrupt_between_grant_and_news(sim, victim, lambda: store.put("only")))
    sim.run()
    assert got == ["only"]


def test_a_withdrawn_request_says_so_when_it_is_awaited_again() -> None:
    sim = Simulation()
    store = Store(sim)

    async def main() -> None:
        request = store.get()
        with pytest.raises(Interrupt):
            await request
        with pytest.raises(SimulationError, match="make a new request"):
            await request

    victim = sim.process(main())
    sim.call_at(1, lambda _: victim.interrupt())
    sim.run(victim)
    assert store.get_queue == []


def test_an_amount_on_its_way_to_an_interrupted_process_goes_back() -> None:
    sim = Simulation()
    tank = Container(sim, capacity=10)

    async def loses() -> None:
        with pytest.raises(Interrupt):
            await tank.get(4)

    async def main() -> float:
        victim = sim.process(loses())
        await sim.timeout(1)
        interrupt_between_grant_and_news(sim, victim, lambda: tank.put(5))
        await sim.timeout(1)
        await tank.get(2)
        return tank.level

    assert sim.run(main()) == 3


def test_resources_are_granted_in_order_and_released_by_the_block() -> None:
    sim = Simulation()
    log = []

    async def uses(resource: Any, name: str, *arguments: int) -> None:
        async with resource.request(*arguments):
            log.append((sim.now, name))
            await sim.timeout(10)

    def uses_as_generator(resource: Any, name: str) -> Any:
        with resource.request() as request:
            yield request
            log.append((sim.now, name))
            yield sim.timeout(10)

    desk = Resource(sim, capacity=1)
    sim.process(uses(desk, "a"))
    sim.process(uses_as_generator(desk, "b"))
    sim.process(uses(desk, "c"))
    sim.run()
    assert log == [(0, "a"), (10, "b"), (20, "c")]
    assert desk.count == 0

    log.clear()
    start = sim.now
    counter = PriorityResource(sim, capacity=1)
    for name, priority in (("first", 5), ("late", 5), ("urgent", 0)):
        sim.process(uses(counter, name, priority))
    sim.run()
    assert log == [(start, "first"), (start + 10, "urgent"), (start + 20, "late")]


@pytest.mark.parametrize("grant_first", [False, True])
def test_an_interrupted_request_keeps_no_slot(grant_first: bool) -> None:
    sim = Simulation()
    desk = Resource(sim, capacity=1)

    async def holds() -> None:
        async with desk.request():
            await sim.timeout(10)

    async def gives_up() -> None:
        with pytest.raises(Interrupt):
            async with desk.request():
                pytest.fail("was granted")

    holder = sim.process(holds())
    victim = sim.process(gives_up())
    # At 10 the slot is granted to the victim, which learns of its interrupt before it learns of the slot.
    if grant_first:
        holder.callbacks.append(lambda _: victim.interrupt())
    else:
        sim.call_at(5, lambda _: victim.interrupt())
    sim.run()
    assert desk.count == 0
    assert list(desk.queue) == []


def test_a_preempted_user_learns_by_whom() -> None:
    sim = Simulation()
    desk = PreemptiveResource(sim, capacity=1)
    log: list[Any] = []

    async def humble() -> None:
        try:
            async with desk.request(priority=1):
                await sim.timeout(100)
        except Interrupt as interrupt:
            log.append((sim.now, type(interrupt.cause), interrupt.cause.by.name, interrupt.cause.usage_since))

    async def urgent() -> None:
        await sim.timeout(7)
        async with desk.request(priority=0):
            await sim.timeout(1)

    sim.process(humble())
    sim.process(urgent())
    sim.run()
    assert log == [(7, Preempted, "urgent", 0)]
    assert desk.count == 0
