"""A report in the terminal: verdict, a ranking a task, notes; and how figures are written everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from neuroevo.report.formatting import decimals, ranked, sentence, standing
from neuroevo.text import interval, number

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


NAME_WIDTH = 13  # characters for the names of genomes, before columns are left out for them:
SPARED = ("tuned", "un-\ntrained", "graphs\nxseeds")


def tables(report: Mapping[str, Any], width: int = 80) -> list[RenderableType]:
    """Returns a report for the terminal.

    The verdict; for each task a ranking, what explains it, what more data would tell, and notes; what is
    missing; and at the end a sentence a task, to be pasted.

    Args:
        report: What report.json holds.
        width: Columns of the terminal; made to look right from 80.
    """
    from rich.padding import Padding
    from rich.text import Text

    run = report["run"]
    parts: list[RenderableType] = [Text(run["sentence"], style="bold")]
    for task, section in report["tasks"].items():
        parts += [Text(), _table(task, section, width)]
        said = [(text, "") for name in ("reasons", "power") for text in section.get(name) or ()]
        said += [(text, "yellow") for text in section.get("notes") or ()]
        parts += [Padding(Text(text, style=style), (0, 0, 0, 1), expand=False) for text, style in said]
    notes = [Text(note, style="yellow") for note in (*(run.get("missing") or ()), *(run.get("notes") or ()))]
    last = [Text(sentence(task, section), style="bold") for task, section in report["tasks"].items()]
    return [*parts, *([Text(), *notes] if notes else []), Text(), *last]


def print_report(report: Mapping[str, Any], console: Console) -> None:
    """Prints a report to the terminal."""
    for part in tables(report, console.width):
        console.print(part, highlight=False)


def _table(task: str, section: Mapping[str, Any], width: int) -> RenderableType:
    """Returns a task's ranking for the terminal."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from neuroevo.text import wrap

    order = ranked(section)
    is_tuned = any(entry.get("tuned") for entry in order)
    heads = ["score\n(IQM)", "95 %\ninterval", "graphs\nxseeds", "un-\ntrained"]
    heads += [*(["tuned"] if is_tuned else []), "core+\nadapters"]
    heads += ["against\nthe first"] if section.get("comparisons") else []
    rows = [_cells(section, entry, is_tuned)[: len(heads)] for entry in order]
    wanted = min(NAME_WIDTH, max(len(entry["genome"]) for entry in order))
    for spared in SPARED:  # where names have no room; the page has them all
        if _taken(heads, rows) + wanted > width and spared in heads:
            k = heads.index(spared)
            heads, rows = [*heads[:k], *heads[k + 1 :]], [[*row[:k], *row[k + 1 :]] for row in rows]
    unit = f", {section['unit']}" if section.get("unit") else ""
    table = Table(
        title=Text(f"{task} (held-out score{unit})", style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    table.add_column("genome", overflow="fold")
    for head in heads:
        is_verdict = head.startswith("against")
        table.add_column(head, justify="left" if is_verdict else "right", no_wrap=True)
    for entry, cells in zip(order, rows, strict=True):
        table.add_row(Text(wrap(entry["genome"], max(8, width - _taken(heads, rows)))), *map(Text, cells))
    return table


def _taken(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Returns the characters that columns take."""
    columns = zip((max(head.split("\n"), key=len) for head in heads), *rows, strict=True)
    return sum(max(map(len, column)) + 2 for column in columns)


def _cells(section: Mapping[str, Any], entry: Mapping[str, Any], is_tuned: bool) -> list[str]:
    """Returns a genome's cells of the ranking."""
    from neuroevo.text import compact

    places, sizes = decimals(section), entry.get("parameters") or {}
    starts = ("untrained", "tuned") if is_tuned else ("untrained",)
    known = [compact(sizes[part]) for part in ("core", "adapters") if sizes.get(part) is not None]
    return [
        number(entry["iqm"], places),
        interval(entry["ci95"], places),
        f"{entry['num_graphs']} x {entry['num_seeds']}",
        *(number((entry.get(name) or {}).get("iqm"), places) for name in starts),
        "+".join(known) or "-",
        standing(section, entry["genome"]),
    ]
