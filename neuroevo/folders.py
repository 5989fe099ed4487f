"""New folders: their names, their places, and how they come to be whole or not at all.

A place is taken when its name is chosen, by an empty folder that is locked. A process that is killed before
it has written anything leaves an empty folder without a lock, which is as good as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from neuroevo.errors import OptionError, RunError

MAX_NAME = 100  # characters of a label in a file name; file systems allow 255 bytes for the whole


def check_free(path: str | Path) -> None:
    """Makes sure that a new folder can be made: nothing is there, or an empty folder.

    Args:
        path: Where.

    Raises:
        RunError: If something exists there.
    """
    if os.path.lexists(path) and not _is_empty(Path(path)):
        raise RunError(f"{path} exists; wanted a new folder. Choose another --out or move it away.")


@contextmanager
def claim(out: Path | None, stem: Path) -> Iterator[Path]:
    """Takes the place of a new folder at once, so that nobody else begins to work for it.

    Args:
        out: The folder; None chooses the stem, a dash and the first number that is free.
        stem: Folder and beginning of the name.

    Yields:
        The place: an empty folder, over which another can be renamed. Where nothing came of it, it is gone
        in the end.

    Raises:
        RunError: If something is there, another process is about to write there, or no folder can be made.
    """
    places = [out] if out else (stem.with_name(f"{stem.name}-{number}") for number in itertools.count(1))
    for place in places:
        parents = [p for p in place.parents if not p.exists()]
        if out is not None:
            check_free(place)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            handle = _taken(place)
        except OSError as error:
            _remove(parents)
            raise RunError(f"Cannot make {place}: {error.strerror}; choose another --out.") from error
        if handle is not None:
            break
    else:
        raise RunError(f"Another process is about to write to {out}; wait for it, or choose another --out.")
    try:
        yield place
    finally:
        _remove([place, *parents])
        os.close(handle)


def _taken(place: Path) -> int | None:
    """Returns a handle that holds the lock of an empty folder; None if the place is another's."""
    try:
        import fcntl
    except ImportError:  # a system without file locks: whoever makes the folder has it
        with contextlib.suppress(FileExistsError):
            place.mkdir()
            return os.open(os.devnull, os.O_RDONLY)
        return None
    with contextlib.suppress(FileExistsError):
        place.mkdir()
    if not _is_empty(place):
        return None
    handle = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Its owner may have renamed the whole folder over it, or given it up, since it was looked at.
        if os.path.samestat(os.fstat(handle), os.stat(place)) and _is_empty(place):
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(handle)
    return None


def _is_empty(path: Path) -> bool:
    """Says whether a path is a folder, no link, that holds nothing."""
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def _remove(folders: Iterable[Path]) -> None:
    """Removes folders that are empty."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Gives a folder to write into, which then appears at its place whole or not at all.

    Args:
        folder: The place.

    Yields:
        The folder to write into.

    Raises:
        RunError: If something is there, or the folder cannot be written.
    """
    check_free(folder)
    new = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.new")
    try:
        new.mkdir(parents=True)
        yield new
        new.rename(folder)
    except OSError as error:
        raise RunError(f"Cannot write {folder}: {error.strerror}; choose another --out.") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def safe_name(label: str) -> str:
    """Returns a label as one component of a path; different labels give different names.

    Letters, digits and `-.~=,+` stay; the rest is percent-encoded, as is an underscore at an end or
    beside another, so that `__` can separate names. Long names end in a digest.

    Args:
        label: Any text.
    """
    name = re.sub(r"^_|_(?=_|$)", "%5F", quote(label, safe="=,+"))
    if len(name) > MAX_NAME:
        name = f"{name[: MAX_NAME - 17]}~{hashlib.sha256(label.encode()).hexdigest()[:16]}"
    return name


def file_names(labels: Iterable[str]) -> dict[str, str]:
    """Returns file names by label.

    Args:
        labels: Any texts.

    Raises:
        OptionError: If two differ by case alone, which a file system may not tell apart.
    """
    names = {label: safe_name(label) for label in labels}
    if len({name.lower() for name in names.values()}) < len(names):
        raise OptionError(
            f"Labels {', '.join(names)} give files of one name; choose labels that differ by more than case."
        )
    return names
