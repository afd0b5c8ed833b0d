"""A simulated exchange: gateway, validation, matching, sessions, fees, and what goes wrong there."""

from simexec.venue.band import PriceBand
from simexec.venue.connection import Connection
from simexec.venue.hours import Halt, SessionCalendar, TradingHours
from simexec.venue.incidents import Outage, Slowdown
from simexec.venue.states import TradingState
from simexec.venue.statistics import VenueStatistics
from simexec.venue.throttle import Throttle, ThrottleAction
from simexec.venue.venue import Venue

__all__ = [
    "Connection",
    "Halt",
    "Outage",
    "PriceBand",
    "SessionCalendar",
    "Slowdown",
    "Throttle",
    "ThrottleAction",
    "TradingHours",
    "TradingState",
    "Venue",
    "VenueStatistics",
]
