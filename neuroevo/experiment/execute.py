"""An experiment carried out, from its workers to its report; and a run that ended early, taken up again.

Nothing is printed here: a `Watcher` is told of what goes on, and an `Outcome` says what came of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuroevo import checkpoint, log
from neuroevo.errors import EvaluationError, NeuroevoError, RunError
from neuroevo.experiment import selection, trackers
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.estimate import require_possible
from neuroevo.experiment.evolution import Stopped
from neuroevo.experiment.manifest import manifest, origin
from neuroevo.experiment.plan import Plan
from neuroevo.experiment.request import Experiment, resolve
from neuroevo.experiment.resume import Past
from neuroevo.experiment.watcher import Interrupts, Relay, Watcher
from neuroevo.experiment.writer import RunWriter
from neuroevo.files import to_json
from neuroevo.report.model import Report
from neuroevo.report.write import write_report
from neuroevo.run_folder import CONFIG, RunFolder
from neuroevo.text import count
from neuroevo.workers.pool import Pool, pool

logger = logging.getLogger(__name__)


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
        watcher: The one who is told of what goes on, or None for nobody.

    Returns:
        What came of it; the folder holds the report too.

    Raises:
        NeuroevoError: If the request cannot be carried out; then nothing is written.
        EvaluationError: If the run failed.
        KeyboardInterrupt: If it was interrupted, with what to do next.
    """
    RunFolder.check_free(out)  # before the first long step; `create` checks again
    relay = Relay(watcher)
    with log.recording() as record, _prepared(experiment, relay) as (plan, where):
        origins = manifest(plan, command, relay.say)
        folder = RunFolder.create(out, plan.config.to_dict(), origins)
        with folder.writing():
            record.write_to(folder.path / log.FILE)
            logger.info("run %s begins: %s", folder.path, _versions(origins))
            return _carry_out(plan, where, RunWriter(folder), relay)


def resume(path: str | Path, changes: Mapping[str, Any], watcher: Watcher | None = None) -> Outcome | None:
    """Goes on with a run that ended early, to the results that it would have had.

    Args:
        path: Its folder.
        changes: Changes of the request, of what results do not depend on: `workers`, `address`, `deadline`.
        watcher: The one who is told of what goes on, or None for nobody.

    Returns:
        What came of it, or None if the run was at its end.

    Raises:
        RunError: If there is no such run, it is damaged, or another process is at it.
        EvaluationError: If the run failed again.
        KeyboardInterrupt: If it was interrupted, with what to do next.
    """
    folder = RunFolder.open(path)
    if folder.manifest().get("status") == "done":
        return None
    experiment = resolve(Configuration.read(folder.path / CONFIG).override(changes))
    relay = Relay(watcher)
    with folder.writing(), log.recording() as record:
        record.write_to(folder.path / log.FILE)
        with _prepared(experiment, relay) as (plan, where):
            writer = _taken_up(folder, plan)
            logger.info("run %s goes on: %s", folder.path, _versions(origin(plan.config)))
            return _carry_out(plan, where, writer, relay)


@contextmanager
def _prepared(experiment: Experiment, relay: Relay) -> Iterator[tuple[Plan, Pool]]:
    """Opens a pool and makes the plan, in this order: workers start while wirings are drawn."""
    logger.info("request resolved: %s", to_json(experiment.config.to_dict()))
    require_possible(experiment)
    number = experiment.workers.number
    named = "workers" if number is None else count(number, "worker")
    relay.say("starting" if number == 0 else f"starting {named}")
    with pool(experiment.workers) as where:
        plan = Plan(experiment, relay.say)
        require_possible(experiment, plan.blueprints)
        relay.say(f"preparing {', '.join(plan.tasks)}")
        plan.prepare()
        yield plan, where


def _carry_out(plan: Plan, where: Pool, writer: RunWriter, relay: Relay) -> Outcome:
    """Runs a plan into its folder and writes its report."""
    folder = writer.folder
    relay.expect(plan)
    if writer.past.note:
        relay.warn(writer.past.note)
    with _explained(folder), ExitStack() as stack:
        with _status(writer), Interrupts(relay) as relay.interrupts:
            config, lineages = plan.config.to_dict(), plan.lineages()
            opened = trackers.open_trackers(plan.config.track, folder.path, config, lineages, relay.warn)
            relay.trackers = tracked = stack.enter_context(opened)
            selection.run(plan, where, writer, relay)
        if tracked.failures:
            writer.note_tracker_failures(tracked.failures)
        report = write_report(folder)
        logger.info("report written: %s", report.run.sentence)
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
    started = time.monotonic()
    folder = writer.folder
    try:
        yield
    except (KeyboardInterrupt, Stopped):
        writer.note_end("interrupted", time.monotonic() - started)
        logger.warning("run %s was interrupted", folder.path)
        raise KeyboardInterrupt(
            f"interrupted; {folder.path} holds what was done. Go on with: {folder.command_to_resume}"
        ) from None
    except BaseException:
        with suppress(NeuroevoError):  # a disk that is full keeps this from being written, too
            writer.note_end("failed", time.monotonic() - started)
        raise
    writer.note_end("done", time.monotonic() - started)
    logger.info("run %s is done", folder.path)


@contextmanager
def _explained(folder: RunFolder) -> Iterator[None]:
    """Makes every error of the program an EvaluationError that says how to go on, where there is a way.

    The request was good, since the folder exists: the run failed.
    """
    try:
        yield
    except NeuroevoError as error:
        logger.error("run %s failed", folder.path, exc_info=True)
        line, *trace = str(error).split("\n", 1)
        if checkpoint.exists(folder.path):
            line += f" What was done is kept; go on with: {folder.command_to_resume}"
        raise EvaluationError("\n".join([line, *trace])) from error
    except Exception:
        logger.critical("run %s failed in a way that nobody foresaw", folder.path, exc_info=True)
        raise


def _versions(known: Mapping[str, Any]) -> str:
    """Returns what a manifest says of the program and the machine, in one line."""
    versions = ", ".join(f"{name} {version}" for name, version in known["versions"].items())
    return f"commit {known['commit']}, device {known['device']}, {known['platform']}, {versions}"
