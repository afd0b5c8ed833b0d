"""Distributions of durations."""

from __future__ import annotations

import math

import attrs
import numpy as np
import pytest

from simexec.errors import InputError
from simexec.sim import Constant, Empirical, Exponential, Gamma, Link, LogNormal, Simulation, Station, Uniform

MODELS = [
    Constant("250us"),
    Uniform("100us", "300us"),
    Uniform(0, 2**40),
    Exponential("1ms"),
    LogNormal("200us", 0.6),
    LogNormal("200us", 0.6, floor="50us"),
    Gamma("300us", 2.5, floor="80us"),
    Gamma("300us", 0.7),
    Empirical([100, 200, 900]),
]


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_draws_are_whole_nanoseconds_with_the_stated_mean(model: Constant) -> None:
    size = 40_000
    sample = model.sample(np.random.default_rng(1), size)
    assert sample.dtype == np.int64
    assert sample.shape == (size,)
    assert sample.min() >= 0
    standard_error = sample.std() / math.sqrt(size)
    assert abs(sample.mean() - model.mean_ns) <= 4 * standard_error + 0.5


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_a_sequence_does_not_depend_on_the_sizes_of_its_batches(model: Constant) -> None:
    whole = model.sample(np.random.default_rng(2), 1000)
    rng = np.random.default_rng(2)
    pieces = np.concatenate([model.sample(rng, size) for size in (1, 2, 3, 94, 400, 500)])
    np.testing.assert_array_equal(whole, pieces)


def test_the_shapes_are_what_their_names_say() -> None:
    rng = np.random.default_rng(3)
    size = 100_000
    low_to_high = Uniform(3, 5).sample(rng, size)
    assert np.unique(low_to_high).tolist() == [3, 4, 5]
    gamma = Gamma("300us", 2.5, floor="80us").sample(rng, size)
    assert gamma.min() >= 80_000
    assert np.var(gamma) == pytest.approx(300_000**2 / 2.5, rel=0.03)
    lognormal = LogNormal("200us", 0.6, floor="50us").sample(rng, size)
    assert np.median(lognormal) == pytest.approx(250_000, rel=0.01)
    assert np.std(np.log(lognormal - 50_000)) == pytest.approx(0.6, rel=0.02)
    exponential = Exponential("1ms").sample(rng, size)
    assert np.mean(exponential > 1_000_000) == pytest.approx(math.exp(-1), abs=4 * math.sqrt(0.2325 / size))
    assert set(Empirical([100, 200, 900]).sample(rng, 1000).tolist()) == {100, 200, 900}


def test_models_are_immutable_values() -> None:
    assert Exponential("1ms") == Exponential(1_000_000)
    assert Empirical([1, 2]) == Empirical(np.array([1.0, 2.0]))
    assert Empirical(["1us", "2us"]) == Empirical([1000, 2000])
    assert len({Gamma("1ms", 2.0), Gamma("1ms", 2), Empirical([1]), Empirical([1])}) == 2
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Constant("1ms").duration = 3  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        Empirical([1, 2]).samples[0] = 5


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: Constant(-1), "-1"),
        (lambda: Constant(0.5), "0.5"),
        (lambda: Uniform("2ms", "1ms"), "2ms"),
        (lambda: Exponential(0), "mean"),
        (lambda: LogNormal(0, 1), "median"),
        (lambda: LogNormal("1ms", -1), "sigma -1"),
        (lambda: LogNormal("1ms", float("nan")), "sigma nan"),
        (lambda: LogNormal("1ms", "wide"), "sigma 'wide'"),
        (lambda: Gamma("1ms", 0), "shape 0"),
        (lambda: Gamma("1ms", float("inf")), "shape inf"),
        (lambda: Gamma("1ms", None), "shape None"),
        (lambda: Empirical([]), "empty"),
        (lambda: Empirical([5, -1]), "sample 1 is -1"),
        (lambda: Empirical([5.0, float("nan")]), "sample 1 is nan"),
        (lambda: Empirical([float("inf")]), "sample 0 is inf"),
        (lambda: Empirical([[1, 2], [3, 4]]), "shape"),
        (lambda: Empirical("1ms"), "one text"),
        (lambda: Empirical(["1ms", "x"]), "'x'"),
    ],
)
def test_nonsense_is_refused_with_its_value(make, names: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert names in str(caught.value)


def test_a_tail_beyond_any_clock_is_reported_instead_of_wrapping_around() -> None:
    with pytest.raises(InputError, match="beyond 146 years"):
        LogNormal("1s", 500.0).sample(np.random.default_rng(1), 1000)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (np.array([0.5]), "drew float64 numbers"),
        (np.array([3, -1]), "drew -1 ns"),
        (np.array([], dtype=int), "1024 values"),
    ],
)
def test_a_users_model_cannot_bring_floats_or_the_past_into_the_calendar(values: np.ndarray, text: str) -> None:
    class Own:
        mean_ns = 1.0

        def sample(self, rng: np.random.Generator, size: int) -> np.ndarray:
            return values

    sim = Simulation()
    with pytest.raises(InputError, match=text):
        Link(sim, "x", Own(), print).send("message")
    with pytest.raises(InputError, match=text):
        Station(sim, "x", Own(), print).submit("job")
    sim.run()
    assert sim.calendar_events == 0
