"""Statistics of a wiring among neurons: degrees, clustering, paths, the rich club, modules, triads.

The functions take an adjacency matrix, bool [N, N], rows presynaptic, without autapses; `neurons_of` makes
it from a connectome or an architecture. An empty wiring has share 0 of everything; a mean over nothing and a
correlation of what does not vary are None.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from neuroevo.connectome.model import Connectome, Edges
from neuroevo.wiring.triads import is_sparse, real, triad_census

RICH = 90  # per cent of the cells that a rich club leaves out
MAX_MODULAR_EDGES = 1_000_000  # some levels of the search ask for each of them many times


class Wiring(Protocol):
    """A wiring with cells, signs and edges by kind, such as a Connectome or an Architecture."""

    @property
    def cells(self) -> tuple[str, ...]: ...  # noqa: D102
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
    """Returns the matrix bool [N, N] of directed edges, autapses left out.

    Args:
        num_cells: N.
        pre: int [E], presynaptic cells.
        post: int [E], postsynaptic cells.
    """
    matrix = np.zeros((num_cells, num_cells), bool)
    matrix[pre, post] = True
    np.fill_diagonal(matrix, False)
    return matrix


def neurons_of(wiring: Wiring) -> np.ndarray:
    """Returns the matrix of the chemical synapses among the neurons alone, in cell order.

    Args:
        wiring: A connectome or an architecture.
    """
    neurons = np.flatnonzero(~wiring.is_muscle)
    chemical = wiring.chemical
    return adjacency(wiring.num_cells, chemical.pre, chemical.post)[np.ix_(neurons, neurons)]


def in_degree(matrix: np.ndarray) -> np.ndarray:
    """Returns the number of presynaptic partners of each cell, int64 [N].

    Args:
        matrix: bool [N, N].
    """
    return matrix.sum(0)


def out_degree(matrix: np.ndarray) -> np.ndarray:
    """Returns the number of postsynaptic partners of each cell, int64 [N].

    Args:
        matrix: bool [N, N].
    """
    return matrix.sum(1)


def mutual_degree(matrix: np.ndarray) -> np.ndarray:
    """Returns the number of partners joined in both directions of each cell, int64 [N].

    Args:
        matrix: bool [N, N].
    """
    return (matrix & matrix.T).sum(1)


def density(matrix: np.ndarray) -> float:
    """Returns the share of the N (N - 1) possible edges that exist.

    Args:
        matrix: bool [N, N].
    """
    possible = len(matrix) * (len(matrix) - 1)
    return _share(matrix.sum(), possible)


def reciprocity(matrix: np.ndarray) -> float:
    """Returns the share of edges whose reverse exists too.

    Args:
        matrix: bool [N, N].
    """
    return _share((matrix & matrix.T).sum(), matrix.sum())


def clustering(matrix: np.ndarray) -> float:
    """Returns the mean clustering coefficient, directions ignored; a cell of degree 0 or 1 counts 0.

    Args:
        matrix: bool [N, N].
    """
    joined = real(matrix | matrix.T, is_sparse(matrix))
    degree = joined.sum(1, dtype=np.float64)
    corners = ((joined @ joined) * joined).sum(1, dtype=np.float64)  # twice the triangles of each cell
    possible = degree * (degree - 1)
    shares = np.divide(corners, possible, out=np.zeros_like(corners), where=possible > 0)
    return _share(shares.sum(), len(matrix))


def distances(matrix: np.ndarray) -> np.ndarray:
    """Returns the number of synapses on the shortest path of each ordered pair, float64 [N, N].

    Cells without a path are `inf` apart. Sparse wirings are searched breadth first from every cell, dense
    ones, whose paths are short, by a matrix product a step.

    Args:
        matrix: bool [N, N].
    """
    if is_sparse(matrix):
        from neuroevo.wiring.breadth_first import all_distances

        pre, post = np.nonzero(matrix)
        steps: np.ndarray = all_distances(np.searchsorted(pre, np.arange(len(matrix) + 1)), post)
        return steps
    steps = np.full(matrix.shape, np.inf)
    np.fill_diagonal(steps, 0)
    edges, front, taken = matrix.astype(np.float32), matrix, 1
    while (front := front & np.isinf(steps)).any():
        steps[front] = taken
        front, taken = front.astype(np.float32) @ edges > 0, taken + 1
    return steps


def path_length(matrix: np.ndarray) -> tuple[float | None, float]:
    """Returns the characteristic path length and the share of ordered pairs that have a path.

    The length is the mean number of synapses on the shortest directed path, over the pairs that have one.

    Args:
        matrix: bool [N, N].

    References:
        Watts & Strogatz (1998), https://doi.org/10.1038/30918
    """
    steps = distances(matrix)
    lengths = steps[np.isfinite(steps) & (steps > 0)]
    reachable = _share(len(lengths), len(matrix) * (len(matrix) - 1))
    return (float(lengths.mean()) if len(lengths) else None), reachable


def rich_club(matrix: np.ndarray) -> np.ndarray:
    """Returns phi(k), the density among the cells of total degree above k, float64 [K + 1].

    The degree k runs from 0 to the greatest total degree K, the sum of in- and out-degree; phi is NaN where
    fewer than two cells remain. Cells of many partners are joined more often by chance too, so a high phi
    shows a rich club only beside that of wirings with the same degrees.

    Args:
        matrix: bool [N, N].

    References:
        Colizza et al. (2006), https://doi.org/10.1038/nphys209 (the coefficient);
        Towlson et al. (2013), https://doi.org/10.1523/JNEUROSCI.3784-12.2013 (in the worm).
    """
    degree = in_degree(matrix) + out_degree(matrix)
    size = int(degree.max(initial=0)) + 1
    pre, post = np.nonzero(matrix)
    cells = len(matrix) - np.cumsum(np.bincount(degree, minlength=size))
    poorer = np.minimum(degree[pre], degree[post])
    edges = len(pre) - np.cumsum(np.bincount(poorer, minlength=size))
    possible = cells * (cells - 1.0)
    return np.divide(edges, possible, out=np.full(size, np.nan), where=possible > 0)


def rich_degree(matrix: np.ndarray) -> int:
    """Returns the total degree above which a cell is rich here: that of the 90th percentile of all cells.

    Args:
        matrix: bool [N, N].
    """
    degree = in_degree(matrix) + out_degree(matrix)
    return int(np.percentile(degree, RICH, method="lower")) if len(degree) else 0


def assortativity(matrix: np.ndarray) -> float | None:
    """Returns the correlation, over edges, of the out-degree of `pre` and the in-degree of `post`.

    It lies in [-1, 1], and is None if either degree is the same for every edge.

    Args:
        matrix: bool [N, N].

    References:
        Newman (2003), https://doi.org/10.1103/PhysRevE.67.026126 (equation 25)
    """
    pre, post = np.nonzero(matrix)
    x, y = out_degree(matrix)[pre].astype(float), in_degree(matrix)[post].astype(float)
    if not len(x) or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    x, y = x - x.mean(), y - y.mean()
    return float((x @ y) / math.sqrt((x @ x) * (y @ y)))


def modularity(matrix: np.ndarray, module: np.ndarray) -> float:
    """Returns the directed modularity Q of a partition: edges within modules beyond those expected.

    Args:
        matrix: bool [N, N].
        module: [N], the module of each cell, counted from 0.

    References:
        Leicht & Newman (2008), https://doi.org/10.1103/PhysRevLett.100.118703
    """
    num_edges = float(matrix.sum())
    if not num_edges:
        return 0.0
    pre, post = np.nonzero(matrix)
    size = int(module.max()) + 1
    leaving = np.bincount(module, out_degree(matrix), size)
    arriving = np.bincount(module, in_degree(matrix), size)
    return float((module[pre] == module[post]).sum() / num_edges - (leaving @ arriving) / num_edges**2)


def modules(matrix: np.ndarray, seed: int) -> np.ndarray:
    """Returns the module of each cell, int64 [N], found by Louvain's method on the directed edges.

    The method is greedy: another seed may find another partition, with a Q a little higher or lower. For one
    seed the partition is that of networkx's `louvain_communities`.

    Args:
        matrix: bool [N, N].
        seed: Seed of the search.

    References:
        Blondel et al. (2008), https://doi.org/10.1088/1742-5468/2008/10/P10008
    """
    from neuroevo.wiring.louvain import louvain

    return louvain(matrix, seed % 2**32)


def sign_fraction(matrix: np.ndarray, sign: np.ndarray) -> float:
    """Returns the share of edges that excite.

    Args:
        matrix: bool [N, N].
        sign: [N], +1 or -1, of the presynaptic cell.
    """
    return _share(matrix[np.asarray(sign) > 0].sum(), matrix.sum())


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Returns the share of the edges of one wiring that another of the same cells has too.

    Args:
        a: bool [N, N], the wiring whose edges are counted.
        b: bool [N, N], the other.
    """
    return _share((a & b).sum(), a.sum())


