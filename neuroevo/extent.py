"""How far a file of rows reached, and the SHA-256 of that part: what a checkpoint and a manifest vouch for.

A hash runs along with what is appended, so that nothing is read again. Rows of a lineage have a hash of their
own: where a file is not what it was, it tells which lineages are.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypedDict

from neuroevo import outside
from neuroevo.files import explained
from neuroevo.seal import MARK

BLOCK = 1 << 20  # bytes that are read at once

_MARKED = f', "{MARK}": "'.encode()


class Extent(TypedDict):
    """The beginning of a file, or all of it.

    Attributes:
        bytes: Its length.
        sha256: Its SHA-256.
    """

    bytes: int
    sha256: str


class Running:
    """The extent of a file that grows.

    Attributes:
        size: Bytes so far.
    """

    def __init__(self) -> None:
        self.size = 0
        self._hash = hashlib.sha256()

    def add(self, data: bytes) -> None:
        """Takes in what was appended.

        Args:
            data: The bytes.
        """
        self.size += len(data)
        self._hash.update(data)

    def now(self) -> Extent:
        """Returns the extent so far."""
        return {"bytes": self.size, "sha256": self._hash.hexdigest()}

    @classmethod
    def of(cls, path: Path, end: int | None = None) -> Running:
        """Returns the extent of a file that is there already; of a missing file, none.

        Args:
            path: The file.
            end: How many of its bytes are taken at most; None takes all.

        Raises:
            RunError: If it cannot be read.
        """
        running = cls()
        if not path.exists():
            return running
        with explained("read", path), outside.opened(path) as file:
            while block := file.read(BLOCK if end is None else min(BLOCK, end - running.size)):
                running.add(block)
        return running


def shortfall(path: Path, extent: Extent, is_whole: bool) -> str:
    """Returns how a file is not what was vouched for, as the end of a sentence; "" if it is.

    Args:
        path: The file.
        extent: What was vouched for.
        is_whole: Whether the file is to end there; else more may follow.

    Raises:
        RunError: If it cannot be read.
    """
    if not path.exists():
        return f"is missing; it had {extent['bytes']:,} bytes" if extent["bytes"] else ""
    size = path.stat().st_size
    if size < extent["bytes"]:
        return f"has {size:,} of its {extent['bytes']:,} bytes"
    if is_whole and size > extent["bytes"]:
        return f"has {size:,} bytes; it had {extent['bytes']:,}"
    if Running.of(path, extent["bytes"]).now() != extent:
        return "was changed (its SHA-256 is another)"
    return ""


def body(line: bytes) -> bytes:
    """Returns a line without its mark and its end: what the row says, whatever request it was written for.

    Args:
        line: A line of a file of rows.
    """
    end = line.rfind(_MARKED)
    return line[:end] if end >= 0 else line.removesuffix(b"}\n")
