"""Makes the report of a run again, from its files alone; of several runs, one report of all."""

from __future__ import annotations

from pathlib import Path

from neuroevo.cli.parser import Parser
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
    parser = Parser(prog="run.py report", description=__doc__, allow_abbrev=False)
    parser.add_argument("run", nargs="+", help="run folder")
    parser.add_argument("--out", metavar="DIR", help="new folder for several runs (default runs/joined-N)")
    parser.add_argument(
        "--author", default="", metavar="NAME", help="who makes the report (default: nobody said)"
    )
    options = parser.read(arguments)
    from neuroevo.folders import claim
    from neuroevo.report.terminal import print_report
    from neuroevo.report.write import write_report
    from neuroevo.run_folder import RunFolder

    runs = [RunFolder.open(path) for path in options.run]
    console = Screen(highlight=False)
    if options.out is None and len(runs) == 1:
        print_report(write_report(runs, author=options.author), console)
        return 0
    with claim(None if options.out is None else Path(options.out), Path("runs") / "joined") as out:
        print_report(write_report(runs, out, author=options.author), console)
    console.print(f"Written to {out}", soft_wrap=True, markup=False)
    return 0
