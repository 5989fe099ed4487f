"""The report built: from the evidence of runs, by the referee's tests, to the objects of `model`.

A run that was cut short is judged too: what is there is shown, and what is missing is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import TypeVar

import numpy as np

from neuroevo.errors import RunError
from neuroevo.files import Row
from neuroevo.plugins import Spec
from neuroevo.referee import wording
from neuroevo.referee.comparison import compare
from neuroevo.referee.drift import fewest_populations
from neuroevo.referee.entry import MIN_SEEDS, Entry, with_failures
from neuroevo.referee.estimators import LEVEL, Scores, interquartile_mean
from neuroevo.referee.facts import TaskFacts
from neuroevo.referee.intervals import interval
from neuroevo.referee.learning_curves import learning_area, slope, threshold, time_to
from neuroevo.referee.looks import COINCIDENCE
from neuroevo.referee.outcome import Comparison, Decision, Verdict
from neuroevo.referee.sphinx import explain
from neuroevo.referee.verdict import decide, decide_mixed
from neuroevo.report import attribution, body_map, looks, question
from neuroevo.report.evidence import Evidence, GenomeEvidence, TaskEvidence
from neuroevo.report.joining import DEFAULTS
from neuroevo.report.looks import History
from neuroevo.report.model import (
    Confirmation,
    Dose,
    DosePoint,
    GenomeReport,
    GraphStatistics,
    LineageCounts,
    Measure,
    MixedPopulations,
    Parameters,
    Race,
    Report,
    Rung,
    RunReport,
    Spread,
    TaskReport,
)
from neuroevo.rows import GraphEntry
from neuroevo.text import conjoined

# The first that a task has is the run's.
DECISIONS: tuple[Decision, ...] = ("winner", "no winner", "exploratory", "attribution", "nothing")
READS = {"outputs": "its output cells", "all": "all its cells", "not-inputs": "all but its input cells"}
MAX_LISTED = 5  # graphs named in a note; the rest are counted

FromRow = TypeVar("FromRow", Rung, Confirmation)


def judge(evidence: Evidence) -> Report:
    """Returns the report of a run, or of several that answer one request.

    Args:
        evidence: What the runs hold.

    Raises:
        RunError: If the rows of a race are damaged.
    """
    is_mixed = evidence.selection == "mixed"  # its members are kin, and no lineages to be compared
    entries = {
        label: [_entry(genome, False) for genome in task.genomes] if is_mixed else _entries(task)
        for label, task in evidence.tasks.items()
    }
    history = looks_at(evidence)
    comparisons = compare(
        {label: () if is_mixed else genomes for label, genomes in entries.items()},
        {label: task.margin for label, task in evidence.tasks.items()},
        int(evidence.config.get("seed", 0)),
        LEVEL if history is None else history.level,
        LEVEL if history is None else COINCIDENCE,
    )
    scores = {label: {entry.label: entry.scores for entry in of_task} for label, of_task in entries.items()}
    attributions = {} if is_mixed else attribution.build(evidence.tasks, scores)
    if history is not None:
        comparisons = {
            label: looks.settled(rows, history.pairs[label]) for label, rows in comparisons.items()
        }
    tasks = {
        label: replace(
            _task(task, entries[label], comparisons[label], evidence.config, len(evidence.tasks), history),
            looks=() if history is None else history.pairs[label],
        )
        for label, task in evidence.tasks.items()
    }
    for label, of_task in attributions.items():
        tasks[label] = replace(tasks[label], attribution=of_task)
        if attribution.is_all(evidence.tasks[label]):  # who leads, and by what, was not the question
            tasks[label] = replace(tasks[label], sphinx=None, verdict=attribution.verdict(of_task[0]))
    return Report(_run(evidence, tasks, history), tasks)


def looks_at(evidence: Evidence) -> History | None:
    """Returns what the looks at a run until decided have found; None of other runs.

    Args:
        evidence: What the run holds.

    Raises:
        RunError: If the plan of the looks is damaged.
    """
    return looks.history(evidence, _entries)


def _entries(task: TaskEvidence) -> list[Entry]:
    """Returns what the referee is told of a task's genomes."""
    return with_failures([_entry(genome, task.has_muscles) for genome in task.genomes])


