"""Statistics of a wiring among neurons: degrees, reciprocity, clustering, the triad census.

The functions take an adjacency matrix, bool [N, N], rows presynaptic, without autapses; `neurons_of` makes
it from a connectome or an architecture. An empty wiring has share 0 of everything.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from neuroevo.connectome import Edges

TRIADS = (  # the classes of Davis & Leinhardt (1972): mutual, asymmetric, null pairs, and the orientation
    "003 012 102 021D 021U 021C 111D 111U 030T 030C 201 120D 120U 120C 210 300"
).split()


class Wiring(Protocol):
    """What `describe` and `overlap` need: a Connectome and an Architecture both have it."""

    @property
    def num_cells(self) -> int: ...  # noqa: D102
    @property
    def is_muscle(self) -> np.ndarray: ...  # noqa: D102
    @property
    def sign(self) -> np.ndarray: ...  # noqa: D102
    @property
    def chemical(self) -> Edges: ...  # noqa: D102
    @property
    def neuromuscular(self) -> Edges: ...  # noqa: D102
    @property
    def electrical(self) -> Edges: ...  # noqa: D102


def adjacency(num_cells: int, pre: np.ndarray, post: np.ndarray) -> np.ndarray:
    """Returns the matrix bool [N, N] of directed edges, autapses left out."""
    matrix = np.zeros((num_cells, num_cells), bool)
    matrix[pre, post] = True
    np.fill_diagonal(matrix, False)
    return matrix


def neurons_of(wiring: Wiring) -> np.ndarray:
    """Returns the matrix of the chemical synapses among the neurons alone, in cell order."""
    neurons = np.flatnonzero(~wiring.is_muscle)
    chemical = wiring.chemical
    return adjacency(wiring.num_cells, chemical.pre, chemical.post)[np.ix_(neurons, neurons)]


def in_degree(matrix: np.ndarray) -> np.ndarray:
    """Returns the number of presynaptic partners of each cell, int64 [N]."""
    return matrix.sum(0)


def out_degree(matrix: np.ndarray) -> np.ndarray:
    """Returns the number of postsynaptic partners of each cell, int64 [N]."""
    return matrix.sum(1)


def mutual_degree(matrix: np.ndarray) -> np.ndarray:
    """Returns the number of partners joined in both directions of each cell, int64 [N]."""
    return (matrix & matrix.T).sum(1)


def density(matrix: np.ndarray) -> float:
    """Returns the share of the N (N - 1) possible edges that exist."""
    possible = len(matrix) * (len(matrix) - 1)
    return _share(matrix.sum(), possible)


def reciprocity(matrix: np.ndarray) -> float:
    """Returns the share of edges whose reverse exists too."""
    return _share((matrix & matrix.T).sum(), matrix.sum())


def clustering(matrix: np.ndarray) -> float:
    """Returns the mean clustering coefficient, directions ignored; a cell of degree 0 or 1 counts 0."""
    joined = _real(matrix | matrix.T)
    degree = joined.sum(1, dtype=np.float64)
    corners = ((joined @ joined) * joined).sum(1, dtype=np.float64)  # twice the triangles of each cell
    possible = degree * (degree - 1)
    shares = np.divide(corners, possible, out=np.zeros_like(corners), where=possible > 0)
    return _share(shares.sum(), len(matrix))


def triad_census(matrix: np.ndarray) -> dict[str, int]:
    """Returns the number of sets of three cells in each of the 16 classes, label -> count.

    Seven matrix products count the paths of two steps by kind of step; matching the pair that closes each
    path gives every class but the empty one. Exact; cost grows with the cube of N (302 cells: milliseconds).

    References:
        Davis & Leinhardt (1972), The structure of positive interpersonal relations in small groups (the
        classes; labels as networkx prints them); Moody (1998), Matrix methods for calculating the triad
        census, Social Networks 20, 291-299.
    """
    num_cells = len(matrix)
    mutual = _real(matrix & matrix.T)
    one_way = _real(matrix & ~matrix.T)
    null = _real(~(matrix | matrix.T) & ~np.eye(num_cells, dtype=bool))
    null_null = null @ null
    shared_source = one_way.T @ one_way
    shared_target = one_way @ one_way.T
    chain = one_way @ one_way
    mutual_mutual = mutual @ mutual

    def closed(pair: np.ndarray, paths: np.ndarray, symmetries: int) -> int:
        return round(float((pair * paths).sum(dtype=np.float64))) // symmetries

    census = {
        "012": closed(one_way, null_null, 1),
        "102": closed(mutual, null_null, 2),
        "021D": closed(null, shared_source, 2),
        "021U": closed(null, shared_target, 2),
        "021C": closed(null, chain, 1),
        "111D": closed(null, mutual @ one_way.T, 1),
        "111U": closed(null, mutual @ one_way, 1),
        "030T": closed(one_way, chain, 1),
        "030C": closed(one_way.T, chain, 3),
        "201": closed(null, mutual_mutual, 2),
        "120D": closed(mutual, shared_source, 2),
        "120U": closed(mutual, shared_target, 2),
        "120C": closed(mutual, chain, 1),
        "210": closed(one_way, mutual_mutual, 1),
        "300": closed(mutual, mutual_mutual, 6),
    }
    census["003"] = num_cells * (num_cells - 1) * (num_cells - 2) // 6 - sum(census.values())
    return {label: census[label] for label in TRIADS}


def sign_fraction(matrix: np.ndarray, sign: np.ndarray) -> float:
    """Returns the share of edges that excite.

    Args:
        matrix: bool [N, N].
        sign: [N], +1 or -1, of the presynaptic cell.
    """
    return _share(matrix[np.asarray(sign) > 0].sum(), matrix.sum())


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Returns the share of the edges of `a` that `b` has too; both over the same cells."""
    return _share((a & b).sum(), a.sum())


def describe(wiring: Wiring) -> dict[str, float | int]:
    """Returns the figures by which wirings are compared, name -> value.

    Density, reciprocity, clustering, the excitatory fraction and the triads are those of the chemical
    synapses among neurons. `gap_pairs` counts pairs of neurons; those that touch a muscle stand apart.
    """
    matrix = neurons_of(wiring)
    muscle = wiring.is_muscle
    gap = wiring.electrical
    on_muscle = int((muscle[gap.pre] | muscle[gap.post]).sum())
    figures: dict[str, float | int] = {
        "cells": wiring.num_cells,
        "neurons": int((~muscle).sum()),
        "muscles": int(muscle.sum()),
        "chemical": len(wiring.chemical),
        "neuromuscular": len(wiring.neuromuscular),
        "gap_pairs": len(gap) - on_muscle,
        "gap_pairs_on_muscles": on_muscle,
        "density": density(matrix),
        "reciprocity": reciprocity(matrix),
        "clustering": clustering(matrix),
        "excitatory_fraction": sign_fraction(matrix, wiring.sign[~muscle]),
    }
    return figures | {f"triads_{label}": count for label, count in triad_census(matrix).items()}


def _real(matrix: np.ndarray) -> np.ndarray:
    """Returns 0 and 1 as float32: its products are fast, and exact below 2 ** 24 cells."""
    return matrix.astype(np.float32)


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
