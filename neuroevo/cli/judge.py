"""Judges scores of any program by the referee's tests: a verdict, a page, tables and exports, as a run has.

The file has a row a lineage, in columns task, genome, graph, seed and score: CSV or TSV with a header, or
JSON lines such as a run's results.jsonl. A lineage that failed has no score, nan or inf. What a file can say
beside: untrained, tuned, evaluations, control, unit, margin, floor, maximum.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from neuroevo.cli.parser import Parser
from neuroevo.screen import Screen


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
    from neuroevo.experiment.judging import Words, judge
    from neuroevo.folders import claim
    from neuroevo.report.terminal import print_report

    words = Words(options.margin, options.unit, options.controls, options.one_wiring, options.lower_is_better)
    command, screen = shlex.join(["judge", *arguments]), Screen(highlight=False)
    with claim(None if options.out is None else Path(options.out), Path("runs") / "judged") as place:
        print_report(judge(options.scores, words, place, command, options.author), screen)
    screen.print(f"Written to {place}", soft_wrap=True, markup=False)
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
