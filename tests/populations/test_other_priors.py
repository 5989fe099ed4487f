"""Priors that are not made by swaps: generative graphs, dense and layered networks keep what they promise."""

from __future__ import annotations

import numpy as np
import pytest

import populations
from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Connectome
from neuroevo.plugins import priors
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.statistics import clustering, in_degree, neurons_of, out_degree

assert populations  # registers the priors


@pytest.fixture(params=["celegans", "celegans-motor", "celegans-perimotor"], scope="module")
def worm(request: pytest.FixtureRequest) -> Connectome:
    return load(request.param)


def sample(name: str, worm: Connectome, seed: int = 0, **options: object) -> Architecture:
    return priors.get(name).target(worm, seed=seed, **options)


def core(architecture: Architecture) -> int:
    return architecture.core_layout.core


@pytest.mark.parametrize("seed", range(3))
def test_counts_keeps_numbers_and_signs_of_neurons_and_synapses(worm: Connectome, seed: int) -> None:
    graph = sample("counts", worm, seed)
    exact = Architecture.of(worm)
    assert sorted(graph.sign[~worm.is_muscle]) == sorted(worm.sign[~worm.is_muscle])
    for value in (1, -1):
        new, old = (a.synapses.weight[a.sign[a.synapses.pre] == value] for a in (graph, exact))
        np.testing.assert_array_equal(np.sort(new), np.sort(old))
    assert (graph.sign != worm.sign).any()
    assert len(graph.neuromuscular) != len(exact.neuromuscular)


@pytest.mark.parametrize("name", ["small-world", "scale-free", "sbm"])
@pytest.mark.parametrize("seed", range(2))
def test_generative_keeps_synapses_and_section_counts(worm: Connectome, name: str, seed: int) -> None:
    graph = sample(name, worm, seed)
    for kind in ("chemical", "neuromuscular", "electrical"):
        new, old = getattr(graph, kind).weight, getattr(worm, kind).weight
        np.testing.assert_array_equal(np.sort(new), np.sort(old))


@pytest.mark.parametrize("circuit", ["celegans", "celegans-motor"])
def test_small_world_has_the_clustering_of_the_connectome(circuit: str) -> None:
    source = load(circuit)
    graph = np.mean([clustering(neurons_of(sample("small-world", source, s))) for s in range(5)])
    assert graph == pytest.approx(clustering(neurons_of(source)), rel=0.15)


def test_small_world_has_nearly_equal_degrees() -> None:
    worm = load("celegans")
    graph, source = neurons_of(sample("small-world", worm)), neurons_of(worm)
    assert out_degree(graph).std() < 0.1 * out_degree(source).std()
    assert in_degree(graph).std() < 0.5 * in_degree(source).std()


def test_scale_free_has_hubs_as_the_connectome_but_other_ones() -> None:
    worm = load("celegans")
    source = neurons_of(worm)
    rows = [neurons_of(sample("scale-free", worm, s)) for s in range(5)]
    for degree in (in_degree, out_degree):
        spread = np.mean([degree(m).std() for m in rows])
        uniform = degree(neurons_of(sample("random", worm))).std()
        assert spread > 2 * uniform
        assert spread == pytest.approx(degree(source).std(), rel=0.5)
        assert abs(np.corrcoef(degree(rows[0]), degree(rows[1]))[0, 1]) < 0.3


@pytest.mark.parametrize("blocks", ["role", "class"])
def test_sbm_keeps_synapses_between_blocks(worm: Connectome, blocks: str) -> None:
    named = np.array(worm.role if blocks == "role" else worm.cell_class)
    graph = sample("sbm", worm, 1, blocks=blocks)

    def table(edges) -> dict[tuple[str, str], int]:  # type: ignore[no-untyped-def]
        pairs, numbers = np.unique(
            np.stack([named[edges.pre], named[edges.post]]), axis=1, return_counts=True
        )
        return dict(zip(map(tuple, pairs.T), numbers, strict=True))

    for kind in ("chemical", "neuromuscular"):
        assert table(getattr(graph, kind)) == table(getattr(worm, kind))


def test_dense_matched_is_all_to_all_with_as_many_parameters(worm: Connectome) -> None:
    wanted = core(Architecture.of(worm))
    for seed in range(3):
        graph = sample("dense-matched", worm, seed)
        n, m = int((~graph.is_muscle).sum()), int(graph.is_muscle.sum())
        assert len(graph.synapses) == n * (n - 1) + n * m
        assert len(graph.inputs) and len(graph.outputs)
        assert core(graph) == pytest.approx(wanted, rel=0.1)
        live = graph.without_dead_ends()
        assert len(live.inputs) and len(live.outputs)


def test_dense_matched_keeps_signs_and_ports_of_the_cells_that_stay(worm: Connectome) -> None:
    graph = sample("dense-matched", worm, 4)
    place = {name: i for i, name in enumerate(worm.cells)}
    stay = np.array([place[name] for name in graph.cells])
    np.testing.assert_array_equal(graph.sign, worm.sign[stay])
    for port in ("inputs", "outputs"):
        assert set(stay[getattr(graph, port)]) == set(stay) & set(getattr(worm, port))


@pytest.mark.parametrize("name", ["mlp", "mlp-matched", "sparse-mlp"])
def test_layered_networks_feed_forward_from_inputs_to_outputs(worm: Connectome, name: str) -> None:
    graph = sample(name, worm, 2)
    first = len(graph.inputs)
    assert (graph.synapses.pre < first).all() and (graph.synapses.post >= first).all()
    np.testing.assert_array_equal(graph.outputs, np.arange(first, graph.num_cells))
    assert set(graph.synapses.post) == set(graph.outputs)  # no output cell is left without input


def test_mlp_sizes(worm: Connectome) -> None:
    assert sample("mlp", worm).num_cells == sample("sparse-mlp", worm).num_cells == worm.num_cells
    first = len(sample("mlp", worm).inputs)
    assert len(sample("mlp", worm).synapses) == first * (worm.num_cells - first)
    wanted = core(Architecture.of(worm))
    assert core(sample("mlp-matched", worm)) == pytest.approx(wanted, rel=0.08)


def test_sparse_mlp_draws_density_and_signs_uniformly() -> None:
    worm = load("celegans-motor")
    density, excitatory = [], []
    for seed in range(200):
        graph = sample("sparse-mlp", worm, seed)
        first = len(graph.inputs)
        density.append(len(graph.synapses) / (first * (graph.num_cells - first)))
        excitatory.append((graph.sign[:first] > 0).mean())
    for drawn in (density, excitatory):
        assert np.mean(drawn) == pytest.approx(0.5, abs=0.07)
        assert np.std(drawn) == pytest.approx(12**-0.5, abs=0.04)
