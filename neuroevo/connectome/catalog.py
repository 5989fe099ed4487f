"""Connectomes by name or path: `load` finds the reader for each.

`celegans` is the whole animal, `celegans-motor` its locomotor circuit, `celegans-perimotor` the repeating
circuit of the ventral cord, `larva` the brain of a fly larva. `published` has wirings that are fetched on
first use, `datasets` whole flies that `run.py fetch` brings. `readers` reads files.
"""

from __future__ import annotations

import os

from neuroevo.connectome import bundled, datasets, flyconn_store, published, signs
from neuroevo.connectome.model import Connectome
from neuroevo.connectome.reading import Reading
from neuroevo.errors import OptionError, RegistryError, unknown

USUAL = Reading()


def load(source: str, reading: Reading = USUAL) -> Connectome:
    """Returns a bundled connectome by name, fetches another by name, or reads one from a file.

    Args:
        source: A name of `bundled`, `published` or `datasets`, `flyconn:NAME`, or a path, which holds a
            separator or a dot, or exists.
        reading: What becomes of its columns, edges and cells. A rule for signs is checked, and applied by
            `signs.with_signs`.

    Raises:
        RegistryError: If there is no connectome of that name, with the nearest.
        OptionError: If the reading asks of a wiring by name what only a file can answer.
        ConnectomeError: If the file does not exist or cannot be used, or nothing is left of the wiring.
        DataError: If the connectome has to be fetched and cannot be.
    """
    is_named = source in summaries()
    if source.startswith(flyconn_store.PREFIX):
        return flyconn_store.load(source, reading)
    if is_named and reading.of_file:
        raise OptionError(
            f"Option {reading.of_file[0]!r} was given with {source!r}, which is no file; give it with a file."
        )
    if source in bundled.SUMMARIES:
        wiring = bundled.load(source)
    elif source in published.names():
        wiring = published.load(source)
    elif source in datasets.DATASETS:
        return datasets.load(source, reading)
    elif os.sep in source or "/" in source or "." in source or os.path.exists(source):
        from neuroevo.connectome import readers  # `run.py list` needs none of them

        return readers.read(source, reading)
    else:
        raise RegistryError(unknown("connectome", source, summaries()))
    if reading == USUAL:
        return wiring
    from neuroevo.connectome import selection

    return selection.selected(selection.heavy(wiring, reading.min_weight), reading.select)


def prepared(
    source: str,
    reading: Reading = USUAL,
    inputs: str | None = None,
    outputs: str | None = None,
    seed: int = 0,
) -> Connectome:
    """Returns a connectome as it is asked for: read, with its signs by a rule, and with its ports.

    Args:
        source: As in `load`.
        reading: What becomes of its columns, edges and cells, and the rule for signs.
        inputs: Selector of the cells that take input; None keeps the connectome's own.
        outputs: Selector of the cells that give output; None keeps the connectome's own.
        seed: What signs are drawn with, where the rule draws them.

    Raises:
        NeuroevoError: If it cannot be loaded, or what is asked of it does not fit.
    """
    signs.require(reading.signs)
    wiring = signs.with_signs(load(source, reading), reading.signs, seed)
    return wiring.with_ports(inputs, outputs)


def summaries() -> dict[str, str]:
    """Returns a line about each connectome with a name: bundled, fetched on first use or on demand."""
    return {**bundled.SUMMARIES, **published.summaries(), **datasets.summaries()}
