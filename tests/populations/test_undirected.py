"""Null models of an undirected connectome are undirected, by swaps of pairs, and so are their mutants."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from scipy.stats import chisquare

import populations
import run as cli
from neuroevo.connectome import bundled
from neuroevo.connectome.catalog import load
from neuroevo.connectome.graphs import from_networkx, to_networkx
from neuroevo.connectome.model import Connectome, Edges, both_ways, is_symmetric, once
from neuroevo.errors import ConnectomeError
from neuroevo.plugins import priors
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.null_models import in_strength, length_bins
from neuroevo.wiring.statistics import neurons_of
from neuroevo.wiring.triads import triad_census
from tests.wirings import matrix_of

assert populations  # registers the priors

SWAPS = ("lengths", "boundary", "classes", "stats-prior", "degree-mutual", "strength", "connected", "degree")
SHUFFLES = ("weights-shuffled", "signs-shuffled")
RANDOM = ("counts", "random", "small-world", "scale-free", "sbm")


def graph(seed: int = 1, num_cells: int = 60) -> nx.Graph:
    """A graph with clusters, weights, positions and three roles, each class of four cells."""
    rng = np.random.default_rng(seed)
    result = nx.connected_watts_strogatz_graph(num_cells, 6, 0.3, seed=seed)
    for pre, post in result.edges:
        result.edges[pre, post]["weight"] = int(rng.integers(1, 20))
    for cell in result:
        role = ("sensory", "interneuron", "motor")[cell % 3]
        result.add_node(cell, pos=tuple(rng.normal(size=3)), role=role, **{"class": f"c{cell % 15}"})
    return result


@pytest.fixture(scope="module")
def brain() -> Connectome:
    return from_networkx(graph(), "brain")


def sample(name: str, wiring: Connectome, seed: int = 1, **options: object) -> Architecture:
    return priors.get(name).target(wiring, seed=seed, **options)


def test_undirected_graph_is_read_as_one_synapse_each_way(brain: Connectome) -> None:
    source = graph()
    assert brain.is_undirected and len(brain.chemical) == 2 * source.number_of_edges()
    expected = nx.to_numpy_array(source, weight="weight")
    matrix = np.zeros_like(expected)
    matrix[brain.chemical.pre, brain.chemical.post] = brain.chemical.weight
    np.testing.assert_array_equal(matrix, expected)
    assert from_networkx(to_networkx(brain)).is_undirected
    assert is_symmetric(both_ways(once(brain.chemical)))


@pytest.mark.parametrize("suffix", [".graphml", ".gml", ".net"])
def test_undirected_files_are_read_as_they_are(tmp_path: Path, suffix: str) -> None:
    writer = {".graphml": nx.write_graphml, ".gml": nx.write_gml, ".net": nx.write_pajek}[suffix]
    plain = nx.Graph()
    plain.add_weighted_edges_from([("a", "b", 2), ("b", "c", 1)])
    writer(plain, tmp_path / f"small{suffix}")
    wiring = load(str(tmp_path / f"small{suffix}"))
    assert wiring.is_undirected and len(wiring.chemical) == 4


def test_symmetric_matrices_are_undirected(tmp_path: Path) -> None:
    matrix = nx.to_numpy_array(graph(), weight="weight")
    np.save(tmp_path / "brain.npy", matrix)
    assert load(str(tmp_path / "brain.npy")).is_undirected
    matrix[tuple(np.argwhere(matrix)[0])] += 1
    np.save(tmp_path / "other.npy", matrix)
    assert not load(str(tmp_path / "other.npy")).is_undirected


@pytest.mark.parametrize("name", bundled.names())
def test_measured_wirings_have_directions(name: str) -> None:
    assert not load(name).is_undirected


def test_gap_junctions_alone_are_undirected_and_edges_on_muscles_are_not() -> None:
    gaps = nx.Graph([(1, 2), (2, 3)])
    nx.set_edge_attributes(gaps, "electrical", "kind")
    wiring = from_networkx(gaps)
    assert wiring.is_undirected and len(wiring.electrical) == 2 and not len(wiring.chemical)
    muscle = nx.Graph([("a", "m"), ("a", "b")])
    muscle.add_node("m", role="muscle")
    with pytest.raises(ConnectomeError, match="no direction and ends on a muscle") as caught:
        from_networkx(muscle)
    assert "\n" not in str(caught.value)
    for other in (nx.DiGraph([(1, 2), (2, 1), (2, 3)]), nx.DiGraph([(1, 2)])):
        assert not from_networkx(other).is_undirected
    heavier = nx.DiGraph([(1, 2), (2, 1)])
    heavier.edges[1, 2]["weight"] = 2
    assert not from_networkx(heavier).is_undirected


@pytest.mark.parametrize("name", [*SWAPS, *SHUFFLES, *RANDOM])
def test_null_models_and_their_mutants_are_undirected(brain: Connectome, name: str) -> None:
    parent = sample(name, brain)
    assert is_symmetric(parent.synapses) and len(parent.synapses) == len(brain.chemical)
    np.testing.assert_array_equal(np.sort(parent.synapses.weight), np.sort(brain.chemical.weight))
    mutate = priors.get(name).mutate
    assert mutate is not None
    for seed in range(4):
        child = mutate(brain, parent, seed=seed, **priors.get(name).defaults)
        edges, origin = child.architecture.synapses, child.synapses
        assert is_symmetric(edges)
        np.testing.assert_array_equal(np.sort(origin), np.arange(len(edges)))
        if name not in SHUFFLES:
            np.testing.assert_array_equal(edges.weight, parent.synapses.weight[origin])
        parent = child.architecture


@pytest.mark.parametrize("name", SWAPS)
@pytest.mark.parametrize("rewired", [0.3, 1.0])
def test_swaps_of_pairs_keep_degrees_and_what_the_prior_says(
    brain: Connectome, name: str, rewired: float
) -> None:
    new = sample(name, brain, rewired=rewired)
    assert is_symmetric(new.synapses) and any("undirected" in note for note in new.notes)
    before, after = matrix_of(brain), matrix_of(new)
    np.testing.assert_array_equal(after.sum(0), before.sum(0))
    if name != "classes":
        assert (after != before).any()
    if name == "stats-prior":
        assert triad_census(neurons_of(new)) == triad_census(neurons_of(brain))
    if name == "connected":
        assert nx.is_connected(nx.Graph(after))
    if name == "lengths":
        bins = length_bins(brain.position, brain.chemical)
        np.testing.assert_array_equal(
            *(np.sort(bins.bins(e.pre, e.post)) for e in (new.chemical, brain.chemical))
        )
    if name == "strength":
        off = np.abs(in_strength(new, "chemical") - in_strength(brain, "chemical")).sum()
        assert off < 0.02 * brain.chemical.weight.sum()
    else:
        assert is_symmetric(sample(name, brain, rewired=rewired, weights="shuffle").synapses)


def test_dose_zero_is_the_undirected_connectome(brain: Connectome) -> None:
    for name in SWAPS:
        assert sample(name, brain, rewired=0.0).content_hash == Architecture.of(brain).content_hash


def test_degree_visits_every_undirected_wiring_equally_often_as_double_edge_swaps_do() -> None:
    pairs = [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4), (0, 2)]
    source = nx.Graph(pairs)
    degree = [source.degree[cell] for cell in range(5)]
    every = {
        frozenset(chosen)
        for chosen in itertools.combinations(itertools.combinations(range(5), 2), len(pairs))
        if (np.bincount(np.array(chosen).ravel(), minlength=5) == degree).all()
    }
    ordered = nx.Graph()
    ordered.add_nodes_from(range(5))
    ordered.add_edges_from(pairs)
    wiring = from_networkx(ordered)
    ours: Counter[frozenset[tuple[int, int]]] = Counter()
    for seed in range(25 * len(every)):
        new: Edges = once(sample("degree", wiring, seed).synapses)
        ours[frozenset(zip(new.pre.tolist(), new.post.tolist(), strict=True))] += 1
    theirs = set()
    for seed in range(40 * len(every)):
        swapped = nx.double_edge_swap(ordered.copy(), nswap=8, max_tries=10_000, seed=seed)
        theirs.add(frozenset((min(edge), max(edge)) for edge in swapped.edges))
    assert ours.keys() == every == theirs and len(every) > 5
    assert chisquare(list(ours.values())).pvalue > 0.001


def test_stats_says_that_a_wiring_is_undirected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    nx.write_gml(nx.gnm_random_graph(20, 50, seed=1), "brain.gml")
    assert cli.main(["stats", "--connectome", "brain.gml", "--genome", "degree", "--samples", "2"]) == 0
    out = capsys.readouterr().out
    assert "each synapse of the source has its reverse" in out and "degree: the wiring is undirected" in out