def degree_error(a: np.ndarray, b: np.ndarray) -> float:
    """Returns the mean absolute difference of the degrees of two wirings, over cells and both directions.

    Args:
        a: bool [N, N].
        b: bool [N, N].
    """
    inward, outward = in_degree(a) - in_degree(b), out_degree(a) - out_degree(b)
    return _share(np.abs(inward).sum() + np.abs(outward).sum(), 2 * len(a))


def strengths(wiring: Wiring) -> np.ndarray:
    """Returns the sums of the weights of each neuron's chemical synapses, in and out, float64 [2, N].

    Args:
        wiring: A connectome or an architecture; N of its cells are neurons.
    """
    chemical, size = wiring.chemical, wiring.num_cells
    sums = [np.bincount(ends, chemical.weight, size) for ends in (chemical.post, chemical.pre)]
    return np.stack(sums)[:, ~wiring.is_muscle]


def strength_error(a: Wiring, b: Wiring) -> float:
    """Returns the mean absolute difference of the strengths of two wirings, over neurons and both directions.

    Args:
        a: A connectome or an architecture.
        b: Another one with the same cells.
    """
    off = np.abs(strengths(a) - strengths(b))
    return _share(off.sum(), off.size)


def components(matrix: np.ndarray) -> int:
    """Returns the number of weakly connected components; a cell without an edge is one.

    Args:
        matrix: bool [N, N].
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    return int(connected_components(csr_array(matrix), connection="weak")[0]) if len(matrix) else 0


def wiring_length(wiring: Wiring, position: np.ndarray) -> float | None:
    """Returns the mean distance between the somata that chemical synapses join, in the unit of `position`.

    Args:
        wiring: N cells.
        position: [N, 3], NaN where unknown; synapses with such an end are left out.
    """
    pre, post = np.nonzero(neurons_of(wiring))
    soma = np.asarray(position, float)[~wiring.is_muscle]
    length = np.linalg.norm(soma[pre] - soma[post], axis=1)
    known = length[np.isfinite(length)]
    return float(known.mean()) if len(known) else None


def counts(wiring: Wiring) -> dict[str, int]:
    """Returns the numbers of cells and of connections of each kind, name -> count.

    `gap_pairs` counts pairs of neurons; those that touch a muscle stand apart.

    Args:
        wiring: A connectome or an architecture.
    """
    muscle, gap = wiring.is_muscle, wiring.electrical
    on_muscle = int((muscle[gap.pre] | muscle[gap.post]).sum())
    return {
        "cells": wiring.num_cells,
        "neurons": int((~muscle).sum()),
        "muscles": int(muscle.sum()),
        "chemical": len(wiring.chemical),
        "neuromuscular": len(wiring.neuromuscular),
        "gap_pairs": len(gap) - on_muscle,
        "gap_pairs_on_muscles": on_muscle,
    }


def structure(matrix: np.ndarray, seed: int = 0) -> dict[str, float | int | None]:
    """Returns the figures that follow from a matrix alone, name -> value.

    Args:
        matrix: bool [N, N].
        seed: Seed of the search for modules.

    Returns:
        The figures of the functions above under their names. `mean_degree` is both the in- and the
        out-degree's, `rich_club` is phi at `rich_club_degree`, and `modularity` belongs to the partition into
        `modules` modules that was found, both None above `MAX_MODULAR_EDGES`, where a search takes too long.
    """
    length, reachable = path_length(matrix)
    richest = rich_degree(matrix)
    phi = float(rich_club(matrix)[richest])
    is_searched = matrix.sum() <= MAX_MODULAR_EDGES
    module = modules(matrix, seed) if is_searched else None
    figures: dict[str, float | int | None] = {
        "density": density(matrix),
        "mean_degree": _share(matrix.sum(), len(matrix)),
        "max_in_degree": int(in_degree(matrix).max(initial=0)),
        "max_out_degree": int(out_degree(matrix).max(initial=0)),
        "reciprocity": reciprocity(matrix),
        "clustering": clustering(matrix),
        "path_length": length,
        "reachable": reachable,
        "components": components(matrix),
        "rich_club": None if math.isnan(phi) else phi,
        "rich_club_degree": richest,
        "assortativity": assortativity(matrix),
        "modularity": None if module is None else modularity(matrix, module),
        "modules": None if module is None else len(np.unique(module)),
    }
    return figures | {f"triads_{label}": count for label, count in triad_census(matrix).items()}


def describe(
    wiring: Wiring, position: np.ndarray | None = None, *, seed: int = 0
) -> dict[str, float | int | None]:
    """Returns the figures by which wirings are compared, name -> value.

    Args:
        wiring: N cells. All but the counts concerns the chemical synapses among its neurons.
        position: Somata [N, 3] in micrometres; without them no wiring length is known.
        seed: Seed of the search for modules.
    """
    matrix = neurons_of(wiring)
    return {
        **counts(wiring),
        **structure(matrix, seed),
        "wiring_length": None if position is None else wiring_length(wiring, position),
        "excitatory_fraction": sign_fraction(matrix, wiring.sign[~wiring.is_muscle]),
    }


def is_comparable(connectome: Connectome, wiring: Wiring) -> bool:
    """Says whether a wiring has the connectome's cells, so that edges and degrees can be compared.

    Args:
        connectome: Source wiring.
        wiring: A connectome or an architecture.
    """
    same = wiring.cells == connectome.cells
    return same and bool((wiring.is_muscle == connectome.is_muscle).all())


def _share(part: float, whole: float) -> float:
    """Returns a share; that of nothing is 0."""
    return float(part / whole) if whole else 0.0
