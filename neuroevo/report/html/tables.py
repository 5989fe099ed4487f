"""The tables of report.html: ranking, comparisons, selection, statistics of graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from neuroevo.report.figures.picture import Cell, Table
from neuroevo.report.formatting import decimals, facing, ranked, standing
from neuroevo.report.html.parts import (
    GLYPHS,
    MISSING,
    below,
    breakable,
    count_cell,
    folded,
    measure_cell,
    named,
    number_cell,
    p_cell,
    region,
    render_table,
    text_cell,
    typeset,
    whole,
)
from neuroevo.text import interval, number, p_text

STATISTICS = {  # of graphs: the head, and how to read it
    "cells": "cells",
    "synapses": "synapses",
    "density": "density",
    "reciprocity": "reciprocity",
    "clustering": "clustering",
    "path_length": "path length",
    "triad_error": "triad error",
    "rich_club": "rich club",
    "assortativity": "assortativity",
    "modularity": "modularity",
    "wiring_length": "wiring length",
    "excitatory": "excitatory share",
    "overlap": "overlap",
}
KINDS = {
    "graphs": "over graphs and seeds",
    "one wiring": "one wiring against a family",
    "seeds": "over seeds, one wiring each",
}


def ranking(task: str, section: Mapping[str, Any], styles: Mapping[str, int]) -> str:
    """Returns the genomes of a task, the highest score first."""
    order, places = ranked(section), decimals(section)
    columns: dict[str, list[Cell]] = {"score": [measure_cell(e, places, bold=True) for e in order]}
    if section.get("comparisons"):
        columns["against the first"] = [_standing_cell(section, e["genome"]) for e in order]
    columns["graphs × seeds"] = [_size_cell(e) for e in order]
    columns["core + adapters"] = [_parameters_cell(e.get("parameters") or {}) for e in order]
    columns["evaluations"] = [count_cell(e.get("evaluations")) for e in order]
    for key, digits in (("untrained", places), ("tuned", places), ("auc", None)):
        if any((e.get(key) or {}).get("iqm") is not None for e in order):
            columns["learning area" if key == "auc" else key] = [
                measure_cell(e.get(key), digits) for e in order
            ]
    if any(e.get("to_threshold") for e in order):
        columns["evaluations to threshold"] = [_threshold_cell(e.get("to_threshold")) for e in order]
    columns["state"] = [_state_cell(e) for e in order]
    rows = [
        (named(entry["genome"], styles), [column[i] for column in columns.values()])
        for i, entry in enumerate(order)
    ]
    heads = ("genome", *columns)
    title = f"Genomes on {task}: interquartile mean and 95 % interval over lineages"
    return render_table(Table(title, heads, rows, sorted_by=(1, "descending")))


def matrix(task: str, section: Mapping[str, Any], styles: Mapping[str, int]) -> str:
    """Returns a task's comparisons, each genome of a row against each of a column; nothing without any."""
    pairs = section.get("comparisons") or ()
    if not pairs:
        return ""
    compared = {name for row in pairs for name in (row["a"], row["b"])}
    order = [entry["genome"] for entry in ranked(section) if entry["genome"] in compared]
    places, unit = decimals(section) + 1, section.get("unit") or ""
    heads = "".join(
        f'<th scope="col" title="{escape(name)}">{i}<span class="hidden"> {escape(name)}</span></th>'
        for i, name in enumerate(order, 1)
    )
    body = ""
    for i, name in enumerate(order, 1):
        cells = "".join(_pair(facing(section, name, other), name == other, places, unit) for other in order)
        number_before = f'<span class="soft">{i}</span> '
        body += f'<tr><th scope="row">{named(name, styles, number_before)}</th>{cells}</tr>\n'
    head = f'<thead><tr><td class="self"></td>{heads}</tr></thead>'
    table = f'<table class="matrix">{head}<tbody>{body}</tbody></table>'
    key = " · ".join(f"{glyph} {verdict}" for verdict, glyph in GLYPHS.items())
    of_unit = f" ({escape(unit)})" if unit else ""
    return (
        "<h3>Every genome against every other</h3>"
        f'<p class="key">Mean score of the row minus that of the column{of_unit}. The row is: {key}.</p>'
        + region(table, f"Matrix of comparisons on {task}")
        + folded(f"All {len(pairs)} comparisons with intervals and p", _pairs(task, section))
    )


