"""What priors promise of their samples, and so of whatever descends from a sample by mutation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import networkx
import numpy as np
import pytest

from neuroevo.connectome.model import Connectome, Edges
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.null_models import in_strength, length_bins
from neuroevo.wiring.statistics import clustering, neurons_of
from neuroevo.wiring.triads import triad_census
from tests.populations.test_swap_priors import KINDS, assert_degrees, numbered
from tests.wirings import matrix_of


def labelled(labels: Callable[[Connectome], np.ndarray], mutual: bool = True) -> Callable[..., None]:
    def promise(new: Architecture, sample: Architecture, worm: Connectome) -> None:
        assert_degrees(new, worm, labels(worm), mutual)
        section_counts(new, worm, np.arange(worm.num_cells))

    return promise


def section_counts(new: Architecture, worm: Connectome, owner: np.ndarray) -> None:
    for kind in ("chemical", "neuromuscular"):
        after, before = (getattr(w, kind) for w in (new, worm))
        for cell in np.unique(owner):
            np.testing.assert_array_equal(
                np.sort(after.weight[owner[after.pre] == cell]),
                np.sort(before.weight[owner[before.pre] == cell]),
            )


def by_kind(worm: Connectome) -> np.ndarray:
    return worm.is_muscle.astype(int)


def with_triads(new: Architecture, sample: Architecture, worm: Connectome) -> None:
    labelled(by_kind)(new, sample, worm)
    assert triad_census(neurons_of(new)) == triad_census(neurons_of(worm))


def with_lengths(new: Architecture, sample: Architecture, worm: Connectome) -> None:
    labelled(by_kind)(new, sample, worm)
    for kind in KINDS:
        before, after = getattr(worm, kind), getattr(new, kind)
        bins = length_bins(worm.position, before)
        np.testing.assert_array_equal(*(np.sort(bins.bins(e.pre, e.post)) for e in (before, after)))


def same_places(new: Architecture, sample: Architecture, worm: Connectome) -> None:
    for kind in KINDS:
        for end in ("pre", "post"):
            np.testing.assert_array_equal(getattr(getattr(new, kind), end), getattr(getattr(worm, kind), end))
    section_counts(new, worm, worm.sign)
    np.testing.assert_array_equal(np.sort(new.electrical.weight), np.sort(worm.electrical.weight))


def same_weights(new: Architecture, sample: Architecture, worm: Connectome) -> None:
    same_places(new, sample, worm)
    for kind in KINDS:
        np.testing.assert_array_equal(getattr(new, kind).weight, getattr(worm, kind).weight)


def same_numbers(new: Architecture, sample: Architecture, worm: Connectome) -> None:
    """Synapses by kind and sign, their section counts, gap junctions by kind: what random wirings keep."""
    for kind in ("chemical", "neuromuscular"):
        after, before = getattr(new, kind), getattr(sample, kind)
        for value in (1, -1):
            np.testing.assert_array_equal(
                np.sort(after.weight[new.sign[after.pre] == value]),
                np.sort(before.weight[sample.sign[before.pre] == value]),
            )
    ends = [w.is_muscle[np.stack([w.electrical.pre, w.electrical.post])] for w in (new, worm)]
    np.testing.assert_array_equal(*(np.sort(on_muscle.sum(0)) for on_muscle in ends))


def as_clustered(new: Architecture, sample: Architecture, worm: Connectome) -> None:
    same_numbers(new, sample, worm)
    assert clustering(neurons_of(new)) == pytest.approx(clustering(neurons_of(sample)), rel=0.15)


def same_degrees(new: Architecture, sample: Architecture, worm: Connectome) -> None:
    same_numbers(new, sample, worm)
    for axis in (0, 1):
        np.testing.assert_array_equal(matrix_of(new).sum(axis), matrix_of(sample).sum(axis))


def same_blocks(new: Architecture, sample: Architecture, worm: Connectome) -> None:
    same_numbers(new, sample, worm)
    role = np.array(worm.role)

    def table(wiring: Architecture | Connectome, kind: str) -> Counter[tuple[str, str, float]]:
        edges = getattr(wiring, kind)
        return Counter(zip(role[edges.pre], role[edges.post], edges.weight.tolist(), strict=True))

    for kind in ("chemical", "neuromuscular"):
        assert table(new, kind) == table(worm, kind)


def two_layers(new: Architecture, sample: Architecture, worm: Connectome) -> None:
    first = len(new.inputs)
    assert (new.synapses.pre < first).all() and (new.synapses.post >= first).all()
    np.testing.assert_array_equal(np.sort(new.synapses.post), np.sort(sample.synapses.post))
    np.testing.assert_array_equal(np.sort(new.synapses.pre), np.sort(sample.synapses.pre))


def right_counts(new: Architecture, sample: Architecture, worm: Connectome) -> None:
    """Who connects to whom, signs, and counts that are no less than 1."""
    for kind in KINDS:
        after, before = getattr(new, kind), getattr(worm, kind)
        for end in ("pre", "post"):
            np.testing.assert_array_equal(getattr(after, end), getattr(before, end))
        assert (after.weight >= 1).all() and (after.weight[before.weight == 1] == 1).all()
    np.testing.assert_array_equal(new.sign, worm.sign)


def wrong_signs(new: Architecture, sample: Architecture, worm: Connectome) -> None:
    """All but the signs, of which as many are wrong."""
    for kind in KINDS:
        for field in ("pre", "post", "weight"):
            np.testing.assert_array_equal(*(getattr(getattr(w, kind), field) for w in (new, worm)))
    assert (new.sign != worm.sign).sum() == (sample.sign != worm.sign).sum() > 0


def without_hubs(new: Architecture, sample: Architecture, worm: Connectome) -> None:
    """The sample's degrees, which keep the cap, and what of its wiring is the connectome's."""
    same_numbers(new, sample, worm)
    for kind in KINDS:
        after, before, measured = (getattr(w, kind) for w in (new, sample, worm))
        for end in ("pre", "post") if kind != "electrical" else ():
            counts = [np.bincount(getattr(e, end), minlength=worm.num_cells) for e in (after, before)]
            np.testing.assert_array_equal(*counts)
        places = [set(zip(e.pre.tolist(), e.post.tolist(), strict=True)) for e in (after, before, measured)]
        assert places[0] & places[2] == places[1] & places[2]


def with_strengths(new: Architecture, sample: Architecture, worm: Connectome) -> None:
    """Strengths are no farther from the connectome's than those of the sample, which are all but met."""
    labelled(by_kind, mutual=False)(new, sample, worm)
    for kind in KINDS:
        wanted = in_strength(worm, kind)
        off, before = (np.abs(in_strength(w, kind) - wanted).sum() for w in (new, sample))
        assert off <= before + 1e-3 * wanted.mean() and before < 0.02 * wanted.sum()


