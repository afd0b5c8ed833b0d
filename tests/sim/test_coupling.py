"""Markets that advance in bulk under the calendar."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from simexec.errors import InputError, SimulationError
from simexec.sim import FOREVER, Simulation


class ScriptedMarket:
    """A market whose messages are times; those in ``concerning`` concern a process.

    It logs (name, "message", time) for each message and (name, "dispatch", now) for each dispatch.
    """

    def __init__(
        self,
        sim: Simulation,
        name: str,
        messages: list[int],
        concerning: set[int] | None = None,
        log: list[Any] | None = None,
        on_dispatch: Callable[[], None] = lambda: None,
    ) -> None:
        self.sim = sim
        self.name = name
        self.messages = sorted(messages)
        self.concerning = concerning or set()
        self.log = [] if log is None else log
        self.on_dispatch = on_dispatch
        self.asked: list[int] = []
        sim.couple(self)

    @property
    def next_time(self) -> int | None:
        return self.messages[0] if self.messages else None

    def advance(self, until: int) -> int | None:
        self.asked.append(until)
        while self.messages and self.messages[0] <= until:
            time = self.messages[0]
            while self.messages and self.messages[0] == time:
                self.messages.pop(0)
                self.log.append((self.name, "message", time))
            if time in self.concerning:
                return time
        return None

    def dispatch(self) -> None:
        self.log.append((self.name, "dispatch", self.sim.now))
        self.on_dispatch()


def test_messages_stamped_t_are_applied_before_a_process_acts_at_t() -> None:
    sim = Simulation()
    market = ScriptedMarket(sim, "XNAS", [1, 5, 5, 6, 9])

    async def main() -> None:
        await sim.timeout(5)
        market.log.append("process at 5")
        await sim.timeout(1)
        market.log.append("process at 6")

    sim.run(main())
    assert [entry[2] if isinstance(entry, tuple) else entry for entry in market.log] == [
        1, 5, 5, "process at 5", 6, "process at 6",
    ]  # fmt: skip
    assert market.next_time == 9


def test_what_concerns_a_process_becomes_an_event_at_its_own_time_before_others_of_that_time() -> None:
    sim = Simulation()
    market = ScriptedMarket(sim, "XNAS", [2, 4, 7], concerning={4})
    sim.call_at(4, lambda _: market.log.append(("calendar", sim.now)))
    sim.call_at(10, lambda _: market.log.append(("calendar", sim.now)))
    sim.run()
    assert market.log == [
        ("XNAS", "message", 2),
        ("XNAS", "message", 4),
        ("XNAS", "dispatch", 4),
        ("calendar", 4),
        ("XNAS", "message", 7),
        ("calendar", 10),
    ]
    assert sim.calendar_events == 3


def test_a_dispatch_precedes_even_a_process_that_starts_at_its_time() -> None:
    sim = Simulation()
    market = ScriptedMarket(sim, "XNAS", [0], concerning={0})

    async def main() -> None:
        market.log.append("process starts")

    sim.run(main())
    assert market.log == [("XNAS", "message", 0), ("XNAS", "dispatch", 0), "process starts"]


def test_a_market_whose_next_message_lies_later_is_not_called_at_all() -> None:
    sim = Simulation()
    market = ScriptedMarket(sim, "XNAS", [1000])
    for time in range(1, 100):
        sim.call_at(time, lambda _: None)
    sim.run(until=999)
    assert market.asked == []
    sim.run(until=1000)
    assert market.asked == [1000]


def test_an_empty_calendar_still_advances_the_flow_to_the_end_of_the_run() -> None:
    sim = Simulation()
    market = ScriptedMarket(sim, "XNAS", [10, 20, 21])
    sim.run(until=20)
    assert market.next_time == 21
    assert sim.now == 20


def test_without_an_end_the_flow_advances_until_it_is_exhausted() -> None:
    sim = Simulation()
    market = ScriptedMarket(sim, "XNAS", [10, 20, 21], concerning={20})
    sim.run()
    assert market.next_time is None
    assert market.asked == [FOREVER, FOREVER]
    assert ("XNAS", "dispatch", 20) in market.log


def test_a_process_can_wait_for_the_market_alone() -> None:
    sim = Simulation()
    fill = sim.event()
    ScriptedMarket(sim, "XNAS", [3, 8, 50], concerning={8}, on_dispatch=lambda: fill.succeed("filled"))

    async def main() -> tuple[str, int]:
        return await fill, sim.now

    assert sim.run(main()) == ("filled", 8)


def test_what_is_found_at_the_end_time_is_handed_over_in_the_next_run() -> None:
    sim = Simulation()
    market = ScriptedMarket(sim, "XNAS", [10], concerning={10})
    sim.run(until=10)
    assert market.log == [("XNAS", "message", 10)]
    sim.run(until=11)
    assert market.log[1:] == [("XNAS", "dispatch", 10)]


def test_a_dispatch_may_make_events_that_come_before_the_next_message() -> None:
    sim = Simulation()
    log: list[Any] = []

    def react() -> None:
        sim.call_after(1, lambda _: log.append(("reaction", sim.now)))

    ScriptedMarket(sim, "XNAS", [4, 5, 6], concerning={4}, log=log, on_dispatch=react)
    sim.run(until=100)
    assert log == [
        ("XNAS", "message", 4),
        ("XNAS", "dispatch", 4),
        ("XNAS", "message", 5),
        ("reaction", 5),
        ("XNAS", "message", 6),
    ]


def test_no_market_is_ahead_of_what_another_finds() -> None:
    sim = Simulation()
    log: list[Any] = []
    ScriptedMarket(sim, "B", [1, 4, 8], log=log)
    ScriptedMarket(sim, "A", [2, 3, 5, 9], concerning={3}, log=log)
    sim.call_at(10, lambda _: None)
    sim.run()
    dispatched = log.index(("A", "dispatch", 3))
    assert [entry[2] for entry in log[:dispatched]] == [1, 2, 3]
    assert {entry[2] for entry in log[dispatched + 1 :]} == {4, 5, 8, 9}


def test_ties_between_markets_go_by_name() -> None:
    sim = Simulation()
    log: list[Any] = []
    for name in ("XNYS", "ARCX", "XNAS"):
        ScriptedMarket(sim, name, [5], concerning={5}, log=log)
    sim.run()
    assert log == [(name, kind, 5) for kind in ("message", "dispatch") for name in ("ARCX", "XNAS", "XNYS")]


def test_dispatches_of_one_time_go_by_name_even_if_another_market_found_first() -> None:
    sim = Simulation()
    log: list[Any] = []
    ScriptedMarket(sim, "Z", [1, 5], concerning={5}, log=log)
    ScriptedMarket(sim, "A", [5, 5], concerning={5}, log=log)
    sim.call_at(9, lambda _: None)
    sim.run()
    assert [entry[0] for entry in log if entry[1] == "dispatch"] == ["A", "Z"]


def test_a_market_that_finds_more_before_its_dispatch_is_dispatched_once() -> None:
    sim = Simulation()
    log: list[Any] = []
    later = ScriptedMarket(sim, "B", [5], concerning={5}, log=log)

    def trade_at_the_other() -> None:
        later.messages.insert(0, 5)

    ScriptedMarket(sim, "A", [5], concerning={5}, log=log, on_dispatch=trade_at_the_other)
    sim.run()
    assert [entry for entry in log if entry[0] == "B"] == [
        ("B", "message", 5), ("B", "message", 5), ("B", "dispatch", 5),
    ]  # fmt: skip


def test_random_markets_keep_every_rule() -> None:
    """Whoever acts at t, calendar or dispatch, has every message up to t behind it and none after."""
    choices = random.Random(11)
    for _ in range(30):
        sim = Simulation()
        log: list[Any] = []
        everything: list[tuple[int, str]] = []
        for name in "ABC"[: choices.randint(1, 3)]:
            messages = [choices.randrange(60) for _ in range(choices.randrange(25))]
            concerning = {time for time in messages if choices.random() < 0.3}
            everything += [(time, name) for time in messages]
            ScriptedMarket(sim, name, messages, concerning, log)
        for _ in range(8):
            time = choices.randrange(60)
            sim.call_at(time, log.append, ("-", "calendar", time))
        sim.run()
        assert sorted((entry[2], entry[0]) for entry in log if entry[1] == "message") == sorted(everything)
        applied = set()
        for name, kind, time in log:
            if kind == "message":
                applied.add((time, name))
            else:
                assert {entry for entry in applied if entry[0] > time} == set()
                assert {entry for entry in everything if entry[0] <= time} <= applied
        acting = [entry[2] for entry in log if entry[1] != "message"]
        assert acting == sorted(acting)


def test_stepping_advances_the_markets_too() -> None:
    sim = Simulation()
    market = ScriptedMarket(sim, "XNAS", [3, 8], concerning={3})
    sim.call_at(5, lambda _: None)
    sim.step()
    assert market.log[-1] == ("XNAS", "dispatch", 3)
    sim.step()
    assert sim.now == 5
    assert market.next_time == 8


def test_two_markets_of_one_name_are_refused() -> None:
    sim = Simulation()
    ScriptedMarket(sim, "XNAS", [])
    with pytest.raises(InputError, match="'XNAS' is coupled already"):
        ScriptedMarket(sim, "XNAS", [])


def test_a_market_that_breaks_its_protocol_is_reported_instead_of_looping() -> None:
    class Stuck(ScriptedMarket):
        def advance(self, until: int) -> int | None:
            return None

    class Prophet(ScriptedMarket):
        def advance(self, until: int) -> int | None:
            super().advance(until)
            return until + 1

    sim = Simulation()
    Stuck(sim, "XNAS", [3])
    with pytest.raises(SimulationError, match="'XNAS' was advanced to 10 ns but has a message at 3 ns"):
        sim.run(until=10)
    sim = Simulation()
    Prophet(sim, "XNAS", [3])
    with pytest.raises(SimulationError, match="'XNAS' reported 11 ns"):
        sim.run(until=10)
