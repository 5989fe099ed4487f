"""Estimates and tests on scores by graph and seed: interquartile means, contrasts, nonparametric partners.

A prior is a family of graphs; every graph is evolved from several seeds, and the seeds are those of every
other prior. Graphs and seeds are both samples, so both are sources of error: variances are taken over
graphs and over seeds and what both count is subtracted once, as for errors clustered in two ways (Cameron,
Gelbach & Miller 2011, https://doi.org/10.1198/jbes.2010.07136). Degrees of freedom follow the graphs and,
where seeds add an error of their own, the scarcer of the two. `benchmarks/calibration.py` measures levels,
power and coverage beside those of simpler methods.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

Scores = Mapping[tuple[int, int], float]  # finite scores of one genome on one task, by (graph, seed)
Interval = tuple[float, float]  # (low, high)
Kind = Literal["graphs", "one wiring", "control", "seeds"]

LEVEL = 0.05  # error rate of tests; intervals have the confidence 1 - LEVEL
MAX_EXACT = 5_000  # up to so many rearrangements are all counted; beyond, as many are drawn
MOST_TERMS = 10_000_000  # of the rearrangements that are in memory at once
_ROUNDING = 1e-12  # spread below this share of the scores' size is none


def interquartile_mean(scores: Sequence[float] | np.ndarray) -> float | None:
    """Returns the mean without the lowest and highest quarter of the scores; None without scores.

    A quarter is rounded down: of 1 to 3 scores none is cut, of 4 to 7 one at each end. Scores are sorted
    first, for the last digits of a mean depend on the order of its terms, and equal lineages must give equal
    reports whatever the order that they are read in.

    Args:
        scores: Finite numbers, of any shape.

    References:
        Agarwal et al. (2021), https://doi.org/10.48550/arXiv.2108.13264
    """
    values = np.sort(np.asarray(scores, float), axis=None)
    return float(stats.trim_mean(values, 0.25)) if len(values) else None


@dataclass(frozen=True)
class Contrast:
    """The difference between two priors' mean scores, with its error.

    Attributes:
        kind: "graphs": both have several graphs, and the question is whether their means differ.
            "one wiring": one has a single wiring and the other several, and the question is whether that
            wiring is but one more of the family: the yardstick is the spread of graphs, not the error of
            their mean. "control": one has a single wiring, or none, that the other could not have drawn,
            and the question is whether the mean of the other's graphs differs from it. "seeds": both have
            one, and the question is about these two wirings.
        difference: Mean over graphs and seeds of the first less that of the second.
        stderr: Standard error of the difference.
        df: Degrees of freedom.
        num_seeds: Number of seeds that both have.
        num_graphs: Number of graphs of each.
        by_graphs: Share of the squared error that lies between graphs: more graphs lessen it, more seeds do
            not.
        by_rest: Share of what neither graph nor seed explains, which both lessen.
        by_seeds: Share of what seeds do to a prior as a whole, which more seeds lessen and more graphs do
            not. The three sum to 1, or are 0 where there is no error.
    """

    kind: Kind
    difference: float
    stderr: float
    df: float
    num_seeds: int
    num_graphs: tuple[int, int]
    by_graphs: float
    by_rest: float
    by_seeds: float

    @property
    def variance(self) -> float:
        """Variance of the difference."""
        return self.stderr**2

    @property
    def t(self) -> float:
        """Size of the difference in standard errors; infinite where scores do not spread."""
        if self.stderr == 0:
            return math.inf if self.difference else 0.0
        return abs(self.difference) / self.stderr

    @property
    def p(self) -> float:
        """Two-sided p of no difference."""
        return min(1.0, 2 * min(self.p_above, self.p_below))

    @property
    def p_above(self) -> float:
        """One-sided p of a difference of 0 or less: small where the first is better."""
        return self._tail(self.difference)

    @property
    def p_below(self) -> float:
        """One-sided p of a difference of 0 or more: small where the first is worse."""
        return self._tail(-self.difference)

    @property
    def ci95(self) -> Interval:
        """95 % interval of the difference."""
        half = quantile(self.df) * self.stderr
        return self.difference - half, self.difference + half

    def p_equivalence(self, margin: float) -> float:
        """Returns one p for a difference of `margin` or more either way: small where the two are equivalent.

        It is the larger p of two one-sided tests.

        Args:
            margin: Smallest difference that matters, in the unit of the score; positive.

        References:
            Schuirmann (1987), https://doi.org/10.1007/BF01068419
        """
        return max(self._tail(self.difference + margin), self._tail(margin - self.difference))

    def _tail(self, excess: float) -> float:
        """Returns the chance of this much or more above nothing."""
        if self.stderr == 0:  # scores without spread say no more than their number does
            return 0.5**self.num_seeds if excess > 0 else 1.0
        return float(stats.t.sf(excess / self.stderr, self.df))


def contrast(a: Scores, b: Scores, is_draw: bool = True) -> Contrast | None:
    """Returns the difference between two priors on the seeds that both have.

    Args:
        a: Scores of the first.
        b: Scores of the second.
        is_draw: Whether the one wiring of either might be one more draw of the other, which has several. A
            control is none.

    Returns:
        None for fewer than two such seeds, which say nothing about the spread over seeds.
    """
    seeds = sorted({seed for _, seed in a} & {seed for _, seed in b})
    if len(seeds) < 2:
        return None
    x, y = table_of(a, seeds), table_of(b, seeds)
    num_graphs = len(x), len(y)
    kind: Kind = "graphs" if min(num_graphs) > 1 else "seeds"
    if min(num_graphs) == 1 < max(num_graphs):
        kind = "one wiring" if is_draw else "control"
    scale = scale_of(x, y)
    x, y = x / scale, y / scale
    error, difference = _Error.of(x, y, kind), _mean(x) - _mean(y)
    size = max(float(np.nanmax(np.abs(x))), float(np.nanmax(np.abs(y))))
    if abs(difference) <= _ROUNDING * size:
        difference = 0.0
    stderr = math.sqrt(error.variance)
    if stderr <= _ROUNDING * size:
        return Contrast(kind, difference * scale, 0.0, error.df, len(seeds), num_graphs, 0.0, 0.0, 0.0)
    return Contrast(
        kind=kind,
        difference=difference * scale,
        stderr=stderr * scale,
        df=error.df,
        num_seeds=len(seeds),
        num_graphs=num_graphs,
        by_graphs=error.graphs / error.variance,
        by_rest=error.rest / error.variance,
        by_seeds=error.seeds / error.variance,
    )


def permutation_test(a: Scores, b: Scores, rng: np.random.Generator, is_draw: bool = True) -> float | None:
    """Returns a two-sided p that assumes no distribution: the partner of `contrast` for each of its kinds.

    Graphs against graphs: graphs' means are dealt anew to the two priors. One wiring against graphs: twice
    the one-sided p of its rank. A control against graphs: signs of the graphs' differences from it are
    flipped at random. Seed against seed: so are signs of the paired differences.
    All rearrangements are counted up to `MAX_EXACT`; beyond, as many are drawn.

    Args:
        a: Scores of the first prior.
        b: Scores of the second.
        rng: Source of the rearrangements that are drawn.
        is_draw: Whether the one wiring of either might be one more draw of the other, as for `contrast`.

    Returns:
        None for fewer than two seeds that both have.
    """
    seeds = sorted({seed for _, seed in a} & {seed for _, seed in b})
    if len(seeds) < 2:
        return None
    x, y = table_of(a, seeds), table_of(b, seeds)
    scale = scale_of(x, y)
    x, y = x / scale, y / scale
    if len(x) == len(y) == 1:
        return _flip(x[0] - y[0], rng)
    if min(len(x), len(y)) == 1:
        one, family = (x, y) if len(x) == 1 else (y, x)
        if not is_draw:
            return _flip(np.nanmean(family, 1) - _mean(one), rng)
        ranks = [rank_p(sign * _mean(one), sign * np.nanmean(family, 1)) for sign in (1, -1)]
        return min(1.0, 2 * min(ranks))
    return _deal(np.nanmean(x, 1), np.nanmean(y, 1), rng)


def rank_p(value: float, family: np.ndarray) -> float:
    """Returns the one-sided p of a value's rank among a family that it may be one of; ties count.

    Args:
        value: The value; a great one gives a small p.
        family: Values of the others, [K].
    """
    return float(1 + (family >= value).sum()) / (1 + len(family))


def probability_of_improvement(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> float:
    """Returns the probability that a lineage of `a` scores above one of `b`; ties count half.

    It is Mann and Whitney's U over the number of pairs.

    Args:
        a: Scores of the first genome, at least one.
        b: Scores of the second genome, at least one.
    """
    x, y = np.asarray(a, float), np.sort(np.asarray(b, float))
    below, not_above = np.searchsorted(y, x, "left"), np.searchsorted(y, x, "right")
    return float((below + not_above).sum() / (2 * len(x) * len(y)))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Returns p-values corrected for their number by Holm's step-down rule.

    Args:
        p_values: In [0, 1]; None stays None and does not count.
    """
    # SciPy has no such function. That of statsmodels gives the same values, and would cost every run half a
    # second of import (0.5 to 0.6 s after scipy.stats, statsmodels 0.15) and 150 MB with pandas.
    known = [i for i, p in enumerate(p_values) if p is not None]
    known.sort(key=lambda i: p_values[i] or 0.0)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * (p_values[i] or 0.0)))
        corrected[i] = largest
    return corrected


