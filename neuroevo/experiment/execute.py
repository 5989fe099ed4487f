"""An experiment carried out, from its workers to its report; and a run that ended early, taken up again.

Nothing is printed here: a `Watcher` is told of what goes on, and an `Outcome` says what came of it.
"""

from __future__ import annotations

import logging
import math
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuroevo import caches, checkpoint, log, seal
from neuroevo.errors import EvaluationError, NeuroevoError, RunError
from neuroevo.experiment import extension, filming, growth, muscles, selection, trackers, until
from neuroevo.experiment.config import Configuration
from neuroevo.experiment.estimate import require_possible
from neuroevo.experiment.evolution import Stopped
from neuroevo.experiment.manifest import drift, manifest, origin, request_entry, require_same_material
from neuroevo.experiment.plan import Plan
from neuroevo.experiment.request import Experiment, resolve
from neuroevo.experiment.resume import Past
from neuroevo.experiment.watcher import Interrupts, Relay, Watcher
from neuroevo.experiment.writer import RunWriter
from neuroevo.files import to_json
from neuroevo.folders import claim
from neuroevo.referee.looks import Look
from neuroevo.report.model import Report
from neuroevo.report.write import write_report
from neuroevo.rows import PROVISIONAL
from neuroevo.run_folder import CONFIG, RunFolder, key_of
from neuroevo.text import count
from neuroevo.workers.pool import Pool, pool

logger = logging.getLogger(__name__)

