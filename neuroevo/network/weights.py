"""A genome's parameters as what they stand for: a table of synapses, and one file that others can read.

The file is safetensors: arrays by name, and texts as metadata. `layout` is this text, and `champion` is JSON:
which request, lineage and versions it comes from, names of cells, the neuron and its options.

| array | shape | |
|---|---|---|
| `synapses.pre`, `.post` | int32 [E] | chemical synapses between cells, by number |
| `synapses.measured`, `.weight` | float32 [E] | strength before evolution; weight, with its sign |
| `gap_junctions.pre`, `.post` and so on | [G] | each pair once; it passes weight * (h_pre - h_post) |
| `biases` | float32 [N] | current of each cell |
| `constants.NAME` | float32 [N] | of the neuron model, of each cell |
| `inputs`, `outputs` | int32 [I], [O] | cells that take input and give output |
| `encoder.K.weight`, `.bias` | float32 [n, m], [m] | layers from S sensors to the I inputs, K = 0, 1 |
| `encoder.0.filters`, `.grid`, `.bias` | [k, F], int32 [P, k], [F] | in place of a weight: shared filters |
| `decoder.K.weight`, `.bias` | float32 [n, m], [m] | layers from the O outputs to A actuators |
| `clock` | float32 [3] | of a travelling sine, which has neither cells nor adapters |
| `normalisation.mean`, `.scale` | float64 [S] | sensors are (observed - mean) * scale, in [-10, 10] |
| `parameters` | float32 [L] | the genome as it evolved |

A layer is `y = x @ weight + bias`, with tanh between layers; a bias that is not there is zero. Filters answer
`(x[grid] @ filters + bias).T.ravel()`, each at all P places of the grid, one after another. In a membrane
step a `leaky` cell with the current i, the sum of weight * activity over its synapses, its gap junctions, its
bias and what the encoder gives it, moves by `constants.leak * (tanh(i) - activity)`; cells start at 0. A
network step has as many membrane steps as the champion's JSON says under `substeps`, with the input held.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from neuroevo.errors import RunError
from neuroevo.files import atomic_write, to_json
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.matrix import GenomeBlock
from neuroevo.wiring.architecture import CLOCK

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "neuroevo-champion-1"
MAPS = ("encoder", "decoder")


def edge_weights(blueprint: Blueprint, parameters: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Returns the weights of a genome's synapses, with their signs, and of its gap junctions.

    Args:
        blueprint: The genome's.
        parameters: Its parameter vector, float32 [L].

    Returns:
        float32 [E] and [G].
    """
    block, parts = GenomeBlock(blueprint), blueprint.layout.parts
    synapses, gaps = (parameters[None, parts[name]] for name in ("synapses", "gap_junctions"))
    if blueprint.architecture.core != "evolves":
        synapses, gaps = block.parameters_as_measured(1)
    return block.synapse_weights(synapses)[0].numpy(), block.gap_weights(gaps)[0].numpy()


def synapse_table(blueprint: Blueprint, parameters: Tensor) -> pd.DataFrame:
    """Returns a row for each connection of a genome.

    Args:
        blueprint: The genome's.
        parameters: Its parameter vector, float32 [L].

    Returns:
        The columns `pre` and `post`, names of cells; `kind`, "chemical", "neuromuscular" or "electrical";
        `sign`, +1 or -1, as the wiring has it, 0 for an electrical one; `measured`, the strength before
        evolution, of a measured wiring the number of synapses; and `evolved`, the weight that the network
        computes with, whose sign may be another where Dale's principle does not hold. A clock has no rows.
    """
    import pandas as pd

    a = blueprint.architecture
    edges = [a.synapses, a.gap_junctions]
    pre, post, measured = (
        np.concatenate([getattr(x, field) for x in edges]) for field in ("pre", "post", "weight")
    )
    kind = np.where(a.is_muscle[a.synapses.post], "neuromuscular", "chemical").astype(object)
    names = np.array(a.cells, object)
    rows = pd.DataFrame(
        {
            "pre": names[pre],
            "post": names[post],
            "kind": np.concatenate([kind, np.full(len(a.gap_junctions), "electrical", object)]),
            "sign": np.concatenate([a.sign[a.synapses.pre], np.zeros(len(a.gap_junctions), np.int8)]),
            "measured": measured,
            "evolved": np.concatenate(edge_weights(blueprint, parameters)),
        }
    )
    return rows[:0] if a.core == "clock" else rows


