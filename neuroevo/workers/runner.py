"""Runners: a shard's genomes, evaluated on its task as one network."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from neuroevo import readout
from neuroevo.errors import TaskError
from neuroevo.network.alignment import Arena
from neuroevo.network.normalisation import Moments, Normaliser
from neuroevo.network.phenotype import Phenotype
from neuroevo.network.reservoir import Population
from neuroevo.rows import MetricsRow
from neuroevo.search.ask_tell import Blocks
from neuroevo.search.lineage import Evaluation, Shard, State, as_scored, centre, propose, update
from neuroevo.task import Chooses, Normalises, Task, TaskRequest
from neuroevo.workers import devices
from neuroevo.workers.causes import evaluate, explain

KEPT_STATE = 1 << 23  # activities, 32 MB: states up to here are kept by the parts of a population


class Advanced(NamedTuple):
    """A shard after some generations.

    Attributes:
        states: Its lineages' states, R of them.
        rows: Metrics, a row a lineage a generation.
    """

    states: list[State]
    rows: list[MetricsRow]


class Shared:
    """Network, genomes and choices that the parts of a shard in one worker share, each computed once.

    Args:
        shard: The shard, or any part of it.
        task: Its task.
        arena: Memory of states, where they are on the CPU.
    """

    def __init__(self, shard: Shard, task: Task, arena: Arena) -> None:
        self._shard = shard
        self._task = task
        self._device = devices.place(shard.device)
        self._arena = arena if self._device == "cpu" else None
        self._blueprints = [lineage.blueprint for lineage in shard.lineages]
        self._population = 0
        self._networks: dict[int, Phenotype] = {}  # by genomes of a lineage
        self._centres: Phenotype | None = None
        self._generation = -1
        self._answers: list[Tensor] = []
        self._is_part = shard.part[1] > 1
        self._blocks: list[Blocks | None] = []
        self._choices: list[object] | None = None

    def network(self, population: int, count: int) -> Phenotype:
        """Returns a network of some genomes of each lineage, and drops those of an earlier population.

        Args:
            population: P, of the generation.
            count: How many genomes of each lineage the network has room for.
        """
        if population != self._population:
            self._population = population
            self._networks = {}
        if count not in self._networks:
            self._networks[count] = self._phenotype(count)
        return self._networks[count]

    def rest(self, network: Phenotype) -> None:
        """Gives back a network's state if it is large, or one of many, for a worker keeps many networks.

        Args:
            network: It is not used until its next genomes are loaded.
        """
        if self._arena and not network.has_copies:
            return  # its state is where all others are
        if not self._is_part or network.state.numel() > KEPT_STATE:
            network.release()

    def _phenotype(self, count: int) -> Phenotype:
        """Returns a new network of so many genomes of each lineage."""
        return Phenotype(self._blueprints, [count] * len(self._blueprints), self._device, self._arena)

    def begin(self, states: Sequence[State]) -> None:
        """Forgets what belongs to another generation than that of some states.

        Args:
            states: R states of equal generation.
        """
        generation, pairs = states[0].generation, zip(self._shard.lineages, states, strict=True)
        answers = [centre(lineage, state) for lineage, state in pairs]
        if generation != self._generation or not all(map(torch.equal, answers, self._answers)):
            self._generation = generation
            self._answers = answers
            self._blocks = [Blocks() if self._is_part else None for _ in states]
            self._choices = None

    def proposals(self, states: Sequence[State], rows: range) -> list[Tensor]:
        """Returns some of the genomes that each lineage proposes, R tensors [p, L].

        Args:
            states: R states of equal generation.
            rows: Which p of the P + 1 genomes.
        """
        settings, triples = self._shard.settings, zip(self._shard.lineages, states, self._blocks, strict=True)
        return [propose(x, s, settings, rows, blocks).to(self._device) for x, s, blocks in triples]

    def choices(self) -> list[object] | None:
        """Returns what each lineage is tested on, or None if the task does not choose it."""
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
        sibling: The runner of another part, with which this one shares what is equal for both, or None.
        arena: Memory that it shares with runners that run when it does not, or None for memory of its own.

    Attributes:
        shard: The shard, or a part of it.
        task: Its task.
    """

    def __init__(
        self, shard: Shard, task: Task, sibling: Runner | None = None, arena: Arena | None = None
    ) -> None:
        self.shard = shard
        self.task = readout.on(task, shard.lineages[0].blueprint.adapter)
        self._shared: Shared = sibling._shared if sibling else Shared(shard, self.task, arena or Arena())
        self._population = 0
        self._set_population(shard.settings.phases[0].population)

    def shares_lineages(self, shard: Shard) -> bool:
        """Says whether a shard of the same run is another part of this one, or this one.

        Args:
            shard: The other shard.
        """
        return [x.key for x in self.shard.lineages] == [x.key for x in shard.lineages]

    def evaluate(self, states: Sequence[State]) -> Evaluation:
        """Returns the fitness of the shard's part of each lineage's next generation, [R, p].

        Args:
            states: R states of equal generation.
        """
        return self._evaluate(states, self._propose(states))

    def advance(self, states: Sequence[State], generations: int) -> Advanced:
        """Returns the states after some generations, and metrics; needs the whole population.

        Args:
            states: R states of equal generation.
            generations: How many, at least 1.
        """
        rows: list[MetricsRow] = []
        current = list(states)
        for _ in range(generations):
            start = time.perf_counter()
            proposals = self._propose(current)
            evaluation = self._evaluate(current, proposals)
            current, new = update(self.shard, current, proposals, evaluation, time.perf_counter() - start)
            rows += new
        return Advanced(current, rows)

    def _set_population(self, population: int) -> None:
        """Builds the network for a population, unless it is that of the generation before."""
        if population == self._population:
            return
        (k, n), num = self.shard.part, population + 1
        self._population = population
        self._rows = range(k * num // n, (k + 1) * num // n)
        self._phenotype = self._shared.network(population, len(self._rows))

    def _propose(self, states: Sequence[State]) -> list[Tensor]:
        """Returns the shard's part of each lineage's generation."""
        self._set_population(self.shard.settings.phase(states[0].generation).population)
        self._shared.begin(states)
        return self._shared.proposals(states, self._rows)

    def _evaluate(self, states: Sequence[State], proposals: Sequence[Tensor]) -> Evaluation:
        """Returns the fitness of proposed genomes, R tensors [p, L], on the episodes of their generation."""
        self._phenotype.load(proposals)
        count, chosen = self._phenotype.counts[0], self._shared.choices()
        nodes = [x.node("episodes", s.generation) for x, s in zip(self.shard.lineages, states, strict=True)]
        seeds = [node for node in nodes for _ in range(count)]
        choices = None if chosen is None else [choice for choice in chosen for _ in range(count)]
        self._phenotype.normaliser = self._normaliser(states)
        values = evaluate(self.task, self._phenotype, seeds, choices)
        fitness = checked(values, self._phenotype, self.shard.task)
        # A network whose state has left the finite numbers has failed, whatever its body made of it.
        blown = self._phenotype.has_blown_up().cpu().view(len(states), -1)
        self._shared.rest(self._phenotype)
        means = fitness.mean(1).view(len(states), -1).masked_fill(blown, torch.nan)
        causes = self._explained(states, proposals, means, nodes, chosen)
        return Evaluation(means, causes, self._moments())

    def _normaliser(self, states: Sequence[State]) -> Normaliser | None:
        """Returns what a generation's observations are normalised with; None where the task does not."""
        if not (isinstance(self.task, Normalises) and self.task.normalises):
            return None
        first = self.task.first_statistics()
        return Normaliser([state.statistics or first for state in states], self._phenotype.counts)

    def _moments(self) -> Moments | None:
        """Returns statistics of a generation's observations; None where the task does not normalise them."""
        normaliser = self._phenotype.normaliser
        return None if normaliser is None else normaliser.moments()

    def _explained(
        self,
        states: Sequence[State],
        proposals: Sequence[Tensor],
        fitness: Tensor,
        seeds: Sequence[int],
        chosen: Sequence[object] | None,
    ) -> list[str]:
        """Returns, for each lineage that had no failure before, what made its first failed genome fail.

        The phrase is "" where none did; `fitness` is [R, p].
        """
        phrases = []
        for r, (lineage, state, row) in enumerate(zip(self.shard.lineages, states, fitness, strict=True)):
            failed = (~torch.isfinite(row)).nonzero()
            if state.failures or not len(failed):
                phrases.append("")
                continue
            k = int(failed[0, 0])
            cause = self._phenotype.faults.get(r * len(row) + k)
            if cause is None:
                choices = None if chosen is None else [chosen[r]]
                cause = explain(
                    as_scored(lineage, state), proposals[r][k].cpu(), self.task, [seeds[r]], choices
                )
            cause = cause or f"a fitness of {float(row[k]):g}, which the genome does not have by itself"
            phrases.append(f"{cause}, generation {state.generation}")
        return phrases


def checked(values: Tensor, phenotype: Phenotype | Population, task: TaskRequest) -> Tensor:
    """Returns fitness or scores as float64 [G, B].

    Args:
        values: What a task returned.
        phenotype: The network of G genomes that it was given.
        task: Names the task in the error.

    Raises:
        TaskError: If they are not a tensor with a row for each genome.
    """
    if not isinstance(values, Tensor) or values.ndim != 2 or len(values) != phenotype.num_genomes:
        form = list(values.shape) if isinstance(values, Tensor) else type(values).__name__
        raise TaskError(
            f"Task {task.label!r} returned {form}; wanted a tensor [{phenotype.num_genomes}, B], one row "
            "for each genome."
        )
    return values.to("cpu", torch.float64)
