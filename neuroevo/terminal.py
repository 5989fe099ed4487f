"""What a person sees: the standings while a run goes on, and the list of what there is to run.

Standings are a live table, or plain lines where there is no terminal.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from neuroevo.tournament import Progress as Update

PLAIN_SECONDS = 10.0  # between lines when the output is not a terminal

_HOW_TO_NAME = """\
Options are shown with their defaults. Give those that shall differ after the
name; a label before it tells variants of one prior or task apart:
  --genome kept=stats-prior:gap=keep free=stats-prior:gap=keep,dale=false
A plug-in of your own is named by its path: --task package.module:Name
What a prior keeps and destroys: python run.py list stats-prior"""


class Display:
    """Standings of a run: generation and fitness of every genome, speed, time left.

    Args:
        console: Where to draw.
        quiet: Draw nothing.

    Attributes:
        work: Network steps of one evaluation, per task; None where a task does not say, and then the speed
            is given in evaluations alone.
    """

    def __init__(self, console: Console, quiet: bool = False) -> None:
        self._console = console
        self.work: Mapping[str, int | None] = {}
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
            self._steps += (row["evaluations"] - before) * (self.work.get(row["task"]) or 0)
            previous[row["graph"], row["seed"]] = row
        if progress.done == len(progress.rows):
            self._started = time.monotonic()
            self._evaluations = self._steps = 0  # speed is counted from the end of the first generation
        self._bar.update(self._task, completed=progress.done, total=progress.total)
        is_last = progress.done == progress.total
        self._status = ""
        if self._screen:
            self._draw()
        elif not self._quiet and (is_last or time.monotonic() - self._last > PLAIN_SECONDS):
            self._last = time.monotonic()
            self._console.print(Text(self._line(progress)), highlight=False, soft_wrap=True)
        if is_last:
            self.say("scoring on held-out data")

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
        below = Text(f"   {self._status or self._speed() + self._steps_speed()}", style="dim")
        assert self._screen is not None
        self._screen.update(Group(table, Text(), self._bar, below) if self._rows else below)

    def _line(self, progress: Update) -> str:
        """Returns the standings as one line: for each task its generation and every genome's fitness."""
        parts = []
        for task in dict.fromkeys(task for task, _ in self._rows):
            genomes = {genome: rows for (t, genome), rows in self._rows.items() if t == task}
            fitness = ", ".join(f"{genome} {_fitness(rows)}" for genome, rows in genomes.items())
            parts.append(f"{task} generation {min(map(_generation, genomes.values()))}: {fitness}")
        return f"{progress.done / progress.total:4.0%}  {'; '.join(parts)} ({self._speed()})"

    def _speed(self) -> str:
        """Returns evaluations per second so far."""
        seconds = time.monotonic() - self._started
        if not self._evaluations or seconds <= 0:
            return "measuring speed"
        return f"{self._evaluations / seconds:,.0f} evaluations/s"

    def _steps_speed(self) -> str:
        """Returns network steps per second so far, where all tasks say how many an evaluation has."""
        seconds = time.monotonic() - self._started
        is_known = self._steps and all(self.work.get(task) for task, _ in self._rows)
        return f", {self._steps / seconds:,.0f} steps/s" if is_known and seconds > 0 else ""


def count(number: int, what: str) -> str:
    """Returns a number and its noun: 1 worker, 2 workers."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _generation(lineages: Mapping[tuple[int, int], Mapping[str, Any]]) -> int:
    """Returns the number of generations that every lineage seen so far has completed."""
    return 1 + min(row["generation"] for row in lineages.values())


def _fitness(lineages: Mapping[tuple[int, int], Mapping[str, Any]]) -> str:
    """Returns the mean fitness of the lineages' centres."""
    values = [row["fitness_centre"] for row in lineages.values() if row["fitness_centre"] is not None]
    return f"{sum(values) / len(values):.4g}" if values else "failed"


def print_sections(sections: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Prints what `run.py list` found.

    Args:
        sections: By the plural of the option that names them: entries by name, each with a `summary` and
            perhaps `options`, a dict of defaults.
    """
    console = Console(highlight=False)
    for title, entries in sections.items():
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True)
        table.add_column()
        for name, entry in entries.items():
            text = Text(entry["summary"])
            if entry.get("options"):
                options = [f"{k}={_plain(v)}" for k, v in entry["options"].items()]
                width = console.width - max(map(len, entries)) - 6  # what is left beside the names
                for line in _filled([f":{options[0]}", *options[1:]], width):
                    text.append(f"\n{line}", style="dim")
            table.add_row(name, text)
        console.print(Text(title.upper(), style="dim"))
        console.print(Padding(table, (0, 0, 1, 2)))
    console.print(Text(_HOW_TO_NAME))


def _filled(items: list[str], width: int) -> list[str]:
    """Returns items joined by commas in lines of at most `width` characters, where an item fits."""
    lines = [items[0]]
    for item in items[1:]:
        if len(lines[-1]) + len(item) + 2 <= width:
            lines[-1] += f",{item}"
        else:
            lines[-1] += ","
            lines.append(item)
    return lines


def _plain(value: Any) -> str:
    """Returns an option's default as the command line writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value) or '""'