LONG = 60.0  # seconds of solving readouts that are worth a word


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        folder: Its folder.
        report: Its report.
        views: How to look at what trackers keep of it, a line each.
        problem: What is left undone since it failed, and what to do, in one line; "" where nothing is.
    """

    folder: RunFolder
    report: Report
    views: tuple[str, ...] = ()
    problem: str = ""


def run(
    experiment: Experiment,
    out: str | Path | None,
    *,
    command: Sequence[str] = (),
    watcher: Watcher | None = None,
    stem: Path | None = None,
) -> Outcome:
    """Carries out an experiment in a new folder.

    Args:
        experiment: What `resolve` returned.
        out: The folder, which must not exist; None chooses STEM-N with the first N that is free.
        command: Arguments of the command line, for the manifest; empty where there was none.
        watcher: The one who is told of what goes on, or None for nobody.
        stem: The beginning of the folder's name; None is runs/TASK-GENOME.

    Returns:
        What came of it; the folder holds the report too.

    Raises:
        NeuroevoError: If the request cannot be carried out; then nothing is written.
        EvaluationError: If the run failed.
        KeyboardInterrupt: If it was interrupted, with what to do next.
    """
    relay = Relay(watcher)
    if experiment.looks:
        require_possible(until.at_look(experiment, experiment.looks[-1]))
        experiment = until.at_look(experiment, experiment.looks[0])
    with ExitStack() as stack:
        path = stack.enter_context(claim(None if out is None else Path(out), stem or experiment.stem()))
        record = stack.enter_context(log.recording())
        plan, where = stack.enter_context(_prepared(experiment, relay))
        origins = manifest(plan, command, relay.say)
        folder = RunFolder.create(path, plan.config.to_dict(), origins)
        with folder.writing():
            record.write_to(folder.path / log.FILE)
            logger.info("run %s begins: %s", folder.path, _versions(origins))
            return _carry_out(plan, where, RunWriter(folder), relay)


def resume(
    path: str | Path,
    changes: Mapping[str, Any],
    watcher: Watcher | None = None,
    trust: Sequence[str] = (),
) -> Outcome | None:
    """Goes on with a run that ended early, to the results that it would have had.

    Of a run whose searches are done it scores those that have no score, whatever the reason. A run until
    decided takes the looks that are left.

    Args:
        path: Its folder.
        changes: Changes of the request, of what results do not depend on: `workers`, `address`, `deadline`;
            and of how much was asked for, which makes the run, at its end or not, what it would have been:
            `generations` or `evaluations`, `seeds`, `graphs`.
        watcher: The one who is told of what goes on, or None for nobody.
        trust: Modules that the folder may have run, if it was not made by this user on this machine.

    Returns:
        What came of it, or None if the run was at its end.

    Raises:
        RunError: If there is no such run, it is damaged, or another process is at it.
        OptionError: If it names code that is not trusted.
        EvaluationError: If the run failed again.
        KeyboardInterrupt: If it was interrupted, with what to do next.
    """
    folder = RunFolder.open(path, is_mended=True)
    is_over = folder.manifest().get("status") == "done" and not folder.torn()
    if is_over and not extension.wanted(changes) and not growth.goes_on(folder):
        return None
    return _go_on(folder, changes, watcher, trust)


def score(
    path: str | Path,
    changes: Mapping[str, Any],
    watcher: Watcher | None = None,
    trust: Sequence[str] = (),
) -> Outcome | None:
    """Scores what of a run has no score: what failed to be scored, was put off, or was stopped before it.

    Of a run that was stopped, lineages are scored as their last checkpoint has them. `resume` can still go on
    with them, and scores them anew at their end.

    Args:
        path: Its folder.
        changes: Changes of the request, of what results do not depend on: `workers`, `address`, `deadline`.
        watcher: The one who is told of what goes on, or None for nobody.
        trust: Modules that the folder may have run, if it was not made by this user on this machine.

    Returns:
        What came of it, or None if all lineages have their results.

    Raises:
        RunError: If there is no such run, it is damaged, another process is at it, nothing of it can be
            scored yet, or it is a race or of mixed populations and has not come to its end.
        EvaluationError: If the run failed again.
        KeyboardInterrupt: If it was interrupted, with what to do next.
    """
    folder = RunFolder.open(path)
    status = folder.manifest().get("status")
    if status in ("done", "unscored"):
        is_due = any(row["status"] in PROVISIONAL or row["error"] for row in folder.results())
        return _go_on(folder, changes, watcher, trust, _as_large_as_it_is) if is_due else None
    selection_ = folder.config().get("selection", "tournament")
    if selection_ != "tournament":
        raise RunError(
            f"{folder.path} was stopped, and selection {selection_!r} scores only those that come to its "
            f"end. Go on with: {folder.command_to_resume}"
        )
    if not checkpoint.exists(folder.path):
        raise RunError(
            f"{folder.path} has no checkpoint, so that there is nothing to score. Go on with: "
            f"{folder.command_to_resume}"
        )
    return _go_on(folder, changes, watcher, trust, _score_as_it_is)


def _go_on(
    folder: RunFolder,
    changes: Mapping[str, Any],
    watcher: Watcher | None,
    trust: Sequence[str],
    carry_out: Callable[[Plan, Pool, RunWriter, Relay], Outcome] | None = None,
) -> Outcome:
    """Takes a run up again, and carries it out in a way; None is that of a new run."""
    relay = Relay(watcher)
    with folder.writing(), log.recording() as record:
        folder.settle_request()
        config = Configuration.read(folder.path / CONFIG, folder.trust(trust), changes)
        extension.require_unplanned(folder, config, changes)
        if carry_out is not None or folder.manifest().get("status") in ("done", "unscored"):
            config = config.override({"scoring": "now"})
        experiment, before = resolve(config.override(changes)), None
        if extension.wanted(changes):
            before = resolve(config)
            extension.check(folder, before, experiment)
        record.write_to(folder.path / log.FILE)
        with _prepared(experiment, relay) as (plan, where):
            if before is not None and seal.entry(plan.config.to_dict())["sha256"] != folder.seal.sha256:
                extension.extend(folder, before, plan)
            writer = _taken_up(folder, plan, relay)
            logger.info("run %s goes on: %s", folder.path, _versions(origin(plan.config)))
            return (carry_out or _carry_out)(plan, where, writer, relay)


@contextmanager
def _prepared(experiment: Experiment, relay: Relay) -> Iterator[tuple[Plan, Pool]]:
    """Opens a pool and makes the plan, in this order: workers start while wirings are drawn."""
    logger.info("request resolved: %s", to_json(experiment.config.to_dict()))
    caches.require()
    for note in caches.notes():
        logger.info("%s", note)
    require_possible(experiment)
    number = experiment.workers.number
    named = "workers" if number is None else count(number, "worker")
    relay.say("starting" if number == 0 else f"starting {named}")
    with pool(experiment.workers) as where:
        plan = Plan(experiment, relay.say)
        estimated = require_possible(experiment, plan.blueprints)
        if estimated and estimated.solving_seconds > LONG:
            minutes = math.ceil(estimated.solving_seconds / 60)
            relay.say(f"solving readouts will take a core up to {count(minutes, 'minute')}")
        relay.say(f"preparing {', '.join(plan.tasks)}")
        plan.prepare()
        yield plan, where


def _carry_out(plan: Plan, where: Pool, writer: RunWriter, relay: Relay, grows: bool = True) -> Outcome:
    """Runs a plan into its folder, from look to look where it plans looks, and writes its report."""
    folder = writer.folder
    relay.expect(plan)
    for note in (*writer.past.notes, *muscles.notes(plan)):
        relay.warn(note)
    for line in plan.connectome.account.lines() if plan.connectome.account else ():
        relay.event(line)
    selection.announce(plan, relay)
    with _explained(folder), ExitStack() as stack:
        with _status(writer, _end), Interrupts(relay) as relay.interrupts:
            config, lineages = plan.config.to_dict(), plan.lineages()
            opened = trackers.open_trackers(plan.config.track, folder.path, config, lineages, relay.warn)
            relay.trackers = tracked = stack.enter_context(opened)
            selection.run(plan, where, writer, relay)
        while grows and (look := growth.following(folder, plan.experiment, relay)):
            plan, writer = _grown(plan, look, folder, relay)
            with _status(writer, _end), Interrupts(relay) as relay.interrupts:
                selection.run(plan, where, writer, relay)
        if tracked.failures:
            writer.note_tracker_failures(tracked.failures)
        filming.film(plan, folder, relay)
        report = write_report(folder)
        logger.info("report written: %s", report.run.sentence)
        tracked.finish(report)
        return Outcome(folder, report, tuple(tracked.views), _problem(writer))


def _as_large_as_it_is(plan: Plan, where: Pool, writer: RunWriter, relay: Relay) -> Outcome:
    """Runs a plan as `_carry_out` does, and takes no further look."""
    return _carry_out(plan, where, writer, relay, grows=False)


def _grown(plan: Plan, look: Look, folder: RunFolder, relay: Relay) -> tuple[Plan, RunWriter]:
    """Makes the next look's request the one that a run answers; returns its plan, and its writer."""
    experiment = until.at_look(plan.experiment, look)
    logger.info("run %s grows to %d lineages", folder.path, look.lineages)
    grown = Plan(experiment, relay.say)
    require_possible(experiment, grown.blueprints)
    grown.prepare()
    extension.extend(folder, plan.experiment, grown)
    writer = RunWriter(folder, Past.read(folder))
    folder.write_manifest(status="running", rows={})
    known = {key_of(row) for row in plan.lineages()}
    relay.grow(grown, [row for row in grown.lineages() if key_of(row) not in known])
    return grown, writer


