"""What all null models made by swaps share: options, the dose, shuffles, and the notes they leave."""

from __future__ import annotations

from typing import Literal

import numpy as np

from neuroevo.connectome.model import Connectome, Edges
from neuroevo.errors import ConnectomeError, require_range
from neuroevo.seeds import derive, generator
from neuroevo.wiring.architecture import Architecture, join
from neuroevo.wiring.null_models import MOVES, Keep, Rewired, length_bins, rewire
from populations.gaps import rewire_gap_junctions

Shuffle = Literal["keep", "shuffle"]
Gap = Literal["rewire", "keep", "drop"]
Ports = Literal["keep"]

ROOM = 0.5  # a null that keeps a greater share of a wiring's synapses says so


def swapped(
    connectome: Connectome,
    keep: dict[str, Keep] | None,
    *,
    seed: int,
    rewired: float,
    signs: Shuffle,
    weights: Shuffle,
    gap: Gap,
    ports: Ports,
    dale: bool,
) -> Architecture:
    """Returns a sample of a null model.

    Args:
        connectome: Source wiring.
        keep: What is kept of each kind of edge: "chemical", "neuromuscular" and "electrical"; None keeps all
            synapses in place.
        seed: Equal seeds give equal wirings.
        rewired: Dose in [0, 1], the share of the way from the connectome (0) to the null (1): of the edges
            that a full sample replaces, of the cells whose signs and of the edges whose section counts are
            shuffled. 0 leaves all as measured, but for `gap=drop`.
        signs: `shuffle` permutes the signs of neurons.
        weights: `shuffle` permutes section counts among edges of one kind and one presynaptic sign.
        gap: Gap junctions: `rewire` as `keep` says, `keep` in place, `drop` has none.
        ports: `keep`: input and output cells are the connectome's.
        dale: True keeps each synapse's sign; False lets evolution change it.

    Raises:
        OptionError: If the dose is out of range.
    """
    require_range("rewired", rewired, 0.0, 1.0)
    edges, notes = {"chemical": connectome.chemical, "neuromuscular": connectome.neuromuscular}, []
    for kind, source in edges.items():
        if keep is not None:
            found = rewire(
                source, connectome.num_cells, seed=derive(seed, kind), keep=keep[kind], rewired=rewired
            )
            edges[kind] = found.edges
            notes += notes_on(kind, found, rewired)
    how = keep["electrical"] if keep is not None else Keep()
    pairs = rewire_gap_junctions(connectome, gap, derive(seed, "gap"), keep=how, rewired=rewired)
    if weights == "shuffle":
        rng = generator(seed, "weights")
        edges = {k: shuffle_weights(e, connectome.sign[e.pre], rewired, rng) for k, e in edges.items()}
        pairs = shuffle_weights(pairs, _kinds(connectome, pairs), rewired, rng)
    return Architecture.of(
        connectome,
        sign=shuffle_signs(connectome, rewired, generator(seed, "signs"))
        if signs == "shuffle"
        else connectome.sign,
        synapses=join(edges["chemical"], edges["neuromuscular"]),
        gap_junctions=pairs,
        dale=dale,
        notes=tuple(notes),
    )


def keep_all(keep: Keep) -> dict[str, Keep]:
    """Returns the same to keep of each kind of edge."""
    return dict.fromkeys(("chemical", "neuromuscular", "electrical"), keep)


def lengths_kept(connectome: Connectome, labels: np.ndarray | None = None) -> dict[str, Keep]:
    """Returns lengths to keep of each kind of edge, and labels if there are any.

    Raises:
        ConnectomeError: If fewer than two neurons have a position.
    """
    known = ~np.isnan(connectome.position).any(1) & ~connectome.is_muscle
    if known.sum() < 2:
        raise ConnectomeError(
            f"{connectome.name!r} has positions of {known.sum()} of {connectome.num_neurons} neurons; wiring "
            "lengths need two or more. Choose a connectome with positions, or a prior that keeps no lengths."
        )
    return {
        kind: Keep(labels=labels, lengths=length_bins(connectome.position, getattr(connectome, kind)))
        for kind in keep_all(Keep())
    }


def shuffle_weights(edges: Edges, group: np.ndarray, share: float, rng: np.random.Generator) -> Edges:
    """Returns the edges with the weights of a share of them permuted within each group (int [E])."""
    weight = edges.weight.copy()
    for value in np.unique(group):
        chosen = _some(np.flatnonzero(group == value), share, rng)
        weight[chosen] = weight[rng.permutation(chosen)]
    return Edges(edges.pre, edges.post, weight)


def shuffle_signs(connectome: Connectome, share: float, rng: np.random.Generator) -> np.ndarray:
    """Returns the cells' signs, int8 [N], with those of a share of the neurons permuted."""
    sign = connectome.sign.copy()
    chosen = _some(np.flatnonzero(~connectome.is_muscle), share, rng)
    sign[chosen] = sign[rng.permutation(chosen)]
    return sign


def notes_on(kind: str, found: Rewired, rewired: float) -> list[str]:
    """Returns sentences on what a sample could not do, and how little room its source left it."""
    notes = []
    stuck = found.moves == 0 and len(found.edges) > 0 and rewired > 0
    if rewired == 1 and (stuck or found.kept > ROOM):
        notes.append(
            f"keeps {found.kept:.0%} of the {kind} synapses: this wiring leaves the null "
            f"{'no' if found.kept == 1 else 'little'} room."
        )
    if rewired == 1 and 0 < found.moves < 0.5 * MOVES:
        notes.append(
            f"the chain of {kind} synapses made {found.moves:.1f} moves a synapse in "
            f"{found.proposals:,} proposals; {MOVES} were wanted, so that samples resemble the source more "
            "than they need to."
        )
    if found.triad_distance:
        notes.append(
            f"triads matched to within {found.triad_distance:.2g} (sum over 13 classes of "
            f"|c - t| / (c + t)) after {found.proposals:,} proposals, not exactly."
        )
    if abs(found.wanted + found.kept - 1) > max(0.05, 4 / max(len(found.edges), 1)):
        notes.append(
            f"rewired={rewired:g} asks to replace {found.wanted:.0%} of the {kind} synapses; the "
            f"chain replaced {1 - found.kept:.0%}."
        )
    return notes


def _some(items: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Returns a share of the items; for one generator a smaller share is a part of a greater one."""
    return rng.permutation(items)[: round(share * len(items))]


def _kinds(connectome: Connectome, pairs: Edges) -> np.ndarray:
    """Returns the number of muscles in each gap junction, int [E]."""
    return connectome.is_muscle[pairs.pre].astype(int) + connectome.is_muscle[pairs.post]
