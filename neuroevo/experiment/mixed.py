"""Mixed populations: members of rival priors evolve side by side, and the worst make room for the best.

Each seed is a population of its own, which starts with as many members of every prior: wirings that the prior
drew for this population. A prior of one wiring has as many members, which differ in the noise they start
from. In an epoch every member advances by its own search. Then the worst quarter of a population, by the mean
fitness of their search centres over the epoch, is replaced by offspring of the best quarter: of the same
prior, the wiring mutated inside the prior's own constraint, the search carried on from the parent's. All
members have equal evaluations at any time. `drift` tells a prior that took over from one that chance carried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from neuroevo.errors import FOREIGN, EvaluationError, NeuroevoError, RunError, failure
from neuroevo.experiment.evolution import Evolution
from neuroevo.experiment.plan import Plan
from neuroevo.experiment.resume import EpochEntry, MemberEntry
from neuroevo.experiment.shards import ShardRun
from neuroevo.network.blueprint import Blueprint, Gains
from neuroevo.referee import wording
from neuroevo.referee.drift import fewest_populations, fixation, turnover
from neuroevo.rows import EpochRow, LineageRow, ResultColumns
from neuroevo.run_folder import Key, key_of
from neuroevo.search import lineage as lineages_
from neuroevo.search.inheritance import fit, inherit, sources
from neuroevo.search.lineage import Lineage, State
from neuroevo.seeds import derive, generator
from neuroevo.task import TaskRequest
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.mutation import Mutant

MOST_EPOCHS = 20


@dataclass(frozen=True, eq=False)
class Member:
    """A member of a mixed population.

    Attributes:
        lineage: Its prior, its place in the population (`graph`), its population (`seed`) and its network.
        state: Its search.
        architecture: Its wiring, dead ends included: what mutates.
        founder: The place of the founder that it descends from.
    """

    lineage: Lineage
    state: State
    architecture: Architecture
    founder: int


def epochs(generations: int) -> tuple[int, int]:
    """Returns the length of an epoch in generations, and the number of epochs; the last may be shorter.

    Args:
        generations: How many a lineage has.
    """
    length = -(-generations // MOST_EPOCHS)
    return length, -(-generations // length)


def notes(plan: Plan) -> list[str]:
    """Returns a sentence for each task on which so few populations can have no verdict, whatever happens.

    Args:
        plan: What a run is to do.
    """
    sentences = []
    for request in plan.requests:
        num_rounds = epochs(plan.settings[request.label].generations)[1] - 1
        fewest = fewest_populations(plan.config.graphs, len(plan.draws), num_rounds)
        if fewest is None or plan.config.seeds < fewest:
            why = wording.few_populations(plan.config.seeds, fewest)
            sentences.append(f"{request.label}: no winner can come of this run. {why}")
    return sentences


def run(evolution: Evolution) -> None:
    """Evolves mixed populations on one task after the other, and scores the members of the last epoch.

    Args:
        evolution: The run.
    """
    plan = evolution.plan
    num_members = len(plan.draws) * plan.config.graphs * plan.config.seeds
    evolution.expect(sum(num_members * s.generations for s in plan.settings.values()))
    lineages = {request.label: plan.lineages_of(request.label) for request in plan.requests}
    record: dict[str, dict[str, object]] = {}
    for request in plan.requests:
        blueprints = evolution.set_gains(request)
        members = _stored(evolution, request, blueprints)
        first = evolution.past.members[request.label]["epoch"] if members else 0
        members = members or _founders(plan, request, blueprints)
        shards: list[ShardRun] = []
        living = set(plan.draws)
        length, num_epochs = epochs(plan.settings[request.label].generations)
        evolution.pass_over(first * length * len(members))
        for epoch in range(first, num_epochs):
            entry: EpochEntry = {"epoch": epoch, "members": [_entry(member) for member in members]}
            evolution.writer.hold_members(request.label, entry)
            living = _note(evolution, members, epoch, epoch * length, living)
            lineages[request.label] = [_row(member) for member in members]
            evolution.writer.replace_lineages([row for rows in lineages.values() for row in rows])
            shards = _regrouped(evolution, request, shards, members)
            members, fitness = _lived(evolution, shards, members, (epoch + 1) * length, epoch)
            if epoch < num_epochs - 1:
                members = _replaced(plan, members, fitness, epoch)
        evolution.checkpoint(shards)
        _score(evolution, shards, members)
        evolution.rest(shards)
        record[request.label] = _fixation(plan, members, num_epochs - 1)
        evolution.writer.note_selection_record(record)


def _founders(plan: Plan, request: TaskRequest, blueprints: Sequence[Blueprint]) -> list[Member]:
    """Returns the founders of every population."""
    members = []
    for population in range(plan.config.seeds):
        for place, (genome, k) in enumerate(plan.founders(population)):
            sample, key = plan.samples[k], (request.label, genome, place, population)
            lineage = Lineage(*key, plan.config.seed, blueprints[k], sample.graph_hash, place)
            state = lineages_.begin(lineage, plan.settings[request.label])
            members.append(Member(lineage, state, sample.architecture, place))
    return members


def _stored(evolution: Evolution, request: TaskRequest, blueprints: Sequence[Blueprint]) -> list[Member]:
    """Returns the members of the epoch in which a run that is resumed had ended; none of a new run.

    Raises:
        RunError: If the checkpoint is not whole.
    """
    plan, members = evolution.plan, []
    of_prior = {s.genome: b for s, b in zip(plan.samples, blueprints, strict=True)}
    if request.label not in evolution.past.members:
        return []
    for row in evolution.past.members[request.label]["members"]:
        task, genome, place, population = row["lineage"]
        architecture = Architecture.from_dict(row["architecture"])
        is_crossed, gains = architecture.is_crossed(), Gains(**row["gains"])
        live = architecture.without_dead_ends() if is_crossed else architecture.constant()
        blueprint = replace(of_prior[genome], architecture=live, gains=gains)
        key = task, genome, place, population
        lineage = Lineage(*key, plan.config.seed, blueprint, architecture.content_hash, place)
        state = evolution.past.state(lineage, plan.settings[task])
        if state is None:
            raise RunError(f"The checkpoint has no state of {lineage.key}; start the run again.")
        members.append(Member(lineage, state, architecture, row["founder"]))
    return members


def _entry(member: Member) -> MemberEntry:
    """Returns what a checkpoint says of a member beside its state."""
    return {
        "lineage": member.lineage.key,
        "founder": member.founder,
        "architecture": member.architecture.to_dict(),
        "gains": member.lineage.blueprint.gains.to_dict(),
    }


def _regrouped(
    evolution: Evolution, request: TaskRequest, shards: Sequence[ShardRun], members: Sequence[Member]
) -> list[ShardRun]:
    """Returns the members in shards by their places; shards of which no member is new keep their network."""
    size, num_parts = evolution.shard_size(request, len(members))
    regrouped = []
    for k, first in enumerate(range(0, len(members), size)):
        part = members[first : first + size]
        old = shards[k] if shards else None
        if old and {m.lineage for m in part} == {lineage for lineage, _ in old.everyone()}:
            regrouped.append(old)
        else:
            if old:
                evolution.forget(old)
            regrouped.append(evolution.shard(request, [(m.lineage, m.state) for m in part], num_parts))
    return regrouped


def _lived(
    evolution: Evolution, shards: Sequence[ShardRun], members: Sequence[Member], until: int, epoch: int
) -> tuple[list[Member], np.ndarray]:
    """Returns the members after an epoch, and their mean fitness, [members]; -inf for one that failed."""
    centres: dict[Key, list[float]] = {}
    for row in evolution.evolve(shards, until, epoch=epoch):
        if row["fitness_centre"] is not None:
            centres.setdefault(key_of(row), []).append(row["fitness_centre"])
    states = {lineage.key: state for shard in shards for lineage, state in shard.everyone()}
    lived = [replace(member, state=states[member.lineage.key]) for member in members]
    means = [-np.inf if m.state.error else np.mean(centres.get(m.lineage.key, [-np.inf])) for m in lived]
    return lived, np.array(means, float)


def _replaced(plan: Plan, members: Sequence[Member], fitness: np.ndarray, epoch: int) -> list[Member]:
    """Returns the members of the next epoch."""
    following, size = list(members), len(members) // plan.config.seeds
    for first in range(0, len(members), size):
        task, population = members[first].lineage.task, members[first].lineage.seed
        ties = generator(plan.config.seed, "replacement", task, population, epoch).random(size)
        for worst, best in zip(*turnover(fitness[first : first + size], ties), strict=True):
            seed = derive(plan.config.seed, "mutation", task, population, epoch, int(worst))
            following[first + worst] = _offspring(plan, members[first + best], int(worst), seed)
    return following


def _offspring(plan: Plan, parent: Member, place: int, seed: int) -> Member:
    """Returns a member of the same prior; one whose mutation cuts all inputs off has its parent's wiring."""
    blueprint, architecture, state = parent.lineage.blueprint, parent.architecture, parent.state
    mutant = _mutated(plan, parent, seed)
    child = None if mutant is None else fit(blueprint, mutant)
    if mutant is not None and child is not None:
        source = sources(architecture, blueprint, mutant, child)
        fresh = child.draw(1, generator(seed, "fresh"))[0]
        state = inherit(state, source, fresh, child, plan.settings[parent.lineage.task])
        blueprint, architecture = child, mutant.architecture
    lineage = replace(
        parent.lineage,
        graph=place,
        member=place,
        blueprint=blueprint,
        graph_hash=architecture.content_hash,
    )
    return Member(lineage, state, architecture, parent.founder)