def median_time(times: Sequence[float], is_reached: Sequence[bool]) -> float | None:
    """Returns the median time to an event, some times being censored; None where fewer than half reach it.

    Args:
        times: Of the event, or the last at which it had not happened.
        is_reached: Which of the two.

    References:
        Kaplan & Meier (1958), https://doi.org/10.1080/01621459.1958.10501452
    """
    event = np.asarray(is_reached, bool)
    if not event.any():
        return None
    data = stats.CensoredData(
        uncensored=np.asarray(times, float)[event], right=np.asarray(times, float)[~event]
    )
    survival = stats.ecdf(data).sf
    below = np.flatnonzero(survival.probabilities <= 0.5 + _ROUNDING)
    return float(survival.quantiles[below[0]]) if len(below) else None


def table_of(scores: Scores, seeds: Sequence[int] | None = None) -> np.ndarray:
    """Returns scores as a table [graphs, seeds], NaN where there is none; graphs without any are left out.

    Args:
        scores: Scores by graph and seed.
        seeds: Seeds of the columns, in this order; None takes all that have a score, ascending.
    """
    if seeds is None:
        seeds = sorted({seed for _, seed in scores})
    column = {seed: k for k, seed in enumerate(seeds)}
    graphs = sorted({graph for graph, seed in scores if seed in column})
    row = {graph: k for k, graph in enumerate(graphs)}
    table = np.full((len(graphs), len(seeds)), np.nan)
    for (graph, seed), score in scores.items():
        if seed in column:
            table[row[graph], column[seed]] = score
    return table


