"""The cells of a batch of networks: their variables, their currents, and the steps that move them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neuroevo.blocks import TENSOR, whole
from neuroevo.neurons import Model, Neuron
from neuroevo.products import WIDE, Product

PIECE = 1 << 17  # activities that move at once: 0.5 MB, which stays in a core's own cache


@dataclass(frozen=True, eq=False)
class _Piece:
    """Some genomes' cells, which no others reach: they may take several steps before the others take one.

    Attributes:
        model: What moves them.
        products: One for each group of rows.
        variables: By name, views [rows, B].
        currents: By name, views [rows, B].
        constants: By name, numbers or views [rows, 1].
        source: What they transmit, a view [rows, B].
        sent: What is on its way through their synapses, a ring of delay - 1 views [rows, B].
    """

    model: Model
    products: Sequence[Product]
    variables: dict[str, Tensor]
    currents: dict[str, Tensor]
    constants: dict[str, Any]
    source: Tensor
    sent: Sequence[Tensor]

    def advance(self, time: int) -> None:
        """Takes one membrane step."""
        if self.sent:  # each slot is read, and written again, once in delay - 1 steps
            slot = self.sent[time % len(self.sent)]
            self.source.copy_(slot)
            slot.copy_(self.variables[self.model.variables[0]])
        for product in self.products:
            product()
        self.model.step(self.variables, self.currents, self.constants)


class Cells:
    """All cells of a batch, of one neuron model.

    What the network's matrix is multiplied with is one tensor, the source: what cells transmit, what gap
    junctions couple if that is something else, and what comes from outside.

    Args:
        neuron: Model and options.
        matrix: CSR [rows, M], from `blocks.assemble`.
        first_rows: Where each genome's cells start, and where those of the last end, int64 [G + 1].

    Attributes:
        bias: float32 [rows, 1], zero but for the cells' biases in its first rows.
        constants: By name: a float, or float32 [cells, 1] where cells differ.
        outside: float32 [ports, B], what comes from outside.
        activity: float32 [cells, B], the variable that output cells are read by.
    """

    def __init__(self, neuron: Neuron, matrix: Tensor, first_rows: np.ndarray) -> None:
        self._neuron, self._model, self._matrix = neuron, neuron.model, matrix
        self._first_rows, self._num_cells = first_rows, int(first_rows[-1])
        self._filled = whole(self._num_cells, TENSOR)
        self.bias = torch.zeros(matrix.shape[0], 1, device=matrix.device)
        self._spread_bias = self.bias  # the same for each of a few columns
        self.constants: dict[str, Any] = dict(neuron.base)
        if self._model.conductances:
            self.constants["coupling"] = 0.0
        self.release()

    def release(self) -> None:
        """Gives back the memory that the state takes, until the next `reset`."""
        self._source = self._current = self.outside = self.activity = torch.zeros(0, 0)
        self.variables: dict[str, Tensor] = {}
        self._transmitted: list[Tensor] = []  # what is on its way through synapses, a ring of delay - 1
        self._pieces: list[_Piece] = []
        self._spread_bias = self.bias
        self._time = 0

    def reset(self, num_columns: int) -> None:
        """Sets all cells to their rest, for B episodes or images."""
        if self.activity.shape != (self._num_cells, num_columns):
            self._allocate(num_columns)
        self._time = 0
        self._source.zero_()
        for tensor in (*self.variables.values(), *self._transmitted):
            tensor.zero_()
        for piece in self._pieces:
            self._model.start(piece.variables, piece.constants)
        first = self.variables[self._model.variables[0]]
        for sent in self._transmitted:
            sent.copy_(first)

    def refresh(self) -> None:
        """Takes notice of new biases; constants are read where they lie."""
        self._spread_bias.copy_(self.bias)

    def _allocate(self, num_columns: int) -> None:
        """Makes room for B columns."""
        filled, model = self._filled, self._model
        zeros = partial(torch.zeros, device=self._matrix.device)
        self._source = zeros(self._matrix.shape[1], num_columns)
        groups = len(model.row_groups)
        self._current = zeros(filled * groups, num_columns)
        places = {model.variables[0]: self._source[:filled]} if self._neuron.delay == 1 else {}
        if self._neuron.is_coupled_apart:
            places[model.coupled] = self._source[filled : 2 * filled]
        self.variables = {
            name: places[name] if name in places else zeros(filled, num_columns) for name in model.variables
        }
        self._transmitted = [zeros(filled, num_columns) for _ in range(self._neuron.delay - 1)]
        self.outside = self._source[filled * (2 if self._neuron.is_coupled_apart else 1) :]
        self.activity = self.variables[model.read][: self._num_cells]
        self._spread_bias = self.bias if num_columns >= WIDE else self.bias.repeat(1, num_columns)
        ends = self._cuts(num_columns)
        self._pieces = [self._make_piece(slice(*rows)) for rows in pairwise(ends)]

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
        end = len(self.bias)  # the last group of rows is not filled up
        parts = [slice(place.start, min(place.stop, end)) for place in places]
        out = self._current[:end]
        return _Piece(
            self._model,
            [Product(self._matrix, self._source, self._spread_bias, out, part) for part in parts],
            {name: tensor[rows] for name, tensor in self.variables.items()},
            {name: self._current[place] for name, place in zip(self._model.row_groups, places, strict=True)},
            {
                name: value[rows] if isinstance(value, Tensor) else value
                for name, value in self.constants.items()
            },
            self._source[rows],
            [sent[rows] for sent in self._transmitted],
        )

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
        for piece in self._pieces:
            for product in piece.products:
                product()
        self.outside.copy_(outside)
        total = self._current[:n] - self.bias[:n]
        if self._model.conductances:
            for k, name in ((1, "excitatory"), (2, "inhibitory")):
                reversal = self.constants[name]
                reversal = reversal[:n] if isinstance(reversal, Tensor) else reversal
                total += self._current[k * filled : k * filled + n] * reversal
        return total
