"""Progress of a run in a cell of a notebook, and in a function of the caller's own."""

from __future__ import annotations

import time
from collections.abc import Callable
from html import escape

from neuroevo.experiment.display import duration
from neuroevo.experiment.watcher import Progress, Watcher
from neuroevo.text import visible

SECONDS_BETWEEN = 0.2  # updates of a cell: a browser draws no faster than one can read


def in_notebook() -> bool:
    """Returns whether this process is the kernel of a notebook, whose cells can show HTML."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


class FunctionWatcher(Watcher):
    """Calls a function with the progress of every completed generation of a shard.

    Args:
        function: Takes the progress.
    """

    def __init__(self, function: Callable[[Progress], None]) -> None:
        self._function = function

    def update(self, progress: Progress) -> None:
        """Calls the function.

        Args:
            progress: Rows of metrics, and how much of the run is done.
        """
        self._function(progress)


class CellWatcher(Watcher):
    """Shows a bar, the time left, and what was decided, in the cell that is being executed."""

    def __init__(self) -> None:
        from IPython.display import HTML, display

        self._html = HTML
        self._started = time.monotonic()
        self._shown = 0.0
        self._status = ""
        self._share = 0.0
        self._lines: list[str] = []
        self._handle = display(HTML(""), display_id=True)

    def say(self, status: str) -> None:
        """Shows what is being done now.

        Args:
            status: A few words.
        """
        self._status = status
        self._show()

    def update(self, progress: Progress) -> None:
        """Moves the bar.

        Args:
            progress: Rows of metrics, and how much of the run is done.
        """
        self._share = progress.done / progress.total if progress.total else 0.0
        passed = time.monotonic() - self._started
        left = f", about {duration(passed / self._share * (1 - self._share))} left" if self._share else ""
        self._status = f"{progress.done:,} of {progress.total:,} generations of lineages{left}"
        if self._share >= 1 or time.monotonic() - self._shown > SECONDS_BETWEEN:
            self._show()

    def event(self, text: str, out: tuple[str, str] | None = None) -> None:
        """Adds a line on what was decided.

        Args:
            text: One line.
            out: Task and genome that take no further part, or None if all go on.
        """
        self._lines.append(text)
        self._show()

    def warn(self, text: str) -> None:
        """Adds a line on what went wrong without ending the run.

        Args:
            text: One sentence.
        """
        self.event(text)

    def _show(self) -> None:
        """Draws the cell anew."""
        self._shown = time.monotonic()
        bar = f'<progress max="1" value="{self._share:.4f}" style="width: 20em"></progress>'
        lines = "".join(f"<div>{escape(visible(line))}</div>" for line in self._lines)
        self._handle.update(self._html(f"<div>{bar} {escape(visible(self._status))}</div>{lines}"))
