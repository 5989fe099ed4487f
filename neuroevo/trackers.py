"""Trackers: a run in TensorBoard, Weights & Biases or MLflow, beside the files that it writes anyway.

A tracker is given means over the lineages of a genome, a point a generation, once all of them have reported
it: nothing is drawn from the lineages that happen to be first. Points stand against evaluations, which are
what rival priors have in equal number. The names are TASK/GENOME/fitness_mean, fitness_best, fitness_centre,
failures and, where priors compete in one population, share; after the last generation score, score_low and
score_high (the 95 % interval), untrained_score.

    RUN/trackers/tensorboard   event files; tensorboard --logdir shows them
    RUN/trackers/wandb         an offline run that `wandb sync` uploads; WANDB_MODE=online uploads at once
    RUN/trackers/mlruns        a database for `mlflow ui`; MLFLOW_TRACKING_URI names a server in its place

Unless the user's environment says otherwise nothing leaves the machine.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from neuroevo.errors import OptionError, unknown
from neuroevo.records import Key, Row, key_of
from neuroevo.tracker_backends import ENVIRONMENT, MEANS, TRACKERS, Tracker

Series = tuple[str, str, str | None]  # stage, task, and genome unless all genomes are one population


class Means:
    """Means over the lineages of a genome, given out once all of them have reported a generation.

    Where rows have an epoch, priors compete in one population and a lineage may change its genome: then a
    generation is complete when all lineages of the task have reported it, and each genome has a share.
    """

    def __init__(self) -> None:
        self._planned: Counter[tuple[str, str, str]] = Counter()  # lineages of a stage, task and genome
        self._stages: dict[Key, str] = {}  # of lineages of later stages
        self._open: dict[tuple[Series, int], dict[str, Counter[str]]] = {}  # by genome: counts and sums
        self._given: set[Series] = set()

    def plan(self, lineages: Iterable[Mapping[str, Any]], stage: str = "") -> None:
        """Adds lineages that are to report; those of a stage with a name make curves of their own."""
        for row in lineages:
            self._planned[stage, row["task"], row["genome"]] += 1
            if stage:
                self._stages[key_of(row)] = stage

    def add(self, rows: Iterable[Row]) -> list[Row]:
        """Takes in rows of metrics, in shards of any make-up; returns the points that are complete."""
        points = []
        for row in rows:
            stage = self._stages.get(key_of(row), "")
            series = (stage, row["task"], None if "epoch" in row else row["genome"])
            found = self._open.setdefault((series, row["generation"]), {})
            _count(found.setdefault(row["genome"], Counter()), row)
            if _total(found) == self._due(series):
                points += self._points(series, row["generation"])
        return points

    def rest(self) -> list[Row]:
        """Returns points of curves of which none was complete: lineages that nobody planned."""
        left = [unit for unit in self._open if unit[0] not in self._given]
        return [point for unit in sorted(left, key=lambda unit: unit[1]) for point in self._points(*unit)]

    def _due(self, series: Series) -> int:
        """Returns how many lineages a series has."""
        stage, task, genome = series
        if genome is not None:
            return self._planned[stage, task, genome]
        return sum(n for (s, t, _), n in self._planned.items() if (s, t) == (stage, task))

    def _points(self, series: Series, generation: int) -> list[Row]:
        """Returns the points of a generation, a genome each, and forgets its rows."""
        stage, task, genome = series
        found = self._open.pop((series, generation))
        self._given.add(series)
        if genome is None:  # a genome without a member has a share too: none
            found |= {g: Counter() for s, t, g in self._planned if (s, t) == (stage, task) and g not in found}
        evaluations = max(sums["evaluations"] for sums in found.values())
        points = []
        for label, sums in found.items():
            point = {"stage": stage, "task": task, "genome": label, "generation": generation}
            point |= {"evaluations": evaluations, "lineages": sums["lineages"], "failures": sums["failures"]}
            point |= {name: sums[name] / sums[f"{name} of"] for name in MEANS if sums[f"{name} of"]}
            points.append(point | ({"share": sums["lineages"] / _total(found)} if genome is None else {}))
        return points


def _count(sums: Counter[str], row: Row) -> None:
    """Adds a lineage's figures to those of its genome; a fitness of None is no fitness."""
    sums["lineages"] += 1
    sums["failures"] += row.get("failures") or 0
    sums["evaluations"] = max(sums["evaluations"], row["evaluations"])
    for name in MEANS:
        if row.get(name) is not None:
            sums[name] += row[name]
            sums[f"{name} of"] += 1


def _total(found: Mapping[str, Counter[str]]) -> int:
    return sum(sums["lineages"] for sums in found.values())


