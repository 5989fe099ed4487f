"""Scores of other programs: a file with a row a lineage, each checked with the line on which it stands.

A lineage that failed has an empty score, or one that is not finite; a score beyond `forms.MOST` is taken for
that of a lineage that failed as well, as in runs.
"""

from __future__ import annotations

import hashlib
import math
import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from neuroevo.errors import DataError, unknown
from neuroevo.files import Row
from neuroevo.forms import MOST
from neuroevo.report.scores_lines import COLUMNS, NEEDED, Lines, Values
from neuroevo.rows import PROVISIONAL
from neuroevo.run_folder import Key
from neuroevo.text import one_line, visible

NAMED = "named"  # kind of a control of which nothing is known but that it is one
KINDS = ("none", "clock", "frozen", NAMED)
_IS_CONTROL = {
    **{kind: kind for kind in KINDS},
    **dict.fromkeys(("yes", "true", "1", "control"), NAMED),
    **dict.fromkeys(("no", "false", "0", "evolves"), "no"),
}
FIGURES = ("margin", "floor", "maximum")  # columns that say something of a task
STATUSES = ("done", "failed", "censored", "raced", "unscored", "early")
MAX_NAME = 200  # characters of a name
_WHOLE = re.compile(r"[+-]?[0-9]{1,15}(\.0*)?")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|[+-]?(inf|infinity|nan)", re.IGNORECASE)
_CUT = 40  # characters of a value in an error

Name = int | str  # of a graph or a seed
Lineage = tuple[str, str, Name, Name]  # task, genome, graph, seed, as the file names them


@dataclass(frozen=True)
class ScoresFile:
    """What a file of scores holds.

    Attributes:
        name: Its name.
        sha256: SHA-256 of what it holds.
        tasks: Labels of the tasks, in the order of the file.
        genomes: Labels of the genomes, in the order of the file.
        rows: Lineages with their figures, under the columns of results.jsonl.
        controls: Kinds of the genomes that the file calls controls, by label.
        units: Units of tasks, where the file has them.
        margins: Margins of tasks, where the file has them.
        floors: Scores that take no network, by task, where the file has them.
        maxima: The best scores that there can be, by task, where the file has them.
        unread: Columns that nobody reads.
    """

    name: str
    sha256: str
    tasks: tuple[str, ...]
    genomes: tuple[str, ...]
    rows: Mapping[Lineage, Row]
    controls: Mapping[str, str]
    units: Mapping[str, str]
    margins: Mapping[str, float]
    floors: Mapping[str, float]
    maxima: Mapping[str, float]
    unread: tuple[str, ...]

    @classmethod
    def read(cls, path: str | Path) -> ScoresFile:
        """Returns a file as it was read.

        Args:
            path: The file.

        Raises:
            DataError: If it cannot be read, a row is malformed or stands twice, or there is one genome.
        """
        lines = Lines.read(Path(path))
        reader = _Reader(lines)
        for line, values in lines.values():
            reader.take(line, values)
        if not reader.rows:
            raise DataError(f"{lines.path.name} has no rows; wanted one a lineage under {','.join(NEEDED)}.")
        genomes = tuple(dict.fromkeys(key[1] for key in reader.rows))
        if len(genomes) == 1:
            raise DataError(f"{lines.path.name} has one genome, {genomes[0]}; wanted two or more to compare.")
        return cls(
            name=visible(lines.path.name),
            sha256=hashlib.sha256(lines.data).hexdigest(),
            tasks=tuple(dict.fromkeys(key[0] for key in reader.rows)),
            genomes=genomes,
            rows=reader.rows,
            controls={
                genome: str(kind) for genome, kind in reader.settled["control"].items() if kind != "no"
            },
            units={task: str(unit) for task, unit in reader.settled["unit"].items()},
            margins=reader.figures("margin"),
            floors=reader.figures("floor"),
            maxima=reader.figures("maximum"),
            unread=tuple(map(visible, lines.unread())),
        )

    def keys(self) -> dict[Lineage, Key]:
        """Returns lineages as runs name them: graphs and seeds that are names have numbers."""
        graphs, seeds = (_numbers({key[place] for key in self.rows}) for place in (2, 3))
        return {key: (key[0], key[1], graphs[key[2]], seeds[key[3]]) for key in self.rows}


def _numbers(names: set[Name]) -> dict[Name, int]:
    """Returns a number for each name: its own where all are whole numbers from 0 on, else its place."""
    if all(isinstance(name, int) and name >= 0 for name in names):
        return {name: int(name) for name in names}
    return {name: k for k, name in enumerate(sorted(names, key=lambda x: (isinstance(x, str), x)))}


