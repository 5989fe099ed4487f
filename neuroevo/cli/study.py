"""Carries out all runs of a study at a scale, and reports them together."""

from __future__ import annotations

from pathlib import Path

from neuroevo.cli.outcome import carry_out
from neuroevo.cli.parser import (
    CHANGES,
    Parser,
    add_flags,
    add_output,
    add_trust,
    given_fields,
    log_to,
    trust_of,
)


def main(arguments: list[str]) -> int:
    """Runs the command.

    Args:
        arguments: Its arguments.

    Returns:
        The exit status.

    Raises:
        NeuroevoError: If the request was wrong, or what it needs is not there.
    """
    parser = Parser(prog="run.py study", description=__doc__, allow_abbrev=False)
    parser.add_argument("study", help="TOML file, such as studies/schmidgall2022/fig3.toml")
    parser.add_argument("--scale", default="smoke", metavar="NAME", help="one of its scales (default smoke)")
    add_flags(parser, *CHANGES)
    add_trust(parser)
    parser.add_argument("--out", metavar="DIR", help="new folder (default runs/STUDY-SCALE-N)")
    add_output(parser)
    options = parser.read(arguments)
    from neuroevo.experiment.study import Study
    from neuroevo.folders import claim

    changes = given_fields(options, CHANGES)
    study = Study.read(options.study, options.scale, trust_of(options), changes)
    given, stem = options.out, f"{Path(options.study).stem}-{options.scale}"
    with claim(None if given is None else Path(given), Path("runs") / stem) as out:
        study.begin(out, changes)
    with log_to(options):
        return carry_out(study, out, changes, options.quiet)
