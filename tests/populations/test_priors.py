"""Priors over the connectome's own cells keep what all of them promise, and each what it promises.

`test_conformance` holds every registered prior to the rules for plug-ins.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest

import populations
from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Connectome, Edges
from neuroevo.plugins import Plugin, priors
from neuroevo.wiring.architecture import Architecture
from tests.wirings import WORMS

assert populations  # registers the priors

PRIORS = {plugin.name: plugin for plugin in priors}


@pytest.fixture(params=WORMS, scope="module")
def worm(request: pytest.FixtureRequest) -> Connectome:
    return load(request.param)


# Priors that keep cells, signs and ports, on every wiring; `test_swap_priors` has those that do not.
KEEPERS = (
    *("connectome", "weights-shuffled", "boundary", "classes", "stats-prior", "degree-mutual", "degree"),
    *("random", "dense"),
)


@pytest.fixture(params=KEEPERS)
def prior(request: pytest.FixtureRequest) -> Plugin:
    return PRIORS[request.param]


@functools.cache
def shared(prior: str, worm: str, seed: int) -> Architecture:
    """A sample that several tests look at."""
    return PRIORS[prior].target(load(worm), seed=seed)


def signs(architecture: Architecture, edges: Edges) -> tuple[int, int]:
    sign = architecture.sign[edges.pre]
    return int((sign > 0).sum()), int((sign < 0).sum())


def _degrees(edges: Edges, num_cells: int) -> np.ndarray:
    """In-, out- and mutual degrees [3, N]."""
    matrix = np.zeros((num_cells, num_cells), bool)
    matrix[edges.pre, edges.post] = True
    return np.stack([matrix.sum(0), matrix.sum(1), (matrix & matrix.T).sum(0)])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_prior_keeps_cells_signs_and_ports(worm: Connectome, prior: Plugin, seed: int) -> None:
    architecture = shared(prior.name, worm.name, seed)
    assert architecture.cells == worm.cells
    for field in ("sign", "is_muscle", "inputs", "outputs"):
        np.testing.assert_array_equal(getattr(architecture, field), getattr(worm, field))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_prior_makes_simple_wirings(worm: Connectome, prior: Plugin, seed: int) -> None:
    architecture = shared(prior.name, worm.name, seed)
    for edges in (architecture.synapses, architecture.gap_junctions):
        assert (edges.pre != edges.post).all()
        assert len({*zip(edges.pre, edges.post, strict=True)}) == len(edges)
        assert (edges.weight > 0).all()
    assert (architecture.gap_junctions.pre < architecture.gap_junctions.post).all()
    assert not worm.is_muscle[architecture.synapses.pre].any()  # muscles make no synapses


def test_prior_is_a_function_of_its_seed(worm: Connectome, prior: Plugin) -> None:
    samples = shared(prior.name, worm.name, 1), prior.target(worm, seed=1), shared(prior.name, worm.name, 2)
    first, again, other = (architecture.content_hash for architecture in samples)
    assert first == again
    assert (first == other) == (prior.name == "connectome")


def test_prior_leaves_paths_from_inputs_to_outputs(worm: Connectome, prior: Plugin) -> None:
    live = shared(prior.name, worm.name, 0).without_dead_ends()
    assert len(live.inputs) and len(live.outputs) == len(worm.outputs)


def test_prior_free_signs_on_request(worm: Connectome, prior: Plugin) -> None:
    assert shared(prior.name, worm.name, 0).dale
    assert not prior.target(worm, seed=0, dale=False).dale


def test_connectome_is_the_wiring_itself(worm: Connectome) -> None:
    architecture = shared("connectome", worm.name, 0)
    for kind in ("chemical", "neuromuscular", "electrical"):
        for field in ("pre", "post", "weight"):
            np.testing.assert_array_equal(
                getattr(getattr(architecture, kind), field), getattr(getattr(worm, kind), field)
            )


@pytest.mark.parametrize("seed", range(5))
def test_stats_prior_keeps_in_out_and_mutual_degrees(worm: Connectome, seed: int) -> None:
    architecture = shared("stats-prior", worm.name, seed)
    for kind in ("chemical", "neuromuscular"):
        expected = _degrees(getattr(worm, kind), worm.num_cells)
        np.testing.assert_array_equal(_degrees(getattr(architecture, kind), worm.num_cells), expected)
        assert signs(architecture, getattr(architecture, kind)) == signs(architecture, getattr(worm, kind))


def test_stats_prior_keeps_gap_junctions_within_and_between_neurons_and_muscles(worm: Connectome) -> None:
    new, old = shared("stats-prior", worm.name, 0).gap_junctions, worm.electrical
    muscle = worm.is_muscle

    def partners(edges: Edges) -> np.ndarray:
        """[2, N]: partners among neurons and among muscles."""
        ends = np.concatenate([edges.pre, edges.post]), np.concatenate([edges.post, edges.pre])
        counts = np.zeros((2, worm.num_cells), int)
        np.add.at(counts, (muscle[ends[1]].astype(int), ends[0]), 1)
        return counts

    np.testing.assert_array_equal(partners(new), partners(old))


@pytest.mark.parametrize("seed", range(5))
def test_random_keeps_synapse_and_sign_counts(worm: Connectome, seed: int) -> None:
    architecture = shared("random", worm.name, seed)
    for kind in ("chemical", "neuromuscular"):
        new, old = getattr(architecture, kind), getattr(worm, kind)
        assert signs(architecture, new) == signs(architecture, old)
        assert sorted(new.weight) == sorted(old.weight)
    assert len(architecture.gap_junctions) == len(worm.electrical)


def test_random_destroys_degrees(worm: Connectome) -> None:
    architecture = shared("random", worm.name, 0)
    new, old = _degrees(architecture.chemical, worm.num_cells), _degrees(worm.chemical, worm.num_cells)
    assert (new != old)[:, ~worm.is_muscle].any(0).mean() > 0.8


def test_dense_is_all_to_all(worm: Connectome) -> None:
    architecture = shared("dense", worm.name, 0)
    n = worm.num_neurons
    assert len(architecture.chemical) == n * (n - 1)
    assert len(architecture.neuromuscular) == n * int(worm.is_muscle.sum())
    assert len(architecture.gap_junctions) == 0


@pytest.mark.parametrize("name", ["stats-prior", "random"])
def test_gap_option_keeps_or_drops_gap_junctions(worm: Connectome, name: str) -> None:
    pairs = PRIORS[name].target(worm, seed=0, gap="keep").gap_junctions
    np.testing.assert_array_equal(pairs.post, worm.electrical.post)
    assert len(PRIORS[name].target(worm, seed=0, gap="drop").gap_junctions) == 0


def test_prior_docstrings_say_what_is_kept_and_destroyed(prior: Plugin) -> None:
    text = prior.target.__doc__ or ""
    assert "Keeps exactly" in text and "Destroys" in text
