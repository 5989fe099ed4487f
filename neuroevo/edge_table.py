"""Edge tables as text: CSV with the columns pre, post, kind, weight, sign, checked row by row.

`connectome.read_edges` and `write_edges` turn them into wirings and back.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

import numpy as np

from neuroevo.errors import ConnectomeError, unknown

KINDS = ("chemical", "neuromuscular", "electrical")
COLUMNS = ("pre", "post", "kind", "weight", "sign")
SMALLEST, LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Row:
    """One edge, with the line it stands in.

    Attributes:
        file: Name of the file, for messages.
        line: Line of the file, from 1.
        pre: Name of the presynaptic cell.
        post: Name of the postsynaptic cell.
        kind: One of KINDS.
        weight: Greater than 0 and within float32.
        sign: Of the presynaptic cell, +1 or -1; 0 for gap junctions, which have none.
    """

    file: str
    line: int
    pre: str = ""
    post: str = ""
    kind: str = ""
    weight: float = 0.0
    sign: int = 0

    def error(self, message: str) -> ConnectomeError:
        """Returns an error that says where the row stands."""
        return ConnectomeError(f"{self.file}, line {self.line}: {message}.")

    def parse(self, values: dict[str, str | None]) -> Row:
        """Returns the row with its values read and checked.

        Raises:
            ConnectomeError: If a value is missing or not of its form.
        """
        missing = [column for column in COLUMNS if values.get(column) is None]
        if missing:
            raise self.error(f"no value for {', '.join(missing)}; wanted {','.join(COLUMNS)}")
        pre, post, kind, weight, sign = ((values[column] or "").strip() for column in COLUMNS)
        if not pre or not post:
            raise self.error("a cell without a name; wanted names in pre and post")
        if pre == post:
            raise self.error(f"{pre!r} is joined to itself; remove self-connections")
        if kind not in KINDS:
            raise self.error(unknown("kind of edge", kind, KINDS).removesuffix("."))
        return replace(
            self, pre=pre, post=post, kind=kind, weight=self._weight(weight), sign=self._sign(kind, sign)
        )

    def _weight(self, text: str) -> float:
        try:
            weight = float(text)
        except ValueError:
            raise self.error(f"weight {text!r} is no number; wanted one greater than 0") from None
        if not SMALLEST <= weight <= LARGEST:  # NaN never is
            raise self.error(f"weight is {text}; wanted a finite number greater than 0")
        return weight

    def _sign(self, kind: str, text: str) -> int:
        if kind == "electrical":
            return 0
        if text not in ("1", "+1", "-1"):
            raise self.error(f"sign is {text!r}; wanted 1 (excites) or -1 (inhibits)")
        return int(text)


def read(path: Path) -> list[Row]:
    """Returns the rows of an edge table, each consistent with all others.

    Raises:
        ConnectomeError: If the file cannot be read or is empty, or a row is malformed, a duplicate, or
            contradicts another one about a cell's sign or about which cells are muscles.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(_parsed(path.name, file))
    except OSError as error:
        raise ConnectomeError(
            f"Cannot read {str(path)!r}: {error.strerror}; wanted a CSV edge table."
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConnectomeError(f"{path.name} is no CSV text in UTF-8: {error}.") from error
    if not rows:
        raise ConnectomeError(f"{path.name} has no edges; wanted one a row under {','.join(COLUMNS)}.")
    _require_once(rows)
    _require_one_sign(rows)
    _require_muscles_at_the_end(rows)
    return rows


def write(path: Path, rows: Iterable[tuple[str, str, str, str, int]]) -> None:
    """Writes rows of (pre, post, kind, weight, sign) to a new file and renames it.

    Raises:
        ConnectomeError: If the file cannot be written.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with open(new, "w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
        os.replace(new, path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise ConnectomeError(
            f"Cannot write {str(path)!r}: {error.strerror}; choose another place."
        ) from error


def _parsed(name: str, file: TextIO) -> Iterator[Row]:
    """Yields the rows of an open edge table, each checked by itself."""
    reader = csv.DictReader(file)
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing and reader.fieldnames:
        raise Row(name, 1).error(f"no column {', '.join(missing)}; wanted the header {','.join(COLUMNS)}")
    for values in reader:
        yield Row(name, reader.line_num).parse(values)


def _require_once(rows: list[Row]) -> None:
    first: dict[tuple[str, ...], Row] = {}
    for row in rows:
        ends = sorted((row.pre, row.post)) if row.kind == "electrical" else (row.pre, row.post)
        earlier = first.setdefault((row.kind, *ends), row)
        if earlier is not row:
            raise row.error(
                f"{row.kind} edge {row.pre} - {row.post} stands in line {earlier.line} already; wanted each "
                "edge, and each gap junction, once"
            )


def _require_one_sign(rows: list[Row]) -> None:
    first: dict[str, Row] = {}
    for row in rows:
        earlier = first.setdefault(row.pre, row) if row.sign else row
        if earlier.sign != row.sign:
            raise row.error(
                f"{row.pre!r} has sign {row.sign:+d}, and {earlier.sign:+d} in line {earlier.line}; "
                "wanted one sign for all synapses of a cell"
            )


def _require_muscles_at_the_end(rows: list[Row]) -> None:
    muscles = {row.post for row in rows if row.kind == "neuromuscular"}
    for row in rows:
        if row.kind != "electrical" and row.pre in muscles:
            raise row.error(f"{row.pre!r} is a target of neuromuscular edges; wanted none from a muscle")
        if row.kind == "chemical" and row.post in muscles:
            raise row.error(f"{row.post!r} is a target of neuromuscular edges; wanted that kind here too")
