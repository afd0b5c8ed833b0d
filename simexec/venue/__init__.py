"""A simulated exchange: gateway, validation, matching, hours, fees."""

from simexec.venue.hours import TradingHours
from simexec.venue.venue import Connection, SelfTradePrevention, Venue, VenueStatistics

__all__ = ["Connection", "SelfTradePrevention", "TradingHours", "Venue", "VenueStatistics"]
