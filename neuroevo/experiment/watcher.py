"""Who watches a run while it goes on: a display in a terminal, a bar in a notebook, a user's own code."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuroevo.experiment.evolution import Progress
    from neuroevo.experiment.plan import Plan
    from neuroevo.experiment.trackers import Trackers
    from neuroevo.rows import LineageRow

LOG_SECONDS = 30.0  # at least between two lines of the log on how far a run is

logger = logging.getLogger(__name__)


class Watcher:
    """A watcher that shows nothing; what is to be shown goes into a subclass, by overriding some methods.

    All methods but `hint` are called in the thread that runs the experiment, which waits for them.
    """

    def say(self, status: str) -> None:
        """Takes in what is being done now.

        Args:
            status: A few words, such as "scoring on held-out data".
        """

    def expect(self, plan: Plan) -> None:
        """Makes ready for a run.

        Args:
            plan: What is going to be done.
        """

    def update(self, progress: Progress) -> None:
        """Takes in one completed generation of a shard.

        Args:
            progress: Its rows of metrics, and how much of the run is done.
        """

    def event(self, text: str, out: tuple[str, str] | None = None) -> None:
        """Takes in something that was decided.

        Args:
            text: One line, such as "race: dropped random at generation 20 (p = 0.001)".
            out: Task and genome that take no further part, or None if all go on.
        """

    def plan(self, lineages: Sequence[LineageRow], stage: str) -> None:
        """Takes in lineages that were not planned from the start, such as those of a confirmation.

        Args:
            lineages: Rows with task, genome, graph and seed.
            stage: Name of the stage that they begin.
        """

    def warn(self, text: str) -> None:
        """Takes in what went wrong without ending the run.

        Args:
            text: One sentence.
        """

    def hint(self, text: str) -> None:
        """Takes in a line from within a signal handler, where a lock may be held that others would wait for.

        Args:
            text: One line.
        """


class Relay(Watcher):
    """Passes all that happens on to a watcher, to the log and, once there are any, to trackers.

    Args:
        watcher: The watcher; None is nobody.

    Attributes:
        trackers: The trackers of the run, or None until they are opened.
    """

    def __init__(self, watcher: Watcher | None) -> None:
        self._watcher = watcher or Watcher()
        self._logged = time.monotonic()
        self.trackers: Trackers | None = None

    def say(self, status: str) -> None:
        """Tells what is being done now.

        Args:
            status: A few words.
        """
        logger.info("%s", status)
        self._watcher.say(status)

    def expect(self, plan: Plan) -> None:
        """Tells what is going to be done.

        Args:
            plan: All of it.
        """
        self._watcher.expect(plan)

    def update(self, progress: Progress) -> None:
        """Tells of one completed generation of a shard.

        Args:
            progress: Its rows of metrics, and how much of the run is done. Of the log's lines on it one goes
                to level INFO every `LOG_SECONDS` at most, and the last; the others are of level DEBUG.
        """
        is_due = time.monotonic() - self._logged >= LOG_SECONDS or progress.done == progress.total
        if is_due:
            self._logged = time.monotonic()
        level = logging.INFO if is_due else logging.DEBUG
        logger.log(level, "%d of %d generations of lineages are completed", progress.done, progress.total)
        self._watcher.update(progress)
        if self.trackers is not None:
            self.trackers.metrics(progress.rows)

    def event(self, text: str, out: tuple[str, str] | None = None) -> None:
        """Tells of something that was decided.

        Args:
            text: One line.
            out: Task and genome that take no further part, or None if all go on.
        """
        logger.info("%s", text)
        self._watcher.event(text, out)

    def plan(self, lineages: Sequence[LineageRow], stage: str) -> None:
        """Tells of lineages that were not planned from the start.

        Args:
            lineages: Rows with task, genome, graph and seed.
            stage: Name of the stage that they begin.
        """
        logger.info("%s begins with %d lineages", stage, len(lineages))
        self._watcher.plan(lineages, stage)
        if self.trackers is not None:
            self.trackers.plan(lineages, stage)

    def warn(self, text: str) -> None:
        """Tells of what went wrong without ending the run.

        Args:
            text: One sentence.
        """
        logger.warning("%s", text)
        self._watcher.warn(text)

    def hint(self, text: str) -> None:
        """Passes on a line from within a signal handler; the log, which has locks, is left alone.

        Args:
            text: One line.
        """
        self._watcher.hint(text)
