"""Statistics against the published figures and against networkx."""

import networkx
import numpy as np
import pytest

from neuroevo import connectome, statistics
from neuroevo.architecture import Architecture
from neuroevo.connectome import load

CENSUS = {  # chemical synapses of the Cook et al. (2019) hermaphrodite, 302 neurons, autapses removed
    "021D": 10026,
    "021U": 12110,
    "021C": 18097,
    "111D": 9401,
    "111U": 9030,
    "030T": 2281,
    "030C": 184,
    "201": 2387,
    "120D": 1032,
    "120U": 1348,
    "120C": 673,
    "210": 1057,
    "300": 278,
}


def drawn(seed: int) -> np.ndarray:
    """A random directed graph of 3 to 40 cells at any density, part of its edges mutual."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(3, 41))
    matrix = rng.random((size, size)) < rng.random()
    matrix |= matrix.T & (rng.random((size, size)) < rng.random())
    np.fill_diagonal(matrix, False)
    return matrix


def test_whole_animal_has_the_reference_figures():
    figures = statistics.describe(load("celegans"))
    assert (figures["neurons"], figures["chemical"], figures["gap_pairs"]) == (302, 3671, 1091)
    assert (figures["cells"], figures["muscles"], figures["neuromuscular"]) == (397, 95, 956)
    assert figures["gap_pairs_on_muscles"] == 101
    assert figures["density"] == pytest.approx(0.0404, abs=5e-5)
    assert figures["reciprocity"] == pytest.approx(0.3645, abs=5e-5)
    assert figures["clustering"] == pytest.approx(0.3449, abs=5e-5)


def test_cord_circuit_has_the_reference_figures():
    cord = load("celegans").circuit("cord", f"{connectome.CORD_MOTOR}+{connectome.COMMAND}")
    figures = statistics.describe(cord)
    assert (figures["cells"], figures["chemical"], figures["gap_pairs"]) == (79, 599, 223)
    assert figures["density"] == pytest.approx(0.0972, abs=5e-5)
    assert figures["reciprocity"] == pytest.approx(0.3172, abs=5e-5)
    assert figures["clustering"] == pytest.approx(0.3946, abs=5e-5)


def test_whole_animal_has_the_reference_triad_census():
    census = statistics.triad_census(statistics.neurons_of(load("celegans")))
    assert {label: census[label] for label in CENSUS} == CENSUS
    assert sum(census.values()) == 302 * 301 * 300 // 6


@pytest.mark.parametrize("seed", range(12))
def test_statistics_equal_networkx(seed):
    matrix = drawn(seed)
    graph = networkx.DiGraph(matrix)
    assert statistics.triad_census(matrix) == networkx.triadic_census(graph)
    assert statistics.in_degree(matrix).tolist() == [degree for _, degree in graph.in_degree()]
    assert statistics.out_degree(matrix).tolist() == [degree for _, degree in graph.out_degree()]
    assert statistics.density(matrix) == pytest.approx(networkx.density(graph))
    assert statistics.clustering(matrix) == pytest.approx(
        networkx.average_clustering(networkx.Graph(matrix | matrix.T))
    )
    if graph.number_of_edges():
        assert statistics.reciprocity(matrix) == pytest.approx(networkx.overall_reciprocity(graph))


@pytest.mark.parametrize("seed", range(3))
def test_statistics_do_not_depend_on_the_order_of_cells(seed):
    matrix = drawn(seed)
    order = np.random.default_rng(seed).permutation(len(matrix))
    mixed = matrix[np.ix_(order, order)]
    assert statistics.triad_census(mixed) == statistics.triad_census(matrix)
    assert statistics.clustering(mixed) == pytest.approx(statistics.clustering(matrix))
    assert (statistics.mutual_degree(mixed) == statistics.mutual_degree(matrix)[order]).all()


@pytest.mark.parametrize("size", [0, 1, 2, 5])
def test_statistics_of_an_empty_wiring_are_zero(size):
    matrix = np.zeros((size, size), bool)
    assert (
        statistics.density(matrix) == statistics.reciprocity(matrix) == statistics.clustering(matrix) == 0.0
    )
    assert sum(statistics.triad_census(matrix).values()) == size * (size - 1) * (size - 2) // 6
    assert statistics.overlap(matrix, matrix) == 0.0


def test_mutual_degree_counts_partners_in_both_directions():
    matrix = statistics.adjacency(4, [0, 1, 1, 2, 3], [1, 0, 2, 3, 3])
    assert statistics.mutual_degree(matrix).tolist() == [1, 1, 0, 0]
    assert matrix.sum() == 4  # the autapse of cell 3 is left out


def test_overlap_is_the_share_of_common_edges():
    a = statistics.adjacency(4, [0, 1, 2, 3], [1, 2, 3, 0])
    b = statistics.adjacency(4, [0, 1, 3], [1, 2, 1])
    assert statistics.overlap(a, b) == 0.5
    assert statistics.overlap(a, a) == 1.0


def test_sign_fraction_counts_edges_not_cells():
    matrix = statistics.adjacency(3, [0, 0, 1], [1, 2, 2])
    assert statistics.sign_fraction(matrix, np.array([1, -1, 1])) == pytest.approx(2 / 3)


@pytest.mark.parametrize("name", connectome.names())
def test_describe_reads_architectures_as_it_reads_connectomes(name):
    wiring = load(name)
    assert statistics.describe(Architecture.of(wiring)) == statistics.describe(wiring)
