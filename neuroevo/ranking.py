"""Ranking: interquartile means, intervals and paired tests. The unit is the lineage.

What this version can and cannot say is `RUN_VERDICT`. The measures are those of rliable (Agarwal et al.
2021, https://doi.org/10.48550/arXiv.2108.13264), with a bootstrap that knows of graphs and seeds.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuroevo.seeds import generator

RUN_VERDICT = "exploratory"
"""The verdict on every run. The tests below have not been calibrated on cases whose answer is known, least
of all on the hard one, where a prior is a family of graphs that differ among themselves. Until they are,
figures are reported, every comparison is `UNDECIDED` and no genome wins, whatever its p."""

UNDECIDED = "inconclusive"
NUM_RESAMPLES = 2_000
MAX_EXACT_PAIRS = 12  # up to here all 2**n sign flips are counted; beyond, NUM_FLIPS of them are drawn
NUM_FLIPS = 10_000
_CHUNK = 2_000_000  # resampled scores held at a time: 16 MB

Scores = Mapping[
    tuple[int, int], float
]  # (graph, seed) -> score: the finite scores of one genome on one task


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


def interquartile_mean(scores: Sequence[float] | np.ndarray) -> float | None:
    """Returns the mean without the lowest and highest quarter of the scores; None without scores.

    As in rliable, a quarter is rounded down: of 1 to 3 scores none is cut, of 4 to 7 one at each end.

    Args:
        scores: Finite numbers, of any shape.
    """
    values = np.asarray(scores, float).ravel()
    return float(_interquartile_means(values[None])[0]) if len(values) else None


def bootstrap_interval(
    scores: Sequence[Sequence[float] | np.ndarray],
    rng: np.random.Generator,
    num_resamples: int = NUM_RESAMPLES,
) -> list[float] | None:
    """Returns a 95 % percentile interval of the interquartile mean, [low, high].

    Graphs are drawn with replacement, then seeds within each drawn graph. With one graph it speaks of
    that wiring, not of its prior; with few graphs it is too narrow.

    Args:
        scores: Scores of each graph, one a seed; graphs may differ in their numbers of seeds.
        rng: Source of the resamples.
        num_resamples: How many.

    Returns:
        None where no graph has two seeds: one seed says nothing about the spread over seeds.
    """
    if max(map(len, scores), default=0) < 2:
        return None
    return _percentiles(resample(scores, rng, num_resamples))


def resample(
    scores: Sequence[Sequence[float] | np.ndarray],
    rng: np.random.Generator,
    num_resamples: int = NUM_RESAMPLES,
) -> np.ndarray:
    """Returns interquartile means of hierarchical resamples, [num_resamples]; see `bootstrap_interval`."""
    graphs = [np.asarray(graph, float) for graph in scores if len(graph)]
    sizes = np.array([len(graph) for graph in graphs])
    table = np.full((len(graphs), sizes.max()), np.nan)  # [graphs, seeds], NaN where a graph has fewer
    for row, graph in zip(table, graphs, strict=True):
        row[: len(graph)] = graph
    means = []
    step = max(1, _CHUNK // table.size)
    for start in range(0, num_resamples, step):
        count = min(step, num_resamples - start)
        chosen = rng.integers(len(graphs), size=(count, len(graphs)))
        limits = sizes[chosen][:, :, None]
        seeds = rng.integers(limits, size=(count, *table.shape))
        values = np.where(np.arange(table.shape[1]) < limits, table[chosen[:, :, None], seeds], np.nan)
        means.append(_interquartile_means(values.reshape(count, -1)))
    return np.concatenate(means)


def probability_of_improvement(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> float:
    """Returns the probability that a lineage of `a` scores above one of `b`; ties count half.

    Mann and Whitney's U over the number of pairs.
    """
    x, y = np.asarray(a, float), np.sort(np.asarray(b, float))
    below, not_above = np.searchsorted(y, x, "left"), np.searchsorted(y, x, "right")
    return float((below + not_above).sum() / (2 * len(x) * len(y)))


def sign_flip_test(differences: Sequence[float] | np.ndarray, rng: np.random.Generator) -> float | None:
    """Returns the two-sided p of paired differences under random flips of their signs.

    Exact up to MAX_EXACT_PAIRS pairs: the share of all flips whose sum is at least as far from zero.
    Beyond, (1 + count) / (1 + NUM_FLIPS) over drawn flips.

    Args:
        differences: One a pair.
        rng: Source of the flips where they are drawn.

    Returns:
        None for fewer than two pairs, which could never tell.
    """
    values = np.asarray(differences, float)
    if len(values) < 2:
        return None
    observed = abs(values.sum()) - 1e-12 * np.abs(values).sum()  # sums equal but for rounding are ties
    if len(values) <= MAX_EXACT_PAIRS:
        flips = (np.arange(2 ** len(values))[:, None] >> np.arange(len(values))) & 1
        return float((np.abs((2 * flips - 1) @ values) >= observed).mean())
    flips = rng.integers(2, size=(NUM_FLIPS, len(values)))
    count = int((np.abs((2 * flips - 1) @ values) >= observed).sum())
    return (1 + count) / (1 + NUM_FLIPS)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Returns p-values corrected for their number by Holm's step-down rule; None stays and does not count."""
    known = [i for i, p in enumerate(p_values) if p is not None]
    known.sort(key=lambda i: p_values[i] or 0.0)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * (p_values[i] or 0.0)))
        corrected[i] = largest
    return corrected


