"""Judges scores of any program by the referee's tests: a verdict, a page, tables and exports, as a run has.

The file has a row a lineage, in columns task, genome, graph, seed and score: CSV or TSV with a header, or
JSON lines such as a run's results.jsonl. A lineage that failed has no score, nan or inf. What a file can say
beside: untrained, tuned, evaluations, control, unit, margin, floor, maximum.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from neuroevo.cli.parser import Parser
from neuroevo.errors import OptionError, unknown
from neuroevo.screen import Screen

T = TypeVar("T", float, str)


def main(arguments: list[str]) -> int:
    """Runs the command.

    Args:
        arguments: Its arguments.

    Returns:
        The exit status.

    Raises:
        NeuroevoError: If the request was wrong, or the file is not as it should be.
    """
    options = _parser().read(arguments)
    from neuroevo.experiment import by_task
    from neuroevo.folders import check_free, claim
    from neuroevo.report.scores_evidence import Question, evidence_of
    from neuroevo.report.scores_file import ScoresFile
    from neuroevo.report.terminal import print_report
    from neuroevo.report.write import write_judgement

    out = None if options.out is None else Path(options.out)
    if out is not None:
        check_free(out)  # before a large file is read
    file = ScoresFile.read(options.scores)
    question = Question(
        margins=_known(by_task.margins(options.margin, file.tasks)),
        units=_known(by_task.units(options.unit, file.tasks)),
        controls=options.controls,
        one_wiring=options.one_wiring,
        lower_is_better=_lower_is_better(options.lower_is_better, file.tasks),
    )
    evidence = evidence_of(file, question, shlex.join(["judge", *arguments]))
    with claim(out, Path("runs") / "judged") as place:
        print_report(write_judgement(evidence, place, options.author), Screen(highlight=False))
    Screen(highlight=False).print(f"Written to {place}", soft_wrap=True, markup=False)
    return 0


def _parser() -> Parser:
    """Returns the parser of the command."""
    parser = Parser(prog="run.py judge", description=__doc__, allow_abbrev=False)
    parser.add_argument("scores", metavar="FILE", help="file of scores: .csv, .tsv or .jsonl")
    several: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
    parser.add_argument(
        "--margin",
        **several,
        metavar="X|TASK=X",
        help="smallest difference that matters, in the unit of the score (default: equivalence is not "
        "tested)",
    )
    parser.add_argument(
        "--controls",
        **several,
        metavar="NAME",
        help="genomes that are controls: no draws of a prior, and no winners (default: those that the file "
        "calls so)",
    )
    parser.add_argument(
        "--one-wiring",
        **several,
        metavar="NAME",
        help="genomes with one graph that are wirings, and no single draws of a prior (default: all with one "
        "graph, where others have several)",
    )
    parser.add_argument("--unit", **several, metavar="X|TASK=X", help="unit of the scores (default none)")
    parser.add_argument(
        "--lower-is-better",
        nargs="*",
        metavar="TASK",
        help="tasks whose lowest score is the best; all if none is named",
    )
    parser.add_argument("--out", metavar="DIR", help="new folder for the report (default runs/judged-N)")
    parser.add_argument(
        "--author", default="", metavar="NAME", help="who makes the report (default: nobody said)"
    )
    return parser


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