def _entry(genome: GenomeEvidence, has_muscles: bool) -> Entry:
    """Returns what the referee is told of a genome, whose task has a body with muscles or not."""
    scores, status = genome.done(), genome.status
    areas = {
        key[2:]: learning_area([fitness for _, fitness in track])
        for key, track in genome.tracks.items()
        if key[2:] in scores
    }
    return Entry(
        label=genome.label,
        scores=scores,
        untrained=genome.done("untrained_score"),
        areas={key: area for key, area in areas.items() if area is not None},
        one_point=genome.prior.one_point,
        core=genome.prior.core,
        num_missing=status.count(None) + status.count("unscored"),
        failed=frozenset(
            key[2:]
            for key, state in zip(genome.lineages, status, strict=True)
            if state not in (None, "unscored", "censored", "raced") and key[2:] not in scores
        ),
        num_early=status.count("early"),
        is_censored="censored" in status,
        keeps_map=body_map.is_kept(genome) if has_muscles else None,
        slope=slope([track for key, track in genome.tracks.items() if key[2:] in scores]),
    )


def _decided(
    task: str,
    entries: Sequence[Entry],
    comparisons: Sequence[Comparison],
    facts: TaskFacts,
    history: History | None,
) -> Verdict:
    """Returns the verdict on a task whose lineages are compared, at once or look by look."""
    if history is None:
        return decide(task, entries, comparisons, facts)
    return decide(task, entries, comparisons, facts, history.level, COINCIDENCE, history.winners.get(task))


def _task(
    task: TaskEvidence,
    entries: Sequence[Entry],
    comparisons: Sequence[Comparison],
    config: Row,
    num_tasks: int,
    history: History | None,
) -> TaskReport:
    """Returns the report of a task of a run with so many, by the run's resolved request."""
    selection = str(config.get("selection", DEFAULTS["selection"]))
    level = threshold([list(genome.tracks.values()) for genome in task.genomes])
    genomes = [
        _genome(genome, entry, level, has_intervals=selection != "mixed")
        for genome, entry in zip(task.genomes, entries, strict=True)
    ]
    populations = _mixed(task) if selection == "mixed" else None
    facts = replace(task.facts, num_tasks=num_tasks, is_raced=selection == "race")
    telling = [entry for entry in entries if not entry.is_control or facts.is_telling(entry)]
    return TaskReport(
        label=task.label,
        unit=task.unit,
        fitness_unit=task.fitness_unit,
        learning_from=task.learning_from,
        margin=task.margin,
        verdict=(
            decide_mixed(
                *(task.label, populations.populations, task.fixations, task.favoured),
                _fewest(task, populations),
            )
            if populations
            else _decided(task.label, entries, comparisons, facts, history)
        ),
        notes=tuple(_notes(task, genomes)),
        cost=_cost(genomes),
        genomes=tuple(genomes),
        comparisons=tuple(comparisons),
        doses=tuple(_doses(task, genomes)),
        graphs=tuple(_graphs(task)),
        selection=_race(task) if selection == "race" else populations,
        ports=task.ports,
        readout=_readout(genomes, str(config.get("adapter", ""))),
        body_map=body_map.build(task, comparisons),
        sphinx=None if populations else explain(telling, task.floor, task.sensors, task.unit),
    )


