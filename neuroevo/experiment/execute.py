"""A request carried out, from its workers to its report; and a run that ended early, taken up again.

The first interrupt ends a run in good order, after the generations under way; the second ends it at once.
"""

from __future__ import annotations

import platform
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from neuroevo.connectome import catalog
from neuroevo.connectome.model import Connectome
from neuroevo.errors import EvaluationError, NeuroevoError, RunError
from neuroevo.experiment.config import Configuration, resolve
from neuroevo.plugins import Entrant
from neuroevo.run_folder import CONFIG, RunFolder

if TYPE_CHECKING:
    from neuroevo.experiment.display import Display
    from neuroevo.experiment.evolution import Progress
    from neuroevo.experiment.plan import Plan
    from neuroevo.experiment.resume import Past
    from neuroevo.experiment.trackers import Trackers
    from neuroevo.workers.pool import Pool

HINT = "finishing the generations under way, then writing a checkpoint; once more to stop at once"

Resolved = tuple[Configuration, list[Entrant], list[Entrant]]  # a request, its priors and its tasks
Opened = tuple[RunFolder, "Past | None"]


class Interrupts:
    """A context in which Ctrl-C, and the signal with which a cluster ends a job, are first only noted.

    Args:
        display: Where the user is told.

    Attributes:
        is_wanted: Whether the run is to end once the generations under way are completed.
    """

    def __init__(self, display: Display) -> None:
        self._display, self.is_wanted = display, False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():  # no other may handle signals
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        """Notes the first signal; raises KeyboardInterrupt at the second."""
        if self.is_wanted:
            raise KeyboardInterrupt
        self.is_wanted = True
        self._display.hint(HINT)


def run(
    plan: Plan, where: Pool, folder: RunFolder, display: Display, past: Past | None = None
) -> tuple[dict[str, Any], list[str]]:
    """Runs a plan into its folder; returns the report, and how to look at what trackers keep.

    Args:
        plan: What is to be done.
        where: Where it is computed.
        folder: Where it is written.
        display: Who is shown.
        past: What the run has behind it, if it is resumed.

    Raises:
        NeuroevoError: If it fails.
        KeyboardInterrupt: If it is interrupted, with what to do next.
    """
    from neuroevo.experiment import selection
    from neuroevo.experiment.evolution import Listeners
    from neuroevo.report.write import write_report

    tracked: Trackers | None = None
    if past is not None and past.note:
        display.warn(past.note)

    def update(progress: Progress) -> None:
        display.update(progress)
        if tracked:
            tracked.metrics(progress.rows)

    def more(lineages: Sequence[dict[str, Any]], stage: str) -> None:
        display.plan(lineages, stage)
        if tracked:
            tracked.plan(lineages, stage)

    with ExitStack() as stack:
        with _status(folder), Interrupts(display) as interrupts:
            if plan.config.track:
                from neuroevo.experiment.trackers import open_trackers

                config, lineages = plan.config.to_dict(), plan.lineages()
                opened = open_trackers(plan.config.track, folder.path, config, lineages, display.warn)
                tracked = stack.enter_context(opened)
            listeners = Listeners(update, display.event, more, lambda: interrupts.is_wanted)
            selection.run(plan, where, folder, listeners, past)
        if tracked and tracked.failures:
            folder.write_manifest(tracker_failures=list(tracked.failures))
        report = write_report(folder)
        if tracked:
            tracked.finish(report)
        return report, tracked.views if tracked else []


@contextmanager
def _status(folder: RunFolder) -> Iterator[None]:
    """Writes into the manifest how a run ended, and how long it took, all its parts together.

    Raises:
        KeyboardInterrupt: If interrupted, with what to do next.
    """
    from neuroevo.experiment.evolution import Stopped

    started = time.monotonic()
    before = folder.manifest().get("wall_seconds", 0.0)

    def write(status: str) -> None:
        folder.write_manifest(status=status, wall_seconds=round(before + time.monotonic() - started, 2))

    try:
        yield
    except (KeyboardInterrupt, Stopped):
        write("interrupted")
        raise KeyboardInterrupt(
            f"interrupted; {folder.path} holds what was done. Go on with: {folder.command_to_resume}"
        ) from None
    except BaseException:
        with suppress(NeuroevoError):  # a disk that is full keeps this from being written, too
            write("failed")
        raise
    write("done")


def execute(request: Resolved, out: Path, command: Sequence[str], quiet: bool) -> None:
    """Carries out a request in a new folder and prints its tables.

    Args:
        request: What `resolving.resolve` returned.
        out: The folder.
        command: Arguments of the command line, for the manifest.
        quiet: Print errors only.

    Raises:
        NeuroevoError: If the request cannot be carried out; nothing is written.
        EvaluationError: If the run failed.
    """
    RunFolder.check_free(out)  # before the first long step; `create` checks again
    wiring = _wiring(request[0])

    def create(plan: Plan, workers: int | None) -> Opened:
        from neuroevo.experiment.manifest import manifest

        return RunFolder.create(out, plan.config.to_dict(), manifest(plan, wiring, command, workers)), None

    _execute(request, wiring, create, quiet)


