"""Null models that keep where edges go: how long they are, or between which groups of cells they run."""

from __future__ import annotations

import numpy as np

from neuroevo.connectome.model import Connectome
from neuroevo.plugins import priors
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.null_models import Keep
from populations.mutations import by_swaps
from populations.swapped import Gap, Ports, Shuffle, keep_all, lengths_kept, swapped


def _by(cells: tuple[str, ...]) -> dict[str, Keep]:
    """Returns degrees to keep towards and from the cells of each name, such as a role."""
    return keep_all(Keep(labels=np.unique(cells, return_inverse=True)[1]))


@priors.register("lengths", mutate=by_swaps(lambda worm, **_: lengths_kept(worm)))
def lengths(
    connectome: Connectome,
    *,
    seed: int,
    rewired: float = 1.0,
    signs: Shuffle = "keep",
    weights: Shuffle = "keep",
    gap: Gap = "rewire",
    ports: Ports = "keep",
    dale: bool = True,
) -> Architecture:
    """Random wiring with every cell's degrees and the connectome's distribution of wiring lengths.

    Lengths are straight lines between cell bodies, sorted into 14 bins that hold as many synapses each, for
    each kind of edge. A cell without a position, as every muscle of the bundled worm, has edges of unknown
    length: these keep degrees alone, and stay as many as they are.

    Keeps exactly: each cell's number of chemical synapses in, out and reciprocated, of neuromuscular and of
    gap junctions; the number of edges in each bin of length; its sign; the section counts of its outgoing
    synapses; ports. Approximately: total wiring length (whole worm: within 2 %).
    Destroys: who connects to whom among cells as far apart, triads, modules beyond what distance makes.

    Args:
        connectome: Source wiring.
        seed: Equal seeds give equal wirings.
        rewired: Dose in [0, 1]: this share of the edges that a full sample replaces is replaced; 0 is the
            connectome.
        signs: `shuffle` permutes the signs of a share `rewired` of the neurons.
        weights: `keep` leaves section counts with their presynaptic cell; `shuffle` permutes a share
            `rewired` of them among edges of one kind and one presynaptic sign.
        gap: Gap junctions: `rewire` keeps each cell's number of them and their lengths, `keep` keeps
            them, `drop` has none.
        ports: `keep`: input and output cells are the connectome's.
        dale: True keeps each synapse's sign; False lets evolution change it.

    Raises:
        ConnectomeError: If fewer than two neurons have a position.
    """
    return swapped(
        connectome,
        lengths_kept(connectome),
        seed=seed,
        rewired=rewired,
        signs=signs,
        weights=weights,
        gap=gap,
        ports=ports,
        dale=dale,
    )


@priors.register("boundary", mutate=by_swaps(lambda worm, **_: _by(worm.role)))
def boundary(
    connectome: Connectome,
    *,
    seed: int,
    rewired: float = 1.0,
    signs: Shuffle = "keep",
    weights: Shuffle = "keep",
    gap: Gap = "rewire",
    ports: Ports = "keep",
    dale: bool = True,
) -> Architecture:
    """Random wiring with every cell's degrees within and between sensory, inter-, motor neurons and muscles.

    No path from sensing to acting is opened that the connectome lacks: each cell keeps its number of
    partners of each role. A wiring whose neurons all have one role, as an edge table's, loses as much as
    under `degree-mutual`.

    Keeps exactly: each cell's number of chemical synapses from, to and reciprocated with the cells of each
    role, of neuromuscular and of gap junctions; its sign; the section counts of its outgoing synapses;
    ports. Destroys: who connects to whom within a pair of roles, triads, modules, wiring length.

    Args:
        connectome: Source wiring.
        seed: Equal seeds give equal wirings.
        rewired: Dose in [0, 1]: this share of the edges that a full sample replaces is replaced; 0 is the
            connectome.
        signs: `shuffle` permutes the signs of a share `rewired` of the neurons.
        weights: `keep` leaves section counts with their presynaptic cell; `shuffle` permutes a share
            `rewired` of them among edges of one kind and one presynaptic sign.
        gap: Gap junctions: `rewire` keeps each cell's number of them towards each role, `keep` keeps
            them, `drop` has none.
        ports: `keep`: input and output cells are the connectome's.
        dale: True keeps each synapse's sign; False lets evolution change it.
    """
    return swapped(
        connectome,
        _by(connectome.role),
        seed=seed,
        rewired=rewired,
        signs=signs,
        weights=weights,
        gap=gap,
        ports=ports,
        dale=dale,
    )


@priors.register("classes", mutate=by_swaps(lambda worm, **_: _by(worm.cell_class)))
def classes(
    connectome: Connectome,
    *,
    seed: int,
    rewired: float = 1.0,
    signs: Shuffle = "keep",
    weights: Shuffle = "keep",
    gap: Gap = "rewire",
    ports: Ports = "keep",
    dale: bool = True,
) -> Architecture:
    """Random wiring with every cell's degrees within and between cell classes (DA, VB, AVA, ...).

    What is left of the connectome at the resolution of its cell types. Small classes leave a swap little
    choice: of the chemical synapses 84 % stay in the whole worm, 63 % in `celegans-motor` and 20 % in
    `celegans-perimotor` (means of five samples); a sample that keeps more than half says so in its notes.
    Where every cell is a class of its own, as in an edge table, nothing moves.

    Keeps exactly: each cell's number of chemical synapses from, to and reciprocated with the cells of each
    class, of neuromuscular and of gap junctions; its sign; the section counts of its outgoing synapses;
    ports. Destroys: which members of two classes connect.

    Args:
        connectome: Source wiring.
        seed: Equal seeds give equal wirings.
        rewired: Dose in [0, 1]: this share of the edges that a full sample replaces is replaced; 0 is the
            connectome.
        signs: `shuffle` permutes the signs of a share `rewired` of the neurons.
        weights: `keep` leaves section counts with their presynaptic cell; `shuffle` permutes a share
            `rewired` of them among edges of one kind and one presynaptic sign.
        gap: Gap junctions: `rewire` keeps each cell's number of them towards each class, `keep` keeps
            them, `drop` has none.
        ports: `keep`: input and output cells are the connectome's.
        dale: True keeps each synapse's sign; False lets evolution change it.
    """
    return swapped(
        connectome,
        _by(connectome.cell_class),
        seed=seed,
        rewired=rewired,
        signs=signs,
        weights=weights,
        gap=gap,
        ports=ports,
        dale=dale,
    )
