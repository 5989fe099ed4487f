"""Priors that a comparison has to bear: without synapses, of other cells, failing in several ways."""

from __future__ import annotations

import numpy as np

from neuroevo.connectome.model import Connectome, Edges
from neuroevo.errors import ConnectomeError
from neuroevo.plugins import PluginCall, priors
from neuroevo.wiring.architecture import Architecture
from tests.small import REGISTERED

assert REGISTERED  # the priors are
NO_EDGES = Edges(np.zeros(0), np.zeros(0), np.zeros(0))


def without_core(connectome: Connectome, *, seed: int) -> Architecture:
    """The cells of the connectome and no connections.

    Args:
        connectome: Source of the cells.
        seed: Not used: there is one such wiring.

    Returns:
        An architecture with a note.
    """
    return Architecture.of(connectome, synapses=NO_EDGES, gap_junctions=NO_EDGES, notes=("It has no core.",))


def other_cells(connectome: Connectome, *, seed: int) -> Architecture:
    """A random wiring of cells of its own.

    Args:
        connectome: Not used.
        seed: Sets the number of cells too.

    Returns:
        An architecture of four to eight cells, with two notes.
    """
    rng = np.random.default_rng(seed)
    size = int(rng.integers(4, 9))
    pre, post = np.nonzero(np.triu(rng.random((size, size)) < 0.7, 1))
    ports = np.arange(2)
    cells = tuple(f"hidden{i}" for i in range(size))
    notes = ("It has cells of its own.", "Their number is drawn.")
    return Architecture(
        cells,
        np.zeros(size, bool),
        np.ones(size, np.int8),
        Edges(pre, post, np.ones(len(pre))),
        NO_EDGES,
        ports,
        ports,
        notes=notes,
    )


def without_cells(connectome: Connectome, *, seed: int) -> Architecture:
    none = np.zeros(0, np.int32)
    return Architecture((), np.zeros(0, bool), np.zeros(0, np.int8), NO_EDGES, NO_EDGES, none, none)


def broken(connectome: Connectome, *, seed: int) -> Architecture:
    raise ZeroDivisionError("no cells to divide by")


def unwilling(connectome: Connectome, *, seed: int) -> Architecture:
    raise ConnectomeError("The wiring is too small; bring a larger one.")


def forgetful(connectome: Connectome, *, seed: int) -> None:
    pass


HERE = __name__
ODD = [f"without={HERE}:without_core", f"other={HERE}:other_cells", f"empty={HERE}:without_cells"]


def entrants(*specs: str) -> list[PluginCall]:
    return priors.calls(specs)
