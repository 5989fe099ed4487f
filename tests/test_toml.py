"""TOML from anywhere is read at once or refused at once, with one line."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

import run as cli
from neuroevo import toml
from neuroevo.toml import TomlError

MANY = 100_000
HOSTILE = {
    "dots": (b"a" + b".a" * MANY + b" = 1", "has a key of more than 32 parts"),
    "spaced dots": (b"a" + b" . a" * MANY + b" = 1", "has a key of more than 32 parts"),
    "quoted dots": (b'"a"' + b'."a"' * MANY + b" = 1", "has a key of more than 32 parts"),
    "literal dots": (b"'a'" + b".'a'" * MANY + b" = 1", "has a key of more than 32 parts"),
    "table": (b"[" + b"a." * MANY + b"a]", "has a key of more than 32 parts"),
    "inline": (b"a = {" + b"a." * MANY + b"a = 1}", "has a key of more than 32 parts"),
    "lists": (b"a = " + b"[" * MANY, "has values that are nested too deeply"),
    "tables": (b"a = " + b"{a=" * MANY, "has values that are nested too deeply"),
    "size": (b"# x\n" * 300_000, "has more than 1,000,000 bytes"),
    "number": (b"a = " + b"9" * 900_000, "is not TOML"),
    "string": (b'a = "' + b'\\"' * 400_000, "is not TOML: Unterminated string"),
    "quotes": (b'a = """' + b'x"' * 400_000, "is not TOML: Unterminated string"),
    "words": (b"a" * 900_000, "is not TOML"),
    "blanks": (b"a" + b" " * 900_000, "is not TOML"),
    "bytes": (b"a = '\xff'", "is not TOML: 'utf-8' codec"),
    "nothing": (b"\0" * 1000, "is not TOML"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused_at_once(name: str) -> None:
    data, message = HOSTILE[name]
    started = time.process_time()
    with pytest.raises(TomlError) as error:
        toml.loads(data)
    assert time.process_time() - started < 3
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("command", [["--config"], ["study"]])
@pytest.mark.parametrize("name", ["dots", "lists", "size"])
def test_command_line_says_so_in_one_line(
    name: str, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, message = HOSTILE[name]
    (tmp_path / "x.toml").write_bytes(data)
    assert cli.main([*command, str(tmp_path / "x.toml")]) == 2
    said = capsys.readouterr().err
    assert message in said and said.startswith("error: ") and said.count("\n") == 1 and len(said) < 400


def test_dots_that_part_no_key_are_let_be() -> None:
    dots = ".".join("a" * (MANY // 2))
    text = f"""
        a.b.c = "{dots}" # {dots}
        d = '{dots}'
        e = '''
        {dots} ''{dots}'''
        f = \"\"\"
        {dots} \\\"\"\" "{dots}\"\"\"
        g = [1.5, 2.5]
        "{dots}" = "\\"#"
        h = {{i.j = "{dots}"}}
    """
    read = toml.loads(text.encode())
    assert read["a"]["b"]["c"] == read["d"] == read["h"]["i"]["j"] == dots and read[dots] == '"#'


VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4))
def test_what_was_written_is_read(values: dict[str, object]) -> None:
    assert toml.loads(tomli_w.dumps(values).encode()) == values


def test_no_more_of_a_file_is_read_than_the_bound_allows(tmp_path: Path) -> None:
    path = tmp_path / "endless.toml"
    path.touch()
    os.truncate(path, 1 << 40)  # more than any memory; on disk it takes no place
    with pytest.raises(TomlError, match="has more than"):
        toml.read(path)


def test_device_is_not_read() -> None:
    with pytest.raises(OSError, match="it is a device, no regular file"):
        toml.read("/dev/zero")
