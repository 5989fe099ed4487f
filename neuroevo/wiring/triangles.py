"""Triangles and common edges of graphs, compiled: what clustering, reciprocity and triad censuses sum up.

Triangles are listed by the forward algorithm: each once, from its cell of lowest degree, so that cells of
many partners are not asked for each pair of these. A tie of a cell to another is 0 (none), OUT, IN or BOTH.
Importing this module imports numba; `statistics` and `triads` do so on first use.

References:
    Schank & Wagner (2005), Finding, counting and listing all triangles in large graphs, WEA 2005, 606-609.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from neuroevo.wiring.graph import Graph

OUT, IN, BOTH = 1, 2, 3  # the tie of a cell to another, seen from it; 0 for none


class Ties(NamedTuple):
    """Partners of each cell, whatever the direction.

    Attributes:
        first: int64 [N + 1], where the partners of each cell begin.
        partner: int32, the partners of each cell, sorted.
        tie: int8, the tie of the cell to each.
        degree: int64 [N, 3], numbers of partners by tie, for OUT, IN and BOTH.
    """

    first: np.ndarray
    partner: np.ndarray
    tie: np.ndarray
    degree: np.ndarray


class Triangles(NamedTuple):
    """The sets of three cells that are all tied.

    Attributes:
        of_cell: int64 [N], the number that each cell is in.
        by_ties: int64 [4, 4, 4], their numbers by the ties of a to b, of a to x and of b to x; each once.
    """

    of_cell: np.ndarray
    by_ties: np.ndarray


def ties_of(graph: Graph) -> Ties:
    """Returns the partners of each cell.

    Args:
        graph: N cells.
    """
    back = graph.reversed
    first, partner, tie, degree = _merge(graph.first, graph.post, back.first, back.post)
    return Ties(first, partner, tie, degree)


def triangles_of(ties: Ties) -> Triangles:
    """Returns the triangles of a graph, counted.

    Args:
        ties: The partners of each cell.
    """
    number = np.diff(ties.first)
    rank = np.empty(len(number), np.int32)
    rank[np.argsort(number, kind="stable")] = np.arange(len(number), dtype=np.int32)
    return Triangles(*_list(ties.first, ties.partner, ties.tie, rank))


def common_edges(a: Graph, b: Graph) -> np.ndarray:
    """Returns the number of edges from each cell that two graphs of N cells both have, int64 [N].

    Args:
        a: The one graph.
        b: The other.
    """
    common: np.ndarray = _common(a.first, a.post, b.first, b.post)
    return common


@njit(cache=True)
def _common(first_a: np.ndarray, post_a: np.ndarray, first_b: np.ndarray, post_b: np.ndarray) -> np.ndarray:
    """Returns what `common_edges` does."""
    size = len(first_a) - 1
    common = np.zeros(size, np.int64)
    for cell in range(size):
        i, j = first_a[cell], first_b[cell]
        while i < first_a[cell + 1] and j < first_b[cell + 1]:
            x, y = post_a[i], post_b[j]
            common[cell] += x == y
            i += x <= y
            j += y <= x
    return common


@njit(cache=True)
def _merge(
    first_out: np.ndarray, post: np.ndarray, first_in: np.ndarray, pre: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns what `ties_of` does."""
    size = len(first_out) - 1
    most = len(post) + len(pre)
    first, partner, tie = np.zeros(size + 1, np.int64), np.empty(most, np.int32), np.empty(most, np.int8)
    degree = np.zeros((size, 3), np.int64)
    filled = 0
    for cell in range(size):
        i, j = first_out[cell], first_in[cell]
        end_i, end_j = first_out[cell + 1], first_in[cell + 1]
        while i < end_i or j < end_j:
            if j == end_j or (i < end_i and post[i] < pre[j]):
                other, kind = post[i], OUT
                i += 1
            elif i == end_i or pre[j] < post[i]:
                other, kind = pre[j], IN
                j += 1
            else:
                other, kind = post[i], BOTH
                i += 1
                j += 1
            partner[filled], tie[filled] = other, kind
            degree[cell, kind - 1] += 1
            filled += 1
        first[cell + 1] = filled
    return first, partner[:filled].copy(), tie[:filled].copy(), degree


@njit(cache=True)
def _list(
    first: np.ndarray, partner: np.ndarray, tie: np.ndarray, rank: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns what `triangles_of` does."""
    size = len(rank)
    ahead = np.zeros(size + 1, np.int64)
    for cell in range(size):
        higher = 0
        for k in range(first[cell], first[cell + 1]):
            higher += rank[partner[k]] > rank[cell]
        ahead[cell + 1] = ahead[cell] + higher
    other, kind = np.empty(ahead[size], np.int32), np.empty(ahead[size], np.int8)
    for cell in range(size):
        filled = ahead[cell]
        for k in range(first[cell], first[cell + 1]):
            if rank[partner[k]] > rank[cell]:
                other[filled], kind[filled] = partner[k], tie[k]
                filled += 1
    of_cell, by_ties, marked = (
        np.zeros(size, np.int64),
        np.zeros((4, 4, 4), np.int64),
        np.zeros(size, np.int8),
    )
    for a in range(size):
        for k in range(ahead[a], ahead[a + 1]):
            marked[other[k]] = kind[k]
        for k in range(ahead[a], ahead[a + 1]):
            b, ab = other[k], kind[k]
            for m in range(ahead[b], ahead[b + 1]):
                ax = marked[other[m]]
                if ax:
                    by_ties[ab, ax, kind[m]] += 1
                    of_cell[a] += 1
                    of_cell[b] += 1
                    of_cell[other[m]] += 1
        for k in range(ahead[a], ahead[a + 1]):
            marked[other[k]] = 0
    return of_cell, by_ties
