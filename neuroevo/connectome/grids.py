"""Wirings from matrices with names on both sides, in text and in workbooks; rows are presynaptic.

The first line has the names of the postsynaptic cells behind an empty field, the first field of each further
line the name of a presynaptic cell: so the larva's matrix was published. Sheets of the worm's tables have
headings over both: rows and columns that are empty but for headings in merged fields are passed over, and the
names are the first full row and the first full column. A name that stands on one side alone is a cell too.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from neuroevo import outside
from neuroevo.connectome import tables
from neuroevo.connectome.assemble import assemble
from neuroevo.connectome.frames import ANY_DELIMITER, STORED, Frame, in_memory, open_frame, stem_of
from neuroevo.connectome.model import Connectome
from neuroevo.connectome.reading import Reading
from neuroevo.connectome.streams import text_stream
from neuroevo.connectome.tables import LARGEST, SMALLEST, UNSAID, CellTable, EdgeTable
from neuroevo.errors import ConnectomeError, last_line

WORKBOOK = ".xlsx"
MOST_CELLS = 20_000  # of a matrix as text: its square is what is read


def is_grid(path: Path) -> bool:
    """Says whether a text is a matrix with names on both sides: its first field is empty, others are not.

    Args:
        path: A file of a name that `frames.is_table`.
    """
    if path.suffix.lower() in STORED:
        return False
    try:
        with text_stream(path) as stream:
            head = stream.read(1 << 16).partition(b"\n")[0].decode("utf-8-sig", "replace")
    except ConnectomeError:  # told by who reads it
        return False
    return any(head.startswith((d, f'""{d}')) for d in ANY_DELIMITER)


def read_grid(path: Path, reading: Reading) -> Connectome:
    """Returns the wiring in a matrix with names on both sides, or in the table of a workbook.

    Args:
        path: A text or a workbook.
        reading: What becomes of autapses and weak edges.

    Raises:
        ConnectomeError: If the file cannot be read, or is no matrix and no table of edges.
    """
    others: list[str] = []
    if path.suffix.lower() == WORKBOOK:
        rows, sheets = _sheet(path)
        if sheets:
            others.append(f"Only the first sheet is read; not read: {', '.join(sheets)}.")
        headers = [str(x or "").strip() for x in rows[0]] if rows else []
        if tables.has_both_ends(headers, reading):
            frame = in_memory(
                path, headers, [["" if x is None else str(x) for x in row] for row in rows[1:]], 2
            )
            cells = tables.read_cells_beside(path, reading)
            return _noted(assemble(path.stem, tables.edges_of(frame, reading), cells, reading), others)
        names, targets, weights, unnamed = _grid_of(path, rows)
        if unnamed:
            others.append(f"{unnamed:,} numbers without a name on both sides, such as sums, are passed over.")
    else:
        names, targets, weights = _text(path)
    return _noted(_wiring(path, names, targets, weights, reading), others)


def _text(path: Path) -> tuple[list[str], list[str], np.ndarray]:
    """Returns the names in front of the rows, those over the columns, and the matrix."""
    frame: Frame = open_frame(path, lambda headers: len(headers) > 1, "a matrix with names on both sides")
    first, *targets = frame.headers
    if len(targets) > MOST_CELLS:
        raise ConnectomeError(
            f"{path.name} has {len(targets):,} columns; wanted at most {MOST_CELLS:,}, or a list of edges."
        )
    if "" in targets:
        raise ConnectomeError(f"{path.name}, line 1: column {targets.index('') + 2} has no name; wanted one.")
    if len(set(targets)) < len(targets):
        twice = next(name for i, name in enumerate(targets) if name in targets[:i])
        raise ConnectomeError(f"{path.name}, line 1: {twice!r} stands twice; wanted each cell once.")
    frame.read([first], targets)
    weights = np.empty((len(frame), len(targets)), np.float64)
    for k, target in enumerate(targets):
        values, is_none = frame.numbers(target)
        for row in np.flatnonzero(is_none)[:1].tolist():
            raise frame.error(row, f"entry of {target!r} is {frame.raw(row, target)!r}; wanted a number")
        weights[:, k] = values
    return frame.coded(first).texts(), targets, weights


def _noted(wiring: Connectome, notes: list[str]) -> Connectome:
    """Returns a wiring whose account has more to tell."""
    return wiring.accounted(notes=tuple(notes)) if notes else wiring


def _sheet(path: Path) -> tuple[list[tuple[object, ...]], list[str]]:
    """Returns the rows of the first sheet of a workbook, and the names of the others."""
    try:
        import openpyxl
    except ImportError:
        raise ConnectomeError(
            f"Cannot read {path.name}: workbooks need openpyxl; pip install 'neuroevo[xlsx]', or "
            "save it as CSV."
        ) from None
    try:
        content = io.BytesIO(outside.content(path))
        book = openpyxl.load_workbook(content, read_only=True, data_only=True)
        first, *others = book.worksheets
        return [tuple(row) for row in first.iter_rows(values_only=True)], [sheet.title for sheet in others]
    except Exception as error:  # a damaged file fails in a dozen ways
        raise ConnectomeError(
            f"{path.name} cannot be read as a workbook: {last_line(error)}; wanted a whole file of Excel."
        ) from error


def _grid_of(path: Path, rows: list[tuple[object, ...]]) -> tuple[list[str], list[str], np.ndarray, int]:
    """Returns names and matrix of a sheet, without headings, and how many numbers have no name."""
    top, left = _corner(path, rows)
    targets = [(k, str(x).strip()) for k, x in enumerate(rows[top]) if k > left and x not in (None, "")]
    sources = [
        (i, str(row[left]).strip()) for i, row in enumerate(rows) if i > top and row[left] not in (None, "")
    ]
    weights = np.zeros((len(sources), len(targets)))
    for i, (at, source) in enumerate(sources):
        for k, (column, target) in enumerate(targets):
            value = rows[at][column] if column < len(rows[at]) else None
            if value in (None, ""):
                continue
            if not isinstance(value, int | float):
                raise ConnectomeError(
                    f"{path.name}, entry [{source}, {target}] is {str(value)!r}; wanted a number or nothing."
                )
            weights[i, k] = value
    read = {(at, column) for at, _ in sources for column, _ in targets}
    unnamed = sum(
        isinstance(x, int | float) and (at, column) not in read
        for at, row in enumerate(rows)
        for column, x in enumerate(row)
        if at > top and column > left
    )
    return [name for _, name in sources], [name for _, name in targets], weights, unnamed


def _corner(path: Path, rows: list[tuple[object, ...]]) -> tuple[int, int]:
    """Returns the row and the column of the names: those before the first number that have most texts."""
    numbers = [
        (i, k)
        for i, row in enumerate(rows[:200])
        for k, x in enumerate(row[:200])
        if isinstance(x, int | float) and not isinstance(x, bool)
    ]
    if not numbers:
        raise ConnectomeError(
            f"{path.name} holds no numbers in its first sheet; wanted a matrix or a table of edges."
        )

    def texts(values: list[object]) -> int:
        return sum(isinstance(x, str) and bool(x.strip()) for x in values)

    first_row, first_column = min(i for i, _ in numbers), min(k for _, k in numbers)
    top = max(range(first_row), key=lambda i: (texts(list(rows[i])), i), default=-1)
    left = max(
        range(first_column),
        key=lambda k: (texts([r[k] if k < len(r) else None for r in rows]), k),
        default=-1,
    )
    if top < 0 or left < 0:
        raise ConnectomeError(
            f"{path.name} has no names over or before its numbers; wanted names on both sides."
        )
    return top, left


def _wiring(
    path: Path, sources: list[str], targets: list[str], weights: np.ndarray, reading: Reading
) -> Connectome:
    """Returns the wiring of a matrix with names on both sides."""
    for i, name in enumerate(sources):
        if not name or name in sources[:i]:
            raise ConnectomeError(
                f"{path.name}, row {i + 2}: {name or 'no name'!r} stands in front of it; wanted each cell "
                "once."
            )
    names = list(dict.fromkeys([*sources, *targets]))
    place = {name: i for i, name in enumerate(names)}
    rows, columns = np.nonzero(weights)
    values = weights[rows, columns]
    wrong = ~((np.abs(values) >= SMALLEST) & (np.abs(values) <= LARGEST))
    for k in np.flatnonzero(wrong)[:1].tolist():
        raise ConnectomeError(
            f"{path.name}, entry [{sources[rows[k]]}, {targets[columns[k]]}] is {values[k]:g}; wanted finite "
            "weights."
        )
    has_signs = bool((values < 0).any())
    edges = EdgeTable(
        file=path.name,
        names=names,
        pre=np.array([place[x] for x in sources], np.int32)[rows],
        post=np.array([place[x] for x in targets], np.int32)[columns],
        kind=np.full(len(rows), UNSAID, np.int8),
        weight=np.abs(values),
        sign=np.where(has_signs, np.sign(values), 0).astype(np.int8),
        where=lambda row: f"entry [{sources[rows[row]]}, {targets[columns[row]]}]",
    )
    cells = tables.read_cells_beside(path, reading) or CellTable.of_names(path.name, names)
    return assemble(stem_of(path), edges, cells, reading)
