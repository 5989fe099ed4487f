"""Seconds and memory of a network step, sparse against dense, and how far from the memory's bandwidth.

In one thread and one process: what every cell receives, the product with the weights plus the bias, as one
CSR matrix of all genomes and as `torch.bmm` with one dense matrix a genome. The dense rival is timed both as
`W x` and as `x' W'`, each on memory laid out for it. Wirings of 302 cells are those of the whole worm; others
are random, with as many synapses a cell. The bound is a triad, `c = a + s b`, over as many bytes as the
product has to read and write at least once: values, indices and row starts, states and currents.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from benchmarks.networks import animate, blocks
from benchmarks.turns import OURS, Call, Options, Row, compare, take_turns
from neuroevo.connectome import catalog
from neuroevo.connectome.model import Edges
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.phenotype import Phenotype
from neuroevo.seeds import derive, generator
from neuroevo.wiring.architecture import Architecture

CELLS = (30, 100, 302, 1_000, 3_000, 10_000)
COLUMNS = (1, 16, 256, 4_096)
WORM = 302
SYNAPSES_A_CELL = 12  # the worm's neurons have 3,709 chemical synapses and 1,086 gap junctions among 302
GOALS = {(302, 1): 12.0, (302, 256): 3.0}
DENSE_NUMBERS, STATE_NUMBERS, GENOMES = 1 << 27, 1 << 25, 128  # at most: 0.5 GB, 0.13 GB
CALLS_SECONDS = 0.05  # a turn of ours takes at least
CASE_SECONDS = 60.0  # in which all turns of a case should be done; of slow rivals there are fewer, at least 2
TRIAD = "bandwidth bound (triad)"


def measure(options: Options) -> Iterator[Row]:
    """Yields a row a rival for every number of cells and of columns.

    Args:
        options: What all measurements are told.
    """
    torch.set_num_threads(1)
    cells, columns = ((30,), (1, 16)) if options.smallest else (CELLS, COLUMNS)
    for number in cells:
        for width in columns:
            yield from _product(number, width, options)


def wiring(cells: int, seed: int, synapses: int | None = None) -> Architecture:
    """Returns the whole worm's neurons, or a random wiring of another number of cells.

    Args:
        cells: Number of cells.
        seed: Seed of a random wiring.
        synapses: Number of synapses of a random wiring; None for the usual number a cell.
    """
    if cells == WORM and synapses is None:
        return Architecture.of(catalog.load("celegans").circuit("neurons", "sensory+interneuron+motor"))
    rng = generator(seed, "wiring", cells)
    number = SYNAPSES_A_CELL * cells if synapses is None else synapses
    flat = np.sort(rng.choice(cells * cells, number, replace=False))
    nobody = np.zeros(0, np.int32)
    return Architecture(
        cells=tuple(f"C{k}" for k in range(cells)),
        is_muscle=np.zeros(cells, bool),
        sign=np.where(rng.random(cells) < 0.8, 1, -1).astype(np.int8),
        synapses=Edges(flat // cells, flat % cells, np.ones(number)),
        gap_junctions=Edges(nobody, nobody, np.zeros(0)),
        inputs=np.arange(1, dtype=np.int32),
        outputs=np.arange(1, dtype=np.int32),
    )


def products(phenotype: Phenotype, columns: int, seed: int) -> dict[str, Call]:
    """Returns calls that compute the same: the sparse product, and the dense one in both orders.

    Args:
        phenotype: Network to multiply; its biases and state are overwritten.
        columns: Columns of the state.
        seed: Seed of state and biases.
    """
    weights = blocks(phenotype)
    genomes, cells, _ = weights.shape
    rng, flat = generator(seed, "states"), phenotype.cells
    state = torch.from_numpy(rng.uniform(-1, 1, (genomes * cells, columns)).astype(np.float32))
    bias = torch.from_numpy(rng.normal(0, 1, (genomes * cells, 1)).astype(np.float32))
    phenotype.reset(columns)
    phenotype.state.copy_(state)
    flat.bias[: len(bias)] = bias
    flat.refresh()
    out = flat.receive()
    by_genome, bias_by_genome = state.view(genomes, cells, -1), bias.view(genomes, cells, 1)
    turned, turned_weights = by_genome.transpose(1, 2).contiguous(), weights.transpose(1, 2).contiguous()
    turned_bias = bias_by_genome.transpose(1, 2)
    dense_out, turned_out = torch.empty_like(by_genome), torch.empty_like(turned)
    rivals: dict[str, Call] = {
        OURS: flat.receive,
        "dense, W x": lambda: torch.bmm(weights, by_genome, out=dense_out).add_(bias_by_genome),
        "dense, x' W'": lambda: torch.bmm(turned, turned_weights, out=turned_out).add_(turned_bias),
    }
    for call in rivals.values():
        call()
    torch.testing.assert_close(dense_out.view_as(out), out, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(turned_out.transpose(1, 2).reshape(out.shape), out, rtol=1e-4, atol=1e-4)
    return rivals


def triad(num_bytes: int) -> Call:
    """Returns a call that reads two arrays and writes a third, of so many bytes together.

    Args:
        num_bytes: Bytes of the three arrays.
    """
    a, b, c = torch.ones(3, max(1, num_bytes // 12)).unbind()
    return lambda: torch.add(a, b, alpha=3.0, out=c)


def _product(cells: int, columns: int, options: Options) -> Iterator[Row]:
    """Yields the rows of one number of cells and of columns."""
    genomes = max(1, min(GENOMES, DENSE_NUMBERS // cells**2, STATE_NUMBERS // (cells * columns)))
    architecture = wiring(cells, options.seed)
    num_wirings = 1 if cells == WORM else min(4, genomes)
    blueprints = [
        Blueprint(architecture if k == 0 else wiring(cells, derive(options.seed, k)), 1, 1)
        for k in range(num_wirings)
    ]
    genomes -= genomes % num_wirings
    phenotype, _ = animate(blueprints, genomes // num_wirings, options.seed)
    entries, states = phenotype.matrix.values().numel(), int(phenotype.first_rows[-1]) * columns
    moved = 8 * entries + 4 * (states // columns) + 8 * states
    rivals = products(phenotype, columns, options.seed) | {TRIAD: triad(moved)}
    calls, longest = _calls(rivals[OURS]), max(take_turns(rivals, 1).values())[0]
    turns = max(2, min(options.turns(9), int(CASE_SECONDS / (calls * longest * len(rivals)))))
    seconds = take_turns(rivals, min(turns, options.turns(9)), calls)
    micro = 1e6 / (calls * genomes)
    values = {name: [x * micro for x in times] for name, times in seconds.items()}
    dense = min(("dense, W x", "dense, x' W'"), key=lambda name: np.median(values[name]))
    notes = {dense: "the faster dense one", TRIAD: f"{moved / 1e6:,.1f} MB"}
    goal = {dense: GOALS[cells, columns]} if (cells, columns) in GOALS else {}
    memory = {
        OURS: {"weight_bytes": 8 * entries},
        dense: {"weight_bytes": 4 * genomes * cells**2},
        TRIAD: {"bytes": moved},
    }
    size = f"{genomes} genomes of {cells:,} cells, {entries // genomes:,} entries, {columns:,} columns"
    weights = f"weights {8e-6 * entries:,.1f} MB sparse, {4e-6 * genomes * cells**2:,.1f} MB dense"
    yield from compare(
        f"{size}, {weights}",
        "microseconds a genome and step",
        values,
        less=True,
        goals=goal,
        notes=notes,
        facts=memory,
    )


def _calls(call: Call) -> int:
    """Returns how many calls make a turn long enough to time."""
    seconds = min(take_turns({"": call}, 3)[""])
    return max(1, round(CALLS_SECONDS / max(seconds, 1e-7)))
