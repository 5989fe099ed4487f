"""Coincidence: how far one wiring stands out where graphs do nothing but solve a task, or fail.

A t test holds one wiring against the spread of a prior's graphs. Where each graph either solves the task or
does not, all its lineages alike, that spread says little: with one solver in eight, seven graphs that fail
and a wiring that happens to solve differ "significantly" once in twenty families. No number of seeds helps,
nor does any test that looks at the scores alone, for a true effect looks the same. What helps is more graphs,
and to ask how often chance would do it.

So a comparison of one wiring has a second p: that of so great a t, and of a rank beyond all graphs, if each
graph solves with some probability, at the probability for which this is likeliest. It is computed exactly,
from binomial counts. With K graphs it cannot be less than about 1 / (K e), as the rank's p cannot be less
than 1 / (K + 1); seven graphs are the fewest for which it can be below 5 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import stats

from neuroevo.referee.estimators import LEVEL, Contrast, Scores, table_of

SLACK = 0.9  # a pattern counts from this share of the t that was measured: scores scatter about two values
_HALF = np.geomspace(1e-7, 0.5, 400)
SHARES = np.concatenate([_HALF, 1 - _HALF[-2::-1]])  # of graphs that solve the task; symmetric about 1/2


@np.errstate(under="ignore")  # a share to the power of many graphs is nothing
def one_wiring(t: float, p: float, num_graphs: int, num_beyond: int, others: Sequence[int] = ()) -> float:
    """Returns the p of one wiring that stands out from the graphs of a prior, if graphs only solve or fail.

    Args:
        t: Size of the difference in standard errors; infinite where scores do not spread.
        p: What the t test says of the same difference, corrected or not: graphs that all solve, or all fail,
            still differ by what else there is.
        num_graphs: Graphs of the prior, K >= 1.
        num_beyond: Graphs that score as well as the wiring or better where it is above their mean, as badly
            or worse where it is below.
        others: Graphs of each further prior that the wiring may be one more draw of: there are as many more
            ways to stand out from one of them.

    Returns:
        The greatest probability over all shares of solvers, in [0, 1]. Where more graphs lie beyond the
        wiring than a rank test at 5 % allows, the two-sided p of its rank, which is more than that.
    """
    if num_beyond > _allowed_beyond(num_graphs):
        return min(1.0, 2 * (1 + num_beyond) / (1 + num_graphs))
    is_told, is_alike = np.ones(len(SHARES)), np.ones(len(SHARES))
    for k in (num_graphs, *others):  # given that the wiring solves
        is_told = is_told * (1 - _stands_out(k, int((_patterns(k) >= SLACK * t).sum())))
        is_alike = is_alike * (1 - SHARES**k)
    solves = SHARES * ((1 - is_told) + p * (1 - is_alike))
    return min(1.0, float((solves + solves[::-1]).max()))


@np.errstate(under="ignore")
def families(num_graphs: Sequence[int]) -> float:
    """Returns the p of two priors whose graphs differ as a whole, if graphs only solve or fail.

    It is the greatest probability, over all shares of solvers, that of all graphs of some prior each solves
    the task and of all graphs of some other none does, though both draw from one family.

    Args:
        num_graphs: Numbers of graphs of the priors that are compared with one another.
    """
    all_solve = np.array([SHARES**k for k in num_graphs])
    none_solves = all_solve[:, ::-1]
    neither = (
        np.prod(1 - all_solve, 0)
        + np.prod(1 - none_solves, 0)
        - np.prod(1 - np.minimum(1.0, all_solve + none_solves), 0)
    )
    return max(0.0, float((1 - neither).max()))


@lru_cache(maxsize=1024)
def fewest_graphs(num_families: int = 1, level: float = LEVEL) -> int:
    """Returns the fewest graphs of each prior with which one wiring can be told from any of them.

    Args:
        num_families: Priors that it is held against, at least 1.
        level: What the p has to be below, in (0, 1).
    """
    enough = 1
    while one_wiring(math.inf, 0.0, enough, 0, (enough,) * (num_families - 1)) >= level:
        enough += 1
    return enough


@lru_cache(maxsize=1024)
def fewest_graphs_of_families(num_families: int) -> int:
    """Returns the fewest graphs of each prior with which priors can be told from one another.

    Args:
        num_families: Priors that are compared, at least 2.
    """
    enough = 2
    while families((enough,) * num_families) >= LEVEL:
        enough += 1
    return enough


def of_contrast(a: Scores, b: Scores, measured: Contrast, p: float, others: Sequence[int] = ()) -> float:
    """Returns the p of a comparison if graphs only solve or fail, whatever its kind.

    Args:
        a: Scores of the first genome.
        b: Scores of the second.
        measured: Their contrast.
        p: What the t test says of it, corrected or not.
        others: Graphs of each further prior that the one wiring is held against, and not told from.

    Returns:
        0 where no graphs are drawn.
    """
    if measured.kind == "seeds":
        return 0.0
    if measured.kind == "graphs":
        return families(measured.num_graphs)
    t = measured.t if measured.kind == "one wiring" else math.inf
    return one_wiring(t, p, max(measured.num_graphs), graphs_beyond(a, b, measured), others)


def graphs_beyond(a: Scores, b: Scores, measured: Contrast) -> int:
    """Returns the number of graphs that one wiring does not stand out from; 0 of other kinds of contrasts.

    Args:
        a: Scores of the first genome.
        b: Scores of the second.
        measured: Their contrast.
    """
    if measured.kind != "one wiring":
        return 0
    value, graphs = one_and_family(a, b)
    return int((graphs >= value).sum() if value > graphs.mean() else (graphs <= value).sum())


def one_and_family(a: Scores, b: Scores) -> tuple[float, np.ndarray]:
    """Returns the mean score of the genome with a single graph, and those of the other one's graphs, [K].

    Args:
        a: Scores of either.
        b: Scores of the other.
    """
    x, y = (np.nanmean(table_of(scores), 1) for scores in (a, b))
    return (float(x[0]), y) if len(x) == 1 else (float(y[0]), x)


def _allowed_beyond(num_graphs: int) -> int:
    """Returns how many graphs may lie beyond a wiring that stands out: none up to 78 of them."""
    return max(0, math.floor(LEVEL / 2 * (num_graphs + 1)) - 1)


@lru_cache(maxsize=1024)
def _patterns(num_graphs: int) -> np.ndarray:
    """Returns the t of a wiring that solves a task which j of K graphs solve too, [K], falling in j."""
    solved = np.arange(num_graphs) / num_graphs
    spread = np.sqrt(solved * (1 - solved) * (num_graphs + 1) / max(1, num_graphs - 1))
    return np.divide(1 - solved, spread, out=np.full(num_graphs, np.inf), where=spread > 0)


@lru_cache(maxsize=4096)
def _stands_out(num_graphs: int, num_patterns: int) -> np.ndarray:
    """Returns the probability that so few graphs solve, and a wiring that does ranks before them, [S]."""
    total = np.zeros(len(SHARES))
    for j in range(num_patterns):
        rank = min(1.0, (_allowed_beyond(num_graphs) + 1) / (j + 1))  # among solvers any order is as likely
        total += rank * stats.binom.pmf(j, num_graphs, SHARES)
    return total
