"""The cells of a batch of networks: their variables, their currents, and the steps that move them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neuroevo.network.alignment import FEW, LANES, TENSOR, Arena, whole
from neuroevo.network.matrix import Relatives, sparse
from neuroevo.network.neurons import Model, Neuron
from neuroevo.network.products import Lanes, Pattern, Product

PIECE = 1 << 17  # activities that move at once: 0.5 MB, which stays in a core's own cache


@dataclass(frozen=True, eq=False)
class _Some:
    """Cells of a piece that a step moves, where what others do no longer reaches what is read.

    Attributes:
        rows: In the piece, int64.
        products: They write these cells' currents.
    """

    rows: np.ndarray
    products: Sequence[Callable[[], None]]


@dataclass(frozen=True, eq=False)
class _Piece:
    """Some genomes' cells, which no others reach: they may take several steps before the others take one.

    Attributes:
        model: What moves them.
        products: They write the currents.
        first: The same while all cells are at a rest at which nothing passes between them.
        variables: By name, views [rows, B].
        currents: By name, views [rows, B].
        constants: By name, numbers or views [rows, 1].
        source: What they transmit, a view [rows, B].
        sent: What is on its way through their synapses, a ring of delay - 1 views [rows, B].
    """

    model: Model
    products: Sequence[Callable[[], None]]
    first: Sequence[Callable[[], None]]
    variables: dict[str, Tensor]
    currents: dict[str, Tensor]
    constants: dict[str, Any]
    source: Tensor
    sent: Sequence[Tensor]

    def advance(self, time: int, some: _Some | None = None) -> None:
        """Takes one membrane step, of some cells at least."""
        if some is not None and self.model.step_rows is not None:
            for product in some.products:
                product()
            self.model.step_rows(self.variables, self.currents, self.constants, some.rows)
            return
        if self.sent:  # each slot is read, and written again, once in delay - 1 steps
            slot = self.sent[time % len(self.sent)]
            self.source.copy_(slot)
            slot.copy_(self.variables[self.model.variables[0]])
        for product in self.products if time else self.first:
            product()
        self.model.step(self.variables, self.currents, self.constants)


class _Side:
    """Genomes of some lineages side by side, and the currents of one group that they receive.

    Args:
        runs: Lineages, and which genomes of each.
        group: Of rows of the matrix.
        first: The group's first row.
    """

    def __init__(self, runs: Sequence[tuple[Relatives, range]], group: int, first: int) -> None:
        self._runs, self._group, self._first = runs, group, first
        patterns = [
            Pattern(relatives.block.entries[group].row_lengths, relatives.block.columns(group))
            for relatives, _ in runs
        ]
        self._lanes = Lanes(patterns, [len(genomes) for _, genomes in runs])

    def load(self, bias: Tensor) -> None:
        """Takes the genomes' weights, and their biases from those of all rows, [rows, 1]."""
        for k, (relatives, genomes) in enumerate(self._runs):
            first, size = self._first + relatives.first_cell, relatives.block.num_cells
            rows = slice(first + genomes.start * size, first + genomes.stop * size)
            values = relatives.values[self._group][genomes.start : genomes.stop]
            self._lanes.load(k, values, bias[rows].view(len(genomes), size))

    def product(self, source: Tensor, filled: int, current: Tensor) -> Callable[[], None]:
        """Returns what writes the currents, of a source in which groups of cells lie `filled` rows apart."""
        parts, firsts = [], []
        for relatives, genomes in self._runs:
            block = relatives.block
            cell = relatives.first_cell + genomes.start * block.num_cells
            port = relatives.first_port + genomes.start * block.num_ports
            groups = [(k * filled + cell, block.num_cells) for k in range(block.num_column_groups)]
            parts.append([*groups, (port, block.num_ports)])
            firsts.append(self._first + cell)
        return self._lanes.product(source, parts, current, firsts)


