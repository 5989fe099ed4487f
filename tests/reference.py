"""Plain, slow references that the fast code is compared with, and small wirings to compare on."""

from __future__ import annotations

import numpy as np

from neuroevo.connectome.model import Edges
from neuroevo.network.blueprint import Blueprint
from neuroevo.wiring.architecture import Architecture


def random_architecture(
    seed: int, num_neurons: int = 12, num_muscles: int = 5, dale: bool = True
) -> Architecture:
    """A random wiring with chemical, electrical and neuromuscular synapses, some in the same place."""
    rng = np.random.default_rng(seed)
    n = num_neurons + num_muscles
    muscle = np.arange(n) >= num_neurons
    allowed = rng.random((n, n)) < 0.3
    np.fill_diagonal(allowed, False)
    allowed[muscle] = False
    pre, post = np.nonzero(allowed)
    gap_pre, gap_post = np.nonzero(np.triu(rng.random((n, n)) < 0.15, 1))

    def edges(a: np.ndarray, b: np.ndarray) -> Edges:
        weight = rng.integers(1, 30, len(a)).astype(np.float32)
        return Edges(a.astype(np.int32), b.astype(np.int32), weight)

    return Architecture(
        cells=tuple(f"c{i}" for i in range(n)),
        is_muscle=muscle,
        sign=rng.choice(np.array([-1, 1], np.int8), n),
        synapses=edges(pre, post),
        gap_junctions=edges(gap_pre, gap_post),
        inputs=np.sort(rng.choice(num_neurons, 4, replace=False)).astype(np.int32),
        outputs=np.flatnonzero(muscle).astype(np.int32),
        dale=dale,
    )


def run_plainly(blueprint: Blueprint, parameters: np.ndarray, observations: np.ndarray) -> np.ndarray:
    """Runs one genome on one episode with loops over synapses, in double precision.

    Args:
        blueprint: The network.
        parameters: [L].
        observations: [T, S].

    Returns:
        Outputs [T, A].
    """
    a, gains, layout = blueprint.architecture, blueprint.gains, blueprint.layout
    n, s_count, a_count = a.num_cells, blueprint.num_sensors, blueprint.num_actuators
    cuts = np.cumsum(layout.sizes)[:-1]
    syn, gap, bias, _, _, w_in, decoder = np.split(parameters.astype(float), cuts)
    w_out, b_out = decoder[:-a_count], decoder[-a_count:]
    if a.core == "frozen":
        syn, gap, bias = np.zeros(len(a.synapses)), np.zeros(len(a.gap_junctions)), np.zeros(n)
    received = np.zeros(n)
    for post, weight in zip(a.synapses.post, a.synapses.weight, strict=True):
        received[post] += weight
    coupled = np.zeros(n)
    pairs = list(zip(a.gap_junctions.pre, a.gap_junctions.post, a.gap_junctions.weight, strict=True))
    for i, j, weight in pairs:
        coupled[i] += weight
        coupled[j] += weight
    state, outputs = np.zeros(n), []
    for observation in observations:
        current = bias.copy()
        for e, (pre, post, weight) in enumerate(
            zip(a.synapses.pre, a.synapses.post, a.synapses.weight, strict=True)
        ):
            base = (gains.neuromuscular if a.is_muscle[post] else gains.core) * weight / received[post]
            sign = float(a.sign[pre])
            current[post] += base * (sign * np.exp(syn[e]) if a.dale else sign + syn[e]) * state[pre]
        for g, (i, j, weight) in enumerate(pairs):
            conductance = gains.core * weight / max(coupled[i], coupled[j]) * np.exp(gap[g])
            current[i] += conductance * (state[j] - state[i])
            current[j] += conductance * (state[i] - state[j])
        drive = w_in.reshape(-1, s_count) @ observation * gains.input / np.sqrt(s_count)
        current[a.inputs] += drive
        state = state + 0.5 * (np.tanh(current) - state)
        read = w_out.reshape(a_count, -1) * gains.output / np.sqrt(len(a.outputs))
        outputs.append(read @ state[a.outputs] + b_out)
    return np.array(outputs)
