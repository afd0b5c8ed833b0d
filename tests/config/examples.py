"""Scenarios that several tests start from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simexec.config import Scenario

QUICKSTART = Path(__file__).resolve().parent.parent.parent / "scenarios" / "quickstart.yaml"

DAY = "AMZN_2012-06-21_34200000_57600000_message_5.csv"


def smallest() -> dict[str, Any]:
    """A scenario with the required fields only."""
    return {
        "name": "smallest",
        "instrument": {"symbol": "ACME"},
        "flow": {"type": "zero_intelligence", "start_price": 100},
        "order": {"side": "buy", "quantity": 1000},
    }


def scenario(**sections: Any) -> Scenario:
    """The smallest scenario with some sections replaced."""
    return Scenario.from_dict({**smallest(), **sections})
