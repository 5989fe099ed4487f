"""Runners: a shard's genomes, evaluated on its task as one network; and where a network blew up.

Nothing is looked at while a population runs. Where a genome's cells are not finite at the end of its
evaluation, that genome is run again by itself, on the same episodes, and watched step by step.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neuroevo.errors import TaskError
from neuroevo.network.alignment import Arena
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.phenotype import Phenotype
from neuroevo.search.ask_tell import Blocks
from neuroevo.search.lineage import Evaluation, Shard, State, centre, propose, update
from neuroevo.task import Chooses, Task, TaskRequest
from neuroevo.workers import devices

KEPT_STATE = 1 << 23  # activities, 32 MB: states up to here are kept by the parts of a population


class Shared:
    """What the parts of a shard in one worker have in common, made once: network, genomes, choices.

    Args:
        shard: The shard, or any part of it.
        task: Its task.
        arena: Memory of states, where they are on the CPU.
    """

    def __init__(self, shard: Shard, task: Task, arena: Arena) -> None:
        self._shard, self._task, self._device = shard, task, devices.place(shard.device)
        self._arena = arena if self._device == "cpu" else None
        self._blueprints = [lineage.blueprint for lineage in shard.lineages]
        self._population, self._networks = 0, dict[int, Phenotype]()  # by genomes of a lineage
        self._centres: Phenotype | None = None
        self._generation, self._answers = -1, list[Tensor]()
        self._is_part = shard.part[1] > 1
        self._blocks: list[Blocks | None] = []
        self._choices: list[Any] | None = None

    def network(self, population: int, count: int) -> Phenotype:
        """Returns the network of so many genomes of each lineage; drops those of an earlier population."""
        if population != self._population:
            self._population, self._networks = population, {}
        if count not in self._networks:
            self._networks[count] = self._phenotype(count)
        return self._networks[count]

    def rest(self, network: Phenotype) -> None:
        """Gives back a state that is large, or one of many; a worker keeps many networks."""
        if self._arena and not network.has_copies:
            return  # its state is where all others are
        if not self._is_part or network.state.numel() > KEPT_STATE:
            network.release()

    def _phenotype(self, count: int) -> Phenotype:
        return Phenotype(self._blueprints, [count] * len(self._blueprints), self._device, self._arena)

    def begin(self, states: Sequence[State]) -> None:
        """Forgets what belongs to another generation than that of these states."""
        generation, pairs = states[0].generation, zip(self._shard.lineages, states, strict=True)
        answers = [centre(lineage, state) for lineage, state in pairs]
        if generation != self._generation or not all(map(torch.equal, answers, self._answers)):
            self._generation, self._answers = generation, answers
            self._blocks = [Blocks() if self._is_part else None for _ in states]
            self._choices = None

    def proposals(self, states: Sequence[State], rows: range) -> list[Tensor]:
        """Returns some rows of what each lineage proposes."""
        settings, made = self._shard.settings, zip(self._shard.lineages, states, self._blocks, strict=True)
        return [propose(x, s, settings, rows, blocks).to(self._device) for x, s, blocks in made]

    def choices(self) -> list[Any] | None:
        """Returns what each lineage is tested on; None if the task does not choose it."""
        if self._choices is None and isinstance(self._task, Chooses) and self._task.chooses:
            self._centres = self._centres or self._phenotype(1)
            self._centres.load([genome[None].to(self._device) for genome in self._answers])
            seeds = [x.node("episodes", self._generation) for x in self._shard.lineages]
            self._choices = self._task.choose(self._centres, seeds=seeds)
            self.rest(self._centres)
        return self._choices


class Runner:
    """A shard made runnable: its task and its network, built once and reused every generation.

    What goes in and comes out is on the CPU, whatever the shard's device; random numbers are drawn there too,
    so that the genomes of a run do not depend on it.

    Args:
        shard: The shard, or a part of it.
        task: Its task.
        sibling: Another part's, if there is one: what they have in common is then made once.
        arena: Memory that it shares with runners that run when it does not; None: its own.
    """

    def __init__(
        self, shard: Shard, task: Task, sibling: Runner | None = None, arena: Arena | None = None
    ) -> None:
        self.shard, self.task, self._device = shard, task, devices.place(shard.device)
        self._shared: Shared = sibling._shared if sibling else Shared(shard, task, arena or Arena())
        self._population = 0
        self._set_population(shard.settings.phases[0].population)

    def shares_lineages(self, shard: Shard) -> bool:
        """Says whether a shard of the same run is another part of this one, or this one."""
        return [x.key for x in self.shard.lineages] == [x.key for x in shard.lineages]

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
        self._phenotype = self._shared.network(population, len(self._rows))

    def _propose(self, states: Sequence[State]) -> list[Tensor]:
        """Returns the shard's part of each lineage's generation."""
        self._set_population(self.shard.settings.phase(states[0].generation).population)
        self._shared.begin(states)
        return self._shared.proposals(states, self._rows)

    def _evaluate(self, states: Sequence[State], proposals: Sequence[Tensor]) -> Evaluation:
        self._phenotype.load(proposals)
        count, chosen = self._phenotype.counts[0], self._shared.choices()
        nodes = [x.node("episodes", s.generation) for x, s in zip(self.shard.lineages, states, strict=True)]
        seeds = [node for node in nodes for _ in range(count)]
        choices = None if chosen is None else [choice for choice in chosen for _ in range(count)]
        values = evaluate(self.task, self._phenotype, seeds, choices)
        fitness = checked(values, self._phenotype, self.shard.task)
        # A network whose state has left the finite numbers has failed, whatever its body made of it.
        blown = self._phenotype.has_blown_up().cpu().view(len(states), -1)
        self._shared.rest(self._phenotype)
        means = fitness.mean(1).view(len(states), -1).masked_fill(blown, torch.nan)
        return Evaluation(means, self._explained(states, proposals, blown, nodes, chosen))

    def _explained(
        self,
        states: Sequence[State],
        proposals: Sequence[Tensor],
        blown: Tensor,
        seeds: Sequence[int],
        chosen: Sequence[Any] | None,
    ) -> list[str]:
        """Returns where the first blown-up genome [R, p] of lineages that had no failure before blew up."""
        found = []
        for r, (lineage, state, row) in enumerate(zip(self.shard.lineages, states, blown, strict=True)):
            if state.failures or not row.any():
                found.append("")
                continue
            genome = proposals[r][int(row.nonzero()[0, 0])].cpu()
            choices = None if chosen is None else [chosen[r]]
            where = explain(lineage.blueprint, genome, self.task, [seeds[r]], choices)
            found.append(f"{where}, generation {state.generation}" if where else "")
        return found


def evaluate(
    task: Task, phenotype: Phenotype, seeds: Sequence[int], choices: Sequence[Any] | None = None
) -> Tensor:
    """Returns the fitness of genomes on a task.

    Args:
        task: The task.
        phenotype: G genomes.
        seeds: One a genome, [G].
        choices: What the task chose, one a genome, [G]; None where it chooses nothing.

    Returns:
        Fitness [G, B].
    """
    if choices is None:
        return task.evaluate(phenotype, seeds=seeds)
    assert isinstance(task, Chooses)
    return task.evaluate_on(phenotype, seeds=seeds, choices=choices)


def checked(values: Tensor, phenotype: Phenotype, task: TaskRequest) -> Tensor:
    """Returns fitness or scores as float64 [G, B]; raises TaskError if they have another form."""
    if not isinstance(values, Tensor) or values.ndim != 2 or len(values) != phenotype.num_genomes:
        found = list(values.shape) if isinstance(values, Tensor) else type(values).__name__
        raise TaskError(
            f"Task {task.label!r} returned {found}; wanted a tensor [{phenotype.num_genomes}, B], one row "
            "for each genome."
        )
    return values.to("cpu", torch.float64)


class Watch:
    """A monitor that notes the first cell whose activity or potential is not finite.

    Attributes:
        found: The cell, and the network step since the last reset, counted from 1; None as yet.
    """

    def __init__(self, phenotype: Phenotype) -> None:
        self._phenotype = phenotype
        self.found: tuple[int, int] | None = None

    def record_currents(self, recurrent: Tensor, drives: list[Tensor]) -> None:
        """Currents are not watched."""

    def record_outputs(self, state: Tensor, outputs: Tensor) -> None:
        """Looks at the cells behind a network step."""
        if self.found is None and not (finite := self._phenotype.cells.are_finite()).all():
            self.found = int((~finite).nonzero()[0, 0]), self._phenotype.time


def explain(
    blueprint: Blueprint,
    parameters: Tensor,
    task: Task,
    seeds: Sequence[int],
    choices: Sequence[Any] | None = None,
) -> str:
    """Returns a phrase that says where a genome's state blew up; "" if it does not by itself.

    Args:
        blueprint: The genome's.
        parameters: float32 [L].
        task: What it was evaluated on.
        seeds: The seed of its episodes, [1].
        choices: What the task chose for it, [1]; None where it chooses nothing.
    """
    phenotype = Phenotype([blueprint], [1])
    phenotype.load([parameters[None]])
    phenotype.monitor = watch = Watch(phenotype)
    with torch.inference_mode():
        evaluate(task, phenotype, seeds, choices)
    if watch.found is None:
        return ""
    cell, step = watch.found
    return f"cell {blueprint.architecture.cells[cell]} at network step {step}"