def _genome(genome: GenomeEvidence, entry: Entry, level: float | None, has_intervals: bool) -> GenomeReport:
    """Returns the report of a genome, whose lineages are timed to a level of fitness."""
    rows, tuned = genome.rows, genome.done("tuned_score")
    return GenomeReport(
        label=genome.label,
        score=_measure(entry.scores, has_intervals),
        num_graphs=len({key[2] for key in genome.lineages}),
        num_seeds=len({key[3] for key in genome.lineages}),
        num_lineages=len(entry.scores.keys() - entry.failed),
        one_point=entry.one_point,
        is_control=entry.is_control,
        parameters=_parameters(rows),
        evaluations=_median(row.get("evaluations") for row in rows),
        scoring_evaluations=_median(row.get("scoring_evaluations") or None for row in rows),
        untrained=_measure(entry.untrained, has_intervals),
        tuned=_measure(tuned, has_intervals) if tuned else None,
        auc=_measure(entry.areas, has_intervals),
        to_threshold=None if level is None else time_to(list(genome.tracks.values()), level),
        status="extinct" if genome.is_extinct else _status(genome.status),
        failures=sum(row.get("failures") or 0 for row in rows),
        saturated=_num_in_state(rows, "saturated"),
        silent=_num_in_state(rows, "silent"),
        at_gains=_at_gains(rows),
    )


def _at_gains(rows: Sequence[Row]) -> dict[str, float | None] | None:
    """Returns interquartile means of lineages' scores at each gain of a sweep; None where there was none."""
    sweeps = [row["gain_scores"] for row in rows if row.get("gain_scores")]
    if not sweeps:
        return None
    columns = {gain: [x[gain] for x in sweeps if x.get(gain) is not None] for gain in sweeps[0]}
    return {gain: interquartile_mean(scores) for gain, scores in columns.items()}


def _measure(scores: Scores, has_interval: bool) -> Measure:
    """Returns the interquartile mean of some scores; there is no interval where lineages are kin."""
    bounds = interval(scores) if scores and has_interval else None
    values = list(scores.values())
    return Measure(interquartile_mean(values), bounds, (min(values), max(values)) if values else None)


def _num_in_state(rows: Sequence[Row], state: str) -> int:
    """Returns how many lineages are in a state of activity."""
    return sum(bool((row.get("activity") or {}).get(state)) for row in rows)


def _run(evidence: Evidence, tasks: Mapping[str, TaskReport], history: History | None) -> RunReport:
    """Returns the report of the run as a whole."""
    manifest = evidence.manifest
    status = [evidence.results.get(key, {}).get("status") for key in evidence.planned]
    verdicts = {label: task.verdict for label, task in tasks.items()}
    decisions = {verdict.decision for verdict in verdicts.values()}
    return RunReport(
        name=" + ".join(evidence.names),
        names=evidence.names,
        verdict=next((decision for decision in DECISIONS if decision in decisions), "nothing"),
        sentence=wording.of_run(verdicts),
        alpha=LEVEL,
        selection=evidence.selection,
        command="; ".join(dict.fromkeys(evidence.commands)) or None,
        lineages=LineageCounts(
            planned=len(status),
            done=status.count("done"),
            failed=status.count("failed"),
            censored=status.count("censored"),
            missing=status.count(None),
            unscored=status.count("unscored"),
            early=status.count("early"),
        ),
        missing=(*_missing(evidence), *evidence.ended),
        notes=(*evidence.notes, *_wiring_notes(manifest.get("graphs", []))),
        commit=manifest.get("commit"),
        device=manifest.get("device"),
        platform=manifest.get("platform"),
        workers=manifest.get("workers"),
        wall_seconds=manifest.get("wall_seconds"),
        connectome=manifest.get("connectome"),
        data=manifest.get("data"),
        versions=manifest.get("versions"),
        config=evidence.config,
        question=question.ask(evidence),
        date=max(evidence.dates, default=""),
        seals=evidence.seals,
        sealed=evidence.sealed,
        looks=None if history is None else looks.report_of(history, evidence),
    )


