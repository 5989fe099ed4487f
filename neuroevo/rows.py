"""Rows of a run folder's files, column by column: what a run writes, and what a report can rely on.

Numbers are null where they are not finite. A column that not every run has is marked as not required.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict

from neuroevo.files import Row

SCORED = ("done", "early")  # statuses of lineages that have a held-out score
PROVISIONAL = ("unscored", "early")  # statuses of results that a later one of the same lineage replaces


class Identity(TypedDict):
    """A lineage, as every row names it.

    Attributes:
        task: Label of the task.
        genome: Label of the prior.
        graph: Number of the sample of the prior, from 0. In mixed populations, the number of the member.
        seed: Number of the replicate, from 0. In mixed populations, the number of the population.
    """

    task: str
    genome: str
    graph: int
    seed: int


class LineageRow(Identity):
    """A lineage as the manifest lists those that are planned.

    Attributes:
        role: Of a race: "race", or "confirmation" for a lineage evolved afresh after it from another seed.
        population: Of mixed populations: the number of the population, from 0.
    """

    role: NotRequired[str]
    population: NotRequired[int]


class MapEntry(TypedDict):
    """What a sample of a prior has of the connectome's map onto the body.

    Attributes:
        number: How many neuromuscular synapses the sample has.
        synapses: Share of the connectome's that it has.
        signs: Share that it has with their sign.
        strengths: Share that it has with their sign and their strength.
    """

    number: float
    synapses: float
    signs: float
    strengths: float


class GraphEntry(TypedDict, total=False):
    """A sample of a prior, as the manifest has it.

    Attributes:
        genome: Label of the prior.
        graph: Number of the sample, from 0.
        sha256: SHA-256 of the wiring, dead ends included.
        notes: What a reader of results must know of how the wiring came about, a sentence each.
        statistics: Figures of the wiring by name; null where one is undefined.
        body_map: What it has of the connectome's map onto the body; only where a task's body is driven by its
            own muscles.
    """

    genome: str
    graph: int
    sha256: str
    notes: Sequence[str]
    statistics: Mapping[str, float | None]
    body_map: MapEntry


class PriorEntry(TypedDict, total=False):
    """A prior, as the manifest has it.

    Attributes:
        name: Its name or import path.
        options: All its options.
        one_point: Whether it gives one wiring whatever the seed.
        core: What of the wiring evolves; "none" where there is no wiring that could.
    """

    name: str
    options: Mapping[str, bool | int | float | str | None]
    one_point: bool
    core: str


class FloorEntry(TypedDict):
    """The score of a task that takes no network.

    Attributes:
        score: The score.
        what: What has it, a phrase.
    """

    score: float
    what: str


class SensorsEntry(TypedDict):
    """What a readout of a task's sensors scores, without any network between.

    Attributes:
        seed: Number of the replicate, whose held-out data it is scored on.
        score: Held-out score; null where it is not finite.
    """

    seed: int
    score: float | None


class TaskEntry(TypedDict, total=False):
    """A task, as the manifest has it.

    Attributes:
        unit: Unit of the score; may be empty.
        fitness_unit: Unit of the fitness; may be empty.
        margin: Smallest difference of scores that matters; null where the request names none.
        ports: What sensors and actuators are, a sentence; left out where the task does not tell.
        muscles: True where the body is driven by the wiring's own muscles; left out where it is not.
        floor: The score that takes no network; left out where the task tells none.
        sensors: Scores of readouts of the sensors alone; left out where readouts are not solved.
        maximum: The highest score that there can be; left out where there is none, or it is not known.
        targets: True where right answers follow from what is sensed, so that what senses nothing, as a clock,
            is no control; left out where there are none.
    """

    unit: str
    fitness_unit: str
    margin: float | None
    ports: str
    muscles: bool
    floor: FloorEntry
    sensors: list[SensorsEntry]
    maximum: float
    targets: bool


class Origin(TypedDict, total=False):
    """Which program ran on what.

    Attributes:
        versions: Versions of Python and of packages, by name.
        commit: Commit of the checkout, with `+` if files were changed since; null outside git.
        platform: Name of the operating system and its version.
        device: "cpu" or "cuda".
        reproducible: How far results can be had again.
        device_name: Name of the GPU.
    """

    versions: dict[str, str]
    commit: str | None
    platform: str
    device: str
    reproducible: str
    device_name: str


class RequestEntry(TypedDict):
    """A request that a run has answered, as the manifest has it: the one it was begun with, or an extension.

    Attributes:
        sha256: SHA-256 of the request, see `seal.digest`.
        request: The resolved request, but for what results do not depend on.
        versions: Versions of Python and of packages, by name, when it was asked for.
        commit: Commit of the checkout then; null outside git.
        time: When it was asked for, in UTC, as ISO 8601 has it.
        is_longer: Whether its lineages search longer than those of the request before.
        unsealed: Whether earlier rows bear no mark, for a version that had no seals wrote them.
    """

    sha256: str
    request: Row
    versions: NotRequired[dict[str, str]]
    commit: NotRequired[str | None]
    time: NotRequired[str]
    is_longer: NotRequired[bool]
    unsealed: NotRequired[bool]


class PlanEntry(TypedDict):
    """The plan of a run that goes on until it is decided, as the manifest has it.

    Attributes:
        sha256: SHA-256 of the plan, see `seal.digest`.
        plan: The request but for its sizes, the budget, and every look with its seeds, graphs, lineages,
            level and the SHA-256 of the request that it answers.
    """

    sha256: str
    plan: Row


class LookEntry(TypedDict):
    """A look that was taken, as the manifest has it.

    Attributes:
        seeds: Replicates of every architecture.
        graphs: Samples of every prior.
        level: Error that its tests could spend.
        comparisons: By task, a row a pair: labels a and b, difference, p_holm, p_equivalence_holm, verdict.
    """

    seeds: int
    graphs: int
    level: float
    comparisons: dict[str, list[Row]]


class LooksEntry(TypedDict):
    """How far a run that goes on until it is decided has come, as the manifest has it.

    Attributes:
        taken: The looks that were taken, in order.
        ended: "decided" or "budget"; null before the end.
    """

    taken: list[LookEntry]
    ended: str | None


class FixationEntry(TypedDict, total=False):
    """How far one prior spread in mixed populations: `referee.drift.Fixation`, whose fields these are."""

    start_share: float
    mean_final_share: float
    fixed: int
    of: int
    p: float | None
    p_drift: float | None
    p_founders: float | None
    p_holm: float | None


class SpreadEntry(TypedDict, total=False):
    """How mixed populations of a task ended, as the manifest has it.

    Attributes:
        fixation: How far each prior spread, by label.
        winner: Label of the prior that spread beyond chance; null where none did.
    """

    fixation: Mapping[str, FixationEntry]
    winner: str | None


class ConfigRow(TypedDict, total=False):
    """What a report reads of config.toml, whichever version wrote it; see `experiment.config`."""

    genome: list[str]
    task: list[str]
    track: list[str]
    margin: list[str] | float
    connectome: str
    inputs: str
    outputs: str
    neuron: str
    adapter: str
    search: str
    selection: str
    device: str
    address: str
    per_worker: str
    tuning: str
    seeds: int
    graphs: int
    generations: int
    evaluations: int
    population: int
    episodes: int
    workers: int
    deadline: float
    seed: int
    budgets: Mapping[str, Mapping[str, int]]
    searches: Mapping[str, str]
    until: str
    budget: str
    looks: list[Mapping[str, int | float]]


class ConnectomeEntry(TypedDict, total=False):
    """What a manifest says of the source wiring.

    Attributes:
        name: Its name.
        sha256: Its fingerprint.
        edges: "undirected", where edges have no direction.
        read: What was read of it and what was not, a sentence each; of a wiring from a file.
        files: SHA-256 of each table that was read, by name.
    """

    name: str
    sha256: str
    edges: str
    read: list[str]
    files: dict[str, str]


class Manifest(Origin, total=False):
    """What manifest.json holds; a run that an earlier version wrote may lack any of it.

    Attributes:
        schema: Version of the form.
        status: "running", "done", "failed" or "interrupted".
        command: The command line; empty where there was none.
        workers: How many workers there were at the start; null for all that a cluster has room for.
        connectome: The source wiring.
        graphs: Samples of priors.
        priors: Priors by label.
        data: SHA-256 of data by name, by label of the task.
        tasks: Tasks by label.
        lineages: Lineages that are planned.
        requests: Requests that the run has answered, the newest last.
        extending: While an extension is written, the `config` that is to come and its `signature`, else null.
        rows: Length and SHA-256 of each file of rows when the run ended, by name.
        resumed: Of each time that the run was resumed, number of workers, versions and commit.
        tracker_failures: A sentence for each tracker that was switched off.
        wall_seconds: Time that the run took, all its parts together, in s.
        selection_record: How mixed populations ended, by task.
        plan: The looks of a run until decided, sealed before its first evaluation.
        looks: What came of them so far.
        signature: That of the request, see `trust`; absent where nothing needs one.
    """

    schema: int
    status: str
    command: list[str]
    workers: int | None
    connectome: ConnectomeEntry
    graphs: list[GraphEntry]
    priors: dict[str, PriorEntry]
    data: dict[str, dict[str, str]]
    tasks: dict[str, TaskEntry]
    lineages: list[LineageRow]
    requests: list[RequestEntry]
    extending: dict[str, str] | None
    rows: dict[str, Row]
    resumed: list[dict[str, object]]
    tracker_failures: list[str]
    wall_seconds: float
    selection_record: dict[str, SpreadEntry]
    plan: PlanEntry
    looks: LooksEntry


class MetricsRow(TypedDict):
    """A lineage after one generation: a line of metrics.jsonl.

    Attributes:
        task: Label of the task.
        genome: Label of the prior.
        graph: Number of the sample of the prior, from 0.
        seed: Number of the replicate, from 0.
        generation: The generation, from 0.
        fitness_mean: Mean over the genomes whose fitness is finite, in the task's unit of fitness.
        fitness_best: The largest of these.
        fitness_centre: Fitness of the search's centre.
        evaluations: Genomes evaluated since the lineage's start, this generation included. An offspring's in
            a mixed population count on from its parent's.
        seconds: Time that the generation took, the lineage's share of its shard's, in s.
        failures: Genomes of this generation whose fitness is not finite.
        epoch: Of mixed populations: the epoch, from 0.
    """

    task: str
    genome: str
    graph: int
    seed: int
    generation: int
    fitness_mean: float | None
    fitness_best: float | None
    fitness_centre: float | None
    evaluations: int
    seconds: float
    failures: int
    epoch: NotRequired[int]


class Activity(TypedDict):
    """How active a trained network is on one generation's episodes.

    Attributes:
        mean_abs: Mean absolute activity, in the neuron model's unit; null of a clock, which has no cells.
        saturated: Whether half of the activities or more are beyond the model's bound.
        silent: Whether the mean is below what the model counts as silent.
    """

    mean_abs: float | None
    saturated: bool
    silent: bool


class Scores(TypedDict):
    """What `assessment` finds of a lineage on held-out data, in the task's unit.

    Attributes:
        score: Of the trained genome; null where it was not scored, or is not finite.
        episode_scores: Of the trained genome on each held-out episode or image; null where there are more
            than `run_folder.MAX_EPISODE_SCORES`, or none.
        untrained_score: Mean over genomes as they are drawn; null if none is finite.
        tuned_score: Mean over some of these with two shared factors; null also where the core does not
            evolve, or has no synapses.
        tuned_factors: The factors, at least 0, by "excitatory" and "inhibitory"; null where there are none.
        tuning_evaluations: Genomes compared to find the factors; they are not among `evaluations`.
        activity: How active the trained network is; null where it was not assessed.
        scoring_evaluations: Genomes evaluated for all of this, held out or not; they are not among
            `evaluations`. Genomes that are equal are evaluated once.
        gain: Of a sweep of gains alone: the one that suited the lineage best on held-back training data.
        gain_scores: Of a sweep alone: the score at each gain, by the gain; null where it is not finite.
        score_fault: Of a score that is not finite alone: where the trained genome left the finite numbers, in
            the task or in a cell.
    """

    score: float | None
    episode_scores: list[float | None] | None
    untrained_score: float | None
    tuned_score: float | None
    tuned_factors: dict[str, float] | None
    tuning_evaluations: int
    activity: Activity | None
    scoring_evaluations: NotRequired[int]
    gain: NotRequired[float]
    gain_scores: NotRequired[dict[str, float | None]]
    score_fault: NotRequired[str]


class ResultColumns(TypedDict, total=False):
    """Columns of results.jsonl that not every result has.

    Attributes:
        role: Of a race: "race", or "confirmation". Confirmations alone enter the final comparison.
        generations: Of a race, and of a lineage that was scored early: how many generations it had.
        population: Of mixed populations: the population, which is the seed.
        founder: Of mixed populations: the number of the founder that the member descends from. Rows are the
            members of the last epoch.
        reached: Of a run with a target: the "generation" in which the lineage's centre had that fitness, and
            its "evaluations" until then; null where it never had.
    """

    role: str
    generations: int
    population: int
    founder: int
    reached: dict[str, int] | None


class ResultRow(Scores, ResultColumns):
    """A lineage at its end: a line of results.jsonl.

    Attributes:
        task: Label of the task.
        genome: Label of the prior.
        graph: Number of the sample of the prior, from 0. In mixed populations, the number of the member.
        graph_hash: SHA-256 of the wiring, dead ends included.
        seed: Number of the replicate, from 0.
        parameters: How many parameters evolve, by "core" and "adapters"; "fixed_adapters" counts those of
            adapters that do not evolve, "fixed_biases" those of a core that does not; of a readout that is
            solved, "features" are the numbers that it reads, and "solved" its weights, one a feature and one
            more for every target.
        evaluations: Genomes evaluated since the lineage's start.
        status: "done"; "failed", where the score or all fitness is not finite; "censored", where a race
            dropped the prior; or "raced", where it stayed in the race to the end. The last two have no score.
            Two may be replaced by a later row: "unscored", where the search is done and there is no score
            yet, and "early", where the search was stopped and its state of then was scored.
        failures: Genomes whose fitness was not finite, among `evaluations`.
        blowup: Where the first genome that failed left the finite numbers, in the task or in a cell; null
            where none did.
        error: Why the lineage was lost, or could not be scored, with a traceback; null where there is
            nothing to say, or an unscored lineage is to be scored later.
        gains: Gains of the operating range, by kind of current.
    """

    task: str
    genome: str
    graph: int
    graph_hash: str
    seed: int
    parameters: dict[str, int]
    evaluations: int
    status: str
    failures: int
    blowup: str | None
    error: str | None
    gains: dict[str, float]


class RungDecision(TypedDict):
    """What a rung of a race decides of a prior.

    Attributes:
        genome: Label of the prior.
        lineages: How many of its lineages have a fitness.
        fitness: Mean fitness of their centres since the rung before; null if there is none.
        against: The leader; null of the leader itself.
        difference: Its fitness less the leader's; null where nothing can be said.
        p: One-sided p-value of the difference, in [0, 1]; null where nothing can be said.
        level: Level that p is held against, in (0, 1).
        dropped: Whether the prior is out of the race.
    """

    genome: str
    lineages: int
    fitness: float | None
    against: str | None
    difference: float | None
    p: float | None
    level: float
    dropped: bool


class RungRow(RungDecision):
    """A prior at a rung of a race: a line of selection.jsonl.

    Attributes:
        task: Label of the task.
        rung: Number of the rung, from 1.
        generation: Generations behind the rung.
    """

    task: str
    rung: int
    generation: int


class ConfirmationRow(TypedDict):
    """The end of a race: a line of selection.jsonl.

    Attributes:
        task: Label of the task.
        event: "confirmation".
        genomes: Labels of the priors that are left.
        seeds: The first and the last of the fresh seeds.
        budget: Evaluations by "race", "confirmation" and "tournament".
        evaluations_saved: What a tournament of the same request costs beyond race and confirmation.
    """

    task: str
    event: Literal["confirmation"]
    genomes: list[str]
    seeds: list[int]
    budget: dict[str, int]
    evaluations_saved: int


class EpochRow(TypedDict):
    """A mixed population at the beginning of an epoch: a line of selection.jsonl.

    Attributes:
        task: Label of the task.
        population: Number of the population, from 0.
        epoch: The epoch, from 0.
        generation: Its first generation.
        shares: Share of members by prior, in [0, 1]; those of the last epoch are final.
    """

    task: str
    population: int
    epoch: int
    generation: int
    shares: dict[str, float]


SelectionRow = RungRow | ConfirmationRow | EpochRow
