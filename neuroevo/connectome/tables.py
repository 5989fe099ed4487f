"""Tables of edges and of cells: CSV and TSV files, read and checked row by row; edges written as CSV.

A table of cells lies beside a table of edges or a matrix and says what is known of each cell.
`assemble` turns rows, from these tables or any other source, into a `Connectome`.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from neuroevo import outside
from neuroevo.connectome.model import KINDS, Edges
from neuroevo.errors import ConnectomeError, unknown
from neuroevo.files import new_name, open_new

DELIMITERS = {".csv": ",", ".tsv": "\t"}
EDGE_COLUMNS = ("pre", "post", "kind", "weight", "sign")
NEEDED = ("pre", "post")  # the other columns may be left out, all of a column or nothing of it
CELL_COLUMNS = ("name", "role", "class", "transmitter", "sign", "x", "y", "z", "input", "output")
ROLES = ("sensory", "interneuron", "motor", "muscle")
SMALLEST = float(np.finfo(np.float32).tiny)  # of the weights that float32 holds
LARGEST = float(np.finfo(np.float32).max)

_SIGNS = {"1": 1, "+1": 1, "1.0": 1, "-1": -1, "-1.0": -1}
_MARKS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}


def read_edges(path: Path, muscles: Collection[str] = ()) -> list[Row]:
    """Returns the rows of an edge table, each checked by itself.

    Args:
        path: File with a header, separated by commas (`.csv`) or tabs (`.tsv`); further columns are ignored.
        muscles: Names of the cells known to be muscles.

    Raises:
        ConnectomeError: If the file cannot be read or has no edges, or a row is malformed.
    """
    rows = [
        Row(path.name, f"line {line}").parse(values, muscles)
        for line, values in _lines(path, NEEDED, EDGE_COLUMNS, "a CSV edge table")
    ]
    if not rows:
        raise ConnectomeError(f"{path.name} has no edges; wanted one a row under {','.join(EDGE_COLUMNS)}.")
    return rows


def read_cells_beside(path: Path) -> list[Cell] | None:
    """Returns the cells in `NAME_cells.csv` or `.tsv` beside `NAME.*`, in order; None if there is neither.

    Args:
        path: The file of edges, `NAME.*`.

    Raises:
        ConnectomeError: If the table cannot be read, is empty, or names a cell twice.
    """
    tables = [path.with_name(f"{path.stem}_cells{suffix}") for suffix in DELIMITERS]
    table = next((table for table in tables if table.exists()), None)
    if table is None:
        return None
    rows = _lines(table, ("name",), CELL_COLUMNS, "a CSV table of cells")
    cells = [Cell(table.name, f"line {line}").parse(values) for line, values in rows]
    if not cells:
        raise ConnectomeError(f"{table.name} has no cells; wanted one a row under {','.join(CELL_COLUMNS)}.")
    require_distinct(cells)
    return cells


def write_edges(
    path: str | Path,
    cells: Sequence[str],
    sign: np.ndarray,
    *,
    chemical: Edges,
    neuromuscular: Edges,
    electrical: Edges,
) -> None:
    """Writes a table that `read_edges` reads, as a new file that is then renamed.

    Cells without edges do not appear in it, nor do roles, classes, positions and ports.

    Args:
        path: The CSV file; one that exists is replaced.
        cells: Names of the N cells.
        sign: [N], +1 or -1.
        chemical: Synapses from neuron to neuron.
        neuromuscular: Synapses from neuron to muscle.
        electrical: Gap junctions, each pair once.

    Raises:
        ConnectomeError: If the file cannot be written.
    """
    path = Path(path)
    new = new_name(path)
    rows = (
        (
            cells[pre],
            cells[post],
            kind,
            str(weight).removesuffix(".0"),  # the shortest text that reads back as this float32
            0 if kind == "electrical" else int(sign[pre]),
        )
        for kind, edges in zip(KINDS, (chemical, neuromuscular, electrical), strict=True)
        for pre, post, weight in zip(edges.pre, edges.post, edges.weight, strict=True)
    )
    try:
        with io.TextIOWrapper(open_new(new), encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([EDGE_COLUMNS, *rows])
        os.replace(new, path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise ConnectomeError(
            f"Cannot write {str(path)!r}: {error.strerror}; choose another place."
        ) from error


@dataclass(frozen=True)
class Place:
    """Where something stands, for messages.

    Attributes:
        file: Name of the file or graph.
        where: Place in it: "line 3", "edge 'a' -> 'b'".
    """

    file: str
    where: str

    def error(self, message: str) -> ConnectomeError:
        """Returns an error that says where this stands.

        Args:
            message: What is wrong and what was wanted, without a full stop.
        """
        return ConnectomeError(f"{self.file}, {self.where}: {message}.")


@dataclass(frozen=True)
class Row(Place):
    """One edge, with where it stands.

    Attributes:
        pre: Name of the presynaptic cell.
        post: Name of the postsynaptic cell.
        kind: One of KINDS.
        weight: Greater than 0 and within float32.
        sign: Sign of the presynaptic cell, +1 or -1; 0 where the row does not say, and for gap junctions.
    """

    pre: str = ""
    post: str = ""
    kind: str = ""
    weight: float = 1.0
    sign: int = 0

    def parse(self, values: Mapping[str, object], muscles: Collection[str] = ()) -> Row:
        """Returns the row with its values read and checked.

        Args:
            values: By column. Without a kind an edge is neuromuscular if its target is a muscle, else
                chemical; without a weight it weighs 1; without a sign its presynaptic cell has one elsewhere.
            muscles: Names of the cells known to be muscles.

        Raises:
            ConnectomeError: If a value is missing or not of its form.
        """
        missing = [column for column in EDGE_COLUMNS if values.get(column, "") is None]
        if missing:
            raise self.error(f"no value for {', '.join(missing)}; wanted one in every column of the header")
        pre, post = (str(values[column]).strip() for column in NEEDED)
        if not pre or not post:
            raise self.error("a cell without a name; wanted names in pre and post")
        if pre == post:
            raise self.error(f"{pre!r} is joined to itself; remove self-connections")
        kind = str(values.get("kind", "neuromuscular" if post in muscles else "chemical")).strip()
        if kind not in KINDS:
            raise self.error(unknown("kind of edge", kind, KINDS).removesuffix("."))
        row = replace(self, pre=pre, post=post, kind=kind)
        if "weight" in values:
            row = replace(row, weight=self._weight(str(values["weight"]).strip()))
        if "sign" in values and kind != "electrical":
            row = replace(row, sign=self._sign(str(values["sign"]).strip()))
        return row

    def _weight(self, text: str) -> float:
        """Returns a weight, a number greater than 0."""
        try:
            weight = float(text)
        except ValueError:
            raise self.error(f"weight {text!r} is no number; wanted one greater than 0") from None
        if not SMALLEST <= weight <= LARGEST:  # NaN never is
            raise self.error(f"weight is {text}; wanted a finite number greater than 0")
        return weight

    def _sign(self, text: str) -> int:
        """Returns a sign, +1 or -1."""
        if text not in _SIGNS:
            raise self.error(f"sign is {text!r}; wanted 1 (excites) or -1 (inhibits)")
        return _SIGNS[text]


@dataclass(frozen=True)
class Cell(Place):
    """One cell, with where it stands; what is not known is empty, 0, NaN or None.

    Attributes:
        name: Its name.
        role: One of ROLES, or "".
        cell_class: Its class, or "".
        transmitter: Transmitters joined by "+", or "".
        sign: Sign of its synapses, +1 or -1; 0 where not known.
        position: x, y and z in micrometres.
        is_input: Whether it takes input; None where nothing is said.
        is_output: Whether it gives output.
    """

    name: str = ""
    role: str = ""
    cell_class: str = ""
    transmitter: str = ""
    sign: int = 0
    position: tuple[float, float, float] = (math.nan, math.nan, math.nan)
    is_input: bool | None = None
    is_output: bool | None = None

    def parse(self, values: Mapping[str, object]) -> Cell:
        """Returns the cell with its values read and checked.

        Args:
            values: By column of CELL_COLUMNS; all but the name may be missing or empty.

        Raises:
            ConnectomeError: If a value is not of its form.
        """
        text = {c: "" if values.get(c) is None else str(values[c]).strip() for c in CELL_COLUMNS}
        if not text["name"]:
            raise self.error("a cell without a name; wanted one")
        if text["role"] and text["role"] not in ROLES:
            raise self.error(unknown("role", text["role"], ROLES).removesuffix("."))
        if text["sign"] and text["sign"] not in _SIGNS:
            raise self.error(f"sign is {text['sign']!r}; wanted 1 (excites), -1 (inhibits) or nothing")
        x, y, z = (self._coordinate(axis, text[axis]) for axis in "xyz")
        return replace(
            self,
            name=text["name"],
            role=text["role"],
            cell_class=text["class"],
            transmitter=text["transmitter"],
            sign=_SIGNS.get(text["sign"], 0),
            position=(x, y, z),
            is_input=self._mark("input", text["input"]) if "input" in values else None,
            is_output=self._mark("output", text["output"]) if "output" in values else None,
        )

    def _coordinate(self, axis: str, text: str) -> float:
        """Returns micrometres; NaN where nothing is given."""
        try:
            number = float(text or "nan")
        except ValueError:
            number = math.inf
        if math.isinf(number):
            raise self.error(f"{axis} is {text!r}; wanted micrometres, or nothing where it is unknown")
        return number

    def _mark(self, column: str, text: str) -> bool:
        """Returns whether the cell is marked as a port."""
        if text.lower() not in _MARKS:
            raise self.error(f"{column} is {text!r}; wanted 1 or 0")
        return _MARKS[text.lower()]


def require_distinct(cells: list[Cell]) -> None:
    """Checks that no two cells have one name.

    Args:
        cells: Cells of one source.

    Raises:
        ConnectomeError: If two have.
    """
    first: dict[str, Cell] = {}
    for cell in cells:
        if first.setdefault(cell.name, cell) is not cell:
            raise cell.error(
                f"{cell.name!r} stands in {first[cell.name].where} already; wanted each cell once"
            )


def _lines(
    path: Path, needed: Sequence[str], columns: Sequence[str], what: str
) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Yields the rows of a table with a header, by column, each with its line from 1.

    Raises ConnectomeError if the file, which should be `what`, cannot be read or lacks a needed column.
    """
    try:
        with io.TextIOWrapper(outside.opened(path, outside.most_text()), "utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter=DELIMITERS[path.suffix.lower()])
            header = reader.fieldnames
            if header is None:  # an empty file
                return
            if not set(needed) <= set(header):
                missing = ", ".join(column for column in columns if column not in header)
                raise Place(path.name, "line 1").error(
                    f"no column {missing}; wanted a header with {' and '.join(needed)}, and any of the others"
                )
            if len(set(header)) < len(header):
                raise Place(path.name, "line 1").error("a column stands twice; wanted each once")
            for values in reader:
                yield reader.line_num, values
    except OSError as error:
        raise ConnectomeError(f"Cannot read {str(path)!r}: {error.strerror}; wanted {what}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConnectomeError(f"{path.name} is no CSV text in UTF-8: {error}.") from error
