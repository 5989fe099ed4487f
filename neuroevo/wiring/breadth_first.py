"""Numbers of steps between all cells of a sparse wiring, compiled: a search breadth first from every cell.

Importing this module imports numba; `statistics` does so on first use.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def all_distances(first: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Returns the number of edges on the shortest path of each ordered pair of cells, float64 [N, N].

    Args:
        first: int64 [N + 1], where the edges from each cell begin in `target`.
        target: int64 [E].

    Returns:
        The distances, 0 of a cell to itself, `inf` where there is no path.
    """
    size = len(first) - 1
    steps = np.full((size, size), np.inf)
    queue = np.empty(size, np.int64)
    for source in range(size):
        row = steps[source]
        row[source], queue[0] = 0.0, source
        head, tail = 0, 1
        while head < tail:
            cell = queue[head]
            head += 1
            further = row[cell] + 1.0
            for k in range(first[cell], first[cell + 1]):
                if row[target[k]] == np.inf:
                    row[target[k]] = further
                    queue[tail] = target[k]
                    tail += 1
    return steps
