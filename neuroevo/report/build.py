"""Judgement: what report.json holds, from the records of runs and the referee's tests.

A run that was cut short is judged too: what is there is shown, and what is missing is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from neuroevo.files import Row
from neuroevo.referee import learning_curves, verdict, wording
from neuroevo.referee.entry import Entry
from neuroevo.referee.estimators import LEVEL, Scores, interquartile_mean, interval
from neuroevo.report.evidence import Records
from neuroevo.run_folder import Key

SCHEMA = 2
ORIGIN = ("commit", "device", "platform", "workers", "wall_seconds", "connectome", "data", "versions")
VERDICTS = ("winner", "no winner", "exploratory", "nothing")  # a run's is the first that a task has


def judge(records: Records) -> dict[str, Any]:
    """Returns what report.json holds: the run, and for each task its genomes, comparisons and verdict."""
    entries = {
        task: [_entry(records, task, label) for label in labels] for task, labels in records.labels.items()
    }
    margins = {task: records.manifest.get("tasks", {}).get(task, {}).get("margin") for task in entries}
    is_mixed = records.selection_kind == "mixed"  # whose members are kin, and no lineages to be compared
    compared = dict.fromkeys(entries, ()) if is_mixed else entries
    comparisons = verdict.compare(compared, margins, int(records.config.get("seed", 0)))
    tasks = {
        task: _section(records, task, found, comparisons[task], margins[task])
        for task, found in entries.items()
    }
    return {"schema": SCHEMA, "run": _run(records, tasks), "tasks": tasks}


def _section(
    records: Records, task: str, entries: Sequence[Entry], rows: list[dict[str, Any]], margin: float | None
) -> dict[str, Any]:
    """Returns a task's part of the report."""
    unit = records.unit(task)
    level = learning_curves.threshold([list(records.tracks(task, e.label).values()) for e in entries])
    genomes = [_genome(records, task, entry, level) for entry in entries]
    return {
        "unit": unit,
        "fitness_unit": records.unit(task, "fitness_unit"),
        "learning_from": records.fitness_field[task],
        "margin": margin,
        **(
            wording.mixed(task, _selection(records, task) or {})
            if records.selection_kind == "mixed"
            else verdict.decide(task, entries, rows, unit)
        ),
        "notes": _notes(records, task, genomes),
        "genomes": genomes,
        "comparisons": rows,
        "doses": _doses(records, genomes),
        "graphs": _graphs(records, entries),
        "selection": _selection(records, task),
    }


def _entry(records: Records, task: str, genome: str) -> Entry:
    """Returns what the referee is told of a genome."""
    keys, prior = records.lineages(task, genome), records.prior(genome)
    done = records.done(task, genome)
    status = [records.results.get(key, {}).get("status") for key in keys]
    areas = {
        key: learning_curves.learning_area([fitness for _, fitness in track])
        for key, track in records.tracks(task, genome).items()
        if key in done
    }
    return Entry(
        label=genome,
        scores=_scores(done),
        untrained=_scores(records.done(task, genome, "untrained_score")),
        areas=_scores({key: area for key, area in areas.items() if area is not None}),
        one_point=prior.get("one_point"),
        core=prior.get("core"),
        num_missing=status.count(None),
        num_failed=sum(s not in (None, "censored", "raced") for s in status) - len(done),
        is_censored="censored" in status,
    )


def _scores(values: Mapping[Key, float]) -> Scores:
    """Returns values by graph and seed."""
    return {key[2:]: value for key, value in values.items()}


