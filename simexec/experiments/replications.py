"""Replications: the same scenario with independent random streams, in one process or several, and how sure the mean cost is."""

from __future__ import annotations

import math
from typing import Any, Final

import attrs
import numpy as np

from simexec.analysis.result import RunResult
from simexec.analysis.tca import analyse
from simexec.config.execution import ExecutionMode
from simexec.config.scenario import Scenario
from simexec.errors import InputError, SimulationError
from simexec.experiments.build import Recordings, load_recordings
from simexec.experiments.run import Progress, run_loaded
from simexec.experiments.workers import run_tasks

PARTS: Final = ("delay", "trading", "opportunity", "fees", "total")
_LEVEL: Final = 0.95


@attrs.frozen
class Estimate:
    """A mean over replications.

    Attributes:
        mean: of the replications.
        standard_error: of the mean; None of a single replication.
        low: of the 95 % interval by Student's t; None of a single replication. ``high`` likewise.
    """

    mean: float
    standard_error: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, values: list[float]) -> Estimate:
        """Estimate a mean from independent values."""
        mean, count = math.fsum(values) / len(values), len(values)
        if count == 1:
            return cls(mean, None, None, None)
        from scipy.stats import t

        error = float(np.std(values, ddof=1)) / math.sqrt(count)
        half = error * float(t.ppf((1 + _LEVEL) / 2, count - 1))
        return cls(mean, error, mean - half, mean + half)


@attrs.frozen
class Replications:
    """Outcomes of a scenario's replications 0 .. n-1.

    Attributes:
        shortfall_bps: by part of the implementation shortfall, one value a replication.
        fill_rates: filled fraction of the parent, one a replication.
        digests: journal digests, one a replication.
    """

    scenario: Scenario
    shortfall_bps: dict[str, list[float]]
    fill_rates: list[float]
    digests: list[str]

    @property
    def count(self) -> int:
        """Number of replications."""
        return len(self.fill_rates)

    def estimate(self, part: str = "total") -> Estimate:
        """Mean cost of a part of the shortfall in bps, with its interval."""
        return Estimate.of(self.shortfall_bps[part])


def replicate(scenario: Scenario, count: int, *, progress: Progress | None = None) -> Replications:
    """Run replications 0 .. ``count`` - 1 of a scenario; its data files are read once.

    In mode BACKTEST_PARALLEL they are run by as many processes as there are CPUs, with the same results.

    Raises:
        InputError: the scenario or its data are wrong.
        SimulationError: a process died twice at the same replication.
    """
    parallel = scenario.execution.mode is ExecutionMode.BACKTEST_PARALLEL
    shared = scenario, load_recordings(scenario)
    outcomes = run_tasks(_run_one, range(count), jobs=None if parallel else 1, progress=progress, shared=shared)
    costs: dict[str, list[float]] = {part: [] for part in PARTS}
    fill_rates, digests = [], []
    for outcome in outcomes:
        if outcome.value is None:
            raise SimulationError(f"replication {outcome.index}: {outcome.error}")
        bps, fill_rate, digest = outcome.value
        for part in PARTS:
            costs[part].append(bps[part])
        fill_rates.append(fill_rate)
        digests.append(digest)
    return Replications(scenario, costs, fill_rates, digests)


def _run_one(replication: int, shared: tuple[Scenario, Recordings]) -> tuple[dict[str, float], float, str]:
    """Costs by part in bps, filled fraction and journal digest of one replication."""
    scenario, recordings = shared
    result: RunResult = run_loaded(scenario, recordings, replication=replication)
    bps: dict[str, float] = {}
    for part, value in analyse(result).shortfall.bps().items():
        if value is None:
            raise InputError(
                f"replication {replication} has no {part} cost, since its prices were not recorded or the book never had two"
                " sides;"
                " keep recording.history on, and use a flow that shows both sides"
            )
        bps[part] = value
    return bps, result.parent.filled_quantity / result.parent.quantity, result.journal_digest


def replications_json(found: Replications) -> dict[str, Any]:
    """Everything as JSON-able values."""
    return {
        "scenario": found.scenario.name,
        "seed": found.scenario.seed,
        "replications": found.count,
        "shortfall_bps": {part: attrs.asdict(found.estimate(part)) for part in PARTS},
        "fill_rate": attrs.asdict(Estimate.of(found.fill_rates)),
        "by_replication": {"shortfall_bps": found.shortfall_bps, "fill_rate": found.fill_rates},
        "journal_digests": found.digests,
    }


def format_replications(found: Replications) -> str:
    """A table of means and intervals."""
    lines = [
        f"{found.scenario.name}: {found.count} replications of seed {found.scenario.seed}",
        "implementation shortfall, a cost is positive; bp of the order's value at the decision",
        f"  {'':<12}{'mean':>10}{'s.e.':>10}{'95 % interval':>24}",
    ]
    for part in PARTS:
        estimate = found.estimate(part)
        lines.append(f"  {part:<12}{estimate.mean:>10.2f}{_spread(estimate)}")
    rate = Estimate.of(found.fill_rates)
    lines.append(f"  fill rate   {rate.mean:>10.1%}")
    return "\n".join(lines)


def _spread(estimate: Estimate) -> str:
    if estimate.standard_error is None:
        return f"{'-':>10}{'one replication has none':>26}"
    return f"{estimate.standard_error:>10.2f}{f'{estimate.low:.2f} to {estimate.high:.2f}':>24}"
