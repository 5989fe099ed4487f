"""The log: quiet unless somebody listens, one line an event, in the folder of the run that it is about."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import threading
from pathlib import Path
from unittest import mock

import pytest

import run as cli
from neuroevo import log
from neuroevo.errors import RunError
from neuroevo.experiment import selection
from tests import ROOT
from tests.small import CIRCUIT, ECHO

SMALL = ["--genome", "connectome", "--task", ECHO, "--connectome", CIRCUIT, "--workers", "0", "--quiet"]
LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} (DEBUG|INFO|WARNING|ERROR) neuroevo(\.\w+)+: \S.*"
)

logger = logging.getLogger("neuroevo.tests")


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_run_is_logged_in_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*SMALL, "--out", str(tmp_path / "run")]) == 0
    said = lines(tmp_path / "run" / log.FILE)
    assert all(LINE.fullmatch(line) for line in said)
    places = [
        next(i for i, line in enumerate(said) if part in line)
        for part in (
            'request resolved: {"genome": ["connectome=connectome:dale=true"]',
            f"wirings drawn from {CIRCUIT}: connectome 1",
            "data of echo prepared in ",
            "begins: commit ",
            "3 of 3 generations of lineages are completed",
            "is done",
            "report written: ",
        )
    ]
    assert places == sorted(places)
    assert not any(" DEBUG " in line for line in said)
    assert capsys.readouterr() == ("", "")


def test_verbose_shows_the_log_and_more_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*SMALL, "--out", str(tmp_path / "run"), "--verbose"]) == 0
    out, err = capsys.readouterr()
    assert out == "" and err.splitlines() == lines(tmp_path / "run" / log.FILE)
    assert any(" DEBUG " in line for line in err.splitlines())
    logger.error("nobody listens any more")
    assert capsys.readouterr() == ("", "")


def test_interrupted_and_resumed_run_goes_on_in_its_log(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with mock.patch.object(selection, "run", side_effect=KeyboardInterrupt):
        assert cli.main([*SMALL, "--out", str(path)]) == 130
    before = lines(path / log.FILE)
    assert before[-1].endswith(f"WARNING neuroevo.experiment.execute: run {path} was interrupted")
    assert cli.main(["resume", str(path), "--quiet"]) == 0
    after = lines(path / log.FILE)
    assert after[: len(before)] == before and any("goes on: commit " in line for line in after)


def test_failure_is_logged_with_its_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mock.patch.object(selection, "run", side_effect=RunError("Cannot write x: no space left.")):
        assert cli.main([*SMALL, "--out", str(tmp_path / "run")]) == 1
    said = lines(tmp_path / "run" / log.FILE)
    (first,) = [i for i, line in enumerate(said) if " ERROR " in line]
    assert said[first + 1] == "    Traceback (most recent call last):"
    assert said[-1] == "    neuroevo.errors.RunError: Cannot write x: no space left."
    assert capsys.readouterr().err == "error: Cannot write x: no space left.\n"


def test_log_that_cannot_be_opened_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mock.patch.object(selection, "run", side_effect=KeyboardInterrupt):
        assert cli.main([*SMALL, "--out", str(tmp_path / "run")]) == 130
    (tmp_path / "run" / log.FILE).unlink()
    (tmp_path / "run" / log.FILE).mkdir()
    capsys.readouterr()
    assert cli.main(["resume", str(tmp_path / "run"), "--quiet"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: Cannot write ") and "Is a directory" in said and said.count("\n") == 1


def test_full_disk_stops_neither_run_nor_log(tmp_path: Path) -> None:
    with log.recording() as record:
        record.write_to(Path("/dev/full"))
        for _ in range(3):
            logger.info("this cannot be written")
    with log.recording() as record:
        logger.info("before there is a file")
        record.write_to(tmp_path / "a.log")
        logger.info("two lines:\nindented")
    first, *rest = lines(tmp_path / "a.log")
    assert first.endswith("before there is a file") and rest[1] == "    indented"


def test_runs_of_two_threads_are_logged_apart(tmp_path: Path) -> None:
    meeting = threading.Barrier(2)

    def say(name: str) -> None:
        with log.recording() as record:
            record.write_to(tmp_path / name)
            meeting.wait()
            logger.info("said by %s", name)
            meeting.wait()

    threads = [threading.Thread(target=say, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in ("a", "b"):
        (line,) = lines(tmp_path / name)
        assert line.endswith(f"said by {name}")


PROGRAM = """
import logging, sys
{before}
from neuroevo import log
logging.getLogger("neuroevo.x").warning("a warning")
with log.recording():
    logging.getLogger("neuroevo.x").info("some information")
"""


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("", ""),
        ("logging.basicConfig(format='%(message)s')", "a warning\n"),
        ("logging.basicConfig(format='%(message)s', level='INFO')", "a warning\nsome information\n"),
        (
            "logging.getLogger('neuroevo').addHandler(logging.StreamHandler())",
            "a warning\nsome information\n",
        ),
    ],
)
def test_other_programs_hear_what_they_ask_for(before: str, said: str) -> None:
    code = PROGRAM.format(before=before)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", said)
