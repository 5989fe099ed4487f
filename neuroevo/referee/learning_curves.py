"""Learning: curves over generations, the area under them, and the evaluations that a threshold takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from neuroevo.referee.estimators import LEVEL, interquartile_mean, median_time

LATE = 0.25  # of the generations: the end of a curve, by which it is called flat or rising
FLAT = 0.05  # of all that was learned: less than this in the end is no more to come
FEWEST = 12  # generations of which something can be said: three in the end
REACH = 0.9  # of what the best genome learned: the threshold that lineages are timed to

ROUNDING = 1e-12  # of the largest fitness: less than this is none

Track = Sequence[tuple[float, float | None]]  # (evaluations, fitness) by generation; None: no finite fitness


@dataclass(frozen=True)
class Curve:
    """The learning curve of one genome on one task.

    Attributes:
        evaluations: Evaluations of a lineage up to each generation, [T].
        mean: Mean fitness over lineages, [T].
        low: Lowest fitness of a lineage, [T].
        high: Highest fitness of a lineage, [T].
        num_lineages: How many lineages these are.
    """

    evaluations: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    num_lineages: int


def learning_area(fitness: Sequence[float | None]) -> float | None:
    """Returns the mean fitness over generations: the area under the learning curve, in units of fitness.

    Args:
        fitness: Fitness by generation; None is no finite fitness, and its generation is left out.

    Returns:
        None if no generation has a finite fitness.
    """
    known = [value for value in fitness if value is not None]
    return float(np.mean(known)) if known else None


def learning_curve(lineages: Sequence[Track]) -> Curve | None:
    """Returns the curve of one genome over the generations that all its lineages reached.

    Args:
        lineages: Evaluations and fitness by generation of each lineage; None is no finite fitness.

    Returns:
        None if no generation has a finite fitness.
    """
    length = min(map(len, lineages), default=0)  # a mean over fewer and fewer lineages would jump
    table = np.array([[point for point in lineage[:length]] for lineage in lineages], float)
    if not length or np.isnan(table[:, :, 1]).all():
        return None
    table = table[:, ~np.isnan(table[:, :, 1]).all(0)]
    fitness = table[:, :, 1]
    return Curve(
        evaluations=table[:, :, 0].mean(0),
        mean=np.nanmean(fitness, 0),
        low=np.nanmin(fitness, 0),
        high=np.nanmax(fitness, 0),
        num_lineages=len(lineages),
    )


@dataclass(frozen=True)
class Slope:
    """Whether the lineages of a genome still learn at their end.

    Attributes:
        kind: "flat", "rising", or "unclear".
        share: What the last quarter of the generations brought, as a share of all that was learned; None
            where nothing was learned.
    """

    kind: Literal["flat", "rising", "unclear"]
    share: float | None


def slope(lineages: Sequence[Track]) -> Slope | None:
    """Returns whether the lineages of a genome still learn at their end.

    They do not, and the curve is flat, if what the last quarter of the generations brought is at most `FLAT`
    of all that was learned. A straight line brings a quarter of its gain there; a curve that nears its end
    exponentially and brings 5 % there has 4 % still to come, so that a longer search would move its score by
    less than a difference that anybody looks for. It must be no more than the spread of lineages either: more
    could still part genomes whose lineages are close together.

    Fitness jumps from generation to generation with the episodes. So what a lineage gained at the end is
    taken from a line through all its last generations, by least squares, and a curve is called flat or rising
    only if the 95 % bound of the mean over lineages says so: noise is neither.

    Args:
        lineages: Evaluations and fitness by generation of each lineage; None is no finite fitness.

    Returns:
        None for a single lineage, or fewer than `FEWEST` generations that all of them reached.
    """
    length = min(map(len, lineages), default=0)
    rows = [[fitness for _, fitness in lineage[:length]] for lineage in lineages]
    table = np.array(rows, float).reshape(len(rows), length)
    table = table[:, ~np.isnan(table).any(0)] if length else table
    if len(table) < 2 or table.shape[1] < FEWEST:
        return None
    size = float(np.abs(table).max()) or 1.0
    table = table / size  # so that squares of the largest figures are finite
    last = table[:, -max(2, round(LATE * table.shape[1])) :]
    at = np.linspace(-0.5, 0.5, last.shape[1])
    gains = (last * at).sum(1) / (at**2).sum() * last.shape[1] / (last.shape[1] - 1)
    late, learned = float(gains.mean()), float((last.mean(1) - table[:, 0]).mean() + gains.mean() / 2)
    half = float(stats.t.isf(LEVEL, len(table) - 1) * gains.std(ddof=1) / np.sqrt(len(table)))
    spread = float(np.sqrt(last.var(0, ddof=1).mean()))
    most = FLAT * max(0.0, learned) + ROUNDING
    share = late / learned if learned > ROUNDING else None
    if late + half <= most and late <= spread + ROUNDING:
        return Slope("flat", share)
    return Slope("rising" if late - half > 0 and late > most else "unclear", share)


def threshold(genomes: Sequence[Sequence[Track]]) -> float | None:
    """Returns the fitness that lineages of a task are timed to.

    It lies `REACH` of the way from where all genomes begin to where the best one ends, both interquartile
    means over lineages, of the first and the last generation that each lineage reached.

    Args:
        genomes: Tracks of the lineages of each genome.

    Returns:
        None if nothing was learned.
    """
    starts = [fitness[0] for tracks in genomes for fitness in map(_finite, tracks) if fitness]
    ends = [[fitness[-1] for fitness in map(_finite, tracks) if fitness] for tracks in genomes]
    start = interquartile_mean(starts)
    best = [end for end in map(interquartile_mean, ends) if end is not None]
    if start is None or not best or max(best) <= start:
        return None
    return start + REACH * (max(best) - start)


@dataclass(frozen=True)
class TimeToThreshold:
    """How long lineages took to a threshold; its fields are those of report.json, in their order.

    Attributes:
        threshold: The fitness to be reached.
        median: Median number of evaluations; None where fewer than half of the lineages reach it.
        reached: Number of lineages that reach it.
        of: Number of lineages.
    """

    threshold: float
    median: float | None
    reached: int
    of: int


def time_to(tracks: Sequence[Track], level: float) -> TimeToThreshold:
    """Returns how many evaluations lineages took until their fitness reached a level.

    A lineage that never does is censored at its last generation (Kaplan & Meier).

    Args:
        tracks: Evaluations and fitness by generation of each lineage.
        level: The fitness to be reached.
    """
    times, is_reached = [], []
    for track in tracks:
        first = next((at for at, fitness in track if fitness is not None and fitness >= level), None)
        if track:
            times.append(track[-1][0] if first is None else first)
            is_reached.append(first is not None)
    median = median_time(times, is_reached)
    return TimeToThreshold(level, median, sum(is_reached), len(times))


def _finite(track: Track) -> list[float]:
    """Returns the finite fitness of a lineage, generation by generation."""
    return [fitness for _, fitness in track if fitness is not None]
