"""An experiment carried out, from its workers to its report; and a run that ended early, taken up again.

Nothing is printed here: a `Watcher` is told of what goes on, and an `Outcome` says what came of it.

The first interrupt ends a run in good order, after the generations under way; the second ends it at once.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from neuroevo import checkpoint
from neuroevo.errors import EvaluationError, NeuroevoError, RunError
from neuroevo.experiment import selection, trackers
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.evolution import Listeners, Progress, Stopped
from neuroevo.experiment.manifest import manifest
from neuroevo.experiment.plan import Plan
from neuroevo.experiment.request import Experiment, resolve
from neuroevo.experiment.resume import Past
from neuroevo.experiment.trackers import Trackers
from neuroevo.experiment.watcher import Watcher
from neuroevo.experiment.writer import RunWriter
from neuroevo.report.model import Report
from neuroevo.report.write import write_report
from neuroevo.run_folder import CONFIG, RunFolder
from neuroevo.text import count
from neuroevo.workers.pool import Pool, pool

HINT = "finishing the generations under way, then writing a checkpoint; once more to stop at once"


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        folder: Its folder.
        report: Its report.
        views: How to look at what trackers keep of it, a line each.
    """

    folder: RunFolder
    report: Report
    views: tuple[str, ...]


def run(
    experiment: Experiment, out: str | Path, *, command: Sequence[str] = (), watcher: Watcher | None = None
) -> Outcome:
    """Carries out an experiment in a new folder.

    Args:
        experiment: What `resolve` returned.
        out: The folder, which must not exist.
        command: Arguments of the command line, for the manifest; empty where there was none.
        watcher: Told of what goes on; None tells nobody.

    Returns:
        What came of it; the folder holds the report too.

    Raises:
        NeuroevoError: If the request cannot be carried out; then nothing is written.
        EvaluationError: If the run failed.
        KeyboardInterrupt: If it was interrupted, with what to do next.
    """
    watcher = watcher or Watcher()
    RunFolder.check_free(out)  # before the first long step; `create` checks again
    with _prepared(experiment, watcher) as (plan, where):
        folder = RunFolder.create(out, plan.config.to_dict(), manifest(plan, command))
        with folder.writing():
            return _carry_out(plan, where, RunWriter(folder), watcher)


def resume(path: str | Path, changes: Mapping[str, Any], watcher: Watcher | None = None) -> Outcome | None:
    """Goes on with a run that ended early, to the results that it would have had.

    Args:
        path: Its folder.
        changes: Changes of the request, of what results do not depend on: `workers`, `address`, `deadline`.
        watcher: Told of what goes on; None tells nobody.

    Returns:
        What came of it, or None if the run was at its end.

    Raises:
        RunError: If there is no such run, it is damaged, or another process is at it.
        EvaluationError: If the run failed again.
        KeyboardInterrupt: If it was interrupted, with what to do next.
    """
    watcher = watcher or Watcher()
    folder = RunFolder.open(path)
    if folder.manifest().get("status") == "done":
        return None
    experiment = resolve(Configuration.read(folder.path / CONFIG).override(changes))
    with folder.writing(), _prepared(experiment, watcher) as (plan, where):
        return _carry_out(plan, where, _taken_up(folder, plan), watcher)


@contextmanager
def _prepared(experiment: Experiment, watcher: Watcher) -> Iterator[tuple[Plan, Pool]]:
    """Opens a pool and makes the plan, in this order: workers start while wirings are drawn."""
    number = experiment.workers.number
    named = "workers" if number is None else count(number, "worker")
    watcher.say("starting" if number == 0 else f"starting {named}")
    with pool(experiment.workers) as where:
        plan = Plan(experiment)
        watcher.say(f"preparing {', '.join(plan.tasks)}")
        plan.prepare()
        yield plan, where


