"""Wirings from matrices of every file format: signs, names, kinds, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from neuroevo.connectome.readers import read
from neuroevo.errors import ConnectomeError
from tests.wirings import pairs, ports, write

RING = np.array([[0, 2, 0], [0, 0, 0.5], [1, 0, 0]])  # 0 -> 1 -> 2 -> 0


def save_npy(path: Path, matrix: np.ndarray) -> Path:
    np.save(path.with_suffix(".npy"), matrix)
    return path.with_suffix(".npy")


def save_npz(path: Path, matrix: np.ndarray) -> Path:
    np.savez_compressed(path.with_suffix(".npz"), anything=matrix)
    return path.with_suffix(".npz")


def save_sparse(path: Path, matrix: np.ndarray) -> Path:
    scipy.sparse.save_npz(path.with_suffix(".npz"), scipy.sparse.csr_array(matrix))
    return path.with_suffix(".npz")


def save_mtx(path: Path, matrix: np.ndarray) -> Path:
    scipy.io.mmwrite(path.with_suffix(".mtx"), scipy.sparse.coo_array(matrix))
    return path.with_suffix(".mtx")


def save_dense_mtx(path: Path, matrix: np.ndarray) -> Path:
    scipy.io.mmwrite(path.with_suffix(".mtx"), matrix)
    return path.with_suffix(".mtx")


@pytest.fixture(params=[save_npy, save_npz, save_sparse, save_mtx, save_dense_mtx])
def save(request: pytest.FixtureRequest) -> Callable[[Path, np.ndarray], Path]:
    return request.param


Save = Callable[[Path, np.ndarray], Path]


def test_matrix_has_presynaptic_cells_in_rows(tmp_path: Path, save: Save) -> None:
    wiring = read(save(tmp_path / "ring", RING))
    assert wiring.name == "ring"
    assert wiring.cells == ("0", "1", "2")
    assert pairs(wiring, "chemical") == {("0", "1"): 2, ("1", "2"): 0.5, ("2", "0"): 1}
    assert ports(wiring) == (["0", "1", "2"], ["0", "1", "2"])


def test_matrix_signs_are_those_of_rows(tmp_path: Path, save: Save) -> None:
    wiring = read(save(tmp_path / "ring", RING * np.array([[1], [-1], [1]])))
    assert wiring.sign.tolist() == [1, -1, 1]
    assert pairs(wiring, "chemical")["1", "2"] == 0.5


def test_matrix_takes_names_and_muscles_from_the_table_of_cells(tmp_path: Path, save: Save) -> None:
    path = save(tmp_path / "ring", RING * [[1], [1], [0]])
    write(tmp_path, ring_cells="name,role,sign\nA,sensory,-1\nB,motor,\nM,muscle,\n")
    wiring = read(path)
    assert pairs(wiring, "chemical") == {("A", "B"): 2}
    assert pairs(wiring, "neuromuscular") == {("B", "M"): 0.5}
    assert wiring.sign.tolist() == [-1, 1, 1]
    assert ports(wiring) == (["A"], ["M"])


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (RING[:2], r"has the shape 2 x 3; wanted N x N"),
        (np.zeros((3, 3)), r"ring has no edges"),
        (np.where(RING == 2, np.nan, RING), r"entry \[0, 1\] is nan: wanted finite weights"),
        (np.where(RING == 2, np.inf, RING), r"entry \[0, 1\] is inf: wanted finite weights"),
        (np.where(RING == 2, 1e300, RING), r"entry \[0, 1\] is 1e\+300: wanted finite weights"),
        (
            RING + np.diag([0, 3, 0]),
            r"entry \[1, 1\]: '1' is joined to itself; remove self-connections, or pass --autapses",
        ),
        (
            RING - np.array([[0, 0, 1], [0] * 3, [0] * 3]),
            r"entry \[0, 2\] is -1, and row 0 has entries of",
        ),
    ],
)
def test_matrix_that_is_no_wiring_is_refused(
    tmp_path: Path, save: Save, matrix: np.ndarray, message: str
) -> None:
    with pytest.raises(ConnectomeError, match=message) as caught:
        read(save(tmp_path / "ring", matrix))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (RING.astype(complex), "values of type complex128; wanted numbers"),
        (np.array([["a", "b"], ["c", "d"]]), "values of type <U1; wanted numbers"),
        (np.array([[None, 1], [1, None]]), "ring.npy cannot be read as a matrix: .*allow_pickle"),
        (np.float64(1), r"has the shape \(\); wanted N x N"),
        (np.zeros(4), "has the shape 4; wanted N x N"),
        (np.zeros((2, 2, 2)), "has the shape 2 x 2 x 2; wanted N x N"),
        (np.zeros((0, 0)), "has no edges"),
    ],
)
def test_array_that_is_no_matrix_of_numbers_is_refused(
    tmp_path: Path, array: np.ndarray, message: str
) -> None:
    with pytest.raises(ConnectomeError, match=message):
        read(save_npy(tmp_path / "ring", array))


def test_archive_of_matrices_has_one_for_each_kind(tmp_path: Path) -> None:
    gaps = np.array([[0, 0, 4.0], [0, 0, 0], [4, 0, 0]])
    chemical, neuromuscular = np.zeros((2, 3, 3))
    chemical[0, 1], neuromuscular[1, 2] = 2, 0.5
    np.savez(tmp_path / "w.npz", chemical=chemical, electrical=gaps, neuromuscular=neuromuscular)
    wiring = read(tmp_path / "w.npz")
    assert pairs(wiring, "chemical") == {("0", "1"): 2}
    assert pairs(wiring, "neuromuscular") == {("1", "2"): 0.5}
    assert pairs(wiring, "electrical") == {("0", "2"): 4}
    assert wiring.role == ("interneuron", "interneuron", "muscle")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"chemical": RING, "gaps": RING},
            "w.npz holds chemical, gaps; wanted one matrix, or chemical, ",
        ),
        (
            {"chemical": RING, "electrical": RING},
            r"electrical entry \[0, 1\] is 2, \[1, 0\] 0; wanted a sym",
        ),
        ({"chemical": RING, "electrical": -RING - RING.T}, r"electrical entry \[0, 1\] is -2"),
        ({"chemical": RING, "electrical": np.zeros((4, 4))}, "has the shape 4 x 4; wanted 3 x 3"),
        ({}, "w.npz holds nothing"),
    ],
)
def test_archive_that_is_no_wiring_is_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    np.savez(tmp_path / "w.npz", **arrays)
    with pytest.raises(ConnectomeError, match=message):
        read(tmp_path / "w.npz")


def test_matrix_with_another_number_of_cells_is_refused(tmp_path: Path) -> None:
    write(tmp_path, ring_cells="name\nA\nB\n")
    with pytest.raises(ConnectomeError, match=r"ring.npy has 3 rows and ring_cells.csv 2 cells"):
        read(save_npy(tmp_path / "ring", RING))


def test_sparse_matrix_with_an_entry_twice_is_refused(tmp_path: Path) -> None:
    header = "%%MatrixMarket matrix coordinate real general\n3 3 2\n"
    (tmp_path / "twice.mtx").write_text(header + "1 2 1.0\n1 2 3.0\n")
    with pytest.raises(ConnectomeError, match=r"entry \[0, 1\]: chemical edge 0 - 1 stands in entry"):
        read(tmp_path / "twice.mtx")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.98])
def test_matrix_file_that_is_cut_off_is_refused(tmp_path: Path, save: Save, share: float) -> None:
    path = save(tmp_path / "ring", np.kron(RING, np.ones((9, 9))))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ConnectomeError, match=r"ring.*(cannot be read as a matrix|has no edges)"):
        read(path)
