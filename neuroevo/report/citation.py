"""How a report is cited: in a sentence, and as an entry of BibTeX."""

from __future__ import annotations

from neuroevo.report.exports import escape_tex
from neuroevo.report.model import RunReport
from neuroevo.text import one_line

DIGITS = 12  # of a SHA-256, as rows of a run have them
SOFTWARE = "neuroevo: connectomes on trial"


def sentence(run: RunReport) -> str:
    """Returns a report in one line: author, year, question, verdict, program, seal; each where it is known.

    Args:
        run: The run.
    """
    when = f" ({run.date[:4]})" if run.date else ""
    who = f"{run.author}{when}. " if run.author else ""
    seals = f" Request SHA-256 {', '.join(seal[:DIGITS] for seal in run.seals)}." if run.seals else ""
    report = f"{_program(run)}, run {run.name}{f', {run.date}' if run.date else ''}"
    return f"{who}{run.question or run.name} Verdict: {run.verdict}. Report of {report}.{seals}"


def bibtex(run: RunReport) -> str:
    """Returns a report as an entry of BibTeX; what is not known is left out.

    Args:
        run: The run.
    """
    notes = [f"Verdict: {run.verdict}", f"run {run.name}"]
    notes += [f"request SHA-256 {', '.join(run.seals)}"] if run.seals else []
    fields = {
        "author": escape_tex(run.author),
        "title": f"{{{escape_tex(run.question or run.name)}}}",
        "year": run.date[:4],
        "month": run.date[5:7].lstrip("0"),
        "howpublished": escape_tex(f"Report of {_program(run)}"),
        "note": escape_tex("; ".join(notes)),
    }
    key = f"neuroevo-{run.seals[0][:DIGITS]}" if run.seals else "neuroevo-report"
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{key},", *lines, "}"])


def _program(run: RunReport) -> str:
    """Returns the program and its version."""
    version = (run.versions or {}).get("neuroevo")
    return one_line(f"{SOFTWARE}, version {version}" if version else SOFTWARE)
