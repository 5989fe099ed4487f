"""Who watches a run while it goes on: a display in a terminal, a bar in a notebook, a user's own code.

`Relay` stands between a run and all that watch it. What happens is told to it alone, and it alone is asked
whether the run is to end early. The first interrupt ends a run in good order, after the generations under
way; the second ends it at once.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from neuroevo.rows import LineageRow, MetricsRow

if TYPE_CHECKING:
    from neuroevo.experiment.plan import Plan
    from neuroevo.experiment.trackers import Trackers

HINT = "finishing the generations under way, then writing a checkpoint; once more to stop at once"
LOG_SECONDS = 30.0  # at least between two lines of the log on how far a run is

logger = logging.getLogger(__name__)


@dataclass
class Progress:
    """What a display needs to know, after every generation of a shard.

    Attributes:
        rows: Metrics of the generation just completed, a row a lineage.
        done: Lineage generations completed.
        total: Lineage generations in the whole run; while a race goes on, at most.
    """

    rows: list[MetricsRow]
    done: int
    total: int


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

    def is_stopping(self) -> bool:
        """Returns whether the run is to end in good order, as by an interrupt."""
        return False


class Relay(Watcher):
    """Passes all that happens on to a watcher, to the log and, once there are any, to trackers.

    Args:
        watcher: The watcher; None is nobody.

    Attributes:
        interrupts: The interrupts that may end the run, or None before they are noted.
        trackers: The trackers of the run, or None until they are opened.
    """

    def __init__(self, watcher: Watcher | None) -> None:
        self._watcher = watcher or Watcher()
        self._logged = time.monotonic()
        self.interrupts: Interrupts | None = None
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

    def grow(self, plan: Plan, lineages: Sequence[LineageRow]) -> None:
        """Tells of lineages that are added to those of a run, of which the standings go on.

        Args:
            plan: What is to be done from now on.
            lineages: Those that are new.
        """
        logger.info("%d lineages are added", len(lineages))
        self._watcher.expect(plan)
        if self.trackers is not None:
            self.trackers.plan(lineages, f"{plan.config.seeds}x{plan.config.graphs}")

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

    def is_stopping(self) -> bool:
        """Returns whether there was an interrupt, or the watcher wants the run to end."""
        is_interrupted = self.interrupts is not None and self.interrupts.are_wanted()
        return is_interrupted or self._watcher.is_stopping()


class Interrupts:
    """A context in which Ctrl-C, and the signal with which a cluster ends a job, are first only noted.

    Outside the main thread, where Python handles no signals, nothing is noted.

    Args:
        watcher: The one who is told of the first interrupt.
    """

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._is_wanted = False
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

    def are_wanted(self) -> bool:
        """Returns whether the run is to end once the generations under way are completed."""
        return self._is_wanted

    def _note(self, number: int, frame: FrameType | None) -> None:
        """Notes the first signal; raises KeyboardInterrupt at the second."""
        if self._is_wanted:
            raise KeyboardInterrupt
        self._is_wanted = True
        self._watcher.hint(HINT)
