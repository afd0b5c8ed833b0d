"""The current simulation, for components that are made without being given one."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from simexec.errors import SimulationError

if TYPE_CHECKING:
    from simexec.sim.environment import Simulation

current: ContextVar[Simulation] = ContextVar("simexec.simulation")


def current_simulation() -> Simulation:
    """Return the simulation that is running, or whose ``with`` block we are in.

    Raises:
        SimulationError: if there is none.
    """
    try:
        return current.get()
    except LookupError:
        raise SimulationError(
            "there is no current simulation; create components inside `with Simulation() as sim:` or in a "
            "coroutine under sim.run(main()), or pass the simulation to them"
        ) from None
