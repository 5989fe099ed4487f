"""The swap chain keeps degrees, mutual degrees and weights exactly, and moves."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroevo.connectome import Edges, load
from neuroevo.errors import ConnectomeError
from neuroevo.rewiring import rewire, rewire_pairs


def adjacency(edges: Edges, num_cells: int) -> np.ndarray:
    matrix = np.zeros((num_cells, num_cells), bool)
    matrix[edges.pre, edges.post] = True
    return matrix


def random_edges(seed: int, num_cells: int, density: float) -> Edges:
    rng = np.random.default_rng(seed)
    allowed = rng.random((num_cells, num_cells)) < density
    np.fill_diagonal(allowed, False)
    pre, post = np.nonzero(allowed)
    return Edges(pre, post, rng.integers(1, 50, len(pre)))


def check_kept(edges: Edges, new: Edges, num_cells: int) -> None:
    before, after = adjacency(edges, num_cells), adjacency(new, num_cells)
    assert len(new) == len(edges) == after.sum()  # no double edges
    assert not after.diagonal().any()
    np.testing.assert_array_equal(after.sum(0), before.sum(0))
    np.testing.assert_array_equal(after.sum(1), before.sum(1))
    np.testing.assert_array_equal((after & after.T).sum(0), (before & before.T).sum(0))
    for cell in range(num_cells):
        assert sorted(edges.weight[edges.pre == cell]) == sorted(new.weight[new.pre == cell])


@given(seed=st.integers(0, 10**6), num_cells=st.integers(2, 25), density=st.floats(0, 1))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_rewire_keeps_degrees_and_outgoing_weights_of_any_graph(
    seed: int, num_cells: int, density: float
) -> None:
    edges = random_edges(seed, num_cells, density)
    check_kept(edges, rewire(edges, num_cells, seed=seed), num_cells)


@pytest.mark.parametrize("seed", range(3))
def test_rewire_moves_the_whole_worm(seed: int) -> None:
    worm = load("celegans")
    new = rewire(worm.chemical, worm.num_cells, seed=seed)
    check_kept(worm.chemical, new, worm.num_cells)
    shared = adjacency(worm.chemical, worm.num_cells) & adjacency(new, worm.num_cells)
    assert 0.05 < shared.sum() / len(new) < 0.13  # what degrees alone leave in common


def test_rewire_same_seed_same_graph_and_different_seed_another() -> None:
    worm = load("celegans-motor")
    first, again, other = (rewire(worm.chemical, worm.num_cells, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.post, again.post)
    assert (first.post != other.post).any()


def test_rewire_leaves_its_input_alone() -> None:
    edges = random_edges(0, 20, 0.3)
    before = edges.post.copy()
    rewire(edges, 20, seed=0)
    np.testing.assert_array_equal(edges.post, before)


def test_rewire_turns_a_lone_three_cycle_both_ways() -> None:
    cycle = Edges(np.array([0, 1, 2]), np.array([1, 2, 0]), np.ones(3))
    seen = Counter(tuple(rewire(cycle, 3, seed=s).post) for s in range(200))
    assert set(seen) == {(1, 2, 0), (2, 0, 1)}  # two wirings have these degrees; swaps alone reach one
    assert min(seen.values()) > 60


def test_rewire_pairs_keeps_numbers_of_partners() -> None:
    worm = load("celegans")
    neurons = ~worm.is_muscle[worm.electrical.post] & ~worm.is_muscle[worm.electrical.pre]
    pairs = Edges(*(a[neurons] for a in (worm.electrical.pre, worm.electrical.post, worm.electrical.weight)))
    new = rewire_pairs(pairs, worm.num_cells, seed=3)
    assert (new.pre < new.post).all()

    def partners(edges: Edges) -> np.ndarray:
        return np.bincount(np.concatenate([edges.pre, edges.post]), minlength=worm.num_cells)

    np.testing.assert_array_equal(partners(new), partners(pairs))
    assert sorted(new.weight) == sorted(pairs.weight)
    assert len(
        {*zip(new.pre, new.post, strict=True)} & {*zip(pairs.pre, pairs.post, strict=True)}
    ) < 0.2 * len(pairs)


def test_rewire_refuses_an_autapse() -> None:
    with pytest.raises(ConnectomeError, match="autapse"):
        rewire(Edges(np.array([0, 1]), np.array([1, 1]), np.ones(2)), 2, seed=0)
