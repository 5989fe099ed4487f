"""Tells which part of a wiring carries its score: each part made random alone, and each kept alone.

    python run.py attribute --task worm --adapter none --generations 0
    python run.py attribute --task memory --adapter ridge --connectome celegans --generations 0
    python run.py attribute --task swimmer --adapter none --parts neuromuscular chemical motor

Parts are chemical synapses, gap junctions, neuromuscular synapses, signs, weights (section counts), and
classes of cells, of which each has the synapses that it sends, with their signs and weights. Run are the
exact wiring; its null, in which all parts are random and every cell keeps its degrees; the exact wiring with
one part random (a knock-out); and the null with one part exact (a transplant). The report shares out what
lies between the exact wiring and its null: what is lost without a part, and what is there with it alone.

It is a run like any other: `resume`, `report` and `replay` take its folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from neuroevo.cli.outcome import print_outcome
from neuroevo.cli.parser import Parser, add_flags, add_output, given_fields, log_to
from neuroevo.experiment.config import Configuration, flags
from neuroevo.screen import Screen

if TYPE_CHECKING:
    from neuroevo.experiment.request import Experiment

USUAL = {  # defaults that are not those of `run`
    "seeds": "5; where nothing evolves 10",
    "graphs": "10; where nothing evolves 20",
    "tuning": "off",
}
FIXED = ("genome", "selection", "target")  # fields of a request that follow from the question


def main(arguments: list[str]) -> int:
    """Runs the command.

    Args:
        arguments: Its arguments.

    Returns:
        The exit status.

    Raises:
        NeuroevoError: If the request was wrong, or what it needs is not there.
    """
    options = parser_of_attribute().read(arguments)
    experiment, left_out = experiment_of(options)
    from neuroevo.experiment import attribution, execute
    from neuroevo.experiment.display import Display

    console = Screen(quiet=options.quiet, highlight=False)
    for name, reason in left_out.items():
        console.print(f"Left out: {name} ({reason}).", soft_wrap=True, markup=False)
    out = None if options.out is None else Path(options.out)
    stem = attribution.stem(experiment.task_calls)
    with log_to(options), Display(console, options.quiet) as display:
        outcome = execute.run(experiment, out, command=["attribute", *arguments], watcher=display, stem=stem)
    return print_outcome(outcome, console)


def experiment_of(options: argparse.Namespace) -> tuple[Experiment, dict[str, str]]:
    """Returns the experiment that is asked for, and why parts of the wiring are left out, by part.

    Args:
        options: What was given.

    Raises:
        NeuroevoError: If the request is wrong.
    """
    from neuroevo.experiment import attribution
    from neuroevo.experiment.request import resolve

    given = given_fields(options, flags())
    config = Configuration().override(given)
    config, left_out = attribution.request(config, given, options.parts, options.cells)
    return resolve(config), left_out


def parser_of_attribute() -> Parser:
    """Returns the parser of this command: the flags of `run`, but for those that follow from the question."""
    parser = Parser(
        prog="run.py attribute",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--parts",
        nargs="+",
        action="extend",
        default=[],
        metavar="PART",
        help="chemical, gap, neuromuscular, signs, weights, and classes of cells such as motor (default: all "
        "that the wiring has)",
    )
    parser.add_argument(
        "--cells",
        default="role",
        metavar="COLUMN",
        help="what classes of cells are: role, class, transmitter, or none for no classes (default role)",
    )
    for name, flag in flags().items():
        if flag.metavar and name not in FIXED:
            add_flags(parser, name, default=USUAL.get(name, ""), required="task")
    parser.add_argument("--out", metavar="DIR", help="run folder (default runs/attribute-TASK-N)")
    add_output(parser)
    return parser
