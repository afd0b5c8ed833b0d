"""The compiled random generator: its words are xoshiro256++'s, its draws have their distributions."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from scipy.stats import chisquare, kstest

from simexec.market.generator import WORDS, Words, exponential, next_word, seed_words, uniform
from simexec.sim import Simulation
from simexec.sim.streams import seed_sequence

MASK = 2**64 - 1


def reference(state: list[int], count: int) -> list[int]:
    """xoshiro256++ 1.0 as its authors write it."""

    def rotate(x: int, k: int) -> int:
        return (x << k | x >> (64 - k)) & MASK

    s, found = list(state), []
    for _ in range(count):
        found.append((rotate((s[0] + s[3]) & MASK, 23) + s[0]) & MASK)
        t = s[1] << 17 & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 45)
    return found


@njit
def many_words(words: Words, at: int, count: int) -> Words:
    found = np.empty(count, np.uint64)
    for i in range(count):
        found[i] = next_word(words, at)
    return found


@njit
def many_draws(words: Words, at: int, count: int, exponentials: bool) -> np.ndarray:
    found = np.empty(count)
    for i in range(count):
        found[i] = exponential(words, at) if exponentials else uniform(words, at)
    return found


def test_the_words_are_the_published_ones() -> None:
    # the vector that implementations of xoshiro256++ in several languages are tested with
    words = np.array([1, 2, 3, 4], np.uint64)
    assert many_words(words, 0, 10).tolist() == [
        41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205, 9973669472204895162,
        14011001112246962877, 12406186145184390807, 15849039046786891736, 10450023813501588000,
    ]  # fmt: skip


def test_the_words_are_those_of_a_plain_implementation_wherever_the_state_lies() -> None:
    for seed in range(5):
        state = seed_words(np.random.default_rng(seed))
        memory = np.concatenate([np.array([7], np.uint64), state, np.array([9], np.uint64)])
        assert many_words(memory, 1, 1000).tolist() == reference(state.tolist(), 1000)
        assert (memory[0], memory[5]) == (7, 9)


def test_the_state_may_lie_in_an_array_of_signed_integers() -> None:
    state = seed_words(np.random.default_rng(3))
    model = state.view(np.int64).copy()
    assert many_words(model.view(np.uint64), 0, 50).tolist() == reference(state.tolist(), 50)


def test_a_stream_is_seeded_by_name_and_draws_nothing_from_the_named_one() -> None:
    stream = Simulation(seed=5, replication=2).rng("flow.market_buy")
    before = stream.bit_generator.state
    words = seed_words(stream)
    assert stream.bit_generator.state == before
    assert np.array_equal(words, seed_sequence(5, 2, "flow.market_buy").generate_state(WORDS, np.uint64))
    assert not np.array_equal(words, seed_words(Simulation(seed=5, replication=2).rng("flow.market_sell")))


def test_uniforms_fill_the_unit_interval_evenly() -> None:
    draws = many_draws(seed_words(np.random.default_rng(1)), 0, 1_000_000, False)
    assert draws.min() >= 0
    assert draws.max() < 1
    assert chisquare(np.histogram(draws, 1000, (0, 1))[0]).pvalue > 1e-4
    assert np.array_equal(draws * 2**53, np.floor(draws * 2**53)), "not a multiple of 2**-53"


def test_exponentials_have_their_law_and_no_memory() -> None:
    draws = many_draws(seed_words(np.random.default_rng(2)), 0, 1_000_000, True)
    assert kstest(draws, "expon").pvalue > 1e-4
    assert abs(draws.mean() - 1) <= 4 / 1000
    lag = np.corrcoef(draws[:-1], draws[1:])[0, 1]
    assert abs(lag) <= 4 / math.sqrt(len(draws))