def _carry_out(plan: Plan, where: Pool, writer: RunWriter, watcher: Watcher) -> Outcome:
    """Runs a plan into its folder and writes its report."""
    folder = writer.folder
    watcher.expect(plan)
    if writer.past.note:
        watcher.warn(writer.past.note)
    with _way_on(folder), ExitStack() as stack:
        with _status(writer), Interrupts(watcher) as interrupts:
            config, lineages = plan.config.to_dict(), plan.lineages()
            opened = trackers.open_trackers(plan.config.track, folder.path, config, lineages, watcher.warn)
            tracked = stack.enter_context(opened)
            listeners = _Audience(watcher, tracked, interrupts).listeners()
            selection.run(plan, where, writer, listeners)
        if tracked.failures:
            writer.note_tracker_failures(tracked.failures)
        report = write_report(folder)
        tracked.finish(report)
        return Outcome(folder, report, tuple(tracked.views))


def _taken_up(folder: RunFolder, plan: Plan) -> RunWriter:
    """Returns the writer of a run that is resumed, after the manifest says so.

    Raises:
        RunError: If the plan has other wirings than the run was begun with, or the folder is damaged.
    """
    wanted = [graph["sha256"] for graph in folder.manifest().get("graphs", ())]
    if wanted != [sample.graph_hash for sample in plan.samples]:
        raise RunError(
            f"The wirings of {folder.path} are not those that its request gives now; wanted the connectome "
            "and the version of the program that it was begun with."
        )
    writer = RunWriter(folder, Past.read(folder))
    writer.note_resumed(plan.experiment.workers.number)
    return writer


@contextmanager
def _status(writer: RunWriter) -> Iterator[None]:
    """Writes into the manifest how a run ended, and how long it took, all its parts together.

    Raises:
        KeyboardInterrupt: If interrupted, with what to do next.
    """
    started, folder = time.monotonic(), writer.folder
    try:
        yield
    except (KeyboardInterrupt, Stopped):
        writer.note_end("interrupted", time.monotonic() - started)
        raise KeyboardInterrupt(
            f"interrupted; {folder.path} holds what was done. Go on with: {folder.command_to_resume}"
        ) from None
    except BaseException:
        with suppress(NeuroevoError):  # a disk that is full keeps this from being written, too
            writer.note_end("failed", time.monotonic() - started)
        raise
    writer.note_end("done", time.monotonic() - started)


@contextmanager
def _way_on(folder: RunFolder) -> Iterator[None]:
    """Makes every error of the program an EvaluationError that says how to go on, where there is a way.

    The request was good, since the folder exists: the run failed.
    """
    try:
        yield
    except NeuroevoError as error:
        line, *trace = str(error).split("\n", 1)
        if checkpoint.exists(folder.path):
            line += f" What was done is kept; go on with: {folder.command_to_resume}"
        raise EvaluationError("\n".join([line, *trace])) from error


class Interrupts:
    """A context in which Ctrl-C, and the signal with which a cluster ends a job, are first only noted.

    Outside the main thread, where Python handles no signals, nothing is noted.

    Args:
        watcher: Told of the first interrupt.

    Attributes:
        is_wanted: Whether the run is to end once the generations under way are completed.
    """

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self.is_wanted = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        """Notes the first signal; raises KeyboardInterrupt at the second."""
        if self.is_wanted:
            raise KeyboardInterrupt
        self.is_wanted = True
        self._watcher.hint(HINT)


@dataclass(frozen=True)
class _Audience:
    """All who are told of a run while it goes on, and may end it."""

    watcher: Watcher
    trackers: Trackers
    interrupts: Interrupts

    def listeners(self) -> Listeners:
        """Returns them as evolution knows them."""
        return Listeners(self._update, self.watcher.event, self._plan, self._is_stopping)

    def _update(self, progress: Progress) -> None:
        self.watcher.update(progress)
        self.trackers.metrics(progress.rows)

    def _plan(self, lineages: Sequence[Mapping[str, Any]], stage: str) -> None:
        self.watcher.plan(lineages, stage)
        self.trackers.plan(lineages, stage)

    def _is_stopping(self) -> bool:
        return self.interrupts.is_wanted
