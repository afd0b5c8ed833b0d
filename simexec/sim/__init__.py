"""The simulation kernel: clock, calendar, awaitable events, links with latency, stations, random streams.

Knows nothing of trading. ``async def`` processes (and generators with ``yield``) run under
``Simulation.run``.
"""

from simpy.events import ConditionValue
from simpy.exceptions import Interrupt
from simpy.resources.resource import Preempted
from simpy.resources.store import PriorityItem

from simexec.sim.clock import (
    Duration,
    format_duration,
    format_time_of_day,
    hours,
    micros,
    millis,
    minutes,
    nanos,
    parse_duration,
    parse_time_of_day,
    seconds,
)
from simexec.sim.coupling import FOREVER
from simexec.sim.durations import Constant, Empirical, Exponential, Gamma, LogNormal, Uniform
from simexec.sim.environment import Simulation, current_simulation
from simexec.sim.events import AllOf, AnyOf, Condition, Event, Process, Timeout
from simexec.sim.link import Link, LinkStatistics
from simexec.sim.real_time import RealTime, RealTimeStatistics
from simexec.sim.resources import (
    Container,
    FilterStore,
    PreemptiveResource,
    PriorityResource,
    PriorityStore,
    Resource,
    Store,
)
from simexec.sim.station import Station, StationStatistics
from simexec.sim.streams import Draws, seed_sequence

__all__ = [
    "FOREVER",
    "AllOf",
    "AnyOf",
    "Condition",
    "ConditionValue",
    "Constant",
    "Container",
    "Draws",
    "Duration",
    "Empirical",
    "Event",
    "Exponential",
    "FilterStore",
    "Gamma",
    "Interrupt",
    "Link",
    "LinkStatistics",
    "LogNormal",
    "Preempted",
    "PreemptiveResource",
    "PriorityItem",
    "PriorityResource",
    "PriorityStore",
    "Process",
    "RealTime",
    "RealTimeStatistics",
    "Resource",
    "Simulation",
    "Station",
    "StationStatistics",
    "Store",
    "Timeout",
    "Uniform",
    "current_simulation",
    "format_duration",
    "format_time_of_day",
    "hours",
    "micros",
    "millis",
    "minutes",
    "nanos",
    "parse_duration",
    "parse_time_of_day",
    "seconds",
    "seed_sequence",
]
