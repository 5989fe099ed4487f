"""Networks in one memory: each runs as if the memory were its own."""

from __future__ import annotations

import pytest
import torch

from neuroevo.network.alignment import MANY, Arena
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.neurons import MODELS, Neuron
from neuroevo.network.phenotype import Phenotype
from tests.reference import random_architecture

S, A, T = 3, 2, 6


def networks(neuron: Neuron, arena: Arena | None) -> list[Phenotype]:
    """A small network, a large one and a small one again, loaded."""
    loaded = []
    for seed, cells, count in ((1, 9, 2), (2, 40, 5), (3, 11, 3)):
        blueprint = Blueprint(random_architecture(seed, cells), S, A, neuron=neuron)
        phenotype = Phenotype([blueprint], [count], arena=arena)
        rng = torch.Generator().manual_seed(seed)
        phenotype.load([0.5 * torch.randn(count, blueprint.layout.length, generator=rng)])
        loaded.append(phenotype)
    return loaded


def outputs(phenotype: Phenotype, columns: int) -> torch.Tensor:
    """What it gives in some steps from rest, and then for inputs that are held."""
    rng = torch.Generator().manual_seed(columns)
    sensed = torch.randn(T, phenotype.num_genomes, columns, S, generator=rng)
    phenotype.reset(columns)
    stepped = [phenotype.step(x) for x in sensed]
    which = torch.zeros(phenotype.num_genomes, dtype=torch.int64)
    return torch.stack([*stepped, phenotype.settle(sensed[0, :1], which, T)])


@pytest.mark.parametrize("options", ["", "delay=3"])
@pytest.mark.parametrize("name", MODELS)
def test_networks_in_turns_give_what_they_give_alone(name: str, options: str) -> None:
    """To the bit, also where another one's state was not a number."""
    neuron = Neuron.parse(f"{name}:{options}" if options else name)
    arena = Arena()
    together, alone = networks(neuron, arena), networks(neuron, None)
    for columns in (1, MANY + 1, 1, 2 * MANY):
        for one, other in zip(together, alone, strict=True):
            assert torch.equal(outputs(one, columns), outputs(other, columns))
            assert not one.has_blown_up().any()
            one.state.fill_(torch.nan)
            assert one.has_blown_up().all()
            arena._all.fill_(torch.nan)


def test_memory_is_at_most_twice_that_of_the_largest() -> None:
    shared, single = Arena(), [Arena() for _ in range(3)]
    largest = 0
    for k, arena in enumerate(single):
        outputs(networks(Neuron("leaky"), arena)[k], 2 * MANY)
        largest = max(largest, len(arena._all))
    for columns in (1, MANY + 1, 2 * MANY, MANY):
        for phenotype in networks(Neuron("leaky"), shared):
            outputs(phenotype, columns)
    assert largest <= len(shared._all) <= 2 * largest


def test_what_was_taken_before_a_larger_piece_stays_as_it_is() -> None:
    arena = Arena()
    (small,) = arena.take([10])
    small.fill_(1.0)
    first, second = arena.take([100, 50])
    for tensor in (first, second):
        tensor.fill_(2.0)
    assert small.tolist() == [1.0] * 10
    assert first.tolist() == [2.0] * 100
    again, *_ = arena.take([10])
    assert again.data_ptr() == first.data_ptr()
