"""Tables of edges and of cells: what their columns say, checked, as arrays.

A table of cells lies beside a table of edges or a matrix and says what is known of each cell. `frames` reads
files, `headers` tells which column has which meaning, and `assemble` makes a `Connectome` of both tables.
Checks are made on whole columns; a row is looked for only when there is something to say of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from neuroevo.connectome.frames import Coded, Frame, headers_text, open_frame, stem_of
from neuroevo.connectome.headers import CELLS, EDGES, Columns, columns_of, plain
from neuroevo.connectome.model import KINDS
from neuroevo.connectome.reading import NOTHING, Reading
from neuroevo.errors import ConnectomeError, unknown

NEEDED = ("pre", "post")  # the other columns may be left out, all of a column or nothing of it
IN_BOTH = ("sign", "transmitter")  # columns that edges or cells may have
EDGE_COLUMNS = ("pre", "post", "kind", "weight", "sign")
CELL_COLUMNS = ("name", "role", "class", "transmitter", "sign", "x", "y", "z", "input", "output")
ROLES = ("sensory", "interneuron", "motor", "muscle")
SMALLEST = float(np.finfo(np.float32).tiny)  # of the weights that float32 holds
LARGEST = float(np.finfo(np.float32).max)
UNSAID = -1  # kind of an edge that is neuromuscular if its target is a muscle, else chemical
KIND_WORDS: Mapping[str, int] = {  # words of published tables; "R", received, says an edge once more
    **dict.fromkeys(("chemical", "chem", "synapse", "send", "s", "sp"), 0),
    **dict.fromkeys(("neuromuscular", "nmj"), 1),
    **dict.fromkeys(
        ("electrical", "electric", "gap", "gap junction", "gapjunction", "gap_junction", "ej"), 2
    ),
}

T = TypeVar("T")

_CELLS_BESIDE = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".feather")
_SIGNS = {"1": 1, "+1": 1, "1.0": 1, "-1": -1, "-1.0": -1}
_MARKS = {
    **dict.fromkeys(("1", "true", "yes", "1.0"), True),
    **dict.fromkeys(("0", "false", "no", "", "0.0"), False),
}


@dataclass(frozen=True, eq=False)
class EdgeTable:
    """Edges as they are listed, each checked by itself.

    Attributes:
        file: Where they are from, for messages.
        names: Distinct names of cells.
        pre: int32 [E], presynaptic cells, places in `names`.
        post: int32 [E], postsynaptic cells.
        kind: int8 [E], places in `KINDS`, or UNSAID.
        weight: float64 [E], greater than 0 and within float32.
        sign: int8 [E], sign of the presynaptic cell; 0 where the row does not say, and for gap junctions.
        where: Returns the place of an edge: "line 3".
        transmitter: Transmitter of the presynaptic cell, by row; None where rows do not say.
        columns: Header by meaning, and headers without one; None where there are no headers.
        sha256: SHA-256 of the file; "" where there is none.
    """

    file: str
    names: list[str]
    pre: np.ndarray
    post: np.ndarray
    kind: np.ndarray
    weight: np.ndarray
    sign: np.ndarray
    where: Callable[[int], str]
    transmitter: Coded | None = None
    columns: Columns | None = None
    sha256: str = ""

    def __len__(self) -> int:
        return len(self.pre)

    def error(self, row: int, message: str) -> ConnectomeError:
        """Returns an error that says where an edge stands.

        Args:
            row: The edge.
            message: What is wrong and what was wanted, without a full stop.
        """
        return ConnectomeError(f"{self.file}, {self.where(row)}: {message}.")

    def ends(self, row: int) -> tuple[str, str]:
        """Returns the names of the cells that an edge joins.

        Args:
            row: The edge.
        """
        return self.names[self.pre[row]], self.names[self.post[row]]


@dataclass(frozen=True, eq=False)
class CellTable:
    """What is known of N cells, each checked by itself.

    Attributes:
        file: Where it is from, for messages.
        names: Distinct names.
        role: One of ROLES each, or "".
        cell_class: Classes, or "".
        transmitter: Transmitters joined by "+", or "".
        sign: int8 [N]; 0 where not known.
        position: float64 [N, 3], micrometres; NaN where not known.
        is_input: bool [N]; None where nothing is said.
        is_output: bool [N]; None where nothing is said.
        annotations: All other columns, by header in small letters.
        where: Returns the place of a cell: "line 3"; None where it has none.
        columns: Header by meaning, and headers without one; None where there are no headers.
        sha256: SHA-256 of the file; "" where there is none.
    """

    file: str
    names: tuple[str, ...]
    role: tuple[str, ...]
    cell_class: tuple[str, ...]
    transmitter: tuple[str, ...]
    sign: np.ndarray
    position: np.ndarray
    is_input: np.ndarray | None = None
    is_output: np.ndarray | None = None
    annotations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    where: Callable[[int], str] | None = None
    columns: Columns | None = None
    sha256: str = ""

    @classmethod
    def of_names(cls, file: str, names: Sequence[str]) -> CellTable:
        """Returns cells of which nothing is known but their names.

        Args:
            file: Where they are from.
            names: Distinct names.
        """
        number = len(names)
        empty = ("",) * number
        return cls(
            file,
            tuple(names),
            empty,
            empty,
            empty,
            np.zeros(number, np.int8),
            np.full((number, 3), np.nan),
        )


def read_edges(path: Path, reading: Reading) -> EdgeTable:
    """Returns the edges in a table.

    Args:
        path: The file, of a name that `frames.is_table`.
        reading: Says which columns mean what.

    Raises:
        ConnectomeError: If the file cannot be read or has no edges, or a value is not of its form.
    """

    def fits(headers: Sequence[str]) -> bool:
        """Says whether headers name both ends of an edge."""
        return has_both_ends(headers, reading)

    return edges_of(open_frame(path, fits, "an edge table"), reading)


def has_both_ends(headers: Sequence[str], reading: Reading) -> bool:
    """Says whether headers name both ends of an edge.

    Args:
        headers: The headers of a table.
        reading: Says which columns mean what.
    """
    return all(_is_there(name, headers, EDGES, reading) for name in NEEDED)


def edges_of(frame: Frame, reading: Reading, may_lack: bool = False) -> EdgeTable:
    """Returns the edges in a table whose headers are read.

    Args:
        frame: The table.
        reading: Says which columns mean what.
        may_lack: Whether a row may have no value in a column that others have, as edges of a graph.

    Raises:
        ConnectomeError: If the file has no edges, or a value is not of its form.
    """
    file = frame.file
    missing = [name for name in NEEDED if not _is_there(name, frame.headers, EDGES, reading)]
    if missing and frame.headers:
        raise ConnectomeError(
            f"{file}, line 1: no column {', '.join(missing)}; wanted a header that names both ends of an "
            f"edge, pre and post; it has {headers_text(frame.headers)}. Say which is which: --columns "
            "pre=...,post=..."
        )
    columns = columns_of(file, frame.headers, EDGES, _named(reading, frame.headers))
    none = ConnectomeError(f"{file} has no edges; wanted one a row under {','.join(EDGE_COLUMNS)}.")
    if not frame.headers:
        raise none
    header = columns.header
    texts = [header[name] for name in ("pre", "post", "kind", "sign", "transmitter") if name in header]
    frame.read(texts, [header["weight"]] if "weight" in header else [])
    if not len(frame):
        raise none
    names, pre, post = _ends(frame, header)
    kind = _kinds(frame, header, may_lack)
    return EdgeTable(
        file=file,
        names=names,
        pre=pre,
        post=post,
        kind=kind,
        weight=_weights(frame, header, may_lack),
        sign=_edge_signs(frame, header, kind, may_lack),
        where=frame.where,
        transmitter=frame.coded(header["transmitter"]) if "transmitter" in header else None,
        columns=columns,
        sha256=frame.sha256,
    )


def read_cells_beside(path: Path, reading: Reading) -> CellTable | None:
    """Returns the cells in a table `NAME_cells.*` beside `NAME.*`, in order; None if there is none.

    Args:
        path: The file of edges, `NAME.*`.
        reading: Says which columns mean what.

    Raises:
        ConnectomeError: If the table cannot be read, is empty, or names a cell twice.
    """
    tables = [path.with_name(f"{stem_of(path)}_cells{suffix}") for suffix in _CELLS_BESIDE]
    table = next((table for table in tables if table.exists()), None)
    return None if table is None else read_cells(table, reading)


def read_cells(path: Path, reading: Reading) -> CellTable:
    """Returns the cells in a table, in order.

    Args:
        path: The file, of a name that `frames.is_table`.
        reading: Says which columns mean what.

    Raises:
        ConnectomeError: If the table cannot be read, is empty, or names a cell twice.
    """

    def fits(headers: Sequence[str]) -> bool:
        """Says whether a header is that of names."""
        return _is_there("name", headers, CELLS, reading)

    return cells_of(open_frame(path, fits, "a table of cells"), reading)


def cells_of(frame: Frame, reading: Reading) -> CellTable:
    """Returns the cells in a table whose headers are read.

    Args:
        frame: The table.
        reading: Says which columns mean what.

    Raises:
        ConnectomeError: If the table is empty, names a cell twice, or a value is not of its form.
    """
    if frame.headers and not _is_there("name", frame.headers, CELLS, reading):
        raise ConnectomeError(
            f"{frame.file}, line 1: no column name; wanted a header with the names of cells; it has "
            f"{headers_text(frame.headers)}. Say which it is: --columns name=..."
        )
    columns = columns_of(frame.file, frame.headers, CELLS, _named(reading, frame.headers))
    header = columns.header
    if frame.headers:
        frame.read(frame.headers, [])
    if not len(frame):
        raise ConnectomeError(f"{frame.file} has no cells; wanted one a row under {','.join(CELL_COLUMNS)}.")

    def texts(name: str) -> list[str]:
        """Returns a column by its meaning; empty texts where the table has none."""
        if name not in header:
            return [""] * len(frame)
        return frame.coded(header[name], are_names=name == "name").texts()

    return CellTable(
        file=frame.file,
        names=tuple(_distinct(frame, texts("name"))),
        role=tuple(_values(frame, header, "role", dict(zip(ROLES, ROLES, strict=True)) | {"": ""}, _role)),
        cell_class=tuple(texts("class")),
        transmitter=tuple(texts("transmitter")),
        sign=np.array(_values(frame, header, "sign", _SIGNS | {"": 0}, _cell_sign), np.int8),
        position=np.stack([_coordinates(frame, header, axis) for axis in "xyz"], 1),
        is_input=_marks(frame, header, "input"),
        is_output=_marks(frame, header, "output"),
        annotations={
            plain(name): tuple(frame.coded(name).texts())
            for name in frame.headers
            if plain(name) not in CELL_COLUMNS
        },
        where=frame.where,
        columns=columns,
        sha256=frame.sha256,
    )


def require_columns(edges: EdgeTable, cells: CellTable | None, reading: Reading) -> None:
    """Makes sure that each column that the user names is there.

    Args:
        edges: The edges.
        cells: The table of cells; None where there is none.
        reading: Says which columns mean what.

    Raises:
        ConnectomeError: If one is in neither table.
    """
    tables = [table.columns.header for table in (edges, cells) if table is not None and table.columns]
    for meaning, header in reading.columns.items():
        if header != NOTHING and not any(meaning in table for table in tables):
            where = "the table of edges" if meaning in EDGES else "a table of cells, NAME_cells.csv beside it"
            raise ConnectomeError(
                f"{edges.file}: no table has a column {header!r} to be the {meaning} (--columns); wanted it "
                f"in {where}."
            )


def with_weights(edges: EdgeTable, weight: np.ndarray, chosen: np.ndarray) -> EdgeTable:
    """Returns some of the edges, with other weights.

    Args:
        edges: E edges.
        weight: Weights of those that are chosen.
        chosen: int64, those that are returned, in their order.
    """
    where = edges.where
    return replace(
        edges,
        pre=edges.pre[chosen],
        post=edges.post[chosen],
        kind=edges.kind[chosen],
        sign=edges.sign[chosen],
        weight=weight,
        transmitter=None
        if edges.transmitter is None
        else Coded(edges.transmitter.code[chosen], edges.transmitter.values),
        where=lambda row: where(int(chosen[row])),
    )


def _is_there(
    name: str, headers: Sequence[str], known: Mapping[str, tuple[str, ...]], reading: Reading
) -> bool:
    """Says whether a header has a meaning."""
    spellings = {plain(reading.columns[name])} if name in reading.columns else {name, *known[name]}
    return any(plain(header) in spellings for header in headers)


def _named(reading: Reading, headers: Sequence[str]) -> dict[str, str]:
    """Returns what the user says of columns, but for those that both tables may have and this one has not."""
    written = {plain(header) for header in headers} | {plain(NOTHING)}
    named = reading.columns.items()
    return {name: header for name, header in named if name not in IN_BOTH or plain(header) in written}


def _ends(frame: Frame, header: Mapping[str, str]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Returns the distinct names of cells, and the two ends of each edge as places among them."""
    names: dict[str, int] = {}
    ends = []
    for end in NEEDED:
        coded = frame.coded(header[end], are_names=True)
        new = np.fromiter(
            (names.setdefault(x, len(names)) for x in coded.values), np.int32, len(coded.values)
        )
        ends.append(new[coded.code])
    if "" in names:
        row = int(np.flatnonzero((ends[0] == names[""]) | (ends[1] == names[""]))[0])
        raise frame.error(row, "a cell without a name; wanted names in pre and post")
    return list(names), ends[0], ends[1]


