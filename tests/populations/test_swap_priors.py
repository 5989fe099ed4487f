"""Each null model made by swaps keeps what its docstring promises, on every bundled wiring, at every dose."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import populations
from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Connectome, Edges
from neuroevo.errors import ConnectomeError, OptionError
from neuroevo.plugins import priors
from neuroevo.wiring import null_models
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.graph import Graph
from neuroevo.wiring.null_models import length_bins
from neuroevo.wiring.statistics import neurons_of
from neuroevo.wiring.triads import triad_census
from tests.wirings import WORMS, matrix_of

assert populations  # registers the priors

REWIRED = (
    "lengths",
    "boundary",
    "classes",
    "stats-prior",
    "degree-mutual",
    "strength",
    "connected",
    "degree",
)
RUNGS = ("weights-shuffled", "signs-shuffled", *REWIRED)
KINDS = ("chemical", "neuromuscular", "electrical")
CASES = [  # the cord's repeating circuit has no positions
    (rung, name) for rung in RUNGS for name in WORMS if (rung, name) != ("lengths", "celegans-perimotor")
]

on_every_wiring = pytest.mark.parametrize(("rung", "name"), CASES)


def sample(rung: str, worm: Connectome, seed: int = 0, **options: object) -> Architecture:
    return priors.get(rung).target(worm, seed=seed, **options)


@functools.cache
def worm_of(name: str) -> Connectome:
    return load(name)


@functools.cache
def shared(rung: str, name: str, seed: int = 0, rewired: float = 1.0) -> Architecture:
    """A sample that several tests look at."""
    return sample(rung, worm_of(name), seed, rewired=rewired)


def _towards(edges: Edges, labels: np.ndarray, both_ways: bool) -> np.ndarray:
    """Numbers of partners of every cell by label [kinds, N, labels]: in, out, mutual; or both ways."""
    matrix = Graph.of(len(labels), edges.pre, edges.post).matrix()
    of_label = np.eye(int(labels.max()) + 1, dtype=int)[labels]
    kinds = (matrix | matrix.T,) if both_ways else (matrix.T, matrix, matrix & matrix.T)
    return np.stack([kind.astype(int) @ of_label for kind in kinds])


def assert_degrees(new: Architecture, worm: Connectome, labels: np.ndarray, mutual: bool = True) -> None:
    for kind in KINDS:
        both_ways = kind == "electrical"
        after, before = (_towards(getattr(w, kind), labels, both_ways) for w in (new, worm))
        count = slice(None) if mutual or both_ways else slice(2)
        np.testing.assert_array_equal(after[count], before[count], kind)


def numbered(names_of_cells: tuple[str, ...]) -> np.ndarray:
    return np.unique(names_of_cells, return_inverse=True)[1]


LABELS: dict[str, Callable[[Connectome], np.ndarray]] = {
    "boundary": lambda worm: numbered(worm.role),
    "classes": lambda worm: numbered(worm.cell_class),
}


@on_every_wiring
@pytest.mark.parametrize("dose", [0.3, 1.0])
def test_rung_keeps_degrees(rung: str, name: str, dose: float) -> None:
    worm = worm_of(name)
    labels = LABELS.get(rung, lambda w: w.is_muscle.astype(int))(worm)
    assert_degrees(
        shared(rung, name, 1, dose), worm, labels, mutual=rung not in ("strength", "connected", "degree")
    )


@on_every_wiring
def test_rung_keeps_section_counts_with_their_presynaptic_cell_or_its_sign(rung: str, name: str) -> None:
    worm, new = worm_of(name), shared(rung, name)
    owner = worm.sign if rung == "weights-shuffled" else np.arange(worm.num_cells)
    for kind in ("chemical", "neuromuscular"):
        after, before = getattr(new, kind), getattr(worm, kind)
        for cell in np.unique(owner):
            np.testing.assert_array_equal(
                np.sort(after.weight[owner[after.pre] == cell]),
                np.sort(before.weight[owner[before.pre] == cell]),
            )
    np.testing.assert_array_equal(np.sort(new.electrical.weight), np.sort(worm.electrical.weight))


@on_every_wiring
def test_rung_keeps_ports_and_the_numbers_of_signs(rung: str, name: str) -> None:
    worm = load(name)
    for options in ({}, {"signs": "shuffle"} if rung != "signs-shuffled" else {"weights": "shuffle"}):
        new = sample(rung, worm, ports="keep", **options)
        np.testing.assert_array_equal(new.inputs, worm.inputs)
        np.testing.assert_array_equal(new.outputs, worm.outputs)
        shuffled = rung == "signs-shuffled" or options.get("signs") == "shuffle"
        assert (new.sign != worm.sign).any() == shuffled
        np.testing.assert_array_equal(np.sort(new.sign), np.sort(worm.sign))
        np.testing.assert_array_equal(new.sign[worm.is_muscle], worm.sign[worm.is_muscle])


@on_every_wiring
def test_rung_at_dose_zero_is_the_connectome(rung: str, name: str) -> None:
    worm = load(name)
    shuffles = {"signs": "shuffle", "weights": "shuffle"}
    options = {k: v for k, v in shuffles.items() if k in priors.get(rung).defaults}
    assert sample(rung, worm, rewired=0.0, **options).content_hash == Architecture.of(worm).content_hash


@on_every_wiring
def test_rung_is_a_function_of_its_seed(rung: str, name: str) -> None:
    worm = load(name)
    samples = shared(rung, name, 1, 0.3), sample(rung, worm, 1, rewired=0.3), shared(rung, name, 0, 0.3)
    first, again, other = (architecture.content_hash for architecture in samples)
    assert first == again != other


def _moved(new: Architecture, worm: Connectome) -> float:
    """Share of the connectome's synapses that changed: place, weight or sign."""

    def keyed(wiring: Architecture | Connectome) -> set[tuple[object, ...]]:
        parts = [wiring.chemical, wiring.neuromuscular]
        return {
            (i, j, w, int(wiring.sign[i]))
            for e in parts
            for i, j, w in zip(e.pre, e.post, e.weight, strict=True)
        }

    old = keyed(worm)
    return len(old - keyed(new)) / len(old)


