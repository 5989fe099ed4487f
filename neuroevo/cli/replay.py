"""Shows what champions of a run do, in pictures: one held-out episode, or all test images."""

from __future__ import annotations

import shlex
from pathlib import Path

from neuroevo.cli.parser import Parser, add_trust, whole
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
    parser = Parser(prog="run.py replay", description=__doc__, allow_abbrev=False)
    parser.add_argument("run", help="run folder")
    parser.add_argument(
        "--lineage",
        nargs="+",
        action="extend",
        default=[],
        metavar="TASK/GENOME/GRAPH/SEED",
        help="lineages, or the beginning of their names: the best of those (default: the best of every task)",
    )
    parser.add_argument(
        "--episode", type=whole, metavar="N", help="held-out episode (default: a typical one)"
    )
    parser.add_argument("--seed", type=whole, metavar="N", help="other starts, drawn from this seed")
    parser.add_argument(
        "--steps", type=whole, metavar="N", help="show the first control steps (default: all)"
    )
    parser.add_argument("--out", metavar="DIR", help="new folder (default RUN/replay, which is replaced)")
    add_trust(parser)
    options = parser.read(arguments)
    from neuroevo.report.replay.replay import replay
    from neuroevo.report.replay.rerun import Excerpt
    from neuroevo.run_folder import RunFolder

    folder = RunFolder.open(options.run)
    excerpt = Excerpt(options.episode, options.seed, options.steps)
    out = None if options.out is None else Path(options.out)
    for line in replay(folder, options.lineage, excerpt, out, options.trust):
        print(visible(line))
    if out is None:
        print(f"To see them in the report: python run.py report {shlex.quote(options.run)}")
    return 0
