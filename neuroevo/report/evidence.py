"""Evidence: what run folders hold, arranged by task and genome for the referee.

Several tournaments can be read as one, if they answer one request but for the genomes, graphs and seeds.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from neuroevo.errors import RunError
from neuroevo.files import Row
from neuroevo.forms import BOUNDLESS, MOST, Form
from neuroevo.plugins import Scalar
from neuroevo.referee.estimators import Scores
from neuroevo.referee.facts import TaskFacts
from neuroevo.referee.learning_curves import Curve, Track, learning_curve
from neuroevo.referee.spread import Fixation
from neuroevo.report.joining import DEFAULTS, MEANS, by_label, require_one_request, require_one_wiring
from neuroevo.report.planned import SealReport, sealed
from neuroevo.rows import (
    PROVISIONAL,
    SCORED,
    ConfirmationRow,
    EpochRow,
    FixationEntry,
    GraphEntry,
    Manifest,
    PriorEntry,
    RequestEntry,
    RungRow,
    SpreadEntry,
    TaskEntry,
)
from neuroevo.run_folder import SELECTION, Key, RunFolder, key_of
from neuroevo.text import count

Point = tuple[float, float | None, float | None]  # evaluations, fitness of the centre, mean fitness
RACE = "race"  # role of lineages that were raced and do not enter the comparison

ORIGIN = ("commit", "versions", "device")  # equal requests may differ in result where these differ

EVENT_FORMS = {  # rows of selection.jsonl by a key that they alone have
    "event": Form((ConfirmationRow,), is_complete=True),
    "epoch": Form((EpochRow,), is_complete=True),
    "rung": Form((RungRow,), is_complete=True),
}


@dataclass(frozen=True)
class PriorFacts:
    """What the manifest says of a genome's prior.

    Attributes:
        name: Name of the prior; None where nothing is said.
        options: All options of the prior.
        one_point: True if all samples of the prior are one wiring; None if not known.
        core: "evolves", "frozen", "clock" or "none"; None if not known.
    """

    name: str | None
    options: Mapping[str, Scalar]
    one_point: bool | None
    core: str | None


@dataclass(frozen=True)
class GenomeEvidence:
    """What runs hold of one genome on one task.

    Attributes:
        label: Label of the genome.
        lineages: Planned lineages that the comparison is about, in the order of the request.
        results: Results of those lineages that have one.
        tracks: Evaluations and fitness by generation of the lineages that did not fail.
        prior: What the manifest says of the prior.
        graphs: What the manifest says of each graph of the prior.
        is_extinct: Whether no mixed population has a member of the prior any more.
    """

    label: str
    lineages: tuple[Key, ...]
    results: Mapping[Key, Row]
    tracks: Mapping[Key, Track]
    prior: PriorFacts
    graphs: tuple[GraphEntry, ...]
    is_extinct: bool = False

    @property
    def rows(self) -> list[Row]:
        """The results, in the order of the lineages."""
        return list(self.results.values())

    @property
    def status(self) -> list[str | None]:
        """How each lineage ended; None for one without a result."""
        return [self.results[key]["status"] if key in self.results else None for key in self.lineages]

    def done(self, column: str = "score") -> Scores:
        """Returns a figure of each lineage that ended well or was scored early, where it is finite.

        Args:
            column: The column of the results: "score", "untrained_score" or "tuned_score".
        """
        return {
            key[2:]: float(row[column])
            for key, row in self.results.items()
            if row["status"] in SCORED and row["score"] is not None and row.get(column) is not None
        }


@dataclass(frozen=True)
class TaskEvidence:
    """What runs hold of one task.

    Attributes:
        label: Label of the task.
        unit: Unit of the score; may be empty.
        fitness_unit: Unit of the fitness; may be empty.
        margin: Smallest difference of scores that matters; None where the request names none.
        learning_from: Column of the metrics that learning is read from.
        genomes: The genomes, in the order of the request.
        events: Rows of selection.jsonl: what a race decided, or how mixed populations stood.
        fixations: How far each prior spread in mixed populations; empty before their end.
        favoured: Label of the prior that spread beyond chance, if there is one.
        ports: What sensors and actuators are; may be empty.
        has_muscles: Whether the body is driven by the wiring's own muscles.
        floor: The score that takes no network, and what has it; None where the task tells none.
        sensors: Scores of readouts of the task's sensors, by (0, seed); empty where there are none.
        maximum: The highest score that there can be; None where there is none, or it is not known.
        has_targets: Whether right answers follow from what is sensed, so that a clock is no control.
    """

    label: str
    unit: str
    fitness_unit: str
    margin: float | None
    learning_from: str
    genomes: tuple[GenomeEvidence, ...]
    events: tuple[Row, ...]
    fixations: Mapping[str, Fixation]
    favoured: str | None
    ports: str = ""
    has_muscles: bool = False
    floor: tuple[float, str] | None = None
    sensors: Scores = field(default_factory=dict)
    maximum: float | None = None
    has_targets: bool = False

    @property
    def facts(self) -> TaskFacts:
        """What the referee is told of the task."""
        return TaskFacts(self.unit, self.margin, self.maximum, has_targets=self.has_targets)

    def curves(self) -> dict[str, Curve]:
        """Returns the learning curve of each genome that has one; lineages that failed are left out."""
        curves = {genome.label: learning_curve(list(genome.tracks.values())) for genome in self.genomes}
        return {label: curve for label, curve in curves.items() if curve}


@dataclass(frozen=True)
class Evidence:
    """What one run holds, or several that answer one request.

    Attributes:
        names: Names of the folders.
        manifest: The manifest; of several runs, put together.
        config: The resolved request; of several runs, the first one's, with the genomes of all.
        commands: Command line of each run, where known.
        tasks: The tasks by label, in the order of the request.
        planned: All planned lineages, in the order of the request.
        results: Results by lineage.
        ended: Sentences about how runs ended and about lines that they left half written.
        notes: Sentences about what the runs differ in.
        seals: SHA-256 of the newest request of each run that is sealed.
        dates: The day on which each was asked for, as ISO 8601 has it, where known.
        sealed: What was sealed before the first evaluation of each run that bears a seal.
    """

    names: tuple[str, ...]
    manifest: Manifest
    config: Row
    commands: tuple[str, ...]
    tasks: Mapping[str, TaskEvidence]
    planned: tuple[Key, ...]
    results: Mapping[Key, Row]
    ended: tuple[str, ...]
    notes: tuple[str, ...]
    seals: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    sealed: tuple[SealReport, ...] = ()

    @property
    def selection(self) -> str:
        """How the run dealt evaluations to priors: "tournament", "race" or "mixed"; "unknown" of others."""
        return str(self.config.get("selection", DEFAULTS["selection"]))


def gather(runs: Sequence[RunFolder]) -> Evidence:
    """Returns the evidence of one run, or of several tournaments that answer one request.

    Args:
        runs: The folders; at least one.

    Raises:
        RunError: If a record is damaged, or the runs do not belong together; it names the difference.
    """
    if not runs:
        raise RunError("No run given; name one run folder or more.")
    paths = [run.path.resolve() for run in runs]
    for path in paths:
        if paths.count(path) > 1:
            raise RunError(f"{path.name} is given twice; name each run once.")
    names = [path.name for path in paths]
    manifests, configs = [run.manifest() for run in runs], [run.config() for run in runs]
    require_one_request(names, configs)
    require_one_wiring(names, manifests)
    manifest, config = _merged(manifests, configs)
    notes = [*_meanings(configs), *_differences(names, manifests)]
    notes += [note for one in manifests for note in (*_resumed(one), *(one.get("tracker_failures") or []))]
    # Before the metrics are in memory, since it reads whole files.
    ended = tuple(text for run in runs for text in _ended(run, alone=len(runs) == 1))
    beyond: Counter[Key] = Counter()  # figures that are too large to compute with, by lineage
    results, metrics = _results(runs, beyond), _metrics(runs, beyond)
    notes += _too_large(beyond)
    is_mixed = config.get("selection") == "mixed"
    # Members of mixed populations that made room have metrics, but are not of the outcome.
    planned = dict.fromkeys([*_planned(manifest), *(() if is_mixed else metrics), *results])
    events = [row for run in runs for row in _events(run)]
    return Evidence(
        names=tuple(names),
        manifest=manifest,
        config=config,
        commands=tuple(command for one in manifests if (command := _command(one))),
        tasks=_tasks(tuple(planned), results, metrics, manifest, events, is_mixed),
        planned=tuple(planned),
        results=results,
        ended=ended,
        notes=tuple(notes),
        seals=tuple(x["sha256"] for x in _newest(manifests)),
        dates=tuple(time[:10] for x in _newest(manifests) if (time := x.get("time"))),
        sealed=tuple(x for name, one in zip(names, manifests, strict=True) if (x := sealed(name, one))),
    )


def _newest(manifests: Sequence[Manifest]) -> list[RequestEntry]:
    """Returns the newest request of each run that has any; a version that had no seals wrote none."""
    return [requests[-1] for one in manifests if (requests := one.get("requests"))]


def _results(runs: Sequence[RunFolder], beyond: Counter[Key]) -> dict[Key, Row]:
    """Returns the results of runs by lineage; one that two runs hold must be the same in both.

    Figures that are too large to compute with are left out, and counted.
    """
    results: dict[Key, Row] = {}
    for run in runs:
        for row in run.results():
            key = key_of(row)
            if results.get(key, row)["status"] in PROVISIONAL:
                results.pop(key, None)
            other = results.setdefault(key, {**row})
            if row["status"] not in PROVISIONAL and other["score"] != row["score"]:
                task, genome, graph, seed = key
                raise RunError(
                    f"{run.path} and another run hold {genome} on {task}, graph {graph}, seed {seed}, with "
                    f"scores {row['score']} and {other['score']}; one request has one answer, so they were "
                    "run by different versions. Run them again, or report them apart."
                )
    return {key: _without_beyond(row, key, beyond) for key, row in results.items()}


def _events(run: RunFolder) -> list[Row]:
    """Returns the rows of selection.jsonl; raises RunError if one is not as a run writes it."""
    events: list[Row] = []
    for row in run.selection():
        form = next((form for key, form in EVENT_FORMS.items() if key in row), EVENT_FORMS["rung"])
        if what := form.fault(row):
            raise RunError(f"{run.path / SELECTION} is damaged ({what}); restore the file.")
        events.append(_without_beyond({**row}, ("", "", 0, 0), Counter()))
    return events


def _without_beyond(row: Row, key: Key, beyond: Counter[Key]) -> Row:
    """Returns a row without figures that are too large to compute with, which are counted."""
    bounded = dict(row)
    for name in BOUNDLESS & row.keys():
        value = row[name]
        if isinstance(value, list):
            bounded[name] = [_bounded(cast("float | None", item), key, beyond) for item in value]
        else:
            bounded[name] = _bounded(value, key, beyond)
    return bounded


def _too_large(beyond: Counter[Key]) -> list[str]:
    """Returns a sentence about figures that were left out, if there are any."""
    if not beyond:
        return []
    task, genome, graph, seed = next(iter(beyond))
    return [
        f"{count(beyond.total(), 'figure')} of {count(len(beyond), 'lineage')} beyond {MOST:g} left out, "
        f"first of {genome} on {task}, graph {graph}, seed {seed}: nothing is computed or drawn of them."
    ]


def _bounded(value: float | None, key: Key, beyond: Counter[Key]) -> float | None:
    """Returns a figure, or None if it is too large to compute with, which is counted."""
    if value is None or abs(value) <= MOST:
        return value
    beyond[key] += 1
    return None


def _metrics(runs: Sequence[RunFolder], beyond: Counter[Key]) -> dict[Key, list[Point]]:
    """Returns the metrics of runs by lineage, in order of generation; of a generation the later row.

    Figures that are too large to compute with are left out, and counted.
    """
    points: dict[Key, dict[int, Point]] = {}
    for run in runs:
        for row in run.stream_metrics():
            key = key_of(row)
            centre = _bounded(row.get("fitness_centre"), key, beyond)
            mean = _bounded(row.get("fitness_mean"), key, beyond)
            points.setdefault(key, {})[row["generation"]] = row["evaluations"], centre, mean
    return {key: [by_generation[g] for g in sorted(by_generation)] for key, by_generation in points.items()}


def _planned(manifest: Manifest) -> list[Key]:
    """Returns the lineages that the manifest plans."""
    return [key_of(row) for row in manifest.get("lineages", [])]


def _tasks(
    planned: Sequence[Key],
    results: Mapping[Key, Row],
    metrics: Mapping[Key, Sequence[Point]],
    manifest: Manifest,
    events: Sequence[Row],
    is_mixed: bool,
) -> dict[str, TaskEvidence]:
    """Returns the evidence of each task."""
    lineages: dict[str, dict[str, list[Key]]] = {}
    for key in planned:
        lineages.setdefault(key[0], {}).setdefault(key[1], []).append(key)
    # The centre's fitness is what is scored in the end; the population's mean stands in where a lineage
    # has none, for all genomes of the task alike.
    without = {key[0] for key, points in metrics.items() if all(centre is None for _, centre, _ in points)}
    # A place in a mixed population may have had several members; those of one prior throughout have a track.
    shortest = max([1, *map(len, metrics.values())]) if is_mixed else 1
    graphs: dict[str | None, list[GraphEntry]] = {}
    for row in manifest.get("graphs", []):
        graphs.setdefault(row.get("genome"), []).append(row)
    tasks = {}
    # Priors that mixed populations have no member of in the end are of the outcome too.
    of_outcome = list(manifest.get("priors", {})) if is_mixed else []
    for label, of_genomes in lineages.items():
        record: SpreadEntry = (manifest.get("selection_record") or {}).get(label) or {}
        genomes = [
            GenomeEvidence(
                label=genome,
                lineages=(of_verdict := compared(of_genomes.get(genome, ()), results)),
                results={key: results[key] for key in of_verdict if key in results},
                tracks=_tracks(of_verdict, results, metrics, 2 if label in without else 1, shortest),
                prior=_prior(manifest, genome),
                graphs=tuple(graphs.get(genome, ())),
                is_extinct=genome not in of_genomes,
            )
            for genome in dict.fromkeys([*of_outcome, *of_genomes])
        ]
        tasks[label] = replace(
            _task(label, manifest.get("tasks", {}).get(label, {})),
            learning_from="fitness_mean" if label in without else "fitness_centre",
            genomes=tuple(genomes),
            events=tuple(row for row in events if row.get("task") == label),
            fixations={genome: _fixation(row) for genome, row in (record.get("fixation") or {}).items()},
            favoured=record.get("winner"),
        )
    return tasks


def _task(label: str, facts: TaskEntry) -> TaskEvidence:
    """Returns what the manifest says of a task, still without its genomes."""
    return TaskEvidence(
        label=label,
        unit=str(facts.get("unit") or ""),
        fitness_unit=str(facts.get("fitness_unit") or ""),
        margin=facts.get("margin"),
        learning_from="fitness_centre",
        genomes=(),
        events=(),
        fixations={},
        favoured=None,
        ports=str(facts.get("ports") or ""),
        has_muscles=bool(facts.get("muscles")),
        floor=_floor(facts),
        sensors={(0, x["seed"]): y for x in facts.get("sensors", ()) if (y := x["score"]) is not None},
        maximum=facts.get("maximum"),
        has_targets=bool(facts.get("targets")),
    )


def compared(keys: Sequence[Key], results: Mapping[Key, Row]) -> tuple[Key, ...]:
    """Returns the lineages of a genome that the comparison is about: after a race, those that confirm it.

    Args:
        keys: All its lineages.
        results: Results by lineage.
    """
    later = [key for key in keys if results.get(key, {}).get("role") != RACE]
    return tuple(later or keys)  # a genome that a race dropped has no others


def _tracks(
    lineages: Iterable[Key],
    results: Mapping[Key, Row],
    metrics: Mapping[Key, Sequence[Point]],
    column: int,
    shortest: int,
) -> dict[Key, Track]:
    """Returns evaluations and a column of metrics of each lineage that is long enough and did not fail."""
    return {
        key: [(point[0], point[column]) for point in metrics[key]]
        for key in lineages
        if len(metrics.get(key, ())) >= shortest and results.get(key, {}).get("status") != "failed"
    }


def _prior(manifest: Manifest, label: str) -> PriorFacts:
    """Returns what the manifest says of a genome's prior."""
    facts: PriorEntry = (manifest.get("priors") or {}).get(label) or {}
    return PriorFacts(
        name=facts.get("name"),
        options=facts.get("options") or {},
        one_point=facts.get("one_point"),
        core=facts.get("core"),
    )