def _mutated(plan: Plan, parent: Member, seed: int) -> Mutant | None:
    """Returns a mutant of a member's wiring; None if its prior has no mutation, or nothing changed.

    Raises:
        EvaluationError: If the mutation fails in a way of its own.
    """
    genome = plan.priors[parent.lineage.genome]
    if genome.plugin.mutate is None:
        return None
    concerned = f"Mutating {genome.label}"
    try:
        mutant = genome.plugin.mutate(plan.connectome, parent.architecture, seed=seed, **genome.options)
    except NeuroevoError:
        raise
    except FOREIGN as error:
        raise EvaluationError(failure(concerned, error)) from error
    if not isinstance(mutant, Mutant):
        raise EvaluationError(f"{concerned} returned a {type(mutant).__name__}; wanted a Mutant.")
    is_same = mutant.architecture.content_hash == parent.architecture.content_hash
    return None if is_same else mutant


def _score(evolution: Evolution, shards: Sequence[ShardRun], members: Sequence[Member]) -> None:
    """Scores the members on held-out data."""
    founders = {member.lineage.key: member.founder for member in members}

    def columns(lineage: Lineage, _: State) -> ResultColumns:
        return {"population": lineage.seed, "founder": founders[lineage.key]}

    evolution.assess(shards, columns)


