"""Files of a run folder: strict JSON, files that are replaced whole, and lines that are appended.

JSON is strict: a number that is not finite is written as null. A file that is replaced is a synced new file
that is renamed, so that a reader meets the old one or the new one. A process that dies can leave half a line
at the end of a file of lines: readers leave it out, and the next append cuts it off.

Nothing is written through a link: a folder may come from somebody else, and what a link in it points to is no
part of it. A link in place of a file that is replaced is itself replaced; one in place of a file that is
appended to, or of a folder, is refused. New files have names that nobody can guess.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np

from neuroevo import outside
from neuroevo.errors import RunError
from neuroevo.forms import Form

Row = dict[str, Any]  # a JSON object whose form nobody has checked, perhaps of an earlier version
PIECE = 1 << 20  # bytes that are read at once of a file of any size
MOST_LINE = 10_000_000  # bytes of a line; a thousand scores of episodes have 20,000
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
TOKEN_BYTES = 8  # of chance in the name of a new file
NEW = ".new"  # its ending
MOST_DIGITS = 300  # of a whole number; a float has some 308


def to_json(value: object, indent: int | None = None) -> str:
    """Returns strict JSON: NumPy values as plain ones, numbers that are not finite as null.

    It is ASCII where a text is none in UTF-8, such as the name of a file may be.

    Args:
        value: Nested mappings, sequences, arrays, numbers and texts.
        indent: Spaces of a level, or None for one line.
    """
    encodable = _json_value(value)
    text = json.dumps(encodable, allow_nan=False, ensure_ascii=False, indent=indent)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(encodable, allow_nan=False, indent=indent)
    return text


def atomic_write(path: Path, data: bytes, root: Path | None = None) -> None:
    """Writes a new file beside `path`, syncs it and renames it over `path`, be that a link.

    Args:
        path: The file.
        data: What it is to hold.
        root: A folder above, below which folders are made as they are needed; None where there is none
            between.

    Raises:
        RunError: If it cannot be written, or a folder below the root is a link; `path` is as it was.
    """
    if root is not None:
        make_folder(path.parent, root)
    new = write_new(path, data)
    with explained("write", path):
        os.replace(new, path)


def write_new(path: Path, data: bytes) -> Path:
    """Returns a synced new file beside `path`, which is to be renamed over it.

    Args:
        path: The file.
        data: What it is to hold.

    Raises:
        RunError: If it cannot be written; nothing of it is left, so that a full disk is not fuller for it.
    """
    new = new_name(path)
    with explained("write", path):
        try:
            with open_new(new) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            new.unlink(missing_ok=True)
            raise
    return new


def new_name(path: Path) -> Path:
    """Returns a name beside a file, for one that is to be renamed over it; nobody can guess it.

    Args:
        path: The file.
    """
    return path.with_name(f".{path.name}.{secrets.token_hex(TOKEN_BYTES)}{NEW}")


def open_new(path: Path) -> BinaryIO:
    """Returns a new file opened to be written.

    Args:
        path: The file, which must not exist.

    Raises:
        OSError: If it exists, be it as a link, or cannot be made.
    """
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINK, 0o666), "wb")


def make_folder(path: Path, root: Path) -> None:
    """Makes a folder and those between, where they are missing.

    Args:
        path: The folder.
        root: One above it, which exists; it may be a link, for the user named it.

    Raises:
        RunError: If one of them is a link or no folder, or cannot be made.
    """
    folder = root
    for part in path.relative_to(root).parts:
        folder = folder / part
        with explained("make", folder):
            try:
                folder.mkdir()
            except FileExistsError:
                require_no_link(folder)
                if not folder.is_dir():
                    raise RunError(f"{folder} is no folder; move it away, so that one can be made.") from None


def require_no_link(path: Path) -> None:
    """Makes sure that what is to be written to is no link to somewhere else.

    Args:
        path: A file or folder, which may be missing.

    Raises:
        RunError: If it is a link.
    """
    if path.is_symlink():
        raise RunError(
            f"{path} is a link to {os.readlink(path)}, and nothing is written through links; remove it, or "
            "put what it points to in its place."
        )


def open_to_append(path: Path) -> BinaryIO:
    """Returns a file opened to be read and appended to, which is made where there is none.

    Args:
        path: The file.

    Raises:
        RunError: If it is a link.
        OSError: If it cannot be opened, or is no file that holds its content.
    """
    require_no_link(path)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | NO_LINK | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path, flags, 0o666)
    if stat.S_ISFIFO(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is a pipe")
    return open(handle, "ab+")


def clear_remains(folder: Path, names: Iterable[str]) -> None:
    """Removes new files that a process which died has left before it renamed them.

    Args:
        folder: The folder that they are in; nobody else writes these files now.
        names: Names of the files that they were to replace.
    """
    wanted = "|".join(map(re.escape, names))
    remains = re.compile(rf"\.(?:{wanted})\.[0-9a-f]{{{2 * TOKEN_BYTES}}}{re.escape(NEW)}")
    with explained("read", folder):
        for name in os.listdir(folder):
            if remains.fullmatch(name):
                (folder / name).unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """Makes the names in a folder outlast a loss of power, where the system lets a folder be synced.

    Args:
        path: The folder.
    """
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def read(path: Path, missing: bytes | None = None, most: int | None = None) -> bytes:
    """Returns a file's bytes.

    Args:
        path: The file.
        missing: What is returned if there is no such file; None means that this is an error.
        most: Its greatest size in bytes; None stands for what this machine can hold of a text.

    Raises:
        RunError: If the file cannot be read.
    """
    if missing is not None and not path.exists():
        return missing
    try:
        return outside.content(path, most)
    except OSError as error:
        raise RunError(f"Cannot read {path}: {error.strerror}; wanted the file a run writes.") from error


def _refuse(name: str) -> NoReturn:
    """Refuses NaN and the infinities, which are no JSON."""
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    """Returns a number; raises ValueError if it is too large for one, and would be read as infinite."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]} is too large")
    return value


