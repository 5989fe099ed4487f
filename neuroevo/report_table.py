"""A report in the terminal: verdict, a ranking a task, notes; and how figures are written everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

NAME_WIDTH = 13  # characters for the names of genomes, before columns are left out for them:
SPARED = ("tuned", "un-\ntrained", "graphs\nxseeds")
TURNED = {"better": "worse", "worse": "better"}


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


def ranked(section: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Returns a task's genomes by interquartile mean, the highest first; those without a score last."""
    return sorted(section["genomes"], key=lambda e: -np.inf if e["iqm"] is None else e["iqm"], reverse=True)


def facing(section: Mapping[str, Any], a: str, b: str) -> dict[str, Any] | None:
    """Returns the comparison of two genomes as `a` minus `b`, whichever way round it was made."""
    for row in section.get("comparisons") or ():
        if (row["a"], row["b"]) == (a, b):
            return dict(row)
        if (row["a"], row["b"]) == (b, a):
            turned = {"a": a, "b": b, "verdict": TURNED.get(row["verdict"], row["verdict"])}
            low_high = row.get("ci95")
            chance = row.get("probability_of_improvement")
            return {
                **row,
                **turned,
                "difference": None if row["difference"] is None else -row["difference"],
                "ci95": None if low_high is None else [-low_high[1], -low_high[0]],
                "probability_of_improvement": None if chance is None else 1 - chance,
            }
    return None


def standing(section: Mapping[str, Any], genome: str) -> str:
    """Returns how a genome stands to the one ahead: "winner", "ahead", or the verdict on it; may be empty."""
    first = ranked(section)[0]
    if genome == section.get("winner"):
        return "winner"
    if genome == first["genome"]:
        return "ahead" if first["iqm"] is not None else ""
    row = facing(section, genome, section.get("winner") or first["genome"])
    return row["verdict"] if row else ""


def sentence(task: str, section: Mapping[str, Any]) -> str:
    """Returns a task's outcome in a sentence to be pasted: numbers, score, interval, difference, p, unit."""
    order = [entry for entry in ranked(section) if entry["iqm"] is not None]
    if not order:
        return f"{task}: no lineage has a score."
    if (section.get("selection") or {}).get("kind") == "mixed":  # what counts is who took over
        return str(section["sentence"])
    first, places = order[0], decimals(section)
    unit = f" {section['unit']}" if section.get("unit") else ""
    said = (
        f"{task}: {first['genome']} has the highest held-out score, {number(first['iqm'], places)}{unit} "
        f"(interquartile mean; {_within(first['ci95'], places)}{_numbers(first)})"
    )
    if len(order) > 1 and (row := facing(section, first["genome"], order[1]["genome"])):
        p = row.get("p_holm")
        tested = "not tested" if p is None else f"p {'< 0.001' if p < 0.001 else f'= {p:.2g}'} after Holm"
        said += (
            f"; mean difference to {row['b']}, the next, {number(row['difference'])}{unit} "
            f"({_within(row['ci95'])}{tested})"
        )
    winner = section.get("winner")
    return f"{said}; {f'{winner} wins' if winner else 'no winner is declared'}."


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


def p_text(p: float | None, missing: str = "-") -> str:
    """Returns a p-value to two digits, below 0.001 only that it is, or `missing` for None."""
    return missing if p is None else "<0.001" if p < 0.001 else f"{p:.2g}"


def _within(bounds: Sequence[float] | None, places: int | None = None) -> str:
    return "" if bounds is None else f"95 % interval {interval(bounds, places)}; "


def _numbers(entry: Mapping[str, Any]) -> str:
    """Returns what a genome's score is a mean of."""
    counts = (
        ("lineage", entry.get("num_lineages")),
        ("graph", entry["num_graphs"]),
        ("seed", entry["num_seeds"]),
    )
    lineages, graphs, seeds = (f"{n} {what}{'s' * (n != 1)}" for what, n in counts)
    return f"n = {lineages} of {graphs} x {seeds}"


def _table(task: str, section: Mapping[str, Any], width: int) -> RenderableType:
    """Returns a task's ranking for the terminal."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from neuroevo.figures import wrap

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
    from neuroevo.figures import compact

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
