"""Trust: whose code a request that stands in a file may run.

What the command line or a caller in Python names is the user's own word, and so is what is installed. A file
may come from anybody: a plug-in by its path, a module that an environment is imported from, or the address
of a cluster that stands in one is used only if the user names it, or if the file is part of a folder that
this user had made on this machine. Such a folder has a signature: a keyed hash of its request and of where
its modules lie, under a key that only this user can read.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import logging
import os
import secrets
import stat
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from neuroevo import finder, outside
from neuroevo.errors import MAX_REASON, OptionError, unknown
from neuroevo.plugins import priors, tasks

logger = logging.getLogger(__name__)

KEY_BYTES = 32
SIGNATURE = "signature"  # key in manifest.json and study.json
UNSIGNED = "its folder was not made by you on this machine, or its request or that place has changed since"
REGISTRIES = {"genome": priors, "task": tasks}  # by field of a request


@dataclass(frozen=True)
class Trust:
    """What a request in a file may name beside what is installed.

    Attributes:
        modules: Modules that the user named; a package stands for all its modules.
        is_signed: Whether this user had the request made on this machine; then it may name anything.
        doubt: Why the request is not trusted as it is, as the beginning of a clause.
    """

    modules: tuple[str, ...] = ()
    is_signed: bool = False
    doubt: str = "a file runs no code of its own choice"

    def require(self, request: Mapping[str, object], where: str, replaced: Collection[str] = ()) -> None:
        """Makes sure that a request names no code and no cluster but those that are trusted.

        Args:
            request: Values by field, unchecked as a file has them.
            where: Where they stand, as messages say it.
            replaced: Fields that the user gives in place of these.

        Raises:
            OptionError: If it does; the line says which module it is, where it lies and what to do. Nothing
                of it was imported.
        """
        if self.is_signed:
            return
        request = {field: value for field, value in request.items() if field not in replaced}
        for module, what in modules_of(request).items():
            if not any(f"{module}.".startswith(f"{name}.") for name in self.modules):
                place = finder.origin(module) or "which is not found here"
                module = module[:MAX_REASON]
                raise OptionError(
                    f"{where} names the {what}, which would run module {module!r} ({place}), and "
                    f"{self.doubt}; "
                    f'if you know that code, add --trust {module} (in Python trust=["{module}"]).'
                )
        if request.get("address") is not None:
            raise OptionError(
                f"{where} names the cluster {request['address']!r}, whose processes could run code here, and "
                f"{self.doubt}; if it is yours, add --address {request['address']}."
            )

    def require_named(self, request: Mapping[str, object], where: str) -> None:
        """Makes sure that the user named no module in vain.

        Args:
            request: Values by field, unchecked as a file has them.
            where: Where they stand, as messages say it.

        Raises:
            OptionError: If the request does not name such a module.
        """
        known = modules_of(request)
        for name in self.modules:
            if not any(f"{module}.".startswith(f"{name}.") for module in known):
                raise OptionError(unknown(f"module in --trust, of those that {where} names,", name, known))


NOBODY = Trust()


def modules_of(request: Mapping[str, object]) -> dict[str, str]:
    """Returns the modules that a request would import beside what is installed, without importing them.

    Args:
        request: Values by field, unchecked as a file has them.

    Returns:
        By module, what names it: `task 'mine:Task'`.
    """
    modules: dict[str, str] = {}
    for field, registry in REGISTRIES.items():
        specs = request.get(field)
        texts = (text for text in specs if isinstance(text, str)) if isinstance(specs, list | tuple) else ()
        for module, text in registry.modules(texts).items():
            shown = repr(text) if len(text) <= MAX_REASON else f"{text[:MAX_REASON]!r}..."
            modules.setdefault(module, f"{registry.kind} {shown}")
    return modules


def sign(text: bytes, request: Mapping[str, object]) -> str:
    """Returns the signature of a request of this user on this machine; "" where none is needed or can be had.

    Args:
        text: The request as its file holds it.
        request: The same, values by field.
    """
    if not modules_of(request) and request.get("address") is None:
        return ""
    key = _key(is_made=True)
    if key is None:
        logger.warning("not signed: no key can be kept in %s; `resume` will ask for --trust", _key_path())
        return ""
    return _digest(key, text, modules_of(request))


def is_signed(text: bytes, request: Mapping[str, object], claimed: object) -> bool:
    """Says whether this user and machine gave a request its signature, and its modules lie as they did then.

    Args:
        text: The request as its file holds it.
        request: The same, values by field.
        claimed: The signature that the folder has, unchecked.
    """
    key = _key() if isinstance(claimed, str) and claimed.isascii() and claimed else None
    return key is not None and hmac.compare_digest(_digest(key, text, modules_of(request)), str(claimed))


def is_signed_beside(path: str | Path, request: Mapping[str, object]) -> bool:
    """Says whether a file is the request of a run folder of this user: the manifest beside it signs it.

    Args:
        path: The file.
        request: What it holds, values by field.
    """
    beside = Path(path).with_name("manifest.json")
    if not modules_of(request) and request.get("address") is None:
        return False
    try:
        claimed = json.loads(outside.content(beside)).get(SIGNATURE)
        return is_signed(outside.content(path), request, claimed)
    except (OSError, ValueError, AttributeError, RecursionError):  # there is none, or it is damaged
        return False


def _digest(key: bytes, text: bytes, modules: Collection[str]) -> str:
    """Returns the keyed hash of a request and of where its modules lie."""
    places = {module: finder.origin(module) for module in sorted(modules)}
    message = json.dumps(["neuroevo request 1", hashlib.sha256(text).hexdigest(), places])
    return hmac.new(key, message.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()


def _key_path() -> Path:
    """Returns where the key is kept: in the user's folder of settings."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return Path(base) / "neuroevo" / "signature.key"


def _key(is_made: bool = False) -> bytes | None:
    """Returns the key, which is made if there is none and it may be; None if there is none of this user's."""
    path = _key_path()
    with contextlib.suppress(OSError):
        if is_made and not os.path.lexists(path):
            _make_key(path)
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(file.fileno())
            is_ours = not hasattr(os, "geteuid") or (
                status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o077
            )
            if stat.S_ISREG(status.st_mode) and is_ours:
                key = file.read(KEY_BYTES + 1)
                return key if len(key) == KEY_BYTES else None
    return None


def _make_key(path: Path) -> None:
    """Writes a new key, which only this user can read; where another process was faster, its key stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)  # of mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        os.unlink(temporary)
