"""The chains visit every wiring of the same degrees equally often: graphs small enough to list them all."""

from __future__ import annotations

import itertools
from collections import Counter

import networkx
import numpy as np
import pytest
from scipy.stats import chisquare

from neuroevo.connectome.model import Edges
from neuroevo.wiring import null_models
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
    edges: list[tuple[int, int]], mutual: bool, num_samples: int, connected: bool = False
) -> Counter[frozenset[tuple[int, int]]]:
    pre, post = np.array(edges).T
    order = np.lexsort((post, pre))
    source = Edges(pre[order], post[order], np.ones(len(pre)))
    keep = Keep(mutual=mutual, connected=connected)
    seen: Counter[frozenset[tuple[int, int]]] = Counter()
    for seed in range(num_samples):
        new = rewire(source, 1 + max(pre.max(), post.max()), seed=seed, keep=keep).edges
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


@pytest.mark.parametrize("name", GRAPHS)
def test_trades_visit_every_wiring_of_the_degrees_equally_often(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(null_models, "MANY", 0)
    all_wirings = realisations(GRAPHS[name], mutual=False)
    seen = visits(GRAPHS[name], False, SAMPLES_EACH * len(all_wirings))
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


# --- strengths ----------------------------------------------------------------------------------------

Weighed = frozenset[tuple[int, int, float]]
WEIGHED = {  # name -> edges with weights
    "five cells": [(0, 1, 1), (1, 2, 2), (2, 3, 1), (3, 4, 3), (4, 0, 1), (0, 2, 2), (3, 1, 1)],
    "lone three-cycle": [(0, 1, 1), (1, 2, 1), (2, 0, 1)],
    "six cells": [(0, 1, 1), (1, 2, 1), (2, 3, 2), (3, 4, 1), (4, 5, 1), (5, 0, 2), (0, 3, 2)],
    "two sizes": [(0, 1, 2), (0, 2, 1), (1, 2, 2), (1, 3, 1), (2, 3, 1), (3, 0, 2), (2, 0, 2)],
    "tenths": [(0, 1, 0.1), (0, 2, 0.2), (1, 2, 0.3), (1, 3, 0.1), (2, 3, 0.2), (3, 0, 0.3), (3, 1, 0.2)],
}


def with_strengths(edges: list[tuple[int, int, float]]) -> set[Weighed]:
    """Lists all wirings with the degrees, each cell's outgoing weights and the in-strengths of one."""

    def in_strength(wiring: Weighed) -> dict[int, float]:
        return {j: round(sum(w for _, post, w in wiring if post == j), 6) for _, j, _ in wiring}

    weights = {i: [w for pre, _, w in edges if pre == i] for i, _, _ in edges}
    wanted = in_strength(frozenset(edges))
    wirings = set()
    for places in realisations([(i, j) for i, j, _ in edges], False):
        targets = {i: sorted(j for pre, j in places if pre == i) for i in weights}
        orders = [set(itertools.permutations(weights[i])) for i in weights]
        for chosen in itertools.product(*orders):
            wiring = frozenset(
                (i, j, w)
                for i, row in zip(weights, chosen, strict=True)
                for j, w in zip(targets[i], row, strict=True)
            )
            if in_strength(wiring) == wanted:
                wirings.add(wiring)
    return wirings


def weighed(edges: Edges) -> Weighed:
    columns = edges.pre.tolist(), edges.post.tolist(), np.round(edges.weight.astype(float), 6).tolist()
    return frozenset(zip(*columns, strict=True))


@pytest.mark.parametrize("name", WEIGHED)
def test_annealing_visits_every_wiring_with_the_strengths_equally_often(name: str) -> None:
    all_wirings = with_strengths(WEIGHED[name])
    assert len(all_wirings) > 1
    pre, post, weight = np.array(sorted(WEIGHED[name])).T
    source = Edges(pre, post, weight)
    keep = Keep(mutual=False, strength=np.bincount(source.post, source.weight))
    seen: Counter[Weighed] = Counter()
    for seed in range(SAMPLES_EACH * len(all_wirings)):
        sample = rewire(source, int(max(pre.max(), post.max())) + 1, seed=seed, keep=keep)
        if sample.strength_distance == 0:
            seen[weighed(sample.edges)] += 1
    assert seen.keys() == all_wirings and seen.total() > 0.9 * SAMPLES_EACH * len(all_wirings)
    assert chisquare(list(seen.values())).pvalue > 0.001


def test_annealing_visits_every_undirected_wiring_with_the_strengths_equally_often() -> None:
    pairs = [(0, 1, 1), (1, 2, 2), (2, 3, 1), (3, 4, 2), (0, 4, 1), (0, 2, 2), (1, 4, 1)]
    num_cells = 5

    def sums(wiring: tuple[tuple[int, int, float], ...]) -> tuple[np.ndarray, np.ndarray]:
        degree, strength = np.zeros(num_cells), np.zeros(num_cells)
        for i, j, w in wiring:
            degree[[i, j]] += 1
            strength[[i, j]] += w
        return degree, strength

    places = itertools.combinations(itertools.combinations(range(num_cells), 2), len(pairs))
    orders = set(itertools.permutations([w for *_, w in pairs]))
    candidates = (
        tuple((i, j, w) for (i, j), w in zip(chosen, order, strict=True))
        for chosen in places
        for order in orders
    )
    all_wirings = {frozenset(c) for c in candidates if np.array_equal(sums(c), sums(tuple(pairs)))}
    source = Edges(*np.array(sorted(pairs)).T)
    keep = Keep(strength=sums(tuple(pairs))[1])
    seen: Counter[Weighed] = Counter()
    for seed in range(SAMPLES_EACH * len(all_wirings)):
        seen[weighed(rewire_pairs(source, num_cells, seed=seed, keep=keep).edges)] += 1
    assert seen.keys() == all_wirings and len(all_wirings) > 5
    assert chisquare(list(seen.values())).pvalue > 0.001


# --- in one piece -------------------------------------------------------------------------------------

HANGING = {  # name -> edges and whether swaps can cut them to pieces
    "path of four": [(0, 1), (1, 2), (3, 2), (3, 4)],
    "star and a tail": [(0, 1), (0, 2), (3, 0), (3, 4), (4, 5)],
    "pairs in a row": [(0, 1), (1, 0), (1, 2), (2, 3), (3, 2)],
    "ring of five": [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)],
    "two pieces": [(0, 1), (2, 3), (2, 4)],
    "two pieces of pairs": [(0, 1), (1, 0), (2, 3), (3, 2), (3, 4)],
}


