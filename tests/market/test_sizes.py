"""Distributions of order sizes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simexec.errors import InputError
from simexec.market.sizes import ConstantSize, GeometricSize, LogNormalSize, SizeModel

N = 40_000


def draws(model: SizeModel, seed: int = 1, count: int = N) -> np.ndarray:
    return model.sample(np.random.default_rng(seed), count)


@pytest.mark.parametrize(
    ("model", "mean"),
    [
        (ConstantSize(3), 3.0),
        (GeometricSize(1), 1.0),
        (GeometricSize(4.5), 4.5),
        # rounding up adds half a lot on average where a lot is small against the spread of the sizes
        (LogNormalSize(100, 0.8), 100 * math.exp(0.8**2 / 2) + 0.5),
    ],
)
def test_sizes_have_their_mean_and_are_whole_lots_from_1_up(model: SizeModel, mean: float) -> None:
    sizes = draws(model)
    assert sizes.dtype == np.int64
    assert sizes.min() >= 1
    batches = sizes.reshape(40, -1).mean(axis=1)
    assert abs(batches.mean() - mean) <= 4 * batches.std(ddof=1) / math.sqrt(40) + 1e-12


def test_half_of_the_lognormal_sizes_lie_above_the_median() -> None:
    above = (draws(LogNormalSize(50, 1.0)) > 50).mean()
    assert abs(above - 0.5) <= 4 * math.sqrt(0.25 / N)


def test_geometric_sizes_have_a_constant_ratio() -> None:
    sizes = draws(GeometricSize(4))
    for size in range(1, 6):
        left = sizes[sizes >= size]
        share = (left == size).mean()
        assert abs(share - 0.25) <= 4 * math.sqrt(0.25 * 0.75 / len(left))


@pytest.mark.parametrize("model", [ConstantSize(3), GeometricSize(4), LogNormalSize(100, 0.8)])
def test_sizes_do_not_depend_on_how_many_are_drawn_at_once(model: SizeModel) -> None:
    rng = np.random.default_rng(1)
    pieces = [model.sample(rng, count) for count in (1, 7, 500, 1492)]
    assert np.array_equal(np.concatenate(pieces), draws(model, count=2000))


@pytest.mark.parametrize(
    ("model", "values", "words"),
    [
        (ConstantSize, (0,), "quantity of ConstantSize is 0; it must be from 1 to"),
        (ConstantSize, (1.5,), "quantity of ConstantSize is 1.5; it must be a whole number of lots"),
        (GeometricSize, (0.5,), "mean of GeometricSize is 0.5"),
        (GeometricSize, (math.nan,), "nan"),
        (LogNormalSize, (math.inf, 1), "inf"),
        (LogNormalSize, (100, -0.1), "sigma of LogNormalSize is -0.1"),
        (LogNormalSize, (100, math.nan), "sigma of LogNormalSize is nan"),
    ],
)
def test_wrong_parameters_are_refused_with_the_value(
    model: type[SizeModel], values: tuple[float, ...], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        model(*values)


def test_a_size_that_no_book_could_add_up_is_refused() -> None:
    with pytest.raises(InputError, match=r"beyond 2\*\*40; make its sigma smaller"):
        draws(LogNormalSize(100, 400.0))