class Cells:
    """All cells of a batch, of one neuron model.

    What the network's matrix is multiplied with is one tensor, the source: what cells transmit, what gap
    junctions couple if that is something else, and what comes from outside.

    Args:
        neuron: Model and options.
        matrix: CSR [rows, M], from `blocks.assemble`.
        first_rows: Where each genome's cells start, and where those of the last end, int64 [G + 1].
        relatives: What of the matrix belongs to each lineage.
        arena: Memory of the state, on a CPU; None: its own. Between two calls of `reset` it must be no one
            else's.

    Attributes:
        bias: float32 [rows, 1], zero but for the cells' biases in its first rows.
        constants: By name: a float, or float32 [cells, 1] where cells differ.
        outside: float32 [ports, B], what comes from outside.
        activity: float32 [cells, B], the variable that output cells are read by.
    """

    def __init__(
        self,
        neuron: Neuron,
        matrix: Tensor,
        first_rows: np.ndarray,
        relatives: Sequence[Relatives],
        arena: Arena | None = None,
    ) -> None:
        self._neuron, self._model, self._matrix = neuron, neuron.model, matrix
        self._arena = arena
        self._first_rows, self._num_cells, self._relatives = first_rows, int(first_rows[-1]), relatives
        self._filled = whole(self._num_cells, TENSOR)
        self.bias = torch.zeros(matrix.shape[0], 1, device=matrix.device)
        self.constants: dict[str, Any] = dict(neuron.base)
        if self._model.conductances:
            self.constants["coupling"] = 0.0
        self._ports: dict[tuple[int, int], Tensor] = {}  # what rows have from outside; kept: it takes time
        self.release()

    def release(self) -> None:
        """Gives back the memory that the state takes, until the next `reset`."""
        self._source = self._current = self.outside = self.activity = torch.zeros(0, 0)
        self.variables: dict[str, Tensor] = {}
        self._moving: list[Tensor] = []  # all that changes from step to step, but for currents
        self._transmitted: list[Tensor] = []  # what is on its way through synapses, a ring of delay - 1
        self._pieces: list[_Piece] = []
        self._plans: dict[int, list[list[_Some | None]]] = {}  # by steps: of each piece, what each moves
        self._sides: list[_Side] = []  # hold copies of weights
        self._time = 0

    def reset(self, num_columns: int) -> None:
        """Sets all cells to their rest, for B episodes or images."""
        if self.activity.shape != (self._num_cells, num_columns):
            self._allocate(num_columns)
        self._time = 0
        for tensor in self._moving:
            tensor.zero_()
        self._current[len(self.bias) :].zero_()  # no product writes these
        if self._model.start is not None:
            for piece in self._pieces:
                self._model.start(piece.variables, piece.constants)
        first = self.variables[self._model.variables[0]]
        for sent in self._transmitted:
            sent.copy_(first)

    def refresh(self) -> None:
        """Takes notice of new weights and biases; constants are read where they lie."""
        for side in self._sides:
            side.load(self.bias)

    def _allocate(self, num_columns: int) -> None:
        """Makes room for B columns."""
        filled, model = self._filled, self._model
        is_direct, is_apart = self._neuron.delay == 1, self._neuron.is_coupled_apart
        num_own = len(model.variables) - is_direct - is_apart + self._neuron.delay - 1
        rows = [self._matrix.shape[1], filled * len(model.row_groups), *[filled] * num_own]
        made = iter(self._room(rows, num_columns))
        self._source, self._current = next(made), next(made)
        places = {model.variables[0]: self._source[:filled]} if is_direct else {}
        if is_apart:
            places[model.coupled] = self._source[filled : 2 * filled]
        self.variables = {name: places[name] if name in places else next(made) for name in model.variables}
        self._transmitted = list(made)
        apart = [tensor for name, tensor in self.variables.items() if name not in places]
        self._moving = [self._source, *apart, *self._transmitted]
        self.outside = self._source[filled * (2 if is_apart else 1) :]
        self.activity = self.variables[model.read][: self._num_cells]
        self._sides = []
        ends, self._plans = self._cuts(num_columns), {}
        self._pieces = [self._make_piece(slice(*rows)) for rows in pairwise(ends)]

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
        """Returns the rows, 0 and the last among them, between which pieces lie."""
        if self.bias.device.type != "cpu":  # a device has no cache to stay in, and takes few large steps
            return [0, self._filled]
        cuts = [0]
        for row in self._first_rows[1:-1].tolist():  # a whole number of TENSORs: see there
            if (row - cuts[-1]) * num_columns >= PIECE and row * num_columns % TENSOR == 0:
                cuts.append(row)
        return [*cuts, self._filled]

    def _make_piece(self, rows: slice) -> _Piece:
        """Returns the cells in some rows."""
        groups = range(len(self._model.row_groups))
        places = [slice(k * self._filled + rows.start, k * self._filled + rows.stop) for k in groups]
        products = [product for k in groups for product in self._products(k, rows)]
        return _Piece(
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
        end = min(first + rows.stop, len(self.bias))  # the last group of rows is not filled up
        if self.bias.device.type != "cpu" or self._is_wide:
            return [self._product(slice(first + rows.start, end))]
        made: list[Callable[[], None]] = []
        runs: list[tuple[Relatives, range]] = []
        for relatives in self._relatives:
            size, at = relatives.block.num_cells, relatives.rows
            cells = range(max(rows.start, at.start), min(rows.stop, at.stop))
            if num_columns == 1 or relatives.count >= LANES:
                genomes = range((cells.start - at.start) // size, (cells.stop - at.start) // size)
                runs += [(relatives, genomes)] if genomes else []
            elif cells:
                made.append(self._product(slice(first + cells.start, first + cells.stop)))
        if runs:
            side = _Side(runs, group, first)
            side.load(self.bias)
            self._sides.append(side)
            made.append(side.product(self._source, self._filled, self._current))
        if first + self._num_cells < end and rows.stop > self._num_cells:  # rows that only fill up
            made.append(self._product(slice(first + self._num_cells, end)))
        return made

    def _first_products(self, rows: slice) -> list[Callable[[], None]]:
        """Returns what writes the currents of the cells in some rows while no cell is active."""
        end = min(rows.stop, len(self.bias))
        if (rows.start, end) not in self._ports:
            self._ports[rows.start, end] = self._from_ports(slice(rows.start, end))
        ports, wanted = self._ports[rows.start, end], slice(rows.start, end)
        return [Product(ports, self._source, self.bias[wanted], self._current[wanted])]

    def _from_ports(self, rows: slice) -> Tensor:
        """Returns what some rows of the matrix have of what comes from outside."""
        starts = self._matrix.crow_indices()[rows.start : rows.stop + 1].long()
        columns = self._matrix.col_indices()[int(starts[0]) : int(starts[-1])]
        is_port = columns >= self._filled * (2 if self._neuron.is_coupled_apart else 1)
        before = torch.cat([starts.new_zeros(1), is_port.cumsum(0)])
        found = columns[is_port]
        size = rows.stop - rows.start, self._matrix.shape[1]
        return sparse(before[starts - starts[0]], found, torch.ones(len(found)), size)

    def _product(self, rows: slice, only: np.ndarray | None = None) -> Product:
        """Returns the product of some rows of the matrix, or only of some of those, column by column."""
        return Product(self._matrix, self._source, self.bias, self._current[: len(self.bias)], rows, only)

    @property
    def has_copies(self) -> bool:
        """Whether it holds copies of weights, beside those of the matrix."""
        return bool(self._sides)

    @property
    def _is_wide(self) -> bool:
        """Whether the columns of a genome go together."""
        return self.bias.device.type == "cpu" and self._source.shape[1] >= FEW

    def set_constants(self, name: str, rows: slice, values: Tensor) -> None:
        """Writes a constant of some cells, float32 [rows]; from then on cells may differ in it."""
        if not isinstance(self.constants[name], Tensor):
            number, device = self.constants[name], self.bias.device
            self.constants[name] = torch.full((self._filled, 1), number, device=device)
            self._pieces, self.activity = [], torch.zeros(0, 0)  # they hold the number: made again at `reset`
        self.constants[name][rows, 0] = values

    def advance(self, steps: int) -> None:
        """Moves all cells by some membrane steps under what comes from outside."""
        for piece in self._pieces:
            for time in range(self._time, self._time + steps):
                piece.advance(time)
        self._time += steps

    def settle(self, steps: int, read: np.ndarray) -> None:
        """Moves cells from rest by some membrane steps; those that are read end where `advance` moves them.

        A cell is not moved where what it does can no longer reach one that is read.

        Args:
            steps: Membrane steps.
            read: Rows of the cells that are, always the same.
        """
        can_leave_out = self._model.step_rows is not None and self._neuron.delay == 1
        if not (can_leave_out and self._is_wide):
            self.advance(steps)
            return
        if steps not in self._plans:
            self._plans[steps] = [self._plan(piece, steps, read) for piece in self._pieces]
        for piece, plan in zip(self._pieces, self._plans[steps], strict=True):
            for time, some in enumerate(plan):
                piece.advance(time, some)
        self._time += steps

    def _plan(self, piece: _Piece, steps: int, read: np.ndarray) -> list[_Some | None]:
        """Returns what each of some steps moves, from rest; None: all cells."""
        first, size = piece.source.storage_offset() // self._source.shape[1], len(piece.source)
        where = slice(first, min(first + size, len(self.bias)))
        starts = self._matrix.crow_indices()[where.start : where.stop + 1].numpy()
        columns = self._matrix.col_indices()[starts[0] : starts[-1]].numpy() - first
        is_cell = (columns >= 0) & (columns < size)  # else it is a port: no cell of another piece is reached
        row = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        is_moved = np.zeros(size, bool)
        is_moved[read[(read >= first) & (read < first + size)] - first] = True
        plan: list[_Some | None] = []  # the last step first
        for step in reversed(range(steps)):
            rows, after = np.flatnonzero(is_moved), plan[-1] if plan else None
            if len(rows) == size:
                plan.append(None)
            elif step and after is not None and len(rows) == len(after.rows):
                plan.append(after)
            else:
                plan.append(_Some(rows, [self._product(where, rows)] if step else piece.first))
            is_moved[columns[is_cell & is_moved[row]]] = True
        return plan[::-1]

    def receive(self) -> Tensor:
        """Computes what cells receive now; returns the first group of currents, a view [cells, B]."""
        for piece in self._pieces:
            for product in piece.products:
                product()
        return self._current[: self._num_cells]

    def are_finite(self) -> Tensor:
        """Returns for each cell whether all its variables are finite numbers, bool [cells]."""
        # A sum is finite if all it adds up is, and a sum that is not has a number beyond use in it.
        sums = [tensor[: self._num_cells].sum(1) for tensor in self.variables.values()]
        return torch.isfinite(torch.stack(sums)).all(0)

    def recurrent(self) -> Tensor:
        """Returns what cells receive from each other in the next step, float32 [cells, B], without biases.

        Of conductances, the current that they pass at rest.
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
