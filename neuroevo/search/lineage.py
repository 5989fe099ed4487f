"""Lineages: a lineage is a value, and advancing it is a pure function.

All random numbers descend from (run seed, task, seed, generation, purpose). The genome is not among them:
rival priors meet the same episodes, and the same search noise where their sizes allow, so scores are paired.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NotRequired, TypedDict

import numpy as np
import torch
from torch import Tensor

from neuroevo.network.blueprint import Blueprint
from neuroevo.network.normalisation import Moments, Statistics
from neuroevo.rows import MetricsRow
from neuroevo.search import ask_tell, coordinates
from neuroevo.search.coordinates import Coordinates
from neuroevo.search.settings import Settings
from neuroevo.seeds import derive, generator
from neuroevo.task import TaskRequest

Rows = range | None
Blocks = ask_tell.Blocks | None


@dataclass(frozen=True, eq=False)
class Lineage:
    """One (task, genome label, graph sample, seed): the unit of replication.

    Attributes:
        task: Label of the task.
        genome: Label of the prior with its options.
        graph: Number of the prior's sample.
        seed: Number of the replicate; it pairs lineages across priors.
        run_seed: Root of the seed tree.
        blueprint: The architecture fitted to the task.
        graph_hash: Hash of the architecture, dead ends included.
        member: Number in a mixed population, whose members draw noise of their own. Elsewhere it is None, and
            lineages of equal seeds draw the same, whatever their genome and graph.
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
        """Returns the seed for a purpose; the same for every genome label and graph.

        Args:
            purpose: What the random numbers are for, such as "episodes".
            path: Further numbers that tell seeds of one purpose apart, such as a generation.
        """
        return derive(self.run_seed, purpose, self.task, self.seed, *path)

    def noise(self, purpose: str, *path: int) -> int:
        """Returns the seed for what a lineage draws for itself: genomes, but not what they are tested on.

        Args:
            purpose: What the random numbers are for, such as "search".
            path: Further numbers that tell seeds of one purpose apart, such as a generation.
        """
        if self.member is None:
            return self.node(purpose, *path)
        return derive(self.run_seed, purpose, self.task, self.seed, "member", self.member, *path)


@dataclass(frozen=True, eq=False)
class State:
    """All that changes in a lineage: a checkpoint is the states of all lineages.

    Attributes:
        search: State of the search, over points; empty of a lineage that does not evolve, whose genome
            follows from its seed.
        generation: The next generation.
        evaluations: Evaluations so far.
        failures: How many of these gave no finite fitness.
        coordinates: What points mean; None where they are genomes.
        statistics: Of all observations so far; None where the task does not normalise them, and before the
            first generation.
        blowup: Where the first genome that failed left the finite numbers, in the task or in a cell; empty
            where none did.
        error: Why the lineage was lost, with a traceback; empty while it goes on.
        is_at_target: Whether its centre had the fitness that was wanted, and the lineage has ended with it.
    """

    search: ask_tell.State
    generation: int = 0
    evaluations: int = 0
    failures: int = 0
    coordinates: Coordinates | None = None
    statistics: Statistics | None = None
    blowup: str = ""
    error: str = ""
    is_at_target: bool = False

    def __getstate__(self) -> dict[str, object]:
        """Returns arrays in place of tensors, for they go between processes several times as fast."""
        return {**self.__dict__, "search": ask_tell.to_arrays(self.search)}

    def __setstate__(self, fields: dict[str, Any]) -> None:
        self.__dict__.update(fields, search=ask_tell.from_arrays(fields["search"]))


class StateNumbers(TypedDict):
    """What a state holds beside its arrays, under the names of the attributes of `State`."""

    generation: int
    evaluations: int
    failures: int
    blowup: str
    error: str
    is_at_target: NotRequired[bool]


