"""What a report holds: the run, and for each task its genomes, comparisons and verdict.

The objects are frozen. `Report.to_json` returns what report.json holds, and renderers read the attributes.
report.json writes the fields of an object under their names and in their order, except where the object has
`entries` of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING

from neuroevo.report.planned import LooksReport, PairLooks, SealReport

if TYPE_CHECKING:  # renderers need no SciPy, which the referee does
    from _typeshed import DataclassInstance

    from neuroevo.referee.attribution import Attribution
    from neuroevo.referee.estimators import Interval
    from neuroevo.referee.learning_curves import TimeToThreshold
    from neuroevo.referee.outcome import Comparison, Decision, Verdict
    from neuroevo.referee.sphinx import Sphinx
    from neuroevo.referee.spread import Fixation

SCHEMA = 2


@dataclass(frozen=True)
class Measure:
    """An interquartile mean over lineages with its interval.

    Attributes:
        iqm: The mean; None where there is no figure.
        ci95: 95 % interval; None where there is too little, or members of a population are kin.
        extremes: The lowest and the highest figure; None where there is none.
    """

    iqm: float | None
    ci95: Interval | None
    extremes: Interval | None = None


@dataclass(frozen=True)
class Parameters:
    """Numbers of parameters that evolve in the median lineage of a genome.

    Attributes:
        core: Those of the wiring.
        core_range: Smallest and largest number, where graphs differ in size.
        adapters: Those of the maps from sensors and to actuators.
        adapters_range: Smallest and largest number, where graphs differ in size.
        solved: Weights of a readout that is solved, which do not evolve; None where there is none.
        solved_range: Smallest and largest number, where graphs differ in size.
        features: How many numbers the readout reads; None where there is none.
        features_range: Smallest and largest number, where graphs differ in size.
    """

    core: int | None = None
    core_range: tuple[int, int] | None = None
    adapters: int | None = None
    adapters_range: tuple[int, int] | None = None
    solved: int | None = None
    solved_range: tuple[int, int] | None = None
    features: int | None = None
    features_range: tuple[int, int] | None = None

    def entries(self) -> dict[str, object]:
        """Returns the numbers; ranges, and those of a readout, only where there are any."""
        numbers = _fields(self)
        return {name: x for name, x in numbers.items() if x is not None or name in ("core", "adapters")}


@dataclass(frozen=True)
class GenomeReport:
    """One genome on one task.

    Attributes:
        label: Label of the genome.
        score: Held-out score.
        num_graphs: Number of graphs that were planned.
        num_seeds: Number of seeds that were planned.
        num_lineages: Number of lineages with a score.
        one_point: True if all samples of the prior are one wiring; None if not known.
        is_control: True for a genome without a wiring, or whose wiring does not evolve.
        parameters: Numbers of parameters.
        evaluations: Evaluations of the median lineage.
        untrained: Score of genomes as drawn.
        tuned: Score with two factors chosen for all synapses; None where it was not measured.
        auc: Learning area: mean fitness over generations.
        to_threshold: How long lineages took to the task's threshold; None where it has none.
        status: "extinct" if no mixed population has a member of it any more; "incomplete" if a lineage has no
            result, else the first of "unscored", "early", "failed" and "censored" that one is, else "done".
        failures: Evaluations without a finite fitness, over all lineages.
        saturated: Number of lineages whose cells are saturated.
        silent: Number of lineages whose cells are silent.
        at_gains: Of a sweep of gains: interquartile means of scores, by the gain; None where there was none.
        scoring_evaluations: Evaluations that scoring the median lineage took, which are not among
            `evaluations`; None where it is not known.
    """

    label: str
    score: Measure
    num_graphs: int
    num_seeds: int
    num_lineages: int
    one_point: bool | None
    is_control: bool
    parameters: Parameters
    evaluations: int | None
    untrained: Measure
    tuned: Measure | None
    auc: Measure
    to_threshold: TimeToThreshold | None
    status: str
    failures: int
    saturated: int
    silent: int
    scoring_evaluations: int | None = None
    at_gains: dict[str, float | None] | None = None

    def entries(self) -> dict[str, object]:
        """Returns the fields, those of the score among them."""
        rest = _fields(self)
        del rest["label"], rest["score"]
        if self.at_gains is None:
            del rest["at_gains"]
        return {"genome": self.label, **_fields(self.score), **rest}


@dataclass(frozen=True)
class DosePoint:
    """The score of one genome of a series in which a prior's dose of rewiring varies.

    Attributes:
        genome: Label of the genome.
        iqm: Interquartile mean of its score; None where there is no score.
        ci95: 95 % interval of it.
        rewired: Share of the connections that are rewired, in [0, 1].
    """

    genome: str
    iqm: float | None
    ci95: Interval | None
    rewired: float


@dataclass(frozen=True)
class Dose:
    """Genomes of one prior that differ in how much is rewired, and in nothing else.

    Attributes:
        prior: Name of the prior.
        points: The genomes, from the smallest dose to the largest.
    """

    prior: str
    points: tuple[DosePoint, ...]


@dataclass(frozen=True)
class Spread:
    """A statistic over the graphs of a genome.

    Attributes:
        mean: Mean over graphs; None where it is not a number.
        std: Standard deviation over graphs.
    """

    mean: float | None
    std: float | None


@dataclass(frozen=True)
class GraphStatistics:
    """Statistics of the graphs of a genome.

    Attributes:
        genome: Label of the genome.
        num_graphs: Number of graphs.
        statistics: Each statistic by name; None where no graph has it.
    """

    genome: str
    num_graphs: int
    statistics: Mapping[str, Spread | None]

    def entries(self) -> dict[str, object]:
        """Returns the fields, and each statistic beside them."""
        return {"genome": self.genome, "num_graphs": self.num_graphs, **self.statistics}


@dataclass(frozen=True)
class GenomeMap:
    """What a genome's wirings have of the connectome's map onto the body, in the mean of its graphs.

    Attributes:
        genome: Label of the genome.
        synapses: Share of the connectome's neuromuscular synapses that they have.
        signs: Share that they have with their sign.
        strengths: Share that they have with their sign and their strength; 1: the map is kept.
        text: The same in a few words.
    """

    genome: str
    synapses: float
    signs: float
    strengths: float
    text: str


@dataclass(frozen=True)
class Worth:
    """A difference of two mean scores, as the comparison of their genomes has it.

    Attributes:
        difference: The difference.
        ci95: 95 % interval of it; None where it was not tested, as for p.
        p_holm: p of no difference, corrected for all comparisons of the run.
    """

    difference: float
    ci95: Interval | None
    p_holm: float | None


@dataclass(frozen=True)
class MapTwins:
    """Two genomes of one prior that differ in the map onto the body: one has it rewired, one has it kept.

    Attributes:
        prior: Name of the prior.
        rewired: Label of the genome whose map is rewired.
        keeping: Label of the genome whose map is the connectome's.
        map: What the map is worth: the score with it, less that without.
        circuit: What the rest is worth: the score of the connectome, less that of the null with its map; None
            where the connectome itself was not run.
    """

    prior: str
    rewired: str
    keeping: str
    map: Worth
    circuit: Worth | None


@dataclass(frozen=True)
class BodyMap:
    """The map onto the body, where this is driven by the wiring's own muscles.

    Attributes:
        genomes: What each genome's wirings have of it; one of which nothing is known is left out.
        twins: Nulls with the map rewired beside the same with it kept.
    """

    genomes: tuple[GenomeMap, ...]
    twins: tuple[MapTwins, ...]


@dataclass(frozen=True)
class Rung:
    """What a rung of a race decided of one genome: a row of selection.jsonl.

    Attributes:
        task: Label of the task.
        rung: Number of the rung, from 1 on.
        generation: Generation at which it was held.
        genome: Label of the genome.
        lineages: Number of its lineages.
        fitness: Their mean fitness; None where it has none.
        against: Label of the leader; None for the leader itself.
        difference: Mean fitness of the genome less that of the leader.
        p: One-sided p of being no worse than the leader.
        level: Level of the test.
        dropped: True if the genome leaves the race.
    """

    task: str
    rung: int
    generation: int
    genome: str
    lineages: int
    fitness: float | None = None
    against: str | None = None
    difference: float | None = None
    p: float | None = None
    level: float | None = None
    dropped: bool = False


@dataclass(frozen=True)
class Confirmation:
    """How the survivors of a race were confirmed: a row of selection.jsonl.

    Attributes:
        task: Label of the task.
        event: "confirmation".
        genomes: Labels of the survivors.
        seeds: First and last of the fresh seeds.
        budget: Evaluations of the race, of the confirmation and of a tournament.
        evaluations_saved: What a tournament would have cost beyond race and confirmation.
    """

    task: str
    event: str
    genomes: tuple[str, ...]
    seeds: tuple[int, int]
    budget: Mapping[str, int] | None = None
    evaluations_saved: int | None = None


@dataclass(frozen=True)
class Race:
    """What a race did.

    Attributes:
        kind: "race".
        rungs: A row a genome a rung, in the order of the race.
        confirmation: How its survivors were confirmed; None before its end.
    """

    kind: str
    rungs: tuple[Rung, ...]
    confirmation: Confirmation | None


@dataclass(frozen=True)
class MixedPopulations:
    """What mixed populations did.

    Attributes:
        kind: "mixed".
        populations: Number of populations.
        epochs: Epochs of which shares are known.
        shares: Share of the members by genome, population and epoch; None where it is not known.
        fixation: How far each prior spread, by genome; None before the end.
        winner: Label of the prior that spread beyond chance, if there is one.
    """

    kind: str
    populations: int
    epochs: tuple[int, ...]
    shares: Mapping[str, tuple[tuple[float | None, ...], ...]]
    fixation: Mapping[str, Fixation] | None
    winner: str | None


@dataclass(frozen=True)
class TaskReport:
    """One task.

    Attributes:
        label: Label of the task.
        unit: Unit of the score; may be empty.
        fitness_unit: Unit of the fitness; may be empty.
        learning_from: "fitness_centre" or "fitness_mean": what learning is read from.
        margin: Smallest difference of scores that matters; None where the request names none.
        verdict: What is decided.
        notes: Sentences that a reader of the scores must know.
        genomes: The genomes, in the order of the request.
        comparisons: All pairs of genomes that have scores; none of mixed populations.
        doses: Series of genomes that differ in their dose of rewiring.
        graphs: Statistics of the graphs of each genome.
        selection: What a race or mixed populations did; None for a tournament.
        cost: A sentence on what a lineage cost; "" where it is not known.
        ports: What sensors and actuators are; empty where the task does not tell.
        readout: What readouts that are solved read of a genome; empty where there are none.
        body_map: What wirings have of the connectome's map onto the body; None where no muscles drive it.
        sphinx: What share of the leader's score each other genome reaches; None where there is nothing to
            compare it with.
        attribution: What each part of the wiring carries of the score, and of the tuned and the untrained one
            where these are others; empty where the genomes are no knock-outs and transplants.
        looks: Every pair of genomes at each look at a run until decided; none of other runs.
    """

    label: str
    unit: str
    fitness_unit: str
    learning_from: str
    margin: float | None
    verdict: Verdict
    notes: tuple[str, ...]
    genomes: tuple[GenomeReport, ...]
    comparisons: tuple[Comparison, ...]
    doses: tuple[Dose, ...]
    graphs: tuple[GraphStatistics, ...]
    selection: Race | MixedPopulations | None
    cost: str = ""
    ports: str = ""
    readout: str = ""
    body_map: BodyMap | None = None
    sphinx: Sphinx | None = None
    attribution: tuple[Attribution, ...] = ()
    looks: tuple[PairLooks, ...] = ()

    def entries(self) -> dict[str, object]:
        """Returns the fields, those of the verdict among them; some of them only where they are told."""
        rest = _fields(self)
        del rest["label"]
        for name in ("ports", "readout", "body_map", "sphinx", "attribution", "looks"):
            if not rest[name]:
                del rest[name]
        before = {name: rest.pop(name) for name in ("unit", "fitness_unit", "learning_from", "margin")}
        del rest["verdict"]
        verdict = _fields(self.verdict)
        order = ["winner", "reasons", "power", "ends_alike", "sentence"]
        if isinstance(self.selection, MixedPopulations):  # has always been written in this order
            order = ["winner", "power", "reasons", "ends_alike", "sentence"]
        return {**before, "verdict": verdict["decision"], **{name: verdict[name] for name in order}, **rest}


@dataclass(frozen=True)
class LineageCounts:
    """How many lineages a run planned, and how they ended.

    Attributes:
        planned: All lineages of the request.
        done: Those that ended well.
        failed: Those whose score or fitness is not finite.
        censored: Those that a race dropped.
        missing: Those without a result.
        unscored: Those that could not be scored, or are to be scored later.
        early: Those that were scored before the end of their search.
    """

    planned: int
    done: int = 0
    failed: int = 0
    censored: int = 0
    missing: int = 0
    unscored: int = 0
    early: int = 0


@dataclass(frozen=True)
class RunReport:
    """The run as a whole, or several runs that answer one request.

    Attributes:
        name: Names of the folders, joined.
        names: Names of the folders.
        verdict: The first of "winner", "no winner", "exploratory", "attribution", "nothing" that a task has.
        sentence: The verdict in words.
        alpha: Error rate of the tests.
        selection: "tournament", "race" or "mixed"; "unknown" of scores that another program wrote.
        command: Command lines, joined; None where not known.
        lineages: How the lineages ended.
        missing: Sentences on what is missing.
        notes: Sentences that a reader must know.
        commit: Commit of the program; None where not known, as are those that follow.
        device: Device that networks ran on.
        platform: Operating system.
        workers: Number of workers.
        wall_seconds: Wall time, in seconds.
        connectome: Name and hash of the wiring.
        data: Hashes of the data of each task.
        versions: Versions of the packages.
        config: The resolved request.
        question: What the run asks, in one sentence: the title of its report.
        author: Who made the report, as told; "" where nobody said.
        date: The day on which the run was asked for, or the latest of several; "" where not known.
        seals: SHA-256 of the request of each run, as it was sealed.
        sealed: What was sealed before the first evaluation, of each folder that bears a seal.
        looks: The looks at a run that goes on until it is decided; None of other runs.
    """

    name: str
    names: tuple[str, ...]
    verdict: Decision
    sentence: str
    alpha: float
    selection: str
    command: str | None
    lineages: LineageCounts
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    commit: str | None
    device: str | None
    platform: str | None
    workers: int | None
    wall_seconds: float | None
    connectome: Mapping[str, object] | None
    data: Mapping[str, object] | None
    versions: Mapping[str, object] | None
    config: Mapping[str, object]
    question: str = ""
    author: str = ""
    date: str = ""
    seals: tuple[str, ...] = ()
    sealed: tuple[SealReport, ...] = ()
    looks: LooksReport | None = None

    def entries(self) -> dict[str, object]:
        """Returns the fields; the looks only where there are any."""
        entries = _fields(self)
        if self.looks is None:
            del entries["looks"]
        return entries


@dataclass(frozen=True)
class Report:
    """The report of a run, or of several that answer one request.

    Attributes:
        run: The run as a whole.
        tasks: Its tasks by label, in the order of the request.
    """

    run: RunReport
    tasks: Mapping[str, TaskReport]

    def __str__(self) -> str:
        """The verdict of the run, and that of each task where there are several."""
        several = [task.verdict.sentence for task in self.tasks.values()] if len(self.tasks) > 1 else []
        return "\n".join([self.run.sentence, *several])

    def to_json(self) -> dict[str, object]:
        """Returns what report.json holds, as plain types."""
        return {"schema": SCHEMA, **plain(self)}


def plain(part: DataclassInstance) -> dict[str, object]:
    """Returns an object of a report as plain types, as report.json writes it.

    Args:
        part: One of the objects above, or one of the referee's that they hold.
    """
    if isinstance(part, Parameters | GenomeReport | GraphStatistics | TaskReport | RunReport):
        entries = part.entries()
    else:
        entries = _fields(part)
    return {name: _plain(value) for name, value in entries.items()}


def _plain(value: object) -> object:
    """Returns what an object of a report holds as plain types."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _fields(value: DataclassInstance) -> dict[str, object]:
    """Returns the fields of a dataclass by name, in their order."""
    return {field.name: getattr(value, field.name) for field in fields(value)}
