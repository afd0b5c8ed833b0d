"""What every test may use: real data if it is there, deterministic hypothesis."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile(
    "deterministic",
    derandomize=True,
    deadline=None,  # a first example may compile a kernel
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
# HYPOTHESIS_PROFILE=default searches afresh at every run.
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "deterministic"))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the real market data; the test is skipped where there is none."""
    folder = Path(os.environ.get("SIMEXEC_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "lobster").is_dir():
        pytest.skip(f"no real market data: SIMEXEC_DATA names no folder with it (looked in {folder})")
    return folder
