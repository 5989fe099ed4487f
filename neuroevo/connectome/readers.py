"""Wirings from files: which reader reads what is told by how the name ends.

| name ends in | holds |
|---|---|
| `.csv`, `.tsv`, `.txt`, also packed `.gz` | edges, one a row, or a matrix with names on both sides |
| `.parquet`, `.feather` | edges, one a row |
| `.npy`, `.npz`, `.mtx` | a square matrix, presynaptic cells in rows |
| `.xlsx` | edges, or a matrix with names on both sides, in the first sheet |
| `.graphml`, `.gml`, `.gexf`, `.net`, `.json` | a graph, directed or not, read by networkx |

`headers` has the headers that are known. A table of cells, `NAME_cells.csv` or of another form of table, may
lie beside `NAME.*`; nodes of graphs have attributes.
"""

from __future__ import annotations

from pathlib import Path

from neuroevo import outside
from neuroevo.connectome import grids, tables
from neuroevo.connectome.assemble import assemble
from neuroevo.connectome.frames import DELIMITERS, PACKED, STORED, is_table, stem_of, suffix_of
from neuroevo.connectome.graphs import read_graph
from neuroevo.connectome.matrices import read_matrix
from neuroevo.connectome.model import Connectome
from neuroevo.connectome.reading import Reading
from neuroevo.connectome.selection import selected
from neuroevo.errors import ConnectomeError

MATRICES = (".npy", ".npz", ".mtx")
GRAPHS = (".graphml", ".gml", ".gexf", ".net", ".json")
SUFFIXES = (*DELIMITERS, *STORED, *MATRICES, grids.WORKBOOK, *GRAPHS)


def read(path: str | Path, reading: Reading | None = None) -> Connectome:
    """Returns the wiring in a file, after which it is called.

    In tables the kind of an edge may be left out (neuromuscular where the target is a muscle, else chemical),
    and so may its weight (1) and its sign (that of the presynaptic cell; gap junctions have none). What else
    is not said of a cell is filled in as `assemble` states.

    Args:
        path: File whose name ends in one of SUFFIXES; text may be packed with gzip.
        reading: What becomes of its columns, edges and cells; None is a plain one.

    Raises:
        ConnectomeError: If the file cannot be read, or what it holds is no wiring.
    """
    path, reading = Path(path), reading or Reading()
    suffix = suffix_of(path)
    try:
        outside.opened(path).close()
    except (OSError, ValueError) as error:  # a null character in a name is a ValueError
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConnectomeError(
            f"Cannot read {str(path)!r}: {reason}; wanted a CSV edge table or another file of a wiring."
        ) from error
    if path.suffix.lower() == PACKED and suffix not in DELIMITERS:
        suffix = PACKED
    if suffix in MATRICES:
        wiring = read_matrix(path, reading)
    elif suffix in GRAPHS:
        wiring = read_graph(path, reading)
    elif suffix == grids.WORKBOOK or (is_table(path) and grids.is_grid(path)):
        wiring = grids.read_grid(path, reading)
    elif is_table(path):
        cells = tables.read_cells_beside(path, reading)
        wiring = assemble(stem_of(path), tables.read_edges(path, reading), cells, reading)
    else:
        ending = f"ends in {suffix!r}" if suffix else "has no ending"
        raise ConnectomeError(
            f"Cannot read {str(path)!r}: its name {ending}; wanted one of {' '.join(SUFFIXES)}, text also "
            f"packed ({PACKED})."
        )
    return selected(wiring, reading.select)
