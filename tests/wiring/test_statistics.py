"""Statistics against the published figures and against networkx."""

from dataclasses import replace

import networkx
import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

from neuroevo.connectome import bundled
from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Edges
from neuroevo.wiring import statistics, triads
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.breadth_first import paths_from
from neuroevo.wiring.graph import Graph
from tests.reference import random_architecture

graph_of = Graph.of_matrix

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


def _drawn(seed: int) -> np.ndarray:
    """A random directed graph of 3 to 40 cells at any density, part of its edges mutual."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(3, 41))
    matrix = rng.random((size, size)) < rng.random()
    matrix |= matrix.T & (rng.random((size, size)) < rng.random())
    np.fill_diagonal(matrix, False)
    return matrix


def worm() -> np.ndarray:
    return statistics.neurons_of(load("celegans")).matrix()


MATRICES = [pytest.param(seed, id=str(seed)) for seed in range(12)] + [pytest.param(None, id="worm")]


def matrix_of(seed: int | None) -> np.ndarray:
    return worm() if seed is None else _drawn(seed)


def test_whole_animal_has_the_reference_figures():
    figures = statistics.describe(load("celegans"))
    assert (figures["neurons"], figures["chemical"], figures["gap_pairs"]) == (302, 3671, 1091)
    assert (figures["cells"], figures["muscles"], figures["neuromuscular"]) == (397, 95, 956)
    assert figures["gap_pairs_on_muscles"] == 101
    assert figures["density"] == pytest.approx(0.0404, abs=5e-5)
    assert figures["reciprocity"] == pytest.approx(0.3645, abs=5e-5)
    assert figures["clustering"] == pytest.approx(0.3449, abs=5e-5)


def test_cord_circuit_has_the_reference_figures():
    cord = load("celegans").circuit("cord", f"{bundled.CORD_MOTOR}+{bundled.COMMAND}")
    figures = statistics.describe(cord)
    assert (figures["cells"], figures["chemical"], figures["gap_pairs"]) == (79, 599, 223)
    assert figures["density"] == pytest.approx(0.0972, abs=5e-5)
    assert figures["reciprocity"] == pytest.approx(0.3172, abs=5e-5)
    assert figures["clustering"] == pytest.approx(0.3946, abs=5e-5)


def test_whole_animal_has_the_reference_triad_census():
    census = triads.triad_census(graph_of(worm()))
    assert {label: census[label] for label in CENSUS} == CENSUS
    assert sum(census.values()) == 302 * 301 * 300 // 6


@pytest.mark.parametrize("seed", MATRICES)
def test_statistics_equal_networkx(seed):
    matrix = matrix_of(seed)
    graph = networkx.DiGraph(matrix)
    assert triads.triad_census(graph_of(matrix)) == networkx.triadic_census(graph)
    assert statistics.in_degree(graph_of(matrix)).tolist() == [degree for _, degree in graph.in_degree()]
    assert statistics.out_degree(graph_of(matrix)).tolist() == [degree for _, degree in graph.out_degree()]
    assert statistics.density(graph_of(matrix)) == pytest.approx(networkx.density(graph))
    assert statistics.clustering(graph_of(matrix)) == pytest.approx(
        networkx.average_clustering(networkx.Graph(matrix | matrix.T))
    )
    if graph.number_of_edges():
        assert statistics.reciprocity(graph_of(matrix)) == pytest.approx(networkx.overall_reciprocity(graph))


@pytest.mark.parametrize("seed", range(3))
def test_statistics_do_not_depend_on_the_order_of_cells(seed):
    matrix = _drawn(seed)
    order = np.random.default_rng(seed).permutation(len(matrix))
    mixed = matrix[np.ix_(order, order)]
    assert triads.triad_census(graph_of(mixed)) == triads.triad_census(graph_of(matrix))
    assert statistics.clustering(graph_of(mixed)) == pytest.approx(statistics.clustering(graph_of(matrix)))
    assert (
        statistics.mutual_degree(graph_of(mixed)) == statistics.mutual_degree(graph_of(matrix))[order]
    ).all()


@pytest.mark.parametrize("size", [0, 1, 2, 5])
def test_statistics_of_an_empty_wiring_are_zero(size):
    matrix = np.zeros((size, size), bool)
    assert (
        statistics.density(graph_of(matrix))
        == statistics.reciprocity(graph_of(matrix))
        == statistics.clustering(graph_of(matrix))
        == 0.0
    )
    assert sum(triads.triad_census(graph_of(matrix)).values()) == size * (size - 1) * (size - 2) // 6
    assert statistics.overlap(graph_of(matrix), graph_of(matrix)) == 0.0


def test_mutual_degree_counts_partners_in_both_directions():
    graph = Graph.of(4, [0, 1, 1, 2, 3], [1, 0, 2, 3, 3])
    assert statistics.mutual_degree(graph).tolist() == [1, 1, 0, 0]
    assert graph.num_edges == 4  # the autapse of cell 3 is left out


def test_overlap_is_the_share_of_common_edges():
    a = Graph.of(4, [0, 1, 2, 3], [1, 2, 3, 0])
    b = Graph.of(4, [0, 1, 3], [1, 2, 1])
    assert statistics.overlap(a, b) == 0.5
    assert statistics.overlap(a, a) == 1.0


def test_sign_fraction_counts_edges_not_cells():
    graph = Graph.of(3, [0, 0, 1], [1, 2, 2])
    assert statistics.sign_fraction(graph, np.array([1, -1, 1])) == pytest.approx(2 / 3)


@pytest.mark.parametrize("name", bundled.names())
def test_describe_reads_architectures_as_it_reads_connectomes(name):
    wiring = load(name)
    assert statistics.describe(Architecture.of(wiring)) == statistics.describe(wiring)


def test_describe_knows_wiring_length_where_positions_are_known():
    wiring = load("celegans")
    figures = statistics.describe(wiring, wiring.position)
    pairs = zip(wiring.chemical.pre, wiring.chemical.post, strict=True)
    lengths = [np.linalg.norm(wiring.position[i] - wiring.position[j]) for i, j in pairs]
    assert np.isfinite(lengths).sum() > 3000
    assert figures["wiring_length"] == pytest.approx(np.nanmean(lengths), rel=1e-5)  # positions are float32
    assert statistics.describe(wiring)["wiring_length"] is None
    assert statistics.wiring_length(wiring, np.full((397, 3), np.nan)) is None


def test_wiring_length_leaves_out_synapses_with_an_unknown_end():
    wiring = random_architecture(0)
    position = np.zeros((wiring.num_cells, 3))
    position[:, 0] = np.arange(wiring.num_cells) * 3.0
    position[1] = np.nan
    ends = zip(wiring.chemical.pre, wiring.chemical.post, strict=True)
    lengths = [3.0 * abs(i - j) for i, j in ends if 1 not in (i, j)]
    assert len(lengths) < len(wiring.chemical)
    assert statistics.wiring_length(wiring, position) == pytest.approx(np.mean(lengths))


# --- paths --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", MATRICES)
def test_path_length_equals_networkx(seed):
    matrix = matrix_of(seed)
    lengths = dict(networkx.all_pairs_shortest_path_length(networkx.DiGraph(matrix)))
    expected = [steps for source, targets in lengths.items() for t, steps in targets.items() if t != source]
    length, reachable, sources, *errors = statistics.path_length(graph_of(matrix))
    assert (sources, errors) == (len(matrix), [0.0, 0.0])
    assert reachable == pytest.approx(len(expected) / (len(matrix) * (len(matrix) - 1)))
    assert length == (pytest.approx(np.mean(expected)) if expected else None)


def test_path_length_of_a_ring_is_half_its_size():
    ring = Graph.of(10, np.arange(10), (np.arange(10) + 1) % 10)
    assert statistics.path_length(ring)[:2] == (5.0, 1.0)
    line = Graph.of(3, [0, 1], [1, 2])
    assert statistics.path_length(line)[:2] == (pytest.approx(4 / 3), 0.5)


@pytest.mark.parametrize("size", [1, 63, 64, 65, 130])
def test_paths_from_any_number_of_cells_equal_scipy(size):
    matrix = np.random.default_rng(size).random((size, size)) < 2 / size
    graph = graph_of(matrix)
    expected = shortest_path(csr_array(graph.matrix(), dtype=float), unweighted=True)
    is_path = np.isfinite(expected) & (expected > 0)
    steps, reached = paths_from(graph.first, graph.post, np.arange(size))
    assert reached.tolist() == is_path.sum(1).tolist()
    assert steps.tolist() == np.where(is_path, expected, 0).sum(1).tolist()


def test_paths_of_a_large_graph_are_sampled_and_their_error_is_honest(monkeypatch):
    """Of 200 samples of cells as many intervals of two errors hold the exact figures as should."""
    matrix = np.random.default_rng(0).random((400, 400)) < 0.004
    graph, hits = graph_of(matrix), np.zeros(2)
    exact = statistics.path_length(graph)
    assert exact == statistics.path_length(graph, exact=False) and 0.1 < exact.reachable < 0.9
    monkeypatch.setattr(statistics, "MAX_STEPS", 1)
    monkeypatch.setattr(statistics, "SOURCES", 100)
    for seed in range(200):
        drawn = statistics.path_length(graph, exact=False, seed=seed)
        assert drawn.sources == 100 and drawn == statistics.path_length(graph, exact=False, seed=seed)
        hits += [
            abs(drawn.length - exact.length) < 2 * drawn.length_error,
            abs(drawn.reachable - exact.reachable) < 2 * drawn.reachable_error,
        ]
    assert statistics.path_length(graph, exact=True) == exact
    assert ((hits > 200 * 0.954 - 4 * 3) & (hits < 200)).all()  # binomial, four deviations


# --- rich club ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", MATRICES)
def test_rich_club_equals_a_plain_count(seed):
    matrix = matrix_of(seed)
    degree = matrix.sum(0) + matrix.sum(1)
    phi = statistics.rich_club(graph_of(matrix))
    assert len(phi) == degree.max() + 1
    for k in range(len(phi)):
        club = matrix[np.ix_(degree > k, degree > k)]
        assert (
            phi[k] == pytest.approx(statistics.density(graph_of(club))) if len(club) > 1 else np.isnan(phi[k])
        )


@pytest.mark.parametrize("seed", range(4))
def test_rich_club_of_a_symmetric_wiring_equals_networkx(seed):
    matrix = _drawn(seed) | _drawn(seed).T
    phi = statistics.rich_club(graph_of(matrix))
    graph = networkx.Graph(matrix)
    for k, expected in networkx.rich_club_coefficient(graph, normalized=False).items():
        assert phi[2 * k] == pytest.approx(expected)  # a pair counts in both directions


def test_rich_degree_leaves_a_tenth_of_the_cells_or_less_above():
    for matrix in (worm(), *(_drawn(seed) for seed in range(12))):
        degree = matrix.sum(0) + matrix.sum(1)
        k = statistics.rich_degree(graph_of(matrix))
        assert (degree > k).mean() <= 0.1 + 1 / len(matrix)
        assert (degree >= k).mean() >= 0.1


def test_whole_animal_has_a_rich_club():
    phi = statistics.rich_club(graph_of(worm()))
    assert phi[50] > 5 * statistics.density(graph_of(worm()))


# --- assortativity and modules --------------------------------------------------------------------------


@pytest.mark.parametrize("seed", MATRICES)
def test_assortativity_equals_networkx(seed):
    matrix = matrix_of(seed)
    figure = statistics.assortativity(graph_of(matrix))
    pre, post = np.nonzero(matrix)
    if not len(pre) or np.ptp(matrix.sum(1)[pre]) == 0 or np.ptp(matrix.sum(0)[post]) == 0:
        assert figure is None
    else:
        expected = networkx.degree_pearson_correlation_coefficient(networkx.DiGraph(matrix))
        assert figure == pytest.approx(expected)


def test_assortativity_of_a_complete_wiring_is_undefined():
    assert statistics.assortativity(graph_of(~np.eye(5, dtype=bool))) is None


@pytest.mark.parametrize("seed", MATRICES)
def test_modularity_of_a_partition_equals_networkx(seed):
    matrix = matrix_of(seed)
    module = np.random.default_rng(0).integers(0, 3, len(matrix))
    parts = [set(np.flatnonzero(module == k).tolist()) for k in range(3)]
    if matrix.any():
        expected = networkx.community.modularity(networkx.DiGraph(matrix), parts)
        assert statistics.modularity(graph_of(matrix), module) == pytest.approx(expected)
    else:
        assert statistics.modularity(graph_of(matrix), module) == 0.0


def test_modules_are_found_where_they_are():
    block = ~np.eye(6, dtype=bool)
    matrix = np.kron(np.eye(3, dtype=bool), block) & ~np.eye(18, dtype=bool)
    matrix[0, 6] = matrix[6, 12] = True
    module = statistics.modules(graph_of(matrix), seed=0)
    assert [len(set(module[6 * k : 6 * k + 6].tolist())) for k in range(3)] == [1, 1, 1]
    assert len(set(module.tolist())) == 3


@pytest.mark.parametrize("seed", [*MATRICES, "pairs", "planted"])
def test_modules_are_those_of_networkx_for_the_same_seed(seed):
    if seed == "planted":
        matrix = statistics.neurons_of(load("planted")).matrix()
    elif seed == "pairs":  # every gain is there twice, so that order decides
        matrix = _drawn(3) | _drawn(3).T
    else:
        matrix = matrix_of(seed)
    for search in range(4):
        graph = networkx.DiGraph(matrix)
        expected = np.arange(len(matrix))
        if graph.number_of_edges():
            communities = networkx.community.louvain_communities(graph, seed=search)
            for k, cells in enumerate(communities):
                expected[list(cells)] = k
        np.testing.assert_array_equal(statistics.modules(graph_of(matrix), search), expected)


def test_modules_follow_from_the_seed():
    matrix = worm()
    partitions = [statistics.modules(graph_of(matrix), seed).tolist() for seed in (0, 0, 1)]
    assert partitions[0] == partitions[1] != partitions[2]


# --- triads -------------------------------------------------------------------------------------------


def test_triad_error_is_worked_by_hand():
    a = dict.fromkeys(triads.TRIADS, 0) | {"003": 9, "021D": 3, "300": 1, "201": 4}
    b = dict.fromkeys(triads.TRIADS, 0) | {"003": 1, "021D": 1, "210": 5, "201": 4}
    assert triads.triad_error(a, b) == pytest.approx(0.5 + 1 + 1)
    assert triads.triad_error(a, a) == 0.0


def test_z_scores_are_worked_by_hand():
    null = [dict.fromkeys(triads.TRIADS, 2) | {"030T": count} for count in (1, 3, 5)]
    scores = triads.z_scores(dict.fromkeys(triads.TRIADS, 7), null)
    assert scores["030T"] == pytest.approx((7 - 3) / 2)
    assert scores["300"] is None  # it does not vary in the null model
    assert list(scores) == triads.CONNECTED and len(scores) == 13
    assert set(triads.z_scores(null[0], null[:1]).values()) == {None}


def test_degree_error_counts_both_directions():
    a = Graph.of(3, [0, 0], [1, 2])
    b = Graph.of(3, [0], [1])
    assert statistics.degree_error(a, b) == pytest.approx(2 / 6)
    assert statistics.degree_error(a, a) == 0.0


@pytest.mark.parametrize("size", [0, 1, 4])
def test_structure_of_an_empty_wiring_is_defined(size):
    figures = statistics.structure(graph_of(np.zeros((size, size), bool)))
    undefined = {name for name, value in figures.items() if value is None}
    assert undefined == {"path_length", "rich_club", "assortativity"}
    assert figures["modularity"] == figures["reachable"] == 0.0


def test_modules_are_not_searched_in_a_wiring_too_large(monkeypatch):
    monkeypatch.setattr(statistics, "MAX_MODULAR_EDGES", 3)
    figures = statistics.structure(graph_of(~np.eye(3, dtype=bool)))
    assert figures["modularity"] is None and figures["modules"] is None
    assert figures["density"] == 1.0


@pytest.mark.parametrize("seed", MATRICES)
def test_components_equal_networkx(seed):
    matrix = matrix_of(seed)
    sparse = matrix & (np.random.default_rng(0).random(matrix.shape) < 0.05)
    for edges in (matrix, sparse):
        expected = networkx.number_weakly_connected_components(networkx.DiGraph(edges))
        assert statistics.components(graph_of(edges)) == expected
    assert statistics.components(graph_of(np.zeros((0, 0), bool))) == 0


def test_strength_error_counts_sections_in_and_out():
    wiring = load("celegans-motor")
    graph = networkx.DiGraph()
    graph.add_nodes_from(np.flatnonzero(~wiring.is_muscle).tolist())
    chemical = wiring.chemical
    graph.add_weighted_edges_from(
        zip(chemical.pre.tolist(), chemical.post.tolist(), chemical.weight.tolist(), strict=True)
    )
    sums = statistics.strengths(wiring)
    for row, degree in zip(sums, (graph.in_degree, graph.out_degree), strict=True):
        assert row.tolist() == pytest.approx([strength for _, strength in degree(weight="weight")])
    heavier = replace(wiring, chemical=Edges(chemical.pre, chemical.post, chemical.weight + 1))
    error = statistics.strength_error(heavier, wiring)
    assert error == pytest.approx(len(chemical) / graph.number_of_nodes())  # a section more a synapse
    assert statistics.strength_error(wiring, wiring) == 0.0
