"""The project as a whole: what its files promise one another."""

from __future__ import annotations

import os
import re
import time
import tomllib
from pathlib import Path

import pytest

import simexec
from simexec.market.kernel_cache import KERNELS, delete_stale_kernels

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~; ]", one)[0].lower().replace("_", "-") for one in requirements}


def test_every_public_name_exists() -> None:
    for name in simexec.__all__:
        assert getattr(simexec, name) is not None
    assert set(simexec.__all__) <= set(dir(simexec))


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'scenrio'"):
        simexec.scenrio  # noqa: B018


def test_the_constraints_pin_every_dependency() -> None:
    extras = PYPROJECT["project"]["optional-dependencies"]
    wanted = names(PYPROJECT["project"]["dependencies"] + extras["test"] + extras["dev"]) - {"simexec"}
    pinned = names([line for line in CONSTRAINTS.splitlines() if "==" in line])
    assert wanted - pinned == set()


def test_the_constraints_name_no_host() -> None:
    lines = [line for line in CONSTRAINTS.splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9_.\-]+==[A-Za-z0-9.]+", line)] == []


def test_the_version_has_one_source_and_an_entry_in_the_changelog() -> None:
    assert "version" in PYPROJECT["project"]["dynamic"]
    assert f"## {simexec.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_ci_runs_the_very_test_command_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first_block = re.search(r"```\w*\n(.*?)```", readme, re.DOTALL)
    assert first_block is not None
    commands = [line.split("#")[0].strip() for line in first_block[1].splitlines()]
    assert {"make demo", "make test"} <= set(commands)
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_every_folder_of_tests_is_a_package_so_that_equal_file_names_do_not_collide() -> None:
    folders = {path.parent for path in (ROOT / "tests").glob("**/*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("layer", sorted(path.name for path in (ROOT / "simexec").iterdir() if path.is_dir()))
def test_every_room_has_its_place_among_the_layers(layer: str) -> None:
    if layer == "__pycache__":
        pytest.skip("no room")
    assert f"({layer})" in PYPROJECT["tool"]["importlinter"]["contracts"][0]["layers"]


def test_a_cached_kernel_is_deleted_when_a_module_beside_it_is_newer(tmp_path: Path) -> None:
    cache = tmp_path / "market" / "__pycache__"
    cache.mkdir(parents=True)
    stale, other = cache / "book.add-10.py311.nbi", cache / "flow.next-3.py311.nbi"
    code = cache / "book.add-10.py311.1.nbc"
    source = tmp_path / "market" / "levels.py"
    for path in (stale, code, other, *(tmp_path / "market" / f"{name}.py" for name in KERNELS)):
        path.write_text("")
    now = time.time()
    for name in KERNELS:
        os.utime(tmp_path / "market" / f"{name}.py", (now - 30, now - 30))
    os.utime(stale, (now - 20, now - 20))
    os.utime(source, (now - 10, now - 10))
    os.utime(other, (now, now))
    assert delete_stale_kernels(tmp_path / "market") == [stale]
    assert (code.exists(), other.exists()) == (False, True)
