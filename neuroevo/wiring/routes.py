"""The way from a wiring's input cells to its output cells: shortcuts, distances, cells that nothing reaches.

A null model that opens synapses straight from inputs to outputs makes another network of a circuit, whatever
else it keeps, and may win or lose by that alone.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from neuroevo.wiring.statistics import Wiring


class WithPorts(Wiring, Protocol):
    """A wiring whose input and output cells are known."""

    @property
    def inputs(self) -> np.ndarray: ...  # noqa: D102
    @property
    def outputs(self) -> np.ndarray: ...  # noqa: D102


def shortcuts(wiring: WithPorts) -> float:
    """Returns the share of all synapses that run straight from an input cell to an output cell; 0 of none.

    Args:
        wiring: A connectome or an architecture.
    """
    edges = wiring.chemical, wiring.neuromuscular
    pre, post = (np.concatenate([getattr(e, end) for e in edges]) for end in ("pre", "post"))
    if not len(pre):
        return 0.0
    return float((np.isin(pre, wiring.inputs) & np.isin(post, wiring.outputs)).mean())


def distances_from_inputs(wiring: WithPorts) -> np.ndarray:
    """Returns how many connections the nearest input cell is from each cell, float64 [N]; inf: unreached.

    Args:
        wiring: A connectome or an architecture. Gap junctions lead both ways.
    """
    pairs = wiring.electrical
    pre = np.concatenate([wiring.chemical.pre, wiring.neuromuscular.pre, pairs.pre, pairs.post])
    post = np.concatenate([wiring.chemical.post, wiring.neuromuscular.post, pairs.post, pairs.pre])
    steps = np.full(wiring.num_cells, np.inf)
    steps[wiring.inputs] = 0
    for step in range(1, wiring.num_cells + 1):
        reached = post[steps[pre] == step - 1]
        new = reached[steps[reached] == np.inf]
        if not len(new):
            break
        steps[new] = step
    return steps


def route_length(wiring: WithPorts) -> float | None:
    """Returns the mean number of connections from the nearest input to an output cell; None: none is reached.

    Args:
        wiring: A connectome or an architecture. Output cells that no input reaches do not count.
    """
    steps = distances_from_inputs(wiring)[wiring.outputs]
    steps = steps[np.isfinite(steps)]
    return float(steps.mean()) if len(steps) else None


def unreached(wiring: WithPorts) -> int:
    """Returns the number of cells that no input cell has a path to.

    Args:
        wiring: A connectome or an architecture.
    """
    return int(np.isinf(distances_from_inputs(wiring)).sum())