def _floor(facts: TaskEntry) -> tuple[float, str] | None:
    """Returns the score of a task that takes no network, and what has it; None where it tells none."""
    floor = facts.get("floor")
    return (floor["score"], floor["what"]) if floor else None


def _fixation(row: FixationEntry) -> Fixation:
    """Returns what the manifest says of how far a prior spread."""
    try:
        return Fixation(**row)
    except TypeError as error:
        raise RunError(f"The manifest's selection_record is damaged ({error}).") from error


def _command(manifest: Manifest) -> str | None:
    """Returns the command line of a run."""
    command = manifest.get("command")
    return shlex.join(map(str, command)) if isinstance(command, list) else command


def _resumed(manifest: Manifest) -> list[str]:
    """Returns sentences about other versions than those it was begun with that went on with a run."""
    sentences = []
    for entry in manifest.get("resumed") or []:
        if changes := entry.get("drift"):
            sentences.append(f"The run was begun with {changes}; results may differ for it.")
    return list(dict.fromkeys(sentences))


def _ended(run: RunFolder, alone: bool) -> list[str]:
    """Returns sentences about a run that did not end, and about lines that it left half written."""
    name = "The run" if alone else run.path.resolve().name
    ended = {
        "running": f"{name} has not ended, or was killed.",
        "interrupted": f"{name} was interrupted.",
        "failed": f"{name} failed.",
        "unscored": f"{name} has lineages without a score; to score them: run.py score.",
    }
    status = run.manifest().get("status")
    return [*([ended[status]] if status in ended else []), *run.unfinished()]


