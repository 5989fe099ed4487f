"""Comparisons of all pairs of genomes of a run, corrected together, and what would decide the open ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from neuroevo.referee import coincidence
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
    tasks: Mapping[str, Sequence[Entry]],
    margins: Mapping[str, float | None],
    seed: int,
    level: float = LEVEL,
    level_if_solved: float = LEVEL,
) -> dict[str, list[Comparison]]:
    """Returns all comparisons of a run: every pair of genomes of every task that both have scores.

    Args:
        tasks: Genomes by task, in the order of the request.
        margins: By task, the smallest difference that matters, in the unit of the score; with None
            equivalence is not tested.
        seed: The run's seed; a pair's random numbers descend from it and the pair's labels alone.
        level: Error rate of all comparisons together, in (0, 1).
        level_if_solved: The same where graphs only solve or fail, for which one look need not share with
            others what chance may do.

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
    level_of_winner = level / max(1, sum(len(entries) > 1 for entries in tasks.values()))
    comparisons: dict[str, list[Comparison]] = {task: [] for task in tasks}
    p_solved = _coincidences(pairs, p_holm, level)
    for k, pair in enumerate(pairs):
        p, solved = p_holm[k], p_solved[k]
        is_told = p is not None and p < level and solved < level_if_solved
        corrected = None if p is None else max(p, solved)
        judged = pair.judge(corrected, is_told, p_equivalence_holm[k], p_area_holm[k], level, level_of_winner)
        comparisons[pair.task].append(judged)
    return comparisons


def _coincidences(pairs: Sequence[_Pair], p_holm: Sequence[float | None], level: float) -> list[float]:
    """Returns the p of each pair if graphs only solve or fail, for all that stands beside it in its task.

    It is that of a closed test: a wiring that stands out from a prior might do so from any prior that it may
    be one more draw of. So each other prior counts as one more chance, unless the wiring is told from it, or
    the two priors are told from one another: one wiring is no draw of both.
    """
    families: dict[str, dict[str, int]] = {}  # graphs of the priors that have several, by task
    untold: dict[tuple[str, str, str], dict[str, int]] = {}  # by task, one wiring, kind: graphs by prior
    unlike: set[tuple[str, frozenset[str]]] = set()  # priors that are told from one another, by task
    for pair, p in zip(pairs, p_holm, strict=True):
        several = {entry.label: entry.num_graphs for entry in (pair.a, pair.b) if entry.num_graphs > 1}
        families.setdefault(pair.task, {}).update(several)
        is_told = p is not None and p < level and not pair.num_beyond
        if pair.has_one and not is_told:
            untold.setdefault(pair.hub, {}).update(several)
        elif len(several) == 2 and is_told:
            unlike.add((pair.task, frozenset(several)))
    p_solved = []
    for pair, p in zip(pairs, p_holm, strict=True):
        if pair.score is None or p is None or pair.score.kind == "seeds":
            p_solved.append(0.0)
        elif pair.has_one:
            prior = pair.a.label if pair.a.num_graphs > 1 else pair.b.label
            others = [
                graphs
                for label, graphs in untold.get(pair.hub, {}).items()
                if label != prior and (pair.task, frozenset((label, prior))) not in unlike
            ]
            p_solved.append(pair.p_if_solved(p, others))
        else:
            p_solved.append(coincidence.families(tuple(families[pair.task].values())))
    return p_solved


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
        is_draw = not (a.is_control or b.is_control)
        score = contrast(a.scores, b.scores, is_draw)
        return _Pair(
            task=task,
            a=a,
            b=b,
            score=score,
            area=contrast(a.areas, b.areas, is_draw),
            p=score.p if score else None,
            p_permutation=permutation_test(a.scores, b.scores, rng, is_draw),
            p_equivalence=score.p_equivalence(margin) if score and margin is not None else None,
        )

    @property
    def has_one(self) -> bool:
        """True if one of the two has a single graph, or none, and the other several."""
        return self.score is not None and self.score.kind in ("one wiring", "control")

    @property
    def hub(self) -> tuple[str, str, str]:
        """The task, the genome with a single graph, and whether it is a control: what `has_one` speaks of."""
        one = self.a if self.a.num_graphs == 1 else self.b
        return self.task, one.label, str(self.score.kind if self.score else "")

    @property
    def num_beyond(self) -> int:
        """Number of graphs that one wiring does not stand out from."""
        if self.score is None:
            return 0
        return coincidence.graphs_beyond(self.a.scores, self.b.scores, self.score)

    def p_if_solved(self, p: float, others: Sequence[int] = ()) -> float:
        """Returns the p of the pair if graphs only solve or fail, as `coincidence` has it.

        Args:
            p: That of the t test, corrected or not.
            others: Graphs of further priors that the one wiring is held against, and not told from.
        """
        if self.score is None:
            return 0.0
        return coincidence.of_contrast(self.a.scores, self.b.scores, self.score, p, others)

    def judge(
        self,
        p_holm: float | None,
        is_told: bool,
        p_equivalence_holm: float | None,
        p_area_holm: float | None,
        level: float,
        level_of_winner: float,
    ) -> Comparison:
        """Returns the comparison, given the corrected p-values and the level of all, and of a winner's."""
        a, b, score, area = self.a, self.b, self.score, self.area
        difference = score.difference if score else _mean_of_graphs(a) - _mean_of_graphs(b)
        relation = self._relation(difference, is_told, p_equivalence_holm, level)
        p_solved = None if self.p is None else self.p_if_solved(self.p)
        would_win = max(self.p or 0.0, p_solved or 0.0) < level_of_winner
        is_open = score is not None and score.difference != 0 and relation == "inconclusive" and not would_win
        return Comparison(
            a=a.label,
            b=b.label,
            kind=score.kind if score else None,
            difference=difference,
            ci95=score.ci95 if score else None,
            df=score.df if score else None,
            p=self.p,
            p_solved=p_solved,
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
            power=power(score, level_of_winner) if score is not None and is_open else None,
        )

    def _relation(
        self, difference: float, is_told: bool, p_equivalence_holm: float | None, level: float
    ) -> Relation:
        """Returns what a is: a difference that lies within the margin does not matter, however sure it is."""
        if self.a.too_few() or self.b.too_few() or self.score is None:
            return "inconclusive"
        if p_equivalence_holm is not None and p_equivalence_holm < level:
            return "equivalent"
        if not is_told:
            return "inconclusive"
        return "better" if difference > 0 else "worse"


