"""What is printed of a run or a study that has ended."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neuroevo.screen import Screen
from neuroevo.text import visible

if TYPE_CHECKING:
    from neuroevo.experiment.execute import Outcome
    from neuroevo.experiment.study import Study


def print_outcome(outcome: Outcome, console: Screen) -> int:
    """Prints the report of a run, where it lies, how to see more of it, and what of it failed.

    Args:
        outcome: What came of the run.
        console: Where it is printed.

    Returns:
        The exit status.
    """
    from neuroevo.report.terminal import print_report

    print_report(outcome.report, console)
    path = outcome.folder.path
    pictures = f"Pictures of behaviour: python run.py replay {shlex.quote(str(path))}"
    for line in (f"Written to {path}", pictures, *outcome.views):
        console.print(line, soft_wrap=True, markup=False)
    if not outcome.problem:
        return 0
    print(visible(f"error: {outcome.problem}"), file=sys.stderr)
    return 1


def carry_out(
    study: Study, folder: Path, changes: Mapping[str, object], quiet: bool, trust: Sequence[str] = ()
) -> int:
    """Carries out what is left of a study in its folder, and prints the reports of its runs and its own.

    Args:
        study: The study.
        folder: Its folder.
        changes: Fields of its requests that are to be others from now on, by name.
        quiet: Whether only errors are printed.
        trust: Modules that the files of the folder may have run.

    Returns:
        The exit status.
    """
    from neuroevo.experiment.display import Display
    from neuroevo.report.terminal import print_report

    console, status = Screen(quiet=quiet, highlight=False), 0
    for name in study.runs:
        console.print(f"{study.title} {name}:", soft_wrap=True, markup=False)
        with Display(console, quiet) as display:
            outcome = study.carry_out(name, folder, changes, display, trust)
        if outcome is not None:
            status = max(status, print_outcome(outcome, console))
    print_report(study.report(folder), console)
    console.print(f"Written to {folder}", soft_wrap=True, markup=False)
    return status
