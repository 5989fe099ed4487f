"""Priors and tasks of which it is known beforehand who must win, or that nobody can."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from neuroevo.connectome.model import Connectome, Edges
from neuroevo.network.phenotype import Phenotype
from neuroevo.seeds import generator
from neuroevo.wiring.architecture import Architecture, join
from tests.toy import Echo

LENGTH = 12  # cells of a chain; longer than an episode of Echo has steps, so that no signal arrives in time
TRICKLE = 1e-6  # strength of a short cut, so that currents are not zero and gains can be set


def late(connectome: Connectome, *, seed: int) -> Architecture:
    """A chain of cells: what is sensed arrives when it is over.

    Keeps exactly: nothing. Destroys: all.

    Args:
        connectome: Not used.
        seed: Not used: there is one such wiring.
    """
    cells = np.arange(LENGTH)
    none = np.zeros(0, np.int32)
    return Architecture(
        cells=tuple(f"link{i}" for i in cells),
        is_muscle=np.zeros(LENGTH, bool),
        sign=np.ones(LENGTH, np.int8),
        synapses=join(
            Edges(cells[:-1], cells[1:], np.ones(LENGTH - 1)),
            Edges(cells[:1], cells[-1:], np.array([TRICKLE])),
        ),
        gap_junctions=Edges(none, none, none),
        inputs=cells[:1],
        outputs=cells[-1:],
    )


class Dice(Echo):
    """A task of luck alone: no network is better than another."""

    unit = "pips"

    def evaluate(self, phenotype: Phenotype, *, seeds: Sequence[int]) -> torch.Tensor:
        rng = generator(seeds[0], "dice", phenotype.num_genomes)
        return torch.from_numpy(rng.random((phenotype.num_genomes, self.episodes)))