def learning_area(fitness: Sequence[float | None]) -> float | None:
    """Returns the mean fitness over generations: the area under the learning curve, in units of fitness.

    Generations without a finite fitness are left out.
    """
    known = [value for value in fitness if value is not None]
    return float(np.mean(known)) if known else None


def learning_curve(lineages: Sequence[Sequence[tuple[float, float | None]]]) -> Curve | None:
    """Returns the curve of one genome over the generations that all its lineages reached.

    Args:
        lineages: Of each lineage, (evaluations, fitness) by generation; None is no finite fitness.

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


def summarise(scores: Scores, rng: np.random.Generator) -> dict[str, Any]:
    """Returns `{"iqm", "ci95"}` of one genome; null where there is too little."""
    return {
        "iqm": interquartile_mean(list(scores.values())),
        "ci95": bootstrap_interval(by_graph(scores), rng),
    }


def compare(tasks: Mapping[str, Mapping[str, Scores]], seed: int) -> dict[str, list[dict[str, Any]]]:
    """Returns all comparisons of a run: every pair of genomes of every task that both have scores.

    The test pairs by seed: a genome's scores are first averaged over its graphs, so p speaks of the
    graphs that were drawn. The interval of the difference resamples both genomes independently, which
    leaves the pairing unused and makes it wider than it need be.

    Args:
        tasks: Scores by genome label by task.
        seed: The run's seed; a pair's random numbers descend from it and the pair's labels alone.

    Returns:
        By task, rows `{a, b, difference, ci95, probability_of_improvement, p, p_holm, verdict}`; the
        difference is a's interquartile mean minus b's, and p_holm counts the comparisons of all tasks.
    """
    rows: dict[str, list[dict[str, Any]]] = {task: [] for task in tasks}
    for task, genomes in tasks.items():
        scored = {label: scores for label, scores in genomes.items() if scores}
        for a, b in itertools.combinations(scored, 2):
            rng = generator(seed, "ranking", "pair", task, a, b)
            rows[task].append({"a": a, "b": b, **_compare(scored[a], scored[b], rng)})
    everything = [row for pairs in rows.values() for row in pairs]
    for row, p in zip(everything, holm([row["p"] for row in everything]), strict=True):
        row.update(p_holm=p, verdict=UNDECIDED)  # see RUN_VERDICT
    return rows


def by_graph(scores: Scores) -> list[list[float]]:
    """Returns the scores of each graph, in order of graph and seed."""
    graphs: dict[int, list[float]] = {}
    for (graph, _), score in sorted(scores.items()):
        graphs.setdefault(graph, []).append(score)
    return list(graphs.values())


def _compare(a: Scores, b: Scores, rng: np.random.Generator) -> dict[str, Any]:
    """Returns the figures of one pair, before correction."""
    first, second = by_graph(a), by_graph(b)
    interval = None
    if min(max(map(len, first)), max(map(len, second))) >= 2:
        interval = _percentiles(resample(first, rng) - resample(second, rng))
    x, y = _seed_means(a), _seed_means(b)
    return {
        "difference": (interquartile_mean(list(a.values())) or 0.0)
        - (interquartile_mean(list(b.values())) or 0.0),
        "ci95": interval,
        "probability_of_improvement": probability_of_improvement(list(a.values()), list(b.values())),
        "p": sign_flip_test([x[s] - y[s] for s in sorted(x.keys() & y.keys())], rng),
    }


def _seed_means(scores: Scores) -> dict[int, float]:
    """Returns each seed's mean score over graphs."""
    seeds: dict[int, list[float]] = {}
    for (_, seed), score in scores.items():
        seeds.setdefault(seed, []).append(score)
    return {seed: float(np.mean(values)) for seed, values in seeds.items()}


def _percentiles(samples: np.ndarray) -> list[float]:
    return [float(q) for q in np.quantile(samples, [0.025, 0.975])]


def _interquartile_means(values: np.ndarray) -> np.ndarray:
    """Returns the interquartile mean of each row of `values` [n, m]; NaN stands for no score."""
    ordered = np.sort(values, axis=1)  # NaN last
    counts = (~np.isnan(values)).sum(1, keepdims=True)
    cut = counts // 4
    position = np.arange(values.shape[1])
    kept = (position >= cut) & (position < counts - cut)
    return np.where(kept, ordered, 0.0).sum(1) / kept.sum(1)
