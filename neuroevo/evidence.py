"""Evidence: what run folders hold, arranged by task and genome label for the referee.

Several tournaments can be read as one, if they answer one request but for the genomes, graphs and seeds.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from neuroevo import joining
from neuroevo.errors import RunError
from neuroevo.learning import Curve, Track, learning_curve
from neuroevo.records import Key, Row, RunFolder, key_of

Point = tuple[float, float | None, float | None]
RACE = "race"  # role of lineages that were raced and do not enter the comparison


class Records:
    """What run folders hold, arranged by task and genome label.

    Attributes:
        names: The folders' names.
        manifest: The manifest; of several runs, put together.
        config: The resolved request; of several runs, the first one's, with the genomes of all.
        commands: Command line of each run, where known.
        results: By lineage.
        metrics: By lineage, in order of generation: evaluations, fitness of the centre, mean fitness.
        selection: Events of a race or a mixed population.
        planned: Lineages of the runs, in the order of the request.
        missing: Sentences about half-written lines and how runs ended.
        notes: Sentences about what the runs differ in.
        labels: Genome labels by task.
        fitness_field: By task, the column of metrics that learning is read from.
    """

    def __init__(self, *runs: RunFolder) -> None:
        self.names = [run.path.resolve().name for run in runs]
        manifests, configs = [run.manifest() for run in runs], [run.config() for run in runs]
        joining.check(self.names, configs, manifests)
        self.manifest, self.config = joining.merged(manifests, configs)
        self.commands = [c for c in (_command(manifest) for manifest in manifests) if c]
        self.missing = [x for run in runs for x in _ended(run, alone=len(runs) == 1)]
        self.notes = [*joining.meanings(configs), *joining.differences(self.names, manifests)]
        self.notes += [note for manifest in manifests for note in manifest.get("tracker_failures") or []]
        self.results: dict[Key, Row] = {}
        for run in runs:
            self._add_results(run)
        points: dict[Key, dict[int, Point]] = {}
        for run in runs:
            for row in run.stream_metrics():
                point = row["evaluations"], row.get("fitness_centre"), row.get("fitness_mean")
                points.setdefault(key_of(row), {})[row["generation"]] = point
        self.metrics = {key: [own[g] for g in sorted(own)] for key, own in points.items()}
        self.selection = [row for run in runs for row in run.selection()]
        self._arrange(runs[0])

    def _add_results(self, run: RunFolder) -> None:
        """Takes in the results of a run; a lineage that two runs hold must be the same in both.

        Raises:
            RunError: If it is not.
        """
        for row in run.results():
            key = key_of(row)
            other = self.results.setdefault(key, row)
            if other["score"] != row["score"]:
                task, genome, graph, seed = key
                raise RunError(
                    f"{run.path} and another run hold {genome} on {task}, graph {graph}, seed {seed}, with "
                    f"scores {row['score']} and {other['score']}; one request has one answer, so they were "
                    "run by different versions. Run them again, or report them apart."
                )

    def _arrange(self, run: RunFolder) -> None:
        """Lists what was planned, and chooses what learning is read from."""
        try:
            planned = [key_of(row) for row in self.manifest.get("lineages", [])]
        except (KeyError, TypeError) as error:
            raise RunError(f"{run.path}: the manifest's lineages are damaged ({error!r}).") from error
        if self.selection_kind == "mixed":  # members that made room have metrics, but are not of the outcome
            self.planned = list(dict.fromkeys([*planned, *self.results]))
        else:
            self.planned = list(dict.fromkeys([*planned, *self.metrics, *self.results]))
        self.labels: dict[str, list[str]] = {}
        self._lineages: dict[tuple[str, str], list[Key]] = {}
        for key in self.planned:
            if key[:2] not in self._lineages:
                self.labels.setdefault(key[0], []).append(key[1])
            self._lineages.setdefault(key[:2], []).append(key)
        # The centre's fitness is what is scored in the end; the population's mean stands in where a lineage
        # has none, for all genomes of the task alike.
        without = {
            key[0] for key, rows in self.metrics.items() if all(centre is None for _, centre, _ in rows)
        }
        self.fitness_field = {t: "fitness_mean" if t in without else "fitness_centre" for t in self.labels}

    @property
    def selection_kind(self) -> str:
        """The request's selection."""
        return str(self.config.get("selection", "tournament"))

    def lineages(self, task: str, genome: str) -> list[Key]:
        """Returns the planned lineages of one genome on one task that the comparison is about."""
        keys = self._lineages.get((task, genome), [])
        later = [key for key in keys if self.results.get(key, {}).get("role") != RACE]
        return later or keys  # a genome that a race dropped has no others

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

    def tracks(self, task: str, genome: str) -> dict[Key, Track]:
        """Returns (evaluations, fitness) by generation of each lineage that did not fail.

        In a mixed population a place may have had several members; those of one prior throughout are taken.
        """
        column = 1 if self.fitness_field[task] == "fitness_centre" else 2
        whole = max(map(len, self.metrics.values()), default=0) if self.selection_kind == "mixed" else 0
        return {
            key: [(point[0], point[column]) for point in self.metrics[key]]
            for key in self.lineages(task, genome)
            if len(self.metrics.get(key, ())) >= max(whole, 1)
            and self.results.get(key, {}).get("status") != "failed"
        }

    def curves(self, task: str) -> dict[str, Curve]:
        """Returns the learning curve of each genome; lineages that failed are left out."""
        found = {g: learning_curve(list(self.tracks(task, g).values())) for g in self.labels[task]}
        return {genome: curve for genome, curve in found.items() if curve}

    def unit(self, task: str, name: str = "unit") -> str:
        """Returns the unit of a task's score (`unit`) or of its fitness (`fitness_unit`)."""
        return str(self.manifest.get("tasks", {}).get(task, {}).get(name) or "")

    def prior(self, genome: str) -> Mapping[str, Any]:
        """Returns what the manifest says of a genome's prior; empty where it says nothing."""
        found: Mapping[str, Any] = (self.manifest.get("priors") or {}).get(genome) or {}
        return found


def gather(runs: Sequence[RunFolder]) -> Records:
    """Returns the records of one run, or of several tournaments that answer one request.

    Raises:
        RunError: If a record is damaged, or the runs do not belong together; it names the difference.
    """
    if not runs:
        raise RunError("No run given; name one run folder or more.")
    paths = [run.path.resolve() for run in runs]
    for path in paths:
        if paths.count(path) > 1:
            raise RunError(f"{path.name} is given twice; name each run once.")
    return Records(*runs)


def _command(manifest: Row) -> str | None:
    """Returns the command line of a run."""
    command = manifest.get("command")
    return shlex.join(map(str, command)) if isinstance(command, list) else command


def _ended(run: RunFolder, alone: bool) -> list[str]:
    """Returns sentences about a run that did not end, and about lines that it left half written."""
    name = "The run" if alone else run.path.resolve().name
    ended = {
        "running": f"{name} has not ended, or was killed.",
        "interrupted": f"{name} was interrupted.",
        "failed": f"{name} failed.",
    }
    status = run.manifest().get("status")
    return [*([ended[status]] if status in ended else []), *run.unfinished()]
