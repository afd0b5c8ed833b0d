"""The logger ``execution`` says nothing unless it is asked to, and every record of it has the simulated time."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

from simexec.execution import RiskLimits, RiskPortfolioContainer
from simexec.execution.backtest_broker import BacktestBroker
from simexec.execution.engine import DefaultExecutionEngine
from simexec.execution.log import LOGGER, log
from simexec.execution.sizing import FixedQuantity
from simexec.sim import Simulation
from simexec.sim.clock import DAY, HOUR, MILLISECOND


@pytest.fixture
def level() -> Iterator[None]:
    """Puts the logger's level back."""
    before = LOGGER.level
    yield
    LOGGER.setLevel(before)


def day(sim: Simulation) -> DefaultExecutionEngine:
    """An order that fills, two that risk refuses (one as it is to leave), and a signal that comes to nothing."""
    risk = RiskPortfolioContainer(10_000, sizing=FixedQuantity(shares=1), limits=RiskLimits(max_order_quantity=5_000))
    engine = DefaultExecutionEngine(BacktestBroker(risk.get_portfolio_state()), risk=risk)

    async def main() -> None:
        await sim.timeout("9h30m")
        await engine.process_event({"type": "MARKET_DATA", "data": {"symbol": "AAPL", "price": 100}})
        order = await engine.process_event({"type": "ORDER", "data": {"symbol": "AAPL", "side": "BUY", "quantity": 10}})
        await sim.timeout("5ms")
        assert order.is_final
        for quantity, price in ((1_000, 100), (5_001, "0.01")):
            data = {"symbol": "AAPL", "side": "BUY", "quantity": quantity, "order_type": "LIMIT", "price": price}
            await engine.process_event({"type": "ORDER", "data": data})
        await engine.process_event({"type": "SIGNAL", "data": {"symbol": "AAPL", "side": "BUY", "strength": 0.1}})

    sim.run(main())
    return engine


def test_it_is_the_specifications_logger_with_the_default_level() -> None:
    assert LOGGER is logging.getLogger("execution")
    assert (LOGGER.level, LOGGER.propagate) == (logging.NOTSET, True)
    assert [type(handler) for handler in LOGGER.handlers] == [logging.NullHandler]


def test_nothing_is_printed_by_a_program_that_configures_nothing() -> None:
    program = """
        from simexec.sim import Simulation
        from tests.execution.test_log import day

        with Simulation() as sim:
            engine = day(sim)
        assert engine.order_manager.orders()[1].status.name == "REJECTED"
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.usefixtures("level")
def test_every_record_has_the_simulated_time_and_begins_with_it(caplog: pytest.LogCaptureFixture) -> None:
    LOGGER.setLevel(logging.DEBUG)
    with Simulation() as sim:
        day(sim)
    records: list[Any] = [record for record in caplog.records if record.name == "execution"]
    assert len(records) >= 8
    for record in records:
        assert record.getMessage().startswith(f"{record.simulated} ")
        assert record.simulated_ns == 9.5 * HOUR + (5 * MILLISECOND if record.simulated == "09:30:00.005" else 0)
        assert record.filename in ("engine.py", "engine_ear.py")  # where it was said, not log.py
    said = [(record.levelname, record.getMessage().partition(" ")[2]) for record in records]
    assert ("DEBUG", "ord_1 leaves for SIM.AAPL: BUY 10 AAPL") in said
    assert ("DEBUG", "ord_1 TRADE 10 at 100.0000, 10 of 10 filled") in said
    refused = [text for kind, text in said if kind == "WARNING"]
    assert len(refused) == 2
    assert refused[0].startswith("ord_2 REJECTED, 0 of 1000 filled: buying_power: a buy of 1,000 AAPL at 100 needs")
    assert refused[1].startswith("ord_3 REJECTED, 0 of 5001 filled: max_order_quantity: the order is for 5,001 AAPL")
    assert [text for kind, text in said if kind == "INFO"] == [
        "signal for AAPL refused: sizing: a AAPL signal of strength 0.1 comes to less than a lot of 1"
    ]
    assert [text.split()[0] for _, text in said if " leaves for " in text] == ["ord_1"]  # risk has kept the others


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize(
    ("chosen", "kinds"), [("WARNING", {"WARNING"}), ("INFO", {"INFO", "WARNING"}), ("ERROR", set())]
)
def test_a_level_shows_what_is_at_or_above_it(chosen: str, kinds: set[str], caplog: pytest.LogCaptureFixture) -> None:
    LOGGER.setLevel(chosen)
    with Simulation() as sim:
        day(sim)
    assert {record.levelname for record in caplog.records if record.name == "execution"} == kinds


@pytest.mark.usefixtures("level")
def test_arguments_are_put_into_a_text_only_if_somebody_listens() -> None:
    class Costly:
        def __str__(self) -> str:
            raise AssertionError

    LOGGER.setLevel(logging.INFO)
    log(logging.DEBUG, 0, "%s", Costly())
    with pytest.raises(AssertionError):
        LOGGER.makeRecord("execution", logging.INFO, "", 0, "%s", (Costly(),), None).getMessage()


@pytest.mark.usefixtures("level")
def test_a_text_may_contain_percent_signs_in_its_arguments_and_a_later_day(caplog: pytest.LogCaptureFixture) -> None:
    LOGGER.setLevel(logging.INFO)
    log(logging.INFO, 2 * DAY + HOUR, "%s of %s", "10 %", "20 %s")
    (record,) = caplog.records
    assert record.getMessage() == "2d 01:00:00 10 % of 20 %s"
    assert (record.simulated, record.simulated_ns) == ("2d 01:00:00", 2 * DAY + HOUR)  # type: ignore[attr-defined]


def test_what_is_logged_changes_nothing_of_a_run(level: None) -> None:
    ends = []
    for chosen in (logging.CRITICAL, logging.DEBUG):
        LOGGER.setLevel(chosen)
        with Simulation() as sim:
            engine = day(sim)
            told = [(event.type, event.time_ns, sorted(event.data)) for event in engine.history]
            ends.append((sim.now, sim.calendar_events, engine.portfolio.snapshot(sim.now), told))
    assert ends[0] == ends[1]
