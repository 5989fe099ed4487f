"""Standings: where the genomes of a run stand while it goes on, as lines of text.

They order by the interquartile mean of the lineages' present fitness, with its 95 % interval. That is what
search sees, on training data: who is ahead here has not won.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from neuroevo.referee.estimators import interquartile_mean
from neuroevo.referee.intervals import interval
from neuroevo.report.formatting import places_of
from neuroevo.rows import MetricsRow
from neuroevo.text import number

MAX_LABEL = 28  # characters of a label in a plain line
HUGE = 1e7
WIDE = 100  # columns from which heads are written out
STRIP_FROM, STRIP_WIDTH = 112, 24  # columns from which intervals are also drawn, and of the drawing
_GAP = "  "


@dataclass(frozen=True)
class Glyphs:
    """The signs that an encoding may lack."""

    cut: str = "…"
    line: str = "─"
    point: str = "●"


ASCII = Glyphs("..", "-", "o")


@dataclass(frozen=True)
class Standing:
    """Where a genome stands on a task.

    Attributes:
        genome: Its label.
        num_lineages: Lineages that it has now.
        fitness: Interquartile mean over them, or None if all failed or there is none.
        interval: 95 % interval of the fitness, or None where there is no fitness.
        evaluations: Evaluations that every lineage has had.
        generation: Generations that every lineage has completed.
        is_out: It takes no further part: dropped from a race, or gone from every population.
    """

    genome: str
    num_lineages: int = 0
    fitness: float | None = None
    interval: Sequence[float] | None = None
    evaluations: int = 0
    generation: int = 0
    is_out: bool = False


@dataclass(frozen=True)
class Board:
    """The standings of a task.

    Attributes:
        task: Its label.
        standings: The best first.
        unit: Unit of fitness; may be empty.
        generations: How many generations there will be, or None if that is not known.
        stage: Name of what the run does with the task now, or "" where that has none.
    """

    task: str
    standings: Sequence[Standing]
    unit: str = ""
    generations: int | None = None
    stage: str = ""

    @property
    def num_lineages(self) -> int | None:
        """Lineages of each genome that still takes part, if all have as many."""
        numbers = {s.num_lineages for s in self.standings if not s.is_out}
        return numbers.pop() if len(numbers) == 1 else None

    def title(self, width: int) -> str:
        """Returns task, stage, unit and number of lineages, as far as they fit.

        Args:
            width: Columns that there are.
        """
        parts = [self.task, self.stage, self.unit]
        if self.num_lineages:
            parts.append("1 lineage" if self.num_lineages == 1 else f"{self.num_lineages} lineages")
        title = ""
        for part in filter(None, parts):
            if title and cell_len(f"{title}, {part}") > width:
                break
            title = f"{title}, {part}" if title else part
        return title

    @property
    def generation(self) -> int:
        """Generations that every genome has completed that still takes part."""
        return min((s.generation for s in self.standings if not s.is_out), default=0)


def rank(rows: Iterable[MetricsRow], genomes: Iterable[str], out: Iterable[str] = ()) -> list[Standing]:
    """Returns the standings of a task.

    Args:
        rows: The last row of metrics of each lineage.
        genomes: All labels, in the order that equal standings keep; one without a lineage is out.
        out: Labels that were dropped.
    """
    dropped = set(out)
    lineages: dict[str, list[MetricsRow]] = {genome: [] for genome in genomes}
    for row in rows:
        lineages[row["genome"]].append(row)
    standings = [_standing(genome, last, genome in dropped) for genome, last in lineages.items()]
    return sorted(standings, key=lambda s: (s.is_out, s.fitness is None, -(s.fitness or 0.0)))


def _standing(genome: str, rows: Sequence[MetricsRow], is_out: bool) -> Standing:
    """Returns where a genome stands, from the last row of each of its lineages."""
    if not rows:
        return Standing(genome, is_out=True)
    scores = {(r["graph"], r["seed"]): r["fitness_centre"] for r in rows if r["fitness_centre"] is not None}
    return Standing(
        genome,
        len(rows),
        interquartile_mean(list(scores.values())),
        interval(scores) if scores else None,
        min(row["evaluations"] for row in rows),
        1 + min(row["generation"] for row in rows),
        is_out,
    )


def lines(boards: Sequence[Board], width: int, height: int, glyphs: Glyphs = Glyphs()) -> list[Text]:
    """Returns a table for each task, one under the other, in at most `height` lines if that is possible.

    Args:
        boards: The tasks.
        width: Columns; made to look right from 80.
        height: Lines there are. What does not fit is counted: the last genomes of a task, the last tasks.
        glyphs: Signs to draw with.
    """
    shown = fold([len(board.standings) for board in boards], height)
    boards, rest = boards[: len(shown)], boards[len(shown) :]
    have_counts = any(board.num_lineages is None for board in boards)
    tables = [_cells(board, n, width, have_counts) for board, n in zip(boards, shown, strict=True)]
    columns = [max(map(cell_len, column)) for column in zip(*(row for t in tables for row in t), strict=True)]
    strip = STRIP_WIDTH if width >= STRIP_FROM and any(s.interval for b in boards for s in b.standings) else 0
    left = width - sum(n + len(_GAP) for n in columns) - (strip + len(_GAP) if strip else 0)
    longest = [
        cell_len(x) for b in boards for x in (b.title(width), *(f"{s.genome}    " for s in b.standings))
    ]
    left = max(12, min(left, max(longest)))
    texts: list[Text] = []
    for board, table in zip(boards, tables, strict=True):
        texts += [*_table(board, table, columns, left, strip, glyphs), Text()]
    if rest:
        names = ", ".join(board.task for board in rest)
        texts.append(Text(cut(f"and {len(rest)} more tasks: {names}", width, glyphs), "dim"))
    for text in texts:
        text.no_wrap = True
        text.overflow = "crop"
    return texts


def fold(counts: Sequence[int], height: int) -> list[int]:
    """Returns how many genomes of each task are shown; tasks at the end may be left out.

    A task takes a line for its head, an empty one, one for each genome and, if not all are shown, one that
    says how many more there are. Lines are dealt to the tasks in turn.

    Args:
        counts: Genomes of each task.
        height: Lines there are.
    """
    num_tasks = len(counts) if height >= 4 * len(counts) else max(1, (height - 1) // 4)
    shown = [min(1, n) for n in counts[:num_tasks]]
    free = height - 2 * num_tasks - (num_tasks < len(counts)) - sum(min(2, n) for n in counts[:num_tasks])
    is_growing = True
    while is_growing:
        is_growing = False
        for k, n in enumerate(shown):
            cost = int(n + 1 < counts[k])  # the last genome takes the place of the line that counts the rest
            if n < counts[k] and cost <= free:
                shown[k], free, is_growing = n + 1, free - cost, True
    return shown


def _table(
    board: Board,
    cells: Sequence[Sequence[str]],
    columns: Sequence[int],
    left: int,
    strip: int,
    glyphs: Glyphs,
) -> list[Text]:
    """Returns a task's head, a line for each genome that is shown, and one for the others.

    Args:
        board: The task.
        cells: Right of the labels: heads, then a row for each genome that is shown.
        columns: Widths of the cells.
        left: Columns of the labels.
        strip: Columns of the drawing of intervals; 0 for none.
        glyphs: Signs to draw with.
    """
    shown, hidden = board.standings[: len(cells) - 1], board.standings[len(cells) - 1 :]
    drawn = [_GAP + line for line in strips(shown, strip, glyphs)] if strip else [""] * len(cells)
    head = Text(_fill(board.title(left), left, glyphs), "bold")
    texts = [head.append(_joined(cells[0], columns) + drawn[0], "dim not bold")]
    main = len(columns) - 3  # up to the fitness; the interval, evaluations and generation follow
    for k, (standing, row) in enumerate(zip(shown, cells[1:], strict=True), start=1):
        line = Text(style="dim" if standing.is_out else "")
        line.append("out " if standing.is_out else f"{k:>3} ", "dim")
        line.append(_fill(standing.genome, left - 4, glyphs))
        line.append(_joined(row[:main], columns[:main]), "" if standing.is_out else "bold")
        line.append(_joined(row[main:], columns[main:]))
        texts.append(line.append(drawn[k], "" if standing.is_out else "cyan"))
    return texts + ([Text(f"    {_more(hidden, board)}", "dim")] if hidden else [])


def strips(standings: Sequence[Standing], width: int, glyphs: Glyphs) -> list[str]:
    """Returns intervals and means drawn on a common axis, after a line with the ends of the axis.

    Args:
        standings: The genomes, a line each.
        width: Columns of a line.
        glyphs: Signs to draw with.
    """
    values = [x for s in standings for x in (s.fitness, *(s.interval or ())) if x is not None]
    low, high = min(values, default=0.0), max(values, default=0.0)
    places = _decimals(standings)
    ends = [_fitness(low, places), _fitness(high, places)]
    axis = ends[0] + ends[1].rjust(width - len(ends[0]))

    def at(value: float) -> int:
        return round((value - low) / ((high - low) or 1.0) * (width - 1))

    drawn = [axis]
    for s in standings:
        signs = [" "] * width
        if s.interval:
            first, last = at(s.interval[0]), at(s.interval[1])
            signs[first : last + 1] = glyphs.line * (last + 1 - first)
        if s.fitness is not None and width:
            signs[at(s.fitness)] = glyphs.point
        drawn.append("".join(signs))
    return drawn


def plain(board: Board, width: int, tail: str = "", glyphs: Glyphs = Glyphs()) -> str:
    """Returns the standings of a task as one line of at most `width` characters, if one genome fits.

    Args:
        board: The task.
        width: Characters.
        tail: What else the line says, at its end.
        glyphs: Signs to write with.
    """
    places = _decimals(board.standings)
    stage = f", {board.stage}" if board.stage else ""
    head = f"{board.task}{stage} generation {board.generation}: "
    items = [
        f"{cut(s.genome, MAX_LABEL, glyphs)} {_fitness(s.fitness, places) if s.num_lineages else 'out'}"
        for s in board.standings
    ]
    for shown in range(len(items), 0, -1):
        more = f" and {len(items) - shown} more" if shown < len(items) else ""
        line = head + ", ".join(items[:shown]) + more + tail
        if len(line) <= width:
            break
    return line if items else head.removesuffix(": ") + tail


def cut(text: str, width: int, glyphs: Glyphs = Glyphs()) -> str:
    """Returns a text without its middle where it is too wide: labels differ at their ends.

    Args:
        text: The text, of one line.
        width: Columns that there are.
        glyphs: Signs to write with.
    """
    if cell_len(text) <= width:
        return text
    room = max(0, width - cell_len(glyphs.cut))
    ends = (set_cell_size(text, (room + 1) // 2), set_cell_size(text[::-1], room // 2)[::-1])
    return glyphs.cut.join(ends)


def _cells(board: Board, num_shown: int, width: int, have_counts: bool) -> list[list[str]]:
    """Returns the cells to the right of the labels, heads first."""
    places = _decimals(board.standings)
    of = f"/{board.generations}" if board.generations else ""
    heads = ["evaluations", "generation"] if width >= WIDE else ["evals", "gen"]
    rows = [["lineages", "fitness", "95 % interval", *heads]]
    for s in board.standings[:num_shown]:
        bounds = (
            f"[{_fitness(s.interval[0], places)}, {_fitness(s.interval[1], places)}]" if s.interval else "-"
        )
        had = [_fitness(s.fitness, places), bounds, f"{s.evaluations:,}", f"{s.generation}{of}"]
        rows.append([str(s.num_lineages), *(had if s.num_lineages else "----")])
    return rows if have_counts else [row[1:] for row in rows]


def _joined(cells: Sequence[str], columns: Sequence[int]) -> str:
    """Returns cells at the right of their columns."""
    return "".join(_GAP + cell.rjust(n) for cell, n in zip(cells, columns, strict=True))


def _more(hidden: Sequence[Standing], board: Board) -> str:
    """Says what is not shown, and where it stands."""
    values = [s.fitness for s in hidden if s.fitness is not None]
    places = _decimals(board.standings)
    ends = f", fitness {_fitness(max(values), places)} to {_fitness(min(values), places)}" if values else ""
    return f"and {len(hidden)} more{ends}"


def _fill(text: str, width: int, glyphs: Glyphs) -> str:
    """Returns a text in exactly so many columns."""
    return set_cell_size(cut(text, width, glyphs), width)


def _decimals(standings: Sequence[Standing]) -> int:
    """Returns with how many decimals a task's figures are written: three digits of the middle one."""
    sizes = sorted(abs(s.fitness) for s in standings if s.fitness)  # one that went wild must not decide
    return places_of(sizes[len(sizes) // 2 :][:1])


def _fitness(value: float | None, places: int) -> str:
    """Returns a figure with so many decimals, a huge one as a power of ten."""
    if value is not None and abs(value) >= HUGE:
        return f"{value:.2e}"
    return number(value, places, missing="failed")
