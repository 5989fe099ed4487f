"""A whole network of any neuron model as a plain loop over cells and synapses, in double precision."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from neuroevo.network.blueprint import Blueprint

Cell = dict[str, float]


def _leaky(x: Cell, i: float, e: float, h: float, k: Cell) -> None:
    x["activity"] += k["leak"] * (math.tanh(i) - x["activity"])


def _relu(x: Cell, i: float, e: float, h: float, k: Cell) -> None:
    x["activity"] = k["slope"] * max(0.0, i)


def _graded(x: Cell, i: float, e: float, h: float, k: Cell) -> None:
    total = k["leak"] + e + h + x["coupling"]
    target = (i + x["coupling"] * x["potential"] + e * k["excitatory"] + h * k["inhibitory"]) / total
    x["potential"] += (target - x["potential"]) * (1 - math.exp(-k["rate"] * total))
    x["release"] = 1 / (1 + math.exp(-k["slope"] * (x["potential"] - k["threshold"])))


def _alif(x: Cell, i: float, e: float, h: float, k: Cell) -> None:
    v = k["decay"] * x["potential"] + i
    spikes = v > k["threshold"] + x["raised"]
    x["potential"], x["spike"] = (0.0, 1.0) if spikes else (v, 0.0)
    x["raised"] = k["threshold_decay"] * x["raised"] + k["adaptation"] * x["spike"]
    x["rate"] += (1 - k["trace"]) * (x["spike"] - x["rate"])


def _izhikevich(x: Cell, i: float, e: float, h: float, k: Cell) -> None:
    v, u = x["potential"], x["recovery"]
    for _ in range(2):
        v += 0.5 * k["step"] * (0.04 * v * v + 5 * v + 140 - u + k["current"] * i)
    u += k["step"] * k["a"] * (k["b"] * v - u)
    x["spike"] = float(v >= 30)
    x["potential"], x["recovery"] = (k["c"], u + k["d"]) if v >= 30 else (v, u)
    x["rate"] += (1 - k["trace"]) * (x["spike"] - x["rate"])


STEPS: dict[str, Callable[[Cell, float, float, float, Cell], None]] = {
    "leaky": _leaky,
    "relu": _relu,
    "graded": _graded,
    "alif": _alif,
    "izhikevich": _izhikevich,
}


def _start(name: str, k: Cell) -> Cell:
    """Returns a cell at rest."""
    if name == "graded":
        return {"potential": 0.0, "release": 1 / (1 + math.exp(k["slope"] * k["threshold"]))}
    if name == "izhikevich":
        return {"spike": 0.0, "potential": -65.0, "recovery": -65.0 * k["b"], "rate": 0.0}
    return dict.fromkeys(("activity", "spike", "potential", "raised", "rate"), 0.0)


ROLES = {  # transmitted, coupled by gap junctions (and times what), read
    "leaky": ("activity", "activity", 1.0, "activity"),
    "relu": ("activity", "activity", 1.0, "activity"),
    "graded": ("release", "potential", 1.0, "potential"),
    "alif": ("spike", "potential", 0.05, "rate"),
    "izhikevich": ("spike", "potential", 0.01, "rate"),
}


def simulate(
    blueprint: Blueprint, parameters: np.ndarray, observations: np.ndarray, constants: list[Cell]
) -> np.ndarray:
    """Runs one genome with linear adapters and returns its outputs.

    Args:
        blueprint: The network.
        parameters: [L].
        observations: [T, S].
        constants: Of every cell, by name.

    Returns:
        [T, A].
    """
    a, gains, neuron, parts = (
        blueprint.architecture,
        blueprint.gains,
        blueprint.neuron,
        blueprint.layout.parts,
    )
    theta = {name: parameters[part].astype(float) for name, part in parts.items()}
    sent_by, coupled_by, gap_scale, read_by = ROLES[neuron.name]
    n, syn, gap = a.num_cells, a.synapses, a.gap_junctions
    received = np.bincount(syn.post, syn.weight, n)
    ends = np.bincount(gap.pre, gap.weight, n) + np.bincount(gap.post, gap.weight, n)
    cells = [_start(neuron.name, k) | {"coupling": 0.0} for k in constants]
    for g, (i, j, weight) in enumerate(zip(gap.pre, gap.post, gap.weight, strict=True)):
        conductance = gains.core * weight / max(ends[i], ends[j]) * np.exp(theta["gap_junctions"][g])
        for cell in (cells[i], cells[j]):
            cell["coupling"] += conductance
    history = [[x[sent_by] for x in cells] for _ in range(neuron.delay)]
    read = theta["decoder"][: -blueprint.num_actuators].reshape(blueprint.num_actuators, -1)
    outputs = []
    for observation in observations:
        drive = theta["encoder"].reshape(len(a.inputs), -1) @ observation
        for _ in range(neuron.steps):
            rest, excite, inhibit = theta["biases"].copy(), np.zeros(n), np.zeros(n)
            rest[a.inputs] += drive * gains.input / np.sqrt(len(observation))
            for s, (pre, post, weight) in enumerate(zip(syn.pre, syn.post, syn.weight, strict=True)):
                gain = gains.neuromuscular if a.is_muscle[post] else gains.core
                sign, free = float(a.sign[pre]), theta["synapses"][s]
                w = gain * weight / received[post] * (sign * np.exp(free) if a.dale else sign + free)
                if neuron.name == "graded":
                    (excite if w > 0 else inhibit)[post] += abs(w) * history[0][pre]
                else:
                    rest[post] += w * history[0][pre]
            for g, (i, j, weight) in enumerate(zip(gap.pre, gap.post, gap.weight, strict=True)):
                conductance = gains.core * gap_scale * weight / max(ends[i], ends[j])
                flow = conductance * np.exp(theta["gap_junctions"][g])
                flow *= cells[j][coupled_by] - cells[i][coupled_by]
                rest[i], rest[j] = rest[i] + flow, rest[j] - flow
            for x, i, e, h, k in zip(cells, rest, excite, inhibit, constants, strict=True):
                STEPS[neuron.name](x, i, e, h, k)
            history = [*history[1:], [x[sent_by] for x in cells]]
        activity = np.array([cells[o][read_by] for o in a.outputs])
        bias = theta["decoder"][-blueprint.num_actuators :]
        outputs.append(read @ activity * gains.output / np.sqrt(len(a.outputs)) + bias)
    return np.array(outputs)
