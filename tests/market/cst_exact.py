"""Exact probabilities of the Cont-Stoikov-Talreja model at a spread of one tick, by linear systems.

At the best, orders join a queue at ``birth`` (the limit rate at one tick), market orders take one at ``mu``, and each is
cancelled at ``theta``. Queues are cut off at ``MOST`` orders, which they practically never reach.
An order of ours is last in its queue and never cancelled: what is ahead of it goes at ``mu + i theta``, i = the number ahead, and
others join behind.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

MOST = 25


def _queue(birth: float, mu: float, theta: float, first: int) -> Matrix:
    """Generator of a queue of first .. first + MOST - 1 orders; below ``first`` it is gone."""
    size = np.arange(first, first + MOST)
    up = np.where(size < size[-1], birth, 0.0)
    down = np.where(size > 0, mu + theta * size, 0.0)
    return np.diag(up[:-1], 1) + np.diag(down[1:], -1) - np.diag(up + down)


def next_move_up(birth: float, mu: float, theta: float) -> Matrix:
    """[b - 1, a - 1]: P(the ask queue of a orders empties before the bid queue of b)."""
    one, same = _queue(birth, mu, theta, 1), np.eye(MOST)
    empties = np.zeros(MOST)
    empties[0] = mu + theta
    both = np.kron(one, same) + np.kron(same, one)
    return np.linalg.solve(both, -np.kron(np.ones(MOST), empties)).reshape(MOST, MOST)


def fills_before_other_empties(birth: float, mu: float, theta: float, ahead: int) -> Matrix:
    """[i, x]: P(my order with i ahead fills before the other side's queue of x orders empties), i up to ``ahead``; 0 for x = 0."""
    other = _queue(birth, mu, theta, 1)
    found = np.zeros((ahead + 1, MOST + 1))
    before = np.ones(MOST)
    for i in range(ahead + 1):
        rate = mu + i * theta
        before = np.linalg.solve(rate * np.eye(MOST) - other, rate * before)
        found[i, 1:] = before
    return found


def both_fill(birth: float, mu: float, theta: float, most: int) -> Matrix:
    """[b - 1, a - 1]: P(my bid and my ask, last of b and of a, both fill before the mid moves), up to ``most`` orders.

    Until the first of them fills, neither queue can empty. What is left behind it must then outlast the other; if nothing is
    left the mid moves at once.
    """
    joining = birth * (np.eye(MOST, k=1) - np.diag(np.arange(MOST) < MOST - 1)) + theta * np.diag(np.arange(MOST)) @ (
        np.eye(MOST, k=-1) - np.eye(MOST)
    )
    behind = np.kron(joining, np.eye(MOST)) + np.kron(np.eye(MOST), joining)
    second = fills_before_other_empties(birth, mu, theta, most - 1)[:, :MOST]
    found: dict[tuple[int, int], Matrix] = {}
    for i in range(most):
        for j in range(most):  # ahead of my bid, ahead of my ask
            mine, other = mu + i * theta, mu + j * theta
            after_bid = found[i - 1, j] if i else np.outer(second[j], np.ones(MOST))
            after_ask = found[i, j - 1] if j else np.outer(np.ones(MOST), second[i])
            right = (mine * after_bid + other * after_ask).ravel()
            found[i, j] = np.linalg.solve((mine + other) * np.eye(MOST * MOST) - behind, right).reshape(MOST, MOST)
    return np.array([[found[i, j][0, 0] for j in range(most)] for i in range(most)])
