from __future__ import annotations

import asyncio

import numpy as np
import pytest
from scipy.stats import randint

from simexec import BacktestConfig, InputError, Simulation, UnifiedBacktestEngine, optimize
from simexec.backtest.optimization import Optimization, Trial
from tests.backtest.bars import Momentum, made_bars

CONFIG = BacktestConfig(start_date="2024-01-02", end_date="2024-01-03", symbols=["AAA"], commission="0.0001")
BARS = made_bars("AAA")
GRID = {"run": [1, 2, 3], "quantity": [10, 20]}


def test_a_grid_tries_every_combination_and_ranks_them() -> None:
    found = optimize(CONFIG, Momentum, GRID, BARS, objective="total_return", processes=1)

    assert [one.rank for one in found.trials] == [1, 2, 3, 4, 5, 6]
    assert {(one.parameters["run"], one.parameters["quantity"]) for one in found.trials} == {
        (run, quantity) for run in GRID["run"] for quantity in GRID["quantity"]
    }
    returns = [one.figures["total_return"] for one in found.trials]
    assert returns == sorted(returns, reverse=True)
    assert found.best is found.trials[0]


def test_every_row_is_what_the_backtest_alone_gives() -> None:
    found = optimize(CONFIG, Momentum, GRID, BARS, processes=1)

    for trial in found.trials:
        alone = asyncio.run(UnifiedBacktestEngine(CONFIG).run(Momentum(**trial.parameters), BARS))
        assert alone.figures() == trial.figures


def test_two_processes_give_the_same_table_in_the_same_order() -> None:
    one, two = (optimize(CONFIG, Momentum, GRID, BARS, processes=processes) for processes in (1, 2))

    assert one == two
    assert one.rows() == two.rows()


def test_less_is_better_if_it_is_not_to_be_maximised() -> None:
    found = optimize(CONFIG, Momentum, GRID, BARS, objective="fees", maximise=False, processes=1)

    fees = [one.figures["fees"] for one in found.trials]
    assert fees == sorted(fees)


def test_equal_trials_stand_in_the_order_of_the_search() -> None:
    found = optimize(CONFIG, Momentum, {"run": [500, 400, 300]}, BARS, objective="total_return", processes=1)

    assert [one.number for one in found.trials] == [0, 1, 2]


def test_a_field_of_the_configuration_can_be_searched_too() -> None:
    found = optimize(
        CONFIG, Momentum, {"config.commission": ["0", "0.01"]}, BARS, objective="total_return", processes=1
    )

    assert [one.parameters for one in found.trials] == [{"config.commission": "0"}, {"config.commission": "0.01"}]
    assert found.trials[0].figures["fees"] == 0 < found.trials[1].figures["fees"]


def test_a_trial_that_fails_says_why_and_comes_last() -> None:
    found = optimize(CONFIG, Momentum, {"run": [0, 2]}, BARS, processes=1)

    assert [one.parameters["run"] for one in found.trials] == [2, 0]
    assert "run 0 must be at least 1" in found.trials[1].error
    assert found.trials[1].figures == {}
    assert "run 0 must be at least 1" in found.to_text()


def test_no_best_where_every_trial_has_failed() -> None:
    found = optimize(CONFIG, Momentum, {"run": [0]}, BARS, processes=1)

    with pytest.raises(InputError, match=r"no trial has a sharpe_ratio; the first says: .*run 0"):
        _ = found.best


def test_random_search_draws_from_lists_and_distributions_the_same_for_a_seed() -> None:
    space = {"run": randint(1, 50), "quantity": [10, 20, 30]}
    first = optimize(CONFIG, Momentum, space, BARS, samples=8, seed=3, processes=1)
    again = optimize(CONFIG, Momentum, space, BARS, samples=8, seed=3, processes=2)
    other = optimize(CONFIG, Momentum, space, BARS, samples=8, seed=4, processes=1)

    assert first.rows() == again.rows()
    drawn = sorted(one.parameters["run"] for one in first.trials)
    assert all(1 <= run < 50 for run in drawn)
    assert drawn != sorted(one.parameters["run"] for one in other.trials)


def test_one_parameter_more_changes_no_other_parameters_draws() -> None:
    alone = optimize(CONFIG, Momentum, {"run": randint(1, 50)}, BARS, samples=5, processes=1)
    both = optimize(CONFIG, Momentum, {"quantity": [10, 20], "run": randint(1, 50)}, BARS, samples=5, processes=1)

    def by_number(found: object) -> list[int]:
        return [one.parameters["run"] for one in sorted(found.trials, key=lambda one: one.number)]

    assert by_number(alone) == by_number(both)


def test_the_table_as_text_has_the_best_first_and_says_how_many_are_left_out() -> None:
    text = optimize(CONFIG, Momentum, GRID, BARS, objective="total_return", processes=1).to_text(2).splitlines()

    assert text[0].split() == ["rank", "run", "quantity", "total_return", "max_drawdown", "total_trades"]
    assert [line.split()[0] for line in text[1:3]] == ["1", "2"]
    assert text[3] == "and 4 more"


