"""Gap junctions of null models: rewired within neurons, neuron-muscle pairs and muscles."""

from __future__ import annotations

import numpy as np

from neuroevo.architecture import join, take
from neuroevo.connectome import Connectome, Edges
from neuroevo.rewiring import rewire, rewire_pairs
from neuroevo.seeds import derive


def rewire_gaps(connectome: Connectome, gap: str, seed: int) -> Edges:
    """Returns the gap junctions of a null model.

    Args:
        connectome: Source wiring.
        gap: `rewire` keeps each cell's number of partners of its own and of the other kind (neuron or
            muscle), `keep` returns the connectome's own, `drop` none.
        seed: Equal seeds give equal wirings.
    """
    pairs = connectome.electrical
    if gap == "keep":
        return pairs
    if gap == "drop":
        return take(pairs, np.zeros(len(pairs), bool))
    pre, post = connectome.is_muscle[pairs.pre], connectome.is_muscle[pairs.post]
    mixed = take(pairs, pre != post)
    flip = connectome.is_muscle[mixed.pre]  # neuron first, so that a swap keeps the pair mixed
    mixed = Edges(np.where(flip, mixed.post, mixed.pre), np.where(flip, mixed.pre, mixed.post), mixed.weight)
    n = connectome.num_cells
    mixed = rewire(mixed, n, seed=derive(seed, "mixed"))
    return join(
        rewire_pairs(take(pairs, ~pre & ~post), n, seed=derive(seed, "neurons")),
        rewire_pairs(take(pairs, pre & post), n, seed=derive(seed, "muscles")),
        Edges(np.minimum(mixed.pre, mixed.post), np.maximum(mixed.pre, mixed.post), mixed.weight),
    )
