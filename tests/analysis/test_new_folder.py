"""A folder appears complete, or not at all."""

import pytest

from simexec.analysis import new_folder as module
from simexec.analysis.new_folder import check_out_dir, new_folder
from simexec.errors import InputError


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_a_folder_takes_its_name_when_all_is_written(tmp_path):
    with new_folder(tmp_path / "a" / "run") as folder:
        (folder / "file").write_text("whole")
        assert not (tmp_path / "a" / "run").exists()
    assert (tmp_path / "a" / "run" / "file").read_text() == "whole"
    assert names(tmp_path / "a") == {"run"}


def test_a_failure_leaves_nothing_behind(tmp_path):
    def break_off():
        with new_folder(tmp_path / "a" / "run") as folder:
            (folder / "file").write_text("half")
            raise KeyError("broken")

    with pytest.raises(KeyError, match="broken"):
        break_off()
    assert names(tmp_path) == set()


def test_places_that_cannot_hold_a_folder_are_refused(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(InputError, match="is a file; give the name of a new folder"):
        check_out_dir(file)
    with pytest.raises(InputError, match="which is a file; give a folder elsewhere"):
        check_out_dir(file / "run")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    with pytest.raises(InputError, match="cannot be replaced in one step"):
        check_out_dir(here)
    monkeypatch.setattr(module.os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match="not writable"):
        check_out_dir(tmp_path / "run")


def test_a_new_folder_passes_without_being_made(tmp_path):
    check_out_dir(tmp_path / "a" / "run")
    assert names(tmp_path) == set()
