"""Triads: how often each of the 16 ways to wire three cells occurs, and how that compares with a null model.

The functions take a graph of the chemical synapses among neurons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from neuroevo.wiring.graph import Graph

TRIADS = (  # the classes of Davis & Leinhardt (1972): mutual, asymmetric, null pairs, and the orientation
    "003 012 102 021D 021U 021C 111D 111U 030T 030C 201 120D 120U 120C 210 300"
).split()
_CLASSES = (  # numbers in `TRIADS`, by the bits b -> a, a -> b, b -> x, x -> b, a -> x, x -> a, first is 1
    *(0, 1, 1, 2, 1, 3, 5, 7, 1, 5, 4, 6, 2, 7, 6, 10, 1, 5, 3, 7, 4, 8, 8, 12, 5, 9, 8, 13, 6, 13, 11, 14),
    *(1, 4, 5, 6, 5, 8, 9, 13, 3, 8, 8, 11, 7, 12, 13, 14, 2, 6, 7, 10, 6, 11, 13, 14, 7, 13, 12, 14, 10, 14),
    *(14, 15),
)
CONNECTED = TRIADS[3:]  # those in which no cell is alone: the motifs of three cells
_OPEN = ("021D", "021U", "021C", "111D", "111U", "201")  # two ties, and two cells without one
_BACK = (0, 2, 1, 3)  # a tie as its other end sees it


def triad_census(graph: Graph) -> dict[str, int]:
    """Returns the number of sets of three cells in each of the 16 classes, label -> count.

    Triangles are listed; pairs of ties that meet in a cell, less those of triangles, are the triads of two
    ties; what is left of third cells of every tie are those of one; of all sets of three cells, the empty
    class. Exact.

    Args:
        graph: N cells.

    References:
        Davis & Leinhardt (1972), The structure of positive interpersonal relations in small groups (the
        classes; labels as networkx prints them); Batagelj & Mrvar (2001), A subquadratic triad census
        algorithm for large sparse networks with small maximum degree, Social Networks 23, 237-243 (codes).
    """
    from neuroevo.wiring.triangles import ties_of, triangles_of

    ties = ties_of(graph)
    return census(ties.degree, triangles_of(ties).by_ties)


def census(degree: np.ndarray, triangles: np.ndarray) -> dict[str, int]:
    """Returns the triad census that follows from triangles and numbers of ties.

    Args:
        degree: int64 [N, 3], numbers of partners of each cell by tie: out, in, both.
        triangles: int64 [4, 4, 4], numbers of triangles {a, b, x} by the ties ab, ax and bx.
    """
    counts, num_cells = dict.fromkeys(TRIADS, 0), len(degree)
    wedges = np.zeros((4, 4), np.int64)  # by the two ties of the cell in which they meet, each once or twice
    for p, q in np.ndindex(3, 3):
        wedges[p + 1, q + 1] = degree[:, p] @ (degree[:, q] - (p == q))
    for ab, ax, bx in zip(*(ties.tolist() for ties in np.nonzero(triangles)), strict=True):
        number = int(triangles[ab, ax, bx])
        counts[triad_class(ab, ax, bx)] += number
        for p, q in ((ab, ax), (_BACK[ab], bx), (_BACK[ax], _BACK[bx])):
            wedges[p, q] -= number
            wedges[q, p] -= number
    for p, q in np.ndindex(3, 3):
        counts[triad_class(p + 1, q + 1, 0)] += int(wedges[p + 1, q + 1])
    for label in _OPEN:  # both orders of the two ties were counted
        counts[label] //= 2
    one_way, mutual = int(degree[:, 0].sum()), int(degree[:, 2].sum()) // 2
    joined = [(int(label[0]), int(label[1]), number) for label, number in counts.items()]
    counts["012"] = one_way * (num_cells - 2) - sum(asymmetric * n for _, asymmetric, n in joined)
    counts["102"] = mutual * (num_cells - 2) - sum(both * n for both, _, n in joined)
    counts["003"] = num_cells * (num_cells - 1) * (num_cells - 2) // 6 - sum(counts.values())
    return counts


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