def _kinds(frame: Frame, header: Mapping[str, str], may_lack: bool) -> np.ndarray:
    """Returns the kind of each edge, int8 [E]."""
    if "kind" not in header:
        return np.full(len(frame), UNSAID, np.int8)
    coded = frame.coded(header["kind"])
    known = [KIND_WORDS.get(text.lower(), None if text or not may_lack else UNSAID) for text in coded.values]
    for value, number in enumerate(known):
        if number is None and (coded.code == value).any():
            row = int(np.flatnonzero(coded.code == value)[0])
            hint = (
                ""
                if header["kind"] == "kind"
                else f"; if {header['kind']} is something else: --columns kind=-"
            )
            raise frame.error(
                row, unknown("kind of edge", coded.values[value], KINDS).removesuffix(".") + hint
            )
    return np.array([UNSAID if x is None else x for x in known], np.int8)[coded.code]


def _weights(frame: Frame, header: Mapping[str, str], may_lack: bool) -> np.ndarray:
    """Returns the weight of each edge, float64 [E]."""
    if "weight" not in header:
        return np.ones(len(frame))
    name = header["weight"]
    values, is_none = frame.numbers(name)
    if may_lack and is_none.any():
        coded = frame.coded(name)
        lacks = np.array([text == "" for text in coded.values])[coded.code]
        values, is_none = np.where(lacks, 1.0, values), is_none & ~lacks
    for row in np.flatnonzero(is_none)[:1].tolist():
        raise frame.error(row, f"weight {frame.raw(row, name)!r} is no number; wanted one greater than 0")
    wrong = ~((values >= SMALLEST) & (values <= LARGEST))  # NaN never is
    for row in np.flatnonzero(wrong)[:1].tolist():
        raise frame.error(row, f"weight is {frame.raw(row, name)}; wanted a finite number greater than 0")
    return values


