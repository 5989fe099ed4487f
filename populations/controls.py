"""Controls: what could explain a result without the wiring. None of them has a core that evolves."""

from __future__ import annotations

import numpy as np

from neuroevo.connectome.model import Connectome, Edges
from neuroevo.plugins import priors
from neuroevo.wiring.architecture import Architecture


@priors.register("adapter-only")
def adapter_only(connectome: Connectome, *, seed: int) -> Architecture:
    """No wiring: sensors reach actuators through the input cells alone, each a cell without synapses.

    What the two maps can do by themselves, with as many input weights as every other prior of the connectome.
    The cells keep the neuron model's squashing, so this control is a perceptron of one hidden layer.

    Keeps exactly: the input cells and their map from the sensors. Destroys: all synapses, gap junctions and
    other cells; output is read from the input cells, so the map to the actuators has their number of columns.

    Args:
        connectome: Source of the input cells.
        seed: Not used: there is one such architecture.

    Returns:
        An architecture without connections.
    """
    none = np.zeros(0, np.int32)
    count = len(connectome.inputs)
    return Architecture(
        cells=tuple(connectome.cells[i] for i in connectome.inputs),
        is_muscle=np.zeros(count, bool),
        sign=connectome.sign[connectome.inputs],
        synapses=Edges(none, none, none),
        gap_junctions=Edges(none, none, none),
        inputs=np.arange(count, dtype=np.int32),
        outputs=np.arange(count, dtype=np.int32),
        core="frozen",
    )


@priors.register("frozen")
def frozen(connectome: Connectome, *, seed: int) -> Architecture:
    """The exact wiring at its measured strengths: only the maps from sensors and to actuators evolve.

    Tells what the wiring gives as a fixed reservoir. Keeps exactly: everything, for ever. Destroys: the
    evolution of synapses, gap junctions and biases.

    Args:
        connectome: Source wiring.
        seed: Not used: there is one such architecture.

    Returns:
        The connectome as an architecture whose core does not evolve.
    """
    return Architecture.of(connectome, core="frozen")


@priors.register("clock")
def clock(connectome: Connectome, *, seed: int) -> Architecture:
    """A travelling sine that senses nothing: amplitude, frequency and phase lag evolve. For bodies.

    Actuator j gets `a sin(2 pi f t - j phi)`: the three numbers with which a body may do nearly all that a
    circuit does. Keeps exactly: nothing. Destroys: sensing, cells, wiring and adapters.

    Args:
        connectome: Not used.
        seed: Not used: there is one such architecture.

    Returns:
        An architecture of one cell, the clock.
    """
    none = np.zeros(0, np.int32)
    port = np.zeros(1, np.int32)
    return Architecture(
        cells=("clock",),
        is_muscle=np.zeros(1, bool),
        sign=np.ones(1, np.int8),
        synapses=Edges(none, none, none),
        gap_junctions=Edges(none, none, none),
        inputs=port,
        outputs=port,
        core="clock",
    )
