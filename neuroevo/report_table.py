"""A report in the terminal: the verdict, a table a task, notes; and how figures are written everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


def tables(report: Mapping[str, Any], width: int = 80) -> list[RenderableType]:
    """Returns a report for the terminal: the verdict, then a table and notes for each task.

    Args:
        report: What report.json holds.
        width: Columns of the terminal; made to look right from 80.
    """
    from rich.padding import Padding
    from rich.text import Text

    parts: list[RenderableType] = [Text(report["run"]["sentence"], style="bold")]
    for task, section in report["tasks"].items():
        parts += [Text(), _table(task, section, width)]
        for note in section["notes"]:
            parts.append(Padding(Text(note, style="yellow"), (0, 0, 0, 1), expand=False))
    said = [Text(note, style="yellow") for note in (*report["run"]["missing"], *report["run"]["notes"])]
    return [*parts, *([Text(), *said] if said else [])]


def print_report(report: Mapping[str, Any], console: Console) -> None:
    """Prints a report to the terminal."""
    for part in tables(report, console.width):
        console.print(part, highlight=False)


def decimals(section: Mapping[str, Any]) -> int:
    """Returns with how many decimals a task's scores are written: three digits of the largest."""
    sizes = [abs(x) for e in section["genomes"] for x in (e["iqm"], *(e["ci95"] or ())) if x]
    return int(np.clip(2 - np.floor(np.log10(0.999 * max(sizes))), 0, 9)) if sizes else 3


def number(value: float | None, places: int | None = None, missing: str = "-") -> str:
    """Returns a figure with so many decimals, by default to three digits, or `missing` for None."""
    if value is None:
        return missing
    if places is not None:
        return f"{value:,.{places}f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".removesuffix(".")


def interval(bounds: Sequence[float] | None, places: int | None = None, missing: str = "-") -> str:
    """Returns an interval as [low, high], or `missing` for None."""
    return missing if bounds is None else f"[{number(bounds[0], places)}, {number(bounds[1], places)}]"


def _table(task: str, section: Mapping[str, Any], width: int) -> RenderableType:
    """Returns a task's table for the terminal."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from neuroevo.figures import wrap

    heads = ["graphs\nxseeds", "un-\ntrained", "score\n(IQM)", "95 %\ninterval", "core+\nadapters"]
    heads += ["evalu-\nations", "fail-\nures"]
    rows = [_cells(entry, decimals(section)) for entry in section["genomes"]]
    columns = zip((max(head.split("\n"), key=len) for head in heads), *rows, strict=True)
    taken = sum(max(map(len, column)) + 2 for column in columns)
    unit = f", {section['unit']}" if section["unit"] else ""
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
        table.add_column(head, justify="right", no_wrap=True)
    for entry, cells in zip(section["genomes"], rows, strict=True):
        table.add_row(Text(wrap(entry["genome"], max(8, width - taken))), *map(Text, cells))
    return table


def _cells(entry: Mapping[str, Any], places: int) -> list[str]:
    """Returns a genome's cells of the terminal table."""
    from neuroevo.figures import compact

    def count(value: float | None) -> str:
        return "-" if value is None else compact(value)

    core, adapters = (count(entry["parameters"][part]) for part in ("core", "adapters"))
    return [
        f"{entry['num_graphs']} x {entry['num_seeds']}",
        number(entry["untrained"]["iqm"], places),
        number(entry["iqm"], places),
        interval(entry["ci95"], places),
        f"{core}+{adapters}",
        count(entry["evaluations"]),
        count(entry["failures"]),
    ]
