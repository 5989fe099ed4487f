"""Wirings from matrices: NumPy, SciPy sparse and MatrixMarket files; rows are presynaptic.

An entry is the weight of the edge from the cell of its row to the cell of its column; 0 is none. A negative
entry inhibits: if a matrix holds any, the sign of each row's entries, which must agree, is the cell's sign.

MatrixMarket files are read here although SciPy reads them too: its reader (1.17) ends the whole process on a
file that is cut off.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from neuroevo import outside
from neuroevo.connectome.assemble import assemble
from neuroevo.connectome.model import KINDS, Connectome
from neuroevo.connectome.reading import Reading
from neuroevo.connectome.tables import LARGEST, SMALLEST, UNSAID, CellTable, EdgeTable, read_cells_beside
from neuroevo.errors import ConnectomeError, last_line, listed

if TYPE_CHECKING:
    from scipy.sparse import coo_array, sparray, spmatrix

    Matrix: TypeAlias = np.ndarray | sparray | spmatrix

MOST_CELLS = 200_000  # more than the 139,255 neurons of a fly; a file of a few bytes can announce any number
ARRAY = b"\x93NUMPY"  # how an array begins in NumPy's format
MOST_UNPACKED = 10**9  # bytes of all arrays in a file; what is larger and of zeros mostly is kept sparse
Entries = tuple[np.ndarray, np.ndarray, np.ndarray]  # rows, columns, values

_VALUES = {"real": 3, "double": 3, "integer": 3, "pattern": 2}  # columns of an entry, by type
_MIRRORED = {"general": 0, "symmetric": 1, "skew-symmetric": -1}  # what stands above the diagonal


def read_matrix(path: Path, reading: Reading) -> Connectome:
    """Returns the wiring in a file that holds a square matrix.

    Cells are named by the table beside the file, in the order of the rows, or else numbered from 0. An `.npz`
    file may hold several matrices, named chemical, neuromuscular and electrical; the last is symmetric.

    Args:
        path: `.npy`, `.npz` (arrays, or one matrix of scipy.sparse) or `.mtx` file; at most
            MOST_CELLS rows.
        reading: What becomes of autapses and weak edges.

    Raises:
        ConnectomeError: If the file cannot be read or holds no wiring.
    """
    size, matrices = 0, {}
    for kind, matrix in _load(path).items():
        size, matrices[kind] = _checked(path.name, matrix, size)
    cells = read_cells_beside(path, reading)
    if cells is None:
        cells = CellTable.of_names(path.name, [str(i) for i in range(size)])
    if len(cells.names) != size:
        raise ConnectomeError(
            f"{path.name} has {size} rows and {cells.file} {len(cells.names)} cells; wanted a cell for "
            "each row."
        )
    signs = _signs(path.name, matrices)
    parts = []
    for kind, entries in matrices.items():
        rows, columns, values = _pairs(path.name, entries) if kind == "electrical" else entries
        sort = KINDS.index(kind) if kind else UNSAID
        sign = np.zeros(len(rows), np.int8)
        if signs and kind != "electrical":
            sign = np.sign(values).astype(np.int8)
        parts.append((rows, columns, np.full(len(rows), sort, np.int8), np.abs(values), sign))
    pre, post, kinds, weight, sign = (np.concatenate(column) for column in zip(*parts, strict=True))
    edges = EdgeTable(
        file=path.name,
        names=list(cells.names),
        pre=pre.astype(np.int32),
        post=post.astype(np.int32),
        kind=kinds,
        weight=weight,
        sign=sign,
        where=lambda row: f"entry [{pre[row]}, {post[row]}]",
    )
    return assemble(path.stem, edges, cells, reading)


def _load(path: Path) -> dict[str, Matrix]:
    """Returns the matrices in a file by kind; "" where the file does not say."""
    try:
        if path.suffix.lower() == ".mtx":
            return {"": _matrix_market(path)}
        with warnings.catch_warnings(action="ignore"):  # of a file that is old; one that is damaged fails
            arrays = _arrays(outside.content(path, MOST_UNPACKED))
    except Exception as error:  # a damaged file fails in a dozen ways
        raise ConnectomeError(
            f"{path.name} cannot be read as a matrix: {last_line(error)}; wanted a whole file of numbers."
        ) from error
    if len(arrays) == 1 and not set(arrays) & set(KINDS):
        return {"": next(iter(arrays.values()))}
    if not arrays or not set(arrays) <= set(KINDS):
        raise ConnectomeError(
            f"{path.name} holds {listed(arrays) if arrays else 'nothing'}; wanted one matrix, or "
            f"{', '.join(KINDS)}."
        )
    return arrays


def _arrays(content: bytes) -> dict[str, Matrix]:
    """Returns what a file of NumPy or SciPy holds, by name; "" where it is one without a name."""
    _require_values(content)
    loaded = np.load(io.BytesIO(content), allow_pickle=False)  # NumPy leaves a damaged file open
    if isinstance(loaded, np.ndarray):
        return {"": loaded}
    with loaded:
        if "format" in loaded:
            from scipy.sparse import load_npz

            return {"": _coordinates(load_npz(io.BytesIO(content)))}
        arrays = {name: loaded[name] for name in loaded}
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):  # bytes that do not begin as an array does
            raise ValueError(f"{name!r} in it is no array")
    return arrays


def _require_values(content: bytes) -> None:
    """Raises ValueError or OSError if an array is not as large as it says, or all are larger than is read."""
    if content[:2] != b"PK":  # an archive is one of files that begin so
        return outside.require_values(io.BytesIO(content), len(content))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        outside.require_room(archive, MOST_UNPACKED)
        for member in archive.infolist():
            with archive.open(member) as file:
                is_array = file.read(len(ARRAY)) == ARRAY
                file.seek(0)
                if is_array:
                    outside.require_values(file, member.file_size)
    return None


def _coordinates(matrix: sparray | spmatrix) -> sparray | spmatrix:
    """Returns a sparse matrix by rows, columns and values; as it is, if it has a shape that is refused.

    SciPy (1.17) writes beyond its arrays, which may end the whole process, if the index is damaged; its own
    check leaves out an index that ends with 0.
    """
    if len(set(matrix.shape)) > 1 or max(matrix.shape) > MOST_CELLS:
        return matrix
    if hasattr(matrix, "indptr"):
        if (matrix.indptr[1:] < matrix.indptr[:-1]).any():
            raise ValueError("its rows begin where none can")
        matrix.check_format(full_check=True)
    return matrix.tocoo()


def _checked(name: str, matrix: Matrix, size: int) -> tuple[int, Entries]:
    """Returns size and entries of a matrix that is square, of the size known, finite and without loops."""
    if matrix.dtype.kind not in "buif":
        raise ConnectomeError(f"{name} holds values of type {matrix.dtype}; wanted numbers.")
    shape, wanted = matrix.shape, size or "N"
    if len(shape) != 2 or shape[0] != shape[1] or (size and shape[0] != size):
        raise ConnectomeError(
            f"{name} has the shape {' x '.join(map(str, shape)) or '()'}; wanted {wanted} x {wanted}, a row "
            "and a column for each cell."
        )
    if shape[0] > MOST_CELLS:
        raise ConnectomeError(
            f"{name} has {shape[0]} rows, each a cell; wanted at most {MOST_CELLS}. Leave out cells without "
            "edges."
        )
    if isinstance(matrix, np.ndarray):
        rows, columns = np.nonzero(matrix)
        values = matrix[rows, columns]
    else:
        rows, columns, values = matrix.row, matrix.col, matrix.data
        rows, columns, values = (part[values != 0] for part in (rows, columns, values))
    with np.errstate(all="ignore"):  # what does not fit becomes infinite, which is refused
        values = values.astype(np.float64)
    weights = np.abs(values)
    wrong = ~((weights >= SMALLEST) & (weights <= LARGEST))
    for i, j, value in zip(rows[wrong], columns[wrong], values[wrong], strict=True):
        raise ConnectomeError(f"{name}, entry [{i}, {j}] is {value:g}: wanted finite weights.")
    return shape[0], (rows, columns, values)


def _signs(name: str, matrices: Mapping[str, Entries]) -> dict[int, int]:
    """Returns the signs of the presynaptic cells if any entry is negative, else none."""
    synapses = [entries for kind, entries in matrices.items() if kind != "electrical"]
    signs: dict[int, int] = {}
    if not any((values < 0).any() for _, _, values in synapses):
        return signs
    for rows, columns, values in synapses:
        for i, j, value in zip(rows.tolist(), columns.tolist(), values.tolist(), strict=True):
            if signs.setdefault(i, 1 if value > 0 else -1) * value < 0:
                raise ConnectomeError(
                    f"{name}, entry [{i}, {j}] is {value:g}, and row {i} has entries of the other sign; "
                    "wanted one sign for all synapses of a cell."
                )
    return signs


def _pairs(name: str, entries: Entries) -> Entries:
    """Returns each gap junction once; the matrix must be symmetric and not negative."""
    rows, columns, values = entries
    one_way = dict(zip(zip(rows.tolist(), columns.tolist(), strict=True), values.tolist(), strict=True))
    for (i, j), value in one_way.items():
        if value < 0 or one_way.get((j, i)) != value:
            raise ConnectomeError(
                f"{name}, electrical entry [{i}, {j}] is {value:g}, [{j}, {i}] {one_way.get((j, i), 0):g}; "
                "wanted a symmetric matrix without negative entries."
            )
    once = rows < columns
    return rows[once], columns[once], values[once]


def _matrix_market(path: Path) -> np.ndarray | coo_array:
    """Returns the matrix in a MatrixMarket file: an array if it lists all entries, else a sparse matrix.

    Real, integer and pattern files are read, general, symmetric or skew-symmetric; any other, and one that
    holds more or fewer entries than it announces, is a ValueError. The format is that of Boisvert, Pozo &
    Remington (1996), The Matrix Market exchange formats, NISTIR 5935.
    """
    header, *lines = outside.content(path).decode().splitlines() or [""]
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


def _sparse(shape: tuple[int, int], symmetry: str, entries: np.ndarray) -> coo_array:
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