def _score_as_it_is(plan: Plan, where: Pool, writer: RunWriter, relay: Relay) -> Outcome:
    """Scores the lineages of a run that was stopped, and writes its report."""
    folder = writer.folder
    relay.expect(plan)
    with _explained(folder):
        with _status(writer, _end_of_stopped), Interrupts(relay) as relay.interrupts:
            selection.score(plan, where, writer, relay)
        return Outcome(folder, write_report(folder), problem=_problem(writer))


def _end(writer: RunWriter) -> str:
    """Returns the status of a run that was carried through."""
    return "unscored" if writer.unscored else "done"


def _end_of_stopped(writer: RunWriter) -> str:
    """Returns the status of a run that was stopped and whose lineages were scored: they may all be done."""
    ended = {key_of(row) for row in writer.folder.results() if row.get("generations") is None}
    planned = {key_of(row) for row in writer.folder.manifest().get("lineages", ())}
    return _end(writer) if planned <= ended else "interrupted"


def _problem(writer: RunWriter) -> str:
    """Returns a line on lineages that could not be scored, "" if all were that were to be."""
    reasons = [reason for reason in writer.unscored.values() if reason]
    if not reasons:
        return ""
    path = shlex.quote(str(writer.folder.path))
    return (
        f"{count(len(reasons), 'lineage')} could not be scored: {reasons[0].splitlines()[0]} The searches "
        f"and their champions are kept; try again with: python run.py score {path}"
    )


def _taken_up(folder: RunFolder, plan: Plan, relay: Relay) -> RunWriter:
    """Returns the writer of a run that is resumed, after the manifest says so.

    Raises:
        RunError: If the plan has other wirings or data than the run was begun with, or the folder is damaged.
    """
    before, here = folder.manifest(), origin(plan.config)
    require_same_material(folder, before, plan)
    writer = RunWriter(folder, Past.read(folder))
    if not folder.seal.requests:
        relay.warn(f"{folder.path} bears no seal: what was edited in it since it was begun cannot be told.")
        folder.write_manifest(requests=[{**request_entry(plan.config, here), "unsealed": True}])
    if changes := drift(before, here):
        relay.warn(f"{folder.path} was begun with {changes}; what is computed now may differ for it.")
    writer.note_resumed(plan.experiment.workers.number, here, changes)
    return writer


@contextmanager
def _status(writer: RunWriter, ending: Callable[[RunWriter], str]) -> Iterator[None]:
    """Writes into the manifest how a run ended, and how long it took, all its parts together.

    Args:
        writer: Of the run.
        ending: Gives the status of a run that nothing stopped.

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
    status = ending(writer)
    writer.note_end(status, time.monotonic() - started)
    logger.info("run %s is %s", folder.path, status)


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