@dataclass(frozen=True)
class Components:
    """A table's variance: of graphs' means, and of what neither graph nor seed explains (mean square)."""

    over_graphs: float
    residual: float
    num_graphs: int


def components(table: np.ndarray) -> Components:
    """Returns the components of a table's variance.

    Args:
        table: Scores [graphs, seeds] of two graphs or more; NaN where a score is missing.
    """
    by_graph, by_seed = np.nanmean(table, 1), np.nanmean(table, 0)
    left = table - by_graph[:, None] - by_seed + _mean(table)
    df = int((~np.isnan(table)).sum()) - sum(table.shape) + 1
    residual = float(np.nansum(left**2)) / df if df > 0 else 0.0
    return Components(float(by_graph.var(ddof=1)), residual, len(table))


def variance_over_seeds(table: np.ndarray) -> float:
    """Returns the variance of a table's mean over seeds.

    Args:
        table: Scores [graphs, seeds] of two seeds or more; NaN where a score is missing.
    """
    by_seed = np.nanmean(table, 0)
    return float(by_seed.var(ddof=1)) / len(by_seed)


def quantile(df: float) -> float:
    """Returns how many standard errors half a 95 % interval spans.

    Args:
        df: Degrees of freedom, above 0.
    """
    return float(stats.t.isf(LEVEL / 2, df))


