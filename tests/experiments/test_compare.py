"""Several algorithms in the same markets, and their table."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from simexec import cli
from simexec.algos import TWAP, AtMarket, Tactics
from simexec.config import load_scenario
from simexec.errors import ConfigError
from simexec.experiments.compare import FIGURES, compare, comparison_json, format_comparison, read_algorithms

QUICKSTART = "scenarios/quickstart.yaml"
SHORT = {"session.close": "09:45", "order.start": "1m", "order.quantity": 2000, "algorithm": {"type": "market"}}
WAYS = {"crossing": TWAP(slices=5, duration="5m", tactics=Tactics(passive=False)), "at once": AtMarket()}


def test_every_algorithm_meets_the_same_markets_and_is_judged_alone() -> None:
    scenario = load_scenario(QUICKSTART).with_(SHORT)
    both = compare(scenario, WAYS, 2)
    alone = compare(scenario, {"at once": AtMarket()}, 2)
    (again,) = alone.contenders
    (same,) = (one for one in both.contenders if one.name == "at once")
    for figure in FIGURES:
        if figure != "wall_s":
            assert again.figures[figure] == same.figures[figure]
    assert [one.name for one in both.contenders] == ["crossing", "at once"]


def test_differences_are_paired_by_replication() -> None:
    scenario = load_scenario(QUICKSTART).with_(SHORT)
    found = compare(scenario, WAYS, 3)
    first, second = found.contenders
    pairs = zip(second.figures["shortfall_bps"], first.figures["shortfall_bps"], strict=True)
    differences = [one - other for one, other in pairs if one is not None and other is not None]
    paired = found.difference(second)
    assert paired is not None
    assert paired.mean == pytest.approx(math.fsum(differences) / 3)
    assert found.difference(first) is not None
    text = format_comparison(found)
    assert "paired by replication" in text
    assert all(len(line) <= 132 for line in text.splitlines())
    plain = comparison_json(found)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert set(plain["algorithms"][0]["mean"]) == set(FIGURES)


def test_the_command_reads_a_list_and_prints_a_row_for_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ways = tmp_path / "ways.yaml"
    ways.write_text("now: {type: market}\nslow: {type: twap, slices: 4, duration: 5m}\n")
    sets = [f"--set={name}={value}" for name, value in SHORT.items() if name != "algorithm"]
    assert cli.main(["compare", QUICKSTART, str(ways), *sets, "--set=algorithm={type: market}", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in found["algorithms"]] == ["now", "slow"]
    assert found["algorithms"][0]["mean"]["children"] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "names no algorithm"),
        ("a: {type: twap}\n", r"ways.yaml:1: a.slices: this field is required"),
        ("a: {type: market}\nb: {type: twop}\n", r"ways.yaml:2: b.type: 'twop' .* did you mean 'twap'"),
        ("a: market\n", r"ways.yaml:1: a: must be a mapping with a type"),
    ],
)
def test_a_wrong_list_is_refused_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    ways = tmp_path / "ways.yaml"
    ways.write_text(text)
    with pytest.raises(ConfigError, match=words):
        read_algorithms(ways)


def test_an_algorithm_that_does_not_fit_the_scenario_is_named() -> None:
    scenario = load_scenario(QUICKSTART).with_(SHORT)
    with pytest.raises(ConfigError, match=r"long does not fit quickstart: algorithm\.duration: 7h"):
        compare(scenario, {"long": TWAP(slices=2, duration="7h")})
