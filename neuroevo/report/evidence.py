"""Evidence: what run folders hold, arranged by task and genome label for the referee.

Several tournaments can be read as one, if they answer one request but for the genomes, graphs and seeds.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from neuroevo.errors import RunError
from neuroevo.files import Row
from neuroevo.plugins import Spec
from neuroevo.referee.learning_curves import Curve, Track, learning_curve
from neuroevo.run_folder import Key, RunFolder, key_of

Point = tuple[float, float | None, float | None]
RACE = "race"  # role of lineages that were raced and do not enter the comparison

BY_LABEL = {"genome": "genome", "task": "task", "budgets": "budget"}  # and of what
MEANS = {"neuron", "adapter", "search", "searches"}  # what a genome's label stands for, beside the prior
MAY_DIFFER = {
    *BY_LABEL,
    *MEANS,
    "graphs",
    "seeds",
    "workers",
    "address",
    "per_worker",
    "deadline",
    "device",
    "track",
}
DEFAULTS = {"selection": "tournament", "margin": []}  # of requests that are older than these keys
ORIGIN = ("commit", "versions", "device")  # equal requests may differ in result where these differ


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
        check(self.names, configs, manifests)
        self.manifest, self.config = merged(manifests, configs)
        self.commands = [c for c in (_command(manifest) for manifest in manifests) if c]
        self.missing = [x for run in runs for x in _ended(run, alone=len(runs) == 1)]
        self.notes = [*meanings(configs), *differences(self.names, manifests)]
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


def check(names: Sequence[str], configs: Sequence[Row], manifests: Sequence[Row]) -> None:
    """Raises RunError for the first thing in which runs differ that one answer cannot have.

    Args:
        names: Of the runs.
        configs: Their requests.
        manifests: Their manifests.
    """
    known = {key: _by_label(configs[0], key) for key in BY_LABEL}
    for i, (name, config, manifest) in enumerate(zip(names, configs, manifests, strict=True)):
        if i == 0:
            continue
        both = f"{names[0]} and {name}"
        _check_keys(both, configs[0], config, lambda key: key not in MAY_DIFFER)
        for earlier, other in zip(names[:i], configs[:i], strict=True):
            if _by_label(config, "genome").keys() & _by_label(other, "genome").keys():
                _check_keys(f"{earlier} and {name}", other, config, lambda key: key in MEANS)
        for key, kind in BY_LABEL.items():
            _check_labels(both, kind, known[key], _by_label(config, key))
        wirings = [m.get("connectome", {}) for m in (manifests[0], manifest)]
        if wirings[0] != wirings[1]:
            raise RunError(
                f"{both} have different wirings: {wirings[0]} and {wirings[1]}; report them apart."
            )


def merged(manifests: Sequence[Row], configs: Sequence[Row]) -> tuple[Row, Row]:
    """Returns one manifest and one request for several runs."""
    manifest, config = dict(manifests[0]), dict(configs[0])
    for other in manifests[1:]:
        manifest["lineages"] = [*manifest.get("lineages", []), *other.get("lineages", [])]
        graphs = [*manifest.get("graphs", []), *other.get("graphs", [])]
        manifest["graphs"] = list({(row["genome"], row["graph"]): row for row in graphs}.values())
        for name in ("tasks", "priors", "data"):
            manifest[name] = {**(manifest.get(name) or {}), **(other.get(name) or {})}
        times = [m["wall_seconds"] for m in (manifest, other) if m.get("wall_seconds") is not None]
        manifest["wall_seconds"] = sum(times) if times else None
    config["genome"] = list(dict.fromkeys(text for c in configs for text in c.get("genome", [])))
    return manifest, config


def differences(names: Sequence[str], manifests: Sequence[Row]) -> list[str]:
    """Returns sentences about versions in which runs differ: their scores may not be one sample."""
    found = []
    for key in ORIGIN:
        values = [manifest.get(key) for manifest in manifests]
        if any(value != values[0] for value in values):
            found.append(
                f"The runs {', '.join(names)} differ in {key}, so that equal requests may differ in result."
            )
    return found


def meanings(configs: Sequence[Row]) -> list[str]:
    """Returns sentences about what labels stand for where runs differ in it, such as their neurons."""
    found = []
    for key in sorted(MEANS):
        by_value: dict[str, list[str]] = {}
        for config in configs:
            value = config.get(key, "")
            text = ", ".join(map(str, value.values())) if isinstance(value, dict) else str(value)
            by_value.setdefault(text, []).extend(_by_label(config, "genome"))
        if len(by_value) > 1:
            told = "; ".join(
                f"{text} of {', '.join(dict.fromkeys(labels))}" for text, labels in by_value.items()
            )
            found.append(f"Runs differ in {key}: {told}.")
    return found


def _check_keys(both: str, first: Row, config: Row, concerns: Callable[[str], bool]) -> None:
    """Compares what must be equal in two requests, of the keys concerned."""
    for key in sorted(filter(concerns, first.keys() | config.keys())):
        values = [c.get(key, DEFAULTS.get(key)) for c in (first, config)]
        if values[0] != values[1]:
            raise RunError(
                f"{both} differ in {key!r}: {values[0]!r} and {values[1]!r}. Only runs of one "
                "request can be joined; report them apart, or run one again as the other."
            )
    if first.get("selection", "tournament") != "tournament":
        raise RunError(f"{both} are no tournaments; report runs of {first['selection']!r} one by one.")


def _check_labels(both: str, kind: str, known: dict[str, str], found: dict[str, str]) -> None:
    """Compares what two requests mean by a label; adds the labels that are new."""
    for label, text in found.items():
        if known.setdefault(label, text) != text:
            raise RunError(
                f"{both} mean different things by {kind} {label!r}: {known[label]} and {text}. Run one again "
                "under another label, label=name, or as the other."
            )


def _by_label(config: Row, kind: str) -> dict[str, str]:
    """Returns the genomes, tasks or budgets of a request by label."""
    found = config.get(kind, [])
    if isinstance(found, dict):  # where a budget's first phase ends is the search's affair
        kept = {label: {k: v for k, v in what.items() if k != "pretraining"} for label, what in found.items()}
        return {label: str(what) for label, what in kept.items()}
    return {Spec.parse(text).label: text for text in found}
