"""Wirings from files: which reader reads what is told by how the name ends.

| name ends in | holds |
|---|---|
| `.csv`, `.tsv` | edges, one a row: `pre`, `post`, and perhaps `kind`, `weight`, `sign` |
| `.npy`, `.npz`, `.mtx` | a square matrix, presynaptic cells in rows |
| `.graphml`, `.gml`, `.gexf`, `.net`, `.json` | a graph, directed or not, read by networkx |

A table of cells, `NAME_cells.csv`, may lie beside `NAME.csv` or `NAME.npy`; nodes of graphs have attributes.
"""

from __future__ import annotations

from pathlib import Path

from neuroevo import outside
from neuroevo.connectome import tables
from neuroevo.connectome.assemble import assemble, cells_of
from neuroevo.connectome.graphs import read_graph
from neuroevo.connectome.matrices import read_matrix
from neuroevo.connectome.model import Connectome
from neuroevo.errors import ConnectomeError

MATRICES = (".npy", ".npz", ".mtx")
GRAPHS = (".graphml", ".gml", ".gexf", ".net", ".json")
SUFFIXES = (*tables.DELIMITERS, *MATRICES, *GRAPHS)


def read(path: str | Path) -> Connectome:
    """Returns the wiring in a file, after which it is called.

    In tables the kind of an edge may be left out (neuromuscular where the target is a muscle, else chemical),
    and so may its weight (1) and its sign (that of the presynaptic cell, else +1; gap junctions have none).
    Cells without a table are ordered neurons first, then muscles, by name. What else is not said of a cell
    is filled in as `assemble` states.

    Args:
        path: File whose name ends in one of SUFFIXES.

    Raises:
        ConnectomeError: If the file cannot be read, or what it holds is no wiring.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    try:
        outside.opened(path).close()
    except (OSError, ValueError) as error:  # a null character in a name is a ValueError
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConnectomeError(
            f"Cannot read {str(path)!r}: {reason}; wanted a CSV edge table or another file of a wiring."
        ) from error
    if suffix in tables.DELIMITERS:
        return _read_table(path)
    if suffix in MATRICES:
        return read_matrix(path)
    if suffix in GRAPHS:
        return read_graph(path)
    ending = f"ends in {suffix!r}" if suffix else "has no ending"
    raise ConnectomeError(
        f"Cannot read {str(path)!r}: its name {ending}; wanted one of {' '.join(SUFFIXES)}."
    )


def _read_table(path: Path) -> Connectome:
    """Returns the wiring in an edge table, and in the table of cells beside it if there is one."""
    cells = tables.read_cells_beside(path)
    muscles = {cell.name for cell in cells or () if cell.role == "muscle"}
    rows = tables.read_edges(path, muscles)
    return assemble(path.stem, rows, cells_of(rows) if cells is None else cells)
