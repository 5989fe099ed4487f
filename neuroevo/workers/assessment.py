"""Assessment: what a lineage's wiring gives, what two numbers add, and what learning adds, on held-out data.

Three scores of every lineage. `untrained_score` is the mean over genomes as they are drawn. `tuned_score` is
the mean over some of these with two numbers changed: a factor for all excitatory synapses and one for all
inhibitory ones, the pair of a small grid whose fitness on training episodes is the best. `score` is that of
the trained genome. Where the core does not evolve, or has no synapses, there is nothing to tune.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neuroevo.network.monitors import SATURATED, Monitor
from neuroevo.network.phenotype import Phenotype
from neuroevo.rows import Activity, Scores
from neuroevo.search import ask_tell, coordinates
from neuroevo.search.lineage import Lineage, Shard, State, centre
from neuroevo.seeds import generator
from neuroevo.task import Task, TaskRequest
from neuroevo.workers import devices
from neuroevo.workers.runner import checked

NUM_UNTRAINED = 16  # genomes whose mean is a lineage's untrained score
NUM_TUNED = 8  # of these, the first: genomes that are tuned
FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the strengths of excitation and of inhibition
FACTOR_NAMES = {1: "excitatory", -1: "inhibitory"}


@dataclass(frozen=True, eq=False)
class Tuned:
    """Untrained genomes with the best pair of shared factors.

    Attributes:
        genomes: The genomes, float32 [K, L]; none where there is nothing to tune, or everything failed.
        factors: Factors by the kind of synapse; None where there is nothing to tune, or everything failed.
        evaluations: How many genomes were evaluated to find them.
    """

    genomes: Tensor
    factors: dict[str, float] | None = None
    evaluations: int = 0


def assess(shard: Shard, states: Sequence[State], task: Task) -> list[Scores]:
    """Returns each lineage's held-out figures: its three scores, and activity of the trained network.

    Held-out data are met here and nowhere else, once, after the last generation.

    Args:
        shard: R lineages.
        states: Their R states.
        task: Their task.
    """
    rows: list[Scores] = []
    device = devices.place(shard.device)
    for lineage, state in zip(shard.lineages, states, strict=True):
        draws, best = untrained(lineage), centre(lineage, state)[None]
        tuned = tune(lineage, draws[:NUM_TUNED], task, shard.task, device)
        genomes = torch.cat([draws, tuned.genomes, best])
        phenotype = Phenotype([lineage.blueprint], [len(genomes)], device)
        phenotype.load([genomes])
        seeds = [lineage.node("held-out")] * len(genomes)
        scores = checked(task.score(phenotype, seeds=seeds), phenotype, shard.task)
        means = scores.mean(1)
        rows.append(
            {
                "score": float(means[-1]),
                "episode_scores": scores[-1].tolist(),
                "untrained_score": _mean(means[: len(draws)]),
                "tuned_score": _mean(means[len(draws) : -1]),
                "tuned_factors": tuned.factors,
                "tuning_evaluations": tuned.evaluations,
                "activity": _activity(lineage, best, task),
            }
        )
    return rows


def untrained(lineage: Lineage) -> Tensor:
    """Returns the genomes that stand for a lineage before it evolved, float32 [NUM_UNTRAINED, L].

    Args:
        lineage: The lineage.
    """
    return lineage.blueprint.draw(NUM_UNTRAINED, generator(lineage.node("untrained")))


def tune(lineage: Lineage, draws: Tensor, task: Task, request: TaskRequest, device: str = "cpu") -> Tuned:
    """Returns untrained genomes with the pair of factors that is best for all of them on training episodes.

    Args:
        lineage: The lineage whose genomes they are.
        draws: The genomes as they were drawn, float32 [K, L].
        task: The task that they are evaluated on.
        request: Names the task in errors.
        device: The torch device of the networks.
    """
    signs = coordinates.kinds(lineage.blueprint)
    if not signs:
        return Tuned(draws[:0])
    grid = list(itertools.product(FACTORS, repeat=len(signs)))
    logarithms = torch.tensor([[math.log(x) for x in factors] for factors in grid])
    genomes = draws.repeat(len(grid), 1)  # those of a pair are consecutive
    coordinates.scale(lineage.blueprint, genomes, signs, logarithms.repeat_interleave(len(draws), 0))
    phenotype = Phenotype([lineage.blueprint], [len(genomes)], device)
    phenotype.load([genomes])
    seeds = [lineage.node("tuning")] * len(genomes)
    fitness = checked(task.evaluate(phenotype, seeds=seeds), phenotype, request).mean(1)
    if not torch.isfinite(fitness).any():
        return Tuned(draws[:0], None, len(genomes))
    best = int(ask_tell.rankable(fitness)[0].view(len(grid), -1).mean(1).argmax())
    named = {FACTOR_NAMES[sign]: factor for sign, factor in zip(signs, grid[best], strict=True)}
    return Tuned(genomes.view(len(grid), *draws.shape)[best], named, len(genomes))


def _mean(scores: Tensor) -> float | None:
    """Returns the mean of those scores that are finite, or None if none is."""
    finite = scores[torch.isfinite(scores)]
    return float(finite.mean()) if len(finite) else None


def _activity(lineage: Lineage, centre: Tensor, task: Task) -> Activity:
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
