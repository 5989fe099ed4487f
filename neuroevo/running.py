"""Running: a plan carried out in its folder, with those who watch it, up to its report."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from neuroevo import selection
from neuroevo.evaluator import Pool
from neuroevo.evolution import Listeners, Progress
from neuroevo.plan import Plan
from neuroevo.records import RunFolder
from neuroevo.report import write_report
from neuroevo.terminal import Display

if TYPE_CHECKING:
    from neuroevo.trackers import Trackers


def run(plan: Plan, where: Pool, folder: RunFolder, display: Display) -> tuple[dict[str, Any], list[str]]:
    """Runs a plan into its folder; returns the report, and how to look at what trackers keep."""
    tracked: Trackers | None = None

    def update(progress: Progress) -> None:
        display.update(progress)
        if tracked:
            tracked.metrics(progress.rows)

    def more(lineages: Sequence[dict[str, Any]], stage: str) -> None:
        display.plan(lineages, stage)
        if tracked:
            tracked.plan(lineages, stage)

    with ExitStack() as stack:
        with _status(folder):
            if plan.config.track:
                from neuroevo.trackers import open_trackers

                config, lineages = plan.config.to_dict(), plan.lineages()
                opened = open_trackers(plan.config.track, folder.path, config, lineages, display.warn)
                tracked = stack.enter_context(opened)
            selection.run(plan, where, folder, Listeners(update, display.event, more))
        if tracked and tracked.failures:
            folder.write_manifest(tracker_failures=list(tracked.failures))
        report = write_report(folder)
        if tracked:
            tracked.finish(report)
        return report, tracked.views if tracked else []


@contextmanager
def _status(folder: RunFolder) -> Iterator[None]:
    """Writes into the manifest how a run ended, and how long it took.

    Raises:
        KeyboardInterrupt: If interrupted, with what to do next.
    """
    started = time.monotonic()
    status = "failed"
    try:
        yield
        status = "done"
    except KeyboardInterrupt:
        status = "interrupted"
        again = f"python run.py --config {shlex.quote(str(folder.path / 'config.toml'))} --out NEW"
        raise KeyboardInterrupt(
            f"interrupted; {folder.path} holds what was done. A run cannot be resumed yet; start it again "
            f"with: {again}"
        ) from None
    finally:
        folder.write_manifest(status=status, wall_seconds=round(time.monotonic() - started, 2))
