"""The cells of a batch of networks: their variables, their currents, and the steps that move them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from neuroevo.blocks import TENSOR, propagate, whole
from neuroevo.neurons import Neuron

PIECE = 1 << 17  # activities that a neuron model moves at once: 0.5 MB, which stays in a core's own cache
WIDE = 16  # columns from which a bias is added by itself


class Cells:
    """All cells of a batch, of one neuron model.

    What the network's matrix is multiplied with is one tensor, the source: what cells transmit, what gap
    junctions couple if that is something else, and what comes from outside.

    Args:
        neuron: Model and options.
        matrix: CSR [rows, M], from `blocks.assemble`.
        num_cells: Cells of the whole batch.

    Attributes:
        bias: float32 [rows, 1], zero but for the cells' biases in its first rows.
        constants: By name: a float, or float32 [cells, 1] where cells differ.
        outside: float32 [ports, B], what comes from outside.
        activity: float32 [cells, B], the variable that output cells are read by.
    """

    def __init__(self, neuron: Neuron, matrix: Tensor, num_cells: int) -> None:
        self._neuron, self._model, self._matrix, self._num_cells = neuron, neuron.model, matrix, num_cells
        self._filled = whole(num_cells, TENSOR)
        self.bias = torch.zeros(matrix.shape[0], 1)
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
        self._pieces: list[tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Any]]] = []
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
        for variables, _, constants in self._pieces:
            self._model.start(variables, constants)
        first = self.variables[self._model.variables[0]]
        for sent in self._transmitted:
            sent.copy_(first)

    def refresh(self) -> None:
        """Takes notice of new biases; constants are read where they lie."""
        self._spread_bias.copy_(self.bias)

    def _allocate(self, num_columns: int) -> None:
        """Makes room for B columns."""
        filled, model = self._filled, self._model
        self._source = torch.zeros(self._matrix.shape[1], num_columns)
        groups = len(model.row_groups)
        self._current = torch.zeros(filled * groups, num_columns)
        places = {model.variables[0]: self._source[:filled]} if self._neuron.delay == 1 else {}
        if self._neuron.is_coupled_apart:
            places[model.coupled] = self._source[filled : 2 * filled]
        self.variables = {
            name: places[name] if name in places else torch.zeros(filled, num_columns)
            for name in model.variables
        }
        self._transmitted = [torch.zeros(filled, num_columns) for _ in range(self._neuron.delay - 1)]
        self.outside = self._source[filled * (2 if self._neuron.is_coupled_apart else 1) :]
        self.activity = self.variables[model.read][: self._num_cells]
        self._spread_bias = self.bias if num_columns >= WIDE else self.bias.repeat(1, num_columns)
        self._pieces = self._make_pieces(whole(PIECE // num_columns, TENSOR))

    def _make_pieces(self, rows: int) -> list[tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Any]]]:
        """Returns variables, currents and constants of some cells at a time."""
        made = []
        currents = dict(zip(self._model.row_groups, self._current.split(self._filled), strict=True))
        for start in range(0, self._filled, rows):
            part = slice(start, start + rows)
            constants = {
                name: value[part] if isinstance(value, Tensor) else value
                for name, value in self.constants.items()
            }
            variables = {name: tensor[part] for name, tensor in self.variables.items()}
            made.append((variables, {name: tensor[part] for name, tensor in currents.items()}, constants))
        return made

    def set_constants(self, name: str, rows: slice, values: Tensor) -> None:
        """Writes a constant of some cells, float32 [rows]; from then on cells may differ in it."""
        if not isinstance(self.constants[name], Tensor):
            self.constants[name] = torch.full((self._filled, 1), self.constants[name])
            self._pieces, self.activity = [], torch.zeros(0, 0)  # they hold the number: made again at `reset`
        self.constants[name][rows, 0] = values

    def advance(self) -> None:
        """Moves all cells by one membrane step under what comes from outside."""
        first = self.variables[self._model.variables[0]]
        if self._transmitted:  # each slot is read, and written again, once in delay - 1 steps
            slot = self._transmitted[self._time % len(self._transmitted)]
            self._source[: self._filled].copy_(slot)
            slot.copy_(first)
        self._propagate()
        for variables, currents, constants in self._pieces:
            self._model.step(variables, currents, constants)
        self._time += 1

    def _propagate(self) -> None:
        """Writes the current of every cell."""
        propagate(self._matrix, self._source, self._spread_bias, out=self._current[: len(self.bias)])

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
        self._propagate()
        self.outside.copy_(outside)
        total = self._current[:n] - self.bias[:n]
        if self._model.conductances:
            for k, name in ((1, "excitatory"), (2, "inhibitory")):
                reversal = self.constants[name]
                reversal = reversal[:n] if isinstance(reversal, Tensor) else reversal
                total += self._current[k * filled : k * filled + n] * reversal
        return total
