"""Connectomes in a store of flyconn, where that program keeps its downloads: `flyconn:NAME`.

The store is `$FLYCONN_CACHE`, else `flyconn` in the user's cache folder, and holds a folder for each data set
and version, with `edges.parquet` and `neurons.parquet`. flyconn itself is not needed.
"""

from __future__ import annotations

import os
from pathlib import Path

from neuroevo.caches import cache_home
from neuroevo.connectome.model import Connectome
from neuroevo.connectome.reading import Reading
from neuroevo.errors import DataError, unknown

PREFIX = "flyconn:"
EDGES, CELLS = "edges.parquet", "neurons.parquet"


def store() -> Path:
    """Returns the folder of the store, which may be missing."""
    given = os.environ.get("FLYCONN_CACHE")
    return (Path(given) if given else cache_home() / "flyconn") / "store"


def folders() -> dict[str, Path]:
    """Returns what is in the store, by name: its folders from the store down, joined by hyphens."""
    tables = sorted(store().glob(f"**/{EDGES}"))
    return {"-".join(path.parent.relative_to(store()).parts): path.parent for path in tables}


def load(source: str, reading: Reading) -> Connectome:
    """Returns a wiring of the store.

    Args:
        source: "flyconn:NAME", NAME with its version or, where there is one version, without.
        reading: What becomes of its columns, cells and edges.

    Raises:
        DataError: If the store or the wiring is not there, or there are several versions of it.
        ConnectomeError: If its tables cannot be used.
    """
    from neuroevo.connectome.assemble import assemble
    from neuroevo.connectome.selection import selected
    from neuroevo.connectome.tables import read_cells, read_edges

    name, known = source.removeprefix(PREFIX), folders()
    if not known:
        raise DataError(f"No store of flyconn is in {store()}; wanted FLYCONN_CACHE to name its folder.")
    fitting = [x for x in known if x == name] or [x for x in known if x.startswith(f"{name}-")]
    if not fitting:
        raise DataError(f"In {store()}: {unknown('connectome', name, known)}")
    if len(fitting) > 1:
        raise DataError(
            f"{source} could be {' or '.join(fitting)}; wanted one of them: {PREFIX}{fitting[-1]}."
        )
    folder = known[fitting[0]]
    if not (folder / CELLS).exists():
        raise DataError(f"{folder} has no {CELLS}; wanted the whole data set there.")
    cells = read_cells(folder / CELLS, reading)
    wiring = assemble(fitting[0], read_edges(folder / EDGES, reading), cells, reading)
    return selected(wiring, reading.select).accounted(notes=(f"From a store of flyconn: {fitting[0]}.",))