def in_one_piece(new: Architecture, sample: Architecture, worm: Connectome) -> None:
    labelled(by_kind, mutual=False)(new, sample, worm)
    for kind in KINDS:
        after, before = (num_pieces(getattr(w, kind)) for w in (new, worm))
        assert after <= before


def num_pieces(edges: Edges) -> int:
    """The number of weakly connected components of the cells that have edges."""
    graph = networkx.Graph(list(zip(edges.pre.tolist(), edges.post.tolist(), strict=True)))
    return networkx.number_connected_components(graph)


PROMISES: dict[str, Callable[[Architecture, Architecture, Connectome], None]] = {
    "stats-prior": with_triads,
    "degree-mutual": labelled(by_kind),
    "strength": with_strengths,
    "connected": in_one_piece,
    "degree": labelled(by_kind, mutual=False),
    "boundary": labelled(lambda worm: numbered(worm.role)),
    "classes": labelled(lambda worm: numbered(worm.cell_class)),
    "lengths": with_lengths,
    "count-jitter": right_counts,
    "sign-errors": wrong_signs,
    "hub-cap": without_hubs,
    "weights-shuffled": same_places,
    "signs-shuffled": same_weights,
    "random": same_numbers,
    "counts": same_numbers,
    "small-world": as_clustered,
    "scale-free": same_degrees,
    "sbm": same_blocks,
    "sparse-mlp": two_layers,
}
