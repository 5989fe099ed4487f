"""Scores of untrained networks on `memory`: ours, without LLVM's instructions, and as reservoirpy runs them.

Ours scores twenty genomes of the whole worm together: training sequence, penalty, readout, held-out sequence.
A rival has the row sums as numba's loops, all else equal; what is cleverer than that stays only where a whole
score takes 1.2 times as long without it. reservoirpy runs one network after another with the same matrix,
input map and biases, and fits one readout with one penalty, which is less work than ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from unittest import mock

import numpy as np
import torch
from numba import njit

from benchmarks.kernels import MUCH
from benchmarks.turns import OURS, Options, Row, compare
from neuroevo import readout
from neuroevo.connectome.catalog import load
from neuroevo.experiment.plan import fitted
from neuroevo.network import adapters, reservoir_kernels
from neuroevo.network.alignment import LANES
from neuroevo.network.neurons import Neuron
from neuroevo.network.phenotype import Phenotype
from neuroevo.network.reservoir import Population
from neuroevo.network.reservoir_kernels import _move, _sense
from neuroevo.seeds import generator
from neuroevo.task import Task
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.sampling import Sample
from tasks.memory import Memory

CASE, LEAK, GENOMES, TURNS = "memory, whole worm", 0.5, 20, 9
PLAIN, PEER = "row sums as numba's loops", "reservoirpy"


def measure(options: Options) -> Iterator[Row]:
    """Yields a row a rival: CPU milliseconds a lineage."""
    exact = Architecture.of(load("celegans-perimotor" if options.smallest else "celegans"))
    adapter = adapters.parse("ridge:gain=0.9,bias=0.2")
    task = Memory()
    solved = readout.on(task, adapter)
    sample = Sample("connectome", 0, exact, exact.content_hash)
    neuron = Neuron.parse(f"leaky:leak={LEAK}")
    blueprint = fitted([sample], {"memory": solved}, neuron, adapter)["memory"][0]
    genomes = [blueprint.draw(1, generator(options.seed, "genome", k)) for k in range(GENOMES)]
    population = Population([blueprint] * GENOMES, genomes)

    def ours() -> None:
        solved.score(population, seeds=list(range(GENOMES)))  # type: ignore[arg-type]

    def plain() -> None:
        with mock.patch.object(reservoir_kernels, "respond", _respond):
            ours()

    rivals: dict[str, tuple[Callable[[], None], int]] = {OURS: (ours, GENOMES), PLAIN: (plain, GENOMES)}
    notes = {}
    if options.peers:
        rivals[PEER] = (_peer(blueprint, genomes[0], task), 1)
        notes[PEER] = "one penalty, not eleven"
    values: dict[str, list[float]] = {name: [] for name in rivals}
    for turn in range(options.turns(TURNS) + 1):
        for name, (call, number) in rivals.items():
            begin = time.process_time()
            call()
            if turn:  # the first compiles
                values[name].append(1e3 * (time.process_time() - begin) / number)
    yield from compare(CASE, "CPU ms", values, less=True, goals={PLAIN: MUCH}, notes=notes)


def _peer(blueprint, genome: torch.Tensor, task: Task) -> Callable[[], None]:  # type: ignore[no-untyped-def]
    """Returns what scores one genome with reservoirpy."""
    from reservoirpy import nodes

    phenotype = Phenotype([blueprint], [1])
    phenotype.load([genome])
    matrix, outputs = phenotype.matrix.to_dense().double().numpy(), blueprint.architecture.outputs
    encoder = torch.split(genome, blueprint.layout.sizes, 1)[5]
    inward = np.zeros((len(matrix), 1))
    inward[blueprint.architecture.inputs] = blueprint.weights(0, encoder)[0][0][0].numpy().T
    bias = genome[0, blueprint.layout.parts["biases"]].double().numpy()

    def score() -> None:
        states, targets = {}, {}
        for split in ("training", "held-out"):
            samples = task.samples(split, seeds=[0])  # type: ignore[attr-defined]
            reservoir = nodes.Reservoir(W=matrix, Win=inward, bias=bias, lr=LEAK, activation="tanh")
            states[split] = reservoir.run(samples.inputs[0, :, 0].double().numpy())[100:, outputs]
            targets[split] = samples.targets[0, 100:, 0].double().numpy()
        nodes.Ridge(ridge=0.01).fit(states["training"], targets["training"]).run(states["held-out"])

    return score


@njit(fastmath={"contract"})
def _add_rows(structure, weights, bias, tile, current):  # type: ignore[no-untyped-def]
    """Writes what cells receive, four entries in one pass over the lanes of a row."""
    starts, columns = structure
    for row in range(len(starts) - 1):
        total = current[row * LANES : (row + 1) * LANES]
        for lane in range(LANES):
            total[lane] = bias[row * LANES + lane]
        for k in range(starts[row], starts[row + 1], 4):
            a, b = tile[columns[k] : columns[k] + LANES], tile[columns[k + 1] : columns[k + 1] + LANES]
            c, d = (
                tile[columns[k + 2] : columns[k + 2] + LANES],
                tile[columns[k + 3] : columns[k + 3] + LANES],
            )
            w = weights[k * LANES : (k + 4) * LANES]
            for lane in range(LANES):
                total[lane] += (w[lane] * a[lane] + w[LANES + lane] * b[lane]) + (
                    w[2 * LANES + lane] * c[lane] + w[3 * LANES + lane] * d[lane]
                )


@njit
def _respond(structure, weights, cells, encoder, heard, substeps, tile, room, read, states):  # type: ignore[no-untyped-def]
    """Does what `reservoir_kernels.respond` does."""
    bias, leak = cells
    current, target = room
    for t in range(len(heard)):
        _sense(encoder, heard[t], tile[len(bias) : len(tile) - LANES])
        for _ in range(substeps):
            _add_rows(structure, weights, bias, tile, current)
            _move(tile[: len(bias)], current, target, leak)
        for lane in range(len(states)):
            row = states[lane, t]
            for f in range(len(read)):
                row[f] = tile[read[f] * LANES + lane]
