"""What all tables of a report have in common: order, decimals, and the words for a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neuroevo.text import count, interval, number, p_statement

TURNED = {"better": "worse", "worse": "better"}


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
        tested = p_statement(p, missing="not tested") + (" after Holm" if p is not None else "")
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


def _numbers(entry: Mapping[str, Any]) -> str:
    """Returns what a genome's score is a mean of."""
    counts = (
        ("lineage", entry["num_lineages"]),
        ("graph", entry["num_graphs"]),
        ("seed", entry["num_seeds"]),
    )
    lineages, graphs, seeds = (count(n, what) for what, n in counts)
    return f"n = {lineages} of {graphs} x {seeds}"


def _within(bounds: Sequence[float] | None, places: int | None = None) -> str:
    """Returns an interval as a part of a sentence in brackets; nothing without one."""
    return "" if bounds is None else f"95 % interval {interval(bounds, places)}; "