def _parameters(rows: Sequence[Row]) -> Parameters:
    """Returns the median numbers of parameters, and their range where graphs differ in size."""

    def sizes(part: str) -> list[int]:
        return [n for row in rows if (n := (row.get("parameters") or {}).get(part)) is not None]

    def extent(counts: Sequence[int]) -> tuple[int, int] | None:
        return (min(counts), max(counts)) if len(set(counts)) > 1 else None

    core, adapters, solved, features = map(sizes, ("core", "adapters", "solved", "features"))
    return Parameters(
        *(_median(core), extent(core), _median(adapters), extent(adapters)),
        *(_median(solved), extent(solved), _median(features), extent(features)),
    )


def _readout(genomes: Sequence[GenomeReport], adapter: str) -> str:
    """Returns a sentence on what solved readouts read; "" where there are none, or no lineage has ended."""

    def extent(name: str) -> str:
        parts = [genome.parameters for genome in genomes]
        ranges = [getattr(x, f"{name}_range") or (getattr(x, name),) for x in parts]
        known = [n for numbers in ranges for n in numbers if n is not None]
        return " to ".join(f"{n:,}" for n in dict.fromkeys((min(known), max(known)))) if known else ""

    if not extent("features"):
        return ""
    options = Spec.parse(adapter).options
    cells, times = READS.get(options.get("read", "outputs"), "cells"), options.get("times", "1")
    when = "" if times == "1" else f" at {times} times"
    return (
        f"Readouts are solved, not evolved: {extent('solved')} weights on {extent('features')} numbers of a "
        f"genome, {cells}{when}."
    )


def _status(status: Sequence[str | None]) -> str:
    """Returns how a genome stands, from how its lineages ended."""
    if None in status:
        return "incomplete"
    return next((worst for worst in ("unscored", "early", "failed", "censored") if worst in status), "done")


def _doses(task: TaskEvidence, genomes: Sequence[GenomeReport]) -> list[Dose]:
    """Returns the score by dose of rewiring, where genomes are one prior at several doses."""
    groups: dict[str, list[DosePoint]] = {}
    names: dict[str, str] = {}
    for evidence, genome in zip(task.genomes, genomes, strict=True):
        options = dict(evidence.prior.options)
        dose = options.pop("rewired", None)
        if dose is None:
            continue
        key = f"{evidence.prior.name} {sorted(options.items())}"
        names[key] = str(evidence.prior.name)
        point = DosePoint(genome.label, genome.score.iqm, genome.score.ci95, float(dose))
        groups.setdefault(key, []).append(point)
    return [
        Dose(names[key], tuple(sorted(points, key=lambda point: point.rewired)))
        for key, points in groups.items()
        if len({point.rewired for point in points}) > 1
    ]


def _graphs(task: TaskEvidence) -> list[GraphStatistics]:
    """Returns mean and deviation of the statistics of each genome's graphs."""
    reports = []
    for genome in task.genomes:
        rows = [row["statistics"] for row in genome.graphs if row.get("statistics")]
        if rows:
            statistics: dict[str, Spread | None] = {}
            for name in rows[0]:
                values = [value for row in rows if (value := row.get(name)) is not None]
                statistics[name] = _spread(values) if values else None
            reports.append(GraphStatistics(genome.label, len(rows), statistics))
    return reports


def _spread(values: Sequence[float]) -> Spread:
    """Returns mean and deviation; equal values deviate by nothing, not by what their mean is rounded by."""
    return Spread(float(np.mean(values)), 0.0 if min(values) == max(values) else float(np.std(values)))


def _race(task: TaskEvidence) -> Race:
    """Returns what a race did."""
    confirmation = next((row for row in task.events if row.get("event") == "confirmation"), None)
    return Race(
        kind="race",
        rungs=tuple(_of_row(Rung, row) for row in task.events if "rung" in row),
        confirmation=None if confirmation is None else _of_row(Confirmation, confirmation),
    )


def _of_row(kind: type[FromRow], row: Row) -> FromRow:
    """Returns a row of selection.jsonl as an object; what its kind does not know is left out."""
    try:
        return kind(**{field.name: row[field.name] for field in fields(kind) if field.name in row})
    except TypeError as error:
        raise RunError(f"A row of selection.jsonl is damaged ({error}).") from error


