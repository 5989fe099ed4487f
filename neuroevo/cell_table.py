"""What is known of each cell: read from a table beside an edge table or matrix, or from graph nodes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from neuroevo.edge_table import DELIMITERS, SIGNS, Place, lines
from neuroevo.errors import ConnectomeError, unknown

ROLES = ("sensory", "interneuron", "motor", "muscle")
COLUMNS = ("name", "role", "class", "transmitter", "sign", "x", "y", "z", "input", "output")
_MARKS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}


@dataclass(frozen=True)
class Cell(Place):
    """One cell, with where it stands; what is not known is empty, 0, NaN or None.

    Attributes:
        name: Its name.
        role: One of ROLES, or "".
        cell_class: Its class, or "".
        transmitter: Transmitters joined by "+", or "".
        sign: Of its synapses, +1 or -1; 0 where not known.
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
        """Returns the cell with its values read and checked; all but the name may be missing or empty.

        Raises:
            ConnectomeError: If a value is not of its form.
        """
        text = {c: "" if values.get(c) is None else str(values[c]).strip() for c in COLUMNS}
        if not text["name"]:
            raise self.error("a cell without a name; wanted one")
        if text["role"] and text["role"] not in ROLES:
            raise self.error(unknown("role", text["role"], ROLES).removesuffix("."))
        if text["sign"] and text["sign"] not in SIGNS:
            raise self.error(f"sign is {text['sign']!r}; wanted 1 (excites), -1 (inhibits) or nothing")
        x, y, z = (self._coordinate(axis, text[axis]) for axis in "xyz")
        return replace(
            self,
            name=text["name"],
            role=text["role"],
            cell_class=text["class"],
            transmitter=text["transmitter"],
            sign=SIGNS.get(text["sign"], 0),
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


def read_beside(path: Path) -> list[Cell] | None:
    """Returns the cells in `NAME_cells.csv` or `.tsv` beside `NAME.*`, in order; None if there is neither.

    Raises:
        ConnectomeError: If the table cannot be read, is empty, or names a cell twice.
    """
    tables = [path.with_name(f"{path.stem}_cells{suffix}") for suffix in DELIMITERS]
    table = next((table for table in tables if table.exists()), None)
    if table is None:
        return None
    rows = lines(table, ("name",), COLUMNS, "a CSV table of cells")
    cells = [Cell(table.name, f"line {line}").parse(values) for line, values in rows]
    if not cells:
        raise ConnectomeError(f"{table.name} has no cells; wanted one a row under {','.join(COLUMNS)}.")
    require_distinct(cells)
    return cells


def require_distinct(cells: list[Cell]) -> None:
    """Raises ConnectomeError if two cells have one name."""
    first: dict[str, Cell] = {}
    for cell in cells:
        if first.setdefault(cell.name, cell) is not cell:
            raise cell.error(
                f"{cell.name!r} stands in {first[cell.name].where} already; wanted each cell once"
            )
