"""Gap junctions of null models: rewired within neurons, neuron-muscle pairs and muscles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neuroevo.connectome.model import Connectome, Edges
from neuroevo.wiring.architecture import take
from neuroevo.wiring.null_models import Keep, join_labels, rewire_pairs


def rewire_gap_junctions(connectome: Connectome, gap: str, seed: int, *, keep: Keep, rewired: float) -> Edges:
    """Returns the gap junctions of a null model.

    Args:
        connectome: Source wiring.
        gap: `rewire` keeps each cell's number of partners of its own and of the other kind (neuron or
            muscle), and what `keep` names; `keep` leaves them in place; `drop` has none.
        seed: Equal seeds give equal wirings.
        keep: Labels and lengths that are kept too where pairs are rewired.
        rewired: Dose in [0, 1].

    Returns:
        Pairs of cells, each once.
    """
    pairs = connectome.electrical
    if gap == "drop":
        return take(pairs, np.zeros(len(pairs), bool))
    if gap == "keep":
        return pairs
    rule = keep_of_pairs(connectome.is_muscle, keep)
    return rewire_pairs(pairs, connectome.num_cells, seed=seed, keep=rule, rewired=rewired).edges


def keep_of_pairs(is_muscle: np.ndarray, keep: Keep) -> Keep:
    """Returns what is kept of gap junctions: each cell's number of partners of each kind, and `keep`.

    Args:
        is_muscle: bool [N], the kind of each cell, neuron or muscle.
        keep: Labels and lengths that are kept too.
    """
    kind = is_muscle.astype(int)
    labels = kind if keep.labels is None else join_labels(kind, keep.labels)
    return replace(keep, labels=labels, mutual=True, triads=False)
