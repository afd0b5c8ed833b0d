"""What the documentation promises: its examples run, its commands parse, its links lead somewhere, its tables are complete."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import json
import pydoc
import re
import shlex
import shutil
import tomllib
import types
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs
import pytest

from simexec.analysis.summary import run_json
from simexec.cli import build_parser
from simexec.config import Scenario, describe, load_scenario
from simexec.config.algorithm import ALGORITHMS, dump_algorithm
from simexec.config.durations import DurationConfig, to_duration_model
from simexec.config.read_yaml import parse_value
from simexec.config.structure import unstructure
from simexec.experiments.divergence import _COUNTERS
from simexec.experiments.replications import replicate, replications_json
from simexec.experiments.run import run_scenario
from simexec.market.check import check_file
from simexec.trading.convert import key_of
from simexec.trading.instrument import Instrument

from .market.history import invent, write_files

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
PRINTED = {
    "notebooks/quickstart.ipynb": "implementation shortfall",
    "notebooks/backtest.ipynb": "its best on the second half",
}
"""What is to be found in the output of each notebook."""
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def examples(page: Path) -> list[tuple[str, str | None]]:
    """Python blocks of a page, each with the text block that follows it directly: what it prints."""
    text = page.read_text(encoding="utf-8")
    blocks = list(FENCE.finditer(text))
    found: list[tuple[str, str | None]] = []
    for block, following in zip(blocks, [*blocks, None][1:], strict=True):
        if block[1] == "python":
            prints = (
                following is not None and following[1] == "text" and not text[block.end() : following.start()].strip()
            )
            found.append((block[2], following[2] if prints and following is not None else None))
    return found


def commands(page: Path) -> Iterator[str]:
    """Lines of blocks, and words between backticks, that call simexec with arguments."""
    text = page.read_text(encoding="utf-8")
    for language, block in FENCE.findall(text):
        if language in ("", "sh", "bash"):
            yield from (line for line in block.splitlines() if re.match(r"(\S*/)?simexec ", line))
    for words in re.findall(r"`(simexec [^`]+)`", FENCE.sub("", text)):
        if words not in ("simexec run", "simexec data check"):  # the bare name of a command
            yield words


def test_there_is_something_to_check() -> None:
    assert {name_of(page) for page in PAGES} >= {
        "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/replay.md", "docs/scenario.md",
        "docs/algorithms.md", "docs/tca.md", "docs/orders.md", "docs/venues.md", "docs/market_data.md", "docs/flows.md",
        "docs/recordings.md", "docs/model_venue.md",
    }  # fmt: skip
    assert sum(len(examples(page)) for page in PAGES) >= 6
    assert sum(len(list(commands(page))) for page in PAGES) >= 10
    assert {name_of(notebook) for notebook in NOTEBOOKS} == set(PRINTED)


# --- examples ---


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with what a user who has cloned the repository finds there."""
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    return tmp_path


def run_code(source: str, names: dict[str, Any], where: str) -> str:
    """Run a block or cell, which may have a top-level ``await`` as notebooks allow; what it prints."""
    printed = io.StringIO()
    code = compile(source, where, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    with contextlib.redirect_stdout(printed):
        waits = eval(code, names)
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(waits)
    return printed.getvalue()


@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)], ids=name_of)
def test_the_examples_of_a_page_run_in_order_and_print_what_it_says(page: Path, clone: Path) -> None:
    names: dict[str, Any] = {"__name__": "example"}
    for number, (source, expected) in enumerate(examples(page), start=1):
        printed = run_code(source, names, f"{name_of(page)}, example {number}")
        assert expected is None or printed == expected


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=name_of)
def test_the_cells_of_a_notebook_run_in_order(notebook: Path, clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clone / "notebooks")
    names: dict[str, Any] = {"__name__": "notebook"}
    printed = ""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            source = "".join(line for line in cell["source"] if not line.startswith("%"))
            printed += run_code(source, names, f"{name_of(notebook)}, cell {cell['id']}")
    assert PRINTED[name_of(notebook)] in printed


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=name_of)
def test_a_notebook_is_of_format_4_and_has_no_outputs(notebook: Path) -> None:
    content = json.loads(notebook.read_text(encoding="utf-8"))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert set(content) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    ids = [cell["id"] for cell in content["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in content["cells"]:
        fields = {"cell_type", "id", "metadata", "source"}
        if cell["cell_type"] == "code":
            fields |= {"execution_count", "outputs"}
            assert (cell["execution_count"], cell["outputs"]) == (None, [])
        assert set(cell) == fields


# --- commands and links ---


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_commands_of_a_page_parse(page: Path) -> None:
    for command in commands(page):
        words = shlex.split(command, comments=True)[1:]
        if words not in (["--help"], ["--version"]):  # these print and end the process
            assert build_parser().parse_args(words).command


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_make_targets_of_a_page_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    code = "\n".join([*(block for _, block in FENCE.findall(text)), *re.findall(r"`([^`\n]+)`", FENCE.sub("", text))])
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    assert set(re.findall(r"^make ([a-z]+)", code, re.MULTILINE)) <= targets


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        text = "\n".join(
            "".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"
        )
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text)) if not link.startswith("https://")]


