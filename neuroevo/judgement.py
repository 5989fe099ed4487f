"""Judgement: what report.json holds, from the records of a run and the referee's tests.

A run that was cut short is judged too: what is there is shown, and what is missing is said.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from neuroevo import ranking
from neuroevo.evidence import Records
from neuroevo.records import Key, Row
from neuroevo.seeds import generator

SCHEMA = 1
ORIGIN = ("commit", "device", "platform", "workers", "wall_seconds", "connectome", "data", "versions")
SENTENCES = {
    "nothing": "No lineage has a score yet, so there is nothing to compare.",
    "one": "Exploratory: one genome has scores, so there is nothing to compare it with.",
    ranking.RUN_VERDICT: (
        "Exploratory: no winner is declared. The tests of this version are not calibrated, so scores and "
        "intervals are shown and every comparison is left open."
    ),
}


def judge(records: Records, name: str) -> dict[str, Any]:
    """Returns what report.json holds."""
    seed = int(records.config.get("seed", 0))
    scores = {
        task: {g: {key[2:]: s for key, s in records.done(task, g).items()} for g in labels}
        for task, labels in records.labels.items()
    }
    comparisons = ranking.compare(scores, seed)
    tasks = {}
    for task, labels in records.labels.items():
        genomes = [_genome(records, task, label, seed) for label in labels]
        tasks[task] = {
            "unit": records.unit(task),
            "fitness_unit": records.unit(task, "fitness_unit"),
            "learning_from": records.fitness_field[task],
            "genomes": genomes,
            "comparisons": comparisons[task],
            "winner": None,  # see ranking.RUN_VERDICT
            "notes": _notes(records, task, genomes),
        }
    return {"schema": SCHEMA, "run": _run(records, name, tasks), "tasks": tasks}


def _run(records: Records, name: str, tasks: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the part of a report that is about the whole run."""
    command = records.manifest.get("command")
    status = [records.results.get(key, {}).get("status") for key in records.planned]
    several = any(section["comparisons"] for section in tasks.values())
    scored = any(entry["iqm"] is not None for section in tasks.values() for entry in section["genomes"])
    sentence = ranking.RUN_VERDICT if several else "one" if scored else "nothing"
    return {
        "name": name,
        "verdict": ranking.RUN_VERDICT,
        "sentence": SENTENCES[sentence],
        "command": shlex.join(map(str, command)) if isinstance(command, list) else command,
        "lineages": {
            "planned": len(status),
            "done": status.count("done"),
            "failed": status.count("failed"),
            "missing": status.count(None),
        },
        "missing": [*_missing(records), *records.unfinished],
        "notes": _wiring_notes(records),
        **{key: records.manifest.get(key) for key in ORIGIN},
        "config": records.config,
    }


def _genome(records: Records, task: str, genome: str, seed: int) -> dict[str, Any]:
    """Returns a genome's entry in report.json.

    `num_lineages` are those with a score; `parameters` and `evaluations` are of the median lineage;
    `failures`, `saturated` and `silent` are sums over lineages.
    """
    keys = records.lineages(task, genome)
    rows = records.rows(task, genome)
    done = records.done(task, genome)
    field = records.fitness_field[task]
    areas = {
        key: ranking.learning_area([row.get(field) for row in records.metrics.get(key, [])]) for key in done
    }
    untrained = records.done(task, genome, "untrained_score")

    def summary(purpose: str, values: Mapping[Key, float | None]) -> dict[str, Any]:
        known = {key[2:]: value for key, value in values.items() if value is not None}
        return ranking.summarise(known, generator(seed, "ranking", purpose, task, genome))

    return {
        "genome": genome,
        **summary("score", done),
        "num_graphs": len({key[2] for key in keys}),
        "num_seeds": len({key[3] for key in keys}),
        "num_lineages": len(done),
        "parameters": _parameters(rows),
        "evaluations": _median(row.get("evaluations") for row in rows),
        "untrained": summary("untrained", untrained),
        "auc": summary("auc", areas),
        "status": _status(records, keys),
        "failures": sum(row.get("failures") or 0 for row in rows),
        **{
            state: sum(bool((row.get("activity") or {}).get(state)) for row in rows)
            for state in ("saturated", "silent")
        },
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
    """Returns "incomplete" if a lineage has no result, else "failed" if one failed, else "done"."""
    found = [records.results.get(key, {}).get("status") for key in keys]
    return "incomplete" if None in found else "failed" if "failed" in found else "done"


def _notes(records: Records, task: str, genomes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns what a reader of a task's scores must know."""
    kinds: dict[str, list[str]] = {
        "Saturated lineages": [],
        "Silent lineages": [],
        "Lineages without a finite score, left out": [],
    }
    for entry in genomes:
        rows = records.rows(task, entry["genome"])
        unscored = sum(row["status"] != "done" or row["score"] is None for row in rows)
        for kind, n in zip(kinds, (entry["saturated"], entry["silent"], unscored), strict=True):
            if n:
                kinds[kind].append(f"{entry['genome']} {n} of {len(rows)}")
    return [f"{kind}: {', '.join(found)}." for kind, found in kinds.items() if found]


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
    """Returns sentences about how the run ended and about tasks with lineages that have no result."""
    status = records.manifest.get("status")
    ended = {
        "running": "The run has not ended, or was killed.",
        "interrupted": "The run was interrupted.",
        "failed": "The run failed.",
    }
    sentences = [ended[status]] if status in ended else []
    for task, labels in records.labels.items():
        absent = {g: sum(k not in records.results for k in records.lineages(task, g)) for g in labels}
        if any(absent.values()):
            planned = sum(key[0] == task for key in records.planned)
            detail = ", ".join(f"{genome} {n}" for genome, n in absent.items() if n)
            sentences.append(
                f"{task}: {sum(absent.values())} of {planned} lineages have no result ({detail})."
            )
    return sentences


def _median(values: Iterable[Any]) -> int | None:
    """Returns the median count, rounded down; None without any."""
    known = [value for value in values if value is not None]
    return int(np.median(known)) if known else None