def _whole(text: str) -> int:
    """Returns a whole number; raises ValueError if no other number can be compared with it."""
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a number of {len(text)} digits is too large")
    return int(text)


# One for all lines: making it costs more than a line.
_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite, parse_int=_whole)


def parse(data: bytes, path: Path, line: int | None = None, form: Form | None = None) -> Row:
    """Returns a JSON object.

    Args:
        data: Its text in UTF-8.
        path: The file that it is from.
        line: The line there, from 1, or None where it is the whole file.
        form: What it must be, or None for any object.

    Raises:
        RunError: If it is none; the error names file and line.
    """
    try:
        value = _DECODER.decode(data.decode())
        if not isinstance(value, dict):
            raise ValueError(f"wanted an object, found {type(value).__name__}")
        if form is not None and (what := form.fault(value)):
            raise ValueError(what)
    except (ValueError, RecursionError) as error:  # JSON or UTF-8
        place = f"{path}, line {line}" if line else str(path)
        raise RunError(f"{place} is damaged ({error}); restore the file or start the run again.") from error
    return value


def append_lines(path: Path, rows: Iterable[Mapping[str, object]], tail: str = "}") -> list[bytes]:
    """Appends rows as JSON lines, after cutting off half a line that an interrupted run left.

    Args:
        path: The file, which may be missing.
        rows: One a line.
        tail: What each line ends in, in place of the brace that closes the object.

    Returns:
        The lines.

    Raises:
        RunError: If the file cannot be written.
    """
    lines = [line_of(row, tail) for row in rows]
    with explained("write", path), open_to_append(path) as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":
                file.truncate(path.read_bytes().rfind(b"\n") + 1)
        file.write(b"".join(lines))
    return lines


def line_of(row: Mapping[str, object], tail: str = "}") -> bytes:
    """Returns a row as a line of JSON.

    Args:
        row: The row.
        tail: What the line ends in, in place of the brace that closes the object.
    """
    return f"{to_json(row)[:-1]}{tail}\n".encode()


def sync(path: Path) -> None:
    """Makes what a file holds outlast a loss of power; a missing file is passed over.

    Args:
        path: The file.

    Raises:
        RunError: If the operating system refuses.
    """
    if path.exists():
        with explained("write", path), open(path, "rb") as file:
            os.fsync(file.fileno())


def read_lines(path: Path, keys: Sequence[str], form: Form, is_lenient: bool = False) -> Iterator[Row]:
    """Yields the complete rows of a file of JSON lines, which may be missing.

    Args:
        path: The file.
        keys: Columns that a row must have.
        form: What a row must be.
        is_lenient: Whether damaged lines are passed over.

    Raises:
        RunError: If a complete line is damaged; it names file and line.
    """
    for number, line in enumerate(_complete_lines(path, is_lenient), start=1):
        try:
            row = parse(line, path, number)
        except RunError:
            if is_lenient:
                continue
            raise
        missing = [name for name in keys if name not in row]
        what = f"{', '.join(missing)} missing" if missing else form.fault(row)
        if what and is_lenient:
            continue
        if what:
            raise RunError(f"{path}, line {number} is damaged ({what}); start the run again.")
        yield row


def half_line(path: Path) -> int | None:
    """Returns the number, from 1, of the line at the end of a file that is not whole; None if there is none.

    Args:
        path: The file, which may be missing.

    Raises:
        RunError: If it cannot be read.
    """
    if not path.exists():
        return None
    lines, last = 0, b"\n"
    with explained("read", path), outside.opened(path) as file:
        while piece := file.read(PIECE):
            lines, last = lines + piece.count(b"\n"), piece[-1:]
    return None if last == b"\n" else lines + 1


def _complete_lines(path: Path, is_lenient: bool = False) -> Iterator[bytes]:
    """Yields the lines of a file that are whole; a missing file has none.

    A line that is too long is refused, or ends the file for who is lenient.
    """
    if not path.exists():
        return
    with explained("read", path), outside.opened(path) as file:
        number = 0
        while line := file.readline(MOST_LINE + 1):
            number += 1
            if len(line) > MOST_LINE and is_lenient:
                return
            if len(line) > MOST_LINE:
                raise RunError(
                    f"{path}, line {number} is damaged (it has more than {MOST_LINE:,} bytes); restore the "
                    "file or start the run again."
                )
            if line.endswith(b"\n"):
                yield line


@contextlib.contextmanager
def explained(verb: str, path: Path) -> Iterator[None]:
    """Turns an error of the operating system into a RunError of one line.

    Args:
        verb: What is done to the file, in a word.
        path: The file.

    Yields:
        Nothing.

    Raises:
        RunError: If the operating system refuses.
    """
    try:
        yield
    except OSError as error:
        raise RunError(f"Cannot {verb} {path}: {error.strerror}; check the disk and the rights.") from error


_AS_THEY_ARE = {int, str, bool, type(None)}


def _json_value(value: object) -> object:
    """Returns nested values as what JSON knows."""
    if isinstance(value, Mapping):
        return {str(key): _json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        kinds = set(map(type, value))  # long lists are mostly of one kind, and need no look at each item
        if kinds <= _AS_THEY_ARE or (kinds == {float} and all(map(math.isfinite, value))):
            return list(value)
        return [_json_value(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return _json_value(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, Path) else value
