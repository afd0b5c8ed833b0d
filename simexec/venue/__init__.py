"""A simulated exchange: gateway, validation, matching, sessions, fees, and what goes wrong there."""

from simexec.venue.band import PriceBand
from simexec.venue.connection import Connection
from simexec.venue.execution_venue import ExecutionVenue
from simexec.venue.hours import Halt, SessionCalendar, TradingHours
from simexec.venue.incidents import Outage, Slowdown
from simexec.venue.model_connection import ModelVenueStatistics
from simexec.venue.model_venue import ModelVenue
from simexec.venue.model_view import ModelView
from simexec.venue.states import TradingState
from simexec.venue.statistics import VenueStatistics
from simexec.venue.throttle import Throttle, ThrottleAction
from simexec.venue.venue import Venue

__all__ = [
    "Connection",
    "ExecutionVenue",
    "Halt",
    "ModelVenue",
    "ModelVenueStatistics",
    "ModelView",
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
