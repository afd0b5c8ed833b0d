"""Named random streams and batched draws."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from simexec.errors import InputError
from simexec.sim import Constant, Draws, Exponential, Simulation, seed_sequence


def first(simulation: Simulation, name: str) -> list[int]:
    return simulation.rng(name).integers(0, 2**63, size=4).tolist()


def test_a_stream_depends_on_seed_replication_and_name_alone() -> None:
    base = first(Simulation(seed=7, replication=2), "venue.XNAS.gateway")
    other_streams_first = Simulation(seed=7, replication=2)
    other_streams_first.rng("a").random(100)
    other_streams_first.rng("b")
    assert first(other_streams_first, "venue.XNAS.gateway") == base
    assert first(Simulation(seed=8, replication=2), "venue.XNAS.gateway") != base
    assert first(Simulation(seed=7, replication=3), "venue.XNAS.gateway") != base
    assert first(Simulation(seed=7, replication=2), "venue.XNYS.gateway") != base


def test_a_stream_is_the_same_under_every_hash_seed_and_in_every_process() -> None:
    draw = "Simulation(seed=3).rng('x').integers(0, 2**63, size=3).tolist()"
    code = f"from simexec.sim import Simulation; print({draw})"
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for hash_seed in ("0", "1", "4242")
    }
    assert printed == {str(Simulation(seed=3).rng("x").integers(0, 2**63, size=3).tolist())}


def test_one_name_cannot_be_handed_out_twice() -> None:
    simulation = Simulation()
    simulation.rng("x")
    with pytest.raises(InputError, match="'x' is in use already"):
        simulation.rng("x")


@pytest.mark.parametrize(
    ("seed", "replication", "name"),
    [(-1, 0, "x"), (0, -1, "x"), (1.5, 0, "x"), (True, 0, "x"), (0, 0, ""), (0, 2**32, "x")],
)
def test_nonsense_seeds_are_refused(seed: int, replication: int, name: str) -> None:
    with pytest.raises(InputError):
        seed_sequence(seed, replication, name)


def test_draws_are_python_numbers_and_do_not_depend_on_the_batch_size() -> None:
    sequences = []
    for batch in (1, 7, 1024):
        draws = Draws(np.random.default_rng(5), Exponential("1ms").sample, batch=batch)
        sequences.append([next(draws) for _ in range(2500)])
    assert sequences[0] == sequences[1] == sequences[2]
    assert all(type(value) is int for value in sequences[0])


def test_draws_hand_out_the_same_sequence_through_either_door() -> None:
    draws = Draws(np.random.default_rng(5), lambda rng, size: rng.random(size))
    again = Draws(np.random.default_rng(5), lambda rng, size: rng.random(size))
    mixed = [next(draws), draws.next(), next(iter(draws))]
    assert mixed == [again.next() for _ in range(3)]


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="batch size 0"):
        Draws(np.random.default_rng(), Constant(1).sample, batch=0)
