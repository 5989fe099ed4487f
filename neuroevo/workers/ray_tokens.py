"""Tokens of Ray: what its processes must show to be heard.

Ray that is started here has a token of its own, which stands in the environment of this process and of Ray's,
and nowhere else: no other user of the machine can send to it, and nothing is left behind in the home folder,
for which `ray start` would later want a token. A cluster that is joined is first asked whether it wants one.
What the environment says about tokens is left as it is.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neuroevo.errors import OptionError

MODE, TOKEN, PATH = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
_FILE = Path("~/.ray/auth_token")  # where Ray looks for a token otherwise

_ours: set[str] = set()  # variables that this module has set


def begin() -> None:
    """Gives Ray that is about to be started here a token of its own; what the environment says wins."""
    forget()
    if MODE in os.environ:
        return
    _set(MODE, "token")
    if TOKEN not in os.environ and PATH not in os.environ:
        _set(TOKEN, secrets.token_hex(32))
    _refresh()


def join(address: str) -> None:
    """Makes this process show the token of this user to a cluster that wants one.

    Args:
        address: HOST:PORT of the cluster, or `auto`.

    Raises:
        OptionError: If the cluster takes a token that is not here.
    """
    forget()
    _refresh()
    place = _resolved(address)
    if _is_heard(place):
        return
    wants = f"Ray's cluster at {address!r} takes a token"
    if MODE not in os.environ:
        if not any(name in os.environ for name in (TOKEN, PATH)) and not _FILE.expanduser().is_file():
            raise OptionError(
                f"{wants}, and none is here; set {TOKEN} to it, or copy {_FILE} from the machine of its head."
            )
        _set(MODE, "token")
        _refresh()
        if _is_heard(place):
            return
        forget()
    elif os.environ[MODE].lower() != "token":
        raise OptionError(f"{wants}, and {MODE} is {os.environ[MODE]!r} here; set it to token, or unset it.")
    source = next((name for name in (TOKEN, PATH) if name in os.environ), str(_FILE))
    raise OptionError(
        f"{wants}, and not that of {source} here; set {TOKEN} to its own, as {_FILE} has it on its head."
    )


def forget() -> None:
    """Takes back what was set for Ray that is no longer used."""
    for name in tuple(_ours):
        os.environ.pop(name, None)
    _ours.clear()


def _set(name: str, value: str) -> None:
    """Sets a variable of the environment until `forget`."""
    os.environ[name] = value
    _ours.add(name)


def _refresh() -> None:
    """Lets Ray read again what the environment says, of which it keeps a copy in this process."""
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


def _resolved(address: str) -> str:
    """Returns HOST:PORT of a cluster; of `auto`, that of the one that runs here."""
    if address != "auto":
        return address
    from ray._private import services

    return str(services.canonicalize_bootstrap_address(address))


def _is_heard(address: str) -> bool:
    """Says whether a cluster hears this process as it is."""
    import ray
    from ray._raylet import GcsClient  # type: ignore[attr-defined]

    try:
        with _silenced():
            GcsClient(address=address)
    except ray.exceptions.AuthenticationError:
        return False
    return True


@contextmanager
def _silenced() -> Iterator[None]:
    """Keeps what Ray's library writes to standard error to itself."""
    before = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nothing)