def _mixed(task: TaskEvidence) -> MixedPopulations:
    """Returns what mixed populations did."""
    events = [row for row in task.events if "shares" in row]
    populations = sorted({row["population"] for row in events})
    epochs = sorted({row["epoch"] for row in events})
    at = {(row["population"], row["epoch"]): row["shares"] for row in events}
    return MixedPopulations(
        kind="mixed",
        populations=len(populations),
        epochs=tuple(epochs),
        shares={
            genome.label: tuple(
                tuple(at.get((population, epoch), {}).get(genome.label) for epoch in epochs)
                for population in populations
            )
            for genome in task.genomes
        },
        fixation=task.fixations or None,
        winner=task.favoured,
    )


def _fewest(task: TaskEvidence, mixed: MixedPopulations) -> int | None:
    """Returns in how many populations a prior could be favoured at all; None where no number would do."""
    if not task.fixations:
        return MIN_SEEDS
    num_members = sum(len(genome.lineages) for genome in task.genomes) // mixed.populations
    num_priors = len(task.fixations)
    return fewest_populations(num_members // num_priors, num_priors, len(mixed.epochs) - 1)


def _notes(task: TaskEvidence, genomes: Sequence[GenomeReport]) -> list[str]:
    """Returns what a reader of a task's scores must know."""
    kinds: dict[str, list[str]] = {
        "Saturated lineages": [],
        "Silent lineages": [],
        "Lineages without a finite score, counted as the lowest of the task": [],
    }
    blown = []
    for evidence, genome in zip(task.genomes, genomes, strict=True):
        rows = [row for row in evidence.rows if row["status"] not in ("censored", "raced", "unscored")]
        unscored = sum(row["status"] == "failed" or row["score"] is None for row in rows)
        for kind, n in zip(kinds, (genome.saturated, genome.silent, unscored), strict=True):
            if n:
                kinds[kind].append(f"{genome.label} {n} of {len(rows)}")
        faults = [(row.get("blowup"), row.get("score_fault")) for row in rows]
        where = [blowup or f"{fault}, held-out data" for blowup, fault in faults if blowup or fault]
        if where:
            blown.append(f"{genome.label} {len(where)} of {len(rows)} (first: {where[0]})")
    notes = [f"{kind}: {', '.join(counts)}." for kind, counts in kinds.items() if counts]
    notes += _one_sample(task)
    notes += _reached(task)
    notes += _early(task)
    notes += _unscored(task)
    if blown:
        notes.append(f"Lineages with evaluations that failed of numbers not finite: {', '.join(blown)}.")
    return notes


def _one_sample(task: TaskEvidence) -> list[str]:
    """Returns a sentence on genomes whose wirings and scores are the same, for each group of such."""
    groups: dict[object, list[str]] = {}
    for genome in task.genomes:
        wirings = tuple(sorted((row["graph"], row["sha256"]) for row in genome.graphs))
        scores = tuple(sorted(genome.done().items()))
        if wirings and scores:
            groups.setdefault((wirings, scores), []).append(genome.label)
    return [
        f"{conjoined(labels)} are one sample: their wirings and their scores are the same, so that comparing "
        "them says nothing."
        for labels in groups.values()
        if len(labels) > 1
    ]


def _cost(genomes: Sequence[GenomeReport]) -> str:
    """Returns a sentence on the evaluations of a lineage, in its search and to score it; "" if not known."""

    def extent(numbers: Sequence[int | None]) -> str:
        known = sorted({number for number in numbers if number is not None})
        return " to ".join(f"{number:,}" for number in dict.fromkeys([*known[:1], *known[-1:]]))

    scoring = extent([genome.scoring_evaluations for genome in genomes])
    search = extent([genome.evaluations for genome in genomes])
    return f"Evaluations of the median lineage: search {search}, scoring {scoring}." if scoring else ""


def _reached(task: TaskEvidence) -> list[str]:
    """Returns a sentence about lineages that ended at the target of the run, if it has one."""
    counts = []
    for genome in task.genomes:
        rows = [row for row in genome.rows if "reached" in row]
        evaluations = _median(row["reached"]["evaluations"] for row in rows if row["reached"])
        after = "" if evaluations is None else f" after {evaluations:,} evaluations in the median"
        at_target = sum(row["reached"] is not None for row in rows)
        counts += [f"{genome.label} {at_target} of {len(rows)}{after}"] if rows else []
    return [f"Lineages that reached the target, and ended there: {'; '.join(counts)}."] if counts else []


def _early(task: TaskEvidence) -> list[str]:
    """Returns a sentence about lineages that were scored before the end of their search, if there are any."""
    counts, reached = [], []
    for genome in task.genomes:
        early = [row for row in genome.rows if row["status"] == "early"]
        reached += [row.get("generations") or 0 for row in early]
        counts += [f"{genome.label} {len(early)} of {len(genome.lineages)}"] if early else []
    if not counts:
        return []
    extent = str(min(reached)) if min(reached) == max(reached) else f"{min(reached)} to {max(reached)}"
    return [
        f"Lineages scored early, after {extent} generations of a search that was stopped: "
        f"{', '.join(counts)}."
    ]


def _unscored(task: TaskEvidence) -> list[str]:
    """Returns sentences about lineages without a score: those that failed, with a reason, and the others."""
    sentences = []
    for has_failed in (True, False):
        counts, reasons = [], []
        for genome in task.genomes:
            rows = [x for x in genome.rows if x["status"] == "unscored" and bool(x["error"]) == has_failed]
            counts += [f"{genome.label} {len(rows)} of {len(genome.lineages)}"] if rows else []
            reasons += [str(row["error"]).splitlines()[0] for row in rows if has_failed]
        if counts and has_failed:
            sentences.append(f"Lineages that could not be scored: {', '.join(counts)} (first: {reasons[0]})")
        elif counts:
            sentences.append(f"Lineages that are to be scored later: {', '.join(counts)}.")
    return sentences


def _wiring_notes(graphs: Sequence[GraphEntry]) -> list[str]:
    """Returns what the priors noted of their graphs, a sentence each, with the graph where not all say it."""
    by_genome: dict[str, dict[str, list[int]]] = {}
    total: dict[str, int] = {}
    for row in graphs:
        total[row["genome"]] = total.get(row["genome"], 0) + 1
        for note in row.get("notes") or []:
            by_genome.setdefault(row["genome"], {}).setdefault(note, []).append(row["graph"])
    return [
        f"{genome}{'' if len(numbers) == total[genome] else f', graph {_first_few(numbers)}'}: {note}"
        for genome, notes in by_genome.items()
        for note, numbers in notes.items()
    ]


def _first_few(numbers: Sequence[int]) -> str:
    """Returns the first few of some numbers, and how many more there are."""
    more = len(numbers) - MAX_LISTED
    return ", ".join(map(str, numbers[:MAX_LISTED])) + (f" and {more} more" if more > 0 else "")


def _missing(evidence: Evidence) -> list[str]:
    """Returns sentences about tasks with lineages that have no result."""
    sentences = []
    for label, task in evidence.tasks.items():
        absent = {genome.label: genome.status.count(None) for genome in task.genomes}
        if any(absent.values()):
            planned = sum(key[0] == label for key in evidence.planned)
            detail = ", ".join(f"{genome} {n}" for genome, n in absent.items() if n)
            sentences.append(
                f"{label}: {sum(absent.values())} of {planned} lineages have no result ({detail})."
            )
    return sentences


def _median(values: Iterable[float | None]) -> int | None:
    """Returns the median count, rounded down; None without any."""
    known = [value for value in values if value is not None]
    return int(np.median(known)) if known else None
