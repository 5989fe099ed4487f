"""A tournament: priors x tasks x graphs x seeds, every lineage with the same evaluations.

The plan (which lineages, in which shards) follows from the configuration alone; the pool only decides where
and when a shard is computed.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch

from neuroevo import lineage as lineages_
from neuroevo import search
from neuroevo.architecture import Architecture
from neuroevo.comparison import draw
from neuroevo.configuration import Configuration, Entrant
from neuroevo.connectome import Connectome
from neuroevo.errors import ConnectomeError, EvaluationError, NeuroevoError, TaskError, unknown
from neuroevo.evaluator import Pool, Request, failure
from neuroevo.lineage import Lineage, Shard, State, Task, TaskRequest
from neuroevo.phenotype import Blueprint
from neuroevo.records import RunFolder
from neuroevo.seeds import derive

GENOMES_PER_SHARD = 256  # enough bodies for the batched physics, few enough for the last-level cache
MIN_REQUESTS = 8  # fewer lineages than this are split by population, so that several workers share them,
GENOMES_PER_PART = 16  # but not into smaller parts: a step of a small batch is mostly overhead
BLUEPRINTS_PER_REQUEST = 8
CHECKPOINT_SECONDS = 30.0
_RUNS = itertools.count()  # tells the runs of one process apart, so that they can share a pool


@dataclass(frozen=True)
class Sample:
    """One architecture of a prior."""

    genome: str
    graph: int
    architecture: Architecture
    graph_hash: str


def sample(connectome: Connectome, entrant: Entrant, num_graphs: int, run_seed: int) -> list[Sample]:
    """Returns distinct architectures of a prior: at most `num_graphs`, one if the prior has one point.

    Raises:
        NeuroevoError: If the prior cannot be sampled on this connectome.
        EvaluationError: If the prior fails in a way of its own.
    """
    found: dict[str, Sample] = {}
    for k, architecture in enumerate(draw(connectome, entrant, num_graphs, run_seed)):
        name = architecture.content_hash
        if name not in found:
            found[name] = Sample(entrant.label, k, architecture, name)
    return list(found.values())


def fitted(sample: Sample, tasks: Mapping[str, Task], neuron: str) -> dict[str, Blueprint]:
    """Returns, for each task, the blueprint of the part of a wiring that can have an effect.

    Raises:
        ConnectomeError: If no input cell has a path to an output cell.
    """
    try:
        live = sample.architecture.without_dead_ends()
    except ConnectomeError as error:
        raise ConnectomeError(f"{sample.genome}, graph {sample.graph}: {error}") from error
    return {x: Blueprint(live, t.num_sensors, t.num_actuators, neuron=neuron) for x, t in tasks.items()}


@dataclass
class Progress:
    """What a display needs to know, after every generation of a shard.

    Attributes:
        rows: Metrics of the generation just completed, a row a lineage.
        done: Lineage generations completed.
        total: Lineage generations in the whole run.
    """

    rows: list[dict[str, Any]]
    done: int
    total: int


@dataclass
class _Group:
    """A shard on its way: its states, its requests and the results that are in."""

    key: tuple[int, int]  # the run in this process, and the group in the run
    shard: Shard
    requests: list[Shard]
    states: list[State]
    fitness: dict[int, torch.Tensor] = field(default_factory=dict)
    started: float = 0.0


class Tournament:
    """Runs a plan on a pool and writes the run folder.

    Args:
        config: The resolved request.
        connectome: Source wiring, with its ports.
        genomes: Priors.
        tasks: Tasks.
    """

    def __init__(
        self,
        config: Configuration,
        connectome: Connectome,
        genomes: Sequence[Entrant],
        tasks: Sequence[Entrant],
    ) -> None:
        self.config = config
        self._run = next(_RUNS)
        self.samples = [s for g in genomes for s in sample(connectome, g, config.graphs, config.seed)]
        self.requests = [TaskRequest(t.label, t.plugin.path, t.options) for t in tasks]
        self.tasks: dict[str, Task] = {t.label: t.plugin.target(**t.options) for t in tasks}
        self.settings = {x: _settings(x, t, config.budgets[x]) for x, t in self.tasks.items()}
        blueprints = [fitted(s, self.tasks, config.neuron) for s in self.samples]
        self.blueprints = {label: [b[label] for b in blueprints] for label in self.tasks}

    def prepare(self) -> None:
        """Fetches what the tasks need, before anything is written.

        Raises:
            DataError: If it cannot be had.
            EvaluationError: If a task fails in a way of its own.
        """
        for label, task in self.tasks.items():
            try:
                if hasattr(task, "prepare"):
                    task.prepare()
            except NeuroevoError:
                raise
            except Exception as error:
                raise EvaluationError(failure(f"Preparing {label}", error)) from error

    def lineages(self) -> list[dict[str, Any]]:
        """Returns the identity of every lineage of the run, in order."""
        return [
            {"task": request.label, "genome": s.genome, "graph": s.graph, "seed": seed}
            for request in self.requests
            for s in self.samples
            for seed in range(self.config.seeds)
        ]

    def run(self, pool: Pool, folder: RunFolder, report: Callable[[Progress], None] = lambda _: None) -> None:
        """Sets gains, evolves every lineage, and scores it on held-out data."""
        groups: list[_Group] = []
        for request in self.requests:
            groups += self._groups(request, self._set_gains(pool, request), len(groups))
        total = sum(g.shard.settings.generations * len(g.states) for g in groups)
        done, saved = 0, time.monotonic()
        for rows in _evolve(pool, groups):
            done += len(rows)
            folder.append_metrics(rows)
            report(Progress(rows, done, total))
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                _checkpoint(folder, groups)
                saved = time.monotonic()
        _checkpoint(folder, groups)
        self._assess(pool, groups, folder)

    def _set_gains(self, pool: Pool, request: TaskRequest) -> list[Blueprint]:
        """Returns the task's blueprints in their operating range."""
        blueprints = self.blueprints[request.label]
        seed = derive(self.config.seed, "gains", request.label)
        starts = range(0, len(blueprints), BLUEPRINTS_PER_REQUEST)
        for first in starts:
            chunk = tuple(blueprints[first : first + BLUEPRINTS_PER_REQUEST])
            head = f"{self.samples[first].genome} on {request.label}, graph {self.samples[first].graph}"
            about = f"{head}{_others(len(chunk))}, setting gains before generation 0"
            key = (self._run, "gains", request.label, first)
            pool.submit(Request(key, "set_gains", (request,), (chunk, seed), about))
        results = dict(pool.completed() for _ in starts)
        return [b for found in sorted(results, key=lambda r: r.key) for b in results[found]]

    def _groups(
        self, request: TaskRequest, blueprints: Sequence[Blueprint], first_group: int
    ) -> Iterator[_Group]:
        """Yields the task's lineages in shards, whose make-up does not depend on the workers."""
        settings = self.settings[request.label]
        members = [
            Lineage(request.label, s.genome, s.graph, seed, self.config.seed, blueprint)
            for s, blueprint in zip(self.samples, blueprints, strict=True)
            for seed in range(self.config.seeds)
        ]
        size = max(1, GENOMES_PER_SHARD // settings.population)
        num_parts = 1
        if len(members) < MIN_REQUESTS:
            wanted, possible = math.ceil(MIN_REQUESTS / len(members)), settings.population // GENOMES_PER_PART
            size, num_parts = 1, max(1, min(wanted, possible))
        for i, first in enumerate(range(0, len(members), size), start=first_group):
            shard = Shard(request, tuple(members[first : first + size]), settings)
            states = [lineages_.begin(x, settings) for x in shard.lineages]
            yield _Group((self._run, i), shard, lineages_.parts(shard, num_parts), states)

    def _assess(self, pool: Pool, groups: Sequence[_Group], folder: RunFolder) -> None:
        """Scores every lineage on held-out data and writes results and champions."""
        for group in groups:
            about = _about(group.shard, "held-out data")
            pool.submit(Request(group.key, "assess", (group.shard,), (group.states,), about))
        hashes = {(s.genome, s.graph): s.graph_hash for s in self.samples}
        results = {request.key: rows for request, rows in (pool.completed() for _ in groups)}
        for group in groups:
            for lineage, state, row in zip(
                group.shard.lineages, group.states, results[group.key], strict=True
            ):
                folder.append_results([_result(lineage, state, row, hashes[lineage.genome, lineage.graph])])
                _write_champion(folder, lineage, state)


def _evolve(pool: Pool, groups: Sequence[_Group]) -> Iterator[list[dict[str, Any]]]:
    """Yields the metrics of each generation of each shard as they are completed."""
    by_key = {group.key: group for group in groups}
    running = sum(_submit(pool, group) for group in groups)
    while running:
        request, result = pool.completed()
        running -= 1
        run, i, part = request.key
        group = by_key[run, i]
        if len(group.requests) == 1:
            group.states, rows = result
        else:
            group.fitness[part] = result
            if len(group.fitness) < len(group.requests):
                continue
            group.states, rows = _join_parts(group)
        yield rows
        if group.states[0].generation < group.shard.settings.generations:
            running += _submit(pool, group)


def _submit(pool: Pool, group: _Group) -> int:
    """Submits one generation of a shard; returns the number of requests."""
    group.started = time.perf_counter()
    group.fitness = {}
    about = _about(group.shard, f"generation {group.states[0].generation}")
    for k, part in enumerate(group.requests):
        key = (*group.key, k)
        if len(group.requests) == 1:
            pool.submit(Request(key, "advance", (part,), (group.states, 1), about))
        else:
            pool.submit(Request(key, "evaluate", (part,), (group.states,), about))
    return len(group.requests)


def _join_parts(group: _Group) -> tuple[list[State], list[dict[str, Any]]]:
    """Returns states and metrics of a generation whose population was evaluated in parts."""
    fitness = torch.cat([group.fitness[k] for k in range(len(group.requests))], dim=1)
    proposals = [
        lineages_.propose(x, s, group.shard.settings)
        for x, s in zip(group.shard.lineages, group.states, strict=True)
    ]
    seconds = time.perf_counter() - group.started
    return lineages_.update(group.shard, group.states, proposals, fitness, seconds)


def _about(shard: Shard, what: str) -> str:
    """Names the lineages of a shard in one phrase."""
    first = shard.lineages[0]
    others = _others(len(shard.lineages))
    return f"{first.genome} on {first.task}, graph {first.graph}, seed {first.seed}{others}, {what}"


def _others(count: int) -> str:
    """Says how many there are beside the first."""
    return f" and {count - 1} more" if count > 1 else ""


def _settings(label: str, task: Task, budget: Mapping[str, int]) -> search.Settings:
    """Returns how a task's lineages search: the usual, what suits the task, and the request's budget."""
    suited = getattr(task, "search", {})
    known = [f.name for f in fields(search.Settings) if f.name not in budget]
    for name in suited:
        if name not in known:
            raise TaskError(f"Task {label!r}: {unknown('setting of search', name, known)}")
    return replace(search.Settings(), **suited, **budget)


def _result(lineage: Lineage, state: State, row: dict[str, Any], graph_hash: str) -> dict[str, Any]:
    """Returns the row of results.jsonl."""
    layout = lineage.blueprint.layout
    is_evolved = math.isfinite(row["score"]) and state.failures < state.evaluations
    return {
        "task": lineage.task,
        "genome": lineage.genome,
        "graph": lineage.graph,
        "graph_hash": graph_hash,
        "seed": lineage.seed,
        **row,
        "parameters": {"core": layout.core, "adapters": layout.adapters},
        "evaluations": state.evaluations,
        "status": "done" if is_evolved else "failed",
        "failures": state.failures,
        "gains": lineage.blueprint.gains.to_dict(),
    }


def _write_champion(folder: RunFolder, lineage: Lineage, state: State) -> None:
    """Writes the centre of a lineage's search and the network it belongs to."""
    blueprint = lineage.blueprint
    description = {
        "architecture": blueprint.architecture.to_dict(),
        "num_sensors": blueprint.num_sensors,
        "num_actuators": blueprint.num_actuators,
        "gains": blueprint.gains.to_dict(),
        "neuron": blueprint.neuron,
    }
    folder.write_champion(lineage.key, description, {"parameters": search.centre(state.search).numpy()})


def _checkpoint(folder: RunFolder, groups: Sequence[_Group]) -> None:
    """Writes the states of all lineages."""
    arrays: dict[str, np.ndarray] = {}
    states: list[dict[str, Any]] = []
    for group in groups:
        for lineage, state in zip(group.shard.lineages, group.states, strict=True):
            arrays |= {f"{len(states)}/{k}": v for k, v in search.to_arrays(state.search).items()}
            states.append(
                {
                    "lineage": list(lineage.key),
                    "generation": state.generation,
                    "evaluations": state.evaluations,
                    "failures": state.failures,
                    "gains": lineage.blueprint.gains.to_dict(),
                }
            )
    folder.write_checkpoint(arrays, {"lineages": states})
