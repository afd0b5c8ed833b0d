"""What the name of a message file says."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from simexec.errors import DataError
from simexec.market.lobster_name import LobsterName
from simexec.sim.clock import parse_time_of_day


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_symbol_date_hours_and_levels_are_in_the_name(ending: str) -> None:
    name = LobsterName.of_messages(Path("data") / f"BRK.B_2012-06-21_34200000_57600000_message_10{ending}")
    assert (name.symbol, name.date, name.levels) == ("BRK.B", date(2012, 6, 21), 10)
    assert (name.start_ns, name.end_ns) == (parse_time_of_day("09:30"), parse_time_of_day("16:00"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("day.csv", "the name of a message file is SYMBOL_"),
        ("A_2012-06-21_34200000_57600000_message_5.csv.zip", "the name of a message file is SYMBOL_"),
        ("A_2012-06-31_34200000_57600000_message_5.csv", "'2012-06-31' in the file's name is not a date"),
        ("A_2012-06-21_57600000_34200000_message_5.csv", "'57600000_34200000' in the file's name are not"),
        ("A_2012-06-21_34200000_97600000_message_5.csv", "'34200000_97600000' in the file's name are not"),
        ("A_2012-06-21_34200000_57600000_orderbook_5.csv", "this is an order book file"),
    ],
)
def test_another_name_is_refused(name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        LobsterName.of_messages(Path(name))
