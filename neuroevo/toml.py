"""TOML files read with bounds: a request, a study or the configuration of a run, whoever wrote it.

The standard library's reader takes time that grows with the square of a key's parts, and hangs on a key of a
hundred thousand dots. This reader answers such a file at once.
"""

from __future__ import annotations

import datetime
import re
import tomllib
from pathlib import Path
from typing import TypeAlias

from neuroevo import outside

Value: TypeAlias = (
    "bool | int | float | str | datetime.date | datetime.time | list[Value] | dict[str, Value]"  # of TOML
)

MAX_BYTES = 1_000_000  # a request of ten thousand priors; the standard library takes up to 2 s for so many
MAX_PARTS = 32  # of a dotted key or of the name of a table; requests and studies have up to three

# Comments and strings, whose dots part nothing. Taken from left to right, each is matched whole.
_OPAQUE = re.compile(
    r"""
    \#[^\n]*+
    | \"""(?:[^"\\]|\\.|"(?!""))*+(?:\"""|\Z)
    | '''(?:[^']|'(?!''))*+(?:'''|\Z)
    | "(?:[^"\\\n]|\\.)*+"?
    | '[^'\n]*+'?
    """,
    re.VERBOSE | re.DOTALL,
)
_DEEP = re.compile(rf"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){{{MAX_PARTS}}}")


class TomlError(ValueError):
    """TOML that cannot be read.

    Its text goes on from the name of the file: "is not TOML: ...", "has more than ...".
    """


def read(path: str | Path) -> dict[str, Value]:
    """Returns the values of a TOML file by name.

    Args:
        path: The file. Not more of it is read than the bound allows.

    Raises:
        OSError: If it cannot be opened or read.
        TomlError: If it is not TOML, or exceeds a bound.
    """
    return loads(content(path))


def content(path: str | Path) -> bytes:
    """Returns the content of a TOML file.

    Args:
        path: The file. Not more of it is read than the bound allows.

    Raises:
        OSError: If it cannot be opened or read, or is no regular file.
        TomlError: If it exceeds the bound.
    """
    with outside.opened(path) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise _too_long()
    return data


def loads(data: bytes) -> dict[str, Value]:
    """Returns the values that TOML holds, by name.

    Args:
        data: Content of a file, UTF-8.

    Raises:
        TomlError: If it is not TOML, has more than `MAX_BYTES` or a key of more than `MAX_PARTS` parts.
    """
    if len(data) > MAX_BYTES:
        raise _too_long()
    try:
        text = data.decode("utf-8-sig")  # editors on Windows begin a file with a mark
        if _DEEP.search(_OPAQUE.sub("_", text)):
            raise TomlError(f"has a key of more than {MAX_PARTS} parts with dots between them")
        return tomllib.loads(text)
    except TomlError:
        raise
    except ValueError as error:  # of TOML or of UTF-8
        raise TomlError(f"is not TOML: {error}") from error
    except RecursionError:
        raise TomlError("has values that are nested too deeply") from None


def _too_long() -> TomlError:
    """Returns the error about a file that is too long."""
    return TomlError(f"has more than {MAX_BYTES:,} bytes")
