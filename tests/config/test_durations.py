"""Models of durations as configured."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from simexec.config import (
    ConstantDuration,
    DurationConfig,
    EmpiricalDuration,
    ExponentialDuration,
    GammaDuration,
    LinksConfig,
    LogNormalDuration,
    UniformDuration,
    describe,
)
from simexec.errors import ConfigError

from .examples import scenario


def read(raw: object) -> DurationConfig:
    return scenario(links={"orders": raw}).links.orders


@pytest.mark.parametrize(
    ("raw", "model"),
    [
        ("250us", ConstantDuration(value=250_000)),
        (0, ConstantDuration(value=0)),
        ({"type": "constant", "value": "1.5ms"}, ConstantDuration(value=1_500_000)),
        ({"type": "uniform", "low": "1us", "high": "2us"}, UniformDuration(low=1000, high=2000)),
        ({"type": "Exponential", "mean": "20us"}, ExponentialDuration(mean=20_000)),
        ({"type": "lognormal", "median": "1us", "sigma": 1}, LogNormalDuration(median=1000, sigma=1.0, floor=0)),
        (
            {"type": "gamma", "mean": "1us", "shape": 2, "floor": "80us"},
            GammaDuration(mean=1000, shape=2.0, floor=80_000),
        ),
        ({"type": "empirical", "samples": ["1us", "3us"]}, EmpiricalDuration(samples=(1000, 3000))),
    ],
)
def test_each_type_is_read(raw: object, model: DurationConfig) -> None:
    assert read(raw) == model


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (250, "links.orders: must be a duration with its unit, such as '250us', not 250"),
        (2.5, "links.orders: must be a duration such as '250us' or a mapping with its type, not 2.5"),
        (None, "links.orders: must be a duration such as '250us' or a mapping with its type, not null"),
        ("250uss", "links.orders: .*'250uss'"),
        ("-5us", "links.orders: .*'-5us'"),
        ({"mean": "1us"}, "links.orders.type: this field is required, and missing"),
        ({"type": "gauss", "mean": "1us"}, "links.orders.type: 'gauss' is not one of its values"),
        ({"type": ["gamma"]}, r"links.orders.type: \['gamma'\] is not one of its values"),
        (
            {"type": "uniform", "low": "2us", "high": "1us"},
            r"links.orders.high: must not be below low \(2us\), not 1us",
        ),
        ({"type": "exponential", "mean": "0s"}, "links.orders.mean: must be longer than zero, not '0s'"),
        ({"type": "lognormal", "median": "1us", "sigma": 0}, "links.orders.sigma: must be above zero, not 0"),
        (
            {"type": "gamma", "mean": "1us", "shape": float("inf")},
            "links.orders.shape: must be a finite number, not inf",
        ),
        ({"type": "gamma", "mean": 5, "shape": 1}, "links.orders.mean: must be a duration with its unit, .* not 5"),
        ({"type": "empirical"}, "links.orders.samples: needs either samples or file, and not both"),
        ({"type": "empirical", "samples": []}, r"links.orders.samples: must be a non-empty list, not \[\]"),
        ({"type": "empirical", "samples": ["1us", "x"]}, "links.orders.samples.1: .*'x'"),
        ({"type": "empirical", "samples": ["1us"], "file": "f"}, "links.orders.samples: needs either"),
    ],
)
def test_a_wrong_model_is_refused_by_its_path_and_value(raw: object, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        read(raw)


@pytest.mark.parametrize("bare", ["250us", 250_000, timedelta(microseconds=250)])
def test_in_python_a_bare_duration_is_a_constant(bare: Any) -> None:
    assert LinksConfig(orders=bare).orders == ConstantDuration(value=250_000)


def test_samples_are_read_from_a_file_with_comments(tmp_path: Path) -> None:
    file = tmp_path / "measured.txt"
    file.write_text("# one way\n210us\n\n  1.2ms \n", encoding="utf-8")
    assert EmpiricalDuration(file=file).values() == (210_000, 1_200_000)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"210us\nfast\n", r"measured\.txt:2: .*'fast'"),
        (b"# nothing\n", r"measured\.txt: holds no durations"),
        (b"\xff\n", r"measured\.txt: is not UTF-8 text"),
        (None, r"measured\.txt: cannot be read"),
    ],
)
def test_a_wrong_file_of_samples_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "measured.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        EmpiricalDuration(file=file).values()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("250us", "250us"),
        ({"type": "uniform", "low": "1us", "high": "2ms"}, "uniform: low 1us, high 2ms"),
        ({"type": "lognormal", "median": "200us", "sigma": 0.4}, "lognormal: median 200us, sigma 0.4, floor 0ns"),
        ({"type": "empirical", "samples": ["1us", "3us"]}, "empirical: 2 samples"),
    ],
)
def test_a_model_is_described_in_words(raw: object, words: str) -> None:
    assert describe(read(raw)) == words
