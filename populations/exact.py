"""The measured wiring itself, and two nulls on the same wiring: its weights or its signs dealt anew."""

from __future__ import annotations

from neuroevo.connectome.model import Connectome
from neuroevo.plugins import priors
from neuroevo.wiring.architecture import Architecture
from populations.mutations import by_shuffles
from populations.swapped import Gap, Ports, Shuffle, swapped


@priors.register("connectome")
def connectome(connectome: Connectome, *, seed: int, dale: bool = True) -> Architecture:
    """The exact wiring: every synapse, gap junction, sign and section count as measured.

    Keeps exactly: everything. Destroys: nothing. One graph, whatever the seed.

    Args:
        connectome: Source wiring.
        seed: Not used: there is one such wiring.
        dale: True keeps each synapse's sign; False lets evolution change it.
    """
    return Architecture.of(connectome, dale=dale)


@priors.register("weights-shuffled", mutate=by_shuffles)
def weights_shuffled(
    connectome: Connectome,
    *,
    seed: int,
    rewired: float = 1.0,
    signs: Shuffle = "keep",
    gap: Gap = "keep",
    ports: Ports = "keep",
    dale: bool = True,
) -> Architecture:
    """The same wiring with section counts dealt anew.

    Section counts are permuted among the synapses of one kind (onto neurons or onto muscles) and one
    presynaptic sign, and among gap junctions between neurons, between muscles and between both.

    Keeps exactly: who connects to whom; signs; ports; the section counts of each of these sets.
    Destroys: which connections are strong, and so each cell's total of sections.

    Args:
        connectome: Source wiring.
        seed: Equal seeds give equal wirings.
        rewired: Share of the connections, in [0, 1], whose section counts are permuted.
        signs: `shuffle` permutes the signs of neurons too.
        gap: Gap junctions: `keep` keeps them in place, `rewire` keeps each cell's number of them, `drop` has
            none.
        ports: `keep`: input and output cells are the connectome's.
        dale: True keeps each synapse's sign; False lets evolution change it.
    """
    return swapped(
        connectome,
        None,
        seed=seed,
        rewired=rewired,
        signs=signs,
        weights="shuffle",
        gap=gap,
        ports=ports,
        dale=dale,
    )


@priors.register("signs-shuffled", mutate=by_shuffles)
def signs_shuffled(
    connectome: Connectome,
    *,
    seed: int,
    rewired: float = 1.0,
    weights: Shuffle = "keep",
    gap: Gap = "keep",
    ports: Ports = "keep",
    dale: bool = True,
) -> Architecture:
    """The same wiring with the signs of its neurons permuted.

    Keeps exactly: who connects to whom; section counts; the numbers of excitatory and of inhibitory
    neurons; Dale's principle, one sign a cell; ports. Approximately: the share of synapses that excite.
    Destroys: which cells inhibit.

    Args:
        connectome: Source wiring.
        seed: Equal seeds give equal wirings.
        rewired: Share of the neurons, in [0, 1], whose signs are permuted among themselves.
        weights: `shuffle` permutes section counts too, as `weights-shuffled` does.
        gap: Gap junctions: `keep` keeps them in place, `rewire` keeps each cell's number of them, `drop` has
            none.
        ports: `keep`: input and output cells are the connectome's.
        dale: True keeps each synapse's new sign; False lets evolution change it.
    """
    return swapped(
        connectome,
        None,
        seed=seed,
        rewired=rewired,
        signs="shuffle",
        weights=weights,
        gap=gap,
        ports=ports,
        dale=dale,
    )