def test_a_search_inside_a_running_simulation_has_simulations_of_its_own() -> None:
    async def main() -> object:
        return optimize(CONFIG, Momentum, GRID, BARS, processes=1)

    with Simulation() as sim:
        inside = sim.run(main())

    assert inside == optimize(CONFIG, Momentum, GRID, BARS, processes=1)


class Waiting:
    """A loader that needs a loop of asyncio."""

    async def load(self, request: object) -> object:
        await asyncio.sleep(0)
        return BARS.load(request)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"parameters": {}}, "parameters is empty"),
        ({"parameters": {"run": []}}, r"parameter 'run' has no values; give at least one, such as \[10, 20\]$"),
        ({"parameters": {"run": 3}}, "parameter 'run' has 3; give a list of values"),
        ({"parameters": {"run": randint(1, 5)}}, "parameter 'run' is a distribution; give samples="),
        ({"parameters": {"run": range(1001), "quantity": range(1001)}}, "the grid has 1,002,001 points; give samples="),
        (
            {"parameters": {"run": [1]}, "objective": "sharp_ratio"},
            "objective 'sharp_ratio' is unknown; did you mean 'sharpe_ratio'",
        ),
        (
            {"parameters": {"run": [1]}, "objective": "zzz"},
            "^objective 'zzz' is unknown; known here: annualised_return, [^:]*$",
        ),
        ({"parameters": {"run": [1]}, "processes": 0}, "^processes 0 is not a positive whole number"),
        ({"parameters": [1]}, r"parameters \[1\] is no mapping"),
        ({"parameters": {"rum": [1]}}, "strategy Momentum takes no parameter 'rum'; did you mean 'run'"),
        ({"parameters": {"config.slipage": ["0"]}}, "'config.slipage' is no field .*; did you mean 'config.slippage'"),
        ({"parameters": {"run": [1]}, "strategy": Momentum()}, "makes none; give its class"),
        ({"parameters": {"run": [1]}, "samples": 0}, "samples 0"),
        ({"parameters": {"run": [1]}, "data_loader": Waiting()}, "waits for something outside; load the data before"),
    ],
)
def test_what_cannot_be_searched_is_refused(arguments: dict[str, object], message: str) -> None:
    given = {"config": CONFIG, "strategy": Momentum, "data_loader": BARS, "processes": 1, **arguments}

    with pytest.raises(InputError, match=message):
        optimize(**given)


def test_values_of_numpy_become_plain_numbers() -> None:
    found = optimize(CONFIG, Momentum, {"run": np.arange(1, 3)}, BARS, processes=1)

    assert {type(one.parameters["run"]) for one in found.trials} == {int}


def test_errors_stand_cut_in_a_last_column_and_widen_no_other() -> None:
    class Failing(Momentum):
        def on_bar(self, bar: object, trader: object) -> None:
            if self.run == 0:
                raise InputError("much too long " * 20)
            super().on_bar(bar, trader)

    lines = (
        optimize(CONFIG, Failing, {"run": [0, 2]}, BARS, objective="total_return", processes=1).to_text().splitlines()
    )

    assert lines[0].split() == ["rank", "run", "total_return", "max_drawdown", "total_trades", "error"]
    assert lines[1].split()[2].endswith("%")
    assert lines[2].split()[2:5] == ["-", "-", "-"]
    assert lines[2].endswith("…")
    assert len(lines[2]) == lines[0].index("error") + 60


def test_fractions_are_per_cent_and_tiny_ones_keep_their_digits() -> None:
    figures = {"total_return": 0.12345, "max_drawdown": -0.0000012345, "total_trades": 3}
    found = Optimization("total_return", True, (Trial(1, 0, {"run": 2}, figures, None),))

    assert found.to_text().splitlines()[1].split() == ["1", "2", "12.35%", "-0.000123%", "3"]


def test_the_repr_is_short_and_printing_gives_the_table() -> None:
    found = optimize(CONFIG, Momentum, GRID, BARS, objective="total_return", processes=1)

    assert str(found) == found.to_text()
    assert repr(found.best) in repr(found)
    assert repr(found).startswith("<Optimization of 6 trials by total_return, best ")
    given = found.best.parameters
    assert repr(found.best).startswith(
        f"<Trial {found.best.number}, rank 1: run={given['run']}, quantity={given['quantity']}; "
    )
    assert len(repr(found)) < 200


def test_the_text_says_that_no_trial_has_the_objective() -> None:
    short = CONFIG.with_(end_date="2024-01-02")
    lines = optimize(short, Momentum, {"run": [0, 2]}, BARS, processes=1).to_text().splitlines()

    assert lines[-1] == "no trial has a sharpe_ratio; 1 of 2 failed"


def test_a_strategy_that_takes_any_parameter_is_left_to_its_trials() -> None:
    def make(**given: int) -> Momentum:
        return Momentum(run=given["runs"])

    found = optimize(CONFIG, make, {"runs": [1, 2]}, BARS, objective="total_return", processes=1)

    assert all(one.error is None for one in found.trials)