@on_every_wiring
def test_rung_moves_more_the_higher_the_dose(rung: str, name: str) -> None:
    worm = load(name)
    mean = [
        np.mean([_moved(shared(rung, name, s, dose), worm) for s in range(2)])
        for dose in (0.0, 0.3, 0.7, 1.0)
    ]
    assert mean[0] == 0 and (np.diff(mean) > 0).all()


@pytest.mark.parametrize("rung", REWIRED)
def test_rung_keeps_of_the_worm_what_its_dose_says(rung: str) -> None:
    worm = load("celegans")
    source = matrix_of(worm)

    def left(dose: float) -> float:
        new = matrix_of(shared(rung, "celegans", 1, dose))
        return float((source & new).sum() / source.sum())

    full = 1 - left(1.0)
    assert 1 - left(0.5) == pytest.approx(0.5 * full, abs=0.05)


@pytest.mark.parametrize("name", WORMS)
@pytest.mark.parametrize("options", [{}, {"rewired": 0.5}, {"boundary": True}], ids=str)
def test_stats_prior_has_the_triads_of_the_connectome(name: str, options: dict[str, object]) -> None:
    worm = load(name)
    new = sample("stats-prior", worm, seed=5, **options)
    assert triad_census(neurons_of(new)) == triad_census(neurons_of(worm))
    assert not any("triads" in note for note in new.notes)
    if options.get("boundary"):
        assert_degrees(new, worm, numbered(worm.role))


def test_degree_mutual_has_other_triads() -> None:
    worm = load("celegans")
    for new in (sample("degree-mutual", worm), sample("stats-prior", worm, triads=False)):
        after, before = (triad_census(neurons_of(w)) for w in (new, worm))
        assert after["300"] < 0.5 * before["300"]


def test_degree_bins_keep_the_rich_club() -> None:
    worm = load("celegans")
    source = matrix_of(worm)
    rich = source.sum(0) + source.sum(1) > 50
    samples = {0: shared("stats-prior", "celegans"), 8: sample("stats-prior", worm, degree_bins=8)}
    club = {bins: matrix_of(new)[np.ix_(rich, rich)].sum() for bins, new in samples.items()}
    within = source[np.ix_(rich, rich)].sum()
    assert club[0] > 1.4 * within and club[8] == pytest.approx(within, rel=0.15)


def test_degree_loses_reciprocity_and_degree_mutual_keeps_it() -> None:
    worm = load("celegans")
    mutual = {
        rung: (m & m.T).sum() for rung in ("degree", "degree-mutual") for m in [matrix_of(sample(rung, worm))]
    }
    source = matrix_of(worm)
    assert mutual["degree-mutual"] == (source & source.T).sum() > 2 * mutual["degree"]


