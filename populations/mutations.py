"""How wirings mutate in mixed populations: a few steps of the walk that makes the prior's own samples.

A dose below 1 is a distance from the connectome that steps would lengthen: such wirings stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neuroevo.connectome.model import Connectome, Edges, both_ways, is_symmetric, once
from neuroevo.seeds import generator
from neuroevo.wiring.architecture import Architecture, ArchitectureChanges
from neuroevo.wiring.mutation import Mutant, swap_few, transpose
from neuroevo.wiring.null_models import Keep
from populations.parts import keep_of_pairs

KeepByKind = dict[str, Keep]  # what swaps keep of each kind of connection, one of `model.KINDS`
Mutate = Callable[..., Mutant]


def by_swaps(keep: Callable[..., KeepByKind]) -> Mutate:
    """Returns the mutation of a prior that keeps, at the least, what its swaps keep.

    Args:
        keep: Function of the connectome and the prior's options that says what is kept of each kind of
            connection where it is rewired: of "chemical" and "neuromuscular" synapses, and of "electrical"
            ones unless they keep degrees alone. What the prior's options keep or drop stays as it is.
    """

    def mutate(connectome: Connectome, architecture: Architecture, *, seed: int, **options: object) -> Mutant:
        dose = options.get("rewired", 1.0)
        if isinstance(dose, int | float) and dose < 1:
            return Mutant.same(architecture)
        by_kind = keep(connectome, **options)
        stays = ("keep", "drop")
        rule = {k: by_kind[k] for k in ("chemical", "neuromuscular") if options.get(k) not in stays}
        if options.get("gap", "drop") not in stays:  # a prior without this option has no gap junctions
            pairs = by_kind.get("electrical", Keep())
            rule["electrical"] = keep_of_pairs(architecture.is_muscle, pairs)
        return swap_few(architecture, rule, seed=seed, undirected=connectome.is_undirected)

    return mutate


def degrees(connectome: Connectome, **_: object) -> KeepByKind:
    """Returns the rule that keeps every cell's in- and out-degree, by kind of synapse.

    This is more than a prior of random edges promises: what counts edges, cells, signs or blocks of them, and
    what bounds expected degrees, is as true of a wiring after such a swap as before.

    Args:
        connectome: Not used: the rule is the same for every wiring.
        _: The prior's options, not used either.
    """
    return {kind: Keep(mutual=False) for kind in ("chemical", "neuromuscular")}


def by_shuffles(
    connectome: Connectome, architecture: Architecture, *, seed: int, **options: object
) -> Mutant:
    """Returns a mutant of a wiring whose section counts or signs are dealt anew: a few change places.

    Synapses stay where they are and so do their parameters, which are relative to the section count.

    Args:
        connectome: Source wiring; its signs tell which section counts may change places.
        architecture: Not modified.
        seed: Equal seeds give equal mutants.
        options: The prior's options. `weights` and `signs` say what is shuffled; a prior that always
            shuffles one of them does not have that option.
    """
    dose = options.get("rewired", 1.0)
    if isinstance(dose, int | float) and dose < 1:
        return Mutant.same(architecture)
    changes: ArchitectureChanges = {}
    if options.get("weights", "shuffle") == "shuffle":
        rng, synapses = generator(seed, "weights"), architecture.synapses
        on_muscle, sign = architecture.is_muscle[synapses.post], connectome.sign
        if connectome.is_undirected and is_symmetric(synapses):
            both = once(synapses)
            changes["synapses"] = both_ways(_dealt(both, sign[both.pre].astype(int) + sign[both.post], rng))
        else:
            changes["synapses"] = _dealt(synapses, 2 * on_muscle + (sign[synapses.pre] > 0), rng)
        pairs = architecture.gap_junctions
        num_muscles = architecture.is_muscle[pairs.pre].astype(int) + architecture.is_muscle[pairs.post]
        changes["gap_junctions"] = _dealt(pairs, num_muscles, rng)
    if options.get("signs", "shuffle") == "shuffle":
        rng = generator(seed, "signs")
        changes["sign"] = architecture.sign.copy()
        neurons = np.flatnonzero(~architecture.is_muscle)
        changes["sign"][neurons] = transpose(architecture.sign[neurons], np.zeros(len(neurons), int), rng)
    return Mutant.same(architecture, **changes)


def _dealt(edges: Edges, group: np.ndarray, rng: np.random.Generator) -> Edges:
    """Returns edges a few of whose weights changed places within their group (int [E])."""
    weight = transpose(edges.weight, group, rng) if len(edges) else edges.weight
    return Edges(edges.pre, edges.post, weight)
