"""Places of new folders: taken when the name is chosen, and free again when nothing came of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from neuroevo.errors import RunError
from neuroevo.folders import check_free, claim
from tests import ROOT
from tests.small import CIRCUIT, ECHO

COMMAND = [sys.executable, str(ROOT / "run.py"), "--genome", "adapter-only", "--task", ECHO, "--connectome"]
COMMAND += [CIRCUIT, "--generations", "2", "--workers", "0", "--quiet"]
SLOW = (  # a program that takes its place, says so, and is killed before it writes anything
    "import sys, time; from pathlib import Path; from neuroevo.folders import claim\n"
    "with claim(None, Path('runs/a')) as place: print(place, flush=True); time.sleep(60)"
)


def start(*command: str, cwd: Path) -> subprocess.Popen[str]:
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=cwd, env=variables, **pipes)


def test_two_identical_commands_at_once_have_a_folder_each(tmp_path: Path) -> None:
    both = [start(*COMMAND, cwd=tmp_path) for _ in range(2)]
    for process in both:
        assert process.communicate(timeout=120)[1] == "" and process.returncode == 0
    stem = "runs/tests-toy-Echo-adapter-only"
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == [Path(f"{stem}-{k}").name for k in (1, 2)]
    for k in (1, 2):
        assert (tmp_path / f"{stem}-{k}" / "report.json").exists()


def test_place_of_a_process_that_was_killed_is_free_again(tmp_path: Path) -> None:
    process = start(sys.executable, "-c", SLOW, cwd=tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "runs/a-1"
    with claim(None, tmp_path / "runs/a") as second:
        assert second.name == "a-2"
        with pytest.raises(RunError, match=r"Another process is about to write to .*a-1; wait"):
            with claim(tmp_path / "runs/a-1", tmp_path / "x"):
                pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert [p.name for p in (tmp_path / "runs").iterdir()] == ["a-1"]
    with claim(None, tmp_path / "runs/a") as again:
        assert again.name == "a-1"
    with claim(tmp_path / "runs/a-1", tmp_path / "x") as given:
        given.joinpath("kept").touch()
    with pytest.raises(RunError, match="exists; wanted a new folder"), claim(given, tmp_path / "x"):
        pass
    assert (given / "kept").exists()


def test_nothing_is_left_where_nothing_came_of_it(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), claim(None, tmp_path / "deep" / "runs" / "a"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="Cannot make"), claim(tmp_path / "file" / "run", tmp_path / "x"):
        pass
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(RunError, match="exists; wanted a new folder"):
            check_free(tmp_path / name)
    check_free(tmp_path / "new")
