"""A run in TensorBoard, Weights & Biases or MLflow, beside the files that it writes anyway.

A tracker is given means over the lineages of a genome, a point a generation, once all of them have reported
it: nothing is drawn from the lineages that happen to be first. Points stand against evaluations, which are
what rival priors have in equal number. The names are TASK/GENOME/fitness_mean, fitness_best, fitness_centre,
failures and, where priors compete in one population, share; after the last generation score, score_low and
score_high (the 95 % interval), untrained_score.

    RUN/trackers/tensorboard   event files; tensorboard --logdir shows them
    RUN/trackers/wandb         an offline run that `wandb sync` uploads; WANDB_MODE=online uploads at once
    RUN/trackers/mlruns        a database for `mlflow ui`; MLFLOW_TRACKING_URI names a server in its place

Unless the user's environment says otherwise nothing leaves the machine: what the libraries would report of
their use, of errors and of the machine is switched off.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shlex
import sys
import time
import typing
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NotRequired, Protocol, TypedDict

from neuroevo.errors import OptionError, described, unknown
from neuroevo.experiment.config import TRACKERS
from neuroevo.files import to_json
from neuroevo.rows import LineageRow, MetricsRow
from neuroevo.run_folder import Key, key_of

if TYPE_CHECKING:  # `run.py list` imports this module, and needs no report
    from mlflow.entities import Metric
    from torch.utils.tensorboard import SummaryWriter

    from neuroevo.report.model import Report

FOLDER = "trackers"  # in the run folder
FLUSH_SECONDS = 2.0  # between writes to MLflow, each of which is a transaction
MAX_WORD = 60  # characters of a label in a name: three and a figure's stay below MLflow's 250
MAX_BATCH = 1_000  # metrics that MLflow takes at a time
Mean = Literal["fitness_mean", "fitness_best", "fitness_centre"]
MEANS: tuple[Mean, ...] = typing.get_args(Mean)
# Read when a library is imported, and so set before.
ENVIRONMENT: dict[str, dict[str, str]] = {
    "wandb": {"WANDB_ERROR_REPORTING": "false"},
    "mlflow": {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        # A server that has gone must not hold up the run; by default it is tried for minutes.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds
    },
}
Figure = Literal[
    "fitness_mean",
    "fitness_best",
    "fitness_centre",
    "failures",
    "share",
    "score",
    "score_low",
    "score_high",
    "untrained_score",
]
_FIGURES: tuple[Figure, ...] = (
    *MEANS,
    "failures",
    "share",
    "score",
    "score_low",
    "score_high",
    "untrained_score",
)

Series = tuple[str, str, str | None]  # stage, task, and genome unless all genomes are one population


class Point(TypedDict):
    """A point of the curves of a genome: those of its figures that there are.

    Attributes:
        task: Label of the task.
        genome: Label of the prior.
        evaluations: Evaluations of a lineage until then.
        stage: Name of the stage; missing or "" where the run has but one.
        generation: The generation, from 0.
        lineages: Lineages that figures are means over.
        failures: Genomes of the generation whose fitness is not finite.
        fitness_mean: Mean over lineages of the fitness of a genome.
        fitness_best: Mean over lineages of the largest fitness.
        fitness_centre: Mean over lineages of the fitness of the search's centre.
        share: Of mixed populations: the share of members, in [0, 1].
        score: Interquartile mean of the score; None where there is none.
        score_low: Lower end of its 95 % interval; None where there is none.
        score_high: Upper end of its 95 % interval; None where there is none.
        untrained_score: Interquartile mean of the score without training; None where there is none.
    """

    task: str
    genome: str
    evaluations: int
    stage: NotRequired[str]
    generation: NotRequired[int]
    lineages: NotRequired[int]
    failures: NotRequired[int]
    fitness_mean: NotRequired[float]
    fitness_best: NotRequired[float]
    fitness_centre: NotRequired[float]
    share: NotRequired[float]
    score: NotRequired[float | None]
    score_low: NotRequired[float | None]
    score_high: NotRequired[float | None]
    untrained_score: NotRequired[float | None]


class Tracker(Protocol):
    """What a run tells of itself while it goes on.

    Attributes:
        view: How to look at what it keeps, one line.
    """

    view: str

    def metrics(self, rows: Sequence[Point]) -> None:
        """Takes in points of curves.

        Args:
            rows: Points, each with task, genome, stage, evaluations and some of the figures.
        """

    def finish(self, report: Report) -> None:
        """Takes in what came of a run that is done.

        Args:
            report: Its report.
        """

    def close(self) -> None:
        """Ends tracking; a run that has not finished counts as failed."""


class TensorBoard:
    """Event files: a run for each task and genome, and a chart for each figure of a task."""

    def __init__(self, folder: Path, config: Mapping[str, object]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._make = SummaryWriter
        self._writers: dict[str, SummaryWriter] = {}
        self._folder = folder / FOLDER / "tensorboard"
        self.view = f"tensorboard --logdir {shlex.quote(str(self._folder))}"
        lines = "".join(f"    {key} = {to_json(value)}\n" for key, value in config.items())
        self._writer("").add_text("config", lines)  # indented: Markdown's code

    def _writer(self, name: str) -> SummaryWriter:
        """Returns the writer of a run, which is a folder."""
        if name not in self._writers:
            self._writers[name] = self._make(str(self._folder / name), flush_secs=10)
        return self._writers[name]

    def metrics(self, rows: Sequence[Point]) -> None:
        """Writes points; runs that share a tag share a chart, so the tag says task and figure.

        Args:
            rows: Points, see `Tracker.metrics`.
        """
        for row in rows:
            writer = self._writer(name_of(row))
            for figure, value in _figures(row):
                writer.add_scalar(f"{word(row['task'])}/{figure}", value, row["evaluations"])

    def finish(self, report: Report) -> None:
        """Writes scores and verdicts.

        Args:
            report: Report of the run.
        """
        self.metrics(_scores(report))
        for tag, text in _verdicts(report).items():
            self._writer("").add_text(tag, text)

    def close(self) -> None:
        """Closes the files."""
        for writer in self._writers.values():
            writer.close()


class Wandb:
    """A run of Weights & Biases, offline unless WANDB_MODE says otherwise."""

    def __init__(self, folder: Path, config: Mapping[str, object]) -> None:
        import wandb

        (folder / FOLDER).mkdir(exist_ok=True)  # else it writes to a folder of its own choice
        mode: Any = os.environ.get("WANDB_MODE") or "offline"
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or "neuroevo",
            name=folder.resolve().name,
            config=dict(config),
            dir=str(folder / FOLDER),  # to which it adds wandb/
            mode=mode,
            settings=wandb.Settings(
                silent=True,
                console="off",  # the terminal is the display's
                disable_git=True,
                disable_code=True,
                reinit="create_new",  # leaves alone a run of the caller's own
                x_disable_stats=True,
                x_disable_meta=True,
                x_disable_machine_info=True,
                x_save_requirements=False,
            ),
        )
        self._run.define_metric("*", step_metric="evaluations")
        self._is_done = False
        local = f"wandb sync {shlex.quote(str(Path(self._run.dir).parent))}"
        self.view = local if self._run.offline else self._run.url or local

    def metrics(self, rows: Sequence[Point]) -> None:
        """Logs points.

        Args:
            rows: Points, see `Tracker.metrics`.
        """
        for row in rows:
            figures = {f"{name_of(row)}/{figure}": value for figure, value in _figures(row)}
            self._run.log({"evaluations": row["evaluations"], **figures})

    def finish(self, report: Report) -> None:
        """Writes scores and verdicts into the summary.

        Args:
            report: Report of the run.
        """
        for row in _scores(report):
            self._run.summary.update({f"{name_of(row)}/{key}": value for key, value in _figures(row)})
        self._run.summary.update(_verdicts(report))
        self._is_done = True

    def close(self) -> None:
        """Ends the run."""
        self._run.finish(exit_code=0 if self._is_done else 1)


class MLflow:
    """A run of MLflow, in a database in the run folder unless MLFLOW_TRACKING_URI names another store."""

    def __init__(self, folder: Path, config: Mapping[str, object]) -> None:
        from mlflow import MlflowClient, entities

        self._entities = entities
        store, place = os.environ.get("MLFLOW_TRACKING_URI"), None
        if not store:  # not its store of plain files: that one is no longer developed, and refuses to open
            local = (folder / FOLDER / "mlruns").resolve()
            local.mkdir(parents=True, exist_ok=True)
            store, place = f"sqlite:///{local / 'mlflow.db'}", (local / "artifacts").as_uri()
        self.view = f"mlflow ui --backend-store-uri {shlex.quote(store)}"
        self._client = MlflowClient(tracking_uri=store, registry_uri=store)
        label = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "neuroevo"
        known = self._client.get_experiment_by_name(label)
        experiment = known.experiment_id if known else self._client.create_experiment(label, place)
        self._run = self._client.create_run(experiment, run_name=folder.resolve().name).info.run_id
        self._pending: list[Metric] = []
        self._flushed = time.monotonic()
        self._is_done = False
        # What is longer than MLflow takes, a request of very many priors, it cuts; config.toml has all of it.
        parameters = [entities.Param(key, to_json(value)) for key, value in config.items()]
        self._client.log_batch(self._run, params=parameters)

    def metrics(self, rows: Sequence[Point]) -> None:
        """Collects points, and writes them together from time to time.

        Args:
            rows: Points, see `Tracker.metrics`.
        """
        now = int(time.time() * 1000)
        for row in rows:
            for figure, value in _figures(row):
                name = f"{name_of(row)}/{figure}"
                self._pending.append(self._entities.Metric(name, value, now, row["evaluations"]))
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self._flush()

    def finish(self, report: Report) -> None:
        """Writes scores, and verdicts as tags.

        Args:
            report: Report of the run.
        """
        self.metrics(_scores(report))
        tags = [self._entities.RunTag(key, text) for key, text in _verdicts(report).items()]
        self._client.log_batch(self._run, tags=tags)
        self._is_done = True

    def close(self) -> None:
        """Writes what is left and ends the run."""
        self._flush()
        self._client.set_terminated(self._run, "FINISHED" if self._is_done else "FAILED")

    def _flush(self) -> None:
        """Writes the points that wait; what cannot be written is given up, for it would fail again."""
        pending = self._pending
        self._pending = []
        for first in range(0, len(pending), MAX_BATCH):
            self._client.log_batch(self._run, metrics=pending[first : first + MAX_BATCH])
        self._flushed = time.monotonic()


OPENERS: dict[str, Callable[[Path, Mapping[str, object]], Tracker]] = dict(
    zip(TRACKERS, (TensorBoard, Wandb, MLflow), strict=True)
)


def name_of(row: Point) -> str:
    """Returns the name of a row's curve: TASK/GENOME, after the stage if it has one.

    Args:
        row: A point.
    """
    return "/".join(word(part) for part in (row.get("stage"), row["task"], row["genome"]) if part)


def word(label: str) -> str:
    """Returns a label as a part of a name; different labels give different words.

    Letters, digits and `_-.: ` stay, which MLflow takes too; a label that holds something else, is long or
    might be read as a folder ends in a digest.

    Args:
        label: Label of a task or genome, or name of a stage.
    """
    if re.fullmatch(rf"[\w\-:][\w\-.: ]{{0,{MAX_WORD - 1}}}(?<![ .])", label):
        return label
    digest = hashlib.sha256(label.encode()).hexdigest()[:6]
    readable = re.sub(r"[^\w\-: ]", "_", label)[: MAX_WORD - 7]
    return f"{readable}-{digest}"


def _figures(row: Point) -> list[tuple[str, float]]:
    """Returns the figures that a point has."""
    return [(name, float(value)) for name in _FIGURES if (value := row.get(name)) is not None]


def _scores(report: Report) -> list[Point]:
    """Returns a point for each genome of each task of a report: its interquartile mean score."""
    points: list[Point] = []
    for task in report.tasks.values():
        for genome in task.genomes:
            low, high = genome.score.ci95 or (None, None)
            points.append(
                {
                    "task": task.label,
                    "genome": genome.label,
                    "score": genome.score.iqm,
                    "score_low": low,
                    "score_high": high,
                    "untrained_score": genome.untrained.iqm,
                    "evaluations": genome.evaluations or 0,
                }
            )
    return points


def _verdicts(report: Report) -> dict[str, str]:
    """Returns the verdict on the run and on each task, in sentences."""
    of_tasks = {f"{word(label)}/verdict": task.verdict.sentence for label, task in report.tasks.items()}
    return {"verdict": report.run.sentence, **of_tasks}


@dataclass
class _Sums:
    """Figures of a genome's lineages at a generation, added up.

    Attributes:
        lineages: How many reported.
        failures: Genomes of theirs whose fitness is not finite.
        evaluations: The most that one of them has had.
        totals: Sums of fitness, over those lineages that have it.
        counts: How many lineages these are.
    """

    lineages: int = 0
    failures: int = 0
    evaluations: int = 0
    totals: dict[Mean, float] = field(default_factory=dict)
    counts: Counter[Mean] = field(default_factory=Counter)

    def add(self, row: MetricsRow) -> None:
        """Adds a lineage's figures; a fitness of None is no fitness.

        Args:
            row: Its metrics.
        """
        self.lineages += 1
        self.failures += row.get("failures") or 0
        self.evaluations = max(self.evaluations, row["evaluations"])
        for name in MEANS:
            if (value := row.get(name)) is not None:
                self.totals[name] = self.totals.get(name, 0) + value
                self.counts[name] += 1


class Means:
    """Means over the lineages of a genome, given out once all of them have reported a generation.

    Where rows have an epoch, priors compete in one population and a lineage may change its genome: then a
    generation is complete when all lineages of the task have reported it, and each genome has a share.
    """

    def __init__(self) -> None:
        self._planned: Counter[tuple[str, str, str]] = Counter()  # lineages of a stage, task and genome
        self._stages: dict[Key, str] = {}  # stages of those lineages that come later
        self._open: dict[tuple[Series, int], dict[str, _Sums]] = {}  # by genome
        self._given: set[Series] = set()

    def plan(self, lineages: Iterable[LineageRow], stage: str = "") -> None:
        """Adds lineages that are to report; those of a stage with a name make curves of their own.

        Args:
            lineages: Rows with task, genome, graph and seed.
            stage: Name of their stage, or "" for those that a run starts with.
        """
        for row in lineages:
            self._planned[stage, row["task"], row["genome"]] += 1
            if stage:
                self._stages[key_of(row)] = stage

    def add(self, rows: Iterable[MetricsRow]) -> list[Point]:
        """Takes in rows of metrics, in shards of any make-up.

        Args:
            rows: Rows of metrics.

        Returns:
            The points that are complete now.
        """
        points: list[Point] = []
        for row in rows:
            stage = self._stages.get(key_of(row), "")
            series = (stage, row["task"], None if "epoch" in row else row["genome"])
            by_genome = self._open.setdefault((series, row["generation"]), {})
            by_genome.setdefault(row["genome"], _Sums()).add(row)
            if _total(by_genome) == self._due(series):
                points += self._points(series, row["generation"])
        return points

    def rest(self) -> list[Point]:
        """Returns points of curves of which none was complete: lineages that nobody planned."""
        left = [unit for unit in self._open if unit[0] not in self._given]
        return [point for unit in sorted(left, key=lambda unit: unit[1]) for point in self._points(*unit)]

    def _due(self, series: Series) -> int:
        """Returns how many lineages a series has."""
        stage, task, genome = series
        if genome is not None:
            return self._planned[stage, task, genome]
        return sum(n for (s, t, _), n in self._planned.items() if (s, t) == (stage, task))

    def _points(self, series: Series, generation: int) -> list[Point]:
        """Returns the points of a generation, a genome each, and forgets its rows."""
        stage, task, genome = series
        by_genome = self._open.pop((series, generation))
        self._given.add(series)
        if genome is None:  # a genome without a member has a share too: none
            planned = [g for s, t, g in self._planned if (s, t) == (stage, task)]
            by_genome |= {g: _Sums() for g in planned if g not in by_genome}
        evaluations = max(sums.evaluations for sums in by_genome.values())
        points: list[Point] = []
        for label, sums in by_genome.items():
            point: Point = {
                "stage": stage,
                "task": task,
                "genome": label,
                "generation": generation,
                "evaluations": evaluations,
                "lineages": sums.lineages,
                "failures": sums.failures,
            }
            for name, total in sums.totals.items():
                point[name] = total / sums.counts[name]
            if genome is None:
                point["share"] = sums.lineages / _total(by_genome)
            points.append(point)
        return points


def _total(by_genome: Mapping[str, _Sums]) -> int:
    """Returns the number of lineages that were counted."""
    return sum(sums.lineages for sums in by_genome.values())


class Trackers:
    """Any number of trackers as one, or none.

    A tracker that fails is switched off: the run goes on, and the failure is told and recorded once.

    Args:
        trackers: The trackers by name.
        warn: Called with a sentence for each tracker that failed.

    Attributes:
        failures: A sentence for each tracker that was switched off.
    """

    def __init__(self, trackers: Mapping[str, Tracker], warn: Callable[[str], None]) -> None:
        self._trackers = dict(trackers)
        self._warn = warn
        self._means = Means()
        self.failures: list[str] = []

    def __enter__(self) -> Trackers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def views(self) -> list[str]:
        """How to look at what the trackers keep, a line each."""
        return [tracker.view for tracker in self._trackers.values()]

    def plan(self, lineages: Iterable[LineageRow], stage: str = "") -> None:
        """Adds lineages that are to report, such as those of a confirmation, which is a stage of its own.

        Args:
            lineages: Rows with task, genome, graph and seed.
            stage: Name of their stage, which goes before the names, or "" for those that a run starts with.
        """
        self._means.plan(lineages, stage)

    def metrics(self, rows: Sequence[MetricsRow]) -> None:
        """Takes in rows of metrics as a shard completes them.

        Args:
            rows: Rows of metrics.
        """
        points = self._means.add(rows) if self._trackers else []
        if points:
            self._each(lambda tracker: tracker.metrics(points))

    def finish(self, report: Report) -> None:
        """Takes in what came of a run that is done; scores end the curves.

        Args:
            report: Its report.
        """
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
                    f"Tracker {name!r} failed and was switched off ({described(error)}); the run's own "
                    "files are not affected."
                )
                self._warn(self.failures[-1])
                with contextlib.suppress(Exception):
                    tracker.close()


def check(names: Sequence[str]) -> None:
    """Checks a request before anything is written or run, and sees to it that the libraries keep quiet.

    It imports none of them: what they report, and where to, is settled when they are imported.

    Args:
        names: Trackers that are asked for.

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
    config: Mapping[str, object],
    lineages: Iterable[LineageRow] = (),
    warn: Callable[[str], None] = lambda text: print(text, file=sys.stderr),
) -> Trackers:
    """Starts trackers for a run.

    Args:
        names: Names of `TRACKERS`; there may be none.
        folder_path: The run folder, which exists.
        config: The resolved request, in plain types.
        lineages: Lineages that are planned, rows with task, genome, graph and seed.
        warn: Called with a sentence for each tracker that fails later on.

    Returns:
        The trackers as one, which is to be closed.

    Raises:
        OptionError: If a tracker is refused by `check`, or cannot start; then none is left open.
    """
    check(names)
    group = Trackers({}, warn)
    for name in names:
        try:
            group._trackers[name] = OPENERS[name](Path(folder_path), config)
        except Exception as error:  # a library can fail in any way
            group.close()
            raise OptionError(
                f"Tracker {name!r} cannot start ({described(error)}); put that right or leave out "
                f"--track {name}."
            ) from error
    group.plan(lineages)
    return group


def _is_installed(package: str) -> bool:
    """Says whether a package can be imported; a mere folder of that name, such as wandb/, is none."""
    spec = importlib.util.find_spec(package)
    return spec is not None and spec.origin is not None
