"""Networks that are measured: many wirings of two priors, as one sparse network or as dense matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

import populations  # noqa: F401 - registers the priors
from neuroevo.connectome import catalog
from neuroevo.experiment.shards import GENOMES_PER_SHARD
from neuroevo.network.alignment import Arena
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.phenotype import Phenotype
from neuroevo.plugins import priors
from neuroevo.seeds import derive, generator
from neuroevo.wiring.architecture import Architecture

CIRCUIT = "celegans-motor"
PRIORS = ("stats-prior", "random")  # half of the wirings each
WIRINGS = 32
SPREAD = 0.1  # of the parameters of one wiring's genomes

Batch = tuple[Phenotype, list[Tensor]]


def wiring(number: int, seed: int, circuit: str = CIRCUIT) -> Architecture:
    """Returns a sample of one prior for even numbers and of the other for odd ones.

    Args:
        number: Of the wiring.
        seed: Of the whole measurement.
        circuit: Connectome that the priors are derived from.
    """
    prior = priors.get(PRIORS[number % 2]).target
    return prior(catalog.load(circuit), seed=derive(seed, "wiring", number)).without_dead_ends()


def animate(blueprints: Sequence[Blueprint], genomes: int, seed: int, arena: Arena | None = None) -> Batch:
    """Returns the network of some genomes of every blueprint, loaded, and their parameters.

    Args:
        blueprints: One a wiring.
        genomes: Genomes of each.
        seed: Of the parameters.
        arena: Memory of the state; None allocates memory of its own.
    """
    rng = generator(seed, "parameters")
    parameters = []
    for blueprint in blueprints:
        noise = rng.normal(0, SPREAD, (genomes, blueprint.layout.length)).astype(np.float32)
        parameters.append(blueprint.draw(genomes, rng) + torch.from_numpy(noise))
    phenotype = Phenotype(blueprints, [genomes] * len(blueprints), arena=arena)
    phenotype.load(parameters)
    return phenotype, parameters


def batches(
    networks: int,
    ports: tuple[int, int],
    seed: int,
    share: tuple[int, int] = (0, 1),
    largest: int = GENOMES_PER_SHARD,
    circuit: str = CIRCUIT,
) -> list[Batch]:
    """Returns networks of many wirings in batches, or one process's share of them, their states in one arena.

    Args:
        networks: Number of networks of all processes; each wiring gets as many as another.
        ports: Numbers of sensors and actuators.
        seed: Seed of wirings and parameters.
        share: (k, n), where the process gets the k-th of every n wirings.
        largest: Number of genomes of a batch at most, unless one wiring has more.
        circuit: Connectome that the priors are derived from.
    """
    num_wirings = min(WIRINGS, networks)
    each = networks // num_wirings
    mine = range(share[0], num_wirings, share[1])
    at_once = max(1, largest // each)
    loaded, arena = [], Arena()
    for first in range(0, len(mine), at_once):
        blueprints = [Blueprint(wiring(w, seed, circuit), *ports) for w in mine[first : first + at_once]]
        loaded.append(animate(blueprints, each, derive(seed, "batch", share[0], first), arena))
    return loaded


class Dense:
    """The same networks as dense matrices: what a batch of unlike wirings is without sparse ones.

    Networks smaller than the largest are filled up with zeros.

    Attributes:
        weights: float32 [G, N, N], weights between cells.
        bias: float32 [G, N, 1], bias of each cell.
        encoder: float32 [G, N, S], weights from sensors to cells.
        decoder: float32 [G, A, N], weights from cells to actuators.
        offset: float32 [G, A, 1], bias of each actuator.
        leak: Leak of the leaky neuron.
    """

    def __init__(self, batch: Batch) -> None:
        phenotype, parameters = batch
        genomes, size = phenotype.num_genomes, int(phenotype.genome_sizes.max())
        first = phenotype.blueprints[0]
        self.leak = first.neuron.base["leak"]
        self.weights = blocks(phenotype)
        self.bias = torch.zeros(genomes, size, 1)
        self.encoder = torch.zeros(genomes, size, first.num_sensors)
        self.decoder = torch.zeros(genomes, first.num_actuators, size)
        self.offset = torch.zeros(genomes, first.num_actuators, 1)
        genome = 0
        for blueprint, count, theta in zip(phenotype.blueprints, phenotype.counts, parameters, strict=True):
            rows, parts = slice(genome, genome + count), blueprint.layout.parts
            wiring_ = blueprint.architecture
            self.bias[rows, : wiring_.num_cells, 0] = theta[:, parts["biases"]]
            for which, name, ports in ((0, "encoder", wiring_.inputs), (1, "decoder", wiring_.outputs)):
                ((weight, bias),) = blueprint.weights(which, theta[:, parts[name]])
                cells = torch.tensor(ports.tolist())
                if which == 0:
                    self.encoder[rows, cells] = weight.transpose(1, 2)
                else:
                    self.decoder[rows, :, cells] = weight.transpose(1, 2)
                    self.offset[rows, :, 0] = 0.0 if bias is None else bias
            genome += count
        self._state = torch.zeros(genomes, size, 1)

    def reset(self, columns: int) -> None:
        """Sets all cells to rest.

        Args:
            columns: B, episodes or images.
        """
        self._state = torch.zeros(len(self.weights), self.weights.shape[1], columns)

    def advance(self, drive: Tensor) -> None:
        """Moves all cells by one step.

        Args:
            drive: What comes from outside, and the bias, float32 [G, N, B].
        """
        current = torch.baddbmm(drive, self.weights, self._state)
        self._state.lerp_(current.tanh_(), self.leak)

    def step(self, observations: Tensor) -> Tensor:
        """Returns outputs [G, B, A] after one step.

        Args:
            observations: float32 [G, B, S].
        """
        self.advance(torch.baddbmm(self.bias, self.encoder, observations.transpose(1, 2)))
        return torch.baddbmm(self.offset, self.decoder, self._state).transpose(1, 2)

    def settle(self, images: Tensor, steps: int) -> Tensor:
        """Returns outputs [G, B, A] after some steps, from rest.

        Args:
            images: The same for all networks, float32 [B, S].
            steps: Network steps.
        """
        self.reset(len(images))
        drive = torch.matmul(self.encoder, images.t()).add_(self.bias)
        for _ in range(steps):
            self.advance(drive)
        return torch.baddbmm(self.offset, self.decoder, self._state).transpose(1, 2)


def blocks(phenotype: Phenotype) -> Tensor:
    """Returns the diagonal blocks of a network's matrix, float32 [G, N, N], filled up to the largest.

    Args:
        phenotype: The network.
    """
    matrix, size = phenotype.matrix, int(phenotype.genome_sizes.max())
    rows = torch.repeat_interleave(torch.arange(matrix.shape[0]), matrix.crow_indices().diff().long())
    first = torch.from_numpy(phenotype.first_rows)
    genome = torch.from_numpy(np.repeat(np.arange(phenotype.num_genomes), phenotype.genome_sizes))[rows]
    start, columns = first[genome], matrix.col_indices().long()
    weights = torch.zeros(phenotype.num_genomes, size, size)
    weights.index_put_((genome, rows - start, columns - start), matrix.values(), accumulate=True)
    return weights
