"""The folder in which Ray keeps its sockets and logs: one that can be written, with a short path.

Ray takes RAY_TMPDIR, or else a folder `ray` in that for temporary files. If the latter cannot be written, as
where another user has made it, or its path is too long for sockets, a private folder takes its place.
"""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

from neuroevo import caches
from neuroevo.errors import OptionError

logger = logging.getLogger(__name__)

VARIABLE = "RAY_TMPDIR"
LONGEST_SOCKET = 107  # bytes of the path of a socket
_LONGEST_NAME = "/session_2026-11-30_22-49-53_333876_4194304/sockets/plasma_store"  # that Ray makes there
LONGEST = LONGEST_SOCKET - len(_LONGEST_NAME)  # bytes of the folder's path


def choose() -> str | None:
    """Returns the folder that Ray is to be given, or None where its own will do.

    Raises:
        OptionError: If it has none that will do; it names the variable.
    """
    given = os.environ.get(VARIABLE)
    usual = Path(given or tempfile.gettempdir()) / "ray"
    problem = fault(usual)
    if not problem:
        return None
    if not given:
        for top in dict.fromkeys((tempfile.gettempdir(), *caches.SHORT)):
            private = caches.private_folder(top)
            if private is not None and not fault(private / "ray"):
                logger.info(
                    "Ray has %s, for %s %s; %s names another", private / "ray", usual, problem, VARIABLE
                )
                return str(private / "ray")
    raise OptionError(
        f"Ray cannot be started: its folder {str(usual)!r} {problem}; set {VARIABLE} to a folder that can be "
        f"written, with a path of at most {LONGEST - len('/ray')} bytes, or use --workers 0."
    )


def fault(folder: Path) -> str:
    """Returns what keeps a folder from being Ray's, the end of a sentence; "" where nothing does.

    Args:
        folder: The folder, which may be missing.
    """
    size = len(os.fsencode(folder))
    if size > LONGEST:
        return f"has a path of {size} bytes, too long for sockets"
    return "" if caches.is_usable(folder) else "cannot be written"


def advice(error: BaseException) -> str:
    """Returns what to do about an error with which Ray did not start.

    Args:
        error: The error.
    """
    said = str(error)
    if isinstance(error, OSError) and ".ray" in said:
        return "set RAY_AUTH_TOKEN_PATH to a file that can be written, or HOME to a folder that can"
    if isinstance(error, OSError) or "AF_UNIX" in said:
        return f"set {VARIABLE} to a short folder that can be written"
    return "try --workers 0"