def _edge_signs(frame: Frame, header: Mapping[str, str], kind: np.ndarray, may_lack: bool) -> np.ndarray:
    """Returns the sign that each edge says its presynaptic cell has, int8 [E]."""
    if "sign" not in header:
        return np.zeros(len(frame), np.int8)
    coded = frame.coded(header["sign"])
    known = np.array([_SIGNS.get(text, 0) for text in coded.values], np.int8)
    is_good = np.array([known[i] != 0 or (may_lack and text == "") for i, text in enumerate(coded.values)])
    is_gap = kind == KINDS.index("electrical")
    for row in np.flatnonzero(~is_good[coded.code] & ~is_gap)[:1].tolist():
        raise frame.error(
            row, f"sign is {coded.values[coded.code[row]]!r}; wanted 1 (excites) or -1 (inhibits)"
        )
    return np.where(is_gap, 0, known[coded.code]).astype(np.int8)


def _distinct(frame: Frame, names: list[str]) -> list[str]:
    """Returns names, of which each is one and no two are alike."""
    first: dict[str, int] = {}
    for row, name in enumerate(names):
        if not name:
            raise frame.error(row, "a cell without a name; wanted one")
        if first.setdefault(name, row) != row:
            raise frame.error(
                row, f"{name!r} stands in {frame.where(first[name])} already; wanted each cell once"
            )
    return names