def _genome(records: Records, task: str, entry: Entry, level: float | None) -> dict[str, Any]:
    """Returns a genome's entry in report.json.

    `num_lineages` are those with a score; `parameters` and `evaluations` are of the median lineage;
    `failures`, `saturated` and `silent` are sums over lineages.
    """
    keys, rows = records.lineages(task, entry.label), records.rows(task, entry.label)
    tuned = _scores(records.done(task, entry.label, "tuned_score"))
    tracks = list(records.tracks(task, entry.label).values())
    return {
        "genome": entry.label,
        **_summary(entry.scores, records.selection_kind),
        "num_graphs": len({key[2] for key in keys}),
        "num_seeds": len({key[3] for key in keys}),
        "num_lineages": len(entry.scores),
        "one_point": entry.one_point,
        "is_control": entry.is_control,
        "parameters": _parameters(rows),
        "evaluations": _median(row.get("evaluations") for row in rows),
        "untrained": _summary(entry.untrained, records.selection_kind),
        "tuned": _summary(tuned, records.selection_kind) if tuned else None,
        "auc": _summary(entry.areas, records.selection_kind),
        "to_threshold": learning_curves.time_to(tracks, level) if level is not None else None,
        "status": _status(records, keys),
        "failures": sum(row.get("failures") or 0 for row in rows),
        **{
            state: sum(bool((row.get("activity") or {}).get(state)) for row in rows)
            for state in ("saturated", "silent")
        },
    }


def _summary(scores: Scores, selection: str) -> dict[str, Any]:
    """Returns `{"iqm", "ci95"}`; null where there is too little, or members of a population are kin."""
    values = list(scores.values())
    has_interval = bool(values) and selection != "mixed"
    return {"iqm": interquartile_mean(values), "ci95": interval(scores) if has_interval else None}


