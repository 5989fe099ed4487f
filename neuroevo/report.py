"""The report of a run, made from its folder alone: report.json, report.html and figures.

A run that was cut short is reported too: what is there is shown, and what is missing is said.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroevo import ranking
from neuroevo.errors import RunError
from neuroevo.records import Key, Row, RunFolder, atomic_write, key_of, safe_name, to_json
from neuroevo.seeds import generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SCHEMA = 1
ORIGIN = ("commit", "device", "platform", "workers", "wall_seconds", "connectome", "data", "versions")
JSON, HTML, FIGURES = "report.json", "report.html", "figures"
SENTENCES = {
    "nothing": "No lineage has a score yet, so there is nothing to compare.",
    "one": "Exploratory: one genome has scores, so there is nothing to compare it with.",
    ranking.RUN_VERDICT: (
        "Exploratory: no winner is declared. The tests of this version are not calibrated, so scores and "
        "intervals are shown and every comparison is left open."
    ),
}


class Records:
    """What a run folder holds, arranged by task and genome label.

    Attributes:
        manifest: The manifest.
        config: The resolved request.
        results: By lineage.
        metrics: By lineage, in order of generation.
        planned: Lineages of the run, in the order of the request.
        unfinished: Sentences about half-written lines.
        labels: Genome labels by task.
        fitness_field: By task, the column of metrics that learning is read from.
    """

    def __init__(self, run: RunFolder) -> None:
        self.manifest, self.config = run.manifest(), run.config()
        self.results = {key_of(row): row for row in run.results()}
        self.metrics: dict[Key, list[Row]] = {}
        for row in run.metrics():
            self.metrics.setdefault(key_of(row), []).append(row)
        for rows in self.metrics.values():
            rows.sort(key=lambda row: row["generation"])
        self.unfinished = run.unfinished()
        try:
            planned = [key_of(row) for row in self.manifest.get("lineages", [])]
        except (KeyError, TypeError) as error:
            raise RunError(f"{run.path}: the manifest's lineages are damaged ({error!r}).") from error
        self.planned = list(dict.fromkeys([*planned, *self.metrics, *self.results]))
        self.labels: dict[str, list[str]] = {}
        for task, genome, _, _ in self.planned:
            if genome not in self.labels.setdefault(task, []):
                self.labels[task].append(genome)
        # The centre's fitness is what is scored in the end; the population's mean stands in where a lineage
        # has none, for all genomes of the task alike.
        without = {
            key[0]
            for key, rows in self.metrics.items()
            if all(row.get("fitness_centre") is None for row in rows)
        }
        self.fitness_field = {t: "fitness_mean" if t in without else "fitness_centre" for t in self.labels}

    def lineages(self, task: str, genome: str) -> list[Key]:
        """Returns the planned lineages of one genome on one task."""
        return [key for key in self.planned if key[:2] == (task, genome)]

    def rows(self, task: str, genome: str) -> list[Row]:
        """Returns the results of one genome on one task."""
        return [self.results[key] for key in self.lineages(task, genome) if key in self.results]

    def done(self, task: str, genome: str, field: str = "score") -> dict[Key, float]:
        """Returns a finite figure of each lineage that ended well."""
        return {
            key_of(row): float(row[field])
            for row in self.rows(task, genome)
            if row["status"] == "done" and row["score"] is not None and row.get(field) is not None
        }

    def curves(self, task: str) -> dict[str, ranking.Curve]:
        """Returns the learning curve of each genome; lineages that failed are left out."""
        field, curves = self.fitness_field[task], {}
        for genome in self.labels[task]:
            keys = [key for key in self.lineages(task, genome) if key in self.metrics]
            alive = [key for key in keys if self.results.get(key, {}).get("status") != "failed"]
            tracks = [[(r["evaluations"], r.get(field)) for r in self.metrics[key]] for key in alive]
            curve = ranking.learning_curve(tracks)
            if curve:
                curves[genome] = curve
        return curves

    def unit(self, task: str, name: str = "unit") -> str:
        """Returns the unit of a task's score (`unit`) or of its fitness (`fitness_unit`)."""
        return str(self.manifest.get("tasks", {}).get(task, {}).get(name) or "")


def write_report(run: RunFolder) -> dict[str, Any]:
    """Makes report.json, report.html and the figures, and returns what report.json holds.

    Equal records give equal files: nothing depends on the time or on random state.

    Raises:
        RunError: If a record is damaged or the folder cannot be written.
    """
    from neuroevo import figures, page

    records = Records(run)
    report = _build(records, run.path.resolve().name)
    styles = {label: i for i, label in enumerate(dict.fromkeys(key[1] for key in records.planned))}
    (run.path / FIGURES).mkdir(exist_ok=True)
    images: dict[str, dict[str, bytes]] = {}
    for task, section in report["tasks"].items():
        for kind, figure in _figures(records, task, section, styles).items():
            image = figures.svg(figure)
            stem = run.path / FIGURES / f"{kind}_{safe_name(task)}"
            atomic_write(Path(f"{stem}.svg"), image)
            atomic_write(Path(f"{stem}.png"), figures.png(figure))
            images.setdefault(task, {})[kind] = image
    atomic_write(run.path / HTML, page.render(report, images, styles).encode())
    atomic_write(run.path / JSON, to_json(report, indent=2).encode())
    return report


def _build(records: Records, name: str) -> dict[str, Any]:
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


def _figures(
    records: Records, task: str, section: Mapping[str, Any], styles: Mapping[str, int]
) -> dict[str, Figure]:
    """Returns the figures of a task, by kind; one that would be empty is left out."""
    from neuroevo.figures import learning_figure, scores_figure

    found = {}
    curves = records.curves(task)
    if curves:
        what = "search centre" if section["learning_from"] == "fitness_centre" else "population"
        unit = section["fitness_unit"]
        label = f"fitness of the {what}" + (f" ({unit})" if unit else "")
        found["learning"] = learning_figure(task, curves, label, styles)
    scores = {e["genome"]: list(records.done(task, e["genome"]).values()) for e in section["genomes"]}
    if any(scores.values()):
        found["scores"] = scores_figure(task, section["genomes"], scores, section["unit"], styles)
    return found


def _median(values: Iterable[Any]) -> int | None:
    """Returns the median count, rounded down; None without any."""
    known = [value for value in values if value is not None]
    return int(np.median(known)) if known else None
