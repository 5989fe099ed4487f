"""Lineages: a lineage is a value, and advancing it is a pure function.

All random numbers descend from (run seed, task, seed, generation, purpose). The genome is not among them:
rival priors meet the same episodes, and the same search noise where their sizes allow, so scores are paired.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from neuroevo import search
from neuroevo.errors import TaskError
from neuroevo.operating_range import SATURATED, Monitor
from neuroevo.phenotype import Blueprint, Phenotype
from neuroevo.plugins import load
from neuroevo.seeds import derive, generator

NUM_UNTRAINED = 16  # untrained genomes whose mean held-out score is a lineage's untrained score


class Task(Protocol):
    """What a phenotype is scored on; higher fitness is better.

    A task is made from its options alone, all of which have defaults, and may also have:

    - `prepare()`, called once in every process before the first evaluation, to fetch data;
    - `data_hashes() -> dict[str, str]`, for the manifest;
    - `fitness_unit`, where it is not the score's;
    - `search`, a dict of fields of `search.Settings` that suit the task better than the usual ones;
    - `steps` and `episodes`, network steps of an episode and episodes of an evaluation. They serve the
      speed display alone; an option `episodes` is what `--episodes` sets.

    Attributes:
        unit: Unit of the score.
        defaults: {"generations", "population"}, where the request names none.
        num_sensors: S, at least 1.
        num_actuators: A, at least 1.
    """

    unit: str
    defaults: dict[str, int]
    num_sensors: int
    num_actuators: int

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
        """Returns fitness [G, B]; genomes of equal seeds meet the same B episodes."""

    def score(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> Tensor:
        """Returns scores [G, B'] on held-out data, in `unit`."""


def steps_of(task: Task) -> int | None:
    """Returns the network steps of one evaluation; None if the task does not say."""
    steps, episodes = (getattr(task, name, None) for name in ("steps", "episodes"))
    return steps * episodes if isinstance(steps, int) and isinstance(episodes, int) else None


@dataclass(frozen=True)
class TaskRequest:
    """A task as a message: a worker makes it from its import path."""

    label: str
    path: str
    options: Mapping[str, Any]

    def make(self) -> Task:
        """Returns the task, ready to evaluate."""
        task = load(self.path)(**self.options)
        if hasattr(task, "prepare"):
            task.prepare()
        return task


@dataclass(frozen=True, eq=False)
class Lineage:
    """One (task, genome label, graph sample, seed): the unit of replication.

    Attributes:
        task: Label of the task.
        genome: Label of the prior with its options.
        graph: Which sample of the prior.
        seed: Which replicate; pairs lineages across priors.
        run_seed: Root of the seed tree.
        blueprint: The architecture fitted to the task.
        graph_hash: Of the architecture, dead ends included.
        member: Number in a mixed population, whose members draw noise of their own; None: lineages of equal
            seeds draw the same, whatever their genome and graph.
    """

    task: str
    genome: str
    graph: int
    seed: int
    run_seed: int
    blueprint: Blueprint
    graph_hash: str = ""
    member: int | None = None

    @property
    def key(self) -> tuple[str, str, int, int]:
        """Identity of the lineage in a run."""
        return self.task, self.genome, self.graph, self.seed

    def node(self, purpose: str, *path: int) -> int:
        """Returns the seed for a purpose; the same for every genome label and graph."""
        return derive(self.run_seed, purpose, self.task, self.seed, *path)

    def noise(self, purpose: str, *path: int) -> int:
        """Returns the seed for what a lineage draws for itself: genomes, but not what they are tested on."""
        if self.member is None:
            return self.node(purpose, *path)
        return derive(self.run_seed, purpose, self.task, self.seed, "member", self.member, *path)


@dataclass(frozen=True, eq=False)
class State:
    """All that changes in a lineage: a checkpoint is these."""

    search: Any
    generation: int = 0
    evaluations: int = 0
    failures: int = 0


@dataclass(frozen=True, eq=False)
class Shard:
    """Lineages of one task that are advanced together, as one network.

    Attributes:
        task: The task.
        lineages: R lineages.
        settings: Search settings.
        part: (k, n): the k-th of n parts of each lineage's population; (0, 1) is all of it.
    """

    task: TaskRequest
    lineages: tuple[Lineage, ...]
    settings: search.Settings
    part: tuple[int, int] = (0, 1)


def begin(lineage: Lineage, settings: search.Settings) -> State:
    """Returns a lineage's state before the first generation."""
    centre = lineage.blueprint.draw(1, generator(lineage.noise("start")))[0]
    return State(search.start(centre, settings))


def propose(lineage: Lineage, state: State, settings: search.Settings) -> Tensor:
    """Returns the genomes of a generation, float32 [P + 1, L]: a population, then its centre.

    The first population is of untrained genomes and the search starts at the best of them: from a single draw
    some searches never leave the poor place where it happened to lie.
    """
    if state.generation == 0:
        population = lineage.blueprint.draw(settings.population, generator(lineage.noise("first")))
    else:
        population = search.ask(state.search, settings.population, lineage.noise("search", state.generation))
    return torch.cat([population, search.centre(state.search)[None]])


def update(
    shard: Shard, states: Sequence[State], proposals: Sequence[Tensor], fitness: Tensor, seconds: float
) -> tuple[list[State], list[dict[str, Any]]]:
    """Returns the states after a generation and a row of metrics for each lineage.

    A lineage all of whose genomes failed keeps its search as it was.

    Args:
        shard: What is advanced; its `part` does not matter here.
        states: R states of equal generation.
        proposals: What `propose` returned for each.
        fitness: float [R, P + 1], mean over episodes; not finite where an evaluation failed.
        seconds: Time the evaluation took.
    """
    population = shard.settings.population
    told = _searched(shard, states, proposals, fitness)
    new, rows = [], []
    for lineage, state, searched, row in zip(shard.lineages, states, told, fitness, strict=True):
        finite = row[:population][torch.isfinite(row[:population])]
        failures = int((~torch.isfinite(row)).sum())
        new.append(
            State(
                search=searched if len(finite) else state.search,
                generation=state.generation + 1,
                evaluations=state.evaluations + population + 1,
                failures=state.failures + failures,
            )
        )
        task, genome, graph, seed = lineage.key
        rows.append(
            {
                "task": task,
                "genome": genome,
                "graph": graph,
                "seed": seed,
                "generation": state.generation,
                "fitness_mean": float(finite.mean()) if len(finite) else None,
                "fitness_best": float(finite.max()) if len(finite) else None,
                "fitness_centre": float(row[-1]) if torch.isfinite(row[-1]) else None,
                "evaluations": new[-1].evaluations,
                "seconds": round(seconds / len(states), 4),
                "failures": failures,
            }
        )
    return new, rows


def _searched(
    shard: Shard, states: Sequence[State], proposals: Sequence[Tensor], fitness: Tensor
) -> list[Any]:
    """Returns each search after a generation; arguments as in `update`."""
    if states[0].generation == 0:
        best = [int(search.rankable(row)[0].argmax()) for row in fitness]
        return [search.start(p[k], shard.settings) for p, k in zip(proposals, best, strict=True)]
    population = shard.settings.population
    return search.tell(
        [s.search for s in states],
        [p[:population] for p in proposals],
        [search.rankable(row[:population])[0] for row in fitness],
        shard.settings,
        states[0].generation,
    )


class Runner:
    """A shard made runnable: its task and its network, built once and reused every generation."""

    def __init__(self, shard: Shard, task: Task) -> None:
        self.shard, self.task = shard, task
        k, n = shard.part
        num = shard.settings.population + 1
        self._rows = slice(k * num // n, (k + 1) * num // n)
        count = self._rows.stop - self._rows.start
        self._phenotype = Phenotype([x.blueprint for x in shard.lineages], [count] * len(shard.lineages))

    def evaluate(self, states: Sequence[State]) -> Tensor:
        """Returns the mean fitness, float64 [R, p], of the shard's part of each proposed generation."""
        return self._evaluate(states, self._propose(states))

    def advance(self, states: Sequence[State], generations: int) -> tuple[list[State], list[dict[str, Any]]]:
        """Returns the states after some generations and all rows of metrics; needs the whole population."""
        rows, current = [], list(states)
        for _ in range(generations):
            start = time.perf_counter()
            proposals = self._propose(current)
            fitness = self._evaluate(current, proposals)
            current, new = update(self.shard, current, proposals, fitness, time.perf_counter() - start)
            rows += new
        return current, rows

    def _propose(self, states: Sequence[State]) -> list[Tensor]:
        lineages = self.shard.lineages
        return [propose(x, s, self.shard.settings) for x, s in zip(lineages, states, strict=True)]

    def _evaluate(self, states: Sequence[State], proposals: Sequence[Tensor]) -> Tensor:
        self._phenotype.load([p[self._rows] for p in proposals])
        seeds = [
            lineage.node("episodes", state.generation)
            for lineage, state in zip(self.shard.lineages, states, strict=True)
            for _ in range(self._phenotype.counts[0])
        ]
        fitness = _checked(self.task.evaluate(self._phenotype, seeds=seeds), self._phenotype, self.shard.task)
        self._phenotype.release()  # a worker keeps many networks, whose states at 256 images are far larger
        return fitness.mean(1).view(len(states), -1)


def assess(shard: Shard, states: Sequence[State], task: Task) -> list[dict[str, Any]]:
    """Returns each lineage's held-out figures: trained, untrained, and activity of the trained network.

    Held-out data are met here and nowhere else, once, after the last generation.
    """
    rows = []
    for lineage, state in zip(shard.lineages, states, strict=True):
        draws = lineage.blueprint.draw(NUM_UNTRAINED, generator(lineage.node("untrained")))
        centre = search.centre(state.search)[None]
        phenotype = Phenotype([lineage.blueprint], [NUM_UNTRAINED + 1])
        phenotype.load([torch.cat([draws, centre])])
        seeds = [lineage.node("held-out")] * phenotype.num_genomes
        scores = _checked(task.score(phenotype, seeds=seeds), phenotype, shard.task)
        untrained = scores[:-1].mean(1)
        untrained = untrained[torch.isfinite(untrained)]
        rows.append(
            {
                "score": float(scores[-1].mean()),
                "episode_scores": scores[-1].tolist(),
                "untrained_score": float(untrained.mean()) if len(untrained) else None,
                "activity": _activity(lineage, centre, task),
            }
        )
    return rows


def _activity(lineage: Lineage, centre: Tensor, task: Task) -> dict[str, Any]:
    """Returns how active the trained network is on one generation's episodes; a clock has no cells."""
    if lineage.blueprint.architecture.core == "clock":
        return {"mean_abs": None, "saturated": False, "silent": False}
    phenotype = Phenotype([lineage.blueprint], [1])
    phenotype.load([centre])
    phenotype.monitor = Monitor(phenotype)
    task.evaluate(phenotype, seeds=[lineage.node("activity")])
    activity = phenotype.monitor.activity()[0]
    return {
        "mean_abs": activity["mean_abs"],
        "saturated": activity["saturated"] >= SATURATED,
        "silent": activity["mean_abs"] < lineage.blueprint.neuron.model.silent,
    }


def _checked(values: Tensor, phenotype: Phenotype, task: TaskRequest) -> Tensor:
    """Returns fitness or scores as float64 [G, B]; raises TaskError if they have another form."""
    if not isinstance(values, Tensor) or values.ndim != 2 or len(values) != phenotype.num_genomes:
        found = list(values.shape) if isinstance(values, Tensor) else type(values).__name__
        raise TaskError(
            f"Task {task.label!r} returned {found}; wanted a tensor [{phenotype.num_genomes}, B], one row "
            "for each genome."
        )
    return values.to(torch.float64)


def parts(shard: Shard, num_parts: int) -> list[Shard]:
    """Returns the shard split into parts of its population."""
    return [replace(shard, part=(k, num_parts)) for k in range(num_parts)]
