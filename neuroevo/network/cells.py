"""The cells of a batch of networks: their variables, their currents, and the steps that move them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from neuroevo.network.alignment import LANES, MANY, TENSOR, Arena
from neuroevo.network.matrix import BlockMatrix, LineageBlocks
from neuroevo.network.neurons import Constants, Model, Neuron
from neuroevo.network.products import DeviceProduct, GenomeProduct, LaneProduct, Run

_Member = tuple[LineageBlocks, range]  # a lineage, and which of its genomes
CHUNK = 1 << 17  # activities that move at once: 0.5 MB, which stays in a core's own cache


class Cells:
    """All cells of a batch, of one neuron model.

    What the network's matrix is multiplied with is one tensor, the source: what cells transmit, what gap
    junctions couple if that is something else, and what comes from outside.

    Args:
        neuron: Model and options.
        matrix: The batch's, [rows, M].
        first_rows: Where each genome's cells start, and where those of the last end, int64 [G + 1].
        arena: Memory of the state, on a CPU, which no other network may use while this one runs from a
            `reset`. None allocates memory of its own.

    Attributes:
        bias: float32 [rows, 1], zero but for the cells' biases in its first rows.
        constants: Constants of the neurons by name: a float, or float32 [cells, 1] where cells differ.
        outside: What comes from outside, float32 [ports, B].
        activity: The variable that output cells are read by, float32 [cells, B].
        variables: All variables of the cells by name, float32 [cells, B].
    """

    def __init__(
        self,
        neuron: Neuron,
        matrix: BlockMatrix,
        first_rows: np.ndarray,
        arena: Arena | None = None,
    ) -> None:
        self._neuron = neuron
        self._model = neuron.model
        self._matrix = matrix
        self._first_rows = first_rows
        self._num_cells = matrix.num_cells
        self._arena = arena
        self._filled = matrix.filled
        self.bias = torch.zeros(matrix.shape[0], 1, device=matrix.device)
        self.constants: Constants = dict(neuron.base)
        if self._model.conductances:
            self.constants["coupling"] = 0.0
        self.release()

    def release(self) -> None:
        """Gives back the memory that the state takes, until the next `reset`."""
        self._source = torch.zeros(0, 0)
        self._current = torch.zeros(0, 0)
        self.outside = torch.zeros(0, 0)
        self.activity = torch.zeros(0, 0)
        self.variables: dict[str, Tensor] = {}
        self._moving: list[Tensor] = []  # all that changes from step to step, but for currents
        self._transmitted: list[Tensor] = []  # what is on its way through synapses, a ring of delay - 1
        self._chunks: list[_Chunk] = []
        # By number of steps, and then for each chunk: what each step moves, None where it moves all cells.
        self._plans: dict[int, list[list[_PartialStep | None]]] = {}
        self._lane_currents: list[_LaneCurrents] = []  # hold copies of weights
        self._time = 0
        self._drop_values()

    def _drop_values(self) -> None:
        """Gives back the weights that products took; a device's matrix stays."""
        if self._matrix.csr is None:
            self._matrix.drop_values()

    def reset(self, num_columns: int) -> None:
        """Sets all cells to their rest.

        Args:
            num_columns: B, episodes or images of every genome.
        """
        if self.activity.shape != (self._num_cells, num_columns):
            self._allocate(num_columns)
        self._time = 0
        for tensor in self._moving:
            tensor.zero_()
        self._current[len(self.bias) :].zero_()  # no product writes these
        if self._model.start is not None:
            for chunk in self._chunks:
                self._model.start(chunk.variables, chunk.constants)
        first = self.variables[self._model.variables[0]]
        for sent in self._transmitted:
            sent.copy_(first)

    def refresh(self) -> None:
        """Takes notice of new biases, and of new weights of genomes in lanes; constants are read in place."""
        for lane_currents in self._lane_currents:
            lane_currents.load(self.bias)

    def _allocate(self, num_columns: int) -> None:
        """Makes room for B columns."""
        filled, model = self._filled, self._model
        is_direct, is_apart = self._neuron.delay == 1, self._neuron.is_coupled_apart
        num_own = len(model.variables) - is_direct - is_apart + self._neuron.delay - 1
        rows = [self._matrix.shape[1], filled * len(model.row_groups), *[filled] * num_own]
        tensors = iter(self._room(rows, num_columns))
        self._source = next(tensors)
        self._current = next(tensors)
        places = {model.variables[0]: self._source[:filled]} if is_direct else {}
        if is_apart:
            places[model.coupled] = self._source[filled : 2 * filled]
        self.variables = {name: places[name] if name in places else next(tensors) for name in model.variables}
        self._transmitted = list(tensors)
        apart = [tensor for name, tensor in self.variables.items() if name not in places]
        self._moving = [self._source, *apart, *self._transmitted]
        self.outside = self._source[filled * (2 if is_apart else 1) :]
        self.activity = self.variables[model.read][: self._num_cells]
        self._lane_currents = []
        self._plans = {}
        self._drop_values()
        self._chunks = [self._make_chunk(slice(*rows)) for rows in pairwise(self._cuts(num_columns))]

    def _room(self, rows: Sequence[int], num_columns: int) -> list[Tensor]:
        """Returns tensors [rows, B] that hold anything."""
        sizes = [number * num_columns for number in rows]
        flat = (
            self._arena.take(sizes)
            if self._arena
            else [torch.empty(size, device=self._matrix.device) for size in sizes]
        )
        return [tensor.view(number, num_columns) for tensor, number in zip(flat, rows, strict=True)]

    def _cuts(self, num_columns: int) -> list[int]:
        """Returns the rows, 0 and the last among them, between which chunks lie."""
        if self.bias.device.type != "cpu":  # a device has no cache to stay in, and takes few large steps
            return [0, self._filled]
        cuts = [0]
        for row in self._first_rows[1:-1].tolist():  # a whole number of TENSORs, see `alignment`
            if (row - cuts[-1]) * num_columns >= CHUNK and row * num_columns % TENSOR == 0:
                cuts.append(row)
        return [*cuts, self._filled]

    def _make_chunk(self, rows: slice) -> _Chunk:
        """Returns the cells in some rows."""
        groups = range(len(self._model.row_groups))
        places = [slice(k * self._filled + rows.start, k * self._filled + rows.stop) for k in groups]
        products = [product for k in groups for product in self._products(k, rows)]
        return _Chunk(
            self._model,
            products,
            self._first_products(rows) if self._is_wide and self._model.start is None else products,
            {name: tensor[rows] for name, tensor in self.variables.items()},
            {name: self._current[place] for name, place in zip(self._model.row_groups, places, strict=True)},
            {
                name: value[rows] if isinstance(value, Tensor) else value
                for name, value in self.constants.items()
            },
            self._source[rows],
            [sent[rows] for sent in self._transmitted],
        )

    def _products(self, group: int, rows: slice) -> list[Callable[[], None]]:
        """Returns what writes a group of currents of the cells in some rows."""
        num_columns, first = self._source.shape[1], group * self._filled
        if self._matrix.csr is not None:
            where = slice(first + rows.start, min(first + rows.stop, len(self.bias)))
            current = self._current[: len(self.bias)]
            return [DeviceProduct(self._matrix.csr, self._source, self.bias, current, where)]
        members = list(self._genomes(rows))
        side_by_side = [m for m in members if _go_in_lanes(m[0].count, num_columns)]
        one_by_one = [m for m in members if m not in side_by_side]
        products: list[Callable[[], None]] = []
        if one_by_one:
            products.append(self._genome_product(one_by_one, group))
        if side_by_side:
            lane_currents = _LaneCurrents(side_by_side, group, first, self._filled)
            lane_currents.load(self.bias)
            self._lane_currents.append(lane_currents)
            products.append(lane_currents.bind(self._source, self._current))
        return products + self._filling(first, rows)

    def _filling(self, first: int, rows: slice) -> list[Callable[[], None]]:
        """Returns what writes the rows of a group of currents that only fill it up."""
        end = min(first + rows.stop, len(self.bias))  # the last group is not filled up
        place = self._current[first + self._num_cells : end]
        return [partial(_clear, place)] if rows.stop > self._num_cells and len(place) else []

    def _genomes(self, rows: slice) -> Iterator[_Member]:
        """Yields which genomes of which lineages have their cells in some rows."""
        for lineage in self._matrix.lineages:
            size, at = lineage.block.num_cells, lineage.rows
            cells = range(max(rows.start, at.start), min(rows.stop, at.stop))
            if cells:
                yield lineage, range((cells.start - at.start) // size, (cells.stop - at.start) // size)

    def _genome_product(
        self, members: Sequence[_Member], group: int, rows: Sequence[np.ndarray] | None = None
    ) -> GenomeProduct:
        """Returns the product of some genomes, one by one, or only of some rows of those of each lineage."""
        if not members[0][0].values:
            self._matrix.keep_values()
        runs = [
            Run(
                lineage.block.row_groups[group].pattern,
                lineage.values[group],
                lineage.parts(0, self._filled),
                group * self._filled + lineage.first_cell,
                genomes,
                None if rows is None else rows[k],
            )
            for k, (lineage, genomes) in enumerate(members)
        ]
        return GenomeProduct(runs, self.bias, self._source, self._current)

    def _first_products(self, rows: slice) -> list[Callable[[], None]]:
        """Returns what writes the currents of the cells in some rows while no cell is active."""
        members = list(self._genomes(rows))
        ports = [lineage.block.ports_alone() for lineage, _ in members]
        ones = torch.ones(1, max(len(pattern.columns) for pattern in ports))
        runs = [
            Run(pattern, ones, lineage.parts(0, self._filled), lineage.first_cell, genomes)
            for pattern, (lineage, genomes) in zip(ports, members, strict=True)
        ]
        return [GenomeProduct(runs, self.bias, self._source, self._current), *self._filling(0, rows)]

    @property
    def has_copies(self) -> bool:
        """Whether copies of weights exist beside those of the matrix."""
        return bool(self._lane_currents)

    @property
    def _is_wide(self) -> bool:
        """Whether the columns of a genome go together."""
        return self.bias.device.type == "cpu" and self._source.shape[1] >= MANY

    def set_constants(self, name: str, rows: slice, values: Tensor) -> None:
        """Writes a constant of some cells; from then on cells may differ in it.

        Args:
            name: The constant's name.
            rows: The cells.
            values: float32 [rows].
        """
        constant = self.constants[name]
        if not isinstance(constant, Tensor):
            constant = torch.full((self._filled, 1), constant, device=self.bias.device)
            self.constants[name] = constant
            self._chunks = []  # they hold the number; `reset` makes them again
            self.activity = torch.zeros(0, 0)
        constant[rows, 0] = values

    def advance(self, steps: int) -> None:
        """Moves all cells by some membrane steps under what comes from outside.

        Args:
            steps: Membrane steps.
        """
        for chunk in self._chunks:
            for time in range(self._time, self._time + steps):
                chunk.advance(time)
        self._time += steps

    def settle(self, steps: int, read: np.ndarray) -> None:
        """Moves cells from rest by some membrane steps; those that are read end where `advance` moves them.

        A cell is not moved where what it does can no longer reach one that is read.

        Args:
            steps: Membrane steps.
            read: Rows of the cells that are read, int64, the same in every call.
        """
        can_leave_out = self._model.step_rows is not None and self._neuron.delay == 1
        if not (can_leave_out and self._is_wide):
            self.advance(steps)
            return
        if steps not in self._plans:
            self._plans[steps] = [self._plan(chunk, steps, read) for chunk in self._chunks]
        for chunk, plan in zip(self._chunks, self._plans[steps], strict=True):
            for time, partial_step in enumerate(plan):
                chunk.advance(time, partial_step)
        self._time += steps

    def _plan(self, chunk: _Chunk, steps: int, read: np.ndarray) -> list[_PartialStep | None]:
        """Returns what each of some steps from rest moves, None where it moves all cells."""
        first, size = chunk.source.storage_offset() // self._source.shape[1], len(chunk.source)
        members = list(self._genomes(slice(first, first + size)))
        begins = [lineage.first_cell + g.start * lineage.block.num_cells for lineage, g in members]
        moved = []  # of each lineage whether the last step moves a genome's cells
        for (lineage, _), begin in zip(members, begins, strict=True):
            cells = np.arange(begin, begin + lineage.block.num_cells)
            moved.append(np.isin(cells, read))
        plan: list[_PartialStep | None] = []  # the last step first
        for step in reversed(range(steps)):
            rows = [np.flatnonzero(is_moved) for is_moved in moved]
            after = plan[-1] if plan else None
            places = [
                (begin - first + len(is_moved) * np.arange(len(genomes))[:, None] + local).ravel()
                for (_, genomes), begin, is_moved, local in zip(members, begins, moved, rows, strict=True)
            ]
            number = sum(map(len, places))
            if number == min(size, self._num_cells - first):
                plan.append(None)
            elif step and after is not None and number == len(after.rows):
                plan.append(after)
            else:
                products = [self._genome_product(members, 0, rows)] if step else chunk.first
                plan.append(_PartialStep(np.concatenate(places), products))
            for (lineage, _), is_moved in zip(members, moved, strict=True):
                is_moved[lineage.block.senders_to(is_moved)] = True
        return plan[::-1]

    def receive(self) -> Tensor:
        """Returns the first group of currents, a view [cells, B], after computing all of the present ones."""
        for chunk in self._chunks:
            for product in chunk.products:
                product()
        return self._current[: self._num_cells]

    def are_finite(self) -> Tensor:
        """Returns for each cell whether all its variables are finite numbers, bool [cells]."""
        # A sum is finite if all it adds up is, and a sum that is not has a number beyond use in it.
        sums = [tensor[: self._num_cells].sum(1) for tensor in self.variables.values()]
        return torch.isfinite(torch.stack(sums)).all(0)

    def recurrent(self) -> Tensor:
        """Returns what cells receive from each other in the next step, float32 [cells, B], without biases.

        Where synapses open conductances, that includes the current that these pass at rest.
        """
        outside, n, filled = self.outside.clone(), self._num_cells, self._filled
        self.outside.zero_()
        total = self.receive() - self.bias[:n]
        self.outside.copy_(outside)
        if self._model.conductances:
            for k, name in ((1, "excitatory"), (2, "inhibitory")):
                reversal = self.constants[name]
                reversal = reversal[:n] if isinstance(reversal, Tensor) else reversal
                total += self._current[k * filled : k * filled + n] * reversal
        return total


@dataclass(frozen=True, eq=False)
class _Chunk:
    """Some genomes' cells, which no others reach: they may take several steps before the others take one.

    Attributes:
        model: The neuron model that moves the cells.
        products: They write the currents.
        first: They do the same while all cells are at a rest at which nothing passes between them.
        variables: Views [rows, B] by name.
        currents: Views [rows, B] by name.
        constants: Numbers, or views [rows, 1], by name.
        source: What the cells transmit, a view [rows, B].
        sent: What is on its way through their synapses, a ring of delay - 1 views [rows, B].
    """

    model: Model
    products: Sequence[Callable[[], None]]
    first: Sequence[Callable[[], None]]
    variables: dict[str, Tensor]
    currents: dict[str, Tensor]
    constants: Constants
    source: Tensor
    sent: Sequence[Tensor]

    def advance(self, time: int, partial_step: _PartialStep | None = None) -> None:
        """Takes one membrane step, of some cells at least, or of all where no partial step is given."""
        if partial_step is not None and self.model.step_rows is not None:
            for product in partial_step.products:
                product()
            self.model.step_rows(self.variables, self.currents, self.constants, partial_step.rows)
            return
        if self.sent:  # each slot is read, and written again, once in delay - 1 steps
            slot = self.sent[time % len(self.sent)]
            self.source.copy_(slot)
            slot.copy_(self.variables[self.model.variables[0]])
        for product in self.products if time else self.first:
            product()
        self.model.step(self.variables, self.currents, self.constants)


@dataclass(frozen=True, eq=False)
class _PartialStep:
    """A step that moves only some cells of a chunk, since what others do no longer reaches what is read.

    Attributes:
        rows: The cells, counted from the chunk's first, int64.
        products: They write these cells' currents.
    """

    rows: np.ndarray
    products: Sequence[Callable[[], None]]


class _LaneCurrents:
    """One group of currents of the genomes of some lineages, side by side in lanes.

    Args:
        runs: Lineages, and which genomes of each.
        group: Number of the group of rows.
        first: The group's first row.
        filled: Rows of the source from one group of cells to the next.
    """

    def __init__(self, runs: Sequence[_Member], group: int, first: int, filled: int) -> None:
        self._runs = runs
        self._first = first
        self._filled = filled
        row_groups = [lineage.block.row_groups[group] for lineage, _ in runs]
        self._product = LaneProduct(
            [entries.pattern for entries in row_groups],
            [lineage.block.widths for lineage, _ in runs],
            [len(genomes) for _, genomes in runs],
            [entries.sources for entries in row_groups],
        )

    def load(self, bias: Tensor) -> None:
        """Copies the genomes' weights, and their biases from those of all rows, [rows, 1]."""
        for k, (lineage, genomes) in enumerate(self._runs):
            size = lineage.block.num_cells
            first = self._first + lineage.first_cell + genomes.start * size
            biases = bias[first : first + len(genomes) * size].view(len(genomes), size)
            for part, values in lineage.decoded(genomes):
                mine = slice(part.start - genomes.start, part.stop - genomes.start)
                self._product.load(k, values, biases[mine], mine)

    def bind(self, source: Tensor, current: Tensor) -> Callable[[], None]:
        """Returns what writes the currents."""
        parts = [lineage.parts(genomes.start, self._filled) for lineage, genomes in self._runs]
        firsts = [
            self._first + lineage.first_cell + genomes.start * lineage.block.num_cells
            for lineage, genomes in self._runs
        ]
        return self._product.bind(source, parts, current, firsts)


def _clear(rows: Tensor) -> None:
    """Writes zeros."""
    rows.zero_()


def _go_in_lanes(num_genomes: int, num_columns: int) -> bool:
    """Returns whether genomes side by side make fuller vectors than the columns of one alone do."""
    return (
        num_columns < MANY and min(num_genomes, LANES) * (num_columns // 4 + num_columns % 4) >= num_columns
    )
