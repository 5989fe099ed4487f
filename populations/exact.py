"""The measured wiring itself, and two nulls on the same wiring: its weights or its signs dealt anew."""

from __future__ import annotations

from dataclasses import replace

from neuroevo.connectome.model import Connectome
from neuroevo.plugins import priors
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.null_models import Keep
from populations.mutations import KeepByKind, by_shuffles
from populations.swapped import SwapOptions, same_for_all_kinds, swap_null

IN_PLACE = SwapOptions(chemical="keep", gap="keep", neuromuscular="keep")


@priors.register("connectome")
def connectome(connectome: Connectome, *, seed: int, dale: bool = True) -> Architecture:
    """The exact wiring: every synapse, gap junction, sign and section count as measured.

    Keeps exactly: everything. Destroys: nothing. One graph, whatever the seed.

    Args:
        connectome: Source wiring.
        seed: Not used: there is one such wiring.
        dale: True keeps each synapse's sign; False lets evolution change it.

    Returns:
        The connectome as an architecture.
    """
    return Architecture.of(connectome, dale=dale)


@swap_null(
    "weights-shuffled",
    options=replace(IN_PLACE, weights="shuffle"),
    fixed=("weights",),
    mutate=by_shuffles,
)
def weights_shuffled(connectome: Connectome) -> KeepByKind:
    """The same wiring with section counts dealt anew.

    Section counts are permuted among the synapses of one kind (onto neurons or onto muscles) and one
    presynaptic sign, and among gap junctions between neurons, between muscles and between both.

    Keeps exactly: who connects to whom; signs; ports; the section counts of each of these sets.
    Destroys: which connections are strong, and so each cell's total of sections.

    Args:
        connectome: Source wiring.
        rewired: Share of the connections, in [0, 1], whose section counts are permuted.

    Returns:
        What swaps keep of each kind of edge.
    """
    return same_for_all_kinds(Keep())


@swap_null("signs-shuffled", options=replace(IN_PLACE, signs="shuffle"), fixed=("signs",), mutate=by_shuffles)
def signs_shuffled(connectome: Connectome) -> KeepByKind:
    """The same wiring with the signs of its neurons permuted.

    Keeps exactly: who connects to whom; section counts; the numbers of excitatory and of inhibitory
    neurons; Dale's principle, one sign a cell; ports. Approximately: the share of synapses that excite.
    Destroys: which cells inhibit.

    Args:
        connectome: Source wiring.
        rewired: Share of the neurons, in [0, 1], whose signs are permuted among themselves.
        weights: `shuffle` permutes section counts too, as `weights-shuffled` does.
        dale: True keeps each synapse's new sign; False lets evolution change it.

    Returns:
        What swaps keep of each kind of edge.
    """
    return same_for_all_kinds(Keep())
