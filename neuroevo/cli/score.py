"""Scores what of a run has no score: scorings that failed or were put off, and a run that was stopped.

Lineages of a run that was stopped are scored as they are; `resume` can still go on with them.
"""

from __future__ import annotations

from neuroevo.cli.outcome import print_outcome
from neuroevo.cli.parser import CHANGES, Parser, add_flags, add_output, add_trust, given_fields, log_to
from neuroevo.screen import Screen


def main(arguments: list[str]) -> int:
    """Runs the command.

    Args:
        arguments: Its arguments.

    Returns:
        The exit status.

    Raises:
        NeuroevoError: If the request was wrong, or what it needs is not there.
    """
    parser = Parser(prog="run.py score", description=__doc__, allow_abbrev=False)
    parser.add_argument("run", help="its folder")
    add_flags(parser, *CHANGES, default="as before")
    add_trust(parser)
    add_output(parser)
    options = parser.read(arguments)
    from neuroevo.experiment import execute
    from neuroevo.experiment.display import Display

    console = Screen(quiet=options.quiet, highlight=False)
    with log_to(options), Display(console, options.quiet) as display:
        outcome = execute.score(options.run, given_fields(options, CHANGES), display, options.trust)
    if outcome is None:
        print(
            f"All lineages of {options.run} have their results. To see it: python run.py report {options.run}"
        )
        return 0
    return print_outcome(outcome, console)
