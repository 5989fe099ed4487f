"""Prints statistics of a connectome, and of priors sampled from it."""

from __future__ import annotations

import json
from pathlib import Path

from neuroevo import plugins
from neuroevo.cli.parser import Parser, add_flags, saying, whole
from neuroevo.cli.wirings import USUAL, WIRING, sampled
from neuroevo.plugins import PluginCall
from neuroevo.text import visible

_NULL = "degree"  # the null model of triads and of the rich club


def main(arguments: list[str]) -> int:
    """Runs the command.

    Args:
        arguments: Its arguments.

    Returns:
        The exit status.

    Raises:
        NeuroevoError: If the request was wrong, or what it needs is not there.
    """
    parser = Parser(prog="run.py stats", description=__doc__, allow_abbrev=False)
    add_flags(parser, *WIRING)
    parser.set_defaults(genome=[], connectome=USUAL.connectome, seed=USUAL.seed)
    parser.add_argument("--samples", type=whole, default=20, help="samples of each prior (default 20)")
    parser.add_argument(
        "--exact",
        action="store_true",
        help="paths from every cell and modules, whatever they take; else of large wirings the former are "
        "sampled, with their error, and the latter left out",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--out", metavar="DIR", help="new folder for pictures and stats.json")
    options = parser.read(arguments)
    from neuroevo.folders import check_free
    from neuroevo.report.figures.wiring import write_pictures
    from neuroevo.report.wiring_table import print_comparison
    from neuroevo.wiring.comparison import compare

    wiring, genomes = sampled(options)
    if options.out is not None:
        check_free(options.out)
    with saying() as say:
        comparison = compare(wiring, genomes, options.samples, options.seed, _null(), say, options.exact)
    written = [] if options.out is None else write_pictures(comparison, Path(options.out))
    if options.json:
        print(json.dumps(comparison.figures, indent=2))
        return 0
    print_comparison(comparison.figures)
    for path in written:
        print(visible(str(path)))
    return 0


def _null() -> PluginCall | None:
    """Returns the prior that triads are held against: random wirings with the same in- and out-degrees."""
    return plugins.priors.calls([_NULL])[0] if _NULL in plugins.priors.names() else None
