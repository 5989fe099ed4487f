"""The swap chain keeps degrees, mutual degrees and weights exactly, and moves."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Edges
from neuroevo.errors import ConnectomeError, OptionError
from neuroevo.wiring import null_models, triad_annealing
from neuroevo.wiring.graph import Graph
from neuroevo.wiring.null_models import Keep, degree_labels, join_labels, length_bins, rewire, rewire_pairs
from neuroevo.wiring.swap_chain import length_code
from neuroevo.wiring.triads import triad_census


def adjacency(edges: Edges, num_cells: int) -> np.ndarray:
    return Graph.of(num_cells, edges.pre, edges.post).matrix()


def _towards(edges: Edges, labels: np.ndarray) -> np.ndarray:
    """In-, out- and mutual degrees of every cell towards the cells of each label [3, N, labels]."""
    matrix = adjacency(edges, len(labels))
    of_label = np.eye(labels.max() + 1, dtype=int)[labels]
    return np.stack([m.astype(int) @ of_label for m in (matrix.T, matrix, matrix & matrix.T)])


def random_edges(seed: int, num_cells: int, density: float) -> Edges:
    rng = np.random.default_rng(seed)
    allowed = rng.random((num_cells, num_cells)) < density
    np.fill_diagonal(allowed, False)
    pre, post = np.nonzero(allowed)
    return Edges(pre, post, rng.integers(1, 50, len(pre)))


def towards_pairs(pairs: Edges, labels: np.ndarray) -> np.ndarray:
    both = np.concatenate([pairs.pre, pairs.post]), np.concatenate([pairs.post, pairs.pre])
    return _towards(Edges(*both, np.ones(len(both[0]))), labels)


def check_kept(edges: Edges, new: Edges, num_cells: int, mutual: bool = True) -> None:
    before, after = adjacency(edges, num_cells), adjacency(new, num_cells)
    assert len(new) == len(edges) == after.sum()  # no double edges
    assert not after.diagonal().any()
    np.testing.assert_array_equal(after.sum(0), before.sum(0))
    np.testing.assert_array_equal(after.sum(1), before.sum(1))
    if mutual:
        np.testing.assert_array_equal((after & after.T).sum(0), (before & before.T).sum(0))
    for cell in range(num_cells):
        assert sorted(edges.weight[edges.pre == cell]) == sorted(new.weight[new.pre == cell])


@given(seed=st.integers(0, 10**6), num_cells=st.integers(2, 25), density=st.floats(0, 1))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_rewire_keeps_degrees_and_outgoing_weights_of_any_graph(
    seed: int, num_cells: int, density: float
) -> None:
    edges = random_edges(seed, num_cells, density)
    check_kept(edges, rewire(edges, num_cells, seed=seed).edges, num_cells)


@pytest.mark.parametrize("seed", range(3))
def test_rewire_moves_the_whole_worm(seed: int) -> None:
    worm = load("celegans")
    new = rewire(worm.chemical, worm.num_cells, seed=seed).edges
    check_kept(worm.chemical, new, worm.num_cells)
    shared = adjacency(worm.chemical, worm.num_cells) & adjacency(new, worm.num_cells)
    assert 0.05 < shared.sum() / len(new) < 0.13  # what degrees alone leave in common


@pytest.mark.parametrize("seed", range(3))
def test_trades_keep_degrees_and_leave_as_much_in_common_as_swaps(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    worm, keep = load("celegans"), Keep(mutual=False)
    swapped = [rewire(worm.chemical, worm.num_cells, seed=k, keep=keep).overlap for k in range(20)]
    monkeypatch.setattr(null_models, "MANY", 0)
    traded = [
        rewire(worm.chemical, worm.num_cells, seed=k, keep=keep) for k in range(20 * seed, 20 * seed + 20)
    ]
    for sample in traded:
        check_kept(worm.chemical, sample.edges, worm.num_cells, mutual=False)
    shared = adjacency(worm.chemical, worm.num_cells) & adjacency(traded[0].edges, worm.num_cells)
    assert traded[0].overlap == shared.sum() / len(worm.chemical)
    overlap = [sample.overlap for sample in traded]
    off = np.mean(overlap) - np.mean(swapped)
    assert abs(off) < 4 * np.sqrt((np.var(overlap) + np.var(swapped)) / 19)
    again = rewire(worm.chemical, worm.num_cells, seed=20 * seed, keep=keep).edges
    np.testing.assert_array_equal(again.post, traded[0].edges.post)


@pytest.mark.parametrize("name", ["celegans-motor", "celegans"])
def test_lists_of_partners_and_sets_of_bits_give_one_chain(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    worm, samples = load(name), []
    for words in (0.0, 1e9):
        monkeypatch.setattr(triad_annealing, "WORDS", words)
        census = triad_annealing.census_of(Graph.of(worm.num_cells, worm.chemical.pre, worm.chemical.post))
        assert (len(census.ties) == 0) == (words > 0)
        samples.append(rewire(worm.chemical, worm.num_cells, seed=3, keep=Keep(triads=True), hold=5))
    assert samples[0].proposals == samples[1].proposals and samples[0].triad_distance == 0
    np.testing.assert_array_equal(samples[0].edges.post, samples[1].edges.post)


def test_triads_of_a_large_wiring_are_matched_by_a_schedule_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worm in the place of a wiring of more edges: its triads are met, and it moves on after that."""
    worm, keep = load("celegans"), Keep(triads=True)
    usual = rewire(worm.chemical, worm.num_cells, seed=1, keep=keep)
    monkeypatch.setattr(null_models, "LARGE", 100)
    first = rewire(worm.chemical, worm.num_cells, seed=1, keep=keep, hold=0)
    sample = rewire(worm.chemical, worm.num_cells, seed=1, keep=keep)
    assert sample.triad_distance == usual.triad_distance == 0
    check_kept(worm.chemical, sample.edges, worm.num_cells)
    shared = adjacency(first.edges, worm.num_cells) & adjacency(sample.edges, worm.num_cells)
    assert shared.sum() / len(sample.edges) < 0.6
    assert sample.overlap < usual.overlap + 0.05


