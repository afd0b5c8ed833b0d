"""Random numbers inside compiled code: xoshiro256++ (Blackman and Vigna 2021), its state in a plain array.

To pass a ``numpy.random.Generator`` into compiled code costs as much as hundreds of messages, and one that several classes of
events shared would let the draws of one shift those of another. So every class has four words of its own in its flow's array,
seeded by name, like any stream of the simulation.
"""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

Words: TypeAlias = npt.NDArray[np.uint64]

WORDS: Final = 4
"""Words of state that a stream occupies."""

# uint64 throughout: numba makes a float of an unsigned and a signed integer
_17: Final = np.uint64(17)
_23: Final = np.uint64(23)
_45: Final = np.uint64(45)
_64: Final = np.uint64(64)
_11: Final = np.uint64(11)
_ULP: Final = 2.0**-53


def seed_words(stream: np.random.Generator) -> Words:
    """The first state of a compiled stream, from the seed of ``stream``, such as ``sim.rng(name)``; draws nothing from it."""
    return np.asarray(stream.bit_generator.seed_seq.generate_state(WORDS, np.uint64), np.uint64)


@njit(cache=True)
def _rotate(x: np.uint64, bits: np.uint64) -> np.uint64:
    return (x << bits) | (x >> (_64 - bits))


@njit(cache=True)
def next_word(words: Words, at: int) -> np.uint64:
    """The next 64 random bits of the stream whose state is ``words[at : at + 4]``."""
    s0, s1, s2, s3 = words[at], words[at + 1], words[at + 2], words[at + 3]
    result = _rotate(s0 + s3, _23) + s0
    s2 ^= s0
    s3 ^= s1
    words[at + 1] = s1 ^ s2
    words[at] = s0 ^ s3
    words[at + 2] = s2 ^ (s1 << _17)
    words[at + 3] = _rotate(s3, _45)
    return result


@njit(cache=True)
def uniform(words: Words, at: int) -> float:
    """Uniform on the 2**53 equidistant numbers of [0, 1)."""
    return np.float64(next_word(words, at) >> _11) * _ULP


@njit(cache=True)
def exponential(words: Words, at: int) -> float:
    """Exponential with mean 1, by inverse transform of one uniform: one word a draw, whatever its value."""
    return -math.log1p(-uniform(words, at))