def pieces(wiring: frozenset[tuple[int, int]]) -> int:
    graph = networkx.DiGraph(list(wiring))
    return networkx.number_weakly_connected_components(graph)


@pytest.mark.parametrize("mutual", [False, True], ids=["degree", "degree-mutual"])
@pytest.mark.parametrize("name", HANGING)
def test_chain_visits_every_wiring_that_hangs_together_equally_often(name: str, mutual: bool) -> None:
    edges = HANGING[name]
    every = realisations(edges, mutual)
    most = pieces(frozenset(edges))
    all_wirings = {wiring for wiring in every if pieces(wiring) <= most}
    seen = visits(edges, mutual, SAMPLES_EACH * len(all_wirings), connected=True)
    assert seen.keys() == all_wirings
    if len(all_wirings) > 1:
        assert chisquare(list(seen.values())).pvalue > 0.001


def test_hanging_graphs_can_be_cut() -> None:
    cut = {
        name: sum(pieces(w) > pieces(frozenset(edges)) for w in realisations(edges, False))
        for name, edges in HANGING.items()
    }
    assert sum(number > 0 for number in cut.values()) >= 3
    several = {name: pieces(frozenset(edges)) for name, edges in HANGING.items()}
    assert several["two pieces"] == several["two pieces of pairs"] == 2


def test_pair_chain_visits_every_connected_wiring_equally_often() -> None:
    pairs = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (1, 4)]
    degree = np.bincount(np.array(pairs).ravel())
    all_wirings = {
        frozenset(chosen)
        for chosen in itertools.combinations(itertools.combinations(range(6), 2), len(pairs))
        if (np.bincount(np.array(chosen).ravel(), minlength=6) == degree).all()
        and networkx.is_connected(networkx.Graph(list(chosen)))
    }
    source = Edges(*np.array(sorted(pairs)).T, np.arange(1, 7))
    seen: Counter[frozenset[tuple[int, int]]] = Counter()
    for seed in range(SAMPLES_EACH * len(all_wirings)):
        new = rewire_pairs(source, 6, seed=seed, keep=Keep(connected=True)).edges
        seen[frozenset(zip(new.pre.tolist(), new.post.tolist(), strict=True))] += 1
    assert seen.keys() == all_wirings and len(all_wirings) > 5
    assert chisquare(list(seen.values())).pvalue > 0.001
