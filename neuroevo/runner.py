"""Runners: a shard's genomes, evaluated on its task as one network."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neuroevo import devices
from neuroevo.blowup import explain
from neuroevo.errors import TaskError
from neuroevo.lineage import Evaluation, Shard, State, Task, TaskRequest, propose, update
from neuroevo.phenotype import Phenotype


class Runner:
    """A shard made runnable: its task and its network, built once and reused every generation.

    What goes in and comes out is on the CPU, whatever the shard's device; random numbers are drawn there too,
    so that the genomes of a run do not depend on it.
    """

    def __init__(self, shard: Shard, task: Task) -> None:
        self.shard, self.task, self._device = shard, task, devices.place(shard.device)
        self._population = 0
        self._set_population(shard.settings.phases[0].population)

    def evaluate(self, states: Sequence[State]) -> Evaluation:
        """Evaluates the shard's part of each proposed generation."""
        return self._evaluate(states, self._propose(states))

    def advance(self, states: Sequence[State], generations: int) -> tuple[list[State], list[dict[str, Any]]]:
        """Returns the states after some generations and all rows of metrics; needs the whole population."""
        rows, current = [], list(states)
        for _ in range(generations):
            start = time.perf_counter()
            proposals = self._propose(current)
            evaluation = self._evaluate(current, proposals)
            current, new = update(self.shard, current, proposals, evaluation, time.perf_counter() - start)
            rows += new
        return current, rows

    def _set_population(self, population: int) -> None:
        """Builds the network for a population, unless it is that of the generation before."""
        if population == self._population:
            return
        (k, n), num = self.shard.part, population + 1
        self._population, self._rows = population, range(k * num // n, (k + 1) * num // n)
        count, lineages = len(self._rows), self.shard.lineages
        blueprints = [x.blueprint for x in lineages]
        self._phenotype = Phenotype(blueprints, [count] * len(lineages), self._device)

    def _propose(self, states: Sequence[State]) -> list[Tensor]:
        """Returns the shard's part of each lineage's generation."""
        settings = self.shard.settings
        self._set_population(settings.phase(states[0].generation).population)
        pairs = zip(self.shard.lineages, states, strict=True)
        return [propose(x, s, settings, self._rows).to(self._device) for x, s in pairs]

    def _evaluate(self, states: Sequence[State], proposals: Sequence[Tensor]) -> Evaluation:
        self._phenotype.load(proposals)
        seeds = [
            lineage.node("episodes", state.generation)
            for lineage, state in zip(self.shard.lineages, states, strict=True)
            for _ in range(self._phenotype.counts[0])
        ]
        fitness = checked(self.task.evaluate(self._phenotype, seeds=seeds), self._phenotype, self.shard.task)
        # A network whose state has left the finite numbers has failed, whatever its body made of it.
        blown = self._phenotype.has_blown_up().cpu().view(len(states), -1)
        self._phenotype.release()  # a worker keeps many networks, whose states at 256 images are far larger
        means = fitness.mean(1).view(len(states), -1).masked_fill(blown, torch.nan)
        return Evaluation(means, self._explained(states, proposals, blown))

    def _explained(self, states: Sequence[State], proposals: Sequence[Tensor], blown: Tensor) -> list[str]:
        """Returns where the first blown-up genome [R, p] of lineages that had no failure before blew up."""
        found = []
        for lineage, state, genomes, row in zip(self.shard.lineages, states, proposals, blown, strict=True):
            if state.failures or not row.any():
                found.append("")
                continue
            genome = genomes[int(row.nonzero()[0, 0])].cpu()
            where = explain(lineage.blueprint, genome, self.task, lineage.node("episodes", state.generation))
            found.append(f"{where}, generation {state.generation}" if where else "")
        return found


def checked(values: Tensor, phenotype: Phenotype, task: TaskRequest) -> Tensor:
    """Returns fitness or scores as float64 [G, B]; raises TaskError if they have another form."""
    if not isinstance(values, Tensor) or values.ndim != 2 or len(values) != phenotype.num_genomes:
        found = list(values.shape) if isinstance(values, Tensor) else type(values).__name__
        raise TaskError(
            f"Task {task.label!r} returned {found}; wanted a tensor [{phenotype.num_genomes}, B], one row "
            "for each genome."
        )
    return values.to("cpu", torch.float64)