@dataclass(frozen=True, eq=False)
class Shard:
    """Lineages of one task that are advanced together, as one network.

    Attributes:
        task: The task, as a message.
        lineages: R lineages.
        settings: Search settings, which they share.
        part: (k, n), which stands for the k-th of n parts of each lineage's population; (0, 1) is all of it.
        device: "cpu" or "cuda", where networks and searches are computed.
    """

    task: TaskRequest
    lineages: tuple[Lineage, ...]
    settings: Settings
    part: tuple[int, int] = (0, 1)
    device: str = "cpu"


def begin(lineage: Lineage, settings: Settings) -> State:
    """Returns a lineage's state before the first generation.

    Args:
        lineage: The lineage.
        settings: Search settings.
    """
    if settings.generations == 0:
        return State({})
    genomes = lineage.blueprint.draw(1, generator(lineage.noise("start")))
    return _started(lineage, State({}), settings, genomes, torch.zeros(1))


def centre(lineage: Lineage, state: State) -> Tensor:
    """Returns the genome that a lineage answers with so far, float32 [L].

    Args:
        lineage: The lineage.
        state: Its state.
    """
    if not does_evolve(state):
        return lineage.blueprint.draw(1, generator(lineage.noise("start")))[0]
    return _genomes(lineage, state, ask_tell.centre(state.search)[None])[0]


def does_evolve(state: State) -> bool:
    """Says whether a lineage has a search, and with it a genome that does not follow from its seed alone.

    Args:
        state: Its state.
    """
    return bool(state.search)


def as_scored(lineage: Lineage, state: State) -> Blueprint:
    """Returns a lineage's blueprint with the statistics that its observations are normalised by from now on.

    Args:
        lineage: The lineage.
        state: Its state.
    """
    return (
        lineage.blueprint
        if state.statistics is None
        else replace(lineage.blueprint, observed=state.statistics)
    )


def with_statistics(shard: Shard, states: Sequence[State]) -> Shard:
    """Returns a shard whose lineages sense by the statistics that they have at the end, see `as_scored`.

    Args:
        shard: R lineages.
        states: Their R states.
    """
    pairs = zip(shard.lineages, states, strict=True)
    return replace(shard, lineages=tuple(replace(x, blueprint=as_scored(x, state)) for x, state in pairs))


def propose(
    lineage: Lineage, state: State, settings: Settings, rows: Rows = None, blocks: Blocks = None
) -> Tensor:
    """Returns the genomes of a generation, float32 [P + 1, L]: a population, then its centre.

    The first population is of untrained genomes and the search starts at the best of them: from a single draw
    some searches never leave the poor place where it happened to lie. Adapters that are fixed are those of
    the lineage's first draw, in all genomes.

    Args:
        lineage: The lineage whose genomes they are.
        state: Its state.
        settings: Search settings.
        rows: Which of the P + 1 genomes are wanted; None stands for all of them.
        blocks: Cache of what was drawn of this generation, see `ask_tell.ask`.
    """
    population = settings.phase(state.generation).population
    wanted = range(population + 1) if rows is None else rows
    members = range(wanted.start, min(wanted.stop, population))
    if state.generation == 0:
        drawn = _first(lineage, state, members)
    else:
        drawn = _genomes(lineage, state, _points(lineage, state, settings, members, blocks))
    return torch.cat([drawn, centre(lineage, state)[None]]) if wanted.stop > population else drawn


