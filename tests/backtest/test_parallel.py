from __future__ import annotations

import asyncio
import os
import threading
from functools import partial

import numpy as np
import pytest

from simexec import (
    BacktestConfig,
    InputError,
    SimulationError,
    UnifiedBacktestEngine,
    VolumeTieredCommissionModel,
    run_many,
)
from simexec.backtest.loaded_data import LoadedData
from simexec.backtest.parallel import complete
from tests.backtest.bars import Momentum, made_bars

CONFIG = BacktestConfig(start_date="2024-01-02", end_date="2024-01-03", symbols=["AAA", "BBB"], slippage="0.0001")
BARS = made_bars("AAA", "BBB")
STRATEGIES = {"slow": partial(Momentum, run=3), "fast": Momentum}


@pytest.mark.parametrize("processes", [1, 2])
def test_many_backtests_give_what_each_gives_alone(processes: int) -> None:
    found = run_many(CONFIG, STRATEGIES, BARS, processes=processes)

    assert list(found) == ["slow", "fast"]
    for name, make in STRATEGIES.items():
        alone = asyncio.run(UnifiedBacktestEngine(CONFIG).run(make(), BARS))
        assert found[name].figures() == alone.figures()
        assert np.array_equal(found[name].equity, alone.equity)
        assert found[name].trades == alone.trades


def test_a_model_that_remembers_does_not_carry_over() -> None:
    config = CONFIG.with_(commission=VolumeTieredCommissionModel([(100, "0.01"), (None, "0.001")]))
    twice = run_many(config, {"first": Momentum, "second": Momentum}, BARS, processes=1)

    assert twice["first"].fees == twice["second"].fees > 0


def test_a_strategy_of_a_script_or_notebook_reaches_the_processes() -> None:
    class Local:
        def on_bar(self, bar: object, trader: object) -> None:
            if trader.now_ns == bar.end_ns and not trader.position("AAA"):
                trader.target("AAA", 5)

    found = run_many(CONFIG, {"local": Local}, BARS, processes=2)

    assert found["local"].portfolio.positions["AAA"].quantity == 5


@pytest.mark.parametrize("processes", [1, 2])
def test_the_first_strategy_that_fails_is_raised_as_itself_and_named(processes: int) -> None:
    with pytest.raises(InputError, match="run 0 must be at least 1") as caught:
        run_many(CONFIG, {"good": Momentum, "bad": partial(Momentum, run=0)}, BARS, processes=processes)

    assert any("strategy 'bad'" in note for note in caught.value.__notes__)


class Deadly:
    def on_bar(self, bar: object, trader: object) -> None:
        os._exit(3)


def test_a_strategy_that_takes_its_process_with_it_is_named() -> None:
    with pytest.raises(SimulationError, match=r"strategy 'deadly' has no results: the process died \(exit code 3\)"):
        run_many(CONFIG, {"good": Momentum, "deadly": Deadly}, BARS, processes=2)


def test_the_remedy_for_what_cannot_travel_is_an_argument_that_is_there() -> None:
    lock = threading.Lock()

    with pytest.raises(InputError, match=r"strategy 'locked'.* or use one process") as caught:
        run_many(CONFIG, {"locked": lambda: Momentum(run=2 if lock else 3), "good": Momentum}, BARS, processes=2)

    assert "jobs" not in str(caught.value)


@pytest.mark.parametrize(
    ("strategies", "message"),
    [
        ({}, "strategies is empty"),
        ([Momentum], "strategies is a list; give a mapping of names"),
        ({"one": Momentum()}, "strategy 'one' is .* give what makes one"),
    ],
)
def test_what_makes_no_strategy_is_refused(strategies: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run_many(CONFIG, strategies, BARS)


def test_a_wrong_number_of_processes_is_refused_by_its_name() -> None:
    with pytest.raises(InputError, match=r"^processes 0 is not a positive whole number"):
        run_many(CONFIG, STRATEGIES, BARS, processes=0)


def test_data_are_loaded_once_and_only_of_the_period() -> None:
    config = CONFIG.with_(start_date="2024-01-02T01:00", end_date="2024-01-02T02:00")
    loads: list[str] = []

    class Counting:
        def load(self, request: object) -> object:
            loads.append(request.symbol)
            return BARS.load(request)

    data = complete(LoadedData.of(config, Counting()))
    found = run_many(config, STRATEGIES, Counting(), processes=1)

    assert loads == ["AAA", "BBB"] * 2
    assert [len(source.rows) for source in data.sources.values()] == [60, 60]
    assert {results.rows for results in found.values()} == {120}
