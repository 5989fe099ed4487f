"""Shares of a difference: how much of what lies between two genomes a third one, or several, has.

A share is a ratio of two contrasts of means over graphs and seeds. Its interval holds the shares r that a
test does not reject: that of the one contrast less r times the other being 0, which is a contrast of means
like any other (Fieller 1954, https://doi.org/10.1111/j.2517-6161.1954.tb00159.x). Variances and degrees of
freedom are those of `estimators`: over graphs and over seeds, what both count subtracted once. Where the
difference itself is not told from nothing, an interval may have no end, and is not given.

Ten graphs that are alike do not show that the eleventh would be. Where graphs are seen that are far from the
others of their family, as where a wiring solves a task or does not, the error of each family's mean is taken
to be no less than that of a family of which so many graphs were alike by chance: `Means.guarded`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from neuroevo.referee.estimators import LEVEL, Interval, Scores, components, table_of

FARTHEST = 1e4  # a share this far from what was measured is no bound
STEP = 0.1  # of the way to the end of an interval, in standard errors: the first step and the growth
HALVINGS = 40  # of the last step: to 1e-12 of it
ROUNDING = 1e-12  # spread below this share of the greatest score is none


@dataclass(frozen=True, eq=False)
class Means:
    """Mean scores of M genomes on the seeds that all have, and what their errors are made of.

    A genome of one graph is that wiring: only its seeds are a sample. All is in units of `scale`, so that
    fourth powers of scores fit.

    Attributes:
        mean: Mean over graphs and seeds, [M].
        over_graphs: Variance of it for the graphs being a sample, [M]; 0 for one graph.
        residual: What of `over_seeds` is in `over_graphs` too, on its diagonal, [M].
        over_seeds: Covariance of the means for the seeds being a sample, [M, M].
        num_graphs: Number of graphs, [M].
        num_seeds: Number of seeds that all have.
        scale: The unit, a power of two: scores are at most 1 in it.
        unlike: How far a graph's mean is from the median of its family's, at most.
    """

    mean: np.ndarray
    over_graphs: np.ndarray
    residual: np.ndarray
    over_seeds: np.ndarray
    num_graphs: np.ndarray
    num_seeds: int
    scale: float
    unlike: float

    @classmethod
    def of(cls, genomes: Sequence[Scores]) -> Means | None:
        """Returns the means of some genomes.

        Args:
            genomes: Scores of each, by graph and seed.

        Returns:
            None for fewer than two seeds that all have, which say nothing about the spread over seeds.
        """
        seeds = sorted(set.intersection(*({seed for _, seed in scores} for scores in genomes)))
        if len(seeds) < 2:
            return None
        tables = [table_of(scores, seeds) for scores in genomes]
        size = max(float(np.nanmax(np.abs(table))) for table in tables)
        scale = math.ldexp(1.0, math.frexp(size)[1])
        tables = [table / scale for table in tables]
        by_seed = np.array([np.nanmean(table, 0) for table in tables])
        parts = [_parts(table) for table in tables]
        return cls(
            mean=np.array([np.nanmean(table, 1).mean() for table in tables]),
            over_graphs=np.array([over_graphs for over_graphs, _ in parts]),
            residual=np.array([residual for _, residual in parts]),
            over_seeds=np.atleast_2d(np.cov(by_seed, ddof=1)) / len(seeds),
            num_graphs=np.array([len(table) for table in tables]),
            num_seeds=len(seeds),
            scale=scale,
            unlike=max(_unlike(table) for table in tables),
        )

    def guarded(self, difference: float) -> Means:
        """Returns the same means with errors that allow for graphs that were not seen.

        Where a share `unseen` of a family is by `difference` unlike the others, so many graphs have none of
        these in 5 % of cases. By that share of the difference the mean may be wrong.

        Args:
            difference: How far a graph may be from the others of its family.
        """
        varied = np.maximum(self.num_graphs, 2)
        unseen = 1 - LEVEL ** (1 / varied)
        least = (unseen * difference / special.stdtrit(varied - 1.0, 1 - LEVEL / 2)) ** 2
        over_graphs = np.where(self.num_graphs > 1, np.maximum(self.over_graphs, least), 0.0)
        return replace(self, over_graphs=over_graphs)

    def value(self, weights: np.ndarray) -> float:
        """Returns a contrast of the means; one that is no more than rounding is 0.

        Args:
            weights: Weight of each genome, [M].
        """
        value = float(weights @ self.mean)
        return 0.0 if abs(value) <= ROUNDING * float(np.abs(weights).max()) else value

    def error(self, weights: np.ndarray) -> tuple[float, float]:
        """Returns the standard error of a contrast, and its degrees of freedom.

        Args:
            weights: Weight of each genome, [M].
        """
        squares = weights**2
        terms = squares * self.over_graphs
        excess = max(0.0, float(weights @ self.over_seeds @ weights - squares @ self.residual))
        variance = float(terms.sum()) + excess
        if math.sqrt(variance) <= ROUNDING * float(np.abs(weights).max()):
            variance = 0.0
        df = self.num_seeds - 1.0
        if total := float(terms.sum()):
            varied = self.num_graphs > 1
            welch = total**2 / float((terms[varied] ** 2 / (self.num_graphs[varied] - 1)).sum())
            df = min(df, welch) if excess else welch
        return math.sqrt(variance), df

    def p(self, weights: np.ndarray) -> float:
        """Returns the two-sided p of a contrast being 0.

        Args:
            weights: Weight of each genome, [M].
        """
        value = self.value(weights)
        error, df = self.error(weights)
        if error == 0:  # scores without spread say no more than their number does
            return min(1.0, 2 * 0.5**self.num_seeds) if value else 1.0
        return 2 * float(special.stdtr(df, -abs(value) / error))

    def share(self, part: np.ndarray, whole: np.ndarray) -> tuple[float, Interval | None] | None:
        """Returns one contrast over another, and a 95 % interval of it.

        Args:
            part: Weights of the contrast that is the share, [M].
            whole: Weights of the contrast that is shared out, [M].

        Returns:
            The share, and its interval, None where it has no end on either side; None where the whole is 0.
        """
        difference = self.value(whole)
        if difference == 0:
            return None
        share = self.value(part) / difference
        scale = self.error(part - share * whole)[0] / abs(difference)
        ends = [self._end(part, whole, share, sign * max(scale, 1e-9)) for sign in (-1, 1)]
        if ends[0] is None or ends[1] is None:
            return share, None
        return share, (ends[0], ends[1])

    def _end(self, part: np.ndarray, whole: np.ndarray, share: float, step: float) -> float | None:
        """Returns the last share that no test rejects on one side, or None if there is none."""
        inside, distance = share, STEP * step
        while self.p(part - (share + distance) * whole) >= LEVEL:
            inside, distance = share + distance, distance * (1 + STEP)
            if abs(distance) > FARTHEST:
                return None
        outside = share + distance
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            if self.p(part - middle * whole) >= LEVEL:
                inside = middle
            else:
                outside = middle
        return inside


def _parts(table: np.ndarray) -> tuple[float, float]:
    """Returns the variance of a table's mean over graphs, and what of it is neither graph's nor seed's."""
    num_graphs = len(table)
    if num_graphs == 1:
        return 0.0, 0.0
    parts = components(table)
    return parts.over_graphs / num_graphs, parts.residual / (num_graphs * table.shape[1])


def _unlike(table: np.ndarray) -> float:
    """Returns how far the mean of a graph is from the median of all, at most."""
    by_graph = np.nanmean(table, 1)
    return float(np.abs(by_graph - np.median(by_graph)).max())
