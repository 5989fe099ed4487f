"""Assessment: what a lineage's wiring gives, what two numbers add, and what learning adds, on held-out data.

Three scores of every lineage. `untrained_score` is the mean over genomes as they are drawn. `tuned_score` is
the mean over some of these with two numbers changed: a factor for all excitatory synapses and one for all
inhibitory ones, the pair of a small grid whose fitness on training episodes is the best. `score` is that of
the trained genome. Where the core does not evolve, or has no synapses, there is nothing to tune.

Genomes are evaluated in parts, no more at once than the search evaluated, so that whoever had the memory for
the search has it for the score. What a genome scores does not depend on the parts.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from neuroevo.network.adapters import Ridge
from neuroevo.network.alignment import Arena
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.monitors import SATURATED, Monitor
from neuroevo.network.phenotype import Phenotype
from neuroevo.network.reservoir import Population
from neuroevo.readout import SolvedTask
from neuroevo.rows import Activity, Scores
from neuroevo.search import ask_tell, coordinates
from neuroevo.search.lineage import Lineage, Shard, State, centre, with_statistics
from neuroevo.seeds import generator
from neuroevo.task import Task, TaskRequest
from neuroevo.workers import devices
from neuroevo.workers.causes import explain
from neuroevo.workers.network_memory import genomes_on_core
from neuroevo.workers.runner import checked

NUM_UNTRAINED = 16  # genomes whose mean is a lineage's untrained score
NUM_TUNED = 8  # of these, the first: genomes that are tuned
FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the strengths of excitation and of inhibition
FACTOR_NAMES = {1: "excitatory", -1: "inhibitory"}

Rows = Callable[[range], Tensor]  # gives some rows of a batch of genomes, float32 [n, L]


@dataclass(frozen=True)
class Scope:
    """What is found out about a lineage, and with how many genomes at once.

    Attributes:
        at_once: How many genomes the search of the lineage's shard evaluated at once; None sets no bound.
        tunes: Whether untrained genomes are tuned by two numbers.
    """

    at_once: int | None = None
    tunes: bool = True

    @property
    def evaluations(self) -> int:
        """How many genomes of a lineage are evaluated at most."""
        tuned = NUM_TUNED * (len(FACTORS) ** len(FACTOR_NAMES) + 1)
        return NUM_UNTRAINED + 2 + (tuned if self.tunes else 0)  # the trained genome, and its activity


@dataclass(frozen=True, eq=False)
class Tuned:
    """Untrained genomes with the best pair of shared factors.

    Attributes:
        genomes: The genomes, float32 [K, L]; none where there is nothing to tune, or everything failed.
        factors: Factors by the kind of synapse; None where there is nothing to tune, or everything failed.
        evaluations: How many genomes were compared to find them.
    """

    genomes: Tensor
    factors: dict[str, float] | None = None
    evaluations: int = 0


class Bench:
    """Evaluates genomes of one lineage, in parts.

    Args:
        lineage: The lineage.
        task: Its task.
        request: Names the task in errors.
        device: The torch device of the networks.
        arena: Memory of their states that other networks use as well, or None for memory of its own.
        at_once: How many genomes of the lineage are evaluated at once, at most; None sets no bound.

    Attributes:
        lineage: The lineage.
        evaluations: How many genomes have been evaluated.
    """

    def __init__(
        self,
        lineage: Lineage,
        task: Task,
        request: TaskRequest,
        device: str = "cpu",
        arena: Arena | None = None,
        at_once: int | None = None,
    ) -> None:
        self.lineage = lineage
        self.evaluations = 0
        self._task = task
        self._request = request
        self._device = device
        self._arena = arena if device == "cpu" else None
        self._at_once = at_once

    def fitness(self, rows: Rows, count: int) -> Tensor:
        """Returns the fitness of genomes on the episodes that factors are chosen on, float64 [count, B].

        Args:
            rows: Gives the genomes.
            count: How many there are.
        """
        seed = self.lineage.node("tuning")
        return self._values(self._task.evaluate, rows, count, seed, self._at_once)

    def scores(self, rows: Rows, count: int) -> Tensor:
        """Returns the scores of genomes on held-out data, float64 [count, B'].

        Args:
            rows: Gives the genomes.
            count: How many there are.
        """
        at_once, episodes, held_out = self._at_once, self._task.episodes, self._task.held_out
        if at_once is not None and episodes and held_out:  # of more episodes, fewer genomes at once
            at_once = max(1, min(at_once, at_once * episodes // held_out))
        return self._values(self._task.score, rows, count, self.lineage.node("held-out"), at_once)

    def activity(self, genome: Tensor) -> Activity:
        """Returns how active a network is on one generation's episodes; a clock has no cells.

        Args:
            genome: float32 [1, L].
        """
        if self.lineage.blueprint.architecture.core == "clock":
            return {"mean_abs": None, "saturated": False, "silent": False}
        phenotype = Phenotype([self.lineage.blueprint], [1])
        phenotype.load([genome])
        phenotype.monitor = Monitor(phenotype)
        self._task.evaluate(phenotype, seeds=[self.lineage.node("activity")])
        self.evaluations += 1
        activity = phenotype.monitor.activity()[0]
        return {
            "mean_abs": activity["mean_abs"],
            "saturated": activity["saturated"] >= SATURATED,
            "silent": activity["mean_abs"] < self.lineage.blueprint.neuron.model.silent,
        }

    def _values(
        self, evaluate: Callable[..., Tensor], rows: Rows, count: int, seed: int, at_once: int | None
    ) -> Tensor:
        """Returns what a method of the task gives for genomes that meet equal episodes, a row a genome."""
        tables: list[Tensor] = []
        phenotype: Phenotype | None = None
        for part in parts(count, at_once):
            if phenotype is None or phenotype.num_genomes != len(part):
                phenotype = None  # its memory is free before there is another
                phenotype = Phenotype([self.lineage.blueprint], [len(part)], self._device, self._arena)
            phenotype.load([rows(part)])
            values = evaluate(phenotype, seeds=[seed] * len(part))
            tables.append(checked(values, phenotype, self._request))
            self.evaluations += len(part)
        return torch.cat(tables)


def parts(count: int, at_once: int | None) -> list[range]:
    """Returns numbers from 0 on in as few parts as can be, the larger ones first.

    Args:
        count: How many numbers, at least 1.
        at_once: How many a part has at most; None sets no bound.
    """
    num = 1 if at_once is None else -(-count // at_once)
    size, more = divmod(count, num)
    bounds = itertools.accumulate([size + 1] * more + [size] * (num - more), initial=0)
    return [range(first, end) for first, end in itertools.pairwise(bounds)]


def assess(
    shard: Shard, states: Sequence[State], task: Task, scope: Scope | None = None, arena: Arena | None = None
) -> list[Scores]:
    """Returns each lineage's held-out figures: its three scores, and activity of the trained network.

    Held-out data are met here and nowhere else, once, after the last generation.

    Args:
        shard: R lineages.
        states: Their R states.
        task: Their task.
        scope: What is found out; None is all there is, of all genomes at once.
        arena: Memory of states that other networks use as well, or None for memory of its own.
    """
    wanted, device = scope or Scope(), devices.place(shard.device)
    if isinstance(shard.lineages[0].blueprint.adapter, Ridge):
        return _assess_readouts(shard, states, task, wanted.at_once, arena if device == "cpu" else None)
    rows: list[Scores] = []
    evolves = shard.settings.generations > 0
    for lineage, state in zip(with_statistics(shard, states).lineages, states, strict=True):
        bench = Bench(
            lineage, task, shard.task, device, arena, _at_once(shard, lineage, task, wanted.at_once)
        )
        draws, best = untrained(lineage), centre(lineage, state)[None]
        tuned = tune(bench, draws[:NUM_TUNED]) if wanted.tunes else Tuned(draws[:0])
        sources = [_different(draws), _different(tuned.genomes), best]
        firsts = list(itertools.accumulate(map(len, sources), initial=0))
        scores = bench.scores(partial(_rows, sources), firsts[-1])
        counts = (len(draws), len(tuned.genomes), 1)
        three = [_expanded(scores[i:j], n) for i, j, n in zip(firsts, firsts[1:], counts, strict=False)]
        means = [x.mean(1) for x in three]
        rows.append(
            {
                "score": _score(means, evolves),
                "episode_scores": three[2 if evolves else 0].mean(0).tolist(),
                "untrained_score": _mean(means[0]),
                "tuned_score": _mean(means[1]),
                "tuned_factors": tuned.factors,
                "tuning_evaluations": tuned.evaluations,
                "activity": bench.activity(best),
                "scoring_evaluations": bench.evaluations,
            }
        )
        if evolves and not math.isfinite(rows[-1]["score"] or 0.0):
            seeds = [lineage.node("held-out")]
            cause = explain(lineage.blueprint, best[0].cpu(), task, seeds, is_held_out=True)
            rows[-1]["score_fault"] = cause or "the genome has a finite score by itself"
    return rows


def _assess_readouts(
    shard: Shard, states: Sequence[State], task: Task, at_once: int | None, arena: Arena | None
) -> list[Scores]:
    """Returns the figures of lineages whose readouts are solved, many lineages at once.

    A readout needs the whole training split for every genome, so that one untrained genome stands for a
    lineage in place of many, and nothing is tuned. Where nothing evolved, that is the genome itself.
    """
    adapter = shard.lineages[0].blueprint.adapter
    if isinstance(adapter, Ridge) and adapter.sweep:
        return _assess_sweep(adapter.sweep, shard, states, task, at_once, arena)
    rows: list[Scores] = []
    pairs = list(zip(shard.lineages, states, strict=True))
    genomes = [_evolved_or_not(lineage, state) for lineage, state in pairs]
    bound = None if at_once is None else max(1, at_once // max(map(len, genomes)))
    for part in parts(len(pairs), bound):
        lineages, of_part = shard.lineages[part.start : part.stop], genomes[part.start : part.stop]
        counts = [len(x) for x in of_part]
        seeds = [x.node("held-out") for x, count in zip(lineages, counts, strict=True) for _ in range(count)]
        blueprints = [x.blueprint for x in lineages]
        scores, _ = _scores_of_readouts(blueprints, of_part, task, seeds, arena, shard.task)
        rows += [_readout_scores(of_lineage) for of_lineage in torch.split(scores, counts)]
    return rows


def _assess_sweep(
    gains: Sequence[float],
    shard: Shard,
    states: Sequence[State],
    task: Task,
    at_once: int | None,
    arena: Arena | None,
) -> list[Scores]:
    """Returns the figures of lineages that do not evolve at their own best gain, and scores at every gain."""
    genomes = [centre(lineage, state)[None] for lineage, state in zip(shard.lineages, states, strict=True)]
    scores, errors = [], []
    for gain in gains:
        changed = {id(x.blueprint): _with_core_gain(x.blueprint, gain) for x in shard.lineages}
        of_gain = []
        for part in parts(len(genomes), at_once):
            lineages = shard.lineages[part.start : part.stop]
            blueprints = [changed[id(x.blueprint)] for x in lineages]
            seeds = [x.node("held-out") for x in lineages]
            of_part = genomes[part.start : part.stop]
            of_gain.append(_scores_of_readouts(blueprints, of_part, task, seeds, arena, shard.task))
        scores.append(torch.cat([x for x, _ in of_gain]))
        errors.append(torch.cat([x for _, x in of_gain]))
    best = torch.stack(errors).argmin(0)
    rows: list[Scores] = []
    for r, k in enumerate(best.tolist()):
        row = _readout_scores(scores[k][r : r + 1])
        at_gains = {f"{gain:g}": _mean(x[r].mean()[None]) for gain, x in zip(gains, scores, strict=True)}
        row["gain"] = gains[k]
        row["gain_scores"] = at_gains
        row["scoring_evaluations"] = len(gains)
        rows.append(row)
    return rows


def _with_core_gain(blueprint: Blueprint, gain: float) -> Blueprint:
    """Returns a blueprint with another gain of the synapses between neurons."""
    return replace(blueprint, gains=replace(blueprint.gains, core=gain))


def _readout_scores(scores: Tensor) -> Scores:
    """Returns the figures of a lineage, given the scores [1 or 2, B] of its untrained and its best genome."""
    means = scores.mean(1)
    return {
        "score": float(means[-1]),
        "episode_scores": scores[-1].tolist(),
        "untrained_score": _mean(means[:1]),
        "tuned_score": None,
        "tuned_factors": None,
        "tuning_evaluations": 0,
        "activity": {"mean_abs": None, "saturated": False, "silent": False},
        "scoring_evaluations": len(scores),
    }


def _scores_of_readouts(
    blueprints: Sequence[Blueprint],
    genomes: Sequence[Tensor],
    task: Task,
    seeds: Sequence[int],
    arena: Arena | None,
    request: TaskRequest,
) -> tuple[Tensor, Tensor]:
    """Returns scores [G, B] and errors [G] of genomes whose readouts are solved, see `score_and_error`."""
    assert isinstance(task, SolvedTask)
    network: Population | Phenotype
    if task.takes_populations(blueprints):  # reservoirs need no phenotype
        network = Population(blueprints, genomes)
    else:
        network = Phenotype(blueprints, [len(x) for x in genomes], arena=arena)
        network.load(genomes)
    scores, errors = task.score_and_error(network, seeds=seeds)
    return checked(scores, network, request), errors


def _evolved_or_not(lineage: Lineage, state: State) -> Tensor:
    """Returns an untrained genome and the one that evolved, or the former where none did, [1 or 2, L]."""
    best = centre(lineage, state)[None]
    if not state.generation:
        return best
    untrained_one = lineage.blueprint.draw(1, generator(lineage.noise("start")))
    return torch.cat([untrained_one, best])


def untrained(lineage: Lineage) -> Tensor:
    """Returns the genomes that stand for a lineage before it evolved, float32 [NUM_UNTRAINED, L].

    Args:
        lineage: The lineage.
    """
    return lineage.blueprint.draw(NUM_UNTRAINED, generator(lineage.node("untrained")))


def tune(bench: Bench, draws: Tensor) -> Tuned:
    """Returns untrained genomes with the pair of factors that is best for all of them on training episodes.

    Args:
        bench: Evaluates genomes of the lineage whose genomes they are.
        draws: The genomes as they were drawn, float32 [K, L].
    """
    blueprint = bench.lineage.blueprint
    signs = coordinates.kinds(blueprint)
    if not signs:
        return Tuned(draws[:0])
    grid = list(itertools.product(FACTORS, repeat=len(signs)))
    logarithms = torch.tensor([[math.log(x) for x in factors] for factors in grid])
    # Of all genomes at once: the last bits of a function may depend on a number's place in its tensor.
    shifts = coordinates.shifts(blueprint, logarithms.repeat_interleave(len(draws), 0))
    bases, num = _different(draws), len(draws)

    def scaled(pairs: Tensor, which: Tensor) -> Tensor:
        """Returns draws, by number, with pairs of factors, by number."""
        genomes = bases[which]
        coordinates.scale(blueprint, genomes, signs, shifts[pairs * num])
        return genomes

    def rows(part: range) -> Tensor:
        numbers = torch.arange(part.start, part.stop)  # those of a pair are consecutive
        return scaled(numbers // len(bases), numbers % len(bases))

    values = bench.fitness(rows, len(grid) * len(bases))
    fitness = _expanded(values.view(len(grid), len(bases), -1), num, dim=1).flatten(0, 1).mean(1)
    if not torch.isfinite(fitness).any():
        return Tuned(draws[:0], None, len(fitness))
    best = int(ask_tell.rankable(fitness)[0].view(len(grid), -1).mean(1).argmax())
    named = {FACTOR_NAMES[sign]: factor for sign, factor in zip(signs, grid[best], strict=True)}
    chosen = scaled(torch.full((len(bases),), best), torch.arange(len(bases)))
    return Tuned(_expanded(chosen, num), named, len(fitness))


def _at_once(shard: Shard, lineage: Lineage, task: Task, at_once: int | None) -> int | None:
    """Returns how many genomes of a lineage take no more memory than the shard's, of whatever size, took.

    On a core they take no more than those that it evaluates at once either.
    """
    if at_once is None:
        return None
    sizes = {x.key: _size(x.blueprint) for x in shard.lineages}
    each = at_once // len(shard.lineages)
    number = max(1, each, each * sum(sizes.values()) // sizes[lineage.key])
    return min(number, genomes_on_core(lineage.blueprint, task.episodes)) if shard.device == "cpu" else number


def _size(blueprint: Blueprint) -> int:
    """Returns what the memory of a genome's network goes with: cells, synapses and parameters."""
    architecture = blueprint.architecture
    return architecture.num_cells + len(architecture.synapses) + blueprint.layout.length


def _different(genomes: Tensor) -> Tensor:
    """Returns genomes, or the first alone where all are equal, as those of which nothing is drawn."""
    return genomes[:1] if len(genomes) and torch.equal(genomes, genomes[:1].expand_as(genomes)) else genomes


def _expanded(values: Tensor, count: int, dim: int = 0) -> Tensor:
    """Returns values of so many genomes, from those of all or of the one that all are equal to."""
    return values if values.shape[dim] == count else values.repeat_interleave(count, dim)


def _rows(sources: Sequence[Tensor], part: range) -> Tensor:
    """Returns some rows of tensors that stand below each other; only these are copied."""
    rows, first = [], 0
    for source in sources:
        rows.append(source[max(0, part.start - first) : max(0, part.stop - first)])
        first += len(source)
    return torch.cat(rows)


def _score(means: Sequence[Tensor], evolves: bool) -> float:
    """Returns the score of the trained genome, or of untrained ones where nothing evolved, or NaN."""
    if evolves:
        return float(means[2])
    untrained_score = _mean(means[0])
    return math.nan if untrained_score is None else untrained_score


def _mean(scores: Tensor) -> float | None:
    """Returns the mean of those scores that are finite, or None if none is."""
    finite = scores[torch.isfinite(scores)]
    return float(finite.mean()) if len(finite) else None
