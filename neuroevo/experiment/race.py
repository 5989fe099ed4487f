"""A race: successive halving that drops a prior only when a test finds it behind the leader of its task.

Halving by rank would drop half of equal priors at every rung (Jamieson & Talwalkar 2016,
https://doi.org/10.48550/arXiv.1502.07943); racing (Maron & Moore 1997,
https://doi.org/10.1023/A:1006556606079) waits for evidence. After 1/8, 1/4 and 1/2 of the generations every
prior is held against the leader by the test that the final verdict uses, one-sided, on the fitness of its
lineages' search centres, each averaged over the generations since the rung before. The chance that a race of
equal priors drops any of them is `ERROR` at most: each rung has an equal part of it, and so has, by
Bonferroni's rule, each ordered pair of priors, for any of them may come to lead. As in the verdict, a prior
is not dropped where graphs that merely solve the task or fail would do as much (`coincidence`), and lineages
that failed count as the lowest of the rung.

The race ends after half of the generations. Priors that are left are then confirmed: evolved afresh from
seeds that had no part in the race, for all generations, on as many of these as the tournament's evaluations
leave. They alone are scored on held-out data, so that nothing that was selected on enters the verdict.
"""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neuroevo.experiment.evolution import Evolution
from neuroevo.experiment.plan import Plan
from neuroevo.experiment.shards import Pair
from neuroevo.referee import coincidence
from neuroevo.referee.entry import MIN_SEEDS
from neuroevo.referee.estimators import contrast
from neuroevo.rows import ConfirmationRow, LineageRow, ResultColumns, RungDecision, RungRow
from neuroevo.run_folder import Key, key_of
from neuroevo.task import TaskRequest
from neuroevo.text import count, figures, number

logger = logging.getLogger(__name__)

ERROR = 0.05  # of a task: the chance that one of equal priors is dropped
RUNGS = (1 / 8, 1 / 4, 1 / 2)  # of the generations
MOST_SEEDS = 4  # fresh seeds at most, in units of the seeds asked for

Fitness = Mapping[tuple[int, int], float]  # (graph, seed) -> fitness of a lineage


def rungs(generations: int) -> list[int]:
    """Returns the generations after which priors are compared; of few generations there are fewer rungs.

    Args:
        generations: How many a lineage has, at least 2.
    """
    return sorted({math.floor(share * generations) for share in RUNGS} - {0})


def level_of(num_rungs: int, num_priors: int) -> float:
    """Returns the level of one comparison at one rung.

    A rung of equal priors has their number times one less ways to err, since any may lead any other.

    Args:
        num_rungs: How many rungs the race has.
        num_priors: How many priors begin it, at least 2.
    """
    return ERROR / (num_rungs * num_priors * (num_priors - 1))


def compare(fitness: Mapping[str, Fitness], level: float) -> list[RungDecision]:
    """Returns what a rung decides, a row a prior.

    A prior of which nothing can be said, for want of two seeds with a fitness, stays.

    Args:
        fitness: Of the lineages of every prior that is still in the race, by label; all finite.
        level: Of each comparison, in (0, 1).
    """
    means = {label: float(np.mean(list(x.values()))) if x else None for label, x in fitness.items()}
    known = {label: mean for label, mean in means.items() if mean is not None}
    leader = max(known, key=lambda label: known[label], default=None)
    rows: list[RungDecision] = []
    for label, lineages in fitness.items():
        rival = leader if label != leader else None
        difference = contrast(lineages, fitness[rival]) if rival is not None and lineages else None
        behind = difference is not None and rival is not None and difference.p_below < level
        rows.append(
            {
                "genome": label,
                "lineages": len(lineages),
                "fitness": means[label],
                "against": rival,
                "difference": difference.difference if difference else None,
                "p": difference.p_below if difference else None,
                "level": level,
                "dropped": behind and _is_no_coincidence(label, str(rival), fitness),
            }
        )
    return rows


