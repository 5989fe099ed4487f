"""A whole wiring written to files, so that what is read back is the same wiring.

Tables are a pair: `NAME.csv` has the edges, `NAME_cells.csv` all that is known of the cells, those without
edges among them, in their order. `.parquet` holds the same tables with types, `.graphml` both in one file.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.connectome.model import KINDS, Connectome, Edges
from neuroevo.errors import ConnectomeError, OptionError, unknown
from neuroevo.files import new_name, open_new

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = ("csv", "parquet", "graphml")


def files_of(stem: str, form: str) -> list[str]:
    """Returns the names of the files that a wiring is written to, the one to be read first.

    Args:
        stem: What they begin with.
        form: One of FORMATS.

    Raises:
        OptionError: If there is no such format.
    """
    if form not in FORMATS:
        raise OptionError(unknown("format", form, FORMATS))
    return [f"{stem}.graphml"] if form == "graphml" else [f"{stem}.{form}", f"{stem}_cells.{form}"]


def write(wiring: Connectome, folder: Path, stem: str, form: str = "csv") -> list[Path]:
    """Writes a wiring, each file as a new one that is then renamed.

    Args:
        wiring: The wiring.
        folder: Where; it exists. Files of the same names are replaced.
        stem: What the names of the files begin with.
        form: One of FORMATS.

    Returns:
        The files, the one to be read first.

    Raises:
        OptionError: If there is no such format.
        ConnectomeError: If a file cannot be written, or a name of a cell has a line break in it.
    """
    for cell in wiring.cells:
        if "\n" in cell or "\r" in cell:
            raise ConnectomeError(f"Cell {cell!r} has a line break in its name; wanted a name of one line.")
    paths = [folder / name for name in files_of(stem, form)]
    if form == "graphml":
        return [_written(paths[0], lambda file: _graph(wiring, file))]
    tables = (edge_table(wiring), cell_table(wiring))
    for path, table in reversed(list(zip(paths, tables, strict=True))):  # cells first: edges need them
        _written(path, _by_format(form, table))
    return paths


def edge_table(wiring: Connectome) -> pa.Table:
    """Returns all edges, as `tables.read_edges` reads them: pre, post, kind, weight and sign.

    Args:
        wiring: The wiring.
    """
    import pyarrow as pa

    parts: list[Edges] = [getattr(wiring, kind) for kind in KINDS]
    pre, post = (np.concatenate([getattr(e, end) for e in parts]) for end in ("pre", "post"))
    kind = np.repeat(np.arange(len(KINDS), dtype=np.int8), [len(e) for e in parts])
    sign = np.where(kind == KINDS.index("electrical"), 0, wiring.sign[pre]).astype(np.int8)
    cells = pa.array(wiring.cells, pa.string())
    return pa.table(
        {
            "pre": cells.take(pa.array(pre)),
            "post": cells.take(pa.array(post)),
            "kind": pa.array(KINDS, pa.string()).take(pa.array(kind)),
            "weight": _numbers(np.concatenate([e.weight for e in parts])),
            "sign": pa.array(sign),
        }
    )


def cell_table(wiring: Connectome) -> pa.Table:
    """Returns all that is known of the cells, as `tables.read_cells` reads it.

    Args:
        wiring: The wiring.
    """
    import pyarrow as pa

    number = wiring.num_cells
    ports = {"input": np.zeros(number, np.int8), "output": np.zeros(number, np.int8)}
    ports["input"][wiring.inputs] = 1
    ports["output"][wiring.outputs] = 1
    columns: Mapping[str, Sequence[str]] = {
        "name": wiring.cells,
        "role": wiring.role,
        "class": wiring.cell_class,
        "transmitter": wiring.transmitter,
    }
    return pa.table(
        {
            **{name: pa.array(texts, pa.string()) for name, texts in columns.items()},
            "sign": pa.array(wiring.sign),
            **{axis: _positions(wiring.position[:, k]) for k, axis in enumerate("xyz")},
            **{name: pa.array(marks) for name, marks in ports.items()},
            **{name: pa.array(texts, pa.string()) for name, texts in wiring.annotations.items()},
        }
    )


def _numbers(weight: np.ndarray) -> pa.Array:
    """Returns weights as they are written: whole numbers without a point, if all are whole."""
    import pyarrow as pa

    is_whole = bool((weight == np.floor(weight)).all()) and bool((weight < 2**53).all())
    return pa.array(weight.astype(np.int64) if is_whole else weight)


def _positions(axis: np.ndarray) -> pa.Array:
    """Returns coordinates, of which those that are not known are missing."""
    import pyarrow as pa

    return pa.array(axis, mask=np.isnan(axis))


def _by_format(form: str, table: pa.Table) -> Callable[[io.RawIOBase], None]:
    """Returns what writes a table into a file."""

    def text(file: io.RawIOBase) -> None:
        from pyarrow import csv

        options = csv.WriteOptions(quoting_style="needed", quoting_header="needed")
        csv.write_csv(table, file, options)

    def parquet(file: io.RawIOBase) -> None:
        from pyarrow import parquet

        parquet.write_table(table, file)

    return text if form == "csv" else parquet


def _graph(wiring: Connectome, file: io.RawIOBase) -> None:
    """Writes a wiring as GraphML."""
    import networkx as nx

    from neuroevo.connectome.graphs import to_networkx

    nx.write_graphml(to_networkx(wiring), file)


def _written(path: Path, write_into: Callable[[io.RawIOBase], None]) -> Path:
    """Returns a file that was written beside and renamed."""
    new = new_name(path)
    try:
        with open_new(new) as file:
            write_into(file)  # type: ignore[arg-type]
        os.replace(new, path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise ConnectomeError(
            f"Cannot write {str(path)!r}: {error.strerror or error}; choose another place."
        ) from error
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    return path
