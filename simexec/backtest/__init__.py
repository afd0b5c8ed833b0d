"""Backtests: a strategy over days or years of data, on the exchanges' own calendars."""