def _run(records: Records, tasks: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the part of a report that is about the whole run."""
    status = [records.results.get(key, {}).get("status") for key in records.planned]
    verdicts = {section["verdict"] for section in tasks.values()}
    return {
        "name": " + ".join(records.names),
        "names": records.names,
        "verdict": next((verdict for verdict in VERDICTS if verdict in verdicts), "nothing"),
        "sentence": wording.of_run(tasks),
        "alpha": LEVEL,
        "selection": records.selection_kind,
        "command": "; ".join(dict.fromkeys(records.commands)) or None,
        "lineages": {
            "planned": len(status),
            "done": status.count("done"),
            "failed": status.count("failed"),
            "censored": status.count("censored"),
            "missing": status.count(None),
        },
        "missing": [*_missing(records), *records.missing],
        "notes": [*records.notes, *_wiring_notes(records)],
        **{key: records.manifest.get(key) for key in ORIGIN},
        "config": records.config,
    }


def _parameters(rows: Sequence[Row]) -> dict[str, Any]:
    """Returns the median numbers of parameters, and their range where graphs differ in size."""
    found: dict[str, Any] = {}
    for part in ("core", "adapters"):
        sizes = [n for row in rows if (n := (row.get("parameters") or {}).get(part)) is not None]
        found[part] = _median(sizes)
        if len(set(sizes)) > 1:
            found[f"{part}_range"] = [min(sizes), max(sizes)]
    return found


def _status(records: Records, keys: Iterable[Key]) -> str:
    """Returns "incomplete" if a lineage has no result, else "failed" or "censored" if one is, else "done"."""
    found = [records.results.get(key, {}).get("status") for key in keys]
    if None in found:
        return "incomplete"
    return next((status for status in ("failed", "censored") if status in found), "done")


def _doses(records: Records, genomes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns the score by dose of rewiring, where genomes are one prior at several doses."""
    groups: dict[str, list[dict[str, Any]]] = {}
    names: dict[str, str] = {}
    for entry in genomes:
        prior = records.prior(entry["genome"])
        options = dict(prior.get("options") or {})
        dose = options.pop("rewired", None)
        if dose is None:
            continue
        key = f"{prior.get('name')} {sorted(options.items())}"
        names[key] = str(prior.get("name"))
        point = {name: entry[name] for name in ("genome", "iqm", "ci95")}
        groups.setdefault(key, []).append({**point, "rewired": float(dose)})
    return [
        {"prior": names[key], "points": sorted(points, key=lambda point: point["rewired"])}
        for key, points in groups.items()
        if len({point["rewired"] for point in points}) > 1
    ]


def _graphs(records: Records, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Returns mean and deviation of the statistics of each genome's graphs."""
    found = []
    for entry in entries:
        rows = [
            row["statistics"]
            for row in records.manifest.get("graphs", [])
            if row.get("genome") == entry.label and row.get("statistics")
        ]
        if rows:
            figures: dict[str, Any] = {}
            for name in rows[0]:
                values = [row[name] for row in rows if row.get(name) is not None]
                mean = {"mean": float(np.mean(values)), "std": float(np.std(values))} if values else None
                figures[name] = mean
            found.append({"genome": entry.label, "num_graphs": len(rows), **figures})
    return found


def _selection(records: Records, task: str) -> dict[str, Any] | None:
    """Returns what a race or a mixed population did; None for a tournament."""
    kind = records.selection_kind
    events = [row for row in records.selection if row.get("task") == task]
    if kind == "race":
        confirmation = next((row for row in events if row.get("event") == "confirmation"), None)
        return {"kind": kind, "rungs": [row for row in events if "rung" in row], "confirmation": confirmation}
    if kind != "mixed":
        return None
    events = [row for row in events if "shares" in row]
    populations = sorted({row["population"] for row in events})
    epochs = sorted({row["epoch"] for row in events})
    at = {(row["population"], row["epoch"]): row["shares"] for row in events}
    record = (records.manifest.get("selection_record") or {}).get(task) or {}
    return {
        "kind": kind,
        "populations": len(populations),
        "epochs": epochs,
        "shares": {
            label: [[at.get((p, e), {}).get(label) for e in epochs] for p in populations]
            for label in records.labels[task]
        },
        "fixation": record.get("fixation"),
        "winner": record.get("winner"),
    }


def _notes(records: Records, task: str, genomes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns what a reader of a task's scores must know."""
    kinds: dict[str, list[str]] = {
        "Saturated lineages": [],
        "Silent lineages": [],
        "Lineages without a finite score, left out": [],
    }
    blown = []
    for entry in genomes:
        rows = [r for r in records.rows(task, entry["genome"]) if r["status"] not in ("censored", "raced")]
        unscored = sum(row["status"] != "done" or row["score"] is None for row in rows)
        for kind, n in zip(kinds, (entry["saturated"], entry["silent"], unscored), strict=True):
            if n:
                kinds[kind].append(f"{entry['genome']} {n} of {len(rows)}")
        where = [row["blowup"] for row in rows if row.get("blowup")]
        if where:
            blown.append(f"{entry['genome']} {len(where)} of {len(rows)} (first: {where[0]})")
    notes = [f"{kind}: {', '.join(found)}." for kind, found in kinds.items() if found]
    if blown:
        notes.append(f"Lineages with a network whose state blew up, a failed evaluation: {', '.join(blown)}.")
    return notes


def _wiring_notes(records: Records) -> list[str]:
    """Returns what the priors noted of their graphs, a sentence each, with the graph where not all say it."""
    said: dict[str, dict[str, list[int]]] = {}
    total: dict[str, int] = {}
    for row in records.manifest.get("graphs", []):
        total[row["genome"]] = total.get(row["genome"], 0) + 1
        for note in row.get("notes") or []:
            said.setdefault(row["genome"], {}).setdefault(note, []).append(row["graph"])
    return [
        f"{genome}{'' if len(graphs) == total[genome] else f', graph {_listed(graphs)}'}: {note}"
        for genome, notes in said.items()
        for note, graphs in notes.items()
    ]


def _listed(numbers: Sequence[int]) -> str:
    """Returns the first few of some numbers."""
    return ", ".join(map(str, numbers[:5])) + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")


def _missing(records: Records) -> list[str]:
    """Returns sentences about tasks with lineages that have no result."""
    found = []
    for task, labels in records.labels.items():
        absent = {g: sum(k not in records.results for k in records.lineages(task, g)) for g in labels}
        if any(absent.values()):
            planned = sum(key[0] == task for key in records.planned)
            detail = ", ".join(f"{genome} {n}" for genome, n in absent.items() if n)
            found.append(f"{task}: {sum(absent.values())} of {planned} lineages have no result ({detail}).")
    return found


def _median(values: Iterable[Any]) -> int | None:
    """Returns the median count, rounded down; None without any."""
    known = [value for value in values if value is not None]
    return int(np.median(known)) if known else None
