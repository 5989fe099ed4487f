"""Logging: the one logger of the program, `neuroevo`, whose children are named after its modules.

It is quiet unless somebody listens: `shown` prints what it says on standard error, and `recording` writes
what a run says to a file in its folder. A program that uses this one may add handlers of its own. The logger
takes records of every level, and handlers choose among them; those of the root logger get what its level
lets through. Modules say `logging.getLogger(__name__)`.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from neuroevo.errors import RunError
from neuroevo.files import open_to_append
from neuroevo.text import visible

FILE = "run.log"  # in a run folder
MAX_EARLY = 10_000  # records that are held while there is no file for them

_LOGGER = logging.getLogger("neuroevo")


class _Formatter(logging.Formatter):
    """One line an event: time with its zone, level, module, text. Lines of a traceback follow, indented."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S%z")

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record)).replace("\n", "\n    ")


class _Root(logging.Handler):
    """Passes on to the handlers of the root logger what the root's own level lets through."""

    def emit(self, record: logging.LogRecord) -> None:
        root = logging.getLogger()
        if root.hasHandlers() and record.levelno >= root.level:
            root.callHandlers(record)


class _Terminal(logging.Handler):
    """Prints on what is standard error at the time: a live display puts itself in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError, ValueError):  # whoever listened has gone
            print(self.format(record), file=sys.stderr, flush=True)


class Recording(logging.Handler):
    """What a run says in its thread, held in memory until `write_to` names the file that it belongs in.

    A record that cannot be written, such as on a full disk, is lost in silence: the run itself will say so.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(_Formatter())
        self._thread = threading.get_ident()
        self._early: list[logging.LogRecord] = []
        self._file: TextIO | None = None

    def write_to(self, path: Path) -> None:
        """Writes what was held, and from now on every record, to the end of a file.

        Args:
            path: The file, which is made where there is none.

        Raises:
            RunError: If it cannot be opened.
        """
        try:
            self._file = io.TextIOWrapper(open_to_append(path), "utf-8", "backslashreplace")
        except OSError as error:
            raise RunError(
                f"Cannot write {path}: {error.strerror}; check the disk and the rights."
            ) from error
        for record in self._early:
            self.emit(record)
        self._early = []

    def emit(self, record: logging.LogRecord) -> None:
        """Writes or holds one record.

        Args:
            record: What was said.
        """
        if record.thread != self._thread:  # another run of this process, which has a file of its own
            return
        if self._file is None:
            if len(self._early) < MAX_EARLY:
                self._early.append(record)
            return
        with suppress(OSError):
            self._file.write(self.format(record) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Closes the file, if there is one."""
        if self._file is not None:
            with suppress(OSError):  # a full disk keeps what is left from being written
                self._file.close()
        super().close()


@contextmanager
def recording() -> Iterator[Recording]:
    """Records what is said within, of level INFO and above; where `shown` shows more, that too.

    Yields:
        The recording, which is to be told its file.
    """
    handler = Recording()
    is_detailed = any(isinstance(other, _Terminal) for other in _LOGGER.handlers)
    with _heard(handler, logging.DEBUG if is_detailed else logging.INFO):
        yield handler


@contextmanager
def shown() -> Iterator[None]:
    """Prints what is said within, of every level, on standard error.

    Yields:
        Nothing.
    """
    handler = _Terminal()
    handler.setFormatter(_Formatter())
    with _heard(handler, logging.DEBUG):
        yield


@contextmanager
def _heard(handler: logging.Handler, level: int) -> Iterator[None]:
    """Adds a handler to the logger within."""
    handler.setLevel(level)
    _LOGGER.addHandler(handler)
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)
        handler.close()


def _set_up() -> None:
    """Makes the logger take everything, and the root's handlers get no more of it than they ask for."""
    _LOGGER.setLevel(logging.DEBUG)
    _LOGGER.propagate = False
    _LOGGER.addHandler(_Root())


_set_up()
