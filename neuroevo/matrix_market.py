"""MatrixMarket files as matrices.

SciPy reads them too, but its reader (1.17) ends the whole process on a file that is cut off.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

_VALUES = {"real": 3, "double": 3, "integer": 3, "pattern": 2}  # columns of an entry, by type
_MIRRORED = {"general": 0, "symmetric": 1, "skew-symmetric": -1}  # what stands above the diagonal


def read(path: Path) -> Any:
    """Returns the matrix in a MatrixMarket file: an array if it lists all entries, else a sparse matrix.

    Args:
        path: Text file; real, integer or pattern, general, symmetric or skew-symmetric.

    Raises:
        ValueError: If the file is of another form, or holds more or fewer entries than it announces.

    References:
        Boisvert, Pozo & Remington (1996), The Matrix Market exchange formats, NISTIR 5935.
    """
    header, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
    words = header.lower().split()
    if len(words) != 5 or words[:2] != ["%%matrixmarket", "matrix"]:
        raise ValueError("it does not begin with a line %%MatrixMarket matrix FORM TYPE SYMMETRY")
    form, kind, symmetry = words[2:]
    if form not in ("coordinate", "array") or kind not in _VALUES or symmetry not in _MIRRORED:
        raise ValueError(f"it is {form} {kind} {symmetry}, not of real numbers")
    sizes, *entries = (line.split() for line in lines if line.strip() and not line.startswith("%"))
    shape = (int(sizes[0]), int(sizes[1]))
    announced = int(sizes[2]) if form == "coordinate" else _listed(shape, symmetry)
    if len(entries) != announced:
        raise ValueError(f"it announces {announced} entries and holds {len(entries)}")
    if symmetry != "general" and shape[0] != shape[1]:
        raise ValueError(f"it is {symmetry} and has {shape[0]} rows and {shape[1]} columns")
    values = np.array(entries, np.float64).reshape(announced, _VALUES[kind] if form == "coordinate" else 1)
    if form == "array":
        return _filled(shape, symmetry, values[:, 0])
    return _sparse(shape, symmetry, values)


def _listed(shape: tuple[int, int], symmetry: str) -> int:
    """Returns the number of entries that a file of the form array lists."""
    triangle = shape[0] * (shape[0] + 1) // 2
    whole = shape[0] * shape[1]
    return {"general": whole, "symmetric": triangle, "skew-symmetric": triangle - shape[0]}[symmetry]


def _filled(shape: tuple[int, int], symmetry: str, values: np.ndarray) -> np.ndarray:
    """Returns the matrix whose entries, or those below the diagonal, are listed column by column."""
    if symmetry == "general":
        return values.reshape(shape[::-1]).T
    columns, rows = np.triu_indices(shape[0], 0 if symmetry == "symmetric" else 1)
    matrix = np.zeros(shape)
    matrix[columns, rows] = values * _MIRRORED[symmetry]
    matrix[rows, columns] = values
    return matrix


def _sparse(shape: tuple[int, int], symmetry: str, entries: np.ndarray) -> Any:
    """Returns the sparse matrix of rows (row, column, value), numbered from 1; a pattern has no values."""
    from scipy.sparse import coo_array

    places = entries[:, :2]
    if not ((places >= 1) & (places <= shape) & (places == np.floor(places))).all():  # NaN never is
        raise ValueError(f"an entry stands in no row or column of its {shape[0]} x {shape[1]}")
    rows, columns = places.T.astype(np.int64) - 1
    values = entries[:, 2] if entries.shape[1] > 2 else np.ones(len(entries))
    if symmetry != "general":
        below = rows != columns
        rows, columns = np.append(rows, columns[below]), np.append(columns, rows[below])
        values = np.append(values, _MIRRORED[symmetry] * values[below])
    return coo_array((values, (rows, columns)), shape=shape)
