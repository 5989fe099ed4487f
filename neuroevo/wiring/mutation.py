"""Mutation: a wiring changed a little, inside what its prior promises, and where each connection went.

A prior brings its mutation with `@priors.register(name, mutate=function)`; the function is
`(connectome, architecture, *, seed, **options) -> Mutant`, with all the prior's options.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Unpack

import numpy as np

from neuroevo.connectome.model import Edges, is_symmetric, once
from neuroevo.seeds import derive
from neuroevo.wiring.architecture import Architecture, ArchitectureChanges, take
from neuroevo.wiring.null_models import HOLD, Chain, Keep

SHARE = 0.02  # of the connections of each kind that a mutation moves, one swap at least


@dataclass(frozen=True, eq=False)
class Mutant:
    """A mutated wiring; its cells and ports are its parent's.

    Attributes:
        architecture: E synapses and J gap junctions.
        synapses: int [E], which of the parent's synapses each was; -1 for one that is new.
        gap_junctions: int [J], which of the parent's gap junctions each was; -1 for one that is new.
    """

    architecture: Architecture
    synapses: np.ndarray
    gap_junctions: np.ndarray

    @classmethod
    def same(cls, architecture: Architecture, **changes: Unpack[ArchitectureChanges]) -> Mutant:
        """Returns a mutant whose connections are where they were.

        Args:
            architecture: The parent; not modified.
            changes: Fields of the architecture that change, such as signs or weights.
        """
        changed = replace(architecture, **changes) if changes else architecture
        return cls(changed, np.arange(len(changed.synapses)), np.arange(len(changed.gap_junctions)))


def swap_few(
    architecture: Architecture, keep: Mapping[str, Keep], *, seed: int, undirected: bool = False
) -> Mutant:
    """Returns a wiring in which a few connections were swapped, as the prior's own chain does.

    Weights, and with them parameters, stay with their presynaptic cell, and those of a gap junction with the
    end that the chain holds on to. Where triads are kept the chain walks on until it meets their numbers
    again, where strengths are until they are as near as they were, and moves more; connections that it
    cannot move in this way stay.

    Args:
        architecture: Not modified.
        keep: What is kept of each kind of connection, "chemical", "neuromuscular" and "electrical"; a kind
            that is not named stays in place.
        seed: Equal seeds give equal mutants.
        undirected: Whether every synapse that has its reverse is to have one: if all do, the two move as one
            and keep their parameters, whichever ends they then have.
    """
    on_muscle = architecture.is_muscle[architecture.synapses.post]
    parts, places = [], []
    for kind, mask in (("chemical", ~on_muscle), ("neuromuscular", on_muscle)):
        edges, place = take(architecture.synapses, mask), np.flatnonzero(mask)
        if kind in keep:
            swap = _swap_both_ways if undirected and is_symmetric(edges) else _swap
            edges, origin = swap(edges, architecture.num_cells, keep[kind], derive(seed, kind))
            place = place[origin]
        parts.append(edges)
        places.append(place)
    pre, post, weight = (np.concatenate([getattr(e, x) for e in parts]) for x in ("pre", "post", "weight"))
    order = np.lexsort((post, pre))
    pairs, origin = architecture.gap_junctions, np.arange(len(architecture.gap_junctions))
    if "electrical" in keep:
        pairs, origin = _swap_pairs(
            pairs, architecture.num_cells, keep["electrical"], derive(seed, "electrical")
        )
    changed = replace(
        architecture, synapses=Edges(pre[order], post[order], weight[order]), gap_junctions=pairs
    )
    return Mutant(changed, np.concatenate(places)[order], origin)


def transpose(values: np.ndarray, group: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns values [n], a few of which changed places with others of their group (int [n]).

    A group is drawn in proportion to its size; values that are equal have nothing to exchange.

    Args:
        values: Not modified.
        group: The group of each value.
        rng: Source of the exchanges.
    """
    values = values.copy()
    for _ in range(max(1, round(SHARE * len(values) / 2))):
        first = int(rng.integers(len(values)))
        others = np.flatnonzero((group == group[first]) & (values != values[first]))
        if len(others):
            second = int(rng.choice(others))
            values[first], values[second] = values[second], values[first]
    return values


def _swap(edges: Edges, num_cells: int, keep: Keep, seed: int) -> tuple[Edges, np.ndarray]:
    """Returns edges after a few swaps, in the order of (pre, post), and which edge each was."""
    chain = _few(edges, num_cells, keep, seed)
    if chain is None:
        return edges, np.arange(len(edges))
    w = chain.wiring
    return _ordered(chain.cells[w.pre], chain.cells[w.post], edges.weight[w.owner], w.owner)


def _swap_pairs(pairs: Edges, num_cells: int, keep: Keep, seed: int) -> tuple[Edges, np.ndarray]:
    """Returns symmetric pairs after a few swaps; to the chain they are mutual edges, as in `rewire_pairs`."""
    ends = np.concatenate([pairs.pre, pairs.post]), np.concatenate([pairs.post, pairs.pre])
    both = Edges(*ends, np.concatenate([pairs.weight, pairs.weight]))
    chain = _few(both, num_cells, keep, seed)
    if chain is None:
        return pairs, np.arange(len(pairs))
    forth = slice(len(pairs))
    a, b = chain.cells[chain.wiring.pre[forth]], chain.cells[chain.wiring.post[forth]]
    origin = chain.order[forth] % len(pairs)
    return _ordered(np.minimum(a, b), np.maximum(a, b), pairs.weight[origin], origin)


def _swap_both_ways(edges: Edges, num_cells: int, keep: Keep, seed: int) -> tuple[Edges, np.ndarray]:
    """Returns the edges of an undirected wiring after a few swaps of pairs, and which edge each was."""
    forth = np.flatnonzero(edges.pre < edges.post)
    back = np.lexsort((edges.pre, edges.post))[forth]  # the reverse of each of these
    pairs, origin = _swap_pairs(once(edges), num_cells, replace(keep, mutual=True), seed)
    both = np.concatenate([forth[origin], back[origin]])
    ends = np.concatenate([pairs.pre, pairs.post]), np.concatenate([pairs.post, pairs.pre])
    return _ordered(*ends, edges.weight[both], both)


def _few(edges: Edges, num_cells: int, keep: Keep, seed: int) -> Chain | None:
    """Returns a chain that has gone a little way, or None if it cannot move or misses triads or strengths."""
    if len(edges) < 2:
        return None
    chain = Chain(edges, num_cells, keep, seed, HOLD)
    start = chain.strength_distance()
    chain.run_until(max(2, round(SHARE * len(edges))))
    missed = keep.triads and chain.triad_distance() != 0
    end = chain.strength_distance()
    if start is not None and end is not None and end > start:
        missed = True
    return None if missed else chain


def _ordered(
    pre: np.ndarray, post: np.ndarray, weight: np.ndarray, origin: np.ndarray
) -> tuple[Edges, np.ndarray]:
    """Returns edges in the order of (pre, post), and `origin` in that order."""
    order = np.lexsort((post, pre))
    return Edges(pre[order], post[order], weight[order]), origin[order]
