"""The matrix of a batch: products, places, and what is read from it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neuroevo.network.blueprint import Blueprint, Gains
from neuroevo.network.monitors import Monitor
from neuroevo.network.phenotype import Phenotype
from tests.reference import random_architecture, run_plainly

S, A = 3, 2
COUNTS = [2, 3, 1]


def blueprints() -> list[Blueprint]:
    """Three wirings with equal numbers of ports; the second has more cells than the others."""
    sizes = {0: 12, 1: 20, 2: 12}
    return [Blueprint(random_architecture(k, n), S, A, Gains(0.7, 0.9, 2.0, 1.3)) for k, n in sizes.items()]


def batch(order: list[int]) -> tuple[Phenotype, list[torch.Tensor]]:
    """The wirings in some order, with the same parameters in any."""
    ordered, counts = [blueprints()[k] for k in order], [COUNTS[k] for k in order]
    parameters = [
        torch.randn(count, b.layout.length, generator=torch.Generator().manual_seed(k)) * 0.5
        for k, b, count in zip(order, ordered, counts, strict=True)
    ]
    phenotype = Phenotype(ordered, counts)
    phenotype.load(parameters)
    return phenotype, parameters


@pytest.mark.parametrize("num_episodes", [1, 3, 20])
def test_phenotype_equals_a_plain_loop_for_few_and_many_episodes(num_episodes: int) -> None:
    phenotype, parameters = batch([0, 1, 2])
    observations = np.random.default_rng(1).normal(0, 1, (5, phenotype.num_genomes, num_episodes, S))
    phenotype.reset(num_episodes)
    fast = np.stack([phenotype.step(torch.from_numpy(o.astype(np.float32))).numpy() for o in observations])
    genomes = [(b, row) for b, p in zip(phenotype.blueprints, parameters, strict=True) for row in p.numpy()]
    for genome, (blueprint, row) in enumerate(genomes):
        for episode in {0, num_episodes - 1}:
            slow = run_plainly(blueprint, row, observations[:, genome, episode])
            np.testing.assert_allclose(fast[:, genome, episode], slow, atol=1e-5)


@pytest.mark.parametrize("num_episodes", [1, 2, 20, 50])
def test_phenotype_place_in_the_batch_does_not_matter(num_episodes: int) -> None:
    observations = torch.randn(4, 6, num_episodes, S, generator=torch.Generator().manual_seed(2))
    by_order = {}
    for order, genomes in (((0, 1, 2), [0, 1, 2, 3, 4, 5]), ((2, 0, 1), [5, 0, 1, 2, 3, 4])):
        phenotype, _ = batch(list(order))
        phenotype.reset(num_episodes)
        outputs = torch.stack([phenotype.step(o[genomes]) for o in observations])
        by_order[order] = outputs[:, np.argsort(genomes)]
    torch.testing.assert_close(*by_order.values(), rtol=0, atol=1e-6)


def test_load_after_reset_replaces_everything() -> None:
    phenotype, parameters = batch([0, 1, 2])
    observations = torch.randn(6, 2, S, generator=torch.Generator().manual_seed(3))
    phenotype.reset(2)
    before = phenotype.step(observations)
    phenotype.load([p + 1 for p in parameters])
    phenotype.load(parameters)
    phenotype.reset(2)
    assert torch.equal(phenotype.step(observations), before)
    phenotype.reset(2)
    phenotype.load([p + 1 for p in parameters])
    assert not torch.isclose(phenotype.step(observations), before).any()


def test_matrix_has_weights_of_a_genome_in_its_own_block_alone() -> None:
    phenotype, _ = batch([0, 1, 2])
    dense = phenotype.matrix.to_dense()
    assert dense.shape == (phenotype.first_rows[-1], phenotype.first_rows[-1])
    wirings = [b for b, c in zip(phenotype.blueprints, COUNTS, strict=True) for _ in range(c)]
    expected = torch.zeros_like(dense, dtype=torch.bool)
    for first, blueprint in zip(phenotype.first_rows, wirings, strict=False):
        a = blueprint.architecture
        gap = a.gap_junctions
        for rows, cols in (
            (a.synapses.post, a.synapses.pre),
            (gap.pre, gap.post),
            (gap.post, gap.pre),
            (gap.pre, gap.pre),
            (gap.post, gap.post),
        ):
            expected[first + rows, first + cols] = True
    assert torch.equal(dense != 0, expected)


def test_monitor_counts_what_comes_from_outside_as_input_alone() -> None:
    phenotype, parameters = batch([0, 1, 2])
    for values, blueprint in zip(parameters, phenotype.blueprints, strict=True):
        values[:, : blueprint.layout.synapses + blueprint.layout.gap_junctions] = -30.0  # shut
    phenotype.load(parameters)
    phenotype.monitor = Monitor(phenotype)
    phenotype.reset(2)
    observations = torch.randn(6, 2, S, generator=torch.Generator().manual_seed(4))
    for _ in range(3):
        phenotype.step(observations)
    assert (phenotype.monitor.root_mean_square(Monitor.CORE) < 1e-6).all()
    expected = []
    for b, values, sensed in zip(phenotype.blueprints, parameters, observations.split(COUNTS), strict=True):
        weight = values[:, b.layout.parts["encoder"]].reshape(len(values), -1, S)
        drive = b.gains.input * S**-0.5 * weight @ sensed.transpose(1, 2)
        expected.append(float(drive.square().mean().sqrt()))
    np.testing.assert_allclose(phenotype.monitor.root_mean_square(Monitor.INPUT), expected, rtol=1e-5)
