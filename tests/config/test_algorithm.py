"""The algorithm of a scenario: by a short name, or a class of the user's own by its path."""

from __future__ import annotations

import attrs
import pytest

from simexec.algos import TWAP, AtMarket, Tactics
from simexec.config import Scenario
from simexec.config.algorithm import ALGORITHMS, describe_algorithm, dump_algorithm, name_of, to_algorithm
from simexec.errors import ConfigError
from simexec.execution import ParentExecution
from simexec.sim import parse_duration
from tests.config.examples import scenario


@attrs.frozen
class Patient:
    """An algorithm of the user's own, with converters of attrs or of its own, and without ours."""

    look_every: int = attrs.field(converter=parse_duration)
    clips: int = 3

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""


class Bare:
    """Not an attrs class."""

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""


PATH = f"{__name__}.Patient"


def test_a_class_of_ones_own_is_named_by_its_path_and_takes_its_fields_from_the_file() -> None:
    one = scenario(algorithm={"type": PATH, "look_every": "2s"})
    assert one.algorithm == Patient("2s", 3)
    assert Scenario.from_dict(one.to_dict()) == one
    assert one.to_dict()["algorithm"] == {"type": PATH, "look_every": 2_000_000_000, "clips": 3}
    assert one.with_({"algorithm.clips": 5}).algorithm == Patient("2s", 5)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_short_name_is_that_of_an_attrs_class_that_runs(name: str) -> None:
    with pytest.raises(ConfigError, match="nonsense"):
        to_algorithm({"type": name, "nonsense": 1})


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"type": PATH}, "algorithm.look_every: this field is required"),
        ({"type": PATH, "look_every": "2s", "clip": 4}, "algorithm.clip: unknown field .* did you mean 'clips'"),
        ({"type": PATH, "look_every": "soon"}, "algorithm: .*soon"),
        ({"type": f"{__name__}.Bare"}, "algorithm.type: .*Bare' is not an algorithm; it must be an attrs class"),
        ({"type": f"{__name__}.PATH"}, "algorithm.type: .* is not an algorithm"),
        ({"type": f"{__name__}.Missing"}, "algorithm.type: .*cannot be imported .*Missing"),
        ({"type": "no_such_module.Mine"}, "algorithm.type: 'no_such_module.Mine' cannot be imported"),
        ({"type": 5}, "algorithm.type: 5 is not one of its values"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(section: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        scenario(algorithm=section)


def test_an_algorithm_in_python_is_taken_as_it_is_and_written_by_its_name() -> None:
    twap = TWAP(slices=3, tactics=Tactics(passive=False))
    one = scenario(algorithm=twap)
    assert one.algorithm is twap
    assert one.to_dict()["algorithm"]["type"] == "twap"
    assert to_algorithm(dump_algorithm(twap)) == twap
    assert [name_of(AtMarket()), name_of(Patient(1))] == ["market", PATH]


def test_a_description_tells_what_is_not_as_usual() -> None:
    twap = TWAP(slices=3, duration="5m", tactics=Tactics(passive=False, discretion="0.02"))
    assert describe_algorithm(twap) == "TWAP (slices 3, duration 5m, tactics passive false, discretion 0.02)"
    assert describe_algorithm(AtMarket()) == "AtMarket"
