"""The tables that `run.py stats` prints: a row a figure, a column a wiring, no wider than the terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from neuroevo.screen import Screen
from neuroevo.wiring.comparison import ComparisonFigures, Spread
from neuroevo.wiring.triads import CONNECTED, TRIADS

DIGITS = 4  # significant, of a single value; a deviation has two, and its mean as many decimals
HEAD_WIDTH = 14  # characters after which the head of a column is broken
GAP = 2  # blanks between columns
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?!\w)")  # the 1 of VB1 is part of a name

_ROWS: dict[str, dict[str, str]] = {  # titles of sections, then names of figures -> what a person reads
    "size": {
        "cells": "cells",
        "neurons": "neurons",
        "muscles": "muscles",
        "chemical": "chemical",
        "neuromuscular": "neuromuscular",
        "gap_pairs": "gap junctions",
        "gap_pairs_on_muscles": "… on muscles",
        "excitatory_fraction": "excitatory",
    },
    "degrees": {
        "density": "density",
        "mean_degree": "mean",
        "max_in_degree": "greatest in",
        "max_out_degree": "greatest out",
        "degree_error": "degree error",
        "strength_error": "strength error",
    },
    "structure": {
        "reciprocity": "reciprocity",
        "clustering": "clustering",
        "path_length": "path length",
        "reachable": "reachable",
        "components": "components",
        "rich_club": "rich club",
        "rich_club_degree": "… above degree",
        "rich_club_ratio": "… over null",
        "assortativity": "assortativity",
        "modularity": "modularity",
        "modules": "modules",
        "wiring_length": "length (µm)",
    },
    "inputs to outputs": {
        "shortcut_ratio": "shortcut ratio",
        "route_length": "connections",
        "unreached": "unreached",
    },
    "overlap": {"overlap": "with source", "overlap_between": "between samples"},
    "triads": {**{f"triads_{label}": label for label in TRIADS}, "triad_error": "triad error"},
    "z-scores": {f"z_{label}": label for label in CONNECTED},
}
# Figures that say nothing of a source alone.
_AGAINST_SOURCE = {"degree_error", "strength_error", "triad_error", "overlap", "overlap_between"}
_HEAD = 2 + max(len(text) for rows in _ROWS.values() for text in rows.values())  # characters
_TERMS = {  # by the figure that they explain
    "density": "of chemical synapses among neurons, as all figures below it",
    "path_length": "mean number of synapses on the shortest path, over pairs with a path",
    "reachable": "share of the ordered pairs that have a path",
    "components": "weakly connected; a neuron without a synapse is one",
    "rich_club": "density among the tenth of the neurons with the greatest total degree",
    "assortativity": "correlation of out-degree and in-degree along synapses",
    "modularity": "of the modules that Louvain's method finds",
    "wiring_length": "mean distance of the somata that a synapse joins",
    "degree_error": "mean difference from the source, per neuron and direction",
    "strength_error": "the same of the sums of a neuron's section counts",
    "triad_error": "sum of |a - b| / (a + b) over the 13 connected triads",
    "shortcut_ratio": "share of synapses straight from inputs to outputs, over the source's",
    "route_length": "mean number of connections from the nearest input to an output cell",
    "unreached": "cells that no input has a path to",
    "overlap": "share of the source's synapses that a sample has",
    "overlap_between": "share of a sample's synapses that another one has",
}


def print_comparison(figures: ComparisonFigures, console: Console | None = None) -> None:
    """Prints what `comparison.compare` returned, in as many tables as the width of the console asks for.

    Args:
        figures: The comparison's `figures`.
        console: Console to print on; None prints on standard output.
    """
    console = console or Screen(highlight=False)
    for sentence in figures["read"]:
        console.print(Text(sentence))
    if figures["read"]:
        console.print()
    for columns in _tables(figures, console.width):
        for title, rows in _ROWS.items():
            lines = {name: text for name, text in rows.items() if _is_shown(name, figures)}
            if lines:
                console.print(_section(title, lines, columns))
                console.print()
    console.print(_legend(figures))
    print_notes(figures["notes"], console)


def print_notes(notes: Mapping[str, Sequence[str]], console: Console) -> None:
    """Prints what priors say of how their wirings came about, each sentence once.

    Sentences of several samples that differ in numbers alone are one, with the range of each number.

    Args:
        notes: Sentences by label of the prior.
        console: Console to print on.
    """
    for label, sentences in notes.items():
        alike: dict[str, list[list[str]]] = {}
        for sentence in sentences:
            alike.setdefault(_NUMBER.sub("{}", _escaped(sentence)), []).append(_NUMBER.findall(sentence))
        for form, numbers in alike.items():
            ranges = [_range(values) for values in zip(*numbers, strict=True)]
            console.print(Text(f"{label}: {form.format(*ranges)}"))


def _escaped(text: str) -> str:
    """Returns a text that `str.format` leaves as it is."""
    return text.replace("{", "{{").replace("}", "}}")


def _range(numbers: Sequence[str]) -> str:
    """Returns the smallest and the greatest of numbers as they were written."""
    low, high = min(numbers, key=float), max(numbers, key=float)
    return low if low == high else f"{low}–{high}"


def _tables(figures: ComparisonFigures, width: int) -> Iterator[dict[str, dict[str, str]]]:
    """Yields columns of text by head, `{head: {figure: value}}`, as many a time as fit the width."""
    names = [name for rows in _ROWS.values() for name in rows if _is_shown(name, figures)]
    source = {name: figure_text(figures["source"][name]) for name in names}
    columns = {figures["connectome"]: source}
    free = width - _HEAD - GAP - _width(figures["connectome"], source)
    first = True
    for label, genome in figures["genomes"].items():
        column = {name: mean_text(genome[name]) for name in names}
        label = label if label not in columns else f"{label} (prior)"
        needed = GAP + _width(label, column)
        if needed > free and not first:
            yield columns
            columns = {figures["connectome"]: source}
            free = width - _HEAD - GAP - _width(figures["connectome"], source)
        columns[label] = column
        free, first = free - needed, False
    yield columns


def _section(title: str, lines: Mapping[str, str], columns: Mapping[str, Mapping[str, str]]) -> Table:
    """Returns one section; columns are as wide as in every other."""
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    table.add_column(Text(title.upper(), style="not bold dim"), min_width=_HEAD)
    for head, values in columns.items():
        width = _width(head, values)
        lines_of_head = "\n".join(textwrap.wrap(head, width)) or head
        table.add_column(
            Text(lines_of_head), justify="right", width=width, overflow="fold", vertical="bottom"
        )
    for name, text in lines.items():
        table.add_row(f"  {text}", *(values[name] for values in columns.values()))
    return table


def _width(head: str, values: Mapping[str, str]) -> int:
    """Returns the width of a column; its head may take several lines."""
    return max(min(len(head), HEAD_WIDTH), *map(len, values.values()))


def _is_shown(name: str, figures: ComparisonFigures) -> bool:
    """Says whether a figure was taken, and says anything."""
    return name in figures["source"] and (bool(figures["genomes"]) or name not in _AGAINST_SOURCE)


def _legend(figures: ComparisonFigures) -> Table:
    """Returns what a reader must know, a line each."""
    count, null = figures["samples"], figures["null"]
    names = {name: text for rows in _ROWS.values() for name, text in rows.items()}
    terms = _TERMS | _of_large(figures["source"])
    lines = {names[x]: text for x, text in terms.items() if _is_shown(x, figures)}
    if figures["undirected"]:
        lines["undirected"] = "each synapse of the source has its reverse; null models keep it so"
    if null:
        lines["null"] = f"{null['samples']} samples of {null['genome']}: random, with the source's degrees"
        lines["z-score"] = "(number - mean) / standard deviation of the null"
    if figures["genomes"]:
        lines["±"] = f"standard deviation of {count} samples" if count > 1 else "one sample, none"
        few = [f"{label} {n}" for label, n in figures["distinct"].items() if n < count]
        lines |= {"distinct": f"wirings among {count} samples: {', '.join(few)}"} if few else {}
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_header=False, style="dim")
    table.add_column(min_width=_HEAD)
    table.add_column(overflow="fold")
    for term, text in lines.items():
        table.add_row(f"  {term}", Text(text))
    return table


def _of_large(source: Mapping[str, float | int | None]) -> dict[str, str]:
    """Returns what is said of figures that are sampled, or left out, of a large wiring."""
    terms, neurons = {}, source["neurons"] or 0
    if (sources := source["path_sources"]) is not None and sources < neurons:
        for name in ("path_length", "reachable"):
            error = source[f"{name}_error"] or 0.0
            terms[name] = (
                f"{_TERMS[name]}; estimated from {sources:,} of {neurons:,} neurons, standard error "
                f"{error:.2g} (--exact: from all)"
            )
    if source["modularity"] is None:
        terms["modularity"] = f"{_TERMS['modularity']}; not searched in so large a wiring (--exact: it is)"
    return terms


def mean_text(figure: Spread) -> str:
    """Returns a mean with its deviation: 0.3645 ± 0.0012.

    Args:
        figure: The figure over the samples of a prior. The deviation has two significant digits, and the
            mean as many decimals.
    """
    value, deviation = figure["mean"], figure["std"]
    if value is None or not deviation:
        return figure_text(value)
    decimals = min(max(0, 1 - _exponent(deviation)), DIGITS)
    return f"{_signed(value, decimals)} ± {deviation:,.{decimals}f}"


def figure_text(value: float | None) -> str:
    """Returns a single figure: 3,671, 0.3645 or 132.2.

    Args:
        value: The figure; None, where it is unknown, gives a dash. What is not whole has four digits and at
            most four decimals.
    """
    if value is None:
        return "-"
    if value == int(value):
        return f"{int(value):,}"
    return _signed(value, max(0, DIGITS - 1 - max(_exponent(value), -1)))


def _signed(value: float, decimals: int) -> str:
    """Returns a number without the sign of a zero."""
    text = f"{value:,.{decimals}f}"
    return text.removeprefix("-") if not text.strip("-0.,") else text


def _exponent(value: float) -> int:
    """Returns the power of ten of the first significant digit."""
    return int(f"{value:e}".partition("e")[2])
