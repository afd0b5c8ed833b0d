"""The command line: what it prints where, and with which exit code it ends."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import simexec
from simexec import cli
from simexec.errors import DataError, InputError, InvariantError

from .market.l3_files import write_dbn, write_npz

ROOT = Path(__file__).resolve().parent.parent
QUICKSTART = str(ROOT / "scenarios" / "quickstart.yaml")


class Calls:
    """Stand-ins for what the commands delegate to, so that only the command line itself is tested here."""

    def __init__(self) -> None:
        self.scenarios: list[Any] = []
        self.written: list[tuple[Path, bool]] = []
        self.failure: BaseException | None = None
        self.problems: list[str] = []

    def run_scenario(self, scenario: Any, *, progress: Any = None) -> str:
        self.scenarios.append(scenario)
        if progress is not None:
            progress(0.5)
        if self.failure is not None:
            raise self.failure
        return "result"

    def replicate(self, scenario: Any, n: int, *, progress: Any = None) -> int:
        self.scenarios.append(scenario)
        return n

    def check_out_dir(self, out: Path) -> None:
        if out.name == "refused":
            raise InputError("this folder is refused")

    def write_run(self, result: str, out: Path, *, plot: bool) -> None:
        self.written.append((out, plot))

    def check_file(self, path: Path, *, symbol: str | None = None) -> dict[str, Any]:
        if not path.exists():
            raise DataError(f"{path}: there is no such file")
        return {"file": path.name, "rows": 3, "problems": self.problems}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Calls:
    calls = Calls()
    if "compiling" not in request.node.name:
        monkeypatch.setattr(cli, "is_compiled", lambda: True)
    modules: dict[str, dict[str, Any]] = {
        "simexec.experiments": {},
        "simexec.experiments.run": {"run_scenario": calls.run_scenario},
        "simexec.experiments.replications": {
            "replicate": calls.replicate,
            "format_replications": lambda n: f"mean of {n}",
            "replications_json": lambda n: {"replications": n},
        },
        "simexec.experiments.bench": {
            "run_bench": lambda say: {"speed": 1},
            "format_bench": lambda _: "speed 1",
        },
        "simexec.analysis": {},
        "simexec.analysis.summary": {
            "format_run": lambda result: f"summary of {result}",
            "run_json": lambda result: {"of": result},
        },
        "simexec.analysis.run_folder": {"write_run": calls.write_run},
        "simexec.analysis.new_folder": {"check_out_dir": calls.check_out_dir},
        "simexec.market.check": {
            "check_file": calls.check_file,
            "format_check": lambda report: f"{report['file']}: {report['rows']} rows",
        },
    }
    for name, members in modules.items():
        module = types.ModuleType(name)
        for member, value in members.items():
            setattr(module, member, value)
        monkeypatch.setitem(sys.modules, name, module)
    return calls


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=120, check=False
    )


@pytest.mark.parametrize(
    "code",
    [
        "import simexec",
        "import simexec.cli; simexec.cli.build_parser().format_help()",
        "import simexec; simexec.Scenario, simexec.load_scenario('scenarios/quickstart.yaml')",
    ],
)
def test_importing_helping_and_reading_a_scenario_load_nothing_heavy(code: str) -> None:
    heavy = "{'numba', 'scipy', 'pyarrow', 'matplotlib'}"
    ran = python("-c", f"import sys; {code}; print(sorted({heavy} & set(sys.modules)))")
    assert (ran.stdout.strip(), ran.stderr) == ("[]", "")


def test_help_shows_examples_and_exits_with_0() -> None:
    ran = python("-m", "simexec", "--help")
    assert ran.returncode == 0
    assert "simexec run scenarios/quickstart.yaml --set algorithm.slices=40" in ran.stdout
    assert ran.stderr == ""


def test_version_is_the_packages() -> None:
    ran = python("-m", "simexec", "--version")
    assert (ran.returncode, ran.stdout) == (0, f"simexec {simexec.__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nowhere.yaml"], "nowhere.yaml: there is no such file"),
        (["run"], "the following arguments are required: SCENARIO (see simexec run --help)"),
        (["fly"], "argument COMMAND: invalid choice: 'fly'"),
        (
            ["run", QUICKSTART, "--seed", "x"],
            "argument --seed: must be a whole number of at least 0, not 'x'",
        ),
        (
            ["run", QUICKSTART, "--seed", "-1"],
            "argument --seed: must be a whole number of at least 0, not '-1'",
        ),
        (["run", QUICKSTART, "--replications", "0"], "must be a whole number of at least 1, not '0'"),
        (
            ["run", QUICKSTART, "--set", "order.quantity=0"],
            "order.quantity: must be a whole number of at least 1, not 0",
        ),
        (["run", QUICKSTART, "--set", "algorithm.slicez=9"], "did you mean 'slices'?"),
        (["run", QUICKSTART, "--set", "slices"], "must be FIELD=VALUE"),
        (
            ["run", QUICKSTART, "--data", "absent_message_5.csv"],
            "absent_message_5.csv: there is no such file",
        ),
        (["run", QUICKSTART, "--plot"], "--plot needs --out DIR"),
    ],
)
def test_wrong_input_is_one_line_on_stderr_and_exit_code_2(arguments: list[str], message: str) -> None:
    ran = python("-m", "simexec", *arguments)
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert ran.stderr.startswith("simexec: error: ")
    assert ran.stderr.count("\n") == 1
    assert message in ran.stderr


def test_run_prints_the_summary(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", QUICKSTART]) == 0
    assert capsys.readouterr() == ("summary of result\n", "")


def test_json_prints_one_object_and_nothing_else(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", QUICKSTART, "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"of": "result"}
    assert printed.err == ""


def test_seed_and_set_change_the_scenario(calls: Calls) -> None:
    assert cli.main(["run", QUICKSTART, "--seed", "8", "--set", "algorithm.slices=40"]) == 0
    (scenario,) = calls.scenarios
    assert (scenario.seed, scenario.algorithm.slices) == (8, 40)


def test_replications_are_summarised_together(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", QUICKSTART, "--replications", "5"]) == 0
    assert capsys.readouterr().out == "mean of 5\n"
    assert cli.main(["run", QUICKSTART, "--replications", "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"replications": 5}


def test_out_and_plot_write_the_run_folder(calls: Calls, tmp_path: Path) -> None:
    assert cli.main(["run", QUICKSTART, "--out", str(tmp_path / "a"), "--plot"]) == 0
    assert calls.written == [(tmp_path / "a", True)]


def test_a_folder_that_cannot_be_written_is_refused_before_the_run(
    calls: Calls, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["run", QUICKSTART, "--out", str(tmp_path / "refused")]) == 2
    assert capsys.readouterr().err == "simexec: error: this folder is refused\n"
    assert (calls.scenarios, calls.written) == ([], [])


def test_several_runs_do_not_go_into_one_folder(
    calls: Calls, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["run", QUICKSTART, "--replications", "2", "--out", str(tmp_path)]) == 2
    assert "keeps a single run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("failure", "code", "message"),
    [
        (InvariantError("cash is 1 unit short"), 1, "the run failed: cash is 1 unit short"),
        (DataError("day.csv:7: 5 fields"), 2, "day.csv:7: 5 fields"),
        (OSError(28, "No space left on device", "runs/a"), 1, "runs/a: No space left on device"),
        (ZeroDivisionError("oops\nagain"), 1, "ZeroDivisionError: oops again (a defect"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_a_failure_leaves_one_line_no_traceback_and_no_folder(
    calls: Calls,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    failure: BaseException,
    code: int,
    message: str,
) -> None:
    calls.failure = failure
    assert cli.main(["run", QUICKSTART, "--out", str(tmp_path / "new")]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"simexec: error: {message}")
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "new").exists()
    assert calls.written == []


def test_debug_adds_the_traceback(
    calls: Calls, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMEXEC_DEBUG", "1")
    calls.failure = InvariantError("cash is 1 unit short")
    assert cli.main(["run", QUICKSTART]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_checking_files_prints_each_and_fails_when_one_has_problems(
    calls: Calls, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("")
    second.write_text("")
    assert cli.main(["data", "check", str(first), str(second)]) == 0
    assert capsys.readouterr().out == "a.csv: 3 rows\n\nb.csv: 3 rows\n"
    assert cli.main(["data", "check", str(first), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": "a.csv", "rows": 3, "problems": []}
    calls.problems = ["line 2: 5 fields"]
    assert cli.main(["data", "check", str(first), "--json"]) == 2
    printed = capsys.readouterr()
    assert json.loads(printed.out)["problems"] == ["line 2: 5 fields"]
    assert printed.err == f"simexec: error: problems found in {first}\n"


def test_bench_prints_text_or_json(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench"]) == 0
    assert cli.main(["bench", "--json"]) == 0
    assert capsys.readouterr().out == 'speed 1\n{\n  "speed": 1\n}\n'


def test_a_reader_that_goes_away_is_no_error() -> None:
    shell = f"{sys.executable} -m simexec --help | true; echo ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert "Traceback" not in ran.stderr


def test_compiling_is_announced_in_a_pipe_when_there_is_no_compiled_code(
    calls: Calls, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert cli.main(["run", QUICKSTART]) == 0
    assert capsys.readouterr().err == "simexec: compiling (first run only), then simulating ...\n"
    (tmp_path / "market_x").mkdir()
    (tmp_path / "market_x" / "book.add-10.py311.nbi").write_text("")
    assert cli.main(["run", QUICKSTART]) == 0
    assert capsys.readouterr().err == ""


def test_progress_is_a_bar_on_a_terminal_and_nothing_in_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "is_compiled", lambda: True)
    with cli.progress_bar() as progress:
        assert progress is None
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with cli.progress_bar() as progress:
        assert progress is not None
        progress(0.5)
        progress(1.0)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "simulating" in printed.err


def test_data_of_another_format_gives_symbol_tick_and_date(calls: Calls, tmp_path: Path) -> None:
    pytest.importorskip("databento_dbn")
    for file, symbol, kind in (
        (write_dbn(tmp_path), "TEST", "databento"),
        (write_npz(tmp_path), "test", "hftbacktest"),
    ):
        assert cli.main(["run", QUICKSTART, "--data", str(file), "--set", "session.timezone=UTC"]) == 0
        scenario = calls.scenarios[-1]
        assert (scenario.flow.type, scenario.flow.file) == (kind, file)
        assert (scenario.instrument.symbol, str(scenario.instrument.tick)) == (
            symbol,
            "0.2",
        )  # as so short a file suggests
        assert (str(scenario.date), scenario.session.timezone) == ("2024-03-05", "UTC")