def test_rewire_same_seed_same_graph_and_different_seed_another() -> None:
    worm = load("celegans-motor")
    first, again, other = (rewire(worm.chemical, worm.num_cells, seed=s).edges for s in (1, 1, 2))
    np.testing.assert_array_equal(first.post, again.post)
    assert (first.post != other.post).any()


def test_rewire_leaves_its_input_alone() -> None:
    edges = random_edges(0, 20, 0.3)
    before = edges.post.copy()
    rewire(edges, 20, seed=0)
    np.testing.assert_array_equal(edges.post, before)


def test_rewire_turns_a_lone_three_cycle_both_ways() -> None:
    cycle = Edges(np.array([0, 1, 2]), np.array([1, 2, 0]), np.ones(3))
    counts = Counter(tuple(rewire(cycle, 3, seed=s).edges.post) for s in range(200))
    assert set(counts) == {(1, 2, 0), (2, 0, 1)}  # two wirings have these degrees; swaps alone reach one
    assert min(counts.values()) > 60


def test_rewire_pairs_keeps_numbers_of_partners() -> None:
    worm = load("celegans")
    neurons = ~worm.is_muscle[worm.electrical.post] & ~worm.is_muscle[worm.electrical.pre]
    pairs = Edges(*(a[neurons] for a in (worm.electrical.pre, worm.electrical.post, worm.electrical.weight)))
    new = rewire_pairs(pairs, worm.num_cells, seed=3).edges
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


