"""Lists priors, tasks, connectomes and neuron models; with names, tells all about these."""

from __future__ import annotations

import json

from neuroevo.cli.parser import Parser
from neuroevo.experiment import listing


def main(arguments: list[str]) -> int:
    """Runs the command.

    Args:
        arguments: Its arguments.

    Returns:
        The exit status.

    Raises:
        NeuroevoError: If the request was wrong, or what it needs is not there.
    """
    parser = Parser(prog="run.py list", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "name",
        nargs="*",
        help="anything listed: what it is, its options; your own as module:Name; gym:ID: its spaces",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.read(arguments)
    if options.name:
        for text in [listing.describe(name) for name in options.name]:
            print(text)
        return 0
    sections = listing.sections()
    if options.json:
        print(json.dumps(sections, indent=2))
    else:
        listing.print_sections(sections)
    return 0
