"""What rewires a wiring and keeps every cell's degrees, one maker a rival; see `crew` for what a maker is.

A turn draws one sample and answers with its processor seconds and, unless it draws many, the edges. Each
library is used as its documentation says; what goes in and comes out is converted outside the clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

Pairs = list[tuple[int, int]]
Sampler = Callable[[Pairs, int, int], tuple[float, Pairs]]  # edges, cells, seed -> seconds, edges


def maker(name: str, edges: list[list[int]], cells: int, samples: int, seed: int) -> Callable[[], Any]:
    """Returns turns of a sampler.

    Args:
        name: Name of one of the functions below.
        edges: Edges of the wiring.
        cells: Number of cells.
        samples: Number of samples of a turn.
        seed: Seed of the first sample; each sample has one of its own.
    """
    sample: Sampler = globals()[name]
    source = [(int(pre), int(post)) for pre, post in edges]
    first = iter(range(seed, 1 << 30, samples))
    ring = [(k, (k + far) % 40) for k in range(40) for far in (1, 2, 5)]
    sample(ring, 40, seed)  # what is compiled or imported at first use is not timed

    def turn() -> dict[str, Any]:
        start = next(first)
        samples_drawn = [sample(source, cells, start + k) for k in range(samples)]
        return {
            "work": sum(seconds for seconds, _ in samples_drawn),
            "edges": [edges for _, edges in samples_drawn],
        }

    return turn


def ours(edges: Pairs, cells: int, seed: int) -> tuple[float, Pairs]:
    """The prior `degree`: ten accepted moves an edge, exact degrees, no loop and no double edge."""
    from neuroevo.connectome.model import Edges
    from neuroevo.wiring.null_models import Keep, rewire

    pre, post = np.array(sorted(edges)).T
    source = Edges(pre, post, np.ones(len(pre)))
    begin = time.process_time()
    new = rewire(source, cells, seed=seed, keep=Keep(mutual=False)).edges
    seconds = time.process_time() - begin
    return seconds, list(zip(new.pre.tolist(), new.post.tolist(), strict=True))


def networkx(edges: Pairs, cells: int, seed: int) -> tuple[float, Pairs]:
    """`directed_edge_swap`, ten swaps an edge; each moves three edges."""
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(range(cells))
    graph.add_edges_from(edges)
    swaps = 10 * len(edges)
    begin = time.process_time()
    nx.directed_edge_swap(graph, nswap=swaps, max_tries=100 * swaps, seed=seed)
    return time.process_time() - begin, [(int(a), int(b)) for a, b in graph.edges]


def networkit(edges: Pairs, cells: int, seed: int) -> tuple[float, Pairs]:
    """`EdgeSwitching`, ten proposed switches an edge, after its `DegreePreservingShuffle`."""
    import networkit as nk

    nk.setSeed(seed, False)
    graph = nk.Graph(cells, directed=True)
    for pre, post in edges:
        graph.addEdge(pre, post)
    begin = time.process_time()
    switching = nk.randomization.EdgeSwitching(graph, 10, True)
    switching.run()
    seconds = time.process_time() - begin
    return seconds, [(int(a), int(b)) for a, b in switching.getGraph().iterEdges()]


def bctpy(edges: Pairs, cells: int, seed: int) -> tuple[float, Pairs]:
    """`randmio_dir`, ten rewirings an edge."""
    import bct

    matrix = np.zeros((cells, cells))
    matrix[tuple(np.array(edges).T)] = 1
    begin = time.process_time()
    new, _ = bct.randmio_dir(matrix, 10, seed=seed)
    seconds = time.process_time() - begin
    pre, post = np.nonzero(new)
    return seconds, list(zip(pre.tolist(), post.tolist(), strict=True))
