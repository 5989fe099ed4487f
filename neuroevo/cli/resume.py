"""Goes on with a run or a study that ended early, to the results it would have had.

With more generations, evaluations, seeds or graphs a run, at its end or not, becomes what it would have
been had they been asked for from the start.
"""

from __future__ import annotations

from pathlib import Path

from neuroevo.cli.outcome import carry_out, print_outcome
from neuroevo.cli.parser import CHANGES, MORE, Parser, add_flags, add_output, add_trust, given_fields, log_to
from neuroevo.errors import OptionError
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
    parser = Parser(prog="run.py resume", description=__doc__, allow_abbrev=False)
    parser.add_argument("run", help="its folder")
    add_flags(parser, *CHANGES, *MORE, default="as before")
    add_trust(parser)
    add_output(parser)
    options = parser.read(arguments)
    from neuroevo.experiment import execute
    from neuroevo.experiment.display import Display
    from neuroevo.experiment.study import Study

    changes = given_fields(options, (*CHANGES, *MORE))
    path = Path(options.run)
    if Study.is_at(path):
        if more := [f"--{name}" for name in MORE if name in changes]:
            raise OptionError(f"{path} is a study, and {more[0]} is of one run; name a run: {path}/RUN.")
        with log_to(options):
            study = Study.reopen(path, options.trust, changes)
            return carry_out(study, path, changes, options.quiet, options.trust)
    console = Screen(quiet=options.quiet, highlight=False)
    with log_to(options), Display(console, options.quiet) as display:
        outcome = execute.resume(path, changes, display, options.trust)
    if outcome is None:
        print(f"{path} is at its end; there is nothing to go on with. To see it: python run.py report {path}")
        return 0
    return print_outcome(outcome, console)
