"""What ``simexec data check`` says of each format."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from simexec import cli
from simexec.errors import InputError
from simexec.market.check import check_file, format_check, read_recording
from simexec.market.npz import read_npz

from .history import invent, write_files
from .l3_files import write_dbn, write_npz

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "recordings.md").read_text(encoding="utf-8")


def test_the_format_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    pytest.importorskip("databento_dbn")
    renamed = write_dbn(tmp_path).rename(tmp_path / "day.bin")
    assert read_recording(renamed).symbol == "TEST"
    renamed = write_npz(tmp_path).rename(tmp_path / "day.zip")
    assert read_recording(renamed).rows == 9
    assert read_recording(write_files(tmp_path, invent(1, events=20, levels=3))).format == "lobster"


def test_a_symbol_that_a_file_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds 'test' only, not 'OTHER'"):
        check_file(write_npz(tmp_path), symbol="OTHER")


def test_ones_own_reader_takes_the_place_of_the_known_ones(tmp_path: Path) -> None:
    found = check_file(write_npz(tmp_path), read=lambda path: read_npz(path, symbol="MINE"))
    assert found["symbol"] == "MINE"
    assert "MINE, 2024-03-05, order by order, 09:30:00 to 09:30:00.008" in format_check(found)


def test_the_command_line_tells_every_figure_and_each_is_documented(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("databento_dbn")
    assert cli.main(["data", "check", str(write_dbn(tmp_path)), str(write_npz(tmp_path)), "--json"]) == 0
    replay = (ROOT / "docs" / "replay.md").read_text(encoding="utf-8")
    for found in json.loads(capsys.readouterr().out)["files"]:
        assert (found["best_bid"], found["best_ask"], found["problems"]) == (100.0, 100.2, [])
        assert found["facts"]["fills_at_queue_head"] == 2
        assert set(found["facts"]) <= set(re.findall(r"`(\w+)`", PAGE))
        assert set(found) <= set(re.findall(r"`(\w+)`", PAGE + replay))


def test_the_documented_reader_of_a_strangers_format_fits_in_fifty_lines() -> None:
    (reader,) = re.findall(r"^```python\n(import csv\n.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert len(reader.splitlines()) <= 50
