"""Tracker libraries: how a run is written into TensorBoard, Weights & Biases and MLflow.

Unless the user's environment says otherwise nothing leaves the machine: what the libraries would report of
their use, of errors and of the machine is switched off.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from neuroevo.records import Row, to_json

FOLDER = "trackers"  # in the run folder
FLUSH_SECONDS = 2.0  # between writes to MLflow, each of which is a transaction
MAX_WORD = 60  # characters of a label in a name: three and a figure's stay below MLflow's 250
MAX_BATCH = 1_000  # metrics that MLflow takes at a time
MEANS = ("fitness_mean", "fitness_best", "fitness_centre")
# Read when a library is imported, and EvoTorch imports them all if it finds them: set before either.
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
_FIGURES = (*MEANS, "failures", "share", "score", "score_low", "score_high", "untrained_score")


class Tracker(Protocol):
    """What a run tells of itself while it goes on.

    Attributes:
        view: How to look at what it keeps, one line.
    """

    view: str

    def metrics(self, rows: Sequence[Row]) -> None:
        """Takes in points, each with task, genome, stage, evaluations and some of the figures."""

    def finish(self, report: Mapping[str, Any]) -> None:
        """Takes in the report of a run that is done."""

    def close(self) -> None:
        """Ends tracking; a run that has not finished counts as failed."""


class TensorBoard:
    """Event files: a run for each task and genome, and a chart for each figure of a task."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._make = SummaryWriter
        self._writers: dict[str, Any] = {}
        self._folder = folder / FOLDER / "tensorboard"
        self.view = f"tensorboard --logdir {shlex.quote(str(self._folder))}"
        lines = "".join(f"    {key} = {to_json(value)}\n" for key, value in config.items())
        self._writer("").add_text("config", lines)  # indented: Markdown's code

    def _writer(self, name: str) -> Any:
        """Returns the writer of a run, which is a folder."""
        if name not in self._writers:
            self._writers[name] = self._make(str(self._folder / name), flush_secs=10)
        return self._writers[name]

    def metrics(self, rows: Sequence[Row]) -> None:
        """Writes points; runs that share a tag share a chart, so the tag says task and figure."""
        for row in rows:
            writer = self._writer(name_of(row))
            for figure, value in _figures(row):
                writer.add_scalar(f"{word(row['task'])}/{figure}", value, row["evaluations"])

    def finish(self, report: Mapping[str, Any]) -> None:
        """Writes scores and verdicts."""
        self.metrics(_scores(report))
        for tag, text in _verdicts(report).items():
            self._writer("").add_text(tag, text)

    def close(self) -> None:
        """Closes the files."""
        for writer in self._writers.values():
            writer.close()


class Wandb:
    """A run of Weights & Biases, offline unless WANDB_MODE says otherwise."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
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

    def metrics(self, rows: Sequence[Row]) -> None:
        """Logs points."""
        for row in rows:
            figures = {f"{name_of(row)}/{figure}": value for figure, value in _figures(row)}
            self._run.log({"evaluations": row["evaluations"], **figures})

    def finish(self, report: Mapping[str, Any]) -> None:
        """Writes scores and verdicts into the summary."""
        for row in _scores(report):
            self._run.summary.update({f"{name_of(row)}/{key}": value for key, value in _figures(row)})
        self._run.summary.update(_verdicts(report))
        self._is_done = True

    def close(self) -> None:
        """Ends the run."""
        self._run.finish(exit_code=0 if self._is_done else 1)


class MLflow:
    """A run of MLflow, in a database in the run folder unless MLFLOW_TRACKING_URI names another store."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
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
        found = self._client.get_experiment_by_name(label)
        experiment = found.experiment_id if found else self._client.create_experiment(label, place)
        self._run = self._client.create_run(experiment, run_name=folder.resolve().name).info.run_id
        self._pending: list[Any] = []
        self._flushed, self._is_done = time.monotonic(), False
        # What is longer than MLflow takes, a request of very many priors, it cuts; config.toml has all of it.
        parameters = [entities.Param(key, to_json(value)) for key, value in config.items()]
        self._client.log_batch(self._run, params=parameters)

    def metrics(self, rows: Sequence[Row]) -> None:
        """Keeps points, and writes them together."""
        now = int(time.time() * 1000)
        for row in rows:
            for figure, value in _figures(row):
                name = f"{name_of(row)}/{figure}"
                self._pending.append(self._entities.Metric(name, value, now, row["evaluations"]))
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self._flush()

    def finish(self, report: Mapping[str, Any]) -> None:
        """Writes scores, and verdicts as tags."""
        self.metrics(_scores(report))
        tags = [self._entities.RunTag(key, text) for key, text in _verdicts(report).items()]
        self._client.log_batch(self._run, tags=tags)
        self._is_done = True

    def close(self) -> None:
        """Writes what is left and ends the run."""
        self._flush()
        self._client.set_terminated(self._run, "FINISHED" if self._is_done else "FAILED")

    def _flush(self) -> None:
        """Writes what was kept; what cannot be written is given up, for it would not be another time."""
        pending, self._pending = self._pending, []
        for first in range(0, len(pending), MAX_BATCH):
            self._client.log_batch(self._run, metrics=pending[first : first + MAX_BATCH])
        self._flushed = time.monotonic()


TRACKERS: dict[str, Callable[[Path, Mapping[str, Any]], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": Wandb,
    "mlflow": MLflow,
}


def name_of(row: Row) -> str:
    """Returns the name of a row's curve: TASK/GENOME, after the stage if it has one."""
    return "/".join(word(part) for part in (row.get("stage"), row["task"], row["genome"]) if part)


def word(label: str) -> str:
    """Returns a label as a part of a name; different labels give different words.

    Letters, digits and `_-.: ` stay, which MLflow takes too; a label that holds something else, is long or
    might be read as a folder ends in a digest.
    """
    if re.fullmatch(rf"[\w\-:][\w\-.: ]{{0,{MAX_WORD - 1}}}(?<![ .])", label):
        return label
    digest = hashlib.sha256(label.encode()).hexdigest()[:6]
    kept = re.sub(r"[^\w\-: ]", "_", label)[: MAX_WORD - 7]
    return f"{kept}-{digest}"


def _figures(row: Row) -> list[tuple[str, float]]:
    """Returns the figures that a point has."""
    return [(name, float(row[name])) for name in _FIGURES if row.get(name) is not None]


def _scores(report: Mapping[str, Any]) -> list[Row]:
    """Returns a point for each genome of each task of a report: its interquartile mean score."""
    points = []
    for task, section in report.get("tasks", {}).items():
        for entry in section.get("genomes", ()):
            low, high = entry.get("ci95") or (None, None)
            untrained = (entry.get("untrained") or {}).get("iqm")
            point = {"task": task, "genome": entry["genome"], "score": entry.get("iqm")}
            point |= {"score_low": low, "score_high": high, "untrained_score": untrained}
            points.append(point | {"evaluations": int(entry.get("evaluations") or 0)})
    return points


def _verdicts(report: Mapping[str, Any]) -> dict[str, str]:
    """Returns the verdict on the run and on each task, in sentences."""
    found = {"verdict": report.get("run", {}).get("sentence")}
    for task, section in report.get("tasks", {}).items():
        found[f"{word(task)}/verdict"] = section.get("sentence") or section.get("verdict")
    return {name: text for name, text in found.items() if text}