@pytest.mark.parametrize("page", [*PAGES, *NOTEBOOKS], ids=name_of)
def test_the_relative_links_of_a_page_lead_to_a_file_and_a_heading(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


# --- the scenario's fields ---

KINDS = ("Duration", "Size", "Flow", "Incident", "Slippage", "Commission", "Volume")
ALGORITHM_NAMES = {pydoc.locate(path): name for name, path in ALGORITHMS.items()}


def documented_parts() -> Iterator[tuple[type, str]]:
    """All configuration classes of a scenario, those of its algorithms included."""
    seen: set[type] = set()
    yield from parts(Scenario, "", seen)
    for cls in ALGORITHM_NAMES:
        assert isinstance(cls, type)
        yield from parts(cls, "algorithm", seen)


def parts(cls: type, path: str = "", seen: set[type] | None = None) -> Iterator[tuple[type, str]]:
    """A configuration class and all that its fields may hold, each with the path where it is met first."""
    seen = set() if seen is None else seen
    if cls in seen:
        return
    seen.add(cls)
    yield cls, path
    hints = get_type_hints(cls)
    for field in attrs.fields(cls):
        deeper = f"{path}.{key_of(field)}" if path else key_of(field)
        for kind in members(hints[field.name]):
            yield from parts(kind, deeper, seen)


def members(hint: Any) -> list[type]:
    if get_origin(hint) in (Union, types.UnionType, tuple):
        return [kind for one in get_args(hint) for kind in members(one)]
    return [hint] if isinstance(hint, type) and attrs.has(hint) else []


def heading_of(cls: type, path: str) -> str:
    if cls in ALGORITHM_NAMES:
        return f"Algorithm `type: {ALGORITHM_NAMES[cls]}`"
    tag = getattr(cls, "type", None)
    if tag is None:
        return f"`{path}`" if path else "The scenario"
    kind = next(kind for kind in KINDS if cls.__name__.endswith(kind) or cls.__name__.startswith(kind))
    return f"{kind} `type: {tag}`"


def documented() -> dict[str, dict[str, str]]:
    """By heading: the default of every field in the table below it, as it is written."""
    sections = re.split(r"^#+ (.*)$", FENCE.sub("", text_of("docs/scenario.md")), flags=re.MULTILINE)[1:]
    return {
        heading: dict(re.findall(r"^\| `(\w+)` \| (.*?) \| \S", body, re.MULTILINE))
        for heading, body in zip(sections[::2], sections[1::2], strict=True)
    }


def test_every_field_of_a_scenario_stands_under_its_heading_and_no_other_does() -> None:
    tables = documented()
    classes = {heading_of(cls, path): cls for cls, path in documented_parts()}
    assert len(classes) >= 30
    for heading, cls in classes.items():
        fields = [key_of(field) for field in attrs.fields(cls)]
        assert list(tables.get(heading, {})) == fields, f"under the heading {heading!r}"
    assert {heading for heading, rows in tables.items() if rows} <= set(classes)


def test_the_documented_defaults_are_the_defaults() -> None:
    tables = documented()
    for cls, path in documented_parts():
        for field in attrs.fields(cls):
            written = tables[heading_of(cls, path)][key_of(field)]
            where = f"{heading_of(cls, path)}: {key_of(field)}"
            if field.default is attrs.NOTHING:
                assert written == "required", where
            elif written == "section":
                assert attrs.has(type(field.default.factory())), where
            else:
                assert re.fullmatch(r"`.+`", written), where
                assert same_value(field, parse_value(written[1:-1], where)), where


def same_value(field: attrs.Attribute[Any], written: Any) -> bool:
    default = field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]
    if field.name == "algorithm":
        return bool(dump_algorithm(default) == written)
    if isinstance(default, DurationConfig):
        return describe(to_duration_model(written)) == describe(default)
    if attrs.has(type(default)):
        return bool(unstructure(default) == written)
    if isinstance(default, tuple) and field.converter is None:
        return bool(tuple(written) == default)
    converted: Any = written if field.converter is None else field.converter(written)  # type: ignore[operator]
    return bool(converted == default)


# --- the figures ---


def keys(value: Any) -> Iterator[str]:
    """Names of the members of a JSON object, at every depth; horizons, states and reasons are no names."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in ("scenario", "divergence"):
                if not re.fullmatch(r"\d+\w+|[A-Z_]+", name):
                    yield name
                yield from () if name in ("versions", "invariants") else keys(inner)
            else:
                yield name
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def undocumented(names: Iterator[str] | list[str], page: str) -> set[str]:
    return set(names) - set(re.findall(r"`(\w+)`", text_of(page)))


@pytest.fixture(scope="module")
def short() -> Scenario:
    base = load_scenario(ROOT / "scenarios" / "quickstart.yaml")
    return base.with_(
        {"session.close": "09:37:00", "order.start": "1m", "algorithm.duration": "30s", "algorithm.slices": 3}
    )


def test_every_figure_of_the_json_is_defined(short: Scenario) -> None:
    assert undocumented(keys(run_json(run_scenario(short))), "docs/tca.md") == set()


def test_every_figure_of_the_replications_is_defined(short: Scenario) -> None:
    assert undocumented(keys(replications_json(replicate(short, 1))), "docs/tca.md") == set()


def test_every_counter_of_divergence_and_every_fact_of_a_data_check_is_defined(tmp_path: Path) -> None:
    facts = check_file(write_files(tmp_path, invent(1, events=20, levels=3)))
    assert undocumented([*_COUNTERS, "time_outside_window", *facts], "docs/replay.md") == set()


def test_the_architecture_weighs_every_dependency() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    names = {re.split(r"[\[<>=!~; ]", one)[0] for one in project["dependencies"]}
    table = text_of("docs/architecture.md").partition("## Dependencies")[2].partition("\n## ")[0]
    assert names == set(re.findall(r"^\| (\w+) \|", table, re.MULTILINE)) - {"package"}


def test_the_tick_in_the_architectures_table_of_scales_is_right() -> None:
    share = Instrument("X", Decimal("0.01"))
    assert share.to_ticks("223.91") == 22391
    assert share.to_quanta("223.915") == 2239150
