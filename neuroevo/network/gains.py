"""Gains that an architecture starts with: one rule brings every prior into its operating range.

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

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from neuroevo.network.adapters import Native, Ridge
from neuroevo.network.blueprint import Blueprint, Gains
from neuroevo.network.monitors import Monitor
from neuroevo.network.neurons import Neuron
from neuroevo.network.phenotype import Phenotype
from neuroevo.seeds import derive, generator

SMALLEST, GREATEST = 0.02, 50.0  # gains
NUM_GENOMES = 8  # untrained genomes an architecture is measured with, where they differ
MOST_CELLS = 50_000  # of a wiring's genomes together; those of a larger one are watched one by one
NUM_ROUNDS = 5


class Evaluates(Protocol):
    """What this module needs of a task."""

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
        """Returns the fitness of each genome in each of its training episodes, [G, B].

        Args:
            phenotype: G genomes as one batch.
            seeds: One a genome, [G].
        """


@runtime_checkable
class Listens(Protocol):
    """A task whose networks go through given sequences, which are watched without a phenotype."""

    def takes_populations(self, blueprints: Sequence[Blueprint]) -> bool:
        """Says whether genomes of blueprints can be watched so.

        Args:
            blueprints: Those of one task.
        """

    def currents(self, blueprint: Blueprint, genomes: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """Returns mean squares of what each cell receives from others, [N], and of what each port brings.

        Args:
            blueprint: The genomes' wiring.
            genomes: float32 [P, L].
            seed: Of the sequence that they hear.
        """


def roots(blueprints: Sequence[Blueprint], task: Evaluates, seed: int) -> dict[str, np.ndarray]:
    """Returns the root mean square of every kind of current of untrained genomes, by kind, float64 [R].

    Args:
        blueprints: Architectures fitted to `task`, of one neuron model.
        task: The task that they run on.
        seed: Seed of adapters and episodes, the same for every blueprint.

    Returns:
        Root mean squares, not a number where a wiring has no current of a kind.
    """
    kinds = list(blueprints[0].neuron.model.targets)
    if isinstance(task, Listens) and task.takes_populations(blueprints):
        rows = [_heard(b, task, seed) for b in blueprints]
        return {name: np.array([row[name] for row in rows]) for name in kinds}
    observed = [
        [m.root_mean_square(kind).numpy() for kind in range(len(kinds))]
        for m in observe(blueprints, task, seed)
    ]
    if len(observed) == 1:
        return dict(zip(kinds, observed[0], strict=True))
    return dict(zip(kinds, np.sqrt(np.mean(np.square(observed), 0)), strict=True))


def _heard(blueprint: Blueprint, task: Listens, seed: int) -> dict[str, float]:
    """Returns the root mean squares of a wiring whose task takes populations."""
    a = blueprint.architecture
    genomes = blueprint.draw(NUM_GENOMES, generator(seed, "adapters"))
    cells, ports = (x.numpy() for x in task.currents(blueprint, genomes, derive(seed, "episodes")))
    receives = np.zeros(a.num_cells, bool)  # a cell that receives nothing has no gain
    for ends in (a.synapses.post, a.gap_junctions.pre, a.gap_junctions.post):
        receives[ends] = True
    parts = {"core": cells[receives & ~a.is_muscle], "neuromuscular": cells[receives & a.is_muscle]}
    means = {name: np.sqrt(x.mean()) if len(x) else np.nan for name, x in {"input": ports, **parts}.items()}
    return {**means, "output": 0.0}  # of a readout that is solved there is none


def measure(blueprints: Sequence[Blueprint], task: Evaluates, seed: int) -> Monitor:
    """Returns what was observed of untrained genomes of every blueprint on a task, all of them together.

    Args:
        blueprints: Architectures fitted to `task`, of one neuron model.
        task: The task that they run on.
        seed: Seed of adapters and episodes, the same for every blueprint.
    """
    genomes = [b.draw(num_genomes(b), generator(seed, "adapters")) for b in blueprints]
    return _watched(Phenotype(blueprints, list(map(len, genomes))), genomes, task, seed)


def observe(blueprints: Sequence[Blueprint], task: Evaluates, seed: int) -> Iterator[Monitor]:
    """Yields what was observed of untrained genomes: of all together, or of a large wiring one by one.

    Args:
        blueprints: As in `measure`; a large one comes alone.
        task: As in `measure`.
        seed: As in `measure`.
    """
    number = num_genomes(blueprints[0])
    if len(blueprints) > 1 or blueprints[0].architecture.num_cells * number <= MOST_CELLS:
        yield measure(blueprints, task, seed)
        return
    phenotype = Phenotype(blueprints, [1])
    for genome in blueprints[0].draw(number, generator(seed, "adapters")).split(1):
        yield _watched(phenotype, [genome], task, seed)


def _watched(phenotype: Phenotype, genomes: Sequence[Tensor], task: Evaluates, seed: int) -> Monitor:
    """Returns what is observed of a network with these genomes."""
    phenotype.load(genomes)
    phenotype.monitor = Monitor(phenotype)
    task.evaluate(phenotype, seeds=[derive(seed, "episodes")] * phenotype.num_genomes)
    return phenotype.monitor


def num_genomes(blueprint: Blueprint) -> int:
    """Returns how many untrained genomes an architecture is measured with.

    Adapters alone are drawn: without any, all genomes are equal, and one is as good as many.

    Args:
        blueprint: The architecture with its adapters.
    """
    return 1 if isinstance(blueprint.adapter, Native) else NUM_GENOMES


def set_gains(blueprints: Sequence[Blueprint], task: Evaluates, seed: int) -> list[Blueprint]:
    """Returns the blueprints with gains that bring every kind of current to its target.

    Each current is proportional to its own gain but for feedback, so a few rounds of scaling by
    target over measurement suffice; a round changes a gain fourfold at most. A clock has no gains.

    Args:
        blueprints: Architectures fitted to `task`, of one neuron model.
        task: The task on which currents are measured.
        seed: Seed of adapters and episodes, the same for every blueprint.
    """
    if any(b.architecture.core == "clock" for b in blueprints):
        others = iter(set_gains([b for b in blueprints if b.architecture.core != "clock"], task, seed))
        return [b if b.architecture.core == "clock" else next(others) for b in blueprints]
    current = list(blueprints)
    for _ in range(NUM_ROUNDS if current else 0):
        measured = roots(current, task, seed)
        scales = {}
        for name, target in current[0].neuron.model.targets.items():
            adapter = current[0].adapter
            if name == "input" and isinstance(adapter, Ridge) and adapter.drive:
                target = adapter.drive
            with np.errstate(divide="ignore", invalid="ignore"):  # a wiring may lack a kind of connection
                ratio = target / measured[name]
            scales[name] = np.clip(np.nan_to_num(ratio, nan=1.0, posinf=4.0), 0.25, 4.0)
        current = [
            replace(b, gains=_scaled(b, {name: float(s[i]) for name, s in scales.items()}))
            for i, b in enumerate(current)
        ]
    return current


def limits(kind: str, neuron: Neuron) -> tuple[float, float]:
    """Returns the least and the greatest gain of a kind of connection before evolution.

    Args:
        kind: The kind's name, a field of `Gains`.
        neuron: Neuron model, which limits the core.
    """
    return SMALLEST, neuron.model.core_limit if kind == "core" else GREATEST


def _scaled(blueprint: Blueprint, scales: dict[str, float]) -> Gains:
    """Returns a blueprint's gains times scales, kept within their limits."""
    gains, neuron, adapter = blueprint.gains.to_dict(), blueprint.neuron, blueprint.adapter
    scaled = {k: float(np.clip(gains[k] * s, *limits(k, neuron))) for k, s in scales.items()}
    if isinstance(adapter, Ridge):
        scaled["output"] = gains["output"]  # scales a decoder that is not there
        scaled["core"] = adapter.gain or scaled["core"]
    return Gains(**scaled)
