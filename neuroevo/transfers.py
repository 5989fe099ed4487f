"""Large files over HTTP: what has come is kept, a later try goes on from there, and a pinned sum decides.

A file is written under its name with `.part` behind it until it is whole and its sum is right. Sources that
refresh a file in place are thus refused, whether another size tells it before anything comes or the sum at
the end.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import cast

from neuroevo import outside
from neuroevo.errors import DataError, last_line

BLOCK = 1 << 20  # bytes that are read at once
TIMEOUT = 60  # seconds without a byte
TRIES = 4  # in a row that bring nothing
PART = ".part"
MARGIN = 1.02  # of free space that a download leaves for what else is written

Say = Callable[[str], object]


@dataclass(frozen=True)
class Pinned:
    """A file as it was when it was pinned.

    Attributes:
        name: What it is called where it is kept.
        url: Where it is published.
        size: Its size in bytes.
        digest: Its sum, "sha256:..." or, where the source states no other, "md5:...".
    """

    name: str
    url: str
    size: int
    digest: str

    @property
    def algorithm(self) -> str:
        """Name of the sum, as hashlib has it."""
        return self.digest.partition(":")[0]


def megabytes(size: float) -> str:
    """Returns a size in words, "87 MB".

    Args:
        size: In bytes.
    """
    return f"{size / 1e6:,.0f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB"


def digest_of(path: Path, algorithm: str) -> str:
    """Returns the sum of a file, "sha256:...".

    Args:
        path: The file.
        algorithm: Name of the sum, as hashlib has it.

    Raises:
        OSError: If it cannot be read.
    """
    with outside.opened(path) as file:
        return f"{algorithm}:{hashlib.file_digest(cast(BufferedReader, file), algorithm).hexdigest()}"


def download(pinned: Pinned, folder: Path, say: Say) -> Path:
    """Returns a file that is downloaded, or that was before; what came of an earlier try is gone on with.

    Args:
        pinned: The file.
        folder: Where it is kept; it exists.
        say: Takes what is to be shown of how far it is.

    Raises:
        DataError: If it cannot be reached, is no longer the pinned one, or does not fit on the disk.
    """
    whole, part = folder / pinned.name, folder / (pinned.name + PART)
    if whole.exists():
        return _checked(pinned, whole)
    try:
        _require_space(pinned, part, folder)
        _fill(pinned, part, say)
        _checked(pinned, part)
        os.replace(part, whole)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(f"Cannot keep {pinned.name} in {folder}: {last_line(error)}.") from error
        raise DataError(
            f"No space is left in {folder}: {megabytes(_length(part))} of {megabytes(pinned.size)} of "
            f"{pinned.name} are there. Make room, or set NEUROEVO_CACHE to another folder; the same command "
            "goes on from there."
        ) from error
    return whole


def _length(part: Path) -> int:
    """Returns how many bytes of a file have come."""
    return part.stat().st_size if part.exists() else 0


def _require_space(pinned: Pinned, part: Path, folder: Path) -> None:
    """Raises DataError if what is still to come does not fit."""
    missing, free = pinned.size - _length(part), shutil.disk_usage(folder).free
    if missing * MARGIN > free:
        raise DataError(
            f"{pinned.name} needs {megabytes(missing)} more in {folder}, where {megabytes(free)} are free; "
            "make room, or set NEUROEVO_CACHE to another folder."
        )


def _fill(pinned: Pinned, part: Path, say: Say) -> None:
    """Makes a part as long as the file, in as many tries as bring something."""
    if _length(part) > pinned.size:
        part.unlink()
    idle, reason = 0, ""
    while (before := _length(part)) < pinned.size:
        try:
            _go_on(pinned, part, say)
        except urllib.error.HTTPError as error:
            if error.code == 416 and before:  # the source is shorter than what has come
                part.unlink()
            elif error.code < 500:
                raise _unreachable(pinned, f"status {error.code}, {error.reason}") from error
            reason = f"status {error.code}, {error.reason}"
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            if isinstance(error, urllib.error.URLError) and not isinstance(error.reason, OSError):
                raise _unreachable(pinned, str(error.reason)) from error
            reason = last_line(getattr(error, "reason", error))
        idle = 0 if _length(part) > before else idle + 1
        if idle == TRIES:
            there = _length(part)
            raise _unreachable(pinned, reason or "the connection ends early", there)


def _go_on(pinned: Pinned, part: Path, say: Say) -> None:
    """Adds what one connection brings to a part."""
    start = _length(part)
    asked = urllib.request.Request(pinned.url, headers={"Range": f"bytes={start}-"} if start else {})
    with urllib.request.urlopen(asked, timeout=TIMEOUT) as answer:
        is_rest = answer.status == 206
        _require_size(pinned, answer, is_rest)
        if start and not is_rest:
            start = 0
        with part.open("ab" if start else "wb") as file:
            while block := answer.read(BLOCK):
                file.write(block)
                start += len(block)
                say(f"{pinned.name}: {start / pinned.size:.0%} of {megabytes(pinned.size)}")
                if start > pinned.size:
                    break


def _require_size(pinned: Pinned, answer: http.client.HTTPResponse, is_rest: bool) -> None:
    """Raises DataError if the source says that the file has another size now."""
    said = answer.headers.get("Content-Range" if is_rest else "Content-Length", "")
    match = re.search(r"(\d+)$", said)
    if match and int(match[1]) != pinned.size:
        raise _replaced(pinned, f"it has {int(match[1]):,} bytes, wanted {pinned.size:,}")


def _checked(pinned: Pinned, path: Path) -> Path:
    """Returns a file whose sum is right; removes any other, or its link."""
    came = digest_of(path, pinned.algorithm)
    if came != pinned.digest:
        path.unlink()
        raise _replaced(pinned, f"its sum is {came[:23]}..., wanted {pinned.digest[:23]}...")
    return path


def _replaced(pinned: Pinned, why: str) -> DataError:
    """Returns the error for a file that is not the pinned one."""
    return DataError(
        f"{pinned.name} is not the pinned one: {why}. Sources replace files in place. Nothing was kept; give "
        f"a copy of the pinned one with --from, or the new one by its path: --connectome FILE."
    )


def _unreachable(pinned: Pinned, reason: str, there: int = 0) -> DataError:
    """Returns the error for a file that does not come."""
    if not there:
        return DataError(f"Cannot download {pinned.url}: {reason}. Have it from elsewhere: --from FILE.")
    return DataError(
        f"Cannot download {pinned.url}: {reason}. {megabytes(there)} are there, and the same command goes on "
        "from them; or have it from elsewhere: --from FILE."
    )