def _mean_of_graphs(entry: Entry) -> float:
    """Returns a genome's mean score over graphs, each with the same weight."""
    return float(np.nanmean(table_of(entry.scores), 1).mean())


def _rank(a: Entry, b: Entry) -> Rank:
    """Returns the rank of the one wiring among the other prior's graphs."""
    value, others = coincidence.one_and_family(a.scores, b.scores)
    one = a if a.num_graphs == 1 else b
    return Rank(one.label, 1 + int((others > value).sum()), len(others) + 1, rank_p(value, others))


def power(measured: Contrast, level: float) -> Power:
    """Returns how many more seeds, and how many more graphs, would decide a comparison.

    As planning does, it takes the difference and the variances to be what was measured, and asks for a
    power of 80 % at the given level. More graphs lessen what lies between graphs and what neither graph nor
    seed explains; more seeds the latter, and what seeds do to a prior as a whole.

    Args:
        measured: The contrast of the two genomes' scores.
        level: Level of the test, in (0, 1).

    Returns:
        The fewest of each alone; where neither would do, the least of both together, counted in lineages.
        None where no number up to `MAX_MORE` would do, or graphs are not what is drawn.
    """
    if measured.difference == 0:
        return Power(None, None)
    plan = _Plan(measured, level)
    more, none = np.arange(1, MAX_MORE + 1), np.zeros(MAX_MORE, int)
    by_seeds = plan.first(more, none)
    by_graphs = plan.first(none, more) if measured.kind != "seeds" else None
    together: tuple[int | None, int | None] = None, None
    if by_seeds is None and by_graphs is None and measured.kind != "seeds":
        steps = np.unique(np.geomspace(1, MAX_MORE, 40).astype(int))
        seeds, graphs = (x.ravel() for x in np.meshgrid(steps, steps, indexing="ij"))
        order = np.argsort((measured.num_seeds + seeds) * (max(measured.num_graphs) + graphs), kind="stable")
        cheapest = plan.first(seeds[order], graphs[order])
        if cheapest is not None:
            together = int(seeds[order][cheapest]), int(graphs[order][cheapest])
    return Power(
        None if by_seeds is None else int(more[by_seeds]),
        None if by_graphs is None else int(more[by_graphs]),
        *together,
    )


@dataclass(frozen=True)
class _Plan:
    """The power of a comparison with more seeds and graphs, if all else is as measured."""

    measured: Contrast
    level: float

    def first(self, more_seeds: np.ndarray, more_graphs: np.ndarray) -> int | None:
        """Returns the first of some plans in order of their size, [N], that has the power; None if none."""
        factor, df = self._error(more_seeds, more_graphs)
        spare = stats.t.isf(1 - POWER, df)
        t = self.measured.t / np.sqrt(factor) - spare  # reached with the asked-for power
        enough = np.flatnonzero(t >= stats.t.isf(self.level / 2, df))

        def is_told(i: int) -> bool:
            return self._is_no_coincidence(float(t[i]), float(df[i]), int(more_graphs[i]))

        if not len(enough) or not is_told(enough[-1]):
            return None
        low, high = 0, len(enough) - 1  # of plans that grow, all from some one on are told
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if is_told(enough[middle]) else (middle + 1, high)
        return int(enough[low])

    def _error(self, more_seeds: np.ndarray, more_graphs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns by what the squared error is multiplied, and the degrees of freedom, of each plan, [N]."""
        m = self.measured
        seeds = m.num_seeds + more_seeds
        fewer_errors = m.num_seeds / seeds
        if m.kind == "seeds":
            return fewer_errors, seeds - 1.0
        of_one, most = (1.0 if m.kind == "one wiring" else 0.0), max(m.num_graphs)
        graphs = most + more_graphs
        shrink = (of_one + 1 / graphs) / (of_one + 1 / most)
        factor = (m.by_graphs + m.by_rest * fewer_errors) * shrink + m.by_seeds * fewer_errors
        df = sum(k > 1 for k in m.num_graphs) * (graphs - 1.0)
        return factor, np.minimum(df, seeds - 1.0) if m.by_seeds else df

    def _is_no_coincidence(self, t: float, df: float, more_graphs: int) -> bool:
        """Says whether a t would be told from what graphs do that only solve or fail."""
        m = self.measured
        if m.kind in ("seeds", "graphs"):
            return True
        graphs = max(m.num_graphs) + more_graphs
        p = 2 * float(stats.t.sf(t, df))
        return coincidence.one_wiring(t if m.kind == "one wiring" else math.inf, p, graphs, 0) < LEVEL
