"""Tasks say what their highest score is, and a run's manifest hands it on with what a clock says there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from neuroevo.experiment.manifest import manifest
from neuroevo.plugins import tasks
from neuroevo.report.evidence import gather
from neuroevo.run_folder import RunFolder
from tests.small import plan


@pytest.mark.parametrize(
    ("text", "maximum"),
    [
        ("digits", 1.0),
        ("decision", 1.0),
        ("match", 1.0),
        ("lines", 1.0),
        ("narma", 1.0),
        ("mackey-glass", 1.0),
        ("memory", 40.0),
        ("memory:lags=7", 7.0),
        ("capacity:degree=2,lags=3", 6.0),  # products of two of three lags, with themselves
        ("swimmer", None),
        ("worm", None),
    ],
)
def test_highest_scores_are_those_of_their_unit(text: str, maximum: float | None) -> None:
    (call,) = tasks.calls([text])
    task = call.plugin.target(**call.options)
    assert task.maximum == maximum


@pytest.mark.parametrize(
    ("task", "maximum", "has_targets"),
    [
        ("digits", 1.0, True),
        ("memory:lags=3,length=200,test_length=200", 3.0, True),
        ("swimmer", None, False),
    ],
)
def test_evidence_of_a_run_knows_the_highest_score_and_whether_right_answers_follow_from_what_is_sensed(
    tmp_path: Path, task: str, maximum: float | None, has_targets: bool
) -> None:
    planned = plan(task=(f"t={task}",), genome=("connectome",), margin=("t=0.25",))
    known: Any = manifest(planned, [])
    RunFolder.create(tmp_path / "run", planned.config.to_dict(), known)
    facts = gather([RunFolder.open(tmp_path / "run")]).tasks["t"].facts
    assert (facts.maximum, facts.has_targets, facts.margin) == (maximum, has_targets, 0.25)
