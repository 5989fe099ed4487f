"""Evidence: what run folders hold, arranged by task and genome label for the referee."""

from __future__ import annotations

from neuroevo import ranking
from neuroevo.errors import RunError
from neuroevo.records import Key, Row, RunFolder, key_of


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
