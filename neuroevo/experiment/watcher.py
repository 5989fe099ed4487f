"""Who watches a run while it goes on: a display in a terminal, a bar in a notebook, a user's own code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.experiment.evolution import Progress
    from neuroevo.experiment.plan import Plan


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

    def plan(self, lineages: Sequence[Mapping[str, Any]], stage: str) -> None:
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