def _first(lineage: Lineage, state: State, rows: range) -> Tensor:
    """Returns some rows of the first population, which is drawn in blocks as later ones are."""
    blocks = range(rows.start // ask_tell.BLOCK, -(-rows.stop // ask_tell.BLOCK))
    drawn = [
        lineage.blueprint.draw(ask_tell.BLOCK, generator(ask_tell.block_seed(lineage.noise("first"), k)))
        for k in blocks
    ]
    first = blocks.start * ask_tell.BLOCK
    genomes = torch.cat(drawn)[rows.start - first : rows.stop - first]
    still = coordinates.still(lineage.blueprint)
    if len(still):
        genomes[:, still] = centre(lineage, state)[still]
    return genomes


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What an evaluation of a generation, or of a part of it, found.

    Attributes:
        fitness: Mean over episodes, float64 [R, p]; not finite where an evaluation failed.
        blowups: For each lineage, where its first genome that failed left the finite numbers; "" where none
            did, or one did in an earlier generation.
        moments: Statistics of observations; None where the task does not normalise them.
    """

    fitness: Tensor
    blowups: list[str]
    moments: Moments | None = None

    def __getstate__(self) -> dict[str, object]:
        """Returns an array in place of the tensor, for it goes between processes several times as fast."""
        return {**self.__dict__, "fitness": self.fitness.numpy()}

    def __setstate__(self, fields: dict[str, object]) -> None:
        self.__dict__.update(fields, fitness=torch.from_numpy(np.array(fields["fitness"])))

    @classmethod
    def join(cls, parts: Sequence[Evaluation]) -> Evaluation:
        """Returns the evaluation of a whole population from those of its parts.

        Args:
            parts: Evaluations of the parts, in order.
        """
        blowups = [next(filter(None, where), "") for where in zip(*(p.blowups for p in parts), strict=True)]
        moments = [part.moments for part in parts if part.moments is not None]
        joined = Moments.join(moments) if moments else None
        return cls(torch.cat([part.fitness for part in parts], 1), blowups, joined)


def update(
    shard: Shard,
    states: Sequence[State],
    proposals: Sequence[Tensor],
    evaluation: Evaluation,
    seconds: float,
) -> tuple[list[State], list[MetricsRow]]:
    """Returns the states after a generation and a row of metrics for each lineage.

    A lineage all of whose genomes failed keeps its search as it was; so does one whose centre has the fitness
    of the target, which thus remains its centre.

    Args:
        shard: The shard that is advanced; its `part` does not matter here.
        states: R states of equal generation.
        proposals: What `propose` returned for each of them, float32 [P + 1, L].
        evaluation: Evaluation of all P + 1 proposals.
        seconds: Time that the evaluation took.
    """
    fitness = evaluation.fitness
    population = fitness.shape[1] - 1
    searches = _searched(shard, states, proposals, fitness)
    new: list[State] = []
    rows: list[MetricsRow] = []
    for r, (lineage, state, searched) in enumerate(zip(shard.lineages, states, searches, strict=True)):
        row = fitness[r]
        finite = row[:population][torch.isfinite(row[:population])]
        failures = int((~torch.isfinite(row)).sum())
        is_at_target = _is_at_target(float(row[-1]), shard.settings)
        counted = replace(
            searched if len(finite) and not is_at_target else state,
            generation=state.generation + 1,
            evaluations=state.evaluations + population + 1,
            failures=state.failures + failures,
            blowup=state.blowup or evaluation.blowups[r],
            statistics=state.statistics if is_at_target else _merged(state.statistics, evaluation.moments, r),
            is_at_target=is_at_target,
        )
        new.append(counted if is_at_target else _next_phase(lineage, counted, shard.settings))
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


def _merged(statistics: Statistics | None, moments: Moments | None, r: int) -> Statistics | None:
    """Returns a lineage's statistics with the observations of a generation; `r` is its number."""
    if moments is None:
        return statistics
    return (statistics or Statistics.none(moments.mean.shape[2])).merged(moments, r)


def to_arrays(state: State) -> dict[str, np.ndarray]:
    """Returns the arrays of a state by name; with its numbers, `restore` takes them back.

    Args:
        state: The state.
    """
    arrays = ask_tell.to_arrays(state.search)
    if state.coordinates is not None:
        arrays["base"] = state.coordinates.base.numpy()
    return arrays if state.statistics is None else arrays | state.statistics.to_arrays()


def restore(
    lineage: Lineage, settings: Settings, arrays: Mapping[str, np.ndarray], numbers: StateNumbers
) -> State:
    """Returns the state that `to_arrays` was given.

    Args:
        lineage: The lineage whose state it is.
        settings: Search settings.
        arrays: What `to_arrays` returned.
        numbers: The numbers and texts of the state.
    """
    statistics = Statistics.from_arrays(arrays)
    searched = {name: array for name, array in arrays.items() if not name.startswith("statistics.")}
    search, phase = ask_tell.from_arrays(searched), settings.phase(numbers["generation"])
    base = search.pop("base", None)
    axes = None if base is None else coordinates.make(lineage.blueprint, base, phase.is_pretraining)
    return State(
        search,
        generation=numbers["generation"],
        evaluations=numbers["evaluations"],
        failures=numbers["failures"],
        coordinates=axes,
        statistics=statistics,
        blowup=numbers["blowup"],
        error=numbers["error"],
        is_at_target=numbers.get("is_at_target", False),
    )


def _is_at_target(fitness: float, settings: Settings) -> bool:
    """Says whether the fitness of a centre is what is wanted; one that is no number never is."""
    return settings.target is not None and math.isfinite(fitness) and fitness >= settings.target


def _searched(
    shard: Shard, states: Sequence[State], proposals: Sequence[Tensor], fitness: Tensor
) -> list[State]:
    """Returns the states with their searches after a generation of fitness [R, P + 1]."""
    settings, triples = shard.settings, list(zip(shard.lineages, states, proposals, strict=True))
    if states[0].generation == 0:
        return [_started(x, s, settings, p.cpu(), f) for (x, s, p), f in zip(triples, fitness, strict=True)]
    points = [
        p[:-1] if s.coordinates is None else _points(x, s, settings).to(p.device) for x, s, p in triples
    ]
    searches = ask_tell.tell(
        [s.search for s in states],
        points,
        [row[:-1] for row in fitness],
        settings,
        states[0].generation,
    )
    return [replace(s, search=searched) for s, searched in zip(states, searches, strict=True)]


def _started(lineage: Lineage, state: State, settings: Settings, genomes: Tensor, fitness: Tensor) -> State:
    """Returns a state whose search starts from genomes [K, L] of a fitness [K].

    Parameters that the phase does not move are those of the best of them.
    """
    phase = settings.phase(state.generation)
    base = genomes[int(ask_tell.rankable(fitness)[0].argmax())].clone()
    axes = coordinates.make(lineage.blueprint, base, phase.is_pretraining)
    points = genomes if axes is None else axes.encode(genomes)
    parts = coordinates.parts(lineage.blueprint, axes)
    started = ask_tell.start(points, fitness, settings, state.generation, parts)
    return replace(state, search=started, coordinates=axes)


def _next_phase(lineage: Lineage, state: State, settings: Settings) -> State:
    """Returns a state; where a phase begins, with a new search that starts where the last one ended."""
    if not 0 < state.generation == settings.pretraining < settings.generations:
        return state
    return _started(lineage, state, settings, centre(lineage, state)[None], torch.zeros(1))


def _points(
    lineage: Lineage, state: State, settings: Settings, rows: Rows = None, blocks: Blocks = None
) -> Tensor:
    """Returns the points of a generation, float32 [P, n], or some rows of it: what the search asks for."""
    seed = lineage.noise("search", state.generation)
    return ask_tell.ask(state.search, settings, state.generation, seed, rows, blocks)


def _genomes(lineage: Lineage, state: State, points: Tensor) -> Tensor:
    """Returns the genomes that points stand for."""
    return points if state.coordinates is None else state.coordinates.decode(points, lineage.blueprint)


def parts(shard: Shard, num_parts: int) -> list[Shard]:
    """Returns a shard split into parts of its population.

    Args:
        shard: A shard of whole populations.
        num_parts: How many parts there are to be.
    """
    return [replace(shard, part=(k, num_parts)) for k in range(num_parts)]
