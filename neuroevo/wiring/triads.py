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
CONNECTED = TRIADS[3:]  # those in which no cell is alone: the motifs of three cells
SPARSE = 0.05  # density below which sparse products are the faster ones


def triad_census(matrix: np.ndarray) -> dict[str, int]:
    """Returns the number of sets of three cells in each of the 16 classes, label -> count.

    Matrix products count the paths of two steps by kind of step; matching the pair that closes each path
    gives every class but the empty one. Exact. Paths that no edge closes are the others subtracted from all,
    so that sparse wirings need sparse products only.

    Args:
        matrix: bool [N, N].

    References:
        Davis & Leinhardt (1972), The structure of positive interpersonal relations in small groups (the
        classes; labels as networkx prints them); Moody (1998), Matrix methods for calculating the triad
        census, Social Networks 20, 291-299.
    """
    num_cells = len(matrix)
    sparse = is_sparse(matrix)
    mutual, one_way = real(matrix & matrix.T, sparse), real(matrix & ~matrix.T, sparse)
    joined = mutual + one_way + one_way.T
    degree = joined.sum(1, dtype=np.float64)
    common = joined @ joined
    shared_source = one_way.T @ one_way
    shared_target = one_way @ one_way.T
    chain = one_way @ one_way
    mutual_mutual = mutual @ mutual

    def closed(pair: Matrix, paths: Matrix, symmetries: int = 1) -> int:
        return round(float((pair * paths).sum(dtype=np.float64))) // symmetries

    def unclosed(paths: Matrix, symmetries: int = 1) -> int:
        inner = paths.sum(dtype=np.float64) - paths.diagonal().sum(dtype=np.float64)
        return (round(float(inner)) - closed(joined, paths)) // symmetries

    def alone(pair: Matrix, symmetries: int = 1) -> int:
        """Returns the number of third cells that neither of a pair is joined to."""
        ends = pair.sum(0, dtype=np.float64) + pair.sum(1, dtype=np.float64)
        either = num_cells * ends.sum() / 2 - ends @ degree
        return (round(float(either)) + closed(pair, common)) // symmetries

    census = {
        "012": alone(one_way),
        "102": alone(mutual, 2),
        "021D": unclosed(shared_source, 2),
        "021U": unclosed(shared_target, 2),
        "021C": unclosed(chain),
        "111D": unclosed(mutual @ one_way.T),
        "111U": unclosed(mutual @ one_way),
        "030T": closed(one_way, chain),
        "030C": closed(one_way.T, chain, 3),
        "201": unclosed(mutual_mutual, 2),
        "120D": closed(mutual, shared_source, 2),
        "120U": closed(mutual, shared_target, 2),
        "120C": closed(mutual, chain),
        "210": closed(one_way, mutual_mutual),
        "300": closed(mutual, mutual_mutual, 6),
    }
    census["003"] = num_cells * (num_cells - 1) * (num_cells - 2) // 6 - sum(census.values())
    return {label: census[label] for label in TRIADS}


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
