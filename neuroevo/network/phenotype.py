"""Architectures and parameters, decoded into one block-diagonal sparse network.

The genomes of a batch, with different wirings and sizes, are the diagonal blocks of one CSR matrix, so that a
network step is one sparse product with the flat state of all cells (`products` takes it). The index structure
is built once for a set of architectures; each generation writes new values only.

Decoding. Every parameter is of order one and zero-centred, so one search spread suits them all:

| part | value |
|---|---|
| synapse, Dale | `sign * w0 * exp(theta)` |
| synapse, free | `w0 * (sign + theta)` |
| gap junction | `g0 * exp(theta)`, the same both ways |
| bias | `theta` |
| constant of a neuron | see `neurons.Constant` |
| clock | amplitude `exp(theta)`, frequency `exp(theta) / 32` a step, phase lag `theta` rad an actuator |
| adapters | see `adapters` |

`w0` is the synapse's share of all that its target receives (L1 norm per cell) times the gain of its kind;
`g0` is a gap junction's share of the larger of its two cells' totals times the core gain, and its current is
the diffusion `g (h_j - h_i)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from neuroevo.network.adapter_maps import AdapterMap, CellPlaces, OutputCells
from neuroevo.network.alignment import MANY, ROW, Arena, Device, round_up
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.cells import Cells
from neuroevo.network.matrix import BlockMatrix, GenomeBlock, between_cells
from neuroevo.network.normalisation import Normaliser
from neuroevo.wiring.architecture import CLOCK

CLOCK_PERIOD = 32  # network steps, of a clock before evolution


class Phenotype:
    """A batch of G genomes as one runnable network.

    Genomes are ordered by lineage; lineage r holds `counts[r]` of them, all of one architecture.

    Args:
        blueprints: R blueprints, all for one task (same S and A), one neuron model and one kind of adapter.
        counts: Genomes of each lineage.
        device: Where its tensors are, and what it is given and gives: "cpu", or "cuda:0" and the like.
        arena: Memory of its state, on a CPU, which other networks use when it is not at work; None allocates
            memory of its own.

    Attributes:
        device: Where its tensors are.
        blueprints: The blueprint of each lineage.
        counts: Genomes of each lineage.
        num_genomes: G.
        num_sensors: S.
        num_actuators: A; 1 where a readout takes the decoder's place, of an output that is always zero.
        genome_sizes: Cells of each genome, int64 [G].
        first_rows: Where each genome's cells start, and where those of the last end, int64 [G + 1].
        cells: All cells.
        time: Network steps since the last reset.
        monitor: Who observes the network; None while nobody does.
        normaliser: What tasks that normalise observations do it with; None where they have their own.
        parameters: What `load` was given last.
        faults: Why a task failed genomes for what is not their doing, such as a reward that is not a number,
            a phrase by the number of the genome; `load` empties it.
    """

    def __init__(
        self,
        blueprints: Sequence[Blueprint],
        counts: Sequence[int],
        device: Device = "cpu",
        arena: Arena | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.blueprints = list(blueprints)
        self.counts = list(counts)
        self.num_genomes = sum(counts)
        self.num_sensors = blueprints[0].num_sensors
        self.num_actuators = blueprints[0].num_actuators if blueprints[0].adapter.decodes else 1
        self._neuron = blueprints[0].neuron
        sizes = [b.architecture.num_cells for b in blueprints]
        self.genome_sizes = np.repeat(sizes, counts)
        self.first_rows = np.concatenate([[0], np.cumsum(self.genome_sizes)])
        shared = {id(b): GenomeBlock(b, device) for b in blueprints}  # lineages may have one blueprint
        self._matrix = BlockMatrix([shared[id(b)] for b in blueprints], self.counts, device)
        self.cells = Cells(self._neuron, self._matrix, self.first_rows, arena)
        self._adapters = self._make_adapters()
        self._read_rows = np.concatenate([a.outputs.rows for a in self._adapters])
        clocks = [b.architecture.core == "clock" for b in blueprints]
        self._clocks = torch.from_numpy(np.flatnonzero(np.repeat(clocks, counts))).to(device)  # genomes
        self._clock = torch.zeros(self.num_genomes, CLOCK, device=device)
        self.time = 0
        self.monitor: Observer | None = None
        observed = [b.observed for b in blueprints if b.observed is not None]
        self.normaliser = Normaliser(observed, counts) if len(observed) == len(blueprints) else None
        self.parameters: Sequence[Tensor] = []
        self.faults: dict[int, str] = {}
        self._bound_adapters: list[_BoundAdapters] = []  # while there are few columns
        self._drives: list[
            Tensor
        ] = []  # of each batch of adapters, [g, I, B]: views of what comes from outside

    @property
    def matrix(self) -> Tensor:
        """The weights between cells, CSR [cells, cells], a copy: one block a genome along the diagonal."""
        return between_cells(self._matrix)

    @property
    def state(self) -> Tensor:
        """Activity of every cell, float32 [cells, B]: what outputs are read from."""
        return self.cells.activity

    def _make_adapters(self) -> list[_AdapterBatch]:
        """Returns the adapters of each run of lineages with equal numbers of ports and equal layers."""
        batches: list[_AdapterBatch] = []
        members = [
            (b, self.counts[r], self.first_rows[sum(self.counts[:r])]) for r, b in enumerate(self.blueprints)
        ]
        for widths, run in groupby(members, lambda member: _widths(member[0])):
            lineages = list(run)
            rows = [
                first + len_ * np.arange(count)[:, None] + b.architecture.outputs
                for b, count, first in lineages
                for len_ in (b.architecture.num_cells,)
            ]
            start, port = (batches[-1].genomes.stop, batches[-1].ports.stop) if batches else (0, 0)
            size = sum(count for _, count, _ in lineages)
            same = {(b.architecture.num_cells, b.architecture.outputs.tobytes()) for b, _, _ in lineages}
            b, _, first = lineages[0]
            num_inputs = widths[0][-1]
            batches.append(
                _AdapterBatch(
                    genomes=slice(start, start + size),
                    num_inputs=num_inputs,
                    ports=slice(port, port + size * round_up(num_inputs, ROW)),
                    outputs=OutputCells(np.concatenate(rows), self.device),
                    places=CellPlaces(int(first), b.architecture.num_cells, b.architecture.outputs)
                    if len(same) == 1
                    else None,
                    encoder=AdapterMap(size, widths[0], self.device, b.adapter.grid(b.ports)),
                    decoder=AdapterMap(size, widths[1], self.device),
                )
            )
        return batches

    def load(self, parameters: Sequence[Tensor]) -> None:
        """Writes the genomes' parameters into the network.

        Args:
            parameters: The parameters of each lineage, float32 [counts[r], L_r]. They stay as they are until
                the next call: weights are made of them where a product wants them.
        """
        self.faults = {}
        self.parameters = parameters
        genome, adapters = 0, iter(self._adapters)
        adapter = next(adapters)
        for r, blueprint in enumerate(self.blueprints):
            count, core = self.counts[r], blueprint.architecture.core
            synapses, gaps, bias, constants, clock, encoder, decoder = torch.split(
                parameters[r].to(self.device), blueprint.layout.sizes, dim=1
            )
            self._load_cells(r, synapses, gaps, bias, constants)
            self._clock[genome : genome + count] = clock if core == "clock" else 0.0
            if genome >= adapter.genomes.stop:
                adapter = next(adapters)
            if core != "clock":
                rows = slice(genome - adapter.genomes.start, genome - adapter.genomes.start + count)
                adapter.encoder.load(rows, blueprint.weights(0, encoder))
                adapter.decoder.load(rows, blueprint.weights(1, decoder))
            genome += count
        self.cells.refresh()

    def _load_cells(self, r: int, synapses: Tensor, gaps: Tensor, bias: Tensor, constants: Tensor) -> None:
        """Writes the parameters of a lineage's cells."""
        blueprint, lineage, count = self.blueprints[r], self._matrix.lineages[r], self.counts[r]
        rows, block = lineage.rows, lineage.block
        if bias.shape[1]:
            self.cells.bias[rows, 0] = bias.reshape(-1)
        if blueprint.architecture.core != "evolves":
            synapses, gaps = block.parameters_as_measured(count)
        lineage.take(synapses, gaps)
        if self._neuron.model.conductances:
            self.cells.set_constants("coupling", rows, block.coupling(gaps).reshape(-1))
        if constants.shape[1] or blueprint.table is not None:
            for name, values in blueprint.constants(constants).items():
                self.cells.set_constants(name, rows, values.expand(count, -1).reshape(-1))

    def reset(self, num_episodes: int) -> None:
        """Sets the cells to rest.

        Args:
            num_episodes: B, episodes or images of every genome.
        """
        self.time = 0
        is_new = self.state.shape != (self.first_rows[-1], num_episodes)
        self.cells.reset(num_episodes)
        if is_new:
            shapes = [(a.genomes.stop - a.genomes.start, -1, num_episodes) for a in self._adapters]
            outside = self.cells.outside
            self._drives = [outside[a.ports].view(s) for a, s in zip(self._adapters, shapes, strict=True)]
            for a in self._adapters:
                a.encoder.reset(num_episodes)
                a.decoder.reset(num_episodes)
            pairs = zip(self._adapters, self._drives, strict=True)
            are_few = self.device.type == "cpu" and num_episodes < MANY
            self._bound_adapters = [_BoundAdapters(a, drive, self.state) for a, drive in pairs if are_few]

    def release(self) -> None:
        """Gives back the memory that the state takes, until the next `reset`."""
        self.cells.release()
        self._drives = []
        self._bound_adapters = []
        for a in self._adapters:
            a.encoder.release()
            a.decoder.release()

    @property
    def has_copies(self) -> bool:
        """Whether copies of weights exist, made to be fast on few columns, until `release`."""
        return bool(self._bound_adapters) or self.cells.has_copies

    def has_blown_up(self) -> Tensor:
        """Returns which genomes hold a cell with a variable that is not a finite number, bool [G]."""
        if not self.cells.variables:  # none since the last release
            return torch.zeros(self.num_genomes, dtype=torch.bool, device=self.device)
        genomes = torch.from_numpy(np.repeat(np.arange(self.num_genomes), self.genome_sizes)).to(self.device)
        blown = torch.zeros(self.num_genomes, device=self.device)
        return blown.index_add_(0, genomes, (~self.cells.are_finite()).float()) > 0

    def step(self, observations: Tensor) -> Tensor:
        """Runs one network step.

        Args:
            observations: float32 [G, B, S].

        Returns:
            Outputs, float32 [G, B, A], unbounded.
        """
        if self.monitor is not None:
            self.monitor.record_sensed(observations)
        for bound in self._bound_adapters:
            bound.sense(observations)
        if not self._bound_adapters:
            for a, drive in zip(self._adapters, self._drives, strict=True):
                a.encoder.apply(observations[a.genomes].transpose(1, 2), out=drive)
        self._advance(1)
        return self._read()

    def show(self, images: Tensor, which: Tensor) -> None:
        """Sets the cells to rest and holds an input before them.

        Args:
            images: Distinct batches of B images, float32 [U, B, S].
            which: The batch that each genome sees, int64 [G].
        """
        self.reset(images.shape[1])
        for a, drive in zip(self._adapters, self._drives, strict=True):
            a.encoder.show(images, which[a.genomes], out=drive)

    def hold(self, steps: int) -> Tensor:
        """Moves all cells by some network steps under the input that they have, and returns the outputs.

        Args:
            steps: Network steps, at least 1.

        Returns:
            Outputs after the last step, float32 [G, B, A].
        """
        self._advance(steps)
        return self._read()

    def output_cells(self) -> list[tuple[slice, Tensor]]:
        """Returns the activities of output cells, [g, O, B], of each run of genomes with equally many.

        Returns:
            Which genomes they are, and the activities, which may be a view of the state.
        """
        return [(a.genomes, a.outputs.read(self.state)) for a in self._adapters]

    def settle(self, images: Tensor, which: Tensor, steps: int) -> Tensor:
        """Holds an input for some network steps, from rest.

        Outputs are as after as many calls of `step`; of other cells, `state` need not be.

        Args:
            images: Distinct batches of B images, float32 [U, B, S].
            which: The batch that each genome sees, int64 [G].
            steps: Network steps, at least 1.

        Returns:
            Outputs after the last step, float32 [G, B, A].
        """
        self.show(images, which)
        if self.monitor is None:
            self.cells.settle(steps * self._neuron.steps, self._read_rows)
            self.time += steps
        else:
            self.monitor.record_sensed(images[which])
            self._advance(steps)
        return self._read()

    def _advance(self, steps: int) -> None:
        """Moves the cells by some network steps under the present drives."""
        if self.monitor is None:
            self.cells.advance(steps * self._neuron.steps)
        else:
            drives = [d[:, : a.num_inputs] for a, d in zip(self._adapters, self._drives, strict=True)]
            for _ in range(steps):
                self.monitor.record_currents(self.cells.recurrent(), drives)
                self.cells.advance(self._neuron.steps)
        self.time += steps

    def _read(self) -> Tensor:
        """Returns the outputs of the present state, float32 [G, B, A]."""
        shape = self.num_genomes, round_up(self.num_actuators, ROW), self.state.shape[1]
        read = torch.empty(shape, device=self.device)
        for bound in self._bound_adapters:
            bound.read(self.state, out=read)
        if not self._bound_adapters:
            for a in self._adapters:
                a.decoder.apply(a.outputs.read(self.state), out=read[a.genomes])
        outputs = read[:, : self.num_actuators]
        if len(self._clocks):
            outputs[self._clocks] = _wave(self._clock[self._clocks], self.time, self.num_actuators)
        if self.monitor is not None:
            self.monitor.record_outputs(self.state, outputs)
        return outputs.transpose(1, 2)


