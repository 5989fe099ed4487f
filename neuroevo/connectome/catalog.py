"""Connectomes by name or path: `load` finds the reader for each.

`celegans` is the whole animal, `celegans-motor` its locomotor circuit, `celegans-perimotor` the repeating
circuit of the ventral cord; `published` has others, which are fetched once. `readers` reads files.
"""

from __future__ import annotations

import os

from neuroevo.connectome import bundled, published
from neuroevo.connectome.model import Connectome
from neuroevo.errors import RegistryError, unknown


def load(source: str) -> Connectome:
    """Returns a bundled connectome by name, fetches another by name, or reads one from a file.

    Args:
        source: One of `bundled.names()` or `published.names()`, or a path, which holds a separator or a dot,
            or exists.

    Raises:
        RegistryError: If there is no connectome of that name, with the nearest.
        ConnectomeError: If the file does not exist or cannot be used.
        DataError: If the connectome has to be fetched and cannot be.
    """
    if source in bundled.SUMMARIES:
        return bundled.load(source)
    if source in published.names():
        return published.load(source)
    if os.sep in source or "/" in source or "." in source or os.path.exists(source):
        from neuroevo.connectome import readers  # `run.py list` needs none of them

        return readers.read(source)
    raise RegistryError(unknown("connectome", source, summaries()))


def summaries() -> dict[str, str]:
    """Returns a line about each connectome with a name: the bundled ones, then those fetched on first use."""
    return {**bundled.SUMMARIES, **published.summaries()}
