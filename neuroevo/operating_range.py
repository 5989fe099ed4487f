"""Operating range: the gains an architecture starts with, set by one rule for every prior.

Whether a network learns depends on its regime more than on its wiring: a circuit that saturates, or that no
input reaches, cannot be compared with one in its working range. So before evolution the gain of each kind of
connection is moved, in a few cheap evaluations of untrained genomes on the task itself, until the currents
have the same root mean square in every architecture, the neuron model's `targets`, or a gain meets its limit,
`limits`. Gains are recorded with the results.

The limit of the core, the model's `core_limit`, is what keeps circuits that mostly excite, as the worm's
does, from locking up. Synapses onto a cell have L1 norm 1 before their gain, and tanh has slope 1 at most; so
with a core gain below 1 the synapses shrink every difference between two states: the network forgets its
start and follows its input, whatever its wiring (the echo state property; Jaeger 2001, GMD Report 148).
Evolution may leave that regime.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from neuroevo.blueprint import Blueprint, Gains
from neuroevo.neurons import Neuron
from neuroevo.phenotype import Phenotype
from neuroevo.seeds import derive, generator

SMALLEST, GREATEST = 0.02, 50.0  # gains
NUM_GENOMES = 8  # untrained genomes an architecture is measured with
NUM_ROUNDS = 5
SATURATED = 0.5  # share of saturated activities from which a network counts as saturated


class Observer(Protocol):
    """Who watches a phenotype while it runs, as its `monitor`."""

    def record_currents(self, recurrent: Tensor, drives: list[Tensor]) -> None:
        """Is told, before a network step, what cells receive from each other [cells, B] and from outside."""

    def record_outputs(self, state: Tensor, outputs: Tensor) -> None:
        """Is told, behind it, activities [cells, B] and outputs [G, A, B]."""


class Monitor:
    """Running mean squares of currents and activity, per lineage, while a phenotype runs.

    Attributes:
        sums: float64 [5, R]: sums over samples of the squared input current, squared current onto neurons,
            squared current onto muscles, squared output, and absolute activity.
        counts: Their numbers of samples, float64 [5, R].
        saturated: Activities beyond the model's bound in size, float64 [R].
    """

    INPUT, CORE, NEUROMUSCULAR, OUTPUT, ACTIVITY = range(5)

    def __init__(self, phenotype: Phenotype) -> None:
        self._lineages = torch.repeat_interleave(
            torch.arange(len(phenotype.counts)), torch.tensor(phenotype.counts)
        )
        rows = torch.from_numpy(np.repeat(self._lineages.numpy(), phenotype.genome_sizes))
        parts = [
            np.tile(b.architecture.is_muscle, c)
            for b, c in zip(phenotype.blueprints, phenotype.counts, strict=True)
        ]
        self._muscle = torch.from_numpy(np.concatenate(parts))
        connected = (
            torch.diff(phenotype.matrix.crow_indices()) > 0
        )  # a cell that receives nothing has no gain
        self._rows, self._connected = rows, connected
        self._bound = phenotype.blueprints[0].neuron.model.saturated
        self.sums = torch.zeros(5, len(phenotype.counts), dtype=torch.float64)
        self.counts = torch.zeros_like(self.sums)
        self.saturated = torch.zeros(len(phenotype.counts), dtype=torch.float64)

    def _add(self, kind: int, lineages: Tensor, values: Tensor) -> None:
        """Adds `values` [n, B], whose rows belong to `lineages` [n]."""
        self.sums[kind].index_add_(0, lineages, values.sum(1, dtype=torch.float64))
        ones = torch.full((len(lineages),), values.shape[1], dtype=torch.float64)
        self.counts[kind].index_add_(0, lineages, ones)

    def record_currents(self, recurrent: Tensor, drives: list[Tensor]) -> None:
        """Notes recurrent currents [cells, B] and input currents, [g, I, B] an adapter."""
        for kind, mask in (
            (self.CORE, self._connected & ~self._muscle),
            (self.NEUROMUSCULAR, self._connected & self._muscle),
        ):
            self._add(kind, self._rows[mask], recurrent[mask].square())
        first = 0
        for drive in drives:
            lineages = self._lineages[first : first + len(drive)]
            self._add(self.INPUT, lineages, drive.square().mean(1))
            first += len(drive)

    def record_outputs(self, state: Tensor, outputs: Tensor) -> None:
        """Notes activities [cells, B] and outputs [G, A, B]."""
        self._add(self.OUTPUT, self._lineages, outputs.square().mean(1))
        size = state.abs()
        self._add(self.ACTIVITY, self._rows, size)
        self.saturated.index_add_(0, self._rows, (size > self._bound).sum(1, dtype=torch.float64))

    def root_mean_square(self, kind: int) -> Tensor:
        """Returns the root mean square of one kind of current, float64 [R]; NaN without samples."""
        return (self.sums[kind] / self.counts[kind]).sqrt()

    def activity(self) -> list[dict[str, float]]:
        """Returns, per lineage, mean absolute activity and the share of saturated activities."""
        mean = self.sums[self.ACTIVITY] / self.counts[self.ACTIVITY]
        share = self.saturated / self.counts[self.ACTIVITY]
        return [
            {"mean_abs": round(float(m), 4), "saturated": round(float(s), 4)}
            for m, s in zip(mean, share, strict=True)
        ]


def measure(blueprints: Sequence[Blueprint], task: object, seed: int) -> Monitor:
    """Runs untrained genomes of every blueprint on the task and returns what was observed."""
    phenotype = Phenotype(blueprints, [NUM_GENOMES] * len(blueprints))
    phenotype.load([b.draw(NUM_GENOMES, generator(seed, "adapters")) for b in blueprints])
    phenotype.monitor = Monitor(phenotype)
    task.evaluate(phenotype, seeds=[derive(seed, "episodes")] * phenotype.num_genomes)  # type: ignore[attr-defined]
    return phenotype.monitor


def set_gains(blueprints: Sequence[Blueprint], task: object, seed: int) -> list[Blueprint]:
    """Returns the blueprints with gains that bring every kind of current to its target.

    Each current is proportional to its own gain but for feedback, so a few rounds of scaling by
    target over measurement suffice; a round changes a gain fourfold at most. A clock has no gains.

    Args:
        blueprints: Architectures fitted to `task`, of one neuron model.
        task: Where the currents are measured.
        seed: Draws adapters and episodes, the same for every blueprint.
    """
    if any(b.architecture.core == "clock" for b in blueprints):
        others = iter(set_gains([b for b in blueprints if b.architecture.core != "clock"], task, seed))
        return [b if b.architecture.core == "clock" else next(others) for b in blueprints]
    current = list(blueprints)
    for _ in range(NUM_ROUNDS if current else 0):
        monitor = measure(current, task, seed)
        scales = {}
        for kind, (name, target) in enumerate(current[0].neuron.model.targets.items()):
            with np.errstate(divide="ignore", invalid="ignore"):  # a wiring may lack a kind of connection
                ratio = target / monitor.root_mean_square(kind).numpy()
            scales[name] = np.clip(np.nan_to_num(ratio, nan=1.0, posinf=4.0), 0.25, 4.0)
        current = [
            replace(b, gains=_scaled(b, {name: float(s[i]) for name, s in scales.items()}))
            for i, b in enumerate(current)
        ]
    return current


def limits(kind: str, neuron: Neuron) -> tuple[float, float]:
    """Returns the least and the greatest gain of a kind of connection before evolution."""
    return SMALLEST, neuron.model.core_limit if kind == "core" else GREATEST


def _scaled(blueprint: Blueprint, scales: dict[str, float]) -> Gains:
    """Returns a blueprint's gains times scales, kept within their limits."""
    gains, neuron = blueprint.gains.to_dict(), blueprint.neuron
    return Gains(**{k: float(np.clip(gains[k] * s, *limits(k, neuron))) for k, s in scales.items()})
