"""A run from its request to its report: workers, folder, display; and a run that ended early, once more."""

from __future__ import annotations

import platform
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from neuroevo import connectome, devices
from neuroevo.configuration import Configuration
from neuroevo.errors import EvaluationError, NeuroevoError, RunError
from neuroevo.records import CONFIG, RunFolder
from neuroevo.resolving import Entrant, resolve

if TYPE_CHECKING:
    from neuroevo.plan import Plan
    from neuroevo.resuming import Past

Resolved = tuple[Configuration, list[Entrant], list[Entrant]]  # a request, its priors and its tasks
Opened = tuple[RunFolder, "Past | None"]


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
        from neuroevo.manifest import manifest

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
        from neuroevo.resuming import Past

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
    wiring: connectome.Connectome,
    open_folder: Callable[[Plan, int | None], Opened],
    quiet: bool,
) -> None:
    """Carries out a request in the folder that `open_folder` returns, with the run's past."""
    from rich.console import Console

    from neuroevo.cluster import Workers, default_workers
    from neuroevo.evaluator import pool
    from neuroevo.report_table import print_report
    from neuroevo.terminal import Display, count

    config, genomes, chosen = request
    if config.track:
        from neuroevo import trackers

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
        from neuroevo import running
        from neuroevo.plan import Plan

        plan = Plan(config, wiring, genomes, chosen)
        display.say(f"preparing {', '.join(plan.tasks)}")
        plan.prepare()
        folder, past = open_folder(plan, workers)
        if past is None:
            stack.enter_context(folder.writing())
        display.expect(plan)
        try:
            report, views = running.run(plan, where, folder, display, past)
        except NeuroevoError as error:  # the request was good, since the folder exists: the run failed
            line, *trace = str(error).split("\n", 1)
            raise EvaluationError("\n".join([f"{line}{_way_on(folder)}", *trace])) from error
    print_report(report, console)
    path = shlex.quote(str(folder.path))
    pictures = f"Pictures of behaviour: python run.py replay {path}"
    for line in (f"Written to {folder.path}", pictures, *views):
        console.print(line, soft_wrap=True, markup=False)


def _wiring(config: Configuration) -> connectome.Connectome:
    """Returns the connectome of a request with its ports."""
    return connectome.load(config.connectome).with_ports(config.inputs, config.outputs)


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