def _wave(parameters: Tensor, time: int, num_actuators: int) -> Tensor:
    """Returns the travelling sines [g, A, 1] of clocks [g, 3] at a network step."""
    amplitude, frequency, lag = parameters[:, :, None].unbind(1)  # [g, 1]
    turns = 2 * torch.pi * time * frequency.exp() / CLOCK_PERIOD
    return (amplitude.exp() * torch.sin(turns - lag * torch.arange(num_actuators, device=turns.device)))[
        :, :, None
    ]


def _widths(blueprint: Blueprint) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Returns the widths of the layers of a blueprint's encoder and decoder."""
    ports = blueprint.ports
    encoder, decoder = blueprint.adapter.encoder(ports), blueprint.adapter.decoder(ports)
    return (
        tuple(encoder) or (ports.num_sensors, ports.num_inputs),
        tuple(decoder) or (ports.num_outputs, ports.num_actuators if blueprint.adapter.decodes else 1),
    )


@dataclass(frozen=True)
class _AdapterBatch:
    """The maps of consecutive genomes that have equally many input and output cells and equal layers."""

    genomes: slice
    num_inputs: int
    ports: slice  # of all ports, g * I
    outputs: OutputCells
    places: (
        CellPlaces | None
    )  # of the output cells, where all genomes have as many cells and the same outputs
    encoder: AdapterMap
    decoder: AdapterMap