def _pairs(task: str, section: Mapping[str, Any]) -> str:
    """Returns a task's comparisons, a row a pair."""
    pairs, places = section["comparisons"], decimals(section) + 1
    columns: dict[str, list[Cell]] = {
        "against": [Cell(breakable(row["b"]), is_text=True) for row in pairs],
        "mean difference": [
            Cell(
                f"<b>{typeset(number(row['difference'], places))}</b>{below(row['ci95'], places)}",
                row["difference"],
            )
            for row in pairs
        ],
        "p": [p_cell(row.get("p")) for row in pairs],
        "p, corrected": [p_cell(row.get("p_holm")) for row in pairs],
        "verdict": [text_cell(row.get("verdict")) for row in pairs],
        "chance of improvement": [number_cell(row.get("probability_of_improvement"), 2) for row in pairs],
    }
    for key, head in (
        ("p_permutation", "p, permutation"),
        ("p_equivalence_holm", "p of equivalence, corrected"),
    ):
        if any(row.get(key) is not None for row in pairs):
            columns[head] = [p_cell(row.get(key)) for row in pairs]
    if any(row.get("auc") for row in pairs):
        columns["difference in learning area"] = [_area_cell(row.get("auc")) for row in pairs]
    if any(row.get("kind") for row in pairs):
        columns["tested"] = [text_cell(KINDS.get(row.get("kind"), row.get("kind"))) for row in pairs]
    rows = [(breakable(row["a"]), [column[i] for column in columns.values()]) for i, row in enumerate(pairs)]
    return render_table(Table(f"Comparisons of genomes on {task}, pair by pair", ("genome", *columns), rows))


def selection(task: str, section: Mapping[str, Any], styles: Mapping[str, int]) -> str:
    """Returns what a race or mixed populations did; nothing for a tournament."""
    found = section.get("selection") or {}
    if found.get("kind") == "mixed":
        return _fixation(task, found, styles)
    if found.get("kind") == "race":
        return _rungs(task, found, styles, section.get("fitness_unit") or "")
    return ""


def _fixation(task: str, selection: Mapping[str, Any], styles: Mapping[str, int]) -> str:
    """Returns how far each genome spread in mixed populations."""
    found = selection.get("fixation") or {}
    if not found:
        return ""
    rows = []
    for genome, row in found.items():
        fixed = row.get("fixed")
        cells = [
            number_cell(row.get("start_share"), 3),
            number_cell(row.get("mean_final_share"), 3),
            Cell(f"{whole(fixed)} of {whole(row.get('of'))}", fixed),
            p_cell(row.get("p")),
            p_cell(row.get("p_holm")),
        ]
        rows.append((named(genome, styles), cells))
    winner = selection.get("winner")
    said = (
        f"{winner} spreads more than neutral drift explains."
        if winner
        else ("No genome spreads more than neutral drift explains.")
    )
    heads = ("genome", "share at start", "mean share at end", "alone in", "p", "p, corrected")
    table = render_table(Table(f"Fixation in mixed populations on {task}", heads, rows))
    return f"<h3>Spread in mixed populations</h3><p>{escape(said)}</p>{table}"


def _rungs(task: str, selection: Mapping[str, Any], styles: Mapping[str, int], unit: str) -> str:
    """Returns the rungs of a race, a row a genome a rung, and what confirmed it."""
    rows = []
    for row in selection.get("rungs") or ():
        cells = [
            count_cell(row.get("rung")),
            count_cell(row.get("generation")),
            count_cell(row.get("lineages")),
            number_cell(row.get("fitness")),
            text_cell(row.get("against") or MISSING),
            number_cell(row.get("difference")),
            p_cell(row.get("p")),
            p_cell(row.get("level")),
            text_cell("dropped" if row.get("dropped") else "goes on"),
        ]
        rows.append((named(row["genome"], styles), cells))
    if not rows:
        return ""
    confirmed, said = selection.get("confirmation"), ""
    if confirmed:
        first, last = confirmed.get("seeds") or (None, None)
        saved = confirmed.get("evaluations_saved")
        said = f"Confirmed on fresh seeds, {first} to {last}: {', '.join(confirmed.get('genomes') or ())}."
        said += f" The race saved {saved:,.0f} evaluations." if saved is not None else ""
    fitness = f"fitness ({unit})" if unit else "fitness"
    heads = (
        "genome",
        "rung",
        "generation",
        "lineages",
        fitness,
        "against",
        "difference",
        "p",
        "level",
        "outcome",
    )
    table = render_table(Table(f"Rungs of the race on {task}", heads, rows))
    return f"<h3>The race</h3>{f'<p>{escape(said)}</p>' if said else ''}{table}"


