"""Makes the bundled tables of the larval brain from its published supplement; SOURCES.md says what they hold.

Run by hand, never by the program:

    python -m neuroevo.connectome.data.build_larva --edges FILE --annotations S2.csv [--check]

FILE is the published matrix, all-all_connectivity_matrix.csv, or a table `pre,post,weight` of its entries
that are not zero.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import sys
from pathlib import Path

import pandas as pd

from neuroevo.errors import DataError, NeuroevoError

SHA256 = {  # of the published files
    "matrix": "94d51a821217048acf711f4feb71693a8487f2547540c6f2f25896c60e2348e3",
    "annotations": "477250fc559684f0e898a12016f41221bfa320012e378ab7ae8c5125c7776f7e",
}
OUTPUTS = ("DN-VNC", "DN-SEZ", "RGN")  # to the nerve cord, to the subesophageal zone, to the ring gland
MODAL = ("sensory", "ascending")  # classes whose annotation is what they sense
NOBODY, NOTHING = "no pair", "no official annotation"  # as the source writes them
UNANNOTATED = "unannotated"
CELL_COLUMNS = ("name", "role", "class", "side", "pair", "modality", "annotation", "cluster", "output")


def build(edges: Path, annotations: Path) -> dict[str, bytes]:
    """Returns the two tables, file name -> content, packed.

    Args:
        edges: The published matrix, or a table of its entries that are not zero.
        annotations: The published table of pairs of cells.

    Raises:
        DataError: If a published file is not the pinned one.
    """
    listed = _edges(edges)
    _require_hash("annotations", annotations)
    names = sorted(set(listed["pre"]) | set(listed["post"]))
    cells = _cells(pd.read_csv(annotations, dtype=str, keep_default_na=False), [str(n) for n in names])
    return {"larva.csv.gz": _packed(listed), "larva_cells.csv.gz": _packed(cells)}


def _edges(path: Path) -> pd.DataFrame:
    """Returns the edges, sorted by the numbers of their cells."""
    table = pd.read_csv(path)
    if list(table.columns) != ["pre", "post", "weight"]:
        _require_hash("matrix", path)
        matrix = table.set_index(table.columns[0])
        matrix.columns = matrix.columns.astype("int64")
        table = matrix.stack().reset_index()
        table.columns = pd.Index(["pre", "post", "weight"])
        table = table[table["weight"] != 0]
    return table.astype("int64").sort_values(["pre", "post"])


def _cells(pairs: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Returns what is known of each cell, in order."""
    known = {}
    for row in pairs.to_dict("records"):
        for side, other in (("left", "right"), ("right", "left")):
            if row[f"{side}_id"] == NOBODY:
                continue
            kind, said = row["celltype"], row["additional_annotations"].replace(NOTHING, "")
            known[row[f"{side}_id"]] = {
                "role": "sensory" if kind == "sensory" else "interneuron",
                "class": kind,
                "side": side,
                "pair": row[f"{other}_id"].replace(NOBODY, ""),
                "modality": said.rpartition("; ")[2] if kind in MODAL else "",
                "annotation": said,
                "cluster": row["level_7_cluster"],
                "output": int(kind in OUTPUTS),
            }
    none = dict.fromkeys(CELL_COLUMNS, "") | {"role": "interneuron", "class": UNANNOTATED, "output": 0}
    rows = [{**none, **known.get(name, {}), "name": name} for name in names]
    return pd.DataFrame(rows, columns=list(CELL_COLUMNS))


def _packed(table: pd.DataFrame) -> bytes:
    """Returns a table as packed text, the same bytes every time."""
    text = table.to_csv(index=False, lineterminator="\n").encode()
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, packed, mtime=0) as file:
        file.write(text)
    return packed.getvalue()


def _require_hash(name: str, path: Path) -> None:
    """Raises DataError unless a file is the pinned one."""
    came = hashlib.sha256(path.read_bytes()).hexdigest()
    if came != SHA256[name]:
        raise DataError(f"{path} has the SHA-256 {came}; wanted {SHA256[name]}, the published {name}.")


def main(arguments: list[str] | None = None) -> int:
    """Writes the tables into this folder, or compares them with what stands there.

    Args:
        arguments: The command line, by default the program's own.

    Returns:
        0; 1 if --check finds a table that differs; 2 if a file cannot be used.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--edges", type=Path, required=True)
    parser.add_argument("--annotations", type=Path, required=True)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(arguments)
    try:
        tables = build(options.edges, options.annotations)
    except (NeuroevoError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    differs = 0
    for name, content in tables.items():
        path = Path(__file__).parent / name
        if options.check:
            differs |= int(gzip.decompress(path.read_bytes()) != gzip.decompress(content))
        else:
            path.write_bytes(content)
        print(f"{hashlib.sha256(content).hexdigest()}  {name}")
    return differs


if __name__ == "__main__":
    raise SystemExit(main())
