"""Writes a champion of a run, its evolved weights with names, into one safetensors file."""

from __future__ import annotations

from neuroevo.cli.parser import Parser, add_trust
from neuroevo.errors import OptionError
from neuroevo.text import visible


def main(arguments: list[str]) -> int:
    """Runs the command.

    Args:
        arguments: Its arguments.

    Returns:
        The exit status.

    Raises:
        NeuroevoError: If the request was wrong, or what it needs is not there.
    """
    parser = Parser(prog="run.py export", description=__doc__, allow_abbrev=False)
    parser.add_argument("run", help="run folder")
    parser.add_argument(
        "--lineage",
        metavar="TASK/GENOME/GRAPH/SEED",
        help="lineage, or the beginning of its name: the best of those (default: the best of the run's task)",
    )
    parser.add_argument("--out", required=True, metavar="FILE", help="new file, such as champion.safetensors")
    add_trust(parser)
    options = parser.read(arguments)
    from neuroevo.report.replay.champions import choose, names_of, policy
    from neuroevo.run_folder import RunFolder

    folder = RunFolder.open(options.run)
    choices, _ = choose(folder, [] if options.lineage is None else [options.lineage])
    names = [names_of(row)[-1] for row, _ in choices]
    if len(names) > 1:
        raise OptionError(f"{options.run} has champions of {', '.join(names)}; name one with --lineage.")
    policy(folder, choices[0][0], options.trust).save(options.out)
    print(visible(f"{options.out}: {names[0]}"))
    return 0
