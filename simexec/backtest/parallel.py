"""Many backtests of one configuration, in several processes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextvars import Context
from typing import Any, TypeVar

import attrs

from simexec.backtest.config import BacktestConfig
from simexec.backtest.data import DataLoader
from simexec.backtest.engine import UnifiedBacktestEngine
from simexec.backtest.loaded_data import LoadedData
from simexec.backtest.results import BacktestResults
from simexec.backtest.strategy import Strategy
from simexec.errors import InputError, SimulationError
from simexec.experiments.workers import Outcome, run_tasks

T = TypeVar("T")

Progress = Callable[[float], None]


@attrs.frozen
class Job:
    """One backtest among many.

    Attributes:
        make: makes the strategy, a fresh one for every run, from ``parameters``.
        parameters: arguments of ``make``; ``config.NAME`` is a field of the configuration instead.
        name: of the strategy, for messages; none is known of a trial.
    """

    make: Callable[..., Strategy]
    parameters: Mapping[str, Any] = attrs.field(factory=dict)
    name: str | None = None

    def __repr__(self) -> str:
        # NOTE: what messages about a task say of it, in 80 characters.
        return f"parameters {dict(self.parameters)!r}" if self.name is None else f"strategy {self.name!r}"


@attrs.frozen(eq=False)
class Shared:
    """What all jobs need; sent to each process once."""

    config: BacktestConfig
    data: LoadedData
    summary: Callable[[BacktestResults], Any]


def run_jobs(
    config: BacktestConfig,
    data_loader: DataLoader,
    jobs: Sequence[Job],
    summary: Callable[[BacktestResults], T],
    *,
    processes: int | None,
    progress: Progress | None,
    keep_errors: bool,
) -> list[Outcome[T]]:
    """Run every job and return the summary of each, in their order; the data are loaded once.

    Raises:
        InputError: ``processes`` is no positive whole number, the data are missing or wrong, or something cannot be sent to a
            process.
    """
    if processes is not None and (not isinstance(processes, int) or isinstance(processes, bool) or processes < 1):
        raise InputError(f"processes {processes!r} is not a positive whole number; leave it out to use every CPU")
    data = complete(LoadedData.of(config, data_loader))
    shared = Shared(config, data, summary)
    return run_tasks(run_job, jobs, jobs=processes, progress=progress, shared=shared, keep_errors=keep_errors)


def run_job(job: Job, shared: Shared) -> Any:
    """Run one job, in a process of its own or in this one."""
    fields = {
        name.removeprefix("config."): value for name, value in job.parameters.items() if name.startswith("config.")
    }
    config = shared.config.with_(**fields) if fields else shared.config
    strategy = job.make(**{name: value for name, value in job.parameters.items() if not name.startswith("config.")})
    return shared.summary(complete(UnifiedBacktestEngine(config).run(strategy, shared.data)))


def complete(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nothing outside, such as a backtest in a simulation of its own, from plain code.

    Raises:
        InputError: it does wait, as a loader might that needs a loop of asyncio.
    """
    try:
        Context().run(work.send, None)  # where there is no ambient simulation that it would wait for
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    name = getattr(work, "__qualname__", work)
    raise InputError(f"{name} waits for something outside; load the data before, by a plain function")


def run_many(
    config: BacktestConfig,
    strategies: Mapping[str, Callable[[], Strategy]],
    data_loader: DataLoader,
    *,
    processes: int | None = None,
    progress: Progress | None = None,
) -> dict[str, BacktestResults]:
    """Run several strategies on the same data, in several processes: mode BACKTEST_PARALLEL.

    Each run is as if it were alone: the results are those of ``UnifiedBacktestEngine.run``, whatever the number of processes.

    Args:
        config: of all of them.
        strategies: by name what makes each, such as a class or a function without arguments.
        data_loader: brings the data, once.
        processes: None: one for each CPU.
        progress: called with the fraction that is done.

    Returns:
        Results by name, in the order of the strategies.

    Raises:
        InputError: no mapping of strategies, an empty one, something in their place that makes none, ``processes`` that is no
            positive whole number, or data that are missing or wrong.
        SimulationError: the process of a strategy died, also that of a second attempt.
        Exception: of the first strategy that fails, with a note that names it.
    """
    if not isinstance(strategies, Mapping):
        raise InputError(
            f"strategies is a {type(strategies).__name__}; give a mapping of names to what makes each, such as {{'fast': Fast}}"
        )
    if not strategies:
        raise InputError("strategies is empty; give at least one, by name")
    for name, make in strategies.items():
        if not callable(make) or inspect.iscoroutine(make):
            raise InputError(f"strategy {name!r} is {make!r}; give what makes one, such as its class")
    jobs = [Job(make, name=str(name)) for name, make in strategies.items()]
    outcomes = run_jobs(config, data_loader, jobs, _whole, processes=processes, progress=progress, keep_errors=False)
    for name, outcome in zip(strategies, outcomes, strict=True):
        if outcome.value is None:
            raise SimulationError(f"strategy {name!r} has no results: {outcome.error}")
    return {
        name: outcome.value for name, outcome in zip(strategies, outcomes, strict=True) if outcome.value is not None
    }


def _whole(results: BacktestResults) -> BacktestResults:
    return results
