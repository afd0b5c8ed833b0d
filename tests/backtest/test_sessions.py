"""Sessions of real exchanges, against what is known of them; times of day in UTC."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from simexec.backtest.sessions import Session, session_calendar, sessions
from simexec.errors import InputError
from simexec.sim.clock import DAY, HOUR, MINUTE
from simexec.trading.report import ExecType, RejectReason
from simexec.trading.vocabulary import OrderSide, TimeInForce
from simexec.venue import Halt, TradingHours

from ..venue.making import make_scene

CHICAGO, NEW_YORK = ZoneInfo("America/Chicago"), ZoneInfo("America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def of_day(calendar: str, day: str) -> list[tuple[str, str]]:
    """Open, breaks and close of a trading day as UTC text; empty when there is none."""
    wanted = date.fromisoformat(day)
    epoch = datetime(wanted.year, wanted.month, wanted.day, tzinfo=UTC) - timedelta(days=9)
    around = sessions(calendar, wanted - timedelta(days=7), wanted + timedelta(days=7), epoch)
    edges = []
    for one in around:
        if one.date == wanted:
            edges = [(one.open_ns, one.close_ns), *one.breaks]
            assert sessions(calendar, wanted, wanted, epoch) == (one,)
    return [(text(epoch, begin), text(epoch, end)) for begin, end in edges]


def text(epoch: datetime, time_ns: int) -> str:
    assert type(time_ns) is int
    assert time_ns % MINUTE == 0
    return (epoch + timedelta(minutes=time_ns // MINUTE)).strftime("%m-%d %H:%M")


@pytest.mark.parametrize(
    ("calendar", "day", "edges"),
    [
        ("XNYS", "2012-06-21", [("06-21 13:30", "06-21 20:00")]),
        ("XNAS", "2012-06-21", [("06-21 13:30", "06-21 20:00")]),
        ("NYSE", "2012-06-21", [("06-21 13:30", "06-21 20:00")]),  # an alias
        ("XNYS", "2023-11-03", [("11-03 13:30", "11-03 20:00")]),  # the last day of summer time
        ("XNYS", "2023-11-06", [("11-06 14:30", "11-06 21:00")]),
        ("XNYS", "2024-03-08", [("03-08 14:30", "03-08 21:00")]),
        ("XNYS", "2024-03-11", [("03-11 13:30", "03-11 20:00")]),  # the first day of summer time
        ("XNYS", "2023-11-23", []),  # Thanksgiving
        ("XNYS", "2023-11-24", [("11-24 14:30", "11-24 18:00")]),  # 13:00 in New York
        ("XNYS", "2024-07-03", [("07-03 13:30", "07-03 17:00")]),
        ("XNYS", "2024-07-04", []),
        ("XNYS", "2001-09-13", []),
        ("XNYS", "2012-10-29", []),  # Hurricane Sandy
        ("XNYS", "2025-01-09", []),  # mourning for President Carter
        ("XLON", "2024-03-28", [("03-28 08:00", "03-28 16:30")]),
        ("XLON", "2024-04-01", []),  # Easter Monday
        ("XLON", "2024-04-02", [("04-02 07:00", "04-02 15:30")]),  # British summer time began on 31 March
        ("XLON", "2024-12-24", [("12-24 08:00", "12-24 12:30")]),
        ("XHKG", "2024-01-02", [("01-02 01:30", "01-02 08:00"), ("01-02 04:00", "01-02 05:00")]),
        ("XHKG", "2024-02-09", [("02-09 01:30", "02-09 04:00")]),  # New Year's Eve, which ends before lunch
        ("XHKG", "2024-02-12", []),
        ("XTKS", "2024-11-01", [("11-01 00:00", "11-01 06:00"), ("11-01 02:30", "11-01 03:30")]),
        (
            "XTKS",
            "2024-11-05",
            [("11-05 00:00", "11-05 06:30"), ("11-05 02:30", "11-05 03:30")],
        ),  # longer since that day
        ("CMES", "2024-01-03", [("01-02 23:00", "01-03 23:00")]),  # opens at 17:00 in Chicago the day before
        ("CMES", "2024-07-03", [("07-02 22:00", "07-03 22:00")]),
    ],
)
def test_well_known_days_are_as_they_were(calendar: str, day: str, edges: list[tuple[str, str]]) -> None:
    assert of_day(calendar, day) == edges


def test_sessions_come_in_order_with_the_days_asked_for_and_times_since_the_epoch() -> None:
    epoch = datetime(2023, 11, 3, tzinfo=NEW_YORK)
    found = sessions("XNYS", date(2023, 11, 3), date(2023, 11, 7), epoch)
    assert [one.date.day for one in found] == [3, 6, 7]
    assert found[0] == Session(date(2023, 11, 3), 9 * HOUR + 30 * MINUTE, 16 * HOUR)
    assert found[1].open_ns == 3 * DAY + 10 * HOUR + 30 * MINUTE  # the clock of the run knows no summer time


@pytest.mark.parametrize(("start", "days"), [("2024-01-01", 250), ("2019-06-01", 30)])
def test_a_period_is_made_of_its_days(start: str, days: int) -> None:
    first = date.fromisoformat(start)
    last, epoch = first + timedelta(days=days), datetime(first.year, first.month, first.day, tzinfo=UTC)
    found = sessions("XNYS", first, last, epoch)
    middle = found[len(found) // 2].date
    halves = sessions("XNYS", first, middle, epoch) + sessions("XNYS", middle + timedelta(days=1), last, epoch)
    assert halves == found


def test_times_are_exact_to_the_microsecond_of_the_epoch() -> None:
    day = date(2012, 6, 21)
    (plain,) = sessions("XNYS", day, day, at("2012-06-21"))
    (later,) = sessions("XNYS", day, day, at("2012-06-21T00:00:00.000001"))
    (zoned,) = sessions("XNYS", day, day, datetime(2012, 6, 21, 5, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))))
    assert (plain.open_ns, plain.open_ns - later.open_ns, plain) == (13 * HOUR + 30 * MINUTE, 1_000, zoned)
    (old,) = sessions("XNYS", day, day, at("1600-01-01"))  # further off than 64 bits of nanoseconds reach
    assert old.open_ns == (day - date(1600, 1, 1)).days * DAY + 13 * HOUR + 30 * MINUTE


def test_a_market_that_never_closes_has_one_session_over_the_local_days() -> None:
    epoch = datetime(2024, 3, 9, tzinfo=NEW_YORK)
    assert sessions("24/7", date(2024, 3, 9), date(2024, 3, 9), epoch) == (Session(date(2024, 3, 9), 0, DAY),)
    (both,) = sessions("24/7", date(2024, 3, 9), date(2024, 3, 10), epoch)
    assert both.close_ns == 2 * DAY - HOUR  # 10 March lacks an hour there


def test_a_market_that_never_closes_needs_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "exchange_calendars", None)
    day = date(2024, 3, 9)
    assert len(sessions("24/7", day, day, at("2024-03-09"))) == 1
    with pytest.raises(InputError, match=r"'XNYS' needs exchange_calendars; pip install 'simexec\[calendars\]'"):
        sessions("XNYS", day, day, at("2024-03-09"))


NEW_YEAR = date(2024, 1, 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("XNYX", NEW_YEAR, NEW_YEAR, at("2024-01-01")), "'XNYX' is not known to exchange_calendars; is it XNYS"),
        (("nyse", NEW_YEAR, NEW_YEAR, at("2024-01-01")), "is it NYSE"),
        (("?", NEW_YEAR, NEW_YEAR, at("2024-01-01")), "such as XNYS, XLON, CMES"),
        (("XNYS", NEW_YEAR, date(2024, 1, 1), at("2024-01-01")), "start 2024-01-02 is after end 2024-01-01"),
        (("XNYS", date(2024, 1, 6), date(2024, 1, 7), at("2024-01-01")), "no session from 2024-01-06 to 2024-01-07"),
        (("XNYS", date(2024, 1, 1), date(2024, 1, 1), at("2024-01-01")), "no session from 2024-01-01 to 2024-01-01"),
        (
            ("XHKG", NEW_YEAR, date(2051, 1, 1), at("2024-01-01")),
            "XHKG cannot be had from 2024-01-02 to 2051-01-01.*2049",
        ),
        (("XTKS", date(1990, 1, 4), date(1990, 1, 4), at("1990-01-01")), "from 1990-01-04 to 1990-01-04.*1997-01-01"),
        (("XNYS", date(1950, 1, 2), NEW_YEAR, at("1950-01-01")), "1950-01-02 is not between 1970-01-01 and 2200-12-31"),
        (("24/7", NEW_YEAR, date(2300, 1, 1), at("2024-01-01")), "end 2300-01-01 is not between"),
        (("XNYS", at("2024-01-02"), NEW_YEAR, at("2024-01-01")), "is not a date"),
        (("XNYS", "2024-01-02", NEW_YEAR, at("2024-01-01")), "start '2024-01-02' is not a date"),
        (("XNYS", NEW_YEAR, NEW_YEAR, datetime(2024, 1, 1)), "is not a datetime with a time zone"),
        (("XNYS", NEW_YEAR, NEW_YEAR, NEW_YEAR), "is not a datetime with a time zone"),
        (("XNYS", NEW_YEAR, NEW_YEAR, at("2024-01-02T14:31")), "2024-01-02 of XNYS opens at 2024-01-02 14:30:00"),
        (
            ("CMES", date(2024, 1, 3), date(2024, 1, 3), datetime(2024, 1, 3, tzinfo=CHICAGO)),
            "opens at 2024-01-02 17:00:00-06:00, before the epoch 2024-01-03 00:00:00-06:00; take an earlier epoch",
        ),
    ],
)
def test_what_cannot_be_had_is_refused_with_the_values(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        sessions(*arguments)


@pytest.mark.parametrize(("calendar", "day"), [("XHKG", "2049-12-31"), ("XTKS", "1997-01-06")])
def test_the_first_and_the_last_day_of_a_calendars_bounds_can_be_had_alone(calendar: str, day: str) -> None:
    wanted = date.fromisoformat(day)
    assert [one.date for one in sessions(calendar, wanted, wanted, at("1990-01-01"))] == [wanted]


def test_breaks_are_halts_of_the_hours_a_venue_takes() -> None:
    epoch = datetime(2024, 2, 8, tzinfo=ZoneInfo("Asia/Hong_Kong"))
    hours = session_calendar("XHKG", date(2024, 2, 8), date(2024, 2, 9), epoch)
    open_ns = 9 * HOUR + 30 * MINUTE
    assert hours.sessions == (
        TradingHours(open_ns, 16 * HOUR, halts=(Halt(12 * HOUR, 13 * HOUR),)),
        TradingHours(DAY + open_ns, DAY + 12 * HOUR),
    )


def test_a_venue_keeps_the_hours_with_lunch_night_and_a_holiday() -> None:
    epoch = datetime(2024, 2, 8, tzinfo=ZoneInfo("Asia/Hong_Kong"))
    hours = session_calendar("XHKG", date(2024, 2, 8), date(2024, 2, 14), epoch)
    scene = make_scene(hours=hours)
    for name, when in (("morning", "9h31m"), ("lunch", "12h30m"), ("afternoon", "13h30m"), ("night", "16h1m")):
        scene.at(when, scene.alice.new, name, OrderSide.BUY, 10, 98)
    scene.at("1d11h", scene.alice.new, "kept", OrderSide.BUY, 10, 98, TimeInForce.GTC)
    for day in (3, 4, 6):  # Sunday, the New Year's Monday, Wednesday
        scene.at(f"{day}d10h", scene.alice.new, f"day {day}", OrderSide.BUY, 10, 98)
    scene.run("6d11h")
    told = [(one.time_ns, one.order_id, one.exec_type, one.reason) for one in scene.alice.reports]
    closed = RejectReason.EXCHANGE_CLOSED
    assert told == [
        (9 * HOUR + 31 * MINUTE, "morning", ExecType.NEW, None),
        (12 * HOUR + 30 * MINUTE, "lunch", ExecType.REJECTED, closed),
        (13 * HOUR + 30 * MINUTE, "afternoon", ExecType.NEW, None),
        (16 * HOUR, "morning", ExecType.EXPIRED, None),
        (16 * HOUR, "afternoon", ExecType.EXPIRED, None),
        (16 * HOUR + MINUTE, "night", ExecType.REJECTED, closed),
        (DAY + 11 * HOUR, "kept", ExecType.NEW, None),
        (3 * DAY + 10 * HOUR, "day 3", ExecType.REJECTED, closed),
        (4 * DAY + 10 * HOUR, "day 4", ExecType.REJECTED, closed),
        (6 * DAY + 10 * HOUR, "day 6", ExecType.NEW, None),
    ]  # fmt: skip


def test_sessions_that_touch_are_no_obstacle() -> None:
    hours = session_calendar("CMES", date(2024, 1, 3), date(2024, 1, 5), datetime(2024, 1, 2, tzinfo=CHICAGO))
    assert [(one.open_ns, one.close_ns) for one in hours.sessions] == [
        (17 * HOUR + day * DAY, 17 * HOUR + (day + 1) * DAY) for day in range(3)
    ]