@pytest.mark.parametrize(("rung", "options"), [("lengths", {}), ("stats-prior", {"lengths": True})])
@pytest.mark.parametrize("name", ["celegans", "celegans-motor"])
def test_lengths_keep_the_histogram_and_nearly_the_total(
    rung: str, options: dict[str, bool], name: str
) -> None:
    worm = load(name)
    new = sample(rung, worm, seed=1, **options)
    apart = np.linalg.norm(worm.position[:, None] - worm.position[None], axis=2)
    for kind in KINDS:
        before, after = getattr(worm, kind), getattr(new, kind)
        bins = length_bins(worm.position, before)
        np.testing.assert_array_equal(*(np.sort(bins.bins(e.pre, e.post)) for e in (before, after)))
    total = [apart[e.pre, e.post].sum() for e in (worm.chemical, new.chemical)]
    assert total[1] == pytest.approx(total[0], rel=0.05)


def test_lengths_without_positions_is_one_clear_error() -> None:
    for rung, options in (("lengths", {}), ("stats-prior", {"lengths": True})):
        with pytest.raises(ConnectomeError, match="positions of 0 of 66 neurons"):
            sample(rung, load("celegans-perimotor"), **options)


def test_classes_says_how_little_room_a_wiring_leaves() -> None:
    worm = load("celegans-motor")
    new = sample("classes", worm)
    shared = (matrix_of(worm) & matrix_of(new)).sum() / matrix_of(worm).sum()
    assert 0.5 < shared < 0.75
    assert any(note.startswith(f"keeps {shared:.0%} of the chemical synapses") for note in new.notes)
    assert sample("degree-mutual", worm).notes == ()
    alone = replace(worm, cell_class=worm.cells)
    assert (
        "keeps 100% of the chemical synapses: this wiring leaves the null no room."
        in sample("classes", alone).notes
    )


def test_stats_prior_says_how_far_it_got_when_its_budget_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(null_models, "ANNEALING", 2000)
    worm = load("celegans")
    new = sample("stats-prior", worm)
    census, wanted = (triad_census(neurons_of(w)) for w in (new, worm))
    assert census != wanted
    assert any("triads matched to within" in note and "proposals" in note for note in new.notes)


@pytest.mark.parametrize("rung", REWIRED)
def test_gap_junctions_follow_the_dose_or_stay_or_go(rung: str) -> None:
    worm = load("celegans")
    old = set(zip(worm.electrical.pre, worm.electrical.post, strict=True))

    def left(**options: object) -> int:
        gaps = sample(
            rung, worm, **({"triads": False} if rung == "stats-prior" else {}), **options
        ).electrical
        return len(old & set(zip(gaps.pre, gaps.post, strict=True)))

    assert left(gap="drop") == 0 < left() < left(rewired=0.3) < left(gap="keep") == len(old)


@pytest.mark.parametrize("rung", RUNGS)
def test_rung_refuses_a_dose_out_of_range(rung: str) -> None:
    for dose in (-0.1, 1.5, float("nan")):
        with pytest.raises(OptionError, match="rewired"):
            sample(rung, load("celegans-motor"), rewired=dose)


@pytest.mark.parametrize("bins", [-1, 1])
def test_stats_prior_refuses_bins_that_mean_nothing(bins: int) -> None:
    with pytest.raises(OptionError, match="degree_bins"):
        sample("stats-prior", load("celegans-motor"), degree_bins=bins)


@on_every_wiring
def test_weights_option_shuffles_within_kind_and_sign(rung: str, name: str) -> None:
    worm = load(name)
    if rung == "strength":  # it has no such option, for it would keep no strengths
        with pytest.raises(TypeError, match="weights"):
            sample(rung, worm, weights="shuffle")
        return
    options = {"weights": "shuffle"} if rung != "weights-shuffled" else {}
    new = sample(rung, worm, **options) if options else shared(rung, name)
    for kind in ("chemical", "neuromuscular"):
        after, before = getattr(new, kind), getattr(worm, kind)
        for sign in (1, -1):
            np.testing.assert_array_equal(
                np.sort(after.weight[worm.sign[after.pre] == sign]),
                np.sort(before.weight[worm.sign[before.pre] == sign]),
            )
        out = [np.bincount(e.pre, e.weight, worm.num_cells) for e in (before, after)]
        assert (out[0] != out[1]).any()


def test_listing_priors_does_not_wait_for_numba() -> None:
    code = "import sys, populations; print('numba' in sys.modules)"
    listing = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert listing.stdout.strip() == "False"