@given(
    seed=st.integers(0, 10**6), num_cells=st.integers(2, 25), density=st.floats(0, 1), rewired=st.floats(0, 1)
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_rewire_keeps_what_it_is_told_of_any_graph_at_any_dose(
    seed: int, num_cells: int, density: float, rewired: float
) -> None:
    rng = np.random.default_rng(seed)
    edges = random_edges(seed, num_cells, density)
    labels = rng.integers(0, 3, num_cells)
    bins = length_bins(rng.normal(size=(num_cells, 3)), edges)
    sample = rewire(edges, num_cells, seed=seed, keep=Keep(labels=labels, lengths=bins), rewired=rewired)
    check_kept(edges, sample.edges, num_cells)
    np.testing.assert_array_equal(_towards(sample.edges, labels), _towards(edges, labels))
    kept_bins, old_bins = (np.sort(bins.bins(e.pre, e.post)) for e in (sample.edges, edges))
    np.testing.assert_array_equal(kept_bins, old_bins)
    shared = adjacency(edges, num_cells) & adjacency(sample.edges, num_cells)
    assert sample.overlap == pytest.approx(shared.sum() / len(edges) if len(edges) else 1)


@given(seed=st.integers(0, 10**6), num_cells=st.integers(2, 25), density=st.floats(0, 1))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_rewire_without_mutual_degrees_keeps_the_others(seed: int, num_cells: int, density: float) -> None:
    edges = random_edges(seed, num_cells, density)
    new = rewire(edges, num_cells, seed=seed, keep=Keep(mutual=False)).edges
    check_kept(edges, new, num_cells, mutual=False)


@pytest.mark.parametrize("seed", range(4))
def test_rewire_reports_the_triad_distance_it_reached(seed: int) -> None:
    edges = random_edges(seed, 30, 0.15)
    sample = rewire(edges, 30, seed=seed, keep=Keep(triads=True))
    check_kept(edges, sample.edges, 30)
    new, old = (triad_census(Graph.of(30, e.pre, e.post)) for e in (sample.edges, edges))
    connected = [label for label in old if label not in ("003", "012", "102") and old[label] + new[label]]
    distance = sum(abs(new[k] - old[k]) / (new[k] + old[k]) for k in connected)
    assert sample.triad_distance == pytest.approx(distance)


@pytest.mark.parametrize("seed", range(3))
def test_rewire_walks_on_after_triads_are_first_met(seed: int) -> None:
    worm = load("celegans-motor")
    first, on, other = (
        rewire(worm.chemical, worm.num_cells, seed=s, keep=Keep(triads=True), hold=hold).edges
        for s, hold in ((seed, 0), (seed, 1000), (seed + 10, 1000))
    )
    a, b, c = (adjacency(e, worm.num_cells) for e in (first, on, other))
    assert (a & b).sum() / a.sum() < 0.7  # no walk would leave 1
    assert (b & c).sum() / b.sum() < (a & b).sum() / a.sum()


RULES = {"mutual": Keep(), "degree": Keep(mutual=False), "triads": Keep(triads=True)}


def complete(num_cells: int) -> np.ndarray:
    return ~np.eye(num_cells, dtype=bool)


def star(num_cells: int) -> np.ndarray:
    matrix = np.zeros((num_cells, num_cells), bool)
    matrix[0, 1:] = True
    return matrix


@pytest.mark.parametrize("matrix", [complete(9), star(9), star(9) | star(9).T, complete(2)], ids=str)
@pytest.mark.parametrize("keep", RULES.values(), ids=RULES)
def test_rewire_leaves_a_wiring_without_alternatives_as_it_is(matrix: np.ndarray, keep: Keep) -> None:
    pre, post = np.nonzero(matrix)
    edges = Edges(pre, post, 1 + np.arange(len(pre)))
    for rewired in (0.5, 1.0):
        sample = rewire(edges, len(matrix), seed=0, keep=keep, rewired=rewired)
        assert (sample.overlap, sample.moves) == (1, 0)
        np.testing.assert_array_equal(sample.edges.post, edges.post)
        assert sorted(sample.edges.weight) == sorted(edges.weight)


@pytest.mark.parametrize("keep", RULES.values(), ids=RULES)
def test_rewire_of_an_empty_wiring_is_empty(keep: Keep) -> None:
    none = Edges(np.zeros(0), np.zeros(0), np.zeros(0))
    sample = rewire(none, 5, seed=0, keep=keep)
    assert (len(sample.edges), sample.overlap) == (0, 1)
    assert len(rewire_pairs(none, 5, seed=0).edges) == 0


@pytest.mark.parametrize("keep", [Keep(), Keep(mutual=False)], ids=["mutual", "degree"])
def test_rewire_dose_is_the_share_of_what_a_full_sample_replaces(keep: Keep) -> None:
    worm = load("celegans")
    full = 1 - rewire(worm.chemical, worm.num_cells, seed=4, keep=keep).overlap
    for dose in (0.1, 0.35, 0.8):
        sample = rewire(worm.chemical, worm.num_cells, seed=4, keep=keep, rewired=dose)
        assert sample.wanted == pytest.approx(dose * full)
        more = 1 - sample.overlap - sample.wanted
        assert 0 <= more < 8.1 / len(worm.chemical)  # a trade can replace several


@pytest.mark.parametrize("rewired", [0.3, 1.0])
def test_rewire_pairs_keeps_partners_by_label_and_each_weight_once(rewired: float) -> None:
    worm = load("celegans")
    pairs = worm.electrical
    labels = worm.is_muscle.astype(int)
    sample = rewire_pairs(pairs, worm.num_cells, seed=1, keep=Keep(labels=labels), rewired=rewired)
    new = sample.edges
    assert (new.pre < new.post).all()
    assert sorted(new.weight) == sorted(pairs.weight)
    before, after = (
        {(i, j): w for i, j, w in zip(e.pre, e.post, e.weight, strict=True)} for e in (pairs, new)
    )
    np.testing.assert_array_equal(towards_pairs(new, labels), towards_pairs(pairs, labels))
    shared = before.keys() & after.keys()
    assert len(shared) == pytest.approx(sample.overlap * len(pairs))
    if rewired < 1:  # most of the shared pairs have not been touched
        assert sum(before[k] == after[k] for k in shared) > 0.9 * len(shared)


def test_rewire_refuses_a_dose_out_of_range() -> None:
    edges = random_edges(0, 10, 0.3)
    for dose in (-0.1, 1.1, float("nan")):
        with pytest.raises(OptionError, match="rewired"):
            rewire(edges, 10, seed=0, rewired=dose)


def test_rewire_refuses_triads_without_mutual_degrees() -> None:
    with pytest.raises(OptionError, match="mutual degrees"):
        rewire(random_edges(0, 10, 0.3), 10, seed=0, keep=Keep(mutual=False, triads=True))


def test_degree_labels_put_hubs_together() -> None:
    worm = load("celegans")
    labels = degree_labels(worm.chemical, worm.num_cells, 4)
    degree = sum(
        np.bincount(ends, minlength=worm.num_cells) for ends in (worm.chemical.pre, worm.chemical.post)
    )
    assert set(labels) == {0, 1, 2, 3}
    assert all(degree[labels == k].max() <= degree[labels == k + 1].min() for k in range(3))


def test_join_labels_tells_every_combination_apart() -> None:
    joined = join_labels(np.array([0, 0, 1, 1, 0]), np.array([0, 1, 0, 1, 0]))
    assert len(set(joined)) == 4 and joined[0] == joined[4]


def test_length_bins_hold_equal_shares_and_set_the_unknown_apart() -> None:
    worm = load("celegans")
    bins = length_bins(worm.position, worm.chemical)
    counts = np.bincount(bins.bins(worm.chemical.pre, worm.chemical.post))
    assert counts[0] == 0 and counts[1:].max() - counts[1:].min() < 10
    pre, post = (ends.ravel() for ends in np.indices((worm.num_cells, worm.num_cells)))
    of_pairs = bins.bins(pre, post).reshape(worm.num_cells, -1)
    assert (of_pairs[:, worm.is_muscle] == 0).all() and (of_pairs == of_pairs.T).all()


@given(seed=st.integers(0, 10**6), is_single=st.booleans())
@settings(max_examples=30, deadline=None, derandomize=True)
def test_chains_know_lengths_as_bins_do(seed: int, is_single: bool) -> None:
    rng = np.random.default_rng(seed)
    position = rng.integers(0, 5, (12, 3)).astype(np.float32 if is_single else np.float64)  # many ties
    position[rng.random(12) < 0.2] = np.nan
    lengths = length_bins(position, random_edges(seed, 12, 0.5))
    codes = [length_code(position, lengths.bounds, a, b) for a, b in np.ndindex(12, 12)]
    pre, post = (ends.ravel() for ends in np.indices((12, 12)))
    assert codes == (16 ** lengths.bins(pre, post).astype(np.int64)).tolist()