def graphs(task: str, section: Mapping[str, Any], styles: Mapping[str, int]) -> str:
    """Returns the statistics of each genome's graphs; those that none has are left out."""
    found = section.get("graphs") or ()

    def mean(row: Mapping[str, Any], name: str) -> float | None:
        return (row.get(name) or {}).get("mean")

    names = [name for name in STATISTICS if any(mean(row, name) is not None for row in found)]
    if not names:
        return ""
    rows = []
    for row in found:
        cells = [count_cell(row.get("num_graphs"))]
        for name in names:
            spread = (row.get(name) or {}).get("std")
            small = f"<small>± {typeset(number(spread))}</small>" if spread else ""
            cells.append(Cell(typeset(number(mean(row, name), missing=MISSING)) + small, mean(row, name)))
        rows.append((named(row["genome"], styles), cells))
    heads = ("genome", "graphs", *(STATISTICS[name] for name in names))
    table = render_table(Table(f"Statistics of the graphs on {task}", heads, rows))
    return f'<h3>The graphs</h3><p class="key">Mean over a genome\'s graphs, ± standard deviation.</p>{table}'


def _standing_cell(section: Mapping[str, Any], genome: str) -> Cell:
    word = standing(section, genome)
    glyph = f'<span class="glyph" aria-hidden="true">{GLYPHS[word]}</span>' if word in GLYPHS else ""
    return Cell(f'<span class="word">{glyph}{escape(word)}</span>', is_text=True)


def _size_cell(entry: Mapping[str, Any]) -> Cell:
    """Returns a cell of a genome's graphs and seeds, with its lineages below."""
    lineages = entry.get("num_lineages")
    small = "<small>one wiring</small>" if entry.get("one_point") else ""
    small += "" if lineages is None else f"<small>{lineages:,} scored</small>"
    graphs, seeds = (whole(entry.get(name)) for name in ("num_graphs", "num_seeds"))
    return Cell(f"{graphs} × {seeds}{small}", lineages)


def _threshold_cell(found: Mapping[str, Any] | None) -> Cell:
    """Returns a cell of the evaluations that the median lineage took to a threshold."""
    if not found:
        return Cell(MISSING)
    level = typeset(number(found.get("threshold")))
    small = f"<small>{found.get('reached')} of {found.get('of')}<br>reach {level}</small>"
    return Cell(whole(found.get("median")) + small, found.get("median"))


def _parameters_cell(parameters: Mapping[str, Any]) -> Cell:
    """Returns a cell of the numbers of parameters, with their ranges below where graphs differ in size."""
    parts = ("core", "adapters")
    sizes = [parameters.get(part) for part in parts]
    ranges = [parameters[f"{part}_range"] for part in parts if parameters.get(f"{part}_range")]
    small = "".join(f"<small>{low:,} – {high:,}</small>" for low, high in ranges)
    known = [size for size in sizes if size is not None]
    total = sum(known) if len(known) == len(parts) else None
    return Cell(" + ".join(map(whole, sizes)) + small, total)


def _state_cell(entry: Mapping[str, Any]) -> Cell:
    """Returns a cell of how a genome's lineages ended, with what went wrong below."""
    kinds = ("failures", "saturated", "silent")
    wrong = [f"{entry[kind]:,} {kind}" for kind in kinds if entry.get(kind)]
    small = "".join(f'<small class="word">{text}</small>' for text in wrong)
    return Cell(escape(entry.get("status") or "") + small, is_text=True)


def _area_cell(area: Mapping[str, Any] | None) -> Cell:
    """Returns a cell of a difference in learning area, with its interval and p below."""
    if not area:
        return Cell(MISSING)
    p = area.get("p_holm")
    small = "" if p is None else f"<small>p {escape(p_text(p))}</small>"
    value = area.get("difference")
    return Cell(typeset(number(value, missing=MISSING)) + below(area.get("ci95"), None) + small, value)


def _pair(row: Mapping[str, Any] | None, is_self: bool, places: int, unit: str) -> str:
    """Returns a cell of the matrix: the verdict as a glyph and the difference, more in its title."""
    if is_self or row is None:
        return f'<td class="self">{"" if is_self else MISSING}</td>'
    verdict = row.get("verdict") or ""
    facts: Sequence[str] = (
        f"{row['a']} against {row['b']}: {verdict}",
        f"mean difference {number(row['difference'], places)} {unit}".rstrip(),
        f"95 % interval {interval(row.get('ci95'), places, 'none')}",
        f"p {p_text(row.get('p'), 'none')}, corrected {p_text(row.get('p_holm'), 'none')}",
        f"chance of improvement {number(row.get('probability_of_improvement'), 2, 'none')}",
    )
    glyph = f'<span class="glyph" aria-hidden="true">{GLYPHS.get(verdict, "")}</span>'
    difference = typeset(number(row["difference"], places, MISSING))
    return (
        f'<td class="{verdict if verdict in GLYPHS else ""}" title="{escape("; ".join(facts))}">{glyph}'
        f'<span class="hidden">{escape(verdict)} </span>{difference}</td>'
    )