class _BoundAdapters:
    """Adapters of consecutive genomes bound to tensors that stay where they are: fast for few columns.

    Args:
        adapters: The genomes' maps.
        drive: What their encoders write, float32 [g, I, B].
        state: Activity of all cells, float32 [cells, B].
    """

    def __init__(self, adapters: _AdapterBatch, drive: Tensor, state: Tensor) -> None:
        genomes, columns = len(drive), drive.shape[2]
        self._adapters = adapters
        self._sensed = torch.zeros(genomes, adapters.encoder.num_in, columns)
        self._cells = torch.zeros(genomes, adapters.decoder.num_in, columns)
        self._out = torch.zeros(genomes, adapters.decoder.width, columns)
        self._encode = adapters.encoder.bind(_rows(self._sensed), _rows(drive))
        source = _rows(self._cells) if adapters.places is None else state
        self._decode = adapters.decoder.bind(source, _rows(self._out), adapters.places)

    def sense(self, observations: Tensor) -> None:
        """Writes the drive under observations [G, B, S] of all genomes."""
        self._sensed.copy_(observations[self._adapters.genomes].transpose(1, 2))
        self._encode()

    def read(self, state: Tensor, *, out: Tensor) -> None:
        """Writes the genomes' part of outputs [G, A, B]."""
        if self._adapters.places is None:
            self._cells.copy_(self._adapters.outputs.read(state))
        self._decode()
        out[self._adapters.genomes] = self._out


def _rows(tensor: Tensor) -> Tensor:
    """Returns a view [g * n, B] of a tensor [g, n, B]."""
    return tensor.view(-1, tensor.shape[2])


class Observer(Protocol):
    """What watches a phenotype while it runs, as its `monitor`."""

    def record_sensed(self, observations: Tensor) -> None:
        """Takes, before anything else of a network step, what the network is given; `settle` gives it once.

        Args:
            observations: float32 [G, B, S].
        """

    def record_currents(self, recurrent: Tensor, drives: list[Tensor]) -> None:
        """Takes, before a network step, what cells receive.

        Args:
            recurrent: What they receive from each other, float32 [cells, B].
            drives: What input cells receive from outside, [g, I, B] of each batch of adapters.
        """

    def record_outputs(self, state: Tensor, outputs: Tensor) -> None:
        """Takes, after a network step, activities and outputs.

        Args:
            state: Activity of every cell, float32 [cells, B].
            outputs: float32 [G, A, B].
        """
