"""The bundled tables are what SOURCES.md says, and can be made again from the wheels."""

import csv
import hashlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from neuroevo.connectome.data import build
from neuroevo.errors import DataError

DATA = Path(build.__file__).parent
TABLES = ("celegans_cells.csv", "celegans_edges.csv", "perimotor_cells.csv", "perimotor_edges.csv")
SOURCES = (DATA / "SOURCES.md").read_text("utf-8")
RELEASES = {"cect": "0.3.5", "c302": "0.12.1"}


@pytest.mark.parametrize("name", TABLES)
def test_table_has_the_hash_in_sources(name):
    stated = re.search(rf"`{re.escape(name)}` \|.*\| `([0-9a-f]{{64}})` \|", SOURCES)
    assert stated is not None
    assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == stated[1]


@pytest.mark.parametrize("wheel", RELEASES)
def test_sources_name_the_pinned_wheels(wheel):
    assert f"`{wheel}` {RELEASES[wheel]} |" in SOURCES
    assert build.SHA256[wheel] in SOURCES


@pytest.mark.parametrize("name", TABLES)
def test_table_has_unix_line_ends_and_every_value(name):
    content = (DATA / name).read_bytes()
    assert b"\r" not in content
    assert content.endswith(b"\n")
    rows = list(csv.reader(content.decode().splitlines()))
    columns = build.CELL_COLUMNS if "cells" in name else build.EDGE_COLUMNS
    assert tuple(rows[0]) == columns
    assert {len(row) for row in rows} == {len(columns)}


def test_build_refuses_another_wheel(tmp_path):
    other = tmp_path / "cect-0.3.5-py3-none-any.whl"
    other.write_bytes(b"not the wheel")
    with pytest.raises(DataError, match=build.SHA256["cect"]):
        build.build(other, other)


def test_build_says_which_file_is_missing(tmp_path, capsys):
    status = build.main(["--cect", str(tmp_path / "none.whl"), "--c302", str(tmp_path / "none.whl")])
    assert status == 2
    assert "none.whl" in capsys.readouterr().err


@pytest.mark.network
def test_tables_are_made_again_byte_for_byte(tmp_path):
    missing = [name for name in ("pandas", "openpyxl") if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"the toolbox that reads the sources needs {' and '.join(missing)}")
    python = [sys.executable, "-m"]
    wanted = [f"{name}=={release}" for name, release in RELEASES.items()]
    fetch = [*python, "pip", "download", "--quiet", "--no-deps", "--retries", "1", "--dest", str(tmp_path)]
    fetched = subprocess.run([*fetch, *wanted], capture_output=True, text=True)
    if fetched.returncode:
        reason = (fetched.stderr.strip() or "no reason given").splitlines()[-1]
        pytest.skip(f"the wheels cannot be had from the package registry: {reason}")
    wheels = {name: str(next(tmp_path.glob(f"{name}-*.whl"))) for name in RELEASES}
    # In a process of its own: the toolbox is imported from a temporary folder and warns while it reads.
    command = [
        *python,
        "neuroevo.connectome.data.build",
        "--cect",
        wheels["cect"],
        "--c302",
        wheels["c302"],
        "--check",
    ]
    checked = subprocess.run(command, capture_output=True, text=True, cwd=DATA.parents[1])
    assert checked.returncode == 0, checked.stderr
