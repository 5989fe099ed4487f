"""Strengths are annealed to those wanted, and connected wirings stay so, on any graph and at any dose."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import populations
from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Edges
from neuroevo.errors import OptionError
from neuroevo.plugins import priors
from neuroevo.wiring import null_models
from neuroevo.wiring.null_models import Keep, in_strength, rewire, rewire_pairs
from tests.promises import num_pieces
from tests.wiring.test_null_models import check_kept, random_edges, towards_pairs

assert populations  # registers the priors

GRAPHS = {"seed": st.integers(0, 10**6), "num_cells": st.integers(3, 25), "density": st.floats(0, 1)}
DOSES = st.sampled_from([0.0, 0.2, 0.7, 1.0])


def sums(edges: Edges, num_cells: int, both_ends: bool = False) -> np.ndarray:
    strength = np.bincount(edges.post, edges.weight, num_cells)
    return strength + np.bincount(edges.pre, edges.weight, num_cells) if both_ends else strength


@given(**GRAPHS, rewired=DOSES)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_annealing_keeps_degrees_and_tells_how_far_strengths_are(
    seed: int, num_cells: int, density: float, rewired: float
) -> None:
    edges = random_edges(seed, num_cells, density)
    keep = Keep(mutual=False, strength=sums(edges, num_cells))
    sample = rewire(edges, num_cells, seed=seed, keep=keep, rewired=rewired)
    check_kept(edges, sample.edges, num_cells, mutual=False)
    off = np.abs(sums(sample.edges, num_cells) - sums(edges, num_cells)).sum()
    assert sample.strength_distance == pytest.approx(off, abs=1e-3)
    free = rewire(edges, num_cells, seed=seed, keep=Keep(mutual=False), rewired=rewired)
    assert off <= np.abs(sums(free.edges, num_cells) - sums(edges, num_cells)).sum() or rewired < 1


@given(**GRAPHS, rewired=DOSES)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_annealing_of_pairs_keeps_partners_and_each_weight_once(
    seed: int, num_cells: int, density: float, rewired: float
) -> None:
    rng = np.random.default_rng(seed)
    above = np.triu(rng.random((num_cells, num_cells)) < density, 1)
    pre, post = np.nonzero(above)
    pairs = Edges(pre, post, rng.integers(1, 50, len(pre)))
    labels = rng.integers(0, 2, num_cells)
    wanted = sums(pairs, num_cells, both_ends=True)
    keep = Keep(labels=labels, strength=wanted)
    sample = rewire_pairs(pairs, num_cells, seed=seed, keep=keep, rewired=rewired)
    assert sorted(sample.edges.weight) == sorted(pairs.weight)
    np.testing.assert_array_equal(towards_pairs(sample.edges, labels), towards_pairs(pairs, labels))
    off = np.abs(sums(sample.edges, num_cells, both_ends=True) - wanted).sum()
    assert sample.strength_distance == pytest.approx(off, abs=1e-3)


@pytest.mark.parametrize("kind", ["chemical", "neuromuscular", "electrical"])
def test_strengths_of_the_worm_are_all_but_met_where_degrees_alone_miss_them(kind: str) -> None:
    worm = load("celegans")
    wanted = in_strength(worm, kind)
    off = {
        name: np.abs(in_strength(priors.get(name).target(worm, seed=2), kind) - wanted).sum() / wanted.sum()
        for name in ("degree", "strength")
    }
    assert off["strength"] < (0.05 if kind == "electrical" else 0.001) and off["degree"] > 0.3


def test_strength_has_as_little_in_common_with_the_worm_as_degree_has() -> None:
    worm = load("celegans")
    keep = Keep(mutual=False, strength=in_strength(worm, "chemical"))
    shared = [
        rewire(worm.chemical, worm.num_cells, seed=1, keep=k).overlap for k in (Keep(mutual=False), keep)
    ]
    assert shared[1] == pytest.approx(shared[0], abs=0.03)


def test_strength_says_what_it_missed_and_by_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(null_models, "STRENGTHS", 1)
    monkeypatch.setattr(null_models, "STRENGTHS_FLOOR", 0)
    worm = load("celegans-motor")
    sample = priors.get("strength").target(worm, seed=0)
    for kind, name in (("chemical", "incoming chemical synapses"), ("electrical", "gap junctions")):
        off = np.abs(in_strength(sample, kind) - in_strength(worm, kind)).sum()
        note = next(note for note in sample.notes if name in note)
        assert off > 0 and f"within {off:.4g} of {in_strength(worm, kind).sum():.6g} " in note


def test_strengths_are_not_matched_together_with_mutual_degrees_or_triads() -> None:
    edges = random_edges(0, 8, 0.4)
    wanted = sums(edges, 8)
    with pytest.raises(OptionError, match="keep no mutual ones"):
        rewire(edges, 8, seed=0, keep=Keep(strength=wanted))
    with pytest.raises(OptionError, match="keep one of them"):
        rewire_pairs(edges, 8, seed=0, keep=Keep(strength=wanted, triads=True))


@given(**GRAPHS, rewired=DOSES, mutual=st.booleans())
@settings(max_examples=30, deadline=None, derandomize=True)
def test_connected_wirings_are_in_no_more_pieces_than_the_source(
    seed: int, num_cells: int, density: float, rewired: float, mutual: bool
) -> None:
    edges = random_edges(seed, num_cells, density**3)  # sparse ones fall apart
    sample = rewire(edges, num_cells, seed=seed, keep=Keep(mutual=mutual, connected=True), rewired=rewired)
    check_kept(edges, sample.edges, num_cells, mutual)
    assert num_pieces(sample.edges) <= num_pieces(edges)


def test_a_tree_stays_one_where_degrees_alone_cut_it() -> None:
    tree = nx.random_labeled_tree(40, seed=1)
    pairs = Edges(*np.array(sorted(sorted(edge) for edge in tree.edges)).T, np.ones(39))
    for seed in range(5):
        sample = rewire_pairs(pairs, 40, seed=seed, keep=Keep(connected=True))
        assert num_pieces(sample.edges) == 1 and sample.overlap < 0.5
        assert sample.moves > null_models.MOVES / 2
    assert max(num_pieces(rewire_pairs(pairs, 40, seed=seed).edges) for seed in range(5)) > 1


def test_connected_keeps_gap_junctions_together_where_degree_cuts_them() -> None:
    worm = load("celegans-motor")
    most = num_pieces(worm.electrical)
    pieces = {
        name: [num_pieces(priors.get(name).target(worm, seed=seed).electrical) for seed in range(30)]
        for name in ("degree", "connected")
    }
    assert max(pieces["degree"]) > most >= max(pieces["connected"])
