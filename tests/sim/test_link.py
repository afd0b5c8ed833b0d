"""Links: latency, order, statistics."""

from __future__ import annotations

from typing import Any

import pytest

from simexec.errors import InputError
from simexec.sim import Constant, Empirical, Exponential, Link, Simulation, Uniform


def test_a_message_arrives_after_its_latency_in_one_calendar_event() -> None:
    sim = Simulation()
    arrived: list[Any] = []
    link = Link(sim, "orders", Constant("250us"), lambda message: arrived.append((sim.now, message)))
    assert link.send("new") == 250_000
    sim.run()
    assert arrived == [(250_000, "new")]
    assert sim.calendar_events == 1


def test_no_message_overtakes_another_of_any_kind() -> None:
    sim = Simulation(seed=1)
    arrived: list[tuple[int, int]] = []
    link = Link(
        sim,
        "orders",
        {"order": Exponential("1ms"), "cancel": Uniform(0, "100us")},
        lambda message: arrived.append((sim.now, message)),
    )
    promised = []

    def send(number: int) -> None:
        promised.append(link.send(number, "cancel" if number % 3 else "order"))

    for number in range(2000):
        sim.call_at(number * 10_000, send, number)
    sim.run()
    assert [number for _, number in arrived] == list(range(2000))
    assert [time for time, _ in arrived] == promised
    statistics = link.statistics()
    assert statistics.sent == 2000
    assert statistics.sent_by_kind == {"order": 667, "cancel": 1333}
    assert 0 < statistics.delayed_by_fifo < 2000
    latencies = [time - number * 10_000 for time, number in arrived]
    assert statistics.mean_latency_ns == sum(latencies) / 2000
    assert statistics.max_latency_ns == max(latencies)


def test_the_traffic_of_one_kind_changes_no_other_kinds_draws() -> None:
    def order_arrivals(cancels: int) -> list[int]:
        sim = Simulation(seed=4)
        models = {"order": Uniform("1ms", "2ms"), "cancel": Uniform(0, 100)}
        link = Link(sim, "x", models, lambda message: None)
        times = []

        def send(number: int) -> None:
            for _ in range(cancels):
                link.send("c", "cancel")
            times.append(link.send("o", "order"))

        for number in range(50):
            sim.call_at(number * 10_000_000, send, number)
        sim.run()
        return times

    assert order_arrivals(0) == order_arrivals(3)


def test_kinds_of_one_model_have_streams_of_their_own() -> None:
    sim = Simulation(seed=4)
    link = Link(sim, "x", Empirical(list(range(0, 10**6, 7))), lambda message: None)
    first = link.send("a", "a")
    sim.run(until="1s")
    second = link.send("b", "b") - sim.now
    assert first != second
    with pytest.raises(InputError, match=r"link\.x\.a"):
        sim.rng("link.x.a")


def test_a_kind_without_a_latency_is_refused_and_default_serves_the_rest() -> None:
    sim = Simulation()
    link = Link(sim, "x", {"order": Constant(1)}, lambda message: None)
    with pytest.raises(InputError, match="no latency for 'cancel', only for order"):
        link.send("c", "cancel")
    assert link.statistics().sent == 0
    other = Link(sim, "y", {"order": Constant(1), "default": Constant(5)}, lambda message: None)
    assert other.send("c", "cancel") == 5
    with pytest.raises(InputError, match="no latency model"):
        Link(sim, "z", {}, lambda message: None)


def test_the_expected_latency_is_the_mean_of_the_kinds_model() -> None:
    link = Link(Simulation(), "orders", {"order": Uniform(100, 300), "cancel": Constant(50)}, print)
    assert (link.expected_ns("order"), link.expected_ns("cancel")) == (200.0, 50.0)
    with pytest.raises(InputError, match="no latency for 'report'"):
        link.expected_ns("report")
