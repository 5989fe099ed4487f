"""Statistics of a wiring among neurons: degrees, clustering, paths, the rich club, modules, triads.

The functions take a `Graph`; `neurons_of` makes it from a connectome or an architecture. An empty wiring has
share 0 of everything; a mean over nothing and a correlation of what does not vary are None. All of it grows
with the edges; paths and modules of large graphs, which do not, are sampled and left out (`structure`).
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np

from neuroevo.connectome.model import Connectome, Edges
from neuroevo.seeds import generator
from neuroevo.wiring.graph import Graph
from neuroevo.wiring.triads import census

RICH = 90  # per cent of the cells that a rich club leaves out
MAX_MODULAR_EDGES = 1_000_000  # some levels of the search ask for each of them many times
MAX_STEPS = 4 * 10**9  # cells times edges up to which paths begin at every cell
SOURCES = 256  # cells that paths begin at otherwise


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


def neurons_of(wiring: Wiring) -> Graph:
    """Returns the graph of the chemical synapses among the neurons alone, in cell order.

    Args:
        wiring: A connectome or an architecture.
    """
    pre, post = wiring.chemical.pre, wiring.chemical.post
    is_neuron = ~wiring.is_muscle
    if is_neuron.all():
        return Graph.of(wiring.num_cells, pre, post)
    place = np.cumsum(is_neuron) - 1
    among = is_neuron[pre] & is_neuron[post]
    return Graph.of(int(is_neuron.sum()), place[pre[among]], place[post[among]])


def in_degree(graph: Graph) -> np.ndarray:
    """Returns the number of presynaptic partners of each cell, int64 [N].

    Args:
        graph: N cells.
    """
    return np.bincount(graph.post, minlength=graph.num_cells)


def out_degree(graph: Graph) -> np.ndarray:
    """Returns the number of postsynaptic partners of each cell, int64 [N].

    Args:
        graph: N cells.
    """
    return np.diff(graph.first)


def mutual_degree(graph: Graph) -> np.ndarray:
    """Returns the number of partners joined in both directions of each cell, int64 [N].

    Args:
        graph: N cells.
    """
    from neuroevo.wiring.triangles import common_edges

    return common_edges(graph, graph.reversed)


def density(graph: Graph) -> float:
    """Returns the share of the N (N - 1) possible edges that exist.

    Args:
        graph: N cells.
    """
    return _share(graph.num_edges, graph.num_cells * (graph.num_cells - 1))


def reciprocity(graph: Graph) -> float:
    """Returns the share of edges whose reverse exists too.

    Args:
        graph: N cells.
    """
    return _share(mutual_degree(graph).sum(), graph.num_edges)


def clustering(graph: Graph) -> float:
    """Returns the mean clustering coefficient, directions ignored; a cell of degree 0 or 1 counts 0.

    Args:
        graph: N cells.
    """
    from neuroevo.wiring.triangles import ties_of, triangles_of

    ties = ties_of(graph)
    return _clustering(ties.degree, triangles_of(ties).of_cell)


def _clustering(degree: np.ndarray, triangles: np.ndarray) -> float:
    """Returns the mean clustering of cells with ties, int64 [N, 3], that are in triangles, int64 [N]."""
    partners = degree.sum(1).astype(np.float64)
    possible = partners * (partners - 1)
    shares = np.divide(2.0 * triangles, possible, out=np.zeros(len(degree)), where=possible > 0)
    return _share(shares.sum(), len(degree))


class Paths(NamedTuple):
    """The shortest paths of a graph, from all of its cells or from a sample of them.

    Attributes:
        length: Mean number of synapses on the shortest path, over the ordered pairs that have one; None of
            none.
        reachable: Share of the ordered pairs that have a path.
        sources: Number of cells that paths were searched from.
        length_error: Standard error of the length that sampling leaves; 0 from all cells.
        reachable_error: Standard error of the share.
    """

    length: float | None
    reachable: float
    sources: int
    length_error: float = 0.0
    reachable_error: float = 0.0


def path_length(graph: Graph, exact: bool = True, seed: int = 0) -> Paths:
    """Returns the characteristic path length and the share of ordered pairs that have a path.

    Searches from all cells take N E steps. Where these are more than `MAX_STEPS`, and the figures need not be
    exact, paths begin at `SOURCES` cells that are drawn; the errors are those of a ratio and of a mean over
    cells drawn without replacement.

    Args:
        graph: N cells.
        exact: Whether paths begin at every cell, whatever it takes.
        seed: Seed of the sample.

    References:
        Watts & Strogatz (1998), https://doi.org/10.1038/30918; Cochran (1977), Sampling Techniques, chapter 6
        (errors).
    """
    from neuroevo.wiring.breadth_first import paths_from

    size, sources = graph.num_cells, np.arange(graph.num_cells)
    if not exact and size > SOURCES and size * graph.num_edges > MAX_STEPS:
        sources = np.sort(generator(seed, "paths").choice(size, SOURCES, replace=False))
    steps, reached = paths_from(graph.first, graph.post, sources)
    length = _share(steps.sum(), reached.sum()) if reached.any() else None
    reachable = _share(reached.sum(), len(sources) * (size - 1))
    if len(sources) == size:
        return Paths(length, reachable, size)
    scale = math.sqrt((1 - len(sources) / size) / len(sources))
    off = steps - (length or 0.0) * reached
    error = scale * float(off.std(ddof=1)) / float(reached.mean()) if length is not None else 0.0
    return Paths(length, reachable, len(sources), error, scale * float(reached.std(ddof=1)) / (size - 1))


def rich_club(graph: Graph) -> np.ndarray:
    """Returns phi(k), the density among the cells of total degree above k, float64 [K + 1].

    The degree k runs from 0 to the greatest total degree K, the sum of in- and out-degree; phi is NaN where
    fewer than two cells remain. Cells of many partners are joined more often by chance too, so a high phi
    shows a rich club only beside that of wirings with the same degrees.

    Args:
        graph: N cells.

    References:
        Colizza et al. (2006), https://doi.org/10.1038/nphys209 (the coefficient);
        Towlson et al. (2013), https://doi.org/10.1523/JNEUROSCI.3784-12.2013 (in the worm).
    """
    degree = in_degree(graph) + out_degree(graph)
    size = int(degree.max(initial=0)) + 1
    pre, post = graph.pre, graph.post
    cells = graph.num_cells - np.cumsum(np.bincount(degree, minlength=size))
    poorer = np.minimum(degree[pre], degree[post])
    edges = len(pre) - np.cumsum(np.bincount(poorer, minlength=size))
    possible = cells * (cells - 1.0)
    return np.divide(edges, possible, out=np.full(size, np.nan), where=possible > 0)


def rich_degree(graph: Graph) -> int:
    """Returns the total degree above which a cell is rich here: that of the 90th percentile of all cells.

    Args:
        graph: N cells.
    """
    degree = in_degree(graph) + out_degree(graph)
    return int(np.percentile(degree, RICH, method="lower")) if len(degree) else 0


def assortativity(graph: Graph) -> float | None:
    """Returns the correlation, over edges, of the out-degree of `pre` and the in-degree of `post`.

    It lies in [-1, 1], and is None if either degree is the same for every edge.

    Args:
        graph: N cells.

    References:
        Newman (2003), https://doi.org/10.1103/PhysRevE.67.026126 (equation 25)
    """
    x = out_degree(graph)[graph.pre].astype(float)
    y = in_degree(graph)[graph.post].astype(float)
    if not len(x) or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    x, y = x - x.mean(), y - y.mean()
    return float((x @ y) / math.sqrt((x @ x) * (y @ y)))


def modularity(graph: Graph, module: np.ndarray) -> float:
    """Returns the directed modularity Q of a partition: edges within modules beyond those expected.

    Args:
        graph: N cells.
        module: [N], the module of each cell, counted from 0.

    References:
        Leicht & Newman (2008), https://doi.org/10.1103/PhysRevLett.100.118703
    """
    num_edges = float(graph.num_edges)
    if not num_edges:
        return 0.0
    pre, post = graph.pre, graph.post
    size = int(module.max()) + 1
    leaving = np.bincount(module, out_degree(graph), size)
    arriving = np.bincount(module, in_degree(graph), size)
    return float((module[pre] == module[post]).sum() / num_edges - (leaving @ arriving) / num_edges**2)


def modules(graph: Graph, seed: int) -> np.ndarray:
    """Returns the module of each cell, int64 [N], found by Louvain's method on the directed edges.

    The method is greedy: another seed may find another partition, with a Q a little higher or lower. For one
    seed the partition is that of networkx's `louvain_communities`.

    Args:
        graph: N cells.
        seed: Seed of the search.

    References:
        Blondel et al. (2008), https://doi.org/10.1088/1742-5468/2008/10/P10008
    """
    from neuroevo.wiring.louvain import louvain

    return louvain(graph, seed % 2**32)


def sign_fraction(graph: Graph, sign: np.ndarray) -> float:
    """Returns the share of edges that excite.

    Args:
        graph: N cells.
        sign: [N], +1 or -1, of the presynaptic cell.
    """
    return _share(out_degree(graph)[np.asarray(sign) > 0].sum(), graph.num_edges)


def overlap(a: Graph, b: Graph) -> float:
    """Returns the share of the edges of one wiring that another of the same cells has too.

    Args:
        a: The wiring whose edges are counted.
        b: The other, of the same cells.
    """
    from neuroevo.wiring.triangles import common_edges

    return _share(common_edges(a, b).sum(), a.num_edges)


def degree_error(a: Graph, b: Graph) -> float:
    """Returns the mean absolute difference of the degrees of two wirings, over cells and both directions.

    Args:
        a: N cells.
        b: The same cells.
    """
    inward, outward = in_degree(a) - in_degree(b), out_degree(a) - out_degree(b)
    return _share(np.abs(inward).sum() + np.abs(outward).sum(), 2 * a.num_cells)


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


def components(graph: Graph) -> int:
    """Returns the number of weakly connected components; a cell without an edge is one.

    Args:
        graph: N cells.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    size = graph.num_cells
    joined = csr_array((np.ones(graph.num_edges, np.int8), graph.post, graph.first), (size, size))
    return int(connected_components(joined, connection="weak")[0]) if size else 0


