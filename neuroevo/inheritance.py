"""Inheritance: what an offspring of a mixed population has from its parent, and where in its parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from neuroevo import coordinates, search
from neuroevo.architecture import Architecture
from neuroevo.connectome import Edges
from neuroevo.errors import ConnectomeError
from neuroevo.lineage import State
from neuroevo.mutation import Mutant
from neuroevo.phenotype import Blueprint


def fit(parent: Blueprint, mutant: Mutant) -> Blueprint | None:
    """Returns the mutant's blueprint, with its parent's gains; None if no input reaches an output of it."""
    try:
        return replace(parent, architecture=mutant.architecture.without_dead_ends())
    except ConnectomeError:
        return None


def sources(whole: Architecture, parent: Blueprint, mutant: Mutant, child: Blueprint) -> np.ndarray:
    """Returns for each of a child's parameters which of its parent's it was, int64 [L]; -1 for none.

    A synapse that swapped its target takes its parameter along; biases and adapters stay with their cells.
    What the parent had no parameter for is new, such as a cell that had no path to an output.

    Args:
        whole: The parent's wiring, dead ends included.
        parent: What lived of it.
        mutant: The child's wiring, and where its connections come from.
        child: What lives of it.
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
        parts.append(_shifted(_among(b.cells, a.cells), start["biases"]))
    sensors, actuators = np.arange(parent.num_sensors), np.arange(parent.num_actuators)
    inputs = _among([b.cells[i] for i in b.inputs], [a.cells[i] for i in a.inputs])
    outputs = _among([b.cells[i] for i in b.outputs], [a.cells[i] for i in a.outputs])
    parts.append(_shifted(_grid(inputs[:, None] * len(sensors) + sensors, inputs[:, None]), start["encoder"]))
    parts.append(_shifted(_grid(actuators[:, None] * len(a.outputs) + outputs, outputs), start["decoder"]))
    parts.append(actuators + start["decoder"] + len(a.outputs) * len(actuators))
    return np.concatenate(parts)


def inherit(
    state: State, source: np.ndarray, fresh: torch.Tensor, child: Blueprint, settings: search.Settings
) -> State:
    """Returns a child's state: its parent's search, carried over parameter by parameter.

    New parameters are at rest, with the spread of a new search; of a genetic algorithm, every genome of the
    elite has them as in `fresh`.

    Args:
        state: The parent's.
        source: Where each parameter comes from, as `sources` says, [L].
        fresh: float32 [L], an untrained genome: where the search of new parameters starts.
        child: What lives of the child.
        settings: Search settings.
    """
    phase = settings.phase(state.generation)
    found = coordinates.make(child, fresh, phase.is_pretraining)
    points = fresh[None] if found is None else found.encode(fresh[None])
    marked = coordinates.are_adapters(child, found)
    new = search.to_arrays(search.start(points, None, settings, state.generation, marked))
    olds = search.to_arrays(state.search)
    if found is not None or state.coordinates is not None:
        moved, source = coordinates.inherited(
            found or coordinates.identity(len(fresh)),
            state.coordinates or coordinates.identity(len(search.centre(state.search))),
            source,
            fresh,
        )
        found = None if found is None else moved
    known, arrays = source >= 0, {}
    for name, old in olds.items():
        arrays[name] = np.array(np.broadcast_to(new[name], (*old.shape[:-1], *new[name].shape[-1:])))
        if old.ndim:  # along its last axis lie parameters
            arrays[name][..., known] = old[..., source[known]]
        else:
            arrays[name] = old
    return replace(state, search=search.from_arrays(arrays), coordinates=found)


def _places(edges: Edges, whole: Architecture, live: Architecture) -> np.ndarray:
    """Returns where each edge of a wiring is among those that live, int64 [E]; -1 for those that do not."""
    is_live = _among(whole.cells, live.cells) >= 0
    lives = is_live[edges.pre] & is_live[edges.post]
    return np.where(lives, np.cumsum(lives) - 1, -1)


def _among(names: tuple[str, ...] | list[str], others: tuple[str, ...] | list[str]) -> np.ndarray:
    """Returns the place of each name among others, int64; -1 for those not there."""
    place = {name: i for i, name in enumerate(others)}
    return np.array([place.get(name, -1) for name in names], np.int64)


def _grid(index: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Returns a table of indices, row by row, with -1 where `known`, a row or column of them, is negative."""
    return np.where(np.broadcast_to(known, index.shape) >= 0, index, -1).ravel()


def _shifted(index: np.ndarray, start: int) -> np.ndarray:
    """Returns indices counted from the start of all parameters; -1 stays."""
    return np.where(index >= 0, index + start, -1)
