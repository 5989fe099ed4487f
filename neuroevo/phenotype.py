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
| clock | amplitude `exp(theta)`, frequency `exp(theta) / 32` a step, phase lag `theta` rad an actuator |

`w0` is the synapse's share of all that its target receives (L1 norm per cell) times the gain of its kind;
`g0` is a gap junction's share of the larger of its two cells' totals times the core gain, and its current is
the diffusion `g (h_j - h_i)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from neuroevo import neurons
from neuroevo.architecture import CLOCK, Architecture, Layout
from neuroevo.blocks import ROW, TENSOR, Block, assemble, between_cells, propagate, whole

if TYPE_CHECKING:
    from neuroevo.operating_range import Monitor

PIECE = 1 << 17  # activities that a neuron model moves at once: 0.5 MB, which stays in a core's own cache
CLOCK_PERIOD = 32  # network steps, of a clock before evolution
WIDE = 16  # columns from which a small product is fast as it stands


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

        The wiring starts at its own strengths and at zero bias; adapters and clocks are drawn normal.
        """
        parameters = np.zeros((num_genomes, self.layout.length), np.float32)
        first, last = self.layout.parts["clock"].start, self.layout.length
        last -= self.num_actuators if self.layout.decoder else 0
        parameters[:, first:last] = rng.standard_normal((num_genomes, last - first), dtype=np.float32)
        return torch.from_numpy(parameters)


class _Outputs:
    """Where O output cells of each of g genomes lie in the flat state.

    Genomes of equal size with the same outputs, as most are, are read as one regular array, several times as
    fast as by a list of rows.

    Args:
        rows: int64 [g, O].
    """

    def __init__(self, rows: np.ndarray) -> None:
        self._shape = rows.shape
        self._first = int(rows[0].min())
        self._spacing = int(rows[-1, 0] - rows[0, 0]) // max(1, len(rows) - 1)
        offsets = rows[0] - self._first
        regular = self._first + self._spacing * np.arange(len(rows))[:, None] + offsets
        self._is_regular = np.array_equal(rows, regular)
        self._is_consecutive = np.array_equal(offsets, np.arange(len(offsets)))
        self._span = int(offsets.max()) + 1
        self._offsets, self._rows = torch.from_numpy(offsets), torch.from_numpy(rows.ravel())

    def read(self, state: Tensor) -> Tensor:
        """Returns activities [g, O, B] from the state [cells, B]; may be a view."""
        columns = state.shape[1]
        if not self._is_regular:
            return state.index_select(0, self._rows).view(*self._shape, columns)
        shape, strides = (self._shape[0], self._span, columns), (self._spacing * columns, columns, 1)
        array = state.as_strided(shape, strides, self._first * columns)
        return array if self._is_consecutive else array.index_select(1, self._offsets)


@dataclass(frozen=True)
class _Adapter:
    """Linear maps of consecutive genomes that have as many input and output cells."""

    genomes: slice
    num_inputs: int
    ports: slice  # of all ports, g * I
    outputs: _Outputs
    input_weight: Tensor  # [g, S, I], I filled up to a multiple of ROW
    output_weight: Tensor  # [g, O, A], A as well


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
        blocks = {id(b): Block(b) for b in blueprints}
        self._blocks = [blocks[id(b)] for b in blueprints]
        sizes = [b.architecture.num_cells for b in blueprints]
        self.genome_sizes = np.repeat(sizes, counts)  # cells of each genome
        self.first_rows = np.concatenate([[0], np.cumsum(self.genome_sizes)])  # where its rows start
        self._matrix, self._values = assemble(self._blocks, self.counts)
        self._bias = torch.zeros(int(self.first_rows[-1]), 1)
        self._spread_bias = self._bias  # the same for each of a few columns
        self._adapters = self._make_adapters()
        self._output_bias = torch.zeros(self.num_genomes, self.num_actuators, 1)
        clocks = [b.architecture.core == "clock" for b in blueprints]
        self._clocks = torch.from_numpy(np.flatnonzero(np.repeat(clocks, counts)))  # genomes
        self._clock = torch.zeros(self.num_genomes, CLOCK)
        self._time = 0  # network steps since the last reset
        self.monitor: Monitor | None = None  # set while the network is observed
        # Made by `reset`. The source is one tensor of the state and of what comes from outside.
        self._source = self._outside = torch.zeros(0, 0)  # [M, B], [ports, B]
        self.state = self._current = torch.zeros(0, 0)  # [cells, B]
        self._drives: list[Tensor] = []  # of each adapter, [g, I, B]: views of what comes from outside
        self._pieces: list[
            tuple[Tensor, Tensor]
        ] = []  # of state and current, with a few rows behind the cells

    @property
    def matrix(self) -> Tensor:
        """The weights between cells, CSR [cells, cells], a copy: one block a genome along the diagonal."""
        return between_cells(self._matrix)

    def _make_adapters(self) -> list[_Adapter]:
        """Returns one adapter for each run of lineages with equal numbers of ports."""
        made, start, r, port = [], 0, 0, 0
        while r < len(self.blueprints):
            ports = _num_ports(self.blueprints[r])
            end, stop, outputs = start, r, []
            while stop < len(self.blueprints) and _num_ports(self.blueprints[stop]) == ports:
                architecture, count = self.blueprints[stop].architecture, self.counts[stop]
                rows = self.first_rows[end : end + count, None]
                outputs.append(rows + architecture.outputs)
                end, stop = end + count, stop + 1
            made.append(
                _Adapter(
                    genomes=slice(start, end),
                    num_inputs=ports[0],
                    ports=slice(port, port + (end - start) * whole(ports[0], ROW)),
                    outputs=_Outputs(np.concatenate(outputs)),
                    input_weight=torch.zeros(end - start, self.num_sensors, whole(ports[0], ROW)),
                    output_weight=torch.zeros(end - start, ports[1], whole(self.num_actuators, ROW)),
                )
            )
            start, r, port = end, stop, made[-1].ports.stop
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
            synapses, gaps, bias, _, clock, w_in, decoder = torch.split(
                parameters[r], blueprint.layout.sizes, dim=1
            )
            w_out, b_out = decoder[:, : -self.num_actuators], decoder[:, -self.num_actuators :]
            if blueprint.architecture.core == "evolves":
                block.values(synapses, gaps, out=self._values[r])
                self._bias[first_row : first_row + count * n, 0] = bias.reshape(-1)
            else:
                block.values(*block.as_measured(count), out=self._values[r])
            self._clock[genome : genome + count] = clock if len(clock.T) else 0.0
            if genome >= adapter.genomes.stop:
                adapter = next(adapters)
            rows = slice(genome - adapter.genomes.start, genome - adapter.genomes.start + count)
            num_inputs, num_outputs = _num_ports(blueprint)
            if blueprint.architecture.core == "clock":
                first_row, genome = first_row + count * n, genome + count
                continue
            w_in = w_in.reshape(count, num_inputs, self.num_sensors).transpose(1, 2)
            w_out = w_out.reshape(count, self.num_actuators, num_outputs).transpose(1, 2)
            gains = blueprint.gains
            adapter.input_weight[rows, :, :num_inputs] = w_in * (gains.input * self.num_sensors**-0.5)
            adapter.output_weight[rows, :, : self.num_actuators] = w_out * (gains.output * num_outputs**-0.5)
            self._output_bias[genome : genome + count, :, 0] = b_out
            first_row, genome = first_row + count * n, genome + count
        self._spread_bias.copy_(self._bias)

    def reset(self, num_episodes: int) -> None:
        """Sets the state to zero for B episodes or images of every genome."""
        self._time = 0
        if self.state.shape == (len(self._bias), num_episodes):
            self.state.zero_()
            return
        num_cells, filled = len(self._bias), whole(len(self._bias), TENSOR)
        self._source = torch.zeros(self._matrix.shape[1], num_episodes)
        current = torch.zeros(filled, num_episodes)
        self.state, self._current = self._source[:num_cells], current[:num_cells]
        self._outside = self._source[filled:]
        shapes = [(len(a.input_weight), -1, num_episodes) for a in self._adapters]
        self._drives = [self._outside[a.ports].view(s) for a, s in zip(self._adapters, shapes, strict=True)]
        self._spread_bias = self._bias if num_episodes >= WIDE else self._bias.repeat(1, num_episodes)
        rows = whole(PIECE // num_episodes, TENSOR)
        self._pieces = list(zip(self._source[:filled].split(rows), current.split(rows), strict=True))

    def release(self) -> None:
        """Gives back the memory that the state takes, until the next `reset`."""
        self._source = self._outside = self.state = self._current = torch.zeros(0, 0)
        self._drives, self._pieces, self._spread_bias = [], [], self._bias

    def step(self, observations: Tensor) -> Tensor:
        """Runs one network step.

        Args:
            observations: float32 [G, B, S].

        Returns:
            Outputs, float32 [G, B, A], unbounded.
        """
        for a, drive in zip(self._adapters, self._drives, strict=True):
            _apply(a.input_weight, observations[a.genomes].transpose(1, 2), out=drive)
        self._advance()
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
        for a, drive in zip(self._adapters, self._drives, strict=True):
            _show(a.input_weight, images, which[a.genomes], out=drive)
        for _ in range(steps):
            self._advance()
        return self._read()

    def _advance(self) -> None:
        """Moves the state by one step under the present drives."""
        if self.monitor is not None:
            self._observe_currents(self.monitor)
        propagate(self._matrix, self._source, self._spread_bias, out=self._current)
        for state, current in self._pieces:
            self._neuron(state, current)
        self._time += 1

    def _observe_currents(self, monitor: Monitor) -> None:
        """Tells the monitor what cells receive from each other, and what from outside."""
        outside = self._outside.clone()
        self._outside.zero_()
        propagate(self._matrix, self._source, self._spread_bias, out=self._current)
        self._outside.copy_(outside)
        drives = [d[:, : a.num_inputs] for a, d in zip(self._adapters, self._drives, strict=True)]
        monitor.record_currents(self._current - self._bias, drives)

    def _read(self) -> Tensor:
        """Returns the outputs of the present state, float32 [G, B, A]."""
        read = torch.empty(self.num_genomes, whole(self.num_actuators, ROW), self.state.shape[1])
        for a in self._adapters:
            _apply(a.output_weight, a.outputs.read(self.state), out=read[a.genomes])
        outputs = read[:, : self.num_actuators].add_(self._output_bias)
        if len(self._clocks):
            outputs[self._clocks] = _wave(self._clock[self._clocks], self._time, self.num_actuators)
        if self.monitor is not None:
            self.monitor.record_outputs(self.state, outputs)
        return outputs.transpose(1, 2)


def _wave(parameters: Tensor, time: int, num_actuators: int) -> Tensor:
    """Returns the travelling sines [g, A, 1] of clocks [g, 3] at a network step."""
    amplitude, frequency, lag = parameters[:, :, None].unbind(1)  # [g, 1]
    turns = 2 * torch.pi * time * frequency.exp() / CLOCK_PERIOD
    return (amplitude.exp() * torch.sin(turns - lag * torch.arange(num_actuators)))[:, :, None]


def _num_ports(blueprint: Blueprint) -> tuple[int, int]:
    """Returns the numbers of input and output cells."""
    return len(blueprint.architecture.inputs), len(blueprint.architecture.outputs)


def _apply(weight: Tensor, values: Tensor, *, out: Tensor) -> None:
    """Writes the product [g, m, B] of the transpose of `weight`, [g, n, m], and `values`, [g, n, B].

    Small products are fast where the last axis of the result is long: for few columns that axis is m.
    """
    columns = values.shape[2]
    if columns >= min(weight.shape[2], WIDE):
        torch.bmm(weight.transpose(1, 2), values, out=out)
    elif columns == 1:
        torch.bmm(values.transpose(1, 2), weight, out=out.transpose(1, 2))  # of one column: the same memory
    else:
        out.copy_(torch.bmm(values.transpose(1, 2), weight).transpose(1, 2))


def _show(weight: Tensor, images: Tensor, which: Tensor, *, out: Tensor) -> None:
    """Writes input currents [g, I, B], one batched product for each run of genomes that share images."""
    batches, runs = torch.unique_consecutive(which, return_counts=True)
    parts, currents = (torch.split(x, runs.tolist()) for x in (weight, out))
    for batch, part, current in zip(batches.tolist(), parts, currents, strict=True):
        shown = images[batch].T.expand(len(part), -1, -1)
        torch.bmm(part.transpose(1, 2), shown, out=current)