@dataclass
class _Reader:
    """Rows as they are read, with what they say of their tasks and genomes."""

    file: Lines
    rows: dict[Lineage, Row] = field(default_factory=dict)
    lines: array[int] = field(default_factory=lambda: array("q"))  # on which each row of `rows` stands
    settled: dict[str, dict[str, object]] = field(
        default_factory=lambda: {name: {} for name in ("control", "unit", *FIGURES)}
    )
    names: dict[str, str] = field(default_factory=dict)  # known to be good, so that each is held once

    def figures(self, column: str) -> dict[str, float]:
        """Returns a figure of each task that has one."""
        return {task: float(str(figure)) for task, figure in self.settled[column].items()}

    def take(self, line: int, values: Values) -> None:
        """Takes a row."""
        task, genome, graph, seed, score, untrained, tuned, evaluations, *rest = values
        control, unit, *figures, status, role, population = rest
        if population is not None and population != "":
            raise self.file.error(
                line, "a member of a mixed population, which is kin to the others; wanted lineages apart"
            )
        key = (
            self._name(line, "task", task),
            self._name(line, "genome", genome),
            self._identity(line, "graph", graph),
            self._identity(line, "seed", seed),
        )
        row = self._row(line, score, status)
        for column, value in (("untrained_score", untrained), ("tuned_score", tuned)):
            if value is not None and value != "":
                row[column] = self._number(line, column.removesuffix("_score"), value)
        if evaluations is not None and evaluations != "":
            row["evaluations"] = self._count(line, evaluations)
        if role is not None and role != "":
            row["role"] = self._name(line, "role", role)
        self._settle(line, "control", key[1], self._kind(line, control))
        self._settle(line, "unit", key[0], self._name(line, "unit", unit) if unit else None)
        for column, figure in zip(FIGURES, figures, strict=True):
            self._settle(line, column, key[0], self._figure(line, column, figure))
        self._add(line, key, row)

    def _add(self, line: int, key: Lineage, row: Row) -> None:
        """Adds a row; one that was to be replaced by a later one of its lineage is replaced."""
        earlier = self.rows.get(key)
        if earlier is None:
            self.lines.append(line)
        elif earlier["status"] not in PROVISIONAL:
            at = self.lines[next(k for k, other in enumerate(self.rows) if other == key)]
            task, genome, graph, seed = key
            raise self.file.error(
                line,
                f"{genome} on {task}, graph {graph}, seed {seed}, stands in line {at} already; wanted each "
                "lineage once",
            )
        self.rows[key] = row

    def _row(self, line: int, score: object, status: object) -> Row:
        """Returns score and status of a lineage: as the file has it, or as the score says."""
        number = self._number(line, "score", score)
        if status is None or status == "":
            return {"status": "failed" if number is None else "done", "score": number}
        if status not in STATUSES:
            raise self.file.error(line, unknown("status", str(status), STATUSES).removesuffix("."))
        if number is None and status in ("done", "early"):
            status = "failed"
        return {"status": status, "score": number, "error": None}

    def _name(self, line: int, column: str, value: object) -> str:
        """Returns a name."""
        if isinstance(value, str) and (name := self.names.get(value)) is not None:
            return name
        text = value.strip() if isinstance(value, str) else ""
        if not text:
            raise self.file.error(line, f"{column} is {_quoted(value)}; wanted {COLUMNS[column]}")
        if not text.isprintable() or len(text) > MAX_NAME:
            raise self.file.error(
                line, f"{column} is {_quoted(text)}; wanted up to {MAX_NAME} characters that can be printed"
            )
        return self.names.setdefault(str(value), text)

    def _identity(self, line: int, column: str, value: object) -> Name:
        """Returns the number or the name of a graph or a seed; 3, 3.0 and 03 are one number."""
        if isinstance(value, str) and _WHOLE.fullmatch(text := value.strip()):
            return int(text.partition(".")[0])
        if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**15:
            return value
        return self._name(line, column, value)

    def _number(self, line: int, column: str, value: object) -> float | None:
        """Returns a figure; None for one that is not there, is not finite or is too large."""
        if isinstance(value, str):
            text = value.strip()
            if not text:
                return None
            if not _NUMBER.fullmatch(text):
                hint = ", with a point before its decimals" if "," in text else ""
                raise self.file.error(
                    line, f"{column} is {_quoted(text)}; wanted a number{hint}, or nothing where it failed"
                )
            number = float(text)
        elif isinstance(value, float | None):
            number = math.nan if value is None else value
        elif isinstance(value, int) and not isinstance(value, bool):
            number = float(value) if abs(value) <= MOST else math.inf
        else:
            raise self.file.error(line, f"{column} is {_quoted(value)}; wanted a number, or null")
        return number if abs(number) <= MOST else None

    def _count(self, line: int, value: object) -> int:
        """Returns a number of evaluations."""
        number = self._number(line, "evaluations", value)
        if number is None or number < 0 or not number.is_integer() or number >= 2**63:
            raise self.file.error(line, f"evaluations is {_quoted(value)}; wanted a whole number from 0 on")
        return int(number)

    def _figure(self, line: int, column: str, value: object) -> float | None:
        """Returns a figure of a task, if there is one."""
        if value is None or value == "":
            return None
        number = self._number(line, column, value)
        if number is None or (column == "margin" and number <= 0):
            more = " greater than 0" if column == "margin" else ""
            raise self.file.error(line, f"{column} is {_quoted(value)}; wanted a finite number{more}")
        return number

    def _kind(self, line: int, value: object) -> str | None:
        """Returns the kind of a control, "no" for what is none, and None where nothing is said."""
        if value is None or value == "":
            return None
        kind = _IS_CONTROL.get(str(value).strip().lower())
        if kind is None:
            raise self.file.error(line, f"control is {_quoted(value)}; wanted yes, no, none, clock or frozen")
        return kind

    def _settle(self, line: int, column: str, about: str, value: object) -> None:
        """Notes what a column says of a task or genome, which has to be the same in all its rows."""
        if value is None:
            return
        first = self.settled[column].setdefault(about, value)
        if first != value:
            raise self.file.error(
                line,
                f"{column} of {about} is {_quoted(value)}, and {_quoted(first)} in a line above; wanted one",
            )


def _quoted(value: object) -> str:
    """Returns a value for a message, in quotes if it is text."""
    text = one_line(value, _CUT)
    return repr(text) if isinstance(value, str) else "empty" if value is None else text
