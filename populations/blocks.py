"""Null models that keep where edges go: how long they are, or between which groups of cells they run."""

from __future__ import annotations

import numpy as np

from neuroevo.connectome.model import Connectome
from neuroevo.wiring.null_models import Keep
from populations.mutations import KeepByKind
from populations.swapped import keep_lengths, same_for_all_kinds, swap_null


@swap_null("lengths")
def lengths(connectome: Connectome) -> KeepByKind:
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

    Returns:
        What swaps keep of each kind of edge.

    Raises:
        ConnectomeError: If fewer than two neurons have a position.
    """
    return keep_lengths(connectome)


@swap_null("boundary")
def boundary(connectome: Connectome) -> KeepByKind:
    """Random wiring with every cell's degrees within and between sensory, inter-, motor neurons and muscles.

    No path from sensing to acting is opened that the connectome lacks: each cell keeps its number of
    partners of each role. A wiring whose neurons all have one role, as an edge table's, loses as much as
    under `degree-mutual`.

    Keeps exactly: each cell's number of chemical synapses from, to and reciprocated with the cells of each
    role, of neuromuscular and of gap junctions; its sign; the section counts of its outgoing synapses;
    ports. Destroys: who connects to whom within a pair of roles, triads, modules, wiring length.

    Args:
        connectome: Source wiring.

    Returns:
        What swaps keep of each kind of edge.
    """
    return _keep_towards(connectome.role)


@swap_null("classes")
def classes(connectome: Connectome) -> KeepByKind:
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

    Returns:
        What swaps keep of each kind of edge.
    """
    return _keep_towards(connectome.cell_class)


def _keep_towards(groups: tuple[str, ...]) -> KeepByKind:
    """Returns the rule that keeps degrees towards and from the cells of each group, such as a role."""
    return same_for_all_kinds(Keep(labels=np.unique(groups, return_inverse=True)[1]))
