"""Comparisons of all pairs of genomes of a run, corrected together, and what would decide the open ones."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from neuroevo.referee.entry import Entry
from neuroevo.referee.estimators import (
    LEVEL,
    Contrast,
    contrast,
    holm,
    permutation_test,
    probability_of_improvement,
    rank_p,
    table_of,
)
from neuroevo.referee.outcome import AreaContrast, Comparison, Power, Rank, Relation
from neuroevo.seeds import generator

POWER = 0.8  # that planning asks for
MAX_MORE = 1_000  # seeds or graphs beyond which more of them are no advice


def compare(
    tasks: Mapping[str, Sequence[Entry]], margins: Mapping[str, float | None], seed: int
) -> dict[str, list[Comparison]]:
    """Returns all comparisons of a run: every pair of genomes of every task that both have scores.

    Args:
        tasks: Genomes by task, in the order of the request.
        margins: By task, the smallest difference that matters, in the unit of the score; with None
            equivalence is not tested.
        seed: The run's seed; a pair's random numbers descend from it and the pair's labels alone.

    Returns:
        Comparisons by task; those of all tasks are corrected together.
    """
    pairs = [
        _Pair.measure(task, a, b, margins.get(task), seed)
        for task, entries in tasks.items()
        for a, b in itertools.combinations([entry for entry in entries if entry.scores], 2)
    ]
    p_holm = holm([pair.p for pair in pairs])
    p_equivalence_holm = holm([pair.p_equivalence for pair in pairs])
    p_area_holm = holm([None if pair.area is None else pair.area.p for pair in pairs])
    level = LEVEL / max(1, len(pairs))
    comparisons: dict[str, list[Comparison]] = {task: [] for task in tasks}
    for pair, p, p_equivalence, p_area in zip(pairs, p_holm, p_equivalence_holm, p_area_holm, strict=True):
        comparisons[pair.task].append(pair.judge(p, p_equivalence, p_area, level))
    return comparisons


@dataclass(frozen=True)
class _Pair:
    """Two genomes of a task and what was measured of them, before correction."""

    task: str
    a: Entry
    b: Entry
    score: Contrast | None
    area: Contrast | None
    p: float | None
    p_permutation: float | None
    p_equivalence: float | None

    @staticmethod
    def measure(task: str, a: Entry, b: Entry, margin: float | None, seed: int) -> _Pair:
        """Returns the pair with its tests."""
        rng = generator(seed, "ranking", "pair", task, a.label, b.label)
        score = contrast(a.scores, b.scores)
        return _Pair(
            task=task,
            a=a,
            b=b,
            score=score,
            area=contrast(a.areas, b.areas),
            p=score.p if score else None,
            p_permutation=permutation_test(a.scores, b.scores, rng),
            p_equivalence=score.p_equivalence(margin) if score and margin is not None else None,
        )

    def judge(
        self,
        p_holm: float | None,
        p_equivalence_holm: float | None,
        p_area_holm: float | None,
        level: float,
    ) -> Comparison:
        """Returns the comparison, given the corrected p-values and the level of a single test."""
        a, b, score, area = self.a, self.b, self.score, self.area
        difference = score.difference if score else _mean_of_graphs(a) - _mean_of_graphs(b)
        relation = self._relation(difference, p_holm, p_equivalence_holm)
        is_open = score is not None and relation == "inconclusive"
        return Comparison(
            a=a.label,
            b=b.label,
            kind=score.kind if score else None,
            difference=difference,
            ci95=score.ci95 if score else None,
            df=score.df if score else None,
            p=self.p,
            p_permutation=self.p_permutation,
            p_equivalence=self.p_equivalence,
            probability_of_improvement=probability_of_improvement(
                list(a.scores.values()), list(b.scores.values())
            ),
            rank=_rank(a, b) if score and score.kind == "one wiring" else None,
            auc=AreaContrast(area.difference, area.ci95, area.p, p_area_holm) if area else None,
            p_holm=p_holm,
            p_equivalence_holm=p_equivalence_holm,
            verdict=relation,
            power=power(score, level) if score is not None and is_open else None,
        )

    def _relation(
        self, difference: float, p_holm: float | None, p_equivalence_holm: float | None
    ) -> Relation:
        """Returns what a is: a difference that lies within the margin does not matter, however sure it is."""
        if self.a.too_few() or self.b.too_few() or p_holm is None:
            return "inconclusive"
        if p_equivalence_holm is not None and p_equivalence_holm < LEVEL:
            return "equivalent"
        if p_holm >= LEVEL:
            return "inconclusive"
        return "better" if difference > 0 else "worse"


def _mean_of_graphs(entry: Entry) -> float:
    """Returns a genome's mean score over graphs, each with the same weight."""
    return float(np.nanmean(table_of(entry.scores), 1).mean())


def _rank(a: Entry, b: Entry) -> Rank:
    """Returns the rank of the one wiring among the other prior's graphs."""
    one, family = (a, b) if a.num_graphs == 1 else (b, a)
    value, others = (np.nanmean(table_of(entry.scores), 1) for entry in (one, family))
    place = 1 + int((others > value[0]).sum())
    return Rank(one.label, place, len(others) + 1, rank_p(float(value[0]), others))


def power(measured: Contrast, level: float) -> Power:
    """Returns how many more seeds, and how many more graphs, would decide a comparison.

    As planning does, it takes the difference and the variances to be what was measured, and asks for a
    power of 80 % at the given level.

    Args:
        measured: The contrast of the two genomes' scores.
        level: Level of the test, in (0, 1).

    Returns:
        Both numbers; None where no number up to `MAX_MORE` would do, or graphs are not what is drawn.
    """
    more = np.arange(1, MAX_MORE + 1)
    seeds, graphs = measured.num_seeds + more, max(measured.num_graphs) + more
    num_varied = sum(k > 1 for k in measured.num_graphs)
    drawn = np.inf if measured.kind == "seeds" else num_varied * (max(measured.num_graphs) - 1)

    def first(variance: np.ndarray, df: np.ndarray) -> int | None:
        reach = stats.t.isf(level / 2, df) + stats.t.isf(1 - POWER, df)
        enough = np.flatnonzero(abs(measured.difference) >= reach * np.sqrt(variance))
        return int(more[enough[0]]) if len(enough) else None

    by_seeds = first(
        measured.graph_part + measured.seed_part * measured.num_seeds / seeds,
        np.minimum(drawn, seeds - 1.0),
    )
    if measured.kind == "seeds" or measured.difference == 0:
        return Power(by_seeds, None)
    extra = 1.0 if measured.kind == "one wiring" else 0.0
    shrink = (extra + 1 / graphs) / (extra + 1 / max(measured.num_graphs))
    by_graphs = first(
        measured.graph_part * shrink + measured.seed_part,
        np.minimum(num_varied * (graphs - 1.0), measured.num_seeds - 1.0),
    )
    return Power(by_seeds, by_graphs)
