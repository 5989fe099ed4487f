"""IDX files: what is written reads back, and damage is told."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from neuroevo.errors import DataError
from tasks import idx

PIXELS = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize("shape", [(5,), (2, 3), (2, 3, 4), (2, 3, 4, 3), (0, 3, 3)])
def test_idx_reads_back(tmp_path: Path, shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    plain, packed = tmp_path / "x", tmp_path / "x.gz"
    plain.write_bytes(idx.pack(values))
    packed.write_bytes(gzip.compress(idx.pack(values)))
    for path in (plain, packed):
        assert idx.read_shape(path) == shape
        array_read = idx.read(path)
        assert (
            array_read.dtype == np.uint8 and np.array_equal(array_read, values) and array_read.shape == shape
        )


def test_idx_is_laid_out_as_published() -> None:
    """The header of MNIST's test labels: magic number 2049, then 10,000 in four bytes, greatest first."""
    assert idx.pack(np.zeros(10_000)).startswith(bytes.fromhex("00000801 00002710 00"))
    assert idx.pack(PIXELS)[:16] == bytes.fromhex("00000803 00000002 00000003 00000004")
    assert idx.pack(PIXELS)[16:] == bytes(range(24))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is no IDX file: it begins with nothing"),
        (b"PK\x03\x04....", "is no IDX file: it begins with 50 4b 03 04; wanted 00 00 08"),
        (bytes.fromhex("00000800"), "is no IDX file"),
        (bytes.fromhex("00000805") + bytes(20), "is no IDX file"),
        (bytes.fromhex("00000d01 00000001 00000000"), "holds values of type 0d; wanted 08, unsigned bytes"),
        (idx.pack(PIXELS)[:9], "is cut off within its header"),
        (idx.pack(PIXELS)[:-1], "tells of 2 x 3 x 4 values, and it holds 23 where 24 were wanted"),
        (idx.pack(PIXELS) + b"\0", "holds 25 where 24 were wanted"),
    ],
)
def test_idx_that_is_damaged_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    for path, content in ((tmp_path / "x", data), (tmp_path / "x.gz", gzip.compress(data))):
        path.write_bytes(content)
        with pytest.raises(DataError, match=message) as raised:
            idx.read(path)
        assert str(path) in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"no archive", gzip.compress(idx.pack(PIXELS), mtime=0)[:-9]])
def test_idx_archive_that_is_damaged_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.gz"):
        idx.read(tmp_path / "x.gz")


def test_idx_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Cannot read .*No such file"):
        idx.read_shape(tmp_path / "x")
