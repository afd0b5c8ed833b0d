"""Search for parameters over a backtest: every combination of a grid, or random draws; one ranked table."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final

import attrs
import numpy as np

from simexec.backtest.config import BacktestConfig
from simexec.backtest.data import DataLoader
from simexec.backtest.describe import describe_model
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
    "max_drawdown", "max_drawdown_daily", "total_trades", "win_rate", "profit_factor", "turnover", "exposure", "fees",
)  # fmt: skip
"""What a table may be ranked by; see ``BacktestResults.figures``."""

_FRACTIONS: Final = (
    "total_return", "annualised_return", "volatility", "max_drawdown", "max_drawdown_daily", "win_rate", "exposure",
)  # fmt: skip
_MONEY: Final = ("final_equity", "fees")
_LONGEST_ERROR: Final = 60


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

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={_parameter(value)}" for name, value in self.parameters.items())
        earned = _shown("total_return", self.figures.get("total_return"))
        outcome = f"total_return {earned}" if self.error is None else _cut(self.error)
        return f"<Trial {self.number}, rank {self.rank}: {given}; {outcome}>"


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

    def __repr__(self) -> str:
        text = f"Optimization of {len(self.trials)} trials by {self.objective}"
        if not self.trials:
            return f"<{text}>"
        return (
            f"<{text}, best {_shown(self.objective, self.trials[0].figures.get(self.objective))}: {self.trials[0]!r}>"
        )

    def __str__(self) -> str:
        return self.to_text()

    def to_text(self, most: int = 20) -> str:
        """The table as text, the best ``most`` rows: fractions as per cent, errors cut to 60 characters in a last column."""
        shown = self.trials[:most]
        names = list(shown[0].parameters) if shown else []
        columns = list(dict.fromkeys([self.objective, "total_return", "max_drawdown", "total_trades"]))
        lines = [["rank", *names, *columns]]
        for one in shown:
            figures = [_shown(name, one.figures.get(name)) for name in columns]
            lines.append([str(one.rank), *(_parameter(one.parameters[name]) for name in names), *figures])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        if any(one.error is not None for one in shown):
            errors = ["error", *("" if one.error is None else _cut(one.error) for one in shown)]
            text = [f"{line}  {error}".rstrip() for line, error in zip(text, errors, strict=True)]
        left = len(self.trials) - len(shown)
        if left:
            text.append(f"and {left} more")
        failed = sum(one.error is not None for one in self.trials)
        if all(one.figures.get(self.objective) is None for one in self.trials):
            text.append(
                f"no trial has a {self.objective}{f'; {failed} of {len(self.trials)} failed' if failed else ''}"
            )
        return "\n".join(text)


def _shown(name: str, value: Any) -> str:
    """A figure for a table: a fraction as per cent, money with cents; three digits of what would be shown as 0."""
    if value is None or value != value:
        return "-"
    if not isinstance(value, float):
        return str(value)
    if name in _FRACTIONS:
        return f"{value:.2%}" if abs(value) >= 0.5e-4 or not value else f"{value * 100:.3g}%"
    if name in _MONEY:
        return f"{value:,.2f}"
    return f"{value:.4f}" if abs(value) >= 0.5e-4 or not value else f"{value:.3g}"


def _parameter(value: Any) -> str:
    return describe_model(value) if attrs.has(type(value)) else str(value)


def _cut(error: str) -> str:
    words = " ".join(error.split())
    return words if len(words) <= _LONGEST_ERROR else f"{words[: _LONGEST_ERROR - 1]}…"


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
        InputError: no parameters, one that neither the configuration has nor the strategy takes, values that are none, an unknown
            objective, ``processes`` that is no positive whole number, or data that are missing or wrong.
    """
    if objective not in FIGURES:
        raise InputError(f"objective {objective!r} is unknown{nearest(str(objective), FIGURES)}")
    if not callable(strategy):
        raise InputError(f"strategy {strategy!r} makes none; give its class, or a function of the parameters")
    _check_names(strategy, parameters)
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


def _check_names(strategy: Callable[..., Strategy], parameters: Mapping[str, Any]) -> None:
    """InputError if no trial could take a parameter; a strategy that does not say what it takes is left to its trials."""
    if not isinstance(parameters, Mapping):
        raise InputError(f"parameters {parameters!r} is no mapping; give values by name, such as {{'fast': [10, 20]}}")
    fields = [f"config.{one.name}" for one in attrs.fields(BacktestConfig)]
    takes = _arguments(strategy)
    for name in parameters:
        if not isinstance(name, str):
            raise InputError(f"parameter {name!r} is no name; give a text, such as 'fast'")
        if name.startswith("config."):
            if name not in fields:
                raise InputError(f"parameter {name!r} is no field of the configuration{nearest(name, fields)}")
        elif takes is not None and name not in takes:
            called = getattr(strategy, "__name__", repr(strategy))
            raise InputError(f"strategy {called} takes no parameter {name!r}{nearest(name, takes)}")


def _arguments(strategy: Callable[..., Strategy]) -> list[str] | None:
    """What can be given by name; None: anything, or it is not known."""
    try:
        found = inspect.signature(strategy).parameters.values()
    except (ValueError, TypeError):
        return None
    if any(one.kind is one.VAR_KEYWORD for one in found):
        return None
    return [one.name for one in found if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]


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
    is_many = isinstance(values, Sequence | np.ndarray | range) and not isinstance(values, str | bytes)
    if is_many and not len(values):
        raise InputError(f"parameter {name!r} has no values; give at least one, such as [10, 20]")
    if not is_many:
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
