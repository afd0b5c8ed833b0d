"""Search for parameters over a backtest: every combination of a grid, or random draws; one ranked table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final

import attrs
import numpy as np

from simexec.backtest.config import BacktestConfig
from simexec.backtest.data import DataLoader
from simexec.backtest.parallel import Job, Progress, run_jobs
from simexec.backtest.results import BacktestResults
from simexec.backtest.strategy import Strategy
from simexec.errors import InputError
from simexec.sim import seed_sequence
from simexec.trading.convert import nearest
from simexec.trading.money import parse_count

_MOST: Final = 1_000_000

FIGURES: Final = (
    "final_equity", "total_return", "annualised_return", "volatility", "sharpe_ratio", "sortino_ratio", "calmar_ratio",
    "max_drawdown", "total_trades", "win_rate", "profit_factor", "turnover", "exposure", "fees",
)  # fmt: skip
"""What a table may be ranked by; see ``BacktestResults.figures``."""


@attrs.frozen
class Trial:
    """One row of the table.

    Attributes:
        rank: 1 is the best; trials that failed, or have no such figure, come last.
        number: in the order of the search, from 0.
        parameters: by name.
        figures: of the backtest, by name; empty if it failed.
        error: why it failed; None if it did not.
    """

    rank: int
    number: int
    parameters: Mapping[str, Any]
    figures: Mapping[str, Any]
    error: str | None


@attrs.frozen
class Optimization:
    """A finished search. Of many trials the best looks good by chance alone: check it on data that it has not seen.

    Attributes:
        objective: the figure it was ranked by; ``maximise``: whether more is better.
        trials: best first.
    """

    objective: str
    maximise: bool
    trials: tuple[Trial, ...]

    @property
    def best(self) -> Trial:
        """The first trial of the table.

        Raises:
            InputError: none has a value of the objective.
        """
        first = self.trials[0]
        if first.error is not None or first.figures.get(self.objective) is None:
            raise InputError(
                f"no trial has a {self.objective}; the first says: {first.error or 'it cannot be computed'}"
            )
        return first

    def rows(self) -> list[dict[str, Any]]:
        """Rank, number, parameters, figures and error of each trial in one flat dictionary, such as a data frame takes."""
        return [
            {"rank": one.rank, "number": one.number, **one.parameters, **one.figures, "error": one.error}
            for one in self.trials
        ]

    def to_text(self, most: int = 20) -> str:
        """The table as text, the best ``most`` rows."""
        shown = self.trials[:most]
        names = list(shown[0].parameters) if shown else []
        columns = [
            self.objective,
            *(name for name in ("total_return", "max_drawdown", "total_trades") if name != self.objective),
        ]
        lines = [["rank", *names, *columns]]
        for one in shown:
            values = [one.figures.get(name) for name in columns] if one.error is None else [one.error]
            lines.append([str(one.rank), *(str(one.parameters[name]) for name in names), *map(_shown, values)])
        widths = [max(len(line[i]) for line in lines if len(line) > i) for i in range(len(lines[0]))]
        text = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=False)) for line in lines]
        left = len(self.trials) - len(shown)
        return "\n".join([*text, f"and {left} more"] if left else text)


def _shown(value: Any) -> str:
    return "-" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)


def optimize(
    config: BacktestConfig,
    strategy: Callable[..., Strategy],
    parameters: Mapping[str, Any],
    data_loader: DataLoader,
    *,
    objective: str = "sharpe_ratio",
    maximise: bool = True,
    samples: int | None = None,
    seed: int = 0,
    processes: int | None = None,
    progress: Progress | None = None,
) -> Optimization:
    """Run a backtest for many parameters, in several processes, and rank them: mode OPTIMIZATION.

    The table does not depend on the number of processes. A trial that fails says why in its row, and the others go on.

    Args:
        config: of the backtests.
        strategy: makes a strategy from parameters, such as its class.
        parameters: by name, the values to try. For a random search also a distribution: an object with ``rvs(random_state=...)``,
            as those of ``scipy.stats`` are. A name such as ``config.slippage`` is a field of the configuration.
        data_loader: brings the data, once.
        objective: the figure to rank by, one of ``FIGURES``.
        maximise: whether more is better.
        samples: how many draws a random search makes; None: every combination is tried, the last parameter changing fastest.
        seed: of the draws; each parameter has a stream of its own.
        processes: None: one for each CPU.
        progress: called with the fraction that is done.

    Raises:
        InputError: no parameters, values that are none, an unknown objective, or data that are missing or wrong.
    """
    if objective not in FIGURES:
        raise InputError(f"objective {objective!r} is none of {', '.join(FIGURES)}{nearest(objective, FIGURES)}")
    if not callable(strategy):
        raise InputError(f"strategy {strategy!r} makes none; give its class, or a function of the parameters")
    points = list(_points(parameters, samples, seed))
    jobs = [Job(strategy, point) for point in points]
    outcomes = run_jobs(config, data_loader, jobs, _figures, processes=processes, progress=progress, keep_errors=True)
    found = [(number, points[number], outcome.value or {}, outcome.error) for number, outcome in enumerate(outcomes)]
    sign = -1 if maximise else 1

    def order(one: tuple[int, Mapping[str, Any], Mapping[str, Any], str | None]) -> tuple[bool, bool, float, int]:
        value = one[2].get(objective)
        known = value is not None and not math.isnan(value)
        return one[3] is not None, not known, sign * float(value) if value is not None and known else 0.0, one[0]

    ranked = sorted(found, key=order)
    return Optimization(objective, maximise, tuple(Trial(rank, *one) for rank, one in enumerate(ranked, start=1)))


def _figures(results: BacktestResults) -> dict[str, Any]:
    return results.figures()


def _points(parameters: Mapping[str, Any], samples: int | None, seed: int) -> Iterator[dict[str, Any]]:
    """The points of the search, in order."""
    if not parameters:
        raise InputError("parameters is empty; give values by name, such as {'fast': [10, 20]}")
    if samples is None:
        axes = {name: _values(name, values) for name, values in parameters.items()}
        size = math.prod(map(len, axes.values()))
        if size > _MOST:
            raise InputError(f"the grid has {size:,} points; give samples=... to draw some of them")
        for point in product(*axes.values()):
            yield dict(zip(axes, point, strict=True))
        return
    count = parse_count(samples, "samples")
    columns = {name: _draws(name, values, count, seed) for name, values in parameters.items()}
    for number in range(count):
        yield {name: column[number] for name, column in columns.items()}


def _values(name: str, values: Any) -> list[Any]:
    if hasattr(values, "rvs"):
        raise InputError(f"parameter {name!r} is a distribution; give samples=... to draw from it, or a list of values")
    if isinstance(values, str | bytes) or not isinstance(values, Sequence | np.ndarray | range) or not len(values):
        raise InputError(f"parameter {name!r} has {values!r}; give a list of values, such as [{values!r}]")
    return [value.item() if isinstance(value, np.generic) else value for value in values]


def _draws(name: str, values: Any, count: int, seed: int) -> list[Any]:
    rng = np.random.Generator(np.random.PCG64(seed_sequence(seed, 0, f"optimization.{name}")))
    if hasattr(values, "rvs"):
        return [
            value.item() if isinstance(value, np.generic) else value
            for value in values.rvs(size=count, random_state=rng)
        ]
    known = _values(name, values)
    return [known[index] for index in rng.integers(len(known), size=count).tolist()]
