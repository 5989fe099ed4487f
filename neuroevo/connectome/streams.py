"""Text files as streams: unpacked, hashed and watched while they pass by, with errors in one line."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from neuroevo import outside
from neuroevo.errors import ConnectomeError, last_line

PACKED = ".gz"
BLOCK = 1 << 24  # bytes that are read at once


class WatchedText(io.RawIOBase):
    """A stream of text that is hashed as it is packed, measured, and whose quotes are watched."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._most = outside.most_columns()
        self._file = outside.opened(path, self._most)
        self._digest = hashlib.sha256()
        is_packed = path.suffix.lower() == PACKED
        packed = gzip.GzipFile(fileobj=_Hashed(self._file, self._digest)) if is_packed else None
        self._plain: gzip.GzipFile | BinaryIO = packed or self._file
        self._is_packed = is_packed
        self._length = 0
        self._line = 1
        self._odd = False  # quotes on the line so far

    def readable(self) -> bool:
        """Returns that it can be read."""
        return True

    def readinto(self, buffer: object) -> int:
        """Returns how many bytes were read into a buffer.

        Args:
            buffer: Where they go; see io.RawIOBase.
        """
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def read(self, size: int = -1) -> bytes:
        """Returns the next bytes, looked at.

        Args:
            size: How many at most; all for a negative number.

        Raises:
            ConnectomeError: If a quote is not closed on its line.
            OSError: If there is more than this machine can hold.
        """
        data = self._plain.read(size)
        if not self._is_packed:
            self._digest.update(data)
        self._length += len(data)
        if self._length > self._most:
            outside.require_size(self._length, self._most, self._path)
        self._watch(data)
        return data

    def _watch(self, data: bytes) -> None:
        """Looks whether quotes are closed on their lines."""
        if not self._odd and b'"' not in data:
            self._line += data.count(b"\n")
            return
        *lines, rest = data.split(b"\n")
        for line in lines:
            if (line.count(b'"') % 2 == 1) != self._odd:
                raise ConnectomeError(
                    f"{self._path.name}, line {self._line}: a quote that is not closed on its line; "
                    "wanted it closed, or none."
                )
            self._odd = False
            self._line += 1
        self._odd ^= rest.count(b'"') % 2 == 1

    def sha256(self) -> str:
        """Returns the SHA-256 of the file, once all of it was read."""
        while self._file.read(BLOCK) and self._is_packed:  # what lies behind the packed stream
            pass
        return self._digest.hexdigest()

    def close(self) -> None:
        """Closes the file."""
        self._plain.close()
        self._file.close()
        super().close()


class _Hashed(io.RawIOBase):
    """A stream that is hashed while it is read."""

    def __init__(self, file: IO[bytes], digest: hashlib._Hash) -> None:
        super().__init__()
        self._file = file
        self._digest = digest

    def readable(self) -> bool:
        """Says that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Returns the next bytes; see io.RawIOBase."""
        data = self._file.read(size)
        self._digest.update(data)
        return data


@contextmanager
def text_stream(path: Path) -> Iterator[WatchedText]:
    """Opens a text, unpacked where it is packed.

    Args:
        path: The file.

    Yields:
        The stream, whose quotes are watched and whose SHA-256 is known at its end.

    Raises:
        ConnectomeError: If it cannot be read, is damaged or is cut off.
    """
    with worded(path.name, path):
        stream = WatchedText(path)
        try:
            yield stream
        finally:
            stream.close()


@contextmanager
def worded(name: str, path: Path) -> Iterator[None]:
    """Words the errors of a file that cannot be read.

    Args:
        name: Name of the file, for messages.
        path: Where it is.

    Yields:
        Nothing.

    Raises:
        ConnectomeError: If what is done meanwhile finds the file damaged, cut off or out of reach.
    """
    import pyarrow as pa

    try:
        yield
    except EOFError as error:
        raise ConnectomeError(
            f"{name} is cut off: its packed data end early; wanted the whole file."
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ConnectomeError(
            f"{name} is no file of gzip, or damaged: {last_line(error)}; wanted the whole file."
        ) from error
    except UnicodeDecodeError as error:
        raise ConnectomeError(f"{name} is no text in UTF-8; wanted it saved so.") from error
    except csv.Error as error:
        raise ConnectomeError(
            f"{name} is no table of text: {last_line(error)}; wanted a line for each edge."
        ) from error
    except OSError as error:
        if isinstance(error, pa.ArrowException):
            raise ConnectomeError(f"{name} is damaged: {last_line(error)}; wanted the whole file.") from error
        raise ConnectomeError(
            f"Cannot read {str(path)!r}: {error.strerror or last_line(error)}; wanted a table."
        ) from error
    except pa.ArrowException as error:
        raise ConnectomeError(
            f"{name} cannot be read: {last_line(error)}; wanted a whole file of Parquet or Feather, as its "
            "name says."
        ) from error
