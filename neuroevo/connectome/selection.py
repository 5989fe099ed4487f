"""Part of a wiring: the cells with certain annotations, and the edges of a certain weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from neuroevo.connectome.model import KINDS, Connectome, Edges
from neuroevo.errors import ConnectomeError, unknown
from neuroevo.text import count


def selected(connectome: Connectome, select: Mapping[str, tuple[str, ...]]) -> Connectome:
    """Returns the circuit of the cells with one of the values in each column; its ports may be empty.

    Args:
        connectome: The wiring.
        select: Values by column: annotations, or name, role, class and transmitter.

    Raises:
        ConnectomeError: If there is no such column or value, or no cell or edge is left.
    """
    if not select:
        return connectome
    mask = np.ones(connectome.num_cells, bool)
    for column, values in select.items():
        texts = connectome.column(column)
        known = set(texts)
        for value in values:
            if value not in known:
                raise ConnectomeError(
                    unknown(f"value of {column} in {connectome.name!r}", value, sorted(known - {""})[:40])
                )
        mask &= np.array([text in values for text in texts], bool)
    said = ",".join(f"{column}={'+'.join(values)}" for column, values in select.items())
    if not mask.any():
        raise ConnectomeError(f"{connectome.name!r} has no cell with {said} (--select); wanted one at least.")
    part = connectome.circuit(connectome.name, np.flatnonzero(mask))
    if not any(len(getattr(part, kind)) for kind in KINDS):
        raise ConnectomeError(
            f"--select {said} leaves no edge of {connectome.name!r} ({count(part.num_cells, 'cell')} are "
            "left); wanted one at least."
        )
    lost = sum(len(getattr(connectome, kind)) - len(getattr(part, kind)) for kind in KINDS)
    cells = connectome.num_cells - part.num_cells
    return part.accounted({f"cells without {said}": cells, "edges of these cells": lost})


def heavy(connectome: Connectome, min_weight: float) -> Connectome:
    """Returns a wiring without its weak edges.

    Args:
        connectome: The wiring.
        min_weight: The least weight of an edge that stays.

    Raises:
        ConnectomeError: If none is left.
    """
    chemical, neuromuscular, electrical = (_heavy(getattr(connectome, kind), min_weight) for kind in KINDS)
    left = len(chemical) + len(neuromuscular) + len(electrical)
    lost = sum(len(getattr(connectome, kind)) for kind in KINDS) - left
    if not left:
        raise ConnectomeError(f"No edge of {connectome.name!r} weighs {min_weight:g} or more (--min-weight).")
    if not lost:
        return connectome
    part = replace(connectome, chemical=chemical, neuromuscular=neuromuscular, electrical=electrical)
    return part.accounted({f"edges of a weight below {min_weight:g}": lost})


def _heavy(edges: Edges, min_weight: float) -> Edges:
    """Returns the edges of enough weight."""
    stays = edges.weight >= min_weight
    return Edges(edges.pre[stays], edges.post[stays], edges.weight[stays])
