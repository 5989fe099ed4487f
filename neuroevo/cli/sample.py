"""Writes samples of priors, `<genome>-<k>.csv` with `_cells.csv` beside it, that --connectome reads."""

from __future__ import annotations

from pathlib import Path

from neuroevo.cli.parser import Parser, add_flags, saying, whole
from neuroevo.cli.wirings import USUAL, WIRING, sampled
from neuroevo.screen import Screen
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
    parser = Parser(prog="run.py sample", description=__doc__, allow_abbrev=False)
    add_flags(parser, *WIRING, required="genome")
    parser.set_defaults(connectome=USUAL.connectome, seed=USUAL.seed)
    parser.add_argument("--samples", type=whole, default=1, help="samples of each prior (default 1)")
    parser.add_argument(
        "--format", default="csv", metavar="NAME", help="csv, parquet or graphml (default csv)"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="new folder for the files")
    options = parser.read(arguments)
    from neuroevo.report.wiring_table import print_notes
    from neuroevo.wiring.sampling import write_samples

    wiring, genomes = sampled(options)
    with saying() as say:
        written, notes = write_samples(
            wiring, genomes, options.samples, options.seed, Path(options.out), say, options.format
        )
    for path in written:
        print(visible(str(path)))
    print_notes(notes, Screen(stderr=True, highlight=False))  # standard output lists the tables alone
    return 0
