"""Swap chains that null models are made of: Markov chains on wirings, compiled with numba.

Every move keeps what the null model promises exactly, so that a sample needs no repair and no rejection.
numba is imported on first use: listing the priors must not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from neuroevo.connectome import Edges
from neuroevo.errors import ConnectomeError

PROPOSALS_PER_EDGE = 100  # swap chains of real networks mix in about ten accepted swaps an edge


def rewire(edges: Edges, num_cells: int, *, seed: int, proposals_per_edge: int = PROPOSALS_PER_EDGE) -> Edges:
    """Returns a random wiring in which every cell keeps its in-, out- and mutual degree exactly.

    Three moves: two one-way edges exchange targets; two mutual pairs exchange partners; a one-way
    three-cycle turns round. None makes or breaks a mutual pair, an autapse or a double edge, so degrees and
    reciprocity are exact in every sample. A weight stays with its presynaptic cell.

    Args:
        edges: E directed edges without autapses; not modified.
        num_cells: N; cells are 0 to N - 1. Memory grows with N squared, 4 bytes a pair.
        seed: Equal seeds give equal wirings.
        proposals_per_edge: Length of the chain.

    References:
        Rao, Jana & Bandyopadhyay (1996), Sankhya A 58(2), 225-242 (swaps and the three-cycle move);
        Roberts & Coolen (2012), https://doi.org/10.1103/PhysRevE.85.046103 (degree-preserving chains).
    """
    place = np.full((num_cells, num_cells), -1, np.int32)
    if len(edges) and (edges.pre == edges.post).any():
        raise ConnectomeError("The wiring has an autapse; remove self-connections before rewiring.")
    place[edges.pre, edges.post] = np.arange(len(edges), dtype=np.int32)
    reverse = place[edges.post, edges.pre]
    one_way = reverse < 0
    first = ~one_way & (edges.pre < edges.post)
    mutual = np.flatnonzero(first)
    order = np.concatenate([np.flatnonzero(one_way), mutual, reverse[mutual]]).astype(np.int64)
    pre, post = edges.pre[order].astype(np.int64), edges.post[order].astype(np.int64)
    place[pre, post] = np.arange(len(pre), dtype=np.int32)
    rng = np.random.default_rng(seed)
    weight = edges.weight[order]
    num_proposals = proposals_per_edge * len(edges)
    _kernel()(pre, post, weight, place, int(one_way.sum()), len(mutual), num_proposals, rng)
    return _sorted(pre, post, weight)


def rewire_pairs(
    pairs: Edges, num_cells: int, *, seed: int, proposals_per_edge: int = PROPOSALS_PER_EDGE
) -> Edges:
    """Returns random gap junctions in which every cell keeps its number of partners exactly.

    A pair belongs to neither of its cells, so weights are dealt out anew at random.

    Args:
        pairs: Symmetric pairs, each once; not modified.
        num_cells: N.
        seed: Equal seeds give equal wirings.
        proposals_per_edge: Length of the chain.
    """
    both = Edges(
        np.concatenate([pairs.pre, pairs.post]),
        np.concatenate([pairs.post, pairs.pre]),
        np.concatenate([pairs.weight, pairs.weight]),
    )
    mixed = rewire(both, num_cells, seed=seed, proposals_per_edge=proposals_per_edge)
    once = mixed.pre < mixed.post
    order = np.random.default_rng([seed, 1]).permutation(len(pairs))
    return Edges(mixed.pre[once], mixed.post[once], pairs.weight[order])


def _sorted(pre: np.ndarray, post: np.ndarray, weight: np.ndarray) -> Edges:
    """Returns edges in the order of (pre, post)."""
    order = np.lexsort((post, pre))
    return Edges(pre[order].astype(np.int32), post[order].astype(np.int32), weight[order])


@cache
def _kernel() -> Callable[..., None]:
    """Compiles the chain; the compiled code is cached beside this file."""
    from numba import njit

    @njit(cache=True)
    def swap_chain(pre, post, weight, place, num_one_way, num_mutual, num_proposals, rng):  # type: ignore[no-untyped-def]
        """Walks the chain in place. Edges: one-way, then mutual forward, then mutual back.

        `place[i, j]` is the index of the edge i -> j, or -1.
        """
        num_cells = place.shape[0]
        for _ in range(num_proposals):
            kind = rng.integers(0, num_one_way + num_mutual)
            if kind < num_one_way:
                if rng.random() < 0.9:
                    swap_one_way(pre, post, place, kind, rng.integers(0, num_one_way))
                else:
                    turn_cycle(pre, post, place, num_one_way, kind, rng.integers(0, num_cells))
            else:
                other = num_one_way + rng.integers(0, num_mutual)
                swap_mutual(pre, post, weight, place, num_mutual, kind, other, rng.random() < 0.5)

    @njit(cache=True)
    def swap_one_way(pre, post, place, i, j):  # type: ignore[no-untyped-def]
        """Turns a -> b, c -> d into a -> d, c -> b."""
        a, b, c, d = pre[i], post[i], pre[j], post[j]
        if a == d or c == b or a == c or b == d:
            return
        if place[a, d] >= 0 or place[d, a] >= 0 or place[c, b] >= 0 or place[b, c] >= 0:
            return
        place[a, b], place[c, d], place[a, d], place[c, b] = -1, -1, i, j
        post[i], post[j] = d, b

    @njit(cache=True)
    def turn_cycle(pre, post, place, num_one_way, i, c):  # type: ignore[no-untyped-def]
        """Turns a -> b -> c -> a into a -> c -> b -> a, if all three are one-way."""
        a, b = pre[i], post[i]
        j, k = place[b, c], place[c, a]
        if j < 0 or k < 0 or j >= num_one_way or k >= num_one_way:
            return
        place[a, b], place[b, c], place[c, a] = -1, -1, -1
        place[a, c], place[b, a], place[c, b] = i, j, k
        post[i], post[j], post[k] = c, a, b

    @njit(cache=True)
    def swap_mutual(pre, post, weight, place, num_mutual, i, j, flip):  # type: ignore[no-untyped-def]
        """{a, b}, {c, d} become {a, d}, {c, b}; `flip` reads the second pair as {d, c}."""
        i_back, j_forth, j_back = i + num_mutual, j, j + num_mutual
        if flip:
            j_forth, j_back = j_back, j_forth
        a, b, c, d = pre[i], post[i], pre[j_forth], post[j_forth]
        if a == d or c == b or a == c or b == d:
            return
        if place[a, d] >= 0 or place[d, a] >= 0 or place[c, b] >= 0 or place[b, c] >= 0:
            return
        place[a, b], place[b, a], place[c, d], place[d, c] = -1, -1, -1, -1
        # The pairs are now (a -> d, d -> a) at i and (c -> b, b -> c) at j: the backward edges change place,
        # and their weights go with their presynaptic cells d and b.
        post[i], post[j_forth] = d, b
        pre[i_back], post[i_back], pre[j_back], post[j_back] = d, a, b, c
        weight[i_back], weight[j_back] = weight[j_back], weight[i_back]
        place[a, d], place[d, a], place[c, b], place[b, c] = i, i_back, j_forth, j_back

    return swap_chain