def _merged(manifests: Sequence[Manifest], configs: Sequence[Row]) -> tuple[Manifest, Row]:
    """Returns one manifest and one request for several runs."""
    manifest, config = manifests[0].copy(), dict(configs[0])
    for other in manifests[1:]:
        manifest["lineages"] = [*manifest.get("lineages", []), *other.get("lineages", [])]
        graphs = [*manifest.get("graphs", []), *other.get("graphs", [])]
        manifest["graphs"] = list({(row["genome"], row["graph"]): row for row in graphs}.values())
        manifest["tasks"] = {**(manifest.get("tasks") or {}), **(other.get("tasks") or {})}
        manifest["priors"] = {**(manifest.get("priors") or {}), **(other.get("priors") or {})}
        manifest["data"] = {**(manifest.get("data") or {}), **(other.get("data") or {})}
        times = [m["wall_seconds"] for m in (manifest, other) if m.get("wall_seconds") is not None]
        if times:
            manifest["wall_seconds"] = sum(times)
    config["genome"] = list(dict.fromkeys(text for c in configs for text in c.get("genome", [])))
    return manifest, config


def _differences(names: Sequence[str], manifests: Sequence[Manifest]) -> list[str]:
    """Returns sentences about versions in which runs differ: their scores may not be one sample."""
    keys = [key for key in ORIGIN if any(one.get(key) != manifests[0].get(key) for one in manifests)]
    return [
        f"The runs {', '.join(names)} differ in {key}, so that equal requests may differ in result."
        for key in keys
    ]


def _meanings(configs: Sequence[Row]) -> list[str]:
    """Returns sentences about what labels stand for where runs differ in it, such as their neurons."""
    sentences = []
    for key in sorted(MEANS):
        by_value: dict[str, list[str]] = {}
        for config in configs:
            value = config.get(key, "")
            text = ", ".join(map(str, value.values())) if isinstance(value, dict) else str(value)
            by_value.setdefault(text, []).extend(by_label(config, "genome"))
        if len(by_value) > 1:
            values = "; ".join(
                f"{text} of {', '.join(dict.fromkeys(labels))}" for text, labels in by_value.items()
            )
            sentences.append(f"Runs differ in {key}: {values}.")
    return sentences
