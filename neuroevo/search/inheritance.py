"""What an offspring of a mixed population inherits from its parent, and where in its parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from neuroevo.connectome.model import Edges
from neuroevo.network.adapters import Layer
from neuroevo.network.blueprint import Blueprint
from neuroevo.search import ask_tell, coordinates
from neuroevo.search.lineage import State
from neuroevo.search.settings import Settings
from neuroevo.wiring.architecture import Architecture
from neuroevo.wiring.mutation import Mutant


def fit(parent: Blueprint, mutant: Mutant) -> Blueprint | None:
    """Returns the mutant's blueprint, with its parent's gains, or None if no input reaches an output.

    It is None too where the parent's inputs reach none: what such a parent is, a constant, has no parameters
    that its wiring's mutant could take over.

    Args:
        parent: The parent's blueprint.
        mutant: The mutated wiring.
    """
    if not (parent.architecture.is_crossed() and mutant.architecture.is_crossed()):
        return None
    return replace(parent, architecture=mutant.architecture.without_dead_ends())


def sources(whole: Architecture, parent: Blueprint, mutant: Mutant, child: Blueprint) -> np.ndarray:
    """Returns for each of a child's parameters which of its parent's it was, int64 [L]; -1 for none.

    A synapse that swapped its target takes its parameter along; biases and adapters stay with their cells.
    What the parent had no parameter for is new, such as a cell that had no path to an output.

    Args:
        whole: The parent's wiring, dead ends included.
        parent: The parent's blueprint, of the part of its wiring without dead ends.
        mutant: The child's wiring, dead ends included, and where its connections come from.
        child: The child's blueprint, of the part of its wiring without dead ends.
    """
    a, b = parent.architecture, child.architecture
    start = {name: part.start for name, part in parent.layout.parts.items()}
    parts = [np.zeros(0, np.int64)]
    if b.core == "evolves":
        for name in ("synapses", "gap_junctions"):
            place = _places(getattr(whole, name), whole, a)
            lives = _places(getattr(mutant.architecture, name), mutant.architecture, b) >= 0
            origin = getattr(mutant, name)[lives]
            parts.append(_shifted(np.where(origin >= 0, place[origin], -1), start[name]))
    if child.layout.biases:
        parts.append(_shifted(_among(b.cells, a.cells), start["biases"]))
    if b.core == "evolves":
        parts.append(_shifted(_constants(parent, child), start["constants"]))
    inputs = _among([b.cells[i] for i in b.inputs], [a.cells[i] for i in a.inputs])
    outputs = _among([b.cells[i] for i in b.outputs], [a.cells[i] for i in a.outputs])
    place = start["encoder"]
    for k, chain in enumerate(parent.layers):
        for i, (old, new) in enumerate(zip(chain, child.layers[k], strict=True)):
            # Cells are what the last layer of an encoder gives and what the first of a decoder reads.
            rows = inputs if k == 0 and i == len(chain) - 1 else np.arange(new.num_rows)
            cols = outputs if k == 1 and i == 0 else np.arange(new.fan_in)
            parts.append(_shifted(_layer(old, rows, cols), place))
            place += old.size
    return np.concatenate(parts)


def inherit(
    state: State, source: np.ndarray, fresh: torch.Tensor, child: Blueprint, settings: Settings
) -> State:
    """Returns a child's state: its parent's search, carried over parameter by parameter.

    New parameters are at rest, with the spread of a new search; of a genetic algorithm, every genome of the
    elite has them as in `fresh`.

    Args:
        state: The parent's state.
        source: Where each parameter comes from, as `sources` says, int64 [L].
        fresh: An untrained genome, where the search of new parameters starts, float32 [L].
        child: The child's blueprint.
        settings: Search settings.
    """
    phase = settings.phase(state.generation)
    axes = coordinates.make(child, fresh, phase.is_pretraining)
    points = fresh[None] if axes is None else axes.encode(fresh[None])
    parts = coordinates.parts(child, axes)
    new = ask_tell.to_arrays(ask_tell.start(points, None, settings, state.generation, parts))
    olds = ask_tell.to_arrays(state.search)
    if axes is not None or state.coordinates is not None:
        moved, source = coordinates.inherited(
            axes or coordinates.identity(len(fresh)),
            state.coordinates or coordinates.identity(len(ask_tell.centre(state.search))),
            source,
            fresh,
        )
        axes = None if axes is None else moved
    known, arrays = source >= 0, {}
    for name, old in olds.items():
        arrays[name] = np.array(np.broadcast_to(new[name], (*old.shape[:-1], *new[name].shape[-1:])))
        if old.ndim:  # along its last axis lie parameters
            arrays[name][..., known] = old[..., source[known]]
        else:
            arrays[name] = old
    return replace(state, search=ask_tell.from_arrays(arrays), coordinates=axes)


def _places(edges: Edges, whole: Architecture, live: Architecture) -> np.ndarray:
    """Returns where each edge of a wiring is among those that live, int64 [E]; -1 for those that do not."""
    is_live = _among(whole.cells, live.cells) >= 0
    lives = is_live[edges.pre] & is_live[edges.post]
    return np.where(lives, np.cumsum(lives) - 1, -1)


def _among(names: tuple[str, ...] | list[str], others: tuple[str, ...] | list[str]) -> np.ndarray:
    """Returns the place of each name among others, int64; -1 for those not there."""
    place = {name: i for i, name in enumerate(others)}
    return np.array([place.get(name, -1) for name in names], np.int64)


def _layer(layer: Layer, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """Returns where a layer's weights, then its biases, lie in the parent's layer; -1 for what is new.

    Args:
        layer: The parent's layer.
        rows: Which of the parent's outputs each output was, int64 [n]; -1 for none.
        cols: Which of the parent's numbers each number was that outputs are sums of, int64 [m]; -1 for none.
    """
    weights = np.where((rows[:, None] >= 0) & (cols >= 0), rows[:, None] * layer.fan_in + cols, -1)
    biases = np.where(rows >= 0, layer.num_rows * layer.fan_in + rows, -1) if layer.has_bias else rows[:0]
    return np.concatenate([weights.ravel(), biases])


def _constants(parent: Blueprint, child: Blueprint) -> np.ndarray:
    """Returns where the child's constants of neurons lie among the parent's; -1 for those of new groups."""
    num_parents = int(parent.groups.max(initial=-1)) + 1
    origin = np.full(int(child.groups.max(initial=-1)) + 1, -1)
    where = _among(child.architecture.cells, parent.architecture.cells)
    for group, cell in zip(child.groups, where, strict=False):
        if cell >= 0:
            origin[group] = parent.groups[cell]
    constant = np.arange(len(child.neuron.model.evolving))[:, None]
    return np.where(origin >= 0, constant * num_parents + origin, -1).ravel()


def _shifted(index: np.ndarray, start: int) -> np.ndarray:
    """Returns indices counted from the start of all parameters; -1 stays."""
    return np.where(index >= 0, index + start, -1)