@dataclass(frozen=True)
class _Error:
    """The variance of a difference, in parts: graphs, what neither graph nor seed explains, and seeds."""

    graphs: float
    rest: float
    seeds: float
    df: float

    @property
    def variance(self) -> float:
        return self.graphs + self.rest + self.seeds

    @staticmethod
    def of(x: np.ndarray, y: np.ndarray, kind: Kind) -> _Error:
        """Takes the error of the difference between the means of two tables [graphs, seeds] apart."""
        by_seed = np.nanmean(x, 0) - np.nanmean(y, 0)
        num_seeds = len(by_seed)
        over_seeds = float(by_seed.var(ddof=1)) / num_seeds
        if kind == "seeds":
            return _Error(0.0, 0.0, over_seeds, num_seeds - 1.0)
        # One more draw of a family deviates from its mean by a graph's deviation, and the mean by its error.
        of_one = 1.0 if kind == "one wiring" else 0.0
        parts = [(of_one + 1 / len(t), components(t)) for t in (x, y) if len(t) > 1]
        terms = [share * part.over_graphs for share, part in parts]
        residual = sum(share * part.residual for share, part in parts) / num_seeds
        excess = max(0.0, over_seeds - residual)  # what seeds do to a prior as a whole
        df = _welch(terms, [part.num_graphs for _, part in parts])
        rest = min(residual, sum(terms))
        return _Error(sum(terms) - rest, rest, excess, min(df, num_seeds - 1.0) if excess else df)


def scale_of(*tables: np.ndarray) -> float:
    """Returns a power of two by which very large or small numbers are divided, so that squares fit.

    Args:
        tables: Numbers, NaN where there is none.

    Returns:
        1 for all numbers of a usual size.
    """
    size = max(float(np.nanmax(np.abs(table))) for table in tables)
    exponent = math.frexp(size)[1]
    return math.ldexp(1.0, exponent) if abs(exponent) > 300 else 1.0


def _mean(table: np.ndarray) -> float:
    """Returns the mean over graphs, each with the same weight whatever it lacks."""
    return float(np.nanmean(table, 1).mean())


def _welch(terms: Sequence[float], num_graphs: Sequence[int]) -> float:
    """Returns the degrees of freedom of a sum of variances of means (Welch & Satterthwaite)."""
    total = sum(terms)
    if total == 0:
        return float(sum(num_graphs) - len(num_graphs))
    shift = -math.frexp(total)[1]  # fourth powers of scores are beyond floats long before the scores are
    total, terms = math.ldexp(total, shift), [math.ldexp(t, shift) for t in terms]
    return total**2 / sum(t**2 / (k - 1) for t, k in zip(terms, num_graphs, strict=True))


def _flip(differences: np.ndarray, rng: np.random.Generator) -> float:
    """Returns the two-sided p of a mean difference under flips of signs."""
    values = differences[~np.isnan(differences)]
    signs: np.ndarray
    if 2 ** len(values) <= MAX_EXACT:
        signs = 2 * ((np.arange(2 ** len(values))[:, None] >> np.arange(len(values))) & 1) - 1
        return _share(np.abs(signs @ values), abs(values.sum()), 0)
    drawn = [
        np.abs(rng.choice([-1, 1], size=(number, len(values))) @ values) for number in _portions(len(values))
    ]
    return _share(np.concatenate(drawn), abs(values.sum()), 1)


def _deal(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> float:
    """Returns the two-sided p of a difference of means under dealing their terms anew."""
    pool, size = np.concatenate([x, y]), len(x)

    def differences(rows: np.ndarray) -> np.ndarray:
        first = pool[rows].sum(1)
        return np.abs(first / size - (pool.sum() - first) / len(y))

    observed = abs(x.mean() - y.mean())
    if math.comb(len(pool), size) <= MAX_EXACT:
        rows = np.array(list(itertools.combinations(range(len(pool)), size)))
        return _share(differences(rows), observed, 0)
    places = np.arange(len(pool))
    drawn = [
        differences(rng.permuted(np.tile(places, (number, 1)), axis=1)[:, :size])
        for number in _portions(len(pool))
    ]
    return _share(np.concatenate(drawn), observed, 1)


def _portions(size: int) -> Iterator[int]:
    """Yields how many of `MAX_EXACT` rearrangements of so many terms are drawn at once, for memory's sake."""
    most = max(1, MOST_TERMS // size)
    for start in range(0, MAX_EXACT, most):
        yield min(most, MAX_EXACT - start)


def _share(values: np.ndarray, observed: float, num_observed: int) -> float:
    """Returns the share of values at least as great as the observed, which counts `num_observed` times."""
    count = int((values >= observed - 1e-9 * max(observed, float(values.max()))).sum())
    return (num_observed + count) / (num_observed + len(values))
