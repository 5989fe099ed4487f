"""A circuit that was planted to be the right answer: a positive control for the whole pipeline.

Six channels run in parallel, each from an input cell through two layers of three cells to an output cell:
48 cells and 90 synapses, all excitatory and equally strong. On the task `lines`, which asks for what each
channel carries some steps later, this wiring is right and each of its null models is wrong, so that whoever
asks whether a comparison of wirings can find what is there compares these first.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from neuroevo.connectome.model import Connectome, edges_by_kind

CHANNELS = 6
WIDTH = 3  # cells of each of the two layers of a channel
LAYERS = ("in", "early", "late", "out")
ROLES = {"in": "sensory", "early": "interneuron", "late": "interneuron", "out": "motor"}


def planted() -> Connectome:
    """Returns the planted circuit."""
    rows = [
        (layer, channel, k) for channel in range(CHANNELS) for layer in LAYERS for k in range(_size(layer))
    ]
    names = tuple(_name(*row) for row in rows)
    edges = [
        (_name(source, channel, i), _name(target, channel, j), "chemical", 1.0)
        for channel in range(CHANNELS)
        for source, target in pairwise(LAYERS)
        for i in range(_size(source))
        for j in range(_size(target))
    ]
    return Connectome(
        name="planted",
        cells=names,
        role=tuple(ROLES[layer] for layer, _, _ in rows),
        cell_class=tuple(layer for layer, _, _ in rows),
        transmitter=("acetylcholine",) * len(rows),
        sign=np.ones(len(rows), np.int8),
        position=np.array([[LAYERS.index(layer), channel, k] for layer, channel, k in rows], float),
        **edges_by_kind(names, edges),
        inputs=np.array([]),
        outputs=np.array([]),
    ).with_ports("sensory", "motor")


def _size(layer: str) -> int:
    """Returns how many cells of a layer a channel has."""
    return 1 if layer in ("in", "out") else WIDTH


def _name(layer: str, channel: int, k: int) -> str:
    """Returns the name of a cell, such as in1 or early12."""
    return f"{layer}{channel + 1}" + (str(k + 1) if _size(layer) > 1 else "")
