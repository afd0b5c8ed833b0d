"""YAML as people expect it."""

from __future__ import annotations

from pathlib import Path

import pytest

from simexec.config.read_yaml import line_of, parse_mapping, parse_value, read_text
from simexec.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("off", "off"),
        ("no", "no"),
        ("true", True),
        ("16:00:00", "16:00:00"),
        ("09:30", "09:30"),
        ("2012-06-21", "2012-06-21"),
        ("1e-4", 1e-4),
        ("1E5", 1e5),
        ("0.0001", 0.0001),
        ("2_000", 2000),
        ("010", 10),
        ("-5", -5),
        ("250us", "250us"),
        ("", None),
        ("~", None),
        ("null", None),
        (".inf", float("inf")),
        ("'5'", "5"),
        ("[1, 2.5]", [1, 2.5]),
    ],
)
def test_a_bare_word_means_what_it_looks_like(text: str, value: object) -> None:
    parsed = parse_value(text, "here")
    assert parsed == value
    assert type(parsed) is type(value)


def test_a_key_given_twice_is_refused_with_both_lines() -> None:
    with pytest.raises(ConfigError, match=r"^here:4:1: the key 'a' was given before, in line 1$"):
        parse_mapping("a: 1\nb:\n  a: 2\na: 3\n", "here")


def test_merged_keys_may_be_overridden() -> None:
    text = "base: &base {x: 1, y: 2}\nother:\n  <<: *base\n  y: 3\n"
    assert parse_mapping(text, "here")["other"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "here: is empty"),
        ("# only a comment\n", "here: is empty"),
        ("- 1\n- 2\n", r"here: must be a mapping of fields, not \[1, 2\]"),
        ("just text", "here: must be a mapping of fields, not 'just text'"),
        ("a: [1, 2\nb: 3\n", "here:2:2: "),
        ("a: !!python/object/apply:os.getcwd []", "here:1:4: could not determine a constructor"),
        ("a: \x00", "here: is not YAML"),
        ("? {a: 1}\n: 2\n", "here:1:"),
        ("[" * 5000, "here"),
    ],
)
def test_what_is_no_mapping_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}") as caught:
        parse_mapping(text, "here")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes("name: café".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.yaml: is not UTF-8 text \(byte 9 is 0xe9\)$"):
        read_text(file)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: there is no such file$"):
        read_text(tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigError, match=r": cannot be read \("):
        read_text(tmp_path)


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    file = tmp_path / "bom.yaml"
    file.write_bytes(b"\xef\xbb\xbfname: x\n")
    assert parse_mapping(read_text(file), "here") == {"name": "x"}


def test_the_line_of_a_field_is_found_and_of_what_surrounds_it_otherwise() -> None:
    text = "a: 1\nb:\n  c: [4,\n    5]\n  d: {e: 6}\n"
    assert line_of(text, ("b", "c", "1")) == 4
    assert line_of(text, ("b", "d", "e")) == 5
    assert line_of(text, ("b", "missing")) == 2
    assert line_of(text, ("missing",)) is None
