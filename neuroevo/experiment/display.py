"""What a person sees while a run goes on: its standings, and what is being done.

Standings are a live table, or plain lines where there is no terminal: few, each complete in itself.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from neuroevo.experiment import standings
from neuroevo.experiment.watcher import Watcher
from neuroevo.text import count, fill, visible

if TYPE_CHECKING:
    from neuroevo.experiment.plan import Plan
    from neuroevo.experiment.watcher import Progress as Update
    from neuroevo.rows import LineageRow, MetricsRow


REFRESHES = 2  # a second; standings are not computed more often, however fast rows come in
# Where there is no terminal, lines are printed when so many seconds have passed at least, and either so much
# more of the run is done or the longest time has passed.
PLAIN_SECONDS = 10.0
PLAIN_SHARE = 0.05
PLAIN_LONGEST = 300.0  # seconds
PLAIN_WIDTH = 100  # columns
BELOW = 3  # lines under the tables

_Place = tuple[str, str | None, int, int]  # task, genome unless it may change, graph and seed of a lineage


class Display(Watcher):
    """Standings of a run: every genome's fitness with its interval, its generation, speed and time left.

    Rows are only stored when they come in. A terminal is drawn `REFRESHES` times a second from a thread of
    its own; elsewhere lines are printed now and then.

    Args:
        console: Where to draw.
        quiet: Whether nothing is shown but warnings, and these on standard error.

    Attributes:
        work: Network steps of one evaluation, by task, or None where a task does not say; then the speed is
            given in evaluations alone.
        units: Unit of fitness, by task; tasks that are missing show none.
        generations: Number of generations that there are to be, by task; tasks that are missing show none.
    """

    def __init__(self, console: Console, quiet: bool = False) -> None:
        self._console = console
        self.work: Mapping[str, int | None] = {}
        self.units: Mapping[str, str] = {}
        self.generations: Mapping[str, int] = {}
        self._quiet = quiet
        self._live = console.is_terminal and not quiet
        self._glyphs = standings.ASCII if console.options.ascii_only else standings.Glyphs()
        self._lock = threading.Lock()  # of all that follows, which the drawing thread reads
        self._rows: dict[_Place, MetricsRow] = {}  # the last row of each lineage
        self._genomes: dict[str, dict[str, None]] = {}  # labels by task, in the order in which they came
        self._out: set[tuple[str, str]] = set()
        self._stages: dict[str, str] = {}
        self._changed: set[str] = set()  # tasks, since their standings were computed
        self._boards: dict[str, standings.Board] = {}
        self._evaluations = self._steps = 0
        self._done = 0  # generations of lineages
        self._total = 0
        self._first = 0  # of these, those that were done when the speed began to be measured
        self._begun = self._started = self._printed = time.monotonic()
        self._printed_share = 0.0
        self._has_begun = False
        self._status = "starting workers"
        self._screen = (
            Live(console=console, get_renderable=self._draw, refresh_per_second=REFRESHES, transient=True)
            if self._live
            else None
        )

    def __enter__(self) -> Display:
        if self._screen:
            self._screen.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._screen:
            self._screen.stop()

    def say(self, status: str) -> None:
        """Shows what is being done.

        Args:
            status: A few words.
        """
        self._status = status
        if self._screen:
            self._screen.refresh()
        elif not self._quiet:
            self._print(status)

    def expect(self, plan: Plan) -> None:
        """Makes ready for a run: what its tasks call their fitness, and how long it is going to be.

        Args:
            plan: What is going to be done.
        """
        self.work = {label: task.network_steps for label, task in plan.tasks.items()}
        self.units = {label: task.fitness_unit for label, task in plan.tasks.items()}
        self.generations = {label: s.generations for label, s in plan.settings.items()}
        self.say(f"setting the gains of {count(len(plan.samples), 'architecture')}")

    def hint(self, text: str) -> None:
        """Shows a line from within a signal handler, where a lock may be held that `say` would wait for.

        Args:
            text: One line.
        """
        self._status = text
        if not self._screen and not self._quiet:
            os.write(sys.stderr.fileno(), f"{text}\n".encode())

    def event(self, text: str, out: tuple[str, str] | None = None) -> None:
        """Shows something that happened, for good: in a terminal above the standings.

        Args:
            text: A sentence or two, such as "race: dropped random at generation 20 (p = 0.001)".
            out: Task and genome that take no further part, or None if all go on.
        """
        if out is not None:
            with self._lock:
                self._out.add(out)
                self._changed.add(out[0])
        if not self._quiet:
            self._print(fill(text, self._width()))

    def warn(self, text: str) -> None:
        """Shows what went wrong without ending the run, also where nothing else is shown.

        Args:
            text: One sentence.
        """
        if self._screen:
            self._console.print(Text(text, "yellow"), soft_wrap=True)
        else:
            print(visible(text), file=sys.stderr)

    def plan(self, lineages: Iterable[LineageRow], stage: str) -> None:
        """Begins a stage, whose standings start afresh, such as the confirmation after a race.

        Args:
            lineages: Rows with the task and genome of each that is to come.
            stage: Its name, which the standings then carry.
        """
        genomes: dict[str, dict[str, None]] = {}
        for row in lineages:
            genomes.setdefault(row["task"], {})[row["genome"]] = None
        with self._lock:
            self._rows = {key: row for key, row in self._rows.items() if row["task"] not in genomes}
            self._out = {pair for pair in self._out if pair[0] not in genomes}
            for task in genomes:
                self._genomes[task] = {}
                self._stages[task] = stage
                self._changed.add(task)

    def update(self, progress: Update) -> None:
        """Takes in one generation of a shard, and prints lines where there is no terminal and it is time.

        Args:
            progress: Its rows of metrics, and how much of the run is done.
        """
        with self._lock:
            for row in progress.rows:
                self._store(row)
            self._done = progress.done
            self._total = progress.total
            if not self._has_begun:  # of a run that is resumed some are done at the first
                self._has_begun = True
                self._started = time.monotonic()
                self._first = progress.done
                self._evaluations = self._steps = 0  # speed is counted from the end of the first generation
        is_last = progress.done == progress.total
        self._status = ""
        if not self._live and not self._quiet and (is_last or self._is_due()):
            self._print_lines(is_last)
        if is_last:
            self.say("scoring on held-out data")

    def _store(self, row: MetricsRow) -> None:
        """Stores a row as its lineage's last; a member of a mixed population may change its genome."""
        task, genome = row["task"], row["genome"]
        key: _Place = (task, None if "epoch" in row else genome, row["graph"], row["seed"])
        new = max(0, row["evaluations"] - self._rows.get(key, {"evaluations": 0})["evaluations"])
        self._evaluations += new
        self._steps += new * (self.work.get(task) or 0)
        self._rows[key] = row
        self._genomes.setdefault(task, {})[genome] = None
        self._changed.add(task)

    def _standings(self) -> list[standings.Board]:
        """Returns the standings of all tasks; computed again where rows came in since the last call."""
        with self._lock:
            changed = self._changed
            self._changed = set()
            rows: dict[str, list[MetricsRow]] = {task: [] for task in changed}
            for row in self._rows.values() if changed else ():
                if row["task"] in changed:
                    rows[row["task"]].append(row)
            genomes = {task: list(self._genomes[task]) for task in changed if task in self._genomes}
            out = {task: [label for t, label in self._out if t == task] for task in changed}
            tasks = list(self._genomes)
        for task, labels in genomes.items():
            self._boards[task] = standings.Board(
                task,
                standings.rank(rows[task], labels, out[task]),
                self.units.get(task, ""),
                self.generations.get(task),
                self._stages.get(task, ""),
            )
        return [self._boards[task] for task in tasks if self._boards[task].standings]

    def _draw(self) -> RenderableType:
        """Returns what a terminal shows now: the standings, a bar and what is being done."""
        boards = self._standings()
        status = self._status or self._speed() + self._steps_speed()
        if not boards:
            return Text(f"   {status}", "dim")
        width, height = self._console.size
        body = standings.lines(boards, width, height - BELOW, self._glyphs)
        times = f"{100 * self._share():.0f} %  {self._times()}"
        bar = Table.grid(padding=(0, 2, 0, 0))
        bar.add_row(
            ProgressBar(self._total, self._done, width=min(60, max(10, width - len(times) - 3))), times
        )
        return Group(*body, bar, Text(status, "dim", no_wrap=True, overflow="ellipsis"))

    def _is_due(self) -> bool:
        """Says whether it is time for plain lines."""
        waited = time.monotonic() - self._printed
        more = self._share() - self._printed_share
        return waited > PLAIN_SECONDS and (more >= PLAIN_SHARE or waited > PLAIN_LONGEST)

    def _print_lines(self, is_last: bool) -> None:
        """Prints a line for each task of which rows came in since the last lines."""
        self._printed = time.monotonic()
        self._printed_share = self._share()
        changed = set(self._changed)
        width = self._width()
        tail = f" ({self._speed()})" if is_last else f" ({left} left)" if (left := self._left()) else ""
        for board in self._standings():
            if board.task in changed:
                head = f"{100 * self._share():3.0f} %  "
                self._print(head + standings.plain(board, width - len(head), tail, self._glyphs))

    def _width(self) -> int:
        """Returns how many columns lines have: those of a terminal, or what was asked for, else the usual."""
        if self._live or "COLUMNS" in os.environ:
            return min(PLAIN_WIDTH, self._console.width)
        return PLAIN_WIDTH

    def _print(self, text: str) -> None:
        """Prints a line for good."""
        self._console.print(Text(text), highlight=False, soft_wrap=True)

    def _share(self) -> float:
        """Returns how much of the run is done, in [0, 1]."""
        return self._done / self._total if self._total else 0.0

    def _times(self) -> str:
        """Returns how long the run has taken, and how long it may yet."""
        left = self._left()
        return duration(time.monotonic() - self._begun) + (f", {left} left" if left else "")

    def _left(self) -> str | None:
        """Returns the time left at the speed so far, or None until there is a speed."""
        done, seconds = self._done - self._first, time.monotonic() - self._started
        if done <= 0 or seconds <= 0 or self._done >= self._total:
            return None
        return duration((self._total - self._done) * seconds / done)

    def _speed(self) -> str:
        """Returns evaluations per second so far."""
        seconds = time.monotonic() - self._started
        if not self._evaluations or seconds <= 0:
            return "measuring speed"
        return f"{self._evaluations / seconds:,.0f} evaluations/s"

    def _steps_speed(self) -> str:
        """Returns network steps per second so far, where all tasks say how many an evaluation has."""
        seconds = time.monotonic() - self._started
        is_known = self._steps and all(self.work.get(task) for task in self._genomes)
        return f", {self._steps / seconds:,.0f} steps/s" if is_known and seconds > 0 else ""


def duration(seconds: float) -> str:
    """Returns a time in its two largest units: 40 s, 12 min 40 s, 2 h 5 min.

    Args:
        seconds: The time, in seconds.
    """
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"
