"""Triads: how often each of the 16 ways to wire three cells occurs, and how that compares with a null model.

The functions take an adjacency matrix, bool [N, N], rows presynaptic, without autapses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    Matrix: TypeAlias = np.ndarray | csr_array

TRIADS = (  # the classes of Davis & Leinhardt (1972): mutual, asymmetric, null pairs, and the orientation
    "003 012 102 021D 021U 021C 111D 111U 030T 030C 201 120D 120U 120C 210 300"
).split()
_CLASSES = (  # numbers in `TRIADS`, by the bits b -> a, a -> b, b -> x, x -> b, a -> x, x -> a, first is 1
    *(0, 1, 1, 2, 1, 3, 5, 7, 1, 5, 4, 6, 2, 7, 6, 10, 1, 5, 3, 7, 4, 8, 8, 12, 5, 9, 8, 13, 6, 13, 11, 14),
    *(1, 4, 5, 6, 5, 8, 9, 13, 3, 8, 8, 11, 7, 12, 13, 14, 2, 6, 7, 10, 6, 11, 13, 14, 7, 13, 12, 14, 10, 14),
    *(14, 15),
)
CONNECTED = TRIADS[3:]  # those in which no cell is alone: the motifs of three cells
SPARSE = 0.05  # density below which sparse products are the faster ones


def triad_census(matrix: np.ndarray) -> dict[str, int]:
    """Returns the number of sets of three cells in each of the 16 classes, label -> count.

    Third cells of every pair that is tied are counted by their ties to the two. So each triad comes up once
    for each of its pairs that are tied; what is left of all sets of three cells is the empty class. Exact.

    Args:
        matrix: bool [N, N].

    References:
        Davis & Leinhardt (1972), The structure of positive interpersonal relations in small groups (the
        classes; labels as networkx prints them); Batagelj & Mrvar (2001), A subquadratic triad census
        algorithm for large sparse networks with small maximum degree, Social Networks 23, 237-243 (codes).
    """
    from neuroevo.wiring.triad_counts import third_cells

    num_cells, counts = len(matrix), third_cells(matrix)
    census = dict.fromkeys(TRIADS, 0)
    for ties in np.ndindex(4, 4, 4):
        census[triad_class(*ties)] += int(counts[ties])
    for label in TRIADS[1:]:
        census[label] //= int(label[0]) + int(label[1])  # the numbers of mutual and of one-way ties
    census["003"] = num_cells * (num_cells - 1) * (num_cells - 2) // 6 - sum(census.values())
    return census


def triad_class(ab: int, ax: int, bx: int) -> str:
    """Returns the class of a triad of cells a, b and x, one of `TRIADS`.

    Args:
        ab: The tie of a to b: 0 none, 1 out, 2 in, 3 both.
        ax: The tie of a to x.
        bx: The tie of b to x.
    """
    bits = (ab & 2) >> 1 | (ab & 1) << 1 | bx << 2 | ax << 4
    return TRIADS[_CLASSES[bits]]


def triad_error(a: Mapping[str, int], b: Mapping[str, int]) -> float:
    """Returns how far two censuses lie apart over the 13 connected classes: the sum of |a - b| / (a + b).

    Args:
        a: Counts by class.
        b: Counts by class.
    """
    return sum(abs(a[x] - b[x]) / (a[x] + b[x]) for x in CONNECTED if a[x] + b[x])


def z_scores(census: Mapping[str, int], null: Sequence[Mapping[str, int]]) -> dict[str, float | None]:
    """Returns how many deviations each connected class lies above its mean in a null model.

    Args:
        census: Counts by class.
        null: Counts of samples of the null model. A class whose count does not vary among them has no score.

    References:
        Milo et al. (2002), https://doi.org/10.1126/science.298.5594.824
    """
    scores: dict[str, float | None] = {}
    for label in CONNECTED:
        counts = np.array([sample[label] for sample in null], float)
        deviation = counts.std(ddof=1) if len(counts) > 1 else 0.0
        scores[label] = float((census[label] - counts.mean()) / deviation) if deviation else None
    return scores


def is_sparse(matrix: np.ndarray) -> bool:
    """Says whether sparse products of a matrix are faster than dense ones.

    Args:
        matrix: bool [N, N].
    """
    return bool(matrix.sum() < SPARSE * matrix.size)


def real(matrix: np.ndarray, sparse: bool) -> Matrix:
    """Returns a matrix of 0 and 1 whose products are fast, and exact up to 2 ** 24 cells.

    Args:
        matrix: bool [N, N].
        sparse: True makes a sparse array of SciPy, False a dense one of NumPy.
    """
    if sparse:
        from scipy.sparse import csr_array

        return csr_array(matrix, dtype=np.float64)
    return matrix.astype(np.float32)
