"""An experiment carried out without a terminal: who is told of it, what comes of it, from any thread."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from neuroevo.errors import EvaluationError, RunError
from neuroevo.experiment import execute, selection
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.execute import Outcome
from neuroevo.experiment.plan import Plan
from neuroevo.experiment.request import Experiment, resolve
from neuroevo.experiment.watcher import HINT, Interrupts, Progress, Watcher
from tests.small import CIRCUIT, ECHO


class Diary(Watcher):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.statuses: list[str] = []
        self.plans: list[Plan] = []
        self.progress: list[Progress] = []
        self.warnings: list[str] = []

    def say(self, status: str) -> None:
        self.statuses.append(status)

    def expect(self, plan: Plan) -> None:
        self.plans.append(plan)

    def update(self, progress: Progress) -> None:
        self.progress.append(progress)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def experiment(**changes: Any) -> Experiment:
    request = {"genome": ("connectome", "random"), "task": (ECHO,), "connectome": CIRCUIT, "workers": 0}
    return resolve(Configuration(**{**request, **changes}))


def test_watcher_is_told_and_the_outcome_holds_folder_and_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    diary, asked = Diary(), experiment()
    outcome = execute.run(asked, tmp_path / "run", watcher=diary)
    assert diary.statuses == ["starting", "preparing echo"]
    (plan,) = diary.plans
    assert plan.experiment is asked and plan.tasks["echo"] is asked.tasks["echo"]
    assert sum(len(progress.rows) for progress in diary.progress) == len(outcome.folder.metrics()) == 6
    assert diary.progress[-1].done == diary.progress[-1].total == 6
    assert outcome.report.tasks.keys() == {"echo"} and outcome.views == ()
    assert outcome.folder.manifest()["command"] == []
    assert (tmp_path / "run" / "report.json").exists()
    assert capsys.readouterr() == ("", "")
    assert execute.resume(tmp_path / "run", {}) is None


def test_run_needs_neither_watcher_nor_main_thread(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(execute.run(experiment(), tmp_path / "run")))
    with mock.patch.object(signal, "signal") as handling:
        thread.start()
        thread.join()
    assert not handling.called and signal.getsignal(signal.SIGINT) is before
    assert len(outcomes[0].folder.results()) == 2


def test_run_that_was_interrupted_is_resumed_to_the_same_results(tmp_path: Path) -> None:
    whole = execute.run(experiment(), tmp_path / "whole")
    with mock.patch.object(Interrupts, "are_wanted", lambda _: True), pytest.raises(KeyboardInterrupt):
        execute.run(experiment(), tmp_path / "halved")
    diary = Diary()
    outcome = execute.resume(tmp_path / "halved", {"workers": 0}, diary)
    assert outcome is not None and outcome.folder.manifest()["status"] == "done"
    assert outcome.folder.results() == whole.folder.results()
    assert diary.progress[-1].done == 6


def test_interrupts_are_handed_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    hints: list[str] = []
    watcher = mock.Mock(hint=hints.append)
    with Interrupts(watcher) as interrupts:
        assert not interrupts.are_wanted()
        signal.raise_signal(signal.SIGINT)
        assert interrupts.are_wanted() and hints == [HINT]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_failure_is_an_evaluation_error_and_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    with mock.patch.object(selection, "run", side_effect=RunError("Cannot write x: full.")):
        with pytest.raises(EvaluationError, match="Cannot write x: full"):
            execute.run(experiment(), tmp_path / "run")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RunError, match="exists; wanted a new folder"):
        execute.run(experiment(), tmp_path / "run")
    assert sorted(tmp_path.rglob("*")) == before
