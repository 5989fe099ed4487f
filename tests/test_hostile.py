"""Hostile input: whatever happened to a run folder, commands end with a right answer or one clear line."""

from __future__ import annotations

import contextlib
import io
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import run as cli
from neuroevo.run_folder import RunFolder
from tests.small import CIRCUIT

FILES = (
    "config.toml",
    "manifest.json",
    "metrics.jsonl",
    "results.jsonl",
    "checkpoint.safetensors",
    "checkpoint.previous.safetensors",
    "champions/echo__connectome__g0__s0/architecture.json",
    "champions/echo__connectome__g0__s0/parameters.safetensors",
)
COMMANDS = (["report"], ["resume", "--workers", "0", "--quiet"], ["replay"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the toy task, whose manifest says that it is not at its end."""
    path = tmp_path_factory.mktemp("hostile") / "run"
    request = ["--genome", "connectome", "--task", "echo=tests.toy:Echo", "--connectome", CIRCUIT]
    assert cli.main([*request, "--workers", "0", "--quiet", "--out", str(path)]) == 0
    RunFolder.open(path).write_manifest(status="running")
    for name in ("report.json", "report.html", "figures"):
        shutil.rmtree(path / name) if (path / name).is_dir() else (path / name).unlink()
    assert all((path / name).exists() for name in FILES)
    return path


@st.composite
def damages(draw: st.DrawFn) -> tuple[str, str, float, int]:
    """A file, what happens to it, where, and which bit."""
    kinds = ("flipped", "truncated", "doubled", "random", "json", "empty", "folder", "gone")
    return (
        draw(st.sampled_from(FILES)),
        draw(st.sampled_from(kinds)),
        draw(st.floats(0, 1, exclude_max=True)),
        draw(st.integers(0, 7)),
    )


def damage(path: Path, kind: str, where: float, bit: int, other: bytes) -> None:
    """Does something to a file."""
    data = bytearray(path.read_bytes())
    place = int(where * len(data))
    if kind == "flipped":
        data[place] ^= 1 << bit
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind != "gone":
        contents = {"truncated": data[:place], "doubled": data + data, "random": other, "json": other}
        path.write_bytes(b"" if kind == "empty" else contents.get(kind, data))


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@example(("checkpoint.safetensors", "folder", 0.0, 0), ["resume", "--workers", "0", "--quiet"], b"", None)
@given(damages(), st.sampled_from(COMMANDS), st.binary(max_size=200), JSON)
def test_damaged_run_folder_is_one_line_or_no_harm(
    whole: Path,
    tmp_path_factory: pytest.TempPathFactory,
    how: tuple[str, str, float, int],
    command: list[str],
    noise: bytes,
    value: object,
) -> None:
    import json

    name, kind, where, bit = how
    path = tmp_path_factory.mktemp("damaged") / "run"
    shutil.copytree(whole, path)
    text = (json.dumps(value) + "\n").encode()
    damage(path / name, kind, where, bit, text if kind == "json" else noise)
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        status = cli.main([command[0], str(path), *command[1:]])
    said = errors.getvalue()
    assert status in (0, 1, 2), said
    assert "Traceback" not in said
    *warnings, last = said.splitlines() or [""]
    assert (status == 0) or (last.startswith("error: ") and said.endswith("\n")), said
    assert all("The one before it was used" in warning for warning in warnings), said
    shutil.rmtree(path.parent)
