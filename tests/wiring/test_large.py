"""Nothing is the square of the number of cells: a worm among 30,000 cells takes the memory of a worm."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

import populations
from neuroevo.connectome.catalog import load
from neuroevo.connectome.model import Connectome
from neuroevo.plugins import priors
from neuroevo.wiring import statistics
from neuroevo.wiring.architecture import Architecture
from populations.generative import _all_at_once, _one_by_one

assert populations  # registers the priors

CELLS, MOST_BYTES = 30_000, 20_000_000  # a matrix of bits of so many cells has 112 MB
# Of `scale-free` pairs are drawn four million at a time, whatever the wiring; its draws are tested below.
ALL_TO_ALL = {"dense", "mlp", "sparse-mlp"}  # as many synapses, or possible ones, as pairs


@pytest.fixture(scope="module")
def lonely() -> Connectome:
    """The worm, and cells that nothing joins."""
    worm = load("celegans-motor")
    more = CELLS - worm.num_cells
    position = np.random.default_rng(0).normal(size=(more, 3)).astype(np.float32)
    return replace(
        worm,
        cells=worm.cells + tuple(f"lonely{k}" for k in range(more)),
        role=worm.role + ("interneuron",) * more,
        cell_class=worm.cell_class + ("lonely",) * more,
        transmitter=worm.transmitter + ("",) * more,
        sign=np.concatenate([worm.sign, np.ones(more)]),
        position=np.concatenate([worm.position, position]),
    )


def peak(do: object) -> float:
    """Returns the most memory that a call takes, in bytes."""
    tracemalloc.start()
    try:
        do()  # type: ignore[operator]
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", sorted(set(priors.names()) - ALL_TO_ALL - {"scale-free"}))
def test_prior_takes_the_memory_of_edges(name: str, lonely: Connectome) -> None:
    call = priors.calls([name])[0]
    call.plugin.target(load("celegans-motor"), seed=0)  # compiled code takes memory of its own
    assert peak(lambda: call.plugin.target(lonely, seed=1)) < MOST_BYTES


def test_statistics_take_the_memory_of_edges(lonely: Connectome) -> None:
    statistics.describe(load("celegans-motor"))
    figures: dict[str, float] = {}
    assert peak(lambda: figures.update(statistics.describe(lonely, lonely.position))) < MOST_BYTES
    assert figures["components"] > CELLS - 200 and figures["cells"] == CELLS
    assert figures["chemical"] == len(load("celegans-motor").chemical)


def test_a_wiring_with_cells_that_nothing_joins_becomes_a_network(lonely: Connectome) -> None:
    live = Architecture.of(lonely).without_dead_ends()
    assert live.num_cells == Architecture.of(load("celegans-motor")).without_dead_ends().num_cells


@pytest.mark.parametrize("both", [False, True])
def test_pairs_that_are_drawn_one_by_one_are_those_of_draws_at_once(both: bool) -> None:
    """Each pair comes up as often, to within four deviations of two binomials."""
    sources, targets = np.array([5.0, 3, 1, 1, 0.5, 0.2]), np.array([0.3, 2.0, 1, 4, 1, 1])
    targets = sources if both else targets
    rng, size, samples = np.random.default_rng(1), len(sources), 3_000
    visits = np.zeros((2, size, size))
    for k, draw in enumerate((_all_at_once, _one_by_one)):
        for _ in range(samples):
            pre, post = draw(sources, targets, 6, both, rng)
            assert len(set(zip(pre.tolist(), post.tolist(), strict=True))) == 6 and (pre != post).all()
            visits[k, pre, post] += 1
    share = visits.mean(0) / samples
    assert (np.abs(visits[0] - visits[1]) <= 4 * np.sqrt(2 * samples * share * (1 - share)) + 1e-9).all()
