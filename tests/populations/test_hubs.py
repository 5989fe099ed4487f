"""A null without hubs: nobody is above the cap, nothing is lost, and what hubs do not hand on stays."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest

from neuroevo.connectome.catalog import load
from neuroevo.connectome.graphs import from_networkx
from neuroevo.connectome.model import KINDS, Connectome, Edges, is_symmetric
from neuroevo.errors import OptionError
from neuroevo.plugins import priors
from neuroevo.wiring.architecture import Architecture
from tests.wirings import WORMS

CASES = [(name, seed) for name in WORMS for seed in range(2)]


def sample(worm: Connectome, seed: int = 0, **options: object) -> Architecture:
    return priors.get("hub-cap").target(worm, seed=seed, **options)


def degrees(edges: Edges, num_cells: int, kind: str) -> list[np.ndarray]:
    """Returns the numbers of partners that are capped: out and in, or of gap junctions."""
    ends = [np.bincount(end, minlength=num_cells) for end in (edges.pre, edges.post)]
    return [ends[0] + ends[1]] if kind == "electrical" else ends


def pairs(edges: Edges) -> set[tuple[int, int]]:
    return set(zip(edges.pre.tolist(), edges.post.tolist(), strict=True))


def quantile(values: np.ndarray, share: float) -> int:
    """Returns the least number that a share of the values does not exceed, counted one by one."""
    values = np.sort(values)
    return int(next(v for k, v in enumerate(values, start=1) if k >= share * len(values)))


@pytest.mark.parametrize(("name", "seed"), CASES)
@pytest.mark.parametrize("cap", [0.9, 0.75])
def test_no_cell_is_above_the_quantile_and_only_hubs_lose(name: str, seed: int, cap: float) -> None:
    worm = load(name)
    new = sample(worm, seed, cap=cap)
    n = worm.num_cells
    for kind in ("chemical", "neuromuscular"):
        before, after = (degrees(getattr(w, kind), n, kind) for w in (worm, new))
        for old, now in zip(before, after, strict=True):
            bound = quantile(old[old > 0], cap)
            assert (old > bound).any() or kind == "neuromuscular"
            extra = [note for note in new.notes if kind in note]
            assert now.max() <= bound or extra
            stay = old <= bound
            assert (now[stay] >= old[stay]).all()  # who is no hub only gains
            if not extra:
                assert (now[~stay] == bound).all()  # and a hub keeps as many as the cap
            np.testing.assert_array_equal(now > 0, old > 0)


@pytest.mark.parametrize(("name", "seed"), CASES)
def test_numbers_sections_signs_and_kinds_are_kept_and_most_of_the_wiring(name: str, seed: int) -> None:
    worm = load(name)
    new = sample(worm, seed)
    np.testing.assert_array_equal(new.sign, worm.sign)
    for kind in KINDS:
        before, after = getattr(worm, kind), getattr(new, kind)
        np.testing.assert_array_equal(np.sort(before.weight), np.sort(after.weight))
        assert len(pairs(after)) == len(after) and (after.pre != after.post).all()
        by_end = [(w.is_muscle[e.pre], w.is_muscle[e.post]) for w, e in ((worm, before), (new, after))]
        kinds = [np.sort(a.astype(int) + b) for a, b in by_end]
        np.testing.assert_array_equal(*kinds)
        if kind != "electrical":
            for value in (1, -1):
                counts = [np.sort(e.weight[worm.sign[e.pre] == value]) for e in (before, after)]
                np.testing.assert_array_equal(*counts)
    shared = len(pairs(new.chemical) & pairs(worm.chemical))
    surplus = sum(
        int(np.maximum(d - quantile(d[d > 0], 0.9), 0).sum())
        for d in degrees(worm.chemical, worm.num_cells, "chemical")
    )
    assert 0 < len(worm.chemical) - shared <= surplus  # no more is moved than is above a cap
    between = (new.chemical, sample(worm, seed + 10).chemical)
    assert pairs(between[0]) != pairs(between[1])


def test_gap_junctions_of_neurons_and_of_muscles_are_capped_each_by_their_own_quantile() -> None:
    worm = load("celegans")
    new = sample(worm)
    (old,), (now,) = (degrees(w.electrical, worm.num_cells, "electrical") for w in (worm, new))
    neurons, muscles = (old[members & (old > 0)] for members in (~worm.is_muscle, worm.is_muscle))
    assert now[~worm.is_muscle].max() == quantile(neurons, 0.9) < neurons.max()
    bound = quantile(muscles, 0.9)  # most muscles have as many, and little room below it
    assert np.maximum(muscles - bound, 0).sum() > np.maximum(bound - muscles, 0).sum()
    assert now[worm.is_muscle].max() == bound + 1 < muscles.max()
    assert [note for note in new.notes if "gap" in note] == [
        "caps gap junctions of muscles at 1 partner more than the quantile 0.9: below that others have no "
        "room for what hubs hand on."
    ]


def test_a_dose_is_a_share_of_the_surplus_and_a_cap_of_one_the_connectome() -> None:
    worm = load("celegans")
    exact = Architecture.of(worm)
    assert sample(worm, cap=1.0).content_hash == exact.content_hash == sample(worm, rewired=0.0).content_hash
    moved = [
        len(pairs(worm.chemical) - pairs(sample(worm, rewired=dose).chemical)) for dose in (0.25, 0.5, 1.0)
    ]
    assert moved[0] / moved[2] == pytest.approx(0.25, abs=0.05)
    assert moved[1] / moved[2] == pytest.approx(0.5, abs=0.05)


def star(num_leaves: int) -> Connectome:
    """Returns one hub that reaches all others, which reach one another in a ring."""
    worm = load("celegans")
    ring = worm.circuit("ring", np.flatnonzero(~worm.is_muscle)[: num_leaves + 1])
    leaves = np.arange(1, num_leaves + 1)
    pre = np.concatenate([np.zeros(num_leaves, int), leaves])
    post = np.concatenate([leaves, np.roll(leaves, -1)])
    none = Edges(*np.zeros((3, 0)))
    return replace(
        ring,
        sign=np.ones(num_leaves + 1, np.int8),
        chemical=Edges(pre, post, np.ones(2 * num_leaves)),
        neuromuscular=none,
        electrical=none,
        inputs=leaves,
        outputs=leaves,
    )


def test_a_cap_that_leaves_no_room_is_the_least_that_does_and_says_so() -> None:
    wiring = star(8)  # the quantile is 1, and leaves of out-degree 1 have no room below it
    new = sample(wiring, cap=0.8)
    out = degrees(new.chemical, wiring.num_cells, "chemical")[0]
    assert out.max() == 2 and out.sum() == 16  # 8 hand on 6: a hub of 2 and leaves of 1 or 2
    assert new.notes == (
        "caps chemical synapses out of a cell at 1 partner more than the quantile 0.8: below that others "
        "have no room for what hubs hand on.",
    )


def test_where_there_are_no_hubs_it_says_so() -> None:
    planted = load("planted")
    new = sample(planted)
    assert new.content_hash == Architecture.of(planted).content_hash
    assert new.notes == ("caps no chemical synapses: no cell has more partners than the quantile 0.9.",)


@pytest.mark.parametrize("cap", [0.0, -1.0, 1.5, float("nan")])
def test_a_cap_that_is_no_quantile_is_refused(cap: float) -> None:
    with pytest.raises(OptionError, match="'cap'"):
        sample(load("celegans-motor"), cap=cap)


def test_weights_and_signs_are_shuffled_where_that_is_asked() -> None:
    worm = load("celegans-motor")
    usual, dealt = sample(worm), sample(worm, weights="shuffle", signs="shuffle")
    for kind in KINDS:
        assert pairs(getattr(usual, kind)) == pairs(getattr(dealt, kind))
        assert (getattr(usual, kind).weight != getattr(dealt, kind).weight).any()
        assert sorted(getattr(usual, kind).weight) == sorted(getattr(dealt, kind).weight)
    assert (dealt.sign != worm.sign).any() and sorted(dealt.sign) == sorted(worm.sign)


def test_a_mutant_moves_what_was_dealt_alone() -> None:
    worm, plugin = load("celegans"), priors.get("hub-cap")
    assert plugin.mutate is not None
    parent = sample(worm)
    for seed in range(3):
        child = plugin.mutate(worm, parent, seed=seed, **plugin.defaults).architecture
        for kind in KINDS:
            measured = pairs(getattr(worm, kind))
            old, new = (pairs(getattr(w, kind)) for w in (parent, child))
            assert old & measured == new & measured
            assert 0 < len(old - new) < 0.05 * len(old) + 2
            for before, after in zip(
                *(degrees(getattr(w, kind), worm.num_cells, kind) for w in (parent, child)), strict=True
            ):
                np.testing.assert_array_equal(before, after)
        parent = child


def test_hubs_of_an_undirected_connectome_hand_on_pairs() -> None:
    source = nx.barabasi_albert_graph(60, 3, seed=1)
    nx.set_edge_attributes(source, {edge: 1 + k % 7 for k, edge in enumerate(source.edges)}, "weight")
    brain, plugin = from_networkx(source, "brain"), priors.get("hub-cap")
    assert brain.is_undirected and plugin.mutate is not None
    new = sample(brain, cap=0.8)
    degree = np.array([source.degree(int(cell)) for cell in brain.cells])
    bound = quantile(degree, 0.8)
    after = np.bincount(new.synapses.pre, minlength=60)
    assert after.max() == bound < degree.max() and (after[degree <= bound] >= degree[degree <= bound]).all()
    for seed in range(4):
        assert is_symmetric(new.synapses) and len(new.synapses) == 2 * source.number_of_edges()
        np.testing.assert_array_equal(np.sort(new.synapses.weight), np.sort(brain.chemical.weight))
        child = plugin.mutate(brain, new, seed=seed, **{**plugin.defaults, "cap": 0.8})
        edges, origin = child.architecture.synapses, child.synapses
        np.testing.assert_array_equal(np.sort(origin), np.arange(len(edges)))
        np.testing.assert_array_equal(edges.weight, new.synapses.weight[origin])
        assert 0 < len(pairs(edges) - pairs(new.synapses)) < 0.1 * len(edges)
        np.testing.assert_array_equal(np.bincount(edges.pre), np.bincount(new.synapses.pre))
        new = child.architecture
