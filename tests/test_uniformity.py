"""The chains visit every wiring of the same degrees equally often: graphs small enough to list them all."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare

from neuroevo.connectome.model import Edges
from neuroevo.wiring.null_models import Keep, rewire, rewire_pairs

SAMPLES_EACH = 25  # expected visits to each wiring
GRAPHS = {  # name -> edges; see `test_graphs_are_the_hard_ones`
    "lone three-cycle": [(0, 1), (1, 2), (2, 0)],
    "path of three": [(0, 1), (1, 2), (2, 3)],
    "three-cycle and a pair": [(0, 1), (1, 2), (2, 0), (0, 3), (3, 0)],
    "pair across a path": [(0, 1), (1, 0), (2, 3), (3, 2), (0, 3), (2, 1)],
    "five cells": [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (0, 2)],
    "two pairs and a tail": [(0, 1), (1, 0), (2, 3), (3, 2), (3, 4), (4, 0)],
}


def degrees(matrix: np.ndarray, mutual: bool) -> tuple[int, ...]:
    kept = [matrix.sum(0), matrix.sum(1)] + [(matrix & matrix.T).sum(0)] * mutual
    return tuple(np.concatenate(kept).tolist())


def realisations(edges: list[tuple[int, int]], mutual: bool) -> set[frozenset[tuple[int, int]]]:
    """Lists all wirings with the degrees of one."""
    num_cells = 1 + max(max(edge) for edge in edges)
    cells = range(num_cells)

    def of(chosen: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
        matrix = np.zeros((num_cells, num_cells), bool)
        matrix[tuple(zip(*chosen, strict=True))] = True
        return degrees(matrix, mutual)

    wanted = of(tuple(edges))
    out = [sum(pre == cell for pre, _ in edges) for cell in cells]
    rows = [itertools.combinations([(i, j) for j in cells if j != i], out[i]) for i in cells]
    chosen = (tuple(itertools.chain(*row)) for row in itertools.product(*rows))
    return {frozenset(c) for c in chosen if of(c) == wanted}


def visits(
    edges: list[tuple[int, int]], mutual: bool, num_samples: int
) -> Counter[frozenset[tuple[int, int]]]:
    pre, post = np.array(edges).T
    order = np.lexsort((post, pre))
    source = Edges(pre[order], post[order], np.ones(len(pre)))
    seen: Counter[frozenset[tuple[int, int]]] = Counter()
    for seed in range(num_samples):
        new = rewire(source, 1 + max(pre.max(), post.max()), seed=seed, keep=Keep(mutual=mutual)).edges
        seen[frozenset(zip(new.pre.tolist(), new.post.tolist(), strict=True))] += 1
    return seen


@pytest.mark.parametrize("mutual", [False, True], ids=["degree", "degree-mutual"])
@pytest.mark.parametrize("name", GRAPHS)
def test_chain_visits_every_wiring_equally_often(name: str, mutual: bool) -> None:
    all_wirings = realisations(GRAPHS[name], mutual)
    seen = visits(GRAPHS[name], mutual, SAMPLES_EACH * len(all_wirings))
    assert seen.keys() == all_wirings
    if len(all_wirings) > 1:
        assert chisquare(list(seen.values())).pvalue > 0.001


def test_graphs_are_the_hard_ones() -> None:
    sizes = {name: [len(realisations(e, mutual)) for mutual in (False, True)] for name, e in GRAPHS.items()}
    assert sizes["lone three-cycle"] == [2, 2]  # no swap applies: only turning the cycle moves
    assert sizes["path of three"][1] == 2  # swaps would make a mutual pair: only a trade moves
    assert sizes["pair across a path"][1] > 1  # pairs and one-way edges stand in each other's way
    assert max(max(s) for s in sizes.values()) > 20


def test_pair_chain_visits_every_undirected_wiring_equally_often() -> None:
    pairs = [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4), (0, 2)]
    degree = np.bincount(np.array(pairs).ravel())
    all_wirings = {
        frozenset(chosen)
        for chosen in itertools.combinations(itertools.combinations(range(5), 2), len(pairs))
        if (np.bincount(np.array(chosen).ravel(), minlength=5) == degree).all()
    }
    source = Edges(*np.array(sorted(pairs)).T, np.arange(1, 7))
    seen: Counter[frozenset[tuple[int, int]]] = Counter()
    heavy: Counter[int] = Counter()
    for seed in range(SAMPLES_EACH * len(all_wirings)):
        new = rewire_pairs(source, 5, seed=seed).edges
        seen[frozenset(zip(new.pre.tolist(), new.post.tolist(), strict=True))] += 1
        heavy.update([int(new.weight.argmax())])
    assert seen.keys() == all_wirings and len(all_wirings) > 5
    assert chisquare(list(seen.values())).pvalue > 0.001
    assert len(heavy) == len(pairs)  # the heaviest gap junction gets everywhere


def test_labels_restrict_the_wirings_and_leave_them_equally_likely() -> None:
    edges = [(0, 2), (1, 3), (2, 1), (3, 0), (0, 1)]
    labels = np.array([0, 0, 1, 1])

    def towards(wiring: frozenset[tuple[int, int]]) -> list[tuple[int, ...]]:
        return sorted(
            [(0, i, int(labels[j])) for i, j in wiring] + [(1, j, int(labels[i])) for i, j in wiring]
        )

    def mutual_towards(wiring: frozenset[tuple[int, int]]) -> list[tuple[int, ...]]:
        return sorted((i, int(labels[j])) for i, j in wiring if (j, i) in wiring)

    source = frozenset(edges)
    all_wirings = {
        w
        for w in realisations(edges, True)
        if towards(w) == towards(source) and mutual_towards(w) == mutual_towards(source)
    }
    wiring = Edges(*np.array(sorted(edges)).T, np.ones(len(edges)))
    seen: Counter[frozenset[tuple[int, int]]] = Counter()
    for seed in range(SAMPLES_EACH * len(all_wirings)):
        new = rewire(wiring, 4, seed=seed, keep=Keep(labels=labels)).edges
        seen[frozenset(zip(new.pre.tolist(), new.post.tolist(), strict=True))] += 1
    assert seen.keys() == all_wirings and len(all_wirings) > 1
    assert chisquare(list(seen.values())).pvalue > 0.001
