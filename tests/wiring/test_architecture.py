"""An architecture: dead ends left out, identity by content, JSON and back, and parameters counted."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from neuroevo.connectome.model import Edges
from neuroevo.errors import ConnectomeError
from neuroevo.network.blueprint import Blueprint, Gains
from neuroevo.network.phenotype import Phenotype
from neuroevo.wiring.architecture import Architecture, join, take
from tests.reference import random_architecture

S, A, T = 3, 2, 20
GAINS = Gains(input=0.7, core=0.9, neuromuscular=2.0, output=1.3)


def _with_dead_ends(seed: int, dale: bool = True) -> Architecture:
    """A random wiring of which two cells give output, with five cells that only listen.

    The listeners receive from all over the rest, two of them take input, and they talk to one another.
    """
    whole = random_architecture(seed, 14, 6, dale)
    n, rng = whole.num_cells, np.random.default_rng(seed)
    listeners = np.arange(n, n + 5, dtype=np.int32)
    heard = rng.choice(n, (5, 3))
    pairs = np.unique([[h, c] for c, row in zip(listeners, heard, strict=True) for h in row], axis=0)
    among = [[listeners[0], listeners[1]], [listeners[1], listeners[0]], [listeners[2], listeners[3]]]
    pairs = np.concatenate([pairs, among])
    extra = Edges(pairs[:, 0], pairs[:, 1], rng.integers(1, 9, len(pairs)))
    gaps = Edges(listeners[:1], listeners[4:], np.array([2.0]))
    return replace(
        whole,
        cells=(*whole.cells, *(f"listener{i}" for i in range(5))),
        is_muscle=np.concatenate([whole.is_muscle, np.zeros(5, bool)]),
        sign=np.concatenate([whole.sign, np.ones(5, np.int8)]),
        synapses=join(whole.synapses, extra),
        gap_junctions=join(whole.gap_junctions, gaps),
        inputs=np.concatenate([whole.inputs, listeners[1:3]]),
        outputs=whole.outputs[:2],
    )


def _parameters_of_live_part(
    whole: Architecture, live: Architecture, parameters: torch.Tensor
) -> torch.Tensor:
    """Returns, [P, l], the parameters of `whole`, [P, L], that `live` has too, by cell names alone."""
    is_live = np.isin(whole.cells, live.cells)

    def among(edges: Edges) -> np.ndarray:
        return is_live[edges.pre] & is_live[edges.post]

    masks = [
        among(whole.synapses),
        among(whole.gap_junctions),
        is_live,
        np.repeat(is_live[whole.inputs], S),
        np.ones(A * len(whole.outputs) + A, bool),
    ]
    return parameters[:, torch.from_numpy(np.concatenate(masks))]


def _outputs(
    architecture: Architecture, parameters: torch.Tensor, observations: torch.Tensor
) -> torch.Tensor:
    """Returns outputs [T, P, B, A] for observations [T, P, B, S]."""
    phenotype = Phenotype([Blueprint(architecture, S, A, GAINS)], [len(parameters)])
    phenotype.load([parameters])
    phenotype.reset(observations.shape[2])
    return torch.stack([phenotype.step(o).clone() for o in observations])


@pytest.mark.parametrize("dale", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_leaving_dead_ends_out_keeps_the_function(seed: int, dale: bool) -> None:
    whole = _with_dead_ends(seed, dale)
    live = whole.without_dead_ends()
    gone = set(whole.cells) - set(live.cells)
    assert gone >= {f"listener{i}" for i in range(5)}
    assert len(live.inputs) < len(whole.inputs)
    length = Blueprint(whole, S, A).layout.length
    rng = torch.Generator().manual_seed(seed)
    parameters = torch.randn(3, length, generator=rng) / 2
    observations = torch.randn(T, 3, 2, S, generator=rng)
    pruned = _parameters_of_live_part(whole, live, parameters)
    assert pruned.shape[1] == Blueprint(live, S, A).layout.length < length
    # The same sums, of the same terms, in an order that the sparse product may choose: float32 rounding.
    torch.testing.assert_close(
        _outputs(live, pruned, observations), _outputs(whole, parameters, observations), atol=1e-5, rtol=1e-5
    )
    assert _outputs(live, pruned, observations).std() > 0.01


def test_every_cell_that_is_kept_can_change_an_output() -> None:
    live = _with_dead_ends(1).without_dead_ends()
    layout = Blueprint(live, S, A).layout
    rng = torch.Generator().manual_seed(0)
    parameters = torch.randn(1, layout.length, generator=rng).repeat(live.num_cells + 1, 1)
    first = layout.synapses + layout.gap_junctions
    for cell in range(live.num_cells):
        parameters[cell, first + cell] += 1.0  # its bias
    quiet = torch.zeros(T, len(parameters), 1, S)
    last = _outputs(live, parameters, quiet)[-1, :, 0]
    assert (last[:-1] != last[-1]).any(1).all()


def test_wiring_without_dead_ends_is_returned_as_it_is() -> None:
    live = _with_dead_ends(2).without_dead_ends()
    assert live.without_dead_ends() is live


def test_inputs_that_reach_no_output_are_refused() -> None:
    whole = _with_dead_ends(0)
    deaf = replace(whole, inputs=np.array([whole.num_cells - 1], np.int32))
    with pytest.raises(ConnectomeError, match=r"None of the 1 input cells reaches .* --inputs and --outputs"):
        deaf.without_dead_ends()


@pytest.mark.parametrize("dale", [True, False])
def test_architecture_survives_json(dale: bool) -> None:
    first = _with_dead_ends(3, dale)
    second = Architecture.from_dict(json.loads(json.dumps(first.to_dict())))
    assert second.content_hash == first.content_hash
    assert second.to_dict() == first.to_dict()
    for name in ("is_muscle", "sign", "inputs", "outputs"):
        assert getattr(second, name).dtype == getattr(first, name).dtype


def test_equal_content_has_equal_hashes() -> None:
    assert _with_dead_ends(0).content_hash == _with_dead_ends(0).content_hash
    assert len({_with_dead_ends(seed).content_hash for seed in range(5)}) == 5


def _heavier(edges: Edges) -> Edges:
    return Edges(edges.pre, edges.post, edges.weight + (np.arange(len(edges)) == 0))


CHANGES = {
    "a cell's name": lambda a: {"cells": ("other", *a.cells[1:])},
    "a muscle": lambda a: {"is_muscle": np.r_[~a.is_muscle[:1], a.is_muscle[1:]]},
    "a sign": lambda a: {"sign": np.r_[-a.sign[:1], a.sign[1:]]},
    "a synapse less": lambda a: {"synapses": take(a.synapses, np.arange(len(a.synapses)) > 0)},
    "a weight": lambda a: {"synapses": _heavier(a.synapses)},
    "a gap junction less": lambda a: {
        "gap_junctions": take(a.gap_junctions, np.arange(len(a.gap_junctions)) > 0)
    },
    "a conductance": lambda a: {"gap_junctions": _heavier(a.gap_junctions)},
    "an input less": lambda a: {"inputs": a.inputs[1:]},
    "an output less": lambda a: {"outputs": a.outputs[1:]},
    "a cell from inputs to outputs": lambda a: {
        "inputs": a.inputs[1:],
        "outputs": np.r_[a.inputs[:1], a.outputs],
    },
    "free signs": lambda a: {"dale": False},
}


@pytest.mark.parametrize("what", CHANGES)
def test_any_change_changes_the_hash(what: str) -> None:
    architecture = random_architecture(0)
    assert replace(architecture, **CHANGES[what](architecture)).content_hash != architecture.content_hash


def test_layout_counts_what_there_is() -> None:
    a = random_architecture(5)
    layout = Blueprint(a, 4, 3).layout
    assert layout.core == len(a.synapses) + len(a.gap_junctions) + a.num_cells
    assert layout.adapters == 4 * len(a.inputs) + 3 * len(a.outputs) + 3
    assert layout.length == layout.core + layout.adapters == sum(layout.sizes)
    assert Blueprint(a, 4, 3).draw(2, np.random.default_rng(0)).shape == (2, layout.length)


def test_chemical_and_neuromuscular_synapses_are_all_synapses() -> None:
    a = random_architecture(6)
    assert len(a.neuromuscular) and a.is_muscle[a.neuromuscular.post].all()
    assert len(a.chemical) and not a.is_muscle[a.chemical.post].any()
    both = join(a.chemical, a.neuromuscular)
    for name in ("pre", "post", "weight"):
        np.testing.assert_array_equal(getattr(both, name), getattr(a.synapses, name))
