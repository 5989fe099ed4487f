"""Shortest paths from many cells at once, compiled: a search breadth first, 64 sources in the bits of a word.

Importing this module imports numba; `statistics` does so on first use.

References:
    Then et al. (2014), The more the merrier: efficient multi-source graph traversal, PVLDB 8, 449-460.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from neuroevo.wiring.bits import lowest_bit

WORD = 64  # sources that are searched from together


@njit(cache=True)
def paths_from(first: np.ndarray, post: np.ndarray, sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns what the shortest paths from some cells come to.

    Args:
        first: int64 [N + 1], where the edges from each cell begin in `post`.
        post: int32 [E].
        sources: int64 [S], the cells that paths begin at.

    Returns:
        int64 [S], the sum of the steps to all cells that a source reaches; and int64 [S], their number.
    """
    size = len(first) - 1
    steps, reached = np.zeros(len(sources), np.int64), np.zeros(len(sources), np.int64)
    visited, front, arriving = np.zeros(size, np.uint64), np.zeros(size, np.uint64), np.zeros(size, np.uint64)
    for begin in range(0, len(sources), WORD):
        group = sources[begin : begin + WORD]
        visited[:] = np.uint64(0)
        front[:] = np.uint64(0)
        for k in range(len(group)):
            front[group[k]] |= np.uint64(1) << np.uint64(k)
        visited[:] = front
        taken, is_going = 0, True
        while is_going:
            taken += 1
            is_going = False
            for cell in range(size):
                word = front[cell]
                if word:
                    for k in range(first[cell], first[cell + 1]):
                        arriving[post[k]] |= word
            for cell in range(size):
                new = arriving[cell] & ~visited[cell]
                arriving[cell] = np.uint64(0)
                front[cell] = new
                if new:
                    is_going = True
                    visited[cell] |= new
                    while new:
                        source = begin + lowest_bit(new)
                        steps[source] += taken
                        reached[source] += 1
                        new &= new - np.uint64(1)
    return steps, reached
