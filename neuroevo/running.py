"""Running: a plan carried out in its folder, with those who watch it, up to its report."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from neuroevo import selection
from neuroevo.errors import NeuroevoError
from neuroevo.evaluator import Pool
from neuroevo.evolution import Listeners, Progress, Stopped
from neuroevo.interrupts import Interrupts
from neuroevo.plan import Plan
from neuroevo.records import RunFolder
from neuroevo.report import write_report
from neuroevo.resuming import Past
from neuroevo.terminal import Display

if TYPE_CHECKING:
    from neuroevo.trackers import Trackers


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
                from neuroevo.trackers import open_trackers

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
