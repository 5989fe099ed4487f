"""IDX files of unsigned bytes, plain or compressed: the format in which MNIST is published.

Two zero bytes, a byte for the type of the values, a byte for the number of dimensions; the sizes, four bytes
each, the greatest first; then the values, the last dimension running fastest.

References:
    LeCun, Cortes & Burges, "The MNIST database of handwritten digits", section "File formats"
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from neuroevo import outside
from neuroevo.errors import DataError, last_line

UNSIGNED_BYTES = 8  # the one type of values that is read
MOST_DIMENSIONS = 4  # images, height, width, channels
SLACK = 1_000_000  # bytes beyond what a header announces, after which no more is read
LONGEST_HEADER = 4 + 4 * MOST_DIMENSIONS  # bytes


def pack(array: np.ndarray) -> bytes:
    """Returns an array as the content of an IDX file.

    Args:
        array: Values in 0..255, of any shape.
    """
    header = struct.pack(f">HBB{array.ndim}I", 0, UNSIGNED_BYTES, array.ndim, *array.shape)
    return header + np.ascontiguousarray(array, np.uint8).tobytes()


def parse(data: bytes, name: str) -> np.ndarray:
    """Returns the values in an IDX file, uint8, read-only.

    Args:
        data: Content of the file, not compressed.
        name: What messages call the file.

    Raises:
        DataError: If there is no header, or it tells of more or fewer values than there are.
    """
    shape = parse_shape(data, name)
    start, wanted = 4 + 4 * len(shape), math.prod(shape)
    if len(data) - start != wanted:
        raise DataError(
            f"{name} is cut off or damaged: its header tells of {' x '.join(map(str, shape))} values, and it "
            f"holds {len(data) - start} where {wanted} were wanted. Replace the file."
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def parse_shape(data: bytes, name: str) -> tuple[int, ...]:
    """Returns the sizes that the header of an IDX file gives.

    Args:
        data: Content of the file, not compressed, or its beginning.
        name: What messages call the file.

    Raises:
        DataError: If there is no header of unsigned bytes.
    """
    if len(data) < 4 or data[:2] != b"\0\0" or not 1 <= data[3] <= MOST_DIMENSIONS:
        raise DataError(
            f"{name} is no IDX file: it begins with {data[:4].hex(' ') or 'nothing'}; wanted 00 00 08 and a "
            f"number of dimensions, 01 to {MOST_DIMENSIONS:02}. Replace the file."
        )
    if data[2] != UNSIGNED_BYTES:
        raise DataError(
            f"{name} holds values of type {data[2]:02x}; wanted {UNSIGNED_BYTES:02x}, unsigned bytes. Write "
            "them again in 0..255, or save an npz file."
        )
    if len(data) < 4 + 4 * data[3]:
        raise DataError(f"{name} is cut off within its header. Replace the file.")
    return struct.unpack(f">{data[3]}I", data[4 : 4 + 4 * data[3]])


def read(path: Path) -> np.ndarray:
    """Returns the values in an IDX file, uint8.

    Args:
        path: The file, which is compressed if its name ends in `.gz`.

    Raises:
        DataError: If it cannot be read.
    """
    return parse(read_bytes(path), str(path))


def read_shape(path: Path) -> tuple[int, ...]:
    """Returns the sizes of an IDX file from its header alone.

    Args:
        path: The file, which is compressed if its name ends in `.gz`.

    Raises:
        DataError: If it cannot be read.
    """
    with _opened(path) as file:
        return parse_shape(file.read(LONGEST_HEADER), str(path))


def read_bytes(path: Path) -> bytes:
    """Returns the content of a file.

    Args:
        path: The file, which is unpacked if its name ends in `.gz`.

    Raises:
        DataError: If it cannot be read.
    """
    with _opened(path) as file:
        head = file.read(LONGEST_HEADER)
        shape = parse_shape(head, str(path))
        size = 4 + 4 * len(shape) + math.prod(shape)
        outside.require_size(size, outside.most_numbers(), path)
        return head + outside.unpacked(file, size + SLACK, path)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Opens a file, plain or compressed; what fails while it is read is a DataError."""
    try:
        with outside.opened(path, outside.most_numbers()) as file:
            yield cast(BinaryIO, gzip.GzipFile(fileobj=file)) if path.suffix == ".gz" else file
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"Cannot read {path}: {last_line(error)}. Replace the file.") from error
