"""What a person sees while a run goes on: a live table, or plain lines where there is no terminal."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from neuroevo.tournament import Progress as Update

PLAIN_SECONDS = 10.0  # between lines when the output is not a terminal


class Display:
    """Standings of a run: generation and fitness of every genome, speed, time left.

    Args:
        console: Where to draw.
        quiet: Draw nothing.

    Attributes:
        work: Episodes times steps of one evaluation, per task: turns evaluations into network steps.
    """

    def __init__(self, console: Console, quiet: bool = False) -> None:
        self._console = console
        self.work: Mapping[str, int] = {}
        self._quiet, self._live = quiet, console.is_terminal and not quiet
        self._rows: dict[tuple[str, str], dict[tuple[int, int], dict[str, Any]]] = {}
        self._evaluations = self._steps = 0
        self._started = self._last = time.monotonic()
        self._status = "starting workers"
        self._bar = Progress(
            TextColumn("  "),
            BarColumn(bar_width=28),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task("", total=None)
        self._screen = Live(console=console, refresh_per_second=4, transient=True) if self._live else None

    def __enter__(self) -> Display:
        if self._screen:
            self._screen.start()
            self._draw()
        return self

    def __exit__(self, *_: object) -> None:
        if self._screen:
            self._screen.stop()

    def say(self, status: str) -> None:
        """Shows what is being done."""
        self._status = status
        if self._screen:
            self._draw()
        elif not self._quiet:
            self._console.print(Text(status), highlight=False)

    def update(self, progress: Update) -> None:
        """Takes in one generation of a shard."""
        for row in progress.rows:
            previous = self._rows.setdefault((row["task"], row["genome"]), {})
            before = previous.get((row["graph"], row["seed"]), {"evaluations": 0})["evaluations"]
            self._evaluations += row["evaluations"] - before
            self._steps += (row["evaluations"] - before) * self.work[row["task"]]
            previous[row["graph"], row["seed"]] = row
        if progress.done == len(progress.rows):
            self._started = time.monotonic()
            self._evaluations = self._steps = 0  # speed is counted from the end of the first generation
        self._bar.update(self._task, completed=progress.done, total=progress.total)
        self._status = ""
        if self._screen:
            self._draw()
        elif not self._quiet and (
            progress.done == progress.total or time.monotonic() - self._last > PLAIN_SECONDS
        ):
            self._last = time.monotonic()
            self._console.print(Text(self._line(progress)), highlight=False, soft_wrap=True)

    def _draw(self) -> None:
        """Redraws the live table."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for name, justify in (
            ("task", "left"),
            ("genome", "left"),
            ("generation", "right"),
            ("fitness", "right"),
        ):
            table.add_column(name, justify=justify, style="bold" if name == "fitness" else "")  # type: ignore[arg-type]
        for (task, genome), lineages in self._rows.items():
            table.add_row(task, genome, f"{_generation(lineages)}", _fitness(lineages))
        below = Text(f"   {self._status or self._speed()}", style="dim")
        assert self._screen is not None
        self._screen.update(Group(table, Text(), self._bar, below) if self._rows else below)

    def _line(self, progress: Update) -> str:
        """Returns the standings as one line."""
        parts = [
            f"{task} {genome}: generation {_generation(lineages)}, fitness {_fitness(lineages)}"
            for (task, genome), lineages in self._rows.items()
        ]
        return f"{progress.done / progress.total:4.0%}  {'; '.join(parts)}; {self._speed()}"

    def _speed(self) -> str:
        """Returns evaluations and steps per second so far."""
        seconds = time.monotonic() - self._started
        if not self._evaluations or seconds <= 0:
            return "measuring speed"
        return f"{self._evaluations / seconds:,.0f} evaluations/s, {self._steps / seconds:,.0f} steps/s"


def _generation(lineages: Mapping[tuple[int, int], Mapping[str, Any]]) -> int:
    """Returns the number of generations that every lineage seen so far has completed."""
    return 1 + min(row["generation"] for row in lineages.values())


def _fitness(lineages: Mapping[tuple[int, int], Mapping[str, Any]]) -> str:
    """Returns the mean fitness of the lineages' centres."""
    values = [row["fitness_centre"] for row in lineages.values() if row["fitness_centre"] is not None]
    return f"{sum(values) / len(values):.4g}" if values else "failed"