def _fixation(plan: Plan, members: Sequence[Member], num_rounds: int) -> dict[str, object]:
    """Returns what the manifest's `selection_record` says of a task."""
    names = list(plan.draws)
    labels = np.array([names.index(label) for label, _ in plan.founders(0)])
    founders = np.array([m.founder for m in members]).reshape(plan.config.seeds, -1)
    rng = generator(plan.config.seed, "drift", members[0].lineage.task)
    return fixation(names, labels, founders, num_rounds, rng).to_json()


def _row(member: Member) -> LineageRow:
    """Returns a member's identity, as the manifest has it."""
    task, genome, graph, seed = member.lineage.key
    return {"task": task, "genome": genome, "graph": graph, "seed": seed, "population": seed}


def _note(
    evolution: Evolution, members: Sequence[Member], epoch: int, generation: int, living: set[str]
) -> set[str]:
    """Writes the shares with which an epoch begins, and tells of priors that have died out since the last.

    Args:
        evolution: The run.
        members: The members of all populations.
        epoch: The epoch that begins.
        generation: The first generation of the epoch.
        living: Priors that had a member in the epoch before.

    Returns:
        Priors that have a member now.
    """
    plan, task = evolution.plan, members[0].lineage.task
    rows: list[EpochRow] = []
    for population in range(plan.config.seeds):
        counts = Counter(m.lineage.genome for m in members if m.lineage.seed == population)
        shares = {label: counts[label] / counts.total() for label in plan.draws}
        rows.append(
            {
                "task": task,
                "population": population,
                "epoch": epoch,
                "generation": generation,
                "shares": shares,
            }
        )
    evolution.writer.write_selection(rows)
    left = {member.lineage.genome for member in members}
    for label in (label for label in plan.draws if label in living - left):
        text = f"{task}, generation {generation}: {label} has died out in every population"
        evolution.watcher.event(text, (task, label))
    return left
