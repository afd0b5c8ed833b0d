"""A simulated exchange: gateway, validation, matching, hours, fees."""

from simexec.venue.connection import Connection
from simexec.venue.hours import TradingHours
from simexec.venue.venue import Venue, VenueStatistics

__all__ = ["Connection", "TradingHours", "Venue", "VenueStatistics"]
