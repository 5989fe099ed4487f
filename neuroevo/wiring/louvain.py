"""Modules of directed graphs by Louvain's method, compiled; step for step what networkx does.

Cells move one after the other, in random order, to the module of a neighbour that raises the modularity most,
until none does; then modules are cells of a smaller graph, and so on. networkx's `louvain_communities` of the
same seed gives the same modules: its order of neighbours, of sums and of random numbers is kept, and with it
which of two equal gains is taken. Importing this module imports numba; `statistics` does so on first use.

References:
    Blondel et al. (2008), https://doi.org/10.1088/1742-5468/2008/10/P10008
"""

from __future__ import annotations

import random

import numpy as np
from numba import njit

from neuroevo.wiring.graph import Graph

THRESHOLD = 1e-7  # gain of modularity below which the search ends

Weighted = tuple[np.ndarray, np.ndarray, np.ndarray]  # [E], sources, targets, weights, as inserted


def louvain(graph: Graph, seed: int) -> np.ndarray:
    """Returns the module of each cell, int64 [N], counted from 0.

    Args:
        graph: N cells.
        seed: Seed of the order in which cells are asked.
    """
    rng, size = random.Random(seed), graph.num_cells
    edges: Weighted = (
        graph.pre.astype(np.int64),
        graph.post.astype(np.int64),
        np.ones(graph.num_edges, np.int64),
    )
    total, module = float(graph.num_edges), np.arange(size)
    if not total:
        return module
    before = _quality(edges, np.arange(size), total)
    while True:
        order = list(range(size))
        rng.shuffle(order)
        first, other, weight = _neighbours(edges, size)
        arriving, leaving = (np.bincount(ends, edges[2], size) for ends in (edges[1], edges[0]))
        asked = np.array(order, np.int64)
        here, has_moved = one_level(first, other, weight, arriving, leaving, total, asked)
        _, here = np.unique(here, return_inverse=True)
        if not has_moved and size < len(module):
            return module
        module = here[module]
        quality = _quality(edges, here, total)
        if quality - before <= THRESHOLD:
            return module
        before, size = quality, int(here.max()) + 1
        edges = _merged(edges, here, size)


def _quality(graph: Weighted, module: np.ndarray, total: float) -> float:
    """Returns the modularity of a partition of a weighted graph."""
    pre, post, weight = graph
    size = int(module.max()) + 1
    leaving, arriving = (np.bincount(module[ends], weight, size) for ends in (pre, post))
    return float(weight[module[pre] == module[post]].sum() / total - (leaving @ arriving) / total**2)


def _neighbours(graph: Weighted, size: int) -> Weighted:
    """Returns, of each node, where its neighbours begin; these; and the weights of the edges to them.

    Those that edges go to come first, in the order of their insertion, then those that edges come from; a
    neighbour on both sides is listed twice, and a node is no neighbour of its own.
    """
    pre, post, weight = graph
    outgoing, incoming = np.argsort(pre, kind="stable"), np.argsort(post, kind="stable")
    node = np.concatenate([pre[outgoing], post[incoming]])
    other = np.concatenate([post[outgoing], pre[incoming]])
    both = np.concatenate([weight[outgoing], weight[incoming]])
    order = np.argsort(node, kind="stable")
    order = order[node[order] != other[order]]
    first = np.searchsorted(node[order], np.arange(size + 1))
    return first, other[order], both[order].astype(np.float64)


def _merged(graph: Weighted, module: np.ndarray, size: int) -> Weighted:
    """Returns the graph whose nodes are modules, its edges in the order in which they first occur."""
    pre, post, weight = graph
    by_node = np.argsort(pre, kind="stable")
    key = module[pre[by_node]] * size + module[post[by_node]]
    keys, first, place = np.unique(key, return_index=True, return_inverse=True)
    sums = np.bincount(place, weight[by_node]).astype(np.int64)
    order = np.argsort(first)
    ends = np.divmod(keys[order], size)
    return ends[0], ends[1], sums[order]


@njit(cache=True)
def one_level(
    first: np.ndarray,
    other: np.ndarray,
    weight: np.ndarray,
    in_degree: np.ndarray,
    out_degree: np.ndarray,
    total: float,
    order: np.ndarray,
) -> tuple[np.ndarray, bool]:
    """Moves nodes to the modules of their neighbours until no move raises the modularity.

    Args:
        first: int64 [N + 1], where the neighbours of each node begin.
        other: int64, the neighbours.
        weight: float64, the weight of the edge to each.
        in_degree: float64 [N], sums of weights.
        out_degree: float64 [N].
        total: The sum of all weights.
        order: int64 [N], the order in which nodes are asked.

    Returns:
        The module of each node, int64 [N], a number below N; and whether any node moved.
    """
    size = len(order)
    module, arriving, leaving = np.arange(size), in_degree.copy(), out_degree.copy()
    shared = np.zeros(size)  # weight of the edges to each module, of the node that is asked
    is_near = np.zeros(size, np.bool_)
    near = np.zeros(size, np.int64)
    has_moved, is_moving = False, True
    while is_moving:
        is_moving = False
        for node in order:
            count = 0
            for k in range(first[node], first[node + 1]):
                m = module[other[k]]
                if not is_near[m]:
                    is_near[m], near[count], shared[m] = True, m, 0.0
                    count += 1
                shared[m] += weight[k]
            home = module[node]
            if not is_near[home]:
                is_near[home], near[count], shared[home] = True, home, 0.0
                count += 1
            goes, comes = out_degree[node], in_degree[node]
            arriving[home] -= comes
            leaving[home] -= goes
            cost = -shared[home] / total + (goes * arriving[home] + comes * leaving[home]) / total**2
            best, most = home, 0.0
            for k in range(count):
                m = near[k]
                is_near[m] = False
                gain = cost + shared[m] / total - (goes * arriving[m] + comes * leaving[m]) / total**2
                if gain > most:
                    best, most = m, gain
            arriving[best] += comes
            leaving[best] += goes
            if best != home:
                module[node], has_moved, is_moving = best, True, True
    return module, has_moved
