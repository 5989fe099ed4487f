"""Command line of neuroevo: puts connectomes on trial.

    python run.py --genome stats-prior --task mnist
    python run.py --genome connectome stats-prior random --task swimmer --seeds 10 --graphs 5
    python run.py study studies/schmidgall2022/fig3.toml --scale smoke
    python run.py resume RUN
    python run.py score RUN
    python run.py report RUN [RUN ...]
    python run.py replay RUN [--lineage TASK/GENOME/GRAPH/SEED ...]
    python run.py export RUN --out champion.safetensors
    python run.py stats --connectome celegans --genome stats-prior random --samples 20
    python run.py sample --connectome celegans --genome stats-prior --samples 10 --out DIR
    python run.py list [NAME ...]

Exit status: 0 done; 1 the run failed; 2 the request was wrong; 130 interrupted.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from neuroevo.cli.outcome import print_outcome
from neuroevo.cli.parser import Parser, add_flags, add_output, add_trust, given_fields, log_to, trust_of
from neuroevo.errors import OptionError
from neuroevo.experiment.config import Configuration, flags
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
    options = parser_of_run().read(arguments)
    given = given_fields(options, flags())
    if options.config is not None:
        config = Configuration.read(options.config, trust_of(options), given)
    elif options.trust:
        raise OptionError("Option '--trust' was given without --config; plug-ins named here are trusted.")
    else:
        config = Configuration()
    config = config.override(given)
    from neuroevo.experiment.request import resolve

    experiment = resolve(config)  # before PyTorch and Ray are imported: a wrong request is answered at once
    from neuroevo.experiment import execute
    from neuroevo.experiment.display import Display

    out = None if options.out is None else Path(options.out)
    console = Screen(quiet=options.quiet, highlight=False)
    with log_to(options), Display(console, options.quiet) as display:
        outcome = execute.run(experiment, out, command=["run", *arguments], watcher=display)
    return print_outcome(outcome, console)


def parser_of_run() -> Parser:
    """Returns the parser of this command, with a flag for each field of a request that has one."""
    parser = Parser(
        prog="run.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_flags(parser, *(name for name, flag in flags().items() if flag.metavar))
    parser.add_argument("--out", metavar="DIR", help="run folder (default runs/TASK-GENOME-N)")
    parser.add_argument(
        "--config", metavar="FILE", help="request as TOML, such as a run folder's config.toml"
    )
    add_trust(parser)
    add_output(parser)
    return parser