def wiring_length(wiring: Wiring, position: np.ndarray) -> float | None:
    """Returns the mean distance between the somata that chemical synapses join, in the unit of `position`.

    Args:
        wiring: N cells.
        position: [N, 3], NaN where unknown; synapses with such an end are left out.
    """
    graph = neurons_of(wiring)
    soma = np.asarray(position, float)[~wiring.is_muscle]
    length = np.linalg.norm(soma[graph.pre] - soma[graph.post], axis=1)
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


def structure(graph: Graph, seed: int = 0, exact: bool = False) -> dict[str, float | int | None]:
    """Returns the figures that follow from a graph alone, name -> value.

    Args:
        graph: N cells.
        seed: Seed of the search for modules, and of the cells that paths begin at.
        exact: Whether paths begin at every cell and modules are searched, whatever it takes.

    Returns:
        The figures of the functions above under their names. `mean_degree` is both the in- and the
        out-degree's, `rich_club` is phi at `rich_club_degree`, and `modularity` belongs to the partition into
        `modules` modules that was found, both None above `MAX_MODULAR_EDGES`, where a search takes too long.
        `path_sources` is how many cells paths begin at, and `path_length_error` and `reachable_error` what
        that leaves uncertain.
    """
    from neuroevo.wiring.triangles import ties_of, triangles_of

    ties = ties_of(graph)
    triangles = triangles_of(ties)
    paths = path_length(graph, exact, seed)
    richest = rich_degree(graph)
    phi = float(rich_club(graph)[richest])
    is_searched = exact or graph.num_edges <= MAX_MODULAR_EDGES
    module = modules(graph, seed) if is_searched else None
    figures: dict[str, float | int | None] = {
        "density": density(graph),
        "mean_degree": _share(graph.num_edges, graph.num_cells),
        "max_in_degree": int(in_degree(graph).max(initial=0)),
        "max_out_degree": int(out_degree(graph).max(initial=0)),
        "reciprocity": _share(ties.degree[:, 2].sum(), graph.num_edges),
        "clustering": _clustering(ties.degree, triangles.of_cell),
        "path_length": paths.length,
        "path_length_error": paths.length_error,
        "path_sources": paths.sources,
        "reachable": paths.reachable,
        "reachable_error": paths.reachable_error,
        "components": components(graph),
        "rich_club": None if math.isnan(phi) else phi,
        "rich_club_degree": richest,
        "assortativity": assortativity(graph),
        "modularity": None if module is None else modularity(graph, module),
        "modules": None if module is None else len(np.unique(module)),
    }
    triads = census(ties.degree, triangles.by_ties)
    return figures | {f"triads_{label}": count for label, count in triads.items()}


def describe(
    wiring: Wiring, position: np.ndarray | None = None, *, seed: int = 0, exact: bool = False
) -> dict[str, float | int | None]:
    """Returns the figures by which wirings are compared, name -> value.

    Args:
        wiring: N cells. All but the counts concerns the chemical synapses among its neurons.
        position: Somata [N, 3] in micrometres; without them no wiring length is known.
        seed: Seed of the search for modules.
        exact: See `structure`.
    """
    graph = neurons_of(wiring)
    return {
        **counts(wiring),
        **structure(graph, seed, exact),
        "wiring_length": None if position is None else wiring_length(wiring, position),
        "excitatory_fraction": sign_fraction(graph, wiring.sign[~wiring.is_muscle]),
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
