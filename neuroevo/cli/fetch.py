"""Fetches the nervous system of a fly by name, once, and shows its licence; without a name lists them."""

from __future__ import annotations

from pathlib import Path

from neuroevo.cli.parser import Parser, saying
from neuroevo.errors import OptionError
from neuroevo.text import visible


def main(arguments: list[str]) -> int:
    """Runs the command.

    Args:
        arguments: Its arguments.

    Returns:
        The exit status.

    Raises:
        NeuroevoError: If the request was wrong, or a file cannot be had.
    """
    parser = Parser(prog="run.py fetch", description=__doc__, allow_abbrev=False)
    parser.add_argument("name", nargs="?", help="a data set; none lists all, with sizes and licences")
    parser.add_argument(
        "--from",
        dest="own",
        nargs="+",
        action="extend",
        type=Path,
        default=[],
        metavar="FILE",
        help="published files that you have; the others are downloaded",
    )
    parser.add_argument("--again", action="store_true", help="fetch it though it is there")
    options = parser.read(arguments)
    from neuroevo.connectome import fetching

    if options.name is None:
        if options.own or options.again:
            raise OptionError("No data set is named; see `run.py fetch` for their names.")
        _print_all()
        return 0
    with saying() as say:
        lines = fetching.fetch(options.name, options.own, say, options.again)
    for line in lines:
        print(visible(line))
    return 0


def _print_all() -> None:
    """Prints a paragraph about each data set."""
    import textwrap

    from neuroevo.connectome import datasets
    from neuroevo.transfers import megabytes

    for name, data in datasets.DATASETS.items():
        state = "on this machine" if datasets.is_here(name) else f"{megabytes(data.size)} to fetch"
        text = f"{data.summary}; {state}. {data.licence}. {data.paper}."
        print(textwrap.fill(text, 80, initial_indent=f"{name:12} ", subsequent_indent=" " * 13))
