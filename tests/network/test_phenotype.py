"""The block-diagonal network against a plain loop over synapses."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from neuroevo.connectome import catalog
from neuroevo.network.blueprint import Blueprint, Gains
from neuroevo.network.phenotype import Phenotype
from neuroevo.wiring.architecture import Architecture, take
from tests.reference import random_architecture, run_plainly

S, A, T = 3, 2, 50


def ragged_batch(dale: bool) -> tuple[Phenotype, list[torch.Tensor]]:
    """Three lineages of different sizes and ports, the last two of one architecture."""
    first = Blueprint(random_architecture(0, 12, 5, dale), S, A, Gains(0.7, 0.9, 2.0, 1.3))
    second = Blueprint(random_architecture(1, 20, 7, dale), S, A, Gains(1.1, 1.5, 0.5, 0.8))
    phenotype = Phenotype([first, second, second], [3, 2, 4])
    rng = np.random.default_rng(2)
    parameters = [
        torch.from_numpy(rng.normal(0, 0.5, (count, b.layout.length)).astype(np.float32))
        for b, count in zip(phenotype.blueprints, phenotype.counts, strict=True)
    ]
    phenotype.load(parameters)
    return phenotype, parameters


@pytest.mark.parametrize("dale", [True, False])
def test_phenotype_equals_a_plain_loop_over_fifty_steps(dale: bool) -> None:
    phenotype, parameters = ragged_batch(dale)
    num_episodes = 2
    observations = np.random.default_rng(3).normal(0, 1, (T, phenotype.num_genomes, num_episodes, S))
    phenotype.reset(num_episodes)
    fast = np.stack([phenotype.step(torch.from_numpy(o.astype(np.float32))).numpy() for o in observations])
    genome = 0
    for blueprint, block in zip(phenotype.blueprints, parameters, strict=True):
        for row in block.numpy():
            for episode in range(num_episodes):
                slow = run_plainly(blueprint, row, observations[:, genome, episode])
                np.testing.assert_allclose(fast[:, genome, episode], slow, atol=1e-5)
            genome += 1


@pytest.mark.parametrize("columns", [6, 40])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 30])
def test_settle_equals_steps_with_a_held_input(columns: int, steps: int) -> None:
    phenotype, _ = ragged_batch(True)
    images = torch.randn(2, columns, S, generator=torch.Generator().manual_seed(0))
    which = torch.tensor([0, 0, 0, 1, 1, 1, 1, 0, 0])
    settled = [phenotype.settle(images, which, steps=steps) for _ in range(2)]
    phenotype.reset(columns)
    for _ in range(steps):
        stepped = phenotype.step(images[which])
    for outputs in settled:
        torch.testing.assert_close(outputs, stepped)


def test_settle_leaves_out_what_is_not_read_and_no_bit_changes() -> None:
    """The whole worm: what a step does to an interneuron is not read if it is the last."""
    whole = Architecture.of(catalog.load("celegans")).without_dead_ends()
    blueprint = Blueprint(whole, S, A)
    phenotype = Phenotype([blueprint], [3])
    phenotype.load([blueprint.draw(3, np.random.default_rng(0))])
    images = torch.randn(1, 32, S, generator=torch.Generator().manual_seed(0))
    which = torch.zeros(3, dtype=torch.int64)
    settled, cells = phenotype.settle(images, which, steps=3), phenotype.state.view(3, -1, 32).clone()
    phenotype.reset(32)
    for adapter, drive in zip(phenotype._adapters, phenotype._drives, strict=True):
        adapter.encoder.show(images, which, out=drive)
    phenotype.cells.advance(3)
    outputs = torch.from_numpy(whole.outputs)
    moved = phenotype.state.view(3, -1, 32)
    assert torch.equal(moved[:, outputs], cells[:, outputs])
    is_left_out = (moved != cells).any(2).any(0)
    assert is_left_out.sum() > whole.num_cells / 2 and not is_left_out[outputs].any()
    assert torch.isfinite(settled).all()


def test_phenotype_row_order_does_not_matter() -> None:
    phenotype, parameters = ragged_batch(True)
    observations = torch.randn(phenotype.num_genomes, 1, S, generator=torch.Generator().manual_seed(1))
    phenotype.reset(1)
    forward = phenotype.step(observations).clone()
    flipped = Phenotype(phenotype.blueprints[::-1], phenotype.counts[::-1])
    flipped.load([p.flip(0) for p in parameters[::-1]])
    flipped.reset(1)
    assert torch.equal(flipped.step(observations.flip(0)), forward.flip(0))


def test_reset_forgets_the_past() -> None:
    phenotype, _ = ragged_batch(True)
    observations = torch.randn(phenotype.num_genomes, 2, S, generator=torch.Generator().manual_seed(1))
    phenotype.reset(2)
    first = phenotype.step(observations).clone()
    phenotype.step(observations)
    phenotype.reset(2)
    assert torch.equal(phenotype.step(observations), first)


def test_dale_synapses_keep_their_sign_whatever_the_parameters() -> None:
    blueprint = Blueprint(random_architecture(4), S, A)
    phenotype = Phenotype([blueprint], [1])
    parameters = torch.randn(1, blueprint.layout.length, generator=torch.Generator().manual_seed(5)) * 3
    parameters[:, len(blueprint.architecture.synapses) :] = -30.0  # gap junctions shut
    phenotype.load([parameters])
    matrix = phenotype.matrix.to_dense().numpy()
    edges = blueprint.architecture.synapses
    assert (np.sign(matrix[edges.post, edges.pre]) == blueprint.architecture.sign[edges.pre]).all()


def test_dead_ends_can_be_left_out_without_changing_outputs() -> None:
    architecture = random_architecture(6, 14, 6)
    among_neurons = ~architecture.is_muscle[architecture.gap_junctions.post]
    whole = dataclasses.replace(
        architecture,
        outputs=architecture.outputs[:1],
        gap_junctions=take(architecture.gap_junctions, among_neurons),
    )
    live = whole.without_dead_ends()
    assert live.num_cells < whole.num_cells
    big, small = Blueprint(whole, S, A), Blueprint(live, S, A)
    position = {name: i for i, name in enumerate(live.cells)}
    is_inner = [whole.cells[i] in position for i in range(whole.num_cells)]
    inner = np.array(
        [is_inner[a] and is_inner[b] for a, b in zip(whole.synapses.pre, whole.synapses.post, strict=True)]
    )
    gaps = np.array(
        [
            is_inner[a] and is_inner[b]
            for a, b in zip(whole.gap_junctions.pre, whole.gap_junctions.post, strict=True)
        ]
    )
    inputs = np.repeat([is_inner[i] for i in whole.inputs], S)
    parameters = np.random.default_rng(7).normal(0, 0.5, big.layout.length).astype(np.float32)
    syn, gap, bias, w_in, rest = np.split(
        parameters, np.cumsum([len(inner), len(gaps), whole.num_cells, len(inputs)])
    )
    pruned = np.concatenate([syn[inner], gap[gaps], bias[is_inner], w_in[inputs], rest])
    observations = np.random.default_rng(8).normal(0, 1, (T, S))
    np.testing.assert_allclose(
        run_plainly(small, pruned, observations), run_plainly(big, parameters, observations), atol=1e-9
    )
