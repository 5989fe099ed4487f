"""Scores of any program judged: what is asked of them in words, and the report in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from neuroevo.errors import OptionError, unknown
from neuroevo.experiment import by_task
from neuroevo.folders import check_free
from neuroevo.report.model import Report
from neuroevo.report.scores_evidence import Question, evidence_of
from neuroevo.report.scores_file import ScoresFile
from neuroevo.report.write import write_judgement

T = TypeVar("T", float, str)


@dataclass(frozen=True)
class Words:
    """What is asked of a file of scores, as the command line says it.

    Attributes:
        margin: Smallest differences that matter, each `X` for all tasks or `TASK=X`.
        unit: Units of the scores, each `X` for all tasks or `TASK=X`.
        controls: Genomes that are controls.
        one_wiring: Genomes with one graph that are wirings.
        lower_is_better: Tasks whose lowest score is the best; none for all, None for no task.
    """

    margin: Sequence[str] = ()
    unit: Sequence[str] = ()
    controls: Sequence[str] = ()
    one_wiring: Sequence[str] = ()
    lower_is_better: Sequence[str] | None = None


def judge(scores: str | Path, words: Words, out: Path, command: str, author: str = "") -> Report:
    """Writes the report of a file of scores.

    Args:
        scores: The file: CSV, TSV or JSON lines.
        words: What is asked of it.
        out: A new folder for the report, which appears whole or not at all.
        command: What was asked for, as the report says it.
        author: Who makes the report; may be empty.

    Returns:
        The report.

    Raises:
        NeuroevoError: If what is asked for is wrong, the file is not as it should be, or the folder exists.
    """
    check_free(out)  # before a large file is read
    file = ScoresFile.read(scores)
    question = Question(
        margins=_known(by_task.margins(words.margin, file.tasks)),
        units=_known(by_task.units(words.unit, file.tasks)),
        controls=words.controls,
        one_wiring=words.one_wiring,
        lower_is_better=_lower_is_better(words.lower_is_better, file.tasks),
    )
    return write_judgement(evidence_of(file, question, command), out, author)


def _known(values: Mapping[str, T | None]) -> dict[str, T]:
    """Returns those of the values by task that are given."""
    return {task: value for task, value in values.items() if value is not None}


def _lower_is_better(given: Sequence[str] | None, tasks: Sequence[str]) -> Sequence[str]:
    """Returns the tasks whose lowest score is the best."""
    if given is None:
        return ()
    for task in given:
        if task not in tasks:
            raise OptionError(unknown("task in --lower-is-better", task, tasks))
    return given or tasks
