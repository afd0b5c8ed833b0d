"""A venue that answers at once, and participants at its door."""

from __future__ import annotations

import pytest

from simexec.testing import Desk, Participant, make_desk


@pytest.fixture
def desk() -> Desk:
    """A venue with two bids and two asks of the background, and no service time."""
    return make_desk(bids=[(100, [50]), (99, [80])], asks=[(101, [30, 20]), (102, [70])], service=0, closes="1h")


@pytest.fixture
def alice(desk: Desk) -> Participant:
    return Participant(desk.sim, desk.venue, "alice")


@pytest.fixture
def bob(desk: Desk) -> Participant:
    return Participant(desk.sim, desk.venue, "bob")
