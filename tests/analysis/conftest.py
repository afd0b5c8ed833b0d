"""Real runs, small enough for every test: a synthetic market of twenty minutes."""

import pytest

from simexec.config.scenario import Scenario
from simexec.experiments.run import run_scenario

BASE = {
    "name": "small",
    "seed": 3,
    "instrument": {"symbol": "DEMO"},
    "session": {"open": "09:30:00", "close": "09:50:00"},
    "flow": {
        "type": "zero_intelligence",
        "start_price": 100,
        "limit_size": {"type": "geometric", "mean": 4},
        "market_size": {"type": "geometric", "mean": 4},
    },
    "venue": {"name": "SIMX", "fees": {"maker_per_share": "-0.002", "taker_per_share": "0.003"}},
    "order": {"side": "buy", "quantity": 400, "start": "5m"},
    "algorithm": {"type": "twap", "duration": "8m", "slices": 8},
}


@pytest.fixture(scope="session")
def twap_run():
    """A TWAP in a synthetic market."""
    return run_scenario(Scenario.from_dict(BASE))


@pytest.fixture(
    scope="session",
    params=[
        {},
        {"algorithm": {"type": "market"}, "order.quantity": 20},
        {"algorithm": {"type": "iceberg", "display_quantity": 20}, "order.side": "sell"},
        {"algorithm.tactics.passive": False, "order.side": "sell"},
        {"order.order_type": "limit", "order.limit_price": "0.01"},
        {"recording.history": "off"},
        {"recording.quotes": False, "recording.journal": False},
    ],
    ids=["twap", "market", "iceberg", "aggressive", "nothing-filled", "no-history", "no-journal"],
)
def any_run(request):
    """Runs of every kind, those with nothing to show included."""
    return run_scenario(Scenario.from_dict(BASE).with_(request.param))
