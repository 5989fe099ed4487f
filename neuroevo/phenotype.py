"""Architectures and parameters, decoded into one block-diagonal sparse network.

The genomes of a batch, with different wirings and sizes, are the diagonal blocks of one CSR matrix, so
that a network step is one sparse product with the flat state of all cells. The index structure is built
once for a set of architectures; each generation writes new values only.

Decoding. Every parameter is of order one and zero-centred, so one search spread suits them all:

| part | value |
|---|---|
| synapse, Dale | `sign * w0 * exp(theta)` |
| synapse, free | `w0 * (sign + theta)` |
| gap junction | `g0 * exp(theta)`, the same both ways |
| bias | `theta` |
| input weight | `input gain / sqrt(S) * theta` |
| output weight | `output gain / sqrt(O) * theta`; output bias `theta` |

`w0` is the synapse's share of all that its target receives (L1 norm per cell) times the gain of its kind;
`g0` is a gap junction's share of the larger of its two cells' totals times the core gain, and its current is
the diffusion `g (h_j - h_i)`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from neuroevo import neurons
from neuroevo.architecture import Architecture, Layout

if TYPE_CHECKING:
    from neuroevo.operating_range import Monitor


@dataclass(frozen=True)
class Gains:
    """Scales of an architecture's connections before evolution, by kind; see `operating_range`."""

    input: float = 1.0
    core: float = 0.5
    neuromuscular: float = 3.0
    output: float = 1.0

    def to_dict(self) -> dict[str, float]:
        """Returns the gains by kind."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Blueprint:
    """An architecture fitted to a task: what a parameter vector animates.

    Attributes:
        architecture: The wiring, N cells.
        num_sensors: S.
        num_actuators: A.
        gains: Scales by kind of connection.
        neuron: Name of the neuron model.
    """

    architecture: Architecture
    num_sensors: int
    num_actuators: int
    gains: Gains = Gains()
    neuron: str = "leaky"

    @cached_property
    def layout(self) -> Layout:
        """Layout of the parameter vector."""
        return self.architecture.layout(self.num_sensors, self.num_actuators)

    def draw(self, num_genomes: int, rng: np.random.Generator) -> Tensor:
        """Returns untrained genomes, float32 [num_genomes, L].

        The wiring starts at its own strengths and at zero bias; adapters are normal, unit variance.
        """
        parameters = np.zeros((num_genomes, self.layout.length), np.float32)
        weights = self.layout.input_weights + self.layout.output_weights
        drawn = rng.standard_normal((num_genomes, weights), dtype=np.float32)
        parameters[:, self.layout.core : self.layout.core + weights] = drawn
        return torch.from_numpy(parameters)


class _Block:
    """Index structure and base weights of one architecture: one diagonal block of the matrix."""

    def __init__(self, blueprint: Blueprint) -> None:
        a, gains = blueprint.architecture, blueprint.gains
        syn, gap, n = a.synapses, a.gap_junctions, a.num_cells
        received = np.bincount(syn.post, syn.weight, n)[syn.post]
        gain = np.where(a.is_muscle[syn.post], gains.neuromuscular, gains.core)
        self.base = torch.from_numpy((gain * syn.weight / received).astype(np.float32))
        self.sign = torch.from_numpy(a.sign[syn.pre].astype(np.float32))
        total = np.bincount(gap.pre, gap.weight, n) + np.bincount(gap.post, gap.weight, n)
        share = gap.weight / np.maximum(total[gap.pre], total[gap.post])
        self.gap_base = torch.from_numpy((gains.core * share).astype(np.float32))

        # CSR order over (synapses, gap junctions one way, the other way, what leaves through them).
        coupled, ends = np.unique(np.concatenate([gap.pre, gap.post]), return_inverse=True)
        num_gap = len(gap.pre)
        self.ends = torch.from_numpy(ends.astype(np.int64))
        self.num_coupled = len(coupled)
        rows = np.concatenate([syn.post, gap.pre, gap.post, coupled]).astype(np.int64)
        cols = np.concatenate([syn.pre, gap.post, gap.pre, coupled]).astype(np.int64)
        gap_value = len(syn.pre) + np.arange(num_gap)
        diagonal = len(syn.pre) + num_gap + np.arange(len(coupled))
        source = np.concatenate([np.arange(len(syn.pre)), gap_value, gap_value, diagonal])
        order = np.lexsort((cols, rows))
        self.source = torch.from_numpy(source[order])
        self.cols = cols[order]
        self.row_lengths = np.bincount(rows, minlength=n)
        self.dale = a.dale

    def values(self, synapses: Tensor, gaps: Tensor, out: Tensor) -> None:
        """Writes the CSR values, float32 [P, nnz], of P genomes into `out`."""
        if self.dale:
            weights = torch.exp(synapses).mul_(self.base * self.sign)
        else:
            weights = (synapses + self.sign).mul_(self.base)
        coupling = torch.exp(gaps).mul_(self.gap_base)
        leaving = torch.zeros(len(gaps), self.num_coupled)
        leaving.index_add_(1, self.ends, torch.cat([coupling, coupling], 1), alpha=-1)
        torch.index_select(torch.cat([weights, coupling, leaving], 1), 1, self.source, out=out)


@dataclass(frozen=True)
class _Adapter:
    """Linear maps of consecutive genomes that have as many input and output cells."""

    genomes: slice
    input_rows: Tensor  # [g * I] rows of the flat state
    output_rows: Tensor  # [g * O]
    input_weight: Tensor  # [g, I, S]
    output_weight: Tensor  # [g, A, O]
    output_bias: Tensor  # [g, A, 1]


class Phenotype:
    """A batch of G genomes as one runnable network.

    Genomes are ordered by lineage; lineage r holds `counts[r]` of them, all of one architecture.

    Args:
        blueprints: R blueprints, all for one task (same S and A) and one neuron model.
        counts: Genomes of each lineage.
    """

    def __init__(self, blueprints: Sequence[Blueprint], counts: Sequence[int]) -> None:
        self.blueprints, self.counts = list(blueprints), list(counts)
        self.num_genomes = sum(counts)
        self.num_sensors = blueprints[0].num_sensors
        self.num_actuators = blueprints[0].num_actuators
        self._neuron = neurons.get(blueprints[0].neuron)
        blocks = {id(b): _Block(b) for b in blueprints}
        self._blocks = [blocks[id(b)] for b in blueprints]
        sizes = [b.architecture.num_cells for b in blueprints]
        self.genome_sizes = np.repeat(sizes, counts)  # cells of each genome
        self.first_rows = np.concatenate([[0], np.cumsum(self.genome_sizes)])  # where its rows start
        self.matrix, self._values = self._assemble()
        self._bias = torch.zeros(int(self.first_rows[-1]), 1)
        self._adapters = self._make_adapters()
        self.monitor: Monitor | None = None  # set while the network is observed
        self.state = torch.zeros(0)
        self._current = torch.zeros(0)

    def _assemble(self) -> tuple[Tensor, list[Tensor]]:
        """Returns the block-diagonal CSR matrix and, per lineage, the view [P, nnz] of its values."""
        lengths, cols, first = [], [], 0
        for blueprint, block, count in zip(self.blueprints, self._blocks, self.counts, strict=True):
            n = blueprint.architecture.num_cells
            starts = first + n * np.arange(count)[:, None]
            cols.append((starts + block.cols).ravel())
            lengths.append(np.tile(block.row_lengths, count))
            first += n * count
        crow = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
        with warnings.catch_warnings():
            # PyTorch says once that CSR is in beta; the tests compare every product with a plain loop.
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support", category=UserWarning)
            matrix = torch.sparse_csr_tensor(
                torch.from_numpy(crow.astype(np.int32)),
                torch.from_numpy(np.concatenate(cols).astype(np.int32)),
                torch.zeros(int(crow[-1])),
                size=(first, first),
                check_invariants=False,  # a chemical and an electrical synapse may share a place: they add up
            )
        stored = matrix.values()
        sizes = [count * len(block.cols) for block, count in zip(self._blocks, self.counts, strict=True)]
        views = torch.split(stored, sizes)
        return matrix, [v.view(c, -1) for v, c in zip(views, self.counts, strict=True)]

    def _make_adapters(self) -> list[_Adapter]:
        """Returns one adapter for each run of lineages with equal numbers of ports."""
        made, start, r = [], 0, 0
        while r < len(self.blueprints):
            ports = _num_ports(self.blueprints[r])
            end, stop, inputs, outputs = start, r, [], []
            while stop < len(self.blueprints) and _num_ports(self.blueprints[stop]) == ports:
                architecture, count = self.blueprints[stop].architecture, self.counts[stop]
                rows = self.first_rows[end : end + count, None]
                inputs.append((rows + architecture.inputs).ravel())
                outputs.append((rows + architecture.outputs).ravel())
                end, stop = end + count, stop + 1
            made.append(
                _Adapter(
                    genomes=slice(start, end),
                    input_rows=torch.from_numpy(np.concatenate(inputs)),
                    output_rows=torch.from_numpy(np.concatenate(outputs)),
                    input_weight=torch.zeros(end - start, ports[0], self.num_sensors),
                    output_weight=torch.zeros(end - start, self.num_actuators, ports[1]),
                    output_bias=torch.zeros(end - start, self.num_actuators, 1),
                )
            )
            start, r = end, stop
        return made

    def load(self, parameters: Sequence[Tensor]) -> None:
        """Writes the genomes' parameters into the network.

        Args:
            parameters: Per lineage, float32 [counts[r], L_r].
        """
        first_row, genome, adapters = 0, 0, iter(self._adapters)
        adapter = next(adapters)
        for r, (blueprint, block) in enumerate(zip(self.blueprints, self._blocks, strict=True)):
            count, n = self.counts[r], blueprint.architecture.num_cells
            synapses, gaps, bias, w_in, w_out, b_out = torch.split(
                parameters[r], blueprint.layout.sizes, dim=1
            )
            block.values(synapses, gaps, out=self._values[r])
            self._bias[first_row : first_row + count * n, 0] = bias.reshape(-1)
            if genome >= adapter.genomes.stop:
                adapter = next(adapters)
            rows = slice(genome - adapter.genomes.start, genome - adapter.genomes.start + count)
            num_inputs, num_outputs = _num_ports(blueprint)
            w_in = w_in.reshape(count, num_inputs, self.num_sensors)
            w_out = w_out.reshape(count, self.num_actuators, num_outputs)
            adapter.input_weight[rows] = w_in * (blueprint.gains.input * self.num_sensors**-0.5)
            adapter.output_weight[rows] = w_out * (blueprint.gains.output * num_outputs**-0.5)
            adapter.output_bias[rows, :, 0] = b_out
            first_row, genome = first_row + count * n, genome + count

    def reset(self, num_episodes: int) -> None:
        """Sets the state to zero for B episodes or images of every genome."""
        shape = (int(self.first_rows[-1]), num_episodes)
        if self.state.shape != shape:
            self.state, self._current = torch.zeros(shape), torch.empty(shape)
        else:
            self.state.zero_()

    def step(self, observations: Tensor) -> Tensor:
        """Runs one network step.

        Args:
            observations: float32 [G, B, S].

        Returns:
            Outputs, float32 [G, B, A], unbounded.
        """
        self._advance(
            [_apply(a.input_weight, observations[a.genomes].transpose(1, 2)) for a in self._adapters]
        )
        return self._read()

    def settle(self, images: Tensor, which: Tensor, steps: int) -> Tensor:
        """Holds an input for some network steps, from the zero state.

        Args:
            images: float32 [U, B, S], distinct batches of B images.
            which: int64 [G], the batch that each genome sees.
            steps: Network steps, at least 1.

        Returns:
            Outputs after the last step, float32 [G, B, A].
        """
        self.reset(images.shape[1])
        drives = [_drive(a.input_weight, images, which[a.genomes]) for a in self._adapters]
        for _ in range(steps):
            self._advance(drives)
        return self._read()

    def _advance(self, drives: list[Tensor]) -> None:
        """Moves the state by one step under input currents, one tensor [g, I, B] an adapter."""
        if self.state.shape[1] == 1:  # a matrix-vector product is 1.7 times as fast as one with one column
            torch.addmv(self._bias[:, 0], self.matrix, self.state[:, 0], out=self._current[:, 0])
        else:
            torch.mm(self.matrix, self.state, out=self._current)
            self._current += self._bias
        if self.monitor is not None:
            self.monitor.record_currents(self._current - self._bias, drives)
        for adapter, drive in zip(self._adapters, drives, strict=True):
            self._current.index_add_(0, adapter.input_rows, drive.reshape(-1, drive.shape[-1]))
        self._neuron(self.state, self._current)

    def _read(self) -> Tensor:
        """Returns the outputs of the present state, float32 [G, B, A]."""
        read = []
        for a in self._adapters:
            activity = self.state[a.output_rows].view(len(a.output_bias), -1, self.state.shape[1])
            read.append(_apply(a.output_weight, activity).add_(a.output_bias))
        outputs = read[0] if len(read) == 1 else torch.cat(read)
        if self.monitor is not None:
            self.monitor.record_outputs(self.state, outputs)
        return outputs.transpose(1, 2)


def _num_ports(blueprint: Blueprint) -> tuple[int, int]:
    """Returns the numbers of input and output cells."""
    return len(blueprint.architecture.inputs), len(blueprint.architecture.outputs)


def _apply(weight: Tensor, values: Tensor) -> Tensor:
    """Returns `weight @ values` for [g, m, n] and [g, n, B]; one column is faster without a product."""
    if values.shape[2] == 1:
        return (weight * values.transpose(1, 2)).sum(2, keepdim=True)
    return weight @ values


def _drive(weight: Tensor, images: Tensor, which: Tensor) -> Tensor:
    """Returns input currents [g, I, B]: one dense product for each run of genomes that share images."""
    batches, runs = torch.unique_consecutive(which, return_counts=True)
    parts = torch.split(weight, runs.tolist())
    num_inputs = weight.shape[1]
    currents = [
        (part.reshape(-1, part.shape[2]) @ images[batch].T).view(len(part), num_inputs, -1)
        for part, batch in zip(parts, batches.tolist(), strict=True)
    ]
    return currents[0] if len(currents) == 1 else torch.cat(currents)
