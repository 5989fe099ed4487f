"""Feed-forward networks of two hidden layers: what an engineer would have built without a connectome."""

from __future__ import annotations

import numpy as np

from neuroevo.connectome.model import Connectome, Edges
from neuroevo.plugins import priors
from neuroevo.seeds import generator
from neuroevo.wiring.architecture import Architecture
from populations.mutations import by_swaps, degrees
from populations.unstructured import num_core_parameters


@priors.register("mlp")
def mlp(connectome: Connectome, *, seed: int, dale: bool = False) -> Architecture:
    """Multi-layer perceptron: two hidden layers, fully joined, with as many cells as the connectome.

    The first layer takes all input, the second gives all output; the second stands where the muscles do, so
    that its gain is set as theirs is. Cells are those of the neuron model, so that signals take a few steps.

    Keeps exactly: the number of cells. Destroys: all wiring, recurrence, signs, ports, gap junctions, and the
    number of synapses.

    Args:
        connectome: Source of the size.
        seed: Draws strengths and signs; equal seeds give equal architectures.
        dale: False lets evolution change a synapse's sign, as usual for this kind of network.

    Returns:
        A sample of this prior.
    """
    half = max(1, connectome.num_cells // 2)
    return _layers(half, max(1, connectome.num_cells - half), generator(seed, "mlp"), dale)


@priors.register("mlp-matched")
def mlp_matched(connectome: Connectome, *, seed: int, dale: bool = False) -> Architecture:
    """Multi-layer perceptron of two equal hidden layers with as many parameters as the connectome's wiring.

    Keeps exactly: nothing. Approximately: the number of core parameters, to within one cell a layer.
    Destroys: all else.

    Args:
        connectome: Source of the size.
        seed: Draws strengths and signs; equal seeds give equal architectures.
        dale: False lets evolution change a synapse's sign, as usual for this kind of network.

    Returns:
        A sample of this prior.
    """
    width = max(1, round(np.sqrt(num_core_parameters(connectome) + 1) - 1))  # w * w + 2 w parameters
    return _layers(width, width, generator(seed, "mlp"), dale)


@priors.register("sparse-mlp", mutate=by_swaps(degrees))
def sparse_mlp(connectome: Connectome, *, seed: int, dale: bool = True) -> Architecture:
    """Sparse multi-layer perceptron: density and share of excitatory cells are drawn, a new pair a sample.

    The baseline of Schmidgall, Schuman & Parsa (2022): two hidden layers, as many cells as the connectome,
    density and sign ratio both uniform in (0, 1). Every cell of the second layer keeps one synapse at least.

    Keeps exactly: the number of cells. Destroys: all else.

    Args:
        connectome: Source of the size.
        seed: Draws density, signs, places and strengths; equal seeds give equal architectures.
        dale: True keeps each synapse's sign; False lets evolution change it.

    Returns:
        A sample of this prior.

    References:
        Schmidgall, Schuman & Parsa (2022), https://doi.org/10.48550/arXiv.2209.14406
    """
    rng = generator(seed, "sparse-mlp")
    density, excitatory = rng.uniform(size=2)
    half = max(1, connectome.num_cells // 2)
    return _layers(half, max(1, connectome.num_cells - half), rng, dale, density, excitatory)


def _layers(
    first: int,
    second: int,
    rng: np.random.Generator,
    dale: bool,
    density: float = 1.0,
    excitatory: float = 0.5,
) -> Architecture:
    """Returns two layers of cells, of the sizes `first` and `second`, joined from the first to the second.

    `density` is the share of the possible synapses that exist, `excitatory` that of the cells of the first
    layer that excite at the start.
    """
    joined = rng.random((first, second)) < density
    bare = np.flatnonzero(~joined.any(0))
    joined[rng.integers(first, size=len(bare)), bare] = True
    pre, post = np.nonzero(joined)
    sign = np.ones(first + second, np.int8)
    sign[rng.permutation(first)[round(excitatory * first) :]] = -1
    none = np.zeros(0, np.int32)
    strength = rng.lognormal(size=len(pre)).astype(np.float32)
    return Architecture(
        cells=(*(f"H1-{i}" for i in range(first)), *(f"H2-{i}" for i in range(second))),
        is_muscle=np.arange(first + second) >= first,
        sign=sign,
        synapses=Edges(pre, first + post, strength),
        gap_junctions=Edges(none, none, none),
        inputs=np.arange(first, dtype=np.int32),
        outputs=np.arange(first, first + second, dtype=np.int32),
        dale=dale,
    )
