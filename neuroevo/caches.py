"""Folders that libraries keep things in between runs: where these cannot be written, a private one is used.

numba keeps compiled code beside a module or in the home folder, Matplotlib a list of fonts there, and this
program what it has downloaded. Where program and home are read-only, or there is no home, all of it goes into
a folder for temporary files that this user alone can read and write. Variables that are set are left alone.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from neuroevo.errors import OptionError

NUMBA, MATPLOTLIB = "NUMBA_CACHE_DIR", "MPLCONFIGDIR"
PRIVATE = 0o700
SHORT = ("/tmp", "/var/tmp", "/dev/shm")  # where a folder has a short path, beside that for temporary files

_notes: list[str] = []


def prepare() -> None:
    """Gives libraries a folder that they can write, where theirs cannot be; called before they are imported.

    Where no folder can be written nothing is done, and `require` says so.
    """
    program = Path(__file__).parent
    for variable, what, places in (
        (NUMBA, "compiled code", (program, cache_home() / "numba")),
        (MATPLOTLIB, "Matplotlib's settings", (config_home() / "matplotlib",)),
    ):
        if variable not in os.environ and not any(map(is_usable, places)):
            folder = private_folder()
            if folder is not None:
                os.environ[variable] = str(folder / variable.lower().partition("_")[0])
                line = f"{what} kept in {os.environ[variable]}, for {places[-1]} cannot be written"
                _notes.append(f"{line}; {variable} names another folder")
    if NUMBA in os.environ and "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = os.environ[NUMBA]


def require() -> None:
    """Makes sure that there is a folder for compiled code, before anything is begun.

    Raises:
        OptionError: If there is none; it names the variable.
    """
    places = [os.environ[NUMBA]] if NUMBA in os.environ else [Path(__file__).parent, cache_home() / "numba"]
    if not any(is_usable(Path(place)) for place in places):
        raise OptionError(
            f"Compiled code can be kept nowhere: {' and '.join(map(str, places))} cannot be written; set "
            f"{NUMBA} to a folder that can."
        )


def notes() -> list[str]:
    """Returns a sentence for each folder that took the place of another; each is given once."""
    sentences, _notes[:] = list(_notes), []
    return sentences


def cache_home() -> Path:
    """Returns the user's folder for caches, which may be missing."""
    return _home("XDG_CACHE_HOME", ".cache")


def config_home() -> Path:
    """Returns the user's folder for settings, which may be missing."""
    return _home("XDG_CONFIG_HOME", ".config")


def is_usable(folder: Path) -> bool:
    """Says whether files can be written into a folder, or it can be made.

    Args:
        folder: The folder.
    """
    try:
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    except (OSError, StopIteration):
        return False
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


@cache
def private_folder(top: str | None = None) -> Path | None:
    """Returns a folder that this user alone can read and write, or None if none can be made.

    Its name is the same in every run, so that what is kept there is found again; if somebody else has taken
    it, this run gets one of its own.

    Args:
        top: The folder for temporary files in which it is made; None takes the system's.
    """
    try:
        above = Path(tempfile.gettempdir() if top is None else top)
        folder = above / f"neuroevo-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"
        with suppress(FileExistsError):
            folder.mkdir(PRIVATE)
        status = folder.lstat()
        is_ours = not hasattr(os, "getuid") or status.st_uid == os.getuid()
        if stat.S_ISDIR(status.st_mode) and is_ours and stat.S_IMODE(status.st_mode) == PRIVATE:
            return folder
        return Path(tempfile.mkdtemp(prefix="neuroevo-", dir=above))
    except OSError:  # also where there is no folder for temporary files
        return None


def _home(variable: str, name: str) -> Path:
    """Returns a folder of the user's, as a variable or the home folder has it."""
    if given := os.environ.get(variable):
        return Path(given)
    try:
        return Path.home() / name
    except RuntimeError:  # there is no home
        return Path(os.devnull) / name  # where nothing can be made
