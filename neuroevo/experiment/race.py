"""A race: successive halving that drops a prior only when a test finds it behind the leader of its task.

Halving by rank would drop half of equal priors at every rung (Jamieson & Talwalkar 2016,
https://doi.org/10.48550/arXiv.1502.07943); racing (Maron & Moore 1997,
https://doi.org/10.1023/A:1006556606079) waits for evidence. After 1/8, 1/4 and 1/2 of the generations every
prior is held against the leader by the test that the final verdict uses, one-sided, on the fitness of its
lineages' search centres, each averaged over the generations since the rung before. The chance that a race of
equal priors drops any of them is `ERROR` at most: each rung has an equal part of it, and so has, by
Bonferroni's rule, each ordered pair of priors, for any of them may come to lead.

The race ends after half of the generations. Priors that are left are then confirmed: evolved afresh from
seeds that had no part in the race, for all generations, on as many of these as the tournament's evaluations
leave. They alone are scored on held-out data, so that nothing that was selected on enters the verdict.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from neuroevo.experiment.evolution import Evolution
from neuroevo.experiment.shards import Pair
from neuroevo.files import Row
from neuroevo.referee.estimators import contrast
from neuroevo.run_folder import IDENTITY, Key, key_of
from neuroevo.task import TaskRequest

ERROR = 0.05  # of a task: the chance that one of equal priors is dropped
RUNGS = (1 / 8, 1 / 4, 1 / 2)  # of the generations
MOST_SEEDS = 4  # fresh seeds at most, in units of the seeds asked for

Fitness = Mapping[tuple[int, int], float]  # (graph, seed) -> fitness of a lineage


def rungs(generations: int) -> list[int]:
    """Returns the generations after which priors are compared; of few generations there are fewer rungs."""
    return sorted({math.floor(share * generations) for share in RUNGS} - {0})


def level_of(num_rungs: int, num_priors: int) -> float:
    """Returns the level of one comparison at one rung.

    A rung of equal priors has their number times one less ways to err, since any may lead any other.
    """
    return ERROR / (num_rungs * num_priors * (num_priors - 1))


def compare(fitness: Mapping[str, Fitness], level: float) -> list[Row]:
    """Returns what a rung decides, a row a prior.

    Args:
        fitness: Of the lineages of every prior that is still in the race, by label; all finite, without
            lineages that failed.
        level: Of each comparison.

    Returns:
        Rows `{genome, lineages, fitness, against, difference, p, level, dropped}`. A prior of which nothing
        can be said, for want of two seeds with a fitness, stays.
    """
    means = {label: float(np.mean(list(x.values()))) if x else None for label, x in fitness.items()}
    known = {label: mean for label, mean in means.items() if mean is not None}
    leader = max(known, key=lambda label: known[label], default=None)
    rows = []
    for label, own in fitness.items():
        rival = leader if label != leader else None
        found = contrast(own, fitness[rival]) if rival is not None and own else None
        row = {"genome": label, "lineages": len(own), "fitness": means[label], "against": rival}
        row |= {"difference": found.difference if found else None, "p": found.p_below if found else None}
        rows.append({**row, "level": level, "dropped": found is not None and found.p_below < level})
    return rows


def fresh_seeds(seeds: int, unspent: int, seed_cost: int) -> int:
    """Returns how many fresh seeds the survivors are confirmed on.

    One can always be paid for: a race of two seeds or more spends half of a tournament at most.

    Args:
        seeds: Those of the request.
        unspent: What a tournament would have cost, less what the race has.
        seed_cost: What all survivors cost on one seed.
    """
    return max(1, min(unspent // seed_cost, MOST_SEEDS * seeds))


def run(evolution: Evolution) -> None:
    """Races priors on one task after the other, and confirms those that are left."""
    plan = evolution.plan
    seeds = plan.config.seeds
    full = {x: len(plan.samples) * seeds * s.generations for x, s in plan.settings.items()}
    evolution.expect(sum(full.values()))  # lineage generations
    for request in plan.requests:
        task, settings = request.label, plan.settings[request.label]
        blueprints, before = evolution.set_gains(request), evolution.done
        pairs = _race(evolution, request, evolution.begin(request, blueprints, range(seeds)))
        genomes = list(dict.fromkeys(lineage.genome for lineage, _ in pairs))
        spent = evolution.done - before
        seed_cost = sum(s.genome in genomes for s in plan.samples) * settings.generations
        count = fresh_seeds(seeds, full[task] - spent, seed_cost)
        saved = full[task] - spent - count * seed_cost
        evolution.expect(-saved)
        costs = {"race": spent, "confirmation": count * seed_cost, "tournament": full[task]}
        each = settings.population + 1  # evaluations of a generation, since a race has one phase
        event = {
            "task": task,
            "event": "confirmation",
            "genomes": genomes,
            "seeds": [seeds, seeds + count - 1],
            "budget": {name: cost * each for name, cost in costs.items()},
            "evaluations_saved": saved * each,
        }
        evolution.writer.write_selection([event])
        fresh = evolution.begin(request, blueprints, range(seeds, seeds + count))
        _confirm(evolution, request, [x for x in fresh if x[0].genome in genomes], pairs)


def _race(evolution: Evolution, request: TaskRequest, pairs: list[Pair]) -> list[Pair]:
    """Returns the lineages of the priors that are left at the last rung, with their states."""
    settings = evolution.plan.settings[request.label]
    at = rungs(settings.generations)
    level = level_of(len(at), len(evolution.plan.draws))
    shards = evolution.shards(request, pairs)
    for rung, generation in enumerate(at, start=1):
        centres: dict[Key, list[float]] = {}
        for row in evolution.evolve(shards, generation):
            if row["fitness_centre"] is not None:
                centres.setdefault(key_of(row), []).append(row["fitness_centre"])
        pairs = [pair for shard in shards for pair in shard.everyone()]
        rows = compare(_by_genome([x.key for x, state in pairs if not state.error], centres), level)
        place = {"task": request.label, "rung": rung, "generation": generation}
        evolution.writer.write_selection([{**place, **row} for row in rows])
        dropped = {row["genome"] for row in rows if row["dropped"]}
        if dropped:
            gone = [pair for pair in pairs if pair[0].genome in dropped]
            pairs = [pair for pair in pairs if pair[0].genome not in dropped]
            evolution.rest(evolution.shards(request, gone))
            _write(evolution, gone, "censored")
            shards = evolution.shards(request, pairs)
            _tell(evolution, request.label, generation, rows)
        if len({lineage.genome for lineage, _ in pairs}) == 1:
            break
    evolution.rest(evolution.shards(request, pairs))
    return pairs


def _confirm(
    evolution: Evolution, request: TaskRequest, pairs: Sequence[Pair], raced: Sequence[Pair]
) -> None:
    """Evolves fresh lineages of the priors that are left, for all generations, and scores them.

    Args:
        evolution: The run.
        request: The task.
        pairs: Those to evolve.
        raced: Those of the race, whose results are written now, so that no reader of a run that was
            interrupted takes them for the end of it.
    """
    lineages = [lineage for lineage, _ in pairs]
    named = ", ".join(dict.fromkeys(lineage.genome for lineage in lineages))
    num_seeds = len({lineage.seed for lineage in lineages})
    seeds = "1 fresh seed" if num_seeds == 1 else f"{num_seeds} fresh seeds"
    evolution.listeners.event(f"{request.label}: {named} confirmed on {seeds}", None)
    rows = [dict(zip(IDENTITY, lineage.key, strict=True)) for lineage in lineages]
    evolution.add_lineages([{**row, "role": "confirmation"} for row in rows], "confirmation")
    shards = evolution.shards(request, pairs)
    for _ in evolution.evolve(shards):
        pass
    evolution.checkpoint(shards)
    _write(evolution, raced, "raced")
    evolution.assess(shards, lambda _, state: {"role": "confirmation", "generations": state.generation})
    evolution.rest(shards)


def _by_genome(
    keys: Sequence[Key], centres: Mapping[Key, Sequence[float]]
) -> dict[str, dict[tuple[int, int], float]]:
    """Returns the mean fitness of lineages by genome; the order is that of the keys, not of arrival."""
    fitness: dict[str, dict[tuple[int, int], float]] = {}
    for key in keys:
        own = fitness.setdefault(key[1], {})
        if key in centres:
            own[key[2:]] = float(np.mean(centres[key]))
    return fitness


def _write(evolution: Evolution, pairs: Sequence[Pair], status: str) -> None:
    """Writes results of lineages that the race is over for."""
    for lineage, state in pairs:
        columns = {"role": "race", "generations": state.generation}
        evolution.writer.write_unscored(lineage, state, status, columns)


def _tell(evolution: Evolution, task: str, generation: int, rows: Sequence[Row]) -> None:
    """Says which priors were dropped and why."""
    for row in rows:
        if row["dropped"]:
            why = (
                f"behind {row['against']} by {-row['difference']:.3g}, p {row['p']:.2g} < {row['level']:.2g}"
            )
            line = f"{task}, generation {generation}: {row['genome']} dropped, {why}"
            evolution.listeners.event(line, (task, row["genome"]))
