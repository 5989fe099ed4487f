"""How many third cells each pair of cells has, by their ties to it, compiled: what a triad census sums up.

A tie of a cell to another is 0 (none), OUT, IN or BOTH. Cells of one tie are bits of a set, so that those
that two cells have in common are counted 64 at a time. Importing this module imports numba; `triads` does so
on first use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

OUT, IN, BOTH = 1, 2, 3  # the tie of a cell to another, seen from it; 0 for none


def ties_of(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the cells that each cell has each tie to, as sets of bits, and their numbers.

    Args:
        matrix: bool [N, N].

    Returns:
        uint64 [N, 3, words] and int64 [N, 3], for OUT, IN and BOTH.
    """
    num_cells = len(matrix)
    words = -(-num_cells // 64)
    kinds = np.stack([matrix & ~matrix.T, matrix.T & ~matrix, matrix & matrix.T], 1)  # [N, 3, N]
    padded = np.zeros((num_cells, 3, 64 * words), np.uint8)
    padded[:, :, :num_cells] = kinds
    ties = np.packbits(padded, axis=2, bitorder="little").view("<u8").astype(np.uint64)
    return ties, kinds.sum(2)


def third_cells(matrix: np.ndarray) -> np.ndarray:
    """Returns int64 [4, 4, 4], summed over pairs {a, b} that are tied: third cells x by the three ties.

    Args:
        matrix: bool [N, N] without autapses.

    Returns:
        Numbers by the ties of a to b, of a to x and of b to x. A triad is counted once for each of its pairs
        that are tied.
    """
    first, second = np.nonzero(np.triu(matrix | matrix.T))
    tie = OUT * matrix[first, second] + IN * matrix[second, first]
    ties, degree = ties_of(matrix)
    counts: np.ndarray = _count(first, second, tie, ties, degree)
    return counts


def _ones(typing_context: Any, word: Any) -> tuple[Any, Callable[..., Any]]:
    """Counts the ones of a uint64 in one machine instruction."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), code


num_ones: Any = intrinsic(_ones)


@njit(cache=True)
def _count(
    first: np.ndarray, second: np.ndarray, tie: np.ndarray, ties: np.ndarray, degree: np.ndarray
) -> np.ndarray:
    """Returns what `third_cells` does, of the pairs listed."""
    counts = np.zeros((4, 4, 4), np.int64)
    reverse = (0, IN, OUT, BOTH)
    for k in range(len(first)):
        a, b, t = first[k], second[k], tie[k]
        of_pair = counts[t]
        of_pair[t, 0] -= 1  # b is no third cell, nor is a
        of_pair[0, reverse[t]] -= 1
        others = len(degree)
        for p in range(3):
            of_pair[p + 1, 0] += degree[a, p]
            of_pair[0, p + 1] += degree[b, p]
            others -= degree[a, p] + degree[b, p]
            for q in range(3):
                common = 0
                for word in range(ties.shape[2]):
                    common += int(num_ones(ties[a, p, word] & ties[b, q, word]))
                of_pair[p + 1, q + 1] += common
                of_pair[p + 1, 0] -= common
                of_pair[0, q + 1] -= common
                others += common
        of_pair[0, 0] += others
    return counts
