"""How much of a connectome's map onto the body a wiring has: its neuromuscular synapses.

Where a body is driven by its own muscles, which muscle a neuron drives may matter more than all that is
behind it. So what a sample kept of this map is counted, whatever prior it is of.
"""

from __future__ import annotations

import numpy as np

from neuroevo.connectome.model import Connectome
from neuroevo.rows import MapEntry
from neuroevo.wiring.architecture import Architecture


def shares(connectome: Connectome, architecture: Architecture) -> MapEntry | None:
    """Returns which shares of the connectome's neuromuscular synapses a wiring has.

    Args:
        connectome: Source wiring.
        architecture: The wiring, whose cells are known by their names; it may lack some, or have others.

    Returns:
        The shares, each in [0, 1]; None where the connectome has no neuromuscular synapse.
    """
    measured, drawn = connectome.neuromuscular, architecture.neuromuscular
    if not len(measured):
        return None
    strength = {
        (architecture.cells[a], architecture.cells[b]): (architecture.sign[a], weight)
        for a, b, weight in zip(drawn.pre, drawn.post, drawn.weight, strict=True)
    }
    num_synapses = num_signs = num_strengths = 0
    for a, b, weight in zip(measured.pre, measured.post, measured.weight, strict=True):
        here = strength.get((connectome.cells[a], connectome.cells[b]))
        if here is None:
            continue
        num_synapses += 1
        if here[0] == connectome.sign[a]:
            num_signs += 1
            num_strengths += bool(np.float32(here[1]) == np.float32(weight))
    whole = len(measured)
    return {
        "number": len(drawn),
        "synapses": num_synapses / whole,
        "signs": num_signs / whole,
        "strengths": num_strengths / whole,
    }


def is_kept(entry: MapEntry) -> bool:
    """Says whether a wiring has the map as it was measured: every synapse, with its sign and its strength.

    Args:
        entry: What `shares` returned.
    """
    return entry["strengths"] == 1.0


def described(entry: MapEntry) -> str:
    """Returns in a few words what a wiring kept of the map.

    Args:
        entry: What `shares` returned, or the mean of several.
    """
    if not entry["number"]:
        return "none"
    if is_kept(entry):
        return "kept"
    if entry["synapses"] < 1:
        return f"{_percent(1 - entry['synapses'])} rewired"
    if entry["signs"] < 1:
        return f"kept, {_percent(1 - entry['signs'])} with another sign"
    return f"kept, {_percent(1 - entry['strengths'])} with another strength"


def _percent(share: float) -> str:
    """Returns a share that is greater than 0 in per cent."""
    return "under 1 %" if share < 0.005 else f"{100 * share:.0f} %"