def _is_no_coincidence(label: str, leader: str, fitness: Mapping[str, Fitness]) -> bool:
    """Says whether graphs that merely solve the task, or fail, would rarely be so far behind the leader.

    All rungs together have `ERROR` for it: what stands out at one by such a coincidence does so at all.
    """
    num_graphs = {name: len({graph for graph, _ in lineages}) for name, lineages in fitness.items()}
    difference = contrast(fitness[label], fitness[leader])
    if difference is None:
        return False
    several = [k for k in num_graphs.values() if k > 1]
    if difference.kind == "graphs":
        return coincidence.families(several) < ERROR
    others = [k for name, k in num_graphs.items() if k > 1 and name not in (label, leader)]
    p = coincidence.of_contrast(fitness[label], fitness[leader], difference, difference.p, others)
    return p < ERROR


def fresh_seeds(seeds: int, unspent: int, seed_cost: int) -> int:
    """Returns how many fresh seeds the survivors are confirmed on.

    One can always be paid for: a race of two seeds or more spends half of a tournament at most.

    Args:
        seeds: The seeds of the request.
        unspent: What a tournament would have cost, less what the race has.
        seed_cost: What all survivors cost on one seed, in the same unit.
    """
    return max(1, min(unspent // seed_cost, MOST_SEEDS * seeds))


@dataclass(frozen=True)
class FreshSeeds:
    """On how many fresh seeds the priors that a race leaves can come to be confirmed.

    They are fewest where no prior is dropped; most, where all are at the first rung but the two that cost
    least. A prior that is left alone has no rival to be held against.

    Attributes:
        fewest: The fewest.
        most: The most.
        enough: Seeds of a request that gives as many as a verdict takes in any case.
    """

    fewest: int
    most: int
    enough: int

    @staticmethod
    def of(seeds: int, generations: int, num_samples: Sequence[int]) -> FreshSeeds:
        """Returns the numbers for a race.

        Args:
            seeds: The seeds of the request.
            generations: How many a lineage has, at least 2.
            num_samples: Samples of each prior, of at least two.
        """
        at, numbers = rungs(generations), sorted(num_samples)
        every, two = sum(numbers), sum(numbers[:2])

        def left(number: int, at_first: int) -> int:
            spent = every * number * at[0] + at_first * number * (at[-1] - at[0])
            return fresh_seeds(number, every * number * generations - spent, at_first * generations)

        enough = next(n for n in itertools.count(seeds) if left(n, every) >= MIN_SEEDS)
        return FreshSeeds(left(seeds, every), left(seeds, two), enough)

    @property
    def are_enough(self) -> bool:
        """Whether there will be as many as a verdict takes, whatever is dropped."""
        return self.fewest >= MIN_SEEDS

    @property
    def sentence(self) -> str:
        """The numbers in words."""
        text = f"the verdict will rest on {count(self.fewest, 'fresh seed')}"
        if self.most > self.fewest:
            text += f" if no prior is dropped, on up to {self.most} if two are left at the first rung"
        if not self.are_enough:
            text += f"; a verdict takes {MIN_SEEDS}, which --seeds {self.enough} gives in any case"
        return f"{text}."


def seeds_by_task(plan: Plan) -> dict[str, FreshSeeds]:
    """Returns on how many fresh seeds the verdict on each task can come to rest.

    Args:
        plan: What a run is to do.
    """
    num_samples = [len(drawn.samples) for drawn in plan.draws.values()]
    return {
        label: FreshSeeds.of(plan.config.seeds, settings.generations, num_samples)
        for label, settings in plan.settings.items()
    }


def run(evolution: Evolution) -> None:
    """Races priors on one task after the other, and confirms those that are left.

    Args:
        evolution: The run.
    """
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
        num_fresh = fresh_seeds(seeds, full[task] - spent, seed_cost)
        saved = full[task] - spent - num_fresh * seed_cost
        evolution.expect(-saved)
        costs = {"race": spent, "confirmation": num_fresh * seed_cost, "tournament": full[task]}
        each = settings.population + 1  # evaluations of a generation, since a race has one phase
        event: ConfirmationRow = {
            "task": task,
            "event": "confirmation",
            "genomes": genomes,
            "seeds": [seeds, seeds + num_fresh - 1],
            "budget": {name: cost * each for name, cost in costs.items()},
            "evaluations_saved": saved * each,
        }
        evolution.writer.write_selection([event])
        fresh = evolution.begin(request, blueprints, range(seeds, seeds + num_fresh))
        _confirm(evolution, request, [x for x in fresh if x[0].genome in genomes], pairs)


def _race(evolution: Evolution, request: TaskRequest, pairs: list[Pair]) -> list[Pair]:
    """Returns the lineages of the priors that are left at the last rung, with their states."""
    settings = evolution.plan.settings[request.label]
    at = rungs(settings.generations)
    level = level_of(len(at), len(evolution.plan.draws))
    shards = evolution.shards(request, pairs)
    for rung, generation in enumerate(at, start=1):
        centres: dict[Key, list[float]] = {}
        for metrics in evolution.evolve(shards, generation):
            if metrics["fitness_centre"] is not None:
                centres.setdefault(key_of(metrics), []).append(metrics["fitness_centre"])
        pairs = [pair for shard in shards for pair in shard.everyone()]
        rows = compare(_by_genome([x.key for x, _ in pairs], centres), level)
        _write_rung(evolution, request.label, rung, generation, rows)
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


def _write_rung(
    evolution: Evolution, task: str, rung: int, generation: int, rows: Sequence[RungDecision]
) -> None:
    """Writes what a rung decides."""
    for row in rows:
        means = f"{row['genome']} has {row['fitness']} in the mean of {row['lineages']} lineages"
        rival = "" if row["against"] is None else f", p {row['p']} against {row['against']}"
        decision = "dropped" if row["dropped"] else "stays"
        logger.info("%s, rung %d, generation %d: %s%s; %s", task, rung, generation, means, rival, decision)
    written: list[RungRow] = [{"task": task, "rung": rung, "generation": generation, **row} for row in rows]
    evolution.writer.write_selection(written)


def _confirm(
    evolution: Evolution, request: TaskRequest, pairs: Sequence[Pair], raced: Sequence[Pair]
) -> None:
    """Evolves fresh lineages of the priors that are left, for all generations, and scores them.

    Results of those that were raced are written only now, so that no reader of a run that was interrupted
    takes them for the end of it.
    """
    lineages = [lineage for lineage, _ in pairs]
    named = ", ".join(dict.fromkeys(lineage.genome for lineage in lineages))
    num_seeds = len({lineage.seed for lineage in lineages})
    evolution.watcher.event(f"{request.label}: {named} confirmed on {count(num_seeds, 'fresh seed')}")
    rows: list[LineageRow] = [
        {"task": x.task, "genome": x.genome, "graph": x.graph, "seed": x.seed, "role": "confirmation"}
        for x in lineages
    ]
    evolution.add_lineages(rows, "confirmation")
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
    """Returns the mean fitness of lineages by genome; the order is that of the keys, not of arrival.

    A lineage without any, such as one that failed, has the lowest of all.
    """
    means = {key: float(np.mean(centres[key])) for key in keys if key in centres}
    lowest = min(means.values(), default=None)
    fitness: dict[str, dict[tuple[int, int], float]] = {}
    for key in keys:
        lineages = fitness.setdefault(key[1], {})
        value = means.get(key, lowest)
        if value is not None:
            lineages[key[2:]] = value
    return fitness


def _write(evolution: Evolution, pairs: Sequence[Pair], status: str) -> None:
    """Writes results of lineages that the race is over for."""
    for lineage, state in pairs:
        columns: ResultColumns = {"role": "race", "generations": state.generation}
        evolution.writer.write_unscored(lineage, state, status, columns)


def _tell(evolution: Evolution, task: str, generation: int, rows: Sequence[RungDecision]) -> None:
    """Says which priors were dropped and why."""
    for row in rows:
        difference, p = row["difference"], row["p"]
        if row["dropped"] and difference is not None and p is not None:
            p_text, level_text = figures([p, row["level"]])
            why = f"behind {row['against']} by {number(-difference)}, p {p_text} < {level_text}"
            line = f"{task}, generation {generation}: {row['genome']} dropped, {why}"
            evolution.watcher.event(line, (task, row["genome"]))
