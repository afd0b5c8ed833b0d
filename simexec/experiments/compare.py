"""Several ways to work one order, each in the same markets: which is better, and how sure is that?

With common random numbers every algorithm meets the same background under the same seed, so differences are paired by replication.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from simexec.analysis.result import RunResult
from simexec.analysis.tca import TcaSummary, analyse
from simexec.config.algorithm import describe_algorithm, to_algorithm
from simexec.config.read_yaml import line_of, parse_mapping, read_text
from simexec.config.scenario import Scenario
from simexec.errors import ConfigError
from simexec.experiments.build import Recordings, load_recordings
from simexec.experiments.replications import Estimate
from simexec.experiments.run import Progress, run_loaded
from simexec.protocols import Algorithm
from simexec.trading.convert import FieldError

FIGURES: Final = (
    "arrival_bps", "vwap_bps", "shortfall_bps", "fill_rate", "participation", "passive_share", "children", "rejects",
    "diverged_shares", "wall_s",
)  # fmt: skip
"""What is compared, in order of columns; see docs/tca.md."""

_DIVERGED: Final = (
    "shares_taken", "leftover_shares_taken", "shares_given_to_aggressors", "shares_given_to_arrivals", "shares_displaced",
)  # fmt: skip


@attrs.frozen
class Contender:
    """One algorithm's outcomes.

    Attributes:
        name: what the list calls it.
        algorithm: it and its settings, on one line.
        figures: by name of ``FIGURES``, one value a replication; None where it cannot be computed.
    """

    name: str
    algorithm: str
    figures: Mapping[str, list[float | None]]

    def mean(self, figure: str) -> float | None:
        """Mean of a figure over the replications, None if one has none."""
        return _mean(self.figures[figure])


@attrs.frozen
class Comparison:
    """Contenders in order of their list; ``replications`` of each."""

    scenario: Scenario
    replications: int
    contenders: tuple[Contender, ...]

    def difference(self, contender: Contender) -> Estimate | None:
        """Mean shortfall (bp) of a contender minus that of the first, paired by replication; None where one has none."""
        pairs = zip(contender.figures["shortfall_bps"], self.contenders[0].figures["shortfall_bps"], strict=True)
        found = [one - first for one, first in pairs if one is not None and first is not None]
        return Estimate.of(found) if len(found) == self.replications else None


def read_algorithms(path: Path) -> dict[str, Algorithm]:
    """Read a list of algorithms: a YAML mapping of names to what a scenario has under ``algorithm``.

    Raises:
        ConfigError: naming the file, the line and the field.
    """
    text = read_text(path)
    raw = parse_mapping(text, str(path))
    found = {}
    for name, section in raw.items():
        try:
            found[str(name)] = to_algorithm(section)
        except FieldError as error:
            within = error.within(str(name))
            line = line_of(text, within.path)
            raise ConfigError(f"{path}:{line}: {within}" if line else f"{path}: {within}") from None
    if not found:
        raise ConfigError(f"{path}: names no algorithm; give entries such as twap: {{type: twap, slices: 20}}")
    return found


def compare(
    scenario: Scenario, algorithms: Mapping[str, Algorithm], replications: int = 1, *, progress: Progress | None = None
) -> Comparison:
    """Work the scenario's order by each algorithm, in replications 0 .. n-1; its data files are read once.

    Raises:
        InputError: the scenario, its data, or an algorithm in it is wrong.
    """
    changed = {name: _with(scenario, name, algorithm) for name, algorithm in algorithms.items()}
    recordings = load_recordings(scenario)
    _run(next(iter(changed.values())), recordings, 0)  # not counted: the first run loads compiled code
    outcomes: dict[str, dict[str, list[float | None]]] = {name: {figure: [] for figure in FIGURES} for name in changed}
    done = 0
    for replication in range(replications):
        for name, one in changed.items():
            for figure, value in _run(one, recordings, replication).items():
                outcomes[name][figure].append(value)
            done += 1
            if progress is not None:
                progress(done / (len(changed) * replications))
    contenders = tuple(
        Contender(name, describe_algorithm(algorithms[name]), figures) for name, figures in outcomes.items()
    )
    return Comparison(scenario, replications, contenders)


def _with(scenario: Scenario, name: str, algorithm: Algorithm) -> Scenario:
    try:
        return scenario.with_(algorithm=algorithm)
    except FieldError as error:
        raise ConfigError(f"{name} does not fit {scenario.name}: {error}") from None


def _run(scenario: Scenario, recordings: Recordings, replication: int) -> dict[str, float | None]:
    began = time.perf_counter()
    result = run_loaded(scenario, recordings, replication=replication)
    tca = analyse(result)
    return _figures(result, tca) | {"wall_s": time.perf_counter() - began}


def _figures(result: RunResult, tca: TcaSummary) -> dict[str, float | None]:
    return {
        "arrival_bps": tca.slippage_bps["arrival_mid"],
        "vwap_bps": tca.slippage_bps["vwap"],
        "shortfall_bps": tca.shortfall.bps()["total"],
        "fill_rate": tca.fill_rate,
        "participation": tca.participation,
        "passive_share": tca.passive_share,
        "children": float(len(result.children)),
        "rejects": float(sum((tca.rejects_by_reason or {}).values())),
        "diverged_shares": float(sum(result.divergence[name] for name in _DIVERGED)) if result.divergence else None,
    }


def comparison_json(found: Comparison) -> dict[str, Any]:
    """Everything as JSON-able values."""
    differences = {one.name: found.difference(one) for one in found.contenders}
    return {
        "scenario": found.scenario.name,
        "seed": found.scenario.seed,
        "replications": found.replications,
        "algorithms": [
            {
                "name": one.name,
                "algorithm": one.algorithm,
                "mean": {figure: one.mean(figure) for figure in FIGURES},
                "by_replication": {figure: list(values) for figure, values in one.figures.items()},
                "difference_bps": None if (paired := differences[one.name]) is None else attrs.asdict(paired),
            }
            for one in found.contenders
        ],
    }


_HEADINGS: Final = {
    "arrival_bps": ("arrival", ".2f"),
    "vwap_bps": ("VWAP", ".2f"),
    "shortfall_bps": ("shortfall", ".2f"),
    "fill_rate": ("filled", ".1%"),
    "participation": ("part.", ".2%"),
    "passive_share": ("passive", ".1%"),
    "children": ("children", ",.0f"),
    "rejects": ("rejects", ",.0f"),
    "diverged_shares": ("diverged", ",.0f"),
    "wall_s": ("wall s", ".2f"),
}


def format_comparison(found: Comparison) -> str:
    """A table, one row an algorithm, and with several replications the paired differences from the first."""
    order, width = found.scenario.order, max(12, *(len(one.name) for one in found.contenders)) + 2
    times = "" if found.replications == 1 else f", means of {found.replications} replications"
    symbol = found.scenario.instrument.symbol
    lines = [
        f"{found.scenario.name}: {order.side.name.lower()} {order.quantity:,} {symbol}, seed {found.scenario.seed}{times}",
        "a cost is positive, in bp: against the arrival mid, the VWAP while it worked, and the whole shortfall",
        "",
        " " * width + "".join(f"{heading:>{_width(heading)}}" for heading, _ in _HEADINGS.values()),
    ]
    for one in found.contenders:
        cells = []
        for figure, (heading, form) in _HEADINGS.items():
            value = one.mean(figure)
            cells.append(f"{'-' if value is None else format(value, form):>{_width(heading)}}")
        lines.append(f"{one.name:<{width}}" + "".join(cells))
    if found.replications > 1 and len(found.contenders) > 1:
        lines += ["", f"shortfall minus that of {found.contenders[0].name}, bp, paired by replication"]
        for one in found.contenders[1:]:
            paired = found.difference(one)
            text = (
                "-" if paired is None else f"{paired.mean:>10.2f}   95 % interval {paired.low:.2f} to {paired.high:.2f}"
            )
            lines.append(f"{one.name:<{width}}{text}")
    return "\n".join([*lines, "", *(f"{one.name:<{width}}{one.algorithm}" for one in found.contenders)])


def _width(heading: str) -> int:
    return max(10, len(heading) + 2)


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