class Trackers:
    """Any number of trackers as one, or none.

    A tracker that fails is switched off: the run goes on, and the failure is told once and kept.

    Args:
        trackers: By name.
        warn: Told of a tracker that failed.

    Attributes:
        failures: A sentence for each tracker that was switched off.
    """

    def __init__(self, trackers: Mapping[str, Tracker], warn: Callable[[str], None]) -> None:
        self._trackers, self._warn, self._means = dict(trackers), warn, Means()
        self.failures: list[str] = []

    def __enter__(self) -> Trackers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def views(self) -> list[str]:
        """How to look at what the trackers keep, a line each."""
        return [tracker.view for tracker in self._trackers.values()]

    def plan(self, lineages: Iterable[Mapping[str, Any]], stage: str = "") -> None:
        """Adds lineages that are to report, such as those of a confirmation, which is a stage of its own.

        Args:
            lineages: Rows with task, genome, graph and seed.
            stage: Goes before the names; empty for the lineages that a run starts with.
        """
        self._means.plan(lineages, stage)

    def metrics(self, rows: Sequence[Row]) -> None:
        """Takes in rows of metrics as a shard completes them."""
        points = self._means.add(rows) if self._trackers else []
        if points:
            self._each(lambda tracker: tracker.metrics(points))

    def finish(self, report: Mapping[str, Any]) -> None:
        """Takes in the report of a run that is done; its scores end the curves."""
        points = self._means.rest()
        self._each(lambda tracker: tracker.metrics(points))
        self._each(lambda tracker: tracker.finish(report))

    def close(self) -> None:
        """Ends tracking; the second time nothing happens."""
        self._each(lambda tracker: tracker.close())
        self._trackers.clear()

    def _each(self, call: Callable[[Tracker], None]) -> None:
        """Calls every tracker and switches off those that fail, in whatever way."""
        for name, tracker in list(self._trackers.items()):
            try:
                call(tracker)
            except Exception as error:
                del self._trackers[name]
                self.failures.append(
                    f"Tracker {name!r} failed and was switched off ({_line(error)}); the run's own files are "
                    "not affected."
                )
                self._warn(self.failures[-1])
                with contextlib.suppress(Exception):
                    tracker.close()


def check(names: Sequence[str]) -> None:
    """Checks a request before anything is written or run, and sees to it that the libraries keep quiet.

    It imports none of them. Call it before anything imports EvoTorch, which does: what they report, and
    where to, is settled on import.

    Raises:
        OptionError: If a tracker is unknown, named twice or lacks its package.
    """
    for name in names:
        if name not in TRACKERS:
            raise OptionError(unknown("tracker", name, TRACKERS))
        if names.count(name) > 1:
            raise OptionError(f"Tracker {name!r} is given twice; give it once.")
        needed = [name]
        if name == "mlflow" and not os.environ.get("MLFLOW_TRACKING_URI"):
            needed += ["sqlalchemy", "alembic"]  # the small edition, mlflow-skinny, comes without
        missing = [package for package in needed if not _is_installed(package)]
        if missing:
            raise OptionError(
                f"Tracker {name!r} needs the package {missing[0]}, which is not installed; run: "
                f"pip install 'neuroevo[{name}]'"
            )
    for name in names:
        for variable, value in ENVIRONMENT.get(name, {}).items():
            os.environ.setdefault(variable, value)


def open_trackers(
    names: Sequence[str],
    folder_path: str | Path,
    config: Mapping[str, Any],
    lineages: Iterable[Mapping[str, Any]] = (),
    warn: Callable[[str], None] = lambda text: print(text, file=sys.stderr),
) -> Trackers:
    """Starts trackers for a run.

    Args:
        names: Of TRACKERS; may be none.
        folder_path: The run folder, which exists.
        config: The resolved request, plain types.
        lineages: Planned: rows with task, genome, graph and seed.
        warn: Told, once each, of trackers that fail later on.

    Raises:
        OptionError: If one is refused by `check`, or cannot start; then none is left open.
    """
    check(names)
    group = Trackers({}, warn)
    for name in names:
        try:
            group._trackers[name] = TRACKERS[name](Path(folder_path), config)
        except Exception as error:  # a library can fail in any way
            group.close()
            raise OptionError(
                f"Tracker {name!r} cannot start ({_line(error)}); put that right or leave out --track {name}."
            ) from error
    group.plan(lineages)
    return group


def _is_installed(package: str) -> bool:
    """Says whether a package can be imported; a mere folder of that name, such as wandb/, is none."""
    spec = importlib.util.find_spec(package)
    return spec is not None and spec.origin is not None


def _line(error: Exception) -> str:
    """Returns an error in one line."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 200 else f"{text[:197]}..."
