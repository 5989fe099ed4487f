"""Files that others wrote: looked at before they are read.

Whatever a user names, a configuration, a wiring, images or a run folder, is opened here and nowhere else. It
has to be a regular file: a device never ends, and a pipe may never begin. It may be as large as this machine
can hold what becomes of it, and archives and arrays say in their headers how large they are unpacked.
"""

from __future__ import annotations

import errno
import math
import os
import stat
import warnings
import zipfile
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np

from neuroevo import memory

PIECE = 1 << 20  # bytes that are read at once where nobody knows how many there are
PER_BYTE = (
    25  # bytes of memory that a byte of text becomes: measured are 18 (JSON) to 60 (edges of 9 letters)
)
PER_COLUMN_BYTE = 5  # bytes of memory that a byte of a table becomes: 2.5 (15 M edges) to 4 (2.7 M)
PER_NUMBER = 8  # bytes of memory that a byte of an array becomes while it is checked and copied

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Unfit(OSError):
    """A file that is not read for what it is; `strerror` says why, as with any error of a file."""

    def __str__(self) -> str:
        return str(self.strerror)


def most_text() -> int:
    """Returns how large a file of text may be for this machine, in bytes."""
    return memory.limit() // PER_BYTE


def most_columns() -> int:
    """Returns how large a table may be for this machine, unpacked, in bytes, if it is read by columns."""
    return memory.limit() // PER_COLUMN_BYTE


def most_numbers() -> int:
    """Returns how large arrays may be for this machine, unpacked, in bytes."""
    return memory.limit() // PER_NUMBER


def opened(path: str | Path, most: int | None = None) -> BinaryIO:
    """Opens a file for reading, once it is known to be one.

    Args:
        path: The file, or a link to it.
        most: Its greatest size in bytes, or None for one that is read in pieces.

    Returns:
        The open file.

    Raises:
        OSError: If it cannot be opened, is no regular file, or is larger.
    """
    # A pipe without a writer would be waited for, and a terminal might become ours.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
    try:
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
            raise Unfit(errno.EINVAL, f"it is {kind}, no regular file", str(path))
        if most is not None and status.st_size > most:
            raise _too_large(path, memory.text(status.st_size), most)
        return open(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def content(path: str | Path, most: int | None = None) -> bytes:
    """Returns the content of a file.

    Args:
        path: The file.
        most: Its greatest size in bytes; None stands for what this machine can hold of a text.

    Raises:
        OSError: If it cannot be read, is no regular file, or is larger.
    """
    bound = most_text() if most is None else most
    with opened(path, bound) as file:
        data = file.read(os.fstat(file.fileno()).st_size + 1)
        while len(data) <= bound and (
            more := file.read(PIECE)
        ):  # it grows, or is one of /proc, without a size
            data += more
    if len(data) > bound:
        raise _too_large(path, "more", bound)
    return data


def unpacked(file: IO[bytes], most: int, name: str | Path) -> bytes:
    """Returns what is left of a stream that unpacks what it reads.

    Args:
        file: The stream, whose length is not known beforehand.
        most: The most bytes that are taken of it.
        name: What messages call it.

    Raises:
        OSError: If there are more.
    """
    pieces, size = [], 0
    while size <= most and (piece := file.read(min(PIECE, most + 1 - size))):
        pieces.append(piece)
        size += len(piece)
    if size > most:
        raise Unfit(errno.EFBIG, f"it goes on beyond {most:,} bytes unpacked", str(name))
    return b"".join(pieces)


def require_room(archive: zipfile.ZipFile, most: int) -> None:
    """Checks, before anything is unpacked, how large the files in an archive are.

    Not more is ever unpacked of a file than the archive says here.

    Args:
        archive: The archive.
        most: The greatest size of all of them together, in bytes.

    Raises:
        OSError: If they are larger.
    """
    require_size(sum(member.file_size for member in archive.infolist()), most, archive.filename or "it")


def require_size(size: int, most: int, name: str | Path) -> None:
    """Checks how large something is that is not unpacked yet.

    Args:
        size: Its size in bytes, as its header says.
        most: The greatest that is read.
        name: What messages call it.

    Raises:
        OSError: If it is larger.
    """
    if size > most:
        raise _too_large(name, memory.text(size), most, " unpacked")


def array_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Returns shape and type of an array in NumPy's format; the stream is then at its values.

    Args:
        file: The stream.

    Raises:
        ValueError: If it does not begin as an array does.
    """
    with warnings.catch_warnings(action="ignore"):  # of a file that is old
        major, _ = np.lib.format.read_magic(file)
        if major > 2:
            raise ValueError(f"version {major} of NumPy's format, for records with names of any script")
        read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    return shape, dtype


def require_values(file: IO[bytes], size: int) -> None:
    """Checks that a stream holds the values that the header of its array announces.

    Args:
        file: The stream, at its beginning; it is then at its values.
        size: Bytes of the whole stream.

    Raises:
        ValueError: If it holds more or fewer, or is no array.
    """
    shape, dtype = array_header(file)
    wanted, left = math.prod(shape) * dtype.itemsize, size - file.tell()
    if wanted != left and not dtype.hasobject:
        form = " x ".join(map(str, shape)) or "1"
        raise ValueError(f"its header announces {form} values of {dtype}, {wanted:,} bytes; it has {left:,}")


def _too_large(name: object, size: str, most: int, how: str = "") -> Unfit:
    """Returns the error about a file that is too large."""
    line = f"it has {size}{how}, and at most {memory.text(most)} are read"
    return Unfit(errno.EFBIG, line, str(name))
