"""What all renderings of a report have in common: order, decimals, and the words for how genomes stand."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.referee.spread import by_spread
from neuroevo.report.model import GenomeReport, Measure, MixedPopulations, TaskReport, Worth
from neuroevo.text import (
    MOST_FURTHER,
    MOST_PLACES,
    count,
    figures,
    interval,
    number,
    p_statement,
    percentages,
)

if TYPE_CHECKING:
    from neuroevo.referee.estimators import Interval
    from neuroevo.referee.outcome import Comparison

SHARE_PLACES = 2


def ranked(task: TaskReport) -> list[GenomeReport]:
    """Returns a task's genomes, that ahead first: by interquartile mean, those without a score last.

    Those of mixed populations are in the order of how far they spread, which their verdict is about.

    Args:
        task: The task.
    """
    if isinstance(task.selection, MixedPopulations) and task.selection.fixation:
        order = by_spread(task.selection.fixation)
        if task.verdict.winner:
            order = [task.verdict.winner, *(label for label in order if label != task.verdict.winner)]
        place = {label: k for k, label in enumerate(order)}
        return sorted(task.genomes, key=lambda genome: place.get(genome.label, len(place)))
    return sorted(
        task.genomes,
        key=lambda genome: -math.inf if genome.score.iqm is None else genome.score.iqm,
        reverse=True,
    )


def final_shares(task: TaskReport) -> dict[str, str]:
    """Returns the mean share of the members that each genome ends with in mixed populations.

    Args:
        task: The task.

    Returns:
        Shares by label, as text; nothing where populations are not mixed, or not at their end.
    """
    if not isinstance(task.selection, MixedPopulations) or not task.selection.fixation:
        return {}
    spread = task.selection.fixation
    known = {x.label: spread[x.label].mean_final_share for x in task.genomes if x.label in spread}
    texts = dict(zip(known, percentages(list(known.values())), strict=True))
    return {x.label: "extinct" if known.get(x.label) == 0 else texts.get(x.label, "-") for x in task.genomes}


def facing(task: TaskReport, a: str, b: str) -> Comparison | None:
    """Returns the comparison of two genomes as `a` minus `b`, whichever way round it was made.

    Args:
        task: The task.
        a: Label of the first genome.
        b: Label of the second genome.

    Returns:
        None if the two were not compared.
    """
    comparison = next((row for row in task.comparisons if {row.a, row.b} == {a, b}), None)
    return None if comparison is None else comparison.facing(a)


def standing(task: TaskReport, genome: str) -> str:
    """Returns how a genome stands to the one ahead: "winner", "ahead", or the verdict on it; may be empty.

    One that mixed populations have no member of any more is "extinct".

    Args:
        task: The task.
        genome: Label of the genome.
    """
    first, winner = ranked(task)[0], task.verdict.winner
    if genome == winner:
        return "winner"
    if any(x.label == genome and x.status == "extinct" for x in task.genomes):
        return "extinct"
    if genome == first.label:
        return "ahead" if first.score.iqm is not None else ""
    comparison = facing(task, genome, winner or first.label)
    return comparison.verdict if comparison else ""


def summary(task: TaskReport) -> str:
    """Returns a task's outcome in a sentence to be pasted: numbers, score, interval, difference, p, unit.

    Args:
        task: The task.
    """
    order = [genome for genome in ranked(task) if genome.score.iqm is not None]
    if not order:
        return f"{task.label}: no lineage has a score."
    if isinstance(task.selection, MixedPopulations) or task.verdict.decision == "attribution":
        return task.verdict.sentence
    first, places = order[0], decimals(task)
    unit = f" {task.unit}" if task.unit else ""
    text = (
        f"{task.label}: {first.label} has the highest held-out score, "
        f"{number(first.score.iqm, places)}{unit} (interquartile mean; "
        f"{_within(first.score.ci95, places)}{_numbers(first)})"
    )
    if len(order) > 1 and (row := facing(task, first.label, order[1].label)):
        tested = p_statement(row.p_holm, missing="not tested") + (" after Holm" * (row.p_holm is not None))
        text += (
            f"; mean difference to {row.b}, the next, {number(row.difference)}{unit} "
            f"({_within(row.ci95)}{tested})"
        )
    winner = task.verdict.winner
    wins = f"{winner} wins{', perhaps by its map onto the body alone' * task.verdict.is_perhaps_map}"
    return f"{text}; {wins if winner else 'no winner is declared'}."


def body_map_lines(task: TaskReport) -> list[str]:
    """Returns lines on the map onto the body: what each genome has of it, and what it is worth; may be none.

    Args:
        task: The task.
    """
    if task.body_map is None:
        return []
    texts = [f"{row.genome} {row.text}" for row in task.body_map.genomes]
    lines = [f"Map onto the body (neuromuscular synapses): {', '.join(texts)}."] if texts else []
    scores, places = {genome.label: genome.score.iqm for genome in task.genomes}, decimals(task)
    for pair in task.body_map.twins:
        rewired, keeping = (number(scores[label], places) for label in (pair.rewired, pair.keeping))
        text = f"{pair.prior}: map rewired {rewired}, map kept {keeping}; "
        text += f"the map is worth {_worth(pair.map, places)}"
        if pair.circuit:
            text += f", the connectome's circuit behind it {_worth(pair.circuit, places)}"
        lines.append(f"{text}.")
    return lines


def _worth(worth: Worth, places: int) -> str:
    """Returns a difference with its corrected p."""
    tested = p_statement(worth.p_holm, missing="not tested")
    return f"{number(worth.difference, places)} ({tested})"


def decimals(task: TaskReport) -> int:
    """Returns with how many decimals a task's scores are written.

    These are three digits of the largest, and up to `MOST_FURTHER` more where means that differ would look
    alike. An interval has more decimals than its neighbours where its ends would look alike.

    Args:
        task: The task.
    """
    scores = [genome.score for genome in task.genomes]
    places = places_of(abs(x) for score in scores for x in (score.iqm, *(score.ci95 or ())) if x)
    means = [score.iqm for score in scores if score.iqm is not None]
    apart = max(
        (len(text.partition(".")[2]) for text in figures(means, places) if "e" not in text), default=0
    )
    return min(max(places, apart), places + MOST_FURTHER, MOST_PLACES)


def places_of(sizes: Iterable[float]) -> int:
    """Returns the number of decimals with which the largest of some figures has three digits.

    Args:
        sizes: Absolute values of the figures, none of them 0.
    """
    largest = max(sizes, default=None)
    if largest is None:
        return 3
    return int(np.clip(2 - np.floor(np.log10(0.999 * largest)), 0, MOST_PLACES))


def share_text(share: float | None, missing: str = "-") -> str:
    """Returns a share of a difference with two decimals, never as a negative zero.

    Args:
        share: The share; None where there is none.
        missing: Text for a share that is None.
    """
    return missing if share is None else number(round(share, SHARE_PLACES) + 0.0, SHARE_PLACES)


def shares_text(bounds: Interval | None, missing: str = "-") -> str:
    """Returns an interval of a share.

    Args:
        bounds: Its two ends; None where there is none.
        missing: Text for an interval that is None.
    """
    return missing if bounds is None else f"[{', '.join(map(share_text, bounds))}]"


def measure_text(measure: Measure, missing: str = "none") -> str:
    """Returns an interquartile mean with its interval, for a sentence.

    Args:
        measure: The mean and its interval.
        missing: Text for a mean that is None.
    """
    bounds = f" {interval(measure.ci95)}" if measure.ci95 else ""
    return number(measure.iqm, missing=missing) + bounds


def _numbers(genome: GenomeReport) -> str:
    """Returns what a genome's score is a mean of."""
    lineages = count(genome.num_lineages, "lineage")
    return f"n = {lineages} of {count(genome.num_graphs, 'graph')} x {count(genome.num_seeds, 'seed')}"


def _within(bounds: Interval | None, places: int | None = None) -> str:
    """Returns an interval as a part of a sentence in brackets; nothing without one."""
    return "" if bounds is None else f"95 % interval {interval(bounds, places)}; "
