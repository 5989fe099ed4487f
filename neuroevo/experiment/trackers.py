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
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from neuroevo.errors import OptionError, described, unknown
from neuroevo.experiment.config import TRACKERS
from neuroevo.experiment.curves import FIGURES, Means, Point
from neuroevo.files import make_folder, require_no_link, to_json
from neuroevo.rows import LineageRow, MetricsRow

if TYPE_CHECKING:  # `run.py list` imports this module, and needs no report
    from mlflow.entities import Metric
    from torch.utils.tensorboard import SummaryWriter

    from neuroevo.report.model import Report

FOLDER = "trackers"  # in the run folder
FLUSH_SECONDS = 2.0  # between writes to MLflow, each of which is a transaction
MAX_WORD = 60  # characters of a label in a name: three and a figure's stay below MLflow's 250
MAX_BATCH = 1_000  # metrics that MLflow takes at a time
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
        self._run = folder
        self._folder = folder / FOLDER / "tensorboard"
        self.view = f"tensorboard --logdir {shlex.quote(str(self._folder))}"
        lines = "".join(f"    {key} = {to_json(value)}\n" for key, value in config.items())
        self._writer("").add_text("config", lines)  # indented: Markdown's code

    def _writer(self, name: str) -> SummaryWriter:
        """Returns the writer of a run, which is a folder."""
        if name not in self._writers:
            make_folder(self._folder / name, self._run)
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

        make_folder(folder / FOLDER / "wandb", folder)  # else it writes to a folder of its own choice
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
            local = (folder / FOLDER / "mlruns").absolute()
            make_folder(folder / FOLDER / "mlruns", folder)
            for name in ("mlflow.db", "artifacts"):
                require_no_link(local / name)
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
    return [(name, float(value)) for name in FIGURES if (value := row.get(name)) is not None]


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