def _values(
    frame: Frame, header: Mapping[str, str], name: str, known: Mapping[str, T], wrong: Callable[[str], str]
) -> list[T]:
    """Returns a column whose texts stand for values; raises ConnectomeError for one that stands for none."""
    if name not in header:
        return [known[""]] * len(frame)
    coded = frame.coded(header[name])
    values = [known.get(text.lower()) for text in coded.values]
    for value, text in enumerate(coded.values):
        if values[value] is None:
            raise frame.error(int(np.flatnonzero(coded.code == value)[0]), wrong(text))
    whole = np.empty(len(values), object)
    whole[:] = values
    return whole[coded.code].tolist()


def _role(text: str) -> str:
    """Returns what is wrong with a role."""
    return unknown("role", text, ROLES).removesuffix(".")


def _cell_sign(text: str) -> str:
    """Returns what is wrong with a sign of a cell."""
    return f"sign is {text!r}; wanted 1 (excites), -1 (inhibits) or nothing"


def _marks(frame: Frame, header: Mapping[str, str], name: str) -> np.ndarray | None:
    """Returns which cells are marked as a port, bool [N]; None where the table has no such column."""
    if name not in header:
        return None
    return np.array(
        _values(frame, header, name, _MARKS, lambda text: f"{name} is {text!r}; wanted 1 or 0"), bool
    )


def _coordinates(frame: Frame, header: Mapping[str, str], axis: str) -> np.ndarray:
    """Returns micrometres along an axis, float64 [N]; NaN where nothing is given."""
    if axis not in header:
        return np.full(len(frame), np.nan)
    name = header[axis]
    values, is_none = frame.numbers(name)
    if is_none.any() or np.isinf(values).any():
        coded = frame.coded(name)
        is_empty = np.array([text == "" for text in coded.values])[coded.code]
        wrong = (is_none & ~is_empty) | np.isinf(values)
        for row in np.flatnonzero(wrong)[:1].tolist():
            raise frame.error(
                row,
                f"{axis} is {coded.values[coded.code[row]]!r}; wanted micrometres, or nothing where it is "
                "unknown",
            )
    return np.where(is_none, np.nan, values)
