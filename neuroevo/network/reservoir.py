"""Reservoirs: networks that go through given sequences, step by step, and answer to nobody on the way.

A body answers every step of its network; a sequence is known before. So networks of leaky rate neurons need
not return to Python between two steps: sixteen columns of one wiring, a genome in an episode each, go through
a piece of their sequences in a compiled loop. What a column does depends on its genome and its sequence
alone, not on the columns beside it, nor on how genomes are dealt to batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

import numpy as np
import torch
from torch import Tensor

from neuroevo.network.alignment import LANES
from neuroevo.network.blueprint import Blueprint
from neuroevo.network.matrix import GenomeBlock

STEPS_AT_ONCE = 256  # of a piece, whose states are kept until they are added up


@dataclass
class Population:
    """Genomes of some lineages that are to be evaluated: what a `Phenotype` is made of, before it is made.

    Attributes:
        blueprints: The blueprint of each lineage.
        parameters: The genomes of each lineage, float32 [counts[r], L_r].
        monitor: Nobody, who observes a network.
    """

    blueprints: Sequence[Blueprint]
    parameters: Sequence[Tensor]
    monitor: None = field(default=None, init=False)

    @property
    def counts(self) -> list[int]:
        """Genomes of each lineage."""
        return [len(genomes) for genomes in self.parameters]

    @property
    def num_genomes(self) -> int:
        """Genomes of all lineages."""
        return sum(self.counts)

    def runs(self) -> Iterator[tuple[Blueprint, Tensor]]:
        """Yields genomes of lineages that follow each other and have one blueprint, float32 [P, L]."""
        pairs = zip(self.blueprints, self.parameters, strict=True)
        for _, run in groupby(pairs, lambda pair: id(pair[0])):
            lineages = list(run)
            yield lineages[0][0], torch.cat([genomes for _, genomes in lineages])


def is_reservoir(blueprint: Blueprint) -> bool:
    """Says whether genomes of a blueprint can run as a reservoir: leaky neurons, which spread nothing late.

    Args:
        blueprint: The blueprint.
    """
    neuron = blueprint.neuron
    is_leaky = neuron.name == "leaky" and neuron.delay == 1
    return is_leaky and blueprint.architecture.core != "clock" and len(blueprint.layers[0]) == 1


@dataclass(frozen=True)
class _Structure:
    """Where the entries of a wiring's matrix are, as the compiled loops want it.

    Attributes:
        starts: Where the entries of each row begin, and the end of the last, int64 [N + 1].
        columns: Where in a tile each entry's column begins, int32 [E]; what fills up a row leads to zeros.
        places: Which of the E entries are those of the matrix, int64.
    """

    starts: np.ndarray
    columns: np.ndarray
    places: Tensor

    @classmethod
    def of(cls, block: GenomeBlock) -> _Structure:
        """Returns the structure of a genome's block."""
        from neuroevo.network.reservoir_kernels import ENTRIES

        pattern = block.row_groups[0].pattern
        lengths = pattern.row_lengths
        filled = -(-lengths // ENTRIES) * ENTRIES
        starts = np.concatenate([[0], np.cumsum(filled)])
        shift = starts[:-1] - (np.cumsum(lengths) - lengths)
        places = np.repeat(shift, lengths) + np.arange(lengths.sum())
        columns = np.full(starts[-1], (block.num_cells + block.num_ports) * LANES, np.int32)
        columns[places] = pattern.behind_one_another(block.widths) * LANES
        return cls(starts, columns, torch.from_numpy(places))


class Reservoir:
    """Genomes of one architecture with sequences of their own.

    Args:
        blueprint: The architecture, see `is_reservoir`.
        parameters: P genomes, float32 [P, L].
        inputs: Sequences of T steps, float32 [U, T, B, S].
        which: The sequences that each genome hears, int64 [P].

    Attributes:
        blueprint: The architecture.
        episodes: B.
        num_columns: P times B, genome by genome.
    """

    def __init__(self, blueprint: Blueprint, parameters: Tensor, inputs: Tensor, which: Tensor) -> None:
        block = GenomeBlock(blueprint)
        self.blueprint = blueprint
        self._size = block.num_cells
        self._num_ports = block.num_ports
        self._structure = _Structure.of(block)
        self._inputs = inputs
        self.episodes = inputs.shape[2]
        self.num_columns = len(parameters) * self.episodes
        self._genome = torch.arange(len(parameters)).repeat_interleave(self.episodes)  # of each column
        self._heard = which[self._genome]
        synapses, gaps, bias, constants, _, encoder, _ = torch.split(parameters, blueprint.layout.sizes, 1)
        self._weights = self._entries(block, synapses, gaps)
        self._bias = self._of_cells(bias) if bias.shape[1] else torch.zeros(1, self._size)
        self._leak = self._of_cells(blueprint.constants(constants)["leak"])
        self._encoder = blueprint.weights(0, encoder)[0][0].contiguous()  # [P, S, I]
        self._latest: dict[tuple[int, ...], Tensor] = {}  # weights side by side, by genomes

    def _entries(self, block: GenomeBlock, synapses: Tensor, gaps: Tensor) -> Tensor:
        """Returns the weights of the different wirings among the genomes, float32 [P or 1, entries]."""
        if self.blueprint.architecture.core != "evolves":
            synapses, gaps = block.parameters_as_measured(1)
        elif _are_equal(synapses) and _are_equal(gaps):  # as before evolution: weights are the same for all
            synapses, gaps = synapses[:1], gaps[:1]
        return block.values(synapses, gaps).index_select(1, block.row_groups[0].sources)

    def _of_cells(self, values: Tensor) -> Tensor:
        """Returns numbers of cells, float32 [P or 1, N]."""
        return values.float().expand(-1, self._size)

    def tile(self, columns: range) -> _Tile:
        """Returns some columns before their first step.

        Args:
            columns: Which, sixteen at most.
        """
        lanes = torch.arange(columns.start, columns.start + LANES).clamp(max=columns.stop - 1)
        genome = self._genome[lanes]
        encoder = torch.zeros(self._encoder.shape[1], self._num_ports, LANES)
        encoder[:, : self._encoder.shape[2]] = _picked(self._encoder, genome).permute(1, 2, 0)
        cells = [_picked(x, genome).T.contiguous() for x in (self._bias, self._leak)]
        heard, steps = (self._heard[lanes], lanes % self.episodes), self.blueprint.neuron.steps
        return _Tile(self._structure, self._filled(genome), cells, encoder, heard, len(columns), steps)

    def _filled(self, genome: Tensor) -> Tensor:
        """Returns the weights of sixteen genomes side by side, float32 [E, 16]; the last are kept."""
        key = () if len(self._weights) == 1 else tuple(genome.tolist())
        if key not in self._latest:
            filled = torch.zeros(len(self._structure.columns), LANES)
            filled[self._structure.places] = _picked(self._weights, genome).T
            self._latest = {key: filled}
        return self._latest[key]

    def states(self, tiles: Sequence[_Tile], steps: range, *, is_read: bool = True) -> Tensor:
        """Returns what columns do in the next steps at the cells that are read.

        Args:
            tiles: What `tile` returned, which have come to the first of these steps.
            steps: The steps.
            is_read: Whether cells are read; else there are none.

        Returns:
            float64 [columns, steps, F].
        """
        outputs = self.blueprint.architecture.outputs
        read = outputs if is_read else outputs[:0]
        return torch.cat([tile.respond(self._piece(tile, steps), read) for tile in tiles])

    def squares(self, steps: int) -> tuple[Tensor, Tensor]:
        """Returns the mean squares of what cells receive from each other, [N], and of what ports bring, [I].

        Args:
            steps: How many steps from rest are watched.
        """
        total = torch.zeros(self._size + self._num_ports, dtype=torch.float64)
        for first in range(0, self.num_columns, LANES):
            tile = self.tile(range(first, min(first + LANES, self.num_columns)))
            total += tile.watch(self._piece(tile, range(steps)), self.blueprint.architecture.inputs)
        mean = total / (steps * self.num_columns)
        return mean[: self._size], mean[self._size :][: self._encoder.shape[2]]

    def _piece(self, tile: _Tile, steps: range) -> np.ndarray:
        """Returns what a tile's columns hear in some steps, float32 [T, S, 16]."""
        which, episode = tile.heard
        piece = self._inputs[which, steps.start : steps.stop, episode]  # [16, T, S]
        return np.ascontiguousarray(piece.permute(1, 2, 0).numpy())


class _Tile:
    """Up to sixteen columns on their way.

    Args:
        structure: Of the wiring's matrix.
        weights: float32 [entries, 16].
        cells: Biases and leaks, float32 [N, 16] each.
        encoder: float32 [S, I, 16].
        heard: Of each column the sequences that it hears, and the episode of these.
        count: How many columns there are; the other lanes repeat the last.
        substeps: Membrane steps in a network step.

    Attributes:
        heard: The same.
        count: The same.
    """

    def __init__(
        self,
        structure: _Structure,
        weights: Tensor,
        cells: Sequence[Tensor],
        encoder: Tensor,
        heard: tuple[Tensor, Tensor],
        count: int,
        substeps: int,
    ) -> None:
        self.heard = heard
        self.count = count
        self._structure = structure.starts, structure.columns
        self._weights = _flat(weights)
        self._cells = _flat(cells[0]), _flat(cells[1])
        self._encoder = _flat(encoder)
        self._substeps = substeps
        size = cells[0].numel()
        self._state = _flat(torch.zeros(size + encoder[0].numel() + LANES))
        self._room = _flat(torch.zeros(size)), _flat(torch.zeros(size))

    def respond(self, heard: np.ndarray, read: np.ndarray) -> Tensor:
        """Returns what columns do that hear a piece [T, S, 16], float64 [columns, T, F]."""
        from neuroevo.network.reservoir_kernels import respond

        states = torch.empty(self.count, len(heard), len(read), dtype=torch.float64)
        network = self._structure, self._weights, self._cells, self._encoder, heard, self._substeps
        respond(*network, self._state, self._room, read.astype(np.int64), states.numpy())
        return states

    def watch(self, heard: np.ndarray, inputs: np.ndarray) -> Tensor:
        """Returns sums over columns that hear a piece of squared currents, of cells and then ports."""
        from neuroevo.network.reservoir_kernels import watch

        squares = np.zeros(len(self._state) - LANES)
        network = self._structure, self._weights, self._cells, self._encoder, heard, self._substeps
        watch(*network, self._state, self._room, inputs.astype(np.int64), squares)
        return torch.from_numpy(squares).view(-1, LANES)[:, : self.count].sum(1)


def states_of(
    reservoir: Reservoir, length: int, washout: int, times: int
) -> Iterator[tuple[slice, range, Tensor]]:
    """Yields what genomes do after the washout, in pieces, the latest states side by side.

    Args:
        reservoir: The reservoir.
        length: T, steps of a sequence.
        washout: Steps at the beginning that are passed over.
        times: How many states are side by side, the latest first; before the first step cells are at rest.

    Yields:
        Which genomes they are; which steps, counted from the end of the washout; and states, float64
        [genomes, B, steps, times * F]. Pieces of a genome come in order, and genomes one after the other.
    """
    episodes, outputs = reservoir.episodes, reservoir.blueprint.architecture.outputs
    size, unread = max(1, LANES // episodes) * episodes, max(0, washout - times + 1)
    starts = sorted({0, unread, *range(washout, length, STEPS_AT_ONCE)})
    for first in range(0, reservoir.num_columns, size):
        end = min(first + size, reservoir.num_columns)
        tiles = [reservoir.tile(range(k, min(k + LANES, end))) for k in range(first, end, LANES)]
        before = torch.zeros(end - first, times - 1, len(outputs), dtype=torch.float64)
        for start, stop in pairwise([*starts, length]):
            steps = range(start, stop)
            if start < unread:
                reservoir.states(tiles, steps, is_read=False)
                continue
            states = torch.cat([before, reservoir.states(tiles, steps)], 1)
            before = states[:, states.shape[1] - (times - 1) :]
            if start >= washout:
                latest = [states[:, k : k + len(steps)] for k in reversed(range(times))]
                after = range(start - washout, stop - washout)
                genomes = slice(first // episodes, end // episodes)
                yield genomes, after, torch.cat(latest, 2).unflatten(0, (-1, episodes))


def _are_equal(values: Tensor) -> bool:
    """Says whether all rows are equal."""
    return len(values) < 2 or bool((values == values[:1]).all())


def _picked(values: Tensor, genome: Tensor) -> Tensor:
    """Returns the rows of genomes, of all or of the one that stands for all."""
    return values.expand(len(genome), *values.shape[1:]) if len(values) == 1 else values[genome]


def _flat(tensor: Tensor) -> np.ndarray:
    """Returns the numbers of a tensor; torch's memory begins where a vector may."""
    flat: np.ndarray = tensor.contiguous().view(-1).numpy()
    return flat