def resume(path: Path, changes: Mapping[str, object], quiet: bool) -> bool:
    """Goes on with a run that ended early; returns False if it was at its end.

    Args:
        path: Its folder.
        changes: Of the request, of what results do not depend on: `workers`, `address`, `deadline`.
        quiet: Print errors only.

    Raises:
        RunError: If there is no such run, it is damaged, or another process is at it.
        EvaluationError: If the run failed again.
    """
    folder = RunFolder.open(path)
    if folder.manifest().get("status") == "done":
        return False
    request = resolve(Configuration.read(folder.path / CONFIG).override(changes))
    wiring = _wiring(request[0])

    def reopen(plan: Plan, workers: int | None) -> Opened:
        from neuroevo.experiment.resume import Past

        _require_same_graphs(folder, plan)
        past = Past.read(folder)
        before = folder.manifest()
        resumed = [*before.get("resumed", ()), {"python": platform.python_version(), "workers": workers}]
        folder.write_manifest(status="running", resumed=resumed)
        return folder, past

    with folder.writing():
        _execute(request, wiring, reopen, quiet)
    return True


def _execute(
    request: Resolved,
    wiring: Connectome,
    open_folder: Callable[[Plan, int | None], Opened],
    quiet: bool,
) -> None:
    """Carries out a request in the folder that `open_folder` returns, with the run's past."""
    from rich.console import Console

    from neuroevo.experiment.display import Display
    from neuroevo.experiment.plan import Plan
    from neuroevo.report.terminal import print_report
    from neuroevo.text import count
    from neuroevo.workers import devices
    from neuroevo.workers.pool import pool
    from neuroevo.workers.ray_cluster import Workers, default_workers

    config, genomes, chosen = request
    if config.track:
        from neuroevo.experiment import trackers

        trackers.check(config.track)
    console = Console(quiet=quiet, highlight=False)
    shares = Workers.shares(config.per_worker)
    if config.device == "cuda":
        shares.setdefault("gpus", 1.0)
    workers = config.workers
    if workers is None and config.address is None:
        workers = default_workers() if config.device == "cpu" else devices.workers(shares["gpus"])
    devices.check_workers(config.device, workers, config.address, shares.get("gpus", 0.0))
    with ExitStack() as stack:
        display = stack.enter_context(Display(console, quiet))
        named = "workers" if workers is None else count(workers, "worker")
        display.say("starting" if workers == 0 else f"starting {named}")
        packages = _packages([*genomes, *chosen])
        wanted = Workers(workers, config.address, config.deadline, packages, **shares)
        where = stack.enter_context(pool(wanted))
        plan = Plan(config, wiring, genomes, chosen)
        display.say(f"preparing {', '.join(plan.tasks)}")
        plan.prepare()
        folder, past = open_folder(plan, workers)
        if past is None:
            stack.enter_context(folder.writing())
        display.expect(plan)
        try:
            report, views = run(plan, where, folder, display, past)
        except NeuroevoError as error:  # the request was good, since the folder exists: the run failed
            line, *trace = str(error).split("\n", 1)
            raise EvaluationError("\n".join([f"{line}{_way_on(folder)}", *trace])) from error
    print_report(report, console)
    path = shlex.quote(str(folder.path))
    pictures = f"Pictures of behaviour: python run.py replay {path}"
    for line in (f"Written to {folder.path}", pictures, *views):
        console.print(line, soft_wrap=True, markup=False)


def _wiring(config: Configuration) -> Connectome:
    """Returns the connectome of a request with its ports."""
    return catalog.load(config.connectome).with_ports(config.inputs, config.outputs)


def _packages(entrants: Sequence[Entrant]) -> tuple[str, ...]:
    """Returns where the code lies that a cluster needs: this package and those of the plug-ins."""
    names = {"neuroevo", *(entrant.plugin.path.split(":")[0].split(".")[0] for entrant in entrants)}
    modules = [sys.modules[name] for name in sorted(names) if name in sys.modules]
    return tuple(str([*getattr(m, "__path__", ()), m.__file__][0]) for m in modules)


def _way_on(folder: RunFolder) -> str:
    """Returns the end of a message of failure: how to go on, where a checkpoint was written."""
    from neuroevo.checkpoint import exists

    if not exists(folder.path):
        return ""
    return f" What was done is kept; go on with: {folder.command_to_resume}"


def _require_same_graphs(folder: RunFolder, plan: Plan) -> None:
    """Raises RunError unless a plan has the wirings that a run was begun with."""
    wanted = [graph["sha256"] for graph in folder.manifest().get("graphs", ())]
    if wanted != [sample.graph_hash for sample in plan.samples]:
        raise RunError(
            f"The wirings of {folder.path} are not those that its request gives now; wanted the connectome "
            "and the version of the program that it was begun with."
        )