def arrays(blueprint: Blueprint, parameters: Tensor) -> dict[str, np.ndarray]:
    """Returns a genome's arrays by the names that the file has for them.

    Args:
        blueprint: The genome's.
        parameters: Its parameter vector, float32 [L].
    """
    a, parts = blueprint.architecture, blueprint.layout.parts
    by_name: dict[str, np.ndarray] = {"parameters": parameters.numpy()}
    if blueprint.observed is not None:
        by_name["normalisation.mean"] = blueprint.observed.mean
        by_name["normalisation.scale"] = blueprint.observed.scale
    if a.core == "clock":
        return {"clock": parameters[parts["clock"]].numpy()[:CLOCK], **by_name}
    for kind, weight in zip(("synapses", "gap_junctions"), edge_weights(blueprint, parameters), strict=True):
        edges = getattr(a, kind)
        by_name |= {f"{kind}.pre": edges.pre.astype(np.int32), f"{kind}.post": edges.post.astype(np.int32)}
        by_name |= {f"{kind}.measured": edges.weight.astype(np.float32), f"{kind}.weight": weight}
    drawn = parameters[parts["biases"]].numpy()
    biases = drawn if len(drawn) else np.zeros(a.num_cells, np.float32)
    by_name |= {"biases": biases, "inputs": a.inputs.astype(np.int32), "outputs": a.outputs.astype(np.int32)}
    constants = blueprint.constants(parameters[None, parts["constants"]])
    by_name |= {f"constants.{k}": v[0].expand(a.num_cells).numpy() for k, v in constants.items()}
    for which, name in enumerate(MAPS):
        for k, (matrix, bias) in enumerate(blueprint.weights(which, parameters[None, parts[name]])):
            grid = blueprint.adapter.grid(blueprint.ports) if (which, k) == (0, 0) else None
            if grid is not None:
                by_name["encoder.0.grid"] = grid.astype(np.int32)
            by_name[f"{name}.{k}.{'weight' if grid is None else 'filters'}"] = matrix[0].numpy()
            if bias is not None:
                by_name[f"{name}.{k}.bias"] = bias[0].numpy()
    return by_name


def write(path: Path, blueprint: Blueprint, parameters: Tensor, about: Mapping[str, object]) -> None:
    """Writes a genome into one file, see above.

    Args:
        path: The file, which must not exist.
        blueprint: The genome's.
        parameters: Its parameter vector, float32 [L].
        about: What is known of where it comes from, plain JSON types.

    Raises:
        RunError: If there is such a file, or it cannot be written.
    """
    import safetensors.numpy

    if path.exists() or path.is_symlink():
        raise RunError(f"{path} exists; nothing is written over. Name another file.")
    with torch.inference_mode():
        data = {k: np.ascontiguousarray(v) for k, v in arrays(blueprint, parameters).items()}
    metadata = {
        "format": FORMAT,
        "layout": __doc__ or "",
        "champion": to_json({**_description(blueprint), **about}),
    }
    atomic_write(path, safetensors.numpy.save(data, metadata))


def _description(blueprint: Blueprint) -> dict[str, object]:
    """Returns what of a blueprint is no array, as plain JSON types."""
    a, neuron = blueprint.architecture, blueprint.neuron
    return {
        "cells": list(a.cells),
        "classes": list(a.cell_class),
        "is_muscle": a.is_muscle.tolist(),
        "sign": a.sign.tolist(),
        "dale": a.dale,
        "core": a.core,
        "architecture_sha256": a.content_hash,
        "neuron": neuron.name,
        "neuron_request": str(neuron),
        "substeps": neuron.steps,
        "delay": neuron.delay,
        "adapter": str(blueprint.adapter),
        "gains": blueprint.gains.to_dict(),
        "num_sensors": blueprint.num_sensors,
        "num_actuators": blueprint.num_actuators,
        "image_shape": blueprint.image_shape,
    }
