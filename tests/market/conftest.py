from __future__ import annotations

import pytest

from .replaying import Replay


@pytest.fixture
def replay() -> Replay:
    """A market that replays messages made by hand."""
    return Replay()
