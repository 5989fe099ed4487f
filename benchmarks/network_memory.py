"""Gigabytes that weights and indices of many genomes of the size of a fly larva's brain take.

In a process of its own: tensors that live, and what its resident set and its peak are.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import torch

from benchmarks.crew import Crew, Here
from benchmarks.network_step import wiring
from benchmarks.networks import animate
from benchmarks.turns import OURS, Options, Row, compare
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.phenotype import Phenotype
from neuroevo.seeds import generator

CELLS, SYNAPSES, GENOMES = 3_000, 110_000, 1_000
LIMIT = 1.5  # GB
PEAK = "limit"


def measure(options: Options) -> Iterator[Row]:
    """Yields what weights and indices of many large genomes take.

    Args:
        options: What all measurements are told.
    """
    cells, synapses, genomes = (50, 200, 4) if options.smallest else (CELLS, SYNAPSES, GENOMES)
    share: dict[str, Any] = {"cells": cells, "synapses": synapses, "genomes": genomes, "seed": options.seed}
    maker = "benchmarks.network_memory:resident"
    with Here(maker, [share]) if options.here else Crew(maker, [share]) as crew:
        crew()
        answer = crew.answers[0] if crew.answers else {}
    values = {OURS: [answer["work"]] if not crew.missing else [], PEAK: [LIMIT]}
    facts = {OURS: answer}
    notes = {
        OURS: crew.missing or f"resident {answer['resident']:.2f}, peak {answer['peak']:.2f} GB",
        PEAK: f"dense matrices would take {4e-9 * genomes * cells**2:,.1f} GB (computed)",
    }
    case = f"{genomes:,} genomes of {cells:,} cells and {synapses:,} synapses, weights and indices"
    yield from compare(case, "GB of tensors", values, less=True, goals={PEAK: 1.0}, notes=notes, facts=facts)


def resident(cells: int, synapses: int, genomes: int, seed: int) -> Callable[[], dict[str, float]]:
    """Returns a call that builds and loads a batch and says what its tensors take, and the process, in GB.

    Args:
        cells: Cells of a genome.
        synapses: Synapses of a genome.
        genomes: Number of genomes.
        seed: Seed of wiring and parameters.
    """
    torch.set_num_threads(1)
    blueprint = Blueprint(wiring(cells, seed, synapses), 1, 1)
    animate([blueprint], 1, seed)  # what libraries take at their first use is not the batch's

    def turn() -> dict[str, float]:
        before, resident_before = tensor_bytes(), _kilobytes("VmRSS")
        parameters = blueprint.draw(genomes, generator(seed, "parameters"))
        phenotype = Phenotype([blueprint], [genomes])
        phenotype.load([parameters])
        del parameters
        phenotype.reset(1)  # a step of bodies has weights in vectors beside the matrix
        return {
            "work": 1e-9 * (tensor_bytes() - before),
            "resident": 1.024e-6 * (_kilobytes("VmRSS") - resident_before),
            "peak": 1.024e-6 * (_kilobytes("VmHWM") - resident_before),
        }

    return turn


def tensor_bytes() -> int:
    """Returns what all tensors that live take, bytes."""
    gc.collect()
    sizes = {}
    for thing in gc.get_objects():
        if not issubclass(type(thing), torch.Tensor):  # `isinstance` would wake things that warn
            continue
        is_csr = thing.layout == torch.sparse_csr
        parts = (thing.crow_indices(), thing.col_indices(), thing.values()) if is_csr else (thing,)
        for part in parts:
            if part.layout == torch.strided:
                storage = part.untyped_storage()
                sizes[storage.data_ptr()] = storage.nbytes()
    return sum(sizes.values())


def _kilobytes(name: str) -> int:
    """Returns a figure on this process's memory, KiB."""
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name))
