"""``simexec schema``: the JSON Schema of scenario files, printed or written, and quickly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from simexec import cli
from simexec.config.schema import json_schema


def test_it_is_printed_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == json_schema()
    assert printed.err == ""


def test_it_is_written_to_a_file_and_nothing_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "scenario.schema.json"
    assert cli.main(["schema", "--out", str(file)]) == 0
    assert capsys.readouterr() == ("", "")
    assert json.loads(file.read_text(encoding="utf-8")) == json_schema()


def test_a_file_that_cannot_be_written_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["schema", "--out", str(tmp_path / "absent" / "a.json")]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("simexec: error: ")
    assert printed.err.endswith(
        "a.json: cannot be written (No such file or directory); name a file in a folder that is there\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_it_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from simexec.cli import main; assert main(['schema', '--out', sys.argv[1]]) == 0;"
        "print(sorted({'numba', 'scipy', 'pyarrow', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.json")], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.stdout.strip(), ran.stderr) == ("[]", "")
